//! The beginning and the end: who there is, the three verdicts, what is refused, the audit. Each act says what was
//! expected of it, and ends the demo if it was not so.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
};

use agentsigna_tests::{
    client::{Client, now_ms},
    gate::{Gate, TargetSystem},
    keys::Key,
    person::Person,
    programs,
    tenant::{POLICY, SUPPLIER, TARGET},
};
use agentsigna_verifier::{limits, passport::Passport};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::{
    outcomes,
    stage::{House, Stage, holds, order, say, shown, text},
};

pub(crate) const BUYER: &str = "buyer-1";

/// What an authorized purchase leaves behind.
pub(crate) struct Bought {
    answer: Value,
    passport: PathBuf,
}

/// The people of north.
pub(crate) struct People {
    pub(crate) finn: Person,
    pub(crate) gerd: Person,
    pub(crate) olga: Person,
}

/// The target system of north, and the gate before it.
pub(crate) struct Target {
    pub(crate) system: TargetSystem,
    pub(crate) gate: Gate,
}

pub(crate) fn play(stage: &mut Stage) {
    let (north, south) = two_tenants(stage);
    let people = enrolment(stage, &north, &south);
    let system = TargetSystem::start();
    let gate = stage.gate(&north, &system);
    let mut target = Target { system, gate };
    let bought = authorized(stage, &north, &target);
    let approved = escalated(stage, &north, &people, &target);
    rejected(stage, &north, &people);
    outcomes::others(stage, &north, &target);
    outcomes::trust(stage, &north, &people, &target);
    over_and_changed(stage, &north, &target, &bought);
    foreign(stage, &north, &south, &target);
    killed(stage, &north, &mut target, &bought);
    liars(stage, &north, &approved);
    audited(stage, &north, &south);
}

fn two_tenants(stage: &mut Stage) -> (House, House) {
    stage.act("Two tenants found their logs");
    say(
        "Each founder makes a key (agentsigna-verify keygen); the host gets the public half (agentsigna tenant create).",
    );
    let houses = ["north", "south"].map(|name| {
        let house = stage.house(name);
        house.tenant.write_trust(&house.trust(), &[TARGET]);
        let leaf = &house.tenant.log.genesis_leaf;
        shown(format_args!(
            "{name}  log {}  genesis leaf {}…",
            house.tenant.origin(),
            leaf.get(..16).unwrap_or(leaf)
        ));
        house
    });
    say(
        "Each keeps a trust file of its own log: from here on it believes that file, not the host.",
    );
    let [north, south] = houses;
    holds(
        north.tenant.origin() != south.tenant.origin(),
        "two logs, one server",
    );
    (north, south)
}

fn enrolment(stage: &mut Stage, north: &House, south: &House) -> People {
    stage.act("The founders say who there is and what is allowed");
    say(
        "Invited with a one-time code, claimed with the new key, confirmed by the founder; each step is signed and logged.",
    );
    for house in [north, south] {
        let tenant = &house.tenant;
        let buyer = tenant.agent_with(BUYER, 2, Some(7), house.key(BUYER));
        let target = tenant.system_with(TARGET, house.key(TARGET));
        tenant.counterparty(SUPPLIER);
        let bundle = tenant.policy(POLICY);
        shown(format_args!(
            "{}  agent {}, target system {}, supplier {SUPPLIER}, policy {}…",
            tenant.name,
            buyer.id,
            target.id,
            bundle.get(..16).unwrap_or(&bundle)
        ));
    }
    fs::write(stage.out().join("policy.cedar"), POLICY).expect("a copy of the policy");
    say(
        "The policy (policy.cedar): purchases from approved suppliers yes; above 5,000.00 two of finance decide;",
    );
    say("above 50,000.00 no. Without a policy the answer is always no.");
    say(
        "North has people. Each shows two passkeys, one for the portal and one for approvals (devices in memory here):",
    );
    let people = People {
        finn: stage.person(north, "finn", 11, "approver"),
        gerd: stage.person(north, "gerd", 13, "approver"),
        olga: stage.person(north, "olga", 15, "operator"),
    };
    shown(
        "north  finn and gerd approve for finance, olga is an operator; all three have signed in",
    );
    let stranger = Client::new(stage.server.door(), north.key("stranger"));
    stranger.read("/v1/log").refused(401, "key-unknown");
    holds(true, "a key that nobody enrolled is answered 401");
    people
}

/// Asks, and says what came back.
pub(crate) fn ask(stage: &Stage, house: &House, id: &str, cents: u64, verdict: &str) -> Value {
    let key = house.tenant.founder.key().clone();
    let body = house.tenant.party(BUYER, key).purchase(id, cents);
    say(format_args!(
        "{}'s agent {BUYER} asks, in a process with its own key: may I buy for {}.{:02} EUR from {SUPPLIER}, {}?",
        house.tenant.name,
        cents / 100,
        cents % 100,
        text(&body, "reference")
    ));
    let answer = stage.ask(house, BUYER, &body);
    shown(format_args!(
        "verdict {}, rules {}, case {}, entry {}",
        text(&answer, "verdict"),
        answer["rules"],
        text(&answer, "case"),
        answer["index"]
    ));
    assert_eq!(text(&answer, "verdict"), verdict, "{answer}");
    answer
}

fn authorized(stage: &mut Stage, north: &House, target: &Target) -> Bought {
    stage.act("A purchase is authorized, proved offline, made once, and completed");
    let answer = ask(stage, north, "po-1001", 125_000, "authorized");
    let passport = stage.fetch(north, BUYER, &answer, "/passport", "po-1001.passport");
    let size = fs::metadata(&passport).map_or(0, |file| file.len());
    say(format_args!(
        "The Passport has {size} bytes and lives {} s. Anybody with the trust file can check it:",
        limits::PASSPORT_LIFE_S
    ));
    let verdict = stage
        .judge("passport", &passport, north, &[])
        .expect_valid();
    verdict.tell(&["verdict", "agent", "action", "audience"]);
    shown(format_args!("it stands on: {}", verdict.vouched()));
    say(format_args!(
        "In front of the target system {TARGET} stands a gate (agentsigna-verify gate, http://{}). It has the trust file and",
        target.gate.door().address()
    ));
    say("asks nobody. The agent calls, signed with its own key, and shows the Passport:");
    let present = |who: &str, cents: u64| {
        stage.present(
            north,
            who,
            &target.gate,
            &passport,
            &order("PO-1001", cents),
        )
    };
    present(BUYER, 125_001).is_turned_away("amount-mismatch");
    present("stranger", 125_000).is_turned_away("keyid-mismatch");
    present(BUYER, 125_000).is_admitted();
    present(BUYER, 125_000).is_turned_away("used");
    assert_eq!(target.system.calls().len(), 1);
    holds(
        true,
        "one cent more, a thief's key and a second time are refused; the purchase itself was made once",
    );
    outcomes::is_executing(stage, north, target, &answer);
    outcomes::say_outcome(stage, north, &answer, "completed", None, "delivered");
    let file = stage.fetch(north, BUYER, &answer, "/file", "po-1001.case");
    say(
        "The case file shows the whole way: who enrolled whom, the request, the policy and its run, Passport, execution, outcome.",
    );
    let verdict = stage
        .judge("passport", &file, north, &["--expect-authority"])
        .expect_valid();
    shown(format_args!("it stands on: {}", verdict.vouched()));
    Bought { answer, passport }
}

fn escalated(stage: &mut Stage, north: &House, people: &People, target: &Target) -> Value {
    stage.act("A large purchase waits for people, and two of them approve exactly what they see");
    let answer = ask(stage, north, "po-1002", 600_000, "escalated");
    let demand = &answer["review"]["demand"];
    shown(format_args!(
        "review open until {} (ms), wanted: {demand}",
        answer["review"]["deadline"]
    ));
    assert!(answer["passport"].is_null(), "{answer}");
    assert_eq!(demand[0]["people"], 2, "{answer}");
    let case = text(&answer, "case").to_owned();
    say(
        "The agent waits (long poll). Finn and gerd open the sheet at the approval site; each device signs its digest:",
    );
    let agent = Client::new(
        stage.server.door(),
        Key::read(&north.folder.join("buyer-1.key")),
    );
    let path = format!("/v1/cases/{case}?wait=50");
    let waiting = thread::spawn(move || agent.read(&path));
    let shown_to_all = people.finn.at_portal("GET", "/queue").send().text();
    assert!(shown_to_all.contains(&case), "the case is in the queue");
    let first = people
        .finn
        .judge(&case, "approve", "as budgeted")
        .expect(200);
    shown(format_args!(
        "finn approves: entry {}, the case is {}",
        first["index"],
        text(&first, "state")
    ));
    let again = people.finn.judge(&case, "approve", "twice");
    assert!(
        again.status >= 400,
        "one person, one slot: {}",
        again.text()
    );
    let second = people.gerd.judge(&case, "approve", "").expect(200);
    shown(format_args!(
        "gerd approves: entry {}, the case is {}",
        second["index"],
        text(&second, "state")
    ));
    let told = waiting.join().expect("the agent").expect(200);
    holds(
        text(&told, "state") == "issued" && told["passport"].is_string(),
        "the last approval, the second decision and the Passport were one write; the waiting agent has it",
    );
    let passport = stage.fetch(north, BUYER, &answer, "/passport", "po-1002.passport");
    let verdict = stage
        .judge("passport", &passport, north, &[])
        .expect_valid();
    verdict.tell(&["verdict", "action"]);
    let called = stage.present(
        north,
        BUYER,
        &target.gate,
        &passport,
        &order("PO-1002", 600_000),
    );
    called.is_admitted();
    outcomes::is_executing(stage, north, target, &answer);
    outcomes::say_outcome(
        stage,
        north,
        &answer,
        "completed",
        None,
        "delivered in two parts",
    );
    answer
}

fn rejected(stage: &mut Stage, north: &House, people: &People) {
    stage.act("A purchase is rejected by policy, another refused by a person; both are proved");
    let answer = ask(stage, north, "po-1003", 6_000_000, "rejected");
    assert!(answer["passport"].is_null(), "{answer}");
    let file = stage.fetch(north, BUYER, &answer, "/file", "po-1003.case");
    say("Its case file proves that the agent asked and that the policy said no:");
    let verdict = stage.judge("passport", &file, north, &[]).expect_valid();
    shown(format_args!("it stands on: {}", verdict.vouched()));
    say("The same true file is no permission:");
    let _ = stage
        .judge("passport", &file, north, &["--expect-authority"])
        .expect_refused("not-authorized", "authority");
    let asked = ask(stage, north, "po-1004", 700_000, "escalated");
    let case = text(&asked, "case");
    let refused = people
        .gerd
        .judge(case, "refuse", "not this quarter")
        .expect(200);
    shown(format_args!(
        "gerd refuses: \"not this quarter\"; the case is {}",
        text(&refused, "state")
    ));
    let file = stage.fetch(north, BUYER, &asked, "/file", "po-1004.case");
    let _ = stage.judge("passport", &file, north, &[]).expect_valid();
    holds(
        text(&refused, "state") == "refused",
        "a refusal is signed as an approval is, and the first one closes the case",
    );
}

fn over_and_changed(stage: &mut Stage, north: &House, target: &Target, bought: &Bought) {
    stage.act("A Passport that is over, and one with a byte changed, are worth nothing");
    let expires = bought.answer["expires_at"].as_u64().expect("a time");
    let at = (expires + limits::PASSPORT_SKEW_S * 1000).to_string();
    say(
        "The Passport of act 3, asked about at the moment its time (and the clocks' allowance of 30 s) is over:",
    );
    let _ = stage
        .judge("passport", &bought.passport, north, &["--at", &at])
        .expect_refused("expired", "time");
    holds(
        expires > now_ms(),
        "by today's clock it is still in its time, and used up all the same",
    );
    let bytes = fs::read(&bought.passport).expect("the Passport");
    // 125,000 in CBOR; one more makes it 1,250.01.
    let amount = [0x1a, 0x00, 0x01, 0xe8, 0x48];
    let place = bytes
        .windows(amount.len())
        .position(|window| window == amount)
        .expect("the amount");
    let forged = forge(north, &bytes, place + 4, "po-1001-cent.passport");
    say("In the sealed part, the amount: one cent more.");
    let _ = stage
        .judge("passport", &forged, north, &[])
        .expect_refused("bad-seal", "seal");
    let called = stage.present(
        north,
        BUYER,
        &target.gate,
        &forged,
        &order("PO-1001", 125_001),
    );
    called.is_turned_away("bad-seal");
    let forged = forge(
        north,
        &bytes,
        in_log_signature(&bytes),
        "po-1001-proof.passport",
    );
    say("In the unsealed part, the log's signature on its tree head:");
    let _ = stage
        .judge("passport", &forged, north, &[])
        .expect_refused("bad-checkpoint", "checkpoint");
    holds(
        true,
        "each forgery is refused, and the step that found it is named",
    );
}

/// A place in the last signature line of the tlog-proof where one bit makes another character of base64.
fn in_log_signature(passport: &[u8]) -> usize {
    let line = "\u{2014} ".as_bytes();
    let start = passport
        .windows(line.len())
        .rposition(|window| window == line)
        .expect("a signature line");
    let space = passport[start + line.len()..]
        .iter()
        .position(|byte| *byte == b' ')
        .expect("a name");
    // The first 6 characters are the key id.
    (start + line.len() + space + 20..passport.len())
        .find(|place| {
            passport[*place].is_ascii_alphanumeric()
                && (passport[*place] ^ 1).is_ascii_alphanumeric()
        })
        .expect("base64")
}

/// A copy of `bytes` with one bit of the byte at `place` flipped.
fn forge(house: &House, bytes: &[u8], place: usize, name: &str) -> PathBuf {
    let mut forged = bytes.to_vec();
    forged[place] ^= 1;
    let path = house.folder.join(name);
    fs::write(&path, forged).expect("a forgery");
    path
}

fn foreign(stage: &mut Stage, north: &House, south: &House, target: &Target) {
    stage.act("Another tenant's Passport does not open this door");
    let answer = ask(stage, south, "po-1001", 125_000, "authorized");
    let passport = stage.fetch(south, BUYER, &answer, "/passport", "po-1001.passport");
    let _ = stage
        .judge("passport", &passport, south, &[])
        .expect_valid();
    say("South believes it. North's gate, by north's trust file, does not:");
    let called = stage.present(
        south,
        BUYER,
        &target.gate,
        &passport,
        &order("PO-1001", 125_000),
    );
    called.is_turned_away("unknown-issuer");
    let case = text(&answer, "case");
    let founder = &north.tenant.founder;
    let status = founder.read(&format!("/v1/cases/{case}")).status;
    holds(
        status == 404,
        "and to north's founder, south's case does not exist (404)",
    );
}

fn killed(stage: &mut Stage, north: &House, target: &mut Target, bought: &Bought) {
    stage.act("Server and gate are killed (SIGKILL) and started again");
    let answer = ask(stage, north, "po-1010", 40_000, "escalated");
    let case = text(&answer, "case").to_owned();
    let process = stage.server.process();
    target.gate.kill();
    stage.server.kill();
    stage.server.go_on();
    target.gate = stage.gate(north, &target.system);
    say(format_args!(
        "process {process} is dead; process {} found everything on disk and checked it before it listened",
        stage.server.process()
    ));
    let answer = ask(stage, north, "po-1001", 125_000, "authorized");
    assert_eq!(answer["case"], bought.answer["case"]);
    holds(
        sealed_of(stage, north, &answer)
            == Some(sealed(&fs::read(&bought.passport).expect("a Passport"))),
        "the same request_id, signed again: the same case and the same sealed bytes",
    );
    let review = Client::new(
        stage.server.door(),
        Key::read(&north.folder.join("buyer-1.key")),
    )
    .read(&format!("/v1/cases/{case}"))
    .expect(200);
    holds(
        text(&review, "state") == "in-review",
        "the review that was open still waits, with the same deadline",
    );
    say("And the gate has forgotten nothing:");
    let called = stage.present(
        north,
        BUYER,
        &target.gate,
        &bought.passport,
        &order("PO-1001", 125_000),
    );
    called.is_turned_away("used");
    holds(
        target.system.calls().len() == outcomes::ORDERS,
        "every order was made once",
    );
}

/// The Passport of a case as it was registered.
fn sealed_of(stage: &Stage, house: &House, answer: &Value) -> Option<Vec<u8>> {
    let passport = text(answer, "passport");
    if passport.is_empty() {
        let path = stage.fetch(house, BUYER, answer, "/passport", "po-1001-again.passport");
        return Some(sealed(&fs::read(path).expect("a Passport")));
    }
    let bytes = BASE64URL_NOPAD.decode(passport.as_bytes()).ok()?;
    Some(sealed(&bytes))
}

fn sealed(bytes: &[u8]) -> Vec<u8> {
    Passport::parse(bytes).expect("a Passport").registered()
}

fn liars(stage: &mut Stage, north: &House, approved: &Value) {
    stage.act("Who would have had to lie, for the approved purchase to be a fiction?");
    let file = stage.fetch(north, BUYER, approved, "/file", "po-1002.case");
    stage
        .judge("passport", &file, north, &[])
        .expect_valid()
        .lies();
    holds(
        true,
        "each line is a smallest set of key holders: with one of them honest, that way is closed",
    );
}

fn audited(stage: &mut Stage, north: &House, south: &House) {
    stage.act("Both logs are exported and audited, every entry of them");
    for house in [north, south] {
        let name = &house.tenant.name;
        let to = house.folder.join("log");
        let ended = stage.server.export(name, &to);
        assert_eq!(ended.status, 0, "{ended:?}");
        let verdict = stage
            .judge("ledger", &to, house, &["--replay"])
            .expect_valid();
        shown(format_args!("it stands on: {}", verdict.vouched()));
    }
    recomputed(north);
    say("In a copy of north's, one bit of one entry is flipped:");
    let copy = north.folder.join("log-forged");
    copy_folder(&north.folder.join("log"), &copy);
    let tile = entries(&copy);
    let mut bytes = fs::read(&tile).expect("a tile of entries");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&tile, bytes).expect("a tile of entries");
    let forged = stage.judge("ledger", &copy, north, &["--replay"]);
    holds(
        forged.is_refusal(),
        "both logs are whole, by both trust files; the copy is refused",
    );
    let ended = stage.server.fsck();
    assert_eq!(ended.status, 0, "{ended:?}");
    holds(
        stage.server.stop() == 0,
        "agentsigna fsck finds every row as the entries say; the server ends when told",
    );
}

/// The standings again, in another language, where this machine has Python with cbor2.
fn recomputed(north: &House) {
    let not_run = || {
        say("(No Python with cbor2: testdata/standings.py was not run here; `make test` runs it.)");
    };
    if !programs::is_installed("python3") {
        return not_run();
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/standings.py");
    let ended = programs::run(
        std::process::Command::new("python3")
            .arg(script)
            .arg(north.folder.join("log")),
    );
    if ended.stderr.contains("No module named 'cbor2'") {
        return not_run();
    }
    let first = ended.expect(0);
    shown(format_args!(
        "in Python: {}",
        first
            .lines()
            .next()
            .unwrap_or_default()
            .rsplit('/')
            .next()
            .unwrap_or_default()
    ));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let from = entry.expect("an entry").path();
        let to = to.join(from.file_name().expect("a name"));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            fs::copy(&from, &to).expect("a copy");
        }
    }
}

/// The first file under `tile/entries`.
fn entries(log: &Path) -> PathBuf {
    let mut path = log.join("tile/entries");
    while path.is_dir() {
        let mut found: Vec<PathBuf> = fs::read_dir(&path)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        found.sort();
        path = found.into_iter().next().expect("a tile of entries");
    }
    path
}
