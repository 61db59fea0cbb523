//! Does one tree extend another? (RFC 9162 §2.1.4, `spec/proof.md`)
//!
//! "Extends" means: the new tree holds the same entries at the same positions, then more, or none. The roots
//! are claims; take both heads from signed checkpoints.

use alloc::vec::Vec;

use super::{
    inclusion::{bit_length, count, shifted},
    tree::{RootHash, TreeHead, TreeSize},
};
use crate::digest::rfc6962_node;

/// The hashes that lead from an old root and to a new one, in the order of RFC 6962 §2.1.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    hashes: Vec<[u8; 32]>,
}

/// The fact that one head extends another. Comes only from [`ConsistencyProof::check`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extends {
    old: TreeHead,
    new: TreeHead,
}

/// Why the new tree is not shown to extend the old one. In the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// A log never gets smaller.
    #[error("the new tree has {new} entries, fewer than the {old} of the old one")]
    Shrinks {
        /// Entries of the old tree.
        old: TreeSize,
        /// Entries of the new tree.
        new: TreeSize,
    },
    /// A head of size 0 whose root is not `SHA-256("")`.
    #[error(
        "a tree of 0 entries with root `{found}`, expected `{}`",
        RootHash::empty()
    )]
    NotEmptyRoot {
        /// The root of that head.
        found: RootHash,
    },
    /// Fewer hashes than the two sizes ask for.
    #[error("consistency proof with missing hashes: found {found}, expected {expected}")]
    Missing {
        /// Hashes in the proof.
        found: usize,
        /// Hashes that the two sizes ask for.
        expected: usize,
    },
    /// More hashes than the two sizes ask for.
    #[error("consistency proof with surplus hashes: found {found}, expected {expected}")]
    Surplus {
        /// Hashes in the proof.
        found: usize,
        /// Hashes that the two sizes ask for.
        expected: usize,
    },
    /// Two roots for one size: if both are signed, the log has shown two histories.
    #[error(
        "two roots for {size} entries: `{old}` and `{new}`; keep both signed heads as evidence"
    )]
    Forked {
        /// The size of both heads.
        size: TreeSize,
        /// The root of the old head.
        old: RootHash,
        /// The root of the new head.
        new: RootHash,
    },
    /// The hashes do not lead to the old root.
    #[error("consistency proof leads to old root `{computed}`, the old head says `{expected}`")]
    OldRootMismatch {
        /// The root that the proof gives.
        computed: RootHash,
        /// The root of the old head.
        expected: RootHash,
    },
    /// The hashes lead to the old root, but not to the new one.
    #[error("consistency proof leads to new root `{computed}`, the new head says `{expected}`")]
    NewRootMismatch {
        /// The root that the proof gives.
        computed: RootHash,
        /// The root of the new head.
        expected: RootHash,
    },
}

impl ConsistencyProof {
    /// Takes the hashes as they are: a claim, until checked.
    #[must_use]
    pub const fn new(hashes: Vec<[u8; 32]>) -> Self {
        Self { hashes }
    }

    /// The hashes, in the order of RFC 6962 §2.1.2.
    #[must_use]
    pub fn hashes(&self) -> &[[u8; 32]] {
        &self.hashes
    }

    /// How many hashes the proof between two sizes has. `0..=63` up to 2^62 entries, `0..=64` above; 0
    /// from nothing and from a size to itself.
    ///
    /// # Errors
    /// [`ConsistencyError::Shrinks`] if the new size is smaller.
    pub fn expected_length(old: TreeSize, new: TreeSize) -> Result<usize, ConsistencyError> {
        if new < old {
            return Err(ConsistencyError::Shrinks { old, new });
        }
        if old == TreeSize::EMPTY || old == new {
            return Ok(0);
        }
        // Both sizes are at least 1 here. The last leaf of the old tree has a path in the new one: `inner`
        // hashes up to where it meets the right edge, `border` along it. The proof starts at the root of the
        // largest complete subtree that ends the old tree, `height` levels up; it names that root unless it
        // is the old root itself.
        let last_old = old.entries().saturating_sub(1);
        let last_new = new.entries().saturating_sub(1);
        let inner = bit_length(last_old ^ last_new);
        let border = shifted(last_old, inner).count_ones();
        let height = old.entries().trailing_zeros();
        let seed = u32::from(!old.entries().is_power_of_two());
        Ok(count(
            seed.saturating_add(inner.saturating_sub(height))
                .saturating_add(border),
        ))
    }

    /// RFC 9162 §2.1.4.2 after an exact check of the length; size 0 as in C2SP tlog-witness.
    ///
    /// # Errors
    /// [`ConsistencyError`], in the order of its variants.
    pub fn check(&self, old: &TreeHead, new: &TreeHead) -> Result<Extends, ConsistencyError> {
        // PR-10.
        let expected = Self::expected_length(old.size(), new.size())?;
        // PR-11: nothing has one root, and everything extends it.
        for head in [old, new] {
            if head.size() == TreeSize::EMPTY && head.root() != RootHash::empty() {
                return Err(ConsistencyError::NotEmptyRoot { found: head.root() });
            }
        }
        let found = self.hashes.len();
        if found < expected {
            return Err(ConsistencyError::Missing { found, expected });
        }
        if found > expected {
            return Err(ConsistencyError::Surplus { found, expected });
        }
        if old.size() == new.size() {
            // PR-12: an empty proof between equal sizes still compares the roots.
            if old.root() != new.root() {
                return Err(ConsistencyError::Forked {
                    size: old.size(),
                    old: old.root(),
                    new: new.root(),
                });
            }
        } else if old.size() != TreeSize::EMPTY {
            self.check_path(old, new)?;
        }
        Ok(Extends {
            old: *old,
            new: *new,
        })
    }

    /// PR-13: RFC 9162 §2.1.4.2 for `0 < old < new`.
    fn check_path(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ConsistencyError> {
        // Step 2: a power of two is a complete subtree of the new tree, so the old root starts the path.
        let old_root = *old.root().as_bytes();
        let (seed, path) = match self.hashes.split_first() {
            Some((seed, path)) if !old.size().entries().is_power_of_two() => (*seed, path),
            _ => (old_root, self.hashes.as_slice()),
        };
        // Steps 3 and 4.
        let mut first = old.size().entries().saturating_sub(1);
        let mut second = new.size().entries().saturating_sub(1);
        while first & 1 == 1 {
            first >>= 1;
            second >>= 1;
        }
        // Step 5.
        let (mut old_hash, mut new_hash) = (seed, seed);
        // Step 6.
        for hash in path {
            if first & 1 == 1 || first == second {
                old_hash = rfc6962_node(hash, &old_hash);
                new_hash = rfc6962_node(hash, &new_hash);
                while first & 1 == 0 && first != 0 {
                    first >>= 1;
                    second >>= 1;
                }
            } else {
                new_hash = rfc6962_node(&new_hash, hash);
            }
            first >>= 1;
            second >>= 1;
        }
        // Step 7. `second` is 0 here because the length is exact; the RFC asks, so it is asked.
        let computed = RootHash::from_bytes(old_hash);
        let expected = old.root();
        if computed != expected {
            return Err(ConsistencyError::OldRootMismatch { computed, expected });
        }
        let computed = RootHash::from_bytes(new_hash);
        let expected = new.root();
        if second != 0 || computed != expected {
            return Err(ConsistencyError::NewRootMismatch { computed, expected });
        }
        Ok(())
    }
}

impl Extends {
    /// The head that is extended.
    #[must_use]
    pub const fn old_head(&self) -> TreeHead {
        self.old
    }

    /// The head that extends it.
    #[must_use]
    pub const fn new_head(&self) -> TreeHead {
        self.new
    }
}
