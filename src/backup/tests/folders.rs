//! A backup folder: continued, cut, refused, and never bricked.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::archive::{ArchiveOptions, Found, verify};
use crate::backup::{BackupError, BackupFolder, Depth};
use crate::block::{self, Block, Codec, Link};

pub(super) fn chain(count: u64, byte: u8) -> Vec<Block> {
    let mut end = Link::START;
    (0..count)
        .map(|_| {
            let record = Bytes::from(vec![byte; 200]);
            let records = [record.clone(), record];
            let encoded =
                block::encode(end.next_position, end.last_block, &records, Codec::None).unwrap();
            let block = block::decode(encoded).unwrap();
            end = Link::after(&block);
            block
        })
        .collect()
}

fn open(directory: &Path) -> Result<BackupFolder, BackupError> {
    let options = ArchiveOptions { segment_bytes_max: 4096, ..ArchiveOptions::new(directory) };
    BackupFolder::open_with(&options, Depth::Whole)
}

fn add(directory: &Path, blocks: &[Block]) -> Result<(), BackupError> {
    let mut folder = open(directory)?;
    let from = folder.end().next_position;
    for block in blocks.iter().filter(|block| block.first_position() >= from) {
        folder.take_in(block.encoded().clone())?;
        // What is written at once stays in one segment.
        folder.write()?;
    }
    folder.finish(Link::after(blocks.last().unwrap()))
}

fn held(directory: &Path) -> Vec<Block> {
    let mut blocks = Vec::new();
    let found = verify(directory, |block| blocks.push(block.clone())).unwrap();
    assert!(matches!(found, Found::Whole(inspected) if inspected.torn.is_none()));
    blocks
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "clar")).collect();
    paths.sort();
    paths
}

#[test]
fn later_runs_go_on_where_the_folder_ends() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("new/backup");
    let blocks = chain(40, b'a');
    for count in [1, 2, 2, 25, 40] {
        add(&directory, &blocks[..count]).unwrap();
        assert_eq!(held(&directory), blocks[..count]);
    }
    assert!(segments(&directory).len() > 3);
    let folder = BackupFolder::open(&directory, Depth::End).unwrap();
    assert_eq!(folder.end(), Link::after(&blocks[39]));
}

#[test]
fn whatever_is_left_of_an_interrupted_write_is_continued() {
    let blocks = chain(9, b'a');
    let scratch = tempfile::tempdir().unwrap();
    add(scratch.path(), &blocks[..4]).unwrap();
    let path = segments(scratch.path()).pop().unwrap();
    let whole = fs::read(&path).unwrap();
    for cut in 49..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(segments(scratch.path()), std::slice::from_ref(&path));
        let mut folder = open(scratch.path()).unwrap();
        let reached = usize::try_from(folder.end().next_position).unwrap() / 2;
        let block_bytes = blocks[0].encoded().len();
        assert_eq!(reached, (cut - 49) / block_bytes);
        assert_eq!(folder.torn_bytes(), (cut - 49) % block_bytes);
        for block in &blocks[reached..5] {
            folder.take_in(block.encoded().clone()).unwrap();
        }
        folder.finish(Link::after(&blocks[4])).unwrap();
        assert_eq!(held(scratch.path()), blocks[..5], "cut at {cut}");
        fs::remove_dir_all(scratch.path().join("set-aside-1")).unwrap_or_default();
    }
}

#[test]
fn damaged_or_strange_block_is_refused_with_its_position_and_not_written() {
    let blocks = chain(4, b'a');
    let scratch = tempfile::tempdir().unwrap();
    let mut folder = open(scratch.path()).unwrap();
    folder.take_in(blocks[0].encoded().clone()).unwrap();
    let mut damaged = blocks[1].encoded().to_vec();
    damaged[99] ^= 4;
    let refused = folder.take_in(damaged.into()).unwrap_err();
    assert!(matches!(refused, BackupError::BlockDamaged { position: 2, .. }), "{refused:?}");
    let other = chain(2, b'b').swap_remove(1);
    for wrong in [&blocks[2], &blocks[0], &other] {
        let refused = folder.take_in(wrong.encoded().clone()).unwrap_err();
        assert!(matches!(refused, BackupError::BlockMisplaced { position: 2, .. }), "{refused:?}");
    }
    folder.write().unwrap();
    let refused = folder.finish(Link::after(&blocks[1])).unwrap_err();
    assert!(matches!(refused, BackupError::Incomplete { reached: 2, expected: 4 }), "{refused:?}");
    add(scratch.path(), &blocks).unwrap();
    assert_eq!(held(scratch.path()), blocks);
}

#[test]
fn another_folder_is_refused_and_left_as_it_is() {
    let scratch = tempfile::tempdir().unwrap();
    let other = scratch.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("segment-00000000000000000000.clar"), "somebody's").unwrap();
    assert!(matches!(open(&other).unwrap_err(), BackupError::NotABackup { .. }));
    assert_eq!(fs::read_dir(&other).unwrap().count(), 1);
    fs::write(other.join("BACKUP"), "contract-ledger backup format 9\n").unwrap();
    assert!(matches!(open(&other).unwrap_err(), BackupError::FormatUnknown { .. }));

    let taken = scratch.path().join("taken");
    let folder = open(&taken).unwrap();
    assert!(matches!(open(&taken).unwrap_err(), BackupError::InUse { .. }));
    drop(folder);
    open(&taken).unwrap();
}

#[test]
fn damage_in_what_an_earlier_run_wrote_is_named() {
    let blocks = chain(40, b'a');
    let scratch = tempfile::tempdir().unwrap();
    add(scratch.path(), &blocks).unwrap();
    let first = segments(scratch.path()).swap_remove(0);
    let mut bytes = fs::read(&first).unwrap();
    bytes[200] ^= 1;
    fs::write(&first, bytes).unwrap();
    let refused = add(scratch.path(), &blocks).unwrap_err();
    assert!(matches!(refused, BackupError::Damaged { .. }) && refused.is_finding(), "{refused:?}");
    // Behind its header, so the quick look does not see it, as the help says.
    BackupFolder::open(scratch.path(), Depth::End).unwrap();
}

/// `/dev/full` in the place of the file fails like a full disk.
#[test]
fn full_disk_is_named_and_a_later_run_goes_on() {
    let blocks = chain(3, b'a');
    let scratch = tempfile::tempdir().unwrap();
    let mark = scratch.path().join("BACKUP.unfinished");
    symlink("/dev/full", &mark).unwrap();
    let full = |error: BackupError| {
        let text = causes(&error);
        assert!(text.contains("No space left on device"), "{text}");
    };
    full(add(scratch.path(), &blocks).unwrap_err());
    fs::remove_file(&mark).unwrap();
    let segment = scratch.path().join("segment-00000000000000000000.unfinished");
    drop(open(scratch.path()).unwrap());
    symlink("/dev/full", &segment).unwrap();
    full(add(scratch.path(), &blocks).unwrap_err());
    fs::remove_file(&segment).unwrap();
    add(scratch.path(), &blocks).unwrap();
    assert_eq!(held(scratch.path()), blocks);
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
