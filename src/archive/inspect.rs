//! What an archive holds, found without writing anything.
//!
//! It must not mend. [`inspect`] reads every header, the last block of every segment and the whole last
//! segment, of which it follows the chain; [`verify`] reads every byte and looks into every block.

use std::path::{Path, PathBuf};

use super::error::{ArchiveError, SegmentDamage};
use super::files::{self, SegmentFile};
use super::scan::{Place, Refused, SegmentEnd, ends_with};
use super::segment::{SEGMENT_HEADER_BYTES, decode_header};
use crate::block::{Block, Link};

/// As much of the end of a segment as is read first, in search of its last block.
const END_READ_BYTES: u64 = 16 * 1024;

/// The end of an append that was cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Torn {
    /// The segment, the last one.
    pub path: PathBuf,
    /// The bytes of header and whole blocks.
    pub whole_bytes: usize,
    /// The bytes after them. None at all of a segment that was made and has no header yet.
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
    /// Zeros that a writer which did not end had laid out ahead.
    pub zeros: Option<Zeros>,
}

/// Zeros behind the last block of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zeros {
    /// The segment, the last one.
    pub path: PathBuf,
    /// The bytes of header and blocks before them.
    pub whole_bytes: usize,
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

/// Reads every segment's header and last block, and the whole last segment, whose checksums and hashes are over the
/// bytes as they are stored, so nothing is decompressed. Fails only where files cannot be read,
/// or were written by another version of this program.
pub fn inspect(directory: &Path) -> Result<Found, ArchiveError> {
    let segments = files::list(directory)?;
    let Some((last, finished)) = segments.split_last() else {
        return Ok(Found::Missing);
    };
    if let Some(begun) = half_begun(last)? {
        let end = finished.last().map_or(Ok(Link::START), |before| {
            check_no_gap(finished)?;
            Ok(before.read_end(Place::Finished)?.end)
        });
        return found(end.and_then(|end| Inspected::nothing(segments.len()).ending(end, begun)));
    }
    let looked = check_no_gap(&segments).and_then(|()| last.read_end(Place::Last));
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
    let begun = half_begun(last)?;
    let last = begun.is_none().then_some((last, Place::Last));
    let places = finished.iter().map(|segment| (segment, Place::Finished));
    for (segment, place) in places.chain(last) {
        let read = follows(segment, inspected.end).and_then(|()| segment.read(place));
        match read {
            Ok(read) => {
                read.blocks.iter().for_each(&mut see);
                inspected.add(read.summary(), segment);
            }
            Err(error) => return found(Err(error)),
        }
    }
    match begun {
        Some(begun) => {
            let end = inspected.end;
            found(inspected.ending(end, begun))
        }
        None => Ok(Found::Whole(inspected)),
    }
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
        Self { end: Link::START, segments, block_bytes: 0, blocks: 0, torn: None, zeros: None }
    }

    /// With a last segment of which less than its header was written. It has to begin where the log so
    /// far ends: whatever it was to hold was not acknowledged.
    fn ending(mut self, end: Link, begun: HalfBegun) -> Result<Self, ArchiveError> {
        let HalfBegun { segment, torn_bytes, reason } = begun;
        if segment.first_position != end.next_position {
            return Err(segment.refused(Refused {
                position: end.next_position,
                offset: 0,
                reason,
            }));
        }
        self.end = end;
        self.torn = Some(Torn { path: segment.path, whole_bytes: 0, torn_bytes });
        Ok(self)
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
        self.zeros = (read.zero_bytes > 0)
            .then(|| Zeros { path: segment.path.clone(), whole_bytes: read.whole_bytes });
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

/// Whether the first segment begins at the start, and each of the others where the one before it ends,
/// by what its header states: the last block before it lies at the very end of that one.
fn check_no_gap(segments: &[SegmentFile]) -> Result<(), ArchiveError> {
    segments.iter().try_for_each(check_header)?;
    segments.first().map_or(Ok(()), |first| follows(first, Link::START))?;
    for pair in segments.windows(2) {
        let [before, segment] = pair else { continue };
        let stated = header(segment)?;
        if !ends_at(before, stated)? {
            // What is wrong, and where: only the whole of it tells.
            follows(segment, before.read_end(Place::Finished)?.end)?;
        }
    }
    Ok(())
}

/// Whether the bytes at the end of a segment are the block after which a link stands. Reads more and
/// more of its end, as blocks have no greatest length.
fn ends_at(segment: &SegmentFile, end: Link) -> Result<bool, ArchiveError> {
    let mut wanted = END_READ_BYTES;
    loop {
        let (bytes, is_all) = files::end_of(&segment.path, wanted)?;
        if ends_with(&bytes, end) {
            return Ok(true);
        }
        if is_all {
            return Ok(false);
        }
        wanted = wanted.saturating_mul(8);
    }
}

/// A last segment that does not have its header.
struct HalfBegun {
    segment: SegmentFile,
    torn_bytes: usize,
    reason: SegmentDamage,
}

/// Whether a segment is no longer than a header, and has none.
fn half_begun(segment: &SegmentFile) -> Result<Option<HalfBegun>, ArchiveError> {
    let (start, is_all) = files::end_of(&segment.path, header_bytes())?;
    match decode_header(&start) {
        Err(SegmentDamage::FormatVersionUnknown { .. }) | Ok(_) => Ok(None),
        Err(_) if !is_all => Ok(None),
        Err(reason) => {
            Ok(Some(HalfBegun { segment: segment.clone(), torn_bytes: start.len(), reason }))
        }
    }
}

fn header_bytes() -> u64 {
    u64::try_from(SEGMENT_HEADER_BYTES).unwrap_or(u64::MAX)
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
