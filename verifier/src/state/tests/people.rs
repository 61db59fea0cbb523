//! Who comes in, and how: PE-2 to PE-6. Each rule broken alone, in a log that two administrators rule.

use alloc::vec;

use super::*;
use crate::{
    digest::Noun,
    event::{Shown, UserClaimed, UserEnrolled},
    key::JwkThumbprint,
    log::note::KeyName,
    passkey::{
        Registration, Site,
        context::CredentialUse,
        testing::{Authenticator, client_data},
    },
    people::{PersonName, Role, Roles},
    snapshot::Status,
    verify::testing::{APPROVAL, By, PORTAL, Person},
};

/// How an event with `body` is judged next: what was signed, then what stands before it.
pub(super) fn judged(tenant: &Tenant, body: &Body) -> &'static str {
    let event = tenant.clone().event(None, body.clone());
    let mut blobs = Held(tenant.blobs.clone());
    if let Err(error) = check_signed(&mut tenant.rows.clone(), &mut blobs, &event) {
        assert!(!alloc::string::ToString::to_string(&error).is_empty());
        return error.code();
    }
    next(tenant, None, body.clone())
}

/// A log with the administrators `dana` and `erin`, and the approvers `finn` and `gerd`.
pub(super) struct Org {
    pub(super) tenant: Tenant,
    pub(super) dana: Person,
    pub(super) erin: Person,
    pub(super) finn: Person,
    pub(super) gerd: Person,
}

pub(super) fn org() -> Org {
    let (mut tenant, mut dana, mut erin) = Tenant::ready_with_people(1);
    let finn = Person::new("finn", 3, &[Role::Approver], &["finance", "legal"]);
    let gerd = Person::new("gerd", 4, &[Role::Approver, Role::Operator], &["finance"]);
    for person in [&finn, &gerd] {
        tenant.enrol_person(By::Two(&mut dana, &mut erin), person);
    }
    Org {
        tenant,
        dana,
        erin,
        finn,
        gerd,
    }
}

impl Org {
    pub(super) fn two(&mut self) -> (&mut Tenant, By<'_>) {
        (&mut self.tenant, By::Two(&mut self.dana, &mut self.erin))
    }

    /// Invites a person; answers the code.
    pub(super) fn invite(&mut self, person: &Person) -> String {
        let (tenant, by) = self.two();
        let (invited, code) = tenant.user_invited(by, person);
        tenant.append(None, invited);
        code
    }

    fn claim(&mut self, person: &Person, code: &str) {
        let claimed = self.tenant.user_claimed(person, code);
        self.tenant.append(None, Body::UserClaimed(claimed));
    }

    pub(super) fn set(&mut self, person: &Person, status: Status) {
        let (tenant, by) = self.two();
        let changed = tenant.user_changed(by, person, status);
        tenant.append(None, changed);
    }

    fn row(&mut self, user: &Id) -> PersonRow {
        match self.tenant.rows.row(&RowName::Person(user.clone())) {
            Ok(Some(Row::Person(row))) => row,
            other => panic!("{other:?}"),
        }
    }
}

pub(super) fn hugo() -> Person {
    Person::new("hugo", 6, &[Role::Auditor], &[])
}

fn invitations() -> Vec<Broken> {
    let mut org = org();
    let finn = org.finn.clone();
    let mut found = Vec::new();
    let mut invited = |org: &mut Org, expected, person: &Person, how: &str| {
        let (tenant, by) = org.two();
        let (body, _) = tenant.user_invited(by, person);
        found.push(case(expected, judged(tenant, &body), how));
    };
    invited(&mut org, OK, &finn, "to add passkeys");
    let mut other = finn.clone();
    other.name = PersonName::parse("Finn").unwrap();
    invited(&mut org, "enrolment-mismatch", &other, "another name");
    let mut other = finn.clone();
    other.roles = Roles::new(vec![Role::Administrator, Role::Approver]).unwrap();
    invited(&mut org, "enrolment-mismatch", &other, "more roles");
    let mut other = finn.clone();
    other.groups = org.gerd.groups.clone();
    invited(&mut org, "enrolment-mismatch", &other, "fewer groups");
    // All passkeys revoked: still the same person.
    let thumbprints: Vec<JwkThumbprint> = org
        .row(&finn.user)
        .passkeys
        .iter()
        .map(|passkey| passkey.thumbprint)
        .collect();
    for thumbprint in thumbprints {
        let (tenant, by) = org.two();
        let revoked = tenant.user_revoked(by, &finn.user, thumbprint);
        tenant.append(None, revoked);
    }
    invited(&mut org, "enrolment-mismatch", &other, "without passkeys");
    // Until a passkey is confirmed, a new invitation says what it likes, and its code alone is good.
    let mut person = hugo();
    let before = org.invite(&person);
    person.roles = Roles::new(vec![Role::Operator]).unwrap();
    invited(&mut org, OK, &person, "invited before, never confirmed");
    let after = org.invite(&person);
    for (code, expected, how) in [
        (before, "wrong-code", "the code before"),
        (after, OK, "the new code"),
    ] {
        let claimed = org.tenant.user_claimed(&person, &code);
        let code = judged(&org.tenant, &Body::UserClaimed(claimed));
        found.push(case(expected, code, how));
    }
    found
}

fn claims() -> Vec<Broken> {
    let mut org = org();
    let person = hugo();
    let mut found = Vec::new();
    let mut claimed = |tenant: &Tenant, expected, body: UserClaimed, how: &str| {
        let code = judged(tenant, &Body::UserClaimed(body));
        found.push(case(expected, code, how));
    };
    let early = org.tenant.user_claimed(&person, &"A".repeat(22));
    claimed(&org.tenant, "unknown-person", early, "never invited");
    let enrolled = org.tenant.user_claimed(&org.finn, &"A".repeat(22));
    claimed(&org.tenant, "wrong-code", enrolled, "no code is open");
    let code = org.invite(&person);
    let good = org.tenant.user_claimed(&person, &code);
    claimed(&org.tenant, OK, good.clone(), "as it should be");
    let wrong = org.tenant.user_claimed(&person, &"A".repeat(22));
    claimed(&org.tenant, "wrong-code", wrong, "another code");
    // PE-3: the last millisecond of the code, and the one after.
    let mut late = org.tenant.clone();
    late.wait_ms(600_000 - 1000);
    let last = late.user_claimed(&person, &code);
    claimed(&late, OK, last, "at the end of the code");
    late.wait_ms(1);
    let after = late.user_claimed(&person, &code);
    claimed(&late, "code-expired", after, "a millisecond later");
    org.tenant.append(None, Body::UserClaimed(good.clone()));
    claimed(&org.tenant, "code-used", good, "twice");
    found
}

fn registrations() -> Vec<Broken> {
    let mut org = org();
    let person = hugo();
    let code = org.invite(&person);
    let good = org.tenant.user_claimed(&person, &code);
    let mut found = Vec::new();
    let mut shown = |expected, sign_in: Shown, how: &str| {
        let body = UserClaimed {
            sign_in,
            ..good.clone()
        };
        let code = judged(&org.tenant, &Body::UserClaimed(body));
        found.push(case(expected, code, how));
    };
    let (portal, approval) = (Site::parse(PORTAL).unwrap(), Site::parse(APPROVAL).unwrap());
    // A context of one's own, registered as it should be.
    let of = |change: fn(&mut crate::passkey::context::RegistrationContext)| {
        let mut context = good.sign_in.context.clone();
        change(&mut context);
        Shown {
            registration: person.sign_in.register(&portal, context.challenge()),
            context,
        }
    };
    shown(OK, of(|_| {}), "as it should be");
    let elsewhere = "registration-mismatch";
    shown(
        elsewhere,
        of(|context| context.origin = KeyName::parse("agentsigna.test/t/2").unwrap()),
        "for another log",
    );
    shown(
        elsewhere,
        of(|context| context.user = id("dana")),
        "for dana",
    );
    shown(
        elsewhere,
        of(|context| context.credential_use = CredentialUse::Approval),
        "for approvals",
    );
    shown(
        elsewhere,
        of(|context| context.expires_at = UnixMillis::new(1).unwrap()),
        "past its time",
    );
    let context = good.sign_in.context.clone();
    let challenge = context.challenge();
    let at = |registration: Registration| Shown {
        context: context.clone(),
        registration,
    };
    shown(
        "wrong-web-origin",
        at(person.sign_in.register(&approval, challenge)),
        "at the approval site",
    );
    shown(
        "wrong-challenge",
        at(person
            .sign_in
            .register(&portal, Digest::of(Noun::SignIn, &context.encode()))),
        "of another purpose",
    );
    shown(
        "not-verified",
        at(person
            .sign_in
            .clone()
            .with_flags(0x01)
            .register(&portal, challenge)),
        "without asking who it is",
    );
    let client = client_data("webauthn.create", challenge, PORTAL);
    let elsewhere = person.sign_in.registered(approval.rp_id());
    shown(
        "wrong-rp",
        at(Registration::new(elsewhere, client.as_bytes()).unwrap()),
        "for another RP ID",
    );
    let other_way_round = UserClaimed {
        sign_in: good.approval.clone().unwrap(),
        approval: Some(good.sign_in.clone()),
        ..good.clone()
    };
    found.push(case(
        "registration-mismatch",
        judged(&org.tenant, &Body::UserClaimed(other_way_round)),
        "the two passkeys exchanged",
    ));
    found
}

fn holders() -> Vec<Broken> {
    let mut org = org();
    let mut person = hugo();
    let code = org.invite(&person);
    let mut found = Vec::new();
    let mut claimed = |tenant: &mut Tenant, expected, sign_in: &Authenticator, how: &str| {
        let person = Person {
            sign_in: sign_in.clone(),
            ..hugo()
        };
        let body = tenant.user_claimed(&person, &code);
        found.push(case(
            expected,
            judged(tenant, &Body::UserClaimed(body)),
            how,
        ));
    };
    let tenant = &mut org.tenant;
    let dana = org.dana.sign_in.clone();
    let of_dana = dana.credential();
    claimed(tenant, OK, &person.sign_in, "a passkey of one's own");
    claimed(tenant, "key-taken", &dana, "the passkey of dana");
    claimed(
        tenant,
        "key-taken",
        &person.sign_in.clone().with_credential(of_dana.as_bytes()),
        "a new key under a credential id of dana",
    );
    claimed(
        tenant,
        "key-taken",
        &dana.clone().with_credential(b"another id"),
        "the key of dana under a new id",
    );
    claimed(
        tenant,
        "key-taken",
        &person.approval.clone().unwrap(),
        "one passkey for both uses",
    );
    let of_approval = person.approval.clone().unwrap().credential();
    claimed(
        tenant,
        "key-taken",
        &person
            .sign_in
            .clone()
            .with_credential(of_approval.as_bytes()),
        "two keys under one credential id",
    );
    // PE-5: also when revoked.
    let finn = org.finn.sign_in.clone();
    let revoked = org.tenant.user_revoked(
        By::Two(&mut org.dana, &mut org.erin),
        &org.finn.user,
        org.finn.sign_in_thumbprint(),
    );
    org.tenant.append(None, revoked);
    claimed(&mut org.tenant, "key-taken", &finn, "a revoked passkey");
    // Two claim with one passkey: the first whose claim is confirmed has it.
    let mut ida = Person::new("ida", 7, &[Role::Auditor], &[]);
    ida.sign_in = person.sign_in.clone();
    org.claim(&person, &code);
    let code = org.invite(&ida);
    org.claim(&ida, &code);
    for (person, expected, how) in [(&person, OK, "first"), (&ida, "key-taken", "second")] {
        let (tenant, by) = org.two();
        let enrolled = tenant.user_enrolled(by, person);
        found.push(case(expected, judged(tenant, &enrolled), how));
        if expected == OK {
            tenant.append(None, enrolled);
        }
    }
    // Two, four, six, eight passkeys, and no ninth.
    for seed in [20, 21, 22, 23] {
        let code = {
            let again = person.clone();
            let (invited, code) = org.tenant.user_invited(By::One(&mut person), &again);
            org.tenant.append(None, invited);
            code
        };
        let mut more = person.clone();
        more.sign_in = Authenticator::new(2 * seed);
        more.approval = Some(Authenticator::new(2 * seed + 1));
        org.claim(&more, &code);
        let enrolled = org.tenant.user_enrolled(By::One(&mut person), &more);
        let expected = if seed < 23 { OK } else { "too-many-passkeys" };
        found.push(case(expected, judged(&org.tenant, &enrolled), "two more"));
        if expected == OK {
            org.tenant.append(None, enrolled);
        }
    }
    assert_eq!(org.row(&person.user).passkeys.len(), 8);
    found
}

fn confirmations() -> Vec<Broken> {
    let mut org = org();
    let person = hugo();
    let mut found = Vec::new();
    let mut confirmed = |org: &mut Org, expected, person: &Person, how: &str| {
        let (tenant, by) = org.two();
        let body = tenant.user_enrolled(by, person);
        found.push(case(expected, judged(tenant, &body), how));
        body
    };
    confirmed(&mut org, "unknown-person", &person, "never invited");
    let code = org.invite(&person);
    confirmed(&mut org, "not-claimed", &person, "nothing shown");
    org.claim(&person, &code);
    let mismatch = "enrolment-mismatch";
    let mut other = person.clone();
    other.name = PersonName::parse("Hugo").unwrap();
    confirmed(&mut org, mismatch, &other, "another name");
    let mut other = person.clone();
    other.roles = Roles::new(vec![Role::Administrator]).unwrap();
    confirmed(&mut org, mismatch, &other, "other roles");
    let mut other = person.clone();
    other.groups = org.gerd.groups.clone();
    confirmed(&mut org, mismatch, &other, "other groups");
    let mut other = person.clone();
    other.sign_in = Authenticator::new(99);
    confirmed(&mut org, mismatch, &other, "another sign-in passkey");
    let mut other = person.clone();
    other.approval = None;
    confirmed(&mut org, mismatch, &other, "without the approval passkey");
    let good = confirmed(&mut org, OK, &person, "as it should be");
    org.tenant.append(None, good);
    confirmed(&mut org, "not-claimed", &person, "twice");
    // Between invitation and confirmation an administrator loses the role: the old invitation is no way back.
    let mut erin = org.erin.clone();
    let again = erin.clone();
    let (invited, code) = org.tenant.user_invited(By::One(&mut erin), &again);
    org.tenant.append(None, invited);
    let mut more = erin.clone();
    more.sign_in = Authenticator::new(60);
    more.approval = None;
    org.claim(&more, &code);
    let mut less = erin.clone();
    less.roles = Roles::new(vec![Role::Auditor]).unwrap();
    let changed = org.tenant.user_changed(By::Founder, &less, Status::Active);
    org.tenant.append(None, changed);
    let enrolled = org.tenant.user_enrolled(By::Founder, &more);
    found.push(case(
        mismatch,
        judged(&org.tenant, &enrolled),
        "with the roles of before",
    ));
    found
}

pub(super) fn cases() -> Vec<Broken> {
    let mut all = invitations();
    all.extend(claims());
    all.extend(registrations());
    all.extend(holders());
    all.extend(confirmations());
    all
}

#[test]
fn pe_2_a_person_of_the_log_is_invited_as_nobody_else() {
    check(&invitations());
}

#[test]
fn pe_3_a_claim_holds_the_code_once_and_in_time() {
    check(&claims());
}

#[test]
fn pe_4_a_passkey_is_registered_for_this_log_person_use_and_site() {
    check(&registrations());
}

#[test]
fn pe_5_a_credential_id_and_a_key_have_one_holder_for_ever() {
    check(&holders());
}

#[test]
fn pe_6_what_is_confirmed_is_what_was_invited_and_shown() {
    check(&confirmations());
}

/// Goal: a case file can bring what a passkey rests on. Method: the row of a person whom two administrators
/// enrolled names both proposals, both acts and the claim; the passkey names both people.
#[test]
fn a_row_names_every_entry_it_rests_on() {
    let mut org = org();
    let finn = org.finn.user.clone();
    let row = org.row(&finn);
    let first = row.entries[0];
    assert_eq!(row.entries, (first..first + 5).collect::<Vec<u64>>());
    for (at, kind) in [
        "act.proposed",
        "user.invited",
        "user.claimed",
        "act.proposed",
        "user.enrolled",
    ]
    .into_iter()
    .enumerate()
    {
        let event = org.tenant.event_at(first + at as u64);
        assert_eq!(event.body.kind(), kind);
    }
    for passkey in &row.passkeys {
        assert_eq!(passkey.by, [id("dana"), id("erin")]);
        assert_eq!(passkey.index, first + 4);
    }
    let dana = org.row(&id("dana"));
    assert_eq!(dana.passkeys[0].by, []);
    let Ok(Some(Row::Policy(policy))) = org.tenant.rows.row(&RowName::Policy) else {
        panic!("no policy")
    };
    assert_eq!(policy.by, [id("dana"), id("erin")]);
    assert_eq!(policy.proposal, Some(policy.entry - 1));
    let Body::UserEnrolled(UserEnrolled { user, .. }) = org.tenant.event_at(first + 4).body else {
        panic!("no enrolment")
    };
    assert_eq!(user, finn);
}
