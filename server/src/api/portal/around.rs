//! What stands around the pages of a person who signed in.

use super::{
    Door, entrance, html,
    pages::{
        self, Template,
        frame::{Frame, Me},
        parts::{Plain, Sentence},
    },
};
use crate::domain::{Refusal, Visitor};

use axum::response::Response;

/// The frame of a page for `visitor`; `done` is what their last act came to.
pub(super) fn frame(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
) -> Result<Frame, Refusal> {
    let row = visitor.row();
    Ok(Frame {
        log: visitor.origin().to_owned(),
        me: Me {
            user: visitor.user().to_string(),
            name: Plain::new(row.name.as_str()),
            roles: row.roles.as_slice().to_vec(),
            signs: visitor.may_sign(),
        },
        waiting: door.office.waiting(visitor)?,
        done,
    })
}

/// A page, or what went wrong as a page.
pub(super) fn drawn<P: Template>(page: Result<P, Refusal>) -> Response {
    let text = page.and_then(|page| pages::html(&page).map_err(|error| Refusal::broken(&error)));
    text.map_or_else(entrance::problem, html)
}
