//! Goal: a key or a tenant that is over its rate hears so, changes nothing by it, and costs nobody else anything
//! (AP-14). Method: small rates in the settings of a real server; more requests than they allow.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use agentsigna_tests::{
    client::{Answer, Client},
    keys::Key,
    server::Server,
    tenant::{Party, Tenant},
};
use agentsigna_verifier::{event::Body, signed_request::Profile};
use serde_json::{Value, json};

use crate::audited::audit;

struct World {
    server: Server,
    north: Tenant,
    buyer: Party,
    other: Party,
    south: Party,
}

/// Two tenants, set up at the rates of the page; then served at `rates`.
fn served_at(rates: &Value) -> World {
    let mut server = Server::start();
    let north = Tenant::ready(&server, "north");
    let south = Tenant::ready(&server, "south");
    let (buyer, other) = (north.agent("buyer-1"), north.agent("buyer-2"));
    let south = south.agent("buyer-1");
    assert_eq!(server.stop(), 0);
    server.set("rates", rates.clone());
    server.go_on();
    World {
        server,
        north,
        buyer,
        other,
        south,
    }
}

#[track_caller]
fn limited(answer: &Answer) {
    answer.refused(429, "rate-limited");
    assert_eq!(answer.header("retry-after"), Some("1"), "{answer:?}");
}

/// Cases of `agent` in the log.
fn cases(world: &World, agent: &str) -> Vec<String> {
    let log = audit(&world.server, &world.north);
    let asked = log
        .entries
        .iter()
        .filter_map(|(_, event)| match &event.body {
            Body::ActionRequested(body) if body.agent.as_str() == agent => {
                Some(body.request_id.to_string())
            }
            // AP-14: not a failure of anybody to prove who asks.
            Body::AuthFailed(failed) => {
                assert_ne!(failed.reason, "rate-limited");
                None
            }
            _ => None,
        });
    asked.collect()
}

/// AP-14: a key over its rate.
#[test]
fn a_key_over_its_rate_is_refused_and_no_other() {
    let rates = json!({ "key": { "per_s": 1, "burst": 3 } });
    let world = served_at(&rates);
    // Whatever others send in its name spends nothing: forged, or copied.
    let body = world.buyer.purchase("first", 1_000);
    let call = world.buyer.client.call(Profile::Action, "/v1/actions");
    let first = call.json(&body).signed();
    for _ in 0..10 {
        let mut forged = first.header("Signature").unwrap().to_owned();
        forged.replace_range(5..9, "AAAA");
        let call = world.buyer.client.call(Profile::Action, "/v1/actions");
        let mut call = call.json(&body).signed();
        call.set("Signature", &forged);
        call.send().refused(401, "signature-wrong");
    }
    first.send().expect(200);
    for _ in 0..10 {
        first.send().refused(409, "replayed");
    }
    let read = world.buyer.client.call(Profile::Read, "/v1/log").signed();
    read.send().expect(200);
    for _ in 0..10 {
        read.send().refused(409, "replayed");
    }
    world.buyer.buy("second", 1_000).expect(200);

    // Acts and reads of the key are refused from here on, but for one in a second.
    let since = Instant::now();
    let (mut passed, mut refused) = (vec!["first".to_owned(), "second".to_owned()], Vec::new());
    for number in 0..20 {
        let name = format!("n-{number}");
        let call = world.buyer.client.call(Profile::Action, "/v1/actions");
        let call = call.json(&world.buyer.purchase(&name, 1_000)).signed();
        let answer = call.send();
        if answer.status == 200 {
            passed.push(name);
        } else {
            limited(&answer);
            limited_or_good(&world.buyer.client.read("/v1/log"));
            refused.push((name, call));
        }
    }
    // Three at once and one a second, of which some were spent above.
    let most = 3 + usize::try_from(since.elapsed().as_secs()).unwrap() + 2;
    assert!(passed.len() <= most, "{passed:?} in {most}");
    assert!(refused.len() >= 10, "{}", refused.len());
    // Nobody else is over their rate.
    world.other.buy("other", 1_000).expect(200);
    world.south.buy("other", 1_000).expect(200);
    world.north.founder.read("/v1/log").expect(200);
    // Refused is not done: no case, no nonce. After the second that was asked for, it can be.
    assert_eq!(cases(&world, "buyer-1"), passed);
    thread::sleep(Duration::from_secs(1));
    let (name, call) = refused.pop().unwrap();
    call.send().expect(200);
    passed.push(name);
    assert_eq!(cases(&world, "buyer-1"), passed);
}

#[track_caller]
fn limited_or_good(answer: &Answer) {
    if answer.status != 200 {
        limited(answer);
    }
}

/// AP-14: a tenant over its rate, with each of its keys far below its own.
#[test]
fn a_tenant_over_its_rate_slows_down_no_other() {
    let rates = json!({ "tenant": { "per_s": 1, "burst": 6 } });
    let world = served_at(&rates);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let busy: Vec<_> = [&world.buyer, &world.other]
            .into_iter()
            .map(|party| {
                let over = &over;
                scope.spawn(move || {
                    let mut refused = 0;
                    for number in 0.. {
                        if over.load(Ordering::Relaxed) && refused > 0 {
                            break;
                        }
                        let answer = party.buy(&format!("n-{number}"), 1_000);
                        if answer.status != 200 {
                            limited(&answer);
                            refused += 1;
                        }
                    }
                    refused
                })
            })
            .collect();
        let since = Instant::now();
        for number in 0..5 {
            world.south.buy(&format!("n-{number}"), 1_000).expect(200);
        }
        assert!(since.elapsed() < Duration::from_secs(10));
        // A stranger, and a claim, are answered as ever: they have no rate.
        let stranger = Client::new(world.server.door(), Key::generate());
        stranger.read("/v1/log").refused(401, "key-unknown");
        world
            .north
            .claim("nobody", "AAAAAAAAAAAAAAAAAAAAAA", &Key::generate())
            .refused(403, "wrong-code");
        over.store(true, Ordering::Relaxed);
        for thread in busy {
            assert!(thread.join().unwrap() > 0);
        }
    });
    limited_or_good(&world.north.founder.read("/v1/log"));
    let _ = cases(&world, "buyer-1");
}

/// LI-2: a rate that cannot be is refused at the start, with its name.
#[test]
fn a_rate_that_cannot_be_is_refused_at_the_start() {
    let mut server = Server::start();
    assert_eq!(server.stop(), 0);
    for (rates, said) in [
        (
            json!({ "key": { "per_s": 0, "burst": 1 } }),
            "`per_s` of a rate is 0",
        ),
        (
            json!({ "tenant": { "per_s": 1, "burst": 1_000_001 } }),
            "`burst` of a rate is 1000001",
        ),
        (json!({ "off": true }), "unknown field `off`"),
    ] {
        server.set("rates", rates);
        let why = server.go().unwrap_err();
        assert!(why.contains(said), "{why}");
    }
    server.set("rates", json!({}));
    server.go_on();
}
