//! Where hashes and entries of a log are found: C2SP tlog-tiles coordinates and paths.
//!
//! | Resource | Path | Content |
//! |---|---|---|
//! | hash tile | `tile/<L>/<N>[.p/<W>]` | `W` hashes of 32 bytes |
//! | entry bundle | `tile/entries/<N>[.p/<W>]` | `W` entries, see [`super::bundle`] |
//!
//! `<N>` is written in groups of three digits, each but the last with an `x` before it: 1234067 is
//! `x001/x234/067`. Hash `i` of tile `n` at level `l` is the root over the leaves
//! `[(256n + i)·256^l, (256n + i + 1)·256^l)`: only complete subtrees are kept, every eighth level of the tree.

use alloc::{format, string::String, vec::Vec};

use super::{decimal, tree::TreeSize};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Levels of the tree that one tile spans: `256 = 2^8`.
pub const TILE_HEIGHT: u8 = 8;
/// Levels of tiles that sizes up to 2^63 − 1 have: `0..=7`.
pub const TILE_LEVEL_MAX: u8 = 7;

/// One hash tile, as far as it is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u16,
}

/// One entry bundle, as far as it is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bundle {
    index: u64,
    width: u16,
}

/// What a path under `tile/` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TilePath {
    /// A hash tile.
    Hashes(Tile),
    /// An entry bundle.
    Entries(Bundle),
}

/// Why text is not a path of C2SP tlog-tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TilePathError {
    /// Not `tile/<L>/…` or `tile/entries/…`.
    #[error("not the path of a tile: expected `tile/<level>/…` or `tile/entries/…`")]
    Shape,
    /// A level that no log has, or not written as a plain decimal.
    #[error("not a tile level: expected 0 to 7 without leading zero")]
    Level,
    /// Not groups of three digits, or beyond any tree.
    #[error("not a tile index: expected groups of three digits as in `x001/x234/067`")]
    Index,
    /// A partial width outside `1..=255`, or not written as a plain decimal.
    #[error("not a partial width: expected 1 to 255 without leading zero")]
    Width,
}

impl Tile {
    /// The tile `index` of `level` as a tree of `size` fills it; `None` if it holds nothing of that tree.
    #[must_use]
    pub fn of(level: u8, index: u64, size: TreeSize) -> Option<Self> {
        let width = filled(level, index, size)?;
        Some(Self {
            level,
            index,
            width,
        })
    }

    /// The level: `0..=7`, 0 over the leaves.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The zero-based position in its level.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Hashes in it: `1..=256`.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// 256 hashes: it never changes again.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile with 256 hashes: where a reader looks when the partial one is gone.
    #[must_use]
    pub const fn full(&self) -> Self {
        Self {
            level: self.level,
            index: self.index,
            width: TILE_WIDTH,
        }
    }

    /// The tree of `size` fills this tile at least this far.
    #[must_use]
    pub fn fits(&self, size: TreeSize) -> bool {
        filled(self.level, self.index, size).is_some_and(|width| self.width <= width)
    }

    /// `tile/<L>/<N>[.p/<W>]`.
    #[must_use]
    pub fn path(&self) -> String {
        format!(
            "tile/{}/{}",
            self.level,
            encode_index(self.index, self.width)
        )
    }

    /// The tiles that a tree of `size` has, level by level; of each level the full ones, then the partial
    /// one, if there is one. About `size / 255` of them.
    pub fn all(size: TreeSize) -> impl Iterator<Item = Self> {
        (0..=TILE_LEVEL_MAX).flat_map(move |level| {
            let hashes = hashes_at(level, size);
            (0..hashes.div_ceil(u64::from(TILE_WIDTH)))
                .filter_map(move |index| Self::of(level, index, size))
        })
    }

    /// The tiles that a tree of `new` has and a tree of `old` did not, in the order of [`Self::all`]: what a
    /// log must add when it grows. Empty if `new` is not larger.
    pub fn added(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Self> {
        (0..=TILE_LEVEL_MAX).flat_map(move |level| {
            let before = hashes_at(level, old);
            let after = hashes_at(level, new);
            let width = u64::from(TILE_WIDTH);
            let range = if before < after {
                before / width..after.div_ceil(width)
            } else {
                0..0
            };
            range.filter_map(move |index| Self::of(level, index, new))
        })
    }
}

impl Bundle {
    /// The bundle `index` as a tree of `size` fills it; `None` if it holds nothing of that tree.
    #[must_use]
    pub fn of(index: u64, size: TreeSize) -> Option<Self> {
        let width = filled(0, index, size)?;
        Some(Self { index, width })
    }

    /// The zero-based position: its first entry is `256 × index`.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Entries in it: `1..=256`.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// The tree of `size` fills this bundle at least this far.
    #[must_use]
    pub fn fits(&self, size: TreeSize) -> bool {
        filled(0, self.index, size).is_some_and(|width| self.width <= width)
    }

    /// `tile/entries/<N>[.p/<W>]`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("tile/entries/{}", encode_index(self.index, self.width))
    }

    /// The bundles of a tree of `size`: the full ones, then the partial one, if there is one.
    pub fn all(size: TreeSize) -> impl Iterator<Item = Self> {
        let bundles = size.entries().div_ceil(u64::from(TILE_WIDTH));
        (0..bundles).filter_map(move |index| Self::of(index, size))
    }
}

impl TilePath {
    /// Reads a path without leading slash. What it names may not exist: ask [`Tile::fits`] or
    /// [`Bundle::fits`].
    ///
    /// # Errors
    /// [`TilePathError`], in the order of its variants.
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        let rest = path.strip_prefix("tile/").ok_or(TilePathError::Shape)?;
        let (kind, place) = rest.split_once('/').ok_or(TilePathError::Shape)?;
        if kind == "entries" {
            let (index, width) = parse_index(place)?;
            let exists = index <= TreeSize::MAX.entries() >> TILE_HEIGHT;
            return if exists {
                Ok(Self::Entries(Bundle { index, width }))
            } else {
                Err(TilePathError::Index)
            };
        }
        let level = decimal::parse(kind)
            .and_then(|level| u8::try_from(level).ok())
            .filter(|level| *level <= TILE_LEVEL_MAX)
            .ok_or(TilePathError::Level)?;
        let (index, width) = parse_index(place)?;
        if index > hashes_at(level, TreeSize::MAX) >> TILE_HEIGHT {
            return Err(TilePathError::Index);
        }
        Ok(Self::Hashes(Tile {
            level,
            index,
            width,
        }))
    }

    /// The path that [`Self::parse`] reads.
    #[must_use]
    pub fn encode(&self) -> String {
        match self {
            Self::Hashes(tile) => tile.path(),
            Self::Entries(bundle) => bundle.path(),
        }
    }
}

/// How many hashes the tiles of a level hold: one per complete subtree of `256^level` leaves.
fn hashes_at(level: u8, size: TreeSize) -> u64 {
    let height = u32::from(level).saturating_mul(u32::from(TILE_HEIGHT));
    size.entries().checked_shr(height).unwrap_or(0)
}

/// How far a tree of `size` fills a tile; `None` if not at all.
fn filled(level: u8, index: u64, size: TreeSize) -> Option<u16> {
    let before = index.checked_mul(u64::from(TILE_WIDTH))?;
    let here = hashes_at(level, size).checked_sub(before)?;
    let width = u16::try_from(here.min(u64::from(TILE_WIDTH))).ok()?;
    (width > 0).then_some(width)
}

/// `x001/x234/067`, and `.p/<W>` unless full.
fn encode_index(index: u64, width: u16) -> String {
    let mut groups = Vec::new();
    let mut rest = index;
    loop {
        groups.push(rest % 1000);
        rest /= 1000;
        if rest == 0 {
            break;
        }
    }
    let mut path = String::new();
    for (place, group) in groups.iter().enumerate().rev() {
        path.push_str(&if place == 0 {
            format!("{group:03}")
        } else {
            format!("x{group:03}/")
        });
    }
    if width < TILE_WIDTH {
        path.push_str(&format!(".p/{width}"));
    }
    path
}

fn parse_index(place: &str) -> Result<(u64, u16), TilePathError> {
    let (groups, width) = match place.split_once(".p/") {
        None => (place, TILE_WIDTH),
        Some((groups, width)) => {
            let width = decimal::parse(width)
                .and_then(|width| u16::try_from(width).ok())
                .filter(|width| (1..TILE_WIDTH).contains(width))
                .ok_or(TilePathError::Width)?;
            (groups, width)
        }
    };
    let mut index: u64 = 0;
    let (leading, last) = groups
        .rsplit_once('/')
        .map_or((None, groups), |(leading, last)| (Some(leading), last));
    let leading = leading.into_iter().flat_map(|leading| leading.split('/'));
    let digits = leading.map(|group| group.strip_prefix('x').unwrap_or(""));
    for group in digits.chain([last]) {
        let three = group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit());
        let group: u64 = three
            .then(|| group.parse().ok())
            .flatten()
            .ok_or(TilePathError::Index)?;
        index = index
            .checked_mul(1000)
            .and_then(|index| index.checked_add(group))
            .ok_or(TilePathError::Index)?;
    }
    // One spelling per index: no leading group of zeros.
    if encode_index(index, TILE_WIDTH) != groups {
        return Err(TilePathError::Index);
    }
    Ok((index, width))
}

#[cfg(test)]
mod tests {
    use alloc::{string::ToString as _, vec};

    use super::*;

    fn size(entries: u64) -> TreeSize {
        TreeSize::new(entries).unwrap()
    }

    #[test]
    fn paths_are_those_of_tlog_tiles() {
        for (index, width, path) in [
            (0, 256, "tile/entries/000"),
            (0, 1, "tile/entries/000.p/1"),
            (999, 256, "tile/entries/999"),
            (1000, 256, "tile/entries/x001/000"),
            (1_234_067, 256, "tile/entries/x001/x234/067"),
            (1_234_067, 255, "tile/entries/x001/x234/067.p/255"),
        ] {
            let bundle = Bundle { index, width };
            assert_eq!(bundle.path(), path);
            assert_eq!(TilePath::parse(path), Ok(TilePath::Entries(bundle)));
        }
        let tile = Tile {
            level: 6,
            index: 3,
            width: 9,
        };
        assert_eq!(tile.path(), "tile/6/003.p/9");
        assert_eq!(
            TilePath::parse("tile/6/003.p/9"),
            Ok(TilePath::Hashes(tile))
        );
    }

    #[test]
    fn a_path_has_one_spelling() {
        use TilePathError::{Index, Level, Shape, Width};
        for (path, error) in [
            ("", Shape),
            ("tile", Shape),
            ("/tile/0/000", Shape),
            ("tile/0", Shape),
            ("tiles/0/000", Shape),
            ("tile//000", Level),
            ("tile/00/000", Level),
            ("tile/8/000", Level),
            ("tile/+1/000", Level),
            ("tile/data/000", Level),
            ("tile/0/", Index),
            ("tile/0/0", Index),
            ("tile/0/0000", Index),
            ("tile/0/x000/001", Index),
            ("tile/0/001/002", Index),
            ("tile/0/x001/x002", Index),
            ("tile/0/x001//002", Index),
            ("tile/0/x1/002", Index),
            ("tile/0/+01", Index),
            ("tile/0/000/", Index),
            ("tile/0/000/../001", Index),
            ("tile/entries/x999/x999/x999/x999/x999/x999/x999/999", Index),
            // Within u64, but in no tree of fewer than 2^63 entries.
            ("tile/entries/x036/x028/x797/x018/x963/968", Index),
            ("tile/7/001", Index),
            ("tile/0/000.p/0", Width),
            ("tile/0/000.p/256", Width),
            ("tile/0/000.p/01", Width),
            ("tile/0/000.p/", Width),
            ("tile/0/000.p/1/", Width),
            ("tile/0/000.p/1.p/1", Width),
        ] {
            assert_eq!(TilePath::parse(path), Err(error), "{path:?}");
        }
    }

    #[test]
    fn every_tile_of_a_tree_reads_back() {
        for entries in [1, 255, 256, 257, 70_000] {
            for tile in Tile::all(size(entries)) {
                assert_eq!(TilePath::parse(&tile.path()), Ok(TilePath::Hashes(tile)));
                assert!(tile.fits(size(entries)));
            }
            for bundle in Bundle::all(size(entries)) {
                assert_eq!(
                    TilePath::parse(&bundle.path()),
                    Ok(TilePath::Entries(bundle))
                );
                assert!(bundle.fits(size(entries)));
            }
        }
    }

    #[test]
    fn seventy_thousand_entries_have_the_tiles_of_the_standard() {
        // C2SP tlog-tiles' own example: 273 full and one of 112, one full and one of 17, one of 1.
        let tiles: Vec<_> = Tile::all(size(70_000)).collect();
        let shape = |level| {
            let here: Vec<_> = tiles.iter().filter(|tile| tile.level == level).collect();
            let full = here.iter().filter(|tile| tile.is_full()).count();
            let partial: Vec<_> = here
                .iter()
                .filter(|tile| !tile.is_full())
                .map(|tile| tile.width)
                .collect();
            (full, partial)
        };
        assert_eq!(shape(0), (273, vec![112]));
        assert_eq!(shape(1), (1, vec![17]));
        assert_eq!(shape(2), (0, vec![1]));
        assert_eq!(shape(3), (0, vec![]));
        assert_eq!(Tile::all(TreeSize::EMPTY).count(), 0);
        assert_eq!(Bundle::all(size(70_000)).count(), 274);
    }

    #[test]
    fn growth_adds_exactly_the_tiles_that_were_not_there() {
        for (old, new) in [
            (0, 1),
            (1, 2),
            (250, 260),
            (255, 256),
            (256, 256),
            (65_530, 65_540),
        ] {
            let (old, new) = (size(old), size(new));
            let before: Vec<_> = Tile::all(old).collect();
            let expected: Vec<_> = Tile::all(new)
                .filter(|tile| !before.contains(tile))
                .collect();
            assert_eq!(Tile::added(old, new).collect::<Vec<_>>(), expected);
        }
        assert_eq!(Tile::added(size(9), size(3)).count(), 0);
    }

    #[test]
    fn a_tile_wider_than_the_tree_does_not_fit() {
        let tile = Tile::of(0, 1, size(300)).unwrap();
        assert_eq!(tile.width(), 44);
        assert!(tile.fits(size(300)));
        assert!(!tile.fits(size(299)));
        assert!(!tile.full().fits(size(511)));
        assert!(tile.full().fits(size(512)));
        assert_eq!(Tile::of(0, 2, size(512)), None);
        assert_eq!(Tile::of(0, u64::MAX, size(512)), None);
        assert_eq!(Tile::of(200, 0, TreeSize::MAX), None);
        assert_eq!(
            TilePathError::Level.to_string(),
            "not a tile level: expected 0 to 7 without leading zero"
        );
    }
}
