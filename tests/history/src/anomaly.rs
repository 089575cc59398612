//! What no ledger can have said, by name.

use std::fmt;

/// The ways in which answers cannot all be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A version that was acknowledged belongs to another request, or is gone from the events.
    LostWrite,
    /// A read that began after an acknowledgement does not know of it.
    StaleRead,
    /// A read knows less than one that ended before it began.
    ReadGoesBack,
    /// Intents were accepted that together are above the ceiling.
    AboveTheCeiling,
    /// One request id took effect twice.
    DuplicateEffect,
    /// One request id was told different things.
    AnswerChanged,
    /// A call that began after another one ended was put before it.
    AgainstRealTime,
    /// None of the above, and still no order of the calls explains every answer.
    NoOrder,
    /// The search was given up, so nothing is shown. Make the history smaller.
    NotDecided,
}

/// One of them, with the agreement and what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anomaly {
    pub agreement: String,
    pub kind: Kind,
    pub seen: String,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Anomaly { agreement, kind, seen } = self;
        write!(f, "history of {agreement}: {kind:?}: {seen}")
    }
}
