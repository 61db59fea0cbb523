//! Parts of rows from anywhere: who signed an entry, what was asked before, who agreed.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    rows::{any_digest, any_id, any_people, any_time, busy},
    *,
};
use crate::{entry::CaseId, passport::Approver, review::HistoryCase, snapshot::Approval};

pub(super) fn any_history_item() -> impl Strategy<Value = HistoryCase> {
    (
        any::<[u8; 16]>(),
        select(crate::action::ActionType::ALL.to_vec()),
        any_id(),
        any::<u64>(),
        any_time(),
    )
        .prop_map(
            |(case, kind, counterparty, amount_minor, asked_at)| HistoryCase {
                case: CaseId::from_bytes(case),
                kind,
                counterparty,
                amount_minor,
                asked_at,
            },
        )
}

pub(super) fn any_ground() -> impl Strategy<Value = Ground> {
    (any::<u64>(), any_people()).prop_map(|(index, by)| Ground { index, by })
}

pub(super) fn any_grounds() -> impl Strategy<Value = Vec<Ground>> {
    vec(any_ground(), 0..8)
}

/// People as they stand in the rows of a log, in any order and number.
pub(super) fn any_approvals() -> impl Strategy<Value = Vec<GivenApproval>> {
    let people: Vec<Approver> = busy()
        .iter()
        .filter_map(|(_, row)| match row {
            Row::Review(row) => Some(row.approvals.clone()),
            _ => None,
        })
        .flatten()
        .map(|given| given.person)
        .collect();
    vec((any::<u64>(), any_digest(), select(people)), 0..4).prop_map(|given| {
        let given = given
            .into_iter()
            .map(|(index, digest, person)| GivenApproval {
                event: CaseEvent { index, digest },
                person,
            });
        given.collect()
    })
}

pub(super) fn any_review() -> impl Strategy<Value = ReviewRow> {
    let event = (any::<u64>(), any_digest());
    let asked = (
        1..=16_u32,
        option::of(event.prop_map(|(index, digest)| CaseEvent { index, digest })),
        option::of(any_digest()),
        any_time(),
        vec((any_id(), any::<u8>()), 0..3),
        vec("[a-z.]{1,9}", 0..3),
        option::of(any_digest()),
    );
    let status = select(&[Approval::Approved, Approval::Watch][..]);
    (asked, status, option::of(any_time()), any_approvals()).prop_map(
        |((round, opened, sheet, deadline, demand, rules, bundle), status, changed, approvals)| {
            ReviewRow {
                round: round.try_into().unwrap(),
                opened,
                sheet,
                deadline,
                demand,
                rules,
                bundle,
                counterparty: (status, changed),
                approvals,
            }
        },
    )
}
