//! Keys and the positions they stand for, in tables: each holds those of many records, in the order of
//! the keys, and is written once. Eight tables of about one size are made into one, a little with every
//! write, so that few are to be looked through and no write takes long.
//!
//! A random key written by itself costs a page of sled's. In a table it costs its 24 bytes, about four
//! times until its log has ten million records. A filter in memory tells of nearly every table that a key
//! is not in it, so that a new key is not looked for on the disk.
//!
//! Nothing is removed from the tree (the log's store has its reasons): a table lies in a slot, and once
//! the catalogue names it no more and nobody reads it, another of its level may lie there. So the tree
//! takes about twice the room of what it holds.

mod filter;
mod layout;
mod merge;
mod table;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

pub(super) use layout::Entry;
use layout::{CATALOGUE_KEY, Key, decode_catalogue, encode_catalogue};
use merge::{Merge, TableWriter};
use table::{Cursor, Table};

use super::super::error::{LedgerError, WithCauses};
use crate::log::{DerivedTree, LogReader};

/// Raise it when the layout changes; the tables are then made anew.
const TABLES_VERSION: u32 = 2;
/// Tables of one level that are made into one of the next.
const MERGED_TABLES: usize = 8;
/// Tables of fewer entries are all of the lowest level.
const LEAST_LEVEL_ENTRIES: u64 = 512;
/// Entries that are merged for each that is added. An entry comes once to each level, and there are
/// fewer of them in any log that fits a disk.
const MERGED_PER_ADDED: u64 = 8;
/// Entries that are merged at least with a write.
const MERGED_LEAST: u64 = 1024;
/// Slots of a level are next to each other.
const LEVEL_SLOTS: u32 = 1 << 16;

/// Every table of one tree.
#[derive(Debug)]
pub(super) struct Tables {
    reader: LogReader,
    tree: DerivedTree,
    /// As the catalogue names them, the oldest first.
    catalogue: RwLock<Arc<[Arc<Table>]>>,
    writing: Mutex<Writing>,
}

#[derive(Debug)]
struct Writing {
    next_number: u64,
    /// Each of another level, the lowest first.
    merges: Vec<(u32, Merge)>,
    /// Tables that nothing names any more, as long as somebody reads them.
    left: Vec<Arc<Table>>,
    /// A table cannot be read, so that nothing is merged until the next start has made all anew.
    is_damaged: bool,
}

impl Tables {
    /// The tables of a derived tree; none, and reached nothing, when another version wrote it.
    pub(super) fn open(reader: &LogReader, name: &str) -> Result<Self, LedgerError> {
        let tree = reader.derived(name, TABLES_VERSION)?;
        let catalogue = match tree.get(&CATALOGUE_KEY)? {
            None if tree.reached() == 0 => Some(Vec::new()),
            None => None,
            Some(catalogue) => decode_catalogue(&catalogue),
        };
        let catalogue = catalogue.ok_or_else(|| tree.damaged())?;
        let next_number = catalogue.iter().map(|table| table.number.saturating_add(1)).max();
        let tables = catalogue.into_iter().map(|place| Arc::new(Table::stored(place)));
        Ok(Self {
            reader: reader.clone(),
            tree,
            catalogue: RwLock::new(tables.collect()),
            writing: Mutex::new(Writing {
                next_number: next_number.unwrap_or(0),
                merges: Vec::new(),
                left: Vec::new(),
                is_damaged: false,
            }),
        })
    }

    pub(super) fn name(&self) -> &str {
        self.tree.name()
    }

    /// The next position of the log that is not taken in.
    pub(super) fn reached(&self) -> u64 {
        self.tree.reached()
    }

    /// The position that a key stands for.
    pub(super) fn find(&self, key: [u8; 16]) -> Result<Option<u64>, LedgerError> {
        let key = Key::from_be_bytes(key);
        for table in self.tables().iter().rev() {
            if let Some(position) = table.find(&self.tree, key)? {
                return Ok(Some(position));
            }
        }
        Ok(None)
    }

    /// Adds the entries of records up to a position, all of them or none, and goes on with what is to be
    /// merged.
    pub(super) fn add(&self, mut entries: Vec<Entry>, reached: u64) -> Result<(), LedgerError> {
        let mut writing = self.writing();
        if entries.is_empty() {
            let tables = self.tables();
            return if tables.is_empty() {
                self.publish(Vec::new(), Vec::new(), reached)
            } else {
                Ok(self.tree.apply(Vec::new(), reached)?)
            };
        }
        entries.sort_unstable_by_key(|entry| (entry.key, u64::MAX - entry.position));
        entries.dedup_by_key(|entry| entry.key);
        let added = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let mut writer = self.writer(&mut writing, added);
        for entry in entries {
            writer.push(&self.tree, entry)?;
        }
        let (table, puts) = writer.finish(&self.tree)?;
        let mut tables = self.tables().to_vec();
        tables.push(Arc::new(table));
        self.publish(tables, puts, reached)?;
        if writing.is_damaged {
            return Ok(());
        }
        match self.go_on(&mut writing, added.saturating_mul(MERGED_PER_ADDED).max(MERGED_LEAST)) {
            Err(error) if error.is_index_damage() => {
                // What is added is added, and the tables are as they were.
                tracing::error!(tree = self.name(), error = %WithCauses(&error), "merging stops");
                writing.is_damaged = true;
                Ok(())
            }
            gone_on => gone_on,
        }
    }

    /// Every entry of every table, table by table.
    pub(super) fn scan(&self) -> TablesScan {
        TablesScan { tree: self.tree.clone(), tables: self.tables().to_vec(), cursor: None }
    }

    fn tables(&self) -> Arc<[Arc<Table>]> {
        Arc::clone(&self.catalogue.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the catalogue together with the last of a table and the mark, and then has it read.
    fn publish(
        &self,
        tables: Vec<Arc<Table>>,
        mut puts: Vec<(Vec<u8>, Vec<u8>)>,
        reached: u64,
    ) -> Result<(), LedgerError> {
        let catalogue = encode_catalogue(tables.iter().map(|table| table.place));
        puts.push((CATALOGUE_KEY.to_vec(), catalogue));
        self.tree.apply(puts, reached)?;
        *self.catalogue.write().unwrap_or_else(PoisonError::into_inner) = tables.into();
        Ok(())
    }

    /// A table of so many entries, in a slot of its level that none has.
    fn writer(&self, writing: &mut Writing, entries: u64) -> TableWriter {
        // Nobody begins to read what nothing names.
        writing.left.retain(|table| Arc::strong_count(table) > 1);
        let named = self.tables();
        let merging = writing.merges.iter().map(|(_, merge)| merge.slot());
        let held = named.iter().chain(&writing.left).map(|table| table.place.slot);
        let used: HashSet<u32> = held.chain(merging).collect();
        let first = level(entries).saturating_mul(LEVEL_SLOTS);
        let slot = (first..u32::MAX).find(|slot| !used.contains(slot)).unwrap_or(u32::MAX);
        let number = writing.next_number;
        writing.next_number = number.saturating_add(1);
        TableWriter::new(number, slot)
    }

    /// Merges so many entries, of the lowest levels first: so the small tables, of which there are
    /// soon many, never wait for the large ones.
    fn go_on(&self, writing: &mut Writing, mut entries: u64) -> Result<(), LedgerError> {
        loop {
            while self.begin_merge(writing)? {}
            let Some((level, merge)) = writing.merges.first_mut() else { return Ok(()) };
            let level = *level;
            let bytes = entries.saturating_mul(ENTRY_BYTES);
            if self.reader.check_room(bytes).is_err() {
                tracing::debug!(tree = self.name(), "a merge waits for room on the disk");
                return Ok(());
            }
            entries = merge.step(&self.tree, entries)?;
            if entries == 0 {
                return Ok(());
            }
            let done = writing.merges.iter().position(|(of, _)| *of == level);
            let Some((_, merge)) = done.map(|done| writing.merges.remove(done)) else {
                return Ok(());
            };
            let ((table, puts), merged) = merge.finish(&self.tree)?;
            let is_merged = |one: &Arc<Table>| merged.iter().any(|merged| Arc::ptr_eq(merged, one));
            let named = self.tables();
            let mut tables = Vec::with_capacity(named.len());
            let mut table = Some(Arc::new(table));
            for one in named.iter() {
                // It stands where the oldest stood.
                tables.extend(if is_merged(one) { table.take() } else { Some(Arc::clone(one)) });
            }
            drop(named);
            self.publish(tables, puts, self.reached())?;
            writing.left.extend(merged);
        }
    }

    /// Begins to merge the tables of the lowest level that has enough of them and is not being merged.
    fn begin_merge(&self, writing: &mut Writing) -> Result<bool, LedgerError> {
        let tables = self.tables();
        let is_read =
            |table: &Arc<Table>| writing.merges.iter().any(|(_, merge)| merge.reads(table));
        let free: Vec<_> = tables.iter().filter(|table| !is_read(table)).collect();
        let levels = free
            .iter()
            .map(|table| level(table.place.entries))
            .max()
            .map_or(0..0, |max| 0..max + 1);
        for level_at in levels {
            if writing.merges.iter().any(|(of, _)| *of == level_at) {
                continue;
            }
            let of_level = free.iter().filter(|table| level(table.place.entries) == level_at);
            let merged: Vec<_> =
                of_level.take(MERGED_TABLES).map(|table| Arc::clone(table)).collect();
            if merged.len() < MERGED_TABLES {
                continue;
            }
            let entries = merged.iter().map(|table| table.place.entries).sum();
            let writer = self.writer(writing, entries);
            let merge = Merge::new(merged, writer, &self.tree)?;
            let at = writing.merges.partition_point(|(of, _)| *of < level_at);
            writing.merges.insert(at, (level_at, merge));
            return Ok(true);
        }
        Ok(false)
    }
}

/// What a merged entry takes.
const ENTRY_BYTES: u64 = 24;

/// Of about one size: each level has up to eight times the entries of the one below.
fn level(entries: u64) -> u32 {
    match entries.checked_div(LEAST_LEVEL_ENTRIES).and_then(u64::checked_ilog2) {
        Some(doublings) => doublings / MERGED_TABLES.ilog2() + 1,
        None => 0,
    }
}

/// Entries of all tables.
#[derive(Debug)]
pub(super) struct TablesScan {
    tree: DerivedTree,
    tables: Vec<Arc<Table>>,
    cursor: Option<Cursor>,
}

impl Iterator for TablesScan {
    type Item = Result<Entry, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(cursor) = &mut self.cursor {
                if let Some(entry) = cursor.entry() {
                    return Some(cursor.advance(&self.tree).map(|()| entry));
                }
                self.cursor = None;
            }
            let table = self.tables.pop()?;
            match Cursor::new(table, &self.tree) {
                Ok(cursor) => self.cursor = Some(cursor),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

#[cfg(test)]
mod tests;
