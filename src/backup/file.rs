//! A backup as a single file: a tar of the files of a backup folder, written as a stream and read back
//! before it gets its name.
//!
//! It must not know who sends the blocks. A file is never changed once it has its name; whatever
//! interrupts a run leaves none under that name.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use tar::{Builder, Header};

use super::error::BackupError;
use super::folder::{MARK, MARK_FILE, hold, next_block, sync};
use super::source::read_file;
use crate::archive::{encode_header, segment_name};
use crate::block::Link;
use crate::file_lock::LockedFile;

/// The last entry: what the file holds, so that one that was cut short is known.
pub(super) const MANIFEST_FILE: &str = "MANIFEST";
/// Ending of a file that is being written.
const UNFINISHED: &str = "unfinished";
/// Bytes from which on the segment in memory is written.
const SEGMENT_BYTES: usize = 4 * 1024 * 1024;

/// A backup file that is being written.
///
/// Invariant: `segment` holds the header and the blocks from `begun` to `end`, or nothing.
pub struct BackupFile {
    tar: Builder<LockedFile>,
    begun: Link,
    end: Link,
    segment: Vec<u8>,
    path: PathBuf,
    // Dropped last: takes what is not finished away.
    unfinished: Unfinished,
}

impl BackupFile {
    /// Begins a file. Refuses a name that is taken.
    pub fn begin(path: &Path) -> Result<Self, BackupError> {
        if path.symlink_metadata().is_ok() {
            return Err(BackupError::FileExists { path: path.to_owned() });
        }
        let (file, unfinished) = Unfinished::create(path)?;
        let mut begun = Self {
            tar: Builder::new(file),
            begun: Link::START,
            end: Link::START,
            segment: Vec::new(),
            path: path.to_owned(),
            unfinished,
        };
        begun.add(MARK_FILE, MARK.as_bytes())?;
        Ok(begun)
    }

    /// After the last block that it has taken in.
    pub fn end(&self) -> Link {
        self.end
    }

    /// Takes in the next block. What is no block, or not the next, is refused and not written.
    pub fn take_in(&mut self, encoded: Bytes) -> Result<(), BackupError> {
        let block = next_block(self.end, encoded)?;
        if self.segment.is_empty() {
            self.begun = self.end;
            self.segment.extend_from_slice(&encode_header(self.begun));
        }
        self.segment.extend_from_slice(block.encoded());
        self.end = Link::after(&block);
        if self.segment.len() >= SEGMENT_BYTES { self.write_segment() } else { Ok(()) }
    }

    /// Ends the file at `expected`, where the log was captured, makes it durable, reads it back, and
    /// gives it its name. `read_back` hears the position that was read.
    pub fn finish(
        mut self,
        expected: Link,
        read_back: &mut dyn FnMut(u64),
    ) -> Result<(), BackupError> {
        self.write_segment()?;
        if self.end != expected {
            let reached = self.end.next_position;
            return Err(BackupError::Incomplete { reached, expected: expected.next_position });
        }
        self.add(MANIFEST_FILE, manifest(expected).as_bytes())?;
        let Self { tar, path, unfinished, .. } = self;
        let written = tar.into_inner().and_then(|file| file.sync_all().map(|()| file));
        // Held until the file has its name.
        let _held = written.map_err(BackupError::io("write", &unfinished.path))?;
        let read = read_file(&unfinished.path, &mut |block| {
            read_back(block.positions().end);
            Ok(())
        })?;
        if read != expected {
            let position = expected.next_position;
            return Err(BackupError::NotAsWritten { directory: path, position });
        }
        unfinished.name(&path)
    }

    fn write_segment(&mut self) -> Result<(), BackupError> {
        if self.segment.is_empty() {
            return Ok(());
        }
        let segment = std::mem::take(&mut self.segment);
        self.add(&segment_name(self.begun.next_position), &segment)
    }

    fn add(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let mut header = Header::new_ustar();
        header.set_size(u64::try_from(content.len()).unwrap_or(u64::MAX));
        header.set_mode(0o600);
        self.tar
            .append_data(&mut header, name, content)
            .map_err(BackupError::io("write", &self.unfinished.path))
    }

    /// Has everything from here on written somewhere else, for tests of what a failure does.
    #[cfg(test)]
    pub(super) fn write_to(&mut self, file: fs::File) {
        self.tar = Builder::new(LockedFile::try_lock(file).unwrap());
    }
}

impl fmt::Debug for BackupFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupFile")
            .field("path", &self.path)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

/// What the last entry says of a file that ends here.
pub(super) fn manifest(end: Link) -> String {
    let Link { next_position, last_block } = end;
    format!("contract-ledger backup manifest 1\nrecords {next_position}\nlast_block {last_block}\n")
}

/// The file under its first name. What is not given its own is removed.
#[derive(Debug)]
struct Unfinished {
    path: PathBuf,
    is_named: bool,
}

impl Unfinished {
    /// Never truncates: a name that is there may be a run's that still writes.
    fn create(path: &Path) -> Result<(LockedFile, Self), BackupError> {
        let mut name = path.as_os_str().to_owned();
        name.push(".");
        name.push(UNFINISHED);
        let unfinished = PathBuf::from(name);
        match File::open(&unfinished) {
            Ok(left) => {
                drop(hold(left, path)?);
                fs::remove_file(&unfinished).map_err(BackupError::io("remove", &unfinished))?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(BackupError::io("open", &unfinished)(error)),
        }
        let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished);
        let created = created.map_err(BackupError::io("create", &unfinished))?;
        let this = Self { path: unfinished, is_named: false };
        Ok((hold(created, path)?, this))
    }

    /// Gives it its name, durably, and only if nothing else has it.
    fn name(mut self, path: &Path) -> Result<(), BackupError> {
        let named = match renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE) {
            // A file system that cannot promise it.
            Err(Errno::INVAL | Errno::NOSYS) if path.symlink_metadata().is_err() => {
                fs::rename(&self.path, path)
            }
            Err(Errno::INVAL | Errno::NOSYS | Errno::EXIST) => {
                return Err(BackupError::FileExists { path: path.to_owned() });
            }
            renamed => renamed.map_err(io::Error::from),
        };
        named.map_err(BackupError::io("rename to", path))?;
        self.is_named = true;
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
            Some(_) | None => sync(Path::new(".")),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.is_named {
            // What cannot be removed is in the way of nobody: the next run does it.
            drop(fs::remove_file(&self.path));
        }
    }
}
