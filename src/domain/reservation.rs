//! One reservation of headroom, and the orders that use it up.
//!
//! It counts from its date to its expiry, both included. An order that names it uses up the lesser of
//! the order's value at placement and what is open on that day; the rest stays reserved. Cancelling
//! the order does not give it back; reversing the placement does, since then it never was.

use std::sync::Arc;

use super::call_off::party_faults;
use super::charter::Charter;
use super::date::Date;
use super::event::{HeadroomReserved, Payload, Recorded};
use super::finding::{Condition, FindingKey, Subject};
use super::id::Position;
use super::levels::{ScopeSums, Sums, Timeline};
use super::money::{Amount, Money};

/// The events of one reservation: set aside, used, given back.
///
/// Invariant: in fold order, by effective date, then position.
#[derive(Debug, Clone, Default)]
pub struct Reservation {
    events: Vec<Arc<Recorded>>,
}

impl Reservation {
    /// Puts an event in its place.
    pub fn insert(&mut self, recorded: &Arc<Recorded>) {
        let key = |one: &Recorded| (one.event.effective, one.position);
        let place = self.events.partition_point(|other| key(other) < key(recorded));
        self.events.insert(place, Arc::clone(recorded));
    }

    /// Takes an event out.
    pub fn remove(&mut self, position: Position) {
        self.events.retain(|event| event.position != position);
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether it is set aside, on whatever date.
    pub fn is_known(&self) -> bool {
        self.reserved().is_some()
    }

    /// The event that set it aside.
    pub fn reserved(&self) -> Option<(&Arc<Recorded>, &HeadroomReserved)> {
        self.events.iter().find_map(|event| match &event.event.payload {
            Payload::HeadroomReserved(reserved) => Some((event, &**reserved)),
            _ => None,
        })
    }

    /// What is open after each event, by date, up to its expiry.
    fn open_by_date(&self, charter: &Charter) -> Vec<(Date, Amount)> {
        let currency = charter.terms().currency;
        let mut open: Option<Amount> = None;
        let mut steps: Vec<(Date, Amount)> = Vec::new();
        let Some((_, reserved)) = self.reserved() else { return steps };
        for event in &self.events {
            let date = event.event.effective;
            if date > reserved.expiry {
                break;
            }
            if let Payload::HeadroomReserved(reserved) = &event.event.payload {
                open = Some(reserved.value.in_currency(currency).unwrap_or_default());
            } else if let Payload::ReservationReleased(_) = &event.event.payload {
                open = open.map(|_| Amount::ZERO);
            } else if let Payload::OrderPlaced(placed) = &event.event.payload {
                let value = placed.value.in_currency(currency).unwrap_or_default();
                open = open.map(|open| open.minus(value.min(open)));
            }
            match (open, steps.last_mut()) {
                (Some(open), Some(last)) if last.0 == date => last.1 = open,
                (Some(open), _) => steps.push((date, open)),
                (None, _) => {}
            }
        }
        if !steps.is_empty() {
            // The day after the expiry nothing is open; none beyond the calendar.
            steps.extend(reserved.expiry.plus_days(1).map(|date| (date, Amount::ZERO)));
        }
        steps
    }

    /// What is open at the end of a day.
    pub fn open_at(&self, charter: &Charter, as_of: Date) -> Amount {
        let steps = self.open_by_date(charter);
        let reached = steps.iter().rev().find(|(date, _)| *date <= as_of);
        reached.map(|(_, open)| *open).unwrap_or_default()
    }

    /// The sums from each date on.
    pub fn timeline(&self, charter: &Charter) -> Timeline {
        let Some((_, reserved)) = self.reserved() else { return Timeline::new() };
        let steps = self.open_by_date(charter).into_iter().map(|(date, open)| {
            let sums = Sums { reserved: open, exposure: open, ..Sums::default() };
            let mut of_scopes = ScopeSums::default();
            for scope in reserved.keys.scopes().filter(|scope| charter.has_scope(scope)) {
                of_scopes.add(scope, sums);
            }
            (date, of_scopes)
        });
        steps.collect()
    }

    /// The rules that do not hold as of a day: who or what is not on the agreement's lists.
    pub fn conditions(&self, charter: &Charter, as_of: Date) -> Vec<(FindingKey, Condition)> {
        let Some((event, reserved)) = self.reserved() else { return Vec::new() };
        let since = event.event.effective;
        if since > as_of {
            return Vec::new();
        }
        let currency = charter.terms().currency;
        let amount = reserved.value.in_currency(currency);
        let amount = amount.map(|amount| Money { amount, currency });
        let faults = party_faults(&reserved.keys, since, charter).into_iter();
        faults
            .map(|fault| {
                let subject = Subject::Reservation(reserved.reservation.clone());
                let key = FindingKey { rule: fault.reason, subject };
                (key, Condition { amount, days: None, since })
            })
            .collect()
    }

    /// The last day on which it can count.
    pub fn expiry(&self) -> Option<Date> {
        self.reserved().map(|(_, reserved)| reserved.expiry)
    }
}
