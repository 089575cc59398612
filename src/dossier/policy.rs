//! The dated policy as it stands in the file.

use serde::{Deserialize, Serialize};

use super::answer::{MoneyText, money_of, money_text};
use super::bounded::List;
use crate::wire::v1;

/// Most warning steps, and most changes for one nature, that are read of one period.
const ENTRIES_MAX: usize = 64;

/// What changes on a day. What is absent stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Period {
    /// First day, YYYY-MM-DD.
    pub from_date: String,
    /// Warning steps, in parts per million of a ceiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning_steps_ppm: Option<List<u32, ENTRIES_MAX>>,
    /// Days above which a registration is late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_registration_days: Option<u32>,
    /// Days between orders that are looked at together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_window_days: Option<u32>,
    /// Value at which a purchase must be competed for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split_threshold: Option<MoneyText>,
    /// EEA threshold for every nature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eea_threshold: Option<MoneyText>,
    /// Share below which de minimis changes must stay, for every nature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub de_minimis_ppm: Option<u32>,
    /// Largest share of one amendment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amendment_max_ppm: Option<u32>,
    /// What changes for one nature.
    pub by_nature: List<NaturePeriod, ENTRIES_MAX>,
}

/// What changes for agreements of one nature.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NaturePeriod {
    /// Name of a `ContractNature`.
    pub nature: String,
    /// EEA threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eea_threshold: Option<MoneyText>,
    /// Share below which de minimis changes must stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub de_minimis_ppm: Option<u32>,
}

/// The policy as the ledger tells it, for the file.
pub(super) fn of_told(told: &v1::GetPolicyResponse) -> Vec<Period> {
    told.periods.iter().map(period).collect()
}

/// The same back, to be read as if the ledger had told it.
pub(super) fn told_by(periods: &[Period]) -> v1::GetPolicyResponse {
    v1::GetPolicyResponse { periods: periods.iter().map(told).collect() }
}

fn period(told: &v1::PolicyPeriod) -> Period {
    let every = told.every_nature.clone().unwrap_or_default();
    let steps = every.warning_steps_ppm;
    Period {
        from_date: told.from_date.clone(),
        warning_steps_ppm: (!steps.is_empty()).then_some(List(steps)),
        late_registration_days: every.late_registration_days,
        split_window_days: every.split_window_days,
        split_threshold: every.split_threshold.as_ref().map(money_text),
        eea_threshold: every.eea_threshold.as_ref().map(money_text),
        de_minimis_ppm: every.de_minimis_ppm,
        amendment_max_ppm: every.amendment_max_ppm,
        by_nature: List(told.by_nature.iter().map(nature_period).collect()),
    }
}

fn nature_period(told: &v1::NaturePolicy) -> NaturePeriod {
    NaturePeriod {
        nature: told.nature().as_str_name().to_owned(),
        eea_threshold: told.eea_threshold.as_ref().map(money_text),
        de_minimis_ppm: told.de_minimis_ppm,
    }
}

fn told(period: &Period) -> v1::PolicyPeriod {
    let steps = period.warning_steps_ppm.as_ref();
    let every = v1::ThresholdPolicySet {
        warning_steps_ppm: steps.map(|steps| steps.0.clone()).unwrap_or_default(),
        late_registration_days: period.late_registration_days,
        split_window_days: period.split_window_days,
        split_threshold: period.split_threshold.as_ref().map(money_of),
        eea_threshold: period.eea_threshold.as_ref().map(money_of),
        de_minimis_ppm: period.de_minimis_ppm,
        amendment_max_ppm: period.amendment_max_ppm,
    };
    let by_nature = period.by_nature.0.iter().map(|one| v1::NaturePolicy {
        nature: v1::ContractNature::from_str_name(&one.nature).unwrap_or_default().into(),
        eea_threshold: one.eea_threshold.as_ref().map(money_of),
        de_minimis_ppm: one.de_minimis_ppm,
    });
    v1::PolicyPeriod {
        from_date: period.from_date.clone(),
        every_nature: (every != v1::ThresholdPolicySet::default()).then_some(every),
        by_nature: by_nature.collect(),
    }
}
