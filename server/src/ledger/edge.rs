//! The right edge of a tree: the open tile of each level, with its inner nodes.
//!
//! LG-6: appending costs one hash for the leaf's parent nodes on average, proving costs none: what a proof of a recent
//! leaf needs is either an inner node of an open tile or a hash inside one. At most 8 tiles of 511 hashes each.

use std::sync::Arc;

use agentsigna_verifier::{
    digest::rfc6962_node,
    log::{
        prove::{HashReader, ProveError, Subtree, subtree_from_tile},
        tile::Tile,
        tree::{LeafHash, TreeSize},
    },
};

use crate::store::{ReadError, TenantScope};

const TILE_WIDTH: usize = 256;
const TILE_HEIGHT: u8 = 8;
/// Tiles kept after they are complete: more than two batches can complete before the first of them is on disk.
const RECENT_MAX: usize = 64;

/// A tile being filled: `layers[h]` holds the roots of its complete subtrees of height `h`.
#[derive(Debug, Clone)]
struct OpenTile {
    index: u64,
    layers: [Vec<[u8; 32]>; 9],
}

/// A tile that is complete and never changes again.
#[derive(Debug, Clone)]
pub(super) struct FullTile {
    pub(super) level: u8,
    pub(super) index: u64,
    /// 256 hashes of 32 bytes.
    pub(super) bytes: Arc<[u8]>,
}

/// The open tiles of a tree, and the ones completed last.
#[derive(Debug, Clone, Default)]
pub(super) struct Edge {
    open: Vec<Arc<OpenTile>>,
    recent: Vec<(u8, Arc<OpenTile>)>,
}

/// Reads the hashes of a committed tree: the edge from memory, the rest from the store.
#[derive(Clone)]
pub(super) struct EdgeReader<'a> {
    pub(super) edge: &'a Edge,
    pub(super) scope: &'a TenantScope,
}

/// Why a tile cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    /// The store's error.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A complete tile is not on disk.
    #[error("tile {level}/{index} is not on disk: run `agentsigna fsck`")]
    Gone {
        /// Its level.
        level: u8,
        /// Its position.
        index: u64,
    },
}

impl OpenTile {
    fn new(index: u64) -> Self {
        Self {
            index,
            layers: Default::default(),
        }
    }

    /// Adds a hash, and every inner node it completes.
    fn push(&mut self, hash: [u8; 32]) {
        let mut node = hash;
        for layer in &mut self.layers {
            layer.push(node);
            if layer.len() % 2 == 1 {
                return;
            }
            if let [.., left, right] = layer.as_slice() {
                node = rfc6962_node(left, right);
                #[cfg(test)]
                NODES_MADE.set(NODES_MADE.get() + 1);
            }
        }
    }

    fn hashes(&self) -> &[[u8; 32]] {
        self.layers.first().map_or(&[], Vec::as_slice)
    }

    /// The root, once the tile is complete.
    fn root(&self) -> Option<[u8; 32]> {
        self.layers.last().and_then(|layer| layer.first()).copied()
    }

    fn bytes(&self) -> Arc<[u8]> {
        self.hashes().concat().into()
    }
}

impl Edge {
    /// Adds a leaf. Returns the tiles that it completed, lowest level first.
    pub(super) fn append(&mut self, leaf: LeafHash) -> Vec<FullTile> {
        let mut full = Vec::new();
        let mut hash = *leaf.as_bytes();
        for level in 0_u8..8 {
            let at = usize::from(level);
            if self.open.len() <= at {
                self.open.push(Arc::new(OpenTile::new(0)));
            }
            let Some(slot) = self.open.get_mut(at) else {
                break;
            };
            let tile = Arc::make_mut(slot);
            tile.push(hash);
            let Some(root) = tile.root().filter(|_| tile.hashes().len() == TILE_WIDTH) else {
                break;
            };
            let next = OpenTile::new(tile.index.saturating_add(1));
            let done = std::mem::replace(slot, Arc::new(next));
            full.push(FullTile {
                level,
                index: done.index,
                bytes: done.bytes(),
            });
            self.recent.push((level, done));
            hash = root;
        }
        let surplus = self.recent.len().saturating_sub(RECENT_MAX);
        self.recent.drain(..surplus);
        full
    }

    /// Puts the open tiles of a tree of `size` together from what is on disk.
    pub(super) fn load(size: TreeSize, scope: &TenantScope) -> Result<Self, TileError> {
        let mut edge = Self::default();
        let mut below = size.entries();
        for level in 0_u8..8 {
            let (index, width) = (below / 256, below % 256);
            if below == 0 {
                break;
            }
            let mut tile = OpenTile::new(index);
            for offset in 0..width {
                let position = index.saturating_mul(256).saturating_add(offset);
                tile.push(Self::hash_on_disk(level, position, scope)?);
            }
            edge.open.push(Arc::new(tile));
            below = index;
        }
        Ok(edge)
    }

    /// Hash `position` of `level`: of an entry, or the root of a complete tile one level down.
    fn hash_on_disk(level: u8, position: u64, scope: &TenantScope) -> Result<[u8; 32], TileError> {
        let Some(below) = level.checked_sub(1) else {
            let entry = scope.get(crate::store::Key::Entry(position))?;
            let entry = entry.ok_or(TileError::Gone {
                level,
                index: position,
            })?;
            return Ok(*LeafHash::of(&entry).as_bytes());
        };
        let gone = TileError::Gone {
            level: below,
            index: position,
        };
        let Some(bytes) = scope.tile(below, position)? else {
            return Err(gone);
        };
        let mut tile = OpenTile::new(position);
        for hash in bytes.chunks_exact(32) {
            tile.push(hash.try_into().unwrap_or([0; 32]));
        }
        tile.root().ok_or(gone)
    }

    fn find(&self, level: u8, index: u64) -> Option<&OpenTile> {
        let open = self
            .open
            .get(usize::from(level))
            .filter(|tile| tile.index == index);
        let recent = || {
            self.recent
                .iter()
                .rev()
                .find(|(at, tile)| *at == level && tile.index == index)
                .map(|(_, tile)| tile)
        };
        open.or_else(recent).map(Arc::as_ref)
    }
}

impl HashReader for EdgeReader<'_> {
    type Error = TileError;

    fn tile(&self, tile: Tile) -> Result<Arc<[u8]>, TileError> {
        if let Some(found) = self.edge.find(tile.level(), tile.index()) {
            return Ok(found.bytes());
        }
        match self.scope.tile(tile.level(), tile.index())? {
            Some(bytes) => Ok(bytes.into()),
            None => Err(TileError::Gone {
                level: tile.level(),
                index: tile.index(),
            }),
        }
    }

    fn subtree(&self, subtree: Subtree, size: TreeSize) -> Result<[u8; 32], ProveError<TileError>> {
        let level = subtree.height() / TILE_HEIGHT;
        let height = subtree.height() % TILE_HEIGHT;
        // A tile of this level holds 2^(8 − height) subtrees of this height.
        let per_tile = TILE_HEIGHT - height;
        let offset = subtree.index() & ((1 << per_tile) - 1);
        let known = self
            .edge
            .find(level, subtree.index() >> per_tile)
            .and_then(|tile| {
                let layer = tile.layers.get(usize::from(height))?;
                layer.get(usize::try_from(offset).ok()?).copied()
            });
        match known {
            Some(hash) => Ok(hash),
            None => subtree_from_tile(self, subtree, size),
        }
    }
}

#[cfg(test)]
std::thread_local! {
    static NODES_MADE: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Inner nodes that were hashed on this thread.
#[cfg(test)]
pub(super) fn nodes_made() -> u64 {
    NODES_MADE.get()
}

#[cfg(test)]
impl Edge {
    /// Open tiles, and those kept after they were complete.
    pub(super) fn tiles(&self) -> (usize, usize) {
        (self.open.len(), self.recent.len())
    }

    /// Whether the open tiles are the same, hash for hash.
    pub(super) fn is_same_tree_as(&self, other: &Self) -> bool {
        let same =
            |(a, b): (&Arc<OpenTile>, &Arc<OpenTile>)| (a.index, &a.layers) == (b.index, &b.layers);
        self.open.len() == other.open.len() && self.open.iter().zip(&other.open).all(same)
    }
}
