//! Building proofs from tiles.
//!
//! A proof is a handful of roots of complete subtrees, folded where the tree is ragged. Each is asked for once,
//! through [`HashReader::subtree`]; whoever holds inner nodes in memory answers there, whoever holds tiles only
//! answers [`HashReader::tile`] and pays at most 127 hashes per subtree for the fold.
//!
//! Build from the size of the head the proof is for, never from a newer one, and check the finished proof
//! against that head before it leaves the house: nothing in here has seen a root.

use alloc::{sync::Arc, vec::Vec};

use super::{
    consistency::ConsistencyProof,
    frontier::fold,
    inclusion::InclusionProof,
    tile::{TILE_HEIGHT, Tile},
    tree::{LeafIndex, OutsideTree, RootHash, TreeHead, TreeSize},
};
use crate::digest::rfc6962_node;

/// The complete subtree over the leaves `[index·2^height, (index + 1)·2^height)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subtree {
    height: u8,
    index: u64,
}

/// Where hashes come from: memory, a database, a folder.
pub trait HashReader {
    /// Why a tile cannot be read.
    type Error: core::error::Error + 'static;

    /// The hashes of a tile, 32 bytes each, in order: as many as its width, or up to 256 if the log has grown.
    ///
    /// # Errors
    /// Whatever keeps the reader from answering; a tile that is not there is an error.
    fn tile(&self, tile: Tile) -> Result<Arc<[u8]>, Self::Error>;

    /// The root of a complete subtree of a tree of `size`. Readers that keep inner nodes in memory answer from
    /// there; the default folds it out of the one tile that holds it.
    ///
    /// # Errors
    /// [`ProveError::Read`] and [`ProveError::BadTile`].
    fn subtree(
        &self,
        subtree: Subtree,
        size: TreeSize,
    ) -> Result<[u8; 32], ProveError<Self::Error>> {
        subtree_from_tile(self, subtree, size)
    }
}

/// Why a proof cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ProveError<E: core::error::Error + 'static> {
    /// The tree does not hold that index.
    #[error(transparent)]
    OutsideTree(#[from] OutsideTree),
    /// A smaller tree does not extend a larger one.
    #[error("no proof leads from {old} entries back to {new}")]
    Shrinks {
        /// Entries of the old tree.
        old: TreeSize,
        /// Entries of the new tree.
        new: TreeSize,
    },
    /// The reader failed.
    #[error("cannot read `{}`", tile.path())]
    Read {
        /// The tile asked for.
        tile: Tile,
        /// What the reader said.
        #[source]
        source: E,
    },
    /// The reader gave a tile of another length.
    #[error("`{}` has {found} bytes, expected 32 for each of at least {} hashes", tile.path(), tile.width())]
    BadTile {
        /// The tile asked for.
        tile: Tile,
        /// Its length in bytes.
        found: usize,
    },
    /// The subtree reaches beyond the tree: a mistake of the caller of [`subtree_from_tile`].
    #[error("subtree {index} of height {height} is not complete in a tree of {size} entries")]
    Incomplete {
        /// Levels above the leaves.
        height: u8,
        /// Position among its level.
        index: u64,
        /// The tree asked about.
        size: TreeSize,
    },
}

impl Subtree {
    /// The subtree `index` among those of `2^height` leaves. `height`: `0..=62`, else it is in no tree.
    #[must_use]
    pub const fn new(height: u8, index: u64) -> Self {
        Self { height, index }
    }

    /// Levels above the leaves: it has `2^height` leaves.
    #[must_use]
    pub const fn height(&self) -> u8 {
        self.height
    }

    /// The zero-based position among the subtrees of its height.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }
}

/// Builds the path of `index` in the tree of `size` (RFC 6962 §2.1.1).
///
/// # Errors
/// [`ProveError`], if the tree does not hold the index or a tile cannot be used.
pub fn prove_inclusion<R: HashReader + ?Sized>(
    index: LeafIndex,
    size: TreeSize,
    reader: &R,
) -> Result<InclusionProof, ProveError<R::Error>> {
    let position = size.leaf(index.position())?.position();
    let mut siblings = Vec::new();
    let (mut from, mut to) = (0, size.entries());
    while to.saturating_sub(from) > 1 {
        let middle = split(from, to);
        if position < middle {
            siblings.push((middle, to));
            to = middle;
        } else {
            siblings.push((from, middle));
            from = middle;
        }
    }
    Ok(InclusionProof::new(
        index,
        read_from_the_leaf_up(&siblings, size, reader)?,
    ))
}

/// Builds the proof that the tree of `new` extends the tree of `old` (RFC 6962 §2.1.2). Empty if `old` is 0
/// (C2SP tlog-witness) or equal to `new`.
///
/// # Errors
/// [`ProveError`], if the sizes go backwards or a tile cannot be used.
pub fn prove_consistency<R: HashReader + ?Sized>(
    old: TreeSize,
    new: TreeSize,
    reader: &R,
) -> Result<ConsistencyProof, ProveError<R::Error>> {
    if new < old {
        return Err(ProveError::Shrinks { old, new });
    }
    if old == TreeSize::EMPTY {
        return Ok(ConsistencyProof::new(Vec::new()));
    }
    let edge = old.entries();
    let mut parts = Vec::new();
    let (mut from, mut to) = (0, new.entries());
    // SUBPROOF of RFC 6962 §2.1.2, top down. `from < edge <= to` throughout.
    while edge != to {
        let middle = split(from, to);
        if edge <= middle {
            parts.push((middle, to));
            to = middle;
        } else {
            parts.push((from, middle));
            from = middle;
        }
    }
    // The RFC's flag `b`: still at the left edge, the range is the whole old tree, whose root is known.
    if from != 0 {
        parts.push((from, to));
    }
    Ok(ConsistencyProof::new(read_from_the_leaf_up(
        &parts, new, reader,
    )?))
}

/// The head of the tree of `size`.
///
/// # Errors
/// [`ProveError`], if a tile cannot be used.
pub fn read_head<R: HashReader + ?Sized>(
    size: TreeSize,
    reader: &R,
) -> Result<TreeHead, ProveError<R::Error>> {
    let root = if size == TreeSize::EMPTY {
        RootHash::empty()
    } else {
        RootHash::from_bytes(range_hash(0, size.entries(), size, reader)?)
    };
    Ok(TreeHead::new(size, root))
}

/// The root of a complete subtree, folded out of the one tile that holds it: what [`HashReader::subtree`] does
/// where nothing better is known.
///
/// # Errors
/// [`ProveError::Incomplete`], [`ProveError::Read`] and [`ProveError::BadTile`].
pub fn subtree_from_tile<R: HashReader + ?Sized>(
    reader: &R,
    subtree: Subtree,
    size: TreeSize,
) -> Result<[u8; 32], ProveError<R::Error>> {
    let Subtree { height, index } = subtree;
    let incomplete = || ProveError::Incomplete {
        height,
        index,
        size,
    };
    // C2SP tlog-tiles: level `height / 8` holds it, as `2^(height mod 8)` neighbouring hashes.
    let level = height / TILE_HEIGHT;
    let hashes = 1_usize << (height % TILE_HEIGHT);
    let first = index
        .checked_mul(1 << (height % TILE_HEIGHT))
        .ok_or_else(incomplete)?;
    let offset = usize::from(first.to_le_bytes()[0]);
    let tile = Tile::of(level, first >> TILE_HEIGHT, size).ok_or_else(incomplete)?;
    let width = usize::from(tile.width());
    if offset.saturating_add(hashes) > width {
        return Err(incomplete());
    }

    let bytes = reader
        .tile(tile)
        .map_err(|source| ProveError::Read { tile, source })?;
    let found = bytes.len();
    let bad = || ProveError::BadTile { tile, found };
    let (all, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() || all.len() < width || all.len() > usize::from(tile.full().width()) {
        return Err(bad());
    }
    let here = all
        .get(offset..offset.saturating_add(hashes))
        .ok_or_else(bad)?;
    let mut row = here.to_vec();
    while row.len() > 1 {
        row = row
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[left, right]| rfc6962_node(left, right))
            .collect();
    }
    row.pop().ok_or_else(bad)
}

/// RFC 6962 §2.1: where a tree of more than one leaf parts, after the largest power of two below its size.
fn split(from: u64, to: u64) -> u64 {
    let below = to.saturating_sub(from).saturating_sub(1);
    let power = below.checked_ilog2().map_or(0, |log| 1_u64 << log);
    from.saturating_add(power)
}

fn read_from_the_leaf_up<R: HashReader + ?Sized>(
    ranges: &[(u64, u64)],
    size: TreeSize,
    reader: &R,
) -> Result<Vec<[u8; 32]>, ProveError<R::Error>> {
    ranges
        .iter()
        .rev()
        .map(|(from, to)| range_hash(*from, *to, size, reader))
        .collect()
}

/// The root over the leaves `[from, to)`, where `from` is a multiple of the largest power of two in its length.
fn range_hash<R: HashReader + ?Sized>(
    from: u64,
    to: u64,
    size: TreeSize,
    reader: &R,
) -> Result<[u8; 32], ProveError<R::Error>> {
    let mut subtrees = Vec::new();
    let mut start = from;
    while let Some(height) = to.saturating_sub(start).checked_ilog2() {
        // At most 63.
        let step = 1_u64 << height;
        let subtree = Subtree {
            height: u8::try_from(height).unwrap_or(u8::MAX),
            index: start >> height,
        };
        subtrees.push(reader.subtree(subtree, size)?);
        start = start.saturating_add(step);
    }
    fold(&subtrees).ok_or(ProveError::Incomplete {
        height: 0,
        index: from,
        size,
    })
}
