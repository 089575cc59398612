//! The records of a batch, as the log will store them, and what is noted of them elsewhere.
//!
//! It must not decide. The message that was encoded is not kept: a batch holds many records, and they
//! are moved often.

use bytes::Bytes;

use super::command::AppendFailure;
use super::error::WithCauses;
use super::index::{IndexEntry, source_key};
use super::tree::leaf_hash;
use crate::domain::date::RecordedTime;
use crate::domain::id::{EventId, Position, Version};
use crate::log::LogOptions;
use crate::merkle::TreeHash;
use crate::wire::parse::{AppendCommand, Recording};
use crate::wire::record::{AcceptedEvent, Provenance, RecordHeader};
use crate::wire::{record, v1};

/// Longest record that the log takes.
pub(super) const RECORD_BYTES_MAX: usize = LogOptions::RECORD_BYTES_MAX_DEFAULT;

/// An event that is accepted and was not recorded before.
pub(super) struct NewEvent {
    pub(super) position: u64,
    pub(super) version: Version,
    pub(super) event_id: EventId,
    /// Its place in the request.
    pub(super) request_index: u32,
}

/// A record's stored bytes, its leaf's hash in the tree, and what the indexes note of it.
pub(super) struct Encoded {
    pub(super) bytes: Bytes,
    pub(super) leaf: TreeHash,
    pub(super) entry: IndexEntry,
}

impl Encoded {
    /// The record of a new event, with what the request states of it, which is taken out of the request.
    pub(super) fn of_event(
        command: &mut AppendCommand,
        new: &NewEvent,
        recorded: RecordedTime,
    ) -> Result<Self, AppendFailure> {
        let NewEvent { position, version, event_id, request_index } = *new;
        let place = usize::try_from(request_index).unwrap_or(usize::MAX);
        let submitted = command.events.get_mut(place).expect("it is the place of one of them");
        let source = submitted.source.as_ref().map(source_key);
        let stated = std::mem::take(&mut submitted.stated);
        let position = Position::new(position);
        let accepted = AcceptedEvent { version, event_id, request_index, stated };
        let record = record::of_event(&header(command, position, recorded), accepted);
        Self::new(&record, IndexEntry { position, version, source })
    }

    /// The record of a refused request.
    pub(super) fn of_refusal(
        command: &AppendCommand,
        refused: v1::RefusedRequest,
        position: Position,
        recorded: RecordedTime,
    ) -> Result<Self, AppendFailure> {
        let record = record::of_refusal(&header(command, position, recorded), refused);
        Self::new(&record, IndexEntry { position, version: Version::NONE, source: None })
    }

    fn new(record: &v1::Record, entry: IndexEntry) -> Result<Self, AppendFailure> {
        let bytes = record::encode(record);
        if bytes.len() > RECORD_BYTES_MAX {
            let (bytes, bytes_max) = (bytes.len(), RECORD_BYTES_MAX);
            return Err(AppendFailure::TooLarge { bytes, bytes_max });
        }
        // A record that has no leaf is a fault of the program, which has just made it.
        let leaf = leaf_hash(record, &bytes).map_err(|error| {
            tracing::error!(error = %WithCauses(&error), "a record has no leaf");
            AppendFailure::DecisionFailed
        })?;
        Ok(Self { bytes, leaf, entry })
    }
}

fn header(command: &AppendCommand, position: Position, recorded: RecordedTime) -> RecordHeader<'_> {
    RecordHeader {
        position,
        recorded,
        agreement_id: &command.agreement_id,
        request_id: command.request_id,
        expected_version: command.expected_version,
        request_event_count: u32::try_from(command.events.len()).unwrap_or(u32::MAX),
        provenance: match command.recording {
            Recording::Now => Provenance::Observed,
            Recording::At(_) => Provenance::Imported,
        },
    }
}
