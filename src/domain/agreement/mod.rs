//! The fold of all events of one agreement.
//!
//! An [`Agreement`] is a value: cloning it is cheap, because its parts are shared, and applying an
//! event to a clone leaves the original as it was. So a refused event is dropped with its clone, and
//! readers keep what they hold. [`apply`](Agreement::apply) takes an event in: `route` puts it into the
//! charter, the call-offs and the reservations that it touches, `settle` carries the change into
//! levels, `judge` into findings. `events` keeps them all and `call_offs` theirs, `names` knows which
//! ids are in use, `own` what is wrong with an event by itself, `handling` what people did about
//! findings, `views` what lists show.

pub(in crate::domain) mod breaches;
mod call_offs;
mod events;
mod handling;
mod judge;
mod names;
mod own;
mod route;
mod settle;
mod views;

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use super::call_off::{CallOff, CallOffKey};
use super::charter::Charter;
use super::date::Date;
use super::duplicates::Documents;
use super::event::{AdmissionMode, Group, Payload, Recorded};
use super::id::{
    AgreementId, EventId, FindingId, InvoiceId, OrderId, Position, ReservationId, Version,
};
use super::levels::{AllLevels, Levels, Sums};
use super::money::{Amount, Currency};
use super::policy::PolicyBook;
use super::reservation::Reservation;
use super::scope::Scope;
use super::splits::Orders;
use super::tracker::Tracker;

use breaches::breaches;
use call_offs::CallOffs;
use events::Events;
use names::Names;
use own::OverrideUse;
pub(in crate::domain) use own::lacks_reason;
use settle::Touched;
use views::DocumentCounts;

/// One agreement after some of its events.
#[derive(Debug, Clone)]
pub struct Agreement {
    id: AgreementId,
    /// Dated policy, as configured.
    policies: Arc<PolicyBook>,
    /// Everything recorded, in the order of versions.
    events: Events,
    /// Reversed event and the event that reversed it.
    reversals: OrdMap<EventId, EventId>,
    /// Live events that make the charter, in fold order.
    charter_events: Arc<Vec<Arc<Recorded>>>,
    charter: Option<Arc<Charter>>,
    call_offs: CallOffs,
    reservations: OrdMap<ReservationId, Arc<Reservation>>,
    names: Names,
    /// Live rejections of each invoice, by date.
    rejections: OrdMap<InvoiceId, OrdSet<(Date, Position)>>,
    documents: Documents,
    /// Orders in force as of the horizon. Empty while no policy has a split threshold.
    orders_in_force: Orders,
    override_uses: OrdMap<EventId, OverrideUse>,
    /// Live events that handle each finding, by position.
    handlings: OrdMap<FindingId, OrdMap<Position, Arc<Recorded>>>,
    /// Orders and invoices that are not reversed, on whatever date.
    document_counts: DocumentCounts,
    levels: AllLevels,
    latest_effective: Option<Date>,
    /// The latest day on which any event ever changed something: also the day after an expiry.
    latest_change: Option<Date>,
    /// Sum of the magnitudes of all amounts: keeps every other sum in bounds.
    magnitude: Amount,
    tracker: Tracker,
}

impl Agreement {
    /// No events yet; findings will be judged as of the horizon, by this policy and what the
    /// agreement itself sets over it.
    pub fn new(id: AgreementId, policies: Arc<PolicyBook>, horizon: Date) -> Self {
        Self {
            tracker: Tracker::new(id.clone(), horizon),
            id,
            policies,
            events: Events::default(),
            reversals: OrdMap::new(),
            charter_events: Arc::default(),
            charter: None,
            call_offs: CallOffs::default(),
            reservations: OrdMap::new(),
            names: Names::default(),
            rejections: OrdMap::new(),
            documents: Documents::default(),
            orders_in_force: Orders::default(),
            override_uses: OrdMap::new(),
            handlings: OrdMap::new(),
            document_counts: DocumentCounts::default(),
            levels: AllLevels::default(),
            latest_effective: None,
            latest_change: None,
            magnitude: Amount::ZERO,
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

    /// The version up to which a condition holds: the condition must hold for no event that comes
    /// after one for which it does not.
    pub fn version_while(&self, holds: impl Fn(&Recorded) -> bool) -> Version {
        let count = self.events.count_while(holds);
        let last = count.checked_sub(1).and_then(|place| self.events.get(place));
        last.map_or(Version::NONE, |event| event.version)
    }

    /// What it was up to and with a position of the log, judged as of a horizon.
    #[must_use]
    pub fn at_position(&self, position: Position, horizon: Date) -> Self {
        self.refold(self.events.iter().take_while(|event| event.position <= position), horizon)
    }

    /// This with the events that a later state of the same agreement has beyond it.
    #[must_use]
    pub fn carried_to(&self, later: &Self) -> Self {
        let mut carried = self.clone();
        // From the end, so that it costs no more than there is to carry.
        let beyond = later.events.len().saturating_sub(self.events.len());
        let newest_first: Vec<&Arc<Recorded>> = later.events.iter().rev().take(beyond).collect();
        for event in newest_first.into_iter().rev() {
            carried.apply(event);
        }
        carried
    }

    /// Whether another state of the agreement has every event of this one first.
    pub fn is_prefix_of(&self, other: &Self) -> bool {
        // Event ids are never given twice, so the last one tells.
        let last = |agreement: &Self, count: usize| {
            let event = count.checked_sub(1).and_then(|place| agreement.events.get(place));
            event.map(|event| event.event_id)
        };
        let count = self.events.len();
        count <= other.events.len() && last(self, count) == last(other, count)
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
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Arc<Recorded>> {
        self.events.iter()
    }

    /// What was recorded last. None without events.
    pub fn newest_event(&self) -> Option<&Arc<Recorded>> {
        self.events.last()
    }

    /// What is agreed, when the agreement is signed and the signature is not reversed.
    pub fn charter(&self) -> Option<&Charter> {
        self.charter.as_deref()
    }

    /// The same, when the signature holds as of a day.
    pub fn charter_at(&self, as_of: Date) -> Option<&Charter> {
        self.charter().filter(|charter| charter.signed().event.effective <= as_of)
    }

    /// The agreement's currency, which no later signature changes. None before the first.
    fn currency(&self) -> Option<Currency> {
        let in_force = self.charter().map(Charter::terms);
        let ever = || self.events.iter().find_map(|event| event.event.payload.signature());
        in_force.or_else(ever).map(|terms| terms.currency)
    }

    /// The sums of a scope that has a ceiling, at the end of a day.
    pub fn sums(&self, scope: &Scope, as_of: Date) -> Sums {
        self.levels.sums(scope, as_of)
    }

    /// The levels of a scope that has a ceiling.
    pub fn levels(&self, scope: &Scope) -> Option<&Levels> {
        self.levels.of(scope)
    }

    /// The levels of every scope that has a ceiling.
    pub(in crate::domain) fn all_levels(&self) -> &AllLevels {
        &self.levels
    }

    /// What is agreed, to be kept.
    pub(in crate::domain) fn shared_charter(&self) -> Option<&Arc<Charter>> {
        self.charter.as_ref()
    }

    /// Findings as of the horizon.
    pub fn tracker(&self) -> &Tracker {
        &self.tracker
    }

    /// The day from which on nothing recorded changes the sums, the charter or the policy any more:
    /// from it on, answers differ only by what the passing of days does to the forecast and the state.
    /// It takes in what was reversed since. None before the first event.
    pub fn settled_from(&self) -> Option<Date> {
        let configured = self.policies.changes().last().map(|(from, _)| *from);
        self.latest_change.map(|latest| configured.map_or(latest, |from| from.max(latest)))
    }

    /// The latest effective date of any event.
    pub fn latest_effective(&self) -> Option<Date> {
        self.latest_effective
    }

    /// The event of an id.
    pub fn event(&self, id: EventId) -> Option<&Arc<Recorded>> {
        self.events.of_id(id)
    }

    /// The event that reversed another.
    pub fn reversal_of(&self, id: EventId) -> Option<EventId> {
        self.reversals.get(&id).copied()
    }

    /// The call-off of an order that is placed and not reversed, on whatever date.
    pub fn live_order(&self, order: &OrderId) -> Option<&CallOff> {
        let call_off = self.call_offs.get(&CallOffKey::Order(order.clone()))?;
        call_off.has_live_order().then_some(&**call_off)
    }

    /// Whether a reservation is set aside and not reversed, on whatever date.
    pub fn knows_reservation(&self, reservation: &ReservationId) -> bool {
        self.reservations.get(reservation).is_some_and(|reservation| reservation.is_known())
    }

    /// Which ids are in use.
    pub(in crate::domain) fn names(&self) -> &Names {
        &self.names
    }

    /// Sum of the magnitudes of all amounts so far.
    pub fn magnitude(&self) -> Amount {
        self.magnitude
    }

    /// Takes in the next event. Whether it may be recorded is for `admit`; here it counts.
    pub fn apply(&mut self, recorded: &Arc<Recorded>) {
        let before = self.may_use_override(recorded).then(|| self.levels.clone());
        self.events.push(Arc::clone(recorded));
        self.note_change(recorded);
        self.magnitude = self.magnitude.plus(settle::magnitude(recorded, self.charter()));
        let mut touched = Touched::default();
        self.route(recorded, &mut touched);
        if let Some(before) = before {
            self.note_override_use(&before, recorded);
        }
        self.judge_event(recorded, &mut touched);
        self.judge(recorded, touched);
        self.handle(recorded);
    }

    fn note_change(&mut self, recorded: &Recorded) {
        let mut latest = recorded.event.effective;
        self.latest_effective = self.latest_effective.max(Some(latest));
        if let Payload::HeadroomReserved(reserved) = &recorded.event.payload {
            latest = reserved.expiry.plus_days(1).map_or(latest, |after| after.max(latest));
        }
        self.latest_change = self.latest_change.max(Some(latest));
    }

    fn may_use_override(&self, recorded: &Recorded) -> bool {
        let granted = self.charter().is_some_and(|charter| !charter.overrides().is_empty());
        let may_grow = match recorded.event.payload.group() {
            Group::Headroom | Group::Order | Group::Invoice | Group::Payment => true,
            Group::Agreement | Group::Control => false,
        };
        granted && may_grow && recorded.event.mode == AdmissionMode::Intent
    }

    /// An intent that was accepted although it passed a maximum, did so under an override.
    fn note_override_use(&mut self, before: &AllLevels, recorded: &Recorded) {
        let Some(charter) = self.charter() else { return };
        let passed = breaches(before, self, charter, recorded.event.effective, Amount::ZERO);
        let largest =
            passed.into_iter().map(|(_, breach)| breach.excess).max_by_key(|one| one.amount);
        if let Some(excess) = largest {
            self.override_uses.insert(recorded.event_id, OverrideUse { excess });
        }
    }
}

fn fold_key(recorded: &Recorded) -> (Date, Position) {
    (recorded.event.effective, recorded.position)
}
