//! Which agreement has to be looked at on which day, so that a day that passes costs only those whose
//! deadlines come near on it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::id::AgreementId;
use crate::domain::view::DeadlineView;

/// Days on which agreements have to be looked at. One entry for each agreement that has one.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    by_day: BTreeMap<Date, BTreeSet<AgreementId>>,
    by_agreement: BTreeMap<AgreementId, Date>,
}

impl Calendar {
    /// Notes the next day on which something may come near, seen from the end of a day, whose
    /// deadlines are given.
    pub(super) fn note(
        &mut self,
        agreement: &Agreement,
        deadlines: &[DeadlineView],
        day: Date,
        days_ahead: i64,
    ) {
        let id = agreement.id();
        self.take_out(id);
        if let Some(next) = next_day(agreement, deadlines, day, days_ahead) {
            self.by_day.entry(next).or_default().insert(id.clone());
            self.by_agreement.insert(id.clone(), next);
        }
    }

    /// The first day up to and with a day that has an agreement to look at, and the agreement, which
    /// is taken out.
    pub(super) fn due(&mut self, until: Date) -> Option<(Date, AgreementId)> {
        let (day, ids) = self.by_day.first_key_value()?;
        if *day > until {
            return None;
        }
        let (day, id) = (*day, ids.first()?.clone());
        self.take_out(&id);
        Some((day, id))
    }

    fn take_out(&mut self, id: &AgreementId) {
        let Some(day) = self.by_agreement.remove(id) else { return };
        if let Some(ids) = self.by_day.get_mut(&day) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_day.remove(&day);
            }
        }
    }
}

/// Deadlines of a day, and the days on which one is near: that day and so many after it.
pub(super) struct Near<'a> {
    deadlines: &'a [DeadlineView],
    days: RangeInclusive<Date>,
}

impl<'a> Near<'a> {
    pub(super) fn new(deadlines: &'a [DeadlineView], day: Date, days_ahead: i64) -> Self {
        Self { deadlines, days: day..=horizon(day, days_ahead) }
    }

    /// Those that are near.
    pub(super) fn all(&self) -> impl Iterator<Item = &'a DeadlineView> {
        self.deadlines.iter().filter(|view| self.days.contains(&view.date))
    }

    /// Those that are near here and were not near before. One that moves is another one; one that
    /// only changes its amount is not.
    pub(super) fn newly(&self, before: &Near<'_>) -> Vec<DeadlineView> {
        let was_near: BTreeSet<_> = before.all().map(|view| (view.date, &view.subject)).collect();
        let is_new = |view: &&DeadlineView| !was_near.contains(&(view.date, &view.subject));
        self.all().filter(is_new).cloned().collect()
    }
}

/// While what is known still takes effect, every day may bring something; after that, only deadlines
/// that are known already come near.
fn next_day(
    agreement: &Agreement,
    deadlines: &[DeadlineView],
    day: Date,
    days_ahead: i64,
) -> Option<Date> {
    if agreement.settled_from()? > day {
        return day.plus_days(1);
    }
    let last = horizon(day, days_ahead);
    let ahead = deadlines.iter().map(|view| view.date);
    ahead.filter(|date| *date > last).min()?.plus_days(-days_ahead)
}

fn horizon(day: Date, days_ahead: i64) -> Date {
    day.plus_days(days_ahead).unwrap_or(Date::END_OF_TIME)
}
