//! Readings of `docs/decisions.md` that no other story tells.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::{Story, given};

const NONE: [&str; 0] = [];
const LATER: &str = "2024-12-31";

fn using(id: &str, amount: &str, reservation_id: &str) -> v1::OrderPlaced {
    v1::OrderPlaced { reservation_id: reservation_id.to_owned(), ..placed(id, amount) }
}

fn with_option() -> v1::AgreementSigned {
    v1::AgreementSigned {
        options: vec![time_option("T1", "2025-12-31"), time_option("T2", "2026-12-31")],
        ..signed("100", "2023-01-01", "2024-12-31")
    }
}

#[test]
fn a_declined_option_is_skipped_and_still_prolongs_as_a_fact() {
    let declined = given([
        sign_as(with_option()),
        intent("2024-01-01", decline("T1")),
        intent("2024-01-02", decline("T1")),
    ]);
    assert_eq!(declined.finding_names(LATER), NONE, "a second time says nothing new");
    assert_eq!(declined.refusal(intent("2024-02-01", option("T2"))), NONE, "the next in order");
    assert_eq!(declined.refusal(intent("2024-02-01", option("T1"))), ["OPTION_NOT_AVAILABLE"]);
    let after_all = declined.when(fact("2024-02-01", option("T1"))).unwrap();
    assert_eq!(after_all.finding_names(LATER), ["OPTION_NOT_AVAILABLE option:T1"]);
    assert_eq!(after_all.refusal(intent("2025-12-31", order("O1", "1"))), NONE, "it takes effect");
    let used = given([sign_as(with_option()), intent("2024-01-01", option("T1"))]);
    assert_eq!(used.refusal(intent("2024-02-01", decline("T1"))), ["OPTION_NOT_AVAILABLE"]);
}

#[test]
fn an_amendment_may_shorten_the_term() {
    let shorter = v1::AgreementAmended {
        new_end_date: "2024-06-30".to_owned(),
        ..amended("A1", v1::LegalBasis::ModNons, "")
    };
    let story = given([
        sign_as(signed("100", "2023-01-01", "2024-12-31")),
        intent("2024-01-01", Payload::AgreementAmended(shorter)),
    ]);
    assert_eq!(story.refusal(intent("2024-07-01", order("O1", "1"))), ["AGREEMENT_EXPIRED"]);
}

#[test]
fn the_earliest_termination_and_closing_hold() {
    let story = given([
        sign("100"),
        fact("2024-05-01", terminate("breach")),
        fact("2024-09-01", terminate("again")),
    ]);
    assert_eq!(story.refusal(intent("2024-06-01", order("O1", "1"))), ["AGREEMENT_TERMINATED"]);
    let closed = given([
        sign("100"),
        fact("2024-05-01", close_agreement()),
        fact("2024-09-01", close_agreement()),
    ]);
    assert_eq!(closed.refusal(intent("2024-06-01", order("O1", "1"))), ["AGREEMENT_CLOSED"]);
    let invoiced = closed.when(fact("2024-06-01", invoice("I1", "", "1"))).unwrap();
    assert_eq!(invoiced.finding_names(LATER), ["OFF_ORDER_INVOICE invoice:I1"], "orders only");
}

#[test]
fn a_correction_after_the_closing_names_an_event_reversed_or_not() {
    let closed = given([
        sign("100"),
        intent("2024-01-01", order("O1", "10")),
        fact("2024-05-01", close_agreement()),
    ]);
    let correcting = |number| v1::Event {
        corrects_event_id: Story::event_id(number),
        ..intent("2024-06-01", order("O2", "10"))
    };
    assert_eq!(closed.refusal(correcting(1)), NONE);
    assert_eq!(closed.refusal(correcting(99)), ["UNKNOWN_EVENT"]);
}

#[test]
fn the_last_end_of_an_order_says_what_it_is() {
    let closed = given([
        sign("100"),
        intent("2024-01-01", order("O1", "60")),
        intent("2024-02-01", close("O1")),
    ]);
    let cancelled = closed.when(fact("2024-03-01", cancel("O1"))).unwrap();
    assert_eq!(cancelled.finding_names(LATER), ["ORDER_NOT_OPEN order:O1"]);
    let reclosed = cancelled.when(fact("2024-04-01", close("O1"))).unwrap();
    let changed = reclosed.when(fact("2024-05-01", change("O1", "20"))).unwrap();
    assert_eq!(changed.exposure(LATER), "0.00");
    let invoiced = changed.when(fact("2024-06-01", invoice("I1", "O1", "21"))).unwrap();
    assert!(
        invoiced.finding_names(LATER).contains(&"OVER_INVOICED order:O1".to_owned()),
        "against the value that a change set after the end"
    );
}

#[test]
fn an_order_counts_beside_its_reservation_from_the_day_after_the_expiry() {
    let story = given([
        sign("100"),
        intent("2024-01-01", reserve("R1", "60", "2024-01-31")),
        intent("2024-02-01", order("O1", "60")),
    ]);
    let of = |amount| Payload::OrderPlaced(using("O2", amount, "R1"));
    assert_eq!(story.refusal(intent("2024-01-10", of("40"))), NONE);
    assert_eq!(story.refusal(intent("2024-01-10", of("40.01"))), ["CEILING_EXCEEDED"]);
}

#[test]
fn a_reservation_is_checked_for_parties_and_closing_but_not_for_the_term() {
    let base = given([sign_as(signed("100", "2023-01-01", "2024-12-31"))]);
    assert_eq!(base.refusal(intent("2025-06-01", reserve("R1", "1", "2025-12-31"))), NONE);
    let strange =
        v1::HeadroomReserved { buyer: org(STRANGER), ..reserved("R1", "1", "2024-01-31") };
    let strange = Payload::HeadroomReserved(strange);
    assert_eq!(base.refusal(intent("2024-01-01", strange.clone())), ["BUYER_NOT_PARTY"]);
    let story = base.when(fact("2024-01-01", strange)).unwrap();
    assert_eq!(story.finding_names(LATER), ["BUYER_NOT_PARTY reservation:R1"], "expired or not");
    let closed = base.when(fact("2024-01-01", close_agreement())).unwrap();
    assert_eq!(
        closed.refusal(intent("2024-02-01", reserve("R1", "1", "2024-12-31"))),
        ["AGREEMENT_CLOSED"]
    );
}

#[test]
fn the_use_of_an_override_outlives_the_override() {
    let story = given([
        sign("100"),
        intent("2024-01-01", grant("V1", "10", "2024-01-31")),
        intent("2024-01-02", order("O1", "106")),
        fact("2024-02-01", reverse(&Story::event_id(1))),
    ]);
    let used = format!("OVERRIDE_USED event:{}", Story::event_id(2));
    assert!(story.finding_names(LATER).contains(&used));
}

#[test]
fn a_negative_invoice_is_owed_by_itself_and_a_credit_note_is_not() {
    let paid = given([
        sign("100"),
        intent("2024-01-01", order("O1", "60")),
        fact("2024-02-01", invoice("I1", "O1", "60")),
        fact("2024-03-01", pay("P1", "I1", "60")),
    ]);
    let lowering = v1::InvoiceReceived {
        corrected_invoice_id: "I1".to_owned(),
        ..invoiced("I2", "O1", "-10")
    };
    let lowered = paid.when(fact("2024-04-01", Payload::InvoiceReceived(lowering))).unwrap();
    assert_eq!(lowered.finding_names(LATER), NONE);
    let credited = paid.when(fact("2024-04-01", credit("C1", "I1", "10"))).unwrap();
    assert_eq!(credited.finding_names(LATER), ["OVERPAID invoice:I1"]);
    let held = paid.when(fact("2024-04-01", withhold("H1", "I1", "10"))).unwrap();
    assert_eq!(held.finding_names(LATER), NONE, "retention does not enter");
}

#[test]
fn what_lowers_a_rejected_invoice_in_a_line_is_no_duplicate_any_more() {
    let negative = |id: &str, corrected: &str| {
        let base = invoiced(id, "", "-10");
        let (number, corrected_invoice_id) = ("7".to_owned(), corrected.to_owned());
        fact(
            "2024-02-01",
            Payload::InvoiceReceived(v1::InvoiceReceived { number, corrected_invoice_id, ..base }),
        )
    };
    let story = given([
        sign("1000"),
        fact("2024-01-01", invoice("I1", "", "100")),
        fact("2024-01-02", {
            let base = invoiced("N1", "", "-20");
            let corrected_invoice_id = "I1".to_owned();
            Payload::InvoiceReceived(v1::InvoiceReceived { corrected_invoice_id, ..base })
        }),
        negative("N2", "N1"),
        negative("N3", "N1"),
    ]);
    let names = story.finding_names("2024-12-31");
    assert_eq!(names, ["OFF_ORDER_INVOICE invoice:I1", "DUPLICATE_INVOICE invoice:N3"]);
    let rejected = story.when(fact("2024-03-01", reject_invoice("I1", "not ours"))).unwrap();
    assert_eq!(rejected.finding_names("2024-12-31"), [""; 0]);
    assert_eq!(rejected.exposure("2024-12-31"), "0.00");
}

#[test]
fn a_payment_that_came_back_keeps_its_id_as_long_as_that_is_known() {
    let story = given([
        sign("1000"),
        fact("2024-01-01", invoice("I1", "", "100")),
        fact("2024-01-02", pay("P1", "I1", "100")),
        fact("2024-01-03", pay_back("P1")),
        fact("2024-01-04", reverse(&Story::event_id(2))),
    ]);
    let again = fact("2024-01-05", pay("P1", "I1", "100"));
    assert_eq!(story.refusal(again.clone()), ["DUPLICATE_CONFLICT"]);
    let freed = story.when(fact("2024-01-06", reverse(&Story::event_id(3)))).unwrap();
    assert_eq!(freed.refusal(again), [""; 0]);
}
