//! How the log lies on disk.

use serde::Deserialize;

use crate::log::{Codec, LogOptions};

/// How the log lies on disk.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// See [`LogOptions::cache_bytes`].
    pub cache_bytes: u64,
    /// See [`LogOptions::block_bytes_max`].
    pub block_bytes_max: usize,
    /// How blocks are written. What is there already is read either way.
    pub compression: Compression,
    /// See [`LogOptions::disk_reserve_bytes`].
    pub disk_reserve_bytes: u64,
    /// See [`LogOptions::zeros_ahead_bytes`].
    pub zeros_ahead_bytes: u64,
}

/// How blocks are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Compressed by zstd, where that is shorter.
    Zstd,
    /// As they are.
    None,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            cache_bytes: LogOptions::CACHE_BYTES_DEFAULT,
            block_bytes_max: LogOptions::BLOCK_BYTES_MAX_DEFAULT,
            compression: Compression::Zstd,
            disk_reserve_bytes: LogOptions::DISK_RESERVE_BYTES_DEFAULT,
            zeros_ahead_bytes: LogOptions::ZEROS_AHEAD_BYTES_DEFAULT,
        }
    }
}

impl From<Compression> for Codec {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Zstd => Self::Zstd,
            Compression::None => Self::None,
        }
    }
}
