//! The text of every event.

use contract_ledger::wire::json::from_json;
use contract_ledger::wire::v1::{Event, InvoiceKind, InvoiceReceived, OrderPlaced};

use super::*;
use crate::words::event_type_names;

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
    assert_eq!(payload_text(Some(&invoice)), "INV-1 prepayment without an order net 80 000,00 NOK");
}
/// The text of an event in the protobuf JSON mapping.
fn text_of(event: &str) -> String {
    let event: Event = from_json(event).unwrap();
    payload_text(event.payload.as_ref())
}

#[test]
fn every_event_of_the_catalogue_says_what_it_is_about() {
    let money = r#"{"amount":"7","currency":"NOK"}"#;
    let events = [
        format!(
            r#""agreementSigned":{{"ceilings":[{{"scope":{{"agreement":true}},"amount":{money}}}]}}"#
        ),
        r#""optionExercised":{"optionId":"X7"}"#.to_owned(),
        r#""optionDeclined":{"optionId":"X7"}"#.to_owned(),
        r#""agreementAmended":{"amendmentId":"X7"}"#.to_owned(),
        r#""priceIndexed":{"factor":"1.07"}"#.to_owned(),
        r#""agreementSuspended":{"reason":"X7"}"#.to_owned(),
        r#""agreementResumed":{"reason":"X7"}"#.to_owned(),
        r#""agreementTerminated":{"reason":"X7"}"#.to_owned(),
        r#""agreementClosed":{"reason":"X7"}"#.to_owned(),
        r#""headroomReserved":{"reservationId":"X7"}"#.to_owned(),
        r#""reservationReleased":{"reservationId":"X7"}"#.to_owned(),
        r#""orderPlaced":{"orderId":"X7"}"#.to_owned(),
        r#""orderConfirmed":{"orderId":"X7"}"#.to_owned(),
        r#""orderRejected":{"orderId":"X7"}"#.to_owned(),
        r#""orderChanged":{"orderId":"X7"}"#.to_owned(),
        r#""orderCancelled":{"orderId":"X7"}"#.to_owned(),
        r#""deliveryReceived":{"deliveryId":"X7"}"#.to_owned(),
        r#""orderClosed":{"orderId":"X7"}"#.to_owned(),
        r#""orderReopened":{"orderId":"X7"}"#.to_owned(),
        r#""invoiceReceived":{"invoiceId":"X7"}"#.to_owned(),
        r#""creditNoteReceived":{"creditNoteId":"X7"}"#.to_owned(),
        r#""invoiceApproved":{"invoiceId":"X7"}"#.to_owned(),
        r#""invoiceDisputed":{"invoiceId":"X7"}"#.to_owned(),
        r#""invoiceRejected":{"invoiceId":"X7"}"#.to_owned(),
        r#""disputeResolved":{"invoiceId":"X7"}"#.to_owned(),
        r#""prepaymentOffset":{"prepaymentInvoiceId":"X7"}"#.to_owned(),
        r#""invoicePaid":{"paymentId":"X7"}"#.to_owned(),
        r#""paymentReversed":{"paymentId":"X7"}"#.to_owned(),
        r#""retentionWithheld":{"retentionId":"X7"}"#.to_owned(),
        r#""retentionReleased":{"retentionId":"X7"}"#.to_owned(),
        r#""overrideGranted":{"overrideId":"X7"}"#.to_owned(),
        r#""eventReversed":{"eventId":"X7"}"#.to_owned(),
        r#""findingAcknowledged":{"findingId":"X7"}"#.to_owned(),
        r#""findingWaived":{"findingId":"X7"}"#.to_owned(),
        r#""findingResolved":{"findingId":"X7"}"#.to_owned(),
        r#""thresholdPolicySet":{"lateRegistrationDays":7}"#.to_owned(),
        r#""documentAttached":{"subjectId":"X7"}"#.to_owned(),
    ];
    assert_eq!(events.len(), event_type_names().count());
    for event in events {
        let text = text_of(&format!("{{{event}}}"));
        assert!(text.contains('7'), "{event} gives {text:?}");
    }
}

#[test]
fn amendment_tells_every_change_and_why() {
    let text = text_of(
        r#"{"agreementAmended":{"amendmentId":"A1","legalBasis":"LEGAL_BASIS_MOD_MINV",
        "reasoning":"more needs","newEndDate":"2025-11-30",
        "ceilingChanges":[{"scope":{"agreement":true},"change":{"amount":"800000.00","currency":"NOK"}},
        {"scope":{"lotId":"L1"},"change":{"amount":"-1.00","currency":"NOK"}}],
        "addedSuppliers":[{"id":{"number":"987654325"}}],"removedBuyers":[{"number":"920125298"}],
        "addedLots":[{"lotId":"L2"}]}}"#,
    );
    assert_eq!(
        text,
        "A1 mod-minv +800 000,00 NOK (agreement) -1,00 NOK (lot L1) new end 2025-11-30 \
         supplier joins 987654325 buyer leaves 920125298 new lot L2 more needs"
    );
}

#[test]
fn policy_tells_only_what_it_sets() {
    let text = text_of(
        r#"{"thresholdPolicySet":{"warningStepsPpm":[700000,850000],"lateRegistrationDays":45,
        "splitThreshold":{"amount":"100000","currency":"NOK"}}}"#,
    );
    assert_eq!(
        text,
        "warning steps 70,00 %, 85,00 %; late after 45 days; split threshold 100 000,00 NOK"
    );
}
