//! Deciding one request on top of those before it, in the same batch or in the one that is being recorded.
//!
//! Order: request id known? the first answer again. Events of a known source? duplicates, or a
//! conflict. Version as expected? Then each event by the rules of the domain, each on top of the one
//! before. A refusal is recorded like an event, so that a repeated request never hears otherwise.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::Shared;
use super::answer::{FindingChanges, as_of_append};
use super::command::{
    AppendAnswer, AppendFailure, AppendOutcome, AppendRefusal, Appended, Origin, Telling,
};
use super::encoded::{Encoded, NewEvent};
use super::error::{LedgerError, WithCauses};
use super::import::recording_time;
use super::index::IndexBatch;
use super::queue::Lookup;
use super::source::{appended_before, different_content, source_conflict};
use crate::domain::admit::admit;
use crate::domain::agreement::Agreement;
use crate::domain::date::RecordedTime;
use crate::domain::event::Recorded;
use crate::domain::id::{AgreementId, EventId, Position, RequestId, Version};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::domain::usage::Usage;
use crate::wire::parse::{AppendCommand, Purpose, Recording, SourceEvent};
use crate::wire::{answer, record, v1};

/// What became of a request.
pub(super) enum Decision {
    /// It has an outcome, to be told once the batch is durable.
    Decided(Box<Result<AppendOutcome, AppendFailure>>),
    /// It has the id of a request of this batch or of the one before, which has no outcome yet.
    RepeatsPending,
}

/// Requests that will share one sync.
pub(super) struct Batch<'a> {
    shared: &'a Shared,
    /// The batch before, as long as it is not known to be recorded.
    before: Option<Arc<Pending>>,
    pending: Pending,
    /// Records of each request that has some, in order.
    groups: Vec<usize>,
    index: IndexBatch,
    bytes: usize,
    latest: Option<RecordedTime>,
}

/// What is decided and not recorded yet. Whatever is decided meanwhile stands on it.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) agreements: HashMap<AgreementId, Arc<Agreement>>,
    requests: HashSet<RequestId>,
    sources: HashMap<SourceEvent, Position>,
    pub(super) records: Vec<Encoded>,
    first_position: u64,
}

/// What a batch leaves to be committed.
pub(super) struct BatchParts {
    pub(super) pending: Arc<Pending>,
    pub(super) groups: Vec<usize>,
    pub(super) index: IndexBatch,
    pub(super) latest: Option<RecordedTime>,
}

impl Pending {
    /// The position of its first record.
    pub(super) fn first_position(&self) -> u64 {
        self.first_position
    }

    /// The position behind its records.
    pub(super) fn next_position(&self) -> u64 {
        self.first_position + u64::try_from(self.records.len()).expect("a batch is small")
    }

    /// Its record at a position.
    fn record(&self, position: Position) -> Option<&Encoded> {
        let offset = position.get().checked_sub(self.first_position)?;
        self.records.get(usize::try_from(offset).ok()?)
    }
}

/// An event of a request, seen before or new.
enum Seen {
    Before(Appended),
    New,
}

/// What the rules say of the new events of a request.
struct Admitted {
    agreement: Arc<Agreement>,
    new: Vec<NewEvent>,
    appended: Vec<Appended>,
}

impl<'a> Batch<'a> {
    /// A batch whose first record gets a position, on top of what is recorded and of what is not yet.
    pub(super) fn new(
        shared: &'a Shared,
        before: Option<Arc<Pending>>,
        first_position: u64,
        latest: Option<RecordedTime>,
    ) -> Self {
        Self {
            shared,
            before,
            pending: Pending { first_position, ..Pending::default() },
            groups: Vec::new(),
            index: IndexBatch::default(),
            bytes: 0,
            latest,
        }
    }

    /// What is not recorded yet, the newest first.
    fn pending(&self) -> impl Iterator<Item = &Pending> {
        std::iter::once(&self.pending).chain(self.before.as_deref())
    }

    /// Bytes of the records so far.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many records so far.
    pub(super) fn records(&self) -> usize {
        self.pending.records.len()
    }

    pub(super) fn into_parts(self) -> BatchParts {
        let Self { pending, groups, index, latest, .. } = self;
        BatchParts { pending: Arc::new(pending), groups, index, latest }
    }

    /// Decides a request. What is recorded of its events is taken out of it.
    pub(super) fn decide(&mut self, command: &mut AppendCommand, lookup: Lookup) -> Decision {
        if self.pending().any(|pending| pending.requests.contains(&command.request_id)) {
            return Decision::RepeatsPending;
        }
        // Nothing of the batch is changed before the decision stands, so a fault in a rule costs its
        // own request and no other.
        let decided = catch_unwind(AssertUnwindSafe(|| self.outcome(command, lookup)));
        let outcome = match decided {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) if error.is_stop() => Err(AppendFailure::Stopped),
            Ok(Err(error)) => {
                tracing::error!(
                    error = %WithCauses(&error),
                    "a decision rests on something that cannot be read"
                );
                Err(AppendFailure::Damaged { position: error.damaged_position() })
            }
            Err(_) => {
                tracing::error!(request_id = %command.request_id, "a decision panicked");
                Err(AppendFailure::DecisionFailed)
            }
        };
        Decision::Decided(Box::new(outcome))
    }

    fn outcome(
        &mut self,
        command: &mut AppendCommand,
        lookup: Lookup,
    ) -> Result<Result<AppendOutcome, AppendFailure>, LedgerError> {
        let index = &self.shared.index;
        if command.purpose == Purpose::Record
            && let Some(first) = index.request_since(command.request_id, lookup.new_since)?
        {
            return self.shared.repeat(command, first);
        }
        let now = self.shared.clock.now();
        let recorded = recording_time(command.recording, self.latest, now);
        let before = self.agreement(&command.agreement_id)?;
        let seen = self.seen(command, lookup)?;
        if let Ok(seen) = &seen
            && let Some(appended) = all_before(seen)
        {
            return Ok(Ok(self.all_duplicates(command, &before, appended, now)));
        }
        // Only now: what was taken in before is answered whatever time it states.
        let recorded = match recorded {
            Ok(recorded) => recorded,
            Err(failure) => return Ok(Err(failure)),
        };
        let seen = match seen {
            Ok(seen) => seen,
            Err(conflict) => return Ok(self.refuse(command, recorded, vec![conflict])),
        };
        if let Some(conflict) = version_conflict(command, before.version()) {
            return Ok(self.refuse(command, recorded, vec![conflict]));
        }
        Ok(match self.admit_all(command, &before, seen, recorded) {
            Ok(admitted) => self.accept(command, &before, admitted, recorded),
            Err(refusals) => self.refuse(command, recorded, refusals),
        })
    }

    fn next_position(&self) -> u64 {
        self.pending.next_position()
    }

    fn agreement(&self, id: &AgreementId) -> Result<Arc<Agreement>, LedgerError> {
        match self.pending().find_map(|pending| pending.agreements.get(id)) {
            Some(agreement) => Ok(Arc::clone(agreement)),
            None => self.shared.agreement(id),
        }
    }

    /// Looks up each event that names its source. The error is a refusal: same source, other content.
    fn seen(
        &self,
        command: &AppendCommand,
        lookup: Lookup,
    ) -> Result<Result<Vec<Seen>, v1::Refusal>, LedgerError> {
        let mut all = Vec::with_capacity(command.events.len());
        let mut within: HashMap<&SourceEvent, usize> = HashMap::new();
        for (index, submitted) in command.events.iter().enumerate() {
            let Some(source) = &submitted.source else {
                all.push(Seen::New);
                continue;
            };
            if within.insert(source, index).is_some() {
                let text = "another event of this request has this source";
                return Ok(Err(source_conflict(index, source, text)));
            }
            let position = match self.pending().find_map(|pending| pending.sources.get(source)) {
                Some(position) => Some(*position),
                None => self.shared.index.source_since(source, lookup.sources_new_since)?,
            };
            let Some(position) = position else {
                all.push(Seen::New);
                continue;
            };
            let stored = self.record(position)?;
            let Some(appended) = appended_before(&stored, &command.agreement_id, submitted) else {
                let text = different_content(&stored, &command.agreement_id, submitted);
                return Ok(Err(source_conflict(index, source, &text)));
            };
            all.push(Seen::Before(appended));
        }
        Ok(Ok(all))
    }

    fn record(&self, position: Position) -> Result<v1::Record, LedgerError> {
        match self.pending().find_map(|pending| pending.record(position)) {
            Some(Encoded { bytes, .. }) => record::decode(bytes)
                .map_err(|source| LedgerError::Record { position: position.get(), source }),
            None => self.shared.record(position.get()),
        }
    }

    fn admit_all(
        &self,
        command: &AppendCommand,
        before: &Arc<Agreement>,
        seen: Vec<Seen>,
        recorded: RecordedTime,
    ) -> Result<Admitted, Vec<v1::Refusal>> {
        let mut agreement = Agreement::clone(before);
        let mut appended = Vec::with_capacity(seen.len());
        let mut accepted = Vec::with_capacity(command.events.len());
        let mut position = self.next_position();
        for (index, (submitted, seen)) in command.events.iter().zip(seen).enumerate() {
            if let Seen::Before(earlier) = seen {
                appended.push(earlier);
                continue;
            }
            let event_index = u32::try_from(index).expect("a request has few events");
            let new = Recorded {
                position: Position::new(position),
                version: agreement.version().next(),
                event_id: new_event_id(recorded),
                recorded,
                event: submitted.event.clone(),
            };
            let (version, event_id) = (new.version, new.event_id);
            match admit(agreement, new) {
                Ok(after) => agreement = after,
                Err(refusals) => {
                    return Err(refusals
                        .iter()
                        .map(|one| answer::refusal(one, event_index))
                        .collect());
                }
            }
            accepted.push(NewEvent { position, version, event_id, request_index: event_index });
            let is_recorded = command.purpose == Purpose::Record;
            appended.push(Appended {
                position: is_recorded.then_some(Position::new(position)),
                version,
                event_id: is_recorded.then_some(event_id),
                recorded,
                origin: Origin::ThisRequest,
            });
            position += 1;
        }
        Ok(Admitted { agreement: Arc::new(agreement), new: accepted, appended })
    }

    fn accept(
        &mut self,
        command: &mut AppendCommand,
        before: &Agreement,
        admitted: Admitted,
        recorded: RecordedTime,
    ) -> Result<AppendOutcome, AppendFailure> {
        let Admitted { agreement: after, new, appended } = admitted;
        let next = self.next_position();
        let is_recorded = command.purpose == Purpose::Record;
        let added = if is_recorded { new.len() } else { 0 };
        let end = next + u64::try_from(added).expect("a request has few events");
        let last = Position::new(end.saturating_sub(1));
        let sources: Vec<_> = command
            .events
            .iter()
            .zip(&appended)
            .filter_map(|(submitted, appended)| {
                Some((submitted.source.clone()?, appended.position?))
            })
            .collect();
        let answer =
            accepted_answer(self.shared, command, before, &after, appended, recorded, last);
        if is_recorded {
            let encoded = new.iter().map(|one| Encoded::of_event(command, one, recorded));
            let encoded = encoded.collect::<Result<Vec<_>, _>>()?;
            self.pending.sources.extend(sources);
            self.pending.agreements.insert(command.agreement_id.clone(), after);
            self.push(command, encoded, recorded);
        }
        Ok(AppendOutcome::Accepted(Box::new(answer)))
    }

    fn refuse(
        &mut self,
        command: &AppendCommand,
        recorded: RecordedTime,
        refusals: Vec<v1::Refusal>,
    ) -> Result<AppendOutcome, AppendFailure> {
        let refused = v1::RefusedRequest {
            events: command.events.iter().map(|submitted| submitted.stated.clone()).collect(),
            status_code: answer::status_code(&refusals),
            refusals,
        };
        let position = self.next_position();
        let is_recorded = command.purpose == Purpose::Record;
        if is_recorded {
            let position = Position::new(position);
            let encoded = Encoded::of_refusal(command, refused.clone(), position, recorded)?;
            self.push(command, vec![encoded], recorded);
        }
        let refusal = AppendRefusal {
            agreement_id: command.agreement_id.clone(),
            refused,
            position: is_recorded.then_some(Position::new(position)),
            telling: Telling::First,
        };
        Ok(AppendOutcome::Refused(Box::new(refusal)))
    }

    fn push(&mut self, command: &AppendCommand, encoded: Vec<Encoded>, recorded: RecordedTime) {
        self.pending.requests.insert(command.request_id);
        let entries = encoded.iter().map(|one| one.entry);
        self.index.add(&command.agreement_id, command.request_id, entries);
        self.bytes += encoded.iter().map(|one| one.bytes.len()).sum::<usize>();
        self.groups.push(encoded.len());
        self.pending.records.extend(encoded);
        self.latest = Some(recorded);
    }

    fn all_duplicates(
        &self,
        command: &AppendCommand,
        agreement: &Agreement,
        appended: Vec<Appended>,
        now: RecordedTime,
    ) -> AppendOutcome {
        let position = Position::new(self.next_position().saturating_sub(1));
        let recorded = appended.iter().map(|event| event.recorded).max().unwrap_or(now);
        let answer = accepted_answer(
            self.shared,
            command,
            agreement,
            agreement,
            appended,
            recorded,
            position,
        );
        AppendOutcome::Accepted(Box::new(answer))
    }
}

/// What every event got, when all were recorded before.
fn all_before(seen: &[Seen]) -> Option<Vec<Appended>> {
    let before = seen.iter().map(|seen| match seen {
        Seen::Before(appended) => Some(appended.clone()),
        Seen::New => None,
    });
    before.collect()
}

/// The answer to an accepted request, from the agreement before and after it. An import is told where
/// it is recorded and no more: judging the agreement after each line of a register costs too much.
pub(super) fn accepted_answer(
    shared: &Shared,
    command: &AppendCommand,
    before: &Agreement,
    after: &Agreement,
    events: Vec<Appended>,
    recorded: RecordedTime,
    position: Position,
) -> AppendAnswer {
    let (usage, changes) = match command.recording {
        Recording::Now => {
            let dates = command.events.iter().map(|submitted| submitted.event.effective);
            let as_of = as_of_append(recorded, dates);
            (Usage::at(after, as_of), shared.judged.changes(before, after, as_of))
        }
        Recording::At(_) => (None, FindingChanges::default()),
    };
    AppendAnswer {
        agreement_id: command.agreement_id.clone(),
        events,
        version: after.version(),
        recorded,
        telling: Telling::First,
        purpose: command.purpose,
        usage,
        position,
        opened: changes.opened,
        cleared: changes.cleared,
    }
}

fn new_event_id(recorded: RecordedTime) -> EventId {
    // An id knows no time before 1970. Times of ids never go back, as recorded times do not.
    let microseconds = recorded.microseconds().max(0);
    let seconds = u64::try_from(microseconds.div_euclid(1_000_000)).unwrap_or_default();
    let nanos = u32::try_from(microseconds.rem_euclid(1_000_000) * 1000).unwrap_or_default();
    let time = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
    EventId::from_uuid(uuid::Uuid::new_v7(time))
}

fn version_conflict(command: &AppendCommand, actual: Version) -> Option<v1::Refusal> {
    let expected = command.expected_version.filter(|expected| *expected != actual)?;
    let text =
        format!("version {} was expected, the agreement has {}", expected.get(), actual.get());
    let refusal = Refusal::new(Reason::VersionConflict, command.agreement_id.as_str(), text);
    Some(v1::Refusal {
        expected_version: Some(expected.get()),
        actual_version: Some(actual.get()),
        ..answer::refusal(&refusal, 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_ids_never_go_back_before_1970_either() {
        let times = [-1_500_000, -1, 0, 1_499_000, 1_500_000];
        let times = times.map(|time| RecordedTime::from_microseconds(time).unwrap());
        let ids = times.map(|time| new_event_id(time).as_bytes()[..6].to_vec());
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(ids[4], [0, 0, 0, 0, 0x05, 0xdc]);
    }
}
