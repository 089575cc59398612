//! Arguments of the lists: filters as people name them.

use clap::{Args, ValueEnum};
use contract_ledger::wire::v1::{
    AgreementState, DeadlineKind, FindingHandling, InvoiceState, OrderState, OrganisationId,
    PortfolioOrder, Severity,
};
use prost_types::Timestamp;

use super::values::{
    agreement_states, deadline_kinds, handlings, invoice_states, order_states, organisation,
    percent, portfolio_orders, rule_name, severities,
};
use super::{KnownArguments, PageArguments, TimeArguments};
use crate::time_text::{parse_date, parse_since};

/// Deadlines that are shown when nobody says how far to look.
const DEADLINE_DAYS_USUAL: i64 = 90;

/// Arguments of `portfolio`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl portfolio --order usage
  ledgerctl portfolio --used-min 85 --state active
  ledgerctl portfolio --ends-from 2026-01-01 --ends-to 2026-06-30 --order end")]
pub(crate) struct PortfolioArguments {
    /// Only agreements that this organisation may buy under.
    #[arg(long, value_name = "NUMBER", value_parser = organisation)]
    pub(crate) buyer: Option<OrganisationId>,
    /// Only agreements that this organisation may deliver under.
    #[arg(long, value_name = "NUMBER", value_parser = organisation)]
    pub(crate) supplier: Option<OrganisationId>,
    /// Only agreements in this state; may be repeated.
    #[arg(long = "state", value_name = "STATE", value_parser = agreement_states())]
    pub(crate) states: Vec<AgreementState>,
    /// Only agreements with at least this share of their ceiling used.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub(crate) used_min: Option<i64>,
    /// Only agreements whose term ends on this day or later.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) ends_from: Option<String>,
    /// Only agreements whose term ends on this day or earlier.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) ends_to: Option<String>,
    /// Largest share used first, earliest end first, or by id.
    #[arg(long, value_name = "ORDER", value_parser = portfolio_orders(), default_value = "id")]
    pub(crate) order: PortfolioOrder,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
}

/// Which findings by status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatusChoice {
    /// The condition holds.
    Open,
    /// It held, and no longer does.
    Cleared,
    /// Both.
    All,
}

/// Arguments of `findings`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl findings asker-2020
  ledgerctl findings --severity high --handling none
  ledgerctl findings asker-2020 --status all --as-known 2024-08-31")]
pub(crate) struct FindingsArguments {
    /// Agreement id. Without it: all agreements.
    pub(crate) agreement: Option<String>,
    /// Only this rule, such as OVER_INVOICED; may be repeated.
    #[arg(long = "rule", value_name = "RULE", value_parser = rule_name)]
    pub(crate) rules: Vec<String>,
    /// Only this severity; may be repeated.
    #[arg(long = "severity", value_name = "SEVERITY", value_parser = severities())]
    pub(crate) severities: Vec<Severity>,
    /// Whether the condition holds.
    #[arg(long, value_name = "STATUS", value_enum, default_value_t = StatusChoice::Open)]
    pub(crate) status: StatusChoice,
    /// Only findings of which people have done this; may be repeated.
    #[arg(long = "handling", value_name = "HANDLING", value_parser = handlings())]
    pub(crate) handlings: Vec<FindingHandling>,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
}

/// Arguments of `orders`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl orders asker-2020 --state open
  ledgerctl orders --supplier 314159268 --placed-from 2024-01-01")]
pub(crate) struct OrdersArguments {
    /// Agreement id. Without it: all agreements.
    pub(crate) agreement: Option<String>,
    /// Only orders in this state; may be repeated.
    #[arg(long = "state", value_name = "STATE", value_parser = order_states())]
    pub(crate) states: Vec<OrderState>,
    /// Only orders of this buyer.
    #[arg(long, value_name = "NUMBER", value_parser = organisation)]
    pub(crate) buyer: Option<OrganisationId>,
    /// Only orders to this supplier.
    #[arg(long, value_name = "NUMBER", value_parser = organisation)]
    pub(crate) supplier: Option<OrganisationId>,
    /// Only orders on this lot.
    #[arg(long, value_name = "LOT")]
    pub(crate) lot: Option<String>,
    /// Only orders of this department.
    #[arg(long, value_name = "DEPARTMENT")]
    pub(crate) department: Option<String>,
    /// Only orders placed on this day or later.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) placed_from: Option<String>,
    /// Only orders placed on this day or earlier.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) placed_to: Option<String>,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
}

/// Answer to a question that a filter puts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum YesNo {
    /// Only those with it.
    Yes,
    /// Only those without it.
    No,
}

/// Arguments of `invoices`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl invoices asker-2020 --outstanding
  ledgerctl invoices --state disputed
  ledgerctl invoices asker-2020 --order O5 --retained=no")]
pub(crate) struct InvoicesArguments {
    /// Agreement id. Without it: all agreements.
    pub(crate) agreement: Option<String>,
    /// Only invoices in this state; may be repeated.
    #[arg(long = "state", value_name = "STATE", value_parser = invoice_states())]
    pub(crate) states: Vec<InvoiceState>,
    /// Only invoices that name this order.
    #[arg(long, value_name = "ORDER")]
    pub(crate) order: Option<String>,
    /// Only invoices of this supplier.
    #[arg(long, value_name = "NUMBER", value_parser = organisation)]
    pub(crate) supplier: Option<OrganisationId>,
    /// Only invoices with something outstanding, or with nothing.
    #[arg(long, value_name = "YES|NO", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    pub(crate) outstanding: Option<YesNo>,
    /// Only invoices with something held back, or with nothing.
    #[arg(long, value_name = "YES|NO", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "yes")]
    pub(crate) retained: Option<YesNo>,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
}

/// Arguments of `deadlines`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl deadlines --within 30
  ledgerctl deadlines asker-2020 --kind option-notice --within 3650")]
pub(crate) struct DeadlinesArguments {
    /// Agreement id. Without it: all agreements.
    pub(crate) agreement: Option<String>,
    /// Only days up to so many after the day that is asked for.
    #[arg(long, value_name = "DAYS", default_value_t = DEADLINE_DAYS_USUAL, conflicts_with = "to")]
    pub(crate) within: i64,
    /// Only days from this one on. Without it: from the day that is asked for.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) from: Option<String>,
    /// Only days up to this one, instead of --within.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    pub(crate) to: Option<String>,
    /// Only this kind; may be repeated.
    #[arg(long = "kind", value_name = "KIND", value_parser = deadline_kinds())]
    pub(crate) kinds: Vec<DeadlineKind>,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
}

/// Arguments of `amendments`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  ledgerctl amendments asker-2020 --as-of 2024-12-31")]
pub(crate) struct AmendmentsArguments {
    /// Agreement id.
    pub(crate) agreement: String,
    #[command(flatten)]
    pub(crate) times: TimeArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
}

/// Arguments of `refusals`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledgerctl refusals asker-2020
  ledgerctl refusals --reason CEILING_EXCEEDED --since 2024-06-01")]
pub(crate) struct RefusalsArguments {
    /// Agreement id. Without it: all agreements.
    pub(crate) agreement: Option<String>,
    /// Only refusals for this reason, such as CEILING_EXCEEDED; may be repeated.
    #[arg(long = "reason", value_name = "REASON", value_parser = rule_name)]
    pub(crate) reasons: Vec<String>,
    /// Only refusals recorded then or later: a day (from its beginning in Europe/Oslo) or an instant.
    #[arg(long, value_name = "DAY|INSTANT", value_parser = parse_since)]
    pub(crate) since: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) known: KnownArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
}
