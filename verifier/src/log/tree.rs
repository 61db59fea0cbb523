//! Positions and hashes of an RFC 6962 tree.
//!
//! Hashes are claims until a check has tied them to a signed head; so each has a type that says what it
//! claims to be, and a leaf cannot be passed where a root is asked for.

use core::fmt;

use data_encoding::{BASE64, HEXLOWER};

use crate::digest;

/// How many entries a tree holds. `0..=2^63 − 1`, so that a proof has at most 63 hashes (**CP-5**).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeSize(u64);

/// The zero-based position of one entry. Always smaller than the size of a tree that holds it; which tree
/// that is, the proof decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(u64);

/// `SHA-256(0x00 || entry)`, 32 bytes (RFC 6962 §2.1). Shown as lower-case hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafHash([u8; 32]);

/// The hash of a whole tree, 32 bytes (RFC 6962 §2.1). Shown as base64, as in a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootHash([u8; 32]);

/// Size and root, which only mean something together: a root alone fixes neither size nor index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TreeHead {
    size: TreeSize,
    root: RootHash,
}

/// A position that no tree of this size has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("leaf index {index} is outside a tree of {size} entries")]
pub struct OutsideTree {
    index: u64,
    size: u64,
}

impl TreeSize {
    /// The tree without entries.
    pub const EMPTY: Self = Self(0);
    /// The largest size: 2^63 − 1.
    pub const MAX: Self = Self((1 << 63) - 1);

    /// Accepts `0..=2^63 − 1`.
    #[must_use]
    pub const fn new(entries: u64) -> Option<Self> {
        if entries <= Self::MAX.0 {
            Some(Self(entries))
        } else {
            None
        }
    }

    /// The number of entries.
    #[must_use]
    pub const fn entries(self) -> u64 {
        self.0
    }

    /// Accepts `index` only if a tree of this size holds it.
    ///
    /// # Errors
    /// [`OutsideTree`] if `index` is not smaller than the size.
    pub const fn leaf(self, index: u64) -> Result<LeafIndex, OutsideTree> {
        let size = self.0;
        if index < size {
            Ok(LeafIndex(index))
        } else {
            Err(OutsideTree { index, size })
        }
    }

    /// One more entry; `None` at [`Self::MAX`].
    pub(super) const fn next(self) -> Option<Self> {
        Self::new(self.0.saturating_add(1))
    }
}

impl LeafIndex {
    /// Takes a position as it is: a claim, until a proof against a head has been checked.
    #[must_use]
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// The zero-based position.
    #[must_use]
    pub const fn position(self) -> u64 {
        self.0
    }
}

impl LeafHash {
    /// `SHA-256(0x00 || entry)`.
    #[must_use]
    pub fn of(entry: &[u8]) -> Self {
        Self(digest::rfc6962_leaf(entry))
    }

    /// Takes 32 bytes as they are: a claim, until compared with a hash that was computed.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl RootHash {
    /// `SHA-256("")`, the root of the tree without entries.
    #[must_use]
    pub fn empty() -> Self {
        Self(digest::rfc6962_empty())
    }

    /// Takes 32 bytes as they are: a claim, until compared with a hash that was computed or signed.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl TreeHead {
    /// Takes both as they are: a claim, until signed or computed.
    #[must_use]
    pub const fn new(size: TreeSize, root: RootHash) -> Self {
        Self { size, root }
    }

    /// The number of entries.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The hash of the tree of this size.
    #[must_use]
    pub const fn root(&self) -> RootHash {
        self.root
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for LeafHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for LeafHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(&self.0))
    }
}

impl fmt::Debug for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_size_holds_only_smaller_indices() {
        let size = TreeSize::new(3).unwrap();
        assert_eq!(size.leaf(2), Ok(LeafIndex::new(2)));
        assert_eq!(
            size.leaf(3).unwrap_err().to_string(),
            "leaf index 3 is outside a tree of 3 entries"
        );
        assert!(TreeSize::EMPTY.leaf(0).is_err());
        assert_eq!(TreeSize::new(1 << 63), None);
        assert_eq!(TreeSize::MAX.next(), None);
    }

    #[test]
    fn hashes_are_those_of_rfc_6962() {
        assert_eq!(
            RootHash::empty().to_string(),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        );
        assert_eq!(
            LeafHash::of(b"").to_string(),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }
}
