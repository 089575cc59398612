//! The one writer: takes what is waiting, decides each request, and has the batch recorded.
//!
//! A thread of its own, without async. While a batch of many is recorded, on a thread beside it
//! ([`super::committing`]), it decides the next one, on top of it. A batch of few it records itself: to
//! hand it over would cost more than it saves. What stands on a batch that could not be recorded is not
//! recorded either.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::command::AppendFailure;
use super::commit::{Committer, Decided, Outcome};
use super::committing::Committing;
use super::decide::{Batch, Decision};
use super::error::{LedgerError, WithCauses};
use super::import::ImportSession;
use super::projector::Projector;
use super::queue::{Queue, Queued, ToWriter, answer};
use super::{Head, LedgerLimits, Shared, WriterState};
use crate::domain::date::RecordedTime;
use crate::log::{APPEND_RECORDS_MAX, LogWriter};
use crate::wire::record;

/// Records after which a batch takes no further request. One more request, of whatever size is
/// allowed, must still fit what the log takes at once.
const BATCH_RECORDS_MAX: usize = APPEND_RECORDS_MAX / 2;

/// Records after which a batch is handed over, though more is waiting, when nothing is being recorded:
/// of callers who wait for their answers all would be in one batch, and none left to decide meanwhile.
const ENOUGH_RECORDS: usize = 256;

/// Records from which on a batch is handed over to be recorded.
const HANDED_OVER_RECORDS: usize = 8;

pub(super) struct Writer {
    shared: Arc<Shared>,
    committing: Committing,
    projector: Projector,
    batch_requests_max: usize,
    batch_bytes_max: usize,
    /// Where the next record goes.
    next_position: u64,
    /// Recorded time of the newest record that is decided; no record is earlier.
    latest: Option<RecordedTime>,
}

/// Whether the writer can go on.
enum Next {
    GoOn,
    Stop,
}

impl From<Outcome> for Next {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Recorded | Outcome::NotRecorded(_) => Self::GoOn,
            Outcome::Stopped => Self::Stop,
        }
    }
}

/// How the writer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriterEnd {
    /// Every request was answered and the log is closed.
    Emptied,
    /// A write, sync or close failed; a restart reads what is really on disk.
    Failed,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        log: LogWriter,
        publish: watch::Sender<Head>,
        projector: Projector,
        queue: mpsc::WeakSender<ToWriter>,
        limits: &LedgerLimits,
    ) -> Result<Self, LedgerError> {
        let next_position = log.next_position();
        let latest = match next_position.checked_sub(1) {
            None => None,
            Some(position) => {
                let newest = shared.record(position)?;
                let time = record::recorded_time(&newest)
                    .map_err(|source| LedgerError::Record { position, source })?;
                Some(time)
            }
        };
        let committer = Committer::new(Arc::clone(&shared), log, publish, latest);
        Ok(Self {
            shared,
            committing: Committing::spawn(committer, queue)?,
            projector,
            batch_requests_max: limits.batch_requests_max,
            batch_bytes_max: limits.batch_bytes_max,
            next_position,
            latest,
        })
    }

    /// Runs until the queue is closed and empty, or until a write fails.
    pub(super) fn run(mut self, mut queue: Queue) -> WriterEnd {
        let mut end = WriterEnd::Emptied;
        let mut put_off = None;
        while let Some(first) = put_off.take().or_else(|| queue.wait()) {
            match self.turn(first, &mut queue, &mut put_off) {
                Next::GoOn => {}
                Next::Stop => {
                    end = WriterEnd::Failed;
                    break;
                }
            }
        }
        if let (WriterEnd::Emptied, Next::Stop) = (end, self.settle()) {
            end = WriterEnd::Failed;
        }
        queue.close();
        if let Some(queued) = put_off {
            // What it repeats may be recorded, if a restart finds it.
            answer(queued.reply, Err(AppendFailure::OutcomeUnknown));
        }
        while let Some(queued) = queue.at_hand() {
            answer(queued.reply, Err(AppendFailure::Stopped));
        }
        let Self { shared, committing, mut projector, .. } = self;
        let committer = committing.end();
        if let Some(committer) = &committer {
            committer.publish.send_modify(|head| head.writer = WriterState::Stopped);
        }
        projector.finish();
        if let Err(error) = shared.index.write() {
            // The next start catches up.
            tracing::warn!(error = %WithCauses(&error), "the newest index entries are not written");
        }
        if let Some(Err(error)) = committer.map(|committer| committer.log.close()) {
            tracing::error!(
                error = %WithCauses(&error),
                "the log did not close cleanly"
            );
            end = WriterEnd::Failed;
        }
        end
    }

    /// One batch: the first request and whatever else is waiting, or comes while the batch before is
    /// being recorded. A request of an import whose id is in a batch that is not recorded ends this one,
    /// and is put off to the next: no request after it may be recorded before it is known whether it
    /// repeats the first or contradicts it.
    fn turn(&mut self, first: Queued, queue: &mut Queue, put_off: &mut Option<Queued>) -> Next {
        if self.committing.is_done() && matches!(self.settle(), Next::Stop) {
            answer(first.reply, Err(AppendFailure::Stopped));
            return Next::Stop;
        }
        let before = self.committing.pending();
        let mut batch = Batch::new(&self.shared, before, self.next_position, self.latest);
        let (mut answers, mut repeated) = (Vec::new(), Vec::new());
        let mut next = Some(first);
        let mut requests = 0;
        while let Some(mut queued) = next {
            requests += 1;
            if queued.session.as_ref().is_some_and(ImportSession::has_ended) {
                answers.push((queued.reply, None, Err(AppendFailure::ImportEnded)));
            } else {
                let decision = batch.decide(&mut queued.command, queued.lookup);
                match (decision, queued.session.as_ref()) {
                    (Decision::Decided(outcome), session) => {
                        if let (Err(_), Some(session)) = (outcome.as_ref(), session) {
                            session.end();
                        }
                        answers.push((queued.reply, queued.session, *outcome));
                    }
                    (Decision::RepeatsPending, None) => repeated.push(queued),
                    (Decision::RepeatsPending, Some(_)) => {
                        *put_off = Some(queued);
                        break;
                    }
                }
            }
            let full = requests >= self.batch_requests_max
                || batch.bytes() >= self.batch_bytes_max
                || batch.records() >= BATCH_RECORDS_MAX
                || (batch.records() >= ENOUGH_RECORDS && !self.committing.is_busy());
            next = if full {
                None
            } else {
                queue.at_hand().or_else(|| self.committing.next_meanwhile(queue))
            };
        }
        let parts = batch.into_parts();
        self.record(Decided { parts, answers, repeated })
    }

    /// Has a batch recorded, behind the one before.
    fn record(&mut self, decided: Decided) -> Next {
        match self.settled() {
            Outcome::Recorded => {}
            Outcome::NotRecorded(failure) => {
                // It stands on what is not there.
                decided.refuse(&failure);
                return Next::GoOn;
            }
            Outcome::Stopped => {
                decided.refuse(&AppendFailure::Stopped);
                return Next::Stop;
            }
        }
        self.next_position = decided.parts.pending.next_position();
        self.latest = decided.parts.latest;
        if decided.parts.pending.records.len() >= HANDED_OVER_RECORDS {
            self.committing.hand_over(decided);
            return Next::GoOn;
        }
        let outcome = self.committing.commit_here(decided);
        self.taken(outcome).into()
    }

    /// Waits for the batch that is being recorded.
    fn settle(&mut self) -> Next {
        self.settled().into()
    }

    fn settled(&mut self) -> Outcome {
        let outcome = self.committing.settled();
        self.taken(outcome)
    }

    /// What is decided next goes where the batch would have gone if it is not recorded.
    fn taken(&mut self, outcome: Outcome) -> Outcome {
        if outcome != Outcome::Recorded {
            (self.next_position, self.latest) = self.committing.recorded();
        }
        outcome
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
pub(super) mod tests;
