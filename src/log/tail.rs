//! Verifies the end of the chain of blocks in the store.
//!
//! It must not repair: what is not as it was written is refused, and nothing is dropped.

use crate::block::{Block, Link};

use super::corruption::Corruption;
use super::error::LogError;
use super::store::Store;
use super::verify::check_follows;

/// How many blocks at the end are verified when a log is opened. The rest is verified as it is
/// read, or all at once by [`LogReader::verify`](super::LogReader::verify).
pub const OPEN_VERIFY_BLOCKS_MAX: u64 = 64;

/// The verified end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    pub(super) end: Link,
    pub(super) blocks: u64,
}

/// Verifies the last blocks, each with its link to the one before.
pub(super) fn verify_tail(store: &Store) -> Result<Tail, LogError> {
    let Some(last) = store.blocks().last()? else {
        return Ok(Tail { end: Link::START, blocks: 0 });
    };
    let mut tail = Tail { end: Link::after(&last), blocks: 0 };
    let mut later = Some(last);
    while let Some(block) = later.take() {
        later = verified_predecessor(store, &block)?;
        tail.blocks += 1;
        if tail.blocks >= OPEN_VERIFY_BLOCKS_MAX {
            break;
        }
    }
    Ok(tail)
}

/// The block before, once the link to it is found right; `None` before the first.
fn verified_predecessor(store: &Store, block: &Block) -> Result<Option<Block>, LogError> {
    let Some(position_before) = block.first_position().checked_sub(1) else {
        check_follows(block, Link::START)?;
        return Ok(None);
    };
    let before = store.blocks().holding(position_before)?;
    let ends = before.positions().end;
    if ends > block.first_position() {
        return Err(LogError::corrupt(block.first_position(), Corruption::Overlap { ends }));
    }
    check_follows(block, Link::after(&before))?;
    Ok(Some(before))
}
