//! Goal: whatever is sent, a refusal names its code and place, and changes no case (A7, A26, A27, A55, L3, AP-9,
//! AP-13). Method: one fault per request, most of them signed as they should be; then an audit of the whole log.

use std::collections::BTreeSet;

use agentsigna_tests::{
    client::{Answer, Call, Client, SignedCall, now_s},
    keys::Key,
    server::{Door, Server},
    tenant::{Party, Tenant},
};
use agentsigna_verifier::{event::Body, limits, signed_request::Profile};
use serde_json::{Value, json};

use crate::audited::{audit, head, size};

struct World {
    server: Server,
    tenant: Tenant,
    buyer: Party,
    crm: Party,
    /// A case that is there before anything is refused.
    case: String,
}

impl World {
    fn new() -> Self {
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
    fn good(&self) -> Value {
        self.buyer.purchase("bad", 1_000)
    }

    fn call(&self, body: impl Into<Vec<u8>>) -> Call<'_> {
        self.buyer
            .client
            .call(Profile::Action, "/v1/actions")
            .content("application/json", body)
    }

    /// The good purchase with `text` in the place of its amount.
    fn amount(&self, text: &str) -> Vec<u8> {
        let body = self.good().to_string();
        assert!(body.contains(r#""amount_minor":1000"#));
        body.replace(
            r#""amount_minor":1000"#,
            &format!(r#""amount_minor":{text}"#),
        )
        .into_bytes()
    }

    fn signed(&self) -> SignedCall<'_> {
        self.call(self.good().to_string()).signed()
    }
}

/// A problem is RFC 9457, closed, and says the same in status line and body (AP-13).
#[track_caller]
fn refused(name: &str, answer: &Answer, status: u16, code: &str, pointer: Option<&str>) {
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
fn changes_nothing(world: &World, requests: impl FnOnce(&World)) {
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
fn without_proof(world: &World) -> Value {
    let mut shown = world.buyer.case(&world.case).expect(200);
    shown["passport"] = Value::Null;
    shown
}

/// JS-1 to JS-10, A26, A27, L2, L3.
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

/// AP-2, AP-6, RQ-29: well formed, signed, and about something that is not there or not the agent's.
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
        let again = world.tenant.invite("buyer-1");
        refused("again", &again, 409, "already-enrolled", None);
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

/// The naive other implementation of RFC 9421 §2.5: signs again what was changed after signing.
fn sign_again(call: &mut SignedCall<'_>, key: &Key) {
    let mut words = call.start.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let input = call.header("Signature-Input").unwrap().to_owned();
    let parameters = input.strip_prefix("as1=").unwrap();
    let mut base = format!(
        "\"@method\": {method}\n\"@authority\": {}\n\"@request-target\": {target}\n",
        call.header("Host").unwrap()
    );
    for name in ["content-type", "content-digest"] {
        if let Some(value) = call.header(name) {
            base.push_str(&format!("\"{name}\": {value}\n"));
        }
    }
    base.push_str(&format!("\"@signature-params\": {parameters}"));
    let signature = data_encoding::BASE64.encode(&key.sign(base.as_bytes()));
    call.set("Signature", &format!("as1=:{signature}:"));
}

/// RQ-1 to RQ-9, RQ-17 to RQ-25, A55: signatures that prove nothing. Then A40, A44: what named a known key is on
/// the record, counted.
#[test]
fn signatures_that_prove_nothing() {
    let mut world = World::new();
    changes_nothing(&world, |world| {
        let key = world.buyer.client.key();
        let input = |from: &str, to: &str| {
            let mut call = world.signed();
            let text = call.header("Signature-Input").unwrap().to_owned();
            assert!(text.contains(from), "{text}");
            call.set("Signature-Input", &text.replacen(from, to, 1));
            sign_again(&mut call, key);
            call.send()
        };
        // The control: changing nothing and signing again is what the client does.
        let mut same = world.signed();
        let signature = same.header("Signature").unwrap().to_owned();
        sign_again(&mut same, key);
        assert_eq!(same.header("Signature"), Some(signature.as_str()));

        let now = now_s();
        for (name, created_s, life_s, code) in [
            ("expired", now - 100, 60, "signature-expired"),
            ("future", now + 30, 60, "signature-from-the-future"),
        ] {
            let mut call = world.call(world.good().to_string());
            (call.created_s, call.life_s) = (created_s, life_s);
            refused(name, &call.send(), 401, code, None);
        }
        let mut call = world.call(world.good().to_string());
        (call.created_s, call.life_s) = (now, 50);
        let mut call = call.signed();
        let text = call.header("Signature-Input").unwrap().to_owned();
        for life_s in [0, 61] {
            let longer = text.replace(
                &format!("expires={}", now + 50),
                &format!("expires={}", now + life_s + 2 * u64::from(life_s == 0)),
            );
            // A life of nothing begins ahead of the clock, so that it is not over yet.
            let longer = if life_s == 0 {
                longer.replace(&format!("created={now}"), &format!("created={}", now + 2))
            } else {
                longer
            };
            call.set("Signature-Input", &longer);
            sign_again(&mut call, key);
            refused("life", &call.send(), 401, "signature-life", None);
        }

        let stranger = Client::new(world.buyer.client.door().clone(), Key::generate());
        let answer = stranger.act(Profile::Action, "/v1/actions", &world.good());
        refused("stranger", &answer, 401, "key-unknown", None);
        let mut forged = world.signed();
        sign_again(&mut forged, &Key::generate());
        refused("forged", &forged.send(), 401, "signature-wrong", None);
        let mut shorter = world.signed();
        shorter.body.pop();
        refused("digest", &shorter.send(), 400, "digest-mismatch", None);
        let mut digest = world.signed();
        digest.set(
            "Content-Digest",
            "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:",
        );
        refused("other digest", &digest.send(), 401, "signature-wrong", None);

        for (name, from, to, code) in [
            ("label", "as1=", "as2=", "signature-label"),
            ("parameters", ";created", "; created", "signature-malformed"),
            ("components", "\"@method\" ", "", "signature-components"),
            (
                "algorithm",
                "\"ed25519\"",
                "\"hmac-sha256\"",
                "signature-algorithm",
            ),
            (
                "tag",
                "agentsigna-action-v1",
                "agentsigna-read-v1",
                "signature-tag",
            ),
        ] {
            let mut call = world.signed();
            let text = call
                .header("Signature-Input")
                .unwrap()
                .replacen(from, to, 1);
            call.set("Signature-Input", &text);
            refused(name, &call.send(), 401, code, None);
        }
        refused(
            "nonce",
            &input("nonce=\"", "nonce=\"="),
            401,
            "signature-nonce",
            None,
        );
        for header in ["Signature", "Signature-Input"] {
            let mut call = world.signed();
            call.remove(header);
            refused(header, &call.send(), 401, "signature-missing", None);
        }
        for (header, code) in [
            ("Content-Digest", "component-missing"),
            ("Content-Type", "component-missing"),
        ] {
            let mut call = world.signed();
            call.remove(header);
            refused(header, &call.send(), 401, code, None);
        }
        let mut call = world.signed();
        let long = format!(
            "{}{}",
            call.header("Signature-Input").unwrap(),
            " ".repeat(512)
        );
        call.set("Signature-Input", &format!("{long}x"));
        refused("long", &call.send(), 401, "component-too-long", None);
        // RQ-17: a header that stands twice, with the same value or another.
        for header in [
            "Signature",
            "Signature-Input",
            "Content-Digest",
            "Content-Type",
            "Host",
        ] {
            let mut call = world.signed();
            let value = call.header(header).unwrap().to_owned();
            call.headers.push((header.to_lowercase(), value));
            refused(header, &call.send(), 401, "component-malformed", None);
        }

        for (kind, body) in [
            ("text/plain", world.good().to_string()),
            ("application/json; charset=utf-8", world.good().to_string()),
        ] {
            let call = world.buyer.client.call(Profile::Action, "/v1/actions");
            refused(
                kind,
                &call.content(kind, body).send(),
                415,
                "media-type",
                None,
            );
        }
        // RQ-18: another name is another server, whatever a proxy says.
        let mut call = world.call(world.good().to_string());
        call.authority = "api.example.com".to_owned();
        let mut call = call.signed();
        refused("authority", &call.send(), 421, "authority-mismatch", None);
        for header in ["Forwarded", "X-Forwarded-Host", "X-Host", "X-Original-Host"] {
            let door: &Door = world.buyer.client.door();
            call.set(header, &door.address());
            refused(header, &call.send(), 421, "authority-mismatch", None);
        }
        call.set("Host", &world.buyer.client.door().address());
        refused(
            "signed for another",
            &call.send(),
            401,
            "signature-wrong",
            None,
        );

        // A request moved to another path or method, and a read with content.
        let mut call = world.signed();
        call.start = "POST /v1/claims HTTP/1.1".to_owned();
        refused("moved", &call.send(), 401, "signature-tag", None);
        call.start = "PUT /v1/actions HTTP/1.1".to_owned();
        let answer = call.send();
        refused("method", &answer, 405, "method-not-allowed", None);
        assert_eq!(answer.header("allow"), Some("POST"));
        let mut call = world.buyer.client.call(Profile::Read, "/v1/log").signed();
        call.body = b"{}".to_vec();
        refused("read with content", &call.send(), 413, "body-size", None);
    });
    // A40, A44, AP-9: all of it is in the log when the server ends, one entry for each reason.
    assert_eq!(world.server.stop(), 0);
    world.server.go_on();
    let log = audit(&world.server, &world.tenant);
    let counted: BTreeSet<(&str, &str)> = log
        .entries
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::AuthFailed(failed) => Some((&*failed.subject, &*failed.reason)),
            _ => None,
        })
        .collect();
    for reason in [
        "signature-expired",
        "signature-from-the-future",
        "signature-life",
        "signature-wrong",
        "digest-mismatch",
    ] {
        assert!(
            counted.contains(&("agent:buyer-1", reason)),
            "{reason}: {counted:?}"
        );
    }
}
