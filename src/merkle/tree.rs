//! A growing tree that hands out its tiles as they fill, and one that keeps them in memory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;

use super::frontier::Frontier;
use super::hash::TreeHash;
use super::reader::{ReadError, TileReader, peaks_of_range};
use super::tile::{TILE_HEIGHT, TILE_WIDTH, Tile, hashes_on_level};

/// The frontier and the partial tiles of a tree: all that is needed to go on with it.
///
/// Appending costs the hash of the leaf, one of a node on average, and 32 bytes of a tile. Only full
/// tiles have to be stored; the partial ones are at most 255 hashes a level, and those of level 0 can
/// be taken from the log again.
///
/// Invariant: `tails` has, for each level, the hashes after its last full tile.
#[derive(Debug, Clone, Default)]
pub struct TiledTree {
    frontier: Frontier,
    tails: Vec<Vec<TreeHash>>,
}

impl TiledTree {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self { frontier: Frontier::new(), tails: Vec::new() }
    }

    /// Takes a tree of `size` leaves up from its stored tiles.
    pub fn resume<R: TileReader>(tiles: &R, size: u64) -> Result<Self, ReadError<R::Failure>> {
        let peaks = peaks_of_range(tiles, 0..size, size)?;
        let frontier = Frontier::from_peaks(size, peaks).expect("a peak for each bit of the size");
        let mut tails = Vec::new();
        for tile in Tile::partial_of_tree(size) {
            let hashes =
                tiles.read_tile(tile).map_err(|source| ReadError::Failed { tile, source })?;
            let width = usize::try_from(tile.width()).ok();
            let tail = width
                .and_then(|width| hashes.get(..width))
                .ok_or(ReadError::TileShort { tile, hashes: hashes.len() })?;
            tails.resize(usize::from(tile.level()), Vec::new());
            tails.push(tail.to_vec());
        }
        Ok(Self { frontier, tails })
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The root of the tree.
    pub fn root(&self) -> TreeHash {
        self.frontier.root()
    }

    /// Adds the hash of the next leaf, and hands out every tile that it fills, lowest level first.
    pub fn append(&mut self, leaf: TreeHash, mut filled: impl FnMut(Tile, Vec<TreeHash>)) {
        let Self { frontier, tails } = self;
        let size_after = frontier.size() + 1;
        frontier.append(leaf, |height, subtree| {
            if height % TILE_HEIGHT != 0 {
                return;
            }
            let level = height / TILE_HEIGHT;
            if tails.len() <= usize::from(level) {
                tails.push(Vec::new());
            }
            let tail = tails.get_mut(usize::from(level)).expect("levels come one after another");
            tail.push(subtree);
            let on_level = hashes_on_level(level, size_after);
            if on_level.is_multiple_of(TILE_WIDTH) {
                let tile = Tile::of_tree(level, on_level / TILE_WIDTH - 1, size_after)
                    .expect("the tile was just filled");
                filled(tile, std::mem::take(tail));
            }
        });
    }

    /// The hashes of a tile that is not full yet. None for one that was handed out, or lies beyond.
    pub fn partial(&self, tile: Tile) -> Option<&[TreeHash]> {
        let full = hashes_on_level(tile.level(), self.size()) / TILE_WIDTH;
        (tile.index() == full).then(|| self.tail(tile.level()))
    }

    /// The hashes of a level after its last full tile. May be empty.
    pub fn tail(&self, level: u8) -> &[TreeHash] {
        self.tails.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }
}

/// A tree with all its tiles in memory: 32 bytes a leaf, and a little.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    tree: TiledTree,
    full: BTreeMap<(u8, u64), Vec<TreeHash>>,
}

impl MemoryTree {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self { tree: TiledTree::new(), full: BTreeMap::new() }
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root of the tree.
    pub fn root(&self) -> TreeHash {
        self.tree.root()
    }

    /// Adds the hash of the next leaf.
    pub fn append(&mut self, leaf: TreeHash) {
        let Self { tree, full } = self;
        tree.append(leaf, |tile, hashes| {
            full.insert((tile.level(), tile.index()), hashes);
        });
    }
}

impl TileReader for MemoryTree {
    type Failure = Infallible;

    fn read_tile(&self, tile: Tile) -> Result<Cow<'_, [TreeHash]>, Infallible> {
        if let Some(hashes) = self.full.get(&(tile.level(), tile.index())) {
            return Ok(Cow::Borrowed(hashes));
        }
        Ok(Cow::Borrowed(self.tree.partial(tile).unwrap_or_default()))
    }
}
