//! The answer as it stands in the file: usage of every ceiling, forecast, findings. Figures are texts, so
//! that what is compared is what was written.

use serde::{Deserialize, Serialize};

use super::bounded::List;
use crate::wire::record::from_timestamp;
use crate::wire::v1;

/// Most ceilings of an answer.
pub const SCOPES_MAX: usize = 4096;
/// Most findings of an answer.
pub const FINDINGS_MAX: usize = 100_000;
/// Most positions that one finding names.
pub const EVIDENCE_MAX: usize = 100_000;

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// Version of the agreement that it is true for.
    pub agreement_version: u64,
    /// Last position of the log that it takes into account.
    pub position: u64,
    /// The agreement first, then lots, suppliers and buyers that have a ceiling of their own.
    pub scopes: List<ScopeAnswer, SCOPES_MAX>,
    /// When the agreement's ceiling runs out. Absent: there is no forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastAnswer>,
    /// Every episode of every finding, open and cleared, by rule, subject and episode.
    pub findings: List<FindingAnswer, FINDINGS_MAX>,
}

/// Use of one ceiling.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ScopeAnswer {
    /// `agreement`, `lot:ID`, `supplier:ID` or `buyer:ID`.
    pub scope: String,
    /// Name of a `CeilingKind`.
    pub kind: String,
    /// ISO 4217 code of every amount.
    pub currency: String,
    /// The ceiling.
    pub ceiling: String,
    /// Open reservations.
    pub reserved: String,
    /// Open orders.
    pub committed: String,
    /// Invoices less credit notes.
    pub invoiced: String,
    /// Prepayments not yet offset.
    pub prepaid: String,
    /// Money paid, VAT included.
    pub paid: String,
    /// What counts against the ceiling.
    pub exposure: String,
    /// Ceiling less exposure.
    pub remaining: String,
    /// Share used, in parts per million. Absent: the ceiling is zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_ppm: Option<i64>,
}

/// When the ceiling runs out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForecastAnswer {
    /// Days from the start of the term.
    pub elapsed_days: i64,
    /// Days that what is left lasts.
    pub days_left: i64,
    /// Then it runs out. Empty: beyond the calendar.
    pub run_out_date: String,
    /// End of the term in force.
    pub end_date: String,
    /// Whether it runs out before.
    pub runs_out_early: bool,
}

/// One episode of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindingAnswer {
    /// Its id.
    pub finding_id: String,
    /// The rule.
    pub rule: String,
    /// What it is about.
    pub subject: String,
    /// Which time it was open.
    pub episode: u32,
    /// Name of a `Severity`.
    pub severity: String,
    /// Name of a `FindingStatus`.
    pub status: String,
    /// How far the rule is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<MoneyText>,
    /// Days, where the rule counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
    /// First day of the breach.
    pub first_breach_date: String,
    /// When it became known.
    pub known_time: String,
    /// When it was known to have cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_time: Option<String>,
    /// Name of a `FindingHandling`.
    pub handling: String,
    /// The event that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handled_position: Option<u64>,
    /// Positions of the events that it rests on.
    pub evidence_positions: List<u64, EVIDENCE_MAX>,
}

/// An amount of a currency.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MoneyText {
    /// Decimal.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
}

/// An answer as the ledger gives it, for the file.
pub(super) fn of_told(usage: &v1::CeilingUsage, findings: &[v1::Finding]) -> Answer {
    Answer {
        agreement_version: usage.agreement_version,
        position: usage.position,
        scopes: List(usage.scopes.iter().map(scope).collect()),
        forecast: usage.forecast.as_ref().map(forecast),
        findings: List(findings.iter().map(finding).collect()),
    }
}

fn scope(told: &v1::ScopeUsage) -> ScopeAnswer {
    let amount = |money: &Option<v1::Money>| {
        money.as_ref().map(|money| money.amount.clone()).unwrap_or_default()
    };
    let currency = told.ceiling.as_ref().map(|money| money.currency.clone());
    ScopeAnswer {
        scope: scope_text(told.scope.as_ref()),
        kind: told.kind().as_str_name().to_owned(),
        currency: currency.unwrap_or_default(),
        ceiling: amount(&told.ceiling),
        reserved: amount(&told.reserved),
        committed: amount(&told.committed),
        invoiced: amount(&told.invoiced),
        prepaid: amount(&told.prepaid),
        paid: amount(&told.paid),
        exposure: amount(&told.exposure),
        remaining: amount(&told.remaining),
        usage_ppm: told.usage_ppm,
    }
}

fn scope_text(scope: Option<&v1::Scope>) -> String {
    use v1::scope::Scope;
    let organisation = |id: &v1::OrganisationId| match id.scheme.as_str() {
        "" => id.number.clone(),
        scheme => format!("{scheme}:{}", id.number),
    };
    match scope.and_then(|scope| scope.scope.as_ref()) {
        Some(Scope::Agreement(_)) | None => "agreement".to_owned(),
        Some(Scope::LotId(lot)) => format!("lot:{lot}"),
        Some(Scope::Supplier(id)) => format!("supplier:{}", organisation(id)),
        Some(Scope::Buyer(id)) => format!("buyer:{}", organisation(id)),
    }
}

fn forecast(told: &v1::Forecast) -> ForecastAnswer {
    let v1::Forecast { elapsed_days, days_left, run_out_date, end_date, runs_out_early } = told;
    ForecastAnswer {
        elapsed_days: *elapsed_days,
        days_left: *days_left,
        run_out_date: run_out_date.clone(),
        end_date: end_date.clone(),
        runs_out_early: *runs_out_early,
    }
}

fn finding(told: &v1::Finding) -> FindingAnswer {
    let known = told.known_time.as_ref().and_then(from_timestamp);
    let cleared = told.cleared_time.as_ref().and_then(from_timestamp);
    FindingAnswer {
        finding_id: told.finding_id.clone(),
        rule: told.rule.clone(),
        subject: told.subject.clone(),
        episode: told.episode,
        severity: told.severity().as_str_name().to_owned(),
        status: told.status().as_str_name().to_owned(),
        amount: told.amount.as_ref().map(money_text),
        days: told.days,
        first_breach_date: told.first_breach_date.clone(),
        known_time: known.map(|time| time.to_string()).unwrap_or_default(),
        cleared_time: cleared.map(|time| time.to_string()),
        handling: told.handling().as_str_name().to_owned(),
        handled_position: told.handled_position,
        evidence_positions: List(told.evidence_positions.clone()),
    }
}

pub(super) fn money_text(money: &v1::Money) -> MoneyText {
    MoneyText { amount: money.amount.clone(), currency: money.currency.clone() }
}

pub(super) fn money_of(text: &MoneyText) -> v1::Money {
    v1::Money { amount: text.amount.clone(), currency: text.currency.clone() }
}
