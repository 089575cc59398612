//! One commit: the batch made durable, taken into the tree and the index, published, answered.
//!
//! Order within a commit matters and is stated in the room's `//!`. After a failed write or sync every
//! request of the batch hears that its outcome is unknown, and nothing more is committed.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use super::command::{AppendFailure, AppendOutcome};
use super::decide::{Batch, BatchParts, Decision};
use super::error::WithCauses;
use super::import::ImportSession;
use super::queue::{Lookup, Queued, Reply, answer};
use super::uncommitted::{Uncommitted, answer_without_record};
use super::{Head, Shared};
use crate::crash_point::crash_point;
use crate::domain::date::RecordedTime;
use crate::log::LogWriter;
use crate::merkle::TreeHash;

/// Whom to answer, the import that the request belongs to, and what was decided.
type Answer = (Reply, Option<ImportSession>, Result<AppendOutcome, AppendFailure>);

/// A batch that is decided, and who waits for it.
pub(super) struct Decided {
    pub(super) parts: BatchParts,
    pub(super) answers: Vec<Answer>,
    /// Requests with the id of one that was not recorded yet.
    pub(super) repeated: Vec<Queued>,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is recorded, or had nothing to record.
    Recorded,
    /// Nothing of it is recorded, and the log is as it was.
    NotRecorded(AppendFailure),
    /// Nothing more can be recorded before a restart.
    Stopped,
}

impl Decided {
    /// Tells everybody that nothing of it is recorded, since what it stands on is not. An answer that
    /// was given before stands.
    pub(super) fn refuse(self, failure: &AppendFailure) {
        refuse(self.answers, failure);
        // What they repeat may be recorded, if a restart finds it.
        let told = match failure {
            AppendFailure::Stopped => &AppendFailure::OutcomeUnknown,
            failure => failure,
        };
        for queued in self.repeated {
            answer(queued.reply, Err(told.clone()));
        }
    }
}

fn refuse(answers: Vec<Answer>, failure: &AppendFailure) {
    for (reply, session, decided) in answers {
        let told = answer_without_record(decided, failure);
        if let (Err(_), Some(session)) = (&told, session) {
            session.end();
        }
        answer(reply, told);
    }
}

/// Records batches, one at a time.
pub(super) struct Committer {
    shared: Arc<Shared>,
    pub(super) log: LogWriter,
    pub(super) publish: watch::Sender<Head>,
    /// Recorded time of the newest record; no record is earlier.
    latest: Option<RecordedTime>,
}

impl Committer {
    pub(super) fn new(
        shared: Arc<Shared>,
        log: LogWriter,
        publish: watch::Sender<Head>,
        latest: Option<RecordedTime>,
    ) -> Self {
        Self { shared, log, publish, latest }
    }

    /// The position behind what is recorded, and the recorded time of the newest record.
    pub(super) fn recorded(&self) -> (u64, Option<RecordedTime>) {
        (self.log.next_position(), self.latest)
    }

    /// Records a batch, and answers everybody who waits for it.
    pub(super) fn settle(&mut self, decided: Decided) -> Outcome {
        let Decided { parts, answers, repeated } = decided;
        match self.commit(parts) {
            Ok(()) => {
                for (reply, _, outcome) in answers {
                    answer(reply, outcome);
                }
                self.answer_repeated(repeated, None);
                Outcome::Recorded
            }
            Err(Uncommitted::NothingWritten { failure, cause }) => {
                tracing::warn!(error = %WithCauses(&cause), "a batch is refused, nothing of it is recorded");
                refuse(answers, &failure);
                self.answer_repeated(repeated, Some(&failure));
                match failure {
                    AppendFailure::Stopped => Outcome::Stopped,
                    failure => Outcome::NotRecorded(failure),
                }
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
                Outcome::Stopped
            }
        }
    }

    /// A request that came twice before the first was recorded gets the first answer, now that there is
    /// one. When this batch was not recorded, one that repeats a request of it hears why.
    fn answer_repeated(&self, repeated: Vec<Queued>, failure: Option<&AppendFailure>) {
        for Queued { mut command, reply, .. } in repeated {
            let is_new = || matches!(self.shared.index.request(command.request_id), Ok(None));
            if let Some(failure) = failure.filter(|_| is_new()) {
                answer(reply, Err(failure.clone()));
                continue;
            }
            let (next_position, latest) = self.recorded();
            let mut batch = Batch::new(&self.shared, None, next_position, latest);
            match batch.decide(&mut command, Lookup::default()) {
                Decision::Decided(outcome) => answer(reply, *outcome),
                Decision::RepeatsPending => answer(reply, Err(AppendFailure::OutcomeUnknown)),
            }
        }
    }

    fn commit(&mut self, parts: BatchParts) -> Result<(), Uncommitted> {
        let BatchParts { pending, groups, index, latest } = parts;
        if pending.records.is_empty() {
            return Ok(());
        }
        let stored: Vec<Bytes> = pending.records.iter().map(|one| one.bytes.clone()).collect();
        let leaves: Vec<TreeHash> = pending.records.iter().map(|one| one.leaf).collect();
        // What is left of a batch, whatever happens to it, is whole requests.
        let mut rest = stored.as_slice();
        let mut grouped = Vec::with_capacity(groups.len());
        for records in groups {
            let (group, behind) = rest.split_at(records);
            grouped.push(group);
            rest = behind;
        }
        debug_assert!(rest.is_empty(), "every record is of a request");
        // Its records state their positions.
        assert_eq!(
            pending.first_position(),
            self.log.next_position(),
            "it stands on what is recorded"
        );
        let positions = self
            .log
            .append_groups(&grouped, self.shared.index.owed_bytes())
            .map_err(Uncommitted::of_append)?;
        let root = self.shared.tree.grow(&leaves)?;
        crash_point!("ledger.logged");
        self.shared.index.apply(index, positions.end)?;
        crash_point!("ledger.indexed");
        let mut changed = Vec::with_capacity(pending.agreements.len());
        for (id, agreement) in &pending.agreements {
            self.shared.publish(agreement);
            changed.push(id.clone());
        }
        self.shared.portfolio.note(changed, positions.end);
        self.latest = latest;
        self.publish.send_modify(|head| {
            head.record_count = positions.end;
            head.root = root;
        });
        crash_point!("ledger.published");
        Ok(())
    }
}
