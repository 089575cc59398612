//! Whatever is altered in a stored tile or a checkpoint is named; a whole tree has nothing.

use crate::domain::id::Position;
use crate::ledger::signing::NEWEST_CHECKPOINT_FILE;
use crate::ledger::tree::TILES;
use crate::ledger::tree::tests::{caught_up, refusals};
use crate::ledger::verify::{Damage, DamageKind, Part, offline};
use crate::log::{DerivedTree, Log, LogOptions, LogReader, LogWriter, OpenedLog};
use crate::merkle::{Checkpoint, KeyName, MemoryTree, Note, SignerKey, root_at};

/// Enough for two full tiles of leaves and some more.
const RECORDS: u64 = 530;

struct Kept {
    _scratch: tempfile::TempDir,
    _writer: LogWriter,
    reader: LogReader,
    tree: MemoryTree,
}

impl Kept {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let opened = Log::open(&LogOptions::new(scratch.path())).unwrap();
        let OpenedLog { mut writer, reader, .. } = opened;
        let mut tree = MemoryTree::new();
        let mut records = Vec::new();
        for (leaf, stored) in refusals(0..RECORDS) {
            tree.append(leaf);
            records.push(stored);
        }
        writer.append(&records).unwrap();
        assert_eq!(caught_up(&reader).unwrap().root(), tree.root());
        Self { _scratch: scratch, _writer: writer, reader, tree }
    }

    fn tiles(&self) -> DerivedTree {
        self.reader.derived(TILES, 1).unwrap()
    }

    fn check(&self, newest: Option<&str>, keys: &[SignerKey]) -> Vec<Damage> {
        let keys: Vec<_> = keys.iter().map(|key| key.verifier().clone()).collect();
        offline::check_tree(&self.reader, newest, &keys).unwrap()
    }
}

fn told(damages: &[Damage]) -> Vec<(Part, DamageKind, Option<u64>, &str)> {
    let told = |damage: &'_ Damage| (damage.part, damage.kind, damage.position.map(Position::get));
    let mut all = Vec::new();
    for damage in damages {
        let (part, kind, position) = told(damage);
        all.push((part, kind, position, damage.subject.as_str()));
    }
    all
}

#[test]
fn every_stored_tile_is_compared_bit_by_bit() {
    let kept = Kept::new();
    assert_eq!(kept.check(None, &[]), []);
    let tiles = kept.tiles();
    let stored: Vec<_> = tiles.scan_prefix(&[]).map(Result::unwrap).collect();
    assert_eq!(stored.len(), 2, "two full tiles of leaves");
    for (number, (key, value)) in (0..).zip(&stored) {
        let name = format!("tile {number} of level 0");
        let expected = [(Part::Tree, DamageKind::TreeDiffers, Some(number * 256), &*name)];
        // A bit of each hash, another one in each.
        for hash in (0..256).step_by(15) {
            let mut altered = value.to_vec();
            altered[hash * 32 + hash % 32] ^= 1 << (hash % 8);
            tiles.apply(vec![(key.clone(), altered)], tiles.reached()).unwrap();
            let found = kept.check(None, &[]);
            assert_eq!(told(&found), expected);
            assert_eq!(found[0].text, format!("its hash {hash} is not what the records make"));
        }
        for (left, text) in [(0, "it is missing"), (255 * 32, "it has 255 hashes")] {
            tiles.apply(vec![(key.clone(), value[..left].to_vec())], tiles.reached()).unwrap();
            let found = kept.check(None, &[]);
            assert_eq!(told(&found), expected);
            assert!(found[0].text.starts_with(text), "{found:?}");
        }
        tiles.apply(vec![(key.clone(), value.to_vec())], tiles.reached()).unwrap();
        assert_eq!(kept.check(None, &[]), []);
    }
}

/// A checkpoint over so many records, signed.
fn signed(key: &SignerKey, size: u64, tree: &MemoryTree) -> String {
    let root = root_at(tree, size).unwrap();
    let checkpoint = Checkpoint::new("ledger.example.no", size, root).unwrap();
    let mut note = Note::unsigned(checkpoint.to_string()).unwrap();
    note.sign(key);
    note.to_string()
}

fn key() -> SignerKey {
    SignerKey::from_seed(KeyName::parse("ledger.example.no").unwrap(), &[7; 32])
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_newest_checkpoint_is_named() {
    let kept = Kept::new();
    let key = key();
    let keys = std::slice::from_ref(&key);
    for size in [1, 255, 256, 529, RECORDS] {
        assert_eq!(kept.check(Some(&signed(&key, size, &kept.tree)), keys), [], "{size}");
    }
    let text = signed(&key, 500, &kept.tree);
    for at in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[at] ^= 1 << (at % 8);
        let found = kept.check(Some(&String::from_utf8_lossy(&bytes)), keys);
        let expected = [(Part::Checkpoint, DamageKind::Unreadable, None, NEWEST_CHECKPOINT_FILE)];
        assert_eq!(told(&found), expected, "byte {at}");
    }
}

#[test]
fn what_a_checkpoint_says_is_compared_with_and_without_a_key() {
    let kept = Kept::new();
    let key = key();
    let mut other = MemoryTree::new();
    for (leaf, _) in refusals(1..RECORDS + 2) {
        other.append(leaf);
    }
    let expected =
        [(Part::Checkpoint, DamageKind::CheckpointDiffers, None, NEWEST_CHECKPOINT_FILE)];
    for keys in [&[][..], std::slice::from_ref(&key)] {
        for size in [1, 300, RECORDS, RECORDS + 1] {
            let found = kept.check(Some(&signed(&key, size, &other)), keys);
            assert_eq!(told(&found), expected, "{size}");
        }
    }
}
