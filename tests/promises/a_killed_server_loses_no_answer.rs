//! Goal: nothing is answered before it is durable (AP-9), and what was answered is answered the same for ever
//! (AP-5).
//! Method: SIGKILL while eight agents ask as fast as they can, three times on the same folder; then every
//! answer that anybody got is asked for again, the rows are compared with the entries, and the log is audited.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use agentsigna_tests::{
    keys::Key,
    programs,
    server::Server,
    tenant::{Party, Tenant, passport_of},
};
use agentsigna_verifier::{passport::Passport, signed_request::Profile};
use serde_json::Value;

const AGENTS: usize = 8;
const ROUNDS: u64 = 3;

/// An answer that arrived.
struct Heard {
    agent: usize,
    request: Value,
    answer: Value,
}

/// Each agent asks for one thing after the other until the server is gone.
fn ask_until_gone(agents: &[Party], round: u64, over: &AtomicBool) -> Vec<Heard> {
    thread::scope(|scope| {
        let threads: Vec<_> = agents
            .iter()
            .enumerate()
            .map(|(agent, party)| {
                scope.spawn(move || {
                    let mut heard = Vec::new();
                    for count in 0_u64.. {
                        // One in eight is rejected, one in eight waits for people.
                        let cents = [1, 1, 6_000_000, 1, 1, 600_000, 1, 1]
                            [usize::try_from(count % 8).unwrap()];
                        let request = party.purchase(&format!("r{round}-{count}"), cents);
                        let call = party
                            .client
                            .call(Profile::Action, "/v1/actions")
                            .json(&request);
                        match call.signed().try_send() {
                            Ok(answer) if answer.status == 200 => heard.push(Heard {
                                agent,
                                request,
                                answer: answer.json(),
                            }),
                            Ok(answer) => panic!("{} `{}`", answer.status, answer.text()),
                            Err(error) => {
                                assert!(over.load(Ordering::SeqCst), "{error}");
                                return heard;
                            }
                        }
                    }
                    heard
                })
            })
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap());
        ended.flatten().collect()
    })
}

#[test]
fn a_killed_server_loses_no_answer() {
    let mut server = Server::start();
    let tenant = Tenant::ready(&server, "north");
    let agents: Vec<Party> = (0..AGENTS)
        .map(|number| tenant.agent_with(&format!("buyer-{number}"), 2, Some(15), Key::generate()))
        .collect();
    let mut heard = Vec::new();
    for round in 0..ROUNDS {
        let over = AtomicBool::new(false);
        heard.extend(thread::scope(|scope| {
            let asking = scope.spawn(|| ask_until_gone(&agents, round, &over));
            thread::sleep(Duration::from_millis(700 + 110 * round));
            over.store(true, Ordering::SeqCst);
            server.kill();
            asking.join().unwrap()
        }));
        server.go_on();
    }
    assert!(heard.len() > AGENTS, "{} answers in all", heard.len());

    for Heard {
        agent,
        request,
        answer,
    } in &heard
    {
        let again = agents[*agent].ask(request).expect(200);
        for member in [
            "case",
            "verdict",
            "rules",
            "state",
            "index",
            "expires_at",
            "review",
        ] {
            assert_eq!(again[member], answer[member], "{member} of {request}");
        }
        if answer["verdict"] == "authorized" {
            let sealed = |answer| Passport::parse(&passport_of(answer)).unwrap().registered();
            assert_eq!(sealed(&again), sealed(answer), "{request}");
        }
    }
    let fsck = server.fsck();
    assert_eq!(fsck.status, 0, "{fsck:?}");
    let scratch = tempfile::tempdir().unwrap();
    let (log, trust) = (
        scratch.path().join("log"),
        scratch.path().join("trust.json"),
    );
    let exported = server.export("north", &log);
    assert_eq!(exported.status, 0, "{exported:?}");
    tenant.write_trust(&trust, &[]);
    let _ = programs::verify_ledger(&log, &trust, &["--replay"]).expect(0);
}
