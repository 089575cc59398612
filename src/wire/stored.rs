//! Stored records that are handed on as they are: what they say is looked at, never decoded whole.
//!
//! A stored record is the encoding of `v1::Record`, and on the wire a message in a message is its
//! encoding after its length. So an answer that holds records as bytes has the very bytes of one that
//! holds them decoded, and a reader gets byte for byte what was hashed and stored. `build.rs` puts the
//! answers below in the place of the generated ones, for servers; clients keep the generated types.

use bytes::Bytes;
use prost::Message as _;
use prost_types::Timestamp;

use super::record::RecordFault;
use super::v1;
use crate::domain::id::AgreementId;

/// What a server answers to ReadEvents: a `v1::ReadEventsResponse` whose records stay bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ReadEventsAnswer {
    /// Stored records.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub records: Vec<Bytes>,
    /// As there.
    #[prost(uint64, tag = "2")]
    pub captured_record_count: u64,
    /// As there.
    #[prost(uint64, optional, tag = "3")]
    pub next_position: Option<u64>,
}

/// What a server answers to SubscribeEvents: a `v1::SubscribeEventsResponse` whose records stay bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct SubscribeEventsAnswer {
    /// Exactly one is set.
    #[prost(oneof = "SubscriptionMessage", tags = "1, 2, 3, 4")]
    pub message: Option<SubscriptionMessage>,
    /// As there.
    #[prost(uint64, tag = "5")]
    pub resume_position: u64,
    /// As there.
    #[prost(uint64, tag = "6")]
    pub record_count: u64,
}

/// What a subscription tells.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum SubscriptionMessage {
    /// Records.
    #[prost(message, tag = "1")]
    Records(StoredRecords),
    /// Heartbeat.
    #[prost(message, tag = "2")]
    Checkpoint(v1::SubscriptionCheckpoint),
    /// At the head.
    #[prost(message, tag = "3")]
    CaughtUp(v1::SubscriptionCaughtUp),
    /// Behind again.
    #[prost(message, tag = "4")]
    FellBehind(v1::SubscriptionFellBehind),
}

/// A `v1::SubscribedRecords` whose records stay bytes.
#[derive(Clone, PartialEq, prost::Message)]
pub struct StoredRecords {
    /// Stored records.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub records: Vec<Bytes>,
}

/// What a look at a stored record shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredLook {
    /// What is recorded. None where nothing is.
    pub entry: Option<StoredEntry>,
    /// When it was recorded, as the record says.
    pub recorded_time: Option<Timestamp>,
}

/// What is recorded by a stored record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredEntry {
    /// An accepted event.
    Event {
        /// The number of its `v1::EventType`, as it was recorded.
        event_type: i32,
    },
    /// A refused request.
    Refusal,
}

/// Looks at a stored record. Its ids and the event itself are skipped by their length, so what is wrong
/// in them is not found.
pub fn look(stored: &[u8]) -> Result<StoredLook, RecordFault> {
    let Outline { recorded_time, entry } = Outline::decode(stored)?;
    let entry = entry.map(|entry| match entry {
        Entry::Event(EventOutline { event_type }) => StoredEntry::Event { event_type },
        Entry::Refusal(RefusalOutline {}) => StoredEntry::Refusal,
    });
    Ok(StoredLook { entry, recorded_time })
}

/// The agreement to which a stored record adds an event. None for a refused request. The same as with
/// [`look`]: only what is told is looked at.
pub fn agreement_of_event(stored: Bytes) -> Result<Option<AgreementId>, RecordFault> {
    let Addressed { agreement_id, entry } = Addressed::decode(stored)?;
    let Some(Entry::Event(_)) = entry else { return Ok(None) };
    let missing = RecordFault::Incomplete { part: "agreement_id" };
    let text = std::str::from_utf8(&agreement_id).map_err(|_| missing)?;
    Ok(Some(AgreementId::parse(text)?))
}

/// Of a `v1::Record`, when and what.
#[derive(Clone, PartialEq, prost::Message)]
struct Outline {
    #[prost(message, optional, tag = "2")]
    recorded_time: Option<Timestamp>,
    #[prost(oneof = "Entry", tags = "10, 11")]
    entry: Option<Entry>,
}

/// Of a `v1::Record`, where and what.
#[derive(Clone, PartialEq, prost::Message)]
struct Addressed {
    #[prost(bytes = "bytes", tag = "3")]
    agreement_id: Bytes,
    #[prost(oneof = "Entry", tags = "10, 11")]
    entry: Option<Entry>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Entry {
    #[prost(message, tag = "10")]
    Event(EventOutline),
    #[prost(message, tag = "11")]
    Refusal(RefusalOutline),
}

/// Of a `v1::RecordedEvent`, its type.
#[derive(Clone, PartialEq, prost::Message)]
struct EventOutline {
    #[prost(int32, tag = "3")]
    event_type: i32,
}

/// Of a `v1::RefusedRequest`, that there is one.
#[derive(Clone, PartialEq, prost::Message)]
struct RefusalOutline {}
