//! Writing a table: entries in the order of their keys, of new records or of smaller tables.
//!
//! A table that is being written is in nobody's way: nothing names it before it is whole.

use std::mem;
use std::sync::Arc;

use bytes::Bytes;

use super::filter;
use super::layout::{
    Catalogued, Entry, GROUP_PAGES, Key, PAGE_ENTRIES, begin_page, encode_group, group_key,
    page_key, push_entry,
};
use super::table::{Cursor, Groups, Table};
use crate::ledger::error::LedgerError;
use crate::log::DerivedTree;

/// Pages and groups that are written at once: sled lets nobody else write meanwhile.
const WRITE_PUTS_MAX: usize = 16;

type Put = (Vec<u8>, Vec<u8>);
/// A table, and what is left to write of it: only then may anything name it.
type Written = (Table, Vec<Put>);

/// A table that is being written.
#[derive(Debug)]
pub(super) struct TableWriter {
    number: u64,
    slot: u32,
    /// Of the page at hand.
    page: Vec<u8>,
    /// Of the group at hand.
    keys: Vec<Key>,
    /// First keys of its pages.
    page_first_keys: Vec<Key>,
    pages: u32,
    groups: Vec<Bytes>,
    entries: u64,
    puts: Vec<Put>,
}

impl TableWriter {
    pub(super) fn new(number: u64, slot: u32) -> Self {
        Self {
            number,
            slot,
            page: Vec::new(),
            keys: Vec::new(),
            page_first_keys: Vec::new(),
            pages: 0,
            groups: Vec::new(),
            entries: 0,
            puts: Vec::new(),
        }
    }

    pub(super) fn slot(&self) -> u32 {
        self.slot
    }

    /// Adds an entry, whose key is behind those before.
    pub(super) fn push(&mut self, tree: &DerivedTree, entry: Entry) -> Result<(), LedgerError> {
        if self.keys.len().is_multiple_of(PAGE_ENTRIES) {
            self.end_page();
            if self.keys.len() == PAGE_ENTRIES * GROUP_PAGES {
                self.end_group();
            }
            if self.puts.len() >= WRITE_PUTS_MAX {
                tree.apply(mem::take(&mut self.puts), tree.reached())?;
            }
            self.page = begin_page(self.number);
            self.page_first_keys.push(entry.key);
        }
        push_entry(&mut self.page, entry);
        self.keys.push(entry.key);
        self.entries += 1;
        Ok(())
    }

    fn end_page(&mut self) {
        if !self.page.is_empty() {
            self.puts.push((page_key(self.slot, self.pages), mem::take(&mut self.page)));
            self.pages += 1;
        }
    }

    fn end_group(&mut self) {
        if self.keys.is_empty() {
            return;
        }
        let filter = filter::of_keys(&self.keys);
        let value = encode_group(self.number, &self.page_first_keys, &filter);
        let group = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
        self.puts.push((group_key(self.slot, group), value.clone()));
        self.groups.push(Bytes::from(value));
        self.keys.clear();
        self.page_first_keys.clear();
    }

    pub(super) fn finish(mut self, tree: &DerivedTree) -> Result<Written, LedgerError> {
        self.end_page();
        self.end_group();
        let place = Catalogued { number: self.number, slot: self.slot, entries: self.entries };
        let mut groups = Groups::default();
        for value in &self.groups {
            if !groups.push(place, value) {
                return Err(tree.damaged().into());
            }
        }
        Ok((Table::written(place, groups), self.puts))
    }
}

/// A table that is being made of others.
#[derive(Debug)]
pub(super) struct Merge {
    cursors: Vec<Cursor>,
    writer: TableWriter,
}

impl Merge {
    pub(super) fn new(
        tables: Vec<Arc<Table>>,
        writer: TableWriter,
        tree: &DerivedTree,
    ) -> Result<Self, LedgerError> {
        let cursors = tables.into_iter().map(|table| Cursor::new(table, tree));
        Ok(Self { cursors: cursors.collect::<Result<_, _>>()?, writer })
    }

    /// Whether a table is among those that it reads.
    pub(super) fn reads(&self, table: &Arc<Table>) -> bool {
        self.cursors.iter().any(|cursor| Arc::ptr_eq(cursor.table(), table))
    }

    pub(super) fn slot(&self) -> u32 {
        self.writer.slot()
    }

    /// Takes in the next entries, at most so many, and tells how many are left of that. None are left
    /// to take in when it is more than nothing.
    pub(super) fn step(
        &mut self,
        tree: &DerivedTree,
        entries_max: u64,
    ) -> Result<u64, LedgerError> {
        for left in (0..entries_max).rev() {
            let entries = self.cursors.iter().filter_map(Cursor::entry);
            // No key is twice in a log; if one were, the newest would be found, as in one table.
            let Some(first) = entries.min_by_key(|one| (one.key, u64::MAX - one.position)) else {
                return Ok(left + 1);
            };
            for cursor in &mut self.cursors {
                while cursor.entry().is_some_and(|entry| entry.key == first.key) {
                    cursor.advance(tree)?;
                }
            }
            self.writer.push(tree, first)?;
        }
        Ok(0)
    }

    /// The merged table, and those that it takes the place of.
    pub(super) fn finish(
        self,
        tree: &DerivedTree,
    ) -> Result<(Written, Vec<Arc<Table>>), LedgerError> {
        let written = self.writer.finish(tree)?;
        let merged = self.cursors.into_iter().map(|cursor| Arc::clone(cursor.table()));
        Ok((written, merged.collect()))
    }
}
