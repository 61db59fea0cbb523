//! Goal: who is a person, and what people do, comes from signatures of people already in the log (PE-2 to PE-9, TA-7,
//! TA-10 to TA-13). Method: devices in memory, the whole way over HTTP; each rule broken once; at the end a stranger
//! audits the log.

use agentsigna_tests::{server::Server, tenant::Tenant};
use agentsigna_verifier::{digest::Noun, event::Body, passkey::testing::PRESENT_AND_VERIFIED};
use serde_json::{Value, json};

use crate::{
    at_the_portal::{Person, assertion, challenge, thumbprint},
    audited::{Log, audit},
};

const RULES: &[&str] = &["administrator"];
const JUDGES: &[&str] = &["approver"];

fn kinds(log: &Log) -> Vec<&'static str> {
    let quiet = ["auth.signed-in", "auth.ended", "auth.failed"];
    let mut kinds = log.kinds_since(0);
    kinds.retain(|kind| !quiet.contains(kind));
    kinds
}

/// PE-9, PE-7: the founder enrols two administrators; from then on each needs the other, and an approver needs both.
#[test]
fn pe_9_two_administrators_sign_or_nothing_is_done() {
    let server = Server::start_with_people();
    let north = Tenant::found(&server, "north");
    let dana = Person::enrolled(&server, &north, "dana", 1, RULES, &[]);
    // One administrator alone is enough while there is one.
    let agent = json!({ "agent": "buyer-1", "sponsor": "dana", "tier": 2 });
    dana.act("/v1/agents", agent.clone()).expect(201);
    let mut erik = Person::new(&server, north.origin(), "erik", 3);
    let invited = dana
        .act("/v1/users", erik.invitation(RULES, &[]))
        .expect(201);
    erik.show(invited["code"].as_str().unwrap(), RULES);
    let path = "/v1/users/erik/confirm";
    dana.act(path, erik.confirmation(RULES, &[])).expect(200);
    erik.sign_in();

    // Two: the first signature proposes, and the same person cannot be the second.
    let finn = Person::new(&server, north.origin(), "finn", 5);
    let invitation = finn.invitation(JUDGES, &["finance"]);
    let proposed = dana.act("/v1/users", invitation.clone()).expect(201);
    assert_eq!(proposed["proposed"], "/v1/users");
    assert_eq!(proposed.get("code"), None);
    let again = dana.act("/v1/users", invitation.clone()).expect(201);
    assert_eq!(again["proposed"], "/v1/users");
    // The second signs the same bytes.
    let listed = erik.at_portal("GET", "/proposals").send().expect(200);
    let proposals = listed["proposals"].as_array().unwrap().clone();
    assert_eq!(proposals.len(), 1);
    assert_eq!(proposals[0]["by"], "dana");
    let body = crate::at_the_portal::bytes(&proposals[0]["body"]);
    let prepared = erik.prepare("/v1/users", &body).expect(200);
    assert_eq!(
        (&prepared["follows"], &prepared["proposed_by"]),
        (&json!("done"), &json!("dana"))
    );
    assert_eq!(prepared["title"], "Invite finn");
    let invited = erik.act_with("/v1/users", &body).expect(201);
    let code = invited["code"].as_str().unwrap();
    assert_eq!(
        erik.at_portal("GET", "/proposals").send().expect(200)["proposals"],
        json!([])
    );
    // Used once.
    let third = erik.act_with("/v1/users", &body).expect(201);
    assert_eq!(third["proposed"], "/v1/users");

    finn.show(code, JUDGES);
    let path = "/v1/users/finn/confirm";
    let confirmation = finn.confirmation(JUDGES, &["finance"]);
    assert_eq!(
        dana.act(path, confirmation.clone()).expect(201)["proposed"],
        path
    );
    // Another body is another act.
    let mut other = confirmation.clone();
    other["groups"] = json!(["finance", "legal"]);
    assert_eq!(erik.act(path, other).expect(201)["proposed"], path);
    assert_eq!(erik.act(path, confirmation).expect(200)["user"], "finn");

    // A policy: published by one, activated by two; the founder's key alone does not activate any more.
    let text = agentsigna_tests::tenant::POLICY;
    let bundle = dana.act_with("/v1/policies", text.as_bytes()).expect(201)["bundle"].clone();
    let activation = json!({ "bundle": bundle });
    north
        .act("/v1/policies/activate", activation.clone())
        .refused(403, "not-permitted");
    let path = "/v1/policies/activate";
    assert_eq!(
        erik.act(path, activation.clone()).expect(201)["proposed"],
        path
    );
    dana.act(path, activation).expect(200);

    // PE-13, and roles that are not there.
    let mut generous = agent;
    generous["agent"] = "buyer-2".into();
    generous["latitude"] = 3.into();
    dana.act("/v1/agents", generous)
        .refused(422, "latitude-granted");
    let mut finn = finn;
    finn.sign_in();
    finn.act("/v1/systems", json!({ "system": "erp" }))
        .refused(403, "not-permitted");
    finn.act(
        "/v1/users",
        json!({ "user": "mallory", "name": "M", "roles": RULES, "groups": [] }),
    )
    .refused(403, "not-permitted");

    let log = audit(&server, &north);
    assert_eq!(
        kinds(&log),
        [
            "log.created",
            "user.invited",
            "user.claimed",
            "user.enrolled",
            "agent.invited",
            "user.invited",
            "user.claimed",
            "user.enrolled",
            "act.proposed",
            "act.proposed",
            "user.invited",
            "act.proposed",
            "user.claimed",
            "act.proposed",
            "act.proposed",
            "user.enrolled",
            "policy.published",
            "act.proposed",
            "policy.activated",
        ]
    );
    let _ = server.fsck().expect(0);
}

/// PE-3, PE-4, TA-7, TA-13: a code is for one person of one log, once; a passkey for one use of one person.
#[test]
fn pe_3_nobody_joins_without_their_own_code_and_passkeys() {
    let server = Server::start_with_people();
    let (north, south) = (
        Tenant::found(&server, "north"),
        Tenant::found(&server, "south"),
    );
    let dana = Person::new(&server, north.origin(), "dana", 1);
    let roles = &["administrator", "approver"];
    let invited = north
        .act("/v1/users", dana.invitation(roles, &[]))
        .expect(201);
    let code = invited["code"].as_str().unwrap().to_owned();
    let nobody = "A".repeat(22);
    let refused = dana.show_sign_in(&nobody);
    refused.refused(403, "wrong-code");
    // TA-13: another log, no log and nobody of that name say the same, byte for byte.
    for (log, user) in [
        (south.origin(), "dana"),
        ("agentsigna.test/t/0011223344556677", "dana"),
        (north.origin(), "erik"),
        (north.origin(), "DANA"),
    ] {
        let stranger = Person::new(&server, log, user, 1);
        let answer = stranger.show_sign_in(&code);
        assert_eq!((answer.status, answer.body), (403, refused.body.clone()));
    }
    // In turn: nobody begins at the approval site.
    dana.show_approval(&code).refused(409, "out-of-turn");
    // A device that checks nobody shows nothing.
    let mut careless = Person::new(&server, north.origin(), "dana", 1);
    careless.sign_in = careless.sign_in.clone().with_flags(0x01);
    careless.show_sign_in(&code).refused(403, "not-verified");
    // A challenge is for the code that it was made for, and for one answer.
    let erik = Person::new(&server, north.origin(), "erik", 3);
    let other = north
        .act("/v1/users", erik.invitation(&["auditor"], &[]))
        .expect(201);
    let asked = dana
        .at_portal("POST", "/join/challenge")
        .json(&json!({ "log": dana.log, "user": "dana", "code": code }))
        .send()
        .expect(200);
    let made = erik
        .sign_in
        .register(&erik.portal(), challenge(Noun::Passkey, &asked));
    let b64 = |bytes: &[u8]| data_encoding::BASE64URL_NOPAD.encode(bytes);
    let theirs = json!({
        "log": erik.log, "user": "erik", "code": other["code"], "context": asked["context"],
        "authenticator": b64(&erik.sign_in.registered("tenant.localhost")), "client": b64(made.client().as_bytes()),
    });
    let stolen = erik.at_portal("POST", "/join").json(&theirs).send();
    stolen.refused(403, "unknown-challenge");

    dana.show(&code, roles);
    dana.show_sign_in(&code).refused(403, "wrong-code");
    // PE-5: one passkey, one holder.
    let path = "/v1/users/dana/confirm";
    north.act(path, dana.confirmation(roles, &[])).expect(200);
    let mut thief = Person::new(&server, north.origin(), "erik", 1);
    thief.user = "erik".to_owned();
    let code = other["code"].as_str().unwrap();
    thief.show_sign_in(code).refused(409, "key-taken");
    // PE-6: what is confirmed is what was shown.
    erik.show(code, &["auditor"]);
    let mut wrong = erik.confirmation(&["auditor"], &[]);
    wrong["sign_in"] = thumbprint(&dana.approval).into();
    north
        .act("/v1/users/erik/confirm", wrong)
        .refused(409, "enrolment-mismatch");
    let log = audit(&server, &north);
    assert_eq!(kinds(&log).len(), 1 + 2 + 2 + 1);
    let _ = audit(&server, &south);
}

/// TA-7, TA-11, PE-8: what was signed is this act, for this session, once; and nothing else passes for it.
#[test]
fn pe_8_an_assertion_is_for_one_act_of_one_session() {
    let server = Server::start_with_people();
    let north = Tenant::found(&server, "north");
    let dana = Person::enrolled(&server, &north, "dana", 1, RULES, &[]);
    let body = |system: &str| json!({ "origin": dana.log, "system": system }).to_string();
    let prepared = |who: &Person| {
        who.prepare("/v1/systems", body("erp").as_bytes())
            .expect(200)
    };
    let sign = |who: &Person, body: &Value| who.at_portal("POST", "/acts/sign").json(body).send();
    let good = |asked: &Value| {
        let made = dana
            .sign_in
            .clone()
            .assert(&dana.portal(), challenge(Noun::Act, asked));
        assertion(asked, &made)
    };

    // Another session of the same person did not ask.
    let asked = prepared(&dana);
    let mut elsewhere = Person::new(&server, north.origin(), "dana", 1);
    elsewhere.sign_in();
    sign(&elsewhere, &good(&asked)).refused(403, "unknown-challenge");
    // It is not used up by that; by its own session it is.
    let first = sign(&dana, &good(&asked)).expect(201);
    assert_eq!(first["system"], "erp");
    sign(&dana, &good(&asked)).refused(403, "unknown-challenge");

    // Another device, another purpose, another challenge, a device that checks nobody.
    let asked = prepared(&dana);
    let mut stranger = dana
        .approval
        .clone()
        .with_credential(dana.sign_in.credential().as_bytes());
    let made = stranger.assert(&dana.portal(), challenge(Noun::Act, &asked));
    sign(&dana, &assertion(&asked, &made)).refused(403, "bad-assertion");
    let asked = prepared(&dana);
    let confused = agentsigna_verifier::digest::Digest::of(
        Noun::SignIn,
        &crate::at_the_portal::bytes(&asked["context"]),
    );
    let made = dana.sign_in.clone().assert(&dana.portal(), confused);
    sign(&dana, &assertion(&asked, &made)).refused(403, "wrong-challenge");
    let asked = prepared(&dana);
    let made = dana
        .sign_in
        .clone()
        .with_flags(PRESENT_AND_VERIFIED & !0x04)
        .assert(&dana.portal(), challenge(Noun::Act, &asked));
    sign(&dana, &assertion(&asked, &made)).refused(403, "not-verified");
    // The context is kept by the server: another one is nobody's challenge.
    let asked = prepared(&dana);
    let mut body = good(&asked);
    let mut context = crate::at_the_portal::bytes(&asked["context"]);
    *context.last_mut().unwrap() ^= 1;
    body["context"] = data_encoding::BASE64URL_NOPAD.encode(&context).into();
    sign(&dana, &body).refused(403, "unknown-challenge");

    // What is no act, of another log or at another path is said before anything is signed.
    dana.prepare("/v1/actions", b"{}").refused(404, "not-found");
    dana.act(
        "/v1/systems/erp/status",
        json!({ "system": "crm", "status": "active" }),
    )
    .refused(422, "signed-elsewhere");
    let foreign = json!({ "origin": "agentsigna.test/t/0011223344556677", "system": "crm" });
    dana.prepare("/v1/systems", foreign.to_string().as_bytes())
        .refused(422, "wrong-tenant");
    dana.prepare("/v1/policies", b"permit(")
        .refused(422, "policy-refused");

    let mut server = server;
    assert_eq!(server.stop(), 0);
    server.go_on();
    // Found again after a restart.
    elsewhere.sign_in();
    elsewhere
        .act("/v1/systems", json!({ "system": "crm" }))
        .expect(201);
    let log = audit(&server, &north);
    let failed: Vec<(&str, u64)> = log
        .entries
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::AuthFailed(body) if body.subject == "user:dana" => {
                Some((body.reason.as_str(), body.count))
            }
            _ => None,
        })
        .collect();
    for reason in ["bad-assertion", "wrong-challenge", "not-verified"] {
        let count: u64 = failed
            .iter()
            .filter(|(found, _)| *found == reason)
            .map(|(_, count)| count)
            .sum();
        assert_eq!(count, 1, "{reason}: {failed:?}");
    }
    assert_eq!(kinds(&log).last(), Some(&"system.invited"));
}

/// PE-6, PE-7, PE-11, PE-13: what people do for themselves and for one another needs nobody else, and nobody else can do it.
#[test]
fn pe_7_people_act_for_themselves() {
    let server = Server::start_with_people();
    let north = Tenant::found(&server, "north");
    let mut dana = Person::enrolled(&server, &north, "dana", 1, RULES, &[]);
    let erik = Person::enrolled(&server, &north, "erik", 3, RULES, &[]);
    let finn = Person::enrolled(&server, &north, "finn", 5, JUDGES, &["finance", "legal"]);
    let gerd = Person::enrolled(&server, &north, "gerd", 7, JUDGES, &["finance"]);
    let otto = Person::enrolled(&server, &north, "otto", 9, &["operator"], &[]);

    // One's own passkeys: another device, and the old one given up, though two administrators rule.
    let mut second = Person::new(&server, north.origin(), "dana", 21);
    second.cookie.clone_from(&dana.cookie);
    let invited = dana
        .act("/v1/users", dana.invitation(RULES, &[]))
        .expect(201);
    second.show(invited["code"].as_str().unwrap(), RULES);
    let path = "/v1/users/dana/confirm";
    // By that person, unchanged: other roles are an act for two, and PE-2 refuses it to both, also as a proposal.
    let more = dana.invitation(&["administrator", "operator"], &[]);
    for who in [&dana, &erik] {
        who.act("/v1/users", more.clone())
            .refused(409, "enrolment-mismatch");
    }
    dana.act(path, second.confirmation(RULES, &[])).expect(200);
    let revocation = json!({ "user": "dana", "passkey": thumbprint(&dana.sign_in) });
    assert_eq!(
        erik.act("/v1/users/dana/revoke", revocation.clone())
            .expect(201)["proposed"],
        "/v1/users/dana/revoke"
    );
    dana.act("/v1/users/dana/revoke", revocation).expect(200);
    dana.me().refused(401, "signed-out");
    dana = second;
    dana.sign_in();

    // PE-13: an agent is invited by who keeps agents, and confirmed by its sponsor alone.
    let body = json!({ "agent": "buyer-1", "sponsor": "finn", "tier": 2 });
    finn.act("/v1/agents", body.clone())
        .refused(403, "not-permitted");
    let mut nobody = body.clone();
    nobody["sponsor"] = "nobody".into();
    otto.act("/v1/agents", nobody)
        .refused(422, "unknown-sponsor");
    let invited = otto.act("/v1/agents", body.clone()).expect(201);
    let key = agentsigna_tests::keys::Key::generate();
    north
        .claim("buyer-1", invited["code"].as_str().unwrap(), &key)
        .expect(200);
    let mut confirmation = body;
    confirmation["key"] = key.thumbprint().into();
    let path = "/v1/agents/buyer-1/confirm";
    for other in [&dana, &otto, &gerd] {
        other
            .act(path, confirmation.clone())
            .refused(403, "not-permitted");
    }
    finn.act(path, confirmation).expect(200);

    // PE-11: one judges for another, in groups that are theirs, because they said so.
    let now = agentsigna_tests::client::now_ms();
    let delegation = |groups: &[&str]| json!({ "from": "finn", "to": "gerd", "groups": groups, "starts_at": now, "ends_at": now + 3_600_000 });
    let path = "/v1/delegations";
    gerd.act(path, delegation(&["finance"]))
        .refused(403, "not-permitted");
    dana.act(path, delegation(&["finance"]))
        .refused(403, "not-permitted");
    finn.act(path, delegation(&["treasury"]))
        .refused(409, "delegation-range");
    finn.act(path, delegation(&["finance", "legal"]))
        .expect(201);
    let end = json!({ "from": "finn", "to": "gerd" });
    gerd.act("/v1/delegations/end", end.clone())
        .refused(403, "not-permitted");
    finn.act("/v1/delegations/end", end.clone()).expect(200);
    finn.act("/v1/delegations/end", end)
        .refused(409, "no-delegation");
    north
        .act(path, delegation(&["finance"]))
        .refused(404, "not-found");

    let _ = audit(&server, &north);
    let _ = server.fsck().expect(0);
}

/// TA-15, TA-16, PE-1, PE-10, decision 4: a founder with a passkey. There is nothing before it is shown; after it, one
/// log, which its founder cannot leave without a ruler.
#[test]
fn ta_15_a_log_begins_with_its_founders_passkey() {
    let mut server = Server::start_with_people();
    let promise = |server: &Server, name: &str| -> Value {
        let mut command = server.command(&["tenant", "create"]);
        let made = agentsigna_tests::programs::run(command.arg(name).arg("--link").arg("--json"));
        serde_json::from_str(&made.expect(0)).unwrap()
    };
    let listed = |server: &Server| -> Value {
        let mut command = server.command(&["tenant", "list"]);
        serde_json::from_str(&agentsigna_tests::programs::run(command.arg("--json")).expect(0))
            .unwrap()
    };
    let code = |promised: &Value| {
        let link = promised["link"].as_str().unwrap();
        let start = format!("{}/found#code=", server.sites().portal);
        link.strip_prefix(&start).unwrap().to_owned()
    };
    let lost = code(&promise(&server, "north"));
    let promised = promise(&server, "north");
    let origin = promised["origin"].as_str().unwrap().to_owned();
    let code = code(&promised);
    assert_eq!(listed(&server), json!([]));

    let dana = Person::new(&server, &origin, "dana", 1);
    let careless = dana.sign_in.clone().with_flags(0x01);
    // A promise that another replaced, and one that nobody made.
    for wrong in [&lost, &"A".repeat(22)] {
        dana.found(wrong, &dana.sign_in).refused(403, "wrong-code");
    }
    dana.found(&code, &careless).refused(403, "not-verified");
    assert_eq!(listed(&server), json!([]));
    let founded = dana.found(&code, &dana.sign_in).expect(201);
    assert_eq!(founded["origin"], origin);
    dana.found(&code, &dana.sign_in).refused(403, "wrong-code");
    let tenants = listed(&server);
    assert_eq!(tenants[0]["genesis_leaf"], founded["genesis_leaf"]);
    assert_eq!(tenants.as_array().unwrap().len(), 1);

    let key = agentsigna_tests::keys::Key::generate();
    let north = Tenant {
        name: "north".to_owned(),
        log: agentsigna_tests::server::Founded {
            origin: origin.clone(),
            genesis_leaf: founded["genesis_leaf"].as_str().unwrap().to_owned(),
            trust: founded["trust"].as_str().unwrap().to_owned(),
        },
        founder: agentsigna_tests::client::Client::new(server.door(), key),
    };
    let mut dana = dana;
    dana.sign_in();
    // Rules alone, as long as there is one; and cannot leave the log without one.
    let erik = Person::new(&server, &origin, "erik", 3);
    dana.act("/v1/users", erik.invitation(RULES, &[]))
        .expect(201);
    let leave = json!({ "user": "dana", "passkey": thumbprint(&dana.sign_in) });
    dana.act("/v1/users/dana/revoke", leave)
        .refused(409, "last-administrator");
    // No key in a file speaks for it.
    north.founder.read("/v1/log").refused(401, "key-unknown");

    // A promise dies with the server; what began does not.
    let late = promise(&server, "south");
    let late = late["link"]
        .as_str()
        .unwrap()
        .rsplit('=')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(server.stop(), 0);
    server.go_on();
    dana.found(&late, &dana.approval).refused(403, "wrong-code");
    dana.cookie = None;
    dana.sign_in();
    let log = audit(&server, &north);
    assert_eq!(kinds(&log), ["log.created", "user.invited"]);
    let _ = server.fsck().expect(0);
    assert_eq!(server.stop(), 0);
    let mut command = server.command(&["tenant", "create"]);
    let stopped = agentsigna_tests::programs::run(command.arg("south").arg("--link"));
    assert_eq!(stopped.status, 3);
    assert!(
        stopped.stderr.contains("start it first"),
        "{}",
        stopped.stderr
    );
}
