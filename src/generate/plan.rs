//! What is decided about one agreement before anything happens: how often is bought, for how much,
//! and how it goes with its options.

use super::contract::Contract;
use super::moment::days_after;
use super::random::Random;
use crate::domain::date::Date;

/// Share of the ceiling in minor units that is aimed at where the notice gives no value at all.
const TARGET_MINOR_DEFAULT: i64 = 300_000_000;
/// Smallest weight of an agreement: even the smallest has invoices.
const WEIGHT_MIN: u64 = 10;
/// Days in a year of the rate.
const YEAR_DAYS: u128 = 365;
/// Parts of an invoice that a day's rate is counted in.
pub(super) const INVOICE_PARTS: u64 = 1_000_000_000;

/// Which part of a year's invoices an agreement gets: the square root of its value in thousands, so
/// that large agreements have more invoices, and larger ones.
pub(super) fn weight(contract: &Contract) -> u64 {
    let thousands = u64::try_from(target_base(contract) / 100_000).unwrap_or(0);
    thousands.isqrt().max(WEIGHT_MIN)
}

fn target_base(contract: &Contract) -> i64 {
    if contract.ceiling_minor > 0 { contract.ceiling_minor } else { TARGET_MINOR_DEFAULT }
}

/// How many invoices a day of one agreement, in parts of an invoice.
pub(super) fn parts_per_day(year_parts: u128, weight: u64, weights: u64) -> u64 {
    let share = year_parts * u128::from(weight) / u128::from(weights.max(1));
    u64::try_from(share / YEAR_DAYS).unwrap_or(u64::MAX)
}

/// What people of this agreement do.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// First day on which is bought.
    pub(super) first: Date,
    /// Last day on which is bought, mostly the last day of the term.
    pub(super) last: Date,
    /// Last day of the term with the options that are used.
    pub(super) end: Date,
    /// How many options are used.
    pub(super) options_used: usize,
    /// Day on which the agreement is terminated, if it is.
    pub(super) terminated: Option<Date>,
    /// Invoices a day, in parts of an invoice.
    pub(super) parts_per_day: u64,
    /// Average invoice in minor units.
    pub(super) average_minor: i64,
    /// Departments that buy, as places in the list of names.
    pub(super) departments: u64,
}

impl Plan {
    /// Decides for one agreement of which nothing is recorded before a day.
    pub(super) fn of(
        contract: &Contract,
        from: Date,
        parts_per_day: u64,
        random: &mut Random,
    ) -> Self {
        let options_used = contract.option_ends.iter().take_while(|_| random.chance(750)).count();
        let mut used = contract.option_ends.iter().take(options_used);
        let end = used.next_back().copied().unwrap_or(contract.end);
        let days = end.days_since(contract.start) + 1;
        let terminated = random
            .chance(50)
            .then(|| days_after(contract.start, days * random.between(60, 85) / 100));
        let overdue_days = if random.chance(150) { random.between(20, 60) } else { 0 };
        let last = terminated.unwrap_or_else(|| days_after(end, overdue_days));
        let per_cent = match random.below(10) {
            0 | 1 => random.between(101, 125),
            2 | 3 => random.between(88, 99),
            _ => random.between(35, 85),
        };
        let target = target_base(contract) / 100 * per_cent;
        let bought_days = u128::try_from(last.days_since(contract.start) + 1).unwrap_or(1);
        let invoices = bought_days * u128::from(parts_per_day) / u128::from(INVOICE_PARTS);
        let invoices = i64::try_from(invoices.max(1)).unwrap_or(i64::MAX);
        Self {
            first: contract.start.max(contract.signed_on).max(from),
            last,
            end,
            options_used,
            terminated,
            parts_per_day,
            average_minor: (target / invoices).max(100),
            departments: 3 + random.below(6),
        }
    }
}
