//! Derived trees: values and keys up to their limits, and none beyond.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::derived::{put, scan};
use super::{blobs, log_of, open};
use crate::log::{
    DERIVED_APPLY_BYTES_MAX, DERIVED_KEY_BYTES_MAX, DERIVED_PUTS_MAX, DERIVED_VALUE_BYTES_MAX,
    LogError,
};

#[test]
fn long_values_are_replaced_and_read_whole() {
    let (scratch, log) = log_of(5);
    let tree = log.reader.derived("some", 1).unwrap();
    let other = put(b"other", &vec![9; 30_000]);
    tree.apply(vec![other.clone()], 1).unwrap();
    for (length, fill) in [(7167, 1), (7168, 2), (50_000, 3), (8000, 4), (3, 5), (7169, 6), (0, 7)]
    {
        let value = vec![fill; length];
        tree.apply(vec![put(b"k", &value)], 2).unwrap();
        assert_eq!(tree.get(b"k").unwrap().unwrap(), value);
        assert_eq!(scan(&tree, b""), [put(b"k", &value), other.clone()]);
    }
    // The mark, two values, the five parts of `other`, and the seven that `k` had at its longest.
    assert_eq!(tree.state.tree().len(), 15);
    drop((log, tree));
    let tree = open(scratch.path()).reader.derived("some", 1).unwrap();
    tree.apply(vec![put(b"k", &vec![8; 20_000])], 2).unwrap();
    assert_eq!(scan(&tree, b""), [put(b"k", &vec![8; 20_000]), other]);
}

/// Two writes of the same value in parts, over and over, while others read: never a mixture.
#[test]
fn a_value_in_parts_is_never_a_mixture_of_two() {
    let (_scratch, log) = log_of(1);
    let tree = log.reader.derived("some", 1).unwrap();
    tree.apply(vec![put(b"k", &vec![0; 30_000])], 1).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Acquire) {
                    let value = tree.get(b"k").unwrap().unwrap();
                    assert_eq!(value.len(), 30_000);
                    assert!(value.iter().all(|byte| *byte == value[0]));
                }
            });
        }
        for fill in 1..=200 {
            tree.apply(vec![put(b"k", &vec![fill; 30_000])], 1).unwrap();
        }
        done.store(true, Ordering::Release);
    });
}

#[test]
fn a_missing_part_is_damage_and_not_an_empty_value() {
    let (_scratch, log) = log_of(1);
    let tree = log.reader.derived("some", 1).unwrap();
    tree.apply(vec![put(b"k", &vec![1; 30_000])], 1).unwrap();
    let part = tree.state.tree().scan_prefix([2]).keys().next().unwrap().unwrap();
    tree.state.tree().remove(part).unwrap();
    match tree.get(b"k") {
        Err(LogError::DerivedDamaged { name }) => assert_eq!(name, "some"),
        other => panic!("{other:?}"),
    }
    assert!(tree.scan_prefix(b"").next().unwrap().is_err());
}

/// The bound in `entries.rs`, against sled itself: pages of the longest entries, rewritten
/// until sled has joined every one of them many times.
#[test]
fn the_longest_entries_rewritten_never_become_blobs() {
    let (scratch, log) = log_of(1);
    let tree = log.reader.derived("some", 1).unwrap();
    for round in 0..40_u8 {
        let rows =
            (0..40_u8).map(|key| put(&[key; DERIVED_KEY_BYTES_MAX], &[round; 7167])).collect();
        tree.apply(rows, 1).unwrap();
        assert_eq!(blobs(scratch.path()), 0);
    }
    for round in 0..30_u8 {
        let value = vec![round; if round % 3 == 0 { 7000 } else { 20_000 }];
        let rows = (0..20).map(|key| put(&[key; DERIVED_KEY_BYTES_MAX], &value)).collect();
        tree.apply(rows, 1).unwrap();
        if round % 10 == 9 {
            tree.clear().unwrap();
        }
        assert_eq!(blobs(scratch.path()), 0);
    }
}

#[test]
fn every_limit_is_refused_by_name_and_changes_nothing() {
    let (_scratch, log) = log_of(1);
    let tree = log.reader.derived("some", 1).unwrap();
    match tree.apply(vec![put(&[1; DERIVED_KEY_BYTES_MAX + 1], b"")], 1) {
        Err(LogError::DerivedKeyTooLong { bytes: 257, bytes_max: 256, .. }) => {}
        other => panic!("{other:?}"),
    }
    match tree.apply(vec![(vec![1], vec![1; DERIVED_VALUE_BYTES_MAX + 1])], 1) {
        Err(LogError::DerivedValueTooLong { bytes_max: DERIVED_VALUE_BYTES_MAX, .. }) => {}
        other => panic!("{other:?}"),
    }
    match tree.apply(vec![(Vec::new(), Vec::new()); DERIVED_PUTS_MAX + 1], 1) {
        Err(LogError::DerivedApplyTooLarge { puts: 65_537, puts_max: 65_536, .. }) => {}
        other => panic!("{other:?}"),
    }
    let rows = vec![(vec![1], vec![1; DERIVED_VALUE_BYTES_MAX]); 8];
    match tree.apply(rows, 1) {
        Err(LogError::DerivedApplyTooLarge { bytes_max: DERIVED_APPLY_BYTES_MAX, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!((tree.reached(), scan(&tree, b"").len()), (0, 0));
    let longest = put(&[1; DERIVED_KEY_BYTES_MAX], &vec![1; DERIVED_VALUE_BYTES_MAX]);
    tree.apply(vec![longest.clone()], 1).unwrap();
    assert_eq!(tree.get(&longest.0).unwrap().unwrap(), longest.1);
}

#[test]
fn only_plain_names_are_taken() {
    let (_scratch, log) = log_of(1);
    for name in ["a", "usage-2/by_day.v1", &"x".repeat(64)] {
        log.reader.derived(name, 1).unwrap();
    }
    for name in ["", "Usage", "a b", "å", &"x".repeat(65)] {
        match log.reader.derived(name, 1) {
            Err(LogError::DerivedNameInvalid { name: named }) => assert!(name.starts_with(&named)),
            other => panic!("{other:?}"),
        }
    }
}
