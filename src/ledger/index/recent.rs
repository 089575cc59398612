//! The newest entries of the indexes, in memory: those that are not written yet, and those that were
//! written last.
//!
//! It must not write. Whoever looks here first and in the trees after finds every entry: what leaves
//! memory has been written before.

use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;

use super::{IndexBatch, SourceKey, StreamEntry};
use crate::domain::id::{AgreementId, Position, RequestId, Version};

/// Entries of records that follow each other.
#[derive(Debug)]
pub(super) struct Entries {
    /// Position of the first record.
    first: u64,
    /// Position after the last one.
    end: u64,
    batch: IndexBatch,
    requests: HashMap<RequestId, Position>,
    sources: HashMap<SourceKey, Position>,
}

/// What is in memory.
#[derive(Debug)]
pub(super) struct Recent {
    /// Not written.
    waiting: Entries,
    /// Those before: being written, or written.
    before: Arc<Entries>,
    /// Whether `before` is written for certain.
    is_written: bool,
}

impl Entries {
    fn starting_at(first: u64) -> Self {
        Self {
            first,
            end: first,
            batch: IndexBatch::default(),
            requests: HashMap::new(),
            sources: HashMap::new(),
        }
    }

    /// What is to be written, of records from one position to before another.
    pub(super) fn to_write(&self) -> (&IndexBatch, std::ops::Range<u64>) {
        (&self.batch, self.first..self.end)
    }

    fn records(&self) -> usize {
        usize::try_from(self.end.saturating_sub(self.first)).unwrap_or(usize::MAX)
    }

    fn take(&mut self, batch: IndexBatch, end: u64) {
        // The first record of a request is the one that counts, so nothing is put twice.
        self.requests.extend(batch.requests.iter().copied());
        self.sources.extend(batch.sources.iter().copied());
        self.batch.extend(batch);
        self.end = end;
    }
}

impl Recent {
    /// Nothing in memory: everything before a position is written.
    pub(super) fn new(first: u64) -> Self {
        Self {
            waiting: Entries::starting_at(first),
            before: Arc::new(Entries::starting_at(first)),
            is_written: true,
        }
    }

    /// Takes in a batch that ends before a position, and tells how many records wait.
    pub(super) fn take(&mut self, batch: IndexBatch, end: u64) -> usize {
        self.waiting.take(batch, end);
        self.waiting.records()
    }

    /// How many records are not written for certain.
    pub(super) fn unwritten_records(&self) -> u64 {
        let first = if self.is_written { self.waiting.first } else { self.before.first };
        self.waiting.end.saturating_sub(first)
    }

    /// What is to be written next. What could not be written comes again, by itself.
    pub(super) fn next_to_write(&mut self) -> Option<Arc<Entries>> {
        if self.is_written {
            if self.waiting.records() == 0 {
                return None;
            }
            let next = Entries::starting_at(self.waiting.end);
            self.before = Arc::new(std::mem::replace(&mut self.waiting, next));
            self.is_written = false;
        }
        Some(Arc::clone(&self.before))
    }

    /// What was to be written is.
    pub(super) fn written(&mut self) {
        self.is_written = true;
    }

    /// The position from which on every record's entries are in memory.
    pub(super) fn complete_from(&self) -> u64 {
        self.before.first
    }

    pub(super) fn request(&self, id: RequestId) -> Option<Position> {
        [&self.waiting, &*self.before].into_iter().find_map(|one| one.requests.get(&id).copied())
    }

    pub(super) fn source(&self, key: &SourceKey) -> Option<Position> {
        [&self.waiting, &*self.before].into_iter().find_map(|one| one.sources.get(key).copied())
    }

    /// The newest records of an agreement, by position: all from the first of them on.
    pub(super) fn stream(&self, id: &AgreementId) -> Vec<StreamEntry> {
        let runs = [&*self.before, &self.waiting].into_iter();
        runs.filter_map(|one| one.batch.streams.get(id)).flatten().copied().collect()
    }

    /// The newest version of an agreement, if it has an event here.
    pub(super) fn newest_version(&self, id: &AgreementId) -> Option<Version> {
        let newest = [&self.waiting, &*self.before].into_iter().filter_map(|one| {
            let mut versions = one.batch.streams.get(id)?.iter().rev().map(|entry| entry.version);
            versions.find(|version| *version != Version::NONE)
        });
        newest.max()
    }

    /// The agreements that have records here: the first ones after an id, at most so many of each part.
    pub(super) fn agreement_ids(
        &self,
        after: Option<&AgreementId>,
        ids_max: usize,
    ) -> Vec<AgreementId> {
        let first = after.map_or(Bound::Unbounded, Bound::Excluded);
        let parts = [&*self.before, &self.waiting].into_iter();
        let ids = parts.flat_map(|one| {
            one.batch.streams.range((first, Bound::Unbounded)).map(|(id, _)| id).take(ids_max)
        });
        ids.cloned().collect()
    }
}
