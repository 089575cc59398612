//! What the ledger proves: that a record is in the log, that the log only grew, and that it said so.
//!
//! Every inclusion proof is checked against the stored record before it is given: a record that was
//! changed under the tree is told as damage, and never proved.

use tokio::sync::watch;

use super::error::LedgerError;
use super::signing::{CannotSign, CheckpointRules, NotFirst, NotTaken, Signed};
use super::{Head, Ledger, Shared};
use crate::domain::date::RecordedTime;
use crate::domain::id::{AgreementId, EventId, Position, Version};
use crate::merkle::{
    Checkpoint, ConsistencyProof, InclusionProof, Note, ProofError, ProofFault, Receipt, TreeHash,
    root_at,
};
use crate::wire::{leaf, record, v1};

/// Bits at the beginning of an event id that are a time in milliseconds (UUID version 7).
const EVENT_ID_TIME_BITS: u32 = 48;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofFailure {
    /// No checkpoint is signed.
    #[error(transparent)]
    CannotSign(#[from] CannotSign),
    /// It is asked about more than is recorded.
    #[error("{field} is {asked}, and the tree has {size} leaves")]
    BeyondTree {
        /// Field of the request.
        field: &'static str,
        /// What it says.
        asked: u64,
        /// Leaves that it may ask about.
        size: u64,
    },
    /// The smaller tree is the larger one.
    #[error("a tree of {from_size} leaves is not the beginning of one of {to_size}")]
    SizesReversed {
        /// The size that should be the smaller.
        from_size: u64,
        /// The size that should be the larger.
        to_size: u64,
    },
    /// No such event is recorded.
    #[error("no such event is recorded")]
    UnknownEvent,
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A tree: its size and its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of leaves, one a record.
    pub size: u64,
    /// Root over them.
    pub root: TreeHash,
}

/// A leaf that is proved to be in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedLeaf {
    /// The leaf of the record at the index of the proof.
    pub leaf: Vec<u8>,
    /// The tree.
    pub tree: TreeHead,
    /// The proof.
    pub proof: InclusionProof,
}

/// A tree that is proved to be the beginning of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedGrowth {
    /// The smaller tree.
    pub from: TreeHead,
    /// The larger tree.
    pub to: TreeHead,
    /// The proof.
    pub proof: ConsistencyProof,
}

/// What names an event to an auditor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventName {
    /// Its place in the log.
    Position(Position),
    /// Its place in an agreement.
    Version(AgreementId, Version),
    /// Its id.
    Id(EventId),
}

/// A receipt, and what it is about.
#[derive(Debug, Clone)]
pub struct Receipted {
    /// The record's place in the log.
    pub position: Position,
    /// Its leaf, which the receipt carries too.
    pub leaf: Vec<u8>,
    /// Leaves of the tree of its checkpoint.
    pub tree_size: u64,
    /// The receipt.
    pub receipt: Receipt,
}

impl Ledger {
    /// The tree over what is published.
    pub fn tree_head(&self) -> TreeHead {
        let Head { record_count, root, .. } = *self.shared().head.borrow();
        TreeHead { size: record_count, root }
    }

    /// The tree as it was after so many records, when that is known without reading from disk.
    pub fn tree_head_at_hand(&self, size: u64) -> Option<TreeHead> {
        self.shared().tree.recent_root(size).map(|root| TreeHead { size, root })
    }

    /// The tree as it was after so many records. May read from disk.
    pub fn tree_head_at(&self, size: u64) -> Result<TreeHead, LedgerError> {
        Ok(TreeHead { size, root: self.shared().tree.root_at(size)? })
    }

    /// What checkpoints are signed with, when anything is.
    pub fn checkpoint_rules(&self) -> Result<&CheckpointRules, CannotSign> {
        self.shared().signing.rules()
    }

    /// Whether a checkpoint would be signed. May read from disk.
    pub fn check_signing(&self) -> Result<(), ProofFailure> {
        let shared = self.shared();
        Ok(shared.signing.check(&shared.tree)??)
    }

    /// A signed checkpoint that covers everything published. May write and sync a file.
    pub fn checkpoint(&self) -> Result<Signed, ProofFailure> {
        self.shared().checkpoint(self.tree_head().size)
    }

    /// Signs the first checkpoint of a log that has records, on its owner's word that nothing was ever
    /// signed with this key. Refused when any trace of one is kept. Writes and syncs files.
    pub fn first_checkpoint(&self) -> Result<Signed, NotFirst> {
        let TreeHead { size, root } = self.tree_head();
        let shared = self.shared();
        shared.signing.first(&shared.tree, (size, root))
    }

    /// What a witness can be asked with, before the first checkpoint is signed, for what it has cosigned.
    /// Refused when that would be.
    pub fn question_before_first(&self) -> Result<Note, NotFirst> {
        let shared = self.shared();
        shared.signing.question(&shared.tree)
    }

    /// Says in the program's log when nothing can be signed.
    pub fn tell_signing(&self) {
        let shared = self.shared();
        shared.signing.tell(&shared.tree);
    }

    /// Goes on from the newest checkpoint in the data folder, and keeps it for the key again, on its
    /// owner's word that no newer one was signed; gives its size. Refused when the copy of the key is not
    /// missed. Writes and syncs files.
    pub fn take_newest_from_data(&self) -> Result<u64, NotTaken> {
        let shared = self.shared();
        shared.signing.take_from_data(&shared.tree)
    }

    /// Size of the newest checkpoint that is signed by now. Signs nothing.
    pub fn signed_size(&self) -> u64 {
        self.shared().signing.signed_size()
    }

    /// From now on nothing new is signed until [`Ledger::all_witnesses_asked`].
    pub fn await_witnesses(&self) {
        self.shared().signing.await_witnesses();
    }

    /// Every witness was asked once since the start, whether or not it has answered.
    pub fn all_witnesses_asked(&self) {
        self.shared().signing.all_asked();
    }

    /// Becomes true once every witness was asked.
    pub fn witnesses_asked(&self) -> watch::Receiver<bool> {
        self.shared().signing.asked()
    }

    /// A witness speaks against the log: nothing is signed any more until a restart.
    pub fn contradict(&self, witness: String, reason: &'static str, text: String) {
        self.shared().signing.contradict(witness, reason, text);
    }

    /// What the witnesses are asked to cosign. Until every one was asked once since the start it is what
    /// was signed before. May write and sync a file.
    pub fn checkpoint_for_witnesses(&self) -> Result<Signed, ProofFailure> {
        let shared = self.shared();
        let size = self.tree_head().size;
        Ok(shared.signing.for_witnesses(&shared.tree, size, || shared.tree_head())??)
    }

    /// Whether the log may be shown as the one that was signed: it contradicts nothing that was, as far
    /// as is known. A ledger without a key has signed nothing. May read from disk.
    pub fn check_shown(&self) -> Result<(), ProofFailure> {
        match self.check_signing() {
            Err(ProofFailure::CannotSign(reason)) if !reason.is_doubt() => Ok(()),
            checked => checked,
        }
    }

    /// Whether a checkpoint that a witness cosigned is of the log as it is, and nothing else speaks
    /// against the log. May read from disk.
    pub fn check_cosigned(&self, cosigned: &Checkpoint) -> Result<(), ProofFailure> {
        match self.check_shown() {
            // What was cosigned was signed before: it is nothing new.
            Ok(()) | Err(ProofFailure::CannotSign(CannotSign::WitnessesNotAsked)) => {}
            refused => return refused,
        }
        let shared = self.shared();
        Ok(shared.signing.check_cosigned(&shared.tree, cosigned)??)
    }

    /// Proves that a record is in the tree of so many; when not said, of all that is published.
    pub fn prove_inclusion(
        &self,
        position: Position,
        size: Option<u64>,
    ) -> Result<ProvedLeaf, ProofFailure> {
        let size = self.published_size("tree_size", size)?;
        self.shared().prove_inclusion(position, size)
    }

    /// Proves that the log only grew between two sizes.
    pub fn prove_consistency(
        &self,
        from_size: u64,
        to_size: Option<u64>,
    ) -> Result<ProvedGrowth, ProofFailure> {
        let to_size = self.published_size("to_size", to_size)?;
        if from_size > to_size {
            return Err(ProofFailure::SizesReversed { from_size, to_size });
        }
        let tree = &self.shared().tree;
        let proof = ConsistencyProof::make(tree, from_size, to_size).map_err(of_proof)?;
        let (from, to) = (self.tree_head_at(from_size)?, self.tree_head_at(to_size)?);
        Ok(ProvedGrowth { from, to, proof })
    }

    /// Receipts for published records, all under one checkpoint. May write and sync a file.
    pub fn receipts(&self, positions: &[Position]) -> Result<Vec<Receipted>, ProofFailure> {
        let published = self.tree_head().size;
        let beyond = positions.iter().map(|position| position.get()).find(|at| *at >= published);
        if let Some(asked) = beyond {
            return Err(ProofFailure::BeyondTree { field: "position", asked, size: published });
        }
        let size_min = positions.iter().map(|position| position.get() + 1).max().unwrap_or(0);
        let shared = self.shared();
        let Signed { note, checkpoint } = shared.checkpoint(size_min)?;
        let receipt = |position: &Position| {
            let proved = shared.prove_inclusion(*position, checkpoint.size())?;
            let ProvedLeaf { leaf, tree, proof } = proved;
            let receipt = Receipt {
                extra: Some(leaf.clone()),
                index: proof.index,
                hashes: proof.hashes,
                checkpoint: note.clone(),
            };
            Ok(Receipted { position: *position, leaf, tree_size: tree.size, receipt })
        };
        positions.iter().map(receipt).collect()
    }

    /// The receipt for one event.
    pub fn receipt(&self, event: &EventName) -> Result<Receipted, ProofFailure> {
        let position = match event {
            EventName::Position(position) => Some(*position),
            EventName::Version(agreement, version) => {
                let entries = self.shared().index.stream(agreement)?;
                let named = entries.iter().find(|entry| entry.version == *version);
                named.filter(|_| *version != Version::NONE).map(|entry| entry.position)
            }
            EventName::Id(id) => self.shared().position_of(*id, self.tree_head().size)?,
        };
        let position = position.ok_or(ProofFailure::UnknownEvent)?;
        self.receipts(&[position])?.into_iter().next().ok_or(ProofFailure::UnknownEvent)
    }

    fn published_size(&self, field: &'static str, asked: Option<u64>) -> Result<u64, ProofFailure> {
        let size = self.tree_head().size;
        match asked {
            Some(asked) if asked > size => Err(ProofFailure::BeyondTree { field, asked, size }),
            Some(asked) => Ok(asked),
            None => Ok(size),
        }
    }
}

impl Shared {
    fn checkpoint(&self, size_min: u64) -> Result<Signed, ProofFailure> {
        Ok(self.signing.checkpoint(&self.tree, size_min, || self.tree_head())??)
    }

    /// Size and root of the tree over what is published.
    fn tree_head(&self) -> (u64, TreeHash) {
        let Head { record_count, root, .. } = *self.head.borrow();
        (record_count, root)
    }

    fn prove_inclusion(&self, position: Position, size: u64) -> Result<ProvedLeaf, ProofFailure> {
        let position = position.get();
        if position >= size {
            return Err(ProofFailure::BeyondTree { field: "position", asked: position, size });
        }
        let stored = self.reader.record(position).map_err(LedgerError::from)?;
        let stored = stored.ok_or(LedgerError::IndexMismatch { position })?;
        let leaf = leaf::of_stored(&stored);
        let leaf = leaf.map_err(|source| LedgerError::Record { position, source })?;
        let proof = InclusionProof::make(&self.tree, position, size).map_err(of_proof)?;
        let root = root_at(&self.tree, size).map_err(LedgerError::from)?;
        let fits: Result<(), ProofFault> = proof.verify(TreeHash::of_leaf(&leaf), root);
        fits.map_err(|_| LedgerError::LeafMismatch { position })?;
        Ok(ProvedLeaf { leaf, tree: TreeHead { size, root }, proof })
    }

    /// Where an event is. Its id begins with the millisecond of its recorded time, and recorded times
    /// never decrease along the log, so only that millisecond is read.
    fn position_of(&self, id: EventId, published: u64) -> Result<Option<Position>, LedgerError> {
        let time_first = u128::from_be_bytes(*id.as_bytes()) >> (128 - EVENT_ID_TIME_BITS);
        let millisecond = u64::try_from(time_first).unwrap_or(u64::MAX);
        let after = i64::try_from(millisecond).ok().and_then(|at| at.checked_add(1));
        let time = |millisecond: i64| {
            millisecond.checked_mul(1000).and_then(RecordedTime::from_microseconds)
        };
        let (Some(begin), Some(end)) =
            (after.and_then(|after| time(after - 1)), after.and_then(time))
        else {
            return Ok(None);
        };
        let first = self.first_recorded_at(Some(begin), published)?;
        let named = id.to_string();
        for item in self.reader.forward(first, published) {
            let (position, bytes) = item?;
            let failed = |source| LedgerError::Record { position, source };
            let stored = record::decode(&bytes).map_err(failed)?;
            if record::recorded_time(&stored).map_err(failed)? >= end {
                break;
            }
            if let Some(v1::record::Entry::Event(event)) = &stored.entry
                && event.event_id == named
            {
                return Ok(Some(Position::new(position)));
            }
        }
        Ok(None)
    }
}

fn of_proof(error: ProofError<crate::log::LogError>) -> ProofFailure {
    match error {
        ProofError::NoSuchLeaf { index, size } => {
            ProofFailure::BeyondTree { field: "position", asked: index, size }
        }
        ProofError::SizesReversed { old_size, new_size } => {
            ProofFailure::SizesReversed { from_size: old_size, to_size: new_size }
        }
        ProofError::Read(error) => ProofFailure::Ledger(LedgerError::Tree(error)),
    }
}
