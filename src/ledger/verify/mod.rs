//! Verifies a ledger while it serves: both copies of the log, its records, the tree over it and the
//! newest checkpoint, the indexes and the portfolio, in visits of bounded length.
//!
//! It must not mend, and never stops at damage. The head is captured at the start; what is appended
//! meanwhile is not looked at. [`records`] is what records must keep, whoever reads them; `tree` computes
//! the tree anew; [`offline`] checks what is derived from a log that nobody serves.

pub mod offline;
pub mod records;
mod tree;

use super::error::{LedgerError, WithCauses};
use super::index::IndexCheck;
use super::portfolio::RowCheck;
use super::tree::leaf_hash_of_item;
use super::{Ledger, Shared};
use crate::domain::id::{AgreementId, Position};
use crate::log::{
    ArchiveCheck, BlockDamage, BlockHash, Checked, CopyName, Corruption, DamagedBlock, LogError,
    StoreCheck,
};

use tree::TreeCheck;

pub use records::{RecordCounts, RecordOrder};

/// Most damages that are told one by one; the rest is counted.
pub const DAMAGES_TOLD_MAX: u64 = 1000;
/// Records and bytes of blocks after which a visit ends.
const VISIT_RECORDS_MAX: u64 = 4096;
const VISIT_BYTES_MAX: u64 = 1024 * 1024;
/// Entries of an index after which a visit ends: for each, a record or two are read from the log.
const VISIT_ENTRIES_MAX: u64 = 512;
/// Agreements that one visit folds anew.
const VISIT_AGREEMENTS_MAX: usize = 8;

/// What is being verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The blocks of the store, and the records in them.
    Store,
    /// The segments of the archive, each block beside that of the store.
    Archive,
    /// The stored tiles of the tree and the newest checkpoint against a tree made anew.
    Tree,
    /// The indexes against the log, and the versions of every agreement.
    Indexes,
    /// The kept rows of the portfolio against rows made anew.
    Portfolio,
}

/// Where damage was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The store.
    Store,
    /// The archive.
    Archive,
    /// An index.
    Index,
    /// The portfolio.
    Portfolio,
    /// The tree over the log.
    Tree,
    /// The newest checkpoint.
    Checkpoint,
}

/// What is wrong, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageKind {
    /// Bytes are not the block that was written.
    Block,
    /// No block holds a position.
    Missing,
    /// A block stands where it does not belong.
    Misplaced,
    /// A block does not state the hash of the one before.
    ChainBroken,
    /// The header of a segment is not as it was written.
    Segment,
    /// The archive holds another block than the store.
    CopiesDiffer,
    /// It cannot be read at all.
    Unreadable,
    /// A block holds something that is no record.
    Record,
    /// A record states another position.
    RecordMisplaced,
    /// A record is older than the one before it.
    RecordedTimeDecreases,
    /// Versions of an agreement have a gap, or come twice.
    VersionGap,
    /// An index holds something else than the log.
    IndexDiffers,
    /// A row of the portfolio is not what the log makes.
    RowDiffers,
    /// A stored tile, or the root, is not what the log makes.
    TreeDiffers,
    /// The newest checkpoint does not say what the log makes.
    CheckpointDiffers,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Where.
    pub part: Part,
    /// What, for programs.
    pub kind: DamageKind,
    /// The first position that cannot be vouched for, where there is one.
    pub position: Option<Position>,
    /// The index, the agreement or the segment file concerned; empty for the store.
    pub subject: String,
    /// What, for people.
    pub text: String,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being verified.
    pub phase: Phase,
    /// How much of the phase is done: records, entries of the indexes, or agreements of the portfolio.
    pub done: u64,
    /// Of how much. Of the indexes an estimate.
    pub total: u64,
    /// Bytes of blocks read so far, in all phases.
    pub bytes_done: u64,
}

/// What was looked at, and what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Records below the captured head.
    pub record_count: u64,
    /// The hash of the last block that was read in the store.
    pub last_block: [u8; 32],
    /// Blocks of the store that are whole.
    pub blocks: u64,
    /// Bytes of blocks read.
    pub bytes: u64,
    /// Agreements with records.
    pub agreements: u64,
    /// Blocks of the archive that are whole; none when there is no archive.
    pub archive_blocks: Option<u64>,
    /// Agreements whose row was being written, so that it was not compared.
    pub rows_not_compared: u64,
    /// Everything that was found wrong, told or not.
    pub damage_count: u64,
}

/// What one visit has brought.
#[derive(Debug)]
pub struct Visit {
    /// Where it is.
    pub progress: Progress,
    /// What was found.
    pub damages: Vec<Damage>,
    /// At the end.
    pub summary: Option<Summary>,
}

/// A verification under way. Made by [`Ledger::verification`].
#[derive(Debug)]
pub struct Verification {
    ledger: Ledger,
    stage: Stage,
    order: RecordOrder,
    summary: Summary,
    store_is_whole: bool,
}

#[derive(Debug)]
enum Stage {
    Store(Box<StoreCheck>),
    Archive(Box<ArchiveCheck>),
    Tree(Box<TreeCheck>),
    Indexes { check: Box<IndexCheck>, entries: u64 },
    Portfolio { after: Option<AgreementId>, done: u64 },
}

/// Whether there is more to do in a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    Some,
    Nothing,
}

impl Ledger {
    /// Begins a verification of everything below the published head.
    pub fn verification(&self) -> Verification {
        let head = self.head().borrow().record_count;
        let summary = Summary {
            record_count: head,
            last_block: *BlockHash::ZERO.as_bytes(),
            blocks: 0,
            bytes: 0,
            agreements: 0,
            archive_blocks: None,
            rows_not_compared: 0,
            damage_count: 0,
        };
        Verification {
            stage: Stage::Store(Box::new(self.shared().reader.check_store(head))),
            ledger: self.clone(),
            order: RecordOrder::default(),
            summary,
            store_is_whole: true,
        }
    }
}

impl Verification {
    /// Does one visit's work. Reads from disk.
    pub fn visit(&mut self) -> Result<Visit, LedgerError> {
        let mut damages = Vec::new();
        let left = match &self.stage {
            Stage::Store(_) => self.visit_store(&mut damages)?,
            Stage::Archive(_) => self.visit_archive(&mut damages)?,
            Stage::Tree(_) => self.visit_tree(&mut damages)?,
            Stage::Indexes { .. } => self.visit_indexes(&mut damages)?,
            Stage::Portfolio { .. } => self.visit_portfolio(&mut damages)?,
        };
        let progress = self.progress();
        let is_over = left == Left::Nothing && !self.next_stage(&mut damages)?;
        let told = self.summary.damage_count;
        let found = u64::try_from(damages.len()).unwrap_or(u64::MAX);
        self.summary.damage_count = told.saturating_add(found);
        let room = usize::try_from(DAMAGES_TOLD_MAX.saturating_sub(told)).unwrap_or(usize::MAX);
        damages.truncate(room);
        let summary = is_over.then_some(self.summary);
        Ok(Visit { progress, damages, summary })
    }

    fn progress(&self) -> Progress {
        let records = self.summary.record_count;
        let (phase, done, total) = match &self.stage {
            Stage::Store(check) => (Phase::Store, check.next_position(), records),
            Stage::Archive(check) => (Phase::Archive, check.next_position(), records),
            Stage::Tree(check) => (Phase::Tree, check.size(), records),
            Stage::Indexes { entries, .. } => {
                // One of each record, at most one of each request, and fewer sources.
                (Phase::Indexes, *entries, records.saturating_mul(2).max(*entries))
            }
            Stage::Portfolio { done, .. } => (Phase::Portfolio, *done, self.summary.agreements),
        };
        Progress { phase, done: done.min(total), total, bytes_done: self.summary.bytes }
    }

    /// Goes on with the next stage, if there is one.
    fn next_stage(&mut self, damages: &mut Vec<Damage>) -> Result<bool, LedgerError> {
        let head = self.summary.record_count;
        let shared = self.ledger.shared();
        let indexes = |counts: RecordCounts, is_whole: bool| {
            let counts = is_whole.then_some(counts);
            shared.index.write()?;
            let check = IndexCheck::new(&shared.index, &shared.reader, head, counts);
            Ok::<_, LedgerError>(Stage::Indexes { check: Box::new(check), entries: 0 })
        };
        let counts = self.order.counts();
        let next = match &self.stage {
            Stage::Store(_) => match shared.reader.check_archive(head)? {
                Some(check) => {
                    self.summary.archive_blocks = Some(0);
                    Stage::Archive(Box::new(check))
                }
                None => Stage::Tree(Box::new(shared.check_tree(damages))),
            },
            Stage::Archive(_) => Stage::Tree(Box::new(shared.check_tree(damages))),
            Stage::Tree(_) => indexes(counts, self.store_is_whole)?,
            Stage::Indexes { check, .. } => {
                self.summary.agreements = check.agreements();
                Stage::Portfolio { after: None, done: 0 }
            }
            Stage::Portfolio { .. } => return Ok(false),
        };
        self.stage = next;
        Ok(true)
    }

    fn visit_store(&mut self, damages: &mut Vec<Damage>) -> Result<Left, LedgerError> {
        let Stage::Store(check) = &mut self.stage else { return Ok(Left::Nothing) };
        let (mut records, mut bytes) = (0, 0);
        while records < VISIT_RECORDS_MAX && bytes < VISIT_BYTES_MAX {
            match check.next().transpose()? {
                None => return Ok(Left::Nothing),
                Some(Checked::Damage(found)) => {
                    self.store_is_whole = false;
                    damages.push(of_block(&found));
                    records += 1;
                }
                Some(Checked::Block(block)) => {
                    for position in block.positions() {
                        records += 1;
                        let stored = block.record(position).unwrap_or_default();
                        damages.extend(self.order.check(position, &stored));
                    }
                    let length = u64::try_from(block.encoded().len()).unwrap_or(u64::MAX);
                    bytes += length;
                    self.summary.bytes = self.summary.bytes.saturating_add(length);
                    self.summary.blocks += 1;
                    self.summary.last_block = *block.hash().as_bytes();
                }
            }
        }
        Ok(Left::Some)
    }

    fn visit_archive(&mut self, damages: &mut Vec<Damage>) -> Result<Left, LedgerError> {
        let Stage::Archive(check) = &mut self.stage else { return Ok(Left::Nothing) };
        let mut bytes = 0;
        while bytes < VISIT_BYTES_MAX {
            match check.next().transpose()? {
                None => return Ok(Left::Nothing),
                Some(Checked::Damage(found)) => damages.push(of_block(&found)),
                Some(Checked::Block(block)) => {
                    let length = u64::try_from(block.encoded().len()).unwrap_or(u64::MAX);
                    bytes += length;
                    self.summary.bytes = self.summary.bytes.saturating_add(length);
                    self.summary.archive_blocks =
                        self.summary.archive_blocks.map(|blocks| blocks + 1);
                }
            }
        }
        Ok(Left::Some)
    }

    fn visit_tree(&mut self, damages: &mut Vec<Damage>) -> Result<Left, LedgerError> {
        let Stage::Tree(check) = &mut self.stage else { return Ok(Left::Nothing) };
        let shared = self.ledger.shared();
        let (from, head) = (check.size(), self.summary.record_count);
        let end = head.min(from.saturating_add(VISIT_RECORDS_MAX));
        for item in shared.reader.forward(from, end) {
            match leaf_hash_of_item(item) {
                Ok(leaf) => check.take(leaf, damages)?,
                Err(error) => {
                    damages.push(tree::not_computed(check.size(), &error));
                    return Ok(Left::Nothing);
                }
            }
        }
        if end < head {
            return Ok(Left::Some);
        }
        let signed_beyond = check.is_signed_beyond();
        check.finish(Some(shared.tree.root_at(head)?), damages);
        // It was signed after the head was captured, over what the kept tree says; or never over this log.
        if signed_beyond && let Err(reason) = shared.signing.check(&shared.tree)? {
            damages.push(tree::of_checkpoint(DamageKind::CheckpointDiffers, reason.to_string()));
        }
        Ok(Left::Nothing)
    }

    fn visit_indexes(&mut self, damages: &mut Vec<Damage>) -> Result<Left, LedgerError> {
        let Stage::Indexes { check, entries } = &mut self.stage else { return Ok(Left::Nothing) };
        let end = entries.saturating_add(VISIT_ENTRIES_MAX);
        while *entries < end {
            let Some(looked) = check.step(damages)? else { return Ok(Left::Nothing) };
            *entries = entries.saturating_add(looked);
        }
        Ok(Left::Some)
    }

    fn visit_portfolio(&mut self, damages: &mut Vec<Damage>) -> Result<Left, LedgerError> {
        let Stage::Portfolio { after, done } = &mut self.stage else { return Ok(Left::Nothing) };
        let shared = self.ledger.shared();
        let ids = shared.index.agreement_ids(after.as_ref(), VISIT_AGREEMENTS_MAX)?;
        for id in &ids {
            *done += 1;
            match shared.check_row(id) {
                Ok(RowCheck::AsMade) => {}
                Ok(RowCheck::NotWrittenYet) => self.summary.rows_not_compared += 1,
                Ok(RowCheck::Differs) => {
                    let text = "the kept row is not what the records of the agreement make";
                    damages.push(of_row(id, DamageKind::RowDiffers, text.to_owned()));
                }
                Err(error) if error.is_stop() => return Err(error),
                Err(error) => {
                    let text = format!("the row could not be made: {}", WithCauses(&error));
                    damages.push(of_row(id, DamageKind::Unreadable, text));
                }
            }
        }
        let is_last = ids.len() < VISIT_AGREEMENTS_MAX;
        *after = ids.last().cloned();
        Ok(if is_last { Left::Nothing } else { Left::Some })
    }
}

impl Shared {
    /// Begins with the tree. A checkpoint that cannot be believed is damage by itself.
    fn check_tree(&self, damages: &mut Vec<Damage>) -> TreeCheck {
        let signed = match self.signing.stored() {
            Ok(signed) => signed,
            Err(reason) => {
                damages.push(tree::of_checkpoint(DamageKind::Unreadable, reason.to_string()));
                None
            }
        };
        TreeCheck::new(self.tree.stored_tiles(), signed)
    }
}

fn of_row(id: &AgreementId, kind: DamageKind, text: String) -> Damage {
    let subject = id.as_str().to_owned();
    Damage { part: Part::Portfolio, kind, position: None, subject, text }
}

fn of_block(found: &BlockDamage) -> Damage {
    let part = match found.copy {
        CopyName::Store => Part::Store,
        CopyName::Archive => Part::Archive,
    };
    let position = Some(Position::new(found.position));
    match &found.what {
        DamagedBlock::CopiesDiffer => {
            let text = "the archive holds a block that the store does not hold".to_owned();
            let kind = DamageKind::CopiesDiffer;
            Damage { part, kind, position, subject: String::new(), text }
        }
        DamagedBlock::Log(error) => {
            let subject = error.file().map(|path| path.display().to_string()).unwrap_or_default();
            let text = WithCauses(error).to_string();
            Damage { part, kind: kind_of(error), position, subject, text }
        }
    }
}

fn kind_of(error: &LogError) -> DamageKind {
    match error.corruption() {
        Some(Corruption::Block(_)) => DamageKind::Block,
        Some(Corruption::Missing) => DamageKind::Missing,
        Some(Corruption::ChainBroken) => DamageKind::ChainBroken,
        Some(
            Corruption::KeptUnderWrongPosition { .. }
            | Corruption::Overlap { .. }
            | Corruption::KeyUnknown { .. }
            | Corruption::PartStray { .. },
        ) => DamageKind::Misplaced,
        None if error.file().is_some() => DamageKind::Segment,
        Some(Corruption::Unreadable) | None => DamageKind::Unreadable,
    }
}
