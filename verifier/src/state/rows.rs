//! The rows and their bytes. Each is one deterministic CBOR array (`spec/state.md §3`).

use alloc::{string::String, vec::Vec};

use crate::{
    action::Latitude,
    case::CaseState,
    cbor::{CborError, Items, Value},
    decision::Verdict,
    digest::Digest,
    entry::CaseId,
    event::{Body, Genesis},
    id::{Id, RequestId},
    key::{JwkThumbprint, PublicKey},
    limits,
    snapshot::{Approval, Risk, Status, Tier},
    time::UnixMillis,
};

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
}

/// The active bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PolicyRow {
    /// Its blob digest.
    pub bundle: Digest,
    /// The entry that activated it.
    pub entry: u64,
}

/// A published bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BundleRow {
    /// Its length in bytes.
    pub bytes: u64,
    /// The entry that published it.
    pub entry: u64,
}

/// Who holds an enrolled key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An agent.
    Agent(Id),
    /// A target system.
    System(Id),
}

/// How far an enrolment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// A code is out.
    Invited {
        /// Digest of the code.
        code: Digest,
        /// When it dies.
        expires_at: UnixMillis,
    },
    /// A key was shown and waits for the founder to confirm it.
    Claimed(PublicKey),
    /// The key may sign.
    Enrolled(PublicKey),
}

/// What is known of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRow {
    /// How far its enrolment has come.
    pub stage: Stage,
    /// The person who answers for it.
    pub sponsor: Id,
    /// Risk tier.
    pub tier: Tier,
    /// The highest band it may act in unattended.
    pub latitude: Latitude,
    /// Whether it may ask.
    pub status: Status,
    /// Sum of the amounts authorised and not settled, in minor units.
    pub exposure_minor: u64,
    /// The entries that made this row what it is, exposure aside.
    pub entries: Vec<u64>,
}

/// What is known of a target system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemRow {
    /// How far its enrolment has come.
    pub stage: Stage,
    /// Whether it takes Passports.
    pub status: Status,
    /// The entries that made this row what it is.
    pub entries: Vec<u64>,
}

/// What is known of a counterparty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CounterpartyRow {
    /// Its name for people.
    pub name: String,
    /// Whether it may be dealt with.
    pub status: Approval,
    /// Set by hand.
    pub risk: Risk,
    /// Payments made before this log knew it.
    pub payments_before: u64,
    /// When its payment details last changed.
    pub payment_details_changed_at: Option<UnixMillis>,
    /// The entries that made this row what it is.
    pub entries: Vec<u64>,
}

/// One event of a case, by position and digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseEvent {
    /// Position in the log.
    pub index: u64,
    /// The event digest.
    pub digest: Digest,
}

/// What is known of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseRow {
    /// Where it stands.
    pub state: CaseState,
    /// Who asked.
    pub agent: Id,
    /// Under which name.
    pub request_id: RequestId,
    /// SHA-256 of the request's content: a retry must carry the same.
    pub content: Digest,
    /// The target system named.
    pub target: Id,
    /// The amount asked for, in minor units.
    pub amount_minor: u64,
    /// The action digest of all that was asked for.
    pub action: Digest,
    /// The key that asked.
    pub key: JwkThumbprint,
    /// The verdict, once there is one.
    pub verdict: Option<Verdict>,
    /// The bundle that decided; `None` if there was none, or no decision yet.
    pub bundle: Option<Digest>,
    /// The digest of what was weighed, once it was.
    pub snapshot: Option<Digest>,
    /// The deadline of the open review.
    pub deadline: Option<UnixMillis>,
    /// Every event so far, in order.
    pub events: Vec<CaseEvent>,
    /// The entries on which the decision rests: who asked, where, with whom, under which policy. Rising.
    pub grounds: Vec<u64>,
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
                indices(&row.entries),
            ]),
            Self::Counterparty(row) => row.to_value(),
            Self::Policy(row) => Value::array([Value::from(row.bundle), Value::Uint(row.entry)]),
            Self::Bundle(row) => Value::array([Value::Uint(row.bytes), Value::Uint(row.entry)]),
            Self::Key(Subject::Agent(id)) => {
                Value::array([Value::from("agent"), Value::from(id.as_str())])
            }
            Self::Key(Subject::System(id)) => {
                Value::array([Value::from("system"), Value::from(id.as_str())])
            }
            Self::Request(case) => Value::bytes(case.as_bytes()),
            Self::Case(row) => row.to_value(),
        }
        .encode()
    }

    /// Reads a row of the kind numbered `kind` (see [`super::RowName::kind`]).
    ///
    /// # Errors
    /// [`CborError`] if the bytes are not such a row.
    pub fn decode(kind: u8, bytes: &[u8]) -> Result<Self, CborError> {
        let value = Value::decode(bytes, limits::ENTRY_BYTES_MAX)?;
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
                    entries: read_indices(&mut items)?,
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
                };
                items.finish()?;
                Ok(Self::Policy(row))
            }
            6 => {
                let mut items = value.into_items("bundle row")?;
                let row = BundleRow {
                    bytes: items.uint("bytes")?,
                    entry: items.uint("entry")?,
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
            _ => Err(bad("kind", "a kind of row")),
        }
    }
}

impl Stage {
    /// The key that may sign, once enrolled.
    #[must_use]
    pub const fn enrolled_key(&self) -> Option<&PublicKey> {
        match self {
            Self::Enrolled(key) => Some(key),
            Self::Invited { .. } | Self::Claimed(_) => None,
        }
    }

    fn to_value(self) -> Value {
        match self {
            Self::Invited { code, expires_at } => Value::array([
                Value::from("invited"),
                Value::from(code),
                Value::from(expires_at),
            ]),
            Self::Claimed(key) => {
                Value::array([Value::from("claimed"), Value::bytes(key.as_bytes())])
            }
            Self::Enrolled(key) => {
                Value::array([Value::from("enrolled"), Value::bytes(key.as_bytes())])
            }
        }
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("stage")?;
        let stage = match items.text("stage")?.as_str() {
            "invited" => Self::Invited {
                code: items.digest("code")?,
                expires_at: items.time("expires_at")?,
            },
            "claimed" => Self::Claimed(key(&mut items)?),
            "enrolled" => Self::Enrolled(key(&mut items)?),
            _ => return Err(bad("stage", "`invited`, `claimed` or `enrolled`")),
        };
        items.finish()?;
        Ok(stage)
    }
}

impl AgentRow {
    fn to_value(&self) -> Value {
        Value::array([
            self.stage.to_value(),
            Value::from(self.sponsor.as_str()),
            Value::from(u64::from(self.tier.number())),
            Value::from(self.latitude.number()),
            Value::from(self.status.name()),
            Value::Uint(self.exposure_minor),
            indices(&self.entries),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("agent row")?;
        let row = Self {
            stage: Stage::from_value(items.value("stage")?)?,
            sponsor: items.text_as("sponsor", "an id", |text| Id::parse(text).ok())?,
            tier: Tier::new(items.uint("tier")?).ok_or_else(|| bad("tier", "1 to 4"))?,
            latitude: Latitude::new(items.int("latitude")?)
                .ok_or_else(|| bad("latitude", "-1 to 15"))?,
            status: items.text_as("status", "a status", Status::parse)?,
            exposure_minor: items.uint("exposure_minor")?,
            entries: read_indices(&mut items)?,
        };
        items.finish()?;
        Ok(row)
    }
}

impl CounterpartyRow {
    fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.name.as_str()),
            Value::from(self.status.name()),
            Value::from(self.risk.name()),
            Value::Uint(self.payments_before),
            Value::or_null(self.payment_details_changed_at),
            indices(&self.entries),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("counterparty row")?;
        let row = Self {
            name: items.text("name")?,
            status: items.text_as("status", "a status", Approval::parse)?,
            risk: items.text_as("risk", "a risk", Risk::parse)?,
            payments_before: items.uint("payments_before")?,
            payment_details_changed_at: items.time_or_null("payment_details_changed_at")?,
            entries: read_indices(&mut items)?,
        };
        items.finish()?;
        Ok(row)
    }
}

impl CaseRow {
    fn to_value(&self) -> Value {
        Value::array([
            Value::from(self.state.as_str()),
            Value::from(self.agent.as_str()),
            Value::from(self.request_id.as_str()),
            Value::from(self.content),
            Value::from(self.target.as_str()),
            Value::Uint(self.amount_minor),
            Value::from(self.action),
            Value::bytes(self.key.as_bytes()),
            Value::or_null(self.verdict.map(Verdict::name)),
            Value::or_null(self.bundle),
            Value::or_null(self.snapshot),
            Value::or_null(self.deadline),
            Value::array(
                self.events.iter().map(|event| {
                    Value::array([Value::Uint(event.index), Value::from(event.digest)])
                }),
            ),
            indices(&self.grounds),
        ])
    }

    fn from_value(value: Value) -> Result<Self, CborError> {
        let mut items = value.into_items("case row")?;
        let row = Self {
            state: items.text_as("state", "a state", CaseState::parse)?,
            agent: items.text_as("agent", "an id", |text| Id::parse(text).ok())?,
            request_id: items.text_as("request_id", "a request id", |text| {
                RequestId::parse(text).ok()
            })?,
            content: items.digest("content")?,
            target: items.text_as("target", "an id", |text| Id::parse(text).ok())?,
            amount_minor: items.uint("amount_minor")?,
            action: items.digest("action")?,
            key: JwkThumbprint::from_bytes(items.bytes_exact("key")?),
            verdict: match items.value("verdict")? {
                Value::Null => None,
                other => Some(
                    Verdict::parse(&other.into_text("verdict")?)
                        .ok_or_else(|| bad("verdict", "a verdict"))?,
                ),
            },
            bundle: items.digest_or_null("bundle")?,
            snapshot: items.digest_or_null("snapshot")?,
            deadline: items.time_or_null("deadline")?,
            events: items.value("events")?.into_list("events", |event| {
                let mut items = event.into_items("case event")?;
                let event = CaseEvent {
                    index: items.uint("index")?,
                    digest: items.digest("digest")?,
                };
                items.finish()?;
                Ok(event)
            })?,
            grounds: read_indices(&mut items)?,
        };
        items.finish()?;
        Ok(row)
    }
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

fn key(items: &mut Items) -> Result<PublicKey, CborError> {
    PublicKey::from_bytes(&items.bytes("key")?).map_err(|_| bad("key", "an Ed25519 public key"))
}

const fn bad(field: &'static str, expected: &'static str) -> CborError {
    CborError::Unexpected {
        what: "row",
        field,
        expected,
    }
}
