//! A backup in a single file: whole or not there, and nothing in it is believed that was altered.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use super::folders::chain;
use super::restoring::stored;
use crate::backup::{BackupError, BackupFile, FileDamage, RestorePoint, Restored, restore};
use crate::block::{self, Block, BlockHash, Codec, Link};
use crate::log::{Log, LogOptions};

/// Blocks of one record each, a request each.
fn blocks_of_records(count: u64) -> Vec<Block> {
    let mut end = Link::START;
    (0..count)
        .map(|position| {
            let records = [stored(position, usize::try_from(position).unwrap())];
            let encoded =
                block::encode(position, end.last_block, &records, Codec::default()).unwrap();
            let block = block::decode(encoded).unwrap();
            end = Link::after(&block);
            block
        })
        .collect()
}

fn write(path: &Path, blocks: &[Block]) -> Result<(), BackupError> {
    let mut file = BackupFile::begin(path)?;
    for block in blocks {
        file.take_in(block.encoded().clone())?;
    }
    file.finish(blocks.last().map_or(Link::START, Link::after), &mut |_| {})
}

fn restored(path: &Path, into: &Path) -> Result<Restored, BackupError> {
    restore(path, into, RestorePoint::End, None, &mut |_, _, _| {})
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A place with a backup file of eight blocks.
fn backed_up() -> (tempfile::TempDir, PathBuf, Vec<Block>) {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("backup.tar");
    let blocks = blocks_of_records(8);
    write(&path, &blocks).unwrap();
    (scratch, path, blocks)
}

#[test]
fn a_file_restores_to_the_blocks_that_were_taken_in() {
    let (scratch, path, blocks) = backed_up();
    assert_eq!(names(scratch.path()), ["backup.tar"]);
    let into = scratch.path().join("new");
    let end = Link::after(blocks.last().unwrap());
    assert_eq!(restored(&path, &into).unwrap().end, end);
    let log = Log::open(&LogOptions::new(&into)).unwrap();
    assert_eq!(log.reader.verify().unwrap().last_block, end.last_block);
    let part = scratch.path().join("part");
    let cut = restore(&path, &part, RestorePoint::Position(4), None, &mut |_, _, _| {}).unwrap();
    assert_eq!((cut.end, cut.backup_end), (Link::after(&blocks[4]), end));
}

#[test]
fn it_unpacks_to_a_backup_folder_of_several_segments() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("backup.tar");
    let mut end = Link::START;
    let mut blocks = Vec::new();
    for number in 0..6_u8 {
        let record = vec![number; 1_500_000].into();
        let encoded =
            block::encode(end.next_position, end.last_block, &[record], Codec::None).unwrap();
        blocks.push(block::decode(encoded).unwrap());
        end = Link::after(blocks.last().unwrap());
    }
    write(&path, &blocks).unwrap();
    let folder = scratch.path().join("unpacked");
    tar::Archive::new(fs::File::open(&path).unwrap()).unpack(&folder).unwrap();
    let mut held = Vec::new();
    crate::archive::verify(&folder, |block| held.push(block.clone())).unwrap();
    assert_eq!(held, blocks);
    let mut found = names(&folder);
    found.sort();
    let segments = ["segment-00000000000000000000.clar", "segment-00000000000000000003.clar"];
    assert_eq!(found, ["BACKUP", "MANIFEST", segments[0], segments[1]]);
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let (scratch, path, _) = backed_up();
    let whole = fs::read(&path).unwrap();
    // What is behind the manifest are zeros, which say nothing.
    let said = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let cut = scratch.path().join("cut.tar");
    let into = scratch.path().join("new");
    for length in (0..said).step_by(97).chain([512, 1024, 1536, said - 1]) {
        fs::write(&cut, &whole[..length]).unwrap();
        match restored(&cut, &into) {
            Err(BackupError::FileDamaged { .. }) => {}
            other => panic!("cut at {length}: {other:?}"),
        }
        assert!(!into.exists(), "cut at {length}");
    }
}

/// Wherever a byte is another, the file is refused, or restores what it held: between the entries
/// there are bytes that mean nothing.
#[test]
fn a_flipped_byte_is_refused_or_means_nothing() {
    let (scratch, path, blocks) = backed_up();
    let whole = fs::read(&path).unwrap();
    let flipped = scratch.path().join("flipped.tar");
    let (mut refused, mut without_effect) = (0, 0);
    for at in (0..whole.len()).step_by(13) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        fs::write(&flipped, &bytes).unwrap();
        let mut held = Vec::new();
        let read = super::super::source::read_file(&flipped, &mut |block| {
            held.push(block.clone());
            Ok(())
        });
        match read {
            Err(BackupError::FileDamaged { .. } | BackupError::NotABackupFile { .. }) => {
                refused += 1;
                assert_eq!(held, blocks[..held.len()], "at {at}");
            }
            Ok(_) => {
                without_effect += 1;
                assert_eq!(held, blocks, "at {at}");
                assert_eq!(whole[at], 0, "at {at}: only what is between the entries");
            }
            Err(error) => panic!("at {at}: {error:?}"),
        }
    }
    assert!(refused > without_effect / 4 && without_effect > 0, "{refused} {without_effect}");
}

#[test]
fn what_fails_or_is_given_up_leaves_no_file() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("backup.tar");
    let blocks = blocks_of_records(3);
    // A full disk, in the middle.
    let mut file = BackupFile::begin(&path).unwrap();
    assert_eq!(names(scratch.path()), ["backup.tar.unfinished"]);
    file.take_in(blocks[0].encoded().clone()).unwrap();
    file.write_to(OpenOptions::new().write(true).open("/dev/full").unwrap());
    file.take_in(blocks[1].encoded().clone()).unwrap();
    match file.finish(Link::after(&blocks[1]), &mut |_| {}) {
        Err(BackupError::Io { source, .. }) => {
            assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        }
        other => panic!("{other:?}"),
    }
    assert!(names(scratch.path()).is_empty());
    // What is written is not what is read back: it went somewhere else.
    let mut file = BackupFile::begin(&path).unwrap();
    let elsewhere = tempfile::tempfile().unwrap();
    file.write_to(elsewhere);
    file.take_in(blocks[0].encoded().clone()).unwrap();
    let finished = file.finish(Link::after(&blocks[0]), &mut |_| {});
    assert!(matches!(finished, Err(BackupError::FileDamaged { .. })), "{finished:?}");
    assert!(names(scratch.path()).is_empty());
    // Blocks that end too early, that are none, or that do not follow.
    let mut file = BackupFile::begin(&path).unwrap();
    file.take_in(blocks[0].encoded().clone()).unwrap();
    let other = &chain(2, b'x')[1];
    let misplaced = file.take_in(other.encoded().clone());
    assert!(matches!(misplaced, Err(BackupError::BlockMisplaced { position: 1, .. })));
    let damaged = file.take_in(vec![1, 2, 3].into());
    assert!(matches!(damaged, Err(BackupError::BlockDamaged { position: 1, .. })));
    let short = file.finish(Link::after(&blocks[1]), &mut |_| {});
    assert!(matches!(short, Err(BackupError::Incomplete { reached: 1, expected: 2 })));
    assert!(names(scratch.path()).is_empty());
}

#[test]
fn a_name_that_is_taken_is_refused_before_and_after() {
    let (scratch, path, blocks) = backed_up();
    let before = fs::read(&path).unwrap();
    assert!(matches!(write(&path, &blocks), Err(BackupError::FileExists { .. })));
    let other = scratch.path().join("other.tar");
    let mut file = BackupFile::begin(&other).unwrap();
    file.take_in(blocks[0].encoded().clone()).unwrap();
    let second = BackupFile::begin(&other);
    assert!(matches!(second, Err(BackupError::InUse { .. })), "one run at a time");
    fs::write(&other, "mine").unwrap();
    let late = file.finish(Link::after(&blocks[0]), &mut |_| {});
    assert!(matches!(late, Err(BackupError::FileExists { .. })), "{late:?}");
    assert_eq!(fs::read(&other).unwrap(), b"mine");
    assert_eq!(fs::read(&path).unwrap(), before);
    // What a killed run leaves is in nobody's way.
    fs::remove_file(&other).unwrap();
    fs::write(scratch.path().join("other.tar.unfinished"), "half").unwrap();
    write(&other, &blocks).unwrap();
    assert_eq!(fs::read(&other).unwrap(), before, "the same blocks, the same bytes");
}

#[test]
fn entries_that_do_not_belong_there_are_refused_by_name() {
    let (scratch, path, blocks) = backed_up();
    let forged = scratch.path().join("forged.tar");
    let into = scratch.path().join("new");
    let mut entries: Vec<(String, Vec<u8>)> = Vec::new();
    let mut read = tar::Archive::new(fs::File::open(&path).unwrap());
    for entry in read.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut content = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
        entries.push((name, content));
    }
    let pack = |entries: &[(String, Vec<u8>)]| {
        let mut tar = tar::Builder::new(fs::File::create(&forged).unwrap());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_size(u64::try_from(content.len()).unwrap());
            tar.append_data(&mut header, name, &content[..]).unwrap();
        }
        tar.finish().unwrap();
    };
    let damage = |entries: &[(String, Vec<u8>)]| {
        pack(entries);
        match restored(&forged, &into) {
            Err(BackupError::FileDamaged { source, .. }) => source,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(damage(&entries[..2]), FileDamage::CutShort), "no manifest");
    let manifest = entries[2].clone();
    assert!(matches!(damage(&[&entries[..], &[manifest]].concat()), FileDamage::Unexpected { .. }));
    let twice = [&entries[..2], &entries[1..]].concat();
    assert!(matches!(damage(&twice), FileDamage::Unexpected { .. }));
    let mut other = entries.clone();
    other[2].1 = super::super::file::manifest(Link {
        next_position: u64::try_from(blocks.len()).unwrap(),
        last_block: BlockHash::ZERO,
    })
    .into_bytes();
    assert!(matches!(damage(&other), FileDamage::Manifest));
    pack(&entries[1..]);
    assert!(matches!(restored(&forged, &into), Err(BackupError::NotABackupFile { .. })));
    pack(&[
        entries[0].clone(),
        (entries[2].0.clone(), super::super::file::manifest(Link::START).into_bytes()),
    ]);
    assert!(matches!(restored(&forged, &into), Err(BackupError::Empty { .. })), "an empty log");
    assert!(!into.exists());
}
