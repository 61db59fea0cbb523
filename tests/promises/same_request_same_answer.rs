//! Goal: a retry is harmless and a copy is worthless, before and after a crash (AP-3 to AP-5, AP-15, RQ-28,
//! RQ-32). Method: every answer is asked for again with another nonce; every signed message is sent again as it
//! is; both once more after SIGKILL.

use std::{
    sync::{Arc, Barrier, Mutex},
    thread,
    time::Duration,
};

use agentsigna_tests::{
    client::{Call, now_ms, now_s},
    server::Server,
    tenant::{Party, Tenant, passport_of},
};
use agentsigna_verifier::{event::Body, passport::Passport, signed_request::Profile};
use serde_json::{Value, json};

use crate::audited::{audit, head, size};

/// Under this name the server is known whatever its port is: what was signed before a restart stays signed.
const NAME: &str = "api.agentsigna.test";

/// An answer without the proof: the Passport as registered.
pub(crate) fn same(answer: &Value) -> (Value, Option<Vec<u8>>) {
    let mut rest = answer.clone();
    let sealed = rest
        .as_object_mut()
        .unwrap()
        .remove("passport")
        .map(|_| Passport::parse(&passport_of(answer)).unwrap().registered());
    (rest, sealed)
}

fn named<'a>(party: &'a Party, body: &Value) -> Call<'a> {
    let mut call = party.client.call(Profile::Action, "/v1/actions").json(body);
    call.authority = NAME.to_owned();
    call
}

#[test]
fn a_retry_gives_the_same_case_and_the_same_sealed_bytes() {
    let mut server = Server::start();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let asked = [("yes", 125_000), ("perhaps", 600_000), ("no", 6_000_000)];
    let first: Vec<Value> = asked
        .iter()
        .map(|(name, cents)| buyer.buy(name, *cents).expect(200))
        .collect();
    let verdicts: Vec<&Value> = first.iter().map(|answer| &answer["verdict"]).collect();
    assert_eq!(verdicts, ["authorized", "escalated", "rejected"]);
    let before = size(&head(&tenant));

    for killed in [false, true] {
        if killed {
            server.kill();
            server.go_on();
        }
        for ((name, cents), first) in asked.iter().zip(&first) {
            let again = buyer.buy(name, *cents).expect(200);
            assert_eq!(same(&again), same(first), "killed: {killed}");
            // AP-4: another amount, or only another spelling of the same content.
            buyer.buy(name, cents + 1).refused(409, "request-conflict");
            let body = buyer.purchase(name, *cents).to_string();
            buyer
                .client
                .call(Profile::Action, "/v1/actions")
                .content("application/json", format!("{body} "))
                .send()
                .refused(409, "request-conflict");
            let read = buyer.case(first["case"].as_str().unwrap()).expect(200);
            assert_eq!(read["state"], first["state"]);
            assert_eq!(read["index"], first["index"]);
        }
    }
    // AP-5: no event was appended.
    assert_eq!(size(&head(&tenant)), before);
    let log = audit(&server, &tenant);
    for first in &first {
        let case = first["case"].as_str().unwrap();
        assert_eq!(log.sealed(case), same(first).1);
    }
    let _ = server.fsck().expect(0);
}

#[test]
fn a_copy_is_refused_also_after_a_crash() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("data");
    let mut server = Server::start_with(&folder, &["--authority", NAME], &[]);
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");

    let good = named(&buyer, &buyer.purchase("po-1", 1_000)).signed();
    let authorized = good.send().expect(200);
    good.send().refused(409, "replayed");
    // Refused for what it says; what it says may be true later, for whoever copied it.
    let mut early = buyer.purchase("po-2", 1_000);
    early["counterparty"] = "newcomer".into();
    let early = named(&buyer, &early).signed();
    early.send().refused(422, "unknown-counterparty");
    tenant.counterparty("newcomer");
    early.send().refused(409, "replayed");
    // The same nonce for something else, whatever else: before the content is looked at.
    let mut call = named(&buyer, &buyer.purchase("po-1", 2_000));
    call.nonce = Some("nonce-nonce-nonce-nonce".to_owned());
    call.signed().send().refused(409, "request-conflict");
    let mut call = named(&buyer, &buyer.purchase("po-3", 1_000));
    call.nonce = Some("nonce-nonce-nonce-nonce".to_owned());
    call.life_s -= 10;
    call.signed().send().refused(409, "replayed");
    let mut act = tenant
        .founder
        .call(Profile::Founder, "/v1/counterparties/acme")
        .json(
            &json!({ "origin": tenant.origin(), "counterparty": "acme", "status": "watch",
                       "risk": "low", "payment_details_changed": false }),
        );
    act.authority = NAME.to_owned();
    let act = act.signed();
    act.send().expect(200);
    act.send().refused(409, "replayed");
    let mut read = buyer.client.call(Profile::Read, "/v1/log");
    read.authority = NAME.to_owned();
    let read = read.signed();
    read.send().expect(200);
    read.send().refused(409, "replayed");

    server.kill();
    server.go_on();
    for copy in [&good, &early, &act] {
        copy.send().refused(409, "replayed");
    }
    // Nonces of reads are not kept: what was signed before the start is not read any more.
    read.send().refused(401, "signature-before-start");
    let log = audit(&server, &tenant);
    let cases = log
        .entries
        .iter()
        .filter(|(_, event)| matches!(event.body, Body::ActionRequested(_)));
    assert_eq!(cases.count(), 1);
    assert_eq!(
        same(&buyer.buy("po-1", 1_000).expect(200)),
        same(&authorized)
    );
    let _ = server.fsck().expect(0);
}

/// AP-15: a read that was signed ahead of the clock has an answer no earlier than it says, and so none after a crash.
#[test]
fn a_read_from_ahead_of_the_clock_is_no_second_read_after_a_crash() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("data");
    let mut server = Server::start_with(&folder, &["--authority", NAME], &[]);
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let ahead = |party: &Party| {
        let mut read = party.client.call(Profile::Read, "/v1/log");
        read.authority = NAME.to_owned();
        read.created_s = now_s() + 4;
        (read.created_s, read.signed().bytes())
    };

    let (created_s, read) = ahead(&buyer);
    let held = {
        let (own, read) = (buyer.client.clone(), read.clone());
        thread::spawn(move || (own.send_raw(&read).unwrap(), now_ms()))
    };
    thread::sleep(Duration::from_millis(500));
    // Whoever copied it hears so at once, also while the first is held.
    let copied = buyer.client.send_raw(&read).unwrap();
    copied.refused(409, "replayed");
    assert!(now_s() < created_s, "too slow a machine for this test");
    let (answer, answered_ms) = held.join().unwrap();
    answer.expect(200);
    assert!(answered_ms >= created_s * 1000, "{answered_ms} {created_s}");

    // The worst moment for a crash is right after the answer.
    server.kill();
    server.go_on();
    let copied = buyer.client.send_raw(&read).unwrap();
    copied.refused(401, "signature-before-start");

    // AP-11: those that are held have a place among those that wait, and end with the server.
    let (start, held) = (Barrier::new(5), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..5 {
            let own = buyer.client.clone();
            let (_, read) = ahead(&buyer);
            let (start, held) = (&start, &held);
            scope.spawn(move || {
                start.wait();
                let answer = own.send_raw(&read).unwrap();
                held.lock().unwrap().push((answer.status, answer.code()));
            });
        }
        thread::sleep(Duration::from_secs(1));
        assert_eq!(server.stop(), 0);
    });
    let mut held = held.into_inner().unwrap();
    held.sort();
    let mut expected = vec![(429, "too-many-waiting".to_owned())];
    expected.extend(vec![(503, "stopping".to_owned()); 4]);
    assert_eq!(held, expected);
}

#[test]
fn sixteen_at_once_are_one_case() {
    let server = Server::start();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");
    let start = Arc::new(Barrier::new(16));
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let (start, own) = (
                Arc::clone(&start),
                tenant.party("buyer-1", buyer.client.key().clone()),
            );
            thread::spawn(move || {
                start.wait();
                same(&own.buy("po-1", 125_000).expect(200))
            })
        })
        .collect();
    let answers: Vec<_> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert!(answers[0].1.is_some());
    let log = audit(&server, &tenant);
    let asked = log
        .entries
        .iter()
        .filter(|(_, event)| matches!(event.body, Body::ActionRequested(_)));
    assert_eq!(asked.count(), 1);
}
