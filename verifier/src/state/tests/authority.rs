//! Who signs what, alone or with another: PE-7, PE-9, PE-13.

use super::{
    people::{Org, judged, org},
    *,
};
use crate::{
    action::Latitude,
    people::{PROPOSAL_LIFE_MS, Role, Roles},
    snapshot::Status,
    verify::testing::{By, POLICY, Person},
};

/// The table of §3.4, by one person of each role: who may, and where two people are asked for.
fn table() -> Vec<Broken> {
    let mut org = org();
    let mut found = Vec::new();
    let mut auditor = Person::new("hugo", 6, &[Role::Auditor], &["finance"]);
    let (tenant, by) = org.two();
    tenant.enrol_person(by, &auditor);
    let (no, two) = ("not-permitted", "not-proposed");
    let target = org.finn.clone();
    let Org {
        tenant,
        dana,
        finn,
        gerd,
        ..
    } = &mut org;
    let bundle = *tenant.blobs.keys().next().unwrap();
    for (person, expected) in [
        // users, change, revoke, activate; publish, system; agent; counterparty, agent's status
        (&mut *dana, [two, two, two, two, OK, OK, OK]),
        (&mut *finn, [no, no, OK, no, no, no, no]),
        (&mut *gerd, [no, no, no, no, no, no, OK]),
        (&mut auditor, [no, no, no, no, no, no, no]),
    ] {
        let mut fresh = target.clone();
        fresh.user = id("ida");
        let (admitted, _) = tenant.user_invited(By::One(person), &fresh);
        let changed = tenant.user_changed(By::One(person), &target, Status::Suspended);
        let revoked =
            tenant.user_revoked(By::One(person), &target.user, target.sign_in_thumbprint());
        let activated = tenant.policy_activated(By::One(person), bundle);
        let published = tenant.policy_published(By::One(person), POLICY);
        let system = tenant.system_invited(By::One(person), "crm");
        let agent = tenant.agent_invited(By::One(person), "buyer-1", "dana");
        let bodies = [
            admitted, changed, revoked, activated, published, system, agent,
        ];
        for (body, expected) in bodies.iter().zip(expected) {
            let how = format!("`{}` by `{}`", body.kind(), person.user);
            found.push(case(expected, judged(tenant, body), how));
        }
    }
    found
}

fn who() -> Vec<Broken> {
    let mut org = org();
    let mut found = Vec::new();
    let bundle = *org.tenant.blobs.keys().next().unwrap();
    // An operator activates a policy, alone and after an administrator proposed it.
    let mut gerd = org.gerd.clone();
    let body = org
        .tenant
        .policy_activated(By::Two(&mut org.dana, &mut gerd), bundle);
    let no = "not-permitted";
    found.push(case(
        no,
        judged(&org.tenant, &body),
        "the second is an operator",
    ));
    // Oneself: passkeys, never roles.
    let mut erin = org.erin.clone();
    let again = erin.clone();
    let (body, _) = org.tenant.user_invited(By::One(&mut erin), &again);
    found.push(case(OK, judged(&org.tenant, &body), "erin adds a passkey"));
    let mut more = gerd.clone();
    more.roles = Roles::new(Vec::from([
        Role::Administrator,
        Role::Approver,
        Role::Operator,
    ]))
    .unwrap();
    let (body, _) = org.tenant.user_invited(By::One(&mut gerd), &more);
    found.push(case(
        no,
        judged(&org.tenant, &body),
        "gerd makes himself administrator",
    ));
    let mut more = erin.clone();
    more.groups = gerd.groups.clone();
    let (body, _) = org.tenant.user_invited(By::One(&mut erin), &more);
    found.push(case(
        "not-proposed",
        judged(&org.tenant, &body),
        "erin gives herself a group",
    ));
    let own = gerd.sign_in_thumbprint();
    let user = gerd.user.clone();
    let body = org.tenant.user_revoked(By::One(&mut gerd), &user, own);
    found.push(case(
        OK,
        judged(&org.tenant, &body),
        "gerd gives up a passkey",
    ));
    org.tenant.append(None, body);
    let body = org
        .tenant
        .agent_invited(By::One(&mut gerd), "buyer-1", "dana");
    found.push(case(
        "unknown-passkey",
        judged(&org.tenant, &body),
        "with a revoked passkey",
    ));
    // The founder's file key.
    let body = org.tenant.policy_activated(By::Founder, bundle);
    found.push(case(
        no,
        judged(&org.tenant, &body),
        "the file key, where two are asked for",
    ));
    let erin = org.erin.clone();
    let body = org
        .tenant
        .user_changed(By::Founder, &erin, Status::Suspended);
    found.push(case(
        OK,
        judged(&org.tenant, &body),
        "the file key, on users",
    ));
    org.tenant.append(None, body);
    let body = org.tenant.policy_activated(By::One(&mut org.dana), bundle);
    found.push(case(
        OK,
        judged(&org.tenant, &body),
        "the one administrator that is left",
    ));
    let mut erin = erin;
    let body = org.tenant.policy_activated(By::One(&mut erin), bundle);
    found.push(case(
        no,
        judged(&org.tenant, &body),
        "a suspended administrator",
    ));
    let body = org.tenant.policy_activated(By::Founder, bundle);
    found.push(case(
        OK,
        judged(&org.tenant, &body),
        "the file key, where one is enough",
    ));
    // A log without a key in a file knows none; a log without sites knows no people.
    let mut dana = Person::administrator("dana", 1);
    let mut tenant = Tenant::found_by_person(1, &dana);
    let (body, _) = tenant.user_invited(By::Founder, &gerd);
    found.push(case(
        no,
        judged(&tenant, &body),
        "a file key that is not the founder",
    ));
    let mut bare = Tenant::ready(1);
    let body = bare.agent_invited(By::One(&mut dana), "buyer-1", "dana");
    found.push(case(
        "no-site",
        judged(&bare, &body),
        "a passkey in a log without sites",
    ));
    found
}

fn proposals() -> Vec<Broken> {
    let mut org = org();
    let mut found = Vec::new();
    let path = "/v1/policies/activate";
    let bundle = *org.tenant.blobs.keys().next().unwrap();
    let Org {
        tenant,
        dana,
        erin,
        gerd,
        finn,
    } = &mut org;
    let body = format!(r#"{{"origin":"{}","bundle":"{bundle}"}}"#, tenant.origin());
    let twice = |tenant: &mut Tenant, one: &mut Person, other: &mut Person, wait_ms: u64| {
        let proposed = tenant.act_proposed(one, path, &body);
        tenant.append(None, proposed);
        tenant.wait_ms(wait_ms);
        tenant.policy_activated(By::One(other), bundle)
    };
    let mut now = tenant.clone();
    let good = twice(&mut now, dana, erin, 0);
    found.push(case(OK, judged(&now, &good), "as it should be"));
    now.append(None, good);
    let again = now.policy_activated(By::One(erin), bundle);
    let missing = "not-proposed";
    found.push(case(
        missing,
        judged(&now, &again),
        "one proposal used twice",
    ));
    let mut same = dana.clone();
    let alone = twice(&mut tenant.clone(), dana, &mut same, 0);
    let mut after = tenant.clone();
    let proposed = after.act_proposed(dana, path, &body);
    after.append(None, proposed.clone());
    found.push(case(
        missing,
        judged(&after, &alone),
        "one administrator proposes and signs",
    ));
    // A day and no more: the act stands a second after the proposal.
    for (wait_ms, expected) in [
        (PROPOSAL_LIFE_MS - 1000, OK),
        (PROPOSAL_LIFE_MS - 999, missing),
    ] {
        let mut later = tenant.clone();
        let late = twice(&mut later, dana, erin, wait_ms);
        found.push(case(
            expected,
            judged(&later, &late),
            format!("{wait_ms} ms later"),
        ));
    }
    let other = after.publish_by(By::One(dana), "permit(principal, action, resource);");
    let of_other = after.policy_activated(By::One(erin), other);
    found.push(case(
        missing,
        judged(&after, &of_other),
        "another bundle was proposed",
    ));
    let changed = after.user_changed(By::One(erin), finn, Status::Suspended);
    found.push(case(
        missing,
        judged(&after, &changed),
        "another act was proposed",
    ));
    // Whoever proposed must still rule.
    let mut hugo = Person::administrator("hugo", 6);
    let mut three = tenant.clone();
    three.enrol_person(By::Two(dana, erin), &hugo);
    let act = twice(&mut three, &mut hugo, erin, 0);
    found.push(case(
        OK,
        judged(&three, &act),
        "proposed by a third administrator",
    ));
    let suspended = three.user_changed(By::Two(dana, erin), &hugo, Status::Suspended);
    three.append(None, suspended);
    found.push(case(
        missing,
        judged(&three, &act),
        "who is suspended since",
    ));
    // What may be proposed, and by whom.
    let mut proposed =
        |tenant: &mut Tenant, expected, person: &mut Person, path: &str, body: &str, how: &str| {
            let event = tenant.act_proposed(person, path, body);
            found.push(case(expected, judged(tenant, &event), how));
        };
    proposed(tenant, OK, dana, path, &body, "by an administrator");
    proposed(tenant, "not-permitted", gerd, path, &body, "by an operator");
    proposed(
        tenant,
        "json-missing",
        dana,
        "/v1/users",
        &body,
        "another act's body",
    );
    let own = tenant.invitation(dana);
    proposed(
        tenant,
        "nothing-to-propose",
        dana,
        "/v1/users",
        &own,
        "passkeys of one's own",
    );
    let elsewhere = body.replace(tenant.origin(), "agentsigna.test/t/2");
    proposed(
        tenant,
        "wrong-tenant",
        dana,
        path,
        &elsewhere,
        "for another log",
    );
    let mut single = Tenant::found_with_sites(7);
    let mut first = Person::administrator("dana", 1);
    single.enrol_person(By::Founder, &first);
    let invitation = single.invitation(finn);
    proposed(
        &mut single,
        "nothing-to-propose",
        &mut first,
        "/v1/users",
        &invitation,
        "one rules alone",
    );
    let forged = match tenant.act_proposed(dana, path, &body) {
        Body::ActProposed(mut event) => {
            event.path = String::from("/v1/users");
            Body::ActProposed(event)
        }
        other => panic!("{other:?}"),
    };
    found.push(case(
        "json-missing",
        judged(tenant, &forged),
        "signed for another path",
    ));
    // From a part of a log it is not known how many administrators there are.
    let event = single.act_proposed(&mut first, "/v1/users", &invitation);
    let event = single.event(None, event);
    let code = code_of(&single.rows, &event, 9, Completeness::Part);
    found.push(case(OK, code, "from a part of a log"));
    found
}

fn agents() -> Vec<Broken> {
    let mut org = org();
    let mut found = Vec::new();
    let key = crate::verify::testing::signing_key(1, crate::verify::testing::Role::OtherAgent);
    let Org {
        tenant,
        dana,
        erin,
        gerd,
        finn,
    } = &mut org;
    let mut invites =
        |tenant: &mut Tenant, expected, person: &mut Person, sponsor: &str, latitude, how: &str| {
            let body = tenant.agent_invited_with(By::One(person), "buyer-1", sponsor, latitude);
            found.push(case(expected, judged(tenant, &body), how));
        };
    let band = |n| Latitude::new(n).unwrap();
    invites(
        tenant,
        OK,
        gerd,
        "finn",
        Latitude::NONE,
        "by an operator, without latitude",
    );
    invites(
        tenant,
        "latitude-granted",
        gerd,
        "finn",
        band(0),
        "with the least latitude",
    );
    invites(
        tenant,
        "latitude-granted",
        dana,
        "finn",
        band(5),
        "by an administrator",
    );
    invites(
        tenant,
        "unknown-sponsor",
        gerd,
        "nobody",
        Latitude::NONE,
        "with a sponsor who is nobody",
    );
    let body = tenant.agent_invited_with(By::Founder, "buyer-1", "nobody", band(5));
    found.push(case(OK, judged(tenant, &body), "by the file key"));
    // Confirmed by the sponsor, and by nobody else.
    let body = tenant.agent_invited(By::One(gerd), "buyer-1", "finn");
    tenant.append(None, body);
    tenant.claim_agent("buyer-1", &key, "buyer-1");
    for (person, expected) in [
        (&mut *dana, "not-permitted"),
        (&mut *gerd, "not-permitted"),
        (&mut *finn, OK),
    ] {
        let body = tenant.agent_enrolled(By::One(person), "buyer-1", "finn", Latitude::NONE, &key);
        let how = format!("confirmed by `{}`", person.user);
        found.push(case(expected, judged(tenant, &body), how));
    }
    let suspended = tenant.user_changed(By::Two(dana, erin), finn, Status::Suspended);
    tenant.append(None, suspended);
    let body = tenant.agent_invited(By::One(gerd), "buyer-2", "finn");
    found.push(case(
        "unknown-sponsor",
        judged(tenant, &body),
        "with a suspended sponsor",
    ));
    // What the file key granted, the sponsor does not confirm.
    let body = tenant.agent_invited_with(By::Founder, "buyer-3", "gerd", band(5));
    tenant.append(None, body);
    tenant.claim_agent("buyer-3", &key, "buyer-3");
    let body = tenant.agent_enrolled(By::One(gerd), "buyer-3", "gerd", band(5), &key);
    found.push(case(
        "latitude-granted",
        judged(tenant, &body),
        "latitude confirmed by the sponsor",
    ));
    let body = tenant.agent_enrolled(By::Founder, "buyer-3", "gerd", band(5), &key);
    found.push(case(OK, judged(tenant, &body), "and by the file key"));
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = table();
    all.extend(who());
    all.extend(proposals());
    all.extend(agents());
    all
}

#[test]
fn pe_7_each_act_is_signed_by_whom_the_table_names() {
    check(&table());
    check(&who());
}

#[test]
fn pe_9_two_people_are_two_and_agree_within_a_day() {
    check(&proposals());
}

#[test]
fn pe_13_people_grant_no_latitude_and_sponsors_are_people() {
    check(&agents());
}
