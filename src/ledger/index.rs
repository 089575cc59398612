//! Finding records: by agreement, by request, by source.
//!
//! Three derived trees, rebuilt from the log whenever they are missing or of another version:
//!
//! - `streams`: agreement id, 0, first position of a run (8 bytes) → for each record of the run its
//!   position and agreement version (8 bytes each; version 0 for a refusal);
//! - `requests`: tables of request id (16 bytes) → position of its first record;
//! - `sources`: tables of hash of system and event id (16 bytes) → position.
//!
//! The newest entries are in memory (`recent`) and written many at a time, by the projector: a write of
//! few costs nearly as much as one of many. What a kill leaves unwritten is caught up from the log.

mod batch;
mod check;
mod recent;
mod tables;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(crate) use batch::{IndexBatch, IndexEntry, source_key};
use batch::{SourceKey, Streams, source_of};
pub(crate) use check::{IndexCheck, source_in};
use recent::Recent;
use tables::{Entry, Tables};

use super::catch_up::{HandingOn, LookedAt};
use super::error::LedgerError;
use crate::domain::id::{AgreementId, Position, RequestId, Version};
use crate::log::{DerivedTree, LogReader};
use crate::wire::noted::Noted;
use crate::wire::parse::SourceEvent;

/// Raise it when the layout of `streams` changes; it is then rebuilt.
const STREAMS_VERSION: u32 = 1;
/// Records between two writes while catching up.
const CATCH_UP_RECORDS_MAX: u64 = 65_536;
/// The same where there is little room on the disk.
const CATCH_UP_RECORDS_MIN: u64 = 1024;

/// Bytes of the three trees that one record adds, at most in the usual case.
const RECORD_BYTES: u64 = 128;

/// Records that are in memory only, after which an append writes them. The projector does so much
/// sooner, unless it is held up.
const UNWRITTEN_RECORDS_MAX: usize = 32_768;

/// Runs that are written at once, if they are spread evenly: sled lets nobody else write meanwhile, and
/// appends wait. But each such write costs a write to the disk of its own.
const WRITE_PART_PUTS: u64 = 256;
/// Records of an agreement in one run, if there is more than one part and they are spread evenly.
const RUN_RECORDS: u64 = 128;

/// Ids that are looked up with one hold of what is in memory.
const IDS_AT_ONCE: usize = 1024;

/// So many records are caught up at a time that what they add fits.
fn records_that_fit(reader: &LogReader) -> u64 {
    let fitting = reader.fitting(CATCH_UP_RECORDS_MAX * RECORD_BYTES) / RECORD_BYTES;
    fitting.max(CATCH_UP_RECORDS_MIN)
}

/// Where a record of an agreement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamEntry {
    pub(crate) position: Position,
    /// [`Version::NONE`] for a refusal.
    pub(crate) version: Version,
}

#[derive(Debug)]
pub(crate) struct Index {
    streams: DerivedTree,
    requests: Arc<Tables>,
    sources: Arc<Tables>,
    recent: RwLock<Recent>,
    /// Held by whoever writes what is in memory.
    writing: Mutex<()>,
}

impl Index {
    pub(crate) fn open(reader: &LogReader) -> Result<Self, LedgerError> {
        Ok(Self {
            streams: reader.derived("streams", STREAMS_VERSION)?,
            requests: Arc::new(Tables::open(reader, "requests")?),
            sources: Arc::new(Tables::open(reader, "sources")?),
            recent: RwLock::new(Recent::new(reader.next_position())),
            writing: Mutex::default(),
        })
    }

    /// Takes in every record that a tree has not seen. A crash can leave the trees apart, so the ones
    /// that are behind catch up with the others first; from there on a record is read once for all, and
    /// handed on.
    pub(crate) fn catch_up(
        &self,
        reader: &LogReader,
        mut handing_on: HandingOn,
    ) -> Result<(), LedgerError> {
        let writes: [WriteTree; 3] =
            [Self::write_streams, Self::write_requests, Self::write_sources];
        let head = reader.next_position();
        let names = [self.streams.name(), self.requests.name(), self.sources.name()];
        for (tree, from) in names.into_iter().zip(self.reached()) {
            if from < head {
                tracing::info!(tree, from, head, "an index is catching up");
            }
        }
        loop {
            let reached = self.reached().into_iter();
            let from = reached.clone().min().unwrap_or(head);
            if from >= head {
                return Ok(());
            }
            let next = reached.filter(|reached| *reached > from).min().unwrap_or(head);
            let to = head.min(next).min(from.saturating_add(records_that_fit(reader)));
            reader.check_fits((to - from).saturating_mul(RECORD_BYTES))?;
            let batch = read_batch(reader, from, to, &mut handing_on)?;
            for (write, reached) in writes.into_iter().zip(self.reached()) {
                if reached == from {
                    write(self, &batch, from..to)?;
                }
            }
        }
    }

    /// Bytes that are still to be written for the records that are in memory only. A kill leaves them to the
    /// next start, which must find room for them.
    pub(crate) fn owed_bytes(&self) -> u64 {
        self.recent().unwritten_records().saturating_mul(RECORD_BYTES)
    }

    /// How far each tree has come.
    fn reached(&self) -> [u64; 3] {
        [self.streams.reached(), self.requests.reached(), self.sources.reached()]
    }

    /// Takes in a batch that ends before a position. It can be found at once; it is written when
    /// there is much to write.
    pub(crate) fn apply(&self, batch: IndexBatch, reached: u64) -> Result<(), LedgerError> {
        let unwritten = self.recent_mut().take(batch, reached);
        if unwritten < UNWRITTEN_RECORDS_MAX {
            return Ok(());
        }
        self.write()
    }

    /// Writes what is in memory only.
    pub(crate) fn write(&self) -> Result<(), LedgerError> {
        let _one_by_one = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entries) = self.recent_mut().next_to_write() else { return Ok(()) };
        let (batch, positions) = entries.to_write();
        self.write_streams(batch, positions.clone())?;
        self.write_requests(batch, positions.clone())?;
        self.write_sources(batch, positions)?;
        self.recent_mut().written();
        Ok(())
    }

    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent_mut(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the runs of records at positions, in parts.
    fn write_streams(&self, batch: &IndexBatch, positions: Range<u64>) -> Result<(), LedgerError> {
        let Range { start, end } = positions;
        let part_records = run_part_records(batch.streams.len());
        if end.saturating_sub(start) <= part_records {
            return self.apply_streams(&batch.streams, end);
        }
        let parts = batch.stream_parts(start, end, part_records);
        parts.into_iter().try_for_each(|(part, reached)| self.apply_streams(&part, reached))
    }

    fn apply_streams(&self, streams: &Streams, reached: u64) -> Result<(), LedgerError> {
        let runs = streams.iter().filter_map(|(agreement_id, run)| {
            let first = run.first()?.position;
            Some((stream_key(agreement_id, Some(first)), encode_run(run)))
        });
        Ok(self.streams.apply(runs.collect(), reached)?)
    }

    fn write_requests(&self, batch: &IndexBatch, positions: Range<u64>) -> Result<(), LedgerError> {
        let entries = batch.requests.iter().map(|(id, at)| Entry::new(*id.as_bytes(), at.get()));
        self.requests.add(entries.collect(), positions.end)
    }

    fn write_sources(&self, batch: &IndexBatch, positions: Range<u64>) -> Result<(), LedgerError> {
        let entries = batch.sources.iter().map(|(key, at)| Entry::new(*key, at.get()));
        self.sources.add(entries.collect(), positions.end)
    }

    /// Every record of an agreement, by position.
    pub(crate) fn stream(&self, id: &AgreementId) -> Result<Vec<StreamEntry>, LedgerError> {
        let newest = self.recent().stream(id);
        let mut entries = Vec::new();
        for item in self.streams.scan_prefix(&stream_key(id, None)) {
            let (_, run) = item?;
            entries.extend(run.chunks_exact(16).map(stream_entry));
        }
        Ok(joined(entries, newest))
    }

    /// The records of an agreement from a position on, by position. Runs are read from the newest one
    /// back, so that a reader who follows the head does not read the whole agreement each time.
    pub(crate) fn stream_from(
        &self,
        id: &AgreementId,
        from: Position,
    ) -> Result<Vec<StreamEntry>, LedgerError> {
        let newest = self.recent().stream(id);
        let mut runs = Vec::new();
        let is_in_memory = newest.first().is_some_and(|first| first.position <= from);
        for item in self.streams.scan_prefix(&stream_key(id, None)).rev() {
            if is_in_memory {
                break;
            }
            let (_, run) = item?;
            let run: Vec<_> = run.chunks_exact(16).map(stream_entry).collect();
            let begins_before = run.first().is_none_or(|first| first.position <= from);
            runs.push(run);
            if begins_before {
                break;
            }
        }
        let mut entries = joined(runs.into_iter().rev().flatten().collect(), newest);
        entries.retain(|entry| entry.position >= from);
        Ok(entries)
    }

    /// Ids of agreements that have records, refused ones too, in the order of their bytes: the first
    /// ones after an id, at most so many.
    pub(crate) fn agreement_ids(
        &self,
        after: Option<&AgreementId>,
        ids_max: usize,
    ) -> Result<Vec<AgreementId>, LedgerError> {
        let newest = self.recent().agreement_ids(after, ids_max);
        let mut ids = Vec::new();
        let mut start = after.map(past_stream).unwrap_or_default();
        while ids.len() < ids_max {
            let Some(item) = self.streams.scan_from(&start).next() else { break };
            let (key, _) = item?;
            let id = id_of_stream(&key)?;
            start = past_stream(&id);
            ids.push(id);
        }
        ids.extend(newest);
        ids.sort_unstable();
        ids.dedup();
        ids.truncate(ids_max);
        Ok(ids)
    }

    /// Ids of all agreements that have records, refused ones too.
    pub(crate) fn all_agreement_ids(&self) -> Result<BTreeSet<AgreementId>, LedgerError> {
        let mut ids = BTreeSet::new();
        loop {
            let next = self.agreement_ids(ids.last(), IDS_AT_ONCE)?;
            if next.is_empty() {
                return Ok(ids);
            }
            ids.extend(next);
        }
    }

    /// The version of an agreement as far as it is indexed.
    pub(crate) fn newest_version(&self, id: &AgreementId) -> Result<Version, LedgerError> {
        if let Some(version) = self.recent().newest_version(id) {
            return Ok(version);
        }
        for item in self.streams.scan_prefix(&stream_key(id, None)).rev() {
            let (_, run) = item?;
            let newest = run.chunks_exact(16).map(stream_entry).map(|entry| entry.version).max();
            if let Some(version) = newest.filter(|version| *version != Version::NONE) {
                return Ok(version);
            }
        }
        Ok(Version::NONE)
    }

    /// The same, if one look tells. None: the newest records are refusals.
    pub(crate) fn newest_version_at_a_look(
        &self,
        id: &AgreementId,
    ) -> Result<Option<Version>, LedgerError> {
        if let Some(version) = self.recent().newest_version(id) {
            return Ok(Some(version));
        }
        let Some(item) = self.streams.scan_prefix(&stream_key(id, None)).next_back() else {
            return Ok(Some(Version::NONE));
        };
        let (_, run) = item?;
        let newest = run.chunks_exact(16).map(stream_entry).map(|entry| entry.version).max();
        Ok(newest.filter(|version| *version != Version::NONE))
    }

    /// The first record of a request.
    pub(crate) fn request(&self, id: RequestId) -> Result<Option<Position>, LedgerError> {
        if let Some(position) = self.recent().request(id) {
            return Ok(Some(position));
        }
        Ok(self.requests.find(*id.as_bytes())?.map(Position::new))
    }

    /// The same for a request that no record before a position belongs to. Nearly always that is told
    /// by what is in memory.
    pub(crate) fn request_since(
        &self,
        id: RequestId,
        from: u64,
    ) -> Result<Option<Position>, LedgerError> {
        let recent = self.recent();
        if recent.complete_from() <= from {
            return Ok(recent.request(id));
        }
        drop(recent);
        self.request(id)
    }

    /// The record of a source's event.
    pub(crate) fn source(&self, source: &SourceEvent) -> Result<Option<Position>, LedgerError> {
        self.source_of_key(&source_key(source))
    }

    fn source_of_key(&self, key: &SourceKey) -> Result<Option<Position>, LedgerError> {
        if let Some(position) = self.recent().source(key) {
            return Ok(Some(position));
        }
        Ok(self.sources.find(*key)?.map(Position::new))
    }

    /// The same for a source's event that is in no record before a position.
    pub(crate) fn source_since(
        &self,
        source: &SourceEvent,
        from: u64,
    ) -> Result<Option<Position>, LedgerError> {
        let key = source_key(source);
        let recent = self.recent();
        if recent.complete_from() <= from {
            return Ok(recent.source(&key));
        }
        drop(recent);
        self.source_of_key(&key)
    }
}

/// Records of an agreement: those in memory, and before them those that are written. All from the
/// first in memory on are in memory, and some of them may have been written meanwhile.
fn joined(mut written: Vec<StreamEntry>, newest: Vec<StreamEntry>) -> Vec<StreamEntry> {
    if let Some(first) = newest.first() {
        written.retain(|entry| entry.position < first.position);
    }
    written.extend(newest);
    written
}

type WriteTree = fn(&Index, &IndexBatch, Range<u64>) -> Result<(), LedgerError>;

/// A run of a few hundred records is one entry, so of a few agreements many records are written at once.
fn run_part_records(agreements: usize) -> u64 {
    match u64::try_from(agreements) {
        Ok(agreements @ 1..=WRITE_PART_PUTS) => RUN_RECORDS.saturating_mul(agreements),
        Ok(_) | Err(_) => WRITE_PART_PUTS,
    }
}

fn read_batch(
    reader: &LogReader,
    from: u64,
    to: u64,
    handing_on: &mut HandingOn,
) -> Result<IndexBatch, LedgerError> {
    let look = |position, stored| {
        Noted::read(stored).map_err(|source| LedgerError::Record { position, source })
    };
    let mut batch = IndexBatch::default();
    if let Some(before) = from.checked_sub(1)
        && let Some(bytes) = reader.record(before)?
    {
        batch.last_request = look(before, bytes)?.request_id().ok();
    }
    for item in reader.forward(from, to) {
        let (position, stored) = item?;
        let noted = look(position, stored.clone())?;
        batch.add_stored(&noted)?;
        handing_on.take(LookedAt { position, noted, stored });
    }
    Ok(batch)
}

fn stream_key(id: &AgreementId, first: Option<Position>) -> Vec<u8> {
    let mut key = id.as_str().as_bytes().to_vec();
    key.push(0);
    if let Some(first) = first {
        key.extend_from_slice(&first.get().to_be_bytes());
    }
    key
}

/// A key after every run of an agreement, and before those of the next one: no id has a byte below
/// the space.
fn past_stream(id: &AgreementId) -> Vec<u8> {
    let mut key = id.as_str().as_bytes().to_vec();
    key.push(1);
    key
}

fn id_of_stream(key: &[u8]) -> Result<AgreementId, LedgerError> {
    let position = key.last_chunk().map_or(u64::MAX, |first| u64::from_be_bytes(*first));
    let text = key.split(|byte| *byte == 0).next().and_then(|id| std::str::from_utf8(id).ok());
    let id = text.and_then(|text| AgreementId::parse(text).ok());
    id.ok_or(LedgerError::IndexMismatch { position })
}

fn encode_run(run: &[StreamEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(run.len() * 16);
    for StreamEntry { position, version } in run {
        bytes.extend_from_slice(&position.get().to_be_bytes());
        bytes.extend_from_slice(&version.get().to_be_bytes());
    }
    bytes
}

fn stream_entry(bytes: &[u8]) -> StreamEntry {
    let (position, version) = bytes.split_at(8);
    StreamEntry {
        position: Position::new(number(position)),
        version: Version::new(number(version)),
    }
}

/// Eight big-endian bytes. Anything else is a place that no log reaches, so that reading there fails.
fn number(bytes: &[u8]) -> u64 {
    bytes.try_into().map_or(u64::MAX, u64::from_be_bytes)
}

#[cfg(test)]
mod tests;
