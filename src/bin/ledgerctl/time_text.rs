//! Recorded times for people, and the times that people type. Never reads the clock.
//!
//! Recorded times are UTC on the wire; tables show them in Europe/Oslo, because that is the
//! calendar in which a bare date for `--as-known` counts.

use contract_ledger::wire::v1::{AsKnown, ListingTimes, as_known};

/// The calendar of business dates.
const TIME_ZONE: &str = "Europe/Oslo";

/// Recorded time to the second in Europe/Oslo with its offset, or nothing.
pub(crate) fn recorded_text(time: Option<&prost_types::Timestamp>) -> String {
    let Some(time) = time else {
        return String::new();
    };
    jiff::Timestamp::new(time.seconds, time.nanos)
        .and_then(|instant| instant.in_tz(TIME_ZONE))
        .map_or_else(
            |_| format!("{} s after 1970", time.seconds),
            |zoned| zoned.strftime("%Y-%m-%d %H:%M:%S%:z").to_string(),
        )
}

/// What an answer is true for, to go on after what it is: ` as of 2024-06-01 (to position 9)`.
pub(crate) fn times_text(times: &ListingTimes) -> String {
    let as_of = match times.as_of.as_str() {
        "" => String::new(),
        as_of => format!(" as of {as_of}"),
    };
    let known = match &times.as_known {
        Some(time) => format!(", as known {}", recorded_text(Some(time))),
        None => String::new(),
    };
    let position = match times.position {
        Some(position) => format!(" (to position {position})"),
        None => " (the log is empty)".to_owned(),
    };
    format!("{as_of}{known}{position}")
}

/// Reads a business date, for clap.
pub(crate) fn parse_date(text: &str) -> Result<String, String> {
    text.parse::<jiff::civil::Date>()
        .ok()
        .map(|date| date.to_string())
        .filter(|canonical| canonical == text)
        .ok_or_else(|| "not a date; write YYYY-MM-DD, such as 2023-02-01".to_owned())
}

/// Reads a day or an instant up to which the ledger's knowledge counts, for clap.
pub(crate) fn parse_as_known(text: &str) -> Result<AsKnown, String> {
    let known = if let Ok(date) = parse_date(text) {
        as_known::AsKnown::Date(date)
    } else {
        as_known::AsKnown::Time(parse_instant(text)?)
    };
    Ok(AsKnown { as_known: Some(known) })
}

/// Reads a day, which counts from its beginning in Europe/Oslo, or an instant, for clap.
pub(crate) fn parse_since(text: &str) -> Result<prost_types::Timestamp, String> {
    parse_date(text).map_or_else(
        |_| parse_instant(text),
        |date| oslo_instant(&date, 0).ok_or_else(|| format!("{date} has no beginning")),
    )
}

/// The instant at a full hour of a day in Europe/Oslo.
pub(crate) fn oslo_instant(date: &str, hour: i8) -> Option<prost_types::Timestamp> {
    let day: jiff::civil::Date = date.parse().ok()?;
    let time = jiff::civil::Time::new(hour, 0, 0, 0).ok()?;
    let zoned = day.to_datetime(time).in_tz(TIME_ZONE).ok()?;
    Some(timestamp(zoned.timestamp()))
}

fn parse_instant(text: &str) -> Result<prost_types::Timestamp, String> {
    text.parse().map(timestamp).map_err(|_| {
        "neither a date nor an instant; write 2025-02-01 or 2025-02-01T12:00:00Z".to_owned()
    })
}

fn timestamp(instant: jiff::Timestamp) -> prost_types::Timestamp {
    // A protobuf timestamp counts its fraction forwards, also before 1970.
    let nanos = instant.as_nanosecond().rem_euclid(1_000_000_000);
    let seconds = instant.as_nanosecond().div_euclid(1_000_000_000);
    prost_types::Timestamp {
        seconds: i64::try_from(seconds).expect("jiff's range is years -9999 to 9999"),
        nanos: i32::try_from(nanos).expect("a remainder below a thousand million"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(seconds: i64, nanos: i32) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds, nanos }
    }

    #[test]
    fn recorded_time_is_shown_in_oslo_summer_and_winter() {
        assert_eq!(recorded_text(Some(&instant(1_735_689_600, 0))), "2025-01-01 01:00:00+01:00");
        assert_eq!(recorded_text(Some(&instant(1_751_328_000, 5))), "2025-07-01 02:00:00+02:00");
        assert_eq!(recorded_text(None), "");
        assert_eq!(recorded_text(Some(&instant(i64::MAX, 0))), "9223372036854775807 s after 1970");
    }

    #[test]
    fn as_known_is_a_day_or_an_instant() {
        assert_eq!(
            parse_as_known("2025-01-31").unwrap().as_known,
            Some(as_known::AsKnown::Date("2025-01-31".to_owned()))
        );
        assert_eq!(
            parse_as_known("2025-01-01T01:00:00.5+01:00").unwrap().as_known,
            Some(as_known::AsKnown::Time(instant(1_735_689_600, 500_000_000)))
        );
        assert!(parse_as_known("yesterday").is_err());
    }

    #[test]
    fn since_is_the_beginning_of_a_day_in_oslo_or_an_instant() {
        assert_eq!(parse_since("2025-01-01"), Ok(instant(1_735_686_000, 0)));
        assert_eq!(parse_since("2025-07-01"), Ok(instant(1_751_320_800, 0)));
        assert_eq!(parse_since("2025-01-01T00:00:00Z"), Ok(instant(1_735_689_600, 0)));
        assert!(parse_since("yesterday").is_err());
        assert_eq!(oslo_instant("2025-01-01", 24), None);
    }

    #[test]
    fn a_date_is_written_with_dashes_and_exists() {
        assert_eq!(parse_date("2024-02-29").unwrap(), "2024-02-29");
        for text in ["2023-02-29", "20230201", "2023-2-1", "2023-02-01T00:00", ""] {
            assert!(parse_date(text).is_err(), "{text}");
        }
    }
}
