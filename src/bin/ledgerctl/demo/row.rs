//! The rows of the table of steps. It is written while the demo plays, so its widths are fixed.

use contract_ledger::wire::v1::{Finding, ScopeUsage};

use crate::findings::finding_line;
use crate::money_text::{amount_text, count_text};

const TITLE_WIDTH: usize = 46;
const AMOUNT_WIDTH: usize = 15;
const PPM_WIDTH: usize = 11;
/// As wide as a date and the space after it.
pub(super) const INDENT: &str = "            ";

/// The head of the table.
pub(super) fn head_row() -> String {
    row("date", "step", &["exposure", "remaining", "ppm"].map(str::to_owned))
}

/// The head of the table of questions.
pub(super) fn question_head_row() -> String {
    row("as of", "as known", &["exposure", "remaining", "ppm"].map(str::to_owned))
}

/// A step with the sums of the agreement after it.
pub(super) fn step_row(date: &str, title: &str, usage: &ScopeUsage) -> String {
    let figures = [
        amount_text(usage.exposure.as_ref()),
        amount_text(usage.remaining.as_ref()),
        usage.usage_ppm.map(count_text).unwrap_or_default(),
    ];
    row(date, title, &figures)
}

/// Something that is told in words.
pub(super) fn note_row(date: &str, text: &str) -> String {
    format!("{date:<10}  {text}")
}

/// The findings that a step opened (+) and cleared (-), a line each.
pub(super) fn finding_lines(opened: &[Finding], cleared: &[Finding]) -> Vec<String> {
    opened
        .iter()
        .map(|finding| format!("+ finding {}", finding_line(finding)))
        .chain(cleared.iter().map(|finding| format!("- cleared {}", finding_line(finding))))
        .collect()
}

fn row(date: &str, title: &str, figures: &[String; 3]) -> String {
    let [exposure, remaining, usage_ppm] = figures;
    format!(
        "{date:<10}  {title:<TITLE_WIDTH$}{exposure:>AMOUNT_WIDTH$}{remaining:>AMOUNT_WIDTH$}{usage_ppm:>PPM_WIDTH$}"
    )
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::Money;

    use super::*;

    #[test]
    fn opened_findings_stand_before_cleared_ones() {
        let finding = |rule: &str| Finding {
            rule: rule.to_owned(),
            subject: "agreement".to_owned(),
            ..Default::default()
        };
        assert_eq!(
            finding_lines(&[finding("CEILING_EXCEEDED")], &[finding("OVER_INVOICED")]),
            ["+ finding CEILING_EXCEEDED (agreement)", "- cleared OVER_INVOICED (agreement)"]
        );
    }

    #[test]
    fn figures_stand_under_their_heads() {
        let nok = |amount: &str| Money { amount: amount.to_owned(), currency: "NOK".to_owned() };
        let usage = ScopeUsage {
            exposure: Some(nok("12050000.00")),
            remaining: Some(nok("-50000.00")),
            usage_ppm: Some(1_004_166),
            ..Default::default()
        };
        let row = step_row("2024-08-15", "invoice", &usage);
        assert!(row.ends_with("  12 050 000,00     -50 000,00  1 004 166"), "{row}");
        assert_eq!(row.chars().count(), head_row().chars().count());
    }
}
