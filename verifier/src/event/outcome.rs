//! What became of a permission: begun, ended, resolved, counted, lapsed, and what it did to trust.

use alloc::{format, string::String, vec::Vec};

use super::Signed;
use crate::{
    action::Latitude,
    cbor::{CborError, Fields, Value},
    digest::Digest,
    id::Id,
    outcome::{Fault, Found, Outcome, Voice},
    passkey::context::Reason,
    standing::{BANDS, ENGINE, PerBand, Rated, SCORE_MAX},
    time::UnixMillis,
};

const REASON: &str = "1 to 280 bytes on one line";

/// The body of `execution.started`: the target begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecutionStarted {
    /// The target's request.
    pub signed: Signed,
    /// The target.
    pub system: Id,
    /// The `cti` of the Passport that it was shown; as in the request.
    pub passport: [u8; 16],
}

/// Who spoke. Shown as `system:<id>`, `user:<id>` or `founder`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Speaker {
    /// A target system, with its own key.
    System(Id),
    /// A person, with a sign-in passkey.
    User(Id),
    /// The founder's file key.
    Founder,
}

/// The body of `outcome.recorded`: how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRecorded {
    /// What was signed.
    pub signed: Signed,
    /// Who signed it.
    pub by: Speaker,
    /// How it ended; as signed, like the two below.
    pub outcome: Outcome,
    /// Whose fault it was; of a reversal alone.
    pub fault: Option<Fault>,
    /// Why, in their words.
    pub reason: Reason,
}

/// The body of `dispute.resolved`: what people found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisputeResolved {
    /// What was signed.
    pub signed: Signed,
    /// Who signed it: no system.
    pub by: Speaker,
    /// What they found; as signed, like the two below.
    pub result: Found,
    /// Whose fault it was; of nothing that was dismissed.
    pub fault: Option<Fault>,
    /// Why, in their words.
    pub reason: Reason,
}

/// The body of `outcome.counted`: nobody disputed in time what a person said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeCounted {
    /// The digest of the `outcome.recorded`.
    pub outcome: Digest,
}

/// The body of `passport.lapsed`: nobody used it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassportLapsed {
    /// The end of its life.
    pub expires_at: UnixMillis,
}

/// The body of `standing.changed`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingChanged {
    /// Whose.
    pub rated: Rated,
    /// The digest of the event that moved it.
    pub moved_by: Digest,
    /// What it is from here on.
    pub standing: Stated,
}

/// A standing, as it is said: what decisions weigh of it, and the scores behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated {
    /// The score of each band, `0..=999`.
    pub scores: PerBand,
    /// Of an agent, what it may do unattended; `None` of a counterparty.
    pub latitude: Option<Latitude>,
    /// Until before when there is no latitude.
    pub probation_until: Option<UnixMillis>,
}

impl Speaker {
    /// The target, or people.
    #[must_use]
    pub const fn voice(&self) -> Voice {
        match self {
            Self::System(_) => Voice::Target,
            Self::User(_) | Self::Founder => Voice::People,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let id = |text: &str| Id::parse(text).ok();
        match text.split_once(':') {
            None => (text == "founder").then_some(Self::Founder),
            Some(("system", name)) => id(name).map(Self::System),
            Some(("user", name)) => id(name).map(Self::User),
            Some(_) => None,
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::System(id) => Value::from(format!("system:{id}").as_str()),
            Self::User(id) => Value::from(format!("user:{id}").as_str()),
            Self::Founder => Value::from("founder"),
        }
    }

    /// EV-1: `by` and the form of `signed` belong together.
    fn read(fields: &mut Fields, signed: &Signed) -> Result<Self, CborError> {
        const BY: &str = "`system:<id>`, `user:<id>` or `founder`, as `signed` is";
        let by = fields.text_as("by", BY, Self::parse)?;
        let same = match (&by, signed) {
            (Self::System(_) | Self::Founder, Signed::Http { .. }) => true,
            (Self::User(id), Signed::Passkey { context, .. }) => context.user == *id,
            _ => false,
        };
        if same {
            Ok(by)
        } else {
            Err(fields.unexpected("by", BY))
        }
    }
}

impl core::fmt::Display for Speaker {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::System(id) => write!(f, "target {id}"),
            Self::User(id) => write!(f, "{id}"),
            Self::Founder => f.write_str("the founder"),
        }
    }
}

impl ExecutionStarted {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("system", Value::from(self.system.as_str())),
            ("passport", Value::bytes(&self.passport)),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("execution.started")?;
        let body = Self {
            signed: Signed::by_key_from_value(fields.value("signed")?)?,
            system: fields.text_as("system", "an id", |text| Id::parse(text).ok())?,
            passport: fields.bytes_exact("passport")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl OutcomeRecorded {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("by", self.by.to_value()),
            ("outcome", Value::from(self.outcome.as_str())),
            ("fault", Value::or_null(self.fault.map(Fault::as_str))),
            ("reason", Value::from(self.reason.as_str())),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("outcome.recorded")?;
        let signed = Signed::from_value(fields.value("signed")?)?;
        let body = Self {
            by: Speaker::read(&mut fields, &signed)?,
            signed,
            outcome: fields.text_as(
                "outcome",
                "`completed`, `reversed`, `rejected` or `disputed`",
                Outcome::parse,
            )?,
            fault: fault(&mut fields)?,
            reason: fields.text_as("reason", REASON, Reason::parse)?,
        };
        // OC-3.
        if !body.outcome.takes(body.fault) {
            return Err(fields.unexpected("fault", "whose it was, of a reversal; else null"));
        }
        fields.finish()?;
        Ok(body)
    }
}

impl DisputeResolved {
    pub(super) fn to_value(&self) -> Value {
        Value::map([
            ("signed", self.signed.to_value()),
            ("by", self.by.to_value()),
            ("result", Value::from(self.result.as_str())),
            ("fault", Value::or_null(self.fault.map(Fault::as_str))),
            ("reason", Value::from(self.reason.as_str())),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("dispute.resolved")?;
        let signed = Signed::from_value(fields.value("signed")?)?;
        let body = Self {
            by: Speaker::read(&mut fields, &signed)?,
            signed,
            result: fields.text_as("result", "`dismissed`, `lost` or `fraud`", Found::parse)?,
            fault: fault(&mut fields)?,
            reason: fields.text_as("reason", REASON, Reason::parse)?,
        };
        // OC-3.
        if !body.result.takes(body.fault) {
            return Err(fields.unexpected(
                "fault",
                "`agent` or `counterparty`, or null of what was dismissed",
            ));
        }
        // OC-2.
        if body.by.voice() == Voice::Target {
            return Err(fields.unexpected("by", "people: a target system resolves no dispute"));
        }
        fields.finish()?;
        Ok(body)
    }
}

impl OutcomeCounted {
    pub(super) fn to_value(&self) -> Value {
        Value::map([("outcome", Value::from(self.outcome))])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("outcome.counted")?;
        let body = Self {
            outcome: fields.digest("outcome")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl PassportLapsed {
    pub(super) fn to_value(&self) -> Value {
        Value::map([("expires_at", Value::from(self.expires_at))])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("passport.lapsed")?;
        let body = Self {
            expires_at: fields.time("expires_at")?,
        };
        fields.finish()?;
        Ok(body)
    }
}

impl StandingChanged {
    pub(super) fn to_value(&self) -> Value {
        let latitude = self.standing.latitude;
        Value::map([
            ("subject", Value::from(self.rated.kind())),
            ("id", Value::from(self.rated.id().as_str())),
            ("moved_by", Value::from(self.moved_by)),
            ("engine", Value::from(ENGINE)),
            ("scores", per_band(&self.standing.scores)),
            (
                "latitude",
                latitude.map_or(Value::Null, |latitude| Value::from(latitude.number())),
            ),
            (
                "probation_until",
                Value::or_null(self.standing.probation_until),
            ),
        ])
    }

    pub(super) fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields("standing.changed")?;
        let id = fields.text_as("id", "an id", |text| Id::parse(text).ok())?;
        let rated = fields.text_as("subject", "`agent` or `counterparty`", |kind| {
            Rated::parse(kind, id)
        })?;
        fields.text_as("engine", "`bes-1`", |engine| {
            (engine == ENGINE).then_some(())
        })?;
        let scores = read_per_band(fields.value("scores")?)?;
        if scores.iter().any(|score| *score > SCORE_MAX) {
            return Err(fields.unexpected("scores", "16 integers from 0 to 999"));
        }
        const LATITUDE: &str = "an integer from -1 to 15 of an agent, null of a counterparty";
        let latitude = match (&rated, fields.value("latitude")?) {
            (Rated::Counterparty(_), Value::Null) => None,
            (Rated::Agent(_), number) => {
                Some(latitude(&number).ok_or_else(|| fields.unexpected("latitude", LATITUDE))?)
            }
            _ => return Err(fields.unexpected("latitude", LATITUDE)),
        };
        let body = Self {
            rated,
            moved_by: fields.digest("moved_by")?,
            standing: Stated {
                scores,
                latitude,
                probation_until: fields.time_or_null("probation_until")?,
            },
        };
        fields.finish()?;
        Ok(body)
    }
}

fn fault(fields: &mut Fields) -> Result<Option<Fault>, CborError> {
    match fields.value("fault")? {
        Value::Null => Ok(None),
        word => {
            let word = word.into_text("fault")?;
            let fault = Fault::parse(&word);
            let expected = "`agent`, `counterparty`, `none` or null";
            Ok(Some(
                fault.ok_or_else(|| fields.unexpected("fault", expected))?,
            ))
        }
    }
}

pub(crate) fn latitude(number: &Value) -> Option<Latitude> {
    let number = match number {
        Value::Uint(band) => i64::try_from(*band).ok()?,
        Value::Negative(0) => -1,
        _ => return None,
    };
    Latitude::new(number)
}

/// A number for each band, band 0 first.
pub(crate) fn per_band(bands: &PerBand) -> Value {
    Value::array(bands.iter().copied().map(Value::Uint))
}

/// Reads what [`per_band`] makes.
pub(crate) fn read_per_band(value: Value) -> Result<PerBand, CborError> {
    let bad = || CborError::Unexpected {
        what: "bands",
        field: "bands",
        expected: "16 integers",
    };
    let bands: Vec<u64> = value.into_list("bands", |number| match number {
        Value::Uint(number) => Ok(number),
        _ => Err(bad()),
    })?;
    <[u64; BANDS]>::try_from(bands).map_err(|_| bad())
}

/// The `cti` of a Passport as people and JSON write it: 32 lower-case hex digits.
#[must_use]
pub fn cti_to_hex(cti: &[u8; 16]) -> String {
    data_encoding::HEXLOWER.encode(cti)
}
