//! The audit timeline: every event of an agreement, with what it changed, and every refusal.

use std::sync::Arc;

use super::Ledger;
use super::answer::{FindingChanges, tracked_changes};
use super::error::LedgerError;
use super::index::StreamEntry;
use super::query::{Snapshot, TwoTimes};
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::event::Recorded;
use crate::domain::id::{AgreementId, EventId, Version};
use crate::domain::money::{Amount, Currency};
use crate::domain::scope::Scope;
use crate::wire::v1;

/// One line of the timeline.
#[derive(Debug, Clone)]
pub struct Line {
    /// The record as stored.
    pub record: v1::Record,
    /// Currency of the amounts. None before the agreement is signed.
    pub currency: Option<Currency>,
    /// Exposure before the event was known.
    pub exposure_before: Amount,
    /// Exposure with the event.
    pub exposure_after: Amount,
    /// What is left of the agreement's ceiling with the event. None without a ceiling.
    pub remaining_after: Option<Amount>,
    /// Findings that the event opened and cleared.
    pub changes: FindingChanges,
    /// The event that has taken this one out.
    pub reversed_by: Option<EventId>,
}

/// The timeline of an agreement, line by line.
#[derive(Debug)]
pub struct History {
    ledger: Ledger,
    snapshot: Snapshot,
    entries: std::vec::IntoIter<StreamEntry>,
    events: std::vec::IntoIter<Arc<Recorded>>,
    so_far: Agreement,
    from_version: Version,
}

impl Ledger {
    /// The timeline of an agreement. Without `as_of`, sums and findings are for the later of today
    /// and the agreement's latest effective date. None when nothing of it was known.
    pub fn history(
        &self,
        id: &AgreementId,
        times: TwoTimes,
        from_version: Version,
    ) -> Result<Option<History>, LedgerError> {
        let Some(mut snapshot) = self.snapshot(id, times)? else { return Ok(None) };
        if times.as_of.is_none() {
            let latest: Option<Date> = snapshot.agreement.latest_effective();
            snapshot.as_of = latest.map_or(snapshot.as_of, |latest| latest.max(snapshot.as_of));
        }
        let events: Vec<_> = snapshot.agreement.events().cloned().collect();
        let so_far = snapshot.agreement.refold([], snapshot.as_of);
        let mut entries = self.shared().index.stream(id)?;
        entries.retain(|entry| entry.position <= snapshot.position);
        Ok(Some(History {
            ledger: self.clone(),
            snapshot,
            entries: entries.into_iter(),
            events: events.into_iter(),
            so_far,
            from_version,
        }))
    }
}

impl History {
    /// What the timeline is true for.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The next event of the agreement, which must be the one that the index names.
    fn event(&mut self, entry: StreamEntry) -> Result<Arc<Recorded>, LedgerError> {
        let event = self.events.next().filter(|event| event.position == entry.position);
        event.ok_or(LedgerError::IndexMismatch { position: entry.position.get() })
    }

    fn line(&self, before: &Agreement, entry: StreamEntry) -> Result<Line, LedgerError> {
        let as_of = self.snapshot.as_of;
        let record = self.ledger.shared().record(entry.position.get())?;
        let after = &self.so_far;
        let exposure = |agreement: &Agreement| agreement.sums(&Scope::Agreement, as_of).exposure;
        let charter = after.charter_at(as_of).or(before.charter_at(as_of));
        let remaining_after = after
            .charter_at(as_of)
            .and_then(|charter| charter.stage_at(as_of).ceiling(&Scope::Agreement))
            .map(|ceiling| ceiling.amount.minus(exposure(after)));
        let event = after.newest_event().filter(|event| event.position == entry.position);
        Ok(Line {
            record,
            currency: charter.map(|charter| charter.terms().currency),
            exposure_before: exposure(before),
            exposure_after: exposure(after),
            remaining_after,
            changes: tracked_changes(before, after),
            reversed_by: event
                .and_then(|event| self.snapshot.agreement.reversal_of(event.event_id)),
        })
    }

    fn step(&mut self, entry: StreamEntry) -> Result<Option<Line>, LedgerError> {
        let before = self.so_far.clone();
        let is_refusal = entry.version == Version::NONE;
        if !is_refusal {
            let event = self.event(entry)?;
            self.so_far.apply(&event);
        }
        let reached = if is_refusal { before.version().next() } else { entry.version };
        if reached < self.from_version {
            return Ok(None);
        }
        self.line(&before, entry).map(Some)
    }
}

impl Iterator for History {
    type Item = Result<Line, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = self.entries.next()?;
            if let Some(line) = self.step(entry).transpose() {
                return Some(line);
            }
        }
    }
}
