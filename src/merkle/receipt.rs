//! Receipts: one text by which a leaf is proved to be in a log, offline and for ever (C2SP
//! `tlog-proof`).

use std::fmt;

use super::checkpoint::{Checkpoint, CheckpointFault};
use super::hash::{TreeHash, decimal, decode, encode};
use super::key::VerifierKey;
use super::note::{Note, NoteFault};
use super::proof::{InclusionProof, ProofFault};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
const EXTRA: &str = "extra ";
const INDEX: &str = "index ";

/// A leaf's index and proof, and the signed checkpoint that they lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// What the sender adds. It is vouched for by nobody.
    pub extra: Option<Vec<u8>>,
    /// Index of the leaf.
    pub index: u64,
    /// Hashes of the inclusion proof, from the leaf upwards.
    pub hashes: Vec<TreeHash>,
    /// The signed checkpoint.
    pub checkpoint: Note,
}

/// Why a text is not a receipt, or a receipt does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// It does not open as a receipt does, or has no empty line before the checkpoint.
    #[error("the text is not a receipt of the form {FIRST_LINE}")]
    Form,
    /// What was added is not base64.
    #[error("the extra line is not base64")]
    Extra,
    /// There is no line with the index, or it is not a decimal number.
    #[error("the receipt does not state the index in decimal")]
    Index,
    /// A line of the proof is not a hash in base64.
    #[error("a line of the proof is no hash in base64")]
    Hash,
    /// The checkpoint is no note, or not signed by who it must be.
    #[error("the checkpoint is not to be believed")]
    Note(#[from] NoteFault),
    /// The note is no checkpoint.
    #[error("the note is no checkpoint")]
    Checkpoint(#[from] CheckpointFault),
    /// The checkpoint is of another log.
    #[error("the checkpoint is of {actual}, not of {expected}")]
    OtherOrigin {
        /// The log that it must be of.
        expected: String,
        /// The log that it is of.
        actual: String,
    },
    /// The proof does not lead from the leaf to the checkpoint.
    #[error("the leaf is not proved to be in the log")]
    Proof(#[from] ProofFault),
}

impl Receipt {
    /// Reads the text. It is not to be believed before [`Self::verify`].
    pub fn parse(text: &str) -> Result<Self, ReceiptFault> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ReceiptFault::Form)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ReceiptFault::Form);
        }
        let extra = lines.next_if(|line| line.starts_with(EXTRA));
        let extra = extra.and_then(|line| line.strip_prefix(EXTRA));
        let extra = extra.map(|text| decode(text).ok_or(ReceiptFault::Extra)).transpose()?;
        let index = lines.next().and_then(|line| line.strip_prefix(INDEX)).and_then(decimal);
        Ok(Self {
            extra,
            index: index.ok_or(ReceiptFault::Index)?,
            hashes: lines.map(TreeHash::parse).collect::<Option<_>>().ok_or(ReceiptFault::Hash)?,
            checkpoint: Note::parse(checkpoint)?,
        })
    }

    /// Checks that the leaf is in the log of this origin, by a checkpoint that one of the keys
    /// signed, and gives that checkpoint. What was added stays unchecked.
    pub fn verify(
        &self,
        leaf: &[u8],
        origin: &str,
        keys: &[VerifierKey],
    ) -> Result<Checkpoint, ReceiptFault> {
        self.checkpoint.verify(keys)?;
        let checkpoint = Checkpoint::parse(self.checkpoint.text())?;
        if checkpoint.origin() != origin {
            return Err(ReceiptFault::OtherOrigin {
                expected: origin.to_owned(),
                actual: checkpoint.origin().to_owned(),
            });
        }
        let (index, size) = (self.index, checkpoint.size());
        let proof = InclusionProof { index, size, hashes: self.hashes.clone() };
        proof.verify(TreeHash::of_leaf(leaf), checkpoint.root())?;
        Ok(checkpoint)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { extra, index, hashes, checkpoint } = self;
        writeln!(formatter, "{FIRST_LINE}")?;
        if let Some(extra) = extra {
            writeln!(formatter, "{EXTRA}{}", encode(extra))?;
        }
        writeln!(formatter, "{INDEX}{index}")?;
        hashes.iter().try_for_each(|hash| writeln!(formatter, "{hash}"))?;
        write!(formatter, "\n{checkpoint}")
    }
}
