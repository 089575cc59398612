//! Folding a call-off from some place on: its sums day by day, and the rules that do not hold.
//!
//! A short call-off is folded from its first document; that is cheaper than keeping anything. Of a long
//! one the fold is kept at some places, its waypoints, the more the nearer they are to the end: a
//! document near the end costs little, a late one about the documents after it, and what is kept grows
//! with the logarithm of the documents.

use std::sync::Arc;

use super::conditions::Judgement;
use super::filed::Filed;
use super::walk::{OrderSoFar, OrderStatus, Touch, Walk};
use super::{CallOff, Entry, Place};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::event::OrderPlaced;
use crate::domain::levels::Timeline;
use crate::domain::money::{Amount, Currency};

/// Documents from which on a call-off keeps waypoints. Below, walking is cheaper than keeping.
pub(super) const LONG_FROM: usize = 48;
/// Documents between the waypoints nearest to the end.
const STRIDE: usize = 8;

/// The fold after some documents.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    /// How many documents are in it.
    count: usize,
    /// The place of the last of them.
    reached: Option<Place>,
    walk: Walk,
    judgement: Judgement,
    /// None until the fold is beyond the horizon.
    at_horizon: Option<AtHorizon>,
}

/// What stays as it was at the horizon.
#[derive(Debug, Clone)]
struct AtHorizon {
    order: Option<Arc<OrderSoFar>>,
}

/// An order in force, with its value.
pub(in crate::domain) type InForce = (Filed<OrderPlaced>, Amount);

/// What folding a call-off has found.
#[derive(Debug)]
pub(in crate::domain) struct Folded {
    /// Sums from each date on, from where it was folded.
    pub(in crate::domain) timeline: Timeline,
    /// The order that stands here as of the horizon. None when it is not placed, or nothing is in force.
    pub(in crate::domain) in_force: Option<InForce>,
}

impl Fold {
    fn new(currency: Currency) -> Self {
        Self {
            count: 0,
            reached: None,
            walk: Walk::new(currency),
            judgement: Judgement::default(),
            at_horizon: None,
        }
    }

    pub(super) fn reached(&self) -> Option<Place> {
        self.reached
    }

    /// Takes in the next document, and judges what it touched unless it is beyond the horizon.
    fn take(&mut self, place: Place, entry: &Entry, terms: &Terms<'_>, touched: &mut Vec<Touch>) {
        let is_beyond = place.0 > terms.horizon;
        if is_beyond && self.at_horizon.is_none() {
            self.at_horizon = Some(AtHorizon { order: self.walk.order.clone() });
        }
        touched.clear();
        self.walk.absorb(entry, terms.charter, touched);
        if !is_beyond {
            self.judgement.judge(&self.walk, terms.charter, place.0, touched);
        }
        self.count += 1;
        self.reached = Some(place);
    }

    fn in_force(&self) -> Option<InForce> {
        let order = match &self.at_horizon {
            Some(at_horizon) => at_horizon.order.as_ref()?,
            None => self.walk.order.as_ref()?,
        };
        match order.status {
            OrderStatus::Open | OrderStatus::Closed => {
                Some((order.placement.clone(), order.ordered))
            }
            OrderStatus::NotPlaced | OrderStatus::Cancelled | OrderStatus::Rejected => None,
        }
    }
}

/// What a call-off is folded by.
#[derive(Debug)]
struct Terms<'a> {
    charter: &'a Charter,
    /// The day as of which rules are judged.
    horizon: Date,
}

impl CallOff {
    /// Folds it from its last waypoint on, and keeps new ones.
    pub(in crate::domain) fn fold(&mut self, charter: &Charter, horizon: Date) -> Folded {
        let terms = Terms { charter, horizon };
        let total = self.entries.len();
        let is_long = total >= LONG_FROM;
        let base = self.waypoints.last();
        let mut fold = match base {
            Some(base) => Fold::clone(base),
            None => Fold::new(charter.terms().currency),
        };
        self.waypoints.retain(|waypoint| is_long && is_kept(waypoint.count, total));
        let mut timeline = Timeline::new();
        let mut touched = Vec::new();
        begin(&mut timeline, &fold, charter);
        let mut after = self.entries_after(fold.reached).peekable();
        let mut waypoints = Vec::new();
        while let Some((place, entry)) = after.next() {
            fold.take(*place, entry, &terms, &mut touched);
            if after.peek().is_none_or(|((date, _), _)| *date != place.0) {
                put_day(&mut timeline, place.0, &fold.walk, charter);
            }
            if is_long && after.peek().is_some() && is_kept(fold.count, total) {
                waypoints.push(Arc::new(fold.clone()));
            }
        }
        drop(after);
        self.waypoints.extend(waypoints);
        self.conditions = fold.judgement.conditions().clone();
        let in_force = fold.in_force();
        if is_long && self.waypoints.last().is_none_or(|last| last.count != fold.count) {
            self.waypoints.push(Arc::new(fold));
        }
        Folded { timeline, in_force }
    }

    /// Where the next fold begins: all documents up to there are as they were at the last fold.
    pub(in crate::domain) fn base(&self) -> Option<Place> {
        self.waypoints.last().and_then(|waypoint| waypoint.reached)
    }

    /// Sums from each date on, from the waypoint at a place on. From the first document without one.
    pub(in crate::domain) fn timeline_from(
        &self,
        base: Option<Place>,
        charter: &Charter,
    ) -> Timeline {
        let waypoint = self.waypoints.iter().find(|waypoint| waypoint.reached == base);
        let mut fold = match waypoint {
            Some(waypoint) => Fold::clone(waypoint),
            None => Fold::new(charter.terms().currency),
        };
        let mut timeline = Timeline::new();
        let mut touched = Vec::new();
        begin(&mut timeline, &fold, charter);
        let mut after = self.entries_after(fold.reached).peekable();
        while let Some((place, entry)) = after.next() {
            touched.clear();
            fold.walk.absorb(entry, charter, &mut touched);
            if after.peek().is_none_or(|((date, _), _)| *date != place.0) {
                put_day(&mut timeline, place.0, &fold.walk, charter);
            }
        }
        timeline
    }

    /// What has happened before a place in the fold.
    pub(super) fn walk_before(&self, charter: &Charter, end: Place) -> Walk {
        let waypoint = self.waypoints.iter().rev().find(|waypoint| waypoint.reached < Some(end));
        let (mut walk, reached) = match waypoint {
            Some(waypoint) => (waypoint.walk.clone(), waypoint.reached),
            None => (Walk::new(charter.terms().currency), None),
        };
        let mut touched = Vec::new();
        for (place, entry) in self.entries_after(reached) {
            if *place >= end {
                break;
            }
            touched.clear();
            walk.absorb(entry, charter, &mut touched);
        }
        walk
    }
}

/// Before the first day of a fold that begins in the middle, all is as at its waypoint.
fn begin(timeline: &mut Timeline, fold: &Fold, charter: &Charter) {
    if let Some((date, _)) = fold.reached {
        timeline.push((date, fold.walk.sums(charter)));
    }
}

fn put_day(timeline: &mut Timeline, date: Date, walk: &Walk, charter: &Charter) {
    let sums = walk.sums(charter);
    match timeline.last_mut().filter(|(last, _)| *last == date) {
        Some((_, last)) => *last = sums,
        None => timeline.push((date, sums)),
    }
}

/// Whether the fold after so many documents is kept: after the last, and near multiples of the stride
/// twice as far apart at each doubling of the distance from the end. What is not kept of so many is
/// not kept of more.
fn is_kept(count: usize, total: usize) -> bool {
    let strides = count / STRIDE;
    let is_multiple = strides > 0 && count.is_multiple_of(STRIDE);
    let apart = || STRIDE << strides.trailing_zeros();
    count == total || (is_multiple && total.saturating_sub(count) < 2 * apart())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waypoints_are_few_and_never_farther_than_the_end_is() {
        for total in [48, 500, 5000, 100_000] {
            let kept: Vec<usize> = (1..=total).filter(|count| is_kept(*count, total)).collect();
            assert!(kept.len() < 40, "{} of {total}", kept.len());
            for place in (STRIDE..total).step_by(7) {
                let base = kept.iter().rev().find(|count| **count <= place).copied().unwrap_or(0);
                let (walked, needed) = (total - base, total - place);
                assert!(walked <= 4 * needed + 2 * STRIDE, "{walked} for {needed} of {total}");
            }
        }
    }

    #[test]
    fn what_is_not_kept_of_so_many_is_not_kept_of_more() {
        for count in 1..600 {
            for total in count + 1..700 {
                assert!(is_kept(count, total) || !is_kept(count, total + 1), "{count} {total}");
            }
        }
    }
}
