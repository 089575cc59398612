//! A full disk refuses before anything is written, and room is enough to go on.

use super::{all, empty_log, log_of, record, records, small_blocks};
use crate::log::{Log, LogError, LogOptions};

const RESERVE: u64 = LogOptions::DISK_RESERVE_BYTES_DEFAULT;

#[test]
fn an_append_that_would_touch_the_reserve_is_refused_and_room_is_enough_to_go_on() {
    let (scratch, mut log) = log_of(6);
    let files = |name: &str| std::fs::read(scratch.path().join(name)).unwrap();
    let segment = "archive/segment-00000000000000000000.clar";
    let before = (files("sled/db"), files(segment));
    let reserve = std::sync::Arc::clone(log.reader.store());
    for free in [0, RESERVE, RESERVE + 259] {
        reserve.reserve().pretend_free(Some(free));
        match log.writer.append(&[record(6)]) {
            Err(LogError::DiskFull { free_bytes, needed_bytes, reserve_bytes, .. }) => {
                assert_eq!((free_bytes, needed_bytes, reserve_bytes), (free, 260, RESERVE));
            }
            other => panic!("{other:?}"),
        }
        assert!(!log.writer.is_stopped());
        assert_eq!(all(&log.reader), records(0..6));
    }
    assert_eq!((files("sled/db"), files(segment)), before, "nothing was written");
    reserve.reserve().pretend_free(Some(RESERVE + 260));
    log.writer.append(&[record(6)]).unwrap();
    reserve.reserve().pretend_free(None);
    assert_eq!(all(&log.reader), records(0..7));
    // Nothing to write needs no room.
    reserve.reserve().pretend_free(Some(0));
    log.writer.append(&[]).unwrap();
    drop(reserve);
    drop(log);
    assert_eq!(super::open(scratch.path()).report.next_position, 7);
}

#[test]
fn what_is_owed_for_earlier_records_must_fit_too() {
    let (_scratch, mut log) = log_of(6);
    log.reader.pretend_free(Some(RESERVE + 260 + 2 * 1000));
    for (owed, is_taken) in [(1001, false), (1000, true)] {
        let appended = log.writer.append_groups(&[&[record(6)]], owed);
        assert_eq!(appended.is_ok(), is_taken, "{appended:?}");
        assert!(is_taken || matches!(appended, Err(LogError::DiskFull { .. })));
    }
}

#[test]
fn what_may_use_the_reserve_asks_only_for_what_it_needs() {
    let (_scratch, log) = empty_log();
    let store = std::sync::Arc::clone(log.reader.store());
    store.reserve().pretend_free(Some(2000));
    log.reader.check_fits(2000).unwrap();
    assert!(matches!(log.reader.check_fits(2001), Err(LogError::DiskFull { .. })));
    assert!(matches!(log.reader.check_room(1), Err(LogError::DiskFull { .. })));
    assert_eq!((log.reader.fitting(1999), log.reader.fitting(3000)), (1999, 2000));
}

#[test]
fn a_reserve_of_nothing_asks_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let options = LogOptions { disk_reserve_bytes: 0, ..small_blocks(scratch.path()) };
    let mut log = Log::open(&options).unwrap();
    log.reader.store().reserve().pretend_free(Some(0));
    log.writer.append(&records(0..3)).unwrap();
    assert_eq!(all(&log.reader), records(0..3));
}

/// The real figure of the file system, not a stand-in.
#[test]
fn the_room_is_that_of_the_file_system() {
    let scratch = tempfile::tempdir().unwrap();
    let options = LogOptions { disk_reserve_bytes: 1 << 40, ..small_blocks(scratch.path()) };
    let mut log = Log::open(&options).unwrap();
    let found = rustix::fs::statvfs(scratch.path()).unwrap();
    let size = found.f_blocks.saturating_mul(found.f_frsize);
    match log.writer.append(&records(0..3)) {
        Err(LogError::DiskFull { free_bytes, .. }) => {
            assert!(free_bytes > 0 && free_bytes <= size, "{free_bytes} of {size}");
        }
        other => panic!("a disk with a TiB free? {other:?}"),
    }
}
