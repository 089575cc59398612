//! An archive that holds only a part: while it was being completed, or with a delayed sync. Then it
//! says nothing of where the log ends.

use std::fs;
use std::path::Path;

use super::copies::{
    RECORDS, assert_whole, change, closed_log, flip_in_store, reopen, segments, small_segments,
};
use super::copy_of;
use crate::log::{Log, LogError, LogOptions};

const NOTE: &str = "archive-incomplete";

/// The archive as it is when its last `blocks` blocks were not written yet.
fn cut_archive(directory: &Path, blocks: usize) {
    let last = segments(directory).pop().unwrap();
    change(&last, |bytes| {
        let starts: Vec<usize> =
            (0..bytes.len() - 4).filter(|at| bytes[*at..*at + 4] == *b"CLBK").collect();
        bytes.truncate(starts[starts.len() - blocks]);
    });
}

/// As a kill leaves it: without the mark of a clean stop, which would say how far the log had come.
fn forget_the_stop(directory: &Path) {
    fs::remove_file(directory.join("clean-stop")).unwrap();
}

fn assert_lost(options: &LogOptions, expected: u64, what: &str) {
    for _ in 0..2 {
        match Log::open(options) {
            Err(LogError::LostInBothCopies { position }) => {
                assert_eq!(position, expected, "{what}");
            }
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_note_stays_until_the_archive_is_complete() {
    let (scratch, last_block) = closed_log();
    let first = segments(scratch.path()).remove(0);
    for path in segments(scratch.path()) {
        fs::remove_file(path).unwrap();
    }
    // Nothing can be written where the first segment is to be.
    let obstacle = first.with_extension("unfinished");
    fs::create_dir(&obstacle).unwrap();
    match Log::open(&small_segments(scratch.path())) {
        Err(LogError::Archive(_)) => {}
        other => panic!("{other:?}"),
    }
    let note = scratch.path().join(NOTE);
    assert_eq!(fs::read_to_string(&note).unwrap(), format!("{RECORDS}\n"));
    fs::remove_dir(&obstacle).unwrap();
    let log = reopen(scratch.path());
    assert!(!note.exists());
    assert_whole(scratch.path(), log, last_block);
    assert!(!note.exists(), "an append leaves none");
}

/// What a kill leaves in the middle of completing: the last block is in the store alone.
#[test]
fn the_last_block_is_not_given_up_while_the_archive_is_behind() {
    let (scratch, last_block) = closed_log();
    forget_the_stop(scratch.path());
    cut_archive(scratch.path(), 1);
    fs::write(scratch.path().join(NOTE), format!("{RECORDS}\n")).unwrap();
    let whole = copy_of(scratch.path());
    assert_whole(whole.path(), reopen(whole.path()), last_block);
    assert!(!whole.path().join(NOTE).exists());

    let options = small_segments(scratch.path());
    let damaged = copy_of(scratch.path());
    flip_in_store(damaged.path(), RECORDS - 3);
    assert_lost(&small_segments(damaged.path()), RECORDS - 3, "damaged");
    assert!(!damaged.path().join("sled.set-aside-1").exists(), "nothing is changed");

    fs::remove_dir_all(scratch.path().join("sled")).unwrap();
    assert_lost(&options, RECORDS - 3, "store lost");
    for path in segments(scratch.path()) {
        fs::remove_file(path).unwrap();
    }
    match Log::open(&options) {
        Err(LogError::BlocksGone { file, .. }) => assert_eq!(file, scratch.path().join(NOTE)),
        other => panic!("both lost: {other:?}"),
    }
}

#[test]
fn a_note_that_says_nothing_is_refused() {
    let (scratch, _) = closed_log();
    fs::write(scratch.path().join(NOTE), "soon").unwrap();
    match Log::open(&small_segments(scratch.path())) {
        Err(LogError::Io { path, .. }) => assert_eq!(path, scratch.path().join(NOTE)),
        other => panic!("{other:?}"),
    }
}

/// Without a note, as an older version leaves it: what is whole behind the damage tells.
#[test]
fn damage_where_the_archive_ends_is_no_end_while_the_store_goes_on() {
    let (scratch, _) = closed_log();
    cut_archive(scratch.path(), 2);
    flip_in_store(scratch.path(), RECORDS - 6);
    assert_lost(&small_segments(scratch.path()), RECORDS - 6, "the store goes on");
}

/// The store is synced before the archive, so it alone may hold the last that was acknowledged.
#[test]
fn with_a_delayed_sync_a_damaged_last_block_is_no_end() {
    let (scratch, _) = closed_log();
    cut_archive(scratch.path(), 1);
    flip_in_store(scratch.path(), RECORDS - 3);
    forget_the_stop(scratch.path());
    let mut options = small_segments(scratch.path());
    options.archive.as_mut().unwrap().sync_delay_ms_max = 5;
    assert_lost(&options, RECORDS - 3, "delayed");
    // In step, what the archive lacks was never acknowledged.
    let log = reopen(scratch.path());
    assert_eq!(log.report.next_position, RECORDS - 3);
}
