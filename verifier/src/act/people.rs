//! Acts on people, signed by people (`spec/people.md §3.3`).

use alloc::{format, string::String, vec::Vec};

use super::{Act, Activation};
use crate::{
    digest::Digest,
    id::Id,
    json::{self, JsonError, JsonFault, Members, Place},
    key::JwkThumbprint,
    limits,
    people::{Groups, PersonName, Role, Roles},
    snapshot::Status,
    time::UnixMillis,
};

/// `POST /v1/users`: name a person, or let a person of the log add passkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInvitation {
    /// The log.
    pub origin: String,
    /// The person.
    pub user: Id,
    /// For other people.
    pub name: PersonName,
    /// What the person may do.
    pub roles: Roles,
    /// Whom the person may judge for.
    pub groups: Groups,
}

/// `POST /v1/users/{user}/confirm`: these passkeys are the person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserConfirmation {
    /// The log.
    pub origin: String,
    /// The person.
    pub user: Id,
    /// As invited.
    pub name: PersonName,
    /// As invited.
    pub roles: Roles,
    /// As invited.
    pub groups: Groups,
    /// The thumbprint of the sign-in passkey shown.
    pub sign_in: JwkThumbprint,
    /// The thumbprint of the approval passkey shown; absent in JSON if none was.
    pub approval: Option<JwkThumbprint>,
}

/// `POST /v1/users/{user}/change`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserChange {
    /// The log.
    pub origin: String,
    /// The person.
    pub user: Id,
    /// The new status.
    pub status: Status,
    /// The new roles.
    pub roles: Roles,
    /// The new groups.
    pub groups: Groups,
}

/// `POST /v1/users/{user}/revoke`: one passkey counts no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRevocation {
    /// The log.
    pub origin: String,
    /// The person.
    pub user: Id,
    /// The thumbprint of the passkey.
    pub passkey: JwkThumbprint,
}

/// `POST /v1/delegations`: another person may judge for me.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegation {
    /// The log.
    pub origin: String,
    /// Who signs.
    pub from: Id,
    /// Who may judge.
    pub to: Id,
    /// In which groups of the first; 1 to 16.
    pub groups: Groups,
    /// From when on.
    pub starts_at: UnixMillis,
    /// Until before when.
    pub ends_at: UnixMillis,
}

/// `POST /v1/delegations/end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelegationEnd {
    /// The log.
    pub origin: String,
    /// Who signs.
    pub from: Id,
    /// Who may judge no more.
    pub to: Id,
}

/// `POST /v1/users/{user}/password`: from here on the person may sign in with a password, to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    /// The log.
    pub origin: String,
    /// Who signs.
    pub user: Id,
    /// Digest of the secret record.
    pub secret: Digest,
}

/// `POST /v1/users/{user}/password/end`: and may no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordEnd {
    /// The log.
    pub origin: String,
    /// The person.
    pub user: Id,
}

/// An act for which two people may be asked: what can be proposed (PE-9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposable {
    /// `/v1/users`
    Invitation(UserInvitation),
    /// `/v1/users/{user}/confirm`
    Confirmation(UserConfirmation),
    /// `/v1/users/{user}/change`
    Change(UserChange),
    /// `/v1/users/{user}/revoke`
    Revocation(PasskeyRevocation),
    /// `/v1/policies/activate`
    Activation(Activation),
}

parse! {
    UserInvitation: |members| Self {
        origin: members.text("origin")?,
        user: members.id("user")?,
        name: name(&mut members)?,
        roles: roles(&mut members)?,
        groups: groups(&mut members)?,
    };
    UserConfirmation: |members| Self {
        origin: members.text("origin")?,
        user: members.id("user")?,
        name: name(&mut members)?,
        roles: roles(&mut members)?,
        groups: groups(&mut members)?,
        sign_in: members.parsed("sign_in", thumbprint)?,
        approval: members
            .optional("approval")
            .map(|place| place.parsed(thumbprint))
            .transpose()?,
    };
    UserChange: |members| Self {
        origin: members.text("origin")?,
        user: members.id("user")?,
        status: members.parsed("status", |text| {
            Status::parse(text).ok_or("expected `active` or `suspended`")
        })?,
        roles: roles(&mut members)?,
        groups: groups(&mut members)?,
    };
    PasskeyRevocation: |members| Self {
        origin: members.text("origin")?,
        user: members.id("user")?,
        passkey: members.parsed("passkey", thumbprint)?,
    };
    Delegation: |members| Self {
        origin: members.text("origin")?,
        from: members.id("from")?,
        to: members.id("to")?,
        groups: some_groups(&mut members)?,
        starts_at: time(&mut members, "starts_at")?,
        ends_at: time(&mut members, "ends_at")?,
    };
    DelegationEnd: |members| Self {
        origin: members.text("origin")?,
        from: members.id("from")?,
        to: members.id("to")?,
    };
    Password: |members| Self {
        origin: members.text("origin")?,
        user: members.id("user")?,
        secret: members.parsed("secret", |text| {
            Digest::from_hex(text).ok_or("expected the digest of a secret record, 64 lower-case hex digits")
        })?,
    };
    PasswordEnd: |members| Self {
        origin: members.text("origin")?,
        user: members.id("user")?,
    };
}

acts! {
    UserInvitation: |_act| String::from("/v1/users");
    UserConfirmation: |act| format!("/v1/users/{}/confirm", act.user);
    UserChange: |act| format!("/v1/users/{}/change", act.user);
    PasskeyRevocation: |act| format!("/v1/users/{}/revoke", act.user);
    Delegation: |_act| String::from("/v1/delegations");
    DelegationEnd: |_act| String::from("/v1/delegations/end");
    Password: |act| format!("/v1/users/{}/password", act.user);
    PasswordEnd: |act| format!("/v1/users/{}/password/end", act.user);
}

impl Proposable {
    /// Reads the body of an act at `path`.
    ///
    /// # Errors
    /// [`JsonError`] with a pointer to the member; `json-value` at the root where no act for two has this path.
    pub fn parse(path: &str, body: &[u8]) -> Result<Self, JsonError> {
        Ok(match Kind::of(path) {
            None => {
                let reason = String::from("no act for two people has this path");
                return Err(JsonError::new(JsonFault::Value { reason }, String::new()));
            }
            Some(Kind::Invitation) => Self::Invitation(UserInvitation::parse(body)?),
            Some(Kind::Confirmation) => Self::Confirmation(UserConfirmation::parse(body)?),
            Some(Kind::Change) => Self::Change(UserChange::parse(body)?),
            Some(Kind::Revocation) => Self::Revocation(PasskeyRevocation::parse(body)?),
            Some(Kind::Activation) => Self::Activation(Activation::parse(body)?),
        })
    }
}

/// Whether an act for which two people may be asked has this path.
pub(crate) fn is_proposable(path: &str) -> bool {
    Kind::of(path).is_some()
}

enum Kind {
    Invitation,
    Confirmation,
    Change,
    Revocation,
    Activation,
}

impl Kind {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/v1/users" => return Some(Self::Invitation),
            "/v1/policies/activate" => return Some(Self::Activation),
            _ => {}
        }
        let (user, act) = path.strip_prefix("/v1/users/")?.split_once('/')?;
        Id::parse(user).ok()?;
        match act {
            "confirm" => Some(Self::Confirmation),
            "change" => Some(Self::Change),
            "revoke" => Some(Self::Revocation),
            _ => None,
        }
    }
}

impl Act for Proposable {
    fn target(&self) -> String {
        match self {
            Self::Invitation(act) => act.target(),
            Self::Confirmation(act) => act.target(),
            Self::Change(act) => act.target(),
            Self::Revocation(act) => act.target(),
            Self::Activation(act) => act.target(),
        }
    }

    fn origin(&self) -> &str {
        match self {
            Self::Invitation(act) => act.origin(),
            Self::Confirmation(act) => act.origin(),
            Self::Change(act) => act.origin(),
            Self::Revocation(act) => act.origin(),
            Self::Activation(act) => act.origin(),
        }
    }
}

fn name(members: &mut Members) -> Result<PersonName, JsonError> {
    members.parsed("name", |text| {
        PersonName::parse(text).ok_or(PersonName::EXPECTED)
    })
}

fn roles(members: &mut Members) -> Result<Roles, JsonError> {
    let place = members.required("roles")?;
    let refusal = place.refuse(String::from(Roles::EXPECTED));
    let roles: Result<Vec<Role>, JsonError> = place
        .array()?
        .into_iter()
        .map(|place| place.parsed(|word| Role::parse(word).ok_or(Roles::EXPECTED)))
        .collect();
    Roles::new(roles?).ok_or(refusal)
}

fn groups(members: &mut Members) -> Result<Groups, JsonError> {
    groups_at(members.required("groups")?)
}

fn some_groups(members: &mut Members) -> Result<Groups, JsonError> {
    let place = members.required("groups")?;
    let refusal = place.refuse(String::from("expected 1 to 16 groups"));
    let groups = groups_at(place)?;
    if groups.is_empty() {
        return Err(refusal);
    }
    Ok(groups)
}

fn groups_at(place: Place) -> Result<Groups, JsonError> {
    let refusal = place.refuse(String::from(Groups::EXPECTED));
    let groups: Result<Vec<Id>, JsonError> = place
        .array()?
        .into_iter()
        .map(|place| place.parsed(Id::parse))
        .collect();
    Groups::new(groups?).ok_or(refusal)
}

fn time(members: &mut Members, name: &str) -> Result<UnixMillis, JsonError> {
    let millis = members.integer(name, 0..=limits::JSON_INTEGER_MAX)?;
    Ok(UnixMillis::new(millis).unwrap_or(UnixMillis::MAX))
}

fn thumbprint(text: &str) -> Result<JwkThumbprint, &'static str> {
    JwkThumbprint::from_base64url(text)
        .ok_or("expected the passkey's RFC 7638 thumbprint, 43 base64url characters")
}

#[cfg(test)]
mod tests;
