//! When calls are due: as soon as the one before is answered, or at a fixed rate whatever happens.
//!
//! At a fixed rate each call has an intended time, and its latency is counted from there. A server
//! that stops for a while delays the calls behind it, and that shows; a driver that counted from the
//! real sending would send less meanwhile and hide it (coordinated omission).

use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

const NANOSECONDS: u128 = 1_000_000_000;
/// Shortest sleep of the pacing thread: what a timer of the machine is good for.
const SLEEP_MIN: Duration = Duration::from_micros(50);
/// How long after the end a call that was due before it is still sent. The last ones would be taken for
/// calls that nobody could send, otherwise.
const GRACE: Duration = Duration::from_millis(20);

/// How long calls are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// Until this time after the start.
    Time(Duration),
    /// So many calls.
    Calls(u64),
}

/// A call that is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// Counts from 0.
    pub(crate) number: u64,
    /// When it should be sent.
    pub(crate) intended: Instant,
}

/// All calls of a measurement.
#[derive(Debug)]
pub(crate) struct Arrivals {
    start: Instant,
    length: Length,
    rate: Option<NonZeroU64>,
    next: AtomicU64,
    due: Semaphore,
    given: AtomicU64,
}

impl Arrivals {
    /// Begins now. With a rate a thread tells when calls are due; `takers` is how many wait for them.
    pub(crate) fn begin(length: Length, rate: Option<NonZeroU64>, takers: usize) -> Arc<Self> {
        let arrivals = Arc::new(Self {
            start: Instant::now(),
            length,
            rate,
            next: AtomicU64::new(0),
            due: Semaphore::new(0),
            given: AtomicU64::new(0),
        });
        if let Some(rate) = rate {
            let paced = Arc::clone(&arrivals);
            thread::spawn(move || paced.pace(rate, takers));
        }
        arrivals
    }

    /// When calls began to be due.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Waits for the next call that is due. None: there is none any more.
    pub(crate) async fn next(&self) -> Option<Arrival> {
        if self.rate.is_some() {
            self.due.acquire().await.ok()?.forget();
        }
        self.take()
    }

    /// The next call, when one is due already.
    pub(crate) fn next_due(&self) -> Option<Arrival> {
        if self.rate.is_some() {
            self.due.try_acquire().ok()?.forget();
        }
        self.take()
    }

    /// Calls that were due and never sent, because every sender waited for answers.
    pub(crate) fn unsent(&self) -> u64 {
        let given = self.given.load(Ordering::Relaxed);
        given.saturating_sub(self.next.load(Ordering::Relaxed))
    }

    fn take(&self) -> Option<Arrival> {
        let now = Instant::now();
        let passed = now.duration_since(self.start);
        let calls_max = match (self.length, self.rate) {
            (Length::Time(time), None) if passed < time => u64::MAX,
            (Length::Time(time), Some(rate)) if passed < time + GRACE => due_before(time, rate),
            (Length::Time(_), _) => return None,
            (Length::Calls(calls), _) => calls,
        };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= calls_max {
            return None;
        }
        let intended = self.rate.map_or(now, |rate| self.start + intended(number, rate));
        Some(Arrival { number, intended })
    }

    fn pace(&self, rate: NonZeroU64, takers: usize) {
        let calls_max = match self.length {
            Length::Time(time) => due_before(time, rate),
            Length::Calls(calls) => calls,
        };
        let mut given = 0_u64;
        loop {
            let due = due(self.start.elapsed(), rate).min(calls_max);
            if let Ok(more) = usize::try_from(due.saturating_sub(given)) {
                self.due.add_permits(more);
            }
            given = due;
            self.given.store(given, Ordering::Relaxed);
            if given >= calls_max {
                break;
            }
            let next = intended(given, rate);
            thread::sleep(next.saturating_sub(self.start.elapsed()).max(SLEEP_MIN));
        }
        // Whoever still waits looks once more, and sees that it is over.
        self.due.add_permits(takers);
    }
}

/// When a call is intended, after the start.
fn intended(number: u64, rate: NonZeroU64) -> Duration {
    let nanoseconds = u128::from(number) * NANOSECONDS / u128::from(rate.get());
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// How many calls are due so long after the start: the first at once.
fn due(passed: Duration, rate: NonZeroU64) -> u64 {
    let whole = passed.as_nanos() * u128::from(rate.get()) / NANOSECONDS;
    u64::try_from(whole).unwrap_or(u64::MAX).saturating_add(1)
}

/// How many calls are due before an end.
fn due_before(end: Duration, rate: NonZeroU64) -> u64 {
    end.checked_sub(Duration::from_nanos(1)).map_or(0, |last| due(last, rate))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(calls: u64) -> NonZeroU64 {
        NonZeroU64::new(calls).unwrap()
    }

    #[test]
    fn calls_are_intended_evenly_and_due_when_intended() {
        assert_eq!(intended(0, rate(3)), Duration::ZERO);
        assert_eq!(intended(3, rate(3)), Duration::from_secs(1));
        assert_eq!(intended(1, rate(3)), Duration::from_nanos(333_333_333));
        assert_eq!(due(Duration::ZERO, rate(1000)), 1);
        assert_eq!(due(Duration::from_micros(999), rate(1000)), 1);
        assert_eq!(due(Duration::from_millis(1), rate(1000)), 2);
        assert_eq!(due(Duration::from_mins(1), rate(1000)), 60_001);
        assert_eq!(due_before(Duration::from_mins(1), rate(1000)), 60_000);
        assert_eq!(due_before(Duration::ZERO, rate(1000)), 0);
    }

    #[tokio::test]
    async fn as_many_calls_as_were_asked_for_arrive() {
        for rate in [None, NonZeroU64::new(1_000_000)] {
            let arrivals = Arrivals::begin(Length::Calls(5), rate, 1);
            let mut numbers = Vec::new();
            let mut before = arrivals.start();
            while let Some(arrival) = arrivals.next().await {
                assert!(arrival.intended >= before, "{rate:?}");
                // Not when it is taken: what waited for a sender must not look younger.
                let due = rate.map(|rate| arrivals.start() + intended(arrival.number, rate));
                assert_eq!(arrival.intended, due.unwrap_or(arrival.intended));
                before = arrival.intended;
                numbers.push(arrival.number);
            }
            assert_eq!(numbers, [0, 1, 2, 3, 4], "{rate:?}");
            assert_eq!(arrivals.unsent(), 0, "{rate:?}");
        }
    }

    #[tokio::test]
    async fn calls_that_nobody_could_send_are_counted() {
        let arrivals = Arrivals::begin(Length::Calls(5), NonZeroU64::new(1_000_000), 1);
        assert_eq!(arrivals.next().await.unwrap().number, 0);
        while arrivals.given.load(Ordering::Relaxed) < 5 {
            tokio::task::yield_now().await;
        }
        assert_eq!(arrivals.unsent(), 4);
    }

    #[tokio::test]
    async fn nothing_arrives_after_the_time_is_over() {
        for rate in [None, NonZeroU64::new(1000)] {
            let arrivals = Arrivals::begin(Length::Time(Duration::ZERO), rate, 1);
            assert!(arrivals.next().await.is_none(), "{rate:?}");
        }
    }
}
