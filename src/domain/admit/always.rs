//! What is refused always, intents and facts alike.

use crate::domain::agreement::Agreement;
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{Event, Group, Payload, Recorded, Value};
use crate::domain::id::EventId;
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
    refusals.extend(super::references::faults(agreement, recorded));
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
