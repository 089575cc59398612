//! Figures of an answer, in a form that a test can write down.

use contract_ledger::wire::v1;

/// Exposure, remaining and ppm of the agreement's ceiling.
pub(crate) fn of_agreement(usage: Option<&v1::CeilingUsage>) -> (String, String, Option<i64>) {
    of_scope(usage, 0)
}

pub(crate) fn of_scope(
    usage: Option<&v1::CeilingUsage>,
    index: usize,
) -> (String, String, Option<i64>) {
    let scope = &usage.unwrap().scopes[index];
    let amount = |money: &Option<v1::Money>| money.as_ref().unwrap().amount.clone();
    (amount(&scope.exposure), amount(&scope.remaining), scope.usage_ppm)
}

/// The same triple, from what a scenario says.
pub(crate) fn row(exposure: &str, remaining: &str, ppm: i64) -> (String, String, Option<i64>) {
    (exposure.to_owned(), remaining.to_owned(), Some(ppm))
}

/// Rule, subject and amount of findings, sorted, but for warning steps and late registrations, which
/// stories told at today's clock are full of.
pub(crate) fn findings(findings: &[v1::Finding]) -> Vec<(String, String, String)> {
    let mut told = all_findings(findings);
    told.retain(|(rule, _, _)| rule != "THRESHOLD_REACHED" && rule != "LATE_REGISTRATION");
    told
}

/// Rule, subject and amount of findings, sorted.
pub(crate) fn all_findings(findings: &[v1::Finding]) -> Vec<(String, String, String)> {
    let amount = |finding: &v1::Finding| {
        finding.amount.as_ref().map(|money| money.amount.clone()).unwrap_or_default()
    };
    let mut triples: Vec<_> = findings
        .iter()
        .map(|finding| (finding.rule.clone(), finding.subject.clone(), amount(finding)))
        .collect();
    triples.sort();
    triples
}

/// The same triple, from what a scenario says.
pub(crate) fn finding(rule: &str, subject: &str, amount: &str) -> (String, String, String) {
    (rule.to_owned(), subject.to_owned(), amount.to_owned())
}
