//! Comparisons of the demo: what is right passes, each thing that is wrong is told.

use super::*;

fn nok(amount: &str) -> Money {
    Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
}

fn finding(rule: &str, amount: &str) -> Finding {
    Finding { rule: rule.to_owned(), amount: Some(nok(amount)), ..Default::default() }
}

#[test]
fn amounts_are_compared_as_numbers_and_an_ore_counts() {
    assert_eq!(amount("x", "0.00", Some(&nok("0"))), None);
    assert_eq!(
        amount("exposure", "450000.00", Some(&nok("450000.01"))),
        Some("exposure is 450000.01, must be 450000.00".to_owned())
    );
    assert!(amount("x", "1.00", None).is_some());
    assert!(amount("x", "1.00", Some(&nok("one"))).is_some());
}

#[test]
fn every_figure_is_compared() {
    let seen = ScopeUsage {
        exposure: Some(nok("1")),
        remaining: Some(nok("2")),
        usage_ppm: None,
        ..Default::default()
    };
    assert_eq!(figures(("9", "8", 7), &seen).len(), 3);
}

#[test]
fn refusal_must_have_the_reasons_in_order_and_the_excess() {
    let refusal = |reason: &str, excess: Option<&str>| Refusal {
        reason: reason.to_owned(),
        excess: excess.map(nok),
        ..Default::default()
    };
    let expected = [("AGREEMENT_EXPIRED", None), ("CEILING_EXCEEDED", Some("1000.00"))];
    let right = [refusal("AGREEMENT_EXPIRED", None), refusal("CEILING_EXCEEDED", Some("1000.00"))];
    assert!(refusals(&expected, &right).is_empty());
    let turned = [right[1].clone(), right[0].clone()];
    assert_eq!(refusals(&expected, &turned).len(), 1);
    let wrong = [right[0].clone(), refusal("CEILING_EXCEEDED", Some("999.99"))];
    assert_eq!(refusals(&expected, &wrong).len(), 1);
    assert_eq!(refusals(&expected, &[]).len(), 1);
}

#[test]
fn findings_must_open_with_subject_and_amount_and_no_others() {
    let expected = [("OVER_INVOICED", "order:O5", Some("50000.00"))];
    let on = |rule: &str, subject: &str, amount: &str| {
        let mut finding = finding(rule, amount);
        finding.subject = subject.to_owned();
        finding
    };
    let right = on("OVER_INVOICED", "order:O5", "50000");
    let beside = on(FORECAST_RULE, "agreement", "0");
    assert!(opened(&expected, &[beside.clone(), right.clone()]).is_empty());
    assert_eq!(opened(&expected, &[beside]).len(), 1);
    assert_eq!(opened(&expected, &[on("OVER_INVOICED", "order:O5", "1")]).len(), 1);
    assert_eq!(opened(&expected, &[on("OVER_INVOICED", "order:O6", "50000")]).len(), 1);
    assert_eq!(opened(&[], &[on("LATE_REGISTRATION", "event:e", "0")]).len(), 1);
    assert!(cleared(&["OVER_INVOICED"], &[right]).is_empty());
    assert_eq!(cleared(&["OVER_INVOICED"], &[]).len(), 1);
}

#[test]
fn finding_at_the_end_must_have_its_days() {
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let mut seen = finding("OVER_INVOICED", "50000");
    seen.subject = "order:O5".to_owned();
    seen.known_time = time(1_735_689_600);
    let open = [("OVER_INVOICED", "order:O5", "2025-01-01", None)];
    assert!(findings_at_end(&open, std::slice::from_ref(&seen)).is_empty());
    assert_eq!(findings_at_end(&open, &[]).len(), 1);
    assert_eq!(findings_at_end(&[], std::slice::from_ref(&seen)).len(), 1);
    seen.cleared_time = time(1_751_328_000);
    assert_eq!(findings_at_end(&open, std::slice::from_ref(&seen)).len(), 2);
    let cleared = [("OVER_INVOICED", "order:O5", "2025-01-01", Some("2025-07-01"))];
    assert!(findings_at_end(&cleared, &[seen]).is_empty());
}

#[test]
fn record_must_be_marked_and_keep_its_time() {
    let time = prost_types::Timestamp { seconds: 7, nanos: 0 };
    let mut record = Record { recorded_time: Some(time), imported: true, ..Default::default() };
    assert!(imported(time, Some(&record)).is_empty());
    assert_eq!(imported(time, None).len(), 1);
    record.imported = false;
    record.recorded_time = None;
    assert_eq!(imported(time, Some(&record)).len(), 2);
}

#[test]
fn finding_must_open_and_then_clear_in_the_timeline() {
    let over = || vec![finding("OVER_INVOICED", "50000.00")];
    let opening = HistoryEntry { findings_opened: over(), ..Default::default() };
    let clearing = HistoryEntry { findings_cleared: over(), ..Default::default() };
    let rules = ["OVER_INVOICED"];
    assert!(remembered(&rules, &[opening.clone(), clearing.clone()]).is_empty());
    assert_eq!(remembered(&rules, &[clearing, opening.clone()]).len(), 1);
    assert_eq!(remembered(&rules, &[opening]).len(), 1);
    assert_eq!(remembered(&rules, &[]).len(), 1);
}

#[test]
fn forecast_without_its_finding_is_a_difference() {
    let expected = ExpectedForecast {
        as_of: "2023-02-01",
        elapsed_days: 792,
        days_left: 229,
        run_out_date: "2023-09-18",
        end_date: "2023-11-30",
    };
    let seen = Forecast {
        elapsed_days: 792,
        days_left: 229,
        run_out_date: "2023-09-18".to_owned(),
        end_date: "2023-11-30".to_owned(),
        runs_out_early: true,
    };
    assert_eq!(forecast(&expected, Some(&seen), &[]).len(), 1);
    let mut open = finding(FORECAST_RULE, "0");
    open.status = i32::from(FindingStatus::Open);
    assert!(forecast(&expected, Some(&seen), &[open]).is_empty());
    assert_eq!(forecast(&expected, None, &[]).len(), 1);
}
