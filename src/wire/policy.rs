//! From the domain to the wire: the dated policy. `parse` reads it back.

use super::answer::money;
use super::listing::contract_nature;
use super::v1;
use crate::domain::date::Date;
use crate::domain::policy::{PolicyBook, PolicyChange};

/// A whole book.
pub fn of_book(book: &PolicyBook) -> v1::GetPolicyResponse {
    v1::GetPolicyResponse { periods: book.changes().iter().map(period).collect() }
}

fn period((from, change): &(Date, PolicyChange)) -> v1::PolicyPeriod {
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
    let every_nature = v1::ThresholdPolicySet {
        warning_steps_ppm: warning_steps_ppm.clone().unwrap_or_default(),
        late_registration_days: *late_registration_days,
        split_window_days: *split_window_days,
        split_threshold: split_threshold.map(money),
        eea_threshold: eea_threshold.map(money),
        de_minimis_ppm: *de_minimis_ppm,
        amendment_max_ppm: *amendment_max_ppm,
    };
    let thresholds = eea_thresholds.iter().map(|(nature, threshold)| v1::NaturePolicy {
        nature: contract_nature(*nature).into(),
        eea_threshold: Some(money(*threshold)),
        de_minimis_ppm: None,
    });
    let shares = de_minimis_ppm_by_nature.iter().map(|(nature, ppm)| v1::NaturePolicy {
        nature: contract_nature(*nature).into(),
        eea_threshold: None,
        de_minimis_ppm: Some(*ppm),
    });
    v1::PolicyPeriod {
        from_date: from.to_string(),
        every_nature: (every_nature != v1::ThresholdPolicySet::default()).then_some(every_nature),
        by_nature: thresholds.chain(shares).collect(),
    }
}
