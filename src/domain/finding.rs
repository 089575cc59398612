//! What a finding is: a rule that does not hold, about a subject, for a time.

use std::fmt;

use super::date::{Date, RecordedTime};
use super::id::{CreditNoteId, EventId, InvoiceId, OptionId, OrderId, PaymentId, Position};
use super::money::Money;
use super::reason::Reason;
use super::scope::Scope;

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A ceiling.
    Scope(Scope),
    /// An order.
    Order(OrderId),
    /// An invoice.
    Invoice(InvoiceId),
    /// A credit note.
    CreditNote(CreditNoteId),
    /// A payment.
    Payment(PaymentId),
    /// An option.
    Option(OptionId),
    /// An event.
    Event(EventId),
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scope(scope) => write!(formatter, "{scope}"),
            Self::Order(id) => write!(formatter, "order:{id}"),
            Self::Invoice(id) => write!(formatter, "invoice:{id}"),
            Self::CreditNote(id) => write!(formatter, "credit_note:{id}"),
            Self::Payment(id) => write!(formatter, "payment:{id}"),
            Self::Option(id) => write!(formatter, "option:{id}"),
            Self::Event(id) => write!(formatter, "event:{id}"),
        }
    }
}

/// What makes a finding the same finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// The rule that does not hold.
    pub rule: Reason,
    /// What it is about.
    pub subject: Subject,
}

/// A rule that does not hold in one fold of the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// How far it is broken, where a rule has an amount.
    pub amount: Option<Money>,
    /// First day of the breach.
    pub since: Date,
}

/// One time that a finding was open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Rule and subject.
    pub key: FindingKey,
    /// How far the rule is broken, as of last: now, or just before it cleared.
    pub amount: Option<Money>,
    /// First day of the breach.
    pub since: Date,
    /// Recorded time of the event that opened it.
    pub known: RecordedTime,
    /// Recorded time of the event that cleared it.
    pub cleared: Option<RecordedTime>,
    /// Positions of the events that opened it or made it larger, rising.
    pub evidence: Vec<Position>,
    /// 1 for the first time, 2 when it opened again.
    pub episode: u32,
}
