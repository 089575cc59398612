//! One row an agreement: everything that the portfolio shows, true from a day on.
//!
//! From the day on which an agreement's events have all taken effect, only the passing of days
//! changes its summary: the state, the elapsed share of the term, the forecast. A [`Row`] holds the
//! rest, so that a summary for any later day needs no fold. For an earlier day a row is made for
//! that day alone.

use std::collections::BTreeSet;

use crate::domain::agreement::Agreement;
use crate::domain::charter::Charter;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::event::Nature;
use crate::domain::finding::Finding;
use crate::domain::forecast::Forecast;
use crate::domain::id::{AgreementId, Position, Version};
use crate::domain::money::Currency;
use crate::domain::organisation::OrganisationId;
use crate::domain::reason::{Reason, Severity};
use crate::domain::scope::Scope;
use crate::domain::usage::{ScopeUsage, Usage};
use crate::domain::view::AgreementState;

/// Texts of the signature that no rule reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    /// Case or contract number at the owner.
    pub reference: String,
    /// Title.
    pub title: String,
    /// The organisation that runs the agreement.
    pub owner: OrganisationId,
    /// Its name.
    pub owner_name: String,
}

/// Open findings by severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SeverityCounts {
    /// High.
    pub high: u32,
    /// Medium.
    pub medium: u32,
    /// Low.
    pub low: u32,
}

impl SeverityCounts {
    /// Counts findings, without the forecast, which the passing of days opens and clears.
    pub fn of<'a>(open: impl IntoIterator<Item = &'a Finding>) -> Self {
        let rules = open.into_iter().map(|finding| finding.key.rule);
        rules.filter(|rule| *rule != Reason::ForecastRunsOutEarly).fold(Self::default(), Self::and)
    }

    #[must_use]
    fn and(mut self, rule: Reason) -> Self {
        let count = match rule.severity() {
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
        };
        *count = count.saturating_add(1);
        self
    }
}

/// What the portfolio shows of an agreement, from a day on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Which.
    pub agreement: AgreementId,
    /// Version that it is true for.
    pub version: Version,
    /// Position of the event of that version.
    pub last_position: Position,
    /// When that event was recorded.
    pub last_recorded: RecordedTime,
    /// First day that it is true for.
    pub from: Date,
    /// None when the agreement is not signed.
    pub agreed: Option<Agreed>,
}

/// The part of a row that a signed agreement has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed {
    /// Texts of the signature.
    pub texts: Texts,
    /// What is bought.
    pub nature: Nature,
    /// Currency of every amount.
    pub currency: Currency,
    /// Buyers, in the order in which they joined.
    pub buyers: Vec<OrganisationId>,
    /// Suppliers, in the order in which they joined.
    pub suppliers: Vec<OrganisationId>,
    /// First day of the term.
    pub start: Date,
    /// Last day of the term in force.
    pub end: Date,
    /// Last day if every remaining time option is exercised.
    pub last_possible_end: Date,
    /// The days on which the state changes, rising, from the row's first day on.
    pub states: Vec<(Date, AgreementState)>,
    /// Use of every ceiling, the agreement's first.
    pub scopes: Vec<ScopeUsage>,
    /// Open findings but for the forecast.
    pub findings: SeverityCounts,
    /// Orders placed, in every state.
    pub orders: u64,
    /// Invoices, rejected ones too.
    pub invoices: u64,
}

/// A row as of a day.
#[derive(Debug, Clone)]
pub struct Summary<'a> {
    /// The row.
    pub row: &'a Row,
    /// Its agreed part.
    pub agreed: &'a Agreed,
    /// Use of the agreement's own ceiling.
    pub usage: &'a ScopeUsage,
    /// How many other ceilings are passed.
    pub exceeded_scopes: u32,
    /// State on the day.
    pub state: AgreementState,
    /// Share of the term in force that has elapsed.
    pub elapsed_ppm: i64,
    /// Forecast on the day.
    pub forecast: Option<Forecast>,
    /// Open findings, the forecast included.
    pub findings: SeverityCounts,
}

impl Row {
    /// The row of an agreement from a day on. It is true for later days too when that day is not
    /// before [`Agreement::settled_from`]. None without events, and, with `texts` missing, for an
    /// agreement that is signed.
    pub fn from_day(
        agreement: &Agreement,
        from: Date,
        texts: Option<Texts>,
        findings: SeverityCounts,
    ) -> Option<Self> {
        let last = agreement.newest_event()?;
        let agreed = match agreement.charter_at(from) {
            None => None,
            Some(charter) => Some(agreed(agreement, charter, from, texts?, findings)?),
        };
        Some(Self {
            agreement: agreement.id().clone(),
            version: agreement.version(),
            last_position: last.position,
            last_recorded: last.recorded,
            from,
            agreed,
        })
    }

    /// The row as of a day that is not before its first. None when the agreement is not signed.
    pub fn summary(&self, as_of: Date) -> Option<Summary<'_>> {
        let agreed = self.agreed.as_ref()?;
        let usage = agreed.scopes.iter().find(|usage| usage.scope == Scope::Agreement)?;
        let (_, state) = agreed.states.iter().rev().find(|(from, _)| *from <= as_of)?;
        let passed =
            |usage: &&ScopeUsage| usage.scope != Scope::Agreement && usage.remaining.is_negative();
        let exceeded = agreed.scopes.iter().filter(passed).count();
        let exposure = usage.sums.exposure;
        let forecast = Forecast::at(as_of, agreed.start, agreed.end, exposure, usage.remaining);
        let early = forecast.is_some_and(|forecast| forecast.runs_out_early());
        let findings = agreed.findings;
        Some(Summary {
            row: self,
            agreed,
            usage,
            exceeded_scopes: u32::try_from(exceeded).unwrap_or(u32::MAX),
            state: *state,
            elapsed_ppm: elapsed_ppm(agreed.start, agreed.end, as_of),
            forecast,
            findings: if early { findings.and(Reason::ForecastRunsOutEarly) } else { findings },
        })
    }
}

fn agreed(
    agreement: &Agreement,
    charter: &Charter,
    day: Date,
    texts: Texts,
    findings: SeverityCounts,
) -> Option<Agreed> {
    let (terms, stage) = (charter.terms(), charter.stage_at(day));
    let usage = Usage::at(agreement, day)?;
    let (orders, invoices) = agreement.document_counts(day);
    Some(Agreed {
        texts,
        nature: terms.nature,
        currency: usage.currency,
        buyers: stage.buyers.to_vec(),
        suppliers: stage.suppliers.to_vec(),
        start: terms.start,
        end: stage.end,
        last_possible_end: charter.last_possible_end(day),
        states: states(agreement, terms.start, stage.end, day),
        scopes: usage.scopes,
        findings,
        orders,
        invoices,
    })
}

/// The states from a day on, after which the passing of days changes them only around the ends of
/// the term and of whatever happened on that day.
fn states(
    agreement: &Agreement,
    start: Date,
    end: Date,
    from: Date,
) -> Vec<(Date, AgreementState)> {
    let turning_points = [from, start, end];
    let days: BTreeSet<Date> = turning_points
        .into_iter()
        .flat_map(|day| [Some(day), day.plus_days(1)])
        .flatten()
        .filter(|day| *day >= from)
        .collect();
    let mut states: Vec<(Date, AgreementState)> = Vec::new();
    for day in days {
        if let Some(state) = agreement.state(day)
            && states.last().is_none_or(|(_, last)| *last != state)
        {
            states.push((day, state));
        }
    }
    states
}

/// Floor of the days from the start to the day, of those from the start to the end, in parts per
/// million; 0 before the start, and at most 1 000 000.
pub fn elapsed_ppm(start: Date, end: Date, as_of: Date) -> i64 {
    if as_of < start {
        return 0;
    }
    if as_of >= end {
        return 1_000_000;
    }
    as_of.days_since(start) * 1_000_000 / end.days_since(start)
}

/// Which agreements. Everything that is set must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortfolioFilter {
    /// That this organisation may buy under.
    pub buyer: Option<OrganisationId>,
    /// That this organisation may deliver under.
    pub supplier: Option<OrganisationId>,
    /// In one of these states. Empty: all.
    pub states: Vec<AgreementState>,
    /// With at least this share of their own ceiling used.
    pub usage_ppm_min: Option<i64>,
    /// Whose term in force ends on this day or later.
    pub end_from: Option<Date>,
    /// Whose term in force ends on this day or earlier.
    pub end_to: Option<Date>,
}

impl PortfolioFilter {
    /// Whether an agreement is asked for. A ceiling of zero has no share that could be large enough.
    pub fn matches(&self, summary: &Summary<'_>) -> bool {
        let Self { buyer, supplier, states, usage_ppm_min, end_from, end_to } = self;
        let agreed = summary.agreed;
        let among = |asked: &Option<OrganisationId>, parties: &[OrganisationId]| {
            asked.as_ref().is_none_or(|asked| parties.contains(asked))
        };
        among(buyer, &agreed.buyers)
            && among(supplier, &agreed.suppliers)
            && (states.is_empty() || states.contains(&summary.state))
            && usage_ppm_min.is_none_or(|min| summary.usage.usage_ppm.is_some_and(|ppm| ppm >= min))
            && end_from.is_none_or(|from| agreed.end >= from)
            && end_to.is_none_or(|to| agreed.end <= to)
    }
}

/// By what the portfolio is ordered; then by agreement id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PortfolioOrder {
    /// By agreement id.
    #[default]
    Agreement,
    /// Largest share of the ceiling used first; a ceiling of zero, which has none, last.
    Usage,
    /// Earliest end of the term in force first.
    EndDate,
}

/// Where an agreement stands in an ordered portfolio.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PortfolioPlace {
    usage: std::cmp::Reverse<Option<i64>>,
    end: Option<Date>,
    /// Which agreement.
    pub agreement: AgreementId,
}

impl PortfolioOrder {
    /// The place of a row; places sort as the portfolio does.
    pub fn place(self, summary: &Summary<'_>) -> PortfolioPlace {
        let (usage, end) = match self {
            Self::Agreement => (None, None),
            Self::Usage => (summary.usage.usage_ppm, None),
            Self::EndDate => (None, Some(summary.agreed.end)),
        };
        let agreement = summary.row.agreement.clone();
        PortfolioPlace { usage: std::cmp::Reverse(usage), end, agreement }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_elapsed_share_is_a_floor_within_its_bounds() {
        let date = |text: &str| Date::parse(text).unwrap();
        let (start, end) = (date("2024-01-01"), date("2024-01-04"));
        let cases = [
            ("2023-12-31", 0),
            ("2024-01-01", 0),
            ("2024-01-02", 333_333),
            ("2024-01-03", 666_666),
            ("2024-01-04", 1_000_000),
            ("2024-02-01", 1_000_000),
        ];
        for (day, expected) in cases {
            assert_eq!(elapsed_ppm(start, end, date(day)), expected, "{day}");
        }
        assert_eq!(elapsed_ppm(start, start, start), 1_000_000, "a term of one day");
    }
}
