//! The rows of people: persons, their passkeys, who rules, proposals, delegations (`spec/people.md §3.6`).
//!
//! A forger who could write these would be any person; they are made by [`crate::state::apply`] alone.

use alloc::vec::Vec;

use super::{bad, indices, read_indices};
use crate::{
    cbor::{CborError, Items, Value},
    digest::Digest,
    id::Id,
    key::JwkThumbprint,
    passkey::{CredentialId, PasskeyKey, context::CredentialUse},
    people::{Groups, PASSKEYS_MAX, PersonName, Role, Roles},
    snapshot::Status,
    time::UnixMillis,
};

const WHAT: &str = "person row";

/// Whether a person takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonStatus {
    /// No passkey was confirmed yet.
    Invited,
    /// Takes part.
    Active,
    /// An administrator stopped it.
    Suspended,
}

/// What is known of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// For other people.
    pub name: PersonName,
    /// What the person may do.
    pub roles: Roles,
    /// Whom the person may judge for.
    pub groups: Groups,
    /// Whether the person takes part.
    pub status: PersonStatus,
    /// How far an open invitation has come.
    pub stage: Option<PersonStage>,
    /// The passkeys that count, rising by thumbprint.
    pub passkeys: Vec<PersonPasskey>,
    /// Every entry that made this row what it is, with the proposals that were used, in order. Who signed one of
    /// them is in that entry; the rows of those people before it say whether they might.
    pub entries: Vec<u64>,
}

/// How far an invitation has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonStage {
    /// A code is out.
    Invited {
        /// Who is invited, as what.
        terms: Terms,
        /// Digest of the code.
        code: Digest,
        /// When it dies.
        expires_at: UnixMillis,
    },
    /// Passkeys were shown and wait to be confirmed.
    Claimed {
        /// Who was invited, as what.
        terms: Terms,
        /// For the portal.
        sign_in: ShownPasskey,
        /// For the approval site.
        approval: Option<ShownPasskey>,
    },
}

/// What an invitation says, and who signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// For other people.
    pub name: PersonName,
    /// What the person may do.
    pub roles: Roles,
    /// Whom the person may judge for.
    pub groups: Groups,
    /// Who signed it, rising; the founder's file key names nobody.
    pub by: Vec<Id>,
}

/// A passkey that nobody confirmed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPasskey {
    /// Its id.
    pub credential: CredentialId,
    /// Its public key.
    pub key: PasskeyKey,
}

/// A passkey that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonPasskey {
    /// What for.
    pub credential_use: CredentialUse,
    /// RFC 7638.
    pub thumbprint: JwkThumbprint,
    /// Its id.
    pub credential: CredentialId,
    /// Its public key.
    pub key: PasskeyKey,
    /// When it was confirmed.
    pub added_at: UnixMillis,
    /// Who signed the confirmation or the invitation, rising.
    pub by: Vec<Id>,
    /// The entry that confirmed it.
    pub index: u64,
}

/// Whose a passkey is, or was: one holder for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRow {
    /// The person.
    pub user: Id,
    /// The credential of the key.
    pub credential: CredentialId,
}

/// Who rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdministratorsRow {
    /// The active administrators, rising.
    pub ids: Vec<Id>,
    /// Every entry that made the row of a person what it is while that person was or became one of them, rising:
    /// with these and no others, a stranger knows who ruled, and by whose word.
    pub entries: Vec<u64>,
}

/// The first of two signatures under one act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposalRow {
    /// Who signed.
    pub user: Id,
    /// When.
    pub decided_at: UnixMillis,
    /// Where it stands.
    pub index: u64,
    /// Whether it was not used yet.
    pub open: bool,
}

/// One person may judge for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationRow {
    /// In which groups of the first.
    pub groups: Groups,
    /// From when on.
    pub starts_at: UnixMillis,
    /// Until before when.
    pub ends_at: UnixMillis,
    /// The entry that gave it.
    pub index: u64,
}

impl PersonStatus {
    /// The word of the row.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Invited => "invited",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Invited, Self::Active, Self::Suspended]
            .into_iter()
            .find(|status| status.name() == word)
    }
}

impl From<Status> for PersonStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
        }
    }
}

impl PersonRow {
    /// Whether the person takes part.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == PersonStatus::Active
    }

    /// Whether a passkey of this person was ever confirmed: a person *of the log*.
    #[must_use]
    pub fn is_of_the_log(&self) -> bool {
        self.status != PersonStatus::Invited
    }

    /// Whether the person takes part in this role.
    #[must_use]
    pub fn acts_as(&self, role: Role) -> bool {
        self.is_active() && self.roles.has(role)
    }

    /// Whether the person is one of those who rule: active, with the role and a passkey to sign with.
    #[must_use]
    pub fn is_active_administrator(&self) -> bool {
        let signs = |passkey: &PersonPasskey| passkey.credential_use == CredentialUse::SignIn;
        self.acts_as(Role::Administrator) && self.passkeys.iter().any(signs)
    }

    /// The passkey of this credential, if it counts for this use.
    #[must_use]
    pub fn passkey(
        &self,
        credential: &CredentialId,
        credential_use: CredentialUse,
    ) -> Option<&PersonPasskey> {
        self.passkeys.iter().find(|passkey| {
            passkey.credential == *credential && passkey.credential_use == credential_use
        })
    }

    pub(super) fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.name.as_str()),
            self.roles.to_value(),
            self.groups.to_value(),
            Value::from(self.status.name()),
            self.stage
                .as_ref()
                .map_or(Value::Null, PersonStage::to_value),
            Value::array(self.passkeys.iter().map(PersonPasskey::to_value)),
            indices(&self.entries),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items(WHAT)?;
        let row = Self {
            name: items.person_name()?,
            roles: items.roles(WHAT)?,
            groups: items.groups(WHAT)?,
            status: items.text_as("status", "a status", PersonStatus::parse)?,
            stage: match items.value("stage")? {
                Value::Null => None,
                stage => Some(PersonStage::from_value(stage)?),
            },
            passkeys: items
                .value("passkeys")?
                .into_list("passkeys", PersonPasskey::from_value)?,
            entries: read_indices(&mut items)?,
        };
        items.finish()?;
        let rising = row
            .passkeys
            .windows(2)
            .all(|pair| matches!(pair, [one, next] if one.thumbprint < next.thumbprint));
        if !rising || row.passkeys.len() > PASSKEYS_MAX {
            return Err(bad("passkeys", "at most 8, rising by thumbprint"));
        }
        Ok(row)
    }
}

impl PersonStage {
    /// What the invitation says.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        match self {
            Self::Invited { terms, .. } | Self::Claimed { terms, .. } => terms,
        }
    }

    fn to_value(&self) -> Value {
        let Terms {
            name,
            roles,
            groups,
            by,
        } = self.terms();
        let (word, first, second) = match self {
            Self::Invited {
                code, expires_at, ..
            } => ("invited", Value::from(*code), Value::from(*expires_at)),
            Self::Claimed {
                sign_in, approval, ..
            } => (
                "claimed",
                sign_in.to_value(),
                approval
                    .as_ref()
                    .map_or(Value::Null, ShownPasskey::to_value),
            ),
        };
        Value::array([
            Value::from(word),
            Value::from(name.as_str()),
            roles.to_value(),
            groups.to_value(),
            first,
            second,
            people(by),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("stage")?;
        let word = items.text("stage")?;
        let name = items.person_name()?;
        let roles = items.roles(WHAT)?;
        let groups = items.groups(WHAT)?;
        let terms = |by| Terms {
            name,
            roles,
            groups,
            by,
        };
        let stage = match word.as_str() {
            "invited" => {
                let code = items.digest("code")?;
                let expires_at = items.time("expires_at")?;
                Self::Invited {
                    terms: terms(read_people(&mut items)?),
                    code,
                    expires_at,
                }
            }
            "claimed" => {
                let sign_in = ShownPasskey::from_value(items.value("sign_in")?)?;
                let approval = match items.value("approval")? {
                    Value::Null => None,
                    shown => Some(ShownPasskey::from_value(shown)?),
                };
                Self::Claimed {
                    terms: terms(read_people(&mut items)?),
                    sign_in,
                    approval,
                }
            }
            _ => return Err(bad("stage", "`invited` or `claimed`")),
        };
        items.finish()?;
        Ok(stage)
    }
}

impl ShownPasskey {
    fn to_value(&self) -> Value {
        Value::array([
            Value::bytes(self.credential.as_bytes()),
            Value::bytes(&self.key.to_bytes()),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("passkey shown")?;
        let shown = Self {
            credential: credential(&mut items)?,
            key: key(&mut items)?,
        };
        items.finish()?;
        Ok(shown)
    }
}

impl PersonPasskey {
    fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.credential_use.name()),
            Value::bytes(self.thumbprint.as_bytes()),
            Value::bytes(self.credential.as_bytes()),
            Value::bytes(&self.key.to_bytes()),
            Value::from(self.added_at),
            people(&self.by),
            Value::Uint(self.index),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("passkey of a person")?;
        let passkey = Self {
            credential_use: items.text_as(
                "use",
                "`sign-in` or `approval`",
                CredentialUse::parse,
            )?,
            thumbprint: JwkThumbprint::from_bytes(items.bytes_exact("thumbprint")?),
            credential: credential(&mut items)?,
            key: key(&mut items)?,
            added_at: items.time("added_at")?,
            by: read_people(&mut items)?,
            index: items.uint("index")?,
        };
        items.finish()?;
        Ok(passkey)
    }
}

impl PasskeyRow {
    pub(super) fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.user.as_str()),
            Value::bytes(self.credential.as_bytes()),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("passkey row")?;
        let row = Self {
            user: items.id("user")?,
            credential: credential(&mut items)?,
        };
        items.finish()?;
        Ok(row)
    }
}

impl AdministratorsRow {
    pub(super) fn to_value(&self) -> Value {
        Value::array([people(&self.ids), indices(&self.entries)])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("administrators row")?;
        let row = Self {
            ids: read_people(&mut items)?,
            entries: read_indices(&mut items)?,
        };
        items.finish()?;
        Ok(row)
    }
}

impl ProposalRow {
    pub(super) fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.user.as_str()),
            Value::from(self.decided_at),
            Value::Uint(self.index),
            Value::from(self.open),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("proposal row")?;
        let row = Self {
            user: items.id("user")?,
            decided_at: items.time("decided_at")?,
            index: items.uint("index")?,
            open: match items.value("open")? {
                Value::Bool(open) => open,
                _ => return Err(bad("open", "true or false")),
            },
        };
        items.finish()?;
        Ok(row)
    }
}

impl DelegationRow {
    /// Whether the delegation counts at this time.
    #[must_use]
    pub fn covers(&self, at: UnixMillis) -> bool {
        self.starts_at <= at && at < self.ends_at
    }

    pub(super) fn to_value(&self) -> Value {
        Value::array([
            self.groups.to_value(),
            Value::from(self.starts_at),
            Value::from(self.ends_at),
            Value::Uint(self.index),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("delegation row")?;
        let row = Self {
            groups: items.groups("delegation row")?,
            starts_at: items.time("starts_at")?,
            ends_at: items.time("ends_at")?,
            index: items.uint("index")?,
        };
        items.finish()?;
        Ok(row)
    }
}

/// Ids of people, rising.
pub(super) fn people(people: &[Id]) -> Value {
    Value::array(people.iter().map(|person| Value::from(person.as_str())))
}

/// Reads what [`people`] writes.
pub(super) fn read_people(items: &mut Items) -> Result<Vec<Id>, CborError> {
    people_of(items.value("by")?)
}

fn people_of(value: Value) -> Result<Vec<Id>, CborError> {
    let refused = || bad("people", "ids, rising, each once");
    let people = value.into_list("people", |person| {
        Id::parse(&person.into_text("person")?).map_err(|_| refused())
    })?;
    let rising = people
        .windows(2)
        .all(|pair| matches!(pair, [one, next] if one < next));
    if rising { Ok(people) } else { Err(refused()) }
}

fn credential(items: &mut Items) -> Result<CredentialId, CborError> {
    CredentialId::new(items.bytes("credential")?)
        .map_err(|_| bad("credential", "1 to 255 bytes of a credential id"))
}

fn key(items: &mut Items) -> Result<PasskeyKey, CborError> {
    PasskeyKey::from_bytes(&items.bytes("key")?)
        .map_err(|_| bad("key", "a point of P-256, compressed"))
}
