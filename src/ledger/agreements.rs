//! Folded agreements, in memory, as far as they are published.
//!
//! The writer decides on these, so an old one must never take the place of a newer one. Readers may
//! fold an agreement that is not here and leave it behind, but only when nothing newer has been
//! published meanwhile.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard};

use lru::LruCache;

use super::Shared;
use super::error::LedgerError;
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::id::{AgreementId, Version};
use crate::wire::record;

/// Folded agreements, the most recently used ones.
#[derive(Debug)]
pub struct AgreementCache {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    folded: LruCache<AgreementId, Arc<Agreement>>,
    /// Version of every agreement that was published since the start, also when it has been evicted.
    published: HashMap<AgreementId, Version>,
}

impl AgreementCache {
    /// Room for so many, at least one.
    pub fn new(agreements_max: usize) -> Self {
        let capacity = NonZeroUsize::new(agreements_max).unwrap_or(NonZeroUsize::MIN);
        let inner = Inner { folded: LruCache::new(capacity), published: HashMap::new() };
        Self { inner: Mutex::new(inner) }
    }

    /// The agreement, when it is here.
    pub fn get(&self, id: &AgreementId) -> Option<Arc<Agreement>> {
        self.lock().folded.get(id).cloned()
    }

    /// Publishes what the writer has committed.
    pub fn publish(&self, id: AgreementId, agreement: Arc<Agreement>) {
        let mut inner = self.lock();
        inner.published.insert(id.clone(), agreement.version());
        inner.folded.put(id, agreement);
    }

    /// Leaves behind what a reader has folded, unless something newer has been published.
    fn leave(&self, id: &AgreementId, agreement: &Arc<Agreement>) {
        let mut inner = self.lock();
        let newer = inner.published.get(id).is_some_and(|version| *version > agreement.version());
        if !newer {
            inner.folded.put(id.clone(), Arc::clone(agreement));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder panics")
    }
}

impl Shared {
    /// An agreement as far as it is published, folded anew when it is not in memory. Without events
    /// when nobody has signed it.
    pub(crate) fn agreement(&self, id: &AgreementId) -> Result<Arc<Agreement>, LedgerError> {
        if let Some(agreement) = self.agreements.get(id) {
            return Ok(agreement);
        }
        let mut agreement = Agreement::empty(Date::END_OF_TIME);
        for entry in self.index.stream(id)? {
            if entry.version != Version::NONE {
                let stored = self.record(entry.position.get())?;
                let position = entry.position.get();
                let recorded = record::recorded(&stored)
                    .map_err(|source| LedgerError::Record { position, source })?
                    .ok_or(LedgerError::IndexMismatch { position })?;
                agreement.apply(&Arc::new(recorded));
            }
        }
        let agreement = Arc::new(agreement);
        if agreement.version() != Version::NONE {
            self.agreements.leave(id, &agreement);
        }
        Ok(agreement)
    }
}
