//! People of the tenant: roles, passkeys, what waits for a second signature, delegations.

use agentsigna_verifier::{id::Id, people::Role};
use askama::Template;

use super::{
    frame::{Facts, Frame, Problem, wrong},
    parts::{Chip, Hash, Plain, When},
};

/// `GET /people`.
#[derive(Debug, Clone, Template)]
#[template(path = "people.html")]
pub struct People {
    /// Around it.
    pub frame: Frame,
    /// Acts that one administrator signed and another has to.
    pub proposals: Vec<Proposal>,
    /// By id.
    pub people: Vec<PersonRow>,
    /// The form to invite one, if the person may.
    pub invite: Option<PersonForm>,
}

/// An act that waits for a second signature. PE-9
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What it does, in our words.
    pub words: String,
    /// Who signed first.
    pub by: Id,
    /// When.
    pub at: When,
    /// Until when it can be used.
    pub until: When,
    /// Its path and body as hidden fields; empty where this person may not be the second.
    pub hidden: Vec<(&'static str, String)>,
}

/// One person in a list.
#[derive(Debug, Clone)]
pub struct PersonRow {
    /// Their id.
    pub user: Id,
    /// Their name.
    pub name: Plain,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Whom they judge for.
    pub groups: Vec<Id>,
    /// Passkeys that count.
    pub passkeys: usize,
    /// Invited, active, suspended.
    pub status: Chip,
}

/// An invitation or a change being filled in.
#[derive(Debug, Clone, Default)]
pub struct PersonForm {
    /// As typed.
    pub user: String,
    /// As typed.
    pub name: String,
    /// As chosen, of a change: `active` or `suspended`.
    pub status: String,
    /// As chosen.
    pub roles: Vec<Role>,
    /// As typed, with commas.
    pub groups: String,
    /// What cannot be taken.
    pub problems: Vec<Problem>,
}

/// `GET /people/{user}`.
#[derive(Debug, Clone, Template)]
#[template(path = "person.html")]
pub struct PersonPage {
    /// Around it.
    pub frame: Frame,
    /// Their id.
    pub user: Id,
    /// Their name.
    pub name: Plain,
    /// `active`, `suspended` or `invited`.
    pub status: &'static str,
    /// Names and values.
    pub facts: Facts,
    /// Passkeys that count.
    pub passkeys: Vec<PasskeyRow>,
    /// Passkeys that were shown and wait for their confirmation.
    pub shown: Option<PasskeysShown>,
    /// Roles and groups to be changed, if the person who looks may.
    pub change: Option<PersonForm>,
    /// Hidden fields of another invitation: one's own, to add a passkey, or an administrator's; empty for others.
    pub add: Vec<(&'static str, String)>,
}

/// One passkey.
#[derive(Debug, Clone)]
pub struct PasskeyRow {
    /// `sign-in` or `approval`.
    pub kind: &'static str,
    /// Its thumbprint.
    pub thumbprint: Hash,
    /// When it was confirmed.
    pub added_at: When,
    /// Who confirmed it.
    pub by: String,
    /// Hidden fields of its revocation; empty where the person who looks may not.
    pub revoke: Vec<(&'static str, String)>,
}

/// Passkeys that nobody confirmed yet.
#[derive(Debug, Clone)]
pub struct PasskeysShown {
    /// Thumbprint of the sign-in passkey.
    pub sign_in: Hash,
    /// Thumbprint of the approval passkey.
    pub approval: Option<Hash>,
    /// When they were shown.
    pub at: When,
    /// Hidden fields of the confirmation; empty where the person who looks may not.
    pub hidden: Vec<(&'static str, String)>,
}

/// `GET /delegations`.
#[derive(Debug, Clone, Template)]
#[template(path = "delegations.html")]
pub struct Delegations {
    /// Around it.
    pub frame: Frame,
    /// Newest first.
    pub delegations: Vec<DelegationRow>,
    /// The form to give one, if the person may.
    pub give: Option<DelegationForm>,
}

/// One delegation.
#[derive(Debug, Clone)]
pub struct DelegationRow {
    /// Who gave it.
    pub from: Id,
    /// Who judges.
    pub to: Id,
    /// For these.
    pub groups: Vec<Id>,
    /// From when.
    pub starts_at: When,
    /// Until when.
    pub ends_at: When,
    /// Active, to come, ended.
    pub status: Chip,
    /// Whether the person who looks may end it.
    pub may_end: bool,
}

/// A delegation being filled in.
#[derive(Debug, Clone, Default)]
pub struct DelegationForm {
    /// The person who gives it.
    pub from: String,
    /// People to choose from: id and name.
    pub to: Vec<(String, Plain)>,
    /// Whom, as chosen.
    pub chosen: String,
    /// Groups of the person.
    pub groups: Vec<String>,
    /// Which of them, as chosen.
    pub chosen_groups: Vec<String>,
    /// As typed: `2026-11-22T09:41`, UTC.
    pub starts_at: String,
    /// As typed.
    pub ends_at: String,
    /// What cannot be taken.
    pub problems: Vec<Problem>,
}

/// What a role is for.
const fn about(role: Role) -> &'static str {
    match role {
        Role::Administrator => "rules: people, policies, target systems",
        Role::Approver => "judges cases of their groups",
        Role::Auditor => "reads everything",
        Role::Operator => "keeps agents and counterparties",
    }
}

/// Ids with commas.
fn listed(ids: &[Id]) -> String {
    let ids: Vec<_> = ids.iter().map(Id::as_str).collect();
    ids.join(", ")
}

/// Roles with commas.
fn named(roles: &[Role]) -> String {
    let roles: Vec<_> = roles.iter().map(|role| role.name()).collect();
    roles.join(", ")
}

super::frame::stands!(People at "/people", PersonPage at "/people", Delegations at "/delegations");
