//! What became of a permission, and what it does to trust: OC-1 to OC-7, SD-6 to SD-8.

use super::*;
use crate::{
    action::Latitude,
    entry::CaseId,
    event::StandingChanged,
    outcome::{Fault, Found, Outcome},
    people::Role,
    snapshot::Status,
    standing::{DAY_MS, Rated, Standing},
    verify::testing::{By, Company, Person, Role as KeyOf, Says, payment},
};

/// A company with an operator who is not the sponsor, and a case with a Passport.
pub(super) fn permitted() -> (Company, Person, CaseId) {
    let mut company = Company::asking(1, 1);
    let olga = Person::new("olga", 6, &[Role::Operator], &[]);
    company.enrol(&olga);
    let case = company.tenant.authorized("r-1");
    (company, olga, case)
}

pub(super) fn exposure(tenant: &mut Tenant) -> u64 {
    tenant.snapshot(&payment(1)).agent().exposure_minor()
}

fn next_of(tenant: &Tenant, id: CaseId, body: Body) -> &'static str {
    let place = tenant.clone().place(id);
    next(tenant, Some(place), body)
}

pub(super) fn of_agent(tenant: &mut Tenant) -> Standing {
    standing(&mut tenant.rows, &Rated::Agent(id("ap-bot"))).unwrap()
}

pub(super) fn latitude(tenant: &mut Tenant) -> i64 {
    let now = tenant.now();
    let latitude: Latitude = weighed_agent(&mut tenant.rows, &id("ap-bot"), now).unwrap();
    latitude.number()
}

/// An outcome `by` whoever says, which nobody signed with the right key.
fn recorded(tenant: &mut Tenant, of: CaseId, says: Says<'_>, outcome: Outcome) -> Body {
    let fault = (outcome == Outcome::Reversed).then_some(Fault::Agent);
    Body::OutcomeRecorded(tenant.outcome_recorded(of, says, outcome, fault))
}

/// OC-1: the target, and the Passport of the case.
fn of_targets() -> Vec<Broken> {
    let (mut company, _, of) = permitted();
    let tenant = &mut company.tenant;
    let started = tenant.execution_started(of);
    let mut other = started.clone();
    other.passport[0] ^= 1;
    let mut named = started.clone();
    named.system = id("crm");
    let mut by_other = tenant.outcome_recorded(of, Says::Target, Outcome::Completed, None);
    by_other.by = crate::event::Speaker::System(id("crm"));
    let mut found = Vec::from([
        case(
            OK,
            next_of(tenant, of, Body::ExecutionStarted(started.clone())),
            "begun",
        ),
        case(
            "passport-mismatch",
            next_of(tenant, of, Body::ExecutionStarted(other)),
            "another cti",
        ),
        case(
            "other-target",
            next_of(tenant, of, Body::ExecutionStarted(named)),
            "another system begins",
        ),
        case(
            "other-target",
            next_of(tenant, of, Body::OutcomeRecorded(by_other)),
            "another system speaks",
        ),
    ]);
    // Without a Passport nothing became of it.
    let asked = tenant.request("r-2", &payment(12_500));
    let body = recorded(tenant, of, Says::Target, Outcome::Completed);
    for body in [body, Body::ExecutionStarted(started.clone())] {
        found.push(case(
            "case-step",
            next_of(tenant, asked, body),
            "before there is a Passport",
        ));
    }
    let mut suspended = tenant.clone();
    suspended.change_system("erp", Status::Suspended);
    found.push(case(
        "target-suspended",
        next_of(&suspended, of, Body::ExecutionStarted(started)),
        "a suspended target",
    ));
    // Said once.
    tenant.complete(of);
    for (outcome, expected) in [
        (Outcome::Completed, "case-step"),
        (Outcome::Rejected, "case-step"),
        (Outcome::Reversed, OK),
        (Outcome::Disputed, OK),
    ] {
        let body = recorded(tenant, of, Says::Target, outcome);
        let how = format!("{} after completed", outcome.as_str());
        found.push(case(expected, next_of(tenant, of, body), how));
    }
    found
}

/// OC-2: people who may, and the sponsor who may not.
fn of_people() -> Vec<Broken> {
    let (mut company, mut olga, of) = permitted();
    let mut aud = Person::new("aud", 7, &[Role::Auditor], &[]);
    company.enrol(&aud);
    let Company {
        tenant, dana, erin, ..
    } = &mut company;
    let mut found = Vec::new();
    for (person, expected) in [
        (&mut olga, OK),
        (erin, OK),
        (dana, "excluded"),
        (&mut aud, "not-permitted"),
    ] {
        let how = format!("said by {}", person.user);
        let body = recorded(tenant, of, Says::Person(person), Outcome::Completed);
        found.push(case(expected, next_of(tenant, of, body), how));
    }
    let body = recorded(tenant, of, Says::Founder, Outcome::Reversed);
    found.push(case(OK, next_of(tenant, of, body), "said by the founder"));
    let disputed = tenant.authorized("r-2");
    tenant.end(disputed, Says::Target, Outcome::Disputed, None);
    for (person, expected) in [(&mut olga, OK), (dana, "excluded")] {
        let how = format!("resolved by {}", person.user);
        let result =
            tenant.dispute_resolved(disputed, Says::Person(person), Found::Dismissed, None);
        let body = Body::DisputeResolved(result);
        found.push(case(expected, next_of(tenant, disputed, body), how));
    }
    // Nothing is resolved that nobody disputes.
    let body = tenant.dispute_resolved(of, Says::Founder, Found::Dismissed, None);
    let code = next_of(tenant, of, Body::DisputeResolved(body));
    found.push(case("case-step", code, "no dispute"));
    // A person who was suspended speaks no more.
    let body = recorded(tenant, of, Says::Person(&mut olga), Outcome::Completed);
    let changed = tenant.user_changed(By::Two(dana, erin), &olga, Status::Suspended);
    tenant.append(None, changed);
    let code = next_of(tenant, of, body);
    found.push(case("not-permitted", code, "a suspended person"));
    found
}

/// OC-4: a person's word waits for its window; OC-5: a case is disputed once; OC-6: a Passport lapses in its time.
fn of_times() -> Vec<Broken> {
    let (mut company, mut olga, of) = permitted();
    let tenant = &mut company.tenant;
    let mut found = Vec::new();
    let lapsed = tenant.lapsed(of);
    let mut otherwise = lapsed.clone();
    otherwise.expires_at = otherwise.expires_at.plus(1);
    let ends = lapsed.expires_at.millis();
    let now = tenant.now().millis();
    for (at, body, expected) in [
        (ends + 59_999, &lapsed, "lapsed-early"),
        (ends + 60_000, &lapsed, OK),
        (ends + 60_000, &otherwise, "lapsed-otherwise"),
    ] {
        let mut then = tenant.clone();
        then.wait_ms(at - now);
        let code = next_of(&then, of, Body::PassportLapsed(body.clone()));
        found.push(case(expected, code, format!("lapsed at {at}")));
    }
    tenant.end(of, Says::Person(&mut olga), Outcome::Completed, None);
    let said = tenant.ending(of).said.unwrap();
    let counted = tenant.counted(of);
    let mut other = counted.clone();
    other.outcome = Digest::from_bytes([9; 32]);
    let now = tenant.now().millis();
    for (ms, body, expected) in [
        (7 * DAY_MS - 1, &counted, "counted-early"),
        (7 * DAY_MS, &counted, OK),
        (7 * DAY_MS, &other, "not-waiting"),
    ] {
        let mut then = tenant.clone();
        then.wait_ms(said.at.millis() + ms - now);
        let code = next_of(&then, of, Body::OutcomeCounted(body.clone()));
        found.push(case(expected, code, format!("counted after {ms} ms")));
    }
    // A lapsed one only the target can tell of.
    let late = tenant.authorized("r-2");
    tenant.lapse(late);
    for (says, expected) in [(Says::Target, OK), (Says::Founder, "case-step")] {
        let how = format!("{says:?} after it lapsed");
        let body = recorded(tenant, late, says, Outcome::Completed);
        found.push(case(expected, next_of(tenant, late, body), how));
    }
    // Disputed, it does not count; dismissed, it does, once; and nobody disputes it again.
    tenant.end(of, Says::Target, Outcome::Disputed, None);
    tenant.wait_ms(7 * DAY_MS);
    let code = next_of(tenant, of, Body::OutcomeCounted(counted.clone()));
    found.push(case("case-step", code, "counted while disputed"));
    tenant.resolve(of, Says::Person(&mut olga), Found::Dismissed, None);
    tenant.and_then(of, Body::OutcomeCounted(counted.clone()));
    let code = next_of(tenant, of, Body::OutcomeCounted(counted));
    found.push(case("case-step", code, "counted twice"));
    let body = recorded(tenant, of, Says::Target, Outcome::Disputed);
    found.push(case("disputed-before", next_of(tenant, of, body), "twice"));
    found
}

/// SD-8: what is said of a standing is what the fold gives, at once, of whom it is to be said.
fn of_standings() -> Vec<Broken> {
    let (mut company, _, of) = permitted();
    let tenant = &mut company.tenant;
    let body = recorded(tenant, of, Says::Target, Outcome::Completed);
    let place = tenant.place(of);
    tenant.append(Some(place), body);
    let row = tenant.case(of);
    assert!(!rests(&mut tenant.rows, of, &row).unwrap());
    let due = tenant.standing_due(of).unwrap();
    assert_eq!(due.standing.scores[..3], [200, 200, 0]);
    let change = |change: fn(&mut StandingChanged)| {
        let mut due = due.clone();
        change(&mut due);
        Body::StandingChanged(due)
    };
    let second = tenant.ending(of).moved.unwrap().due[1].clone();
    let of_counterparty = Body::StandingChanged(StandingChanged {
        rated: second.rated,
        moved_by: due.moved_by,
        standing: second.says.unwrap(),
    });
    let lies: [(&'static str, Body, &'static str); 7] = [
        (OK, change(|_| {}), "as it is"),
        (
            "standing-mismatch",
            change(|due| due.standing.scores[0] += 1),
            "a better score",
        ),
        (
            "standing-mismatch",
            change(|due| due.standing.latitude = Some(Latitude::NONE)),
            "another latitude",
        ),
        (
            "standing-mismatch",
            change(|due| due.standing.probation_until = Some(UnixMillis::MAX)),
            "probation out of nowhere",
        ),
        (
            "standing-unmoved",
            change(|due| due.moved_by = Digest::from_bytes([9; 32])),
            "moved by nothing",
        ),
        (
            "standing-unmoved",
            change(|due| due.rated = Rated::Agent(id("other-bot"))),
            "of somebody else",
        ),
        ("standing-due", of_counterparty.clone(), "out of order"),
    ];
    let mut found: Vec<Broken> = lies
        .into_iter()
        .map(|(expected, body, how)| case(expected, next_of(tenant, of, body), how))
        .collect();
    // Left out: nothing else may come before.
    let disputed = recorded(tenant, of, Says::Target, Outcome::Disputed);
    let code = next_of(tenant, of, disputed);
    found.push(case("standing-due", code, "left out"));
    for body in [change(|_| {}), of_counterparty] {
        let place = tenant.place(of);
        tenant.append(Some(place), body);
    }
    let row = tenant.case(of);
    assert!(rests(&mut tenant.rows, of, &row).unwrap());
    let code = next_of(tenant, of, change(|_| {}));
    found.push(case("standing-unmoved", code, "said again"));
    found
}

/// What the signatures say: OC-1, OC-2.
fn of_signatures() -> Vec<Broken> {
    let (mut company, mut olga, of) = permitted();
    let tenant = &mut company.tenant;
    let other = tenant.authorized("r-2");
    let mut found = Vec::new();
    let signed = |tenant: &mut Tenant, body: Body| {
        let place = Some(tenant.place(of));
        let event = tenant.clone().event(place, body);
        match check_signed(&mut tenant.rows, &mut Held::default(), &event) {
            Ok(()) => OK,
            Err(error) => error.code(),
        }
    };
    let good = [
        Body::ExecutionStarted(tenant.execution_started(of)),
        recorded(tenant, of, Says::Target, Outcome::Completed),
        recorded(tenant, of, Says::Founder, Outcome::Reversed),
        recorded(tenant, of, Says::Person(&mut olga), Outcome::Completed),
        Body::DisputeResolved(tenant.dispute_resolved(
            of,
            Says::Person(&mut olga),
            Found::Lost,
            Some(Fault::Counterparty),
        )),
    ];
    for body in good {
        let how = format!("{} as signed", body.kind());
        found.push(case(OK, signed(tenant, body), how));
    }
    // By the agent's key, and by that of some other system.
    for role in [KeyOf::Agent, KeyOf::Stranger] {
        let mut body = tenant.outcome_recorded(of, Says::Target, Outcome::Completed, None);
        let content = body.signed.body().unwrap().to_vec();
        let content = String::from_utf8(content).unwrap();
        let key = tenant.key(role);
        let profile = crate::signed_request::Profile::Action;
        body.signed = tenant.sign(profile, &key, "/v1/outcomes", &content);
        let code = signed(tenant, Body::OutcomeRecorded(body));
        found.push(case("keyid-mismatch", code, format!("signed by {role:?}")));
    }
    let mut kinder = tenant.outcome_recorded(
        of,
        Says::Target,
        Outcome::Reversed,
        Some(Fault::Counterparty),
    );
    kinder.fault = Some(Fault::Agent);
    let mut opposite = tenant.outcome_recorded(of, Says::Target, Outcome::Rejected, None);
    opposite.outcome = Outcome::Completed;
    let mut words = tenant.outcome_recorded(of, Says::Target, Outcome::Rejected, None);
    words.reason = crate::passkey::context::Reason::parse("other words").unwrap();
    let elsewhere = tenant.outcome_recorded(other, Says::Target, Outcome::Completed, None);
    for body in [kinder, opposite, words, elsewhere] {
        let code = signed(tenant, Body::OutcomeRecorded(body));
        found.push(case("signed-otherwise", code, "otherwise than signed"));
    }
    let mut result = tenant.dispute_resolved(of, Says::Founder, Found::Dismissed, None);
    result.result = Found::Fraud;
    result.fault = Some(Fault::Agent);
    let code = signed(tenant, Body::DisputeResolved(result));
    found.push(case("signed-otherwise", code, "a result otherwise"));
    let mut started = tenant.execution_started(of);
    started.passport[0] ^= 1;
    let code = signed(tenant, Body::ExecutionStarted(started));
    found.push(case("signed-otherwise", code, "another cti than signed"));
    found
}

/// OC-3: whose fault it was, where it belongs and nowhere else; in what is signed as in the event.
#[test]
fn oc_3_fault_is_said_where_it_belongs() {
    use crate::act::{DisputeResolution, OutcomeReport};
    let body = |said: &str, fault: &str| {
        format!(
            r#"{{"origin":"o","case":"{:032x}",{said}{fault},"reason":"as delivered"}}"#,
            7
        )
    };
    let faults = [
        ("", None),
        (r#","fault":"agent""#, Some(Fault::Agent)),
        (r#","fault":"counterparty""#, Some(Fault::Counterparty)),
        (r#","fault":"none""#, Some(Fault::Nobody)),
    ];
    let mut good = 0;
    for (text, fault) in faults {
        for outcome in Outcome::ALL {
            let said = format!(r#""outcome":"{}""#, outcome.as_str());
            let read = OutcomeReport::parse(body(&said, text).as_bytes());
            assert_eq!(read.is_ok(), outcome.takes(fault), "{said} {text}");
            good += usize::from(read.is_ok_and(|act| act.fault == fault));
        }
        for result in Found::ALL {
            let said = format!(r#""result":"{}""#, result.as_str());
            let read = DisputeResolution::parse(body(&said, text).as_bytes());
            assert_eq!(read.is_ok(), result.takes(fault), "{said} {text}");
            good += usize::from(read.is_ok_and(|act| act.fault == fault));
        }
    }
    // Three outcomes without, a reversal with each of three; one result without, two with each of two.
    assert_eq!(good, 3 + 3 + 1 + 4);
    let missing = body(r#""outcome":"reversed""#, "");
    let error = OutcomeReport::parse(missing.as_bytes()).unwrap_err();
    assert_eq!(error.code(), "json-missing");
}

pub(super) fn cases() -> Vec<Broken> {
    let mut cases = of_targets();
    cases.extend(of_people());
    cases.extend(of_times());
    cases.extend(of_standings());
    cases.extend(of_signatures());
    cases
}

#[test]
fn what_became_of_a_permission_is_said_by_whom_it_may() {
    check(&cases());
}

/// OC-7. Goal: exposure is what is open. Method: each way to settle, the amount before and after, and a second one.
#[test]
fn oc_7_a_case_settles_once() {
    let (mut company, mut olga, of) = permitted();
    let tenant = &mut company.tenant;
    assert_eq!(exposure(tenant), 12_500);
    tenant.start(of);
    assert_eq!(exposure(tenant), 12_500);
    tenant.complete(of);
    assert_eq!(exposure(tenant), 0);
    let mut ways = Vec::new();
    for (n, outcome) in [Outcome::Completed, Outcome::Reversed, Outcome::Rejected]
        .into_iter()
        .enumerate()
    {
        let of = tenant.authorized(&format!("w-{n}"));
        let fault = (outcome == Outcome::Reversed).then_some(Fault::Nobody);
        tenant.end(of, Says::Person(&mut olga), outcome, fault);
        ways.push(exposure(tenant));
    }
    assert_eq!(ways, [0; 3]);
    // A dispute keeps it open until it is resolved; a reversal of what was settled takes nothing more.
    let disputed = tenant.authorized("d-1");
    let open = tenant.authorized("d-2");
    tenant.end(disputed, Says::Target, Outcome::Disputed, None);
    assert_eq!(exposure(tenant), 25_000);
    tenant.resolve(disputed, Says::Founder, Found::Dismissed, None);
    assert_eq!(exposure(tenant), 12_500);
    let nobody = Some(Fault::Nobody);
    tenant.end(disputed, Says::Target, Outcome::Reversed, nobody);
    assert_eq!(exposure(tenant), 12_500);
    // Unused it settles; used after all it is open again, until it is said how it ended.
    tenant.lapse(open);
    assert_eq!(exposure(tenant), 0);
    tenant.start(open);
    assert_eq!(exposure(tenant), 12_500);
    tenant.complete(open);
    assert_eq!(exposure(tenant), 0);
}

/// OC-8: past its time is what was begun and what is disputed, and nothing else; and what the log itself says falls
/// due when it may be said.
#[test]
fn oc_8_what_is_past_its_time() {
    let (mut company, mut olga, of) = permitted();
    let tenant = &mut company.tenant;
    let times = |tenant: &Tenant, of| match tenant.rows.find(&RowName::Case(of)) {
        Some(Row::Case(row)) => [row.falls_due_at(), row.overdue_from()],
        other => panic!("{other:?}"),
    };
    let ends = tenant.ending(of).expires_at;
    assert_eq!(times(tenant, of), [Some(ends.plus(60_000)), None]);
    let lapsed = tenant.authorized("r-2");
    tenant.lapse(lapsed);
    assert_eq!(times(tenant, lapsed), [None, None]);

    tenant.start(of);
    assert_eq!(times(tenant, of), [None, Some(ends.plus(DAY_MS))]);
    tenant.end(of, Says::Person(&mut olga), Outcome::Completed, None);
    let counts = tenant.ending(of).said.unwrap().at.plus(7 * DAY_MS);
    assert_eq!(times(tenant, of), [Some(counts), None]);
    tenant.wait_ms(DAY_MS);
    let disputed_at = tenant.now();
    tenant.end(of, Says::Target, Outcome::Disputed, None);
    assert_eq!(tenant.ending(of).disputed_at, Some(disputed_at));
    let late = disputed_at.plus(7 * DAY_MS);
    assert_eq!(times(tenant, of), [None, Some(late)]);
    // What a person said before the dispute still counts from when it was said.
    tenant.resolve(of, Says::Person(&mut olga), Found::Dismissed, None);
    assert_eq!(times(tenant, of), [Some(counts), None]);

    let target = tenant.authorized("r-3");
    tenant.complete(target);
    assert_eq!(times(tenant, target), [None, None]);
    tenant.end(target, Says::Founder, Outcome::Disputed, None);
    tenant.resolve(target, Says::Founder, Found::Dismissed, None);
    assert_eq!(times(tenant, target), [None, None]);
}
