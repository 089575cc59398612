//! How much of each prepayment is still to be offset.
//!
//! A final invoice states what was prepaid with VAT, while a prepayment counts net. The stated amount
//! is taken off prepayments oldest first, each by its own ratio of net to gross and its own rate,
//! rounded once; the last takes any excess, and nothing falls below zero. An offset by hand states a
//! net amount and names its prepayment; it is taken off before what invoices state.

use super::walk::{InvoiceSoFar, Walk};
use crate::domain::event::{InvoiceKind, PrepaymentOffset, Value};
use crate::domain::money::{Amount, Currency};

struct Prepayment<'w, 'a> {
    invoice: &'w InvoiceSoFar<'a>,
    /// Net still to be offset, in the agreement's currency.
    left: Amount,
    /// Gross still to be stated, in the prepayment's own currency.
    gross_left: Amount,
}

/// The prepayments of a call-off, oldest first, each with what is left of its net amount.
pub(super) fn left<'w, 'a>(walk: &'w Walk<'a>) -> Vec<(&'w InvoiceSoFar<'a>, Amount)> {
    if !walk.has_prepayments {
        return Vec::new();
    }
    let mut prepayments: Vec<Prepayment<'w, 'a>> = walk
        .invoices
        .iter()
        .filter(|one| one.invoice.kind == InvoiceKind::Prepayment && !walk.is_rejected(one.invoice))
        .map(|invoice| Prepayment {
            invoice,
            left: walk.net_less_corrections(invoice).or_zero(),
            gross_left: gross(invoice),
        })
        .collect();
    for offset in &walk.offsets {
        offset_by_hand(&mut prepayments, offset, walk.currency);
    }
    for one in &walk.invoices {
        let states = one.invoice.kind != InvoiceKind::Prepayment
            && one.invoice.prepaid.is_positive()
            && !walk.is_rejected(one.invoice);
        if states {
            offset(&mut prepayments, one, walk.currency);
        }
    }
    prepayments.into_iter().map(|prepayment| (prepayment.invoice, prepayment.left)).collect()
}

fn offset_by_hand(
    prepayments: &mut [Prepayment<'_, '_>],
    offset: &PrepaymentOffset,
    target: Currency,
) {
    let named = prepayments.iter_mut().find(|one| {
        one.invoice.invoice.invoice == offset.prepayment
            && one.invoice.invoice.net.money.currency == offset.amount.currency
    });
    let Some(prepayment) = named else { return };
    let rate = prepayment.invoice.invoice.net.rate;
    // An amount too large once converted is more than what is left.
    let off = Value { money: offset.amount, rate }.in_currency(target);
    let off = off.map_or(prepayment.left, |off| off.min(prepayment.left));
    prepayment.left = prepayment.left.minus(off);
    let net = prepayment.invoice.invoice.net.money.amount;
    let (whole, currency) = (gross(prepayment.invoice), offset.amount.currency);
    let gross_off = offset.amount.amount.proportion(whole, net, None, currency);
    let gross_off = gross_off.map_or(prepayment.gross_left, |off| off.min(prepayment.gross_left));
    prepayment.gross_left = prepayment.gross_left.minus(gross_off);
}

fn offset(
    prepayments: &mut [Prepayment<'_, '_>],
    last_invoice: &InvoiceSoFar<'_>,
    target: Currency,
) {
    let stated_currency = last_invoice.invoice.net.money.currency;
    let mut stated = last_invoice.invoice.prepaid;
    let same_currency = |prepayment: &Prepayment<'_, '_>| {
        prepayment.invoice.invoice.net.money.currency == stated_currency
    };
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
        let invoice = prepayment.invoice.invoice;
        let net = invoice.net.money.amount;
        let rate = invoice.net.rate.filter(|_| stated_currency != target);
        // A share too large for an amount is more than what is left.
        let off = taken.proportion(net, gross(prepayment.invoice), rate, target);
        let off = off.map_or(prepayment.left, |off| off.min(prepayment.left).or_zero());
        prepayment.left = prepayment.left.minus(off);
        prepayment.gross_left = prepayment.gross_left.minus(taken);
        stated = stated.minus(taken);
    }
}

fn gross(invoice: &InvoiceSoFar<'_>) -> Amount {
    invoice.invoice.net.money.amount.plus(invoice.invoice.vat)
}
