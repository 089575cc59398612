//! What is refused always, intents and facts alike.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::super::support::events::*;
use super::super::Story;
use super::{Case, base, case, order_with, with};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn cases() -> Vec<Case> {
    let invoice_one = fact("2024-01-02", invoice("I1", "O1", "10"));
    vec![
        case(vec![], intent("2024-01-01", order("O1", "1")), &["UNKNOWN_AGREEMENT"]),
        case(vec![], fact("2024-01-01", reverse(&Story::event_id(0))), &["UNKNOWN_AGREEMENT"]),
        case(base(), sign("1"), &["AGREEMENT_EXISTS"]),
        case(base(), fact("2024-01-01", order("O1", "1")), &["DUPLICATE_CONFLICT"]),
        case(
            with(vec![invoice_one.clone()]),
            fact("2024-01-03", invoice("I1", "", "1")),
            &["DUPLICATE_CONFLICT"],
        ),
        case(base(), fact("2024-01-01", change("O2", "1")), &["UNKNOWN_ORDER"]),
        case(base(), fact("2024-01-01", close("O2")), &["UNKNOWN_ORDER"]),
        case(base(), intent("2024-01-01", invoice("I1", "O2", "1")), &["UNKNOWN_ORDER"]),
        case(base(), intent("2024-01-01", credit("C1", "I1", "1")), &["UNKNOWN_INVOICE"]),
        case(base(), intent("2024-01-01", pay("P1", "I1", "1")), &["UNKNOWN_INVOICE"]),
        case(
            base(),
            fact("2024-01-01", order_with(|order| order.reservation_id = "R1".to_owned())),
            &["UNKNOWN_RESERVATION"],
        ),
        case(
            base(),
            fact("2024-01-01", order_with(|order| order.amount = money("1", "EUR"))),
            &["CURRENCY_MISMATCH"],
        ),
        case(base(), fact("2026-01-03", order("O2", "1")), &["EFFECTIVE_IN_FUTURE"]),
        case(base(), fact("2024-01-01", reverse(&Story::event_id(7))), &["UNKNOWN_EVENT"]),
        case(
            with(vec![fact("2024-01-01", reverse(&Story::event_id(1)))]),
            fact("2024-01-01", reverse(&Story::event_id(1))),
            &["ALREADY_REVERSED"],
        ),
        case(
            with(vec![fact("2024-01-01", reverse(&Story::event_id(1)))]),
            fact("2024-01-01", reverse(&Story::event_id(2))),
            &["REVERSAL_OF_REVERSAL"],
        ),
        case(
            vec![sign("100")],
            fact(
                "2024-01-01",
                order_with(|order| {
                    order.amount = money("999999999999999999", "EUR");
                    let rate = "2".to_owned();
                    order.exchange_rate = Some(v1::ExchangeRate { rate, ..Default::default() });
                }),
            ),
            &["MALFORMED_AMOUNT"],
        ),
        case(base(), fact("2024-01-01", reopen("O2")), &["UNKNOWN_ORDER"]),
        case(base(), fact("2024-01-01", confirm("O2")), &["UNKNOWN_ORDER"]),
        case(base(), fact("2024-01-01", reject_order("O2")), &["UNKNOWN_ORDER"]),
        case(base(), fact("2024-01-01", deliver("D1", "O2", "")), &["UNKNOWN_ORDER"]),
        case(base(), fact("2024-01-01", approve("I1", "")), &["UNKNOWN_INVOICE"]),
        case(base(), fact("2024-01-01", dispute("I1", "wrong")), &["UNKNOWN_INVOICE"]),
        case(base(), fact("2024-01-01", reject_invoice("I1", "wrong")), &["UNKNOWN_INVOICE"]),
        case(base(), fact("2024-01-01", settle_dispute("I1")), &["UNKNOWN_INVOICE"]),
        case(base(), fact("2024-01-01", withhold("T1", "I1", "1")), &["UNKNOWN_INVOICE"]),
        case(base(), fact("2024-01-01", offset("I1", "", "1")), &["UNKNOWN_INVOICE"]),
        case(
            with(vec![invoice_one.clone()]),
            fact("2024-01-03", offset("I1", "", "1")),
            &["UNKNOWN_INVOICE"],
        ),
        case(base(), fact("2024-01-01", release_retention("T1", "1")), &["UNKNOWN_EVENT"]),
        case(base(), fact("2024-01-01", pay_back("P1")), &["UNKNOWN_EVENT"]),
        case(
            with(vec![
                invoice_one.clone(),
                fact("2024-01-03", pay("P1", "I1", "10")),
                fact("2024-01-04", pay_back("P1")),
            ]),
            fact("2024-01-05", pay_back("P1")),
            &["ALREADY_REVERSED"],
        ),
        case(base(), fact("2024-01-01", release("R1")), &["UNKNOWN_RESERVATION"]),
        case(
            with(vec![intent("2024-01-01", reserve("R1", "1", "2024-02-01"))]),
            fact("2024-01-01", reserve("R1", "1", "2024-02-01")),
            &["DUPLICATE_CONFLICT"],
        ),
        case(
            with(vec![fact("2024-01-01", deliver("D1", "O1", ""))]),
            fact("2024-01-02", deliver("D1", "O1", "")),
            &["DUPLICATE_CONFLICT"],
        ),
        case(
            with(vec![intent("2024-01-01", amend("A1", v1::LegalBasis::ModRev, "1"))]),
            intent("2024-01-01", amend("A1", v1::LegalBasis::ModRev, "1")),
            &["DUPLICATE_CONFLICT"],
        ),
        case(
            with(vec![intent("2024-01-01", grant("V1", "1", "2024-02-01"))]),
            intent("2024-01-01", grant("V1", "1", "2024-02-01")),
            &["DUPLICATE_CONFLICT"],
        ),
        case(
            base(),
            fact("2024-01-01", acknowledge("0123456789abcdef0123456789abcdef")),
            &["UNKNOWN_FINDING"],
        ),
        case(
            base(),
            intent("2024-01-01", {
                let mut foreign = granted("V1", "1", "2024-02-01");
                foreign.limit = money("1", "EUR");
                Payload::OverrideGranted(foreign)
            }),
            &["CURRENCY_MISMATCH"],
        ),
        case(
            base(),
            fact(
                "2024-01-01",
                Payload::AgreementAmended(v1::AgreementAmended {
                    ceiling_changes: vec![v1::CeilingChange {
                        scope: scope(v1::scope::Scope::LotId("L9".to_owned())),
                        change: nok("-1"),
                    }],
                    ..amended("A1", v1::LegalBasis::ModRev, "")
                }),
            ),
            &["MALFORMED_AMOUNT"],
        ),
    ]
}
