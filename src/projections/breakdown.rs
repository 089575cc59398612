//! An agreement's sums by department, supplier, buyer, lot, CPV code or month.

use std::collections::BTreeMap;

use super::share_ppm;
use crate::domain::levels::Sums;
use crate::domain::money::Amount;
use crate::domain::view::PartView;

/// By what the sums are broken down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Department.
    Department,
    /// Supplier.
    Supplier,
    /// Buyer.
    Buyer,
    /// Lot.
    Lot,
    /// CPV code.
    Cpv,
    /// Month.
    Month,
}

/// The sums of all parts with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakdownRow {
    /// What the parts share. Empty: not stated.
    pub key: String,
    /// Their sums.
    pub sums: Sums,
    /// Their share of the agreement's exposure. None when that is zero.
    pub share_ppm: Option<i64>,
    /// Orders placed.
    pub orders: u64,
    /// Invoices that count.
    pub invoices: u64,
}

/// One row a key, by key. `exposure` is that of the whole agreement. Keys under which there is
/// nothing, such as that of a released reservation, have no row.
pub fn breakdown(parts: &[PartView], dimension: Dimension, exposure: Amount) -> Vec<BreakdownRow> {
    let mut groups: BTreeMap<String, (Sums, u64, u64)> = BTreeMap::new();
    for part in parts {
        let (sums, orders, invoices) = groups.entry(key(part, dimension)).or_default();
        *sums = sums.plus(part.sums);
        *orders += part.orders;
        *invoices += part.invoices;
    }
    let row = |(key, (sums, orders, invoices)): (String, (Sums, u64, u64))| {
        let share_ppm = share_ppm(sums.exposure, exposure);
        BreakdownRow { key, sums, share_ppm, orders, invoices }
    };
    let says_something =
        |row: &BreakdownRow| !row.sums.is_zero() || row.orders > 0 || row.invoices > 0;
    groups.into_iter().map(row).filter(says_something).collect()
}

fn key(part: &PartView, dimension: Dimension) -> String {
    let PartView { keys, department, cpv, date, sums: _, orders: _, invoices: _ } = part;
    let stated = match dimension {
        Dimension::Department => department.as_ref().map(ToString::to_string),
        Dimension::Supplier => keys.supplier.as_ref().map(ToString::to_string),
        Dimension::Buyer => keys.buyer.as_ref().map(ToString::to_string),
        Dimension::Lot => keys.lot.as_ref().map(ToString::to_string),
        Dimension::Cpv => cpv.as_ref().map(ToString::to_string),
        Dimension::Month => date.to_string().rsplit_once('-').map(|(month, _)| month.to_owned()),
    };
    stated.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::date::Date;
    use crate::domain::money::Currency;
    use crate::domain::organisation::OrganisationId;
    use crate::domain::scope::ScopeKeys;
    use crate::domain::text::Text;

    fn nok(text: &str) -> Amount {
        Amount::parse(text, Currency::parse("NOK").unwrap()).unwrap()
    }

    fn part(
        department: Option<&str>,
        supplier: (&str, &str),
        date: &str,
        amount: &str,
    ) -> PartView {
        let supplier = OrganisationId::parse(supplier.0, supplier.1).unwrap();
        PartView {
            keys: ScopeKeys { supplier: Some(supplier), ..ScopeKeys::default() },
            department: department.map(Text::new),
            cpv: None,
            date: Date::parse(date).unwrap(),
            sums: Sums { exposure: nok(amount), ..Sums::default() },
            orders: 1,
            invoices: 0,
        }
    }

    const NORWEGIAN: (&str, &str) = ("", "943184097");
    const SWEDISH: (&str, &str) = ("0007", "943184097");

    #[test]
    fn parts_with_the_same_key_are_one_row_and_all_rows_add_up() {
        let parts = [
            part(Some("roads"), NORWEGIAN, "2024-01-31", "100"),
            part(None, NORWEGIAN, "2024-02-01", "50.01"),
            part(Some("roads"), SWEDISH, "2024-02-29", "-0.01"),
        ];
        let keys = |dimension| {
            let rows = breakdown(&parts, dimension, nok("150"));
            let sum = rows.iter().fold(Amount::ZERO, |sum, row| sum.plus(row.sums.exposure));
            assert_eq!(sum, nok("150"), "{dimension:?}");
            assert_eq!(rows.iter().map(|row| row.orders).sum::<u64>(), 3);
            rows.into_iter().map(|row| (row.key, row.share_ppm.unwrap())).collect::<Vec<_>>()
        };
        let row = |key: &str, share| (key.to_owned(), share);
        assert_eq!(keys(Dimension::Department), [row("", 333_400), row("roads", 666_600)]);
        assert_eq!(keys(Dimension::Month), [row("2024-01", 666_666), row("2024-02", 333_333)]);
        assert_eq!(
            keys(Dimension::Supplier),
            [row("0007:943184097", -67), row("943184097", 1_000_066)],
            "floors go towards minus infinity, and registers are kept apart"
        );
        assert_eq!(keys(Dimension::Lot), [row("", 1_000_000)]);
    }

    #[test]
    fn without_exposure_there_is_no_share_and_nothing_has_no_row() {
        let nothing = PartView { orders: 0, ..part(Some("a"), NORWEGIAN, "2024-01-01", "0") };
        let cancelled = part(Some("b"), NORWEGIAN, "2024-01-01", "0");
        let rows = breakdown(&[nothing, cancelled], Dimension::Department, Amount::ZERO);
        let [row] = rows.as_slice() else { panic!("one row: {rows:?}") };
        assert_eq!((row.key.as_str(), row.share_ppm), ("b", None));
    }
}
