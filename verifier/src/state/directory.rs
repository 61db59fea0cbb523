//! Events about who there is.

use alloc::{format, vec, vec::Vec};

use super::{
    AgentRow, CounterpartyRow, Ground, Row, RowName, Rows, Stage, StateError, Subject, SystemRow,
    apply::{agent, broken, counterparty, system, take_key},
};
use crate::{
    event::{
        AgentEnrolled, AgentInvited, Body, Claimed, CounterpartyChanged, CounterpartyEnrolled,
        StatusChanged, SystemEnrolled, SystemInvited,
    },
    id::Id,
    key::PublicKey,
    snapshot::Status,
    time::UnixMillis,
};

/// When and where an event stands.
pub(super) struct Moment {
    pub(super) at: UnixMillis,
    pub(super) entry: u64,
    /// The people who signed it, first or second, rising.
    pub(super) by: Vec<Id>,
}

impl Moment {
    /// The entry, for the row that it made what it is.
    pub(super) fn ground(&self) -> Ground {
        Ground {
            index: self.entry,
            by: self.by.clone(),
        }
    }
}

pub(super) fn apply<R: Rows>(
    rows: &mut R,
    body: &Body,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    match body {
        Body::AgentInvited(body) => agent_invited(rows, body, moment),
        Body::AgentClaimed(body) => agent_claimed(rows, body, moment),
        Body::AgentEnrolled(body) => agent_enrolled(rows, body, moment),
        Body::AgentChanged(body) => agent_changed(rows, body, moment),
        Body::SystemInvited(body) => system_invited(rows, body, moment),
        Body::SystemClaimed(body) => system_claimed(rows, body, moment),
        Body::SystemEnrolled(body) => system_enrolled(rows, body, moment),
        Body::SystemChanged(body) => system_changed(rows, body, moment),
        Body::CounterpartyEnrolled(body) => counterparty_enrolled(rows, body, moment),
        Body::CounterpartyChanged(body) => counterparty_changed(rows, body, moment),
        other => broken("case-step", format!("`{}` belongs to a case", other.kind())),
    }
}

/// ST-2: an id is invited again only while no key was confirmed for it.
fn agent_invited<R: Rows>(
    rows: &mut R,
    body: &AgentInvited,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let name = RowName::Agent(body.agent.clone());
    if let Some(Row::Agent(row)) = rows.row(&name).map_err(StateError::Rows)?
        && row.stage.enrolled_key().is_some()
    {
        return broken(
            "already-enrolled",
            format!(
                "agent `{}` is already enrolled; ids are never used again",
                body.agent
            ),
        );
    }
    let row = AgentRow {
        stage: Stage::Invited {
            code: body.code,
            expires_at: body.expires_at,
        },
        sponsor: body.sponsor.clone(),
        tier: body.tier,
        latitude: body.latitude,
        status: Status::Active,
        exposure_minor: 0,
        entries: vec![moment.ground()],
    };
    rows.set(name, Row::Agent(row));
    Ok(())
}

fn agent_claimed<R: Rows>(
    rows: &mut R,
    body: &Claimed,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let mut row = agent(rows, &body.id)?;
    row.stage = claimed(row.stage, &body.key, moment.at)?;
    row.entries.push(moment.ground());
    rows.set(RowName::Agent(body.id.clone()), Row::Agent(row));
    Ok(())
}

/// ST-3: what is confirmed is what was invited and the key that was shown.
fn agent_enrolled<R: Rows>(
    rows: &mut R,
    body: &AgentEnrolled,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let mut row = agent(rows, &body.agent)?;
    if row.sponsor != body.sponsor || row.tier != body.tier || row.latitude != body.latitude {
        return broken(
            "enrolment-mismatch",
            format!(
                "agent `{}` is confirmed with another sponsor, tier or latitude than invited",
                body.agent
            ),
        );
    }
    row.stage = enrolled(row.stage, &body.key)?;
    row.entries.push(moment.ground());
    take_key(rows, &body.key, Subject::Agent(body.agent.clone()))?;
    rows.set(RowName::Agent(body.agent.clone()), Row::Agent(row));
    Ok(())
}

fn agent_changed<R: Rows>(
    rows: &mut R,
    body: &StatusChanged,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let mut row = agent(rows, &body.id)?;
    if row.stage.enrolled_key().is_none() {
        return broken(
            "not-enrolled",
            format!("agent `{}` has no enrolled key yet", body.id),
        );
    }
    row.status = body.status;
    replace_last(&mut row.entries, ENROLMENT_ENTRIES, moment.ground());
    rows.set(RowName::Agent(body.id.clone()), Row::Agent(row));
    Ok(())
}

fn system_invited<R: Rows>(
    rows: &mut R,
    body: &SystemInvited,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let name = RowName::System(body.system.clone());
    if let Some(Row::System(row)) = rows.row(&name).map_err(StateError::Rows)?
        && row.stage.enrolled_key().is_some()
    {
        return broken(
            "already-enrolled",
            format!(
                "target system `{}` is already enrolled; ids are never used again",
                body.system
            ),
        );
    }
    let row = SystemRow {
        stage: Stage::Invited {
            code: body.code,
            expires_at: body.expires_at,
        },
        status: Status::Active,
        entries: vec![moment.ground()],
    };
    rows.set(name, Row::System(row));
    Ok(())
}

fn system_claimed<R: Rows>(
    rows: &mut R,
    body: &Claimed,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let mut row = system(rows, &body.id)?;
    row.stage = claimed(row.stage, &body.key, moment.at)?;
    row.entries.push(moment.ground());
    rows.set(RowName::System(body.id.clone()), Row::System(row));
    Ok(())
}

fn system_enrolled<R: Rows>(
    rows: &mut R,
    body: &SystemEnrolled,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let mut row = system(rows, &body.system)?;
    row.stage = enrolled(row.stage, &body.key)?;
    row.entries.push(moment.ground());
    take_key(rows, &body.key, Subject::System(body.system.clone()))?;
    rows.set(RowName::System(body.system.clone()), Row::System(row));
    Ok(())
}

fn system_changed<R: Rows>(
    rows: &mut R,
    body: &StatusChanged,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let mut row = system(rows, &body.id)?;
    if row.stage.enrolled_key().is_none() {
        return broken(
            "not-enrolled",
            format!("target system `{}` has no enrolled key yet", body.id),
        );
    }
    row.status = body.status;
    replace_last(&mut row.entries, ENROLMENT_ENTRIES, moment.ground());
    rows.set(RowName::System(body.id.clone()), Row::System(row));
    Ok(())
}

fn counterparty_enrolled<R: Rows>(
    rows: &mut R,
    body: &CounterpartyEnrolled,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let name = RowName::Counterparty(body.counterparty.clone());
    if rows.row(&name).map_err(StateError::Rows)?.is_some() {
        return broken(
            "already-enrolled",
            format!(
                "counterparty `{}` is already enrolled; ids are never used again",
                body.counterparty
            ),
        );
    }
    let row = CounterpartyRow {
        name: body.name.clone(),
        status: body.status,
        risk: body.risk,
        payments_before: body.payments_before,
        payment_details_changed_at: None,
        first_seen_at: moment.at,
        entries: vec![moment.ground()],
    };
    rows.set(name, Row::Counterparty(row));
    Ok(())
}

fn counterparty_changed<R: Rows>(
    rows: &mut R,
    body: &CounterpartyChanged,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let mut row = counterparty(rows, &body.counterparty)?;
    row.status = body.status;
    row.risk = body.risk;
    if body.payment_details_changed {
        row.payment_details_changed_at = Some(moment.at);
        // Enrolment and this: whatever came between is overruled.
        row.entries.truncate(1);
        row.entries.push(moment.ground());
    } else {
        let kept = if row.payment_details_changed_at.is_some() {
            2
        } else {
            1
        };
        replace_last(&mut row.entries, kept, moment.ground());
    }
    rows.set(
        RowName::Counterparty(body.counterparty.clone()),
        Row::Counterparty(row),
    );
    Ok(())
}

/// Invited, claimed, enrolled.
const ENROLMENT_ENTRIES: usize = 3;

/// Keeps the first `kept` entries and the newest: each change overrules the one before.
fn replace_last(entries: &mut Vec<Ground>, kept: usize, entry: Ground) {
    entries.truncate(kept);
    entries.push(entry);
}

/// A key is shown once per code, while the code lives. Whether the code was the right one is judged with the
/// signature ([`super::check_signed`]): it stands in the signed body.
fn claimed<E>(stage: Stage, key: &PublicKey, at: UnixMillis) -> Result<Stage, StateError<E>> {
    match stage {
        Stage::Invited { expires_at, .. } if at <= expires_at => Ok(Stage::Claimed(*key)),
        Stage::Invited { expires_at, .. } => broken(
            "code-expired",
            format!("the one-time code died at {expires_at} ms: invite again"),
        ),
        Stage::Claimed(_) => broken("code-used", "the one-time code was used: invite again"),
        Stage::Enrolled(_) => broken("already-enrolled", "a key is already enrolled"),
    }
}

fn enrolled<E>(stage: Stage, key: &PublicKey) -> Result<Stage, StateError<E>> {
    match stage {
        Stage::Claimed(shown) if shown == *key => Ok(Stage::Enrolled(*key)),
        Stage::Claimed(_) => broken(
            "enrolment-mismatch",
            "the key confirmed is not the key that was shown",
        ),
        Stage::Invited { .. } => broken("not-claimed", "no key was shown yet"),
        Stage::Enrolled(_) => broken("already-enrolled", "a key is already enrolled"),
    }
}
