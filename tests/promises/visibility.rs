//! Goal: who asks for what gets exactly that (AP-1, AP-7, AP-8, A4 to A7, A17, A20, A31, A32, A49, A55, A56). Method:
//! two tenants with the same names in them; every route with every kind of caller; every answer crawled for headers.

use agentsigna_server::api::ROUTES;
use agentsigna_tests::{
    client::{Answer, Client},
    keys::Key,
    server::Server,
    tenant::{Party, TARGET, Tenant},
};
use agentsigna_verifier::signed_request::Profile;
use serde_json::{Value, json};

use crate::audited::audit;

struct World {
    server: Server,
    north: Tenant,
    south: Tenant,
    buyer: Party,
    /// Another agent of the same tenant.
    other: Party,
    erp: Party,
    /// A target system that no case names.
    crm: Party,
    /// An agent of the other tenant, of the same id as the first.
    foreign: Party,
}

impl World {
    fn new() -> Self {
        let server = Server::start_with_people();
        let north = Tenant::found(&server, "north");
        let erp = north.system(TARGET);
        north.counterparty("acme");
        let _ = north.policy(agentsigna_tests::tenant::POLICY);
        let south = Tenant::ready(&server, "south");
        Self {
            buyer: north.agent("buyer-1"),
            other: north.agent("buyer-2"),
            crm: north.system("crm"),
            foreign: south.agent("buyer-1"),
            erp,
            north,
            south,
            server,
        }
    }
}

/// The headers that no answer is without.
#[track_caller]
fn locked_down(answer: &Answer) {
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; frame-ancestors 'none'",
        ),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    }
    for name in [
        "set-cookie",
        "location",
        "access-control-allow-origin",
        "server",
    ] {
        assert_eq!(answer.header(name), None, "{answer:?}");
    }
    assert!(!(300..400).contains(&answer.status), "{answer:?}");
}

/// AP-8: cases are seen by their agent, by the target system they name and by the founder; for everybody else they
/// are not there, and that is one answer.
#[test]
fn a_case_is_seen_by_those_it_concerns() {
    let world = World::new();
    let asked = world.buyer.buy("po-1", 125_000).expect(200);
    let case = asked["case"].as_str().unwrap();
    let absent = "0123456789abcdef0123456789abcdef";
    for more in ["", "/passport", "/file"] {
        let path = format!("/v1/cases/{case}{more}");
        for (who, client) in [
            ("its agent", &world.buyer.client),
            ("its target", &world.erp.client),
            ("the founder", &world.north.founder),
        ] {
            let answer = client.read(&path);
            assert_eq!(answer.status, 200, "{who} {path}: {}", answer.text());
            locked_down(&answer);
        }
        let nothing = world
            .buyer
            .client
            .read(&format!("/v1/cases/{absent}{more}"));
        nothing.refused(404, "not-found");
        for (who, client) in [
            ("another agent", &world.other.client),
            ("another target", &world.crm.client),
            ("an agent of another tenant", &world.foreign.client),
            ("the founder of another tenant", &world.south.founder),
        ] {
            let answer = client.read(&path);
            assert_eq!(answer.status, 404, "{who} {path}");
            assert_eq!(answer.body, nothing.body, "{who} {path}");
            let names = |answer: &Answer| -> Vec<String> {
                answer
                    .headers
                    .iter()
                    .map(|(name, _)| name.clone())
                    .collect()
            };
            assert_eq!(names(&answer), names(&nothing), "{who} {path}");
        }
        let stranger = Client::new(world.server.door(), Key::generate());
        stranger.read(&path).refused(401, "key-unknown");
    }
    // The same names in another log are another case: nothing of the first is reused.
    let theirs = world.foreign.buy("po-1", 125_000).expect(200);
    assert_ne!(theirs["case"], asked["case"]);
    assert_eq!(theirs["origin"], world.south.origin());
    // L27: a case without a Passport has none to show, and a file all the same.
    let rejected = world.buyer.buy("po-2", 6_000_000).expect(200);
    let path = format!("/v1/cases/{}", rejected["case"].as_str().unwrap());
    world
        .buyer
        .client
        .read(&format!("{path}/passport"))
        .refused(404, "not-found");
    assert_eq!(world.buyer.client.read(&format!("{path}/file")).status, 200);
}

/// A4, A7: no header chooses a tenant or a role, no path or body leads into another log.
#[test]
fn a4_no_header_and_no_body_leads_into_another_log() {
    let world = World::new();
    let asked = world.buyer.buy("po-1", 125_000).expect(200);
    let path = format!("/v1/cases/{}", asked["case"].as_str().unwrap());
    for (name, value) in [
        ("X-Tenant", "north"),
        ("X-Tenant-Id", world.north.origin()),
        ("Tenant", "north"),
        ("X-Role", "founder"),
        ("X-Forwarded-User", "founder"),
        ("Authorization", "Bearer north"),
        ("Cookie", "tenant=north"),
        ("X-Original-URL", "/v1/log"),
        ("X-HTTP-Method-Override", "POST"),
    ] {
        let mut call = world.foreign.client.call(Profile::Read, &path).signed();
        call.set(name, value);
        call.send().refused(404, "not-found");
        let mut call = world.foreign.client.call(Profile::Read, "/v1/log").signed();
        call.set(name, value);
        assert_eq!(call.send().expect(200)["origin"], world.south.origin());
    }
    let mut body = world.buyer.purchase("po-9", 1);
    world.foreign.ask(&body).refused(422, "wrong-tenant");
    body["origin"] = world.south.origin().into();
    assert_eq!(
        world.foreign.ask(&body).expect(200)["origin"],
        world.south.origin()
    );
    // A key has one holder, in one log (A20).
    let code = world.south.invite("double").expect(201)["code"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = world.buyer.client.key();
    world.south.claim("double", &code, key).expect(200);
    world.south.confirm("double", key).refused(409, "key-taken");
    let log = audit(&world.server, &world.north);
    assert_eq!(log.case(asked["case"].as_str().unwrap()).len(), 3);
}

/// A body that the route would read, for the founder of `tenant`.
fn body_of(route: &str, tenant: &Tenant) -> (String, Value) {
    let thumbprint = "A".repeat(43);
    let (id, mut body) = match route {
        "/v1/actions" => (
            "",
            json!({ "agent": "buyer-1", "request_id": "matrix", "action": "purchase", "amount_minor": 1,
                    "currency": "EUR", "counterparty": "acme", "target": "erp", "reference": "" }),
        ),
        "/v1/claims" => (
            "",
            json!({ "agent": "a", "code": "A".repeat(22), "key": Key::generate().public().to_base64url() }),
        ),
        "/v1/agents" => ("", json!({ "agent": "x-1", "sponsor": "dana", "tier": 2 })),
        "/v1/agents/{id}/confirm" => (
            "buyer-1",
            json!({ "agent": "buyer-1", "sponsor": "dana", "tier": 2, "latitude": 7, "key": thumbprint }),
        ),
        "/v1/agents/{id}/status" => ("buyer-1", json!({ "agent": "buyer-1", "status": "active" })),
        "/v1/systems" => ("", json!({ "system": "x-2" })),
        "/v1/systems/{id}/confirm" => ("erp", json!({ "system": "erp", "key": thumbprint })),
        "/v1/systems/{id}/status" => ("erp", json!({ "system": "erp", "status": "active" })),
        "/v1/counterparties" => (
            "",
            json!({ "counterparty": "x-3", "name": "X", "status": "approved", "risk": "low",
                    "payments_before": 1 }),
        ),
        "/v1/counterparties/{id}" => (
            "acme",
            json!({ "counterparty": "acme", "status": "approved", "risk": "low",
                    "payment_details_changed": false }),
        ),
        "/v1/policies/activate" => ("", json!({ "bundle": "0".repeat(64) })),
        "/v1/users" => (
            "",
            json!({ "user": "dana", "name": "Dana", "roles": ["administrator"], "groups": [] }),
        ),
        "/v1/users/{id}/confirm" => (
            "dana",
            json!({ "user": "dana", "name": "Dana", "roles": ["administrator"], "groups": [],
                    "sign_in": thumbprint }),
        ),
        "/v1/users/{id}/change" => (
            "dana",
            json!({ "user": "dana", "status": "active", "roles": ["administrator"], "groups": [] }),
        ),
        "/v1/users/{id}/revoke" => ("dana", json!({ "user": "dana", "passkey": thumbprint })),
        "/v1/executions" => (
            "",
            json!({ "case": "0".repeat(32), "passport": "0".repeat(32) }),
        ),
        "/v1/outcomes" => (
            "",
            json!({ "case": "0".repeat(32), "outcome": "completed", "reason": "x" }),
        ),
        "/v1/disputes/resolve" => (
            "",
            json!({ "case": "0".repeat(32), "result": "dismissed", "reason": "x" }),
        ),
        _ => ("", json!({})),
    };
    body["origin"] = tenant.origin().into();
    (route.replace("{id}", id), body)
}

/// AP-1, A17: every route with every kind of caller, under the profile it asks for. Who may is answered as asked,
/// who may not is refused, and a new route without a row here fails.
#[test]
fn ap_1_every_route_with_every_kind_of_caller() {
    let world = World::new();
    let asked = world.buyer.buy("po-1", 125_000).expect(200);
    let case = asked["case"].as_str().unwrap().to_owned();
    let north = &world.north;
    let callers = [
        ("agent", &world.buyer.client),
        ("system", &world.erp.client),
        ("founder", &north.founder),
        ("foreign founder", &world.south.founder),
    ];
    for (method, route, profile) in ROUTES {
        // agent, system, founder, founder of another tenant
        // There is no such case; whose a case is, is in `outcomes_close_cases_and_move_trust`.
        let expected: [u16; 4] = match (method, route) {
            ("POST", "/v1/executions") => [403, 404, 403, 403],
            // AP-17
            ("POST", "/v1/outcomes") if profile == Profile::Action => [403, 404, 403, 403],
            ("POST", "/v1/outcomes" | "/v1/disputes/resolve") => [403, 403, 404, 422],
            ("GET", "/v1/open") => [403, 403, 200, 200],
            ("POST", "/v1/actions") => [200, 403, 403, 403],
            // Nobody was invited: the code is wrong, whoever signs; the key in the body is another's.
            ("POST", "/v1/claims") => [401, 401, 401, 401],
            ("POST", "/v1/agents/{id}/confirm" | "/v1/systems/{id}/confirm") => {
                [403, 403, 409, 422]
            }
            ("POST", "/v1/agents" | "/v1/systems" | "/v1/counterparties" | "/v1/users") => {
                [403, 403, 201, 422]
            }
            // Invited by the row above, and no passkey shown yet.
            (
                "POST",
                "/v1/users/{id}/confirm" | "/v1/users/{id}/change" | "/v1/users/{id}/revoke",
            ) => [403, 403, 409, 422],
            ("POST", "/v1/agents/{id}/status" | "/v1/systems/{id}/status") => [403, 403, 200, 422],
            ("POST", "/v1/counterparties/{id}") => [403, 403, 200, 422],
            // The one act without a log in its body: whoever publishes, publishes in the log of the key.
            ("POST", "/v1/policies") => [403, 403, 201, 201],
            ("POST", "/v1/policies/activate") => [403, 403, 422, 422],
            ("GET", "/v1/log") => [200, 200, 200, 200],
            ("GET", "/v1/cases/{case}" | "/v1/cases/{case}/passport" | "/v1/cases/{case}/file") => {
                [200, 200, 200, 404]
            }
            _ => panic!("`{method} {route}` has no row in this test: who may call it?"),
        };
        for ((who, client), expected) in callers.iter().zip(expected) {
            let (path, body) = body_of(route, north);
            let path = path.replace("{case}", &case);
            let call = client.call(profile, &path);
            let call = match (method, route) {
                ("GET", _) => call,
                (_, "/v1/policies") => call.content(
                    "text/plain; charset=utf-8",
                    agentsigna_tests::tenant::POLICY,
                ),
                _ => call.json(&body),
            };
            let answer = call.send();
            assert_eq!(answer.status, expected, "{who} {path}: {}", answer.text());
            if answer.status == 403 {
                assert_eq!(answer.code(), "caller-kind", "{who} {path}");
            }
            locked_down(&answer);
        }
    }
    let _ = audit(&world.server, north);
}

/// AP-1, AP-13, A31, A55: without a signature, with another method, on another path.
#[test]
fn a31_every_answer_is_locked_down() {
    let world = World::new();
    let client = &world.buyer.client;
    let host = client.door().address();
    let raw = |method: &str, path: &str| {
        let text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n");
        client.send_raw(text.as_bytes()).unwrap()
    };
    for (method, route, _) in ROUTES {
        let path = route
            .replace("{id}", "acme")
            .replace("{case}", &"0".repeat(32));
        let unsigned = raw(method, &path);
        unsigned.refused(401, "signature-missing");
        locked_down(&unsigned);
        for other in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
            let both = ROUTES.iter().any(|(m, r, _)| *m == other && *r == route);
            if both {
                continue;
            }
            let answer = raw(other, &path);
            answer.refused(405, "method-not-allowed");
            let allow = answer.header("allow").unwrap_or_default();
            assert!(allow.contains(method), "{other} {path}: `{allow}`");
            locked_down(&answer);
        }
        locked_down(&raw(method, &format!("{path}/")));
        raw(method, &format!("{path}/x/y")).refused(404, "not-found");
    }
    for path in [
        "/",
        "/v1",
        "/v2/actions",
        "/index.html",
        "/.git/config",
        "/v1/../v1/log",
        "/%2e",
    ] {
        let answer = raw("GET", path);
        answer.refused(404, "not-found");
        locked_down(&answer);
    }
}

/// AP-13, as the page says: what is no HTTP has an answer of the library's own. It says nothing, and ends the connection.
#[test]
fn what_is_no_http_hears_a_status_and_nothing_else() {
    let world = World::new();
    let client = &world.buyer.client;
    let host = client.door().address();
    let many: String = (0..65).map(|n| format!("X-{n}: y\r\n")).collect();
    for (name, status, request) in [
        (
            "method",
            400,
            format!("G(T / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        ),
        ("no HTTP", 400, "hello\r\n\r\n".to_owned()),
        (
            "version",
            400,
            format!("GET / HTTP/9.9\r\nHost: {host}\r\n\r\n"),
        ),
        (
            "header",
            400,
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nX y: z\r\n\r\n"),
        ),
        (
            "folded",
            400,
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: y\r\n z\r\n\r\n"),
        ),
        (
            "two lengths",
            400,
            format!(
                "POST /v1/actions HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"
            ),
        ),
        (
            "encoding",
            400,
            format!(
                "POST /v1/actions HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"
            ),
        ),
        (
            "target",
            414,
            format!(
                "GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n",
                "x".repeat(65_534)
            ),
        ),
        (
            "headers",
            431,
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n{many}\r\n"),
        ),
    ] {
        let answer = client.send_raw(request.as_bytes()).unwrap();
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        assert_eq!(answer.text(), "", "{name}");
        assert_eq!(answer.header("connection"), Some("close"), "{name}");
        for (header, _) in &answer.headers {
            let known = ["connection", "content-length", "date"];
            assert!(known.contains(&header.as_str()), "{name}: {header}");
        }
        // Nobody else's connection is concerned.
        client.read("/v1/log").expect(200);
    }
}

/// AP-12: five wrong claims kill a code, whoever makes them; four do not, and neither do those for somebody else.
#[test]
fn ap_12_five_wrong_claims_kill_a_code() {
    let world = World::new();
    let north = &world.north;
    let code = |id: &str| {
        let invited = north.invite(id).expect(201);
        invited["code"].as_str().unwrap().to_owned()
    };
    let guess = |id: &str| {
        let answer = north.claim(id, "AAAAAAAAAAAAAAAAAAAAAA", &Key::generate());
        answer.refused(403, "wrong-code");
        answer
    };
    let key = Key::generate();
    let (spared, killed) = (code("spared"), code("killed"));
    for _ in 0..4 {
        let _ = guess("spared");
        let _ = guess("killed");
    }
    let wrong = guess("killed");
    // The right code is now as wrong as any other, and nothing tells them apart.
    for _ in 0..2 {
        let answer = north.claim("killed", &killed, &key);
        assert_eq!((answer.status, &answer.body), (403, &wrong.body));
    }
    north.confirm("killed", &key).refused(409, "not-claimed");
    let other = Key::generate();
    north.claim("spared", &spared, &other).expect(200);
    north.confirm("spared", &other).expect(200);
    // A new code has a new count, and the old one stays dead.
    let again = code("killed");
    north
        .claim("killed", &killed, &key)
        .refused(403, "wrong-code");
    north.claim("killed", &again, &key).expect(200);
    north.confirm("killed", &key).expect(200);
    let _ = audit(&world.server, north);
}

/// AP-7, A56, L27: what a suspended agent asks is on the record, and rejected.
#[test]
fn ap_7_a_suspended_agent_is_heard_and_rejected() {
    let world = World::new();
    world.north.agent_status("buyer-1", "suspended").expect(200);
    let answer = world.buyer.buy("po-1", 1).expect(200);
    assert_eq!(answer["verdict"], "rejected");
    assert_eq!(answer["rules"], json!(["builtin.agent-suspended"]));
    world.north.agent_status("buyer-1", "active").expect(200);
    assert_eq!(
        world.buyer.buy("po-2", 1).expect(200)["verdict"],
        "authorized"
    );
    // Suspension does not rewrite what was: the same request is the same case.
    assert_eq!(
        world.buyer.buy("po-1", 1).expect(200)["verdict"],
        "rejected"
    );
    let log = audit(&world.server, &world.north);
    assert_eq!(log.case(answer["case"].as_str().unwrap()).len(), 2);
}
