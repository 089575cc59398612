//! Verifies both copies of a log that is served from, block by block, and goes on behind damage.
//!
//! It must not mend, and holds no more than a block of the store and a segment of the archive. What
//! lies at or beyond the head as it was at the call is not looked at, so appends may go on.

use std::path::Path;
use std::sync::Arc;

use crate::archive::{ArchiveError, SegmentDamage, Walk, Walked};
use crate::block::{Block, Link};

use super::blocks::Blocks;
use super::blocks::guarded;
use super::corruption::Corruption;
use super::entries::BlockKey;
use super::error::LogError;
use super::reader::LogReader;
use super::store::Store;
use super::verify::check_follows;

/// Which copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyName {
    /// The sled store.
    Store,
    /// The archive.
    Archive,
}

/// One thing that is not as it was written.
#[derive(Debug)]
pub struct BlockDamage {
    /// Where it was found.
    pub copy: CopyName,
    /// The first position that cannot be vouched for.
    pub position: u64,
    /// What is wrong.
    pub what: DamagedBlock,
}

/// What is wrong at the place of a block.
#[derive(Debug)]
pub enum DamagedBlock {
    /// It cannot be read, or is not what was written.
    Log(LogError),
    /// The archive holds another block there than the store, or the store none.
    CopiesDiffer,
}

/// What comes next in a copy.
#[derive(Debug)]
pub enum Checked {
    /// A block with its checksum right. Whether it follows the one before is told before it.
    Block(Block),
    /// Something is wrong.
    Damage(BlockDamage),
}

impl LogReader {
    /// Checks the store, up to a position.
    pub fn check_store(&self, to_exclusive: u64) -> StoreCheck {
        StoreCheck {
            store: Arc::clone(self.store()),
            behind: None,
            reached: Some(Link::START),
            next_position: 0,
            waiting: None,
            end: to_exclusive.min(self.next_position()),
        }
    }

    /// Checks the archive against the store, up to a position; `None` when there is no archive.
    pub fn check_archive(&self, to_exclusive: u64) -> Result<Option<ArchiveCheck>, LogError> {
        let Some(directory) = self.store().archive_directory() else { return Ok(None) };
        let end = to_exclusive.min(self.next_position());
        let walk = Walk::up_to(directory, end)?;
        Ok(Some(ArchiveCheck { store: Arc::clone(self.store()), walk, waiting: None }))
    }
}

/// The store from its first key on. Made by [`LogReader::check_store`].
#[derive(Debug)]
pub struct StoreCheck {
    store: Arc<Store>,
    /// The block whose keys lie behind the check.
    behind: Option<u64>,
    /// Where the last block ended; unknown behind damage.
    reached: Option<Link>,
    next_position: u64,
    waiting: Option<Block>,
    end: u64,
}

impl StoreCheck {
    /// The next position to look at.
    pub fn next_position(&self) -> u64 {
        self.next_position
    }

    fn damage(&mut self, position: u64, error: LogError) -> Checked {
        self.reached = None;
        let what = DamagedBlock::Log(error);
        Checked::Damage(BlockDamage { copy: CopyName::Store, position, what })
    }

    fn advance(&mut self) -> Result<Option<Checked>, LogError> {
        if let Some(block) = self.waiting.take() {
            return Ok(Some(Checked::Block(block)));
        }
        if self.next_position >= self.end {
            return Ok(None);
        }
        let position = self.next_position;
        let key = match guarded(|| self.store.blocks().key_behind(self.behind)) {
            Ok(Some(key)) if key.first_position < self.end => key,
            // What is missing behind damage is told as that damage.
            Ok(_) if self.reached.is_none() => {
                self.next_position = self.end;
                return Ok(None);
            }
            Ok(_) => {
                self.next_position = self.end;
                let missing = LogError::corrupt(position, Corruption::Missing);
                return Ok(Some(self.damage(position, missing)));
            }
            Err(error) if error.is_damage() => {
                // Where the keys cannot be read, nothing behind them can.
                self.next_position = self.end;
                return Ok(Some(self.damage(position, error)));
            }
            Err(error) => return Err(error),
        };
        self.behind = Some(key.first_position);
        let block = match guarded(|| whole(self.store.blocks(), key)) {
            Ok(block) => block,
            Err(error) if error.is_damage() => {
                self.next_position = position.max(key.first_position.saturating_add(1));
                return Ok(Some(self.damage(key.first_position, error)));
            }
            Err(error) => return Err(error),
        };
        let fits = self.reached.map_or(Ok(()), |reached| check_follows(&block, reached));
        self.reached = Some(Link::after(&block));
        self.next_position = position.max(block.positions().end);
        Ok(Some(match fits {
            Ok(()) => Checked::Block(block),
            Err(error) => {
                let position = error.position().unwrap_or(position);
                self.waiting = Some(block);
                let what = DamagedBlock::Log(error);
                Checked::Damage(BlockDamage { copy: CopyName::Store, position, what })
            }
        }))
    }
}

impl Iterator for StoreCheck {
    type Item = Result<Checked, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

/// The archive, each block beside the one that the store has. Made by [`LogReader::check_archive`].
#[derive(Debug)]
pub struct ArchiveCheck {
    store: Arc<Store>,
    walk: Walk,
    waiting: Option<Block>,
}

impl ArchiveCheck {
    /// The next position to look at.
    pub fn next_position(&self) -> u64 {
        self.walk.next_position()
    }

    fn advance(&mut self) -> Result<Option<Checked>, LogError> {
        if let Some(block) = self.waiting.take() {
            return Ok(Some(Checked::Block(block)));
        }
        let archive = |position, what| {
            Checked::Damage(BlockDamage { copy: CopyName::Archive, position, what })
        };
        let Some(walked) = self.walk.next().transpose()? else { return Ok(None) };
        let block = match walked {
            Walked::Block(block) => block,
            Walked::Damaged(error) => {
                let error = LogError::Archive(error);
                let position = error.position().unwrap_or(self.next_position());
                return Ok(Some(archive(position, DamagedBlock::Log(error))));
            }
            Walked::Missing { position } => {
                let missing = LogError::corrupt(position, Corruption::Missing);
                return Ok(Some(archive(position, DamagedBlock::Log(missing))));
            }
        };
        let position = block.first_position();
        // What is wrong with the store is told where the store is checked.
        let in_store = match guarded(|| self.store.blocks().beginning_at(position)) {
            Ok(in_store) => in_store,
            Err(error) if error.is_damage() => return Ok(Some(Checked::Block(block))),
            Err(error) => return Err(error),
        };
        if in_store.is_some_and(|in_store| in_store.encoded() == block.encoded()) {
            return Ok(Some(Checked::Block(block)));
        }
        self.waiting = Some(block);
        Ok(Some(archive(position, DamagedBlock::CopiesDiffer)))
    }
}

impl Iterator for ArchiveCheck {
    type Item = Result<Checked, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

fn whole(blocks: &Blocks, key: BlockKey) -> Result<Block, LogError> {
    let BlockKey { first_position, part } = key;
    let stray = || LogError::corrupt(first_position, Corruption::PartStray { part });
    if part > 0 {
        return Err(stray());
    }
    blocks.beginning_at(first_position)?.ok_or_else(stray)
}

impl LogError {
    /// The position that cannot be vouched for, when that is what it says.
    pub fn position(&self) -> Option<u64> {
        if let Self::Corrupt { position, .. }
        | Self::Archive(ArchiveError::Damaged { position, .. })
        | Self::LostInBothCopies { position }
        | Self::CopiesDiffer { position } = self
        {
            return Some(*position);
        }
        None
    }

    /// The segment file of the archive that is damaged, when that is what it says.
    pub fn file(&self) -> Option<&Path> {
        let Self::Archive(ArchiveError::Damaged { path, .. }) = self else { return None };
        Some(path)
    }

    /// What is wrong with the block, when that is what it says.
    pub fn corruption(&self) -> Option<Corruption> {
        if let Self::Corrupt { reason, .. } = self {
            return Some(reason.clone());
        }
        let Self::Archive(ArchiveError::Damaged { reason, .. }) = self else { return None };
        if let SegmentDamage::Block(error) = reason {
            return Some(Corruption::Block(*error));
        }
        if let SegmentDamage::Link(error) = reason {
            return Some(Corruption::of_link(*error));
        }
        None
    }
}
