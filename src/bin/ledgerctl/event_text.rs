//! What happened, in one short text for each kind of event.

use contract_ledger::wire::v1::event::Payload;
use contract_ledger::wire::v1::{InvoiceKind, LegalBasis};

use crate::money_text::money_text;

/// Ids and amounts of what happened.
pub(crate) fn payload_text(payload: Option<&Payload>) -> String {
    let Some(payload) = payload else {
        return String::new();
    };
    match payload {
        Payload::AgreementSigned(signed) => {
            let whole = signed.ceilings.first();
            let ceiling = whole.and_then(|ceiling| ceiling.amount.as_ref());
            joined(&["ceiling", &money_text(ceiling)])
        }
        Payload::OptionExercised(option) => option.option_id.clone(),
        Payload::OptionDeclined(option) => joined(&[&option.option_id, &option.reason]),
        Payload::AgreementAmended(amended) => joined(&[
            &amended.amendment_id,
            legal_basis_text(amended.legal_basis),
            &amended.reasoning,
        ]),
        Payload::PriceIndexed(indexed) => joined(&["factor", &indexed.factor, &indexed.index_name]),
        Payload::AgreementSuspended(event) => event.reason.clone(),
        Payload::AgreementResumed(event) => event.reason.clone(),
        Payload::AgreementTerminated(event) => event.reason.clone(),
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
            joined(&[&event.prepayment_invoice_id, &money_text(event.amount.as_ref())])
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
        ]),
        Payload::EventReversed(event) => joined(&[&event.event_id, &event.reason]),
        Payload::FindingAcknowledged(event) => joined(&[&event.finding_id, &event.comment]),
        Payload::FindingWaived(event) => joined(&[&event.finding_id, &event.reason]),
        Payload::FindingResolved(event) => joined(&[&event.finding_id, &event.resolution]),
        Payload::ThresholdPolicySet(_) | Payload::DocumentAttached(_) => String::new(),
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

/// An ordinary invoice needs no word.
fn invoice_kind_text(kind: i32) -> &'static str {
    match InvoiceKind::try_from(kind) {
        Ok(InvoiceKind::Prepayment) => "prepayment",
        Ok(InvoiceKind::InterestOrFee) => "interest or fee",
        Ok(InvoiceKind::Commercial | InvoiceKind::Unspecified) | Err(_) => "",
    }
}

/// The code of eForms, which is what lawyers write.
fn legal_basis_text(basis: i32) -> &'static str {
    match LegalBasis::try_from(basis) {
        Ok(LegalBasis::AddWss) => "add-wss",
        Ok(LegalBasis::ModCir) => "mod-cir",
        Ok(LegalBasis::ModMinv) => "mod-minv",
        Ok(LegalBasis::ModNons) => "mod-nons",
        Ok(LegalBasis::ModRepl) => "mod-repl",
        Ok(LegalBasis::ModRev) => "mod-rev",
        Ok(LegalBasis::Other) => "other",
        Ok(LegalBasis::Unspecified) | Err(_) => "",
    }
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::{InvoiceReceived, Money, OrderPlaced};

    use super::*;

    fn nok(amount: &str) -> Money {
        Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
    }

    #[test]
    fn order_is_told_with_id_and_amount() {
        let order = Payload::OrderPlaced(OrderPlaced {
            order_id: "O6".to_owned(),
            amount: Some(nok("700000.01")),
            ..Default::default()
        });
        assert_eq!(payload_text(Some(&order)), "O6 700 000,01 NOK");
        assert_eq!(payload_text(None), "");
    }

    #[test]
    fn invoice_without_an_order_says_so() {
        let invoice = Payload::InvoiceReceived(InvoiceReceived {
            invoice_id: "INV-1".to_owned(),
            kind: i32::from(InvoiceKind::Prepayment),
            net: Some(nok("80000")),
            ..Default::default()
        });
        assert_eq!(
            payload_text(Some(&invoice)),
            "INV-1 prepayment without an order net 80 000,00 NOK"
        );
    }
}
