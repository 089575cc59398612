//! What queries share: reading their fields, waiting for a position, taking a snapshot.

use tonic::{Code, Status};

use super::ServiceLimits;
use super::status;
use crate::domain::id::{AgreementId, Position};
use crate::ledger::Ledger;
use crate::ledger::command::{AppendFailure, AppendOutcome};
use crate::ledger::error::LedgerError;
use crate::ledger::folding::FoldedFor;
use crate::ledger::query::{Snapshot, TwoTimes};
use crate::wire::parse::{AppendCommand, Violations, malformed, parse_as_of, parse_known};
use crate::wire::v1;

/// The fields that every question about one agreement has.
pub(super) struct Question {
    pub(super) agreement_id: AgreementId,
    pub(super) times: TwoTimes,
}

impl Question {
    pub(super) fn parse(
        agreement_id: &str,
        as_of: &str,
        as_known: Option<&v1::AsKnown>,
    ) -> Result<Self, Status> {
        let mut violations = Violations::default();
        let read = Self::read(&mut violations, agreement_id, as_of, as_known);
        read.ok_or_else(|| status::of_violations(&violations.into_vec()))
    }

    /// The same, together with what else is wrong with a request. None after a violation.
    pub(super) fn read(
        violations: &mut Violations,
        agreement_id: &str,
        as_of: &str,
        as_known: Option<&v1::AsKnown>,
    ) -> Option<Self> {
        let parsed = AgreementId::parse(agreement_id);
        if let Err(fault) = &parsed {
            violations.add("agreement_id", malformed::MALFORMED_ID, fault.to_string());
        }
        let as_of = parse_as_of(violations, as_of);
        let as_known = parse_known(violations, as_known);
        let agreement_id = parsed.ok().filter(|_| violations.is_empty())?;
        Some(Self { agreement_id, times: TwoTimes { as_of, as_known } })
    }

    pub(super) fn unknown(&self) -> Status {
        let as_of = self.times.as_of.map(|date| date.to_string()).unwrap_or_default();
        let as_known = self.times.as_known.map(|time| time.to_string()).unwrap_or_default();
        status::unknown_agreement(self.agreement_id.as_str(), &as_of, &as_known)
    }

    /// The agreement at the asked times.
    pub(super) async fn snapshot(&self, ledger: &Ledger) -> Result<Snapshot, Status> {
        if let Some(snapshot) = ledger.snapshot_at_hand(&self.agreement_id, self.times) {
            return Ok(snapshot);
        }
        let (id, times) = (self.agreement_id.clone(), self.times);
        let events = ledger
            .unfolded_events_at(&id, times)
            .map_err(|error| status::of_ledger_error(&error))?;
        let reading = ledger.clone();
        let snapshot = move || reading.snapshot(&id, times);
        let found = folding(ledger, FoldedFor::Question, events, snapshot).await?;
        found.ok_or_else(|| self.unknown())
    }
}

/// Reads an agreement that a stream is limited to. None: all.
pub(super) fn agreement_filter(violations: &mut Violations, text: &str) -> Option<AgreementId> {
    if text.is_empty() {
        return None;
    }
    match AgreementId::parse(text) {
        Ok(id) => Some(id),
        Err(fault) => {
            violations.add("agreement_id", malformed::MALFORMED_ID, fault.to_string());
            None
        }
    }
}

/// Folds the agreement of an append when it is not in memory, so that the writer need not.
pub(super) async fn warm(ledger: &Ledger, id: &AgreementId) -> Result<(), Status> {
    let events = ledger.unfolded_events(id).map_err(|error| status::of_ledger_error(&error))?;
    if events == 0 {
        return Ok(());
    }
    let (warming, id) = (ledger.clone(), id.clone());
    folding(ledger, FoldedFor::Append, events, move || warming.warm(&id)).await
}

/// The first answer of a known request again.
pub(super) async fn repeat(
    ledger: &Ledger,
    command: Box<AppendCommand>,
    first: Position,
) -> Result<Result<AppendOutcome, AppendFailure>, Status> {
    let events = ledger.unfolded_events_of(&command);
    let events = events.map_err(|error| status::of_ledger_error(&error))?;
    let repeating = ledger.clone();
    folding(ledger, FoldedFor::Append, events, move || repeating.repeat(&command, first)).await
}

/// Runs what folds so many events, once there is a place for it. It keeps its place until it is done,
/// also when its caller has gone.
pub(super) async fn folding<T: Send + 'static>(
    ledger: &Ledger,
    folded_for: FoldedFor,
    events: u64,
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, Status> {
    let place = match events {
        0 => None,
        events => Some(ledger.place_to_fold(folded_for, events).await),
    };
    blocking(move || {
        let done = work();
        drop(place);
        done
    })
    .await
}

/// Waits until a position is published.
pub(super) async fn wait_for_position(
    ledger: &Ledger,
    min_position: Option<u64>,
    limits: &ServiceLimits,
) -> Result<(), Status> {
    let Some(min_position) = min_position else { return Ok(()) };
    let mut head = ledger.head();
    let reached = head.wait_for(|head| head.record_count > min_position);
    let in_time = tokio::time::timeout(limits.min_position_wait_max, reached).await;
    if matches!(in_time, Ok(Ok(_))) {
        return Ok(());
    }
    let count = ledger.head().borrow().record_count;
    Err(status::position_not_reached(min_position, count, limits.retry_after))
}

/// Runs what may read from disk where it holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LedgerError> + Send + 'static,
) -> Result<T, Status> {
    off_the_runtime(work).await?.map_err(|error| status::of_ledger_error(&error))
}

/// The same, for work that fails in its own way.
pub(super) async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a query was given up");
        let text = "the ledger's log has the details";
        status::Failure::new(Code::Internal, status::reason::INTERNAL, text).into_status()
    })
}
