//! What the archive promises: over bytes first, then over files.

mod delay;
mod files;
mod scan;
mod walk;
mod zeros;

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{ArchiveWriter, Found, Inspected, encode_header, whole_blocks};
use crate::block::{self, Block, Codec, Link};

/// A chain of blocks from the first position on: as many records in each as its number says, of
/// lengths that differ.
fn chain(counts: &[u64]) -> Vec<Block> {
    let mut end = Link::START;
    let mut blocks = Vec::new();
    for count in counts {
        let records: Vec<Bytes> =
            (0..*count).map(|index| record(end.next_position + index)).collect();
        let encoded =
            block::encode(end.next_position, end.last_block, &records, Codec::Zstd).unwrap();
        let next = block::decode(encoded).unwrap();
        end = Link::after(&next);
        blocks.push(next);
    }
    blocks
}

fn record(position: u64) -> Bytes {
    let length = usize::try_from(position % 23).unwrap();
    position.to_be_bytes().iter().copied().cycle().take(length).collect::<Vec<u8>>().into()
}

/// The bytes of a segment of these blocks, which follow `before`.
fn segment_of(before: Link, blocks: &[Block]) -> Vec<u8> {
    let mut bytes = encode_header(before).to_vec();
    for block in blocks {
        bytes.extend_from_slice(block.encoded());
    }
    bytes
}

fn encoded(blocks: &[Block]) -> Vec<Bytes> {
    blocks.iter().map(|block| block.encoded().clone()).collect()
}

#[test]
fn whole_blocks_are_found_on_both_sides_of_damage() {
    let blocks = chain(&[1, 2, 3, 4]);
    let mut bytes = segment_of(Link::START, &blocks);
    let second = super::SEGMENT_HEADER_BYTES + blocks[0].encoded().len();
    bytes[second + 60] ^= 1;
    // Neither the header nor what follows has to be right.
    bytes[7] ^= 1;
    bytes.extend_from_slice(b"CLBK and nothing");
    let found = whole_blocks(&bytes.into());
    assert_eq!(found, [blocks[0].clone(), blocks[2].clone(), blocks[3].clone()]);
}

fn append(writer: &mut ArchiveWriter, blocks: &[Block]) {
    for block in blocks {
        let one = encoded(std::slice::from_ref(block));
        writer.append(&one, Link::after(block)).unwrap();
    }
}

fn whole(found: Found) -> Inspected {
    match found {
        Found::Whole(inspected) => inspected,
        other => panic!("{other:?}"),
    }
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
}
