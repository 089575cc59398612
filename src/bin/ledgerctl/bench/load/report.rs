//! The result of a measurement, as one JSON object and for people. Whole numbers only.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value;

use super::session::{Measured, Spent};

const NANOSECONDS_PER_MICROSECOND: u64 = 1000;
/// Quantiles of a latency curve, in millionths.
const CURVE: [(u64, f64); 14] = [
    (0, 0.0),
    (100_000, 0.1),
    (250_000, 0.25),
    (500_000, 0.5),
    (750_000, 0.75),
    (900_000, 0.9),
    (950_000, 0.95),
    (980_000, 0.98),
    (990_000, 0.99),
    (995_000, 0.995),
    (999_000, 0.999),
    (999_500, 0.9995),
    (999_900, 0.9999),
    (1_000_000, 1.0),
];

/// One result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Report {
    pub(crate) workload: String,
    /// What was measured, in the words of whoever measured.
    pub(crate) label: String,
    pub(crate) settings: Value,
    /// How long answers counted.
    pub(crate) elapsed_ms: u64,
    /// Accepted calls a second.
    pub(crate) requests_per_second: u64,
    pub(crate) events_per_second: u64,
    /// Bytes of answers a second.
    pub(crate) bytes_per_second: u64,
    pub(crate) answers: Answers,
    /// From the intended time of sending to the answer, of accepted calls. Null: there is none.
    pub(crate) latency_us: Option<Percentiles>,
    /// The same of calls that were refused or overloaded.
    pub(crate) refusal_latency_us: Option<Percentiles>,
    /// Latencies of accepted calls: quantile in millionths, microseconds.
    pub(crate) curve: Vec<(u64, u64)>,
    /// This process. Null: it could not be looked at.
    pub(crate) client: Option<Used>,
    /// The server's process, when its id was given.
    pub(crate) server: Option<Used>,
}

/// Answers by what they say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Answers {
    pub(crate) accepted: u64,
    pub(crate) events: u64,
    /// Bytes of the answers.
    pub(crate) bytes: u64,
    pub(crate) refused: u64,
    pub(crate) overloaded: u64,
    pub(crate) failed: u64,
    /// Calls that were due at the given rate and never sent, all senders being busy.
    pub(crate) unsent: u64,
    pub(crate) first_failure: Option<String>,
}

/// Microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

/// What a process used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Used {
    /// Processor time, user and kernel, while answers counted.
    pub(crate) cpu_ms: u64,
    /// The same for each event that was answered. Null: none was.
    pub(crate) cpu_ns_per_event: Option<u64>,
    pub(crate) rss_bytes: u64,
    pub(crate) rss_peak_bytes: u64,
}

impl Report {
    /// The result of a measurement.
    pub(crate) fn of(workload: &str, label: &str, settings: Value, measured: &Measured) -> Self {
        let Measured { tally, elapsed, unsent, client, server } = measured;
        let used = |spent: &Spent| Used {
            cpu_ms: spent.cpu_ms,
            cpu_ns_per_event: (spent.cpu_ms * 1_000_000).checked_div(tally.events),
            rss_bytes: spent.rss_bytes,
            rss_peak_bytes: spent.rss_peak_bytes,
        };
        Self {
            workload: workload.to_owned(),
            label: label.to_owned(),
            settings,
            elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
            requests_per_second: per_second(tally.accepted, *elapsed),
            events_per_second: per_second(tally.events, *elapsed),
            bytes_per_second: per_second(tally.bytes, *elapsed),
            answers: Answers {
                accepted: tally.accepted,
                events: tally.events,
                bytes: tally.bytes,
                refused: tally.refused,
                overloaded: tally.overloaded,
                failed: tally.failed,
                unsent: *unsent,
                first_failure: tally.first_failure.clone(),
            },
            latency_us: percentiles(&tally.latency),
            refusal_latency_us: percentiles(&tally.refusal_latency),
            curve: curve(&tally.latency),
            client: client.as_ref().map(used),
            server: server.as_ref().map(used),
        }
    }

    /// For a person: a line for what was done, one for how long it took.
    pub(crate) fn text(&self) -> String {
        let Answers { refused, overloaded, failed, unsent, first_failure, .. } = &self.answers;
        let mut lines = vec![format!(
            "{}: {} events/s in {} requests/s, for {} ms\n",
            self.workload, self.events_per_second, self.requests_per_second, self.elapsed_ms
        )];
        lines.extend(self.latency_us.map(|Percentiles { p50, p90, p99, p999, max }| {
            format!(
                "latency in microseconds: p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p999}, max {max}\n"
            )
        }));
        if refused + overloaded + failed + unsent > 0 {
            lines.push(format!(
                "refused {refused}, overloaded {overloaded}, failed {failed}, unsent {unsent}\n"
            ));
        }
        lines.extend(first_failure.as_ref().map(|text| format!("the first failure: {text}\n")));
        for (name, used) in [("client", &self.client), ("server", &self.server)] {
            lines.extend(used.as_ref().map(|Used { cpu_ms, rss_bytes, .. }| {
                format!("{name}: {cpu_ms} ms of processor time, {rss_bytes} bytes resident\n")
            }));
        }
        lines.concat()
    }
}

fn per_second(count: u64, elapsed: Duration) -> u64 {
    let per_second = u128::from(count) * 1_000_000_000 / elapsed.as_nanos().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

fn percentiles(latency: &Histogram<u64>) -> Option<Percentiles> {
    let at = |quantile| latency.value_at_quantile(quantile) / NANOSECONDS_PER_MICROSECOND;
    (!latency.is_empty()).then(|| Percentiles {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: latency.max() / NANOSECONDS_PER_MICROSECOND,
    })
}

fn curve(latency: &Histogram<u64>) -> Vec<(u64, u64)> {
    let at = |(millionths, quantile)| {
        (millionths, latency.value_at_quantile(quantile) / NANOSECONDS_PER_MICROSECOND)
    };
    if latency.is_empty() { Vec::new() } else { CURVE.into_iter().map(at).collect() }
}

#[cfg(test)]
mod tests {
    use super::super::tally::Tally;
    use super::*;

    fn measured() -> Measured {
        let mut tally = Tally::new();
        for microseconds in 1..=1000 {
            tally.latency.record(microseconds * NANOSECONDS_PER_MICROSECOND).unwrap();
        }
        (tally.accepted, tally.events, tally.overloaded) = (1000, 10_000, 3);
        Measured {
            tally,
            elapsed: Duration::from_secs(2),
            unsent: 4,
            client: None,
            server: Some(Spent { cpu_ms: 50, rss_bytes: 7, rss_peak_bytes: 8 }),
        }
    }

    #[test]
    fn a_result_is_one_json_object() {
        let settings = serde_json::json!({"in_flight": 64});
        let report = Report::of("append", "ours", settings, &measured());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["workload"], "append");
        assert_eq!(json["settings"]["in_flight"], 64);
        assert_eq!(json["requests_per_second"], 500);
        assert_eq!(json["events_per_second"], 5000);
        assert_eq!(json["answers"]["overloaded"], 3);
        assert_eq!(json["answers"]["unsent"], 4);
        assert_eq!(json["server"]["cpu_ns_per_event"], 5000);
        assert!(json["client"].is_null() && json["refusal_latency_us"].is_null());
        assert_eq!(json["curve"][3][0], 500_000);
    }

    #[test]
    fn percentiles_are_those_of_the_latencies() {
        let report = Report::of("append", "", Value::Null, &measured());
        let Percentiles { p50, p90, p99, p999, max } = report.latency_us.unwrap();
        for (told, right) in [(p50, 500), (p90, 900), (p99, 990), (p999, 999), (max, 1000)] {
            assert!(told.abs_diff(right) <= 1, "{told} instead of {right}");
        }
        assert!(report.text().contains("overloaded 3"), "{}", report.text());
    }

    #[test]
    fn nothing_answered_has_no_latency() {
        let nothing = Measured { tally: Tally::new(), ..measured() };
        let report = Report::of("append", "", Value::Null, &nothing);
        assert_eq!((report.latency_us, report.curve.len()), (None, 0));
        assert_eq!(report.server.unwrap().cpu_ns_per_event, None);
    }
}
