//! What a dossier says, read: its checkpoint, its records, the place of `as_known` in the log. Every fault
//! is told in words that name what is wrong; nothing that fails here is folded.

use std::sync::Arc;

use super::bounded::{Bytes, List};
use super::file::{Dossier, Known, PROOF_HASHES_MAX, ProvedLeaf};
use crate::domain::date::RecordedTime;
use crate::domain::event::Recorded;
use crate::domain::id::AgreementId;
use crate::merkle::{Checkpoint, InclusionProof, TREE_HASH_BYTES, TreeHash};
use crate::wire::leaf::{LeafFields, of_record};
use crate::wire::record::{decode, recorded, recorded_time};
use crate::wire::v1;

/// Most faults of one kind that are told.
const FAULTS_TOLD_MAX: usize = 5;

/// A record that is proved to be in the log.
#[derive(Debug, Clone)]
pub struct ReadRecord {
    /// What it says.
    pub record: v1::Record,
    /// When it was recorded.
    pub time: RecordedTime,
    /// The event, for the fold. None: a refused request.
    pub event: Option<Arc<Recorded>>,
}

impl ReadRecord {
    /// Its place in the log.
    pub fn position(&self) -> u64 {
        self.record.position
    }
}

/// Faults, the first few in words.
#[derive(Debug, Default)]
pub(super) struct Faults {
    told: Vec<String>,
    count: usize,
}

impl Faults {
    pub(super) fn add(&mut self, text: String) {
        self.count += 1;
        if self.told.len() < FAULTS_TOLD_MAX {
            self.told.push(text);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn text(&self) -> String {
        let beyond = self.count.saturating_sub(self.told.len());
        let more = if beyond > 0 { format!("; and {beyond} more") } else { String::new() };
        self.told.join("; ") + &more
    }
}

/// Reads every record and checks its proof.
pub(super) fn records(
    dossier: &Dossier,
    agreement_id: &AgreementId,
    checkpoint: &Checkpoint,
) -> Result<Vec<ReadRecord>, Faults> {
    let mut faults = Faults::default();
    let mut read = Vec::with_capacity(dossier.records.0.len());
    for given in &dossier.records.0 {
        let position = given.position;
        match record(&given.record.0, position, &given.proof, agreement_id, checkpoint) {
            Ok(record) => read.push(record),
            Err(text) => faults.add(format!("the record at position {position} {text}")),
        }
    }
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

fn record(
    stored: &[u8],
    position: u64,
    proof: &List<Bytes, PROOF_HASHES_MAX>,
    agreement_id: &AgreementId,
    checkpoint: &Checkpoint,
) -> Result<ReadRecord, String> {
    let unreadable = |fault: &dyn std::fmt::Display| format!("cannot be read: {fault}");
    let record = decode(stored).map_err(|fault| unreadable(&fault))?;
    let leaf = of_record(&record, stored).map_err(|fault| unreadable(&fault))?;
    if record.position != position {
        return Err(format!("says that it is at position {}", record.position));
    }
    prove(position, &leaf, proof, checkpoint)?;
    if record.agreement_id != agreement_id.as_str() {
        return Err(format!("is of the agreement {}", record.agreement_id));
    }
    let time = recorded_time(&record).map_err(|fault| unreadable(&fault))?;
    let event = recorded(&record).map_err(|fault| unreadable(&fault))?.map(Arc::new);
    Ok(ReadRecord { record, time, event })
}

fn prove(
    index: u64,
    leaf: &[u8],
    proof: &List<Bytes, PROOF_HASHES_MAX>,
    checkpoint: &Checkpoint,
) -> Result<(), String> {
    let hashes = proof.0.iter().map(hash_of).collect::<Result<_, _>>()?;
    let proof = InclusionProof { index, size: checkpoint.size(), hashes };
    let proved = proof.verify(TreeHash::of_leaf(leaf), checkpoint.root());
    proved.map_err(|fault| format!("is not the one that was signed: {fault}"))
}

/// A hash of a proof.
pub(super) fn hash_of(bytes: &Bytes) -> Result<TreeHash, &'static str> {
    let bytes = <[u8; TREE_HASH_BYTES]>::try_from(bytes.0.as_slice());
    bytes.map(TreeHash::from_bytes).map_err(|_| "has a proof with a hash of other length")
}

/// Whether the records stand in the order of the log without a gap in the versions.
pub(super) fn order(records: &[ReadRecord]) -> Result<u64, Faults> {
    let mut faults = Faults::default();
    for (before, after) in records.iter().zip(records.iter().skip(1)) {
        let (left, right) = (before.position(), after.position());
        if left >= right {
            faults.add(format!("position {right} stands behind position {left}"));
        }
        if before.time > after.time {
            faults.add(format!("position {right} was recorded before position {left}"));
        }
    }
    let mut version = 0;
    for event in records.iter().filter_map(|read| read.event.as_deref()) {
        let (stated, position) = (event.version.get(), event.position.get());
        if stated > version + 1 {
            let (first, last) = (version + 1, stated - 1);
            let missing =
                if first == last { first.to_string() } else { format!("{first} to {last}") };
            faults.add(format!(
                "version {missing} of the agreement is left out: position {position} is version {stated}"
            ));
        } else if stated != version + 1 {
            faults
                .add(format!("version {stated} stands again or too late, at position {position}"));
        }
        version = stated;
    }
    if faults.is_empty() { Ok(version) } else { Err(faults) }
}

/// Finds `as_known` between two neighbours of the log, or at its end. Gives the position of the last
/// record that was known.
pub(super) fn known(
    known: &Known,
    as_known: RecordedTime,
    checkpoint: &Checkpoint,
) -> Result<u64, String> {
    let last = leaf(&known.last, checkpoint)?;
    let position = last.position;
    if last.recorded > as_known {
        return Err(format!("position {position} was recorded after {as_known}"));
    }
    match &known.next {
        Some(next) => {
            let next = leaf(next, checkpoint)?;
            if Some(next.position) != position.checked_add(1) {
                return Err(format!("position {} does not follow {position}", next.position));
            }
            if next.recorded <= as_known {
                let position = next.position;
                return Err(format!("position {position} was known at {as_known} too"));
            }
        }
        None if position.checked_add(1) != Some(checkpoint.size()) => {
            return Err(format!("nothing shows that position {position} is the last known"));
        }
        None if last.recorded != as_known => {
            return Err(format!(
                "the checkpoint ends at {}, and cannot speak for {as_known}",
                last.recorded
            ));
        }
        None => {}
    }
    Ok(position)
}

fn leaf(proved: &ProvedLeaf, checkpoint: &Checkpoint) -> Result<LeafFields, String> {
    let leaf = &proved.leaf.0;
    let fields = LeafFields::read(leaf).ok_or("a leaf is not laid out as one")?;
    prove(fields.position, leaf, &proved.proof, checkpoint)
        .map_err(|text| format!("the leaf of position {} {text}", fields.position))?;
    Ok(fields)
}
