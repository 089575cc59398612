//! Zeros ahead in both copies: a killed log opens as it was, and nothing grows without end.

use std::fs;
use std::path::Path;

use super::{all, copy_of, records, small_blocks};
use crate::log::{Log, LogOptions, OpenedLog};

const SEGMENT: u64 = 512 * 1024;
const RESERVE: u64 = LogOptions::DISK_RESERVE_BYTES_DEFAULT;

/// Zeros ahead in the archive too.
fn ahead(directory: &Path) -> LogOptions {
    let mut options = small_blocks(directory);
    options.archive.as_mut().unwrap().zeros_ahead_bytes = SEGMENT;
    options
}

/// Appends of 13 kB each.
fn append(log: &mut OpenedLog, appends: u64) {
    for _ in 0..appends {
        let next = log.writer.next_position();
        log.writer.append(&records(next..next + 100)).unwrap();
    }
}

fn length(directory: &Path) -> u64 {
    fs::metadata(directory.join("sled/db")).unwrap().len()
}

fn archive_length(directory: &Path) -> u64 {
    let segment = directory.join("archive/segment-00000000000000000000.clar");
    fs::metadata(segment).unwrap().len()
}

#[test]
fn a_killed_log_with_zeros_ahead_opens_with_every_record_and_goes_on() {
    let scratch = tempfile::tempdir().unwrap();
    let mut log = Log::open(&ahead(scratch.path())).unwrap();
    let mut was = Vec::new();
    for appends in [1, 30, 60, 1] {
        append(&mut log, appends);
        assert_eq!(length(scratch.path()) % SEGMENT, 0);
        let killed = copy_of(scratch.path());
        let mut found = Log::open(&ahead(killed.path())).unwrap();
        assert_eq!(found.report.recovery, crate::log::Recovery::default());
        assert_eq!(all(&found.reader), all(&log.reader));
        append(&mut found, 50);
        was.push(all(&found.reader).len());
        drop(found);
        let again = Log::recover(&ahead(killed.path())).unwrap();
        assert_eq!(Some(&all(&again.reader).len()), was.last());
        assert_eq!(again.report.recovery, crate::log::Recovery::default());
    }
}

#[test]
fn opening_and_closing_makes_no_file_longer_and_longer() {
    let scratch = tempfile::tempdir().unwrap();
    let mut lengths = Vec::new();
    for _ in 0..12 {
        let mut log = Log::open(&ahead(scratch.path())).unwrap();
        append(&mut log, 1);
        drop(log);
        lengths.push(length(scratch.path()));
    }
    assert!(lengths.iter().all(|length| *length <= 4 * SEGMENT), "{lengths:?}");
    let stored = archive_length(scratch.path());
    assert!(stored < 12 * 20_000, "{stored}: closed, it ends with its last block");
}

#[test]
fn without_ample_room_or_when_told_not_to_both_grow_as_they_are_written() {
    let lengths_of = |options: &LogOptions, free: Option<u64>| {
        let mut log = Log::open(options).unwrap();
        log.reader.pretend_free(free);
        append(&mut log, 60);
        (length(&options.directory), archive_length(&options.directory))
    };
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| ahead(&scratch.path().join(name));
    let ahead = lengths_of(&at("ahead"), Some(RESERVE + 32 * SEGMENT + 1));
    let scarce = lengths_of(&at("scarce"), Some(RESERVE + 32 * SEGMENT - 1));
    let unasked = lengths_of(&LogOptions { disk_reserve_bytes: 0, ..at("unasked") }, None);
    let mut none = LogOptions { zeros_ahead_bytes: 0, ..at("none") };
    none.archive.as_mut().unwrap().zeros_ahead_bytes = 0;
    let none = lengths_of(&none, None);
    assert_eq!((none.1, none.1), (scarce.1, unasked.1));
    let (ahead_store, ahead_archive) = ahead;
    for (store, _) in [none, scarce, unasked] {
        assert!(store < ahead_store, "{ahead:?} {store}");
    }
    assert_eq!(ahead_store % SEGMENT, 0);
    assert!(ahead_archive > none.1 && ahead_archive <= none.1 + SEGMENT, "{ahead:?} {none:?}");
}
