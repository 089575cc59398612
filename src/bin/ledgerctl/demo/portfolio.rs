//! `demo --portfolio`: the real frameworks with a made-up history in a real server, and what a
//! person then sees.

use std::io::Write;

use contract_ledger::domain::date::Date;
use contract_ledger::generate::framework;
use contract_ledger::generate::history::{History, HistoryOptions};
use contract_ledger::wire::v1::{
    AgreementSummary, Deadline, DeadlineKind, FindingStatus, ImportEventsResponse, ImportOutcome,
    ListAgreementsRequest, ListDeadlinesRequest, ListFindingsRequest, Severity,
};

use crate::client::{Client, ServerAddress, with_deadline};
use crate::findings::findings_text;
use crate::frameworks::contracts_of;
use crate::money_text::{money_text, percent_text};
use crate::outcome::CommandError;
use crate::table::{Column, Look, Sheet, Tone};
use crate::words::state_text;

/// What is said before anything is shown.
pub(super) const PREFACE: &str = "\
22 framework agreements from published Norwegian notices (fixtures/README.md). Only the signatures
are real, and where a title says \"supplier assumed\" the suppliers are not. What was ordered,
invoiced and paid is made up from a seed, and says nothing about these organisations.
";

/// The made-up history: a few thousand events.
const SEED: u64 = 12;
const SCALE_PARTS: u64 = 1_000;
const FIRST_DAY: &str = "2022-01-01";
/// Every question of the demo is asked as of this day.
const LAST_DAY: &str = "2025-12-31";
/// Deadlines are shown up to this day.
const DEADLINES_TO: &str = "2026-12-31";
/// The one refusal that the history asks for.
const EXPECTED_REFUSAL: &str = "CEILING_EXCEEDED";
/// Most rows of a list.
const ROWS_MAX: i32 = 25;
/// Most unexpected answers that are told one by one.
const UNEXPECTED_SHOWN: usize = 10;

/// What became of the imported requests.
#[derive(Debug, Default)]
struct Imported {
    accepted: u64,
    refused: u64,
    unexpected: Vec<String>,
}

impl Imported {
    fn add(&mut self, answer: &ImportEventsResponse) {
        let is_expected = answer.reasons.iter().any(|reason| reason == EXPECTED_REFUSAL);
        match answer.outcome() {
            ImportOutcome::Accepted => self.accepted += 1,
            ImportOutcome::Refused if is_expected => self.refused += 1,
            ImportOutcome::Refused | ImportOutcome::Unspecified => {
                let ImportEventsResponse { request_id, reasons, .. } = answer;
                self.unexpected.push(format!("request {request_id}: {}", reasons.join(", ")));
            }
        }
    }
}

/// Imports the history and shows the portfolio. Returns what was not as it must be.
pub(super) async fn play_and_show(
    look: Look,
    url: &str,
    output: &mut impl Write,
) -> Result<Vec<String>, CommandError> {
    let mut client = Client::connect(&ServerAddress { url: url.to_owned(), ca_file: None }).await?;
    let imported = import(&mut client, history()?).await?;
    writeln!(
        output,
        "Imported {} events with their own recorded times; {} orders asked for were refused.\n",
        imported.accepted, imported.refused
    )?;
    show_portfolio(&mut client, look, output).await?;
    let mut unexpected = imported.unexpected;
    let more = unexpected.len().saturating_sub(UNEXPECTED_SHOWN);
    unexpected.truncate(UNEXPECTED_SHOWN);
    if more > 0 {
        unexpected.push(format!("and {more} more"));
    }
    if imported.accepted == 0 {
        unexpected.push("nothing was imported".to_owned());
    }
    Ok(unexpected)
}

fn history() -> Result<History, CommandError> {
    let day = |text| Date::parse(text).expect("the days above are days of the calendar");
    let (from, to) = (day(FIRST_DAY), day(LAST_DAY));
    let options = HistoryOptions { seed: SEED, scale_parts: SCALE_PARTS, from, to };
    Ok(History::of(contracts_of(&framework::embedded())?, options))
}

/// Sends everything ahead, at the pace at which the server takes it, and reads every answer.
async fn import(client: &mut Client, history: History) -> Result<Imported, CommandError> {
    let requests = tokio_stream::iter(history);
    let mut answers = client.admin.import_events(requests).await?.into_inner();
    let mut imported = Imported::default();
    while let Some(answer) = answers.message().await? {
        imported.add(&answer);
    }
    Ok(imported)
}

/// What a person sees: the agreements, the findings that matter, and the deadlines.
async fn show_portfolio(
    client: &mut Client,
    look: Look,
    output: &mut impl Write,
) -> Result<(), CommandError> {
    let agreements = ListAgreementsRequest {
        as_of: LAST_DAY.to_owned(),
        page_size: ROWS_MAX,
        ..Default::default()
    };
    let agreements = client.projection.list_agreements(with_deadline(agreements)).await?;
    let agreements = agreements.into_inner().agreements;
    writeln!(output, "The portfolio as of {LAST_DAY}:\n{}", portfolio_text(look, &agreements))?;
    let findings = ListFindingsRequest {
        as_of: LAST_DAY.to_owned(),
        severities: vec![i32::from(Severity::High)],
        statuses: vec![i32::from(FindingStatus::Open)],
        page_size: ROWS_MAX,
        ..Default::default()
    };
    let findings = client.projection.list_findings(with_deadline(findings)).await?;
    let findings = findings.into_inner().findings;
    writeln!(output, "Open findings of high severity:\n{}", findings_text(look, &findings))?;
    let deadlines = ListDeadlinesRequest {
        as_of: LAST_DAY.to_owned(),
        date_to: DEADLINES_TO.to_owned(),
        kinds: vec![i32::from(DeadlineKind::OptionNotice), i32::from(DeadlineKind::TermEnd)],
        page_size: ROWS_MAX,
        ..Default::default()
    };
    let deadlines = client.projection.list_deadlines(with_deadline(deadlines)).await?;
    let deadlines = deadlines.into_inner().deadlines;
    writeln!(output, "What ends up to {DEADLINES_TO}:\n{}", deadlines_text(look, &deadlines))?;
    Ok(())
}

fn portfolio_text(look: Look, agreements: &[AgreementSummary]) -> String {
    let heads = [
        ("agreement", Column::Fixed),
        ("state", Column::Fixed),
        ("end", Column::Fixed),
        ("used", Column::Number),
        ("elapsed", Column::Number),
        ("remaining", Column::Number),
        ("high", Column::Number),
        ("title", Column::Fixed),
    ];
    let mut sheet = Sheet::new(look, &heads);
    for agreement in agreements {
        let (state, tone) = state_text(agreement.state);
        let usage = agreement.usage.clone().unwrap_or_default();
        let end = agreement.term_in_force.clone().unwrap_or_default().end_date;
        sheet.toned_row([
            (agreement.agreement_id.clone(), Tone::Plain),
            (state.to_owned(), tone),
            (end, Tone::Plain),
            (usage.usage_ppm.map(percent_text).unwrap_or_default(), Tone::Plain),
            (percent_text(agreement.elapsed_ppm), Tone::Plain),
            (money_text(usage.remaining.as_ref()), Tone::Plain),
            (agreement.findings_high.to_string(), Tone::Plain),
            (agreement.title.clone(), Tone::Quiet),
        ]);
    }
    sheet.text()
}

fn deadlines_text(look: Look, deadlines: &[Deadline]) -> String {
    let heads = [
        ("date", Column::Fixed),
        ("days", Column::Number),
        ("agreement", Column::Fixed),
        ("what", Column::Fixed),
    ];
    let mut sheet = Sheet::new(look, &heads);
    for deadline in deadlines {
        let what = match deadline.kind() {
            DeadlineKind::OptionNotice => format!("last day to use {}", deadline.subject_id),
            DeadlineKind::TermEnd => "the term ends".to_owned(),
            DeadlineKind::ReservationExpiry
            | DeadlineKind::RetentionRelease
            | DeadlineKind::OverrideEnd
            | DeadlineKind::Unspecified => deadline.subject_id.clone(),
        };
        sheet.row([
            deadline.date.clone(),
            deadline.days_left.to_string(),
            deadline.agreement_id.clone(),
            what,
        ]);
    }
    sheet.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_is_a_few_thousand_events() {
        let count = history().unwrap().count();
        assert!((2_000..=8_000).contains(&count), "{count}");
    }

    #[test]
    fn only_orders_over_the_maximum_may_be_refused() {
        let answer = |outcome: ImportOutcome, reasons: &[&str]| ImportEventsResponse {
            outcome: i32::from(outcome),
            reasons: reasons.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        let mut imported = Imported::default();
        imported.add(&answer(ImportOutcome::Accepted, &[]));
        imported.add(&answer(ImportOutcome::Refused, &["AGREEMENT_SUSPENDED", EXPECTED_REFUSAL]));
        imported.add(&answer(ImportOutcome::Refused, &["UNKNOWN_ORDER"]));
        assert_eq!((imported.accepted, imported.refused), (1, 1));
        assert_eq!(imported.unexpected.len(), 1);
    }
}
