use alloc::{collections::BTreeMap, string::ToString as _, vec::Vec};

use super::*;
use crate::{
    action::{ActionType, Latitude},
    id::Id,
    key::JwkThumbprint,
};

/// Inputs that can be changed one at a time: a purchase of 1,250.00 by a trusted agent at noon on a Monday.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) kind: ActionType,
    pub(crate) amount_minor: u64,
    pub(crate) reference: &'static str,
    pub(crate) tier: u64,
    pub(crate) agent: Status,
    pub(crate) sponsor: &'static str,
    pub(crate) latitude: i64,
    pub(crate) exposure_minor: u64,
    pub(crate) target: Status,
    pub(crate) target_id: &'static str,
    pub(crate) status: Approval,
    pub(crate) risk: Risk,
    pub(crate) payments_before: u64,
    pub(crate) changed_at: Option<u64>,
    pub(crate) bundle: Option<Digest>,
    pub(crate) decided_at: u64,
}

impl Facts {
    /// 2025-11-03T12:00:00Z, a Monday.
    pub(crate) const NOON: u64 = 1_762_171_200_000;

    pub(crate) fn usual() -> Self {
        Self {
            kind: ActionType::Purchase,
            amount_minor: 125_000,
            reference: "PO-1001",
            tier: 2,
            agent: Status::Active,
            sponsor: "dora",
            latitude: 5,
            exposure_minor: 0,
            target: Status::Active,
            target_id: "erp",
            status: Approval::Approved,
            risk: Risk::Low,
            payments_before: 7,
            changed_at: None,
            bundle: None,
            decided_at: Self::NOON,
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let id = |text| Id::parse(text).unwrap();
        let currency = Currency::parse("EUR").unwrap();
        Snapshot::new(
            Tenant {
                origin: "log.example.com/t/00112233445566ff".to_string(),
                currency,
                exponent: Exponent::new(2).unwrap(),
            },
            Agent::new(
                id("buyer-1"),
                id(self.sponsor),
                Tier::new(self.tier).unwrap(),
                self.agent,
                Latitude::new(self.latitude).unwrap(),
                self.exposure_minor,
                JwkThumbprint::from_bytes([7; 32]),
            )
            .unwrap(),
            Target::new(id(self.target_id), self.target),
            Counterparty::new(
                id("acme"),
                self.status,
                self.risk,
                self.payments_before,
                self.changed_at.map(|at| UnixMillis::new(at).unwrap()),
            )
            .unwrap(),
            Action::new(
                self.kind,
                self.amount_minor,
                currency,
                id("acme"),
                id(self.target_id),
                self.reference,
                BTreeMap::new(),
            )
            .unwrap(),
            Moment {
                bundle: self.bundle,
                decided_at: UnixMillis::new(self.decided_at).unwrap(),
                standing_at: 42,
            },
        )
        .unwrap()
    }
}

fn members(value: Value) -> Vec<(Value, Value)> {
    let Value::Map(members) = value else {
        unreachable!()
    };
    members
}

#[test]
fn a_snapshot_reads_back() {
    // PO-11
    let mut facts = Facts::usual();
    for (bundle, changed_at, latitude) in [
        (None, None, -1),
        (Some(Digest::from_bytes([9; 32])), Some(Facts::NOON), 15),
    ] {
        facts.bundle = bundle;
        facts.changed_at = changed_at;
        facts.latitude = latitude;
        let snapshot = facts.snapshot();
        let bytes = snapshot.to_value().encode();
        assert_eq!(Snapshot::decode(&bytes), Ok(snapshot.clone()));
        assert_eq!(snapshot.digest(), Digest::of(Noun::Snapshot, &bytes));
    }
}

/// The diagnostic form of the example in `spec/policy.md` §4.
#[test]
fn the_example_of_the_page_is_reproduced() {
    let page = include_str!("../../../spec/policy.md");
    let mut facts = Facts::usual();
    facts.bundle = Some(Digest::from_bytes([9; 32]));
    let bytes = facts.snapshot().to_value().encode();
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    let on_page: String = page
        .split("<!-- snapshot example -->")
        .nth(1)
        .unwrap()
        .chars()
        .filter(char::is_ascii_hexdigit)
        .collect();
    assert_eq!(hex, on_page);
    assert!(
        page.contains(&facts.snapshot().digest().to_hex()),
        "{}",
        facts.snapshot().digest()
    );
}

#[test]
fn every_level_is_closed() {
    // PO-11: each member taken away, given another type, and one added, at each level.
    let whole = members(Facts::usual().snapshot().to_value());
    let refused =
        |members: Vec<(Value, Value)>| Snapshot::from_value(Value::map(members)).unwrap_err();
    for at in 0..whole.len() {
        let mut fewer = whole.clone();
        fewer.remove(at);
        assert!(matches!(refused(fewer), CborError::Missing { .. }));
        let mut wrong = whole.clone();
        wrong[at].1 = Value::Bool(true);
        assert!(matches!(refused(wrong), CborError::Unexpected { .. }));
        if let Value::Map(inner) = &whole[at].1 {
            let with = |inner: Vec<(Value, Value)>| {
                let mut changed = whole.clone();
                changed[at].1 = Value::map(inner);
                refused(changed)
            };
            for deep in 0..inner.len() {
                let mut fewer = inner.clone();
                fewer.remove(deep);
                assert!(matches!(with(fewer), CborError::Missing { .. }));
                let mut wrong = inner.clone();
                wrong[deep].1 = Value::Bool(false);
                assert!(matches!(with(wrong), CborError::Unexpected { .. }));
            }
            let mut more = inner.clone();
            more.push((Value::from("trusted"), Value::Bool(true)));
            assert!(matches!(with(more), CborError::Unknown { .. }));
        }
    }
    let mut more = whole;
    more.push((Value::from("note"), Value::Null));
    assert!(matches!(refused(more), CborError::Unknown { .. }));
}

#[test]
fn ranges_are_kept() {
    let set = |path: &[&str], value: Value| {
        let mut whole = members(Facts::usual().snapshot().to_value());
        let at = |members: &Vec<(Value, Value)>, name: &str| {
            members
                .iter()
                .position(|(key, _)| *key == Value::from(name))
                .unwrap()
        };
        let first = at(&whole, path[0]);
        if let [_, inner] = path {
            let Value::Map(deep) = &mut whole[first].1 else {
                unreachable!()
            };
            let second = at(deep, inner);
            deep[second].1 = value;
        } else {
            whole[first].1 = value;
        }
        Snapshot::from_value(Value::map(whole))
    };
    assert!(set(&["standing_at"], Value::Uint(i64::MAX as u64)).is_ok());
    assert!(
        set(
            &["agent", "exposure_minor"],
            Value::Uint(EXPOSURE_MINOR_MAX)
        )
        .is_ok()
    );
    for (path, value) in [
        (&["origin"][..], Value::from("")),
        (&["origin"], Value::from("a b")),
        (&["origin"], Value::from("a+b")),
        (&["origin"], Value::from("ä")),
        (&["currency"], Value::from("USD")),
        (&["exponent"], Value::Uint(5)),
        (&["agent", "id"], Value::from("Buyer")),
        (&["agent", "tier"], Value::Uint(0)),
        (&["agent", "tier"], Value::Uint(5)),
        (&["agent", "status"], Value::from("frozen")),
        (&["agent", "latitude"], Value::from(-2_i64)),
        (&["agent", "latitude"], Value::Uint(16)),
        (
            &["agent", "exposure_minor"],
            Value::Uint(EXPOSURE_MINOR_MAX + 1),
        ),
        (&["agent", "key"], Value::bytes(&[0; 31])),
        (&["target", "id"], Value::from("crm")),
        (&["target", "status"], Value::from("approved")),
        (&["counterparty", "id"], Value::from("acme-2")),
        (&["counterparty", "status"], Value::from("active")),
        (&["counterparty", "risk"], Value::from("none")),
        (&["counterparty", "payments_before"], Value::Uint(1 << 53)),
        (
            &["counterparty", "payment_details_changed_at"],
            Value::Uint(1 << 53),
        ),
        (&["bundle"], Value::bytes(&[0; 33])),
        (&["decided_at"], Value::Uint(1 << 53)),
        (&["standing_at"], Value::Uint(1 << 63)),
    ] {
        // PO-12 for currency, target and counterparty: the action names another.
        assert!(
            matches!(set(path, value.clone()), Err(CborError::Unexpected { .. })),
            "{path:?} {value:?}"
        );
    }
}

#[test]
fn a_flipped_bit_is_another_snapshot_or_none() {
    let snapshot = Facts::usual().snapshot();
    let bytes = snapshot.to_value().encode();
    for at in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[at / 8] ^= 1 << (at % 8);
        if let Ok(other) = Snapshot::decode(&flipped) {
            assert_ne!(other.digest(), snapshot.digest());
            assert_eq!(other.to_value().encode(), flipped);
        }
    }
}
