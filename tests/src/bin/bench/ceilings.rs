//! What one thing costs alone: medians of many runs.

use std::{
    fs::File,
    hint::black_box,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use agentsigna_tests::{client::now_ms, keys::Key, tenant::Party};
use agentsigna_verifier::{
    case_file::CaseFile,
    entry::{CaseId, Event},
    event::{Body, DecisionMade},
    limits,
    passport::{Grounds, Unsealed},
    rules::{Bundle, CompiledBundle, decide, on_big_stack},
    signed_request::Profile,
    time::UnixMillis,
    trust::Trust,
    verify::{Outcome, Question, verify as judge},
};

/// Runs of what takes microseconds.
const RUNS: usize = 5_000;

/// Of one system call.
pub(crate) struct Sync {
    pub(crate) per_s: f64,
    pub(crate) median_us: f64,
    pub(crate) p99_us: f64,
}

/// 4 KiB appended to a growing file and `fdatasync`, for two seconds.
pub(crate) fn fdatasync(folder: &Path) -> Sync {
    let mut file = File::create(folder.join("fdatasync")).expect("a file");
    let page = [0x5a; 4096];
    let began = Instant::now();
    let mut each = Vec::new();
    while began.elapsed() < Duration::from_secs(2) {
        let since = Instant::now();
        file.write_all(&page).expect("a write");
        file.sync_data().expect("fdatasync");
        each.push(since.elapsed());
    }
    let per_s = each.len() as f64 / began.elapsed().as_secs_f64();
    each.sort_unstable();
    Sync {
        per_s,
        median_us: each[each.len() / 2].as_secs_f64() * 1e6,
        p99_us: each[each.len() * 99 / 100].as_secs_f64() * 1e6,
    }
}

/// The recorded decision of a case file made again, and a Passport sealed for it: no HTTP, no log, no disk.
pub(crate) fn decide_and_seal(case_file: &[u8]) -> f64 {
    let file = CaseFile::parse(case_file).expect("a case file");
    let made = file.entries().iter().find_map(|proven| {
        let event = Event::decode(&proven.entry().event).ok()?;
        match event.body {
            Body::DecisionMade(DecisionMade { snapshot, .. }) => Some(snapshot),
            _ => None,
        }
    });
    let snapshot = made.expect("a decision");
    let bundle = file
        .blobs()
        .iter()
        .find_map(|blob| Bundle::decode(blob).ok());
    let bundle = bundle.expect("the policy");
    let (seal, agent) = (Key::generate(), Key::generate());
    on_big_stack(move |stack| {
        let compiled = CompiledBundle::compile(stack, &bundle).expect("a policy that compiles");
        median(|| {
            let (_, permit) = decide(stack, Some(&compiled), &snapshot).into_parts();
            let grounds = Grounds {
                issuer: "agentsigna.test".to_owned(),
                issued_s: snapshot.decided_at().seconds(),
                life_s: limits::PASSPORT_LIFE_S,
                cti: [7; 16],
                key: agent.public(),
                case: CaseId::from_bytes([7; 16]),
                chain: Vec::new(),
            };
            let unsealed = Unsealed::new(
                permit.expect("an authorization"),
                &snapshot,
                grounds,
                &seal.public(),
            )
            .expect("the same inputs");
            let signature = seal.sign(&unsealed.to_be_signed());
            unsealed.seal(signature)
        })
    })
    .expect("a thread")
}

/// What a client does for each request before it sends it: sign, and check its own signature.
pub(crate) fn client(agent: &Party) -> f64 {
    let body = agent.purchase("ceiling", 1);
    median(|| {
        agent
            .client
            .call(Profile::Action, "/v1/actions")
            .json(&body)
            .signed()
            .bytes()
    })
}

/// The whole offline check.
pub(crate) fn verify(passport: &[u8], trust: &Trust) -> f64 {
    let question = Question {
        at: UnixMillis::new(now_ms()),
        pinned: true,
        expects_authority: true,
    };
    median(|| {
        let report = judge(passport, trust, &question);
        assert_eq!(*report.outcome(), Outcome::Valid);
        report
    })
}

/// Two `verify_strict` over messages as long as those of a Passport.
pub(crate) fn two_signatures() -> f64 {
    let (seal, log) = (Key::generate(), Key::generate());
    let (claims, note) = ([0x5a; 700], [0x5a; 120]);
    let (sealed, signed) = (seal.sign(&claims), log.sign(&note));
    let (seal, log) = (seal.public(), log.public());
    median(|| {
        let both = seal.verifies(&claims, &sealed) && log.verifies(&note, &signed);
        assert!(both);
        both
    })
}

/// Microseconds, the median of [`RUNS`] after a tenth as many that do not count.
fn median<T>(mut work: impl FnMut() -> T) -> f64 {
    for _ in 0..RUNS / 10 {
        black_box(work());
    }
    let mut each: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let since = Instant::now();
            black_box(work());
            since.elapsed()
        })
        .collect();
    each.sort_unstable();
    each[each.len() / 2].as_secs_f64() * 1e6
}
