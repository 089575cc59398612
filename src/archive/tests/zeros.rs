//! Zeros ahead of what is appended: written over, cut off, and never taken for blocks or for damage.

use std::fs::{self, File};
use std::path::Path;

use super::{append, chain, encoded, segment_of, segments, whole};
use crate::archive::{ArchiveOptions, ArchiveWriter, Inspected, Walk, Walked, inspect, verify};
use crate::block::{Block, Link};

const COUNTS: &[u64] = &[3; 60];
const ZEROS: u64 = 600;

fn options(directory: &Path) -> ArchiveOptions {
    ArchiveOptions { zeros_ahead_bytes: ZEROS, ..ArchiveOptions::new(directory) }
}

fn begun(directory: &Path) -> ArchiveWriter {
    went_on(&options(directory), None)
}

/// A writer that has room for zeros.
fn went_on(options: &ArchiveOptions, found: Option<&Inspected>) -> ArchiveWriter {
    let mut writer = ArchiveWriter::go_on(options, found).unwrap();
    writer.allow_zeros(true);
    writer
}

/// The bytes of all segments, and what they have to be when nothing is behind the blocks.
fn assert_only_blocks(directory: &Path, blocks: &[Block]) {
    let paths = segments(directory);
    let stored: Vec<u8> =
        paths.iter().flat_map(|path| fs::read(path).unwrap().split_off(49)).collect();
    assert_eq!(stored, segment_of(Link::START, blocks).split_off(49));
}

#[test]
fn an_append_goes_over_zeros_and_more_are_laid_out_where_they_end() {
    let blocks = chain(COUNTS);
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = begun(scratch.path());
    let mut lengths = Vec::new();
    for (count, block) in blocks.iter().enumerate() {
        append(&mut writer, std::slice::from_ref(block));
        let bytes = fs::read(&segments(scratch.path())[0]).unwrap();
        let expected = segment_of(Link::START, &blocks[..=count]);
        let (written, zeros) = bytes.split_at(expected.len());
        assert_eq!(written, expected, "after {count}");
        assert!(zeros.iter().all(|byte| *byte == 0) && zeros.len() <= 600, "after {count}");
        lengths.push(bytes.len());
    }
    lengths.dedup();
    assert!(lengths.len() > 5 && lengths.len() < 20, "{lengths:?}");
}

#[test]
fn zeros_that_a_killed_writer_left_are_neither_torn_nor_kept() {
    let blocks = chain(COUNTS);
    for count in [1, 7, 30] {
        let scratch = tempfile::tempdir().unwrap();
        let mut writer = begun(scratch.path());
        append(&mut writer, &blocks[..count]);
        drop(writer);
        for found in [inspect(scratch.path()), verify(scratch.path(), |_| {})] {
            let found = whole(found.unwrap());
            assert_eq!(found.end, Link::after(&blocks[count - 1]));
            assert!(found.torn.is_none() && found.zeros.is_some(), "{found:?}");
        }
        let found = whole(inspect(scratch.path()).unwrap());
        drop(ArchiveWriter::go_on(&options(scratch.path()), Some(&found)).unwrap());
        assert_only_blocks(scratch.path(), &blocks[..count]);
        let found = whole(inspect(scratch.path()).unwrap());
        assert_eq!(found.zeros, None);
        let mut writer = went_on(&options(scratch.path()), Some(&found));
        append(&mut writer, &blocks[count..]);
        writer.settle().unwrap();
        assert_only_blocks(scratch.path(), &blocks);
    }
}

#[test]
fn a_finished_segment_and_a_closed_archive_have_none() {
    let blocks = chain(COUNTS);
    let scratch = tempfile::tempdir().unwrap();
    let small = ArchiveOptions { segment_bytes_max: 1024, ..options(scratch.path()) };
    let mut writer = went_on(&small, None);
    append(&mut writer, &blocks);
    let paths = segments(scratch.path());
    assert!(paths.len() > 3);
    for path in &paths {
        assert!(fs::metadata(path).unwrap().len() <= 1024, "{}", path.display());
    }
    assert!(whole(inspect(scratch.path()).unwrap()).zeros.is_some());
    writer.settle().unwrap();
    assert_only_blocks(scratch.path(), &blocks);
    assert_eq!(whole(verify(scratch.path(), |_| {}).unwrap()).zeros, None);
    // It can go on.
    assert_eq!(writer.end(), Link::after(&blocks[59]));
}

#[test]
fn a_walk_ends_where_the_zeros_begin() {
    let blocks = chain(&[3; 5]);
    let scratch = tempfile::tempdir().unwrap();
    append(&mut begun(scratch.path()), &blocks);
    let walked: Vec<Walked> =
        Walk::up_to(scratch.path(), 18).unwrap().map(|walked| walked.unwrap()).collect();
    let (last, before) = walked.split_last().unwrap();
    assert!(matches!(last, Walked::Missing { position: 15 }), "{last:?}");
    let found = before.iter().map(|walked| match walked {
        Walked::Block(block) => block.clone(),
        other => panic!("{other:?}"),
    });
    assert_eq!(found.collect::<Vec<_>>(), blocks);
    // In a finished segment they are damage.
    let next = scratch.path().join("segment-00000000000000000015.clar");
    fs::write(&next, crate::archive::encode_header(Link::after(&blocks[4]))).unwrap();
    let walked: Vec<_> = Walk::up_to(scratch.path(), 18).unwrap().collect();
    assert!(matches!(walked.get(5), Some(Ok(Walked::Damaged(_)))), "{walked:?}");
}

#[test]
fn none_are_laid_out_by_long_appends_or_where_there_is_no_ample_room() {
    let blocks = chain(COUNTS);
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = ArchiveWriter::go_on(&options(scratch.path()), None).unwrap();
    append(&mut writer, &blocks[..10]);
    assert_only_blocks(scratch.path(), &blocks[..10]);
    writer.allow_zeros(true);
    writer.append(&encoded(&blocks[10..20]), Link::after(&blocks[19])).unwrap();
    assert_only_blocks(scratch.path(), &blocks[..20]);
    append(&mut writer, &blocks[20..21]);
    assert!(whole(inspect(scratch.path()).unwrap()).zeros.is_some());
}

/// The kernel takes nothing for `/dev/full`: neither zeros, which is not told, nor the block, which is.
#[test]
fn a_disk_that_has_no_room_for_zeros_is_told_by_the_write_of_the_block() {
    let blocks = chain(COUNTS);
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = begun(scratch.path());
    append(&mut writer, &blocks[..1]);
    writer.settle().unwrap();
    writer.replace_file(File::options().write(true).open("/dev/full").unwrap());
    let refused = writer.append(&encoded(&blocks[1..2]), Link::after(&blocks[1])).unwrap_err();
    assert!(refused.to_string().contains("write"), "{refused}");
    assert_only_blocks(scratch.path(), &blocks[..1]);
}
