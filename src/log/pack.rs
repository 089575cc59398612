//! Packs records into encoded blocks, each chained to the one before.
//!
//! Pure. It must not know where the blocks go.

use bytes::Bytes;

use crate::block::{
    self, BLOCK_HEADER_BYTES, BLOCK_TRAILER_BYTES, BlockError, BlockHash, Codec,
    RECORD_PREFIX_BYTES,
};

/// One encoded block, and the position of its first record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PackedBlock {
    pub(super) first_position: u64,
    pub(super) encoded: Bytes,
}

/// Packs groups of records from `next_position` on into blocks of at most `block_bytes_max` bytes
/// before compression. A group is never split, so that whoever is left with some of the blocks has no
/// group in part; one too long for a block gets a longer one of its own. Returns the blocks in order
/// and the hash of the last, which is `previous` when there is none.
pub(super) fn pack(
    groups: &[&[Bytes]],
    next_position: u64,
    previous: BlockHash,
    block_bytes_max: usize,
    codec: Codec,
) -> Result<(Vec<PackedBlock>, BlockHash), BlockError> {
    let mut blocks = Vec::new();
    let mut previous = previous;
    let mut first_position = next_position;
    let mut rest = groups;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(count_that_fits(rest, block_bytes_max));
        let now = now.concat();
        let encoded = block::encode(first_position, previous, &now, codec)?;
        previous = BlockHash::of(&encoded);
        blocks.push(PackedBlock { first_position, encoded });
        let count = u64::try_from(now.len()).map_err(|_| BlockError::TooLong)?;
        first_position = first_position.checked_add(count).ok_or(BlockError::PositionsOverflow)?;
        rest = later;
    }
    Ok((blocks, previous))
}

/// How many of the first groups share a block; at least one of a list that is not empty.
fn count_that_fits(groups: &[&[Bytes]], block_bytes_max: usize) -> usize {
    let mut bytes = BLOCK_HEADER_BYTES + BLOCK_TRAILER_BYTES;
    let fits = groups
        .iter()
        .take_while(|group| {
            bytes = group.iter().fold(bytes, |bytes, record| {
                bytes.saturating_add(RECORD_PREFIX_BYTES).saturating_add(record.len())
            });
            bytes <= block_bytes_max
        })
        .count();
    fits.max(1).min(groups.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(lengths: &[usize]) -> Vec<Bytes> {
        lengths.iter().map(|length| Bytes::from(vec![7; *length])).collect()
    }

    fn counts(lengths: &[usize], block_bytes_max: usize) -> Vec<u64> {
        let records = records(lengths);
        counts_of(&records.chunks(1).collect::<Vec<_>>(), block_bytes_max)
    }

    fn counts_of(groups: &[&[Bytes]], block_bytes_max: usize) -> Vec<u64> {
        let (blocks, _) = pack(groups, 10, BlockHash::ZERO, block_bytes_max, Codec::None).unwrap();
        blocks
            .into_iter()
            .map(|packed| {
                let positions = block::decode(packed.encoded).unwrap().positions();
                positions.end - positions.start
            })
            .collect()
    }

    #[test]
    fn blocks_are_filled_to_the_limit_and_no_further() {
        // 58 bytes around the payload, and 4 before each record.
        let cases: &[(&[usize], usize, &[u64])] = &[
            (&[], 100, &[]),
            (&[0], 100, &[1]),
            (&[38], 100, &[1]),
            (&[10, 24], 100, &[2]),
            (&[10, 25], 100, &[1, 1]),
            (&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 100, &[10, 1]),
            (&[39, 0], 100, &[1, 1]),
            (&[0, 5000, 0, 0], 100, &[1, 1, 2]),
        ];
        for (lengths, block_bytes_max, expected) in cases {
            assert_eq!(&counts(lengths, *block_bytes_max), expected, "lengths {lengths:?}");
        }
    }

    #[test]
    fn each_block_states_the_hash_of_the_one_before() {
        let start = BlockHash::of(b"what came before");
        let records = records(&[60; 5]);
        let groups: Vec<&[Bytes]> = records.chunks(1).collect();
        let (blocks, last) = pack(&groups, 3, start, 100, Codec::Zstd).unwrap();
        let mut previous = start;
        let mut next_position = 3;
        for packed in blocks {
            let block = block::decode(packed.encoded).unwrap();
            assert_eq!(block.previous(), previous);
            assert_eq!(block.first_position(), next_position);
            assert_eq!(packed.first_position, next_position);
            previous = block.hash();
            next_position = block.positions().end;
        }
        assert_eq!((previous, next_position), (last, 8));
    }

    #[test]
    fn positions_past_the_end_of_the_range_are_refused() {
        let refused = pack(&[&records(&[1, 1])], u64::MAX - 1, BlockHash::ZERO, 4096, Codec::Zstd);
        assert_eq!(refused, Err(BlockError::PositionsOverflow));
    }

    #[test]
    fn a_group_is_never_split_however_long_it_is() {
        let records = records(&[20; 9]);
        // 58 bytes of header and trailer, 24 for each record.
        let groups = [&records[..1], &records[1..3], &records[3..8], &records[8..]];
        assert_eq!(counts_of(&groups, 58 + 3 * 24), [3, 5, 1]);
        assert_eq!(counts_of(&groups, 58 + 2 * 24), [1, 2, 5, 1]);
    }
}
