//! The container: one JSON text, every byte of which follows from what it says.
//!
//! `docs/dossier.md` has the table of fields. A text that would be written otherwise than it was read is
//! refused, so there is one file for the same content, and the hash at its end tells damage from intent.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::answer::Answer;
use super::bounded::{Bytes, BytesUpTo, List};
use super::policy::Period;

/// What the file says that it is.
pub const FORMAT: &str = "contract-ledger dossier";
/// Newest version of the format: a file with [`Dossier::completeness`].
pub const FORMAT_VERSION: u32 = 2;
/// Version of a file without it. Each file has the version that it needs, so it has one text.
pub const FORMAT_VERSION_FIRST: u32 = 1;
/// Longest file.
pub const DOSSIER_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Most records of one agreement in a file.
pub const RECORDS_MAX: usize = 100_000;
/// Most hashes of a proof: a tree of more levels cannot be counted.
pub const PROOF_HASHES_MAX: usize = 64;
/// Most bytes of the leaves that prove that nothing is left out, each with its length.
pub const COMPLETENESS_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most hashes beside those leaves: two proofs' worth.
pub const BESIDE_HASHES_MAX: usize = 2 * PROOF_HASHES_MAX;
/// Most changes of policy.
pub const PERIODS_MAX: usize = 1024;

/// A dossier. It is not to be believed before it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dossier {
    /// [`FORMAT`].
    pub format: String,
    /// [`FORMAT_VERSION`], or [`FORMAT_VERSION_FIRST`] where nothing needs the newest.
    pub version: u32,
    /// The agreement.
    pub agreement_id: String,
    /// Business date of the answer.
    pub as_of: String,
    /// Recorded time of the answer.
    pub as_known: String,
    /// The answer that was given.
    pub answer: Answer,
    /// The dated policy that it was made by: the word of whoever runs the ledger.
    pub policy: List<Period, PERIODS_MAX>,
    /// The signed checkpoint, with cosignatures where there are.
    pub checkpoint: String,
    /// Where in the log `as_known` is.
    pub known: Known,
    /// Every record of the agreement under the checkpoint, refusals too, in the order of positions.
    pub records: List<ProvedRecord, RECORDS_MAX>,
    /// The leaves behind the newest event that was known, which show that none comes after it. Absent:
    /// none are needed, or they are too many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completeness: Option<LeafRow>,
    /// Descriptors by which records are read without this program.
    pub schema: Bytes,
    /// SHA-256 of this text with this field empty, in hexadecimal.
    pub sha256: String,
}

/// The two neighbours in the log between which `as_known` lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Known {
    /// The last record that was known.
    pub last: ProvedLeaf,
    /// The first that was not. Absent: the checkpoint ends before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<ProvedLeaf>,
}

/// A leaf of the tree, of whatever agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvedLeaf {
    /// The leaf.
    pub leaf: Bytes,
    /// Hashes of its proof, from the leaf upwards.
    pub proof: List<Bytes, PROOF_HASHES_MAX>,
}

/// Leaves that stand in the log one after another, of whatever agreements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LeafRow {
    /// Position of the first.
    pub first: u64,
    /// The leaves, each with its length before it, as in a bundle of C2SP `tlog-tiles`.
    pub leaves: BytesUpTo<COMPLETENESS_BYTES_MAX>,
    /// Roots of the largest subtrees to their left and right, from left to right.
    pub beside: List<Bytes, BESIDE_HASHES_MAX>,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProvedRecord {
    /// Its position, as the record says too.
    pub position: u64,
    /// Its bytes.
    pub record: Bytes,
    /// Hashes of the proof of its leaf, from the leaf upwards.
    pub proof: List<Bytes, PROOF_HASHES_MAX>,
}

/// Why bytes are not a dossier.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// There are too many.
    #[error("a dossier has at most {DOSSIER_BYTES_MAX} bytes")]
    TooLong,
    /// They are not the JSON of a dossier.
    #[error("the file is not a dossier, or is damaged")]
    Form(#[from] serde_json::Error),
    /// It is another kind of file.
    #[error("the file is {found:?}, not {FORMAT:?}")]
    OtherFormat {
        /// What it says that it is.
        found: String,
    },
    /// It is of a version that this program does not read.
    #[error(
        "the dossier has version {found}; this program reads {FORMAT_VERSION_FIRST} to {FORMAT_VERSION}"
    )]
    OtherVersion {
        /// Its version.
        found: u32,
    },
    /// It is of another version than what it holds needs.
    #[error("the file says version {found}, and what it holds is written as version {needed}")]
    UnfitVersion {
        /// Its version.
        found: u32,
        /// The version that such a file has.
        needed: u32,
    },
    /// Its hash is another than it says.
    #[error("the file is damaged or was altered: it has the SHA-256 {computed}, and says {stated}")]
    OtherHash {
        /// What it says.
        stated: String,
        /// What follows.
        computed: String,
    },
    /// The same content is written otherwise.
    #[error("the file is not written as a dossier is, from byte {at} on")]
    OtherSpelling {
        /// The first byte that differs.
        at: usize,
    },
}

impl FileFault {
    /// Its published name.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "DOSSIER_TOO_LONG",
            Self::Form(_) => "DOSSIER_MALFORMED",
            Self::OtherFormat { .. } => "NOT_A_DOSSIER",
            Self::OtherVersion { .. } => "DOSSIER_VERSION_UNKNOWN",
            Self::OtherHash { .. } => "DOSSIER_DAMAGED",
            Self::OtherSpelling { .. } | Self::UnfitVersion { .. } => "DOSSIER_NOT_CANONICAL",
        }
    }
}

#[derive(Deserialize)]
struct Opening {
    format: String,
    version: u32,
}

impl Dossier {
    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, FileFault> {
        if bytes.len() > DOSSIER_BYTES_MAX {
            return Err(FileFault::TooLong);
        }
        let Opening { format, version } = serde_json::from_slice(bytes)?;
        if format != FORMAT {
            return Err(FileFault::OtherFormat { found: format });
        }
        if !(FORMAT_VERSION_FIRST..=FORMAT_VERSION).contains(&version) {
            return Err(FileFault::OtherVersion { found: version });
        }
        let dossier: Self = serde_json::from_slice(bytes)?;
        let needed = dossier.needed_version();
        if version != needed {
            return Err(FileFault::UnfitVersion { found: version, needed });
        }
        let (written, computed) = dossier.text_and_hash()?;
        let differs = || written.bytes().zip(bytes).position(|(own, given)| own != *given);
        if written.as_bytes() != bytes {
            let at = differs().unwrap_or(written.len().min(bytes.len()));
            return Err(FileFault::OtherSpelling { at });
        }
        if computed != dossier.sha256 {
            return Err(FileFault::OtherHash { stated: dossier.sha256, computed });
        }
        Ok(dossier)
    }

    /// The file. Its version and its hash are computed.
    pub fn to_text(&self) -> Result<String, FileFault> {
        let mut dossier = Self { version: self.needed_version(), ..self.clone() };
        (_, dossier.sha256) = dossier.text_and_hash()?;
        let text = text_of(&dossier)?;
        if text.len() > DOSSIER_BYTES_MAX || self.records.0.len() > RECORDS_MAX {
            return Err(FileFault::TooLong);
        }
        Ok(text)
    }

    fn needed_version(&self) -> u32 {
        if self.completeness.is_some() { FORMAT_VERSION } else { FORMAT_VERSION_FIRST }
    }

    /// The text as the dossier stands, and the hash that should stand in it.
    fn text_and_hash(&self) -> Result<(String, String), FileFault> {
        let text = text_of(self)?;
        // The hash is the last field, so the text without it is what stands before it.
        let stated = serde_json::to_string(&self.sha256)?;
        let before = text.strip_suffix(END).and_then(|text| text.strip_suffix(&stated));
        let before = before.expect("a dossier ends with its hash");
        let digest = Sha256::new().chain_update(before).chain_update("\"\"").chain_update(END);
        let digest = digest.finalize();
        let hash = digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        Ok((text, hash))
    }
}

/// What stands behind the last field.
const END: &str = "\n}\n";

fn text_of(dossier: &Dossier) -> Result<String, FileFault> {
    Ok(serde_json::to_string_pretty(dossier)? + "\n")
}
