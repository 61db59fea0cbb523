//! What people do: come in, sign acts in ones and twos, sign in.
//!
//! Functions named after an event make its body and append nothing but the proposal that it needs; those named
//! with a verb append.

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::SigningKey;

use super::{Role as KeyOf, START_MS, Tenant, acts::id};
use crate::{
    action::Latitude,
    digest::{Digest, Noun, rfc9530_content},
    event::{
        ActProposed, AgentEnrolled, AgentInvited, Body, DelegationEnded, DelegationGiven, Founder,
        PasskeyFounder, PasswordEnded, PasswordSet, PolicyActivated, PolicyPublished, Shown,
        SignInMethod, Signed, SignedIn, Sites, SystemInvited, UserChanged, UserClaimed,
        UserEnrolled, UserInvited, UserRevoked,
    },
    id::Id,
    key::JwkThumbprint,
    log::note::KeyName,
    passkey::{
        Site,
        context::{
            ActContext, ActPath, CredentialUse, Life, Nonce, RegistrationContext, SignInContext,
        },
        testing::Authenticator,
    },
    people::{Groups, PersonName, Role, Roles},
    signed_request::Profile,
    snapshot::{Status, Tier},
    time::UnixMillis,
};

/// Where people sign in.
pub const PORTAL: &str = "https://portal.agentsigna.test";
/// Where people judge.
pub const APPROVAL: &str = "https://approve.agentsigna.test";

/// A person and their devices.
#[derive(Debug, Clone)]
pub struct Person {
    /// The id.
    pub user: Id,
    /// For other people.
    pub name: PersonName,
    /// What the person may do.
    pub roles: Roles,
    /// Whom the person may judge for.
    pub groups: Groups,
    /// Signs in and signs acts.
    pub sign_in: Authenticator,
    /// Judges cases.
    pub approval: Option<Authenticator>,
}

/// Who signs an act.
#[derive(Debug)]
pub enum By<'a> {
    /// The founder's file key.
    Founder,
    /// One person.
    One(&'a mut Person),
    /// The first proposes, the second does it.
    Two(&'a mut Person, &'a mut Person),
}

/// The two sites of the tests.
pub fn sites() -> Sites {
    Sites::new(PORTAL, APPROVAL).unwrap()
}

impl Person {
    /// Somebody whose passkeys are those of the seeds `2 * seed` and `2 * seed + 1`.
    pub fn new(user: &str, seed: u8, roles: &[Role], groups: &[&str]) -> Self {
        Self {
            user: id(user),
            name: PersonName::parse(&format!("{}.", user.to_uppercase())).unwrap(),
            roles: Roles::new(roles.to_vec()).unwrap(),
            groups: Groups::new(groups.iter().map(|group| id(group)).collect()).unwrap(),
            sign_in: Authenticator::new(2 * seed),
            approval: Some(Authenticator::new(2 * seed + 1)),
        }
    }

    /// An administrator without groups.
    pub fn administrator(user: &str, seed: u8) -> Self {
        Self::new(user, seed, &[Role::Administrator], &[])
    }

    /// The thumbprint of the sign-in passkey.
    pub fn sign_in_thumbprint(&self) -> JwkThumbprint {
        self.sign_in.key().jwk_thumbprint()
    }

    fn terms(&self) -> String {
        format!(
            r#""user":"{}","name":"{}","roles":{},"groups":{}"#,
            self.user,
            self.name.as_str(),
            words(self.roles.as_slice().iter().map(|role| role.name())),
            words(self.groups.as_slice().iter().map(Id::as_str)),
        )
    }
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", words.join(","))
}

/// Latitude in a body; absent is none.
fn member(latitude: Latitude) -> String {
    if latitude == Latitude::NONE {
        String::new()
    } else {
        format!(r#","latitude":{}"#, latitude.number())
    }
}

impl Tenant {
    /// A log with sites, founded by a file key.
    pub fn found_with_sites(seed: u8) -> Self {
        let key = super::public_key(&super::signing_key(seed, KeyOf::Founder));
        Self::found_by(seed, Founder::File(key), Some(sites()))
    }

    /// A log founded by a person.
    pub fn found_by_person(seed: u8, person: &Person) -> Self {
        let origin = super::origin_of(seed);
        let context = RegistrationContext {
            origin: KeyName::parse(&origin).unwrap(),
            user: person.user.clone(),
            credential_use: CredentialUse::SignIn,
            nonce: Nonce::new([seed; 32]),
            expires_at: UnixMillis::new(START_MS + 600_000).unwrap(),
        };
        let registration = person
            .sign_in
            .register(sites().portal(), context.challenge());
        let shown = Shown {
            context,
            registration,
        };
        let founder = PasskeyFounder::new(
            &origin,
            Some(&sites()),
            person.user.clone(),
            person.name.clone(),
            shown,
        );
        Self::found_by(seed, Founder::Passkey(founder.unwrap()), Some(sites()))
    }

    /// A log with the file key's two administrators, `dana` and `erin`, and what [`Tenant::ready`] has.
    pub fn ready_with_people(seed: u8) -> (Self, Person, Person) {
        Self::ready_with_people_asking(seed, 1)
    }

    /// The same, its policy asking `people` of finance.
    pub fn ready_with_people_asking(seed: u8, people: u8) -> (Self, Person, Person) {
        let mut tenant = Self::found_with_sites(seed);
        let mut dana = Person::administrator("dana", 1);
        let mut erin = Person::administrator("erin", 2);
        tenant.enrol_person(By::Founder, &dana);
        tenant.enrol_person(By::One(&mut dana), &erin);
        tenant.furnish();
        let bundle = tenant.publish(&super::policy(people));
        tenant.people_asked = people;
        let activated = tenant.policy_activated(By::Two(&mut dana, &mut erin), bundle);
        tenant.append(None, activated);
        (tenant, dana, erin)
    }

    /// The context of an act, now, for ten minutes.
    pub fn act_context(&mut self, person: &Person, path: &str, body: &[u8]) -> ActContext {
        ActContext {
            origin: KeyName::parse(self.origin()).unwrap(),
            user: person.user.clone(),
            credential: person.sign_in.credential(),
            path: ActPath::parse(path).unwrap(),
            content: rfc9530_content(body),
            nonce: Nonce::new(self.next_bytes()),
            life: Life::new(self.now(), self.now().plus(600_000)).unwrap(),
        }
    }

    /// What a person signs at the portal.
    pub fn sign_act(&mut self, person: &mut Person, path: &str, body: &str) -> Signed {
        let context = self.act_context(person, path, body.as_bytes());
        let portal = Site::parse(PORTAL).unwrap();
        Signed::Passkey {
            assertion: person.sign_in.assert(&portal, context.challenge()),
            context,
            body: Some(body.as_bytes().to_vec()),
        }
    }

    /// The first of two signatures.
    pub fn act_proposed(&mut self, person: &mut Person, path: &str, body: &str) -> Body {
        Body::ActProposed(ActProposed {
            signed: self.sign_act(person, path, body),
            path: path.to_string(),
        })
    }

    /// Signs an act; of two, the first proposes it here and now.
    pub fn sign_by(&mut self, by: By<'_>, path: &str, body: &str) -> Signed {
        match by {
            By::Founder => {
                let key = self.key(KeyOf::Founder);
                self.sign(Profile::Founder, &key, path, body)
            }
            By::One(person) => self.sign_act(person, path, body),
            By::Two(first, second) => {
                let proposed = self.act_proposed(first, path, body);
                self.append(None, proposed);
                self.sign_act(second, path, body)
            }
        }
    }

    /// The body of an invitation.
    pub fn invitation(&self, person: &Person) -> String {
        format!(r#"{{"origin":"{}",{}}}"#, self.origin(), person.terms())
    }

    /// `user.invited`, and the code.
    pub fn user_invited(&mut self, by: By<'_>, person: &Person) -> (Body, String) {
        let code = BASE64URL_NOPAD.encode(&self.next_bytes()[..16]);
        let invitation = self.invitation(person);
        let body = UserInvited {
            signed: self.sign_by(by, "/v1/users", &invitation),
            user: person.user.clone(),
            name: person.name.clone(),
            roles: person.roles.clone(),
            groups: person.groups.clone(),
            code: Digest::of(Noun::Code, code.as_bytes()),
            expires_at: self.now().plus(600_000),
        };
        (Body::UserInvited(body), code)
    }

    /// A passkey as a person shows it, now.
    pub fn shown(&mut self, person: &Person, credential_use: CredentialUse) -> Shown {
        let context = RegistrationContext {
            origin: KeyName::parse(self.origin()).unwrap(),
            user: person.user.clone(),
            credential_use,
            nonce: Nonce::new(self.next_bytes()),
            expires_at: self.now().plus(600_000),
        };
        let device = match credential_use {
            CredentialUse::SignIn => &person.sign_in,
            CredentialUse::Approval => person.approval.as_ref().unwrap(),
        };
        Shown {
            registration: device.register(sites().of(credential_use), context.challenge()),
            context,
        }
    }

    /// `user.claimed`.
    pub fn user_claimed(&mut self, person: &Person, code: &str) -> UserClaimed {
        UserClaimed {
            user: person.user.clone(),
            code: code.to_string(),
            sign_in: self.shown(person, CredentialUse::SignIn),
            approval: person
                .approval
                .is_some()
                .then(|| self.shown(person, CredentialUse::Approval)),
        }
    }

    /// `user.enrolled`.
    pub fn user_enrolled(&mut self, by: By<'_>, person: &Person) -> Body {
        let sign_in = person.sign_in_thumbprint();
        let approval = person
            .approval
            .as_ref()
            .map(|device| device.key().jwk_thumbprint());
        let shown = approval.map_or_else(String::new, |thumbprint| {
            format!(r#","approval":"{}""#, thumbprint.to_base64url())
        });
        let confirmation = format!(
            r#"{{"origin":"{}",{},"sign_in":"{}"{shown}}}"#,
            self.origin(),
            person.terms(),
            sign_in.to_base64url()
        );
        let path = format!("/v1/users/{}/confirm", person.user);
        Body::UserEnrolled(UserEnrolled {
            signed: self.sign_by(by, &path, &confirmation),
            user: person.user.clone(),
            name: person.name.clone(),
            roles: person.roles.clone(),
            groups: person.groups.clone(),
            sign_in,
            approval,
        })
    }

    /// Invites, claims and confirms a person.
    pub fn enrol_person(&mut self, mut by: By<'_>, person: &Person) {
        let (invited, code) = self.user_invited(by.again(), person);
        self.append(None, invited);
        let claimed = self.user_claimed(person, &code);
        self.append(None, Body::UserClaimed(claimed));
        let enrolled = self.user_enrolled(by, person);
        self.append(None, enrolled);
    }

    /// `user.changed`: the roles and groups of `person`, with this status.
    pub fn user_changed(&mut self, by: By<'_>, person: &Person, status: Status) -> Body {
        let change = format!(
            r#"{{"origin":"{}","user":"{}","status":"{}","roles":{},"groups":{}}}"#,
            self.origin(),
            person.user,
            status.name(),
            words(person.roles.as_slice().iter().map(|role| role.name())),
            words(person.groups.as_slice().iter().map(Id::as_str)),
        );
        let path = format!("/v1/users/{}/change", person.user);
        Body::UserChanged(UserChanged {
            signed: self.sign_by(by, &path, &change),
            user: person.user.clone(),
            status,
            roles: person.roles.clone(),
            groups: person.groups.clone(),
        })
    }

    /// `user.revoked`.
    pub fn user_revoked(&mut self, by: By<'_>, user: &Id, passkey: JwkThumbprint) -> Body {
        let revocation = format!(
            r#"{{"origin":"{}","user":"{user}","passkey":"{}"}}"#,
            self.origin(),
            passkey.to_base64url()
        );
        let path = format!("/v1/users/{user}/revoke");
        Body::UserRevoked(UserRevoked {
            signed: self.sign_by(by, &path, &revocation),
            user: user.clone(),
            passkey,
        })
    }

    /// `user.password-set`, of a secret record that nobody has.
    pub fn password_set(&mut self, person: &mut Person) -> Body {
        let secret = Digest::of(Noun::Secret, &self.next_bytes());
        let user = person.user.clone();
        let body = format!(
            r#"{{"origin":"{}","user":"{user}","secret":"{secret}"}}"#,
            self.origin()
        );
        let path = format!("/v1/users/{user}/password");
        Body::UserPasswordSet(PasswordSet {
            signed: self.sign_act(person, &path, &body),
            user,
            secret,
        })
    }

    /// `user.password-ended`.
    pub fn password_ended(&mut self, by: &mut Person, user: &Id) -> Body {
        let body = format!(r#"{{"origin":"{}","user":"{user}"}}"#, self.origin());
        let path = format!("/v1/users/{user}/password/end");
        Body::UserPasswordEnded(PasswordEnded {
            signed: self.sign_act(by, &path, &body),
            user: user.clone(),
        })
    }

    /// `delegation.given`, of `groups`, from now on for `ms`.
    pub fn delegation_given(
        &mut self,
        from: &mut Person,
        to: &Id,
        groups: &[&str],
        ms: u64,
    ) -> Body {
        let (starts_at, ends_at) = (self.now(), self.now().plus(ms));
        let body = format!(
            r#"{{"origin":"{}","from":"{}","to":"{to}","groups":{},"starts_at":{starts_at},"ends_at":{ends_at}}}"#,
            self.origin(),
            from.user,
            words(groups.iter().copied()),
        );
        Body::DelegationGiven(DelegationGiven {
            from: from.user.clone(),
            to: to.clone(),
            groups: Groups::new(groups.iter().map(|group| id(group)).collect()).unwrap(),
            starts_at,
            ends_at,
            signed: self.sign_act(from, "/v1/delegations", &body),
        })
    }

    /// `delegation.ended`.
    pub fn delegation_ended(&mut self, from: &mut Person, to: &Id) -> Body {
        let body = format!(
            r#"{{"origin":"{}","from":"{}","to":"{to}"}}"#,
            self.origin(),
            from.user
        );
        Body::DelegationEnded(DelegationEnded {
            from: from.user.clone(),
            to: to.clone(),
            signed: self.sign_act(from, "/v1/delegations/end", &body),
        })
    }

    /// `policy.activated`.
    pub fn policy_activated(&mut self, by: By<'_>, bundle: Digest) -> Body {
        let body = format!(r#"{{"origin":"{}","bundle":"{bundle}"}}"#, self.origin());
        let signed = self.sign_by(by, "/v1/policies/activate", &body);
        Body::PolicyActivated(PolicyActivated { signed, bundle })
    }

    /// Publishes a policy; answers the digest of its bundle.
    pub fn publish_by(&mut self, by: By<'_>, policy: &str) -> Digest {
        let published = self.policy_published(by, policy);
        self.append(None, published);
        Digest::of(Noun::Blob, &super::steps::bundle(policy))
    }

    /// `policy.published`; the blob is at hand.
    pub fn policy_published(&mut self, by: By<'_>, policy: &str) -> Body {
        let bundle = super::steps::bundle(policy);
        let digest = Digest::of(Noun::Blob, &bundle);
        let published = PolicyPublished {
            signed: self.sign_by(by, "/v1/policies", policy).without_body(),
            bundle: digest,
            bytes: u64::try_from(bundle.len()).unwrap(),
        };
        self.blobs.insert(digest, bundle);
        Body::PolicyPublished(published)
    }

    /// `system.invited`.
    pub fn system_invited(&mut self, by: By<'_>, system: &str) -> Body {
        let body = format!(r#"{{"origin":"{}","system":"{system}"}}"#, self.origin());
        Body::SystemInvited(SystemInvited {
            signed: self.sign_by(by, "/v1/systems", &body),
            system: id(system),
            code: Digest::of(Noun::Code, system.as_bytes()),
            expires_at: self.now().plus(600_000),
        })
    }

    /// `agent.invited`: tier 2, no latitude.
    pub fn agent_invited(&mut self, by: By<'_>, agent: &str, sponsor: &str) -> Body {
        self.agent_invited_with(by, agent, sponsor, Latitude::NONE)
    }

    /// `agent.enrolled`: tier 2.
    pub fn agent_enrolled(
        &mut self,
        by: By<'_>,
        agent: &str,
        sponsor: &str,
        latitude: Latitude,
        key: &SigningKey,
    ) -> Body {
        let key = super::public_key(key);
        let body = format!(
            r#"{{"origin":"{}","agent":"{agent}","sponsor":"{sponsor}","tier":2{},"key":"{}"}}"#,
            self.origin(),
            member(latitude),
            key.jwk_thumbprint().to_base64url()
        );
        let path = format!("/v1/agents/{agent}/confirm");
        Body::AgentEnrolled(AgentEnrolled {
            signed: self.sign_by(by, &path, &body),
            agent: id(agent),
            sponsor: id(sponsor),
            tier: Tier::new(2).unwrap(),
            latitude,
            key,
        })
    }

    /// `agent.invited`: tier 2.
    pub fn agent_invited_with(
        &mut self,
        by: By<'_>,
        agent: &str,
        sponsor: &str,
        latitude: Latitude,
    ) -> Body {
        let body = format!(
            r#"{{"origin":"{}","agent":"{agent}","sponsor":"{sponsor}","tier":2{}}}"#,
            self.origin(),
            member(latitude)
        );
        Body::AgentInvited(AgentInvited {
            signed: self.sign_by(by, "/v1/agents", &body),
            agent: id(agent),
            sponsor: id(sponsor),
            tier: Tier::new(2).unwrap(),
            latitude,
            code: Digest::of(Noun::Code, agent.as_bytes()),
            expires_at: self.now().plus(600_000),
        })
    }

    /// `auth.signed-in`, with the sign-in passkey, for ten minutes.
    pub fn signed_in(&mut self, person: &mut Person) -> SignedIn {
        let context = SignInContext {
            site: Site::parse(PORTAL).unwrap(),
            nonce: Nonce::new(self.next_bytes()),
            expires_at: self.now().plus(600_000),
        };
        let assertion = person.sign_in.assert(&context.site, context.challenge());
        SignedIn {
            user: person.user.clone(),
            method: SignInMethod::Passkey { context, assertion },
        }
    }
}

impl By<'_> {
    /// The same people once more.
    pub fn again(&mut self) -> By<'_> {
        match self {
            Self::Founder => By::Founder,
            Self::One(person) => By::One(person),
            Self::Two(first, second) => By::Two(first, second),
        }
    }
}
