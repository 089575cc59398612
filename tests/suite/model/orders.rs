//! Orders and reservations at one point of the two times.

use contract_ledger::domain::event::{HeadroomReserved, OrderPlaced, Payload, Recorded, Value};
use contract_ledger::domain::id::{OrderId, ReservationId};
use contract_ledger::domain::money::Amount;
use contract_ledger::domain::scope::ScopeKeys;

use super::history::Fold;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    NotPlaced,
    Open,
    Cancelled,
    Rejected,
    Closed,
}

/// One order, after some of the events of a fold.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) placement: Option<(&'a Recorded, &'a OrderPlaced)>,
    /// Of the live placement, else of the last reversed one. None when it was never placed.
    pub(super) keys: Option<ScopeKeys>,
    pub(super) status: Status,
    /// Last value stated, also once it is cancelled or rejected.
    pub(super) last_value: Option<Value>,
}

impl Order<'_> {
    /// Value in force in the agreement's currency: zero once cancelled or rejected.
    pub(super) fn ordered(&self, fold: &Fold<'_>) -> Amount {
        match self.status {
            Status::Open | Status::Closed => {
                self.last_value.map_or(Amount::ZERO, |value| in_own(fold, value))
            }
            Status::NotPlaced | Status::Cancelled | Status::Rejected => Amount::ZERO,
        }
    }
}

/// A value in the agreement's currency; admission has seen to it that it has a rate.
pub(super) fn in_own(fold: &Fold<'_>, value: Value) -> Amount {
    value.in_currency(fold.currency()).unwrap()
}

pub(super) fn order<'a>(fold: &Fold<'a>, id: &OrderId) -> Order<'a> {
    order_before(fold, id, fold.events.len())
}

/// An order before the event at a place of the fold.
pub(super) fn order_before<'a>(fold: &Fold<'a>, id: &OrderId, place: usize) -> Order<'a> {
    let mut order =
        Order { placement: None, keys: None, status: Status::NotPlaced, last_value: None };
    for (recorded, _) in &fold.reversed {
        if let Payload::OrderPlaced(placed) = &recorded.event.payload
            && placed.order == *id
        {
            // What is invoiced stays, on an order of nothing.
            let mut value = placed.value;
            value.money.amount = Amount::ZERO;
            order.keys = Some(placed.keys.clone());
            order.last_value = Some(value);
        }
    }
    for recorded in fold.events.iter().take(place) {
        match &recorded.event.payload {
            Payload::OrderPlaced(placed) if placed.order == *id => {
                order = Order {
                    placement: Some((recorded, placed)),
                    keys: Some(placed.keys.clone()),
                    status: Status::Open,
                    last_value: Some(placed.value),
                };
            }
            // What is dated before the placement has no effect on it.
            _ if order.placement.is_none() => {}
            Payload::OrderChanged(changed) if changed.order == *id => {
                order.last_value = Some(changed.value);
            }
            Payload::OrderCancelled(named) if named.order == *id => {
                order.status = Status::Cancelled;
            }
            Payload::OrderRejected(named) if named.order == *id => order.status = Status::Rejected,
            Payload::OrderClosed(named) if named.order == *id => order.status = Status::Closed,
            Payload::OrderReopened(named) if named.order == *id => order.status = Status::Open,
            _ => {}
        }
    }
    order
}

/// Whether an order is placed, or was until after an event at a position came.
pub(super) fn is_placed_or_was(fold: &Fold<'_>, id: &OrderId, position: u64) -> bool {
    let was = fold.reversed.iter().any(|(recorded, reversal)| match &recorded.event.payload {
        Payload::OrderPlaced(placed) => placed.order == *id && *reversal > position,
        _ => false,
    });
    was || order(fold, id).placement.is_some()
}

/// Every order that is or was placed in the fold.
pub(super) fn order_ids(fold: &Fold<'_>) -> Vec<OrderId> {
    let mut ids: Vec<OrderId> = Vec::new();
    let reversed = fold.reversed.iter().map(|(recorded, _)| recorded);
    for recorded in fold.events.iter().chain(reversed) {
        if let Payload::OrderPlaced(placed) = &recorded.event.payload
            && !ids.contains(&placed.order)
        {
            ids.push(placed.order.clone());
        }
    }
    ids
}

/// Reservations in the fold, each with what is still open of it.
pub(super) fn reservations<'a>(fold: &Fold<'a>) -> Vec<(&'a HeadroomReserved, Amount)> {
    let mut open: Vec<(&HeadroomReserved, Amount)> = Vec::new();
    for recorded in &fold.events {
        let day = recorded.event.effective;
        let mut take = |id: &ReservationId, at_most: Option<Amount>| {
            for (reserved, left) in &mut open {
                if reserved.reservation == *id && day <= reserved.expiry {
                    *left = at_most.map_or(Amount::ZERO, |most| left.minus(most.min(*left)));
                }
            }
        };
        match &recorded.event.payload {
            Payload::HeadroomReserved(reserved) => {
                open.push((reserved, in_own(fold, reserved.value)));
            }
            Payload::ReservationReleased(released) => take(&released.reservation, None),
            Payload::OrderPlaced(placed) => {
                if let Some(id) = &placed.reservation {
                    take(id, Some(in_own(fold, placed.value)));
                }
            }
            _ => {}
        }
    }
    for (reserved, left) in &mut open {
        if fold.as_of > reserved.expiry {
            *left = Amount::ZERO;
        }
    }
    open
}
