//! Goal: what was answered is there for ever, whenever the process dies (A12, A14, A44, AP-9, L34). Method: twenty
//! rounds of load, SIGKILL at a random moment, a start; then every answer is asked for again, and at the end the
//! whole log is audited and every answer found in it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use agentsigna_tests::{
    keys,
    server::Server,
    tenant::{Party, Tenant},
};
use serde_json::Value;

use crate::{
    audited::{audit, head},
    same_request_same_answer::same,
};

const ROUNDS: usize = 20;
const AGENTS: usize = 4;
/// Answers that are asked for again after each crash, of each agent: the last ones.
const ASKED_AGAIN: usize = 4;

/// SplitMix64, from a printed seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % below
    }
}

/// A request that was answered.
struct Answered {
    request_id: String,
    cents: u64,
    answer: Value,
}

/// Authorized, escalated and rejected in turn.
fn cents(number: usize) -> u64 {
    [1, 600_000, 1, 6_000_000][number % 4]
}

fn load(agent: &Party, round: usize, stop: &AtomicBool) -> Vec<Answered> {
    let mut answered = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (request_id, cents) = (format!("r{round}-{number}"), cents(number));
        let call = agent
            .client
            .call(
                agentsigna_verifier::signed_request::Profile::Action,
                "/v1/actions",
            )
            .json(&agent.purchase(&request_id, cents));
        match call.signed().try_send() {
            Ok(answer) if answer.status == 200 => answered.push(Answered {
                request_id,
                cents,
                answer: answer.json(),
            }),
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => break,
        }
    }
    answered
}

#[test]
#[expect(clippy::print_stdout, reason = "a failure prints its seed")]
fn kill_9_loses_nothing() {
    let seed = u64::from_le_bytes(keys::random());
    println!("seed {seed}");
    let mut dice = Dice(seed);
    let mut server = Server::start();
    let tenant = Tenant::ready(&server, "north");
    let agents: Vec<Party> = (0..AGENTS)
        .map(|n| tenant.agent(&format!("buyer-{n}")))
        .collect();
    let mut heads = vec![head(&tenant)];
    let mut answered: Vec<(usize, Answered)> = Vec::new();
    for round in 0..ROUNDS {
        let stop = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = agents
            .iter()
            .map(|agent| {
                let own = tenant.party(&agent.id, agent.client.key().clone());
                let stop = Arc::clone(&stop);
                thread::spawn(move || load(&own, round, &stop))
            })
            .collect();
        thread::sleep(Duration::from_millis(dice.roll(400)));
        // A head that was shown under load binds the log as every answer does.
        heads.push(head(&tenant));
        thread::sleep(Duration::from_millis(dice.roll(100)));
        server.kill();
        stop.store(true, Ordering::Relaxed);
        let mut of_this_round = Vec::new();
        for (agent, thread) in threads.into_iter().enumerate() {
            let mut own = thread.join().unwrap();
            let old = own.len().saturating_sub(ASKED_AGAIN);
            of_this_round.extend(own.drain(old..).map(|answered| (agent, answered)));
            answered.extend(own.into_iter().map(|answered| (agent, answered)));
        }
        server.go_on();
        for (agent, was) in &of_this_round {
            let again = agents[*agent].buy(&was.request_id, was.cents).expect(200);
            assert_eq!(
                same(&again),
                same(&was.answer),
                "seed {seed}, round {round}"
            );
        }
        answered.append(&mut of_this_round);
        let _ = server.fsck().expect(0);
    }
    assert!(
        answered.len() > ROUNDS,
        "only {} answers: nothing was killed under load",
        answered.len()
    );
    let log = audit(&server, &tenant);
    for note in &heads {
        log.extends(&tenant, note);
    }
    for (_, was) in &answered {
        let case = was.answer["case"].as_str().unwrap();
        assert_eq!(log.sealed(case), same(&was.answer).1, "seed {seed}: {case}");
        let events = log.case(case).len();
        let expected = match was.answer["verdict"].as_str() {
            Some("rejected") => 2,
            _ => 3,
        };
        assert_eq!(events, expected, "seed {seed}: {case}");
    }
}
