//! Derived state: what the log says is true now, as rows (`spec/state.md`).
//!
//! A row is a fold over the entries and nothing else, so that an auditor with the entries has every row. The
//! server keeps the rows of this module and makes them with [`apply`]; an auditor folds the same function over
//! an export. [`apply`] also judges whether an event may follow what came before. Signatures are judged apart,
//! by [`check_signed`], because the server has checked them before it makes an event.

mod apply;
mod authority;
mod cases;
mod directory;
mod outcomes;
mod passkeys;
mod password;
mod people;
mod review;
mod round;
mod rows;
mod sheet;
mod signatures;
mod trust;

use alloc::{string::String, vec::Vec};

pub use apply::{Completeness, StateError, apply};
pub use authority::{Deed, People, Signer, may_sign};
pub use review::{Agreed, agreed, may_judge, rests};
pub use rows::{
    AdministratorsRow, AgentRow, BundleRow, CaseEvent, CaseRow, CounterpartyRow, DelegationRow,
    Due, Ending, GivenApproval, Ground, HISTORY_MAX, Moved, NewKey, PasskeyRow, PasswordRow,
    PersonPasskey, PersonRow, PersonStage, PersonStatus, PolicyRow, ProposalRow, ReviewRow, Row,
    Said, ShownPasskey, Stage, Subject, SystemRow, Terms,
};
pub use sheet::SheetFacts;
pub use signatures::{Blobs, SignedError, check_signed};
pub use trust::{dealings, standing, weighed_agent, weighed_counterparty};

use crate::{
    cbor::Value,
    digest::Digest,
    entry::CaseId,
    id::{Id, RequestId},
    key::JwkThumbprint,
    passkey::CredentialId,
    standing::Rated,
};

/// What a row is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowName {
    /// The genesis entry.
    Log,
    /// An agent.
    Agent(Id),
    /// A target system.
    System(Id),
    /// A counterparty.
    Counterparty(Id),
    /// The active policy bundle.
    Policy,
    /// A published bundle, by its blob digest.
    Bundle(Digest),
    /// Whose key has this thumbprint.
    Key(JwkThumbprint),
    /// The case an agent opened under a request id. Keyed by the full values (decision 14).
    Request(Id, RequestId),
    /// A case.
    Case(CaseId),
    /// A person.
    Person(Id),
    /// Whose passkey has this thumbprint.
    Passkey(JwkThumbprint),
    /// The passkey of a credential.
    Credential(CredentialId),
    /// Who rules.
    Administrators,
    /// The proposal of an act, by its path and the RFC 9530 digest of its body.
    Proposal(String, Digest),
    /// The delegation from the first to the second.
    Delegation(Id, Id),
    /// The last cases of an agent.
    History(Id),
    /// The review of a case.
    Review(CaseId),
    /// What evidence says of an agent or a counterparty.
    Standing(Rated),
    /// What an agent and a counterparty have given each other.
    Dealings(Id, Id),
    /// The password of a person.
    Password(Id),
}

impl RowName {
    /// One byte per kind of row, never reused.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Agent(_) => 2,
            Self::System(_) => 3,
            Self::Counterparty(_) => 4,
            Self::Policy => 5,
            Self::Bundle(_) => 6,
            Self::Key(_) => 7,
            Self::Request(..) => 8,
            Self::Case(_) => 9,
            Self::Person(_) => 10,
            Self::Passkey(_) => 11,
            Self::Credential(_) => 12,
            Self::Administrators => 13,
            Self::Proposal(..) => 14,
            Self::Delegation(..) => 15,
            Self::Review(_) => 16,
            Self::History(_) => 17,
            Self::Standing(_) => 18,
            Self::Dealings(..) => 19,
            Self::Password(_) => 20,
        }
    }

    /// The bytes that tell rows of one kind apart: deterministic CBOR, so that no two names join to the same.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Log | Self::Policy | Self::Administrators => Value::Null,
            Self::Agent(id)
            | Self::System(id)
            | Self::Counterparty(id)
            | Self::Person(id)
            | Self::History(id)
            | Self::Password(id) => Value::from(id.as_str()),
            Self::Bundle(digest) => Value::from(*digest),
            Self::Key(thumbprint) | Self::Passkey(thumbprint) => {
                Value::bytes(thumbprint.as_bytes())
            }
            Self::Credential(credential) => Value::bytes(credential.as_bytes()),
            Self::Proposal(path, content) => {
                Value::array([Value::from(path.as_str()), Value::from(*content)])
            }
            Self::Standing(rated) => {
                Value::array([Value::from(rated.kind()), Value::from(rated.id().as_str())])
            }
            Self::Delegation(from, to) | Self::Dealings(from, to) => {
                Value::array([Value::from(from.as_str()), Value::from(to.as_str())])
            }
            Self::Request(agent, request) => {
                Value::array([Value::from(agent.as_str()), Value::from(request.as_str())])
            }
            Self::Case(case) | Self::Review(case) => Value::bytes(case.as_bytes()),
        }
        .encode()
    }

    /// A short word for people.
    #[must_use]
    pub fn describe(&self) -> String {
        use alloc::format;
        match self {
            Self::Log => String::from("log"),
            Self::Policy => String::from("active policy"),
            Self::Agent(id) => format!("agent `{id}`"),
            Self::System(id) => format!("target system `{id}`"),
            Self::Counterparty(id) => format!("counterparty `{id}`"),
            Self::Bundle(digest) => format!("bundle {digest}"),
            Self::Key(thumbprint) => format!("key {}", thumbprint.to_base64url()),
            Self::Request(agent, request) => format!("request `{request}` of `{agent}`"),
            Self::Case(case) => format!("case {case}"),
            Self::Person(id) => format!("person `{id}`"),
            Self::Passkey(thumbprint) => format!("passkey {}", thumbprint.to_base64url()),
            Self::Credential(credential) => format!("credential {}", credential.to_base64url()),
            Self::Administrators => String::from("administrators"),
            Self::Proposal(path, content) => format!("proposal of `{path}` with content {content}"),
            Self::Delegation(from, to) => format!("delegation from `{from}` to `{to}`"),
            Self::History(id) => format!("history of `{id}`"),
            Self::Review(case) => format!("review of case {case}"),
            Self::Standing(rated) => format!("standing of {rated}"),
            Self::Dealings(agent, with) => format!("dealings of `{agent}` with `{with}`"),
            Self::Password(id) => format!("password of `{id}`"),
        }
    }
}

/// Where rows are read from and written to while events are applied.
pub trait Rows {
    /// A failure to read.
    type Error;

    /// The row, as the events applied so far left it.
    ///
    /// # Errors
    /// What the storage answers; a missing row is `None`, never an error.
    fn row(&mut self, name: &RowName) -> Result<Option<Row>, Self::Error>;

    /// Sets the row. Read back by later [`Self::row`] calls.
    fn set(&mut self, name: RowName, row: Row);
}

/// Rows in memory: for audits of an export, for case files, for tests.
#[derive(Debug, Default, Clone)]
pub struct MemoryRows(alloc::collections::BTreeMap<RowName, Row>);

impl MemoryRows {
    /// The row, if there is one.
    #[must_use]
    pub fn find(&self, name: &RowName) -> Option<&Row> {
        self.0.get(name)
    }

    /// Every row, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&RowName, &Row)> {
        self.0.iter()
    }
}

impl Rows for MemoryRows {
    type Error = core::convert::Infallible;

    fn row(&mut self, name: &RowName) -> Result<Option<Row>, Self::Error> {
        Ok(self.0.get(name).cloned())
    }

    fn set(&mut self, name: RowName, row: Row) {
        self.0.insert(name, row);
    }
}

/// Rows ahead of those below: what a change that is still being made would leave. Reading falls through, setting
/// stays here; dropped, nothing has happened.
#[derive(Debug)]
pub struct Ahead<'a, R> {
    below: &'a mut R,
    set: MemoryRows,
}

impl<'a, R> Ahead<'a, R> {
    /// Over `below`, with nothing set.
    pub fn of(below: &'a mut R) -> Self {
        let set = MemoryRows::default();
        Self { below, set }
    }

    /// What is below, as nothing of the change has touched it.
    #[must_use]
    pub const fn below(&self) -> &R {
        self.below
    }
}

impl<R: Rows> Rows for Ahead<'_, R> {
    type Error = R::Error;

    fn row(&mut self, name: &RowName) -> Result<Option<Row>, Self::Error> {
        match self.set.0.get(name) {
            Some(row) => Ok(Some(row.clone())),
            None => self.below.row(name),
        }
    }

    fn set(&mut self, name: RowName, row: Row) {
        self.set.set(name, row);
    }
}

#[cfg(test)]
mod tests;
