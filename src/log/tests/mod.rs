//! What the log promises, tried through its own doors; each file holds one promise.

mod append;
mod chain;
mod check;
mod choice;
mod copies;
mod corruption;
mod delay;
mod derived;
mod derived_values;
mod durability;
mod errors;
mod limits;
mod opening;
mod partial;
mod power;
mod reading;
mod rebuild;
mod room;
mod serving;
mod zeros;

use std::fs;
use std::path::Path;

use bytes::Bytes;
use tempfile::TempDir;

use super::{Codec, Log, LogOptions, LogReader, OpenedLog};

/// Small blocks, so that a few records make many, and stored as they are, so that a test knows where
/// its bytes lie.
fn small_blocks(directory: &Path) -> LogOptions {
    LogOptions { block_bytes_max: 512, codec: Codec::None, ..LogOptions::new(directory) }
}

fn open(directory: &Path) -> OpenedLog {
    Log::open(&small_blocks(directory)).unwrap()
}

/// An empty log; the directory goes with the first value.
fn empty_log() -> (TempDir, OpenedLog) {
    let scratch = tempfile::tempdir().unwrap();
    let log = open(scratch.path());
    (scratch, log)
}

/// A log of `count` records, in blocks of 3.
fn log_of(count: u64) -> (TempDir, OpenedLog) {
    let (scratch, mut log) = empty_log();
    log.writer.append(&records(0..count)).unwrap();
    (scratch, log)
}

/// What the record at a position is in these tests: 130 bytes, different at each position.
fn record(position: u64) -> Bytes {
    let number = position.to_be_bytes();
    Bytes::from(number.iter().copied().cycle().take(130).collect::<Vec<u8>>())
}

fn records(positions: std::ops::Range<u64>) -> Vec<Bytes> {
    positions.map(record).collect()
}

/// All that a reader shows, read forward.
fn all(reader: &LogReader) -> Vec<Bytes> {
    reader
        .forward(0, u64::MAX)
        .zip(0..)
        .map(|(read, expected)| {
            let (position, record) = read.unwrap();
            assert_eq!(position, expected);
            record
        })
        .collect()
}

/// What a killed process leaves: the files as they are now, in another directory.
fn copy_of(directory: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_tree(directory, copy.path());
    copy
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            fs::create_dir(&target).unwrap();
            copy_tree(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

fn blobs(directory: &Path) -> usize {
    fs::read_dir(directory.join("sled/blobs")).unwrap().count()
}

/// Numbers from a seed that is not 0.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(below).unwrap()).unwrap()
    }
}
