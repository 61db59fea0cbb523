//! Goal: people see the whole log, prove each entry, take all of it along, and hear what the verifier says of it
//! (LG-19, TA-1, TA-13, TA-19). Method: what the pages give is put to the verifier's own functions and programs, while
//! agents go on asking.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use agentsigna_tests::{
    client::{Answer, now_ms},
    programs,
    server::Server,
    tenant::{POLICY, Party, Tenant},
};
use agentsigna_verifier::{
    entry::Event,
    log::{proof::TlogProof, tree::LeafHash},
    time::UnixMillis,
    verify::{Outcome, Question, verify},
};
use tempfile::TempDir;

use crate::{
    at_the_portal::Person, audited::audit, pages::html, people_approve_exactly_what_they_saw::judge,
};

struct World {
    server: Server,
    tenant: Tenant,
    buyer: Party,
    finn: Person,
    otto: Person,
    /// A case that people approved, and one that policy allowed.
    approved: String,
    allowed: String,
}

fn world() -> World {
    let server = Server::start_with_people();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let approver =
        |user, seed| Person::enrolled(&server, &tenant, user, seed, &["approver"], &["finance"]);
    let (finn, gerd) = (approver("finn", 1), approver("gerd", 3));
    let otto = Person::enrolled(&server, &tenant, "otto", 5, &["auditor"], &[]);
    let case = |request, cents| {
        let asked = buyer.buy(request, cents).expect(200);
        asked["case"].as_str().unwrap().to_owned()
    };
    let approved = case("po-1", 600_000);
    judge(&finn, &approved, "approve", "as agreed with the <plant>").expect(200);
    judge(&gerd, &approved, "approve", "").expect(200);
    let allowed = case("po-2", 1_250);
    World {
        server,
        tenant,
        buyer,
        finn,
        otto,
        approved,
        allowed,
    }
}

fn page(person: &Person, path: &str) -> String {
    let answer = person.at_portal("GET", path).send();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let read = html::read(&answer.text()).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    assert_eq!(read.faults(), [""; 0], "{path}");
    answer.text()
}

/// The text of the block that is called `label`.
fn block(page: &str, label: &str) -> String {
    let (_, rest) = page
        .split_once(&format!("aria-label=\"{label}\">"))
        .unwrap_or_else(|| panic!("no `{label}` in {page}"));
    let (block, _) = rest.split_once("</pre>").unwrap();
    block
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// The indices of the rows, in their order.
fn rows(page: &str) -> Vec<u64> {
    page.split("<a href=\"/ledger/")
        .skip(1)
        .map(|rest| rest.split_once('"').unwrap().0.parse().unwrap())
        .collect()
}

/// The head, every entry once, newest first; and each entry with a proof that a stranger checks.
#[test]
fn everybody_sees_every_entry_and_its_proof() {
    let world = world();
    let log = audit(&world.server, &world.tenant);
    let size = u64::try_from(log.entries.len()).unwrap();
    let first = page(&world.finn, "/ledger");
    assert_eq!(rows(&first), (0..size).rev().take(50).collect::<Vec<_>>());
    assert!(block(&first, "The signed note").starts_with(world.tenant.origin()));
    for (person, audits) in [(&world.finn, false), (&world.otto, true)] {
        let page = page(person, "/ledger");
        assert_eq!(page.contains("href=\"/ledger/export\""), audits);
        assert_eq!(page.contains("action=\"/ledger/verify\""), audits);
    }
    assert_eq!(rows(&page(&world.finn, "/ledger?before=3")), [2, 1, 0]);
    assert!(rows(&page(&world.finn, "/ledger?before=0")).is_empty());
    for bad in ["before=", "before=x", "before=-1", "before=1&a=b", "a"] {
        let answer = world
            .finn
            .at_portal("GET", &format!("/ledger?{bad}"))
            .send();
        assert_eq!(answer.status, 400, "{bad}");
    }

    let trusted = world.tenant.trusted(&[]);
    let trusted = trusted.log(world.tenant.origin()).unwrap();
    for (index, (entry, event)) in log.entries.iter().enumerate() {
        let page = page(&world.finn, &format!("/ledger/{index}"));
        for shown in [
            Event::digest_of(&entry.event).to_string(),
            LeafHash::of(&entry.encode()).to_string(),
            event.body.kind().to_owned(),
        ] {
            assert!(page.contains(&shown), "no {shown} in {page}");
        }
        let content = block(&page, "The content");
        assert!(
            content.contains(&format!("\"{}\"", event.body.kind())),
            "{content}"
        );
        let proof = TlogProof::parse(block(&page, "The proof").as_bytes()).unwrap();
        let key = trusted
            .log_key_at(proof.checkpoint().head().size())
            .unwrap();
        let (signed, included) = proof.check(LeafHash::of(&entry.encode()), key).unwrap();
        assert_eq!(included.index().to_string(), index.to_string());
        assert_eq!(signed.head().size().entries(), size);
        // The proof of another leaf it is not.
        assert!(proof.check(LeafHash::of(b"another"), key).is_err());
    }
    for absent in [&size.to_string(), "01", "-1", "x", "18446744073709551616"] {
        let answer = world
            .finn
            .at_portal("GET", &format!("/ledger/{absent}"))
            .send();
        assert_eq!(answer.status, 404, "{absent}");
    }
    // TA-13: who belongs to another log sees that one.
    let south = Tenant::found(&world.server, "south");
    let mallory = Person::enrolled(&world.server, &south, "finn", 11, &["auditor"], &[]);
    let theirs = page(&mallory, "/ledger");
    assert!(block(&theirs, "The signed note").starts_with(south.origin()));
    assert!(!theirs.contains(world.tenant.origin()));
}

/// What `answer` holds, unpacked by the system's own program: the one folder in it.
fn unpacked(answer: &Answer, scratch: &TempDir, name: &str) -> PathBuf {
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/x-tar"));
    let into = scratch.path().join(name);
    fs::create_dir(&into).unwrap();
    let archive = scratch.path().join(format!("{name}.tar"));
    fs::write(&archive, &answer.body).unwrap();
    let listed = programs::run(Command::new("tar").arg("tf").arg(&archive)).expect(0);
    let names: BTreeSet<&str> = listed.lines().collect();
    assert_eq!(
        names.len(),
        listed.lines().count(),
        "a file twice in\n{listed}"
    );
    assert!(listed.trim_end().ends_with("/checkpoint"), "{listed}");
    let done = programs::run(
        Command::new("tar")
            .arg("xf")
            .arg(&archive)
            .arg("-C")
            .arg(&into),
    );
    assert_eq!((done.status, done.stderr.as_str()), (0, ""));
    let folders: Vec<PathBuf> = fs::read_dir(&into)
        .unwrap()
        .map(|found| found.unwrap().path())
        .collect();
    let [folder] = folders.as_slice() else {
        panic!("{folders:?}");
    };
    let folder_name = folder.file_name().unwrap().to_str().unwrap();
    assert_eq!(
        answer.header("content-disposition"),
        Some(format!("attachment; filename=\"{folder_name}.tar\"").as_str())
    );
    folder.clone()
}

fn differ(a: &Path, b: &Path) -> String {
    let done = programs::run(Command::new("diff").arg("-r").arg(a).arg(b));
    format!("{}{}", done.stdout, done.stderr)
}

/// TA-19, LG-19: the log is downloaded while agents ask, and is a whole export of one head.
#[test]
fn ta_19_the_log_is_taken_along_while_agents_ask() {
    let world = world();
    let scratch = tempfile::tempdir().unwrap();
    let trust = scratch.path().join("trust.json");
    // A bundle that is published again is still one blob.
    world.tenant.publish(POLICY).expect(201);
    world.tenant.write_trust(&trust, &[]);
    let (stop, asked) = (AtomicBool::new(false), AtomicU64::new(0));
    let exports: Vec<Answer> = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let number = asked.fetch_add(1, Ordering::Relaxed);
                world.buyer.buy(&format!("busy-{number}"), 100).expect(200);
            }
        });
        let exports = (0..3).map(|_| {
            let before = asked.load(Ordering::Relaxed);
            let answer = world.otto.at_portal("GET", "/ledger/export").send();
            while asked.load(Ordering::Relaxed) < before + 20 {
                thread::yield_now();
            }
            answer
        });
        let exports = exports.collect();
        stop.store(true, Ordering::Relaxed);
        exports
    });
    for (number, answer) in exports.iter().enumerate() {
        let folder = unpacked(answer, &scratch, &number.to_string());
        let said = programs::verify_ledger(&folder, &trust, &["--replay"]).expect(0);
        assert!(said.starts_with("VALID\n"), "{said}");
    }
    assert!(exports[0].body.len() < exports[2].body.len());

    // The same as the host's own export of the same head, to the last byte.
    let answer = world.otto.at_portal("GET", "/ledger/export").send();
    let folder = unpacked(&answer, &scratch, "quiet");
    let own = scratch.path().join("own");
    let _ = world.server.export("north", &own).expect(0);
    assert_eq!(differ(&folder, &own), "");

    // TA-1: not for everybody. A reader who goes away in the middle leaves nothing behind that hinders the next.
    world
        .finn
        .at_portal("GET", "/ledger/export")
        .send()
        .refused(404, "not-found");
    for _ in 0..5 {
        let mut connection = world.otto.at_portal("GET", "/ledger/export").open();
        let head = connection.head().unwrap().unwrap();
        assert!(head.start.contains("200"));
        assert!(connection.chunk().unwrap().is_some());
    }
    let again = world.otto.at_portal("GET", "/ledger/export").send();
    assert_eq!(again.body, answer.body);
    assert!(
        !world.server.said().contains("ERROR"),
        "{}",
        world.server.said()
    );
}

/// TA-19, TA-31: what the page says is what the program says of the same files.
#[test]
fn ta_19_the_page_says_what_the_command_line_says() {
    let world = world();
    let scratch = tempfile::tempdir().unwrap();
    let asked = |person: &Person| {
        let mut asked = person.at_portal("POST", "/ledger/verify");
        asked.set("Content-Type", "application/x-www-form-urlencoded");
        asked
    };
    let answer = asked(&world.otto).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let shown = block(&answer.text(), "Text of the report");
    let export = world.otto.at_portal("GET", "/ledger/export").send();
    let folder = unpacked(&export, &scratch, "export");
    let own = folder.join("trust.json");
    let said = programs::verify_ledger(&folder, &own, &["--replay"]).expect(2);
    assert_eq!(shown, said.trim_end_matches('\n'));
    assert!(shown.starts_with("INCOMPLETE(unpinned)\n"), "{shown}");
    assert!(
        !shown.contains("FAILED") && !shown.contains("not reached"),
        "{shown}"
    );

    asked(&world.finn).send().code_of(404);
    let mut fields = asked(&world.otto);
    fields.body = b"replay=no".to_vec();
    fields.send().code_of(413);
    let mut typed = asked(&world.otto);
    typed.set("Content-Type", "application/json");
    typed.send().code_of(415);
    let mut foreign = asked(&world.otto);
    foreign.set("Origin", "https://evil.example");
    foreign.send().refused(403, "cross-site");
}

/// Passports, newest first, and one: what it says, who approved it and why, and the bytes that its agent gets.
#[test]
fn passports_are_there_to_be_read() {
    let world = world();
    let list = page(&world.finn, "/passports");
    let at = |case: &str| list.find(&format!("/passports/{case}")).expect("a row");
    assert!(at(&world.allowed) < at(&world.approved));
    assert_eq!(list.matches(">valid</span>").count(), 2, "{list}");
    for words in [
        "authorized by policy",
        "approved by people",
        "6,000.00",
        "12.50",
    ] {
        assert!(list.contains(words), "no `{words}` in {list}");
    }
    assert!(page(&world.finn, "/passports?before=1").contains("No Passport yet."));

    let one = page(&world.finn, &format!("/passports/{}", world.approved));
    for words in [
        "as agreed with the &lt;plant&gt;",
        "none given",
        "/people/finn",
        "/people/gerd",
        "esc.amount",
        "6,000.00",
    ] {
        assert!(one.contains(words), "no `{words}` in {one}");
    }
    let other = page(&world.finn, &format!("/passports/{}", world.allowed));
    assert!(!other.contains("Who approved"));

    for case in [&world.approved, &world.allowed] {
        let path = format!("/passports/{case}/file");
        let file = world.finn.at_portal("GET", &path).send();
        assert_eq!(file.status, 200);
        assert_eq!(file.header("content-type"), Some("application/cose"));
        assert_eq!(file.body, world.buyer.passport(case));
        let question = Question {
            at: UnixMillis::new(now_ms()),
            pinned: true,
            expects_authority: true,
        };
        let report = verify(&file.body, &world.tenant.trusted(&[]), &question);
        assert_eq!(report.outcome(), &Outcome::Valid);
    }

    // A case without a Passport, none at all, and one of another log look the same (TA-13).
    let waiting = world.buyer.buy("po-3", 700_000).expect(200);
    let waiting = waiting["case"].as_str().unwrap();
    let south = Tenant::found(&world.server, "south");
    let mallory = Person::enrolled(&world.server, &south, "finn", 11, &["auditor"], &[]);
    let nothing = "0".repeat(32);
    for (person, case) in [
        (&world.finn, waiting),
        (&world.finn, nothing.as_str()),
        (&world.finn, "x"),
        (&mallory, world.approved.as_str()),
    ] {
        for end in ["", "/file"] {
            let path = format!("/passports/{case}{end}");
            person.at_portal("GET", &path).send().code_of(404);
        }
    }
    let _ = audit(&world.server, &world.tenant);
}

trait Status {
    fn code_of(&self, status: u16);
}

impl Status for Answer {
    #[track_caller]
    fn code_of(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
    }
}
