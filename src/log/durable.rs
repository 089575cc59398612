//! The steps that make an append durable, and the one place that performs them.
//!
//! It must not know records, blocks or positions. [`Durable`] is the seam at which tests watch
//! the order of the steps and make them fail.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::OFlags;
use tracing::warn;

use crate::archive::ArchiveWriter;
use crate::block::Link;
use crate::crash_point::crash_point;

use super::directory;
use super::entries::Entry;
use super::error::LogError;
use super::store::Store;

/// The steps of a durable write. Each failure means that nothing is known of what was written.
pub(super) trait Durable: fmt::Debug + Send {
    /// Writes entries to the store's memory, all or none.
    fn apply(&mut self, entries: Vec<Entry>) -> Result<(), LogError>;
    /// Has the store hand everything it holds to the operating system.
    fn flush(&mut self) -> Result<(), LogError>;
    /// Has the operating system hand everything to the device, and the device to its medium.
    fn sync(&mut self) -> Result<(), LogError>;
    /// Writes the blocks to the archive, if there is one, and makes them durable there, or has that
    /// done within the configured delay. `after` is where they end.
    fn archive(&mut self, blocks: &[Bytes], after: Link) -> Result<(), LogError>;
    /// Makes durable what the archive was given and may sync later.
    fn settle(&mut self) -> Result<(), LogError>;
}

/// The steps as they are done outside tests.
#[derive(Debug)]
pub(super) struct DurableStore {
    pub(super) store: Arc<Store>,
    /// The second copy.
    pub(super) archive: Option<ArchiveWriter>,
}

impl Durable for DurableStore {
    fn apply(&mut self, entries: Vec<Entry>) -> Result<(), LogError> {
        self.store.blocks().insert(entries)
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.store.flush()
    }

    fn sync(&mut self) -> Result<(), LogError> {
        self.store.sync()
    }

    fn archive(&mut self, blocks: &[Bytes], after: Link) -> Result<(), LogError> {
        // For the next append; this one is in the store already.
        self.store.lay_out_zeros();
        let Some(archive) = &mut self.archive else { return Ok(()) };
        archive.allow_zeros(self.store.reserve().can_spare(archive.zeros_ahead_bytes()));
        Ok(archive.append(blocks, after)?)
    }

    fn settle(&mut self) -> Result<(), LogError> {
        match &mut self.archive {
            Some(archive) => Ok(archive.settle()?),
            None => Ok(()),
        }
    }
}

/// The bytes of a segment of sled's file.
const SLED_SEGMENT_BYTES: u64 = 512 * 1024;
/// Those of its header, which are never all zeros.
const SLED_SEGMENT_HEADER_BYTES: usize = 20;

/// sled's files, as far as they have to be synced by us.
///
/// sled's own `flush` ends in `sync_file_range`, which leaves the file's length, its block map
/// and the device's cache as they are: after a power cut everything was gone. `fdatasync` on the
/// same file covers all three.
#[derive(Debug)]
pub(super) struct StoreFiles {
    data: File,
    /// The same file, and writes go to its end.
    data_end: File,
    data_path: PathBuf,
    blobs_path: PathBuf,
    /// What a test does in the place of the sync.
    #[cfg(test)]
    pub(super) instead: std::sync::OnceLock<InTest>,
}

/// A sync of a test's.
#[cfg(test)]
pub(super) struct InTest(pub(super) Box<dyn Fn() -> Result<(), LogError> + Send + Sync>);

#[cfg(test)]
impl fmt::Debug for InTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InTest")
    }
}

impl StoreFiles {
    /// Opens the files of a store that is open already.
    pub(super) fn open(store: &Path) -> Result<Self, LogError> {
        let data_path = store.join("db");
        let data = open_unnoticed(&data_path).map_err(LogError::io("open", &data_path))?;
        let data_end = OpenOptions::new().append(true).open(&data_path);
        let data_end = data_end.map_err(LogError::io("open", &data_path))?;
        Ok(Self {
            data,
            data_end,
            data_path,
            blobs_path: store.join("blobs"),
            #[cfg(test)]
            instead: std::sync::OnceLock::new(),
        })
    }

    /// Syncs what sled has written. `entries.rs` says why there are no blobs; were there one
    /// after all, it is synced before the file that points to it.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        #[cfg(test)]
        if let Some(InTest(sync)) = self.instead.get() {
            return sync();
        }
        let list = LogError::io("list", &self.blobs_path);
        if fs::read_dir(&self.blobs_path).map_err(list)?.next().is_some() {
            warn!(path = %self.blobs_path.display(), "sled has written blobs, which it never should");
            directory::sync_tree(&self.blobs_path)?;
        }
        self.data.sync_data().map_err(LogError::io("sync", &self.data_path))
    }

    /// Makes sled's file longer by zeros, once sled has come to the last of them. Each sync has the file
    /// system's journal written too while the file grows with each write; over zeros that are there it
    /// has nothing but data to write.
    ///
    /// They are written to the end of the file, wherever that is: the system puts each such write behind
    /// whatever sled has written until then, and sled writes over them, so neither hits what the other
    /// has written. To sled they are segments that nobody uses, which it takes at a start for free ones.
    pub(super) fn lay_out_zeros(&self, zeros_bytes: u64) -> io::Result<()> {
        let length = io::Seek::seek(&mut &self.data, io::SeekFrom::End(0))?;
        let into_segment = length % SLED_SEGMENT_BYTES;
        if into_segment == 0 && self.last_segment_is_unused(length)? {
            return Ok(());
        }
        let segments = zeros_bytes.div_ceil(SLED_SEGMENT_BYTES);
        let rest = (SLED_SEGMENT_BYTES - into_segment) % SLED_SEGMENT_BYTES;
        let missing = rest.saturating_add(segments.saturating_mul(SLED_SEGMENT_BYTES));
        let zeros = vec![0; usize::try_from(missing).unwrap_or_default()];
        io::Write::write_all(&mut &self.data_end, &zeros)?;
        crash_point!("store.zeros-written");
        Ok(())
    }

    /// Whether sled has not come to the last segment of its file, of which it writes the beginning first.
    fn last_segment_is_unused(&self, length: u64) -> io::Result<bool> {
        let Some(begin) = length.checked_sub(SLED_SEGMENT_BYTES) else { return Ok(false) };
        let mut header = [0; SLED_SEGMENT_HEADER_BYTES];
        self.data.read_exact_at(&mut header, begin)?;
        Ok(header == [0; SLED_SEGMENT_HEADER_BYTES])
    }
}

/// Opens a file so that reading it does not change its time of access, which the next sync would have to
/// write. Whoever does not own the file opens it as any other.
fn open_unnoticed(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NOATIME.bits()).unwrap_or_default();
    let unnoticed = OpenOptions::new().read(true).custom_flags(flags).open(path);
    unnoticed.or_else(|_| File::open(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn store_with_files() -> tempfile::TempDir {
        let store = tempfile::tempdir().unwrap();
        fs::write(store.path().join("db"), "").unwrap();
        fs::create_dir(store.path().join("blobs")).unwrap();
        store
    }

    #[test]
    fn the_synced_file_is_the_one_that_sled_writes() {
        let store = store_with_files();
        let files = StoreFiles::open(store.path()).unwrap();
        let named = fs::metadata(store.path().join("db")).unwrap();
        let opened = files.data.metadata().unwrap();
        assert_eq!((opened.dev(), opened.ino()), (named.dev(), named.ino()));
    }

    /// The kernel refuses `fdatasync` on `/dev/null`, so only a call that is really made fails.
    #[test]
    fn the_data_file_is_synced_by_the_kernel() {
        let store = store_with_files();
        let mut files = StoreFiles::open(store.path()).unwrap();
        files.sync().unwrap();
        files.data = File::open("/dev/null").unwrap();
        match files.sync() {
            Err(LogError::Io { doing: "sync", path, .. }) => {
                assert_eq!(path, store.path().join("db"));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn zeros_are_laid_out_behind_what_is_there_once_the_last_segment_is_used() {
        let store = store_with_files();
        let path = store.path().join("db");
        let length = || fs::metadata(&path).unwrap().len();
        let files = StoreFiles::open(store.path()).unwrap();
        fs::write(&path, [7; 100]).unwrap();
        files.lay_out_zeros(1).unwrap();
        assert_eq!(length(), 2 * SLED_SEGMENT_BYTES);
        files.lay_out_zeros(1).unwrap();
        assert_eq!(length(), 2 * SLED_SEGMENT_BYTES, "there are zeros");
        // sled comes to the second segment, then beyond the end.
        let sled = OpenOptions::new().write(true).open(&path).unwrap();
        sled.write_all_at(&[9; 5], SLED_SEGMENT_BYTES).unwrap();
        files.lay_out_zeros(SLED_SEGMENT_BYTES + 1).unwrap();
        assert_eq!(length(), 4 * SLED_SEGMENT_BYTES);
        sled.write_all_at(&[9; 5], 4 * SLED_SEGMENT_BYTES).unwrap();
        files.lay_out_zeros(1).unwrap();
        assert_eq!(length(), 6 * SLED_SEGMENT_BYTES);
        let bytes = fs::read(&path).unwrap();
        let written = bytes.iter().filter(|byte| **byte != 0).count();
        assert_eq!((written, &bytes[..100]), (110, &[7; 100][..]), "nothing is overwritten");
    }

    #[test]
    fn a_blob_is_synced_too() {
        let store = store_with_files();
        let files = StoreFiles::open(store.path()).unwrap();
        // A link to /dev/null stands in for a blob: it can be opened, and syncing it fails.
        std::os::unix::fs::symlink("/dev/null", store.path().join("blobs/1")).unwrap();
        match files.sync() {
            Err(LogError::Io { doing: "sync", path, .. }) => {
                assert_eq!(path, store.path().join("blobs/1"));
            }
            other => panic!("{other:?}"),
        }
    }
}
