//! What is agreed and how it changes: amendments, index, suspension, termination, closing, policy.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::{Story, given};

const NONE: [&str; 0] = [];

fn ceiling_on(story: &Story, as_of: &str) -> String {
    let usage = story.usage(as_of);
    usage.scopes[0].ceiling.to_text(usage.currency)
}

#[test]
fn s7_amendments() {
    let threshold = v1::ThresholdPolicySet { eea_threshold: nok("2300000"), ..Default::default() };
    let base =
        |ceiling: &str| given([sign(ceiling), intent("2020-01-01", set_policy(threshold.clone()))]);
    let minv =
        |id: &str, change: &str| intent("2021-01-01", amend(id, v1::LegalBasis::ModMinv, change));
    let fine = base("12000000").when(minv("A1", "800000.00")).unwrap();
    let fine = fine.when(minv("A2", "399999.99")).unwrap();
    assert_eq!(fine.finding_names("2024-12-31"), NONE);
    let over = fine.when(minv("A3", "0.01")).unwrap();
    assert_eq!(over.finding_names("2024-12-31"), ["AMENDMENT_DE_MINIMIS agreement"]);
    assert_eq!(over.findings("2024-12-31")[0].amount.unwrap().to_string(), "1200000.00 NOK");
    // It clears when the sum falls back.
    let back = over.when(minv("A4", "-0.01")).unwrap();
    assert_eq!(back.finding_names("2024-12-31"), NONE);
    assert_eq!(ceiling_on(&back, "2024-12-31"), "13199999.99");

    let wss = |change| intent("2021-01-01", amend("B1", v1::LegalBasis::AddWss, change));
    let half = base("12000000").when(wss("6000000.00")).unwrap();
    assert_eq!(half.finding_names("2024-12-31"), NONE);
    let more = base("12000000").when(wss("6000000.01")).unwrap();
    assert_eq!(more.finding_names("2024-12-31"), ["AMENDMENT_OVER_HALF amendment:B1"]);

    let large = base("30000000").when(minv("A1", "2400000")).unwrap();
    assert_eq!(large.finding_names("2024-12-31"), ["AMENDMENT_DE_MINIMIS agreement"]);
}

#[test]
fn works_have_a_share_of_fifteen_per_cent() {
    let works = v1::AgreementSigned {
        nature: v1::ContractNature::Works.into(),
        ..signed("1000", "2020-01-01", "2024-12-31")
    };
    let minv = |change| intent("2021-01-01", amend("A1", v1::LegalBasis::ModMinv, change));
    let at = |change| given([sign_as(works.clone()), minv(change)]).finding_names("2024-12-31");
    assert_eq!(at("149.99"), NONE);
    assert_eq!(at("150"), ["AMENDMENT_DE_MINIMIS agreement"]);
}

#[test]
fn an_amendment_changes_parties_lots_and_the_end_from_its_day() {
    let change = v1::AgreementAmended {
        added_suppliers: vec![v1::Organisation { id: org(OTHER_SUPPLIER), ..Default::default() }],
        removed_suppliers: org(SUPPLIER).into_iter().collect(),
        added_lots: vec![v1::Lot { lot_id: "L1".to_owned(), ..Default::default() }],
        new_end_date: "2025-06-30".to_owned(),
        ..amended("A1", v1::LegalBasis::ModRepl, "")
    };
    let story = given([sign("100"), intent("2024-06-01", Payload::AgreementAmended(change))]);
    let to = |supplier: &str, lot: &str, date: &str| {
        let order = v1::OrderPlaced {
            supplier: org(supplier),
            lot_id: lot.to_owned(),
            ..placed("O1", "1")
        };
        story.refusal(intent(date, Payload::OrderPlaced(order)))
    };
    assert_eq!(to(SUPPLIER, "", "2024-05-31"), NONE);
    assert_eq!(to(SUPPLIER, "", "2024-06-01"), ["SUPPLIER_NOT_PARTY"]);
    assert_eq!(to(OTHER_SUPPLIER, "", "2024-05-31"), ["SUPPLIER_NOT_PARTY"]);
    assert_eq!(to(OTHER_SUPPLIER, "L1", "2025-06-30"), NONE);
    assert_eq!(to(OTHER_SUPPLIER, "L1", "2025-07-01"), ["AGREEMENT_EXPIRED"]);
    assert_eq!(to(SUPPLIER, "L1", "2024-05-31"), ["UNKNOWN_LOT"]);
}

#[test]
fn an_amendment_gives_a_scope_without_a_ceiling_one() {
    let lot = || scope(v1::scope::Scope::LotId("L1".to_owned()));
    let terms = v1::AgreementSigned {
        lots: vec![v1::Lot { lot_id: "L1".to_owned(), ..Default::default() }],
        ..signed("100", "2020-01-01", "2024-12-31")
    };
    let order = |id: &str, amount: &str| {
        let lot_id = "L1".to_owned();
        Payload::OrderPlaced(v1::OrderPlaced { lot_id, ..placed(id, amount) })
    };
    let change = v1::AgreementAmended {
        ceiling_changes: vec![v1::CeilingChange { scope: lot(), change: nok("30") }],
        ..amended("A1", v1::LegalBasis::ModRev, "")
    };
    let story = given([
        sign_as(terms),
        intent("2024-01-01", order("O1", "20")),
        intent("2024-06-01", Payload::AgreementAmended(change)),
    ]);
    assert_eq!(story.usage("2024-05-31").scopes.len(), 1);
    let usage = story.usage("2024-06-01");
    assert_eq!(
        usage.scopes[1].sums.exposure.to_text(usage.currency),
        "20.00",
        "it counts from the start"
    );
    assert_eq!(story.refusal(intent("2024-06-01", order("O2", "10.01"))), ["CEILING_EXCEEDED"]);
}

#[test]
fn ceilings_follow_the_index_only_when_agreed() {
    let indexed = v1::AgreementSigned {
        ceiling_indexed: true,
        ..signed("1000.01", "2020-01-01", "2024-12-31")
    };
    let plain = given([sign("1000.01"), intent("2021-01-01", index_prices("1.0345"))]);
    assert_eq!(ceiling_on(&plain, "2024-12-31"), "1000.01");
    let story = given([sign_as(indexed), intent("2021-01-01", index_prices("1.0345"))]);
    assert_eq!(ceiling_on(&story, "2020-12-31"), "1000.01");
    assert_eq!(ceiling_on(&story, "2021-01-01"), "1034.51", "rounded once");
    let used = story.when(intent("2021-02-01", order("O1", "1000"))).unwrap();
    assert_eq!(used.refusal(intent("2021-03-01", index_prices("0.9"))), ["CEILING_BELOW_EXPOSURE"]);
}

#[test]
fn a_ceiling_lowered_as_a_fact_under_what_is_used_is_a_finding() {
    let story = given([
        sign("100"),
        intent("2024-01-01", order("O1", "60")),
        fact("2024-02-01", amend("A1", v1::LegalBasis::ModRev, "-50")),
    ]);
    let names = story.finding_names("2024-12-31");
    assert_eq!(names, ["CEILING_BELOW_EXPOSURE amendment:A1", "CEILING_EXCEEDED agreement"]);
    assert_eq!(story.findings("2024-12-31")[0].amount.unwrap().to_string(), "10.00 NOK");
}

#[test]
fn suspension_blocks_from_its_day_until_the_resumption() {
    let story = given([
        sign("100"),
        intent("2024-02-01", suspend("a complaint")),
        intent("2024-03-01", resume()),
    ]);
    let on = |date| story.refusal(intent(date, order("O1", "1")));
    assert_eq!(on("2024-01-31"), NONE);
    assert_eq!(on("2024-02-01"), ["AGREEMENT_SUSPENDED"]);
    assert_eq!(on("2024-02-29"), ["AGREEMENT_SUSPENDED"]);
    assert_eq!(on("2024-03-01"), NONE);
    let fact = story.when(fact("2024-02-10", order("O1", "7"))).unwrap();
    assert_eq!(fact.finding_names("2024-12-31"), ["AGREEMENT_SUSPENDED order:O1"]);
    assert_eq!(fact.findings("2024-12-31")[0].amount.unwrap().to_string(), "7.00 NOK");
}

#[test]
fn termination_and_closing_block_the_days_after_and_never_change_an_order() {
    let story = given([
        sign("100"),
        intent("2024-01-01", order("O1", "30")),
        intent("2024-02-01", terminate("a breach")),
        intent("2024-03-01", close_agreement()),
    ]);
    assert_eq!(story.exposure("2024-12-31"), "30.00");
    assert_eq!(story.refusal(intent("2024-02-01", order("O2", "1"))), NONE);
    assert_eq!(story.refusal(intent("2024-02-02", order("O2", "1"))), ["AGREEMENT_TERMINATED"]);
    let both = ["AGREEMENT_TERMINATED", "AGREEMENT_CLOSED"];
    assert_eq!(story.refusal(intent("2024-03-02", order("O2", "1"))), both);
    // The end of what was begun is a fact; after the closing only corrections are accepted as intents.
    assert_eq!(story.refusal(intent("2024-03-02", change("O1", "1"))), ["AGREEMENT_CLOSED"]);
    assert_eq!(story.refusal(fact("2024-03-02", invoice("I1", "O1", "30"))), NONE);
    let correction = v1::Event {
        corrects_event_id: Story::event_id(1),
        ..intent("2024-03-02", change("O1", "1"))
    };
    assert_eq!(story.refusal(correction), NONE);
    assert_eq!(story.refusal(intent("2024-03-02", grant("V1", "1", "2024-04-01"))), NONE);
}

#[test]
fn a_policy_holds_from_its_day_and_leaves_older_answers_alone() {
    let steps = v1::ThresholdPolicySet {
        warning_steps_ppm: vec![500_000, 725_000],
        late_registration_days: Some(5),
        ..Default::default()
    };
    let story = given([
        sign("100"),
        intent("2024-01-01", order("O1", "73")),
        intent("2024-06-01", set_policy(steps)),
    ]);
    assert_eq!(story.all_finding_names("2024-05-31"), ["THRESHOLD_REACHED agreement@70"]);
    let names = story.all_finding_names("2024-06-01");
    assert_eq!(names, ["THRESHOLD_REACHED agreement@50", "THRESHOLD_REACHED agreement@72.5"]);
    let late = story.when(fact("2024-05-20", order("O2", "1"))).unwrap();
    assert!(
        !late.all_finding_names("2024-12-31").join(",").contains("LATE"),
        "12 days, by the old policy"
    );
    let late = late.when(fact("2024-06-10", order("O3", "1"))).unwrap();
    let late = late.when(fact("2024-06-04", order("O4", "1"))).unwrap();
    let names = late.all_finding_names("2024-12-31");
    let id = Story::event_id(5);
    assert!(
        names.contains(&format!("LATE_REGISTRATION event:{id}")),
        "6 days, by the new: {names:?}"
    );
}

#[test]
fn a_rejected_invoice_and_its_credit_notes_stop_counting() {
    let story = given([
        sign("1000"),
        intent("2024-01-01", order("O1", "100")),
        intent("2024-01-02", close("O1")),
        fact("2024-02-01", invoice("I1", "O1", "60")),
        fact("2024-02-02", credit("C1", "I1", "10")),
        fact("2024-02-03", dispute("I1", "too much")),
    ]);
    assert_eq!(story.exposure("2024-12-31"), "50.00", "a disputed one goes on counting");
    let rejected = story.when(fact("2024-03-01", reject_invoice("I1", "not ours"))).unwrap();
    assert_eq!(rejected.exposure("2024-02-29"), "50.00");
    assert_eq!(rejected.exposure("2024-03-01"), "0.00");
    assert_eq!(rejected.finding_names("2024-12-31"), NONE, "nothing is told of it any more");
    let reversed = rejected.when(fact("2024-03-02", reverse(&Story::event_id(6)))).unwrap();
    assert_eq!(reversed.exposure("2024-12-31"), "50.00");
}

#[test]
fn an_order_reopened_counts_again_with_its_last_value() {
    let story = given([
        sign("100"),
        intent("2024-01-01", order("O1", "40")),
        intent("2024-01-02", change("O1", "50")),
        intent("2024-01-03", cancel("O1")),
        intent("2024-01-04", order("O2", "60")),
    ]);
    assert_eq!(story.exposure("2024-12-31"), "60.00");
    assert_eq!(story.refusal(intent("2024-01-05", reopen("O1"))), ["CEILING_EXCEEDED"]);
    let reopened = story.when(fact("2024-01-05", reopen("O1"))).unwrap();
    assert_eq!(reopened.exposure("2024-12-31"), "110.00");
}

#[test]
fn what_people_do_about_a_finding_shows_and_is_forgotten_when_it_opens_again() {
    use contract_ledger::domain::finding::Handling;
    let story = given([sign("100"), fact("2024-01-01", order("O1", "150"))]);
    let finding = &story.findings("2024-12-31")[0];
    let id = finding.key.id(story.agreement.id()).to_string();
    let waived = story.when(intent("2024-02-01", waive(&id, "decided by the council"))).unwrap();
    assert_eq!(waived.findings("2024-12-31")[0].handling, Handling::Waived);
    assert_eq!(waived.findings("2024-12-31")[0].handled.unwrap().get(), 2);
    assert_eq!(waived.findings("2024-01-31")[0].handling, Handling::None, "not yet on that day");
    let cleared = waived.when(intent("2024-03-01", change("O1", "50"))).unwrap();
    let again = cleared.when(fact("2024-04-01", change("O1", "120"))).unwrap();
    let finding = &again.findings("2024-12-31")[0];
    assert_eq!((finding.episode, finding.handling), (2, Handling::None));
    let seen = again.when(intent("2024-04-02", acknowledge(&id))).unwrap();
    let tracker = seen.agreement.tracker();
    let episodes = tracker.cleared().chain(tracker.open());
    let episodes = episodes.filter(|one| one.key == finding.key).map(|one| one.handling);
    let expected = [Handling::Waived, Handling::Acknowledged];
    assert_eq!(episodes.collect::<Vec<_>>(), expected, "each episode keeps what was done about it");
    let taken_back = waived.when(fact("2024-02-02", reverse(&Story::event_id(2)))).unwrap();
    assert_eq!(taken_back.findings("2024-12-31")[0].handling, Handling::None);
    assert_eq!(story.refusal(intent("2024-02-01", waive(&id, " "))), ["REASON_MISSING"]);
}

#[test]
fn an_option_done_wrong_again_is_a_finding_since_the_first_time() {
    let story = given([
        sign("100"),
        fact("2024-03-01", option("9")),
        fact("2024-05-01", option("9")),
        fact("2024-04-01", option("9")),
    ]);
    let since = |as_of: &str| story.findings(as_of)[0].since.to_string();
    assert_eq!(story.finding_names("2024-12-31"), ["OPTION_NOT_AVAILABLE option:9"]);
    assert_eq!(
        (since("2024-03-15"), since("2024-12-31")),
        ("2024-03-01".into(), "2024-03-01".into())
    );
}
