//! Goal: whoever publishes or activates a policy has seen what it changes, in rules and in cases, before they sign; an
//! auditor sees the same numbers without the server (RP-1 to RP-9). Method: cases of every verdict over HTTP, one of
//! them decided twice; a draft with a mistake, a stricter one; two people activate it; the program compares the
//! export.

use std::{
    fs,
    time::{Duration, Instant},
};

use agentsigna_tests::{
    client::Answer,
    programs,
    server::Server,
    tenant::{POLICY, Party, Tenant},
};
use agentsigna_verifier::digest::Digest;
use serde_json::{Value, json};

use crate::{
    at_the_portal::Person,
    audited::audit,
    pages::html::{self, Element, Read},
    people_approve_exactly_what_they_saw::judge,
};

/// Finance looks from 1,500.00 on, and from 6,500.00 on there is nothing to look at.
fn stricter() -> String {
    POLICY
        .replace("> 500000 ", "> 150000 ")
        .replace("> 5000000 ", "> 650000 ")
}

/// What the stricter policy makes of the cases of [`World`].
const COUNTS: [[u64; 3]; 3] = [[1, 2, 0], [0, 1, 1], [0, 0, 1]];

struct World {
    server: Server,
    tenant: Tenant,
    buyer: Party,
    dana: Person,
    erik: Person,
    otto: Person,
    /// The cases in the order in which they were asked.
    cases: Vec<String>,
}

fn world() -> World {
    world_on(Server::start_with_people())
}

fn world_on(server: Server) -> World {
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let judges: &[&str] = &["approver"];
    let finn = Person::enrolled(&server, &tenant, "finn", 1, judges, &["finance"]);
    let gerd = Person::enrolled(&server, &tenant, "gerd", 3, judges, &["finance"]);
    let otto = Person::enrolled(&server, &tenant, "otto", 5, &["auditor"], &[]);
    let mut cases = Vec::new();
    for (number, (cents, verdict)) in [
        (100_000, "authorized"),
        (200_000, "authorized"),
        (300_000, "authorized"),
        (600_000, "escalated"),
        (700_000, "escalated"),
        (6_000_000, "rejected"),
    ]
    .into_iter()
    .enumerate()
    {
        let asked = buyer.buy(&format!("po-{number}"), cents).expect(200);
        assert_eq!(asked["verdict"], verdict, "{cents}: {asked}");
        cases.push(asked["case"].as_str().unwrap().to_owned());
    }
    // RP-3: decided again when two people agreed, and still one case.
    judge(&finn, &cases[3], "approve", "").expect(200);
    judge(&gerd, &cases[3], "approve", "").expect(200);
    let rules: &[&str] = &["administrator"];
    let dana = Person::enrolled(&server, &tenant, "dana", 7, rules, &[]);
    let erik = Person::enrolled(&server, &tenant, "erik", 9, rules, &[]);
    World {
        server,
        tenant,
        buyer,
        dana,
        erik,
        otto,
        cases,
    }
}

/// Sends a form as a browser does, which ends lines with CR LF.
fn send(person: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
    let encoded = |text: &str| -> String {
        let text = text.replace('\n', "\r\n");
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    };
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)));
    let mut ask = person.at_portal("POST", path);
    ask.set("Content-Type", "application/x-www-form-urlencoded");
    ask.body = pairs.collect::<Vec<_>>().join("&").into_bytes();
    ask.send()
}

fn page(answer: &Answer) -> Read {
    assert_eq!(answer.status, 200, "{}", answer.text());
    html::read(&answer.text()).unwrap()
}

fn open(person: &Person, path: &str) -> Read {
    page(&person.at_portal("GET", path).send())
}

/// The fields of the forms that lead to `POST /acts`: the path and the body of each.
fn acts(page: &Read) -> Vec<(String, String)> {
    let forms = page.0.iter().enumerate();
    let forms =
        forms.filter(|(_, form)| form.tag == "form" && form.attributes["action"] == "/acts");
    forms
        .map(|(place, _)| {
            let field = |name: &str| {
                let found = page.0.iter().find(|field| {
                    field.inside.contains(&place)
                        && field.attributes.get("name").map(String::as_str) == Some(name)
                });
                let found = found.unwrap_or_else(|| panic!("no field `{name}`"));
                found.attributes["value"].clone()
            };
            (field("path"), field("body"))
        })
        .collect()
}

fn class<'p>(page: &'p Read, name: &str) -> Vec<&'p Element> {
    let elements = page.0.iter();
    let has = |element: &&Element| {
        let classes = element.attributes.get("class");
        classes.is_some_and(|classes| classes.split(' ').any(|class| class == name))
    };
    elements.filter(has).collect()
}

/// The table of verdicts: rows as recorded, columns of the candidate.
fn counts(page: &Read) -> [[u64; 3]; 3] {
    let table = page
        .0
        .iter()
        .position(|element| element.tag == "table" && element.attributes["class"] == "matrix");
    let table = table.expect("a table of verdicts");
    let cells: Vec<u64> = page
        .0
        .iter()
        .filter(|cell| cell.tag == "td" && cell.inside.contains(&table) && !cell.text.is_empty())
        .map(|cell| cell.text.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(cells.len(), 9, "{cells:?}");
    [0, 1, 2].map(|row| [0, 1, 2].map(|column| cells[row * 3 + column]))
}

/// The cases that are listed as going another way.
fn moved(page: &Read) -> Vec<String> {
    let links = page.of("a");
    links
        .filter_map(|link| link.attributes["href"].strip_prefix("/cases/"))
        .map(str::to_owned)
        .collect()
}

/// What the page says of a comparison with the stricter policy: RP-1, RP-5.
#[track_caller]
fn shows_what_changes(page: &Read, world: &World) {
    let changed: Vec<String> = page
        .of("h3")
        .map(|title| title.text.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        changed,
        [
            "changed esc.amount Large purchases are read by finance",
            "changed stop.amount No purchase above 50,000.00 by an agent"
        ]
    );
    let lines = |tag: &str| -> Vec<String> { page.of(tag).map(|line| line.text.clone()).collect() };
    assert_eq!(
        lines("del"),
        [
            "when { context.amount_minor > 500000 };",
            "when { context.amount_minor > 5000000 };"
        ]
    );
    assert_eq!(
        lines("ins"),
        [
            "when { context.amount_minor > 150000 };",
            "when { context.amount_minor > 650000 };"
        ]
    );
    assert_eq!(counts(page), COUNTS);
    // The one that was decided last first.
    let [_, second, third, _, fifth, _] = world.cases.as_slice() else {
        unreachable!()
    };
    assert_eq!(&moved(page), &[fifth, third, second].map(String::clone));
    let text = page.0[0]
        .text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(text.contains("1 the same."), "{text}");
    assert!(text.contains("The last 6 cases, since"), "{text}");
    assert!(text.contains("3 would go another way"), "{text}");
}

/// The program says of the export what the page says, without the server.
fn compared_by_an_auditor(world: &World, text: &str, page: &Read) {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name).display().to_string();
    let _ = world
        .server
        .export(&world.tenant.name, &scratch.path().join("export"))
        .expect(0);
    world
        .tenant
        .write_trust(&scratch.path().join("trust.json"), &[]);
    fs::write(scratch.path().join("draft.cedar"), text).unwrap();
    let arguments = [
        "what-if".to_owned(),
        at("draft.cedar"),
        "--log".to_owned(),
        at("export"),
        "--trust".to_owned(),
        at("trust.json"),
        "--json".to_owned(),
    ];
    let said = programs::verify(arguments).expect(0);
    let said: Value = serde_json::from_str(&said).unwrap();
    let compared = &said["compared"];
    assert_eq!(compared["counts"], json!(counts(page)));
    let cases = compared["moved"].as_array().unwrap().iter();
    let cases: Vec<&str> = cases.map(|moved| moved["case"].as_str().unwrap()).collect();
    assert_eq!(cases, moved(page));
}

/// RP-9: the compiler's word at the field; nothing to sign.
#[test]
fn rp_9_a_draft_with_a_mistake_is_told_and_cannot_be_signed() {
    let world = world();
    let mistakes = [
        (
            POLICY.replace("amount_minor > 500000 ", "amuont_minor > 500000 "),
            "for policy esc.amount, attribute amuont_minor",
            "invalid",
        ),
        (POLICY.replacen("};", "}", 1), "policy at line 1", "syntax"),
        (
            POLICY.replace("esc.amount", "stop.amount"),
            "as in an earlier policy",
            "duplicate-id",
        ),
        (
            POLICY.replace("above", "ab\u{202e}ove"),
            "U+202E",
            "character",
        ),
    ];
    for (text, said, code) in mistakes {
        let page = page(&send(&world.dana, "/policies/check", &[("body", &text)]));
        let wrong = class(&page, "field-wrong");
        assert_eq!(wrong.len(), 1, "{code}");
        let told = &wrong[0].text;
        assert!(told.contains(said) && told.contains(code), "{told}");
        let field = page.of("textarea").next().unwrap();
        assert_eq!(field.attributes["id"], "policy");
        assert_eq!(field.attributes["aria-invalid"], "true");
        // As it was typed, to be mended.
        assert_eq!(field.text, format!("\n{text}"));
        assert_eq!(acts(&page), []);
        // And what the signature would be asked for is refused too.
        let refused = world.dana.prepare("/v1/policies", text.as_bytes());
        refused.refused(422, "policy-refused");
    }
    let too_long = " ".repeat(200_001);
    let refused = send(&world.dana, "/policies/check", &[("body", &too_long)]);
    assert_eq!(refused.status, 413);
    for fields in [
        [("text", "")].as_slice(),
        &[("body", ""), ("body", "")],
        &[],
    ] {
        assert_eq!(send(&world.dana, "/policies/check", fields).status, 422);
    }
    let _ = audit(&world.server, &world.tenant);
}

/// RP-1, RP-3, RP-5, RP-6, RP-9: before publication, before activation, and in the export.
#[test]
fn rp_5_people_and_auditors_see_the_same_before_two_activate() {
    let world = world();
    let (dana, erik, otto) = (&world.dana, &world.erik, &world.otto);
    let before = audit(&world.server, &world.tenant).entries.len();
    let text = stricter();
    // A draft: what it would do, and then its signature.
    let drafted = page(&send(dana, "/policies/check", &[("body", &text)]));
    shows_what_changes(&drafted, &world);
    assert_eq!(acts(&drafted), [("/v1/policies".to_owned(), text.clone())]);
    // RP-6: a look is no entry.
    assert_eq!(audit(&world.server, &world.tenant).entries.len(), before);
    // The active text itself changes nothing, and says so.
    let same = page(&send(erik, "/policies/check", &[("body", POLICY)]));
    assert_eq!(counts(&same), [[3, 0, 0], [0, 2, 0], [0, 0, 1]]);
    assert!(same.0[0].text.contains("byte for byte"));
    let spaced = format!("// a word\n{POLICY}");
    let same = page(&send(erik, "/policies/check", &[("body", &spaced)]));
    assert!(same.0[0].text.contains("The texts differ all the same"));
    assert_eq!(same.of("h3").count(), 0);
    // Who only reads has no draft, and no route for one.
    assert_eq!(open(otto, "/policies").of("textarea").count(), 0);
    let refused = send(otto, "/policies/check", &[("body", &text)]);
    assert_eq!(refused.status, 404);

    let published = dana.act_with("/v1/policies", text.as_bytes()).expect(201);
    let bundle = published["bundle"].as_str().unwrap();
    let address = format!("/policies/{bundle}");
    let listed = open(otto, "/policies");
    let first = listed
        .of("th")
        .find(|cell| cell.attributes["scope"] == "row");
    assert!(first.unwrap().text.starts_with(&bundle[..8]));

    // Everybody reads; who rules may sign.
    let path = "/v1/policies/activate";
    let read = open(otto, &address);
    shows_what_changes(&read, &world);
    assert_eq!(acts(&read), []);
    let shown = open(dana, &address);
    shows_what_changes(&shown, &world);
    let body = json!({ "origin": world.tenant.origin(), "bundle": bundle });
    let [(to, signed)] = acts(&shown).try_into().unwrap();
    assert_eq!(
        (to.as_str(), serde_json::from_str::<Value>(&signed).unwrap()),
        (path, body)
    );
    let proposed = dana.act_with(path, signed.as_bytes()).expect(201);
    assert_eq!(proposed["proposed"], path);
    // One of two: nothing more to sign for her, the same bytes for him.
    let waits = open(dana, &address);
    assert_eq!(acts(&waits), []);
    assert!(class(&waits, "callout")[0].text.contains("You proposed it"));
    assert_eq!(
        world.buyer.buy("po-before", 200_000).expect(200)["verdict"],
        "authorized"
    );
    let second = open(erik, &address);
    assert!(
        class(&second, "callout")[0]
            .text
            .contains("Proposed by dana")
    );
    assert_eq!(acts(&second), [(path.to_owned(), signed.clone())]);
    compared_by_an_auditor(&world, &text, &second);
    erik.act_with(path, signed.as_bytes()).expect(200);
    assert_eq!(
        world.buyer.buy("po-after", 200_000).expect(200)["verdict"],
        "escalated"
    );

    // It rules: no difference, nothing to sign. The one before is now what a way back would be.
    let ruling = open(dana, &address);
    assert_eq!((acts(&ruling), ruling.of("table").count()), (Vec::new(), 0));
    let old = agentsigna_verifier::rules::Bundle::new(POLICY)
        .unwrap()
        .digest();
    let back = open(dana, &format!("/policies/{old}"));
    assert_eq!(
        counts(&back)[1][0],
        1,
        "the case that was asked under the new one"
    );
    assert_eq!(acts(&back).len(), 1);
    // What is no bundle is not there: nothing, another digest, a sheet.
    for nothing in ["0".repeat(64), "x".to_owned(), bundle.to_uppercase()] {
        let answer = dana
            .at_portal("GET", &format!("/policies/{nothing}"))
            .send();
        assert_eq!(answer.status, 404, "{nothing}");
    }
    let log = audit(&world.server, &world.tenant);
    let mut sheets = log
        .entries
        .iter()
        .filter_map(|(_, event)| event.body.blob());
    let sheet: Digest = sheets
        .rfind(|blob| *blob != old && blob.to_hex() != bundle)
        .unwrap();
    let answer = dana.at_portal("GET", &format!("/policies/{sheet}")).send();
    assert_eq!(answer.status, 404);
}

/// RP-10: while a heavy comparison runs, agents are answered: by one lane, so that there is no other way.
#[test]
fn rp_10_no_request_waits_for_a_comparison() {
    let server = Server::start_with_people_and(&["--lanes", "1"]);
    let tenant = Tenant::ready(&server, "north");
    let rules = (0..300).map(|number| {
        format!(
            "@id(\"g{number}\") @title(\"Grant {number}\")\npermit(principal, action, resource)\n\
             when {{ context.amount_minor == {number} && principal.id != \"x{number}\" }};\n"
        )
    });
    let heavy = rules.collect::<String>() + POLICY;
    // It rules already and the draft differs in one policy: to compile both is slow, to draw the page is not.
    let _ = tenant.policy(&heavy);
    let buyer = tenant.agent("buyer-1");
    let dana = Person::enrolled(&server, &tenant, "dana", 7, &["administrator"], &[]);
    let draft = heavy.replace("Grant 7\"", "Grant seven\"");
    std::thread::scope(|scope| {
        let begin = Instant::now();
        let looking = scope.spawn(|| send(&dana, "/policies/check", &[("body", &draft)]));
        let mut longest = Duration::ZERO;
        let mut number = 0;
        while !looking.is_finished() {
            number += 1;
            let asked = Instant::now();
            buyer.buy(&format!("po-{number}"), 100).expect(200);
            longest = longest.max(asked.elapsed());
        }
        let looked = begin.elapsed();
        assert!(
            longest * 2 < looked,
            "{longest:?} of {looked:?}, {number} requests"
        );
        let page = page(&looking.join().unwrap());
        assert_eq!(page.of("h3").count(), 1);
    });
}
