//! Counts answers by what they say, and how long they took.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Longest latency that is told apart, in nanoseconds: an hour.
const NANOSECONDS_MAX: u64 = 3_600_000_000_000;
/// Decimal digits to which a latency is kept.
const DIGITS: u8 = 3;

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Answered as asked, with so many events in so many bytes.
    Accepted {
        /// Events that it stands for.
        events: u64,
        /// Bytes of the answer.
        bytes: u64,
    },
    /// Refused by a rule.
    Refused,
    /// Refused because there is too much to do.
    Overloaded,
    /// Anything else.
    Failed(String),
}

/// The time in which answers count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// From here on.
    pub(crate) begin: Instant,
    /// Until here, when there is an end.
    pub(crate) end: Option<Instant>,
}

impl Window {
    fn holds(&self, time: Instant) -> bool {
        time >= self.begin && self.end.is_none_or(|end| time < end)
    }
}

/// Answers of one or several senders.
#[derive(Debug, Clone)]
pub(crate) struct Tally {
    /// Nanoseconds of accepted calls.
    pub(crate) latency: Histogram<u64>,
    /// Nanoseconds of refused and overloaded calls.
    pub(crate) refusal_latency: Histogram<u64>,
    pub(crate) accepted: u64,
    pub(crate) events: u64,
    pub(crate) bytes: u64,
    pub(crate) refused: u64,
    pub(crate) overloaded: u64,
    pub(crate) failed: u64,
    /// What the first failure said.
    pub(crate) first_failure: Option<String>,
}

impl Tally {
    /// No answer yet.
    pub(crate) fn new() -> Self {
        Self {
            latency: histogram(),
            refusal_latency: histogram(),
            accepted: 0,
            events: 0,
            bytes: 0,
            refused: 0,
            overloaded: 0,
            failed: 0,
            first_failure: None,
        }
    }

    /// An answer that came now. It counts when it came within the window; its latency is taken when
    /// the call was intended within it, so that calls that are answered late are not left out.
    pub(crate) fn take(
        &mut self,
        answer: Answer,
        intended: Instant,
        done: Instant,
        window: Window,
    ) {
        if window.holds(intended) {
            let taken = nanoseconds(done.duration_since(intended));
            match answer {
                Answer::Accepted { .. } => self.latency.saturating_record(taken),
                Answer::Refused | Answer::Overloaded => {
                    self.refusal_latency.saturating_record(taken);
                }
                Answer::Failed(_) => {}
            }
        }
        if window.holds(done) {
            self.count(answer);
        }
    }

    /// Events that came now, of a call that is still going on.
    pub(crate) fn progress(&mut self, events: u64, bytes: u64, now: Instant, window: Window) {
        if window.holds(now) {
            self.events += events;
            self.bytes += bytes;
        }
    }

    fn count(&mut self, answer: Answer) {
        match answer {
            Answer::Accepted { events, bytes } => {
                self.accepted += 1;
                self.events += events;
                self.bytes += bytes;
            }
            Answer::Refused => self.refused += 1,
            Answer::Overloaded => self.overloaded += 1,
            Answer::Failed(text) => {
                self.failed += 1;
                self.first_failure.get_or_insert(text);
            }
        }
    }

    /// Adds the answers of another sender.
    pub(crate) fn add(&mut self, other: Self) {
        let bounded_alike = "every histogram has the same bounds";
        self.latency.add(&other.latency).expect(bounded_alike);
        self.refusal_latency.add(&other.refusal_latency).expect(bounded_alike);
        self.accepted += other.accepted;
        self.events += other.events;
        self.bytes += other.bytes;
        self.refused += other.refused;
        self.overloaded += other.overloaded;
        self.failed += other.failed;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, NANOSECONDS_MAX, DIGITS).expect("the bounds are valid")
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: Answer = Answer::Accepted { events: 2, bytes: 10 };

    fn at(begin: Instant, milliseconds: u64) -> Instant {
        begin + Duration::from_millis(milliseconds)
    }

    #[test]
    fn answers_count_by_when_they_came_and_latencies_by_when_they_were_due() {
        let start = Instant::now();
        let window = Window { begin: at(start, 100), end: Some(at(start, 200)) };
        let mut tally = Tally::new();
        // Due in the warm-up, answered in the window; all in the window; answered after it.
        tally.take(ACCEPTED, at(start, 50), at(start, 110), window);
        tally.take(ACCEPTED, at(start, 120), at(start, 130), window);
        tally.take(ACCEPTED, at(start, 190), at(start, 450), window);
        assert_eq!((tally.accepted, tally.events, tally.bytes), (2, 4, 20));
        assert_eq!(tally.latency.len(), 2);
        assert_eq!(tally.latency.max() / 1_000_000, 260, "the late answer is not hidden");
    }

    #[test]
    fn refusals_are_kept_apart_from_overload_and_failure() {
        let start = Instant::now();
        let window = Window { begin: start, end: None };
        let mut tally = Tally::new();
        let failed = |text: &str| Answer::Failed(text.to_owned());
        for answer in
            [Answer::Refused, Answer::Overloaded, Answer::Overloaded, failed("a"), failed("b")]
        {
            tally.take(answer, start, at(start, 1), window);
        }
        tally.progress(7, 70, start, window);
        let mut all = Tally::new();
        all.add(tally);
        assert_eq!((all.refused, all.overloaded, all.failed), (1, 2, 2));
        assert_eq!((all.events, all.bytes, all.accepted), (7, 70, 0));
        assert_eq!(all.first_failure.as_deref(), Some("a"));
        assert_eq!((all.latency.len(), all.refusal_latency.len()), (0, 3));
    }
}
