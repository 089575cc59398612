//! Recorded times: instants within the working hours of a day in Oslo.

use crate::domain::date::{Date, RecordedTime};

const MICROSECONDS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 24 * 60 * 60;
/// The office opens.
const OPENS_SECONDS: i64 = 7 * 60 * 60;
/// The office closes.
const CLOSES_SECONDS: i64 = 17 * 60 * 60;

/// The instant so many seconds after the office opens, in microseconds after 1970. What is longer
/// than the working hours is cut.
pub(super) fn in_working_hours(date: Date, seconds: i64) -> i64 {
    let seconds = seconds.clamp(0, CLOSES_SECONDS - OPENS_SECONDS);
    start_of_day(date) + (OPENS_SECONDS + seconds) * MICROSECONDS
}

/// How many seconds the office is open.
pub(super) const WORKING_SECONDS: i64 = CLOSES_SECONDS - OPENS_SECONDS;

/// The first instant of a day of 24 hours that ends when the day in Oslo does. On the two days a
/// year that are longer or shorter it is an hour off, which no rule here minds.
pub(super) fn start_of_day(date: Date) -> i64 {
    end_of_day(date) - (DAY_SECONDS * MICROSECONDS - 1)
}

/// The last instant of a day.
pub(super) fn end_of_day(date: Date) -> i64 {
    let end = RecordedTime::end_of_oslo_day(date);
    end.expect("generated days lie within the calendar").microseconds()
}

/// The day so many days later.
pub(super) fn days_after(date: Date, days: i64) -> Date {
    date.plus_days(days).expect("generated days lie within the calendar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_hours_lie_on_their_day_also_when_clocks_change() {
        for day in ["2024-01-15", "2024-03-31", "2024-07-15", "2024-10-27"] {
            let date = Date::parse(day).unwrap();
            for seconds in [-1, 0, WORKING_SECONDS, WORKING_SECONDS + 1] {
                let instant = in_working_hours(date, seconds);
                let recorded = RecordedTime::from_microseconds(instant).unwrap();
                assert_eq!(recorded.oslo_date(), date, "{day} {seconds}");
            }
        }
    }
}
