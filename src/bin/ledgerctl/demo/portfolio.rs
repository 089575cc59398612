//! `demo --portfolio`: the real frameworks with a made-up history in a real server, and what a
//! person then sees.

use std::io::Write;

use clap::Args;
use contract_ledger::domain::date::Date;
use contract_ledger::generate::framework;
use contract_ledger::generate::history::{History, HistoryOptions};
use contract_ledger::wire::v1::{ImportEventsResponse, ImportOutcome};

use crate::arguments::{DeadlinesArguments, FindingsArguments, PortfolioArguments};
use crate::client::{Client, ServerAddress};
use crate::frameworks::contracts_of;
use crate::lists;
use crate::outcome::CommandError;
use crate::table::Look;

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
/// The one refusal that the history asks for.
const EXPECTED_REFUSAL: &str = "CEILING_EXCEEDED";
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
        "Imported {} events with their own recorded times; {} orders asked for were refused.",
        imported.accepted, imported.refused
    )?;
    show_portfolio(url, look, output).await?;
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

/// What a person sees on a Monday morning: the commands, as they would be typed, and what they show.
async fn show_portfolio(
    url: &str,
    look: Look,
    output: &mut impl Write,
) -> Result<(), CommandError> {
    let server = ServerAddress { url: url.to_owned(), ca_file: None };
    let words = ["portfolio", "--as-of", LAST_DAY, "--order", "usage"];
    let arguments = typed::<PortfolioArguments>(&words, output)?;
    lists::portfolio::run(&server, look, arguments, output).await?;
    let words = ["findings", "--as-of", LAST_DAY, "--severity", "high"];
    let arguments = typed::<FindingsArguments>(&words, output)?;
    lists::findings::run(&server, look, arguments, output).await?;
    let words = ["deadlines", "--as-of", LAST_DAY, "--within", "180", "--limit", "15"];
    let arguments = typed::<DeadlinesArguments>(&words, output)?;
    lists::deadlines::run(&server, look, arguments, output).await?;
    Ok(())
}

/// Shows a command and reads its arguments as the command line would.
fn typed<A: Args>(words: &[&str], output: &mut impl Write) -> Result<A, CommandError> {
    writeln!(output, "\n$ ledgerctl {}", words.join(" "))?;
    let command = A::augment_args(clap::Command::new("ledgerctl"));
    let matches = command.try_get_matches_from(words).and_then(|found| A::from_arg_matches(&found));
    Ok(matches.expect("the words above are arguments of the command"))
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
