//! Parts of rows from anywhere: who signed an entry, what was asked before, who agreed.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    rows::{any_digest, any_id, any_people, any_time, busy},
    *,
};
use crate::{
    action::{Band, Latitude},
    entry::CaseId,
    event::Stated,
    passport::Approver,
    review::HistoryCase,
    snapshot::Approval,
    standing::{BANDS, Credit, Dealings, PerBand, Rated, Standing},
};

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

fn any_bands() -> impl Strategy<Value = PerBand> {
    vec(any::<u64>(), BANDS).prop_map(|bands| bands.try_into().unwrap())
}

pub(super) fn any_standing() -> impl Strategy<Value = Row> {
    let numbers = (any::<u64>(), any::<u64>(), any::<u64>(), any::<bool>());
    (any_bands(), any_bands(), numbers, option::of(any_time())).prop_map(
        |(good, partners, (day, bad, payments, adverse), probation_until)| {
            Row::Standing(Standing {
                day,
                good,
                bad,
                partners,
                probation_until,
                adverse,
                payments,
            })
        },
    )
}

pub(super) fn any_dealings() -> impl Strategy<Value = Row> {
    (any_bands(), any_bands()).prop_map(|(given, live)| Row::Dealings(Dealings { given, live }))
}

fn any_due() -> impl Strategy<Value = Due> {
    let says = (any_bands(), option::of(-1..16_i64), option::of(any_time()));
    (any::<bool>(), any_id(), option::of(says)).prop_map(|(of_agent, id, says)| Due {
        rated: if of_agent {
            Rated::Agent(id)
        } else {
            Rated::Counterparty(id)
        },
        says: says.map(|(scores, latitude, probation_until)| Stated {
            scores,
            latitude: latitude.map(|band| Latitude::new(band).unwrap()),
            probation_until,
        }),
    })
}

pub(super) fn any_ending() -> impl Strategy<Value = Ending> {
    let said = (any_digest(), any_time()).prop_map(|(event, at)| Said { event, at });
    let credit = (any::<u64>(), any::<u64>(), any::<bool>());
    let credit = credit.prop_map(|(value, day, live)| Credit { value, day, live });
    let moved = (any_digest(), vec(any_due(), 0..3)).prop_map(|(by, due)| Moved { by, due });
    let flags = (any::<bool>(), any::<bool>());
    (
        (any_id(), 0..16_u64, any::<[u8; 16]>(), any_time()),
        (flags, option::of(any_time())),
        option::of(said),
        option::of(credit),
        option::of(moved),
    )
        .prop_map(
            |((counterparty, band, cti, expires_at), (flags, disputed_at), said, credit, moved)| {
                Ending {
                    counterparty,
                    band: Band::new(band).unwrap(),
                    pays: flags.0,
                    cti,
                    expires_at,
                    settled: flags.1,
                    disputed_at,
                    said,
                    credit,
                    moved,
                }
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
