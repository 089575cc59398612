//! The decision on a new event: accepted, or every reason for which it is refused.

use std::collections::{BTreeMap, BTreeSet};

use contract_ledger::domain::date::Date;
use contract_ledger::domain::event::{
    AdmissionMode, CeilingKind, Competition, FrameworkKind, Group, OrderPlaced, OverrideGranted,
    Payload, Reasoned, Reasoning, Recorded,
};
use contract_ledger::domain::id::{OptionId, OrderId};
use contract_ledger::domain::money::Amount;
use contract_ledger::domain::reason::Reason;
use contract_ledger::domain::scope::{Scope, ScopeKeys};

use super::charter::{Charter, charter, option_terms};
use super::findings::needs_competition;
use super::history::{Fold, History};
use super::orders::{Status, order};
use super::references::refused_always;
use super::sums::usage;

/// Why an event is refused: reasons, and for ceilings the scope and excess.
pub(super) type Refusals = BTreeSet<(Reason, String)>;

/// Accepted with the largest excess under an override, or refused.
pub(super) fn decide(history: &History, new: &Recorded) -> Result<Option<Amount>, Refusals> {
    let count = history.events.len();
    let mut with = history.clone();
    with.events.push(new.clone());
    let fold = history.fold(count, new.event.effective);
    let always = refused_always(history, fold.as_ref(), new);
    if !always.is_empty() {
        return Err(plain(always));
    }
    let Some(fold) = fold else { return Ok(None) };
    if new.event.mode == AdmissionMode::Fact {
        return Ok(None);
    }
    let mut refusals = plain(as_intent(&fold, new));
    if lowers_below_exposure(history, &with, new) {
        refusals.insert((Reason::CeilingBelowExposure, String::new()));
    }
    let growth = growth_above(history, &with, new);
    let limit = override_limit(&fold, new.event.effective);
    let mut used = None;
    for (scope, breach) in &growth {
        if limit.is_none_or(|limit| breach.largest > limit) {
            // Only days on which it ends above ceiling plus limit break it; the largest is one.
            let excess = breach.largest.to_text(fold.currency());
            refusals.insert((Reason::CeilingExceeded, format!("{scope} {excess}")));
        }
        used = used.max(Some(breach.largest));
    }
    if refusals.is_empty() { Ok(used) } else { Err(refusals) }
}

fn plain(reasons: impl IntoIterator<Item = Reason>) -> Refusals {
    reasons.into_iter().map(|reason| (reason, String::new())).collect()
}

/// What refuses an intent, but ceilings. The fold reaches to its date.
fn as_intent(fold: &Fold<'_>, new: &Recorded) -> BTreeSet<Reason> {
    let mut refused = BTreeSet::new();
    let charter = charter(fold);
    let day = new.event.effective;
    let missing =
        |reasoning: Reasoning| (reasoning == Reasoning::Missing).then_some(Reason::ReasonMissing);
    let mut must_be_open = |id: &OrderId| {
        if order(fold, id).status != Status::Open {
            refused.insert(Reason::OrderNotOpen);
        }
    };
    match &new.event.payload {
        Payload::OrderChanged(changed) => must_be_open(&changed.order),
        Payload::OrderCancelled(named) | Payload::OrderClosed(named) => must_be_open(&named.order),
        Payload::DeliveryReceived(delivery) => must_be_open(&delivery.order),
        Payload::OrderPlaced(placed) => {
            refused.extend(charter.parties(&placed.keys));
            refused.extend(order_duties(placed));
            if competition_missing(fold.terms.framework_kind, placed) {
                refused.insert(Reason::CompetitionMissing);
            }
            refused.extend(charter.stops(fold.terms.start, day, new.event.corrects.is_some()));
        }
        Payload::HeadroomReserved(reserved) => refused.extend(charter.parties(&reserved.keys)),
        Payload::OptionExercised(used) => {
            if !charter.is_next(fold, &used.option) {
                refused.insert(Reason::OptionNotAvailable);
            }
            if late_option(fold, &charter, &used.option, day) {
                refused.insert(Reason::OptionLate);
            }
        }
        Payload::OptionDeclined(declined) => {
            let known = option_terms(fold, &declined.option).is_some();
            if !known || charter.exercised.contains(&declined.option) {
                refused.insert(Reason::OptionNotAvailable);
            }
        }
        Payload::AgreementAmended(amended) => refused.extend(missing(amended.reasoning)),
        Payload::AgreementSuspended(Reasoned { reasoning })
        | Payload::AgreementTerminated(Reasoned { reasoning }) => {
            refused.extend(missing(*reasoning));
        }
        Payload::InvoiceDisputed(disputed) => refused.extend(missing(disputed.reasoning)),
        Payload::InvoiceRejected(rejected) => refused.extend(missing(rejected.reasoning)),
        Payload::FindingWaived(handled) | Payload::FindingResolved(handled) => {
            refused.extend(missing(handled.reasoning));
        }
        Payload::OverrideGranted(granted) => refused.extend(override_reasons(granted)),
        _ => {}
    }
    let exempt = new.event.corrects.is_some() || new.event.payload.group() == Group::Control;
    if !exempt && charter.closed.is_some_and(|closed| day > closed) {
        refused.insert(Reason::AgreementClosed);
    }
    refused
}

impl Charter {
    /// Why these keys do not belong to the agreement.
    pub(super) fn parties(&self, keys: &ScopeKeys) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if keys.buyer.as_ref().is_some_and(|buyer| !self.buyers.contains(buyer)) {
            reasons.push(Reason::BuyerNotParty);
        }
        if keys.supplier.as_ref().is_some_and(|supplier| !self.suppliers.contains(supplier)) {
            reasons.push(Reason::SupplierNotParty);
        }
        if keys.lot.as_ref().is_some_and(|lot| !self.lots.contains(lot)) {
            reasons.push(Reason::UnknownLot);
        }
        reasons
    }

    /// Why no order can be placed on a day; this is the charter at the end of that day.
    pub(super) fn stops(&self, start: Date, day: Date, is_correction: bool) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if day < start {
            reasons.push(Reason::AgreementNotStarted);
        }
        if day > self.end {
            reasons.push(Reason::AgreementExpired);
        }
        if self.suspended {
            reasons.push(Reason::AgreementSuspended);
        }
        if self.terminated.is_some_and(|terminated| day > terminated) {
            reasons.push(Reason::AgreementTerminated);
        }
        if !is_correction && self.closed.is_some_and(|closed| day > closed) {
            reasons.push(Reason::AgreementClosed);
        }
        reasons
    }
}

/// Whether an option is exercised after its last day, given the charter before that.
pub(super) fn late_option(fold: &Fold<'_>, before: &Charter, option: &OptionId, day: Date) -> bool {
    option_terms(fold, option)
        .is_some_and(|terms| day > terms.notice_deadline.unwrap_or(before.end))
}

pub(super) fn order_duties(placed: &OrderPlaced) -> Option<Reason> {
    let same = placed.ordered_by.is_some() && placed.ordered_by == placed.approved_by;
    same.then_some(Reason::SeparationOfDuties)
}

pub(super) fn competition_missing(kind: FrameworkKind, placed: &OrderPlaced) -> bool {
    needs_competition(kind) && placed.competition == Competition::NotDocumented
}

/// Why an override has no effect.
pub(super) fn override_reasons(granted: &OverrideGranted) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let stated = granted.granted_by.is_some() && granted.seconded_by.is_some();
    if !stated || granted.granted_by == granted.seconded_by {
        reasons.push(Reason::SeparationOfDuties);
    }
    if granted.reasoning == Reasoning::Missing {
        reasons.push(Reason::ReasonMissing);
    }
    reasons
}

/// The largest limit of the valid overrides in force on the fold's day.
fn override_limit(fold: &Fold<'_>, day: Date) -> Option<Amount> {
    let mut limit = None;
    for event in &fold.events {
        if let Payload::OverrideGranted(granted) = &event.event.payload
            && override_reasons(granted).is_empty()
            && granted.end >= day
        {
            limit = limit.max(Some(granted.limit.amount));
        }
    }
    limit
}

struct Breach {
    largest: Amount,
}

/// Maximum ceilings above which exposure would grow, on the event's date or later.
fn growth_above(history: &History, with: &History, new: &Recorded) -> BTreeMap<Scope, Breach> {
    let mut breaches: BTreeMap<Scope, Breach> = BTreeMap::new();
    match new.event.payload.group() {
        Group::Agreement | Group::Control => return breaches,
        Group::Headroom | Group::Order | Group::Invoice | Group::Payment => {}
    }
    let count = history.events.len();
    for day in with.days_from(count + 1, new.event.effective) {
        let (Some(before), Some(after)) = (history.fold(count, day), with.fold(count + 1, day))
        else {
            continue;
        };
        let before = usage(&before);
        for (scope, after) in usage(&after) {
            let grows = after.sums.exposure > before[&scope].sums.exposure;
            if after.kind == CeilingKind::Maximum && grows && after.remaining.is_negative() {
                let excess = after.remaining.negated();
                let breach = breaches.entry(scope).or_insert(Breach { largest: excess });
                breach.largest = breach.largest.max(excess);
            }
        }
    }
    breaches
}

/// Whether a maximum ceiling would be lowered under its exposure, on the event's date or later.
fn lowers_below_exposure(history: &History, with: &History, new: &Recorded) -> bool {
    match &new.event.payload {
        Payload::AgreementAmended(_) | Payload::PriceIndexed(_) => {}
        _ => return false,
    }
    let count = history.events.len();
    with.days_from(count + 1, new.event.effective).into_iter().any(|day| {
        let (Some(before), Some(after)) = (history.fold(count, day), with.fold(count + 1, day))
        else {
            return false;
        };
        let before = usage(&before);
        usage(&after).into_iter().any(|(scope, after)| {
            after.kind == CeilingKind::Maximum
                && before.get(&scope).is_none_or(|before| after.ceiling < before.ceiling)
                && after.remaining.is_negative()
        })
    })
}
