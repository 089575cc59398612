//! The archive as files: appended, rolled, opened again, cut, set aside, salvaged.

use std::fs::{self, OpenOptions};
use std::path::Path;

use tempfile::TempDir;

use super::{append, chain, encoded, segments, whole};
use crate::archive::{
    ArchiveError, ArchiveOptions, ArchiveWriter, Found, Salvage, SegmentDamage, encode_header,
    inspect, verify,
};
use crate::block::{self, Block, Codec, Link};

const COUNTS: &[u64] = &[3; 60];

/// Small segments, so that a few blocks make several.
fn options(directory: &Path) -> ArchiveOptions {
    ArchiveOptions { segment_bytes_max: 1024, ..ArchiveOptions::new(directory) }
}

fn archive_of(blocks: &[Block]) -> (TempDir, ArchiveWriter) {
    let scratch = tempfile::tempdir().unwrap();
    let mut writer = ArchiveWriter::go_on(&options(scratch.path()), None).unwrap();
    append(&mut writer, blocks);
    (scratch, writer)
}

fn damage(found: Found) -> (u64, SegmentDamage) {
    match found {
        Found::Damaged(ArchiveError::Damaged { position, reason, .. }) => (position, reason),
        other => panic!("{other:?}"),
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x20;
    fs::write(path, bytes).unwrap();
}

fn read_all(directory: &Path) -> Vec<Block> {
    let mut blocks = Vec::new();
    whole(verify(directory, |block| blocks.push(block.clone())).unwrap());
    blocks
}

#[test]
fn what_is_appended_is_read_back_across_segments_and_openings() {
    let blocks = chain(COUNTS);
    let (scratch, writer) = archive_of(&blocks[..25]);
    drop(writer);
    let found = whole(inspect(scratch.path()).unwrap());
    assert_eq!(found.end, Link::after(&blocks[24]));
    let mut writer = ArchiveWriter::go_on(&options(scratch.path()), Some(&found)).unwrap();
    append(&mut writer, &blocks[25..]);
    assert_eq!(writer.end(), Link::after(&blocks[59]));
    assert_eq!(read_all(scratch.path()), blocks);
    let paths = segments(scratch.path());
    assert!(paths.len() > 3, "{paths:?}");
    assert!(paths[0].ends_with("segment-00000000000000000000.clar"));
    for path in &paths {
        assert!(fs::metadata(path).unwrap().len() <= 1024, "{}", path.display());
    }
}

#[test]
fn an_append_longer_than_a_segment_has_a_segment_of_its_own() {
    let blocks = chain(COUNTS);
    let (scratch, mut writer) = archive_of(&blocks[..1]);
    writer.append(&encoded(&blocks[1..40]), Link::after(&blocks[39])).unwrap();
    append(&mut writer, &blocks[40..41]);
    assert_eq!(segments(scratch.path()).len(), 3);
    assert_eq!(read_all(scratch.path()), blocks[..41]);
}

#[test]
fn no_directory_and_an_empty_one_are_no_archive() {
    let scratch = tempfile::tempdir().unwrap();
    for directory in [scratch.path().to_owned(), scratch.path().join("none")] {
        assert!(matches!(inspect(&directory).unwrap(), Found::Missing));
        assert!(matches!(verify(&directory, |_| {}).unwrap(), Found::Missing));
    }
}

#[test]
fn a_torn_end_is_cut_off_and_kept_beside() {
    let blocks = chain(COUNTS);
    let (scratch, writer) = archive_of(&blocks[..10]);
    drop(writer);
    let last = segments(scratch.path()).pop().unwrap();
    let mut bytes = fs::read(&last).unwrap();
    bytes.extend_from_slice(&blocks[10].encoded()[..77]);
    fs::write(&last, bytes).unwrap();

    let found = whole(inspect(scratch.path()).unwrap());
    assert_eq!(found.end, Link::after(&blocks[9]));
    assert_eq!(found.torn.as_ref().unwrap().torn_bytes, 77);
    let mut writer = ArchiveWriter::go_on(&options(scratch.path()), Some(&found)).unwrap();
    append(&mut writer, &blocks[10..20]);
    assert_eq!(read_all(scratch.path()), blocks[..20]);
    let name = last.with_extension("torn");
    let kept = scratch.path().join("set-aside-1").join(name.file_name().unwrap());
    assert_eq!(fs::read(kept).unwrap(), blocks[10].encoded()[..77]);
}

#[test]
fn a_segment_without_its_name_yet_is_not_seen() {
    let blocks = chain(COUNTS);
    let (scratch, writer) = archive_of(&blocks[..5]);
    drop(writer);
    fs::write(scratch.path().join("segment-00000000000000000015.unfinished"), "CLA").unwrap();
    let found = whole(inspect(scratch.path()).unwrap());
    let mut writer = ArchiveWriter::go_on(&options(scratch.path()), Some(&found)).unwrap();
    append(&mut writer, &blocks[5..]);
    assert_eq!(read_all(scratch.path()), blocks);
}

#[test]
fn damage_in_a_finished_segment_is_found_by_verifying_and_in_a_header_by_inspecting() {
    let blocks = chain(COUNTS);
    let (scratch, writer) = archive_of(&blocks);
    drop(writer);
    let second = segments(scratch.path())[1].clone();
    flip(&second, 110);
    whole(inspect(scratch.path()).unwrap());
    let (position, reason) = damage(verify(scratch.path(), |_| {}).unwrap());
    assert!(second.to_str().unwrap().contains(&format!("{position:020}")));
    assert!(matches!(reason, SegmentDamage::Block(_)), "{reason:?}");
    flip(&second, 110);
    flip(&second, 20);
    let (_, reason) = damage(inspect(scratch.path()).unwrap());
    assert!(matches!(reason, SegmentDamage::HeaderChecksumMismatch { .. }), "{reason:?}");
}

#[test]
fn a_missing_segment_is_named_with_the_position_it_began_at() {
    let blocks = chain(COUNTS);
    for gone in [0, 1, 2] {
        let (scratch, writer) = archive_of(&blocks);
        drop(writer);
        let paths = segments(scratch.path());
        fs::remove_file(&paths[gone]).unwrap();
        let (position, reason) = damage(verify(scratch.path(), |_| {}).unwrap());
        assert!(paths[gone].to_str().unwrap().contains(&format!("{position:020}")));
        assert!(matches!(reason, SegmentDamage::BeginsElsewhere { .. }), "{reason:?}");
        // Also by the ends alone.
        assert_eq!(damage(inspect(scratch.path()).unwrap()), (position, reason));
    }
}

/// Longer than what is read first of the end of a segment, with the bytes of another block in it.
#[test]
fn the_last_block_of_a_segment_is_found_however_long_it_is() {
    let inner = chain(&[3]).remove(0).encoded().clone();
    let record = [vec![b'x'; 40_000], inner.to_vec()].concat().into();
    let long = block::encode(0, Link::START.last_block, &[record], Codec::None).unwrap();
    let long = block::decode(long).unwrap();
    let next =
        block::encode(1, Link::after(&long).last_block, &["next".into()], Codec::None).unwrap();
    let (scratch, writer) = archive_of(&[long, block::decode(next).unwrap()]);
    drop(writer);
    let paths = segments(scratch.path());
    assert_eq!(paths.len(), 2);
    assert_eq!(whole(inspect(scratch.path()).unwrap()).end.next_position, 2);
    let bytes = fs::read(&paths[0]).unwrap();
    fs::write(&paths[0], &bytes[..bytes.len() - 1]).unwrap();
    assert_eq!(damage(inspect(scratch.path()).unwrap()).0, 0);
}

#[test]
fn a_last_segment_without_its_header_is_set_aside_where_the_log_so_far_ends() {
    let blocks = chain(COUNTS);
    let (scratch, writer) = archive_of(&blocks);
    let end = writer.end();
    drop(writer);
    let begun = |position: u64| scratch.path().join(format!("segment-{position:020}.clar"));
    for bytes in [&b""[..], &[7; 20], &[0; 49]] {
        fs::write(begun(end.next_position), bytes).unwrap();
        for found in [inspect(scratch.path()), verify(scratch.path(), |_| {})] {
            let inspected = whole(found.unwrap());
            assert_eq!(inspected.end, end);
            assert_eq!(inspected.torn.unwrap().torn_bytes, bytes.len());
        }
        let inspected = whole(inspect(scratch.path()).unwrap());
        let writer = ArchiveWriter::go_on(&options(scratch.path()), Some(&inspected)).unwrap();
        assert_eq!(writer.end(), end);
        assert!(!begun(end.next_position).exists());
    }
    assert_eq!(read_all(scratch.path()), blocks);
    // More than a header, or elsewhere: damage.
    for (position, bytes) in [(end.next_position, &[0; 50][..]), (end.next_position + 1, &[])] {
        fs::write(begun(position), bytes).unwrap();
        assert_eq!(damage(inspect(scratch.path()).unwrap()).0, end.next_position);
        assert_eq!(damage(verify(scratch.path(), |_| {}).unwrap()).0, end.next_position);
        fs::remove_file(begun(position)).unwrap();
    }
}

#[test]
fn everything_is_set_aside_and_salvaged_from_there() {
    let blocks = chain(COUNTS);
    let (scratch, writer) = archive_of(&blocks);
    drop(writer);
    let before = segments(scratch.path()).len();
    let second = segments(scratch.path())[1].clone();
    flip(&second, 110);
    let mut writer = ArchiveWriter::set_aside(&options(scratch.path())).unwrap();
    assert_eq!(writer.end(), Link::START);
    append(&mut writer, &blocks[..1]);
    assert_eq!(read_all(scratch.path()), blocks[..1]);

    let aside = scratch.path().join("set-aside-1");
    assert_eq!(segments(&aside).len(), before);
    let mut salvage = Salvage::open(&aside).unwrap();
    let found = blocks
        .iter()
        .filter(|block| {
            let at = salvage.beginning_at(block.first_position()).unwrap();
            at == [(*block).clone()]
        })
        .count();
    assert_eq!(found, 59);
    assert!(salvage.reaches(179).unwrap());
    assert!(!salvage.reaches(180).unwrap());
}

#[test]
fn blocks_that_are_not_the_next_are_not_taken() {
    let blocks = chain(COUNTS);
    let (_scratch, mut writer) = archive_of(&blocks[..5]);
    let refused = writer.append(&encoded(&blocks[..1]), Link::after(&blocks[0])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "blocks from position 15 do not follow the archive's last block"
    );
}

/// A new segment holds only its header, as one does that was begun and then left.
#[test]
fn the_first_append_to_a_new_segment_is_synced_too() {
    let blocks = chain(COUNTS);
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("segment-00000000000000000000.clar");
    fs::write(&path, encode_header(Link::START)).unwrap();
    let found = whole(inspect(scratch.path()).unwrap());
    let mut writer = ArchiveWriter::go_on(&options(scratch.path()), Some(&found)).unwrap();
    writer.replace_file(OpenOptions::new().write(true).open("/dev/null").unwrap());
    let appended = writer.append(&encoded(&blocks[..1]), Link::after(&blocks[0]));
    assert!(matches!(appended, Err(ArchiveError::Io { doing: "sync", .. })), "{appended:?}");
}

/// The kernel refuses `fdatasync` on `/dev/null`, so only a call that is really made fails.
#[test]
fn an_append_is_synced_by_the_kernel_and_a_failure_ends_the_writing() {
    let blocks = chain(COUNTS);
    let (scratch, mut writer) = archive_of(&blocks[..1]);
    writer.replace_file(OpenOptions::new().write(true).open("/dev/null").unwrap());
    let one = encoded(&blocks[1..2]);
    match writer.append(&one, Link::after(&blocks[1])) {
        Err(ArchiveError::Io { doing: "sync", path, .. }) => {
            assert_eq!(path, segments(scratch.path())[0]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(writer.end(), Link::after(&blocks[0]));
    let again = writer.append(&one, Link::after(&blocks[1]));
    assert!(matches!(again, Err(ArchiveError::NotNext { .. })), "{again:?}");
}
