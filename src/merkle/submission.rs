//! What a witness is sent: a checkpoint, and the proof that it continues the one which the witness
//! cosigned last (C2SP `tlog-witness`, the body of `add-checkpoint`).

use std::fmt;

use super::hash::{TreeHash, decimal};
use super::note::{Note, NoteFault};

/// Most hashes of the proof: a tree has at most 2^63 leaves.
pub const SUBMISSION_HASHES_MAX: usize = 63;

const OLD: &str = "old ";

/// A checkpoint for a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Size of the tree that the witness cosigned last; 0 when it never did.
    pub old_size: u64,
    /// Hashes of the consistency proof from that size; none from 0 and from the same size.
    pub hashes: Vec<TreeHash>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

/// Why a text is not a submission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionFault {
    /// There is no empty line before the checkpoint.
    #[error("the text has no empty line before the checkpoint")]
    Form,
    /// The first line is not the old size in decimal.
    #[error("the first line is not the old size, in decimal")]
    OldSize,
    /// A line of the proof is not a hash in base64.
    #[error("a line of the proof is no hash in base64")]
    Hash,
    /// There are more than [`SUBMISSION_HASHES_MAX`].
    #[error("the proof has more than {SUBMISSION_HASHES_MAX} hashes")]
    TooManyHashes,
    /// The checkpoint is no signed note.
    #[error("the checkpoint is no signed note")]
    Note(#[from] NoteFault),
}

impl Submission {
    /// Reads the text. Neither proof nor signature is checked.
    pub fn parse(text: &str) -> Result<Self, SubmissionFault> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(SubmissionFault::Form)?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix(OLD)).and_then(decimal);
        let old_size = old_size.ok_or(SubmissionFault::OldSize)?;
        let hashes: Vec<TreeHash> =
            lines.map(TreeHash::parse).collect::<Option<_>>().ok_or(SubmissionFault::Hash)?;
        if hashes.len() > SUBMISSION_HASHES_MAX {
            return Err(SubmissionFault::TooManyHashes);
        }
        Ok(Self { old_size, hashes, checkpoint: Note::parse(checkpoint)? })
    }
}

impl fmt::Display for Submission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { old_size, hashes, checkpoint } = self;
        writeln!(formatter, "{OLD}{old_size}")?;
        hashes.iter().try_for_each(|hash| writeln!(formatter, "{hash}"))?;
        write!(formatter, "\n{checkpoint}")
    }
}
