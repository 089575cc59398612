//! The command line: what may be asked, and the help that teaches it. Parses; does nothing.

use std::path::PathBuf;

use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use contract_ledger::wire::v1::{AsKnown, EventType};

use crate::frameworks::FrameworksArguments;
use crate::generate::GenerateArguments;
use crate::time_text::{parse_as_known, parse_date};
use crate::words::event_type_names;

const EXIT_CODES: &str = "\
Exit codes:
  0  done; with append: every line was accepted
  1  the ledger answered with an error; with append: to at least one line; with demo: a figure is wrong
  2  not carried out: wrong arguments, no connection, no file";

const FIRST_STEPS: &str = "\
First steps:
  ledgerctl demo                                   one agreement from signature to the last krone
  ledgerctl append events.jsonl                    append a file of requests
  ledgerctl usage asker-2020                       what is left today
  ledgerctl usage asker-2020 --as-of 2023-02-01    what was left on a day
  ledgerctl history asker-2020                     everything that ever happened";

/// Client of the contract ledger: appends events, and asks what is left of every ceiling.
#[derive(Debug, Parser)]
#[command(name = "ledgerctl", version, after_help = FIRST_STEPS, after_long_help = format!("{FIRST_STEPS}\n\n{EXIT_CODES}"))]
pub(crate) struct Arguments {
    /// Address of the ledger.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LEDGERCTL_SERVER",
        default_value = "http://127.0.0.1:7401"
    )]
    pub(crate) server: String,
    /// PEM file with the authority of the server's certificate, for an https:// address.
    #[arg(long, global = true, value_name = "FILE", env = "LEDGERCTL_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Tables without colour, also on a terminal.
    #[arg(long, global = true, env = "NO_COLOR", value_parser = FalseyValueParser::new())]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Append requests from a file, one a line.
    ///
    /// Each line is an AppendEventsRequest in the protobuf JSON mapping; blank lines are skipped.
    /// Each is answered by one JSON line, {"line":1,"ok":true,"response":{...}} or
    /// {"line":2,"ok":false,"code":"...","reason":"...","refusals":[...]}.
    ///
    /// A refused line does not stop the lines after it. Repeating a file is safe: a request id that
    /// the ledger knows gets its first answer again.
    Append(AppendArguments),
    /// Show how much of every ceiling is used, the forecast and the open findings.
    Usage(UsageArguments),
    /// Show what is agreed: parties, term in force, options, ceilings, state.
    Agreement(AgreementArguments),
    /// Show everything that ever happened on an agreement, with exposure before and after.
    History(HistoryArguments),
    /// Read the log, forwards or backwards.
    Events(EventsArguments),
    /// Show how long the log is.
    Head(HeadArguments),
    /// Start a ledger of its own, play a real agreement through it and check every figure.
    ///
    /// The ledger is a process of its own on a temporary folder and a free port of this machine. The
    /// framework agreement of Asker kommune and HyperRedink is sent to it through gRPC step by step,
    /// and every figure of the answers is compared with what it must be. Needs no network and leaves
    /// nothing behind.
    Demo(DemoArguments),
    /// Write published notices of framework agreements as requests that sign them.
    Frameworks(FrameworksArguments),
    /// Write a made-up history of those agreements as requests to import.
    ///
    /// Each line is an ImportEventsRequest in the protobuf JSON mapping, in the order of recording.
    /// Only the signatures come from notices; everything else is invented from the seed.
    Generate(GenerateArguments),
    /// Write a completion script for a shell.
    Completions(CompletionsArguments),
}

/// Arguments of `append`.
#[derive(Debug, Args)]
#[command(after_help = r#"Example:
  ledgerctl append - <<'END'
  {"requestId":"0193b3c0-5f5e-4c6a-8b1e-2f6d7c1a9e01","agreementId":"asker-2020","events":[{"effectiveDate":"2023-02-01","admissionMode":"ADMISSION_MODE_INTENT","orderPlaced":{"orderId":"O4","buyer":{"number":"920125298"},"supplier":{"number":"314159268"},"amount":{"amount":"2750000.00","currency":"NOK"}}}]}
  END

  ledgerctl append events.jsonl | jq -c 'select(.ok | not) | [.line, .reason]'"#)]
pub(crate) struct AppendArguments {
    /// File of JSON lines, or - for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
}

/// The two times of a question, and how fresh the answer must be.
#[derive(Debug, Args)]
pub(crate) struct TimeArguments {
    /// Business date that the answer is for. Without it: today in Europe/Oslo.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) as_of: Option<String>,
    /// Answer with what the ledger knew then: a day (to its end in Europe/Oslo) or an instant.
    #[arg(long, value_name = "DAY|INSTANT", value_parser = parse_as_known)]
    pub(crate) as_known: Option<AsKnown>,
    /// Wait until this position of the log is taken into account.
    #[arg(long, value_name = "POSITION")]
    pub(crate) min_position: Option<u64>,
}

/// Arguments of `usage`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl usage asker-2020
  ledgerctl usage asker-2020 --as-of 2025-03-31 --as-known 2025-04-10
  ledgerctl usage asker-2020 --json | jq -r .usage.scopes[0].remaining.amount")]
pub(crate) struct UsageArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    /// Print the GetCeilingUsageResponse as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `agreement`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  ledgerctl agreement asker-2020 --as-of 2022-10-15")]
pub(crate) struct AgreementArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    /// Print the GetAgreementResponse as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `history`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl history asker-2020
  ledgerctl history asker-2020 --as-known 2025-01-31
  ledgerctl history asker-2020 --json | jq -c .findingsOpened[].rule")]
pub(crate) struct HistoryArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    /// Begin at this version of the agreement; earlier ones still count in the sums.
    #[arg(long, value_name = "VERSION", default_value_t = 0)]
    pub(crate) from_version: u64,
    /// Print each HistoryEntry as JSON on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `events`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl events --backwards --limit 10
  ledgerctl events --agreement asker-2020 --type order-placed --type order-changed
  ledgerctl events --from 5000 --json > log.jsonl")]
pub(crate) struct EventsArguments {
    /// Only this agreement.
    #[arg(long, value_name = "AGREEMENT")]
    pub(crate) agreement: Option<String>,
    /// Only this type, such as order-placed; may be repeated. Refused requests are then left out.
    #[arg(long = "type", value_name = "TYPE", value_parser = event_type_parser(), hide_possible_values = true)]
    pub(crate) types: Vec<EventType>,
    /// Newest first.
    #[arg(long)]
    pub(crate) backwards: bool,
    /// First position to look at. Without it: the start, or the head when backwards.
    #[arg(long, value_name = "POSITION")]
    pub(crate) from: Option<u64>,
    /// At most so many records; 0 for all. Without it: 1000 in a table, all as JSON.
    #[arg(long, value_name = "RECORDS")]
    pub(crate) limit: Option<u64>,
    /// Leave refused requests out.
    #[arg(long)]
    pub(crate) no_refusals: bool,
    /// Print each Record as JSON on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `head`.
#[derive(Debug, Args)]
pub(crate) struct HeadArguments {
    /// Print the GetHeadResponse as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl demo
  ledgerctl demo --portfolio
  ledgerctl demo --keep /tmp/demo      and then: ledgerd --data-dir /tmp/demo/data")]
pub(crate) struct DemoArguments {
    /// Import the frameworks of real notices with a made-up history, and show the portfolio.
    #[arg(long)]
    pub(crate) portfolio: bool,
    /// Keep the data and the server's log in this folder, which must be empty or absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  source <(ledgerctl completions bash)
  ledgerctl completions fish > ~/.config/fish/completions/ledgerctl.fish")]
pub(crate) struct CompletionsArguments {
    /// Shell that the script is for.
    pub(crate) shell: Shell,
}

fn event_type_parser() -> impl clap::builder::TypedValueParser<Value = EventType> {
    PossibleValuesParser::new(event_type_names().map(|(name, _)| name)).map(|chosen| {
        event_type_names()
            .find_map(|(name, event_type)| (name == chosen).then_some(event_type))
            .expect("clap lets only listed names through")
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn event_types_are_named_on_the_command_line() {
        let arguments = Arguments::parse_from(["ledgerctl", "events", "--type", "order-placed"]);
        let Command::Events(events) = arguments.command else {
            panic!("events was asked for");
        };
        assert_eq!(events.types, [EventType::OrderPlaced]);
    }

    #[test]
    fn unknown_event_type_is_refused() {
        assert!(Arguments::try_parse_from(["ledgerctl", "events", "--type", "order"]).is_err());
    }
}
