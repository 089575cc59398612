//! What can be wrong with stored bytes.
//!
//! Pure. It must not know where the bytes came from.

use crate::block::{BlockError, LinkError};

/// What is wrong with the log at a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Corruption {
    /// The stored bytes are no block.
    #[error("the stored bytes are not the block that was written")]
    Block(#[source] BlockError),
    /// The store fails when it reads the block: its own bytes are damaged.
    #[error("the store cannot read the block at this position")]
    Unreadable,
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

impl Corruption {
    /// What a link that does not fit means for the log.
    pub(super) fn of_link(error: LinkError) -> Self {
        match error {
            LinkError::Gap => Self::Missing,
            LinkError::Overlap { ends } => Self::Overlap { ends },
            LinkError::ChainBroken => Self::ChainBroken,
        }
    }
}
