//! The texts of the tree: keys, notes, checkpoints and receipts. None is read in two spellings, and
//! nothing is believed but what was signed.

use std::sync::LazyLock;

use contract_ledger::merkle::{
    Checkpoint, InclusionProof, KeyName, MemoryTree, Note, Receipt, SignerKey, TreeHash,
    VerifierKey,
};

use super::input::Input;

/// The log that the seeds are of.
pub const ORIGIN: &str = "ledger.example.no/contracts";
/// Leaves of its tree.
pub const LEAVES: u8 = 11;

/// The tree, and who signs for it.
#[derive(Debug)]
pub struct Signed {
    /// The tree.
    pub tree: MemoryTree,
    /// The key.
    pub key: SignerKey,
    /// The text that was signed, and nothing else was.
    pub checkpoint: Checkpoint,
}

/// A tree of the leaves 0 to 10, a byte each, with its signed checkpoint.
pub static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let mut tree = MemoryTree::default();
    (0..LEAVES).for_each(|leaf| tree.append(TreeHash::of_leaf(&[leaf])));
    let name = KeyName::parse(ORIGIN).expect("a name");
    let checkpoint = Checkpoint::new(ORIGIN, tree.size(), tree.root()).expect("a checkpoint");
    Signed { tree, key: SignerKey::from_seed(name, &[9; 32]), checkpoint }
});

/// The first byte says as what the rest is read.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let (choice, leaf) = (input.byte() % 5, input.byte() % LEAVES);
    let Ok(text) = std::str::from_utf8(input.rest()) else { return };
    match choice {
        0 => {
            if let Ok(checkpoint) = Checkpoint::parse(text) {
                assert_eq!(checkpoint.to_string(), text);
            }
        }
        1 => note(text),
        2 => receipt(text, leaf),
        3 => {
            if let Ok(key) = VerifierKey::parse(text) {
                assert_eq!(key.to_string(), text);
            }
        }
        _ => {
            if let Ok(key) = SignerKey::parse(text) {
                assert_eq!(key.private_text(), text);
                VerifierKey::parse(&key.verifier().to_string()).expect("a key of ours is read");
            }
        }
    }
}

fn note(text: &str) {
    let Ok(note) = Note::parse(text) else { return };
    assert_eq!(note.to_string(), text);
    if note.verify(&[SIGNED.key.verifier().clone()]).is_ok() {
        assert_eq!(note.text(), SIGNED.checkpoint.to_string(), "a text that was never signed");
    }
}

fn receipt(text: &str, leaf: u8) {
    let Ok(receipt) = Receipt::parse(text) else { return };
    assert_eq!(receipt.to_string(), text);
    let Signed { tree, key, checkpoint } = &*SIGNED;
    if let Ok(proved) = receipt.verify(&[leaf], ORIGIN, &[key.verifier().clone()]) {
        assert_eq!(&proved, checkpoint, "a checkpoint that was never signed");
        assert_eq!(receipt.index, u64::from(leaf), "a leaf at another place");
        let proof = InclusionProof::make(tree, receipt.index, tree.size()).expect("a leaf");
        assert_eq!(receipt.hashes, proof.hashes, "another proof");
    }
}
