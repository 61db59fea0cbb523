//! Events about who there is.

use alloc::{boxed::Box, format, vec, vec::Vec};
use core::mem;

use super::{
    AgentRow, CounterpartyRow, Ground, NewKey, Row, RowName, Rows, Stage, StateError, Subject,
    SystemRow,
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

/// ST-2: whoever has a key keeps all there is and gets another one.
fn agent_invited<R: Rows>(
    rows: &mut R,
    body: &AgentInvited,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let name = RowName::Agent(body.agent.clone());
    let new = NewKey::Invited {
        code: body.code,
        expires_at: body.expires_at,
    };
    if let Some(Row::Agent(mut row)) = rows.row(&name).map_err(StateError::Rows)?
        && let Some(key) = row.stage.enrolled_key()
    {
        if row.sponsor != body.sponsor || row.tier != body.tier || row.latitude != body.latitude {
            return broken(
                "enrolment-mismatch",
                format!(
                    "agent `{}` has a key: it gets another one with the sponsor, tier and latitude that it has",
                    body.agent
                ),
            );
        }
        row.stage = rotating(*key, new, moment);
        rows.set(name, Row::Agent(row));
        return Ok(());
    }
    let row = AgentRow {
        stage: Stage::Enrolling(new),
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
    claimed(&mut row.stage, &mut row.entries, &body.key, moment)?;
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
    row.entries = enrolled(&mut row.stage, (row.entries, row.status), &body.key, moment)?;
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
    status_changed(&mut row.entries, moment);
    rows.set(RowName::Agent(body.id.clone()), Row::Agent(row));
    Ok(())
}

fn system_invited<R: Rows>(
    rows: &mut R,
    body: &SystemInvited,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let name = RowName::System(body.system.clone());
    let new = NewKey::Invited {
        code: body.code,
        expires_at: body.expires_at,
    };
    if let Some(Row::System(mut row)) = rows.row(&name).map_err(StateError::Rows)?
        && let Some(key) = row.stage.enrolled_key()
    {
        row.stage = rotating(*key, new, moment);
        rows.set(name, Row::System(row));
        return Ok(());
    }
    let row = SystemRow {
        stage: Stage::Enrolling(new),
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
    claimed(&mut row.stage, &mut row.entries, &body.key, moment)?;
    rows.set(RowName::System(body.id.clone()), Row::System(row));
    Ok(())
}

fn system_enrolled<R: Rows>(
    rows: &mut R,
    body: &SystemEnrolled,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    let mut row = system(rows, &body.system)?;
    row.entries = enrolled(&mut row.stage, (row.entries, row.status), &body.key, moment)?;
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
    status_changed(&mut row.entries, moment);
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

/// And suspended, before another key was confirmed.
const SUSPENDED_ENTRIES: usize = ENROLMENT_ENTRIES + 1;

/// The newest status overrules the one before, also the one of which the entries of a replaced key speak.
fn status_changed(entries: &mut Vec<Ground>, moment: &Moment) {
    if entries.len() > SUSPENDED_ENTRIES {
        entries.drain(..SUSPENDED_ENTRIES);
    }
    replace_last(entries, ENROLMENT_ENTRIES, moment.ground());
}

/// Keeps the first `kept` entries and the newest: each change overrules the one before.
fn replace_last(entries: &mut Vec<Ground>, kept: usize, entry: Ground) {
    entries.truncate(kept);
    entries.push(entry);
}

/// ST-2: `key` counts while another is on its way.
fn rotating(key: PublicKey, new: NewKey, moment: &Moment) -> Stage {
    Stage::Rotating {
        key,
        new: Box::new(new),
        entries: vec![moment.ground()],
    }
}

/// A key is shown once per code, while the code lives. Whether the code was the right one is judged with the
/// signature ([`super::check_signed`]): it stands in the signed body.
fn claimed<E>(
    stage: &mut Stage,
    entries: &mut Vec<Ground>,
    key: &PublicKey,
    moment: &Moment,
) -> Result<(), StateError<E>> {
    let (new, entries) = match stage {
        Stage::Enrolling(new) => (new, entries),
        Stage::Rotating { new, entries, .. } => (&mut **new, entries),
        Stage::Enrolled(_) => {
            return broken(
                "already-enrolled",
                "a key is already enrolled: invite again to replace it",
            );
        }
    };
    match *new {
        NewKey::Invited { expires_at, .. } if moment.at <= expires_at => {}
        NewKey::Invited { expires_at, .. } => {
            return broken(
                "code-expired",
                format!("the one-time code died at {expires_at} ms: invite again"),
            );
        }
        NewKey::Claimed(_) => {
            return broken("code-used", "the one-time code was used: invite again");
        }
    }
    *new = NewKey::Claimed(*key);
    entries.push(moment.ground());
    Ok(())
}

/// ST-2, ST-3: the key that was shown counts from here on, and no other. Answers the entries that say so, and that
/// the status is what it was.
fn enrolled<E>(
    stage: &mut Stage,
    (mut entries, status): (Vec<Ground>, Status),
    key: &PublicKey,
    moment: &Moment,
) -> Result<Vec<Ground>, StateError<E>> {
    match stage.new_key() {
        Some(NewKey::Claimed(shown)) if shown == key => {}
        Some(NewKey::Claimed(_)) => {
            return broken(
                "enrolment-mismatch",
                "the key confirmed is not the key that was shown",
            );
        }
        Some(NewKey::Invited { .. }) => return broken("not-claimed", "no key was shown yet"),
        None => return broken("already-enrolled", "a key is already enrolled"),
    }
    if let Stage::Rotating { entries: newer, .. } = stage {
        // Of the new key alone, an invitation says `active`.
        match status {
            Status::Active => entries.clear(),
            Status::Suspended => entries.truncate(SUSPENDED_ENTRIES),
        }
        entries.extend(mem::take(newer));
    }
    entries.push(moment.ground());
    *stage = Stage::Enrolled(*key);
    Ok(entries)
}
