//! A store that is damaged behind the back of a log that is open: the archive answers, and the
//! store is mended in place.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{all, record, records, small_blocks};
use crate::archive::encode_header;
use crate::block::{BlockHash, Codec, Link, encode};
use crate::log::corruption::Corruption;
use crate::log::entries::BlockKey;
use crate::log::{ArchiveOptions, Log, LogError, LogOptions, OpenedLog};

const RECORDS: u64 = 60;

/// Blocks of three records, segments of about eight blocks.
fn options(directory: &Path) -> LogOptions {
    let archive = ArchiveOptions {
        segment_bytes_max: 4096,
        ..ArchiveOptions::new(directory.join("archive"))
    };
    LogOptions { archive: Some(archive), ..small_blocks(directory) }
}

fn served_log() -> (TempDir, OpenedLog) {
    let scratch = tempfile::tempdir().unwrap();
    let mut log = Log::open(&options(scratch.path())).unwrap();
    for from in (0..RECORDS).step_by(6) {
        log.writer.append(&records(from..from + 6)).unwrap();
    }
    (scratch, log)
}

fn tree(log: &OpenedLog) -> &sled::Tree {
    log.reader.store().blocks().tree()
}

fn key(first_position: u64) -> Vec<u8> {
    BlockKey::first(first_position).encode()
}

fn flip(log: &OpenedLog, first_position: u64) {
    let mut bytes = tree(log).get(key(first_position)).unwrap().unwrap().to_vec();
    bytes[70] ^= 2;
    tree(log).insert(key(first_position), bytes).unwrap();
}

fn remove(log: &OpenedLog, first_position: u64) {
    tree(log).remove(key(first_position)).unwrap().unwrap();
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory.join("archive")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The segment and the place in it of the block that begins at a position.
fn in_archive(directory: &Path, first_position: u64) -> (PathBuf, usize) {
    let needle = [b"CLBK\x01\x00".as_slice(), &first_position.to_be_bytes()].concat();
    let found = segments(directory).into_iter().find_map(|path| {
        let bytes = fs::read(&path).unwrap();
        Some((path, bytes.windows(needle.len()).position(|window| window == needle)?))
    });
    found.unwrap()
}

fn change_in_archive(directory: &Path, first_position: u64, change: impl FnOnce(&mut [u8])) {
    let (path, at) = in_archive(directory, first_position);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes[at..]);
    fs::write(path, bytes).unwrap();
}

fn corrupt_at(read: Result<Option<bytes::Bytes>, LogError>) -> (u64, Corruption) {
    match read {
        Err(LogError::Corrupt { position, reason }) => (position, reason),
        other => panic!("{other:?}"),
    }
}

type Damage = (&'static str, fn(&OpenedLog));

#[test]
fn every_damaged_block_is_answered_from_the_archive_and_mended_in_place() {
    let damages: [Damage; 8] = [
        ("one altered", |log| flip(log, 9)),
        ("the first altered", |log| flip(log, 0)),
        ("the last altered", |log| flip(log, 57)),
        ("one missing", |log| remove(log, 24)),
        ("the first missing", |log| remove(log, 0)),
        ("the last missing", |log| remove(log, 57)),
        ("another in its place", |log| {
            let other = tree(log).get(key(30)).unwrap().unwrap();
            tree(log).insert(key(27), other).unwrap();
        }),
        ("all altered", |log| (0..RECORDS).step_by(3).for_each(|first| flip(log, first))),
    ];
    for (what, damage) in damages {
        let (scratch, log) = served_log();
        damage(&log);
        let expected = if what == "all altered" { RECORDS / 3 } else { 1 };
        assert!(log.reader.verify().is_err(), "{what}");
        assert_eq!(all(&log.reader), records(0..RECORDS), "{what}");
        assert_eq!(log.reader.served_from_archive(), expected, "{what}");
        // Mended: the store alone holds all of it again.
        log.reader.verify().unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(all(&log.reader), records(0..RECORDS), "{what}");
        assert_eq!(log.reader.served_from_archive(), expected, "{what}");
        drop(log);
        let again = Log::recover(&options(scratch.path())).unwrap();
        assert!(again.report.recovery.is_clean(), "{what}: {:?}", again.report);
    }
}

#[test]
fn every_way_of_reading_is_answered() {
    let (_scratch, log) = served_log();
    let backward = |from| log.reader.backward(from, 0).map(|item| item.unwrap().1);
    flip(&log, 12);
    assert_eq!(log.reader.record(13).unwrap(), Some(record(13)));
    flip(&log, 12);
    assert_eq!(backward(20).last(), Some(record(0)));
    flip(&log, 12);
    let forward: Vec<_> = log.reader.forward(10, 16).map(|item| item.unwrap().1).collect();
    assert_eq!(forward, records(10..16));
    assert_eq!(log.reader.served_from_archive(), 3);
}

#[test]
fn appends_go_on_beside_the_mending() {
    let (_scratch, mut log) = served_log();
    let reader = log.reader.clone();
    (0..RECORDS).step_by(3).for_each(|first| flip(&log, first));
    let mending = std::thread::spawn(move || {
        (0..RECORDS).for_each(|position| {
            assert_eq!(reader.record(position).unwrap(), Some(record(position)));
        });
    });
    for next in RECORDS..RECORDS + 60 {
        log.writer.append(&[record(next)]).unwrap();
    }
    mending.join().unwrap();
    assert_eq!(all(&log.reader), records(0..RECORDS + 60));
    log.reader.verify().unwrap();
}

#[test]
fn a_long_record_with_a_lost_part_is_answered_and_mended() {
    let scratch = tempfile::tempdir().unwrap();
    let mut log = Log::open(&options(scratch.path())).unwrap();
    let whole = bytes::Bytes::from(vec![7; 20_000]);
    log.writer.append(&[whole.clone(), record(1)]).unwrap();
    for part in 0..3 {
        tree(&log).remove(BlockKey { first_position: 0, part }.encode()).unwrap().unwrap();
        assert_eq!(log.reader.record(0).unwrap(), Some(whole.clone()), "part {part}");
        log.reader.verify().unwrap();
    }
}

#[test]
fn damage_at_the_same_place_in_both_copies_is_told_and_nothing_altered_is_served() {
    let (scratch, log) = served_log();
    flip(&log, 9);
    change_in_archive(scratch.path(), 9, |block| block[80] ^= 1);
    let (position, reason) = corrupt_at(log.reader.record(10));
    assert!(matches!(reason, Corruption::Block(_)), "{reason:?}");
    assert_eq!(position, 9);
    assert_eq!(log.reader.record(8).unwrap(), Some(record(8)));
    assert_eq!(log.reader.record(12).unwrap(), Some(record(12)));
    assert_eq!(log.reader.served_from_archive(), 0);
}

/// A block with a fitting checksum that is not the one that was written: of other records, or of
/// another history.
#[test]
fn a_block_that_its_neighbours_do_not_state_is_not_served() {
    let (scratch, log) = served_log();
    let previous = log.reader.store().blocks().beginning_at(9).unwrap().unwrap().previous();
    let other_records: Vec<_> = (0..3).map(|_| bytes::Bytes::from(vec![9; 130])).collect();
    for (what, before) in [("other records", previous), ("another history", BlockHash::of(b"x"))] {
        let forged = encode(9, before, &other_records, Codec::None).unwrap();
        change_in_archive(scratch.path(), 9, |block| {
            block[..forged.len()].copy_from_slice(&forged);
        });
        flip(&log, 9);
        assert_eq!(corrupt_at(log.reader.record(10)).0, 9, "{what}");
        flip(&log, 9);
    }
    // The last one has nobody behind it: the log itself knows its hash.
    let last = log.reader.store().blocks().beginning_at(57).unwrap().unwrap();
    let forged = encode(57, last.previous(), &other_records, Codec::None).unwrap();
    change_in_archive(scratch.path(), 57, |block| block[..forged.len()].copy_from_slice(&forged));
    flip(&log, 57);
    assert_eq!(corrupt_at(log.reader.record(58)).0, 57);
}

/// Blocks with fitting checksums that follow each other, from a position on.
fn forge(log: &OpenedLog, first_positions: impl Iterator<Item = u64>) -> Vec<(u64, bytes::Bytes)> {
    let mut before = None;
    let other_records: Vec<_> = (0..3).map(|_| bytes::Bytes::from(vec![9; 130])).collect();
    let mut forged = Vec::new();
    for first in first_positions {
        let stored = log.reader.store().blocks().beginning_at(first).unwrap().unwrap();
        let previous = before.unwrap_or(stored.previous());
        let encoded = encode(first, previous, &other_records, Codec::None).unwrap();
        before = Some(BlockHash::of(&encoded));
        forged.push((first, encoded));
    }
    forged
}

/// However many blocks in a row the store has lost: what the archive has in their place is altered, and
/// each of its blocks follows the one before. Whether the run ends within the log or with it.
#[test]
fn a_run_of_blocks_that_only_the_archive_states_is_not_served() {
    for run in [9..12, 9..15, 9..18, 9..30, 9..RECORDS, 0..RECORDS] {
        let (scratch, log) = served_log();
        let firsts = || run.clone().step_by(3);
        let forged = forge(&log, firsts());
        for (first, forged) in forged {
            change_in_archive(scratch.path(), first, |block| {
                block[..forged.len()].copy_from_slice(&forged);
            });
        }
        firsts().for_each(|first| flip(&log, first));
        for first in firsts() {
            assert_eq!(corrupt_at(log.reader.record(first + 1)).0, first, "{run:?}");
        }
        assert_eq!(log.reader.served_from_archive(), 0, "{run:?}");
        assert_eq!(
            log.reader.record(run.end).unwrap(),
            (run.end < RECORDS).then(|| record(run.end))
        );
    }
}

/// The neighbours at the end of a segment are known from the headers alone.
#[test]
fn a_whole_segment_lost_in_the_store_is_answered_block_by_block() {
    let (scratch, log) = served_log();
    let (second, _) = in_archive(scratch.path(), 24);
    let header = fs::read(&second).unwrap()[..49].to_vec();
    let before = log.reader.store().blocks().holding(23).unwrap();
    assert_eq!(header, encode_header(Link::after(&before)), "a segment begins at 24");
    for first in [18, 21, 24, 27] {
        remove(&log, first);
    }
    assert_eq!(all(&log.reader), records(0..RECORDS));
    log.reader.verify().unwrap();
}

/// Bytes of sled's own file: sled fails, or panics, and the archive answers.
#[test]
fn a_page_that_sled_cannot_read_is_answered_from_the_archive() {
    let (scratch, log) = served_log();
    drop(log);
    // The newest segment of sled's may be read while it is opened; then nothing is left to read.
    let mut log = Log::open(&options(scratch.path())).unwrap();
    for from in (RECORDS..6000).step_by(60) {
        log.writer.append(&records(from..from + 60)).unwrap();
    }
    drop(log);
    let log = Log::open(&options(scratch.path())).unwrap();
    let path = scratch.path().join("sled/db");
    let mut bytes = fs::read(&path).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - 4).filter(|at| &bytes[*at..at + 4] == b"CLBK").collect();
    for at in &places[..places.len() / 2] {
        bytes[at + 70] ^= 1;
    }
    fs::write(&path, bytes).unwrap();
    assert_eq!(all(&log.reader), records(0..6000));
    assert!(log.reader.served_from_archive() > 100, "{}", log.reader.served_from_archive());
}

#[test]
fn without_an_archive_the_damage_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let options = LogOptions { archive: None, ..small_blocks(scratch.path()) };
    let mut log = Log::open(&options).unwrap();
    log.writer.append(&records(0..9)).unwrap();
    flip(&log, 3);
    assert_eq!(corrupt_at(log.reader.record(4)).0, 3);
}
