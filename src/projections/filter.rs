//! Which rows of a listing are asked for. Everything that is set must hold.

use crate::domain::call_off::OrderStatus;
use crate::domain::date::Date;
use crate::domain::event::{InvoiceReceived, OrderPlaced, Payload, Recorded};
use crate::domain::finding::{Finding, Handling};
use crate::domain::id::{LotId, OrderId};
use crate::domain::money::{Amount, Money};
use crate::domain::organisation::OrganisationId;
use crate::domain::reason::{Reason, Severity};
use crate::domain::text::Text;
use crate::domain::view::{DeadlineSubject, DeadlineView, InvoiceStatus, InvoiceView, OrderView};

/// The placement of an order.
pub fn placement(order: &OrderView) -> Option<(&Recorded, &OrderPlaced)> {
    let recorded = order.placement.as_deref()?;
    if let Payload::OrderPlaced(placed) = &recorded.event.payload {
        Some((recorded, placed))
    } else {
        None
    }
}

/// The receipt of an invoice.
pub fn receipt(invoice: &InvoiceView) -> Option<&InvoiceReceived> {
    if let Payload::InvoiceReceived(received) = &invoice.receipt.event.payload {
        Some(received)
    } else {
        None
    }
}

/// What is still to be paid, what is held back included. Negative when overpaid.
pub fn outstanding(invoice: &InvoiceView) -> Money {
    let Money { amount, currency } = invoice.payable;
    Money { amount: amount.minus(invoice.paid.amount), currency }
}

/// Which orders.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OrderFilter {
    /// In one of these states. Empty: all that are placed.
    pub states: Vec<OrderStatus>,
    /// Of this buyer.
    pub buyer: Option<OrganisationId>,
    /// To this supplier.
    pub supplier: Option<OrganisationId>,
    /// On this lot.
    pub lot: Option<LotId>,
    /// Of this department.
    pub department: Option<Text>,
    /// Placed on this day or later.
    pub placed_from: Option<Date>,
    /// Placed on this day or earlier.
    pub placed_to: Option<Date>,
}

impl OrderFilter {
    /// Whether an order is asked for.
    pub fn matches(&self, order: &OrderView) -> bool {
        let Self { states, buyer, supplier, lot, department, placed_from, placed_to } = self;
        let in_state = if states.is_empty() {
            order.status != OrderStatus::NotPlaced
        } else {
            states.contains(&order.status)
        };
        let placement = placement(order);
        let placed = placement.map(|(_, placed)| placed);
        let day = placement.map(|(recorded, _)| recorded.event.effective);
        in_state
            && is_or_any(buyer.as_ref(), placed.and_then(|placed| placed.keys.buyer.as_ref()))
            && is_or_any(supplier.as_ref(), placed.and_then(|placed| placed.keys.supplier.as_ref()))
            && is_or_any(lot.as_ref(), placed.and_then(|placed| placed.keys.lot.as_ref()))
            && is_or_any(department.as_ref(), placed.and_then(|placed| placed.department.as_ref()))
            && placed_from.is_none_or(|from| day.is_some_and(|day| day >= from))
            && placed_to.is_none_or(|to| day.is_some_and(|day| day <= to))
    }
}

/// Which invoices.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InvoiceFilter {
    /// In one of these states. Empty: all.
    pub states: Vec<InvoiceStatus>,
    /// That name this order.
    pub order: Option<OrderId>,
    /// Of this supplier.
    pub supplier: Option<OrganisationId>,
    /// With something to be paid, or with nothing. None: both.
    pub outstanding: Option<Presence>,
    /// With something held back, or with nothing. None: both.
    pub retention: Option<Presence>,
}

/// Whether there is something or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// An amount above zero.
    Something,
    /// Zero, or less.
    Nothing,
}

impl Presence {
    fn of(amount: Amount) -> Self {
        if amount.is_positive() { Self::Something } else { Self::Nothing }
    }
}

impl InvoiceFilter {
    /// Whether an invoice is asked for.
    pub fn matches(&self, invoice: &InvoiceView) -> bool {
        let Self { states, order, supplier, outstanding: owed, retention } = self;
        let received = receipt(invoice);
        (states.is_empty() || states.contains(&invoice.status))
            && is_or_any(order.as_ref(), received.and_then(|received| received.order.as_ref()))
            && is_or_any(
                supplier.as_ref(),
                received.and_then(|received| received.keys.supplier.as_ref()),
            )
            && owed.is_none_or(|owed| Presence::of(outstanding(invoice).amount) == owed)
            && retention.is_none_or(|held| Presence::of(invoice.retained.amount) == held)
    }
}

/// Whether a finding's condition holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingStanding {
    /// It does.
    Open,
    /// It did.
    Cleared,
}

/// Which findings. An empty list asks for all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FindingFilter {
    /// Of one of these rules.
    pub rules: Vec<Reason>,
    /// Of one of these severities.
    pub severities: Vec<Severity>,
    /// Open or cleared.
    pub standings: Vec<FindingStanding>,
    /// With one of these handlings.
    pub handlings: Vec<Handling>,
}

impl FindingFilter {
    /// Whether an episode is asked for.
    pub fn matches(&self, finding: &Finding) -> bool {
        let Self { rules, severities, standings, handlings } = self;
        let standing = match finding.cleared {
            None => FindingStanding::Open,
            Some(_) => FindingStanding::Cleared,
        };
        one_or_any(rules, &finding.key.rule)
            && one_or_any(severities, &finding.key.rule.severity())
            && one_or_any(standings, &standing)
            && one_or_any(handlings, &finding.handling)
    }
}

/// What a deadline is about, in the order of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeadlineKind {
    /// Last day on which the next option can be exercised.
    OptionNotice,
    /// Last day of the term in force.
    TermEnd,
    /// Last day on which an open reservation counts.
    ReservationExpiry,
    /// Held-back money is due for release.
    RetentionRelease,
    /// Last day on which an override helps.
    OverrideEnd,
}

impl DeadlineKind {
    /// The kind and the id of a subject; the term has none.
    pub fn of(subject: &DeadlineSubject) -> (Self, String) {
        match subject {
            DeadlineSubject::OptionNotice(id) => (Self::OptionNotice, id.to_string()),
            DeadlineSubject::TermEnd => (Self::TermEnd, String::new()),
            DeadlineSubject::ReservationExpiry(id) => (Self::ReservationExpiry, id.to_string()),
            DeadlineSubject::RetentionRelease(id) => (Self::RetentionRelease, id.to_string()),
            DeadlineSubject::OverrideEnd(id) => (Self::OverrideEnd, id.to_string()),
        }
    }
}

/// Which deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeadlineFilter {
    /// Of one of these kinds. Empty: all.
    pub kinds: Vec<DeadlineKind>,
    /// On this day or later. None: the as-of day.
    pub from: Option<Date>,
    /// On this day or earlier.
    pub to: Option<Date>,
}

impl DeadlineFilter {
    /// Whether a deadline is asked for.
    pub fn matches(&self, deadline: &DeadlineView, as_of: Date) -> bool {
        let Self { kinds, from, to } = self;
        let (kind, _) = DeadlineKind::of(&deadline.subject);
        one_or_any(kinds, &kind)
            && deadline.date >= from.unwrap_or(as_of)
            && to.is_none_or(|to| deadline.date <= to)
    }
}

fn is_or_any<T: PartialEq>(asked: Option<&T>, found: Option<&T>) -> bool {
    asked.is_none() || asked == found
}

fn one_or_any<T: PartialEq>(asked: &[T], found: &T) -> bool {
    asked.is_empty() || asked.contains(found)
}
