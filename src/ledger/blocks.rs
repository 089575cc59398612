//! Whole blocks as they are stored, for a backup.
//!
//! It must not know who takes them. The end is captured when the reading begins.

use bytes::Bytes;

use super::Ledger;
use super::error::LedgerError;
use crate::log::{BlockHash, ChainBlocks, Link};

/// A reading of blocks that has begun.
#[derive(Debug)]
pub struct BlockReading {
    blocks: ChainBlocks,
    end: Link,
}

/// Where a reading begins.
#[derive(Debug)]
pub enum BlocksFrom {
    /// There.
    Here(BlockReading),
    /// The caller's last block is not one of this ledger.
    OtherHistory {
        /// How many records this ledger has.
        record_count: u64,
    },
}

impl Ledger {
    /// Begins to read behind a block that the caller has, by where it ends and its hash.
    pub fn read_blocks(
        &self,
        position: u64,
        block_hash: [u8; 32],
    ) -> Result<BlocksFrom, LedgerError> {
        let record_count = self.head().borrow().record_count;
        let reader = &self.shared().reader;
        let after = Link { next_position: position, last_block: BlockHash::from_bytes(block_hash) };
        if position > record_count || !reader.passes_through(after)? {
            return Ok(BlocksFrom::OtherHistory { record_count });
        }
        let end = reader.end_at(record_count)?;
        let blocks = reader.chain_after(after, record_count);
        Ok(BlocksFrom::Here(BlockReading { blocks, end }))
    }
}

impl BlockReading {
    /// How many records there are below where the blocks end.
    pub fn record_count(&self) -> u64 {
        self.end.next_position
    }

    /// The hash of the last block when all are read.
    pub fn block_hash(&self) -> [u8; 32] {
        *self.end.last_block.as_bytes()
    }

    /// The next block, verified; `None` at the end.
    pub fn next_block(&mut self) -> Option<Result<Bytes, LedgerError>> {
        let block = self.blocks.next()?;
        Some(block.map(|block| block.encoded().clone()).map_err(LedgerError::from))
    }
}
