//! One call-off: an order and all that hangs on it, or an invoice that came without one.
//!
//! A call-off is small and folded on its own, so that a late document touches its own order and the
//! days after it, never the whole agreement. `walk` folds it, `payments` keeps what is paid and held
//! back, `prepaid` offsets prepayments; `figures` says what it amounts to, `conditions` which rules
//! do not hold, `placement` what is wrong with how an order was placed, and `view` what lists show.

mod conditions;
mod figures;
mod payments;
mod placement;
mod prepaid;
mod view;
mod walk;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::charter::Charter;
use super::date::Date;
use super::event::{InvoiceKind, InvoiceReceived, OrderPlaced, Payload, Recorded};
use super::finding::{Condition, FindingKey};
use super::id::{InvoiceId, OrderId, Position};
use super::levels::Sums;
use super::money::Amount;
use super::organisation::OrganisationId;
use super::scope::Scope;

pub(in crate::domain) use placement::{Standing as Placement, party_faults, placement_faults};
pub use walk::OrderStatus;
use walk::Walk;

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

impl Entry {
    fn order_key(&self) -> (Date, Position) {
        (self.recorded.event.effective, self.recorded.position)
    }
}

/// The documents of one call-off.
///
/// Invariant: in fold order, by effective date, then position.
#[derive(Debug, Clone, Default)]
pub struct CallOff {
    entries: Vec<Entry>,
}

/// Sums per scope from each date on.
pub type Timeline = Vec<(Date, BTreeMap<Scope, Sums>)>;

impl CallOff {
    /// The documents, in fold order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Puts a document in its place.
    pub fn insert(&mut self, entry: Entry) {
        let place = self.entries.partition_point(|other| other.order_key() < entry.order_key());
        self.entries.insert(place, entry);
    }

    /// Takes a document out. A placement stays, marked as reversed.
    pub fn reverse(&mut self, position: Position, reversal: Position) {
        let keeps_place =
            |entry: &Entry| matches!(entry.recorded.event.payload, Payload::OrderPlaced(_));
        for entry in &mut self.entries {
            if entry.recorded.position == position && keeps_place(entry) {
                entry.standing = Standing::Reversed(reversal);
            }
        }
        self.entries.retain(|entry| entry.recorded.position != position || keeps_place(entry));
        if self.entries.iter().all(|entry| entry.standing != Standing::Live) {
            self.entries.clear();
        }
    }

    /// Takes out the documents that lose their place when an invoice is no longer known: what names
    /// it, and what names those in turn.
    pub fn detach(&mut self, invoice: &InvoiceId) -> Vec<Entry> {
        let mut unknown = vec![invoice.clone()];
        let mut detached = Vec::new();
        loop {
            let names_unknown = |entry: &Entry| {
                entry.hangs_on.as_ref().is_some_and(|named| unknown.contains(named))
            };
            let (leaving, staying): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.entries).into_iter().partition(names_unknown);
            self.entries = staying;
            if leaving.is_empty() {
                return detached;
            }
            for entry in leaving {
                if let Payload::InvoiceReceived(negative) = &entry.recorded.event.payload {
                    unknown.push(negative.invoice.clone());
                }
                detached.push(entry);
            }
        }
    }

    /// Whether an order stands under this call-off's key: placed and not reversed.
    pub fn has_live_order(&self) -> bool {
        self.entries.iter().any(|entry| {
            entry.standing == Standing::Live
                && matches!(entry.recorded.event.payload, Payload::OrderPlaced(_))
        })
    }

    /// What the order is at a place in the fold: after everything before (date, position).
    pub fn order_status_before(
        &self,
        charter: &Charter,
        date: Date,
        position: Position,
    ) -> OrderStatus {
        let mut walk = Walk::new(charter.terms().currency);
        for entry in self.entries.iter().take_while(|entry| entry.order_key() < (date, position)) {
            walk.absorb(entry);
        }
        walk.order_status()
    }

    /// The sums from each date on.
    pub fn timeline(&self, charter: &Charter) -> Timeline {
        let mut walk = Walk::new(charter.terms().currency);
        let mut timeline = Timeline::new();
        self.each_day(&mut walk, Date::END_OF_TIME, |date, walk| {
            timeline.push((date, walk.sums(charter)));
        });
        timeline
    }

    /// The rules that do not hold as of a day, each with the first day of its present breach.
    pub fn conditions(&self, charter: &Charter, as_of: Date) -> Vec<(FindingKey, Condition)> {
        let currency = charter.terms().currency;
        let mut last = Walk::new(currency);
        self.each_day(&mut last, as_of, |_, _| {});
        let mut broken = conditions::lasting(&last, charter);
        let volatile = conditions::volatile(&last);
        if volatile.is_empty() {
            return broken;
        }
        // Only where such a rule does not hold are the earlier days looked at, for its first one.
        let mut since: Vec<Option<Date>> = vec![None; volatile.len()];
        self.each_day(&mut Walk::new(currency), as_of, |date, walk| {
            for (since, rule) in since.iter_mut().zip(&volatile) {
                *since = rule.excess(walk).map(|_| since.unwrap_or(date));
            }
        });
        for (rule, since) in volatile.iter().zip(since) {
            if let (Some(key), Some(since)) = (rule.key(&last), since) {
                broken.push((key, Condition { amount: rule.excess(&last), days: None, since }));
            }
        }
        broken
    }

    /// The order that stands here as of a day, with its placement and value in force. None when it is
    /// not placed, or nothing is in force.
    pub fn standing_order(
        &self,
        charter: &Charter,
        as_of: Date,
    ) -> Option<(Arc<Recorded>, OrderPlaced, Amount)> {
        let mut walk = Walk::new(charter.terms().currency);
        self.each_day(&mut walk, as_of, |_, _| {});
        let order = walk.order?;
        match order.status {
            OrderStatus::Open | OrderStatus::Closed => {
                Some((Arc::clone(order.placement), order.placed.clone(), order.ordered))
            }
            OrderStatus::NotPlaced | OrderStatus::Cancelled | OrderStatus::Rejected => None,
        }
    }

    fn each_day<'a>(
        &'a self,
        walk: &mut Walk<'a>,
        until: Date,
        mut day_is_done: impl FnMut(Date, &Walk<'a>),
    ) {
        for day in self
            .entries
            .chunk_by(|left, right| left.recorded.event.effective == right.recorded.event.effective)
        {
            let Some(date) = day.first().map(|entry| entry.recorded.event.effective) else {
                continue;
            };
            if date > until {
                return;
            }
            for entry in day {
                walk.absorb(entry);
            }
            day_is_done(date, walk);
        }
    }
}
