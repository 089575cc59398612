//! Whether every ceiling holds with an intent, on its day and every later day on which anything changes.

use crate::domain::agreement::Agreement;
use crate::domain::agreement::breaches::{breaches, days, maximum};
use crate::domain::charter::{Charter, Lowering};
use crate::domain::date::Date;
use crate::domain::levels::AllLevels;
use crate::domain::money::Money;
use crate::domain::reason::Reason;
use crate::domain::refusal::{Breach, Refusal};
use crate::domain::scope::Scope;

/// The maximums that an intent would break.
pub(super) fn exceeded(
    before: &AllLevels,
    after: &Agreement,
    charter: &Charter,
    effective: Date,
) -> Vec<Refusal> {
    let allowed = charter.override_limit(effective);
    let broken = breaches(before, after, charter, effective, allowed).into_iter();
    broken
        .map(|(day, breach)| {
            let Breach { scope, requested, remaining, excess } = &breach;
            let description = format!(
                "{requested} was asked for on {day} under the ceiling of {scope}, {remaining} was \
                 left: {excess} too much"
            );
            refusal(Reason::CeilingExceeded, day, breach, description)
        })
        .collect()
}

/// The maximums that an intent would lower under what is used.
pub(super) fn lowered(
    before: &Charter,
    after: &Agreement,
    charter: &Charter,
    lowering: &Lowering,
) -> Vec<Refusal> {
    let currency = charter.terms().currency;
    let money = |amount| Money { amount, currency };
    let worst_of = |scope: &Scope| {
        let mut worst: Option<(Date, Breach)> = None;
        for day in days(after, charter, scope, lowering.date) {
            let exposure = after.sums(scope, day).exposure;
            let Some(new) = maximum(charter, scope, day) else { continue };
            let held = maximum(before, scope, day);
            // Where there was no ceiling, nothing was left of none.
            let old = held.unwrap_or_default();
            let lowered = held.is_none_or(|held| new < held);
            let excess = exposure.minus(new);
            let larger = worst.as_ref().is_none_or(|(_, breach)| excess > breach.excess.amount);
            if lowered && excess.is_positive() && larger {
                let breach = Breach {
                    scope: scope.clone(),
                    requested: money(new.minus(old)),
                    remaining: money(old.minus(exposure)),
                    excess: money(excess),
                };
                worst = Some((day, breach));
            }
        }
        let (day, breach) = worst?;
        let Breach { scope, requested, remaining, excess } = &breach;
        let description = format!(
            "the ceiling of {scope} would change by {requested} while {remaining} was left on \
             {day}: {excess} too much"
        );
        Some(refusal(Reason::CeilingBelowExposure, day, breach, description))
    };
    lowering.scopes.iter().filter_map(worst_of).collect()
}

fn refusal(reason: Reason, day: Date, breach: Breach, description: String) -> Refusal {
    let subject = breach.scope.to_string();
    Refusal { reason, description, subject, breach: Some(breach), date: Some(day) }
}
