//! What records add to the indexes.
//!
//! It must not read or write.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::StreamEntry;
use crate::domain::id::{AgreementId, Position, RequestId, Version};
use crate::ledger::error::LedgerError;
use crate::wire::noted::Noted;
use crate::wire::parse::SourceEvent;
use crate::wire::v1;

/// What a batch of records adds to the index.
///
/// Invariant: the records are noted in the order of their positions, without a gap.
#[derive(Debug, Default)]
pub(crate) struct IndexBatch {
    /// Request of the record noted last.
    pub(super) last_request: Option<RequestId>,
    pub(super) streams: Streams,
    pub(super) requests: Vec<(RequestId, Position)>,
    pub(super) sources: Vec<(SourceKey, Position)>,
}

/// Records by agreement, each in the order of their positions.
pub(super) type Streams = BTreeMap<AgreementId, Vec<StreamEntry>>;

/// What one record adds, besides its agreement and its request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexEntry {
    pub(crate) position: Position,
    /// [`Version::NONE`] for a refusal.
    pub(crate) version: Version,
    pub(crate) source: Option<SourceKey>,
}

/// What a source's event is found by.
pub(crate) type SourceKey = [u8; 16];

impl IndexBatch {
    /// The runs of records from one position to before another, in parts of so many records, each with
    /// the position after its last one.
    pub(super) fn stream_parts(
        &self,
        first: u64,
        end: u64,
        part_records: u64,
    ) -> Vec<(Streams, u64)> {
        let ends = (1..).map(|count: u64| first.saturating_add(count.saturating_mul(part_records)));
        let ends = ends.take_while(|part_end| *part_end < end).chain([end]);
        let mut parts: Vec<_> = ends.map(|part_end| (Streams::new(), part_end)).collect();
        for (id, run) in &self.streams {
            for entry in run {
                let part = entry.position.get().saturating_sub(first).checked_div(part_records);
                let part = part.and_then(|part| usize::try_from(part).ok());
                if let Some((part, _)) = part.and_then(|part| parts.get_mut(part)) {
                    part.entry(id.clone()).or_default().push(*entry);
                }
            }
        }
        parts
    }

    /// Adds what a later batch adds.
    pub(super) fn extend(&mut self, later: Self) {
        let Self { last_request, streams, requests, sources } = later;
        self.last_request = last_request;
        for (id, run) in streams {
            self.streams.entry(id).or_default().extend(run);
        }
        self.requests.extend(requests);
        self.sources.extend(sources);
    }

    /// Adds what records of one request add, all of them or the next ones.
    pub(crate) fn add(
        &mut self,
        agreement_id: &AgreementId,
        request_id: RequestId,
        entries: impl Iterator<Item = IndexEntry> + Clone,
    ) {
        let Some(first) = entries.clone().next() else { return };
        // The records of one request stand side by side.
        if self.last_request != Some(request_id) {
            self.requests.push((request_id, first.position));
        }
        self.last_request = Some(request_id);
        let sources = entries.clone().filter_map(|entry| Some((entry.source?, entry.position)));
        self.sources.extend(sources);
        let run =
            entries.map(|IndexEntry { position, version, .. }| StreamEntry { position, version });
        match self.streams.get_mut(agreement_id) {
            Some(stream) => stream.extend(run),
            None => drop(self.streams.insert(agreement_id.clone(), run.collect())),
        }
    }

    /// Adds what a stored record adds.
    pub(crate) fn add_stored(&mut self, noted: &Noted) -> Result<(), LedgerError> {
        let malformed = |source| LedgerError::Record { position: noted.position, source };
        let agreement_id = noted.agreement_id().map_err(malformed)?;
        let request_id = noted.request_id().map_err(malformed)?;
        let source = noted.source().map(|(system, event_id)| key_of(system, event_id));
        let position = Position::new(noted.position);
        let entry = IndexEntry { position, version: noted.version(), source };
        self.add(&agreement_id, request_id, std::iter::once(entry));
        Ok(())
    }
}

pub(super) fn source_of(event: &v1::RecordedEvent) -> Option<SourceEvent> {
    let source = event.event.as_ref()?.source.as_ref()?;
    let v1::Source { system, event_id } = source;
    (!event_id.is_empty())
        .then(|| SourceEvent { system: system.clone(), event_id: event_id.clone() })
}

pub(crate) fn source_key(source: &SourceEvent) -> SourceKey {
    key_of(source.system.as_bytes(), source.event_id.as_bytes())
}

fn key_of(system: &[u8], event_id: &[u8]) -> SourceKey {
    let mut hash = Sha256::new();
    hash.update(system);
    hash.update([0]);
    hash.update(event_id);
    let digest: [u8; 32] = hash.finalize().into();
    let (head, _) = digest.split_at(16);
    head.try_into().expect("half of 32 bytes is 16 bytes")
}
