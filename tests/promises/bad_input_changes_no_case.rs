//! Goal: whatever is sent, a refusal names its code and place, and changes no case (A7, A26, A27, A55, L3, AP-9,
//! AP-13). Method: one fault per request, most of them signed as they should be; then an audit of the whole log.

use agentsigna_tests::{
    client::{Answer, Call, Client, SignedCall},
    keys::Key,
    server::Server,
    tenant::{Party, Tenant},
};
use agentsigna_verifier::{limits, signed_request::Profile};
use serde_json::{Value, json};

use crate::audited::{audit, head, size};

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) tenant: Tenant,
    pub(crate) buyer: Party,
    pub(crate) crm: Party,
    /// A case that is there before anything is refused.
    pub(crate) case: String,
}

impl World {
    pub(crate) fn new() -> Self {
        let server = Server::start();
        let tenant = Tenant::ready(&server, "north");
        let buyer = tenant.agent("buyer-1");
        let crm = tenant.system("crm");
        let case = buyer.buy("before", 1_000).expect(200)["case"]
            .as_str()
            .unwrap()
            .to_owned();
        Self {
            server,
            tenant,
            buyer,
            crm,
            case,
        }
    }

    /// A purchase that would be authorized, if nothing were wrong with it.
    pub(crate) fn good(&self) -> Value {
        self.buyer.purchase("bad", 1_000)
    }

    pub(crate) fn call(&self, body: impl Into<Vec<u8>>) -> Call<'_> {
        self.buyer
            .client
            .call(Profile::Action, "/v1/actions")
            .content("application/json", body)
    }

    /// The good purchase with `text` in the place of its amount.
    pub(crate) fn amount(&self, text: &str) -> Vec<u8> {
        let body = self.good().to_string();
        assert!(body.contains(r#""amount_minor":1000"#));
        body.replace(
            r#""amount_minor":1000"#,
            &format!(r#""amount_minor":{text}"#),
        )
        .into_bytes()
    }

    pub(crate) fn signed(&self) -> SignedCall<'_> {
        self.call(self.good().to_string()).signed()
    }
}

/// A problem is RFC 9457, closed, and says the same in status line and body (AP-13).
#[track_caller]
pub(crate) fn refused(name: &str, answer: &Answer, status: u16, code: &str, pointer: Option<&str>) {
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (status, code),
        "{name}: `{}`",
        answer.text()
    );
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{name}"
    );
    let problem = answer.json();
    let members = problem.as_object().unwrap();
    assert_eq!(problem["status"], status, "{name}");
    for member in members.keys() {
        assert!(
            ["type", "title", "status", "detail", "pointer"].contains(&member.as_str()),
            "{name}: {member}"
        );
    }
    assert!(!problem["title"].as_str().unwrap().is_empty(), "{name}");
    assert!(!problem["detail"].as_str().unwrap().is_empty(), "{name}");
    if let Some(pointer) = pointer {
        assert_eq!(problem["pointer"], pointer, "{name}: {problem}");
    }
}

/// Runs `requests`, all of which are refused, and holds log and cases against what they were before.
pub(crate) fn changes_nothing(world: &World, requests: impl FnOnce(&World)) {
    let before = head(&world.tenant);
    let shown = without_proof(world);
    requests(world);
    assert_eq!(without_proof(world), shown);
    let log = audit(&world.server, &world.tenant);
    log.extends(&world.tenant, &before);
    // AP-9: a refusal may be counted, and does nothing else.
    for kind in log.kinds_since(size(&before)) {
        assert_eq!(kind, "auth.failed", "a refusal left an entry");
    }
    let _ = world.server.fsck().expect(0);
}

/// The case as its agent sees it, without the proof, which may be newer.
pub(crate) fn without_proof(world: &World) -> Value {
    let mut shown = world.buyer.case(&world.case).expect(200);
    shown["passport"] = Value::Null;
    shown
}

/// JS-1 to JS-10, RQ-30, RQ-31, A26, A27, L2, L3.
#[test]
fn json_that_is_not_the_one_form() {
    let world = World::new();
    changes_nothing(&world, |world| {
        let bad = |name: &str, body: &[u8], status, code: &str, pointer: Option<&str>| {
            refused(name, &world.call(body).send(), status, code, pointer);
        };
        let good = world.good().to_string();
        bad("empty", b"", 400, "json-syntax", None);
        bad(
            "cut",
            &good.as_bytes()[..good.len() - 1],
            400,
            "json-syntax",
            None,
        );
        bad("array", b"[]", 422, "json-type", Some(""));
        bad(
            "after",
            format!("{good} 1").as_bytes(),
            400,
            "json-trailing",
            None,
        );
        let twice = format!(r#"{{"agent":"buyer-1",{}"#, &good[1..]);
        bad(
            "twice",
            twice.as_bytes(),
            400,
            "json-duplicate",
            Some("/agent"),
        );
        let escaped = format!(r#"{{"\u0061gent":"buyer-1",{}"#, &good[1..]);
        bad(
            "twice, escaped",
            escaped.as_bytes(),
            400,
            "json-duplicate",
            Some("/agent"),
        );
        let encoding = good.replace("\"BAD\"", "\"\u{ff}\"").into_bytes();
        let encoding: Vec<u8> = encoding.into_iter().filter(|b| *b != 0xc3).collect();
        bad("not UTF-8", &encoding, 400, "json-encoding", None);
        for number in ["1.0", "1e0", "-0", "-1", "9007199254740992", "1E400"] {
            let code = if number == "1E400" {
                "json-syntax"
            } else {
                "json-number"
            };
            let pointer = (code == "json-number").then_some("/amount_minor");
            bad(number, &world.amount(number), 400, code, pointer);
        }
        let most = limits::AMOUNT_MINOR_MAX + 1;
        let most = world.amount(&most.to_string());
        bad("too much", &most, 422, "json-range", Some("/amount_minor"));
        bad(
            "text",
            &world.amount("\"1000\""),
            422,
            "json-type",
            Some("/amount_minor"),
        );
        bad(
            "null",
            &world.amount("null"),
            422,
            "json-type",
            Some("/amount_minor"),
        );
        let depth = world.amount(&format!("{}1{}", "[".repeat(8), "]".repeat(8)));
        bad("depth 9", &depth, 400, "json-depth", None);
        let long = format!(r#"{{"{}":1,{}"#, "n".repeat(65), &good[1..]);
        bad("long name", long.as_bytes(), 400, "json-name", None);
        let control = good.replace("\"BAD\"", "\"B\\u0007D\"");
        bad(
            "control",
            control.as_bytes(),
            400,
            "json-string",
            Some("/reference"),
        );
        let size = format!("{good}{}", " ".repeat(8193 - good.len()));
        bad("8 KiB + 1", size.as_bytes(), 413, "json-size", None);

        // Each member left out, and one that nobody knows, at every level that has names.
        for member in world.good().as_object().unwrap().keys() {
            let mut body = world.good();
            body.as_object_mut().unwrap().remove(member);
            let pointer = format!("/{member}");
            let body = body.to_string();
            bad(member, body.as_bytes(), 422, "json-missing", Some(&pointer));
        }
        let mut body = world.good();
        body["sponsor"] = "dana".into();
        bad(
            "unknown",
            body.to_string().as_bytes(),
            400,
            "json-unknown",
            Some("/sponsor"),
        );
        for (parameters, code, pointer) in [
            (json!({ "Name": 1 }), "json-value", "/parameters/Name"),
            (json!({ "n": { "m": 1 } }), "json-type", "/parameters/n"),
            (json!({ "n": "x".repeat(65) }), "json-value", "/parameters"),
            (json!([1]), "json-type", "/parameters"),
        ] {
            let mut body = world.good();
            body["parameters"] = parameters.clone();
            let name = parameters.to_string();
            bad(&name, body.to_string().as_bytes(), 422, code, Some(pointer));
        }
        for (member, value, code) in [
            ("action", json!("steal"), "json-value"),
            ("agent", json!("Buyer"), "json-value"),
            ("request_id", json!("a b"), "json-value"),
            ("request_id", json!(""), "json-value"),
            ("request_id", json!("r".repeat(65)), "json-value"),
            ("currency", json!("eur"), "json-value"),
            ("counterparty", json!("../acme"), "json-value"),
            ("target", json!("e".repeat(64)), "json-value"),
            ("reference", json!("r".repeat(65)), "json-value"),
            ("statement", json!("s".repeat(281)), "json-value"),
        ] {
            let mut body = world.good();
            body[member] = value.clone();
            let (name, pointer) = (format!("{member} {value}"), format!("/{member}"));
            bad(
                &name,
                body.to_string().as_bytes(),
                422,
                code,
                Some(&pointer),
            );
        }
    });
    // The limits themselves are allowed.
    let good = world
        .buyer
        .purchase("limit", limits::AMOUNT_MINOR_MAX)
        .to_string();
    let padded = format!(
        "{good}{}",
        " ".repeat(limits::ACTION_BODY_BYTES_MAX - good.len())
    );
    assert_eq!(world.call(padded).send().expect(200)["verdict"], "rejected");
}

/// AP-2, AP-6, RQ-29, RQ-30: well formed, signed, and about something that is not there or not the agent's.
#[test]
fn requests_about_what_is_not_there() {
    let world = World::new();
    let south = Tenant::ready(&world.server, "south");
    changes_nothing(&world, |world| {
        for (member, value, status, code) in [
            ("counterparty", "nobody", 422, "unknown-counterparty"),
            ("target", "nowhere", 422, "unknown-target"),
            ("target", "buyer-1", 422, "unknown-target"),
            ("currency", "USD", 422, "currency"),
            ("origin", south.origin(), 422, "wrong-tenant"),
            ("origin", "", 422, "wrong-tenant"),
        ] {
            let mut body = world.good();
            body[member] = value.into();
            let pointer = format!("/{member}");
            let answer = world.buyer.ask(&body);
            refused(
                &format!("{member} {value}"),
                &answer,
                status,
                code,
                Some(&pointer),
            );
        }
        let mut body = world.good();
        body["agent"] = "buyer-2".into();
        refused(
            "other agent",
            &world.buyer.ask(&body),
            403,
            "other-agent",
            None,
        );

        // A47, A49: a query, another path or another case of letters is another target.
        for target in ["/v1/actions?x=1", "/v1/actions?"] {
            let answer = world
                .buyer
                .client
                .act(Profile::Action, target, &world.good());
            refused(target, &answer, 422, "signed-elsewhere", None);
        }
        for target in [
            "/v1/actions/",
            "/V1/actions",
            "//v1/actions",
            "/v1/action%73",
        ] {
            let answer = world
                .buyer
                .client
                .act(Profile::Action, target, &world.good());
            refused(target, &answer, 404, "not-found", None);
        }
        for target in ["/v1/log?x=1", "/v1/log?"] {
            refused(target, &world.buyer.client.read(target), 400, "query", None);
        }
        for query in [
            "wait=",
            "wait=51",
            "wait=-1",
            "wait=1&wait=1",
            "wait=+1",
            "wait=001",
            "w=1",
            "",
        ] {
            let target = format!("/v1/cases/{}?{query}", world.case);
            refused(
                &target,
                &world.buyer.client.read(&target),
                400,
                "query",
                None,
            );
        }
        for name in [
            "%ff",
            "%00",
            "",
            "..",
            "x",
            &world.case.to_uppercase(),
            "%3f",
        ] {
            let target = format!("/v1/cases/{name}");
            refused(
                &target,
                &world.buyer.client.read(&target),
                404,
                "not-found",
                None,
            );
        }
        let passport = format!("/v1/cases/{}/passport", world.case);
        let answer = world
            .buyer
            .client
            .call(Profile::Read, &passport)
            .accept("text/html")
            .send();
        refused("accept", &answer, 406, "not-acceptable", None);
    });
}

/// The founder's acts and claims: A27, A54, AP-2, AP-12, DG-3.
#[test]
fn bad_acts_of_a_founder_and_of_a_new_key() {
    let world = World::new();
    let code = world.tenant.invite("buyer-2").expect(201)["code"]
        .as_str()
        .unwrap()
        .to_owned();
    let south = Tenant::found(&world.server, "south");
    changes_nothing(&world, |world| {
        let acts = [
            (
                "/v1/agents",
                json!({ "agent": "a", "sponsor": "dana", "tier": 2 }),
            ),
            (
                "/v1/agents/buyer-1/confirm",
                json!({ "agent": "buyer-1", "sponsor": "dana", "tier": 2, "latitude": 7,
                        "key": world.buyer.client.key().thumbprint() }),
            ),
            (
                "/v1/agents/buyer-1/status",
                json!({ "agent": "buyer-1", "status": "suspended" }),
            ),
            ("/v1/systems", json!({ "system": "s" })),
            (
                "/v1/systems/crm/confirm",
                json!({ "system": "crm", "key": world.crm.client.key().thumbprint() }),
            ),
            (
                "/v1/systems/crm/status",
                json!({ "system": "crm", "status": "suspended" }),
            ),
            (
                "/v1/counterparties",
                json!({ "counterparty": "c", "name": "C", "status": "approved", "risk": "low",
                        "payments_before": 1 }),
            ),
            (
                "/v1/counterparties/acme",
                json!({ "counterparty": "acme", "status": "watch", "risk": "low",
                        "payment_details_changed": false }),
            ),
            ("/v1/policies/activate", json!({ "bundle": "0".repeat(64) })),
        ];
        for (path, body) in &acts {
            let mut unknown = body.clone();
            unknown["force"] = true.into();
            refused(
                path,
                &world.tenant.act(path, unknown),
                400,
                "json-unknown",
                Some("/force"),
            );
            for member in body
                .as_object()
                .unwrap()
                .keys()
                .filter(|name| *name != "latitude")
            {
                let mut less = body.clone();
                less.as_object_mut().unwrap().remove(member);
                let answer = world.tenant.act(path, less);
                let pointer = match member.as_str() {
                    // Exactly one of agent and system: without either, the agent is missed.
                    "system" if path.ends_with("/status") => "/agent".to_owned(),
                    _ => format!("/{member}"),
                };
                refused(path, &answer, 422, "json-missing", Some(&pointer));
            }
            let mut elsewhere = body.clone();
            elsewhere["origin"] = south.origin().into();
            let answer = world.tenant.founder.act(Profile::Founder, path, &elsewhere);
            refused(path, &answer, 422, "wrong-tenant", Some("/origin"));
            // AP-2: the path is that of another act.
            let other = if *path == "/v1/systems" {
                "/v1/agents"
            } else {
                "/v1/systems"
            };
            let answer = world.tenant.act(other, body.clone());
            assert!(
                (400..=422).contains(&answer.status),
                "{path}: {}",
                answer.text()
            );
        }
        let status = json!({ "agent": "buyer-1", "status": "suspended" });
        let answer = world.tenant.act("/v1/agents/buyer-2/status", status);
        refused("other id", &answer, 422, "signed-elsewhere", None);
        let answer = world.tenant.act(
            "/v1/systems/buyer-1/status",
            json!({ "agent": "buyer-1", "status": "active" }),
        );
        refused("other kind", &answer, 422, "signed-elsewhere", None);
        let status = json!({ "agent": "nobody", "status": "suspended" });
        let answer = world.tenant.act("/v1/agents/nobody/status", status);
        refused("nobody", &answer, 404, "not-found", None);
        let terms = json!({ "agent": "buyer-1", "sponsor": "eve", "tier": 2, "latitude": 7 });
        let again = world.tenant.act("/v1/agents", terms);
        refused("again", &again, 409, "enrolment-mismatch", None);
        let again = world.tenant.confirm("buyer-1", world.buyer.client.key());
        refused("again", &again, 409, "already-enrolled", None);
        let early = world.tenant.confirm("buyer-2", &Key::generate());
        refused("early", &early, 409, "not-claimed", None);
        let activate = world
            .tenant
            .act("/v1/policies/activate", json!({ "bundle": "0".repeat(64) }));
        refused(
            "unpublished",
            &activate,
            422,
            "unpublished-bundle",
            Some("/bundle"),
        );

        // DG-3: keys anybody could sign for, and keys printed in standards.
        let claim = |body: Value, key: &Key| {
            let client = Client::new(world.tenant.founder.door().clone(), key.clone());
            client.act(Profile::Enrol, "/v1/claims", &body)
        };
        let key = Key::generate();
        let body = |shown: &str| json!({ "origin": world.tenant.origin(), "agent": "buyer-2", "code": code, "key": shown });
        for shown in [
            // Points of order 4, 1, 2 and 8.
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "7P_______________________________________38",
            "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
            // RFC 8032 §7.1 test 1, RFC 9421 appendix B.1.4.
            "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
            "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
            // Not a key at all.
            "not-a-key",
        ] {
            refused(
                shown,
                &claim(body(shown), &key),
                422,
                "json-value",
                Some("/key"),
            );
        }
        let own = key.public().to_base64url();
        let with = |member: &str, value: &str| {
            let mut body = body(&own);
            body[member] = value.into();
            body
        };
        let other = Key::generate();
        let stolen = claim(with("code", &code), &other);
        refused("key of somebody else", &stolen, 401, "keyid-mismatch", None);
        let mut both = body(&own);
        both["system"] = "crm".into();
        let answer = claim(both, &key);
        assert!(
            answer.status == 400 || answer.status == 422,
            "{}",
            answer.text()
        );
        // AP-8, AP-13: a stranger learns nothing from a wrong code.
        let wrong = claim(with("code", "AAAAAAAAAAAAAAAAAAAAAA"), &key);
        refused("wrong code", &wrong, 403, "wrong-code", None);
        for body in [
            with("agent", "nobody"),
            with("agent", "buyer-1"),
            with("origin", south.origin()),
            with("origin", "nowhere.test/t/0000000000000000"),
        ] {
            let answer = claim(body.clone(), &key);
            assert_eq!(answer.status, wrong.status, "{body}: {}", answer.text());
            assert_eq!(answer.text(), wrong.text(), "{body}");
        }
    });
    // What was refused used nothing up: the right claim still works.
    let key = Key::generate();
    world.tenant.claim("buyer-2", &code, &key).expect(200);
    world.tenant.confirm("buyer-2", &key).expect(200);
}
