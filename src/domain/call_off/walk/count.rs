//! What counts as consumption of a call-off: invoices and credit notes as they come, attach, and leave.

use std::sync::Arc;

use super::{CreditSoFar, InvoiceSoFar, OrderStatus, Walk};
use crate::domain::call_off::Standing;
use crate::domain::event::{CreditNoteReceived, InvoiceKind, InvoiceReceived, Recorded};
use crate::domain::id::{InvoiceId, Position};
use crate::domain::money::{Amount, Money};

/// Whether a document joins a sum or leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Move {
    In,
    Out,
}

impl<'a> Walk<'a> {
    /// Another placement decides anew what is on the order.
    pub(super) fn count_anew(&mut self) {
        // What lowers another invoice goes where that one goes.
        let strays = self.invoices.iter().filter(|one| {
            one.invoice.corrected.is_none() && self.is_after_reversal(one.receipt.position)
        });
        self.strays = strays.map(|one| &one.invoice.invoice).collect();
        self.invoiced = Amount::ZERO;
        self.stated.clear();
        for place in 0..self.invoices.len() {
            let adrift = self.invoices.get(place).is_some_and(|one| self.is_adrift(one.invoice));
            if !adrift {
                self.count(place, Move::In);
            }
        }
    }

    fn is_after_reversal(&self, position: Position) -> bool {
        match self.order.as_ref().map(|order| order.standing) {
            Some(Standing::Reversed(reversal)) => position > reversal,
            Some(Standing::Live) | None => false,
        }
    }

    /// What came before its invoice attaches to it.
    pub(super) fn take_invoice(
        &mut self,
        receipt: &'a Arc<Recorded>,
        invoice: &'a InvoiceReceived,
    ) {
        let place = self.invoices.len();
        let net = self.amount(invoice.net);
        let after_closing = match self.order_status() {
            OrderStatus::Cancelled | OrderStatus::Rejected | OrderStatus::Closed => true,
            OrderStatus::NotPlaced | OrderStatus::Open => false,
        };
        self.has_prepayments |= invoice.kind == InvoiceKind::Prepayment;
        self.invoices.push(InvoiceSoFar {
            receipt,
            invoice,
            net,
            after_closing,
            corrections: Vec::new(),
            approved_by: None,
            approved: false,
            disputed: false,
        });
        self.places.insert(&invoice.invoice, place);
        if invoice.corrected.is_none() && self.is_after_reversal(receipt.position) {
            self.strays.insert(&invoice.invoice);
        }
        if let Some(named) = &invoice.corrected {
            match self.places.get(named).copied() {
                Some(named) => self.correct(named, place),
                None => self.waiting.entry(named).or_default().push(place),
            }
        }
        // Whoever waited for this one waits no longer, unless this one waits itself.
        let came_for: Vec<usize> = self.waiting.remove(&invoice.invoice).unwrap_or_default();
        for correction in &came_for {
            self.correct(place, *correction);
        }
        if !self.is_adrift(invoice) {
            for joined in self.with_corrections(place) {
                self.count(joined, Move::In);
            }
        }
        self.payments.know(&invoice.invoice);
    }

    fn correct(&mut self, named: usize, correction: usize) {
        if let Some(named) = self.invoices.get_mut(named) {
            named.corrections.push(correction);
        }
    }

    /// An invoice and all that lower it, directly or in a line.
    fn with_corrections(&self, place: usize) -> Vec<usize> {
        let mut places = vec![place];
        let mut looked_at = 0;
        while let Some(invoice) = places.get(looked_at).and_then(|place| self.invoices.get(*place))
        {
            let more: Vec<usize> =
                invoice.corrections.iter().copied().filter(|one| !places.contains(one)).collect();
            places.extend(more);
            looked_at += 1;
        }
        places
    }

    /// Counts an invoice with its credit notes in, or out again.
    fn count(&mut self, place: usize, way: Move) {
        let Some(invoice) = self.invoices.get(place) else { return };
        let (net, stated, id) = (invoice.net, invoice.invoice.net.money, &invoice.invoice.invoice);
        if !self.is_consumption(invoice.invoice) || self.is_rejected(invoice.invoice) {
            return;
        }
        let credits: Vec<(Amount, Money)> =
            self.credits_of(id).map(|credit| (credit.net, credit.credit.net.money)).collect();
        self.add(net, stated, way);
        for (net, stated) in credits {
            self.add(net.negated(), negated(stated), way);
        }
    }

    fn add(&mut self, net: Amount, stated: Money, way: Move) {
        let of = self.stated.entry(stated.currency).or_default();
        match way {
            Move::In => {
                self.invoiced = self.invoiced.plus(net);
                of.documents += 1;
                of.net = of.net.plus(stated.amount);
            }
            Move::Out => {
                self.invoiced = self.invoiced.minus(net);
                of.documents = of.documents.saturating_sub(1);
                of.net = of.net.minus(stated.amount);
            }
        }
    }

    pub(super) fn take_credit(
        &mut self,
        recorded: &'a Arc<Recorded>,
        credit: &'a CreditNoteReceived,
    ) {
        let net = self.amount(credit.net);
        let credited = self.credited.entry(&credit.invoice).or_default();
        *credited = credited.plus(net);
        self.credits_of.entry(&credit.invoice).or_default().push(self.credits.len());
        self.credits.push(CreditSoFar { recorded, credit, net });
        let counts = self.invoice(&credit.invoice).is_some_and(|of| self.counts(of.invoice));
        if counts {
            self.add(net.negated(), negated(credit.net.money), Move::In);
        }
    }

    /// What lowers a rejected invoice goes with it.
    pub(super) fn reject(&mut self, id: &'a InvoiceId) {
        if self.rejected.contains(id) {
            return;
        }
        let place = self.places.get(id).copied();
        let counted = place.and_then(|place| self.invoices.get(place));
        if let (Some(place), Some(invoice)) = (place, counted)
            && !self.is_adrift(invoice.invoice)
        {
            for leaving in self.with_corrections(place) {
                self.count(leaving, Move::Out);
            }
        }
        self.rejected.insert(id);
    }
}

fn negated(money: Money) -> Money {
    Money { amount: money.amount.negated(), currency: money.currency }
}
