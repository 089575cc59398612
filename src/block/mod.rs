//! The block: the unit in which records lie on disk, format version 1.
//!
//! Pure bytes in, bytes out. It must not know where a block is kept (sled, an archive file, a
//! network), nor what a record means. It is a room of its own, so that the store and the archive
//! share the bytes and nothing else.
//!
//! All integers are big-endian and of fixed width.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic, ASCII `CLBK` |
//! | 4 | 1 | format version, 1 |
//! | 5 | 1 | codec of the payload, 0 = none, 1 = zstd |
//! | 6 | 8 | position of the first record |
//! | 14 | 4 | count of records, at least 1 |
//! | 18 | 4 | length of the payload in bytes, as stored |
//! | 22 | 32 | SHA-256 of the whole previous block as encoded; zeros in the first |
//! | 54 | payload length | for each record: length (4 bytes), then the record's bytes |
//! | 54 + payload length | 4 | CRC-32 (IEEE) of every byte before it |
//!
//! A compressed payload is its length before compression (4 bytes), then one zstd frame.
//!
//! Why both sums: the CRC finds damage in one block without its neighbours, and every single-bit
//! error for certain; the hash chain finds a whole block that was swapped, dropped or rewritten.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use sha2::{Digest, Sha256};

mod codec;
mod error;
mod link;
mod sealed;

#[cfg(test)]
mod tests;

pub use codec::{COMPRESSED_PAYLOAD_BYTES_MAX, Codec};
pub use error::BlockError;
pub use link::{Link, LinkError};
pub use sealed::Sealed;

/// The first four bytes of every block.
pub const BLOCK_MAGIC: [u8; 4] = *b"CLBK";
/// The format version that this program writes, and the only one that it reads.
pub const BLOCK_FORMAT_VERSION: u8 = 1;
/// The bytes before the payload.
pub const BLOCK_HEADER_BYTES: usize = 54;
/// The bytes after the payload: the CRC-32.
pub const BLOCK_TRAILER_BYTES: usize = 4;
/// The shortest block there is: around a payload of one empty record.
pub const BLOCK_BYTES_LEAST: usize = BLOCK_HEADER_BYTES + RECORD_PREFIX_BYTES + BLOCK_TRAILER_BYTES;
/// The bytes that a record takes in the payload beside its own.
pub const RECORD_PREFIX_BYTES: usize = 4;
/// The most records in a block whose payload is compressed: each takes at least its prefix.
pub const COMPRESSED_RECORDS_MAX: usize = COMPRESSED_PAYLOAD_BYTES_MAX / RECORD_PREFIX_BYTES;

/// SHA-256 of a whole encoded block.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BlockHash([u8; 32]);

impl BlockHash {
    /// What the first block names as its predecessor.
    pub const ZERO: Self = Self([0; 32]);

    /// Hashes the bytes of one encoded block.
    pub fn of(encoded: &[u8]) -> Self {
        Self(Sha256::digest(encoded).into())
    }

    /// A hash that was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlockHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlockHash({self})")
    }
}

/// A decoded block. Its records are slices of one allocation: that which it was decoded from, or
/// that of the payload when it was compressed.
///
/// Invariant: `record_ends` has one entry a record, ascending, each within `payload`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    sealed: Sealed,
    payload: Bytes,
    record_ends: Vec<u32>,
}

impl Block {
    /// The block without its records.
    pub fn sealed(&self) -> &Sealed {
        &self.sealed
    }

    /// The position of the first record.
    pub fn first_position(&self) -> u64 {
        self.sealed.first_position()
    }

    /// The positions of the records; never empty.
    pub fn positions(&self) -> Range<u64> {
        self.sealed.positions()
    }

    /// The hash of the block before, as this block states it.
    pub fn previous(&self) -> BlockHash {
        self.sealed.previous()
    }

    /// The hash that the next block has to state.
    pub fn hash(&self) -> BlockHash {
        self.sealed.hash()
    }

    /// The block's bytes as encoded.
    pub fn encoded(&self) -> &Bytes {
        self.sealed.encoded()
    }

    /// The record at a position, without a copy; `None` outside `positions()`.
    pub fn record(&self, position: u64) -> Option<Bytes> {
        let index = usize::try_from(position.checked_sub(self.first_position())?).ok()?;
        let end = usize::try_from(*self.record_ends.get(index)?).ok()?;
        let before = match index.checked_sub(1) {
            None => 0,
            Some(previous) => usize::try_from(*self.record_ends.get(previous)?).ok()?,
        };
        Some(self.payload.slice(before + RECORD_PREFIX_BYTES..end))
    }
}

/// Encodes records as one block of format version 1.
///
/// Refuses an empty list ([`BlockError::NoRecords`]) and what 32-bit lengths or 64-bit positions
/// cannot say ([`BlockError::TooLong`], [`BlockError::PositionsOverflow`]).
pub fn encode(
    first_position: u64,
    previous: BlockHash,
    records: &[Bytes],
    codec: Codec,
) -> Result<Bytes, BlockError> {
    let count = u32::try_from(records.len()).map_err(|_| BlockError::TooLong)?;
    if count == 0 {
        return Err(BlockError::NoRecords);
    }
    first_position.checked_add(u64::from(count)).ok_or(BlockError::PositionsOverflow)?;
    let payload = payload_of(records)?;
    let compressed = match codec {
        Codec::None => None,
        Codec::Zstd => codec::compressed(&payload),
    };
    let (codec, stored) = match &compressed {
        Some(stored) => (Codec::Zstd, stored),
        None => (Codec::None, &payload),
    };
    let stored_length = u32::try_from(stored.len()).map_err(|_| BlockError::TooLong)?;

    let mut encoded = Vec::with_capacity(BLOCK_HEADER_BYTES + stored.len() + BLOCK_TRAILER_BYTES);
    encoded.extend_from_slice(&BLOCK_MAGIC);
    encoded.push(BLOCK_FORMAT_VERSION);
    encoded.push(codec.number());
    encoded.extend_from_slice(&first_position.to_be_bytes());
    encoded.extend_from_slice(&count.to_be_bytes());
    encoded.extend_from_slice(&stored_length.to_be_bytes());
    encoded.extend_from_slice(previous.as_bytes());
    encoded.extend_from_slice(stored);
    let checksum = crc32fast::hash(&encoded);
    encoded.extend_from_slice(&checksum.to_be_bytes());
    Ok(Bytes::from(encoded))
}

/// The records, each after its length.
fn payload_of(records: &[Bytes]) -> Result<Vec<u8>, BlockError> {
    let bytes = records
        .iter()
        .try_fold(0_usize, |sum, record| sum.checked_add(RECORD_PREFIX_BYTES + record.len()))
        .ok_or(BlockError::TooLong)?;
    let mut payload = Vec::with_capacity(bytes);
    for record in records {
        let length = u32::try_from(record.len()).map_err(|_| BlockError::TooLong)?;
        payload.extend_from_slice(&length.to_be_bytes());
        payload.extend_from_slice(record);
    }
    Ok(payload)
}

/// Decodes one block that fills `encoded` exactly.
///
/// Never panics, and allocates at most as many bytes as `encoded` has and, for a compressed payload,
/// [`COMPRESSED_PAYLOAD_BYTES_MAX`], whatever the bytes are.
/// The format version is read before the checksum, since another version may put it elsewhere.
pub fn decode(encoded: Bytes) -> Result<Block, BlockError> {
    let sealed = Sealed::check(encoded)?;
    let stored = sealed.stored_payload();
    let payload = match sealed.codec() {
        Codec::None => stored,
        Codec::Zstd => Bytes::from(codec::decompressed(&stored)?),
    };
    let record_ends = record_ends(&payload, sealed.count())?;
    Ok(Block { sealed, payload, record_ends })
}

/// The length of the block that begins with `start`, by its own header; not yet by its checksum.
pub fn stated_bytes(start: &[u8]) -> Result<usize, BlockError> {
    let mut header = Fields { rest: start, bytes: start.len() };
    if header.take::<4>()? != BLOCK_MAGIC {
        return Err(BlockError::MagicMismatch);
    }
    let [version] = header.take::<1>()?;
    if version != BLOCK_FORMAT_VERSION {
        return Err(BlockError::FormatVersionUnknown { version });
    }
    let [_codec] = header.take::<1>()?;
    let _first_position = header.take::<8>()?;
    let _count = header.take::<4>()?;
    usize::try_from(u32::from_be_bytes(header.take()?))
        .ok()
        .and_then(|payload| payload.checked_add(BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES))
        .ok_or(BlockError::TooLong)
}

fn check_length_and_checksum(encoded: &[u8], payload_length: u32) -> Result<(), BlockError> {
    let bytes_needed = usize::try_from(payload_length)
        .ok()
        .and_then(|payload| payload.checked_add(BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES))
        .ok_or(BlockError::TooLong)?;
    if encoded.len() > bytes_needed {
        return Err(BlockError::TrailingBytes { bytes: encoded.len() - bytes_needed });
    }
    let truncated = BlockError::Truncated { bytes: encoded.len(), bytes_needed };
    if encoded.len() < bytes_needed {
        return Err(truncated);
    }
    let (checked, stored) = encoded.split_last_chunk().ok_or(truncated)?;
    let stored = u32::from_be_bytes(*stored);
    let computed = crc32fast::hash(checked);
    if stored != computed {
        return Err(BlockError::ChecksumMismatch { stored, computed });
    }
    Ok(())
}

/// Where each record ends, counted from the payload's first byte.
fn record_ends(payload: &[u8], count: u32) -> Result<Vec<u32>, BlockError> {
    let malformed = BlockError::PayloadMalformed { count };
    let records = usize::try_from(count).map_err(|_| malformed)?;
    // Each record takes at least its prefix: a count that the payload cannot hold allocates
    // nothing.
    if records > payload.len() / RECORD_PREFIX_BYTES {
        return Err(malformed);
    }
    let mut ends = Vec::with_capacity(records);
    let mut rest = payload;
    while let Some((prefix, tail)) = rest.split_first_chunk() {
        let length = usize::try_from(u32::from_be_bytes(*prefix)).map_err(|_| malformed)?;
        rest = tail.get(length..).ok_or(malformed)?;
        ends.push(u32::try_from(payload.len() - rest.len()).map_err(|_| BlockError::TooLong)?);
        if ends.len() == records {
            break;
        }
    }
    if ends.len() == records && rest.is_empty() { Ok(ends) } else { Err(malformed) }
}

/// Takes fixed fields off the front; running out is a truncated block.
struct Fields<'a> {
    rest: &'a [u8],
    bytes: usize,
}

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], BlockError> {
        let (field, rest) = self.rest.split_first_chunk().ok_or(BlockError::Truncated {
            bytes: self.bytes,
            bytes_needed: BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES,
        })?;
        self.rest = rest;
        Ok(*field)
    }
}
