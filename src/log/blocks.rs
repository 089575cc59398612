//! The tree `blocks`: the only truth of the log, read and written block by block.
//!
//! It must not know which positions are durable; its callers ask for nothing beyond the head.
//! Whatever is read is decoded, and so its checksum verified, and compared with its key.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use crate::block::{self, Block};

use super::apart;
use super::corruption::Corruption;
use super::entries::{BlockKey, ENTRY_BYTES_MAX, Entry};
use super::error::LogError;

const TREE: &str = "blocks";
const READ: &str = "read a block";

/// sled may panic over bytes that it did not write.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(LogError::store_panicked("read the store")))
}

/// The tree of blocks.
pub(super) struct Blocks(sled::Tree);

impl Blocks {
    /// Opens the tree, or makes it.
    pub(super) fn open(db: &sled::Db) -> Result<Self, LogError> {
        db.open_tree(TREE).map(Self).map_err(LogError::storage("open the tree of blocks"))
    }

    /// Writes entries so that a crash leaves all of them or none. One alone is that by itself, and takes
    /// one write where a batch takes two: sled writes a batch's manifest to the disk by itself, and wakes
    /// every thread of its pool for each write (`pin_log` in its `pagecache`, `send` in `threadpool.rs`).
    pub(super) fn insert(&self, entries: Vec<Entry>) -> Result<(), LogError> {
        if let [Entry { key, value }] = entries.as_slice() {
            return apart::insert(&self.0, key, value).map_err(LogError::storage("write a block"));
        }
        let mut batch = sled::Batch::default();
        for Entry { key, value } in entries {
            batch.insert(key, value);
        }
        apart::apply_batch(&self.0, batch).map_err(LogError::storage("write blocks"))
    }

    /// The block that begins at a position.
    pub(super) fn beginning_at(&self, first_position: u64) -> Result<Option<Block>, LogError> {
        let key = BlockKey::first(first_position);
        let Some(part) = self.0.get(key.encode()).map_err(LogError::storage(READ))? else {
            return Ok(None);
        };
        let mut parts = BlockParts::new(first_position, &part);
        // A part that is not full is the last.
        if part.len() >= ENTRY_BYTES_MAX {
            let others =
                BlockKey { part: 1, ..key }.encode()..=BlockKey::last(first_position).encode();
            for entry in self.0.range(others) {
                let (key, part) = entry.map_err(LogError::storage(READ))?;
                parts.push(block_key(&key)?, &part)?;
            }
        }
        parts.into_block().map(Some)
    }

    /// The block that holds a position below the head.
    pub(super) fn holding(&self, position: u64) -> Result<Block, LogError> {
        let missing = || LogError::corrupt(position, Corruption::Missing);
        let last_key = BlockKey::last(position).encode();
        let entry = self.0.range(..=last_key).next_back().ok_or_else(missing)?;
        let (key, _) = entry.map_err(LogError::storage(READ))?;
        let block = self.whole(block_key(&key)?)?;
        if block.positions().contains(&position) { Ok(block) } else { Err(missing()) }
    }

    /// The last block of all, or `None` of an empty log.
    pub(super) fn last(&self) -> Result<Option<Block>, LogError> {
        let Some((key, _)) = self.0.last().map_err(LogError::storage(READ))? else {
            return Ok(None);
        };
        self.whole(block_key(&key)?).map(Some)
    }

    /// Whether anything is kept at or beyond a position.
    pub(super) fn reaches(&self, position: u64) -> Result<bool, LogError> {
        let next = self.0.range(BlockKey::first(position).encode()..).next();
        next.transpose().map(|entry| entry.is_some()).map_err(LogError::storage(READ))
    }

    /// The first key behind every part of a block, or the first of all.
    pub(super) fn key_behind(&self, block: Option<u64>) -> Result<Option<BlockKey>, LogError> {
        let next = match block {
            None => self.0.iter().next(),
            Some(first_position) => {
                let last = Bound::Excluded(BlockKey::last(first_position).encode());
                self.0.range::<Vec<u8>, _>((last, Bound::Unbounded)).next()
            }
        };
        let Some(entry) = next else { return Ok(None) };
        let (key, _) = entry.map_err(LogError::storage(READ))?;
        block_key(&key).map(Some)
    }

    /// The entries from the first on, as they are.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<(BlockKey, Bytes), LogError>> {
        self.0.iter().map(|entry| {
            let (key, part) = entry.map_err(LogError::storage(READ))?;
            Ok((block_key(&key)?, Bytes::copy_from_slice(&part)))
        })
    }

    /// The block that a part belongs to.
    fn whole(&self, key: BlockKey) -> Result<Block, LogError> {
        let BlockKey { first_position, part } = key;
        self.beginning_at(first_position)?
            .ok_or_else(|| LogError::corrupt(first_position, Corruption::PartStray { part }))
    }

    /// The tree itself, for tests that damage it.
    #[cfg(test)]
    pub(super) fn tree(&self) -> &sled::Tree {
        &self.0
    }
}

/// The parts of one block, put together in order.
pub(super) struct BlockParts {
    first_position: u64,
    parts: u32,
    encoded: Vec<u8>,
}

impl BlockParts {
    pub(super) fn new(first_position: u64, first_part: &[u8]) -> Self {
        // A copy, so that a record handed out keeps one block in memory and not a page of sled's.
        Self { first_position, parts: 1, encoded: first_part.to_vec() }
    }

    pub(super) fn push(&mut self, key: BlockKey, part: &[u8]) -> Result<(), LogError> {
        if key != (BlockKey { first_position: self.first_position, part: self.parts }) {
            return Err(LogError::corrupt(
                key.first_position,
                Corruption::PartStray { part: key.part },
            ));
        }
        self.encoded.extend_from_slice(part);
        self.parts = self.parts.saturating_add(1);
        Ok(())
    }

    pub(super) fn into_block(self) -> Result<Block, LogError> {
        let position = self.first_position;
        let block = block::decode(Bytes::from(self.encoded))
            .map_err(|error| LogError::corrupt(position, Corruption::Block(error)))?;
        let stated = block.first_position();
        if stated != position {
            return Err(LogError::corrupt(position, Corruption::KeptUnderWrongPosition { stated }));
        }
        Ok(block)
    }
}

fn block_key(key: &[u8]) -> Result<BlockKey, LogError> {
    BlockKey::decode(key).ok_or_else(|| {
        // The position at which such a key stands in the order of keys.
        let mut place = [0; 8];
        place.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
        let reason = Corruption::KeyUnknown { key: key.to_vec() };
        LogError::corrupt(u64::from_be_bytes(place), reason)
    })
}
