//! Derived trees: they change with their mark, come back where they were, and are emptied when
//! they cannot belong to this log.

use bytes::Bytes;

use super::{copy_of, log_of, open, records};
use crate::log::derived_layout::{MARK_KEY, Mark};
use crate::log::{DerivedTree, LogError};

pub(super) fn put(key: &[u8], value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (key.to_vec(), value.to_vec())
}

pub(super) fn scan(tree: &DerivedTree, prefix: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    tree.scan_prefix(prefix)
        .map(|item| item.map(|(key, value)| (key, value.to_vec())).unwrap())
        .collect()
}

#[test]
fn puts_and_the_mark_are_read_back() {
    let (_scratch, log) = log_of(5);
    let tree = log.reader.derived("usage/by-scope", 3).unwrap();
    assert_eq!((tree.name(), tree.version(), tree.reached()), ("usage/by-scope", 3, 0));
    assert_eq!(tree.get(b"a").unwrap(), None);
    tree.apply(vec![put(b"a", b"1"), put(b"", b"empty key"), put(b"a", b"2")], 4).unwrap();
    assert_eq!(tree.reached(), 4);
    assert_eq!(tree.get(b"a").unwrap(), Some(Bytes::from_static(b"2")));
    assert_eq!(tree.get(b"").unwrap(), Some(Bytes::from_static(b"empty key")));
    tree.apply(vec![], 5).unwrap();
    assert_eq!(log.reader.derived("usage/by-scope", 3).unwrap().reached(), 5);
}

#[test]
fn keys_are_scanned_from_one_on() {
    let (_scratch, log) = log_of(1);
    let tree = log.reader.derived("some", 1).unwrap();
    let in_parts = vec![7; 20_000];
    let puts = vec![put(b"a", b"1"), put(b"b", &in_parts), put(b"b\0", b"3"), put(b"\xff", b"4")];
    tree.apply(puts, 1).unwrap();
    let from = |first: &[u8]| tree.scan_from(first).map(|item| item.unwrap().0).collect::<Vec<_>>();
    assert_eq!(from(b""), [&b"a"[..], b"b", b"b\0", b"\xff"]);
    assert_eq!(from(b"b"), [&b"b"[..], b"b\0", b"\xff"]);
    assert_eq!(from(b"b\0\0"), [b"\xff"]);
    assert_eq!(from(b"\xff\0"), [b""; 0]);
}

#[test]
fn a_prefix_is_scanned_in_key_order_from_both_ends() {
    let (_scratch, log) = log_of(1);
    let tree = log.reader.derived("some", 1).unwrap();
    let rows: Vec<_> = [&b"a"[..], b"a\0", b"ab", b"a\xff", b"b", b"\0", b"\xff\xff"]
        .map(|key| put(key, key))
        .into();
    tree.apply(rows.clone(), 1).unwrap();
    let mut sorted = rows;
    sorted.sort();
    assert_eq!(scan(&tree, b""), sorted);
    let with_a: Vec<_> = sorted.iter().filter(|(key, _)| key.starts_with(b"a")).cloned().collect();
    assert_eq!(with_a.len(), 4);
    assert_eq!(scan(&tree, b"a"), with_a);
    let last = tree.scan_prefix(b"a").next_back().unwrap().unwrap();
    assert_eq!(last.0, b"a\xff");
    assert_eq!(scan(&tree, b"c"), []);
}

#[test]
fn keys_are_scanned_from_any_place_up_to_the_last_one() {
    let (_scratch, log) = log_of(1);
    let tree = log.reader.derived("some", 1).unwrap();
    let value = vec![7; 20_000];
    let rows: Vec<_> =
        [&b""[..], b"a", b"a\0", b"b", b"\xff\xff"].map(|key| put(key, &value)).into();
    tree.apply(rows, 1).unwrap();
    let from = |first: &[u8]| -> Vec<Vec<u8>> {
        tree.scan_from(first).map(|item| item.map(|(key, _)| key).unwrap()).collect()
    };
    assert_eq!(from(b""), [&b""[..], b"a", b"a\0", b"b", b"\xff\xff"], "no part is a row");
    assert_eq!(from(b"a\0"), [&b"a\0"[..], b"b", b"\xff\xff"]);
    assert_eq!(from(b"a\x01"), [&b"b"[..], b"\xff\xff"]);
    assert!(from(b"\xff\xff\xff").is_empty());
    assert_eq!(tree.scan_from(b"a").next_back().unwrap().unwrap().0, b"\xff\xff");
}

/// The mark is under a key that no user key can be.
#[test]
fn no_user_key_touches_the_mark() {
    let (_scratch, log) = log_of(3);
    let tree = log.reader.derived("some", 1).unwrap();
    for key in [&MARK_KEY[..], &[], &[1], &[2], &[0; 20]] {
        tree.apply(vec![put(key, b"x")], 2).unwrap();
    }
    assert_eq!(tree.reached(), 2);
    assert_eq!(scan(&tree, b"").len(), 5, "the mark is no row");
}

#[test]
fn what_was_reached_is_kept_over_a_reopening() {
    let (scratch, log) = log_of(5);
    let tree = log.reader.derived("some", 1).unwrap();
    tree.apply(vec![put(b"k", b"v")], 5).unwrap();
    drop((log, tree));
    let log = open(scratch.path());
    let tree = log.reader.derived("some", 1).unwrap();
    assert_eq!(tree.reached(), 5);
    assert_eq!(scan(&tree, b""), [put(b"k", b"v")]);
}

#[test]
fn a_mark_alone_is_kept_over_a_reopening() {
    let (scratch, log) = log_of(3);
    let tree = log.reader.derived("tree", 1).unwrap();
    tree.apply(vec![put(b"key", b"value")], 1).unwrap();
    tree.apply(Vec::new(), 3).unwrap();
    drop((tree, log));
    let tree = open(scratch.path()).reader.derived("tree", 1).unwrap();
    assert_eq!((tree.reached(), tree.get(b"key").unwrap().as_deref()), (3, Some(&b"value"[..])));
}

#[test]
fn what_is_applied_is_durable_with_the_next_append_and_before_that_whole_or_absent() {
    let (scratch, mut log) = log_of(5);
    let tree = log.reader.derived("some", 1).unwrap();
    tree.apply((0..50_u8).map(|key| put(&[key], &[key; 100])).collect(), 3).unwrap();
    let before = copy_of(scratch.path());
    log.writer.append(&records(5..6)).unwrap();
    let after = copy_of(scratch.path());

    let found = open(before.path()).reader.derived("some", 1).unwrap();
    assert!([(0, 0), (3, 50)].contains(&(found.reached(), scan(&found, b"").len())));
    let found = open(after.path()).reader.derived("some", 1).unwrap();
    assert_eq!((found.reached(), scan(&found, b"").len()), (3, 50));
}

#[test]
fn another_version_starts_empty() {
    let (_scratch, log) = log_of(5);
    let tree = log.reader.derived("some", 1).unwrap();
    tree.apply(vec![put(b"k", b"v"), put(b"long", &vec![1; 20_000])], 5).unwrap();
    match log.reader.derived("some", 2) {
        Err(LogError::DerivedVersionInUse { name, open: 1, asked: 2 }) => assert_eq!(name, "some"),
        other => panic!("{other:?}"),
    }
    drop(tree);
    for version in [2, 1] {
        let tree = log.reader.derived("some", version).unwrap();
        assert_eq!((tree.version(), tree.reached()), (version, 0));
        assert_eq!(scan(&tree, b""), []);
        tree.apply(vec![put(b"k", b"w")], 1).unwrap();
        assert_eq!(scan(&tree, b""), [put(b"k", b"w")]);
    }
}

#[test]
fn a_tree_ahead_of_the_log_is_refused_until_it_is_forgotten() {
    let (scratch, log) = log_of(5);
    let tree = log.reader.derived("some", 1).unwrap();
    tree.apply(vec![put(b"k", b"v")], 5).unwrap();
    // As when the newest record was cut off under it.
    let mark = Mark { version: 1, reached: 6, generation: 1 };
    tree.state.tree().insert(MARK_KEY, mark.encode()).unwrap();
    drop((log, tree));
    let log = open(scratch.path());
    for _ in 0..2 {
        match log.reader.derived("some", 1) {
            Err(LogError::CutOff { name, reached: 6, head: 5 }) => assert_eq!(name, "some"),
            other => panic!("{other:?}"),
        }
    }
    log.reader.delete_derived().unwrap();
    let tree = log.reader.derived("some", 1).unwrap();
    assert_eq!(tree.reached(), 0);
    assert_eq!(scan(&tree, b""), []);
}

#[test]
fn a_tree_without_a_readable_mark_is_emptied() {
    for mark in [None, Some(vec![1, 2, 3])] {
        let (scratch, log) = log_of(5);
        let tree = log.reader.derived("some", 1).unwrap();
        tree.apply(vec![put(b"k", b"v")], 5).unwrap();
        match mark {
            None => drop(tree.state.tree().remove(MARK_KEY).unwrap()),
            Some(mark) => drop(tree.state.tree().insert(MARK_KEY, mark).unwrap()),
        }
        drop((log, tree));
        let tree = open(scratch.path()).reader.derived("some", 1).unwrap();
        assert_eq!(tree.reached(), 0);
        assert_eq!(scan(&tree, b""), []);
    }
}

#[test]
fn the_mark_goes_neither_back_nor_beyond_the_head() {
    let (_scratch, log) = log_of(5);
    let tree = log.reader.derived("some", 1).unwrap();
    tree.apply(vec![put(b"k", b"v")], 3).unwrap();
    match tree.apply(vec![put(b"k", b"w")], 6) {
        Err(LogError::DerivedBeyondHead { asked: 6, head: 5, .. }) => {}
        other => panic!("{other:?}"),
    }
    match tree.apply(vec![put(b"k", b"w")], 2) {
        Err(LogError::DerivedGoesBackwards { asked: 2, reached: 3, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(scan(&tree, b""), [put(b"k", b"v")]);
    tree.apply(vec![put(b"k", b"w")], 3).unwrap();
    assert_eq!(tree.reached(), 3);
}

#[test]
fn a_cleared_tree_is_filled_again_by_all_its_handles() {
    let (_scratch, log) = log_of(5);
    let tree = log.reader.derived("some", 1).unwrap();
    let other = tree.clone();
    let rows = (0..3000_u32).map(|key| put(&key.to_be_bytes(), b"v")).collect();
    tree.apply(rows, 5).unwrap();
    tree.clear().unwrap();
    assert_eq!(other.reached(), 0);
    assert_eq!(scan(&other, b""), []);
    other.apply(vec![put(b"k", b"v")], 1).unwrap();
    assert_eq!(scan(&tree, b""), [put(b"k", b"v")]);
    assert_eq!(tree.reached(), 1);
}

#[test]
fn deleting_every_tree_but_the_log_leaves_the_log() {
    let (scratch, log) = log_of(50);
    let held = log.reader.derived("held", 1).unwrap();
    for name in ["held", "other", "projections/usage"] {
        let tree = log.reader.derived(name, 1).unwrap();
        tree.apply((0..200_u8).map(|key| put(&[key], &[key; 300])).collect(), 50).unwrap();
    }
    let verified = log.reader.verify().unwrap();
    assert_eq!(log.reader.derived_names(), ["held", "other", "projections/usage"]);
    log.reader.delete_derived().unwrap();
    assert_eq!(log.reader.derived_names(), ["held"]);
    assert_eq!((held.reached(), scan(&held, b"").len()), (0, 0));
    assert_eq!(log.reader.derived("other", 1).unwrap().reached(), 0);
    assert_eq!(log.reader.verify().unwrap(), verified);
    drop((log, held));
    let log = open(scratch.path());
    assert_eq!(log.reader.verify().unwrap(), verified);
    assert_eq!(log.reader.derived("projections/usage", 1).unwrap().reached(), 0);
}
