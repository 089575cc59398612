//! What is refused as an intent, and recorded with a finding as a fact.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::super::support::events::*;
use super::{Case, base, case, order_with, with, with_options, with_reopened_competition};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn cases() -> Vec<Case> {
    let party =
        |number: &str| v1::OrganisationId { number: number.to_owned(), ..Default::default() };
    vec![
        case(
            base(),
            intent("2024-01-01", order_with(|order| order.buyer = Some(party(STRANGER)))),
            &["BUYER_NOT_PARTY"],
        ),
        case(
            base(),
            intent("2024-01-01", order_with(|order| order.supplier = Some(party(STRANGER)))),
            &["SUPPLIER_NOT_PARTY"],
        ),
        case(
            base(),
            intent("2024-01-01", order_with(|order| order.lot_id = "L9".to_owned())),
            &["UNKNOWN_LOT"],
        ),
        case(
            base(),
            intent(
                "2024-01-01",
                order_with(|order| {
                    order.ordered_by = "p1".to_owned();
                    order.approved_by = "p1".to_owned();
                }),
            ),
            &["SEPARATION_OF_DUTIES"],
        ),
        case(
            with_reopened_competition(),
            intent("2020-02-01", order("O1", "1")),
            &["COMPETITION_MISSING"],
        ),
        case(base(), intent("2019-12-31", order("O2", "1")), &["AGREEMENT_NOT_STARTED"]),
        case(base(), intent("2025-01-01", order("O2", "1")), &["AGREEMENT_EXPIRED"]),
        case(
            with(vec![intent("2024-02-01", close("O1"))]),
            intent("2024-02-02", change("O1", "1")),
            &["ORDER_NOT_OPEN"],
        ),
        case(
            with(vec![intent("2024-02-01", cancel("O1"))]),
            intent("2024-02-02", close("O1")),
            &["ORDER_NOT_OPEN"],
        ),
        case(base(), intent("2023-12-31", cancel("O1")), &["ORDER_NOT_OPEN"]),
        case(with_options(), intent("2021-06-01", option("2")), &["OPTION_NOT_AVAILABLE"]),
        case(with_options(), intent("2021-06-01", option("9")), &["OPTION_NOT_AVAILABLE"]),
        case(with_options(), intent("2021-11-01", option("1")), &["OPTION_LATE"]),
        case(
            [with_options(), vec![intent("2021-10-31", option("1"))]].concat(),
            intent("2023-01-01", option("2")),
            &["OPTION_LATE"],
        ),
        case(base(), intent("2024-01-01", order("O2", "40.01")), &["CEILING_EXCEEDED"]),
        case(base(), intent("2024-01-01", change("O1", "100.01")), &["CEILING_EXCEEDED"]),
        case(base(), intent("2024-01-01", invoice("I1", "O1", "100.01")), &["CEILING_EXCEEDED"]),
        // An earlier date does not help: the day on which all of it counts is what binds.
        case(base(), intent("2023-01-01", order("O2", "40.01")), &["CEILING_EXCEEDED"]),
        // Everything that applies, parties and state before ceilings.
        case(
            base(),
            intent(
                "2025-01-01",
                order_with(|order| {
                    order.buyer = Some(party(STRANGER));
                    order.amount = nok("41");
                }),
            ),
            &["BUYER_NOT_PARTY", "AGREEMENT_EXPIRED", "CEILING_EXCEEDED"],
        ),
        case(
            base(),
            intent(
                "2024-01-01",
                Payload::HeadroomReserved(v1::HeadroomReserved {
                    buyer: org(STRANGER),
                    supplier: org(STRANGER),
                    lot_id: "L9".to_owned(),
                    ..reserved("R1", "1", "2024-02-01")
                }),
            ),
            &["BUYER_NOT_PARTY", "SUPPLIER_NOT_PARTY", "UNKNOWN_LOT"],
        ),
        case(
            base(),
            intent("2024-01-01", reserve("R1", "40.01", "2026-12-31")),
            &["CEILING_EXCEEDED"],
        ),
        case(
            with(vec![intent("2024-02-01", suspend("a complaint"))]),
            intent("2024-02-01", order("O2", "1")),
            &["AGREEMENT_SUSPENDED"],
        ),
        case(
            with(vec![intent("2024-02-01", terminate("a breach"))]),
            intent("2024-02-02", order("O2", "1")),
            &["AGREEMENT_TERMINATED"],
        ),
        case(
            with(vec![intent("2024-02-01", close_agreement())]),
            intent("2024-02-02", order("O2", "1")),
            &["AGREEMENT_CLOSED"],
        ),
        case(
            with(vec![intent("2024-02-01", close_agreement())]),
            intent("2024-02-02", reserve("R1", "1", "2024-03-01")),
            &["AGREEMENT_CLOSED"],
        ),
        case(
            with(vec![intent("2024-02-01", reject_order("O1"))]),
            intent("2024-02-02", deliver("D1", "O1", "")),
            &["ORDER_NOT_OPEN"],
        ),
        case(with_options(), intent("2021-06-01", decline("9")), &["OPTION_NOT_AVAILABLE"]),
        case(
            [with_options(), vec![intent("2021-06-01", decline("1"))]].concat(),
            intent("2021-07-01", option("1")),
            &["OPTION_NOT_AVAILABLE"],
        ),
        case(
            base(),
            intent("2024-02-01", amend("A1", v1::LegalBasis::ModRev, "-40.01")),
            &["CEILING_BELOW_EXPOSURE"],
        ),
        case(
            base(),
            intent("2024-02-01", {
                let reasoning = " ".to_owned();
                let base = amended("A1", v1::LegalBasis::ModRev, "1");
                Payload::AgreementAmended(v1::AgreementAmended { reasoning, ..base })
            }),
            &["REASON_MISSING"],
        ),
        case(base(), intent("2024-02-01", suspend("")), &["REASON_MISSING"]),
        case(base(), intent("2024-02-01", terminate("")), &["REASON_MISSING"]),
        case(
            with(vec![fact("2024-02-01", invoice("I1", "O1", "1"))]),
            intent("2024-02-01", reject_invoice("I1", "")),
            &["REASON_MISSING"],
        ),
        case(
            base(),
            intent("2024-02-01", {
                let base = granted("V1", "1", "2024-03-01");
                let (reason, seconded_by) = (String::new(), base.granted_by.clone());
                Payload::OverrideGranted(v1::OverrideGranted { reason, seconded_by, ..base })
            }),
            &["SEPARATION_OF_DUTIES", "REASON_MISSING"],
        ),
    ]
}
