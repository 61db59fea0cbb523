//! Goal: behind a gate nothing happens without a Passport for exactly that, and nothing twice (GA-2 to GA-11, CL-60).
//! Method: real server, real gate process, a real target system that remembers every call; each call wrong in one way.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use agentsigna_tests::{
    client::Client,
    gate::{AUTHORITY, Gate, MAPPING, Order, Setup, TargetSystem},
    keys::Key,
    programs,
    server::Server,
    tenant::{POLICY, Party, SUPPLIER, TARGET, Tenant, passport_of},
};
use agentsigna_verifier::{event::Body, verify::testing};
use tempfile::TempDir;

use crate::audited::audit;

struct Scene {
    tenant: Tenant,
    buyer: Party,
    system: TargetSystem,
    gate: Gate,
    folder: TempDir,
    server: Server,
}

impl Scene {
    fn new() -> Self {
        let server = Server::start();
        let tenant = Tenant::ready(&server, "north");
        let buyer = tenant.agent("buyer-1");
        let system = TargetSystem::start();
        let folder = TempDir::new().unwrap();
        let gate = gate_of(&tenant, &system, &folder, &[TARGET]);
        Self {
            tenant,
            buyer,
            system,
            gate,
            folder,
            server,
        }
    }

    /// A Passport for a purchase of 1,250.00.
    fn passport(&self, request_id: &str) -> Vec<u8> {
        passport_of(&self.buyer.buy(request_id, 125_000).expect(200))
    }
}

fn gate_of(tenant: &Tenant, system: &TargetSystem, folder: &TempDir, targets: &[&str]) -> Gate {
    Gate::start(&Setup {
        folder: folder.path(),
        trust: &tenant.trust(targets),
        upstream: &system.url(),
        state: &folder.path().join("state"),
        platform: None,
    })
}

#[test]
fn a_call_goes_through_once_and_only_as_permitted() {
    let scene = Scene::new();
    let door = scene.gate.door();
    let agent = scene.buyer.client.key().clone();
    let passport = scene.passport("po-1");
    let order = Order::of("po-1", 125_000);

    // GA-5: another amount, another supplier; neither uses the Passport up.
    let dearer = Order::of("po-1", 125_001);
    dearer
        .send(&door, &agent, &passport)
        .refused(403, "amount-mismatch");
    let other = Order {
        supplier: "acme-2".to_owned(),
        ..order.clone()
    };
    other
        .send(&door, &agent, &passport)
        .refused(403, "action-mismatch");
    // GA-6: a thief has the paper and not the key.
    let thief = Key::generate();
    order
        .send(&door, &thief, &passport)
        .refused(401, "keyid-mismatch");
    let other_agent = scene.tenant.agent("buyer-2");
    let key = other_agent.client.key();
    order
        .send(&door, key, &passport)
        .refused(401, "keyid-mismatch");
    // And a copy, by somebody without any key.
    let client = Client::new(door.clone(), thief);
    let mut call = order.call(&client, &passport).signed();
    call.remove("Signature");
    call.remove("Signature-Input");
    call.send().refused(401, "signature-missing");
    assert!(scene.system.calls().is_empty());

    let answer = order.send(&door, &agent, &passport);
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("x-order"), Some("1"));
    assert_eq!(answer.json()["order"], 1);
    // GA-9: what the system sees.
    let calls = scene.system.calls();
    let [call] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    assert!(
        call.start.starts_with("POST /purchases/acme HTTP/1.1"),
        "{}",
        call.start
    );
    assert_eq!(call.header("agentsigna-agent"), Some("buyer-1"));
    assert_eq!(call.header("agentsigna-case").unwrap().len(), 32);
    for gone in ["agentsigna-passport", "signature", "signature-input"] {
        assert_eq!(call.header(gone), None, "{gone}");
    }

    // GA-8: used.
    for _ in 0..3 {
        order.send(&door, &agent, &passport).refused(403, "used");
    }
    assert_eq!(scene.system.calls().len(), 1);
    assert_eq!(scene.gate.number("agentsigna_gate_admitted_total"), 1);
    assert_eq!(
        scene
            .gate
            .number(r#"agentsigna_gate_refused_total{code="used"}"#),
        3
    );
    assert_eq!(scene.gate.number("agentsigna_gate_seconds_count"), 9);
}

/// GA-2, GA-3, GA-4, GA-9, RQ-17: what a parser in front of another parser has to be strict about.
#[test]
fn nothing_comes_in_beside_what_was_permitted() {
    let scene = Scene::new();
    let agent = Client::new(scene.gate.door(), scene.buyer.client.key().clone());
    let passport = scene.passport("po-1");
    let order = Order::of("po-1", 125_000);
    let at = |target: &str| {
        let mut call = order.call(&agent, &passport);
        call.target = target.to_owned();
        call.send()
    };
    for target in [
        "/purchases/acme?rush=1",
        "/purchases/acme/",
        "/purchases//acme",
        "/purchases/%61cme",
        "/purchases/x/../acme",
        "/orders/acme",
        "/",
    ] {
        at(target).refused(404, "no-route");
    }
    let with = |kind: &str, body: &str| order.call(&agent, &passport).content(kind, body).send();
    let json = "application/json";
    with(
        json,
        r#"{"amount":"1250.00","currency":"EUR","reference":"PO-1","discount":"no"}"#,
    )
    .refused(422, "unmapped");
    with(
        json,
        r#"{"amount":"1250.00","amount":"1.00","currency":"EUR","reference":"PO-1"}"#,
    )
    .refused(422, "json-duplicate");
    with(
        json,
        r#"{"amount":1250.00,"currency":"EUR","reference":"PO-1"}"#,
    )
    .refused(422, "json-number");
    with("text/plain", "1250.00").refused(422, "body-type");
    with(json, &format!(r#"{{"note":"{}"}}"#, "x".repeat(1 << 20))).refused(413, "body-size");
    // Another name, and no name.
    let mut call = order.call(&agent, &passport);
    call.authority = "crm.example.com".to_owned();
    call.send().refused(421, "authority-mismatch");
    // A header twice.
    let mut call = order.call(&agent, &passport).signed();
    let twice = call.header("Signature").unwrap().to_owned();
    call.headers.push(("Signature".to_owned(), twice));
    call.send().refused(401, "component-malformed");
    let mut call = order.call(&agent, &passport).signed();
    call.remove("AgentSigna-Passport");
    call.send().refused(401, "passport-missing");
    // A call without anything.
    let bare = agent.send_raw(
        format!("POST /purchases/acme HTTP/1.1\r\nHost: {AUTHORITY}\r\nContent-Length: 0\r\n\r\n")
            .as_bytes(),
    );
    bare.unwrap().refused(401, "passport-missing");
    assert!(scene.system.calls().is_empty());

    // What the caller says about itself is not handed on; what the keeper ignores may be there.
    let mut call = order.call(&agent, &passport);
    call.content = Some((
        json.to_owned(),
        br#"{"note":["any",{"thing":null}],"amount":"1250.00","currency":"EUR","reference":"PO-1"}"#.to_vec(),
    ));
    let mut call = call.signed();
    for (name, value) in [
        ("AgentSigna-Agent", "somebody-else"),
        ("AgentSigna-Case", "0"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("Forwarded", "for=10.0.0.1"),
        ("X-Secret-Hop", "1"),
        ("Connection", "X-Secret-Hop"),
        ("X-Kept", "kept"),
    ] {
        call.headers.push((name.to_owned(), value.to_owned()));
    }
    assert_eq!(call.send().status, 201);
    let calls = scene.system.calls();
    let seen = calls.first().unwrap();
    assert_eq!(seen.header("agentsigna-agent"), Some("buyer-1"));
    assert_eq!(seen.header("x-kept"), Some("kept"));
    for gone in ["x-forwarded-for", "forwarded", "x-secret-hop"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
}

/// GA-7: for another audience; of another tenant; altered; a trust file without this gate.
#[test]
fn a_passport_for_elsewhere_opens_nothing() {
    let scene = Scene::new();
    let agent = scene.buyer.client.key().clone();
    let order = Order::of("po-1", 125_000);
    let passport = scene.passport("po-1");
    let folder = TempDir::new().unwrap();
    let elsewhere = gate_of(&scene.tenant, &scene.system, &folder, &["crm"]);
    order
        .send(&elsewhere.door(), &agent, &passport)
        .refused(403, "wrong-audience");
    let other = Tenant::ready(&scene.server, "south");
    let stranger = other.agent("buyer-1");
    let theirs = passport_of(&stranger.buy("po-1", 125_000).expect(200));
    let door = scene.gate.door();
    order
        .send(&door, stranger.client.key(), &theirs)
        .refused(403, "unknown-issuer");
    let mut altered = passport.clone();
    let middle = altered.len() / 2;
    altered[middle] ^= 1;
    let answer = order.send(&door, &agent, &altered);
    assert_eq!(answer.status, 403, "{answer:?}");
    assert!(scene.system.calls().is_empty());
    // It was good all the time.
    assert_eq!(order.send(&door, &agent, &passport).status, 201);
}

/// GA-7, L21: a Passport that was good once. Its log is of another day; the call is signed now, by the right key.
#[test]
fn a_passport_that_is_over_opens_nothing() {
    let mut log = testing::Tenant::ready(1);
    let case = log.authorized("r-1");
    let passport = log.passport(case);
    let target = format!("{}#erp", log.origin());
    let system = TargetSystem::start();
    let folder = TempDir::new().unwrap();
    let gate = Gate::start(&Setup {
        folder: folder.path(),
        trust: &testing::trust_text(&[&log], "quorum none\n", &[&target]),
        upstream: &system.url(),
        state: &folder.path().join("state"),
        platform: None,
    });
    let agent = Key::from_seed(&log.key(testing::Role::Agent).to_bytes());
    let answer = Order::of("r-1", 12_500).send(&gate.door(), &agent, &passport);
    answer.refused(403, "expired");
    assert!(system.calls().is_empty());
}

/// GA-10: many calls at once, at two gates on one folder; and after SIGKILL.
#[test]
fn ga_10_one_passport_one_admission() {
    let mut scene = Scene::new();
    let second = gate_of(&scene.tenant, &scene.system, &scene.folder, &[TARGET]);
    let agent = scene.buyer.client.key().clone();
    for round in 0..5 {
        let name = format!("po-{round}");
        let passport = scene.passport(&name);
        let doors = [scene.gate.door(), second.door()];
        let calls: Vec<_> = (0..8)
            .map(|number| {
                let (door, agent) = (doors[number % 2].clone(), agent.clone());
                let (order, passport) = (Order::of(&name, 125_000), passport.clone());
                thread::spawn(move || order.send(&door, &agent, &passport))
            })
            .collect();
        let answers: Vec<_> = calls.into_iter().map(|call| call.join().unwrap()).collect();
        let admitted = answers.iter().filter(|answer| answer.status == 201);
        assert_eq!(admitted.count(), 1, "{answers:?}");
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.refused(403, "used");
        }
    }
    assert_eq!(scene.system.calls().len(), 5);
    let passport = scene.passport("po-x");
    let order = Order::of("po-x", 125_000);
    assert_eq!(
        order.send(&scene.gate.door(), &agent, &passport).status,
        201
    );
    scene.gate.kill();
    scene.gate.go_on();
    order
        .send(&scene.gate.door(), &agent, &passport)
        .refused(403, "used");
    order
        .send(&second.door(), &agent, &passport)
        .refused(403, "used");
    assert_eq!(scene.system.calls().len(), 6);
}

/// GA-8: nothing is admitted that cannot be written down; and a Passport is used up whatever the system did.
#[test]
fn ga_8_never_open() {
    let scene = Scene::new();
    let agent = scene.buyer.client.key().clone();
    let passport = scene.passport("po-1");
    let order = Order::of("po-1", 125_000);
    let new = scene.folder.path().join("state/new");
    fs::remove_dir(&new).unwrap();
    fs::write(&new, b"in the way").unwrap();
    let door = scene.gate.door();
    order
        .send(&door, &agent, &passport)
        .refused(503, "seen-set");
    assert!(scene.system.calls().is_empty());
    fs::remove_file(&new).unwrap();
    fs::create_dir(&new).unwrap();
    assert_eq!(order.send(&door, &agent, &passport).status, 201);

    let folder = TempDir::new().unwrap();
    let nobody = Gate::start(&Setup {
        folder: folder.path(),
        trust: &scene.tenant.trust(&[TARGET]),
        upstream: "http://127.0.0.1:1",
        state: &folder.path().join("state"),
        platform: None,
    });
    let passport = scene.passport("po-2");
    let order = Order::of("po-2", 125_000);
    order
        .send(&nobody.door(), &agent, &passport)
        .refused(502, "upstream");
    order
        .send(&nobody.door(), &agent, &passport)
        .refused(403, "used");
}

/// CL-60: nothing is said before it can be kept.
#[test]
fn a_gate_that_is_set_up_wrong_does_not_begin() {
    let server = Server::start();
    let tenant = Tenant::ready(&server, "north");
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("mapping.json"), MAPPING).unwrap();
    fs::write(path("no-mapping.json"), "{}").unwrap();
    tenant.write_trust(&path("trust.json"), &[TARGET]);
    tenant.write_trust(&path("no-targets.json"), &[]);
    let begin = |trust: &str, mapping: &str, upstream: &str| {
        let ended = programs::verify([
            "gate",
            "--listen",
            "127.0.0.1:0",
            "--upstream",
            upstream,
            "--trust",
            path(trust).to_str().unwrap(),
            "--mapping",
            path(mapping).to_str().unwrap(),
            "--authority",
            AUTHORITY,
            "--state",
            path("state").to_str().unwrap(),
        ]);
        assert_eq!(ended.status, 3, "{ended:?}");
        assert_eq!(ended.stdout, "");
        ended.stderr
    };
    let upstream = "http://127.0.0.1:1";
    assert!(begin("no-targets.json", "mapping.json", upstream).contains("names no targets"));
    assert!(begin("trust.json", "no-mapping.json", upstream).contains("no-mapping.json"));
    assert!(begin("trust.json", "mapping.json", "http://127.0.0.1:1/x").contains("upstream"));
    assert!(begin("gone.json", "mapping.json", upstream).contains("gone.json"));
}

/// A gate that reports to the platform with the key of its target system.
struct Reporting {
    tenant: Tenant,
    erp: Party,
    buyer: Party,
    system: TargetSystem,
    gate: Gate,
    folder: TempDir,
    server: Server,
}

impl Reporting {
    fn start() -> Self {
        let server = Server::start();
        let tenant = Tenant::found(&server, "north");
        let key = Key::generate();
        let erp = tenant.system_with(TARGET, key.clone());
        tenant.counterparty(SUPPLIER);
        let _ = tenant.policy(POLICY);
        let buyer = tenant.agent("buyer-1");
        let system = TargetSystem::start();
        let folder = TempDir::new().unwrap();
        let gate = Gate::start(&Setup {
            folder: folder.path(),
            trust: &tenant.trust(&[TARGET]),
            upstream: &system.url(),
            state: &folder.path().join("state"),
            platform: Some((&server.door(), &key)),
        });
        Self {
            tenant,
            erp,
            buyer,
            system,
            gate,
            folder,
            server,
        }
    }
}

/// GA-11, OC-1, AP-16: the log hears of each admission, once, also if the gate dies and, not knowing that it was heard,
/// reports again.
#[test]
fn ga_11_the_log_hears_of_each_admission_once() {
    let Reporting {
        tenant,
        erp,
        buyer,
        mut gate,
        folder,
        server,
        ..
    } = Reporting::start();
    let asked = buyer.buy("po-1", 125_000).expect(200);
    let case = asked["case"].as_str().unwrap();
    let order = Order::of("po-1", 125_000);
    let answer = order.send(&gate.door(), buyer.client.key(), &passport_of(&asked));
    assert_eq!(answer.status, 201, "{answer:?}");
    let reported = folder.path().join("state/reported");
    let until_reported = || {
        let since = Instant::now();
        while fs::read_dir(&reported).unwrap().count() == 0 {
            assert!(
                since.elapsed() < Duration::from_secs(30),
                "nothing is reported"
            );
            thread::sleep(Duration::from_millis(50));
        }
    };
    until_reported();
    assert_eq!(erp.case(case).expect(200)["state"], "executing");
    gate.kill();
    fs::remove_dir_all(&reported).unwrap();
    fs::create_dir(&reported).unwrap();
    gate.go_on();
    until_reported();
    let log = audit(&server, &tenant);
    let begun = log.case(case).into_iter();
    let begun = begun.filter(|event| matches!(event.body, Body::ExecutionStarted(_)));
    assert_eq!(begun.count(), 1);
}

/// Tells the process of `server` something that it cannot refuse.
fn signal(server: &Server, name: &str) {
    let told = std::process::Command::new("sh")
        .args([
            "-c",
            r#"kill -"$0" "$1""#,
            name,
            &server.process().to_string(),
        ])
        .status();
    assert!(told.is_ok_and(|status| status.success()), "SIG{name}");
}

/// GA-8, GA-10, GA-11: the platform does not answer, and the gate is killed between admitting and reporting: it admits
/// all the same, nothing twice, and no report is lost.
#[test]
fn ga_11_a_gate_killed_before_it_could_report() {
    let Reporting {
        tenant,
        erp,
        buyer,
        system,
        mut gate,
        folder: _folder,
        server,
    } = Reporting::start();
    let bought: Vec<_> = (0..3)
        .map(|number| {
            let name = format!("po-{number}");
            let asked = buyer.buy(&name, 125_000).expect(200);
            (
                Order::of(&name, 125_000),
                asked["case"].clone(),
                passport_of(&asked),
            )
        })
        .collect();
    let agent = buyer.client.key();
    signal(&server, "STOP");
    for (order, _, passport) in &bought {
        assert_eq!(order.send(&gate.door(), agent, passport).status, 201);
    }
    assert!(gate.number("agentsigna_gate_reports_waiting") > 0);
    gate.kill();
    gate.go_on();
    for (order, _, passport) in &bought {
        order
            .send(&gate.door(), agent, passport)
            .refused(403, "used");
    }
    assert_eq!(system.calls().len(), bought.len());
    gate.kill();
    signal(&server, "CONT");
    gate.go_on();
    gate.wait_until_reported();
    for (_, case, _) in &bought {
        let case = case.as_str().unwrap();
        let since = Instant::now();
        while erp.case(case).expect(200)["state"] != "executing" {
            assert!(
                since.elapsed() < Duration::from_secs(30),
                "{case} is not reported"
            );
            thread::sleep(Duration::from_millis(50));
        }
    }
    let log = audit(&server, &tenant);
    let begun = |event: &&(_, agentsigna_verifier::entry::Event)| {
        matches!(event.1.body, Body::ExecutionStarted(_))
    };
    assert_eq!(log.entries.iter().filter(begun).count(), bought.len());
}
