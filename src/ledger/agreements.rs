//! Folded agreements, in memory, as far as they are published.
//!
//! The writer decides on these, so an old one must never take the place of a newer one. Readers may
//! fold an agreement that is not here and leave it behind, but only when nothing newer has been
//! published meanwhile.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use lru::LruCache;

use super::Shared;
use super::error::LedgerError;
use super::index::StreamEntry;
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::id::{AgreementId, Version};
use crate::wire::record;

/// Folded agreements, the most recently used ones.
#[derive(Debug)]
pub struct AgreementCache {
    folded: Mutex<LruCache<AgreementId, Arc<Agreement>>>,
}

impl AgreementCache {
    /// Room for so many, at least one.
    pub fn new(agreements_max: usize) -> Self {
        let capacity = NonZeroUsize::new(agreements_max).unwrap_or(NonZeroUsize::MIN);
        Self { folded: Mutex::new(LruCache::new(capacity)) }
    }

    /// The agreement, when it is here.
    pub fn get(&self, id: &AgreementId) -> Option<Arc<Agreement>> {
        self.lock().get(id).cloned()
    }

    /// Publishes what the writer has committed.
    pub fn publish(&self, id: AgreementId, agreement: Arc<Agreement>) {
        self.lock().put(id, agreement);
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<AgreementId, Arc<Agreement>>> {
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
        for entry in entries {
            if entry.version != Version::NONE {
                let stored = self.record(entry.position.get())?;
                let position = entry.position.get();
                let recorded = record::recorded(&stored)
                    .map_err(|source| LedgerError::Record { position, source })?
                    .ok_or(LedgerError::IndexMismatch { position })?;
                agreement.apply(&Arc::new(recorded));
            }
        }
        Ok(agreement)
    }

    /// Leaves behind what a reader has folded, unless the index knows of something newer: the writer
    /// indexes before it publishes, so whatever it publishes after this look takes this one's place.
    fn leave(&self, id: &AgreementId, agreement: &Arc<Agreement>) -> Result<(), LedgerError> {
        let mut folded = self.agreements.lock();
        if self.index.newest_version(id)? == agreement.version() && !folded.contains(id) {
            folded.put(id.clone(), Arc::clone(agreement));
        }
        Ok(())
    }
}
