//! Proofs against the naive oracle: built alike, accepted when right, refused when any bit is wrong.

use alloc::{format, string::ToString as _, sync::Arc, vec, vec::Vec};
use core::convert::Infallible;

use super::{
    consistency::{ConsistencyError, ConsistencyProof},
    frontier::{Frontier, FrontierError},
    inclusion::{InclusionError, InclusionProof},
    oracle::{self, Oracle, Seeded, Tiles},
    prove::{
        HashReader, ProveError, Subtree, prove_consistency, prove_inclusion, read_head,
        subtree_from_tile,
    },
    tile::Tile,
    tree::{LeafHash, LeafIndex, RootHash, TreeHead, TreeSize},
};

/// Every size up to here is compared with the oracle.
const SIZE_MAX: u64 = 300;
/// Every bit of every proof is flipped up to here; above, [`FLIPS`] seeded bits per size.
const FLIP_SIZE_MAX: usize = 24;
const FLIPS: usize = 24;
const SEED: u64 = 0x6962;

fn size(entries: u64) -> TreeSize {
    TreeSize::new(entries).unwrap()
}

fn at(index: u64) -> LeafIndex {
    LeafIndex::new(index)
}

fn inclusion(index: usize, entries: usize, oracle: &Oracle<'_>) -> InclusionProof {
    InclusionProof::new(at(index as u64), oracle.path(index, entries))
}

fn flipped(hashes: &[[u8; 32]], bit: usize) -> Vec<[u8; 32]> {
    let mut hashes = hashes.to_vec();
    hashes[bit / 256][bit / 8 % 32] ^= 1 << (bit % 8);
    hashes
}

fn refused_as_mismatch(proof: &InclusionProof, leaf: LeafHash, head: &TreeHead) {
    let error = proof.check(leaf, head).unwrap_err();
    assert!(
        matches!(error, InclusionError::RootMismatch { .. }),
        "{error}"
    );
}

/// Goal: built proofs and heads are those of RFC 6962, for every index of every size up to 300, and check.
#[test]
fn inclusion_proofs_are_those_of_the_rfc() {
    let all = oracle::leaves(SIZE_MAX);
    let oracle = Oracle::new(&all);
    let tiles = Tiles::new(&oracle);
    for entries in 1..=all.len() {
        let head = oracle.head(entries);
        assert_eq!(read_head(head.size(), &tiles).unwrap(), head);
        for (index, leaf) in all[..entries].iter().enumerate() {
            let expected = inclusion(index, entries, &oracle);
            let built = prove_inclusion(expected.index(), head.size(), &Nodes(&oracle)).unwrap();
            assert_eq!(built, expected, "{index} of {entries}");
            // Tiles are slow to fold here, and their inside repeats from size to size.
            if entries <= 64 || (254..=258).contains(&entries) {
                let built = prove_inclusion(expected.index(), head.size(), &tiles).unwrap();
                assert_eq!(built, expected, "{index} of {entries}");
            }
            let leaf = LeafHash::from_bytes(*leaf);
            let included = built.check(leaf, &head).unwrap();
            assert_eq!(
                (included.index(), included.leaf(), included.head()),
                (built.index(), leaf, head)
            );
        }
    }
}

/// Goal: the same for consistency, for every pair of sizes up to 300.
#[test]
fn consistency_proofs_are_those_of_the_rfc() {
    let all = oracle::leaves(SIZE_MAX);
    let oracle = Oracle::new(&all);
    let tiles = Tiles::new(&oracle);
    for new in 0..=all.len() {
        let new_head = oracle.head(new);
        for old in 0..=new {
            let old_head = oracle.head(old);
            let expected = oracle.proof(old, new);
            let (from, to) = (old_head.size(), new_head.size());
            let built = prove_consistency(from, to, &Nodes(&oracle)).unwrap();
            assert_eq!(built.hashes(), expected, "{old} to {new}");
            if new <= 64 || (254..=258).contains(&new) {
                let built = prove_consistency(from, to, &tiles).unwrap();
                assert_eq!(built.hashes(), expected, "{old} to {new}");
            }
            let extends = built.check(&old_head, &new_head).unwrap();
            assert_eq!(
                (extends.old_head(), extends.new_head()),
                (old_head, new_head)
            );
        }
    }
}

/// Goal: no bit of a path, a leaf or a root can change.
#[test]
fn any_flipped_bit_of_an_inclusion_proof_is_refused() {
    let all = oracle::leaves(SIZE_MAX);
    let oracle = Oracle::new(&all);
    let mut seeded = Seeded(SEED);
    for entries in 1..=all.len() {
        let head = oracle.head(entries);
        let flip = |proof: &InclusionProof, leaf: &[u8; 32], bit: usize| {
            let good = LeafHash::from_bytes(*leaf);
            if bit < proof.hashes().len() * 256 {
                let hashes = flipped(proof.hashes(), bit);
                refused_as_mismatch(&InclusionProof::new(proof.index(), hashes), good, &head);
            }
            if bit < 256 {
                let other = LeafHash::from_bytes(flipped(&[*leaf], bit)[0]);
                refused_as_mismatch(proof, other, &head);
                let other = RootHash::from_bytes(flipped(&[*head.root().as_bytes()], bit)[0]);
                refused_as_mismatch(proof, good, &TreeHead::new(head.size(), other));
            }
        };
        if entries <= FLIP_SIZE_MAX {
            for (index, leaf) in all[..entries].iter().enumerate() {
                let proof = inclusion(index, entries, &oracle);
                for bit in 0..proof.hashes().len().max(1) * 256 {
                    flip(&proof, leaf, bit);
                }
            }
        } else {
            for _ in 0..FLIPS {
                let index = seeded.index_below(entries);
                let proof = inclusion(index, entries, &oracle);
                let bit = seeded.index_below(proof.hashes().len() * 256);
                flip(&proof, &all[index], bit);
                flip(&proof, &all[index], bit % 256);
            }
        }
    }
}

/// Goal (PR-13): no bit of a consistency proof or of its roots can change.
#[test]
fn any_flipped_bit_of_a_consistency_proof_is_refused() {
    let all = oracle::leaves(SIZE_MAX);
    let oracle = Oracle::new(&all);
    let mut seeded = Seeded(SEED);
    let refused = |hashes: Vec<[u8; 32]>, old: &TreeHead, new: &TreeHead| {
        let error = ConsistencyProof::new(hashes).check(old, new).unwrap_err();
        assert!(
            matches!(
                error,
                ConsistencyError::OldRootMismatch { .. } | ConsistencyError::NewRootMismatch { .. }
            ),
            "{error}"
        );
    };
    let changed = |head: &TreeHead, bit: usize| {
        let root = RootHash::from_bytes(flipped(&[*head.root().as_bytes()], bit)[0]);
        TreeHead::new(head.size(), root)
    };
    for new in 2..=all.len() {
        let new_head = oracle.head(new);
        let flip = |old: usize, hashes: &[[u8; 32]], bit: usize| {
            let old_head = oracle.head(old);
            refused(flipped(hashes, bit), &old_head, &new_head);
            if bit < 256 {
                refused(hashes.to_vec(), &changed(&old_head, bit), &new_head);
                refused(hashes.to_vec(), &old_head, &changed(&new_head, bit));
            }
        };
        if new <= FLIP_SIZE_MAX {
            for old in 1..new {
                let hashes = oracle.proof(old, new);
                for bit in 0..hashes.len() * 256 {
                    flip(old, &hashes, bit);
                }
            }
        } else {
            for _ in 0..FLIPS {
                let old = 1 + seeded.index_below(new - 1);
                let hashes = oracle.proof(old, new);
                let bit = seeded.index_below(hashes.len() * 256);
                flip(old, &hashes, bit);
                flip(old, &hashes, bit % 256);
            }
        }
    }
}

/// Goal (PR-8, PR-10): one hash short, one too many, at either end, says so before anything is hashed.
#[test]
fn a_missing_or_surplus_hash_is_its_own_error() {
    let all = oracle::leaves(70);
    let oracle = Oracle::new(&all);
    for entries in 1..=70 {
        let head = oracle.head(entries);
        for (index, leaf) in all[..entries].iter().enumerate() {
            let proof = inclusion(index, entries, &oracle);
            let leaf = LeafHash::from_bytes(*leaf);
            let expected = proof.hashes().len();
            let check = |hashes: Vec<[u8; 32]>| {
                InclusionProof::new(proof.index(), hashes).check(leaf, &head)
            };
            for extra in [head.root().as_bytes(), leaf.as_bytes(), &[0; 32]] {
                let surplus = Err(InclusionError::Surplus {
                    found: expected + 1,
                    expected,
                });
                assert_eq!(check([proof.hashes(), &[*extra]].concat()), surplus);
                assert_eq!(check([&[*extra], proof.hashes()].concat()), surplus);
            }
            if expected > 0 {
                let missing = Err(InclusionError::Missing {
                    found: expected - 1,
                    expected,
                });
                assert_eq!(check(proof.hashes()[1..].to_vec()), missing);
                assert_eq!(check(proof.hashes()[..expected - 1].to_vec()), missing);
            }
        }
        for old in 0..=entries {
            let old_head = oracle.head(old);
            let hashes = oracle.proof(old, entries);
            let expected = hashes.len();
            let check =
                |hashes: Vec<[u8; 32]>| ConsistencyProof::new(hashes).check(&old_head, &head);
            for extra in [head.root().as_bytes(), old_head.root().as_bytes()] {
                let surplus = Err(ConsistencyError::Surplus {
                    found: expected + 1,
                    expected,
                });
                assert_eq!(check([hashes.as_slice(), &[*extra]].concat()), surplus);
                assert_eq!(check([&[*extra], hashes.as_slice()].concat()), surplus);
            }
            if expected > 0 {
                let missing = Err(ConsistencyError::Missing {
                    found: expected - 1,
                    expected,
                });
                assert_eq!(check(hashes[1..].to_vec()), missing);
                assert_eq!(check(hashes[..expected - 1].to_vec()), missing);
            }
        }
    }
}

/// Goal: an index the tree does not hold is refused whatever the path says; an empty tree holds none.
#[test]
fn an_index_outside_the_tree_is_refused() {
    let all = oracle::leaves(20);
    let oracle = Oracle::new(&all);
    for entries in 0..=20_usize {
        let head = oracle.head(entries);
        for index in [entries as u64, entries as u64 + 1, 1 << 63, u64::MAX] {
            for hashes in 0..6 {
                let proof = InclusionProof::new(at(index), vec![[0; 32]; hashes]);
                let error = proof.check(LeafHash::of(b""), &head).unwrap_err();
                assert_eq!(
                    error.to_string(),
                    format!("leaf index {index} is outside a tree of {entries} entries")
                );
            }
        }
        let error = prove_inclusion(at(entries as u64), head.size(), &Nodes(&oracle)).unwrap_err();
        assert!(matches!(error, ProveError::OutsideTree(_)), "{error}");
    }
}

/// Goal: the right proof for another tree is refused: another index, another size under the same root, another
/// leaf.
#[test]
fn the_right_proof_for_another_tree_is_refused() {
    let all = oracle::leaves(40);
    let oracle = Oracle::new(&all);
    for entries in 2..=40_usize {
        let head = oracle.head(entries);
        for index in 0..entries {
            let proof = inclusion(index, entries, &oracle);
            let leaf = LeafHash::from_bytes(all[index]);
            for other in (0..entries).filter(|other| *other != index) {
                let moved = InclusionProof::new(at(other as u64), proof.hashes().to_vec());
                assert!(moved.check(leaf, &head).is_err());
                let foreign = LeafHash::from_bytes(all[other]);
                assert!(proof.check(foreign, &head).is_err());
                let tree = oracle.head(other);
                assert!(proof.check(leaf, &tree).is_err());
            }
        }
    }
}

/// Goal (PR-11, PR-12): the edges that the RFC leaves open.
#[test]
fn size_zero_and_equal_sizes_compare_roots() {
    let all = oracle::leaves(4);
    let oracle = Oracle::new(&all);
    let nothing = oracle.head(0);
    let some = oracle.head(4);
    let empty = ConsistencyProof::new(Vec::new());
    assert!(empty.check(&nothing, &nothing).is_ok());
    assert!(empty.check(&nothing, &some).is_ok());
    assert!(empty.check(&some, &some).is_ok());
    let wrong = RootHash::from_bytes([7; 32]);
    assert_eq!(
        empty.check(&TreeHead::new(TreeSize::EMPTY, wrong), &some),
        Err(ConsistencyError::NotEmptyRoot { found: wrong })
    );
    assert_eq!(
        empty.check(&nothing, &TreeHead::new(TreeSize::EMPTY, wrong)),
        Err(ConsistencyError::NotEmptyRoot { found: wrong })
    );
    assert_eq!(
        empty.check(&some, &TreeHead::new(some.size(), wrong)),
        Err(ConsistencyError::Forked {
            size: some.size(),
            old: some.root(),
            new: wrong
        })
    );
    assert_eq!(
        empty.check(&some, &nothing),
        Err(ConsistencyError::Shrinks {
            old: some.size(),
            new: TreeSize::EMPTY
        })
    );
}

/// Goal: sizes near 2^63 neither panic nor loop; lengths stay within 63 and 64.
#[test]
fn lengths_hold_up_to_the_largest_tree() {
    let largest = TreeSize::MAX.entries();
    for entries in [
        1,
        2,
        3,
        (1 << 62) - 1,
        1 << 62,
        (1 << 62) + 1,
        largest - 1,
        largest,
    ] {
        for index in [0, 1, entries / 2, entries - 1] {
            if index < entries {
                let length = InclusionProof::expected_length(at(index), size(entries)).unwrap();
                assert!(length <= 63, "{index} of {entries}: {length}");
                let head = TreeHead::new(size(entries), RootHash::from_bytes([1; 32]));
                let proof = InclusionProof::new(at(index), vec![[2; 32]; length]);
                refused_as_mismatch(&proof, LeafHash::of(b""), &head);
            }
        }
        for old in [1, 2, entries / 2, entries - 1, entries] {
            if (1..=entries).contains(&old) {
                let length = ConsistencyProof::expected_length(size(old), size(entries)).unwrap();
                assert!(length <= 64, "{old} to {entries}: {length}");
                let head = |n, byte| TreeHead::new(size(n), RootHash::from_bytes([byte; 32]));
                let proof = ConsistencyProof::new(vec![[2; 32]; length]);
                assert!(proof.check(&head(old, 3), &head(entries, 4)).is_err());
            }
        }
    }
}

/// Goal: a frontier grows to the roots of the oracle, and survives being stored at any size.
#[test]
fn a_frontier_has_the_roots_of_the_rfc() {
    let all = oracle::leaves(SIZE_MAX);
    let oracle = Oracle::new(&all);
    let mut frontier = Frontier::empty();
    for (count, leaf) in all.iter().enumerate() {
        assert_eq!(frontier.head(), oracle.head(count));
        let stored = Frontier::from_parts(frontier.size(), frontier.hashes().to_vec()).unwrap();
        assert_eq!(stored, frontier);
        assert_eq!(
            frontier.append(LeafHash::from_bytes(*leaf)),
            Ok(at(count as u64))
        );
    }
}

/// Goal: 100,000 appends stay small and end at the root that the tiles give.
#[test]
fn a_frontier_of_100_000_appends_is_small_and_right() {
    let all = oracle::leaves(100_000);
    let mut frontier = Frontier::empty();
    for leaf in &all {
        frontier.append(LeafHash::from_bytes(*leaf)).unwrap();
        assert!(frontier.hashes().len() <= 17);
    }
    assert_eq!(frontier.head(), Oracle::new(&all).head(100_000));
    assert_eq!(
        frontier.hashes().len(),
        usize::try_from(100_000_u64.count_ones()).unwrap()
    );
}

#[test]
fn a_frontier_refuses_hashes_that_are_not_its_size() {
    for (entries, hashes) in [(0, 1), (1, 0), (1, 2), (3, 1), (4, 2), (7, 2)] {
        assert_eq!(
            Frontier::from_parts(size(entries), vec![[0; 32]; hashes]),
            Err(FrontierError::WrongLength {
                size: size(entries),
                found: hashes,
                expected: usize::try_from(entries.count_ones()).unwrap()
            })
        );
    }
    let mut full = Frontier::from_parts(TreeSize::MAX, vec![[0; 32]; 63]).unwrap();
    let before = full.clone();
    assert_eq!(full.append(LeafHash::of(b"")), Err(FrontierError::Full));
    assert_eq!(full, before);
}

/// Goal: in a tree with three levels of tiles, proofs are right and read few tiles.
#[test]
fn proofs_in_a_large_tree_read_few_tiles() {
    let all = oracle::leaves(66_000);
    let oracle = Oracle::new(&all);
    let head = oracle.head(66_000);
    let reader = Tiles::new(&oracle);
    let mut seeded = Seeded(SEED);
    for index in [0, 255, 256, 65_535, 65_536, 65_999, seeded.below(66_000)] {
        reader.asked.borrow_mut().clear();
        let proof = prove_inclusion(at(index), head.size(), &reader).unwrap();
        let leaf = LeafHash::from_bytes(all[usize::try_from(index).unwrap()]);
        proof.check(leaf, &head).unwrap();
        let mut tiles = reader.asked.borrow().clone();
        assert!(tiles.iter().all(|tile| tile.fits(head.size())));
        tiles.sort_unstable();
        tiles.dedup();
        assert!(tiles.len() <= 5, "{index}: {tiles:?}");
    }
    for old in [1, 255, 256, 257, 65_536, 65_999, 1 + seeded.below(66_000)] {
        let old_head = oracle.head(usize::try_from(old).unwrap());
        let proof = prove_consistency(size(old), head.size(), &reader).unwrap();
        proof.check(&old_head, &head).unwrap();
    }
}

/// A reader with inner nodes in memory: never asked for a tile.
pub(super) struct Nodes<'a>(pub(super) &'a Oracle<'a>);

impl HashReader for Nodes<'_> {
    type Error = Infallible;

    fn tile(&self, tile: Tile) -> Result<Arc<[u8]>, Infallible> {
        panic!("asked for {}", tile.path())
    }

    fn subtree(
        &self,
        subtree: Subtree,
        size: TreeSize,
    ) -> Result<[u8; 32], ProveError<Infallible>> {
        let span = 1 << subtree.height();
        let from = usize::try_from(subtree.index()).unwrap() * span;
        assert!((from + span) as u64 <= size.entries());
        Ok(self.0.mth(from, from + span))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("disk on fire")]
struct OnFire;

/// A reader that answers with a fixed tile, or not at all.
struct Broken(Option<Vec<u8>>);

impl HashReader for Broken {
    type Error = OnFire;

    fn tile(&self, _: Tile) -> Result<Arc<[u8]>, OnFire> {
        self.0.as_deref().map(Arc::from).ok_or(OnFire)
    }
}

#[test]
fn a_reader_that_fails_or_lies_about_lengths_is_named() {
    let error = prove_inclusion(at(0), size(3), &Broken(None)).unwrap_err();
    assert_eq!(error.to_string(), "cannot read `tile/0/000.p/3`");
    for bytes in [0, 1, 64, 95, 97, 257 * 32] {
        let error = prove_inclusion(at(0), size(3), &Broken(Some(vec![0; bytes]))).unwrap_err();
        assert!(
            matches!(error, ProveError::BadTile { found, .. } if found == bytes),
            "{error}"
        );
    }
    // A log that has grown answers with more; the proof is still the one for size 3.
    let all = oracle::leaves(256);
    let reader = Broken(Some(all.concat()));
    let proof = prove_inclusion(at(1), size(3), &reader).unwrap();
    assert_eq!(proof.hashes(), Oracle::new(&all).path(1, 3));
    let error = prove_consistency(size(3), size(2), &reader).unwrap_err();
    assert_eq!(error.to_string(), "no proof leads from 3 entries back to 2");
}

#[test]
fn a_subtree_beyond_the_tree_is_refused() {
    let all = oracle::leaves(300);
    let oracle = Oracle::new(&all);
    let reader = Tiles::new(&oracle);
    for (height, index) in [
        (0, 300),
        (2, 75),
        (8, 1),
        (9, 0),
        (63, 0),
        (255, 0),
        (0, u64::MAX),
        (7, u64::MAX),
    ] {
        let error = subtree_from_tile(&reader, Subtree::new(height, index), size(300)).unwrap_err();
        assert!(
            matches!(error, ProveError::Incomplete { .. }),
            "{height} {index}: {error}"
        );
    }
    assert_eq!(
        subtree_from_tile(&reader, Subtree::new(2, 74), size(300)).unwrap(),
        oracle.mth(296, 300)
    );
}
