//! Invoices, credit notes, payments and money held back.

use super::{Reasoning, Value};
use crate::domain::date::Date;
use crate::domain::id::{CreditNoteId, InvoiceId, OrderId, PaymentId, RetentionId};
use crate::domain::money::{Amount, Money};
use crate::domain::organisation::OrganisationId;
use crate::domain::scope::ScopeKeys;
use crate::domain::text::Text;

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
    pub department: Option<Text>,
    /// CPV code, when stated.
    pub cpv: Option<Text>,
    /// SHA-256 of the document, in hexadecimal digits.
    pub document: Option<Text>,
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
    pub document: Option<Text>,
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
    pub approved_by: Option<Text>,
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
    pub paid_by: Option<Text>,
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
