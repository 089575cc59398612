//! A block whose checksum is right, and whose payload is left as it is stored.
//!
//! What a chain is followed by: its place, the hash that it states, its own. Nothing is decompressed,
//! so following a chain costs a checksum and a hash over the stored bytes.

use std::ops::Range;

use bytes::Bytes;

use super::codec::Codec;
use super::{
    BLOCK_FORMAT_VERSION, BLOCK_HEADER_BYTES, BLOCK_MAGIC, BLOCK_TRAILER_BYTES, BlockError,
    BlockHash, Fields, check_length_and_checksum,
};

/// A block whose header and checksum were checked; its payload was not.
///
/// Invariant: there is at least one record, and the last position fits in a `u64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    encoded: Bytes,
    codec: Codec,
    count: u32,
    first_position: u64,
    end_position: u64,
    previous: BlockHash,
}

impl Sealed {
    /// Checks one block that fills `encoded` exactly: everything but its payload.
    ///
    /// Never panics and allocates nothing, whatever the bytes are. The format version is read before
    /// the checksum, since another version may put it elsewhere.
    pub fn check(encoded: Bytes) -> Result<Self, BlockError> {
        let mut header = Fields { rest: &encoded, bytes: encoded.len() };
        if header.take::<4>()? != BLOCK_MAGIC {
            return Err(BlockError::MagicMismatch);
        }
        let [version] = header.take::<1>()?;
        if version != BLOCK_FORMAT_VERSION {
            return Err(BlockError::FormatVersionUnknown { version });
        }
        let [codec] = header.take::<1>()?;
        let first_position = u64::from_be_bytes(header.take()?);
        let count = u32::from_be_bytes(header.take()?);
        let payload_length = u32::from_be_bytes(header.take()?);
        let previous = BlockHash(header.take()?);

        check_length_and_checksum(&encoded, payload_length)?;
        let codec = Codec::of_number(codec)?;
        if count == 0 {
            return Err(BlockError::NoRecords);
        }
        let end_position =
            first_position.checked_add(u64::from(count)).ok_or(BlockError::PositionsOverflow)?;
        Ok(Self { encoded, codec, count, first_position, end_position, previous })
    }

    /// The position of the first record.
    pub fn first_position(&self) -> u64 {
        self.first_position
    }

    /// The positions of the records; never empty.
    pub fn positions(&self) -> Range<u64> {
        self.first_position..self.end_position
    }

    /// The hash of the block before, as this block states it.
    pub fn previous(&self) -> BlockHash {
        self.previous
    }

    /// The hash that the next block has to state.
    pub fn hash(&self) -> BlockHash {
        BlockHash::of(&self.encoded)
    }

    /// The block's bytes as encoded.
    pub fn encoded(&self) -> &Bytes {
        &self.encoded
    }

    pub(super) fn codec(&self) -> Codec {
        self.codec
    }

    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The payload as it is stored.
    pub(super) fn stored_payload(&self) -> Bytes {
        self.encoded.slice(BLOCK_HEADER_BYTES..self.encoded.len() - BLOCK_TRAILER_BYTES)
    }
}
