//! The segment that is appended to, and the zeros that are laid out ahead of it.
//!
//! It must not know what a block holds, nor when a segment is full.
//!
//! A file that each append makes longer has the file system write its own journal with each sync. So the
//! file is made longer now and then, by zeros, and an append is written over them: its sync has nothing
//! but its bytes to write. Zeros behind the last block are no damage (`scan`), and are cut off when the
//! segment is finished or the archive is closed.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use tracing::debug;

use super::error::ArchiveError;
use super::files;
use super::segment::{SEGMENT_HEADER_BYTES, encode_header};
use crate::block::Link;
use crate::crash_point::crash_point;

/// An append of more than this fraction of the zeros lays out none: what it costs is its bytes.
const LONG_FRACTION: u64 = 4;

/// See the module.
///
/// Invariant: the file holds whole blocks up to `bytes`, and zeros from there to `reaches`, where it ends.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) file: File,
    pub(super) path: PathBuf,
    bytes: u64,
    reaches: u64,
}

impl Current {
    pub(super) fn create(directory: &Path, before: Link) -> Result<Self, ArchiveError> {
        let header = encode_header(before);
        let (file, path) = files::create(directory, before.next_position, &header)?;
        Ok(Self { file, path, bytes: header_bytes(), reaches: header_bytes() })
    }

    /// Goes on with one that ends with its last block.
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = files::open_to_write(path)?;
        // A process that was killed may have left in the page cache what was read just now.
        file.sync_all().map_err(ArchiveError::io("sync", path))?;
        let bytes = file.metadata().map_err(ArchiveError::io("read", path))?.len();
        Ok(Self { file, path: path.to_owned(), bytes, reaches: bytes })
    }

    /// The bytes of header and blocks.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Writes behind the last block, over zeros where there are any, and lays out more where they end.
    pub(super) fn append(
        &mut self,
        batch: &[u8],
        batch_bytes: u64,
        zeros_bytes: u64,
    ) -> Result<(), ArchiveError> {
        let end = self.bytes.saturating_add(batch_bytes);
        if end > self.reaches && batch_bytes <= zeros_bytes / LONG_FRACTION {
            self.lay_out(self.bytes.saturating_add(zeros_bytes));
        }
        crash_point!("archive.half-written", {
            let half = batch.get(..batch.len() / 2).unwrap_or_default();
            drop(self.file.write_all_at(half, self.bytes));
        });
        self.file.write_all_at(batch, self.bytes).map_err(ArchiveError::io("write", &self.path))?;
        crash_point!("archive.written");
        self.bytes = end;
        self.reaches = self.reaches.max(end);
        Ok(())
    }

    /// Makes the file so long, by zeros. One that cannot be made longer grows as it is written, and what
    /// is wrong with it the write itself tells.
    fn lay_out(&mut self, to: u64) {
        let missing = to.saturating_sub(self.reaches);
        let zeros = vec![0; usize::try_from(missing).unwrap_or_default()];
        let laid_out = self.file.write_all_at(&zeros, self.reaches);
        crash_point!("archive.zeros-written");
        match laid_out {
            Ok(()) => self.reaches = self.reaches.max(to),
            Err(error) => {
                debug!(path = %self.path.display(), %error, "no zeros are laid out ahead");
                let length = self.file.metadata().map_or(self.reaches, |file| file.len());
                self.reaches = self.reaches.max(length);
            }
        }
    }

    pub(super) fn sync(&self) -> Result<(), ArchiveError> {
        self.file.sync_data().map_err(ArchiveError::io("sync", &self.path))
    }

    /// Cuts the zeros off, durably.
    pub(super) fn shorten(&mut self) -> Result<(), ArchiveError> {
        if self.reaches > self.bytes {
            files::shorten(&self.file, &self.path, self.bytes)?;
            self.reaches = self.bytes;
        }
        Ok(())
    }
}

pub(super) fn header_bytes() -> u64 {
    u64::try_from(SEGMENT_HEADER_BYTES).unwrap_or(u64::MAX)
}
