//! What can be wrong with stored bytes.
//!
//! Pure. It must not know where the bytes came from.

/// What is wrong with the log at a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Corruption {
    /// The stored bytes are no block.
    #[error("the stored bytes are not the block that was written")]
    Block(#[source] BlockError),
    /// No block holds the position, though it lies below the head.
    #[error("no block holds this position")]
    Missing,
    /// A block states another first position than the one it is kept under.
    #[error("the block kept here says that it begins at position {stated}")]
    KeptUnderWrongPosition {
        /// What the block states.
        stated: u64,
    },
    /// Two blocks hold the position.
    #[error("a block begins here before the one before it has ended, at {ends}")]
    Overlap {
        /// The end of the block before.
        ends: u64,
    },
    /// The block does not state the hash of the block before it.
    #[error("the block does not follow the block before it: hash chain broken")]
    ChainBroken,
    /// A key among the blocks that this program does not write.
    #[error("a key that is none stands among the blocks: {key:02x?}")]
    KeyUnknown {
        /// The key's bytes.
        key: Vec<u8>,
    },
    /// A part of a block that belongs to none.
    #[error("part {part} of the block at this position does not belong there")]
    PartStray {
        /// The part's number.
        part: u32,
    },
}

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
