//! Verifies the whole log: every checksum, every link of the chain, every position.
//!
//! It must not know how a damaged log is mended.

use crate::block::{Block, BlockHash, Link, LinkError};

use super::blocks::BlockParts;
use super::corruption::Corruption;
use super::error::LogError;
use super::reader::LogReader;

/// What a whole verification has found to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyReport {
    /// The blocks verified: all there are below `next_position`.
    pub blocks: u64,
    /// The position after the last record verified, and so the count of records.
    pub next_position: u64,
    /// The bytes of all encoded blocks.
    pub encoded_bytes: u64,
    /// The hash of the last block; [`BlockHash::ZERO`] of an empty log.
    pub last_block: BlockHash,
}

impl LogReader {
    /// Reads the log from its first block to the head as it is at the call, and verifies each
    /// block's checksum, its key, its place in the hash chain, and that no position is missing
    /// or held twice. Fails with the first thing that is wrong.
    pub fn verify(&self) -> Result<VerifyReport, LogError> {
        let head = self.next_position();
        let mut report = VerifyReport {
            blocks: 0,
            next_position: 0,
            encoded_bytes: 0,
            last_block: BlockHash::ZERO,
        };
        let mut unfinished: Option<BlockParts> = None;
        for entry in self.store().blocks().entries() {
            let (key, part) = entry?;
            if key.first_position >= head {
                break;
            }
            match &mut unfinished {
                Some(parts) if key.part > 0 => parts.push(key, &part)?,
                None if key.part > 0 => {
                    let reason = Corruption::PartStray { part: key.part };
                    return Err(LogError::corrupt(key.first_position, reason));
                }
                Some(_) | None => {
                    let finished = unfinished.replace(BlockParts::new(key.first_position, &part));
                    finished.map_or(Ok(()), |parts| report.add(&parts.into_block()?))?;
                }
            }
        }
        unfinished.map_or(Ok(()), |parts| report.add(&parts.into_block()?))?;
        if report.next_position == head {
            Ok(report)
        } else {
            Err(LogError::corrupt(report.next_position, Corruption::Missing))
        }
    }
}

impl VerifyReport {
    fn add(&mut self, block: &Block) -> Result<(), LogError> {
        let before = Link { next_position: self.next_position, last_block: self.last_block };
        check_follows(block, before)?;
        self.blocks += 1;
        self.next_position = block.positions().end;
        self.encoded_bytes = u64::try_from(block.encoded().len())
            .map_or(u64::MAX, |bytes| self.encoded_bytes.saturating_add(bytes));
        self.last_block = block.hash();
        Ok(())
    }
}

/// Whether a block begins where the one before ended, and states its hash.
pub(super) fn check_follows(block: &Block, before: Link) -> Result<(), LogError> {
    before.check(block).map_err(|error| {
        // Of a gap, the position that is missing; of the rest, the block that does not fit.
        let position = match error {
            LinkError::Gap => before.next_position,
            LinkError::Overlap { .. } | LinkError::ChainBroken => block.first_position(),
        };
        LogError::corrupt(position, Corruption::of_link(error))
    })
}
