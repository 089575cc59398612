//! Room on the disks: asked for before anything is written, so that a full disk refuses appends and
//! breaks nothing.
//!
//! It must not know what is written. What is kept free is for what cannot be refused any more: the
//! indexes of an append that is durable, the end of a run, and the mending at the next start.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::debug;

use super::error::LogError;
use super::options::LogOptions;

/// Bytes that may reach a disk for each byte of a block: sled writes what changed in a page, and
/// later the whole page once more.
const WRITTEN_PER_BYTE: u64 = 2;

/// What is written ahead is at most this fraction of what could be written.
const SPARED_FRACTION: u64 = 32;

/// What is kept free, and where.
#[derive(Debug)]
pub(super) struct Reserve {
    kept_bytes: u64,
    /// The directory of the store, and that of the archive.
    places: Vec<PathBuf>,
    /// What was free beyond what is kept when it was last asked for, on the disk with the least of it.
    spare_bytes: AtomicU64,
    /// What a test says is free.
    #[cfg(test)]
    pretended: std::sync::Mutex<Option<u64>>,
}

impl Reserve {
    pub(super) fn new(options: &LogOptions) -> Self {
        let archive = options.archive.as_ref().map(|archive| archive.directory.clone());
        Self {
            kept_bytes: options.disk_reserve_bytes,
            places: [options.directory.clone()].into_iter().chain(archive).collect(),
            spare_bytes: AtomicU64::new(0),
            #[cfg(test)]
            pretended: std::sync::Mutex::new(None),
        }
    }

    /// Whether so many bytes of blocks or entries can be written without touching what is kept free.
    /// A reserve of 0 asks nothing.
    pub(super) fn check(&self, bytes: u64) -> Result<(), LogError> {
        if self.kept_bytes == 0 {
            return Ok(());
        }
        let needed = bytes.saturating_mul(WRITTEN_PER_BYTE);
        let spare = self.places.iter().try_fold(u64::MAX, |least, place| {
            let free = self.check_place(place, needed, self.kept_bytes)?;
            Ok(least.min(free.saturating_sub(self.kept_bytes)))
        });
        self.spare_bytes.store(*spare.as_ref().unwrap_or(&0), Ordering::Relaxed);
        spare.map(drop)
    }

    /// Whether so many bytes were next to nothing of what could be written when it was last asked: what
    /// is only written ahead takes no room from what has to be written. A reserve of 0 has nothing to
    /// spare, since it has not asked.
    pub(super) fn can_spare(&self, bytes: u64) -> bool {
        self.spare_bytes.load(Ordering::Relaxed) >= bytes.saturating_mul(SPARED_FRACTION)
    }

    /// Whether so many bytes fit on the disk of a directory, with what is kept free: the mending and
    /// catching up of a start may use that up.
    pub(super) fn check_fits(&self, place: &Path, bytes: u64) -> Result<(), LogError> {
        self.check_place(place, bytes, 0).map(drop)
    }

    /// The same where the store is.
    pub(super) fn check_fits_in_store(&self, bytes: u64) -> Result<(), LogError> {
        self.places.first().map_or(Ok(()), |store| self.check_fits(store, bytes))
    }

    /// How many bytes fit where the store is, at most so many.
    pub(super) fn fitting_in_store(&self, bytes_max: u64) -> u64 {
        // A disk that cannot be asked is written to.
        let free = |place: &PathBuf| self.free_bytes(place).unwrap_or(u64::MAX);
        self.places.first().map_or(u64::MAX, free).min(bytes_max)
    }

    /// How much is free on the disk of a directory, if that is enough.
    fn check_place(&self, place: &Path, needed: u64, kept: u64) -> Result<u64, LogError> {
        // A disk that cannot be asked is written to, and the write itself tells.
        let free = self.free_bytes(place).unwrap_or_else(|error| {
            debug!(place = %place.display(), %error, "the room of a disk is unknown");
            u64::MAX
        });
        if free >= needed.saturating_add(kept) {
            return Ok(free);
        }
        Err(LogError::DiskFull {
            path: place.to_owned(),
            free_bytes: free,
            needed_bytes: needed,
            reserve_bytes: kept,
        })
    }

    #[cfg(test)]
    fn free_bytes(&self, place: &Path) -> io::Result<u64> {
        let pretended = *self.pretended.lock().unwrap();
        pretended.map_or_else(|| free_on_disk(place), Ok)
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, reason = "a test pretends another room")]
    fn free_bytes(&self, place: &Path) -> io::Result<u64> {
        free_on_disk(place)
    }

    /// Has the disks say that so much is free; `None`: what is.
    #[cfg(test)]
    pub(super) fn pretend_free(&self, bytes: Option<u64>) {
        *self.pretended() = bytes;
    }

    /// While it is held, whoever asks what is free waits.
    #[cfg(test)]
    pub(super) fn pretended(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.pretended.lock().unwrap()
    }
}

fn free_on_disk(place: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(place)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}
