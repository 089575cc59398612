//! LedgerService: reading the log, its head; appending is in `append` and `append_stream`.

use std::time::Instant;

use tonic::{Request, Response, Status, Streaming};

use super::admission::Admission;
use super::append::Appender;
use super::append_stream::AppendStream;
use super::giving_way::GivingWay;
use super::live::{LOOK_RECORDS_MAX, LiveStreams};
use super::stream::{Answers, Filling, Gone, Sender, Streams};
use super::subscription::Subscription;
use super::{ServiceLimits, query, status};
use crate::domain::id::Position;
use crate::ledger::Ledger;
use crate::ledger::read::{Direction, Looked, ReadQuery, Records, Refusals};
use crate::wire::parse::{Violations, malformed};
use crate::wire::record::timestamp;
use crate::wire::stored::{ReadEventsAnswer, SubscribeEventsAnswer};
use crate::wire::v1;

/// The service.
#[derive(Debug)]
pub(super) struct LedgerApi {
    pub(super) ledger: Ledger,
    pub(super) limits: ServiceLimits,
    pub(super) appender: Appender,
    pub(super) admission: Admission,
    pub(super) streams: Streams,
    pub(super) live: LiveStreams,
}

#[tonic::async_trait]
impl v1::ledger_service_server::LedgerService for LedgerApi {
    async fn append_events(
        &self,
        request: Request<v1::AppendEventsRequest>,
    ) -> Result<Response<v1::AppendEventsResponse>, Status> {
        let _place = self.admission.enter()?;
        self.appender.append(request.into_inner()).await.map(Response::new)
    }

    type AppendEventsStreamStream = Answers<v1::AppendEventsStreamResponse>;

    async fn append_events_stream(
        &self,
        request: Request<Streaming<v1::AppendEventsStreamRequest>>,
    ) -> Result<Response<Self::AppendEventsStreamStream>, Status> {
        let stream = AppendStream::new(self.appender.clone());
        let requests = request.into_inner();
        self.live.open(|sender| stream.run(requests, sender)).map(Response::new)
    }

    type ReadEventsStream = Answers<ReadEventsAnswer>;

    async fn read_events(
        &self,
        request: Request<v1::ReadEventsRequest>,
    ) -> Result<Response<Self::ReadEventsStream>, Status> {
        let request = request.into_inner();
        let records_max = match request.records_max {
            0 => u64::MAX,
            records_max => records_max,
        };
        let query = parse_read(request)?;
        let direction = query.direction;
        let ledger = self.ledger.clone();
        let records = query::blocking(move || ledger.read(query)).await?;
        let way = GivingWay::new(&self.ledger, &self.limits);
        let sending = Sending { records, direction, records_max };
        let filling = Filling::new(&self.limits);
        let answers = self.streams.open(move |sender| sending.run(filling, way, sender))?;
        Ok(Response::new(answers))
    }

    type SubscribeEventsStream = Answers<SubscribeEventsAnswer>;

    async fn subscribe_events(
        &self,
        request: Request<v1::SubscribeEventsRequest>,
    ) -> Result<Response<Self::SubscribeEventsStream>, Status> {
        let query = parse_subscribe(request.into_inner())?;
        let subscription = Subscription::new(&self.ledger, &self.limits, query)?;
        self.live.open(|sender| subscription.follow(sender)).map(Response::new)
    }

    async fn get_head(
        &self,
        _request: Request<v1::GetHeadRequest>,
    ) -> Result<Response<v1::GetHeadResponse>, Status> {
        let ledger = self.ledger.clone();
        let head = query::blocking(move || ledger.newest()).await?;
        let recorded_time = head.newest.map(|(_, recorded)| timestamp(recorded));
        Ok(Response::new(v1::GetHeadResponse {
            record_count: head.record_count,
            head_position: head.newest.map(|(position, _)| position.get()),
            recorded_time,
            root: head.root.as_bytes().to_vec(),
        }))
    }
}

fn parse_read(request: v1::ReadEventsRequest) -> Result<ReadQuery, Status> {
    let v1::ReadEventsRequest {
        direction,
        from_position,
        agreement_id,
        types,
        records_max: _,
        exclude_refusals,
    } = request;
    let mut violations = Violations::default();
    let direction = match v1::ReadDirection::try_from(direction) {
        Ok(v1::ReadDirection::Unspecified | v1::ReadDirection::Forwards) => Direction::Forwards,
        Ok(v1::ReadDirection::Backwards) => Direction::Backwards,
        Err(_) => {
            let text = "must be FORWARDS or BACKWARDS";
            violations.add("direction", malformed::UNKNOWN_ENUM_VALUE, text);
            Direction::Forwards
        }
    };
    let agreement_id = query::agreement_filter(&mut violations, &agreement_id);
    let types = parse_types(&mut violations, types);
    if !violations.is_empty() {
        return Err(status::of_violations(&violations.into_vec()));
    }
    let refusals = if exclude_refusals { Refusals::Excluded } else { Refusals::Included };
    let from = from_position.map(Position::new);
    Ok(ReadQuery { direction, from, agreement_id, types, refusals })
}

fn parse_subscribe(request: v1::SubscribeEventsRequest) -> Result<ReadQuery, Status> {
    let v1::SubscribeEventsRequest { from_position, agreement_id, types, exclude_refusals } =
        request;
    let mut violations = Violations::default();
    let agreement_id = query::agreement_filter(&mut violations, &agreement_id);
    let types = parse_types(&mut violations, types);
    if !violations.is_empty() {
        return Err(status::of_violations(&violations.into_vec()));
    }
    let refusals = if exclude_refusals { Refusals::Excluded } else { Refusals::Included };
    let from = from_position.map(Position::new);
    Ok(ReadQuery { direction: Direction::Forwards, from, agreement_id, types, refusals })
}

fn parse_types(violations: &mut Violations, types: Vec<i32>) -> Vec<v1::EventType> {
    let mut known = Vec::with_capacity(types.len());
    for (index, number) in types.into_iter().enumerate() {
        match v1::EventType::try_from(number) {
            Ok(v1::EventType::Unspecified) | Err(_) => {
                let field = format!("types[{index}]");
                violations.add(&field, malformed::UNKNOWN_ENUM_VALUE, "must be a type of event");
            }
            Ok(known_type) => known.push(known_type),
        }
    }
    known
}

/// Records that are sent as they are read.
struct Sending {
    records: Records,
    direction: Direction,
    records_max: u64,
}

impl Sending {
    /// Sends records in messages of bounded size, and at least one message. Ends early when the reader
    /// has gone.
    fn run(
        mut self,
        mut filling: Filling,
        mut way: GivingWay,
        sender: &Sender<ReadEventsAnswer>,
    ) -> Result<(), Gone> {
        let captured_record_count = self.records.captured();
        let empty = || ReadEventsAnswer { captured_record_count, ..Default::default() };
        let mut message = empty();
        let (mut sent, mut looked) = (0, 0);
        let mut began = Instant::now();
        loop {
            if sent == self.records_max {
                // Full as asked, and there may be more.
                return sender.send(Ok(message));
            }
            let record = match self.records.look() {
                Some(Ok(Looked::AskedFor(record))) => record,
                Some(Ok(Looked::PassedOver(_))) => {
                    looked += 1;
                    if looked == LOOK_RECORDS_MAX {
                        sender.is_wanted()?;
                        way.rest_here_from(began.elapsed());
                        (looked, began) = (0, Instant::now());
                    }
                    continue;
                }
                Some(Err(error)) => {
                    // What was read before the damage still goes out.
                    sender.send(Ok(message))?;
                    return sender.send(Err(status::of_ledger_error(&error)));
                }
                None => break,
            };
            sent += 1;
            if filling.must_send_before(record.bytes.len()) {
                let worked = began.elapsed();
                sender.send(Ok(std::mem::replace(&mut message, empty())))?;
                way.rest_here_from(worked);
                began = Instant::now();
            }
            message.next_position = match self.direction {
                Direction::Forwards => {
                    Some(record.position + 1).filter(|next| *next < captured_record_count)
                }
                Direction::Backwards => record.position.checked_sub(1),
            };
            message.records.push(record.bytes);
        }
        message.next_position = None;
        sender.send(Ok(message))
    }
}
