//! One call-off: an order and all that hangs on it, or an invoice that came without one.
//!
//! A call-off is folded on its own, so that a late document touches its own order and the days after
//! it, never the whole agreement. `walk` is the fold, document by document; `fold` says from where on
//! it is walked, `prepaid` offsets prepayments; `figures` says what it amounts to, `conditions` which
//! rules do not hold, `placement` what is wrong with how an order was placed, and `view` what lists
//! show. `filed` is an event with what it states.

mod conditions;
mod entries;
mod figures;
mod filed;
mod fold;
mod placement;
mod prepaid;
mod view;
mod walk;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::sync::Arc;

use imbl::OrdSet;

use super::charter::Charter;
use super::date::Date;
use super::event::{InvoiceKind, InvoiceReceived, Payload, Recorded};
use super::id::{InvoiceId, OrderId, Position};
use super::organisation::OrganisationId;
use super::tracker::Difference;

use conditions::Judgement;
use entries::Entries;
use fold::Fold;
pub(in crate::domain) use fold::InForce;
pub(in crate::domain) use placement::{Standing as Placement, party_faults, placement_faults};
pub use walk::OrderStatus;

/// Which call-off a document belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallOffKey {
    /// Everything on one order, known or not yet known.
    Order(OrderId),
    /// One invoice without an order, and what names it.
    OffOrder(InvoiceId),
    /// One supplier's prepayments without an order, and the invoices that offset them.
    PrepaidOffOrder(OrganisationId),
    /// What names an invoice that is not yet known.
    Pending(InvoiceId),
}

impl CallOffKey {
    /// Where an invoice belongs that names no known invoice.
    pub fn of_invoice(invoice: &InvoiceReceived) -> Self {
        if let (Some(order), None) = (&invoice.order, &invoice.corrected) {
            return Self::Order(order.clone());
        }
        let offsets = invoice.kind == InvoiceKind::Prepayment || !invoice.prepaid.is_zero();
        match (&invoice.corrected, &invoice.keys.supplier) {
            (Some(corrected), _) => Self::Pending(corrected.clone()),
            (None, Some(supplier)) if offsets => Self::PrepaidOffOrder(supplier.clone()),
            (None, _) => Self::OffOrder(invoice.invoice.clone()),
        }
    }
}

/// A document in its call-off.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The event.
    pub recorded: Arc<Recorded>,
    /// Whether it counts. A reversed placement stays, so that what hangs on it keeps its scopes.
    pub standing: Standing,
    /// The invoice without which it has no place of its own.
    pub hangs_on: Option<InvoiceId>,
}

/// Whether a document counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Live,
    /// It is reversed, by the event at this position. What came after that never was on the order.
    Reversed(Position),
}

/// A place in the fold of a call-off: effective date, then position.
type Place = (Date, Position);

impl Entry {
    fn place(&self) -> Place {
        (self.recorded.event.effective, self.recorded.position)
    }

    fn is_placement(&self) -> bool {
        matches!(self.recorded.event.payload, Payload::OrderPlaced(_))
    }
}

/// The documents of one call-off.
#[derive(Debug, Clone, Default)]
pub struct CallOff {
    entries: Entries,
    /// What hangs on each invoice. Kept of a long call-off only: a short one is looked through.
    hanging: OrdSet<(InvoiceId, Place)>,
    /// How many of them are placements that are not reversed.
    live_placements: usize,
    /// How many are placements that are.
    reversed_placements: usize,
    /// The first place at which documents have changed since the last fold.
    changed_from: Option<Place>,
    /// The rules that did not hold at the end of the last fold.
    judgement: Judgement,
    /// Where the last fold is kept, by place. Only those before every document that changed since.
    ///
    /// Invariant: all are of the charter that is in force, and of the same horizon.
    waypoints: Vec<Arc<Fold>>,
}

impl CallOff {
    /// The documents, in fold order.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts a document in its place.
    pub fn insert(&mut self, entry: Entry) {
        let place = entry.place();
        self.changed_at(place);
        if entry.is_placement() {
            match entry.standing {
                Standing::Live => self.live_placements += 1,
                Standing::Reversed(_) => self.reversed_placements += 1,
            }
        }
        let named = entry.hangs_on.clone();
        self.entries.insert(entry);
        match self.entries.len().cmp(&fold::LONG_FROM) {
            Ordering::Less => {}
            Ordering::Equal => self.hanging = self.all_hanging().collect(),
            Ordering::Greater => self.hanging.extend(named.map(|named| (named, place))),
        }
    }

    fn all_hanging(&self) -> impl Iterator<Item = (InvoiceId, Place)> {
        let entries = self.entries.iter();
        entries.filter_map(|entry| Some((entry.hangs_on.clone()?, entry.place())))
    }

    fn remove(&mut self, place: Place) -> Option<Entry> {
        self.changed_at(place);
        let entry = self.entries.remove(place)?;
        if self.entries.len() < fold::LONG_FROM {
            self.hanging = OrdSet::new();
        } else if let Some(named) = &entry.hangs_on {
            self.hanging.remove(&(named.clone(), place));
        }
        Some(entry)
    }

    /// Takes a document out. A placement stays, marked as reversed.
    pub fn reverse(&mut self, target: &Recorded, reversal: Position) {
        let place = (target.event.effective, target.position);
        self.changed_at(place);
        match self.entries.get_mut(place) {
            Some(entry) if entry.is_placement() => {
                entry.standing = Standing::Reversed(reversal);
                self.live_placements = self.live_placements.saturating_sub(1);
                self.reversed_placements += 1;
            }
            Some(_) => {
                self.remove(place);
            }
            None => {}
        }
        if self.entries.len() == self.reversed_placements {
            *self = Self::default();
        }
    }

    /// Takes out the documents that lose their place when an invoice is no longer known: what names
    /// it, and what names those in turn.
    pub fn detach(&mut self, invoice: &InvoiceId) -> Vec<Entry> {
        let mut unknown = vec![invoice.clone()];
        let mut detached = Vec::new();
        while let Some(named) = unknown.pop() {
            for place in self.places_hanging_on(&named) {
                let Some(entry) = self.remove(place) else { continue };
                if let Payload::InvoiceReceived(negative) = &entry.recorded.event.payload {
                    unknown.push(negative.invoice.clone());
                }
                detached.push(entry);
            }
        }
        detached
    }

    fn places_hanging_on(&self, invoice: &InvoiceId) -> Vec<Place> {
        if self.entries.len() < fold::LONG_FROM {
            let hanging = self.all_hanging().filter(|(named, _)| named == invoice);
            return hanging.map(|(_, place)| place).collect();
        }
        let first = (invoice.clone(), (Date::BEGINNING_OF_TIME, Position::new(0)));
        let hanging = self.hanging.range(first..).take_while(|(named, _)| named == invoice);
        hanging.map(|(_, place)| *place).collect()
    }

    /// Whether an order stands under this call-off's key: placed and not reversed.
    pub fn has_live_order(&self) -> bool {
        self.live_placements > 0
    }

    /// What the order is at a place in the fold: after everything before (date, position).
    pub fn order_status_before(
        &self,
        charter: &Charter,
        date: Date,
        position: Position,
    ) -> OrderStatus {
        self.walk_before(charter, (date, position)).order_status()
    }

    /// Which rules hold and which do not any more, compared with an earlier fold.
    pub fn difference(&self, earlier: &Self) -> Difference {
        self.judgement.conditions().difference(earlier.judgement.conditions())
    }

    /// Forgets all that was ever folded, before another charter or none.
    pub fn forget(&mut self) {
        self.judgement = Judgement::default();
        self.waypoints.clear();
        self.changed_from = Some((Date::BEGINNING_OF_TIME, Position::new(0)));
    }

    /// Whether a fold has left nothing to keep, and nothing has changed since.
    pub fn keeps_nothing(&self) -> bool {
        self.judgement.is_empty() && self.waypoints.is_empty() && self.changed_from.is_none()
    }

    fn changed_at(&mut self, place: Place) {
        self.waypoints.retain(|waypoint| waypoint.reached() < Some(place));
        self.changed_from = Some(self.changed_from.map_or(place, |earlier| earlier.min(place)));
    }
}
