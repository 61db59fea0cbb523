//! Goal: a body has one reading, and only under its kind. Method: one example of each of the 40 kinds, each
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
    assert_eq!(Body::KINDS.len(), 40);
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
    let texts = |texts: &[&str]| Value::array(texts.iter().copied().map(Value::from));
    let groups =
        |count: usize| Value::array((0..count).map(|n| Value::from(format!("g-{n:02}").as_str())));
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
        ("auth.failed", "subject", Value::from("user:dana")),
        ("user.invited", "groups", groups(16)),
        ("user.enrolled", "approval", Value::bytes(&[0; 32])),
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
        // PE-1: no site, or two.
        ("log.created", "rp_id", Value::from("example.com")),
        (
            "log.created",
            "web_origins",
            texts(&["https://a.example", "https://b.example"]),
        ),
        ("user.invited", "roles", Value::array([])),
        ("user.invited", "roles", texts(&["approver", "approver"])),
        ("user.invited", "roles", texts(&["operator", "approver"])),
        ("user.invited", "roles", texts(&["founder"])),
        ("user.invited", "groups", texts(&["b", "a"])),
        ("user.invited", "groups", texts(&["Finance"])),
        ("user.invited", "groups", groups(17)),
        ("user.invited", "name", text(0)),
        ("user.invited", "name", text(121)),
        ("user.invited", "name", Value::from("a\u{202e}b")),
        ("user.claimed", "code", Value::from("A")),
        ("user.claimed", "sign_in.context", Value::bytes(b"")),
        ("user.enrolled", "sign_in", Value::bytes(&[0; 31])),
        ("user.enrolled", "approval", Value::bytes(&[0; 33])),
        ("user.changed", "status", Value::from("invited")),
        ("user.revoked", "passkey", Value::bytes(&[0; 33])),
        ("user.password-set", "secret", Value::Null),
        ("user.password-ended", "user", Value::from("Dana")),
        ("delegation.given", "groups", Value::array([])),
        ("delegation.given", "starts_at", Value::Uint(0)),
        ("delegation.given", "ends_at", Value::Uint(0)),
        ("act.proposed", "path", Value::from("/v1/systems")),
        ("act.proposed", "signed.context", Value::bytes(b"")),
        ("auth.signed-in", "method", Value::from("code")),
        ("auth.signed-in", "method", Value::from("password")),
        ("auth.signed-in", "context", Value::Null),
        ("auth.signed-in", "assertion", Value::Null),
        ("auth.ended", "reason", Value::from("bored")),
        ("auth.locked", "until", over()),
        ("auth.failed", "subject", Value::from("user:")),
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

/// Goal: where passkeys are used is said once, and no page of one site can use those of the other. Method: the
/// genesis of the log with people, its sites and its founder changed.
#[test]
fn pe_1_a_genesis_names_no_site_or_two() {
    let genesis = crate::entry::tests::people_examples().remove(0).1;
    let event = Event::decode(&crate::entry::Entry::decode(&genesis).unwrap().event).unwrap();
    let (portal, approval) = (
        "https://portal.agentsigna.test",
        "https://approve.agentsigna.test",
    );
    let with_sites = |body: &Body, rp_id: Value, origins: &[&str]| {
        changed(body.to_value(), &[], |members| {
            for (key, value) in members {
                if *key == Value::from("rp_id") {
                    *value = rp_id.clone();
                } else if *key == Value::from("web_origins") {
                    *value = Value::array(origins.iter().copied().map(Value::from));
                }
            }
        })
    };
    let of_people = event.body;
    let of_agents = example("log.created").body;
    let host = || Value::from("approve.agentsigna.test");
    let good = with_sites(&of_people, host(), &[portal, approval]);
    assert_eq!(read("log.created", good).as_ref(), Ok(&of_people));
    let sited = with_sites(&of_agents, host(), &[portal, approval]);
    assert!(read("log.created", sited).is_ok());
    for (rp_id, origins) in [
        (host(), &[][..]),
        (host(), &[approval]),
        (host(), &[approval, approval]),
        (host(), &[approval, portal]),
        (host(), &[portal, approval, "https://third.agentsigna.test"]),
        (host(), &["https://approve.agentsigna.test:8443", approval]),
        (host(), &["http://portal.agentsigna.test", approval]),
        (host(), &[portal, "https://approve.agentsigna.test/"]),
        (Value::from("agentsigna.test"), &[portal, approval]),
        (Value::Null, &[portal, approval]),
        // A founder with a passkey needs them, and this portal.
        (Value::Null, &[]),
        (host(), &["https://other.agentsigna.test", approval]),
    ] {
        let bad = with_sites(&of_people, rp_id.clone(), origins);
        let refused = read("log.created", bad);
        assert!(
            matches!(refused, Err(CborError::Unexpected { .. })),
            "{origins:?}: {refused:?}"
        );
    }
}

/// PE-4: the founder's passkey was registered for this log and person, to sign in.
#[test]
fn pe_4_a_founder_registered_here() {
    use crate::verify::testing::{Person, Tenant, sites};
    let dana = Person::administrator("dana", 1);
    let mut tenant = Tenant::found_by_person(1, &dana);
    let origin = String::from(tenant.origin());
    let shown = tenant.shown(&dana, crate::passkey::context::CredentialUse::SignIn);
    let of_approval = tenant.shown(&dana, crate::passkey::context::CredentialUse::Approval);
    let founder = |origin: &str, sites: Option<&Sites>, user: &str, shown: &Shown| {
        let user = crate::id::Id::parse(user).unwrap();
        PasskeyFounder::new(origin, sites, user, dana.name.clone(), shown.clone())
    };
    let both = sites();
    assert!(founder(&origin, Some(&both), "dana", &shown).is_ok());
    let nowhere = founder(&origin, None, "dana", &shown);
    assert_eq!(nowhere, Err(FounderError::NoSite));
    let elsewhere = Err(FounderError::Elsewhere);
    assert_eq!(founder("other", Some(&both), "dana", &shown), elsewhere);
    assert_eq!(founder(&origin, Some(&both), "erin", &shown), elsewhere);
    assert_eq!(
        founder(&origin, Some(&both), "dana", &of_approval),
        elsewhere
    );
    let moved = Sites::new("https://other.agentsigna.test", "https://b.example").unwrap();
    assert!(matches!(
        founder(&origin, Some(&moved), "dana", &shown),
        Err(FounderError::Registration(_))
    ));
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
    assert_eq!(signed, 25);
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
