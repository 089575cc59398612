//! What differs from store to store: limits of the server, agreements, how many write.
//!
//! It must not know how a cycle ends.

use std::path::PathBuf;

use crate::random::Random;

/// One agreement of a store.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) id: String,
    pub(crate) whole_max: u64,
    pub(crate) supplier_max: u64,
}

/// A store's settings.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    pub(crate) block_bytes_max: u64,
    pub(crate) segment_bytes_max: u64,
    pub(crate) batch_requests_max: u64,
    /// Of disks that are small: what appends leave free.
    pub(crate) disk_reserve_bytes: u64,
    /// How long the archive may be behind the store.
    pub(crate) archive_sync_delay_ms: u64,
    /// Zeros that are laid out ahead in the archive.
    pub(crate) archive_zeros_ahead_bytes: u64,
    /// Where the archive is, if not with the store.
    pub(crate) archive: Option<PathBuf>,
    /// File of the key that signs checkpoints, if any are signed.
    pub(crate) key: Option<PathBuf>,
    /// Folder that is backed up to under load, if there is one.
    pub(crate) backup: Option<PathBuf>,
    pub(crate) writers: usize,
    pub(crate) agreements: Vec<Terms>,
}

impl Shape {
    pub(crate) fn seeded(random: &mut Random) -> Self {
        let count = random.between(3, 6);
        Self {
            block_bytes_max: *random.pick(&[512, 1024, 7168, 65_536]).unwrap_or(&7168),
            segment_bytes_max: *random.pick(&[4096, 16_384, 262_144]).unwrap_or(&16_384),
            batch_requests_max: *random.pick(&[1, 8, 1024]).unwrap_or(&1024),
            disk_reserve_bytes: *random.pick(&[0, 65_536, 1_048_576]).unwrap_or(&0),
            archive_sync_delay_ms: *random.pick(&[0, 0, 0, 25, 400]).unwrap_or(&0),
            archive_zeros_ahead_bytes: *random.pick(&[0, 65_536]).unwrap_or(&0),
            archive: None,
            key: None,
            backup: None,
            writers: usize::try_from(random.between(3, 8)).unwrap_or(3),
            agreements: (0..count).map(|number| terms(number, random)).collect(),
        }
    }

    /// As variables of the server.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let mut environment = vec![
            ("LEDGERD_STORE__BLOCK_BYTES_MAX", self.block_bytes_max.to_string()),
            ("LEDGERD_ARCHIVE__SEGMENT_BYTES_MAX", self.segment_bytes_max.to_string()),
            ("LEDGERD_STORE__DISK_RESERVE_BYTES", self.disk_reserve_bytes.to_string()),
            ("LEDGERD_LIMITS__BATCH_REQUESTS_MAX", self.batch_requests_max.to_string()),
            ("LEDGERD_ARCHIVE__SYNC_DELAY_MS_MAX", self.archive_sync_delay_ms.to_string()),
            ("LEDGERD_ARCHIVE__ZEROS_AHEAD_BYTES", self.archive_zeros_ahead_bytes.to_string()),
        ];
        let paths = [
            ("LEDGERD_ARCHIVE__DIRECTORY", &self.archive),
            ("LEDGERD_CHECKPOINT__KEY_FILE", &self.key),
        ];
        environment.extend(paths.into_iter().filter_map(|(name, path)| {
            path.as_ref().map(|path| (name, path.display().to_string()))
        }));
        environment
    }
}

/// Some ceilings are soon reached, some never.
fn terms(number: u64, random: &mut Random) -> Terms {
    let whole_max = *random.pick(&[300, 2_000, 20_000, 10_000_000]).unwrap_or(&2_000);
    let supplier_max = whole_max * random.between(4, 10) / 10;
    Terms { id: format!("agreement-{number}"), whole_max, supplier_max }
}
