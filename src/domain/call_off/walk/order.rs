//! The order of a call-off: placed, changed, ended.

use std::sync::Arc;

use super::{Touch, Walk};
use crate::domain::call_off::Standing;
use crate::domain::call_off::filed::Filed;
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::{OrderPlaced, Recorded};
use crate::domain::id::OrderId;
use crate::domain::money::{Amount, Money};

/// What an order is at a place in the fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Not placed, or its placement is reversed.
    NotPlaced,
    /// Open.
    Open,
    /// Cancelled by the buyer.
    Cancelled,
    /// Rejected by the supplier.
    Rejected,
    /// Complete.
    Closed,
}

/// The order so far.
#[derive(Debug, Clone)]
pub(in crate::domain::call_off) struct OrderSoFar {
    pub(in crate::domain::call_off) placement: Filed<OrderPlaced>,
    pub(in crate::domain::call_off) status: OrderStatus,
    /// Last value in the agreement's currency.
    pub(in crate::domain::call_off) ordered: Amount,
    /// Last value as stated.
    pub(in crate::domain::call_off) ordered_stated: Money,
    /// Value at placement, in the agreement's currency.
    pub(in crate::domain::call_off) placed_value: Amount,
    standing: Standing,
    pub(in crate::domain::call_off) confirmed: bool,
    pub(in crate::domain::call_off) deliveries: u32,
    pub(in crate::domain::call_off) received_by: Vec<String>,
}

impl OrderSoFar {
    /// Whether an invoice came after the placement was reversed: it names an order that is not known.
    pub(super) fn is_reversed_before(&self, invoice: &Recorded) -> bool {
        match self.standing {
            Standing::Reversed(reversal) => invoice.position > reversal,
            Standing::Live => false,
        }
    }
}

impl Walk {
    pub(in crate::domain::call_off) fn order_status(&self) -> OrderStatus {
        self.order.as_ref().map_or(OrderStatus::NotPlaced, |order| order.status)
    }

    /// A reversed placement leaves what hangs on it in the order's scopes, with nothing ordered.
    pub(super) fn place(
        &mut self,
        placement: Filed<OrderPlaced>,
        standing: Standing,
        charter: &Charter,
    ) {
        let placed = placement.stated();
        let placed_value = self.amount(placed.value);
        let stated = placed.value.money;
        let nothing = Money { amount: Amount::ZERO, currency: stated.currency };
        let (status, ordered, ordered_stated) = match standing {
            Standing::Live => (OrderStatus::Open, placed_value, stated),
            Standing::Reversed(_) => (OrderStatus::NotPlaced, Amount::ZERO, nothing),
        };
        let live_already = self.order_status() != OrderStatus::NotPlaced;
        if standing == Standing::Live || !live_already {
            self.order = Some(Arc::new(OrderSoFar {
                placement,
                status,
                ordered,
                ordered_stated,
                placed_value,
                standing,
                confirmed: false,
                deliveries: 0,
                received_by: Vec::new(),
            }));
            self.count_anew(charter);
        }
    }

    /// Does something to an order that is placed.
    pub(super) fn on_order(&mut self, change: impl FnOnce(&mut OrderSoFar)) {
        if let Some(order) = &mut self.order
            && order.status != OrderStatus::NotPlaced
        {
            change(Arc::make_mut(order));
        }
    }

    pub(super) fn touch(&mut self, order: &OrderId, date: Date, touched: &mut Vec<Touch>) {
        if self.order_status() != OrderStatus::Open && self.touched_when_not_open.is_none() {
            self.touched_when_not_open = Some((order.clone(), date));
            touched.push(Touch::NotOpen);
        }
    }

    /// What was done last says what the order is. An order whose placement is reversed stays not
    /// placed, and nothing comes after its end.
    pub(super) fn end(&mut self, status: OrderStatus) {
        self.on_order(|order| order.status = status);
    }
}

/// Notes a pseudonym the first time that it comes.
pub(in crate::domain::call_off) fn note_once(list: &mut Vec<String>, person: Option<&str>) {
    if let Some(person) = person.filter(|person| !list.iter().any(|one| one == person)) {
        list.push(person.to_owned());
    }
}
