//! Damage in the store besides the blocks: the next start rebuilds it, instead of refusing.

use std::fs;

use super::{all, log_of, open, record, records, small_blocks};
use crate::log::{Log, LogError, LogOptions, OpenedLog, Recovery};

const NOTE: &str = "rebuild-store";

/// An index whose long value has lost a part.
fn damage_index(log: &OpenedLog) {
    let derived = log.reader.derived("some", 1).unwrap();
    derived.apply(vec![(b"key".to_vec(), vec![7; 20_000])], 6).unwrap();
    let tree = log.reader.store().db().open_tree("derived/some").unwrap();
    let part = tree.iter().keys().map(Result::unwrap).find(|key| key[0] == 2).unwrap();
    tree.remove(part).unwrap().unwrap();
    let read = derived.get(b"key");
    assert!(matches!(read, Err(LogError::DerivedDamaged { .. })), "{read:?}");
}

#[test]
fn an_index_that_cannot_be_read_is_rebuilt_with_the_store_at_the_next_start() {
    let (scratch, log) = log_of(6);
    assert!(!scratch.path().join(NOTE).exists());
    damage_index(&log);
    assert!(scratch.path().join(NOTE).exists(), "a note is left");
    drop(log);
    let mut log = open(scratch.path());
    let Recovery { store: Some(_), archive: None } = log.report.recovery else {
        panic!("{:?}", log.report);
    };
    assert!(!scratch.path().join(NOTE).exists(), "the note is taken away");
    assert_eq!(all(&log.reader), records(0..6));
    assert_eq!(log.reader.derived("some", 1).unwrap().reached(), 0);
    log.writer.append(&[record(6)]).unwrap();
    drop(log);
    assert!(open(scratch.path()).report.recovery.is_clean());
}

#[test]
fn a_note_without_an_archive_rebuilds_nothing() {
    let (scratch, log) = log_of(6);
    drop(log);
    fs::write(scratch.path().join(NOTE), "").unwrap();
    let options = LogOptions { archive: None, ..small_blocks(scratch.path()) };
    let log = Log::open(&options).unwrap();
    assert_eq!(all(&log.reader), records(0..6));
    assert!(log.report.recovery.is_clean());
    drop(log);
    // The archive is lost: the store is all there is, and the archive is written from it first.
    fs::remove_dir_all(scratch.path().join("archive")).unwrap();
    let log = open(scratch.path());
    assert!(log.report.recovery.store.is_none() && log.report.recovery.archive.is_some());
    drop(log);
    assert!(open(scratch.path()).report.recovery.store.is_some(), "then it is rebuilt");
    assert!(!scratch.path().join(NOTE).exists());
}

#[test]
fn a_damaged_block_alone_leaves_no_note() {
    let (scratch, log) = log_of(6);
    let tree = log.reader.store().blocks().tree();
    tree.remove(0_u64.to_be_bytes()).unwrap().unwrap();
    assert_eq!(all(&log.reader), records(0..6));
    assert!(!scratch.path().join(NOTE).exists());
}

/// Closed, then a start whose disk has no room for a second store: refused by name, nothing changed.
#[test]
fn a_rebuild_that_does_not_fit_is_asked_for_before_anything_is_changed() {
    let (scratch, log) = log_of(6);
    let found = log.reader.store().reserve();
    found.pretend_free(Some(10));
    match found.check_fits(scratch.path(), 11) {
        Err(LogError::DiskFull { needed_bytes: 11, reserve_bytes: 0, .. }) => {}
        other => panic!("{other:?}"),
    }
    found.check_fits(scratch.path(), 10).unwrap();
}
