//! Findings as a table and as one line. Used by every command that shows them.

use contract_ledger::wire::v1::Finding;

use crate::money_text::{amount_text, money_text};
use crate::table::{Column, Look, Sheet, Tone};
use crate::time_text::recorded_text;
use crate::words::{finding_status_text, handling_text, severity_text};

/// How much is told of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// What it is and what proves it.
    Usual,
    /// Also its id, which the events that handle it name.
    WithId,
}

/// The findings as a table, in the order given; a sentence when there are none.
pub(crate) fn findings_text(look: Look, findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "No open findings.\n".to_owned();
    }
    findings_table(look, Detail::Usual, findings)
}

/// The findings as a table, in the order given.
pub(crate) fn findings_table(look: Look, detail: Detail, findings: &[Finding]) -> String {
    let mut sheet = Sheet::new(
        look,
        &[
            ("finding", Column::Fixed),
            ("status", Column::Fixed),
            ("severity", Column::Fixed),
            ("subject", Column::Fixed),
            ("amount", Column::Number),
            ("breach from", Column::Fixed),
        ],
    );
    for finding in findings {
        let (status, status_tone) = finding_status_text(finding.status);
        let (severity, severity_tone) = severity_text(finding.severity);
        sheet.toned_row([
            (rule_text(finding), Tone::Plain),
            (status.to_owned(), status_tone),
            (severity.to_owned(), severity_tone),
            (finding.subject.clone(), Tone::Plain),
            (amount_text(finding.amount.as_ref()), Tone::Plain),
            (finding.first_breach_date.clone(), Tone::Plain),
        ]);
        sheet.note(&background_text(finding), Tone::Quiet);
        match detail {
            Detail::Usual => {}
            Detail::WithId => sheet.note(&format!("id {}", finding.finding_id), Tone::Quiet),
        }
    }
    sheet.text()
}

/// When it became known and cleared, what people did, and the positions that prove it.
fn background_text(finding: &Finding) -> String {
    let positions: Vec<String> = finding.evidence_positions.iter().map(u64::to_string).collect();
    let parts = [
        ("", finding.days.map(|days| format!("{days} days")).unwrap_or_default()),
        ("known ", recorded_text(finding.known_time.as_ref())),
        ("cleared ", recorded_text(finding.cleared_time.as_ref())),
        ("", handled_text(finding)),
        ("evidence at ", positions.join(", ")),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}{value}"))
        .collect();
    parts.join("; ")
}

fn handled_text(finding: &Finding) -> String {
    match (handling_text(finding.handling), finding.handled_position) {
        ("", _) => String::new(),
        (handling, None) => handling.to_owned(),
        (handling, Some(position)) => format!("{handling} at {position}"),
    }
}

/// Rule, subject and amount on one line.
pub(crate) fn finding_line(finding: &Finding) -> String {
    let amount = match &finding.amount {
        Some(amount) => format!(" {}", money_text(Some(amount))),
        None => String::new(),
    };
    format!("{}{amount} ({})", rule_text(finding), finding.subject)
}

/// The rule, and which time it opened when it has done so before.
fn rule_text(finding: &Finding) -> String {
    if finding.episode > 1 {
        format!("{} #{}", finding.rule, finding.episode)
    } else {
        finding.rule.clone()
    }
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::{FindingHandling, FindingStatus, Money, Severity};

    use super::*;

    fn over_invoiced() -> Finding {
        Finding {
            rule: "OVER_INVOICED".to_owned(),
            severity: i32::from(Severity::Medium),
            subject: "order:O5".to_owned(),
            amount: Some(Money { amount: "50000.00".to_owned(), currency: "NOK".to_owned() }),
            first_breach_date: "2024-08-15".to_owned(),
            status: i32::from(FindingStatus::Open),
            evidence_positions: vec![10, 15],
            episode: 2,
            ..Default::default()
        }
    }

    #[test]
    fn finding_on_one_line_has_rule_episode_amount_and_subject() {
        assert_eq!(finding_line(&over_invoiced()), "OVER_INVOICED #2 50 000,00 NOK (order:O5)");
    }

    #[test]
    fn table_shows_status_and_evidence() {
        let text = findings_text(Look::default(), &[over_invoiced()]);
        for word in ["open", "medium", "50 000,00", "2024-08-15", "        evidence at 10, 15"] {
            assert!(text.contains(word), "{word} in\n{text}");
        }
        assert_eq!(findings_text(Look::default(), &[]), "No open findings.\n");
    }
    #[test]
    fn handled_finding_says_what_was_done_and_where() {
        let mut finding = over_invoiced();
        finding.finding_id = "ab12".to_owned();
        finding.handling = i32::from(FindingHandling::Waived);
        finding.handled_position = Some(21);
        finding.days = Some(43);
        let text = findings_table(Look::default(), Detail::WithId, &[finding]);
        assert!(text.contains("43 days; waived at 21; evidence at 10, 15\n"), "{text}");
        assert!(text.contains("         id ab12\n"), "{text}");
    }
}
