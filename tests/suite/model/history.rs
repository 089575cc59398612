//! The events of one agreement, and those that count at one point of the two times.

use contract_ledger::domain::date::Date;
use contract_ledger::domain::event::{AgreementSigned, Payload, Recorded};
use contract_ledger::domain::id::EventId;
use contract_ledger::domain::money::{Amount, Currency};

/// Everything recorded of one agreement, in the order of the positions.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    pub(super) events: Vec<Recorded>,
    /// For each event the largest excess under an override at its admission.
    pub(super) overridden: Vec<Option<Amount>>,
}

/// The live events effective up to a day among the first so many recorded, in fold order.
#[derive(Debug)]
pub(super) struct Fold<'a> {
    pub(super) as_of: Date,
    pub(super) terms: &'a AgreementSigned,
    /// When the signature is effective.
    pub(super) signed: Date,
    pub(super) events: Vec<&'a Recorded>,
    /// Reversed events effective up to the day, in fold order, with the position of the reversal.
    pub(super) reversed: Vec<(&'a Recorded, u64)>,
    /// For each of `events` the largest excess under an override at its admission.
    pub(super) overridden: Vec<Option<Amount>>,
}

impl Fold<'_> {
    pub(super) fn currency(&self) -> Currency {
        self.terms.currency
    }
}

impl History {
    /// The first so many events, folded as of a day. None without a live signature.
    pub(super) fn fold(&self, known: usize, as_of: Date) -> Option<Fold<'_>> {
        let prefix = &self.events[..known];
        let (signature, terms) = prefix.iter().find_map(|event| {
            let terms = event.event.payload.signature()?;
            (!is_reversed(prefix, event.event_id)).then_some((event, terms))
        })?;
        let mut events = Vec::new();
        let mut reversed = Vec::new();
        for (index, event) in prefix.iter().enumerate() {
            if event.event.effective > as_of {
                continue;
            }
            match reversal(prefix, event.event_id) {
                Some(position) => reversed.push((event, position)),
                None => events.push((event, self.overridden.get(index).copied().flatten())),
            }
        }
        events.sort_by_key(|(event, _)| (event.event.effective, event.position.get()));
        reversed.sort_by_key(|(event, _)| (event.event.effective, event.position.get()));
        let overridden = events.iter().map(|(_, excess)| *excess).collect();
        let events = events.into_iter().map(|(event, _)| event).collect();
        let signed = signature.event.effective;
        Some(Fold { as_of, terms, signed, events, reversed, overridden })
    }

    /// Every day from one on, among the first so many events, on which anything may change.
    pub(super) fn days_from(&self, known: usize, from: Date) -> Vec<Date> {
        let mut days = vec![from];
        for event in &self.events[..known] {
            days.push(event.event.effective);
            if let Payload::HeadroomReserved(reserved) = &event.event.payload {
                days.extend(reserved.expiry.plus_days(1));
            }
        }
        days.retain(|day| *day >= from);
        days.sort();
        days.dedup();
        days
    }

    /// Live events among the first so many, in the order of the positions.
    pub(super) fn live(&self, known: usize) -> impl Iterator<Item = &Recorded> {
        let prefix = &self.events[..known];
        prefix.iter().filter(|event| !is_reversed(prefix, event.event_id))
    }
}

pub(super) fn is_reversed(prefix: &[Recorded], id: EventId) -> bool {
    reversal(prefix, id).is_some()
}

/// The position of the event that reverses this one.
fn reversal(prefix: &[Recorded], id: EventId) -> Option<u64> {
    prefix.iter().find_map(|event| match &event.event.payload {
        Payload::EventReversed(reversal) if reversal.target == id => Some(event.position.get()),
        _ => None,
    })
}
