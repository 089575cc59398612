//! Fields of the events, one by one: what is required, how long, which sign.

use contract_ledger::domain::event::{Payload as Read, Reasoning};
use contract_ledger::domain::text::Text;
use contract_ledger::wire::parse::parse_recorded_event;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use crate::support::events::*;

/// Reason and field of every violation of an event of 2024-06-01.
pub(super) fn violations(event: &v1::Event) -> Vec<(&'static str, String)> {
    let faults = parse_recorded_event(event).err().unwrap_or_default();
    faults.into_iter().map(|fault| (fault.reason, fault.field.replacen("event.", "", 1))).collect()
}

/// Both modes must find the same one violation.
pub(super) fn assert_malformed(payload: &Payload, reason: &'static str, field: &str) {
    for event in [intent("2024-06-01", payload.clone()), fact("2024-06-01", payload.clone())] {
        assert_eq!(violations(&event), [(reason, field.to_owned())], "{payload:?}");
    }
}

pub(super) fn assert_well_formed(payload: &Payload) {
    for event in [intent("2024-06-01", payload.clone()), fact("2024-06-01", payload.clone())] {
        assert_eq!(violations(&event), [], "{payload:?}");
    }
}

fn read(payload: Payload) -> Read {
    parse_recorded_event(&intent("2024-06-01", payload)).unwrap().payload
}

type ById = fn(&str) -> Payload;

#[test]
fn every_id_that_names_something_is_required_and_well_formed() {
    let by_id: [(ById, &str); 22] = [
        (decline, "option_declined.option_id"),
        (|id| amend(id, v1::LegalBasis::Other, ""), "agreement_amended.amendment_id"),
        (|id| reserve(id, "1", "2024-12-31"), "headroom_reserved.reservation_id"),
        (release, "reservation_released.reservation_id"),
        (confirm, "order_confirmed.order_id"),
        (reject_order, "order_rejected.order_id"),
        (|id| deliver(id, "O1", ""), "delivery_received.delivery_id"),
        (|id| deliver("D1", id, ""), "delivery_received.order_id"),
        (reopen, "order_reopened.order_id"),
        (|id| approve(id, ""), "invoice_approved.invoice_id"),
        (|id| dispute(id, "x"), "invoice_disputed.invoice_id"),
        (|id| reject_invoice(id, "x"), "invoice_rejected.invoice_id"),
        (settle_dispute, "dispute_resolved.invoice_id"),
        (|id| offset(id, "", "1"), "prepayment_offset.prepayment_invoice_id"),
        (pay_back, "payment_reversed.payment_id"),
        (|id| withhold(id, "I1", "1"), "retention_withheld.retention_id"),
        (|id| withhold("H1", id, "1"), "retention_withheld.invoice_id"),
        (|id| release_retention(id, "1"), "retention_released.retention_id"),
        (|id| grant(id, "1", "2024-12-31"), "override_granted.override_id"),
        (acknowledge, "finding_acknowledged.finding_id"),
        (|id| waive(id, "x"), "finding_waived.finding_id"),
        (|id| resolve(id, "x"), "finding_resolved.finding_id"),
    ];
    for (of, field) in by_id {
        assert_well_formed(&of(&"x".repeat(128)));
        assert_malformed(&of(""), "FIELD_MISSING", field);
        for text in [" O1", "a\u{0}b", "Ås", &"x".repeat(129)] {
            assert_malformed(&of(text), "MALFORMED_ID", field);
        }
    }
    let optional: [(ById, &str); 3] = [
        (|id| offset("I1", id, "1"), "prepayment_offset.final_invoice_id"),
        (
            |id| {
                let room = reserved("R1", "1", "2024-12-31");
                Payload::HeadroomReserved(v1::HeadroomReserved { lot_id: id.to_owned(), ..room })
            },
            "headroom_reserved.lot_id",
        ),
        (attach, "document_attached.subject_id"),
    ];
    for (of, field) in optional {
        assert_well_formed(&of(""));
        assert_malformed(&of(" O1"), "MALFORMED_ID", field);
    }
}

#[test]
fn amounts_are_of_their_form_and_their_sign() {
    let by_amount: [(ById, &str); 5] = [
        (|amount| reserve("R1", amount, "2024-12-31"), "headroom_reserved.amount.amount"),
        (|amount| withhold("H1", "I1", amount), "retention_withheld.amount.amount"),
        (|amount| release_retention("H1", amount), "retention_released.amount.amount"),
        (|amount| offset("I1", "", amount), "prepayment_offset.amount.amount"),
        (|amount| grant("G1", amount, "2024-12-31"), "override_granted.limit.amount"),
    ];
    for (of, field) in by_amount {
        assert_well_formed(&of("0.01"));
        for text in ["-0.01", "1.001", "-0", "1e5", ""] {
            assert_malformed(&of(text), "MALFORMED_AMOUNT", field);
        }
        let asked = violations(&intent("2024-06-01", of("0")));
        assert_eq!(asked, [("MALFORMED_AMOUNT", field.to_owned())], "an intent for nothing");
    }
    for (of, field) in &by_amount[..3] {
        assert_eq!(violations(&fact("2024-06-01", of("0"))), [], "{field} was nothing");
    }
    for (of, field) in &by_amount[3..] {
        assert_malformed(&of("0"), "MALFORMED_AMOUNT", field);
    }
    let no_amount = v1::HeadroomReserved { amount: None, ..reserved("R1", "1", "2024-12-31") };
    let payload = Payload::HeadroomReserved(no_amount);
    assert_malformed(&payload, "FIELD_MISSING", "headroom_reserved.amount");
    let no_limit = v1::OverrideGranted { limit: None, ..granted("G1", "1", "2024-12-31") };
    let payload = Payload::OverrideGranted(no_limit);
    assert_malformed(&payload, "FIELD_MISSING", "override_granted.limit");
}

#[test]
fn amounts_for_information_only_are_of_their_form_too() {
    let delivered = |amount| {
        Payload::DeliveryReceived(v1::DeliveryReceived {
            delivery_id: "D1".to_owned(),
            order_id: "O1".to_owned(),
            amount,
            ..Default::default()
        })
    };
    let disputed = |disputed| {
        Payload::InvoiceDisputed(v1::InvoiceDisputed {
            invoice_id: "I1".to_owned(),
            disputed,
            reason: "x".to_owned(),
        })
    };
    for payload in [delivered(None), delivered(nok("-1")), disputed(None), disputed(nok("-1"))] {
        assert_well_formed(&payload);
    }
    let (form, currency) = ("MALFORMED_AMOUNT", "UNKNOWN_CURRENCY");
    assert_malformed(&delivered(nok("1,5")), form, "delivery_received.amount.amount");
    assert_malformed(&delivered(money("1", "KR")), currency, "delivery_received.amount.currency");
    assert_malformed(&disputed(nok("1,5")), form, "invoice_disputed.disputed.amount");
    assert_malformed(&disputed(money("1", "KR")), currency, "invoice_disputed.disputed.currency");
}

#[test]
fn a_foreign_amount_is_read_with_its_own_rate() {
    let rate =
        |rate: &str| Some(v1::ExchangeRate { rate: rate.to_owned(), source: "ECB".to_owned() });
    let room = |text: &str| {
        let amount = money("10", "EUR");
        let room = reserved("R1", "1", "2024-12-31");
        let exchange_rate = rate(text);
        Payload::HeadroomReserved(v1::HeadroomReserved { amount, exchange_rate, ..room })
    };
    assert_well_formed(&room("11.4567"));
    for text in ["0", "-1", "", "1.12345678901"] {
        let field = "headroom_reserved.exchange_rate.rate";
        assert_malformed(&room(text), "MALFORMED_AMOUNT", field);
    }
}

#[test]
fn a_factor_on_prices_is_a_rate() {
    for text in ["1.0345", "0.0000000001", "999999"] {
        assert_well_formed(&index_prices(text));
    }
    for text in ["", "0", "-1", "1000000", "1.12345678901", "1,03", "3.45%"] {
        assert_malformed(&index_prices(text), "MALFORMED_AMOUNT", "price_indexed.factor");
    }
}

#[test]
fn a_reservation_names_its_day_and_its_buyer() {
    let room = || reserved("R1", "1", "2024-06-01");
    let with = |room| Payload::HeadroomReserved(room);
    assert_well_formed(&with(room()));
    let undated = with(v1::HeadroomReserved { expiry_date: String::new(), ..room() });
    assert_malformed(&undated, "FIELD_MISSING", "headroom_reserved.expiry_date");
    let never = with(v1::HeadroomReserved { expiry_date: "2024-02-30".to_owned(), ..room() });
    assert_malformed(&never, "MALFORMED_DATE", "headroom_reserved.expiry_date");
    let nobodys = with(v1::HeadroomReserved { buyer: None, ..room() });
    assert_malformed(&nobodys, "FIELD_MISSING", "headroom_reserved.buyer");
    let wrong = with(v1::HeadroomReserved { supplier: org("943184098"), ..room() });
    let reason = "INVALID_ORGANISATION_NUMBER";
    assert_malformed(&wrong, reason, "headroom_reserved.supplier.number");
    let over = || with(v1::HeadroomReserved { expiry_date: "2024-05-31".to_owned(), ..room() });
    let asked = violations(&intent("2024-06-01", over()));
    assert_eq!(asked, [("CONTRADICTION", "headroom_reserved.expiry_date".to_owned())]);
    assert_eq!(violations(&fact("2024-06-01", over())), [], "it was made so");
}

#[test]
fn a_missing_reason_is_for_the_rules_to_judge() {
    let by_reason: [ById; 8] = [
        suspend,
        terminate,
        |reason| dispute("I1", reason),
        |reason| reject_invoice("I1", reason),
        |reason| waive("f-1", reason),
        |resolution| resolve("f-1", resolution),
        |reason| {
            let reason = reason.to_owned();
            let granted = granted("G1", "1", "2024-12-31");
            Payload::OverrideGranted(v1::OverrideGranted { reason, ..granted })
        },
        |reasoning| {
            let reasoning = reasoning.to_owned();
            let amended = amended("M1", v1::LegalBasis::Other, "");
            Payload::AgreementAmended(v1::AgreementAmended { reasoning, ..amended })
        },
    ];
    let stated = |payload: Payload| match read(payload) {
        Read::AgreementSuspended(event) | Read::AgreementTerminated(event) => event.reasoning,
        Read::InvoiceDisputed(event) => event.reasoning,
        Read::InvoiceRejected(event) => event.reasoning,
        Read::FindingWaived(event) | Read::FindingResolved(event) => event.reasoning,
        Read::OverrideGranted(event) => event.reasoning,
        Read::AgreementAmended(event) => event.reasoning,
        other => panic!("{other:?} says nothing of its reasons"),
    };
    for of in by_reason {
        for blank in ["", " ", "\n\t\u{a0}"] {
            assert_eq!(stated(of(blank)), Reasoning::Missing, "{blank:?}");
        }
        assert_eq!(stated(of(" as decided\n")), Reasoning::Stated);
    }
}

#[test]
fn texts_have_their_bounds() {
    let long: [(ById, &str); 9] = [
        (suspend, "agreement_suspended.reason"),
        (terminate, "agreement_terminated.reason"),
        (|text| dispute("I1", text), "invoice_disputed.reason"),
        (|text| reject_invoice("I1", text), "invoice_rejected.reason"),
        (|text| waive("f-1", text), "finding_waived.reason"),
        (|text| resolve("f-1", text), "finding_resolved.resolution"),
        (
            |text| {
                let reason = text.to_owned();
                Payload::AgreementResumed(v1::AgreementResumed { reason })
            },
            "agreement_resumed.reason",
        ),
        (
            |text| {
                let (finding_id, comment) = ("f-1".to_owned(), text.to_owned());
                Payload::FindingAcknowledged(v1::FindingAcknowledged { finding_id, comment })
            },
            "finding_acknowledged.comment",
        ),
        (
            |text| {
                let room = reserved("R1", "1", "2024-12-31");
                Payload::HeadroomReserved(v1::HeadroomReserved { purpose: text.to_owned(), ..room })
            },
            "headroom_reserved.purpose",
        ),
    ];
    let short: [(ById, &str); 5] = [
        (|text| deliver("D1", "O1", text), "delivery_received.received_by"),
        (|text| approve("I1", text), "invoice_approved.approved_by"),
        (
            |text| {
                let granted = granted("G1", "1", "2024-12-31");
                let seconded_by = text.to_owned();
                Payload::OverrideGranted(v1::OverrideGranted { seconded_by, ..granted })
            },
            "override_granted.seconded_by",
        ),
        (
            |text| {
                let (order_id, supplier_reference) = ("O1".to_owned(), text.to_owned());
                Payload::OrderConfirmed(v1::OrderConfirmed { order_id, supplier_reference })
            },
            "order_confirmed.supplier_reference",
        ),
        (
            |text| {
                let department = text.to_owned();
                let room = reserved("R1", "1", "2024-12-31");
                Payload::HeadroomReserved(v1::HeadroomReserved { department, ..room })
            },
            "headroom_reserved.department",
        ),
    ];
    let bounds = long.iter().map(|case| (case, 4096)).chain(short.iter().map(|case| (case, 128)));
    for ((of, field), bytes_max) in bounds {
        assert_well_formed(&of(&"x".repeat(bytes_max)));
        assert_malformed(&of(&"x".repeat(bytes_max + 1)), "MALFORMED_TEXT", field);
        assert_malformed(&of("a\u{0}b"), "MALFORMED_TEXT", field);
    }
}

#[test]
fn a_termination_says_what_becomes_of_open_orders() {
    for number in [0, 99] {
        let reason = "breach".to_owned();
        let silent = v1::AgreementTerminated { reason, open_orders: number };
        let payload = Payload::AgreementTerminated(silent);
        assert_malformed(&payload, "UNKNOWN_ENUM_VALUE", "agreement_terminated.open_orders");
    }
}

#[test]
fn persons_of_an_override_are_kept_as_stated_and_blank_ones_are_nobody() {
    let with = |granted_by: &str, seconded_by: &str| {
        let (granted_by, seconded_by) = (granted_by.to_owned(), seconded_by.to_owned());
        let granted = granted("G1", "1", "2024-12-31");
        let payload = v1::OverrideGranted { granted_by, seconded_by, ..granted };
        match read(Payload::OverrideGranted(payload)) {
            Read::OverrideGranted(granted) => {
                (granted.granted_by.clone(), granted.seconded_by.clone())
            }
            other => panic!("{other:?}"),
        }
    };
    let named = |name: &str| Some(Text::new(name));
    assert_eq!(with("person-1", "person-2"), (named("person-1"), named("person-2")));
    assert_eq!(with("person-1", "person-1"), (named("person-1"), named("person-1")));
    assert_eq!(with(" \t", ""), (None, None));
    let endless = v1::OverrideGranted { end_date: String::new(), ..granted("G1", "1", "") };
    let payload = Payload::OverrideGranted(endless);
    assert_malformed(&payload, "FIELD_MISSING", "override_granted.end_date");
}

#[test]
fn an_attached_document_is_checked_as_those_of_the_envelope_are() {
    let fingerprint = "0".repeat(64);
    let attached = |kind: &str, sha256: &str, uri: &str| {
        let (kind, sha256, uri) = (kind.to_owned(), sha256.to_owned(), uri.to_owned());
        let document = Some(v1::Document { kind, sha256, uri });
        Payload::DocumentAttached(v1::DocumentAttached { document, ..Default::default() })
    };
    assert_well_formed(&attached(&"k".repeat(64), &fingerprint, &"u".repeat(2048)));
    let cases = [
        (attached(" ", &fingerprint, ""), "FIELD_MISSING", "kind"),
        (attached(&"k".repeat(65), &fingerprint, ""), "MALFORMED_TEXT", "kind"),
        (attached("protocol", "", ""), "MALFORMED_TEXT", "sha256"),
        (attached("protocol", &"A".repeat(64), ""), "MALFORMED_TEXT", "sha256"),
        (attached("protocol", &fingerprint, &"u".repeat(2049)), "MALFORMED_TEXT", "uri"),
    ];
    for (payload, reason, field) in cases {
        assert_malformed(&payload, reason, &format!("document_attached.document.{field}"));
    }
    let nothing = Payload::DocumentAttached(v1::DocumentAttached::default());
    assert_malformed(&nothing, "FIELD_MISSING", "document_attached.document");
}
