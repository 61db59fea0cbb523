//! Goal: an answer is durable before it is given, at the price of one fsync, which those who come together share
//! (AP-9, L8). Method: the system calls of the running server, as the kernel sees them; then the write-ahead log cut
//! back to what those calls had made durable, as after a loss of power.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
};

use agentsigna_tests::{
    server::Server,
    tenant::{Party, Tenant},
};
use serde_json::Value;

use crate::{audited::audit, same_request_same_answer::same};

/// A running `strace` of a server.
struct Strace {
    child: Child,
    out: PathBuf,
}

/// What a system call did, in the order of the trace.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    /// A request was read from this connection.
    Request(String),
    /// An answer goes out on this connection.
    Answer(String),
    /// A sync of the write-ahead log began; this many bytes were in the file.
    SyncBegins(u64),
    /// It ended.
    SyncEnds,
}

impl Strace {
    /// Watches `server` from now on.
    fn of(server: &Server, out: &Path) -> Self {
        let mut child = Command::new("strace")
            .args(["-f", "-yy", "-s", "48", "-e"])
            .arg(
                "trace=fdatasync,fsync,sync_file_range,write,writev,pwrite64,sendto,sendmsg,recvfrom,read,recvmsg",
            )
            .arg("-o")
            .arg(out)
            .args(["-p", &server.process().to_string()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`strace`: {error}: `.ci/prepare test` installs it"));
        let mut said = String::new();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        while !said.contains(" attached") {
            let read = lines.read_line(&mut said).unwrap();
            assert!(
                read > 0,
                "strace cannot watch the server: {said}\nrun as root, or `sysctl -w kernel.yama.ptrace_scope=0`"
            );
        }
        // It goes on talking; nobody listens, and it must not block on that.
        thread::spawn(move || lines.lines().for_each(drop));
        Self {
            child,
            out: out.to_path_buf(),
        }
    }

    /// Stops watching, and tells what happened. `log_bytes` is how long the write-ahead log was before.
    fn end(mut self, log_bytes: u64) -> Vec<Call> {
        let told = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status();
        assert!(told.unwrap().success());
        let _ = self.child.wait();
        let trace = fs::read_to_string(&self.out).unwrap();
        read(&trace, log_bytes)
    }
}

/// Reads a trace. A call that another thread interrupts stands in two lines: begun, and resumed with its result.
fn read(trace: &str, mut log_bytes: u64) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut begun: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for line in trace.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        // `first`: what was asked for; `last`: what came of it.
        let (first, last) = match rest.strip_prefix("<... ") {
            Some(resumed) => {
                let (name, first) = begun.remove(thread).unwrap_or(("", ""));
                assert!(resumed.starts_with(name), "{line}");
                (first, resumed)
            }
            None => (rest, rest),
        };
        let name = first.split('(').next().unwrap_or_default();
        let unfinished = last.ends_with("<unfinished ...>");
        if unfinished {
            begun.insert(thread, (name, first));
        }
        let begins = !rest.starts_with("<... ");
        let place = first
            .split_once('<')
            .and_then(|(_, more)| more.split_once('>'))
            .map_or("", |(place, _)| place);
        let wal = place.ends_with(".log") && place.contains("/db/");
        match name {
            "fdatasync" | "fsync" | "sync_file_range" if wal => {
                if begins {
                    calls.push(Call::SyncBegins(log_bytes));
                }
                if !unfinished {
                    assert!(last.trim_end().ends_with("= 0"), "{line}");
                    calls.push(Call::SyncEnds);
                }
            }
            "write" | "pwrite64" | "writev" if wal && !unfinished => {
                let written = last.rsplit("= ").next().unwrap();
                log_bytes += written.trim().parse::<u64>().unwrap();
            }
            "read" | "recvfrom" | "recvmsg" if last.contains("\"POST /v1/actions ") => {
                calls.push(Call::Request(connection(first)));
            }
            "write" | "writev" | "sendto" | "sendmsg"
                if begins && first.contains("HTTP/1.1 200") =>
            {
                calls.push(Call::Answer(connection(first)));
            }
            _ => {}
        }
    }
    calls
}

/// The connection in `name(9<TCP:[127.0.0.1:8471->127.0.0.1:5000]>, …`: its descriptor, which is open all the while.
fn connection(call: &str) -> String {
    let arguments = call.split_once('(').map_or("", |(_, more)| more);
    arguments.split('<').next().unwrap_or_default().to_owned()
}

/// The newest write-ahead log of the data folder, and how long it is.
fn write_ahead_log(folder: &Path) -> (PathBuf, u64) {
    let mut logs: Vec<PathBuf> = fs::read_dir(folder.join("db"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "log"))
        .collect();
    logs.sort();
    let newest = logs.pop().expect("a write-ahead log");
    let bytes = fs::metadata(&newest).unwrap().len();
    (newest, bytes)
}

fn world(server: &Server) -> (Tenant, Party) {
    let tenant = Tenant::ready(server, "north");
    let buyer = tenant.agent("buyer-1");
    let _ = buyer.buy("warm", 1).expect(200);
    (tenant, buyer)
}

/// One request alone: one sync, begun after it was read and ended before it was answered, whatever the verdict.
#[test]
fn one_request_costs_one_sync() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::start();
    let (_, buyer) = world(&server);
    let strace = Strace::of(&server, &scratch.path().join("trace"));
    for (number, cents) in [1, 600_000, 6_000_000, 1, 1].into_iter().enumerate() {
        let _ = buyer.buy(&format!("po-{number}"), cents).expect(200);
    }
    let calls = strace.end(0);
    let mut at = 0;
    for number in 0..5 {
        let here = &calls[at..];
        let asked = here
            .iter()
            .position(|call| matches!(call, Call::Request(_)))
            .unwrap_or_else(|| panic!("request {number} is not in the trace: {calls:?}"));
        let answered = here
            .iter()
            .position(|call| matches!(call, Call::Answer(_)))
            .unwrap_or_else(|| panic!("answer {number} is not in the trace: {calls:?}"));
        let between = &here[asked + 1..answered];
        assert!(
            matches!(between, [Call::SyncBegins(_), Call::SyncEnds]),
            "request {number}: {between:?}"
        );
        at += answered + 1;
    }
    let rest = &calls[at..];
    assert!(rest.is_empty(), "after the last answer: {rest:?}");
}

/// Many at once: each answer has a whole sync between its request and itself, and they share them.
#[test]
fn those_who_come_together_share_the_sync() {
    const AGENTS: usize = 8;
    const EACH: usize = 8;
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::start();
    let (tenant, _) = world(&server);
    let agents: Vec<Party> = (0..AGENTS)
        .map(|n| tenant.agent(&format!("many-{n}")))
        .collect();
    let strace = Strace::of(&server, &scratch.path().join("trace"));
    let threads: Vec<_> = agents
        .iter()
        .map(|agent| {
            let own = tenant.party(&agent.id, agent.client.key().clone());
            thread::spawn(move || {
                for number in 0..EACH {
                    let _ = own.buy(&format!("po-{number}"), 1).expect(200);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let calls = strace.end(0);
    let syncs = calls.iter().filter(|call| **call == Call::SyncEnds).count();
    let mut open: BTreeMap<&str, bool> = BTreeMap::new();
    let mut begun_for: BTreeSet<&str> = BTreeSet::new();
    let mut answers = 0;
    for call in &calls {
        match call {
            Call::Request(connection) => {
                open.insert(connection, false);
            }
            // Only what was asked before a sync began can be made durable by it.
            Call::SyncBegins(_) => begun_for = open.keys().copied().collect(),
            Call::SyncEnds => {
                for (connection, durable) in &mut open {
                    *durable |= begun_for.contains(connection);
                }
            }
            Call::Answer(connection) => {
                let durable = open.remove(connection.as_str());
                assert_eq!(durable, Some(true), "an answer before its sync: {calls:?}");
                answers += 1;
            }
        }
    }
    assert_eq!(answers, AGENTS * EACH, "{calls:?}");
    assert!(
        syncs < answers,
        "{syncs} syncs for {answers} answers: nothing is shared"
    );
    assert!(syncs > 0);
}

/// The power goes: of the write-ahead log only what was synced is left, and every answer is in it.
#[test]
fn what_was_synced_holds_every_answer() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("data");
    let mut server = Server::start_in(&folder);
    let (tenant, _) = world(&server);
    let agents: Vec<Party> = (0..4)
        .map(|n| tenant.agent(&format!("power-{n}")))
        .collect();
    let (log, bytes) = write_ahead_log(&folder);
    let strace = Strace::of(&server, &scratch.path().join("trace"));
    let threads: Vec<_> = agents
        .iter()
        .map(|agent| {
            let own = tenant.party(&agent.id, agent.client.key().clone());
            thread::spawn(move || {
                (0..6)
                    .map(|number| own.buy(&format!("po-{number}"), 1).expect(200))
                    .collect::<Vec<Value>>()
            })
        })
        .collect();
    let answers: Vec<Vec<Value>> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let calls = strace.end(bytes);
    server.kill();
    let (still, found) = write_ahead_log(&folder);
    assert_eq!(
        still, log,
        "a new log was begun meanwhile: this test writes too much"
    );
    let ended = calls
        .iter()
        .rposition(|call| *call == Call::SyncEnds)
        .expect("a sync");
    let synced = calls[..ended]
        .iter()
        .rev()
        .find_map(|call| match call {
            Call::SyncBegins(bytes) => Some(*bytes),
            _ => None,
        })
        .expect("its beginning");
    assert!(
        bytes < synced && synced <= found,
        "{bytes} {synced} {found}"
    );
    File::options()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(synced)
        .unwrap();

    server.go_on();
    for (agent, answers) in agents.iter().zip(&answers) {
        for (number, was) in answers.iter().enumerate() {
            let again = agent.buy(&format!("po-{number}"), 1).expect(200);
            assert_eq!(same(&again), same(was));
        }
    }
    let _ = audit(&server, &tenant);
    let _ = server.fsck().expect(0);
}
