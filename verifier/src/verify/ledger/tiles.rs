//! The tiles that the entries make, each compared as soon as it is full.

use alloc::vec::Vec;

use crate::{
    digest::rfc6962_node,
    log::{
        tile::{TILE_WIDTH, Tile},
        tree::{LeafHash, TreeSize},
    },
};

/// The open tile of each level. At most 8 times 256 hashes.
pub(super) struct OpenTiles {
    size: TreeSize,
    levels: Vec<Level>,
}

struct Level {
    index: u64,
    hashes: Vec<[u8; 32]>,
}

/// A tile as the entries make it.
pub(super) struct Made {
    pub(super) tile: Tile,
    pub(super) bytes: Vec<u8>,
}

impl OpenTiles {
    pub(super) const fn new(size: TreeSize) -> Self {
        Self {
            size,
            levels: Vec::new(),
        }
    }

    /// Adds a leaf; answers the tiles that are full with it, lowest level first.
    pub(super) fn add(&mut self, leaf: LeafHash) -> Vec<Made> {
        let mut full = Vec::new();
        let mut hash = *leaf.as_bytes();
        for at in 0.. {
            if self.levels.len() <= at {
                self.levels.push(Level {
                    index: 0,
                    hashes: Vec::new(),
                });
            }
            let Some(level) = self.levels.get_mut(at) else {
                break;
            };
            level.hashes.push(hash);
            if level.hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let hashes = core::mem::take(&mut level.hashes);
            full.extend(made(at, level.index, self.size, &hashes));
            level.index = level.index.saturating_add(1);
            hash = fold(hashes);
        }
        full
    }

    /// The tiles that are not full, after the last leaf.
    pub(super) fn rest(&self) -> Vec<Made> {
        self.levels
            .iter()
            .enumerate()
            .filter(|(_, level)| !level.hashes.is_empty())
            .filter_map(|(at, level)| made(at, level.index, self.size, &level.hashes))
            .collect()
    }
}

fn made(level: usize, index: u64, size: TreeSize, hashes: &[[u8; 32]]) -> Option<Made> {
    let tile = Tile::of(u8::try_from(level).ok()?, index, size)?;
    Some(Made {
        tile,
        bytes: hashes.concat(),
    })
}

/// The root over 256 hashes.
fn fold(mut row: Vec<[u8; 32]>) -> [u8; 32] {
    while row.len() > 1 {
        row = row
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[left, right]| rfc6962_node(left, right))
            .collect();
    }
    row.pop().unwrap_or_default()
}
