//! Records: what the log stores, byte for byte what readers get.

use bytes::Bytes;
use prost::Message as _;

use super::event_type::event_type;
use super::parse::{SCHEMA_VERSION, Violation, parse_recorded_event};
use super::v1;
use crate::domain::date::RecordedTime;
use crate::domain::event::Recorded;
use crate::domain::id::{AgreementId, EventId, MalformedId, Position, RequestId, Version};

/// Whose observation the recorded time of a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// This ledger's own.
    Observed,
    /// That of an older register, as its importer states it.
    Imported,
}

/// What a record of either kind says of its place and its request.
#[derive(Debug, Clone)]
pub struct RecordHeader<'a> {
    /// Place in the log.
    pub position: Position,
    /// When it was recorded.
    pub recorded: RecordedTime,
    /// Its agreement.
    pub agreement_id: &'a AgreementId,
    /// Its request.
    pub request_id: RequestId,
    /// Version that the request expected.
    pub expected_version: Option<Version>,
    /// How many events the request had.
    pub request_event_count: u32,
    /// Whose observation the recorded time is.
    pub provenance: Provenance,
}

/// What a record of an accepted event says besides.
#[derive(Debug, Clone)]
pub struct AcceptedEvent {
    /// Place in the agreement.
    pub version: Version,
    /// Identity.
    pub event_id: EventId,
    /// Place in the request.
    pub request_index: u32,
    /// The event as sent.
    pub stated: v1::Event,
}

/// The record of an accepted event.
pub fn of_event(header: &RecordHeader<'_>, accepted: AcceptedEvent) -> v1::Record {
    let event = v1::RecordedEvent {
        agreement_version: accepted.version.get(),
        event_id: accepted.event_id.to_string(),
        r#type: event_type(&accepted.stated).into(),
        schema_version: SCHEMA_VERSION,
        request_index: accepted.request_index,
        event: Some(accepted.stated),
    };
    record(header, v1::record::Entry::Event(event))
}

/// The record of a refused request.
pub fn of_refusal(header: &RecordHeader<'_>, refusal: v1::RefusedRequest) -> v1::Record {
    record(header, v1::record::Entry::Refusal(refusal))
}

fn record(header: &RecordHeader<'_>, entry: v1::record::Entry) -> v1::Record {
    v1::Record {
        position: header.position.get(),
        recorded_time: Some(timestamp(header.recorded)),
        agreement_id: header.agreement_id.to_string(),
        request_id: header.request_id.to_string(),
        expected_version: header.expected_version.map(Version::get),
        request_event_count: header.request_event_count,
        imported: match header.provenance {
            Provenance::Observed => false,
            Provenance::Imported => true,
        },
        entry: Some(entry),
    }
}

/// The bytes that the log stores.
pub fn encode(record: &v1::Record) -> Bytes {
    Bytes::from(record.encode_to_vec())
}

/// Why stored bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordFault {
    /// They are not the encoding of a record.
    #[error("the bytes are not an encoded record")]
    Undecodable(#[from] prost::DecodeError),
    /// A part is missing or out of range.
    #[error("the record has no valid {part}")]
    Incomplete {
        /// Which part.
        part: &'static str,
    },
    /// An id is malformed.
    #[error("the record has a malformed id")]
    Id(#[from] MalformedId),
    /// The event does not read as it did when it was recorded.
    #[error("the recorded event is malformed: {0:?}")]
    Event(Vec<Violation>),
}

/// Reads stored bytes.
pub fn decode(bytes: &[u8]) -> Result<v1::Record, RecordFault> {
    Ok(v1::Record::decode(bytes)?)
}

/// The recorded event of a record, for the fold. None for a refusal.
pub fn recorded(record: &v1::Record) -> Result<Option<Recorded>, RecordFault> {
    let accepted = match &record.entry {
        Some(v1::record::Entry::Event(accepted)) => accepted,
        Some(v1::record::Entry::Refusal(_)) => return Ok(None),
        None => return Err(RecordFault::Incomplete { part: "entry" }),
    };
    let stated = accepted.event.as_ref().ok_or(RecordFault::Incomplete { part: "event" })?;
    Ok(Some(Recorded {
        position: Position::new(record.position),
        version: Version::new(accepted.agreement_version),
        event_id: EventId::parse(&accepted.event_id)?,
        recorded: recorded_time(record)?,
        event: parse_recorded_event(stated).map_err(RecordFault::Event)?,
    }))
}

/// The recorded time of a record.
pub fn recorded_time(record: &v1::Record) -> Result<RecordedTime, RecordFault> {
    let time = record.recorded_time.as_ref();
    time.and_then(from_timestamp).ok_or(RecordFault::Incomplete { part: "recorded_time" })
}

/// An instant on the wire.
pub fn timestamp(time: RecordedTime) -> prost_types::Timestamp {
    let microseconds = time.microseconds();
    let nanos = i32::try_from(microseconds.rem_euclid(1_000_000) * 1000);
    prost_types::Timestamp {
        seconds: microseconds.div_euclid(1_000_000),
        nanos: nanos.expect("less than a second in nanoseconds fits"),
    }
}

/// An instant from the wire, cut to whole microseconds. None when it is out of range.
pub fn from_timestamp(time: &prost_types::Timestamp) -> Option<RecordedTime> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return None;
    }
    let microseconds = time.seconds.checked_mul(1_000_000)?;
    RecordedTime::from_microseconds(microseconds.checked_add(i64::from(time.nanos / 1000))?)
}
