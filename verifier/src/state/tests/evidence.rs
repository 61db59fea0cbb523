//! What people signed with passkeys: PE-8, PE-12. Each part of a good act and a good sign-in changed alone.

use super::{
    people::{Org, judged, org},
    *,
};
use crate::{
    cbor::Value,
    entry::{
        Entry,
        tests::{ExampleBlob, people_examples, rows_of},
    },
    event::{AgentInvited, SignInMethod, SignedIn},
    log::note::KeyName,
    passkey::{
        Assertion, Site,
        context::{ActContext, ActPath, Life, SignInContext},
        testing::{Authenticator, client_data, head},
    },
    snapshot::Status,
    verify::testing::{APPROVAL, By, PORTAL, Person},
};

/// The invitation of an agent by `signed`, which says so.
fn invited(tenant: &mut Tenant, person: &mut Person, signed: Signed) -> Body {
    match tenant.agent_invited(By::One(person), "buyer-1", "dana") {
        Body::AgentInvited(body) => Body::AgentInvited(AgentInvited { signed, ..body }),
        other => panic!("{other:?}"),
    }
}

fn invitation(tenant: &Tenant) -> String {
    format!(
        r#"{{"origin":"{}","agent":"buyer-1","sponsor":"dana","tier":2}}"#,
        tenant.origin()
    )
}

/// What `gerd` signs to invite an agent, with a context and an assertion of one's own.
fn evidence() -> Vec<Broken> {
    let mut org = org();
    let Org {
        tenant,
        gerd,
        dana,
        erin,
        ..
    } = &mut org;
    let body = invitation(tenant);
    let (portal, approval) = (Site::parse(PORTAL).unwrap(), Site::parse(APPROVAL).unwrap());
    let context = tenant.act_context(gerd, "/v1/agents", body.as_bytes());
    let mut found = Vec::new();
    let mut signed = |expected, context: &ActContext, assertion: Assertion, how: &str| {
        let signed = Signed::Passkey {
            context: context.clone(),
            assertion,
            body: Some(body.clone().into_bytes()),
        };
        let event = invited(&mut tenant.clone(), gerd, signed);
        found.push(case(expected, judged(tenant, &event), how));
    };
    let device = Authenticator::new(8);
    assert_eq!(device.credential(), context.credential);
    let by = |device: &Authenticator, site: &Site, context: &ActContext| {
        device.clone().assert(site, context.challenge())
    };
    signed(
        OK,
        &context,
        by(&device, &portal, &context),
        "as it should be",
    );
    // The context.
    let with = |change: &dyn Fn(&mut ActContext)| {
        let mut context = context.clone();
        change(&mut context);
        context
    };
    let mut other = |expected, change: &dyn Fn(&mut ActContext), how: &str| {
        let context = with(change);
        signed(expected, &context, by(&device, &portal, &context), how);
    };
    other(
        "wrong-tenant",
        &|context| context.origin = KeyName::parse("agentsigna.test/t/2").unwrap(),
        "for another log",
    );
    other(
        "signed-elsewhere",
        &|context| context.path = ActPath::parse("/v1/systems").unwrap(),
        "for another path",
    );
    other(
        "digest-mismatch",
        &|context| context.content[0] ^= 1,
        "for another body",
    );
    let (now, second) = (tenant.now(), 1000);
    let earlier = UnixMillis::new(now.millis() - second).unwrap();
    other(
        "signature-time",
        &|context| context.life = Life::new(earlier, now).unwrap(),
        "until just before",
    );
    other(
        "signature-time",
        &|context| context.life = Life::new(now.plus(1), now.plus(2)).unwrap(),
        "from just after",
    );
    let of_dana = dana.sign_in.credential();
    other(
        "unknown-passkey",
        &|context| context.credential = of_dana.clone(),
        "with a credential of dana",
    );
    other(
        "unknown-passkey",
        &|context| context.user = id("dana"),
        "in the name of dana",
    );
    other(
        "unknown-passkey",
        &|context| context.user = id("nobody"),
        "in nobody's name",
    );
    // The assertion.
    let mut made = |expected, assertion, how: &str| signed(expected, &context, assertion, how);
    made(
        "other-credential",
        by(&erin.sign_in, &portal, &context),
        "by the passkey of erin",
    );
    made(
        "bad-assertion",
        by(
            &erin
                .sign_in
                .clone()
                .with_credential(context.credential.as_bytes()),
            &portal,
            &context,
        ),
        "by the key of erin under this credential id",
    );
    made(
        "wrong-web-origin",
        by(&device, &approval, &context),
        "at the approval site",
    );
    let forged = Site::parse("https://portal.agentsigna.test.evil.example").unwrap();
    made(
        "wrong-web-origin",
        by(&device, &forged, &context),
        "at a site of somebody else",
    );
    made(
        "not-verified",
        by(&device.clone().with_flags(0x01), &portal, &context),
        "without asking who it is",
    );
    made(
        "not-present",
        by(&device.clone().with_flags(0x04), &portal, &context),
        "without a touch",
    );
    made(
        "wrong-challenge",
        by(&device, &portal, &with(&|context| context.content[0] ^= 1)),
        "over another context",
    );
    let raw = |kind: &str, rp_id: &str| {
        let client = client_data(kind, context.challenge(), PORTAL);
        let authenticator = head(rp_id, 0x05, 1);
        let signature = device.sign(&authenticator, client.as_bytes());
        Assertion::new(
            context.credential.as_bytes().to_vec(),
            &authenticator,
            client.as_bytes(),
            &signature,
        )
        .unwrap()
    };
    made(
        "client-type",
        raw("webauthn.create", portal.rp_id()),
        "a registration",
    );
    made(
        "wrong-rp",
        raw("webauthn.get", approval.rp_id()),
        "for another RP ID",
    );
    made(
        OK,
        raw("webauthn.get", portal.rp_id()),
        "put together by hand",
    );
    // An approval passkey signs no act.
    let mut of_approval = gerd.clone();
    of_approval.sign_in = gerd.approval.clone().unwrap();
    let event = tenant.agent_invited(By::One(&mut of_approval), "buyer-1", "dana");
    found.push(case(
        "unknown-passkey",
        judged(tenant, &event),
        "with the approval passkey",
    ));
    found
}

fn sign_ins() -> Vec<Broken> {
    let mut org = org();
    let mut finn = org.finn.clone();
    let gerd = org.gerd.clone();
    let mut found = Vec::new();
    let good = org.tenant.signed_in(&mut finn);
    let SignInMethod::Passkey { context, .. } = good.method.clone() else {
        panic!("no passkey")
    };
    let mut signed_in = |tenant: &Tenant, expected, body: SignedIn, how: &str| {
        found.push(case(
            expected,
            judged(tenant, &Body::AuthSignedIn(body)),
            how,
        ));
    };
    let by = |device: &Authenticator, change: &dyn Fn(&mut SignInContext)| {
        let mut context = context.clone();
        change(&mut context);
        SignedIn {
            user: id("finn"),
            method: SignInMethod::Passkey {
                assertion: device.clone().assert(&context.site, context.challenge()),
                context,
            },
        }
    };
    let device = finn.sign_in.clone();
    let of_approval = finn.approval.clone().unwrap();
    let tenant = &mut org.tenant;
    signed_in(tenant, OK, good.clone(), "as it should be");
    signed_in(
        tenant,
        "unknown-passkey",
        by(&of_approval, &|_| {}),
        "with the approval passkey",
    );
    signed_in(
        tenant,
        "unknown-passkey",
        by(&gerd.sign_in, &|_| {}),
        "with the passkey of gerd",
    );
    let as_gerd = SignedIn {
        user: gerd.user.clone(),
        ..good.clone()
    };
    signed_in(tenant, "unknown-passkey", as_gerd, "as gerd");
    let approval = Site::parse(APPROVAL).unwrap();
    signed_in(
        tenant,
        "wrong-web-origin",
        by(&device, &|context| context.site = approval.clone()),
        "at the approval site",
    );
    signed_in(
        tenant,
        "not-verified",
        by(&device.clone().with_flags(0x01), &|_| {}),
        "without asking who it is",
    );
    signed_in(
        tenant,
        OK,
        by(&device, &|context| context.expires_at = tenant.now()),
        "at the last moment",
    );
    let before = UnixMillis::new(tenant.now().millis() - 1).unwrap();
    signed_in(
        tenant,
        "sign-in-expired",
        by(&device, &|context| context.expires_at = before),
        "a moment later",
    );
    // A challenge of another purpose, over the same bytes of context.
    let act = Digest::of(crate::digest::Noun::Act, &context.encode());
    let of_act = SignedIn {
        user: id("finn"),
        method: SignInMethod::Passkey {
            assertion: device.clone().assert(&context.site, act),
            context: context.clone(),
        },
    };
    signed_in(tenant, "wrong-challenge", of_act, "a challenge for an act");
    let password = SignedIn {
        user: id("finn"),
        method: SignInMethod::Password,
    };
    signed_in(tenant, "no-password", password.clone(), "with none set");
    let set = tenant.password_set(&mut finn);
    tenant.append(None, set);
    signed_in(tenant, OK, password.clone(), "with a password");
    let nobody = SignedIn {
        user: id("nobody"),
        ..password.clone()
    };
    signed_in(tenant, "unknown-person", nobody, "nobody");
    let bare = Tenant::ready(1);
    signed_in(&bare, "no-site", good.clone(), "a log without sites");
    let revoked = tenant.user_revoked(
        By::One(&mut finn.clone()),
        &finn.user,
        finn.sign_in_thumbprint(),
    );
    let mut without = tenant.clone();
    without.append(None, revoked);
    signed_in(
        &without,
        "unknown-passkey",
        good.clone(),
        "with a revoked passkey",
    );
    org.set(&finn, Status::Suspended);
    signed_in(&org.tenant, "not-active", good, "suspended");
    signed_in(
        &org.tenant,
        "not-active",
        password,
        "suspended, with a password",
    );
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = evidence();
    all.extend(sign_ins());
    all
}

#[test]
fn pe_8_what_a_person_signed_is_good_for_this_act_alone() {
    check(&evidence());
}

#[test]
fn pe_12_a_sign_in_is_good_at_the_portal_for_this_person_now() {
    check(&sign_ins());
}

/// Goal: no member of an event is only the host's word, also where people sign. Method: each member of each signed
/// example of the log with people, changed to another good value.
#[test]
fn st_5_each_member_is_what_a_person_signed() {
    let examples = people_examples();
    let mut unsigned = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    for (index, (name, bytes)) in examples.iter().enumerate() {
        let event = Event::decode(&Entry::decode(bytes).unwrap().event).unwrap();
        if event.body.signed().is_none() {
            continue;
        }
        let kind = event.body.kind();
        let rows = rows_of(&examples[..index]);
        let judge = |body: Body| {
            let changed = Event {
                body,
                ..event.clone()
            };
            check_signed(&mut rows.clone(), &mut ExampleBlob, &changed).map_err(|e| e.code())
        };
        assert_eq!(judge(event.body.clone()), Ok(()), "{name}");
        let Value::Map(members) = event.body.to_value() else {
            panic!("{kind} is no map")
        };
        for (at, (key, old)) in members.iter().enumerate() {
            let Value::Text(member) = key else {
                panic!("{kind}: no name")
            };
            let new = match (member.as_str(), old) {
                ("signed", _) => continue,
                ("path", _) => Value::from("/v1/users/ida/change"),
                ("roles", _) => Value::array([Value::from("auditor")]),
                ("groups", _) => Value::array([Value::from("other")]),
                ("status", Value::Text(word)) => Value::from(if word == "active" {
                    "suspended"
                } else {
                    "active"
                }),
                ("latitude", _) => Value::Uint(3),
                ("approval", Value::Null) => Value::bytes(&[7; 32]),
                ("ends_at" | "tier", Value::Uint(n)) => Value::Uint(n - 1),
                (_, Value::Uint(n)) => Value::Uint(n + 1),
                (_, Value::Text(old)) => Value::from(format!("{old}x").as_str()),
                (_, Value::Bytes(old)) => Value::Bytes(old.iter().map(|byte| byte ^ 1).collect()),
                other => panic!("{kind}: {other:?}"),
            };
            let mut changed = members.clone();
            changed[at].1 = new;
            let body = Body::from_value(kind, Value::map(changed)).unwrap();
            kinds.insert(kind);
            match judge(body) {
                Ok(()) => {
                    unsigned.insert(format!("{kind} {member}"));
                }
                Err("signed-otherwise" | "blob-mismatch") => {}
                Err(code) => assert_eq!((kind, code), ("act.proposed", "json-missing")),
            }
        }
    }
    let unsigned: Vec<String> = unsigned.into_iter().collect();
    assert_eq!(
        unsigned,
        [
            "agent.invited code",
            "agent.invited expires_at",
            "user.invited code",
            "user.invited expires_at"
        ]
    );
    assert_eq!(kinds.len(), 12);
}
