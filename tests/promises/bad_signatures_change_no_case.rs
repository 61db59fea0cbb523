//! Goal: who asks must be proven, each time anew. Method: every way in which a signature proves nothing, against a
//! real server; the log must not grow by a case.

use std::collections::{BTreeMap, BTreeSet};

use agentsigna_tests::{
    client::{Client, SignedCall, now_s},
    keys::Key,
    server::Door,
};
use agentsigna_verifier::{event::Body, signed_request::Profile};

use crate::audited::audit;
use crate::bad_input_changes_no_case::{World, changes_nothing, refused};

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

/// A40, AP-9: every class of failed authentication that the page lists, once for each caller that can cause it, and
/// nothing else. Method: one request of each, and beside them one of each class that is not listed.
#[test]
fn ap_9_failed_authentications_are_counted_and_nothing_else() {
    let mut world = World::new();
    let (buyer, founder, crm) = (
        &world.buyer.client,
        &world.tenant.founder,
        &world.crm.client,
    );
    let now = now_s();
    for (created_s, life_s, code) in [
        (now - 100, 60, "signature-expired"),
        (now + 30, 60, "signature-from-the-future"),
        // Good in itself, but the server is younger.
        (now - 40, 60, "signature-before-start"),
    ] {
        for client in [buyer, founder, crm] {
            let mut call = client.call(Profile::Read, "/v1/log");
            (call.created_s, call.life_s) = (created_s, life_s);
            call.send().refused(401, code);
        }
    }
    let longer = |client: &Client| {
        let mut call = client.call(Profile::Read, "/v1/log");
        (call.created_s, call.life_s) = (now, 60);
        let mut call = call.signed();
        let input = call.header("Signature-Input").unwrap();
        let input = input.replace(
            &format!("expires={}", now + 60),
            &format!("expires={}", now + 61),
        );
        call.set("Signature-Input", &input);
        sign_again(&mut call, client.key());
        call.send().refused(401, "signature-life");
    };
    let good = world.good();
    for client in [buyer, founder, crm] {
        longer(client);
        let mut call = client.call(Profile::Read, "/v1/log").signed();
        sign_again(&mut call, &Key::generate());
        call.send().refused(401, "signature-wrong");
        let call = client.call(Profile::Read, "/v1/log").signed();
        call.send().expect(200);
        // Twice, to be counted twice.
        call.send().refused(409, "replayed");
        call.send().refused(409, "replayed");
        let (profile, path) = if client.key().thumbprint() == founder.key().thumbprint() {
            (Profile::Founder, "/v1/systems")
        } else {
            (Profile::Action, "/v1/actions")
        };
        let mut call = client.call(profile, path).json(&good).signed();
        call.body.pop();
        call.send().refused(400, "digest-mismatch");
    }
    let act = |client: &Client| client.act(Profile::Founder, "/v1/systems", &good);
    act(buyer).refused(403, "caller-kind");
    act(crm).refused(403, "caller-kind");
    for client in [founder, crm] {
        let answer = client.act(Profile::Action, "/v1/actions", &good);
        answer.refused(403, "caller-kind");
    }
    let mut other = good.clone();
    other["agent"] = "buyer-2".into();
    world.buyer.ask(&other).refused(403, "other-agent");

    // Who asked was proven; or nobody known was named.
    let mut twice = good.clone();
    twice["request_id"] = "before".into();
    world.buyer.ask(&twice).refused(409, "request-conflict");
    for (member, value, status, code) in [
        ("counterparty", "nobody", 422, "unknown-counterparty"),
        ("origin", "elsewhere", 422, "wrong-tenant"),
        ("action", "steal", 422, "json-value"),
        ("force", "yes", 400, "json-unknown"),
    ] {
        let mut body = good.clone();
        body[member] = value.into();
        world.buyer.ask(&body).refused(status, code);
    }
    let elsewhere = buyer.act(Profile::Action, "/v1/actions?x=1", &good);
    elsewhere.refused(422, "signed-elsewhere");
    let absent = crm.read("/v1/cases/0123456789abcdef0123456789abcdef");
    absent.refused(404, "not-found");
    crm.read(&format!("/v1/cases/{}", world.case))
        .refused(404, "not-found");
    let stranger = Client::new(buyer.door().clone(), Key::generate());
    stranger.read("/v1/log").refused(401, "key-unknown");
    world
        .tenant
        .claim("buyer-1", "AAAAAAAAAAAAAAAAAAAAAA", &Key::generate())
        .refused(403, "wrong-code");
    let mut call = world.signed();
    call.start = "POST /v1/claims HTTP/1.1".to_owned();
    call.send().refused(401, "signature-tag");
    let mut call = world.signed();
    call.remove("Signature");
    call.send().refused(401, "signature-missing");
    let mut call = world.signed();
    call.set("Host", "api.example.com");
    call.send().refused(421, "authority-mismatch");

    assert_eq!(world.server.stop(), 0);
    world.server.go_on();
    let mut counted: BTreeMap<(String, String), u64> = BTreeMap::new();
    for (_, event) in audit(&world.server, &world.tenant).entries {
        if let Body::AuthFailed(failed) = event.body {
            *counted.entry((failed.subject, failed.reason)).or_default() += failed.count;
        }
    }
    let listed = listed();
    let mut expected = BTreeMap::new();
    for subject in ["agent:buyer-1", "founder", "system:crm"] {
        for reason in &listed {
            let count = match (subject, reason.as_str()) {
                (_, "replayed") | ("system:crm", "caller-kind") => 2,
                ("founder" | "system:crm", "other-agent") => continue,
                _ => 1,
            };
            expected.insert((subject.to_owned(), reason.clone()), count);
        }
    }
    assert_eq!(counted, expected);
}

/// The codes of the table in `spec/agent-api.md §5.1`.
fn listed() -> BTreeSet<String> {
    let page = include_str!("../../spec/agent-api.md");
    let table = &page[page.find("### 5.1").unwrap()..page.find("## 6.").unwrap()];
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.flat_map(|row| row.split('|').nth(1).unwrap().split(", "))
        .map(|code| code.trim().trim_matches('`').to_owned())
        .collect()
}
