//! Making a dossier of what a ledger gives. Nothing is judged here; `verify` judges what was made.

use super::bounded::{Bytes, BytesUpTo, List};
use super::file::{
    Dossier, FORMAT, FORMAT_VERSION, FORMAT_VERSION_FIRST, Known, LeafRow, ProvedLeaf, ProvedRecord,
};
use super::{answer, policy};
use crate::domain::date::RecordedTime;
use crate::merkle::TreeHash;
use crate::wire::v1;

/// A leaf or a record with the hashes of its proof.
#[derive(Debug, Clone)]
pub struct Proved {
    /// Its position.
    pub position: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Hashes, from the leaf upwards.
    pub hashes: Vec<TreeHash>,
}

/// Leaves that stand one after another, with the hashes of what is beside them.
#[derive(Debug, Clone)]
pub struct ProvedRow {
    /// Position of the first.
    pub first: u64,
    /// The leaves as a bundle: each with its length before it.
    pub bundle: Vec<u8>,
    /// Hashes, from left to right.
    pub hashes: Vec<TreeHash>,
}

/// What a ledger gives.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Recorded time of the answer.
    pub as_known: RecordedTime,
    /// The answer.
    pub usage: v1::CeilingUsage,
    /// Every episode of its findings.
    pub findings: Vec<v1::Finding>,
    /// The dated policy.
    pub policy: v1::GetPolicyResponse,
    /// The signed checkpoint, to the byte.
    pub checkpoint: String,
    /// Leaf of the last record that was known.
    pub last: Proved,
    /// Leaf of the record after it, when the checkpoint covers it.
    pub next: Option<Proved>,
    /// The records of the agreement, as they are stored.
    pub records: Vec<Proved>,
    /// The leaves behind the newest event that was known, up to the last record that was. None: there are
    /// none, or they are too many.
    pub behind: Option<ProvedRow>,
    /// Descriptors of records.
    pub schema: Vec<u8>,
}

/// The dossier of these parts.
pub fn make(parts: Parts) -> Dossier {
    let Parts {
        as_known,
        usage,
        findings,
        policy,
        checkpoint,
        last,
        next,
        records,
        behind,
        schema,
    } = parts;
    let proof = |hashes: &[TreeHash]| {
        List(hashes.iter().map(|hash| Bytes(hash.as_bytes().to_vec())).collect())
    };
    let leaf = |Proved { bytes, hashes, .. }: Proved| ProvedLeaf {
        leaf: Bytes(bytes),
        proof: proof(&hashes),
    };
    let record = |Proved { position, bytes, hashes }: Proved| ProvedRecord {
        position,
        record: Bytes(bytes),
        proof: proof(&hashes),
    };
    let row = |ProvedRow { first, bundle, hashes }: ProvedRow| LeafRow {
        first,
        leaves: BytesUpTo(bundle),
        beside: List(hashes.iter().map(|hash| Bytes(hash.as_bytes().to_vec())).collect()),
    };
    Dossier {
        format: FORMAT.to_owned(),
        version: if behind.is_some() { FORMAT_VERSION } else { FORMAT_VERSION_FIRST },
        agreement_id: usage.agreement_id.clone(),
        as_of: usage.as_of.clone(),
        as_known: as_known.to_string(),
        answer: answer::of_told(&usage, &findings),
        policy: List(policy::of_told(&policy)),
        checkpoint,
        known: Known { last: leaf(last), next: next.map(leaf) },
        records: List(records.into_iter().map(record).collect()),
        completeness: behind.map(row),
        schema: Bytes(schema),
        sha256: String::new(),
    }
}
