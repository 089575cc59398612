//! Building a charter from the live events of the agreement itself, in fold order.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Amendment, Charter, Lowering, OptionFault, Override, Stage, Suspension};
use crate::domain::date::Date;
use crate::domain::event::{
    AgreementAmended, AgreementSigned, CeilingKind, CeilingTerms, Indexation, OptionGives,
    OptionTerms, OverrideGranted, Payload, Reasoning, Recorded,
};
use crate::domain::id::OptionId;
use crate::domain::money::{Amount, Currency, Money, Rate};
use crate::domain::policy::{Policy, PolicyBook, PolicyChange};
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;

impl Charter {
    /// Folds the live events of the agreement itself. None without a signature.
    pub fn fold(events: &[Arc<Recorded>], book: &PolicyBook) -> Option<Self> {
        let signed = events.iter().find(|event| event.event.payload.signature().is_some())?;
        let terms = signed.event.payload.signature()?;
        // What changes the agreement may be dated before its signature.
        let first = events.first().map_or(signed.event.effective, |event| event.event.effective);
        let mut charter = Self {
            signed: Arc::clone(signed),
            stages: vec![base_stage(first, terms)],
            scopes: terms.ceilings.iter().map(|ceiling| ceiling.scope.clone()).collect(),
            option_faults: Vec::new(),
            amendments: Vec::new(),
            lowerings: Vec::new(),
            overrides: Vec::new(),
            suspensions: Vec::new(),
            terminated: None,
            closed: None,
            policies: policies(terms, book, events),
        };
        for event in events {
            charter.take_in(event, terms);
        }
        Some(charter)
    }

    fn take_in(&mut self, event: &Arc<Recorded>, terms: &AgreementSigned) {
        let date = event.event.effective;
        match &event.event.payload {
            Payload::OptionExercised(option) => {
                self.note_faults(
                    event,
                    &option.option,
                    exercise_faults(self.last(), terms, &option.option, date),
                );
                self.stage(date, |stage| exercise(stage, &terms.options, &option.option, date));
            }
            Payload::OptionDeclined(option) => {
                self.note_faults(
                    event,
                    &option.option,
                    decline_faults(self.last(), terms, &option.option),
                );
                self.stage(date, |stage| decline(stage, &terms.options, &option.option, date));
            }
            Payload::AgreementAmended(amended) => self.amend(event, amended, terms),
            Payload::PriceIndexed(indexed) => {
                if terms.indexation == Indexation::CeilingsToo {
                    self.stage(date, |stage| index(stage, indexed.factor, terms.currency));
                    self.note_lowering(event);
                }
            }
            Payload::AgreementSuspended(_) => self.suspensions.push((date, Suspension::Begins)),
            Payload::AgreementResumed => self.suspensions.push((date, Suspension::Ends)),
            Payload::AgreementTerminated(_) => {
                self.terminated = Some(self.terminated.map_or(date, |earlier| earlier.min(date)));
            }
            Payload::AgreementClosed => {
                self.closed = Some(self.closed.map_or(date, |earlier| earlier.min(date)));
            }
            Payload::OverrideGranted(granted) => {
                self.overrides.push(granted_override(event, granted));
            }
            Payload::AgreementSigned(_)
            | Payload::HeadroomReserved(_)
            | Payload::ReservationReleased(_)
            | Payload::OrderPlaced(_)
            | Payload::OrderConfirmed(_)
            | Payload::OrderRejected(_)
            | Payload::OrderChanged(_)
            | Payload::OrderCancelled(_)
            | Payload::DeliveryReceived(_)
            | Payload::OrderClosed(_)
            | Payload::OrderReopened(_)
            | Payload::InvoiceReceived(_)
            | Payload::CreditNoteReceived(_)
            | Payload::InvoiceApproved(_)
            | Payload::InvoiceDisputed(_)
            | Payload::InvoiceRejected(_)
            | Payload::DisputeResolved(_)
            | Payload::PrepaymentOffset(_)
            | Payload::InvoicePaid(_)
            | Payload::PaymentReversed(_)
            | Payload::RetentionWithheld(_)
            | Payload::RetentionReleased(_)
            | Payload::EventReversed(_)
            | Payload::FindingAcknowledged(_)
            | Payload::FindingWaived(_)
            | Payload::FindingResolved(_)
            | Payload::ThresholdPolicySet(_)
            | Payload::DocumentAttached => {}
        }
    }

    fn last(&self) -> &Stage {
        self.stages.last().expect("a charter has its base stage")
    }

    /// A new stage from a day on.
    fn stage(&mut self, date: Date, change: impl FnOnce(&mut Stage)) {
        let mut stage = self.last().clone();
        change(&mut stage);
        stage.from = date;
        self.stages.push(stage);
    }

    fn note_faults(&mut self, event: &Recorded, option: &OptionId, reasons: Vec<Reason>) {
        let (position, date) = (event.position, event.event.effective);
        let fault = |reason| OptionFault { position, reason, option: option.clone(), date };
        self.option_faults.extend(reasons.into_iter().map(fault));
    }

    fn amend(
        &mut self,
        event: &Arc<Recorded>,
        amended: &AgreementAmended,
        terms: &AgreementSigned,
    ) {
        let date = event.event.effective;
        for change in &amended.ceiling_changes {
            self.scopes.insert(change.scope.clone());
        }
        self.stage(date, |stage| amend(stage, amended));
        self.note_lowering(event);
        let own = amended.ceiling_changes.iter().find(|one| one.scope == Scope::Agreement);
        let change = own.map(|one| one.change.amount).unwrap_or_default();
        let last_on_basis = self.amendments.iter().rev().find(|one| one.basis == amended.basis);
        let cumulated = last_on_basis.map_or(change, |last| last.cumulated.plus(change));
        let ceiling_after = self.last().ceiling(&Scope::Agreement).map(|ceiling| ceiling.amount);
        debug_assert!(ceiling_after.is_some(), "{terms:?} has a ceiling for the agreement");
        self.amendments.push(Amendment {
            recorded: Arc::clone(event),
            amendment: amended.amendment.clone(),
            basis: amended.basis,
            change,
            cumulated,
            ceiling_after: ceiling_after.unwrap_or_default(),
        });
    }

    /// Notes which ceilings the last stage lowers against the one before.
    fn note_lowering(&mut self, event: &Arc<Recorded>) {
        let [.., before, after] = self.stages.as_slice() else { return };
        // A maximum where there was no ceiling limits what nothing limited before.
        let lowered = after.ceilings.iter().filter(|ceiling| {
            ceiling.kind == CeilingKind::Maximum
                && before.ceiling(&ceiling.scope).is_none_or(|old| ceiling.amount < old.amount)
        });
        let scopes: Vec<Scope> = lowered.map(|ceiling| ceiling.scope.clone()).collect();
        if !scopes.is_empty() {
            let (recorded, date) = (Arc::clone(event), event.event.effective);
            self.lowerings.push(Lowering { recorded, date, scopes });
        }
    }
}

fn base_stage(from: Date, terms: &AgreementSigned) -> Stage {
    let mut ceilings = terms.ceilings.clone();
    ceilings.sort_by(|left, right| left.scope.cmp(&right.scope));
    Stage {
        from,
        end: terms.end,
        ceilings,
        exercised: Vec::new(),
        declined: Vec::new(),
        buyers: Arc::new(terms.buyers.clone()),
        suppliers: Arc::new(terms.suppliers.clone()),
        lots: Arc::new(terms.lots.clone()),
    }
}

/// What is built in, then what is configured, then what the agreement sets itself; a policy for each
/// day on which one of them changes.
fn policies(
    terms: &AgreementSigned,
    book: &PolicyBook,
    events: &[Arc<Recorded>],
) -> Vec<(Date, Arc<Policy>)> {
    let own: Vec<(Date, &PolicyChange)> = events
        .iter()
        .filter_map(|event| {
            let Payload::ThresholdPolicySet(change) = &event.event.payload else { return None };
            Some((event.event.effective, &**change))
        })
        .collect();
    let configured = book.changes().iter().map(|(from, _)| *from);
    let dates: BTreeSet<Date> = configured.chain(own.iter().map(|(from, _)| *from)).collect();
    let at = |date: Option<Date>| {
        let holds = |from: Date| date.is_some_and(|date| from <= date);
        let mut policy = Policy::built_in(terms.nature, terms.currency);
        for (_, change) in book.changes().iter().filter(|(from, _)| holds(*from)) {
            policy = policy.with(change);
        }
        for (_, change) in own.iter().filter(|(from, _)| holds(*from)) {
            policy = policy.with(change);
        }
        Arc::new(policy)
    };
    let first = (Date::BEGINNING_OF_TIME, at(None));
    std::iter::once(first).chain(dates.into_iter().map(|date| (date, at(Some(date))))).collect()
}

fn exercise_faults(
    stage: &Stage,
    terms: &AgreementSigned,
    option: &OptionId,
    date: Date,
) -> Vec<Reason> {
    let mut faults = Vec::new();
    if stage.next_option(&terms.options).is_none_or(|next| next.option != *option) {
        faults.push(Reason::OptionNotAvailable);
    }
    let of = terms.options.iter().find(|of| of.option == *option);
    if of.is_some_and(|of| date > stage.last_exercise_date(of)) {
        faults.push(Reason::OptionLate);
    }
    faults
}

/// Any option that is listed and not used yet may be declined; again says nothing new.
fn decline_faults(stage: &Stage, terms: &AgreementSigned, option: &OptionId) -> Vec<Reason> {
    let listed = terms.options.iter().any(|of| of.option == *option);
    let available = listed && !stage.has_exercised(option);
    if available { Vec::new() } else { vec![Reason::OptionNotAvailable] }
}

/// A late or untimely exercise still takes effect, once; an unknown option has no effect.
fn exercise(stage: &mut Stage, options: &[OptionTerms], option: &OptionId, date: Date) {
    let Some(terms) = options.iter().find(|terms| terms.option == *option) else {
        return;
    };
    if stage.has_exercised(option) {
        return;
    }
    stage.exercised.push((option.clone(), date));
    match &terms.gives {
        OptionGives::Time { new_end } => stage.end = stage.end.max(*new_end),
        OptionGives::Volume { scope, amount } => raise(stage, scope, *amount),
    }
}

fn decline(stage: &mut Stage, options: &[OptionTerms], option: &OptionId, date: Date) {
    let listed = options.iter().any(|terms| terms.option == *option);
    if listed && !stage.has_exercised(option) && !stage.has_declined(option) {
        stage.declined.push((option.clone(), date));
    }
}

/// Adds to the ceiling of a scope; one without a ceiling gets a maximum.
fn raise(stage: &mut Stage, scope: &Scope, change: Amount) {
    if let Some(ceiling) = stage.ceilings.iter_mut().find(|ceiling| ceiling.scope == *scope) {
        ceiling.amount = ceiling.amount.plus(change);
        return;
    }
    let (scope, kind) = (scope.clone(), CeilingKind::Maximum);
    stage.ceilings.push(CeilingTerms { scope, kind, amount: change });
    stage.ceilings.sort_by(|left, right| left.scope.cmp(&right.scope));
}

fn amend(stage: &mut Stage, amended: &AgreementAmended) {
    for change in &amended.ceiling_changes {
        raise(stage, &change.scope, change.change.amount);
    }
    if let Some(end) = amended.new_end {
        stage.end = end;
    }
    replace(&mut stage.suppliers, &amended.added_suppliers, &amended.removed_suppliers);
    replace(&mut stage.buyers, &amended.added_buyers, &amended.removed_buyers);
    replace(&mut stage.lots, &amended.added_lots, &[]);
}

fn replace<T: PartialEq + Clone>(list: &mut Arc<Vec<T>>, added: &[T], removed: &[T]) {
    if added.is_empty() && removed.is_empty() {
        return;
    }
    let list = Arc::make_mut(list);
    list.retain(|one| !removed.contains(one));
    for one in added {
        if !list.contains(one) {
            list.push(one.clone());
        }
    }
}

/// Every ceiling times the factor, rounded once. Admission refuses what would not fit.
fn index(stage: &mut Stage, factor: Rate, currency: Currency) {
    for ceiling in &mut stage.ceilings {
        let money = Money { amount: ceiling.amount, currency };
        ceiling.amount = money.converted(factor, currency).unwrap_or(ceiling.amount);
    }
}

fn granted_override(event: &Recorded, granted: &OverrideGranted) -> Override {
    let two_persons = match (&granted.granted_by, &granted.seconded_by) {
        (Some(first), Some(second)) => first != second,
        (None, _) | (_, None) => false,
    };
    let mut faults = Vec::new();
    if !two_persons {
        faults.push(Reason::SeparationOfDuties);
    }
    if granted.reasoning == Reasoning::Missing {
        faults.push(Reason::ReasonMissing);
    }
    Override {
        position: event.position,
        override_id: granted.override_id.clone(),
        from: event.event.effective,
        end: granted.end,
        limit: granted.limit.amount,
        faults,
    }
}
