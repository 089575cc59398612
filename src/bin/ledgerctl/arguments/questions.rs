//! Arguments of questions about one agreement that have one answer: `forecast`, `breakdown`.

use clap::Args;
use contract_ledger::wire::v1::BreakdownDimension;

use super::TimeArguments;
use super::values::dimensions;

/// Arguments of `forecast`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  ledgerctl forecast asker-2020 --as-of 2023-02-01")]
pub(crate) struct ForecastArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    /// Print the GetForecastResponse as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `breakdown`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl breakdown asker-2020 --by department
  ledgerctl breakdown asker-2020 --by month --as-of 2023-12-31")]
pub(crate) struct BreakdownArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    /// By what the sums are broken down.
    #[arg(long, value_name = "DIMENSION", value_parser = dimensions())]
    pub(crate) by: BreakdownDimension,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    /// Print the GetBreakdownResponse as JSON on one line.
    #[arg(long)]
    pub(crate) json: bool,
}
