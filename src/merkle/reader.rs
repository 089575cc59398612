//! Hashes of subtrees, out of tiles that somebody keeps.

use std::borrow::Cow;
use std::ops::Range;

use super::hash::TreeHash;
use super::tile::{TILE_HEIGHT, TILE_WIDTH, Tile};

/// Whoever keeps tiles.
pub trait TileReader {
    /// How reading fails.
    type Failure: std::error::Error + 'static;

    /// The hashes of a tile from its first on, at least as many as it is asked for; fewer, or
    /// none, when it has not got them.
    fn read_tile(&self, tile: Tile) -> Result<Cow<'_, [TreeHash]>, Self::Failure>;
}

/// Why a hash could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError<F: std::error::Error + 'static> {
    /// The reader failed.
    #[error("reading {}", .tile.path())]
    Failed {
        /// The tile that it was asked for.
        tile: Tile,
        /// How.
        #[source]
        source: F,
    },
    /// The tile is missing, or has fewer hashes than the tree needs.
    #[error("{} has {hashes} hashes, and should have {}", .tile.path(), .tile.width())]
    TileShort {
        /// The tile that was asked for.
        tile: Tile,
        /// How many hashes there are.
        hashes: usize,
    },
}

/// The root that a tree had when it had so many leaves.
pub fn root_at<R: TileReader>(tiles: &R, size: u64) -> Result<TreeHash, ReadError<R::Failure>> {
    root_of_range(tiles, 0..size, size)
}

/// The root over a range of leaves in a tree of `size` leaves. The range begins where RFC 6962
/// splits, so it is complete subtrees, each at most half of the one before.
pub(super) fn root_of_range<R: TileReader>(
    tiles: &R,
    range: Range<u64>,
    size: u64,
) -> Result<TreeHash, ReadError<R::Failure>> {
    let peaks = peaks_of_range(tiles, range, size)?;
    let smallest_first = peaks.into_iter().rev();
    let root = smallest_first.reduce(|right, left| TreeHash::of_node(left, right));
    Ok(root.unwrap_or_else(TreeHash::of_empty_tree))
}

/// The roots of the complete subtrees of such a range, the largest first.
pub(super) fn peaks_of_range<R: TileReader>(
    tiles: &R,
    range: Range<u64>,
    size: u64,
) -> Result<Vec<TreeHash>, ReadError<R::Failure>> {
    let mut peaks = Vec::new();
    let mut next = range.start;
    while let Some(height) = (range.end - next).checked_ilog2() {
        peaks.push(complete_subtree(tiles, height, next >> height, size)?);
        next += 1 << height;
    }
    Ok(peaks)
}

/// The root of one complete subtree: the `index`th of its height.
fn complete_subtree<R: TileReader>(
    tiles: &R,
    height: u32,
    index: u64,
    size: u64,
) -> Result<TreeHash, ReadError<R::Failure>> {
    let (levels, within) = (height / u32::from(TILE_HEIGHT), height % u32::from(TILE_HEIGHT));
    let level = u8::try_from(levels).expect("a height is below 64");
    // On its level the subtree is 2^within hashes, all in one tile.
    let (first, count) = (index << within, 1 << within);
    let tile = Tile::of_tree(level, first / TILE_WIDTH, size)
        .expect("a complete subtree of the tree has its hashes in a tile of the tree");
    let hashes = tiles.read_tile(tile).map_err(|source| ReadError::Failed { tile, source })?;
    let row = usize::try_from(first % TILE_WIDTH)
        .ok()
        .and_then(|offset| hashes.get(offset..)?.get(..count))
        .ok_or(ReadError::TileShort { tile, hashes: hashes.len() })?;
    Ok(fold_complete(row))
}

/// The root over a power of two of hashes.
fn fold_complete(row: &[TreeHash]) -> TreeHash {
    if let [hash] = row {
        return *hash;
    }
    let (left, right) = row.split_at(row.len() / 2);
    TreeHash::of_node(fold_complete(left), fold_complete(right))
}
