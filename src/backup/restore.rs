//! Makes a new data folder of a backup, as far as was asked for.
//!
//! It must not change the backup. Every block is verified twice: when the cut is looked for, and when
//! it is copied. The archive of the new folder gets its name only when it is whole and durable; the
//! store is built from it by the log itself. So a restore that is interrupted leaves either nothing
//! that counts, or a folder from which `ledgerctl recover` builds the store.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::cut::{CutFinder, RestorePoint};
use super::error::BackupError;
use super::folder::{hold, make, names_in, sync};
use super::source::Source;
use crate::archive::{ArchiveOptions, ArchiveWriter};
use crate::block::{self, Block, BlockHash, Codec, Link};
use crate::log::{Log, LogOptions, OpenedLog};
use crate::wire::record;

/// The archive of the new folder while it is not whole. A restore that finds it begins anew.
const UNFINISHED: &str = "archive.restoring";
const ARCHIVE: &str = "archive";
/// Bytes of blocks that are made durable at once, unless one block is longer.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A block whose hash was noted somewhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Position of its last record.
    pub last_position: u64,
    /// Its hash.
    pub hash: BlockHash,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The backup is verified, and the cut looked for.
    Verifying,
    /// Blocks are copied.
    Copying,
    /// The store is built from the new archive. Without measure.
    Building,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Where the new log ends.
    pub end: Link,
    /// The last place at which it has the very blocks of the backup. The same as `end`, unless the last
    /// block was cut: then the new last block begins here, and has a hash of its own.
    pub common: Link,
    /// The records of the block that was cut, as they are stored.
    pub cut_records: Vec<Bytes>,
    /// Where the backup ends.
    pub backup_end: Link,
    /// Bytes behind its last whole block, which an interrupted backup left.
    pub torn_bytes: usize,
}

/// Restores a backup folder, a backup file, or the archive of a ledger, into a new folder. `progress` hears bytes done, of
/// how many.
pub fn restore(
    backup: &Path,
    into: &Path,
    point: RestorePoint,
    expected: Option<Expected>,
    progress: &mut dyn FnMut(Step, u64, u64),
) -> Result<Restored, BackupError> {
    if names_in(into)?.iter().any(|name| name != UNFINISHED) {
        return Err(BackupError::FolderNotEmpty { directory: into.to_owned() });
    }
    let source = Source::of(backup);
    let survey = survey(&source, point, expected, progress)?;
    if survey.cut == 0 {
        return Err(BackupError::NothingToRestore);
    }
    make(into)?;
    let opened = File::open(into).map_err(BackupError::io("open", into))?;
    let held = hold(opened, into)?;
    let unfinished = begin(into)?;
    let copied = copy(&source, &unfinished, &survey, progress)?;
    let archive = into.join(ARCHIVE);
    fs::rename(&unfinished, &archive).map_err(BackupError::io("rename to", &archive))?;
    sync(into)?;
    drop(held);
    progress(Step::Building, 0, 0);
    build_store(into, copied.end)?;
    Ok(Restored {
        end: copied.end,
        common: copied.common,
        cut_records: copied.cut_records,
        backup_end: survey.end,
        torn_bytes: survey.torn_bytes,
    })
}

/// What a first reading of the whole backup has found.
struct Survey {
    end: Link,
    cut: u64,
    bytes: u64,
    torn_bytes: usize,
}

fn survey(
    source: &Source,
    point: RestorePoint,
    expected: Option<Expected>,
    progress: &mut dyn FnMut(Step, u64, u64),
) -> Result<Survey, BackupError> {
    let total = source.stored_bytes()?;
    let mut finder = CutFinder::new(point);
    let mut failed = None;
    let mut at_expected = None;
    let mut bytes = 0;
    let (end, torn_bytes) = source.verify(&mut |block| {
        bytes += length(block);
        progress(Step::Verifying, bytes, total);
        if let Err(error) = see_records(block, &mut finder) {
            failed.get_or_insert(error);
        }
        let ends = block.positions().end;
        if expected.is_some_and(|expected| expected.last_position.checked_add(1) == Some(ends)) {
            at_expected = Some(block.hash());
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(Expected { last_position: position, hash }) = expected {
        let found = at_expected.ok_or(BackupError::ExpectedNoBlock { position })?;
        if found != hash {
            return Err(BackupError::ExpectedOtherHash { position, found });
        }
    }
    if let RestorePoint::Position(position) = point
        && position >= finder.seen()
    {
        return Err(BackupError::PositionBeyondBackup { position, record_count: finder.seen() });
    }
    Ok(Survey { end, cut: finder.cut(), bytes, torn_bytes })
}

fn see_records(block: &Block, finder: &mut CutFinder) -> Result<(), BackupError> {
    for position in block.positions() {
        let fault = |source| BackupError::Record { position, source };
        let stored = block.record(position).unwrap_or_default();
        let stored = record::decode(&stored).map_err(fault)?;
        let recorded = record::recorded_time(&stored).map_err(fault)?;
        finder.see(&stored.request_id, recorded);
    }
    Ok(())
}

/// An empty folder for the new archive. What an interrupted restore copied there is copied again.
fn begin(into: &Path) -> Result<PathBuf, BackupError> {
    let unfinished = into.join(UNFINISHED);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)
            .map_err(BackupError::io("remove the unfinished", &unfinished))?;
    }
    make(&unfinished)?;
    Ok(unfinished)
}

struct Copied {
    end: Link,
    common: Link,
    cut_records: Vec<Bytes>,
}

fn copy(
    source: &Source,
    to: &Path,
    survey: &Survey,
    progress: &mut dyn FnMut(Step, u64, u64),
) -> Result<Copied, BackupError> {
    let mut writer = ArchiveWriter::go_on(&ArchiveOptions::new(to), None)?;
    let mut copied = Copied { end: Link::START, common: Link::START, cut_records: Vec::new() };
    let (mut batch, mut batch_bytes, mut bytes) = (Vec::new(), 0, 0);
    source.blocks_before(survey.cut, &mut |block| {
        let position = copied.end.next_position;
        copied
            .end
            .check(&block)
            .map_err(|source| BackupError::BlockMisplaced { position, source })?;
        bytes += length(&block);
        let block = if block.positions().end <= survey.cut {
            copied.common = Link::after(&block);
            block
        } else {
            copied.cut_records = (block.first_position()..survey.cut)
                .filter_map(|position| block.record(position))
                .collect();
            cut_block(&block, &copied.cut_records)?
        };
        copied.end = Link::after(&block);
        batch_bytes += block.encoded().len();
        batch.push(block.encoded().clone());
        if batch_bytes >= BATCH_BYTES_MAX {
            writer.append(&std::mem::take(&mut batch), copied.end)?;
            batch_bytes = 0;
        }
        progress(Step::Copying, bytes, survey.bytes);
        Ok(())
    })?;
    if !batch.is_empty() {
        writer.append(&batch, copied.end)?;
    }
    if copied.end.next_position != survey.cut {
        let (reached, expected) = (copied.end.next_position, survey.cut);
        return Err(BackupError::Incomplete { reached, expected });
    }
    Ok(copied)
}

/// The first records of a block, as a block of their own in its place.
fn cut_block(block: &Block, records: &[Bytes]) -> Result<Block, BackupError> {
    let position = block.first_position();
    block::encode(position, block.previous(), records, Codec::default())
        .and_then(block::decode)
        .map_err(|source| BackupError::BlockDamaged { position, source })
}

/// Has the log build the store, and verifies what it has built to the last byte.
fn build_store(into: &Path, end: Link) -> Result<(), BackupError> {
    let OpenedLog { writer, reader, .. } = Log::recover(&LogOptions::new(into))?;
    let verified = reader.verify()?;
    writer.close()?;
    let built = Link { next_position: verified.next_position, last_block: verified.last_block };
    if built == end {
        return Ok(());
    }
    Err(BackupError::NotAsWritten { directory: into.to_owned(), position: end.next_position })
}

fn length(block: &Block) -> u64 {
    u64::try_from(block.encoded().len()).unwrap_or(u64::MAX)
}
