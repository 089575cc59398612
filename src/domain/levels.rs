//! Sums of one scope, day by day.
//!
//! A level holds from its date until the next one. A late event raises the levels from its date on,
//! and touches nothing before it.

use imbl::OrdMap;

use super::date::Date;
use super::money::Amount;
use super::scope::Scope;

/// The sums that answers are made of. All exclude VAT but `paid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Open reservations.
    pub reserved: Amount,
    /// Full ordered value of open orders.
    pub committed: Amount,
    /// Net of invoices less credit notes.
    pub invoiced: Amount,
    /// Prepayments not yet offset.
    pub prepaid: Amount,
    /// Money paid, VAT included.
    pub paid: Amount,
    /// What counts against a ceiling.
    pub exposure: Amount,
}

impl Sums {
    /// Each sum and its counterpart.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let Self { reserved, committed, invoiced, prepaid, paid, exposure } = other;
        Self {
            reserved: self.reserved.plus(reserved),
            committed: self.committed.plus(committed),
            invoiced: self.invoiced.plus(invoiced),
            prepaid: self.prepaid.plus(prepaid),
            paid: self.paid.plus(paid),
            exposure: self.exposure.plus(exposure),
        }
    }

    /// Each sum less its counterpart.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        let Self { reserved, committed, invoiced, prepaid, paid, exposure } = other;
        Self {
            reserved: self.reserved.minus(reserved),
            committed: self.committed.minus(committed),
            invoiced: self.invoiced.minus(invoiced),
            prepaid: self.prepaid.minus(prepaid),
            paid: self.paid.minus(paid),
            exposure: self.exposure.minus(exposure),
        }
    }

    /// Whether every sum is nothing.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// Sums of some scopes.
///
/// Invariant: each scope once, rising.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScopeSums(Vec<(Scope, Sums)>);

impl ScopeSums {
    /// Adds to the sums of a scope.
    pub fn add(&mut self, scope: Scope, more: Sums) {
        match self.0.binary_search_by(|(other, _)| other.cmp(&scope)) {
            Ok(place) => {
                if let Some((_, sums)) = self.0.get_mut(place) {
                    *sums = sums.plus(more);
                }
            }
            Err(place) => self.0.insert(place, (scope, more)),
        }
    }

    /// The sums of a scope.
    pub fn of(&self, scope: &Scope) -> Sums {
        let place = self.0.binary_search_by(|(other, _)| other.cmp(scope));
        let found = place.ok().and_then(|place| self.0.get(place));
        found.map(|(_, sums)| *sums).unwrap_or_default()
    }

    /// The scopes, rising.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter().map(|(scope, _)| scope)
    }
}

/// Sums per scope from each date on, the dates rising. Before the first nothing is said.
pub type Timeline = Vec<(Date, ScopeSums)>;

/// The levels of every scope.
#[derive(Debug, Clone, Default)]
pub struct AllLevels(OrdMap<Scope, Levels>);

impl AllLevels {
    /// Those of one scope.
    pub fn of(&self, scope: &Scope) -> Option<&Levels> {
        self.0.get(scope)
    }

    /// The sums of a scope at the end of a day.
    pub fn sums(&self, scope: &Scope, date: Date) -> Sums {
        self.of(scope).map(|levels| levels.at(date)).unwrap_or_default()
    }

    /// Adds to the levels of a scope.
    pub fn add(&mut self, scope: &Scope, changes: &[(Date, Sums)]) {
        self.0.entry(scope.clone()).or_default().add(changes);
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// The levels of one scope.
#[derive(Debug, Clone, Default)]
pub struct Levels(OrdMap<Date, Sums>);

impl Levels {
    /// The sums at the end of a day.
    pub fn at(&self, date: Date) -> Sums {
        // Nearly always the last level is asked for, which is found without a search.
        if let Some((_, sums)) = self.last().filter(|(last, _)| *last <= date) {
            return sums;
        }
        self.0.range(..=date).next_back().map(|(_, sums)| *sums).unwrap_or_default()
    }

    fn last(&self) -> Option<(Date, Sums)> {
        self.0.get_max().map(|(date, sums)| (*date, *sums))
    }

    /// The dates on which a level begins, from a day on.
    pub fn dates_from(&self, date: Date) -> impl Iterator<Item = Date> {
        self.0.range(date..).map(|(date, _)| *date)
    }

    /// The dates on which a level begins, up to a day, latest first.
    pub fn dates_back_from(&self, date: Date) -> impl Iterator<Item = Date> {
        self.0.range(..=date).rev().map(|(date, _)| *date)
    }

    /// Adds to the levels: each change is added from its date until the next change, the last for
    /// ever. The changes rise by date.
    pub fn add(&mut self, changes: &[(Date, Sums)]) {
        let last = self.last();
        if let [(date, change)] = changes
            && last.is_none_or(|(last, _)| last <= *date)
        {
            let level = last.map(|(_, sums)| sums).unwrap_or_default();
            self.0.insert(*date, level.plus(*change));
            return;
        }
        for (date, _) in changes {
            if !self.0.contains_key(date) {
                let level = self.at(*date);
                self.0.insert(*date, level);
            }
        }
        for (index, (from, change)) in changes.iter().enumerate() {
            if change.is_zero() {
                continue;
            }
            let until = changes.get(index + 1).map(|(date, _)| *date);
            let dates: Vec<Date> = self
                .0
                .range(*from..)
                .map(|(date, _)| *date)
                .take_while(|date| until.is_none_or(|until| *date < until))
                .collect();
            for date in dates {
                if let Some(level) = self.0.get_mut(&date) {
                    *level = level.plus(*change);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::money::Currency;
    use super::*;

    fn sums(exposure: &str) -> Sums {
        let exposure = Amount::parse(exposure, Currency::parse("NOK").unwrap()).unwrap();
        Sums { exposure, ..Sums::default() }
    }

    fn day(day: u8) -> Date {
        Date::parse(&format!("2024-01-{day:02}")).unwrap()
    }

    #[test]
    fn a_late_change_raises_later_days_and_no_earlier_ones() {
        let mut levels = Levels::default();
        levels.add(&[(day(10), sums("100"))]);
        levels.add(&[(day(20), sums("7"))]);
        levels.add(&[(day(5), sums("30")), (day(15), sums("-10"))]);
        let seen: Vec<Sums> = [4, 5, 10, 15, 20, 31].map(|d| levels.at(day(d))).into();
        assert_eq!(seen, ["0", "30", "130", "90", "97", "97"].map(sums));
    }
}
