//! Goal: whoever sends a form sees what comes next: the reason at its field, the page to be signed, the code once, what is
//! on record (TA-20 to TA-22). Method: good and bad forms by software that sends what browsers send; the pages read.

use std::collections::BTreeSet;

use agentsigna_tests::{
    client::{Answer, Client},
    keys::Key,
    server::Server,
};
use agentsigna_verifier::{digest::Noun, signed_request::Profile};
use serde_json::json;

use crate::{
    at_the_portal::{Person, assertion, challenge},
    audited::audit,
    pages::html,
    pages_offer_what_may_be_signed::{Fields, busy, fields, send},
};

/// The value of a hidden field on a page.
fn hidden(page: &Answer, name: &str) -> String {
    let read = html::read(&page.text()).unwrap();
    let found = read.of("input").find(|field| {
        field
            .attributes
            .get("name")
            .is_some_and(|found| found == name)
    });
    found.unwrap_or_else(|| panic!("no `{name}`")).attributes["value"].clone()
}

/// Signs what the page of an act asks for, by the form of its script.
fn signed(person: &Person, page: &Answer) -> (Fields, Answer) {
    assert_eq!(page.status, 200, "{}", page.text());
    let asked = json!({
        "context": hidden(page, "context"),
        "challenge": hidden(page, "challenge"),
    });
    let made = person
        .sign_in
        .clone()
        .assert(&person.portal(), challenge(Noun::Act, &asked));
    let sent: Fields = assertion(&asked, &made)
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    let answer = person.at_portal("POST", "/acts/sign").form(&sent).send();
    (sent, answer)
}

/// TA-20: what was typed stays, with the reason at its field; nothing waits for a signature.
#[test]
fn ta_20_what_cannot_be_taken_comes_back_as_it_was() {
    let server = Server::start_with_people();
    let (_, people) = busy(&server);
    let dana = &people[0];
    let hostile = "\"><b>Buyer\u{202e} 1";
    for (form, field, typed, says) in [
        (
            fields(&[
                ("path", "/v1/agents"),
                ("agent", hostile),
                ("sponsor", "erik"),
                ("tier", "2"),
            ]),
            "agent",
            hostile,
            "identifier has a character",
        ),
        (
            fields(&[
                ("path", "/v1/agents"),
                ("agent", "buyer-1"),
                ("sponsor", "dana"),
                ("tier", "2"),
            ]),
            "agent",
            "buyer-1",
            "for another sponsor or tier, enrol another agent",
        ),
        (
            fields(&[("path", "/v1/systems"), ("system", " ")]),
            "system",
            " ",
            "is empty: fill it in",
        ),
        (
            fields(&[
                ("path", "/v1/counterparties"),
                ("counterparty", "acme"),
                ("name", "Acme"),
                ("status", "watch"),
                ("risk", "low"),
                ("payments_before", "many"),
            ]),
            "payments-before",
            "many",
            "expected an integer from 0",
        ),
        (
            fields(&[
                ("path", "/v1/users"),
                ("user", "nina"),
                ("name", "Nina"),
                ("roles", "approver"),
                ("groups", "Finance"),
            ]),
            "groups",
            "Finance",
            "identifier has a character",
        ),
        (
            fields(&[
                ("path", "/v1/users/olga/change"),
                ("user", "olga"),
                ("status", "suspended"),
                ("roles", "operator"),
                ("groups", "a b"),
            ]),
            "groups",
            "a b",
            "identifier has a character",
        ),
    ] {
        let answer = send(dana, &form);
        let path = &form[0].1;
        assert_eq!(answer.status, 422, "{path}: {}", answer.text());
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        let page = html::read(&answer.text()).unwrap();
        let input = page
            .of("input")
            .find(|input| input.attributes.get("id").is_some_and(|id| id == field))
            .unwrap_or_else(|| panic!("{path}: no `{field}`"));
        assert_eq!(input.attributes["value"], typed, "{path}");
        assert_eq!(input.attributes["aria-invalid"], "true", "{path}");
        let text = &page.of("main").next().unwrap().text;
        assert!(text.contains(says), "{path}: {text}");
        assert!(!answer.text().contains("data-sign"), "{path}");
        // Of choices, what was chosen.
        let checked: BTreeSet<&str> = page
            .of("input")
            .filter(|input| input.attributes.contains_key("checked"))
            .map(|input| input.attributes["value"].as_str())
            .collect();
        for (name, value) in &form {
            if ["tier", "roles", "status", "risk"].contains(&name.as_str()) {
                assert!(
                    checked.contains(value.as_str()),
                    "{path}: {name} {checked:?}"
                );
            }
        }
    }
    // PE-2: a person of the log is not invited in other roles, not even by two.
    let form = fields(&[
        ("path", "/v1/users"),
        ("user", "otto"),
        ("name", "The person otto"),
        ("roles", "administrator"),
    ]);
    let answer = send(dana, &form);
    assert_eq!(answer.status, 422, "{}", answer.text());
    assert!(answer.text().contains("is a person of the log"));
    // Of choices, the reason stands at them.
    for (form, field) in [
        (
            fields(&[
                ("path", "/v1/agents"),
                ("agent", "new"),
                ("sponsor", "dana"),
            ]),
            "tier",
        ),
        (
            fields(&[
                ("path", "/v1/agents"),
                ("agent", "new"),
                ("sponsor", "mira"),
                ("tier", "1"),
            ]),
            "sponsor",
        ),
        (
            fields(&[("path", "/v1/users"), ("user", "nina"), ("name", "Nina")]),
            "roles",
        ),
        (
            fields(&[
                ("path", "/v1/counterparties/acme"),
                ("counterparty", "acme"),
                ("status", "watch"),
            ]),
            "risk",
        ),
        (
            fields(&[
                ("path", "/v1/users/olga/change"),
                ("user", "olga"),
                ("roles", "auditor"),
            ]),
            "status",
        ),
    ] {
        let answer = send(dana, &form);
        assert_eq!(answer.status, 422, "{form:?}");
        let page = html::read(&answer.text()).unwrap();
        assert_eq!(page.faults(), [""; 0], "{form:?}");
        let wrong = format!("{field}-wrong");
        let describes = |element: &&html::Element| {
            let ids = element.attributes.get("aria-describedby");
            ids.is_some_and(|ids| ids.split(' ').any(|id| id == wrong))
        };
        let at = page
            .0
            .iter()
            .find(describes)
            .unwrap_or_else(|| panic!("{form:?}"));
        assert_eq!(at.attributes["id"], field);
    }
    // A delegation that ends before it begins.
    let form = fields(&[
        ("path", "/v1/delegations"),
        ("from", "finn"),
        ("to", "gerd"),
        ("groups", "finance"),
        ("starts_at", "2026-11-23T09:41"),
        ("ends_at", "2026-11-22T09:41"),
    ]);
    let answer = send(&people[2], &form);
    assert_eq!(answer.status, 422, "{}", answer.text());
    for kept in [
        "name=\"groups\" value=\"finance\" checked",
        "value=\"2026-11-23T09:41\"",
        "value=\"2026-11-22T09:41\"",
        "<option value=\"gerd\" selected>",
        "This could not be taken",
        "ends-at-wrong",
    ] {
        assert!(answer.text().contains(kept), "{kept}: {}", answer.text());
    }
    // No act, another log's, a path that leads out of the portal: no page of a form, and no link elsewhere.
    for (path, status) in [
        ("/v1/actions", 422),
        ("/v1/agents/../../evil", 422),
        ("//evil.example/v1/agents", 422),
        ("", 422),
    ] {
        let answer = send(dana, &fields(&[("path", path)]));
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.text().contains("href=\"//"), "{}", answer.text());
    }
    let elsewhere = json!({ "origin": "log.example.com/t/0011223344556677", "system": "erp" });
    let body = elsewhere.to_string();
    let answer = send(dana, &fields(&[("path", "/v1/systems"), ("body", &body)]));
    assert!(answer.status >= 400 && !answer.text().contains("data-sign"));
}

/// TA-21, TA-22: the code once, then the entry; the same signature twice is nothing.
#[test]
fn ta_21_a_code_is_shown_once_and_ta_22_a_notice_is_from_the_log() {
    let server = Server::start_with_people();
    let (north, people) = busy(&server);
    let (dana, otto) = (&people[0], &people[4]);
    let page = send(dana, &fields(&[("path", "/v1/systems"), ("system", "crm")]));
    let (sent, answer) = signed(dana, &page);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let read = html::read(&answer.text()).unwrap();
    let code = read
        .of("p")
        .find(|p| {
            p.attributes
                .get("class")
                .is_some_and(|class| class == "one-time")
        })
        .unwrap();
    let code = code.text.trim().to_owned();
    assert_eq!(code.len(), 22);
    assert!(
        !read
            .of("a")
            .any(|link| link.attributes["href"].contains(&code))
    );
    // The browser sends the form again.
    let again = dana.at_portal("POST", "/acts/sign").form(&sent).send();
    assert_eq!(again.status, 403);
    assert!(again.text().contains("begin again") && !again.text().contains(&code));
    assert!(
        again.text().contains("href=\"/systems\""),
        "{}",
        again.text()
    );
    for path in ["/systems", "/systems/crm"] {
        let text = dana.at_portal("GET", path).send().text();
        assert!(!text.contains(&code), "{path}");
    }
    // It is the one of the invitation.
    let client = Client::new(server.door(), Key::generate());
    let claim = json!({ "origin": north.origin(), "system": "crm", "code": code, "key": client.key().public().to_base64url() });
    client.act(Profile::Enrol, "/v1/claims", &claim).expect(200);

    let form = fields(&[
        ("path", "/v1/agents/buyer-1/status"),
        ("agent", "buyer-1"),
        ("status", "suspended"),
    ]);
    let (_, answer) = signed(otto, &send(otto, &form));
    assert_eq!(answer.status, 303, "{}", answer.text());
    let to = answer.header("location").unwrap();
    let index = to.strip_prefix("/agents/buyer-1?done=").unwrap();
    let notice = |person: &Person, path: &str| {
        let answer = person.at_portal("GET", path).send();
        let read = html::read(&answer.text()).unwrap();
        let found = read.of("p").find(|p| {
            p.attributes
                .get("class")
                .is_some_and(|class| class == "note done")
        });
        found.map(|p| p.text.clone())
    };
    let said = notice(otto, to).unwrap();
    assert_eq!(
        said,
        format!("Agent buyer-1 is suspended. On record as entry {index}.")
    );
    // On whichever page: it is true. For another person, for another's entry, or as text: nothing.
    assert_eq!(notice(otto, &format!("/people?done={index}")), Some(said));
    assert_eq!(notice(dana, to), None);
    for other in [
        "?done=1",
        "?done=999999",
        "?done=-1",
        "?done=Agent%20gone",
        "?done",
        "?done=1&done=2",
    ] {
        assert_eq!(notice(otto, &format!("/agents{other}")), None, "{other}");
    }
    // Two people: proposed, said so, and nothing is done.
    let form = fields(&[
        ("path", "/v1/users/otto/change"),
        ("user", "otto"),
        ("status", "suspended"),
        ("roles", "operator"),
    ]);
    let page = send(dana, &form);
    assert!(page.text().contains("Your signature proposes the act"));
    let (_, answer) = signed(dana, &page);
    let said = notice(dana, answer.header("location").unwrap()).unwrap();
    assert!(said.starts_with("Proposed, not done yet"), "{said}");
    otto.me().expect(200);
    // A field that is missing, or stands twice, is signed by nobody.
    let mut short = sent.clone();
    short.pop();
    let mut twice = sent.clone();
    twice.push(sent[0].clone());
    for wrong in [short, twice, Fields::new()] {
        let answer = dana.at_portal("POST", "/acts/sign").form(&wrong).send();
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
    }
    // Out: a form leads to the sign-in, a program hears JSON.
    let left = otto.at_portal("POST", "/sign-out").form(&[]).send();
    assert_eq!(
        (left.status, left.header("location")),
        (303, Some("/sign-in"))
    );
    assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
    otto.me().refused(401, "signed-out");
    let answer = send(otto, &form);
    assert_eq!(answer.status, 401);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
    let _ = audit(&server, &north);
}
