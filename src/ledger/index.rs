//! Finding records: by agreement, by request, by source.
//!
//! Three derived trees, rebuilt from the log whenever they are missing or of another version:
//!
//! - `streams`: agreement id, 0, first position of a run (8 bytes) → for each record of the run its
//!   position and agreement version (8 bytes each; version 0 for a refusal);
//! - `requests`: request id (16 bytes) → position of its first record;
//! - `sources`: hash of system and event id (16 bytes) → position.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::error::LedgerError;
use crate::domain::id::{AgreementId, Position, RequestId, Version};
use crate::log::{DerivedTree, LogReader};
use crate::wire::parse::SourceEvent;
use crate::wire::{record, v1};

/// Raise it when the layout of a tree changes; all are then rebuilt.
const INDEX_VERSION: u32 = 1;
/// Records between two writes while catching up.
const CATCH_UP_RECORDS_MAX: u64 = 4096;

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
