//! What can happen to an agreement, as the rules need it.
//!
//! Texts that no rule reads (titles, descriptions, actors, documents) are not here: they stay in the
//! stored record. Every value is valid by its type; what depends on the agreement is for `admit`.

use super::date::{Date, RecordedTime};
use super::id::{
    CreditNoteId, EventId, InvoiceId, LotId, OptionId, OrderId, PaymentId, Position, Version,
};
use super::money::{Amount, Currency, Money, Rate};
use super::organisation::OrganisationId;
use super::scope::{Scope, ScopeKeys};

/// Whether something is asked for or has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdmissionMode {
    /// Somebody asks; it can be refused.
    Intent,
    /// It did happen; it is recorded, and what it breaks becomes a finding.
    Fact,
}

/// One event as its sender states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Business date on which it holds.
    pub effective: Date,
    /// Asked for or happened.
    pub mode: AdmissionMode,
    /// The reversed recording that this one replaces.
    pub corrects: Option<EventId>,
    /// What happened.
    pub payload: Payload,
}

/// An event with what the ledger gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Place in the log.
    pub position: Position,
    /// Place in the agreement.
    pub version: Version,
    /// Identity.
    pub event_id: EventId,
    /// When it was recorded.
    pub recorded: RecordedTime,
    /// The event.
    pub event: Event,
}

/// Amount and, where it is foreign, its own rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// As stated.
    pub money: Money,
    /// To the agreement's currency.
    pub rate: Option<Rate>,
}

impl Value {
    /// The amount in a currency: as it is, or converted and rounded once. None when it is foreign
    /// without a rate, or too large once converted.
    pub fn in_currency(self, currency: Currency) -> Option<Amount> {
        if self.money.currency == currency {
            Some(self.money.amount)
        } else {
            self.money.converted(self.rate?, currency)
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// The agreement begins.
    AgreementSigned(Box<AgreementSigned>),
    /// An option is used.
    OptionExercised(OptionExercised),
    /// A call-off is ordered.
    OrderPlaced(Box<OrderPlaced>),
    /// An order has a new total value.
    OrderChanged(OrderChanged),
    /// An order is cancelled by the buyer.
    OrderCancelled(OrderEnded),
    /// An order is complete.
    OrderClosed(OrderEnded),
    /// An invoice came.
    InvoiceReceived(Box<InvoiceReceived>),
    /// A credit note came.
    CreditNoteReceived(Box<CreditNoteReceived>),
    /// Money was paid.
    InvoicePaid(InvoicePaid),
    /// A recording is taken out.
    EventReversed(EventReversed),
}

/// How call-offs are awarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameworkKind {
    /// Without reopening of competition.
    WithoutReopenedCompetition,
    /// Every call-off follows a reopened competition.
    WithReopenedCompetition,
    /// Partly with, partly without.
    Mixed,
}

/// Whether a ceiling stops an intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CeilingKind {
    /// It does.
    Maximum,
    /// It does not; passing it is a finding.
    Estimate,
}

/// Whether an invoice without an order is a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderPolicy {
    /// It is.
    Required,
    /// It is not.
    NotRequired,
}

/// A ceiling as signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeilingTerms {
    /// What it limits.
    pub scope: Scope,
    /// Maximum or estimate.
    pub kind: CeilingKind,
    /// The limit, in the agreement's currency.
    pub amount: Amount,
}

/// An option as signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionTerms {
    /// Identity.
    pub option: OptionId,
    /// Last day of notice; none: the end date then in force.
    pub notice_deadline: Option<Date>,
    /// What it gives.
    pub gives: OptionGives,
}

/// What an option gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionGives {
    /// A later end of the term, and no money.
    Time {
        /// The end of the term once exercised.
        new_end: Date,
    },
    /// Money, and no time.
    Volume {
        /// Whose ceiling grows.
        scope: Scope,
        /// By how much.
        amount: Amount,
    },
}

/// A framework agreement is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementSigned {
    /// How call-offs are awarded.
    pub framework_kind: FrameworkKind,
    /// Who may buy.
    pub buyers: Vec<OrganisationId>,
    /// Who may deliver.
    pub suppliers: Vec<OrganisationId>,
    /// Lots.
    pub lots: Vec<LotId>,
    /// Ceilings, exactly one of them for the agreement.
    pub ceilings: Vec<CeilingTerms>,
    /// Currency of the agreement.
    pub currency: Currency,
    /// First day of the term.
    pub start: Date,
    /// Last day of the base term.
    pub end: Date,
    /// Options in the order of their exercise.
    pub options: Vec<OptionTerms>,
    /// Whether purchases need an order.
    pub order_policy: OrderPolicy,
}

/// An option is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionExercised {
    /// Which.
    pub option: OptionId,
}

/// A call-off is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPlaced {
    /// Identity.
    pub order: OrderId,
    /// Who buys, who delivers, which lot.
    pub keys: ScopeKeys,
    /// Total value.
    pub value: Value,
    /// Reservation to use up, by its id.
    pub reservation: Option<String>,
    /// Pseudonym of who ordered.
    pub ordered_by: Option<String>,
    /// Pseudonym of who approved.
    pub approved_by: Option<String>,
    /// Whether it names the reopened competition that it follows from.
    pub competition: Competition,
}

/// Whether an order names a reopened competition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Competition {
    /// It does.
    Documented,
    /// It does not.
    NotDocumented,
}

/// An order has a new total value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChanged {
    /// Which.
    pub order: OrderId,
    /// The new total.
    pub value: Value,
}

/// An order is cancelled or closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderEnded {
    /// Which.
    pub order: OrderId,
}

/// What kind of invoice it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvoiceKind {
    /// Its net is consumption.
    Commercial,
    /// Exposure until it is offset.
    Prepayment,
    /// Never counts.
    InterestOrFee,
}

/// An invoice came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceReceived {
    /// Identity.
    pub invoice: InvoiceId,
    /// Kind.
    pub kind: InvoiceKind,
    /// Who delivers, who buys, which lot.
    pub keys: ScopeKeys,
    /// The order it names.
    pub order: Option<OrderId>,
    /// Net amount.
    pub net: Value,
    /// VAT, in the same currency.
    pub vat: Amount,
    /// What it states as prepaid, VAT included, in the same currency.
    pub prepaid: Amount,
    /// The invoice that a negative one lowers.
    pub corrected: Option<InvoiceId>,
}

/// A credit note came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoteReceived {
    /// Identity.
    pub credit_note: CreditNoteId,
    /// The invoice it credits.
    pub invoice: InvoiceId,
    /// Who delivers.
    pub supplier: OrganisationId,
    /// Net amount; positive lowers the invoice.
    pub net: Value,
}

/// Money was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoicePaid {
    /// Identity.
    pub payment: PaymentId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// How much, VAT included.
    pub value: Value,
}

/// A recording is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventReversed {
    /// Which.
    pub target: EventId,
}
