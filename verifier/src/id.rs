//! Names that people and agents choose, and that are never used again for something else (decision 44).

use alloc::string::{String, ToString as _};
use core::fmt;

/// The id of an agent, target system, counterparty or person: `[a-z0-9][a-z0-9-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(String);

/// The name an agent gives its request, so that a retry finds the same case: 1 to 64 of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(String);

/// Text that is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadId {
    /// Not an [`Id`].
    #[error("not an id: expected 1 to 63 of `a-z`, `0-9` and `-`, not starting with `-`")]
    Id,
    /// Not a [`RequestId`].
    #[error("not a request id: expected 1 to 64 of `A-Z`, `a-z`, `0-9`, `_` and `-`")]
    RequestId,
}

impl Id {
    /// Reads an id.
    ///
    /// # Errors
    /// [`BadId::Id`].
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let good = (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if good {
            Ok(Self(text.to_string()))
        } else {
            Err(BadId::Id)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RequestId {
    /// Reads a request id.
    ///
    /// # Errors
    /// [`BadId::RequestId`].
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let good = (1..=64).contains(&text.len())
            && text
                .bytes()
                .all(|b| matches!(b, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
        if good {
            Ok(Self(text.to_string()))
        } else {
            Err(BadId::RequestId)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain() {
        for good in ["a", "0", "buyer-1", &"a".repeat(63)] {
            assert_eq!(Id::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "-a",
            "A",
            "a_b",
            "a b",
            "ä",
            "a/b",
            "a\n",
            &"a".repeat(64),
        ] {
            assert_eq!(Id::parse(bad), Err(BadId::Id), "{bad}");
        }
        for good in ["a", "PO_1-x", &"A".repeat(64)] {
            assert_eq!(RequestId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a.b", "é", &"A".repeat(65)] {
            assert_eq!(RequestId::parse(bad), Err(BadId::RequestId), "{bad}");
        }
    }
}
