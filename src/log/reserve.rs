//! Room on the disks: asked for before anything is written, so that a full disk refuses appends and
//! breaks nothing.
//!
//! It must not know what is written. What is kept free is for what cannot be refused any more: the
//! indexes of an append that is durable, the end of a run, and the mending at the next start.

use std::io;
use std::path::{Path, PathBuf};

use tracing::debug;

use super::error::LogError;
use super::options::LogOptions;

/// Bytes that may reach a disk for each byte of a block: sled writes what changed in a page, and
/// later the whole page once more.
const WRITTEN_PER_BYTE: u64 = 2;

/// What is kept free, and where.
#[derive(Debug)]
pub(super) struct Reserve {
    kept_bytes: u64,
    /// The directory of the store, and that of the archive.
    places: Vec<PathBuf>,
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
        self.places.iter().try_for_each(|place| {
            let needed = bytes.saturating_mul(WRITTEN_PER_BYTE);
            self.check_place(place, needed, self.kept_bytes)
        })
    }

    /// Whether so many bytes fit on the disk of a directory, with what is kept free: the mending and
    /// catching up of a start may use that up.
    pub(super) fn check_fits(&self, place: &Path, bytes: u64) -> Result<(), LogError> {
        self.check_place(place, bytes, 0)
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

    fn check_place(&self, place: &Path, needed: u64, kept: u64) -> Result<(), LogError> {
        // A disk that cannot be asked is written to, and the write itself tells.
        let free = self.free_bytes(place).unwrap_or_else(|error| {
            debug!(place = %place.display(), %error, "the room of a disk is unknown");
            u64::MAX
        });
        if free >= needed.saturating_add(kept) {
            return Ok(());
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
