//! Who is in a round: whether a person may be, beside whom and for whom, and which groups count (AV-4, AV-6 to AV-10).

use alloc::{collections::BTreeSet, format, vec::Vec};

use super::{
    CaseRow, PersonRow, ReviewRow, Row, RowName, Rows, StateError,
    apply::{agent, broken},
    authority::{administrators, person},
    cases::policy_grounds,
};
use crate::{
    id::Id,
    passkey::{
        CredentialId, PasskeyKey,
        context::{ApprovalContext, CredentialUse},
    },
    passport::Approver,
    people::Role,
    review::{
        Quorum,
        draw::{ACTIVATION_FRESH_MS, excluded},
    },
    time::UnixMillis,
};

/// How long whoever enrolled a person is not in a round with them: a day, in milliseconds.
const ENROLMENT_FRESH_MS: u64 = ACTIVATION_FRESH_MS;

/// A person, and who signed for them within a day.
type Enrolled = (Id, Vec<Id>);

/// One person in a round, and for whom.
pub(super) struct Party<'a> {
    approver: &'a Id,
    delegator: Option<&'a Id>,
    credential: &'a CredentialId,
}

impl<'a> Party<'a> {
    pub(super) const fn new(
        approver: &'a Id,
        delegator: Option<&'a Id>,
        credential: &'a CredentialId,
    ) -> Self {
        Self {
            approver,
            delegator,
            credential,
        }
    }

    pub(super) const fn approver(&self) -> &'a Id {
        self.approver
    }

    pub(super) const fn of_context(context: &'a ApprovalContext) -> Self {
        Self {
            approver: &context.approver,
            delegator: context.delegator.as_ref(),
            credential: &context.credential,
        }
    }

    pub(super) const fn of(person: &'a Approver) -> Self {
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

pub(super) fn parties(review: &ReviewRow) -> Vec<Party<'_>> {
    let people = review.approvals.iter();
    people.map(|given| Party::of(&given.person)).collect()
}

/// AV-4 and AV-6 to AV-9: whether this person may be in the round with the others. Answers the groups that count
/// and the key that signs.
pub(super) fn admitted<R: Rows>(
    rows: &mut R,
    row: &CaseRow,
    party: &Party<'_>,
    others: &[Party<'_>],
    at: UnixMillis,
) -> Result<(BTreeSet<Id>, PasskeyKey), StateError<R::Error>> {
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
) -> Result<Vec<Enrolled>, StateError<R::Error>> {
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
pub(super) fn seated<R: Rows>(
    rows: &mut R,
    review: &ReviewRow,
) -> Result<Vec<BTreeSet<Id>>, StateError<R::Error>> {
    let parties = parties(review);
    parties.iter().map(|party| groups(rows, party)).collect()
}

pub(super) fn is_met<R: Rows>(
    rows: &mut R,
    review: &ReviewRow,
) -> Result<bool, StateError<R::Error>> {
    let seated = seated(rows, review)?;
    Ok(Quorum::of(&review.demand, &seated).is_met())
}

/// The entries on which a round rests: of everybody in it, of their delegations, of who rules, of the policy.
pub(super) fn rests_on<R: Rows>(
    rows: &mut R,
    review: &ReviewRow,
    last: &Party<'_>,
) -> Result<Vec<u64>, StateError<R::Error>> {
    let mut grounds = policy_grounds(rows)?;
    grounds.extend(administrators(rows)?.entries);
    let mut parties = parties(review);
    parties.push(Party::new(last.approver, last.delegator, last.credential));
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
