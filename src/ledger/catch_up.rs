//! Has the indexes and the tree catch up with the log, with one look at each record for both.
//!
//! Whoever fills the indexes reads and hands on to the thread of the tree, which hashes meanwhile, what
//! the tree has not seen. Where the tree is behind the indexes, it reads for itself.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use bytes::Bytes;

use super::error::LedgerError;
use super::index::Index;
use super::tree::KeptTree;
use crate::log::LogReader;
use crate::wire::noted::Noted;

/// Records that are handed on together at most.
const PART_RECORDS: usize = 512;
/// Bytes of records from which on they are handed on, few as they may be: a refused request of many
/// events is a record of megabytes.
const PART_BYTES: usize = 1024 * 1024;
/// Parts that lie between the two at most.
const PARTS_MAX: usize = 8;

/// A record that was looked at.
#[derive(Debug)]
pub(crate) struct LookedAt {
    pub(super) position: u64,
    pub(super) noted: Noted,
    pub(super) stored: Bytes,
}

/// See the module.
pub(super) fn catch_up(reader: &LogReader, index: &Index) -> Result<KeptTree, LedgerError> {
    let tree = KeptTree::take_up(reader)?;
    let (handing_on, parts) = HandingOn::from(tree.size());
    let (indexed, grown) = std::thread::scope(|scope| {
        let tree = std::thread::Builder::new()
            .name("ledger-tree".to_owned())
            .spawn_scoped(scope, || tree.catch_up(reader, parts))
            .map_err(LedgerError::WriterThread)?;
        let indexed = index.catch_up(reader, handing_on);
        let grown = tree.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        Ok::<_, LedgerError>((indexed, grown))
    })?;
    indexed?;
    grown?;
    Ok(tree)
}

/// The reader's end of what is handed on.
#[derive(Debug)]
pub(crate) struct HandingOn {
    /// The position that the tree needs next.
    next: u64,
    part: Vec<LookedAt>,
    part_bytes: usize,
    parts: SyncSender<Vec<LookedAt>>,
}

impl HandingOn {
    /// For a tree that ends before a position.
    pub(super) fn from(next: u64) -> (Self, Receiver<Vec<LookedAt>>) {
        let (parts, receiver) = sync_channel(PARTS_MAX);
        (Self { next, part: Vec::new(), part_bytes: 0, parts }, receiver)
    }

    /// For nobody.
    #[cfg(test)]
    pub(super) fn to_nobody() -> Self {
        let (handing_on, parts) = Self::from(0);
        drop(parts);
        handing_on
    }

    /// Hands a record on, if it is the next one for the tree.
    pub(super) fn take(&mut self, looked_at: LookedAt) {
        if looked_at.position != self.next {
            return;
        }
        self.next += 1;
        self.part_bytes += looked_at.stored.len();
        self.part.push(looked_at);
        if self.part.len() == PART_RECORDS || self.part_bytes >= PART_BYTES {
            self.send();
        }
    }

    fn send(&mut self) {
        self.part_bytes = 0;
        // Nobody takes it once the tree has failed, which is told by its own thread.
        drop(self.parts.send(std::mem::take(&mut self.part)));
    }
}

impl Drop for HandingOn {
    fn drop(&mut self) {
        self.send();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::Position;
    use crate::ledger::tree::tests::{caught_up, refusals};
    use crate::log::{Log, LogOptions, OpenedLog};
    use crate::merkle::MemoryTree;

    fn looked_at(position: u64) -> LookedAt {
        LookedAt { position, noted: Noted::default(), stored: Bytes::new() }
    }

    fn positions(parts: &Receiver<Vec<LookedAt>>) -> Vec<Vec<u64>> {
        let positions = |part: Vec<LookedAt>| part.iter().map(|one| one.position).collect();
        parts.try_iter().map(positions).collect()
    }

    #[test]
    fn only_what_the_tree_needs_next_is_handed_on_and_all_of_that() {
        let last = 10 + u64::try_from(PART_RECORDS).unwrap();
        let (mut handing_on, parts) = HandingOn::from(10);
        // A second round over some of it, and a gap behind it, as when indexes are apart.
        for position in (0..12).chain(5..=last).chain([last + 2]) {
            handing_on.take(looked_at(position));
        }
        assert_eq!(positions(&parts), [(10..last).collect::<Vec<_>>()]);
        drop(handing_on);
        assert_eq!(positions(&parts), [[last]]);
    }

    #[test]
    fn large_records_are_handed_on_before_there_are_many() {
        let (mut handing_on, parts) = HandingOn::from(0);
        for position in 0..5 {
            let stored = Bytes::from(vec![0; PART_BYTES / 2]);
            handing_on.take(LookedAt { stored, ..looked_at(position) });
        }
        assert_eq!(positions(&parts), [[0, 1], [2, 3]]);
    }

    #[test]
    fn whoever_reads_goes_on_when_the_tree_has_failed() {
        let (mut handing_on, parts) = HandingOn::from(0);
        drop(parts);
        for position in 0..10_000 {
            handing_on.take(looked_at(position));
        }
    }

    #[test]
    fn indexes_and_tree_have_it_all_wherever_either_stood() {
        const RECORDS: u64 = 3_000;
        for (indexed, grown) in [(0, 0), (0, 1_500), (1_500, 0), (2_000, 1_000), (RECORDS, 700)] {
            let folder = tempfile::tempdir().unwrap();
            let opened = Log::open(&LogOptions::new(folder.path())).unwrap();
            let OpenedLog { mut writer, reader, .. } = opened;
            let index = Index::open(&reader).unwrap();
            let mut all = MemoryTree::new();
            let records: Vec<_> = refusals(0..RECORDS).collect();
            for (position, part) in (0..).step_by(100).zip(records.chunks(100)) {
                // Positions up to here are there when an index or the tree was last open.
                if position == indexed {
                    index.catch_up(&reader, HandingOn::to_nobody()).unwrap();
                }
                if position == grown {
                    drop(caught_up(&reader).unwrap());
                }
                let stored: Vec<_> = part.iter().map(|(_, stored)| stored.clone()).collect();
                for (leaf, _) in part {
                    all.append(*leaf);
                }
                writer.append(&stored).unwrap();
            }
            let tree = catch_up(&reader, &index).unwrap();
            let at = format!("indexed {indexed}, grown {grown}");
            assert_eq!((tree.size(), tree.root()), (RECORDS, all.root()), "{at}");
            assert_eq!(tree.recent_root(RECORDS), Some(all.root()), "{at}");
            for (position, (_, stored)) in (0..).zip(&records).step_by(97) {
                let request = Noted::read(stored.clone()).unwrap().request_id().unwrap();
                let found = index.request(request).unwrap();
                assert_eq!(found, Some(Position::new(position)), "{at}");
            }
        }
    }
}
