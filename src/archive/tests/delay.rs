//! An archive that may be synced a little later: synced within the delay, and at once before a new
//! segment and at the end. `/dev/null` refuses `fdatasync`, so only a sync that is made fails.

use std::fs::{File, OpenOptions};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use tempfile::TempDir;

use super::{chain, encoded};
use crate::archive::delay::DelayedSync;
use crate::archive::{ArchiveError, ArchiveOptions, ArchiveWriter, Found, verify};
use crate::block::{Block, Link};

const COUNTS: &[u64] = &[3; 60];
/// Far longer than a machine under load needs.
const HANGS_AFTER: Duration = Duration::from_mins(1);
/// No test waits for it.
const LONG: Duration = Duration::from_hours(1);

fn delayed(delay: Duration) -> (TempDir, ArchiveWriter, Receiver<ArchiveError>) {
    let scratch = tempfile::tempdir().unwrap();
    let options = ArchiveOptions { segment_bytes_max: 1024, ..ArchiveOptions::new(scratch.path()) };
    let mut writer = ArchiveWriter::go_on(&options, None).unwrap();
    let (failure, failed) = channel();
    writer.delay_syncs(delay, move |error| drop(failure.send(error))).unwrap();
    (scratch, writer, failed)
}

fn append(writer: &mut ArchiveWriter, block: &Block) -> Result<(), ArchiveError> {
    writer.append(&encoded(std::slice::from_ref(block)), Link::after(block))
}

fn dev_null() -> File {
    OpenOptions::new().write(true).open("/dev/null").unwrap()
}

fn assert_sync_failed(error: &ArchiveError) {
    assert!(matches!(error, ArchiveError::Io { doing: "sync", .. }), "{error:?}");
}

#[test]
fn a_sync_comes_within_the_delay_and_its_failure_is_told_and_ends_the_writing() {
    let blocks = chain(COUNTS);
    let (_scratch, mut writer, failed) = delayed(Duration::from_millis(1));
    append(&mut writer, &blocks[0]).unwrap();
    // Else the file that is noted may still be the one before.
    writer.settle().unwrap();
    writer.replace_file(dev_null());
    append(&mut writer, &blocks[1]).unwrap();
    assert_sync_failed(&failed.recv_timeout(HANGS_AFTER).unwrap());
    let refused = append(&mut writer, &blocks[2]);
    assert!(matches!(refused, Err(ArchiveError::SyncFailedBefore { .. })), "{refused:?}");
    let settled = writer.settle();
    assert!(matches!(settled, Err(ArchiveError::SyncFailedBefore { .. })), "{settled:?}");
}

#[test]
fn an_append_returns_before_the_sync_and_settling_syncs_at_once() {
    let blocks = chain(COUNTS);
    let (_scratch, mut writer, failed) = delayed(LONG);
    append(&mut writer, &blocks[0]).unwrap();
    writer.settle().unwrap();
    writer.replace_file(dev_null());
    append(&mut writer, &blocks[1]).unwrap();
    assert_eq!(failed.try_recv().unwrap_err(), TryRecvError::Empty);
    assert_sync_failed(&writer.settle().unwrap_err());
}

#[test]
fn a_finished_segment_is_synced_before_the_next_one_is_begun() {
    let blocks = chain(COUNTS);
    let (scratch, mut writer, _failed) = delayed(LONG);
    append(&mut writer, &blocks[0]).unwrap();
    writer.replace_file(dev_null());
    let end = blocks[1..].iter().find_map(|block| append(&mut writer, block).err());
    assert_sync_failed(&end.unwrap());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1, "no second segment");
}

#[test]
fn what_waits_is_synced_when_the_writer_goes_away() {
    let blocks = chain(COUNTS);
    let (_scratch, mut writer, failed) = delayed(LONG);
    append(&mut writer, &blocks[0]).unwrap();
    writer.settle().unwrap();
    writer.replace_file(dev_null());
    append(&mut writer, &blocks[1]).unwrap();
    drop(writer);
    assert_sync_failed(&failed.try_recv().unwrap());
}

#[test]
fn what_is_written_with_a_delay_is_the_same_archive() {
    let blocks = chain(COUNTS);
    let (scratch, mut writer, failed) = delayed(Duration::from_millis(1));
    for block in &blocks {
        append(&mut writer, block).unwrap();
    }
    writer.settle().unwrap();
    drop(writer);
    assert!(failed.recv().is_err(), "no sync failed");
    let mut found = Vec::new();
    let whole = verify(scratch.path(), |block| found.push(block.clone())).unwrap();
    assert!(matches!(whole, Found::Whole(_)), "{whole:?}");
    assert_eq!(found, blocks);
}

/// A sync that is under way is told to one who waits for it: a failed one would be told only once, and
/// the next sync of the same file would succeed without what it has lost.
#[test]
fn who_takes_over_waits_for_a_sync_that_is_under_way_and_hears_its_failure() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("segment");
    let file = File::create(&path).unwrap();
    let (entered, has_entered) = channel();
    let (release, released) = channel::<()>();
    let sync = move |_: &File| {
        entered.send(()).unwrap();
        released.recv().unwrap();
        Err(std::io::Error::other("lost"))
    };
    let (failure, failed) = channel();
    let delayed =
        DelayedSync::start_with(Duration::ZERO, sync, move |error| failure.send(error).unwrap());
    let delayed = Arc::new(delayed.unwrap());
    // Gone before the thread is waited for, also when this test fails.
    let release = release;
    delayed.note(&file, &path).unwrap();
    has_entered.recv().unwrap();
    let (ended, has_ended) = channel();
    let taking_over = std::thread::spawn({
        let (delayed, path) = (Arc::clone(&delayed), path.clone());
        move || ended.send(delayed.take_over(&path)).unwrap()
    });
    // However long the sync takes.
    let early = has_ended.recv_timeout(Duration::from_millis(50));
    assert!(early.is_err(), "taken over in the middle of a sync: {early:?}");
    release.send(()).unwrap();
    let taken_over = has_ended.recv().unwrap();
    assert!(matches!(taken_over, Err(ArchiveError::SyncFailedBefore { .. })), "{taken_over:?}");
    assert!(matches!(failed.recv().unwrap(), ArchiveError::Io { doing: "sync", .. }));
    taking_over.join().unwrap();
}
