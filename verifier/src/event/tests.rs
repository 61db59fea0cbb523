//! Goal: a body has one reading, and only under its kind. Method: one example of each of the 32 kinds, each
//! member of it taken away, given another type, pushed out of its range.

use alloc::{
    format,
    string::{String, ToString as _},
    vec,
};

use super::*;
use crate::{
    cbor::CborError,
    entry::{Event, tests::example},
};

/// A value that stands nowhere in our events.
fn stray() -> Value {
    Value::Tag(1, alloc::boxed::Box::new(Value::Null))
}

/// Reads `value` as a body of `kind`, and says how it went.
fn read(kind: &str, value: Value) -> Result<Body, CborError> {
    match Body::from_value(kind, value) {
        Ok(body) => Ok(body),
        Err(EntryError::Cbor(error)) => Err(error),
        Err(other) => panic!("{kind}: {other}"),
    }
}

/// Every closed map in `value`, each as the keys that lead to it. The parameters of an action (7 under
/// `action`) are open by design: theirs are the rules of AC-4.
fn maps(value: &Value, path: &[Value], found: &mut Vec<Vec<Value>>) {
    if let Value::Map(members) = value {
        if path.ends_with(&[Value::from("action"), Value::Uint(7)]) {
            return;
        }
        found.push(path.to_vec());
        for (key, member) in members {
            maps(member, &[path, core::slice::from_ref(key)].concat(), found);
        }
    }
}

/// `value` with the map at `path` changed.
fn changed(
    mut value: Value,
    path: &[Value],
    change: impl FnOnce(&mut Vec<(Value, Value)>),
) -> Value {
    let mut at = &mut value;
    for key in path {
        let Value::Map(members) = at else {
            panic!("no map on the way")
        };
        at = &mut members
            .iter_mut()
            .find(|(found, _)| found == key)
            .unwrap()
            .1;
    }
    let Value::Map(members) = at else {
        panic!("no map")
    };
    change(members);
    value
}

/// The body of the example of `kind` with one text-keyed member set; the path is dotted.
fn with(kind: &str, path: &str, value: Value) -> Value {
    let (path, last) = path.rsplit_once('.').unwrap_or(("", path));
    let path: Vec<Value> = path
        .split('.')
        .filter(|key| !key.is_empty())
        .map(Value::from)
        .collect();
    changed(example(kind).body.to_value(), &path, |members| {
        let member = members
            .iter_mut()
            .find(|(key, _)| *key == Value::from(last))
            .unwrap_or_else(|| panic!("{kind} has no `{last}`"));
        member.1 = value;
    })
}

#[test]
fn each_kind_reads_back() {
    assert_eq!(Body::KINDS.len(), 32);
    for kind in Body::KINDS {
        let event = example(kind);
        assert_eq!(event.body.kind(), *kind);
        assert_eq!(
            read(kind, event.body.to_value()).as_ref(),
            Ok(&event.body),
            "{kind}"
        );
        assert_eq!(Event::decode(&event.encode()), Ok(event), "{kind}");
    }
}

/// The table of `spec/event.md §2`: case, and under which profile an event of the kind is signed.
#[test]
fn page_and_code_have_the_same_kinds() {
    let page: Vec<(String, bool, Option<Profile>)> = include_str!("../../../spec/event.md")
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let kind = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
            let of_case = match *cells.get(2)? {
                "yes" => true,
                "no" => false,
                _ => return None,
            };
            let profile = Profile::ALL
                .into_iter()
                .find(|profile| format!("{profile:?}") == cells[4]);
            assert!(profile.is_some() || cells[4] == "–", "{line}");
            Some((kind.to_string(), of_case, profile))
        })
        .collect();
    let code: Vec<(String, bool, Option<Profile>)> = Body::KINDS
        .iter()
        .map(|kind| {
            let body = example(kind).body;
            let profile = body.profile();
            (kind.to_string(), body.is_of_a_case(), profile)
        })
        .collect();
    assert_eq!(page, code);
}

#[test]
fn ev_1_every_map_of_every_kind_is_closed() {
    let mut tried = 0;
    for kind in Body::KINDS {
        let whole = example(kind).body.to_value();
        let mut paths = Vec::new();
        maps(&whole, &[], &mut paths);
        for path in paths {
            let mut keys = Vec::new();
            let _ = changed(whole.clone(), &path, |members| {
                keys = members.iter().map(|(key, _)| key.clone()).collect();
            });
            for at in 0..keys.len() {
                let fewer = changed(whole.clone(), &path, |members| {
                    members.remove(at);
                });
                assert!(
                    matches!(read(kind, fewer), Err(CborError::Missing { .. })),
                    "{kind} {path:?} without {:?}",
                    keys[at]
                );
                let wrong = changed(whole.clone(), &path, |members| members[at].1 = stray());
                assert!(
                    matches!(read(kind, wrong), Err(CborError::Unexpected { .. })),
                    "{kind} {path:?} {:?}",
                    keys[at]
                );
                tried += 1;
            }
            for name in ["zzz", ""] {
                let more = changed(whole.clone(), &path, |members| {
                    members.push((Value::from(name), Value::Null));
                });
                assert!(
                    matches!(read(kind, more), Err(CborError::Unknown { .. })),
                    "{kind} {path:?}"
                );
            }
        }
        for other in [Value::Null, Value::array([]), Value::from("x")] {
            assert!(read(kind, other).is_err(), "{kind}");
        }
    }
    assert!(tried > 150, "{tried}");
}

#[test]
fn ev_1_ranges_are_kept() {
    let text = |characters: usize| Value::from("ä".repeat(characters).as_str());
    let over = || Value::Uint(1 << 53);
    for (kind, path, good) in [
        ("counterparty.enrolled", "name", text(1)),
        ("counterparty.enrolled", "name", text(120)),
        (
            "counterparty.enrolled",
            "payments_before",
            Value::Uint((1 << 53) - 1),
        ),
        ("agent.invited", "latitude", Value::from(-1_i64)),
        ("agent.invited", "tier", Value::Uint(4)),
        ("auth.failed", "subject", Value::from("founder")),
        ("auth.failed", "subject", Value::from("system:erp")),
        ("review.opened", "sheet", Value::bytes(&[1; 32])),
    ] {
        let body = read(kind, with(kind, path, good.clone()));
        assert!(body.is_ok(), "{kind} {path} {good:?}: {body:?}");
    }
    for (kind, path, bad) in [
        ("log.created", "version", Value::Uint(2)),
        ("log.created", "approval_rules", Value::Uint(0)),
        ("log.created", "exponent", Value::Uint(5)),
        ("log.created", "currency", Value::from("eur")),
        ("log.created", "founder.kind", Value::from("webauthn")),
        ("log.created", "origin", Value::from("")),
        ("log.created", "origin", Value::from("a b")),
        ("log.created", "origin", Value::from("a+b")),
        ("log.created", "origin", text(1)),
        (
            "log.created",
            "origin",
            Value::from("o".repeat(256).as_str()),
        ),
        ("log.created", "web_origins", Value::array([Value::Uint(1)])),
        ("agent.invited", "agent", Value::from("Buyer")),
        ("agent.invited", "sponsor", Value::from("")),
        ("agent.invited", "tier", Value::Uint(0)),
        ("agent.invited", "tier", Value::Uint(5)),
        ("agent.invited", "latitude", Value::Uint(16)),
        ("agent.invited", "latitude", Value::from(-2_i64)),
        ("agent.invited", "code", Value::bytes(&[0; 31])),
        ("agent.invited", "expires_at", over()),
        ("agent.changed", "status", Value::from("frozen")),
        ("system.invited", "expires_at", over()),
        ("counterparty.enrolled", "name", text(0)),
        ("counterparty.enrolled", "name", text(121)),
        ("counterparty.enrolled", "status", Value::from("active")),
        ("counterparty.enrolled", "risk", Value::from("none")),
        ("counterparty.enrolled", "payments_before", over()),
        ("policy.published", "bundle", Value::bytes(&[0; 33])),
        ("auth.failed", "count", Value::Uint(0)),
        ("auth.failed", "subject", Value::from("")),
        ("auth.failed", "subject", Value::from("agent:")),
        ("auth.failed", "subject", Value::from("agent:Buyer")),
        ("auth.failed", "subject", Value::from("person:dora")),
        ("auth.failed", "subject", Value::from("founder:x")),
        ("action.requested", "request_id", Value::from("")),
        (
            "action.requested",
            "request_id",
            Value::from("x".repeat(65).as_str()),
        ),
        ("review.opened", "deadline", over()),
        ("case.expired", "deadline", over()),
        ("agent.changed", "signed.signature", Value::bytes(&[0; 63])),
    ] {
        assert!(
            matches!(
                read(kind, with(kind, path, bad.clone())),
                Err(CborError::Unexpected { .. })
            ),
            "{kind} {path} {bad:?}"
        );
    }
}

#[test]
fn dg_3_no_event_brings_in_a_key_that_nobody_should_trust() {
    let identity = {
        let mut bytes = vec![0; 32];
        bytes[0] = 1;
        bytes
    };
    // RFC 8032 §7.1, test 1.
    let published = data_encoding::HEXLOWER
        .decode(b"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        .unwrap();
    for (kind, path) in [
        ("log.created", "log_key"),
        ("log.created", "seal_key"),
        ("log.created", "founder.key"),
        ("agent.claimed", "key"),
        ("agent.enrolled", "key"),
        ("system.claimed", "key"),
        ("system.enrolled", "key"),
    ] {
        for bytes in [&identity[..], &published, &[0; 32], &[7; 31], &[0xff; 32]] {
            assert!(
                matches!(
                    read(kind, with(kind, path, Value::bytes(bytes))),
                    Err(CborError::Unexpected { .. })
                ),
                "{kind} {path} {bytes:?}"
            );
        }
    }
}

#[test]
fn ev_2_content_is_missing_in_policy_published_and_nowhere_else() {
    let mut signed = 0;
    for kind in Body::KINDS {
        let Some(evidence) = example(kind).body.signed().cloned() else {
            continue;
        };
        signed += 1;
        let published = *kind == "policy.published";
        assert_eq!(evidence.body().is_none(), published, "{kind}");
        let other = if published {
            Value::bytes(b"permit(principal, action, resource);")
        } else {
            Value::Null
        };
        assert!(
            matches!(
                read(kind, with(kind, "signed.body", other)),
                Err(CborError::Unexpected {
                    what: "signed",
                    field: "body",
                    ..
                })
            ),
            "{kind}"
        );
    }
    assert_eq!(signed, 20);
}

#[test]
fn a_body_is_read_under_its_kind_only() {
    let mut alike = Vec::new();
    for kind in Body::KINDS {
        let value = example(kind).body.to_value();
        for other in Body::KINDS.iter().filter(|other| *other != kind) {
            if read(other, value.clone()).is_ok() {
                alike.push((*kind, *other));
            }
        }
        assert_eq!(
            Body::from_value("case.approved", value),
            Err(EntryError::UnknownKind("case.approved".to_string()))
        );
    }
    // Each two have the same members; what tells them apart is the kind, which the digest covers, and what was
    // signed: by the founder in one and the system in the other, or with the one word or the other (AV-3).
    assert_eq!(
        alike,
        [
            ("system.claimed", "system.enrolled"),
            ("system.enrolled", "system.claimed"),
            ("approval.given", "approval.refused"),
            ("approval.refused", "approval.given"),
        ]
    );
}
