//! What an invoice is by the invoices that it lowers: rejected, adrift, consumption.

use super::{Account, Walk};
use crate::domain::event::{InvoiceKind, InvoiceReceived};
use crate::domain::id::InvoiceId;

impl Walk {
    /// Whether an invoice is rejected, or names one that is.
    pub(in crate::domain::call_off) fn is_rejected(&self, invoice: &InvoiceReceived) -> bool {
        self.rejected > 0 && self.line_has(invoice, |account| account.rejected)
    }

    /// Whether an invoice counts on the order: there is one, and the invoice is not adrift.
    pub(in crate::domain::call_off) fn is_on_order(&self, invoice: &InvoiceReceived) -> bool {
        self.order.is_some() && !self.is_adrift(invoice)
    }

    /// Whether an invoice counts off the order: it names one that has not come, or an order whose
    /// placement was reversed before it came, or lowers one that does.
    pub(in crate::domain::call_off) fn is_adrift(&self, invoice: &InvoiceReceived) -> bool {
        self.names_unknown_invoice(invoice) || self.is_stray(invoice)
    }

    /// Whether a negative invoice, or one that it lowers, names one that has not come.
    pub(in crate::domain::call_off) fn names_unknown_invoice(
        &self,
        invoice: &InvoiceReceived,
    ) -> bool {
        let is_unknown = |named: &InvoiceId| self.invoice(named).is_none();
        self.awaited > 0
            && self.line_of(invoice).any(|one| one.corrected.as_ref().is_some_and(is_unknown))
    }

    /// Whether an invoice, or one that it lowers, came after the order's placement was reversed.
    pub(in crate::domain::call_off) fn is_stray(&self, invoice: &InvoiceReceived) -> bool {
        self.strays > 0 && self.line_has(invoice, |account| account.stray)
    }

    fn line_has(&self, invoice: &InvoiceReceived, holds: impl Fn(&Account) -> bool) -> bool {
        self.line_of(invoice).any(|one| self.account(&one.invoice).is_some_and(&holds))
    }

    /// The invoice whose scopes a document counts in: itself, or the one that it lowers.
    pub(in crate::domain::call_off) fn counted_as<'s>(
        &'s self,
        invoice: &'s InvoiceReceived,
    ) -> &'s InvoiceReceived {
        self.line_of(invoice).last().unwrap_or(invoice)
    }

    /// An invoice, the one that it names, the one which that one names, and so on. Names may go in a
    /// ring, so no further than there are invoices.
    pub(super) fn line_of<'s>(
        &'s self,
        invoice: &'s InvoiceReceived,
    ) -> impl Iterator<Item = &'s InvoiceReceived> {
        let next = |one: &&'s InvoiceReceived| {
            let named = one.corrected.as_ref()?;
            self.invoice(named).map(|named| named.receipt.stated())
        };
        std::iter::successors(Some(invoice), next).take(self.received + 1)
    }

    /// Whether an invoice is consumption: a commercial one, or a negative one that lowers such. What
    /// lowers a prepayment, interest or a fee does to it what a credit note does.
    pub(in crate::domain::call_off) fn is_consumption(&self, invoice: &InvoiceReceived) -> bool {
        let is_commercial = |one: &InvoiceReceived| match one.kind {
            InvoiceKind::Commercial => true,
            InvoiceKind::Prepayment | InvoiceKind::InterestOrFee => false,
        };
        is_commercial(invoice) && is_commercial(self.counted_as(invoice))
    }

    /// Whether an invoice counts as consumption of this call-off: on the order, when there is one.
    pub(in crate::domain::call_off) fn counts(&self, invoice: &InvoiceReceived) -> bool {
        self.is_consumption(invoice) && !self.is_rejected(invoice) && !self.is_adrift(invoice)
    }
}
