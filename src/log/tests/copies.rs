//! Two copies: whichever is lost, torn or damaged, what was acknowledged is there.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{all, copy_of, copy_tree, log_of, open, record, records, small_blocks};
use crate::archive::{self, Found};
use crate::block::{Block, BlockHash, Link};
use crate::log::entries::BlockKey;
use crate::log::{
    ArchiveOptions, Codec, Log, LogError, LogOptions, Mended, OPEN_VERIFY_BLOCKS_MAX, OpenedLog,
    Recovery,
};

/// Enough for several segments; blocks of three records of 130 bytes.
pub(super) const RECORDS: u64 = 120;
const BLOCK_BYTES: usize = 58 + 3 * 134;

/// Small segments too.
pub(super) fn small_segments(directory: &Path) -> LogOptions {
    let archive = ArchiveOptions {
        segment_bytes_max: 4096,
        ..ArchiveOptions::new(directory.join("archive"))
    };
    LogOptions { archive: Some(archive), ..small_blocks(directory) }
}

/// A closed log of many appends, with an index over it.
pub(super) fn closed_log() -> (TempDir, BlockHash) {
    let scratch = tempfile::tempdir().unwrap();
    let mut log = Log::open(&small_segments(scratch.path())).unwrap();
    for from in (0..RECORDS).step_by(6) {
        log.writer.append(&records(from..from + 6)).unwrap();
    }
    let derived = log.reader.derived("some", 1).unwrap();
    derived.apply(vec![(vec![1], vec![2])], RECORDS).unwrap();
    let last_block = log.reader.verify().unwrap().last_block;
    log.writer.close().unwrap();
    (scratch, last_block)
}

pub(super) fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory.join("archive"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
}

pub(super) fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Flips a bit of the block in the store that begins at a position.
pub(super) fn flip_in_store(directory: &Path, first_position: u64) {
    let options = LogOptions { archive: None, ..small_blocks(directory) };
    let log = Log::open(&options).unwrap();
    let tree = log.reader.store().blocks().tree();
    let key = BlockKey::first(first_position).encode();
    let mut bytes = tree.get(&key).unwrap().unwrap().to_vec();
    bytes[60] ^= 4;
    tree.insert(key, bytes).unwrap();
}

/// Flips a bit in the archive's block that begins at a position.
fn flip_in_archive(directory: &Path, first_position: u64) {
    for path in segments(directory) {
        let bytes = fs::read(&path).unwrap();
        let needle = [b"CLBK\x01\x00".as_slice(), &first_position.to_be_bytes()].concat();
        if let Some(at) = bytes.windows(needle.len()).position(|window| window == needle) {
            change(&path, |bytes| bytes[at + 70] ^= 8);
            return;
        }
    }
    panic!("no block begins at {first_position}");
}

/// Both copies hold everything, and the log goes on; and the next opening finds it clean.
pub(super) fn assert_whole(directory: &Path, mut log: OpenedLog, last_block: BlockHash) {
    let report = log.report;
    assert_eq!((report.next_position, report.last_block), (RECORDS, last_block));
    assert_eq!(all(&log.reader), records(0..RECORDS));
    log.writer.append(&[record(RECORDS)]).unwrap();
    let verified = log.reader.verify().unwrap();
    drop(log);
    let mut archived: Vec<Block> = Vec::new();
    let found =
        archive::verify(&directory.join("archive"), |block| archived.push(block.clone())).unwrap();
    let end = Link { next_position: RECORDS + 1, last_block: verified.last_block };
    match found {
        Found::Whole(inspected) => assert_eq!(inspected.end, end),
        other => panic!("{other:?}"),
    }
    let again = Log::recover(&small_segments(directory)).unwrap();
    assert!(again.report.recovery.is_clean(), "{:?}", again.report);
}

pub(super) fn reopen(directory: &Path) -> OpenedLog {
    Log::open(&small_segments(directory)).unwrap()
}

#[test]
fn a_log_that_was_closed_or_killed_is_found_clean() {
    let (scratch, last_block) = closed_log();
    let log = reopen(scratch.path());
    assert_eq!(log.report.recovery, Recovery::default());
    let killed = copy_of(scratch.path());
    drop(log);
    let log = reopen(killed.path());
    assert!(log.report.recovery.is_clean());
    assert_whole(killed.path(), log, last_block);
}

#[test]
fn a_lost_store_is_rebuilt_from_the_archive() {
    let (scratch, last_block) = closed_log();
    fs::remove_dir_all(scratch.path().join("sled")).unwrap();
    let log = reopen(scratch.path());
    let Recovery { store: Some(mended), archive: None } = log.report.recovery else {
        panic!("{:?}", log.report);
    };
    let bytes = u64::try_from(BLOCK_BYTES).unwrap() * RECORDS / 3;
    let all_of_it = Mended { from_position: 0, next_position: RECORDS, bytes, torn_bytes: 0 };
    assert_eq!(mended, all_of_it);
    // What is derived begins anew.
    assert_eq!(log.reader.derived("some", 1).unwrap().reached(), 0);
    assert_whole(scratch.path(), log, last_block);
}

#[test]
fn compressed_and_plain_blocks_follow_each_other_in_both_copies() {
    let scratch = tempfile::tempdir().unwrap();
    let mut stored = Vec::new();
    for (codec, positions) in [(Codec::Zstd, 0..60), (Codec::None, 60..80), (Codec::Zstd, 80..120)]
    {
        let mut log = Log::open(&LogOptions { codec, ..small_segments(scratch.path()) }).unwrap();
        let before = log.reader.verify().unwrap().encoded_bytes;
        log.writer.append(&records(positions)).unwrap();
        stored.push(log.reader.verify().unwrap().encoded_bytes - before);
        log.writer.close().unwrap();
    }
    // A record is 8 bytes over and over, so three in a block become far shorter.
    assert!(stored[0] * 2 < stored[1] * 3, "{stored:?}");
    let last_block = reopen(scratch.path()).report.last_block;
    fs::remove_dir_all(scratch.path().join("sled")).unwrap();
    let log = reopen(scratch.path());
    assert_whole(scratch.path(), log, last_block);
}

#[test]
fn a_lost_archive_is_written_anew_from_the_store() {
    let (scratch, last_block) = closed_log();
    fs::remove_dir_all(scratch.path().join("archive")).unwrap();
    let log = reopen(scratch.path());
    let Recovery { store: None, archive: Some(mended) } = log.report.recovery else {
        panic!("{:?}", log.report);
    };
    assert_eq!((mended.from_position, mended.next_position), (0, RECORDS));
    assert_eq!(log.reader.derived("some", 1).unwrap().reached(), RECORDS);
    assert_whole(scratch.path(), log, last_block);
}

#[test]
fn an_archive_that_was_off_for_a_while_is_completed() {
    let (scratch, mut log) = log_of(0);
    log.writer.append(&records(0..60)).unwrap();
    drop(log);
    let without = LogOptions { archive: None, ..small_blocks(scratch.path()) };
    let mut log = Log::open(&without).unwrap();
    log.writer.append(&records(60..RECORDS)).unwrap();
    let last_block = log.reader.verify().unwrap().last_block;
    drop(log);
    let log = reopen(scratch.path());
    let mended = log.report.recovery.archive.unwrap();
    assert_eq!((mended.from_position, mended.next_position), (60, RECORDS));
    assert_whole(scratch.path(), log, last_block);
}

#[test]
fn an_archive_cut_at_any_place_of_its_end_is_completed() {
    let (scratch, last_block) = closed_log();
    let last = segments(scratch.path()).pop().unwrap();
    let length = fs::metadata(&last).unwrap().len();
    for cut in [1, 50, 460, 461, 1000, length - 50, length - 49, length - 48, length] {
        let copy = copy_of(scratch.path());
        let last = segments(copy.path()).pop().unwrap();
        let left = usize::try_from(length - cut).unwrap();
        change(&last, |bytes| bytes.truncate(left));
        let log = reopen(copy.path());
        assert!(log.report.recovery.store.is_none(), "cut {cut}: {:?}", log.report);
        assert!(log.report.recovery.archive.is_some(), "cut {cut}");
        assert_whole(copy.path(), log, last_block);
    }
}

#[test]
fn damage_at_different_places_in_both_copies_is_mended() {
    let (scratch, last_block) = closed_log();
    for (in_store, in_archive) in [(117, 114), (114, 117), (108, 0)] {
        let copy = copy_of(scratch.path());
        flip_in_store(copy.path(), in_store);
        flip_in_archive(copy.path(), in_archive);
        // The first block lies before what an opening verifies.
        let log = Log::recover(&small_segments(copy.path())).unwrap();
        let Recovery { store: Some(store), archive: Some(_) } = log.report.recovery else {
            panic!("{in_store} {in_archive}: {:?}", log.report);
        };
        assert_eq!((store.from_position, store.next_position), (in_store, in_store + 3));
        assert!(copy.path().join("sled.set-aside-1").is_dir());
        assert_whole(copy.path(), log, last_block);
    }
}

/// The store is damaged before the blocks that an opening verifies, so only the archive's damage is
/// seen at first; it must not be mended from a store that has not got every block.
#[test]
fn an_archive_is_not_mended_from_a_store_that_is_damaged_deeper_than_was_looked() {
    let (scratch, _) = closed_log();
    let mut log = reopen(scratch.path());
    let records_more = RECORDS + 3 * (OPEN_VERIFY_BLOCKS_MAX + 10);
    log.writer.append(&records(RECORDS..records_more)).unwrap();
    drop(log);
    flip_in_store(scratch.path(), 9);
    flip_in_archive(scratch.path(), records_more - 6);
    let log = reopen(scratch.path());
    assert!(log.report.recovery.store.is_some(), "{:?}", log.report);
    assert_eq!(all(&log.reader), records(0..records_more));
    log.reader.verify().unwrap();
    drop(log);
    let again = Log::recover(&small_segments(scratch.path())).unwrap();
    assert!(again.report.recovery.is_clean(), "{:?}", again.report);
}

#[test]
fn damage_at_the_same_place_in_both_copies_is_refused_and_nothing_is_changed() {
    let (scratch, _) = closed_log();
    flip_in_store(scratch.path(), 108);
    flip_in_archive(scratch.path(), 108);
    for _ in 0..2 {
        match Log::recover(&small_segments(scratch.path())) {
            Err(LogError::LostInBothCopies { position }) => assert_eq!(position, 108),
            other => panic!("{other:?}"),
        }
        assert!(!scratch.path().join("sled.set-aside-1").exists());
    }
}

#[test]
fn a_store_that_has_lost_durable_blocks_is_rebuilt() {
    let (scratch, mut log) = log_of(60);
    let older = copy_of(scratch.path());
    log.writer.append(&records(60..RECORDS)).unwrap();
    let last_block = log.reader.verify().unwrap().last_block;
    drop(log);
    fs::remove_dir_all(scratch.path().join("sled")).unwrap();
    fs::create_dir(scratch.path().join("sled")).unwrap();
    copy_tree(&older.path().join("sled"), &scratch.path().join("sled"));
    let log = reopen(scratch.path());
    let mended = log.report.recovery.store.unwrap();
    assert_eq!((mended.from_position, mended.next_position), (60, RECORDS));
    assert!(scratch.path().join("sled.set-aside-1").is_dir());
    assert_whole(scratch.path(), log, last_block);
}

#[test]
fn copies_of_different_histories_are_refused_with_the_first_position_that_differs() {
    let (scratch, mut log) = log_of(60);
    let other = copy_of(scratch.path());
    log.writer.append(&records(60..90)).unwrap();
    drop(log);
    let archive = scratch.path().join("archive");
    for more in [5, 30, 60] {
        let other = copy_of(other.path());
        let mut log = open(other.path());
        log.writer.append(&records(61..61 + more)).unwrap();
        drop(log);
        fs::remove_dir_all(&archive).unwrap();
        fs::create_dir(&archive).unwrap();
        copy_tree(&other.path().join("archive"), &archive);
        match Log::open(&small_blocks(scratch.path())) {
            Err(LogError::CopiesDiffer { position }) => assert_eq!(position, 60),
            other => panic!("{more}: {other:?}"),
        }
    }
}

#[test]
fn a_store_cut_at_any_place_is_rebuilt() {
    let (scratch, last_block) = closed_log();
    let length = fs::metadata(scratch.path().join("sled/db")).unwrap().len();
    for part in 0..8 {
        let copy = copy_of(scratch.path());
        let left = usize::try_from(length * part / 8).unwrap();
        change(&copy.path().join("sled/db"), |bytes| bytes.truncate(left));
        let log = reopen(copy.path());
        assert_whole(copy.path(), log, last_block);
    }
}

/// Wherever a byte of the store's files changes, nothing altered is served and nothing is lost.
#[test]
fn bytes_changed_anywhere_in_the_store_lose_nothing() {
    let seed = u64::from(std::process::id());
    let (scratch, last_block) = closed_log();
    let db = fs::read(scratch.path().join("sled/db")).unwrap();
    let used: Vec<usize> = (0..db.len()).filter(|at| db[*at] != 0).collect();
    let mut state = seed | 1;
    for round in 0..12 {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = used[usize::try_from(state >> 33).unwrap() % used.len()];
        let copy = copy_of(scratch.path());
        change(&copy.path().join("sled/db"), |bytes| bytes[at] ^= 0x40);
        let log = Log::recover(&small_segments(copy.path()));
        let log =
            log.unwrap_or_else(|error| panic!("seed {seed} round {round} at {at}: {error:?}"));
        assert_whole(copy.path(), log, last_block);
    }
}

#[test]
fn a_damaged_store_without_an_archive_is_refused_and_stays() {
    let (scratch, _) = closed_log();
    flip_in_store(scratch.path(), 117);
    fs::remove_dir_all(scratch.path().join("archive")).unwrap();
    for _ in 0..2 {
        match Log::open(&small_segments(scratch.path())) {
            Err(LogError::Corrupt { position, .. }) => assert_eq!(position, 117),
            other => panic!("{other:?}"),
        }
    }
    assert!(segments(scratch.path()).is_empty());
}

#[test]
fn an_archive_elsewhere_is_written_there() {
    let (scratch, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let archive = Some(ArchiveOptions::new(elsewhere.path().join("made/here")));
    let options = LogOptions { archive, ..small_blocks(scratch.path()) };
    let mut log = Log::open(&options).unwrap();
    log.writer.append(&records(0..6)).unwrap();
    drop(log);
    assert!(!scratch.path().join("archive").exists());
    fs::remove_dir_all(scratch.path()).unwrap();
    assert_eq!(all(&Log::open(&options).unwrap().reader), records(0..6));
}

/// The only snapshot of a closed store.
fn snapshot(directory: &Path) -> PathBuf {
    let entries = fs::read_dir(directory.join("sled")).unwrap().map(|entry| entry.unwrap().path());
    let mut snapshots =
        entries.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("snap."));
    let one = snapshots.next().unwrap();
    assert_eq!(snapshots.next(), None);
    one
}

#[test]
fn a_snapshot_that_a_crash_left_half_written_does_not_cost_the_only_copy() {
    let (scratch, _) = closed_log();
    // sled writes its snapshot as it opens.
    drop(Log::open(&small_segments(scratch.path())).unwrap());
    let whole = fs::read(snapshot(scratch.path())).unwrap();
    for cut in [0, 1, 11, 12, whole.len() - 12, whole.len() - 4, whole.len() - 1] {
        let copy = copy_of(scratch.path());
        fs::remove_dir_all(copy.path().join("archive")).unwrap();
        let half = copy.path().join("sled/snap.00000000FFFFFFFF.generating");
        fs::write(&half, &whole[..cut]).unwrap();
        let log = Log::open(&small_segments(copy.path())).unwrap();
        assert_eq!(all(&log.reader), records(0..RECORDS), "cut at {cut}");
        assert!(!half.exists(), "cut at {cut}");
    }
}

#[test]
fn a_snapshot_that_only_lacks_its_name_is_left_as_it_may_be_the_only_one() {
    let (scratch, _) = closed_log();
    drop(Log::open(&small_segments(scratch.path())).unwrap());
    let named = snapshot(scratch.path());
    let before = fs::read(&named).unwrap();
    let unnamed = named.with_file_name("snap.00000000FFFFFFFF.generating");
    fs::rename(&named, &unnamed).unwrap();
    crate::log::snapshots::remove_half_written(&scratch.path().join("sled")).unwrap();
    assert_eq!(fs::read(&unnamed).unwrap(), before);
    let log = Log::open(&small_segments(scratch.path())).unwrap();
    assert_eq!(all(&log.reader), records(0..RECORDS));
}
