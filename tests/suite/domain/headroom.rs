//! Reservations and overrides.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::{Story, given};

const NONE: [&str; 0] = [];

fn using(id: &str, amount: &str, reservation_id: &str) -> Payload {
    let reservation_id = reservation_id.to_owned();
    Payload::OrderPlaced(v1::OrderPlaced { reservation_id, ..placed(id, amount) })
}

fn sums(story: &Story, as_of: &str) -> (String, String) {
    let usage = story.usage(as_of);
    let sums = usage.scopes[0].sums;
    (sums.reserved.to_text(usage.currency), sums.exposure.to_text(usage.currency))
}

fn pair(reserved: &str, exposure: &str) -> (String, String) {
    (reserved.to_owned(), exposure.to_owned())
}

#[test]
fn a_reservation_counts_until_its_expiry_without_any_event() {
    let story = given([sign("100"), intent("2024-01-01", reserve("R1", "60", "2024-01-31"))]);
    assert_eq!(sums(&story, "2023-12-31"), pair("0.00", "0.00"));
    assert_eq!(sums(&story, "2024-01-31"), pair("60.00", "60.00"), "its last day included");
    assert_eq!(sums(&story, "2024-02-01"), pair("0.00", "0.00"));
    assert_eq!(story.refusal(intent("2024-01-31", order("O1", "40.01"))), ["CEILING_EXCEEDED"]);
    assert_eq!(story.refusal(intent("2024-02-01", order("O1", "100"))), NONE);
}

#[test]
fn an_order_uses_up_what_is_open_and_leaves_the_rest() {
    let reserved = given([sign("100"), intent("2024-01-01", reserve("R1", "60", "2024-12-31"))]);
    let part = reserved.when(intent("2024-02-01", using("O1", "45", "R1"))).unwrap();
    assert_eq!(sums(&part, "2024-02-01"), pair("15.00", "60.00"));
    let all = part.when(intent("2024-03-01", using("O2", "55", "R1"))).unwrap();
    assert_eq!(sums(&all, "2024-03-01"), pair("0.00", "100.00"), "15 of it from the reservation");
    assert_eq!(
        part.refusal(intent("2024-03-01", using("O2", "55.01", "R1"))),
        ["CEILING_EXCEEDED"]
    );

    let cancelled = part.when(intent("2024-02-02", cancel("O1"))).unwrap();
    assert_eq!(sums(&cancelled, "2024-02-02"), pair("15.00", "15.00"), "not given back");
    let reversed = part.when(fact("2024-02-02", reverse(&Story::event_id(2)))).unwrap();
    assert_eq!(sums(&reversed, "2024-02-02"), pair("60.00", "60.00"), "it never was used");
    let released = part.when(intent("2024-02-03", release("R1"))).unwrap();
    assert_eq!(sums(&released, "2024-02-02"), pair("15.00", "60.00"));
    assert_eq!(sums(&released, "2024-02-03"), pair("0.00", "45.00"));
}

#[test]
fn an_order_after_the_expiry_uses_nothing() {
    let story = given([
        sign("100"),
        intent("2024-01-01", reserve("R1", "60", "2024-01-31")),
        intent("2024-02-01", using("O1", "10", "R1")),
    ]);
    assert_eq!(sums(&story, "2024-01-31"), pair("60.00", "60.00"));
    assert_eq!(sums(&story, "2024-02-01"), pair("0.00", "10.00"));
}

#[test]
fn an_override_is_used_up_as_it_is_used() {
    let story = given([
        sign("100"),
        intent("2024-01-01", grant("V1", "10", "2024-01-31")),
        intent("2024-01-02", order("O1", "106")),
    ]);
    assert_eq!(story.refusal(intent("2024-01-31", order("O2", "4"))), NONE);
    assert_eq!(story.refusal(intent("2024-01-31", order("O2", "4.01"))), ["CEILING_EXCEEDED"]);
    assert_eq!(story.refusal(intent("2024-02-01", order("O2", "1"))), ["CEILING_EXCEEDED"]);
    assert_eq!(story.refusal(intent("2023-12-31", order("O2", "1"))), ["CEILING_EXCEEDED"]);
    // Of several the largest counts; they do not add up.
    let larger = story.when(intent("2024-01-03", grant("V2", "12", "2024-01-31"))).unwrap();
    assert_eq!(larger.refusal(intent("2024-01-03", order("O2", "6"))), NONE);
    assert_eq!(larger.refusal(intent("2024-01-03", order("O2", "6.01"))), ["CEILING_EXCEEDED"]);
}

#[test]
fn the_use_of_an_override_clears_only_with_the_order_that_needed_it() {
    let used = format!("OVERRIDE_USED event:{}", Story::event_id(2));
    let story = given([
        sign("100"),
        intent("2024-01-01", grant("V1", "10", "2024-01-31")),
        intent("2024-01-02", order("O1", "106")),
        intent("2024-01-03", change("O1", "50")),
    ]);
    assert_eq!(story.finding_names("2024-12-31"), std::slice::from_ref(&used));
    let reversed = story.when(fact("2024-01-04", reverse(&Story::event_id(2)))).unwrap();
    let names = reversed.finding_names("2024-12-31");
    assert!(!names.contains(&used), "{names:?}");
}

#[test]
fn an_override_without_two_persons_has_no_effect_and_is_a_finding() {
    let alone = v1::OverrideGranted {
        seconded_by: "person-1".to_owned(),
        ..granted("V1", "10", "2024-01-31")
    };
    let story = given([sign("100"), fact("2024-01-01", Payload::OverrideGranted(alone))]);
    assert_eq!(story.finding_names("2024-12-31"), ["SEPARATION_OF_DUTIES override:V1"]);
    assert_eq!(story.refusal(intent("2024-01-02", order("O1", "101"))), ["CEILING_EXCEEDED"]);
}
