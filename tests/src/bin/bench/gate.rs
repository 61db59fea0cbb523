//! What a gate costs, and how fast a log is judged again.

use std::{path::Path, time::Instant};

use agentsigna_tests::{
    client::Client,
    gate::{Gate, Order, Setup, TargetSystem},
    programs,
    server::{Door, Server},
    tenant::{Party, TARGET, Tenant, passport_of},
    wire::{self, Connection},
};

/// Calls, each with a Passport of its own.
const CALLS: usize = 300;

/// Microseconds of one call, at the median.
pub(crate) struct Calls {
    /// Straight to the target system.
    pub(crate) direct_us: f64,
    /// Through the gate.
    pub(crate) gated_us: f64,
    /// Of the gate alone, from the last byte of the call to the admission; the mean.
    pub(crate) gate_us: f64,
}

/// One caller, one call after the other, over connections that are kept.
pub(crate) fn calls(tenant: &Tenant, agent: &Party, folder: &Path) -> Calls {
    let system = TargetSystem::start();
    let gate = Gate::start(&Setup {
        folder,
        trust: &tenant.trust(&[TARGET]),
        upstream: &system.url(),
        state: &folder.join("gate"),
        platform: None,
    });
    let passports: Vec<_> = (0..CALLS)
        .map(|number| {
            let name = format!("gate-{number}");
            let answer = agent.buy(&name, 100).expect(200);
            (Order::of(&name, 100), passport_of(&answer))
        })
        .collect();
    let client = Client::new(gate.door(), agent.client.key().clone());
    let gated = passports.iter().map(|(order, passport)| {
        // Signing is the caller's, and is not timed.
        let signed = order.call(&client, passport).signed();
        let since = Instant::now();
        let answer = signed.send();
        let took = since.elapsed();
        assert_eq!(answer.status, 201, "{answer:?}");
        took.as_secs_f64() * 1e6
    });
    let gated_us = median(gated.collect());
    let door = Door::to(system.url().trim_start_matches("http://"));
    let mut connection = Connection::open(&*door.address()).expect("the target system");
    let direct = passports.iter().map(|(order, passport)| {
        let signed = order.call(&client, passport).signed();
        let bytes = wire::encode(&signed.start, &signed.headers, &signed.body);
        let since = Instant::now();
        connection.send(&bytes).expect("a call");
        let answer = connection.receive().expect("an answer").expect("an answer");
        assert!(answer.start.contains("201"), "{answer:?}");
        since.elapsed().as_secs_f64() * 1e6
    });
    let direct_us = median(direct.collect());
    let seconds: f64 = gate
        .numbers()
        .lines()
        .find_map(|line| {
            line.strip_prefix("agentsigna_gate_seconds_sum ")?
                .parse()
                .ok()
        })
        .expect("the gate's own time");
    Calls {
        direct_us,
        gated_us,
        gate_us: seconds * 1e6 / CALLS as f64,
    }
}

/// A log, exported and judged by the program: seconds without and with every verdict made again.
pub(crate) fn replay(server: &Server, tenant: &Tenant, folder: &Path) -> [f64; 2] {
    let to = folder.join("export");
    let ended = server.export(&tenant.name, &to);
    assert_eq!(ended.status, 0, "{ended:?}");
    let trust = folder.join("trust.json");
    tenant.write_trust(&trust, &[]);
    let run = |more: &[&str]| {
        let since = Instant::now();
        let ended = programs::verify_ledger(&to, &trust, more);
        assert_eq!(ended.status, 0, "{ended:?}");
        since.elapsed().as_secs_f64()
    };
    [run(&[]), run(&["--replay"])]
}

fn median(mut each: Vec<f64>) -> f64 {
    each.sort_unstable_by(f64::total_cmp);
    each[each.len() / 2]
}
