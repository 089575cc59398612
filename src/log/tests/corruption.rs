//! Damage written straight into sled's tree, with no second copy: always reported, with the
//! position.

use std::error::Error;
use std::path::Path;

use tempfile::TempDir;

use super::{all, record, records};
use crate::block::{BlockError, BlockHash, Codec, encode};
use crate::log::corruption::Corruption;
use crate::log::entries::BlockKey;
use crate::log::{Log, LogError, LogOptions, OpenedLog};

fn small_blocks(directory: &Path) -> LogOptions {
    LogOptions { archive: None, ..super::small_blocks(directory) }
}

fn log_of(count: u64) -> (TempDir, OpenedLog) {
    let scratch = tempfile::tempdir().unwrap();
    let mut log = Log::open(&small_blocks(scratch.path())).unwrap();
    log.writer.append(&records(0..count)).unwrap();
    (scratch, log)
}

/// Blocks of three records: this one begins at 9.
const FIRST: u64 = 9;

fn tree(log: &OpenedLog) -> &sled::Tree {
    log.reader.store().blocks().tree()
}

fn key(first_position: u64) -> Vec<u8> {
    BlockKey::first(first_position).encode()
}

fn stored(log: &OpenedLog, first_position: u64) -> Vec<u8> {
    tree(log).get(key(first_position)).unwrap().unwrap().to_vec()
}

fn put(log: &OpenedLog, key: Vec<u8>, value: Vec<u8>) {
    tree(log).insert(key, value).unwrap();
}

fn corrupt<T: std::fmt::Debug>(result: Result<T, LogError>) -> (u64, Corruption) {
    match result {
        Err(LogError::Corrupt { position, reason }) => (position, reason),
        other => panic!("{other:?}"),
    }
}

fn block_error(reason: &Corruption) -> BlockError {
    match reason {
        Corruption::Block(error) => *error,
        other => panic!("{other:?}"),
    }
}

fn put_flipped(log: &OpenedLog, first_position: u64) {
    let mut bytes = stored(log, first_position);
    bytes[60] ^= 0x10;
    put(log, key(first_position), bytes);
}

#[test]
fn a_changed_byte_is_reported_with_its_position_wherever_it_is_read() {
    let (_scratch, log) = log_of(20);
    put_flipped(&log, FIRST);
    for position in 0..20 {
        let read = log.reader.record(position);
        if (9..12).contains(&position) {
            let (at, reason) = corrupt(read);
            assert_eq!(at, FIRST);
            let error = block_error(&reason);
            assert!(matches!(error, BlockError::ChecksumMismatch { .. }), "{error:?}");
        } else {
            assert_eq!(read.unwrap(), Some(record(position)));
        }
    }
    let forward: Vec<_> = log.reader.forward(0, 20).collect();
    assert_eq!(forward.len(), 10, "nine records, one error, and no more");
    assert!(forward.last().unwrap().is_err());
    let backward: Vec<_> = log.reader.backward(20, 0).collect();
    assert_eq!(backward.len(), 9, "eight records, one error, and no more");
    assert_eq!(corrupt(backward.into_iter().next_back().unwrap()).0, FIRST);
    assert_eq!(corrupt(log.reader.verify()).0, FIRST);
}

#[test]
fn a_damaged_last_block_refuses_the_opening_and_stays_as_it_is() {
    let (scratch, log) = log_of(20);
    put_flipped(&log, 18);
    drop(log);
    for _ in 0..2 {
        let refused = Log::open(&small_blocks(scratch.path()));
        let error = refused.as_ref().unwrap_err();
        assert_eq!(error.to_string(), "the log is corrupt at position 18");
        assert_eq!(
            error.source().unwrap().to_string(),
            "the stored bytes are not the block that was written"
        );
        assert_eq!(corrupt(refused).0, 18);
    }
}

#[test]
fn damage_before_the_verified_end_is_found_by_verifying_all() {
    let (scratch, log) = log_of(600);
    put_flipped(&log, FIRST);
    drop(log);
    let log = Log::open(&small_blocks(scratch.path())).unwrap();
    assert_eq!(corrupt(log.reader.verify()).0, FIRST);
}

/// One change to the tree of blocks of 20 records, and what verifying says of it.
struct Damage {
    what: &'static str,
    key: Vec<u8>,
    /// What stands under the key afterwards; `None`: the key is removed.
    value: Option<fn(&OpenedLog) -> Vec<u8>>,
    position: u64,
    reason: Corruption,
}

impl Damage {
    fn done_to(&self, log: &OpenedLog) {
        match self.value {
            Some(value) => put(log, self.key.clone(), value(log)),
            None => assert!(tree(log).remove(&self.key).unwrap().is_some()),
        }
    }
}

fn removed(what: &'static str, first_position: u64) -> Damage {
    let (key, reason) = (key(first_position), Corruption::Missing);
    Damage { what, key, value: None, position: first_position, reason }
}

fn replaced(
    what: &'static str,
    first_position: u64,
    value: fn(&OpenedLog) -> Vec<u8>,
    reason: Corruption,
) -> Damage {
    let key = key(first_position);
    Damage { what, key, value: Some(value), position: first_position, reason }
}

fn stray(what: &'static str, first_position: u64, part: u32) -> Damage {
    Damage {
        what,
        key: BlockKey { first_position, part }.encode(),
        value: Some(|_| vec![1]),
        position: first_position,
        reason: Corruption::PartStray { part },
    }
}

fn unknown_key(key: [u8; 9]) -> Damage {
    Damage {
        what: "a key that is none",
        key: key.to_vec(),
        value: Some(|_| vec![1]),
        position: 10,
        reason: Corruption::KeyUnknown { key: key.to_vec() },
    }
}

/// A well-formed block that follows none of the blocks there are.
fn forged(positions: std::ops::Range<u64>) -> Vec<u8> {
    encode(positions.start, BlockHash::of(b"other"), &records(positions), Codec::None)
        .unwrap()
        .to_vec()
}

#[test]
fn every_kind_of_wrong_block_has_its_name_and_position() {
    let kept_wrong = Corruption::KeptUnderWrongPosition { stated: 12 };
    let cases = [
        removed("one removed", FIRST),
        removed("the first one removed", 0),
        replaced("another in its place", FIRST, |log| stored(log, 12), kept_wrong),
        replaced("other records", FIRST, |_| forged(9..12), Corruption::ChainBroken),
        replaced("the first follows one", 0, |_| forged(0..3), Corruption::ChainBroken),
        replaced("one within one", 10, |_| forged(10..11), Corruption::Overlap { ends: 12 }),
        stray("a part of no block", 10, 1),
        unknown_key([0, 0, 0, 0, 0, 0, 0, 10, 7]),
    ];
    for damage in cases {
        let (scratch, log) = log_of(20);
        damage.done_to(&log);
        let Damage { what, position, reason, .. } = damage;
        assert_eq!(corrupt(log.reader.verify()), (position, reason), "{what}");
        drop(log);
        // Opening meets them from the end, so it may name another position, but it meets them.
        let refused = Log::open(&small_blocks(scratch.path()));
        assert!(matches!(refused, Err(LogError::Corrupt { .. })), "{what}: {refused:?}");
    }
}

#[test]
fn a_stray_part_that_no_reader_meets_is_found_by_verifying_all() {
    let (scratch, log) = log_of(20);
    stray("a part after a whole block", FIRST, 2).done_to(&log);
    drop(log);
    let log = Log::open(&small_blocks(scratch.path())).unwrap();
    assert_eq!(all(&log.reader), records(0..20));
    assert_eq!(corrupt(log.reader.verify()), (FIRST, Corruption::PartStray { part: 2 }));
}

#[test]
fn a_missing_or_surplus_part_of_a_long_record_is_reported() {
    for (part, gone) in [(0, true), (1, true), (2, true), (3, false), (4, false)] {
        let (_scratch, mut log) = log_of(0);
        log.writer.append(&[vec![7; 20_000].into(), record(1)]).unwrap();
        let key = BlockKey { first_position: 0, part }.encode();
        if gone {
            tree(&log).remove(key).unwrap().unwrap();
        } else {
            put(&log, key, vec![0]);
        }
        assert_eq!(corrupt(log.reader.record(0)).0, 0, "part {part}");
        assert_eq!(log.reader.record(1).unwrap(), Some(record(1)), "part {part}");
        assert_eq!(corrupt(log.reader.verify()).0, 0, "part {part}");
    }
}
