//! What an intent would break: parties, state, documentation, ceilings.

use std::sync::Arc;

use super::ceilings;
use crate::domain::agreement::{Agreement, lacks_reason};
use crate::domain::call_off::{OrderStatus, Placement, party_faults, placement_faults};
use crate::domain::charter::{Charter, OptionFault};
use crate::domain::event::{AdmissionMode, Group, Payload, Reasoning, Recorded};
use crate::domain::id::OrderId;
use crate::domain::levels::AllLevels;
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;

/// What an intent is compared with: the agreement before it.
pub(super) struct Before {
    charter: Option<Arc<Charter>>,
    levels: AllLevels,
    /// Whether an order that only an open one may be is not.
    not_open: Vec<Refusal>,
}

impl Before {
    /// None for a fact, which breaks no rule by being recorded.
    pub(super) fn of(agreement: &Agreement, recorded: &Recorded) -> Option<Self> {
        (recorded.event.mode == AdmissionMode::Intent).then(|| Self {
            charter: agreement.shared_charter().cloned(),
            levels: agreement.all_levels().clone(),
            not_open: order_to_be_open(&recorded.event.payload)
                .and_then(|order| not_open(agreement, order, recorded))
                .into_iter()
                .collect(),
        })
    }
}

/// Every rule that an intent would break.
pub(super) fn broken(before: &Before, after: &Agreement, recorded: &Recorded) -> Vec<Refusal> {
    let payload = &recorded.event.payload;
    let (Some(charter), None) = (after.charter(), payload.signature()) else {
        return Vec::new();
    };
    let date = recorded.event.effective;
    let mut refusals = of_documentation(charter, recorded);
    refusals.extend(of_state(before, charter, recorded));
    if payload.group() == Group::Control {
        return refusals;
    }
    if let Some(before) = before.charter.as_deref() {
        let own =
            charter.lowerings().iter().filter(|one| one.recorded.position == recorded.position);
        refusals.extend(own.flat_map(|one| ceilings::lowered(before, after, charter, one)));
    }
    // What is agreed never grows exposure; with a new ceiling a sum only begins to be kept.
    if payload.group() != Group::Agreement {
        refusals.extend(ceilings::exceeded(&before.levels, after, charter, date));
    }
    refusals
}

fn of_state(before: &Before, charter: &Charter, recorded: &Recorded) -> Vec<Refusal> {
    let date = recorded.event.effective;
    let placement = match recorded.event.corrects {
        Some(_) => Placement::Correction,
        None => Placement::Original,
    };
    let mut refusals = match &recorded.event.payload {
        Payload::OrderPlaced(placed) => {
            return placement_faults(placed, date, placement, charter);
        }
        Payload::HeadroomReserved(reserved) => party_faults(&reserved.keys, date, charter),
        Payload::OptionExercised(_) | Payload::OptionDeclined(_) => {
            charter.faults_of(recorded.position).map(option_refusal).collect()
        }
        Payload::OrderChanged(_)
        | Payload::OrderCancelled(_)
        | Payload::OrderClosed(_)
        | Payload::DeliveryReceived(_) => before.not_open.clone(),
        Payload::AgreementSigned(_)
        | Payload::AgreementAmended(_)
        | Payload::PriceIndexed(_)
        | Payload::AgreementSuspended(_)
        | Payload::AgreementResumed
        | Payload::AgreementTerminated(_)
        | Payload::AgreementClosed
        | Payload::ReservationReleased(_)
        | Payload::OrderConfirmed(_)
        | Payload::OrderRejected(_)
        | Payload::OrderReopened(_)
        | Payload::InvoiceReceived(_)
        | Payload::CreditNoteReceived(_)
        | Payload::InvoiceApproved(_)
        | Payload::InvoiceDisputed(_)
        | Payload::InvoiceRejected(_)
        | Payload::DisputeResolved(_)
        | Payload::PrepaymentOffset(_)
        | Payload::InvoicePaid(_)
        | Payload::PaymentReversed(_)
        | Payload::RetentionWithheld(_)
        | Payload::RetentionReleased(_)
        | Payload::OverrideGranted(_)
        | Payload::EventReversed(_)
        | Payload::FindingAcknowledged(_)
        | Payload::FindingWaived(_)
        | Payload::FindingResolved(_)
        | Payload::ThresholdPolicySet(_)
        | Payload::DocumentAttached => Vec::new(),
    };
    let is_control = recorded.event.payload.group() == Group::Control;
    if charter.is_closed(date) && placement == Placement::Original && !is_control {
        let text = "the agreement is closed before that day; only corrections are accepted";
        refusals.push(Refusal::new(Reason::AgreementClosed, "", text).on(date));
    }
    refusals
}

fn of_documentation(charter: &Charter, recorded: &Recorded) -> Vec<Refusal> {
    let payload = &recorded.event.payload;
    let unreasoned = |subject: &str| {
        Refusal::new(Reason::ReasonMissing, subject, "this must say why, and does not")
    };
    if let Payload::AgreementAmended(amended) = payload {
        let missing = amended.reasoning == Reasoning::Missing;
        return missing.then(|| unreasoned(amended.amendment.as_str())).into_iter().collect();
    }
    if let Payload::OverrideGranted(granted) = payload {
        let id = granted.override_id.as_str();
        let own = charter.overrides().iter().find(|one| one.position == recorded.position);
        let faults = own.into_iter().flat_map(|one| &one.faults);
        return faults
            .map(|reason| match reason {
                Reason::ReasonMissing => unreasoned(id),
                other => Refusal::new(*other, id, "an override needs two different persons"),
            })
            .collect();
    }
    lacks_reason(payload).then(|| unreasoned("")).into_iter().collect()
}

fn option_refusal(fault: &OptionFault) -> Refusal {
    let text = if fault.reason == Reason::OptionLate {
        "the last day of notice has passed"
    } else {
        "the option is not in the agreement, is used or declined already, or is not the next in order"
    };
    Refusal::new(fault.reason, fault.option.to_string(), text).on(fault.date)
}

/// The order that an event does something to that only an open order allows.
fn order_to_be_open(payload: &Payload) -> Option<&OrderId> {
    if let Payload::OrderChanged(changed) = payload {
        Some(&changed.order)
    } else if let Payload::OrderCancelled(ended) | Payload::OrderClosed(ended) = payload {
        Some(&ended.order)
    } else if let Payload::DeliveryReceived(delivery) = payload {
        Some(&delivery.order)
    } else {
        None
    }
}

fn not_open(before: &Agreement, order: &OrderId, recorded: &Recorded) -> Option<Refusal> {
    let (call_off, charter) = (before.live_order(order)?, before.charter()?);
    let date = recorded.event.effective;
    let text = match call_off.order_status_before(charter, date, recorded.position) {
        OrderStatus::Open => return None,
        OrderStatus::NotPlaced => "the order is not yet placed on that day",
        OrderStatus::Cancelled => "the order is cancelled",
        OrderStatus::Rejected => "the order is rejected by the supplier",
        OrderStatus::Closed => "the order is closed",
    };
    Some(Refusal::new(Reason::OrderNotOpen, order.to_string(), text).on(date))
}
