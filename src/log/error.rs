//! Everything that can go wrong in this room, as facts.
//!
//! It must not know who asks: turning these into answers for a client is done elsewhere.

use std::io;
use std::path::PathBuf;

use crate::archive::ArchiveError;
use crate::block::BlockError;

use super::corruption::Corruption;

/// A failure of the log. What stands in a field is not repeated by the source's message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The options name no directory.
    #[error("option directory is empty")]
    DirectoryEmpty,
    /// The options name no directory of the archive.
    #[error("option archive directory is empty")]
    ArchiveDirectoryEmpty,
    /// An option is outside the range that its documentation states.
    #[error("option {option} is {value}, outside {least} to {most}")]
    OptionOutOfRange {
        /// The field of `LogOptions`.
        option: &'static str,
        /// What it was.
        value: String,
        /// The least that is allowed.
        least: String,
        /// The most that is allowed.
        most: String,
    },
    /// Another process, or another `Log` in this one, has the directory open.
    #[error("log directory {} is in use by {}", directory.display(), holder(*holder_pid))]
    DirectoryInUse {
        /// The directory.
        directory: PathBuf,
        /// The process that holds it, when the lock file tells.
        holder_pid: Option<u32>,
    },
    /// The directory has a store in it but no `FORMAT` file: not written by this program, or
    /// damaged.
    #[error("log directory {} holds a store but no FORMAT file", directory.display())]
    FormatMissing {
        /// The directory.
        directory: PathBuf,
    },
    /// There is no log in the directory.
    #[error("directory {} holds no log", directory.display())]
    NoLog {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory was written by another version of this program.
    #[error("log directory {} has format {found:?}, this program knows {known:?}", directory.display())]
    FormatUnknown {
        /// The directory.
        directory: PathBuf,
        /// What its `FORMAT` file says, shortened.
        found: String,
        /// What it would have to say.
        known: &'static str,
    },
    /// A file operation failed.
    #[error("could not {doing} {}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The key-value store failed.
    #[error("could not {doing}")]
    Storage {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: StorageError,
    },
    /// What is stored at a position is not what was written there.
    #[error("the log is corrupt at position {position}")]
    Corrupt {
        /// The first position that cannot be trusted.
        position: u64,
        /// What is wrong with it.
        #[source]
        reason: Corruption,
    },
    /// The archive failed.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Neither copy holds a whole block at a position, though something lies there or beyond.
    #[error("position {position} is whole in neither copy of the log")]
    LostInBothCopies {
        /// The first position that is lost.
        position: u64,
    },
    /// The copies hold different blocks at a position, and both follow the block before.
    #[error("the store and the archive hold different blocks at position {position}, both whole")]
    CopiesDiffer {
        /// The first position at which they differ.
        position: u64,
    },
    /// A store that was built just now does not hold what was written to it.
    #[error(
        "the store that was just built has lost what was written to it from position {position} on"
    )]
    StoreNotKept {
        /// The first position that it does not hold.
        position: u64,
    },
    /// Both copies end before a position that the log had reached: records are gone.
    #[error(
        "the log ends at position {head}, and {} says that it had the records before {reached}: newer \
         records were cut off, or the log was put back from an older copy", file.display()
    )]
    EndsEarly {
        /// The next position of the log.
        head: u64,
        /// The next position that it had.
        reached: u64,
        /// What says so.
        file: PathBuf,
    },
    /// There is no block in either copy, in a folder that was used.
    #[error(
        "log directory {} holds no block, neither in the store nor in the archive, and {} says that it \
         was used", directory.display(), file.display()
    )]
    BlocksGone {
        /// The directory.
        directory: PathBuf,
        /// What says so.
        file: PathBuf,
    },
    /// An earlier run has left a note that something in the store besides the blocks cannot be read.
    #[error("an earlier run could not read an index or a page of the store; it is to be rebuilt")]
    RebuildAsked,
    /// There is less room on a disk than what is to be written needs, beside what is kept free.
    /// Nothing was written.
    #[error(
        "{} has {free_bytes} bytes free; {needed_bytes} are needed and {reserve_bytes} are kept free", path.display()
    )]
    DiskFull {
        /// A directory on that disk.
        path: PathBuf,
        /// What is free.
        free_bytes: u64,
        /// What was to be written, at most.
        needed_bytes: u64,
        /// What is kept free beside it.
        reserve_bytes: u64,
    },
    /// A record is longer than `LogOptions::record_bytes_max`.
    #[error("record {index} of the append has {bytes} bytes, over the limit of {bytes_max}")]
    RecordTooLong {
        /// Its place in the append, from 0.
        index: usize,
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// More records in one append than `APPEND_RECORDS_MAX`.
    #[error("append of {records} records, over the limit of {records_max}")]
    AppendRecordsTooMany {
        /// The count of records.
        records: usize,
        /// The limit.
        records_max: usize,
    },
    /// More bytes in one append than `APPEND_BYTES_MAX`.
    #[error("append of {bytes} bytes, over the limit of {bytes_max}")]
    AppendBytesTooMany {
        /// The bytes of all records.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Records could not be encoded as blocks.
    #[error("could not encode records from position {position}")]
    Encode {
        /// The position the first record would have had.
        position: u64,
        /// Why not.
        #[source]
        source: BlockError,
    },
    /// An append failed while it was being made durable. Its records may or may not be in the
    /// log after the next start; the log takes no more until then.
    #[error("an append failed and whether it is durable is unknown; the log is stopped")]
    OutcomeUnknown {
        /// What failed.
        #[source]
        source: Box<LogError>,
    },
    /// An earlier write or sync failed. Only a new start, which reads what is really there, can
    /// go on.
    #[error("the log is stopped since an earlier write failed")]
    Stopped,
    /// The name of a derived tree is not 1 to `DERIVED_NAME_BYTES_MAX` of `a-z 0-9 _ - . /`.
    #[error("{name:?} is no name for a derived tree")]
    DerivedNameInvalid {
        /// The name, shortened.
        name: String,
    },
    /// The derived tree is open in another version.
    #[error("derived tree {name} is open as version {open}, so not as version {asked}")]
    DerivedVersionInUse {
        /// The tree.
        name: String,
        /// The version it is open as.
        open: u32,
        /// The version that was asked for.
        asked: u32,
    },
    /// A key is longer than `DERIVED_KEY_BYTES_MAX`.
    #[error("derived tree {name}: key of {bytes} bytes, over the limit of {bytes_max}")]
    DerivedKeyTooLong {
        /// The tree.
        name: String,
        /// The key's length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A value is longer than `DERIVED_VALUE_BYTES_MAX`.
    #[error("derived tree {name}: value of {bytes} bytes, over the limit of {bytes_max}")]
    DerivedValueTooLong {
        /// The tree.
        name: String,
        /// The value's length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// More in one `DerivedTree::apply` than `DERIVED_PUTS_MAX` or `DERIVED_APPLY_BYTES_MAX`.
    #[error(
        "derived tree {name}: {puts} puts of {bytes} bytes, over the limit of {puts_max} puts or {bytes_max} bytes"
    )]
    DerivedApplyTooLarge {
        /// The tree.
        name: String,
        /// The count of puts.
        puts: usize,
        /// The limit.
        puts_max: usize,
        /// The bytes of all keys and values.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// A derived tree cannot have absorbed what is not durable yet.
    #[error("derived tree {name}: {asked} is beyond the head of the log, {head}")]
    DerivedBeyondHead {
        /// The tree.
        name: String,
        /// The mark that was to be set.
        asked: u64,
        /// The next position of the log.
        head: u64,
    },
    /// A derived tree has absorbed records that the log does not have: they were durable, and were cut off.
    #[error(
        "the log ends at position {head}, and {name} was made of the records before {reached}: newer \
         records were cut off, or the log was put back from an older copy"
    )]
    CutOff {
        /// The tree.
        name: String,
        /// The next position after the records that it has absorbed.
        reached: u64,
        /// The next position of the log.
        head: u64,
    },
    /// A derived tree goes forward only; to go back it is cleared.
    #[error("derived tree {name}: {asked} is behind what it has reached, {reached}")]
    DerivedGoesBackwards {
        /// The tree.
        name: String,
        /// The mark that was to be set.
        asked: u64,
        /// The mark as it is.
        reached: u64,
    },
    /// A derived tree does not hold what was put there. It can be cleared and rebuilt.
    #[error("derived tree {name} is damaged; clear it to have it rebuilt")]
    DerivedDamaged {
        /// The tree.
        name: String,
    },
}

/// A failure of the key-value store, kept opaque so that nobody outside depends on which it is.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct StorageError(#[from] StorageCause);

#[derive(Debug, thiserror::Error)]
enum StorageCause {
    #[error(transparent)]
    Sled(#[from] sled::Error),
    #[error("the store panicked")]
    Panicked,
    #[cfg(test)]
    #[error("{0}")]
    Injected(&'static str),
}

impl LogError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    pub(super) fn storage(doing: &'static str) -> impl FnOnce(sled::Error) -> Self {
        move |source| Self::Storage { doing, source: StorageError(source.into()) }
    }

    pub(super) fn corrupt(position: u64, reason: Corruption) -> Self {
        Self::Corrupt { position, reason }
    }

    pub(super) fn store_panicked(doing: &'static str) -> Self {
        Self::Storage { doing, source: StorageError(StorageCause::Panicked) }
    }

    /// Whether it says that a disk is full.
    pub(super) fn is_disk_full(&self) -> bool {
        if let Self::Io { source, .. }
        | Self::Archive(ArchiveError::Io { source, .. })
        | Self::Storage {
            source: StorageError(StorageCause::Sled(sled::Error::Io(source))),
            ..
        } = self
        {
            return source.kind() == io::ErrorKind::StorageFull;
        }
        matches!(self, Self::DiskFull { .. })
    }

    /// Whether it says that something in the store cannot be read that is derived from the log.
    pub fn is_index_damage(&self) -> bool {
        matches!(self, Self::DerivedDamaged { .. }) || (self.is_damage() && !self.is_of_block())
    }

    fn is_of_block(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }

    /// Whether it says that the store is not as it was written, and not that it could not be
    /// reached. Only then is it right to replace it.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Corrupt { .. } => true,
            Self::Storage { source: StorageError(cause), .. } => match cause {
                StorageCause::Panicked => true,
                StorageCause::Sled(sled::Error::Io(error)) => is_damage(error),
                StorageCause::Sled(_) => true,
                #[cfg(test)]
                StorageCause::Injected(_) => false,
            },
            Self::DirectoryEmpty
            | Self::ArchiveDirectoryEmpty
            | Self::OptionOutOfRange { .. }
            | Self::DirectoryInUse { .. }
            | Self::FormatMissing { .. }
            | Self::NoLog { .. }
            | Self::FormatUnknown { .. }
            | Self::Io { .. }
            | Self::Archive(_)
            | Self::LostInBothCopies { .. }
            | Self::CopiesDiffer { .. }
            | Self::StoreNotKept { .. }
            | Self::RebuildAsked
            | Self::DiskFull { .. }
            | Self::RecordTooLong { .. }
            | Self::AppendRecordsTooMany { .. }
            | Self::AppendBytesTooMany { .. }
            | Self::Encode { .. }
            | Self::OutcomeUnknown { .. }
            | Self::Stopped
            | Self::DerivedNameInvalid { .. }
            | Self::DerivedVersionInUse { .. }
            | Self::DerivedKeyTooLong { .. }
            | Self::DerivedValueTooLong { .. }
            | Self::DerivedApplyTooLarge { .. }
            | Self::DerivedBeyondHead { .. }
            | Self::CutOff { .. }
            | Self::EndsEarly { .. }
            | Self::BlocksGone { .. }
            | Self::DerivedGoesBackwards { .. }
            | Self::DerivedDamaged { .. } => false,
        }
    }

    #[cfg(test)]
    pub(super) fn injected(doing: &'static str) -> Self {
        Self::Storage { doing, source: StorageError(StorageCause::Injected("injected fault")) }
    }
}

fn is_damage(error: &io::Error) -> bool {
    let unreachable = [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::StorageFull,
        io::ErrorKind::QuotaExceeded,
        io::ErrorKind::ReadOnlyFilesystem,
        io::ErrorKind::OutOfMemory,
        io::ErrorKind::ResourceBusy,
    ];
    !unreachable.contains(&error.kind()) && !error.to_string().contains("acquire lock")
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "an unknown process".to_owned(), |pid| format!("process {pid}"))
}
