//! The kept tree against one that is computed over the same records, over restarts and losses.

use super::*;
use crate::domain::date::RecordedTime;
use crate::ledger::catch_up::HandingOn;
use crate::log::{Log, LogOptions, LogWriter, OpenedLog};
use crate::merkle::MemoryTree;
use crate::wire::record;

fn stored_refusal(position: u64) -> (v1::Record, bytes::Bytes) {
    let record = v1::Record {
        position,
        agreement_id: "a".to_owned(),
        request_id: uuid::Uuid::from_u128(u128::from(position) + 1).to_string(),
        recorded_time: RecordedTime::from_microseconds(0).map(record::timestamp),
        entry: Some(v1::record::Entry::Refusal(v1::RefusedRequest::default())),
        ..Default::default()
    };
    let bytes = record::encode(&record);
    (record, bytes)
}

/// Records at these positions: the leaf of each, and its stored bytes.
pub(in crate::ledger) fn refusals(
    positions: std::ops::Range<u64>,
) -> impl Iterator<Item = (TreeHash, bytes::Bytes)> {
    positions.map(|position| {
        let (record, stored) = stored_refusal(position);
        (leaf_hash(&record, &stored).unwrap(), stored)
    })
}

fn open(folder: &std::path::Path) -> (LogWriter, LogReader) {
    let OpenedLog { writer, reader, .. } = Log::open(&LogOptions::new(folder)).unwrap();
    (writer, reader)
}

/// The tree, with all of the log in it.
pub(in crate::ledger) fn caught_up(reader: &LogReader) -> Result<KeptTree, LedgerError> {
    let tree = KeptTree::take_up(reader)?;
    let (nothing, parts) = HandingOn::from(0);
    drop(nothing);
    tree.catch_up(reader, parts)?;
    Ok(tree)
}

/// Appends records up to a size, to the log, to the tree over all, and, where given, the kept one.
fn fill(writer: &mut LogWriter, all: &mut MemoryTree, kept: Option<&KeptTree>, size: u64) {
    while all.size() < size {
        let end = size.min(all.size() + 5_000);
        let records: Vec<_> = (all.size()..end).map(stored_refusal).collect();
        let bytes: Vec<_> = records.iter().map(|(_, bytes)| bytes.clone()).collect();
        writer.append(&bytes).unwrap();
        let leaves: Vec<_> =
            records.iter().map(|(record, bytes)| leaf_hash(record, bytes).unwrap()).collect();
        for leaf in &leaves {
            all.append(*leaf);
        }
        if let Some(kept) = kept {
            assert_eq!(kept.grow(&leaves).unwrap(), all.root());
        }
    }
}

#[test]
fn the_tree_goes_on_after_a_restart_wherever_it_stood() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = MemoryTree::new();
    for (size, is_lost) in [
        (0, false),
        (1, false),
        (255, false),
        (256, true),
        (257, false),
        (700, true),
        (1_024, false),
    ] {
        let (mut writer, reader) = open(folder.path());
        let kept = caught_up(&reader).unwrap();
        assert_eq!(kept.root(), all.root(), "taken up at {}", all.size());
        // What a crash before the writing of tiles leaves, every other time.
        fill(&mut writer, &mut all, (!is_lost).then_some(&kept), size);
        drop(kept);
        let kept = caught_up(&reader).unwrap();
        for earlier in [0, 1, 2, 255, 256, 257, 511, 600].into_iter().filter(|at| *at <= size) {
            let root = root_at(&all, earlier).unwrap();
            assert_eq!(kept.root_at(earlier).unwrap(), root, "{earlier} of {size}");
        }
        drop((kept, reader));
        writer.close().unwrap();
    }
}

#[test]
fn more_than_a_tile_of_tiles_is_taken_up_and_rebuilt_when_missing() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = MemoryTree::new();
    let (mut writer, reader) = open(folder.path());
    let kept = caught_up(&reader).unwrap();
    fill(&mut writer, &mut all, Some(&kept), 66_200);
    drop(kept);
    let kept = caught_up(&reader).unwrap();
    assert_eq!(kept.root(), all.root());
    assert_eq!(kept.root_at(65_700).unwrap(), root_at(&all, 65_700).unwrap());
    drop(kept);
    reader.delete_derived().unwrap();
    let kept = caught_up(&reader).unwrap();
    assert_eq!(kept.root(), all.root());
    assert_eq!(kept.root_at(65_537).unwrap(), root_at(&all, 65_537).unwrap());
}

#[test]
fn a_tile_that_is_missing_is_made_anew_and_one_that_contradicts_the_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut all = MemoryTree::new();
    let (mut writer, reader) = open(folder.path());
    fill(&mut writer, &mut all, None, 1_100);
    drop(caught_up(&reader).unwrap());
    let tiles = reader.derived(TILES, TILES_VERSION).unwrap();
    assert_eq!(tiles.reached(), 1_024);
    drop(tiles);
    for missing in [1, 3] {
        let tiles = reader.derived(TILES, TILES_VERSION).unwrap();
        tiles.apply(vec![(tile_key((0, missing)), Vec::new())], 1_024).unwrap();
        drop(tiles);
        let kept = caught_up(&reader).unwrap();
        assert_eq!(kept.root(), all.root());
    }

    let tiles = reader.derived(TILES, TILES_VERSION).unwrap();
    let mut hashes = read_stored(&tiles, (0, 3)).unwrap();
    hashes.swap(7, 8);
    tiles.apply(vec![(tile_key((0, 3)), encode(&hashes))], 1_024).unwrap();
    drop(tiles);
    let error = caught_up(&reader).unwrap_err();
    assert!(matches!(error, LedgerError::TreeMismatch { first: 768, last: 1_023 }), "{error}");
    assert!(error.to_string().contains("--rebuild-indexes"), "{error}");
}
