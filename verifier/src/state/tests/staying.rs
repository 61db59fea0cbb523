//! What people do once they are in: PE-10, PE-11, PE-14. Each rule broken alone.

use alloc::vec;

use super::{
    people::{hugo, judged, org},
    *,
};
use crate::{
    event::{DelegationGiven, EndReason, SessionEnded, SignInLocked},
    key::JwkThumbprint,
    people::{Role, Roles},
    snapshot::Status,
    verify::testing::{By, Person},
};

fn last_ones() -> Vec<Broken> {
    let mut found = Vec::new();
    let mut dana = Person::administrator("dana", 1);
    let mut tenant = Tenant::found_by_person(9, &dana);
    let alone = dana.clone();
    let suspended =
        |tenant: &mut Tenant, by: By<'_>| tenant.user_changed(by, &alone, Status::Suspended);
    let last = "last-administrator";
    let body = suspended(&mut tenant, By::One(&mut dana));
    found.push(case(last, judged(&tenant, &body), "suspends herself"));
    let event = tenant.clone().event(None, body);
    let code = code_of(&tenant.rows, &event, 9, Completeness::Part);
    found.push(case(OK, code, "in a part, where others may be left out"));
    let mut auditor = dana.clone();
    auditor.roles = Roles::new(vec![Role::Auditor]).unwrap();
    let body = tenant.user_changed(By::One(&mut dana), &auditor, Status::Active);
    found.push(case(last, judged(&tenant, &body), "gives up the role"));
    let (user, own) = (dana.user.clone(), dana.sign_in_thumbprint());
    let body = tenant.user_revoked(By::One(&mut dana), &user, own);
    found.push(case(last, judged(&tenant, &body), "gives up the passkey"));
    let mut erin = Person::administrator("erin", 2);
    tenant.enrol_person(By::One(&mut dana), &erin);
    let body = suspended(&mut tenant, By::Two(&mut dana, &mut erin));
    found.push(case(OK, judged(&tenant, &body), "while there is another"));
    // With a key in a file there is always somebody.
    let mut tenant = Tenant::found_with_sites(9);
    tenant.enrol_person(By::Founder, &dana);
    let body = suspended(&mut tenant, By::Founder);
    found.push(case(OK, judged(&tenant, &body), "by the file key"));
    // A key that was registered after its time founds nothing.
    let mut genesis = tenant.clone().event(
        None,
        Body::LogCreated(Tenant::found_by_person(9, &dana).genesis()),
    );
    genesis.decided_at = genesis.decided_at.plus(600_000);
    let code = code_of(&MemoryRows::default(), &genesis, 0, Completeness::Whole);
    found.push(case("registration-mismatch", code, "founded too late"));
    found
}

fn delegations() -> Vec<Broken> {
    let mut org = org();
    let (mut finn, mut gerd, mut dana) = (org.finn.clone(), org.gerd.clone(), org.dana.clone());
    let mut found = Vec::new();
    let mut given =
        |tenant: &mut Tenant, expected, from: &mut Person, to: &Id, groups: &[&str], how: &str| {
            let body = tenant.delegation_given(from, to, groups, 1000);
            found.push(case(expected, judged(tenant, &body), how));
            body
        };
    let (to_finn, to_gerd, to_dana) = (finn.user.clone(), gerd.user.clone(), dana.user.clone());
    let tenant = &mut org.tenant;
    given(
        tenant,
        "not-approver",
        &mut dana,
        &to_gerd,
        &["finance"],
        "from an administrator",
    );
    given(
        tenant,
        "not-approver",
        &mut finn,
        &to_dana,
        &["finance"],
        "to an administrator",
    );
    given(
        tenant,
        "not-approver",
        &mut finn,
        &to_finn,
        &["finance"],
        "to oneself",
    );
    given(
        tenant,
        "unknown-person",
        &mut finn,
        &id("nobody"),
        &["finance"],
        "to nobody",
    );
    given(
        tenant,
        "delegation-range",
        &mut gerd,
        &to_finn,
        &["legal"],
        "groups of the second",
    );
    given(
        tenant,
        "delegation-range",
        &mut gerd,
        &to_finn,
        &["finance", "legal"],
        "more groups",
    );
    let ended = tenant.delegation_ended(&mut finn, &to_gerd);
    let none = judged(tenant, &ended);
    let first = given(
        tenant,
        OK,
        &mut finn,
        &to_gerd,
        &["finance", "legal"],
        "own groups",
    );
    tenant.append(None, first);
    let second = given(tenant, OK, &mut finn, &to_gerd, &["legal"], "once more");
    let index = tenant.append(None, second.clone());
    let name = RowName::Delegation(to_finn.clone(), to_gerd.clone());
    let Ok(Some(Row::Delegation(row))) = tenant.rows.row(&name) else {
        panic!("no delegation")
    };
    let Body::DelegationGiven(DelegationGiven {
        groups,
        starts_at,
        ends_at,
        ..
    }) = second
    else {
        panic!("no delegation")
    };
    // The second replaces the first.
    assert_eq!(
        row,
        DelegationRow {
            groups,
            starts_at,
            ends_at,
            index
        }
    );
    assert!(row.covers(starts_at) && !row.covers(ends_at));
    found.push(case("no-delegation", none, "ended before it was given"));
    // Somebody else's word ends nothing, and not twice.
    let forged = match tenant.delegation_ended(&mut gerd, &to_finn) {
        Body::DelegationEnded(mut body) => {
            (body.from, body.to) = (to_finn.clone(), to_gerd.clone());
            Body::DelegationEnded(body)
        }
        other => panic!("{other:?}"),
    };
    found.push(case(
        "signed-otherwise",
        judged(tenant, &forged),
        "by the second",
    ));
    let mut late = tenant.clone();
    late.wait_ms(60_000);
    let over = late.delegation_ended(&mut finn, &to_gerd);
    found.push(case(
        "no-delegation",
        judged(&late, &over),
        "when its time is over",
    ));
    let long = tenant.delegation_given(&mut finn, &to_gerd, &["legal"], 86_400_000);
    tenant.append(None, long);
    let ended = tenant.delegation_ended(&mut finn, &to_gerd);
    found.push(case(OK, judged(tenant, &ended), "by the first"));
    tenant.append(None, ended);
    let again = tenant.delegation_ended(&mut finn, &to_gerd);
    found.push(case("no-delegation", judged(tenant, &again), "twice"));
    org.set(&gerd, Status::Suspended);
    let body = org
        .tenant
        .delegation_given(&mut finn, &to_gerd, &["legal"], 1000);
    found.push(case(
        "not-approver",
        judged(&org.tenant, &body),
        "to one who is suspended",
    ));
    found
}

fn sessions() -> Vec<Broken> {
    let mut org = org();
    let mut found = Vec::new();
    let invited = hugo();
    org.invite(&invited);
    let gerd = org.gerd.clone();
    org.set(&gerd, Status::Suspended);
    let mut of = |user: &Id, expected: &'static str| {
        let ended = SessionEnded {
            user: user.clone(),
            reason: EndReason::Idle,
        };
        let locked = SignInLocked {
            user: user.clone(),
            until: UnixMillis::new(1).unwrap(),
        };
        for body in [Body::AuthEnded(ended), Body::AuthLocked(locked)] {
            let how = format!("`{}` of `{user}`", body.kind());
            found.push(case(expected, judged(&org.tenant, &body), how));
        }
    };
    of(&org.finn.user, OK);
    // A session of somebody suspended still ends.
    of(&gerd.user, OK);
    of(&id("nobody"), "unknown-person");
    of(&invited.user, "unknown-person");
    let (tenant, by) = org.two();
    let changed = tenant.user_changed(by, &invited, Status::Suspended);
    found.push(case(
        "unknown-person",
        judged(tenant, &changed),
        "suspended before a passkey is confirmed",
    ));
    let revoked = JwkThumbprint::from_bytes([7; 32]);
    let (tenant, by) = org.two();
    let body = tenant.user_revoked(by, &id("finn"), revoked);
    found.push(case(
        "unknown-passkey",
        judged(tenant, &body),
        "a passkey of nobody",
    ));
    let mut bare = Tenant::ready(3);
    let (body, _) = bare.user_invited(By::Founder, &invited);
    found.push(case("no-site", judged(&bare, &body), "a log without sites"));
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = last_ones();
    all.extend(delegations());
    all.extend(sessions());
    all
}

#[test]
fn pe_10_a_log_founded_by_a_person_keeps_an_administrator() {
    check(&last_ones());
}

#[test]
fn pe_11_delegations_go_from_approver_to_approver() {
    check(&delegations());
}

#[test]
fn pe_14_sessions_are_of_people_of_the_log() {
    check(&sessions());
}
