//! The server under measurement: its connections, and what is set up there before anything is measured.

use contract_ledger::clock::{Clock as _, SystemClock};
use contract_ledger::wire::v1;
use prost::Message as _;
use tokio::task::JoinSet;
use tonic::client::Grpc;
use tonic::transport::Channel;

use super::arguments::BenchArguments;
use super::load::beside::Beside;
use super::load::reading::Question;
use super::load::unary::call;
use super::requests::Run;
use crate::client::ServerAddress;
use crate::outcome::CommandError;

/// Method of AppendEvents.
pub(crate) const APPEND: &str = "/contractledger.v1.LedgerService/AppendEvents";
/// Method of AppendEventsStream.
pub(crate) const APPEND_STREAM: &str = "/contractledger.v1.LedgerService/AppendEventsStream";
/// Method of GetCeilingUsage.
pub(crate) const USAGE: &str = "/contractledger.v1.ProjectionService/GetCeilingUsage";
const READ: &str = "/contractledger.v1.LedgerService/ReadEvents";
const SUBSCRIBE: &str = "/contractledger.v1.LedgerService/SubscribeEvents";

/// Requests of a set-up that are on their way at once, at most.
const SET_UP_IN_FLIGHT_MAX: usize = 256;

/// The server.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) connections: Vec<Channel>,
    /// This run: its ids are nobody else's.
    pub(crate) run: Run,
    server: ServerAddress,
}

impl Target {
    /// Opens every connection.
    pub(crate) async fn connect(
        server: &ServerAddress,
        arguments: &BenchArguments,
    ) -> Result<Self, CommandError> {
        let mut connections = Vec::new();
        for _ in 0..arguments.connections() {
            connections.push(server.connect().await?);
        }
        let run = Run::new(SystemClock.now().oslo_date());
        Ok(Self { connections, run, server: server.clone() })
    }

    /// Sends requests that must all be accepted, and gives their answers, in no order.
    pub(crate) async fn set_up(
        &self,
        requests: impl Iterator<Item = v1::AppendEventsRequest>,
    ) -> Result<Vec<v1::AppendEventsResponse>, CommandError> {
        let mut connections = self.connections.iter().cycle();
        let mut under_way = JoinSet::new();
        let mut answers = Vec::new();
        for request in requests {
            if under_way.len() >= SET_UP_IN_FLIGHT_MAX {
                answers.extend(next_answer(&mut under_way).await?);
            }
            let Some(channel) = connections.next().cloned() else { break };
            under_way.spawn(async move {
                let mut grpc = Grpc::new(channel);
                let answer = call(&mut grpc, APPEND, request.encode_to_vec().into()).await?;
                let decoded = v1::AppendEventsResponse::decode(answer);
                decoded.map_err(|error| tonic::Status::internal(error.to_string()))
            });
        }
        while let Some(answer) = next_answer(&mut under_way).await? {
            answers.push(answer);
        }
        Ok(answers)
    }

    /// Begins what is to go on beside the measurement, each over a connection of its own.
    pub(crate) async fn beside(&self, arguments: &BenchArguments) -> Result<Beside, CommandError> {
        let mut beside = Beside::default();
        for _ in 0..arguments.slow_subscribers {
            beside.slow_reader(self.server.connect().await?, subscribe_from_now());
        }
        for _ in 0..arguments.replays {
            beside.replay(self.server.connect().await?, read_everything(0));
        }
        Ok(beside)
    }
}

async fn next_answer(
    under_way: &mut JoinSet<Result<v1::AppendEventsResponse, tonic::Status>>,
) -> Result<Option<v1::AppendEventsResponse>, CommandError> {
    match under_way.join_next().await {
        None => Ok(None),
        Some(Ok(answer)) => Ok(Some(answer?)),
        Some(Err(error)) => Err(CommandError::Stopped(format!("the set-up ended: {error}"))),
    }
}

/// ReadEvents of everything, or of so many records.
pub(crate) fn read_everything(records_max: u64) -> Question {
    let request = v1::ReadEventsRequest { records_max, ..Default::default() };
    Question { path: READ, message: request.encode_to_vec().into() }
}

/// SubscribeEvents from now on.
pub(crate) fn subscribe_from_now() -> Question {
    let request = v1::SubscribeEventsRequest::default();
    Question { path: SUBSCRIBE, message: request.encode_to_vec().into() }
}
