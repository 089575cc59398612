//! AdminService: taking in the history of an older register; blocks for a backup and verification,
//! which are in `maintenance`.
//!
//! Of an import two halves run side by side: one takes requests in, in order, and puts them in the writer's queue;
//! the other answers, in the same order. Between them stand as many requests as may be in flight.

use tokio::sync::mpsc;
use tonic::{Request, Response, Status, Streaming};

use super::durability::stated;
use super::error_layer::detailed;
use super::giving_way::GivingWay;
use super::live::{Ended, LiveSender, LiveStreams, Watcher};
use super::stream::Answers;
use super::{ServiceLimits, maintenance, query, status};
use crate::domain::id::Position;
use crate::ledger::command::{AppendFailure, AppendOutcome, Origin, Telling};
use crate::ledger::import::ImportSession;
use crate::ledger::queue::PendingOutcome;
use crate::ledger::{Durability, Known, Ledger};
use crate::wire::parse::{AppendCommand, parse_import};
use crate::wire::v1;

/// The service.
#[derive(Debug)]
pub(super) struct AdminApi {
    pub(super) ledger: Ledger,
    pub(super) limits: ServiceLimits,
    pub(super) live: LiveStreams,
    pub(super) maintenance: LiveStreams,
}

#[tonic::async_trait]
impl v1::admin_service_server::AdminService for AdminApi {
    type VerifyLogStream = Answers<v1::VerifyLogResponse>;
    type ReadBlocksStream = Answers<v1::ReadBlocksResponse>;

    // Here and not with the auditor's questions: it costs the disk what the whole log weighs, and what
    // it tells is mended by whoever runs the ledger.
    async fn verify_log(
        &self,
        _: Request<v1::VerifyLogRequest>,
    ) -> Result<Response<Self::VerifyLogStream>, Status> {
        let verification = self.ledger.verification();
        let way = GivingWay::new(&self.ledger, &self.limits);
        self.maintenance
            .open(|sender| maintenance::send_verification(verification, way, sender))
            .map(Response::new)
    }

    async fn read_blocks(
        &self,
        request: Request<v1::ReadBlocksRequest>,
    ) -> Result<Response<Self::ReadBlocksStream>, Status> {
        let reading = maintenance::begin_blocks(&self.ledger, request.into_inner()).await?;
        let limits = self.limits.clone();
        let way = GivingWay::new(&self.ledger, &self.limits);
        self.maintenance
            .open(|sender| maintenance::send_blocks(reading, limits, way, sender))
            .map(Response::new)
    }

    type ImportEventsStream = Answers<v1::ImportEventsResponse>;

    async fn import_events(
        &self,
        request: Request<Streaming<v1::ImportEventsRequest>>,
    ) -> Result<Response<Self::ImportEventsStream>, Status> {
        let Some(session) = self.ledger.begin_import() else {
            return Err(status::import_not_allowed());
        };
        let (ledger, limits) = (self.ledger.clone(), self.limits.clone());
        let import = Import { ledger, limits, session };
        let requests = request.into_inner();
        self.live.open(|sender| import.run(requests, sender)).map(Response::new)
    }
}

struct Import {
    ledger: Ledger,
    limits: ServiceLimits,
    session: ImportSession,
}

/// A request on its way from the half that takes in to the half that answers.
struct InFlight {
    request_id: String,
    outcome: Outcome,
}

enum Outcome {
    /// The writer has it.
    Pending(PendingOutcome),
    /// It is known from the log.
    Known(Box<Result<AppendOutcome, AppendFailure>>),
    /// It could not even be read.
    Unread(Box<Status>),
}

/// How the half that takes in has ended.
enum Intake {
    /// The client has sent everything, or the half that answers has ended.
    Over,
    /// The server is told to stop, or the client has gone.
    Ended(Ended),
}

impl Import {
    /// Answers until the client has sent everything, a request fails, or the server stops. What is in
    /// flight when the server stops is still answered.
    async fn run(
        self,
        requests: Streaming<v1::ImportEventsRequest>,
        sender: LiveSender<v1::ImportEventsResponse>,
    ) -> Result<(), Ended> {
        let (taken, in_flight) = mpsc::channel(self.limits.import_in_flight_max);
        let taking = self.take_in(requests, taken, sender.watcher());
        let answering = answer_all(in_flight, sender, self.ledger.durability(), &self.limits);
        let (intake, answered) = tokio::join!(taking, answering);
        answered?;
        match intake {
            Intake::Over => Ok(()),
            Intake::Ended(ended) => Err(ended),
        }
    }

    async fn take_in(
        &self,
        mut requests: Streaming<v1::ImportEventsRequest>,
        taken: mpsc::Sender<InFlight>,
        mut watcher: Watcher,
    ) -> Intake {
        loop {
            let next = tokio::select! {
                biased;
                () = taken.closed() => return Intake::Over,
                next = watcher.or_stopping(requests.message()) => next,
            };
            let request = match next {
                Err(ended) => return Intake::Ended(ended),
                Ok(Ok(Some(request))) => request,
                Ok(Ok(None)) => return Intake::Over,
                // What cannot be decoded is told; a client that has broken off hears nothing.
                Ok(Err(bare)) => {
                    let failure = detailed(&bare, self.limits.message_bytes_max);
                    return Intake::Ended(failure.into());
                }
            };
            let request_id =
                request.append.as_ref().map(|append| append.request_id.clone()).unwrap_or_default();
            let outcome = match parse_import(request, self.limits.events_per_request_max) {
                Ok(command) => self.submit(command).await,
                Err(fault) => Outcome::Unread(Box::new(status::of_violations(&fault))),
            };
            let is_last = match &outcome {
                Outcome::Pending(_) => false,
                Outcome::Known(outcome) => outcome.is_err(),
                Outcome::Unread(_) => true,
            };
            if taken.send(InFlight { request_id, outcome }).await.is_err() || is_last {
                return Intake::Over;
            }
        }
    }

    /// A known request is answered here, from the log, and does not stand in the queue.
    async fn submit(&self, command: AppendCommand) -> Outcome {
        match self.known(&command).await {
            Ok(Some(outcome)) => Outcome::Known(Box::new(outcome)),
            Ok(None) => Outcome::Pending(self.ledger.import(command, &self.session).await),
            Err(failure) => Outcome::Unread(Box::new(failure)),
        }
    }

    /// What became of a request before. When it is new, its agreement is folded here, so that the
    /// writer need not.
    async fn known(
        &self,
        command: &AppendCommand,
    ) -> Result<Option<Result<AppendOutcome, AppendFailure>>, Status> {
        let known = self.ledger.known(command);
        match known.map_err(|error| status::of_ledger_error(&error))? {
            Known::Answered(first) => {
                query::repeat(&self.ledger, Box::new(command.clone()), first).await.map(Some)
            }
            Known::New(_) => query::warm(&self.ledger, &command.agreement_id).await.map(|()| None),
        }
    }
}

async fn answer_all(
    mut in_flight: mpsc::Receiver<InFlight>,
    mut sender: LiveSender<v1::ImportEventsResponse>,
    durability: Durability,
    limits: &ServiceLimits,
) -> Result<(), Ended> {
    while let Some(InFlight { request_id, outcome }) = in_flight.recv().await {
        let outcome = match outcome {
            Outcome::Pending(pending) => pending.outcome().await,
            Outcome::Known(outcome) => *outcome,
            Outcome::Unread(failure) => return Err(Ended::Failed(failure)),
        };
        match outcome {
            Ok(outcome) => {
                let (synced, archive_sync_delay_ms_max) = stated(durability);
                let answer = v1::ImportEventsResponse {
                    durability: synced.into(),
                    archive_sync_delay_ms_max,
                    ..response(request_id, &outcome)
                };
                sender.send_answer(answer).await?;
            }
            Err(failure) => {
                return Err(status::of_append_failure(&failure, limits.retry_after).into());
            }
        }
    }
    Ok(())
}

fn response(request_id: String, outcome: &AppendOutcome) -> v1::ImportEventsResponse {
    match outcome {
        AppendOutcome::Accepted(answer) => {
            let before = |origin: Origin| origin == Origin::EarlierRequest;
            let replayed = answer.telling == Telling::Again
                || answer.events.iter().all(|event| before(event.origin));
            // The first record that it took; of one that took none, the first that says the same.
            let own = answer.events.iter().find(|event| !before(event.origin));
            let first = own.or(answer.events.first()).and_then(|event| event.position);
            v1::ImportEventsResponse {
                request_id,
                outcome: v1::ImportOutcome::Accepted.into(),
                position: first.map_or(0, Position::get),
                replayed,
                ..Default::default()
            }
        }
        AppendOutcome::Refused(refusal) => v1::ImportEventsResponse {
            request_id,
            outcome: v1::ImportOutcome::Refused.into(),
            position: refusal.position.map_or(0, Position::get),
            replayed: refusal.telling == Telling::Again,
            reasons: refusal.refused.refusals.iter().map(|one| one.reason.clone()).collect(),
            ..Default::default()
        },
    }
}
