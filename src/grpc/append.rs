//! One request to append: read, looked up beside the writer, put in its queue, answered.
//!
//! It must not know how the request came: AppendEvents and AppendEventsStream give the same answers
//! because both are made here.

use tonic::Status;

use super::durability::stated;
use super::{ServiceLimits, proofs, query, status};
use crate::domain::id::Position;
use crate::ledger::command::{
    AppendAnswer, AppendFailure, AppendOutcome, Appended, Origin, Telling,
};
use crate::ledger::queue::PendingOutcome;
use crate::ledger::{Durability, Known, Ledger, Lookup};
use crate::wire::parse::{AppendCommand, Purpose, parse_append};
use crate::wire::record::timestamp;
use crate::wire::{answer, v1};

/// What the ledger says to a request.
pub(super) type Outcome = Result<AppendOutcome, AppendFailure>;

/// Takes requests in and answers them.
#[derive(Debug, Clone)]
pub(super) struct Appender {
    pub(super) ledger: Ledger,
    pub(super) limits: ServiceLimits,
}

/// A request that is valid by itself, and what is known of it.
pub(super) struct Looked {
    pub(super) request: LookedUp,
    pub(super) receipts: Receipts,
}

/// Whether a request has been answered before.
pub(super) enum LookedUp {
    /// As far as one can tell it has not.
    New(AppendCommand, Lookup),
    /// It has: the first record of it.
    Answered(Box<AppendCommand>, Position),
}

/// Whether the answer has receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Receipts {
    /// Nobody asked for them.
    Unasked,
    /// One for each recorded event.
    Wanted,
}

impl Appender {
    /// AppendEvents: a full queue is refused as overload.
    pub(super) async fn append(
        &self,
        request: v1::AppendEventsRequest,
    ) -> Result<v1::AppendEventsResponse, Status> {
        let Looked { request, receipts } = self.look_up(request).await?;
        let outcome = match request {
            LookedUp::New(command, lookup) => self.ledger.append_looked_up(command, lookup).await,
            LookedUp::Answered(command, first) => self.repeat(command, first).await?,
        };
        let mut response = self.answered(outcome)?;
        if receipts == Receipts::Wanted {
            self.add_receipts(&mut [&mut response]).await;
        }
        Ok(response)
    }

    /// Reads a request and looks it up. A known one is answered beside the writer, which would
    /// otherwise be held up by those who repeat themselves; one that becomes known meanwhile is
    /// answered by the writer all the same. The agreement of a new one is folded here when it is not
    /// in memory, so that the writer need not.
    pub(super) async fn look_up(&self, request: v1::AppendEventsRequest) -> Result<Looked, Status> {
        let is_wanted = request.want_receipts && !request.validate_only;
        let receipts = if is_wanted { Receipts::Wanted } else { Receipts::Unasked };
        let command = parse_append(request, self.limits.events_per_request_max)
            .map_err(|violations| status::of_violations(&violations))?;
        if receipts == Receipts::Wanted {
            // Whether there will be any, before anything is recorded.
            proofs::signing(&self.ledger, &self.limits).await?;
        }
        let known = match command.purpose {
            Purpose::Record => self.ledger.known(&command),
            Purpose::ValidateOnly => Ok(Known::New(Lookup::default())),
        };
        let request = match known.map_err(|error| status::of_ledger_error(&error))? {
            Known::Answered(first) => LookedUp::Answered(Box::new(command), first),
            Known::New(lookup) => {
                query::warm(&self.ledger, &command.agreement_id).await?;
                LookedUp::New(command, lookup)
            }
        };
        Ok(Looked { request, receipts })
    }

    /// Puts a new request in the writer's queue, waiting for room.
    pub(super) async fn submit(&self, command: AppendCommand, lookup: Lookup) -> PendingOutcome {
        self.ledger.submit(command, lookup).await
    }

    /// The first answer of a known request again.
    pub(super) async fn repeat(
        &self,
        command: Box<AppendCommand>,
        first: Position,
    ) -> Result<Outcome, Status> {
        query::repeat(&self.ledger, command, first).await
    }

    /// What the ledger says as a message or a status, without receipts.
    pub(super) fn answered(&self, outcome: Outcome) -> Result<v1::AppendEventsResponse, Status> {
        match outcome {
            Ok(AppendOutcome::Accepted(answer)) => Ok(accepted(&answer, self.ledger.durability())),
            Ok(AppendOutcome::Refused(refusal)) => Err(status::of_refusal(&refusal)),
            Err(failure) => Err(status::of_append_failure(&failure, self.limits.retry_after)),
        }
    }

    /// Adds a receipt of each event, all under one checkpoint. What is recorded is answered all the
    /// same when there is none.
    pub(super) async fn add_receipts(&self, responses: &mut [&mut v1::AppendEventsResponse]) {
        let Err(failure) = self.receipt_together(responses).await else { return };
        if let [response] = responses {
            failure.message().clone_into(&mut response.receipts_missing);
            return;
        }
        // What is in the way of one must not cost the others theirs.
        for response in responses {
            if let Err(failure) = self.receipt_together(&mut [response]).await {
                failure.message().clone_into(&mut response.receipts_missing);
            }
        }
    }

    async fn receipt_together(
        &self,
        responses: &mut [&mut v1::AppendEventsResponse],
    ) -> Result<(), Status> {
        let events = responses.iter().flat_map(|response| &response.events);
        let positions = events.map(|event| Position::new(event.position)).collect();
        let receipts = proofs::receipts(&self.ledger, positions).await?;
        let events = responses.iter_mut().flat_map(|response| &mut response.events);
        for (event, receipted) in events.zip(receipts) {
            event.receipt = receipted.receipt.to_string();
        }
        Ok(())
    }
}

fn accepted(given: &AppendAnswer, durability: Durability) -> v1::AppendEventsResponse {
    let AppendAnswer {
        agreement_id,
        events,
        version,
        recorded,
        telling,
        purpose,
        usage,
        position,
        opened,
        cleared,
    } = given;
    let finding = |finding| answer::finding(agreement_id, finding);
    let (synced, archive_sync_delay_ms_max) = match purpose {
        Purpose::Record => stated(durability),
        Purpose::ValidateOnly => (v1::Durability::Unspecified, 0),
    };
    v1::AppendEventsResponse {
        events: events.iter().map(appended).collect(),
        agreement_version: version.get(),
        recorded_time: Some(timestamp(*recorded)),
        replayed: *telling == Telling::Again,
        validate_only: *purpose == Purpose::ValidateOnly,
        usage: usage.as_ref().map(|usage| answer::usage(agreement_id, usage, None, *position)),
        findings_opened: opened.iter().map(finding).collect(),
        findings_cleared: cleared.iter().map(finding).collect(),
        receipts_missing: String::new(),
        durability: synced.into(),
        archive_sync_delay_ms_max,
    }
}

fn appended(event: &Appended) -> v1::AppendedEvent {
    let Appended { position, version, event_id, recorded, origin } = event;
    v1::AppendedEvent {
        position: position.map_or(0, Position::get),
        agreement_version: version.get(),
        event_id: event_id.map(|id| id.to_string()).unwrap_or_default(),
        recorded_time: Some(timestamp(*recorded)),
        duplicate: *origin == Origin::EarlierRequest,
        receipt: String::new(),
    }
}
