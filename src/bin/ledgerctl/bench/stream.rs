//! The workload `stream`: orders over AppendEventsStream, many on their way before their answers come.
//!
//! Each connection has one stream and its share of the places. Requests that may go out at the same
//! moment share a message. Answers come in the order of the requests, so the one that was sent first is
//! the one that is answered.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::uri::PathAndQuery;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use super::arguments::BenchArguments;
use super::load::arrivals::Arrival;
use super::load::raw::RawCodec;
use super::load::session::{Measured, Session, measure};
use super::load::shallow;
use super::load::tally::Answer;
use super::load::template::Template;
use super::load::unary::{Messages as _, answer_of};
use super::target::{APPEND_STREAM, Target};
use crate::outcome::CommandError;

/// Messages that wait to be taken by the connection.
const MESSAGES_MAX: usize = 64;
/// Key of `AppendEventsStreamRequest.requests`, a field of bytes.
const REQUESTS_KEY: u8 = 1 << 3 | 2;
/// Fields of `AppendEventsStreamResponse`, `AppendEventsOutcome` and `AppendEventsError`.
const OUTCOMES: u64 = 1;
const ERROR: u64 = 3;
const ERROR_CODE_KEY: u8 = 1 << 3;

/// Signs the agreements, then measures.
pub(crate) async fn run(
    target: &Target,
    arguments: &BenchArguments,
) -> Result<Measured, CommandError> {
    target.set_up(target.run.signatures(arguments.agreements)).await?;
    let BenchArguments { agreements, event_bytes, .. } = *arguments;
    let orders = target.run.orders(agreements, arguments.events_per_request(), event_bytes);
    let _beside = target.beside(arguments).await?;
    let places = (arguments.in_flight() / target.connections.len()).max(1);
    let load = arguments.load();
    let measured = measure(&load, |session| {
        let mut senders = JoinSet::new();
        for (place, channel) in target.connections.iter().enumerate() {
            let pipe = Pipe {
                place,
                session: session.clone(),
                orders: orders.clone(),
                sent: Arc::default(),
                free: Arc::new(Semaphore::new(places)),
                requests_max: usize::from(arguments.requests_per_message),
            };
            senders.spawn(pipe.run(channel.clone()));
        }
        senders
    });
    Ok(measured.await)
}

/// One stream.
#[derive(Clone)]
struct Pipe {
    place: usize,
    session: Arc<Session>,
    orders: Arc<Vec<Template>>,
    /// Requests without an answer: when each was due, and how many events it has.
    sent: Arc<Mutex<VecDeque<(Instant, u64)>>>,
    free: Arc<Semaphore>,
    requests_max: usize,
}

impl Pipe {
    async fn run(self, channel: Channel) {
        let (messages, outgoing) = mpsc::channel(MESSAGES_MAX);
        let sending = tokio::spawn(self.clone().send(messages));
        let ended = self.receive(channel, outgoing).await;
        sending.abort();
        if let Err(status) = ended {
            let answer = Answer::Failed(status.to_string());
            self.session.answered(self.place, answer, Instant::now());
        }
    }

    /// Sends what is due while there are places. The stream ends when there is no further call.
    async fn send(self, messages: mpsc::Sender<Bytes>) {
        loop {
            let Ok(place) = self.free.acquire().await else { return };
            let Some(first) = self.session.next().await else { return };
            place.forget();
            let mut message = BytesMut::new();
            self.add(&mut message, first);
            for _ in 1..self.requests_max {
                let Ok(place) = self.free.try_acquire() else { break };
                let Some(more) = self.session.next_due() else { break };
                place.forget();
                self.add(&mut message, more);
            }
            if messages.send(message.freeze()).await.is_err() {
                return;
            }
        }
    }

    fn add(&self, message: &mut BytesMut, arrival: Arrival) {
        let (request, events) = self.orders.message(arrival.number);
        message.put_u8(REQUESTS_KEY);
        let length = u64::try_from(request.len()).unwrap_or(u64::MAX);
        prost::encoding::encode_varint(length, message);
        message.extend_from_slice(&request);
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.push_back((arrival.intended, events));
    }

    async fn receive(
        &self,
        channel: Channel,
        outgoing: mpsc::Receiver<Bytes>,
    ) -> Result<(), Status> {
        let mut grpc = Grpc::new(channel);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::from_static(APPEND_STREAM);
        let outgoing = Request::new(ReceiverStream::new(outgoing));
        let mut answers = grpc.streaming(outgoing, path, RawCodec).await?.into_inner();
        while let Some(message) = answers.message().await? {
            let mut answered = 0;
            for outcome in shallow::fields(&message).filter(|field| field.number == OUTCOMES) {
                answered += 1;
                let first = self.sent.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some((intended, events)) = first else {
                    return Err(Status::internal("there are more answers than requests"));
                };
                let answer = answer_in(outcome.bytes, events);
                self.session.answered(self.place, answer, intended);
            }
            self.free.add_permits(answered);
        }
        match self.sent.lock().unwrap_or_else(PoisonError::into_inner).len() {
            0 => Ok(()),
            missing => Err(Status::internal(format!("{missing} requests have no answer"))),
        }
    }
}

/// What an outcome says.
fn answer_in(outcome: &[u8], events: u64) -> Answer {
    let Some(error) = shallow::first(outcome, ERROR) else {
        let bytes = u64::try_from(outcome.len()).unwrap_or(u64::MAX);
        return Answer::Accepted { events, bytes };
    };
    let code = match error {
        [ERROR_CODE_KEY, code, ..] => Code::from(i32::from(*code)),
        _ => Code::Unknown,
    };
    answer_of(&Status::new(code, "in the answer to one request of a stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_an_answer_or_an_error_with_its_code() {
        // request_id "a", then answer {agreement_version: 1}, or error {code: 9} or {code: 14}.
        let accepted = [0x0a, 1, b'a', 0x12, 2, 0x10, 1];
        assert_eq!(answer_in(&accepted, 3), Answer::Accepted { events: 3, bytes: 7 });
        let refused = [0x0a, 1, b'a', 0x1a, 2, 0x08, 9];
        assert_eq!(answer_in(&refused, 3), Answer::Refused);
        let overloaded = [0x0a, 1, b'a', 0x1a, 2, 0x08, 14];
        assert_eq!(answer_in(&overloaded, 3), Answer::Overloaded);
    }
}
