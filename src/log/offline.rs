//! Looks at both copies of a log that nobody has open, and changes nothing.
//!
//! It must not mend. sled cannot open a store without writing to it, so what is opened is a copy of
//! the store in a temporary directory.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use bytes::Bytes;

use crate::archive::{self, ArchiveOptions, Found};
use crate::block::{Block, Link};
use crate::file_lock::{LockedFile, NotLocked};

use super::blocks::guarded;
use super::directory::{self, FORMAT_FILE, LOCK_FILE, STORE_DIRECTORY, holder_pid};
use super::error::LogError;
use super::open::Log;
use super::options::LogOptions;
use super::reader::LogReader;

/// One copy, as it was found.
#[derive(Debug)]
pub enum CopyFound {
    /// It is not there.
    Missing,
    /// Every block is as it was written, and follows the one before.
    Whole {
        /// Where it ends.
        end: Link,
        /// The bytes of an append that was cut short, behind the last block.
        torn_bytes: usize,
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
}

impl CopiesFound {
    /// Whether both are whole and hold the same blocks. The hash of a block covers all before it.
    /// Of a log without records there is no archive yet.
    pub fn are_alike(&self) -> bool {
        match (&self.store, &self.archive) {
            (
                CopyFound::Whole { end: store, .. },
                CopyFound::Whole { end: archive, torn_bytes: 0 },
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
        let store = store_found(options, seen, see, examine)?;
        Ok(CopiesFound { store, archive })
    }
}

fn archive_found(archive: &ArchiveOptions, see: impl FnMut(&Block)) -> Result<CopyFound, LogError> {
    Ok(match archive::verify(&archive.directory, see)? {
        Found::Missing => CopyFound::Missing,
        Found::Whole(inspected) => CopyFound::Whole {
            end: inspected.end,
            torn_bytes: inspected.torn.map_or(0, |torn| torn.torn_bytes),
        },
        Found::Damaged(error) => CopyFound::Damaged(error.into()),
    })
}

fn store_found(
    options: &LogOptions,
    seen: u64,
    mut see: impl FnMut(u64, Bytes),
    examine: impl FnOnce(&LogReader),
) -> Result<CopyFound, LogError> {
    let store = options.directory.join(STORE_DIRECTORY);
    if !store.exists() {
        return Ok(CopyFound::Missing);
    }
    let scratch =
        tempfile::tempdir().map_err(LogError::io("make a temporary directory for", &store))?;
    copy_tree(&store, &scratch.path().join(STORE_DIRECTORY))?;
    fs::copy(options.directory.join(FORMAT_FILE), scratch.path().join(FORMAT_FILE))
        .map_err(LogError::io("copy to", scratch.path()))?;
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
    examine(&opened.reader);
    let end =
        Link { next_position: opened.report.next_position, last_block: opened.report.last_block };
    Ok(CopyFound::Whole { end, torn_bytes: 0 })
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
