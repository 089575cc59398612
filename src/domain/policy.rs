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
