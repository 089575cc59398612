//! Looks at both copies of a log that nobody has open, and changes nothing.
//!
//! It must not mend. sled cannot open a store without writing to it, so what is opened is a copy of
//! the store in a temporary directory.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::archive::{self, ArchiveOptions, Found};
use crate::block::{Block, Link};
use crate::file_lock::{LockedFile, NotLocked};

use super::blocks::guarded;
use super::directory::{
    self, FORMAT, FORMAT_FILE, LOCK_FILE, STORE_DIRECTORY, holder_pid, lock_said,
};
use super::error::LogError;
use super::known_end::{self, KnownEnd};
use super::open::Log;
use super::options::LogOptions;
use super::reader::LogReader;
use super::stopped::{self, MarkFound, STOPPED_BEFORE_FILE, STOPPED_FILE};

/// One copy, as it was found.
#[derive(Debug)]
pub enum CopyFound {
    /// It is not there.
    Missing,
    /// Every block is as it was written, and follows the one before.
    Whole {
        /// Where it ends.
        end: Link,
        /// The bytes of an append that was cut short, behind the last block; 0 of a segment that was
        /// made and has nothing in it.
        torn_bytes: Option<usize>,
    },
    /// Something is not as it was written.
    Damaged(LogError),
}

/// Both copies.
#[derive(Debug)]
pub struct CopiesFound {
    /// The sled store.
    pub store: CopyFound,
    /// The archive.
    pub archive: CopyFound,
    /// How far each derived tree has come, by name. Empty when the store is not whole.
    pub trees: Vec<(String, u64)>,
    /// What the last stop has left, and whether it is so.
    pub stop: StopFound,
    /// How far the log had come at the last clean stop, since when it may have been opened again.
    known: Option<KnownEnd>,
    /// Whether that stop says that there was no record, and nobody has opened the folder since.
    was_empty: bool,
    directory: PathBuf,
}

/// What the last stop of a ledger in this folder has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopFound {
    /// No mark that holds: the ledger was killed, or is of an earlier version. How far an index has to have come
    /// is not known; the next start has it catch up.
    NoMark,
    /// The mark of a clean stop, and what is not as it says.
    Clean {
        /// One each.
        faults: Vec<String>,
    },
    /// The mark of a clean stop, and no whole store to hold it against.
    NotCompared,
    /// A mark that is not as it was written.
    Damaged {
        /// Its file in the folder.
        file: &'static str,
    },
}

impl StopFound {
    /// Whether something is wrong.
    pub fn is_fault(&self) -> bool {
        match self {
            Self::NoMark | Self::NotCompared => false,
            Self::Clean { faults } => !faults.is_empty(),
            Self::Damaged { .. } => true,
        }
    }
}

impl CopiesFound {
    /// That both copies end before what the log is known to have had, or are gone from a folder that was
    /// used. A copy that is damaged may have it.
    pub fn cut_off(&self) -> Option<LogError> {
        let mut head = 0;
        for copy in [&self.store, &self.archive] {
            match copy {
                CopyFound::Whole { end, .. } => head = end.next_position.max(head),
                CopyFound::Missing => {}
                CopyFound::Damaged(_) => return None,
            }
        }
        let known = self.known.as_ref();
        let is_gone =
            matches!((&self.store, &self.archive), (CopyFound::Missing, CopyFound::Missing));
        if is_gone && !self.was_empty {
            return known_end::check_unused(&self.directory, known).err();
        }
        known_end::check(head, known).err()
    }

    /// Whether both are whole and hold the same blocks. The hash of a block covers all before it.
    /// Of a log without records there is no archive yet.
    pub fn are_alike(&self) -> bool {
        match (&self.store, &self.archive) {
            (
                CopyFound::Whole { end: store, .. },
                CopyFound::Whole { end: archive, torn_bytes: None },
            ) => store == archive,
            (CopyFound::Whole { end, .. }, CopyFound::Missing) => *end == Link::START,
            (
                CopyFound::Missing | CopyFound::Whole { .. } | CopyFound::Damaged(_),
                CopyFound::Missing | CopyFound::Whole { .. } | CopyFound::Damaged(_),
            ) => false,
        }
    }
}

impl Log {
    /// Reads every byte of both copies of a log that nobody has open, without changing any, and
    /// hands the records to `see` in order, from the archive, or from the store if that holds more.
    /// A store that is whole is handed to `examine` to be read further; what that writes is thrown
    /// away.
    ///
    /// The store is copied to a temporary directory, which needs as much room.
    pub fn verify_offline(
        options: &LogOptions,
        mut see: impl FnMut(u64, Bytes),
        examine: impl FnOnce(&LogReader),
    ) -> Result<CopiesFound, LogError> {
        options.validate()?;
        let _held = hold(&options.directory)?;
        directory::check_format_of(&options.directory)?;
        let mut seen = 0;
        let archive = match &options.archive {
            None => CopyFound::Missing,
            Some(archive) => archive_found(archive, |block| {
                for position in block.positions() {
                    block.record(position).into_iter().for_each(|record| see(position, record));
                }
                seen = block.positions().end;
            })?,
        };
        let mut trees = Vec::new();
        let store = store_found(options, seen, see, |reader| {
            trees = guarded(|| reader.store().trees_reached())?;
            examine(reader);
            Ok(())
        })?;
        let stop = stop_found(&options.directory, &store, &trees)?;
        let known = KnownEnd::of_marks(&options.directory)?;
        let was_empty = stopped::was_empty(&options.directory, &lock_said(&options.directory)?)?;
        let directory = options.directory.clone();
        Ok(CopiesFound { store, archive, trees, stop, known, was_empty, directory })
    }
}

fn archive_found(archive: &ArchiveOptions, see: impl FnMut(&Block)) -> Result<CopyFound, LogError> {
    Ok(match archive::verify(&archive.directory, see)? {
        Found::Missing => CopyFound::Missing,
        Found::Whole(inspected) => CopyFound::Whole {
            end: inspected.end,
            torn_bytes: inspected.torn.map(|torn| torn.torn_bytes),
        },
        Found::Damaged(error) => CopyFound::Damaged(error.into()),
    })
}

/// Holds what was found against the mark of a clean stop.
fn stop_found(
    directory: &Path,
    store: &CopyFound,
    trees: &[(String, u64)],
) -> Result<StopFound, LogError> {
    let stop = match stopped::holding(directory, &lock_said(directory)?)? {
        MarkFound::Missing => {
            let file = STOPPED_BEFORE_FILE;
            return Ok(match stopped::read(directory, file)? {
                MarkFound::Damaged => StopFound::Damaged { file },
                MarkFound::Missing | MarkFound::Whole(_) => StopFound::NoMark,
            });
        }
        MarkFound::Damaged => return Ok(StopFound::Damaged { file: STOPPED_FILE }),
        MarkFound::Whole(stop) => stop,
    };
    // What is damaged or missing is told as that.
    let CopyFound::Whole { end, .. } = store else {
        return Ok(StopFound::NotCompared);
    };
    let files = stopped::store_files(&directory.join(STORE_DIRECTORY))?;
    Ok(StopFound::Clean { faults: stop.faults(*end, trees, &files) })
}

fn store_found(
    options: &LogOptions,
    seen: u64,
    mut see: impl FnMut(u64, Bytes),
    examine: impl FnOnce(&LogReader) -> Result<(), LogError>,
) -> Result<CopyFound, LogError> {
    let store = options.directory.join(STORE_DIRECTORY);
    if !store.exists() {
        return Ok(CopyFound::Missing);
    }
    let scratch =
        tempfile::tempdir().map_err(LogError::io("make a temporary directory for", &store))?;
    copy_tree(&store, &scratch.path().join(STORE_DIRECTORY))?;
    let format = scratch.path().join(FORMAT_FILE);
    fs::write(&format, FORMAT).map_err(LogError::io("write", &format))?;
    let mut copied = options.clone();
    scratch.path().clone_into(&mut copied.directory);
    copied.archive = None;
    let opened = match guarded(|| Log::recover(&copied)) {
        Ok(opened) => opened,
        Err(error) if error.is_damage() => return Ok(CopyFound::Damaged(error)),
        Err(error) => return Err(error),
    };
    for read in opened.reader.forward(seen, u64::MAX) {
        let (position, record) = read?;
        see(position, record);
    }
    examine(&opened.reader)?;
    let end =
        Link { next_position: opened.report.next_position, last_block: opened.report.last_block };
    Ok(CopyFound::Whole { end, torn_bytes: None })
}

/// Whether there are blocks, and they are of the format that this program writes, in a copy that is
/// whole. Asked where the file that should say so does not. Changes nothing.
pub(super) fn is_of_this_format(options: &LogOptions) -> Result<bool, LogError> {
    let has_blocks = |found: &CopyFound| match found {
        CopyFound::Whole { end, .. } => *end != Link::START,
        CopyFound::Missing | CopyFound::Damaged(_) => false,
    };
    if let Some(archive) = &options.archive
        && has_blocks(&archive_found(archive, |_| {})?)
    {
        return Ok(true);
    }
    Ok(has_blocks(&store_found(options, u64::MAX, |_, _| {}, |_| Ok(()))?))
}

/// Keeps others from opening the log meanwhile, without writing to the lock file.
fn hold(directory: &Path) -> Result<Option<LockedFile>, LogError> {
    let path = directory.join(LOCK_FILE);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::io("open lock file", &path)(error)),
    };
    LockedFile::try_lock(file).map(Some).map_err(|NotLocked { mut file, cause }| match cause {
        TryLockError::WouldBlock => LogError::DirectoryInUse {
            directory: directory.to_owned(),
            holder_pid: holder_pid(&mut file),
        },
        TryLockError::Error(error) => LogError::io("lock", &path)(error),
    })
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), LogError> {
    fs::create_dir(to).map_err(LogError::io("copy to", to))?;
    for entry in fs::read_dir(from).map_err(LogError::io("list", from))? {
        let path = entry.map_err(LogError::io("list", from))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_tree(&path, &target)?;
        } else {
            fs::copy(&path, &target).map_err(LogError::io("copy to", &target))?;
        }
    }
    Ok(())
}
