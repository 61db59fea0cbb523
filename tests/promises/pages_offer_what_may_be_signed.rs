//! Goal: a page offers a form to whom the act would be taken from, and to nobody else (TA-12, TA-20). Method: people of
//! every role read every page; each form that anybody is offered is sent by everybody.

use std::collections::BTreeSet;

use agentsigna_tests::{
    client::{Answer, now_ms},
    keys::Key,
    server::Server,
    tenant::Tenant,
};
use serde_json::{Value, json};

use crate::{at_the_portal::Person, audited::audit, forms_say_what_is_signed::filled, pages::html};

const RULES: &[&str] = &["administrator"];
const JUDGES: &[&str] = &["approver"];
const FINANCE: &[&str] = &["finance"];

pub(crate) type Fields = Vec<(String, String)>;

/// What people type where it matters: others than who acts, and an end after the beginning.
fn typed(name: &str, before: &[(String, String)]) -> Option<&'static str> {
    Some(match name {
        "ends_at" => "2026-11-23T09:41",
        "sponsor" => "dana",
        "to" if before.iter().any(|pair| pair.1 == "finn") => "gerd",
        "to" => "finn",
        _ => return None,
    })
}

/// The forms of acts that `person` is offered at `path`.
pub(crate) fn offered(person: &Person, path: &str) -> Vec<Fields> {
    let answer = person.at_portal("GET", path).send();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let page = html::read(&answer.text()).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    assert_eq!(page.faults(), [""; 0], "{path}");
    page.of("form")
        .filter(|form| form.attributes["action"] == "/acts")
        .map(|form| filled(&page, form, typed))
        .collect()
}

pub(crate) fn send(person: &Person, fields: &[(String, String)]) -> Answer {
    person.at_portal("POST", "/acts").form(fields).send()
}

pub(crate) fn fields(of: &[(&str, &str)]) -> Fields {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// A tenant in which something waits at every stage.
pub(crate) fn busy(server: &Server) -> (Tenant, Vec<Person>) {
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
