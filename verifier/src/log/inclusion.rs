//! Is this entry in the tree with this head? (RFC 9162 §2.1.3, `spec/proof.md`)
//!
//! A proof says nothing about who signed the head: take the head from a
//! [`SignedCheckpoint`](super::checkpoint::SignedCheckpoint). Size and index are both needed: 134 of the 136
//! (index, size) pairs up to size 16 verify with the same path under another pair, so a size that nobody
//! signed proves no position.

use alloc::vec::Vec;

use super::tree::{LeafHash, LeafIndex, OutsideTree, RootHash, TreeHead, TreeSize};
use crate::digest::rfc6962_node;

/// A path from one leaf to the root: the sibling hashes, the leaf's sibling first, the root's child last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    index: LeafIndex,
    hashes: Vec<[u8; 32]>,
}

/// The fact that a leaf is at an index of the tree with a head. Comes only from [`InclusionProof::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Included {
    index: LeafIndex,
    leaf: LeafHash,
    head: TreeHead,
}

/// Why a path does not lead from the leaf to the root. In the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InclusionError {
    /// The tree is too small to hold the index; an empty tree holds none.
    #[error(transparent)]
    OutsideTree(#[from] OutsideTree),
    /// Fewer hashes than the tree has levels at this index.
    #[error("inclusion proof with missing hashes: found {found}, expected {expected}")]
    Missing {
        /// Hashes in the proof.
        found: usize,
        /// Hashes that index and size ask for.
        expected: usize,
    },
    /// More hashes than the tree has levels at this index.
    #[error("inclusion proof with surplus hashes: found {found}, expected {expected}")]
    Surplus {
        /// Hashes in the proof.
        found: usize,
        /// Hashes that index and size ask for.
        expected: usize,
    },
    /// The path leads elsewhere: another leaf, another index, another tree, or a changed hash.
    #[error("inclusion proof leads to root `{computed}`, the head says `{expected}`")]
    RootMismatch {
        /// The root that leaf and path give.
        computed: RootHash,
        /// The root of the head.
        expected: RootHash,
    },
}

impl InclusionProof {
    /// Takes index and path as they are: a claim, until checked.
    #[must_use]
    pub const fn new(index: LeafIndex, hashes: Vec<[u8; 32]>) -> Self {
        Self { index, hashes }
    }

    /// The position that the proof claims for the leaf.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The path, the leaf's sibling first.
    #[must_use]
    pub fn hashes(&self) -> &[[u8; 32]] {
        &self.hashes
    }

    /// How many hashes the path of `index` has in a tree of `size`. `0..=63`.
    ///
    /// # Errors
    /// [`OutsideTree`] if the tree does not hold the index.
    pub fn expected_length(index: LeafIndex, size: TreeSize) -> Result<usize, OutsideTree> {
        let LeafShape { inner, border } = LeafShape::of(index, size)?;
        Ok(count(inner.saturating_add(border)))
    }

    /// Accepts the path only if it has exactly the length that index and size ask for (as inner and border
    /// nodes), before any hash is computed.
    ///
    /// # Errors
    /// [`InclusionError`] without its last variant.
    pub fn check_length(&self, size: TreeSize) -> Result<(), InclusionError> {
        // PR-8.
        let expected = Self::expected_length(self.index, size)?;
        let found = self.hashes.len();
        if found < expected {
            return Err(InclusionError::Missing { found, expected });
        }
        if found > expected {
            return Err(InclusionError::Surplus { found, expected });
        }
        Ok(())
    }

    /// RFC 9162 §2.1.3.2 after an exact check of the length.
    ///
    /// # Errors
    /// [`InclusionError`], in the order of its variants.
    pub fn check(&self, leaf: LeafHash, head: &TreeHead) -> Result<Included, InclusionError> {
        // Step 1, and PR-8, which the RFC leaves to its loop: a loop that forgets one exit accepts a surplus
        // hash.
        self.check_length(head.size())?;

        // Steps 2 and 3.
        let mut first = self.index.position();
        let mut second = head.size().entries().saturating_sub(1);
        let mut hash = *leaf.as_bytes();
        // Step 4.
        for sibling in &self.hashes {
            if first & 1 == 1 || first == second {
                hash = rfc6962_node(sibling, &hash);
                while first & 1 == 0 && first != 0 {
                    first >>= 1;
                    second >>= 1;
                }
            } else {
                hash = rfc6962_node(&hash, sibling);
            }
            first >>= 1;
            second >>= 1;
        }
        // Step 5. `second` is 0 here because the length is exact; the RFC asks, so it is asked (PR-9).
        let computed = RootHash::from_bytes(hash);
        let expected = head.root();
        if second != 0 || computed != expected {
            return Err(InclusionError::RootMismatch { computed, expected });
        }
        Ok(Included {
            index: self.index,
            leaf,
            head: *head,
        })
    }
}

impl Included {
    /// Where the leaf is.
    #[must_use]
    pub const fn index(&self) -> LeafIndex {
        self.index
    }

    /// The leaf.
    #[must_use]
    pub const fn leaf(&self) -> LeafHash {
        self.leaf
    }

    /// The head of the tree that holds the leaf.
    #[must_use]
    pub const fn head(&self) -> TreeHead {
        self.head
    }
}

/// The path of a leaf in two parts: up to where it meets the right edge, and along the right edge.
struct LeafShape {
    inner: u32,
    border: u32,
}

impl LeafShape {
    fn of(index: LeafIndex, size: TreeSize) -> Result<Self, OutsideTree> {
        let index = size.leaf(index.position())?.position();
        // An index inside means that the size is at least 1.
        let last = size.entries().saturating_sub(1);
        let inner = bit_length(index ^ last);
        let border = shifted(index, inner).count_ones();
        Ok(Self { inner, border })
    }
}

/// The number of bits needed to write `value`. `0..=64`.
pub(super) const fn bit_length(value: u64) -> u32 {
    u64::BITS.saturating_sub(value.leading_zeros())
}

/// `value >> by`, also for `by` = 64.
pub(super) fn shifted(value: u64, by: u32) -> u64 {
    value.checked_shr(by).unwrap_or(0)
}

/// A number of hashes as `usize`. At most 128, so never cut.
pub(super) fn count(hashes: u32) -> usize {
    usize::try_from(hashes).unwrap_or(usize::MAX)
}
