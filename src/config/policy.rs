//! `[[policy]]`: thresholds and tolerances by the day from which they hold.
//!
//! Bounds are those of `ThresholdPolicySet` in the published interface. What is configured stands
//! over what is built in; what an agreement sets by event stands over both.

use serde::Deserialize;

use crate::domain::date::Date;
use crate::domain::event::Nature;
use crate::domain::money::{Amount, Currency, Money};
use crate::domain::policy::{
    POLICY_DAYS_MAX, PolicyBook, PolicyChange, SHARE_PPM_MAX, WARNING_STEPS_MAX,
};

/// Most `[[policy]]` tables.
pub const POLICIES_MAX: usize = 256;

/// An amount of money, as written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoneyConfig {
    /// Plain decimal.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
}

/// What changes on one day, as written. What is left out stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolicyConfig {
    /// First day, YYYY-MM-DD. Required; a day stands once.
    pub from: String,
    /// See [`PolicyChange::warning_steps_ppm`].
    pub warning_steps_ppm: Option<Vec<u32>>,
    /// See [`PolicyChange::late_registration_days`].
    pub late_registration_days: Option<u32>,
    /// See [`PolicyChange::split_window_days`].
    pub split_window_days: Option<u32>,
    /// See [`PolicyChange::split_threshold`].
    pub split_threshold: Option<MoneyConfig>,
    /// See [`PolicyChange::eea_thresholds`].
    pub eea_threshold_services: Option<MoneyConfig>,
    /// See [`PolicyChange::eea_thresholds`].
    pub eea_threshold_goods: Option<MoneyConfig>,
    /// See [`PolicyChange::eea_thresholds`].
    pub eea_threshold_works: Option<MoneyConfig>,
    /// See [`PolicyChange::de_minimis_ppm_by_nature`].
    pub de_minimis_ppm_services: Option<u32>,
    /// See [`PolicyChange::de_minimis_ppm_by_nature`].
    pub de_minimis_ppm_goods: Option<u32>,
    /// See [`PolicyChange::de_minimis_ppm_by_nature`].
    pub de_minimis_ppm_works: Option<u32>,
    /// See [`PolicyChange::amendment_max_ppm`].
    pub amendment_max_ppm: Option<u32>,
}

/// Reads all tables over what is built in; every fault is told.
pub(super) fn check(policies: &[PolicyConfig], faults: &mut Vec<String>) -> PolicyBook {
    if policies.len() > POLICIES_MAX {
        faults.push(format!("policy: {} tables are more than {POLICIES_MAX}", policies.len()));
    }
    let mut changes: Vec<(Date, PolicyChange)> = Vec::new();
    for (index, policy) in policies.iter().enumerate() {
        let mut table = Table { name: format!("policy[{index}]"), faults };
        let change = table.change(policy);
        let Some(from) = table.date(&policy.from) else { continue };
        if changes.iter().any(|(other, _)| *other == from) {
            table.fault("from", &format!("{from} has a table already"));
        }
        // As written, not as read: a value that is wrong has been told as what it is.
        if *policy == (PolicyConfig { from: policy.from.clone(), ..PolicyConfig::default() }) {
            table.fault("from", "the table changes nothing");
        }
        changes.push((from, change));
    }
    PolicyBook::new(changes).over(&PolicyBook::norwegian_eea_thresholds())
}

/// One table under check.
struct Table<'a> {
    name: String,
    faults: &'a mut Vec<String>,
}

impl Table<'_> {
    fn fault(&mut self, key: &str, text: &str) {
        self.faults.push(format!("{}.{key}: {text}", self.name));
    }

    fn change(&mut self, policy: &PolicyConfig) -> PolicyChange {
        let PolicyConfig {
            from: _,
            warning_steps_ppm,
            late_registration_days,
            split_window_days,
            split_threshold,
            eea_threshold_services,
            eea_threshold_goods,
            eea_threshold_works,
            de_minimis_ppm_services,
            de_minimis_ppm_goods,
            de_minimis_ppm_works,
            amendment_max_ppm,
        } = policy;
        let thresholds = [
            (Nature::Services, "eea_threshold_services", eea_threshold_services),
            (Nature::Goods, "eea_threshold_goods", eea_threshold_goods),
            (Nature::Works, "eea_threshold_works", eea_threshold_works),
        ];
        let shares = [
            (Nature::Services, "de_minimis_ppm_services", *de_minimis_ppm_services),
            (Nature::Goods, "de_minimis_ppm_goods", *de_minimis_ppm_goods),
            (Nature::Works, "de_minimis_ppm_works", *de_minimis_ppm_works),
        ];
        PolicyChange {
            warning_steps_ppm: warning_steps_ppm.as_deref().and_then(|steps| self.steps(steps)),
            late_registration_days: self.days("late_registration_days", *late_registration_days),
            split_window_days: self.days("split_window_days", *split_window_days),
            split_threshold: self.money("split_threshold", split_threshold.as_ref()),
            eea_threshold: None,
            eea_thresholds: thresholds
                .into_iter()
                .filter_map(|(nature, key, money)| Some((nature, self.money(key, money.as_ref())?)))
                .collect(),
            de_minimis_ppm: None,
            de_minimis_ppm_by_nature: shares
                .into_iter()
                .filter_map(|(nature, key, ppm)| Some((nature, self.share(key, ppm)?)))
                .collect(),
            amendment_max_ppm: self.share("amendment_max_ppm", *amendment_max_ppm),
        }
    }

    fn date(&mut self, text: &str) -> Option<Date> {
        Date::parse(text).map_err(|error| self.fault("from", &format!("{text:?} {error}"))).ok()
    }

    fn steps(&mut self, steps: &[u32]) -> Option<Vec<u32>> {
        let rising = steps.windows(2).all(|pair| matches!(pair, [lower, upper] if lower < upper));
        let within = steps.iter().all(|step| (1..=SHARE_PPM_MAX).contains(step));
        if steps.is_empty() || steps.len() > WARNING_STEPS_MAX || !rising || !within {
            let text = format!(
                "must be 1 to {WARNING_STEPS_MAX} strictly rising steps between 1 and {SHARE_PPM_MAX}"
            );
            self.fault("warning_steps_ppm", &text);
            return None;
        }
        Some(steps.to_vec())
    }

    fn days(&mut self, key: &str, days: Option<u32>) -> Option<u32> {
        self.at_most(key, days, POLICY_DAYS_MAX)
    }

    fn share(&mut self, key: &str, ppm: Option<u32>) -> Option<u32> {
        self.at_most(key, ppm, SHARE_PPM_MAX)
    }

    fn at_most(&mut self, key: &str, value: Option<u32>, most: u32) -> Option<u32> {
        let value = value?;
        if value > most {
            self.fault(key, &format!("{value} is not between 0 and {most}"));
            return None;
        }
        Some(value)
    }

    fn money(&mut self, key: &str, money: Option<&MoneyConfig>) -> Option<Money> {
        let MoneyConfig { amount, currency } = money?;
        let currency = Currency::parse(currency)
            .map_err(|error| self.fault(&format!("{key}.currency"), &error.to_string()))
            .ok()?;
        let amount = Amount::parse(amount, currency)
            .map_err(|error| self.fault(&format!("{key}.amount"), &error.to_string()))
            .ok()?;
        if !amount.is_positive() {
            self.fault(&format!("{key}.amount"), "must be above zero");
            return None;
        }
        Some(Money { amount, currency })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        #[derive(Deserialize)]
        struct File {
            policy: Vec<PolicyConfig>,
        }
        let file: File = toml::from_str(text).unwrap();
        let mut faults = Vec::new();
        check(&file.policy, &mut faults);
        faults
    }

    fn fault_of(line: &str) -> bool {
        !faults_of(&format!("[[policy]]\nfrom = \"2026-01-01\"\n{line}\n")).is_empty()
    }

    #[test]
    fn every_value_has_its_bounds() {
        for (line, is_fault) in [
            ("warning_steps_ppm = [1, 10000000]", false),
            ("warning_steps_ppm = []", true),
            ("warning_steps_ppm = [0]", true),
            ("warning_steps_ppm = [10000001]", true),
            ("warning_steps_ppm = [5, 5]", true),
            ("warning_steps_ppm = [6, 5]", true),
            ("warning_steps_ppm = [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]", false),
            ("warning_steps_ppm = [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", true),
            ("late_registration_days = 3650", false),
            ("late_registration_days = 3651", true),
            ("split_window_days = 0", false),
            ("split_window_days = 3651", true),
            ("split_threshold = { amount = \"0.01\", currency = \"NOK\" }", false),
            ("split_threshold = { amount = \"0\", currency = \"NOK\" }", true),
            ("split_threshold = { amount = \"1.001\", currency = \"NOK\" }", true),
            ("split_threshold = { amount = \"1\", currency = \"NOKK\" }", true),
            ("eea_threshold_services = { amount = \"-1\", currency = \"NOK\" }", true),
            ("eea_threshold_goods = { amount = \"2300000\", currency = \"NOK\" }", false),
            ("eea_threshold_works = { amount = \"1e6\", currency = \"NOK\" }", true),
            ("de_minimis_ppm_services = 10000000", false),
            ("de_minimis_ppm_goods = 10000001", true),
            ("de_minimis_ppm_works = 10000001", true),
            ("amendment_max_ppm = 10000001", true),
            ("amendment_max_ppm = 0", false),
        ] {
            assert_eq!(fault_of(line), is_fault, "{line}");
        }
    }

    #[test]
    fn every_fault_of_every_table_is_told_with_its_place() {
        let faults = faults_of(
            "[[policy]]\nfrom = \"2026-01-01\"\nlate_registration_days = 9999\namendment_max_ppm = 20000000\n\
             [[policy]]\nfrom = \"1 January\"\nsplit_threshold = { amount = \"x\", currency = \"NOK\" }\n\
             [[policy]]\nfrom = \"2026-01-01\"\nsplit_window_days = 7\n\
             [[policy]]\nfrom = \"2027-01-01\"\n",
        );
        for place in [
            "policy[0].late_registration_days:",
            "policy[0].amendment_max_ppm:",
            "policy[1].from:",
            "policy[1].split_threshold.amount:",
            "policy[2].from: 2026-01-01 has a table already",
            "policy[3].from: the table changes nothing",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(place)), "{place} in {faults:?}");
        }
        assert_eq!(faults.len(), 6, "{faults:?}");
    }

    #[test]
    fn tables_are_bounded_in_number() {
        let policies: Vec<PolicyConfig> = (0..=POLICIES_MAX)
            .map(|index| PolicyConfig {
                from: Date::parse("2000-01-01")
                    .unwrap()
                    .plus_days(i64::try_from(index).unwrap())
                    .unwrap()
                    .to_string(),
                split_window_days: Some(1),
                ..PolicyConfig::default()
            })
            .collect();
        let mut faults = Vec::new();
        check(&policies, &mut faults);
        assert_eq!(faults.len(), 1, "{faults:?}");
        faults.clear();
        check(&policies[1..], &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn tables_hold_from_their_day_over_what_is_built_in() {
        let policy = PolicyConfig {
            from: "2026-01-01".to_owned(),
            late_registration_days: Some(10),
            ..PolicyConfig::default()
        };
        let mut faults = Vec::new();
        let book = check(&[policy], &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        let (from, change) = book.changes().last().unwrap();
        assert_eq!(from.to_string(), "2026-01-01");
        assert_eq!(change.late_registration_days, Some(10));
        let built_in = PolicyBook::norwegian_eea_thresholds();
        assert_eq!(book.changes().len(), built_in.changes().len() + 1);
        assert_eq!(check(&[], &mut faults), built_in);
    }
}
