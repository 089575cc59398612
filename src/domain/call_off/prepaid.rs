//! How much of each prepayment is still to be offset.
//!
//! A final invoice states what was prepaid with VAT, while a prepayment counts net. The stated amount
//! is taken off prepayments oldest first, each by its own ratio of net to gross and its own rate,
//! rounded once; the last takes any excess, and nothing falls below zero. An offset by hand states a
//! net amount and names its prepayment; it is taken off before what invoices state.
//!
//! What is left is kept as the call-off is walked. An invoice that states something prepaid costs the
//! prepayments of the call-off, which are few. All is offset anew, which costs the prepayments and all
//! that were ever offset against them, when a prepayment comes or is lowered, when an offset by hand
//! comes, and when anything is rejected or lowers what has come: those are few where there are
//! prepayments.

use std::sync::Arc;

use imbl::Vector;

use super::filed::Filed;
use super::walk::Walk;
use crate::domain::event::{InvoiceKind, InvoiceReceived, PrepaymentOffset, Value};
use crate::domain::id::InvoiceId;
use crate::domain::money::{Amount, Currency};

/// The prepayments of a call-off, and what is taken off them.
#[derive(Debug, Clone, Default)]
pub(super) struct Prepaid {
    /// In fold order.
    prepayments: Vector<Filed<InvoiceReceived>>,
    offsets: Vector<PrepaymentOffset>,
    /// Other invoices that state something prepaid, in fold order.
    stating: Vector<Filed<InvoiceReceived>>,
    left: Arc<Vec<Prepayment>>,
}

/// A prepayment that is not rejected.
#[derive(Debug, Clone)]
pub(super) struct Prepayment {
    pub(super) invoice: Filed<InvoiceReceived>,
    /// Net still to be offset, in the agreement's currency.
    pub(super) left: Amount,
    /// Gross still to be stated, in the prepayment's own currency.
    gross_left: Amount,
}

impl Prepaid {
    /// The prepayments, oldest first, each with what is left of it.
    pub(super) fn left(&self) -> &[Prepayment] {
        &self.left
    }

    /// What is left of one. Nothing when it is no prepayment.
    pub(super) fn left_of(&self, invoice: &InvoiceId) -> Amount {
        let mut left = self.left.iter();
        let found = left.find(|one| one.invoice.stated().invoice == *invoice);
        found.map(|one| one.left).unwrap_or_default()
    }
}

impl Walk {
    /// Takes note of an invoice that has come. `alone`: nothing waited for it.
    pub(super) fn prepaid_received(&mut self, receipt: &Filed<InvoiceReceived>, alone: bool) {
        let invoice = receipt.stated();
        if invoice.kind == InvoiceKind::Prepayment {
            self.prepaid.prepayments.push_back(receipt.clone());
            self.offset_anew();
            return;
        }
        let states = invoice.prepaid.is_positive();
        if states {
            self.prepaid.stating.push_back(receipt.clone());
        }
        if !alone || invoice.corrected.is_some() {
            self.offset_anew();
        } else if states && !self.prepaid.left.is_empty() && !self.is_rejected(invoice) {
            let left = Arc::make_mut(&mut self.prepaid.left);
            offset(left.as_mut_slice(), invoice, self.currency);
        }
    }

    /// Takes note of a credit note on an invoice.
    pub(super) fn prepaid_lowered(&mut self, invoice: &InvoiceId) {
        let bears = self.invoice(invoice).is_some_and(|one| {
            let stated = one.receipt.stated();
            stated.kind == InvoiceKind::Prepayment || stated.corrected.is_some()
        });
        if bears {
            self.offset_anew();
        }
    }

    pub(super) fn offset_by_hand(&mut self, offset: &PrepaymentOffset) {
        self.prepaid.offsets.push_back(offset.clone());
        self.offset_anew();
    }

    pub(super) fn offset_anew(&mut self) {
        if self.prepaid.prepayments.is_empty() {
            return;
        }
        let standing = self.prepaid.prepayments.iter().filter_map(|receipt| {
            let account = self.account(&receipt.stated().invoice)?;
            let is_rejected = self.is_rejected(receipt.stated());
            (!is_rejected).then(|| Prepayment {
                invoice: receipt.clone(),
                left: self.net_less_corrections(account).or_zero(),
                gross_left: gross(receipt.stated()),
            })
        });
        let mut left: Vec<Prepayment> = standing.collect();
        for offset in &self.prepaid.offsets {
            take_off_by_hand(&mut left, offset, self.currency);
        }
        for receipt in &self.prepaid.stating {
            if !self.is_rejected(receipt.stated()) {
                offset(&mut left, receipt.stated(), self.currency);
            }
        }
        self.prepaid.left = Arc::new(left);
    }
}

fn take_off_by_hand(prepayments: &mut [Prepayment], offset: &PrepaymentOffset, target: Currency) {
    let named = prepayments.iter_mut().find(|one| {
        let stated = one.invoice.stated();
        stated.invoice == offset.prepayment && stated.net.money.currency == offset.amount.currency
    });
    let Some(prepayment) = named else { return };
    let stated = prepayment.invoice.stated();
    let rate = stated.net.rate;
    // An amount too large once converted is more than what is left.
    let off = Value { money: offset.amount, rate }.in_currency(target);
    let off = off.map_or(prepayment.left, |off| off.min(prepayment.left));
    prepayment.left = prepayment.left.minus(off);
    let net = stated.net.money.amount;
    let (whole, currency) = (gross(stated), offset.amount.currency);
    let gross_off = offset.amount.amount.proportion(whole, net, None, currency);
    let gross_off = gross_off.map_or(prepayment.gross_left, |off| off.min(prepayment.gross_left));
    prepayment.gross_left = prepayment.gross_left.minus(gross_off);
}

fn offset(prepayments: &mut [Prepayment], last_invoice: &InvoiceReceived, target: Currency) {
    let stated_currency = last_invoice.net.money.currency;
    let mut stated = last_invoice.prepaid;
    let same_currency =
        |prepayment: &Prepayment| prepayment.invoice.stated().net.money.currency == stated_currency;
    let last = prepayments
        .iter()
        .rposition(|prepayment| same_currency(prepayment) && prepayment.gross_left.is_positive());
    for (index, prepayment) in prepayments.iter_mut().enumerate() {
        if !stated.is_positive()
            || !same_currency(prepayment)
            || !prepayment.gross_left.is_positive()
        {
            continue;
        }
        let taken = if Some(index) == last { stated } else { stated.min(prepayment.gross_left) };
        let invoice = prepayment.invoice.stated();
        let net = invoice.net.money.amount;
        let rate = invoice.net.rate.filter(|_| stated_currency != target);
        // A share too large for an amount is more than what is left.
        let off = taken.proportion(net, gross(invoice), rate, target);
        let off = off.map_or(prepayment.left, |off| off.min(prepayment.left).or_zero());
        prepayment.left = prepayment.left.minus(off);
        prepayment.gross_left = prepayment.gross_left.minus(taken);
        stated = stated.minus(taken);
    }
}

fn gross(invoice: &InvoiceReceived) -> Amount {
    invoice.net.money.amount.plus(invoice.vat)
}
