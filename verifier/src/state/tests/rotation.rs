//! Another key for whoever has one: ST-2, ST-4, ST-8, ST-9. Each refusal alone; then what it leaves, also for a stranger
//! with a case file.

use super::{
    order::{claim, confirmed, invited, system_confirmed, system_invited},
    review::judge,
    *,
};
use crate::{
    action::Latitude,
    cbor::Value,
    decision::{Decision, Verdict},
    entry::CaseId,
    event::AgentInvited,
    key::PublicKey,
    snapshot::{Status, Tier},
    verify::{
        Question,
        testing::{By, Company, Role, payment},
        verify,
    },
};

const AGENT: &str = "ap-bot";

fn row(tenant: &Tenant) -> AgentRow {
    match tenant.rows.find(&RowName::Agent(id(AGENT))) {
        Some(Row::Agent(row)) => row.clone(),
        other => panic!("no agent: {other:?}"),
    }
}

/// The indices of the entries that made the agent what it is.
fn entries(tenant: &Tenant) -> Vec<u64> {
    row(tenant)
        .entries
        .iter()
        .map(|entry| entry.index)
        .collect()
}

/// Another key for the agent.
fn rotate(tenant: &mut Tenant, role: Role) {
    tenant.enrol_agent(AGENT, &tenant.key(role), &tenant.key(Role::Founder));
}

/// A tenant in which agent and target system are invited, each with a key that counts.
fn inviting() -> Tenant {
    let mut tenant = Tenant::ready(1);
    let until = tenant.now().plus(60_000);
    tenant.append(None, invited(AGENT, until));
    tenant.append(None, system_invited("erp", until));
    tenant
}

/// The same, with these keys shown.
fn claiming(agent: Role, system: Role) -> Tenant {
    let mut tenant = inviting();
    let (agent, system) = (tenant.public(agent), tenant.public(system));
    tenant.append(None, Body::AgentClaimed(claim(AGENT, agent)));
    tenant.append(None, Body::SystemClaimed(claim("erp", system)));
    tenant
}

fn invited_as(change: impl FnOnce(&mut AgentInvited)) -> Body {
    let Body::AgentInvited(mut body) = invited(AGENT, UnixMillis::MAX) else {
        panic!("no invitation")
    };
    change(&mut body);
    Body::AgentInvited(body)
}

fn steps() -> Vec<Broken> {
    let ready = Tenant::ready(1);
    let until = ready.now().plus(60_000);
    let other_terms: [fn(&mut AgentInvited); 3] = [
        |body| body.sponsor = id("eve"),
        |body| body.tier = Tier::new(1).unwrap(),
        |body| body.latitude = Latitude::new(4).unwrap(),
    ];
    let mut found = Vec::from([
        case(OK, next(&ready, None, invited(AGENT, until)), "agent"),
        case(
            OK,
            next(&ready, None, system_invited("erp", until)),
            "system",
        ),
    ]);
    for change in other_terms {
        let code = next(&ready, None, invited_as(change));
        found.push(case("enrolment-mismatch", code, "on other terms"));
    }
    let agent = |key| Body::AgentEnrolled(confirmed(AGENT, key));
    let shows = |key| Body::AgentClaimed(claim(AGENT, key));
    let system_shows = |key| Body::SystemClaimed(claim("erp", key));
    let [old, new, old_system, new_system] =
        [Role::Agent, Role::OtherAgent, Role::System, Role::Stranger]
            .map(|role| ready.public(role));
    let inviting = inviting();
    for (expected, body, how) in [
        ("not-claimed", agent(old), "the key that counts"),
        ("not-claimed", agent(new), "before it was shown"),
        ("not-claimed", system_confirmed("erp", new_system), "before"),
        (OK, shows(new), "shown"),
        (OK, system_shows(new_system), "shown"),
        (OK, invited(AGENT, until), "another code"),
    ] {
        found.push(case(expected, next(&inviting, None, body), how));
    }
    for body in [shows(new), system_shows(new_system)] {
        let mut event = inviting.clone().event(None, body);
        event.decided_at = event.decided_at.plus(60_000);
        let code = code_of(&inviting.rows, &event, 99, Completeness::Whole);
        found.push(case("code-expired", code, "shown too late"));
    }
    let claiming = claiming(Role::OtherAgent, Role::Stranger);
    for (expected, body, how) in [
        ("code-used", shows(new), "shown twice"),
        ("code-used", system_shows(new_system), "shown twice"),
        ("enrolment-mismatch", agent(old), "the key that counts"),
        (
            "enrolment-mismatch",
            system_confirmed("erp", old_system),
            "it",
        ),
        (OK, agent(new), "as shown"),
        (OK, system_confirmed("erp", new_system), "as shown"),
    ] {
        found.push(case(expected, next(&claiming, None, body), how));
    }
    let mut on_other_terms = confirmed(AGENT, new);
    on_other_terms.tier = Tier::new(1).unwrap();
    let body = Body::AgentEnrolled(on_other_terms);
    found.push(case(
        "enrolment-mismatch",
        next(&claiming, None, body),
        "tier",
    ));
    found
}

/// ST-4: nobody's key becomes another's, nor the same one's again.
fn keys() -> Vec<Broken> {
    let mut found = Vec::new();
    for (agent, system) in [(Role::Agent, Role::System), (Role::System, Role::Agent)] {
        let tenant = claiming(agent, system);
        let body = Body::AgentEnrolled(confirmed(AGENT, tenant.public(agent)));
        found.push(case("key-taken", next(&tenant, None, body), "of somebody"));
        let body = system_confirmed("erp", tenant.public(system));
        found.push(case("key-taken", next(&tenant, None, body), "of somebody"));
    }
    let mut tenant = Tenant::ready(1);
    rotate(&mut tenant, Role::OtherAgent);
    let until = tenant.now().plus(60_000);
    let old = tenant.public(Role::Agent);
    for who in [AGENT, "new-bot"] {
        let mut tenant = tenant.clone();
        tenant.append(None, invited(who, until));
        tenant.append(None, Body::AgentClaimed(claim(who, old)));
        let body = Body::AgentEnrolled(confirmed(who, old));
        found.push(case("key-taken", next(&tenant, None, body), "was replaced"));
    }
    found
}

/// How a request that `role` signs is judged, and what follows it.
fn asks(tenant: &mut Tenant, request: &str, role: Role) -> &'static str {
    let (key, origin) = (tenant.key(role), String::from(tenant.origin()));
    let (place, body) = tenant.asked(request, &payment(12_500), &key, &origin);
    let event = tenant
        .clone()
        .event(Some(place), Body::ActionRequested(body));
    let mut blobs = Held::default();
    match check_signed(&mut tenant.rows.clone(), &mut blobs, &event) {
        Ok(()) => code_of(&tenant.rows, &event, 99, Completeness::Whole),
        Err(error) => error.code(),
    }
}

fn signers() -> Vec<Broken> {
    let mut found = Vec::new();
    let (old, new) = (Role::Agent, Role::OtherAgent);
    let mut tenant = Tenant::ready(1);
    let founder = tenant.key(Role::Founder);
    let mut see = |tenant: &mut Tenant, expected: [&'static str; 2], how: &str| {
        for (role, expected) in [old, new].into_iter().zip(expected) {
            found.push(case(expected, asks(tenant, "r-1", role), how));
        }
    };
    let wrong = asks(&mut tenant, "r-1", new);
    assert_ne!(wrong, OK);
    let code = tenant.invite_agent(AGENT, &founder);
    see(&mut tenant, [OK, wrong], "invited");
    tenant.claim_agent(AGENT, &tenant.key(new), &code);
    see(&mut tenant, [OK, wrong], "shown");
    let body = Body::AgentEnrolled(confirmed(AGENT, tenant.public(new)));
    tenant.append(None, body);
    see(&mut tenant, [wrong, OK], "confirmed");
    found
}

/// The Passport of `case` for the key of `role`.
fn passport(tenant: &mut Tenant, case: CaseId, key: PublicKey) -> Body {
    let mut claims = tenant.claims(case);
    claims.key = key;
    Body::PassportIssued(tenant.seal(Role::Seal, &claims.to_value()))
}

/// A case that two of finance agreed to, whose agent got another key meanwhile.
fn agreed() -> (Company, CaseId) {
    let (mut company, case) = review::asked();
    let (mut finn, mut gerd) = (company.finn.clone(), company.gerd.clone());
    company.tenant.approve(case, &mut finn);
    rotate(&mut company.tenant, Role::OtherAgent);
    company.tenant.approve(case, &mut gerd);
    (company, case)
}

/// ST-8, ST-9: what people agree to after a rotation.
fn reviews() -> Vec<Broken> {
    let (mut company, id) = agreed();
    let tenant = &mut company.tenant;
    let [old, new] = [Role::Agent, Role::OtherAgent].map(|role| tenant.public(role));
    let made = tenant.decision(id, Verdict::Escalated);
    let with_old = snapshots::weighed(
        &made,
        &[("agent.key", Value::bytes(old.jwk_thumbprint().as_bytes()))],
    );
    let mut found = Vec::from([
        case(
            "snapshot-mismatch",
            judge(tenant, id, Body::DecisionMade(with_old)),
            "the key that asked is weighed again",
        ),
        case(OK, judge(tenant, id, Body::DecisionMade(made)), "as it is"),
    ]);
    tenant.decide_again(id);
    for (expected, key) in [("key-mismatch", old), (OK, new)] {
        let body = passport(tenant, id, key);
        found.push(case(expected, judge(tenant, id, body), "Passport"));
    }
    // The first decision is of the key that asked: nothing comes between.
    let mut tenant = Tenant::ready(1);
    let id = tenant.request("r-1", &payment(12_500));
    rotate(&mut tenant, Role::OtherAgent);
    let made = tenant.decision(id, Verdict::Authorized);
    let code = judge(&mut tenant, id, Body::DecisionMade(made));
    found.push(case("snapshot-mismatch", code, "between the two"));
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = steps();
    all.extend(keys());
    all.extend(reviews());
    all
}

#[test]
fn st_2_another_key_comes_as_the_first_did() {
    check(&steps());
}

#[test]
fn st_4_a_replaced_key_is_nobody_elses() {
    check(&keys());
}

#[test]
fn st_2_the_old_key_counts_until_the_new_one_does() {
    check(&signers());
}

#[test]
fn st_9_what_people_agree_to_goes_to_the_key_of_then() {
    check(&reviews());
    let (mut company, id) = agreed();
    let tenant = &mut company.tenant;
    tenant.decide_again(id);
    let body = passport(tenant, id, tenant.public(Role::OtherAgent));
    let place = tenant.place(id);
    tenant.append(Some(place), body);
    assert_valid(tenant, id);
}

/// The case file alone, as a stranger judges it.
fn assert_valid(tenant: &mut Tenant, case: CaseId) {
    let question = Question {
        at: Some(tenant.now()),
        pinned: true,
        expects_authority: false,
    };
    let report = verify(&tenant.case_file(case), &tenant.trust(), &question);
    let outcome = report.outcome();
    assert_eq!(outcome.code(), None, "{outcome:?}");
}

/// ST-2: exposure, status and history stay; a case rests on the entries of the key that asked.
#[test]
fn st_2_all_but_the_key_stays() {
    let mut tenant = Tenant::ready(1);
    let first = tenant.authorized("r-1");
    let before = row(&tenant);
    assert_eq!(before.exposure_minor, 12_500);
    // What is on its way is no entry of the row.
    let founder = tenant.key(Role::Founder);
    let code = tenant.invite_agent(AGENT, &founder);
    assert_eq!(row(&tenant).entries, before.entries);
    let again = tenant.invite_agent(AGENT, &founder);
    assert_ne!(code, again);
    let newest = u64::try_from(tenant.entries.len()).unwrap() - 1;
    match row(&tenant).stage {
        Stage::Rotating { key, new, entries } => {
            assert_eq!(key, tenant.public(Role::Agent));
            assert!(matches!(*new, NewKey::Invited { .. }));
            assert_eq!(entries.len(), 1);
            assert_eq!(entries[0].index, newest);
        }
        other => panic!("{other:?}"),
    }
    rotate(&mut tenant, Role::OtherAgent);
    let last = u64::try_from(tenant.entries.len()).unwrap() - 1;
    let after = row(&tenant);
    assert_eq!(
        after.stage,
        Stage::Enrolled(tenant.public(Role::OtherAgent))
    );
    let expected = AgentRow {
        stage: after.stage.clone(),
        entries: after.entries.clone(),
        ..before
    };
    assert_eq!(after, expected);
    assert_eq!(entries(&tenant), [last - 2, last - 1, last]);
    assert!(matches!(
        tenant
            .rows
            .find(&RowName::Key(tenant.public(Role::Agent).jwk_thumbprint())),
        Some(Row::Key(Subject::Agent(_)))
    ));
    let second = asked_with(&mut tenant, "r-2", Role::OtherAgent);
    let grounds = tenant.case(second).grounds;
    assert!(entries(&tenant).iter().all(|entry| grounds.contains(entry)));
    for case in [first, second] {
        assert_valid(&mut tenant, case);
    }
}

/// A case that policy decides, asked with the key of `role`.
fn asked_with(tenant: &mut Tenant, request: &str, role: Role) -> CaseId {
    let (key, origin) = (tenant.key(role), String::from(tenant.origin()));
    let (place, body) = tenant.asked(request, &payment(12_500), &key, &origin);
    tenant.append(Some(place), Body::ActionRequested(body));
    let verdict = match row(tenant).status {
        Status::Active => Verdict::Authorized,
        Status::Suspended => Verdict::Rejected,
    };
    let mut made = tenant.decision(place.case, verdict);
    if verdict == Verdict::Rejected {
        let engine = String::from(made.decision.engine());
        let rules = Vec::from([String::from("builtin.agent-suspended")]);
        made.decision = Decision::new(verdict, rules, Vec::new(), None, engine).unwrap();
    }
    let at = tenant.place(place.case);
    tenant.append(Some(at), Body::DecisionMade(made));
    if verdict == Verdict::Authorized {
        let key = *row(tenant).stage.enrolled_key().unwrap();
        let body = passport(tenant, place.case, key);
        let at = tenant.place(place.case);
        tenant.append(Some(at), body);
    }
    place.case
}

/// Who was suspended with the old key is suspended with the new one, for a stranger too: the entries say so until the
/// next change, whatever came between.
#[test]
fn st_2_who_was_suspended_stays_suspended() {
    let mut tenant = Tenant::ready(1);
    let first = entries(&tenant);
    let founder = tenant.key(Role::Founder);
    let code = tenant.invite_agent(AGENT, &founder);
    // While the new one is on its way.
    tenant.change_agent(AGENT, Status::Suspended);
    let suspended = u64::try_from(tenant.entries.len()).unwrap() - 1;
    tenant.claim_agent(AGENT, &tenant.key(Role::OtherAgent), &code);
    let confirmed = confirmation(&mut tenant, Role::OtherAgent);
    tenant.append(None, confirmed);
    let expected = [
        &first[..],
        &[suspended, suspended - 1, suspended + 1, suspended + 2],
    ]
    .concat();
    assert_eq!(entries(&tenant), expected);
    assert_eq!(row(&tenant).status, Status::Suspended);
    let mut cases = Vec::from([asked_with(&mut tenant, "r-1", Role::OtherAgent)]);
    // A second time, and a third: the first enrolment and the newest.
    rotate(&mut tenant, Role::Stranger);
    let last = u64::try_from(tenant.entries.len()).unwrap() - 1;
    let newest = [last - 2, last - 1, last];
    assert_eq!(
        entries(&tenant),
        [&first[..], &[suspended], &newest[..]].concat()
    );
    cases.push(asked_with(&mut tenant, "r-2", Role::Stranger));
    tenant.change_agent(AGENT, Status::Active);
    let change = u64::try_from(tenant.entries.len()).unwrap() - 1;
    assert_eq!(entries(&tenant), [&newest[..], &[change]].concat());
    cases.push(asked_with(&mut tenant, "r-3", Role::Stranger));
    // Active, and rotated again: the change says nothing more.
    let code = tenant.invite_agent(AGENT, &founder);
    tenant.claim_agent(AGENT, &tenant.key(Role::Witness), &code);
    let confirmed = confirmation(&mut tenant, Role::Witness);
    tenant.append(None, confirmed);
    assert_eq!(entries(&tenant).len(), 3);
    cases.push(asked_with(&mut tenant, "r-4", Role::Witness));
    for case in cases {
        assert_valid(&mut tenant, case);
    }
}

/// The founder's confirmation of the key of `role`.
fn confirmation(tenant: &mut Tenant, role: Role) -> Body {
    let key = tenant.key(role);
    let by = By::Founder;
    let latitude = Latitude::new(3).unwrap();
    tenant.agent_enrolled(by, AGENT, "dana", latitude, &key)
}
