//! Arguments that many commands share: the two times, how fresh, how many rows.

use clap::Args;
use contract_ledger::wire::v1::AsKnown;

use crate::time_text::{parse_as_known, parse_date};

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

/// Up to when the ledger's knowledge counts, for questions without a business date.
#[derive(Debug, Args)]
pub(crate) struct KnownArguments {
    /// Answer with what the ledger knew then: a day (to its end in Europe/Oslo) or an instant.
    #[arg(long, value_name = "DAY|INSTANT", value_parser = parse_as_known)]
    pub(crate) as_known: Option<AsKnown>,
    /// Wait until this position of the log is taken into account.
    #[arg(long, value_name = "POSITION")]
    pub(crate) min_position: Option<u64>,
}

/// How many rows of a list, and for whom.
#[derive(Debug, Args)]
pub(crate) struct PageArguments {
    /// At most so many rows. Without it: all.
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Print each row as JSON on a line of its own.
    #[arg(long)]
    pub(crate) json: bool,
}
