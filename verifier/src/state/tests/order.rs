//! Who there is, and what decides: ST-1 to ST-4.

use super::*;
use crate::{
    action::Latitude,
    event::{
        AgentEnrolled, AgentInvited, Claimed, CounterpartyChanged, CounterpartyEnrolled,
        PolicyActivated, StatusChanged, SystemEnrolled, SystemInvited,
    },
    key::PublicKey,
    snapshot::{Approval, Risk, Status, Tier},
    verify::testing::Role,
};

type Forge = fn(&mut AgentEnrolled);

pub(super) fn invited(agent: &str, expires_at: UnixMillis) -> Body {
    Body::AgentInvited(AgentInvited {
        signed: unsigned(),
        agent: id(agent),
        sponsor: id("dana"),
        tier: Tier::new(2).unwrap(),
        latitude: Latitude::new(3).unwrap(),
        code: Digest::from_bytes([5; 32]),
        expires_at,
    })
}

pub(super) fn claim(who: &str, key: PublicKey) -> Claimed {
    Claimed {
        signed: unsigned(),
        id: id(who),
        key,
    }
}

pub(super) fn confirmed(agent: &str, key: PublicKey) -> AgentEnrolled {
    AgentEnrolled {
        signed: unsigned(),
        agent: id(agent),
        sponsor: id("dana"),
        tier: Tier::new(2).unwrap(),
        latitude: Latitude::new(3).unwrap(),
        key,
    }
}

pub(super) fn system_invited(system: &str, expires_at: UnixMillis) -> Body {
    Body::SystemInvited(SystemInvited {
        signed: unsigned(),
        system: id(system),
        code: Digest::from_bytes([5; 32]),
        expires_at,
    })
}

pub(super) fn system_confirmed(system: &str, key: PublicKey) -> Body {
    Body::SystemEnrolled(SystemEnrolled {
        signed: unsigned(),
        system: id(system),
        key,
    })
}

fn changed(who: &str, status: Status) -> StatusChanged {
    StatusChanged {
        signed: unsigned(),
        id: id(who),
        status,
    }
}

fn counterparty(name: &str) -> Body {
    Body::CounterpartyEnrolled(CounterpartyEnrolled {
        signed: unsigned(),
        counterparty: id(name),
        name: String::from("Acme"),
        status: Approval::Approved,
        risk: Risk::Low,
        payments_before: 0,
    })
}

fn counterparty_changed(name: &str, details: bool) -> Body {
    Body::CounterpartyChanged(CounterpartyChanged {
        signed: unsigned(),
        counterparty: id(name),
        status: Approval::Watch,
        risk: Risk::High,
        payment_details_changed: details,
    })
}

/// A tenant with `new-bot` and `crm` invited, for a minute.
fn inviting() -> Tenant {
    let mut tenant = Tenant::ready(1);
    let until = tenant.now().plus(60_000);
    tenant.append(None, invited("new-bot", until));
    tenant.append(None, system_invited("crm", until));
    tenant
}

/// The same, with the keys shown.
fn claiming() -> Tenant {
    let mut tenant = inviting();
    let (agent, system) = (
        tenant.public(Role::OtherAgent),
        tenant.public(Role::Stranger),
    );
    tenant.append(None, Body::AgentClaimed(claim("new-bot", agent)));
    tenant.append(None, Body::SystemClaimed(claim("crm", system)));
    tenant
}

fn genesis() -> Vec<Broken> {
    let mut tenant = Tenant::ready(1);
    let founded = Body::LogCreated(tenant.genesis());
    let event = tenant.event(None, founded.clone());
    let other = tenant.event(None, counterparty("globex"));
    let whole = Completeness::Whole;
    let empty = MemoryRows::default();
    let mut found = Vec::from([
        case(OK, code_of(&empty, &event, 0, whole), "index 0"),
        case("genesis", code_of(&empty, &event, 1, whole), "index 1"),
        case("genesis", next(&tenant, None, founded), "a second one"),
        case(
            "genesis",
            code_of(&empty, &other, 0, whole),
            "another first",
        ),
    ]);
    // Without its first entry, nothing of a log can be judged.
    let action = crate::verify::testing::payment(1);
    let (key, origin) = (tenant.key(Role::Agent), String::from(tenant.origin()));
    let (place, asked) = tenant.asked("r-1", &action, &key, &origin);
    let asked = tenant.event(Some(place), Body::ActionRequested(asked));
    found.push(case(
        "genesis",
        code_of(&empty, &asked, 1, whole),
        "a request without a first entry",
    ));
    found
}

fn invitations() -> Vec<Broken> {
    let tenant = claiming();
    let later = tenant.now().plus(1);
    Vec::from([
        case(
            "already-enrolled",
            next(&tenant, None, counterparty("acme")),
            "a counterparty is enrolled twice",
        ),
        case(OK, next(&tenant, None, counterparty("globex")), "another"),
        // Before a key counts, a new invitation replaces the old one.
        case(OK, next(&tenant, None, invited("new-bot", later)), "again"),
        case(
            OK,
            next(&tenant, None, system_invited("crm", later)),
            "again",
        ),
    ])
}

fn enrolments() -> Vec<Broken> {
    let (inviting, claiming) = (inviting(), claiming());
    let shown = claiming.public(Role::OtherAgent);
    let shown_by_system = claiming.public(Role::Stranger);
    let other = claiming.public(Role::Witness);
    let agent = |body: AgentEnrolled| Body::AgentEnrolled(body);
    let claims = |who: &str, key| Body::AgentClaimed(claim(who, key));
    let system_claims = |who: &str, key| Body::SystemClaimed(claim(who, key));
    let mut found = Vec::from([
        case(
            "unknown-agent",
            next(&inviting, None, claims("nobody", other)),
            "claim",
        ),
        case(
            "unknown-target",
            next(&inviting, None, system_claims("nothing", other)),
            "claim",
        ),
        case(
            "unknown-agent",
            next(&claiming, None, agent(confirmed("nobody", other))),
            "confirm",
        ),
        case(
            "unknown-target",
            next(&claiming, None, system_confirmed("nothing", other)),
            "confirm",
        ),
        case(
            "code-used",
            next(&claiming, None, claims("new-bot", shown)),
            "shown twice",
        ),
        case(
            "code-used",
            next(&claiming, None, system_claims("crm", other)),
            "shown twice",
        ),
        case(
            "already-enrolled",
            next(&claiming, None, claims("ap-bot", other)),
            "after it",
        ),
        case(
            "already-enrolled",
            next(&claiming, None, system_claims("erp", other)),
            "after it",
        ),
        case(
            "not-claimed",
            next(&inviting, None, agent(confirmed("new-bot", shown))),
            "before",
        ),
        case(
            "not-claimed",
            next(&inviting, None, system_confirmed("crm", shown)),
            "before",
        ),
        case(
            OK,
            next(&claiming, None, agent(confirmed("new-bot", shown))),
            "as shown",
        ),
        case(
            OK,
            next(&claiming, None, system_confirmed("crm", shown_by_system)),
            "as shown",
        ),
        case(
            "enrolment-mismatch",
            next(&claiming, None, agent(confirmed("new-bot", other))),
            "key",
        ),
        case(
            "enrolment-mismatch",
            next(&claiming, None, system_confirmed("crm", other)),
            "key",
        ),
        case(
            "already-enrolled",
            next(
                &claiming,
                None,
                agent(confirmed("ap-bot", claiming.public(Role::Agent))),
            ),
            "confirmed twice",
        ),
        case(
            "already-enrolled",
            next(
                &claiming,
                None,
                system_confirmed("erp", claiming.public(Role::System)),
            ),
            "confirmed twice",
        ),
        case(
            "not-enrolled",
            next(
                &claiming,
                None,
                Body::AgentChanged(changed("new-bot", Status::Active)),
            ),
            "status",
        ),
        case(
            "not-enrolled",
            next(
                &claiming,
                None,
                Body::SystemChanged(changed("crm", Status::Active)),
            ),
            "status",
        ),
        case(
            "unknown-agent",
            next(
                &claiming,
                None,
                Body::AgentChanged(changed("nobody", Status::Active)),
            ),
            "status",
        ),
        case(
            "unknown-target",
            next(
                &claiming,
                None,
                Body::SystemChanged(changed("nothing", Status::Active)),
            ),
            "status",
        ),
        case(
            "unknown-counterparty",
            next(&claiming, None, counterparty_changed("globex", true)),
            "change",
        ),
        case(
            "unpublished-bundle",
            next(
                &claiming,
                None,
                Body::PolicyActivated(PolicyActivated {
                    signed: unsigned(),
                    bundle: Digest::from_bytes([9; 32]),
                }),
            ),
            "activated, never published",
        ),
    ]);
    let forgeries: [(&str, Forge); 3] = [
        ("sponsor", |body| body.sponsor = id("eve")),
        ("tier", |body| body.tier = Tier::new(1).unwrap()),
        ("latitude", |body| body.latitude = Latitude::new(4).unwrap()),
    ];
    for (how, forge) in forgeries {
        let mut body = confirmed("new-bot", shown);
        forge(&mut body);
        found.push(case(
            "enrolment-mismatch",
            next(&claiming, None, agent(body)),
            how,
        ));
    }
    // A code lives until `expires_at`, that millisecond included.
    for (who, body) in [
        ("new-bot", claims("new-bot", shown)),
        ("crm", system_claims("crm", other)),
    ] {
        let Ok(Some(Row::Agent(AgentRow { stage, .. }) | Row::System(SystemRow { stage, .. }))) =
            inviting.clone().rows.row(&match who {
                "crm" => RowName::System(id(who)),
                _ => RowName::Agent(id(who)),
            })
        else {
            panic!("{who} is not there")
        };
        let Stage::Enrolling(NewKey::Invited { expires_at, .. }) = stage else {
            panic!("{who} is not invited")
        };
        for (ms, expected) in [(0, OK), (1, "code-expired")] {
            let mut event = inviting.clone().event(None, body.clone());
            event.decided_at = expires_at.plus(ms);
            let index = inviting.entries.len() as u64;
            let code = code_of(&inviting.rows, &event, index, Completeness::Whole);
            found.push(case(expected, code, format!("{who}, {ms} ms late")));
        }
    }
    found
}

fn keys() -> Vec<Broken> {
    let mut found = Vec::new();
    for role in [
        Role::Founder,
        Role::Log,
        Role::Seal,
        Role::Agent,
        Role::System,
    ] {
        let mut tenant = inviting();
        let key = tenant.public(role);
        tenant.append(None, Body::AgentClaimed(claim("new-bot", key)));
        tenant.append(None, Body::SystemClaimed(claim("crm", key)));
        let agent = Body::AgentEnrolled(confirmed("new-bot", key));
        found.push(case(
            "key-taken",
            next(&tenant, None, agent),
            format!("{role:?}"),
        ));
        let system = system_confirmed("crm", key);
        found.push(case(
            "key-taken",
            next(&tenant, None, system),
            format!("{role:?}"),
        ));
    }
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = genesis();
    all.extend(invitations());
    all.extend(enrolments());
    all.extend(keys());
    all
}

#[test]
fn st_1_the_first_entry_founds_the_log_and_no_other() {
    check(&genesis());
}

#[test]
fn st_2_ids_are_not_used_again() {
    check(&invitations());
    // The old code is worth nothing once there is a new one.
    let mut tenant = claiming();
    let until = tenant.now().plus(7);
    tenant.append(None, invited("new-bot", until));
    let Ok(Some(Row::Agent(row))) = tenant.rows.row(&RowName::Agent(id("new-bot"))) else {
        panic!("no agent")
    };
    assert_eq!(
        row.stage,
        Stage::Enrolling(NewKey::Invited {
            code: Digest::from_bytes([5; 32]),
            expires_at: until
        })
    );
    assert_eq!(row.entries.len(), 1);
    let shown = Body::AgentEnrolled(confirmed("new-bot", tenant.public(Role::OtherAgent)));
    assert_eq!(next(&tenant, None, shown), "not-claimed");
}

#[test]
fn st_3_what_is_confirmed_is_what_was_invited_and_shown() {
    check(&enrolments());
}

#[test]
fn st_4_a_key_has_one_holder() {
    check(&keys());
    // The key rows say who.
    let mut tenant = Tenant::ready(1);
    for (role, subject) in [
        (Role::Agent, Subject::Agent(id("ap-bot"))),
        (Role::System, Subject::System(id("erp"))),
    ] {
        let name = RowName::Key(tenant.public(role).jwk_thumbprint());
        assert_eq!(tenant.rows.row(&name), Ok(Some(Row::Key(subject))));
    }
}

fn indices(entries: &[Ground]) -> Vec<u64> {
    assert!(entries.iter().all(|entry| entry.by.is_empty()));
    entries.iter().map(|entry| entry.index).collect()
}

/// The columns of `spec/state.md §3`: what changes, and by which entries a row can be made again.
#[test]
fn changes_leave_the_entries_that_count() {
    let mut tenant = Tenant::ready(1);
    let agent = |tenant: &mut Tenant| match tenant.rows.row(&RowName::Agent(id("ap-bot"))) {
        Ok(Some(Row::Agent(row))) => (row.status, indices(&row.entries)),
        other => panic!("{other:?}"),
    };
    assert_eq!(agent(&mut tenant), (Status::Active, Vec::from([1, 2, 3])));
    let first = tenant.append(
        None,
        Body::AgentChanged(changed("ap-bot", Status::Suspended)),
    );
    assert_eq!(
        agent(&mut tenant),
        (Status::Suspended, Vec::from([1, 2, 3, first]))
    );
    let second = tenant.append(None, Body::AgentChanged(changed("ap-bot", Status::Active)));
    assert_eq!(
        agent(&mut tenant),
        (Status::Active, Vec::from([1, 2, 3, second]))
    );

    let acme = |tenant: &mut Tenant| match tenant.rows.row(&RowName::Counterparty(id("acme"))) {
        Ok(Some(Row::Counterparty(row))) => row,
        other => panic!("{other:?}"),
    };
    let enrolled = acme(&mut tenant).entries[0].index;
    let one = tenant.append(None, counterparty_changed("acme", false));
    let row = acme(&mut tenant);
    assert_eq!((row.status, row.risk), (Approval::Watch, Risk::High));
    assert_eq!(row.payment_details_changed_at, None);
    assert_eq!(indices(&row.entries), [enrolled, one]);
    let when = tenant.now();
    let two = tenant.append(None, counterparty_changed("acme", true));
    let row = acme(&mut tenant);
    assert_eq!(row.payment_details_changed_at, Some(when));
    assert_eq!(indices(&row.entries), [enrolled, two]);
    let _ = tenant.append(None, counterparty_changed("acme", false));
    let four = tenant.append(None, counterparty_changed("acme", false));
    let row = acme(&mut tenant);
    assert_eq!(row.payment_details_changed_at, Some(when));
    assert_eq!(indices(&row.entries), [enrolled, two, four]);
}
