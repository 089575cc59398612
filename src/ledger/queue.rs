//! The writer's queue: requests in the order in which they came, and the word to close it.

use tokio::sync::mpsc::error::SendError;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::Ledger;
use super::command::{AppendFailure, AppendOutcome};
use super::import::ImportSession;
use crate::wire::parse::AppendCommand;

/// Where an outcome goes.
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

/// The outcome of a request that is in the queue.
#[derive(Debug)]
pub struct PendingOutcome(oneshot::Receiver<Result<AppendOutcome, AppendFailure>>);

impl PendingOutcome {
    /// Waits for the outcome, which comes after the sync.
    pub async fn outcome(self) -> Result<AppendOutcome, AppendFailure> {
        // A writer that goes away without an answer may have written.
        self.0.await.unwrap_or(Err(AppendFailure::OutcomeUnknown))
    }

    /// The outcome, when it is there already.
    pub fn at_hand(mut self) -> Result<Result<AppendOutcome, AppendFailure>, Self> {
        match self.0.try_recv() {
            Ok(outcome) => Ok(outcome),
            Err(TryRecvError::Empty) => Err(self),
            Err(TryRecvError::Closed) => Ok(Err(AppendFailure::OutcomeUnknown)),
        }
    }
}

impl Ledger {
    /// Puts a request that [`known`](Self::known) has looked up in the writer's queue, waiting for
    /// room. Requests that one caller puts one after the other are decided in that order. Dropping
    /// what it returns does not take the request back.
    pub async fn submit(&self, command: AppendCommand, lookup: Lookup) -> PendingOutcome {
        self.enqueue(command, None, lookup).await
    }

    pub(super) async fn enqueue(
        &self,
        command: AppendCommand,
        session: Option<ImportSession>,
        lookup: Lookup,
    ) -> PendingOutcome {
        let (reply, outcome) = oneshot::channel();
        let queued = ToWriter::Request(Queued { command, session, lookup, reply });
        if let Err(SendError(ToWriter::Request(unsent))) = self.queue.send(queued).await {
            // The writer is gone and nothing was queued; whoever waits hears it.
            answer(unsent.reply, Err(AppendFailure::Stopped));
        }
        PendingOutcome(outcome)
    }
}

/// What is sent to the writer.
#[derive(Debug)]
pub(super) enum ToWriter {
    /// Decide this, and answer.
    Request(Queued),
    /// Take nothing more in, and end once everything that came before is answered.
    Close,
    /// The batch that was handed over is done.
    Recorded,
}

/// Nobody may be waiting any more; what is recorded stays recorded.
pub(super) fn answer(reply: Reply, outcome: Result<AppendOutcome, AppendFailure>) {
    if reply.send(outcome).is_err() {
        tracing::debug!("the caller went away before its answer");
    }
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
                ToWriter::Recorded => {}
            }
        }
    }

    /// Waits for the next request as long as something is so, of whose end the queue is told. None once
    /// it is not, or the queue is closed and empty.
    pub(super) fn wait_while(&mut self, is_so: impl Fn() -> bool) -> Option<Queued> {
        while is_so() {
            match self.0.blocking_recv()? {
                ToWriter::Request(queued) => return Some(queued),
                ToWriter::Close => self.0.close(),
                ToWriter::Recorded => {}
            }
        }
        None
    }

    /// The next request, if one is waiting.
    pub(super) fn at_hand(&mut self) -> Option<Queued> {
        loop {
            match self.0.try_recv().ok()? {
                ToWriter::Request(queued) => return Some(queued),
                ToWriter::Close => self.0.close(),
                ToWriter::Recorded => {}
            }
        }
    }

    /// Takes nothing more in. What is waiting can still be had.
    pub(super) fn close(&mut self) {
        self.0.close();
    }
}
