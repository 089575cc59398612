//! Reading what happened: which reader takes which event of the catalogue.

use super::path::{At, Path};
use super::{
    Violations, agreement, amendment, control, headroom, invoice, order, payment, signing,
};
use crate::domain::date::Date;
use crate::domain::event::{AdmissionMode, Payload};
use crate::wire::v1::event::Payload as Stated;

/// None after a violation that leaves nothing to go on with; others may have been noted besides.
#[expect(clippy::too_many_lines, reason = "the catalogue, a line for each event")]
pub(super) fn parse(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &Stated,
    mode: AdmissionMode,
    effective: Option<Date>,
) -> Option<Payload> {
    let at = |name: &'static str| At(path, name);
    match stated {
        Stated::AgreementSigned(stated) => {
            signing::parse(violations, &at("agreement_signed"), stated)
        }
        Stated::OptionExercised(stated) => {
            agreement::option_exercised(violations, &at("option_exercised"), stated)
        }
        Stated::OptionDeclined(stated) => {
            agreement::option_declined(violations, &at("option_declined"), stated)
        }
        Stated::AgreementAmended(stated) => {
            amendment::parse(violations, &at("agreement_amended"), stated)
        }
        Stated::PriceIndexed(stated) => {
            agreement::price_indexed(violations, &at("price_indexed"), stated)
        }
        Stated::AgreementSuspended(stated) => {
            Some(agreement::agreement_suspended(violations, &at("agreement_suspended"), stated))
        }
        Stated::AgreementResumed(stated) => {
            Some(agreement::agreement_resumed(violations, &at("agreement_resumed"), stated))
        }
        Stated::AgreementTerminated(stated) => {
            Some(agreement::agreement_terminated(violations, &at("agreement_terminated"), stated))
        }
        Stated::AgreementClosed(stated) => {
            Some(agreement::agreement_closed(violations, &at("agreement_closed"), stated))
        }
        Stated::HeadroomReserved(stated) => headroom::headroom_reserved(
            violations,
            &at("headroom_reserved"),
            stated,
            mode,
            effective,
        ),
        Stated::ReservationReleased(stated) => {
            headroom::reservation_released(violations, &at("reservation_released"), stated)
        }
        Stated::OrderPlaced(stated) => {
            order::order_placed(violations, &at("order_placed"), stated, mode)
        }
        Stated::OrderConfirmed(stated) => {
            order::order_confirmed(violations, &at("order_confirmed"), stated)
        }
        Stated::OrderRejected(stated) => {
            order::order_rejected(violations, &at("order_rejected"), stated)
        }
        Stated::OrderChanged(stated) => {
            order::order_changed(violations, &at("order_changed"), stated)
        }
        Stated::OrderCancelled(stated) => {
            order::order_cancelled(violations, &at("order_cancelled"), stated)
        }
        Stated::DeliveryReceived(stated) => {
            order::delivery_received(violations, &at("delivery_received"), stated)
        }
        Stated::OrderClosed(stated) => order::order_closed(violations, &at("order_closed"), stated),
        Stated::OrderReopened(stated) => {
            order::order_reopened(violations, &at("order_reopened"), stated)
        }
        Stated::InvoiceReceived(stated) => {
            invoice::invoice_received(violations, &at("invoice_received"), stated, mode)
        }
        Stated::CreditNoteReceived(stated) => {
            invoice::credit_note_received(violations, &at("credit_note_received"), stated, mode)
        }
        Stated::InvoiceApproved(stated) => {
            invoice::invoice_approved(violations, &at("invoice_approved"), stated)
        }
        Stated::InvoiceDisputed(stated) => {
            invoice::invoice_disputed(violations, &at("invoice_disputed"), stated)
        }
        Stated::InvoiceRejected(stated) => {
            invoice::invoice_rejected(violations, &at("invoice_rejected"), stated)
        }
        Stated::DisputeResolved(stated) => {
            invoice::dispute_resolved(violations, &at("dispute_resolved"), stated)
        }
        Stated::PrepaymentOffset(stated) => {
            invoice::prepayment_offset(violations, &at("prepayment_offset"), stated)
        }
        Stated::InvoicePaid(stated) => {
            payment::invoice_paid(violations, &at("invoice_paid"), stated, mode)
        }
        Stated::PaymentReversed(stated) => {
            payment::payment_reversed(violations, &at("payment_reversed"), stated)
        }
        Stated::RetentionWithheld(stated) => {
            payment::retention_withheld(violations, &at("retention_withheld"), stated, mode)
        }
        Stated::RetentionReleased(stated) => {
            payment::retention_released(violations, &at("retention_released"), stated, mode)
        }
        Stated::OverrideGranted(stated) => {
            control::override_granted(violations, &at("override_granted"), stated)
        }
        Stated::EventReversed(stated) => {
            control::event_reversed(violations, &at("event_reversed"), stated)
        }
        Stated::FindingAcknowledged(stated) => {
            control::finding_acknowledged(violations, &at("finding_acknowledged"), stated)
        }
        Stated::FindingWaived(stated) => {
            control::finding_waived(violations, &at("finding_waived"), stated)
        }
        Stated::FindingResolved(stated) => {
            control::finding_resolved(violations, &at("finding_resolved"), stated)
        }
        Stated::ThresholdPolicySet(stated) => {
            control::threshold_policy_set(violations, &at("threshold_policy_set"), stated)
        }
        Stated::DocumentAttached(stated) => {
            Some(control::document_attached(violations, &at("document_attached"), stated))
        }
    }
}
