//! Events of a review: opened, judged, expired (`spec/approval.md §4`), and whether what people agreed to still
//! stands when policy is asked again.
//!
//! Judged on the rows alone. That a person really signed is judged apart, by [`super::check_signed`]. Who is in a
//! round is judged anew with each word that is said in it, and once more with the second decision: whoever lost
//! role, group, passkey or delegation meanwhile does not carry a Passport.

use alloc::{format, vec::Vec};
use core::num::NonZeroU32;

use super::{
    CaseRow, GivenApproval, Moved, ReviewRow, Row, RowName, Rows, StateError,
    apply::{broken, log},
    authority::person,
    cases::{CaseStep, case, follow, link},
    round::{Party, admitted, is_met, parties, rests_on, seated},
};
use crate::{
    case::{CaseState, Step},
    decision::Verdict,
    digest::Digest,
    entry::CaseId,
    event::{CaseExpired, DecisionMade, Judged, ReviewOpened},
    id::Id,
    passkey::{
        PasskeyKey,
        context::{ApprovalContext, Choice, CredentialUse},
    },
    passport::{Approvals, Approver},
    review::{Quorum, sheet::ROUNDS_MAX},
    time::UnixMillis,
};

/// Proof that as many people agreed as were asked for, and that policy still asks the same.
///
/// INVARIANT (agreed): comes only from [`agreed`]; with an escalated decision that was just made it gives a permit.
#[derive(Debug)]
pub struct Agreed {
    approvals: Approvals,
    snapshot: Digest,
}

impl Agreed {
    /// The digest of the inputs that were decided on again.
    #[must_use]
    pub const fn snapshot(&self) -> Digest {
        self.snapshot
    }

    /// What the Passport says of the people.
    #[must_use]
    pub fn into_approvals(self) -> Approvals {
        self.approvals
    }
}

/// The review that an escalated decision asks for, not opened yet; `before` is the one that people answered.
pub(super) fn asked<E>(
    made: &DecisionMade,
    deadline: UnixMillis,
    before: Option<&ReviewRow>,
) -> Result<ReviewRow, StateError<E>> {
    let round = match before {
        None => Some(NonZeroU32::MIN),
        Some(before) => before.round.checked_add(1),
    };
    // AV-15.
    let Some(round) = round.filter(|round| u64::from(round.get()) <= ROUNDS_MAX) else {
        return broken(
            "review-round",
            format!("a review after round {ROUNDS_MAX}: the case is closed at its deadline"),
        );
    };
    let counterparty = made.snapshot.counterparty();
    Ok(ReviewRow {
        round,
        opened: None,
        sheet: None,
        deadline,
        demand: made.decision.demand().to_vec(),
        rules: made.decision.rules().to_vec(),
        bundle: made.snapshot.bundle(),
        counterparty: (
            counterparty.status(),
            counterparty.payment_details_changed_at(),
        ),
        approvals: Vec::new(),
    })
}

pub(super) fn opened<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &ReviewOpened,
) -> Result<(), StateError<R::Error>> {
    let mut row = case(rows, step.place.case)?;
    row.state = follow(Some(row.state), Step::ReviewOpened)?;
    link(&mut row, step)?;
    let mut review = review(rows, step.place.case)?;
    // AV-15.
    check_round(&review, body.round)?;
    // CA-3: people have the time that the decision gave them.
    if review.deadline != body.deadline {
        return broken(
            "review-deadline",
            format!(
                "review until {} ms, the decision asks for another time",
                body.deadline
            ),
        );
    }
    // AV-14: people judge what was frozen; where there is nobody, nothing is.
    if log(rows)?.sites.is_some() != body.sheet.is_some() {
        return broken(
            "sheet-mismatch",
            "a review has a sheet exactly if the log names sites, and so has people",
        );
    }
    review.opened = Some(step.at);
    review.sheet = body.sheet;
    rows.set(RowName::Review(step.place.case), Row::Review(review));
    rows.set(RowName::Case(step.place.case), Row::Case(row));
    Ok(())
}

/// AV-1 to AV-4 and AV-6 to AV-11: one word of one person.
pub(super) fn judged<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &Judged,
    kind: Step,
) -> Result<(), StateError<R::Error>> {
    let id = step.place.case;
    let mut row = case(rows, id)?;
    let mut review = open_at(rows, id, &row, step.decided_at)?;
    row.state = follow(Some(row.state), kind)?;
    check_round(&review, body.round)?;
    check_context(rows, &row, &review, id, &body.context)?;
    // AV-3.
    let reason = match (&body.context.choice, kind) {
        (Choice::Approve { reason }, Step::Approved) => reason.clone(),
        (Choice::Refuse { .. }, Step::Refused) => None,
        _ => {
            return broken(
                "other-decision",
                format!(
                    "what was signed says `{}`, the event the other",
                    body.context.choice.name()
                ),
            );
        }
    };
    let party = Party::of_context(&body.context);
    let key = counts(rows, &row, &review, &party, kind, step.decided_at)?;
    link(&mut row, step)?;
    if kind == Step::Approved {
        review.approvals.push(GivenApproval {
            event: step.at,
            person: Approver {
                approver: body.context.approver.clone(),
                delegator: body.context.delegator.clone(),
                reason,
                nonce: body.context.nonce,
                life: body.context.life,
                key,
                assertion: body.assertion.clone(),
            },
        });
    }
    let rest = rests_on(rows, &review, &party)?;
    row.add_grounds(rest);
    rows.set(RowName::Review(id), Row::Review(review));
    rows.set(RowName::Case(id), Row::Case(row));
    Ok(())
}

pub(super) fn expired<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    body: &CaseExpired,
) -> Result<(), StateError<R::Error>> {
    let id = step.place.case;
    let mut row = case(rows, id)?;
    row.state = follow(Some(row.state), Step::Expired)?;
    link(&mut row, step)?;
    let review = open_review(rows, id)?;
    check_round(&review, body.round)?;
    if review.deadline != body.deadline {
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
    rows.set(RowName::Case(id), Row::Case(row));
    Ok(())
}

/// AV-12: what an escalated decision about a case in review is: people agreed to the same, or a new round follows
/// (`None`). The rows are those before the decision, after the last approval.
///
/// # Errors
/// [`StateError::Broken`]: `case-step`, `not-agreed`.
pub fn agreed<R: Rows>(
    rows: &mut R,
    id: CaseId,
    made: &DecisionMade,
    at: UnixMillis,
) -> Result<Option<Agreed>, StateError<R::Error>> {
    let row = case(rows, id)?;
    let review = review(rows, id)?;
    let (true, Some(opened)) = (met(rows, &row, &review)?, review.opened) else {
        return broken(
            "not-agreed",
            "policy is asked again once as many people agreed as were asked for",
        );
    };
    let counterparty = made.snapshot.counterparty();
    let same = made.decision.verdict() == Verdict::Escalated
        && made.snapshot.bundle() == review.bundle
        && made.decision.rules() == review.rules
        && made.decision.demand() == review.demand
        && (
            counterparty.status(),
            counterparty.payment_details_changed_at(),
        ) == review.counterparty;
    let Some(sheet) = review.sheet.filter(|_| same) else {
        return Ok(None);
    };
    for (at_place, given) in review.approvals.iter().enumerate() {
        let mut others = parties(&review);
        others.remove(at_place);
        match admitted(rows, &row, &Party::of(&given.person), &others, at) {
            Ok(_) => {}
            Err(StateError::Broken { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    let people = review.approvals.into_iter().map(|given| given.person);
    Ok(Some(Agreed {
        approvals: Approvals {
            round: review.round,
            sheet,
            review: opened.digest,
            people: people.collect(),
        },
        snapshot: made.snapshot.digest(),
    }))
}

/// AV-12 for the second decision of the fold: it stands in the write of the last approval. Answers whether people
/// agreed to it, the round that they answered, and the entries that say so.
pub(super) fn decided_again<R: Rows>(
    rows: &mut R,
    step: &CaseStep,
    made: &DecisionMade,
) -> Result<(bool, ReviewRow, Vec<u64>), StateError<R::Error>> {
    let agreed = agreed(rows, step.place.case, made, step.decided_at)?.is_some();
    let review = review(rows, step.place.case)?;
    let last = review.approvals.last().map(|given| given.event.index);
    if last.and_then(|last| last.checked_add(1)) != Some(step.at.index) {
        return broken(
            "not-agreed",
            "policy is asked again in the write that holds the last approval",
        );
    }
    let grounds = match review.approvals.last() {
        Some(last) => rests_on(rows, &review, &Party::of(&last.person))?,
        None => Vec::new(),
    };
    Ok((agreed, review, grounds))
}

/// AV-13: the approvals that the Passport of an agreed case must hold.
pub(super) fn approvals<R: Rows>(
    rows: &mut R,
    id: CaseId,
) -> Result<Option<Approvals>, StateError<R::Error>> {
    let review = review(rows, id)?;
    Ok(review
        .sheet
        .zip(review.opened)
        .map(|(sheet, opened)| Approvals {
            round: review.round,
            sheet,
            review: opened.digest,
            people: review
                .approvals
                .into_iter()
                .map(|given| given.person)
                .collect(),
        }))
}

/// CA-2: whether the case may stand as the rows have it, between two writes. One that people agreed to goes on, and
/// one that moved standings says so.
///
/// # Errors
/// What the rows answer.
pub fn rests<R: Rows>(rows: &mut R, id: CaseId, row: &CaseRow) -> Result<bool, R::Error> {
    if !row.state.may_rest() || row.state != CaseState::InReview {
        let moved = row.ending.as_ref().and_then(|ending| ending.moved.as_ref());
        return Ok(row.state.may_rest() && !moved.is_some_and(Moved::is_due));
    }
    let Some(Row::Review(review)) = rows.row(&RowName::Review(id))? else {
        return Ok(true);
    };
    match met(rows, row, &review) {
        Ok(met) => Ok(!met),
        Err(StateError::Rows(error)) => Err(error),
        Err(StateError::Broken { .. }) => Ok(false),
    }
}

/// AV-4, AV-6 to AV-10: whether a word of this party would count in the round. Answers the key that signs.
fn counts<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    review: &ReviewRow,
    party: &Party<'_>,
    kind: Step,
    at: UnixMillis,
) -> Result<PasskeyKey, StateError<R::Error>> {
    let (groups, key) = admitted(rows, row, party, &parties(review), at)?;
    // AV-10.
    let asked = match kind {
        Step::Approved => {
            let seated = seated(rows, review)?;
            Quorum::of(&review.demand, &seated).fills(&groups)
        }
        _ => review
            .demand
            .iter()
            .any(|(group, _)| groups.contains(group)),
    };
    if !asked {
        return broken(
            "not-asked",
            format!(
                "`{}` is in no group that is still asked for",
                party.approver()
            ),
        );
    }
    Ok(key)
}

/// Whether a word of `approver` on the case `id`, for `delegator` or for themselves, would count if it were signed at
/// `at` with one of their approval passkeys: for a list of what asks whom. It is judged again with the word.
///
/// # Errors
/// [`StateError::Broken`], with the code that the word would be refused with.
pub fn may_judge<R: Rows>(
    rows: &mut R,
    id: CaseId,
    (approver, delegator): (&Id, Option<&Id>),
    kind: Step,
    at: UnixMillis,
) -> Result<(), StateError<R::Error>> {
    let row = case(rows, id)?;
    let review = open_at(rows, id, &row, at)?;
    let own = person(rows, approver)?.map(|own| own.passkeys);
    let mut refused = broken(
        "unknown-passkey",
        format!("`{approver}` has no approval passkey"),
    );
    let passkeys = own.iter().flatten();
    for passkey in passkeys.filter(|passkey| passkey.credential_use == CredentialUse::Approval) {
        let party = Party::new(approver, delegator, &passkey.credential);
        refused = counts(rows, &row, &review, &party, kind, at).map(drop);
        // Which passkey signs changes only whether somebody enrolled it within a day (AV-8).
        if !matches!(refused, Err(StateError::Broken { .. })) {
            break;
        }
    }
    refused
}

/// AV-1: the review that takes words at `at`.
fn open_at<R: Rows>(
    rows: &mut R,
    id: CaseId,
    row: &CaseRow,
    at: UnixMillis,
) -> Result<ReviewRow, StateError<R::Error>> {
    if row.state != CaseState::InReview {
        return broken(
            "no-round",
            format!("the case is `{}`: no review is open", row.state.as_str()),
        );
    }
    let review = open_review(rows, id)?;
    if at >= review.deadline {
        return broken(
            "no-round",
            format!("the round ended at {} ms", review.deadline),
        );
    }
    Ok(review)
}

/// AV-1: a review that waits for people.
fn open_review<R: Rows>(rows: &mut R, id: CaseId) -> Result<ReviewRow, StateError<R::Error>> {
    let review = review(rows, id)?;
    if is_met(rows, &review)? {
        return broken(
            "no-round",
            "as many people agreed as were asked for: the decision follows",
        );
    }
    Ok(review)
}

/// AV-15, AV-1: rounds count from 1.
fn check_round<E>(review: &ReviewRow, found: u64) -> Result<(), StateError<E>> {
    if found == u64::from(review.round.get()) {
        return Ok(());
    }
    broken(
        "review-round",
        format!("round {found}, the case is in round {}", review.round),
    )
}

/// AV-1, AV-2: what was signed is about this round of this case.
fn check_context<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    review: &ReviewRow,
    id: CaseId,
    context: &ApprovalContext,
) -> Result<(), StateError<R::Error>> {
    let opened = review.opened.map(|event| event.digest);
    for (same, what) in [
        (context.round == review.round, "round"),
        (Some(context.sheet) == review.sheet, "sheet"),
        (Some(context.review) == opened, "`review.opened`"),
    ] {
        if !same {
            return broken(
                "stale-sheet",
                format!("signed for another {what} than the open one: read the sheet again"),
            );
        }
    }
    let origin = log(rows)?.origin;
    let request = row.events.first().map(|event| event.digest);
    for (same, what) in [
        (context.origin.as_str() == origin, "log"),
        (context.case == id, "case"),
        (Some(context.request) == request, "request"),
        (Some(context.bundle) == review.bundle, "bundle"),
        (context.rules.as_slice() == review.rules, "rules"),
        (context.system == row.target, "audience"),
    ] {
        if !same {
            return broken("other-case", format!("signed for another {what}"));
        }
    }
    Ok(())
}

fn review<R: Rows>(rows: &mut R, id: CaseId) -> Result<ReviewRow, StateError<R::Error>> {
    match rows.row(&RowName::Review(id)).map_err(StateError::Rows)? {
        Some(Row::Review(row)) => Ok(row),
        _ => broken("case-step", format!("case {id} was never in review")),
    }
}

/// Whether the case waits for the second decision.
fn met<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    review: &ReviewRow,
) -> Result<bool, StateError<R::Error>> {
    Ok(row.state == CaseState::InReview && is_met(rows, review)?)
}
