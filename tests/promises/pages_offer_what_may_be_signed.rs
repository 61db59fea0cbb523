//! Goal: a page offers a form to whom the act would be taken from, and to nobody else; what it answers is what a person
//! needs next (TA-12, TA-20 to TA-22). Method: people of every role read every page; each form that anybody is offered
//! is sent by everybody.

use std::collections::BTreeSet;

use agentsigna_tests::{
    client::{Answer, now_ms},
    keys::Key,
    server::Server,
    tenant::Tenant,
};
use agentsigna_verifier::digest::Noun;
use serde_json::{Value, json};

use crate::{
    at_the_portal::{Person, assertion, challenge},
    audited::audit,
    pages::html::{self, Element, Read},
};

const RULES: &[&str] = &["administrator"];
const JUDGES: &[&str] = &["approver"];
const FINANCE: &[&str] = &["finance"];

type Fields = Vec<(String, String)>;

/// The fields of one form of a page, what people type filled in.
fn filled(page: &Read, form: &Element) -> Fields {
    let mut fields = Fields::new();
    for field in &page.0 {
        let is_field = matches!(field.tag.as_str(), "input" | "select" | "textarea");
        let is_inside = field
            .inside
            .iter()
            .any(|place| std::ptr::eq(&raw const page.0[*place], form));
        if !is_field || !is_inside {
            continue;
        }
        let name = field.attributes["name"].clone();
        if fields.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let kind = field.attributes.get("type").map_or("text", String::as_str);
        let value = match (kind, name.as_str()) {
            ("datetime-local", "starts_at") => String::from("2026-11-22T09:41"),
            ("datetime-local", _) => String::from("2026-11-23T09:41"),
            ("hidden" | "radio" | "checkbox", _) => field.attributes["value"].clone(),
            (_, "payments_before") => String::from("7"),
            (_, "sponsor") => String::from("dana"),
            (_, "to") if fields.iter().any(|pair| pair.1 == "finn") => String::from("gerd"),
            (_, "to") => String::from("finn"),
            _ => String::from("something"),
        };
        fields.push((name, value));
    }
    fields
}

/// The forms of acts that `person` is offered at `path`.
fn offered(person: &Person, path: &str) -> Vec<Fields> {
    let answer = person.at_portal("GET", path).send();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let page = html::read(&answer.text()).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    assert_eq!(page.faults(), [""; 0], "{path}");
    page.of("form")
        .filter(|form| form.attributes["action"] == "/acts")
        .map(|form| filled(&page, form))
        .collect()
}

fn send(person: &Person, fields: &[(String, String)]) -> Answer {
    person.at_portal("POST", "/acts").form(fields).send()
}

fn fields(of: &[(&str, &str)]) -> Fields {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

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

/// A tenant in which something waits at every stage.
fn busy(server: &Server) -> (Tenant, Vec<Person>) {
    let north = Tenant::found(server, "north");
    let person = |user: &str, seed, roles: &[&str], groups: &[&str]| {
        Person::enrolled(server, &north, user, seed, roles, groups)
    };
    let people = vec![
        person("dana", 1, RULES, &[]),
        person("erik", 3, RULES, &[]),
        person("finn", 5, JUDGES, FINANCE),
        person("gerd", 7, JUDGES, FINANCE),
        person("otto", 9, &["operator"], &[]),
        person("olga", 11, &["auditor"], &[]),
    ];
    let invite = |user: &str, seed| {
        let person = Person::new(server, north.origin(), user, seed);
        let invited = north.act("/v1/users", person.invitation(RULES, &[]));
        let code = invited.expect(201)["code"].as_str().unwrap().to_owned();
        (person, code)
    };
    let _ = invite("mira", 21);
    let (ivan, code) = invite("ivan", 23);
    ivan.show(&code, RULES);
    // An agent with a key, one that waits for its sponsor, one whose code is out, one with latitude.
    let _ = north.agent("buyer-1");
    let sponsored = |agent: &str| {
        let body = json!({ "agent": agent, "sponsor": "finn", "tier": 2 });
        let invited = north.act("/v1/agents", body).expect(201);
        invited["code"].as_str().unwrap().to_owned()
    };
    let code = sponsored("buyer-2");
    north.claim("buyer-2", &code, &Key::generate()).expect(200);
    let _ = sponsored("buyer-3");
    let code = north.invite("buyer-4").expect(201)["code"].clone();
    let code = code.as_str().unwrap();
    north.claim("buyer-4", code, &Key::generate()).expect(200);
    let _ = north.system("bank");
    north
        .act("/v1/systems", json!({ "system": "erp" }))
        .expect(201);
    north.counterparty("acme");
    let now = now_ms();
    let delegation = json!({ "from": "finn", "to": "gerd", "groups": FINANCE, "starts_at": now, "ends_at": now + 3_600_000 });
    people[2].act("/v1/delegations", delegation).expect(201);
    // What dana proposes, erik may complete.
    let change =
        json!({ "user": "olga", "status": "active", "roles": ["auditor"], "groups": ["legal"] });
    people[0].act("/v1/users/olga/change", change).expect(201);
    (north, people)
}

const PAGES: [&str; 15] = [
    "/agents",
    "/agents/buyer-1",
    "/agents/buyer-2",
    "/agents/buyer-3",
    "/agents/buyer-4",
    "/systems",
    "/systems/bank",
    "/systems/erp",
    "/counterparties",
    "/counterparties/acme",
    "/people",
    "/people/dana",
    "/people/olga",
    "/people/ivan",
    "/delegations",
];

/// TA-20, TA-12: every form, by everybody. What is offered is taken to be signed; what is not offered is refused.
#[test]
fn ta_20_a_form_is_offered_to_whom_it_is_taken_from() {
    let server = Server::start_with_people();
    let (north, mut people) = busy(&server);
    let offers: Vec<BTreeSet<Fields>> = people
        .iter()
        .map(|person| {
            let pages = PAGES.iter().chain(&["/people/finn", "/people/mira"]);
            pages.flat_map(|path| offered(person, path)).collect()
        })
        .collect();
    let all: BTreeSet<&Fields> = offers.iter().flatten().collect();
    assert!(all.len() > 25, "{}", all.len());
    assert!(offers[5].iter().all(|form| {
        // An auditor has only what is one's own.
        form.contains(&("user".to_owned(), "olga".to_owned()))
    }));
    for (person, offers) in people.iter_mut().zip(&offers) {
        let mut waiting = 0;
        for form in &all {
            // At most 16 acts of a session wait for a signature.
            if waiting == 15 {
                person.sign_in();
                waiting = 0;
            }
            let answer = send(person, form);
            let what = format!("{}: {form:?}: {}", person.user, answer.text());
            if offers.contains(*form) {
                assert_eq!(answer.status, 200, "{what}");
                assert!(answer.text().contains("Nothing has happened yet"), "{what}");
                waiting += 1;
            } else if form.iter().any(|(name, _)| name == "body") {
                // A proposal: who proposed it may propose it again, and that is no second signature.
                let proposed = answer.text().contains("Your signature proposes the act");
                assert!(proposed || answer.status == 403, "{what}");
                waiting += i32::from(proposed);
            } else {
                assert_eq!(answer.status, 403, "{what}");
            }
        }
    }
    let _ = audit(&server, &north);
}

/// PE-10: the passkey without which nobody rules any more is not offered to be revoked.
#[test]
fn ta_20_the_last_rulers_passkey_has_no_button() {
    let server = Server::start_with_people();
    let mut command = server.command(&["tenant", "create"]);
    let made = agentsigna_tests::programs::run(command.args(["north", "--link", "--json"]));
    let promised: Value = serde_json::from_str(&made.expect(0)).unwrap();
    let (_, code) = promised["link"]
        .as_str()
        .unwrap()
        .split_once("code=")
        .unwrap();
    let origin = promised["origin"].as_str().unwrap();
    let mut dana = Person::new(&server, origin, "dana", 1);
    dana.found(code, &dana.sign_in).expect(201);
    dana.sign_in();
    let revokes = |person: &Person| {
        let forms = offered(person, "/people/dana");
        forms
            .iter()
            .flatten()
            .any(|(_, value)| value == "/v1/users/dana/revoke")
    };
    assert!(!revokes(&dana));
    let mut second = Person::new(&server, origin, "dana", 21);
    second.cookie.clone_from(&dana.cookie);
    let again = json!({ "user": "dana", "name": "The founder", "roles": RULES, "groups": [] });
    let invited = dana.act("/v1/users", again.clone()).expect(201);
    second.show(invited["code"].as_str().unwrap(), RULES);
    let mut confirmation = again;
    confirmation["sign_in"] = crate::at_the_portal::thumbprint(&second.sign_in).into();
    dana.act("/v1/users/dana/confirm", confirmation).expect(200);
    assert!(revokes(&dana));
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
            "ids are never used again",
        ),
        (
            fields(&[("path", "/v1/systems"), ("system", "bank")]),
            "system",
            "bank",
            "ids are never used again",
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
        assert!(
            [409, 422].contains(&answer.status),
            "{path}: {}",
            answer.text()
        );
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
    let client = agentsigna_tests::client::Client::new(server.door(), Key::generate());
    let claim = json!({ "origin": north.origin(), "system": "crm", "code": code, "key": client.key().public().to_base64url() });
    client
        .act(
            agentsigna_verifier::signed_request::Profile::Enrol,
            "/v1/claims",
            &claim,
        )
        .expect(200);

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
