//! Tiles: the hashes of a tree in portions of 256, as `tlog-tiles` cuts and names them.
//!
//! Level 0 has the hashes of the leaves. Each hash of a higher level is the root over one full tile
//! of the level below. What is full never changes; only the last tile of a level is partial.

use std::fmt::Write as _;

/// Heights of the tree that one level of tiles takes in.
pub(super) const TILE_HEIGHT: u8 = 8;
/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;
/// Levels that a tree of 2^64 leaves would need.
const LEVELS_MAX: u8 = 8;

/// Names one tile, full or partial.
///
/// Invariant: `width` is 1 to [`TILE_WIDTH`], `level` below 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u64,
}

impl Tile {
    /// The tile with this number on its level, in a tree of so many leaves. None when the tree has
    /// no hash there.
    pub fn of_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        let on_level = hashes_on_level(level, size);
        let first = index.checked_mul(TILE_WIDTH)?;
        let width = on_level.checked_sub(first)?.min(TILE_WIDTH);
        (width > 0).then_some(Self { level, index, width })
    }

    /// Every partial tile of a tree of so many leaves, lowest level first.
    pub fn partial_of_tree(size: u64) -> impl Iterator<Item = Self> {
        (0..LEVELS_MAX).filter_map(move |level| {
            let index = hashes_on_level(level, size) / TILE_WIDTH;
            Self::of_tree(level, index, size)
        })
    }

    /// The level, 0 for the hashes of leaves.
    pub const fn level(self) -> u8 {
        self.level
    }

    /// The number on its level, from 0.
    pub const fn index(self) -> u64 {
        self.index
    }

    /// How many hashes it has.
    pub const fn width(self) -> u64 {
        self.width
    }

    /// Where it lies under the prefix of a log, such as `tile/0/x001/234.p/5`.
    pub fn path(self) -> String {
        format!("tile/{}/{}", self.level, self.number())
    }

    /// Where the entries lie whose hashes a tile of level 0 has, such as
    /// `tile/entries/x001/234.p/5`.
    pub fn entries_path(self) -> String {
        format!("tile/entries/{}", self.number())
    }

    fn number(self) -> String {
        let Self { index, width, .. } = self;
        let mut groups = vec![format!("{:03}", index % 1000)];
        let mut rest = index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        let mut number = groups.join("/");
        if width < TILE_WIDTH {
            write!(number, ".p/{width}").expect("a text takes what is written to it");
        }
        number
    }
}

/// What lies under the prefix of a log beside its checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TilePath {
    /// The hashes of a tile.
    Hashes(Tile),
    /// The entries whose hashes this tile of level 0 has.
    Entries(Tile),
}

impl TilePath {
    /// Reads a path below the prefix, such as `tile/0/x001/234.p/5`. None for everything that is not
    /// spelled as [`Tile::path`] and [`Tile::entries_path`] spell it.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, number) = path.strip_prefix("tile/")?.split_once('/')?;
        let (groups, width) = match number.split_once(".p/") {
            Some((groups, width)) => (groups, width.parse().ok()?),
            None => (number, TILE_WIDTH),
        };
        let mut index: u64 = 0;
        for group in groups.split('/') {
            let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            index = index.checked_mul(1000)?.checked_add(group)?;
        }
        let read = match level {
            "entries" => Self::Entries(Tile { level: 0, index, width }),
            level => Self::Hashes(Tile { level: level.parse().ok()?, index, width }),
        };
        // Whatever the reading let through is spelled otherwise, or is no tile.
        let Tile { level, width, .. } = read.tile();
        let is_tile = level < LEVELS_MAX && (1..=TILE_WIDTH).contains(&width);
        (is_tile && read.path() == path).then_some(read)
    }

    /// The path that is read back as this.
    pub fn path(self) -> String {
        match self {
            Self::Hashes(tile) => tile.path(),
            Self::Entries(tile) => tile.entries_path(),
        }
    }

    fn tile(self) -> Tile {
        match self {
            Self::Hashes(tile) | Self::Entries(tile) => tile,
        }
    }
}

/// Adds an entry to a bundle of entries. False, and nothing added, when it is longer than its 16-bit
/// length can say.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> bool {
    let Ok(length) = u16::try_from(entry.len()) else { return false };
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    true
}

/// Takes the first entry off a bundle of entries. None when it is at its end, or has been cut short.
pub fn take_entry<'b>(bundle: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, rest) = bundle.split_first_chunk()?;
    let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    *bundle = rest;
    Some(entry)
}

/// How many hashes a level has: one for each complete subtree of its height.
pub(super) fn hashes_on_level(level: u8, size: u64) -> u64 {
    size.checked_shr(u32::from(level) * u32::from(TILE_HEIGHT)).unwrap_or(0)
}
