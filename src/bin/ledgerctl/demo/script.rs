//! The script of the demo: every step of the Asker scenario, and the figures that it must give.
//!
//! Figures are written as they stand in the scenario and never derived from one another.

use contract_ledger::wire::v1::Event;

use super::events::{
    credit_note_received, invoice_paid, invoice_received, option_exercised, order_closed,
    order_placed, signed,
};

/// Exposure, remaining and usage_ppm of the agreement after a step.
pub(super) type Figures = (&'static str, &'static str, i64);

/// One thing that happens or is asked.
pub(super) enum Scene {
    /// A request with one event, recorded on the day on which it holds.
    Append {
        /// What a reader sees in the table.
        title: &'static str,
        /// The event.
        event: Box<Event>,
        /// What the ledger must say.
        outcome: Outcome,
        /// What the sums must be. None: shown, and compared with the next step.
        figures: Option<Figures>,
    },
    /// The end of the term in force on a day.
    TermEnd {
        /// The day.
        as_of: &'static str,
        /// The end.
        end_date: &'static str,
    },
    /// The forecast on a day, which must be early and a finding.
    Forecast(ExpectedForecast),
}

/// What the ledger must say to an append.
pub(super) enum Outcome {
    /// Accepted, with these findings opened and cleared.
    Accepted {
        /// What opens.
        opened: &'static [ExpectedFinding],
        /// Rules that clear.
        cleared: &'static [&'static str],
    },
    /// Refused for these reasons, in this order, each with its excess where it has one.
    Refused(&'static [(&'static str, Option<&'static str>)]),
}

/// A finding: rule, subject, and the amount where the rule has one.
pub(super) type ExpectedFinding = (&'static str, &'static str, Option<&'static str>);

/// A finding at the end: rule, subject, the day on which it became known, and that on which it cleared.
pub(super) type FindingAtEnd = (&'static str, &'static str, &'static str, Option<&'static str>);

/// What is asked once everything is recorded.
pub(super) struct Question {
    /// Business date. None: today.
    pub(super) as_of: Option<&'static str>,
    /// Day up to whose end the ledger's knowledge counts. None: everything recorded.
    pub(super) as_known: Option<&'static str>,
    /// What the sums must be.
    pub(super) figures: Figures,
}

/// What the forecast must say.
pub(super) struct ExpectedForecast {
    /// The day.
    pub(super) as_of: &'static str,
    /// Days from the start of the term.
    pub(super) elapsed_days: i64,
    /// Days that the rest lasts.
    pub(super) days_left: i64,
    /// When it is gone.
    pub(super) run_out_date: &'static str,
    /// When the term ends.
    pub(super) end_date: &'static str,
}

/// Sums at the end, beyond those of the last step: committed, invoiced, paid.
pub(super) const SUMS_AT_END: (&str, &str, &str) = ("11550000.00", "2450000.00", "562500.00");
/// Findings that the history must remember as opened and cleared.
pub(super) const CLEARED_AT_END: [&str; 2] = ["OVER_INVOICED", "CEILING_EXCEEDED"];

/// Every finding that the story leaves, forecasts aside: the mere passing of days opens and clears those.
pub(super) const FINDINGS_AT_END: [FindingAtEnd; 5] = [
    ("CEILING_EXCEEDED", "agreement", "2024-08-15", Some("2024-09-02")),
    ("OVER_INVOICED", "order:O5", "2024-08-15", Some("2024-09-02")),
    ("THRESHOLD_REACHED", "agreement@70", "2023-02-01", None),
    ("THRESHOLD_REACHED", "agreement@85", "2024-01-15", None),
    ("THRESHOLD_REACHED", "agreement@95", "2024-06-01", None),
];

/// The same day asked with what was known in July, and with what is known today: the invoice of August
/// came in between, and the credit note of September after the day.
pub(super) const QUESTIONS: [Question; 4] = [
    Question {
        as_of: Some("2024-08-31"),
        as_known: Some("2024-07-01"),
        figures: ("12000000.00", "0.00", 1_000_000),
    },
    Question {
        as_of: Some("2024-08-31"),
        as_known: None,
        figures: ("12050000.00", "-50000.00", 1_004_166),
    },
    Question {
        as_of: None,
        as_known: Some("2024-07-01"),
        figures: ("12000000.00", "0.00", 1_000_000),
    },
    Question { as_of: None, as_known: None, figures: ("12000000.00", "0.00", 1_000_000) },
];

const QUIET: Outcome = Outcome::Accepted { opened: &[], cleared: &[] };

fn opens(opened: &'static [ExpectedFinding]) -> Outcome {
    Outcome::Accepted { opened, cleared: &[] }
}

fn append(title: &'static str, event: Event, outcome: Outcome, figures: Figures) -> Scene {
    Scene::Append { title, event: Box::new(event), outcome, figures: Some(figures) }
}

/// Everything, in order.
pub(super) fn scenes() -> Vec<Scene> {
    let mut scenes = first_term();
    scenes.extend(prolonged_twice());
    scenes.extend(to_the_last_krone());
    scenes.extend(over_and_back());
    scenes
}

fn first_term() -> Vec<Scene> {
    let after_first_order: Figures = ("450000.00", "11550000.00", 37_500);
    vec![
        append(
            "signed: 12 000 000,00 in two years + 1 + 1",
            signed("2020-12-01"),
            QUIET,
            ("0.00", "12000000.00", 0),
        ),
        append(
            "order O1 450 000,00",
            order_placed("2020-12-10", "O1", "450000.00"),
            QUIET,
            after_first_order,
        ),
        append(
            "invoice on O1, net 450 000,00, VAT 112 500,00",
            invoice_received("2021-01-15", "INV-1", "O1", "450000.00", "112500.00"),
            QUIET,
            after_first_order,
        ),
        append(
            "invoice paid, 562 500,00",
            invoice_paid("2021-02-12", "PAY-1", "INV-1", "562500.00"),
            QUIET,
            after_first_order,
        ),
        append("O1 closed", order_closed("2021-02-15", "O1"), QUIET, after_first_order),
        Scene::Append {
            title: "order O2 3 200 000,00",
            event: Box::new(order_placed("2021-06-01", "O2", "3200000.00")),
            outcome: QUIET,
            figures: None,
        },
        append(
            "order O3 2 900 000,00",
            order_placed("2022-03-01", "O3", "2900000.00"),
            QUIET,
            ("6550000.00", "5450000.00", 545_833),
        ),
    ]
}

fn prolonged_twice() -> Vec<Scene> {
    vec![
        append(
            "option 1 exercised",
            option_exercised("2022-10-15", "option-1"),
            QUIET,
            ("6550000.00", "5450000.00", 545_833),
        ),
        Scene::TermEnd { as_of: "2022-10-15", end_date: "2023-11-30" },
        append(
            "order O4 2 750 000,00",
            order_placed("2023-02-01", "O4", "2750000.00"),
            opens(&[("THRESHOLD_REACHED", "agreement@70", None)]),
            ("9300000.00", "2700000.00", 775_000),
        ),
        Scene::Forecast(ExpectedForecast {
            as_of: "2023-02-01",
            elapsed_days: 792,
            days_left: 229,
            run_out_date: "2023-09-18",
            end_date: "2023-11-30",
        }),
        append(
            "option 2 exercised",
            option_exercised("2023-11-01", "option-2"),
            QUIET,
            ("9300000.00", "2700000.00", 775_000),
        ),
        Scene::TermEnd { as_of: "2023-11-01", end_date: "2024-11-30" },
        append(
            "order O5 2 000 000,00",
            order_placed("2024-01-15", "O5", "2000000.00"),
            opens(&[("THRESHOLD_REACHED", "agreement@85", None)]),
            ("11300000.00", "700000.00", 941_666),
        ),
    ]
}

fn to_the_last_krone() -> Vec<Scene> {
    vec![
        append(
            "order O6 700 000,01",
            order_placed("2024-06-01", "O6", "700000.01"),
            Outcome::Refused(&[("CEILING_EXCEEDED", Some("0.01"))]),
            ("11300000.00", "700000.00", 941_666),
        ),
        append(
            "order O6 700 000,00",
            order_placed("2024-06-01", "O6", "700000.00"),
            opens(&[("THRESHOLD_REACHED", "agreement@95", None)]),
            ("12000000.00", "0.00", 1_000_000),
        ),
        append(
            "order O7 0,01",
            order_placed("2024-06-03", "O7", "0.01"),
            Outcome::Refused(&[("CEILING_EXCEEDED", Some("0.01"))]),
            ("12000000.00", "0.00", 1_000_000),
        ),
    ]
}

fn over_and_back() -> Vec<Scene> {
    vec![
        append(
            "invoice on O5, net 2 050 000,00",
            invoice_received("2024-08-15", "INV-5", "O5", "2050000.00", "512500.00"),
            opens(&[
                ("OVER_INVOICED", "order:O5", Some("50000.00")),
                ("CEILING_EXCEEDED", "agreement", Some("50000.00")),
            ]),
            ("12050000.00", "-50000.00", 1_004_166),
        ),
        append(
            "credit note on it, net 50 000,00",
            credit_note_received("2024-09-02", "CN-5", "INV-5", "50000.00", "12500.00"),
            Outcome::Accepted { opened: &[], cleared: &CLEARED_AT_END },
            ("12000000.00", "0.00", 1_000_000),
        ),
        append(
            "order O8 1 000,00 after the term",
            order_placed("2024-12-01", "O8", "1000.00"),
            Outcome::Refused(&[("AGREEMENT_EXPIRED", None), ("CEILING_EXCEEDED", Some("1000.00"))]),
            ("12000000.00", "0.00", 1_000_000),
        ),
    ]
}
