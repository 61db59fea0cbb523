//! Acts on people: who they are, which passkeys count, who judges for whom (`spec/people.md §3.3`).

use agentsigna_verifier::{
    act::{
        Delegation, DelegationEnd, PasskeyRevocation, UserChange, UserConfirmation, UserInvitation,
    },
    event::{
        Body, DelegationEnded, DelegationGiven, UserChanged, UserEnrolled, UserInvited, UserRevoked,
    },
    id::Id,
    state::{PersonRow, Row, RowName},
};

use super::{
    Refusal, Step,
    answer::Pending,
    directory::{CODE_LIFE_MS, Desk, new_code},
    row,
};
use crate::ledger::Reading;

/// `POST /v1/users`: a person is named and gets a one-time code, or may add passkeys with it.
pub(super) fn invite(desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = UserInvitation::parse(desk.body)?;
    desk.check(&act)?;
    let (code, digest) = new_code()?;
    let expires_at = desk.now.plus(CODE_LIFE_MS);
    let answer = Pending::act(
        true,
        [
            ("user", act.user.as_str().into()),
            ("code", code.into()),
            ("expires_at", expires_at.millis().into()),
        ],
    );
    let body = Body::UserInvited(UserInvited {
        signed: desk.signed(),
        user: act.user,
        name: act.name,
        roles: act.roles,
        groups: act.groups,
        code: digest,
        expires_at,
    });
    desk.step(body, Vec::new(), answer)
}

/// `POST /v1/users/{user}/confirm`: these passkeys are the person's.
pub(super) fn confirm(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = UserConfirmation::parse(desk.body)?;
    desk.check(&act)?;
    check_known(&mut desk.reading, &act.user)?;
    let answer = Pending::act(
        false,
        [
            ("user", act.user.as_str().into()),
            ("sign_in", act.sign_in.to_base64url().into()),
        ],
    );
    let body = Body::UserEnrolled(UserEnrolled {
        signed: desk.signed(),
        user: act.user,
        name: act.name,
        roles: act.roles,
        groups: act.groups,
        sign_in: act.sign_in,
        approval: act.approval,
    });
    desk.step(body, Vec::new(), answer)
}

/// `POST /v1/users/{user}/change`: status, roles, groups.
pub(super) fn change(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = UserChange::parse(desk.body)?;
    desk.check(&act)?;
    check_known(&mut desk.reading, &act.user)?;
    let answer = Pending::act(
        false,
        [
            ("user", act.user.as_str().into()),
            ("status", act.status.name().into()),
        ],
    );
    let body = Body::UserChanged(UserChanged {
        signed: desk.signed(),
        user: act.user,
        status: act.status,
        roles: act.roles,
        groups: act.groups,
    });
    desk.step(body, Vec::new(), answer)
}

/// `POST /v1/users/{user}/revoke`: one passkey counts no more.
pub(super) fn revoke(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = PasskeyRevocation::parse(desk.body)?;
    desk.check(&act)?;
    check_known(&mut desk.reading, &act.user)?;
    let answer = Pending::act(
        false,
        [
            ("user", act.user.as_str().into()),
            ("passkey", act.passkey.to_base64url().into()),
        ],
    );
    let body = Body::UserRevoked(UserRevoked {
        signed: desk.signed(),
        user: act.user,
        passkey: act.passkey,
    });
    desk.step(body, Vec::new(), answer)
}

/// `POST /v1/delegations`: another person may judge for the one who signs.
pub(super) fn delegate(mut desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = Delegation::parse(desk.body)?;
    desk.check(&act)?;
    check_known(&mut desk.reading, &act.to)?;
    let answer = Pending::act(
        true,
        [
            ("from", act.from.as_str().into()),
            ("to", act.to.as_str().into()),
        ],
    );
    let body = Body::DelegationGiven(DelegationGiven {
        signed: desk.signed(),
        from: act.from,
        to: act.to,
        groups: act.groups,
        starts_at: act.starts_at,
        ends_at: act.ends_at,
    });
    desk.step(body, Vec::new(), answer)
}

/// `POST /v1/delegations/end`.
pub(super) fn end_delegation(desk: Desk<'_>) -> Result<Step, Refusal> {
    let act = DelegationEnd::parse(desk.body)?;
    desk.check(&act)?;
    let answer = Pending::act(
        false,
        [
            ("from", act.from.as_str().into()),
            ("to", act.to.as_str().into()),
        ],
    );
    let body = Body::DelegationEnded(DelegationEnded {
        signed: desk.signed(),
        from: act.from,
        to: act.to,
    });
    desk.step(body, Vec::new(), answer)
}

/// The row of a person, if there is one.
pub(super) fn person(reading: &mut Reading, user: &Id) -> Result<Option<PersonRow>, Refusal> {
    Ok(match row(reading, &RowName::Person(user.clone()))? {
        Some(Row::Person(row)) => Some(row),
        _ => None,
    })
}

/// An id that names nobody is 404.
fn check_known(reading: &mut Reading, user: &Id) -> Result<(), Refusal> {
    match person(reading, user)? {
        Some(_) => Ok(()),
        None => Err(Refusal::not_found()),
    }
}
