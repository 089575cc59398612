//! Exposure and its parts: what counts, from when, and what a reversal takes out.

use contract_ledger::domain::date::Date;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::{Story, given};

#[test]
fn an_open_order_counts_the_larger_of_ordered_and_invoiced() {
    let story = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "100")),
        fact("2024-01-02", invoice("I1", "O1", "40")),
        fact("2024-01-03", invoice("I2", "O1", "90")),
        fact("2024-01-04", credit("C1", "I2", "50")),
    ]);
    let days = ["2023-12-31", "2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"];
    let seen = days.map(|day| story.exposure(day));
    assert_eq!(seen, ["0.00", "100.00", "100.00", "130.00", "100.00"]);
}

#[test]
fn cancelling_releases_only_what_is_not_invoiced() {
    let invoiced = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "100")),
        fact("2024-01-02", invoice("I1", "O1", "40")),
    ]);
    for end in [cancel("O1"), close("O1")] {
        let ended = invoiced.when(intent("2024-01-03", end)).unwrap();
        assert_eq!(ended.exposure("2024-12-31"), "40.00");
        let usage = ended.usage("2024-12-31");
        assert_eq!(usage.scopes[0].sums.committed.to_text(usage.currency), "0.00");
        let credited = ended.when(fact("2024-01-04", credit("C1", "I1", "60"))).unwrap();
        assert_eq!(credited.exposure("2024-12-31"), "0.00", "an order is never below nothing");
    }
}

#[test]
fn paid_money_includes_vat_and_never_counts() {
    let rate = Some(v1::ExchangeRate { rate: "11.6012".to_owned(), ..Default::default() });
    let net = money("10000.00", "EUR");
    let exchange_rate = Some(v1::ExchangeRate { rate: "11.4567".to_owned(), ..Default::default() });
    let base = invoiced("I1", "", "1");
    let invoice =
        Payload::InvoiceReceived(v1::InvoiceReceived { net: net.clone(), exchange_rate, ..base });
    let paid = Payload::InvoicePaid(v1::InvoicePaid {
        payment_id: "P1".to_owned(),
        invoice_id: "I1".to_owned(),
        amount: net,
        exchange_rate: rate,
        ..Default::default()
    });
    let story = given([sign("1000000"), fact("2024-01-01", invoice), fact("2024-02-01", paid)]);
    let usage = story.usage("2024-12-31");
    let sums = usage.scopes[0].sums;
    assert_eq!(sums.exposure.to_text(usage.currency), "114567.00");
    assert_eq!(sums.paid.to_text(usage.currency), "116012.00");
}

#[test]
fn reversing_the_last_event_restores_the_earlier_sums() {
    let mut events = vec![sign("1000")];
    let more = [
        intent("2024-01-01", order("O1", "100")),
        fact("2024-01-02", invoice("I1", "O1", "140")),
        fact("2024-01-03", credit("C1", "I1", "20")),
        fact("2024-01-04", pay("P1", "I1", "10")),
        intent("2024-01-05", change("O1", "90")),
        intent("2024-01-06", close("O1")),
    ];
    for event in more {
        let before = given(events.clone());
        events.push(event);
        let after = given(events.clone());
        let last = Story::event_id(after.agreement.version().get() - 1);
        let reversed = after.when(fact("2024-06-01", reverse(&last))).unwrap();
        let scopes = |story: &Story| story.usage("2024-12-31").scopes;
        assert_eq!(scopes(&reversed), scopes(&before));
        assert_eq!(reversed.finding_names("2024-12-31"), before.finding_names("2024-12-31"));
    }
}

#[test]
fn a_reversed_placement_leaves_its_invoices_counting() {
    let story = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "100")),
        fact("2024-01-02", invoice("I1", "O1", "40")),
        fact("2024-01-03", reverse(&Story::event_id(1))),
    ]);
    assert_eq!(story.exposure("2024-12-31"), "40.00");
    // The order id is free again, and the invoice attaches to the new order.
    let again = story.when(intent("2024-01-01", order("O1", "50"))).unwrap();
    assert_eq!(again.exposure("2024-12-31"), "50.00");
}

#[test]
fn every_prefix_is_what_was_known_then() {
    let story = given([
        sign("100"),
        fact("2024-03-01", order("O1", "60")),
        fact("2024-01-01", order("O2", "70")),
        fact("2024-02-01", cancel("O2")),
        fact("2024-02-01", reverse(&Story::event_id(2))),
    ]);
    let dates = ["2024-01-15", "2024-02-15", "2024-03-15"].map(|day| Date::parse(day).unwrap());
    for event in story.agreement.events() {
        let prefix = story.agreement.at_version(event.version, Date::END_OF_TIME);
        let folded = story.agreement.refold(
            story.agreement.events().take_while(|earlier| earlier.version <= event.version),
            Date::END_OF_TIME,
        );
        let scope = contract_ledger::domain::scope::Scope::Agreement;
        for date in dates {
            assert_eq!(prefix.sums(&scope, date), folded.sums(&scope, date));
        }
        let open = |agreement: &contract_ledger::domain::agreement::Agreement| {
            agreement.tracker().open().cloned().collect::<Vec<_>>()
        };
        assert_eq!(open(&prefix), open(&folded));
    }
}

#[test]
fn what_is_taken_back_after_what_it_names_leaves_nothing_behind() {
    let as_of = Date::parse("2024-12-31").unwrap();
    let before = given([sign("1000"), fact("2024-01-02", invoice("I1", "", "50"))]);
    let both_reversed = |mut story: Story, events: [Payload; 2]| {
        for payload in events {
            story = story.when(fact("2024-01-03", payload)).unwrap();
        }
        for position in [2, 3] {
            story = story.when(fact("2024-01-04", reverse(&Story::event_id(position)))).unwrap();
        }
        story
    };
    let unpaid = both_reversed(before.clone(), [pay("P1", "I1", "50"), pay_back("P1")]);
    let paid = unpaid.when(fact("2024-01-05", pay("P1", "I1", "50"))).unwrap();
    let usage = paid.usage("2024-12-31");
    assert_eq!(usage.scopes[0].sums.paid.to_text(usage.currency), "50.00");
    assert!(paid.when(fact("2024-01-06", pay_back("P1"))).is_ok());

    let withheld = [withhold("R1", "I1", "20"), release_retention("R1", "20")];
    let unheld = both_reversed(before, withheld);
    let held = unheld.when(fact("2024-01-05", withhold("R1", "I1", "20"))).unwrap();
    assert_eq!(held.agreement.invoices(as_of)[0].retained.to_string(), "20.00 NOK");
}
