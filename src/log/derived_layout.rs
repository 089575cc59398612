//! How a derived tree lies in its sled tree: the mark, the values, and the parts of long values.
//!
//! Pure. It must not know sled, nor what a key or a value means.
//!
//! | key | value |
//! | --- | --- |
//! | `00` | the mark: version (4 bytes), reached (8), generation (8) |
//! | `01`, user key | `00`, user value; or `01`, generation (8), length (4) of a value in parts |
//! | `02`, length of user key (2), user key, part number (4) | generation (8), part of a value |
//!
//! The first byte keeps the three apart, so no user key can be taken for the mark. Values go in
//! parts for the reason in `entries.rs`. A value's parts carry the generation of the write that
//! made them, so that a reader never joins parts of two values. Parts are overwritten and never
//! removed, again for the reason in `entries.rs`: a value that became shorter leaves parts that
//! nobody reads, at most as many as the longest value its key ever had.

use super::entries::{ENTRY_BYTES_MAX, ENTRY_KEY_BYTES_MAX};

/// The longest key of a derived tree in bytes.
pub const DERIVED_KEY_BYTES_MAX: usize = 256;
/// The longest value of a derived tree in bytes. Up to 7167 bytes it takes one entry.
pub const DERIVED_VALUE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The key of the mark.
pub(super) const MARK_KEY: [u8; 1] = [0];

const VALUE_KEY_TAG: u8 = 1;
const PART_KEY_TAG: u8 = 2;
const WHOLE_TAG: u8 = 0;
const IN_PARTS_TAG: u8 = 1;

/// What a part holds of a value, beside the generation.
const PART_BYTES_MAX: usize = ENTRY_BYTES_MAX - GENERATION_BYTES;
const GENERATION_BYTES: usize = 8;

const _: () = assert!(1 + 2 + DERIVED_KEY_BYTES_MAX + 4 <= ENTRY_KEY_BYTES_MAX);

/// How far a derived tree has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) version: u32,
    pub(super) reached: u64,
    pub(super) generation: u64,
}

impl Mark {
    pub(super) fn encode(self) -> Vec<u8> {
        let Self { version, reached, generation } = self;
        let mut bytes = version.to_be_bytes().to_vec();
        bytes.extend_from_slice(&reached.to_be_bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        bytes
    }

    /// `None` when the bytes are no mark.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk()?;
        let (reached, generation) = rest.split_first_chunk()?;
        Some(Self {
            version: u32::from_be_bytes(*version),
            reached: u64::from_be_bytes(*reached),
            generation: u64::from_be_bytes(generation.try_into().ok()?),
        })
    }
}

/// The key under which a user key is kept; of a prefix of user keys, the prefix of those.
pub(super) fn value_key(key: &[u8]) -> Vec<u8> {
    [&[VALUE_KEY_TAG], key].concat()
}

/// The end of the keys under which user keys are kept.
pub(super) fn values_end() -> Vec<u8> {
    vec![PART_KEY_TAG]
}

/// The user key of such a key.
pub(super) fn user_key(value_key: &[u8]) -> Option<&[u8]> {
    value_key.strip_prefix(&[VALUE_KEY_TAG])
}

/// A value that is too long for one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InParts {
    pub(super) generation: u64,
    pub(super) bytes: u32,
}

impl InParts {
    /// The keys of the parts, in order.
    pub(super) fn keys(self, key: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let mut prefix = vec![PART_KEY_TAG];
        let key_bytes = u16::try_from(key.len()).unwrap_or(u16::MAX);
        prefix.extend_from_slice(&key_bytes.to_be_bytes());
        prefix.extend_from_slice(key);
        let part_bytes = u32::try_from(PART_BYTES_MAX).unwrap_or(u32::MAX);
        (0..self.bytes.div_ceil(part_bytes))
            .map(move |part| [prefix.as_slice(), &part.to_be_bytes()].concat())
    }

    /// What is to be stored under those keys, in order.
    pub(super) fn parts(self, value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        value
            .chunks(PART_BYTES_MAX)
            .map(move |part| [&self.generation.to_be_bytes(), part].concat())
    }

    /// The part of this value in what is stored under one of the keys; `None` when that is a
    /// part of another value.
    pub(super) fn part(self, stored: &[u8]) -> Option<&[u8]> {
        stored.strip_prefix(&self.generation.to_be_bytes())
    }
}

/// What stands under a user key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored<'a> {
    Whole(&'a [u8]),
    InParts(InParts),
}

impl<'a> Stored<'a> {
    /// How a value is to be stored; `None` when it is longer than 32 bits can say.
    pub(super) fn of(value: &'a [u8], generation: u64) -> Option<Self> {
        if value.len() < ENTRY_BYTES_MAX {
            return Some(Self::Whole(value));
        }
        let bytes = u32::try_from(value.len()).ok()?;
        Some(Self::InParts(InParts { generation, bytes }))
    }

    pub(super) fn encode(self) -> Vec<u8> {
        match self {
            Self::Whole(value) => [&[WHOLE_TAG], value].concat(),
            Self::InParts(InParts { generation, bytes }) => {
                [&[IN_PARTS_TAG][..], &generation.to_be_bytes(), &bytes.to_be_bytes()].concat()
            }
        }
    }

    /// `None` when the bytes are not what [`Stored::encode`] makes.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&WHOLE_TAG, value) => Some(Self::Whole(value)),
            (&IN_PARTS_TAG, rest) => {
                let (generation, length) = rest.split_first_chunk()?;
                Some(Self::InParts(InParts {
                    generation: u64::from_be_bytes(*generation),
                    bytes: u32::from_be_bytes(length.try_into().ok()?),
                }))
            }
            (_, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_and_other_bytes_are_none() {
        let mark = Mark { version: 3, reached: u64::MAX, generation: 1 << 40 };
        let bytes = mark.encode();
        assert_eq!(Mark::decode(&bytes), Some(mark));
        for end in 0..bytes.len() {
            assert_eq!(Mark::decode(&bytes[..end]), None);
        }
        assert_eq!(Mark::decode(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn a_value_is_kept_whole_as_long_as_it_fits_an_entry() {
        let fits = vec![5; ENTRY_BYTES_MAX - 1];
        let whole = Stored::of(&fits, 9).unwrap();
        assert_eq!(whole, Stored::Whole(&fits));
        assert_eq!(whole.encode().len(), ENTRY_BYTES_MAX);
        assert_eq!(Stored::decode(&whole.encode()), Some(whole));

        let long = vec![5; ENTRY_BYTES_MAX];
        let in_parts = Stored::of(&long, 9).unwrap();
        assert_eq!(in_parts, Stored::InParts(InParts { generation: 9, bytes: 7168 }));
        assert_eq!(Stored::decode(&in_parts.encode()), Some(in_parts));
    }

    #[test]
    fn bytes_that_are_no_stored_value_are_none() {
        for bytes in [&[][..], &[2], &[1], &[1; 12], &[1; 14]] {
            assert_eq!(Stored::decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn parts_join_to_the_value_and_are_known_from_those_of_another() {
        let value: Vec<u8> = (0..=255).cycle().take(20_000).collect();
        let in_parts = InParts { generation: 9, bytes: 20_000 };
        let other = InParts { generation: 10, bytes: 20_000 };
        let stored: Vec<Vec<u8>> = in_parts.parts(&value).collect();
        assert_eq!(in_parts.keys(b"key").count(), stored.len());
        assert!(stored.iter().all(|part| part.len() <= ENTRY_BYTES_MAX));
        assert!(stored.iter().all(|part| other.part(part).is_none()));
        let joined: Vec<u8> =
            stored.iter().flat_map(|part| in_parts.part(part).unwrap()).copied().collect();
        assert_eq!(joined, value);
    }

    #[test]
    fn no_two_keys_share_a_part_and_no_user_key_is_the_mark() {
        let parts = InParts { generation: 0, bytes: 7168 * 2 + 1 };
        let keys = [&b""[..], b"a", b"a\0", b"ab", b"\0", b"\0\0\0\0\0\0\0\0\0\0\0\0"];
        let mut all: Vec<Vec<u8>> =
            keys.iter().flat_map(|key| parts.keys(key)).chain([MARK_KEY.to_vec()]).collect();
        all.extend(keys.iter().map(|key| value_key(key)));
        let count = all.len();
        assert_eq!(count, 6 * 3 + 1 + 6);
        all.sort();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
