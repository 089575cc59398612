//! What happened, in one short text for each kind of event.

use contract_ledger::wire::v1::event::Payload;
use contract_ledger::wire::v1::{
    AgreementAmended, AgreementSigned, AgreementTerminated, Ceiling, DocumentAttached, Money,
    OpenOrderTreatment, ThresholdPolicySet, scope,
};

use crate::money_text::{money_text, percent_text};
use crate::words::{invoice_kind_text, legal_basis_text, organisation_text, scope_text};

/// Enough of a fingerprint for a person to compare.
const HASH_CHARACTERS_SHOWN: usize = 12;

/// Ids and amounts of what happened.
pub(crate) fn payload_text(payload: Option<&Payload>) -> String {
    let Some(payload) = payload else {
        return String::new();
    };
    match payload {
        Payload::AgreementSigned(event) => signed_text(event),
        Payload::OptionExercised(option) => option.option_id.clone(),
        Payload::OptionDeclined(option) => joined(&[&option.option_id, &option.reason]),
        Payload::AgreementAmended(event) => amended_text(event),
        Payload::PriceIndexed(indexed) => joined(&["factor", &indexed.factor, &indexed.index_name]),
        Payload::AgreementSuspended(event) => event.reason.clone(),
        Payload::AgreementResumed(event) => event.reason.clone(),
        Payload::AgreementTerminated(event) => terminated_text(event),
        Payload::AgreementClosed(event) => event.reason.clone(),
        Payload::HeadroomReserved(event) => joined(&[
            &event.reservation_id,
            &money_text(event.amount.as_ref()),
            "until",
            &event.expiry_date,
        ]),
        Payload::ReservationReleased(event) => joined(&[&event.reservation_id, &event.reason]),
        Payload::OrderPlaced(event) => {
            joined(&[&event.order_id, &money_text(event.amount.as_ref())])
        }
        Payload::OrderConfirmed(event) => joined(&[&event.order_id, &event.supplier_reference]),
        Payload::OrderRejected(event) => joined(&[&event.order_id, &event.reason]),
        Payload::OrderChanged(event) => {
            joined(&[&event.order_id, "to", &money_text(event.amount.as_ref()), &event.reason])
        }
        Payload::OrderCancelled(event) => joined(&[&event.order_id, &event.reason]),
        Payload::DeliveryReceived(event) => joined(&[&event.delivery_id, "on", &event.order_id]),
        Payload::OrderClosed(event) => joined(&[&event.order_id, &event.reason]),
        Payload::OrderReopened(event) => joined(&[&event.order_id, &event.reason]),
        Payload::InvoiceReceived(event) => joined(&[
            &event.invoice_id,
            invoice_kind_text(event.kind),
            &placed_on(&event.order_id),
            "net",
            &money_text(event.net.as_ref()),
        ]),
        Payload::CreditNoteReceived(event) => joined(&[
            &event.credit_note_id,
            "on",
            &event.invoice_id,
            "net",
            &money_text(event.net.as_ref()),
        ]),
        Payload::InvoiceApproved(event) => event.invoice_id.clone(),
        Payload::InvoiceDisputed(event) => {
            joined(&[&event.invoice_id, &money_text(event.disputed.as_ref()), &event.reason])
        }
        Payload::InvoiceRejected(event) => joined(&[&event.invoice_id, &event.reason]),
        Payload::DisputeResolved(event) => joined(&[&event.invoice_id, &event.resolution]),
        Payload::PrepaymentOffset(event) => {
            let against = match event.final_invoice_id.as_str() {
                "" => String::new(),
                invoice => format!("against {invoice}"),
            };
            joined(&[&event.prepayment_invoice_id, &money_text(event.amount.as_ref()), &against])
        }
        Payload::InvoicePaid(event) => joined(&[
            &event.payment_id,
            "on",
            &event.invoice_id,
            &money_text(event.amount.as_ref()),
        ]),
        Payload::PaymentReversed(event) => joined(&[&event.payment_id, &event.reason]),
        Payload::RetentionWithheld(event) => joined(&[
            &event.retention_id,
            "on",
            &event.invoice_id,
            &money_text(event.amount.as_ref()),
        ]),
        Payload::RetentionReleased(event) => {
            joined(&[&event.retention_id, &money_text(event.amount.as_ref())])
        }
        Payload::OverrideGranted(event) => joined(&[
            &event.override_id,
            &money_text(event.limit.as_ref()),
            "until",
            &event.end_date,
            "by",
            &event.granted_by,
            "and",
            &event.seconded_by,
            &event.reason,
        ]),
        Payload::EventReversed(event) => joined(&[&event.event_id, &event.reason]),
        Payload::FindingAcknowledged(event) => joined(&[&event.finding_id, &event.comment]),
        Payload::FindingWaived(event) => joined(&[&event.finding_id, &event.reason]),
        Payload::FindingResolved(event) => joined(&[&event.finding_id, &event.resolution]),
        Payload::ThresholdPolicySet(event) => policy_text(event),
        Payload::DocumentAttached(event) => document_text(event),
    }
}

/// The parts that say something, with a space between.
fn joined(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn placed_on(order_id: &str) -> String {
    if order_id.is_empty() { "without an order".to_owned() } else { format!("on {order_id}") }
}

fn signed_text(signed: &AgreementSigned) -> String {
    let is_whole = |ceiling: &&Ceiling| {
        let scope = ceiling.scope.as_ref().and_then(|scope| scope.scope.as_ref());
        matches!(scope, Some(scope::Scope::Agreement(_)))
    };
    let ceiling = signed.ceilings.iter().find(is_whole).and_then(|whole| whole.amount.as_ref());
    let term = signed.term.as_ref();
    let term = term.map(|term| format!("{} to {}", term.start_date, term.end_date));
    joined(&["ceiling", &money_text(ceiling), &term.unwrap_or_default()])
}

/// Basis, what changes, why.
fn amended_text(amended: &AgreementAmended) -> String {
    let mut parts =
        vec![amended.amendment_id.clone(), legal_basis_text(amended.legal_basis).into()];
    parts.extend(amended.ceiling_changes.iter().map(|change| {
        let amount = money_text(change.change.as_ref());
        let sign = if amount.starts_with('-') { "" } else { "+" };
        format!("{sign}{amount} ({})", scope_text(change.scope.as_ref()))
    }));
    if !amended.new_end_date.is_empty() {
        parts.push(format!("new end {}", amended.new_end_date));
    }
    for (verb, organisations) in
        [("supplier joins", &amended.added_suppliers), ("buyer joins", &amended.added_buyers)]
    {
        let numbers = organisations.iter().map(|joining| organisation_text(joining.id.as_ref()));
        parts.extend(numbers.map(|number| format!("{verb} {number}")));
    }
    for (verb, ids) in
        [("supplier leaves", &amended.removed_suppliers), ("buyer leaves", &amended.removed_buyers)]
    {
        parts.extend(ids.iter().map(|id| format!("{verb} {}", organisation_text(Some(id)))));
    }
    parts.extend(amended.added_lots.iter().map(|lot| format!("new lot {}", lot.lot_id)));
    parts.push(amended.reasoning.clone());
    joined(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

fn terminated_text(terminated: &AgreementTerminated) -> String {
    let orders = match OpenOrderTreatment::try_from(terminated.open_orders) {
        Ok(OpenOrderTreatment::Finish) => "open orders are finished:",
        Ok(OpenOrderTreatment::Cancel) => "open orders are cancelled:",
        Ok(OpenOrderTreatment::Unspecified) | Err(_) => "",
    };
    joined(&[orders, &terminated.reason])
}

/// Only what is set; the rest is unchanged.
fn policy_text(policy: &ThresholdPolicySet) -> String {
    let share = |ppm: u32| percent_text(i64::from(ppm));
    let steps: Vec<String> = policy.warning_steps_ppm.iter().copied().map(share).collect();
    let steps = (!steps.is_empty()).then(|| format!("warning steps {}", steps.join(", ")));
    let money = |name: &str, money: &Option<Money>| {
        money.as_ref().map(|money| format!("{name} {}", money_text(Some(money))))
    };
    let days = |name: &str, days: Option<u32>| days.map(|days| format!("{name} {days} days"));
    let part = |name: &str, ppm: Option<u32>| ppm.map(|ppm| format!("{name} {}", share(ppm)));
    let parts = [
        steps,
        days("late after", policy.late_registration_days),
        days("split window", policy.split_window_days),
        money("split threshold", &policy.split_threshold),
        money("EEA threshold", &policy.eea_threshold),
        part("de minimis", policy.de_minimis_ppm),
        part("amendment at most", policy.amendment_max_ppm),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn document_text(attached: &DocumentAttached) -> String {
    let document = attached.document.clone().unwrap_or_default();
    let subject = match attached.subject_id.as_str() {
        "" => String::new(),
        subject => format!("on {subject}"),
    };
    let hash: String = document.sha256.chars().take(HASH_CHARACTERS_SHOWN).collect();
    joined(&[&document.kind, &subject, &attached.description, "SHA-256", &format!("{hash}…")])
}

#[cfg(test)]
#[path = "event_text_tests.rs"]
mod tests;
