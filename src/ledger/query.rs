//! Questions about one agreement, at two times.

use std::sync::Arc;

use super::error::LedgerError;
use super::{Head, Ledger, Shared};
use crate::domain::agreement::Agreement;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::finding::Finding;
use crate::domain::id::{AgreementId, Position};
use crate::domain::usage::Usage;
use crate::merkle::TreeHash;
use crate::wire::{record, v1};

/// The two times of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TwoTimes {
    /// Business date, included. None: today in Europe/Oslo.
    pub as_of: Option<Date>,
    /// Recorded time, included. None: everything published.
    pub as_known: Option<RecordedTime>,
}

/// An agreement as it was known, and the day that is asked for.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The agreement.
    pub agreement: Arc<Agreement>,
    /// The day.
    pub as_of: Date,
    /// The limit of knowledge.
    pub as_known: Option<RecordedTime>,
    /// Last position of the log that is taken into account.
    pub position: Position,
}

/// How far the log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newest {
    /// How many records.
    pub record_count: u64,
    /// Root of the tree over them.
    pub root: TreeHash,
    /// Position and recorded time of the newest. None while the log is empty.
    pub newest: Option<(Position, RecordedTime)>,
}

impl Snapshot {
    /// The sums. None when the agreement is not signed as of the day.
    pub fn usage(&self) -> Option<Usage> {
        Usage::at(&self.agreement, self.as_of)
    }
}

impl Ledger {
    /// Findings of a snapshot that are open as of its day, if no agreement has to be folded for that.
    pub fn findings_at_hand(&self, snapshot: &Snapshot) -> Option<Vec<Finding>> {
        let shared = self.shared();
        shared.judged.at_hand(&snapshot.agreement, snapshot.as_of, &shared.past)
    }

    /// Findings of a snapshot that are open as of its day.
    pub fn open_findings(&self, snapshot: &Snapshot) -> Vec<Finding> {
        let shared = self.shared();
        shared.judged.open_findings(&snapshot.agreement, snapshot.as_of, &shared.past)
    }

    /// An agreement at two times. None when nothing of it was known. May read from disk.
    pub fn snapshot(
        &self,
        id: &AgreementId,
        times: TwoTimes,
    ) -> Result<Option<Snapshot>, LedgerError> {
        let shared = self.shared();
        let published = self.head().borrow().record_count;
        let agreement = shared.agreement(id)?;
        let Some(newest) = agreement.newest_event().map(|event| event.position.get()) else {
            return Ok(None);
        };
        // The agreement may be newer than the head that was read before it.
        let head = published.saturating_sub(1).max(newest);
        let as_of = times.as_of.unwrap_or_else(|| shared.clock.now().oslo_date());
        let (agreement, position) = match times.as_known {
            None => (agreement, head),
            Some(known) => {
                // Recorded time never decreases, so what was known at a time is a version.
                let version = agreement.version_while(|event| event.recorded <= known);
                let at_that_time = shared.past.at(&agreement, version, Date::END_OF_TIME);
                let Some(position) = shared.last_known_position(known, head)? else {
                    return Ok(None);
                };
                (at_that_time, position)
            }
        };
        if agreement.newest_event().is_none() {
            return Ok(None);
        }
        let position = Position::new(position);
        Ok(Some(Snapshot { agreement, as_of, as_known: times.as_known, position }))
    }

    /// The head, with its newest record's recorded time.
    pub fn newest(&self) -> Result<Newest, LedgerError> {
        let Head { record_count, root, .. } = *self.head().borrow();
        let newest = match record_count.checked_sub(1) {
            None => None,
            Some(position) => {
                let time = record::recorded_time(&self.shared().record(position)?)
                    .map_err(|source| LedgerError::Record { position, source })?;
                Some((Position::new(position), time))
            }
        };
        Ok(Newest { record_count, root, newest })
    }

    /// The record at a position that somebody has seen.
    pub fn record(&self, position: Position) -> Result<v1::Record, LedgerError> {
        self.shared().record(position.get())
    }

    /// Whether an agreement is in memory, so that asking for its present reads no disk.
    pub fn is_in_memory(&self, id: &AgreementId) -> bool {
        self.shared().agreements.get(id).is_some()
    }
}

impl Shared {
    /// The record at a position that must be there.
    pub(crate) fn record(&self, position: u64) -> Result<v1::Record, LedgerError> {
        let bytes = self.reader.record(position)?.ok_or(LedgerError::IndexMismatch { position })?;
        record::decode(&bytes).map_err(|source| LedgerError::Record { position, source })
    }
}
