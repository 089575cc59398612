//! Answers made of stored records: byte for byte what the decoded records encode to, with every filter,
//! and told as damaged where they are.

use bytes::{Buf as _, Bytes};
use contract_ledger::grpc::ServiceLimits;
use contract_ledger::wire::event_type::event_type;
use contract_ledger::wire::stored::{self, StoredEntry};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::record::Entry;
use contract_ledger::wire::v1::subscribe_events_response::Message as Told;
use prost::Message;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

use super::support::events::*;
use super::support::processes::opening;
use super::support::{Served, Setting, told};

const RECORDS_MAX: usize = 7;
const BYTES_MAX: usize = 2000;

/// Sends messages, and gives what comes back as it came.
struct Plain<M>(std::marker::PhantomData<M>);

impl<M: Message + 'static> Codec for Plain<M> {
    type Encode = M;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self(self.0)
    }

    fn decoder(&mut self) -> Self {
        Self(self.0)
    }
}

impl<M: Message> Encoder for Plain<M> {
    type Item = M;
    type Error = Status;

    fn encode(&mut self, item: M, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(target).unwrap();
        Ok(())
    }
}

impl<M> Decoder for Plain<M> {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let bytes = source.remaining();
        Ok(Some(source.copy_to_bytes(bytes)))
    }
}

async fn call<M: Message + 'static>(
    served: &Served,
    method: &str,
    request: M,
) -> tonic::Streaming<Bytes> {
    let mut client = tonic::client::Grpc::new(served.channel.clone());
    client.ready().await.unwrap();
    let path = format!("/contractledger.v1.LedgerService/{method}").parse().unwrap();
    let codec = Plain(std::marker::PhantomData);
    client.server_streaming(tonic::Request::new(request), path, codec).await.unwrap().into_inner()
}

async fn read(served: &Served, request: v1::ReadEventsRequest) -> Vec<Bytes> {
    let mut answer = call(served, "ReadEvents", request).await;
    let mut messages = Vec::new();
    while let Some(message) = answer.message().await.unwrap() {
        messages.push(message);
    }
    messages
}

fn setting() -> Setting {
    let service = ServiceLimits {
        read_records_per_message_max: RECORDS_MAX,
        read_bytes_per_message_max: BYTES_MAX,
        ..ServiceLimits::default()
    };
    Setting { service, ..Setting::default() }
}

/// Two agreements with several kinds of events, refusals among them, and requests of many events.
async fn filled() -> Served {
    let served = Served::with(setting());
    for agreement in ["a", "b"] {
        served.append(agreement, sign("1000")).await.unwrap();
        for number in 0..12 {
            let id = format!("O{number}");
            served.append(agreement, intent("2024-01-01", order(&id, "1"))).await.unwrap();
            let over = intent("2024-01-01", order(&format!("X{number}"), "5000"));
            served.append(agreement, over).await.unwrap_err();
            let documents = vec![
                fact("2024-01-02", invoice(&format!("I{number}"), &id, "1")),
                fact("2024-01-03", pay(&format!("P{number}"), &format!("I{number}"), "1")),
            ];
            served.send(request(agreement, documents)).await.unwrap();
        }
    }
    served
}

fn is_asked_for(record: &v1::Record, request: &v1::ReadEventsRequest) -> bool {
    let of_agreement =
        request.agreement_id.is_empty() || request.agreement_id == record.agreement_id;
    let of_type = match record.entry.as_ref().unwrap() {
        Entry::Event(recorded) => {
            let number = i32::from(event_type(recorded.event.as_ref().unwrap()));
            request.types.is_empty() || request.types.contains(&number)
        }
        Entry::Refusal(_) => request.types.is_empty() && !request.exclude_refusals,
    };
    of_agreement && of_type
}

/// The answer, made of decoded records.
fn made(log: &[v1::Record], request: &v1::ReadEventsRequest) -> Vec<v1::ReadEventsResponse> {
    let captured_record_count = u64::try_from(log.len()).unwrap();
    let is_backwards = request.direction == i32::from(v1::ReadDirection::Backwards);
    let in_order: Vec<&v1::Record> = if is_backwards {
        let from = request.from_position.unwrap_or(u64::MAX);
        log.iter().rev().filter(|record| record.position <= from).collect()
    } else {
        let from = request.from_position.unwrap_or(0);
        log.iter().filter(|record| record.position >= from).collect()
    };
    let asked_for: Vec<_> =
        in_order.into_iter().filter(|record| is_asked_for(record, request)).collect();
    let records_max = match request.records_max {
        0 => usize::MAX,
        records_max => usize::try_from(records_max).unwrap(),
    };
    let empty = v1::ReadEventsResponse { captured_record_count, ..Default::default() };
    let mut messages = vec![empty.clone()];
    for record in asked_for.iter().take(records_max) {
        let held = &messages.last().unwrap().records;
        let bytes: usize = held.iter().map(Message::encoded_len).sum();
        let is_full = held.len() == RECORDS_MAX || bytes + record.encoded_len() > BYTES_MAX;
        if is_full && !held.is_empty() {
            messages.push(empty.clone());
        }
        let message = messages.last_mut().unwrap();
        message.next_position = if is_backwards {
            record.position.checked_sub(1)
        } else {
            Some(record.position + 1).filter(|next| *next < captured_record_count)
        };
        message.records.push((*record).clone());
    }
    if asked_for.len() < records_max {
        messages.last_mut().unwrap().next_position = None;
    }
    messages
}

#[tokio::test]
async fn what_is_read_is_the_encoding_of_the_decoded_records_with_every_filter() {
    let served = filled().await;
    let log = served.records().await;
    assert_eq!(log.len(), 98);
    let (mut messages, mut requests) = (0, 0);
    let orders = vec![v1::EventType::OrderPlaced.into(), v1::EventType::InvoicePaid.into()];
    for direction in [v1::ReadDirection::Forwards, v1::ReadDirection::Backwards] {
        for agreement_id in ["", "b", "nobody"] {
            for types in [vec![], orders.clone(), vec![v1::EventType::OptionDeclined.into()]] {
                for exclude_refusals in [false, true] {
                    for (from_position, records_max) in
                        [(None, 0), (Some(50), 0), (Some(97), 3), (None, 9), (Some(4000), 0)]
                    {
                        let request = v1::ReadEventsRequest {
                            direction: direction.into(),
                            from_position,
                            agreement_id: agreement_id.to_owned(),
                            types: types.clone(),
                            records_max,
                            exclude_refusals,
                        };
                        let read = read(&served, request.clone()).await;
                        let made: Vec<Bytes> = made(&log, &request)
                            .iter()
                            .map(|message| Bytes::from(message.encode_to_vec()))
                            .collect();
                        assert_eq!(read, made, "{request:?}");
                        messages += made.len();
                        requests += 1;
                    }
                }
            }
        }
    }
    assert!(messages > 2 * requests, "{messages} messages of {requests} requests");
    served.stop().await;
}

#[tokio::test]
async fn a_subscription_sends_the_encoding_of_the_decoded_records() {
    let served = filled().await;
    let log = served.records().await;
    let types = vec![v1::EventType::InvoicePaid.into()];
    for (types, exclude_refusals, agreement_id) in [
        (vec![], false, ""),
        (vec![], true, ""),
        (types.clone(), false, ""),
        (types, false, "b"),
        (vec![], false, "a"),
    ] {
        let request = v1::SubscribeEventsRequest {
            from_position: Some(0),
            agreement_id: agreement_id.to_owned(),
            types: types.clone(),
            exclude_refusals,
        };
        let mut answer = call(&served, "SubscribeEvents", request).await;
        let mut records = Vec::new();
        loop {
            let bytes = answer.message().await.unwrap().unwrap();
            let message = v1::SubscribeEventsResponse::decode(bytes.clone()).unwrap();
            assert_eq!(bytes, message.encode_to_vec());
            assert_eq!(message.record_count, 98);
            match message.message.unwrap() {
                Told::Records(sent) => records.extend(sent.records),
                Told::CaughtUp(_) => break,
                Told::Checkpoint(checkpoint) => assert!(checkpoint.recorded_time.is_some()),
                Told::FellBehind(_) => panic!("nothing is appended"),
            }
        }
        let filter = v1::ReadEventsRequest {
            agreement_id: agreement_id.to_owned(),
            types,
            exclude_refusals,
            ..Default::default()
        };
        let expected = log.iter().filter(|record| is_asked_for(record, &filter));
        assert_eq!(records, expected.cloned().collect::<Vec<_>>(), "{filter:?}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_look_at_a_record_tells_what_it_decodes_to() {
    let served = filled().await;
    for record in served.records().await {
        let bytes = Bytes::from(record.encode_to_vec());
        let look = stored::look(&bytes).unwrap();
        assert_eq!(look.recorded_time, record.recorded_time);
        let (entry, agreement) = match record.entry.unwrap() {
            Entry::Event(recorded) => {
                let event_type = i32::from(event_type(&recorded.event.unwrap()));
                (StoredEntry::Event { event_type }, Some(record.agreement_id))
            }
            Entry::Refusal(_) => (StoredEntry::Refusal, None),
        };
        assert_eq!(look.entry, Some(entry));
        let told = stored::agreement_of_event(bytes.clone()).unwrap();
        assert_eq!(told.map(|id| id.to_string()), agreement);
        assert!(stored::look(&bytes[..bytes.len() - 1]).is_err(), "a record that is cut short");
    }
    assert_eq!(stored::look(&[]).unwrap().entry, None);
    served.stop().await;
}

#[tokio::test]
async fn a_damaged_block_ends_a_reading_behind_the_whole_ones() {
    let served = Served::start();
    served.append("a", sign("1000000")).await.unwrap();
    // A start reads the newest 64 blocks and the newest 512 records.
    for number in 0..600 {
        let placing = intent("2024-01-01", order(&format!("O{number}"), "1"));
        served.append("a", placing).await.unwrap();
    }
    let folder = served.stop().await;
    let store = folder.path().join("sled");
    let store = opening(|| sled::Config::new().path(store).open()).unwrap();
    let blocks = store.open_tree("blocks").unwrap();
    let key = 50_u64.to_be_bytes();
    let mut block = blocks.get(key).unwrap().unwrap().to_vec();
    block[99] ^= 1;
    blocks.insert(key, block).unwrap();
    store.flush().unwrap();
    drop((blocks, store));
    let served = Served::without_archive(folder, Setting::default());
    for (direction, expected) in
        [(v1::ReadDirection::Forwards, 50), (v1::ReadDirection::Backwards, 550)]
    {
        for agreement_id in ["", "a"] {
            let request = v1::ReadEventsRequest {
                direction: direction.into(),
                agreement_id: agreement_id.to_owned(),
                ..Default::default()
            };
            let mut answer = served.ledger().read_events(request).await.unwrap().into_inner();
            let mut records = 0;
            let failure = loop {
                match answer.message().await {
                    Ok(message) => records += message.unwrap().records.len(),
                    Err(failure) => break told(&failure),
                }
            };
            assert_eq!(records, expected, "{direction:?} {agreement_id}");
            let reason = (failure.code, failure.reason.as_str());
            assert_eq!(reason, (Code::DataLoss, "STORED_DATA_DAMAGED"));
            assert_eq!(failure.metadata["position"], "50");
        }
    }
    served.stop().await;
}
