//! Test help: RFC 6962 §2.1 written down word for word, recursive and slow, sharing only the two hash
//! functions with the code it judges. And readers that hold whole trees.

use alloc::{sync::Arc, vec::Vec};
use core::{cell::RefCell, convert::Infallible};
use std::collections::HashMap;

use super::{
    prove::HashReader,
    tile::Tile,
    tree::{LeafHash, RootHash, TreeHead, TreeSize},
};
use crate::digest::{rfc6962_empty, rfc6962_node};

/// §2.1 to §2.1.2 over `D[0:n]`, the leaves given. A range that was hashed once is remembered, no more.
pub(super) struct Oracle<'a> {
    pub(super) leaves: &'a [[u8; 32]],
    hashed: RefCell<HashMap<(usize, usize), [u8; 32]>>,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(leaves: &'a [[u8; 32]]) -> Self {
        Self {
            leaves,
            hashed: RefCell::default(),
        }
    }

    /// MTH(D[from:to]).
    pub(super) fn mth(&self, from: usize, to: usize) -> [u8; 32] {
        match to - from {
            0 => rfc6962_empty(),
            1 => self.leaves[from],
            n => {
                if let Some(hash) = self.hashed.borrow().get(&(from, to)) {
                    return *hash;
                }
                let k = from + largest_power_below(n);
                let hash = rfc6962_node(&self.mth(from, k), &self.mth(k, to));
                self.hashed.borrow_mut().insert((from, to), hash);
                hash
            }
        }
    }

    /// PATH(m, D[0:n]).
    pub(super) fn path(&self, m: usize, n: usize) -> Vec<[u8; 32]> {
        self.path_in(m, 0, n)
    }

    /// PATH(m, D[from:to]).
    fn path_in(&self, m: usize, from: usize, to: usize) -> Vec<[u8; 32]> {
        if to - from == 1 {
            return Vec::new();
        }
        let k = largest_power_below(to - from);
        let (mut hashes, other) = if m < k {
            (self.path_in(m, from, from + k), self.mth(from + k, to))
        } else {
            (self.path_in(m - k, from + k, to), self.mth(from, from + k))
        };
        hashes.push(other);
        hashes
    }

    /// PROOF(m, D[0:n]); empty for m = 0, of which the RFC does not speak.
    pub(super) fn proof(&self, m: usize, n: usize) -> Vec<[u8; 32]> {
        if m == 0 {
            return Vec::new();
        }
        self.subproof(m, 0, n, true)
    }

    /// SUBPROOF(m, D[from:to], b).
    fn subproof(&self, m: usize, from: usize, to: usize, b: bool) -> Vec<[u8; 32]> {
        if m == to - from {
            return if b {
                Vec::new()
            } else {
                [self.mth(from, to)].into()
            };
        }
        let k = largest_power_below(to - from);
        let (mut hashes, other) = if m <= k {
            (self.subproof(m, from, from + k, b), self.mth(from + k, to))
        } else {
            (
                self.subproof(m - k, from + k, to, false),
                self.mth(from, from + k),
            )
        };
        hashes.push(other);
        hashes
    }

    /// Size n and MTH(D[0:n]).
    pub(super) fn head(&self, n: usize) -> TreeHead {
        TreeHead::new(
            TreeSize::new(n as u64).unwrap(),
            RootHash::from_bytes(self.mth(0, n)),
        )
    }
}

/// The largest power of two smaller than `n`, for `n > 1`.
fn largest_power_below(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// Distinct leaf hashes: entry `i` is the decimal of `i`.
pub(super) fn leaves(count: u64) -> Vec<[u8; 32]> {
    (0..count)
        .map(|index| *LeafHash::of(alloc::format!("entry {index}").as_bytes()).as_bytes())
        .collect()
}

/// Answers tiles out of an oracle, and notes which were asked for.
pub(super) struct Tiles<'a> {
    oracle: &'a Oracle<'a>,
    made: RefCell<HashMap<Tile, Arc<[u8]>>>,
    pub(super) asked: RefCell<Vec<Tile>>,
}

impl<'a> Tiles<'a> {
    pub(super) fn new(oracle: &'a Oracle<'a>) -> Self {
        Self {
            oracle,
            made: RefCell::default(),
            asked: RefCell::default(),
        }
    }
}

impl HashReader for Tiles<'_> {
    type Error = Infallible;

    fn tile(&self, tile: Tile) -> Result<Arc<[u8]>, Infallible> {
        self.asked.borrow_mut().push(tile);
        let make = || {
            let span = 256_usize.pow(u32::from(tile.level()));
            let first = usize::try_from(tile.index()).unwrap() * 256;
            let hashes: Vec<[u8; 32]> = (first..first + usize::from(tile.width()))
                .map(|at| self.oracle.mth(at * span, (at + 1) * span))
                .collect();
            hashes.concat().into()
        };
        Ok(Arc::clone(
            self.made.borrow_mut().entry(tile).or_insert_with(make),
        ))
    }
}

/// A small generator with a seed, for samples that a failure can repeat (SplitMix64).
pub(super) struct Seeded(pub(super) u64);

impl Seeded {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(super) fn index_below(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(bound as u64)).unwrap()
    }
}
