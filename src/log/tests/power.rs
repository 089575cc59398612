//! A power cut while an append is written: any of its pages may be on the medium, and the others not.
//!
//! What was acknowledged before is there, and all of the append itself or nothing.

use std::fs;
use std::path::Path;

use bytes::Bytes;

use super::{Random, all, copy_of, records, small_blocks};
use crate::log::{Log, LogOptions};

const PAGE: usize = 4096;
const ROUNDS: u64 = 60;

/// A file of which some pages are as they were and some as they are, and how many there were of these.
fn some_pages(before: &[u8], after: &[u8], random: &mut Random) -> (Vec<u8>, usize) {
    let mut mixed = Vec::with_capacity(after.len());
    let mut kept = 0;
    for (number, page) in after.chunks(PAGE).enumerate() {
        let from = (number * PAGE).min(before.len());
        let mut old = before[from..(from + page.len()).min(before.len())].to_vec();
        old.resize(page.len(), 0);
        if old == page || random.below(2) == 0 {
            mixed.extend_from_slice(page);
        } else {
            kept += 1;
            mixed.extend_from_slice(&old);
        }
    }
    // The length may be there without the pages, and not.
    if after.len() > before.len() && random.below(2) == 0 {
        let zeros = mixed.iter().rev().take_while(|byte| **byte == 0).count();
        mixed.truncate((mixed.len() - zeros).max(before.len()));
    }
    (mixed, kept)
}

/// Cuts the power in a file, and says in how many rounds something of an append was lost.
fn cut_in(file: &str, options: impl Fn(&Path) -> LogOptions) -> usize {
    let seed = u64::from(std::process::id()) | 1;
    let mut random = Random(seed);
    let scratch = tempfile::tempdir().unwrap();
    let mut log = Log::open(&options(scratch.path())).unwrap();
    let mut mixed_rounds = 0;
    for round in 0..ROUNDS {
        let what = format!("seed {seed}, round {round}, {file}");
        let before = fs::read(scratch.path().join(file)).unwrap_or_default();
        let acknowledged = log.writer.next_position();
        let mut next = acknowledged;
        let groups: Vec<Vec<Bytes>> = (0..=random.below(12))
            .map(|_| {
                let count = 1 + u64::try_from(random.below(9)).unwrap();
                let group = records(next..next + count);
                next += count;
                group
            })
            .collect();
        let slices: Vec<&[Bytes]> = groups.iter().map(Vec::as_slice).collect();
        log.writer.append_groups(&slices, 0).unwrap();
        let cut = copy_of(scratch.path());
        let after = fs::read(scratch.path().join(file)).unwrap();
        let (mixed, kept) = some_pages(&before, &after, &mut random);
        fs::write(cut.path().join(file), mixed).unwrap();
        if file.starts_with("sled") {
            // Nothing of an append is written to the archive before the store is synced.
            let segment = "archive/segment-00000000000000000000.clar";
            let mut archived = fs::read(scratch.path().join(segment)).unwrap();
            archived.truncate(bytes_before(&archived, acknowledged));
            fs::write(cut.path().join(segment), archived).unwrap();
        }
        let mut found =
            Log::open(&options(cut.path())).unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let reached = found.writer.next_position();
        if file.starts_with("sled") {
            assert!(reached == acknowledged || reached == next, "{what}: {reached} of {next}");
        } else {
            assert_eq!(reached, next, "{what}: the store has all of it");
        }
        assert!(all(&found.reader).eq(&records(0..reached)), "{what}");
        mixed_rounds += usize::from(kept > 0);
        found.writer.append(&records(reached..reached + 7)).unwrap();
        drop(found);
        let again = Log::recover(&options(cut.path())).unwrap();
        assert!(all(&again.reader).eq(&records(0..reached + 7)), "{what}");
    }
    mixed_rounds
}

/// The bytes of the archive's only segment before the block that begins at a position.
fn bytes_before(segment: &[u8], position: u64) -> usize {
    let begins = |at: &usize| {
        segment[*at..].starts_with(b"CLBK") && segment[*at + 6..*at + 14] == position.to_be_bytes()
    };
    (0..segment.len().saturating_sub(14)).find(begins).expect("the block is there")
}

fn with_zeros(directory: &Path) -> LogOptions {
    let mut options = small_blocks(directory);
    options.archive.as_mut().unwrap().zeros_ahead_bytes = 64 * 1024;
    options
}

fn without_zeros(directory: &Path) -> LogOptions {
    LogOptions { zeros_ahead_bytes: 0, ..small_blocks(directory) }
}

#[test]
fn of_the_store_any_pages_of_an_append_may_be_missing() {
    assert!(cut_in("sled/db", with_zeros) > 20);
    assert!(cut_in("sled/db", without_zeros) > 20);
}

#[test]
fn of_the_archive_any_pages_of_an_append_may_be_missing() {
    let segment = "archive/segment-00000000000000000000.clar";
    assert!(cut_in(segment, with_zeros) > 10);
    assert!(cut_in(segment, without_zeros) > 10);
}
