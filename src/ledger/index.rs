//! Finding records: by agreement, by request, by source.
//!
//! Three derived trees, rebuilt from the log whenever they are missing or of another version:
//!
//! - `streams`: agreement id, 0, first position of a run (8 bytes) → for each record of the run its
//!   position and agreement version (8 bytes each; version 0 for a refusal);
//! - `requests`: request id (16 bytes) → position of its first record;
//! - `sources`: hash of system and event id (16 bytes) → position.

mod check;

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

pub(crate) use check::{IndexCheck, source_in};

use super::error::LedgerError;
use crate::domain::id::{AgreementId, Position, RequestId, Version};
use crate::log::{DerivedTree, LogReader};
use crate::wire::parse::SourceEvent;
use crate::wire::{record, v1};

/// Raise it when the layout of a tree changes; all are then rebuilt.
const INDEX_VERSION: u32 = 1;
/// Records between two writes while catching up.
const CATCH_UP_RECORDS_MAX: u64 = 4096;

/// Bytes of the three trees that one record adds, at most in the usual case.
const CATCH_UP_RECORD_BYTES: u64 = 256;

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
    requests: DerivedTree,
    sources: DerivedTree,
}

/// What a batch of records adds to the index.
///
/// Invariant: the records are noted in the order of their positions, without a gap.
#[derive(Debug, Default)]
pub(crate) struct IndexBatch {
    /// Request of the record noted last.
    last_request: Option<RequestId>,
    streams: BTreeMap<AgreementId, Vec<StreamEntry>>,
    requests: Vec<(RequestId, Position)>,
    sources: Vec<(SourceEvent, Position)>,
}

impl IndexBatch {
    /// Notes a record.
    pub(crate) fn add(&mut self, record: &v1::Record) -> Result<(), LedgerError> {
        let position = Position::new(record.position);
        let malformed = |source| LedgerError::Record {
            position: record.position,
            source: record::RecordFault::Id(source),
        };
        let agreement_id = AgreementId::parse(&record.agreement_id).map_err(malformed)?;
        let version = match &record.entry {
            Some(v1::record::Entry::Event(event)) => {
                if let Some(source) = source_of(event) {
                    self.sources.push((source, position));
                }
                Version::new(event.agreement_version)
            }
            Some(v1::record::Entry::Refusal(_)) | None => Version::NONE,
        };
        self.streams.entry(agreement_id).or_default().push(StreamEntry { position, version });
        let request_id = RequestId::parse(&record.request_id).map_err(malformed)?;
        // The records of one request stand side by side.
        if self.last_request != Some(request_id) {
            self.requests.push((request_id, position));
        }
        self.last_request = Some(request_id);
        Ok(())
    }
}

fn source_of(event: &v1::RecordedEvent) -> Option<SourceEvent> {
    let source = event.event.as_ref()?.source.as_ref()?;
    let v1::Source { system, event_id } = source;
    (!event_id.is_empty())
        .then(|| SourceEvent { system: system.clone(), event_id: event_id.clone() })
}

impl Index {
    pub(crate) fn open(reader: &LogReader) -> Result<Self, LedgerError> {
        Ok(Self {
            streams: reader.derived("streams", INDEX_VERSION)?,
            requests: reader.derived("requests", INDEX_VERSION)?,
            sources: reader.derived("sources", INDEX_VERSION)?,
        })
    }

    /// Takes in every record that a tree has not seen. A crash can leave the trees apart, so each
    /// goes on from where it is.
    pub(crate) fn catch_up(&self, reader: &LogReader) -> Result<(), LedgerError> {
        let applies: [(&DerivedTree, Apply); 3] = [
            (&self.streams, Self::apply_streams),
            (&self.requests, Self::apply_requests),
            (&self.sources, Self::apply_sources),
        ];
        let head = reader.next_position();
        for (tree, apply) in applies {
            let mut from = tree.reached();
            if from < head {
                tracing::info!(tree = tree.name(), from, head, "an index is catching up");
            }
            while from < head {
                let to = head.min(from.saturating_add(CATCH_UP_RECORDS_MAX));
                reader.check_fits((to - from).saturating_mul(CATCH_UP_RECORD_BYTES))?;
                apply(self, &read_batch(reader, from, to)?, to)?;
                from = to;
            }
        }
        Ok(())
    }

    /// Takes in a batch that ends before a position.
    pub(crate) fn apply(&self, batch: &IndexBatch, reached: u64) -> Result<(), LedgerError> {
        self.apply_streams(batch, reached)?;
        self.apply_requests(batch, reached)?;
        self.apply_sources(batch, reached)
    }

    fn apply_streams(&self, batch: &IndexBatch, reached: u64) -> Result<(), LedgerError> {
        let runs = batch.streams.iter().filter_map(|(agreement_id, run)| {
            let first = run.first()?.position;
            Some((stream_key(agreement_id, Some(first)), encode_run(run)))
        });
        Ok(self.streams.apply(runs.collect(), reached)?)
    }

    fn apply_requests(&self, batch: &IndexBatch, reached: u64) -> Result<(), LedgerError> {
        let puts = batch
            .requests
            .iter()
            .map(|(id, position)| (id.as_bytes().to_vec(), position.get().to_be_bytes().to_vec()));
        Ok(self.requests.apply(puts.collect(), reached)?)
    }

    fn apply_sources(&self, batch: &IndexBatch, reached: u64) -> Result<(), LedgerError> {
        let puts = batch.sources.iter().map(|(source, position)| {
            (source_key(source).to_vec(), position.get().to_be_bytes().to_vec())
        });
        Ok(self.sources.apply(puts.collect(), reached)?)
    }

    /// Every record of an agreement, by position.
    pub(crate) fn stream(&self, id: &AgreementId) -> Result<Vec<StreamEntry>, LedgerError> {
        let mut entries = Vec::new();
        for item in self.streams.scan_prefix(&stream_key(id, None)) {
            let (_, run) = item?;
            entries.extend(run.chunks_exact(16).map(stream_entry));
        }
        Ok(entries)
    }

    /// The records of an agreement from a position on, by position. Runs are read from the newest one
    /// back, so that a reader who follows the head does not read the whole agreement each time.
    pub(crate) fn stream_from(
        &self,
        id: &AgreementId,
        from: Position,
    ) -> Result<Vec<StreamEntry>, LedgerError> {
        let mut runs = Vec::new();
        for item in self.streams.scan_prefix(&stream_key(id, None)).rev() {
            let (_, run) = item?;
            let run: Vec<_> = run.chunks_exact(16).map(stream_entry).collect();
            let begins_before = run.first().is_none_or(|first| first.position <= from);
            runs.push(run);
            if begins_before {
                break;
            }
        }
        let entries = runs.into_iter().rev().flatten();
        Ok(entries.filter(|entry| entry.position >= from).collect())
    }

    /// Ids of agreements that have records, refused ones too, in the order of their bytes: the first
    /// ones after an id, at most so many.
    pub(crate) fn agreement_ids(
        &self,
        after: Option<&AgreementId>,
        ids_max: usize,
    ) -> Result<Vec<AgreementId>, LedgerError> {
        let mut ids = Vec::new();
        let mut start = after.map(past_stream).unwrap_or_default();
        while ids.len() < ids_max {
            let Some(item) = self.streams.scan_from(&start).next() else { break };
            let (key, _) = item?;
            let id = id_of_stream(&key)?;
            start = past_stream(&id);
            ids.push(id);
        }
        Ok(ids)
    }

    /// The version of an agreement as far as it is indexed.
    pub(crate) fn newest_version(&self, id: &AgreementId) -> Result<Version, LedgerError> {
        for item in self.streams.scan_prefix(&stream_key(id, None)).rev() {
            let (_, run) = item?;
            let newest = run.chunks_exact(16).map(stream_entry).map(|entry| entry.version).max();
            if let Some(version) = newest.filter(|version| *version != Version::NONE) {
                return Ok(version);
            }
        }
        Ok(Version::NONE)
    }

    /// The first record of a request.
    pub(crate) fn request(&self, id: RequestId) -> Result<Option<Position>, LedgerError> {
        Ok(self.requests.get(id.as_bytes())?.map(|value| Position::new(number(&value))))
    }

    /// The record of a source's event.
    pub(crate) fn source(&self, source: &SourceEvent) -> Result<Option<Position>, LedgerError> {
        Ok(self.sources.get(&source_key(source))?.map(|value| Position::new(number(&value))))
    }
}

type Apply = fn(&Index, &IndexBatch, u64) -> Result<(), LedgerError>;

fn read_batch(reader: &LogReader, from: u64, to: u64) -> Result<IndexBatch, LedgerError> {
    let decode = |position, bytes: &[u8]| {
        record::decode(bytes).map_err(|source| LedgerError::Record { position, source })
    };
    let mut batch = IndexBatch::default();
    if let Some(before) = from.checked_sub(1)
        && let Some(bytes) = reader.record(before)?
    {
        batch.last_request = RequestId::parse(&decode(before, &bytes)?.request_id).ok();
    }
    for item in reader.forward(from, to) {
        let (position, bytes) = item?;
        batch.add(&decode(position, &bytes)?)?;
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

fn source_key(source: &SourceEvent) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(source.system.as_bytes());
    hash.update([0]);
    hash.update(source.event_id.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let (head, _) = digest.split_at(16);
    head.try_into().expect("half of 32 bytes is 16 bytes")
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
mod tests {
    use super::*;
    use crate::log::{Log, LogOptions, OpenedLog};

    /// The record of a refusal, which is enough of one to be found.
    fn refusal(position: u64, agreement_id: &str) -> v1::Record {
        v1::Record {
            position,
            agreement_id: agreement_id.to_owned(),
            request_id: uuid::Uuid::from_u128(u128::from(position) + 1).to_string(),
            entry: Some(v1::record::Entry::Refusal(v1::RefusedRequest::default())),
            ..Default::default()
        }
    }

    #[test]
    fn agreements_are_listed_once_in_order_and_streams_are_read_from_any_position() {
        let folder = tempfile::tempdir().unwrap();
        let OpenedLog { mut writer, reader, .. } =
            Log::open(&LogOptions::new(folder.path())).unwrap();
        let index = Index::open(&reader).unwrap();
        // Three runs of each of the first two; names of which one begins another.
        let batches =
            [&["b", "a", "a b"][..], &["a", "b", "a"], &["a", "b", "a~"], &["a b", "a b", "~"]];
        let mut position = 0;
        for names in batches {
            let mut batch = IndexBatch::default();
            let mut stored = Vec::new();
            for name in names {
                let record = refusal(position, name);
                stored.push(record::encode(&record));
                batch.add(&record).unwrap();
                position += 1;
            }
            writer.append(&stored).unwrap();
            index.apply(&batch, position).unwrap();
        }
        let id = |text: &str| AgreementId::parse(text).unwrap();
        let ids = |after: Option<&AgreementId>, ids_max| -> Vec<String> {
            let ids = index.agreement_ids(after, ids_max).unwrap();
            ids.iter().map(ToString::to_string).collect()
        };
        assert_eq!(ids(None, 10), ["a", "a b", "a~", "b", "~"]);
        assert_eq!(ids(None, 2), ["a", "a b"]);
        assert_eq!(ids(Some(&id("a b")), 2), ["a~", "b"]);
        assert_eq!(ids(Some(&id("a!")), 1), ["a~"]);
        assert!(ids(Some(&id("~")), 10).is_empty());

        let from = |first| -> Vec<u64> {
            let entries = index.stream_from(&id("a"), Position::new(first)).unwrap();
            entries.iter().map(|entry| entry.position.get()).collect()
        };
        let whole = index.stream(&id("a")).unwrap();
        let whole: Vec<_> = whole.iter().map(|entry| entry.position.get()).collect();
        assert_eq!(whole, [1, 3, 5, 6]);
        for first in 0..12 {
            let expected: Vec<_> = whole.iter().copied().filter(|p| *p >= first).collect();
            assert_eq!(from(first), expected, "from {first}");
        }
    }
}
