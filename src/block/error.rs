//! Why bytes are not a block.
//!
//! Pure. It must not know where the bytes came from.

/// Why bytes are not a block of this format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// Fewer bytes than the header says, or than the shortest block has.
    #[error("block truncated: {bytes} bytes where {bytes_needed} are needed")]
    Truncated {
        /// The bytes there are.
        bytes: usize,
        /// The bytes there should be.
        bytes_needed: usize,
    },
    /// More bytes than the header says.
    #[error("{bytes} bytes follow the end of the block")]
    TrailingBytes {
        /// The bytes too many.
        bytes: usize,
    },
    /// The first four bytes are not `CLBK`.
    #[error("block does not begin with the magic CLBK")]
    MagicMismatch,
    /// A format that this program does not know.
    #[error("block format version {version} is unknown")]
    FormatVersionUnknown {
        /// The version found.
        version: u8,
    },
    /// A payload codec that this program does not know.
    #[error("block codec {codec} is unknown")]
    CodecUnknown {
        /// The codec found.
        codec: u8,
    },
    /// What says that it is a compressed payload is none, or is of another length than it states.
    #[error("block payload cannot be decompressed")]
    CompressionBroken,
    /// The bytes changed since they were written.
    #[error("block checksum is {computed:08x} where {stored:08x} is stored")]
    ChecksumMismatch {
        /// The CRC-32 at the block's end.
        stored: u32,
        /// The CRC-32 of the bytes as they are.
        computed: u32,
    },
    /// A block without records: it is never written.
    #[error("block holds no record")]
    NoRecords,
    /// The last record's position would not fit in 64 bits.
    #[error("block's positions pass the end of the 64-bit range")]
    PositionsOverflow,
    /// The payload is not exactly `count` length-prefixed records.
    #[error("block payload is not {count} length-prefixed records")]
    PayloadMalformed {
        /// The count that the header states.
        count: u32,
    },
    /// Asked to encode more than 32-bit lengths can say.
    #[error("block would be longer than 32-bit lengths allow")]
    TooLong,
}
