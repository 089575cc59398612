//! Opens a log: the store, then the end of the chain of blocks, before anything is served.
//!
//! It must not repair: what is not as it was written is refused, and nothing is dropped.

use std::sync::Arc;

use tracing::info;

use super::corruption::Corruption;
use super::durable::DurableStore;
use super::error::LogError;
use super::options::LogOptions;
use super::reader::LogReader;
use super::store::Store;
use super::verify::check_follows;
use super::writer::LogWriter;
use crate::block::{Block, BlockHash, Link};

/// How many blocks at the end are verified when a log is opened. The rest is verified as it is
/// read, or all at once by [`LogReader::verify`].
pub const OPEN_VERIFY_BLOCKS_MAX: u64 = 64;

/// The log, as something to open.
#[derive(Debug)]
#[non_exhaustive]
pub struct Log;

/// A log that is open: the one writer, a reader to clone, and what was found.
#[derive(Debug)]
pub struct OpenedLog {
    /// The only one that can append.
    pub writer: LogWriter,
    /// Reads what is durable; clone it freely.
    pub reader: LogReader,
    /// What was found on opening.
    pub report: OpenReport,
}

/// What was found when a log was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenReport {
    /// The position that the next record gets.
    pub next_position: u64,
    /// The hash of the last block; [`BlockHash::ZERO`] of an empty log.
    pub last_block: BlockHash,
    /// How many blocks at the end were verified.
    pub blocks_verified: u64,
    /// Whether there was no log before.
    pub created: bool,
}

impl Log {
    /// Opens the log in a directory, or makes one.
    ///
    /// Refuses a directory that is in use, has another format, or whose last blocks are not as
    /// they were written ([`LogError::Corrupt`], with the position).
    pub fn open(options: &LogOptions) -> Result<OpenedLog, LogError> {
        options.validate()?;
        let store = Arc::new(Store::open(options)?);
        let tail = verify_tail(&store)?;
        store.publish(tail.next_position);
        let report = OpenReport {
            next_position: tail.next_position,
            last_block: tail.last_block,
            blocks_verified: tail.blocks,
            created: store.was_created(),
        };
        info!(
            directory = %options.directory.display(),
            next_position = report.next_position,
            blocks_verified = report.blocks_verified,
            created = report.created,
            "log opened"
        );
        let reader = LogReader::new(Arc::clone(&store));
        let durable = Box::new(DurableStore(Arc::clone(&store)));
        let writer = LogWriter::new(store, durable, options, tail.last_block);
        Ok(OpenedLog { writer, reader, report })
    }
}

struct Tail {
    next_position: u64,
    last_block: BlockHash,
    blocks: u64,
}

/// Verifies the last blocks, each with its link to the one before.
fn verify_tail(store: &Store) -> Result<Tail, LogError> {
    let Some(last) = store.blocks().last()? else {
        return Ok(Tail { next_position: 0, last_block: BlockHash::ZERO, blocks: 0 });
    };
    let mut tail = Tail { next_position: last.positions().end, last_block: last.hash(), blocks: 0 };
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
