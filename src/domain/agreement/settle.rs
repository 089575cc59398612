//! Carrying a change of call-offs or charter into levels and findings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Agreement;
use crate::domain::call_off::{CallOff, CallOffKey, Timeline};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{CeilingKind, CeilingTerms, OptionGives, Payload, Recorded, Value};
use crate::domain::finding::{Condition, FindingKey, Subject};
use crate::domain::levels::Sums;
use crate::domain::money::{Amount, Money};
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::tracker::{Judged, Source};
use crate::domain::usage;

impl Agreement {
    /// Puts changed call-offs in place and follows them into levels and findings.
    pub(super) fn settle_call_offs(
        &mut self,
        changed: BTreeMap<CallOffKey, CallOff>,
        cause: &Recorded,
    ) {
        let charter = self.charter.clone();
        let mut judged = Vec::new();
        for (key, call_off) in changed {
            if let Some(charter) = &charter {
                let old = self.call_off(&key).timeline(charter);
                let new = call_off.timeline(charter);
                self.add_difference(&old, &new);
                let conditions = call_off.conditions(charter, self.tracker.horizon());
                judged.push((Source::CallOff(key.clone()), conditions));
            }
            if call_off.is_empty() {
                self.call_offs.remove(&key);
            } else {
                self.call_offs.insert(key, Arc::new(call_off));
            }
        }
        self.observe(cause, judged);
    }

    /// Folds the charter anew. What is agreed bears on every call-off: its scopes and its findings.
    pub(super) fn settle_charter(&mut self, cause: &Recorded) {
        self.charter = Charter::fold(&self.charter_events).map(Arc::new);
        self.levels.clear();
        let mut judged = Vec::new();
        let call_offs: Vec<_> = self
            .call_offs
            .iter()
            .map(|(key, call_off)| (key.clone(), Arc::clone(call_off)))
            .collect();
        let charter = self.charter.clone();
        for (key, call_off) in call_offs {
            let conditions = match &charter {
                Some(charter) => {
                    let new = call_off.timeline(charter);
                    self.add_difference(&Timeline::new(), &new);
                    call_off.conditions(charter, self.tracker.horizon())
                }
                None => Vec::new(),
            };
            judged.push((Source::CallOff(key), conditions));
        }
        let horizon = self.tracker.horizon();
        let of_charter = charter.map(|charter| charter.conditions(horizon)).unwrap_or_default();
        judged.push((Source::Charter, of_charter));
        self.observe(cause, judged);
    }

    fn observe(&mut self, cause: &Recorded, mut judged: Vec<Judged>) {
        judged.push((Source::Ceilings, self.ceiling_conditions()));
        self.tracker.observe(cause, judged);
    }

    fn add_difference(&mut self, old: &Timeline, new: &Timeline) {
        let scopes: BTreeSet<&Scope> =
            old.iter().chain(new).flat_map(|(_, sums)| sums.keys()).collect();
        let dates: BTreeSet<Date> = old.iter().chain(new).map(|(date, _)| *date).collect();
        for scope in scopes {
            let mut changes: Vec<(Date, Sums)> = Vec::new();
            for date in &dates {
                let change = value_at(new, scope, *date).minus(value_at(old, scope, *date));
                let last = changes.last().map(|(_, change)| *change).unwrap_or_default();
                if change != last {
                    changes.push((*date, change));
                }
            }
            if !changes.is_empty() {
                self.levels.entry(scope.clone()).or_default().add(&changes);
            }
        }
    }

    fn ceiling_conditions(&self) -> Vec<(FindingKey, Condition)> {
        let horizon = self.tracker.horizon();
        let Some(charter) = self.charter_at(horizon) else {
            return Vec::new();
        };
        let ceilings = &charter.stage_at(horizon).ceilings;
        let mut conditions: Vec<_> = ceilings
            .iter()
            .filter_map(|ceiling| self.ceiling_condition(charter, ceiling, horizon))
            .collect();
        let forecast = usage::forecast(self, charter, horizon);
        if horizon != Date::END_OF_TIME
            && forecast.is_some_and(|forecast| forecast.runs_out_early())
        {
            let subject = Subject::Scope(Scope::Agreement);
            let key = FindingKey { rule: Reason::ForecastRunsOutEarly, subject };
            conditions.push((key, Condition { amount: None, days: None, since: horizon }));
        }
        conditions
    }

    fn ceiling_condition(
        &self,
        charter: &Charter,
        ceiling: &CeilingTerms,
        as_of: Date,
    ) -> Option<(FindingKey, Condition)> {
        let excess = self.sums(&ceiling.scope, as_of).exposure.minus(ceiling.amount);
        if !excess.is_positive() {
            return None;
        }
        let rule = match ceiling.kind {
            CeilingKind::Maximum => Reason::CeilingExceeded,
            CeilingKind::Estimate => Reason::EstimateExceeded,
        };
        let amount = Money { amount: excess, currency: charter.terms().currency };
        let since = self.breached_since(charter, &ceiling.scope, as_of);
        let key = FindingKey { rule, subject: Subject::Scope(ceiling.scope.clone()) };
        Some((key, Condition { amount: Some(amount), days: None, since }))
    }

    /// The first day of the unbroken breach that lasts on a day.
    fn breached_since(&self, charter: &Charter, scope: &Scope, as_of: Date) -> Date {
        let levels =
            self.levels(scope).into_iter().flat_map(|levels| levels.dates_back_from(as_of));
        let agreed = charter.dates_from(charter.terms().start).filter(|date| *date <= as_of);
        let days: BTreeSet<Date> = levels.chain(agreed).collect();
        let exceeded = |date: &&Date| {
            let ceiling = charter.stage_at(**date).ceiling(scope);
            ceiling.is_some_and(|ceiling| self.sums(scope, **date).exposure > ceiling.amount)
        };
        days.iter().rev().take_while(exceeded).last().copied().unwrap_or(as_of)
    }
}

fn value_at(timeline: &Timeline, scope: &Scope, date: Date) -> Sums {
    let after = timeline.partition_point(|(from, _)| *from <= date);
    let reached = after.checked_sub(1).and_then(|place| timeline.get(place));
    reached.and_then(|(_, sums)| sums.get(scope)).copied().unwrap_or_default()
}

/// The magnitude of everything that an event adds to sums, in the agreement's currency.
pub(in crate::domain) fn magnitude(recorded: &Recorded, charter: Option<&Charter>) -> Amount {
    let converted = |value: Value| {
        let currency = charter.map(|charter| charter.terms().currency);
        currency.and_then(|currency| value.in_currency(currency)).unwrap_or_default().magnitude()
    };
    match &recorded.event.payload {
        Payload::AgreementSigned(signed) => {
            let ceilings = signed.ceilings.iter().map(|ceiling| ceiling.amount);
            let options = signed.options.iter().filter_map(|option| match &option.gives {
                OptionGives::Time { .. } => None,
                OptionGives::Volume { amount, .. } => Some(*amount),
            });
            ceilings.chain(options).fold(Amount::ZERO, |sum, amount| sum.plus(amount.magnitude()))
        }
        Payload::OrderPlaced(placed) => converted(placed.value),
        Payload::OrderChanged(changed) => converted(changed.value),
        Payload::InvoiceReceived(invoice) => converted(invoice.net),
        Payload::CreditNoteReceived(credit) => converted(credit.net),
        Payload::InvoicePaid(payment) => converted(payment.value),
        Payload::OptionExercised(_)
        | Payload::OrderCancelled(_)
        | Payload::OrderClosed(_)
        | Payload::EventReversed(_) => Amount::ZERO,
        _ => Amount::ZERO,
    }
}
