//! What a case file shows of what became of a permission, for people: who said it, and whose key stands behind.

use alloc::{format, string::String};

use super::{Voucher, report::Checks};
use crate::{
    case::CaseState,
    entry::Event,
    event::{Body, Speaker, cti_to_hex},
    outcome::Fault,
    state::{MemoryRows, Row},
    time::UnixMillis,
};

/// What an event says, for people.
pub(super) fn say_event(checks: &mut Checks, event: &Event) {
    let at = event.decided_at;
    match &event.body {
        Body::ExecutionStarted(body) => {
            let cti = cti_to_hex(&body.passport);
            let value = format!("by target {} at {at} ms, with Passport {cti}", body.system);
            checks.claim("execution started", value, Voucher::TargetKey);
        }
        Body::OutcomeRecorded(body) => {
            let what = said(body.outcome.as_str(), body.fault, &body.by, at);
            let value = format!("{what}: \"{}\"", body.reason.as_str());
            checks.claim("outcome", value, voucher(&body.by));
        }
        Body::DisputeResolved(body) => {
            let what = said(body.result.as_str(), body.fault, &body.by, at);
            let value = format!("{what}: \"{}\"", body.reason.as_str());
            checks.claim("dispute", value, voucher(&body.by));
        }
        Body::OutcomeCounted(_) => {
            let value = format!("completed, undisputed for 7 days, at {at} ms");
            checks.claim("outcome", value, Voucher::Computed);
        }
        Body::PassportLapsed(_) => {
            let value = format!("never used, lapsed at {at} ms");
            checks.claim("outcome", value, Voucher::LogKey);
        }
        Body::StandingChanged(body) => {
            let scores = body.standing.scores.iter().take(SCORES_SHOWN);
            let scores: alloc::vec::Vec<String> = scores.map(|score| format!("{score}")).collect();
            let value = format!("{}: scores {} …", body.rated, scores.join(" "));
            checks.claim("standing", value, Voucher::LogKey);
        }
        _ => {}
    }
}

/// How many bands a line shows.
const SCORES_SHOWN: usize = 4;

fn said(what: &str, fault: Option<Fault>, by: &Speaker, at: UnixMillis) -> String {
    let fault = match fault {
        Some(Fault::Agent) => ", by fault of the agent",
        Some(Fault::Counterparty) => ", by fault of the counterparty",
        Some(Fault::Nobody) => ", by nobody's fault",
        None => "",
    };
    format!("{what}{fault}, said by {by} at {at} ms")
}

const fn voucher(by: &Speaker) -> Voucher {
    match by {
        Speaker::System(_) => Voucher::TargetKey,
        Speaker::User(_) => Voucher::Passkeys,
        Speaker::Founder => Voucher::FounderKey,
    }
}

/// Of a whole log: permissions of which nobody said what became of them, and how many of them are past their end.
pub(super) fn tell_open(checks: &mut Checks, rows: &MemoryRows, now: Option<UnixMillis>) {
    let (mut open, mut past) = (0_u64, 0_u64);
    for (_, row) in rows.iter() {
        if let Row::Case(case) = row
            && matches!(case.state, CaseState::Issued | CaseState::Executing)
            && let Some(ending) = &case.ending
        {
            open = open.saturating_add(1);
            past = past.saturating_add(u64::from(now > Some(ending.expires_at)));
        }
    }
    let value = format!("{open}, of these {past} past the end of their Passport");
    checks.claim("permissions without outcome", value, Voucher::Computed);
}
