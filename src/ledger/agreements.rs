//! Folded agreements, in memory, as far as they are published.
//!
//! The writer decides on these, so an old one must never take the place of a newer one. Readers may
//! fold an agreement that is not here and leave it behind, but only when nothing newer has been
//! published meanwhile.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::Shared;
use super::error::LedgerError;
use super::hot::{HotAndRecent, Room};
use super::index::StreamEntry;
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::id::{AgreementId, Version};
use crate::wire::record;

/// Folded agreements: those that are appended to over and over, and the most recently used ones.
#[derive(Debug)]
pub(crate) struct AgreementCache {
    folded: Mutex<HotAndRecent<AgreementId, Arc<Agreement>>>,
}

impl AgreementCache {
    /// Room for agreements, which weigh their events.
    pub(super) fn new(room: Room) -> Self {
        Self { folded: Mutex::new(HotAndRecent::new(room)) }
    }

    /// The agreement, when it is here.
    pub(crate) fn get(&self, id: &AgreementId) -> Option<Arc<Agreement>> {
        self.lock().get(id).cloned()
    }

    fn contains(&self, id: &AgreementId) -> bool {
        self.lock().contains(id)
    }

    /// Keeps an agreement in the place of what is here. Returns what is kept no longer.
    #[must_use]
    fn put(
        folded: &mut HotAndRecent<AgreementId, Arc<Agreement>>,
        agreement: &Arc<Agreement>,
    ) -> Vec<Arc<Agreement>> {
        let (id, events) = (agreement.id().clone(), agreement.version().get());
        folded.put(id, Arc::clone(agreement), events, Instant::now())
    }

    fn lock(&self) -> MutexGuard<'_, HotAndRecent<AgreementId, Arc<Agreement>>> {
        self.folded.lock().expect("no holder panics")
    }
}

impl Shared {
    /// An agreement as far as it is published, folded anew when it is not in memory. Without events
    /// when nobody has signed it.
    pub(crate) fn agreement(&self, id: &AgreementId) -> Result<Arc<Agreement>, LedgerError> {
        if let Some(agreement) = self.agreements.get(id) {
            return Ok(agreement);
        }
        let agreement = Arc::new(self.fold_anew(id, &self.index.stream(id)?)?);
        if agreement.version() != Version::NONE {
            self.leave_behind(&agreement)?;
        }
        Ok(agreement)
    }

    /// An agreement of these records, whatever is in memory.
    pub(crate) fn fold_anew(
        &self,
        id: &AgreementId,
        entries: &[StreamEntry],
    ) -> Result<Agreement, LedgerError> {
        let mut agreement =
            Agreement::new(id.clone(), Arc::clone(&self.rules.policies), Date::END_OF_TIME);
        let events = entries.iter().filter(|entry| entry.version != Version::NONE);
        let positions: Vec<u64> = events.map(|entry| entry.position.get()).collect();
        let head = self.reader.next_position();
        if let Some(position) = positions.iter().copied().find(|position| *position >= head) {
            return Err(LedgerError::IndexMismatch { position });
        }
        for item in self.reader.picked(positions) {
            let (position, stored) = item?;
            let fault = |source| LedgerError::Record { position, source };
            let stored = record::decode(&stored).map_err(fault)?;
            let recorded = record::recorded(&stored).map_err(fault)?;
            let recorded = recorded.ok_or(LedgerError::IndexMismatch { position })?;
            agreement.apply(&Arc::new(recorded));
        }
        Ok(agreement)
    }

    /// Publishes what the writer has committed.
    pub(super) fn publish(&self, agreement: &Arc<Agreement>) {
        let gone = AgreementCache::put(&mut self.agreements.lock(), agreement);
        self.leave_memory(gone);
    }

    /// Leaves behind what a reader has folded, unless the index knows of something newer: the writer
    /// indexes before it publishes, so whatever it publishes after this look takes this one's place.
    fn leave_behind(&self, agreement: &Arc<Agreement>) -> Result<(), LedgerError> {
        let id = agreement.id();
        let mut folded = self.agreements.lock();
        if self.index.newest_version(id)? == agreement.version() && !folded.contains(id) {
            let gone = AgreementCache::put(&mut folded, agreement);
            drop(folded);
            self.leave_memory(gone);
        }
        Ok(())
    }

    /// Takes apart what is kept no longer, while no lock is held: a long one takes a while.
    fn leave_memory(&self, gone: Vec<Arc<Agreement>>) {
        for agreement in gone {
            // Or it was only replaced.
            if !self.agreements.contains(agreement.id()) {
                self.make_row(&agreement);
            }
        }
    }
}
