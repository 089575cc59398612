//! Compares what the ledger said with what the script expects. Each function returns the
//! differences, in words; none means that all is well.

use contract_ledger::wire::v1::{
    Finding, FindingStatus, Forecast, HistoryEntry, Money, Refusal, ScopeUsage,
};
use rust_decimal::Decimal;

use super::script::{ExpectedForecast, Figures};

/// Findings that a run of the scenario may open beside those it is about: the demo records years
/// of business within a second, and warning steps are configuration.
const BESIDE_THE_POINT: [&str; 3] =
    ["LATE_REGISTRATION", "THRESHOLD_REACHED", "FORECAST_RUNS_OUT_EARLY"];
const FORECAST_RULE: &str = "FORECAST_RUNS_OUT_EARLY";

/// Sums of the agreement against the script.
pub(super) fn figures(expected: Figures, seen: &ScopeUsage) -> Vec<String> {
    let (exposure, remaining, usage_ppm) = expected;
    let mut differences = Vec::new();
    differences.extend(amount("exposure", exposure, seen.exposure.as_ref()));
    differences.extend(amount("remaining", remaining, seen.remaining.as_ref()));
    differences.extend(same(
        "usage_ppm",
        &Some(usage_ppm).map(|ppm| ppm.to_string()),
        &seen.usage_ppm.map(|ppm| ppm.to_string()),
    ));
    differences
}

/// One amount, compared as a number: `0` and `0.00` are the same amount.
pub(super) fn amount(name: &str, expected: &str, seen: Option<&Money>) -> Option<String> {
    let seen_text = seen.map_or("nothing", |money| money.amount.as_str());
    let equal = match (expected.parse::<Decimal>(), seen_text.parse::<Decimal>()) {
        (Ok(expected), Ok(seen)) => expected == seen,
        (Ok(_) | Err(_), Ok(_) | Err(_)) => false,
    };
    (!equal).then(|| format!("{name} is {seen_text}, must be {expected}"))
}

/// Reasons of a refusal in their order, each with its excess.
pub(super) fn refusals(expected: &[(&str, Option<&str>)], seen: &[Refusal]) -> Vec<String> {
    let seen_reasons: Vec<&str> = seen.iter().map(|refusal| refusal.reason.as_str()).collect();
    let expected_reasons: Vec<&str> = expected.iter().map(|(reason, _)| *reason).collect();
    if seen_reasons != expected_reasons {
        return vec![format!(
            "refused for [{}], must be [{}]",
            seen_reasons.join(", "),
            expected_reasons.join(", ")
        )];
    }
    expected
        .iter()
        .zip(seen)
        .filter_map(|((reason, excess), refusal)| {
            let name = format!("excess of {reason}");
            excess.and_then(|excess| amount(&name, excess, refusal.excess.as_ref()))
        })
        .collect()
}

/// Findings that an append opened: those expected, with their amounts, and no others of weight.
pub(super) fn opened(expected: &[(&str, &str)], seen: &[Finding]) -> Vec<String> {
    let mut differences = Vec::new();
    for (rule, expected_amount) in expected {
        match seen.iter().find(|finding| finding.rule == *rule) {
            None => differences.push(format!("{rule} was not opened")),
            Some(finding) => differences.extend(amount(
                &format!("amount of {rule}"),
                expected_amount,
                finding.amount.as_ref(),
            )),
        }
    }
    let rules: Vec<&str> = expected.iter().map(|(rule, _)| *rule).collect();
    differences.extend(unexpected("opened", &rules, seen));
    differences
}

/// Findings that an append cleared.
pub(super) fn cleared(expected: &[&str], seen: &[Finding]) -> Vec<String> {
    let mut differences: Vec<String> = expected
        .iter()
        .filter(|rule| !seen.iter().any(|finding| finding.rule == **rule))
        .map(|rule| format!("{rule} was not cleared"))
        .collect();
    differences.extend(unexpected("cleared", expected, seen));
    differences
}

/// Findings whose opening and, later, clearing the timeline must remember.
pub(super) fn remembered(rules: &[&str], timeline: &[HistoryEntry]) -> Vec<String> {
    let named = |findings: &[Finding], rule: &str| findings.iter().any(|found| found.rule == rule);
    rules
        .iter()
        .filter(|rule| {
            let opened = timeline.iter().position(|entry| named(&entry.findings_opened, rule));
            let cleared = timeline.iter().position(|entry| named(&entry.findings_cleared, rule));
            !matches!((opened, cleared), (Some(opened), Some(cleared)) if opened < cleared)
        })
        .map(|rule| format!("{rule} is not in the history as opened and then cleared"))
        .collect()
}

/// A forecast and its finding.
pub(super) fn forecast(
    expected: &ExpectedForecast,
    seen: Option<&Forecast>,
    findings: &[Finding],
) -> Vec<String> {
    let Some(seen) = seen else {
        return vec!["there is no forecast".to_owned()];
    };
    let open = findings.iter().any(|finding| {
        finding.rule == FORECAST_RULE && finding.status == i32::from(FindingStatus::Open)
    });
    [
        same("elapsed days", &expected.elapsed_days, &seen.elapsed_days),
        same("days left", &expected.days_left, &seen.days_left),
        same("run-out", &expected.run_out_date, &seen.run_out_date.as_str()),
        same("end of the term", &expected.end_date, &seen.end_date.as_str()),
        same("early", &true, &seen.runs_out_early),
        (!open).then(|| format!("{FORECAST_RULE} is not open")),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One value.
pub(super) fn same<T: PartialEq + std::fmt::Debug>(
    name: &str,
    expected: &T,
    seen: &T,
) -> Option<String> {
    (expected != seen).then(|| format!("{name} is {seen:?}, must be {expected:?}"))
}

fn unexpected<'a>(
    verb: &'a str,
    expected: &'a [&str],
    seen: &'a [Finding],
) -> impl Iterator<Item = String> + 'a {
    seen.iter()
        .map(|finding| finding.rule.as_str())
        .filter(|rule| !expected.contains(rule) && !BESIDE_THE_POINT.contains(rule))
        .map(move |rule| format!("{rule} was {verb}, and must not be"))
}

#[cfg(test)]
mod tests {
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
        let right =
            [refusal("AGREEMENT_EXPIRED", None), refusal("CEILING_EXCEEDED", Some("1000.00"))];
        assert!(refusals(&expected, &right).is_empty());
        let turned = [right[1].clone(), right[0].clone()];
        assert_eq!(refusals(&expected, &turned).len(), 1);
        let wrong = [right[0].clone(), refusal("CEILING_EXCEEDED", Some("999.99"))];
        assert_eq!(refusals(&expected, &wrong).len(), 1);
        assert_eq!(refusals(&expected, &[]).len(), 1);
    }

    #[test]
    fn findings_must_open_with_their_amount_and_no_others_of_weight() {
        let expected = [("OVER_INVOICED", "50000.00")];
        let right = finding("OVER_INVOICED", "50000");
        let late = finding("LATE_REGISTRATION", "0");
        assert!(opened(&expected, &[late.clone(), right.clone()]).is_empty());
        assert_eq!(opened(&expected, &[late]).len(), 1);
        assert_eq!(opened(&expected, &[finding("OVER_INVOICED", "1")]).len(), 1);
        assert_eq!(opened(&[], std::slice::from_ref(&right)).len(), 1);
        assert!(cleared(&["OVER_INVOICED"], &[right]).is_empty());
        assert_eq!(cleared(&["OVER_INVOICED"], &[]).len(), 1);
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
}
