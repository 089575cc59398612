//! Carrying a change of charter, call-offs or reservations into levels, and noting what it touched.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Agreement;
use crate::domain::call_off::{CallOff, CallOffKey, InForce};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::duplicates::DocumentId;
use crate::domain::event::{OptionGives, Payload, Recorded, Value};
use crate::domain::id::{EventId, OrderId, ReservationId};
use crate::domain::levels::{ScopeSums, Sums, Timeline};
use crate::domain::money::Amount;
use crate::domain::reservation::Reservation;
use crate::domain::scope::Scope;
use crate::domain::tracker::{Difference, Judged, Source};

/// What an event has touched so far.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Conditions judged anew.
    pub(super) judged: Vec<Judged>,
    /// What has changed in the conditions of call-offs.
    pub(super) differences: Vec<Difference>,
    /// Scopes whose levels changed, and the first day on which they did.
    pub(super) scopes: BTreeMap<Scope, Date>,
}

impl Touched {
    pub(super) fn clear_event(&mut self, event: EventId) {
        self.judged.push((Source::Event(event), Vec::new()));
    }

    pub(super) fn clear_document(&mut self, document: DocumentId) {
        self.judged.push((Source::Document(document), Vec::new()));
    }

    fn note(&mut self, scope: &Scope, date: Date) {
        let first = self.scopes.entry(scope.clone()).or_insert(date);
        *first = (*first).min(date);
    }
}

impl Agreement {
    /// Puts changed call-offs in place and follows them into levels and findings.
    pub(super) fn settle_call_offs(
        &mut self,
        changed: BTreeMap<CallOffKey, CallOff>,
        touched: &mut Touched,
    ) {
        let charter = self.charter.clone();
        for (key, mut call_off) in changed {
            if let Some(charter) = &charter {
                let old = self.call_offs.get(&key).cloned().unwrap_or_default();
                let folded = call_off.fold(&old, charter, self.tracker.horizon());
                self.add_difference(&folded.before, &folded.timeline, touched);
                touched.differences.push(call_off.difference(&old));
                if let CallOffKey::Order(order) = &key {
                    self.settle_order_in_force(order, folded.in_force, charter, touched);
                }
            }
            if call_off.is_empty() {
                self.call_offs.remove(key);
            } else {
                self.call_offs.insert(key, Arc::new(call_off));
            }
        }
    }

    /// Changes a reservation and follows it into levels and findings.
    pub(super) fn change_reservation(
        &mut self,
        id: &ReservationId,
        touched: &mut Touched,
        change: impl FnOnce(&mut Reservation),
    ) {
        let old = self.reservations.get(id).cloned().unwrap_or_default();
        let mut new = Reservation::clone(&old);
        change(&mut new);
        if let Some(charter) = self.charter.clone() {
            self.add_difference(&old.timeline(&charter), &new.timeline(&charter), touched);
            let conditions = new.conditions(&charter, self.tracker.horizon());
            touched.judged.push((Source::Reservation(id.clone()), conditions));
        }
        if new.is_empty() {
            self.reservations.remove(id);
        } else {
            self.reservations.insert(id.clone(), Arc::new(new));
        }
    }

    /// Folds the charter anew. What is agreed bears on everything: scopes, sums and findings.
    pub(super) fn settle_charter(&mut self, touched: &mut Touched) {
        let before = self.charter.take();
        self.charter = Charter::fold(&self.charter_events, &self.policies).map(Arc::new);
        for scope in before.iter().chain(&self.charter).flat_map(|charter| charter.scopes()) {
            touched.note(scope, Date::BEGINNING_OF_TIME);
        }
        self.levels.clear();
        let (charter, horizon) = (self.charter.clone(), self.tracker.horizon());
        let charter = charter.as_deref();
        let call_offs = self.call_offs.clone();
        let mut in_force = Vec::new();
        for (key, old) in call_offs.iter() {
            let mut call_off = CallOff::clone(old);
            call_off.forget();
            if let Some(charter) = charter {
                let folded = call_off.fold(&CallOff::default(), charter, horizon);
                self.add_difference(&folded.before, &folded.timeline, touched);
                in_force.extend(folded.in_force);
            }
            touched.differences.push(call_off.difference(old));
            if !(old.keeps_nothing() && call_off.keeps_nothing()) {
                self.call_offs.insert(key.clone(), Arc::new(call_off));
            }
        }
        let reservations = self.reservations.clone();
        for (id, reservation) in &reservations {
            let conditions = charter.map(|charter| {
                self.add_difference(&Timeline::new(), &reservation.timeline(charter), touched);
                reservation.conditions(charter, horizon)
            });
            touched.judged.push((Source::Reservation(id.clone()), conditions.unwrap_or_default()));
        }
        let of_charter = charter.map(|charter| charter.conditions(horizon)).unwrap_or_default();
        touched.judged.push((Source::Charter, of_charter));
        self.judge_all_events(touched);
        self.settle_orders_in_force(in_force, touched);
    }

    /// An order in force that changed may look like one purchase with others. Nobody looks while no
    /// policy says from which value on.
    fn settle_order_in_force(
        &mut self,
        order: &OrderId,
        in_force: Option<InForce>,
        charter: &Charter,
        touched: &mut Touched,
    ) {
        let Some(window) = split_window(charter) else { return };
        let mut suspects: BTreeSet<OrderId> =
            self.orders_in_force.touched_by(order, window).into_iter().collect();
        match in_force {
            Some(in_force) => self.put_in_force(&in_force),
            None => self.orders_in_force.remove(order),
        }
        suspects.extend(self.orders_in_force.touched_by(order, window));
        suspects.insert(order.clone());
        self.judge_suspects(&suspects, charter, touched);
    }

    fn settle_orders_in_force(&mut self, in_force: Vec<InForce>, touched: &mut Touched) {
        let before = std::mem::take(&mut self.orders_in_force);
        let mut suspects: BTreeSet<OrderId> = before.orders().cloned().collect();
        let Some(charter) = self.charter.clone() else {
            let cleared = suspects.into_iter().map(|order| (Source::Split(order), Vec::new()));
            touched.judged.extend(cleared);
            return;
        };
        if split_window(&charter).is_some() {
            for one in in_force {
                self.put_in_force(&one);
                suspects.insert(one.0.stated().order.clone());
            }
        }
        self.judge_suspects(&suspects, &charter, touched);
    }

    fn put_in_force(&mut self, (placement, value): &InForce) {
        let place = super::fold_key(placement.recorded());
        self.orders_in_force.put(placement.stated(), place, *value);
    }

    fn add_difference(&mut self, old: &Timeline, new: &Timeline, touched: &mut Touched) {
        let mut of_scopes: Vec<(&Scope, Vec<(Date, Sums)>)> = Vec::new();
        for (date, was, is) in side_by_side(old, new) {
            if of_scopes.is_empty() && was == is {
                continue;
            }
            let both = [was, is].into_iter().flatten();
            for scope in both.flat_map(ScopeSums::scopes) {
                if of_scopes.iter().all(|(known, _)| *known != scope) {
                    of_scopes.push((scope, Vec::new()));
                }
            }
            let of = |sums: Option<&ScopeSums>, scope| sums.map(|sums| sums.of(scope));
            for (scope, changes) in &mut of_scopes {
                let (was, is) = (of(was, scope), of(is, scope));
                let change = is.unwrap_or_default().minus(was.unwrap_or_default());
                let last = changes.last().map(|(_, change)| *change).unwrap_or_default();
                if change != last {
                    changes.push((date, change));
                }
            }
        }
        for (scope, changes) in of_scopes {
            if let Some((first, _)) = changes.first() {
                touched.note(scope, *first);
                self.levels.add(scope, &changes);
            }
        }
    }

    pub(super) fn call_off(&self, key: &CallOffKey) -> CallOff {
        self.call_offs.get(key).map(|call_off| CallOff::clone(call_off)).unwrap_or_default()
    }
}

/// The longest window of any policy that has a split threshold. None when none has.
fn split_window(charter: &Charter) -> Option<u32> {
    let with_threshold = charter.policies().filter(|policy| policy.split_threshold.is_some());
    with_threshold.map(|policy| policy.split_window_days).max()
}

/// Every date of two timelines, rising, with the sums of either as they then are.
fn side_by_side<'t>(
    old: &'t Timeline,
    new: &'t Timeline,
) -> impl Iterator<Item = (Date, Option<&'t ScopeSums>, Option<&'t ScopeSums>)> {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    let (mut was, mut is) = (None, None);
    std::iter::from_fn(move || {
        let dates = [old.peek(), new.peek()].into_iter().flatten();
        let date = dates.map(|(date, _)| *date).min()?;
        was = old.next_if(|(next, _)| *next == date).map(|(_, sums)| sums).or(was);
        is = new.next_if(|(next, _)| *next == date).map(|(_, sums)| sums).or(is);
        Some((date, was, is))
    })
}

/// The magnitude of everything that an event adds to sums, in the agreement's currency.
pub(super) fn magnitude(recorded: &Recorded, charter: Option<&Charter>) -> Amount {
    let converted = |value: Value| {
        let currency = charter.map(|charter| charter.terms().currency);
        currency.and_then(|currency| value.in_currency(currency)).unwrap_or_default().magnitude()
    };
    let total = |amounts: &mut dyn Iterator<Item = Amount>| {
        amounts.fold(Amount::ZERO, |sum, amount| sum.plus(amount.magnitude()))
    };
    match &recorded.event.payload {
        Payload::AgreementSigned(signed) => {
            let ceilings = signed.ceilings.iter().map(|ceiling| ceiling.amount);
            let options = signed.options.iter().filter_map(|option| match &option.gives {
                OptionGives::Time { .. } => None,
                OptionGives::Volume { amount, .. } => Some(*amount),
            });
            total(&mut ceilings.chain(options))
        }
        Payload::AgreementAmended(amended) => {
            total(&mut amended.ceiling_changes.iter().map(|change| change.change.amount))
        }
        Payload::HeadroomReserved(reserved) => converted(reserved.value),
        Payload::OrderPlaced(placed) => converted(placed.value),
        Payload::OrderChanged(changed) => converted(changed.value),
        Payload::InvoiceReceived(invoice) => {
            let (net, rate) = (invoice.net, invoice.net.rate);
            let currency = net.money.currency;
            let also = [invoice.vat, invoice.interest_and_fees, invoice.prepaid];
            let stated = also.map(|amount| {
                converted(Value { money: crate::domain::money::Money { amount, currency }, rate })
            });
            total(&mut std::iter::once(converted(net)).chain(stated))
        }
        Payload::CreditNoteReceived(credit) => {
            let money = crate::domain::money::Money {
                amount: credit.vat,
                currency: credit.net.money.currency,
            };
            converted(credit.net).plus(converted(Value { money, rate: credit.net.rate }))
        }
        Payload::InvoicePaid(payment) => converted(payment.value),
        Payload::RetentionWithheld(withheld) => converted(withheld.value),
        Payload::RetentionReleased(released) => converted(released.value),
        Payload::OverrideGranted(granted) => granted.limit.amount,
        Payload::OptionExercised(_)
        | Payload::OptionDeclined(_)
        | Payload::PriceIndexed(_)
        | Payload::AgreementSuspended(_)
        | Payload::AgreementResumed
        | Payload::AgreementTerminated(_)
        | Payload::AgreementClosed
        | Payload::ReservationReleased(_)
        | Payload::OrderConfirmed(_)
        | Payload::OrderRejected(_)
        | Payload::OrderCancelled(_)
        | Payload::DeliveryReceived(_)
        | Payload::OrderClosed(_)
        | Payload::OrderReopened(_)
        | Payload::InvoiceApproved(_)
        | Payload::InvoiceDisputed(_)
        | Payload::InvoiceRejected(_)
        | Payload::DisputeResolved(_)
        | Payload::PrepaymentOffset(_)
        | Payload::PaymentReversed(_)
        | Payload::EventReversed(_)
        | Payload::FindingAcknowledged(_)
        | Payload::FindingWaived(_)
        | Payload::FindingResolved(_)
        | Payload::ThresholdPolicySet(_)
        | Payload::DocumentAttached => Amount::ZERO,
    }
}
