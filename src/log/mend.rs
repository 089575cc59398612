//! Opens the store and the archive together, and mends one from the other.
//!
//! It must not guess: a block is taken where its checksum and its place in the chain are right, and
//! where neither copy has one, or both have different ones, the opening is refused.
//!
//! The rules, in order:
//!
//! - A store that opens, is sound at its end and holds at least what the archive holds is kept;
//!   the archive is completed from it.
//! - Any other store is rebuilt, also one that is merely behind: it is written before the archive,
//!   so it has lost what it had made durable, and may have lost parts of its indexes too.
//! - An archive that is damaged is rebuilt, from a store that was walked from end to end first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tracing::warn;

use crate::archive::{
    ArchiveOptions, ArchiveWriter, Found, Inspected, Salvage, inspect, verify as verify_archive,
};
use crate::block::Link;
use crate::crash_point::crash_point;

use super::copies::{ArchiveEnd, Copies};
use super::directory::{ClaimedDirectory, create_durably};
use super::entries::block_entries;
use super::error::LogError;
use super::options::LogOptions;
use super::reader::LogReader;
use super::recovery::{Mended, Recovery};
use super::store::{Store, open_scratch};
use super::swap;
use super::tail::{Tail, verify_tail};

/// Bytes of blocks that are copied in one batch, unless one block is longer.
const COPY_BYTES_MAX: usize = 1024 * 1024;

/// How much is verified before the log is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The end of the store, and the headers and the last segment of the archive.
    End,
    /// Every byte of both.
    Whole,
}

/// Both copies, open and alike.
pub(super) struct Opened {
    pub(super) store: Arc<Store>,
    pub(super) tail: Tail,
    pub(super) archive: ArchiveWriter,
    pub(super) recovery: Recovery,
}

/// The store as it was found.
enum FoundStore {
    /// There is none.
    Missing,
    Whole(Arc<Store>, Tail),
    /// It opens, but something in it is not as it was written.
    Damaged(Arc<Store>, LogError),
    /// It does not open.
    Unopenable(LogError),
}

/// Opens both copies and makes them alike.
pub(super) fn open_both(
    options: &LogOptions,
    archive: &ArchiveOptions,
    directory: &Arc<ClaimedDirectory>,
    depth: Depth,
) -> Result<Opened, LogError> {
    create_durably(&archive.directory)?;
    let found = match depth {
        Depth::End => inspect(&archive.directory)?,
        Depth::Whole => verify_archive(&archive.directory, |_| {})?,
    };
    let store = match find_store(options, directory, depth)? {
        // Nothing to mend it from.
        FoundStore::Damaged(_, error) | FoundStore::Unopenable(error)
            if matches!(found, Found::Missing) =>
        {
            return Err(error);
        }
        store @ (FoundStore::Missing
        | FoundStore::Whole(..)
        | FoundStore::Damaged(..)
        | FoundStore::Unopenable(_)) => store,
    };
    let store_mended = if needs_rebuild(&store, &found, archive)? {
        Some(rebuild_store(options, directory, store, archive, &found)?)
    } else if let FoundStore::Whole(store, tail) = store {
        return with_archive(store, tail, archive, &found, None);
    } else {
        None
    };
    let store = Arc::new(Store::open(options, directory)?);
    let tail = verify_tail(&store)?;
    with_archive(store, tail, archive, &found, store_mended)
}

fn find_store(
    options: &LogOptions,
    directory: &Arc<ClaimedDirectory>,
    depth: Depth,
) -> Result<FoundStore, LogError> {
    if !directory.store().exists() {
        return Ok(FoundStore::Missing);
    }
    let store = match guarded(|| Store::open(options, directory)) {
        Ok(store) => Arc::new(store),
        Err(error) if error.is_damage() => return Ok(FoundStore::Unopenable(error)),
        Err(error) => return Err(error),
    };
    let verified = guarded(|| {
        let tail = verify_tail(&store)?;
        if depth == Depth::Whole {
            store.publish(tail.end.next_position);
            LogReader::new(Arc::clone(&store)).verify()?;
            store.read_every_tree()?;
        }
        Ok(tail)
    });
    match verified {
        Ok(tail) => Ok(FoundStore::Whole(store, tail)),
        Err(error) if error.is_damage() => Ok(FoundStore::Damaged(store, error)),
        Err(error) => Err(error),
    }
}

/// sled may panic over bytes that it did not write.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, LogError>) -> Result<T, LogError> {
    catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| Err(LogError::store_panicked()))
}

fn needs_rebuild(
    store: &FoundStore,
    found: &Found,
    archive: &ArchiveOptions,
) -> Result<bool, LogError> {
    match (store, found) {
        (FoundStore::Missing | FoundStore::Whole(..), Found::Missing) => Ok(false),
        (FoundStore::Missing, Found::Whole(_) | Found::Damaged(_)) => {
            warn!("the store is missing; it is rebuilt from the archive");
            Ok(true)
        }
        (FoundStore::Damaged(_, error) | FoundStore::Unopenable(error), _) => {
            warn!(cause = ?error, "the store is damaged; it is rebuilt");
            Ok(true)
        }
        (FoundStore::Whole(store, tail), Found::Whole(inspected)) => {
            let holds = tail.end == inspected.end || holds_end(store, *tail, inspected.end);
            if !holds {
                warn!("the store does not hold what the archive holds; it is rebuilt");
            }
            Ok(!holds)
        }
        (FoundStore::Whole(store, _), Found::Damaged(error)) => {
            warn!(cause = ?error, "the archive is damaged; it is rebuilt");
            let mut copies =
                Copies::new(Some(store.blocks()), salvage(archive)?, ArchiveEnd::Unknown);
            let mut whole = true;
            while let Some(copied) = copies.next()? {
                whole &= copied.in_store;
            }
            Ok(!whole)
        }
    }
}

/// Whether the store has the archive's last block, and so all before it, and more.
fn holds_end(store: &Store, tail: Tail, end: Link) -> bool {
    if end == Link::START {
        return true;
    }
    let Some(last) = end.next_position.checked_sub(1) else { return false };
    let holds = || {
        let block = store.blocks().holding(last)?;
        Ok(Link::after(&block) == end)
    };
    end.next_position < tail.end.next_position && guarded(holds).unwrap_or(false)
}

fn salvage(archive: &ArchiveOptions) -> Result<Salvage, LogError> {
    Ok(Salvage::open(&archive.directory)?)
}

/// Builds a store of every block that is whole in either copy, and puts it in place.
fn rebuild_store(
    options: &LogOptions,
    directory: &ClaimedDirectory,
    old: FoundStore,
    archive: &ArchiveOptions,
    found: &Found,
) -> Result<Mended, LogError> {
    let old = match old {
        FoundStore::Whole(store, _) | FoundStore::Damaged(store, _) => Some(store),
        FoundStore::Missing | FoundStore::Unopenable(_) => None,
    };
    let archive_end = match found {
        Found::Whole(Inspected { end, torn: None, .. }) => ArchiveEnd::Whole(*end),
        Found::Whole(Inspected { end, torn: Some(_), .. }) => ArchiveEnd::Torn(*end),
        Found::Missing | Found::Damaged(_) => ArchiveEnd::Unknown,
    };
    let mut copies = Copies::new(old.as_deref().map(Store::blocks), salvage(archive)?, archive_end);
    let scratch = swap::begin(directory.path())?;
    let mended = fill_scratch(options, &scratch, &mut copies)?;
    swap::finish_building(directory.path())?;
    // sled may panic when it closes what it could not read.
    drop(catch_unwind(AssertUnwindSafe(|| drop(old))));
    swap::put_in_place(directory.path())?;
    Ok(mended)
}

fn fill_scratch(
    options: &LogOptions,
    scratch: &std::path::Path,
    copies: &mut Copies<'_>,
) -> Result<Mended, LogError> {
    let (db, blocks) = open_scratch(options, scratch)?;
    let mut mended: Option<Mended> = None;
    let (mut entries, mut bytes) = (Vec::new(), 0_usize);
    while let Some(copied) = copies.next()? {
        let encoded = copied.block.encoded();
        if !copied.in_store {
            let mended = mended.get_or_insert(nothing_from(copied.block.first_position()));
            mended.next_position = copied.block.positions().end;
            mended.bytes = mended.bytes.saturating_add(length(encoded));
        }
        bytes += encoded.len();
        entries.extend(block_entries(copied.block.first_position(), encoded));
        if bytes >= COPY_BYTES_MAX {
            blocks.insert(std::mem::take(&mut entries))?;
            crash_point!("mend.store-copied");
            bytes = 0;
        }
    }
    blocks.insert(entries)?;
    crash_point!("mend.store-filled");
    db.flush().map_err(LogError::storage("flush"))?;
    Ok(mended.unwrap_or(nothing_from(copies.end().next_position)))
}

/// Completes or rebuilds the archive from a store that holds all of it.
fn with_archive(
    store: Arc<Store>,
    tail: Tail,
    archive: &ArchiveOptions,
    found: &Found,
    store_mended: Option<Mended>,
) -> Result<Opened, LogError> {
    let (mut writer, torn_bytes) = match found {
        Found::Whole(inspected) => {
            let torn = inspected.torn.as_ref().map_or(0, |torn| torn.torn_bytes);
            (ArchiveWriter::go_on(archive, Some(inspected))?, torn)
        }
        Found::Missing => (ArchiveWriter::go_on(archive, None)?, 0),
        Found::Damaged(_) => (ArchiveWriter::set_aside(archive)?, 0),
    };
    let mut mended = nothing_from(writer.end().next_position);
    mended.torn_bytes = u64::try_from(torn_bytes).unwrap_or(u64::MAX);
    complete(&store, &mut writer, tail.end, &mut mended)?;
    let changed = mended.bytes > 0 || mended.torn_bytes > 0;
    let recovery = Recovery { store: store_mended, archive: changed.then_some(mended) };
    Ok(Opened { store, tail, archive: writer, recovery })
}

fn complete(
    store: &Store,
    writer: &mut ArchiveWriter,
    end: Link,
    mended: &mut Mended,
) -> Result<(), LogError> {
    let mut reached = writer.end();
    let (mut batch, mut bytes) = (Vec::new(), 0_usize);
    while reached.next_position < end.next_position {
        let position = reached.next_position;
        let block = store.blocks().beginning_at(position)?;
        let block = block.ok_or(LogError::LostInBothCopies { position })?;
        super::verify::check_follows(&block, reached)?;
        reached = Link::after(&block);
        bytes += block.encoded().len();
        mended.bytes = mended.bytes.saturating_add(length(block.encoded()));
        batch.push(block.encoded().clone());
        if bytes >= COPY_BYTES_MAX {
            writer.append(&std::mem::take(&mut batch), reached)?;
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        writer.append(&batch, reached)?;
    }
    crash_point!("mend.archive-completed");
    mended.next_position = reached.next_position;
    if reached == end {
        Ok(())
    } else {
        Err(LogError::CopiesDiffer { position: end.next_position })
    }
}

fn nothing_from(position: u64) -> Mended {
    Mended { from_position: position, next_position: position, bytes: 0, torn_bytes: 0 }
}

fn length(encoded: &[u8]) -> u64 {
    u64::try_from(encoded.len()).unwrap_or(u64::MAX)
}
