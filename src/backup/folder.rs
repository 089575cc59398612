//! A backup folder: takes the next blocks in, durable and read back, or says why not.
//!
//! It must not know who sends the blocks. Whatever interrupts it (a signal, a full disk, a power cut),
//! the next run cuts a torn end off and goes on.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::error::BackupError;
use crate::archive::{self, ArchiveOptions, ArchiveWriter, Found};
use crate::block::{self, Block, Link};
use crate::file_lock::{LockedFile, NotLocked};

/// The file that says what the folder is.
pub(super) const MARK_FILE: &str = "BACKUP";
pub(super) const MARK: &str = "contract-ledger backup format 1\n";
const MARK_UNFINISHED: &str = "BACKUP.unfinished";
const MARK_SHOWN_CHARS_MAX: usize = 64;
/// Held with `flock` while a backup runs.
const LOCK_FILE: &str = "backup.lock";
/// Bytes of blocks that are made durable at once, unless one block is longer.
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How much of what earlier runs wrote is read before the folder is continued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every byte.
    Whole,
    /// Every header and the last segment.
    End,
}

/// A backup folder that this process alone writes to.
///
/// Invariant: what is `pending` follows what the writer has, and ends at `end`.
#[derive(Debug)]
pub struct BackupFolder {
    directory: PathBuf,
    writer: ArchiveWriter,
    begun: Link,
    torn_bytes: usize,
    end: Link,
    pending: Vec<Bytes>,
    pending_bytes: usize,
    _lock: LockedFile,
}

impl BackupFolder {
    /// Opens a backup folder, or makes one of an empty or new folder. A torn end, which an
    /// interrupted run left, is cut off; damage is refused.
    pub fn open(directory: &Path, depth: Depth) -> Result<Self, BackupError> {
        Self::open_with(&ArchiveOptions::new(directory), depth)
    }

    pub(super) fn open_with(options: &ArchiveOptions, depth: Depth) -> Result<Self, BackupError> {
        let directory = options.directory.clone();
        let is_new = is_new(&directory)?;
        make(&directory)?;
        let lock = lock(&directory)?;
        if is_new {
            write_mark(&directory)?;
        }
        let found = match depth {
            Depth::Whole => archive::verify(&directory, |_| {})?,
            Depth::End => archive::inspect(&directory)?,
        };
        let inspected = match found {
            Found::Missing => None,
            Found::Whole(inspected) => Some(inspected),
            Found::Damaged(source) => return Err(BackupError::Damaged { directory, source }),
        };
        let torn = inspected.as_ref().and_then(|inspected| inspected.torn.as_ref());
        let torn_bytes = torn.map_or(0, |torn| torn.torn_bytes);
        let writer = ArchiveWriter::go_on(options, inspected.as_ref())?;
        let begun = writer.end();
        Ok(Self {
            directory,
            writer,
            begun,
            torn_bytes,
            end: begun,
            pending: Vec::new(),
            pending_bytes: 0,
            _lock: lock,
        })
    }

    /// After the last block that it holds or has taken in.
    pub fn end(&self) -> Link {
        self.end
    }

    /// Bytes that an interrupted run had left behind the last whole block.
    pub fn torn_bytes(&self) -> usize {
        self.torn_bytes
    }

    /// Takes in the next block. What is no block, or not the next, is refused and not written.
    pub fn take_in(&mut self, encoded: Bytes) -> Result<(), BackupError> {
        let block = next_block(self.end, encoded)?;
        self.end = Link::after(&block);
        self.pending_bytes = self.pending_bytes.saturating_add(block.encoded().len());
        self.pending.push(block.encoded().clone());
        if self.pending_bytes >= BATCH_BYTES_MAX { self.write() } else { Ok(()) }
    }

    /// Makes durable what was taken in, also when no more will come.
    pub fn write(&mut self) -> Result<(), BackupError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        Ok(self.writer.append(&pending, self.end)?)
    }

    /// Ends the run at `expected`, where the log was captured, and reads back every segment that was
    /// written to.
    pub fn finish(mut self, expected: Link) -> Result<(), BackupError> {
        self.write()?;
        if self.end != expected {
            let reached = self.end.next_position;
            return Err(BackupError::Incomplete { reached, expected: expected.next_position });
        }
        if self.begun == expected {
            return Ok(());
        }
        let directory = self.directory.clone();
        match archive::verify_from(&directory, self.begun.next_position)? {
            Found::Whole(read) if read.end == expected && read.torn.is_none() => Ok(()),
            Found::Damaged(source) => Err(BackupError::Damaged { directory, source }),
            Found::Missing | Found::Whole(_) => {
                Err(BackupError::NotAsWritten { directory, position: expected.next_position })
            }
        }
    }
}

/// The block, if it is one and the next.
pub(super) fn next_block(end: Link, encoded: Bytes) -> Result<Block, BackupError> {
    let position = end.next_position;
    let block =
        block::decode(encoded).map_err(|source| BackupError::BlockDamaged { position, source })?;
    end.check(&block).map_err(|source| BackupError::BlockMisplaced { position, source })?;
    Ok(block)
}

/// Whether a folder says that it is a backup folder. Refuses one that says anything else.
pub(super) fn is_marked(directory: &Path) -> Result<bool, BackupError> {
    let mark = directory.join(MARK_FILE);
    match fs::read_to_string(&mark) {
        Ok(text) if text == MARK => Ok(true),
        Ok(text) => {
            let found = text.chars().take(MARK_SHOWN_CHARS_MAX).collect();
            Err(BackupError::FormatUnknown { directory: directory.to_owned(), found })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let found = "no text".to_owned();
            Err(BackupError::FormatUnknown { directory: directory.to_owned(), found })
        }
        Err(error) => Err(BackupError::io("read", &mark)(error)),
    }
}

/// Whether the folder is to be made into a backup folder. Refuses one that is something else.
fn is_new(directory: &Path) -> Result<bool, BackupError> {
    if is_marked(directory)? {
        return Ok(false);
    }
    for name in names_in(directory)? {
        // What a first run that was interrupted leaves.
        if name != MARK_UNFINISHED && name != LOCK_FILE {
            return Err(BackupError::NotABackup { directory: directory.to_owned() });
        }
    }
    Ok(true)
}

/// The names in a folder; none when there is no such folder.
pub(super) fn names_in(directory: &Path) -> Result<Vec<String>, BackupError> {
    let failed = || BackupError::io("list", directory);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed()(error)),
    };
    entries
        .map(|entry| Ok(entry.map_err(failed())?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Makes a folder and those above it that are missing, durable as far as its own name.
pub(super) fn make(directory: &Path) -> Result<(), BackupError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(BackupError::io("create folder", directory))?;
    match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        Some(_) | None => sync(Path::new(".")),
    }
}

pub(super) fn sync(directory: &Path) -> Result<(), BackupError> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(BackupError::io("sync", directory))
}

fn lock(directory: &Path) -> Result<LockedFile, BackupError> {
    let path = directory.join(LOCK_FILE);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(BackupError::io("open lock file", &path))?;
    hold(file, directory)
}

/// Holds a lock on an open file or folder, or says who has it.
pub(super) fn hold(file: File, directory: &Path) -> Result<LockedFile, BackupError> {
    LockedFile::try_lock(file).map_err(|NotLocked { cause, .. }| match cause {
        TryLockError::WouldBlock => BackupError::InUse { directory: directory.to_owned() },
        TryLockError::Error(error) => BackupError::io("lock", directory)(error),
    })
}

/// Under another name first, so that a folder with the mark has all of it.
fn write_mark(directory: &Path) -> Result<(), BackupError> {
    let unfinished = directory.join(MARK_UNFINISHED);
    File::create(&unfinished)
        .and_then(|mut file| file.write_all(MARK.as_bytes()).and_then(|()| file.sync_all()))
        .map_err(BackupError::io("write", &unfinished))?;
    let mark = directory.join(MARK_FILE);
    fs::rename(&unfinished, &mark).map_err(BackupError::io("rename to", &mark))?;
    sync(directory)
}
