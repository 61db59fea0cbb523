//! The least a log must remember to grow: the roots of the complete subtrees along the right edge.
//!
//! Enough to append and to compute a root, not enough to prove; for proofs see [`super::prove`].
//!
//! INVARIANT (one hash per bit): `hashes` has one hash for each one-bit of `size`, the highest bit first.
//! A forger who changes one changes every root computed from here on, so compare the first root after a
//! restart with a signed head.

use alloc::vec::Vec;

use super::tree::{LeafHash, LeafIndex, RootHash, TreeHead, TreeSize};
use crate::digest::rfc6962_node;

/// The roots of the complete subtrees of a tree, largest first. At most 63 hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    size: TreeSize,
    hashes: Vec<[u8; 32]>,
}

/// Why hashes are not the frontier of a size, or cannot grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// A frontier has one hash for each one-bit of its size.
    #[error("{found} frontier hashes for {size} entries, expected {expected}")]
    WrongLength {
        /// The number of entries.
        size: TreeSize,
        /// Hashes given.
        found: usize,
        /// One-bits of the size.
        expected: usize,
    },
    /// 2^63 − 1 entries.
    #[error("the tree is full at {} entries", TreeSize::MAX)]
    Full,
}

impl Frontier {
    /// The frontier of the tree without entries.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            size: TreeSize::EMPTY,
            hashes: Vec::new(),
        }
    }

    /// Puts a stored frontier together again: `hashes` largest subtree first.
    ///
    /// # Errors
    /// [`FrontierError::WrongLength`] if there is not one hash per one-bit of `size`.
    pub fn from_parts(size: TreeSize, hashes: Vec<[u8; 32]>) -> Result<Self, FrontierError> {
        let found = hashes.len();
        let expected = super::inclusion::count(size.entries().count_ones());
        if found != expected {
            return Err(FrontierError::WrongLength {
                size,
                found,
                expected,
            });
        }
        Ok(Self { size, hashes })
    }

    /// Adds one leaf and says where it is. Amortised one hash.
    ///
    /// # Errors
    /// [`FrontierError::Full`] at 2^63 − 1 entries; nothing is changed then.
    pub fn append(&mut self, leaf: LeafHash) -> Result<LeafIndex, FrontierError> {
        let index = LeafIndex::new(self.size.entries());
        let next = self.size.next().ok_or(FrontierError::Full)?;
        // INVARIANT (one hash per bit): as 1 is added, each trailing one-bit and its subtree is carried up.
        let mut hash = *leaf.as_bytes();
        for _ in 0..self.size.entries().trailing_ones() {
            if let Some(left) = self.hashes.pop() {
                hash = rfc6962_node(&left, &hash);
            }
        }
        self.hashes.push(hash);
        self.size = next;
        Ok(index)
    }

    /// The number of entries.
    #[must_use]
    pub const fn size(&self) -> TreeSize {
        self.size
    }

    /// The hashes, largest subtree first.
    #[must_use]
    pub fn hashes(&self) -> &[[u8; 32]] {
        &self.hashes
    }

    /// The root: the hashes folded from the right; `SHA-256("")` if there are none.
    #[must_use]
    pub fn root(&self) -> RootHash {
        fold(&self.hashes).map_or_else(RootHash::empty, RootHash::from_bytes)
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        TreeHead::new(self.size, self.root())
    }
}

impl Default for Frontier {
    fn default() -> Self {
        Self::empty()
    }
}

/// The root over neighbouring complete subtrees, largest first: folded from the right.
pub(super) fn fold(subtrees: &[[u8; 32]]) -> Option<[u8; 32]> {
    let (last, rest) = subtrees.split_last()?;
    Some(
        rest.iter()
            .rev()
            .fold(*last, |right, left| rfc6962_node(left, &right)),
    )
}
