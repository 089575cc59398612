//! What counts as consumption of a call-off: invoices and credit notes as they come, attach, and leave.
//!
//! Whatever a document may change is taken out of the sums first, and counted in again as it then is.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::account::InvoiceSoFar;
use super::tally::{Move, Tally};
use super::{OrderStatus, Touch, Walk};
use crate::domain::call_off::filed::Filed;
use crate::domain::charter::Charter;
use crate::domain::event::{CreditNoteReceived, InvoiceReceived, Recorded, Value};
use crate::domain::id::InvoiceId;
use crate::domain::levels::{ScopeSums, Sums};
use crate::domain::money::{Amount, Money};

impl Walk {
    /// Another placement decides anew what is on the order.
    pub(super) fn count_anew(&mut self, charter: &Charter) {
        self.on_order = Tally::default();
        self.paid_on_order = Amount::ZERO;
        self.off_order = ScopeSums::default();
        self.strays = 0;
        let invoices: Vec<InvoiceId> = self.accounts.keys().cloned().collect();
        for id in &invoices {
            let Some(one) = self.invoice(id) else { continue };
            let stray = self.is_stray_by_itself(&one.receipt);
            self.strays += usize::from(stray);
            if self.account(id).is_some_and(|account| account.stray != stray) {
                self.account_mut(id).stray = stray;
            }
        }
        for id in &invoices {
            self.count(id, Move::In, charter);
        }
    }

    /// What lowers another invoice goes where that one goes.
    fn is_stray_by_itself(&self, receipt: &Filed<InvoiceReceived>) -> bool {
        receipt.stated().corrected.is_none()
            && self.order.as_ref().is_some_and(|order| order.is_reversed_before(receipt.recorded()))
    }

    /// What came before its invoice attaches to it.
    pub(super) fn take_invoice(
        &mut self,
        recorded: &Arc<Recorded>,
        charter: &Charter,
        touched: &mut Vec<Touch>,
    ) {
        let Some(receipt) = Filed::<InvoiceReceived>::new(recorded) else { return };
        let id = receipt.stated().invoice.clone();
        let named = receipt.stated().corrected.clone();
        let mut with = self.with_lowering(&id);
        // How far a ring is followed depends on how many invoices there are.
        with.extend(self.in_rings.iter().cloned());
        self.recount(&with, charter, |walk| walk.receive(receipt.clone()));
        if named.is_some() && self.leads_into_ring(receipt.stated()) {
            self.in_rings.extend(self.with_lowering(&id));
        }
        if let Some(account) = self.account(&id) {
            touched.extend(account.credits.iter().cloned().map(Touch::CreditNote));
            touched.extend(account.payments.iter().cloned().map(Touch::Payment));
        }
        self.prepaid_received(&receipt, with.len() == 1);
        touched.extend(with.into_iter().chain(named).map(Touch::Invoice));
    }

    fn receive(&mut self, receipt: Filed<InvoiceReceived>) {
        let stated = receipt.stated();
        let id = stated.invoice.clone();
        let after_closing = match self.order_status() {
            OrderStatus::Cancelled | OrderStatus::Rejected | OrderStatus::Closed => true,
            OrderStatus::NotPlaced | OrderStatus::Open => false,
        };
        let net = self.amount(stated.net);
        let stray = self.is_stray_by_itself(&receipt);
        let named = stated.corrected.clone();
        let account = self.account_mut(&id);
        account.stray = stray;
        account.received =
            Some(InvoiceSoFar { receipt, net, after_closing, approval: None, disputed: false });
        let was_awaited = !account.lowered_by.is_empty();
        let paid = account.paid.converted();
        self.paid_on_unknown = self.paid_on_unknown.minus(paid);
        self.received += 1;
        self.strays += usize::from(stray);
        self.awaited = self.awaited.saturating_sub(usize::from(was_awaited));
        if let Some(named) = named {
            let account = self.account_mut(&named);
            let is_awaited = account.received.is_none() && account.lowered_by.is_empty();
            account.lowered_by.push_back(id);
            self.awaited += usize::from(is_awaited);
        }
    }

    /// An invoice and all that lower it, directly or in a line.
    fn with_lowering(&self, id: &InvoiceId) -> Vec<InvoiceId> {
        let mut found = vec![id.clone()];
        let lowered_by = |id: &InvoiceId| self.account(id).map(|account| &account.lowered_by);
        if lowered_by(id).is_none_or(imbl::Vector::is_empty) {
            return found;
        }
        let mut seen: BTreeSet<InvoiceId> = BTreeSet::from([id.clone()]);
        let mut looked_at = 0;
        while let Some(one) = found.get(looked_at).cloned() {
            let more = lowered_by(&one).into_iter().flatten();
            found.extend(more.filter(|other| seen.insert((*other).clone())).cloned());
            looked_at += 1;
        }
        found
    }

    /// Whether the line of an invoice has no end.
    fn leads_into_ring(&self, invoice: &InvoiceReceived) -> bool {
        self.line_of(invoice).count() > self.received
    }

    /// Does something that may change what some invoices add to the sums.
    pub(super) fn recount(
        &mut self,
        invoices: &[InvoiceId],
        charter: &Charter,
        change: impl FnOnce(&mut Self),
    ) {
        for id in invoices {
            self.count(id, Move::Out, charter);
        }
        change(self);
        for id in invoices {
            self.count(id, Move::In, charter);
        }
    }

    /// Counts an invoice with its credit notes and payments in, or out again. One that has not come
    /// adds nothing.
    fn count(&mut self, id: &InvoiceId, way: Move, charter: &Charter) {
        let Some(account) = self.accounts.get(id).cloned() else { return };
        let Some(one) = &account.received else { return };
        let stated = one.receipt.stated();
        let counts = self.is_consumption(stated) && !self.is_rejected(stated);
        let paid = account.paid.converted();
        if self.is_on_order(stated) {
            if counts {
                self.on_order.count(stated.net.money, one.net, way);
                self.on_order.count_lowering(&account.credited, way);
            }
            self.paid_on_order = way.apply(self.paid_on_order, paid);
            return;
        }
        let invoiced = if counts { account.net_less_credits() } else { Amount::ZERO };
        let sums = Sums { invoiced, paid, exposure: invoiced, ..Sums::default() };
        let scopes: Vec<_> = self.counted_as(stated).keys.scopes().collect();
        let sums = match way {
            Move::In => sums,
            Move::Out => Sums::default().minus(sums),
        };
        for scope in scopes.into_iter().filter(|scope| charter.has_scope(scope)) {
            self.off_order.add(scope, sums);
        }
    }

    pub(super) fn take_credit(
        &mut self,
        recorded: &Arc<Recorded>,
        charter: &Charter,
        touched: &mut Vec<Touch>,
    ) {
        let Some(credit) = Filed::<CreditNoteReceived>::new(recorded) else { return };
        let (id, net) = (&credit.stated().invoice, credit.stated().net);
        let converted = self.amount(net);
        let gross = Money {
            amount: net.money.amount.plus(credit.stated().vat),
            currency: net.money.currency,
        };
        // Converted as a whole, so that a document is rounded once.
        let gross_converted =
            Value { money: gross, rate: net.rate }.in_currency(self.currency).unwrap_or_default();
        self.recount(std::slice::from_ref(id), charter, |walk| {
            let account = walk.account_mut(id);
            account.credited.count(net.money, converted, Move::In);
            account.credited_gross.count(gross, gross_converted, Move::In);
            account.credits.push_back(credit.clone());
        });
        self.prepaid_lowered(id);
        self.touch_invoice(id, touched);
        touched.push(Touch::CreditNote(credit));
    }

    /// What lowers a rejected invoice goes with it.
    pub(super) fn reject(&mut self, id: &InvoiceId, charter: &Charter, touched: &mut Vec<Touch>) {
        if self.account(id).is_some_and(|account| account.rejected) {
            return;
        }
        let with = self.with_lowering(id);
        self.recount(&with, charter, |walk| {
            walk.account_mut(id).rejected = true;
            walk.rejected += 1;
        });
        self.offset_anew();
        self.touch_invoice(id, touched);
        touched.extend(with.into_iter().skip(1).map(Touch::Invoice));
    }

    /// Touches an invoice, and the one that it lowers.
    pub(super) fn touch_invoice(&self, id: &InvoiceId, touched: &mut Vec<Touch>) {
        touched.push(Touch::Invoice(id.clone()));
        let named = self.invoice(id).and_then(|one| one.receipt.stated().corrected.clone());
        touched.extend(named.map(Touch::Invoice));
    }
}
