//! Tiles: paths and entry bundles are written again as they were read, and a path that fits a tree is one of its paths.
#![no_main]

use agentsigna_verifier::{
    limits::ENTRY_BYTES_MAX,
    log::{
        bundle::{encode_entries, parse_entries},
        tile::{Bundle, TILE_LEVEL_MAX, TILE_WIDTH, Tile, TilePath},
        tree::TreeSize,
    },
};
use arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    bundle(data);
    if let Ok(text) = str::from_utf8(data) {
        path(text);
    }
    let mut input = Unstructured::new(data);
    if let (Ok(level), Ok(index), Ok(size)) =
        (input.arbitrary(), input.arbitrary(), input.arbitrary())
    {
        numbers(level, index, size);
    }
});

fn path(text: &str) {
    let Ok(path) = TilePath::parse(text) else {
        return;
    };
    assert_eq!(path.encode(), text);
    let width = match path {
        TilePath::Hashes(tile) => {
            assert!(tile.level() <= TILE_LEVEL_MAX);
            // A full tile of the largest tree or beyond its edge: what fits is what the tree would name.
            let named = Tile::of(tile.level(), tile.index(), TreeSize::MAX);
            assert_eq!(
                tile.fits(TreeSize::MAX),
                named.is_some_and(|named| tile.width() <= named.width())
            );
            assert_eq!(tile.is_full(), tile.full() == tile);
            tile.width()
        }
        TilePath::Entries(bundle) => {
            let named = Bundle::of(bundle.index(), TreeSize::MAX);
            assert_eq!(
                bundle.fits(TreeSize::MAX),
                named.is_some_and(|named| bundle.width() <= named.width())
            );
            bundle.width()
        }
    };
    assert!((1..=TILE_WIDTH).contains(&width));
}

fn numbers(level: u8, index: u64, size: u64) {
    let Some(size) = TreeSize::new(size) else {
        return;
    };
    // Indices near the edge of the tree are the ones that matter.
    let hashes = size
        .entries()
        .checked_shr(8 * u32::from(level))
        .unwrap_or_default();
    for index in [index, hashes >> 8, (hashes >> 8).saturating_sub(1)] {
        let below = u128::from(index) * 256;
        let expected = u128::from(hashes).saturating_sub(below).min(256);
        let tile = Tile::of(level, index, size);
        assert_eq!(tile.map_or(0, |tile| u128::from(tile.width())), expected);
        if let Some(tile) = tile {
            assert!(tile.fits(size));
            assert_eq!(TilePath::parse(&tile.path()), Ok(TilePath::Hashes(tile)));
        }
        let bundle = Bundle::of(index, size);
        let expected = u128::from(size.entries()).saturating_sub(below).min(256);
        assert_eq!(
            bundle.map_or(0, |bundle| u128::from(bundle.width())),
            expected
        );
        if let Some(bundle) = bundle {
            assert!(bundle.fits(size));
            assert_eq!(
                TilePath::parse(&bundle.path()),
                Ok(TilePath::Entries(bundle))
            );
        }
    }
    // Every tile of a small tree, once.
    if size.entries() < 2000 {
        let all: Vec<Tile> = Tile::all(size).collect();
        assert!(
            all.iter()
                .all(|tile| Tile::of(tile.level(), tile.index(), size) == Some(*tile))
        );
        let mut unique = all.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), all.len());
        let leaves: u64 = all
            .iter()
            .filter(|tile| tile.level() == 0)
            .map(|tile| u64::from(tile.width()))
            .sum();
        assert_eq!(leaves, size.entries());
    }
}

/// The first byte is the width, less one; or the bytes say how many entries they are.
fn bundle(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else {
        return;
    };
    let count = count(data)
        .and_then(|count| u16::try_from(count).ok())
        .unwrap_or(1);
    for (width, bytes) in [(u16::from(*first) + 1, rest), (count, data)] {
        let Ok(entries) = parse_entries(bytes, width) else {
            continue;
        };
        assert_eq!(entries.len(), usize::from(width));
        assert!(entries.iter().all(|entry| entry.len() <= ENTRY_BYTES_MAX));
        assert_eq!(
            encode_entries(entries.iter().copied()).as_deref(),
            Ok(bytes)
        );
        assert!(
            parse_entries(bytes, width + 1).is_err() && parse_entries(bytes, width - 1).is_err()
        );
    }
}

/// How many entries the lengths say there are.
fn count(mut bytes: &[u8]) -> Option<usize> {
    let mut count = 0;
    while let Some((length, rest)) = bytes.split_first_chunk() {
        bytes = rest.get(usize::from(u16::from_be_bytes(*length))..)?;
        count += 1;
    }
    bytes.is_empty().then_some(count)
}
