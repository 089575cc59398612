//! Readers of much give way to appends.
//!
//! A reader of the whole log takes a processor to itself, and appends beside it wait for one. A till waits
//! for its answer; nobody waits like that for the end of a replay. So as long as something is appended,
//! whoever reads much rests for a multiple of the time for which it worked, within a bound. When nothing
//! is, it reads as fast as it can. A subscriber who is or was near the head never rests: it would fall
//! behind for it.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::ServiceLimits;
use crate::ledger::{Head, Ledger};

/// How long after an append a reader gives way.
const APPENDED_LATELY: Duration = Duration::from_millis(10);
/// Shorter rests are gathered: to wake up costs more than they give.
const REST_MIN: Duration = Duration::from_millis(1);
/// Longest rest, however long was worked.
const REST_MAX: Duration = Duration::from_millis(50);

/// Longest rest of a stream that is never silent for longer than its heartbeat.
pub(super) fn rest_max(heartbeat: Duration) -> Duration {
    REST_MAX.min(heartbeat / 8)
}

/// What one reader owes to appends.
#[derive(Debug)]
pub(super) struct GivingWay {
    head: watch::Receiver<Head>,
    rests: Rests,
}

#[derive(Debug)]
struct Rests {
    rest_per_work: u32,
    rest_max: Duration,
    /// How long the log was at the last look.
    record_count: u64,
    /// When it was first seen to have grown to that. None: it has not grown yet.
    grown: Option<Instant>,
    owed: Duration,
}

impl GivingWay {
    /// A reader that begins now.
    pub(super) fn new(ledger: &Ledger, limits: &ServiceLimits) -> Self {
        let head = ledger.head();
        let record_count = head.borrow().record_count;
        let rest_max = rest_max(limits.heartbeat);
        Self { head, rests: Rests::new(limits.read_rest_per_work, rest_max, record_count) }
    }

    /// Rests, if it is time to, from having worked for so long. Waiting is no work.
    pub(super) async fn rest_from(&mut self, worked: Duration) {
        if let Some(rest) = self.due_after(worked) {
            tokio::time::sleep(rest).await;
        }
    }

    /// The same on a thread that may wait.
    pub(super) fn rest_here_from(&mut self, worked: Duration) {
        if let Some(rest) = self.due_after(worked) {
            std::thread::sleep(rest);
        }
    }

    fn due_after(&mut self, worked: Duration) -> Option<Duration> {
        let record_count = self.head.borrow().record_count;
        self.rests.due_after(worked, record_count, Instant::now())
    }
}

impl Rests {
    fn new(rest_per_work: u32, rest_max: Duration, record_count: u64) -> Self {
        Self { rest_per_work, rest_max, record_count, grown: None, owed: Duration::ZERO }
    }

    /// How long to rest now. None: not yet, or not at all.
    fn due_after(&mut self, worked: Duration, record_count: u64, now: Instant) -> Option<Duration> {
        if record_count != self.record_count {
            self.record_count = record_count;
            self.grown = Some(now);
        }
        let is_late = |grown| now.saturating_duration_since(grown) >= APPENDED_LATELY;
        if self.grown.is_none_or(is_late) {
            self.owed = Duration::ZERO;
            return None;
        }
        self.owed = self.owed.saturating_add(worked.saturating_mul(self.rest_per_work));
        (self.owed >= REST_MIN).then(|| std::mem::take(&mut self.owed).min(self.rest_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROSECOND: Duration = Duration::from_micros(1);

    fn rests(rest_per_work: u32) -> (Rests, Instant) {
        (Rests::new(rest_per_work, REST_MAX, 7), Instant::now())
    }

    #[test]
    fn nobody_rests_while_nothing_is_appended() {
        let (mut rests, now) = rests(9);
        for step in 0..100 {
            assert_eq!(rests.due_after(400 * MICROSECOND, 7, now + step * MICROSECOND), None);
        }
    }

    #[test]
    fn short_rests_are_gathered_and_none_is_long() {
        let (mut rests, now) = rests(9);
        assert_eq!(rests.due_after(100 * MICROSECOND, 8, now), None);
        assert_eq!(rests.due_after(100 * MICROSECOND, 8, now), Some(1800 * MICROSECOND));
        assert_eq!(rests.due_after(100 * MICROSECOND, 9, now), None, "what was rested is not owed");
        assert_eq!(rests.due_after(Duration::from_secs(3), 9, now), Some(REST_MAX));
    }

    #[test]
    fn a_while_after_the_last_append_nothing_is_owed() {
        let (mut rests, now) = rests(9);
        assert_eq!(rests.due_after(100 * MICROSECOND, 8, now), None);
        let last = now + APPENDED_LATELY / 2;
        assert_eq!(rests.due_after(MICROSECOND * 20, 8, last), Some(1080 * MICROSECOND));
        assert_eq!(rests.due_after(100 * MICROSECOND, 8, last), None);
        assert_eq!(rests.due_after(Duration::from_secs(3), 8, now + APPENDED_LATELY), None);
        assert_eq!(rests.due_after(100 * MICROSECOND, 9, now + APPENDED_LATELY), None, "anew");
    }

    #[test]
    fn it_can_be_turned_off() {
        let (mut rests, now) = rests(0);
        assert_eq!(rests.due_after(Duration::from_secs(3), 8, now), None);
    }
}
