//! The strict JSON reader (`spec/requests.md`, rules JS-n).
//!
//! One text has one reading: no duplicate members, no floating point, no number another reader would round,
//! no control characters. [`parse`] makes a [`Value`]; [`Value::object`] starts the closed extraction
//! ([`Members`]) that refuses every member nobody asked for. Each refusal has a machine code and an RFC 6901
//! pointer to its place.
//!
//! It does not write JSON, does not normalise strings (decision 42), and does not keep the text: digests and
//! signatures are over the bytes as received.

mod members;
mod reader;
#[cfg(test)]
mod tests;

use alloc::{string::String, vec::Vec};

pub use members::{Members, Place};
pub use reader::{parse, parse_with_lines};

/// The longest member name, in bytes. Keeps pointers, which are shown and logged, short.
pub const NAME_BYTES_MAX: usize = 64;

/// What a JSON text says, after all rules that need no knowledge of its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// `0..=2^53 − 1`.
    Integer(u64),
    /// Unicode without C0 and C1 controls (line feeds only from [`parse_with_lines`]).
    String(String),
    /// Items in the order of the text.
    Array(Vec<Self>),
    /// Members in the order of the text; no name twice.
    Object(Vec<(String, Self)>),
}

impl Value {
    /// The kind of value, in the words of RFC 8259.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Integer(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

/// A refusal: what was wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at `{pointer}`")]
pub struct JsonError {
    fault: JsonFault,
    pointer: String,
}

impl JsonError {
    pub(crate) const fn new(fault: JsonFault, pointer: String) -> Self {
        Self { fault, pointer }
    }

    /// What was wrong.
    #[must_use]
    pub const fn fault(&self) -> &JsonFault {
        &self.fault
    }

    /// The machine code of the fault.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.fault.code()
    }

    /// RFC 6901: `""` is the whole text. A missing member is named where it should stand. For a text that
    /// is no JSON, the last value whose reading had begun.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }
}

/// What can be wrong with a JSON text, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonFault {
    /// More bytes than the caller allows.
    #[error("text of {found} bytes, expected at most {max},")]
    Size {
        /// Bytes given.
        found: usize,
        /// Bytes allowed.
        max: usize,
    },
    /// Not UTF-8.
    #[error("byte {offset} is not UTF-8")]
    Encoding {
        /// The first byte that is wrong, from 0.
        offset: usize,
    },
    /// Not RFC 8259: also a raw control character or a lone surrogate in a string, and a number that no
    /// 64-bit floating point holds.
    #[error("not JSON at line {line}, column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 if the fault is the end of the line before.
        column: usize,
    },
    /// Nested deeper than [`crate::limits::JSON_DEPTH_MAX`].
    #[error("nested deeper than {max}")]
    Depth {
        /// The deepest nesting allowed.
        max: usize,
    },
    /// A fraction, an exponent, a sign or a number beyond 2^53 − 1.
    #[error("number is not an integer from 0 to 9007199254740991 without sign, fraction, exponent")]
    Number,
    /// A C0 or C1 control character in a string or member name.
    #[error("string holds the control character U+{character:04X}")]
    Text {
        /// Its code point.
        character: u32,
    },
    /// A member name longer than [`NAME_BYTES_MAX`]. The pointer names the object.
    #[error("member name of {found} bytes, expected at most {NAME_BYTES_MAX},")]
    Name {
        /// Bytes of the name.
        found: usize,
    },
    /// A member name for the second time, after unescaping.
    #[error("member stands here for the second time")]
    Duplicate,
    /// Something other than white space after the value.
    #[error("bytes after the end of the value, at line {line}, column {column},")]
    Trailing {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// A value of another kind.
    #[error("found {found}, expected {expected}")]
    Type {
        /// The kind found.
        found: &'static str,
        /// The kind expected.
        expected: &'static str,
    },
    /// A required member is absent.
    #[error("required member is missing")]
    Missing,
    /// An integer outside its range.
    #[error("found `{found}`, expected an integer from {min} to {max}")]
    Range {
        /// The number found.
        found: u64,
        /// The least allowed.
        min: u64,
        /// The greatest allowed.
        max: u64,
    },
    /// A string that is not what its member asks for.
    #[error("{reason}")]
    Value {
        /// What was found and expected.
        reason: String,
    },
    /// A member nobody asked for.
    #[error("unknown member: remove it")]
    Unknown,
}

impl JsonFault {
    /// The machine code: kebab-case, stable, one per variant.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Size { .. } => "json-size",
            Self::Encoding { .. } => "json-encoding",
            Self::Syntax { .. } => "json-syntax",
            Self::Depth { .. } => "json-depth",
            Self::Number => "json-number",
            Self::Text { .. } => "json-string",
            Self::Name { .. } => "json-name",
            Self::Duplicate => "json-duplicate",
            Self::Trailing { .. } => "json-trailing",
            Self::Type { .. } => "json-type",
            Self::Missing => "json-missing",
            Self::Range { .. } => "json-range",
            Self::Value { .. } => "json-value",
            Self::Unknown => "json-unknown",
        }
    }
}

/// RFC 6901 §3: `~` becomes `~0`, `/` becomes `~1`.
fn push_step(pointer: &mut String, name: &str) {
    pointer.push('/');
    for character in name.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}
