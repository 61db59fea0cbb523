//! What happens, in ten acts. Each says what was expected of it, and ends the demo if it was not so.

use std::{
    fs,
    path::{Path, PathBuf},
};

use agentsigna_tests::{
    client::{Client, now_ms},
    server::Door,
    tenant::{POLICY, SUPPLIER, TARGET},
};
use agentsigna_verifier::{limits, passport::Passport, signed_request::Profile};
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::{
    stage::{House, Stage, holds, order, say, shown, text},
    target::Process,
};

const BUYER: &str = "buyer-1";

/// What an authorized purchase leaves behind.
struct Bought {
    answer: Value,
    passport: PathBuf,
}

pub(crate) fn play(stage: &mut Stage) {
    let (north, south) = two_tenants(stage);
    enrolment(stage, &north, &south);
    let target = stage.target(&north, 0);
    let bought = authorized(stage, &north, &target);
    let waiting = escalated(stage, &north);
    rejected(stage, &north, &target);
    expired(stage, &north, &bought);
    changed(stage, &north, &target, &bought);
    foreign(stage, &north, &south, &target);
    killed(stage, &north, &bought, &waiting);
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

fn enrolment(stage: &mut Stage, north: &House, south: &House) {
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
    let stranger = Client::new(stage.server.door(), north.key("stranger"));
    stranger.read("/v1/log").refused(401, "key-unknown");
    holds(true, "a key that nobody enrolled is answered 401");
}

/// Asks, and says what came back.
fn ask(stage: &Stage, house: &House, id: &str, cents: u64, verdict: &str) -> Value {
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

fn authorized(stage: &mut Stage, north: &House, target: &Process) -> Bought {
    stage.act("A purchase is authorized, proved offline, and made once");
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
    let file = stage.fetch(north, BUYER, &answer, "/file", "po-1001.case");
    say(
        "The case file shows the whole way here: every event of the case, who enrolled whom, the policy, its run.",
    );
    let verdict = stage
        .judge("passport", &file, north, &["--expect-authority"])
        .expect_valid();
    shown(format_args!("it stands on: {}", verdict.vouched()));
    say(format_args!(
        "The target system {TARGET} (http://{}) has the trust file and no way to the server. The agent presents itself:",
        target.address()
    ));
    let wrong = stage.present(north, BUYER, target, &passport, &order("PO-1001", 125_001));
    wrong.is_turned_away("action", "action-mismatch");
    let thief = stage.present(
        north,
        "stranger",
        target,
        &passport,
        &order("PO-1001", 125_000),
    );
    thief.is_turned_away("possession", "keyid-mismatch");
    let first = stage.present(north, BUYER, target, &passport, &order("PO-1001", 125_000));
    first.is_admitted();
    let again = stage.present(north, BUYER, target, &passport, &order("PO-1001", 125_000));
    again.is_turned_away("single-use", "used-before");
    holds(
        true,
        "one cent more, a thief's key and a second time are refused; the purchase itself was admitted once",
    );
    Bought { answer, passport }
}

fn escalated(stage: &mut Stage, north: &House) -> Value {
    stage.act("A large purchase waits for people");
    let answer = ask(stage, north, "po-1002", 600_000, "escalated");
    let demand = &answer["review"]["demand"];
    shown(format_args!(
        "review open until {} (ms), wanted: {demand}",
        answer["review"]["deadline"]
    ));
    assert!(answer["passport"].is_null(), "{answer}");
    assert_eq!(demand[0]["people"], 2, "{answer}");
    let path = format!("/v1/cases/{}/passport", text(&answer, "case"));
    let agent = Client::new(
        stage.server.door(),
        agentsigna_tests::keys::Key::read(&north.folder.join("buyer-1.key")),
    );
    let status = agent.read(&path).status;
    holds(
        status == 404 && text(&answer, "state") == "in-review",
        "the case is in review; there is no Passport to be had (404)",
    );
    answer
}

fn rejected(stage: &mut Stage, north: &House, target: &Process) {
    stage.act("A purchase is rejected, and the refusal is proved");
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
    let bytes = fs::read(&file).expect("the case file");
    let answer = smuggle(north, target, &bytes);
    assert_eq!(answer.status, 403, "{}", answer.text());
    let answer = answer.json();
    shown(format_args!(
        "target: 403 refused({}) at step `{}`",
        text(&answer, "code"),
        text(&answer, "step")
    ));
    holds(
        true,
        "a proof of refusal is worth nothing as authority, to the verifier and to the target",
    );
}

/// Puts `bytes` where a Passport should be, which `agentsigna-verify call` would not do.
fn smuggle(house: &House, target: &Process, bytes: &[u8]) -> agentsigna_tests::client::Answer {
    let key = agentsigna_tests::keys::Key::read(&house.folder.join("buyer-1.key"));
    let agent = Client::new(Door::to(target.address()), key);
    let body = order("PO-1003", 6_000_000);
    let honest = fs::read(house.folder.join("po-1001.passport")).expect("a Passport");
    let mut call = agent.call(Profile::Exec, "/orders").json(&body);
    call.passport = Some(honest);
    let mut signed = call.signed();
    signed.set("AgentSigna-Passport", &BASE64URL_NOPAD.encode(bytes));
    signed.send()
}

fn expired(stage: &mut Stage, north: &House, bought: &Bought) {
    stage.act("A Passport that is over is worth nothing");
    let expires = bought.answer["expires_at"].as_u64().expect("a time");
    let at = (expires + limits::PASSPORT_SKEW_S * 1000).to_string();
    say(
        "The Passport of act 3, asked about at the moment its time (and the clocks' allowance of 30 s) is over:",
    );
    let _ = stage
        .judge("passport", &bought.passport, north, &["--at", &at])
        .expect_refused("expired", "time");
    let ahead_s = limits::PASSPORT_LIFE_S + limits::PASSPORT_SKEW_S + 1;
    say(format_args!(
        "And at a target system whose clock is {ahead_s} s ahead, so that nobody has to wait:"
    ));
    let later = stage.target(north, ahead_s);
    let called = stage.present(
        north,
        BUYER,
        &later,
        &bought.passport,
        &order("PO-1001", 125_000),
    );
    called.is_turned_away("time", "expired");
    let time_left = expires > now_ms();
    holds(time_left, "by today's clock it would still have been good");
}

fn changed(stage: &mut Stage, north: &House, target: &Process, bought: &Bought) {
    stage.act("One byte is changed");
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
    let called = stage.present(north, BUYER, target, &forged, &order("PO-1001", 125_001));
    called.is_turned_away("seal", "bad-seal");
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

fn foreign(stage: &mut Stage, north: &House, south: &House, target: &Process) {
    stage.act("Another tenant's Passport does not open this door");
    let answer = ask(stage, south, "po-1001", 125_000, "authorized");
    let passport = stage.fetch(south, BUYER, &answer, "/passport", "po-1001.passport");
    let _ = stage
        .judge("passport", &passport, south, &[])
        .expect_valid();
    say("South believes it. North's target system, by north's trust file, does not:");
    let called = stage.present(south, BUYER, target, &passport, &order("PO-1001", 125_000));
    called.is_turned_away("issuer", "unknown-issuer");
    let case = text(&answer, "case");
    let founder = &north.tenant.founder;
    let status = founder.read(&format!("/v1/cases/{case}")).status;
    holds(
        status == 404,
        "and to north's founder, south's case does not exist (404)",
    );
}

fn killed(stage: &mut Stage, north: &House, bought: &Bought, waiting: &Value) {
    stage.act("The server is killed (SIGKILL) and started again");
    let head = |stage: &Stage| {
        let answer = Client::new(stage.server.door(), north.tenant.founder.key().clone())
            .read("/v1/log")
            .expect(200);
        text(&answer, "head").lines().nth(1).map(ToOwned::to_owned)
    };
    let before = head(stage);
    let process = stage.server.process();
    stage.server.kill();
    stage.server.go_on();
    say(format_args!(
        "process {process} is dead; process {} found everything on disk and checked it before it listened",
        stage.server.process()
    ));
    let answer = ask(stage, north, "po-1001", 125_000, "authorized");
    assert_eq!(answer["case"], bought.answer["case"]);
    let sealed = |answer: &Value| {
        let bytes = BASE64URL_NOPAD
            .decode(text(answer, "passport").as_bytes())
            .expect("base64url");
        Passport::parse(&bytes).expect("a Passport").registered()
    };
    holds(
        sealed(&answer) == sealed(&bought.answer),
        "the same request_id, signed again: the same case and the same sealed bytes",
    );
    let review = stage.fetch(north, BUYER, waiting, "", "po-1002.json");
    let review: Value =
        serde_json::from_slice(&fs::read(review).expect("an answer")).expect("JSON");
    holds(
        review["state"] == "in-review" && review["review"] == waiting["review"],
        "the review of act 4 still waits, with the same deadline",
    );
    holds(
        before.is_some() && head(stage) == before,
        "the log has not grown: nothing was lost, nothing was done twice",
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
