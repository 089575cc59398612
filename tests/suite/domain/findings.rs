//! Findings: when they open, what they say, when they clear, and that they come back the same.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::{Story, given};

const NONE: [&str; 0] = [];

#[test]
fn findings_of_documents_open_and_clear_with_their_cause() {
    let mut terms = signed("1000", "2020-01-01", "2024-12-31");
    terms.order_policy = v1::OrderPolicy::NotRequired.into();
    let relaxed = given([sign_as(terms), fact("2024-01-01", invoice("I1", "", "5"))]);
    assert_eq!(relaxed.finding_names("2024-12-31"), NONE);

    let strict = given([sign("1000"), fact("2024-01-01", invoice("I1", "", "5"))]);
    assert_eq!(strict.finding_names("2024-12-31"), ["OFF_ORDER_INVOICE invoice:I1"]);
    assert_eq!(strict.finding_names("2023-12-31"), NONE, "not yet on that day");
    let credited = strict.when(fact("2024-02-01", credit("C1", "I1", "2"))).unwrap();
    let amount = credited.findings("2024-12-31")[0].amount.unwrap();
    assert_eq!(amount.to_string(), "3.00 NOK", "net less credits");
}

#[test]
fn references_that_come_first_attach_by_themselves() {
    let invoice_first = given([sign("1000"), fact("2024-01-02", invoice("I1", "O1", "50"))]);
    assert_eq!(invoice_first.finding_names("2024-12-31"), ["UNKNOWN_ORDER invoice:I1"]);
    assert_eq!(invoice_first.exposure("2024-12-31"), "50.00");
    let placed = invoice_first.when(fact("2024-01-01", order("O1", "80"))).unwrap();
    assert_eq!(placed.finding_names("2024-12-31"), NONE);
    assert_eq!(placed.exposure("2024-12-31"), "80.00");

    let credit_first = given([
        sign("1000"),
        fact("2024-01-03", credit("C1", "I1", "10")),
        fact("2024-01-04", pay("P1", "I1", "62.50")),
    ]);
    let names = credit_first.finding_names("2024-12-31");
    assert_eq!(names, ["UNKNOWN_INVOICE credit_note:C1", "UNKNOWN_INVOICE payment:P1"]);
    assert_eq!(credit_first.exposure("2024-12-31"), "0.00", "an unattached credit has no effect");
    let usage = credit_first.usage("2024-12-31");
    assert_eq!(usage.scopes[0].sums.paid.to_text(usage.currency), "62.50");
    let attached = credit_first.when(fact("2024-01-02", invoice("I1", "", "50"))).unwrap();
    // Paid with VAT that the invoice does not state, and credited: more than is due.
    let both = ["OFF_ORDER_INVOICE invoice:I1", "OVERPAID invoice:I1"];
    assert_eq!(attached.finding_names("2024-12-31"), both);
    assert_eq!(attached.exposure("2024-12-31"), "40.00");
    // Taken out again, the credit and the payment are unattached once more.
    let reversed = attached.when(fact("2024-02-01", reverse(&Story::event_id(3)))).unwrap();
    assert_eq!(reversed.finding_names("2024-12-31"), names);
}

#[test]
fn a_negative_invoice_lowers_the_one_that_it_names() {
    let negative = |corrected: &str| {
        let corrected_invoice_id = corrected.to_owned();
        let base = invoiced("N1", "", "-30");
        Payload::InvoiceReceived(v1::InvoiceReceived { corrected_invoice_id, ..base })
    };
    let before = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "100")),
        fact("2024-01-02", invoice("I1", "O1", "130")),
    ]);
    assert_eq!(before.finding_names("2024-12-31"), ["OVER_INVOICED order:O1"]);
    let lowered = before.when(fact("2024-01-03", negative("I1"))).unwrap();
    assert_eq!(lowered.finding_names("2024-12-31"), NONE);
    assert_eq!(lowered.exposure("2024-12-31"), "100.00");
    let unknown = before.when(fact("2024-01-03", negative("I9"))).unwrap();
    assert!(unknown.finding_names("2024-12-31").contains(&"UNKNOWN_INVOICE invoice:N1".to_owned()));
    assert_eq!(unknown.exposure("2024-12-31"), "100.00", "130 on the order, -30 off it");
}

#[test]
fn a_negative_invoice_that_names_an_unknown_one_counts_off_its_order_too() {
    let base = invoiced("N1", "O1", "-30");
    let corrected_invoice_id = "I9".to_owned();
    let negative = Payload::InvoiceReceived(v1::InvoiceReceived { corrected_invoice_id, ..base });
    let story = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "100")),
        fact("2024-01-03", negative),
    ]);
    assert_eq!(story.finding_names("2024-12-31"), ["UNKNOWN_INVOICE invoice:N1"]);
    assert_eq!(story.exposure("2024-12-31"), "70.00");
    let known = story.when(fact("2024-01-02", invoice("I9", "O1", "110"))).unwrap();
    assert_eq!(known.finding_names("2024-12-31"), NONE);
    assert_eq!(known.exposure("2024-12-31"), "100.00");
}

#[test]
fn an_invoice_after_closing_stays_a_finding() {
    let story = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "100")),
        intent("2024-02-01", close("O1")),
        fact("2024-03-01", invoice("I1", "O1", "10")),
        fact("2024-01-15", invoice("I2", "O1", "20")),
    ]);
    assert_eq!(story.finding_names("2024-12-31"), ["INVOICE_ON_CLOSED_ORDER invoice:I1"]);
    assert_eq!(story.exposure("2024-12-31"), "30.00");
}

#[test]
fn a_moving_rate_alone_never_makes_an_order_over_invoiced() {
    let rate = |rate: &str| Some(v1::ExchangeRate { rate: rate.to_owned(), ..Default::default() });
    let order = v1::OrderPlaced {
        amount: money("100", "EUR"),
        exchange_rate: rate("10"),
        ..placed("O1", "1")
    };
    let invoice = |id: &str, net: &str| {
        let base = invoiced(id, "O1", "1");
        let net = money(net, "EUR");
        Payload::InvoiceReceived(v1::InvoiceReceived { net, exchange_rate: rate("12"), ..base })
    };
    let story = given([
        sign("1000000"),
        intent("2024-01-01", Payload::OrderPlaced(order)),
        fact("2024-01-02", invoice("I1", "100")),
    ]);
    assert_eq!(story.exposure("2024-12-31"), "1200.00");
    assert_eq!(story.finding_names("2024-12-31"), NONE);
    let over = story.when(fact("2024-01-03", invoice("I2", "0.01"))).unwrap();
    let finding = &over.findings("2024-12-31")[0];
    assert_eq!(finding.key.rule.name(), "OVER_INVOICED");
    assert_eq!(finding.amount.unwrap().to_string(), "0.01 EUR");
}

#[test]
fn an_option_recorded_late_clears_the_finding_on_an_expired_agreement() {
    let mut terms = signed("1000", "2023-01-01", "2024-12-31");
    terms.options = vec![time_option("1", "2025-12-31")];
    let expired = given([sign_as(terms), fact("2025-01-10", order("O3", "100"))]);
    assert_eq!(expired.finding_names("2025-12-31"), ["AGREEMENT_EXPIRED order:O3"]);
    let amount = expired.findings("2025-12-31")[0].amount.unwrap();
    assert_eq!(amount.to_string(), "100.00 NOK");
    let prolonged = expired.when(fact("2024-12-20", option("1"))).unwrap();
    assert_eq!(prolonged.finding_names("2025-12-31"), NONE);
    let cleared: Vec<_> = prolonged.agreement.tracker().cleared().collect();
    assert_eq!(cleared[0].key.rule.name(), "AGREEMENT_EXPIRED");
    // Taken out, the finding is back: the second time.
    let again = prolonged.when(fact("2025-02-01", reverse(&Story::event_id(2)))).unwrap();
    assert_eq!(again.findings("2025-12-31")[0].episode, 2);
}

#[test]
fn an_untimely_option_recorded_as_a_fact_still_takes_effect() {
    let mut terms = signed("1000", "2023-01-01", "2024-12-31");
    terms.options = vec![time_option("1", "2025-12-31"), time_option("2", "2026-12-31")];
    let story = given([sign_as(terms), fact("2025-02-01", option("2"))]);
    let names = story.finding_names("2025-12-31");
    assert_eq!(names, ["OPTION_NOT_AVAILABLE option:2", "OPTION_LATE option:2"]);
    let end = |as_of: &str| {
        let date = contract_ledger::domain::date::Date::parse(as_of).unwrap();
        story.agreement.charter().unwrap().stage_at(date).end.to_string()
    };
    assert_eq!(
        (end("2025-01-31"), end("2025-02-01")),
        ("2024-12-31".to_owned(), "2026-12-31".to_owned())
    );
}

#[test]
fn a_volume_option_adds_money_from_its_day_and_no_time() {
    let mut terms = signed("100", "2023-01-01", "2024-12-31");
    terms.options = vec![v1::AgreementOption {
        option_id: "V".to_owned(),
        kind: v1::OptionKind::Volume.into(),
        scope: Some(v1::Scope { scope: Some(v1::scope::Scope::Agreement(true)) }),
        amount: nok("50"),
        ..Default::default()
    }];
    let story = given([sign_as(terms), intent("2024-06-01", option("V"))]);
    let ceiling = |as_of: &str| {
        let usage = story.usage(as_of);
        usage.scopes[0].ceiling.to_text(usage.currency)
    };
    assert_eq!(
        (ceiling("2024-05-31"), ceiling("2024-06-01")),
        ("100.00".to_owned(), "150.00".to_owned())
    );
    assert_eq!(story.refusal(intent("2024-05-31", order("O1", "101"))), ["CEILING_EXCEEDED"]);
    assert_eq!(story.refusal(intent("2024-06-01", order("O1", "150"))), NONE);
    assert_eq!(story.refusal(intent("2025-01-01", order("O1", "1"))), ["AGREEMENT_EXPIRED"]);
}

#[test]
fn an_organisation_number_that_fails_is_a_finding_on_what_did_happen() {
    let base = invoiced("I1", "", "5");
    let wrong = v1::InvoiceReceived { supplier: org("920125299"), ..base };
    let story = given([sign("100"), fact("2024-01-01", Payload::InvoiceReceived(wrong))]);
    let names = story.finding_names("2024-12-31");
    assert_eq!(names, ["INVALID_ORGANISATION_NUMBER invoice:I1", "OFF_ORDER_INVOICE invoice:I1"]);
}

#[test]
fn a_breach_is_dated_from_its_first_unbroken_day() {
    let story = given([
        sign("100"),
        fact("2024-01-01", order("O1", "150")),
        fact("2024-02-01", cancel("O1")),
        fact("2024-03-01", order("O2", "120")),
        fact("2024-04-01", order("O3", "10")),
    ]);
    let finding = &story.findings("2024-12-31")[0];
    assert_eq!(finding.since.to_string(), "2024-03-01");
    assert_eq!(finding.amount.unwrap().to_string(), "30.00 NOK");
    assert_eq!(story.findings("2024-01-15")[0].since.to_string(), "2024-01-01");
    assert_eq!(story.finding_names("2024-02-15"), NONE);
}

#[test]
fn a_change_before_the_placement_is_a_finding_already_on_its_own_day() {
    let story = given([
        sign("1000"),
        fact("2024-06-01", order("O1", "100")),
        fact("2024-02-01", change("O1", "50")),
    ]);
    assert_eq!(story.finding_names("2024-03-01"), ["ORDER_NOT_OPEN order:O1"]);
    assert_eq!(story.exposure("2024-12-31"), "100.00");
}
