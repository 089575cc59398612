//! Which keys are certainly not in a group of a table, without reading its pages: a Bloom filter in
//! blocks of 32 bytes, each key one bit in each of the 8 words of one block. Pure.
//!
//! Of keys that are not there about one in 200 seems to be, and then a page is read for nothing. A key
//! that is there never seems not to be.

use super::layout::Key;

const BLOCK_BYTES: usize = 32;
const BITS_PER_KEY: usize = 12;
const WORDS: u32 = 8;
const BITS_PER_WORD: u64 = 32;

/// Bytes of the filter of so many keys.
pub(super) const fn bytes_for(keys: usize) -> usize {
    let blocks = (keys * BITS_PER_KEY) / (BLOCK_BYTES * 8);
    (if blocks == 0 { 1 } else { blocks }) * BLOCK_BYTES
}

/// The filter of keys.
pub(super) fn of_keys(keys: &[Key]) -> Vec<u8> {
    let mut filter = vec![0; bytes_for(keys.len())];
    for key in keys {
        let (block, bits) = place(*key, filter.len());
        let block = filter.get_mut(block..).unwrap_or_default();
        for (byte, bit) in bits {
            if let Some(byte) = block.get_mut(byte) {
                *byte |= bit;
            }
        }
    }
    filter
}

/// Whether a key may be among those that the filter is of.
pub(super) fn may_hold(filter: &[u8], key: Key) -> bool {
    let (block, mut bits) = place(key, filter.len());
    let block = filter.get(block..).unwrap_or_default();
    bits.all(|(byte, bit)| block.get(byte).is_some_and(|byte| byte & bit != 0))
}

/// Where the block of a key begins, and in it the bytes and their bits.
fn place(key: Key, filter_bytes: usize) -> (usize, impl Iterator<Item = (usize, u8)>) {
    let folded = u64::try_from(key >> 64).unwrap_or(0) ^ u64::try_from(key & LOW).unwrap_or(0);
    let chosen = mixed(folded);
    let blocks = u64::try_from(filter_bytes / BLOCK_BYTES).unwrap_or(0);
    let block = usize::try_from(chosen.checked_rem(blocks).unwrap_or(0)).unwrap_or(0);
    let spread = mixed(chosen);
    let bits = (0..WORDS).map(move |word| {
        let bit = (spread >> (word * BITS_PER_WORD.trailing_zeros())) % BITS_PER_WORD;
        let at = u64::from(word) * BITS_PER_WORD + bit;
        (usize::try_from(at / 8).unwrap_or(0), 1 << (at % 8))
    });
    (block * BLOCK_BYTES, bits)
}

const LOW: Key = 0xffff_ffff_ffff_ffff;

/// Spreads what differs in a few bits over all of them: the finalizer of `SplitMix64` (Steele, Lea, Flood
/// 2014). Stored filters depend on it.
pub(super) fn mixed(number: u64) -> u64 {
    let mut number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random keys, keys that count up, and keys whose halves are alike.
    fn keys(kind: u32, from: u64, count: u64) -> Vec<Key> {
        let wide = |number: u64| match kind {
            0 => Key::from(mixed(number)) << 64 | Key::from(mixed(number + 1)),
            1 => Key::from(number),
            _ => Key::from(number) << 64 | Key::from(number * 2),
        };
        (from..from + count).map(wide).collect()
    }

    #[test]
    fn every_key_is_held_and_few_others_seem_to_be() {
        for kind in 0..3 {
            for count in [1, 20, 300, 4470] {
                let (held, others) = (keys(kind, 0, count), keys(kind, 1_000_000, 10_000));
                let filter = of_keys(&held);
                assert!(held.iter().all(|key| may_hold(&filter, *key)), "{kind}, {count}");
                let seeming = others.iter().filter(|key| may_hold(&filter, **key)).count();
                assert!(seeming < 150, "{seeming} of 10000 of kind {kind}, with {count} keys");
            }
        }
    }

    #[test]
    fn the_filter_of_known_keys_keeps_its_bytes() {
        let filter = of_keys(&[1, 2, Key::MAX]);
        let halves = filter.as_chunks().0.iter().map(|half| u128::from_be_bytes(*half));
        let expected =
            [0x0080_1040_2001_0800_0200_0081_0080_0400, 0x0800_0220_c000_0004_0200_0030_2202_0000];
        assert!(halves.eq(expected), "{filter:02x?}");
    }

    #[test]
    fn an_empty_filter_holds_nothing() {
        assert!(!may_hold(&[], 7));
        assert!(!may_hold(&of_keys(&[]), 7));
    }
}
