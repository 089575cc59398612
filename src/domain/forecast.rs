//! When a ceiling runs out at the pace so far.

use num_bigint::BigInt;

use super::date::Date;
use super::money::Amount;

/// Fewest days of the term that say anything about its pace.
pub const FORECAST_ELAPSED_DAYS_MIN: i64 = 30;

/// A projection of today's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// Days from the start of the term.
    pub elapsed_days: i64,
    /// Days until the ceiling is used up; negative when it is passed.
    pub days_left: i64,
    /// That day. None when it lies beyond the calendar.
    pub run_out: Option<Date>,
    /// Last day of the term in force.
    pub end: Date,
}

impl Forecast {
    /// `floor(remaining * elapsed / exposure)` days from a day. None without exposure, or with fewer
    /// than [`FORECAST_ELAPSED_DAYS_MIN`] days elapsed.
    pub fn at(
        as_of: Date,
        start: Date,
        end: Date,
        exposure: Amount,
        remaining: Amount,
    ) -> Option<Self> {
        let elapsed_days = as_of.days_since(start);
        if !exposure.is_positive() || elapsed_days < FORECAST_ELAPSED_DAYS_MIN {
            return None;
        }
        let days_left = clamped(&remaining.times_over(elapsed_days, exposure)?);
        Some(Self { elapsed_days, days_left, run_out: as_of.plus_days(days_left), end })
    }

    /// Whether the ceiling is used up strictly before the term ends.
    pub fn runs_out_early(&self) -> bool {
        match self.run_out {
            Some(run_out) => run_out < self.end,
            None => self.days_left < 0,
        }
    }
}

/// The nearest number that fits.
pub(super) fn clamped(number: &BigInt) -> i64 {
    i64::try_from(number).unwrap_or(if *number < BigInt::ZERO { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::super::money::Currency;
    use super::*;

    fn nok(text: &str) -> Amount {
        Amount::parse(text, Currency::parse("NOK").unwrap()).unwrap()
    }

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn scenario_one_runs_out_before_its_end() {
        let forecast = Forecast::at(
            date("2023-02-01"),
            date("2020-12-01"),
            date("2023-11-30"),
            nok("9300000"),
            nok("2700000"),
        )
        .unwrap();
        assert_eq!((forecast.elapsed_days, forecast.days_left), (792, 229));
        assert_eq!(forecast.run_out, Some(date("2023-09-18")));
        assert!(forecast.runs_out_early());
    }

    #[test]
    fn no_pace_no_forecast() {
        let at = |as_of, exposure| {
            let (start, end) = (date("2024-01-01"), date("2024-12-31"));
            Forecast::at(date(as_of), start, end, nok(exposure), nok("1"))
        };
        assert_eq!(at("2024-01-30", "1"), None);
        assert!(at("2024-01-31", "1").is_some());
        assert_eq!(at("2024-06-30", "0"), None);
        assert_eq!(at("2024-06-30", "-1"), None);
    }

    #[test]
    fn a_passed_ceiling_ran_out_in_the_past_and_a_slow_one_beyond_the_calendar() {
        let (start, end) = (date("2024-01-01"), date("2024-12-31"));
        let passed = Forecast::at(end, start, end, nok("110"), nok("-10")).unwrap();
        assert_eq!(passed.days_left, -34, "floor(-10 * 365 / 110)");
        assert!(passed.runs_out_early());
        let slow = Forecast::at(end, start, end, nok("0.01"), nok("999999999999999999")).unwrap();
        assert_eq!(slow.run_out, None);
        assert!(!slow.runs_out_early());
    }
}
