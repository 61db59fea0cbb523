//! Goal: no policy text harms the server, and a policy that fails permits nothing (PO-1, PO-21, PO-26, PA-7, A26, L6).
//! Method: every file of `testdata/policies` and the worst that its limits allow, published over the API; after
//! each the server still decides as before.

use std::{fs, path::Path};

use agentsigna_tests::{server::Server, tenant::Tenant};
use agentsigna_verifier::event::Body;

use crate::audited::{audit, head, size};

const HEAD: &str = r#"@id("a") @title("t") permit(principal, action, resource) when { "#;

#[test]
fn hostile_text_is_refused_and_the_server_lives() {
    let server = Server::start();
    let process = server.process();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let lives = |round: &str| {
        let answer = buyer.buy(round, 1).expect(200);
        assert_eq!(answer["verdict"], "authorized", "after {round}");
    };
    let parentheses = format!("{HEAD}{}true{} }};", "(".repeat(150), ")".repeat(150));
    let stars = format!(
        r#"{HEAD}context.reference like "{}x" }};"#,
        "*".repeat(50_000)
    );
    let soup: String = (0_u32..200_000)
        .map(|n| char::from(b' ' + u8::try_from(n.wrapping_mul(2_654_435_761) >> 25).unwrap() % 95))
        .collect();
    let unknown = format!("{HEAD}principal.shoe_size > 42 }};");
    let not = format!("{HEAD}{}true }};", "!".repeat(100_000));
    let sum = format!("{HEAD}1{} > 0 }};", " + 1".repeat(40_000));
    let unbalanced = "{".repeat(199_999);
    for (name, text) in [
        ("parentheses", &parentheses),
        ("stars", &stars),
        ("soup", &soup),
        ("unknown", &unknown),
        ("not", &not),
        ("sum", &sum),
        ("unbalanced", &unbalanced),
    ] {
        let answer = tenant.publish(text);
        answer.refused(422, "policy-refused");
        // What is said back is short, and does not repeat the text.
        assert!(answer.body.len() < 2_000, "{name}: {}", answer.body.len());
        lives(name);
    }
    tenant
        .publish(&" ".repeat(200_001))
        .refused(413, "body-size");
    lives("too-long");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/policies");
    let mut files = 0;
    for item in fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "cedar") {
            continue;
        }
        files += 1;
        let name = path.file_stem().unwrap().to_str().unwrap();
        let answer = tenant
            .founder
            .call(
                agentsigna_verifier::signed_request::Profile::Founder,
                "/v1/policies",
            )
            .content("text/plain; charset=utf-8", fs::read(&path).unwrap())
            .send();
        match (name.starts_with("ok-"), answer.status) {
            (true, 201) => {}
            (false, 422) => assert_eq!(answer.code(), "policy-refused", "{name}"),
            (_, status) => panic!("{name}: {status} {}", answer.text()),
        }
    }
    assert!(files > 50, "only {files} policies");
    lives("files");
    assert_eq!(server.process(), process);
    let _ = audit(&server, &tenant);
}

/// PO-21: a forbid that overflows beside a broad permit rejects. Cedar alone would skip it, and let through.
#[test]
fn a_policy_that_fails_rejects() {
    let server = Server::start();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    assert_eq!(buyer.buy("before", 2).expect(200)["verdict"], "authorized");
    let _ = tenant.policy(
        r#"@id("grant.all") @title("All") permit(principal, action, resource);
@id("stop.product") @title("Overflows")
forbid(principal, action, resource)
when { context.amount_minor * 9223372036854775807 > 9223372036854775806 };"#,
    );
    let answer = buyer.buy("after", 2).expect(200);
    assert_eq!(answer["verdict"], "rejected", "{answer}");
    let rules: Vec<_> = answer["rules"].as_array().unwrap().iter().collect();
    assert_eq!(rules, ["builtin.engine-error", "stop.product"]);
    assert!(answer["passport"].is_null());

    // In oversight, which only ever asks people, an error is no way to the queue either.
    let _ = tenant.policy(
        r#"@id("grant.all") @title("All") permit(principal, action, resource);
@id("esc.product") @title("Overflows") @escalate("never")
forbid(principal, action, resource)
when { context.amount_minor * 9223372036854775807 > 9223372036854775806 };"#,
    );
    let answer = buyer.buy("oversight", 2).expect(200);
    assert_eq!(answer["verdict"], "rejected", "{answer}");
    let _ = audit(&server, &tenant);
}

/// A28, A29, L32: with no policy everything is rejected, with the broadest one the grave types still go to people.
#[test]
fn no_policy_permits_nothing_and_no_policy_permits_everything() {
    let server = Server::start();
    let tenant = Tenant::found(&server, "north");
    let _ = tenant.system("erp");
    tenant.counterparty("acme");
    let buyer = tenant.agent("buyer-1");
    let newcomer = tenant.agent_with("buyer-2", 2, None, agentsigna_tests::keys::Key::generate());
    let answer = buyer.buy("none", 1).expect(200);
    assert_eq!(answer["verdict"], "rejected");
    assert_eq!(answer["rules"][0], "builtin.no-policy");
    let _ = tenant.policy(r#"@id("all") @title("All") permit(principal, action, resource);"#);
    assert_eq!(buyer.buy("all", 1).expect(200)["verdict"], "authorized");
    for action in [
        "wire",
        "payment-details.change",
        "credential.grant",
        "permission.change",
        "policy.change",
        "data.delete",
        "other",
    ] {
        let mut body = buyer.purchase(&action.replace('.', "-"), 1);
        body["action"] = action.into();
        let answer = buyer.ask(&body).expect(200);
        assert_eq!(answer["verdict"], "escalated", "{action}: {answer}");
    }
    let answer = newcomer.buy("new", 1).expect(200);
    assert_eq!(answer["verdict"], "escalated");
    assert_eq!(answer["rules"], serde_json::json!(["builtin.latitude"]));
    let _ = audit(&server, &tenant);
}

/// PA-7: a permission that no Passport could carry is not given: too many rules that grant it, or too long ids.
#[test]
fn pa_7_a_passport_that_would_be_too_long_is_not_issued() {
    let server = Server::start();
    let process = server.process();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let policy = |count: usize, digits: usize| -> String {
        (0..count)
            .map(|n| {
                format!(
                    "@id(\"g{n:0digits$}\") @title(\"G\") permit(principal, action, resource);\n"
                )
            })
            .collect()
    };
    // What fits, fits: 50 ids of 64 bytes.
    let _ = tenant.policy(&policy(50, 63));
    let answer = buyer.buy("fits", 1).expect(200);
    assert_eq!(answer["verdict"], "authorized");
    assert_eq!(answer["rules"].as_array().unwrap().len(), 50);
    for (name, text) in [("long", policy(64, 63)), ("many", policy(1_000, 3))] {
        let _ = tenant.policy(&text);
        let before = head(&tenant);
        for _ in 0..2 {
            buyer.buy(name, 1).refused(422, "passport-too-long");
        }
        assert_eq!(server.process(), process);
        let log = audit(&server, &tenant);
        assert_eq!(log.kinds_since(size(&before)), [""; 0], "{name}");
    }
    // Not decided is not answered for ever: with other rules the same request is.
    let _ = tenant.policy(&policy(50, 63));
    for name in ["long", "many"] {
        assert_eq!(buyer.buy(name, 1).expect(200)["verdict"], "authorized");
    }
    let log = audit(&server, &tenant);
    let asked = log
        .entries
        .iter()
        .filter(|(_, event)| matches!(event.body, Body::ActionRequested(_)));
    assert_eq!(asked.count(), 3);
    let _ = server.fsck().expect(0);
}
