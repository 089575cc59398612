//! What refuses intents and facts alike.

use std::collections::BTreeSet;

use contract_ledger::domain::event::{AdmissionMode, Group, InvoiceKind, Payload, Recorded, Value};
use contract_ledger::domain::id::{EventId, InvoiceId, OrderId, ReservationId};
use contract_ledger::domain::money::Currency;
use contract_ledger::domain::reason::Reason;

use super::history::{Fold, History, is_reversed};

pub(super) fn refused_always(
    history: &History,
    fold: Option<&Fold<'_>>,
    new: &Recorded,
) -> BTreeSet<Reason> {
    let mut refused = BTreeSet::new();
    let corrects = new.event.corrects;
    if corrects.is_some_and(|id| !history.events.iter().any(|event| event.event_id == id)) {
        refused.insert(Reason::UnknownEvent);
    }
    if let Payload::AgreementSigned(_) = &new.event.payload {
        refused.extend(fold.map(|_| Reason::AgreementExists));
        return refused;
    }
    if let Payload::EventReversed(reversal) = &new.event.payload {
        // A reversed signature leaves other recordings that may be wrong too.
        if history.events.is_empty() {
            return BTreeSet::from([Reason::UnknownAgreement]);
        }
        refused.extend(wrong_target(history, reversal.target));
        return refused;
    }
    let Some(fold) = fold else { return BTreeSet::from([Reason::UnknownAgreement]) };
    let count = history.events.len();
    let known = Known(history.live(count).map(|event| &event.event.payload).collect());
    if known.0.iter().any(|other| same_id(other, &new.event.payload)) {
        refused.insert(Reason::DuplicateConflict);
    }
    refused.extend(known.unknown(&new.event.payload));
    if new.event.mode == AdmissionMode::Intent {
        refused.extend(known.unknown_as_intent(&new.event.payload));
    }
    if let Payload::PrepaymentOffset(offset) = &new.event.payload {
        let currency = known.prepayment_currency(&offset.prepayment);
        if currency.is_some_and(|currency| currency != offset.amount.currency) {
            refused.insert(Reason::CurrencyMismatch);
        }
    }
    if has_foreign_amount(&new.event.payload, fold.currency()) {
        refused.insert(Reason::CurrencyMismatch);
    }
    let ahead = new.event.effective.days_since(new.recorded.oslo_date());
    if ahead > 1 {
        match new.event.payload.group() {
            Group::Order | Group::Invoice | Group::Payment => {
                refused.insert(Reason::EffectiveInFuture);
            }
            Group::Agreement | Group::Headroom | Group::Control => {}
        }
    }
    refused
}

/// What is recorded and not reversed.
struct Known<'a>(Vec<&'a Payload>);

impl Known<'_> {
    fn order(&self, id: &OrderId) -> Option<Reason> {
        let places =
            |other: &&Payload| matches!(other, Payload::OrderPlaced(placed) if placed.order == *id);
        (!self.0.iter().any(places)).then_some(Reason::UnknownOrder)
    }

    fn invoice(&self, id: &InvoiceId) -> Option<Reason> {
        let receives = |other: &&Payload| matches!(other, Payload::InvoiceReceived(invoice) if invoice.invoice == *id);
        (!self.0.iter().any(receives)).then_some(Reason::UnknownInvoice)
    }

    fn reservation(&self, id: &ReservationId) -> Option<Reason> {
        let reserves = |other: &&Payload| matches!(other, Payload::HeadroomReserved(held) if held.reservation == *id);
        (!self.0.iter().any(reserves)).then_some(Reason::UnknownReservation)
    }

    fn prepayment_currency(&self, id: &InvoiceId) -> Option<Currency> {
        self.0.iter().find_map(|other| match other {
            Payload::InvoiceReceived(invoice)
                if invoice.invoice == *id && invoice.kind == InvoiceKind::Prepayment =>
            {
                Some(invoice.net.money.currency)
            }
            _ => None,
        })
    }

    /// What a payload names and nobody knows.
    fn unknown(&self, payload: &Payload) -> Option<Reason> {
        match payload {
            Payload::OrderConfirmed(named)
            | Payload::OrderRejected(named)
            | Payload::OrderCancelled(named)
            | Payload::OrderClosed(named)
            | Payload::OrderReopened(named) => self.order(&named.order),
            Payload::OrderChanged(changed) => self.order(&changed.order),
            Payload::DeliveryReceived(delivery) => self.order(&delivery.order),
            Payload::ReservationReleased(released) => self.reservation(&released.reservation),
            Payload::OrderPlaced(placed) => self.reservation(placed.reservation.as_ref()?),
            Payload::InvoiceApproved(approved) => self.invoice(&approved.invoice),
            Payload::InvoiceDisputed(disputed) => self.invoice(&disputed.invoice),
            Payload::InvoiceRejected(rejected) => self.invoice(&rejected.invoice),
            Payload::DisputeResolved(named) => self.invoice(&named.invoice),
            Payload::RetentionWithheld(held) => self.invoice(&held.invoice),
            Payload::PrepaymentOffset(offset) => {
                if self.prepayment_currency(&offset.prepayment).is_none() {
                    return Some(Reason::UnknownInvoice);
                }
                self.invoice(offset.final_invoice.as_ref()?)
            }
            Payload::PaymentReversed(reversed) => {
                let paid = |other: &&Payload| matches!(other, Payload::InvoicePaid(paid) if paid.payment == reversed.payment);
                let again = |other: &&Payload| {
                    matches!(other, Payload::PaymentReversed(other)
                        if other.payment == reversed.payment)
                };
                if !self.0.iter().any(paid) {
                    return Some(Reason::UnknownEvent);
                }
                self.0.iter().any(again).then_some(Reason::AlreadyReversed)
            }
            Payload::RetentionReleased(released) => {
                let held = |other: &&Payload| {
                    matches!(other, Payload::RetentionWithheld(held)
                        if held.retention == released.retention)
                };
                (!self.0.iter().any(held)).then_some(Reason::UnknownEvent)
            }
            _ => None,
        }
    }

    /// What only a fact may name before it is known.
    fn unknown_as_intent(&self, payload: &Payload) -> Vec<Reason> {
        let reasons = match payload {
            Payload::InvoiceReceived(invoice) => [
                invoice.order.as_ref().and_then(|id| self.order(id)),
                invoice.corrected.as_ref().and_then(|id| self.invoice(id)),
            ],
            Payload::CreditNoteReceived(credit) => [self.invoice(&credit.invoice), None],
            Payload::InvoicePaid(paid) => [self.invoice(&paid.invoice), None],
            _ => [None, None],
        };
        reasons.into_iter().flatten().collect()
    }
}

fn wrong_target(history: &History, id: EventId) -> Option<Reason> {
    let target = history.events.iter().find(|event| event.event_id == id);
    match target.map(|target| &target.event.payload) {
        None => Some(Reason::UnknownEvent),
        Some(Payload::EventReversed(_)) => Some(Reason::ReversalOfReversal),
        Some(_) => is_reversed(&history.events, id).then_some(Reason::AlreadyReversed),
    }
}

/// Whether both would go by the same id.
fn same_id(known: &Payload, new: &Payload) -> bool {
    match (known, new) {
        (Payload::OrderPlaced(one), Payload::OrderPlaced(other)) => one.order == other.order,
        (Payload::InvoiceReceived(one), Payload::InvoiceReceived(other)) => {
            one.invoice == other.invoice
        }
        (Payload::CreditNoteReceived(one), Payload::CreditNoteReceived(other)) => {
            one.credit_note == other.credit_note
        }
        (Payload::InvoicePaid(one), Payload::InvoicePaid(other)) => one.payment == other.payment,
        // One that came back keeps its id.
        (Payload::PaymentReversed(known), Payload::InvoicePaid(new)) => {
            known.payment == new.payment
        }
        (Payload::HeadroomReserved(one), Payload::HeadroomReserved(other)) => {
            one.reservation == other.reservation
        }
        (Payload::DeliveryReceived(one), Payload::DeliveryReceived(other)) => {
            one.delivery == other.delivery
        }
        (Payload::AgreementAmended(one), Payload::AgreementAmended(other)) => {
            one.amendment == other.amendment
        }
        (Payload::RetentionWithheld(one), Payload::RetentionWithheld(other)) => {
            one.retention == other.retention
        }
        (Payload::OverrideGranted(one), Payload::OverrideGranted(other)) => {
            one.override_id == other.override_id
        }
        _ => false,
    }
}

/// Whether an amount is foreign without a rate of its own.
fn has_foreign_amount(payload: &Payload, own: Currency) -> bool {
    let unrated = |value: &Value| value.money.currency != own && value.rate.is_none();
    match payload {
        Payload::OrderPlaced(placed) => unrated(&placed.value),
        Payload::OrderChanged(changed) => unrated(&changed.value),
        Payload::HeadroomReserved(reserved) => unrated(&reserved.value),
        Payload::InvoiceReceived(invoice) => unrated(&invoice.net),
        Payload::CreditNoteReceived(credit) => unrated(&credit.net),
        Payload::InvoicePaid(paid) => unrated(&paid.value),
        Payload::RetentionWithheld(held) => unrated(&held.value),
        Payload::RetentionReleased(released) => unrated(&released.value),
        Payload::OverrideGranted(granted) => granted.limit.currency != own,
        Payload::AgreementAmended(amended) => {
            amended.ceiling_changes.iter().any(|change| change.change.currency != own)
        }
        _ => false,
    }
}
