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

/// Entries of one tree that are written at once, if they are spread evenly: sled lets nobody else write
/// meanwhile, and appends wait. But each such write costs a write to the disk of its own.
const WRITE_PART_PUTS: u64 = 256;
/// Records of an agreement in one run, if there is more than one part and they are spread evenly.
const RUN_RECORDS: u64 = 128;

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

    /// As they are written, in parts of so many records, each with the position after its last one.
    pub(super) fn in_parts(&self, part_records: u64) -> Vec<(IndexBatch, u64)> {
        self.batch.parts(self.first, self.end, part_records)
    }

    /// All of it, if so many records are no more than one part.
    pub(super) fn in_one(&self, part_records: u64) -> Option<(&IndexBatch, u64)> {
        let records = self.end.saturating_sub(self.first);
        (records <= part_records).then_some((&self.batch, self.end))
    }

    /// Records of a part for each tree: runs, requests and sources.
    pub(super) fn part_records(&self) -> [u64; 3] {
        let IndexBatch { streams, requests, sources, last_request: _ } = &self.batch;
        let records = self.end.saturating_sub(self.first);
        [
            run_part_records(streams.len()),
            even_part_records(records, requests.len()),
            even_part_records(records, sources.len()),
        ]
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
        let newest = self.stream(id).iter().map(|entry| entry.version).max();
        newest.filter(|version| *version != Version::NONE)
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

/// A run of a few hundred records is one entry, so of a few agreements many records are written at once.
pub(super) fn run_part_records(agreements: usize) -> u64 {
    match u64::try_from(agreements) {
        Ok(agreements @ 1..=WRITE_PART_PUTS) => RUN_RECORDS.saturating_mul(agreements),
        Ok(_) | Err(_) => WRITE_PART_PUTS,
    }
}

/// As many parts as the entries take, if they are spread evenly over the records.
pub(super) fn even_part_records(records: u64, puts: usize) -> u64 {
    let puts = u64::try_from(puts).unwrap_or(u64::MAX);
    records.div_ceil(puts.div_ceil(WRITE_PART_PUTS).max(1)).max(1)
}
