//! Thresholds and tolerances, and from which day they hold.
//!
//! Three layers, each over the one before: what is built in, what is configured, and what the
//! agreement itself sets by event. Every layer is dated, so that an old answer can be reproduced.

use super::date::Date;
use super::event::Nature;
use super::money::{Amount, Currency, Money};

/// Most warning steps of a ceiling.
pub const WARNING_STEPS_MAX: usize = 16;
/// Largest share that a policy may state, in parts per million.
pub const SHARE_PPM_MAX: u32 = 10_000_000;
/// Longest span that a policy may state, in days.
pub const POLICY_DAYS_MAX: u32 = 3650;

/// A change of policy. What is None stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyChange {
    /// Warning steps, in parts per million of a ceiling, strictly rising.
    pub warning_steps_ppm: Option<Vec<u32>>,
    /// Days between effective and recorded date above which a registration is late.
    pub late_registration_days: Option<u32>,
    /// Most days between orders that are looked at together as one purchase.
    pub split_window_days: Option<u32>,
    /// Value at which a purchase must be competed for.
    pub split_threshold: Option<Money>,
    /// EEA threshold, for every nature.
    pub eea_threshold: Option<Money>,
    /// EEA thresholds by nature.
    pub eea_thresholds: Vec<(Nature, Money)>,
    /// Share of the original value that de minimis changes must stay strictly below, for every nature.
    pub de_minimis_ppm: Option<u32>,
    /// The same by nature.
    pub de_minimis_ppm_by_nature: Vec<(Nature, u32)>,
    /// Largest share of the original value of one amendment for additional or unforeseen needs.
    pub amendment_max_ppm: Option<u32>,
}

impl PolicyChange {
    /// What another change leaves of this one, when it stands over it.
    #[must_use]
    fn without(self, over: &Self) -> Self {
        fn unless<T, U>(stated: Option<T>, over: Option<&U>) -> Option<T> {
            if over.is_some() { None } else { stated }
        }
        fn of_others<T>(stated: Vec<(Nature, T)>, over: &[(Nature, T)]) -> Vec<(Nature, T)> {
            let is_stated = |nature| over.iter().any(|(of, _)| *of == nature);
            stated.into_iter().filter(|(nature, _)| !is_stated(*nature)).collect()
        }
        let Self {
            warning_steps_ppm,
            late_registration_days,
            split_window_days,
            split_threshold,
            eea_threshold,
            eea_thresholds,
            de_minimis_ppm,
            de_minimis_ppm_by_nature,
            amendment_max_ppm,
        } = self;
        // A value for every nature stands over one for each, too.
        let eea_thresholds = match over.eea_threshold {
            Some(_) => Vec::new(),
            None => of_others(eea_thresholds, &over.eea_thresholds),
        };
        let de_minimis_ppm_by_nature = match over.de_minimis_ppm {
            Some(_) => Vec::new(),
            None => of_others(de_minimis_ppm_by_nature, &over.de_minimis_ppm_by_nature),
        };
        Self {
            warning_steps_ppm: unless(warning_steps_ppm, over.warning_steps_ppm.as_ref()),
            late_registration_days: unless(
                late_registration_days,
                over.late_registration_days.as_ref(),
            ),
            split_window_days: unless(split_window_days, over.split_window_days.as_ref()),
            split_threshold: unless(split_threshold, over.split_threshold.as_ref()),
            eea_threshold: unless(eea_threshold, over.eea_threshold.as_ref()),
            eea_thresholds,
            de_minimis_ppm: unless(de_minimis_ppm, over.de_minimis_ppm.as_ref()),
            de_minimis_ppm_by_nature,
            amendment_max_ppm: unless(amendment_max_ppm, over.amendment_max_ppm.as_ref()),
        }
    }
}

/// Changes of policy by the day from which they hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyBook {
    /// Invariant: rising by date.
    changes: Vec<(Date, PolicyChange)>,
}

impl PolicyBook {
    /// A book of these changes, which may come in any order; of one day the later stands over the
    /// earlier.
    pub fn new(mut changes: Vec<(Date, PolicyChange)>) -> Self {
        changes.sort_by_key(|(from, _)| *from);
        Self { changes }
    }

    /// EEA thresholds of Norwegian contracting authorities other than the state's own: municipalities,
    /// counties, bodies governed by public law (anskaffelsesforskriften § 5-3), excluding VAT.
    ///
    /// Each holds from the day on which its regulation came into force. Sources, all read in the
    /// publications of the Norwegian agency for public management (DFØ, anskaffelser.no) and of the
    /// municipalities' association (KS): regulation of 2020-02-12 no. 128, which raised 2.0 to 2.05 and
    /// 51 to 51.5 million; from 2022-03-23 2.2 and 56 million; from 2024-03-14 2.3 and 57.9 million
    /// (DFØ, 2024-03-20). What held before 2020-02-12 stands from the first day, because no source
    /// at hand says when it began. docs/policy.md has the addresses.
    pub fn norwegian_eea_thresholds() -> Self {
        const PERIODS: [(&str, &str, &str); 4] = [
            ("1900-01-01", "2000000", "51000000"),
            ("2020-02-12", "2050000", "51500000"),
            ("2022-03-23", "2200000", "56000000"),
            ("2024-03-14", "2300000", "57900000"),
        ];
        let currency = Currency::parse("NOK").expect("the krone is in ISO 4217");
        let money = |text| {
            let amount = Amount::parse(text, currency).expect("the amounts above are well formed");
            Money { amount, currency }
        };
        let periods = PERIODS.map(|(from, goods_and_services, works)| {
            let thresholds = vec![
                (Nature::Services, money(goods_and_services)),
                (Nature::Goods, money(goods_and_services)),
                (Nature::Works, money(works)),
            ];
            let from = Date::parse(from).expect("the dates above are days of the calendar");
            (from, PolicyChange { eea_thresholds: thresholds, ..PolicyChange::default() })
        });
        Self::new(periods.into())
    }

    /// This book over another: whatever it states holds from its day on, also where the other book
    /// has a later day for it.
    #[must_use]
    pub fn over(self, under: &Self) -> Self {
        let mut changes = Vec::with_capacity(under.changes.len() + self.changes.len());
        for (from, change) in &under.changes {
            let mut left = change.clone();
            for (_, over) in self.changes.iter().filter(|(over_from, _)| over_from <= from) {
                left = left.without(over);
            }
            if left != PolicyChange::default() {
                changes.push((*from, left));
            }
        }
        changes.extend(self.changes);
        Self::new(changes)
    }

    /// The changes, rising by date.
    pub fn changes(&self) -> &[(Date, PolicyChange)] {
        &self.changes
    }
}

/// What holds on a day for one agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    nature: Nature,
    currency: Currency,
    /// Warning steps, in parts per million of a ceiling, strictly rising.
    pub warning_steps_ppm: Vec<u32>,
    /// Days between effective and recorded date above which a registration is late.
    pub late_registration_days: u32,
    /// Most days between orders that are looked at together as one purchase.
    pub split_window_days: u32,
    /// Value at which a purchase must be competed for, in the agreement's currency.
    pub split_threshold: Option<Amount>,
    /// EEA threshold, in the agreement's currency.
    pub eea_threshold: Option<Amount>,
    /// Share of the original value that de minimis changes must stay strictly below.
    pub de_minimis_ppm: u32,
    /// Largest share of the original value of one amendment for additional or unforeseen needs.
    pub amendment_max_ppm: u32,
}

impl Policy {
    /// What is built in, before anything is configured: the steps, days and shares of the rules.
    pub fn built_in(nature: Nature, currency: Currency) -> Self {
        Self {
            nature,
            currency,
            warning_steps_ppm: vec![700_000, 850_000, 950_000],
            late_registration_days: 30,
            split_window_days: 14,
            split_threshold: None,
            eea_threshold: None,
            de_minimis_ppm: match nature {
                Nature::Works => 150_000,
                Nature::Services | Nature::Goods => 100_000,
            },
            amendment_max_ppm: 500_000,
        }
    }

    /// The same with a change over it. Amounts in another currency than the agreement's say nothing
    /// about it.
    #[must_use]
    pub fn with(mut self, change: &PolicyChange) -> Self {
        let PolicyChange {
            warning_steps_ppm,
            late_registration_days,
            split_window_days,
            split_threshold,
            eea_threshold,
            eea_thresholds,
            de_minimis_ppm,
            de_minimis_ppm_by_nature,
            amendment_max_ppm,
        } = change;
        let (nature, currency) = (self.nature, self.currency);
        let own = |money: &Money| (money.currency == currency).then_some(money.amount);
        if let Some(steps) = warning_steps_ppm {
            self.warning_steps_ppm.clone_from(steps);
        }
        self.late_registration_days = late_registration_days.unwrap_or(self.late_registration_days);
        self.split_window_days = split_window_days.unwrap_or(self.split_window_days);
        self.split_threshold = split_threshold.as_ref().and_then(own).or(self.split_threshold);
        self.eea_threshold = eea_threshold.as_ref().and_then(own).or(self.eea_threshold);
        for (_, threshold) in eea_thresholds.iter().filter(|(of, _)| *of == nature) {
            self.eea_threshold = own(threshold).or(self.eea_threshold);
        }
        self.de_minimis_ppm = de_minimis_ppm.unwrap_or(self.de_minimis_ppm);
        for (_, ppm) in de_minimis_ppm_by_nature.iter().filter(|(of, _)| *of == nature) {
            self.de_minimis_ppm = *ppm;
        }
        self.amendment_max_ppm = amendment_max_ppm.unwrap_or(self.amendment_max_ppm);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nok() -> Currency {
        Currency::parse("NOK").unwrap()
    }

    fn money(text: &str) -> Money {
        Money { amount: Amount::parse(text, nok()).unwrap(), currency: nok() }
    }

    fn threshold_on(book: &PolicyBook, nature: Nature, date: &str) -> Option<String> {
        let date = Date::parse(date).unwrap();
        let reached = book.changes().iter().filter(|(from, _)| *from <= date);
        let policy = reached
            .fold(Policy::built_in(nature, nok()), |policy, (_, change)| policy.with(change));
        policy.eea_threshold.map(|amount| amount.to_text(nok()))
    }

    #[test]
    fn norwegian_thresholds_change_with_their_regulations() {
        let book = PolicyBook::norwegian_eea_thresholds();
        for (date, goods_and_services, works) in [
            ("1994-01-01", "2000000.00", "51000000.00"),
            ("2020-02-11", "2000000.00", "51000000.00"),
            ("2020-02-12", "2050000.00", "51500000.00"),
            ("2022-03-22", "2050000.00", "51500000.00"),
            ("2022-03-23", "2200000.00", "56000000.00"),
            ("2024-03-13", "2200000.00", "56000000.00"),
            ("2024-03-14", "2300000.00", "57900000.00"),
            ("2025-12-31", "2300000.00", "57900000.00"),
        ] {
            for (nature, expected) in [
                (Nature::Services, goods_and_services),
                (Nature::Goods, goods_and_services),
                (Nature::Works, works),
            ] {
                let seen = threshold_on(&book, nature, date);
                assert_eq!(seen.as_deref(), Some(expected), "{nature:?} {date}");
            }
        }
    }

    #[test]
    fn a_book_over_another_keeps_its_word_from_its_day_on() {
        let change = PolicyChange {
            eea_thresholds: vec![(Nature::Services, money("1500000"))],
            ..PolicyChange::default()
        };
        let day = Date::parse("2022-01-01").unwrap();
        let book =
            PolicyBook::new(vec![(day, change)]).over(&PolicyBook::norwegian_eea_thresholds());
        let on = |nature, date| threshold_on(&book, nature, date).unwrap();
        assert_eq!(on(Nature::Services, "2021-12-31"), "2050000.00");
        assert_eq!(on(Nature::Services, "2022-01-01"), "1500000.00");
        // The later built-in periods say nothing about services any more, and all about the others.
        assert_eq!(on(Nature::Services, "2025-01-01"), "1500000.00");
        assert_eq!(on(Nature::Works, "2025-01-01"), "57900000.00");
    }

    #[test]
    fn a_value_for_every_nature_stands_over_those_of_each() {
        let day = Date::parse("2023-01-01").unwrap();
        let change =
            PolicyChange { eea_threshold: Some(money("1000000")), ..PolicyChange::default() };
        let book =
            PolicyBook::new(vec![(day, change)]).over(&PolicyBook::norwegian_eea_thresholds());
        for nature in [Nature::Services, Nature::Goods, Nature::Works] {
            let seen = threshold_on(&book, nature, "2025-01-01");
            assert_eq!(seen.as_deref(), Some("1000000.00"), "{nature:?}");
        }
    }

    #[test]
    fn an_amount_in_another_currency_changes_nothing() {
        let book = PolicyBook::norwegian_eea_thresholds();
        let euro = Currency::parse("EUR").unwrap();
        let policy = Policy::built_in(Nature::Goods, euro);
        let (_, change) = book.changes().last().unwrap();
        assert_eq!(policy.clone().with(change), policy);
    }
}
