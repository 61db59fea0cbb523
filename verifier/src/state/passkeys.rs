//! What people signed with passkeys: acts, sign-ins and judgements (PE-8, PE-12, AV-5), and the events that only people sign.

use alloc::format;

use super::{
    PersonRow, Row, RowName, Rows, SignedError,
    signatures::{by_ruler, genesis, mismatch, same},
};
use crate::{
    act::{
        Delegation, DelegationEnd, PasskeyRevocation, Password, PasswordEnd, Proposable,
        UserChange, UserConfirmation, UserInvitation,
    },
    digest,
    event::{Body, Judged, SignInMethod, SignedIn, Sites},
    id::Id,
    passkey::{
        Assertion, CredentialId, PasskeyKey,
        context::{ActContext, CredentialUse},
    },
    time::UnixMillis,
};

/// Judges what people signed in `body`. Events that nobody signs always pass.
pub(super) fn check<R: Rows>(
    rows: &mut R,
    at: UnixMillis,
    body: &Body,
) -> Result<(), SignedError<R::Error>> {
    match body {
        Body::UserInvited(body) => {
            let act = by_ruler(rows, at, &body.signed, UserInvitation::parse)?;
            same(
                act.user == body.user
                    && act.name == body.name
                    && act.roles == body.roles
                    && act.groups == body.groups,
            )
        }
        Body::UserEnrolled(body) => {
            let act = by_ruler(rows, at, &body.signed, UserConfirmation::parse)?;
            same(
                act.user == body.user
                    && act.name == body.name
                    && act.roles == body.roles
                    && act.groups == body.groups
                    && act.sign_in == body.sign_in
                    && act.approval == body.approval,
            )
        }
        Body::UserChanged(body) => {
            let act = by_ruler(rows, at, &body.signed, UserChange::parse)?;
            same(
                act.user == body.user
                    && act.status == body.status
                    && act.roles == body.roles
                    && act.groups == body.groups,
            )
        }
        Body::UserRevoked(body) => {
            let act = by_ruler(rows, at, &body.signed, PasskeyRevocation::parse)?;
            same(act.user == body.user && act.passkey == body.passkey)
        }
        Body::DelegationGiven(body) => {
            let act = by_ruler(rows, at, &body.signed, Delegation::parse)?;
            same(
                act.from == body.from
                    && act.to == body.to
                    && act.groups == body.groups
                    && act.starts_at == body.starts_at
                    && act.ends_at == body.ends_at,
            )
        }
        Body::DelegationEnded(body) => {
            let act = by_ruler(rows, at, &body.signed, DelegationEnd::parse)?;
            same(act.from == body.from && act.to == body.to)
        }
        Body::ActProposed(body) => {
            // That the act is one for two, and its path the one that was signed, is what the act itself says.
            let parse = |bytes: &[u8]| Proposable::parse(&body.path, bytes);
            let act = by_ruler(rows, at, &body.signed, parse)?;
            same(crate::act::Act::target(&act) == body.path)
        }
        Body::UserPasswordSet(body) => {
            let act = by_ruler(rows, at, &body.signed, Password::parse)?;
            same(act.user == body.user && act.secret == body.secret)
        }
        Body::UserPasswordEnded(body) => {
            let act = by_ruler(rows, at, &body.signed, PasswordEnd::parse)?;
            same(act.user == body.user)
        }
        Body::AuthSignedIn(body) => signed_in(rows, at, body),
        Body::ApprovalGiven(body) | Body::ApprovalRefused(body) => judged(rows, at, body),
        _ => Ok(()),
    }
}

/// AV-5: this person's device signed this context, at the approval site, in time.
fn judged<R: Rows>(
    rows: &mut R,
    at: UnixMillis,
    body: &Judged,
) -> Result<(), SignedError<R::Error>> {
    let sites = sites(rows)?;
    let context = &body.context;
    let use_of = CredentialUse::Approval;
    let key = key(rows, &context.approver, &context.credential, use_of)?;
    if let Err(error) = context.check(&body.assertion, &key, sites.approval()) {
        return Err(SignedError::Passkey { error });
    }
    if context.life.holds(at) {
        return Ok(());
    }
    mismatch(
        "approval-time",
        format!(
            "to be signed from {} to {} ms, used at {at} ms",
            context.life.issued_at(),
            context.life.expires_at()
        ),
    )
}

/// PE-8: this person signed this body for this path of this log, now, with a sign-in passkey that counts.
pub(super) fn act<R: Rows>(
    rows: &mut R,
    at: UnixMillis,
    context: &ActContext,
    assertion: &Assertion,
    body: &[u8],
) -> Result<(), SignedError<R::Error>> {
    let sites = sites(rows)?;
    let origin = genesis(rows)?.origin;
    if context.origin.as_str() != origin {
        return mismatch(
            "wrong-tenant",
            format!(
                "signed for log `{}`, found in `{origin}`",
                context.origin.as_str()
            ),
        );
    }
    if context.content != digest::rfc9530_content(body) {
        return mismatch(
            "digest-mismatch",
            "another body than the one that was signed",
        );
    }
    if !context.life.holds(at) {
        return mismatch(
            "signature-time",
            format!(
                "to be signed from {} to {} ms, used at {at} ms",
                context.life.issued_at(),
                context.life.expires_at()
            ),
        );
    }
    let key = key(rows, &context.user, &context.credential, SIGN_IN)?;
    match context.check(assertion, &key, sites.portal()) {
        Ok(_) => Ok(()),
        Err(error) => Err(SignedError::Passkey { error }),
    }
}

/// PE-12: at the portal, with a sign-in passkey of this person, in time.
fn signed_in<R: Rows>(
    rows: &mut R,
    at: UnixMillis,
    body: &SignedIn,
) -> Result<(), SignedError<R::Error>> {
    let SignInMethod::Passkey { context, assertion } = &body.method else {
        return Ok(());
    };
    let sites = sites(rows)?;
    if context.site != *sites.portal() {
        return mismatch(
            "wrong-web-origin",
            format!(
                "signed in at `{}`, the portal is `{}`",
                context.site,
                sites.portal()
            ),
        );
    }
    if at > context.expires_at {
        return mismatch(
            "sign-in-expired",
            format!(
                "to be used until {} ms, used at {at} ms",
                context.expires_at
            ),
        );
    }
    let key = key(rows, &body.user, assertion.credential(), SIGN_IN)?;
    match context.check(assertion, &key) {
        Ok(_) => Ok(()),
        Err(error) => Err(SignedError::Passkey { error }),
    }
}

const SIGN_IN: CredentialUse = CredentialUse::SignIn;

/// The key of a passkey of this person for this use that is not revoked: from the rows, never from what was signed.
fn key<R: Rows>(
    rows: &mut R,
    user: &Id,
    credential: &CredentialId,
    credential_use: CredentialUse,
) -> Result<PasskeyKey, SignedError<R::Error>> {
    let row: Option<PersonRow> = match rows
        .row(&RowName::Person(user.clone()))
        .map_err(SignedError::Rows)?
    {
        Some(Row::Person(row)) => Some(row),
        _ => None,
    };
    match row
        .as_ref()
        .and_then(|row| row.passkey(credential, credential_use))
    {
        Some(passkey) => Ok(passkey.key),
        None => mismatch(
            "unknown-passkey",
            format!(
                "no {} passkey of `{user}`, or it is revoked",
                credential_use.name()
            ),
        ),
    }
}

fn sites<R: Rows>(rows: &mut R) -> Result<Sites, SignedError<R::Error>> {
    match genesis(rows)?.sites {
        Some(sites) => Ok(sites),
        None => mismatch("no-site", "the log names no site: it has no people"),
    }
}
