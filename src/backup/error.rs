//! What can go wrong with a backup, as facts.
//!
//! It must not know who asks.

use std::io;
use std::path::PathBuf;

use crate::archive::{ArchiveError, SegmentDamage};
use crate::block::{BlockError, BlockHash, LinkError};
use crate::log::LogError;
use crate::wire::record::RecordFault;

/// Why a backup or a restore did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
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
    /// Segments could not be read or written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The new log could not be built.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Another backup or restore works on the folder.
    #[error("folder {} is in use by another backup or restore", directory.display())]
    InUse {
        /// The folder.
        directory: PathBuf,
    },
    /// The folder is not empty, and no backup made it.
    #[error(
        "folder {} is not empty and no backup folder (it has no file BACKUP); name an empty or a new one",
        directory.display()
    )]
    NotABackup {
        /// The folder.
        directory: PathBuf,
    },
    /// The file that says what the folder is says something else.
    #[error("folder {} is of another format: {found:?}", directory.display())]
    FormatUnknown {
        /// The folder.
        directory: PathBuf,
        /// What its file says, shortened.
        found: String,
    },
    /// What an earlier run wrote is not as it was written.
    #[error("the backup {} is damaged; nothing was changed. Back up to another folder", directory.display())]
    Damaged {
        /// The folder.
        directory: PathBuf,
        /// Where and how.
        #[source]
        source: ArchiveError,
    },
    /// There is something under the name of a file that was to be made.
    #[error(
        "{} is there already and is not changed; name another file, or a folder, which later runs go on with",
        path.display()
    )]
    FileExists {
        /// The file.
        path: PathBuf,
    },
    /// A file that is to be read is something else.
    #[error("{} is no backup file: it does not begin with an entry BACKUP", path.display())]
    NotABackupFile {
        /// The file.
        path: PathBuf,
    },
    /// A backup file is not as it was written.
    #[error("the backup {} is damaged at position {position}", path.display())]
    FileDamaged {
        /// The file.
        path: PathBuf,
        /// The first position that cannot be vouched for.
        position: u64,
        /// What is wrong.
        #[source]
        source: FileDamage,
    },
    /// What came in the place of a block is none. It is not written.
    #[error("the block that came for position {position} is damaged and was not written")]
    BlockDamaged {
        /// The position expected.
        position: u64,
        /// What is wrong.
        #[source]
        source: BlockError,
    },
    /// A whole block that does not follow the last one. It is not written.
    #[error(
        "the block that came for position {position} does not belong there and was not written"
    )]
    BlockMisplaced {
        /// The position expected.
        position: u64,
        /// What is wrong.
        #[source]
        source: LinkError,
    },
    /// The blocks ended elsewhere than they were to.
    #[error("the backup ends at position {reached}, and was to end at {expected}; run it again")]
    Incomplete {
        /// The position after the last block.
        reached: u64,
        /// The position that was captured.
        expected: u64,
    },
    /// What was written reads back differently.
    #[error("what was written to {} does not read back as it was written, up to position {position}", directory.display())]
    NotAsWritten {
        /// The folder.
        directory: PathBuf,
        /// Up to where it was to be whole.
        position: u64,
    },
    /// The folder holds no block.
    #[error("folder {} holds no segment of a backup", directory.display())]
    Empty {
        /// The folder.
        directory: PathBuf,
    },
    /// The folder to restore into holds something.
    #[error("folder {} is not empty; a restore makes a new one", directory.display())]
    FolderNotEmpty {
        /// The folder.
        directory: PathBuf,
    },
    /// A block holds something that is no record.
    #[error("position {position} of the backup holds no record")]
    Record {
        /// Where.
        position: u64,
        /// Why.
        #[source]
        source: RecordFault,
    },
    /// The backup ends before the position that was asked for.
    #[error("the backup has {record_count} records, so none at position {position}")]
    PositionBeyondBackup {
        /// What was asked for.
        position: u64,
        /// How many there are.
        record_count: u64,
    },
    /// There is no whole request up to the point that was asked for.
    #[error("the backup holds no whole request up to there; nothing was made")]
    NothingToRestore,
    /// No block of the backup ends at the expected position.
    #[error(
        "no block of the backup ends with position {position}, so it has not the history that was expected"
    )]
    ExpectedNoBlock {
        /// The position.
        position: u64,
    },
    /// The block at the expected position has another hash.
    #[error(
        "the block that ends with position {position} has hash {found}, not the expected one: another history"
    )]
    ExpectedOtherHash {
        /// The position.
        position: u64,
        /// The hash it has.
        found: BlockHash,
    },
}

impl BackupError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }

    /// Whether it says that what is stored, or what came, is not as it must be, rather than that
    /// something could not be done.
    pub fn is_finding(&self) -> bool {
        match self {
            Self::Damaged { .. }
            | Self::FileDamaged { .. }
            | Self::BlockDamaged { .. }
            | Self::BlockMisplaced { .. }
            | Self::NotAsWritten { .. }
            | Self::Record { .. }
            | Self::ExpectedNoBlock { .. }
            | Self::ExpectedOtherHash { .. } => true,
            Self::Io { .. }
            | Self::Archive(_)
            | Self::Log(_)
            | Self::InUse { .. }
            | Self::NotABackup { .. }
            | Self::FormatUnknown { .. }
            | Self::FileExists { .. }
            | Self::NotABackupFile { .. }
            | Self::Incomplete { .. }
            | Self::Empty { .. }
            | Self::FolderNotEmpty { .. }
            | Self::PositionBeyondBackup { .. }
            | Self::NothingToRestore => false,
        }
    }
}

/// What is wrong with a backup file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileDamage {
    /// The bytes are no tar.
    #[error("it cannot be read as a tar file")]
    Tar(#[source] io::Error),
    /// It ends before its end.
    #[error("it was cut short")]
    CutShort,
    /// An entry is longer than any that is written.
    #[error("an entry says that it has {bytes} bytes")]
    TooLong {
        /// What it says.
        bytes: u64,
    },
    /// An entry that does not come next.
    #[error("the entry {name:?} does not belong there")]
    Unexpected {
        /// Its name.
        name: String,
    },
    /// A segment follows other blocks than those before it.
    #[error("a segment does not follow the one before")]
    OutOfOrder,
    /// The last entry says another end.
    #[error("its manifest does not say where it ends")]
    Manifest,
    /// A segment is not as it was written.
    #[error("a segment is not as it was written")]
    Segment(#[from] SegmentDamage),
}
