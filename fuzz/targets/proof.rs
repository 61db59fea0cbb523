//! Inclusion and consistency proofs: accepted exactly where a second reading, straight from the recursions of RFC 6962,
//! comes to the same roots; for sizes up to 2^63 − 1, and for proofs of small trees that were changed.
#![no_main]

use agentsigna_verifier::{
    digest::rfc6962_node,
    log::{
        consistency::ConsistencyProof,
        frontier::Frontier,
        inclusion::InclusionProof,
        tree::{LeafHash, LeafIndex, RootHash, TreeHead, TreeSize},
    },
};
use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

type Hash = [u8; 32];

fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let _ = match input.arbitrary::<u8>().unwrap_or_default() % 4 {
        0 => any_inclusion(&mut input),
        1 => any_consistency(&mut input),
        2 => changed_inclusion(&mut input),
        _ => changed_consistency(&mut input),
    };
});

/// Sizes of every order of magnitude, and often just beside a power of two.
fn number(input: &mut Unstructured<'_>) -> Result<u64> {
    let bits: u32 = input.int_in_range(0..=63)?;
    let near: i8 = input.arbitrary()?;
    let random = input.arbitrary::<u64>()? & ((1 << bits) - 1);
    let power = (1_u64 << bits).saturating_add_signed(near.into());
    Ok(if input.arbitrary()? { random } else { power })
}

fn hashes(input: &mut Unstructured<'_>, likely: usize) -> Result<Vec<Hash>> {
    let length = match input.arbitrary::<u8>()? {
        0..=31 => input.int_in_range(0..=70)?,
        32..=47 => likely.saturating_sub(1),
        48..=63 => likely + 1,
        _ => likely,
    };
    (0..length).map(|_| Ok([input.arbitrary()?; 32])).collect()
}

fn any_inclusion(input: &mut Unstructured<'_>) -> Result<()> {
    let (index, size) = (number(input)?, number(input)?);
    let Some(tree) = TreeSize::new(size) else {
        assert!(size > i64::MAX.unsigned_abs());
        return Ok(());
    };
    assert_eq!(tree.leaf(index).is_ok(), index < size);
    let expected = InclusionProof::expected_length(LeafIndex::new(index), tree);
    assert_eq!(expected.is_ok(), index < size);
    let path = hashes(input, expected.unwrap_or_default())?;
    let leaf = [input.arbitrary()?; 32];
    let root = (index < size)
        .then(|| root_of_path(index, size, leaf, &path))
        .flatten();
    let proof = InclusionProof::new(LeafIndex::new(index), path);
    assert_eq!(proof.check_length(tree).is_ok(), root.is_some());
    includes(&proof, leaf, tree, root.unwrap_or(leaf), root.is_some());
    includes(&proof, leaf, tree, [input.arbitrary()?; 32], false);
    Ok(())
}

/// `ok`: whether the second reading accepts. A hash of one repeated byte is no digest of anything.
fn includes(proof: &InclusionProof, leaf: Hash, size: TreeSize, root: Hash, ok: bool) {
    let alone = size.entries() == 1 && proof.index().position() == 0;
    let head = TreeHead::new(size, RootHash::from_bytes(root));
    let leaf_hash = LeafHash::from_bytes(leaf);
    match proof.check(leaf_hash, &head) {
        Ok(included) => {
            assert!(ok || (alone && leaf == root && proof.hashes().is_empty()));
            assert_eq!(
                (included.index(), included.leaf(), included.head()),
                (proof.index(), leaf_hash, head)
            );
        }
        Err(error) => assert!(!ok, "{error}"),
    }
}

fn any_consistency(input: &mut Unstructured<'_>) -> Result<()> {
    let (a, b) = (number(input)?, number(input)?);
    let (Some(old), Some(new)) = (TreeSize::new(a), TreeSize::new(b)) else {
        return Ok(());
    };
    let expected = ConsistencyProof::expected_length(old, new);
    assert_eq!(expected.is_ok(), a <= b);
    let parts = hashes(input, expected.unwrap_or_default())?;
    let known: Hash = [input.arbitrary()?; 32];
    // The old root is part of the proof wherever the old tree is a whole subtree of the new one.
    let roots = (1..b)
        .contains(&a)
        .then(|| roots_of(a, b, &parts, true, known))
        .flatten();
    let proof = ConsistencyProof::new(parts);
    if let Some((old_root, new_root)) = roots {
        assert_eq!(expected.ok(), Some(proof.hashes().len()));
        assert!(extends(&proof, old, old_root, new, new_root));
        let mut other = new_root;
        other[0] ^= 1;
        assert!(!extends(&proof, old, old_root, new, other));
        let mut other = old_root;
        other[31] ^= 128;
        assert!(!extends(&proof, old, other, new, new_root));
    } else {
        let same = a == b && proof.hashes().is_empty();
        let root = if a == 0 {
            *RootHash::empty().as_bytes()
        } else {
            known
        };
        assert_eq!(
            extends(&proof, old, root, new, root),
            same || (a == 0 && proof.hashes().is_empty())
        );
        // Nothing has one root.
        assert!(a != 0 || !extends(&proof, old, known, new, known));
    }
    Ok(())
}

fn extends(
    proof: &ConsistencyProof,
    old: TreeSize,
    old_root: Hash,
    new: TreeSize,
    new_root: Hash,
) -> bool {
    let old = TreeHead::new(old, RootHash::from_bytes(old_root));
    let new = TreeHead::new(new, RootHash::from_bytes(new_root));
    proof.check(&old, &new).is_ok_and(|extends| {
        assert_eq!((extends.old_head(), extends.new_head()), (old, new));
        true
    })
}

/// A tree of 1 to 130 leaves, all different.
fn leaves(input: &mut Unstructured<'_>) -> Result<Vec<Hash>> {
    let count: u8 = input.int_in_range(1..=130)?;
    let leaves: Vec<Hash> = (0..count)
        .map(|leaf| *LeafHash::of(&[leaf]).as_bytes())
        .collect();
    let mut frontier = Frontier::empty();
    for leaf in &leaves {
        frontier
            .append(LeafHash::from_bytes(*leaf))
            .expect("a small tree");
    }
    assert_eq!(*frontier.root().as_bytes(), tree_hash(&leaves));
    let again = Frontier::from_parts(frontier.size(), frontier.hashes().to_vec());
    assert_eq!(again.expect("its own parts").head(), frontier.head());
    Ok(leaves)
}

fn changed_inclusion(input: &mut Unstructured<'_>) -> Result<()> {
    let leaves = leaves(input)?;
    let index = input.int_in_range(0..=leaves.len() - 1)?;
    let path = path(index, &leaves);
    let valid = (
        index as u64,
        leaves.len() as u64,
        leaves[index],
        path,
        tree_hash(&leaves),
    );
    let mut changed = valid.clone();
    change(input, &mut changed)?;
    let (index, size, leaf, path, root) = changed.clone();
    let Some(tree) = TreeSize::new(size) else {
        return Ok(());
    };
    // A path does not bind the size: that of leaf 0 is the same in trees of 5 and of 6. The signed head binds it.
    let leads = index < size && root_of_path(index, size, leaf, &path) == Some(root);
    assert!(leads == (changed == valid) || size != valid.1);
    includes(
        &InclusionProof::new(LeafIndex::new(index), path),
        leaf,
        tree,
        root,
        leads,
    );
    Ok(())
}

fn changed_consistency(input: &mut Unstructured<'_>) -> Result<()> {
    let leaves = leaves(input)?;
    let old = input.int_in_range(1..=leaves.len())?;
    let proof = subproof(old, &leaves, true);
    let valid = (
        old as u64,
        leaves.len() as u64,
        tree_hash(&leaves[..old]),
        proof,
        tree_hash(&leaves),
    );
    let mut changed = valid.clone();
    change(input, &mut changed)?;
    let (old, new, old_root, proof, new_root) = changed.clone();
    let inside = (1..new).contains(&old);
    let leads = inside && roots_of(old, new, &proof, true, old_root) == Some((old_root, new_root));
    let (Some(old), Some(new)) = (TreeSize::new(old), TreeSize::new(new)) else {
        return Ok(());
    };
    let accepted = extends(&ConsistencyProof::new(proof), old, old_root, new, new_root);
    // From a tree to itself there is no proof to check.
    let itself =
        old == new && old_root == new_root && changed.3.is_empty() && old != TreeSize::EMPTY;
    assert_eq!(accepted, leads || itself);
    let same_sizes = (changed.0, changed.1) == (valid.0, valid.1);
    assert!(!same_sizes || accepted == (changed == valid));
    Ok(())
}

/// One fault, or none.
fn change(
    input: &mut Unstructured<'_>,
    parts: &mut (u64, u64, Hash, Vec<Hash>, Hash),
) -> Result<()> {
    let (first, second, known, path, root) = parts;
    let at = usize::from(input.arbitrary::<u8>()?) % (path.len() + 1);
    let bit: u8 = input.arbitrary()?;
    let flip = |hash: &mut Hash| hash[usize::from(bit / 8)] ^= 1 << (bit % 8);
    match input.int_in_range(0..=8)? {
        0 => {}
        1 => *first = number(input)?,
        2 => *second = number(input)?,
        3 => flip(known),
        4 => flip(root),
        5 if at < path.len() => flip(&mut path[at]),
        6 if at < path.len() => {
            path.remove(at);
        }
        7 if at < path.len() => path.swap(0, at),
        _ => {
            let more = path.get(at).copied().unwrap_or(*root);
            path.insert(at, more);
        }
    }
    Ok(())
}

/// RFC 6962 §2.1: the largest power of two smaller than `n`.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

fn split_leaves(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(split(leaves.len() as u64) as usize)
}

/// RFC 6962 §2.1.
fn tree_hash(leaves: &[Hash]) -> Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = split_leaves(leaves);
    rfc6962_node(&tree_hash(left), &tree_hash(right))
}

/// RFC 6962 §2.1.1.
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = split_leaves(leaves);
    let (mut hashes, sibling) = match index.checked_sub(left.len()) {
        None => (path(index, left), tree_hash(right)),
        Some(index) => (path(index, right), tree_hash(left)),
    };
    hashes.push(sibling);
    hashes
}

/// RFC 6962 §2.1.2.
fn subproof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole {
            Vec::new()
        } else {
            vec![tree_hash(leaves)]
        };
    }
    let (left, right) = split_leaves(leaves);
    let (mut hashes, sibling) = if old <= left.len() {
        (subproof(old, left, whole), tree_hash(right))
    } else {
        (subproof(old - left.len(), right, false), tree_hash(left))
    };
    hashes.push(sibling);
    hashes
}

/// §2.1.1 backwards: the root that a path leads to; `None` if it has another length than index and size ask for.
fn root_of_path(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, rest) = path.split_last()?;
    let middle = split(size);
    Some(match index.checked_sub(middle) {
        None => rfc6962_node(&root_of_path(index, middle, leaf, rest)?, sibling),
        Some(index) => rfc6962_node(sibling, &root_of_path(index, size - middle, leaf, rest)?),
    })
}

/// §2.1.2 backwards: the old and the new root; `known`: the old root where the proof leaves it out.
fn roots_of(old: u64, new: u64, proof: &[Hash], whole: bool, known: Hash) -> Option<(Hash, Hash)> {
    if old == new {
        return match (whole, proof) {
            (true, []) => Some((known, known)),
            (false, [root]) => Some((*root, *root)),
            _ => None,
        };
    }
    let (sibling, rest) = proof.split_last()?;
    let middle = split(new);
    if old <= middle {
        let (a, b) = roots_of(old, middle, rest, whole, known)?;
        Some((a, rfc6962_node(&b, sibling)))
    } else {
        let (a, b) = roots_of(old - middle, new - middle, rest, false, known)?;
        Some((rfc6962_node(sibling, &a), rfc6962_node(sibling, &b)))
    }
}
