//! Recovery over bytes: an exact prefix, or a named refusal, and never altered data.

use bytes::Bytes;

use super::{chain, segment_of};
use crate::archive::scan::{Refused, end_of_segment};
use crate::archive::{
    Place, SEGMENT_HEADER_BYTES, SegmentDamage, SegmentRead, encode_header, read_segment,
};
use crate::block::{Block, BlockError, BlockHash, Codec, Link, LinkError, encode};

/// Written by a Python script from the tables in the `FORMAT.md` files, not by this program.
const GOLDEN: &str = include_str!("../../../tests/golden/archive_segment_v1.hex");
const GOLDEN_POSITION: u64 = 0x0102_0304_0506_0708;
const COUNTS: &[u64] = &[1, 2, 3, 1, 5, 2, 4, 1];
const RANDOM_FLIPS: u64 = 4000;

fn golden() -> Bytes {
    let digits: Vec<u8> = GOLDEN.bytes().filter(u8::is_ascii_hexdigit).collect();
    let bytes = digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
    bytes.collect::<Vec<u8>>().into()
}

/// Reads with the blocks and without them, which has to end alike.
fn read(bytes: &[u8], place: Place) -> Result<SegmentRead, Refused> {
    let bytes = Bytes::copy_from_slice(bytes);
    let read = read_segment(&bytes, 0, place);
    let ends = read.as_ref().map(SegmentRead::summary).map_err(Clone::clone);
    assert_eq!(end_of_segment(&bytes, 0, place), ends, "by the chain alone");
    read
}

fn refused(bytes: &[u8], place: Place) -> Refused {
    read(bytes, place).unwrap_err()
}

/// Where each block begins, and where the last one ends.
fn offsets(blocks: &[Block]) -> Vec<usize> {
    let mut offsets = vec![SEGMENT_HEADER_BYTES];
    for block in blocks {
        offsets.push(offsets.last().unwrap() + block.encoded().len());
    }
    offsets
}

/// What every reading of damaged bytes has to be.
fn assert_prefix_or_refusal(bytes: &[u8], written: &[Block], place: Place, what: &str) {
    match read(bytes, place) {
        Ok(found) => {
            let count = found.blocks.len();
            assert!(count <= written.len(), "{what}");
            assert_eq!(found.blocks, written[..count], "{what}");
            assert_eq!(
                found.whole_bytes + found.torn_bytes + found.zero_bytes,
                bytes.len(),
                "{what}"
            );
            assert!(place == Place::Last || found.torn_bytes == 0, "{what}");
        }
        Err(Refused { position, .. }) => {
            let end = written.last().unwrap().positions().end;
            assert!(position <= end, "{what}: {position}");
        }
    }
}

#[test]
fn a_segment_is_the_bytes_of_the_golden_file() {
    let previous = BlockHash::of(b"the block before");
    let before = Link { next_position: GOLDEN_POSITION, last_block: previous };
    assert_eq!(encode_header(before)[..], golden()[..SEGMENT_HEADER_BYTES]);
    let found = read_segment(&golden(), GOLDEN_POSITION, Place::Finished).unwrap();
    assert_eq!(found.blocks.len(), 1);
    assert_eq!(found.blocks[0].encoded(), &golden().slice(SEGMENT_HEADER_BYTES..));
    assert_eq!(found.end, Link::after(&found.blocks[0]));
    assert_eq!((found.whole_bytes, found.torn_bytes), (golden().len(), 0));
}

#[test]
fn a_cut_at_every_byte_of_the_last_segment_leaves_an_exact_prefix() {
    let blocks = chain(COUNTS);
    let bytes = segment_of(Link::START, &blocks);
    let offsets = offsets(&blocks);
    for end in 0..=bytes.len() {
        if end < SEGMENT_HEADER_BYTES {
            let reason = SegmentDamage::HeaderTruncated { bytes: end };
            let expected = Refused { position: 0, offset: 0, reason };
            assert_eq!(refused(&bytes[..end], Place::Last), expected);
            continue;
        }
        let count = offsets.iter().filter(|offset| **offset <= end).count() - 1;
        let found = read(&bytes[..end], Place::Last).unwrap();
        assert_eq!(found.blocks, blocks[..count], "cut at {end}");
        assert_eq!(found.torn_bytes, end - offsets[count], "cut at {end}");
        let finished = read(&bytes[..end], Place::Finished);
        assert_eq!(finished.is_ok(), found.torn_bytes == 0, "cut at {end}");
    }
}

#[test]
fn every_flipped_bit_of_a_segment_header_is_refused() {
    let blocks = chain(COUNTS);
    let mut bytes = segment_of(Link::START, &blocks);
    for at in 0..SEGMENT_HEADER_BYTES {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            assert_eq!(refused(&bytes, Place::Last).offset, 0, "bit {bit} of byte {at}");
            bytes[at] ^= 1 << bit;
        }
    }
}

/// Not only a prefix: what was written before another whole block is never taken for a torn end.
#[test]
fn every_flipped_bit_of_a_block_header_is_refused_and_only_the_last_block_can_look_torn() {
    let blocks = chain(COUNTS);
    let mut bytes = segment_of(Link::START, &blocks);
    for (block, start) in blocks.iter().zip(offsets(&blocks)) {
        let is_last = block == blocks.last().unwrap();
        for at in start..start + 54 {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                let what = format!("bit {bit} of byte {at}");
                assert_eq!(refused(&bytes, Place::Finished).offset, start, "{what}");
                let found = read(&bytes, Place::Last);
                if is_last {
                    assert_eq!(found.unwrap().whole_bytes, start, "{what}");
                } else {
                    let Refused { position, offset, .. } = found.unwrap_err();
                    assert_eq!((position, offset), (block.first_position(), start), "{what}");
                }
                bytes[at] ^= 1 << bit;
            }
        }
    }
}

#[test]
fn thousands_of_random_flips_leave_a_prefix_or_are_refused() {
    let seed = std::process::id();
    let mut state = u64::from(seed) | 1;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let blocks = chain(COUNTS);
    let written = segment_of(Link::START, &blocks);
    for round in 0..RANDOM_FLIPS {
        let mut bytes = written.clone();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            bytes[at] ^= 1 << random(8);
        }
        let what = format!("seed {seed}, round {round}");
        for place in [Place::Finished, Place::Last] {
            assert_prefix_or_refusal(&bytes, &blocks, place, &what);
        }
    }
}

#[test]
fn blocks_that_are_doubled_swapped_dropped_or_zeroed_are_refused_by_name() {
    let blocks = chain(COUNTS);
    let offsets = offsets(&blocks);
    for at in 0..blocks.len() - 1 {
        let position = blocks[at].first_position();
        let end = blocks[at].positions().end;
        let with = |change: &dyn Fn(&mut Vec<Block>)| {
            let mut changed = blocks.clone();
            change(&mut changed);
            segment_of(Link::START, &changed)
        };
        let link = |bytes: &[u8]| match refused(bytes, Place::Last) {
            Refused { position, reason: SegmentDamage::Link(error), .. } => (position, error),
            other => panic!("{other:?}"),
        };
        let doubled = with(&|blocks| blocks.insert(at, blocks[at].clone()));
        assert_eq!(link(&doubled), (end, LinkError::Overlap { ends: end }));
        let swapped = with(&|blocks| blocks.swap(at, at + 1));
        assert_eq!(link(&swapped), (position, LinkError::Gap));
        let dropped = with(&|blocks| drop(blocks.remove(at)));
        assert_eq!(link(&dropped), (position, LinkError::Gap));
        let mut zeroed = segment_of(Link::START, &blocks);
        zeroed[offsets[at]..offsets[at + 1]].fill(0);
        let reason = SegmentDamage::Block(BlockError::MagicMismatch);
        let expected = Refused { position, offset: offsets[at], reason };
        assert_eq!(refused(&zeroed, Place::Last), expected);
    }
}

#[test]
fn a_block_of_another_history_is_refused() {
    let blocks = chain(COUNTS);
    let records = [Bytes::from_static(b"other")];
    let forged = encode(1, BlockHash::of(b"other"), &records, Codec::Zstd).unwrap();
    let mut bytes = segment_of(Link::START, &blocks[..1]);
    bytes.extend_from_slice(&forged);
    let Refused { position, reason, .. } = refused(&bytes, Place::Last);
    assert_eq!((position, reason), (1, SegmentDamage::Link(LinkError::ChainBroken)));
}

#[test]
fn zeros_to_the_end_of_the_last_segment_were_laid_out_ahead_and_anything_else_is_torn() {
    let blocks = chain(COUNTS);
    let mut bytes = segment_of(Link::START, &blocks);
    let whole = bytes.len();
    bytes.extend_from_slice(&[0; 4096]);
    let found = read(&bytes, Place::Last).unwrap();
    assert_eq!((found.blocks, found.whole_bytes), (blocks, whole));
    assert_eq!((found.zero_bytes, found.torn_bytes), (4096, 0));
    let damaged = refused(&bytes, Place::Finished);
    assert_eq!((damaged.offset, damaged.position), (whole, found.end.next_position));
    for at in [whole, whole + 2000, whole + 4095] {
        let mut torn = bytes.clone();
        torn[at] = 1;
        let found = read(&torn, Place::Last).unwrap();
        assert_eq!((found.whole_bytes, found.zero_bytes, found.torn_bytes), (whole, 0, 4096));
    }
}

/// A record may hold any bytes, also those of a block.
#[test]
fn a_torn_record_that_holds_a_block_of_old_is_still_torn() {
    let blocks = chain(COUNTS);
    let mut bytes = segment_of(Link::START, &blocks);
    let whole = bytes.len();
    let end = Link::after(blocks.last().unwrap());
    let record = blocks[2].encoded().clone();
    let next = encode(end.next_position, end.last_block, &[record], Codec::None).unwrap();
    bytes.extend_from_slice(&next[..next.len() - 1]);
    assert_eq!(read(&bytes, Place::Last).unwrap().whole_bytes, whole);
}

#[test]
fn another_version_is_named_only_when_the_header_is_sound() {
    let mut bytes = segment_of(Link::START, &chain(COUNTS));
    bytes[4] = 2;
    let reason = refused(&bytes, Place::Last).reason;
    assert!(matches!(reason, SegmentDamage::HeaderChecksumMismatch { .. }), "{reason:?}");
    let checksum = crc32fast::hash(&bytes[..45]);
    bytes[45..49].copy_from_slice(&checksum.to_be_bytes());
    let reason = refused(&bytes, Place::Last).reason;
    assert_eq!(reason, SegmentDamage::FormatVersionUnknown { version: 2 });
}
