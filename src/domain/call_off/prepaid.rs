//! How much of each prepayment is still to be offset.
//!
//! A final invoice states what was prepaid with VAT, while a prepayment counts net. The stated amount
//! is taken off prepayments oldest first, each by its own ratio of net to gross and its own rate,
//! rounded once; the last takes any excess, and nothing falls below zero.

use super::walk::{InvoiceView, Walk};
use crate::domain::event::InvoiceKind;
use crate::domain::money::{Amount, Currency};

struct Prepayment<'w, 'a> {
    view: &'w InvoiceView<'a>,
    /// Net still to be offset, in the agreement's currency.
    left: Amount,
    /// Gross still to be stated, in the prepayment's own currency.
    gross_left: Amount,
}

/// The prepayments of a call-off, oldest first, each with what is left of its net amount.
pub(super) fn left<'w, 'a>(walk: &'w Walk<'a>) -> Vec<(&'w InvoiceView<'a>, Amount)> {
    if !walk.has_prepayments {
        return Vec::new();
    }
    let mut prepayments: Vec<Prepayment<'w, 'a>> = walk
        .invoices
        .iter()
        .filter(|view| view.invoice.kind == InvoiceKind::Prepayment)
        .map(|view| Prepayment {
            view,
            left: walk.net_less_credits(view).or_zero(),
            gross_left: gross(view),
        })
        .collect();
    for view in &walk.invoices {
        if view.invoice.kind != InvoiceKind::Prepayment && view.invoice.prepaid.is_positive() {
            offset(&mut prepayments, view, walk.currency);
        }
    }
    prepayments.into_iter().map(|prepayment| (prepayment.view, prepayment.left)).collect()
}

fn offset(
    prepayments: &mut [Prepayment<'_, '_>],
    last_invoice: &InvoiceView<'_>,
    target: Currency,
) {
    let stated_currency = last_invoice.invoice.net.money.currency;
    let mut stated = last_invoice.invoice.prepaid;
    let same_currency = |prepayment: &Prepayment<'_, '_>| {
        prepayment.view.invoice.net.money.currency == stated_currency
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
        let invoice = prepayment.view.invoice;
        let net = invoice.net.money.amount;
        let rate = invoice.net.rate.filter(|_| stated_currency != target);
        // A share too large for an amount is more than what is left.
        let off = taken.proportion(net, gross(prepayment.view), rate, target);
        let off = off.map_or(prepayment.left, |off| off.min(prepayment.left).or_zero());
        prepayment.left = prepayment.left.minus(off);
        prepayment.gross_left = prepayment.gross_left.minus(taken);
        stated = stated.minus(taken);
    }
}

fn gross(view: &InvoiceView<'_>) -> Amount {
    view.invoice.net.money.amount.plus(view.invoice.vat)
}
