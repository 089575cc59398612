//! The stated answer beside the one that follows: each figure and each finding by itself.

use std::collections::BTreeMap;

use super::answer::{Answer, FindingAnswer};
use super::derive::{Derived, FigureName, figures as figures_of};
use super::reading::Faults;
use super::verdict::{FigureVerdict, FindingVerdict};

/// Every figure that is stated or follows, in the order of the file, then what is missing there.
pub(super) fn figures(stated: &Answer, derived: &Derived) -> Vec<FigureVerdict> {
    let follows: Vec<(FigureName, String)> =
        derived.answer.as_ref().map(figures_of).unwrap_or_default();
    let mut left: BTreeMap<&FigureName, &String> =
        follows.iter().map(|(name, value)| (name, value)).collect();
    let mut verdicts = Vec::new();
    let verdict = |(scope, figure): &FigureName, stated: Option<&String>, derived_value| {
        let changes = derived.changes.get(&(scope.clone(), *figure)).cloned().unwrap_or_default();
        FigureVerdict {
            scope: scope.clone(),
            figure: (*figure).to_owned(),
            follows: stated == derived_value,
            stated: stated.cloned(),
            derived: derived_value.cloned(),
            positions: changes.iter().map(|change| change.position).collect(),
            changes,
        }
    };
    // What is stated twice follows once.
    for (name, value) in figures_of(stated) {
        verdicts.push(verdict(&name, Some(&value), left.remove(&name)));
    }
    let missing = follows.iter().filter(|(name, _)| left.contains_key(name));
    verdicts.extend(missing.map(|(name, value)| verdict(name, None, Some(value))));
    verdicts
}

/// What came of the figures.
pub(super) fn seen_figures(figures: &[FigureVerdict]) -> Result<String, String> {
    let mut faults = Faults::default();
    for FigureVerdict { scope, figure, stated, derived, .. } in
        figures.iter().filter(|figure| !figure.follows)
    {
        faults.add(match (stated, derived) {
            (Some(stated), Some(derived)) => {
                format!("{figure} of {scope} is stated as {stated:?}, and {derived:?} follows")
            }
            (Some(stated), None) => {
                format!("{figure} of {scope} is stated as {stated:?}, and nothing of it follows")
            }
            (None, _) => format!("{figure} of {scope} follows, and is not stated"),
        });
    }
    let count = figures.len();
    if faults.is_empty() {
        Ok(format!("{count} figures, each follows"))
    } else {
        Err(faults.text())
    }
}

/// Every episode that is stated or follows.
pub(super) fn findings(stated: &Answer, derived: &Derived) -> Vec<FindingVerdict> {
    let follows = derived.answer.as_ref().map(|answer| answer.findings.0.as_slice());
    let follows = follows.unwrap_or_default();
    let key = |finding: &FindingAnswer| (finding.finding_id.clone(), finding.episode);
    let mut left: BTreeMap<_, _> = follows.iter().map(|finding| (key(finding), finding)).collect();
    let mut verdicts: Vec<FindingVerdict> = Vec::new();
    for finding in &stated.findings.0 {
        let text = match left.remove(&key(finding)) {
            None => "is stated, and does not follow".to_owned(),
            Some(own) if own == finding => String::new(),
            Some(own) => difference(finding, own),
        };
        verdicts.push(verdict(finding, text));
    }
    let missing = follows.iter().filter(|finding| left.contains_key(&key(finding)));
    verdicts
        .extend(missing.map(|finding| verdict(finding, "follows, and is not stated".to_owned())));
    verdicts
}

/// What came of the findings.
pub(super) fn seen_findings(findings: &[FindingVerdict]) -> Result<String, String> {
    let mut faults = Faults::default();
    for FindingVerdict { rule, subject, episode, text, .. } in
        findings.iter().filter(|finding| !finding.follows)
    {
        faults.add(format!("{rule} of {subject}, episode {episode}, {text}"));
    }
    let count = findings.len();
    if faults.is_empty() {
        Ok(format!("{count} findings, each follows"))
    } else {
        Err(faults.text())
    }
}

fn verdict(finding: &FindingAnswer, text: String) -> FindingVerdict {
    let FindingAnswer { finding_id, rule, subject, episode, evidence_positions, .. } = finding;
    FindingVerdict {
        finding_id: finding_id.clone(),
        rule: rule.clone(),
        subject: subject.clone(),
        episode: *episode,
        follows: text.is_empty(),
        text,
        positions: evidence_positions.0.clone(),
    }
}

/// Names every field in which a stated finding differs from what follows.
fn difference(stated: &FindingAnswer, own: &FindingAnswer) -> String {
    let fields = |finding: &FindingAnswer| {
        let FindingAnswer {
            finding_id: _,
            rule,
            subject,
            episode: _,
            severity,
            status,
            amount,
            days,
            first_breach_date,
            known_time,
            cleared_time,
            handling,
            handled_position,
            evidence_positions,
        } = finding.clone();
        let optional = |text: Option<String>| text.unwrap_or_default();
        [
            ("rule", rule),
            ("subject", subject),
            ("severity", severity),
            ("status", status),
            ("amount", optional(amount.map(|one| format!("{} {}", one.amount, one.currency)))),
            ("days", optional(days.map(|days| days.to_string()))),
            ("firstBreachDate", first_breach_date),
            ("knownTime", known_time),
            ("clearedTime", optional(cleared_time)),
            ("handling", handling),
            ("handledPosition", optional(handled_position.map(|one| one.to_string()))),
            ("evidencePositions", format!("{:?}", evidence_positions.0)),
        ]
    };
    let pairs = fields(stated).into_iter().zip(fields(own));
    let differing = pairs
        .filter(|(stated, own)| stated != own)
        .map(|((name, stated), (_, own))| format!("states {name} {stated:?}, and {own:?} follows"));
    differing.collect::<Vec<_>>().join(", ")
}
