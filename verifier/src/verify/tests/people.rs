//! Logs with people, as an auditor sees them.

use super::*;
use crate::{
    entry::Event,
    event::{Body, Signed, UserClaimed},
    people::Role,
    snapshot::Status,
    verify::{
        ledger::{Options, audit},
        testing::{By, POLICY, Person},
    },
};

fn judged(tenant: &Tenant) -> Report {
    let question = Question { at: None, ..at(0) };
    let options = Options { replay: false };
    audit(
        &mut tenant.export(),
        &tenant.trust(),
        &question,
        options,
        &mut |_| {},
    )
    .unwrap()
}

fn claim(report: &Report, name: &str) -> String {
    report
        .claims()
        .iter()
        .find(|claim| claim.name == name)
        .unwrap_or_else(|| panic!("nothing said of `{name}`"))
        .value
        .clone()
}

/// PE-9, PE-7: two administrators activate a policy, and the report says who signed what.
#[test]
fn a_policy_that_two_administrators_activated_is_valid() {
    let (mut tenant, mut dana, mut erin) = Tenant::ready_with_people(1);
    tenant.authorized("r-1");
    let report = judged(&tenant);
    assert_eq!(word(&report), "VALID", "{:?}", report.checks());
    // Invitation and confirmation of erin, and one half of the activation; the other half.
    assert_eq!(claim(&report, "acts of people"), "dana 3, erin 1");
    assert_eq!(claim(&report, "administrators"), "dana, erin");
    assert!(claim(&report, "the founder's file key alone may").contains("but activations"));
    // One of them without the other; then the same signature under a forged proposal, which is erin's own.
    let bundle = tenant.publish_by(By::One(&mut dana), POLICY);
    for proposer in [None, Some(&mut erin.clone())] {
        let mut alone = tenant.clone();
        if let Some(proposer) = proposer {
            let body = format!(r#"{{"origin":"{}","bundle":"{bundle}"}}"#, alone.origin());
            let proposed = alone.act_proposed(proposer, "/v1/policies/activate", &body);
            alone.append(None, proposed);
        }
        let activated = alone.policy_activated(By::One(&mut erin), bundle);
        let event = alone.event(None, activated);
        alone.append_anyway(&event.encode());
        assert_eq!(word(&judged(&alone)), "REFUSED not-proposed");
    }
    // Both, and a bit of the second signature.
    let activated = tenant.policy_activated(By::Two(&mut dana, &mut erin), bundle);
    let mut good = tenant.clone();
    good.append(None, activated.clone());
    assert_eq!(word(&judged(&good)), "VALID");
    let Body::PolicyActivated(mut body) = activated else {
        panic!("no activation")
    };
    let Signed::Passkey { context, .. } = &mut body.signed else {
        panic!("no passkey")
    };
    context.user = crate::id::Id::parse("dana").unwrap();
    let event = tenant.event(None, Body::PolicyActivated(body));
    tenant.append_anyway(&event.encode());
    assert_eq!(word(&judged(&tenant)), "REFUSED unknown-passkey");
}

/// PE-4, PE-10: a log that a person founded, judged with the trust file that its genesis makes (TR-8).
#[test]
fn a_log_that_a_person_founded_is_valid() {
    let mut dana = Person::administrator("dana", 1);
    let mut tenant = Tenant::found_by_person(1, &dana);
    let finn = Person::new("finn", 3, &[Role::Approver], &["finance"]);
    tenant.enrol_person(By::One(&mut dana), &finn);
    let report = judged(&tenant);
    assert_eq!(word(&report), "VALID", "{:?}", report.checks());
    assert_eq!(claim(&report, "acts of people"), "dana 2");
    assert_eq!(claim(&report, "administrators"), "dana");
    let told = report.claims().iter().map(|claim| claim.name);
    assert!(told.into_iter().all(|name| !name.contains("file key")));
    // The trust file has her key, and no other founder will do.
    let other = Tenant::found_by_person(1, &Person::administrator("dana", 2));
    assert_ne!(tenant.trust(), other.trust());
    let question = Question { at: None, ..at(0) };
    let options = Options { replay: false };
    let found = audit(
        &mut tenant.export(),
        &other.trust(),
        &question,
        options,
        &mut |_| {},
    );
    assert_eq!(word(&found.unwrap()), "REFUSED wrong-genesis");
    // The last administrator suspends herself.
    let herself = dana.clone();
    let suspended = tenant.user_changed(By::One(&mut dana), &herself, Status::Suspended);
    let event = tenant.event(None, suspended);
    tenant.append_anyway(&event.encode());
    assert_eq!(word(&judged(&tenant)), "REFUSED last-administrator");
}

/// PE-3: what nobody signs is judged all the same.
#[test]
fn a_claim_of_a_host_that_lies_is_refused() {
    let mut tenant = Tenant::found_with_sites(1);
    let dana = Person::administrator("dana", 1);
    let (invited, _) = tenant.user_invited(By::Founder, &dana);
    tenant.append(None, invited);
    let claimed: UserClaimed = tenant.user_claimed(&dana, &"A".repeat(22));
    let event: Event = tenant.event(None, Body::UserClaimed(claimed));
    tenant.append_anyway(&event.encode());
    assert_eq!(word(&judged(&tenant)), "REFUSED wrong-code");
}
