//! What an append gets.

use crate::domain::date::RecordedTime;
use crate::domain::finding::Finding;
use crate::domain::id::{AgreementId, EventId, Position, Version};
use crate::domain::usage::Usage;
use crate::wire::parse::Purpose;
use crate::wire::v1;

/// Whether an answer is given for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// It is.
    First,
    /// The first answer is given again.
    Again,
}

/// One event of an accepted request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// Place in the log. None when nothing was recorded.
    pub position: Option<Position>,
    /// Place in the agreement.
    pub version: Version,
    /// Identity. None when nothing was recorded.
    pub event_id: Option<EventId>,
    /// When it was recorded.
    pub recorded: RecordedTime,
    /// Whether it was recorded before, by another request.
    pub origin: Origin,
}

/// Whether an event came with this request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It did.
    ThisRequest,
    /// The same event of the same source was recorded before, under another request id.
    EarlierRequest,
}

/// The answer to an accepted request.
#[derive(Debug, Clone)]
pub struct AppendAnswer {
    /// The agreement.
    pub agreement_id: AgreementId,
    /// One entry per event of the request.
    pub events: Vec<Appended>,
    /// Version of the agreement after the request.
    pub version: Version,
    /// When it was recorded.
    pub recorded: RecordedTime,
    /// First time or again.
    pub telling: Telling,
    /// Recorded or only asked.
    pub purpose: Purpose,
    /// Use of every ceiling after the request. None when its signature is reversed, and for imports.
    pub usage: Option<Usage>,
    /// Last position that the usage takes into account.
    pub position: Position,
    /// Findings that it opened. Empty for imports.
    pub opened: Vec<Finding>,
    /// Findings that it cleared. Empty for imports.
    pub cleared: Vec<Finding>,
}

/// The answer to a refused request.
#[derive(Debug, Clone, PartialEq)]
pub struct AppendRefusal {
    /// The agreement.
    pub agreement_id: AgreementId,
    /// Every reason and the status, as recorded.
    pub refused: v1::RefusedRequest,
    /// Where it is recorded. None when the request only asked.
    pub position: Option<Position>,
    /// First time or again.
    pub telling: Telling,
}

/// What the ledger decided.
#[derive(Debug, Clone)]
pub enum AppendOutcome {
    /// Accepted.
    Accepted(Box<AppendAnswer>),
    /// Refused.
    Refused(Box<AppendRefusal>),
}

/// Why there is no decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendFailure {
    /// The request id is known with other content.
    RequestConflict {
        /// The first field that differs.
        field: String,
        /// First position of the request that has the id.
        position: Position,
    },
    /// The stated recorded time is before the newest record's; nothing was recorded.
    RecordedTimeDecreases {
        /// As stated.
        stated: RecordedTime,
        /// Of the newest record.
        newest: RecordedTime,
    },
    /// The stated recorded time is later than the ledger's clock; nothing was recorded.
    RecordedTimeInFuture {
        /// As stated.
        stated: RecordedTime,
        /// By the clock.
        now: RecordedTime,
    },
    /// An earlier request of the same import could not be considered; nothing was recorded.
    ImportEnded,
    /// The queue is full; nothing was recorded.
    Overloaded {
        /// The queue's limit.
        queue_requests_max: usize,
    },
    /// There is less room on a disk than what is kept free; nothing was recorded.
    DiskFull {
        /// What is free, in bytes.
        free_bytes: u64,
        /// What is kept free.
        reserve_bytes: u64,
    },
    /// The writer has stopped; nothing was recorded.
    Stopped,
    /// A write or sync failed. Repeating the same request id after the restart will tell.
    OutcomeUnknown,
    /// The request's records would be longer than the log can hold; nothing was recorded.
    TooLarge {
        /// Bytes of the longest record.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The decision itself failed, which is a fault of the program; nothing was recorded.
    DecisionFailed,
    /// What the decision rests on cannot be read.
    Damaged {
        /// Where, when known.
        position: Option<u64>,
    },
}
