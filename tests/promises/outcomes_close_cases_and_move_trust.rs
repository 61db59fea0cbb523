//! Goal: what became of a permission is said by whom it may be said, closes its case, frees what was exposed, and is
//! weighed by the next decision (L31, OC-1 to OC-8, SD-6, SD-8, AP-16, AP-17). Method: a target, the founder and people
//! with devices in memory, over HTTP; each rule broken once; the whole log audited by the program of strangers, every
//! verdict made again.

use std::fs;

use agentsigna_tests::{
    client::Answer,
    keys::Key,
    programs,
    server::Server,
    tenant::{Party, SUPPLIER, TARGET, Tenant, passport_of},
};
use agentsigna_verifier::{
    event::{Body, cti_to_hex},
    passport::Passport,
    signed_request::Profile,
};
use serde_json::{Value, json};

use crate::{
    at_the_portal::Person,
    audited::{Log, audit},
};

/// Policy lets everything through that is below 50,000.00: what asks for people is the product's own rules.
const POLICY: &str = r#"@id("grant.purchase") @title("Agents buy from approved suppliers")
permit(principal, action == Agentsigna::Action::"purchase", resource)
when { resource.status == "approved" };
"#;

struct World {
    server: Server,
    tenant: Tenant,
    erp: Party,
    buyer: Party,
}

impl World {
    fn new() -> Self {
        let server = Server::start_with_people();
        let tenant = Tenant::found(&server, "north");
        let erp = tenant.system(TARGET);
        tenant.counterparty(SUPPLIER);
        let _ = tenant.policy(POLICY);
        let buyer = tenant.agent("buyer-1");
        Self {
            server,
            tenant,
            erp,
            buyer,
        }
    }

    /// A case that policy authorized, and the `cti` of its Passport.
    fn authorized(&self, request: &str, cents: u64) -> (String, String) {
        let answer = self.buyer.buy(request, cents).expect(200);
        assert_eq!(answer["verdict"], "authorized", "{answer}");
        let passport = Passport::parse(&passport_of(&answer)).unwrap();
        let case = answer["case"].as_str().unwrap().to_owned();
        (case, cti_to_hex(&passport.claims().cti))
    }

    fn state(&self, case: &str) -> Value {
        self.buyer.case(case).expect(200)["state"].clone()
    }
}

fn by(party: &Party, path: &str, mut body: Value) -> Answer {
    body["origin"] = party.origin.clone().into();
    party.client.act(Profile::Action, path, &body)
}

fn started(party: &Party, case: &str, cti: &str) -> Answer {
    by(party, "/v1/executions", json!({ "case": case, "passport": cti }))
}

/// The members of an outcome.
fn outcome(case: &str, outcome: &str, fault: Option<&str>) -> Value {
    let mut body = json!({ "case": case, "outcome": outcome, "reason": "as delivered" });
    if let Some(fault) = fault {
        body["fault"] = fault.into();
    }
    body
}

fn resolution(case: &str, result: &str, fault: Option<&str>) -> Value {
    let mut body = json!({ "case": case, "result": result, "reason": "looked into" });
    if let Some(fault) = fault {
        body["fault"] = fault.into();
    }
    body
}

fn kinds(log: &Log, case: &str) -> Vec<&'static str> {
    log.case(case).iter().map(|event| event.body.kind()).collect()
}

/// OC-1, AP-16: the target begins and ends; told again, it hears the same, and nothing is written.
#[test]
fn the_target_says_what_became_of_it() {
    let world = World::new();
    let (case, cti) = world.authorized("po-1", 1_000);
    let report = |outcome_: &str| by(&world.erp, "/v1/outcomes", outcome(&case, outcome_, None));
    let wrong = "0".repeat(32);
    started(&world.erp, &case, &wrong).refused(409, "passport-mismatch");
    let first = started(&world.erp, &case, &cti).expect(200);
    assert_eq!(first["state"], "executing");
    let again = started(&world.erp, &case, &cti).expect(200);
    assert_eq!(again, first);
    started(&world.erp, &case, &wrong).refused(409, "case-step");
    assert_eq!(world.state(&case), "executing");

    let done = report("completed").expect(200);
    assert_eq!(done["state"], "completed");
    assert_eq!(report("completed").expect(200), done);
    // A gate that comes late with its report hears of the case as it is.
    let late = started(&world.erp, &case, &cti).expect(200);
    assert_eq!((&late["state"], &late["index"]), (&json!("completed"), &first["index"]));
    report("rejected").refused(409, "case-step");
    let mut other = outcome(&case, "completed", None);
    other["reason"] = "in other words".into();
    by(&world.erp, "/v1/outcomes", other).refused(409, "case-step");

    // AP-5: the request is answered as it was, with the same Passport.
    let asked_again = world.buyer.buy("po-1", 1_000).expect(200);
    assert_eq!(asked_again["state"], "completed");
    let log = audit(&world.server, &world.tenant);
    assert_eq!(
        kinds(&log, &case),
        [
            "action.requested",
            "decision.made",
            "passport.issued",
            "execution.started",
            "outcome.recorded",
            "standing.changed",
            "standing.changed"
        ]
    );
    let last = log.entries.iter().rev().find(|(_, event)| event.place.is_some());
    assert_eq!(done["index"], last.unwrap().0.index);
    let sealed = Passport::parse(&passport_of(&asked_again)).unwrap();
    assert_eq!(Some(sealed.registered()), log.sealed(&case));
    let _ = world.server.fsck().expect(0);
}
