//! Where a restore ends.

use crate::backup::cut::{CutFinder, RestorePoint};
use crate::domain::date::RecordedTime;

/// Requests of 1, 3, 2 and 1 records, recorded at 10, 20, 20 and 30.
const RECORDS: &[(&str, i64)] =
    &[("a", 10), ("b", 20), ("b", 20), ("b", 20), ("c", 20), ("c", 20), ("d", 30)];

fn time(microseconds: i64) -> RecordedTime {
    RecordedTime::from_microseconds(microseconds).unwrap()
}

fn cut(point: RestorePoint) -> u64 {
    let mut finder = CutFinder::new(point);
    for (request, recorded) in RECORDS {
        finder.see(request, time(*recorded));
    }
    assert_eq!(finder.seen(), 7);
    finder.cut()
}

#[test]
fn position_is_the_last_and_no_request_is_split() {
    let cuts: Vec<u64> = (0..8).map(|position| cut(RestorePoint::Position(position))).collect();
    assert_eq!(cuts, [1, 1, 1, 4, 4, 6, 7, 7]);
    assert_eq!(cut(RestorePoint::End), 7);
}

#[test]
fn time_is_included() {
    let cuts = [9, 10, 19, 20, 29, 30, 31].map(|at| cut(RestorePoint::Time(time(at))));
    assert_eq!(cuts, [0, 1, 1, 6, 6, 7, 7]);
}
