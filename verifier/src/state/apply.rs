//! One event, applied: may it follow, and what is true after it?

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::{
    AgentRow, BundleRow, CaseEvent, CaseRow, Deed, HISTORY_MAX, HistoryItem, PolicyRow, Row,
    RowName, Rows, Subject, authority,
    directory::{self, Moment},
    people,
    rows::{CounterpartyRow, SystemRow},
};
use crate::{
    case::{self, CaseState, Step},
    digest::{self, Digest},
    entry::{CaseId, CasePlace, Event},
    event::{
        ActionRequested, Body, CaseExpired, DecisionMade, Founder, Genesis, PolicyActivated,
        ReviewOpened,
    },
    passport::{Claims, Passport},
    snapshot::Snapshot,
    time::UnixMillis,
};

/// Whether every event before this one was applied, or only those that a case file brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// A whole log: every number of a snapshot must be what the log says.
    Whole,
    /// A part of it: exposure cannot be known, for it counts other cases.
    Part,
}

/// Why an event cannot follow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StateError<E> {
    /// The rows could not be read.
    #[error("rows could not be read")]
    Rows(#[source] E),
    /// A rule of `spec/state.md` is broken.
    #[error("{what}")]
    Broken {
        /// A word for machines, from the table of `spec/state.md`.
        code: &'static str,
        /// For people: what was found and what was expected.
        what: String,
    },
}

pub(super) fn broken<T, E>(
    code: &'static str,
    what: impl Into<String>,
) -> Result<T, StateError<E>> {
    Err(StateError::Broken {
        code,
        what: what.into(),
    })
}

/// Judges whether `event`, whose bytes have the digest `digest`, may stand at `index`, and sets the rows it
/// changes. Signatures are not judged here.
///
/// # Errors
/// [`StateError::Broken`] if it may not; then no row was set that a caller should keep.
pub fn apply<R: Rows>(
    rows: &mut R,
    event: &Event,
    digest: Digest,
    index: u64,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    // ST-1: the first entry founds the log, and no other does.
    if (index == 0) != matches!(event.body, Body::LogCreated(_)) {
        return broken(
            "genesis",
            format!(
                "`{}` at index {index}: `log.created` stands at index 0 and nowhere else",
                event.body.kind()
            ),
        );
    }
    if let Some(place) = event.place {
        let step = CaseStep {
            place,
            at: CaseEvent { index, digest },
            decided_at: event.decided_at,
            completeness,
        };
        return match &event.body {
            Body::ActionRequested(body) => requested(rows, &step, body),
            Body::DecisionMade(body) => decided(rows, &step, body),
            Body::ReviewOpened(body) => review_opened(rows, &step, body),
            Body::CaseExpired(body) => expired(rows, &step, body),
            Body::PassportIssued(bytes) => passport_issued(rows, &step, bytes),
            other => broken(
                "case-step",
                format!("`{}` is no step of a case", other.kind()),
            ),
        };
    }
    let moment = Moment {
        at: event.decided_at,
        entry: index,
    };
    outside_case(rows, &event.body, &moment, completeness)
}

fn outside_case<R: Rows>(
    rows: &mut R,
    body: &Body,
    moment: &Moment,
    completeness: Completeness,
) -> Result<(), StateError<R::Error>> {
    // PE-7, PE-9: whoever signed it may, and a second person where two are asked for.
    let signers = match Deed::of(body) {
        Some((deed, signed)) => authority::act(rows, &deed, signed, moment)?,
        None => authority::Signers::default(),
    };
    match body {
        Body::LogCreated(genesis) => {
            rows.set(RowName::Log, Row::Log(genesis.clone()));
            match &genesis.founder {
                Founder::File(_) => Ok(()),
                Founder::Passkey(founder) => people::founded(rows, founder, moment),
            }
        }
        Body::PolicyPublished(body) => {
            let name = RowName::Bundle(body.bundle);
            // The first publication stays: an activation between two of one bundle rests on the first.
            if rows.row(&name).map_err(StateError::Rows)?.is_none() {
                let row = BundleRow {
                    bytes: body.bytes,
                    entry: moment.entry,
                };
                rows.set(name, Row::Bundle(row));
            }
            Ok(())
        }
        Body::PolicyActivated(body) => activated(rows, body, signers, moment),
        Body::UserInvited(body) => people::invited(rows, body, &signers, moment),
        Body::UserClaimed(body) => people::claimed(rows, body, moment),
        Body::UserEnrolled(body) => people::enrolled(rows, body, &signers, moment, completeness),
        Body::UserChanged(body) => people::changed(rows, body, &signers, moment, completeness),
        Body::UserRevoked(body) => people::revoked(rows, body, &signers, moment, completeness),
        Body::DelegationGiven(body) => people::delegated(rows, body, moment),
        Body::DelegationEnded(body) => people::delegation_ended(rows, body, moment),
        Body::ActProposed(body) => authority::proposed(rows, body, moment, completeness),
        Body::AuthSignedIn(body) => people::signed_in(rows, body),
        Body::AuthEnded(body) => people::of_the_log(rows, &body.user).map(drop),
        Body::AuthLocked(body) => people::of_the_log(rows, &body.user).map(drop),
        Body::AuthFailed(_) => Ok(()),
        body => directory::apply(rows, body, moment),
    }
}

fn activated<R: Rows>(
    rows: &mut R,
    body: &PolicyActivated,
    signers: authority::Signers,
    moment: &Moment,
) -> Result<(), StateError<R::Error>> {
    if rows
        .row(&RowName::Bundle(body.bundle))
        .map_err(StateError::Rows)?
        .is_none()
    {
        return broken(
            "unpublished-bundle",
            format!(
                "bundle {} is activated but was never published",
                body.bundle
            ),
        );
    }
    let row = PolicyRow {
        bundle: body.bundle,
        entry: moment.entry,
        activated_at: moment.at,
        by: signers.by,
        proposal: signers.proposal,
    };
    rows.set(RowName::Policy, Row::Policy(row));
    Ok(())
}

struct CaseStep {
    place: CasePlace,
    at: CaseEvent,
    decided_at: UnixMillis,
    completeness: Completeness,
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
    items.push(HistoryItem {
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
    let mut row = case(rows, step.place.case)?;
    row.state = follow(Some(row.state), Step::Decided(body.decision.verdict()))?;
    link(&mut row, step)?;
    row.grounds = check_snapshot(rows, &row, step, &body.snapshot)?;
    row.verdict = Some(body.decision.verdict());
    row.bundle = body.snapshot.bundle();
    row.snapshot = Some(body.snapshot.digest());
    // The deadline of a review counts from the decision that asks for it.
    row.deadline = body.decision.review_ms().map(|ms| step.decided_at.plus(ms));
    rows.set(RowName::Case(step.place.case), Row::Case(row));
    Ok(())
}

fn review_opened<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &ReviewOpened,
) -> Result<(), StateError<R::Error>> {
    let mut row = case(rows, step.place.case)?;
    row.state = follow(Some(row.state), Step::ReviewOpened)?;
    link(&mut row, step)?;
    if body.round != 1 {
        return broken(
            "review-round",
            format!("review round {} where round 1 opens", body.round),
        );
    }
    // CA-3: people have the time that the decision gave them.
    if row.deadline != Some(body.deadline) {
        return broken(
            "review-deadline",
            format!(
                "review until {} ms, the decision asks for another time",
                body.deadline
            ),
        );
    }
    rows.set(RowName::Case(step.place.case), Row::Case(row));
    Ok(())
}

fn expired<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &CaseExpired,
) -> Result<(), StateError<R::Error>> {
    let mut row = case(rows, step.place.case)?;
    row.state = follow(Some(row.state), Step::Expired)?;
    link(&mut row, step)?;
    if body.round != 1 {
        return broken(
            "review-round",
            format!("review round {} expires where round 1 is open", body.round),
        );
    }
    if row.deadline != Some(body.deadline) {
        return broken(
            "review-deadline",
            format!(
                "expiry names {} ms, the open review another time",
                body.deadline
            ),
        );
    }
    // CA-3: silence counts only once the time is up.
    if step.decided_at < body.deadline {
        return broken(
            "expired-early",
            format!(
                "case expired at {} ms, before its deadline {} ms",
                step.decided_at, body.deadline
            ),
        );
    }
    rows.set(RowName::Case(step.place.case), Row::Case(row));
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
    let mut agent_row = agent(rows, &row.agent)?;
    if agent_row.stage.enrolled_key() != Some(&passport.claims().key) {
        return broken(
            "key-mismatch",
            "the Passport confirms another key than the agent's",
        );
    }
    row.state = follow(Some(row.state), Step::PassportIssued)?;
    link(&mut row, step)?;
    // What is permitted and not settled counts against the agent until it is.
    agent_row.exposure_minor = agent_row.exposure_minor.saturating_add(row.amount_minor);
    rows.set(RowName::Agent(row.agent.clone()), Row::Agent(agent_row));
    rows.set(RowName::Case(step.place.case), Row::Case(row));
    Ok(())
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
    let exposure_known = step.completeness == Completeness::Whole;
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
        (found.latitude() == agent.latitude, "agent.latitude"),
        (
            !exposure_known || found.exposure_minor() == agent.exposure_minor,
            "agent.exposure_minor",
        ),
        (found.key() == row.key, "agent.key"),
        (snapshot.target().status() == target.status, "target.status"),
        (
            snapshot.counterparty().status() == counterparty.status,
            "counterparty.status",
        ),
        (
            snapshot.counterparty().risk() == counterparty.risk,
            "counterparty.risk",
        ),
        (
            snapshot.counterparty().payments_before() == counterparty.payments_before,
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
    let mut grounds = [agent.entries, target.entries, counterparty.entries].concat();
    if let Some(policy) = policy {
        grounds.push(policy.entry);
        grounds.extend(policy.proposal);
        if let Some(Row::Bundle(bundle)) = rows
            .row(&RowName::Bundle(policy.bundle))
            .map_err(StateError::Rows)?
        {
            grounds.push(bundle.entry);
        }
    }
    grounds.sort_unstable();
    grounds.dedup();
    Ok(grounds)
}

/// ST-7: each event of a case names its number and the digest of the one before.
fn link<E>(row: &mut CaseRow, step: &CaseStep) -> Result<(), StateError<E>> {
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

fn follow<E>(from: Option<CaseState>, step: Step) -> Result<CaseState, StateError<E>> {
    case::follow(from, step).or_else(|error| broken("case-step", error.to_string()))
}

pub(super) fn log<R: Rows>(rows: &mut R) -> Result<Genesis, StateError<R::Error>> {
    match rows.row(&RowName::Log).map_err(StateError::Rows)? {
        Some(Row::Log(genesis)) => Ok(genesis),
        _ => broken("genesis", "the genesis entry is missing"),
    }
}

pub(super) fn agent<R: Rows>(
    rows: &mut R,
    id: &crate::id::Id,
) -> Result<AgentRow, StateError<R::Error>> {
    match rows
        .row(&RowName::Agent(id.clone()))
        .map_err(StateError::Rows)?
    {
        Some(Row::Agent(row)) => Ok(row),
        _ => broken("unknown-agent", format!("agent `{id}` was never invited")),
    }
}

pub(super) fn system<R: Rows>(
    rows: &mut R,
    id: &crate::id::Id,
) -> Result<SystemRow, StateError<R::Error>> {
    match rows
        .row(&RowName::System(id.clone()))
        .map_err(StateError::Rows)?
    {
        Some(Row::System(row)) => Ok(row),
        _ => broken(
            "unknown-target",
            format!("target system `{id}` was never invited"),
        ),
    }
}

pub(super) fn counterparty<R: Rows>(
    rows: &mut R,
    id: &crate::id::Id,
) -> Result<CounterpartyRow, StateError<R::Error>> {
    match rows
        .row(&RowName::Counterparty(id.clone()))
        .map_err(StateError::Rows)?
    {
        Some(Row::Counterparty(row)) => Ok(row),
        _ => broken(
            "unknown-counterparty",
            format!("counterparty `{id}` was never enrolled"),
        ),
    }
}

fn case<R: Rows>(rows: &mut R, id: CaseId) -> Result<CaseRow, StateError<R::Error>> {
    match rows.row(&RowName::Case(id)).map_err(StateError::Rows)? {
        Some(Row::Case(row)) => Ok(row),
        _ => broken("case-step", format!("case {id} was never requested")),
    }
}

/// The key row of a thumbprint that is not taken yet.
pub(super) fn take_key<R: Rows>(
    rows: &mut R,
    key: &crate::key::PublicKey,
    subject: Subject,
) -> Result<(), StateError<R::Error>> {
    let genesis = log(rows)?;
    let name = RowName::Key(key.jwk_thumbprint());
    // ST-4: one key, one holder; the keys of the log itself are nobody else's.
    let own = [genesis.log_key, genesis.seal_key];
    if own.contains(key)
        || genesis.founder.file_key() == Some(key)
        || rows.row(&name).map_err(StateError::Rows)?.is_some()
    {
        return broken(
            "key-taken",
            format!(
                "key {} is somebody else's",
                key.jwk_thumbprint().to_base64url()
            ),
        );
    }
    rows.set(name, Row::Key(subject));
    Ok(())
}
