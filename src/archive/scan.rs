//! Recovery: the blocks in the bytes of one segment, as a pure function.
//!
//! It must not know files. [`read_segment`] vouches for a prefix or names what is wrong, and
//! [`end_of_segment`] does the same without looking into the blocks; [`whole_blocks`] picks up every
//! block that is whole, for mending.

use bytes::Bytes;

use super::error::SegmentDamage;
use super::segment::{SEGMENT_HEADER_BYTES, decode_header};
use crate::block::{self, BLOCK_MAGIC, Block, BlockError, COMPRESSED_RECORDS_MAX, Link, Sealed};

/// Where a segment stands in its archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Another follows, so it was finished: every byte of it was made durable.
    Finished,
    /// The last: an append may have been cut short in it.
    Last,
}

/// A segment whose blocks are vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRead {
    /// The blocks, in order, each following the one before.
    pub blocks: Vec<Block>,
    /// After the last of them.
    pub end: Link,
    /// The bytes of header and blocks. What follows is the end of an append that was cut short.
    pub whole_bytes: usize,
    /// How many bytes follow. None when they are zeros that were laid out ahead.
    pub torn_bytes: usize,
    /// How many zeros follow that were laid out ahead.
    pub zero_bytes: usize,
}

impl SegmentRead {
    /// Where it ends.
    pub(super) fn summary(&self) -> SegmentEnd {
        let Self { blocks, end, whole_bytes, torn_bytes, zero_bytes } = self;
        let blocks = u64::try_from(blocks.len()).unwrap_or(u64::MAX);
        SegmentEnd {
            blocks,
            end: *end,
            whole_bytes: *whole_bytes,
            torn_bytes: *torn_bytes,
            zero_bytes: *zero_bytes,
        }
    }
}

/// A segment whose blocks are vouched for, without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentEnd {
    /// How many blocks it has.
    pub(super) blocks: u64,
    /// After the last of them.
    pub(super) end: Link,
    /// As in [`SegmentRead`].
    pub(super) whole_bytes: usize,
    /// As in [`SegmentRead`].
    pub(super) torn_bytes: usize,
    /// As in [`SegmentRead`].
    pub(super) zero_bytes: usize,
}

/// Where and why a segment cannot be vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The first position that cannot be vouched for.
    pub position: u64,
    /// Where in the segment.
    pub offset: usize,
    /// Why.
    pub reason: SegmentDamage,
}

/// Reads the bytes of the segment that is named after `named_position`.
///
/// In the last segment, bytes that are no block are the end of an append that was cut short, and
/// are told as torn, if no whole later block follows them; if one does, something was damaged that
/// had been written before, and that is refused. So is everything else: what is yielded is an
/// exact prefix of what was written. Nothing but zeros behind its last block was laid out ahead.
pub fn read_segment(
    bytes: &Bytes,
    named_position: u64,
    place: Place,
) -> Result<SegmentRead, Refused> {
    let mut blocks = Vec::new();
    let SegmentEnd { blocks: _, end, whole_bytes, torn_bytes, zero_bytes } =
        follow(bytes, named_position, place, block::decode, Block::sealed, |block| {
            blocks.push(block);
        })?;
    Ok(SegmentRead { blocks, end, whole_bytes, torn_bytes, zero_bytes })
}

/// The same by the checksums and the chain alone: no payload is decompressed, and no block kept. A block
/// with its checksum right has the payload that was written, so it ends where [`read_segment`] ends.
pub(super) fn end_of_segment(
    bytes: &Bytes,
    named_position: u64,
    place: Place,
) -> Result<SegmentEnd, Refused> {
    follow(bytes, named_position, place, Sealed::check, |sealed| sealed, drop)
}

/// Follows the chain from the header to the last whole block, and hands each to `keep`.
fn follow<B>(
    bytes: &Bytes,
    named_position: u64,
    place: Place,
    read: impl Fn(Bytes) -> Result<B, BlockError>,
    sealed: impl Fn(&B) -> &Sealed,
    mut keep: impl FnMut(B),
) -> Result<SegmentEnd, Refused> {
    let in_header = |reason| Refused { position: named_position, offset: 0, reason };
    let mut end = decode_header(bytes).map_err(in_header)?;
    if end.next_position != named_position {
        return Err(in_header(SegmentDamage::BeginsElsewhere { stated: end.next_position }));
    }
    let mut blocks = 0;
    let mut offset = SEGMENT_HEADER_BYTES;
    while offset < bytes.len() {
        let refused = |reason| Refused { position: end.next_position, offset, reason };
        match bytes_at(bytes, offset).and_then(&read) {
            Ok(block) => {
                let found = sealed(&block);
                end.check_sealed(found).map_err(|error| refused(SegmentDamage::Link(error)))?;
                offset += found.encoded().len();
                end = Link::after_sealed(found);
                blocks += 1;
                keep(block);
            }
            Err(error) => {
                if place == Place::Last && is_zeros_from(bytes, offset) {
                    let zero_bytes = bytes.len() - offset;
                    return Ok(SegmentEnd {
                        blocks,
                        end,
                        whole_bytes: offset,
                        torn_bytes: 0,
                        zero_bytes,
                    });
                }
                if place == Place::Finished || later_block_follows(bytes, offset, end) {
                    return Err(refused(SegmentDamage::Block(error)));
                }
                break;
            }
        }
    }
    let torn_bytes = bytes.len() - offset;
    Ok(SegmentEnd { blocks, end, whole_bytes: offset, torn_bytes, zero_bytes: 0 })
}

/// Whether nothing but zeros lies in the bytes of a segment from an offset on.
pub(super) fn is_zeros_from(bytes: &Bytes, offset: usize) -> bool {
    bytes.get(offset..).is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
}

/// Every whole block in the bytes of a segment, in the order in which they lie, whatever is
/// between them. Each has its checksum right; whether it belongs there is not known.
pub fn whole_blocks(bytes: &Bytes) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut from = Some(SEGMENT_HEADER_BYTES);
    while let Some(offset) = from {
        from = match block_at(bytes, offset) {
            Ok(block) => {
                let after = offset + block.encoded().len();
                blocks.push(block);
                (after < bytes.len()).then_some(after)
            }
            Err(_) => next_magic(bytes, offset.saturating_add(1)),
        };
    }
    blocks
}

/// Where the next whole block begins, from an offset on.
pub(super) fn next_whole_block(bytes: &Bytes, from: usize) -> Option<usize> {
    let mut candidate = next_magic(bytes, from);
    while let Some(offset) = candidate {
        if block_at(bytes, offset).is_ok() {
            return Some(offset);
        }
        candidate = next_magic(bytes, offset.saturating_add(1));
    }
    None
}

/// Whether bytes end with the block after which a link stands, or hold none and are the header of a
/// segment that begins there.
pub(super) fn ends_with(bytes: &Bytes, end: Link) -> bool {
    let mut candidate = next_magic(bytes, 0);
    while let Some(offset) = candidate {
        let is_it = |block: Sealed| Link::after_sealed(&block) == end;
        let fills = block::stated_bytes(bytes.get(offset..).unwrap_or_default())
            .is_ok_and(|length| length == bytes.len() - offset);
        if fills && Sealed::check(bytes.slice(offset..)).is_ok_and(is_it) {
            return true;
        }
        candidate = next_magic(bytes, offset.saturating_add(1));
    }
    bytes.len() == SEGMENT_HEADER_BYTES && decode_header(bytes).is_ok_and(|header| header == end)
}

/// The block at an offset.
pub(super) fn block_at(bytes: &Bytes, offset: usize) -> Result<Block, BlockError> {
    bytes_at(bytes, offset).and_then(block::decode)
}

/// The bytes of the block at an offset, as many as it says.
fn bytes_at(bytes: &Bytes, offset: usize) -> Result<Bytes, BlockError> {
    let rest = bytes.get(offset..).unwrap_or_default();
    let length = block::stated_bytes(rest)?;
    if length > rest.len() {
        return Err(BlockError::Truncated { bytes: rest.len(), bytes_needed: length });
    }
    Ok(bytes.slice(offset..offset + length))
}

/// Whether a whole block of a later position lies behind `offset`. Its position is bounded by the
/// bytes before it, so that a record which happens to look like a block is not taken for one.
fn later_block_follows(bytes: &Bytes, offset: usize, end: Link) -> bool {
    let mut from = next_magic(bytes, offset.saturating_add(1));
    while let Some(candidate) = from {
        if is_later(bytes, candidate, offset, end) {
            return true;
        }
        from = next_magic(bytes, candidate.saturating_add(1));
    }
    false
}

fn is_later(bytes: &Bytes, candidate: usize, offset: usize, end: Link) -> bool {
    let blocks = (candidate - offset) / block::BLOCK_BYTES_LEAST + 1;
    let room = u64::try_from(blocks.saturating_mul(COMPRESSED_RECORDS_MAX)).unwrap_or(u64::MAX);
    block_at(bytes, candidate).is_ok_and(|block| {
        block.first_position() > end.next_position
            && block.first_position() - end.next_position <= room
    })
}

fn next_magic(bytes: &Bytes, from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    let found = rest.windows(BLOCK_MAGIC.len()).position(|window| window == BLOCK_MAGIC)?;
    Some(from + found)
}
