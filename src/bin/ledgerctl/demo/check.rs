//! Compares what the ledger said with what the script expects. Each function returns the
//! differences, in words; none means that all is well.

use std::collections::BTreeSet;

use contract_ledger::wire::v1::{
    Finding, FindingStatus, Forecast, HistoryEntry, Money, Record, Refusal, ScopeUsage,
};
use rust_decimal::Decimal;

use super::script::{ExpectedFinding, ExpectedForecast, Figures, FindingAtEnd};
use crate::time_text::recorded_text;

/// May open and clear at any step, as days pass; the scenario looks at it on one day of its own.
pub(super) const FORECAST_RULE: &str = "FORECAST_RUNS_OUT_EARLY";
/// Characters of a date at the start of a recorded time.
const DATE_CHARACTERS: usize = 10;

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

/// Findings that a step opened: those expected, with their amounts, and no others.
pub(super) fn opened(expected: &[ExpectedFinding], seen: &[Finding]) -> Vec<String> {
    let mut differences = Vec::new();
    for (rule, subject, expected_amount) in expected {
        let is_it = |finding: &&Finding| finding.rule == *rule && finding.subject == *subject;
        match seen.iter().find(is_it) {
            None => differences.push(format!("{rule} ({subject}) was not opened")),
            Some(finding) => differences.extend(expected_amount.and_then(|expected_amount| {
                amount(&format!("amount of {rule}"), expected_amount, finding.amount.as_ref())
            })),
        }
    }
    let rules: Vec<&str> = expected.iter().map(|(rule, _, _)| *rule).collect();
    differences.extend(unexpected("opened", &rules, seen));
    differences
}

/// Findings that a step cleared.
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

/// Every finding at the end, with the days on which it became known and cleared.
pub(super) fn findings_at_end(expected: &[FindingAtEnd], seen: &[Finding]) -> Vec<String> {
    let day = |time: Option<&prost_types::Timestamp>| -> String {
        recorded_text(time).chars().take(DATE_CHARACTERS).collect()
    };
    let told = |rule: &str, subject: &str, known: &str, cleared: &str| {
        format!("{rule} ({subject}) known {known}, cleared {cleared}")
    };
    let expected: BTreeSet<String> = expected
        .iter()
        .map(|(rule, subject, known, cleared)| {
            told(rule, subject, known, cleared.unwrap_or_default())
        })
        .collect();
    let seen: BTreeSet<String> = seen
        .iter()
        .filter(|finding| finding.rule != FORECAST_RULE)
        .map(|finding| {
            let known = day(finding.known_time.as_ref());
            told(&finding.rule, &finding.subject, &known, &day(finding.cleared_time.as_ref()))
        })
        .collect();
    let missing = expected.difference(&seen).map(|finding| format!("{finding}: not there"));
    let surplus = seen.difference(&expected).map(|finding| format!("{finding}: must not be there"));
    missing.chain(surplus).collect()
}

/// A record must be marked as imported and keep the recorded time that it came with.
pub(super) fn imported(
    recorded_time: prost_types::Timestamp,
    seen: Option<&Record>,
) -> Vec<String> {
    let Some(record) = seen else {
        return vec!["the record is not in the log".to_owned()];
    };
    [
        same("recorded time", &Some(recorded_time), &record.recorded_time),
        same("imported", &true, &record.imported),
    ]
    .into_iter()
    .flatten()
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
        .filter(|rule| !expected.contains(rule) && *rule != FORECAST_RULE)
        .map(move |rule| format!("{rule} was {verb}, and must not be"))
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
