//! The archive's reader: a prefix of what was written, or a refusal, and never anything else.

use bytes::Bytes;
use contract_ledger::archive::{
    Place, SEGMENT_HEADER_BYTES, SegmentRead, decode_header, encode_header, read_segment,
    whole_blocks,
};
use contract_ledger::block::{self, Block, Codec, Link};

use super::block::seal;
use super::input::Input;

/// Most damages of one segment.
const DAMAGES_MAX: usize = 4;
/// Most blocks of one segment.
const BLOCKS_MAX: usize = 8;

/// The first byte says whether the rest is the segment itself or how to write and damage one.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let choice = input.byte();
    let place = if choice & 1 == 1 { Place::Finished } else { Place::Last };
    if choice & 2 == 2 {
        damaged(input, place);
    } else {
        raw(input.rest(), choice, place);
    }
}

/// Bytes as they come, with as much made right as the choice says.
fn raw(bytes: &[u8], choice: u8, place: Place) {
    let mut bytes = bytes.to_vec();
    if choice & 4 == 4 {
        seal_header(&mut bytes);
    }
    if choice & 8 == 8 {
        seal_blocks(&mut bytes);
    }
    let bytes = Bytes::from(bytes);
    let named = decode_header(&bytes).map_or(0, |before| before.next_position);
    if let Some(read) = read_twice(&bytes, named, place) {
        let before = decode_header(&bytes).expect("a segment that is read has a header");
        let mut again = encode_header(before).to_vec();
        read.blocks.iter().for_each(|block| again.extend_from_slice(block.encoded()));
        assert_eq!(again, bytes[..read.whole_bytes], "written again");
    }
}

/// A segment that was written and then damaged.
fn damaged(mut input: Input<'_>, place: Place) {
    let written = chain(&mut input);
    let mut segment = encode_header(Link::START).to_vec();
    for block in &written {
        segment.extend_from_slice(block.encoded());
    }
    // One change of single bytes only: two of them could bring about a checksum that fits.
    let mut flipped = false;
    for _ in 0..DAMAGES_MAX {
        if input.is_empty() {
            break;
        }
        damage(&mut input, &written, &mut segment, &mut flipped);
    }
    let segment = Bytes::from(segment);
    if let Some(read) = read_twice(&segment, 0, place) {
        let count = read.blocks.len();
        assert!(count <= written.len(), "more blocks than were written");
        assert_eq!(read.blocks, written[..count], "a prefix of what was written");
    }
}

/// Reads; a reading is the same each time, accounts for every byte, and tells no block that the
/// search for whole blocks does not find.
fn read_twice(bytes: &Bytes, named: u64, place: Place) -> Option<SegmentRead> {
    let read = read_segment(bytes, named, place);
    assert_eq!(read, read_segment(bytes, named, place), "read twice");
    let found = whole_blocks(bytes);
    for block in &found {
        let again = block::decode(block.encoded().clone());
        assert_eq!(again.as_ref(), Ok(block), "a whole block is a block");
    }
    let read = read.ok()?;
    assert_eq!(read.whole_bytes + read.torn_bytes, bytes.len(), "every byte is told of");
    assert!(place == Place::Last || read.torn_bytes == 0, "a finished segment is torn");
    assert!(found.starts_with(&read.blocks), "a block that is not whole");
    let mut end = decode_header(bytes).expect("a segment that is read has a header");
    for block in &read.blocks {
        assert_eq!(end.check(block), Ok(()), "a block that does not follow");
        end = Link::after(block);
    }
    assert_eq!(end, read.end);
    Some(read)
}

fn chain(input: &mut Input<'_>) -> Vec<Block> {
    let mut end = Link::START;
    let mut blocks = Vec::new();
    for _ in 0..=input.below(BLOCKS_MAX) {
        let records: Vec<Bytes> = (0..=input.below(4))
            .map(|_| {
                let length = usize::from(input.byte());
                Bytes::copy_from_slice(input.bytes(length))
            })
            .collect();
        let codec = if input.byte() & 1 == 0 { Codec::None } else { Codec::Zstd };
        let encoded = block::encode(end.next_position, end.last_block, &records, codec);
        let next = block::decode(encoded.expect("a short block")).expect("a block of ours");
        end = Link::after(&next);
        blocks.push(next);
    }
    blocks
}

fn damage(input: &mut Input<'_>, written: &[Block], segment: &mut Vec<u8>, flipped: &mut bool) {
    let kind = input.byte() % 7;
    let offset = input.below(segment.len());
    let block = |number: usize| written.get(number).map_or(&[][..], |block| block.encoded());
    match kind {
        0 => segment.truncate(offset),
        1 => {
            let end = offset.saturating_add(input.below(600)).min(segment.len());
            segment[offset..end].fill(0);
        }
        2 => {
            let inserted = block(input.below(written.len())).to_vec();
            segment.splice(offset..offset, inserted);
        }
        3 => {
            let end = offset.saturating_add(input.below(600)).min(segment.len());
            segment.drain(offset..end);
        }
        4 => segment.extend_from_slice(block(input.below(written.len()))),
        5 => {
            let length = usize::from(input.byte());
            segment.extend_from_slice(input.bytes(length));
        }
        _ => {
            let change = input.byte();
            if let (Some(byte), false) = (segment.get_mut(offset), *flipped) {
                *byte ^= change;
                *flipped = true;
            }
        }
    }
}

fn seal_header(bytes: &mut [u8]) {
    if let Some(header) = bytes.get_mut(..SEGMENT_HEADER_BYTES) {
        seal(header);
    }
}

fn seal_blocks(bytes: &mut [u8]) {
    let mut offset = SEGMENT_HEADER_BYTES;
    while let Some(rest) = bytes.get_mut(offset..) {
        match block::stated_bytes(rest) {
            Ok(length) if length <= rest.len() => {
                seal(&mut rest[..length]);
                offset += length;
            }
            Ok(_) | Err(_) => break,
        }
    }
}
