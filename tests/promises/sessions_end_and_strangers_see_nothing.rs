//! Goal: the portal answers its own pages, people who are signed in, and each of them what is theirs (TA-1 to TA-8,
//! TA-12, TA-13, PE-12, PE-14). Method: every route asked by everybody; every header spoilt; the log audited at the end.

use std::collections::BTreeSet;

use agentsigna_server::api::portal::{On, Who, portal_routes};
use agentsigna_tests::{client::Answer, server::Server, tenant::Tenant};
use agentsigna_verifier::{
    event::{Body, EndReason},
    passkey::{Site, testing::Authenticator},
};
use serde_json::{Value, json};

use crate::{
    at_the_portal::{Person, ask, assertion},
    audited::{Log, audit},
};

const RULES: &[&str] = &["administrator"];
const READS: &[&str] = &["auditor"];

#[track_caller]
fn locked_down(answer: &Answer) {
    let csp = answer.header("content-security-policy").unwrap_or_default();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ] {
        assert!(csp.contains(part), "{answer:?}");
    }
    assert!(!csp.contains("unsafe"), "{csp}");
    for (name, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    assert!(answer.header("strict-transport-security").is_some());
    let permissions = answer.header("permissions-policy").unwrap_or_default();
    assert!(permissions.contains("publickey-credentials-get=(self)"));
    for name in ["access-control-allow-origin", "server"] {
        assert_eq!(answer.header(name), None, "{answer:?}");
    }
}

/// The reasons with which sessions of `user` ended.
fn ends(log: &Log, user: &str) -> Vec<EndReason> {
    let ended = log
        .entries
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::AuthEnded(body) if body.user.as_str() == user => Some(body.reason),
            _ => None,
        });
    ended.collect()
}

fn failures(log: &Log, user: &str) -> BTreeSet<String> {
    let failed = log
        .entries
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::AuthFailed(body) if body.subject == format!("user:{user}") => {
                Some(body.reason.clone())
            }
            _ => None,
        });
    failed.collect()
}

/// TA-1, TA-2, TA-12, TA-13: every route of the table on each site, for a stranger, a person without the role and a
/// person with it. A new route without a row here fails.
#[test]
fn ta_1_every_route_with_everybody() {
    let server = Server::start_with_people();
    let north = Tenant::found(&server, "north");
    let dana = Person::enrolled(&server, &north, "dana", 1, RULES, &[]);
    let otto = Person::enrolled(&server, &north, "otto", 3, READS, &[]);
    let sites = server.sites();
    for route in portal_routes() {
        // stranger, auditor, administrator, each with a body that says nothing.
        let expected: [u16; 3] = match (route.method, route.path) {
            (
                "GET",
                "/static/sign.js" | "/static/portal.css" | "/static/portal.js" | "/sign-in"
                | "/join" | "/found",
            ) => [200, 200, 200],
            ("POST", "/sign-in/challenge") => [200, 200, 200],
            ("POST", "/sign-in" | "/join/challenge" | "/join" | "/found/challenge" | "/found") => {
                [422, 422, 422]
            }
            // Forms, and this is JSON.
            ("POST", "/sign-in/password") => [415, 415, 415],
            ("POST", "/password" | "/password/code") => [401, 415, 415],
            ("GET", "/password") => [303, 200, 200],
            // Last of all: it ends the session.
            ("POST", "/sign-out") => continue,
            ("GET", "/") => [303, 303, 303],
            ("GET", "/queue" | "/cases" | "/open") => [303, 200, 200],
            // There is no such case; what is seen of one is in `the_portal_shows_what_the_log_says`.
            ("GET", "/cases/{case}" | "/cases/{case}/file") => [303, 404, 404],
            ("POST", "/cases/{case}/verify") => [401, 404, 404],
            (
                "GET",
                "/agents" | "/systems" | "/counterparties" | "/people" | "/people/{user}"
                | "/delegations",
            ) => [303, 200, 200],
            // There is none of these names.
            ("GET", "/agents/{agent}" | "/systems/{system}" | "/counterparties/{counterparty}") => {
                [303, 404, 404]
            }
            ("GET", "/me" | "/queue.json") => [401, 200, 200],
            ("GET", "/ledger" | "/ledger/{index}" | "/passports") => [303, 200, 200],
            ("GET", "/ledger/export") => [401, 200, 200],
            // Anything but a form is refused.
            ("POST", "/ledger/verify") => [401, 415, 415],
            ("GET", "/passports/{case}") => [303, 404, 404],
            ("GET", "/passports/{case}/file") => [401, 404, 404],
            // It ends with the session; what it says is in `the_ledger_is_there_to_be_taken`.
            ("GET", "/events") => continue,
            // For approvers; what they see is in `people_approve_exactly_what_they_saw`.
            ("GET", "/cases/{case}/review") => [303, 404, 404],
            // Without a ticket there is nothing, for nobody.
            ("GET", "/review" | "/review/sheet") => [404, 404, 404],
            ("POST", "/review" | "/review/challenge") => [422, 422, 422],
            ("GET", "/proposals") => [401, 404, 200],
            ("GET", "/policies") => [303, 200, 200],
            // There is no such bundle; `a_policy_is_compared_before_it_rules` has one.
            ("GET", "/policies/{bundle}") => [303, 404, 404],
            // A form, and none of JSON.
            ("POST", "/policies/check") => [401, 404, 415],
            ("POST", "/acts" | "/acts/sign") => [401, 422, 422],
            (method, path) => panic!("`{method} {path}` has no row in this test: who may ask?"),
        };
        for (on, site) in [(On::Portal, &sites.portal), (On::Approval, &sites.approval)] {
            let cookies = [None, otto.cookie.as_deref(), dana.cookie.as_deref()];
            let path = route
                .path
                .replace("{case}", &"0".repeat(32))
                .replace("{index}", "0")
                .replace("{bundle}", &"0".repeat(64))
                .replace("{user}", "dana");
            for (cookie, expected) in cookies.into_iter().zip(expected) {
                let mut asked = ask(&sites, site, route.method, &path).cookie(cookie);
                if route.method == "POST" {
                    asked = asked.json(&json!({}));
                }
                let answer = asked.send();
                // TA-2: what is on the other site is not there, whoever asks.
                let expected = if route.is_on(on) { expected } else { 404 };
                let what = format!("{} {site}{} {cookie:?}", route.method, route.path);
                assert_eq!(answer.status, expected, "{what}: {}", answer.text());
                if expected == 303 {
                    let to = if cookie.is_none() {
                        "/sign-in"
                    } else {
                        "/queue"
                    };
                    assert_eq!(answer.header("location"), Some(to));
                }
                locked_down(&answer);
                for method in ["PUT", "DELETE", "HEAD", "OPTIONS"] {
                    let mut other = ask(&sites, site, "GET", &path).cookie(cookie);
                    other.method = method;
                    other.set("Origin", site);
                    other.set("Sec-Fetch-Site", "same-origin");
                    if method == "HEAD" {
                        continue;
                    }
                    let answer = other.send();
                    let expected = if route.is_on(on) { 405 } else { 404 };
                    assert_eq!(answer.status, expected, "{method} {what}");
                    if expected == 405 {
                        let allow = answer.header("allow").unwrap_or_default();
                        assert!(allow.contains(route.method), "{allow}");
                    }
                    locked_down(&answer);
                }
            }
        }
        assert!(
            !matches!(route.who, Who::Roles([])),
            "`{}` names no role",
            route.path
        );
    }
    for path in [
        "/v1/log",
        "/v1/users",
        "/nothing",
        "/static",
        "/static/../me",
        "/me/",
        "//me",
    ] {
        for cookie in [None, dana.cookie.as_deref()] {
            let answer = ask(&sites, &sites.portal, "GET", path)
                .cookie(cookie)
                .send();
            answer.refused(404, "not-found");
            locked_down(&answer);
        }
    }
    let left = dana.at_portal("POST", "/sign-out").send();
    left.expect(200);
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    dana.at_portal("POST", "/sign-out")
        .send()
        .refused(401, "signed-out");
    let mut server = server;
    assert_eq!(server.stop(), 0);
    server.go_on();
    // A restart ends every session.
    otto.me().refused(401, "signed-out");
    let log = audit(&server, &north);
    assert_eq!(ends(&log, "dana"), [EndReason::Left]);
    assert_eq!(ends(&log, "otto"), [EndReason::Ended]);
}

/// TA-2: one of the two names, byte for byte, once.
#[test]
fn ta_2_another_host_is_nobody_here() {
    let server = Server::start_with_people();
    let sites = server.sites();
    let own = sites.portal.strip_prefix("http://").unwrap().to_owned();
    for host in [
        "tenant.localhost",
        "localhost",
        &own.to_uppercase(),
        &format!("{own}."),
        &format!("evil.example\r\nX-Forwarded-Host: {own}"),
        &sites.address.to_string(),
        "",
    ] {
        let mut asked = ask(&sites, &sites.portal, "GET", "/sign-in");
        host.clone_into(&mut asked.host);
        let answer = asked.send();
        answer.refused(421, "authority-mismatch");
        locked_down(&answer);
    }
    let mut twice = ask(&sites, &sites.portal, "GET", "/sign-in");
    twice.headers.push(("Host".to_owned(), own));
    assert!([400, 421].contains(&twice.send().status));
    assert_eq!(
        ask(&sites, &sites.portal, "GET", "/sign-in").send().status,
        200
    );
}

/// TA-3: a page of another site changes nothing, though the browser sends the cookie.
#[test]
fn ta_3_other_sites_change_nothing() {
    let server = Server::start_with_people();
    let north = Tenant::found(&server, "north");
    let dana = Person::enrolled(&server, &north, "dana", 1, RULES, &[]);
    let before = audit(&server, &north).entries.len();
    for path in [
        "/sign-out",
        "/acts",
        "/acts/sign",
        "/sign-in",
        "/sign-in/challenge",
        "/join",
    ] {
        for (name, value) in [
            ("Origin", None),
            ("Origin", Some("null")),
            ("Origin", Some("https://evil.example")),
            ("Origin", Some(dana.sites.approval.as_str())),
            ("Origin", Some("http://tenant.localhost")),
            ("Sec-Fetch-Site", None),
            ("Sec-Fetch-Site", Some("same-site")),
            ("Sec-Fetch-Site", Some("cross-site")),
            ("Sec-Fetch-Site", Some("none")),
        ] {
            let mut asked = dana.at_portal("POST", path).json(&json!({}));
            asked.remove(name);
            if let Some(value) = value {
                asked.set(name, value);
            }
            let answer = asked.send();
            answer.refused(403, "cross-site");
            locked_down(&answer);
        }
        let mut twice = dana.at_portal("POST", path).json(&json!({}));
        twice
            .headers
            .push(("Origin".to_owned(), dana.sites.portal.clone()));
        twice.send().refused(403, "cross-site");
    }
    // Still signed in: nothing of this was heard.
    assert_eq!(dana.me().expect(200)["user"], "dana");
    let log = audit(&server, &north);
    assert_eq!(log.entries.len(), before);
}

/// PE-12, TA-7, TA-8, TA-13: good sign-ins and bad ones are on the record; a stranger hears one and the same refusal.
#[test]
fn ta_8_every_sign_in_is_on_the_record() {
    let server = Server::start_with_people();
    let north = Tenant::found(&server, "north");
    let mut dana = Person::enrolled(&server, &north, "dana", 1, RULES, &[]);
    let portal = dana.portal();
    let elsewhere = Site::parse(&dana.sites.approval).unwrap();
    let id = dana.sign_in.credential();
    let refused = |answer: Answer| {
        answer.refused(401, "sign-in-refused");
        assert_eq!(answer.header("set-cookie"), None);
        answer.body
    };
    // Nobody's credential, a passkey for another use, and then each check of the assertion broken.
    let nobody = refused(dana.try_sign_in(|challenge, asked| {
        assertion(asked, &Authenticator::new(200).assert(&portal, challenge))
    }));
    let no_approver = refused(dana.try_sign_in(|challenge, asked| {
        assertion(asked, &dana.approval.clone().assert(&elsewhere, challenge))
    }));
    assert_eq!(nobody, no_approver);
    let mut spoilt: Vec<Vec<u8>> = Vec::new();
    spoilt.push(refused(dana.try_sign_in(|challenge, asked| {
        let mut other = Authenticator::new(200).with_credential(id.as_bytes());
        assertion(asked, &other.assert(&portal, challenge))
    })));
    spoilt.push(refused(dana.try_sign_in(|challenge, asked| {
        let mut careless = dana.sign_in.clone().with_flags(0x01);
        assertion(asked, &careless.assert(&portal, challenge))
    })));
    spoilt.push(refused(dana.try_sign_in(|challenge, asked| {
        assertion(asked, &dana.sign_in.clone().assert(&elsewhere, challenge))
    })));
    spoilt.push(refused(dana.try_sign_in(|_, asked| {
        let other = agentsigna_verifier::digest::Digest::from_bytes([7; 32]);
        assertion(asked, &dana.sign_in.clone().assert(&portal, other))
    })));
    // TA-7: a challenge is used up by its answer, and one that was never given out is none.
    let mut kept = Value::Null;
    let first = dana.try_sign_in(|challenge, asked| {
        kept = assertion(asked, &dana.sign_in.clone().assert(&portal, challenge));
        kept.clone()
    });
    first.expect(200);
    spoilt.push(refused(
        dana.at_portal("POST", "/sign-in").json(&kept).send(),
    ));
    assert!(spoilt.iter().all(|body| *body == nobody));

    // PE-14: who is suspended is out at once, and stays out.
    let me = dana.me().expect(200);
    assert_eq!(
        (&me["user"], &me["log"]),
        (&json!("dana"), &json!(north.origin()))
    );
    assert_eq!(me["signs"], true);
    let change = |status: &str| {
        let body = json!({ "user": "dana", "status": status, "roles": RULES, "groups": [] });
        north.act("/v1/users/dana/change", body).expect(200);
    };
    change("suspended");
    dana.me().refused(401, "signed-out");
    refused(dana.try_sign_in(|challenge, asked| {
        assertion(asked, &dana.sign_in.clone().assert(&portal, challenge))
    }));
    change("active");
    dana.me().refused(401, "signed-out");
    dana.sign_in();
    dana.me().expect(200);
    // TA-12: roles are those of now.
    dana.at_portal("GET", "/proposals").send().expect(200);
    let body = json!({ "user": "dana", "status": "active", "roles": READS, "groups": [] });
    north.act("/v1/users/dana/change", body).expect(200);
    dana.at_portal("GET", "/proposals")
        .send()
        .refused(404, "not-found");
    assert_eq!(dana.me().expect(200)["roles"], json!(READS));
    // The passkey that the session began with is revoked: by its own person.
    let passkey = crate::at_the_portal::thumbprint(&dana.sign_in);
    dana.act(
        "/v1/users/dana/revoke",
        json!({ "user": "dana", "passkey": passkey }),
    )
    .expect(200);
    dana.me().refused(401, "signed-out");
    refused(dana.try_sign_in(|challenge, asked| {
        assertion(asked, &dana.sign_in.clone().assert(&portal, challenge))
    }));

    let mut server = server;
    assert_eq!(server.stop(), 0);
    server.go_on();
    let log = audit(&server, &north);
    let expected = [
        "bad-assertion",
        "not-active",
        "not-verified",
        "unknown-challenge",
        "unknown-passkey",
        "wrong-challenge",
        "wrong-web-origin",
    ];
    assert_eq!(failures(&log, "dana"), expected.map(str::to_owned).into());
    let signed_in = log
        .kinds_since(0)
        .iter()
        .filter(|kind| **kind == "auth.signed-in")
        .count();
    assert_eq!(signed_in, 3);
    // Two by the suspension, one by the revocation.
    assert_eq!(ends(&log, "dana"), [EndReason::Ended; 3]);
    let _ = server.fsck().expect(0);
}

/// TA-4, TA-13: the session is all that says whose log is looked at.
#[test]
fn ta_13_people_of_another_tenant_see_and_change_nothing() {
    let server = Server::start_with_people();
    let (north, south) = (
        Tenant::found(&server, "north"),
        Tenant::found(&server, "south"),
    );
    let dana = Person::enrolled(&server, &north, "dana", 1, RULES, &[]);
    let mallory = Person::enrolled(&server, &south, "dana", 11, RULES, &[]);
    dana.act("/v1/systems", json!({ "system": "erp" }))
        .expect(201);
    assert_eq!(mallory.me().expect(200)["log"], south.origin());
    // Headers choose no tenant.
    for name in ["X-Tenant", "X-Forwarded-Host", "X-Log"] {
        let mut asked = mallory.at_portal("GET", "/me");
        asked.set(name, north.origin());
        assert_eq!(asked.send().expect(200)["log"], south.origin());
    }
    // Acts for the other log are none, and what is there looks like what is not.
    let body = |path: &str, body: Value| {
        let mut body = body;
        body["origin"] = north.origin().into();
        mallory.prepare(path, body.to_string().as_bytes())
    };
    body("/v1/systems", json!({ "system": "crm" })).refused(422, "wrong-tenant");
    let status = |system: &str| {
        let path = format!("/v1/systems/{system}/status");
        let answer = mallory.act(&path, json!({ "system": system, "status": "active" }));
        answer.refused(404, "not-found");
        answer.body
    };
    assert_eq!(status("erp"), status("nothing"));
    // Two cookies are none: nobody picks one.
    let both = format!(
        "{}; {}",
        dana.cookie.as_deref().unwrap(),
        mallory.cookie.as_deref().unwrap()
    );
    let mut asked = mallory.at_portal("GET", "/me");
    asked.set("Cookie", &both);
    asked.send().refused(401, "signed-out");
    // A credential id is no secret: one that is put into another log signs in nobody there, and hinders nobody here.
    let mut copy = Person::new(&server, south.origin(), "copy", 21);
    copy.sign_in = copy
        .sign_in
        .clone()
        .with_credential(dana.sign_in.credential().as_bytes());
    let invited = south
        .act("/v1/users", copy.invitation(READS, &[]))
        .expect(201);
    copy.show(invited["code"].as_str().unwrap(), READS);
    south
        .act("/v1/users/copy/confirm", copy.confirmation(READS, &[]))
        .expect(200);
    let mut again = Person::new(&server, north.origin(), "dana", 1);
    again.sign_in();
    assert_eq!(again.me().expect(200)["log"], north.origin());
    copy.sign_in();
    assert_eq!(copy.me().expect(200)["log"], south.origin());
    assert_eq!(copy.me().expect(200)["user"], "copy");
    for tenant in [&north, &south] {
        let _ = audit(&server, tenant);
    }
}
