//! The answer to "what is left": every sum of every ceiling as of a day.

use super::agreement::Agreement;
use super::charter::Charter;
use super::date::Date;
use super::event::CeilingKind;
use super::forecast::{Forecast, clamped};
use super::id::Version;
use super::levels::Sums;
use super::money::{Amount, Currency};
use super::scope::Scope;

/// How much of one ceiling is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeUsage {
    /// What the ceiling limits.
    pub scope: Scope,
    /// Maximum or estimate.
    pub kind: CeilingKind,
    /// The ceiling on the day.
    pub ceiling: Amount,
    /// The sums on the day.
    pub sums: Sums,
    /// Ceiling less exposure.
    pub remaining: Amount,
    /// `floor(exposure * 1 000 000 / ceiling)`, held within the type. None when the ceiling is zero.
    pub usage_ppm: Option<i64>,
}

/// How much of every ceiling of an agreement is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// The day.
    pub as_of: Date,
    /// Version of the agreement that the answer is true for.
    pub version: Version,
    /// Currency of every amount.
    pub currency: Currency,
    /// The agreement first, then the other ceilings.
    pub scopes: Vec<ScopeUsage>,
    /// Forecast for the agreement's ceiling.
    pub forecast: Option<Forecast>,
}

impl Usage {
    /// Adds up an agreement as of a day. None when it is not signed as of that day.
    pub fn at(agreement: &Agreement, as_of: Date) -> Option<Self> {
        let charter = agreement.charter_at(as_of)?;
        let stage = charter.stage_at(as_of);
        let scopes: Vec<ScopeUsage> = stage
            .ceilings
            .iter()
            .map(|ceiling| {
                let sums = agreement.sums(&ceiling.scope, as_of);
                ScopeUsage {
                    scope: ceiling.scope.clone(),
                    kind: ceiling.kind,
                    ceiling: ceiling.amount,
                    sums,
                    remaining: ceiling.amount.minus(sums.exposure),
                    usage_ppm: sums
                        .exposure
                        .times_over(1_000_000, ceiling.amount)
                        .map(|ppm| clamped(&ppm)),
                }
            })
            .collect();
        Some(Self {
            as_of,
            version: agreement.version(),
            currency: charter.terms().currency,
            scopes,
            forecast: forecast(agreement, charter, as_of),
        })
    }
}

/// Whether the agreement's ceiling runs out before its term as of a day, by the forecast.
pub fn runs_out_early(agreement: &Agreement, as_of: Date) -> bool {
    let charter = agreement.charter_at(as_of);
    let forecast = charter.and_then(|charter| forecast(agreement, charter, as_of));
    forecast.is_some_and(|forecast| forecast.runs_out_early())
}

/// The forecast of the agreement's ceiling as of a day.
pub(super) fn forecast(agreement: &Agreement, charter: &Charter, as_of: Date) -> Option<Forecast> {
    let stage = charter.stage_at(as_of);
    let ceiling = stage.ceiling(&Scope::Agreement)?;
    let exposure = agreement.sums(&Scope::Agreement, as_of).exposure;
    let remaining = ceiling.amount.minus(exposure);
    Forecast::at(as_of, charter.terms().start, stage.end, exposure, remaining)
}
