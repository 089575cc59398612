//! Where the second copy of the log lies.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::archive::ArchiveOptions;
use crate::log::LogOptions;

/// The second copy of the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ArchiveConfig {
    /// Whether there is one. Without it a damaged store cannot be mended.
    pub enabled: bool,
    /// Its folder, best on another disk. By default `archive` in the folder of the log.
    pub directory: Option<PathBuf>,
    /// See [`ArchiveOptions::segment_bytes_max`].
    pub segment_bytes_max: u64,
    /// See [`ArchiveOptions::sync_delay_ms_max`].
    pub sync_delay_ms_max: u64,
    /// See [`ArchiveOptions::zeros_ahead_bytes`].
    pub zeros_ahead_bytes: u64,
}

impl Default for ArchiveConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            directory: None,
            segment_bytes_max: ArchiveOptions::SEGMENT_BYTES_MAX_DEFAULT,
            sync_delay_ms_max: 0,
            zeros_ahead_bytes: 0,
        }
    }
}

impl ArchiveConfig {
    /// What the log in a folder is opened with.
    pub(super) fn options(&self, log: &Path) -> Option<ArchiveOptions> {
        let Self { enabled, directory, segment_bytes_max, sync_delay_ms_max, zeros_ahead_bytes } =
            self;
        let by_default = LogOptions::new(log).archive;
        let archive = match directory {
            Some(directory) => Some(ArchiveOptions::new(directory)),
            None => by_default,
        };
        let set = archive.map(|archive| ArchiveOptions {
            directory: archive.directory,
            segment_bytes_max: *segment_bytes_max,
            sync_delay_ms_max: *sync_delay_ms_max,
            zeros_ahead_bytes: *zeros_ahead_bytes,
        });
        set.filter(|_| *enabled)
    }
}
