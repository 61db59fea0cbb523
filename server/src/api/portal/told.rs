//! What a case says, in words for people: the facts of its action, and a line for each event. What anybody else chose
//! stands in it as theirs (TA-14).

use agentsigna_verifier::{
    action::Parameter,
    event::{Body, Judged, Speaker},
    outcome::Fault,
    passkey::context::{Choice, Reason},
    review::words::date,
};

use super::pages::{
    case::EventRow,
    frame::Facts,
    parts::{Block, Exactly, Hash, Money, Shown, Theirs, When},
};
use crate::domain::{CaseSeen, EventTold};

/// Everything about an action that its title does not say.
pub(super) fn facts(seen: &CaseSeen) -> Facts {
    let asked = &seen.asked;
    let action = &asked.action;
    let link = |place: &str, id: &dyn std::fmt::Display| {
        Shown::Link(format!("/{place}/{id}"), id.to_string())
    };
    let mut facts = vec![
        ("Asked", Shown::When(When(seen.asked_at))),
        ("Agent", link("agents", &asked.agent)),
        ("Request", Shown::text(&asked.request_id)),
        ("Category", Shown::text(action.kind().category())),
        (
            "Counterparty",
            link("counterparties", action.counterparty()),
        ),
        ("Target system", link("systems", action.target())),
    ];
    if !action.reference().is_empty() {
        facts.push(("Reference", Shown::Theirs(Theirs::new(action.reference()))));
    }
    for (name, value) in action.parameters() {
        let value = match value {
            Parameter::Integer(number) => number.to_string(),
            Parameter::Text(text) => text.clone(),
        };
        let told = Theirs::new(format!("{} = {value}", name.as_str()));
        facts.push(("Parameter", Shown::Theirs(told)));
    }
    if let Some(bundle) = &seen.row.bundle {
        facts.push(("Policy", link("policies", &bundle.to_hex())));
    }
    facts.push(("Action digest", Shown::Hash(Hash::of(&seen.row.action))));
    facts
}

/// One event of a case.
pub(super) fn event(told: EventTold, money: &impl Fn(u64) -> Money) -> EventRow {
    let (words, said) = words(&told.event.body, money);
    EventRow {
        index: told.index,
        kind: told.event.body.kind(),
        words,
        said,
        at: Exactly(told.event.decided_at),
        digest: told.digest,
        raw: Block(told.notation),
    }
}

/// What happened in our words, and what somebody said in it in theirs.
fn words(body: &Body, money: &impl Fn(u64) -> Money) -> (String, Option<Shown>) {
    let words = match body {
        Body::ActionRequested(asked) => {
            let action = &asked.action;
            let amount = money(action.amount_minor()).number();
            format!(
                "{} asked for a {} of {amount} {}",
                asked.agent,
                action.kind().name(),
                action.currency()
            )
        }
        Body::DecisionMade(made) => format!(
            "Policy decided: {} by {}",
            made.decision.verdict().name(),
            made.decision.rules().join(", ")
        ),
        Body::ReviewOpened(opened) => format!(
            "Round {} began: people are asked until {}",
            opened.round,
            date(opened.deadline)
        ),
        Body::ApprovalGiven(judged) | Body::ApprovalRefused(judged) => return word(judged),
        Body::CaseExpired(expired) => {
            format!("Round {} ended: too few agreed in time", expired.round)
        }
        Body::PassportIssued(_) => "The Passport was issued".to_owned(),
        Body::ExecutionStarted(started) => format!("Target {} began", started.system),
        Body::OutcomeRecorded(body) => {
            let words = ended(&body.by, body.outcome.as_str(), body.fault);
            return (words, theirs(&body.reason));
        }
        Body::DisputeResolved(body) => {
            let words = ended(&body.by, body.result.as_str(), body.fault);
            return (words, theirs(&body.reason));
        }
        Body::OutcomeCounted(_) => "Nobody disputed it in time: it counts".to_owned(),
        Body::PassportLapsed(_) => "Nobody used the Passport: it lapsed".to_owned(),
        Body::StandingChanged(changed) => {
            let standing = &changed.standing;
            let scores = standing
                .scores
                .iter()
                .take(SCORES_SHOWN)
                .map(u64::to_string);
            let scores: Vec<String> = scores.collect();
            let mut words = format!(
                "Standing of {}: scores {} …",
                changed.rated,
                scores.join(" ")
            );
            if let Some(until) = standing.probation_until {
                words.push_str(&format!("; on probation until {}", date(until)));
            }
            words
        }
        other => other.kind().to_owned(),
    };
    (words, None)
}

/// How many bands a line shows.
const SCORES_SHOWN: usize = 4;

fn ended(by: &Speaker, what: &str, fault: Option<Fault>) -> String {
    let fault = match fault {
        Some(Fault::Agent) => ", by fault of the agent",
        Some(Fault::Counterparty) => ", by fault of the counterparty",
        Some(Fault::Nobody) => ", by nobody’s fault",
        None => "",
    };
    format!("{by} said: {what}{fault}")
}

fn theirs(reason: &Reason) -> Option<Shown> {
    Some(Shown::Theirs(Theirs::new(reason.as_str())))
}

fn word(judged: &Judged) -> (String, Option<Shown>) {
    let context = &judged.context;
    let (did, reason) = match &context.choice {
        Choice::Approve { reason } => ("approved", reason.as_ref()),
        Choice::Refuse { reason } => ("refused", Some(reason)),
    };
    let whom = match &context.delegator {
        Some(other) => format!(" for {other}"),
        None => String::new(),
    };
    let words = format!(
        "{} {did}{whom}, in round {}",
        context.approver, judged.round
    );
    (
        words,
        reason.map(|reason| Shown::Theirs(Theirs::new(reason.as_str()))),
    )
}
