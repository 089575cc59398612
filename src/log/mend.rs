//! Opens the store and the archive together, and mends one from the other.
//!
//! It must not guess: a block is taken where its checksum and its place in the chain are right, and
//! where neither copy has one, or both have different ones, the opening is refused.
//!
//! What is done is decided in `plan`; an archive that is damaged is rebuilt only from a store that
//! was walked from end to end first.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use tracing::warn;

use crate::archive::{
    ArchiveOptions, ArchiveWriter, Found, Inspected, Salvage, inspect, verify as verify_archive,
};
use crate::block::Link;
use crate::crash_point::crash_point;

use super::apart;
use super::blocks::guarded;
use super::copies::{ArchiveEnd, Copies};
use super::corruption::Corruption;
use super::directory::{ClaimedDirectory, STORE_DIRECTORY, create_durably, sync_tree};
use super::distrust;
use super::entries::block_entries;
use super::error::LogError;
use super::incomplete;
use super::known_end::{self, KnownEnd, Recovering};
use super::options::LogOptions;
use super::plan::{ArchiveSeen, Plan, StoreSeen, plan};
use super::reader::LogReader;
use super::recovery::{Mended, Recovery};
use super::reserve::Reserve;
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

impl FoundStore {
    fn seen(&self) -> StoreSeen {
        match self {
            Self::Missing => StoreSeen::Missing,
            Self::Whole(..) => StoreSeen::Whole,
            Self::Damaged(..) | Self::Unopenable(_) => StoreSeen::Damaged,
        }
    }
}

fn archive_seen(found: &Found) -> ArchiveSeen {
    match found {
        Found::Missing => ArchiveSeen::Missing,
        Found::Whole(_) => ArchiveSeen::Whole,
        Found::Damaged(_) => ArchiveSeen::Damaged,
    }
}

/// A store that an earlier run left a note about is rebuilt, where there is an archive: its blocks
/// may be whole, but an index or a page of it is not.
fn heed_note(store: FoundStore, found: &Found, directory: &ClaimedDirectory) -> FoundStore {
    match (store, found) {
        (FoundStore::Whole(store, _), Found::Whole(_) | Found::Damaged(_))
            if distrust::is_left(directory.path()) =>
        {
            FoundStore::Damaged(store, LogError::RebuildAsked)
        }
        (store, _) => store,
    }
}

/// Opens both copies and makes them alike.
pub(super) fn open_both(
    options: &LogOptions,
    archive: &ArchiveOptions,
    directory: &Arc<ClaimedDirectory>,
    depth: Depth,
    recovering: &Recovering,
    known: Option<&KnownEnd>,
) -> Result<Opened, LogError> {
    create_durably(&archive.directory)?;
    let found = match depth {
        Depth::End => inspect(&archive.directory)?,
        Depth::Whole => verify_archive(&archive.directory, |_| {})?,
    };
    let reached = match recovering {
        Recovering::WithAllRecords { .. } => incomplete::reached(directory.path())?,
        Recovering::GivingUpTheEnd => 0,
    };
    if matches!(found, Found::Missing) {
        directory.read_store()?;
    }
    let store = heed_reached(find_store(options, directory, depth)?, reached);
    let store = heed_note(store, &found, directory);
    let plan = plan(store.seen(), archive_seen(&found), || {
        store_holds_archive(&store, &found, archive, reached)
    })?;
    tell_found(&store, &found, plan);
    let store_mended = match (plan, store) {
        (Plan::Refuse, FoundStore::Damaged(_, error) | FoundStore::Unopenable(error)) => {
            return Err(error);
        }
        (Plan::RebuildStore, store) => {
            Some(rebuild_store(options, directory, store, archive, &found, reached, known)?)
        }
        (_, FoundStore::Whole(store, tail)) => {
            known_end::check(tail.end.next_position, known)?;
            return with_archive(store, tail, options, archive, &found, None);
        }
        // A log that has reached something is in neither copy.
        (_, _) if reached > 0 => return Err(LogError::LostInBothCopies { position: 0 }),
        (_, FoundStore::Missing | FoundStore::Damaged(..) | FoundStore::Unopenable(_)) => {
            known_end::check(0, known)?;
            None
        }
    };
    let store = Arc::new(Store::open(options, directory)?);
    let tail = verify_tail(&store)?;
    let (store_mended, built) = store_mended.unzip();
    // sled takes what it cannot read for what is not there. The archive is not touched before the
    // store is seen to hold what it was built of.
    if built.is_some_and(|end| end != tail.end) {
        return Err(LogError::StoreNotKept { position: tail.end.next_position });
    }
    with_archive(store, tail, options, archive, &found, store_mended)
}

/// A store that ends before what the log is known to have reached has lost its end.
fn heed_reached(store: FoundStore, reached: u64) -> FoundStore {
    match store {
        FoundStore::Whole(store, tail) if tail.end.next_position < reached => {
            let position = tail.end.next_position;
            FoundStore::Damaged(store, LogError::corrupt(position, Corruption::Missing))
        }
        store => store,
    }
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
            store.publish(tail.end);
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

/// Whether the store has every block that is whole in the archive. Asked only where both are there.
fn store_holds_archive(
    store: &FoundStore,
    found: &Found,
    archive: &ArchiveOptions,
    reached: u64,
) -> Result<bool, LogError> {
    let FoundStore::Whole(store, tail) = store else { return Ok(false) };
    match found {
        Found::Missing => Ok(true),
        Found::Whole(inspected) => {
            Ok(tail.end == inspected.end || holds_end(store, *tail, inspected.end))
        }
        Found::Damaged(_) => {
            let (in_store, end) = (Some(store.blocks()), ArchiveEnd::Unknown);
            let mut copies = Copies::new(in_store, salvage(archive)?, end, reached);
            let mut whole = true;
            while let Some(copied) = copies.next()? {
                whole &= copied.in_store;
            }
            Ok(whole)
        }
    }
}

/// Says what was found that is not as it should be.
fn tell_found(store: &FoundStore, found: &Found, plan: Plan) {
    match store {
        FoundStore::Damaged(_, cause) | FoundStore::Unopenable(cause) => {
            warn!(copy = "store", ?cause, ?plan, "the store is damaged");
        }
        FoundStore::Missing if plan == Plan::RebuildStore => {
            warn!(copy = "store", ?plan, "the store is missing");
        }
        FoundStore::Whole(..) if plan == Plan::RebuildStore => {
            warn!(copy = "store", ?plan, "the store does not hold what the archive holds");
        }
        FoundStore::Missing | FoundStore::Whole(..) => {}
    }
    if let Found::Damaged(cause) = found {
        warn!(copy = "archive", ?cause, ?plan, "the archive is damaged");
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

/// Builds a store of every block that is whole in either copy, and puts it in place. Returns what
/// was mended, and where it ends.
fn rebuild_store(
    options: &LogOptions,
    directory: &ClaimedDirectory,
    old: FoundStore,
    archive: &ArchiveOptions,
    found: &Found,
    reached: u64,
    known: Option<&KnownEnd>,
) -> Result<(Mended, Link), LogError> {
    let old = match old {
        FoundStore::Whole(store, _) | FoundStore::Damaged(store, _) => Some(store),
        FoundStore::Missing | FoundStore::Unopenable(_) => None,
    };
    let archive_end = match found {
        // It is being completed, and may end anywhere.
        Found::Whole(_) if reached > 0 => ArchiveEnd::Unknown,
        // Synced later than the store, it may lack the last that was acknowledged.
        Found::Whole(Inspected { end, torn: None, .. }) if archive.sync_delay_ms_max > 0 => {
            ArchiveEnd::Torn(*end)
        }
        Found::Whole(Inspected { end, torn: None, .. }) => ArchiveEnd::Whole(*end),
        Found::Whole(Inspected { end, torn: Some(_), .. }) => ArchiveEnd::Torn(*end),
        Found::Missing | Found::Damaged(_) => ArchiveEnd::Unknown,
    };
    let in_store = old.as_deref().map(Store::blocks);
    let mut copies = Copies::new(in_store, salvage(archive)?, archive_end, reached);
    let scratch = swap::begin(directory.path())?;
    let store_bytes = files_bytes(&directory.store()).max(files_bytes(&archive.directory));
    Reserve::new(options).check_fits(directory.path(), store_bytes)?;
    let mended = fill_scratch(options, &scratch, &mut copies)?;
    let end = copies.end();
    known_end::check(end.next_position, known)?;
    swap::finish_building(directory.path())?;
    // sled may panic when it closes what it could not read.
    drop(catch_unwind(AssertUnwindSafe(|| drop(old))));
    swap::put_in_place(directory.path())?;
    distrust::remove(directory.path())?;
    Ok((mended, end))
}

fn fill_scratch(
    options: &LogOptions,
    scratch: &std::path::Path,
    copies: &mut Copies<'_>,
) -> Result<Mended, LogError> {
    let (_watch, db, blocks) = open_scratch(options, scratch)?;
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
            bytes = 0;
        }
    }
    blocks.insert(entries)?;
    crash_point!("mend.store-filled");
    apart::flush(&db).map_err(LogError::storage("flush"))?;
    // Before sled closes it: who syncs after a failed sync does not hear of it.
    sync_tree(scratch)?;
    Ok(mended.unwrap_or(nothing_from(copies.end().next_position)))
}

/// Completes or rebuilds the archive from a store that holds all of it.
fn with_archive(
    store: Arc<Store>,
    tail: Tail,
    options: &LogOptions,
    archive: &ArchiveOptions,
    found: &Found,
    store_mended: Option<Mended>,
) -> Result<Opened, LogError> {
    // What is to be written to the archive has to fit before anything of it is changed.
    let missing_bytes = match found {
        Found::Whole(_) => 0,
        Found::Missing | Found::Damaged(_) => files_bytes(&options.directory.join(STORE_DIRECTORY)),
    };
    store.reserve().check_fits(&archive.directory, missing_bytes)?;
    let lacks = match found {
        Found::Whole(inspected) => inspected.end != tail.end,
        Found::Missing | Found::Damaged(_) => tail.end != Link::START,
    };
    if lacks {
        incomplete::leave(&options.directory, tail.end.next_position)?;
        crash_point!("mend.archive-noted");
    }
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
    incomplete::remove(&options.directory)?;
    let is_torn = matches!(found, Found::Whole(Inspected { torn: Some(_), .. }));
    let changed = mended.bytes > 0 || is_torn;
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

/// The bytes of the files right in a directory.
fn files_bytes(directory: &Path) -> u64 {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let files =
        entries.filter_map(|entry| entry.metadata().ok()).filter(std::fs::Metadata::is_file);
    files.map(|file| file.len()).sum()
}

fn nothing_from(position: u64) -> Mended {
    Mended { from_position: position, next_position: position, bytes: 0, torn_bytes: 0 }
}

fn length(encoded: &[u8]) -> u64 {
    u64::try_from(encoded.len()).unwrap_or(u64::MAX)
}
