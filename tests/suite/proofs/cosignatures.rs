//! Cosignatures of witnesses, and the text that a witness is sent.

use contract_ledger::merkle::{
    Checkpoint, ConsistencyProof, KeyFault, KeyKind, Note, NoteFault, Submission, SubmissionFault,
    VerifierKey,
};

use super::{one_bit_changes, signer, tree_of};
use crate::support::witness::cosigner;

const ORIGIN: &str = "ledger.example.no/contracts";
const TIME: u64 = 1_679_315_147;

fn checkpoint(size: u64) -> Note {
    let tree = tree_of(size);
    let text = Checkpoint::new(ORIGIN, size, tree.root()).unwrap().to_string();
    let mut note = Note::unsigned(text).unwrap();
    note.sign(&signer(ORIGIN, 1));
    note
}

#[test]
fn a_cosignature_holds_for_its_text_and_time_and_after_no_change_of_one_bit() {
    let witness = cosigner("witness.example.com/w1", 3);
    let known = [VerifierKey::parse(&witness.vkey()).unwrap()];
    let checkpoint = checkpoint(7);
    let line = witness.cosign(checkpoint.text(), TIME);

    let mut cosigned = checkpoint.clone();
    let keys = cosigned.take_signatures(&line, &known).unwrap();
    assert_eq!(keys, [&known[0]]);
    assert_eq!(cosigned.cosigned_at(&known[0]), Some(TIME));
    // What was read back says the same, and the ledger's own signature is still there.
    let read = Note::parse(&cosigned.to_string()).unwrap();
    assert_eq!(read, cosigned);
    let log = [signer(ORIGIN, 1).verifier().clone()];
    read.verify(&log).unwrap();

    for altered in one_bit_changes(&line) {
        let mut note = checkpoint.clone();
        assert!(note.take_signatures(&altered, &known).is_err(), "{altered:?}");
        assert_eq!(note, checkpoint, "nothing is taken over of {altered:?}");
    }
    let mut other = self::checkpoint(8);
    let wrong = other.take_signatures(&line, &known);
    assert!(matches!(wrong, Err(NoteFault::WrongSignature { .. })), "{wrong:?}");
}

#[test]
fn only_lines_of_known_witnesses_are_taken_over_and_the_newest_stays() {
    let (ours, other) = (cosigner("w.example/1", 3), cosigner("w.example/2", 4));
    let trusted = [VerifierKey::parse(&ours.vkey()).unwrap()];
    let mut note = checkpoint(7);
    let lines = [other.cosign(note.text(), TIME), ours.cosign(note.text(), TIME)].concat();
    note.take_signatures(&lines, &trusted).unwrap();
    assert_eq!(note.to_string().matches("w.example").count(), 1);
    let later = ours.cosign(note.text(), TIME + 60);
    note.take_signatures(&later, &trusted).unwrap();
    assert_eq!(note.cosigned_at(&trusted[0]), Some(TIME + 60));
    assert_eq!(note.to_string().matches("w.example").count(), 1);
    let left_out = note.take_signatures(&other.cosign(note.text(), TIME), &trusted);
    assert_eq!(left_out, Err(NoteFault::NoKnownSignature));
}

#[test]
fn a_key_says_what_it_signs() {
    let witness = VerifierKey::parse(&cosigner("w.example/1", 3).vkey()).unwrap();
    assert_eq!(witness.kind(), KeyKind::Cosigner);
    assert_eq!(VerifierKey::parse(&witness.to_string()).as_ref(), Ok(&witness));
    let author = signer("w.example/1", 3).verifier().clone();
    assert_eq!(author.kind(), KeyKind::Author);
    // The same name and bytes, and yet another key: neither can pass for the other.
    assert_ne!(author.id(), witness.id());
    let mut note = checkpoint(7);
    note.sign(&signer("w.example/1", 3));
    assert_eq!(note.verify(std::slice::from_ref(&witness)), Err(NoteFault::NoKnownSignature));
    assert_eq!(note.cosigned_at(&author), None);
    // The kind is under the id, so it cannot be changed in the text.
    let body = author.to_string().rsplit_once('+').unwrap().1.to_owned();
    let swapped =
        witness.to_string().replace(witness.to_string().rsplit_once('+').unwrap().1, &body);
    assert_eq!(VerifierKey::parse(&swapped), Err(KeyFault::Id));
}

#[test]
fn a_submission_is_read_back_and_has_one_spelling() {
    let tree = tree_of(20);
    let hashes = ConsistencyProof::make(&tree, 7, 20).unwrap().hashes;
    let submission = Submission { old_size: 7, hashes, checkpoint: checkpoint(20) };
    let text = submission.to_string();
    assert!(text.starts_with("old 7\n"), "{text}");
    assert_eq!(Submission::parse(&text).as_ref(), Ok(&submission));
    let first = Submission { old_size: 0, hashes: Vec::new(), checkpoint: checkpoint(20) };
    assert!(first.to_string().starts_with("old 0\n\nledger.example.no/contracts\n20\n"));
    assert_eq!(Submission::parse(&first.to_string()).as_ref(), Ok(&first));

    let fault = |from: &str, to: &str| Submission::parse(&text.replacen(from, to, 1)).unwrap_err();
    assert_eq!(fault("old 7", "old 07"), SubmissionFault::OldSize);
    assert_eq!(fault("old 7", "7"), SubmissionFault::OldSize);
    assert_eq!(fault("old 7\n", "old 7\nno hash\n"), SubmissionFault::Hash);
    let line = format!("old 7\n{}", format!("{}\n", tree.root()).repeat(63));
    assert_eq!(fault("old 7\n", &line), SubmissionFault::TooManyHashes);
    assert_eq!(Submission::parse("old 7\n"), Err(SubmissionFault::Form));
    assert!(matches!(Submission::parse("old 7\n\nnothing\n"), Err(SubmissionFault::Note(_))));
}
