//! Single blocks out of an archive, damaged or not, by position.
//!
//! It must not decide which copy of a block is right; it yields what is whole. One segment is held
//! in memory at a time, so it is meant to be asked in order.

use std::path::Path;

use super::error::ArchiveError;
use super::files::{self, SegmentFile};
use super::scan::whole_blocks;
use super::segment::decode_header;
use crate::block::{Block, Link};

/// The whole blocks of an archive.
#[derive(Debug)]
pub struct Salvage {
    segments: Vec<SegmentFile>,
    loaded: Option<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    segment: usize,
    /// What the segment's header says that its first block follows.
    before: Option<Link>,
    blocks: Vec<Block>,
}

/// A whole block, and what the archive has before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbourhood {
    /// Where what lies before it ends; `None` where nothing whole does.
    pub before: Option<Link>,
    /// The block.
    pub block: Block,
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

    /// The whole blocks that hold a position, each with what lies before it. Reads one segment.
    pub fn holding(&mut self, position: u64) -> Result<Vec<Neighbourhood>, ArchiveError> {
        let Some(loaded) = self.load(position)? else { return Ok(Vec::new()) };
        Ok(neighbourhoods(loaded.before, &loaded.blocks, position))
    }

    /// Whether a segment begins at or beyond a position, or a whole block lies there.
    pub fn reaches(&mut self, position: u64) -> Result<bool, ArchiveError> {
        let later = self.segments.iter().any(|segment| segment.first_position >= position);
        let beyond = |block: &Block| block.positions().end > position;
        Ok(later || self.blocks_around(position)?.iter().any(beyond))
    }

    /// The whole blocks of the segment that a position belongs in.
    fn blocks_around(&mut self, position: u64) -> Result<&[Block], ArchiveError> {
        Ok(self.load(position)?.map_or(&[], |loaded| &loaded.blocks))
    }

    fn load(&mut self, position: u64) -> Result<Option<&Loaded>, ArchiveError> {
        let after = self.segments.partition_point(|segment| segment.first_position <= position);
        let Some((index, segment)) =
            after.checked_sub(1).and_then(|index| Some((index, self.segments.get(index)?)))
        else {
            return Ok(None);
        };
        let loaded = match self.loaded.take() {
            Some(loaded) if loaded.segment == index => loaded,
            Some(_) | None => {
                let bytes = segment.bytes()?;
                Loaded { segment: index, before: header_of(&bytes), blocks: whole_blocks(&bytes) }
            }
        };
        Ok(Some(self.loaded.insert(loaded)))
    }
}

fn header_of(segment: &[u8]) -> Option<Link> {
    decode_header(segment).ok()
}

/// Pure: the blocks of one segment that hold a position, with what lies before them. Before the first
/// one lies what the segment's header states.
fn neighbourhoods(header: Option<Link>, blocks: &[Block], position: u64) -> Vec<Neighbourhood> {
    let holds = |block: &&Block| block.positions().contains(&position);
    let found = blocks.iter().filter(holds).map(|block| {
        let positions = block.positions();
        // Looked for before it is hashed.
        let ends_here = |block: &&Block| block.positions().end == positions.start;
        let of_block = blocks.iter().find(ends_here).map(Link::after);
        let of_header = header.filter(|header| header.next_position == positions.start);
        let before = of_block.or(of_header);
        Neighbourhood { before, block: block.clone() }
    });
    found.collect()
}
