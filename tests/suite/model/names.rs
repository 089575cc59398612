//! Ids for random events: from small pools, so that they meet.

use contract_ledger::domain::event::{Payload, Recorded};
use contract_ledger::domain::id::{InvoiceId, OrderId, ReservationId};

use super::generate::World;
use super::history::History;

impl World {
    pub(super) fn id(&mut self, prefix: &str, count: i64) -> String {
        format!("{prefix}{}", self.random.between(1, count))
    }

    /// Mostly one of the ids that the history knows, else any of a pool.
    pub(super) fn named(
        &mut self,
        history: &History,
        any: String,
        id: fn(&Payload) -> Option<&str>,
    ) -> String {
        let events = history.events.iter();
        let known: Vec<&str> = events.filter_map(|event| id(&event.event.payload)).collect();
        if known.is_empty() || self.random.per_cent(20) {
            return any;
        }
        (*self.random.one_of(&known)).to_owned()
    }

    pub(super) fn order_id(&mut self, history: &History) -> OrderId {
        let any = self.id("O", 8);
        let id = self.named(history, any, |payload| match payload {
            Payload::OrderPlaced(placed) => Some(placed.order.as_str()),
            _ => None,
        });
        OrderId::parse(&id).unwrap()
    }

    pub(super) fn invoice_id(&mut self, history: &History) -> InvoiceId {
        let prefix = self.random.weighted(&[(16, "I"), (2, "N"), (2, "V"), (1, "F")]);
        let any = self.id(prefix, 6);
        let id = self.named(history, any, |payload| match payload {
            Payload::InvoiceReceived(invoice) => Some(invoice.invoice.as_str()),
            _ => None,
        });
        InvoiceId::parse(&id).unwrap()
    }

    /// An invoice that a negative one may name.
    pub(super) fn lowered_id(&mut self, history: &History) -> InvoiceId {
        let any = self.id("I", 8);
        let id = self.named(history, any, |payload| match payload {
            Payload::InvoiceReceived(invoice) if invoice.invoice.as_str().starts_with('I') => {
                Some(invoice.invoice.as_str())
            }
            _ => None,
        });
        InvoiceId::parse(&id).unwrap()
    }

    /// An invoice that a credit note names: any but a prepayment.
    pub(super) fn credited_id(&mut self, history: &History) -> InvoiceId {
        let id = self.invoice_id(history);
        if id.as_str().starts_with('V') { self.lowered_id(history) } else { id }
    }

    pub(super) fn reservation_id(&mut self, history: &History) -> ReservationId {
        let any = self.id("R", 4);
        let id = self.named(history, any, |payload| match payload {
            Payload::HeadroomReserved(reserved) => Some(reserved.reservation.as_str()),
            _ => None,
        });
        ReservationId::parse(&id).unwrap()
    }
}

/// Whether an order's placement is reversed, and it is not placed again.
pub(super) fn was_placed(history: &History, id: &OrderId) -> bool {
    let places = |event: &Recorded| match &event.event.payload {
        Payload::OrderPlaced(placed) => placed.order == *id,
        _ => false,
    };
    let ever = history.events.iter().any(places);
    ever && !history.live(history.events.len()).any(places)
}
