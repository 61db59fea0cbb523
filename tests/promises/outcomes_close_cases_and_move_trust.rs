//! Goal: what became of a permission is said by whom it may be said, closes its case, frees what was exposed, and is
//! weighed by the next decision (L31, OC-1 to OC-8, SD-6, SD-8, AP-16, AP-17). Method: a target, the founder and people
//! with devices in memory, over HTTP; each rule broken once; the whole log audited by the program of strangers, every
//! verdict made again.

use std::{
    collections::BTreeMap,
    fs,
    sync::{Arc, Barrier},
    thread,
};

use agentsigna_tests::{
    client::Answer,
    keys::Key,
    programs,
    server::Server,
    tenant::{Party, SUPPLIER, TARGET, Tenant, passport_of},
};
use agentsigna_verifier::{
    entry::CaseId,
    event::{Body, cti_to_hex},
    passport::Passport,
    signed_request::Profile,
};
use serde_json::{Value, json};

use crate::{
    at_the_portal::Person,
    audited::{Log, audit},
    people_approve_exactly_what_they_saw::judge,
};

/// Policy lets everything through that is below 50,000.00: what asks for people is the product's own rules.
const POLICY: &str = r#"@id("grant.purchase") @title("Agents buy from approved suppliers")
permit(principal, action == Agentsigna::Action::"purchase", resource)
when { resource.status == "approved" };
"#;

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) tenant: Tenant,
    pub(crate) erp: Party,
    pub(crate) buyer: Party,
}

impl World {
    pub(crate) fn new() -> Self {
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
    pub(crate) fn authorized(&self, request: &str, cents: u64) -> (String, String) {
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

pub(crate) fn by(party: &Party, path: &str, mut body: Value) -> Answer {
    body["origin"] = party.origin.clone().into();
    party.client.act(Profile::Action, path, &body)
}

pub(crate) fn started(party: &Party, case: &str, cti: &str) -> Answer {
    by(
        party,
        "/v1/executions",
        json!({ "case": case, "passport": cti }),
    )
}

/// The members of an outcome.
pub(crate) fn outcome(case: &str, outcome: &str, fault: Option<&str>) -> Value {
    let mut body = json!({ "case": case, "outcome": outcome, "reason": "as delivered" });
    if let Some(fault) = fault {
        body["fault"] = fault.into();
    }
    body
}

pub(crate) fn resolution(case: &str, result: &str, fault: Option<&str>) -> Value {
    let mut body = json!({ "case": case, "result": result, "reason": "looked into" });
    if let Some(fault) = fault {
        body["fault"] = fault.into();
    }
    body
}

fn kinds(log: &Log, case: &str) -> Vec<&'static str> {
    log.case(case)
        .iter()
        .map(|event| event.body.kind())
        .collect()
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
    assert_eq!(
        (&late["state"], &late["index"]),
        (&json!("completed"), &first["index"])
    );
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
    let last = log
        .entries
        .iter()
        .rev()
        .find(|(_, event)| event.place.is_some());
    assert_eq!(done["index"], last.unwrap().0.index);
    let sealed = Passport::parse(&passport_of(&asked_again)).unwrap();
    assert_eq!(Some(sealed.registered()), log.sealed(&case));
    let _ = world.server.fsck().expect(0);
}

/// OC-1, OC-2, AP-8, AP-16, AP-17: who may not, hears so; who may, is heard once.
#[test]
fn who_may_not_say_it_is_not_heard() {
    let world = World::new();
    let (server, tenant) = (&world.server, &world.tenant);
    let crm = tenant.system("crm");
    let other = tenant.agent("buyer-2");
    let south = Tenant::ready(server, "south");
    let stranger = south.system_with("erp-2", Key::generate());
    let person = |user, seed, roles: &[&str], groups: &[&str]| {
        Person::enrolled(server, tenant, user, seed, roles, groups)
    };
    let olga = person("olga", 1, &["operator"], &[]);
    // The sponsor of every agent here, in the very role.
    let dana = person("dana", 3, &["operator"], &[]);
    let ann = person("ann", 5, &["approver"], &["approvers"]);
    let gone = person("gone", 8, &["operator"], &[]);
    let (case, cti) = world.authorized("po-1", 1_000);
    let asks = world.tenant.agent_with("buyer-3", 2, None, Key::generate());
    let waits = asks.buy("po-2", 1_000).expect(200);
    assert_eq!(waits["state"], "in-review");
    let waits = waits["case"].as_str().unwrap().to_owned();

    let completed = || outcome(&case, "completed", None);
    // An agent, its own or another, under either profile.
    for agent in [&world.buyer, &other] {
        by(agent, "/v1/outcomes", completed()).refused(403, "caller-kind");
        started(agent, &case, &cti).refused(403, "caller-kind");
        let mut body = completed();
        body["origin"] = tenant.origin().into();
        let founders = agent.client.act(Profile::Founder, "/v1/outcomes", &body);
        founders.refused(403, "caller-kind");
    }
    // Another target hears what a stranger hears; so does a target of a case that is none.
    by(&crm, "/v1/outcomes", completed()).refused(404, "not-found");
    started(&crm, &case, &cti).refused(404, "not-found");
    by(&stranger, "/v1/outcomes", completed()).refused(404, "not-found");
    by(
        &world.erp,
        "/v1/outcomes",
        outcome(&"0".repeat(32), "completed", None),
    )
    .refused(404, "not-found");
    // A target under the founder's profile, the founder under the target's.
    let mut body = completed();
    body["origin"] = tenant.origin().into();
    let wrong = world
        .erp
        .client
        .act(Profile::Founder, "/v1/outcomes", &body);
    wrong.refused(403, "caller-kind");
    let wrong = tenant.founder.act(Profile::Action, "/v1/outcomes", &body);
    wrong.refused(403, "caller-kind");
    // A target resolves nothing, and says whose fault it was where it belongs.
    by(
        &world.erp,
        "/v1/disputes/resolve",
        resolution(&case, "dismissed", None),
    )
    .refused(401, "signature-tag");
    by(&world.erp, "/v1/outcomes", outcome(&case, "reversed", None)).refused(422, "json-missing");
    by(
        &world.erp,
        "/v1/outcomes",
        outcome(&case, "completed", Some("agent")),
    )
    .refused(422, "json-value");
    // Before there is a Passport.
    by(
        &world.erp,
        "/v1/outcomes",
        outcome(&waits, "completed", None),
    )
    .refused(409, "case-step");
    olga.act("/v1/outcomes", outcome(&waits, "completed", None))
        .refused(409, "case-step");
    // A dispute that is none.
    olga.act("/v1/disputes/resolve", resolution(&case, "dismissed", None))
        .refused(409, "case-step");
    // People: the sponsor, somebody without the role, somebody who is suspended.
    dana.act("/v1/outcomes", completed())
        .refused(409, "excluded");
    ann.act("/v1/outcomes", completed())
        .refused(403, "not-permitted");
    tenant
        .act(
            "/v1/users/gone/change",
            json!({ "user": "gone", "roles": ["operator"], "groups": [], "status": "suspended" }),
        )
        .expect(200);
    assert_eq!(gone.act("/v1/outcomes", completed()).status, 401);
    olga.act("/v1/executions", json!({ "case": case, "passport": cti }))
        .refused(404, "not-found");
    assert_eq!(world.state(&case), "issued");

    // Who may: reported, and counted when nobody disputed it for a week. Said twice, it is said once.
    let said = olga.act("/v1/outcomes", completed()).expect(200);
    assert_eq!(said["state"], "reported");
    assert_eq!(olga.act("/v1/outcomes", completed()).expect(200), said);
    olga.act("/v1/outcomes", outcome(&case, "rejected", None))
        .refused(409, "case-step");
    tenant
        .act("/v1/outcomes", completed())
        .refused(409, "case-step");
    // The founder's file key is people too.
    let (second, _) = world.authorized("po-3", 1_000);
    let by_founder = tenant.act("/v1/outcomes", outcome(&second, "rejected", None));
    assert_eq!(by_founder.expect(200)["state"], "declined");

    // A target that is suspended says nothing.
    let (third, cti) = world.authorized("po-4", 1_000);
    let suspended = json!({ "system": TARGET, "status": "suspended" });
    tenant.act("/v1/systems/erp/status", suspended).expect(200);
    started(&world.erp, &third, &cti).refused(409, "target-suspended");
    let log = audit(server, tenant);
    let recorded = log.entries.iter().filter(|(_, event)| {
        matches!(
            event.body,
            Body::OutcomeRecorded(_) | Body::ExecutionStarted(_)
        )
    });
    assert_eq!(recorded.count(), 2);
    let _ = server.fsck().expect(0);
}

/// L31, OC-5, SD-4, SD-6: the same request is authorized before a dispute is lost, and asks people after.
#[test]
fn l31_the_next_decision_weighs_what_became_of_the_last() {
    let world = World::new();
    let tenant = &world.tenant;
    let olga = Person::enrolled(&world.server, tenant, "olga", 1, &["operator"], &[]);
    let (case, cti) = world.authorized("po-1", 1_000);
    started(&world.erp, &case, &cti).expect(200);
    by(
        &world.erp,
        "/v1/outcomes",
        outcome(&case, "completed", None),
    )
    .expect(200);
    let _ = world.authorized("po-2", 1_000);

    let disputed = olga.act("/v1/outcomes", outcome(&case, "disputed", None));
    assert_eq!(disputed.expect(200)["state"], "disputed");
    // A dispute alone is no verdict.
    let _ = world.authorized("po-3", 1_000);
    let lost = resolution(&case, "lost", Some("agent"));
    let found = olga.act("/v1/disputes/resolve", lost.clone()).expect(200);
    assert_eq!(found["state"], "upheld");
    assert_eq!(olga.act("/v1/disputes/resolve", lost).expect(200), found);
    let after = world.buyer.buy("po-4", 1_000).expect(200);
    assert_eq!(after["verdict"], "escalated");
    assert_eq!(after["rules"], json!(["builtin.latitude"]));
    // What was authorized before stays so: a Passport is not taken back.
    assert_eq!(
        world.buyer.buy("po-2", 1_000).expect(200)["verdict"],
        "authorized"
    );

    // Another agent: a reversal by its fault ends what it was granted, without probation.
    let second = tenant.agent("buyer-2");
    let case_of = |answer: Answer| {
        let answer = answer.expect(200);
        assert_eq!(answer["verdict"], "authorized", "{answer}");
        answer["case"].as_str().unwrap().to_owned()
    };
    let undone = case_of(second.buy("po-1", 1_000));
    let nobodys = outcome(&undone, "reversed", Some("none"));
    by(&world.erp, "/v1/outcomes", nobodys).expect(200);
    let undone = case_of(second.buy("po-2", 1_000));
    by(
        &world.erp,
        "/v1/outcomes",
        outcome(&undone, "reversed", Some("agent")),
    )
    .expect(200);
    assert_eq!(
        second.buy("po-3", 1_000).expect(200)["verdict"],
        "escalated"
    );

    let log = audit(&world.server, tenant);
    let stated = |case: &str| -> Vec<(String, i64, bool)> {
        let events = log.case(case).into_iter();
        let stated = events.filter_map(|event| match &event.body {
            Body::StandingChanged(body) => Some((
                body.rated.to_string(),
                body.standing
                    .latitude
                    .map_or(-9, |latitude| latitude.number()),
                body.standing.probation_until.is_some(),
            )),
            _ => None,
        });
        stated.collect()
    };
    let agent = |name: &str, latitude, probation| (format!("agent `{name}`"), latitude, probation);
    let acme = || ("counterparty `acme`".to_owned(), -9, false);
    // Credited, withdrawn, and bad evidence: of the agent alone.
    assert_eq!(
        stated(&case),
        [
            agent("buyer-1", 7, false),
            acme(),
            agent("buyer-1", 7, false),
            acme(),
            agent("buyer-1", -1, true)
        ]
    );
    assert_eq!(stated(&undone), [agent("buyer-2", -1, false)]);
    let _ = world.server.fsck().expect(0);
}

/// SD-3, SD-6: an agent to whom nothing was granted earns its first band under the eyes of people: eight times 1,000 and
/// eight times 500 of one day are a score of 750.
#[test]
fn latitude_is_earned_under_the_eyes_of_people() {
    let world = World::new();
    let tenant = &world.tenant;
    let ann = Person::enrolled(
        &world.server,
        tenant,
        "ann",
        1,
        &["approver"],
        &["approvers"],
    );
    let young = tenant.agent_with("young", 2, None, Key::generate());
    for number in 0..8 {
        tenant.counterparty(&format!("s-{number}"));
    }
    let ask = |deal: usize, cents: u64| {
        let mut body = young.purchase(&format!("po-{deal}"), cents);
        body["counterparty"] = format!("s-{}", deal % 8).into();
        young.ask(&body).expect(200)
    };
    for deal in 0..16 {
        let asked = ask(deal, 5_000);
        assert_eq!(asked["verdict"], "escalated", "deal {deal}");
        let case = asked["case"].as_str().unwrap();
        judge(&ann, case, "approve", "as agreed").expect(200);
        by(&world.erp, "/v1/outcomes", outcome(case, "completed", None)).expect(200);
    }
    assert_eq!(ask(16, 5_000)["verdict"], "authorized");
    // The next band is earned by its own deals.
    assert_eq!(ask(17, 20_000)["verdict"], "escalated");
    let _ = audit(&world.server, tenant);
}

/// PO-23, OC-7: of 32 at the same moment as many are let through as fit, and each outcome makes room for one.
#[test]
fn exposure_stays_under_its_cap_and_outcomes_free_it() {
    let world = World::new();
    // Band 1 ends below 400.00: 1,600.00 may be open.
    const CAP: u64 = 160_000;
    let id = "racer";
    let racer = world.tenant.agent_with(id, 2, Some(1), Key::generate());
    let start = Arc::new(Barrier::new(32));
    let threads: Vec<_> = (0..32)
        .map(|number| {
            let own = world.tenant.party(id, racer.client.key().clone());
            let start = Arc::clone(&start);
            thread::spawn(move || {
                start.wait();
                own.buy(&format!("race-{number}"), 32_000).expect(200)
            })
        })
        .collect();
    let answers: Vec<Value> = threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect();
    let (won, lost): (Vec<_>, Vec<_>) = answers
        .iter()
        .partition(|answer| answer["verdict"] == "authorized");
    assert_eq!((won.len(), lost.len()), (5, 27));
    assert_eq!(racer.buy("more-0", 100).expect(200)["verdict"], "escalated");
    for (number, outcome_) in ["completed", "rejected", "completed"]
        .into_iter()
        .enumerate()
    {
        let case = won[number]["case"].as_str().unwrap();
        let said = outcome(case, outcome_, None);
        by(&world.erp, "/v1/outcomes", said.clone()).expect(200);
        // Said again, it frees nothing more.
        by(&world.erp, "/v1/outcomes", said).expect(200);
        let next = racer.buy(&format!("next-{number}"), 32_000).expect(200);
        assert_eq!(next["verdict"], "authorized", "{outcome_}");
        let full = racer.buy(&format!("full-{number}"), 100).expect(200);
        assert_eq!(full["rules"], json!(["builtin.exposure"]));
    }
    // A naive fold: what is issued and not ended.
    let log = audit(&world.server, &world.tenant);
    let mut open: BTreeMap<CaseId, u64> = BTreeMap::new();
    for (entry, event) in &log.entries {
        let Some(place) = event.place else { continue };
        match &event.body {
            Body::PassportIssued(bytes) => {
                let passport = Passport::parse(bytes).unwrap();
                open.insert(place.case, passport.claims().action.amount_minor());
            }
            Body::OutcomeRecorded(_) => {
                open.remove(&place.case);
            }
            _ => {}
        }
        let sum: u64 = open.values().sum();
        assert!(sum <= CAP, "{sum} at entry {}", entry.index);
    }
    assert_eq!(open.values().sum::<u64>(), CAP);
}

/// A stranger with the case file, and one with the whole log, read what became of it, offline.
#[test]
fn a_stranger_reads_what_became_of_it() {
    let world = World::new();
    let (case, cti) = world.authorized("po-1", 1_000);
    started(&world.erp, &case, &cti).expect(200);
    by(
        &world.erp,
        "/v1/outcomes",
        outcome(&case, "completed", None),
    )
    .expect(200);
    let scratch = tempfile::tempdir().unwrap();
    let [file, trust, folder] =
        ["a.case", "trust.json", "log"].map(|name| scratch.path().join(name));
    fs::write(&file, world.buyer.case_file(&case)).unwrap();
    world.tenant.write_trust(&trust, &[]);
    let words = programs::verify_passport(&file, &trust, &[]).expect(0);
    for expected in [
        "VALID".to_owned(),
        format!("by target {TARGET}"),
        format!("with Passport {cti}"),
        format!("completed, said by target {TARGET}"),
        "\"as delivered\"".to_owned(),
        "scores 200 ".to_owned(),
    ] {
        assert!(words.contains(&expected), "`{expected}` is not in\n{words}");
    }
    let _ = world.server.export("north", &folder).expect(0);
    let words = programs::verify_ledger(&folder, &trust, &["--replay"]).expect(0);
    assert!(words.contains("permissions without outcome"), "{words}");
}
