//! Invoices, credit notes, payments and prepayments at one point of the two times.

use std::collections::BTreeMap;

use contract_ledger::domain::event::{
    CreditNoteReceived, InvoiceKind, InvoicePaid, InvoiceReceived, Payload, Recorded,
};
use contract_ledger::domain::id::{InvoiceId, OrderId, PaymentId};
use contract_ledger::domain::money::{Amount, Money};
use contract_ledger::domain::scope::ScopeKeys;

use super::history::Fold;
use super::orders::{in_own, is_placed_or_was};

/// One invoice in the fold.
#[derive(Debug, Clone, Copy)]
pub(super) struct Invoice<'a> {
    pub(super) place: usize,
    pub(super) recorded: &'a Recorded,
    pub(super) stated: &'a InvoiceReceived,
}

/// Where an invoice counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Counts {
    OnOrder(OrderId),
    OffOrder(ScopeKeys),
}

pub(super) fn invoices<'a>(fold: &Fold<'a>) -> Vec<Invoice<'a>> {
    let mut found = Vec::new();
    for (place, recorded) in fold.events.iter().enumerate() {
        if let Payload::InvoiceReceived(stated) = &recorded.event.payload {
            found.push(Invoice { place, recorded, stated });
        }
    }
    found
}

pub(super) fn invoice<'a>(fold: &Fold<'a>, id: &InvoiceId) -> Option<Invoice<'a>> {
    invoices(fold).into_iter().find(|invoice| invoice.stated.invoice == *id)
}

pub(super) fn credit_notes<'a>(fold: &Fold<'a>) -> Vec<(&'a Recorded, &'a CreditNoteReceived)> {
    let mut found = Vec::new();
    for recorded in &fold.events {
        if let Payload::CreditNoteReceived(stated) = &recorded.event.payload {
            found.push((*recorded, &**stated));
        }
    }
    found
}

/// Whether a negative invoice names another one that it lowers.
pub(super) fn names_another(invoice: &InvoiceReceived) -> bool {
    invoice.net.money.amount.is_negative() && invoice.corrected.is_some()
}

/// The known invoice that a negative one lowers.
pub(super) fn lowered<'a>(fold: &Fold<'a>, negative: &InvoiceReceived) -> Option<Invoice<'a>> {
    if !names_another(negative) {
        return None;
    }
    let named = negative.corrected.as_ref()?;
    invoice(fold, named).filter(|invoice| invoice.stated.invoice != negative.invoice)
}

/// Whether it is rejected, itself or with the invoice that it lowers.
pub(super) fn is_rejected(fold: &Fold<'_>, invoice: &InvoiceReceived) -> bool {
    let itself = fold.events.iter().any(|event| match &event.event.payload {
        Payload::InvoiceRejected(rejected) => rejected.invoice == invoice.invoice,
        _ => false,
    });
    itself || lowered(fold, invoice).is_some_and(|other| is_rejected(fold, other.stated))
}

/// Its net less credit notes and negative invoices that name it, in the agreement's currency.
pub(super) fn net_less_credits(fold: &Fold<'_>, invoice: &InvoiceReceived) -> Amount {
    let mut net = in_own(fold, invoice.net);
    for (_, credit) in credit_notes(fold) {
        if credit.invoice == invoice.invoice {
            net = net.minus(in_own(fold, credit.net));
        }
    }
    for other in invoices(fold) {
        let names = lowered(fold, other.stated)
            .is_some_and(|target| target.stated.invoice == invoice.invoice);
        let counts = other.stated.kind != InvoiceKind::InterestOrFee;
        if names && counts && !is_rejected(fold, other.stated) {
            net = net.plus(net_less_credits(fold, other.stated));
        }
    }
    net
}

/// Where an invoice counts: with the invoice that it lowers, on its order, or by its own keys.
pub(super) fn counts(fold: &Fold<'_>, invoice: Invoice<'_>) -> Counts {
    let Invoice { recorded, stated, .. } = invoice;
    if let Some(target) = lowered(fold, stated) {
        return counts(fold, target);
    }
    let placed = |id| is_placed_or_was(fold, id, recorded.position.get());
    match &stated.order {
        Some(id) if !names_another(stated) && placed(id) => Counts::OnOrder(id.clone()),
        _ => Counts::OffOrder(stated.keys.clone()),
    }
}

/// Payments that did not come back.
pub(super) fn payments<'a>(fold: &Fold<'a>) -> Vec<(&'a Recorded, &'a InvoicePaid)> {
    let mut found = Vec::new();
    for recorded in &fold.events {
        if let Payload::InvoicePaid(paid) = &recorded.event.payload
            && !came_back(fold, &paid.payment)
        {
            found.push((*recorded, &**paid));
        }
    }
    found
}

fn came_back(fold: &Fold<'_>, payment: &PaymentId) -> bool {
    fold.events.iter().any(|event| match &event.event.payload {
        Payload::PaymentReversed(reversed) => reversed.payment == *payment,
        _ => false,
    })
}

/// A prepayment and what is left of it.
struct Prepayment<'a> {
    stated: &'a InvoiceReceived,
    /// In the agreement's currency.
    left: Amount,
    /// VAT included, in its own currency.
    gross_left: Amount,
}

/// What is not yet offset of each prepayment, in the agreement's currency.
pub(super) fn prepaid_left(fold: &Fold<'_>) -> BTreeMap<InvoiceId, Amount> {
    let mut prepayments: Vec<Prepayment<'_>> = Vec::new();
    for invoice in invoices(fold) {
        let stated = invoice.stated;
        let counted = lowered(fold, stated).is_none() && !is_rejected(fold, stated);
        if stated.kind == InvoiceKind::Prepayment && counted {
            let left = net_less_credits(fold, stated).or_zero();
            let gross_left = stated.net.money.amount.plus(stated.vat);
            prepayments.push(Prepayment { stated, left, gross_left });
        }
    }
    // Whoever offsets by hand names the prepayment, and knows better than an invoice, whichever came first.
    for event in &fold.events {
        let Payload::PrepaymentOffset(offset) = &event.event.payload else { continue };
        for prepayment in &mut prepayments {
            if prepayment.stated.invoice == offset.prepayment {
                offset_by_hand(fold, offset.amount, prepayment);
            }
        }
    }
    for event in &fold.events {
        let Payload::InvoiceReceived(last) = &event.event.payload else { continue };
        let counted = last.kind == InvoiceKind::Commercial && !is_rejected(fold, last);
        if counted && last.prepaid.is_positive() {
            offset_stated(fold, last, &mut prepayments);
        }
    }
    prepayments.into_iter().map(|one| (one.stated.invoice.clone(), one.left)).collect()
}

/// What a final invoice states as prepaid takes off prepayments, oldest first.
fn offset_stated(fold: &Fold<'_>, last: &InvoiceReceived, prepayments: &mut [Prepayment<'_>]) {
    let mut stated = last.prepaid;
    for prepayment in prepayments {
        let belongs = match (&last.order, &prepayment.stated.order) {
            (Some(order), Some(other)) => order == other,
            (None, None) => last.keys.supplier == prepayment.stated.keys.supplier,
            _ => false,
        };
        if belongs {
            let taken = stated.min(prepayment.gross_left.or_zero());
            let net = prepayment.stated.net;
            let gross = net.money.amount.plus(prepayment.stated.vat);
            let rate = if net.money.currency == fold.currency() { None } else { net.rate };
            let share = net.money.amount.proportion(taken, gross, rate, fold.currency());
            prepayment.left = prepayment.left.minus(share.unwrap_or(Amount::ZERO)).or_zero();
            prepayment.gross_left = prepayment.gross_left.minus(taken);
            stated = stated.minus(taken);
        }
    }
}

fn offset_by_hand(fold: &Fold<'_>, amount: Money, prepayment: &mut Prepayment<'_>) {
    let net = prepayment.stated.net;
    let mut value = net;
    value.money = amount;
    prepayment.left = prepayment.left.minus(in_own(fold, value)).or_zero();
    let gross = net.money.amount.plus(prepayment.stated.vat);
    let taken = gross.proportion(amount.amount, net.money.amount, None, net.money.currency);
    let taken = taken.unwrap_or(Amount::ZERO);
    prepayment.gross_left = prepayment.gross_left.minus(taken).or_zero();
}
