//! Concurrent writers with a seed each, who send all kinds of requests until nobody answers.
//!
//! It must not know how the server will end, nor what is checked afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::backups;
use crate::daemon::Daemon;
use crate::events::{self, Mode};
use crate::outcome::{Outcome, Told};
use crate::random::Random;
use crate::shape::{Shape, Terms};
use crate::shared::{OpenOrder, Shared, Sourced};
use crate::signed;

/// Sends, and keeps the witness.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    client: LedgerServiceClient<Channel>,
    shared: Shared,
}

impl Sender {
    pub(crate) fn new(channel: Channel, shared: Shared) -> Self {
        Self { client: LedgerServiceClient::new(channel), shared }
    }

    pub(crate) async fn send(&mut self, request: &v1::AppendEventsRequest) -> Result<Told> {
        let failure_told = {
            let mut inner = self.shared.lock();
            inner.witness.sending(request)?;
            inner.failure_told
        };
        let answer = self.client.append_events(request.clone()).await;
        let told = Told::of(answer.map(tonic::Response::into_inner));
        self.shared.lock().take_in(request, &told, failure_told)?;
        Ok(told)
    }
}

/// Writers at work.
pub(crate) struct Load {
    tasks: JoinSet<Result<()>>,
    /// What goes on beside the writers, and does not keep them.
    beside: JoinSet<Result<()>>,
    enough: Arc<AtomicBool>,
}

impl Load {
    pub(crate) async fn start(
        daemon: &Daemon,
        shape: &Shape,
        shared: &Shared,
        random: &mut Random,
    ) -> Result<Self> {
        let enough = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for _ in 0..shape.writers {
            // A connection each: they are different systems. A server may be gone already.
            let Ok(channel) = daemon.connect().await else { break };
            let writer = Writer {
                sender: Sender::new(channel, shared.clone()),
                shared: shared.clone(),
                agreements: shape.agreements.clone(),
                random: random.split(),
            };
            tasks.spawn(writer.run(Arc::clone(&enough)));
        }
        let mut beside = JoinSet::new();
        if shape.key.is_some()
            && let Ok(channel) = daemon.connect().await
        {
            beside.spawn(signed::ask_on(channel, shared.clone(), Arc::clone(&enough)));
        }
        if let Some(backup) = &shape.backup {
            beside.spawn(backups::back_up_on(
                daemon.url(),
                backup.clone(),
                random.split(),
                Arc::clone(&enough),
            ));
        }
        Ok(Self { tasks, beside, enough })
    }

    /// Whether every writer has given up.
    pub(crate) fn is_over(&mut self) -> bool {
        while self.tasks.try_join_next().is_some() {}
        self.tasks.is_empty()
    }

    /// Lets each writer finish what it is at.
    pub(crate) async fn finish(mut self) -> Result<()> {
        self.enough.store(true, Ordering::Release);
        for tasks in [&mut self.tasks, &mut self.beside] {
            while let Some(ended) = tasks.join_next().await {
                ended??;
            }
        }
        Ok(())
    }
}

struct Writer {
    sender: Sender,
    shared: Shared,
    agreements: Vec<Terms>,
    random: Random,
}

/// Whether it is worth sending more.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

impl Writer {
    async fn run(mut self, enough: Arc<AtomicBool>) -> Result<()> {
        while !enough.load(Ordering::Acquire) {
            let next = match self.random.below(100) {
                0..8 => self.repeat().await?,
                8..14 => self.race().await?,
                14..24 => self.batch().await?,
                24..34 => self.change_or_cancel().await?,
                34..42 => self.invoice().await?,
                42..46 => self.duplicate().await?,
                46..49 => self.with_wrong_version().await?,
                49..58 => self.place(Mode::Fact).await?,
                _ => self.place(Mode::Intent).await?,
            };
            if next == Next::Stop {
                break;
            }
        }
        Ok(())
    }

    fn agreement(&mut self) -> Terms {
        let first = self.agreements.first().cloned();
        self.random.pick(&self.agreements).cloned().or(first).expect("every shape has agreements")
    }

    fn request(&mut self, agreement: &str, events: Vec<v1::Event>) -> v1::AppendEventsRequest {
        events::request(self.random.uuid(), agreement, events)
    }

    fn new_order(&mut self, agreement: &str) -> OpenOrder {
        OpenOrder {
            agreement: agreement.to_owned(),
            id: format!("order-{}", self.shared.number()),
            supplier: usize::try_from(self.random.below(2)).unwrap_or(0),
            amount: self.random.between(10, 99),
            is_invoiced: false,
        }
    }

    async fn send(&mut self, request: &v1::AppendEventsRequest) -> Result<(Outcome, Next)> {
        let told = self.sender.send(request).await?;
        let next = match &told.outcome {
            Outcome::Accepted(_) | Outcome::Refused { .. } => Next::GoOn,
            Outcome::NotRecorded { reason } if reason == "OVERLOADED" => Next::GoOn,
            Outcome::NotRecorded { .. } | Outcome::Open { .. } => Next::Stop,
        };
        Ok((told.outcome, next))
    }

    async fn place(&mut self, mode: Mode) -> Result<Next> {
        let terms = self.agreement();
        let order = self.new_order(&terms.id);
        let mut event = events::place(mode, &order.id, order.supplier, order.amount);
        let has_source = self.random.one_in(4);
        if has_source {
            event = events::from_source(event, &order.id);
        }
        let request = self.request(&terms.id, vec![event.clone()]);
        let (outcome, next) = self.send(&request).await?;
        if let Outcome::Accepted(answer) = &outcome {
            let mut inner = self.shared.lock();
            if let Some(first) = answer.events.first().filter(|_| has_source) {
                let position = first.position;
                inner.sourced.push(Sourced { agreement: terms.id, event, position });
            }
            inner.orders.push(order);
        }
        Ok(next)
    }

    /// Several orders in one request, all or none; some too long for one block, some many.
    async fn batch(&mut self) -> Result<Next> {
        let terms = self.agreement();
        let count = if self.random.one_in(12) { 60 } else { self.random.between(2, 6) };
        let mode = if self.random.one_in(2) { Mode::Intent } else { Mode::Fact };
        let orders: Vec<OpenOrder> = (0..count).map(|_| self.new_order(&terms.id)).collect();
        let description = "x".repeat(usize::try_from(self.random.below(3000)).unwrap_or(0));
        let events = orders.iter().map(|order| {
            let mut event = events::place(mode, &order.id, order.supplier, order.amount);
            if let Some(v1::event::Payload::OrderPlaced(placed)) = &mut event.payload {
                placed.description.clone_from(&description);
            }
            event
        });
        let request = events::request(self.random.uuid(), &terms.id, events.collect());
        let (outcome, next) = self.send(&request).await?;
        if matches!(outcome, Outcome::Accepted(_)) {
            self.shared.lock().orders.extend(orders);
        }
        Ok(next)
    }

    fn take_order(&mut self) -> Option<OpenOrder> {
        let mut inner = self.shared.lock();
        let count = u64::try_from(inner.orders.len()).unwrap_or(0);
        let index = usize::try_from(self.random.below(count)).unwrap_or(0);
        (index < inner.orders.len()).then(|| inner.orders.swap_remove(index))
    }

    async fn change_or_cancel(&mut self) -> Result<Next> {
        let Some(mut order) = self.take_order() else { return self.place(Mode::Intent).await };
        let cancels = !order.is_invoiced && self.random.one_in(3);
        let amount = self.random.between(order.amount.div_ceil(2), order.amount * 2);
        let event =
            if cancels { events::cancel(&order.id) } else { events::change(&order.id, amount) };
        let request = self.request(&order.agreement, vec![event]);
        let (outcome, next) = self.send(&request).await?;
        match outcome {
            Outcome::Accepted(_) if cancels => {}
            Outcome::Accepted(_) => {
                order.amount = amount;
                self.shared.lock().orders.push(order);
            }
            Outcome::Refused { .. } | Outcome::NotRecorded { .. } => {
                self.shared.lock().orders.push(order);
            }
            // Nobody knows what it is now; nobody uses it again.
            Outcome::Open { .. } => {}
        }
        Ok(next)
    }

    /// Of an order, always less than it; or without an order.
    async fn invoice(&mut self) -> Result<Next> {
        let id = format!("invoice-{}", self.shared.number());
        if self.random.one_in(2) {
            let terms = self.agreement();
            let net = self.random.between(1, 20);
            let supplier = usize::try_from(self.random.below(2)).unwrap_or(0);
            let request = self.request(&terms.id, vec![events::invoice(&id, "", supplier, net)]);
            return Ok(self.send(&request).await?.1);
        }
        let Some(mut order) = self.take_order() else { return self.place(Mode::Fact).await };
        if order.is_invoiced {
            self.shared.lock().orders.push(order);
            return self.place(Mode::Fact).await;
        }
        let event = events::invoice(&id, &order.id, order.supplier, 1);
        let request = self.request(&order.agreement, vec![event]);
        let (outcome, next) = self.send(&request).await?;
        if !matches!(outcome, Outcome::Open { .. }) {
            order.is_invoiced |= matches!(outcome, Outcome::Accepted(_));
            self.shared.lock().orders.push(order);
        }
        Ok(next)
    }

    /// A request id that was answered before, in this life of the server or an earlier one.
    async fn repeat(&mut self) -> Result<Next> {
        let earlier = {
            let inner = self.shared.lock();
            let id = self.random.pick(inner.witness.acknowledged());
            id.and_then(|id| inner.witness.get(id)).map(|known| known.request.clone())
        };
        match earlier {
            Some(request) => Ok(self.send(&request).await?.1),
            None => self.place(Mode::Intent).await,
        }
    }

    /// What a system sends twice, under a new request id.
    async fn duplicate(&mut self) -> Result<Next> {
        let earlier = self.random.pick(&self.shared.lock().sourced).cloned();
        let Some(Sourced { agreement, event, position }) = earlier else {
            return self.place(Mode::Fact).await;
        };
        let request = self.request(&agreement, vec![event]);
        let (outcome, next) = self.send(&request).await?;
        if let Outcome::Accepted(answer) = &outcome {
            let found = answer.events.first().map(|event| (event.position, event.duplicate));
            if found != Some((position, true)) {
                let id = &request.request_id;
                self.shared.violation(format!(
                    "request {id}: expected a duplicate of position {position}; found {found:?}"
                ));
            }
        }
        Ok(next)
    }

    async fn with_wrong_version(&mut self) -> Result<Next> {
        let terms = self.agreement();
        let order = self.new_order(&terms.id);
        let event = events::place(Mode::Intent, &order.id, order.supplier, order.amount);
        let mut request = self.request(&terms.id, vec![event]);
        request.expected_version = Some(1_000_000);
        Ok(self.send(&request).await?.1)
    }

    /// Two systems want the last of a ceiling at the same time: one gets it.
    async fn race(&mut self) -> Result<Next> {
        let agreement = format!("race-{}", self.shared.number());
        let signing = self.request(&agreement, vec![events::sign(100, 100)]);
        let (outcome, next) = self.send(&signing).await?;
        if next == Next::Stop || !matches!(outcome, Outcome::Accepted(_)) {
            return Ok(next);
        }
        let mut requests = Vec::new();
        for _ in 0..2 {
            let order = self.new_order(&agreement);
            let event = events::place(Mode::Intent, &order.id, order.supplier, 51);
            requests.push(self.request(&agreement, vec![event]));
        }
        let mut other = self.sender.clone();
        let (one, two) = tokio::join!(self.sender.send(&requests[0]), other.send(&requests[1]));
        let answers = [one?.outcome, two?.outcome];
        let won = answers.iter().filter(|one| matches!(one, Outcome::Accepted(_))).count();
        let open = answers.iter().filter(|one| !one.is_acknowledged()).count();
        if won > 1 || (open == 0 && won != 1) {
            self.shared.violation(format!("{agreement}: expected one winner; found {won}"));
        }
        Ok(if open > 0 { Next::Stop } else { Next::GoOn })
    }
}
