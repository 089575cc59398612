//! The tree over the log in portions that never change: tiles of hashes, and bundles of the entries
//! under them.
//!
//! It must not know how they are named on the wire. Nothing beyond the published head is shown.

use super::Ledger;
use super::error::LedgerError;
use super::tree::leaf_of_item;
use crate::merkle::{Tile, TileReader as _, push_entry};

impl Ledger {
    /// The hashes of a tile. None when the log does not reach so far yet.
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LedgerError> {
        let Some(available) = self.available(tile) else { return Ok(None) };
        let width = usize::try_from(tile.width()).unwrap_or(usize::MAX);
        let hashes = self.shared().tree.read_tile(available)?;
        let hashes = hashes.get(..width);
        Ok(hashes.map(|hashes| hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()))
    }

    /// The entries under a tile of level 0, each with its length before it. None when the log does
    /// not reach so far yet.
    pub fn entries(&self, tile: Tile) -> Result<Option<Vec<u8>>, LedgerError> {
        if self.available(tile).is_none() {
            return Ok(None);
        }
        let first = tile.index().saturating_mul(crate::merkle::TILE_WIDTH);
        let mut bundle = Vec::new();
        for item in self.shared().reader.forward(first, first.saturating_add(tile.width())) {
            let leaf = leaf_of_item(item)?;
            let fits = push_entry(&mut bundle, &leaf);
            debug_assert!(fits, "a leaf is at most 218 bytes");
        }
        Ok(Some(bundle))
    }

    /// The tile as it is at the published head, which has what was asked for and maybe more.
    fn available(&self, tile: Tile) -> Option<Tile> {
        let size = self.head().borrow().record_count;
        let available = Tile::of_tree(tile.level(), tile.index(), size)?;
        (available.width() >= tile.width()).then_some(available)
    }
}
