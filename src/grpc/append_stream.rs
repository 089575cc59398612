//! AppendEventsStream: many requests on their way, answered in their order.
//!
//! Two halves run side by side in one task: one takes requests in, in order, and puts them in the
//! writer's queue; the other answers, in the same order. A window bounds how many are between them:
//! once it is full, the stream is read no further until answers are taken. It must not know what an
//! answer is made of.

use prost::Message as _;
use tokio::sync::{Semaphore, mpsc};
use tonic::{Status, Streaming};

use super::append::{Appender, Looked, LookedUp, Outcome, Receipts};
use super::error_layer::detailed;
use super::live::{Ended, LiveSender, Watcher};
use super::status;
use super::stream::Filling;
use crate::domain::id::Position;
use crate::ledger::queue::PendingOutcome;
use crate::wire::parse::AppendCommand;
use crate::wire::v1;
use crate::wire::v1::append_events_outcome::Outcome as Told;

type Requests = Streaming<v1::AppendEventsStreamRequest>;
type Sender = LiveSender<v1::AppendEventsStreamResponse>;

/// One stream.
pub(super) struct AppendStream {
    appender: Appender,
    window: Semaphore,
}

/// A request between the half that takes in and the half that answers.
struct InFlight {
    request_id: String,
    receipts: Receipts,
    state: State,
}

enum State {
    /// The writer has it.
    Pending(PendingOutcome),
    /// It was answered before; its first answer is made again when its turn comes.
    Answered(Box<AppendCommand>, Position),
    /// It is malformed, or cannot be looked up.
    Failed(Box<Status>),
}

/// A request that has its outcome.
struct Decided {
    request_id: String,
    receipts: Receipts,
    outcome: Result<Outcome, Box<Status>>,
}

impl AppendStream {
    pub(super) fn new(appender: Appender) -> Self {
        let window = Semaphore::new(appender.limits.append_stream_in_flight_max);
        Self { appender, window }
    }

    /// Answers until the client has sent everything, a message cannot be read, or the server stops.
    /// What is taken in by then is still answered.
    pub(super) async fn run(self, requests: Requests, sender: Sender) -> Result<(), Ended> {
        // As long as the window lets it be.
        let (taken, in_flight) = mpsc::unbounded_channel();
        let taking = self.take_in(requests, taken, sender.watcher());
        let answering = self.answer_all(in_flight, sender);
        let (intake, answered) = tokio::join!(taking, answering);
        answered?;
        intake
    }

    /// Ends well once the client has sent everything, or nobody answers any more.
    async fn take_in(
        &self,
        mut requests: Requests,
        taken: mpsc::UnboundedSender<InFlight>,
        mut watcher: Watcher,
    ) -> Result<(), Ended> {
        loop {
            let next = tokio::select! {
                biased;
                () = taken.closed() => return Ok(()),
                next = watcher.or_stopping(requests.message()) => next?,
            };
            let message = match next {
                Ok(Some(message)) => message,
                Ok(None) => return Ok(()),
                // What cannot be decoded is told; a client that has broken off hears nothing.
                Err(bare) => {
                    return Err(detailed(&bare, self.appender.limits.message_bytes_max).into());
                }
            };
            for request in message.requests {
                let place = tokio::select! {
                    biased;
                    () = taken.closed() => return Ok(()),
                    place = watcher.or_stopping(self.window.acquire()) => place?,
                };
                // Given back with the answer.
                place.expect("the window is never closed").forget();
                if taken.send(self.take(request).await).is_err() {
                    return Ok(());
                }
            }
        }
    }

    async fn take(&self, request: v1::AppendEventsRequest) -> InFlight {
        let request_id = request.request_id.clone();
        match self.appender.look_up(request).await {
            Ok(Looked { request: LookedUp::New(command, lookup), receipts }) => {
                let pending = self.appender.submit(command, lookup).await;
                InFlight { request_id, receipts, state: State::Pending(pending) }
            }
            Ok(Looked { request: LookedUp::Answered(command, first), receipts }) => {
                InFlight { request_id, receipts, state: State::Answered(command, first) }
            }
            Err(failure) => {
                let state = State::Failed(Box::new(failure));
                InFlight { request_id, receipts: Receipts::Unasked, state }
            }
        }
    }

    async fn answer_all(
        &self,
        mut in_flight: mpsc::UnboundedReceiver<InFlight>,
        mut sender: Sender,
    ) -> Result<(), Ended> {
        let mut undecided = None;
        loop {
            let first = match undecided.take() {
                Some(first) => first,
                None => match in_flight.recv().await {
                    Some(first) => first,
                    None => return Ok(()),
                },
            };
            let mut decided = vec![self.wait_for(first).await];
            // Whatever else is decided by now shares its messages.
            while decided.len() < self.appender.limits.read_records_per_message_max
                && undecided.is_none()
                && let Ok(next) = in_flight.try_recv()
            {
                match next.at_hand() {
                    Ok(next) => decided.push(next),
                    Err(next) => undecided = Some(*next),
                }
            }
            self.answer(decided, &mut sender).await?;
        }
    }

    async fn wait_for(&self, in_flight: InFlight) -> Decided {
        let InFlight { request_id, receipts, state } = in_flight;
        let outcome = match state {
            State::Pending(pending) => Ok(pending.outcome().await),
            State::Answered(command, first) => {
                self.appender.repeat(command, first).await.map_err(Box::new)
            }
            State::Failed(failure) => Err(failure),
        };
        Decided { request_id, receipts, outcome }
    }

    /// Sends the answers, in messages of bounded size.
    async fn answer(&self, decided: Vec<Decided>, sender: &mut Sender) -> Result<(), Ended> {
        let mut filling = Filling::new(&self.appender.limits);
        let mut message = v1::AppendEventsStreamResponse::default();
        for outcome in self.outcomes(decided).await {
            if filling.must_send_before(outcome.encoded_len()) {
                self.send(std::mem::take(&mut message), sender).await?;
            }
            message.outcomes.push(outcome);
        }
        self.send(message, sender).await
    }

    async fn send(
        &self,
        message: v1::AppendEventsStreamResponse,
        sender: &mut Sender,
    ) -> Result<(), Ended> {
        let answered = message.outcomes.len();
        sender.send_answer(message).await?;
        self.window.add_permits(answered);
        Ok(())
    }

    /// What is told of each, with all receipts of these requests under one checkpoint.
    async fn outcomes(&self, decided: Vec<Decided>) -> Vec<v1::AppendEventsOutcome> {
        let mut wanted = Vec::with_capacity(decided.len());
        let mut outcomes = Vec::with_capacity(decided.len());
        for Decided { request_id, receipts, outcome } in decided {
            let answered = match outcome {
                Ok(outcome) => self.appender.answered(outcome),
                Err(failure) => Err(*failure),
            };
            let told = match answered {
                Ok(response) => Told::Answer(response),
                Err(failure) => Told::Error(status::in_place(&failure)),
            };
            wanted.push(receipts);
            outcomes.push(v1::AppendEventsOutcome { request_id, outcome: Some(told) });
        }
        let mut receipted: Vec<_> = outcomes
            .iter_mut()
            .zip(wanted)
            .filter(|(_, receipts)| *receipts == Receipts::Wanted)
            .filter_map(|(outcome, _)| match &mut outcome.outcome {
                Some(Told::Answer(response)) => Some(response),
                Some(Told::Error(_)) | None => None,
            })
            .collect();
        if !receipted.is_empty() {
            self.appender.add_receipts(&mut receipted).await;
        }
        outcomes
    }
}

impl InFlight {
    /// Its outcome, when that takes no waiting.
    fn at_hand(self) -> Result<Decided, Box<Self>> {
        let Self { request_id, receipts, state } = self;
        match state {
            State::Pending(pending) => match pending.at_hand() {
                Ok(outcome) => Ok(Decided { request_id, receipts, outcome: Ok(outcome) }),
                Err(pending) => {
                    Err(Box::new(Self { request_id, receipts, state: State::Pending(pending) }))
                }
            },
            State::Failed(failure) => Ok(Decided { request_id, receipts, outcome: Err(failure) }),
            State::Answered(..) => Err(Box::new(Self { request_id, receipts, state })),
        }
    }
}
