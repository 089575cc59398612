//! Everything about one invoice, whether it has come or is only named.

use std::sync::Arc;

use imbl::Vector;

use super::tally::Tally;
use crate::domain::call_off::filed::Filed;
use crate::domain::event::{
    CreditNoteReceived, InvoiceApproved, InvoicePaid, InvoiceReceived, RetentionWithheld, Value,
};
use crate::domain::id::{InvoiceId, RetentionId};
use crate::domain::money::Amount;

/// One invoice and all that names it. What is added up is kept as a sum, so that a document costs the
/// same however many there are on one invoice.
#[derive(Debug, Clone, Default)]
pub(in crate::domain::call_off) struct Account {
    /// The invoice, once it has come.
    pub(in crate::domain::call_off) received: Option<InvoiceSoFar>,
    /// The negative invoices that name it.
    pub(in crate::domain::call_off) lowered_by: Vector<InvoiceId>,
    /// Whether it is rejected by itself.
    pub(super) rejected: bool,
    /// Whether it came after the placement was reversed: it names an order that is not known.
    pub(super) stray: bool,
    pub(in crate::domain::call_off) credits: Vector<Filed<CreditNoteReceived>>,
    /// What is credited, net.
    pub(in crate::domain::call_off) credited: Tally,
    /// The same with VAT.
    pub(in crate::domain::call_off) credited_gross: Tally,
    /// Payments, also those that came back.
    pub(in crate::domain::call_off) payments: Vector<Filed<InvoicePaid>>,
    /// What is paid by those that did not come back.
    pub(in crate::domain::call_off) paid: Tally,
    /// Money held back on it: few for one invoice, so nothing is added up.
    pub(in crate::domain::call_off) retentions: Vector<RetentionId>,
}

/// An invoice that has come.
#[derive(Debug, Clone)]
pub(in crate::domain::call_off) struct InvoiceSoFar {
    pub(in crate::domain::call_off) receipt: Filed<InvoiceReceived>,
    /// Net in the agreement's currency.
    pub(in crate::domain::call_off) net: Amount,
    /// Whether the order was no longer open when it came.
    pub(in crate::domain::call_off) after_closing: bool,
    /// The last approval.
    pub(in crate::domain::call_off) approval: Option<Filed<InvoiceApproved>>,
    pub(in crate::domain::call_off) disputed: bool,
}

/// Money held back so far.
#[derive(Debug, Clone, Default)]
pub(in crate::domain::call_off) struct Retention {
    /// None while only a release has come.
    pub(in crate::domain::call_off) withheld: Option<Arc<RetentionWithheld>>,
    /// What was released of it.
    pub(in crate::domain::call_off) released: Vec<Value>,
}

impl Account {
    /// Net of the invoice less its credit notes, in the agreement's currency.
    pub(in crate::domain::call_off) fn net_less_credits(&self) -> Amount {
        let net = self.received.as_ref().map(|one| one.net).unwrap_or_default();
        net.minus(self.credited.converted())
    }
}
