//! Who signed it, and does the event say what was signed: ST-5.

use ed25519_dalek::Signer as _;

use super::*;
use crate::{
    cbor::Value,
    digest::Noun,
    entry::tests::{ExampleBlob, example, examples, rows_at},
    event::{Claimed, PolicyPublished, StatusChanged, SystemInvited},
    signed_request::{Content, Draft, Profile, Request},
    snapshot::Status,
    verify::testing::{POLICY, Role, payment, public_key},
};

/// How the signature in `body` is judged now, by the rows of `tenant`.
fn judged(tenant: &Tenant, body: Body) -> &'static str {
    judged_at(tenant, tenant.now(), body)
}

fn judged_at(tenant: &Tenant, at: UnixMillis, body: Body) -> &'static str {
    let mut event = tenant.clone().event(None, body);
    event.decided_at = at;
    let mut blobs = Held(tenant.blobs.clone());
    match check_signed(&mut tenant.rows.clone(), &mut blobs, &event) {
        Ok(()) => OK,
        Err(error) => {
            assert!(!alloc::string::ToString::to_string(&error).is_empty());
            error.code()
        }
    }
}

/// The founder sets `ap-bot` active; what is signed may be forged.
struct Forged {
    profile: Profile,
    method: &'static str,
    target: &'static str,
    body: String,
    life_s: u64,
}

fn forged(tenant: &Tenant) -> Forged {
    Forged {
        profile: Profile::Founder,
        method: "POST",
        target: "/v1/agents/ap-bot/status",
        body: format!(
            r#"{{"origin":"{}","agent":"ap-bot","status":"active"}}"#,
            tenant.origin()
        ),
        life_s: 30,
    }
}

impl Forged {
    fn sign(&self, tenant: &Tenant, key: Role) -> Signed {
        let created_s = tenant.now().seconds();
        let key = tenant.key(key);
        let request = Request {
            method: self.method,
            authority: "api.agentsigna.test",
            target: self.target,
            content: Some(Content {
                kind: "application/json",
                body: self.body.as_bytes(),
            }),
            passport: None,
            created_s,
            expires_s: created_s + self.life_s,
            nonce: Some("AAAAAAAAAAAAAAAAAAAAAA"),
        };
        let draft = Draft::new(self.profile, &request, public_key(&key)).unwrap();
        Signed::Http {
            base: draft.base().to_vec(),
            signature: key.sign(draft.base()).to_bytes(),
            body: Some(self.body.clone().into_bytes()),
        }
    }

    fn event(&self, tenant: &Tenant, key: Role) -> Body {
        changed(self.sign(tenant, key))
    }
}

fn changed(signed: Signed) -> Body {
    Body::AgentChanged(StatusChanged {
        signed,
        id: id("ap-bot"),
        status: Status::Active,
    })
}

/// What the signature itself can be refused for; the codes are those of `spec/requests.md`.
pub(super) fn of_requests() -> Vec<Broken> {
    let tenant = Tenant::ready(1);
    let good = forged(&tenant);
    let signed = good.sign(&tenant, Role::Founder);
    let with = |change: fn(&mut Vec<u8>, &mut [u8; 64], &mut Option<Vec<u8>>)| {
        let mut signed = signed.clone();
        let Signed::Http {
            base,
            signature,
            body,
        } = &mut signed
        else {
            panic!("signed by a key")
        };
        change(base, signature, body);
        judged(&tenant, changed(signed))
    };
    let as_agent = Forged {
        profile: Profile::Action,
        ..forged(&tenant)
    };
    let content = |body: &str| {
        let forged = Forged {
            body: String::from(body),
            ..forged(&tenant)
        };
        judged(&tenant, forged.event(&tenant, Role::Founder))
    };
    let more = good.body.replace('}', r#","note":1}"#);
    let mut found = Vec::from([
        case(
            "keyid-mismatch",
            judged(&tenant, good.event(&tenant, Role::Stranger)),
            "a stranger",
        ),
        case(
            "keyid-mismatch",
            judged(&tenant, good.event(&tenant, Role::Agent)),
            "the agent itself",
        ),
        case(
            "signature-tag",
            judged(&tenant, as_agent.event(&tenant, Role::Founder)),
            "as an agent",
        ),
        case(
            "signature-wrong",
            with(|_, signature, _| signature[0] ^= 1),
            "a bit of the signature",
        ),
        case(
            "signature-malformed",
            with(|base, _, _| base.push(b'\n')),
            "a byte more of the base",
        ),
        case("base-malformed", with(|base, _, _| base.clear()), "no base"),
        case(
            "digest-mismatch",
            with(|_, _, body| *body = Some(Vec::new())),
            "other content",
        ),
        case("json-syntax", content("{"), "no JSON"),
    ]);
    // The code of an unknown member is whatever JS-10 gives, and never that it was accepted.
    let unknown = content(&more);
    assert_ne!(unknown, OK);
    found.push(case(unknown, unknown, "a member more"));
    found
}

fn founders() -> Vec<Broken> {
    let tenant = Tenant::ready(1);
    let other = Tenant::found(2);
    let mut found = Vec::from([case(
        OK,
        judged(&tenant, forged(&tenant).event(&tenant, Role::Founder)),
        "as it should be",
    )]);
    let mut elsewhere = |how: &str, expected, change: fn(&mut Forged)| {
        let mut signed = forged(&tenant);
        change(&mut signed);
        let code = judged(&tenant, signed.event(&tenant, Role::Founder));
        found.push(case(expected, code, how));
    };
    elsewhere("another agent's path", "signed-elsewhere", |signed| {
        signed.target = "/v1/agents/other-bot/status";
    });
    elsewhere("a query", "signed-elsewhere", |signed| {
        signed.target = "/v1/agents/ap-bot/status?dry=1";
    });
    elsewhere("a system's path", "signed-elsewhere", |signed| {
        signed.target = "/v1/systems/ap-bot/status";
    });
    elsewhere("another method", "signed-elsewhere", |signed| {
        signed.method = "PUT";
    });
    elsewhere("another status", "signed-otherwise", |signed| {
        signed.body = signed.body.replace("active", "suspended");
    });
    elsewhere("another agent", "signed-otherwise", |signed| {
        signed.body = signed.body.replace("ap-bot", "other-bot");
        signed.target = "/v1/agents/other-bot/status";
    });
    elsewhere("a system", "signed-otherwise", |signed| {
        signed.body = signed.body.replace("\"agent\"", "\"system\"");
        signed.target = "/v1/systems/ap-bot/status";
    });
    let mut of_other = forged(&tenant);
    of_other.body = of_other.body.replace(tenant.origin(), other.origin());
    found.push(case(
        "wrong-tenant",
        judged(&tenant, of_other.event(&tenant, Role::Founder)),
        "for another log",
    ));
    let without = forged(&tenant).sign(&tenant, Role::Founder).without_body();
    found.push(case(
        "malformed",
        judged(&tenant, changed(without)),
        "no content",
    ));
    // Before the first entry nobody is the founder.
    let signed = forged(&tenant).sign(&tenant, Role::Founder);
    let event = tenant.clone().event(None, changed(signed.clone()));
    let judged = check_signed(&mut MemoryRows::default(), &mut Held::default(), &event);
    found.push(case("genesis", judged.unwrap_err().code(), "no log"));
    let judged = check_signed(&mut Unreadable, &mut Held::default(), &event);
    found.push(case(
        "rows",
        judged.unwrap_err().code(),
        "a storage that fails",
    ));
    found
}

/// From 5 s before `created` until `expires`, to the millisecond.
fn times() -> Vec<Broken> {
    let tenant = Tenant::ready(1);
    let event = forged(&tenant).event(&tenant, Role::Founder);
    let created_ms = tenant.now().seconds() * 1000;
    [
        (created_ms - 5_001, "signature-time"),
        (created_ms - 5_000, OK),
        (created_ms + 30_000, OK),
        (created_ms + 30_001, "signature-time"),
        (created_ms + 3_600_000, "signature-time"),
        (0, "signature-time"),
    ]
    .into_iter()
    .map(|(ms, expected)| {
        let at = UnixMillis::new(ms).unwrap();
        let code = judged_at(&tenant, at, event.clone());
        case(expected, code, format!("decided at {ms}"))
    })
    .collect()
}

fn claims() -> Vec<Broken> {
    let mut tenant = Tenant::ready(1);
    let code = tenant.invite_agent("new-bot", &tenant.key(Role::Founder));
    tenant.append(
        None,
        Body::SystemInvited(SystemInvited {
            signed: unsigned(),
            system: id("crm"),
            code: Digest::of(Noun::Code, code.as_bytes()),
            expires_at: tenant.now().plus(60_000),
        }),
    );
    let key = tenant.key(Role::OtherAgent);
    let mut claim = |who: &str, name: &str, code: &str, shown: Role, signer: Role| {
        let body = format!(
            r#"{{"origin":"{}","{who}":"{name}","code":"{code}","key":"{}"}}"#,
            tenant.origin(),
            tenant.public(shown).to_base64url()
        );
        let signer = tenant.key(signer);
        Claimed {
            signed: tenant.sign(Profile::Enrol, &signer, "/v1/claims", &body),
            id: id(name),
            key: public_key(&key),
        }
    };
    let (own, other) = (Role::OtherAgent, Role::Stranger);
    let wrong = "AAAAAAAAAAAAAAAAAAAAAA";
    let good = claim("agent", "new-bot", &code, own, own);
    let good_system = claim("system", "crm", &code, own, own);
    let wrong_code = claim("agent", "new-bot", wrong, own, own);
    let wrong_system = claim("system", "crm", wrong, own, own);
    let other_key = claim("agent", "new-bot", &code, other, own);
    let signed_by_other = claim("agent", "new-bot", &code, own, other);
    let nobody = claim("agent", "nobody", &code, own, own);
    let nothing = claim("system", "nothing", &code, own, own);
    let enrolled = claim("agent", "ap-bot", &code, own, own);
    let mut renamed = good.clone();
    renamed.id = id("crm");
    let agent = |body: Claimed| judged(&tenant, Body::AgentClaimed(body));
    let system = |body: Claimed| judged(&tenant, Body::SystemClaimed(body));
    Vec::from([
        case(OK, agent(good.clone()), "as it should be"),
        case(OK, system(good_system.clone()), "as it should be"),
        case("wrong-code", agent(wrong_code), "another code"),
        case("wrong-code", system(wrong_system), "another code"),
        case("wrong-code", agent(nobody), "never invited"),
        case("wrong-code", system(nothing), "never invited"),
        case("wrong-code", agent(enrolled), "no code is out"),
        case(
            "signed-otherwise",
            agent(other_key),
            "another key in the content",
        ),
        case(
            "signed-otherwise",
            system(renamed),
            "an agent's claim for a system",
        ),
        case(
            "keyid-mismatch",
            agent(signed_by_other),
            "the key shown did not sign",
        ),
    ])
}

fn policies() -> Vec<Broken> {
    let mut tenant = Tenant::ready(1);
    let founder = tenant.key(Role::Founder);
    let text = format!("{POLICY}\n");
    let bundle = |policy: &str| {
        Value::map([
            ("version", Value::Uint(1)),
            ("engine", Value::from("another engine")),
            ("catalogue", Value::Uint(1)),
            ("policy", Value::from(policy)),
        ])
        .encode()
    };
    let mut publish = |target: &str, signed: &str, blob: &[u8], held: Option<&[u8]>| {
        let digest = Digest::of(Noun::Blob, blob);
        let request = tenant.sign(Profile::Founder, &founder, target, signed);
        let body = PolicyPublished {
            signed: request.without_body(),
            bundle: digest,
            bytes: blob.len() as u64,
        };
        tenant.blobs.clear();
        if let Some(held) = held {
            tenant.blobs.insert(digest, held.to_vec());
        }
        (body, tenant.clone())
    };
    let (good, other) = (bundle(&text), bundle(POLICY));
    let no_bundle = Value::map([("version", Value::Uint(1))]).encode();
    let path = "/v1/policies";
    let one =
        |(body, tenant): (PolicyPublished, Tenant)| judged(&tenant, Body::PolicyPublished(body));
    let mut found = Vec::from([
        case(
            OK,
            one(publish(path, &text, &good, Some(&good))),
            "as it should be",
        ),
        case(
            "missing-blob",
            one(publish(path, &text, &good, None)),
            "no blob",
        ),
        case(
            "blob-mismatch",
            one(publish(path, &text, &good, Some(&other))),
            "another blob",
        ),
        case(
            "digest-mismatch",
            one(publish(path, &text, &other, Some(&other))),
            "another text",
        ),
        case(
            "malformed",
            one(publish(path, &text, &no_bundle, Some(&no_bundle))),
            "no policy",
        ),
        case(
            "malformed",
            one(publish(path, &text, b"\xff", Some(b"\xff"))),
            "no CBOR",
        ),
        case(
            "signed-elsewhere",
            one(publish("/v1/policies/check", &text, &good, Some(&good))),
            "another path",
        ),
    ]);
    let (mut longer, held) = publish(path, &text, &good, Some(&good));
    longer.bytes += 1;
    found.push(case("blob-mismatch", one((longer, held)), "another length"));
    let (mut twice, held) = publish(path, &text, &good, Some(&good));
    let Signed::Http { body, .. } = &mut twice.signed else {
        panic!("signed by a key")
    };
    *body = Some(text.clone().into_bytes());
    found.push(case(
        "signed-elsewhere",
        one((twice, held)),
        "content beside the blob",
    ));
    found
}

fn agents() -> Vec<Broken> {
    let mut tenant = Tenant::ready(1);
    let origin = String::from(tenant.origin());
    let mut asked = |key: Role, origin: &str| {
        let key = tenant.key(key);
        let (_, body) = tenant.asked("r-1", &payment(12_500), &key, origin);
        body
    };
    let good = asked(Role::Agent, &origin);
    let by_other = asked(Role::OtherAgent, &origin);
    let by_founder = asked(Role::Founder, &origin);
    let for_other = asked(Role::Agent, "agentsigna.test/t/00000000000000ff");
    let mut found = Vec::new();
    let mut add = |expected, body, how| {
        found.push(case(
            expected,
            judged(&tenant, Body::ActionRequested(body)),
            how,
        ));
    };
    add(OK, good.clone(), "as it should be");
    add("keyid-mismatch", by_other, "another agent's key");
    add(
        "keyid-mismatch",
        by_founder,
        "the founder asks in the agent's name",
    );
    add("wrong-tenant", for_other, "for another log");
    let mut other = good.clone();
    other.agent = id("nobody");
    add("not-enrolled", other, "an agent without a key");
    let mut other = good.clone();
    other.request_id = RequestId::parse("r-2").unwrap();
    add("signed-otherwise", other, "another request id");
    let mut other = good.clone();
    other.action = payment(12_501);
    add("signed-otherwise", other, "another amount");
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = founders();
    all.extend(times());
    all.extend(claims());
    all.extend(policies());
    all.extend(agents());
    all
}

#[test]
fn st_5_the_signature_is_good_and_the_right_ones() {
    check(&of_requests());
    check(&founders());
    check(&agents());
}

#[test]
fn st_5_the_step_is_taken_while_the_signature_lives() {
    check(&times());
}

#[test]
fn st_5_a_claim_is_signed_by_the_key_shown_and_knows_the_code() {
    check(&claims());
}

#[test]
fn st_5_of_a_policy_the_text_is_signed() {
    check(&policies());
}

/// Goal: no member of an event is only the host's word. Method: each member of each signed example changed to
/// another good value; only what the founder does not sign at an invitation may differ.
#[test]
fn st_5_each_member_of_each_kind_is_what_was_signed() {
    let mut unsigned = Vec::new();
    for (index, (name, _)) in examples().iter().enumerate() {
        let kind = name
            .split_once('-')
            .unwrap()
            .1
            .strip_suffix(".entry")
            .unwrap();
        let event = example(kind);
        if event.body.signed().is_none() || index == 17 {
            continue;
        }
        let rows = rows_at(index);
        let Value::Map(members) = event.body.to_value() else {
            panic!("{kind} is no map")
        };
        let judge = |body: Body| {
            let changed = Event {
                body,
                ..event.clone()
            };
            check_signed(&mut rows.clone(), &mut ExampleBlob, &changed).map_err(|e| e.code())
        };
        assert_eq!(judge(event.body.clone()), Ok(()), "{name}");
        for (at, (key, old)) in members.iter().enumerate() {
            let Value::Text(member) = key else {
                panic!("{kind}: no name")
            };
            let new = match (member.as_str(), old) {
                ("signed" | "action", _) => continue,
                ("key", _) => Value::bytes(
                    public_key(&crate::verify::testing::signing_key(9, Role::Stranger)).as_bytes(),
                ),
                ("status", Value::Text(word)) => Value::from(match word.as_str() {
                    "active" => "suspended",
                    "suspended" => "active",
                    "watch" => "approved",
                    _ => "watch",
                }),
                ("risk", Value::Text(word)) => {
                    Value::from(if word == "low" { "high" } else { "low" })
                }
                (_, Value::Bool(old)) => Value::Bool(!old),
                ("tier" | "latitude", Value::Uint(n)) => Value::Uint(n - 1),
                (_, Value::Uint(n)) => Value::Uint(n + 1),
                (_, Value::Text(old)) => Value::from(format!("{old}x").as_str()),
                (_, Value::Bytes(old)) => Value::Bytes(old.iter().map(|byte| byte ^ 1).collect()),
                other => panic!("{kind}: {other:?}"),
            };
            let mut changed = members.clone();
            changed[at].1 = new;
            let body = Body::from_value(kind, Value::map(changed)).unwrap();
            match judge(body) {
                Ok(()) => unsigned.push(format!("{kind} {member}")),
                Err(code) => {
                    let expected: &[&str] = match (kind, member.as_str()) {
                        // The key shown must sign.
                        (_, "key") if kind.ends_with(".claimed") => &["keyid-mismatch"],
                        // Nobody of that name was given this code, or has a key.
                        (_, "agent" | "system") if kind.ends_with(".claimed") => &["wrong-code"],
                        ("action.requested", "agent") => &["not-enrolled"],
                        ("policy.published", _) => &["blob-mismatch"],
                        _ => &["signed-otherwise"],
                    };
                    assert!(expected.contains(&code), "{kind} {member}: {code}");
                }
            }
        }
    }
    assert_eq!(
        unsigned,
        [
            "agent.invited code",
            "agent.invited expires_at",
            "system.invited code",
            "system.invited expires_at"
        ]
    );
}
