//! The fold of all events of one agreement.
//!
//! An [`Agreement`] is a value: cloning it is cheap, because its parts are shared, and applying an
//! event to a clone leaves the original as it was. So a refused event is dropped with its clone, and
//! readers keep what they hold. [`apply`](Agreement::apply) routes an event to the charter or to the
//! call-offs it touches; `settle` carries the change into levels and findings.

mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, Vector};

use super::call_off::{CallOff, CallOffKey, Entry, Standing};
use super::charter::Charter;
use super::date::{Date, RecordedTime};
use super::event::{InvoiceReceived, Payload, Recorded};
use super::id::{
    AgreementId, CreditNoteId, EventId, InvoiceId, OrderId, PaymentId, Position, Version,
};
use super::levels::{Levels, Sums};
use super::money::Amount;
use super::policy::PolicyBook;
use super::scope::Scope;
use super::tracker::Tracker;

/// One agreement after some of its events.
#[derive(Debug, Clone)]
pub struct Agreement {
    id: AgreementId,
    /// Dated policy, as configured.
    policies: Arc<PolicyBook>,
    /// Everything recorded, in the order of versions.
    events: Vector<Arc<Recorded>>,
    /// Reversed event and the event that reversed it.
    reversals: OrdMap<EventId, EventId>,
    /// Live events of the agreement itself, in fold order.
    charter_events: Arc<Vec<Arc<Recorded>>>,
    charter: Option<Arc<Charter>>,
    call_offs: OrdMap<CallOffKey, Arc<CallOff>>,
    /// Where each known invoice belongs.
    invoice_homes: OrdMap<InvoiceId, CallOffKey>,
    credit_notes: OrdMap<CreditNoteId, Position>,
    payments: OrdMap<PaymentId, Position>,
    levels: OrdMap<Scope, Levels>,
    latest_effective: Option<Date>,
    /// Sum of the magnitudes of all amounts: keeps every other sum in bounds.
    magnitude: Amount,
    tracker: Tracker,
}

impl Agreement {
    /// No events yet; findings will be judged as of the horizon, by this policy and what the
    /// agreement itself sets over it.
    pub fn new(id: AgreementId, policies: Arc<PolicyBook>, horizon: Date) -> Self {
        Self {
            id,
            policies,
            events: Vector::new(),
            reversals: OrdMap::new(),
            charter_events: Arc::default(),
            charter: None,
            call_offs: OrdMap::new(),
            invoice_homes: OrdMap::new(),
            credit_notes: OrdMap::new(),
            payments: OrdMap::new(),
            levels: OrdMap::new(),
            latest_effective: None,
            magnitude: Amount::ZERO,
            tracker: Tracker::new(horizon),
        }
    }

    /// Which one.
    pub fn id(&self) -> &AgreementId {
        &self.id
    }

    /// Folds other events of the same agreement, in the order of their versions.
    #[must_use]
    pub fn refold<'a>(
        &self,
        events: impl IntoIterator<Item = &'a Arc<Recorded>>,
        horizon: Date,
    ) -> Self {
        let mut agreement = Self::new(self.id.clone(), Arc::clone(&self.policies), horizon);
        for event in events {
            agreement.apply(event);
        }
        agreement
    }

    /// What it was up to and with a recorded time, judged as of a horizon.
    #[must_use]
    pub fn as_known(&self, known: RecordedTime, horizon: Date) -> Self {
        self.refold(self.events.iter().take_while(|event| event.recorded <= known), horizon)
    }

    /// What it was up to and with a position of the log, judged as of a horizon.
    #[must_use]
    pub fn at_position(&self, position: Position, horizon: Date) -> Self {
        self.refold(self.events.iter().take_while(|event| event.position <= position), horizon)
    }

    /// What it was at a version, judged as of a horizon.
    #[must_use]
    pub fn at_version(&self, version: Version, horizon: Date) -> Self {
        self.refold(self.events.iter().take_while(|event| event.version <= version), horizon)
    }

    /// The version: how many events it has.
    pub fn version(&self) -> Version {
        self.events.last().map_or(Version::NONE, |event| event.version)
    }

    /// Everything recorded, in the order of versions.
    pub fn events(&self) -> impl Iterator<Item = &Arc<Recorded>> {
        self.events.iter()
    }

    /// What is agreed, when the agreement is signed and the signature is not reversed.
    pub fn charter(&self) -> Option<&Charter> {
        self.charter.as_deref()
    }

    /// The same, when the signature holds as of a day.
    pub fn charter_at(&self, as_of: Date) -> Option<&Charter> {
        self.charter().filter(|charter| charter.signed().event.effective <= as_of)
    }

    /// The sums of a scope that has a ceiling, at the end of a day.
    pub fn sums(&self, scope: &Scope, as_of: Date) -> Sums {
        self.levels.get(scope).map(|levels| levels.at(as_of)).unwrap_or_default()
    }

    /// The levels of a scope that has a ceiling.
    pub fn levels(&self, scope: &Scope) -> Option<&Levels> {
        self.levels.get(scope)
    }

    /// Findings as of the horizon.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// The latest effective date of any event.
    pub fn latest_effective(&self) -> Option<Date> {
        self.latest_effective
    }

    /// The event of an id.
    pub fn event(&self, id: EventId) -> Option<&Arc<Recorded>> {
        self.events.iter().rev().find(|event| event.event_id == id)
    }

    /// The event that reversed another.
    pub fn reversal_of(&self, id: EventId) -> Option<EventId> {
        self.reversals.get(&id).copied()
    }

    /// The call-off of an order that is placed and not reversed, on whatever date.
    pub fn live_order(&self, order: &OrderId) -> Option<&CallOff> {
        let call_off = self.call_offs.get(&CallOffKey::Order(order.clone()))?;
        call_off.has_live_order().then_some(call_off)
    }

    /// Whether an invoice is known and not reversed.
    pub fn knows_invoice(&self, invoice: &InvoiceId) -> bool {
        self.invoice_homes.contains_key(invoice)
    }

    /// Whether a credit note is known and not reversed.
    pub fn knows_credit_note(&self, credit_note: &CreditNoteId) -> bool {
        self.credit_notes.contains_key(credit_note)
    }

    /// Whether a payment is known and not reversed.
    pub fn knows_payment(&self, payment: &PaymentId) -> bool {
        self.payments.contains_key(payment)
    }

    /// Sum of the magnitudes of all amounts so far.
    pub fn magnitude(&self) -> Amount {
        self.magnitude
    }

    /// Orders and invoices that count as of a day.
    pub fn document_counts(&self, as_of: Date) -> (u64, u64) {
        let (mut orders, mut invoices) = (0, 0);
        let entries = self.call_offs.values().flat_map(|call_off| call_off.entries());
        for entry in entries.filter(|entry| {
            entry.standing == Standing::Live && entry.recorded.event.effective <= as_of
        }) {
            match &entry.recorded.event.payload {
                Payload::OrderPlaced(_) => orders += 1,
                Payload::InvoiceReceived(_) => invoices += 1,
                Payload::AgreementSigned(_)
                | Payload::OptionExercised(_)
                | Payload::OrderChanged(_)
                | Payload::OrderCancelled(_)
                | Payload::OrderClosed(_)
                | Payload::CreditNoteReceived(_)
                | Payload::InvoicePaid(_)
                | Payload::EventReversed(_) => {}
                _ => {}
            }
        }
        (orders, invoices)
    }

    /// Takes in the next event. Whether it may be recorded is for `admit`; here it counts.
    pub fn apply(&mut self, recorded: &Arc<Recorded>) {
        self.events.push_back(Arc::clone(recorded));
        let effective = recorded.event.effective;
        self.latest_effective = self.latest_effective.max(Some(effective));
        self.magnitude = self.magnitude.plus(settle::magnitude(recorded, self.charter()));
        match &recorded.event.payload {
            Payload::AgreementSigned(_) | Payload::OptionExercised(_) => {
                let events = Arc::make_mut(&mut self.charter_events);
                let place = events.partition_point(|other| fold_key(other) < fold_key(recorded));
                events.insert(place, Arc::clone(recorded));
                self.settle_charter(recorded);
            }
            Payload::EventReversed(reversed) => {
                self.reversals.insert(reversed.target, recorded.event_id);
                if let Some(target) = self.event(reversed.target).cloned() {
                    self.take_out(&target, recorded);
                }
            }
            Payload::OrderPlaced(_)
            | Payload::OrderChanged(_)
            | Payload::OrderCancelled(_)
            | Payload::OrderClosed(_)
            | Payload::InvoiceReceived(_)
            | Payload::CreditNoteReceived(_)
            | Payload::InvoicePaid(_) => {
                let changed = self.put_in(recorded);
                self.settle_call_offs(changed, recorded);
            }
            _ => {}
        }
    }

    /// Puts a document into its call-off; an invoice brings along what was waiting for it.
    fn put_in(&mut self, recorded: &Arc<Recorded>) -> BTreeMap<CallOffKey, CallOff> {
        let mut changed = BTreeMap::new();
        let Some(home) = self.home_of(&recorded.event.payload) else {
            return changed;
        };
        let mut call_off = self.call_off(&home);
        call_off.insert(Entry { recorded: Arc::clone(recorded), standing: Standing::Live });
        match &recorded.event.payload {
            Payload::InvoiceReceived(invoice) => {
                self.invoice_homes.insert(invoice.invoice.clone(), home.clone());
                let waiting = CallOffKey::Pending(invoice.invoice.clone());
                if waiting != home {
                    let entries = self.call_off(&waiting).entries().to_vec();
                    for entry in entries {
                        self.move_home(&entry, &home);
                        call_off.insert(entry);
                    }
                    changed.insert(waiting, CallOff::default());
                }
            }
            Payload::CreditNoteReceived(credit) => {
                self.credit_notes.insert(credit.credit_note.clone(), recorded.position);
            }
            Payload::InvoicePaid(payment) => {
                self.payments.insert(payment.payment.clone(), recorded.position);
            }
            Payload::AgreementSigned(_)
            | Payload::OptionExercised(_)
            | Payload::OrderPlaced(_)
            | Payload::OrderChanged(_)
            | Payload::OrderCancelled(_)
            | Payload::OrderClosed(_)
            | Payload::EventReversed(_) => {}
            _ => {}
        }
        changed.insert(home, call_off);
        changed
    }

    /// Takes a reversed event out of wherever it counts.
    fn take_out(&mut self, target: &Arc<Recorded>, reversal: &Recorded) {
        match &target.event.payload {
            Payload::AgreementSigned(_) | Payload::OptionExercised(_) => {
                let events = Arc::make_mut(&mut self.charter_events);
                events.retain(|event| event.position != target.position);
                self.settle_charter(reversal);
                return;
            }
            Payload::EventReversed(_) => return,
            Payload::CreditNoteReceived(credit) => {
                self.credit_notes.remove(&credit.credit_note);
            }
            Payload::InvoicePaid(payment) => {
                self.payments.remove(&payment.payment);
            }
            Payload::OrderPlaced(_)
            | Payload::OrderChanged(_)
            | Payload::OrderCancelled(_)
            | Payload::OrderClosed(_)
            | Payload::InvoiceReceived(_) => {}
            _ => {}
        }
        let Some(home) = self.home_of(&target.event.payload) else {
            return;
        };
        let mut changed = BTreeMap::new();
        let mut call_off = self.call_off(&home);
        call_off.reverse(target.position);
        if let Payload::InvoiceReceived(invoice) = &target.event.payload {
            self.invoice_homes.remove(&invoice.invoice);
            let waiting = CallOffKey::Pending(invoice.invoice.clone());
            if waiting != home {
                let mut pending = self.call_off(&waiting);
                for entry in call_off.detach(&invoice.invoice) {
                    self.move_home(&entry, &waiting);
                    pending.insert(entry);
                }
                changed.insert(waiting, pending);
            }
        }
        changed.insert(home, call_off);
        self.settle_call_offs(changed, reversal);
    }

    fn home_of(&self, payload: &Payload) -> Option<CallOffKey> {
        match payload {
            Payload::OrderPlaced(placed) => Some(CallOffKey::Order(placed.order.clone())),
            Payload::OrderChanged(changed) => Some(CallOffKey::Order(changed.order.clone())),
            Payload::OrderCancelled(ended) | Payload::OrderClosed(ended) => {
                Some(CallOffKey::Order(ended.order.clone()))
            }
            Payload::InvoiceReceived(invoice) => Some(self.home_of_invoice(invoice)),
            Payload::CreditNoteReceived(credit) => Some(self.home_of_named(&credit.invoice)),
            Payload::InvoicePaid(payment) => Some(self.home_of_named(&payment.invoice)),
            Payload::AgreementSigned(_)
            | Payload::OptionExercised(_)
            | Payload::EventReversed(_) => None,
            _ => None,
        }
    }

    fn home_of_invoice(&self, invoice: &InvoiceReceived) -> CallOffKey {
        if let Some(home) = self.invoice_homes.get(&invoice.invoice) {
            return home.clone();
        }
        match invoice.corrected.as_ref().and_then(|named| self.invoice_homes.get(named)) {
            Some(home) => home.clone(),
            None => CallOffKey::of_invoice(invoice),
        }
    }

    fn home_of_named(&self, invoice: &InvoiceId) -> CallOffKey {
        let home = self.invoice_homes.get(invoice).cloned();
        home.unwrap_or_else(|| CallOffKey::Pending(invoice.clone()))
    }

    fn move_home(&mut self, entry: &Entry, home: &CallOffKey) {
        if let Payload::InvoiceReceived(invoice) = &entry.recorded.event.payload {
            self.invoice_homes.insert(invoice.invoice.clone(), home.clone());
        }
    }

    fn call_off(&self, key: &CallOffKey) -> CallOff {
        self.call_offs.get(key).map(|call_off| CallOff::clone(call_off)).unwrap_or_default()
    }
}

fn fold_key(recorded: &Recorded) -> (Date, Position) {
    (recorded.event.effective, recorded.position)
}
