//! Arguments of the commands that read the log and follow it: `events`, `subscribe`, `watch`.

use std::path::PathBuf;

use clap::Args;
use contract_ledger::wire::v1::{EventType, Severity};

use super::values::{event_types, rule_name, severities};

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
    #[arg(long = "type", value_name = "TYPE", value_parser = event_types(), hide_possible_values = true)]
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

/// Arguments of `subscribe`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl subscribe --agreement asker-2020
  ledgerctl subscribe --from 0 --until-caught-up --json > log.jsonl
  ledgerctl subscribe --type order-placed --type invoice-received

Where the stream is is told on standard error; a connection that breaks is taken up again by itself.")]
pub(crate) struct SubscribeArguments {
    /// First position to look at, 0 for everything. Without it: what is recorded from now on.
    #[arg(long, value_name = "POSITION")]
    pub(crate) from: Option<u64>,
    /// Only this agreement.
    #[arg(long, value_name = "AGREEMENT")]
    pub(crate) agreement: Option<String>,
    /// Only this type, such as order-placed; may be repeated. Refused requests are then left out.
    #[arg(long = "type", value_name = "TYPE", value_parser = event_types(), hide_possible_values = true)]
    pub(crate) types: Vec<EventType>,
    /// Leave refused requests out.
    #[arg(long)]
    pub(crate) no_refusals: bool,
    /// End once everything recorded so far is told.
    #[arg(long)]
    pub(crate) until_caught_up: bool,
    /// Print each Record as JSON on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `watch`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl watch --severity high
  ledgerctl watch --rule OVER_INVOICED --no-deadlines
  ledgerctl watch --resume-file notices.json --until-caught-up      what is new since the last run")]
pub(crate) struct WatchArguments {
    /// Only this agreement.
    #[arg(long, value_name = "AGREEMENT")]
    pub(crate) agreement: Option<String>,
    /// Only findings of this severity; may be repeated.
    #[arg(long = "severity", value_name = "SEVERITY", value_parser = severities())]
    pub(crate) severities: Vec<Severity>,
    /// Only findings of this rule, such as OVER_INVOICED; may be repeated.
    #[arg(long = "rule", value_name = "RULE", value_parser = rule_name)]
    pub(crate) rules: Vec<String>,
    /// Tell deadlines so many days ahead. Without it: 90.
    #[arg(long, value_name = "DAYS", conflicts_with = "no_deadlines")]
    pub(crate) deadline_days: Option<u32>,
    /// Leave deadlines out.
    #[arg(long)]
    pub(crate) no_deadlines: bool,
    /// Go on from where this file says, and keep it up to date; made when it is missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) resume_file: Option<PathBuf>,
    /// End once everything recorded so far is told.
    #[arg(long)]
    pub(crate) until_caught_up: bool,
    /// Print each Notice as JSON on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
}
