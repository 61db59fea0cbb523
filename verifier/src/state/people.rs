//! Events about people, their passkeys, delegations and sessions (`spec/people.md §4`).

use alloc::{format, vec, vec::Vec};

use super::{
    Completeness, DelegationRow, PasskeyRow, PersonPasskey, PersonRow, PersonStage, PersonStatus,
    Row, RowName, Rows, ShownPasskey, StateError, Terms,
    apply::{broken, log},
    authority::{Signers, administrators, person},
    directory::Moment,
    password,
};
use crate::{
    digest::{Digest, Noun},
    event::{
        DelegationEnded, DelegationGiven, Founder, Genesis, PasskeyFounder, Shown, SignInMethod,
        SignedIn, Sites, UserChanged, UserClaimed, UserEnrolled, UserInvited, UserRevoked,
    },
    id::Id,
    passkey::{CredentialId, PasskeyKey, context::CredentialUse},
    people::{Groups, PASSKEYS_MAX, Role, Roles},
};

/// A founder with a passkey is the first administrator.
pub(super) fn founded<R: Rows>(
    rows: &mut R,
    founder: &PasskeyFounder,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    // PE-4: all but the time was checked when the genesis was read.
    let expires_at = founder.shown().context.expires_at;
    if moment.at > expires_at {
        return broken(
            "registration-mismatch",
            format!("the founder's passkey was to be registered until {expires_at} ms"),
        );
    }
    let roles = Roles::new(vec![Role::Administrator]);
    let (Some(roles), Some(groups)) = (roles, Groups::new(Vec::new())) else {
        return broken("genesis", "no role for the founder");
    };
    let shown = ShownPasskey {
        credential: founder.credential().clone(),
        key: *founder.key(),
    };
    let mut row = PersonRow {
        name: founder.name().clone(),
        roles,
        groups,
        status: PersonStatus::Active,
        stage: None,
        passkeys: Vec::new(),
        entries: vec![moment.entry],
    };
    let user = founder.user();
    add(
        rows,
        user,
        &mut row,
        (CredentialUse::SignIn, shown),
        &[],
        moment,
    )?;
    seat(rows, user, row, Completeness::Whole)
}

/// PE-2: a person of the log is invited as nobody else.
pub(super) fn invited<R: Rows>(
    rows: &mut R,
    body: &UserInvited,
    signers: &Signers,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    sites(rows)?;
    let mut row = match person(rows, &body.user)? {
        Some(row) if row.is_of_the_log() => {
            if !is_as(&row, body) {
                return broken(
                    "enrolment-mismatch",
                    format!(
                        "`{}` is a person of the log: invite under the same name, roles and groups",
                        body.user
                    ),
                );
            }
            row
        }
        earlier => PersonRow {
            name: body.name.clone(),
            roles: body.roles.clone(),
            groups: body.groups.clone(),
            status: PersonStatus::Invited,
            stage: None,
            passkeys: Vec::new(),
            entries: earlier.map_or_else(Vec::new, |row| row.entries),
        },
    };
    row.entries.extend(signers.proposal);
    row.entries.push(moment.entry);
    row.stage = Some(PersonStage::Invited {
        terms: Terms {
            name: body.name.clone(),
            roles: body.roles.clone(),
            groups: body.groups.clone(),
            by: signers.by.clone(),
        },
        code: body.code,
        expires_at: body.expires_at,
    });
    rows.set(RowName::Person(body.user.clone()), Row::Person(row));
    Ok(())
}

fn is_as(row: &PersonRow, body: &UserInvited) -> bool {
    row.name == body.name && row.roles == body.roles && row.groups == body.groups
}

/// PE-3, PE-4, PE-5: the code, and passkeys that nobody has, registered for this.
pub(super) fn claimed<R: Rows>(
    rows: &mut R,
    body: &UserClaimed,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let genesis = log(rows)?;
    let sites = sites(rows)?;
    let mut row = known(rows, &body.user)?;
    let (terms, code, expires_at) = match row.stage {
        Some(PersonStage::Invited {
            terms,
            code,
            expires_at,
        }) => (terms, code, expires_at),
        Some(PersonStage::Claimed { .. }) => {
            return broken("code-used", "the one-time code was used: invite again");
        }
        None => return broken("wrong-code", "no one-time code is open: invite again"),
    };
    // PE-3.
    if code != Digest::of(Noun::Code, body.code.as_bytes()) {
        return broken(
            "wrong-code",
            "the one-time code is not the one that was given out",
        );
    }
    if moment.at > expires_at {
        return broken(
            "code-expired",
            format!("the one-time code died at {expires_at} ms: invite again"),
        );
    }
    let registered = |shown: &Shown, credential_use| {
        registration(
            &genesis,
            &sites,
            &body.user,
            (shown, credential_use),
            moment,
        )
    };
    let sign_in = registered(&body.sign_in, CredentialUse::SignIn)?;
    let approval = match &body.approval {
        Some(shown) => Some(registered(shown, CredentialUse::Approval)?),
        None => None,
    };
    // PE-5.
    check_free(rows, &sign_in)?;
    if let Some(approval) = &approval {
        check_free(rows, approval)?;
        if approval.key == sign_in.key || approval.credential == sign_in.credential {
            return broken("key-taken", "one passkey is shown for two uses");
        }
    }
    row.stage = Some(PersonStage::Claimed {
        terms,
        sign_in,
        approval,
    });
    row.entries.push(moment.entry);
    rows.set(RowName::Person(body.user.clone()), Row::Person(row));
    Ok(())
}

/// PE-4: for this log, this person and this use, at its site, in time.
fn registration<E>(
    genesis: &Genesis,
    sites: &Sites,
    user: &Id,
    (shown, credential_use): (&Shown, CredentialUse),
    moment: &Moment,
) -> Result<ShownPasskey, StateError<E>> {
    let context = &shown.context;
    if context.origin.as_str() != genesis.origin
        || context.user != *user
        || context.credential_use != credential_use
        || moment.at > context.expires_at
    {
        return broken(
            "registration-mismatch",
            format!(
                "a passkey for {} was registered for another log, person or use, or until {} ms",
                credential_use.name(),
                context.expires_at
            ),
        );
    }
    match context.check(&shown.registration, sites.of(credential_use)) {
        Ok(credential) => Ok(ShownPasskey {
            credential: credential.id().clone(),
            key: *credential.key(),
        }),
        Err(error) => broken(error.code(), format!("{error}")),
    }
}

/// PE-6: what was invited and what was shown; of a person of the log, what still stands there.
pub(super) fn enrolled<R: Rows>(
    rows: &mut R,
    body: &UserEnrolled,
    signers: &Signers,
    moment: &Moment,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    let mut row = known(rows, &body.user)?;
    let Some(PersonStage::Claimed {
        terms,
        sign_in,
        approval,
    }) = row.stage.take()
    else {
        return broken(
            "not-claimed",
            format!(
                "`{}` has shown no passkey since the last invitation",
                body.user
            ),
        );
    };
    let thumbprint = |shown: &ShownPasskey| shown.key.jwk_thumbprint();
    for (same, what) in [
        (
            terms.name == body.name && terms.roles == body.roles && terms.groups == body.groups,
            "another name, other roles or groups than invited",
        ),
        (
            row.name == body.name && row.roles == body.roles && row.groups == body.groups,
            "a name, roles or groups that changed since the invitation: invite again",
        ),
        (
            thumbprint(&sign_in) == body.sign_in
                && approval.as_ref().map(thumbprint) == body.approval,
            "other passkeys than were shown",
        ),
    ] {
        if !same {
            return broken(
                "enrolment-mismatch",
                format!("`{}` is confirmed with {what}", body.user),
            );
        }
    }
    let by = union(terms.by, &signers.by);
    row.entries.extend(signers.proposal);
    row.entries.push(moment.entry);
    if row.status == PersonStatus::Invited {
        row.status = PersonStatus::Active;
    }
    let approval = approval.map(|shown| (CredentialUse::Approval, shown));
    for passkey in core::iter::once((CredentialUse::SignIn, sign_in)).chain(approval) {
        add(rows, &body.user, &mut row, passkey, &by, moment)?;
    }
    seat(rows, &body.user, row, completeness)
}

pub(super) fn changed<R: Rows>(
    rows: &mut R,
    body: &UserChanged,
    signers: &Signers,
    moment: &Moment,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    let mut row = of_the_log(rows, &body.user)?;
    row.status = body.status.into();
    row.roles = body.roles.clone();
    row.groups = body.groups.clone();
    row.entries.extend(signers.proposal);
    row.entries.push(moment.entry);
    seat(rows, &body.user, row, completeness)
}

pub(super) fn revoked<R: Rows>(
    rows: &mut R,
    body: &UserRevoked,
    signers: &Signers,
    moment: &Moment,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    let mut row = known(rows, &body.user)?;
    let before = row.passkeys.len();
    // PE-5: the rows of key and credential stay: nobody has them again.
    row.passkeys
        .retain(|passkey| passkey.thumbprint != body.passkey);
    if row.passkeys.len() == before {
        return broken(
            "unknown-passkey",
            format!("`{}` has no such passkey, or it is revoked", body.user),
        );
    }
    row.entries.extend(signers.proposal);
    row.entries.push(moment.entry);
    seat(rows, &body.user, row, completeness)
}

/// PE-11: from an active approver to another, for groups of the first.
pub(super) fn delegated<R: Rows>(
    rows: &mut R,
    body: &DelegationGiven,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let from = known(rows, &body.from)?;
    let to = known(rows, &body.to)?;
    if !from.acts_as(Role::Approver) || !to.acts_as(Role::Approver) || body.from == body.to {
        return broken(
            "not-approver",
            format!(
                "`{}` and `{}` are not two active approvers",
                body.from, body.to
            ),
        );
    }
    if !body.groups.all_in(&from.groups) {
        return broken(
            "delegation-range",
            format!("`{}` gives groups that are not theirs", body.from),
        );
    }
    let row = DelegationRow {
        groups: body.groups.clone(),
        starts_at: body.starts_at,
        ends_at: body.ends_at,
        index: moment.entry,
    };
    let name = RowName::Delegation(body.from.clone(), body.to.clone());
    rows.set(name, Row::Delegation(row));
    Ok(())
}

pub(super) fn delegation_ended<R: Rows>(
    rows: &mut R,
    body: &DelegationEnded,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let name = RowName::Delegation(body.from.clone(), body.to.clone());
    match rows.row(&name).map_err(StateError::Rows)? {
        Some(Row::Delegation(mut row)) if moment.at < row.ends_at => {
            row.ends_at = moment.at.max(row.starts_at);
            rows.set(name, Row::Delegation(row));
            Ok(())
        }
        _ => broken(
            "no-delegation",
            format!("`{}` may not judge for `{}` now", body.to, body.from),
        ),
    }
}

/// PE-14, PE-16: a session is an active person's, with a password only if one is set. That this person signed in is judged with the signature.
pub(super) fn signed_in<R: Rows>(
    rows: &mut R,
    body: &SignedIn,
) -> Result<(), StateError<R::Error>> {
    if !of_the_log(rows, &body.user)?.is_active() {
        return broken(
            "not-active",
            format!("`{}` is suspended and begins no session", body.user),
        );
    }
    match body.method {
        SignInMethod::Passkey { .. } => Ok(()),
        SignInMethod::Password => password::check_set(rows, &body.user),
    }
}

/// PE-14: a person of the log.
pub(super) fn of_the_log<R: Rows>(
    rows: &mut R,
    user: &Id,
) -> Result<PersonRow, StateError<R::Error>> {
    let row = known(rows, user)?;
    if row.is_of_the_log() {
        Ok(row)
    } else {
        broken(
            "unknown-person",
            format!("no passkey of `{user}` was confirmed yet"),
        )
    }
}

fn known<R: Rows>(rows: &mut R, user: &Id) -> Result<PersonRow, StateError<R::Error>> {
    match person(rows, user)? {
        Some(row) => Ok(row),
        None => broken("unknown-person", format!("`{user}` was never invited")),
    }
}

/// PE-1: where no site is named, nobody comes in.
fn sites<R: Rows>(rows: &mut R) -> Result<Sites, StateError<R::Error>> {
    match log(rows)?.sites {
        Some(sites) => Ok(sites),
        None => broken("no-site", "the log names no site: it has no people"),
    }
}

/// PE-5: nobody has, or had, this key or this credential id.
fn check_free<R: Rows>(rows: &mut R, shown: &ShownPasskey) -> Result<(), StateError<R::Error>> {
    for name in holders(&shown.credential, &shown.key) {
        if rows.row(&name).map_err(StateError::Rows)?.is_some() {
            return broken(
                "key-taken",
                format!("{} has a holder already", name.describe()),
            );
        }
    }
    Ok(())
}

fn holders(credential: &CredentialId, key: &PasskeyKey) -> [RowName; 2] {
    [
        RowName::Passkey(key.jwk_thumbprint()),
        RowName::Credential(credential.clone()),
    ]
}

/// From here on the passkey counts, and has its holder for ever.
fn add<R: Rows>(
    rows: &mut R,
    user: &Id,
    row: &mut PersonRow,
    (credential_use, shown): (CredentialUse, ShownPasskey),
    by: &[Id],
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    check_free(rows, &shown)?;
    if row.passkeys.len() >= PASSKEYS_MAX {
        return broken(
            "too-many-passkeys",
            format!("`{user}` has {PASSKEYS_MAX} passkeys: revoke one first"),
        );
    }
    let thumbprint = shown.key.jwk_thumbprint();
    rows.set(
        RowName::Passkey(thumbprint),
        Row::Passkey(PasskeyRow {
            user: user.clone(),
            credential: shown.credential.clone(),
        }),
    );
    rows.set(
        RowName::Credential(shown.credential.clone()),
        Row::Credential(thumbprint),
    );
    row.passkeys.push(PersonPasskey {
        credential_use,
        thumbprint,
        credential: shown.credential,
        key: shown.key,
        added_at: moment.at,
        by: by.to_vec(),
        index: moment.entry,
    });
    row.passkeys.sort_by_key(|passkey| passkey.thumbprint);
    Ok(())
}

/// Sets a person's row, and who rules after it.
fn seat<R: Rows>(
    rows: &mut R,
    user: &Id,
    row: PersonRow,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    let mut administrators = administrators(rows)?;
    let ruled = administrators.ids.contains(user);
    administrators.ids.retain(|id| id != user);
    if row.is_active_administrator() {
        administrators.ids.push(user.clone());
        administrators.ids.sort();
    }
    if ruled || row.is_active_administrator() {
        // PE-10: without a key in a file, nobody could ever rule again. From a part of a log it cannot be known.
        if administrators.ids.is_empty()
            && completeness == Completeness::Whole
            && matches!(log(rows)?.founder, Founder::Passkey(_))
        {
            return broken(
                "last-administrator",
                format!("without `{user}` the log has no active administrator"),
            );
        }
        administrators.entries.extend(&row.entries);
        administrators.entries.sort_unstable();
        administrators.entries.dedup();
        rows.set(RowName::Administrators, Row::Administrators(administrators));
    }
    rows.set(RowName::Person(user.clone()), Row::Person(row));
    Ok(())
}

/// Both lists, rising, each person once.
fn union(mut one: Vec<Id>, other: &[Id]) -> Vec<Id> {
    one.extend(other.iter().cloned());
    one.sort();
    one.dedup();
    one
}
