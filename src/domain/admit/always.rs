//! What is refused always, intents and facts alike.
//!
//! Only invoice, credit note and payment facts may name what is not yet known: they did happen.

use crate::domain::agreement::Agreement;
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{
    AdmissionMode, AgreementAmended, Event, Group, Indexation, Payload, PrepaymentOffset,
    PriceIndexed, Recorded, Value,
};
use crate::domain::id::{EventId, InvoiceId, OrderId, ReservationId};
use crate::domain::money::{Currency, Money};
use crate::domain::policy::PolicyChange;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

/// How many days ahead of the ledger's date an order, delivery, invoice or payment may be effective.
pub const FUTURE_DAYS_MAX: i64 = 1;

/// Every reason that refuses always.
pub(super) fn refusals(agreement: &Agreement, recorded: &Recorded) -> Vec<Refusal> {
    let event = &recorded.event;
    if agreement.events().next().is_some()
        && let Payload::EventReversed(reversed) = &event.payload
    {
        return reversal_faults(agreement, reversed.target);
    }
    let charter = match (&event.payload, agreement.charter()) {
        (Payload::AgreementSigned(signed), charter) => {
            return signing_faults(agreement, charter, signed.currency);
        }
        (_, None) => {
            let text = "no such agreement is signed";
            return vec![Refusal::new(Reason::UnknownAgreement, "", text)];
        }
        (_, Some(charter)) => charter,
    };
    let mut refusals = Vec::new();
    refusals.extend(future_fault(event, recorded.recorded.oslo_date()));
    let currency = charter.terms().currency;
    for (field, value) in values(&event.payload) {
        refusals.extend(currency_fault(currency, field, value));
    }
    if let Some(corrected) = event.corrects.filter(|id| agreement.event(*id).is_none()) {
        let text = "the event that this one corrects is not in the agreement";
        refusals.push(Refusal::new(Reason::UnknownEvent, corrected.to_string(), text));
    }
    refusals.extend(reference_faults(agreement, recorded));
    refusals
}

fn signing_faults(
    agreement: &Agreement,
    charter: Option<&Charter>,
    currency: Currency,
) -> Vec<Refusal> {
    if charter.is_some() {
        let text = "the agreement is signed already";
        return vec![Refusal::new(Reason::AgreementExists, "", text)];
    }
    let earlier = agreement.events().find_map(|event| event.event.payload.signature());
    if earlier.is_some_and(|earlier| earlier.currency != currency) {
        let text = "an agreement that is signed again keeps its currency";
        return vec![Refusal::new(Reason::CurrencyMismatch, "", text)];
    }
    Vec::new()
}

fn reversal_faults(agreement: &Agreement, target: EventId) -> Vec<Refusal> {
    let Some(event) = agreement.event(target) else {
        let text = "no event of this id is in the agreement";
        return vec![Refusal::new(Reason::UnknownEvent, target.to_string(), text)];
    };
    if matches!(event.event.payload, Payload::EventReversed(_)) {
        let text = "a reversal cannot be reversed";
        return vec![Refusal::new(Reason::ReversalOfReversal, target.to_string(), text)];
    }
    if let Some(reversal) = agreement.reversal_of(target) {
        let text = format!("the event is reversed already, by {reversal}");
        return vec![Refusal::new(Reason::AlreadyReversed, target.to_string(), text)];
    }
    Vec::new()
}

/// Notice is given in advance, so what is agreed, reserved or controlled may be ahead.
fn future_fault(event: &Event, today: Date) -> Option<Refusal> {
    let dated_by_clock = match event.payload.group() {
        Group::Order | Group::Invoice | Group::Payment => true,
        Group::Agreement | Group::Headroom | Group::Control => false,
    };
    if !dated_by_clock || event.effective.days_since(today) <= FUTURE_DAYS_MAX {
        return None;
    }
    let text =
        format!("the ledger's date is {today}; at most {FUTURE_DAYS_MAX} day ahead is allowed");
    Some(Refusal::new(Reason::EffectiveInFuture, "", text).on(event.effective))
}

/// The amounts of an event that must be, or become, amounts of the agreement's currency, by the name
/// of their field.
fn values(payload: &Payload) -> Vec<(&'static str, Value)> {
    let plain = |money: Money| Value { money, rate: None };
    match payload {
        Payload::HeadroomReserved(reserved) => vec![("amount", reserved.value)],
        Payload::OrderPlaced(placed) => vec![("amount", placed.value)],
        Payload::OrderChanged(changed) => vec![("amount", changed.value)],
        Payload::InvoiceReceived(invoice) => vec![("net", invoice.net)],
        Payload::CreditNoteReceived(credit) => vec![("net", credit.net)],
        Payload::InvoicePaid(payment) => vec![("amount", payment.value)],
        Payload::RetentionWithheld(withheld) => vec![("amount", withheld.value)],
        Payload::RetentionReleased(released) => vec![("amount", released.value)],
        Payload::AgreementAmended(amended) => {
            let changes = amended.ceiling_changes.iter();
            changes.map(|change| ("ceiling_changes.change", plain(change.change))).collect()
        }
        Payload::OverrideGranted(granted) => vec![("limit", plain(granted.limit))],
        Payload::ThresholdPolicySet(change) => {
            policy_amounts(change).map(|(field, money)| (field, plain(money))).collect()
        }
        Payload::AgreementSigned(_)
        | Payload::OptionExercised(_)
        | Payload::OptionDeclined(_)
        | Payload::PriceIndexed(_)
        | Payload::AgreementSuspended(_)
        | Payload::AgreementResumed
        | Payload::AgreementTerminated(_)
        | Payload::AgreementClosed
        | Payload::ReservationReleased(_)
        | Payload::OrderConfirmed(_)
        | Payload::OrderRejected(_)
        | Payload::OrderCancelled(_)
        | Payload::DeliveryReceived(_)
        | Payload::OrderClosed(_)
        | Payload::OrderReopened(_)
        | Payload::InvoiceApproved(_)
        | Payload::InvoiceDisputed(_)
        | Payload::InvoiceRejected(_)
        | Payload::DisputeResolved(_)
        | Payload::PrepaymentOffset(_)
        | Payload::PaymentReversed(_)
        | Payload::EventReversed(_)
        | Payload::FindingAcknowledged(_)
        | Payload::FindingWaived(_)
        | Payload::FindingResolved(_)
        | Payload::DocumentAttached => Vec::new(),
    }
}

fn policy_amounts(change: &PolicyChange) -> impl Iterator<Item = (&'static str, Money)> {
    let split = change.split_threshold.map(|money| ("split_threshold", money));
    let threshold = change.eea_threshold.map(|money| ("eea_threshold", money));
    split.into_iter().chain(threshold)
}

fn currency_fault(currency: Currency, field: &str, value: Value) -> Option<Refusal> {
    if value.in_currency(currency).is_some() {
        return None;
    }
    let stated = value.money.currency.code();
    if value.rate.is_none() {
        let agreed = currency.code();
        let text =
            format!("{field} is in {stated}, the agreement in {agreed}, and no rate is given");
        return Some(Refusal::new(Reason::CurrencyMismatch, stated, text));
    }
    let text = format!("{field} has more than 18 digits before the point once converted");
    Some(Refusal::new(Reason::MalformedAmount, stated, text))
}

/// References to what must be known, and ids that must be new.
fn reference_faults(agreement: &Agreement, recorded: &Recorded) -> Vec<Refusal> {
    let event = &recorded.event;
    let names = agreement.names();
    let needs_known = event.mode == AdmissionMode::Intent;
    let mut found = Vec::new();
    match &event.payload {
        Payload::AgreementAmended(amended) => {
            let used = names.knows_amendment(&amended.amendment);
            found.extend(duplicate("amendment", amended.amendment.as_str(), used));
            found.extend(amended_ceiling_faults(agreement, amended));
        }
        Payload::PriceIndexed(indexed) => found.extend(index_fault(agreement, indexed, event)),
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
            let named = Some(&credit.invoice).filter(|_| needs_known);
            found.extend(named.and_then(|named| unknown_invoice(agreement, named)));
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
        Payload::PrepaymentOffset(offset) => found.extend(offset_fault(agreement, offset)),
        Payload::InvoicePaid(payment) => {
            let used = names.payment(&payment.payment).is_some();
            found.extend(duplicate("payment", payment.payment.as_str(), used));
            let named = Some(&payment.invoice).filter(|_| needs_known);
            found.extend(named.and_then(|named| unknown_invoice(agreement, named)));
        }
        Payload::PaymentReversed(reversed) => {
            let id = reversed.payment.as_str();
            if names.payment(&reversed.payment).is_none() {
                let text = "no such payment is in the agreement";
                found.push(Refusal::new(Reason::UnknownEvent, id, text));
            } else if names.came_back(&reversed.payment) {
                let text = "the payment came back already";
                found.push(Refusal::new(Reason::AlreadyReversed, id, text));
            }
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
        Payload::OverrideGranted(granted) => {
            let used = names.knows_override(&granted.override_id);
            found.extend(duplicate("override", granted.override_id.as_str(), used));
        }
        Payload::FindingAcknowledged(seen) => {
            found.extend(unknown_finding(agreement, recorded, &seen.finding));
        }
        Payload::FindingWaived(handled) | Payload::FindingResolved(handled) => {
            found.extend(unknown_finding(agreement, recorded, &handled.finding));
        }
        Payload::AgreementSigned(_)
        | Payload::OptionExercised(_)
        | Payload::OptionDeclined(_)
        | Payload::AgreementSuspended(_)
        | Payload::AgreementResumed
        | Payload::AgreementTerminated(_)
        | Payload::AgreementClosed
        | Payload::EventReversed(_)
        | Payload::ThresholdPolicySet(_)
        | Payload::DocumentAttached => {}
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
    finding: &crate::domain::id::FindingId,
) -> Option<Refusal> {
    let (effective, today) = (recorded.event.effective, recorded.recorded.oslo_date());
    let known = agreement.knows_finding(finding, effective)
        || (today != effective && agreement.knows_finding(finding, today));
    let text = "no such finding was ever open in the agreement";
    (!known).then(|| Refusal::new(Reason::UnknownFinding, finding.to_string(), text))
}

fn offset_fault(agreement: &Agreement, offset: &PrepaymentOffset) -> Option<Refusal> {
    let id = offset.prepayment.as_str();
    let Some(currency) = agreement.prepayment_currency(&offset.prepayment) else {
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
