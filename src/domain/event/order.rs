//! Room set aside, orders and deliveries.

use super::Value;
use crate::domain::date::Date;
use crate::domain::id::{DeliveryId, OrderId, ReservationId};
use crate::domain::scope::ScopeKeys;
use crate::domain::text::Text;

/// Room is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadroomReserved {
    /// Identity.
    pub reservation: ReservationId,
    /// How much.
    pub value: Value,
    /// Last day on which it counts.
    pub expiry: Date,
    /// For whom: buyer, supplier, lot.
    pub keys: ScopeKeys,
    /// Department, when stated.
    pub department: Option<Text>,
}

/// What is left of a reservation is given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReservationReleased {
    /// Which.
    pub reservation: ReservationId,
}

/// A call-off is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderPlaced {
    /// Identity.
    pub order: OrderId,
    /// Who buys, who delivers, which lot.
    pub keys: ScopeKeys,
    /// Total value.
    pub value: Value,
    /// Department, when stated.
    pub department: Option<Text>,
    /// CPV code, when stated.
    pub cpv: Option<Text>,
    /// Reservation to use up.
    pub reservation: Option<ReservationId>,
    /// Pseudonym of who ordered.
    pub ordered_by: Option<Text>,
    /// Pseudonym of who approved.
    pub approved_by: Option<Text>,
    /// Whether it names the reopened competition that it follows from.
    pub competition: Competition,
}

/// Whether an order names a reopened competition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Competition {
    /// It does.
    Documented,
    /// It does not.
    NotDocumented,
}

/// An order has a new total value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderChanged {
    /// Which.
    pub order: OrderId,
    /// The new total.
    pub value: Value,
}

/// An order, by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRef {
    /// Which.
    pub order: OrderId,
}

/// Goods or services are received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReceived {
    /// Identity.
    pub delivery: DeliveryId,
    /// The order.
    pub order: OrderId,
    /// Pseudonym of who received.
    pub received_by: Option<Text>,
}
