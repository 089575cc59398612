//! Reading a dated policy, as the ledger tells its own.

use super::path::{At, Item, Path};
use super::values::{self, Sign};
use super::{Violation, Violations, control, malformed, signing};
use crate::domain::policy::{PolicyBook, PolicyChange, SHARE_PPM_MAX};
use crate::wire::v1;

/// Reads a policy; every violation is told at once.
pub fn parse_policy(stated: &v1::GetPolicyResponse) -> Result<PolicyBook, Vec<Violation>> {
    let mut violations = Violations::default();
    let mut changes = Vec::new();
    for (index, period) in stated.periods.iter().enumerate() {
        let path = Item(&"periods", index);
        let from = values::date(&mut violations, &At(&path, "from_date"), &period.from_date);
        let change = change(&mut violations, &path, period);
        changes.extend(from.map(|from| (from, change)));
    }
    if violations.is_empty() { Ok(PolicyBook::new(changes)) } else { Err(violations.into_vec()) }
}

fn change(violations: &mut Violations, path: Path<'_>, period: &v1::PolicyPeriod) -> PolicyChange {
    let v1::PolicyPeriod { from_date: _, every_nature, by_nature } = period;
    let mut change = match every_nature {
        Some(stated) => control::policy_change(violations, &At(path, "every_nature"), stated),
        None => PolicyChange::default(),
    };
    for (index, of_nature) in by_nature.iter().enumerate() {
        let natures = At(path, "by_nature");
        let nature = Item(&natures, index);
        let at = |name: &'static str| At(&nature, name);
        let v1::NaturePolicy { nature, eea_threshold, de_minimis_ppm } = of_nature;
        let Some(nature) = signing::parse_nature(violations, &at("nature"), *nature) else {
            continue;
        };
        if let Some(threshold) = eea_threshold {
            let field = at("eea_threshold");
            let threshold = values::money(violations, &field, Some(threshold), Sign::Positive);
            change.eea_thresholds.extend(threshold.map(|threshold| (nature, threshold)));
        }
        if let Some(ppm) = de_minimis_ppm {
            if *ppm > SHARE_PPM_MAX {
                let text = format!("must be at most {SHARE_PPM_MAX}");
                violations.add(&at("de_minimis_ppm"), malformed::NUMBER_OUT_OF_BOUNDS, text);
            }
            change.de_minimis_ppm_by_nature.push((nature, *ppm));
        }
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::date::Date;
    use crate::domain::event::Nature;
    use crate::domain::money::{Amount, Currency, Money};
    use crate::wire::policy::of_book;

    fn nok(text: &str) -> Money {
        let currency = Currency::parse("NOK").unwrap();
        Money { amount: Amount::parse(text, currency).unwrap(), currency }
    }

    #[test]
    fn a_book_is_read_as_it_is_told() {
        let change = PolicyChange {
            warning_steps_ppm: Some(vec![500_000, 900_000]),
            late_registration_days: Some(0),
            split_window_days: Some(7),
            split_threshold: Some(nok("100000")),
            eea_threshold: Some(nok("1")),
            eea_thresholds: vec![(Nature::Works, nok("3")), (Nature::Goods, nok("2"))],
            de_minimis_ppm: Some(90_000),
            de_minimis_ppm_by_nature: vec![(Nature::Works, 1)],
            amendment_max_ppm: Some(2),
        };
        let day = Date::parse("2026-01-01").unwrap();
        let mut changes = PolicyBook::norwegian_eea_thresholds().changes().to_vec();
        changes.push((day, change));
        let book = PolicyBook::new(changes);
        assert_eq!(parse_policy(&of_book(&book)).unwrap(), book);
    }

    #[test]
    fn what_is_out_of_bounds_is_told_with_its_place() {
        let period = v1::PolicyPeriod {
            from_date: "soon".to_owned(),
            every_nature: Some(v1::ThresholdPolicySet {
                late_registration_days: Some(9999),
                ..Default::default()
            }),
            by_nature: vec![
                v1::NaturePolicy { nature: 9, ..Default::default() },
                v1::NaturePolicy {
                    nature: v1::ContractNature::Works.into(),
                    de_minimis_ppm: Some(u32::MAX),
                    eea_threshold: Some(v1::Money::default()),
                },
            ],
        };
        let faults = parse_policy(&v1::GetPolicyResponse { periods: vec![period] }).unwrap_err();
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        for field in [
            "periods[0].from_date",
            "periods[0].every_nature.late_registration_days",
            "periods[0].by_nature[0].nature",
            "periods[0].by_nature[1].de_minimis_ppm",
        ] {
            assert!(fields.contains(&field), "{field} in {fields:?}");
        }
        let threshold = "periods[0].by_nature[1].eea_threshold";
        assert!(fields.iter().any(|field| field.starts_with(threshold)), "{fields:?}");
    }
}
