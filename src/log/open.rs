//! Opens a log: both copies of it, found alike or made alike, before anything is served.
//!
//! It must not know how a damaged copy is mended.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::archive::{ArchiveWriter, Found, inspect, stored_bytes};
use crate::block::BlockHash;

use super::blocks::guarded;
use super::directory::{ClaimedDirectory, check_format_of};
use super::durable::DurableStore;
use super::error::LogError;
use super::known_end::{self, KnownEnd, Recovering};
use super::mend::{Depth, Opened, open_both};
use super::offline;
use super::options::{Durability, LogOptions};
use super::reader::LogReader;
use super::recovery::{Mended, Recovery};
use super::stopped;
use super::store::Store;
use super::swap;
use super::tail::verify_tail;
use super::writer::LogWriter;

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
    /// What had to be mended.
    pub recovery: Recovery,
}

impl Log {
    /// Opens the log in a directory, or makes one.
    ///
    /// The store and the archive are made alike first, each mended from the other. Refuses a
    /// directory that is in use or has another format, and what neither copy can mend: the error
    /// names the position.
    pub fn open(options: &LogOptions) -> Result<OpenedLog, LogError> {
        Self::open_knowing(options, None)
    }

    /// The same for a log that is known to have come so far: one that ends before is refused
    /// ([`LogError::EndsEarly`]). What the log itself has left is heeded in any case.
    pub fn open_knowing(
        options: &LogOptions,
        known: Option<KnownEnd>,
    ) -> Result<OpenedLog, LogError> {
        let recovering = Recovering::WithAllRecords { known };
        guarded(|| open(options, Depth::End, &recovering))
    }

    /// Opens the log after every byte of both copies was verified, so that damage anywhere is
    /// found and mended, and not only at the end.
    ///
    /// Refuses a directory without a log when there is no archive to build one from.
    pub fn recover(options: &LogOptions) -> Result<OpenedLog, LogError> {
        Self::recover_as(options, &Recovering::WithAllRecords { known: None })
    }

    /// Writes the file that names the format anew, also where it states a later version: for whoever says
    /// that it is altered. Every block of a copy has to be whole and of the format that this program writes.
    pub fn rewrite_format(options: &LogOptions) -> Result<(), LogError> {
        options.validate()?;
        check_format_of(&options.directory).or_else(|error| match error {
            LogError::NoLog { .. } => Err(error),
            _ => Ok(()),
        })?;
        let is_of_this_format = || offline::is_of_this_format(options);
        ClaimedDirectory::claim_rewriting(&options.directory, is_of_this_format).map(drop)
    }

    /// As [`Self::recover`], and says what a log may be that has lost records at its end.
    pub fn recover_as(
        options: &LogOptions,
        recovering: &Recovering,
    ) -> Result<OpenedLog, LogError> {
        let archived = match &options.archive {
            Some(archive) => !matches!(inspect(&archive.directory)?, Found::Missing),
            None => false,
        };
        if !archived {
            match check_format_of(&options.directory) {
                Err(error) if error.is_format_lost() => {}
                checked => checked?,
            }
        }
        guarded(|| open(options, Depth::Whole, recovering))
    }
}

fn open(
    options: &LogOptions,
    depth: Depth,
    recovering: &Recovering,
) -> Result<OpenedLog, LogError> {
    options.validate()?;
    let directory = Arc::new(match depth {
        Depth::End => ClaimedDirectory::claim(&options.directory)?,
        Depth::Whole => {
            ClaimedDirectory::claim_or(&options.directory, || offline::is_of_this_format(options))?
        }
    });
    let known = match recovering {
        Recovering::WithAllRecords { known } => {
            KnownEnd::later(KnownEnd::of_marks(directory.path())?, known.clone())
        }
        Recovering::GivingUpTheEnd => None,
    };
    let was_empty = directory.begin()?;
    swap::put_in_place(directory.path())?;
    let created = !directory.store().exists();
    if created && !was_empty && !has_segments(options)? {
        known_end::check_unused(directory.path(), known.as_ref())?;
    }
    let (store, tail, archive, recovery) = if let Some(archive) = &options.archive {
        let Opened { store, tail, archive, recovery } =
            open_both(options, archive, &directory, depth, recovering, known.as_ref())?;
        (store, tail, Some(archive), recovery)
    } else {
        directory.read_store()?;
        let store = Arc::new(Store::open(options, &directory)?);
        let tail = verify_tail(&store)?;
        known_end::check(tail.end.next_position, known.as_ref())?;
        (store, tail, None, Recovery::default())
    };
    store.publish(tail.end);
    let reader = LogReader::new(Arc::clone(&store));
    if archive.is_none() && depth == Depth::Whole {
        reader.verify()?;
        store.read_every_tree()?;
    }
    if *recovering == Recovering::GivingUpTheEnd {
        stopped::forget(directory.path())?;
    }
    let report = OpenReport {
        next_position: tail.end.next_position,
        last_block: tail.end.last_block,
        blocks_verified: tail.blocks,
        created: created && tail.end.next_position == 0,
        recovery,
    };
    tell(options, &report);
    let archive = archive.map(|archive| delayed(archive, options, &store)).transpose()?;
    let durable = Box::new(DurableStore { store: Arc::clone(&store), archive });
    let writer = LogWriter::new(store, durable, options, tail.end.last_block);
    directory.opened();
    Ok(OpenedLog { writer, reader, report })
}

/// Whether the archive has a segment.
fn has_segments(options: &LogOptions) -> Result<bool, LogError> {
    match &options.archive {
        Some(archive) => Ok(stored_bytes(&archive.directory)? > 0),
        None => Ok(false),
    }
}

/// The archive, syncing within the configured delay. A delayed sync that fails stops the log.
pub(super) fn delayed(
    mut archive: ArchiveWriter,
    options: &LogOptions,
    store: &Arc<Store>,
) -> Result<ArchiveWriter, LogError> {
    if let Durability::ArchiveWithin { delay_ms_max } = options.durability() {
        let store = Arc::downgrade(store);
        archive.delay_syncs(Duration::from_millis(delay_ms_max), move |failure| {
            if let Some(store) = store.upgrade() {
                store.stop(&failure.into());
            }
        })?;
    }
    Ok(archive)
}

/// One line for each copy that was mended, and one that says how the start went: `outcome` is
/// `clean`, `recovered` or `created`. A refused start is told by whoever asked for it.
fn tell(options: &LogOptions, report: &OpenReport) {
    let Recovery { store, archive } = &report.recovery;
    let copies = [
        ("store", store, "recovered: the store was rebuilt, the old one is set aside"),
        ("archive", archive, "recovered: the archive was completed or rewritten from the store"),
    ];
    for (copy, mended, what) in copies {
        if let Some(Mended { from_position, next_position, bytes, torn_bytes }) = mended {
            warn!(
                outcome = "recovered",
                copy, from_position, next_position, bytes, torn_bytes, "{what}"
            );
        }
    }
    let outcome = match report {
        OpenReport { created: true, .. } => "created",
        OpenReport { recovery, .. } if recovery.is_clean() => "clean",
        OpenReport { .. } => "recovered",
    };
    info!(
        outcome,
        directory = %options.directory.display(),
        next_position = report.next_position,
        blocks_verified = report.blocks_verified,
        "log opened"
    );
}
