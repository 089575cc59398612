//! Every reason that refuses, in a table; a reason without a case fails.

use std::collections::BTreeSet;

use contract_ledger::domain::reason::Reason;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::given;

mod always;
mod as_intent;

struct Case {
    given: Vec<v1::Event>,
    when: v1::Event,
    then: &'static [&'static str],
}

fn order_with(change: impl Fn(&mut v1::OrderPlaced)) -> Payload {
    let mut order = placed("O9", "1");
    change(&mut order);
    Payload::OrderPlaced(order)
}

fn case(given: Vec<v1::Event>, when: v1::Event, then: &'static [&'static str]) -> Case {
    Case { given, when, then }
}

/// Signed for 2020 to 2024 with a maximum of 100, and one order of 60.
fn base() -> Vec<v1::Event> {
    vec![sign("100"), intent("2024-01-01", order("O1", "60"))]
}

fn with(more: Vec<v1::Event>) -> Vec<v1::Event> {
    [base(), more].concat()
}

fn with_options() -> Vec<v1::Event> {
    let mut terms = signed("100", "2020-01-01", "2021-12-31");
    terms.options = vec![time_option("1", "2022-12-31"), time_option("2", "2023-12-31")];
    terms.options[0].notice_deadline = "2021-10-31".to_owned();
    vec![sign_as(terms)]
}

fn with_reopened_competition() -> Vec<v1::Event> {
    let mut terms = signed("100", "2020-01-01", "2021-12-31");
    terms.framework_kind = v1::FrameworkKind::WithReopenedCompetition.into();
    vec![sign_as(terms)]
}

#[test]
fn every_refusal_has_its_case() {
    let mut seen = BTreeSet::new();
    for Case { given: events, when, then } in always::cases().into_iter().chain(as_intent::cases())
    {
        let told = format!("{when:?}");
        assert_eq!(given(events).refusal(when), then, "{told}");
        seen.extend(then.iter().copied());
    }
    // Told at the edge, before the rules are asked (malformed.rs), or by the ledger (idempotency.rs).
    seen.extend(["UNKNOWN_CURRENCY", "INVALID_ORGANISATION_NUMBER", "VERSION_CONFLICT"]);
    seen.extend(super::finding_table::FINDINGS_ONLY);
    let all: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(seen, all);
}

#[test]
fn what_refuses_an_intent_is_recorded_as_a_fact() {
    for Case { given: events, mut when, then } in as_intent::cases() {
        when.admission_mode = v1::AdmissionMode::Fact.into();
        let when_is_no_order = !matches!(when.payload, Some(Payload::OrderPlaced(_)));
        let told = format!("{when:?}");
        let story = given(events).when(when);
        let names = story.unwrap_or_else(|refusals| panic!("{told}: {refusals:?}"));
        let names = names.finding_names("2025-12-31").join(", ");
        // After the closing, only an order is a finding.
        let other = when_is_no_order && then == ["AGREEMENT_CLOSED"];
        for reason in then.iter().filter(|_| !other) {
            assert!(names.contains(reason), "{told}: {reason} is not among {names}");
        }
    }
}

#[test]
fn a_refusal_reports_the_day_with_the_largest_excess() {
    let story = given([
        sign("100"),
        intent("2024-03-01", order("O1", "60")),
        intent("2024-06-01", order("O2", "30")),
        intent("2024-09-01", cancel("O2")),
    ]);
    let refusals = story.when(intent("2024-01-01", order("O3", "50"))).map(|_| ()).unwrap_err();
    let breach = refusals[0].breach.as_ref().unwrap();
    assert_eq!(refusals[0].date.unwrap().to_string(), "2024-06-01");
    let figures =
        [breach.requested, breach.remaining, breach.excess].map(|money| money.to_string());
    assert_eq!(figures, ["50.00 NOK", "10.00 NOK", "40.00 NOK"]);
}

#[test]
fn a_reduction_is_never_refused_even_above_the_ceiling() {
    let over = given([
        sign("100"),
        intent("2024-01-01", order("O1", "60")),
        fact("2024-01-02", order("O2", "80")),
    ]);
    assert_eq!(over.refusal(intent("2024-01-03", change("O2", "79"))), [""; 0]);
    assert_eq!(over.refusal(intent("2024-01-03", cancel("O1"))), [""; 0]);
    assert_eq!(over.refusal(intent("2024-01-03", change("O2", "81"))), ["CEILING_EXCEEDED"]);
}

#[test]
fn an_estimate_refuses_nothing() {
    let mut terms = signed("100", "2020-01-01", "2024-12-31");
    terms.ceilings[0].kind = v1::CeilingKind::Estimate.into();
    let story = given([sign_as(terms), intent("2024-01-01", order("O1", "150"))]);
    let names = story.finding_names("2025-12-31");
    assert_eq!(names, ["ESTIMATE_EXCEEDED agreement"]);
}

#[test]
fn amounts_that_would_leave_every_bound_are_refused() {
    let huge = "999999999999999999.99";
    let mut story = given([sign(huge)]);
    let mut accepted = 0_u32;
    // Each fact adds almost 10^18; the agreement may hold 10^23 in all.
    let refused = loop {
        let id = format!("I{accepted}");
        match story.when(fact("2024-01-01", invoice(&id, "", huge))) {
            Ok(next) if accepted < 30 => story = next,
            Ok(_) => break Vec::new(),
            Err(refusals) => break refusals,
        }
        accepted += 1;
    };
    assert!(refused.is_empty(), "thirty of them fit: {refused:?}");
    assert_eq!(story.exposure("2024-01-01"), "29999999999999999999.70");
}
