//! References to what must be known, and ids that must be new.
//!
//! Only invoice, credit note and payment facts may name what is not yet known: they did happen.

use crate::domain::agreement::Agreement;
use crate::domain::event::{
    AdmissionMode, AgreementAmended, Event, Indexation, Payload, PrepaymentOffset, PriceIndexed,
    Recorded,
};
use crate::domain::id::{FindingId, InvoiceId, OrderId, PaymentId, ReservationId};
use crate::domain::money::Money;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

/// References to what must be known, and ids that must be new.
pub(super) fn faults(agreement: &Agreement, recorded: &Recorded) -> Vec<Refusal> {
    let event = &recorded.event;
    let names = agreement.names();
    let needs_known = event.mode == AdmissionMode::Intent;
    let mut found = Vec::new();
    match &event.payload {
        Payload::HeadroomReserved(reserved) => {
            let used = agreement.knows_reservation(&reserved.reservation);
            found.extend(duplicate("reservation", reserved.reservation.as_str(), used));
        }
        Payload::ReservationReleased(released) => {
            found.extend(unknown_reservation(agreement, &released.reservation));
        }
        Payload::OrderPlaced(placed) => {
            let used = agreement.live_order(&placed.order).is_some();
            found.extend(duplicate("order", placed.order.as_str(), used));
            let reservation = placed.reservation.as_ref();
            found.extend(reservation.and_then(|one| unknown_reservation(agreement, one)));
        }
        Payload::OrderChanged(changed) => found.extend(unknown_order(agreement, &changed.order)),
        Payload::OrderConfirmed(order)
        | Payload::OrderRejected(order)
        | Payload::OrderCancelled(order)
        | Payload::OrderClosed(order)
        | Payload::OrderReopened(order) => found.extend(unknown_order(agreement, &order.order)),
        Payload::DeliveryReceived(delivery) => {
            let used = names.knows_delivery(&delivery.delivery);
            found.extend(duplicate("delivery", delivery.delivery.as_str(), used));
            found.extend(unknown_order(agreement, &delivery.order));
        }
        Payload::InvoiceReceived(invoice) => {
            let used = names.knows_invoice(&invoice.invoice);
            found.extend(duplicate("invoice", invoice.invoice.as_str(), used));
            let order = invoice.order.as_ref().filter(|_| needs_known);
            found.extend(order.and_then(|order| unknown_order(agreement, order)));
            let corrected = invoice.corrected.as_ref().filter(|_| needs_known);
            found.extend(corrected.and_then(|named| unknown_invoice(agreement, named)));
        }
        Payload::CreditNoteReceived(credit) => {
            let used = names.knows_credit_note(&credit.credit_note);
            found.extend(duplicate("credit note", credit.credit_note.as_str(), used));
            let invoice = Some(&credit.invoice).filter(|_| needs_known);
            found.extend(invoice.and_then(|one| unknown_invoice(agreement, one)));
        }
        Payload::InvoiceApproved(approved) => {
            found.extend(unknown_invoice(agreement, &approved.invoice));
        }
        Payload::InvoiceDisputed(disputed) => {
            found.extend(unknown_invoice(agreement, &disputed.invoice));
        }
        Payload::InvoiceRejected(rejected) => {
            found.extend(unknown_invoice(agreement, &rejected.invoice));
        }
        Payload::DisputeResolved(resolved) => {
            found.extend(unknown_invoice(agreement, &resolved.invoice));
        }
        Payload::PrepaymentOffset(offset) => {
            found.extend(offset_fault(agreement, offset));
            let invoice = offset.final_invoice.as_ref();
            found.extend(invoice.and_then(|one| unknown_invoice(agreement, one)));
        }
        Payload::InvoicePaid(payment) => {
            // One that came back keeps its id for as long as that is known.
            let used =
                names.payment(&payment.payment).is_some() || names.came_back(&payment.payment);
            found.extend(duplicate("payment", payment.payment.as_str(), used));
            let invoice = Some(&payment.invoice).filter(|_| needs_known);
            found.extend(invoice.and_then(|one| unknown_invoice(agreement, one)));
        }
        Payload::PaymentReversed(reversed) => {
            found.extend(payback_fault(agreement, &reversed.payment));
        }
        Payload::RetentionWithheld(withheld) => {
            let used = names.retention(&withheld.retention).is_some();
            found.extend(duplicate("retention", withheld.retention.as_str(), used));
            found.extend(unknown_invoice(agreement, &withheld.invoice));
        }
        Payload::RetentionReleased(released) => {
            if names.retention(&released.retention).is_none() {
                let text = "no such retention is in the agreement";
                let id = released.retention.as_str();
                found.push(Refusal::new(Reason::UnknownEvent, id, text));
            }
        }
        Payload::AgreementAmended(_)
        | Payload::PriceIndexed(_)
        | Payload::OverrideGranted(_)
        | Payload::FindingAcknowledged(_)
        | Payload::FindingWaived(_)
        | Payload::FindingResolved(_)
        | Payload::AgreementSigned(_)
        | Payload::OptionExercised(_)
        | Payload::OptionDeclined(_)
        | Payload::AgreementSuspended(_)
        | Payload::AgreementResumed
        | Payload::AgreementTerminated(_)
        | Payload::AgreementClosed
        | Payload::EventReversed(_)
        | Payload::ThresholdPolicySet(_)
        | Payload::DocumentAttached => found.extend(of_agreement(agreement, recorded)),
    }
    found
}

/// The same for what is agreed and for control.
fn of_agreement(agreement: &Agreement, recorded: &Recorded) -> Vec<Refusal> {
    let (names, event) = (agreement.names(), &recorded.event);
    let mut found = Vec::new();
    if let Payload::AgreementAmended(amended) = &event.payload {
        let used = names.knows_amendment(&amended.amendment);
        found.extend(duplicate("amendment", amended.amendment.as_str(), used));
        found.extend(amended_ceiling_faults(agreement, amended));
    } else if let Payload::PriceIndexed(indexed) = &event.payload {
        found.extend(index_fault(agreement, indexed, event));
    } else if let Payload::OverrideGranted(granted) = &event.payload {
        let used = names.knows_override(&granted.override_id);
        found.extend(duplicate("override", granted.override_id.as_str(), used));
    } else if let Payload::FindingAcknowledged(seen) = &event.payload {
        found.extend(unknown_finding(agreement, recorded, &seen.finding));
    } else if let Payload::FindingWaived(handled) | Payload::FindingResolved(handled) =
        &event.payload
    {
        found.extend(unknown_finding(agreement, recorded, &handled.finding));
    }
    found
}

fn duplicate(kind: &str, id: &str, is_used: bool) -> Option<Refusal> {
    let refusal = || {
        let text = format!("another {kind} of this id counts already");
        Refusal::new(Reason::DuplicateConflict, id, text)
    };
    is_used.then(refusal)
}

/// A payment comes back once.
fn payback_fault(agreement: &Agreement, payment: &PaymentId) -> Option<Refusal> {
    let (names, id) = (agreement.names(), payment.as_str());
    if names.payment(payment).is_none() {
        let text = "no such payment is in the agreement";
        return Some(Refusal::new(Reason::UnknownEvent, id, text));
    }
    let text = "the payment came back already";
    names.came_back(payment).then(|| Refusal::new(Reason::AlreadyReversed, id, text))
}

fn unknown_order(agreement: &Agreement, order: &OrderId) -> Option<Refusal> {
    let unknown = agreement.live_order(order).is_none();
    let text = "no such order is in the agreement";
    unknown.then(|| Refusal::new(Reason::UnknownOrder, order.to_string(), text))
}

fn unknown_invoice(agreement: &Agreement, invoice: &InvoiceId) -> Option<Refusal> {
    let unknown = !agreement.names().knows_invoice(invoice);
    let text = "no such invoice is in the agreement";
    unknown.then(|| Refusal::new(Reason::UnknownInvoice, invoice.to_string(), text))
}

fn unknown_reservation(agreement: &Agreement, reservation: &ReservationId) -> Option<Refusal> {
    let unknown = !agreement.knows_reservation(reservation);
    let text = "no such reservation is in the agreement";
    unknown.then(|| Refusal::new(Reason::UnknownReservation, reservation.to_string(), text))
}

fn unknown_finding(
    agreement: &Agreement,
    recorded: &Recorded,
    finding: &FindingId,
) -> Option<Refusal> {
    let (effective, today) = (recorded.event.effective, recorded.recorded.oslo_date());
    let known = agreement.knows_finding(finding, effective)
        || (today != effective && agreement.knows_finding(finding, today));
    let text = "no such finding was ever open in the agreement";
    (!known).then(|| Refusal::new(Reason::UnknownFinding, finding.to_string(), text))
}

fn offset_fault(agreement: &Agreement, offset: &PrepaymentOffset) -> Option<Refusal> {
    let id = offset.prepayment.as_str();
    let Some(currency) = agreement.names().prepayment_currency(&offset.prepayment) else {
        let text = "no such prepayment is in the agreement";
        return Some(Refusal::new(Reason::UnknownInvoice, id, text));
    };
    let stated = offset.amount.currency;
    let text = format!("the offset is in {}, the prepayment in {}", stated.code(), currency.code());
    (stated != currency).then(|| Refusal::new(Reason::CurrencyMismatch, stated.code(), text))
}

/// A scope without a ceiling gets one, which cannot be negative.
fn amended_ceiling_faults(agreement: &Agreement, amended: &AgreementAmended) -> Vec<Refusal> {
    let Some(charter) = agreement.charter() else { return Vec::new() };
    let new = amended
        .ceiling_changes
        .iter()
        .filter(|change| change.change.amount.is_negative() && !charter.has_scope(&change.scope));
    new.map(|change| {
        let text = "there is no ceiling that could be lowered";
        Refusal::new(Reason::MalformedAmount, change.scope.to_string(), text)
    })
    .collect()
}

fn index_fault(agreement: &Agreement, indexed: &PriceIndexed, event: &Event) -> Option<Refusal> {
    let charter = agreement.charter()?;
    let terms = charter.terms();
    if terms.indexation == Indexation::PricesOnly {
        return None;
    }
    let later = charter.dates_from(event.effective).chain([event.effective]);
    let too_large = later.flat_map(|date| &charter.stage_at(date).ceilings).any(|ceiling| {
        let money = Money { amount: ceiling.amount, currency: terms.currency };
        money.converted(indexed.factor, terms.currency).is_none()
    });
    let text = "a ceiling would have more than 18 digits before the point once indexed";
    too_large.then(|| Refusal::new(Reason::MalformedAmount, "factor", text))
}
