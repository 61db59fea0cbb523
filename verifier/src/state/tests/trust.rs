//! Trust as whole events: what the next decision weighs, growth and theft, a burst, a part of a log: SD-3 to SD-8.

use super::{
    outcomes::{exposure, latitude, of_agent, permitted},
    *,
};
use crate::{
    action::{Action, ActionType, Currency, Latitude},
    case::CaseState,
    decision::{Verdict, oversight},
    outcome::{Fault, Found, Outcome},
    snapshot::Risk,
    standing::{DAY_MS, Rated},
    verify::testing::{Says, payment},
};

/// SD-3, SD-5, SD-6, SD-7. Goal: the next decision weighs what became of the last. Method: whole events, one case
/// after the other.
#[test]
fn the_next_decision_weighs_what_became_of_the_last() {
    let (mut company, mut olga, of) = permitted();
    let tenant = &mut company.tenant;
    let weighed = |tenant: &mut Tenant| {
        let snapshot = tenant.snapshot(&payment(12_500));
        let counterparty = snapshot.counterparty();
        (
            snapshot.agent().latitude().number(),
            counterparty.risk(),
            counterparty.payments_before(),
        )
    };
    assert_eq!(weighed(tenant), (3, Risk::Low, 3));
    tenant.complete(of);
    assert_eq!(weighed(tenant), (3, Risk::Low, 4));
    assert_eq!(of_agent(tenant).good[..3], [1000, 1000, 0]);
    // What a person says counts after its window, and takes nothing from the one before.
    let said = tenant.authorized("r-2");
    tenant.end(said, Says::Person(&mut olga), Outcome::Completed, None);
    assert_eq!(weighed(tenant), (3, Risk::Low, 4));
    tenant.count(said);
    assert_eq!(weighed(tenant), (3, Risk::Low, 5));
    // Disputed, the credit is withdrawn; dismissed, it stands again.
    let before = of_agent(tenant);
    tenant.end(said, Says::Target, Outcome::Disputed, None);
    assert_eq!(weighed(tenant), (3, Risk::Low, 4));
    assert_eq!(of_agent(tenant).good[0] + 500, before.good[0]);
    tenant.resolve(said, Says::Founder, Found::Dismissed, None);
    assert_eq!(of_agent(tenant).good, before.good);
    assert_eq!(tenant.case(said).state, CaseState::Dismissed);
    // The counterparty's fault makes it a risk, the agent's ends its grant; nobody's does neither.
    let fault = Some(Fault::Counterparty);
    tenant.end(said, Says::Target, Outcome::Reversed, fault);
    assert_eq!(weighed(tenant), (3, Risk::Medium, 4));
    assert!(!of_agent(tenant).adverse);
    let third = tenant.authorized("r-3");
    tenant.end(third, Says::Target, Outcome::Reversed, Some(Fault::Agent));
    assert_eq!(weighed(tenant), (-1, Risk::Medium, 4));
    assert_eq!(of_agent(tenant).probation_until, None);
    // Fraud of a counterparty: high for 30 days.
    let fourth = tenant.request("r-4", &payment(12_500));
    tenant.decide(fourth, Verdict::Authorized);
    tenant.issue(fourth, |_| {});
    tenant.end(fourth, Says::Target, Outcome::Disputed, None);
    tenant.resolve(fourth, Says::Founder, Found::Fraud, fault);
    assert_eq!(weighed(tenant).1, Risk::High);
    tenant.wait_ms(30 * DAY_MS);
    assert_eq!(weighed(tenant).1, Risk::Medium);
    // Replayed, the log gives the same rows.
    let mut again = MemoryRows::default();
    for (index, bytes) in tenant.entries.iter().enumerate() {
        let entry = crate::entry::Entry::decode(bytes).unwrap();
        let event = Event::decode(&entry.event).unwrap();
        let digest = Event::digest_of(&entry.event);
        let index = u64::try_from(index).unwrap();
        apply(&mut again, &event, digest, index, Completeness::Whole).unwrap();
    }
    assert!(again.iter().eq(tenant.rows.iter()));
}

/// Whom the agent deals with.
const WITH: [&str; 4] = ["acme", "globex", "initech", "umbrella"];

/// SD-6. Goal: latitude is earned under people's eyes, and lost at once. Method: the honest growth of the page as
/// whole events, then fraud, then the wait.
#[test]
fn honest_growth_and_theft_as_events() {
    let (mut company, _, first) = permitted();
    let tenant = &mut company.tenant;
    // One bad word ends the grant of 3; half a year later it weighs little, and nothing was earned.
    tenant.end(first, Says::Target, Outcome::Reversed, Some(Fault::Agent));
    assert_eq!(latitude(tenant), -1);
    tenant.wait_ms(2_000 * DAY_MS);
    let deals = |tenant: &mut Tenant, from: u64, count: u64| {
        for n in from..from + count {
            let with = WITH[usize::try_from(n % 4).unwrap()];
            let action = Action::new(
                ActionType::Purchase,
                5_000,
                Currency::parse("EUR").unwrap(),
                id(with),
                id("erp"),
                "",
                BTreeMap::new(),
            );
            let of = tenant.request(&format!("g-{n}"), &action.unwrap());
            tenant.decide(of, Verdict::Authorized);
            tenant.issue(of, |_| {});
            tenant.complete(of);
        }
    };
    for with in &WITH[1..] {
        tenant.enrol_counterparty(with, 1);
    }
    // Four partners give 1000 / k each: 12,000 are reached with the eleventh of each.
    deals(tenant, 0, 4);
    assert_eq!((of_agent(tenant).scores()[0], latitude(tenant)), (500, -1));
    let mut count = 4;
    while latitude(tenant) < 0 {
        deals(tenant, count, 1);
        count += 1;
        assert!(count <= 64, "never opened");
    }
    assert_eq!(count, 44);
    assert!(of_agent(tenant).scores()[0] >= 750);
    assert_eq!(of_agent(tenant).partners[..2], [4, 0]);
    // Purchases below 100.00 need nobody now, others do.
    let within = tenant.snapshot(&payment(9_999));
    let above = tenant.snapshot(&payment(10_000));
    let asks = |snapshot| {
        oversight(snapshot)
            .iter()
            .any(|rule| rule.id() == "builtin.latitude")
    };
    assert!(!asks(&within) && asks(&above));
    // Theft.
    let theft = tenant.authorized("theft");
    tenant.end(theft, Says::Target, Outcome::Disputed, None);
    tenant.resolve(theft, Says::Founder, Found::Fraud, Some(Fault::Agent));
    assert_eq!(latitude(tenant), -1);
    assert!(of_agent(tenant).is_on_probation(tenant.now()));
    tenant.wait_ms(31 * DAY_MS);
    assert_eq!(latitude(tenant), -1);
}

/// SD-6. Goal: a burst stops at the cap until something is settled. Method: 1,500.00 at latitude 2, again and again.
#[test]
fn a_burst_of_fifteen_hundred_stops_after_four() {
    let (mut company, _, first) = permitted();
    let tenant = &mut company.tenant;
    tenant.complete(first);
    let name = RowName::Agent(id("ap-bot"));
    let Ok(Some(Row::Agent(mut row))) = tenant.rows.row(&name) else {
        panic!("no agent")
    };
    row.latitude = Latitude::new(2).unwrap();
    tenant.rows.set(name, Row::Agent(row));
    let capped = |tenant: &mut Tenant| {
        let snapshot = tenant.snapshot(&payment(150_000));
        let rules = oversight(&snapshot);
        rules.iter().any(|rule| rule.id() == "builtin.exposure")
    };
    let mut open = Vec::new();
    while !capped(tenant) {
        let of = tenant.request(&format!("b-{}", open.len()), &payment(150_000));
        tenant.decide(of, Verdict::Authorized);
        tenant.issue(of, |_| {});
        open.push(of);
    }
    assert_eq!((open.len(), exposure(tenant)), (4, 600_000));
    tenant.complete(open[0]);
    assert!(!capped(tenant));
}

/// SD-8. Goal: from a part of a log no standing is known. Method: a case alone: its standings may be said, need not
/// be, and are of nobody else.
#[test]
fn a_part_of_a_log_takes_standings_as_they_are_said() {
    let (mut company, _, of) = permitted();
    let tenant = &mut company.tenant;
    tenant.complete(of);
    tenant.end(of, Says::Target, Outcome::Disputed, None);
    let events = tenant.case(of).events;
    let upto = usize::try_from(events[3].index).unwrap();
    let mut rows = MemoryRows::default();
    let judge = |rows: &mut MemoryRows, index: usize, bytes: &[u8]| {
        let event = Event::decode(bytes).unwrap();
        let index = u64::try_from(index).unwrap();
        apply(
            rows,
            &event,
            Event::digest_of(bytes),
            index,
            Completeness::Part,
        )
    };
    for (index, bytes) in tenant.entries.iter().enumerate() {
        let event = crate::entry::Entry::decode(bytes).unwrap().event;
        judge(&mut rows, index, &event).unwrap();
        if index == upto {
            // It rests without, for nobody can tell here whether something moved.
            let Ok(Some(Row::Case(row))) = rows.row(&RowName::Case(of)) else {
                panic!("no case")
            };
            assert_eq!(rests(&mut rows, of, &row), Ok(true));
        }
    }
    assert!(
        rows.find(&RowName::Standing(Rated::Agent(id("ap-bot"))))
            .is_none()
    );
}
