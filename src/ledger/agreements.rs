//! Folded agreements, in memory, as far as they are published.
//!
//! The writer decides on these, so an old one must never take the place of a newer one. Readers may
//! fold an agreement that is not here and leave it behind, but only when nothing newer has been
//! published meanwhile.

use std::sync::{Arc, Mutex, MutexGuard};

use super::Shared;
use super::error::LedgerError;
use super::index::StreamEntry;
use super::weighed::Weighed;
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::id::{AgreementId, Version};
use crate::wire::record;

/// Folded agreements, the most recently used ones.
#[derive(Debug)]
pub struct AgreementCache {
    folded: Mutex<Weighed<AgreementId, Arc<Agreement>>>,
}

impl AgreementCache {
    /// Room for so many, at least one, of so many events together.
    pub fn new(agreements_max: usize, events_max: u64) -> Self {
        Self { folded: Mutex::new(Weighed::new(agreements_max, events_max)) }
    }

    /// The agreement, when it is here.
    pub fn get(&self, id: &AgreementId) -> Option<Arc<Agreement>> {
        self.lock().get(id).cloned()
    }

    /// Publishes what the writer has committed.
    pub fn publish(&self, id: AgreementId, agreement: Arc<Agreement>) {
        let events = agreement.version().get();
        let gone = self.lock().put(id, agreement, events);
        // Only now: a long one takes a while to take apart.
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, Weighed<AgreementId, Arc<Agreement>>> {
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
            self.leave(id, &agreement)?;
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

    /// Leaves behind what a reader has folded, unless the index knows of something newer: the writer
    /// indexes before it publishes, so whatever it publishes after this look takes this one's place.
    fn leave(&self, id: &AgreementId, agreement: &Arc<Agreement>) -> Result<(), LedgerError> {
        let mut folded = self.agreements.lock();
        if self.index.newest_version(id)? == agreement.version() && !folded.contains(id) {
            let gone = folded.put(id.clone(), Arc::clone(agreement), agreement.version().get());
            drop(folded);
            drop(gone);
        }
        Ok(())
    }
}
