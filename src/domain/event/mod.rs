//! What can happen to an agreement, as the rules need it.
//!
//! Texts that no rule reads (titles, descriptions, actors, documents) are not here: they stay in the
//! stored record. Every value is valid by its type; what depends on the agreement is for `admit`.

mod agreement;
mod control;
mod invoice;
mod order;

use std::sync::Arc;

use super::date::{Date, RecordedTime};
use super::id::{EventId, Position, Version};
use super::money::{Amount, Currency, Money, Rate};
use super::policy::PolicyChange;

pub use agreement::{
    AgreementAmended, AgreementSigned, CeilingChange, CeilingKind, CeilingTerms, FrameworkKind,
    Indexation, LegalBasis, Nature, OptionGives, OptionRef, OptionTerms, OrderPolicy, PriceIndexed,
};
pub use control::{EventReversed, FindingHandled, FindingRef, OverrideGranted};
pub use invoice::{
    CreditNoteReceived, InvoiceApproved, InvoiceDisputed, InvoiceKind, InvoicePaid,
    InvoiceReceived, InvoiceRef, InvoiceRejected, PaymentReversed, PrepaymentOffset,
    RetentionReleased, RetentionWithheld,
};
pub use order::{
    Competition, DeliveryReceived, HeadroomReserved, OrderChanged, OrderPlaced, OrderRef,
    ReservationReleased,
};

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
    AgreementSigned(Arc<AgreementSigned>),
    /// An option is used.
    OptionExercised(OptionRef),
    /// An option will not be used.
    OptionDeclined(OptionRef),
    /// The agreement is changed.
    AgreementAmended(Arc<AgreementAmended>),
    /// Prices follow an index.
    PriceIndexed(PriceIndexed),
    /// No call-offs from here on.
    AgreementSuspended(Reasoned),
    /// Call-offs again.
    AgreementResumed,
    /// The agreement ends early.
    AgreementTerminated(Reasoned),
    /// The agreement is settled.
    AgreementClosed,
    /// Room is set aside.
    HeadroomReserved(Arc<HeadroomReserved>),
    /// What is left of it is given back.
    ReservationReleased(ReservationReleased),
    /// A call-off is ordered.
    OrderPlaced(Arc<OrderPlaced>),
    /// The supplier accepts an order.
    OrderConfirmed(OrderRef),
    /// The supplier declines an order.
    OrderRejected(OrderRef),
    /// An order has a new total value.
    OrderChanged(Arc<OrderChanged>),
    /// An order is cancelled by the buyer.
    OrderCancelled(OrderRef),
    /// Goods or services are received.
    DeliveryReceived(Arc<DeliveryReceived>),
    /// An order is complete.
    OrderClosed(OrderRef),
    /// An order is opened again.
    OrderReopened(OrderRef),
    /// An invoice came.
    InvoiceReceived(Arc<InvoiceReceived>),
    /// A credit note came.
    CreditNoteReceived(Arc<CreditNoteReceived>),
    /// An invoice is approved for payment.
    InvoiceApproved(Arc<InvoiceApproved>),
    /// An invoice is disputed.
    InvoiceDisputed(InvoiceDisputed),
    /// An invoice is rejected.
    InvoiceRejected(InvoiceRejected),
    /// A dispute ends.
    DisputeResolved(InvoiceRef),
    /// A prepayment is offset by hand.
    PrepaymentOffset(Arc<PrepaymentOffset>),
    /// Money was paid.
    InvoicePaid(Arc<InvoicePaid>),
    /// A payment came back.
    PaymentReversed(PaymentReversed),
    /// Money is held back.
    RetentionWithheld(Arc<RetentionWithheld>),
    /// Held-back money is released.
    RetentionReleased(Arc<RetentionReleased>),
    /// Two persons allow intents above a ceiling.
    OverrideGranted(Arc<OverrideGranted>),
    /// A recording is taken out.
    EventReversed(EventReversed),
    /// Somebody has seen a finding.
    FindingAcknowledged(FindingRef),
    /// Somebody accepts a finding.
    FindingWaived(FindingHandled),
    /// Somebody has dealt with a finding.
    FindingResolved(FindingHandled),
    /// Thresholds and tolerances change.
    ThresholdPolicySet(Arc<PolicyChange>),
    /// A document is attached.
    DocumentAttached,
}

/// What an event belongs to. One place where the whole catalogue is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// What is agreed.
    Agreement,
    /// Room set aside.
    Headroom,
    /// Orders and deliveries.
    Order,
    /// Invoices and credit notes.
    Invoice,
    /// Payments and retention.
    Payment,
    /// Control: overrides, reversals, what people do about findings, policy, documents.
    Control,
}

impl Payload {
    /// The group of the catalogue.
    pub fn group(&self) -> Group {
        match self {
            Self::AgreementSigned(_)
            | Self::OptionExercised(_)
            | Self::OptionDeclined(_)
            | Self::AgreementAmended(_)
            | Self::PriceIndexed(_)
            | Self::AgreementSuspended(_)
            | Self::AgreementResumed
            | Self::AgreementTerminated(_)
            | Self::AgreementClosed => Group::Agreement,
            Self::HeadroomReserved(_) | Self::ReservationReleased(_) => Group::Headroom,
            Self::OrderPlaced(_)
            | Self::OrderConfirmed(_)
            | Self::OrderRejected(_)
            | Self::OrderChanged(_)
            | Self::OrderCancelled(_)
            | Self::DeliveryReceived(_)
            | Self::OrderClosed(_)
            | Self::OrderReopened(_) => Group::Order,
            Self::InvoiceReceived(_)
            | Self::CreditNoteReceived(_)
            | Self::InvoiceApproved(_)
            | Self::InvoiceDisputed(_)
            | Self::InvoiceRejected(_)
            | Self::DisputeResolved(_)
            | Self::PrepaymentOffset(_) => Group::Invoice,
            Self::InvoicePaid(_)
            | Self::PaymentReversed(_)
            | Self::RetentionWithheld(_)
            | Self::RetentionReleased(_) => Group::Payment,
            Self::OverrideGranted(_)
            | Self::EventReversed(_)
            | Self::FindingAcknowledged(_)
            | Self::FindingWaived(_)
            | Self::FindingResolved(_)
            | Self::ThresholdPolicySet(_)
            | Self::DocumentAttached => Group::Control,
        }
    }

    /// The terms, when this is a signature.
    pub fn signature(&self) -> Option<&AgreementSigned> {
        if let Self::AgreementSigned(signed) = self { Some(signed) } else { None }
    }
}

/// Whether an event says why, where it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reasoning {
    /// It does.
    Stated,
    /// It does not.
    Missing,
}

/// An event of which the rules need only whether it says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoned {
    /// Whether it says why.
    pub reasoning: Reasoning,
}
