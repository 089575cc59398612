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
    /// Findings of a snapshot that are open as of its day, if next to nothing has to be folded for that.
    pub fn findings_at_hand(&self, snapshot: &Snapshot) -> Option<Vec<Finding>> {
        let shared = self.shared();
        shared.judged.at_hand(&snapshot.agreement, snapshot.as_of, &shared.past)
    }

    /// How many events have to be folded for the findings of a snapshot that are not at hand.
    pub fn unfolded_events_for_findings(&self, snapshot: &Snapshot) -> u64 {
        self.shared().judged.unfolded_events(&snapshot.agreement, snapshot.as_of)
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
        let Some(now) = self.snapshot_now(agreement, published, times.as_of) else {
            return Ok(None);
        };
        let Some(known) = times.as_known else { return Ok(Some(now)) };
        // Recorded time never decreases, so what was known at a time is a version.
        let version = now.agreement.version_while(|event| event.recorded <= known);
        let agreement = shared.past.at(&now.agreement, version, Date::END_OF_TIME);
        let position = shared.last_known_position(known, now.position.get())?;
        let (Some(position), Some(_)) = (position, agreement.newest_event()) else {
            return Ok(None);
        };
        let (as_known, position) = (times.as_known, Position::new(position));
        Ok(Some(Snapshot { agreement, as_known, position, ..now }))
    }

    /// The same, if all that is known is asked for and the agreement is in memory.
    pub fn snapshot_at_hand(&self, id: &AgreementId, times: TwoTimes) -> Option<Snapshot> {
        if times.as_known.is_some() {
            return None;
        }
        let published = self.head().borrow().record_count;
        self.snapshot_now(self.shared().agreements.get(id)?, published, times.as_of)
    }

    /// An agreement of a ledger that had so many records just before. None without events.
    fn snapshot_now(
        &self,
        agreement: Arc<Agreement>,
        published: u64,
        as_of: Option<Date>,
    ) -> Option<Snapshot> {
        let newest = agreement.newest_event()?.position.get();
        // The agreement may be newer than the head that was read before it.
        let position = Position::new(published.saturating_sub(1).max(newest));
        let as_of = as_of.unwrap_or_else(|| self.shared().clock.now().oslo_date());
        Some(Snapshot { agreement, as_of, as_known: None, position })
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
}

impl Shared {
    /// The record at a position that must be there.
    pub(crate) fn record(&self, position: u64) -> Result<v1::Record, LedgerError> {
        let bytes = self.reader.record(position)?.ok_or(LedgerError::IndexMismatch { position })?;
        record::decode(&bytes).map_err(|source| LedgerError::Record { position, source })
    }
}
