//! Who acts and where: agents and target systems, and the forms of acts on them.

use std::sync::Arc;

use agentsigna_verifier::{
    action::Latitude,
    id::Id,
    snapshot::Status,
    state::{AgentRow, Deed, Ground, NewKey, Stage, SystemRow},
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
    around::{drawn, frame, last_cases, money},
    notice::done,
    pages::{
        directory::{
            ActorKind, ActorPage, Again, AgentForm, AgentRow as AgentLine, Agents, KeyShown,
            Systems,
        },
        frame::{Facts, Problem},
        parts::{Chip, Hash, Sentence, Shown, When},
    },
    routes::{On, Route, Who, page},
    standings,
};
use crate::domain::{Refusal, Visitor};

/// Who may ask.
pub(super) const ROUTES: &[Route] = &[
    page(On::Portal, "GET", "/agents", Who::Person),
    page(On::Portal, "GET", "/agents/{agent}", Who::Person),
    page(On::Portal, "GET", "/systems", Who::Person),
    page(On::Portal, "GET", "/systems/{system}", Who::Person),
];

/// The same routes with what answers.
pub(super) fn router() -> Router<Arc<Door>> {
    Router::new()
        .route("/agents", get(list_agents))
        .route("/agents/{agent}", get(one_agent))
        .route("/systems", get(list_systems))
        .route("/systems/{system}", get(one_system))
}

async fn list_agents(State(door): Shared, Extension(visitor): Signed, uri: Uri) -> Response {
    let done = done(&door, &visitor, &uri);
    drawn(done.and_then(|done| agents(&door, &visitor, done, None)))
}

async fn one_agent(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let done = done(&door, &visitor, &uri);
    drawn(done.and_then(|done| agent(&door, &visitor, done, &id)))
}

async fn list_systems(State(door): Shared, Extension(visitor): Signed, uri: Uri) -> Response {
    let done = done(&door, &visitor, &uri);
    drawn(done.and_then(|done| systems(&door, &visitor, done, String::new(), Vec::new())))
}

async fn one_system(
    State(door): Shared,
    Extension(visitor): Signed,
    Path(id): Path<String>,
    uri: Uri,
) -> Response {
    let done = done(&door, &visitor, &uri);
    drawn(done.and_then(|done| system(&door, &visitor, done, &id)))
}

/// Every agent; `typed` is an invitation that could not be taken.
pub(super) fn agents(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    typed: Option<AgentForm>,
) -> Result<Agents, Refusal> {
    let currency = visitor.currency();
    let agents = door.office.agents(visitor)?;
    let own = Deed::InviteAgent {
        sponsor: visitor.user(),
        latitude: Latitude::NONE,
    };
    let invite = if door.office.may(visitor, &own)? {
        let mut form = typed.unwrap_or_else(|| AgentForm {
            sponsor: visitor.user().to_string(),
            ..AgentForm::default()
        });
        let people = door.office.people(visitor)?.into_iter();
        form.sponsors = people
            .filter(|(_, row)| row.is_active())
            .map(|(id, _)| id.to_string())
            .collect();
        Some(form)
    } else {
        None
    };
    Ok(Agents {
        frame: frame(door, visitor, done)?,
        agents: agents
            .into_iter()
            .map(|(agent, row)| AgentLine {
                agent,
                status: status(&row.stage, row.status),
                tier: row.tier.number(),
                latitude: row.latitude.band().map(|band| band.number()),
                exposure: money(currency, row.exposure_minor),
                sponsor: row.sponsor,
            })
            .collect(),
        invite,
    })
}

fn agent(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    id: &str,
) -> Result<ActorPage, Refusal> {
    let (id, row) = door.office.agent(visitor, id)?;
    let currency = visitor.currency();
    let mut facts: Facts = vec![
        (
            "Sponsor",
            Shown::Link(format!("/people/{}", row.sponsor), row.sponsor.to_string()),
        ),
        ("Tier", Shown::text(format!("{} of 4", row.tier.number()))),
        (
            "Open amounts",
            Shown::Money(money(currency, row.exposure_minor)),
        ),
    ];
    facts.extend(enrolment(door, visitor, &row.stage, &row.entries)?);
    let confirmed = Deed::ConfirmAgent {
        sponsor: &row.sponsor,
        latitude: row.latitude,
    };
    // Another key comes with the latitude that there is (ST-2), a first one with what the portal grants: none.
    let invited = Deed::InviteAgent {
        sponsor: &row.sponsor,
        latitude: match row.stage.enrolled_key() {
            Some(_) => row.latitude,
            None => Latitude::NONE,
        },
    };
    let fields = |path: String| agent_fields(path, &id, &row);
    let shown = key_shown(
        door,
        visitor,
        (&row.stage, &row.entries),
        &confirmed,
        fields(format!("/v1/agents/{id}/confirm")),
    )?;
    let again = again(
        door,
        visitor,
        &row.stage,
        &invited,
        fields("/v1/agents".to_owned()),
    )?;
    Ok(ActorPage {
        frame: frame(door, visitor, done)?,
        kind: ActorKind::Agent,
        status: status(&row.stage, row.status),
        facts,
        shown,
        change: change(door, visitor, (&row.stage, row.status), &Deed::AgentStatus)?,
        standing: Some(standings::agent(door, visitor, &id, &row)?),
        again,
        cases: last_cases(door, visitor, |case| case.asked.agent == id)?,
        id,
    })
}

fn agent_fields(path: String, id: &Id, row: &AgentRow) -> Vec<(&'static str, String)> {
    vec![
        ("path", path),
        ("agent", id.to_string()),
        ("sponsor", row.sponsor.to_string()),
        ("tier", row.tier.number().to_string()),
    ]
}

/// Every target system; with an id as typed and what is wrong with it.
pub(super) fn systems(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    typed: String,
    problems: Vec<Problem>,
) -> Result<Systems, Refusal> {
    let mut systems = Vec::new();
    for (id, row) in door.office.systems(visitor)? {
        let since = row.entries.last().map_or(0, |entry| entry.index);
        let since = When(door.office.decided_at(visitor, since)?);
        systems.push((id, status(&row.stage, row.status), since));
    }
    Ok(Systems {
        frame: frame(door, visitor, done)?,
        systems,
        may_invite: door.office.may(visitor, &Deed::System)?,
        problems,
        system: typed,
    })
}

fn system(
    door: &Door,
    visitor: &Visitor,
    done: Option<Sentence>,
    id: &str,
) -> Result<ActorPage, Refusal> {
    let (
        id,
        SystemRow {
            stage,
            status: now,
            entries,
        },
    ) = door.office.system(visitor, id)?;
    let fields = |path: String| vec![("path", path), ("system", id.to_string())];
    let shown = key_shown(
        door,
        visitor,
        (&stage, &entries),
        &Deed::System,
        fields(format!("/v1/systems/{id}/confirm")),
    )?;
    let again = again(
        door,
        visitor,
        &stage,
        &Deed::System,
        fields("/v1/systems".to_owned()),
    )?;
    Ok(ActorPage {
        frame: frame(door, visitor, done)?,
        kind: ActorKind::System,
        status: status(&stage, now),
        facts: enrolment(door, visitor, &stage, &entries)?,
        shown,
        change: change(door, visitor, (&stage, now), &Deed::System)?,
        standing: None,
        again,
        cases: last_cases(door, visitor, |case| *case.asked.action.target() == id)?,
        id,
    })
}

/// Where an agent or a target system stands, in one word.
fn status(stage: &Stage, status: Status) -> Chip {
    Chip::named(match stage {
        Stage::Enrolling(NewKey::Invited { .. }) => "invited",
        Stage::Enrolling(NewKey::Claimed(_)) => "claimed",
        Stage::Enrolled(_) | Stage::Rotating { .. } => status.name(),
    })
}

/// Invited, claimed, enrolled, and what came after: when, and with which key.
fn enrolment(
    door: &Door,
    visitor: &Visitor,
    stage: &Stage,
    entries: &[Ground],
) -> Result<Facts, Refusal> {
    const NAMES: [&str; 4] = ["Invited", "Key shown", "Enrolled", "Status set"];
    const SUSPENDED: [&str; 7] = [
        "First invited",
        "First key shown",
        "First enrolled",
        "Status set",
        "Invited",
        "Key shown",
        "Enrolled",
    ];
    let names: &[&str] = if entries.len() > NAMES.len() {
        &SUSPENDED
    } else {
        &NAMES
    };
    let mut facts = times(door, visitor, names, entries)?;
    if let Some(key) = stage.enrolled_key() {
        let key = key.jwk_thumbprint().to_base64url();
        facts.push(("Key", Shown::Hash(Hash::new(key))));
    }
    if let Stage::Rotating { entries, .. } = stage {
        const NEXT: [&str; 2] = ["New key invited", "New key shown"];
        facts.extend(times(door, visitor, &NEXT, entries)?);
    }
    if let Some(NewKey::Invited { expires_at, .. }) = stage.new_key() {
        facts.push(("Code counts until", Shown::When(When(*expires_at))));
    }
    Ok(facts)
}

/// When each of `entries` was decided, under its name.
fn times(
    door: &Door,
    visitor: &Visitor,
    names: &[&'static str],
    entries: &[Ground],
) -> Result<Facts, Refusal> {
    names
        .iter()
        .zip(entries)
        .map(|(name, entry)| {
            let at = door.office.decided_at(visitor, entry.index)?;
            Ok((*name, Shown::When(When(at))))
        })
        .collect()
}

/// A key that waits, with the confirmation for whoever may sign it.
fn key_shown(
    door: &Door,
    visitor: &Visitor,
    (stage, entries): (&Stage, &[Ground]),
    deed: &Deed<'_>,
    mut hidden: Vec<(&'static str, String)>,
) -> Result<Option<KeyShown>, Refusal> {
    let Some(NewKey::Claimed(key)) = stage.new_key() else {
        return Ok(None);
    };
    let (entries, replaces) = match stage {
        Stage::Rotating { entries, .. } => (entries.as_slice(), true),
        _ => (entries, false),
    };
    let thumbprint = key.jwk_thumbprint().to_base64url();
    if door.office.may(visitor, deed)? {
        hidden.push(("key", thumbprint.clone()));
    } else {
        hidden.clear();
    }
    let at = entries.last().map_or(0, |entry| entry.index);
    Ok(Some(KeyShown {
        thumbprint: Hash::new(thumbprint),
        at: When(door.office.decided_at(visitor, at)?),
        replaces,
        hidden,
    }))
}

/// Another invitation, for a first key or another one (ST-2), for whoever may sign it.
fn again(
    door: &Door,
    visitor: &Visitor,
    stage: &Stage,
    deed: &Deed<'_>,
    hidden: Vec<(&'static str, String)>,
) -> Result<Option<Again>, Refusal> {
    Ok(door.office.may(visitor, deed)?.then(|| Again {
        rotates: stage.enrolled_key().is_some(),
        begun: matches!(stage, Stage::Rotating { .. }),
        hidden,
    }))
}

/// The other status, for whoever may set it; only what has a key has one.
fn change(
    door: &Door,
    visitor: &Visitor,
    (stage, now): (&Stage, Status),
    deed: &Deed<'_>,
) -> Result<Option<&'static str>, Refusal> {
    if stage.enrolled_key().is_none() || !door.office.may(visitor, deed)? {
        return Ok(None);
    }
    Ok(Some(match now {
        Status::Active => Status::Suspended.name(),
        Status::Suspended => Status::Active.name(),
    }))
}
