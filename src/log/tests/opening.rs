//! Opening: who may, what is found, and what is refused.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{all, blobs, empty_log, log_of, open, records, small_blocks};
use crate::block::BlockHash;
use crate::log::{
    Log, LogError, LogOptions, OPEN_VERIFY_BLOCKS_MAX, OpenReport, OpenedLog, Recovery,
};

#[test]
fn a_new_log_is_created_and_an_old_one_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("made/here");
    let log = open(&directory);
    let created = OpenReport {
        next_position: 0,
        last_block: BlockHash::ZERO,
        blocks_verified: 0,
        created: true,
        recovery: Recovery::default(),
    };
    assert_eq!(log.report, created);
    drop(log);
    assert_eq!(open(&directory).report, OpenReport { created: false, ..created });
}

#[test]
fn the_last_blocks_are_verified_and_counted() {
    for (records_before, blocks) in [(1, 1), (3, 1), (4, 2), (9, 3), (600, OPEN_VERIFY_BLOCKS_MAX)]
    {
        let (scratch, log) = log_of(records_before);
        let verified = log.reader.verify().unwrap();
        drop(log);
        let report = open(scratch.path()).report;
        assert_eq!(report.blocks_verified, blocks);
        assert_eq!(report.next_position, records_before);
        assert_eq!(report.last_block, verified.last_block);
    }
}

#[test]
fn a_second_open_is_refused_until_the_last_handle_is_gone() {
    let (scratch, log) = log_of(4);
    let assert_in_use = || match Log::open(&small_blocks(scratch.path())) {
        Err(LogError::DirectoryInUse { directory, holder_pid }) => {
            assert_eq!(directory, scratch.path());
            assert_eq!(holder_pid, Some(std::process::id()));
        }
        other => panic!("{other:?}"),
    };
    assert_in_use();
    let derived = log.reader.derived("some", 1).unwrap();
    log.writer.close().unwrap();
    assert_in_use();
    drop(log.reader);
    assert_in_use();
    drop(derived);
    assert_eq!(open(scratch.path()).report.next_position, 4);
}

#[test]
fn readers_go_on_when_the_writer_is_gone() {
    let (_scratch, log) = log_of(4);
    log.writer.close().unwrap();
    assert_eq!(all(&log.reader), records(0..4));
}

#[test]
fn another_format_is_refused_and_nothing_is_touched() {
    let (scratch, log) = log_of(4);
    drop(log);
    let format = scratch.path().join("FORMAT");
    let ours = fs::read(&format).unwrap();
    fs::write(&format, "contract-ledger log format 9\n").unwrap();
    let refused = Log::open(&small_blocks(scratch.path()));
    assert!(matches!(refused, Err(LogError::FormatUnknown { .. })), "{refused:?}");
    fs::remove_file(&format).unwrap();
    let refused = Log::open(&small_blocks(scratch.path()));
    assert!(matches!(refused, Err(LogError::FormatMissing { .. })), "{refused:?}");
    fs::write(&format, ours).unwrap();
    assert_eq!(open(scratch.path()).report.next_position, 4);
}

#[test]
fn options_are_validated_before_anything_is_made() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("never");
    let refused = Log::open(&LogOptions { cache_bytes: 0, ..LogOptions::new(&directory) });
    assert!(matches!(refused, Err(LogError::OptionOutOfRange { .. })), "{refused:?}");
    assert!(!directory.exists());
}

#[test]
fn options_may_change_between_openings() {
    let (scratch, mut log) = log_of(10);
    let other = LogOptions { cache_bytes: 1024 * 1024, ..LogOptions::new(scratch.path()) };
    drop(log);
    log = Log::open(&other).unwrap();
    log.writer.append(&records(10..60)).unwrap();
    drop(log);
    log = open(scratch.path());
    assert_eq!(all(&log.reader), records(0..60));
    assert_eq!(blobs(scratch.path()), 0);
}

#[test]
fn debug_output_stays_short() {
    let (_scratch, log) = log_of(600);
    let _derived = log.reader.derived("some", 1).unwrap();
    assert!(format!("{log:?}").len() < 2000, "{log:?}");
    let (_scratch, log) = empty_log();
    assert!(!format!("{log:?}").is_empty());
}

/// A process that is being started has a copy of every descriptor until it runs its own program.
#[test]
fn a_log_that_was_closed_is_free_at_once_while_processes_are_started() {
    let scratch = tempfile::tempdir().unwrap();
    let options = LogOptions::new(scratch.path());
    let (until, open) = (AtomicBool::new(false), || Log::open(&options));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !until.load(Ordering::Relaxed) {
                    Command::new("true").status().unwrap();
                }
            });
        }
        let opened = (0..50).map(|_| {
            let OpenedLog { writer, reader, .. } = open()?;
            drop(reader);
            writer.close()
        });
        let closed: Result<Vec<()>, LogError> = opened.collect();
        until.store(true, Ordering::Relaxed);
        closed.unwrap();
    });
}
