//! The name and the header of a segment file, format version 1.
//!
//! Pure. It must not know files.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic, ASCII `CLAR` |
//! | 4 | 1 | format version, 1 |
//! | 5 | 8 | position of the first record, as in the name |
//! | 13 | 32 | SHA-256 of the block before the first one; zeros when there is none |
//! | 45 | 4 | CRC-32 (IEEE) of the 45 bytes before it |

use super::error::SegmentDamage;
use crate::block::{BlockHash, Link};

/// The first four bytes of every segment.
pub(super) const SEGMENT_MAGIC: [u8; 4] = *b"CLAR";
/// The format version that this program writes, and the only one that it reads.
pub(super) const SEGMENT_FORMAT_VERSION: u8 = 1;
/// The bytes before the first block.
pub const SEGMENT_HEADER_BYTES: usize = 49;

const CHECKED_BYTES: usize = SEGMENT_HEADER_BYTES - 4;
const NAME_START: &str = "segment-";
const NAME_END: &str = ".clar";
const NAME_DIGITS: usize = 20;

/// The name of the segment that begins at a position.
pub fn name(first_position: u64) -> String {
    format!("{NAME_START}{first_position:020}{NAME_END}")
}

/// The position that a segment's name states; `None` of any other name.
pub(super) fn position_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(NAME_START)?.strip_suffix(NAME_END)?;
    let only_digits =
        digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if only_digits { digits.parse().ok() } else { None }
}

/// The header of a segment whose first block follows `before`.
pub fn encode_header(before: Link) -> [u8; SEGMENT_HEADER_BYTES] {
    let mut checked = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    checked.extend_from_slice(&SEGMENT_MAGIC);
    checked.push(SEGMENT_FORMAT_VERSION);
    checked.extend_from_slice(&before.next_position.to_be_bytes());
    checked.extend_from_slice(before.last_block.as_bytes());
    let checksum = crc32fast::hash(&checked);
    let mut header = [0; SEGMENT_HEADER_BYTES];
    let bytes = checked.iter().chain(checksum.to_be_bytes().iter()).copied().collect::<Vec<u8>>();
    header.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    header
}

/// What the first block of a segment follows, by the segment's header.
///
/// The checksum is verified before the version: a flipped bit in the version is damage, and only a
/// sound header of another version is a format that this program does not know.
pub fn decode_header(segment: &[u8]) -> Result<Link, SegmentDamage> {
    let truncated = SegmentDamage::HeaderTruncated { bytes: segment.len() };
    let (header, _) =
        segment.split_first_chunk::<SEGMENT_HEADER_BYTES>().ok_or(truncated.clone())?;
    let (checked, stored) = header.split_last_chunk::<4>().ok_or(truncated.clone())?;
    debug_assert_eq!(checked.len(), CHECKED_BYTES);
    let (magic, rest) = checked.split_first_chunk::<4>().ok_or(truncated.clone())?;
    if *magic != SEGMENT_MAGIC {
        return Err(SegmentDamage::HeaderMagicMismatch);
    }
    let (stored, computed) = (u32::from_be_bytes(*stored), crc32fast::hash(checked));
    if stored != computed {
        return Err(SegmentDamage::HeaderChecksumMismatch { stored, computed });
    }
    let ([version], rest) = rest.split_first_chunk::<1>().ok_or(truncated.clone())?;
    if *version != SEGMENT_FORMAT_VERSION {
        return Err(SegmentDamage::FormatVersionUnknown { version: *version });
    }
    let (position, rest) = rest.split_first_chunk::<8>().ok_or(truncated.clone())?;
    let (hash, _) = rest.split_first_chunk::<32>().ok_or(truncated)?;
    Ok(Link {
        next_position: u64::from_be_bytes(*position),
        last_block: BlockHash::from_bytes(*hash),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_position_and_read_back() {
        assert_eq!(name(7), "segment-00000000000000000007.clar");
        for position in [0, 7, u64::MAX] {
            assert_eq!(position_of(&name(position)), Some(position));
        }
        assert!(name(9) < name(10));
    }

    #[test]
    fn other_names_are_no_segments() {
        for other in [
            "segment-7.clar",
            "segment-00000000000000000007.clar.gz",
            "segment-+0000000000000000007.clar",
            "segment-99999999999999999999.clar",
            "segment-00000000000000000007.unfinished",
            "",
        ] {
            assert_eq!(position_of(other), None, "{other}");
        }
    }
}
