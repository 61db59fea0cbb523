//! Goal: another key takes the place of an agent's or target system's without anything else beginning anew (ST-2, ST-4,
//! ST-9). Method: the whole way over HTTP and the pages, killed and started again in the middle; both keys tried at each
//! step; at the end a stranger judges Passports, case files and the log.

use agentsigna_tests::{
    client::{Client, now_ms},
    keys::Key,
    server::Server,
    tenant::{Tenant, passport_of},
};
use agentsigna_verifier::{
    event::Body,
    passport::Passport,
    signed_request::Profile,
    time::UnixMillis,
    verify::{Question, verify},
};
use serde_json::{Value, json};

use crate::{
    at_the_portal::{Person, bytes},
    audited::audit,
    pages_offer_what_may_be_signed::{Fields, offered, send},
};

const JUDGES: &[&str] = &["approver"];

/// What a stranger says of a Passport or case file, and whose key the Passport names.
fn assert_valid(tenant: &Tenant, artefact: &[u8]) {
    let question = Question {
        at: UnixMillis::new(now_ms()),
        pinned: true,
        expects_authority: true,
    };
    let report = verify(artefact, &tenant.trusted(&[]), &question);
    assert_eq!(report.outcome().as_str(), "VALID", "{:?}", report.outcome());
}

fn assert_names(passport: &[u8], key: &Key) {
    let passport = Passport::parse(passport).unwrap();
    assert_eq!(passport.claims().key, key.public());
}

fn code(invited: &Value) -> &str {
    invited["code"].as_str().unwrap()
}

/// ST-2, ST-4: the old key until the confirmation, the new one from then on; over restarts; and all else stays.
#[test]
fn st_2_an_agents_key_is_rotated() {
    let mut server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let mut finn = Person::enrolled(&server, &tenant, "finn", 1, JUDGES, &["finance"]);
    let mut gerd = Person::enrolled(&server, &tenant, "gerd", 3, JUDGES, &["finance"]);
    let first = buyer.buy("po-1", 125_000).expect(200);
    assert_names(&passport_of(&first), buyer.client.key());
    let waits = buyer.buy("po-2", 600_000).expect(200);
    assert_eq!(waits["state"], "in-review", "{waits}");

    let terms = json!({ "agent": "buyer-1", "sponsor": "eve", "tier": 2, "latitude": 7 });
    tenant
        .act("/v1/agents", terms)
        .refused(409, "enrolment-mismatch");
    tenant
        .confirm("buyer-1", buyer.client.key())
        .refused(409, "already-enrolled");
    let key = Key::generate();
    let renewed = tenant.party("buyer-1", key.clone());
    let replaced = tenant.invite("buyer-1").expect(201);
    let invited = tenant.invite("buyer-1").expect(201);
    tenant
        .claim("buyer-1", code(&replaced), &key)
        .refused(403, "wrong-code");
    tenant
        .claim("buyer-1", code(&invited), buyer.client.key())
        .refused(409, "already-enrolled");
    tenant.confirm("buyer-1", &key).refused(409, "not-claimed");
    let asked = buyer.buy("po-3", 100).expect(200);
    assert_names(&passport_of(&asked), buyer.client.key());
    tenant.claim("buyer-1", code(&invited), &key).expect(200);
    tenant
        .claim("buyer-1", code(&invited), &key)
        .refused(409, "code-used");

    // Shown is not confirmed, over a restart either.
    server.kill();
    server.go_on();
    tenant
        .confirm("buyer-1", buyer.client.key())
        .refused(409, "enrolment-mismatch");
    buyer.buy("po-4", 100).expect(200);
    renewed.buy("po-5", 100).refused(401, "key-unknown");
    tenant.confirm("buyer-1", &key).expect(200);
    buyer.buy("po-5", 100).refused(401, "key-unknown");
    let seen = first["case"].as_str().unwrap();
    buyer.case(seen).refused(401, "key-unknown");

    // The new key asks, sees what the old one asked for, and gets what was given for it as it was.
    let asked = renewed.buy("po-5", 125_000).expect(200);
    assert_eq!(asked["verdict"], "authorized", "{asked}");
    assert_names(&passport_of(&asked), &key);
    let again = renewed.buy("po-1", 125_000).expect(200);
    assert_eq!(again["case"], first["case"]);
    assert_names(&passport_of(&again), buyer.client.key());

    // ST-9: what people agree to now goes to the key of now.
    let reviewed = waits["case"].as_str().unwrap();
    for person in [&mut finn, &mut gerd] {
        person.sites = server.sites();
        person.sign_in();
        person.judge(reviewed, "approve", "fine").expect(200);
    }
    let issued = bytes(&renewed.case(reviewed).expect(200)["passport"]);
    assert_names(&issued, &key);
    for case in [seen, reviewed, asked["case"].as_str().unwrap()] {
        assert_valid(&tenant, &renewed.case_file(case));
    }
    for passport in [&issued, &passport_of(&asked)] {
        assert_valid(&tenant, passport);
    }

    // LG-5: a key that was replaced is nobody else's, in no log, after a restart either.
    server.kill();
    server.go_on();
    buyer.buy("po-6", 100).refused(401, "key-unknown");
    renewed.buy("po-6", 100).expect(200);
    let south = Tenant::found(&server, "south");
    for (tenant, agent) in [
        (&tenant, "buyer-1"),
        (&tenant, "buyer-2"),
        (&south, "buyer-1"),
    ] {
        let invited = tenant.invite(agent).expect(201);
        let old = buyer.client.key();
        let claimed = tenant.claim(agent, code(&invited), old);
        claimed.expect(200);
        tenant.confirm(agent, old).refused(409, "key-taken");
    }
    renewed.buy("po-7", 100).expect(200);

    // Exposure stayed: each Passport counts, whichever key it was for.
    let log = audit(&server, &tenant);
    let weighed: Vec<u64> = log
        .entries
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::DecisionMade(made) => Some(made.snapshot.agent().exposure_minor()),
            _ => None,
        })
        .collect();
    let expected = [
        0, 125_000, 125_000, 125_100, 125_200, 250_200, 850_200, 850_300,
    ];
    assert_eq!(weighed, expected);
    let _ = audit(&server, &south);
    assert_eq!(server.fsck().status, 0);
}

/// The form at `path` that leads to the act `act`, if it is offered.
fn form(person: &Person, path: &str, act: &str) -> Option<Fields> {
    let leads = |fields: &Fields| fields.contains(&("path".to_owned(), act.to_owned()));
    offered(person, path).into_iter().find(leads)
}

/// Signs what a form of a page asks for.
fn sign(person: &Person, fields: &Fields) -> Value {
    let shown = send(person, fields);
    assert!(
        shown.text().contains("Nothing has happened yet"),
        "{}",
        shown.text()
    );
    let mut body = json!({});
    for (name, value) in fields {
        body[name] = match name.as_str() {
            "tier" => value.parse::<u64>().unwrap().into(),
            _ => value.as_str().into(),
        };
    }
    let path = body["path"].as_str().unwrap().to_owned();
    body.as_object_mut().unwrap().remove("path");
    let answer = person.act(&path, body);
    assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
    answer.json()
}

/// TA-20: the pages offer it to whom it is taken from, and show what waits; a target system's key likewise.
#[test]
fn st_2_people_rotate_keys_at_the_portal() {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let dana = Person::enrolled(&server, &tenant, "dana", 1, &["administrator"], &[]);
    let finn = Person::enrolled(&server, &tenant, "finn", 3, JUDGES, &["finance"]);
    let asks = tenant.agent("buyer-1");
    let erp = tenant.system("bank");
    let claim = |member: &str, id: &str, invited: &Value, key: &Key| {
        let body = json!({
            "origin": tenant.origin(), member: id, "code": code(invited), "key": key.public().to_base64url(),
        });
        Client::new(server.door(), key.clone())
            .act(Profile::Enrol, "/v1/claims", &body)
            .expect(200);
    };
    // Latitude that the founder's file key granted, people do not grant again.
    assert_eq!(form(&dana, "/agents/buyer-1", "/v1/agents"), None);
    let terms = json!({ "agent": "buyer-2", "sponsor": "finn", "tier": 2 });
    let invited = dana.act("/v1/agents", terms).expect(201);
    let (old, new) = (Key::generate(), Key::generate());
    claim("agent", "buyer-2", &invited, &old);
    let confirm = "/v1/agents/buyer-2/confirm";
    sign(&finn, &form(&finn, "/agents/buyer-2", confirm).unwrap());
    let page = "/agents/buyer-2";
    let text = |path: &str| dana.at_portal("GET", path).send().text();
    assert!(text(page).contains("Rotate the key"));
    assert_eq!(form(&finn, page, "/v1/agents"), None);
    let invited = sign(&dana, &form(&dana, page, "/v1/agents").unwrap());
    assert!(text(page).contains("Invite again") && text(page).contains("New key invited"));
    claim("agent", "buyer-2", &invited, &new);
    assert_eq!(form(&dana, page, confirm), None);
    let waits = form(&finn, page, confirm).unwrap();
    assert!(waits.contains(&("key".to_owned(), new.thumbprint())));
    assert!(text(page).contains("counts no more, for ever"));
    tenant
        .party("buyer-2", old.clone())
        .buy("r-1", 100)
        .expect(200);
    sign(&finn, &waits);
    assert!(text(page).contains(&new.thumbprint()) && !text(page).contains(&old.thumbprint()));
    tenant
        .party("buyer-2", old)
        .buy("r-2", 100)
        .refused(401, "key-unknown");
    tenant.party("buyer-2", new).buy("r-2", 100).expect(200);

    // A target system: the same, by an administrator.
    let page = "/systems/bank";
    assert_eq!(form(&finn, page, "/v1/systems"), None);
    let key = Key::generate();
    let invited = sign(&dana, &form(&dana, page, "/v1/systems").unwrap());
    claim("system", "bank", &invited, &key);
    sign(
        &dana,
        &form(&dana, page, "/v1/systems/bank/confirm").unwrap(),
    );
    let renewed = tenant.party("bank", key);
    let case = asks.purchase("po-1", 100);
    let mut body = case;
    body["target"] = "bank".into();
    let asked = asks.ask(&body).expect(200);
    let said = json!({
        "origin": tenant.origin(), "case": asked["case"], "outcome": "completed", "reason": "as delivered",
    });
    erp.client
        .act(Profile::Action, "/v1/outcomes", &said)
        .refused(401, "key-unknown");
    renewed
        .client
        .act(Profile::Action, "/v1/outcomes", &said)
        .expect(200);
    assert_valid(&tenant, &asks.case_file(asked["case"].as_str().unwrap()));
    let _ = audit(&server, &tenant);
}
