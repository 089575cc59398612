//! Reads whole blocks in the order of the chain, as they are stored, for those who copy them.
//!
//! It must not know who copies, and yields no block that it does not vouch for.

use std::sync::Arc;

use crate::block::{Block, Link};

use super::corruption::Corruption;
use super::error::LogError;
use super::reader::LogReader;
use super::store::Store;
use super::verify::check_follows;

impl LogReader {
    /// The end of the block that ends at a position, as the head does.
    pub fn end_at(&self, position: u64) -> Result<Link, LogError> {
        let missing = || LogError::corrupt(position, Corruption::Missing);
        self.link_at(position)?.ok_or_else(missing)
    }

    /// Whether a block ends at a position with the hash that `link` states, so that whoever holds
    /// the blocks before it holds a prefix of this log.
    pub fn passes_through(&self, link: Link) -> Result<bool, LogError> {
        Ok(self.link_at(link.next_position)? == Some(link))
    }

    /// The blocks that follow `after`, up to `to_exclusive`, or to the head as it is at the call.
    /// Ends after the first error. What does not follow is an error, so ask
    /// [`LogReader::passes_through`] first.
    pub fn chain_after(&self, after: Link, to_exclusive: u64) -> ChainBlocks {
        let end = to_exclusive.min(self.next_position());
        ChainBlocks { store: Arc::clone(self.store()), reached: after, end }
    }

    /// The end of the block that ends at a position; `None` within a block and beyond the head.
    fn link_at(&self, position: u64) -> Result<Option<Link>, LogError> {
        let Some(last) = position.checked_sub(1) else { return Ok(Some(Link::START)) };
        if position > self.next_position() {
            return Ok(None);
        }
        let link = Link::after(&self.store().block_holding(last)?);
        Ok((link.next_position == position).then_some(link))
    }
}

/// Whole blocks in order, each verified. Made by [`LogReader::chain_after`].
#[derive(Debug)]
pub struct ChainBlocks {
    store: Arc<Store>,
    reached: Link,
    end: u64,
}

impl ChainBlocks {
    fn read(&self) -> Result<Block, LogError> {
        let block = self.store.block_beginning_at(self.reached.next_position)?;
        check_follows(&block, self.reached)?;
        Ok(block)
    }
}

impl Iterator for ChainBlocks {
    type Item = Result<Block, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reached.next_position >= self.end {
            return None;
        }
        let read = self.read();
        match &read {
            Ok(block) => self.reached = Link::after(block),
            Err(_) => self.end = 0,
        }
        Some(read)
    }
}

impl std::iter::FusedIterator for ChainBlocks {}
