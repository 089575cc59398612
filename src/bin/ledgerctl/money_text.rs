//! Amounts and shares as a Norwegian reader expects them: `12 000 000,00` and `94,17 %`.
//!
//! It works on the text that the server sent and never computes: what it cannot read it shows as
//! it came. JSON output does not pass through here; there an amount is a plain decimal.

use contract_ledger::domain::money::Currency;
use contract_ledger::wire::v1;

/// Digits between two spaces.
const GROUP_DIGITS: usize = 3;

/// Hundredths of a per cent in one hundred per cent.
const HUNDREDTHS_WHOLE: i64 = 10_000;
/// Parts per million in a hundredth of a per cent.
const PPM_PER_HUNDREDTH: i64 = 100;

/// The amount without its currency, for columns whose head names the currency.
pub(crate) fn amount_text(money: Option<&v1::Money>) -> String {
    money.map_or_else(String::new, |money| {
        group_decimal(&money.amount, fraction_digits(&money.currency))
    })
}

/// The amount and its currency, for running text.
pub(crate) fn money_text(money: Option<&v1::Money>) -> String {
    money.map_or_else(String::new, |money| {
        format!("{} {}", amount_text(Some(money)), money.currency)
    })
}

/// A whole number in groups of three: `1 004 166`.
pub(crate) fn count_text(count: i64) -> String {
    group_decimal(&count.to_string(), 0)
}

/// A share in parts per million as a per cent with two decimals, rounded half away from zero.
///
/// Rounding never crosses the ceiling: below it the text is at most `99,99 %`, above it at least
/// `100,01 %`.
pub(crate) fn percent_text(ppm: i64) -> String {
    let magnitude = i128::from(ppm).abs();
    let per_hundredth = i128::from(PPM_PER_HUNDREDTH);
    let whole = i128::from(HUNDREDTHS_WHOLE);
    let rounded = (magnitude + per_hundredth / 2) / per_hundredth;
    let hundredths = match magnitude.cmp(&(whole * per_hundredth)) {
        std::cmp::Ordering::Less => rounded.min(whole - 1),
        std::cmp::Ordering::Equal => whole,
        std::cmp::Ordering::Greater => rounded.max(whole + 1),
    };
    let sign = if ppm < 0 { "-" } else { "" };
    let number = format!("{sign}{}.{:02}", hundredths / 100, hundredths % 100);
    format!("{} %", group_decimal(&number, 0))
}

/// Digits that an amount is padded to, so that a column lines up; none for an unknown currency.
fn fraction_digits(currency: &str) -> usize {
    Currency::parse(currency).map_or(0, |currency| usize::from(currency.minor_digits()))
}

/// Groups the digits before the point, pads those after it, and writes a comma for the point.
fn group_decimal(decimal: &str, fraction_digits_min: usize) -> String {
    let (sign, unsigned) = decimal.strip_prefix('-').map_or(("", decimal), |rest| ("-", rest));
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits_only(whole) || !digits_only(fraction) {
        return decimal.to_owned();
    }
    let mut text = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(GROUP_DIGITS) {
            text.push(' ');
        }
        text.push(digit);
    }
    if fraction_digits_min > 0 || !fraction.is_empty() {
        text.push(',');
        text.push_str(fraction);
        text.extend(std::iter::repeat_n('0', fraction_digits_min.saturating_sub(fraction.len())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: &str, currency: &str) -> v1::Money {
        v1::Money { amount: amount.to_owned(), currency: currency.to_owned() }
    }

    #[test]
    fn amounts_are_grouped_with_a_comma_and_two_decimals() {
        for (amount, text) in [
            ("0", "0,00"),
            ("0.01", "0,01"),
            ("5.5", "5,50"),
            ("999.99", "999,99"),
            ("1000.00", "1 000,00"),
            ("12000000.00", "12 000 000,00"),
            ("-50000", "-50 000,00"),
            ("999999999999999999.99", "999 999 999 999 999 999,99"),
        ] {
            assert_eq!(amount_text(Some(&money(amount, "NOK"))), text);
        }
    }

    #[test]
    fn decimals_follow_the_currency() {
        assert_eq!(money_text(Some(&money("12500", "JPY"))), "12 500 JPY");
        assert_eq!(money_text(Some(&money("1.1", "KWD"))), "1,100 KWD");
        assert_eq!(money_text(Some(&money("1.1", "???"))), "1,1 ???");
    }

    #[test]
    fn text_that_is_no_decimal_is_shown_as_it_came() {
        for amount in ["", "1e5", "NaN", "-", "1.2.3", "æ"] {
            assert_eq!(amount_text(Some(&money(amount, "NOK"))), amount);
        }
        assert_eq!(amount_text(None), "");
    }

    #[test]
    fn shares_are_rounded_but_never_over_the_ceiling() {
        for (ppm, text) in [
            (0, "0,00 %"),
            (37_500, "3,75 %"),
            (941_666, "94,17 %"),
            (999_999, "99,99 %"),
            (1_000_000, "100,00 %"),
            (1_000_001, "100,01 %"),
            (1_004_166, "100,42 %"),
            (-4_166, "-0,42 %"),
            (12_345_678_900, "1 234 567,89 %"),
        ] {
            assert_eq!(percent_text(ppm), text);
        }
        assert!(percent_text(i64::MIN).starts_with("-922 337"));
    }

    #[test]
    fn whole_numbers_are_grouped_without_decimals() {
        assert_eq!(count_text(1_004_166), "1 004 166");
        assert_eq!(count_text(-7), "-7");
    }
}
