//! The place between two blocks: where one ends, and what the next must state.
//!
//! Pure. Every reader of blocks, whatever it reads from, follows the chain by these.

use super::{Block, BlockHash, Sealed};

/// Where a chain of blocks ends, and the next block must begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The position that the next record gets.
    pub next_position: u64,
    /// The hash of the block before; [`BlockHash::ZERO`] before the first.
    pub last_block: BlockHash,
}

/// Why a block does not stand where it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The block begins later: a position is held by none.
    #[error("no block holds this position")]
    Gap,
    /// The block begins before the one before it has ended.
    #[error("a block begins here before the one before it has ended, at {ends}")]
    Overlap {
        /// The end of the block before.
        ends: u64,
    },
    /// The block states another predecessor.
    #[error("the block does not follow the block before it: hash chain broken")]
    ChainBroken,
}

impl Link {
    /// Before the first block of a log.
    pub const START: Self = Self { next_position: 0, last_block: BlockHash::ZERO };

    /// After a block.
    pub fn after(block: &Block) -> Self {
        Self::after_sealed(block.sealed())
    }

    /// After a block that was not looked into.
    pub fn after_sealed(block: &Sealed) -> Self {
        Self { next_position: block.positions().end, last_block: block.hash() }
    }

    /// Whether `block` is the next one.
    pub fn check(&self, block: &Block) -> Result<(), LinkError> {
        self.check_sealed(block.sealed())
    }

    /// The same of a block that was not looked into.
    pub fn check_sealed(&self, block: &Sealed) -> Result<(), LinkError> {
        let first_position = block.first_position();
        if first_position > self.next_position {
            return Err(LinkError::Gap);
        }
        if first_position < self.next_position {
            return Err(LinkError::Overlap { ends: self.next_position });
        }
        if block.previous() != self.last_block {
            return Err(LinkError::ChainBroken);
        }
        Ok(())
    }
}
