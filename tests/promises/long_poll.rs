//! Goal: who waits hears of the end, and a review ends by itself (AP-11, L10, L23, L27). Method: the shortest time a
//! policy may give, one minute, is waited for; so one test here takes that long.

use std::{
    thread,
    time::{Duration, Instant},
};

use agentsigna_tests::{
    client::now_ms,
    server::Server,
    tenant::{Party, Tenant},
};
use agentsigna_verifier::{
    case_file::CaseFile,
    event::Body,
    time::UnixMillis,
    verify::{Outcome, Question, verify},
};

use crate::audited::audit;

const POLICY: &str = r#"@id("grant.all") @title("All") permit(principal, action, resource);
@id("esc.all") @title("All") @escalate("always") @sla("PT1M") forbid(principal, action, resource);"#;

fn world(server: &Server) -> (Tenant, Party, String) {
    let tenant = Tenant::ready(server, "north");
    let _ = tenant.policy(POLICY);
    let buyer = tenant.agent("buyer-1");
    let asked = buyer.buy("po-1", 1_000).expect(200);
    assert_eq!(asked["verdict"], "escalated", "{asked}");
    assert_eq!(asked["state"], "in-review");
    let case = asked["case"].as_str().unwrap().to_owned();
    (tenant, buyer, case)
}

/// A read that waits, on a connection of its own.
fn waiter(
    tenant: &Tenant,
    buyer: &Party,
    case: &str,
    seconds: u64,
) -> thread::JoinHandle<(agentsigna_tests::client::Answer, Duration)> {
    let own = tenant.party("buyer-1", buyer.client.key().clone());
    let path = format!("/v1/cases/{case}?wait={seconds}");
    thread::spawn(move || {
        let since = Instant::now();
        (own.client.read(&path), since.elapsed())
    })
}

#[test]
fn ap_11_waiting_ends_with_the_review_after_one_minute() {
    let server = Server::start();
    let (tenant, buyer, case) = world(&server);
    // At its limit: the case as it is.
    let since = Instant::now();
    let waited = buyer.case(&format!("{case}?wait=2")).expect(200);
    assert!(since.elapsed() >= Duration::from_secs(2));
    assert_eq!(waited["state"], "in-review");
    // What does not wait is answered at once, also with other entries coming in.
    assert_eq!(
        buyer.case(&format!("{case}?wait=0")).expect(200)["state"],
        "in-review"
    );

    thread::sleep(Duration::from_secs(14));
    let waiters: Vec<_> = (0..4).map(|_| waiter(&tenant, &buyer, &case, 50)).collect();
    thread::sleep(Duration::from_secs(5));
    // The fifth has no place; who does not wait needs none, and another reader has places of its own.
    let fifth = buyer.case(&format!("{case}?wait=1"));
    fifth.refused(429, "too-many-waiting");
    assert!(fifth.header("retry-after").is_some());
    assert_eq!(buyer.case(&case).expect(200)["state"], "in-review");
    let founder = tenant.founder.read(&format!("/v1/cases/{case}?wait=1"));
    assert_eq!(founder.expect(200)["state"], "in-review");
    // An entry that does not concern the case ends nobody's wait.
    tenant.counterparty("other");

    for waiter in waiters {
        let (answer, waited) = waiter.join().unwrap();
        let answer = answer.expect(200);
        assert_eq!(answer["state"], "expired", "after {waited:?}: {answer}");
        assert_eq!(answer["verdict"], "escalated");
    }
    // A case that is over is not waited for, and gives its places back.
    assert_eq!(
        buyer.case(&format!("{case}?wait=50")).expect(200)["state"],
        "expired"
    );
    // Never an approval: there is no Passport, and the file proves the end to a stranger.
    let path = format!("/v1/cases/{case}/passport");
    buyer.client.read(&path).refused(404, "not-found");
    let file = buyer.case_file(&case);
    let question = Question {
        at: UnixMillis::new(now_ms()),
        pinned: true,
        expects_authority: false,
    };
    let report = verify(&file, &tenant.trusted(&[]), &question);
    assert_eq!(report.outcome(), &Outcome::Valid, "{:?}", report.checks());
    assert!(CaseFile::parse(&file).unwrap().passport().is_none());
    let asked_for = Question {
        expects_authority: true,
        ..question
    };
    let report = verify(&file, &tenant.trusted(&[]), &asked_for);
    assert!(matches!(report.outcome(), Outcome::Refused(_)));
    let log = audit(&server, &tenant);
    let events = log.case(&case);
    assert_eq!(events.len(), 4);
    let opened = match &events[2].body {
        Body::ReviewOpened(opened) => opened.deadline,
        other => panic!("{other:?}"),
    };
    match &events[3].body {
        Body::CaseExpired(expired) => assert_eq!(expired.deadline, opened),
        other => panic!("{other:?}"),
    }
    assert!(events[3].decided_at >= opened);
    let _ = server.fsck().expect(0);
}

#[test]
fn ap_11_waiting_ends_when_the_server_stops() {
    let mut server = Server::start();
    let (tenant, buyer, case) = world(&server);
    let waiting = waiter(&tenant, &buyer, &case, 50);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(server.stop(), 0);
    let (answer, _) = waiting.join().unwrap();
    assert_eq!(answer.expect(200)["state"], "in-review");
    server.go_on();
    assert_eq!(buyer.case(&case).expect(200)["state"], "in-review");
}
