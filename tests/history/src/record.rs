//! Calls and their answers, with when they began and ended in one order of all clients.

use std::sync::{Mutex, PoisonError};

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// One event that adds to the exposure.
    Append {
        request_id: String,
        expected_version: Option<u64>,
        amount: u64,
        /// An intent can be refused by the ceiling; a fact cannot.
        intent: bool,
    },
    /// What the sums are. The version tells as of what.
    ReadUsage,
    /// The request ids of all events of the agreement, the first version first.
    ReadEvents,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Refusal {
    /// The expected version was another one than this.
    WrongVersion {
        version: u64,
    },
    OverTheCeiling,
}

/// What a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Accepted {
        version: u64,
        position: u64,
    },
    Refused(Refusal),
    Usage {
        version: u64,
        exposure: u64,
    },
    Events(Vec<String>),
    /// The server said that it recorded nothing, and will not.
    NotRecorded,
}

/// A call with its place in time. Times are numbers that no two moments share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub agreement: String,
    pub call: Call,
    pub began: u64,
    /// When it ended and with what; nothing when the outcome is unknown.
    pub ended: Option<(u64, Answer)>,
}

/// A call that was begun.
#[derive(Debug)]
#[must_use = "a call that never ends has an unknown outcome"]
pub struct Started(usize);

/// Takes down calls of many clients.
#[derive(Debug, Default)]
pub struct Recorder(Mutex<Recorded>);

#[derive(Debug, Default)]
struct Recorded {
    moment: u64,
    operations: Vec<Operation>,
}

impl Recorder {
    /// Call this before anything of the call leaves.
    pub fn begin(&self, agreement: &str, call: Call) -> Started {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let began = recorded.next();
        let operation = Operation { agreement: agreement.to_owned(), call, began, ended: None };
        recorded.operations.push(operation);
        Started(recorded.operations.len().saturating_sub(1))
    }

    /// Call this after the whole answer is there. Calls whose outcome is unknown are not ended.
    #[expect(clippy::needless_pass_by_value, reason = "a call ends once")]
    pub fn end(&self, started: Started, answer: Answer) {
        let mut recorded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = recorded.next();
        let Started(index) = started;
        if let Some(operation) = recorded.operations.get_mut(index) {
            operation.ended = Some((moment, answer));
        }
    }

    pub fn operations(&self) -> Vec<Operation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).operations.clone()
    }
}

impl Recorded {
    fn next(&mut self) -> u64 {
        self.moment = self.moment.saturating_add(1);
        self.moment
    }
}
