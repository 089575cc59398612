//! The decision on a new event: accepted, or refused with every reason.
//!
//! Order of checks. First the reasons that refuse always, intents and facts alike; they end the
//! check. Then, for an intent, every rule that it would break, parties and state before ceilings; a
//! fact is recorded whatever it breaks, and findings follow from the fold.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::agreement::Agreement;
use super::call_off::{OrderStatus, placement_faults};
use super::charter::Charter;
use super::date::Date;
use super::event::{AdmissionMode, CeilingKind, Event, Payload, Recorded, Value};
use super::id::{InvoiceId, OrderId};
use super::money::Money;
use super::reason::Reason;
use super::refusal::{Breach, Refusal};

/// How many days ahead of the ledger's date an order, invoice or payment may be effective.
pub const FUTURE_DAYS_MAX: i64 = 1;

/// Decides on an event that would be recorded as it stands. Accepted: the agreement with it.
pub fn admit(agreement: &Agreement, recorded: Recorded) -> Result<Agreement, Vec<Refusal>> {
    let always = refused_always(agreement, &recorded);
    if !always.is_empty() {
        return Err(sorted(always));
    }
    let recorded = Arc::new(recorded);
    let mut candidate = agreement.clone();
    candidate.apply(&recorded);
    let bound = candidate.magnitude();
    if bound.exceeds_total_bound() {
        let text = "the amounts of the agreement would add up to more than the ledger can hold";
        return Err(vec![Refusal::new(Reason::MalformedAmount, "", text)]);
    }
    if recorded.event.mode == AdmissionMode::Intent {
        let broken = broken_rules(agreement, &candidate, &recorded);
        if !broken.is_empty() {
            return Err(sorted(broken));
        }
    }
    Ok(candidate)
}

fn sorted(mut refusals: Vec<Refusal>) -> Vec<Refusal> {
    refusals.sort_by_key(|refusal| refusal.reason);
    refusals
}

// What is refused always.

fn refused_always(agreement: &Agreement, recorded: &Recorded) -> Vec<Refusal> {
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
    for (field, value) in values(&event.payload) {
        refusals.extend(currency_fault(charter, field, value));
    }
    if let Some(corrected) = event.corrects.filter(|id| agreement.event(*id).is_none()) {
        let text = "the event that this one corrects is not in the agreement";
        refusals.push(Refusal::new(Reason::UnknownEvent, corrected.to_string(), text));
    }
    refusals.extend(reference_faults(agreement, event));
    refusals
}

fn signing_faults(
    agreement: &Agreement,
    charter: Option<&Charter>,
    currency: super::money::Currency,
) -> Vec<Refusal> {
    if charter.is_some() {
        let text = "the agreement is signed already";
        return vec![Refusal::new(Reason::AgreementExists, "", text)];
    }
    let earlier = agreement.events().find_map(|event| match &event.event.payload {
        Payload::AgreementSigned(signed) => Some(signed.currency),
        Payload::OptionExercised(_)
        | Payload::OrderPlaced(_)
        | Payload::OrderChanged(_)
        | Payload::OrderCancelled(_)
        | Payload::OrderClosed(_)
        | Payload::InvoiceReceived(_)
        | Payload::CreditNoteReceived(_)
        | Payload::InvoicePaid(_)
        | Payload::EventReversed(_) => None,
        _ => None,
    });
    if earlier.is_some_and(|earlier| earlier != currency) {
        let text = "an agreement that is signed again keeps its currency";
        return vec![Refusal::new(Reason::CurrencyMismatch, "", text)];
    }
    Vec::new()
}

fn reversal_faults(agreement: &Agreement, target: super::id::EventId) -> Vec<Refusal> {
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

fn future_fault(event: &Event, today: Date) -> Option<Refusal> {
    let dated_by_clock = match event.payload {
        Payload::AgreementSigned(_) | Payload::OptionExercised(_) | Payload::EventReversed(_) => {
            false
        }
        Payload::OrderPlaced(_)
        | Payload::OrderChanged(_)
        | Payload::OrderCancelled(_)
        | Payload::OrderClosed(_)
        | Payload::InvoiceReceived(_)
        | Payload::CreditNoteReceived(_)
        | Payload::InvoicePaid(_) => true,
        _ => false,
    };
    if !dated_by_clock || event.effective.days_since(today) <= FUTURE_DAYS_MAX {
        return None;
    }
    let text =
        format!("the ledger's date is {today}; at most {FUTURE_DAYS_MAX} day ahead is allowed");
    Some(Refusal::new(Reason::EffectiveInFuture, "", text).on(event.effective))
}

/// The amounts of an event that count in sums, by the name of their field.
fn values(payload: &Payload) -> Vec<(&'static str, Value)> {
    match payload {
        Payload::OrderPlaced(placed) => vec![("amount", placed.value)],
        Payload::OrderChanged(changed) => vec![("amount", changed.value)],
        Payload::InvoiceReceived(invoice) => vec![("net", invoice.net)],
        Payload::CreditNoteReceived(credit) => vec![("net", credit.net)],
        Payload::InvoicePaid(payment) => vec![("amount", payment.value)],
        Payload::AgreementSigned(_)
        | Payload::OptionExercised(_)
        | Payload::OrderCancelled(_)
        | Payload::OrderClosed(_)
        | Payload::EventReversed(_) => Vec::new(),
        _ => Vec::new(),
    }
}

fn currency_fault(charter: &Charter, field: &str, value: Value) -> Option<Refusal> {
    let currency = charter.terms().currency;
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
fn reference_faults(agreement: &Agreement, event: &Event) -> Vec<Refusal> {
    let needs_known = event.mode == AdmissionMode::Intent;
    let mut refusals = Vec::new();
    match &event.payload {
        Payload::OrderPlaced(placed) => {
            if agreement.live_order(&placed.order).is_some() {
                refusals.push(duplicate("order", placed.order.as_str()));
            }
            if let Some(reservation) = &placed.reservation {
                let text = "no such reservation is in the agreement";
                refusals.push(Refusal::new(Reason::UnknownReservation, reservation.as_str(), text));
            }
        }
        Payload::OrderChanged(changed) => refusals.extend(unknown_order(agreement, &changed.order)),
        Payload::OrderCancelled(ended) | Payload::OrderClosed(ended) => {
            refusals.extend(unknown_order(agreement, &ended.order));
        }
        Payload::InvoiceReceived(invoice) => {
            if agreement.knows_invoice(&invoice.invoice) {
                refusals.push(duplicate("invoice", invoice.invoice.as_str()));
            }
            if let Some(order) = invoice.order.as_ref().filter(|_| needs_known) {
                refusals.extend(unknown_order(agreement, order));
            }
            if let Some(corrected) = invoice.corrected.as_ref().filter(|_| needs_known) {
                refusals.extend(unknown_invoice(agreement, corrected));
            }
        }
        Payload::CreditNoteReceived(credit) => {
            if agreement.knows_credit_note(&credit.credit_note) {
                refusals.push(duplicate("credit note", credit.credit_note.as_str()));
            }
            if needs_known {
                refusals.extend(unknown_invoice(agreement, &credit.invoice));
            }
        }
        Payload::InvoicePaid(payment) => {
            if agreement.knows_payment(&payment.payment) {
                refusals.push(duplicate("payment", payment.payment.as_str()));
            }
            if needs_known {
                refusals.extend(unknown_invoice(agreement, &payment.invoice));
            }
        }
        _ => {}
    }
    refusals
}

fn duplicate(kind: &str, id: &str) -> Refusal {
    let text = format!("another {kind} of this id counts already");
    Refusal::new(Reason::DuplicateConflict, id, text)
}

fn unknown_order(agreement: &Agreement, order: &OrderId) -> Option<Refusal> {
    let unknown = agreement.live_order(order).is_none();
    let text = "no such order is in the agreement";
    unknown.then(|| Refusal::new(Reason::UnknownOrder, order.to_string(), text))
}

fn unknown_invoice(agreement: &Agreement, invoice: &InvoiceId) -> Option<Refusal> {
    let unknown = !agreement.knows_invoice(invoice);
    let text = "no such invoice is in the agreement";
    unknown.then(|| Refusal::new(Reason::UnknownInvoice, invoice.to_string(), text))
}

// What is refused as an intent.

fn broken_rules(before: &Agreement, after: &Agreement, recorded: &Recorded) -> Vec<Refusal> {
    let Some(charter) = after.charter() else {
        return Vec::new();
    };
    let mut refusals = match &recorded.event.payload {
        Payload::EventReversed(_) | Payload::AgreementSigned(_) => return Vec::new(),
        Payload::OptionExercised(_) => option_faults(charter, recorded),
        Payload::OrderPlaced(placed) => placement_faults(placed, recorded.event.effective, charter),
        Payload::OrderChanged(changed) => not_open(before, &changed.order, recorded),
        Payload::OrderCancelled(ended) | Payload::OrderClosed(ended) => {
            not_open(before, &ended.order, recorded)
        }
        Payload::InvoiceReceived(_) | Payload::CreditNoteReceived(_) | Payload::InvoicePaid(_) => {
            Vec::new()
        }
        _ => Vec::new(),
    };
    refusals.extend(broken_ceilings(before, after, charter, recorded.event.effective));
    refusals
}

fn option_faults(charter: &Charter, recorded: &Recorded) -> Vec<Refusal> {
    let faults = charter.faults_of(recorded.position);
    faults
        .map(|fault| {
            let text = if fault.reason == Reason::OptionLate {
                "the last day of notice has passed"
            } else {
                "the option is not in the agreement, is used already, or is not the next in order"
            };
            Refusal::new(fault.reason, fault.option.to_string(), text).on(fault.date)
        })
        .collect()
}

fn not_open(before: &Agreement, order: &OrderId, recorded: &Recorded) -> Vec<Refusal> {
    let (Some(call_off), Some(charter)) = (before.live_order(order), before.charter()) else {
        return Vec::new();
    };
    let date = recorded.event.effective;
    let text = match call_off.order_status_before(charter, date, recorded.position) {
        OrderStatus::Open => return Vec::new(),
        OrderStatus::NotPlaced => "the order is not yet placed on that day",
        OrderStatus::Cancelled => "the order is cancelled",
        OrderStatus::Rejected => "the order is rejected by the supplier",
        OrderStatus::Closed => "the order is closed",
    };
    vec![Refusal::new(Reason::OrderNotOpen, order.to_string(), text).on(date)]
}

/// Every maximum that growth would break, on the event's day or any later day in the log, each with
/// the day of its largest excess.
fn broken_ceilings(
    before: &Agreement,
    after: &Agreement,
    charter: &Charter,
    effective: Date,
) -> Vec<Refusal> {
    let currency = charter.terms().currency;
    let mut refusals = Vec::new();
    for ceiling in charter.terms().ceilings.iter().filter(|c| c.kind == CeilingKind::Maximum) {
        let scope = &ceiling.scope;
        let levels =
            after.levels(scope).into_iter().flat_map(|levels| levels.dates_from(effective));
        let days: BTreeSet<Date> =
            levels.chain(charter.dates_from(effective)).chain([effective]).collect();
        let mut worst: Option<(Date, Breach)> = None;
        for day in days {
            let held = before.sums(scope, day).exposure;
            let exposure = after.sums(scope, day).exposure;
            let Some(limit) = charter.stage_at(day).ceiling(scope) else {
                continue;
            };
            let (growth, excess) = (exposure.minus(held), exposure.minus(limit.amount));
            let larger = worst.as_ref().is_none_or(|(_, breach)| excess > breach.excess.amount);
            if growth.is_positive() && excess.is_positive() && larger {
                let money = |amount| Money { amount, currency };
                let breach = Breach {
                    scope: scope.clone(),
                    requested: money(growth),
                    remaining: money(limit.amount.minus(held)),
                    excess: money(excess),
                };
                worst = Some((day, breach));
            }
        }
        if let Some((day, breach)) = worst {
            refusals.push(ceiling_refusal(day, breach));
        }
    }
    refusals.sort_by(|left, right| scope_of(left).cmp(&scope_of(right)));
    refusals
}

fn scope_of(refusal: &Refusal) -> Option<&super::scope::Scope> {
    refusal.breach.as_ref().map(|breach| &breach.scope)
}

fn ceiling_refusal(day: Date, breach: Breach) -> Refusal {
    let Breach { scope, requested, remaining, excess } = &breach;
    let description = format!(
        "{requested} was asked for on {day} under the ceiling of {scope}, {remaining} was left: \
         {excess} too much"
    );
    let subject = scope.to_string();
    Refusal {
        reason: Reason::CeilingExceeded,
        description,
        subject,
        breach: Some(breach),
        date: Some(day),
    }
}
