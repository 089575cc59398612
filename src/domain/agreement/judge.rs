//! Which rules hold after an event: ceilings, warning steps, lowered ceilings, forecast, documents that
//! came again, orders that look like one purchase.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Agreement;
use super::settle::Touched;
use crate::domain::charter::{Charter, Lowering};
use crate::domain::date::Date;
use crate::domain::duplicates::{Document, DocumentId};
use crate::domain::event::{CeilingKind, CeilingTerms, Payload, Recorded};
use crate::domain::finding::{Condition, FindingKey, Subject};
use crate::domain::id::{InvoiceId, OrderId};
use crate::domain::levels::Levels;
use crate::domain::money::{Amount, Money};
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::domain::tracker::Source;
use crate::domain::usage;

type Conditions = Vec<(FindingKey, Condition)>;

impl Agreement {
    /// Judges what an event touched, and lets the tracker see it.
    pub(super) fn judge(&mut self, cause: &Recorded, mut touched: Touched) {
        let horizon = self.tracker.horizon();
        let charter = self.charter.clone();
        let charter =
            charter.as_ref().filter(|charter| charter.signed().event.effective <= horizon);
        for (scope, changed_from) in &touched.scopes {
            let conditions =
                charter.map(|charter| self.scope_conditions(charter, scope, *changed_from));
            touched.judged.push((Source::Scope(scope.clone()), conditions.unwrap_or_default()));
        }
        if !touched.scopes.is_empty() {
            let lowered = charter.map(|charter| self.lowering_conditions(charter, horizon));
            touched.judged.push((Source::Lowerings, lowered.unwrap_or_default()));
            let forecast = charter.map(|charter| self.forecast_conditions(charter, horizon));
            touched.judged.push((Source::Forecast, forecast.unwrap_or_default()));
        }
        self.tracker.observe(cause, touched.judged, touched.differences);
    }

    /// What does not hold for one ceiling as of the horizon.
    fn scope_conditions(&self, charter: &Charter, scope: &Scope, changed_from: Date) -> Conditions {
        let horizon = self.tracker.horizon();
        let Some(ceiling) = charter.stage_at(horizon).ceiling(scope) else {
            return Vec::new();
        };
        let exposure = self.sums(scope, horizon).exposure;
        let mut conditions = Conditions::new();
        let excess = exposure.minus(ceiling.amount);
        if excess.is_positive() {
            let rule = match ceiling.kind {
                CeilingKind::Maximum => Reason::CeilingExceeded,
                CeilingKind::Estimate => Reason::EstimateExceeded,
            };
            let key = FindingKey { rule, subject: Subject::Scope(scope.clone()) };
            let amount = Some(Money { amount: excess, currency: charter.terms().currency });
            let breached = |exposure: Amount, ceiling: &CeilingTerms| exposure > ceiling.amount;
            let since = self.unbroken_since(charter, scope, &key, changed_from, breached);
            conditions.push((key, Condition { amount, days: None, since }));
        }
        if ceiling.amount.is_positive() {
            for step in &charter.policy_at(horizon).warning_steps_ppm {
                if !exposure.reaches_share(*step, ceiling.amount) {
                    break;
                }
                let subject = Subject::Step(scope.clone(), *step);
                let key = FindingKey { rule: Reason::ThresholdReached, subject };
                let reached = |exposure: Amount, ceiling: &CeilingTerms| {
                    ceiling.amount.is_positive() && exposure.reaches_share(*step, ceiling.amount)
                };
                let since = self.unbroken_since(charter, scope, &key, changed_from, reached);
                conditions.push((key, Condition { amount: None, days: None, since }));
            }
        }
        conditions
    }

    /// The first day of the unbroken breach that lasts on the horizon. Before the first changed day
    /// all is as it was, so that a finding that was open then has its day already.
    fn unbroken_since(
        &self,
        charter: &Charter,
        scope: &Scope,
        key: &FindingKey,
        changed_from: Date,
        breached: impl Fn(Amount, &CeilingTerms) -> bool,
    ) -> Date {
        let horizon = self.tracker.horizon();
        let earlier = self.tracker.since(key);
        let mut levels = self
            .levels(scope)
            .into_iter()
            .flat_map(|levels| levels.dates_back_from(horizon))
            .peekable();
        let mut stages = charter.dates_back_from(horizon).peekable();
        let mut since = horizon;
        while let Some(date) = levels.peek().copied().max(stages.peek().copied()) {
            while levels.next_if(|one| *one >= date).is_some() {}
            while stages.next_if(|one| *one >= date).is_some() {}
            if let Some(earlier) = earlier.filter(|earlier| *earlier <= date && date < changed_from)
            {
                return earlier;
            }
            let ceiling = charter.stage_at(date).ceiling(scope);
            let exposure = self.levels(scope).map(|levels: &Levels| levels.at(date).exposure);
            let exposure = exposure.unwrap_or_default();
            if !ceiling.is_some_and(|ceiling| breached(exposure, ceiling)) {
                break;
            }
            since = date;
        }
        since
    }

    /// What was lowered under what was used on its day.
    fn lowering_conditions(&self, charter: &Charter, horizon: Date) -> Conditions {
        let lowerings = charter.lowerings().iter().filter(|one| one.date <= horizon);
        lowerings.filter_map(|one| self.lowering_condition(charter, one)).collect()
    }

    fn lowering_condition(
        &self,
        charter: &Charter,
        one: &Lowering,
    ) -> Option<(FindingKey, Condition)> {
        let stage = charter.stage_at(one.date);
        let excesses = one.scopes.iter().filter_map(|scope| {
            let ceiling = stage.ceiling(scope)?;
            Some(self.sums(scope, one.date).exposure.minus(ceiling.amount))
        });
        let amount = excesses.max().filter(|excess| excess.is_positive())?;
        let subject = match &one.recorded.event.payload {
            Payload::AgreementAmended(amended) => Subject::Amendment(amended.amendment.clone()),
            _ => Subject::Event(one.recorded.event_id),
        };
        let key = FindingKey { rule: Reason::CeilingBelowExposure, subject };
        let amount = Some(Money { amount, currency: charter.terms().currency });
        Some((key, Condition { amount, days: None, since: one.date }))
    }

    fn forecast_conditions(&self, charter: &Charter, horizon: Date) -> Conditions {
        if horizon == Date::END_OF_TIME {
            return Vec::new();
        }
        let forecast = usage::forecast(self, charter, horizon);
        if !forecast.is_some_and(|forecast| forecast.runs_out_early()) {
            return Vec::new();
        }
        let subject = Subject::Scope(Scope::Agreement);
        let key = FindingKey { rule: Reason::ForecastRunsOutEarly, subject };
        vec![(key, Condition { amount: None, days: None, since: horizon })]
    }

    // Documents that came again.

    /// Judges every document that is the same as one.
    pub(super) fn judge_same_as(&self, document: &Document, touched: &mut Touched) {
        let horizon = self.tracker.horizon();
        let counts = |one: &Document| {
            !self.documents.line_of(one).any(|invoice| self.is_rejected_by(invoice, horizon))
        };
        for same in self.documents.same_as(document) {
            let (since, id) = (same.place().0, same.id());
            let mut conditions = Conditions::new();
            if since <= horizon && self.documents.is_again(&same, counts) {
                let (rule, subject) = match &id {
                    DocumentId::Invoice(id) => {
                        (Reason::DuplicateInvoice, Subject::Invoice(id.clone()))
                    }
                    DocumentId::CreditNote(id) => {
                        (Reason::DuplicateCredit, Subject::CreditNote(id.clone()))
                    }
                };
                let amount = self.currency().and_then(|currency| {
                    let amount = same.net().in_currency(currency)?;
                    Some(Money { amount, currency })
                });
                conditions
                    .push((FindingKey { rule, subject }, Condition { amount, days: None, since }));
            }
            touched.judged.push((Source::Document(id), conditions));
        }
    }

    /// Judges what is the same as any document that is rejected with an invoice.
    pub(super) fn judge_documents_of(&self, invoice: &InvoiceId, touched: &mut Touched) {
        for document in self.documents.rejected_with(invoice) {
            self.judge_same_as(document, touched);
        }
    }

    fn is_rejected_by(&self, invoice: &InvoiceId, as_of: Date) -> bool {
        let first = self.rejections.get(invoice).and_then(|of| of.get_min());
        first.is_some_and(|(date, _)| *date <= as_of)
    }

    // Orders that look like one purchase.

    pub(super) fn judge_suspects(
        &self,
        suspects: &BTreeSet<OrderId>,
        charter: &Charter,
        touched: &mut Touched,
    ) {
        for order in suspects {
            let suspicion = self.orders_in_force.suspicion(order, charter);
            let conditions = suspicion.map(|found| {
                let subject = Subject::Order(found.order);
                let key = FindingKey { rule: Reason::SplitSuspected, subject };
                let amount = Some(Money { amount: found.sum, currency: charter.terms().currency });
                (key, Condition { amount, days: None, since: found.placed })
            });
            let source = Source::Split(order.clone());
            touched.judged.push((source, conditions.into_iter().collect()));
        }
    }

    /// Judges every event by itself anew, after a change of what is agreed.
    pub(super) fn judge_all_events(&self, touched: &mut Touched) {
        let live: Vec<Arc<Recorded>> = self
            .events
            .iter()
            .filter(|event| !self.reversals.contains_key(&event.event_id))
            .cloned()
            .collect();
        for event in live {
            self.judge_event(&event, touched);
        }
    }
}
