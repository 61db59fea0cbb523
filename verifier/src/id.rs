//! Identifiers that people and machines give out: short, printable, never reused (`spec/requests.md`).
//!
//! Nothing here says that the thing named exists; an identifier is only well formed.

use alloc::string::String;
use core::fmt;

/// The longest [`Id`], in bytes.
pub const ID_BYTES_MAX: usize = 63;
/// The longest [`RequestId`], in bytes.
pub const REQUEST_ID_BYTES_MAX: usize = 64;

/// The name of a tenant, agent, system, counterparty or person: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

/// The name an agent gives one request, for idempotency: 1 to 64 of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(String);

/// Why a text is not an identifier. The offset counts bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// No character at all.
    #[error("identifier is empty: expected 1 to {max} characters")]
    Empty {
        /// The longest allowed, in bytes.
        max: usize,
    },
    /// More bytes than the kind of identifier allows.
    #[error("identifier of {found} bytes: expected at most {max}")]
    TooLong {
        /// What was given, in bytes.
        found: usize,
        /// The longest allowed, in bytes.
        max: usize,
    },
    /// A character outside the alphabet of the kind of identifier.
    #[error("identifier has a character at byte {offset} that is none of {alphabet}")]
    Character {
        /// Where the first such character stands.
        offset: usize,
        /// The characters that may stand there.
        alphabet: &'static str,
    },
}

impl Id {
    /// Accepts `[a-z0-9][a-z0-9-]{0,62}` (RQ-30).
    ///
    /// # Errors
    /// [`BadId`], in the order of its variants.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        check_length(text, ID_BYTES_MAX)?;
        if text.starts_with('-') {
            return Err(BadId::Character {
                offset: 0,
                alphabet: "`a`-`z`, `0`-`9`",
            });
        }
        check_alphabet(
            text,
            "`a`-`z`, `0`-`9`, `-`",
            |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'),
        )?;
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RequestId {
    /// Accepts 1 to 64 of `[A-Za-z0-9_-]` (RQ-31).
    ///
    /// # Errors
    /// [`BadId`], in the order of its variants.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        check_length(text, REQUEST_ID_BYTES_MAX)?;
        check_alphabet(text, "`A`-`Z`, `a`-`z`, `0`-`9`, `_`, `-`", |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
        })?;
        Ok(Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_length(text: &str, max: usize) -> Result<(), BadId> {
    match text.len() {
        0 => Err(BadId::Empty { max }),
        found if found > max => Err(BadId::TooLong { found, max }),
        _ => Ok(()),
    }
}

fn check_alphabet(
    text: &str,
    alphabet: &'static str,
    allowed: impl Fn(u8) -> bool,
) -> Result<(), BadId> {
    match text.bytes().position(|byte| !allowed(byte)) {
        Some(offset) => Err(BadId::Character { offset, alphabet }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString as _;

    use super::*;

    #[test]
    fn ids_are_accepted_up_to_their_last_byte() {
        for text in ["a", "0", "a-", "acme-2", &"a".repeat(63)] {
            assert_eq!(Id::parse(text).unwrap().as_str(), text);
        }
        for text in ["a", "_", "-", "A9_-z", &"Z".repeat(64)] {
            assert_eq!(RequestId::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn nothing_else_is_an_id() {
        // RQ-30, RQ-31
        assert_eq!(Id::parse(""), Err(BadId::Empty { max: 63 }));
        assert_eq!(RequestId::parse(""), Err(BadId::Empty { max: 64 }));
        assert_eq!(
            Id::parse(&"a".repeat(64)),
            Err(BadId::TooLong { found: 64, max: 63 })
        );
        assert_eq!(
            RequestId::parse(&"a".repeat(65)),
            Err(BadId::TooLong { found: 65, max: 64 })
        );
        // Every single byte outside the alphabet, at the first and at the second place.
        for byte in 0..=0x7f_u8 {
            let one = char::from(byte).to_string();
            let two = std::format!("a{one}");
            let lower = byte.is_ascii_lowercase() || byte.is_ascii_digit();
            assert_eq!(Id::parse(&one).is_ok(), lower, "{byte:#x}");
            assert_eq!(Id::parse(&two).is_ok(), lower || byte == b'-', "{byte:#x}");
            let wide = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            assert_eq!(RequestId::parse(&one).is_ok(), wide, "{byte:#x}");
            assert_eq!(RequestId::parse(&two).is_ok(), wide, "{byte:#x}");
        }
        // A letter that only looks like `a`.
        assert!(Id::parse("\u{0430}gent").is_err());
        assert!(RequestId::parse("\u{0430}").is_err());
    }
}
