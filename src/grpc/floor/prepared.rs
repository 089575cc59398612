//! Messages of records that are encoded once, before anybody asks.

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::encode_varint;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use crate::grpc::ServiceLimits;
use crate::wire::v1;

/// Bytes of one prepared record: what an order takes in the log of a municipality.
pub(super) const RECORD_BYTES: usize = 400;
/// Bytes of what a record has beside its text.
const RECORD_REST_BYTES_MAX: usize = 200;
/// Key of `ReadEventsResponse.records`, a field of bytes.
const RECORDS_KEY: u8 = 1 << 3 | 2;

/// One full message of records; a shorter one is its beginning.
#[derive(Debug, Clone)]
pub(super) struct PreparedRecords {
    full: Bytes,
    records: u64,
    entry_bytes: usize,
}

impl PreparedRecords {
    /// As many records as the real service would put into one message.
    pub(super) fn new(limits: &ServiceLimits) -> Self {
        let record = record().encode_to_vec();
        let mut entry = BytesMut::new();
        entry.put_u8(RECORDS_KEY);
        encode_varint(u64::try_from(record.len()).unwrap_or(u64::MAX), &mut entry);
        entry.extend_from_slice(&record);
        let by_bytes = limits.read_bytes_per_message_max / entry.len();
        let records = limits.read_records_per_message_max.min(by_bytes).max(1);
        Self {
            full: entry.repeat(records).into(),
            records: u64::try_from(records).unwrap_or(u64::MAX),
            entry_bytes: entry.len(),
        }
    }

    /// Messages with so many records in all.
    pub(super) fn messages(self, records: u64) -> impl Iterator<Item = Bytes> + Send + 'static {
        let (full, rest) = (records / self.records, records % self.records);
        let last = usize::try_from(rest).unwrap_or_default().saturating_mul(self.entry_bytes);
        let last = (rest > 0).then(|| self.full.slice(..last));
        // Counted by hand: a repetition of more than a usize is not known to the standard library.
        let fulls = (0..full).map(move |_| self.full.clone());
        fulls.chain(last)
    }
}

fn record() -> v1::Record {
    let of_text = |text: String| {
        let order = v1::OrderPlaced { description: text, ..Default::default() };
        let event = v1::Event {
            effective_date: "2025-01-01".to_owned(),
            admission_mode: v1::AdmissionMode::Intent.into(),
            payload: Some(v1::event::Payload::OrderPlaced(order)),
            ..Default::default()
        };
        let recorded = v1::RecordedEvent {
            agreement_version: 1,
            event_id: uuid::Uuid::nil().to_string(),
            r#type: v1::EventType::OrderPlaced.into(),
            schema_version: 1,
            request_index: 0,
            event: Some(event),
        };
        v1::Record {
            recorded_time: Some(prost_types::Timestamp::default()),
            agreement_id: "floor".to_owned(),
            request_id: uuid::Uuid::nil().to_string(),
            request_event_count: 1,
            entry: Some(v1::record::Entry::Event(recorded)),
            ..Default::default()
        }
    };
    // Lengths take a byte more as the text grows, so the first guess is put right by the second.
    let text = "x".repeat(RECORD_BYTES - RECORD_REST_BYTES_MAX);
    let missing = RECORD_BYTES.saturating_sub(of_text(text.clone()).encoded_len());
    of_text(text + &"x".repeat(missing))
}

/// Protobuf as of the other services to read, bytes that are a message already to send.
#[derive(Debug, Clone, Copy)]
pub(super) struct PreparedCodec;

impl Codec for PreparedCodec {
    type Encode = Bytes;
    type Decode = v1::ReadEventsRequest;
    type Encoder = PreparedEncoder;
    type Decoder = RequestDecoder;

    fn encoder(&mut self) -> PreparedEncoder {
        PreparedEncoder
    }

    fn decoder(&mut self) -> RequestDecoder {
        RequestDecoder
    }
}

/// Writes a message that is encoded already.
#[derive(Debug)]
pub(super) struct PreparedEncoder;

impl Encoder for PreparedEncoder {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

/// Reads the question.
#[derive(Debug)]
pub(super) struct RequestDecoder;

impl Decoder for RequestDecoder {
    type Item = v1::ReadEventsRequest;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let decoded = v1::ReadEventsRequest::decode(source);
        decoded.map(Some).map_err(|error| Status::invalid_argument(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(records: u64) -> Vec<usize> {
        let limits = ServiceLimits { read_records_per_message_max: 4, ..Default::default() };
        let messages = PreparedRecords::new(&limits).messages(records);
        let decoded = messages.map(|bytes| v1::ReadEventsResponse::decode(bytes).unwrap());
        decoded.map(|message| message.records.len()).collect()
    }

    #[test]
    fn as_many_records_as_asked_for_come_in_full_messages_and_a_rest() {
        assert_eq!(counts(0), [0; 0]);
        assert_eq!(counts(1), [1]);
        assert_eq!(counts(4), [4]);
        assert_eq!(counts(9), [4, 4, 1]);
    }

    #[test]
    fn a_record_has_the_bytes_that_it_should_have() {
        let bytes = record().encoded_len();
        assert!((RECORD_BYTES..RECORD_BYTES + 4).contains(&bytes), "{bytes}");
    }

    #[test]
    fn a_message_is_bounded_by_bytes_too() {
        let limits = ServiceLimits { read_bytes_per_message_max: 1024, ..Default::default() };
        assert_eq!(PreparedRecords::new(&limits).records, 2);
    }
}
