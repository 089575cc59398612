//! Every rule whose breach is only ever a finding, in a table; a rule without a case fails.

use std::collections::BTreeSet;

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::{Story, given};

/// Rules that never refuse. The others have their case among the refusals.
pub(super) const FINDINGS_ONLY: [&str; 15] = [
    "ESTIMATE_EXCEEDED",
    "THRESHOLD_REACHED",
    "OVERRIDE_USED",
    "OVER_INVOICED",
    "INVOICE_ON_CLOSED_ORDER",
    "OFF_ORDER_INVOICE",
    "DUPLICATE_INVOICE",
    "DUPLICATE_CREDIT",
    "OVERPAID",
    "AMENDMENT_DE_MINIMIS",
    "AMENDMENT_OVER_HALF",
    "TERM_OVER_FOUR_YEARS",
    "LATE_REGISTRATION",
    "SPLIT_SUSPECTED",
    "FORECAST_RUNS_OUT_EARLY",
];

const AS_OF: &str = "2024-12-31";

/// What happened, and the findings that it leaves as of the end of 2024: rule, subject, amount.
struct Case {
    given: Vec<v1::Event>,
    then: &'static [&'static str],
}

fn case(given: Vec<v1::Event>, then: &'static [&'static str]) -> Case {
    Case { given, then }
}

/// Ten times room, so that no warning step is reached by the way.
fn roomy(more: Vec<v1::Event>) -> Vec<v1::Event> {
    [vec![sign("1000000")], more].concat()
}

fn same_number(id: &str, change: impl Fn(&mut v1::InvoiceReceived)) -> v1::Event {
    let mut invoice = v1::InvoiceReceived { number: "7".to_owned(), ..invoiced(id, "O1", "10") };
    change(&mut invoice);
    fact("2024-02-02", Payload::InvoiceReceived(invoice))
}

fn same_credit(id: &str) -> v1::Event {
    let Payload::CreditNoteReceived(mut credit) = credit(id, "I1", "2") else { unreachable!() };
    credit.number = "8".to_owned();
    fact("2024-02-03", Payload::CreditNoteReceived(credit))
}

fn part(id: &str, amount: &str) -> Payload {
    Payload::OrderPlaced(v1::OrderPlaced {
        department: "roads".to_owned(),
        cpv_code: "45233141".to_owned(),
        ..placed(id, amount)
    })
}

fn watched(events: Vec<v1::Event>) -> Vec<v1::Event> {
    let threshold = v1::ThresholdPolicySet { split_threshold: nok("100"), ..Default::default() };
    roomy([vec![intent("2020-01-01", set_policy(threshold))], events].concat())
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let order_one = || intent("2024-02-01", order("O1", "100"));
    let estimate = {
        let mut terms = signed("100", "2020-01-01", "2024-12-31");
        terms.ceilings[0].kind = v1::CeilingKind::Estimate.into();
        sign_as(terms)
    };
    let long = v1::AgreementSigned {
        term_justification: String::new(),
        options: vec![time_option("1", "2024-01-01")],
        ..signed("1000000", "2020-01-01", "2023-12-31")
    };
    vec![
        case(
            vec![estimate, intent("2024-01-01", order("O1", "101"))],
            &[
                "ESTIMATE_EXCEEDED agreement 1.00",
                "THRESHOLD_REACHED agreement@70",
                "THRESHOLD_REACHED agreement@85",
                "THRESHOLD_REACHED agreement@95",
                "FORECAST_RUNS_OUT_EARLY agreement",
            ],
        ),
        case(
            vec![sign("1000"), intent("2024-12-01", order("O1", "700"))],
            &["THRESHOLD_REACHED agreement@70"],
        ),
        case(
            vec![
                sign("100"),
                intent("2024-12-01", grant("V1", "5", "2024-12-31")),
                intent("2024-12-02", order("O1", "104")),
            ],
            &[
                "CEILING_EXCEEDED agreement 4.00",
                "THRESHOLD_REACHED agreement@70",
                "THRESHOLD_REACHED agreement@85",
                "THRESHOLD_REACHED agreement@95",
                "OVERRIDE_USED event:00000000-0000-0000-0000-000000000003 4.00",
                "FORECAST_RUNS_OUT_EARLY agreement",
            ],
        ),
        case(
            roomy(vec![order_one(), fact("2024-02-02", invoice("I1", "O1", "100.01"))]),
            &["OVER_INVOICED order:O1 0.01"],
        ),
        case(
            roomy(vec![
                order_one(),
                intent("2024-02-02", close("O1")),
                fact("2024-02-03", invoice("I1", "O1", "3")),
            ]),
            &["INVOICE_ON_CLOSED_ORDER invoice:I1 3.00"],
        ),
        case(
            roomy(vec![fact("2024-02-03", invoice("I1", "", "3"))]),
            &["OFF_ORDER_INVOICE invoice:I1 3.00"],
        ),
        case(
            roomy(vec![order_one(), same_number("I1", |_| {}), same_number("I2", |_| {})]),
            &["DUPLICATE_INVOICE invoice:I2 10.00"],
        ),
        // Another kind, date, sign or supplier is another document.
        case(
            roomy(vec![
                order_one(),
                same_number("I1", |_| {}),
                same_number("I2", |one| one.kind = v1::InvoiceKind::Prepayment.into()),
                same_number("I3", |one| one.issue_date = "2024-01-02".to_owned()),
                same_number("I4", |one| one.net = nok("-10")),
                same_number("I5", |one| one.supplier = org(OTHER_SUPPLIER)),
            ]),
            &[],
        ),
        // The same file is the same document, whatever stands on it.
        case(
            roomy(vec![
                order_one(),
                same_number("I1", |one| one.document_sha256 = "a".repeat(64)),
                same_number("I2", |one| {
                    one.number = "9".to_owned();
                    one.document_sha256 = "a".repeat(64);
                }),
            ]),
            &["DUPLICATE_INVOICE invoice:I2 10.00"],
        ),
        case(
            roomy(vec![
                order_one(),
                same_number("I1", |_| {}),
                same_credit("C1"),
                same_credit("C2"),
            ]),
            &["DUPLICATE_CREDIT credit_note:C2 2.00"],
        ),
        case(
            roomy(vec![
                order_one(),
                fact("2024-02-02", invoice("I1", "O1", "80")),
                fact("2024-03-01", pay("P1", "I1", "50")),
                fact("2024-03-02", pay("P2", "I1", "30.01")),
            ]),
            &["OVERPAID invoice:I1 0.01"],
        ),
        case(
            roomy(vec![intent("2024-02-01", amend("A1", v1::LegalBasis::ModMinv, "100000"))]),
            &["AMENDMENT_DE_MINIMIS agreement 100000.00"],
        ),
        case(
            roomy(vec![intent("2024-02-01", amend("A1", v1::LegalBasis::AddWss, "500000.01"))]),
            &["AMENDMENT_OVER_HALF amendment:A1 500000.01"],
        ),
        case(vec![sign_as(long)], &["TERM_OVER_FOUR_YEARS agreement"]),
        case(
            roomy(vec![
                intent("2024-02-01", order("O1", "100")),
                fact("2024-01-01", order("O2", "1")),
            ]),
            &["LATE_REGISTRATION event:00000000-0000-0000-0000-000000000003 31d"],
        ),
        case(
            watched(vec![
                intent("2024-02-01", part("O1", "60")),
                intent("2024-02-15", part("O2", "40")),
            ]),
            &["SPLIT_SUSPECTED order:O2 100.00"],
        ),
        // Too far apart, too little together, or one purchase large enough by itself.
        case(
            watched(vec![
                intent("2024-02-01", part("O1", "60")),
                intent("2024-02-16", part("O2", "40")),
                intent("2024-04-01", part("O3", "60")),
                intent("2024-04-02", part("O4", "39.99")),
                intent("2024-06-01", part("O5", "100")),
                intent("2024-06-02", part("O6", "99")),
            ]),
            &[],
        ),
        case(
            vec![sign("1000"), intent("2024-01-01", order("O1", "999"))],
            &[
                "THRESHOLD_REACHED agreement@70",
                "THRESHOLD_REACHED agreement@85",
                "THRESHOLD_REACHED agreement@95",
            ],
        ),
    ]
}

fn told(story: &Story) -> Vec<String> {
    let finding = |finding: &contract_ledger::domain::finding::Finding| {
        let amount = finding.amount.map(|money| format!(" {}", money.amount_text()));
        let days = finding.days.map(|days| format!(" {days}d"));
        let (rule, subject) = (finding.key.rule, &finding.key.subject);
        format!("{rule} {subject}{}{}", amount.unwrap_or_default(), days.unwrap_or_default())
    };
    story.findings(AS_OF).iter().map(finding).collect()
}

#[test]
fn every_rule_that_never_refuses_has_its_case() {
    let mut seen = BTreeSet::new();
    for Case { given: events, then } in cases() {
        let story = given(events);
        let findings = told(&story);
        assert_eq!(findings, then);
        let rules = then.iter().filter_map(|one| one.split(' ').next());
        seen.extend(rules.filter(|rule| FINDINGS_ONLY.contains(rule)));
    }
    assert_eq!(seen, BTreeSet::from(FINDINGS_ONLY));
}
