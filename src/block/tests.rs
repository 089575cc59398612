//! The block format: pinned bytes, and no damage that goes unseen.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{
    BLOCK_HEADER_BYTES, Block, BlockError, BlockHash, COMPRESSED_PAYLOAD_BYTES_MAX, Codec, Link,
    LinkError, decode, encode, stated_bytes,
};

/// Written by a Python script from the table in `src/log/FORMAT.md`, not by this program.
const GOLDEN: &str = include_str!("../../tests/golden/log_block_v1.hex");

fn golden() -> Vec<u8> {
    bytes_of(GOLDEN)
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn golden_records() -> Vec<Bytes> {
    vec![Bytes::from_static(b"first"), Bytes::new(), (0..32).collect::<Vec<u8>>().into()]
}

fn try_decode(bytes: &[u8]) -> Result<Block, BlockError> {
    decode(Bytes::copy_from_slice(bytes))
}

/// Bytes whose checksum is right, whatever the rest is.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checked = bytes.len() - 4;
    let checksum = crc32fast::hash(&bytes[..checked]);
    bytes[checked..].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

#[test]
fn a_block_is_the_bytes_of_the_golden_file() {
    let previous = BlockHash::of(b"the block before");
    let encoded = encode(0x0102_0304_0506_0708, previous, &golden_records(), Codec::Zstd).unwrap();
    assert_eq!(encoded, golden());

    let block = try_decode(&golden()).unwrap();
    assert_eq!(block.positions(), 0x0102_0304_0506_0708..0x0102_0304_0506_070b);
    assert_eq!(block.previous(), previous);
    let read: Vec<Bytes> =
        block.positions().map(|position| block.record(position).unwrap()).collect();
    assert_eq!(read, golden_records());
    assert_eq!(block.record(0x0102_0304_0506_0707), None);
    assert_eq!(block.record(0x0102_0304_0506_070b), None);
}

/// Written by a Python script with the package `zstandard`, not by this program.
const GOLDEN_COMPRESSED: &str = include_str!("../../tests/golden/log_block_v1_zstd.hex");

/// The frame may come out otherwise with another version of zstd, so the bytes are only read.
#[test]
fn a_compressed_block_of_the_golden_file_is_read() {
    let golden = bytes_of(GOLDEN_COMPRESSED);
    let block = try_decode(&golden).unwrap();
    assert_eq!(block.positions(), 7..10);
    assert_eq!(block.previous(), BlockHash::of(b"the block before"));
    let read: Vec<Bytes> =
        block.positions().map(|position| block.record(position).unwrap()).collect();
    let expected = [b"agreement signed ".repeat(8), Vec::new(), b"order placed ".repeat(8)];
    assert_eq!(read, expected);
    assert_eq!(stated_bytes(&golden), Ok(golden.len()));
    assert_eq!(block.hash(), BlockHash::of(&golden));
}

#[test]
fn a_payload_is_compressed_where_that_is_shorter() {
    let codec_of =
        |records: &[Bytes], codec| encode(0, BlockHash::ZERO, records, codec).unwrap()[5];
    let alike = [Bytes::from(vec![7; 400])];
    assert_eq!(codec_of(&alike, Codec::Zstd), 1);
    assert_eq!(codec_of(&alike, Codec::None), 0);
    assert_eq!(codec_of(&[Bytes::from_static(b"short")], Codec::Zstd), 0);
    let length = COMPRESSED_PAYLOAD_BYTES_MAX - super::RECORD_PREFIX_BYTES;
    assert_eq!(codec_of(&[Bytes::from(vec![7; length])], Codec::Zstd), 1);
    assert_eq!(codec_of(&[Bytes::from(vec![7; length + 1])], Codec::Zstd), 0);
}

#[test]
fn a_compressed_payload_that_does_not_say_what_it_holds_is_refused() {
    let golden = bytes_of(GOLDEN_COMPRESSED);
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = golden.clone();
        bytes[at..at + to.len()].copy_from_slice(to);
        try_decode(&with_checksum(bytes))
    };
    let length = u32::from_be_bytes(golden[54..58].try_into().unwrap());
    for stated in [0, length - 1, length + 1, u32::MAX] {
        assert_eq!(changed(54, &stated.to_be_bytes()), Err(BlockError::CompressionBroken));
    }
    assert_eq!(changed(58, b"XXXX"), Err(BlockError::CompressionBroken));
    assert_eq!(changed(14, &4_u32.to_be_bytes()), Err(BlockError::PayloadMalformed { count: 4 }));
    // A frame and something behind it.
    let mut longer = golden.clone();
    longer.splice(golden.len() - 4..golden.len() - 4, *b"behind");
    let stated = u32::from_be_bytes(golden[18..22].try_into().unwrap()) + 6;
    longer[18..22].copy_from_slice(&stated.to_be_bytes());
    assert_eq!(try_decode(&with_checksum(longer)), Err(BlockError::CompressionBroken));
}

#[test]
fn a_block_states_its_length_before_it_is_whole() {
    assert_eq!(stated_bytes(&golden()), Ok(107));
    assert_eq!(stated_bytes(&golden()[..22]), Ok(107));
    let short = stated_bytes(&golden()[..21]);
    assert_eq!(short, Err(BlockError::Truncated { bytes: 21, bytes_needed: 58 }));
    assert_eq!(stated_bytes(b"CLBX\x01"), Err(BlockError::MagicMismatch));
    assert_eq!(stated_bytes(b"CLBK\x02"), Err(BlockError::FormatVersionUnknown { version: 2 }));
}

#[test]
fn only_the_next_block_follows_a_link() {
    let first =
        decode(encode(0, BlockHash::ZERO, &golden_records(), Codec::Zstd).unwrap()).unwrap();
    Link::START.check(&first).unwrap();
    let link = Link::after(&first);
    assert_eq!(link, Link { next_position: 3, last_block: first.hash() });
    let follows = |position, previous| {
        link.check(
            &decode(encode(position, previous, &golden_records(), Codec::Zstd).unwrap()).unwrap(),
        )
    };
    assert_eq!(follows(3, first.hash()), Ok(()));
    assert_eq!(follows(4, first.hash()), Err(LinkError::Gap));
    assert_eq!(follows(2, first.hash()), Err(LinkError::Overlap { ends: 3 }));
    assert_eq!(follows(3, BlockHash::ZERO), Err(LinkError::ChainBroken));
}

#[test]
fn a_record_is_a_slice_of_the_block_and_not_a_copy() {
    let encoded = Bytes::from(golden());
    let block = decode(encoded.clone()).unwrap();
    let record = block.record(0x0102_0304_0506_0708).unwrap();
    assert_eq!(record.as_ptr(), encoded.slice(BLOCK_HEADER_BYTES + 4..).as_ptr());
}

#[test]
fn each_kind_of_damage_has_its_name() {
    let changed = |at: usize, to: &[u8]| {
        let mut bytes = golden();
        bytes[at..at + to.len()].copy_from_slice(to);
        with_checksum(bytes)
    };
    let long = [golden(), vec![0]].concat();
    let cases = [
        (Vec::new(), BlockError::Truncated { bytes: 0, bytes_needed: 58 }),
        (golden()[..57].to_vec(), BlockError::Truncated { bytes: 57, bytes_needed: 107 }),
        (golden()[..106].to_vec(), BlockError::Truncated { bytes: 106, bytes_needed: 107 }),
        (long, BlockError::TrailingBytes { bytes: 1 }),
        (changed(0, b"X"), BlockError::MagicMismatch),
        (changed(4, &[2]), BlockError::FormatVersionUnknown { version: 2 }),
        (changed(5, &[1]), BlockError::CompressionBroken),
        (changed(5, &[2]), BlockError::CodecUnknown { codec: 2 }),
        (changed(6, &[255; 8]), BlockError::PositionsOverflow),
        (changed(14, &[0; 4]), BlockError::NoRecords),
        (changed(14, &2_u32.to_be_bytes()), BlockError::PayloadMalformed { count: 2 }),
        (changed(14, &4_u32.to_be_bytes()), BlockError::PayloadMalformed { count: 4 }),
        (changed(14, &[255; 4]), BlockError::PayloadMalformed { count: u32::MAX }),
        (changed(54, &[255; 4]), BlockError::PayloadMalformed { count: 3 }),
    ];
    for (bytes, expected) in cases {
        assert_eq!(try_decode(&bytes), Err(expected));
    }
    let mut bytes = golden();
    bytes[60] ^= 1;
    let stored = u32::from_be_bytes(golden()[103..].try_into().unwrap());
    let computed = crc32fast::hash(&bytes[..103]);
    assert_eq!(try_decode(&bytes), Err(BlockError::ChecksumMismatch { stored, computed }));
}

#[test]
fn what_cannot_be_a_block_is_not_encoded() {
    let one = [Bytes::from_static(b"x")];
    assert_eq!(encode(0, BlockHash::ZERO, &[], Codec::None), Err(BlockError::NoRecords));
    assert_eq!(
        encode(u64::MAX, BlockHash::ZERO, &one, Codec::None),
        Err(BlockError::PositionsOverflow)
    );
}

prop_compose! {
    fn any_block()(
        first_position in 0..u64::MAX / 2,
        previous in vec(any::<u8>(), 0..8),
        records in vec(vec(any::<u8>(), 0..40), 1..8),
        alike in any::<bool>(),
        codec in prop_oneof![Just(Codec::None), Just(Codec::Zstd)],
    ) -> (u64, BlockHash, Vec<Bytes>, Codec) {
        // Only what repeats becomes shorter, so that both ways of storing a payload are met.
        let times = if alike { 9 } else { 1 };
        let records = records.into_iter().map(|record| Bytes::from(record.repeat(times))).collect();
        (first_position, BlockHash::of(&previous), records, codec)
    }
}

proptest! {
    #[test]
    fn a_block_reads_back_as_written((first_position, previous, records, codec) in any_block()) {
        let block = decode(encode(first_position, previous, &records, codec).unwrap()).unwrap();
        prop_assert_eq!(block.first_position(), first_position);
        prop_assert_eq!(block.previous(), previous);
        let read: Vec<Bytes> =
            block.positions().map(|position| block.record(position).unwrap()).collect();
        prop_assert_eq!(read, records);
    }

    #[test]
    fn every_single_bit_flip_is_detected((first_position, previous, records, codec) in any_block()) {
        let mut bytes = encode(first_position, previous, &records, codec).unwrap().to_vec();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                prop_assert!(try_decode(&bytes).is_err(), "bit {} of byte {}", bit, at);
                bytes[at] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn truncation_at_every_byte_is_detected((first_position, previous, records, codec) in any_block()) {
        let encoded = encode(first_position, previous, &records, codec).unwrap();
        for end in 0..encoded.len() {
            let truncated = try_decode(&encoded[..end]);
            prop_assert!(
                matches!(truncated, Err(BlockError::Truncated { bytes, .. }) if bytes == end),
                "cut at {}: {:?}", end, truncated
            );
        }
    }

    /// The checksum is made right, so that what lies behind it is reached.
    #[test]
    fn no_bytes_make_decoding_panic(
        (first_position, previous, records, codec) in any_block(),
        edits in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = encode(first_position, previous, &records, codec).unwrap().to_vec();
        for (at, to) in edits {
            let at = at.index(bytes.len());
            bytes[at] = to;
        }
        if let Ok(block) = try_decode(&with_checksum(bytes)) {
            prop_assert!(block.positions().all(|position| block.record(position).is_some()));
        }
    }

    #[test]
    fn noise_is_no_block(noise in vec(any::<u8>(), 0..200)) {
        prop_assert!(try_decode(&noise).is_err());
    }
}
