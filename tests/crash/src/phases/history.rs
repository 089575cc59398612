//! Concurrent clients with reads among their writes, a SIGKILL in the middle, and clients who go on
//! after it; then some order of the calls has to explain every answer.
//!
//! Agreements are new in each cycle and few calls long, so that an order can be searched for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use history::{Answer, Call, Recorder, Refusal, check};
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::answers;
use crate::daemon::Daemon;
use crate::events::{self, Mode};
use crate::outcome::{Outcome, Told};
use crate::random::Random;
use crate::shared::Shared;
use crate::world::World;
use crate::writers::Sender;

const CLIENTS: usize = 4;
const AGREEMENTS: u64 = 2;
/// Some thirty orders of the size that is sent here.
const CEILING: u64 = 1500;
/// Calls in each of the two lives of the server.
const CALLS: u64 = 70;
/// The signing is the first event, and no call of the history.
const SIGNING: u64 = 1;

pub(crate) async fn cycle(world: &mut World, random: &mut Random) -> Result<()> {
    let daemon = world.open(random).await?;
    let agreements: Vec<String> =
        (0..AGREEMENTS).map(|_| format!("history-{}", world.shared.number())).collect();
    sign(world, &daemon, &agreements, random).await?;
    let recorder = Arc::new(Recorder::default());
    let clients = (0..CLIENTS).map(|_| Client {
        agreements: agreements.clone(),
        recorder: Arc::clone(&recorder),
        shared: world.shared.clone(),
        random: random.split(),
        sent: Vec::new(),
    });

    let left = Arc::new(AtomicU64::new(CALLS));
    let mut running = start(&daemon, clients.collect(), &left).await?;
    let kill_at = random.below(CALLS);
    while left.load(Ordering::Acquire) > kill_at {
        tokio::task::yield_now().await;
    }
    daemon.kill().await?;
    let clients = ended(&mut running).await?;

    let daemon = world.serve().await?;
    left.store(CALLS, Ordering::Release);
    let mut running = start(&daemon, clients, &left).await?;
    ended(&mut running).await?;
    let channel = daemon.connect().await?;
    for agreement in &agreements {
        read_events(&recorder, &channel, agreement).await?;
    }
    daemon.kill().await?;
    for anomaly in check(&recorder.operations(), CEILING) {
        world.shared.violation(anomaly.to_string());
    }
    Ok(())
}

async fn sign(
    world: &World,
    daemon: &Daemon,
    agreements: &[String],
    random: &mut Random,
) -> Result<()> {
    let mut sender = Sender::new(daemon.connect().await?, world.shared.clone());
    for id in agreements {
        // The ceiling of a supplier is never the one that is reached.
        let request = events::request(random.uuid(), id, vec![events::sign(CEILING, CEILING)]);
        let told = sender.send(&request).await?;
        if !matches!(told.outcome, Outcome::Accepted(_)) {
            bail!("{id} could not be signed: {}", told.outcome);
        }
    }
    Ok(())
}

type Running = JoinSet<Result<Client>>;

async fn start(daemon: &Daemon, clients: Vec<Client>, left: &Arc<AtomicU64>) -> Result<Running> {
    let mut running = JoinSet::new();
    for client in clients {
        // A connection each: they are different systems.
        let channel = daemon.connect().await?;
        running.spawn(client.run(channel, Arc::clone(left)));
    }
    Ok(running)
}

async fn ended(running: &mut Running) -> Result<Vec<Client>> {
    let mut clients = Vec::new();
    while let Some(client) = running.join_next().await {
        clients.push(client??);
    }
    Ok(clients)
}

/// A request, and whether it is an intent.
type Sent = (v1::AppendEventsRequest, Call);

struct Client {
    agreements: Vec<String>,
    recorder: Arc<Recorder>,
    shared: Shared,
    random: Random,
    sent: Vec<Sent>,
}

impl Client {
    /// Calls until all are made, or until nobody answers.
    async fn run(mut self, channel: Channel, left: Arc<AtomicU64>) -> Result<Self> {
        let mut sender = Sender::new(channel.clone(), self.shared.clone());
        let take_one = |left: u64| left.checked_sub(1);
        while left.fetch_update(Ordering::AcqRel, Ordering::Acquire, take_one).is_ok() {
            let first = self.agreements.first().cloned().unwrap_or_default();
            let agreement = self.random.pick(&self.agreements).cloned().unwrap_or(first);
            let answered = match self.random.below(100) {
                0..12 => match self.random.pick(&self.sent).cloned() {
                    Some(sent) => self.append(&mut sender, sent).await?,
                    None => true,
                },
                12..37 => self.read_usage(&channel, &agreement).await,
                37..47 => read_events(&self.recorder, &channel, &agreement).await.is_ok(),
                _ => {
                    let order = self.order(&agreement);
                    self.sent.push(order.clone());
                    self.append(&mut sender, order).await?
                }
            };
            if !answered {
                // The rest of this life is over for everybody.
                left.store(0, Ordering::Release);
                break;
            }
        }
        Ok(self)
    }

    fn order(&mut self, agreement: &str) -> Sent {
        let amount = self.random.between(10, 99);
        let intent = !self.random.one_in(8);
        let mode = if intent { Mode::Intent } else { Mode::Fact };
        let id = format!("order-{}", self.shared.number());
        let event = events::place(mode, &id, 0, amount);
        let request = events::request(self.random.uuid(), agreement, vec![event]);
        let request_id = request.request_id.clone();
        (request, Call::Append { request_id, expected_version: None, amount, intent })
    }

    /// Whether an answer came.
    async fn append(&self, sender: &mut Sender, (request, call): Sent) -> Result<bool> {
        let started = self.recorder.begin(&request.agreement_id, call);
        let Told { outcome, .. } = sender.send(&request).await?;
        let answer = match &outcome {
            Outcome::Accepted(answer) => match answer.events.first() {
                Some(event) => Answer::Accepted {
                    version: answer.agreement_version.saturating_sub(SIGNING),
                    position: event.position,
                },
                None => bail!("request {}: accepted without an event", request.request_id),
            },
            Outcome::Refused { details, .. } => {
                let reasons: Vec<&str> =
                    details.refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
                if reasons.iter().any(|reason| *reason != "CEILING_EXCEEDED") {
                    let id = &request.request_id;
                    self.shared.violation(format!("request {id}: refused for {reasons:?}"));
                }
                Answer::Refused(Refusal::OverTheCeiling)
            }
            Outcome::NotRecorded { .. } => Answer::NotRecorded,
            Outcome::Open { .. } => return Ok(false),
        };
        self.recorder.end(started, answer);
        Ok(true)
    }

    /// Whether an answer came.
    async fn read_usage(&self, channel: &Channel, agreement: &str) -> bool {
        let started = self.recorder.begin(agreement, Call::ReadUsage);
        let Ok(answer) = answers::usage(channel, agreement).await else { return false };
        let usage = answer.usage.unwrap_or_default();
        let whole = usage.scopes.iter().find(|scope| {
            let scope = scope.scope.as_ref().and_then(|scope| scope.scope.as_ref());
            matches!(scope, Some(v1::scope::Scope::Agreement(_)))
        });
        let exposure = whole.and_then(|scope| scope.exposure.as_ref());
        let exposure = exposure.and_then(|money| money.amount.strip_suffix(".00")?.parse().ok());
        let Some(exposure) = exposure else {
            self.shared.violation(format!("{agreement}: no exposure in {:?}", usage.scopes));
            return true;
        };
        let version = usage.agreement_version.saturating_sub(SIGNING);
        self.recorder.end(started, Answer::Usage { version, exposure });
        true
    }
}

/// Reads the events of one agreement, the signing left out.
async fn read_events(recorder: &Recorder, channel: &Channel, agreement: &str) -> Result<()> {
    let started = recorder.begin(agreement, Call::ReadEvents);
    let asked = v1::ReadEventsRequest {
        agreement_id: agreement.to_owned(),
        exclude_refusals: true,
        ..Default::default()
    };
    let mut client = LedgerServiceClient::new(channel.clone());
    let mut stream = client.read_events(asked).await?.into_inner();
    let mut events = Vec::new();
    while let Some(message) = stream.message().await? {
        events.extend(message.records.into_iter().map(|record| record.request_id));
    }
    recorder.end(started, Answer::Events(events.into_iter().skip(1).collect()));
    Ok(())
}
