//! Goal: what people see of queue and cases is what the log says, all of it and nothing of another log (L10, TA-13, TA-14,
//! TA-30 to TA-32). Method: real cases over HTTP, the pages read by the strict reader; each digest on them computed from
//! the audited log; the report held against the program that strangers run.

use std::fs;

use agentsigna_tests::{
    client::Answer,
    programs,
    server::Server,
    tenant::{Party, Tenant},
};
use agentsigna_verifier::{
    cbor::Value,
    digest::{self, Digest},
    entry::Event,
    event::Body,
    limits,
};
use serde_json::json;

use crate::{
    at_the_portal::Person,
    audited::audit,
    pages::html::{self, Element, Read},
    people_approve_exactly_what_they_saw::{judge, ticket},
};

const JUDGES: &[&str] = &["approver"];
const READS: &[&str] = &["auditor"];

/// A page that was answered.
fn page(answer: &Answer) -> Read {
    assert_eq!(answer.status, 200, "{}", answer.text());
    read_whole(&answer.text())
}

/// The review page, whose ways back lead to the portal.
fn review(person: &Person, case: &str) -> Read {
    let path = format!("/review?ticket={}", ticket(person, case));
    let answer = person.at_approval("GET", &path).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    read_whole(&answer.text().replace(&person.sites.portal, ""))
}

fn read_whole(text: &str) -> Read {
    let read = html::read(text).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(read.faults(), [""; 0]);
    read
}

fn get(person: &Person, path: &str) -> Answer {
    person.at_portal("GET", path).send()
}

/// The cases that the main table of a page lists, in its order.
fn listed(read: &Read) -> Vec<String> {
    let rows = read.0.iter().filter(|element| {
        let inside = |tag: &str| element.inside.iter().any(|place| read.0[*place].tag == tag);
        element.tag == "a" && inside("table") && inside("th")
    });
    rows.filter_map(|link| link.attributes.get("href")?.strip_prefix("/cases/"))
        .map(str::to_owned)
        .collect()
}

fn with_class<'r>(read: &'r Read, class: &str) -> Vec<&'r Element> {
    let has = |element: &&Element| {
        let classes = element.attributes.get("class").map_or("", String::as_str);
        classes.split(' ').any(|found| found == class)
    };
    read.0.iter().filter(has).collect()
}

/// The counts beside the views.
fn counts(read: &Read) -> Vec<String> {
    let views = with_class(read, "views")[0];
    let places = read.0.iter().enumerate();
    let own: Vec<usize> = places
        .filter(|(_, element)| std::ptr::eq(*element, views))
        .map(|(place, _)| place)
        .collect();
    let links = read
        .0
        .iter()
        .filter(|element| element.tag == "a" && element.inside.contains(&own[0]));
    links
        .map(|link| link.text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn digest_of(event: &Event) -> Digest {
    Event::digest_of(&event.encode())
}

/// How often the queue says that it asks whoever looks.
fn asks(person: &Person, path: &str) -> usize {
    let read = page(&get(person, path));
    let chips = with_class(&read, "chip");
    chips.iter().filter(|chip| chip.text == "asks you").count()
}

fn escalated(buyer: &Party, request: &str, cents: u64) -> String {
    let asked = buyer.buy(request, cents).expect(200);
    assert_eq!(asked["state"], "in-review", "{asked}");
    asked["case"].as_str().unwrap().to_owned()
}

/// L10: each filter, each order, each view, and filters that make no sense.
#[test]
fn the_queue_shows_what_is_asked_for() {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    tenant.counterparty("zenit");
    let (one, two) = (tenant.agent("buyer-1"), tenant.agent("buyer-2"));
    let otto = Person::enrolled(&server, &tenant, "otto", 1, READS, &[]);
    let read = page(&get(&otto, "/queue"));
    assert!(listed(&read).is_empty());

    let small = escalated(&one, "po-1", 600_000);
    let large = escalated(&two, "po-2", 4_000_000);
    let mut body = one.purchase("po-3", 900_000);
    body["counterparty"] = "zenit".into();
    let other = one.ask(&body).expect(200)["case"]
        .as_str()
        .unwrap()
        .to_owned();
    let _ = one.buy("po-4", 1_000).expect(200);
    let all = [&small, &large, &other];
    for (query, expected) in [
        ("", &all[..]),
        ("?sort=deadline", &all[..]),
        ("?sort=newest", &[&other, &large, &small]),
        ("?sort=amount", &[&large, &other, &small]),
        ("?agent=buyer-1", &[&small, &other]),
        ("?agent=nobody", &[]),
        ("?counterparty=zenit", &[&other]),
        ("?rule=esc.amount", &all[..]),
        ("?rule=grant.purchase", &[]),
        ("?group=finance", &all[..]),
        ("?group=legal", &[]),
        ("?at_least=9,000", &[&large, &other]),
        ("?at_least=9000.01", &[&large]),
        ("?due=1h", &[]),
        ("?due=24h&sort=amount", &[&large, &other, &small]),
        ("?agent=buyer-1&counterparty=zenit", &[&other]),
        ("?mine=1", &[]),
        ("?after=1", &all[1..]),
        ("?after=99", &[]),
        ("?unknown=x&rule=", &all[..]),
    ] {
        let read = page(&get(&otto, &format!("/queue{query}")));
        assert_eq!(
            listed(&read),
            expected
                .iter()
                .map(|case| (*case).clone())
                .collect::<Vec<_>>(),
            "{query}"
        );
        assert!(with_class(&read, "wrong").is_empty(), "{query}");
    }
    // The policy gives four hours, some seconds of which are over.
    let read = page(&get(&otto, "/queue?due=4h"));
    assert_eq!(
        counts(&read),
        [
            "All 3",
            "Asks me 0",
            "Due in 4 hours 3",
            "Due in 24 hours 3"
        ]
    );
    let here: Vec<_> = read
        .0
        .iter()
        .filter(|element| element.attributes.contains_key("aria-current"))
        .collect();
    assert!(
        here.iter()
            .any(|link| link.text.starts_with("Due in 4 hours"))
    );
    // TA-30 and before: a filter that says nothing is said so, and lists nothing.
    for wrong in [
        "due=7h",
        "at_least=much",
        "at_least=1.234",
        "agent=A%20B",
        "sort=size",
        "rule=%3Cb%3E",
        "group=%E2%80%AE",
    ] {
        let answer = get(&otto, &format!("/queue?{wrong}"));
        let read = page(&answer);
        assert_eq!(with_class(&read, "wrong").len(), 1, "{wrong}");
        assert!(listed(&read).is_empty(), "{wrong}");
    }
    assert_eq!(get(&otto, "/queue?rule=%zz").status, 400);
    assert_eq!(get(&otto, "/queue?after=x").status, 422);
    let _ = audit(&server, &tenant);
}

/// TA-30: a case asks exactly those whose approval would count.
#[test]
fn ta_30_a_case_asks_whose_word_would_count() {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let enrolled = |user, seed, roles, groups: &[&str]| {
        Person::enrolled(&server, &tenant, user, seed, roles, groups)
    };
    let finn = enrolled("finn", 1, JUDGES, &["finance"]);
    let gerd = enrolled("gerd", 3, JUDGES, &["finance"]);
    // The sponsor of every agent of these tests; another group; another role; nobody's group, until it is given to her.
    let dana = enrolled("dana", 5, JUDGES, &["finance"]);
    let lena = enrolled("lena", 7, JUDGES, &["legal"]);
    let otto = enrolled("otto", 9, READS, &["finance"]);
    let case = escalated(&buyer, "po-1", 600_000);
    let own = format!("/cases/{case}");
    let offered = |person: &Person| get(person, &own).text().contains(&format!("{own}/review"));
    for (person, asked) in [
        (&finn, true),
        (&gerd, true),
        (&dana, false),
        (&lena, false),
        (&otto, false),
    ] {
        assert_eq!(
            asks(person, "/queue"),
            usize::from(asked),
            "{}",
            person.user
        );
        assert_eq!(
            listed(&page(&get(person, "/queue?mine=1"))).len(),
            usize::from(asked)
        );
        assert_eq!(offered(person), asked, "{}", person.user);
    }
    // Somebody of finance delegates: now it asks her, and the sheet offers her to judge for him.
    let shown = |person: &Person| review(person, &case);
    let offers = |read: &Read| -> Vec<String> {
        let options = read
            .of("option")
            .filter_map(|option| option.attributes.get("value").cloned());
        options.filter(|value| !value.is_empty()).collect()
    };
    // Who is not asked reads the sheet, and why there is nothing to sign.
    for (person, why) in [
        (&lena, "does not ask you"),
        (&dana, "you answer for the agent"),
    ] {
        let read = shown(person);
        assert_eq!(read.of("form").count(), 0);
        assert!(with_class(&read, "note")[0].text.contains(why));
    }
    let now = agentsigna_tests::client::now_ms();
    let given = json!({ "from": "gerd", "to": "lena", "groups": ["finance"], "starts_at": now, "ends_at": now + 3_600_000 });
    let _ = gerd.act("/v1/delegations", given).expect(201);
    assert_eq!(asks(&lena, "/queue"), 1);
    let read = shown(&lena);
    assert_eq!(offers(&read), ["gerd", "gerd"]);
    assert_eq!(read.of("option").count(), 2);
    assert!(offers(&shown(&finn)).is_empty());
    // Who agreed is asked no more.
    let _ = judge(&finn, &case, "approve", "as agreed").expect(200);
    let read = shown(&finn);
    assert!(
        with_class(&read, "note")[0]
            .text
            .contains("You have judged in this round")
    );
    assert_eq!((asks(&finn, "/queue"), asks(&gerd, "/queue")), (0, 1));
    let read = page(&get(&finn, "/queue"));
    assert_eq!(with_class(&read, "slots")[0].text, "finance 1 of 2");
    let _ = judge(&gerd, &case, "approve", "").expect(200);
    assert!(listed(&page(&get(&gerd, "/queue"))).is_empty());
    let _ = audit(&server, &tenant);
}

/// Decision 19: beside the sheet of a new round stands what differs from the round before.
#[test]
fn a_new_round_says_what_changed() {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let finn = Person::enrolled(&server, &tenant, "finn", 1, JUDGES, &["finance"]);
    let gerd = Person::enrolled(&server, &tenant, "gerd", 3, JUDGES, &["finance"]);
    let case = escalated(&buyer, "po-1", 600_000);
    let changes = || {
        let read = review(&finn, &case);
        with_class(&read, "changes")
            .first()
            .map(|list| list.text.clone())
    };
    assert_eq!(changes(), None);
    let _ = judge(&finn, &case, "approve", "").expect(200);
    let change = json!({ "counterparty": "acme", "status": "approved", "risk": "medium", "payment_details_changed": true });
    let _ = tenant.act("/v1/counterparties/acme", change).expect(200);
    let second = judge(&gerd, &case, "approve", "").expect(200);
    assert_eq!(second["state"], "in-review");
    let told = changes().expect("what changed");
    assert!(
        told.contains("Risk of the counterparty: medium, before low"),
        "{told}"
    );
    assert!(told.contains("Payment details last changed: 2"), "{told}");
    assert!(told.contains(", before never"), "{told}");
    assert!(!told.contains("Tier"), "{told}");
    let _ = audit(&server, &tenant);
}

/// TA-32, TA-13: everything that has a name is found by it, whole, and nothing of another log.
#[test]
fn ta_32_a_search_finds_each_name_and_nothing_of_others() {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let finn = Person::enrolled(&server, &tenant, "finn", 1, JUDGES, &["finance"]);
    let case = escalated(&buyer, "po-1", 600_000);
    let south = Tenant::found(&server, "south");
    let otto = Person::enrolled(&server, &south, "otto", 3, READS, &[]);
    let log = audit(&server, &tenant);
    let of_case = |kind: &str| {
        let mut entries = log.entries.iter();
        let found = entries.find(|(_, event)| event.place.is_some() && event.body.kind() == kind);
        found.unwrap_or_else(|| panic!("no {kind}"))
    };
    let mut names: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, leads: String| names.push((name.to_owned(), leads));
    let own = format!("/cases/{case}");
    for name in [case.as_str(), "po-1", "PO-1"] {
        add(name, own.clone());
    }
    let (_, asked) = of_case("action.requested");
    let (_, decided) = of_case("decision.made");
    let (_, opened) = of_case("review.opened");
    let mut digests: Vec<Digest> = log
        .entries
        .iter()
        .filter(|(_, event)| event.place.is_some())
        .map(|(_, event)| digest_of(event))
        .collect();
    assert_eq!(digests.len(), 3);
    if let (Body::ActionRequested(asked), Body::DecisionMade(made), Body::ReviewOpened(opened)) =
        (&asked.body, &decided.body, &opened.body)
    {
        let content = digest::rfc9530_content(asked.signed.body().unwrap());
        digests.extend([
            asked.action.digest(),
            Digest::from_bytes(content),
            made.snapshot.digest(),
            opened.sheet.unwrap(),
        ]);
        let bundle = made.snapshot.bundle().unwrap().to_hex();
        add(&bundle, format!("/policies/{bundle}"));
    } else {
        panic!("{asked:?}");
    }
    for digest in digests {
        add(&digest.to_hex(), own.clone());
    }
    let genesis = digest_of(&log.entries[0].1).to_hex();
    add(&genesis, "/ledger?before=1".to_owned());
    add("buyer-1", "/agents/buyer-1".to_owned());
    add("erp", "/systems/erp".to_owned());
    add("acme", "/counterparties/acme".to_owned());
    add("finn", "/people/finn".to_owned());
    add(
        &buyer.client.key().thumbprint(),
        "/agents/buyer-1".to_owned(),
    );
    add(
        &crate::at_the_portal::thumbprint(&finn.approval),
        "/people/finn".to_owned(),
    );
    let found = |person: &Person, name: &str| {
        let read = page(&get(person, &format!("/cases?q={name}")));
        let links = read.0.iter().filter(|element| {
            element
                .inside
                .iter()
                .any(|place| read.0[*place].tag == "tbody")
        });
        let links = links.filter_map(|element| element.attributes.get("href").cloned());
        (links.collect::<Vec<_>>(), with_class(&read, "empty").len())
    };
    for (name, leads) in &names {
        let (links, nothing) = found(&finn, name);
        assert!(links.contains(leads), "{name}: {links:?}");
        assert_eq!(nothing, 0);
        // TA-13: in another log, nothing; and that is said.
        assert_eq!(found(&otto, name), (Vec::new(), 1), "{name}");
    }
    for nothing in [
        "po-2",
        &case[..31],
        &"0".repeat(32),
        &"0".repeat(64),
        "buyer",
        "%3Cscript%3E",
        &"x".repeat(200),
    ] {
        assert_eq!(found(&finn, nothing), (Vec::new(), 1), "{nothing}");
    }
    // It says where it looked.
    let text = get(&finn, "/cases?q=PO-1").text();
    assert!(
        text.contains(&format!("entries 0 to {}", log.entries.len() - 1)),
        "{text}"
    );
    // The list, newest first, in parts.
    let second = escalated(&buyer, "po-2", 700_000);
    assert_eq!(
        listed(&page(&get(&finn, "/cases"))),
        [second.clone(), case.clone()]
    );
    let later = log.entries.len();
    assert_eq!(
        listed(&page(&get(&finn, &format!("/cases?before={later}")))),
        [&*case]
    );
    for path in [own.clone(), format!("{own}/file")] {
        assert_eq!(get(&finn, &path).status, 200);
        assert_eq!(get(&otto, &path).status, 404, "{path}");
    }
    assert_eq!(
        otto.at_portal("POST", &format!("{own}/verify"))
            .send()
            .status,
        404
    );
    assert_eq!(
        finn.at_portal("POST", &format!("/cases/{}/verify", "g".repeat(32)))
            .send()
            .status,
        404
    );
}

/// TA-31: every event of a case with its digest; the file that agents get; and the verifier's report on it, which is
/// that of the program a stranger runs, save that nothing was pinned.
#[test]
fn ta_31_a_case_page_is_the_case() {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let finn = Person::enrolled(&server, &tenant, "finn", 1, JUDGES, &["finance"]);
    let gerd = Person::enrolled(&server, &tenant, "gerd", 3, JUDGES, &["finance"]);
    let case = escalated(&buyer, "po-1", 600_000);
    let _ = judge(&finn, &case, "approve", "as agreed with the plant").expect(200);
    let _ = judge(&gerd, &case, "approve", "").expect(200);
    let rejected = buyer.buy("po-2", 9_000_000).expect(200)["case"]
        .as_str()
        .unwrap()
        .to_owned();
    let scratch = tempfile::tempdir().unwrap();
    let trust = scratch.path().join("trust.json");
    tenant.write_trust(&trust, &[]);
    for (case, told) in [
        (&case, "more than 5,000.00"),
        (&rejected, "No purchase above 50,000.00 by an agent"),
    ] {
        let log = audit(&server, &tenant);
        let own = format!("/cases/{case}");
        let answer = get(&finn, &own);
        let read = page(&answer);
        assert!(answer.text().contains(told));
        // RP-7 at the portal: decided again, clause by clause.
        assert!(
            answer
                .text()
                .contains("Made again for this page, on what was weighed then: the same.")
        );
        assert!(
            answer.text().contains("context.amount_minor &gt; "),
            "{}",
            answer.text()
        );
        let events = log.case(case);
        let raw: Vec<&str> = with_class(&read, "raw")
            .iter()
            .map(|block| block.text.as_str())
            .collect();
        assert_eq!(raw.len(), events.len());
        let hashes: Vec<&str> = with_class(&read, "hash")
            .iter()
            .map(|hash| hash.text.as_str())
            .collect();
        for (event, raw) in events.iter().zip(raw) {
            assert!(
                hashes.contains(&digest_of(event).to_hex().as_str()),
                "{event:?}"
            );
            let value = Value::decode(&event.encode(), limits::ENTRY_BYTES_MAX).unwrap();
            assert_eq!(raw, value.diagnostic());
        }
        let rest = page(&get(&finn, &format!("{own}?from=1")));
        assert_eq!(with_class(&rest, "raw").len(), events.len() - 1);
        // The file is the agent's, and the page's report the program's.
        let file = get(&finn, &format!("{own}/file"));
        assert_eq!(file.header("content-type"), Some("application/cbor"));
        assert_eq!(
            file.header("content-disposition"),
            Some(format!("attachment; filename=\"{case}.case\"").as_str())
        );
        assert_eq!(file.body, buyer.case_file(case));
        let path = scratch.path().join("downloaded.case");
        fs::write(&path, &file.body).unwrap();
        let offline = programs::verify_passport(&path, &trust, &[]).expect(0);
        let verified = finn.at_portal("POST", &format!("{own}/verify")).send();
        let read = page(&verified);
        let report = with_class(&read, "raw")[0].text.clone();
        assert!(offline.starts_with("VALID\n"), "{offline}");
        assert!(
            report.starts_with("INCOMPLETE(unpinned)\n  pinned: "),
            "{report}"
        );
        let is_pin = |line: &&str| {
            !line.contains("pinned")
                && !line.starts_with("VALID")
                && !line.starts_with("Judged as of")
                && !line.starts_with("It says")
        };
        // What the program prints beyond the report are the sheets; and who would have had to lie, of VALID alone.
        let offline = offline.split("\n\nWhat people were shown").next().unwrap();
        let (before, lies) = offline.split_once("\n\nWho would have had to lie").unwrap();
        let after = lies.split_once("\n\n").map_or("", |(_, after)| after);
        let offline = format!("{before}\n\n{after}");
        let [program, portal] = [&offline, &report]
            .map(|text| text.trim_end().lines().filter(is_pin).collect::<Vec<_>>());
        assert!(program.len() > 15, "{program:?}");
        assert_eq!(program, portal);
        assert!(verified.text().contains("This run proves nothing to you"));
    }
}

/// TA-14, live: what an agent writes is text on every page, and marked.
#[test]
fn ta_14_hostile_text_is_inert_on_live_pages() {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let hostile = "</td><script>alert(1)</script><b onmouseover=x>\u{202e}\"'&{{ 7*7 }}";
    let body = json!({ "counterparty": "evil", "name": hostile, "status": "approved", "risk": "low", "payments_before": 3 });
    let _ = tenant.act("/v1/counterparties", body).expect(201);
    let buyer = tenant.agent("buyer-1");
    let finn = Person::enrolled(&server, &tenant, "finn", 1, JUDGES, &["finance"]);
    let mut body = buyer.purchase("po-1", 600_000);
    body["counterparty"] = "evil".into();
    body["reference"] = "\"><script>alert(2)</script>".into();
    body["statement"] = hostile.into();
    let case = buyer.ask(&body).expect(200)["case"]
        .as_str()
        .unwrap()
        .to_owned();
    let _ = judge(&finn, &case, "approve", "<script>alert(3)</script>").expect(200);
    for path in [
        "/queue".to_owned(),
        "/cases".to_owned(),
        "/cases?q=evil".to_owned(),
        "/cases?q=%22%3E%3Cscript%3Ealert(2)%3C%2Fscript%3E".to_owned(),
        format!("/cases/{case}"),
    ] {
        let answer = get(&finn, &path);
        let read = page(&answer);
        let text = answer.text();
        assert!(
            !text.contains('\u{202e}') && !text.contains("<script>") && !text.contains("<b "),
            "{path}"
        );
        assert_eq!(read.of("script").count(), 1, "{path}");
        assert!(!with_class(&read, "theirs").is_empty(), "{path}");
    }
    let read = page(&get(&finn, &format!("/cases/{case}")));
    for words in ["alert(1)", "alert(2)", "alert(3)"] {
        assert!(
            with_class(&read, "theirs")
                .iter()
                .any(|box_| box_.text.contains(words)),
            "{words}"
        );
    }
    let _ = audit(&server, &tenant);
}
