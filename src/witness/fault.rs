//! Why a witness has not cosigned.

use crate::merkle::NoteFault;

/// Why a witness has not cosigned a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitnessFault {
    /// The checkpoint or its proof could not be had from the ledger.
    #[error("no checkpoint to submit: {text}")]
    NothingToSubmit {
        /// Why.
        text: String,
    },
    /// No answer came.
    #[error("no answer: {text}")]
    Unreachable {
        /// What the network said.
        text: String,
    },
    /// It cannot answer now.
    #[error("it cannot cosign now, HTTP status {status}")]
    Unavailable {
        /// The status.
        status: u16,
    },
    /// It is not configured with this ledger's origin.
    #[error("it does not know this log; its operator has to add the origin and the key")]
    UnknownLog,
    /// It does not trust the key that signed.
    #[error("it does not trust the key of the checkpoint; its operator has to add the key")]
    KeyNotTrusted,
    /// It found the submission malformed.
    #[error("it refused the submission, HTTP status {status}")]
    Refused {
        /// The status.
        status: u16,
    },
    /// Its answer is no answer of a witness.
    #[error("its answer is not one of a witness: {text}")]
    AnswerMalformed {
        /// What is wrong with it.
        text: String,
    },
    /// It answered with a signature that does not fit.
    #[error("its cosignature does not hold: {0}")]
    CosignatureFalse(NoteFault),
    /// It has cosigned a larger tree of this log: this ledger was set back.
    #[error(
        "it has cosigned a tree of {witnessed_size} records, and the newest that this ledger signed has {size}: the ledger was set back to an earlier state"
    )]
    SawLargerTree {
        /// The size that it cosigned.
        witnessed_size: u64,
        /// The size of the newest tree that this ledger signed.
        size: u64,
    },
    /// It has cosigned a tree of which this one is no continuation: the history was altered or forked.
    #[error(
        "it has cosigned another history of this log at {witnessed_size} records: what it saw was altered since, or another ledger signs in this one's name"
    )]
    SawOtherHistory {
        /// The size that it cosigned.
        witnessed_size: u64,
    },
    /// It gave one size after the other.
    #[error("it moved on while it was asked; the next round asks again")]
    MovedOn,
}

impl WitnessFault {
    /// The published name.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NothingToSubmit { .. } => "WITNESS_NOTHING_TO_SUBMIT",
            Self::Unreachable { .. } => "WITNESS_UNREACHABLE",
            Self::Unavailable { .. } => "WITNESS_UNAVAILABLE",
            Self::UnknownLog => "WITNESS_UNKNOWN_LOG",
            Self::KeyNotTrusted => "WITNESS_KEY_NOT_TRUSTED",
            Self::Refused { .. } => "WITNESS_REFUSED",
            Self::AnswerMalformed { .. } => "WITNESS_ANSWER_MALFORMED",
            Self::CosignatureFalse(_) => "WITNESS_COSIGNATURE_FALSE",
            Self::SawLargerTree { .. } => "WITNESS_SAW_LARGER_TREE",
            Self::SawOtherHistory { .. } => "WITNESS_SAW_OTHER_HISTORY",
            Self::MovedOn => "WITNESS_MOVED_ON",
        }
    }

    /// Whether it speaks against this ledger, and not of a difficulty on the way.
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::SawLargerTree { .. } | Self::SawOtherHistory { .. } => true,
            Self::NothingToSubmit { .. }
            | Self::Unreachable { .. }
            | Self::Unavailable { .. }
            | Self::UnknownLog
            | Self::KeyNotTrusted
            | Self::Refused { .. }
            | Self::AnswerMalformed { .. }
            | Self::CosignatureFalse(_)
            | Self::MovedOn => false,
        }
    }
}
