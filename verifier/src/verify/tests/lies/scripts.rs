//! How each claim is made false with the keys of one set and no others.
//!
//! A script plays the whole story: who is honest acts with their own keys and says what is true; the forger says the rest,
//! with the keys of the set. Keys that the forger *lacks* are a stranger's instead, under the name of the real one.

use alloc::{collections::BTreeMap, format, string::ToString as _, vec::Vec};

use ed25519_dalek::{Signer as _, SigningKey};

use crate::{
    action::Action,
    cbor::Value,
    decision::Verdict,
    digest::{Digest, Noun},
    entry::{CaseId, Entry, Event},
    event::{Body, Claimed, CounterpartyChanged, CounterpartyEnrolled, Signed, SystemEnrolled},
    id::Id,
    log::note::{Note, SignatureLine},
    passkey::testing::Authenticator,
    passport::TYPE,
    people,
    signed_request::Profile as Signature,
    snapshot::{Approval, Risk},
    state::{Completeness, MemoryRows, Row, RowName, Rows as _, apply, check_signed},
    verify::{
        Holder,
        testing::{By, Company, Person, Role, Tenant, payment, signing_key},
    },
};

/// Grants payments without asking anybody.
const PERMISSIVE: &str = r#"@id("grant.payment") @title("Agents pay whom they like")
permit(principal, action == Agentsigna::Action::"payment", resource);
"#;

/// Grants payments to approved suppliers, up to 200.00 open.
const CAPPED: &str = r#"@id("grant.payment") @title("Agents pay known suppliers")
permit(principal, action == Agentsigna::Action::"payment", resource)
when { resource.status == "approved" };

@id("cap.open") @title("At most 200.00 open")
forbid(principal, action == Agentsigna::Action::"payment", resource)
when { context.exposure_after_minor > 20000 };
"#;

pub(super) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

pub(super) fn agent() -> Holder {
    Holder::Agent(id("ap-bot"))
}

pub(super) fn sign_in(user: &str) -> Holder {
    Holder::SignIn(id(user))
}

/// The keys that the forger has not.
pub(super) struct Hands {
    pub(super) lacks: Vec<Holder>,
}

/// What came of a script.
pub(super) struct Forged {
    pub(super) tenant: Tenant,
    pub(super) case: CaseId,
}

pub(super) type Script = fn(&Hands) -> Forged;

fn stranger() -> SigningKey {
    signing_key(77, Role::Stranger)
}

impl Hands {
    pub(super) fn lack(&self, holder: &Holder) -> bool {
        self.lacks.contains(holder)
    }

    fn key(&self, holder: &Holder, real: SigningKey) -> SigningKey {
        if self.lack(holder) { stranger() } else { real }
    }

    /// A person as the forger can act for them: with their devices, or with a stranger's of the same credential ids.
    fn acting(&self, real: &Person) -> Person {
        let device = |holder: Holder, real: &Authenticator| {
            if self.lack(&holder) {
                Authenticator::new(201).with_credential(real.credential().as_bytes())
            } else {
                real.clone()
            }
        };
        Person {
            sign_in: device(Holder::SignIn(real.user.clone()), &real.sign_in),
            approval: real
                .approval
                .as_ref()
                .map(|real_one| device(Holder::Approval(real.user.clone()), real_one)),
            ..real.clone()
        }
    }
}

/// Who is in the log, and with which keys the founder's acts are signed.
struct Cast {
    dana: Person,
    erin: Person,
    agent: SigningKey,
    people_by: SigningKey,
    agent_by: SigningKey,
}

impl Cast {
    fn honest() -> Self {
        Self {
            dana: Person::administrator("dana", 1),
            erin: Person::administrator("erin", 2),
            agent: signing_key(1, Role::Agent),
            people_by: signing_key(1, Role::Founder),
            agent_by: signing_key(1, Role::Founder),
        }
    }

    /// The founder enrolled `dana`, `erin` and the agent; `finn` and `gerd` are named and not yet enrolled.
    fn company(self) -> Company {
        let mut tenant = Tenant::found_with_sites(1);
        for person in [&self.dana, &self.erin] {
            by_founder(&mut tenant, person, &self.people_by);
        }
        tenant.enrol_agent("ap-bot", &self.agent, &self.agent_by);
        tenant.enrol_system("erp", &tenant.key(Role::System));
        tenant.enrol_counterparty("acme", 3);
        let approver =
            |user, seed| Person::new(user, seed, &[people::Role::Approver], &["finance"]);
        Company {
            tenant,
            dana: self.dana,
            erin: self.erin,
            finn: approver("finn", 3),
            gerd: approver("gerd", 4),
        }
    }
}

fn resigned(tenant: &mut Tenant, signed: &Signed, path: &str, key: &SigningKey) -> Signed {
    let body = core::str::from_utf8(signed.body().unwrap()).unwrap();
    tenant.sign(Signature::Founder, key, path, body)
}

/// The founder, or who says so, enrols a person.
fn by_founder(tenant: &mut Tenant, person: &Person, key: &SigningKey) {
    let (invited, code) = tenant.user_invited(By::Founder, person);
    let Body::UserInvited(mut invited) = invited else {
        panic!("no invitation")
    };
    invited.signed = resigned(tenant, &invited.signed, "/v1/users", key);
    tenant.append(None, Body::UserInvited(invited));
    let claimed = tenant.user_claimed(person, &code);
    tenant.append(None, Body::UserClaimed(claimed));
    let Body::UserEnrolled(mut enrolled) = tenant.user_enrolled(By::Founder, person) else {
        panic!("no confirmation")
    };
    let path = format!("/v1/users/{}/confirm", person.user);
    enrolled.signed = resigned(tenant, &enrolled.signed, &path, key);
    tenant.append(None, Body::UserEnrolled(enrolled));
}

/// The rest of an honest beginning: both approvers, and a policy that asks two of them; two days later.
fn begun(mut company: Company) -> Company {
    for person in [company.finn.clone(), company.gerd.clone()] {
        company.enrol(&person);
    }
    company.ask(2);
    company.tenant.wait_ms(2 * 86_400_000);
    company
}

/// The agent asks, with this key.
fn asks(tenant: &mut Tenant, key: &SigningKey, action: &Action) -> CaseId {
    let origin = tenant.origin().to_string();
    let (place, requested) = tenant.asked("r-1", action, key, &origin);
    tenant.append(Some(place), Body::ActionRequested(requested));
    place.case
}

/// `finn` and `gerd` agree, with these devices, and the permission is sealed.
fn agreed(mut company: Company, hands: &Hands, asked_by: &SigningKey) -> Forged {
    let case = asks(&mut company.tenant, asked_by, &payment(75_000));
    company.tenant.decide(case, Verdict::Escalated);
    company.tenant.open_review(case);
    for person in [&company.finn, &company.gerd] {
        company.tenant.approve(case, &mut hands.acting(person));
    }
    company.tenant.decide_again(case);
    sealed(company.tenant, case, hands)
}

/// Seals what was decided, as the log has it.
fn sealed(mut tenant: Tenant, case: CaseId, hands: &Hands) -> Forged {
    let mut claims = tenant.claims(case);
    let Ok(Some(Row::Agent(agent))) = tenant.rows.row(&RowName::Agent(claims.agent.clone())) else {
        panic!("no agent")
    };
    claims.key = *agent.stage.enrolled_key().unwrap();
    let claims = claims.to_value();
    let sealed = if hands.lack(&Holder::SealKey) {
        let thumbprint = tenant.public(Role::Seal).cose_thumbprint();
        let protected = Value::map([
            (1_i64, Value::from(-8_i64)),
            (4_i64, Value::bytes(thumbprint.as_bytes())),
            (16_i64, Value::from(TYPE)),
        ]);
        tenant.seal_with(Role::Stranger, &protected, &claims.encode())
    } else {
        tenant.seal(Role::Seal, &claims)
    };
    let place = tenant.place(case);
    tenant.append(Some(place), Body::PassportIssued(sealed));
    Forged { tenant, case }
}

/// Nobody lies.
pub(super) fn honest(hands: &Hands) -> Forged {
    let company = begun(Cast::honest().company());
    agreed(company, hands, &signing_key(1, Role::Agent))
}

/// Asked with the agent's key, and not by the agent.
pub(super) fn thief_of_the_agents_key(hands: &Hands) -> Forged {
    let company = begun(Cast::honest().company());
    let key = hands.key(&agent(), company.tenant.key(Role::Agent));
    agreed(company, hands, &key)
}

/// The founder confirms a forger's key as the agent's.
pub(super) fn false_agent(hands: &Hands) -> Forged {
    let mut cast = Cast::honest();
    cast.agent = signing_key(50, Role::Agent);
    cast.agent_by = hands.key(&Holder::Founder, cast.agent_by);
    agreed(begun(cast.company()), hands, &signing_key(50, Role::Agent))
}

/// A blocked supplier is approved in the founder's name.
pub(super) fn false_facts(hands: &Hands) -> Forged {
    let mut company = begun(Cast::honest().company());
    let tenant = &mut company.tenant;
    tenant.change_counterparty("acme", Approval::Blocked, false);
    let key = hands.key(&Holder::Founder, tenant.key(Role::Founder));
    let body = format!(
        r#"{{"origin":"{}","counterparty":"acme","status":"approved","risk":"low","payment_details_changed":false}}"#,
        tenant.origin()
    );
    let changed = CounterpartyChanged {
        signed: tenant.sign(Signature::Founder, &key, "/v1/counterparties/acme", &body),
        counterparty: id("acme"),
        status: Approval::Approved,
        risk: Risk::Low,
        payment_details_changed: false,
    };
    tenant.append(None, Body::CounterpartyChanged(changed));
    agreed(company, hands, &signing_key(1, Role::Agent))
}

/// A policy of the forger's own is activated in the name of both administrators.
pub(super) fn false_policy(hands: &Hands) -> Forged {
    let mut company = begun(Cast::honest().company());
    let bundle = company
        .tenant
        .publish_by(By::One(&mut company.dana), PERMISSIVE);
    let (mut dana, mut erin) = (hands.acting(&company.dana), hands.acting(&company.erin));
    let by = By::Two(&mut dana, &mut erin);
    let activated = company.tenant.policy_activated(by, bundle);
    company.tenant.append(None, activated);
    let mut tenant = company.tenant;
    let key = tenant.key(Role::Agent);
    let case = asks(&mut tenant, &key, &payment(75_000));
    tenant.decide(case, Verdict::Authorized);
    sealed(tenant, case, hands)
}

/// The host weighs another exposure than the agent has.
fn weighed(exposure_minor: u64, verdict: Verdict, rules: &[&str]) -> (Tenant, CaseId) {
    let mut company = begun(Cast::honest().company());
    company.activate(CAPPED);
    let mut tenant = company.tenant;
    // Honest, and most of what the policy leaves open.
    if exposure_minor == 0 {
        tenant.authorized("r-0");
    }
    let key = tenant.key(Role::Agent);
    let case = asks(&mut tenant, &key, &payment(12_500));
    let name = RowName::Agent(id("ap-bot"));
    let Ok(Some(Row::Agent(mut row))) = tenant.rows.row(&name) else {
        panic!("no agent")
    };
    row.exposure_minor = exposure_minor;
    tenant.rows.set(name, Row::Agent(row));
    tenant.decide_by(case, verdict, rules, &[]);
    (tenant, case)
}

/// The host forgets what the agent has open, and permits more than policy does.
pub(super) fn false_state(hands: &Hands) -> Forged {
    let (tenant, case) = weighed(0, Verdict::Authorized, &["grant.payment"]);
    sealed(tenant, case, hands)
}

/// The host makes up something open, and so refuses what policy permits.
pub(super) fn false_refusal(_hands: &Hands) -> Forged {
    let (tenant, case) = weighed(20_000, Verdict::Rejected, &["cap.open"]);
    Forged { tenant, case }
}

/// The host refuses what policy permits, for no reason.
pub(super) fn false_verdict(_hands: &Hands) -> Forged {
    let mut tenant = begun(Cast::honest().company()).tenant;
    let case = tenant.request("r-1", &payment(12_500));
    tenant.decide(case, Verdict::Rejected);
    Forged { tenant, case }
}

/// An approver's device says what its owner does not: whichever the forger has, or lacks.
pub(super) fn thief_of_a_device(hands: &Hands) -> Forged {
    honest(hands)
}

/// `finn`, as the log has him, is a forger's device, which both administrators confirmed.
pub(super) fn false_approver(hands: &Hands) -> Forged {
    let mut company = Cast::honest().company();
    company.finn = Person::new("finn", 33, &[people::Role::Approver], &["finance"]);
    let (finn, gerd) = (company.finn.clone(), company.gerd.clone());
    let (mut dana, mut erin) = (hands.acting(&company.dana), hands.acting(&company.erin));
    company
        .tenant
        .enrol_person(By::Two(&mut dana, &mut erin), &finn);
    company.enrol(&gerd);
    company.ask(2);
    company.tenant.wait_ms(2 * 86_400_000);
    agreed(company, hands, &signing_key(1, Role::Agent))
}

/// `dana` and `erin`, as the log has them, are forger's devices, which the founder confirmed; and so is `finn`.
pub(super) fn false_people(hands: &Hands) -> Forged {
    let mut cast = Cast::honest();
    cast.dana = Person::administrator("dana", 31);
    cast.erin = Person::administrator("erin", 32);
    cast.people_by = hands.key(&Holder::Founder, cast.people_by);
    let mut company = cast.company();
    company.finn = Person::new("finn", 33, &[people::Role::Approver], &["finance"]);
    agreed(begun(company), hands, &signing_key(1, Role::Agent))
}

/// `gerd` judges for `finn`, by a delegation that `finn` did not give.
pub(super) fn false_delegation(hands: &Hands) -> Forged {
    let mut company = begun(Cast::honest().company());
    company.ask(1);
    let Company {
        mut tenant,
        finn,
        mut gerd,
        ..
    } = company;
    tenant.wait_ms(2 * 86_400_000);
    tenant.delegate(&mut hands.acting(&finn), &gerd.user, 86_400_000);
    let key = tenant.key(Role::Agent);
    let case = asks(&mut tenant, &key, &payment(75_000));
    tenant.decide(case, Verdict::Escalated);
    tenant.open_review(case);
    tenant.approve_for(case, &mut gerd, &finn.user);
    tenant.decide_again(case);
    sealed(tenant, case, hands)
}

/// What an honest host says of the evidence in this log: the first fault, or nothing.
pub(super) fn honest_host(tenant: &Tenant) -> Option<&'static str> {
    let mut rows = MemoryRows::default();
    let mut blobs = At(tenant.blobs.clone());
    for (index, bytes) in (0..).zip(&tenant.entries) {
        let bytes = Entry::decode(bytes).unwrap().event;
        let event = Event::decode(&bytes).unwrap();
        if let Err(error) = check_signed(&mut rows, &mut blobs, &event) {
            return Some(error.code());
        }
        let digest = Event::digest_of(&bytes);
        if apply(&mut rows, &event, digest, index, Completeness::Whole).is_err() {
            return Some("state");
        }
    }
    None
}

struct At(BTreeMap<Digest, Vec<u8>>);

impl crate::state::Blobs for At {
    fn blob(&mut self, digest: &Digest) -> Option<Vec<u8>> {
        self.0.get(digest).cloned()
    }
}

/// The same bytes, but with the line of the log under the head of `size` entries signed by a stranger.
pub(super) fn signed_by_a_stranger(bytes: &[u8], tenant: &Tenant, size: usize) -> Vec<u8> {
    let checkpoint = tenant.checkpoint(size);
    let line = |line: SignatureLine| {
        let note = Note::new(&checkpoint.text(), &[line]).unwrap().encode();
        let lines = note.lines().find(|line| line.starts_with('—'));
        lines.unwrap().as_bytes().to_vec()
    };
    let real = line(tenant.log_line(&checkpoint));
    let signature = stranger().sign(checkpoint.text().as_bytes()).to_bytes();
    let false_one = line(tenant.log_key().line(&signature));
    replaced(bytes, &real, &false_one)
}

/// Every `from` becomes `to`, of the same length; there is at least one.
pub(super) fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..bytes.len().saturating_sub(from.len()))
        .filter(|at| bytes[*at..].starts_with(from))
        .collect();
    assert!(!places.is_empty(), "nothing to replace");
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    bytes
}

/// The keys of an agent whom `dana` invites and `erin` confirms.
pub(super) fn enrolled_by_people(
    founder_enrols_erin: bool,
    hands: &Hands,
    code_known: bool,
) -> Forged {
    let mut tenant = Tenant::found_with_sites(1);
    let mut dana = Person::administrator("dana", 1);
    let erin = Person::administrator("erin", 2);
    by_founder(&mut tenant, &dana, &signing_key(1, Role::Founder));
    if founder_enrols_erin {
        by_founder(&mut tenant, &erin, &signing_key(1, Role::Founder));
    } else {
        tenant.enrol_person(By::One(&mut dana), &erin);
    }
    tenant.enrol_system("erp", &tenant.key(Role::System));
    tenant.enrol_counterparty("acme", 3);
    refused(tenant, &dana, &erin, hands, code_known)
}

/// The same where `dana`, who founded the log with a passkey, enrolled `erin`; nobody lies.
pub(super) fn founded_by_a_person() -> Forged {
    let mut dana = Person::administrator("dana", 1);
    let erin = Person::administrator("erin", 2);
    let mut tenant = Tenant::found_by_person(1, &dana);
    tenant.enrol_person(By::One(&mut dana), &erin);
    system_by(&mut tenant, &mut dana);
    let body = format!(
        r#"{{"origin":"{}","counterparty":"acme","name":"Acme","status":"approved","risk":"low","payments_before":3}}"#,
        tenant.origin()
    );
    let enrolled = CounterpartyEnrolled {
        signed: tenant.sign_act(&mut dana, "/v1/counterparties", &body),
        counterparty: id("acme"),
        name: "Acme".to_string(),
        status: Approval::Approved,
        risk: Risk::Low,
        payments_before: 3,
    };
    tenant.append(None, Body::CounterpartyEnrolled(enrolled));
    let hands = Hands { lacks: Vec::new() };
    refused(tenant, &dana, &erin, &hands, true)
}

/// The target system, by a person.
fn system_by(tenant: &mut Tenant, dana: &mut Person) {
    let code = "AAAAAAAAAAAAAAAAAAAAAA";
    let mut invited = tenant.system_invited(By::One(dana), "erp");
    if let Body::SystemInvited(invited) = &mut invited {
        invited.code = Digest::of(Noun::Code, code.as_bytes());
    }
    tenant.append(None, invited);
    let (origin, key) = (tenant.origin().to_string(), tenant.key(Role::System));
    let shown = tenant.public(Role::System);
    let body = format!(
        r#"{{"origin":"{origin}","system":"erp","code":"{code}","key":"{}"}}"#,
        shown.to_base64url()
    );
    let claimed = Claimed {
        signed: tenant.sign(Signature::Enrol, &key, "/v1/claims", &body),
        id: id("erp"),
        key: shown,
    };
    tenant.append(None, Body::SystemClaimed(claimed));
    let thumbprint = shown.jwk_thumbprint().to_base64url();
    let body = format!(r#"{{"origin":"{origin}","system":"erp","key":"{thumbprint}"}}"#);
    let enrolled = SystemEnrolled {
        signed: tenant.sign_act(dana, "/v1/systems/erp/confirm", &body),
        system: id("erp"),
        key: shown,
    };
    tenant.append(None, Body::SystemEnrolled(enrolled));
}

/// `dana` invites the agent, `erin` confirms a key, and that key asks for what no policy grants.
fn refused(
    mut tenant: Tenant,
    dana: &Person,
    erin: &Person,
    hands: &Hands,
    code_known: bool,
) -> Forged {
    let (mut first, mut second) = (dana.clone(), erin.clone());
    let bundle = tenant.publish_by(By::One(&mut first), PERMISSIVE);
    let activated = tenant.policy_activated(By::Two(&mut first, &mut second), bundle);
    tenant.append(None, activated);
    let key = signing_key(50, Role::Agent);
    let mut dana = hands.acting(dana);
    let mut invited = tenant.agent_invited(By::One(&mut dana), "ap-bot", "erin");
    let code = "AAAAAAAAAAAAAAAAAAAAAA";
    if let Body::AgentInvited(invited) = &mut invited {
        invited.code = Digest::of(Noun::Code, code.as_bytes());
    }
    tenant.append(None, invited);
    let shown = if code_known {
        code
    } else {
        "AAAAAAAAAAAAAAAAAAAAAQ"
    };
    tenant.claim_agent("ap-bot", &key, shown);
    let mut erin = hands.acting(erin);
    let enrolled = tenant.agent_enrolled(
        By::One(&mut erin),
        "ap-bot",
        "erin",
        crate::action::Latitude::NONE,
        &key,
    );
    tenant.append(None, enrolled);
    let message = Action::new(
        crate::action::ActionType::MessageSend,
        0,
        crate::action::Currency::parse("EUR").unwrap(),
        id("acme"),
        id("erp"),
        "",
        BTreeMap::new(),
    );
    let case = asks(&mut tenant, &key, &message.unwrap());
    tenant.decide(case, Verdict::Rejected);
    Forged { tenant, case }
}
