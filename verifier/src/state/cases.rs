//! Events of cases: request, decision, Passport. Those of reviews are in `review`, those after a Passport in
//! `outcomes`.

use alloc::{format, string::ToString as _, vec::Vec};

use super::{
    CaseEvent, CaseRow, Completeness, Ground, HISTORY_MAX, Row, RowName, Rows, StateError,
    apply::{agent, broken, counterparty, log, system},
    authority::{administrators, person},
    outcomes, review, trust,
};
use crate::{
    case::{self, CaseState, Step},
    digest::{self, Digest},
    entry::{CaseId, CasePlace},
    event::{ActionRequested, Body, DecisionMade, Genesis},
    id::Id,
    key::PublicKey,
    passport::{Claims, Passport, Path},
    review::HistoryCase,
    snapshot::Snapshot,
    time::UnixMillis,
};

/// Where an event of a case stands.
pub(super) struct CaseStep {
    pub(super) place: CasePlace,
    pub(super) at: CaseEvent,
    pub(super) decided_at: UnixMillis,
    pub(super) completeness: Completeness,
}

pub(super) fn apply<R: Rows>(
    rows: &mut R,
    body: &Body,
    step: &CaseStep,
) -> Result<(), StateError<R::Error>> {
    match body {
        Body::ActionRequested(body) => requested(rows, step, body),
        Body::DecisionMade(body) => decided(rows, step, body),
        Body::ReviewOpened(body) => review::opened(rows, step, body),
        Body::ApprovalGiven(body) => review::judged(rows, step, body, Step::Approved),
        Body::ApprovalRefused(body) => review::judged(rows, step, body, Step::Refused),
        Body::CaseExpired(body) => review::expired(rows, step, body),
        Body::PassportIssued(bytes) => passport_issued(rows, step, bytes),
        Body::ExecutionStarted(body) => outcomes::started(rows, step, body),
        Body::OutcomeRecorded(body) => outcomes::recorded(rows, step, body),
        Body::DisputeResolved(body) => outcomes::resolved(rows, step, body),
        Body::OutcomeCounted(body) => outcomes::counted(rows, step, body),
        Body::PassportLapsed(body) => outcomes::lapsed(rows, step, body),
        Body::StandingChanged(body) => trust::changed(rows, step, body),
        other => broken(
            "case-step",
            format!("`{}` is no step of a case", other.kind()),
        ),
    }
}

fn requested<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &ActionRequested,
) -> Result<(), StateError<R::Error>> {
    let genesis = log(rows)?;
    // ST-6: the case's name follows from the request.
    let case = CaseId::of(&genesis.origin, &body.agent, &body.request_id);
    if case != step.place.case {
        return broken(
            "case-id",
            format!(
                "event names case {}, the request makes case {case}",
                step.place.case
            ),
        );
    }
    let request = RowName::Request(body.agent.clone(), body.request_id.clone());
    if rows.row(&request).map_err(StateError::Rows)?.is_some() {
        return broken(
            "request-repeated",
            format!("`{}` asked under `{}` before", body.agent, body.request_id),
        );
    }
    let agent = agent(rows, &body.agent)?;
    let Some(key) = agent.stage.enrolled_key() else {
        return broken(
            "not-enrolled",
            format!("agent `{}` asks without an enrolled key", body.agent),
        );
    };
    if body.action.currency() != genesis.currency {
        return broken(
            "currency",
            format!(
                "`{}` is not the currency of the log",
                body.action.currency()
            ),
        );
    }
    let content = digest::rfc9530_content(body.signed.body().unwrap_or_default());
    let mut row = CaseRow {
        state: follow(None, Step::Requested)?,
        agent: body.agent.clone(),
        request_id: body.request_id.clone(),
        content: Digest::from_bytes(content),
        target: body.action.target().clone(),
        amount_minor: body.action.amount_minor(),
        action: body.action.digest(),
        key: key.jwk_thumbprint(),
        verdict: None,
        bundle: None,
        snapshot: None,
        deadline: None,
        events: Vec::new(),
        grounds: Vec::new(),
        ending: None,
    };
    link(&mut row, step)?;
    rows.set(request, Row::Request(case));
    rows.set(RowName::Case(case), Row::Case(row));
    remember(rows, step, body)
}

/// The history of an agent: its last cases, which a review sheet shows.
fn remember<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &ActionRequested,
) -> Result<(), StateError<R::Error>> {
    let name = RowName::History(body.agent.clone());
    let mut items = match rows.row(&name).map_err(StateError::Rows)? {
        Some(Row::History(items)) => items,
        _ => Vec::new(),
    };
    items.push(HistoryCase {
        case: step.place.case,
        kind: body.action.kind(),
        counterparty: body.action.counterparty().clone(),
        amount_minor: body.action.amount_minor(),
        asked_at: step.decided_at,
    });
    let surplus = items.len().saturating_sub(HISTORY_MAX);
    items.drain(..surplus);
    rows.set(name, Row::History(items));
    Ok(())
}

fn decided<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &DecisionMade,
) -> Result<(), StateError<R::Error>> {
    let id = step.place.case;
    let verdict = body.decision.verdict();
    let mut row = case(rows, id)?;
    // AV-12: in a review, policy is asked again once people agreed.
    let before = if row.state == CaseState::InReview {
        let (agreed, review, grounds) = review::decided_again(rows, step, body)?;
        row.add_grounds(grounds);
        Some((agreed, review))
    } else {
        None
    };
    let agreed = matches!(before, Some((true, _)));
    let kind = if agreed {
        Step::DecidedAgain
    } else {
        Step::Decided(verdict)
    };
    row.state = follow(Some(row.state), kind)?;
    link(&mut row, step)?;
    let grounds = check_snapshot(rows, &row, step, &body.snapshot)?;
    row.add_grounds(grounds);
    row.verdict = Some(verdict);
    row.bundle = body.snapshot.bundle();
    row.snapshot = Some(body.snapshot.digest());
    if let (false, Some(review_ms)) = (agreed, body.decision.review_ms()) {
        // The deadline of a review counts from the decision that asks for it.
        let deadline = step.decided_at.plus(review_ms);
        row.deadline = Some(deadline);
        let before = before.as_ref().map(|(_, review)| review);
        let review = review::asked(body, deadline, before)?;
        rows.set(RowName::Review(id), Row::Review(review));
    }
    rows.set(RowName::Case(id), Row::Case(row));
    Ok(())
}

fn passport_issued<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    bytes: &[u8],
) -> Result<(), StateError<R::Error>> {
    let genesis = log(rows)?;
    let mut row = case(rows, step.place.case)?;
    let passport = match Passport::parse(bytes) {
        Ok(passport) => passport,
        Err(error) => return broken("malformed", error.to_string()),
    };
    // PA-5: what is registered has nothing that is not sealed.
    if passport.delivery().is_some() {
        return broken(
            "malformed",
            "a registered Passport has an empty unprotected header",
        );
    }
    check_claims(passport.claims(), &genesis, &row, step)?;
    check_path(rows, &passport.claims().path, &row, step)?;
    let mut agent_row = agent(rows, &row.agent)?;
    if agent_row.stage.enrolled_key() != Some(&passport.claims().key) {
        return broken(
            "key-mismatch",
            "the Passport confirms another key than the agent's",
        );
    }
    row.state = follow(Some(row.state), Step::PassportIssued)?;
    link(&mut row, step)?;
    row.ending = Some(outcomes::begins(passport.claims(), genesis.exponent));
    // What is permitted and not settled counts against the agent until it is.
    agent_row.exposure_minor = agent_row.exposure_minor.saturating_add(row.amount_minor);
    rows.set(RowName::Agent(row.agent.clone()), Row::Agent(agent_row));
    rows.set(RowName::Case(step.place.case), Row::Case(row));
    Ok(())
}

/// AV-13: the people who agreed, all of them, in their order; where policy alone allowed it, nobody.
fn check_path<R: Rows>(
    rows: &mut R,
    path: &Path,
    row: &CaseRow,
    step: &CaseStep,
) -> Result<(), StateError<R::Error>> {
    let expected = match row.state {
        CaseState::Agreed => review::approvals(rows, step.place.case)?.map(Path::Approved),
        _ => Some(Path::Authorized),
    };
    if expected.as_ref() == Some(path) {
        return Ok(());
    }
    broken(
        "approvals-mismatch",
        "the Passport's approvals are not those of the round that people agreed in",
    )
}

/// ST-9: a Passport says what the case says: of the decision, action and digest of the snapshot. Its rules are
/// compared where the decision's event is at hand, in [`crate::verify`].
fn check_claims<E>(
    claims: &Claims,
    genesis: &Genesis,
    row: &CaseRow,
    step: &CaseStep,
) -> Result<(), StateError<E>> {
    let chain: Vec<Digest> = row.events.iter().map(|event| event.digest).collect();
    for (same, code, what) in [
        (
            claims.origin == genesis.origin && claims.issuer == genesis.platform,
            "wrong-tenant",
            "log or issuer",
        ),
        (claims.case == step.place.case, "case-mismatch", "case"),
        (claims.agent == row.agent, "agent-mismatch", "agent"),
        (
            claims.audience.origin() == genesis.origin && *claims.audience.system() == row.target,
            "audience-mismatch",
            "audience",
        ),
        (
            Some(claims.bundle) == row.bundle,
            "policy-mismatch",
            "bundle",
        ),
        (
            claims.action_digest == row.action && claims.action.digest() == row.action,
            "action-mismatch",
            "action",
        ),
        (
            Some(claims.snapshot) == row.snapshot,
            "snapshot-mismatch",
            "digest of what was weighed",
        ),
        (claims.chain == chain, "chain-mismatch", "chain of events"),
        (
            claims.issued_s == step.decided_at.seconds(),
            "issue-time",
            "time of issue",
        ),
    ] {
        if !same {
            return broken(
                code,
                format!("the Passport's {what} is not that of its case"),
            );
        }
    }
    Ok(())
}

/// ST-8: what was weighed is what the log said at that position. Answers the entries that say so.
fn check_snapshot<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    step: &CaseStep,
    snapshot: &Snapshot,
) -> Result<Vec<u64>, StateError<R::Error>> {
    let genesis = log(rows)?;
    let agent = agent(rows, &row.agent)?;
    let target = system(rows, &row.target)?;
    // ST-8: a target system that nobody confirmed takes no Passports.
    if target.stage.enrolled_key().is_none() {
        return broken(
            "not-enrolled",
            format!("target system `{}` has no enrolled key", row.target),
        );
    }
    let counterparty = counterparty(rows, snapshot.counterparty().id())?;
    let policy = match rows.row(&RowName::Policy).map_err(StateError::Rows)? {
        Some(Row::Policy(row)) => Some(row),
        _ => None,
    };
    let found = snapshot.agent();
    let key = agent.stage.enrolled_key().map(PublicKey::jwk_thumbprint);
    // What hangs on other cases, a part of a log does not show.
    let whole = step.completeness == Completeness::Whole;
    let latitude = trust::weighed_agent(rows, &row.agent, step.decided_at)?;
    let weighed = trust::weighed_counterparty(rows, snapshot.counterparty().id(), step.decided_at)?;
    let of_counterparty = snapshot.counterparty();
    for (same, field) in [
        (snapshot.origin() == genesis.origin, "origin"),
        (snapshot.currency() == genesis.currency, "currency"),
        (snapshot.exponent() == genesis.exponent, "exponent"),
        (snapshot.decided_at() == step.decided_at, "decided_at"),
        (snapshot.standing_at() <= step.at.index, "standing_at"),
        (
            snapshot.bundle() == policy.as_ref().map(|row| row.bundle),
            "bundle",
        ),
        (*found.id() == row.agent, "agent.id"),
        (*found.sponsor() == agent.sponsor, "agent.sponsor"),
        (found.tier() == agent.tier, "agent.tier"),
        (found.status() == agent.status, "agent.status"),
        // SD-6.
        (!whole || found.latitude() == latitude, "agent.latitude"),
        (
            !whole || found.exposure_minor() == agent.exposure_minor,
            "agent.exposure_minor",
        ),
        // The first decision is of the key that asked; after a review, another may be enrolled (ST-2).
        (
            Some(found.key()) == key && (row.verdict.is_some() || found.key() == row.key),
            "agent.key",
        ),
        (snapshot.target().status() == target.status, "target.status"),
        (
            snapshot.counterparty().status() == counterparty.status,
            "counterparty.status",
        ),
        (
            // SD-7: earned risk and payments only add to what people stated.
            of_counterparty.risk() == weighed.risk
                || (!whole && of_counterparty.risk() > weighed.risk),
            "counterparty.risk",
        ),
        (
            of_counterparty.payments_before() == weighed.payments_before
                || (!whole && of_counterparty.payments_before() > weighed.payments_before),
            "counterparty.payments_before",
        ),
        (
            snapshot.counterparty().payment_details_changed_at()
                == counterparty.payment_details_changed_at,
            "counterparty.payment_details_changed_at",
        ),
        (*snapshot.action().target() == row.target, "action.target"),
        (
            snapshot.action().amount_minor() == row.amount_minor,
            "action.amount_minor",
        ),
    ] {
        if !same {
            return broken(
                "snapshot-mismatch",
                format!(
                    "the decision weighed a `{field}` that the log does not have at this position"
                ),
            );
        }
    }
    // All of it: type, counterparty, reference and parameters too.
    if snapshot.action().digest() != row.action {
        return broken(
            "action-mismatch",
            "the decision weighed another action than the one that was asked for",
        );
    }
    // PE-13: where a person signed for the agent, its sponsor had to be one too.
    let by_people = agent.entries.iter().any(|entry| !entry.by.is_empty());
    let sponsor = by_people.then_some(agent.sponsor);
    let entries = [agent.entries, target.entries, counterparty.entries].concat();
    let mut grounds = with_signers(rows, entries, sponsor)?;
    grounds.extend(policy_grounds(rows)?);
    Ok(grounds)
}

/// The entries that say which policy is active, and by whose word.
pub(super) fn policy_grounds<R: Rows>(rows: &mut R) -> Result<Vec<u64>, StateError<R::Error>> {
    let Some(Row::Policy(policy)) = rows.row(&RowName::Policy).map_err(StateError::Rows)? else {
        return Ok(Vec::new());
    };
    let mut entries: Vec<Ground> = [Ground {
        index: policy.entry,
        by: policy.by,
    }]
    .into();
    if let Some(Row::Bundle(bundle)) = rows
        .row(&RowName::Bundle(policy.bundle))
        .map_err(StateError::Rows)?
    {
        entries.push(bundle.entry);
    }
    let mut grounds = with_signers(rows, entries, None)?;
    grounds.extend(policy.proposal);
    Ok(grounds)
}

/// The indices of `entries`, and, where people signed them, of what these people and those who rule rest on:
/// back to the founder.
pub(super) fn with_signers<R: Rows>(
    rows: &mut R,
    entries: Vec<Ground>,
    also: Option<Id>,
) -> Result<Vec<u64>, StateError<R::Error>> {
    let mut grounds: Vec<u64> = entries.iter().map(|entry| entry.index).collect();
    let signers = entries.into_iter().flat_map(|entry| entry.by);
    let people: alloc::collections::BTreeSet<Id> = signers.chain(also).collect();
    if !people.is_empty() {
        grounds.extend(administrators(rows)?.entries);
    }
    for id in people {
        grounds.extend(person(rows, &id)?.into_iter().flat_map(|row| row.entries));
    }
    Ok(grounds)
}

/// ST-7: each event of a case names its number and the digest of the one before.
pub(super) fn link<E>(row: &mut CaseRow, step: &CaseStep) -> Result<(), StateError<E>> {
    let expected = u64::try_from(row.events.len()).unwrap_or(u64::MAX);
    let previous = row
        .events
        .last()
        .map_or(Digest::from_bytes([0; 32]), |event| event.digest);
    if step.place.index != expected || step.place.previous != previous {
        return broken(
            "case-chain",
            format!(
                "event {} of case {} does not link to the event before it (expected number {expected}, previous {previous})",
                step.place.index, step.place.case
            ),
        );
    }
    row.events.push(step.at);
    Ok(())
}

pub(super) fn follow<E>(from: Option<CaseState>, step: Step) -> Result<CaseState, StateError<E>> {
    case::follow(from, step).or_else(|error| broken("case-step", error.to_string()))
}

pub(super) fn case<R: Rows>(rows: &mut R, id: CaseId) -> Result<CaseRow, StateError<R::Error>> {
    match rows.row(&RowName::Case(id)).map_err(StateError::Rows)? {
        Some(Row::Case(row)) => Ok(row),
        _ => broken("case-step", format!("case {id} was never requested")),
    }
}
