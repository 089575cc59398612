//! Keys, notes, checkpoints and receipts: what is taken, what is refused, and that nothing is taken
//! in two spellings.

use contract_ledger::merkle::{
    Checkpoint, CheckpointFault, InclusionProof, KEY_NAME_BYTES_MAX, KeyFault, KeyName, MemoryTree,
    NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, Note, NoteFault, Receipt, ReceiptFault, SignerKey,
    TreeHash, VerifierKey,
};

use super::{leaf, one_bit_changes, signer, tree_of};

const ORIGIN: &str = "ledger.example.no/contracts";

/// The example of the C2SP specification of signed notes.
const SPECIFIED_NOTE: &str = "\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

\u{2014} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
";

pub(super) fn receipt(tree: &MemoryTree, index: u64, key: &SignerKey) -> Receipt {
    let checkpoint = Checkpoint::new(ORIGIN, tree.size(), tree.root()).unwrap();
    let mut checkpoint = Note::unsigned(checkpoint.to_string()).unwrap();
    checkpoint.sign(key);
    let hashes = InclusionProof::make(tree, index, tree.size()).unwrap().hashes;
    Receipt { extra: None, index, hashes, checkpoint }
}

fn known(key: &SignerKey) -> Vec<VerifierKey> {
    vec![key.verifier().clone()]
}

fn signed(text: &str, keys: &[&SignerKey]) -> Note {
    let mut note = Note::unsigned(text.to_owned()).unwrap();
    for key in keys {
        note.sign(key);
    }
    note
}

#[test]
fn key_texts_are_read_back_and_refused_after_any_change_of_one_bit() {
    let key = signer(ORIGIN, 9);
    let vkey = key.verifier().to_string();
    assert_eq!(VerifierKey::parse(&vkey).as_ref(), Ok(key.verifier()));
    let private = key.private_text();
    assert_eq!(SignerKey::parse(&private).unwrap().private_text(), private);
    for altered in one_bit_changes(&vkey) {
        assert!(VerifierKey::parse(&altered).is_err(), "{altered:?}");
    }
    for altered in one_bit_changes(&private) {
        assert!(SignerKey::parse(&altered).is_err(), "{altered:?}");
    }
    assert!(!format!("{key:?}").contains(&private[private.len() - 40..]), "{key:?}");
}

#[test]
fn key_names_are_what_a_line_of_a_signature_can_hold() {
    for (name, fault) in [
        ("", KeyFault::NameLength),
        ("a b", KeyFault::NameCharacter),
        ("a\u{a0}b", KeyFault::NameCharacter),
        ("a+b", KeyFault::NameCharacter),
        ("a\nb", KeyFault::NameCharacter),
        (&"x".repeat(KEY_NAME_BYTES_MAX + 1), KeyFault::NameLength),
    ] {
        assert_eq!(KeyName::parse(name), Err(fault), "{name:?}");
    }
    assert!(KeyName::parse(&"x".repeat(KEY_NAME_BYTES_MAX)).is_ok());
}

#[test]
fn keys_of_another_kind_are_refused_by_name() {
    // 0x06, an ML-DSA-44 cosignature, with as many bytes as an Ed25519 key has.
    let text = "witness.example+00000000+BgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    assert_eq!(VerifierKey::parse(text), Err(KeyFault::Kind));
    let form = VerifierKey::parse("witness.example").unwrap_err();
    assert_eq!(form.to_string(), "the text is not a key of the form NAME+ID+KEY");
    assert!(SignerKey::parse(&signer(ORIGIN, 1).verifier().to_string()).is_err());
}

#[test]
fn note_of_the_specification_is_read_letter_by_letter() {
    let note = Note::parse(SPECIFIED_NOTE).unwrap();
    assert!(note.text().ends_with("sole:\n\ned è subito sera.\n"), "{:?}", note.text());
    assert_eq!(note.to_string(), SPECIFIED_NOTE);
    let fault = note.verify(&known(&signer(ORIGIN, 1))).unwrap_err();
    assert_eq!(fault, NoteFault::NoKnownSignature);
}

#[test]
fn note_is_refused_after_any_change_of_one_bit() {
    let key = signer(ORIGIN, 9);
    let text = signed("one\n\ntwo\n", &[&key]).to_string();
    assert_eq!(Note::parse(&text).unwrap().verify(&known(&key)).unwrap(), [key.verifier()]);
    for altered in one_bit_changes(&text) {
        let read = Note::parse(&altered);
        let verified = read.and_then(|note| note.verify(&known(&key)).map(|keys| keys.len()));
        assert!(verified.is_err(), "{altered:?}");
    }
}

#[test]
fn note_carries_several_signatures_and_each_key_finds_its_own() {
    let (old, new, stranger) = (signer(ORIGIN, 1), signer(ORIGIN, 2), signer("other.example", 3));
    let note = signed("text\n", &[&old, &new, &stranger]);
    assert_eq!(note.verify(&known(&old)).unwrap(), [old.verifier()]);
    let both = [new.verifier().clone(), stranger.verifier().clone()];
    assert_eq!(note.verify(&both).unwrap().len(), 2);
    let mut again = note.clone();
    again.sign(&stranger);
    assert_eq!(again, note, "signing twice is signing once");
    // A known key's false signature spoils the note, whoever else has signed.
    let forged = note.to_string().replace("text\n", "texT\n");
    let fault = Note::parse(&forged).unwrap().verify(&known(&new)).unwrap_err();
    assert_eq!(fault.to_string(), format!("the signature of {ORIGIN} does not fit the text"));
}

#[test]
fn malformed_notes_are_refused_by_what_is_wrong() {
    let good = signed("text\n", &[&signer(ORIGIN, 1)]).to_string();
    let line = good.lines().last().unwrap();
    let many = format!("text\n\n{}", format!("{line}\n").repeat(NOTE_SIGNATURES_MAX + 1));
    let cases = [
        ("text\n".to_owned(), NoteFault::Unsigned),
        ("text\n\n".to_owned(), NoteFault::Unsigned),
        (good.trim_end().to_owned(), NoteFault::Unsigned),
        (good.replace('\u{2014}', "-"), NoteFault::SignatureForm { line: 1 }),
        (format!("{good}{line} more\n"), NoteFault::SignatureForm { line: 2 }),
        (good.replace("text", "te\txt"), NoteFault::ControlCharacter),
        (many, NoteFault::TooManySignatures),
        ("x".repeat(NOTE_BYTES_MAX + 1), NoteFault::TooLong),
    ];
    for (text, fault) in cases {
        assert_eq!(Note::parse(&text), Err(fault), "{:?}", &text[..text.len().min(99)]);
    }
    assert_eq!(Note::unsigned("text".to_owned()), Err(NoteFault::TextNotEnded));
}

#[test]
fn checkpoint_has_one_spelling() {
    let root = tree_of(5).root();
    let text = Checkpoint::new(ORIGIN, 5, root).unwrap().to_string();
    assert_eq!(text, format!("{ORIGIN}\n5\n{root}\n"));
    let cases = [
        (text.replace("\n5\n", "\n05\n"), CheckpointFault::Size),
        (text.replace("\n5\n", "\n+5\n"), CheckpointFault::Size),
        (text.replace("\n5\n", "\n18446744073709551616\n"), CheckpointFault::Size),
        (text.replace("=\n", "\n"), CheckpointFault::Root),
        (text.replace(ORIGIN, ""), CheckpointFault::Origin),
        (text.trim_end().to_owned(), CheckpointFault::NotEnded),
        (format!("{text}\nmore\n"), CheckpointFault::Extension),
    ];
    for (text, fault) in cases {
        assert_eq!(Checkpoint::parse(&text), Err(fault), "{text:?}");
    }
    assert_eq!(Checkpoint::new("a\nb", 5, root), Err(CheckpointFault::Origin));
}

#[test]
fn receipt_is_refused_after_any_change_of_one_bit() {
    let (tree, key) = (tree_of(21), signer(ORIGIN, 9));
    let text = receipt(&tree, 13, &key).to_string();
    let check = |text: &str| Receipt::parse(text)?.verify(&leaf(13), ORIGIN, &known(&key));
    assert_eq!(check(&text).unwrap().size(), 21);
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 13\n"), "{text}");
    for altered in one_bit_changes(&text) {
        assert!(check(&altered).is_err(), "{altered:?}");
    }
    let other = Receipt::parse(&text).unwrap().verify(&leaf(14), ORIGIN, &known(&key));
    assert!(matches!(other, Err(ReceiptFault::Proof(_))), "{other:?}");
    let other = Receipt::parse(&text).unwrap().verify(&leaf(13), "other.example", &known(&key));
    let expected = format!("the checkpoint is of {ORIGIN}, not of other.example");
    assert_eq!(other.unwrap_err().to_string(), expected);
}

#[test]
fn receipt_with_another_checkpoint_is_refused() {
    let key = signer(ORIGIN, 9);
    let small = receipt(&tree_of(21), 13, &key);
    let large = receipt(&tree_of(40), 13, &key);
    let mixed = Receipt { checkpoint: large.checkpoint, ..small };
    let fault = mixed.verify(&leaf(13), ORIGIN, &known(&key)).unwrap_err();
    assert!(matches!(fault, ReceiptFault::Proof(_)), "{fault:?}");
}

#[test]
fn receipt_carries_what_its_sender_adds_and_has_one_spelling() {
    let (tree, key) = (tree_of(1), signer(ORIGIN, 9));
    let extra = Some(b"from the ledger".to_vec());
    let receipt = Receipt { extra, ..receipt(&tree, 0, &key) };
    let text = receipt.to_string();
    assert_eq!(Receipt::parse(&text).as_ref(), Ok(&receipt));
    assert_eq!(Receipt::parse(&text).unwrap().to_string(), text);
    for (from, to, fault) in [
        ("tlog-proof@v1", "tlog-proof@v2", ReceiptFault::Form),
        ("index 0", "index 00", ReceiptFault::Index),
        ("index 0\n", "", ReceiptFault::Index),
        ("index 0\n", "index 0\nAAAA\n", ReceiptFault::Hash),
        ("extra Z", "extra =", ReceiptFault::Extra),
    ] {
        assert_eq!(Receipt::parse(&text.replace(from, to)), Err(fault), "{from:?} as {to:?}");
    }
}

#[test]
fn hash_text_has_one_spelling() {
    let text = TreeHash::of_empty_tree().to_string();
    assert_eq!(TreeHash::parse(&text), Some(TreeHash::of_empty_tree()));
    for altered in [text.replace('=', ""), format!("{text}\n"), text.replace("U=", "V=")] {
        assert_eq!(TreeHash::parse(&altered), None, "{altered:?}");
    }
}
