//! How a value of any length is laid over sled entries, and how a block's keys are formed.
//!
//! Pure. It must not know sled's types; it knows one fact about sled, the reason for this file:
//!
//! sled 0.34.7 keeps no page larger than a quarter of a segment in its log file
//! (`MINIMUM_ITEMS_PER_SEGMENT = 4`, segments of 512 KiB: 131 052 bytes less a message header of
//! at most 32). A larger page goes to a file of its own under `blobs/`, written without any sync,
//! not even `sync_file_range`; and when such a file is missing at the next start, sled skips the
//! page without a word (`DanglingBlob` in its `iterator.rs`), which undoes every entry in it.
//! sled also unlinks blobs by its own count of what is stable, which is not what the device
//! has. So no page may ever be that large. A leaf holds at most 17 entries (`should_split`: more
//! than 16 are split before the next write), as long as none is removed: a leaf of fewer than 4
//! is merged into its left neighbour, whatever that holds. Hence two rules:
//!
//! - 17 entries of the longest key and the longest value stay below the limit; what is longer is
//!   spread over several entries.
//! - Entries are overwritten, not removed. Only a whole tree is emptied, from its first key on,
//!   so that the left neighbour of what shrinks is empty already.

/// The longest value of one sled entry: 17 × (7168 + [`ENTRY_KEY_BYTES_MAX`] + 24) = 126 735.
pub(super) const ENTRY_BYTES_MAX: usize = 7 * 1024;

/// The longest key of one sled entry. It bounds sled's index pages too, which hold at most 257
/// keys.
pub(super) const ENTRY_KEY_BYTES_MAX: usize = 263;

/// One sled entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// Cuts an encoded block into entries: the first under the block's first position, the rest
/// under that position followed by 1, 2, 3, … in four bytes. So the entries of a block are
/// neighbours in key order, and lie between those of the blocks before and after.
pub(super) fn block_entries(first_position: u64, encoded: &[u8]) -> Vec<Entry> {
    encoded
        .chunks(ENTRY_BYTES_MAX)
        .zip(0_u32..)
        .map(|(part, number)| Entry {
            key: BlockKey { first_position, part: number }.encode(),
            value: part.to_vec(),
        })
        .collect()
}

/// The key of one part of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BlockKey {
    pub(super) first_position: u64,
    pub(super) part: u32,
}

impl BlockKey {
    /// The key of a block's first part.
    pub(super) fn first(first_position: u64) -> Self {
        Self { first_position, part: 0 }
    }

    /// A key that no part of the block, nor of an earlier block, comes after.
    pub(super) fn last(first_position: u64) -> Self {
        Self { first_position, part: u32::MAX }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut key = self.first_position.to_be_bytes().to_vec();
        if self.part > 0 {
            key.extend_from_slice(&self.part.to_be_bytes());
        }
        key
    }

    /// `None` when the bytes are not a key that [`BlockKey::encode`] makes.
    pub(super) fn decode(key: &[u8]) -> Option<Self> {
        let (first_position, part) = key.split_first_chunk()?;
        let part = if part.is_empty() {
            0
        } else {
            u32::from_be_bytes(part.try_into().ok().filter(|part| *part != [0; 4])?)
        };
        Some(Self { first_position: u64::from_be_bytes(*first_position), part })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `segment_size / MINIMUM_ITEMS_PER_SEGMENT - SEG_HEADER_LEN`, less `MAX_MSG_HEADER_LEN`.
    const SLED_PAGE_BYTES_MAX: usize = 512 * 1024 / 4 - 20 - 32;
    const SLED_LEAF_ENTRIES_MAX: usize = 17;
    const SLED_INDEX_ENTRIES_MAX: usize = 257;
    /// Lengths and counts that sled writes beside each entry: two varints of at most 9 bytes.
    const SLED_ENTRY_OVERHEAD_BYTES: usize = 24;

    #[test]
    fn the_fullest_page_stays_below_the_size_at_which_sled_writes_a_blob() {
        let entry = ENTRY_BYTES_MAX + ENTRY_KEY_BYTES_MAX + SLED_ENTRY_OVERHEAD_BYTES;
        let bounds = 2 * ENTRY_KEY_BYTES_MAX + 100;
        assert!(SLED_LEAF_ENTRIES_MAX * entry + bounds < SLED_PAGE_BYTES_MAX);
        let child = ENTRY_KEY_BYTES_MAX + SLED_ENTRY_OVERHEAD_BYTES;
        assert!(SLED_INDEX_ENTRIES_MAX * child + bounds < SLED_PAGE_BYTES_MAX);
    }

    #[test]
    fn parts_of_a_block_join_to_the_block_again() {
        for length in [0, 1, ENTRY_BYTES_MAX, ENTRY_BYTES_MAX + 1, 3 * ENTRY_BYTES_MAX] {
            let encoded: Vec<u8> = (0..=255).cycle().take(length).collect();
            let entries = block_entries(9, &encoded);
            assert_eq!(entries.len(), length.div_ceil(ENTRY_BYTES_MAX));
            assert!(entries.is_sorted_by_key(|entry| entry.key.clone()));
            assert!(entries.iter().all(|entry| entry.value.len() <= ENTRY_BYTES_MAX));
            let joined: Vec<u8> = entries.into_iter().flat_map(|entry| entry.value).collect();
            assert_eq!(joined, encoded);
        }
    }

    #[test]
    fn keys_sort_by_position_then_part_and_read_back() {
        let keys = [
            BlockKey::first(0),
            BlockKey { first_position: 0, part: 1 },
            BlockKey { first_position: 0, part: 256 },
            BlockKey::last(0),
            BlockKey::first(1),
            BlockKey { first_position: 1, part: 1 },
            BlockKey::first(256),
            BlockKey::last(u64::MAX),
        ];
        assert!(keys.is_sorted_by_key(|key| key.encode()));
        for key in keys {
            assert_eq!(BlockKey::decode(&key.encode()), Some(key));
        }
    }

    #[test]
    fn keys_are_the_bytes_that_were_agreed() {
        assert_eq!(BlockKey::first(0x0102).encode(), [0, 0, 0, 0, 0, 0, 1, 2]);
        let part = BlockKey { first_position: 1, part: 0x0304 };
        assert_eq!(part.encode(), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 3, 4]);
    }

    #[test]
    fn bytes_that_are_no_key_are_refused() {
        for bytes in [&[][..], &[0; 7], &[0; 9], &[0; 12], &[1; 11], &[1; 13]] {
            assert_eq!(BlockKey::decode(bytes), None, "{bytes:?}");
        }
    }
}
