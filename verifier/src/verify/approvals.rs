//! What a Passport shows of the people who agreed, and what the entries of a case file say they said (AV-5, AV-13).
//!
//! The keys are those in the Passport: whose they are, whether enough people agreed and whether they might, the seal
//! key vouches for; the case file shows it.

use alloc::format;

use super::{
    Step, Voucher,
    report::{Checks, Halt, Stop, ensure, refuse},
};
use crate::{
    event::Body,
    id::Id,
    log::note::KeyName,
    passkey::context::{Choice, RuleIds},
    passport::{Approvals, Claims},
    trust::TrustedLog,
};

/// VE-32: where the path is `approved`, people signed exactly this.
pub(super) fn made(checks: &mut Checks, claims: &Claims, log: &TrustedLog) -> Result<(), Halt> {
    match claims.path.approvals() {
        None => {
            checks.none_asked_for(Step::Approvals);
            Ok(())
        }
        Some(approvals) => {
            let found = signed(claims, approvals, log);
            checks.made(Step::Approvals, found)
        }
    }
}

/// AV-5, AV-13, of the approvals in the claims.
pub(super) fn check(claims: &Claims, log: &TrustedLog) -> Result<(), Stop> {
    let approvals = claims.path.approvals();
    approvals.map_or(Ok(()), |approvals| signed(claims, approvals, log))
}

fn signed(claims: &Claims, approvals: &Approvals, log: &TrustedLog) -> Result<(), Stop> {
    let Some(site) = log.approval_site() else {
        return refuse(
            "no-site",
            format!("log `{}` names no site where people judge", log.origin()),
        );
    };
    // AV-13: one person, one slot.
    for (at, person) in approvals.people.iter().enumerate() {
        let people = |id: &Id| person.approver == *id || person.delegator.as_ref() == Some(id);
        let before = approvals.people.iter().take(at);
        let mut repeated = before.filter(|other| {
            people(&other.approver)
                || other.delegator.as_ref().is_some_and(people)
                || other.key == person.key
        });
        ensure(
            repeated.next().is_none() && person.delegator.as_ref() != Some(&person.approver),
            "approvals-mismatch",
            format!("`{}` stands in two slots", person.approver),
        )?;
    }
    let origin = KeyName::parse(&claims.origin).ok();
    let rules = RuleIds::new(claims.rules.clone());
    let subject = origin.as_ref().zip(rules.as_ref());
    let Some(subject) = subject.and_then(|(origin, rules)| claims.subject(origin, rules)) else {
        return refuse(
            "approvals-mismatch",
            "log, rules or chain of the Passport are nothing that anybody could have signed",
        );
    };
    for person in &approvals.people {
        // AV-5.
        let context = approvals.context(person, subject);
        if let Err(error) = context.check(&person.assertion, &person.key, &site) {
            let what = format!("what `{}` signed: {error}", person.approver);
            return refuse(error.code(), what);
        }
        let signed_s = person.life.issued_at().seconds();
        ensure(
            signed_s <= claims.issued_s,
            "approval-time",
            format!(
                "`{}` could sign from {signed_s} s on, issued at {} s",
                person.approver, claims.issued_s
            ),
        )?;
    }
    Ok(())
}

/// What the Passport says of the people, for people.
pub(super) fn say(checks: &mut Checks, claims: &Claims) {
    let Some(approvals) = claims.path.approvals() else {
        return;
    };
    for person in &approvals.people {
        checks.claim("agreed", person, Voucher::ApproverDevice);
    }
    checks.not_checked(
        "approvers",
        "whose keys these are, whether as many agreed as were asked for and who was excluded: the seal key vouches for it; the case file shows it",
    );
}

/// What an event says of one person, for people.
pub(super) fn say_event(checks: &mut Checks, body: &Body) {
    let (name, judged) = match body {
        Body::ApprovalGiven(judged) => ("agreed", judged),
        Body::ApprovalRefused(judged) => ("refused", judged),
        _ => return,
    };
    let context = &judged.context;
    let who = context.delegator.as_ref().map_or_else(
        || format!("{}", context.approver),
        |delegator| format!("{} for {delegator}", context.approver),
    );
    let reason = match &context.choice {
        Choice::Approve { reason: None } => format!("{who} in round {}", judged.round),
        choice => format!("{who} in round {}: \"{}\"", judged.round, choice.reason()),
    };
    checks.claim(name, reason, Voucher::ApproverDevice);
}
