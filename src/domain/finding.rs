//! What a finding is: a rule that does not hold, about a subject, for a time.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::date::{Date, RecordedTime};
use super::id::{
    AgreementId, AmendmentId, CreditNoteId, EventId, FindingId, InvoiceId, OptionId, OrderId,
    OverrideId, PaymentId, Position, ReservationId,
};
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
    /// A warning step of a ceiling, in parts per million.
    Step(Scope, u32),
    /// An amendment.
    Amendment(AmendmentId),
    /// A reservation.
    Reservation(ReservationId),
    /// An override.
    Override(OverrideId),
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
            Self::Step(scope, ppm) => write!(formatter, "{scope}@{}", Percent(*ppm)),
            Self::Amendment(id) => write!(formatter, "amendment:{id}"),
            Self::Reservation(id) => write!(formatter, "reservation:{id}"),
            Self::Override(id) => write!(formatter, "override:{id}"),
        }
    }
}

/// Parts per million as per cent, without needless zeros: 700 000 is "70", 725 000 is "72.5".
struct Percent(u32);

impl fmt::Display for Percent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 10_000, self.0 % 10_000);
        if part == 0 {
            write!(formatter, "{whole}")
        } else {
            write!(formatter, "{whole}.{}", format!("{part:04}").trim_end_matches('0'))
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

/// Bytes of the hash in a finding's id: enough that two never meet.
const FINDING_ID_BYTES: usize = 16;

impl FindingKey {
    /// The id of the finding in its agreement: SHA-256 of agreement, rule and subject, each followed
    /// by a zero byte, cut to 16 bytes.
    pub fn id(&self, agreement: &AgreementId) -> FindingId {
        let mut hash = Sha256::new();
        for part in [agreement.as_str(), self.rule.name(), &self.subject.to_string()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let digest = hash.finalize();
        let text = digest.iter().take(FINDING_ID_BYTES).fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes what is written");
            text
        });
        FindingId::parse(&text).expect("hexadecimal digits are an id")
    }
}

/// What people have done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Handling {
    /// Nothing yet.
    None,
    /// Somebody has seen it.
    Acknowledged,
    /// Somebody with authority accepts it.
    Waived,
    /// Somebody states that it is dealt with.
    Resolved,
}

/// A rule that does not hold in one fold of the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// How far it is broken, where a rule has an amount.
    pub amount: Option<Money>,
    /// Days, where a rule counts them.
    pub days: Option<i64>,
    /// First day of the breach.
    pub since: Date,
}

/// One time that a finding was open. The first of its evidence is the event that opened it.
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
    /// Days, where a rule counts them.
    pub days: Option<i64>,
    /// What people have done about this episode.
    pub handling: Handling,
    /// The event that says so.
    pub handled: Option<Position>,
}

impl Finding {
    /// Position of the event that opened it.
    pub fn opened_at(&self) -> Option<Position> {
        self.evidence.first().copied()
    }
}
