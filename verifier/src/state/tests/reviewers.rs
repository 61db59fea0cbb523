//! Who may judge, beside whom and for whom: AV-4, AV-6 to AV-10.

use super::{
    review::{DAY_MS, asked, judge},
    *,
};
use crate::{
    case::Step,
    entry::CaseId,
    event::CaseExpired,
    people::{Groups, Role, Roles},
    snapshot::Status,
    verify::testing::{By, Company, Person},
};

fn given(company: &mut Company, case_id: CaseId, person: &mut Person) -> &'static str {
    word(company, case_id, person, None)
}

fn given_for(company: &mut Company, case_id: CaseId, person: &mut Person, of: &Id) -> &'static str {
    word(company, case_id, person, Some(of))
}

/// How an approval is judged; and a list of what asks whom must say the same before it is signed.
fn word(
    company: &mut Company,
    case_id: CaseId,
    person: &mut Person,
    of: Option<&Id>,
) -> &'static str {
    let at = company.tenant.now();
    let given = company.tenant.approval_given(case_id, person, of);
    let code = judge(&mut company.tenant, case_id, Body::ApprovalGiven(given));
    let mut rows = company.tenant.rows.clone();
    let told = may_judge(&mut rows, case_id, (&person.user, of), Step::Approved, at);
    let told = match told {
        Ok(()) => OK,
        Err(StateError::Broken { code, .. }) => code,
        Err(StateError::Rows(never)) => match never {},
    };
    // It knows no passkey: who has none of the log is no approver, and who uses another one may have the right one.
    if code != "unknown-passkey" {
        assert_eq!(told, code, "{}", person.user);
    }
    code
}

/// AV-4, AV-6, AV-7, AV-10.
fn people() -> Vec<Broken> {
    let (mut company, case_id) = asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    let mut found = Vec::new();
    // AV-4.
    let mut other = company.clone();
    let auditor = Person {
        roles: Roles::new([Role::Auditor].into()).unwrap(),
        ..finn.clone()
    };
    let by = By::Two(&mut other.dana, &mut other.erin);
    let body = other.tenant.user_changed(by, &auditor, Status::Active);
    other.tenant.append(None, body);
    found.push(case(
        "not-approver",
        given(&mut other, case_id, &mut finn),
        "another role",
    ));
    let mut other = company.clone();
    let by = By::Two(&mut other.dana, &mut other.erin);
    let body = other.tenant.user_changed(by, &finn, Status::Suspended);
    other.tenant.append(None, body);
    found.push(case(
        "not-approver",
        given(&mut other, case_id, &mut finn),
        "suspended",
    ));
    let mut other = company.clone();
    let key = finn.approval.as_ref().unwrap().key().jwk_thumbprint();
    let by = By::Two(&mut other.dana, &mut other.erin);
    let body = other.tenant.user_revoked(by, &finn.user, key);
    other.tenant.append(None, body);
    found.push(case(
        "unknown-passkey",
        given(&mut other, case_id, &mut finn),
        "revoked",
    ));
    let mut late = Person::new("hugo", 6, &[Role::Approver], &["finance"]);
    found.push(case(
        "unknown-passkey",
        given(&mut company, case_id, &mut late),
        "not yet enrolled",
    ));
    let mut with_sign_in = finn.clone();
    with_sign_in.approval = Some(finn.sign_in.clone());
    found.push(case(
        "unknown-passkey",
        given(&mut company, case_id, &mut with_sign_in),
        "with the sign-in passkey",
    ));
    // Without a look at the signature too: who counts is order.
    let body = company.tenant.approval_given(case_id, &mut late, None);
    let place = company.tenant.place(case_id);
    found.push(case(
        "not-approver",
        next(&company.tenant, Some(place), Body::ApprovalGiven(body)),
        "nobody",
    ));
    let body = company
        .tenant
        .approval_given(case_id, &mut with_sign_in, None);
    found.push(case(
        "unknown-passkey",
        next(&company.tenant, Some(place), Body::ApprovalGiven(body)),
        "another use",
    ));
    // AV-6.
    company.tenant.approve(case_id, &mut finn);
    found.push(case(
        "judged-before",
        given(&mut company, case_id, &mut finn),
        "twice",
    ));
    let refused = company.tenant.approval_refused(case_id, &mut finn);
    found.push(case(
        "judged-before",
        judge(&mut company.tenant, case_id, Body::ApprovalRefused(refused)),
        "agreed, then refused",
    ));
    // AV-10.
    let legal = Person::new("hugo", 6, &[Role::Approver], &["legal"]);
    company.enrol(&legal);
    let mut legal = legal;
    found.push(case(
        "not-asked",
        given(&mut company, case_id, &mut legal),
        "in another group",
    ));
    let refused = company.tenant.approval_refused(case_id, &mut legal);
    found.push(case(
        "not-asked",
        judge(&mut company.tenant, case_id, Body::ApprovalRefused(refused)),
        "refused from another group",
    ));
    found.push(case(
        OK,
        given(&mut company, case_id, &mut gerd),
        "the second",
    ));
    company.tenant.approve(case_id, &mut gerd);
    let mut third = Person::new("ida", 7, &[Role::Approver], &["finance"]);
    company.enrol(&third);
    found.push(case(
        "no-round",
        given(&mut company, case_id, &mut third),
        "a third of two",
    ));
    let refused = company.tenant.approval_refused(case_id, &mut third);
    found.push(case(
        "no-round",
        judge(&mut company.tenant, case_id, Body::ApprovalRefused(refused)),
        "refused after all agreed",
    ));
    let review = company.tenant.review(case_id);
    company.tenant.wait_ms(DAY_MS);
    let expired = CaseExpired {
        round: 1,
        deadline: review.deadline,
    };
    found.push(case(
        "no-round",
        judge(&mut company.tenant, case_id, Body::CaseExpired(expired)),
        "expired after all agreed",
    ));
    found.extend(excluded());
    found
}

/// AV-7: the sponsor for ever, who activated the policy for a day.
fn excluded() -> Vec<Broken> {
    let mut found = Vec::new();
    for (first, second) in [(true, false), (false, true)] {
        let mut company = Company::asking(1, 2);
        // An approver of finance who is an administrator too.
        let both = [Role::Administrator, Role::Approver];
        let mut hugo = Person::new("hugo", 6, &both, &["finance"]);
        company.enrol(&hugo);
        company.tenant.wait_ms(DAY_MS);
        let bundle = *company.tenant.blobs.keys().next().unwrap();
        let by = match (first, second) {
            (true, _) => By::Two(&mut hugo, &mut company.erin),
            _ => By::Two(&mut company.erin, &mut hugo),
        };
        let activated = company.tenant.policy_activated(by, bundle);
        let at = company.tenant.now();
        company.tenant.append(None, activated);
        let case_id = company.tenant.escalated("r-1");
        found.push(case(
            "excluded",
            given(&mut company, case_id, &mut hugo),
            "activated the policy",
        ));
        // To the millisecond.
        let mut later = company.clone();
        let age = later.tenant.now().millis() - at.millis();
        later.tenant.wait_ms(DAY_MS - age - 8000);
        let case_id = later.tenant.escalated("r-2");
        let age = later.tenant.now().millis() - at.millis();
        later.tenant.wait_ms(DAY_MS - age - 1);
        found.push(case(
            "excluded",
            given(&mut later, case_id, &mut hugo),
            "1 ms less than a day",
        ));
        later.tenant.wait_ms(1);
        found.push(case(
            OK,
            given(&mut later, case_id, &mut hugo),
            "a day later",
        ));
    }
    let (mut company, case_id) = asked();
    let sponsor = Person {
        roles: Roles::new([Role::Administrator, Role::Approver].into()).unwrap(),
        groups: Groups::new([id("finance")].into()).unwrap(),
        ..company.dana.clone()
    };
    let by = By::Two(&mut company.dana, &mut company.erin);
    let body = company.tenant.user_changed(by, &sponsor, Status::Active);
    company.tenant.append(None, body);
    let mut dana = company.dana.clone();
    found.push(case(
        "excluded",
        given(&mut company, case_id, &mut dana),
        "the sponsor",
    ));
    let mut gerd = company.gerd.clone();
    let delegation = company
        .tenant
        .delegation_given(&mut dana, &gerd.user, &["finance"], DAY_MS);
    company.tenant.append(None, delegation);
    found.push(case(
        "excluded",
        given_for(&mut company, case_id, &mut gerd, &dana.user),
        "for the sponsor",
    ));
    found
}

/// AV-8: within a day, in both directions, in the round and not outside it.
fn enrolled() -> Vec<Broken> {
    let both = [Role::Administrator, Role::Approver];
    let setting = |days_between: u64| {
        let mut company = Company::asking(1, 2);
        let mut hugo = Person::new("hugo", 6, &both, &["finance"]);
        company.enrol(&hugo);
        company.tenant.wait_ms(2 * DAY_MS);
        let ida = Person::new("ida", 7, &[Role::Approver], &["finance"]);
        let by = By::Two(&mut company.erin, &mut hugo);
        company.tenant.enrol_person(by, &ida);
        company.tenant.wait_ms(days_between * DAY_MS);
        let case_id = company.tenant.escalated("r-1");
        (company, case_id, hugo, ida)
    };
    let mut found = Vec::new();
    let (mut company, case_id, mut hugo, mut ida) = setting(0);
    found.push(case(OK, given(&mut company, case_id, &mut ida), "alone"));
    found.push(case(OK, given(&mut company, case_id, &mut hugo), "alone"));
    let mut other = company.clone();
    other.tenant.approve(case_id, &mut hugo.clone());
    found.push(case(
        "enrolled-each-other",
        given(&mut other, case_id, &mut ida),
        "after the enroller",
    ));
    let refused = other.tenant.approval_refused(case_id, &mut ida);
    found.push(case(
        "enrolled-each-other",
        judge(&mut other.tenant, case_id, Body::ApprovalRefused(refused)),
        "refused",
    ));
    let mut other = company.clone();
    other.tenant.approve(case_id, &mut ida.clone());
    found.push(case(
        "enrolled-each-other",
        given(&mut other, case_id, &mut hugo),
        "before the enroller",
    ));
    // Through somebody else, and for whom one enrolled oneself.
    let mut gerd = company.gerd.clone();
    for to in [gerd.user.clone(), hugo.user.clone()] {
        let body = company
            .tenant
            .delegation_given(&mut ida, &to, &["finance"], DAY_MS);
        company.tenant.append(None, body);
    }
    found.push(case(
        "enrolled-each-other",
        given_for(&mut company, case_id, &mut hugo, &ida.user),
        "for the enrolled",
    ));
    found.push(case(
        OK,
        given_for(&mut company, case_id, &mut gerd, &ida.user),
        "somebody else for the enrolled",
    ));
    company.tenant.approve(case_id, &mut hugo);
    found.push(case(
        "enrolled-each-other",
        given_for(&mut company, case_id, &mut gerd, &ida.user),
        "beside the enroller",
    ));

    let (mut company, case_id, mut hugo, mut ida) = setting(1);
    company.tenant.approve(case_id, &mut hugo);
    found.push(case(
        OK,
        given(&mut company, case_id, &mut ida),
        "a day later",
    ));
    found
}

/// AV-9.
fn delegations() -> Vec<Broken> {
    let (mut company, case_id) = asked();
    let (mut finn, gerd) = (company.finn.clone(), company.gerd.clone());
    let mut legal = Person::new("hugo", 6, &[Role::Approver], &["legal"]);
    let mut third = Person::new("ida", 7, &[Role::Approver], &["legal"]);
    company.enrol(&legal);
    company.enrol(&third);
    let mut found = Vec::new();
    found.push(case(
        "no-delegation",
        given_for(&mut company, case_id, &mut legal, &finn.user),
        "none",
    ));
    let ends = company.tenant.now().plus(60_000);
    let body = company
        .tenant
        .delegation_given(&mut finn, &legal.user, &["finance"], 60_000);
    company.tenant.append(None, body);
    found.push(case(
        OK,
        given_for(&mut company, case_id, &mut legal, &finn.user),
        "for finance",
    ));
    found.push(case(
        "no-delegation",
        given_for(&mut company, case_id, &mut third, &finn.user),
        "somebody else",
    ));
    // Two hops: from finn to hugo, from hugo to ida.
    let hops = company
        .tenant
        .delegation_given(&mut legal, &third.user, &["legal"], DAY_MS);
    company.tenant.append(None, hops);
    found.push(case(
        "not-asked",
        given_for(&mut company, case_id, &mut third, &legal.user),
        "two hops",
    ));
    found.push(case(
        "no-delegation",
        given_for(&mut company, case_id, &mut third, &finn.user),
        "over two hops",
    ));
    let mut oneself = finn.clone();
    found.push(case(
        "no-delegation",
        given_for(&mut company, case_id, &mut oneself, &finn.user),
        "for oneself",
    ));
    // One person, one slot, whoever judges.
    let mut other = company.clone();
    other.tenant.approve(case_id, &mut finn.clone());
    found.push(case(
        "judged-before",
        given_for(&mut other, case_id, &mut legal, &finn.user),
        "for one who judged",
    ));
    let mut other = company.clone();
    other
        .tenant
        .approve_for(case_id, &mut legal.clone(), &finn.user);
    found.push(case(
        "judged-before",
        given(&mut other, case_id, &mut finn.clone()),
        "judged for before",
    ));
    found.push(case(
        "judged-before",
        given(&mut other, case_id, &mut legal.clone()),
        "for another before",
    ));
    let mut gerd_too = gerd.clone();
    let again = other
        .tenant
        .delegation_given(&mut finn, &gerd.user, &["finance"], DAY_MS);
    other.tenant.append(None, again);
    found.push(case(
        "judged-before",
        given_for(&mut other, case_id, &mut gerd_too, &finn.user),
        "judged for twice",
    ));
    // Only what the first still has, and while the first takes part.
    let mut other = company.clone();
    let moved = Person {
        groups: Groups::new([id("legal")].into()).unwrap(),
        ..finn.clone()
    };
    let by = By::Two(&mut other.dana, &mut other.erin);
    let body = other.tenant.user_changed(by, &moved, Status::Active);
    other.tenant.append(None, body);
    found.push(case(
        "not-asked",
        given_for(&mut other, case_id, &mut legal, &finn.user),
        "groups that are gone",
    ));
    let mut other = company.clone();
    let by = By::Two(&mut other.dana, &mut other.erin);
    let body = other.tenant.user_changed(by, &finn, Status::Suspended);
    other.tenant.append(None, body);
    found.push(case(
        "no-delegation",
        given_for(&mut other, case_id, &mut legal, &finn.user),
        "for one who is suspended",
    ));
    // To the millisecond.
    let left = ends.millis() - company.tenant.now().millis();
    company.tenant.wait_ms(left - 1);
    found.push(case(
        OK,
        given_for(&mut company, case_id, &mut legal, &finn.user),
        "1 ms before its end",
    ));
    company.tenant.wait_ms(1);
    found.push(case(
        "no-delegation",
        given_for(&mut company, case_id, &mut legal, &finn.user),
        "at its end",
    ));
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = people();
    all.extend(enrolled());
    all.extend(delegations());
    all
}

#[test]
fn av_4_av_6_av_7_av_10_who_judges_may_and_is_asked() {
    check(&people());
}

#[test]
fn av_8_nobody_judges_beside_whom_they_enrolled_that_day() {
    check(&enrolled());
}

#[test]
fn av_9_one_person_judges_for_another_over_one_hop() {
    check(&delegations());
}
