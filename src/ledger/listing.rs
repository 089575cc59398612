//! What listings read: one pinned state of all agreements, page after page.
//!
//! A [`Pin`] holds the head and the two times of a listing's first page. Every page is computed from
//! the events below that head, so that all pages are one snapshot however long a client takes. It
//! must not know what a listing shows, nor how it is paged.

use std::sync::Arc;

use super::error::LedgerError;
use super::index::StreamEntry;
use super::query::TwoTimes;
use super::{Ledger, Shared};
use crate::domain::agreement::Agreement;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::event::Recorded;
use crate::domain::id::{AgreementId, Position, Version};
use crate::projections::portfolio::Row;
use crate::wire::{record, v1};

/// What every page of one listing is true for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin {
    /// Only records below this position are taken into account.
    pub record_count: u64,
    /// Business date, included.
    pub as_of: Date,
    /// Recorded time, included. None: everything below the head.
    pub as_known: Option<RecordedTime>,
    /// Last position that is taken into account. None when there is none.
    pub position: Option<Position>,
}

impl Pin {
    fn includes(&self, event: &Recorded) -> bool {
        event.position.get() < self.record_count
            && self.as_known.is_none_or(|known| event.recorded <= known)
    }
}

impl Ledger {
    /// Pins the present head.
    pub fn pin(&self, times: TwoTimes) -> Result<Pin, LedgerError> {
        let record_count = self.head().borrow().record_count;
        let as_of = times.as_of.unwrap_or_else(|| self.shared().clock.now().oslo_date());
        self.shared().pin(record_count, as_of, times.as_known)
    }

    /// Pins an earlier head again. None when this log has not come so far.
    pub fn pin_again(
        &self,
        record_count: u64,
        as_of: Date,
        as_known: Option<RecordedTime>,
    ) -> Result<Option<Pin>, LedgerError> {
        if record_count > self.head().borrow().record_count {
            return Ok(None);
        }
        self.shared().pin(record_count, as_of, as_known).map(Some)
    }

    /// An agreement as pinned. None when it is not signed and known at the pinned times.
    pub fn pinned_agreement(
        &self,
        id: &AgreementId,
        pin: &Pin,
    ) -> Result<Option<Arc<Agreement>>, LedgerError> {
        let agreement = self.shared().pinned(id, pin)?;
        Ok(agreement.filter(|agreement| agreement.charter_at(pin.as_of).is_some()))
    }

    /// Every agreement, from one on, by id; also those that a pin does not include.
    pub fn agreements_from(
        &self,
        from: Option<&AgreementId>,
    ) -> impl Iterator<Item = Result<AgreementId, LedgerError>> + use<> {
        self.shared().portfolio.agreements_from(from)
    }

    /// The portfolio row of an agreement, true for the pinned day: as it is kept, or, for an earlier
    /// state, folded. None when it is not signed and known at the pinned times.
    pub fn pinned_row(&self, id: &AgreementId, pin: &Pin) -> Result<Option<Row>, LedgerError> {
        let holds = |row: &Row| {
            row.last_position.get() < pin.record_count
                && pin.as_known.is_none_or(|known| row.last_recorded <= known)
                && row.from <= pin.as_of
        };
        let shared = self.shared();
        let row = match shared.portfolio.row(id)?.filter(holds) {
            Some(row) => Some(row),
            None => match shared.pinned(id, pin)? {
                Some(agreement) => shared.row_as_of(&agreement, pin.as_of)?,
                None => None,
            },
        };
        Ok(row.filter(|row| row.agreed.is_some()))
    }

    /// An agreement judged step by step as of a day, so that its episodes are those of that day.
    pub fn judged(&self, agreement: &Agreement, as_of: Date) -> Arc<Agreement> {
        self.shared().judged_for_listings.carried_along(agreement, as_of)
    }

    /// Title of the agreement that a signature at a position made.
    pub fn title(&self, signed: Position) -> Result<String, LedgerError> {
        self.shared().title(signed)
    }

    /// Refused requests as pinned, by position, from a position and a recorded time on. None when
    /// an agreement is named of which nothing was recorded.
    pub fn refusals(
        &self,
        agreement: Option<&AgreementId>,
        from: u64,
        recorded_from: Option<RecordedTime>,
        pin: &Pin,
    ) -> Result<Option<Refusals>, LedgerError> {
        let shared = self.shared();
        let end = pin.position.map_or(0, |position| position.get() + 1);
        let from = from.max(shared.first_recorded_at(recorded_from, end)?).min(end);
        let records: Box<dyn Iterator<Item = Result<v1::Record, LedgerError>> + Send> =
            match agreement {
                None => Box::new(shared.reader.forward(from, end).map(|item| {
                    let (position, bytes) = item?;
                    record::decode(&bytes)
                        .map_err(|source| LedgerError::Record { position, source })
                })),
                Some(id) => {
                    let mut entries = shared.index.stream(id)?;
                    entries.retain(|entry| entry.position.get() < end);
                    if entries.is_empty() {
                        return Ok(None);
                    }
                    entries.retain(|entry| {
                        entry.version == Version::NONE && entry.position.get() >= from
                    });
                    let ledger = self.clone();
                    let read = move |entry: StreamEntry| ledger.record(entry.position);
                    Box::new(entries.into_iter().map(read))
                }
            };
        Ok(Some(Refusals(records)))
    }
}

/// Refused requests, by position.
pub struct Refusals(Box<dyn Iterator<Item = Result<v1::Record, LedgerError>> + Send>);

impl std::fmt::Debug for Refusals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Refusals")
    }
}

impl Iterator for Refusals {
    type Item = Result<v1::Record, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.find(|record| match record {
            Ok(record) => match &record.entry {
                Some(v1::record::Entry::Refusal(_)) => true,
                Some(v1::record::Entry::Event(_)) | None => false,
            },
            Err(_) => true,
        })
    }
}

impl Shared {
    fn pin(
        &self,
        record_count: u64,
        as_of: Date,
        as_known: Option<RecordedTime>,
    ) -> Result<Pin, LedgerError> {
        let newest = record_count.checked_sub(1);
        let position = match (newest, as_known) {
            (Some(newest), Some(known)) => self.last_known_position(known, newest)?,
            (newest, None) => newest,
            (None, Some(_)) => None,
        };
        Ok(Pin { record_count, as_of, as_known, position: position.map(Position::new) })
    }

    /// An agreement with the events that a pin includes. None when there are none.
    fn pinned(&self, id: &AgreementId, pin: &Pin) -> Result<Option<Arc<Agreement>>, LedgerError> {
        let agreement = self.agreement(id)?;
        let Some(last) = agreement.newest_event() else { return Ok(None) };
        if pin.includes(last) {
            return Ok(Some(agreement));
        }
        let version = agreement.version_while(|event| pin.includes(event));
        let is_known = version != Version::NONE;
        Ok(is_known.then(|| self.past.at(&agreement, version, pin.as_of)))
    }

    /// The first position, up to an end, that was recorded at a time or later.
    pub(super) fn first_recorded_at(
        &self,
        time: Option<RecordedTime>,
        end: u64,
    ) -> Result<u64, LedgerError> {
        let before = time.and_then(|time| RecordedTime::from_microseconds(time.microseconds() - 1));
        let (Some(before), Some(last)) = (before, end.checked_sub(1)) else { return Ok(0) };
        Ok(self.last_known_position(before, last)?.map_or(0, |position| position + 1))
    }
}
