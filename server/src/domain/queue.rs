//! The review queue: cases that wait for people, and which of them ask the one who looks. Nothing here changes anything.
//!
//! Whether a case asks somebody is judged by the verifier's own function: what a list says here, a signature would find.

use agentsigna_verifier::{
    case::{CaseState, Step},
    entry::CaseId,
    event::{ActionRequested, Body},
    id::Id,
    people::Role,
    review::{Quorum, Sheet},
    state::{CaseRow, ReviewRow, Row, RowName, StateError, may_judge},
    time::UnixMillis,
};

use super::{Office, Refusal, Visitor, escalation, people, row, view::logged};
use crate::ledger::{Calendar, Reading, RowKind, Tenant};

/// A case that waits for people.
#[derive(Debug, Clone)]
pub struct Queued {
    /// Which.
    pub case: CaseId,
    /// What is known of it.
    pub row: CaseRow,
    /// What people are asked.
    pub review: ReviewRow,
}

/// One of them, as somebody looks at it.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Case, row and review.
    pub queued: Queued,
    /// What was asked for.
    pub asked: ActionRequested,
    /// When.
    pub asked_at: UnixMillis,
    /// Whether an approval of the one who looks would count, for themselves or for somebody who delegated to them.
    pub asks_me: bool,
}

/// A group of a demand, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    /// The group.
    pub group: Id,
    /// People asked for.
    pub asked: u8,
    /// Slots filled.
    pub filled: u8,
}

/// What is wanted of the queue: everything that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One of the rules that asked.
    pub rule: Option<String>,
    /// Who asks.
    pub agent: Option<Id>,
    /// With whom.
    pub counterparty: Option<Id>,
    /// For this much or more, in minor units.
    pub at_least_minor: Option<u64>,
    /// One of the groups asked.
    pub group: Option<Id>,
    /// Its deadline is this near, in milliseconds.
    pub due_ms: Option<u64>,
    /// Asks the one who looks.
    pub mine: bool,
}

/// In which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// What is due first, first.
    #[default]
    Deadline,
    /// What was asked last, first.
    Newest,
    /// The largest amount first.
    Amount,
}

impl Wanted {
    /// Whether a case is one of those wanted at `now`.
    #[must_use]
    pub fn takes(&self, waiting: &Waiting, now: UnixMillis) -> bool {
        let Queued { row, review, .. } = &waiting.queued;
        let is = |wanted: &Option<Id>, found: &Id| wanted.as_ref().is_none_or(|id| id == found);
        let due = |ms| review.deadline.millis() <= now.millis().saturating_add(ms);
        self.rule
            .as_ref()
            .is_none_or(|rule| review.rules.contains(rule))
            && is(&self.agent, &row.agent)
            && is(&self.counterparty, waiting.asked.action.counterparty())
            && self
                .at_least_minor
                .is_none_or(|minor| row.amount_minor >= minor)
            && self.group.as_ref().is_none_or(|wanted| {
                let mut groups = review.demand.iter();
                groups.any(|(group, _)| group == wanted)
            })
            && self.due_ms.is_none_or(due)
            && (!self.mine || waiting.asks_me)
    }
}

impl Order {
    /// Puts cases in this order; those that are equal, by their deadlines, then by their names.
    pub fn sort(self, waiting: &mut [Waiting]) {
        let name = |waiting: &Waiting| {
            let Queued { case, review, .. } = &waiting.queued;
            (review.deadline, *case.as_bytes())
        };
        match self {
            Self::Deadline => waiting.sort_by_key(name),
            Self::Newest => waiting.sort_by_key(|one| {
                let first = one.queued.row.events.first().map(|event| event.index);
                (std::cmp::Reverse(first), name(one))
            }),
            Self::Amount => waiting
                .sort_by_key(|one| (std::cmp::Reverse(one.queued.row.amount_minor), name(one))),
        }
    }
}

impl Office {
    /// The cases of the visitor's tenant that are in review, by their deadlines: the sheet of each, and who agreed.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn queue(&self, visitor: &Visitor) -> Result<Vec<Queued>, Refusal> {
        let tenant = &visitor.tenant;
        let cases = tenant
            .due(Calendar::Reviews, u64::MAX, usize::MAX)
            .map_err(|error| Refusal::broken(&error))?;
        let mut queue = Vec::new();
        for (_, case) in cases {
            let mut reading = Reading::of(tenant);
            if let Ok((row, review)) = in_review(&mut reading, case) {
                queue.push(Queued { case, row, review });
            }
        }
        queue.sort_by_key(|queued| (queued.review.deadline, *queued.case.as_bytes()));
        Ok(queue)
    }

    /// The queue as `visitor` looks at it, by deadline, and the time at which it was so.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn waiting_for(&self, visitor: &Visitor) -> Result<(Vec<Waiting>, UnixMillis), Refusal> {
        let now = self.inner.ledger.clock().now();
        let tenant = &visitor.tenant;
        let judges = visitor.has_one_of(&[Role::Approver]);
        let others = if judges {
            delegators(tenant, &visitor.user, now)?
        } else {
            Vec::new()
        };
        let mut waiting = Vec::new();
        for queued in self.queue(visitor)? {
            let mut reading = Reading::of(tenant);
            let asks_me = judges && asks(&mut reading, queued.case, &visitor.user, &others, now)?;
            let first = queued.row.events.first().map(|event| event.index);
            let event = logged(tenant, first.ok_or_else(Refusal::not_found)?)?;
            let Body::ActionRequested(asked) = event.body else {
                return Err(Refusal::broken(&"a case that no request began"));
            };
            waiting.push(Waiting {
                queued,
                asked,
                asked_at: event.decided_at,
                asks_me,
            });
        }
        Ok((waiting, now))
    }

    /// The sheet of an open review, if its log has people.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn sheet(&self, visitor: &Visitor, review: &ReviewRow) -> Result<Option<Sheet>, Refusal> {
        let Some(digest) = &review.sheet else {
            return Ok(None);
        };
        let bytes = sheet_bytes(&visitor.tenant, digest)?;
        let sheet = Sheet::decode(&bytes).map_err(|error| Refusal::broken(&error))?;
        Ok(Some(sheet))
    }

    /// The groups that a review asks, and how far each is.
    ///
    /// # Errors
    /// What is our own fault.
    pub fn slots(&self, visitor: &Visitor, review: &ReviewRow) -> Result<Vec<Slots>, Refusal> {
        slots(&mut Reading::of(&visitor.tenant), review)
    }
}

/// The bytes of a sheet that an entry names.
pub(super) fn sheet_bytes(
    tenant: &Tenant,
    digest: &agentsigna_verifier::digest::Digest,
) -> Result<Vec<u8>, Refusal> {
    let blob = tenant
        .blob(digest)
        .map_err(|error| Refusal::broken(&error))?;
    blob.ok_or_else(|| Refusal::broken(&"the sheet of a review is not on disk"))
}

/// The case and its open review.
pub(super) fn in_review(
    reading: &mut Reading,
    case: CaseId,
) -> Result<(CaseRow, ReviewRow), Refusal> {
    match row(reading, &RowName::Case(case))? {
        Some(Row::Case(row)) if row.state == CaseState::InReview => {
            let review = escalation::review(reading, case)?
                .ok_or_else(|| Refusal::broken(&"a case in review without a review"))?;
            Ok((row, review))
        }
        Some(Row::Case(_)) => Err(Refusal::conflict(
            "no-round",
            "the review is over: look at the case",
        )),
        _ => Err(Refusal::not_found()),
    }
}

/// The groups of the demand, with their slots and how many of them are filled.
pub(super) fn slots(reading: &mut Reading, review: &ReviewRow) -> Result<Vec<Slots>, Refusal> {
    let mut seated = Vec::new();
    for given in &review.approvals {
        let person = &given.person;
        let whose = person.delegator.as_ref().unwrap_or(&person.approver);
        let groups = people::person(reading, whose)?.map(|row| row.groups);
        seated.push(
            groups
                .iter()
                .flat_map(|groups| groups.as_slice())
                .cloned()
                .collect(),
        );
    }
    let quorum = Quorum::of(&review.demand, &seated);
    let open = quorum.open().map(|(_, open)| open);
    let demand = review.demand.iter().zip(open);
    Ok(demand
        .map(|((group, asked), open)| Slots {
            group: group.clone(),
            asked: *asked,
            filled: asked.saturating_sub(open),
        })
        .collect())
}

/// Who delegated to `user`, so that it holds `now`. The rows do not say who; the entries that made them do.
pub(super) fn delegators(tenant: &Tenant, user: &Id, now: UnixMillis) -> Result<Vec<Id>, Refusal> {
    let rows = tenant.rows(RowKind::Delegations);
    let mut found = Vec::new();
    for row in rows.map_err(|error| Refusal::broken(&error))? {
        let Row::Delegation(row) = row else { continue };
        if !row.covers(now) {
            continue;
        }
        if let Body::DelegationGiven(given) = logged(tenant, row.index)?.body
            && given.to == *user
        {
            found.push(given.from);
        }
    }
    found.sort();
    Ok(found)
}

/// TA-30: whether an approval of `user` would count, for themselves or for one of `others`.
pub(super) fn asks(
    reading: &mut Reading,
    case: CaseId,
    user: &Id,
    others: &[Id],
    at: UnixMillis,
) -> Result<bool, Refusal> {
    let word = (case, Step::Approved, at);
    for other in std::iter::once(None).chain(others.iter().map(Some)) {
        if refused_with(reading, word, user, other)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The code that a word of `user` would be refused with, said for `other` or for themselves: about which case, which
/// word, when. Nothing, if it would count.
pub(super) fn refused_with(
    reading: &mut Reading,
    (case, word, at): (CaseId, Step, UnixMillis),
    user: &Id,
    other: Option<&Id>,
) -> Result<Option<&'static str>, Refusal> {
    match may_judge(reading, case, (user, other), word, at) {
        Ok(()) => Ok(None),
        Err(StateError::Broken { code, .. }) => Ok(Some(code)),
        Err(StateError::Rows(error)) => Err(Refusal::broken(&error)),
    }
}
