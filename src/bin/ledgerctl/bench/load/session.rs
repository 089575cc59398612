//! One measurement: calls become due, senders send them, answers are counted, processes looked at.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::arrivals::{Arrival, Arrivals, Length};
use super::process::{self, Sample};
use super::tally::{Answer, Tally, Window};

/// Tallies that the senders of a measurement share, so that few of them wait for one another and
/// thousands need not thousands of histograms.
const TALLIES: usize = 8;

/// How much is sent, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Most calls on their way at once, over all connections.
    pub(crate) in_flight: usize,
    /// Calls a second, whatever the answers; without it as fast as answers come.
    pub(crate) rate: Option<NonZeroU64>,
    /// How long calls are sent before any of them counts. Not looked at when calls are counted.
    pub(crate) warm_up: Duration,
    /// How long calls are sent after that, or how many calls.
    pub(crate) length: Length,
    /// The server's process, when it is on this machine.
    pub(crate) server_pid: Option<u32>,
}

/// What the senders of one measurement share.
#[derive(Debug)]
pub(crate) struct Session {
    arrivals: Arc<Arrivals>,
    window: Window,
    tallies: Vec<Mutex<Tally>>,
}

/// The outcome of a measurement.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) tally: Tally,
    pub(crate) elapsed: Duration,
    /// Calls that were due and could not be sent.
    pub(crate) unsent: u64,
    pub(crate) client: Option<Spent>,
    pub(crate) server: Option<Spent>,
}

/// What a process used while answers counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) cpu_ms: u64,
    /// At the end.
    pub(crate) rss_bytes: u64,
    pub(crate) rss_peak_bytes: u64,
}

impl Session {
    /// The next call that is due. None: it is over.
    pub(crate) async fn next(&self) -> Option<Arrival> {
        self.arrivals.next().await
    }

    /// The next call, when one is due already.
    pub(crate) fn next_due(&self) -> Option<Arrival> {
        self.arrivals.next_due()
    }

    /// When calls began to be due.
    pub(crate) fn start(&self) -> Instant {
        self.arrivals.start()
    }

    /// An answer to a call of a sender, which came now.
    pub(crate) fn answered(&self, sender: usize, answer: Answer, intended: Instant) {
        let (done, window) = (Instant::now(), self.window);
        self.tally(sender, |tally| tally.take(answer, intended, done, window));
    }

    /// Events that came now, of a call that is still going on.
    pub(crate) fn progress(&self, sender: usize, events: u64, bytes: u64) {
        let (now, window) = (Instant::now(), self.window);
        self.tally(sender, |tally| tally.progress(events, bytes, now, window));
    }

    fn tally(&self, sender: usize, take: impl FnOnce(&mut Tally)) {
        if let Some(tally) = self.tallies.get(sender % TALLIES) {
            take(&mut tally.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// Measures what senders do. `send` starts them; each ends when there is no further call.
pub(crate) async fn measure(
    load: &Load,
    send: impl FnOnce(&Arc<Session>) -> JoinSet<()>,
) -> Measured {
    let (length, warm_up) = match load.length {
        Length::Time(time) => (Length::Time(load.warm_up + time), load.warm_up),
        calls @ Length::Calls(_) => (calls, Duration::ZERO),
    };
    let arrivals = Arrivals::begin(length, load.rate, load.in_flight);
    let begin = arrivals.start() + warm_up;
    let end = match length {
        Length::Time(time) => Some(arrivals.start() + time),
        Length::Calls(_) => None,
    };
    let tallies = std::iter::repeat_with(|| Mutex::new(Tally::new())).take(TALLIES).collect();
    let session = Arc::new(Session { arrivals, window: Window { begin, end }, tallies });
    let mut senders = send(&session);
    tokio::time::sleep_until(begin.into()).await;
    let before = look(load.server_pid);
    let after = if let Some(end) = end {
        tokio::time::sleep_until(end.into()).await;
        let after = look(load.server_pid);
        join(&mut senders).await;
        after
    } else {
        join(&mut senders).await;
        look(load.server_pid)
    };
    let elapsed = end.unwrap_or_else(Instant::now).duration_since(begin);
    let mut tally = Tally::new();
    for part in &session.tallies {
        tally.add(part.lock().unwrap_or_else(PoisonError::into_inner).clone());
    }
    Measured {
        tally,
        elapsed,
        unsent: session.arrivals.unsent(),
        client: spent(before.0, after.0),
        server: spent(before.1, after.1),
    }
}

async fn join(senders: &mut JoinSet<()>) {
    while let Some(ended) = senders.join_next().await {
        ended.expect("a sender does not panic");
    }
}

fn look(server: Option<u32>) -> (Option<Sample>, Option<Sample>) {
    (process::own(), server.and_then(process::of))
}

fn spent(before: Option<Sample>, after: Option<Sample>) -> Option<Spent> {
    let (before, after) = (before?, after?);
    Some(Spent {
        cpu_ms: after.cpu_ms.saturating_sub(before.cpu_ms),
        rss_bytes: after.rss_bytes,
        rss_peak_bytes: after.rss_peak_bytes,
    })
}
