//! What an agreement looks like as of a day: its orders, invoices, deadlines, amendments and parts.
//!
//! `agreement` makes them. Views are what lists and reports are made of. They follow from the same fold as sums and findings;
//! nothing is counted a second time.

use std::sync::Arc;

use super::call_off::OrderStatus;
use super::date::Date;
use super::event::Recorded;
use super::id::{OptionId, OrderId, OverrideId, ReservationId, RetentionId};
use super::levels::Sums;
use super::money::{Amount, Money};
use super::scope::ScopeKeys;
use super::text::Text;

/// Where an agreement is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgreementState {
    /// Signed, the term has not begun.
    NotStarted,
    /// In its term.
    Active,
    /// The term is over.
    Expired,
    /// Suspended.
    Suspended,
    /// Terminated.
    Terminated,
    /// Closed.
    Closed,
}

/// An order that is placed, or named by a document.
#[derive(Debug, Clone)]
pub struct OrderView {
    /// Identity.
    pub order: OrderId,
    /// What has become of it.
    pub status: OrderStatus,
    /// The placement (an `OrderPlaced`), also when it is reversed. None when it was never placed.
    pub placement: Option<Arc<Recorded>>,
    /// Value in force as stated. None when it was never placed.
    pub ordered_stated: Option<Money>,
    /// Value in force in the agreement's currency; zero once cancelled or rejected.
    pub ordered: Amount,
    /// Its sums, in the agreement's currency.
    pub sums: Sums,
    /// Whether the supplier has confirmed it.
    pub confirmed: bool,
    /// Deliveries received.
    pub deliveries: u32,
    /// Pseudonyms of who received, each once, in the order of the deliveries.
    pub received_by: Vec<String>,
    /// Invoices on it that count.
    pub invoices: u32,
}

/// What has become of an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InvoiceStatus {
    /// Received.
    Received,
    /// Approved for payment.
    Approved,
    /// Disputed; it goes on counting.
    Disputed,
    /// Rejected; it does not count.
    Rejected,
}

/// Whether all that hangs on an invoice shares its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Currencies {
    /// It does.
    Shared,
    /// It does not.
    Mixed,
}

/// An invoice and what hangs on it.
#[derive(Debug, Clone)]
pub struct InvoiceView {
    /// The receipt (an `InvoiceReceived`).
    pub receipt: Arc<Recorded>,
    /// Its keys, with the buyer and lot of its order when that is known.
    pub keys: ScopeKeys,
    /// What has become of it.
    pub status: InvoiceStatus,
    /// What counts as consumption, in the agreement's currency.
    pub counted: Amount,
    /// Prepayment: what is not yet offset, in the agreement's currency.
    pub prepaid_left: Amount,
    /// Net of credit notes and negative invoices that name it; in the currency of `payable`.
    pub credited: Money,
    /// What is to be paid in all, in the invoice's currency, or in the agreement's when a payment,
    /// retention or credit note is in another one.
    pub payable: Money,
    /// Money paid on it; in the currency of `payable`.
    pub paid: Money,
    /// Held back and not yet released; in the currency of `payable`.
    pub retained: Money,
    /// Whether something on it is in another currency than itself.
    pub currencies: Currencies,
    /// Pseudonym of who approved it last.
    pub approved_by: Option<Text>,
    /// Pseudonyms of who released payments, each once, in the order of the payments.
    pub paid_by: Vec<String>,
}

/// One amendment and what those on the same basis amount to with it.
#[derive(Debug, Clone)]
pub struct AmendmentView {
    /// The amendment (an `AgreementAmended`).
    pub recorded: Arc<Recorded>,
    /// Change of the agreement's own ceiling.
    pub change: Amount,
    /// Signed sum of the changes on this basis up to and with this one.
    pub cumulated: Amount,
    /// The agreement's own ceiling with it.
    pub ceiling_after: Amount,
}

/// What a deadline is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeadlineSubject {
    /// Last day on which the next option can be exercised.
    OptionNotice(OptionId),
    /// Last day of the term in force.
    TermEnd,
    /// Last day on which an open reservation counts.
    ReservationExpiry(ReservationId),
    /// Held-back money is due for release.
    RetentionRelease(RetentionId),
    /// Last day on which an override helps.
    OverrideEnd(OverrideId),
}

/// A day on which something ends or is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadlineView {
    /// The day.
    pub date: Date,
    /// What it is about.
    pub subject: DeadlineSubject,
    /// What is left of the reservation, held back, or the override's limit.
    pub amount: Option<Money>,
}

/// A part of an agreement's sums: one order with all that hangs on it, one document without an order,
/// one reservation. All parts add up to the agreement's sums.
#[derive(Debug, Clone)]
pub struct PartView {
    /// Buyer, supplier, lot, as far as known.
    pub keys: ScopeKeys,
    /// Department, when stated.
    pub department: Option<Text>,
    /// CPV code, when stated.
    pub cpv: Option<Text>,
    /// Placement date of an order; else the effective date.
    pub date: Date,
    /// Its share of each of the agreement's sums.
    pub sums: Sums,
    /// Orders placed in it: 1 or 0.
    pub orders: u64,
    /// Invoices in it that count.
    pub invoices: u64,
}
