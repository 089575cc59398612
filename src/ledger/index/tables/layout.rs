//! How tables lie in their derived tree. Pure.
//!
//! | key | value |
//! | --- | --- |
//! | `00` | the catalogue: for each table its number (8 bytes), slot (4), entries (8) |
//! | `01`, slot (4), page (4) | number of the table (8), then entries: key (16), position (8) |
//! | `02`, slot (4), group (4) | number of the table (8), first keys of its pages (16 each), filter |
//!
//! Numbers are big-endian. The entries of a table are in the order of their keys, 298 to a page and 15
//! pages to a group, the last ones shorter. The keys of a group are in its filter ([`super::filter`]).
//! A page is as long as one entry of the log's store can be, and so is a group.

use super::filter;

/// A key: 16 bytes, read as a number so that they compare at once.
pub(super) type Key = u128;

/// What a table holds of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger::index) struct Entry {
    pub(super) key: Key,
    pub(in crate::ledger::index) position: u64,
}

impl Entry {
    pub(in crate::ledger::index) fn new(key: [u8; KEY_BYTES], position: u64) -> Self {
        Self { key: Key::from_be_bytes(key), position }
    }

    /// The key's bytes.
    pub(in crate::ledger::index) fn key_bytes(self) -> [u8; KEY_BYTES] {
        self.key.to_be_bytes()
    }
}

pub(super) const PAGE_ENTRIES: usize = 298;
pub(super) const GROUP_PAGES: usize = 15;
const ENTRY_BYTES: usize = KEY_BYTES + 8;
const KEY_BYTES: usize = 16;
const NUMBER_BYTES: usize = 8;
const CATALOGUED_BYTES: usize = 8 + 4 + 8;

/// What the store keeps in one entry.
const VALUE_BYTES_MAX: usize = 7167;
const _: () = assert!(NUMBER_BYTES + PAGE_ENTRIES * ENTRY_BYTES <= VALUE_BYTES_MAX);
const _: () = assert!(
    NUMBER_BYTES + GROUP_PAGES * KEY_BYTES + filter::bytes_for(GROUP_PAGES * PAGE_ENTRIES)
        <= VALUE_BYTES_MAX
);

/// What the catalogue says of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Catalogued {
    /// No two tables of one opening have the same.
    pub(super) number: u64,
    /// Where it lies; whoever comes after it may lie there too.
    pub(super) slot: u32,
    pub(super) entries: u64,
}

impl Catalogued {
    pub(super) fn pages(self) -> u32 {
        parts(self.entries, PAGE_ENTRIES)
    }

    pub(super) fn groups(self) -> u32 {
        parts(self.entries, PAGE_ENTRIES * GROUP_PAGES)
    }

    /// Entries of a page.
    pub(super) fn page_size(self, page: u32) -> usize {
        self.left_after(page, PAGE_ENTRIES).min(PAGE_ENTRIES)
    }

    /// Entries behind so many parts.
    fn left_after(self, parts: u32, part_entries: usize) -> usize {
        let part_entries = u64::try_from(part_entries).unwrap_or(u64::MAX);
        let before = u64::from(parts).saturating_mul(part_entries);
        usize::try_from(self.entries.saturating_sub(before)).unwrap_or(usize::MAX)
    }

    /// Pages of a group, and the entries in them.
    pub(super) fn group_size(self, group: u32) -> (usize, usize) {
        let whole = PAGE_ENTRIES * GROUP_PAGES;
        let entries = self.left_after(group, whole).min(whole);
        (entries.div_ceil(PAGE_ENTRIES), entries)
    }
}

fn parts(entries: u64, part_entries: usize) -> u32 {
    let part_entries = u64::try_from(part_entries).unwrap_or(u64::MAX);
    u32::try_from(entries.div_ceil(part_entries)).unwrap_or(u32::MAX)
}

pub(super) const CATALOGUE_KEY: [u8; 1] = [0];

pub(super) fn page_key(slot: u32, page: u32) -> Vec<u8> {
    [&[1], &slot.to_be_bytes()[..], &page.to_be_bytes()[..]].concat()
}

pub(super) fn group_key(slot: u32, group: u32) -> Vec<u8> {
    [&[2], &slot.to_be_bytes()[..], &group.to_be_bytes()[..]].concat()
}

pub(super) fn encode_catalogue(tables: impl Iterator<Item = Catalogued>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Catalogued { number, slot, entries } in tables {
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&slot.to_be_bytes());
        bytes.extend_from_slice(&entries.to_be_bytes());
    }
    bytes
}

/// None when the bytes are no catalogue.
pub(super) fn decode_catalogue(bytes: &[u8]) -> Option<Vec<Catalogued>> {
    let tables = bytes.chunks(CATALOGUED_BYTES).map(|one| {
        let (number, rest) = one.split_first_chunk()?;
        let (slot, entries) = rest.split_first_chunk()?;
        Some(Catalogued {
            number: u64::from_be_bytes(*number),
            slot: u32::from_be_bytes(*slot),
            entries: u64::from_be_bytes(entries.try_into().ok()?),
        })
    });
    tables.collect()
}

/// The beginning of a page or a group.
pub(super) fn begin(number: u64, bytes: usize) -> Vec<u8> {
    let mut value = Vec::with_capacity(NUMBER_BYTES + bytes);
    value.extend_from_slice(&number.to_be_bytes());
    value
}

pub(super) fn begin_page(number: u64) -> Vec<u8> {
    begin(number, PAGE_ENTRIES * ENTRY_BYTES)
}

pub(super) fn push_entry(page: &mut Vec<u8>, entry: Entry) {
    page.extend_from_slice(&entry.key.to_be_bytes());
    page.extend_from_slice(&entry.position.to_be_bytes());
}

pub(super) fn encode_group(number: u64, first_keys: &[Key], filter: &[u8]) -> Vec<u8> {
    let mut value = begin(number, first_keys.len() * KEY_BYTES + filter.len());
    for key in first_keys {
        value.extend_from_slice(&key.to_be_bytes());
    }
    value.extend_from_slice(filter);
    value
}

/// The entries of a page of this table, that many; none when it is another.
pub(super) fn page_entries(number: u64, entries: usize, value: &[u8]) -> Option<Page<'_>> {
    let rest = value.strip_prefix(&number.to_be_bytes())?;
    (rest.len() == entries.checked_mul(ENTRY_BYTES)?).then_some(Page { entries: rest })
}

/// The first keys and the filter of a group of this table, that many; none when it is another.
pub(super) fn group_parts(
    number: u64,
    pages: usize,
    entries: usize,
    value: &[u8],
) -> Option<(Vec<Key>, &[u8])> {
    let rest = value.strip_prefix(&number.to_be_bytes())?;
    let (keys, filter) = rest.split_at_checked(pages.checked_mul(KEY_BYTES)?)?;
    let keys = keys.as_chunks().0.iter().map(|key| Key::from_be_bytes(*key)).collect();
    (filter.len() == filter::bytes_for(entries)).then_some((keys, filter))
}

/// The entries of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    entries: &'a [u8],
}

impl Page<'_> {
    pub(super) fn len(self) -> usize {
        self.entries.len() / ENTRY_BYTES
    }

    pub(super) fn entry(self, index: usize) -> Option<Entry> {
        let entry = self.entries.get(index.checked_mul(ENTRY_BYTES)?..)?;
        let (key, rest) = entry.split_first_chunk()?;
        let position = rest.first_chunk()?;
        Some(Entry { key: Key::from_be_bytes(*key), position: u64::from_be_bytes(*position) })
    }

    /// The position of a key.
    pub(super) fn find(self, key: Key) -> Option<u64> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.entry(middle)?;
            match entry.key.cmp(&key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(entry.position),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_reads_back_and_what_is_cut_short_is_none() {
        let tables = [
            Catalogued { number: 7, slot: 1, entries: 298 },
            Catalogued { number: u64::MAX, slot: u32::MAX, entries: 299 },
        ];
        let bytes = encode_catalogue(tables.into_iter());
        assert_eq!(decode_catalogue(&bytes).unwrap(), tables);
        assert_eq!(decode_catalogue(&[]).unwrap(), []);
        assert_eq!(tables.map(Catalogued::pages), [1, 2]);
        for end in (1..bytes.len()).filter(|end| *end != CATALOGUED_BYTES) {
            assert_eq!(decode_catalogue(&bytes[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_table_has_as_many_pages_and_groups_as_its_entries_fill() {
        let of = |entries| Catalogued { number: 0, slot: 0, entries };
        for (entries, pages, groups) in
            [(0, 0, 0), (1, 1, 1), (298, 1, 1), (299, 2, 1), (4470, 15, 1), (4471, 16, 2)]
        {
            assert_eq!((of(entries).pages(), of(entries).groups()), (pages, groups), "{entries}");
        }
        assert_eq!([0, 14, 16, 17].map(|page| of(4771).page_size(page)), [298, 298, 3, 0]);
        assert_eq!(
            [0, 1, 2].map(|group| of(4771).group_size(group)),
            [(15, 4470), (2, 301), (0, 0)]
        );
    }

    #[test]
    fn a_page_finds_each_of_its_keys_and_no_other() {
        let mut value = begin_page(9);
        for entry in 1..=298_u64 {
            push_entry(&mut value, Entry { key: Key::from(entry) << 64, position: entry });
        }
        assert_eq!(value.len(), 7160);
        let page = page_entries(9, 298, &value).unwrap();
        assert_eq!(page.len(), 298);
        for entry in 1..=298_u64 {
            assert_eq!(page.find(Key::from(entry) << 64), Some(entry));
            assert_eq!(page.find((Key::from(entry) << 64) + 1), None);
        }
        assert_eq!(page.find(0), None);
        assert!(page_entries(8, 298, &value).is_none(), "of another table");
        assert!(page_entries(9, 298, &value[..7136]).is_none(), "an entry is gone");
        assert!(page_entries(9, 297, &value).is_none(), "there is one too many");
        assert!(page_entries(9, 298, &[]).is_none(), "emptied");
    }

    #[test]
    fn a_group_reads_back_and_is_none_of_another_size_or_table() {
        let filter = vec![5; filter::bytes_for(301)];
        let value = encode_group(9, &[1, Key::MAX], &filter);
        assert_eq!(group_parts(9, 2, 301, &value), Some((vec![1, Key::MAX], &filter[..])));
        assert_eq!(group_parts(8, 2, 301, &value), None);
        assert_eq!(group_parts(9, 1, 301, &value), None);
        assert_eq!(group_parts(9, 2, 400, &value), None);
        assert_eq!(group_parts(9, 2, 301, &[]), None);
    }
}
