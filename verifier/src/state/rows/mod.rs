//! The rows and their bytes. Each is one deterministic CBOR array (`spec/state.md §3`).

mod case;
mod directory;
mod ending;
mod password;
mod people;
mod review;

use alloc::vec::Vec;

pub use case::{CaseEvent, CaseRow};
pub use directory::{AgentRow, CounterpartyRow, NewKey, Stage, SystemRow};
pub use ending::{Due, Ending, Moved, Said};
pub use password::PasswordRow;
pub use people::{
    AdministratorsRow, DelegationRow, PasskeyRow, PersonPasskey, PersonRow, PersonStage,
    PersonStatus, ProposalRow, ShownPasskey, Terms,
};
pub use review::{GivenApproval, ReviewRow};

use crate::{
    cbor::{CborError, Items, Value},
    digest::Digest,
    entry::CaseId,
    event::{Body, Genesis},
    id::Id,
    key::JwkThumbprint,
    review::HistoryCase,
    snapshot::Status,
    standing::{Dealings, Standing},
    time::UnixMillis,
};

/// How many cases the history of an agent keeps.
pub const HISTORY_MAX: usize = crate::review::facts::HISTORY_CASES_MAX;
/// A row, in bytes: most are far below; a round that asks 256 people keeps what each of them signed.
const ROW_BYTES_MAX: usize = 1024 * 1024;

/// One row of derived state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "rows live in maps, most of them the large ones"
)]
pub enum Row {
    /// The genesis entry.
    Log(Genesis),
    /// An agent.
    Agent(AgentRow),
    /// A target system.
    System(SystemRow),
    /// A counterparty.
    Counterparty(CounterpartyRow),
    /// The active bundle.
    Policy(PolicyRow),
    /// A published bundle.
    Bundle(BundleRow),
    /// Whose key it is.
    Key(Subject),
    /// The case a request opened.
    Request(CaseId),
    /// A case.
    Case(CaseRow),
    /// A person.
    Person(PersonRow),
    /// Whose passkey it is.
    Passkey(PasskeyRow),
    /// The passkey of a credential.
    Credential(JwkThumbprint),
    /// The active administrators.
    Administrators(AdministratorsRow),
    /// The first of two signatures under one act.
    Proposal(ProposalRow),
    /// One person may judge for another.
    Delegation(DelegationRow),
    /// The last cases of an agent, oldest first.
    History(Vec<HistoryCase>),
    /// The review of a case.
    Review(ReviewRow),
    /// What evidence says of an agent or a counterparty.
    Standing(Standing),
    /// What an agent and a counterparty have given each other.
    Dealings(Dealings),
    /// The password of a person.
    Password(PasswordRow),
}

/// The active bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// Its blob digest.
    pub bundle: Digest,
    /// The entry that activated it.
    pub entry: u64,
    /// When.
    pub activated_at: UnixMillis,
    /// Who signed, first or second, rising; the founder's file key names nobody.
    pub by: Vec<Id>,
    /// The entry that proposed it, if one did.
    pub proposal: Option<u64>,
}

/// A published bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRow {
    /// Its length in bytes.
    pub bytes: u64,
    /// The entry that published it.
    pub entry: Ground,
}

/// An entry that made a row what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// Its index.
    pub index: u64,
    /// The people who signed it, first or second, rising; keys in files name nobody.
    pub by: Vec<Id>,
}

/// Who holds an enrolled key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An agent.
    Agent(Id),
    /// A target system.
    System(Id),
}

impl Row {
    /// The bytes of the row.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Log(genesis) => Body::LogCreated(genesis.clone()).to_value(),
            Self::Agent(row) => row.to_value(),
            Self::System(row) => Value::array([
                row.stage.to_value(),
                Value::from(row.status.name()),
                grounds(&row.entries),
            ]),
            Self::Counterparty(row) => row.to_value(),
            Self::Policy(row) => Value::array([
                Value::from(row.bundle),
                Value::Uint(row.entry),
                Value::from(row.activated_at),
                people::people(&row.by),
                row.proposal.map_or(Value::Null, Value::Uint),
            ]),
            Self::Bundle(row) => Value::array([Value::Uint(row.bytes), row.entry.to_value()]),
            Self::Key(Subject::Agent(id)) => {
                Value::array([Value::from("agent"), Value::from(id.as_str())])
            }
            Self::Key(Subject::System(id)) => {
                Value::array([Value::from("system"), Value::from(id.as_str())])
            }
            Self::Request(case) => Value::bytes(case.as_bytes()),
            Self::Case(row) => row.to_value(),
            Self::Person(row) => row.to_value(),
            Self::Passkey(row) => row.to_value(),
            Self::Credential(thumbprint) => Value::bytes(thumbprint.as_bytes()),
            Self::Administrators(row) => row.to_value(),
            Self::Proposal(row) => row.to_value(),
            Self::Delegation(row) => row.to_value(),
            Self::History(items) => Value::array(items.iter().map(HistoryCase::to_row)),
            Self::Review(row) => row.to_value(),
            Self::Standing(row) => ending::standing_to_value(row),
            Self::Dealings(row) => ending::dealings_to_value(row),
            Self::Password(row) => row.to_value(),
        }
        .encode()
    }

    /// Reads a row of the kind numbered `kind` (see [`super::RowName::kind`]).
    ///
    /// # Errors
    /// [`CborError`] if the bytes are not such a row.
    pub fn decode(kind: u8, bytes: &[u8]) -> Result<Self, CborError> {
        let value = Value::decode(bytes, ROW_BYTES_MAX)?;
        match kind {
            1 => match Body::from_value("log.created", value) {
                Ok(Body::LogCreated(genesis)) => Ok(Self::Log(genesis)),
                _ => Err(bad("log", "a genesis body")),
            },
            2 => Ok(Self::Agent(AgentRow::from_value(value)?)),
            3 => {
                let mut items = value.into_items("system row")?;
                let row = SystemRow {
                    stage: Stage::from_value(items.value("stage")?)?,
                    status: items.text_as("status", "a status", Status::parse)?,
                    entries: read_grounds(&mut items)?,
                };
                items.finish()?;
                Ok(Self::System(row))
            }
            4 => Ok(Self::Counterparty(CounterpartyRow::from_value(value)?)),
            5 => {
                let mut items = value.into_items("policy row")?;
                let row = PolicyRow {
                    bundle: items.digest("bundle")?,
                    entry: items.uint("entry")?,
                    activated_at: items.time("activated_at")?,
                    by: people::read_people(&mut items)?,
                    proposal: items.uint_or_null("proposal")?,
                };
                items.finish()?;
                Ok(Self::Policy(row))
            }
            6 => {
                let mut items = value.into_items("bundle row")?;
                let row = BundleRow {
                    bytes: items.uint("bytes")?,
                    entry: Ground::from_value(items.value("entry")?)?,
                };
                items.finish()?;
                Ok(Self::Bundle(row))
            }
            7 => {
                let mut items = value.into_items("key row")?;
                let kind = items.text("kind")?;
                let id = items.text_as("id", "an id", |text| Id::parse(text).ok())?;
                items.finish()?;
                match kind.as_str() {
                    "agent" => Ok(Self::Key(Subject::Agent(id))),
                    "system" => Ok(Self::Key(Subject::System(id))),
                    _ => Err(bad("kind", "`agent` or `system`")),
                }
            }
            8 => match value {
                Value::Bytes(bytes) => bytes
                    .try_into()
                    .map(|case| Self::Request(CaseId::from_bytes(case)))
                    .map_err(|_| bad("case", "16 bytes")),
                _ => Err(bad("case", "16 bytes")),
            },
            9 => Ok(Self::Case(CaseRow::from_value(value)?)),
            10 => Ok(Self::Person(PersonRow::from_value(value)?)),
            11 => Ok(Self::Passkey(PasskeyRow::from_value(value)?)),
            12 => {
                let thumbprint = value.into_digest("credential row")?;
                Ok(Self::Credential(JwkThumbprint::from_bytes(
                    *thumbprint.as_bytes(),
                )))
            }
            13 => Ok(Self::Administrators(AdministratorsRow::from_value(value)?)),
            14 => Ok(Self::Proposal(ProposalRow::from_value(value)?)),
            15 => Ok(Self::Delegation(DelegationRow::from_value(value)?)),
            16 => Ok(Self::Review(ReviewRow::from_value(value)?)),
            17 => {
                let items = value.into_list("history", HistoryCase::from_row)?;
                if items.len() > HISTORY_MAX {
                    return Err(bad("history", "at most 32 cases"));
                }
                Ok(Self::History(items))
            }
            18 => Ok(Self::Standing(ending::standing_from_value(value)?)),
            19 => Ok(Self::Dealings(ending::dealings_from_value(value)?)),
            20 => Ok(Self::Password(PasswordRow::from_value(value)?)),
            _ => Err(bad("kind", "a kind of row")),
        }
    }
}

impl Ground {
    fn to_value(&self) -> Value {
        if self.by.is_empty() {
            Value::Uint(self.index)
        } else {
            Value::array([Value::Uint(self.index), people::people(&self.by)])
        }
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        if let Value::Uint(index) = value {
            let by = Vec::new();
            return Ok(Self { index, by });
        }
        let mut items = value.into_items("entries")?;
        let ground = Self {
            index: items.uint("index")?,
            by: people::read_people(&mut items)?,
        };
        items.finish()?;
        if ground.by.is_empty() {
            return Err(bad("by", "one person or more, or the index alone"));
        }
        Ok(ground)
    }
}

fn grounds(entries: &[Ground]) -> Value {
    Value::array(entries.iter().map(Ground::to_value))
}

fn read_grounds(items: &mut Items) -> Result<Vec<Ground>, CborError> {
    items
        .value("entries")?
        .into_list("entries", Ground::from_value)
}

fn indices(entries: &[u64]) -> Value {
    Value::array(entries.iter().copied().map(Value::Uint))
}

fn read_indices(items: &mut Items) -> Result<Vec<u64>, CborError> {
    items
        .value("entries")?
        .into_list("entries", |entry| match entry {
            Value::Uint(index) => Ok(index),
            _ => Err(bad("entries", "indices")),
        })
}

const fn bad(field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what: "row",
        field,
        expected,
    }
}
