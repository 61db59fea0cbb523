//! From the sheet to the Passport: AV-11 to AV-15.

use super::{
    review::{DAY_MS, asked, judge},
    *,
};
use crate::{
    decision::Verdict,
    digest::Noun,
    event::{CaseExpired, Judged, ReviewOpened},
    passport::{Claims, Path},
    people::{Role, Roles},
    snapshot::{Approval, Status},
    verify::testing::{By, Company, Person, Role as Key},
};

/// AV-14 as far as the fold goes, AV-15.
fn rounds() -> Vec<Broken> {
    let mut company = Company::asking(1, 2);
    let tenant = &mut company.tenant;
    let case_id = tenant.request("r-1", &crate::verify::testing::payment(75_000));
    tenant.decide(case_id, Verdict::Escalated);
    let bare = tenant.review_opened(case_id, None);
    let mut found = Vec::from([case(
        "sheet-mismatch",
        judge(tenant, case_id, bare),
        "no sheet",
    )]);
    let mut without = Tenant::ready(1);
    let case_id = without.request("r-1", &crate::verify::testing::payment(75_000));
    without.decide(case_id, Verdict::Escalated);
    let deadline = without.case(case_id).deadline.unwrap();
    let sheet = Some(Digest::of(Noun::Blob, b"sheet"));
    let body = Body::ReviewOpened(ReviewOpened {
        round: 1,
        deadline,
        sheet,
    });
    found.push(case(
        "sheet-mismatch",
        judge(&mut without, case_id, body),
        "a sheet and nobody",
    ));

    // A new round for as long as there are rounds: each time the counterparty changed meanwhile.
    let (mut company, case_id) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    let Company { tenant, .. } = &mut company;
    for round in 1..=16_u64 {
        assert_eq!(u64::from(tenant.review(case_id).round.get()), round);
        let old = tenant.approval_given(case_id, &mut finn, None);
        tenant.approve(case_id, &mut finn);
        let status = if round % 2 == 1 {
            Approval::Watch
        } else {
            Approval::Approved
        };
        tenant.change_counterparty("acme", status, false);
        tenant.approve(case_id, &mut gerd);
        let made = tenant.decision(case_id, Verdict::Escalated);
        let expected = if round < 16 { OK } else { "review-round" };
        found.push(case(
            expected,
            judge(tenant, case_id, Body::DecisionMade(made)),
            "asked again",
        ));
        if round < 16 {
            tenant.decide_again(case_id);
            assert_eq!(
                tenant.case(case_id).state,
                crate::case::CaseState::Escalated
            );
            let opened = match tenant.clone().review_opened(case_id, Some(Vec::new())) {
                Body::ReviewOpened(body) => body,
                other => panic!("{}", other.kind()),
            };
            for wrong in [round, round + 2] {
                let body = Body::ReviewOpened(ReviewOpened {
                    round: wrong,
                    ..opened.clone()
                });
                found.push(case(
                    "review-round",
                    judge(tenant, case_id, body),
                    "another number",
                ));
            }
            tenant.open_review(case_id);
            // What was said in the round before is said.
            let body = Judged {
                round: round + 1,
                ..old.clone()
            };
            found.push(case(
                "stale-sheet",
                judge(tenant, case_id, Body::ApprovalGiven(body)),
                "of the round before",
            ));
            let body = CaseExpired {
                round,
                deadline: tenant.review(case_id).deadline,
            };
            found.push(case(
                "review-round",
                judge(tenant, case_id, Body::CaseExpired(body)),
                "expired in the round before",
            ));
        }
    }
    found
}

/// What policy says again is `Some(agreed)`, or what breaks.
fn again(change: impl FnOnce(&mut Company)) -> (&'static str, &'static str) {
    let (mut company, case_id) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    company.tenant.approve(case_id, &mut finn);
    change(&mut company);
    company.tenant.approve(case_id, &mut gerd);
    let tenant = &mut company.tenant;
    let made = tenant.decision(case_id, Verdict::Escalated);
    let found = judge(tenant, case_id, Body::DecisionMade(made));
    if found != OK {
        return (found, "");
    }
    tenant.decide_again(case_id);
    (found, tenant.case(case_id).state.as_str())
}

type Change = fn(&mut Company);

/// AV-12.
#[test]
fn av_12_what_people_agreed_to_must_still_be_asked() {
    assert_eq!(again(|_| {}), (OK, "agreed"));
    let changes: [(&str, Change); 7] = [
        ("another policy", |company| company.ask(3)),
        ("the same policy", |company| company.ask(2)),
        ("counterparty", |company| {
            company
                .tenant
                .change_counterparty("acme", Approval::Watch, false);
        }),
        ("payment details", |company| {
            company
                .tenant
                .change_counterparty("acme", Approval::Approved, true);
        }),
        ("role of an approver", |company| {
            let auditor = Person {
                roles: Roles::new([Role::Auditor].into()).unwrap(),
                ..company.finn.clone()
            };
            let by = By::Two(&mut company.dana, &mut company.erin);
            let body = company.tenant.user_changed(by, &auditor, Status::Active);
            company.tenant.append(None, body);
        }),
        ("approver suspended", |company| {
            let by = By::Two(&mut company.dana, &mut company.erin);
            let body = company
                .tenant
                .user_changed(by, &company.finn, Status::Suspended);
            company.tenant.append(None, body);
        }),
        ("passkey revoked", |company| {
            let key = company
                .finn
                .approval
                .as_ref()
                .unwrap()
                .key()
                .jwk_thumbprint();
            let by = By::Two(&mut company.dana, &mut company.erin);
            let body = company.tenant.user_revoked(by, &company.finn.user, key);
            company.tenant.append(None, body);
        }),
    ];
    for (how, change) in changes {
        // The same policy published and activated again is the same bundle: nothing changed.
        let expected = if how == "the same policy" {
            "agreed"
        } else {
            "escalated"
        };
        assert_eq!(again(change), (OK, expected), "{how}");
    }
    // Numbers may move.
    let moved = again(|company| {
        company.tenant.authorized("r-7");
    });
    assert_eq!(moved, (OK, "agreed"));
}

/// AV-12: another verdict, and a decision that comes late or too soon.
fn second_decisions() -> Vec<Broken> {
    let (mut company, case_id) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    let tenant = &mut company.tenant;
    let mut found = Vec::new();
    let mut decide = |tenant: &mut Tenant, verdict, expected, how: &str| {
        let made = tenant.decision(case_id, verdict);
        found.push(case(
            expected,
            judge(tenant, case_id, Body::DecisionMade(made)),
            how,
        ));
    };
    decide(tenant, Verdict::Escalated, "not-agreed", "nobody agreed");
    tenant.approve(case_id, &mut finn);
    decide(
        tenant,
        Verdict::Escalated,
        "not-agreed",
        "one of two agreed",
    );
    decide(
        tenant,
        Verdict::Authorized,
        "not-agreed",
        "one of two agreed",
    );
    tenant.approve(case_id, &mut gerd);
    for verdict in [Verdict::Escalated, Verdict::Authorized, Verdict::Rejected] {
        decide(tenant, verdict, OK, "both agreed");
    }
    let mut apart = tenant.clone();
    apart.enrol_counterparty("globex", 1);
    decide(
        &mut apart,
        Verdict::Escalated,
        "not-agreed",
        "another entry between",
    );
    for (verdict, state) in [
        (Verdict::Authorized, "authorized"),
        (Verdict::Rejected, "rejected"),
    ] {
        let mut tenant = tenant.clone();
        tenant.decide(case_id, verdict);
        assert_eq!(tenant.case(case_id).state.as_str(), state);
    }
    // CA-2: what people agreed to does not rest.
    let row = tenant.case(case_id);
    assert!(row.state.may_rest());
    assert_eq!(rests(&mut tenant.rows, case_id, &row), Ok(false));
    found
}

/// AV-13.
fn passports() -> Vec<Broken> {
    let (mut company, case_id) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    let tenant = &mut company.tenant;
    tenant.approve(case_id, &mut finn);
    tenant.approve(case_id, &mut gerd);
    tenant.decide_again(case_id);
    type Change = fn(&mut Claims);
    fn people(claims: &mut Claims) -> &mut Vec<crate::passport::Approver> {
        match &mut claims.path {
            Path::Approved(approvals) => &mut approvals.people,
            Path::Authorized => panic!(),
        }
    }
    let changes: [(&'static str, Change, &str); 8] = [
        (OK, |_| {}, "as agreed"),
        (
            "approvals-mismatch",
            |claims| claims.path = Path::Authorized,
            "none",
        ),
        (
            "approvals-mismatch",
            |claims| drop(people(claims).pop()),
            "one left out",
        ),
        (
            "approvals-mismatch",
            |claims| people(claims).swap(0, 1),
            "in another order",
        ),
        (
            "approvals-mismatch",
            |claims| {
                let one = people(claims)[0].clone();
                people(claims).push(one);
            },
            "one twice",
        ),
        (
            "approvals-mismatch",
            |claims| people(claims)[0].key = people(claims)[1].key,
            "another key",
        ),
        (
            "approvals-mismatch",
            |claims| people(claims)[0].reason = None,
            "another reason",
        ),
        (
            "approvals-mismatch",
            |claims| {
                if let Path::Approved(approvals) = &mut claims.path {
                    approvals.sheet = Digest::from_bytes([7; 32]);
                }
            },
            "another sheet",
        ),
    ];
    let mut found = Vec::new();
    for (expected, change, how) in changes {
        let mut claims = tenant.clone().claims(case_id);
        change(&mut claims);
        let sealed = tenant.seal(Key::Seal, &claims.to_value());
        found.push(case(
            expected,
            judge(tenant, case_id, Body::PassportIssued(sealed)),
            how,
        ));
    }
    // Where policy alone allowed it, nobody agreed.
    let agreed = tenant.claims(case_id).path;
    let alone = tenant.request("r-2", &crate::verify::testing::payment(12_500));
    tenant.decide(alone, Verdict::Authorized);
    let mut claims = tenant.claims(alone);
    claims.path = agreed;
    let sealed = tenant.seal(Key::Seal, &claims.to_value());
    found.push(case(
        "approvals-mismatch",
        judge(tenant, alone, Body::PassportIssued(sealed)),
        "of another case",
    ));
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = rounds();
    all.extend(second_decisions());
    all.extend(passports());
    all
}

#[test]
fn av_12_policy_is_asked_again_when_all_agreed() {
    check(&second_decisions());
}

#[test]
fn av_13_a_passport_names_who_agreed() {
    check(&passports());
}

#[test]
fn av_14_av_15_rounds_count_from_1_to_16_and_freeze_a_sheet() {
    check(&rounds());
}

/// What a server does before it writes: each event over rows that nobody else sees, then the sheet, and whether people
/// agreed, by the functions of the fold.
#[test]
fn a_change_is_made_over_rows_that_are_not_set_yet() {
    let (mut company, case_id) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    company.tenant.approve(case_id, &mut finn);
    let before = company.tenant.rows.clone();
    let tenant = &mut company.tenant;
    let place = tenant.place(case_id);
    let given = tenant.approval_given(case_id, &mut gerd, None);
    let made = tenant.decision(case_id, Verdict::Escalated);
    let event = tenant.event(Some(place), Body::ApprovalGiven(given));
    let (at, index) = (
        event.decided_at,
        u64::try_from(tenant.entries.len()).unwrap(),
    );
    let mut ahead = Ahead::of(&mut tenant.rows);
    let digest = Event::digest_of(&event.encode());
    apply(&mut ahead, &event, digest, index, Completeness::Whole).unwrap();
    let approvals = agreed(&mut ahead, case_id, &made, at).unwrap().unwrap();
    assert_eq!(approvals.into_approvals().people.len(), 2);
    assert!(SheetFacts::of(&mut ahead, case_id, &made).is_ok());
    drop(ahead);
    assert!(tenant.rows.iter().eq(before.iter()), "nothing was set");
    // Below, the second has not agreed.
    let found = agreed(&mut tenant.rows, case_id, &made, at);
    assert!(matches!(
        found,
        Err(StateError::Broken {
            code: "not-agreed",
            ..
        })
    ));
}

/// AV-11.
#[test]
fn av_11_the_first_refusal_closes_the_case() {
    let (mut company, case_id) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    company.tenant.approve(case_id, &mut finn);
    company.tenant.refuse(case_id, &mut gerd);
    assert_eq!(company.tenant.case(case_id).state.as_str(), "refused");
    let row = company.tenant.case(case_id);
    assert_eq!(rests(&mut company.tenant.rows, case_id, &row), Ok(true));
    let review = company.tenant.review(case_id);
    let tenant = &mut company.tenant;
    let made = tenant.decision(case_id, Verdict::Escalated);
    assert_eq!(
        judge(tenant, case_id, Body::DecisionMade(made)),
        "case-step"
    );
    tenant.wait_ms(DAY_MS);
    let expired = CaseExpired {
        round: 1,
        deadline: review.deadline,
    };
    assert_eq!(
        judge(tenant, case_id, Body::CaseExpired(expired)),
        "case-step"
    );
}
