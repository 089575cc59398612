//! Fields of a policy: what may be set, and within which bounds.

use contract_ledger::domain::event::Payload as Read;
use contract_ledger::domain::policy::PolicyChange;
use contract_ledger::wire::parse::parse_recorded_event;
use contract_ledger::wire::v1::ThresholdPolicySet;

use super::fields::{assert_malformed, assert_well_formed};
use crate::support::events::*;

fn steps(steps: &[u32]) -> ThresholdPolicySet {
    ThresholdPolicySet { warning_steps_ppm: steps.to_vec(), ..Default::default() }
}

fn rising(count: u32) -> ThresholdPolicySet {
    steps(&(1..=count).collect::<Vec<_>>())
}

#[test]
fn a_policy_is_kept_within_its_bounds() {
    let set = ThresholdPolicySet::default;
    for policy in [
        steps(&[1, 10_000_000]),
        rising(16),
        ThresholdPolicySet { late_registration_days: Some(0), ..set() },
        ThresholdPolicySet { late_registration_days: Some(3650), ..set() },
        ThresholdPolicySet { split_window_days: Some(3650), ..set() },
        ThresholdPolicySet { split_threshold: nok("0.01"), ..set() },
        ThresholdPolicySet { de_minimis_ppm: Some(0), ..set() },
        ThresholdPolicySet { amendment_max_ppm: Some(10_000_000), ..set() },
    ] {
        assert_well_formed(&set_policy(policy));
    }
    let (number, amount) = ("NUMBER_OUT_OF_BOUNDS", "MALFORMED_AMOUNT");
    let cases = [
        (steps(&[0]), number, "warning_steps_ppm[0]"),
        (steps(&[1, 10_000_001]), number, "warning_steps_ppm[1]"),
        (steps(&[700_000, 700_000]), "CONTRADICTION", "warning_steps_ppm[1]"),
        (steps(&[850_000, 700_000, 950_000]), "CONTRADICTION", "warning_steps_ppm[1]"),
        (rising(17), "LIST_OUT_OF_BOUNDS", "warning_steps_ppm"),
        (
            ThresholdPolicySet { late_registration_days: Some(3651), ..set() },
            number,
            "late_registration_days",
        ),
        (
            ThresholdPolicySet { split_window_days: Some(u32::MAX), ..set() },
            number,
            "split_window_days",
        ),
        (
            ThresholdPolicySet { de_minimis_ppm: Some(10_000_001), ..set() },
            number,
            "de_minimis_ppm",
        ),
        (
            ThresholdPolicySet { amendment_max_ppm: Some(10_000_001), ..set() },
            number,
            "amendment_max_ppm",
        ),
        (
            ThresholdPolicySet { split_threshold: nok("0"), ..set() },
            amount,
            "split_threshold.amount",
        ),
        (ThresholdPolicySet { eea_threshold: nok("-1"), ..set() }, amount, "eea_threshold.amount"),
        (
            ThresholdPolicySet { eea_threshold: money("1", "KR"), ..set() },
            "UNKNOWN_CURRENCY",
            "eea_threshold.currency",
        ),
    ];
    for (policy, reason, field) in cases {
        assert_malformed(&set_policy(policy), reason, &format!("threshold_policy_set.{field}"));
    }
    assert_malformed(&set_policy(set()), "FIELD_MISSING", "threshold_policy_set");
}

#[test]
fn every_part_of_a_policy_is_read_into_its_place() {
    let stated = ThresholdPolicySet {
        warning_steps_ppm: vec![500_000, 900_000],
        late_registration_days: Some(1),
        split_window_days: Some(2),
        split_threshold: nok("3"),
        eea_threshold: nok("4"),
        de_minimis_ppm: Some(5),
        amendment_max_ppm: Some(6),
    };
    let event = parse_recorded_event(&fact("2024-06-01", set_policy(stated))).unwrap();
    let Read::ThresholdPolicySet(change) = event.payload else { panic!("{event:?}") };
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
    } = PolicyChange::clone(&change);
    assert_eq!(warning_steps_ppm, Some(vec![500_000, 900_000]));
    assert_eq!((late_registration_days, split_window_days), (Some(1), Some(2)));
    assert_eq!(split_threshold.unwrap().to_string(), "3.00 NOK");
    assert_eq!(eea_threshold.unwrap().to_string(), "4.00 NOK");
    assert_eq!((de_minimis_ppm, amendment_max_ppm), (Some(5), Some(6)));
    assert!(eea_thresholds.is_empty() && de_minimis_ppm_by_nature.is_empty());
    let only = ThresholdPolicySet { split_window_days: Some(7), ..Default::default() };
    let event = parse_recorded_event(&fact("2024-06-01", set_policy(only))).unwrap();
    let Read::ThresholdPolicySet(change) = event.payload else { panic!("{event:?}") };
    let expected = PolicyChange { split_window_days: Some(7), ..PolicyChange::default() };
    assert_eq!(*change, expected, "what is absent stays as it was");
}
