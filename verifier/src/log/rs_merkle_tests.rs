//! `rs_merkle` 1.5.0 as a second opinion on roots and paths, and as a warning: its `verify` takes forgeries.

use super::{
    inclusion::{InclusionError, InclusionProof},
    oracle::{self, Oracle},
    oracle_tests::Nodes,
    prove::{prove_inclusion, read_head},
    tree::{LeafHash, LeafIndex, TreeSize},
};
use crate::digest::rfc6962_node;

/// Every size up to here is compared.
const SIZE_MAX: u64 = 300;

fn size(entries: u64) -> TreeSize {
    TreeSize::new(entries).unwrap()
}

fn at(index: u64) -> LeafIndex {
    LeafIndex::new(index)
}

/// `rs_merkle` with the hashing of RFC 6962: the leaves are hashed beforehand.
#[derive(Clone)]
struct Rfc6962;

impl rs_merkle::Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        *LeafHash::of(data).as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| rfc6962_node(left, right))
    }
}

/// Goal: a second implementation agrees on every root and every path up to 300.
#[test]
fn rs_merkle_builds_the_same_roots_and_paths() {
    let all = oracle::leaves(SIZE_MAX);
    let oracle = Oracle::new(&all);
    for entries in 1..=all.len() {
        let tree = rs_merkle::MerkleTree::<Rfc6962>::from_leaves(&all[..entries]);
        let head = read_head(size(entries as u64), &Nodes(&oracle)).unwrap();
        assert_eq!(tree.root().as_ref(), Some(head.root().as_bytes()));
        for index in 0..entries {
            let ours = prove_inclusion(at(index as u64), head.size(), &Nodes(&oracle)).unwrap();
            assert_eq!(tree.proof(&[index]).proof_hashes(), ours.hashes());
        }
    }
}

/// Goal: the forgeries that `rs_merkle` 1.5.0 lets through are refused by ours, so that nobody swaps ours for it.
/// Should a newer release refuse them too, this test fails, and the reason for our own check can be looked at
/// again.
#[test]
fn forgeries_that_rs_merkle_accepts_are_refused() {
    let all = oracle::leaves(40);
    let oracle = Oracle::new(&all);
    for entries in 2..=all.len() {
        let head = oracle.head(entries);
        let root = *head.root().as_bytes();
        for (index, hash) in all[..entries].iter().enumerate() {
            let leaf = LeafHash::from_bytes(*hash);
            let good = oracle.path(index, entries);
            // A surplus hash at the end of a good proof.
            let hashes = [good.as_slice(), &[[0xee; 32]]].concat();
            let theirs = rs_merkle::MerkleProof::<Rfc6962>::new(hashes.clone());
            assert!(theirs.verify(root, &[index], &[*hash], entries));
            let ours = InclusionProof::new(at(index as u64), hashes);
            let error = ours.check(leaf, &head).unwrap_err();
            assert!(matches!(error, InclusionError::Surplus { .. }), "{error}");
            // An index beyond the tree that falls on the same place.
            let alias = index + entries.next_power_of_two();
            if !entries.is_power_of_two() && index < entries.next_power_of_two() / 2 {
                let theirs = rs_merkle::MerkleProof::<Rfc6962>::new(good.clone());
                assert!(theirs.verify(root, &[alias], &[*hash], entries));
            }
            let ours = InclusionProof::new(at(alias as u64), good);
            let error = ours.check(leaf, &head).unwrap_err();
            assert!(matches!(error, InclusionError::OutsideTree(_)), "{error}");
        }
        // An arbitrary leaf under a repeated index: a question that ours cannot even be asked.
        let evil = *LeafHash::of(b"evil").as_bytes();
        let claims = [all[0], all[1], evil];
        let upper = &oracle.path(0, entries)[1..];
        let hashes = [&[[0; 32]; 3], upper].concat();
        let theirs = rs_merkle::MerkleProof::<Rfc6962>::new(hashes);
        assert!(theirs.verify(root, &[0, 0, 0], &claims, entries));
        for index in 0..entries {
            let ours = InclusionProof::new(at(index as u64), oracle.path(index, entries));
            let error = ours.check(LeafHash::from_bytes(evil), &head).unwrap_err();
            assert!(
                matches!(error, InclusionError::RootMismatch { .. }),
                "{error}"
            );
        }
    }
}
