//! Tables, against a map of the same entries.

use std::collections::BTreeMap;

use super::layout::{group_key, page_key};
use super::*;
use crate::log::{Log, LogOptions, LogWriter, OpenedLog};

struct Setting {
    _folder: tempfile::TempDir,
    log: LogWriter,
    reader: LogReader,
}

impl Setting {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = LogOptions::new(folder.path());
        let OpenedLog { writer: log, reader, .. } = Log::open(&options).unwrap();
        Self { _folder: folder, log, reader }
    }

    fn open(&self) -> Tables {
        Tables::open(&self.reader, "keys").unwrap()
    }

    /// As many records as a tree may take in next.
    fn append(&mut self, records: u64) -> u64 {
        let records = usize::try_from(records).unwrap();
        self.log.append(&vec![bytes::Bytes::from_static(b"x"); records]).unwrap();
        self.reader.next_position()
    }
}

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(1);
        filter::mixed(self.0) % end
    }

    fn key(&mut self) -> [u8; 16] {
        let halves = [self.below(u64::MAX), self.below(u64::MAX)];
        (Key::from(halves[0]) << 64 | Key::from(halves[1])).to_be_bytes()
    }
}

fn entries(of: &[([u8; 16], u64)]) -> Vec<Entry> {
    of.iter().map(|(key, position)| Entry::new(*key, *position)).collect()
}

fn all(tables: &Tables) -> Vec<([u8; 16], u64)> {
    let entries = tables.scan().map(Result::unwrap);
    let mut all: Vec<_> = entries.map(|entry| (entry.key_bytes(), entry.position)).collect();
    all.sort_unstable();
    all
}

/// Pages of the tree, read or not.
fn pages(tables: &Tables) -> usize {
    tables.tree.scan_prefix(&[1]).map(Result::unwrap).count()
}

#[test]
fn whatever_is_added_is_found_once_also_after_an_opening_while_tables_are_merged() {
    let (_, seed) = uuid::Uuid::now_v7().as_u64_pair();
    let mut random = Random(seed);
    let mut setting = Setting::new();
    let mut tables = setting.open();
    let mut model = BTreeMap::new();
    let (mut merged, mut between) = (0, 0);
    for number in 0..150_u32 {
        let count = if random.below(10) == 0 { 5000 } else { 1 + random.below(600) };
        let first = setting.reader.next_position();
        let reached = setting.append(count);
        let new: Vec<_> = (first..reached).map(|position| (random.key(), position)).collect();
        model.extend(new.iter().copied());
        let before = tables.tables().len();
        tables.add(entries(&new), reached).unwrap();
        merged += usize::from(tables.tables().len() <= before);
        assert_eq!(tables.reached(), reached);
        let is_merging = !tables.writing().merges.is_empty();
        if random.below(if is_merging { 2 } else { 10 }) == 0 {
            between += usize::from(is_merging);
            drop(tables);
            tables = setting.open();
            assert_eq!(tables.reached(), reached);
        }
        let looked_for = model.iter().skip(usize::try_from(number).unwrap()).step_by(97);
        for (key, position) in looked_for {
            assert_eq!(tables.find(*key).unwrap(), Some(*position), "seed {seed}, after {number}");
        }
        for _ in 0..50 {
            assert_eq!(tables.find(random.key()).unwrap(), None, "seed {seed}, after {number}");
        }
    }
    for (key, position) in &model {
        assert_eq!(tables.find(*key).unwrap(), Some(*position), "seed {seed}");
    }
    assert_eq!(all(&tables), model.into_iter().collect::<Vec<_>>(), "seed {seed}");
    assert!(merged > 10, "{merged} writes ended a merge, seed {seed}");
    assert!(between > 0, "no opening came while tables were merged, seed {seed}");
}

#[test]
fn tables_stay_few_and_lie_where_others_lay() {
    let mut random = Random(7 << 32);
    let mut setting = Setting::new();
    let tables = setting.open();
    let mut keys = 0;
    let mut most = 0;
    for _ in 0..400_u32 {
        let first = setting.reader.next_position();
        let reached = setting.append(300);
        let new: Vec<_> = (first..reached).map(|position| (random.key(), position)).collect();
        tables.add(entries(&new), reached).unwrap();
        keys += new.len();
        most = most.max(tables.tables().len());
    }
    // Four levels: 300, 2400, 19 200 and all.
    assert!(most <= 4 * 2 * MERGED_TABLES, "{most} tables");
    let needed = keys / layout::PAGE_ENTRIES;
    assert!(pages(&tables) < 3 * needed, "{} pages, {needed} would do", pages(&tables));
}

#[test]
fn a_reader_keeps_its_tables_while_they_are_merged_and_their_slots_are_wanted() {
    let mut random = Random(8 << 32);
    let mut setting = Setting::new();
    let tables = setting.open();
    let mut model = Vec::new();
    let mut add = |setting: &mut Setting| {
        let first = setting.reader.next_position();
        let reached = setting.append(400);
        let new: Vec<_> = (first..reached).map(|position| (random.key(), position)).collect();
        tables.add(entries(&new), reached).unwrap();
        new
    };
    for _ in 0..7 {
        model.extend(add(&mut setting));
    }
    let mut scan = tables.scan();
    let mut read = vec![scan.next().unwrap().unwrap()];
    for _ in 0..200 {
        add(&mut setting);
    }
    assert!(!tables.writing().left.is_empty(), "what is read keeps its place");
    read.extend(scan.map(Result::unwrap));
    let mut read: Vec<_> =
        read.into_iter().map(|entry| (entry.key_bytes(), entry.position)).collect();
    read.sort_unstable();
    model.sort_unstable();
    assert_eq!(read, model);
    add(&mut setting);
    assert!(tables.writing().left.iter().all(|table| Arc::strong_count(table) == 1));
}

#[test]
fn a_full_disk_puts_merging_off_and_nothing_else() {
    let mut random = Random(10 << 32);
    let mut setting = Setting::new();
    let tables = setting.open();
    let mut model = BTreeMap::new();
    let mut add = |setting: &mut Setting, model: &mut BTreeMap<_, _>, is_full| {
        let first = setting.reader.next_position();
        let reached = setting.append(400);
        let new: Vec<_> = (first..reached).map(|position| (random.key(), position)).collect();
        *setting.reader.pretended_free() = is_full;
        tables.add(entries(&new), reached).unwrap();
        *setting.reader.pretended_free() = None;
        model.extend(new);
    };
    for number in 1..20 {
        add(&mut setting, &mut model, Some(0));
        assert_eq!(tables.tables().len(), number);
    }
    add(&mut setting, &mut model, None);
    add(&mut setting, &mut model, None);
    assert!(tables.tables().len() < 19, "{}", tables.tables().len());
    assert_eq!(all(&tables), model.into_iter().collect::<Vec<_>>());
}

#[test]
fn a_page_that_is_not_as_it_was_written_is_told_and_ends_the_merging_and_nothing_else() {
    let mut random = Random(9 << 32);
    let mut setting = Setting::new();
    let tables = setting.open();
    let mut add = |tables: &Tables, setting: &mut Setting| {
        let first = setting.reader.next_position();
        let reached = setting.append(400);
        let new: Vec<_> = (first..reached).map(|position| (random.key(), position)).collect();
        tables.add(entries(&new), reached).unwrap();
        new
    };
    let first = add(&tables, &mut setting);
    let place = tables.tables()[0].place;
    for (key, what) in [(page_key(place.slot, 1), "page"), (group_key(place.slot, 0), "group")] {
        let good = tables.tree.get(&key).unwrap().unwrap();
        let shorter = |bytes| good[..good.len() - bytes].to_vec();
        let bads = [Vec::new(), shorter(1), shorter(24), vec![9; good.len()]];
        for bad in bads {
            tables.tree.apply(vec![(key.clone(), bad)], tables.reached()).unwrap();
            // Nothing is in memory of it.
            let tables = setting.open();
            let found: Vec<_> = first.iter().map(|(key, _)| tables.find(*key)).collect();
            let errors = found.iter().filter_map(|found| found.as_ref().err());
            assert!(errors.clone().all(LedgerError::is_index_damage), "{what}");
            assert_eq!(errors.count(), if what == "page" { 102 } else { 400 }, "{what}");
        }
        tables.tree.apply(vec![(key.clone(), good.to_vec())], tables.reached()).unwrap();
    }
    tables.tree.apply(vec![(page_key(place.slot, 1), vec![9; 32])], tables.reached()).unwrap();
    let mut model = Vec::new();
    for _ in 0..20 {
        model.extend(add(&tables, &mut setting));
    }
    assert!(tables.writing().is_damaged);
    assert_eq!(tables.tables().len(), 21, "nothing is merged");
    for (key, position) in model {
        let found = tables.find(key);
        assert!(found.is_err() || found.unwrap() == Some(position));
    }
}

#[test]
fn a_catalogue_that_is_none_is_index_damage() {
    let setting = Setting::new();
    let tables = setting.open();
    tables.tree.apply(vec![(CATALOGUE_KEY.to_vec(), vec![1; 21])], 0).unwrap();
    let error = Tables::open(&setting.reader, "keys").unwrap_err();
    assert!(error.is_index_damage(), "{error}");
}

#[test]
fn a_catalogue_is_there_once_anything_is_taken_in_and_if_not_it_is_index_damage() {
    let mut setting = Setting::new();
    let tables = setting.open();
    let reached = setting.append(3);
    tables.add(Vec::new(), reached).unwrap();
    assert_eq!(setting.open().reached(), 3);
    let bare = setting.reader.derived("bare", TABLES_VERSION).unwrap();
    bare.apply(Vec::new(), reached).unwrap();
    let error = Tables::open(&setting.reader, "bare").unwrap_err();
    assert!(error.is_index_damage(), "{error}");
}

#[test]
fn of_a_key_that_comes_twice_the_newest_position_is_found_and_kept() {
    let mut setting = Setting::new();
    let tables = setting.open();
    let twice = [5; 16];
    for number in 0..9_u8 {
        let reached = setting.append(400);
        let others = (1..400).map(|other| (u128::from(number) * 1000 + other).to_be_bytes());
        let mut new: Vec<_> = others.map(|key| (key, reached - 2)).collect();
        new.extend([(twice, reached - 2), (twice, reached - 1)]);
        tables.add(entries(&new), reached).unwrap();
        assert_eq!(tables.find(twice).unwrap(), Some(reached - 1));
    }
    assert!(tables.tables().len() < 9, "some are merged");
}

#[test]
fn levels_are_eight_times_as_large_as_the_one_below() {
    let of = [(0, 0), (511, 0), (512, 1), (4095, 1), (4096, 2), (32_767, 2), (32_768, 3)];
    for (entries, expected) in of {
        assert_eq!(level(entries), expected, "{entries}");
    }
}
