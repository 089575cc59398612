//! Folding a call-off from some place on: its sums day by day, and the rules that do not hold.
//!
//! A short call-off is walked from its first document; that is cheaper than keeping anything. Of a long
//! one the fold is kept at some places, its waypoints, the more the nearer they are to the end: a
//! document near the end costs little, a late one about the documents after it, and what is kept grows
//! with the logarithm of the documents.
//!
//! Up to the first document that changed, a call-off is as it was. So it is walked up to there once, and
//! from there on twice, as it was and as it is.

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
    /// Sums from each date on as they were, from where it changed.
    pub(in crate::domain) before: Timeline,
    /// Sums from each date on, from where it changed.
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
    fn take(&mut self, entry: &Entry, terms: &Terms<'_>, touched: &mut Vec<Touch>) {
        self.walk_on(entry, terms, touched);
        let date = entry.place().0;
        if date <= terms.horizon {
            self.judgement.judge(&self.walk, terms.charter, date, touched);
        }
    }

    /// The same without judging.
    fn walk_on(&mut self, entry: &Entry, terms: &Terms<'_>, touched: &mut Vec<Touch>) {
        let place = entry.place();
        if place.0 > terms.horizon && self.at_horizon.is_none() {
            self.at_horizon = Some(AtHorizon { order: self.walk.order.clone() });
        }
        touched.clear();
        self.walk.absorb(entry, terms.charter, touched);
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
    /// Folds it from its last waypoint on, and keeps new ones. `old` is what it was before it changed.
    pub(in crate::domain) fn fold(
        &mut self,
        old: &Self,
        charter: &Charter,
        horizon: Date,
    ) -> Folded {
        let terms = Terms { charter, horizon };
        let changed = self.changed_from.take();
        let total = self.entries.len();
        let mut keeping = Keeping { total, is_long: total >= LONG_FROM, waypoints: Vec::new() };
        let mut fold = match self.waypoints.last() {
            Some(base) => Fold::clone(base),
            None => Fold::new(charter.terms().currency),
        };
        self.waypoints.retain(|waypoint| keeping.is_kept(waypoint.count));
        let mut touched = Vec::new();
        let mut after = self.entries.after(fold.reached).peekable();
        // What was judged at the end stands for all before, when nothing but the end has changed.
        let is_at_end = old.entries.last().is_some_and(|last| Some(last.place()) < changed);
        let is_judged = old.changed_from.is_none();
        let takes_over = is_at_end && is_judged && !keeping.is_long && fold.count == 0;
        while let Some(entry) = after.next_if(|entry| Some(entry.place()) < changed) {
            if takes_over {
                fold.walk_on(entry, &terms, &mut touched);
            } else {
                fold.take(entry, &terms, &mut touched);
                keeping.keep(&fold, after.peek().is_none());
            }
        }
        if takes_over {
            fold.judgement = old.judgement.clone();
        }
        let before = old.timeline_after(&fold, charter);
        let mut timeline = begin(&fold, charter);
        while let Some(entry) = after.next() {
            fold.take(entry, &terms, &mut touched);
            put_day(&mut timeline, entry, after.peek().copied(), &fold.walk, charter);
            keeping.keep(&fold, after.peek().is_none());
        }
        drop(after);
        self.waypoints.extend(keeping.waypoints);
        let in_force = fold.in_force();
        self.judgement = fold.judgement.clone();
        if keeping.is_long && self.waypoints.last().is_none_or(|last| last.count != fold.count) {
            self.waypoints.push(Arc::new(fold));
        }
        Folded { before, timeline, in_force }
    }

    /// Sums from each date on, after what a fold has taken in of it.
    fn timeline_after(&self, fold: &Fold, charter: &Charter) -> Timeline {
        let mut timeline = begin(fold, charter);
        let mut after = self.entries.after(fold.reached).peekable();
        if after.peek().is_none() {
            return timeline;
        }
        let (mut walk, mut touched) = (fold.walk.clone(), Vec::new());
        while let Some(entry) = after.next() {
            touched.clear();
            walk.absorb(entry, charter, &mut touched);
            put_day(&mut timeline, entry, after.peek().copied(), &walk, charter);
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
        for entry in self.entries.after(reached).take_while(|entry| entry.place() < end) {
            touched.clear();
            walk.absorb(entry, charter, &mut touched);
        }
        walk
    }
}

/// The waypoints that a fold leaves.
struct Keeping {
    total: usize,
    is_long: bool,
    waypoints: Vec<Arc<Fold>>,
}

impl Keeping {
    fn is_kept(&self, count: usize) -> bool {
        self.is_long && is_kept(count, self.total)
    }

    /// Keeps a fold as it is at its place. The one after the last document is kept for itself.
    fn keep(&mut self, fold: &Fold, is_last: bool) {
        if !is_last && self.is_kept(fold.count) {
            self.waypoints.push(Arc::new(fold.clone()));
        }
    }
}

/// Before the first day of a fold that begins in the middle, all is as it was up to there.
fn begin(fold: &Fold, charter: &Charter) -> Timeline {
    let reached = fold.reached.map(|(date, _)| (date, fold.walk.sums(charter)));
    reached.into_iter().collect()
}

/// Puts a day once its last document is taken in.
fn put_day(
    timeline: &mut Timeline,
    entry: &Entry,
    next: Option<&Entry>,
    walk: &Walk,
    charter: &Charter,
) {
    let date = entry.place().0;
    if next.is_some_and(|next| next.place().0 == date) {
        return;
    }
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
