//! The walk: every block and every damage, and on behind it.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{chain, encoded};
use crate::archive::{ArchiveError, ArchiveOptions, ArchiveWriter, SegmentDamage, Walk, Walked};
use crate::block::{Block, Link, LinkError};

const COUNTS: &[u64] = &[3; 20];
const END: u64 = 60;

fn archive(blocks: &[Block]) -> TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let options = ArchiveOptions { segment_bytes_max: 1024, ..ArchiveOptions::new(scratch.path()) };
    let mut writer = ArchiveWriter::go_on(&options, None).unwrap();
    for block in blocks {
        let one = encoded(std::slice::from_ref(block));
        writer.append(&one, Link::after(block)).unwrap();
    }
    scratch
}

/// First positions of the blocks that were yielded, and what was told, with its position.
fn walked(directory: &Path, end: u64) -> (Vec<u64>, Vec<(u64, Option<SegmentDamage>)>) {
    let (mut positions, mut told) = (Vec::new(), Vec::new());
    for walked in Walk::up_to(directory, end).unwrap() {
        match walked.unwrap() {
            Walked::Block(block) => positions.push(block.first_position()),
            Walked::Missing { position } => told.push((position, None)),
            Walked::Damaged(ArchiveError::Damaged { position, reason, .. }) => {
                told.push((position, Some(reason)));
            }
            Walked::Damaged(other) => panic!("{other:?}"),
        }
    }
    (positions, told)
}

fn segment(directory: &Path, number: usize) -> std::path::PathBuf {
    let entries = fs::read_dir(directory).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.swap_remove(number)
}

fn all() -> Vec<u64> {
    (0..END).step_by(3).collect()
}

fn all_but(first_position: u64) -> Vec<u64> {
    all().into_iter().filter(|position| *position != first_position).collect()
}

#[test]
fn whole_archive_is_walked_to_any_end_also_with_an_append_half_written() {
    let scratch = archive(&chain(COUNTS));
    assert_eq!(walked(scratch.path(), END), (all(), vec![]));
    let last = segment(scratch.path(), fs::read_dir(scratch.path()).unwrap().count() - 1);
    let mut bytes = fs::read(&last).unwrap();
    bytes.extend_from_slice(b"CLBK\x01\x00half of the next");
    fs::write(&last, bytes).unwrap();
    assert_eq!(walked(scratch.path(), END), (all(), vec![]));
    assert_eq!(walked(scratch.path(), 7).0, [0, 3, 6]);
    assert_eq!(walked(scratch.path(), 0), (vec![], vec![]));
}

#[test]
fn every_flipped_bit_is_told_once_and_the_blocks_behind_it_are_yielded() {
    let blocks = chain(COUNTS);
    let scratch = archive(&blocks);
    for number in 0..fs::read_dir(scratch.path()).unwrap().count() {
        let path = segment(scratch.path(), number);
        let whole = fs::read(&path).unwrap();
        for bit in (0..whole.len() * 8).step_by(5) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, bytes).unwrap();
            // A header of another version is sound only with its checksum, which a bit does not keep.
            let (positions, told) = walked(scratch.path(), END);
            assert_eq!(told.len(), 1, "bit {bit} of segment {number}: {told:?}");
            let expected = if bit / 8 < 49 { all() } else { all_but(told[0].0) };
            assert_eq!(positions, expected, "bit {bit} of segment {number}");
        }
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn lost_segments_and_strange_blocks_are_told_with_their_position() {
    let blocks = chain(COUNTS);
    let scratch = archive(&blocks);
    let second = segment(scratch.path(), 1);
    let begins: u64 = second.to_str().unwrap()[second.to_str().unwrap().len() - 25..]
        .trim_end_matches(".clar")
        .parse()
        .unwrap();
    let kept = fs::read(&second).unwrap();
    fs::remove_file(&second).unwrap();
    let (_, told) = walked(scratch.path(), END);
    assert!(
        matches!(told.as_slice(), [(at, Some(SegmentDamage::BeginsElsewhere { .. }))] if *at == begins),
        "{told:?}"
    );
    fs::write(&second, kept).unwrap();

    let last = segment(scratch.path(), fs::read_dir(scratch.path()).unwrap().count() - 1);
    let kept = fs::read(&last).unwrap();
    fs::remove_file(&last).unwrap();
    let (positions, told) = walked(scratch.path(), END);
    let next = positions.last().unwrap() + 3;
    assert_eq!(told, [(next, None)]);

    // The last block twice: the second one begins where it has ended already.
    let block = blocks.last().unwrap();
    fs::write(&last, [kept, block.encoded().to_vec()].concat()).unwrap();
    let (positions, told) = walked(scratch.path(), END + 1);
    let overlap = SegmentDamage::Link(LinkError::Overlap { ends: END });
    assert_eq!(told.first(), Some(&(END, Some(overlap))));
    assert_eq!(positions.last(), Some(&(END - 3)));
}
