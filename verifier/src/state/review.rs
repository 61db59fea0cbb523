//! Events of a review: opened, judged, expired (`spec/approval.md §4`), and whether what people agreed to still
//! stands when policy is asked again.
//!
//! Judged on the rows alone. That a person really signed is judged apart, by [`super::check_signed`]. Who is in a
//! round is judged anew with each word that is said in it, and once more with the second decision: whoever lost
//! role, group, passkey or delegation meanwhile does not carry a Passport.

use alloc::{collections::BTreeSet, format, vec::Vec};
use core::num::NonZeroU32;

use super::{
    CaseRow, GivenApproval, PersonRow, ReviewRow, Row, RowName, Rows, StateError,
    apply::{agent, broken, log},
    authority::{administrators, person},
    cases::{CaseStep, case, follow, link, policy_grounds},
};
use crate::{
    case::{CaseState, Step},
    decision::Verdict,
    digest::Digest,
    entry::CaseId,
    event::{CaseExpired, DecisionMade, Judged, ReviewOpened},
    id::Id,
    passkey::{
        CredentialId,
        context::{ApprovalContext, Choice, CredentialUse},
    },
    passport::{Approvals, Approver},
    people::Role,
    review::{
        Quorum,
        draw::{ACTIVATION_FRESH_MS, excluded},
        sheet::ROUNDS_MAX,
    },
    time::UnixMillis,
};

/// How long whoever enrolled a person is not in a round with them: a day, in milliseconds.
const ENROLMENT_FRESH_MS: u64 = ACTIVATION_FRESH_MS;

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

/// One person in a round, and for whom.
struct Party<'a> {
    approver: &'a Id,
    delegator: Option<&'a Id>,
    credential: &'a CredentialId,
}

impl<'a> Party<'a> {
    const fn of_context(context: &'a ApprovalContext) -> Self {
        Self {
            approver: &context.approver,
            delegator: context.delegator.as_ref(),
            credential: &context.credential,
        }
    }

    const fn of(person: &'a Approver) -> Self {
        Self {
            approver: &person.approver,
            delegator: person.delegator.as_ref(),
            credential: person.assertion.credential(),
        }
    }

    /// Who stands behind one word: the approver, and who is judged for.
    fn people(&self) -> impl Iterator<Item = &'a Id> + use<'a> {
        core::iter::once(self.approver).chain(self.delegator)
    }
}

fn parties(review: &ReviewRow) -> Vec<Party<'_>> {
    let people = review.approvals.iter();
    people.map(|given| Party::of(&given.person)).collect()
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
    // AV-1.
    if row.state != CaseState::InReview {
        return broken(
            "no-round",
            format!("the case is `{}`: no review is open", row.state.as_str()),
        );
    }
    let mut review = open_review(rows, id)?;
    if step.decided_at >= review.deadline {
        return broken(
            "no-round",
            format!("the round ended at {} ms", review.deadline),
        );
    }
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
    let (groups, key) = {
        let others = parties(&review);
        admitted(rows, &row, &party, &others, step.decided_at)?
    };
    // AV-10.
    let seated = seated(rows, &review)?;
    let asked = match kind {
        Step::Approved => Quorum::of(&review.demand, &seated).fills(&groups),
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
                body.context.approver
            ),
        );
    }
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

/// CA-2: whether the case may stand as the rows have it, between two writes. One that people agreed to goes on.
///
/// # Errors
/// What the rows answer.
pub fn rests<R: Rows>(rows: &mut R, id: CaseId, row: &CaseRow) -> Result<bool, R::Error> {
    if !row.state.may_rest() || row.state != CaseState::InReview {
        return Ok(row.state.may_rest());
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

/// AV-4 and AV-6 to AV-9: whether this person may be in the round with the others. Answers the groups that count
/// and the key that signs.
fn admitted<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    party: &Party<'_>,
    others: &[Party<'_>],
    at: UnixMillis,
) -> Result<(BTreeSet<Id>, crate::passkey::PasskeyKey), StateError<R::Error>> {
    let approver = party.approver;
    // AV-4.
    let Some(own) = person(rows, approver)?.filter(|row| row.acts_as(Role::Approver)) else {
        return broken(
            "not-approver",
            format!("`{approver}` is no active person with the role `approver`"),
        );
    };
    let Some(passkey) = own.passkey(party.credential, CredentialUse::Approval) else {
        return broken(
            "unknown-passkey",
            format!("no approval passkey of `{approver}`, or it is revoked"),
        );
    };
    // AV-6.
    let in_round = |id: &Id| others.iter().any(|other| other.people().any(|o| o == id));
    if in_round(approver) {
        return broken(
            "judged-before",
            format!("`{approver}` judged in this round, or was judged for"),
        );
    }
    // AV-7.
    for id in excluded_from(rows, row, at)? {
        if party.people().any(|person| *person == id) {
            return broken(
                "excluded",
                format!("`{id}` is the sponsor of the agent, or activated the policy within a day"),
            );
        }
    }
    check_enrolment(rows, party, others, at)?;
    // AV-9.
    if let Some(delegator) = party.delegator {
        check_delegation(rows, approver, delegator, at)?;
        if in_round(delegator) {
            return broken(
                "judged-before",
                format!("`{delegator}` judged in this round, or was judged for"),
            );
        }
    }
    Ok((groups(rows, party)?, passkey.key))
}

/// AV-7: who may not judge now.
fn excluded_from<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    at: UnixMillis,
) -> Result<Vec<Id>, StateError<R::Error>> {
    let sponsor = agent(rows, &row.agent)?.sponsor;
    let policy = match rows.row(&RowName::Policy).map_err(StateError::Rows)? {
        Some(Row::Policy(policy)) => policy,
        _ => return Ok([sponsor].into()),
    };
    let excluded = excluded(&sponsor, policy.activated_at, &policy.by, at);
    Ok(excluded.into_iter().map(|(person, _)| person).collect())
}

/// AV-8: nobody is in a round with a person whom they enrolled less than a day before, or who enrolled them.
fn check_enrolment<R: Rows>(
    rows: &mut R,
    party: &Party<'_>,
    others: &[Party<'_>],
    at: UnixMillis,
) -> Result<(), StateError<R::Error>> {
    let mine = enrolled_by(rows, party, at)?;
    let mut theirs = mine.clone();
    for other in others {
        theirs.extend(enrolled_by(rows, other, at)?);
    }
    for (one, by_one) in &mine {
        for (other, by_other) in &theirs {
            if one != other && (by_one.contains(other) || by_other.contains(one)) {
                return broken(
                    "enrolled-each-other",
                    format!("`{one}` and `{other}`: one of them signed for the other within a day"),
                );
            }
        }
    }
    Ok(())
}

/// Each person behind a word, and who signed for them within a day: for the passkey that signs, or, of one who is
/// judged for, for any.
fn enrolled_by<R: Rows>(
    rows: &mut R,
    party: &Party<'_>,
    at: UnixMillis,
) -> Result<Vec<(Id, Vec<Id>)>, StateError<R::Error>> {
    let mut found = Vec::new();
    for id in party.people() {
        let row: Option<PersonRow> = person(rows, id)?;
        let passkeys = row.iter().flat_map(|row| &row.passkeys);
        let by = passkeys
            .filter(|passkey| id != party.approver || passkey.credential == *party.credential)
            .filter(|passkey| {
                at.millis().saturating_sub(passkey.added_at.millis()) < ENROLMENT_FRESH_MS
            })
            .flat_map(|passkey| passkey.by.iter().cloned());
        found.push((id.clone(), by.collect()));
    }
    Ok(found)
}

/// AV-9: from an active approver to this one, now.
fn check_delegation<R: Rows>(
    rows: &mut R,
    approver: &Id,
    delegator: &Id,
    at: UnixMillis,
) -> Result<(), StateError<R::Error>> {
    let name = RowName::Delegation(delegator.clone(), approver.clone());
    let covered = match rows.row(&name).map_err(StateError::Rows)? {
        Some(Row::Delegation(row)) => row.covers(at),
        _ => false,
    };
    let acts = person(rows, delegator)?.is_some_and(|row| row.acts_as(Role::Approver));
    if covered && acts && approver != delegator {
        Ok(())
    } else {
        broken(
            "no-delegation",
            format!("`{approver}` may not judge for `{delegator}` now"),
        )
    }
}

/// The groups that count: the person's own, or those of the delegation that the other still has.
fn groups<R: Rows>(rows: &mut R, party: &Party<'_>) -> Result<BTreeSet<Id>, StateError<R::Error>> {
    let whose = party.delegator.unwrap_or(party.approver);
    let own = person(rows, whose)?.map(|row| row.groups);
    let own: BTreeSet<Id> = own.iter().flat_map(|own| own.as_slice()).cloned().collect();
    if party.delegator.is_none() {
        return Ok(own);
    }
    let name = RowName::Delegation(whose.clone(), party.approver.clone());
    Ok(match rows.row(&name).map_err(StateError::Rows)? {
        Some(Row::Delegation(row)) => {
            let given = row.groups.as_slice().iter().cloned();
            given.filter(|group| own.contains(group)).collect()
        }
        _ => BTreeSet::new(),
    })
}

/// The groups of everybody who agreed, as the rows have them now.
fn seated<R: Rows>(
    rows: &mut R,
    review: &ReviewRow,
) -> Result<Vec<BTreeSet<Id>>, StateError<R::Error>> {
    let parties = parties(review);
    parties.iter().map(|party| groups(rows, party)).collect()
}

fn is_met<R: Rows>(rows: &mut R, review: &ReviewRow) -> Result<bool, StateError<R::Error>> {
    let seated = seated(rows, review)?;
    Ok(Quorum::of(&review.demand, &seated).is_met())
}

/// Whether the case waits for the second decision.
fn met<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    review: &ReviewRow,
) -> Result<bool, StateError<R::Error>> {
    Ok(row.state == CaseState::InReview && is_met(rows, review)?)
}

/// The entries on which a round rests: of everybody in it, of their delegations, of who rules, of the policy.
fn rests_on<R: Rows>(
    rows: &mut R,
    review: &ReviewRow,
    last: &Party<'_>,
) -> Result<Vec<u64>, StateError<R::Error>> {
    let mut grounds = policy_grounds(rows)?;
    grounds.extend(administrators(rows)?.entries);
    let mut parties = parties(review);
    parties.push(Party {
        approver: last.approver,
        delegator: last.delegator,
        credential: last.credential,
    });
    for party in parties {
        for id in party.people() {
            grounds.extend(person(rows, id)?.into_iter().flat_map(|row| row.entries));
        }
        if let Some(delegator) = party.delegator {
            let name = RowName::Delegation(delegator.clone(), party.approver.clone());
            if let Some(Row::Delegation(row)) = rows.row(&name).map_err(StateError::Rows)? {
                grounds.push(row.index);
            }
        }
    }
    Ok(grounds)
}

fn review<R: Rows>(rows: &mut R, id: CaseId) -> Result<ReviewRow, StateError<R::Error>> {
    match rows.row(&RowName::Review(id)).map_err(StateError::Rows)? {
        Some(Row::Review(row)) => Ok(row),
        _ => broken("case-step", format!("case {id} was never in review")),
    }
}
