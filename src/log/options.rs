//! What a log is opened with, and the limits that hold for every log.
//!
//! It must not know files or sled; it only says what is allowed.

use std::path::{Path, PathBuf};

use crate::archive::ArchiveOptions;
use crate::block::Codec;

use super::entries::ENTRY_BYTES_MAX;
use super::error::LogError;

/// The most records in one append.
pub const APPEND_RECORDS_MAX: usize = 65_536;
/// The most record bytes in one append, over all its records. It bounds the memory of a batch.
pub const APPEND_BYTES_MAX: usize = 64 * MIB;

/// Where the archive lies by default, within the directory.
const ARCHIVE_DIRECTORY: &str = "archive";

const MIB: usize = 1024 * 1024;
const CACHE_BYTES_LEAST: u64 = 1024 * 1024;
const CACHE_BYTES_MOST: u64 = 1024 * 1024 * 1024 * 1024;
const DISK_RESERVE_BYTES_MOST: u64 = 1024 * 1024 * 1024 * 1024;
const ZEROS_AHEAD_BYTES_MOST: u64 = 16 * 1024 * 1024;
const BLOCK_BYTES_LEAST: usize = 512;
const BLOCK_BYTES_MOST: usize = MIB;
const RECORD_BYTES_LEAST: usize = 1;
const RECORD_BYTES_MOST: usize = APPEND_BYTES_MAX;

/// Where a log lies and how much it may take. Every field has a default but the directory:
/// start from [`LogOptions::new`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogOptions {
    /// The directory that holds the log and nothing else. Created with mode 0700 when missing.
    pub directory: PathBuf,
    /// The size of sled's page cache in bytes: 1 MiB to 1 TiB, by default 64 MiB.
    pub cache_bytes: u64,
    /// The longest block in encoded bytes before compression, unless one record needs more: 512
    /// bytes to 1 MiB, by default 7 KiB, the most that sled keeps in one entry here (see
    /// `entries.rs`).
    pub block_bytes_max: usize,
    /// How blocks are written; every codec is read. By default compressed, where that is shorter.
    pub codec: Codec,
    /// What appends leave free on each disk, in bytes: 0 to 1 TiB, by default 256 MiB. 0 asks nothing.
    pub disk_reserve_bytes: u64,
    /// Zeros that sled's file is made longer by at a time, in bytes, in whole segments of sled's of 512 KiB:
    /// 0 to 16 MiB, by default 512 KiB. A sync is cheaper that does not have to make the file longer. 0:
    /// the file grows as it is written.
    pub zeros_ahead_bytes: u64,
    /// The longest record in bytes: 1 byte to 64 MiB, by default 8 MiB.
    pub record_bytes_max: usize,
    /// The second copy: by default in `archive` within the directory. `None`: the log has one copy
    /// only, and what that loses is lost.
    pub archive: Option<ArchiveOptions>,
}

/// What an append has made durable when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// There is no archive.
    StoreOnly,
    /// Store and archive are synced.
    BothCopies,
    /// The store is synced; the archive is written, and synced within the delay.
    ArchiveWithin {
        /// In milliseconds.
        delay_ms_max: u64,
    },
}

impl LogOptions {
    /// The default of [`LogOptions::cache_bytes`].
    pub const CACHE_BYTES_DEFAULT: u64 = 64 * 1024 * 1024;
    /// The default of [`LogOptions::block_bytes_max`].
    pub const BLOCK_BYTES_MAX_DEFAULT: usize = ENTRY_BYTES_MAX;
    /// The default of [`LogOptions::disk_reserve_bytes`].
    pub const DISK_RESERVE_BYTES_DEFAULT: u64 = 256 * 1024 * 1024;
    /// The default of [`LogOptions::zeros_ahead_bytes`].
    pub const ZEROS_AHEAD_BYTES_DEFAULT: u64 = 512 * 1024;
    /// The default of [`LogOptions::record_bytes_max`].
    pub const RECORD_BYTES_MAX_DEFAULT: usize = 8 * MIB;

    /// The defaults, in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        Self {
            archive: Some(ArchiveOptions::new(directory.join(ARCHIVE_DIRECTORY))),
            directory,
            cache_bytes: Self::CACHE_BYTES_DEFAULT,
            block_bytes_max: Self::BLOCK_BYTES_MAX_DEFAULT,
            codec: Codec::default(),
            disk_reserve_bytes: Self::DISK_RESERVE_BYTES_DEFAULT,
            zeros_ahead_bytes: Self::ZEROS_AHEAD_BYTES_DEFAULT,
            record_bytes_max: Self::RECORD_BYTES_MAX_DEFAULT,
        }
    }

    /// The command that checks both copies of this log and mends one from the other, while no
    /// ledger runs on it.
    pub fn recover_command(&self) -> String {
        self.command("recover")
    }

    /// The command that reads both copies of this log and changes nothing, while no ledger runs on
    /// it.
    pub fn verify_command(&self) -> String {
        self.command("verify")
    }

    fn command(&self, name: &str) -> String {
        let directory = quoted(&self.directory);
        match &self.archive {
            Some(archive) if archive.directory != self.directory.join(ARCHIVE_DIRECTORY) => {
                format!("ledgerctl {name} {directory} --archive {}", quoted(&archive.directory))
            }
            Some(_) | None => format!("ledgerctl {name} {directory}"),
        }
    }

    /// What an append has made durable when it returns.
    pub fn durability(&self) -> Durability {
        match self.archive.as_ref().map(|archive| archive.sync_delay_ms_max) {
            None => Durability::StoreOnly,
            Some(0) => Durability::BothCopies,
            Some(delay_ms_max) => Durability::ArchiveWithin { delay_ms_max },
        }
    }

    /// Refuses the first option that is out of its range.
    pub fn validate(&self) -> Result<(), LogError> {
        let Self {
            directory,
            cache_bytes,
            block_bytes_max,
            codec: _,
            disk_reserve_bytes,
            zeros_ahead_bytes,
            record_bytes_max,
            archive,
        } = self;
        if directory.as_os_str().is_empty() {
            return Err(LogError::DirectoryEmpty);
        }
        if let Some(archive) = archive {
            let ArchiveOptions {
                directory,
                segment_bytes_max,
                sync_delay_ms_max,
                zeros_ahead_bytes,
            } = archive;
            if directory.as_os_str().is_empty() {
                return Err(LogError::ArchiveDirectoryEmpty);
            }
            let (least, most) =
                (ArchiveOptions::SEGMENT_BYTES_LEAST, ArchiveOptions::SEGMENT_BYTES_MOST);
            in_range("segment_bytes_max", *segment_bytes_max, least, most)?;
            let most = ArchiveOptions::SYNC_DELAY_MS_MOST;
            in_range("sync_delay_ms_max", *sync_delay_ms_max, 0, most)?;
            let most = ArchiveOptions::ZEROS_AHEAD_BYTES_MOST;
            in_range("zeros_ahead_bytes of the archive", *zeros_ahead_bytes, 0, most)?;
        }
        in_range("cache_bytes", *cache_bytes, CACHE_BYTES_LEAST, CACHE_BYTES_MOST)?;
        in_range("disk_reserve_bytes", *disk_reserve_bytes, 0, DISK_RESERVE_BYTES_MOST)?;
        in_range("zeros_ahead_bytes", *zeros_ahead_bytes, 0, ZEROS_AHEAD_BYTES_MOST)?;
        in_range("block_bytes_max", *block_bytes_max, BLOCK_BYTES_LEAST, BLOCK_BYTES_MOST)?;
        in_range("record_bytes_max", *record_bytes_max, RECORD_BYTES_LEAST, RECORD_BYTES_MOST)
    }
}

/// A path as a shell takes it for one word.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn in_range<N>(option: &'static str, value: N, least: N, most: N) -> Result<(), LogError>
where
    N: Copy + PartialOrd + ToString,
{
    if least <= value && value <= most {
        return Ok(());
    }
    Err(LogError::OptionOutOfRange {
        option,
        value: value.to_string(),
        least: least.to_string(),
        most: most.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> LogOptions {
        LogOptions::new("/somewhere")
    }

    #[test]
    fn the_defaults_are_as_documented_and_valid() {
        let expected = LogOptions {
            directory: PathBuf::from("/somewhere"),
            cache_bytes: 67_108_864,
            block_bytes_max: 7_168,
            codec: Codec::Zstd,
            disk_reserve_bytes: 268_435_456,
            zeros_ahead_bytes: 524_288,
            record_bytes_max: 8_388_608,
            archive: Some(ArchiveOptions {
                directory: PathBuf::from("/somewhere/archive"),
                segment_bytes_max: 67_108_864,
                sync_delay_ms_max: 0,
                zeros_ahead_bytes: 0,
            }),
        };
        assert_eq!(options(), expected);
        options().validate().unwrap();
    }

    #[test]
    fn the_command_that_recovers_names_the_folders_as_a_shell_reads_them() {
        assert_eq!(options().recover_command(), "ledgerctl recover /somewhere");
        let archive = |directory: &str| LogOptions {
            archive: Some(ArchiveOptions::new(directory)),
            ..LogOptions::new("/it's here")
        };
        let command = archive("/mnt/b c").recover_command();
        assert_eq!(command, r"ledgerctl recover '/it'\''s here' --archive '/mnt/b c'");
        let within = archive("/it's here/archive").recover_command();
        assert_eq!(within, r"ledgerctl recover '/it'\''s here'");
    }

    #[test]
    fn the_ends_of_each_range_are_allowed() {
        let least = LogOptions {
            cache_bytes: CACHE_BYTES_LEAST,
            block_bytes_max: BLOCK_BYTES_LEAST,
            record_bytes_max: RECORD_BYTES_LEAST,
            ..options()
        };
        let most = LogOptions {
            cache_bytes: CACHE_BYTES_MOST,
            block_bytes_max: BLOCK_BYTES_MOST,
            record_bytes_max: RECORD_BYTES_MOST,
            ..options()
        };
        least.validate().unwrap();
        most.validate().unwrap();
    }

    #[test]
    fn an_option_out_of_its_range_is_named_with_the_range() {
        let cases = [
            (
                LogOptions { cache_bytes: CACHE_BYTES_LEAST - 1, ..options() },
                "option cache_bytes is 1048575, outside 1048576 to 1099511627776",
            ),
            (
                LogOptions { cache_bytes: CACHE_BYTES_MOST + 1, ..options() },
                "option cache_bytes is 1099511627777, outside 1048576 to 1099511627776",
            ),
            (
                LogOptions { block_bytes_max: 511, ..options() },
                "option block_bytes_max is 511, outside 512 to 1048576",
            ),
            (
                LogOptions { block_bytes_max: 1_048_577, ..options() },
                "option block_bytes_max is 1048577, outside 512 to 1048576",
            ),
            (
                LogOptions { record_bytes_max: 0, ..options() },
                "option record_bytes_max is 0, outside 1 to 67108864",
            ),
            (
                LogOptions { record_bytes_max: 67_108_865, ..options() },
                "option record_bytes_max is 67108865, outside 1 to 67108864",
            ),
            (
                LogOptions { zeros_ahead_bytes: 16_777_217, ..options() },
                "option zeros_ahead_bytes is 16777217, outside 0 to 16777216",
            ),
            (LogOptions::new(""), "option directory is empty"),
        ];
        let archive = |directory: &str, segment_bytes_max| LogOptions {
            archive: Some(ArchiveOptions { segment_bytes_max, ..ArchiveOptions::new(directory) }),
            ..options()
        };
        let archives = [
            (archive("/a", 4095), "option segment_bytes_max is 4095, outside 4096 to 1073741824"),
            (
                archive("/a", 1_073_741_825),
                "option segment_bytes_max is 1073741825, outside 4096 to 1073741824",
            ),
            (archive("", 4096), "option archive directory is empty"),
            (
                LogOptions {
                    archive: Some(ArchiveOptions {
                        zeros_ahead_bytes: 16_777_217,
                        ..ArchiveOptions::new("/a")
                    }),
                    ..options()
                },
                "option zeros_ahead_bytes of the archive is 16777217, outside 0 to 16777216",
            ),
            (
                LogOptions { disk_reserve_bytes: DISK_RESERVE_BYTES_MOST + 1, ..options() },
                "option disk_reserve_bytes is 1099511627777, outside 0 to 1099511627776",
            ),
            (
                LogOptions {
                    archive: Some(ArchiveOptions {
                        sync_delay_ms_max: 60_001,
                        ..ArchiveOptions::new("/a")
                    }),
                    ..options()
                },
                "option sync_delay_ms_max is 60001, outside 0 to 60000",
            ),
        ];
        for (options, expected) in cases.into_iter().chain(archives) {
            assert_eq!(options.validate().unwrap_err().to_string(), expected);
        }
    }
}
