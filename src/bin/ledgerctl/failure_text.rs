//! A failure as a person reads it: what was refused, every rule with its figures.

use contract_ledger::wire::v1;

use crate::failure::{Failure, Violation};
use crate::money_text::money_text;
use crate::table::printable;
use crate::words::scope_text;

/// The whole failure over several lines; the first says the most important.
pub(crate) fn failure_text(failure: &Failure) -> String {
    let mut lines = vec![headline(failure)];
    if !failure.message.is_empty() {
        lines.push(format!("  {}", failure.message));
    }
    lines.extend(failure.refusals.iter().map(|refusal| format!("  - {}", refusal_text(refusal))));
    // A refusal says the same with figures, so violations are only news without one.
    if failure.refusals.is_empty() {
        lines.extend(failure.violations.iter().map(violation_text));
    }
    if failure.refusals.is_empty() && failure.violations.is_empty() {
        lines.extend(failure.metadata.iter().map(|(name, value)| format!("  {name}: {value}")));
    }
    if let Some(position) = failure.position {
        let again = if failure.replayed { ", an earlier answer given again" } else { "" };
        lines.push(format!("  kept in the log at position {position}{again}"));
    }
    printable(&lines.join("\n"))
}

/// One reason with its figures, on one line; in words where it has no figures.
pub(crate) fn refusal_text(refusal: &v1::Refusal) -> String {
    let figures: Vec<String> = [
        ("requested", &refusal.requested),
        ("remaining", &refusal.remaining),
        ("excess", &refusal.excess),
    ]
    .into_iter()
    .filter(|(_, money)| money.is_some())
    .map(|(name, money)| format!("{name} {}", money_text(money.as_ref())))
    .collect();
    let scope = match &refusal.scope {
        Some(scope) => format!(" ({})", scope_text(Some(scope))),
        None => String::new(),
    };
    let date = match refusal.date.as_str() {
        "" => String::new(),
        date => format!(", on {date}"),
    };
    let explained = match (figures.as_slice(), refusal.description.as_str()) {
        ([], "") => date,
        ([], description) => format!(": {description}"),
        (figures, _) => format!(": {}{date}", figures.join(", ")),
    };
    format!("{}{scope}{explained}", refusal.reason)
}

/// Reason, scope and excess, for tables that show the amounts beside it.
pub(crate) fn refusal_short_text(refusal: &v1::Refusal) -> String {
    let scope = match &refusal.scope {
        Some(scope) => format!(" ({})", scope_text(Some(scope))),
        None => String::new(),
    };
    let excess = match &refusal.excess {
        Some(excess) => format!(" excess {}", money_text(Some(excess))),
        None => String::new(),
    };
    format!("{}{scope}{excess}", refusal.reason)
}

fn headline(failure: &Failure) -> String {
    if failure.unanswered {
        format!("no answer from the ledger ({})", failure.code)
    } else if failure.reason.is_empty() {
        format!("the ledger answered {}", failure.code)
    } else {
        format!("{} ({})", failure.reason, failure.code)
    }
}

fn violation_text(violation: &Violation) -> String {
    match violation {
        Violation::Field { field, reason, description } => {
            let reason = if reason.is_empty() { String::new() } else { format!("{reason}: ") };
            format!("  - {field}: {reason}{description}")
        }
        Violation::Precondition { kind, subject, description } => {
            format!("  - {kind} ({subject}): {description}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::tests::refused_order;

    #[test]
    fn refused_order_reads_with_scope_and_figures() {
        assert_eq!(
            failure_text(&Failure::of_status(&refused_order())),
            concat!(
                "CEILING_EXCEEDED (FAILED_PRECONDITION)\n",
                "  refused by 1 rule\n",
                "  - CEILING_EXCEEDED (agreement): requested 700 000,01 NOK, ",
                "remaining 700 000,00 NOK, excess 0,01 NOK, on 2024-06-01\n",
                "  kept in the log at position 12, an earlier answer given again",
            )
        );
    }

    #[test]
    fn rule_without_figures_is_explained_in_words() {
        let refusal = v1::Refusal {
            reason: "AGREEMENT_EXPIRED".to_owned(),
            description: "The term ended on 2024-11-30.".to_owned(),
            ..Default::default()
        };
        assert_eq!(refusal_text(&refusal), "AGREEMENT_EXPIRED: The term ended on 2024-11-30.");
    }

    #[test]
    fn malformed_field_is_named() {
        let failure = Failure {
            code: "INVALID_ARGUMENT",
            reason: "MALFORMED_AMOUNT".to_owned(),
            violations: vec![Violation::Field {
                field: "events[0].order_placed.amount".to_owned(),
                reason: String::new(),
                description: "1e5 has an exponent".to_owned(),
            }],
            ..Failure::default()
        };
        assert_eq!(
            failure_text(&failure),
            "MALFORMED_AMOUNT (INVALID_ARGUMENT)\n  - events[0].order_placed.amount: 1e5 has an exponent"
        );
    }

    #[test]
    fn unknown_agreement_shows_its_values() {
        let failure = Failure {
            code: "NOT_FOUND",
            reason: "UNKNOWN_AGREEMENT".to_owned(),
            message: "no such agreement".to_owned(),
            metadata: [("agreement_id".to_owned(), "x\u{1b}[2J".to_owned())].into(),
            ..Failure::default()
        };
        assert_eq!(
            failure_text(&failure),
            "UNKNOWN_AGREEMENT (NOT_FOUND)\n  no such agreement\n  agreement_id: x\u{fffd}[2J"
        );
    }
}
