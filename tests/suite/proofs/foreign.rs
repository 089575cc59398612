//! Judged by code that is not ours: the crates `tlog_tiles` and `signed_note` take what we make, and
//! refuse it after the change of one bit.

use contract_ledger::merkle::{
    Checkpoint, ConsistencyProof, InclusionProof, MemoryTree, Note, Receipt, Tile, TileReader as _,
    TreeHash, VerifierKey, root_at,
};
use signed_note::{NoteError, StandardSigner, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::{TileHashReader, TileReader, check_record, check_tree, prove_record, prove_tree};

use super::{bits_off, leaf, leaf_hash, one_bit_changes, signer, tree_of};

const ORIGIN: &str = "ledger.example.no/contracts";
const SIZES: [u64; 9] = [1, 2, 3, 8, 255, 256, 257, 700, 70_000];

fn foreign(hash: TreeHash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*hash.as_bytes())
}

fn foreign_proof(hashes: &[TreeHash]) -> Vec<tlog_tiles::Hash> {
    hashes.iter().copied().map(foreign).collect()
}

fn knows(key: &VerifierKey) -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(&key.to_string()).unwrap())])
}

/// Our tiles as the other side asks for them.
struct Served<'t> {
    tree: &'t MemoryTree,
    /// A tile, by its path, in which one bit is wrong.
    spoilt: Option<String>,
}

impl TileReader for Served<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, asked: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            let size_with_it = (tile.level_index() * 256 + u64::from(tile.width()))
                << (u32::from(tile.level()) * 8);
            let own = Tile::of_tree(tile.level(), tile.level_index(), size_with_it).unwrap();
            // Theirs names the height too, which `tlog-tiles` fixes to 8.
            assert_eq!(own.path(), tile.path().replacen("tile/8/", "tile/", 1));
            let hashes = self.tree.read_tile(own).unwrap();
            let hashes = &hashes[..usize::try_from(own.width()).unwrap()];
            let mut bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
            if self.spoilt.as_ref() == Some(&own.path()) {
                bytes[7] ^= 1;
            }
            bytes
        };
        Ok(asked.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn inclusion_proofs_are_taken_and_altered_ones_refused() {
    let tree = tree_of(70_000);
    for size in SIZES {
        let root = foreign(root_at(&tree, size).unwrap());
        for index in [0, size / 3, size - 1] {
            let proof = InclusionProof::make(&tree, index, size).unwrap();
            let leaf = foreign(leaf_hash(index));
            let hashes = foreign_proof(&proof.hashes);
            check_record(&hashes, size, root, index, leaf).unwrap();
            for (place, hash) in proof.hashes.iter().enumerate() {
                let mut altered = hashes.clone();
                for other in bits_off(*hash) {
                    altered[place] = foreign(other);
                    check_record(&altered, size, root, index, leaf).unwrap_err();
                }
            }
            for other in bits_off(leaf_hash(index)) {
                check_record(&hashes, size, root, index, foreign(other)).unwrap_err();
            }
            for other in bits_off(root_at(&tree, size).unwrap()) {
                check_record(&hashes, size, foreign(other), index, leaf).unwrap_err();
            }
            if size > 1 {
                check_record(&hashes, size, root, (index + 1) % size, leaf).unwrap_err();
            }
        }
    }
}

#[test]
fn consistency_proofs_are_taken_and_altered_ones_refused() {
    let tree = tree_of(70_000);
    for (place, new_size) in SIZES.into_iter().enumerate() {
        for old_size in SIZES.into_iter().take(place + 1) {
            let proof = ConsistencyProof::make(&tree, old_size, new_size).unwrap();
            let (old_root, root) =
                (root_at(&tree, old_size).unwrap(), root_at(&tree, new_size).unwrap());
            let hashes = foreign_proof(&proof.hashes);
            let check = |hashes: &Vec<_>, old_root, root| {
                check_tree(hashes, new_size, foreign(root), old_size, foreign(old_root))
            };
            check(&hashes, old_root, root).unwrap();
            for other in bits_off(old_root) {
                check(&hashes, other, root).unwrap_err();
            }
            for other in bits_off(root) {
                check(&hashes, old_root, other).unwrap_err();
            }
            for (place, hash) in proof.hashes.iter().enumerate() {
                let mut altered = hashes.clone();
                for other in bits_off(*hash) {
                    altered[place] = foreign(other);
                    check(&altered, old_root, root).unwrap_err();
                }
            }
        }
    }
}

#[test]
fn proofs_are_made_from_our_tiles_and_are_ours() {
    let tree = tree_of(70_000);
    let tiles = Served { tree: &tree, spoilt: None };
    for size in SIZES {
        let root = root_at(&tree, size).unwrap();
        let reader = TileHashReader::new(size, foreign(root), &tiles);
        for index in [0, size / 2, size - 1] {
            let ours = InclusionProof::make(&tree, index, size).unwrap();
            let theirs = prove_record(size, index, &reader).unwrap();
            assert_eq!(theirs, foreign_proof(&ours.hashes), "{index} of {size}");
        }
        let old_size = size.div_ceil(2);
        let ours = ConsistencyProof::make(&tree, old_size, size).unwrap();
        let theirs = prove_tree(size, old_size, &reader).unwrap();
        assert_eq!(theirs, foreign_proof(&ours.hashes), "{old_size} to {size}");
    }
}

/// A size at which no two parts of the root lie in one tile: `tlog_tiles` 0.2.0 counts parts where it
/// means tiles, and leaves as many inner tiles unchecked as there are parts too many.
#[test]
fn tile_with_one_wrong_bit_is_refused() {
    let size = 65_537;
    let tree = tree_of(size);
    let root = foreign(tree.root());
    for path in ["tile/0/000", "tile/1/000", "tile/0/256.p/1", "tile/2/000.p/1"] {
        let tiles = Served { tree: &tree, spoilt: Some(path.to_owned()) };
        let reader = TileHashReader::new(size, root, &tiles);
        assert!(prove_record(size, 0, &reader).is_err(), "{path}");
    }
}

#[test]
fn checkpoint_is_read_as_it_was_meant() {
    let root = tree_of(9).root();
    let checkpoint = Checkpoint::new(ORIGIN, 9, root).unwrap();
    let theirs = tlog_tiles::Checkpoint::from_bytes(checkpoint.to_string().as_bytes()).unwrap();
    assert_eq!((theirs.origin(), theirs.size()), (ORIGIN, 9));
    assert_eq!((*theirs.hash(), theirs.extension()), (foreign(root), ""));
    let extended = tlog_tiles::Checkpoint::new(ORIGIN, 9, foreign(root), "more\n").unwrap();
    let text = String::from_utf8(extended.to_bytes()).unwrap();
    let read = Checkpoint::parse(&text).unwrap();
    assert_eq!(read.extensions(), ["more"]);
    assert_eq!(read.to_string(), text);
}

#[test]
fn keys_are_read_both_ways() {
    let key = signer(ORIGIN, 5);
    let theirs = StandardVerifier::new(&key.verifier().to_string()).unwrap();
    assert_eq!(theirs.name(), ORIGIN);
    assert_eq!(theirs.key_id(), u32::from_be_bytes(key.verifier().id()));
    assert!(StandardSigner::new(&key.private_text()).is_ok());
}

#[test]
fn signed_checkpoint_is_taken_and_refused_after_any_change_of_one_bit() {
    let key = signer(ORIGIN, 5);
    let known = knows(key.verifier());
    let checkpoint = Checkpoint::new(ORIGIN, 9, tree_of(9).root()).unwrap();
    let mut note = Note::unsigned(checkpoint.to_string()).unwrap();
    note.sign(&key);
    let text = note.to_string();
    let (verified, unverified) =
        signed_note::Note::from_bytes(text.as_bytes()).unwrap().verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 0));
    let mut changes = 0;
    for altered in one_bit_changes(&text) {
        let read = signed_note::Note::from_bytes(altered.as_bytes());
        assert!(read.and_then(|note| note.verify(&known)).is_err(), "{altered:?}");
        changes += 1;
    }
    assert!(changes > text.len() * 6, "most changes of a bit leave a text");
}

#[test]
fn note_that_they_signed_is_verified_here() {
    let (ours, other) = (signer(ORIGIN, 5), signer("auditor.example", 6));
    let mut theirs = signed_note::Note::new(b"one\n\ntwo\n", &[]).unwrap();
    let signers = [&ours, &other].map(|key| StandardSigner::new(&key.private_text()).unwrap());
    theirs.add_sigs(&[&signers[0], &signers[1]]).unwrap();
    let text = String::from_utf8(theirs.to_bytes()).unwrap();
    let note = Note::parse(&text).unwrap();
    assert_eq!(note.text(), "one\n\ntwo\n");
    assert_eq!(note.to_string(), text);
    let keys = [ours.verifier().clone(), other.verifier().clone()];
    assert_eq!(note.verify(&keys).unwrap().len(), 2);
    let stranger = knows(signer("stranger.example", 7).verifier());
    assert!(matches!(theirs.verify(&stranger), Err(NoteError::UnverifiedNote)));
}

#[test]
fn receipt_holds_for_them_too() {
    let (tree, key) = (tree_of(300), signer(ORIGIN, 5));
    let receipt = super::notes::receipt(&tree, 77, &key).to_string();
    let receipt = Receipt::parse(&receipt).unwrap();
    let note = receipt.checkpoint.to_string();
    let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    note.verify(&knows(key.verifier())).unwrap();
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    let leaf = tlog_tiles::record_hash(&leaf(77));
    let hashes = foreign_proof(&receipt.hashes);
    check_record(&hashes, checkpoint.size(), *checkpoint.hash(), receipt.index, leaf).unwrap();
}
