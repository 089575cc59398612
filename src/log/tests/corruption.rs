//! Damage written straight into sled's tree: always reported, with the position.

use std::error::Error;

use super::{log_of, record, records, small_blocks};
use crate::log::block::{BlockHash, encode};
use crate::log::corruption::{BlockError, Corruption};
use crate::log::entries::BlockKey;
use crate::log::{Log, LogError, OpenedLog};

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

#[test]
fn every_kind_of_wrong_block_has_its_name_and_position() {
    type Damage = fn(&OpenedLog);
    let cases: [(&str, Damage, u64, Corruption); 9] = [
        ("removed", |log| drop(tree(log).remove(key(FIRST)).unwrap()), 9, Corruption::Missing),
        (
            "the first one removed",
            |log| drop(tree(log).remove(key(0)).unwrap()),
            0,
            Corruption::Missing,
        ),
        (
            "another block in its place",
            |log| put(log, key(FIRST), stored(log, 12)),
            9,
            Corruption::KeptUnderWrongPosition { stated: 12 },
        ),
        (
            "other records, well-formed",
            |log| {
                let forged = encode(FIRST, BlockHash::of(b"other"), &records(9..12)).unwrap();
                put(log, key(FIRST), forged.to_vec());
            },
            9,
            Corruption::ChainBroken,
        ),
        (
            "the first one with a predecessor",
            |log| {
                let forged = encode(0, BlockHash::of(b"other"), &records(0..3)).unwrap();
                put(log, key(0), forged.to_vec());
            },
            0,
            Corruption::ChainBroken,
        ),
        (
            "a block within another",
            |log| {
                let inner = encode(10, BlockHash::ZERO, &records(10..11)).unwrap();
                put(log, key(10), inner.to_vec());
            },
            10,
            Corruption::Overlap { ends: 12 },
        ),
        (
            "a part of no block",
            |log| put(log, BlockKey { first_position: 10, part: 1 }.encode(), vec![1]),
            10,
            Corruption::PartStray { part: 1 },
        ),
        (
            "a part after a whole block",
            |log| put(log, BlockKey { first_position: 9, part: 2 }.encode(), vec![1]),
            9,
            Corruption::PartStray { part: 2 },
        ),
        (
            "a key that is none",
            |log| put(log, vec![0, 0, 0, 0, 0, 0, 0, 10, 7], vec![1]),
            10,
            Corruption::KeyUnknown { key: vec![0, 0, 0, 0, 0, 0, 0, 10, 7] },
        ),
    ];
    for (what, damage, position, reason) in cases {
        let (scratch, log) = log_of(20);
        damage(&log);
        assert_eq!(corrupt(log.reader.verify()), (position, reason), "{what}");
        drop(log);
        // All within the blocks that are verified on opening, so that is refused as well. What
        // it meets first, coming from the end, need not be what verifying meets first.
        let refused = Log::open(&small_blocks(scratch.path()));
        if what != "a part after a whole block" {
            assert!(matches!(refused, Err(LogError::Corrupt { .. })), "{what}: {refused:?}");
        }
    }
}

#[test]
fn a_missing_or_surplus_part_of_a_long_record_is_reported() {
    let part = |part| BlockKey { first_position: 0, part }.encode();
    type Damage = fn(&OpenedLog, &dyn Fn(u32) -> Vec<u8>);
    let damages: [(&str, Damage); 4] = [
        ("last gone", |log, part| drop(tree(log).remove(part(2)).unwrap())),
        ("middle gone", |log, part| drop(tree(log).remove(part(1)).unwrap())),
        ("one too many", |log, part| put(log, part(3), vec![0])),
        ("first gone", |log, _| {
            drop(tree(log).remove(key(0)).unwrap());
        }),
    ];
    for (what, damage) in damages {
        let (_scratch, mut log) = log_of(0);
        log.writer.append(&[vec![7; 20_000].into(), record(1)]).unwrap();
        damage(&log, &part);
        assert_eq!(corrupt(log.reader.record(0)).0, 0, "{what}");
        assert_eq!(log.reader.record(1).unwrap(), Some(record(1)), "{what}");
        assert_eq!(corrupt(log.reader.verify()).0, 0, "{what}");
    }
}
