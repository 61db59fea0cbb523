//! Goal: what the clock says is said when it may be, once, also after a restart; what is past its time is listed, and
//! nothing else (OC-4, OC-6, OC-7, OC-8, SD-8). Method: a real ledger, an office that ticks, a clock moved by hand.

use std::time::{Duration, Instant};

use agentsigna_verifier::{
    event::{Body, Signed},
    outcome::Outcome,
    passkey::context::Reason,
    signed_request::Profile,
};

use super::*;
use crate::{
    domain::{Office, Rates},
    ledger::{
        Calendar, Ledger, NonceUse, fsck,
        tests::{
            org::{Org, id},
            support::{House, PATIENCE, shut},
        },
    },
};

const DAY_S: u64 = 86_400;

struct World {
    house: House,
    ledger: Ledger,
    org: Org,
}

impl World {
    fn new() -> Self {
        let house = House::new();
        let ledger = house.open();
        let org = Org::ready(&ledger, "one", 10);
        Self { house, ledger, org }
    }

    fn permitted(&mut self, request: &str) -> CaseId {
        let asked = self.org.ask(&self.ledger, request, 12_500);
        let case = asked.case;
        let answer = asked.send(&self.ledger).unwrap();
        answer.recv_timeout(PATIENCE).unwrap().unwrap();
        case
    }

    fn row(&self, case: CaseId) -> CaseRow {
        durable_case(&self.org.tenant, case).unwrap()
    }

    fn exposure(&self) -> u64 {
        let name = RowName::Agent(id("buyer"));
        match self.org.tenant.durable_row(&name).unwrap() {
            Some(Row::Agent(row)) => row.exposure_minor,
            other => panic!("{other:?}"),
        }
    }

    fn signed(&mut self, profile: Profile, path: &str, members: &str) -> (Signed, NonceUse) {
        let signer = match profile {
            Profile::Founder => self.org.founder.clone(),
            _ => self.org.system.clone(),
        };
        let at = self.ledger.clock().now();
        let body = format!(r#"{{"origin":"{}",{members}}}"#, self.org.origin());
        self.org.sign(at, profile, &signer, path, &body)
    }

    /// Says `body` of `case`, with all that follows from it.
    fn say(&self, case: CaseId, body: Body, nonce: NonceUse) -> CaseState {
        let mut reading = Reading::of(&self.org.tenant);
        let now = self.ledger.clock().now();
        let mut chain = after(case, &self.row(case), now);
        let state = follow(&mut reading, &mut chain, body).unwrap();
        let change = Change {
            events: chain.events,
            nonce: Some(nonce),
            ..Change::default()
        };
        let (sender, done) = std::sync::mpsc::channel();
        let told = move |committed: Option<_>| sender.send(committed.is_some()).unwrap();
        self.ledger.admit(reading, change, told).unwrap();
        assert!(done.recv_timeout(PATIENCE).unwrap());
        state
    }

    fn ended(&mut self, case: CaseId, by: Speaker, outcome: Outcome) -> CaseState {
        let profile = match by {
            Speaker::System(_) => Profile::Action,
            _ => Profile::Founder,
        };
        let members = format!(
            r#""case":"{case}","outcome":"{}","reason":"as delivered""#,
            outcome.as_str()
        );
        let (signed, nonce) = self.signed(profile, "/v1/outcomes", &members);
        let body = Body::OutcomeRecorded(OutcomeRecorded {
            signed,
            by,
            outcome,
            fault: None,
            reason: Reason::parse("as delivered").unwrap(),
        });
        self.say(case, body, nonce)
    }

    fn started(&mut self, case: CaseId) -> CaseState {
        let passport = self.row(case).ending.unwrap().cti;
        let cti = agentsigna_verifier::event::cti_to_hex(&passport);
        let members = format!(r#""case":"{case}","passport":"{cti}""#);
        let (signed, nonce) = self.signed(Profile::Action, "/v1/executions", &members);
        let body = Body::ExecutionStarted(ExecutionStarted {
            signed,
            system: id("erp"),
            passport,
        });
        self.say(case, body, nonce)
    }

    /// What the clock would say now.
    fn due(&self, case: CaseId) -> Vec<&'static str> {
        let mut reading = Reading::of(&self.org.tenant);
        let now = self.ledger.clock().now();
        let change = fall_due(&mut reading, case, now).unwrap();
        let events = change.into_iter().flat_map(|change| change.events);
        events.map(|event| event.event().body.kind()).collect()
    }

    /// Waits until an office has put `state` on the record.
    fn until(&self, case: CaseId, state: CaseState) {
        let since = Instant::now();
        while self.row(case).state != state {
            assert!(since.elapsed() < PATIENCE, "{:?}", self.row(case).state);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn office(&self) -> Office {
        Office::open(self.ledger.clone(), 2, Rates::default()).unwrap()
    }

    fn calendar(&self, calendar: Calendar) -> Vec<CaseId> {
        let due = self.org.tenant.due(calendar, u64::MAX, 100).unwrap();
        due.into_iter().map(|(_, case)| case).collect()
    }
}

fn erp() -> Speaker {
    Speaker::System(id("erp"))
}

/// OC-6, OC-7: an unused Passport lapses 60 s after its end, frees its exposure, and may be used after all.
#[test]
fn oc_6_what_nobody_used_lapses() {
    let mut world = World::new();
    let [unused, used] = ["r-1", "r-2"].map(|request| world.permitted(request));
    assert_eq!(world.started(used), CaseState::Executing);
    assert_eq!(world.calendar(Calendar::Endings), [unused]);
    assert_eq!(world.calendar(Calendar::Overdue), [used]);
    assert_eq!(world.exposure(), 25_000);
    // The ends of Passports are whole seconds, as the times of this clock are.
    world.house.hands.pass(359);
    assert!(world.due(unused).is_empty());
    world.house.hands.pass(1);
    assert_eq!(world.due(unused), ["passport.lapsed"]);
    assert!(world.due(used).is_empty());
    let office = world.office();
    world.until(unused, CaseState::Lapsed);
    assert_eq!(world.exposure(), 12_500);
    assert!(world.calendar(Calendar::Endings).is_empty());
    // The target's word is late, and is heard.
    assert_eq!(world.started(unused), CaseState::Executing);
    assert_eq!(world.exposure(), 25_000);
    assert_eq!(
        world.ended(unused, erp(), Outcome::Completed),
        CaseState::Completed
    );
    assert_eq!(world.exposure(), 12_500);
    assert_eq!(world.calendar(Calendar::Overdue), [used]);
    fsck(&world.org.tenant, |_, _| {}).unwrap();
    office.close();
}

/// OC-4, SD-8: what a person said counts after seven days, also if the server was away when they were over; then the
/// standings that it moved are said in the same write.
#[test]
fn oc_4_what_a_person_said_counts_after_a_week() {
    let mut world = World::new();
    let [said, disputed] = ["r-1", "r-2"].map(|request| world.permitted(request));
    for case in [said, disputed] {
        let state = world.ended(case, Speaker::Founder, Outcome::Completed);
        assert_eq!(state, CaseState::Reported);
    }
    assert_eq!(world.exposure(), 0);
    world.house.hands.pass(7 * DAY_S - 1);
    assert!(world.due(said).is_empty());
    let state = world.ended(disputed, erp(), Outcome::Disputed);
    assert_eq!(state, CaseState::Disputed);
    world.house.hands.pass(1);
    let counted = ["outcome.counted", "standing.changed", "standing.changed"];
    assert_eq!(world.due(said), counted);
    assert!(world.due(disputed).is_empty());

    let World { house, ledger, org } = world;
    drop(org);
    let ledger = house.reopen(ledger);
    let org = Org::of(ledger.tenant("one").unwrap(), 10);
    let world = World { house, ledger, org };
    assert_eq!(world.calendar(Calendar::Endings), [said]);
    let office = world.office();
    world.until(said, CaseState::Completed);
    assert!(world.calendar(Calendar::Endings).is_empty());
    let ending = world.row(said).ending.unwrap();
    assert_eq!(ending.credit.unwrap().value, 1_000);
    assert_eq!(ending.moved, None);
    assert_eq!(world.row(disputed).state, CaseState::Disputed);
    fsck(&world.org.tenant, |_, _| {}).unwrap();
    office.close();
    drop((office, world.org));
    shut(world.ledger);
}

/// OC-8: past its time is what was begun a day ago and what was disputed a week ago, until somebody speaks.
#[test]
fn oc_8_what_is_past_its_time_is_listed_until_somebody_speaks() {
    let mut world = World::new();
    let [begun, disputed, done] = ["r-1", "r-2", "r-3"].map(|request| world.permitted(request));
    for case in [begun, done] {
        world.started(case);
    }
    world.ended(disputed, erp(), Outcome::Disputed);
    world.ended(done, Speaker::Founder, Outcome::Completed);
    let listed = |world: &World| -> Vec<(CaseId, u64)> {
        let now = world.ledger.clock().now();
        let found = crate::domain::endings::overdue(&world.org.tenant, now).unwrap();
        let age = |since: UnixMillis| (now.millis() - since.millis()) / 1000;
        found
            .into_iter()
            .map(|one| (one.case, age(one.since)))
            .collect()
    };
    world.house.hands.pass(300 + DAY_S - 1);
    assert_eq!(listed(&world), []);
    world.house.hands.pass(1);
    assert_eq!(listed(&world), [(begun, 0)]);
    world.house.hands.pass(6 * DAY_S - 300);
    assert_eq!(listed(&world), [(begun, 6 * DAY_S - 300), (disputed, 0)]);
    world.ended(begun, Speaker::Founder, Outcome::Rejected);
    assert_eq!(listed(&world), [(disputed, 0)]);
    fsck(&world.org.tenant, |_, _| {}).unwrap();
    let World { ledger, org, .. } = world;
    drop(org);
    shut(ledger);
}
