//! What people sign in a review: AV-1, AV-2, AV-3, AV-5.

use super::*;
use crate::{
    entry::CaseId,
    event::Judged,
    log::note::KeyName,
    passkey::{
        Site,
        context::{ApprovalContext, Choice, Life, Nonce, Reason, SignInContext},
        testing::Authenticator,
    },
    verify::testing::{APPROVAL, Company, PORTAL},
};

pub(super) const DAY_MS: u64 = 86_400_000;

/// A case of which two of finance are asked.
pub(super) fn asked() -> (Company, CaseId) {
    let mut company = Company::asking(1, 2);
    let case = company.tenant.escalated("r-1");
    (company, case)
}

/// How the next event of a case is judged: signature, then order, as an auditor does.
pub(super) fn judge(tenant: &mut Tenant, case_id: CaseId, body: Body) -> &'static str {
    let place = tenant.place(case_id);
    let event = tenant.clone().event(Some(place), body);
    let mut blobs = Held(tenant.blobs.clone());
    if let Err(error) = check_signed(&mut tenant.rows.clone(), &mut blobs, &event) {
        return error.code();
    }
    let index = u64::try_from(tenant.entries.len()).unwrap();
    code_of(&tenant.rows, &event, index, Completeness::Whole)
}

/// What `finn` signs after a change to the context, and how it is judged.
fn changed(change: impl FnOnce(&mut ApprovalContext, &mut Company)) -> &'static str {
    let (mut company, case_id) = asked();
    let choice = Choice::Approve { reason: None };
    let mut finn = company.finn.clone();
    let mut context = company
        .tenant
        .approval_context(case_id, &finn, None, choice);
    change(&mut context, &mut company);
    let mut body = company.tenant.judged(&mut finn, context);
    body.round = 1;
    judge(&mut company.tenant, case_id, Body::ApprovalGiven(body))
}

/// AV-1, AV-2, AV-3.
fn contexts() -> Vec<Broken> {
    let digest = Digest::from_bytes([7; 32]);
    let mut found = Vec::from([
        case(OK, changed(|_, _| {}), "as shown"),
        case(
            "stale-sheet",
            changed(|c, _| c.round = 2.try_into().unwrap()),
            "round",
        ),
        case("stale-sheet", changed(|c, _| c.sheet = digest), "sheet"),
        case("stale-sheet", changed(|c, _| c.review = digest), "review"),
        case(
            "other-case",
            changed(|c, _| c.case = CaseId::from_bytes([7; 16])),
            "case",
        ),
        case("other-case", changed(|c, _| c.request = digest), "request"),
        case("other-case", changed(|c, _| c.bundle = digest), "bundle"),
        case(
            "other-case",
            changed(|c, _| {
                c.rules = crate::passkey::context::RuleIds::new(["x".into()].into()).unwrap();
            }),
            "rules",
        ),
        case(
            "other-case",
            changed(|c, _| c.system = id("crm")),
            "audience",
        ),
        case(
            "other-case",
            changed(|c, _| {
                c.origin = KeyName::parse("agentsigna.test/t/0000000000000009").unwrap();
            }),
            "log",
        ),
        case(
            "no-round",
            changed(|c, company| {
                company.tenant.wait_ms(4 * 3_600_000 - 1000);
                let now = company.tenant.now();
                c.life = Life::new(now, now.plus(1000)).unwrap();
            }),
            "after its deadline",
        ),
        case(
            "approval-time",
            changed(|c, company| {
                c.life =
                    Life::new(company.tenant.now().plus(1), company.tenant.now().plus(2)).unwrap();
            }),
            "signed for later",
        ),
        case(
            "approval-time",
            changed(|_, company| company.tenant.wait_ms(600_000)),
            "signed and kept",
        ),
    ]);
    let (mut company, case_id) = asked();
    let mut finn = company.finn.clone();
    let refused = company.tenant.approval_refused(case_id, &mut finn);
    let agreed = company.tenant.approval_given(case_id, &mut finn, None);
    let tenant = &mut company.tenant;
    for (expected, body, how) in [
        (
            "other-decision",
            Body::ApprovalGiven(refused.clone()),
            "a refusal as approval",
        ),
        (
            "other-decision",
            Body::ApprovalRefused(agreed.clone()),
            "an approval as refusal",
        ),
        (OK, Body::ApprovalRefused(refused), "a refusal"),
        (
            "review-round",
            Body::ApprovalGiven(Judged {
                round: 2,
                ..agreed.clone()
            }),
            "in another round",
        ),
    ] {
        found.push(case(expected, judge(tenant, case_id, body), how));
    }
    let closed = tenant.rejected("r-2");
    found.push(case(
        "no-round",
        judge(tenant, closed, Body::ApprovalGiven(agreed)),
        "of a closed case",
    ));
    found
}

/// AV-5: of whom, where and how the device says it was asked.
fn signatures() -> Vec<Broken> {
    let (mut company, case_id) = asked();
    let choice = Choice::Approve { reason: None };
    let mut finn = company.finn.clone();
    let context = company
        .tenant
        .approval_context(case_id, &finn, None, choice);
    let device: &mut Authenticator = finn.approval.as_mut().unwrap();
    let (there, elsewhere) = (Site::parse(APPROVAL).unwrap(), Site::parse(PORTAL).unwrap());
    let sign_in = SignInContext {
        site: elsewhere.clone(),
        nonce: Nonce::new([1; 32]),
        expires_at: company.tenant.now().plus(1000),
    };
    let unverified = device
        .clone()
        .with_flags(0x01)
        .assert(&there, context.challenge());
    let absent = device
        .clone()
        .with_flags(0x04)
        .assert(&there, context.challenge());
    let mut stranger = Authenticator::new(99).with_credential(device.credential().as_bytes());
    let asserted = [
        (OK, device.assert(&there, context.challenge()), "as asked"),
        (
            "wrong-web-origin",
            device.assert(&elsewhere, context.challenge()),
            "at the portal",
        ),
        (
            "wrong-challenge",
            device.assert(&there, sign_in.challenge()),
            "a sign-in",
        ),
        ("not-verified", unverified, "UV is zero"),
        ("not-present", absent, "UP is zero"),
        (
            "bad-assertion",
            stranger.assert(&there, context.challenge()),
            "another key",
        ),
        (
            "other-credential",
            Authenticator::new(99).assert(&there, context.challenge()),
            "another credential",
        ),
    ];
    let mut found = Vec::new();
    for (expected, assertion, how) in asserted {
        let body = Judged {
            round: 1,
            context: context.clone(),
            assertion,
        };
        found.push(case(
            expected,
            judge(&mut company.tenant, case_id, Body::ApprovalGiven(body)),
            how,
        ));
    }
    let mut other = context;
    other.choice = Choice::Approve {
        reason: Reason::parse("another"),
    };
    let body = Judged {
        context: other,
        ..company.tenant.approval_given(case_id, &mut finn, None)
    };
    found.push(case(
        "wrong-challenge",
        judge(&mut company.tenant, case_id, Body::ApprovalGiven(body)),
        "another reason",
    ));
    // A log without people has nobody who could sign.
    let mut bare = Tenant::ready(1);
    let case_id = bare.escalated("r-1");
    let theirs = company.tenant.escalated("r-9");
    let body = company.tenant.approval_given(theirs, &mut finn, None);
    found.push(case(
        "no-site",
        judge(&mut bare, case_id, Body::ApprovalGiven(body)),
        "a log without people",
    ));
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = contexts();
    all.extend(signatures());
    all
}

#[test]
fn av_1_av_2_av_3_a_word_is_about_what_is_open() {
    check(&contexts());
}

#[test]
fn av_5_a_device_signed_it_here_and_now() {
    check(&signatures());
}
