//! The tree over the log, kept in step with it: one leaf a record, at the record's position.
//!
//! Full tiles are stored in the derived tree `merkle`: level (1 byte) and number on the level (8
//! bytes) → 256 hashes. What is not full is in memory. The mark is the last multiple of 256 whose
//! tiles are stored, so a start reads at most 255 records and what makes up the newest tiles of the
//! higher levels. Storing a tile costs no sync of its own: what a crash takes back is taken from the
//! log again.
//!
//! It must not know who asks for proofs, nor what is signed.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::Receiver;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::catch_up::LookedAt;
use super::error::{LedgerError, WithCauses};
use crate::log::{DerivedTree, LogError, LogReader};
use crate::merkle::{
    Frontier, ReadError, TILE_WIDTH, TREE_HASH_BYTES, Tile, TileReader, TiledTree, TreeHash,
    root_at,
};
use crate::wire::noted::Noted;
use crate::wire::{leaf, v1};

/// Name of the derived tree.
pub(super) const TILES: &str = "merkle";
/// Raise it when leaves or the way tiles are stored change; the tree is then rebuilt.
const TILES_VERSION: u32 = 1;
/// Tiles that are gathered before they are stored while catching up.
const CATCH_UP_TILES_MAX: usize = 256;
/// Batches whose roots are remembered.
const RECENT_ROOTS_MAX: usize = 64;

/// The tree, and where its full tiles are.
#[derive(Debug)]
pub(crate) struct KeptTree {
    tiles: DerivedTree,
    growing: RwLock<Growing>,
}

/// Invariant: every tile that the tree handed out is stored, or among those that are not.
#[derive(Debug, Default)]
struct Growing {
    tree: TiledTree,
    /// Full tiles that are not stored yet.
    unstored: BTreeMap<TileKey, Vec<TreeHash>>,
    /// Size and root after each of the last batches.
    recent: VecDeque<(u64, TreeHash)>,
}

type TileKey = (u8, u64);

/// The leaf's hash of a record and its stored bytes.
pub(super) fn leaf_hash(record: &v1::Record, stored: &[u8]) -> Result<TreeHash, LedgerError> {
    let position = record.position;
    let leaf = leaf::of_record(record, stored);
    let leaf = leaf.map_err(|source| LedgerError::Record { position, source })?;
    Ok(TreeHash::of_leaf(&leaf))
}

/// The full tiles that are stored, for whoever compares them.
#[derive(Debug, Clone)]
pub(crate) struct StoredTiles(DerivedTree);

impl StoredTiles {
    /// Those of a log that nobody serves. Tiles of another version are emptied, as at a start.
    pub(crate) fn open(reader: &LogReader) -> Result<Self, LedgerError> {
        Ok(Self(reader.derived(TILES, TILES_VERSION)?))
    }

    /// Records whose full tiles are stored.
    pub(crate) fn reached(&self) -> u64 {
        self.0.reached()
    }

    /// The hashes of a tile as they are stored; none when it is not there.
    pub(crate) fn read(&self, tile: Tile) -> Result<Vec<TreeHash>, LogError> {
        read_stored(&self.0, (tile.level(), tile.index()))
    }
}

/// What a tile is called.
pub(crate) fn tile_text(tile: Tile) -> String {
    format!("tile {} of level {}", tile.index(), tile.level())
}

impl KeptTree {
    /// The tiles that are stored.
    pub(crate) fn stored_tiles(&self) -> StoredTiles {
        StoredTiles(self.tiles.clone())
    }

    /// Takes the tree up where its stored tiles end. A tree that is missing or cannot be read is made
    /// anew; one that contradicts the log is refused.
    pub(super) fn take_up(reader: &LogReader) -> Result<Self, LedgerError> {
        let tiles = reader.derived(TILES, TILES_VERSION)?;
        let stored = tiles.reached();
        let taken_up = match check_newest_tile(&tiles, reader, stored)? {
            NewestTile::Fits => {
                resume(&tiles, stored).map_err(|error| WithCauses(&error).to_string())
            }
            NewestTile::Unreadable => Err("its newest tile is not whole".to_owned()),
        };
        let tree = match taken_up {
            Ok(tree) => tree,
            Err(reason) => {
                tracing::warn!(reason, "the kept tree cannot be read and is made anew");
                tiles.clear()?;
                TiledTree::new()
            }
        };
        let growing = RwLock::new(Growing { tree, ..Growing::default() });
        Ok(Self { tiles, growing })
    }

    /// Catches up with the log: first with what somebody else reads of it, then by itself.
    pub(super) fn catch_up(
        &self,
        reader: &LogReader,
        parts: Receiver<Vec<LookedAt>>,
    ) -> Result<(), LedgerError> {
        let (from, head) = (self.size(), reader.next_position());
        if head - from >= TILE_WIDTH {
            tracing::info!(tree = TILES, from, head, "the tree over the log is catching up");
        }
        for part in parts {
            for LookedAt { position, noted, stored } in part {
                debug_assert_eq!(position, self.size(), "the next one is handed on, and no other");
                self.take_in(leaf_hash_of_noted(position, &noted, &stored)?)?;
            }
        }
        for item in reader.forward(self.size(), head) {
            self.take_in(leaf_hash_of_item(item)?)?;
        }
        self.store()?;
        self.write().remember_root();
        Ok(())
    }

    fn take_in(&self, leaf: TreeHash) -> Result<(), LedgerError> {
        let mut growing = self.write();
        growing.append(leaf);
        let is_full = growing.unstored.len() >= CATCH_UP_TILES_MAX;
        drop(growing);
        if is_full { self.store() } else { Ok(()) }
    }

    /// Adds the leaves of records that are durable, and gives the root over all.
    pub(crate) fn grow(&self, leaves: &[TreeHash]) -> Result<TreeHash, LedgerError> {
        let mut growing = self.write();
        for leaf in leaves {
            growing.append(*leaf);
        }
        let root = growing.remember_root();
        drop(growing);
        self.store()?;
        Ok(root)
    }

    /// The root over everything.
    pub(crate) fn root(&self) -> TreeHash {
        self.read().tree.root()
    }

    /// The number of leaves.
    pub(crate) fn size(&self) -> u64 {
        self.read().tree.size()
    }

    /// The root after one of the last batches, at which answers that are under way still look.
    pub(crate) fn recent_root(&self, size: u64) -> Option<TreeHash> {
        let growing = self.read();
        let recent = growing.recent.iter().rev().find(|(at, _)| *at == size);
        recent.map(|(_, root)| *root)
    }

    /// The root as it was over the first so many records.
    pub(crate) fn root_at(&self, size: u64) -> Result<TreeHash, LedgerError> {
        Ok(root_at(self, size)?)
    }

    /// Stores the full tiles. They can be read all the while: from memory until they are stored.
    fn store(&self) -> Result<(), LedgerError> {
        let growing = self.read();
        let size = growing.tree.size();
        let encode = |(key, hashes): (&TileKey, &Vec<TreeHash>)| (tile_key(*key), encode(hashes));
        let puts: Vec<_> = growing.unstored.iter().map(encode).collect();
        drop(growing);
        if puts.is_empty() {
            return Ok(());
        }
        self.tiles.apply(puts, size - size % TILE_WIDTH)?;
        // Only whoever records a batch adds tiles, and is here.
        self.write().unstored.clear();
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Growing> {
        self.growing.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Growing> {
        self.growing.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Growing {
    fn append(&mut self, leaf: TreeHash) {
        let Self { tree, unstored, recent: _ } = self;
        tree.append(leaf, |tile, hashes| {
            unstored.insert((tile.level(), tile.index()), hashes);
        });
    }

    fn remember_root(&mut self) -> TreeHash {
        let root = self.tree.root();
        if self.recent.len() == RECENT_ROOTS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((self.tree.size(), root));
        root
    }
}

impl TileReader for KeptTree {
    type Failure = LogError;

    fn read_tile(&self, tile: Tile) -> Result<Cow<'_, [TreeHash]>, LogError> {
        let growing = self.read();
        let in_memory = growing.unstored.get(&(tile.level(), tile.index())).map(Vec::as_slice);
        if let Some(hashes) = in_memory.or_else(|| growing.tree.partial(tile)) {
            return Ok(Cow::Owned(hashes.to_vec()));
        }
        drop(growing);
        read_stored(&self.tiles, (tile.level(), tile.index())).map(Cow::Owned)
    }
}

/// Recomputes the newest stored tile of leaves from the log: a log that was changed under its tree,
/// or a tree that was changed over its log, shows there if it is recent.
fn check_newest_tile(
    tiles: &DerivedTree,
    reader: &LogReader,
    stored: u64,
) -> Result<NewestTile, LedgerError> {
    let Some(first) = stored.checked_sub(TILE_WIDTH) else { return Ok(NewestTile::Fits) };
    let kept = match read_stored(tiles, (0, first / TILE_WIDTH)) {
        Ok(kept) if kept.len() == tile_width() => kept,
        Ok(_) | Err(LogError::DerivedDamaged { .. }) => return Ok(NewestTile::Unreadable),
        Err(error) => return Err(error.into()),
    };
    let leaves = reader.forward(first, stored).map(leaf_hash_of_item);
    let computed: Vec<TreeHash> = leaves.collect::<Result<_, _>>()?;
    if kept != computed {
        return Err(LedgerError::TreeMismatch { first, last: stored - 1 });
    }
    Ok(NewestTile::Fits)
}

/// What became of the newest stored tile.
enum NewestTile {
    /// It is what the log gives, or there is none.
    Fits,
    /// It is missing, short or damaged.
    Unreadable,
}

/// A tree of so many leaves, a multiple of the width of a tile, from full tiles alone.
fn resume(tiles: &DerivedTree, size: u64) -> Result<TiledTree, ReadError<LogError>> {
    let mut partial = BTreeMap::new();
    for tile in Tile::partial_of_tree(size) {
        let children = tile.index() * TILE_WIDTH..tile.index() * TILE_WIDTH + tile.width();
        let hashes = children.map(|index| {
            let Some(below) = tile.level().checked_sub(1) else { return Ok(None) };
            let hashes = read_stored(tiles, (below, index))?;
            Ok((hashes.len() == tile_width()).then(|| root_of_tile(&hashes)))
        });
        let hashes: Result<Option<Vec<_>>, LogError> = hashes.collect();
        let hashes = hashes.map_err(|source| ReadError::Failed { tile, source })?;
        partial.insert((tile.level(), tile.index()), hashes.unwrap_or_default());
    }
    TiledTree::resume(&FullAndPartial { tiles, partial }, size)
}

/// Stored tiles, and the partial ones that were computed from them.
struct FullAndPartial<'t> {
    tiles: &'t DerivedTree,
    partial: BTreeMap<TileKey, Vec<TreeHash>>,
}

impl TileReader for FullAndPartial<'_> {
    type Failure = LogError;

    fn read_tile(&self, tile: Tile) -> Result<Cow<'_, [TreeHash]>, LogError> {
        let key = (tile.level(), tile.index());
        match self.partial.get(&key) {
            Some(hashes) => Ok(Cow::Borrowed(hashes)),
            None => read_stored(self.tiles, key).map(Cow::Owned),
        }
    }
}

/// The hashes of a stored tile; none when it is not there.
fn read_stored(tiles: &DerivedTree, key: TileKey) -> Result<Vec<TreeHash>, LogError> {
    let bytes = tiles.get(&tile_key(key))?.unwrap_or_default();
    let (hashes, _) = bytes.as_chunks::<TREE_HASH_BYTES>();
    Ok(hashes.iter().copied().map(TreeHash::from_bytes).collect())
}

/// The leaf of a record as it was read.
pub(super) fn leaf_of_item(
    item: Result<(u64, bytes::Bytes), LogError>,
) -> Result<Vec<u8>, LedgerError> {
    let (position, stored) = item?;
    let noted = Noted::read(stored.clone());
    let leaf = noted.and_then(|noted| leaf::of_noted(&noted, &stored));
    leaf.map_err(|source| LedgerError::Record { position, source })
}

fn leaf_hash_of_noted(
    position: u64,
    noted: &Noted,
    stored: &[u8],
) -> Result<TreeHash, LedgerError> {
    let leaf = leaf::of_noted(noted, stored);
    let leaf = leaf.map_err(|source| LedgerError::Record { position, source })?;
    Ok(TreeHash::of_leaf(&leaf))
}

pub(super) fn leaf_hash_of_item(
    item: Result<(u64, bytes::Bytes), LogError>,
) -> Result<TreeHash, LedgerError> {
    leaf_of_item(item).map(|leaf| TreeHash::of_leaf(&leaf))
}

fn root_of_tile(hashes: &[TreeHash]) -> TreeHash {
    let mut tree = Frontier::new();
    for hash in hashes {
        tree.append(*hash, |_, _| ());
    }
    tree.root()
}

fn tile_width() -> usize {
    usize::try_from(TILE_WIDTH).expect("256 fits")
}

fn tile_key((level, index): TileKey) -> Vec<u8> {
    [&[level][..], &index.to_be_bytes()].concat()
}

fn encode(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[cfg(test)]
#[path = "tree_tests.rs"]
pub(super) mod tests;
