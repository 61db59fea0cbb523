//! `make bench`: four numbers, each beside what this machine could do at most, measured in the same run.
//!
//! | Number | Ceilings |
//! |---|---|
//! | decisions per second over HTTP, durable when answered, 64 clients | fsyncs per second; HTTP without work; deciding and sealing alone |
//! | microseconds per offline check of a Passport | two Ed25519 signatures checked, of which none can be left out |
//! | microseconds that a gate adds to a call | one Passport checked, two fsyncs |
//! | entries per second judged again, with every verdict | the same without the verdicts |
//!
//! Clients and server share the processors, and the clients' own signing is in the numbers. Nothing here fails
//! for being slow: it fails if an answer is not what was asked for.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::as_conversions,
    reason = "it tells people, and ends at the first answer that is not as promised"
)]

mod ceilings;
mod gate;
mod load;

use std::{env, fs, path::Path, path::PathBuf, thread};

use agentsigna_tests::{
    programs,
    server::Server,
    tenant::{Party, Tenant},
};

/// Clients at the same time, each an agent with a key and a connection of its own.
const CLIENTS: usize = 64;

fn main() {
    let folder = env::args_os()
        .nth(1)
        .map_or_else(programs::folder, PathBuf::from);
    let scratch = tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(&folder)
        .expect("a scratch folder");
    println!(
        "{} processors ({}); data on {}",
        thread::available_parallelism().map_or(0, usize::from),
        processor(),
        file_system(scratch.path())
    );
    if cfg!(debug_assertions) {
        println!("not a release build: these numbers say nothing");
    }

    let server = Server::start_in(&scratch.path().join("data"));
    let tenant = Tenant::ready(&server, "bench");
    let agents: Vec<Party> = (0..CLIENTS)
        .map(|number| {
            let key = agentsigna_tests::keys::Key::generate();
            tenant.agent_with(&format!("buyer-{number}"), 2, Some(15), key)
        })
        .collect();
    let sample = agents[0].buy("sample", 1).expect(200);

    println!(
        "\ndecisions: signed request in, policy, Passport sealed, log entry durable, answer out"
    );
    let decisions = load::decisions(&agents);
    decisions.tell(&format!("{CLIENTS} clients, keep-alive"));
    let size = tenant.founder.read("/v1/log").expect(200);
    let size = size["head"].as_str().and_then(|head| head.lines().nth(1));
    println!("    the log has {} entries now", size.unwrap_or("?"));

    println!("  ceilings, one by one on the idle machine");
    let sync = ceilings::fdatasync(scratch.path());
    println!(
        "    fdatasync of 4 KiB appended    {:>9.0} /s   median {:.0} µs, p99 {:.0} µs",
        sync.per_s, sync.median_us, sync.p99_us
    );
    load::nothing(&server.door(), CLIENTS).tell(&format!("{CLIENTS} clients, 404 without work"));
    let case = sample["case"].as_str().expect("a case");
    let decide = ceilings::decide_and_seal(&agents[0].case_file(case));
    println!(
        "    decide and seal, one thread    {:>9.0} /s   median {decide:.1} µs",
        1e6 / decide
    );
    let client = ceilings::client(&agents[0]);
    println!(
        "    the client's own signing       {:>9.0} /s   median {client:.1} µs",
        1e6 / client
    );

    println!("\noffline check of a delivered Passport (verify::verify), one thread");
    let passport = agents[0].passport(case);
    let verify = ceilings::verify(&passport, &tenant.trusted(&[]));
    println!(
        "    whole chain                    {verify:>9.1} µs  ({} bytes)",
        passport.len()
    );
    let two = ceilings::two_signatures();
    println!(
        "    ceiling: two verify_strict     {two:>9.1} µs  ({:.2} times)",
        verify / two
    );

    println!("\na call through a gate, one caller, a Passport for each call");
    let calls = gate::calls(&tenant, &agents[0], scratch.path());
    println!(
        "    straight to the target         {:>9.0} µs   median",
        calls.direct_us
    );
    println!(
        "    through the gate               {:>9.0} µs   median; the gate itself {:.0} µs in the mean",
        calls.gated_us, calls.gate_us
    );
    println!(
        "    ceiling: check and two fsyncs {:>9.0} µs",
        sync.median_us.mul_add(2.0, verify)
    );

    println!("\nthe log exported and judged by agentsigna-verify ledger");
    let [without, with] = gate::replay(&server, &tenant, scratch.path());
    let size = tenant.founder.read("/v1/log").expect(200);
    let size = size["head"].as_str().and_then(|head| head.lines().nth(1));
    let entries: f64 = size.and_then(|size| size.parse().ok()).expect("its size");
    println!(
        "    every entry                    {:>9.0} /s   {entries} entries in {without:.1} s",
        entries / without
    );
    println!(
        "    and every verdict again        {:>9.0} /s   in {with:.1} s",
        entries / with
    );

    let fsck = server.fsck();
    assert_eq!(fsck.status, 0, "{fsck:?}");
    println!("\nafterwards: {}", fsck.stdout.trim());
}

/// The processor's own name.
fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|rest| rest.split_once(": "))
        .map_or_else(|| env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

/// Kind and device of the file system that holds `path`.
fn file_system(path: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?, words.next()?))
        })
        .filter(|(_, place, _)| path.starts_with(place))
        .max_by_key(|(_, place, _)| place.len())
        .map_or_else(
            || "an unknown file system".to_owned(),
            |(device, _, kind)| format!("{kind} ({device})"),
        )
}
