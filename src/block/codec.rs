//! How the payload of a block is stored: as it is, or compressed.
//!
//! Pure. It must not know what a payload holds.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};

use super::error::BlockError;

/// The longest payload that is compressed, in bytes before compression. It bounds what a reader
/// allocates for a block, whatever the block says.
pub const COMPRESSED_PAYLOAD_BYTES_MAX: usize = 1024 * 1024;

/// The bytes before the frame: the length of the payload before compression.
const LENGTH_BYTES: usize = 4;

/// Of zstd's levels the one that costs an append least.
const LEVEL: i32 = 1;

/// How a payload is stored. The number is the block's codec byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// As it is.
    None,
    /// As one zstd frame (RFC 8878), where that is shorter; as it is, otherwise.
    #[default]
    Zstd,
}

impl Codec {
    /// The block's codec byte.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Zstd => 1,
        }
    }

    pub(super) fn of_number(codec: u8) -> Result<Self, BlockError> {
        match codec {
            0 => Ok(Self::None),
            1 => Ok(Self::Zstd),
            codec => Err(BlockError::CodecUnknown { codec }),
        }
    }
}

/// The stored form of a payload, if it is shorter than the payload.
pub(super) fn compressed(payload: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(payload.len()).ok()?;
    if payload.len() > COMPRESSED_PAYLOAD_BYTES_MAX {
        return None;
    }
    let frame = COMPRESSOR.with_borrow_mut(|compressor| {
        let compressor = match compressor {
            Some(compressor) => compressor,
            // Without memory for it, the payload is stored as it is.
            None => compressor.insert(Compressor::new(LEVEL).ok()?),
        };
        compressor.compress(payload).ok()
    })?;
    let mut stored = Vec::with_capacity(LENGTH_BYTES + frame.len());
    stored.extend_from_slice(&length.to_be_bytes());
    stored.extend_from_slice(&frame);
    (stored.len() < payload.len()).then_some(stored)
}

/// The payload that was compressed.
pub(super) fn decompressed(stored: &[u8]) -> Result<Vec<u8>, BlockError> {
    let (length, frame) = stored.split_first_chunk().ok_or(BlockError::CompressionBroken)?;
    let length: [u8; LENGTH_BYTES] = *length;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| BlockError::TooLong)?;
    if length > COMPRESSED_PAYLOAD_BYTES_MAX {
        return Err(BlockError::CompressionBroken);
    }
    let payload = DECOMPRESSOR.with_borrow_mut(|decompressor| {
        let decompressor = match decompressor {
            Some(decompressor) => decompressor,
            None => decompressor.insert(Decompressor::new().ok()?),
        };
        decompressor.decompress(frame, length).ok()
    });
    payload.filter(|payload| payload.len() == length).ok_or(BlockError::CompressionBroken)
}

// A context is some hundred kilobytes, and is made once a thread.
thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}
