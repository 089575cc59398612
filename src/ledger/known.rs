//! Up to where the log was recorded by a time: looked for once, and kept.
//!
//! Recorded time never decreases along the log, so the last position of a time stays the last one once
//! a later record is there.

use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use super::Shared;
use super::error::LedgerError;
use crate::domain::date::RecordedTime;
use crate::wire::record;

/// Times whose positions are kept, the ones asked for last.
pub(super) const KNOWN_TIMES_KEPT_MAX: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Last positions by time, each followed by a record of a later time.
#[derive(Debug)]
pub(crate) struct KnownPositions(Mutex<LruCache<RecordedTime, u64>>);

impl KnownPositions {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(LruCache::new(KNOWN_TIMES_KEPT_MAX)))
    }

    fn lock(&self) -> MutexGuard<'_, LruCache<RecordedTime, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// The last position, up to a head, that was recorded by a time. None when none was.
    pub(crate) fn last_known_position(
        &self,
        known: RecordedTime,
        head: u64,
    ) -> Result<Option<u64>, LedgerError> {
        if let Some(last) = self.known.lock().get(&known) {
            return Ok(Some(*last.min(&head)));
        }
        let (mut low, mut high) = (0, head + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let time = record::recorded_time(&self.record(middle)?)
                .map_err(|source| LedgerError::Record { position: middle, source })?;
            if time <= known {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let last = low.checked_sub(1);
        // Whatever is appended later is later than the record behind it.
        if let Some(last) = last.filter(|_| low <= head) {
            self.known.lock().put(known, last);
        }
        Ok(last)
    }
}
