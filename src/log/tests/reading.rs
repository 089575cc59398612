//! Reading: every range in both directions, and nothing that is not durable.

use std::thread;

use super::{empty_log, log_of, record, records};
use crate::log::{Corruption, LogError, LogReader};

fn forward(reader: &LogReader, from: u64, to: u64) -> Vec<(u64, bytes::Bytes)> {
    reader.forward(from, to).map(Result::unwrap).collect()
}

fn backward(reader: &LogReader, from: u64, to: u64) -> Vec<(u64, bytes::Bytes)> {
    reader.backward(from, to).map(Result::unwrap).collect()
}

#[test]
fn picked_records_come_in_the_order_that_was_asked_for_up_to_one_that_is_not_there() {
    let (_scratch, log) = log_of(20);
    let picked = |positions: &[u64]| -> Vec<_> { log.reader.picked(positions.to_vec()).collect() };
    let positions = [3, 4, 5, 19, 0, 7, 7];
    let read: Vec<_> = picked(&positions).into_iter().map(Result::unwrap).collect();
    assert_eq!(read, positions.map(|position| (position, record(position))));
    let mut read = picked(&[2, 20, 3]).into_iter();
    assert_eq!(read.next().unwrap().unwrap(), (2, record(2)));
    match read.next() {
        Some(Err(LogError::Corrupt { position: 20, reason: Corruption::Missing })) => {}
        other => panic!("{other:?}"),
    }
    assert!(read.next().is_none(), "nothing after the first error");
}

#[test]
fn every_range_is_read_in_both_directions() {
    let (_scratch, log) = log_of(20);
    let ends = || (0..=22).chain([u64::MAX]);
    for low in ends() {
        for high in ends() {
            let expected: Vec<_> =
                (low..high.min(20)).map(|position| (position, record(position))).collect();
            assert_eq!(forward(&log.reader, low, high), expected, "from {low} to {high}");
            let reversed: Vec<_> = expected.into_iter().rev().collect();
            assert_eq!(backward(&log.reader, high, low), reversed, "from {high} down to {low}");
        }
    }
}

#[test]
fn single_records_are_read_up_to_the_head() {
    let (_scratch, log) = log_of(10);
    for position in 0..10 {
        assert_eq!(log.reader.record(position).unwrap(), Some(record(position)));
    }
    for position in [10, 11, u64::MAX] {
        assert_eq!(log.reader.record(position).unwrap(), None);
    }
}

#[test]
fn an_empty_log_has_nothing_to_read() {
    let (_scratch, log) = empty_log();
    assert_eq!(log.reader.next_position(), 0);
    assert_eq!(log.reader.record(0).unwrap(), None);
    assert_eq!(forward(&log.reader, 0, u64::MAX), []);
    assert_eq!(backward(&log.reader, u64::MAX, 0), []);
    assert_eq!(log.reader.verify().unwrap().blocks, 0);
}

#[test]
fn a_range_ends_at_the_head_of_its_beginning() {
    let (_scratch, mut log) = log_of(4);
    let mut range = log.reader.forward(2, u64::MAX);
    assert_eq!(range.next().unwrap().unwrap(), (2, record(2)));
    log.writer.append(&records(4..9)).unwrap();
    assert_eq!(range.next().unwrap().unwrap(), (3, record(3)));
    assert!(range.next().is_none());
    assert_eq!(forward(&log.reader, 3, 6).len(), 3);
}

/// Readers run while the writer appends. What one of them sees is always a whole prefix, and
/// never less than an earlier look at the head promised.
#[test]
fn readers_see_a_whole_prefix_while_the_writer_appends() {
    const APPENDS: u64 = 120;
    let (_scratch, mut log) = empty_log();
    thread::scope(|scope| {
        for seed in 1..=3_u64 {
            let reader = log.reader.clone();
            scope.spawn(move || {
                let mut seen = 0;
                let mut random = seed;
                while seen < APPENDS * 4 {
                    let head = reader.next_position();
                    assert!(head >= seen && head % 4 == 0, "whole appends only: {head}");
                    seen = head;
                    let start = head.saturating_sub(40);
                    let read = forward(&reader, start, head);
                    assert_eq!(u64::try_from(read.len()).unwrap(), head - start);
                    assert!(read.iter().all(|(position, read)| *read == record(*position)));
                    if head > 0 {
                        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        let position = (random >> 33) % head;
                        assert_eq!(reader.record(position).unwrap(), Some(record(position)));
                        let (last, read) = reader.backward(head, 0).next().unwrap().unwrap();
                        assert_eq!((last, read), (head - 1, record(head - 1)));
                    }
                }
            });
        }
        for append in 0..APPENDS {
            log.writer.append(&records(append * 4..append * 4 + 4)).unwrap();
        }
    });
    assert_eq!(log.reader.verify().unwrap().next_position, APPENDS * 4);
}
