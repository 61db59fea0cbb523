//! What became of a permission, as a stranger reads it in a case file, and an auditor in a whole log.

use super::*;
use crate::{
    entry::{CaseId, Entry, Event},
    event::{Body, StandingChanged},
    outcome::{Fault, Found, Outcome},
    verify::{
        Voucher,
        ledger::{Options, audit},
        testing::Says,
    },
};

fn audited(tenant: &Tenant) -> Report {
    let question = Question { at: None, ..at(0) };
    let all = Options { replay: true };
    audit(
        &mut tenant.export(),
        &tenant.trust(),
        &question,
        all,
        &mut |_| {},
    )
    .unwrap()
}

fn told(report: &Report, name: &str) -> Vec<(String, Voucher)> {
    let claims = report.claims().iter();
    claims
        .filter(|claim| claim.name == name)
        .map(|claim| (claim.value.clone(), claim.by))
        .collect()
}

/// A log with each way in which a case ends.
fn ended() -> Tenant {
    let mut tenant = Tenant::ready(1);
    let case = tenant.authorized("r-1");
    tenant.start(case);
    tenant.complete(case);
    let case = tenant.authorized("r-2");
    tenant.end(case, Says::Founder, Outcome::Completed, None);
    tenant.count(case);
    let case = tenant.authorized("r-3");
    tenant.lapse(case);
    let case = tenant.authorized("r-4");
    tenant.end(case, Says::Target, Outcome::Rejected, None);
    let case = tenant.authorized("r-5");
    tenant.complete(case);
    let fault = Some(Fault::Counterparty);
    tenant.end(case, Says::Target, Outcome::Reversed, fault);
    tenant.rejected("r-6");
    tenant.authorized("r-7");
    // Last, for it ends what the founder granted.
    let case = tenant.authorized("r-8");
    tenant.end(case, Says::Target, Outcome::Disputed, None);
    tenant.resolve(case, Says::Founder, Found::Lost, Some(Fault::Agent));
    tenant
}

/// SD-8. Goal: an auditor makes every standing and every verdict again. Method: each ending, in one log.
#[test]
fn a_log_with_every_outcome_is_valid() {
    let mut tenant = ended();
    let report = audited(&tenant);
    assert_eq!(word(&report), "VALID", "{:?}", report.checks());
    let open = |past| {
        let text = alloc::format!("1, of these {past} past the end of their Passport");
        [(text, Voucher::Computed)]
    };
    assert_eq!(told(&report, "permissions without outcome"), open(0));
    // Nobody says what became of `r-7`: an auditor counts it.
    tenant.wait_ms(600_000);
    tenant.rejected("r-9");
    let report = audited(&tenant);
    assert_eq!(told(&report, "permissions without outcome"), open(1));
}

/// SD-8. Goal: a host that lies about trust is found out. Method: the last standing, said otherwise or not at all.
#[test]
fn sd_8_a_standing_that_the_log_does_not_give_is_refused() {
    type Lie = fn(&mut StandingChanged);
    let lies: [(Lie, &str); 4] = [
        (|_| {}, "VALID"),
        (
            |said| said.standing.scores[0] = 999,
            "REFUSED standing-mismatch",
        ),
        (
            |said| said.standing.probation_until = None,
            "REFUSED standing-mismatch",
        ),
        (
            |said| said.standing.latitude = Some(crate::action::Latitude::new(3).unwrap()),
            "REFUSED standing-mismatch",
        ),
    ];
    for (lie, expected) in lies {
        let mut tenant = ended();
        let last = tenant.entries.pop().unwrap();
        let mut event = Event::decode(&Entry::decode(&last).unwrap().event).unwrap();
        let Body::StandingChanged(said) = &mut event.body else {
            panic!("the last event is a standing")
        };
        lie(said);
        tenant.append_anyway(&event.encode());
        assert_eq!(word(&audited(&tenant)), expected);
    }
    let mut tenant = ended();
    tenant.entries.pop();
    assert_eq!(word(&audited(&tenant)), "REFUSED case-incomplete");
}

/// VE-17, OC-1, OC-2. Goal: a stranger reads who said how it ended, and whose key stands behind. Method: the file of
/// a case after each ending.
#[test]
fn a_case_file_says_who_said_how_it_ended() {
    let shown = |end: fn(&mut Tenant, CaseId)| {
        let mut tenant = Tenant::ready(1);
        let case = tenant.authorized("r-1");
        let issued_at = tenant.now().millis();
        end(&mut tenant, case);
        let report = verify(&tenant.case_file(case), &tenant.trust(), &at(issued_at));
        assert_eq!(word(&report), "VALID");
        let not_checked: Vec<&str> = report.not_checked().iter().map(|item| item.what).collect();
        assert!(not_checked.contains(&"standing"));
        report
    };
    let report = shown(|tenant, case| {
        tenant.start(case);
        tenant.complete(case);
    });
    let [(said, by)] = &told(&report, "outcome")[..] else {
        panic!("one outcome")
    };
    assert!(
        said.starts_with("completed, said by target erp at "),
        "{said}"
    );
    assert!(said.ends_with(": \"as delivered\""), "{said}");
    assert_eq!(*by, Voucher::TargetKey);
    let [(started, Voucher::TargetKey)] = &told(&report, "execution started")[..] else {
        panic!("begun once")
    };
    assert!(started.starts_with("by target erp at "), "{started}");
    assert_eq!(told(&report, "standing").len(), 2);
    let report = shown(|tenant, case| {
        tenant.end(case, Says::Target, Outcome::Disputed, None);
        tenant.resolve(case, Says::Founder, Found::Fraud, Some(Fault::Agent));
    });
    let [(said, Voucher::FounderKey)] = &told(&report, "dispute")[..] else {
        panic!("resolved once")
    };
    let expected = "fraud, by fault of the agent, said by the founder at ";
    assert!(said.starts_with(expected), "{said}");
    let report = shown(|tenant, case| tenant.lapse(case));
    let [(said, Voucher::LogKey)] = &told(&report, "outcome")[..] else {
        panic!("lapsed once")
    };
    assert!(said.starts_with("never used, lapsed at "), "{said}");
    assert_eq!(told(&report, "case ended")[0].0, "lapsed");
}

/// OC-1. Goal: the page's example is the log's. Method: what the target signed there, against the page.
#[test]
fn the_example_of_the_page_is_in_the_examples() {
    let page = include_str!("../../../../spec/outcome.md");
    let Body::OutcomeRecorded(body) = crate::entry::tests::example("outcome.recorded").body else {
        panic!("an example of another kind")
    };
    let signed = String::from_utf8(body.signed.body().unwrap().to_vec()).unwrap();
    assert!(page.contains(&signed), "{signed}");
}
