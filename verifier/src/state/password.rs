//! Passwords of people, and what they open (PE-15, PE-16).

use alloc::format;

use super::{
    PasswordRow, Row, RowName, Rows, StateError, apply::broken, directory::Moment, people,
};
use crate::{
    digest::Digest,
    event::{PasswordEnded, PasswordSet},
    id::Id,
};

/// PE-15: of a person of the log. That it is the person who signed is judged before.
pub(super) fn set<R: Rows>(
    rows: &mut R,
    body: &PasswordSet,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    people::of_the_log(rows, &body.user)?;
    put(rows, &body.user, Some(body.secret), moment);
    Ok(())
}

/// PE-15: one that is set.
pub(super) fn ended<R: Rows>(
    rows: &mut R,
    body: &PasswordEnded,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    check_set(rows, &body.user)?;
    put(rows, &body.user, None, moment);
    Ok(())
}

/// PE-16: nobody signs in with a password that is not set.
pub(super) fn check_set<R: Rows>(rows: &mut R, user: &Id) -> Result<(), StateError<R::Error>> {
    let name = RowName::Password(user.clone());
    match rows.row(&name).map_err(StateError::Rows)? {
        Some(Row::Password(row)) if row.secret.is_some() => Ok(()),
        _ => broken("no-password", format!("`{user}` has set no password")),
    }
}

fn put<R: Rows>(rows: &mut R, user: &Id, secret: Option<Digest>, moment: &Moment) {
    let row = PasswordRow {
        secret,
        index: moment.entry,
    };
    rows.set(RowName::Password(user.clone()), Row::Password(row));
}
