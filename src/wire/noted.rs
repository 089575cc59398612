//! What is noted of a stored record: what the indexes and the tree take from it.
//!
//! The rest, which is most of a record, is skipped by its length and neither checked nor kept. What is
//! taken lies in the stored bytes as they are.

use bytes::Bytes;
use prost::Message as _;
use prost_types::Timestamp;

use super::record::RecordFault;
use crate::domain::id::{AgreementId, RequestId, Version};

/// See the module: parts of a `v1::Record`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Noted {
    /// Place in the log.
    #[prost(uint64, tag = "1")]
    pub position: u64,
    #[prost(message, optional, tag = "2")]
    pub(super) recorded_time: Option<Timestamp>,
    #[prost(bytes = "bytes", tag = "3")]
    agreement_id: Bytes,
    #[prost(bytes = "bytes", tag = "4")]
    request_id: Bytes,
    #[prost(bool, tag = "7")]
    pub(super) imported: bool,
    #[prost(oneof = "NotedEntry", tags = "10, 11")]
    pub(super) entry: Option<NotedEntry>,
}

/// What is recorded.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum NotedEntry {
    /// An accepted event.
    #[prost(message, tag = "10")]
    Event(NotedEvent),
    /// A refused request.
    #[prost(message, tag = "11")]
    Refusal(NotedRefusal),
}

/// Parts of a `v1::RecordedEvent`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NotedEvent {
    #[prost(uint64, tag = "1")]
    pub(super) agreement_version: u64,
    #[prost(bytes = "bytes", tag = "2")]
    event_id: Bytes,
    #[prost(int32, tag = "3")]
    pub(super) event_type: i32,
    #[prost(message, optional, tag = "6")]
    pub(super) stated: Option<NotedStated>,
}

/// Parts of a `v1::Event`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NotedStated {
    #[prost(bytes = "bytes", tag = "1")]
    effective_date: Bytes,
    #[prost(message, optional, tag = "3")]
    source: Option<NotedSource>,
}

/// A `v1::Source`.
#[derive(Clone, PartialEq, prost::Message)]
struct NotedSource {
    #[prost(bytes = "bytes", tag = "1")]
    system: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    event_id: Bytes,
}

/// Of a `v1::RefusedRequest`, that there is one.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NotedRefusal {}

impl Noted {
    /// Looks at a stored record.
    pub fn read(stored: Bytes) -> Result<Self, RecordFault> {
        Ok(Self::decode(stored)?)
    }

    /// The agreement.
    pub fn agreement_id(&self) -> Result<AgreementId, RecordFault> {
        Ok(AgreementId::parse(self.agreement_id_text()?)?)
    }

    pub(super) fn agreement_id_text(&self) -> Result<&str, RecordFault> {
        text(&self.agreement_id, "agreement_id")
    }

    /// The request.
    pub fn request_id(&self) -> Result<RequestId, RecordFault> {
        Ok(RequestId::parse(text(&self.request_id, "request_id")?)?)
    }

    /// The agreement's version with it. [`Version::NONE`] of a refusal.
    pub fn version(&self) -> Version {
        match &self.entry {
            Some(NotedEntry::Event(event)) => Version::new(event.agreement_version),
            Some(NotedEntry::Refusal(_)) | None => Version::NONE,
        }
    }

    /// System and event id of the source that its event names.
    pub fn source(&self) -> Option<(&[u8], &[u8])> {
        let Some(NotedEntry::Event(event)) = &self.entry else { return None };
        let NotedSource { system, event_id } = event.stated.as_ref()?.source.as_ref()?;
        (!event_id.is_empty()).then_some((system, event_id))
    }
}

impl NotedEvent {
    pub(super) fn event_id(&self) -> Result<&str, RecordFault> {
        text(&self.event_id, "event_id")
    }
}

impl NotedStated {
    pub(super) fn effective_date(&self) -> Result<&str, RecordFault> {
        text(&self.effective_date, "effective_date")
    }
}

fn text<'a>(bytes: &'a [u8], part: &'static str) -> Result<&'a str, RecordFault> {
    std::str::from_utf8(bytes).map_err(|_| RecordFault::Incomplete { part })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::MalformedId;
    use crate::wire::record::encode;
    use crate::wire::v1;

    fn event() -> v1::Record {
        let stated = v1::Event {
            effective_date: "2026-01-31".to_owned(),
            source: Some(v1::Source { system: "erp".to_owned(), event_id: "æ-17".to_owned() }),
            correlation_id: "skipped".to_owned(),
            ..Default::default()
        };
        let accepted = v1::RecordedEvent {
            agreement_version: 42,
            event_id: "018f0000-0000-7000-8000-000000000001".to_owned(),
            r#type: 12,
            event: Some(stated),
            ..Default::default()
        };
        v1::Record {
            position: 7,
            recorded_time: Some(Timestamp { seconds: 1_700_000_000, nanos: 5000 }),
            agreement_id: "ramme 1".to_owned(),
            request_id: "018f0000-0000-7000-8000-000000000002".to_owned(),
            imported: true,
            entry: Some(v1::record::Entry::Event(accepted)),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_noted_is_what_the_record_says() {
        let record = event();
        let noted = Noted::read(encode(&record)).unwrap();
        assert_eq!((noted.position, noted.imported), (7, true));
        assert_eq!(noted.recorded_time, record.recorded_time);
        assert_eq!(noted.agreement_id().unwrap().as_str(), record.agreement_id);
        assert_eq!(noted.request_id().unwrap().to_string(), record.request_id);
        assert_eq!(noted.version(), Version::new(42));
        assert_eq!(noted.source(), Some((&b"erp"[..], "æ-17".as_bytes())));
        let Some(NotedEntry::Event(event)) = &noted.entry else { panic!("an event") };
        assert_eq!(event.event_type, 12);
        assert_eq!(event.event_id().unwrap(), "018f0000-0000-7000-8000-000000000001");
        assert_eq!(event.stated.as_ref().unwrap().effective_date().unwrap(), "2026-01-31");
    }

    #[test]
    fn a_refusal_has_no_version_and_no_source() {
        let refused = v1::RefusedRequest { status_code: 9, ..Default::default() };
        let entry = Some(v1::record::Entry::Refusal(refused));
        let noted = Noted::read(encode(&v1::Record { entry, ..event() })).unwrap();
        assert_eq!((noted.version(), noted.source()), (Version::NONE, None));
    }

    #[test]
    fn a_source_without_an_event_id_is_none() {
        let mut record = event();
        if let Some(v1::record::Entry::Event(event)) = &mut record.entry {
            event.event.as_mut().unwrap().source.as_mut().unwrap().event_id.clear();
        }
        assert_eq!(Noted::read(encode(&record)).unwrap().source(), None);
    }

    #[test]
    fn what_is_not_as_it_must_be_is_named() {
        let broken = |agreement_id: &str| v1::Record {
            agreement_id: agreement_id.to_owned(),
            request_id: String::new(),
            ..event()
        };
        let noted = Noted::read(encode(&broken(" "))).unwrap();
        assert!(matches!(
            noted.agreement_id(),
            Err(RecordFault::Id(MalformedId::UnprintableCharacter))
        ));
        assert!(matches!(noted.request_id(), Err(RecordFault::Id(MalformedId::Empty))));
        // Two bytes of a text, of which the second is not.
        let noted = Noted::read(Bytes::from_static(&[0x1a, 2, b'a', 0xff])).unwrap();
        assert!(matches!(
            noted.agreement_id(),
            Err(RecordFault::Incomplete { part: "agreement_id" })
        ));
        let cut = Noted::read(Bytes::from_static(&[0x1a, 2, b'a']));
        assert!(matches!(cut, Err(RecordFault::Undecodable(_))));
    }
}
