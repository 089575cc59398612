//! Blocks for readers: from the store, and where the store's block is not as it was written, from
//! the archive.
//!
//! It must not serve a block that it cannot vouch for: the archive's block has its checksum right,
//! holds the position, follows the block before it, and its hash is stated by what the store itself
//! vouches for: the nearest block behind it that is whole in the store, or the log's end, reached by
//! whole blocks of the archive that each state the hash of the one before. So however many neighbouring
//! blocks the store has lost, an archive that was altered alike in all of them is not believed. What
//! was served from the archive is put back into the store, with the same bytes. That may run beside
//! an append: sled takes both, and a block that is published is never written by an append.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tracing::{error, warn};

use crate::archive::{Neighbourhood, Salvage};
use crate::block::{Block, BlockHash, Link};

use super::blocks::guarded;
use super::corruption::Corruption;
use super::entries::block_entries;
use super::error::LogError;
use super::options::LogOptions;
use super::store::Store;

/// Blocks of the archive that are followed from one that is asked for to one that the store has.
const RUN_BLOCKS_MAX: usize = 65_536;

/// Blocks whose hash is remembered, and at most a run more.
const VOUCHED_MAX: usize = 131_072;

/// Blocks served from the archive that are each told as a warning; of those after them every hundredth is.
const WARNED_EACH: u64 = 100;

/// Hashes of blocks by the position behind each.
type Vouched = BTreeMap<u64, BlockHash>;

/// What fetching has learned, so that many damaged blocks cost little more than one.
#[derive(Debug, Default)]
struct Fetched {
    /// Those of blocks that were vouched for; so a run is followed once.
    vouched: Vouched,
    /// The archive with the segment that was read last.
    salvage: Option<Salvage>,
}

/// Where the other copy of every block is, and how often it was needed.
#[derive(Debug)]
pub(super) struct SecondCopy {
    archive: Option<PathBuf>,
    /// The command that mends what cannot be mended while the log is served.
    recover_command: String,
    /// Held while a block is fetched: one segment is in memory, once damage was met, and who comes second
    /// finds the block in its place.
    fetching: Mutex<Fetched>,
    served: AtomicU64,
}

/// What became of the block in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PutBack {
    /// It is whole again.
    Mended,
    /// It could not be written in its place.
    LeftAsItWas,
}

impl SecondCopy {
    pub(super) fn new(options: &LogOptions) -> Self {
        Self {
            archive: options.archive.as_ref().map(|archive| archive.directory.clone()),
            recover_command: options.recover_command(),
            fetching: Mutex::default(),
            served: AtomicU64::new(0),
        }
    }

    pub(super) fn recover_command(&self) -> &str {
        &self.recover_command
    }

    fn salvage(&self) -> Result<Option<Salvage>, LogError> {
        Ok(self.archive.as_ref().map(|directory| Salvage::open(directory)).transpose()?)
    }
}

impl Store {
    /// How often a block was served from the archive.
    pub(super) fn served_from_archive(&self) -> u64 {
        self.second_copy().served.load(Ordering::Relaxed)
    }

    /// The block that holds a position below the head.
    pub(super) fn block_holding(&self, position: u64) -> Result<Block, LogError> {
        guarded(|| self.blocks().holding(position))
            .or_else(|found| self.fetch_archived(position, found))
    }

    /// The block that begins at a position below the head.
    pub(super) fn block_beginning_at(&self, position: u64) -> Result<Block, LogError> {
        let read = guarded(|| self.blocks().beginning_at(position));
        let missing = || LogError::corrupt(position, Corruption::Missing);
        read.and_then(|block| block.ok_or_else(missing))
            .or_else(|found| self.fetch_archived(position, found))
    }

    /// The block from the other copy, after the store's was found to be `found`.
    fn fetch_archived(&self, position: u64, found: LogError) -> Result<Block, LogError> {
        let second_copy = self.second_copy();
        // A page that sled cannot read stays so until the store is rebuilt.
        let found = self.read_failed(found);
        let mut fetching = second_copy.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(block) = guarded(|| self.blocks().holding(position)) {
            return Ok(block);
        }
        let archived = self.archived(position, &mut fetching).unwrap_or_else(|failure| {
            warn!(position, cause = ?failure, "the archive cannot be read");
            None
        });
        let Some(block) = archived else {
            if !matches!(found, LogError::Stopped) {
                let command = &second_copy.recover_command;
                error!(
                    position, cause = ?found, command,
                    "a block is whole in neither copy; stop the ledger, put one copy back, run the command"
                );
            }
            return Err(unreadable(position, found));
        };
        let blocks_served = second_copy.served.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let positions = block.positions();
        let put_back = self.put_back(&block, &found);
        drop(fetching);
        if blocks_served <= WARNED_EACH || blocks_served.is_multiple_of(WARNED_EACH) {
            warn!(
                from_position = positions.start, next_position = positions.end,
                cause = ?found, ?put_back, blocks_served,
                "the store's block is not as it was written; the archive's is served"
            );
        }
        Ok(block)
    }

    /// The block of the archive that holds a position and belongs there. What is in memory of the archive
    /// is looked at first; it has grown since, so what is not found there is looked for once more.
    fn archived(&self, position: u64, fetched: &mut Fetched) -> Result<Option<Block>, LogError> {
        let Fetched { vouched, salvage } = fetched;
        if let Some(before) = salvage
            && let Ok(Some(block)) = self.salvaged(position, before, vouched)
        {
            return Ok(Some(block));
        }
        let Some(anew) = self.second_copy().salvage()? else { return Ok(None) };
        self.salvaged(position, salvage.insert(anew), vouched)
    }

    fn salvaged(
        &self,
        position: u64,
        salvage: &mut Salvage,
        vouched: &mut Vouched,
    ) -> Result<Option<Block>, LogError> {
        for Neighbourhood { before, block } in salvage.holding(position)? {
            if self.follows(&block, before) && self.is_stated(&block, salvage, vouched)? {
                return Ok(Some(block));
            }
        }
        Ok(None)
    }

    /// Whether it follows the block before it, by the store's if that is whole, else by the archive's.
    fn follows(&self, block: &Block, before: Option<Link>) -> bool {
        let before = match block.first_position().checked_sub(1) {
            None => Some(Link::START),
            Some(last) => {
                let stored = guarded(|| self.blocks().holding(last)).ok();
                stored.as_ref().map(Link::after).or(before)
            }
        };
        before.is_some_and(|before| before.check(block).is_ok())
    }

    /// Whether its hash is stated by a block that is whole in the store, or by the log's end, over any
    /// blocks of the archive in between.
    fn is_stated(
        &self,
        block: &Block,
        salvage: &mut Salvage,
        vouched: &mut Vouched,
    ) -> Result<bool, LogError> {
        // Asked first: an append may pass between this and the look behind.
        let published = self.end();
        let mut run = Vec::new();
        let mut end = Link::after(block);
        while run.len() < RUN_BLOCKS_MAX {
            run.push((end.next_position, end.last_block));
            let behind = guarded(|| self.blocks().beginning_at(end.next_position)).ok().flatten();
            let stated = vouched.get(&end.next_position).copied();
            let at_end =
                || (end.next_position == published.next_position).then_some(published.last_block);
            let stated = stated.or_else(at_end).or_else(|| behind.as_ref().map(Block::previous));
            if let Some(stated) = stated {
                let is_stated = stated == end.last_block;
                if is_stated {
                    if vouched.len() >= VOUCHED_MAX {
                        vouched.clear();
                    }
                    vouched.extend(run);
                }
                return Ok(is_stated);
            }
            let next = salvage.beginning_at(end.next_position)?;
            let Some(next) = next.iter().find(|next| end.check(next).is_ok()) else {
                return Ok(false);
            };
            end = Link::after(next);
        }
        Ok(false)
    }

    /// Writes the same bytes over the damaged ones, and syncs them. A write or sync that fails stops
    /// the log like any other: what a failed sync has lost, the next one does not report.
    fn put_back(&self, block: &Block, found: &LogError) -> PutBack {
        // What sled itself cannot read it cannot write either.
        let sled_can_read = matches!(found, LogError::Corrupt { .. });
        let bytes = u64::try_from(block.encoded().len()).unwrap_or(u64::MAX);
        if self.is_stopped() || !sled_can_read || self.reserve().check(bytes).is_err() {
            return PutBack::LeftAsItWas;
        }
        let first_position = block.first_position();
        let written = guarded(|| {
            self.blocks().insert(block_entries(first_position, block.encoded()))?;
            self.flush().and_then(|()| self.sync())
        });
        if let Err(failure) = written {
            self.stop(&failure);
            return PutBack::LeftAsItWas;
        }
        match guarded(|| self.blocks().beginning_at(first_position)) {
            Ok(Some(stored)) if stored == *block => PutBack::Mended,
            Ok(_) | Err(_) => PutBack::LeftAsItWas,
        }
    }
}

/// What is told of a position that cannot be read.
fn unreadable(position: u64, found: LogError) -> LogError {
    if !matches!(found, LogError::Corrupt { .. }) && found.is_damage() {
        return LogError::corrupt(position, Corruption::Unreadable);
    }
    found
}
