//! Where growth passes a maximum: on its day and every later day on which anything changes.

use std::collections::BTreeSet;

use super::Agreement;
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::CeilingKind;
use crate::domain::levels::AllLevels;
use crate::domain::money::{Amount, Money};
use crate::domain::refusal::Breach;
use crate::domain::scope::Scope;

/// Every maximum that growth would pass by more than an override allows, in the order of scopes, each
/// with the day of its largest excess.
pub(in crate::domain) fn breaches(
    before: &AllLevels,
    after: &Agreement,
    charter: &Charter,
    effective: Date,
    allowed: Amount,
) -> Vec<(Date, Breach)> {
    let currency = charter.terms().currency;
    let money = |amount| Money { amount, currency };
    let worst_of = |scope: &Scope| {
        let mut worst: Option<(Date, Breach)> = None;
        for day in days(after, charter, scope, effective) {
            let held = before.sums(scope, day).exposure;
            let exposure = after.sums(scope, day).exposure;
            let Some(limit) = maximum(charter, scope, day) else { continue };
            let (growth, excess) = (exposure.minus(held), exposure.minus(limit));
            let larger = worst.as_ref().is_none_or(|(_, breach)| excess > breach.excess.amount);
            if growth.is_positive() && excess.is_positive() && excess > allowed && larger {
                let breach = Breach {
                    scope: scope.clone(),
                    requested: money(growth),
                    remaining: money(limit.minus(held)),
                    excess: money(excess),
                };
                worst = Some((day, breach));
            }
        }
        worst
    };
    charter.scopes().filter_map(worst_of).collect()
}

/// The days from one on, on which the sums of a scope or what is agreed change.
pub(in crate::domain) fn days(
    agreement: &Agreement,
    charter: &Charter,
    scope: &Scope,
    from: Date,
) -> BTreeSet<Date> {
    let levels = agreement.levels(scope).into_iter().flat_map(|levels| levels.dates_from(from));
    levels.chain(charter.dates_from(from)).chain([from]).collect()
}

/// The maximum of a scope on a day.
pub(in crate::domain) fn maximum(charter: &Charter, scope: &Scope, day: Date) -> Option<Amount> {
    let ceiling = charter.stage_at(day).ceiling(scope)?;
    (ceiling.kind == CeilingKind::Maximum).then_some(ceiling.amount)
}
