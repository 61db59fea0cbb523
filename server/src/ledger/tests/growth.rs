//! LG-6: an append costs the same at any size, and no list of leaves is kept.

use agentsigna_verifier::log::{
    consistency::ConsistencyProof,
    frontier::Frontier,
    prove::{prove_consistency, prove_inclusion},
    tree::{LeafHash, LeafIndex, TreeSize},
};

use super::{
    super::{edge::EdgeReader, *},
    org::Org,
    support::{House, PATIENCE, check_committed, check_extends, check_head, send, shut},
};

/// Entries of the large log.
const ENTRIES: u64 = 100_000;
/// Tiles an edge may hold: an open one per level, and those just completed.
const OPEN_MAX: usize = 8;
const RECENT_MAX: usize = 64;

/// 10^5 entries: all heads extend each other, all proofs lead to them, and what is in memory stays small.
#[test]
fn an_append_costs_the_same_at_any_size() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let tenant = org.tenant.clone();
    let mut heads = vec![check_head(&tenant, &tenant.head())];
    while tenant.head().tree().size().entries() < ENTRIES {
        // 64 changes of 8 entries wait for one another: as many as come together under load.
        let answers: Vec<_> = (0..64)
            .map(|_| {
                let mut change = org.failures(&ledger, 8);
                change.prove = Some(7);
                send(&ledger, Reading::of(&tenant), change).unwrap()
            })
            .collect();
        for (n, answer) in answers.into_iter().enumerate() {
            let committed = answer.recv_timeout(PATIENCE).unwrap().unwrap();
            // Each proof was checked by the sequencer; here a sample, from the bytes as a stranger gets them.
            if n == 0 {
                check_committed(&tenant, Some(7), &committed);
            }
        }
        let head = tenant.head();
        let (open, recent) = head.edge().tiles();
        assert!(open <= OPEN_MAX, "{open} open tiles");
        assert!(recent <= RECENT_MAX, "{recent} recent tiles");
        check_extends(&tenant, heads[heads.len() - 1], &head);
        heads.push(check_head(&tenant, &head));
    }
    // The same root from the entries on disk, counted by the verifier.
    let head = tenant.head();
    let size = head.tree().size();
    let mut frontier = Frontier::empty();
    let mut sampled = Vec::new();
    for entry in tenant.scope().entries(0..u64::MAX).unwrap() {
        let (index, bytes) = entry.unwrap();
        let leaf = LeafHash::of(&bytes);
        frontier.append(leaf).unwrap();
        if index % 997 == 0 || index + 1 == size.entries() {
            sampled.push((index, leaf));
        }
    }
    assert_eq!(frontier.head(), head.tree());
    let reader = head.reader(tenant.scope());
    for (index, leaf) in sampled {
        let path = prove_inclusion(LeafIndex::new(index), size, &reader).unwrap();
        path.check(leaf, &head.tree()).unwrap();
    }
    for old in heads.iter().step_by(17) {
        let proof: ConsistencyProof = prove_consistency(old.size(), size, &reader).unwrap();
        proof.check(old, &head.tree()).unwrap();
    }
    let tree = head.tree();
    drop((org, head, tenant));
    let ledger = house.reopen(ledger);
    assert_eq!(ledger.tenant("one").unwrap().head().tree(), tree);
    shut(ledger);
}

/// One inner node per leaf, at the end as at the beginning, and none to prove a leaf of an open tile.
#[test]
fn hashing_does_not_grow_with_the_log() {
    let mut edge = edge::Edge::default();
    let mut frontier = Frontier::empty();
    for window in 0..ENTRIES / 512 {
        let before = edge::nodes_made();
        for n in 0..512_u64 {
            let leaf = LeafHash::of(&(window * 512 + n).to_be_bytes());
            edge.append(leaf);
            frontier.append(leaf).unwrap();
        }
        let made = edge::nodes_made() - before;
        assert!(
            (510..=530).contains(&made),
            "{made} inner nodes for 512 leaves"
        );
        let (open, recent) = edge.tiles();
        assert!(open <= OPEN_MAX && recent <= RECENT_MAX);
    }
    assert_eq!(edge.tiles(), (3, RECENT_MAX));
}

/// A proof is made in the batch that completes its tile, or two levels of tiles, before any of it is on disk.
/// LG-14: the proofs that edge and frontier must agree on.
#[test]
fn tiles_that_fill_up_within_a_batch_are_found() {
    let house = House::new();
    let ledger = house.open();
    let mut org = Org::found(&ledger, "one", 10);
    let tenant = org.tenant.clone();
    let mut size = 1;
    // Every way to meet the end of a tile: short of it, on it, over it, over several.
    for events in [
        254, 1, 1, 254, 2, 255, 256, 257, 511, 512, 513, 1, 1023, 2048,
    ] {
        for prove in [0, events / 2, events - 1] {
            let mut change = org.failures(&ledger, events);
            change.prove = Some(prove);
            let answer = send(&ledger, Reading::of(&tenant), change).unwrap();
            let committed = answer.recv_timeout(PATIENCE).unwrap().unwrap();
            check_committed(&tenant, Some(prove), &committed);
            size += u64::try_from(events).unwrap();
            assert_eq!(committed.head.tree().size().entries(), size);
        }
    }
    // Several changes in one batch, each proven under the head of them all.
    house.gate.hold();
    let answers: Vec<_> = (0..40)
        .map(|_| {
            let mut change = org.failures(&ledger, 100);
            change.prove = Some(3);
            send(&ledger, Reading::of(&tenant), change).unwrap()
        })
        .collect();
    house.gate.release();
    for answer in answers {
        let committed = answer.recv_timeout(PATIENCE).unwrap().unwrap();
        check_committed(&tenant, Some(3), &committed);
    }
    fsck(&tenant, |_, _| {}).unwrap();
    shut(ledger);
}

/// The edge put together from disk is the one that grew: same tiles, same hashes, at the sizes where it matters.
#[test]
fn the_edge_from_disk_is_the_one_that_grew() {
    let house = House::new();
    let mut ledger = house.open();
    drop(Org::found(&ledger, "one", 10));
    for size in [2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537] {
        let tenant = ledger.tenant("one").unwrap();
        let mut org = Org::of(tenant.clone(), 10);
        loop {
            let missing = size - tenant.head().tree().size().entries();
            if missing == 0 {
                break;
            }
            let events = usize::try_from(missing.min(4096)).unwrap();
            let change = org.failures(&ledger, events);
            super::support::settle(&ledger, &tenant, change);
        }
        let grown = tenant.head();
        let loaded = edge::Edge::load(TreeSize::new(size).unwrap(), tenant.scope()).unwrap();
        assert!(loaded.is_same_tree_as(grown.edge()), "at {size}");
        let reader = EdgeReader {
            edge: &loaded,
            scope: tenant.scope(),
        };
        let path = prove_inclusion(LeafIndex::new(size / 2), grown.tree().size(), &reader).unwrap();
        let leaf = LeafHash::of(&tenant.entry_bytes(size / 2).unwrap());
        path.check(leaf, &grown.tree()).unwrap();
        let tree = grown.tree();
        drop((org, tenant, grown));
        ledger = house.reopen(ledger);
        assert_eq!(ledger.tenant("one").unwrap().head().tree(), tree);
    }
    shut(ledger);
}
