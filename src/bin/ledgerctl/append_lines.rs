//! The loop behind `append`: many lines on their way at once, one answer a line out in the order of the
//! lines, retries within bounds.
//!
//! It knows neither files nor the network: lines come through a channel, the stream is behind
//! `Appender`, the wait and the place for answers are arguments, so that a test can be each of them.
//! When the stream breaks, the lines without an answer are sent again over the next one; the request
//! ids make that safe.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1::append_events_outcome::Outcome;
use contract_ledger::wire::v1::{
    AppendEventsError, AppendEventsOutcome, AppendEventsRequest, AppendEventsResponse,
    AppendEventsStreamRequest, AppendEventsStreamResponse,
};
use prost::Message as _;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use crate::failure::Failure;

/// How often one request is sent, the first time included. The request id makes that safe.
pub(crate) const SENDS_MAX: u32 = 6;
/// Lines that may be without an answer at once.
pub(crate) const IN_FLIGHT_MAX: usize = 512;
/// Longest wait for an answer before nobody is taken to answer any more.
pub(crate) const ANSWER_WAIT_MS_MAX: u64 = 60_000;
/// Longest wait before a request is sent again, also when the server asks for more.
pub(crate) const RETRY_WAIT_MS_MAX: u64 = 10_000;
/// Wait before a request is sent again when nobody answered.
pub(crate) const UNANSWERED_WAIT_MS: u64 = 500;
/// Why a stream ends whose answers were not taken for a while, as when a pager holds the output up.
const STREAM_CUT_OFF: &str = "STREAM_CUT_OFF";

/// How many lines went which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Lines that the ledger accepted.
    pub(crate) accepted: u64,
    /// Lines that it refused, or that were no request.
    pub(crate) failed: u64,
}

/// Something read from the input.
#[derive(Debug)]
pub(crate) enum Input {
    /// A line that is not blank.
    Line(Line),
    /// The input cannot be read on.
    Unreadable(io::Error),
}

/// A line and where it stands.
#[derive(Debug)]
pub(crate) struct Line {
    /// Number in the input, from 1.
    pub(crate) number: u64,
    /// Bytes of the input up to its end.
    pub(crate) bytes_read: u64,
    /// The request, or why it is none.
    pub(crate) request: Result<AppendEventsRequest, String>,
}

/// The answer to one line of the input.
#[derive(Debug)]
pub(crate) struct LineAnswer {
    /// Number of the line in the input, from 1.
    pub(crate) line: u64,
    /// Bytes of the input up to the end of the line.
    pub(crate) bytes_read: u64,
    /// What the ledger said.
    pub(crate) result: Result<AppendEventsResponse, Box<Failure>>,
}

impl LineAnswer {
    /// The answer as one line of JSON.
    pub(crate) fn json(&self) -> String {
        #[derive(Serialize)]
        struct FailedLine<'a> {
            line: u64,
            ok: bool,
            #[serde(flatten)]
            failure: &'a Failure,
        }
        match &self.result {
            Ok(response) => {
                format!(r#"{{"line":{},"ok":true,"response":{}}}"#, self.line, to_json(response))
            }
            Err(failure) => {
                serde_json::to_string(&FailedLine { line: self.line, ok: false, failure })
                    .expect("a failure has string keys only")
            }
        }
    }
}

/// Why the loop ended before the input did.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendStopped {
    /// The input cannot be read.
    #[error("the input cannot be read")]
    Input(#[source] io::Error),
    /// An answer cannot be written; the request of that line, and some after it, were sent.
    #[error("the answer cannot be written")]
    Output(#[source] io::Error),
    /// Nobody answers any more.
    #[error("nobody answered line {line} after {SENDS_MAX} attempts; those after it are open too")]
    Unanswered {
        /// The first line whose outcome is open.
        line: u64,
    },
    /// An answer is not to the request that it should be to.
    #[error("the answer to line {line} was to another request")]
    OutOfOrder {
        /// The line.
        line: u64,
    },
}

/// Opens streams to the ledger.
pub(crate) trait Appender {
    /// The answers of a stream.
    type Answers: Stream<Item = Result<AppendEventsStreamResponse, Status>> + Unpin;

    /// Opens a stream over these requests.
    async fn open(
        &mut self,
        requests: mpsc::Receiver<AppendEventsStreamRequest>,
    ) -> Result<Self::Answers, Status>;
}

/// How the input ended.
enum InputEnd {
    Whole,
    Cut(io::Error),
}

/// Lines on their way, and what became of those before them.
struct Run<'a, A> {
    inputs: &'a mut mpsc::Receiver<Input>,
    /// Lines without an answer, in order; also those that are no request.
    in_flight: VecDeque<Line>,
    input_end: Option<InputEnd>,
    /// How often the first line in flight was sent in vain.
    sends: u32,
    /// How long an answer is waited for.
    answer_wait: Duration,
    /// When the newest answer came, or something was first to be answered.
    heard: Instant,
    tally: Tally,
    answer: &'a mut A,
}

/// Sends every line in order, and tells the answer to each in that order. A server that says nothing for
/// `answer_wait`, while a line has no answer, is taken to answer no more.
pub(crate) async fn append_lines<S: Appender, A>(
    inputs: &mut mpsc::Receiver<Input>,
    appender: &mut S,
    answer_wait: Duration,
    wait: &mut impl AsyncFnMut(Duration),
    answer: &mut A,
) -> Result<Tally, AppendStopped>
where
    A: FnMut(&LineAnswer) -> io::Result<()>,
{
    let mut run = Run {
        inputs,
        in_flight: VecDeque::new(),
        input_end: None,
        sends: 0,
        answer_wait,
        heard: Instant::now(),
        tally: Tally::default(),
        answer,
    };
    loop {
        run.answer_malformed()?;
        if run.in_flight.is_empty() {
            match run.input_end {
                None => {
                    let input = run.inputs.recv().await;
                    run.take_input(input);
                    continue;
                }
                Some(InputEnd::Whole) => return Ok(run.tally),
                Some(InputEnd::Cut(error)) => return Err(AppendStopped::Input(error)),
            }
        }
        let Some(failure) = run.stream_once(appender).await? else { continue };
        run.sends += 1;
        match pause_before_next(&failure) {
            Some(pause) if run.sends < SENDS_MAX => wait(pause).await,
            Some(_) | None => run.give_up(failure)?,
        }
    }
}

impl<A> Run<'_, A>
where
    A: FnMut(&LineAnswer) -> io::Result<()>,
{
    /// Sends over one stream; returns how it broke at the first line without an answer, or nothing
    /// when no line is without one.
    async fn stream_once<S: Appender>(
        &mut self,
        appender: &mut S,
    ) -> Result<Option<Box<Failure>>, AppendStopped> {
        // As long as the window, so that a line in the window always has room.
        let (sender, requests) = mpsc::channel(IN_FLIGHT_MAX);
        for line in &self.in_flight {
            send(&sender, line);
        }
        let mut sender = self.input_end.is_none().then_some(sender);
        self.heard = Instant::now();
        let opened = tokio::time::timeout_at(self.answer_due(), appender.open(requests)).await;
        let mut answers = match opened {
            Ok(Ok(answers)) => answers,
            Ok(Err(status)) => return Ok(Some(Box::new(Failure::of_status(&status)))),
            Err(_) => return Ok(Some(unanswered("the server does not answer"))),
        };
        loop {
            self.answer_malformed()?;
            if self.in_flight.is_empty() && self.input_end.is_some() {
                return Ok(None);
            }
            let (is_awaited, due) = (!self.in_flight.is_empty(), self.answer_due());
            let room = self.input_end.is_none() && self.in_flight.len() < IN_FLIGHT_MAX;
            tokio::select! {
                input = self.inputs.recv(), if room => {
                    if let (Some(line), Some(sender)) = (self.take_input(input), &sender) {
                        send(sender, line);
                    }
                    if self.input_end.is_some() {
                        sender = None;
                    }
                }
                answer = answers.next() => {
                    let failure = match answer {
                        Some(Ok(message)) => self.take_answers(message)?,
                        Some(Err(status)) => Some(Box::new(Failure::of_status(&status))),
                        None => Some(unanswered("the server ended the stream before every answer")),
                    };
                    if let Some(failure) = failure {
                        // With nothing on its way, nothing has failed.
                        return Ok((!self.in_flight.is_empty()).then_some(failure));
                    }
                }
                () = tokio::time::sleep_until(due), if is_awaited => {
                    return Ok(Some(unanswered("the server does not answer")));
                }
            }
        }
    }

    fn answer_due(&self) -> Instant {
        self.heard + self.answer_wait
    }

    /// Takes in what was read; returns the line that is to be sent.
    fn take_input(&mut self, input: Option<Input>) -> Option<&Line> {
        match input {
            Some(Input::Line(line)) => {
                if self.in_flight.is_empty() {
                    self.heard = Instant::now();
                }
                self.in_flight.push_back(line);
                return self.in_flight.back();
            }
            Some(Input::Unreadable(error)) => self.input_end = Some(InputEnd::Cut(error)),
            None => self.input_end = Some(InputEnd::Whole),
        }
        None
    }

    /// Tells the answers. Returns what one of them says that is to be asked again, as does every line
    /// after it.
    fn take_answers(
        &mut self,
        message: AppendEventsStreamResponse,
    ) -> Result<Option<Box<Failure>>, AppendStopped> {
        self.heard = Instant::now();
        for AppendEventsOutcome { request_id, outcome } in message.outcomes {
            self.answer_malformed()?;
            let line = self.in_flight.front();
            let asked = line.and_then(|line| line.request.as_ref().ok());
            if asked.is_none_or(|asked| asked.request_id != request_id) {
                let line = line.map_or(0, |line| line.number);
                return Err(AppendStopped::OutOfOrder { line });
            }
            let result = match outcome {
                Some(Outcome::Answer(response)) => Ok(response),
                Some(Outcome::Error(error)) => Err(Box::new(Failure::of_status(&status_of(error)))),
                None => Err(unanswered("the answer says nothing")),
            };
            match result {
                Err(failure) if pause_before_next(&failure).is_some() => return Ok(Some(failure)),
                result => self.tell(result)?,
            }
        }
        Ok(None)
    }

    /// A line that is no request is answered in its place, and by nobody else.
    fn answer_malformed(&mut self) -> Result<(), AppendStopped> {
        while let Some(Line { request: Err(message), .. }) = self.in_flight.front() {
            let failure = Failure::malformed_line(message.clone());
            self.tell(Err(Box::new(failure)))?;
        }
        Ok(())
    }

    /// The answer to the first line in flight.
    fn tell(
        &mut self,
        result: Result<AppendEventsResponse, Box<Failure>>,
    ) -> Result<(), AppendStopped> {
        let Some(Line { number, bytes_read, .. }) = self.in_flight.pop_front() else {
            return Err(AppendStopped::OutOfOrder { line: 0 });
        };
        self.sends = 0;
        match &result {
            Ok(_) => self.tally.accepted += 1,
            Err(_) => self.tally.failed += 1,
        }
        (self.answer)(&LineAnswer { line: number, bytes_read, result })
            .map_err(AppendStopped::Output)
    }

    /// The first line in flight is sent no more. Without any word from the server nothing is.
    fn give_up(&mut self, failure: Box<Failure>) -> Result<(), AppendStopped> {
        let line = self.in_flight.front().map_or(0, |line| line.number);
        let is_unanswered = failure.unanswered;
        self.tell(Err(failure))?;
        if is_unanswered { Err(AppendStopped::Unanswered { line }) } else { Ok(()) }
    }
}

/// A stream that has ended takes no more; its end is told by the answers.
fn send(sender: &mpsc::Sender<AppendEventsStreamRequest>, line: &Line) {
    if let Ok(request) = &line.request {
        // One a message: one that is too long is then known by its place.
        drop(sender.try_send(AppendEventsStreamRequest { requests: vec![request.clone()] }));
    }
}

/// The status that an answer in place stands for.
fn status_of(error: AppendEventsError) -> Status {
    let AppendEventsError { code, message, details } = error;
    let full = tonic_types::pb::Status { code, message: message.clone(), details };
    Status::with_details(code.into(), message, full.encode_to_vec().into())
}

fn unanswered(text: &str) -> Box<Failure> {
    let message = text.to_owned();
    Box::new(Failure { code: "UNAVAILABLE", message, unanswered: true, ..Failure::default() })
}

/// The same as [`retry_pause`]; a stream that was cut off is opened again at once.
fn pause_before_next(failure: &Failure) -> Option<Duration> {
    if failure.reason == STREAM_CUT_OFF {
        return Some(Duration::ZERO);
    }
    retry_pause(failure)
}

/// How long to wait before the same request may be sent again; none when its answer is final.
pub(crate) fn retry_pause(failure: &Failure) -> Option<Duration> {
    if failure.unanswered {
        return Some(Duration::from_millis(UNANSWERED_WAIT_MS));
    }
    let asked = failure.retry_after.filter(|_| failure.code == "UNAVAILABLE");
    asked.map(|pause| pause.min(Duration::from_millis(RETRY_WAIT_MS_MAX)))
}

#[cfg(test)]
#[path = "append_lines_tests.rs"]
mod tests;
