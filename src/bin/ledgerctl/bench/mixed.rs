//! The workload `mixed`: made-up histories of the embedded frameworks, appended as if they happened now.
//!
//! Each sender has a history of its own, with agreements of its own, and sends it in its order: an
//! invoice after its order. What happened long before today is recorded today, so every event of it
//! leaves a finding that it was registered late.

use bytes::Bytes;
use contract_ledger::generate::contract::Contract;
use contract_ledger::generate::framework;
use contract_ledger::generate::history::{History, HistoryOptions};
use prost::Message as _;
use tonic::client::Grpc;
use tonic::transport::Channel;
use uuid::Uuid;

use super::arguments::BenchArguments;
use super::load::drive::{Call, drive};
use super::load::session::Measured;
use super::load::tally::Answer;
use super::load::unary::{answer_of, call};
use super::requests::Run;
use super::target::{APPEND, Target};
use crate::frameworks::contracts_of;
use crate::outcome::CommandError;

/// Size of each history, in millionths of a municipality's.
const SCALE_PARTS: u64 = 10_000;
/// How far back a history begins.
const YEARS: i16 = 3;

/// Measures.
pub(crate) async fn run(
    target: &Target,
    arguments: &BenchArguments,
) -> Result<Measured, CommandError> {
    let contracts = contracts_of(&framework::embedded())?;
    let connections = target.connections.iter().cycle();
    let senders = (0_u64..).zip(connections.take(arguments.in_flight()));
    let senders = senders.map(|(number, channel)| Sender {
        grpc: Grpc::new(channel.clone()),
        traffic: Traffic::new(target.run.clone(), number, contracts.clone()),
        pending: None,
    });
    let senders = senders.collect();
    let _beside = target.beside(arguments).await?;
    Ok(drive(senders, &arguments.load()).await)
}

struct Sender {
    grpc: Grpc<Channel>,
    traffic: Traffic,
    /// What was refused as overload, and is sent again.
    pending: Option<(Bytes, u64)>,
}

impl Call for Sender {
    async fn call(&mut self, _number: u64) -> Answer {
        let Some((message, events)) = self.pending.take().or_else(|| self.traffic.next()) else {
            return Answer::Failed("there is no made-up history".to_owned());
        };
        match call(&mut self.grpc, APPEND, message.clone()).await {
            Ok(answer) => {
                let bytes = u64::try_from(answer.len()).unwrap_or(u64::MAX);
                Answer::Accepted { events, bytes }
            }
            Err(status) => {
                let answer = answer_of(&status);
                if answer == Answer::Overloaded {
                    self.pending = Some((message, events));
                }
                answer
            }
        }
    }
}

/// Requests of one history after the other, with ids that are new to any ledger.
struct Traffic {
    run: Run,
    sender: u64,
    /// Counts the histories.
    round: u64,
    contracts: Vec<Contract>,
    history: Option<History>,
}

impl Traffic {
    fn new(run: Run, sender: u64, contracts: Vec<Contract>) -> Self {
        Self { run, sender, round: 0, contracts, history: None }
    }

    fn begin(&self) -> History {
        let yesterday = self.run.days_ago(1);
        let options = HistoryOptions {
            seed: self.sender.wrapping_add(self.round << 32),
            scale_parts: SCALE_PARTS,
            from: yesterday.plus_years(-YEARS).unwrap_or(yesterday),
            to: yesterday,
        };
        History::of(self.contracts.clone(), options)
    }

    /// None: a history is empty, and so would the next one be.
    fn next(&mut self) -> Option<(Bytes, u64)> {
        let next = self.history.as_mut().and_then(Iterator::next);
        let import = next.or_else(|| {
            self.round += 1;
            let mut history = self.begin();
            let first = history.next();
            self.history = Some(history);
            first
        })?;
        let mut append = import.append?;
        let suffix = format!("-{}-{}-{}", self.run.prefix(), self.sender, self.round);
        append.request_id = Uuid::new_v4().to_string();
        append.agreement_id.push_str(&suffix);
        for source in append.events.iter_mut().filter_map(|event| event.source.as_mut()) {
            source.event_id.push_str(&suffix);
        }
        let events = u64::try_from(append.events.len()).unwrap_or(u64::MAX);
        Some((append.encode_to_vec().into(), events))
    }
}

#[cfg(test)]
mod tests {
    use contract_ledger::domain::date::Date;
    use contract_ledger::wire::v1::AppendEventsRequest;

    use super::*;

    #[test]
    fn traffic_goes_on_and_no_id_comes_twice() {
        let run = Run::new(Date::parse("2026-11-30").unwrap());
        let contracts = contracts_of(&framework::embedded()).unwrap();
        let mut ids = std::collections::BTreeSet::new();
        for sender in 0..2 {
            let mut traffic = Traffic::new(run.clone(), sender, contracts.clone());
            for _ in 0..200 {
                let (message, events) = traffic.next().unwrap();
                let request = AppendEventsRequest::decode(message).unwrap();
                assert_eq!(events, 1);
                assert!(ids.insert(request.request_id));
                let source = request.events.first().unwrap().source.clone().unwrap();
                assert!(ids.insert(source.event_id));
            }
        }
    }
}
