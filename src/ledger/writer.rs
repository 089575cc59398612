//! The one writer: takes what is waiting, decides each request, makes the batch durable, answers.
//!
//! A thread of its own, without async. Order within a commit matters and is stated in the room's
//! `//!`. A failed write or sync ends the thread: every request of that batch hears that its outcome
//! is unknown, later ones that the writer has stopped.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::command::{AppendFailure, AppendOutcome};
use super::decide::{Batch, BatchParts, Decision};
use super::encoded::Encoded;
use super::error::{LedgerError, WithCauses};
use super::import::ImportSession;
use super::projector::Projector;
use super::queue::{Lookup, Queue, Queued, Reply};
use super::uncommitted::{Uncommitted, answer_without_record};
use super::{Head, LedgerLimits, Shared, WriterState};
use crate::crash_point::crash_point;
use crate::domain::date::RecordedTime;
use crate::log::{APPEND_RECORDS_MAX, LogWriter};
use crate::merkle::TreeHash;
use crate::wire::record;

/// Records after which a batch takes no further request. One more request, of whatever size is
/// allowed, must still fit what the log takes at once.
const BATCH_RECORDS_MAX: usize = APPEND_RECORDS_MAX / 2;

pub(super) struct Writer {
    shared: Arc<Shared>,
    log: LogWriter,
    publish: watch::Sender<Head>,
    projector: Projector,
    batch_requests_max: usize,
    batch_bytes_max: usize,
    /// Recorded time of the newest record; no record is earlier.
    latest: Option<RecordedTime>,
}

/// Whom to answer, the import that the request belongs to, and what was decided.
type Answer = (Reply, Option<ImportSession>, Result<AppendOutcome, AppendFailure>);

/// Whether the writer can go on.
enum Next {
    GoOn,
    Stop,
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
        limits: &LedgerLimits,
    ) -> Result<Self, LedgerError> {
        let latest = match log.next_position().checked_sub(1) {
            None => None,
            Some(position) => {
                let newest = shared.record(position)?;
                let time = record::recorded_time(&newest)
                    .map_err(|source| LedgerError::Record { position, source })?;
                Some(time)
            }
        };
        Ok(Self {
            shared,
            log,
            publish,
            projector,
            batch_requests_max: limits.batch_requests_max,
            batch_bytes_max: limits.batch_bytes_max,
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
        queue.close();
        while let Some(queued) = put_off.take().or_else(|| queue.at_hand()) {
            answer(queued.reply, Err(AppendFailure::Stopped));
        }
        self.publish.send_modify(|head| head.writer = WriterState::Stopped);
        self.projector.finish();
        if let Err(error) = self.shared.index.write() {
            // The next start catches up.
            tracing::warn!(error = %WithCauses(&error), "the newest index entries are not written");
        }
        if let Err(error) = self.log.close() {
            tracing::error!(
                error = %WithCauses(&error),
                "the log did not close cleanly"
            );
            end = WriterEnd::Failed;
        }
        end
    }

    /// One batch: the first request and whatever else is waiting. A request of an import whose id is
    /// in the batch already ends it, and is put off to the next one: no request after it may be
    /// recorded before it is known whether it repeats the first or contradicts it.
    fn turn(&mut self, first: Queued, queue: &mut Queue, put_off: &mut Option<Queued>) -> Next {
        let mut batch = Batch::new(&self.shared, self.log.next_position(), self.latest);
        let mut answers: Vec<Answer> = Vec::new();
        let mut repeated: Vec<Queued> = Vec::new();
        let mut next = Some(first);
        let mut requests = 0;
        while let Some(mut queued) = next {
            requests += 1;
            if queued.session.as_ref().is_some_and(ImportSession::has_ended) {
                answers.push((queued.reply, None, Err(AppendFailure::ImportEnded)));
                next = queue.at_hand();
                continue;
            }
            match (batch.decide(&mut queued.command, queued.lookup), queued.session.as_ref()) {
                (Decision::Decided(outcome), session) => {
                    if let (Err(_), Some(session)) = (outcome.as_ref(), session) {
                        session.end();
                    }
                    answers.push((queued.reply, queued.session, *outcome));
                }
                (Decision::RepeatsThisBatch, None) => repeated.push(queued),
                (Decision::RepeatsThisBatch, Some(_)) => {
                    *put_off = Some(queued);
                    break;
                }
            }
            let full = requests >= self.batch_requests_max
                || batch.bytes() >= self.batch_bytes_max
                || batch.records() >= BATCH_RECORDS_MAX;
            next = if full { None } else { queue.at_hand() };
        }
        let parts = batch.into_parts();
        let committed = self.commit(parts);
        match committed {
            Ok(()) => {
                for (reply, _, outcome) in answers {
                    answer(reply, outcome);
                }
                self.answer_repeated(repeated);
                Next::GoOn
            }
            Err(Uncommitted::NothingWritten { failure, cause }) => {
                tracing::warn!(error = %WithCauses(&cause), "a batch is refused, nothing of it is recorded");
                for (reply, session, decided) in answers {
                    let told = answer_without_record(decided, &failure);
                    if let (Err(_), Some(session)) = (&told, session) {
                        session.end();
                    }
                    answer(reply, told);
                }
                for queued in repeated {
                    answer(queued.reply, Err(failure.clone()));
                }
                if failure == AppendFailure::Stopped { Next::Stop } else { Next::GoOn }
            }
            Err(Uncommitted::Unknown(error)) => {
                tracing::error!(
                    error = %WithCauses(&error),
                    "a write failed: the writer stops, and a restart will tell what was recorded"
                );
                let waiting = repeated.into_iter().map(|queued| queued.reply);
                for reply in answers.into_iter().map(|(reply, _, _)| reply).chain(waiting) {
                    answer(reply, Err(AppendFailure::OutcomeUnknown));
                }
                Next::Stop
            }
        }
    }

    /// A request that came twice in one batch gets the first answer, now that there is one.
    fn answer_repeated(&self, repeated: Vec<Queued>) {
        for Queued { mut command, reply, .. } in repeated {
            let mut batch = Batch::new(&self.shared, self.log.next_position(), self.latest);
            match batch.decide(&mut command, Lookup::default()) {
                Decision::Decided(outcome) => answer(reply, *outcome),
                Decision::RepeatsThisBatch => answer(reply, Err(AppendFailure::OutcomeUnknown)),
            }
        }
    }

    fn commit(&mut self, parts: BatchParts) -> Result<(), Uncommitted> {
        if parts.records.is_empty() {
            return Ok(());
        }
        let (stored, leaves): (Vec<Bytes>, Vec<TreeHash>) =
            parts.records.into_iter().map(|Encoded { bytes, leaf, .. }| (bytes, leaf)).unzip();
        // What is left of a batch, whatever happens to it, is whole requests.
        let mut rest = stored.as_slice();
        let mut groups = Vec::with_capacity(parts.groups.len());
        for records in parts.groups {
            let (group, behind) = rest.split_at(records);
            groups.push(group);
            rest = behind;
        }
        debug_assert!(rest.is_empty(), "every record is of a request");
        let positions = self.log.append_groups(&groups).map_err(Uncommitted::of_append)?;
        let root = self.shared.tree.grow(&leaves)?;
        crash_point!("ledger.logged");
        self.shared.index.apply(parts.index, positions.end)?;
        crash_point!("ledger.indexed");
        let mut changed = Vec::with_capacity(parts.agreements.len());
        for (id, agreement) in parts.agreements {
            self.shared.agreements.publish(id.clone(), agreement);
            changed.push(id);
        }
        self.shared.portfolio.note(changed, positions.end);
        self.latest = parts.latest;
        self.publish.send_modify(|head| {
            head.record_count = positions.end;
            head.root = root;
        });
        crash_point!("ledger.published");
        Ok(())
    }
}

/// Nobody may be waiting any more; what is recorded stays recorded.
pub(super) fn answer(reply: Reply, outcome: Result<AppendOutcome, AppendFailure>) {
    if reply.send(outcome).is_err() {
        tracing::debug!("the caller went away before its answer");
    }
}
