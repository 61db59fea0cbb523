//! What is wrong with an act before anybody is asked to sign it, with the place in its body (TA-20).
//!
//! Not the judge: all of it is judged again when the event is made and applied, by the verifier's rules. What is said
//! here alone spares a signature.

use agentsigna_verifier::{
    act::{AgentInvitation, Delegation, UserInvitation},
    people::DELEGATION_MS_MAX,
    state::{Row, RowName},
};

use super::{Refusal, asked::Asked, people, row};
use crate::ledger::Reading;

/// Objects to what could only be refused, whoever signs it.
pub(super) fn check(reading: &mut Reading, asked: &Asked) -> Result<(), Refusal> {
    match asked {
        Asked::InviteAgent(act) => check_terms(reading, act),
        Asked::EnrolCounterparty(act) => check_free(
            reading,
            &RowName::Counterparty(act.counterparty.clone()),
            "/counterparty",
        ),
        Asked::InviteUser(act) => check_same(reading, act),
        Asked::Delegate(act) => check_times(act),
        _ => Ok(()),
    }
}

/// ST-2: another key comes with the terms that there are.
fn check_terms(reading: &mut Reading, act: &AgentInvitation) -> Result<(), Refusal> {
    let Some(Row::Agent(row)) = row(reading, &RowName::Agent(act.agent.clone()))? else {
        return Ok(());
    };
    let same = row.sponsor == act.sponsor && row.tier == act.tier && row.latitude == act.latitude;
    if row.stage.enrolled_key().is_some() && !same {
        return Err(object(
            "enrolment-mismatch",
            "/agent",
            format!(
                "agent `{}` has a key: for another one, look at its page; for another sponsor or tier, enrol another agent",
                act.agent
            ),
        ));
    }
    Ok(())
}

/// ST-2: counterparties are enrolled once.
fn check_free(reading: &mut Reading, name: &RowName, pointer: &'static str) -> Result<(), Refusal> {
    if row(reading, name)?.is_some() {
        let what = name.describe();
        return Err(object(
            "already-enrolled",
            pointer,
            format!("{what} is already enrolled; ids are never used again"),
        ));
    }
    Ok(())
}

/// PE-2: a person of the log is invited as nobody else.
fn check_same(reading: &mut Reading, act: &UserInvitation) -> Result<(), Refusal> {
    let Some(row) = people::person(reading, &act.user)? else {
        return Ok(());
    };
    let same = row.name == act.name && row.roles == act.roles && row.groups == act.groups;
    if row.is_of_the_log() && !same {
        return Err(object(
            "enrolment-mismatch",
            "/user",
            format!(
                "`{}` is a person of the log: change their roles and groups on their page",
                act.user
            ),
        ));
    }
    Ok(())
}

fn check_times(act: &Delegation) -> Result<(), Refusal> {
    let lasts = act.ends_at.millis().checked_sub(act.starts_at.millis());
    if lasts.is_some_and(|ms| (1..=DELEGATION_MS_MAX).contains(&ms)) {
        return Ok(());
    }
    Err(object(
        "delegation-range",
        "/ends_at",
        "a delegation ends 1 ms to 30 days after it begins".to_owned(),
    ))
}

fn object(code: &'static str, pointer: &'static str, detail: String) -> Refusal {
    Refusal {
        pointer: Some(pointer.to_owned()),
        ..Refusal::conflict(code, detail)
    }
}
