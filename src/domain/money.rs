//! Money: exact amounts, their currencies, and the one rounding that there is.
//!
//! An [`Amount`] is a plain number of some currency that its holder knows; [`Money`] carries the
//! currency with it. Nothing here is ever a float. Only products with a rate are rounded: once, half
//! away from zero, to the currency's minor unit.

use std::cmp::Ordering;
use std::fmt;

use num_bigint::BigInt;
use rust_decimal::Decimal;

/// Most digits before the point of an amount.
pub const AMOUNT_INTEGER_DIGITS_MAX: usize = 18;
/// Most digits before the point of a rate.
pub const RATE_INTEGER_DIGITS_MAX: usize = 6;
/// Most digits after the point of a rate.
pub const RATE_FRACTION_DIGITS_MAX: usize = 10;

/// Parts of a whole in which shares are stated.
const PPM: u32 = 1_000_000;

/// Why a text is not an amount or a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedAmount {
    /// Not of the form `-?(0|[1-9][0-9]*)(\.[0-9]+)?`.
    #[error("must be a plain decimal such as 1234.50: digits without leading zeros, no exponent")]
    NotPlainDecimal,
    /// Minus zero.
    #[error("must not be negative zero")]
    NegativeZero,
    /// Too many digits before the point.
    #[error("must have at most {max} digits before the point")]
    TooManyIntegerDigits {
        /// The limit.
        max: usize,
    },
    /// More digits after the point than the currency has.
    #[error("must have at most {max} digits after the point")]
    TooManyFractionDigits {
        /// The limit.
        max: usize,
    },
    /// Below zero where that has no meaning.
    #[error("must not be negative")]
    Negative,
    /// Zero or below where that has no meaning.
    #[error("must be above zero")]
    NotPositive,
}

/// An ISO 4217 currency with a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: iso_currency::Currency,
    /// Invariant: at most 4, the most that ISO 4217 lists.
    minor_digits: u8,
}

/// The text is not the code of a currency in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 code in capitals, such as NOK")]
pub struct UnknownCurrency;

impl Currency {
    /// Reads an alphabetic code. Metals, funds and test codes, which have no minor unit, are unknown.
    pub fn parse(code: &str) -> Result<Self, UnknownCurrency> {
        let currency = iso_currency::Currency::from_code(code).ok_or(UnknownCurrency)?;
        let exponent = currency.exponent().ok_or(UnknownCurrency)?;
        match u8::try_from(exponent) {
            Ok(minor_digits @ 0..=4) => Ok(Self { code: currency, minor_digits }),
            Ok(_) | Err(_) => Err(UnknownCurrency),
        }
    }

    /// The alphabetic code.
    pub fn code(self) -> &'static str {
        self.code.code()
    }

    /// How many digits an amount has after the point.
    pub fn minor_digits(self) -> u8 {
        self.minor_digits
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// An exact amount of a currency that the holder knows.
///
/// Invariant: a whole number of minor units. Single amounts stay below 10^18, and the sums of one
/// agreement below [`Amount::TOTAL_MAX_DIGITS`], so that sums never overflow.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(Decimal);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Digits before the point that the magnitudes of one agreement may reach in all.
    pub const TOTAL_MAX_DIGITS: u32 = 23;

    /// Reads an amount of a currency.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MalformedAmount> {
        let fraction_max = usize::from(currency.minor_digits);
        parse_decimal(text, AMOUNT_INTEGER_DIGITS_MAX, fraction_max).map(Self)
    }

    /// Whether nothing.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether below zero.
    pub fn is_negative(self) -> bool {
        self.0.is_sign_negative() && !self.0.is_zero()
    }

    /// Whether above zero.
    pub fn is_positive(self) -> bool {
        self.0.is_sign_positive() && !self.0.is_zero()
    }

    /// This and another.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("admission keeps an agreement's total in bounds"))
    }

    /// This less another.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0.checked_sub(other.0).expect("admission keeps an agreement's total in bounds"))
    }

    /// The same with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::ZERO.minus(self)
    }

    /// Without its sign.
    #[must_use]
    pub fn magnitude(self) -> Self {
        Self(self.0.abs())
    }

    /// This, or nothing when it is below zero.
    #[must_use]
    pub fn or_zero(self) -> Self {
        self.max(Self::ZERO)
    }

    /// `floor(self * factor / divisor)`, towards minus infinity. None when the divisor is zero.
    pub fn times_over(self, factor: i64, divisor: Self) -> Option<BigInt> {
        if divisor.is_zero() {
            return None;
        }
        let small = small_of_same_scale(self.0, divisor.0).and_then(|(dividend, divisor)| {
            let dividend = dividend.checked_mul(i128::from(factor))?;
            let (quotient, rest) = (dividend.checked_div(divisor)?, dividend.checked_rem(divisor)?);
            let is_below = rest != 0 && (rest < 0) != (divisor < 0);
            quotient.checked_sub(i128::from(is_below))
        });
        if let Some(small) = small {
            return Some(BigInt::from(small));
        }
        let (dividend, divisor) = same_scale(self.0, divisor.0);
        Some(floor_div(&(dividend * factor), &divisor))
    }

    /// Whether this is at least a share of a whole, in parts per million.
    pub fn reaches_share(self, share_ppm: u32, whole: Self) -> bool {
        self.compared_with_share(share_ppm, whole).is_ge()
    }

    /// Whether this is more than a share of a whole, in parts per million.
    pub fn exceeds_share(self, share_ppm: u32, whole: Self) -> bool {
        self.compared_with_share(share_ppm, whole).is_gt()
    }

    fn compared_with_share(self, share_ppm: u32, whole: Self) -> Ordering {
        let small = small_of_same_scale(self.0, whole.0).and_then(|(part, whole)| {
            let part = part.checked_mul(i128::from(PPM))?;
            Some(part.cmp(&whole.checked_mul(i128::from(share_ppm))?))
        });
        small.unwrap_or_else(|| {
            let (part, whole) = same_scale(self.0, whole.0);
            (part * PPM).cmp(&(whole * share_ppm))
        })
    }

    /// Whether a total has left the bounds that sums rely on.
    pub fn exceeds_total_bound(self) -> bool {
        self.0.trunc().mantissa().unsigned_abs() >= 10_u128.pow(Self::TOTAL_MAX_DIGITS)
    }

    /// The plain decimal with exactly the currency's fraction digits.
    pub fn to_text(self, currency: Currency) -> String {
        let mut decimal = self.0;
        decimal.rescale(u32::from(currency.minor_digits));
        if decimal.is_zero() {
            decimal.set_sign_positive(true);
        }
        decimal.to_string()
    }

    /// The exact amount that `share` of `whole` takes of this: `self * share / whole`, times a rate
    /// when one is given, rounded once to the currency's minor unit. None when whole is zero.
    pub fn proportion(
        self,
        share: Self,
        whole: Self,
        rate: Option<Rate>,
        target: Currency,
    ) -> Option<Self> {
        if whole.is_zero() {
            return None;
        }
        let rate = rate.map_or(Decimal::ONE, |rate| rate.0);
        let (share, whole) = same_scale(share.0, whole.0);
        let numerator = BigInt::from(self.0.mantissa()) * share * BigInt::from(rate.mantissa());
        let scale = self.0.scale() + rate.scale();
        round_to_minor(numerator, whole, scale, target)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// An amount with its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// This in another currency: rounded once, half away from zero. None when the result has more
    /// digits than an amount may have.
    pub fn converted(self, rate: Rate, target: Currency) -> Option<Amount> {
        let numerator = BigInt::from(self.amount.0.mantissa()) * BigInt::from(rate.0.mantissa());
        let scale = self.amount.0.scale() + rate.0.scale();
        let converted = round_to_minor(numerator, BigInt::from(1), scale, target)?;
        let too_large = converted.0.trunc().mantissa().unsigned_abs() >= 10_u128.pow(18);
        (!too_large).then_some(converted)
    }

    /// The plain decimal with exactly the currency's fraction digits.
    pub fn amount_text(self) -> String {
        self.amount.to_text(self.currency)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount_text(), self.currency.code())
    }
}

/// What one unit of a foreign currency is worth in the agreement's currency. Above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate(Decimal);

impl Rate {
    /// Reads a rate.
    pub fn parse(text: &str) -> Result<Self, MalformedAmount> {
        let rate = parse_decimal(text, RATE_INTEGER_DIGITS_MAX, RATE_FRACTION_DIGITS_MAX)?;
        if rate <= Decimal::ZERO {
            return Err(MalformedAmount::NotPositive);
        }
        Ok(Self(rate))
    }
}

fn parse_decimal(
    text: &str,
    integer_max: usize,
    fraction_max: usize,
) -> Result<Decimal, MalformedAmount> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (integer, fraction) = match digits.split_once('.') {
        Some((_, "")) => return Err(MalformedAmount::NotPlainDecimal),
        Some((integer, fraction)) => (integer, fraction),
        None => (digits, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = integer.len() > 1 && integer.starts_with('0');
    if integer.is_empty() || leading_zero || !all_digits(integer) || !all_digits(fraction) {
        return Err(MalformedAmount::NotPlainDecimal);
    }
    if integer.len() > integer_max {
        return Err(MalformedAmount::TooManyIntegerDigits { max: integer_max });
    }
    if fraction.len() > fraction_max {
        return Err(MalformedAmount::TooManyFractionDigits { max: fraction_max });
    }
    let mut mantissa: i128 = 0;
    for byte in integer.bytes().chain(fraction.bytes()) {
        mantissa = mantissa * 10 + i128::from(byte - b'0');
    }
    if negative && mantissa == 0 {
        return Err(MalformedAmount::NegativeZero);
    }
    let scale = u32::try_from(fraction.len()).expect("a few digits");
    let signed = if negative { -mantissa } else { mantissa };
    Ok(Decimal::from_i128_with_scale(signed, scale))
}

/// Both mantissas at the larger of the two scales. None when one does not fit: amounts of money nearly
/// always do, and need no number of any size then.
fn small_of_same_scale(left: Decimal, right: Decimal) -> Option<(i128, i128)> {
    let scale = left.scale().max(right.scale());
    let raised = |value: Decimal| {
        let factor = 10_i128.checked_pow(scale - value.scale())?;
        value.mantissa().checked_mul(factor)
    };
    Some((raised(left)?, raised(right)?))
}

/// Both mantissas at the larger of the two scales.
fn same_scale(left: Decimal, right: Decimal) -> (BigInt, BigInt) {
    let scale = left.scale().max(right.scale());
    let raised = |value: Decimal| {
        BigInt::from(value.mantissa()) * BigInt::from(10).pow(scale - value.scale())
    };
    (raised(left), raised(right))
}

/// `numerator / denominator / 10^scale`, rounded half away from zero to the minor unit.
fn round_to_minor(
    numerator: BigInt,
    denominator: BigInt,
    scale: u32,
    target: Currency,
) -> Option<Amount> {
    let minor_digits = u32::from(target.minor_digits);
    let ten = BigInt::from(10);
    let numerator = numerator * ten.pow(minor_digits);
    let denominator = denominator * ten.pow(scale);
    let zero = BigInt::ZERO;
    let negative = (numerator < zero) != (denominator < zero);
    let magnitude = BigInt::from(numerator.magnitude().clone());
    let divisor = BigInt::from(denominator.magnitude().clone());
    let rounded: BigInt = (magnitude * 2 + &divisor) / (divisor * 2);
    let signed = if negative { -rounded } else { rounded };
    let units = i128::try_from(signed).ok()?;
    Decimal::try_from_i128_with_scale(units, minor_digits).ok().map(Amount)
}

fn floor_div(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    let quotient: BigInt = dividend / divisor;
    let remainder: BigInt = dividend % divisor;
    let zero = BigInt::ZERO;
    if remainder != zero && (remainder < zero) != (*divisor < zero) {
        quotient - 1
    } else {
        quotient
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn money(amount: &str, code: &str) -> Money {
        let currency = currency(code);
        Money { amount: Amount::parse(amount, currency).unwrap(), currency }
    }

    #[test]
    fn malformed_amounts_are_told_apart() {
        let nok = currency("NOK");
        let cases = [
            ("", MalformedAmount::NotPlainDecimal),
            ("-", MalformedAmount::NotPlainDecimal),
            ("1e5", MalformedAmount::NotPlainDecimal),
            ("NaN", MalformedAmount::NotPlainDecimal),
            ("+1", MalformedAmount::NotPlainDecimal),
            ("01", MalformedAmount::NotPlainDecimal),
            ("1.", MalformedAmount::NotPlainDecimal),
            (".5", MalformedAmount::NotPlainDecimal),
            ("1,5", MalformedAmount::NotPlainDecimal),
            ("1 000", MalformedAmount::NotPlainDecimal),
            ("--1", MalformedAmount::NotPlainDecimal),
            ("1.2.3", MalformedAmount::NotPlainDecimal),
            ("\u{0661}", MalformedAmount::NotPlainDecimal),
            ("-0", MalformedAmount::NegativeZero),
            ("-0.00", MalformedAmount::NegativeZero),
            ("1.005", MalformedAmount::TooManyFractionDigits { max: 2 }),
            ("1000000000000000000", MalformedAmount::TooManyIntegerDigits { max: 18 }),
            (&"9".repeat(40), MalformedAmount::TooManyIntegerDigits { max: 18 }),
        ];
        for (text, reason) in cases {
            assert_eq!(Amount::parse(text, nok), Err(reason), "{text}");
        }
    }

    #[test]
    fn amounts_keep_every_digit_of_their_currency() {
        for (code, text, shown) in [
            ("NOK", "12000000", "12000000.00"),
            ("NOK", "-0.01", "-0.01"),
            ("JPY", "999999999999999999", "999999999999999999"),
            ("KWD", "1000000000000000.001", "1000000000000000.001"),
            ("NOK", "999999999999999999.99", "999999999999999999.99"),
        ] {
            assert_eq!(money(text, code).amount_text(), shown);
        }
        assert!(Amount::parse("1.5", currency("JPY")).is_err());
    }

    #[test]
    fn unknown_currencies_are_refused() {
        for code in ["", "nok", "NO", "XYZ", "XXX", "XAU", "XTS", "KRONER"] {
            assert_eq!(Currency::parse(code), Err(UnknownCurrency), "{code}");
        }
    }

    #[test]
    fn conversion_rounds_once_half_away_from_zero() {
        for (amount, rate, result) in [
            ("10000.00", "11.4567", "114567.00"),
            ("10000.00", "11.6012", "116012.00"),
            ("1234.56", "11.4567", "14143.98"),
            ("0.50", "11.45", "5.73"),
            ("-0.50", "11.45", "-5.73"),
            ("999999999999999999.99", "0.0000000001", "100000000.00"),
        ] {
            let converted =
                money(amount, "EUR").converted(Rate::parse(rate).unwrap(), currency("NOK"));
            assert_eq!(converted.unwrap().to_text(currency("NOK")), result, "{amount} x {rate}");
        }
        let huge = money("999999999999999999", "EUR");
        assert_eq!(huge.converted(Rate::parse("2").unwrap(), currency("NOK")), None);
    }

    #[test]
    fn quotients_round_towards_minus_infinity() {
        let amount = |text| money(text, "NOK").amount;
        let ppm = |left, right| amount(left).times_over(1_000_000, amount(right));
        assert_eq!(ppm("11300000", "12000000"), Some(BigInt::from(941_666)));
        assert_eq!(ppm("-0.01", "12000000"), Some(BigInt::from(-1)));
        assert_eq!(ppm("1", "0"), None);
        assert_eq!(amount("2700000").times_over(792, amount("9300000")), Some(BigInt::from(229)));
    }

    #[test]
    fn proportion_rounds_once() {
        let amount = |text| money(text, "NOK").amount;
        // 125.00 gross of a prepayment of 100.00 net and 125.00 gross is its whole net.
        let whole =
            amount("125.00").proportion(amount("100.00"), amount("125.00"), None, currency("NOK"));
        assert_eq!(whole, Some(amount("100.00")));
        let third = amount("1.00").proportion(amount("1"), amount("3"), None, currency("NOK"));
        assert_eq!(third, Some(amount("0.33")));
    }
}
