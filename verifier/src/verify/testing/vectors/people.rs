//! The log of `spec/examples/people`: founded by a person, with an event of every kind that people bring.

use alloc::{string::String, vec::Vec};

use super::super::{By, POLICY, Person, Tenant};
use crate::{
    event::{Body, EndReason, SessionEnded, SignInLocked, SignInMethod, SignedIn},
    people::Role,
    snapshot::Status,
};

/// Names below `spec/examples/people`, and the bytes: entries in the order of the log, and its one bundle.
pub(super) fn files() -> Vec<(String, Vec<u8>)> {
    let mut dana = Person::administrator("dana", 1);
    let mut erin = Person::administrator("erin", 2);
    let mut finn = Person::new("finn", 3, &[Role::Approver], &["finance", "legal"]);
    let mut gerd = Person::new("gerd", 5, &[Role::Approver, Role::Operator], &["finance"]);
    let mut tenant = Tenant::found_by_person(66, &dana);
    erin.approval = None;
    tenant.enrol_person(By::One(&mut dana), &erin);
    tenant.enrol_person(By::Two(&mut dana, &mut erin), &finn);
    tenant.enrol_person(By::Two(&mut erin, &mut dana), &gerd);
    let signed_in = tenant.signed_in(&mut finn);
    tenant.append(None, Body::AuthSignedIn(signed_in));
    let set = tenant.password_set(&mut gerd);
    tenant.append(None, set);
    let with_password = SignedIn {
        user: gerd.user.clone(),
        method: SignInMethod::Password,
    };
    tenant.append(None, Body::AuthSignedIn(with_password));
    let given = tenant.delegation_given(&mut finn, &gerd.user, &["finance"], 86_400_000);
    tenant.append(None, given);
    let ended = tenant.delegation_ended(&mut finn, &gerd.user);
    tenant.append(None, ended);
    let left = SessionEnded {
        user: finn.user.clone(),
        reason: EndReason::Left,
    };
    tenant.append(None, Body::AuthEnded(left));
    let locked = SignInLocked {
        user: gerd.user.clone(),
        until: tenant.now().plus(900_000),
    };
    tenant.append(None, Body::AuthLocked(locked));
    let ended = tenant.password_ended(&mut dana, &gerd.user);
    tenant.append(None, ended);
    let invited = tenant.agent_invited(By::One(&mut gerd), "buyer-1", "dana");
    tenant.append(None, invited);
    let bundle = tenant.publish_by(By::One(&mut dana), POLICY);
    let activated = tenant.policy_activated(By::Two(&mut dana, &mut erin), bundle);
    tenant.append(None, activated);
    let own = gerd.sign_in_thumbprint();
    let user = gerd.user.clone();
    let revoked = tenant.user_revoked(By::One(&mut gerd), &user, own);
    tenant.append(None, revoked);
    let changed = tenant.user_changed(By::Two(&mut dana, &mut erin), &finn, Status::Suspended);
    tenant.append(None, changed);

    let mut files = super::examples::entries(&tenant);
    files.extend(
        tenant
            .blobs
            .into_values()
            .map(|blob| (String::from("policy.blob"), blob)),
    );
    files
}
