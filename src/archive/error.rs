//! What can be wrong with an archive, as facts.
//!
//! It must not know who asks.

use std::io;
use std::path::PathBuf;

use crate::block::{BlockError, LinkError};

/// Why an archive could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
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
    /// A segment is not as it was written.
    #[error("the archive is damaged at position {position}, in {} at byte {offset}", path.display())]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// The first position that cannot be vouched for.
        position: u64,
        /// Where in the file.
        offset: usize,
        /// What is wrong.
        #[source]
        reason: SegmentDamage,
    },
    /// A sound segment of a format that this program does not know.
    #[error("{} has segment format version {version}, which this program does not know", path.display())]
    FormatVersionUnknown {
        /// The segment.
        path: PathBuf,
        /// Its version.
        version: u8,
    },
    /// A delayed sync of the segment has failed: nothing is written to it any more.
    #[error("an earlier sync of {} failed", path.display())]
    SyncFailedBefore {
        /// The segment.
        path: PathBuf,
    },
    /// Blocks were appended that do not follow the last one.
    #[error("blocks from position {position} do not follow the archive's last block")]
    NotNext {
        /// The position of the first of them.
        position: u64,
    },
}

/// What is wrong with the bytes of a segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentDamage {
    /// Fewer bytes than the header has.
    #[error("segment of {bytes} bytes is shorter than its header")]
    HeaderTruncated {
        /// The bytes there are.
        bytes: usize,
    },
    /// The first four bytes are not `CLAR`.
    #[error("segment does not begin with the magic CLAR")]
    HeaderMagicMismatch,
    /// The header changed since it was written.
    #[error("segment header checksum is {computed:08x} where {stored:08x} is stored")]
    HeaderChecksumMismatch {
        /// As stored.
        stored: u32,
        /// As computed.
        computed: u32,
    },
    /// A sound header of another version.
    #[error("segment format version {version} is unknown")]
    FormatVersionUnknown {
        /// The version found.
        version: u8,
    },
    /// The header states another first position than the name, or another block before it.
    #[error("segment does not begin where it should: it states position {stated}")]
    BeginsElsewhere {
        /// The position that the header states.
        stated: u64,
    },
    /// The bytes at the place of a block are none, and they are not the torn end of the archive.
    #[error("the bytes are not the block that was written")]
    Block(#[source] BlockError),
    /// A whole block that is not the next one.
    #[error("the block does not belong here")]
    Link(#[source] LinkError),
}

impl ArchiveError {
    pub(super) fn io(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
