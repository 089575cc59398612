//! Blocks, and the entries of the store in which they lie.

use bytes::Bytes;
use contract_ledger::block::{
    BLOCK_HEADER_BYTES, BLOCK_TRAILER_BYTES, Block, Codec, Link, decode, encode, stated_bytes,
};

use super::input::Input;

#[path = "../../src/log/entries.rs"]
mod entries;

use entries::{BlockKey, ENTRY_BYTES_MAX, ENTRY_KEY_BYTES_MAX, block_entries};

/// Offset of the codec of the payload.
const CODEC_AT: usize = 5;
/// Offset of the length of the payload.
const LENGTH_OFFSET: usize = 18;

/// The first byte says how much of the block is made right before it is decoded.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let choice = input.byte();
    let mut bytes = input.rest().to_vec();
    if choice & 1 == 1 {
        state_length(&mut bytes);
    }
    if choice & 2 == 2 {
        seal(&mut bytes);
    }
    key(&bytes);
    if choice & 4 == 4 {
        parts(&bytes);
    }
    let encoded = Bytes::from(bytes);
    let decoded = decode(encoded.clone());
    assert_eq!(decoded, decode(encoded.clone()), "decoded twice");
    if let Ok(block) = decoded {
        round_trip(&block, &encoded);
    }
}

/// What decodes is what encoding its records gives, and its records are within it.
fn round_trip(block: &Block, encoded: &Bytes) {
    let records: Vec<Bytes> = block
        .positions()
        .map(|position| block.record(position).expect("a position of the block has a record"))
        .collect();
    let plain = encode(block.first_position(), block.previous(), &records, Codec::None);
    if encoded.get(CODEC_AT) == Some(&0) {
        assert_eq!(plain.as_ref(), Ok(encoded), "encoded again");
    }
    // Who compresses may find another frame for the same records.
    for codec in [Codec::None, Codec::Zstd] {
        let again = encode(block.first_position(), block.previous(), &records, codec);
        let again = decode(again.expect("what was decoded can be encoded"));
        let again = again.expect("a block of ours");
        let read = again.positions().map(|position| again.record(position));
        assert!(read.eq(records.iter().cloned().map(Some)), "read again, {codec:?}");
    }
    assert_eq!(stated_bytes(encoded), Ok(encoded.len()), "the header states the length");
    let end = block.positions().end;
    assert_eq!(block.record(end), None, "a record behind the last");
    let before = block.first_position().checked_sub(1);
    assert_eq!(before.and_then(|position| block.record(position)), None, "a record before");
    let here = Link { next_position: block.first_position(), last_block: block.previous() };
    assert_eq!(here.check(block), Ok(()), "it follows what it states");
    assert_eq!(Link::after(block).next_position, end);
}

/// A key that is taken is written in one way only.
fn key(bytes: &[u8]) {
    for key in [bytes, bytes.get(..8).unwrap_or_default(), bytes.get(..12).unwrap_or_default()] {
        if let Some(read) = BlockKey::decode(key) {
            assert_eq!(read.encode(), key);
        }
    }
}

/// The parts of a block are in the order of their keys, and join to the block.
fn parts(bytes: &[u8]) {
    // Longer than one part, whatever the fuzzer's own limit is.
    let long = bytes.repeat(1 + ENTRY_BYTES_MAX.checked_div(bytes.len()).unwrap_or(0));
    let position = bytes.first_chunk().map_or(0, |chunk| u64::from_be_bytes(*chunk));
    let entries = block_entries(position, &long);
    assert!(entries.is_sorted_by_key(|entry| entry.key.clone()), "sorted by their keys");
    for entry in &entries {
        let key = BlockKey::decode(&entry.key).expect("a key of ours is read");
        assert!(BlockKey::first(position) <= key && key < BlockKey::last(position));
        assert!(entry.key.len() <= ENTRY_KEY_BYTES_MAX && entry.value.len() <= ENTRY_BYTES_MAX);
    }
    let joined: Vec<u8> = entries.into_iter().flat_map(|entry| entry.value).collect();
    assert_eq!(joined, long);
}

/// Makes the stated length of the payload fit the bytes.
pub fn state_length(bytes: &mut [u8]) {
    let payload = bytes.len().saturating_sub(BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES);
    let stated = u32::try_from(payload).expect("an input is short").to_be_bytes();
    if let Some(field) = bytes.get_mut(LENGTH_OFFSET..LENGTH_OFFSET + stated.len()) {
        field.copy_from_slice(&stated);
    }
}

/// Makes the checksum at the end fit the bytes before it.
pub fn seal(bytes: &mut [u8]) {
    if let Some((checked, checksum)) = bytes.split_last_chunk_mut::<BLOCK_TRAILER_BYTES>() {
        *checksum = crc32fast::hash(checked).to_be_bytes();
    }
}
