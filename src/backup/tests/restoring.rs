//! New folders of a backup: whole, up to any position or time, and only what the backup holds.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tempfile::TempDir;

use crate::backup::{BackupError, BackupFolder, Depth, Expected, RestorePoint, Restored, restore};
use crate::block::{BlockHash, Link};
use crate::domain::date::RecordedTime;
use crate::log::{Log, LogOptions, OpenedLog};
use crate::wire::{record, v1};

/// Records of each request; two requests share an append, so that most cuts lie within a block.
const REQUESTS: &[u64] = &[1, 3, 2, 1, 4, 1];

pub(super) fn stored(position: u64, request: usize) -> Bytes {
    let seconds = i64::try_from(request).unwrap() * 10;
    let recorded = RecordedTime::from_microseconds(seconds * 1_000_000).unwrap();
    record::encode(&v1::Record {
        position,
        request_id: format!("request-{request}"),
        agreement_id: "a".to_owned(),
        recorded_time: Some(record::timestamp(recorded)),
        entry: Some(v1::record::Entry::Refusal(v1::RefusedRequest::default())),
        ..Default::default()
    })
}

/// The log that is backed up, its backup, and a place for what is made of it.
struct Backed {
    scratch: TempDir,
    log: OpenedLog,
}

impl Backed {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut log = Log::open(&LogOptions::new(scratch.path().join("data"))).unwrap();
        let mut position = 0;
        for (number, counts) in REQUESTS.chunks(2).enumerate() {
            let mut records = Vec::new();
            for (index, count) in counts.iter().enumerate() {
                for _ in 0..*count {
                    records.push(stored(position, number * 2 + index));
                    position += 1;
                }
            }
            log.writer.append(&records).unwrap();
        }
        let backed = Self { scratch, log };
        let mut folder = BackupFolder::open(&backed.backup(), Depth::Whole).unwrap();
        for block in backed.log.reader.chain_after(Link::START, u64::MAX) {
            folder.take_in(block.unwrap().encoded().clone()).unwrap();
        }
        folder.finish(backed.log.reader.end_at(12).unwrap()).unwrap();
        backed
    }

    fn backup(&self) -> PathBuf {
        self.scratch.path().join("backup")
    }

    fn made(&self) -> PathBuf {
        self.scratch.path().join("new")
    }

    fn restore(&self, point: RestorePoint) -> Result<Restored, BackupError> {
        restore(&self.backup(), &self.made(), point, None, &mut |_, _, _| {})
    }

    fn expecting(&self, expected: Expected) -> Result<Restored, BackupError> {
        restore(&self.backup(), &self.made(), RestorePoint::End, Some(expected), &mut |_, _, _| {})
    }
}

fn records_in(directory: &Path) -> (Vec<Bytes>, Link) {
    let log = Log::open(&LogOptions::new(directory)).unwrap();
    assert!(log.report.recovery.is_clean());
    let verified = log.reader.verify().unwrap();
    let end = Link { next_position: verified.next_position, last_block: verified.last_block };
    let records = log.reader.forward(0, u64::MAX).map(|read| read.unwrap().1).collect();
    log.writer.close().unwrap();
    (records, end)
}

#[test]
fn whole_backup_is_restored_block_by_block() {
    let backed = Backed::new();
    let restored = backed.restore(RestorePoint::End).unwrap();
    let end = backed.log.reader.end_at(12).unwrap();
    assert_eq!((restored.end, restored.common, restored.backup_end), (end, end, end));
    assert!(restored.cut_records.is_empty());
    let (records, found) = records_in(&backed.made());
    assert_eq!((records.len(), found), (12, end));
}

#[test]
fn every_position_gives_the_longest_prefix_of_whole_requests() {
    let backed = Backed::new();
    let all: Vec<Bytes> =
        backed.log.reader.forward(0, u64::MAX).map(|read| read.unwrap().1).collect();
    let ends = [1, 1, 1, 4, 4, 6, 7, 7, 7, 7, 11, 12];
    for (position, end) in (0..).zip(ends) {
        let restored = backed.restore(RestorePoint::Position(position)).unwrap();
        let (records, found) = records_in(&backed.made());
        assert_eq!(records, all[..end], "to position {position}");
        assert_eq!(restored.end, found);
        assert!(backed.log.reader.passes_through(restored.common).unwrap());
        let common = usize::try_from(restored.common.next_position).unwrap();
        assert_eq!(restored.cut_records, all[common..end], "to position {position}");
        // A block that was cut is another block.
        let passes = backed.log.reader.passes_through(restored.end).unwrap();
        assert_eq!(passes, restored.cut_records.is_empty(), "to position {position}");
        fs::remove_dir_all(backed.made()).unwrap();
    }
    let beyond = backed.restore(RestorePoint::Position(12)).unwrap_err();
    assert!(matches!(beyond, BackupError::PositionBeyondBackup { record_count: 12, .. }));
    assert!(!backed.made().exists());
}

#[test]
fn time_is_a_point_too_and_before_the_first_request_there_is_nothing() {
    let backed = Backed::new();
    let at = |seconds: i64| {
        RestorePoint::Time(RecordedTime::from_microseconds(seconds * 1_000_000).unwrap())
    };
    for (seconds, end) in [(0, 1), (9, 1), (10, 4), (49, 11), (50, 12), (500, 12)] {
        let restored = backed.restore(at(seconds)).unwrap();
        assert_eq!(restored.end.next_position, end, "at {seconds} s");
        fs::remove_dir_all(backed.made()).unwrap();
    }
    let nothing = backed.restore(at(-1)).unwrap_err();
    assert!(matches!(nothing, BackupError::NothingToRestore), "{nothing:?}");
    assert!(!backed.made().exists());
}

#[test]
fn noted_hash_is_looked_for_in_the_chain() {
    let backed = Backed::new();
    let hash = backed.log.reader.end_at(7).unwrap().last_block;
    let other = Expected { last_position: 6, hash: BlockHash::of(b"other") };
    let refused = backed.expecting(other).unwrap_err();
    assert!(matches!(refused, BackupError::ExpectedOtherHash { position: 6, .. }), "{refused:?}");
    for last_position in [5, 12, u64::MAX] {
        let refused = backed.expecting(Expected { last_position, hash }).unwrap_err();
        assert!(matches!(refused, BackupError::ExpectedNoBlock { .. }), "{refused:?}");
    }
    assert!(!backed.made().exists());
    backed.expecting(Expected { last_position: 6, hash }).unwrap();
}

#[test]
fn folder_with_anything_in_it_is_refused_but_for_what_a_restore_left() {
    let backed = Backed::new();
    fs::create_dir_all(backed.made().join("archive.restoring/old")).unwrap();
    backed.restore(RestorePoint::End).unwrap();
    let refused = backed.restore(RestorePoint::End).unwrap_err();
    assert!(matches!(refused, BackupError::FolderNotEmpty { .. }), "{refused:?}");
    assert_eq!(records_in(&backed.made()).0.len(), 12);
}

#[test]
fn damaged_backup_makes_no_folder_and_a_torn_end_is_left_out() {
    let backed = Backed::new();
    let segment = backed.backup().join("segment-00000000000000000000.clar");
    let whole = fs::read(&segment).unwrap();
    let mut bytes = whole.clone();
    bytes[150] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let refused = backed.restore(RestorePoint::End).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged { .. }), "{refused:?}");
    assert!(!backed.made().exists());
    fs::write(&segment, &whole[..whole.len() - 9]).unwrap();
    let restored = backed.restore(RestorePoint::End).unwrap();
    assert_eq!((restored.end.next_position, restored.torn_bytes > 0), (7, true));
    let empty = restore(
        &backed.scratch.path().join("none"),
        &backed.scratch.path().join("other"),
        RestorePoint::End,
        None,
        &mut |_, _, _| {},
    );
    assert!(matches!(empty.unwrap_err(), BackupError::Empty { .. }));
}
