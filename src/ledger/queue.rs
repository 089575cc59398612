//! The writer's queue: requests in the order in which they came, and the word to close it.

use tokio::sync::{mpsc, oneshot};

use super::command::{AppendFailure, AppendOutcome};
use super::import::ImportSession;
use crate::wire::parse::AppendCommand;

pub(super) type Reply = oneshot::Sender<Result<AppendOutcome, AppendFailure>>;

/// A request in the queue.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) command: AppendCommand,
    /// The import that it belongs to.
    pub(super) session: Option<ImportSession>,
    /// What its caller has looked up.
    pub(super) lookup: Lookup,
    pub(super) reply: Reply,
}

/// What is known of a request before the writer has it, so that the writer need not look it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lookup {
    /// No record before this position belongs to the request. 0: nobody has looked.
    pub(super) new_since: u64,
    /// No record before this position has one of its events. 0: one has, or nobody has looked.
    pub(super) sources_new_since: u64,
}

/// What is sent to the writer.
#[derive(Debug)]
pub(super) enum ToWriter {
    /// Decide this, and answer.
    Request(Queued),
    /// Take nothing more in, and end once everything that came before is answered.
    Close,
}

/// The writer's end of the queue.
#[derive(Debug)]
pub(super) struct Queue(mpsc::Receiver<ToWriter>);

impl Queue {
    /// Room for so many requests.
    pub(super) fn new(requests_max: usize) -> (mpsc::Sender<ToWriter>, Self) {
        let (sender, receiver) = mpsc::channel(requests_max);
        (sender, Self(receiver))
    }

    /// Waits for the next request. None once the queue is closed and empty.
    pub(super) fn wait(&mut self) -> Option<Queued> {
        loop {
            match self.0.blocking_recv()? {
                ToWriter::Request(queued) => return Some(queued),
                ToWriter::Close => self.0.close(),
            }
        }
    }

    /// The next request, if one is waiting.
    pub(super) fn at_hand(&mut self) -> Option<Queued> {
        loop {
            match self.0.try_recv().ok()? {
                ToWriter::Request(queued) => return Some(queued),
                ToWriter::Close => self.0.close(),
            }
        }
    }

    /// Takes nothing more in. What is waiting can still be had.
    pub(super) fn close(&mut self) {
        self.0.close();
    }
}
