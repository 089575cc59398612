//! What can happen to an agreement, as the rules need it.
//!
//! Texts that no rule reads (titles, descriptions, actors, documents) are not here: they stay in the
//! stored record. Every value is valid by its type; what depends on the agreement is for `admit`.

use super::date::{Date, RecordedTime};
use super::id::{
    AmendmentId, CreditNoteId, DeliveryId, EventId, FindingId, InvoiceId, LotId, OptionId, OrderId,
    OverrideId, PaymentId, Position, ReservationId, RetentionId, Version,
};
use super::money::{Amount, Currency, Money, Rate};
use super::organisation::OrganisationId;
use super::policy::PolicyChange;
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
    OptionExercised(OptionRef),
    /// An option will not be used.
    OptionDeclined(OptionRef),
    /// The agreement is changed.
    AgreementAmended(Box<AgreementAmended>),
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
    HeadroomReserved(Box<HeadroomReserved>),
    /// What is left of it is given back.
    ReservationReleased(ReservationReleased),
    /// A call-off is ordered.
    OrderPlaced(Box<OrderPlaced>),
    /// The supplier accepts an order.
    OrderConfirmed(OrderRef),
    /// The supplier declines an order.
    OrderRejected(OrderRef),
    /// An order has a new total value.
    OrderChanged(OrderChanged),
    /// An order is cancelled by the buyer.
    OrderCancelled(OrderRef),
    /// Goods or services are received.
    DeliveryReceived(DeliveryReceived),
    /// An order is complete.
    OrderClosed(OrderRef),
    /// An order is opened again.
    OrderReopened(OrderRef),
    /// An invoice came.
    InvoiceReceived(Box<InvoiceReceived>),
    /// A credit note came.
    CreditNoteReceived(Box<CreditNoteReceived>),
    /// An invoice is approved for payment.
    InvoiceApproved(InvoiceApproved),
    /// An invoice is disputed.
    InvoiceDisputed(InvoiceDisputed),
    /// An invoice is rejected.
    InvoiceRejected(InvoiceRejected),
    /// A dispute ends.
    DisputeResolved(InvoiceRef),
    /// A prepayment is offset by hand.
    PrepaymentOffset(PrepaymentOffset),
    /// Money was paid.
    InvoicePaid(InvoicePaid),
    /// A payment came back.
    PaymentReversed(PaymentReversed),
    /// Money is held back.
    RetentionWithheld(RetentionWithheld),
    /// Held-back money is released.
    RetentionReleased(RetentionReleased),
    /// Two persons allow intents above a ceiling.
    OverrideGranted(OverrideGranted),
    /// A recording is taken out.
    EventReversed(EventReversed),
    /// Somebody has seen a finding.
    FindingAcknowledged(FindingRef),
    /// Somebody accepts a finding.
    FindingWaived(FindingHandled),
    /// Somebody has dealt with a finding.
    FindingResolved(FindingHandled),
    /// Thresholds and tolerances change.
    ThresholdPolicySet(Box<PolicyChange>),
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

/// What is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Nature {
    /// Services.
    Services,
    /// Goods.
    Goods,
    /// Works.
    Works,
}

/// Whether ceilings follow an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indexation {
    /// Prices only.
    PricesOnly,
    /// Prices and ceilings.
    CeilingsToo,
}

/// A framework agreement is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementSigned {
    /// How call-offs are awarded.
    pub framework_kind: FrameworkKind,
    /// What is bought.
    pub nature: Nature,
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
    /// Whether ceilings follow an index.
    pub indexation: Indexation,
    /// Whether a term of more than four years is justified.
    pub term_justification: Reasoning,
}

/// An option, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionRef {
    /// Which.
    pub option: OptionId,
}

/// On what ground a change is lawful according to those who decided (eForms codes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LegalBasis {
    /// Additional needs: add-wss.
    AddWss,
    /// Unforeseeable circumstances: mod-cir.
    ModCir,
    /// De minimis: mod-minv.
    ModMinv,
    /// Not substantial: mod-nons.
    ModNons,
    /// Replacement of the contractor: mod-repl.
    ModRepl,
    /// Clear review clause: mod-rev.
    ModRev,
    /// Other.
    Other,
}

/// A change to one ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CeilingChange {
    /// Which.
    pub scope: Scope,
    /// Added, or taken away when negative.
    pub change: Money,
}

/// The agreement is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementAmended {
    /// Identity.
    pub amendment: AmendmentId,
    /// Legal basis.
    pub basis: LegalBasis,
    /// Whether it says why.
    pub reasoning: Reasoning,
    /// Changes to ceilings, at most one for each scope.
    pub ceiling_changes: Vec<CeilingChange>,
    /// New last day of the term in force.
    pub new_end: Option<Date>,
    /// Suppliers that join.
    pub added_suppliers: Vec<OrganisationId>,
    /// Suppliers that leave.
    pub removed_suppliers: Vec<OrganisationId>,
    /// Buyers that join.
    pub added_buyers: Vec<OrganisationId>,
    /// Buyers that leave.
    pub removed_buyers: Vec<OrganisationId>,
    /// Lots that are added.
    pub added_lots: Vec<LotId>,
}

/// Prices follow an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceIndexed {
    /// Factor on prices.
    pub factor: Rate,
}

/// An event of which the rules need only whether it says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasoned {
    /// Whether it says why.
    pub reasoning: Reasoning,
}

/// Room is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadroomReserved {
    /// Identity.
    pub reservation: ReservationId,
    /// How much.
    pub value: Value,
    /// Last day on which it counts.
    pub expiry: Date,
    /// For whom: buyer, supplier, lot.
    pub keys: ScopeKeys,
    /// Department, when stated.
    pub department: Option<String>,
}

/// What is left of a reservation is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationReleased {
    /// Which.
    pub reservation: ReservationId,
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
    /// Department, when stated.
    pub department: Option<String>,
    /// CPV code, when stated.
    pub cpv: Option<String>,
    /// Reservation to use up.
    pub reservation: Option<ReservationId>,
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

/// An order, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRef {
    /// Which.
    pub order: OrderId,
}

/// Goods or services are received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReceived {
    /// Identity.
    pub delivery: DeliveryId,
    /// The order.
    pub order: OrderId,
    /// Pseudonym of who received.
    pub received_by: Option<String>,
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
    /// Identity in the ledger.
    pub invoice: InvoiceId,
    /// The supplier's number.
    pub number: String,
    /// Kind.
    pub kind: InvoiceKind,
    /// Issue date.
    pub issued: Date,
    /// Last day to pay.
    pub due: Option<Date>,
    /// Who delivers, who buys, which lot.
    pub keys: ScopeKeys,
    /// The order it names.
    pub order: Option<OrderId>,
    /// Net amount.
    pub net: Value,
    /// VAT, in the same currency.
    pub vat: Amount,
    /// Interest and fees, in the same currency.
    pub interest_and_fees: Amount,
    /// What it states as prepaid, VAT included, in the same currency.
    pub prepaid: Amount,
    /// The invoice that a negative one lowers.
    pub corrected: Option<InvoiceId>,
    /// Department, when stated.
    pub department: Option<String>,
    /// CPV code, when stated.
    pub cpv: Option<String>,
    /// SHA-256 of the document, in hexadecimal digits.
    pub document: Option<String>,
}

/// A credit note came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoteReceived {
    /// Identity in the ledger.
    pub credit_note: CreditNoteId,
    /// The supplier's number.
    pub number: String,
    /// Issue date.
    pub issued: Date,
    /// The invoice it credits.
    pub invoice: InvoiceId,
    /// Who delivers.
    pub supplier: OrganisationId,
    /// Net amount; positive lowers the invoice.
    pub net: Value,
    /// VAT, in the same currency.
    pub vat: Amount,
    /// SHA-256 of the document, in hexadecimal digits.
    pub document: Option<String>,
}

/// An invoice, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRef {
    /// Which.
    pub invoice: InvoiceId,
}

/// An invoice is approved for payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceApproved {
    /// Which.
    pub invoice: InvoiceId,
    /// Pseudonym of who approved.
    pub approved_by: Option<String>,
}

/// An invoice is disputed. It goes on counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceDisputed {
    /// Which.
    pub invoice: InvoiceId,
    /// Whether it says why.
    pub reasoning: Reasoning,
}

/// An invoice is rejected. It and its credit notes stop counting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoiceRejected {
    /// Which.
    pub invoice: InvoiceId,
    /// Whether it says why.
    pub reasoning: Reasoning,
}

/// A prepayment is offset by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrepaymentOffset {
    /// The prepayment.
    pub prepayment: InvoiceId,
    /// The final invoice that it is offset against.
    pub final_invoice: Option<InvoiceId>,
    /// Net amount taken off, in the prepayment's currency.
    pub amount: Money,
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
    /// Pseudonym of who released it.
    pub paid_by: Option<String>,
}

/// A payment came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentReversed {
    /// Which.
    pub payment: PaymentId,
}

/// Money is held back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionWithheld {
    /// Identity.
    pub retention: RetentionId,
    /// The invoice.
    pub invoice: InvoiceId,
    /// How much, VAT included.
    pub value: Value,
    /// Day on which it is due for release.
    pub release_due: Option<Date>,
}

/// Held-back money is released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionReleased {
    /// Which.
    pub retention: RetentionId,
    /// How much, VAT included.
    pub value: Value,
}

/// Two persons allow intents above a ceiling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverrideGranted {
    /// Identity.
    pub override_id: OverrideId,
    /// How far above a ceiling.
    pub limit: Money,
    /// Whether it says why.
    pub reasoning: Reasoning,
    /// Last day on which it helps.
    pub end: Date,
    /// Pseudonym of the first person.
    pub granted_by: Option<String>,
    /// Pseudonym of the second person.
    pub seconded_by: Option<String>,
}

/// A recording is taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventReversed {
    /// Which.
    pub target: EventId,
}

/// A finding, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRef {
    /// Which.
    pub finding: FindingId,
}

/// Somebody accepts a finding, or has dealt with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingHandled {
    /// Which.
    pub finding: FindingId,
    /// Whether it says why, or how.
    pub reasoning: Reasoning,
}
