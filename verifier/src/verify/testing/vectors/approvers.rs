//! Faults of who judges: `testdata/approvals`.

use alloc::{format, vec::Vec};

use super::{
    super::{By, Company, Person, acts::id},
    Vector,
    approvals::{DAY_MS, asked, taken, vector},
};
use crate::{
    entry::CaseId,
    event::Body,
    id::Id,
    people::{Groups, Role, Roles},
    snapshot::Status,
};

/// Somebody new of finance, a day ago.
fn hugo(company: &mut Company, roles: &[Role]) -> Person {
    let hugo = Person::new("hugo", 6, roles, &["finance"]);
    company.enrol(&hugo);
    company.tenant.wait_ms(DAY_MS);
    hugo
}

/// What `person` says in a case, whether it may be said or not.
fn says(company: &mut Company, case: CaseId, person: &mut Person, of: Option<&Id>) -> Vec<u8> {
    let body = company.tenant.approval_given(case, person, of);
    taken(company, case, Body::ApprovalGiven(body))
}

pub(super) fn all() -> Vec<Vector> {
    let both = [Role::Administrator, Role::Approver];
    let mut all = Vec::new();
    let mut add = |name: &str, company: &Company, bytes, answer, description| {
        all.push(vector(
            &format!("{name}.case"),
            company,
            bytes,
            answer,
            description,
        ));
    };
    // The sponsor of the agent.
    let (mut company, case) = asked();
    let sponsor = Person {
        roles: Roles::new(both.into()).unwrap(),
        groups: Groups::new([id("finance")].into()).unwrap(),
        ..company.dana.clone()
    };
    let by = By::Two(&mut company.dana, &mut company.erin);
    let body = company.tenant.user_changed(by, &sponsor, Status::Active);
    company.tenant.append(None, body);
    let mut dana = company.dana.clone();
    let bytes = says(&mut company, case, &mut dana, None);
    add(
        "sponsor",
        &company,
        bytes,
        "REFUSED excluded",
        "the sponsor of the agent agreed",
    );

    // Who activated the policy this morning, first or second.
    for first in [true, false] {
        let mut company = Company::asking(1, 2);
        let mut hugo = hugo(&mut company, &both);
        let bundle = *company.tenant.blobs.keys().next().unwrap();
        let by = if first {
            By::Two(&mut hugo, &mut company.erin)
        } else {
            By::Two(&mut company.erin, &mut hugo)
        };
        let activated = company.tenant.policy_activated(by, bundle);
        company.tenant.append(None, activated);
        let case = company.tenant.escalated("r-1");
        let bytes = says(&mut company, case, &mut hugo, None);
        let name = if first {
            "proposed-policy"
        } else {
            "activated-policy"
        };
        add(
            name,
            &company,
            bytes,
            "REFUSED excluded",
            "signed the activation of the policy within the day",
        );
    }

    let (mut company, case) = asked();
    let mut finn = company.finn.clone();
    let by = By::Two(&mut company.dana, &mut company.erin);
    let body = company.tenant.user_changed(by, &finn, Status::Suspended);
    company.tenant.append(None, body);
    let bytes = says(&mut company, case, &mut finn, None);
    add(
        "suspended",
        &company,
        bytes,
        "REFUSED not-approver",
        "suspended before it was said",
    );

    let (mut company, case) = asked();
    let mut finn = company.finn.clone();
    company.tenant.approve(case, &mut finn);
    let bytes = says(&mut company, case, &mut finn, None);
    add(
        "two-slots",
        &company,
        bytes,
        "REFUSED judged-before",
        "one person in two slots",
    );

    // Enrolled by an approver of the same round, within the day.
    let mut company = Company::asking(1, 2);
    let mut enroller = hugo(&mut company, &both);
    let mut ida = Person::new("ida", 7, &[Role::Approver], &["finance"]);
    let by = By::Two(&mut company.erin, &mut enroller);
    company.tenant.enrol_person(by, &ida);
    let case = company.tenant.escalated("r-1");
    company.tenant.approve(case, &mut enroller);
    let bytes = says(&mut company, case, &mut ida, None);
    add(
        "enroller-and-enrolled",
        &company,
        bytes,
        "REFUSED enrolled-each-other",
        "one of two signed for the other this morning: one administrator makes a quorum",
    );

    // Delegations: over, and over two hops.
    let (mut company, case) = asked();
    let (mut finn, gerd) = (company.finn.clone(), company.gerd.clone());
    let mut hops = [
        gerd.clone(),
        Person::new("hugo", 6, &[Role::Approver], &["legal"]),
    ];
    company.enrol(&hops[1]);
    company.tenant.delegate(&mut finn, &gerd.user, 2000);
    company.tenant.wait_ms(2000);
    let mut over = company.clone();
    let bytes = says(&mut over, case, &mut hops[0], Some(&finn.user));
    add(
        "delegation-over",
        &over,
        bytes,
        "REFUSED no-delegation",
        "judged for another whose delegation had ended",
    );
    company.tenant.delegate(&mut finn, &gerd.user, DAY_MS);
    let third = hops[1].user.clone();
    company.tenant.delegate(&mut hops[0], &third, DAY_MS);
    let bytes = says(&mut company, case, &mut hops[1], Some(&finn.user));
    add(
        "two-hops",
        &company,
        bytes,
        "REFUSED no-delegation",
        "judged for another over a third",
    );
    all
}
