//! What an agent asks to do, in the one form that is hashed and signed (`spec/action.md`).
//!
//! An action carries no display names and no free text: what a person reads about the counterparty comes from
//! the tenant's own records, never from the agent. Category and value band are not in here either: they
//! follow from the catalogue, so that no label can lower them.

mod catalogue;

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString as _},
    vec::Vec,
};
use core::{fmt, str};

pub use catalogue::{ActionType, Band, CATALOGUE_VERSION, Category, Exponent, Latitude};

use crate::{
    cbor::{CborError, Value},
    digest::{Digest, Noun},
    id::Id,
    limits,
};

/// The reference of an action, in characters (printable ASCII, so bytes).
pub const REFERENCE_CHARS_MAX: usize = 64;
/// Parameters of an action.
pub const PARAMETERS_MAX: usize = 16;
/// A text parameter, in characters (Unicode scalar values).
pub const PARAMETER_CHARS_MAX: usize = 64;

const WHAT: &str = "action";

/// One action, checked. Encoded as a CBOR map with the keys 1 to 7 (decision 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    kind: ActionType,
    amount_minor: u64,
    currency: Currency,
    counterparty: Id,
    target: Id,
    reference: String,
    parameters: BTreeMap<ParameterName, Parameter>,
}

/// An ISO 4217 code: three letters `A-Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency([u8; 3]);

/// The name of a parameter: `[a-z][a-z0-9_]{0,31}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParameterName(String);

/// The value of a parameter; [`Action::new`] checks its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parameter {
    /// `0..=2^53 − 1`.
    Integer(u64),
    /// At most 64 characters, none of them a control, a line separator or a bidi control.
    Text(String),
}

/// Why these are not the parts of an action. Variants in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// The amount is out of range.
    #[error(
        "amount_minor is `{found}`, expected at most {}",
        limits::AMOUNT_MINOR_MAX
    )]
    Amount {
        /// What was given.
        found: u64,
    },
    /// The reference is too long or has other characters.
    #[error("reference is not {REFERENCE}")]
    Reference,
    /// Too many parameters.
    #[error("parameters has {found} members, expected at most {PARAMETERS_MAX}")]
    ParameterCount {
        /// How many were given.
        found: usize,
    },
    /// An integer parameter is out of range.
    #[error(
        "parameter `{name}` is `{found}`, expected at most {}",
        limits::JSON_INTEGER_MAX
    )]
    ParameterInteger {
        /// Its name.
        name: ParameterName,
        /// What was given.
        found: u64,
    },
    /// A text parameter is too long or has other characters.
    #[error("parameter `{name}` is not {TEXT}")]
    ParameterText {
        /// Its name.
        name: ParameterName,
    },
}

const REFERENCE: &str = "at most 64 printable ASCII characters";
const TEXT: &str = "at most 64 characters without controls, line separators and bidi controls";
const PARAMETERS: &str = "at most 16 parameters: `[a-z][a-z0-9_]{0,31}` to an integer below 2^53, or to \
     at most 64 characters without controls, line separators and bidi controls";

impl ActionError {
    /// The member of the action that was refused.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        match self {
            Self::Amount { .. } => "amount_minor",
            Self::Reference => "reference",
            Self::ParameterCount { .. }
            | Self::ParameterInteger { .. }
            | Self::ParameterText { .. } => "parameters",
        }
    }

    const fn expected(&self) -> &'static str {
        match self {
            Self::Amount { .. } => "an integer from 0 to 10^15",
            Self::Reference => REFERENCE,
            _ => PARAMETERS,
        }
    }
}

impl Action {
    /// Puts an action together.
    ///
    /// # Errors
    /// [`ActionError`], in the order of its variants.
    pub fn new(
        kind: ActionType,
        amount_minor: u64,
        currency: Currency,
        counterparty: Id,
        target: Id,
        reference: &str,
        parameters: BTreeMap<ParameterName, Parameter>,
    ) -> Result<Self, ActionError> {
        // AC-2
        if amount_minor > limits::AMOUNT_MINOR_MAX {
            return Err(ActionError::Amount {
                found: amount_minor,
            });
        }
        // AC-3
        if reference.len() > REFERENCE_CHARS_MAX
            || !reference.bytes().all(|b| matches!(b, 0x20..=0x7e))
        {
            return Err(ActionError::Reference);
        }
        // AC-4
        if parameters.len() > PARAMETERS_MAX {
            return Err(ActionError::ParameterCount {
                found: parameters.len(),
            });
        }
        for (name, parameter) in &parameters {
            match parameter {
                Parameter::Integer(found) if *found > limits::JSON_INTEGER_MAX => {
                    return Err(ActionError::ParameterInteger {
                        name: name.clone(),
                        found: *found,
                    });
                }
                Parameter::Text(text)
                    if text.chars().count() > PARAMETER_CHARS_MAX
                        || text.chars().any(is_control_or_bidi) =>
                {
                    return Err(ActionError::ParameterText { name: name.clone() });
                }
                _ => {}
            }
        }
        Ok(Self {
            kind,
            amount_minor,
            currency,
            counterparty,
            target,
            reference: reference.to_string(),
            parameters,
        })
    }

    /// Reads the encoding of an action.
    ///
    /// # Errors
    /// [`CborError`]: not deterministic CBOR (AC-1), or not an action.
    pub fn decode(bytes: &[u8]) -> Result<Self, CborError> {
        Self::from_value(Value::decode(bytes, limits::ACTION_BODY_BYTES_MAX)?)
    }

    /// Reads an action inside something larger.
    ///
    /// # Errors
    /// [`CborError`] naming the member.
    pub fn from_value(value: Value) -> Result<Self, CborError> {
        let mut fields = value.into_fields(WHAT)?;
        let kind = text_as(
            fields.numbered(1, "type")?,
            "type",
            "a type of the catalogue",
            ActionType::parse,
        )?;
        let amount_minor = match fields.numbered(2, "amount_minor")? {
            Value::Uint(n) => n,
            _ => return Err(fields.unexpected("amount_minor", "an integer from 0 to 10^15")),
        };
        let currency = text_as(
            fields.numbered(3, "currency")?,
            "currency",
            "three letters `A-Z`",
            Currency::parse,
        )?;
        let id = |text: &str| Id::parse(text).ok();
        let counterparty = text_as(
            fields.numbered(4, "counterparty")?,
            "counterparty",
            "an id",
            id,
        )?;
        let target = text_as(fields.numbered(5, "target")?, "target", "an id", id)?;
        let reference = text_as(
            fields.numbered(6, "reference")?,
            "reference",
            REFERENCE,
            |text| Some(text.to_string()),
        )?;
        let parameters = read_parameters(fields.numbered(7, "parameters")?)
            .ok_or_else(|| fields.unexpected("parameters", PARAMETERS))?;
        fields.finish()?;
        Self::new(
            kind,
            amount_minor,
            currency,
            counterparty,
            target,
            &reference,
            parameters,
        )
        .map_err(|error| CborError::Unexpected {
            what: WHAT,
            field: error.field(),
            expected: error.expected(),
        })
    }

    /// The CBOR map `{1: type, 2: amount_minor, … 7: parameters}`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let parameters = self.parameters.iter().map(|(name, parameter)| {
            let value = match parameter {
                Parameter::Integer(n) => Value::from(*n),
                Parameter::Text(text) => Value::from(text.as_str()),
            };
            (name.as_str(), value)
        });
        Value::map([
            (1_u64, Value::from(self.kind.name())),
            (2, Value::from(self.amount_minor)),
            (3, Value::from(self.currency.as_str())),
            (4, Value::from(self.counterparty.as_str())),
            (5, Value::from(self.target.as_str())),
            (6, Value::from(self.reference.as_str())),
            (7, Value::map(parameters)),
        ])
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.to_value().encode()
    }

    /// `SHA-256("agentsigna/action/v1\n" || encoding)`: the only thing "exactly this action" means. AC-8
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(Noun::Action, &self.encode())
    }

    /// What is to be done.
    #[must_use]
    pub const fn kind(&self) -> ActionType {
        self.kind
    }

    /// The amount in minor units, `0..=10^15`; 0 where no money moves.
    #[must_use]
    pub const fn amount_minor(&self) -> u64 {
        self.amount_minor
    }

    /// The currency of the amount.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    /// With whom.
    #[must_use]
    pub const fn counterparty(&self) -> &Id {
        &self.counterparty
    }

    /// In which target system.
    #[must_use]
    pub const fn target(&self) -> &Id {
        &self.target
    }

    /// The agent's own reference, 0 to 64 printable ASCII characters.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// Further facts the target system needs, at most 16.
    #[must_use]
    pub const fn parameters(&self) -> &BTreeMap<ParameterName, Parameter> {
        &self.parameters
    }

    /// One line for people; parameters are not in it.
    #[must_use]
    pub fn describe(&self) -> String {
        format!(
            "{} of {} {} (minor units) to {} in {}, reference `{}`",
            self.kind.name(),
            self.amount_minor,
            self.currency,
            self.counterparty,
            self.target,
            self.reference
        )
    }

    /// The band this action counts as where the tenant's currency has `exponent`.
    #[must_use]
    pub fn band(&self, exponent: Exponent) -> Band {
        Band::of_action(self.kind, self.amount_minor, exponent)
    }
}

fn text_as<T>(
    value: Value,
    field: &'static str,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, CborError> {
    let Value::Text(text) = value else {
        return Err(CborError::Unexpected {
            what: WHAT,
            field,
            expected: "text",
        });
    };
    parse(&text).ok_or(CborError::Unexpected {
        what: WHAT,
        field,
        expected,
    })
}

fn read_parameters(value: Value) -> Option<BTreeMap<ParameterName, Parameter>> {
    let Value::Map(members) = value else {
        return None;
    };
    let mut parameters = BTreeMap::new();
    for (name, value) in members {
        let Value::Text(name) = name else {
            return None;
        };
        let parameter = match value {
            Value::Uint(n) => Parameter::Integer(n),
            Value::Text(text) => Parameter::Text(text),
            _ => return None,
        };
        if parameters
            .insert(ParameterName::parse(&name)?, parameter)
            .is_some()
        {
            return None;
        }
    }
    Some(parameters)
}

/// Characters that reorder, break or hide what a person reads: controls (C0, DEL, C1), line and paragraph
/// separator, bidi controls (Unicode 16, UAX #9 §2).
pub(crate) const fn is_control_or_bidi(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

impl Currency {
    /// Reads three letters `A-Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        letters
            .iter()
            .all(u8::is_ascii_uppercase)
            .then_some(Self(letters))
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ParameterName {
    /// Reads `[a-z][a-z0-9_]{0,31}`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        good.then(|| Self(text.to_string()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ParameterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
