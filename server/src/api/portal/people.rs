//! People of the tenant: who they are, what waits for a second signature, who judges for whom; and the forms of acts
//! on them.

use std::sync::Arc;

use agentsigna_verifier::{
    id::Id,
    people::Role,
    state::{Deed, PersonPasskey, PersonRow, PersonStage, Terms},
};
use axum::{
    Extension, Router,
    extract::{Path, State},
    http::Uri,
    response::Response,
    routing::get,
};

use super::{
    Door, Shared, Signed,
    around::{drawn, frame, listed},
    notice::done,
    pages::{
        frame::Facts,
        parts::{Chip, Hash, Plain, Sentence, Shown, Tone, When},
        people::{
            DelegationForm, DelegationRow, Delegations, PasskeyRow, PasskeysShown, People,
            PersonForm, PersonPage, PersonRow as PersonLine, Proposal,
        },
    },
    routes::{On, Route, Who, page},
};
use crate::domain::{self, Refusal, Said, Visitor, Words};

type Hidden = Vec<(&'static str, String)>;

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "GET", "/people", Who::Person),
    page(On::Portal, "GET", "/people/{user}", Who::Person),
    page(On::Portal, "GET", "/delegations", Who::Person),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/people", get(list_people))
        .route("/people/{user}", get(one_person))
        .route("/delegations", get(list_delegations))
}

async fn list_people(State(door): Shared, Extension(visitor): Signed, uri: Uri) -> Response {
    let done = done(&door, &visitor, &uri);
    drawn(done.and_then(|done| people(&door, &visitor, done, None)))
}

async fn one_person(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(user): Path<String>,
    uri: Uri,
) -> Response {
    let done = done(&door, &visitor, &uri);
    drawn(done.and_then(|done| person(&door, &visitor, done, &user, None)))
}

async fn list_delegations(State(door): Shared, Extension(visitor): Signed, uri: Uri) -> Response {
    let done = done(&door, &visitor, &uri);
    drawn(done.and_then(|done| delegations(&door, &visitor, done, None)))
}

/// Every person; `typed` is an invitation that could not be taken.
pub(super) fn people(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    typed: Option<PersonForm>,
) -> Result<People, Refusal> {
    let proposals = door.office.proposals(visitor)?;
    let people = door.office.people(visitor)?;
    // Of the table of `spec/people.md §3.4`, the line in which an invitation stands too.
    let may_invite = door.office.may(visitor, &Deed::ChangeUser)?;
    Ok(People {
        frame: frame(door, visitor, done)?,
        proposals: proposals.into_iter().map(proposal).collect(),
        people: people
            .into_iter()
            .map(|(user, row)| PersonLine {
                user,
                name: Plain::new(row.name.as_str()),
                roles: row.roles.as_slice().to_vec(),
                groups: row.groups.as_slice().to_vec(),
                passkeys: row.passkeys.len(),
                status: standing(&row),
            })
            .collect(),
        invite: may_invite.then(|| typed.unwrap_or_default()),
    })
}

fn proposal(of: domain::Proposal) -> Proposal {
    let mut hidden = Hidden::new();
    // A body is JSON, which is text; the second signs the same bytes or makes another proposal.
    if let (true, Ok(body)) = (of.may_second, String::from_utf8(of.body)) {
        hidden = vec![("path", of.path), ("body", body)];
    }
    Proposal {
        words: in_words(of.words),
        by: of.by,
        at: When(of.at),
        until: When(of.until),
        hidden,
    }
}

/// What it does and how, in one line; codes are on the page that shows its bytes.
fn in_words(words: Words) -> String {
    let details = words
        .details
        .into_iter()
        .filter_map(|(name, said)| match said {
            Said::Code(_) => None,
            said => Some(format!("{name} {said}")),
        });
    let details: Vec<_> = details.collect();
    if details.is_empty() {
        words.title
    } else {
        format!("{}: {}", words.title, details.join("; "))
    }
}

/// Invited, claimed, active, suspended.
fn standing(row: &PersonRow) -> Chip {
    match (&row.stage, row.is_of_the_log()) {
        (Some(PersonStage::Claimed { .. }), false) => Chip::named("claimed"),
        _ => Chip::named(row.status.name()),
    }
}

/// One person; `typed` is a change that could not be taken.
pub(super) fn person(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    user: &str,
    typed: Option<PersonForm>,
) -> Result<PersonPage, Refusal> {
    let (user, row) = door.office.person(visitor, user)?;
    let shown = shown(door, visitor, &user, &row)?;
    let may_change = row.is_of_the_log() && door.office.may(visitor, &Deed::ChangeUser)?;
    let change = may_change.then(|| {
        typed.unwrap_or_else(|| PersonForm {
            user: user.to_string(),
            name: row.name.as_str().to_owned(),
            status: row.status.name().to_owned(),
            roles: row.roles.as_slice().to_vec(),
            groups: listed(row.groups.as_slice()).replace(',', ", "),
            problems: Vec::new(),
        })
    });
    let mut passkeys = Vec::with_capacity(row.passkeys.len());
    for passkey in &row.passkeys {
        passkeys.push(passkey_row(door, visitor, (&user, &row), passkey)?);
    }
    Ok(PersonPage {
        frame: frame(door, visitor, done)?,
        name: Plain::new(row.name.as_str()),
        status: row.status.name(),
        facts: facts(door, visitor, &user, &row)?,
        passkeys,
        shown,
        change,
        add: add(door, visitor, &user, &row)?,
        user,
    })
}

fn facts(door: &Door, visitor: &Visitor, user: &Id, row: &PersonRow) -> Result<Facts, Refusal> {
    let roles: Vec<&str> = row
        .roles
        .as_slice()
        .iter()
        .map(|role| role.name())
        .collect();
    let groups = match row.groups.as_slice() {
        [] => "none".to_owned(),
        groups => listed(groups).replace(',', ", "),
    };
    let mut facts: Facts = vec![
        ("Id", Shown::text(user)),
        ("Roles", Shown::text(roles.join(", "))),
        ("Groups", Shown::text(groups)),
    ];
    for (name, entry) in [
        ("On record since", row.entries.first()),
        ("Last changed", row.entries.last()),
    ] {
        if let Some(index) = entry {
            let at = door.office.decided_at(visitor, *index)?;
            facts.push((name, Shown::When(When(at))));
        }
    }
    if let Some(PersonStage::Invited { expires_at, .. }) = &row.stage {
        facts.push(("Code counts until", Shown::When(When(*expires_at))));
    }
    Ok(facts)
}

/// The fields of a person as somebody invited or confirms them.
fn terms_fields(path: String, user: &Id, terms: &Terms) -> Hidden {
    let roles: Vec<&str> = terms
        .roles
        .as_slice()
        .iter()
        .map(|role| role.name())
        .collect();
    vec![
        ("path", path),
        ("user", user.to_string()),
        ("name", terms.name.as_str().to_owned()),
        ("roles", roles.join(",")),
        ("groups", listed(terms.groups.as_slice())),
    ]
}

const fn admission<'a>(user: &'a Id, terms: &'a Terms) -> Deed<'a> {
    Deed::AdmitUser {
        user,
        name: &terms.name,
        roles: &terms.roles,
        groups: &terms.groups,
    }
}

/// Passkeys that wait, with the confirmation for whoever may sign it. PE-6
fn shown(
    door: &Door,
    visitor: &Visitor,
    user: &Id,
    row: &PersonRow,
) -> Result<Option<PasskeysShown>, Refusal> {
    let Some(PersonStage::Claimed {
        terms,
        sign_in,
        approval,
    }) = &row.stage
    else {
        return Ok(None);
    };
    let sign_in = sign_in.key.jwk_thumbprint().to_base64url();
    let approval = approval
        .as_ref()
        .map(|passkey| passkey.key.jwk_thumbprint().to_base64url());
    let mut hidden = Hidden::new();
    if door.office.may(visitor, &admission(user, terms))? {
        hidden = terms_fields(format!("/v1/users/{user}/confirm"), user, terms);
        hidden.push(("sign_in", sign_in.clone()));
        hidden.extend(approval.clone().map(|approval| ("approval", approval)));
    }
    let claimed = row.entries.last().copied().unwrap_or_default();
    Ok(Some(PasskeysShown {
        sign_in: Hash::new(sign_in),
        approval: approval.map(Hash::new),
        at: When(door.office.decided_at(visitor, claimed)?),
        hidden,
    }))
}

/// Another invitation of this person, for whoever may sign it: under the same name, roles and groups (PE-2).
fn add(door: &Door, visitor: &Visitor, user: &Id, row: &PersonRow) -> Result<Hidden, Refusal> {
    let terms = match &row.stage {
        Some(PersonStage::Invited { terms, .. } | PersonStage::Claimed { terms, .. })
            if !row.is_of_the_log() =>
        {
            terms.clone()
        }
        _ => Terms {
            name: row.name.clone(),
            roles: row.roles.clone(),
            groups: row.groups.clone(),
            by: Vec::new(),
        },
    };
    let may = door.office.may(visitor, &admission(user, &terms))?;
    Ok(if may {
        terms_fields("/v1/users".to_owned(), user, &terms)
    } else {
        Hidden::new()
    })
}

fn passkey_row(
    door: &Door,
    visitor: &Visitor,
    (user, row): (&Id, &PersonRow),
    passkey: &PersonPasskey,
) -> Result<PasskeyRow, Refusal> {
    let thumbprint = passkey.thumbprint.to_base64url();
    let may = door
        .office
        .may_revoke(visitor, user, row, &passkey.thumbprint)?;
    let revoke = if may {
        vec![
            ("path", format!("/v1/users/{user}/revoke")),
            ("user", user.to_string()),
            ("passkey", thumbprint.clone()),
        ]
    } else {
        Hidden::new()
    };
    let by = match passkey.by.as_slice() {
        [] => "the founder’s key".to_owned(),
        by => listed(by).replace(',', ", "),
    };
    Ok(PasskeyRow {
        kind: passkey.credential_use.name(),
        thumbprint: Hash::new(thumbprint),
        added_at: When(passkey.added_at),
        by,
        revoke,
    })
}

/// Who judges for whom; `typed` is a delegation that could not be taken.
pub(super) fn delegations(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    typed: Option<DelegationForm>,
) -> Result<Delegations, Refusal> {
    let now = door.office.now();
    let own = door.office.may(
        visitor,
        &Deed::Delegation {
            from: visitor.user(),
        },
    )?;
    let mut rows = Vec::new();
    for seen in door.office.delegations(visitor)? {
        let row = seen.row;
        let status = if row.covers(now) {
            Chip::named("active")
        } else if now < row.starts_at {
            Chip::new(Tone::Waits, "to come")
        } else {
            Chip::new(Tone::Quiet, "ended")
        };
        rows.push(DelegationRow {
            may_end: own && seen.from == *visitor.user() && now < row.ends_at,
            from: seen.from,
            to: seen.to,
            groups: row.groups.as_slice().to_vec(),
            starts_at: When(row.starts_at),
            ends_at: When(row.ends_at),
            status,
        });
    }
    Ok(Delegations {
        frame: frame(door, visitor, done)?,
        delegations: rows,
        give: give(door, visitor, own, typed)?,
    })
}

/// The form to give a delegation: from an approver with groups to another approver. PE-11
fn give(
    door: &Door,
    visitor: &Visitor,
    may: bool,
    typed: Option<DelegationForm>,
) -> Result<Option<DelegationForm>, Refusal> {
    let own = visitor.row();
    if !may || !own.acts_as(Role::Approver) || own.groups.is_empty() {
        return Ok(None);
    }
    let others = door.office.people(visitor)?.into_iter();
    let to: Vec<_> = others
        .filter(|(id, row)| id != visitor.user() && row.acts_as(Role::Approver))
        .map(|(id, row)| (id.to_string(), Plain::new(row.name.as_str())))
        .collect();
    if to.is_empty() {
        return Ok(None);
    }
    let mut form = typed.unwrap_or_default();
    form.from = visitor.user().to_string();
    form.to = to;
    form.groups = own.groups.as_slice().iter().map(Id::to_string).collect();
    Ok(Some(form))
}
