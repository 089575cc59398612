//! Both copies of the log, read as one: at each position the block that is whole and follows the
//! one before, from whichever copy has it.
//!
//! It must not write. It trusts nothing but checksums and the chain of hashes.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::archive::Salvage;
use crate::block::{Block, Link};

use super::blocks::Blocks;
use super::error::LogError;

/// Damaged blocks that are passed over in the search for a whole one behind them.
const BLOCKS_LOOKED_AT_MAX: usize = 1024;

/// The next block, and whether the store holds it.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) block: Block,
    pub(super) in_store: bool,
}

/// How far the archive is vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArchiveEnd {
    /// To its last byte.
    Whole(Link),
    /// Up to an append that was cut short.
    Torn(Link),
    /// It is damaged somewhere.
    Unknown,
}

/// Pure: the block that comes next, of what each copy has there; `None` when neither has it. Refuses
/// two that both follow and are not the same ([`LogError::CopiesDiffer`]).
pub(super) fn choose(
    end: Link,
    in_store: Option<Block>,
    in_archive: Vec<Block>,
) -> Result<Option<Copied>, LogError> {
    let follows = |block: &Block| end.check(block).is_ok();
    match (in_store.filter(follows), in_archive.into_iter().find(follows)) {
        (Some(block), Some(other)) if block.encoded() != other.encoded() => {
            Err(LogError::CopiesDiffer { position: end.next_position })
        }
        (Some(block), Some(_) | None) => Ok(Some(Copied { block, in_store: true })),
        (None, Some(block)) => Ok(Some(Copied { block, in_store: false })),
        (None, None) => Ok(None),
    }
}

/// Both copies, from the first block on.
pub(super) struct Copies<'store> {
    store: Option<&'store Blocks>,
    archive: Salvage,
    archive_end: ArchiveEnd,
    /// The position that the log is known to have reached.
    reached: u64,
    end: Link,
}

impl<'store> Copies<'store> {
    pub(super) fn new(
        store: Option<&'store Blocks>,
        archive: Salvage,
        archive_end: ArchiveEnd,
        reached: u64,
    ) -> Self {
        Self { store, archive, archive_end, reached, end: Link::START }
    }

    /// After the last block that was yielded.
    pub(super) fn end(&self) -> Link {
        self.end
    }

    /// The next block; `None` after the last.
    ///
    /// Refuses a position at which the copies hold different blocks that both follow
    /// ([`LogError::CopiesDiffer`]), and one that neither holds whole though something lies there
    /// or beyond ([`LogError::LostInBothCopies`]).
    pub(super) fn next(&mut self) -> Result<Option<Copied>, LogError> {
        let position = self.end.next_position;
        let end = self.end;
        let in_archive = self.archive.beginning_at(position)?;
        let copied = match choose(end, self.in_store(position), in_archive)? {
            Some(copied) => copied,
            None if self.is_the_end()? => return Ok(None),
            None => return Err(LogError::LostInBothCopies { position }),
        };
        self.end = Link::after(&copied.block);
        Ok(Some(copied))
    }

    /// What cannot be read is not there; sled may panic over a damaged page.
    fn in_store(&self, position: u64) -> Option<Block> {
        let store = self.store?;
        let read = catch_unwind(AssertUnwindSafe(|| store.beginning_at(position)));
        read.ok()?.ok()?
    }

    /// An archive that is whole up to here holds all that was acknowledged: what the store has here
    /// and cannot be read was not. But an archive that was being written anew may end anywhere; then
    /// the store goes on behind the damage, and what is lost is told.
    fn is_the_end(&mut self) -> Result<bool, LogError> {
        if self.end.next_position < self.reached {
            return Ok(false);
        }
        if self.archive_end == ArchiveEnd::Whole(self.end) && !self.store_goes_on() {
            return Ok(true);
        }
        let position = self.end.next_position;
        let store_reaches = self.store.is_some_and(|store| {
            catch_unwind(AssertUnwindSafe(|| store.reaches(position)))
                .is_ok_and(|reached| reached.unwrap_or(true))
        });
        if store_reaches {
            return Ok(false);
        }
        Ok(self.archive_end == ArchiveEnd::Torn(self.end) || !self.archive.reaches(position)?)
    }

    /// Whether the store has a whole block behind the one that would come next.
    fn store_goes_on(&self) -> bool {
        let Some(store) = self.store else { return false };
        let mut behind = Some(self.end.next_position);
        for _ in 0..BLOCKS_LOOKED_AT_MAX {
            let next = catch_unwind(AssertUnwindSafe(|| store.key_behind(behind)));
            let Ok(Ok(Some(key))) = next else { return false };
            if self.in_store(key.first_position).is_some() {
                return true;
            }
            behind = Some(key.first_position);
        }
        // So much damage is no end of an append.
        true
    }
}
