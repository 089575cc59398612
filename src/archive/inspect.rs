//! What an archive holds, found without writing anything.
//!
//! It must not mend. [`inspect`] reads every header and the whole last segment, of which it follows the
//! chain; [`verify`] reads every byte and looks into every block.

use std::path::{Path, PathBuf};

use super::error::{ArchiveError, SegmentDamage};
use super::files::{self, SegmentFile};
use super::scan::{Place, Refused, SegmentEnd};
use super::segment::{SEGMENT_HEADER_BYTES, decode_header};
use crate::block::{Block, Link};

/// The end of an append that was cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The segment, the last one.
    pub path: PathBuf,
    /// The bytes of header and whole blocks.
    pub whole_bytes: usize,
    /// The bytes after them.
    pub torn_bytes: usize,
}

/// An archive whose blocks are vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// After the last whole block; [`Link::START`] of an empty archive.
    pub end: Link,
    /// The segment files there are.
    pub segments: usize,
    /// The bytes of all whole blocks that were read.
    pub block_bytes: u64,
    /// How many those are.
    pub blocks: u64,
    /// What is to be cut off before the archive is written to.
    pub torn: Option<Torn>,
}

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// No segment at all.
    Missing,
    /// Blocks that are vouched for.
    Whole(Inspected),
    /// Something that is not as it was written.
    Damaged(ArchiveError),
}

/// Reads every segment's header and the whole last segment, whose checksums and hashes are over the
/// bytes as they are stored, so nothing is decompressed. Fails only where files cannot be read,
/// or were written by another version of this program.
pub fn inspect(directory: &Path) -> Result<Found, ArchiveError> {
    let segments = files::list(directory)?;
    let Some((last, finished)) = segments.split_last() else {
        return Ok(Found::Missing);
    };
    let looked = finished
        .iter()
        .try_for_each(check_header)
        .and_then(|()| check_begins_at_start(&segments))
        .and_then(|()| last.read_end(Place::Last));
    found(looked.map(|read| {
        let mut inspected = Inspected::nothing(segments.len());
        inspected.add(read, last);
        inspected
    }))
}

/// Reads every segment, and hands each block to `see`, in order. The chain is followed from the
/// first block of all across segments.
pub fn verify(directory: &Path, mut see: impl FnMut(&Block)) -> Result<Found, ArchiveError> {
    let segments = files::list(directory)?;
    let Some((last, finished)) = segments.split_last() else {
        return Ok(Found::Missing);
    };
    let mut inspected = Inspected::nothing(segments.len());
    let places = finished.iter().map(|segment| (segment, Place::Finished));
    for (segment, place) in places.chain([(last, Place::Last)]) {
        let read = follows(segment, inspected.end).and_then(|()| segment.read(place));
        match read {
            Ok(read) => {
                read.blocks.iter().for_each(&mut see);
                inspected.add(read.summary(), segment);
            }
            Err(error) => return found(Err(error)),
        }
    }
    Ok(Found::Whole(inspected))
}

/// Reads every segment that holds a position at or beyond `position`, from its first byte: what was
/// written since the archive ended there is read back, and the segment that it was appended to.
pub fn verify_from(directory: &Path, position: u64) -> Result<Found, ArchiveError> {
    let segments = files::list(directory)?;
    let after = segments.partition_point(|segment| segment.first_position <= position);
    let (_, from) = segments.split_at(after.saturating_sub(1));
    let Some((last, finished)) = from.split_last() else {
        return Ok(Found::Missing);
    };
    let mut inspected = Inspected::nothing(segments.len());
    let places = finished.iter().map(|segment| (segment, Place::Finished));
    let mut before = None;
    for (segment, place) in places.chain([(last, Place::Last)]) {
        let follows = before.map_or(Ok(()), |before| follows(segment, before));
        match follows.and_then(|()| segment.read(place)) {
            Ok(read) => {
                before = Some(read.end);
                inspected.add(read.summary(), segment);
            }
            Err(error) => return found(Err(error)),
        }
    }
    Ok(Found::Whole(inspected))
}

/// The bytes of all segment files.
pub fn stored_bytes(directory: &Path) -> Result<u64, ArchiveError> {
    files::list(directory)?.iter().try_fold(0_u64, |sum, segment| {
        let failed = ArchiveError::io("read", &segment.path);
        let length = std::fs::metadata(&segment.path).map_err(failed)?.len();
        Ok(sum.saturating_add(length))
    })
}

impl Inspected {
    fn nothing(segments: usize) -> Self {
        Self { end: Link::START, segments, block_bytes: 0, blocks: 0, torn: None }
    }

    fn add(&mut self, read: SegmentEnd, segment: &SegmentFile) {
        self.end = read.end;
        let bytes = read.whole_bytes.saturating_sub(SEGMENT_HEADER_BYTES);
        self.block_bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        self.blocks += read.blocks;
        self.torn = (read.torn_bytes > 0).then(|| Torn {
            path: segment.path.clone(),
            whole_bytes: read.whole_bytes,
            torn_bytes: read.torn_bytes,
        });
    }
}

/// Damage is a finding; a file that cannot be read is a failure.
fn found(looked: Result<Inspected, ArchiveError>) -> Result<Found, ArchiveError> {
    match looked {
        Ok(inspected) => Ok(Found::Whole(inspected)),
        Err(damaged @ ArchiveError::Damaged { .. }) => Ok(Found::Damaged(damaged)),
        Err(
            error @ (ArchiveError::Io { .. }
            | ArchiveError::FormatVersionUnknown { .. }
            | ArchiveError::SyncFailedBefore { .. }
            | ArchiveError::NotNext { .. }),
        ) => Err(error),
    }
}

fn header(segment: &SegmentFile) -> Result<Link, ArchiveError> {
    let start = files::start_of(&segment.path)?;
    decode_header(&start).map_err(|reason| refused(segment, reason))
}

fn check_header(segment: &SegmentFile) -> Result<(), ArchiveError> {
    let stated = header(segment)?.next_position;
    if stated == segment.first_position {
        return Ok(());
    }
    Err(refused(segment, SegmentDamage::BeginsElsewhere { stated }))
}

fn check_begins_at_start(segments: &[SegmentFile]) -> Result<(), ArchiveError> {
    segments.first().map_or(Ok(()), |first| follows(first, Link::START))
}

/// Whether a segment begins where the one before it ended.
fn follows(segment: &SegmentFile, before: Link) -> Result<(), ArchiveError> {
    let stated = header(segment)?;
    if stated == before {
        return Ok(());
    }
    let reason = SegmentDamage::BeginsElsewhere { stated: stated.next_position };
    Err(segment.refused(Refused { position: before.next_position, offset: 0, reason }))
}

fn refused(segment: &SegmentFile, reason: SegmentDamage) -> ArchiveError {
    segment.refused(Refused { position: segment.first_position, offset: 0, reason })
}
