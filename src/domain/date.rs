//! The two times: calendar dates of business, and instants of recording.
//!
//! No clock is read here. Wherever an instant meets a date, the date is that of Europe/Oslo.

use std::fmt;
use std::sync::LazyLock;

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

static OSLO: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::get("Europe/Oslo").expect("the time zone database is compiled into the program")
});

/// Why a text is not a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedDate {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is not a day of the calendar in the form YYYY-MM-DD.
    #[error("must be a day of the calendar in the form YYYY-MM-DD")]
    NotCalendarDay,
    /// The year is not between 1900 and 2999.
    #[error("must be in the years 1900 to 2999")]
    OutOfRange,
}

/// A business date, Europe/Oslo calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(civil::Date);

impl Date {
    /// After every date that can be parsed: "everything, whenever it holds".
    pub const END_OF_TIME: Self = Self(civil::Date::constant(9999, 12, 31));

    /// Before every date that can be parsed.
    pub const BEGINNING_OF_TIME: Self = Self(civil::Date::constant(1, 1, 1));

    /// Reads YYYY-MM-DD.
    pub fn parse(text: &str) -> Result<Self, MalformedDate> {
        if text.is_empty() {
            return Err(MalformedDate::Empty);
        }
        let date = calendar_day(text).ok_or(MalformedDate::NotCalendarDay)?;
        if (1900..=2999).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err(MalformedDate::OutOfRange)
        }
    }

    /// Days from another date to this one; negative when this is earlier.
    pub fn days_since(self, earlier: Self) -> i64 {
        self.0.duration_since(earlier.0).as_hours() / 24
    }

    /// The date so many days later. None beyond the calendar (years -9999 to 9999).
    pub fn plus_days(self, days: i64) -> Option<Self> {
        let span = Span::new().try_days(days).ok()?;
        self.0.checked_add(span).ok().map(Self)
    }

    /// The same day so many months later, or the last day of that month where it has none such.
    /// None beyond the calendar.
    pub fn plus_months(self, months: i32) -> Option<Self> {
        let span = Span::new().try_months(months).ok()?;
        self.0.checked_add(span).ok().map(Self)
    }
}

fn calendar_day(text: &str) -> Option<civil::Date> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return None };
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
    let two = |tens: u8, ones: u8| Some(digit(tens)? * 10 + digit(ones)?);
    let year = two(y1, y2)? * 100 + two(y3, y4)?;
    let (month, day) = (i8::try_from(two(m1, m2)?).ok()?, i8::try_from(two(d1, d2)?).ok()?);
    civil::Date::new(year, month, day).ok()
}

impl Date {
    /// The same day so many years later; 29 February becomes 28 where there is none. None beyond the
    /// calendar.
    pub fn plus_years(self, years: i16) -> Option<Self> {
        let span = Span::new().try_years(years).ok()?;
        self.0.checked_add(span).ok().map(Self)
    }

    /// Year and month as YYYY-MM.
    pub fn month_text(self) -> String {
        format!("{:04}-{:02}", self.0.year(), self.0.month())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// An instant at which the ledger recorded something: UTC, whole microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordedTime {
    /// Invariant: within the range of [`Timestamp`].
    microseconds: i64,
}

impl RecordedTime {
    /// The instant so many microseconds after 1970. None beyond the calendar.
    pub fn from_microseconds(microseconds: i64) -> Option<Self> {
        Timestamp::from_microsecond(microseconds).ok().map(|_| Self { microseconds })
    }

    /// Microseconds after 1970.
    pub fn microseconds(self) -> i64 {
        self.microseconds
    }

    /// Reads an instant in the one form in which it is written: RFC 3339 in UTC, no needless digits.
    pub fn parse(text: &str) -> Option<Self> {
        let instant: Timestamp = text.parse().ok()?;
        let read = Self::from_microseconds(instant.as_microsecond())?;
        (read.to_string() == text).then_some(read)
    }

    /// The date in Europe/Oslo at this instant.
    pub fn oslo_date(self) -> Date {
        Date(OSLO.to_datetime(self.timestamp()).date())
    }

    /// The last instant of a day in Europe/Oslo.
    pub fn end_of_oslo_day(date: Date) -> Option<Self> {
        let next_day = date.plus_days(1)?;
        let start = OSLO.to_timestamp(next_day.0.at(0, 0, 0, 0)).ok()?;
        Self::from_microseconds(start.as_microsecond() - 1)
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.microseconds).expect("checked when it was made")
    }
}

impl fmt::Display for RecordedTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.timestamp(), formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    #[test]
    fn only_real_days_in_the_written_form_are_dates() {
        for (text, reason) in [
            ("", MalformedDate::Empty),
            ("2024-02-30", MalformedDate::NotCalendarDay),
            ("2023-02-29", MalformedDate::NotCalendarDay),
            ("2024-2-3", MalformedDate::NotCalendarDay),
            ("20240203", MalformedDate::NotCalendarDay),
            ("2024-02-03T00:00:00Z", MalformedDate::NotCalendarDay),
            ("01.02.2024", MalformedDate::NotCalendarDay),
            ("-024-02-03", MalformedDate::NotCalendarDay),
            ("0000-00-00", MalformedDate::NotCalendarDay),
            ("1899-12-31", MalformedDate::OutOfRange),
            ("3000-01-01", MalformedDate::OutOfRange),
        ] {
            assert_eq!(Date::parse(text), Err(reason), "{text}");
        }
        assert_eq!(date("2024-02-29").to_string(), "2024-02-29");
    }

    #[test]
    fn days_are_counted_over_leap_years() {
        assert_eq!(date("2023-02-01").days_since(date("2020-12-01")), 792);
        assert_eq!(date("2023-02-01").plus_days(229), Some(date("2023-09-18")));
        assert_eq!(date("2023-02-01").plus_days(-1), Some(date("2023-01-31")));
        assert_eq!(date("2023-02-01").plus_days(i64::MAX), None);
        assert_eq!(date("2023-03-09").plus_months(24), Some(date("2025-03-09")));
        assert_eq!(date("2024-02-29").plus_months(12), Some(date("2025-02-28")));
        assert_eq!(date("2023-02-01").plus_months(i32::MAX), None);
    }

    #[test]
    fn an_instant_has_the_date_of_oslo() {
        // 23:30 UTC in winter is 00:30 the next day in Oslo; in summer 22:30 UTC is.
        let winter: Timestamp = "2024-12-31T23:30:00Z".parse().unwrap();
        let winter = RecordedTime::from_microseconds(winter.as_microsecond()).unwrap();
        assert_eq!(winter.oslo_date(), date("2025-01-01"));
        let end = RecordedTime::end_of_oslo_day(date("2024-06-30")).unwrap();
        assert_eq!(end.to_string(), "2024-06-30T21:59:59.999999Z");
    }

    #[test]
    fn an_instant_is_read_in_one_form_only() {
        for text in
            ["2024-06-30T21:59:59.999999Z", "2024-06-30T21:59:59Z", "1969-12-31T23:00:00.5Z"]
        {
            assert_eq!(RecordedTime::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "2024-06-30",
            "2024-06-30T21:59:59+00:00",
            "2024-06-30T21:59:59.50Z",
            "2024-06-30 21:59:59Z",
        ] {
            assert_eq!(RecordedTime::parse(text), None, "{text}");
        }
    }
}
