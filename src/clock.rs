//! The clock: the only place that asks what time it is.

use std::fmt::Debug;
use std::sync::Mutex;

use crate::domain::date::RecordedTime;

/// Tells the time. Recorded times are made non-decreasing by the writer, not here.
pub trait Clock: Debug + Send + Sync {
    /// The present instant, UTC, whole microseconds.
    fn now(&self) -> RecordedTime;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    fn now(&self) -> RecordedTime {
        RecordedTime::from_microseconds(jiff::Timestamp::now().as_microsecond())
            .expect("the present is within the calendar")
    }
}

/// A clock that stands still until it is set, for replaying what happened when.
#[derive(Debug)]
pub struct SetClock(Mutex<RecordedTime>);

impl SetClock {
    /// A clock that shows a time.
    pub fn at(time: RecordedTime) -> Self {
        Self(Mutex::new(time))
    }

    /// Shows another time, earlier or later.
    pub fn set(&self, time: RecordedTime) {
        *self.0.lock().expect("no holder panics") = time;
    }
}

impl Clock for SetClock {
    fn now(&self) -> RecordedTime {
        *self.0.lock().expect("no holder panics")
    }
}
