//! Single blocks out of an archive, damaged or not, by position.
//!
//! It must not decide which copy of a block is right; it yields what is whole. One segment is held
//! in memory at a time, so it is meant to be asked in order.

use std::path::Path;

use super::error::ArchiveError;
use super::files::{self, SegmentFile};
use super::scan::whole_blocks;
use crate::block::Block;

/// The whole blocks of an archive.
#[derive(Debug)]
pub struct Salvage {
    segments: Vec<SegmentFile>,
    loaded: Option<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    segment: usize,
    blocks: Vec<Block>,
}

impl Salvage {
    /// Looks up the segments there are; none is read yet.
    pub fn open(directory: &Path) -> Result<Self, ArchiveError> {
        Ok(Self { segments: files::list(directory)?, loaded: None })
    }

    /// The whole blocks that begin at a position: one, or more where something was put there that
    /// does not belong.
    pub fn beginning_at(&mut self, position: u64) -> Result<Vec<Block>, ArchiveError> {
        let begins = |block: &&Block| block.first_position() == position;
        Ok(self.blocks_around(position)?.iter().filter(begins).cloned().collect())
    }

    /// Whether a segment begins at or beyond a position, or a whole block lies there.
    pub fn reaches(&mut self, position: u64) -> Result<bool, ArchiveError> {
        let later = self.segments.iter().any(|segment| segment.first_position >= position);
        let beyond = |block: &Block| block.positions().end > position;
        Ok(later || self.blocks_around(position)?.iter().any(beyond))
    }

    /// The whole blocks of the segment that a position belongs in.
    fn blocks_around(&mut self, position: u64) -> Result<&[Block], ArchiveError> {
        let after = self.segments.partition_point(|segment| segment.first_position <= position);
        let Some((index, segment)) =
            after.checked_sub(1).and_then(|index| Some((index, self.segments.get(index)?)))
        else {
            return Ok(&[]);
        };
        let loaded = match self.loaded.take() {
            Some(loaded) if loaded.segment == index => loaded,
            Some(_) | None => Loaded { segment: index, blocks: whole_blocks(&segment.bytes()?) },
        };
        Ok(&self.loaded.insert(loaded).blocks)
    }
}
