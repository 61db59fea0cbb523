//! Goal: the loop of spec/agent-api.md §1 works from the founder to the Passport, over the real programs.
//! Method: a founded tenant, one request of each verdict, what came back judged by the verifier.

use agentsigna_tests::{
    client::now_ms,
    server::Server,
    tenant::{Tenant, passport_of},
};
use agentsigna_verifier::{
    time::UnixMillis,
    verify::{Question, verify},
};

#[test]
fn an_agent_that_may_gets_a_passport() {
    let server = Server::start();
    let tenant = Tenant::ready(&server, "north");
    let buyer = tenant.agent("buyer-1");

    let authorized = buyer.buy("po-1", 125_000).expect(200);
    assert_eq!(authorized["verdict"], "authorized", "{authorized}");
    let question = Question {
        at: UnixMillis::new(now_ms()),
        pinned: true,
        expects_authority: true,
    };
    let report = verify(&passport_of(&authorized), &tenant.trusted(&[]), &question);
    assert_eq!(report.outcome().as_str(), "VALID", "{:?}", report.outcome());

    let escalated = buyer.buy("po-2", 600_000).expect(200);
    assert_eq!(escalated["verdict"], "escalated", "{escalated}");
    assert!(escalated["passport"].is_null(), "{escalated}");
    let rejected = buyer.buy("po-3", 6_000_000).expect(200);
    assert_eq!(rejected["verdict"], "rejected", "{rejected}");
    assert!(rejected["passport"].is_null(), "{rejected}");

    for (case, authority) in [(&authorized, true), (&rejected, false)] {
        let file = buyer.case_file(case["case"].as_str().unwrap());
        let question = Question {
            expects_authority: authority,
            ..question
        };
        let report = verify(&file, &tenant.trusted(&[]), &question);
        assert_eq!(report.outcome().as_str(), "VALID", "{:?}", report.outcome());
    }
    let fsck = server.fsck();
    assert_eq!(fsck.status, 0, "{fsck:?}");
}
