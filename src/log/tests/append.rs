//! Appending: positions without a gap, whatever the sizes, and after reopening.

use bytes::Bytes;

use super::{all, blobs, empty_log, log_of, open, record, records};
use crate::log::{Codec, Log, LogOptions};

#[test]
fn positions_follow_each_other_over_appends_and_reopenings() {
    let scratch = tempfile::tempdir().unwrap();
    let mut next = 0;
    for count in [1, 5, 0, 2, 17] {
        let mut log = open(scratch.path());
        assert_eq!(log.report.next_position, next);
        for _ in 0..3 {
            let positions = log.writer.append(&records(next..next + count)).unwrap();
            assert_eq!(positions, next..next + count);
            next += count;
            assert_eq!(log.writer.next_position(), next);
            assert_eq!(log.reader.next_position(), next);
        }
        log.writer.close().unwrap();
        assert_eq!(all(&log.reader), records(0..next));
        assert_eq!(log.reader.verify().unwrap().next_position, next);
    }
    assert_eq!(next, 75);
}

#[test]
fn the_chain_goes_on_over_a_reopening() {
    let (scratch, mut log) = log_of(5);
    let before = log.reader.verify().unwrap();
    drop(log);
    log = open(scratch.path());
    assert_eq!(log.report.last_block, before.last_block);
    log.writer.append(&records(5..7)).unwrap();
    let after = log.reader.verify().unwrap();
    assert_eq!((after.blocks, after.next_position), (before.blocks + 1, 7));
}

#[test]
fn an_empty_batch_changes_nothing() {
    let (_scratch, mut log) = log_of(4);
    let before = log.reader.verify().unwrap();
    assert_eq!(log.writer.append(&[]).unwrap(), 4..4);
    assert_eq!(log.reader.verify().unwrap(), before);
}

#[test]
fn records_longer_than_a_block_have_a_block_of_their_own() {
    let (scratch, mut log) = empty_log();
    let lengths = [0, 1, 450, 451, 512, 7167, 7168, 7169, 20_000, 131_052, 1_000_000, 3];
    let batch: Vec<Bytes> = lengths
        .iter()
        .map(|length| Bytes::from((0..251).cycle().take(*length).collect::<Vec<u8>>()))
        .collect();
    assert_eq!(log.writer.append(&batch).unwrap(), 0..12);
    assert_eq!(all(&log.reader), batch);
    let report = log.reader.verify().unwrap();
    assert_eq!(report.blocks, 11);
    assert_eq!(blobs(scratch.path()), 0);
    drop(log);
    let log = open(scratch.path());
    assert_eq!(log.reader.verify().unwrap(), report);
    for (position, expected) in (0..).zip(batch) {
        assert_eq!(log.reader.record(position).unwrap(), Some(expected));
    }
}

#[test]
fn thousands_of_records_go_into_one_append() {
    let (_scratch, mut log) = empty_log();
    let batch = records(0..5000);
    assert_eq!(log.writer.append(&batch).unwrap(), 0..5000);
    assert_eq!(all(&log.reader), batch);
    // Blocks of 512 bytes hold three of 130 with their prefixes.
    assert_eq!(log.reader.verify().unwrap().blocks, 1667);
}

#[test]
fn the_longest_record_of_the_default_options_goes_in_and_out() {
    let scratch = tempfile::tempdir().unwrap();
    let options = LogOptions::new(scratch.path());
    let longest = Bytes::from(vec![0x5a; options.record_bytes_max]);
    let mut log = Log::open(&options).unwrap();
    log.writer.append(&[record(0), longest.clone(), record(2)]).unwrap();
    drop(log);
    let log = Log::open(&options).unwrap();
    assert_eq!(all(&log.reader), [record(0), longest, record(2)]);
    assert_eq!(blobs(scratch.path()), 0);
}

/// The bound in `entries.rs`, against sled itself: full blocks and nothing else.
#[test]
fn full_blocks_never_become_blobs() {
    let scratch = tempfile::tempdir().unwrap();
    let options = LogOptions { codec: Codec::None, ..LogOptions::new(scratch.path()) };
    let mut log = Log::open(&options).unwrap();
    let full = Bytes::from(vec![1; 7168 - 58 - 4]);
    for count in [1, 1, 1, 40, 1, 100] {
        log.writer.append(&vec![full.clone(); count]).unwrap();
        assert_eq!(blobs(scratch.path()), 0);
    }
    assert_eq!(log.reader.verify().unwrap().encoded_bytes, 144 * 7168);
}
