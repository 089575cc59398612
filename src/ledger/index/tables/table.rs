//! One table: entries of many records in the order of their keys, written once.
//!
//! It must not write. Whoever holds a table keeps its place from being used again.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::filter;
use super::layout::{
    Catalogued, Entry, GROUP_PAGES, Key, Page, group_key, group_parts, page_entries, page_key,
};
use crate::ledger::error::LedgerError;
use crate::log::DerivedTree;

/// A table that is written.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) place: Catalogued,
    /// Read when it is first needed.
    groups: OnceLock<Groups>,
}

/// Where the keys of a table are, as far as that is in memory.
#[derive(Debug, Default)]
pub(super) struct Groups {
    first_keys: Vec<Key>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    page_first_keys: Vec<Key>,
    filter: Bytes,
}

impl Groups {
    /// Adds the next group of a table; false when the value is not one.
    pub(super) fn push(&mut self, place: Catalogued, value: &Bytes) -> bool {
        let number = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        let (pages, entries) = place.group_size(number);
        let Some((page_first_keys, filter)) = group_parts(place.number, pages, entries, value)
        else {
            return false;
        };
        let Some(first_key) = page_first_keys.first() else { return false };
        self.first_keys.push(*first_key);
        self.groups.push(Group { filter: value.slice_ref(filter), page_first_keys });
        true
    }
}

impl Table {
    /// One whose groups are read when they are needed.
    pub(super) fn stored(place: Catalogued) -> Self {
        Self { place, groups: OnceLock::new() }
    }

    /// One that was just written.
    pub(super) fn written(place: Catalogued, groups: Groups) -> Self {
        Self { place, groups: OnceLock::from(groups) }
    }

    fn groups(&self, tree: &DerivedTree) -> Result<&Groups, LedgerError> {
        if let Some(groups) = self.groups.get() {
            return Ok(groups);
        }
        let mut groups = Groups::default();
        for group in 0..self.place.groups() {
            let value = tree.get(&group_key(self.place.slot, group))?;
            if !value.is_some_and(|value| groups.push(self.place, &value)) {
                return Err(tree.damaged().into());
            }
        }
        Ok(self.groups.get_or_init(|| groups))
    }

    /// The position of a key.
    pub(super) fn find(&self, tree: &DerivedTree, key: Key) -> Result<Option<u64>, LedgerError> {
        let groups = self.groups(tree)?;
        let Some(group) = last_not_after(&groups.first_keys, key) else { return Ok(None) };
        let Some(Group { page_first_keys, filter }) = groups.groups.get(group) else {
            return Ok(None);
        };
        if !filter::may_hold(filter, key) {
            return Ok(None);
        }
        let Some(page) = last_not_after(page_first_keys, key) else { return Ok(None) };
        let before = group * GROUP_PAGES;
        let page = u32::try_from(before + page).unwrap_or(u32::MAX);
        let value = self.read_page(tree, page)?;
        Ok(self.page(page, &value).ok_or_else(|| tree.damaged())?.find(key))
    }

    /// What a page of it holds; none when the value is not that page.
    fn page<'v>(&self, page: u32, value: &'v [u8]) -> Option<Page<'v>> {
        page_entries(self.place.number, self.place.page_size(page), value)
    }

    fn read_page(&self, tree: &DerivedTree, page: u32) -> Result<Bytes, LedgerError> {
        Ok(tree.get(&page_key(self.place.slot, page))?.ok_or_else(|| tree.damaged())?)
    }
}

/// The last of sorted keys that is not after a key.
fn last_not_after(keys: &[Key], key: Key) -> Option<usize> {
    keys.partition_point(|first| *first <= key).checked_sub(1)
}

/// Reads the entries of a table in order, page by page.
#[derive(Debug)]
pub(super) struct Cursor {
    table: Arc<Table>,
    next_page: u32,
    page: Bytes,
    at: usize,
    entry: Option<Entry>,
}

impl Cursor {
    /// At the first entry.
    pub(super) fn new(table: Arc<Table>, tree: &DerivedTree) -> Result<Self, LedgerError> {
        let mut cursor = Self { table, next_page: 0, page: Bytes::new(), at: 0, entry: None };
        cursor.advance(tree)?;
        Ok(cursor)
    }

    /// The entry that it is at; none behind the last one.
    pub(super) fn entry(&self) -> Option<Entry> {
        self.entry
    }

    pub(super) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Goes on to the next entry.
    pub(super) fn advance(&mut self, tree: &DerivedTree) -> Result<(), LedgerError> {
        let read = self.next_page.checked_sub(1);
        let page = read.and_then(|read| self.table.page(read, &self.page));
        if let Some(entry) = page.and_then(|page| page.entry(self.at)) {
            self.at += 1;
            self.entry = Some(entry);
            return Ok(());
        }
        if self.next_page >= self.table.place.pages() {
            self.entry = None;
            return Ok(());
        }
        self.page = self.table.read_page(tree, self.next_page)?;
        let first = self.table.page(self.next_page, &self.page).and_then(|page| page.entry(0));
        self.entry = Some(first.ok_or_else(|| tree.damaged())?);
        self.next_page += 1;
        self.at = 1;
        Ok(())
    }
}
