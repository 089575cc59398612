//! The loop behind `import`: many lines on their way at once, answers in their order, and the lines
//! without an answer sent again when the stream breaks.
//!
//! It knows neither files nor the network: lines come through a channel, and the stream is behind
//! `Importer`, so that a test can be each of them.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use contract_ledger::wire::v1::{ImportEventsRequest, ImportEventsResponse, ImportOutcome};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use crate::append_lines::{SENDS_MAX, retry_pause};
use crate::failure::Failure;

/// Lines that may be without an answer at once.
pub(crate) const IN_FLIGHT_MAX: usize = 512;
/// Refused lines that the summary names.
pub(crate) const REFUSALS_TOLD_MAX: usize = 10;

/// Something read from the input.
#[derive(Debug)]
pub(crate) enum Input {
    /// A line that is a request.
    Request(Line),
    /// A line that is none; nothing after it is read.
    Malformed {
        /// Number of the line, from 1.
        line: u64,
        /// Why.
        message: String,
    },
    /// The input cannot be read on.
    Unreadable(io::Error),
}

/// A request and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Number in the input, from 1.
    pub(crate) number: u64,
    /// Bytes of the input up to its end.
    pub(crate) bytes_read: u64,
    /// The request.
    pub(crate) request: ImportEventsRequest,
}

/// What became of the lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Lines that the ledger accepted.
    pub(crate) accepted: u64,
    /// Lines that are recorded as refused.
    pub(crate) refused: u64,
    /// Lines of both kinds that were taken in before.
    pub(crate) replayed: u64,
    /// The first refused lines: number, reasons.
    pub(crate) refusals: Vec<(u64, String)>,
}

/// Why the loop ended before the input did. Everything before the line stands.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// A line is no request.
    Malformed {
        /// Number of the line.
        line: u64,
        /// Why.
        message: String,
    },
    /// The input cannot be read.
    Unreadable(io::Error),
    /// The ledger could not consider a line, or answers no more.
    AtLine {
        /// Number of the first line without an answer.
        line: u64,
        /// How the stream ended.
        failure: Box<Failure>,
    },
    /// An answer is not to the request that it should be to.
    OutOfOrder {
        /// Number of the line that an answer was awaited for.
        line: u64,
    },
    /// An answer cannot be written.
    Output(io::Error),
}

/// The stream to the ledger.
pub(crate) trait Importer {
    /// Its answers.
    type Answers: Stream<Item = Result<ImportEventsResponse, Status>> + Unpin;

    /// Opens a stream over these requests.
    async fn open(
        &mut self,
        requests: mpsc::Receiver<ImportEventsRequest>,
    ) -> Result<Self::Answers, Status>;
}

/// How the input ended.
enum InputEnd {
    Whole,
    Cut(Stopped),
}

/// Lines on their way, and what became of those before them.
struct Import<'a, A> {
    inputs: &'a mut mpsc::Receiver<Input>,
    /// Lines without an answer, in order.
    in_flight: VecDeque<Line>,
    input_end: Option<InputEnd>,
    /// Streams that broke since the last answer.
    breaks: u32,
    tally: &'a mut Tally,
    answer: &'a mut A,
}

/// Sends every line; the tally counts the answers also when it stops half-way.
pub(crate) async fn import_lines<I: Importer, A>(
    inputs: &mut mpsc::Receiver<Input>,
    importer: &mut I,
    wait: &mut impl AsyncFnMut(Duration),
    tally: &mut Tally,
    answer: &mut A,
) -> Result<(), Stopped>
where
    A: FnMut(&Line, &ImportEventsResponse) -> io::Result<()>,
{
    let mut import =
        Import { inputs, in_flight: VecDeque::new(), input_end: None, breaks: 0, tally, answer };
    loop {
        // Something to send first: a server may take a look at it before it answers at all.
        if import.in_flight.is_empty() && import.input_end.is_none() {
            let input = import.inputs.recv().await;
            import.take_input(input);
        }
        if import.in_flight.is_empty() {
            break;
        }
        let Some(failure) = import.stream_once(importer).await? else {
            break;
        };
        import.breaks += 1;
        match retry_pause(&failure) {
            Some(pause) if import.breaks < SENDS_MAX => wait(pause).await,
            Some(_) | None => return Err(import.stopped(failure)),
        }
    }
    match import.input_end {
        Some(InputEnd::Cut(stopped)) => Err(stopped),
        Some(InputEnd::Whole) | None => Ok(()),
    }
}

impl<A> Import<'_, A>
where
    A: FnMut(&Line, &ImportEventsResponse) -> io::Result<()>,
{
    /// Sends over one stream; returns how it broke, or nothing when every line has its answer.
    async fn stream_once<I: Importer>(
        &mut self,
        importer: &mut I,
    ) -> Result<Option<Box<Failure>>, Stopped> {
        // As long as the window, so that a line in the window always has room.
        let (sender, requests) = mpsc::channel(IN_FLIGHT_MAX);
        for line in &self.in_flight {
            send(&sender, line);
        }
        let mut sender = self.input_end.is_none().then_some(sender);
        let mut answers = match importer.open(requests).await {
            Ok(answers) => answers,
            Err(status) => return Ok(Some(Box::new(Failure::of_status(&status)))),
        };
        loop {
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
                answer = answers.next() => match answer {
                    Some(Ok(response)) => self.take_answer(&response)?,
                    Some(Err(status)) => return Ok(Some(Box::new(Failure::of_status(&status)))),
                    None if self.in_flight.is_empty() && self.input_end.is_some() => return Ok(None),
                    None => return Ok(Some(ended_early())),
                },
            }
        }
    }

    /// Takes in what was read; returns the line that is to be sent.
    fn take_input(&mut self, input: Option<Input>) -> Option<&Line> {
        match input {
            Some(Input::Request(line)) => {
                self.in_flight.push_back(line);
                return self.in_flight.back();
            }
            Some(Input::Malformed { line, message }) => {
                self.input_end = Some(InputEnd::Cut(Stopped::Malformed { line, message }));
            }
            Some(Input::Unreadable(error)) => {
                self.input_end = Some(InputEnd::Cut(Stopped::Unreadable(error)));
            }
            None => self.input_end = Some(InputEnd::Whole),
        }
        None
    }

    /// Answers come in the order of the requests.
    fn take_answer(&mut self, response: &ImportEventsResponse) -> Result<(), Stopped> {
        let Some(line) = self.in_flight.pop_front() else {
            return Err(Stopped::OutOfOrder { line: 0 });
        };
        if request_id(&line) != response.request_id {
            return Err(Stopped::OutOfOrder { line: line.number });
        }
        self.breaks = 0;
        self.tally.replayed += u64::from(response.replayed);
        match response.outcome() {
            ImportOutcome::Accepted | ImportOutcome::Unspecified => self.tally.accepted += 1,
            ImportOutcome::Refused => {
                self.tally.refused += 1;
                if self.tally.refusals.len() < REFUSALS_TOLD_MAX {
                    self.tally.refusals.push((line.number, response.reasons.join(", ")));
                }
            }
        }
        (self.answer)(&line, response).map_err(Stopped::Output)
    }

    /// The line that the failure names, else the first without an answer.
    fn stopped(&self, failure: Box<Failure>) -> Stopped {
        let named = failure.metadata.get("request_id");
        let line = self
            .in_flight
            .iter()
            .find(|line| named.is_some_and(|named| named == request_id(line)))
            .or(self.in_flight.front());
        Stopped::AtLine { line: line.map_or(0, |line| line.number), failure }
    }
}

fn request_id(line: &Line) -> &str {
    line.request.append.as_ref().map(|append| append.request_id.as_str()).unwrap_or_default()
}

/// A stream that has ended takes no more; its end is told by the answers.
fn send(sender: &mpsc::Sender<ImportEventsRequest>, line: &Line) {
    drop(sender.try_send(line.request.clone()));
}

fn ended_early() -> Box<Failure> {
    let message = "the server ended the stream before every line had its answer".to_owned();
    Box::new(Failure { code: "UNAVAILABLE", message, unanswered: true, ..Failure::default() })
}

#[cfg(test)]
#[path = "import_lines_tests.rs"]
mod tests;
