//! The workload `subscribe`: how long it takes from the time at which an append was due until a
//! subscriber has its record.
//!
//! Appends go out at a fixed rate over connections of their own. A subscriber knows each record again by
//! the number in its request id, and so knows when it was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::Streaming;

use super::arguments::BenchArguments;
use super::load::reading::open;
use super::load::session::{Measured, Session, measure};
use super::load::shallow;
use super::load::tally::Answer;
use super::load::unary::{Messages as _, answer_of, call};
use super::requests::Run;
use super::target::{APPEND, Target, subscribe_from_now};
use crate::outcome::CommandError;

/// Appends that are on their way at once, at most.
const APPENDERS: usize = 256;
/// Fields on the way from a message of the subscription to the request ids in it.
const SUBSCRIBED_RECORDS: u64 = 1;
const RECORDS: u64 = 1;
const REQUEST_ID: u64 = 4;
/// How long a subscriber waits for records that are missing once nothing is appended any more.
const PATIENCE: Duration = Duration::from_secs(5);
const NANOSECONDS: u128 = 1_000_000_000;

/// Signs the agreements, subscribes, then measures.
pub(crate) async fn run(
    target: &Target,
    arguments: &BenchArguments,
) -> Result<Measured, CommandError> {
    target.set_up(target.run.signatures(arguments.agreements)).await?;
    let BenchArguments { agreements, event_bytes, .. } = *arguments;
    let orders = target.run.orders(agreements, 1, event_bytes);
    let mut subscriptions = Vec::new();
    for channel in target.connections.iter().cycle().take(arguments.in_flight()) {
        subscriptions.push(open(channel, &subscribe_from_now()).await?);
    }
    let _beside = target.beside(arguments).await?;
    let load = super::load::session::Load { in_flight: APPENDERS, ..arguments.load() };
    let rate = load.rate.map_or(1, std::num::NonZeroU64::get);
    let measured = measure(&load, |session| {
        let mut senders = JoinSet::new();
        // How many appends are accepted, once they all are answered.
        let (ended, told) = watch::channel(None);
        let ended = Arc::new(Ended { accepted: AtomicU64::new(0), told: ended });
        for channel in target.connections.iter().cycle().take(APPENDERS) {
            let (session, channel) = (session.clone(), channel.clone());
            let (orders, ended) = (orders.clone(), ended.clone());
            senders.spawn(async move {
                let mut grpc = tonic::client::Grpc::new(channel);
                while let Some(arrival) = session.next().await {
                    let (message, _) = orders.message(arrival.number);
                    match call(&mut grpc, APPEND, message).await {
                        Ok(_) => {
                            ended.accepted.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(status) => {
                            session.answered(0, answer_of(&status), arrival.intended);
                        }
                    }
                }
                // The last appender that goes away tells how many there were.
                drop(ended);
            });
        }
        drop(ended);
        for (place, subscription) in subscriptions.into_iter().enumerate() {
            let subscriber =
                Subscriber { session: session.clone(), run: target.run.clone(), rate, place };
            senders.spawn(subscriber.follow(subscription, told.clone()));
        }
        senders
    })
    .await;
    Ok(measured)
}

/// Counts what is accepted, and tells it when nobody appends any more.
struct Ended {
    accepted: AtomicU64,
    told: watch::Sender<Option<u64>>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.told.send_replace(Some(self.accepted.load(Ordering::Relaxed)));
    }
}

struct Subscriber {
    session: Arc<Session>,
    run: Run,
    rate: u64,
    place: usize,
}

impl Subscriber {
    /// Takes records until appending has ended and all of them came, or nothing comes any more.
    async fn follow(self, mut messages: Streaming<Bytes>, mut ended: watch::Receiver<Option<u64>>) {
        let mut seen = 0;
        let mut accepted = None;
        while accepted.is_none_or(|accepted| seen < accepted) {
            let message = tokio::select! {
                message = messages.message() => message,
                told = ended.wait_for(Option::is_some), if accepted.is_none() => {
                    // An error means that nobody will tell: then there is nothing to wait for.
                    accepted = told.map_or(Some(0), |told| *told);
                    continue;
                }
                () = tokio::time::sleep(PATIENCE), if accepted.is_some() => return,
            };
            match message {
                Ok(Some(message)) => seen += self.take(&message),
                Ok(None) => return,
                Err(status) => {
                    let failed = Answer::Failed(status.to_string());
                    return self.session.answered(self.place, failed, Instant::now());
                }
            }
        }
    }

    /// How many records of this measurement a message has; each counts as answered now.
    fn take(&self, message: &[u8]) -> u64 {
        let Some(records) = shallow::first(message, SUBSCRIBED_RECORDS) else { return 0 };
        let mut seen = 0;
        for record in shallow::fields(records).filter(|field| field.number == RECORDS) {
            let request = shallow::first(record.bytes, REQUEST_ID);
            // Records of others, and of the set-up, are passed over.
            let Some(number) = request.and_then(|id| self.run.number_of(id)) else { continue };
            let after = u128::from(number) * NANOSECONDS / u128::from(self.rate);
            let after = Duration::from_nanos(u64::try_from(after).unwrap_or(u64::MAX));
            let bytes = u64::try_from(record.bytes.len()).unwrap_or(u64::MAX);
            let answer = Answer::Accepted { events: 1, bytes };
            self.session.answered(self.place, answer, self.session.start() + after);
            seen += 1;
        }
        seen
    }
}
