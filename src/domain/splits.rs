//! Orders that together look like one purchase.
//!
//! Two or more orders of one department to one supplier under one CPV code, each under the threshold,
//! together at or over it, placed within the window: the later ones are suspected. Orders that do not
//! state department and CPV code cannot be told to belong together, and are left out.

use imbl::OrdMap;

use super::charter::Charter;
use super::date::Date;
use super::event::OrderPlaced;
use super::id::{OrderId, Position};
use super::money::Amount;
use super::organisation::OrganisationId;
use super::text::Text;

/// What orders of one purchase have in common: department, supplier, CPV code.
type Purchase = (Text, OrganisationId, Text);

/// Place of an order in the fold, by its placement.
type Place = (Date, Position);

/// Orders in force, by purchase and placement.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    by_purchase: OrdMap<Purchase, OrdMap<Place, (OrderId, Amount)>>,
    places: OrdMap<OrderId, (Purchase, Place)>,
}

/// An order that completes what looks like one purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// The order.
    pub order: OrderId,
    /// Its placement date.
    pub placed: Date,
    /// What the orders of the window add up to.
    pub sum: Amount,
}

impl Orders {
    /// The orders in force.
    pub fn orders(&self) -> impl Iterator<Item = &OrderId> {
        self.places.keys()
    }

    /// Puts an order in force, or changes its value.
    pub fn put(&mut self, placed: &OrderPlaced, place: Place, value: Amount) {
        self.remove(&placed.order);
        let (Some(department), Some(supplier), Some(cpv)) =
            (&placed.department, &placed.keys.supplier, &placed.cpv)
        else {
            return;
        };
        if !value.is_positive() {
            return;
        }
        let purchase = (department.clone(), supplier.clone(), cpv.clone());
        let of = self.by_purchase.entry(purchase.clone()).or_default();
        of.insert(place, (placed.order.clone(), value));
        self.places.insert(placed.order.clone(), (purchase, place));
    }

    /// Takes an order out.
    pub fn remove(&mut self, order: &OrderId) {
        if let Some((purchase, place)) = self.places.remove(order)
            && let Some(of) = self.by_purchase.get_mut(&purchase)
        {
            of.remove(&place);
            if of.is_empty() {
                self.by_purchase.remove(&purchase);
            }
        }
    }

    /// The orders whose suspicion can depend on one: those of its purchase, placed on its day or
    /// within the longest window after it.
    pub fn touched_by(&self, order: &OrderId, window_days_max: u32) -> Vec<OrderId> {
        let Some((purchase, (date, _))) = self.places.get(order) else { return Vec::new() };
        let until = date.plus_days(i64::from(window_days_max)).unwrap_or(Date::END_OF_TIME);
        let of = self.by_purchase.get(purchase).into_iter();
        let from = (*date, Position::new(0));
        let later = of.flat_map(|of| of.range(from..).take_while(|((date, _), _)| *date <= until));
        later.map(|(_, (order, _))| order.clone()).collect()
    }

    /// Whether an order completes what looks like one purchase, by the policy of its day.
    pub fn suspicion(&self, order: &OrderId, charter: &Charter) -> Option<Suspicion> {
        let (purchase, place) = self.places.get(order)?;
        let of = self.by_purchase.get(purchase)?;
        let policy = charter.policy_at(place.0);
        let threshold = policy.split_threshold?;
        let (_, value) = of.get(place)?;
        if *value >= threshold {
            return None;
        }
        let window = i64::from(policy.split_window_days);
        let from = place.0.plus_days(-window).unwrap_or(Date::BEGINNING_OF_TIME);
        let earlier = of.range((from, Position::new(0))..*place);
        let others: Vec<Amount> =
            earlier.map(|(_, (_, value))| *value).filter(|value| *value < threshold).collect();
        let sum = others.iter().fold(*value, |sum, value| sum.plus(*value));
        let suspected = !others.is_empty() && sum >= threshold;
        suspected.then(|| Suspicion { order: order.clone(), placed: place.0, sum })
    }
}
