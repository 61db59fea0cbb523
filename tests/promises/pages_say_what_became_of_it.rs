//! Goal: people read on the pages what became of a permission, whom it moved, and are offered what they may say of it
//! (TA-20, OC-2, OC-8, SD-1). Method: real cases over HTTP, the pages read by the strict reader.

use serde_json::json;

use crate::{
    at_the_portal::Person,
    audited::audit,
    outcomes_close_cases_and_move_trust::{World, by, outcome, resolution, started},
    pages::html,
    pages_offer_what_may_be_signed::{offered, send},
};

fn text(person: &Person, path: &str) -> String {
    let answer = person.at_portal("GET", path).send();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let read = html::read(&answer.text()).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    assert_eq!(read.faults(), [""; 0], "{path}");
    let main = read.of("main").next().unwrap();
    main.text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// TA-20, OC-2, SD-1: the page of a case says what became of it, and offers what may be said to whom may say it; agent
/// and counterparty show what it moved.
#[test]
fn pages_show_what_became_of_it_and_offer_what_may_be_said() {
    let world = World::new();
    let person = |user, seed, roles: &[&str]| {
        Person::enrolled(&world.server, &world.tenant, user, seed, roles, &[])
    };
    let olga = person("olga", 1, &["operator"]);
    let dana = person("dana", 3, &["operator"]);
    let otto = person("otto", 5, &["auditor"]);
    let (case, cti) = world.authorized("po-1", 1_000);
    started(&world.erp, &case, &cti).expect(200);
    let page = format!("/cases/{case}");
    let chosen = |person: &Person| -> Vec<(String, Option<String>)> {
        let forms = offered(person, &page).into_iter();
        let field = |form: &[(String, String)], name: &str| {
            let found = form.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.clone())
        };
        forms
            .map(|form| {
                let what = field(&form, "outcome").or_else(|| field(&form, "result"));
                (what.unwrap(), field(&form, "fault"))
            })
            .collect()
    };
    let what = |word: &str, fault: Option<&str>| (word.to_owned(), fault.map(str::to_owned));
    // The sponsor and an auditor read; nobody offers them anything.
    assert_eq!(chosen(&dana), []);
    assert_eq!(chosen(&otto), []);
    let open = [what("completed", None), what("reversed", Some("agent"))];
    assert_eq!(chosen(&olga), open);
    let shown = send(&olga, &offered(&olga, &page)[0]);
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert!(shown.text().contains("Say that it was done as permitted"));
    assert!(shown.text().contains(&format!("href=\"{page}\"")));
    // What is missing comes back to the page of the case.
    let mut empty = offered(&olga, &page)[0].clone();
    empty.retain(|(name, _)| name != "reason");
    let untaken = send(&olga, &empty);
    assert_eq!(untaken.status, 422, "{}", untaken.text());
    assert!(untaken.text().contains(&page));

    by(
        &world.erp,
        "/v1/outcomes",
        outcome(&case, "completed", None),
    )
    .expect(200);
    let read = text(&olga, &page);
    for expected in [
        "Target erp began",
        "target erp said: completed",
        "as delivered",
        "settled: it counts no more",
        "1000 in band 0, stands",
        "Standing of agent `buyer-1`: scores 200 0",
    ] {
        assert!(read.contains(expected), "`{expected}` is not in {read}");
    }
    let agent = text(&otto, "/agents/buyer-1");
    for expected in [
        "Earnednone: people decide",
        "Grantedband 7",
        "0 100.00 EUR 200 1000 1 yes",
    ] {
        assert!(agent.contains(expected), "`{expected}` is not in {agent}");
    }
    let acme = text(&otto, "/counterparties/acme");
    assert!(acme.contains("0 100.00 EUR 200 1000 1 no"), "{acme}");

    olga.act("/v1/outcomes", outcome(&case, "disputed", None))
        .expect(200);
    assert_eq!(
        chosen(&olga),
        [what("dismissed", None), what("lost", Some("agent"))]
    );
    olga.act(
        "/v1/disputes/resolve",
        resolution(&case, "fraud", Some("agent")),
    )
    .expect(200);
    assert_eq!(chosen(&olga), []);
    let agent = text(&otto, "/agents/buyer-1");
    for expected in [
        "Decisions weigh latitudenone",
        "Grantedended with",
        "against it32000",
        "On probation until",
    ] {
        assert!(agent.contains(expected), "`{expected}` is not in {agent}");
    }
    // Nothing is past its time: that takes a day.
    assert!(text(&otto, "/open").contains("Nothing is past its time."));
    let listed = world.tenant.founder.read("/v1/open").expect(200);
    assert_eq!(listed["cases"], json!([]));
    let _ = audit(&world.server, &world.tenant);
}
