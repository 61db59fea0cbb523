//! Who the people are: persons and their passkeys, delegations, proposals, sessions (`spec/people.md §3.3`).
//!
//! Persons come in by three steps, as agents do: *invited* (named, with a one-time code), *claimed* (they show
//! passkeys), *enrolled* (the thumbprints are confirmed). A claim is not signed; what is shown counts for nothing
//! until it is confirmed. Sessions are told for the record: nothing rests on them.

use alloc::string::String;

use super::Signed;
use crate::{
    act::is_code,
    cbor::{CborError, Fields, Value},
    digest::Digest,
    id::Id,
    key::JwkThumbprint,
    passkey::{
        Assertion, AssertionError, Registration, RegistrationError,
        context::{RegistrationContext, SignInContext},
    },
    people::{DELEGATION_MS_MAX, Groups, PersonName, Roles},
    snapshot::Status,
    time::UnixMillis,
};

/// The body of `user.invited`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInvited {
    /// Who invites.
    pub signed: Signed,
    /// The person.
    pub user: Id,
    /// For other people.
    pub name: PersonName,
    /// What the person may do.
    pub roles: Roles,
    /// Whom the person may judge for.
    pub groups: Groups,
    /// Digest of the one-time code.
    pub code: Digest,
    /// When the code dies.
    pub expires_at: UnixMillis,
}

/// A passkey as it is shown: what the device made, and for what. Proves nothing until a person compared it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Whose challenge the browser repeats.
    pub context: RegistrationContext,
    /// What the device made.
    pub registration: Registration,
}

/// The body of `user.claimed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserClaimed {
    /// The person.
    pub user: Id,
    /// The one-time code, as it was given out: 22 characters.
    pub code: String,
    /// For the portal.
    pub sign_in: Shown,
    /// For the approval site.
    pub approval: Option<Shown>,
}

/// The body of `user.enrolled`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserEnrolled {
    /// Who confirms.
    pub signed: Signed,
    /// The person.
    pub user: Id,
    /// As invited.
    pub name: PersonName,
    /// As invited.
    pub roles: Roles,
    /// As invited.
    pub groups: Groups,
    /// The sign-in passkey confirmed.
    pub sign_in: JwkThumbprint,
    /// The approval passkey confirmed.
    pub approval: Option<JwkThumbprint>,
}

/// The body of `user.changed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserChanged {
    /// Who changes it.
    pub signed: Signed,
    /// The person.
    pub user: Id,
    /// From now on.
    pub status: Status,
    /// From now on.
    pub roles: Roles,
    /// From now on.
    pub groups: Groups,
}

/// The body of `user.revoked`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRevoked {
    /// Who revokes it.
    pub signed: Signed,
    /// The person.
    pub user: Id,
    /// The passkey that counts no more.
    pub passkey: JwkThumbprint,
}

/// The body of `delegation.given`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationGiven {
    /// Of the first.
    pub signed: Signed,
    /// Who gives it.
    pub from: Id,
    /// Who may judge.
    pub to: Id,
    /// In which groups of the first; 1 to 16.
    pub groups: Groups,
    /// From when on.
    pub starts_at: UnixMillis,
    /// Until before when: 1 ms to 30 days later.
    pub ends_at: UnixMillis,
}

/// The body of `delegation.ended`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationEnded {
    /// Of the first.
    pub signed: Signed,
    /// Who gave it.
    pub from: Id,
    /// Who may judge no more.
    pub to: Id,
}

/// The body of `act.proposed`: the first of two signatures under one act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActProposed {
    /// The act, as the first of the two signed it.
    pub signed: Signed,
    /// The path of the act.
    pub path: String,
}

/// How somebody signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives in an event, one at a time"
)]
pub enum SignInMethod {
    /// With a sign-in passkey.
    Passkey {
        /// What the challenge was taken over.
        context: SignInContext,
        /// The device's answer.
        assertion: Assertion,
    },
    /// With a password: the host's word, and worth no act.
    Password,
}

/// The body of `auth.signed-in`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The person.
    pub user: Id,
    /// How.
    pub method: SignInMethod,
}

/// Why a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The person left.
    Left,
    /// Nothing was done for too long.
    Idle,
    /// It was as old as a session may be.
    Absolute,
    /// An id of it was used again after its time: it may be stolen.
    Reused,
    /// Somebody ended it: the person from elsewhere, or an administrator.
    Ended,
}

/// The body of `auth.ended`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnded {
    /// The person.
    pub user: Id,
    /// Why.
    pub reason: EndReason,
}

/// The body of `auth.locked`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInLocked {
    /// The person.
    pub user: Id,
    /// Until when passwords of this person are not looked at.
    pub until: UnixMillis,
}

impl UserInvited {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("user", Value::from(self.user.as_str())),
            ("name", Value::from(self.name.as_str())),
            ("roles", self.roles.to_value()),
            ("groups", self.groups.to_value()),
            ("code", Value::from(self.code)),
            ("expires_at", Value::from(self.expires_at)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        const WHAT: &str = "user.invited";
        let mut fields = value.into_fields(WHAT)?;
        let body = Self {
            signed: Signed::from_value(fields.value("signed")?)?,
            user: fields.id("user")?,
            name: fields.person_name()?,
            roles: fields.roles(WHAT)?,
            groups: fields.groups(WHAT)?,
            code: fields.digest("code")?,
            expires_at: fields.time("expires_at")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl Shown {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("context", Value::bytes(&self.context.encode())),
            ("registration", self.registration.to_value()),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("shown")?;
        let context = RegistrationContext::decode(&fields.bytes("context")?)
            .map_err(|_| fields.unexpected("context", "the context of a registration"))?;
        let registration = registration(fields.value("registration")?)?;
        fields.finish()?;
        Ok(Self {
            context,
            registration,
        })
    }
}

impl UserClaimed {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("user", Value::from(self.user.as_str())),
            ("code", Value::from(self.code.as_str())),
            ("sign_in", self.sign_in.to_value()),
            (
                "approval",
                self.approval.as_ref().map_or(Value::Null, Shown::to_value),
            ),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("user.claimed")?;
        let body = Self {
            user: fields.id("user")?,
            code: fields.text_as("code", "the 22 characters of a one-time code", |text| {
                is_code(text).then(|| String::from(text))
            })?,
            sign_in: Shown::from_value(fields.value("sign_in")?)?,
            approval: match fields.value("approval")? {
                Value::Null => None,
                shown => Some(Shown::from_value(shown)?),
            },
        };
        fields.finish()?;
        Ok(body)
    }
}

impl UserEnrolled {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("user", Value::from(self.user.as_str())),
            ("name", Value::from(self.name.as_str())),
            ("roles", self.roles.to_value()),
            ("groups", self.groups.to_value()),
            ("sign_in", thumbprint_to_value(self.sign_in)),
            (
                "approval",
                self.approval.map_or(Value::Null, thumbprint_to_value),
            ),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        const WHAT: &str = "user.enrolled";
        let mut fields = value.into_fields(WHAT)?;
        let body = Self {
            signed: Signed::from_value(fields.value("signed")?)?,
            user: fields.id("user")?,
            name: fields.person_name()?,
            roles: fields.roles(WHAT)?,
            groups: fields.groups(WHAT)?,
            sign_in: thumbprint(&mut fields, "sign_in")?,
            approval: fields
                .bytes_exact_or_null("approval")?
                .map(JwkThumbprint::from_bytes),
        };
        fields.finish()?;
        Ok(body)
    }
}

impl UserChanged {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("user", Value::from(self.user.as_str())),
            ("status", Value::from(self.status.name())),
            ("roles", self.roles.to_value()),
            ("groups", self.groups.to_value()),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        const WHAT: &str = "user.changed";
        let mut fields = value.into_fields(WHAT)?;
        let body = Self {
            signed: Signed::from_value(fields.value("signed")?)?,
            user: fields.id("user")?,
            status: fields.text_as("status", "`active` or `suspended`", Status::parse)?,
            roles: fields.roles(WHAT)?,
            groups: fields.groups(WHAT)?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl UserRevoked {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("user", Value::from(self.user.as_str())),
            ("passkey", thumbprint_to_value(self.passkey)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("user.revoked")?;
        let body = Self {
            signed: Signed::from_value(fields.value("signed")?)?,
            user: fields.id("user")?,
            passkey: thumbprint(&mut fields, "passkey")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl DelegationGiven {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("from", Value::from(self.from.as_str())),
            ("to", Value::from(self.to.as_str())),
            ("groups", self.groups.to_value()),
            ("starts_at", Value::from(self.starts_at)),
            ("ends_at", Value::from(self.ends_at)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        const WHAT: &str = "delegation.given";
        let mut fields = value.into_fields(WHAT)?;
        let body = Self {
            signed: Signed::by_person_from_value(fields.value("signed")?)?,
            from: fields.id("from")?,
            to: fields.id("to")?,
            groups: fields.groups(WHAT)?,
            starts_at: fields.time("starts_at")?,
            ends_at: fields.time("ends_at")?,
        };
        if body.groups.is_empty() {
            return Err(fields.unexpected("groups", "1 to 16 ids"));
        }
        let lasts = body
            .ends_at
            .millis()
            .checked_sub(body.starts_at.millis())
            .is_some_and(|ms| (1..=DELEGATION_MS_MAX).contains(&ms));
        if !lasts {
            return Err(fields.unexpected("ends_at", "1 ms to 30 days after `starts_at`"));
        }
        fields.finish()?;
        Ok(body)
    }
}

impl DelegationEnded {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("from", Value::from(self.from.as_str())),
            ("to", Value::from(self.to.as_str())),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("delegation.ended")?;
        let body = Self {
            signed: Signed::by_person_from_value(fields.value("signed")?)?,
            from: fields.id("from")?,
            to: fields.id("to")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl ActProposed {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("path", Value::from(self.path.as_str())),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("act.proposed")?;
        let body = Self {
            signed: Signed::by_person_from_value(fields.value("signed")?)?,
            path: fields.text_as("path", "the path of an act for two", |text| {
                crate::act::is_proposable(text).then(|| String::from(text))
            })?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl SignedIn {
    pub(super) fn to_value(&self) -> Value {
        let (method, context, assertion) = match &self.method {
            SignInMethod::Passkey { context, assertion } => (
                "passkey",
                Value::bytes(&context.encode()),
                assertion.to_value(),
            ),
            SignInMethod::Password => ("password", Value::Null, Value::Null),
        };
        Value::map([
            ("user", Value::from(self.user.as_str())),
            ("method", Value::from(method)),
            ("context", context),
            ("assertion", assertion),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        const WHAT: &str = "auth.signed-in";
        let mut fields = value.into_fields(WHAT)?;
        let user = fields.id("user")?;
        let method = fields.text("method")?;
        let context = fields.value("context")?;
        let assertion = fields.value("assertion")?;
        let method = match (method.as_str(), context, assertion) {
            ("password", Value::Null, Value::Null) => SignInMethod::Password,
            ("password", Value::Null, _) => return Err(fields.unexpected("assertion", "null")),
            ("password", ..) => return Err(fields.unexpected("context", "null")),
            ("passkey", Value::Bytes(context), assertion) => SignInMethod::Passkey {
                context: SignInContext::decode(&context)
                    .map_err(|_| fields.unexpected("context", "the context of a sign-in"))?,
                assertion: self::assertion(assertion, WHAT)?,
            },
            ("passkey", ..) => return Err(fields.unexpected("context", "bytes")),
            _ => return Err(fields.unexpected("method", "`passkey` or `password`")),
        };
        fields.finish()?;
        Ok(Self { user, method })
    }
}

impl EndReason {
    /// Every reason, in the order of the page.
    pub const ALL: [Self; 5] = [
        Self::Left,
        Self::Idle,
        Self::Absolute,
        Self::Reused,
        Self::Ended,
    ];

    /// The word of the format.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Idle => "idle",
            Self::Absolute => "absolute",
            Self::Reused => "reused",
            Self::Ended => "ended",
        }
    }

    /// Reads the word of the format.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == word)
    }
}

impl SessionEnded {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("user", Value::from(self.user.as_str())),
            ("reason", Value::from(self.reason.name())),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("auth.ended")?;
        let body = Self {
            user: fields.id("user")?,
            reason: fields.text_as(
                "reason",
                "`left`, `idle`, `absolute`, `reused` or `ended`",
                EndReason::parse,
            )?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl SignInLocked {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("user", Value::from(self.user.as_str())),
            ("until", Value::from(self.until)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("auth.locked")?;
        let body = Self {
            user: fields.id("user")?,
            until: fields.time("until")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

pub(super) fn assertion(value: Value, what: &'static str) -> Result<Assertion, CborError> {
    Assertion::from_value(value).map_err(|error| match error {
        AssertionError::Cbor(error) => error,
        _ => CborError::Unexpected {
            what,
            field: "assertion",
            expected: "an assertion",
        },
    })
}

fn registration(value: Value) -> Result<Registration, CborError> {
    Registration::from_value(value).map_err(|error| match error {
        RegistrationError::Cbor(error) => error,
        _ => CborError::Unexpected {
            what: "shown",
            field: "registration",
            expected: "a registration",
        },
    })
}

fn thumbprint_to_value(thumbprint: JwkThumbprint) -> Value {
    Value::bytes(thumbprint.as_bytes())
}

fn thumbprint(fields: &mut Fields, field: &'static str) -> Result<JwkThumbprint, CborError> {
    Ok(JwkThumbprint::from_bytes(fields.bytes_exact(field)?))
}
