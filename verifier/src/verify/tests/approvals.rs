//! What people agreed to, by a Passport, a case file and a whole log.

use super::{
    super::{Voucher, ledger},
    *,
};
use crate::{
    decision::Verdict,
    passport::{Approvals, Claims, Passport, Path},
    snapshot::Approval,
    verify::testing::{Company, Person, Role},
};

pub(super) const NOW: Question = Question {
    at: None,
    pinned: true,
    expects_authority: true,
};

pub(super) fn at(company: &Company) -> Question {
    Question {
        at: Some(company.tenant.now()),
        ..NOW
    }
}

pub(super) fn claim<'a>(report: &'a Report, name: &str) -> Vec<(&'a str, Voucher)> {
    let mine = report.claims().iter().filter(|claim| claim.name == name);
    mine.map(|claim| (claim.value.as_str(), claim.by)).collect()
}

/// AV-5, AV-13, VE-32. Goal: the keys in a Passport made what it says they made. Method: the real one, then one part
/// after the other of another.
#[test]
fn ve_32_people_signed_exactly_this() {
    let mut company = Company::asking(1, 2);
    let case = company.approved("r-1");
    let question = at(&company);
    let passport = company.tenant.passport(case);
    let trust = company.tenant.trust();
    let report = verify(&passport, &trust, &question);
    assert_eq!(word(&report), "VALID", "{report:?}");
    assert_eq!(
        claim(&report, "agreed"),
        [
            ("finn: \"as agreed\"", Voucher::ApproverDevice),
            ("gerd: \"as agreed\"", Voucher::ApproverDevice)
        ]
    );
    assert!(
        report
            .not_checked()
            .iter()
            .any(|item| item.what == "approvers")
    );
    let check = report
        .checks()
        .iter()
        .find(|check| check.step == Step::Approvals);
    assert_eq!(check.unwrap().by, [Voucher::ApproverDevice]);
    // Nobody stands behind the approvals of a Passport that has none.
    let alone = company.tenant.authorized("r-2");
    let report = verify(&company.tenant.passport(alone), &trust, &at(&company));
    let check = report
        .checks()
        .iter()
        .find(|check| check.step == Step::Approvals);
    assert_eq!(
        (word(&report), check.unwrap().by),
        ("VALID".into(), &[][..])
    );
    assert_eq!(claim(&report, "agreed"), []);

    let shown = Passport::parse(&passport).unwrap();
    type Change = fn(&mut Claims);
    fn approvals(claims: &mut Claims) -> &mut Approvals {
        match &mut claims.path {
            Path::Approved(approvals) => approvals,
            Path::Authorized => panic!(),
        }
    }
    let digest = crate::digest::Digest::from_bytes([7; 32]);
    let changes: [(&str, &str, Change); 13] = [
        ("wrong-challenge", "round", |c| {
            approvals(c).round = 2.try_into().unwrap();
        }),
        ("wrong-challenge", "sheet", |c| {
            approvals(c).sheet = crate::digest::Digest::from_bytes([7; 32]);
        }),
        ("wrong-challenge", "review", |c| {
            approvals(c).review = crate::digest::Digest::from_bytes([7; 32]);
        }),
        ("wrong-challenge", "approver", |c| {
            approvals(c).people[0].approver = crate::id::Id::parse("hugo").unwrap();
        }),
        ("wrong-challenge", "for", |c| {
            approvals(c).people[0].delegator = crate::id::Id::parse("hugo").ok();
        }),
        ("wrong-challenge", "reason", |c| {
            approvals(c).people[0].reason = None;
        }),
        ("wrong-challenge", "nonce", |c| {
            approvals(c).people[0].nonce = approvals(c).people[1].nonce;
        }),
        ("bad-assertion", "key", |c| {
            approvals(c).people[0].key = crate::passkey::testing::Authenticator::new(90).key();
        }),
        ("wrong-challenge", "assertion", |c| {
            approvals(c).people[0].assertion = approvals(c).people[1].assertion.clone();
        }),
        ("approvals-mismatch", "one twice", |c| {
            approvals(c).people[1] = approvals(c).people[0].clone();
        }),
        ("approvals-mismatch", "for the other", |c| {
            approvals(c).people[1].delegator = Some(approvals(c).people[0].approver.clone());
        }),
        ("approvals-mismatch", "one key", |c| {
            approvals(c).people[1].key = approvals(c).people[0].key;
        }),
        ("wrong-challenge", "case", |c| {
            c.case = crate::entry::CaseId::from_bytes([7; 16]);
        }),
    ];
    let judge = |claims: &Claims| {
        let sealed = company.tenant.seal(Role::Seal, &claims.to_value());
        let again = Passport::parse(&sealed).unwrap();
        word(&verify(
            &again.delivered(shown.delivery().unwrap()),
            &trust,
            &question,
        ))
    };
    for (code, how, change) in changes {
        let mut claims = shown.claims().clone();
        change(&mut claims);
        assert_eq!(judge(&claims), format!("REFUSED {code}"), "{how}");
    }
    let mut claims = shown.claims().clone();
    claims.chain[0] = digest;
    assert_eq!(judge(&claims), "REFUSED wrong-challenge");
    claims = shown.claims().clone();
    claims.rules = ["other".into()].into();
    assert_eq!(judge(&claims), "REFUSED wrong-challenge");
    claims.rules.clear();
    assert_eq!(judge(&claims), "REFUSED approvals-mismatch");
    // Signed for later than the Passport.
    claims = shown.claims().clone();
    let early = claims.issued_s - 3600;
    (claims.issued_s, claims.not_before_s, claims.expires_s) = (early, early, early + 300);
    assert_eq!(judge(&claims), "REFUSED approval-time");
    // A log of the trust file without people.
    let bare = Tenant::ready(1).trust();
    let report = verify(&passport, &bare, &question);
    assert_eq!(word(&report), "REFUSED no-site");
}

/// PA-7. How many fit: a browser's client data of 200 bytes, a credential id of 32, a reason of a line.
#[test]
fn pa_7_five_approvals_find_room() {
    let mut company = Company::asking(1, 1);
    let case = company.approved("r-1");
    let passport = Passport::parse(&company.tenant.passport(case)).unwrap();
    let mut claims = passport.claims().clone();
    let Path::Approved(approvals) = &mut claims.path else {
        panic!()
    };
    let first = approvals.people[0].clone();
    let mut people = 0;
    let mut sizes = Vec::new();
    loop {
        let mut person = first.clone();
        let assertion = &first.assertion;
        let client = std::format!(
            r#"{{"type":"webauthn.get","challenge":"{}","origin":"https://approve.authority.example.com","crossOrigin":false,"other_keys_can_be_added_here":"do not compare"}}"#,
            "A".repeat(43)
        );
        assert!((190..=215).contains(&client.len()), "{}", client.len());
        person.assertion = crate::passkey::Assertion::new(
            Vec::from([7; 32]),
            assertion.authenticator().as_bytes(),
            client.as_bytes(),
            assertion.signature().as_bytes(),
        )
        .unwrap();
        people += 1;
        let Path::Approved(approvals) = &mut claims.path else {
            panic!()
        };
        approvals.people.resize(people, person);
        for slot in 0..people {
            approvals.people[slot].assertion = approvals.people[people - 1].assertion.clone();
        }
        claims
            .chain
            .push(crate::digest::Digest::from_bytes([7; 32]));
        let sealed = company.tenant.seal(Role::Seal, &claims.to_value());
        if Passport::parse(&sealed).is_err() {
            break;
        }
        sizes.push(sealed.len());
    }
    assert!(sizes[1] < 2_600, "two fit with room: {sizes:?}");
    assert_eq!(sizes.len(), 5, "{sizes:?}");
}

/// CF-5, VE-18. Goal: a stranger with one file sees who agreed and by whose word they could. Method: one entry after
/// the other left out.
#[test]
fn ve_18_a_case_file_leads_every_approver_back_to_the_founder() {
    let mut company = Company::asking(1, 2);
    let case = company.approved("r-1");
    let (trust, question) = (company.tenant.trust(), at(&company));
    let report = verify(&company.tenant.case_file(case), &trust, &question);
    assert_eq!(word(&report), "VALID", "{report:?}");
    assert_eq!(claim(&report, "agreed").len(), 2);
    let indices = company.tenant.chain_of(case);
    let kinds: Vec<&str> = indices
        .iter()
        .map(|index| company.tenant.event_at(*index).body.kind())
        .collect();
    for (kind, count) in [
        ("user.enrolled", 4),
        ("user.invited", 4),
        ("user.claimed", 4),
        ("act.proposed", 5),
    ] {
        assert_eq!(
            kinds.iter().filter(|k| **k == kind).count(),
            count,
            "{kind}"
        );
    }
    for left_out in &indices {
        let rest: Vec<u64> = indices
            .iter()
            .copied()
            .filter(|index| index != left_out)
            .collect();
        let blobs = company.tenant.blobs_of(case);
        let passport = Some(company.tenant.passport(case));
        let file = company.tenant.case_file_of(case, &rest, blobs, passport);
        let kind = company.tenant.event_at(*left_out).body.kind();
        assert!(
            word(&verify(&file, &trust, &question)).starts_with("REFUSED"),
            "without {left_out} {kind}"
        );
    }
    // Said of people who did not judge, or too late: not of this case.
    let hugo = Person::new("hugo", 6, &[crate::people::Role::Approver], &["finance"]);
    company.enrol(&hugo);
    let mut with = indices.clone();
    with.push(u64::try_from(company.tenant.entries.len()).unwrap() - 1);
    let file = company.tenant.case_file_of(
        case,
        &with,
        company.tenant.blobs_of(case),
        Some(company.tenant.passport(case)),
    );
    assert_eq!(
        word(&verify(&file, &trust, &question)),
        "REFUSED surplus-entry"
    );
}

/// Where each way through a review ends, and that a stranger and an auditor both accept it.
#[test]
fn every_ending_of_a_review_is_evidence() {
    let mut company = Company::asking(1, 2);
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    let mut hugo = Person::new("hugo", 6, &[crate::people::Role::Approver], &["legal"]);
    company.enrol(&hugo);
    company.tenant.wait_ms(86_400_000);
    let Company { tenant, .. } = &mut company;
    tenant.delegate(&mut gerd, &hugo.user, 86_400_000);
    let mut cases = Vec::new();
    // Refused by one, waiting for the second, expired.
    let case = tenant.escalated("r-1");
    tenant.approve(case, &mut finn);
    tenant.refuse(case, &mut gerd);
    cases.push((case, "refused"));
    let waiting = tenant.escalated("r-2");
    tenant.approve(waiting, &mut finn);
    cases.push((waiting, "in-review"));
    // By delegation.
    let case = tenant.escalated("r-3");
    tenant.approve(case, &mut finn);
    tenant.approve_for(case, &mut hugo, &gerd.user);
    tenant.decide_again(case);
    tenant.issue(case, |_| {});
    cases.push((case, "issued"));
    // A second decision that rejects.
    let case = tenant.escalated("r-5");
    tenant.approve(case, &mut finn);
    tenant.change_counterparty("acme", Approval::Blocked, false);
    tenant.approve(case, &mut gerd);
    let blocked = ["builtin.counterparty-blocked"];
    tenant.decide_by(case, Verdict::Rejected, &blocked, &[]);
    cases.push((case, "rejected"));
    tenant.change_counterparty("acme", Approval::Approved, false);
    // A second round, since the counterparty changed in the first.
    let case = tenant.escalated("r-4");
    tenant.approve(case, &mut finn);
    tenant.change_counterparty("acme", Approval::Approved, true);
    tenant.approve(case, &mut gerd);
    tenant.decide_by(
        case,
        Verdict::Escalated,
        &["builtin.always.details-changed", "esc.amount"],
        &[("approvers", 1), ("finance", 2)],
    );
    tenant.open_review(case);
    cases.push((case, "in-review"));
    let trust = tenant.trust();
    for (case, state) in &cases {
        assert_eq!(tenant.case(*case).state.as_str(), *state);
        let question = Question {
            expects_authority: false,
            at: Some(tenant.now()),
            ..NOW
        };
        let report = verify(&tenant.case_file(*case), &trust, &question);
        assert_eq!(word(&report), "VALID", "{state}: {report:?}");
        let steps: Vec<Step> = report.checks().iter().map(|check| check.step).collect();
        assert_eq!(
            steps.contains(&Step::Sheets),
            cfg!(feature = "rules"),
            "{state}"
        );
    }
    let report = ledger_of(&company.tenant);
    assert_eq!(word(&report), "VALID", "{report:?}");
}

/// CA-2, VE-19: what people agreed to goes on in the same write.
#[test]
fn a_case_that_people_agreed_to_does_not_rest() {
    let mut company = Company::asking(1, 1);
    let case = company.tenant.escalated("r-1");
    let mut finn = company.finn.clone();
    company.tenant.approve(case, &mut finn);
    let question = Question {
        expects_authority: false,
        ..at(&company)
    };
    let trust = company.tenant.trust();
    let report = verify(&company.tenant.case_file(case), &trust, &question);
    assert_eq!(word(&report), "REFUSED case-incomplete");
    assert_eq!(word(&ledger_of(&company.tenant)), "REFUSED case-incomplete");
}

pub(super) fn ledger_of(tenant: &Tenant) -> Report {
    let mut export = tenant.export();
    let question = Question {
        at: None,
        pinned: true,
        expects_authority: false,
    };
    let options = ledger::Options { replay: true };
    match ledger::audit(
        &mut export,
        &tenant.trust(),
        &question,
        options,
        &mut |_| {},
    ) {
        Ok(report) => report,
        Err(never) => match never {},
    }
}
