//! What a key has signed binds it, wherever a trace of it is kept: a data folder that goes back, or is
//! made anew of a backup, signs nothing that contradicts it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use contract_ledger::clock::SystemClock;
use contract_ledger::ledger::proofs::ProofFailure;
use contract_ledger::ledger::signing::CannotSign;
use contract_ledger::ledger::{Ledger, LedgerLimits, LedgerRules};
use contract_ledger::log::LogOptions;
use contract_ledger::merkle::{Checkpoint, Note, SignerKey};
use tempfile::TempDir;
use tonic::Code;

use super::served::{ORIGIN, checkpoint, fill, newest_file, rules};
use super::signer;
use crate::support::events::*;
use crate::support::processes::{ledgerctl, opening, run};
use crate::support::{Served, Setting, Told, sign_first, told};

/// A key with a place of its own, as a configured ledger has it.
struct Key {
    place: TempDir,
}

impl Key {
    fn new() -> Self {
        Self { place: TempDir::new().unwrap() }
    }

    fn newest(&self) -> PathBuf {
        self.place.path().join("ledger.key.newest")
    }

    fn rules(&self) -> LedgerRules {
        rules(vec![signer(ORIGIN, 1)], Vec::new(), self.newest())
    }

    fn serve(&self, folder: TempDir) -> Served {
        Served::on(folder, Setting { rules: self.rules(), ..Setting::default() })
    }
}

async fn refused(served: &Served) -> Told {
    told(&checkpoint(served).await.unwrap_err())
}

fn cause(told: &Told) -> &str {
    assert_eq!(
        (told.code, told.reason.as_str()),
        (Code::FailedPrecondition, "CHECKPOINT_INCONSISTENT")
    );
    &told.metadata["cause"]
}

/// A copy of a folder that nobody serves, as a backup program makes it.
fn copy_of(folder: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    let from = folder.join(".");
    assert!(run(Command::new("cp").arg("-r").arg(from).arg(copy.path())).status.success());
    copy
}

/// Leaves a folder as an earlier version did, which did not say where the key keeps its copy.
fn forget_places(folder: &TempDir) {
    fs::remove_file(folder.path().join("checkpoint.places")).unwrap();
}

fn size_in(file: &Path) -> u64 {
    let note = Note::parse(&fs::read_to_string(file).unwrap()).unwrap();
    Checkpoint::parse(note.text()).unwrap().size()
}

async fn place(served: &Served, id: &str) {
    served.append("a", intent("2024-02-03", order(id, "10"))).await.unwrap();
}

#[tokio::test]
async fn a_data_folder_that_goes_back_as_a_whole_signs_no_second_history() {
    let key = Key::new();
    let served = key.serve(TempDir::new().unwrap());
    fill(&served, "a", 3).await;
    checkpoint(&served).await.unwrap();
    let folder = served.stop().await;
    let backup = copy_of(folder.path());
    assert_eq!(size_in(&newest_file(&backup)), 4);
    let served = key.serve(folder);
    place(&served, "P1").await;
    checkpoint(&served).await.unwrap();
    let newer = served.stop().await;
    assert_eq!((size_in(&newest_file(&newer)), size_in(&key.newest())), (5, 5));

    let restored = key.serve(backup);
    assert_eq!(cause(&refused(&restored).await), "SHORTER");
    place(&restored, "Q1").await;
    assert_eq!(cause(&refused(&restored).await), "OTHER_HISTORY");
    place(&restored, "Q2").await;
    let folder = restored.stop().await;
    // A restart remembers it, and has overwritten nothing.
    let restored = key.serve(folder);
    assert_eq!(cause(&refused(&restored).await), "OTHER_HISTORY");
    restored.stop().await;
    assert_eq!(size_in(&key.newest()), 5);

    let newer = key.serve(newer);
    checkpoint(&newer).await.unwrap();
    newer.stop().await;
}

#[tokio::test]
async fn a_restored_backup_goes_on_only_from_what_the_key_has_signed() {
    let key = Key::new();
    let served = key.serve(TempDir::new().unwrap());
    fill(&served, "a", 3).await;
    checkpoint(&served).await.unwrap();
    let folder = served.stop().await;
    let restore = async |backup: &Path, into: &Path| {
        let (backup, into) = (backup.to_str().unwrap(), into.to_str().unwrap());
        let output = ledgerctl(&["restore", backup, "--into", into]).await;
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("signing:  "), "{text}");
        assert!(text.contains("nothing is signed while"), "{text}");
    };
    let backup = copy_of(&folder.path().join("archive"));
    let served = key.serve(folder);
    place(&served, "P1").await;
    checkpoint(&served).await.unwrap();
    let newer = served.stop().await;

    let older = TempDir::new().unwrap();
    restore(backup.path(), older.path()).await;
    assert!(!newest_file(&older).exists());
    let served = key.serve(older);
    assert_eq!(cause(&refused(&served).await), "SHORTER");
    served.stop().await;

    // All that was signed is there: it goes on, and has its own copy again.
    let whole = TempDir::new().unwrap();
    restore(&newer.path().join("archive"), whole.path()).await;
    let served = key.serve(whole);
    checkpoint(&served).await.unwrap();
    let whole = served.stop().await;
    assert_eq!(size_in(&newest_file(&whole)), 5);

    // The copy that belongs to the key is lost too.
    fs::remove_file(newest_file(&whole)).unwrap();
    forget_places(&whole);
    let kept = fs::read(key.newest()).unwrap();
    fs::remove_file(key.newest()).unwrap();
    let served = key.serve(whole);
    let refusal = refused(&served).await;
    assert_eq!(cause(&refusal), "MISSING");
    assert_eq!(refusal.metadata["tree_size"], "5");
    let status = checkpoint(&served).await.unwrap_err();
    for part in ["an auditor or a witness", "newest.checkpoint", "ledgerd --first-checkpoint"] {
        assert!(status.message().contains(part), "{status}");
    }
    let whole = served.stop().await;
    assert!(!newest_file(&whole).exists() && !key.newest().exists(), "nothing was signed");
    fs::write(newest_file(&whole), kept).unwrap();
    let served = key.serve(whole);
    checkpoint(&served).await.unwrap();
    served.stop().await;
    assert_eq!(size_in(&key.newest()), 5);
}

#[tokio::test]
async fn what_a_witness_cosigned_binds_too() {
    let key = Key::new();
    let served = key.serve(TempDir::new().unwrap());
    fill(&served, "a", 3).await;
    let signed = checkpoint(&served).await.unwrap();
    let backup = copy_of(&served.folder.path().join("archive"));
    drop(served.stop().await);
    fs::remove_file(key.newest()).unwrap();
    let longer = checkpoint_of(&signer(ORIGIN, 1), 77);
    for (kept, expected) in [(signed.as_str(), None), (longer.as_str(), Some("SHORTER"))] {
        let into = TempDir::new().unwrap();
        let (from, to) = (backup.path().to_str().unwrap(), into.path().to_str().unwrap());
        assert!(ledgerctl(&["restore", from, "--into", to]).await.status.success());
        let folder = into.path().join("witnesses");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("witness.example-w1-00000000.checkpoint"), kept).unwrap();
        fs::write(folder.join("damaged.checkpoint"), "nothing").unwrap();
        let served = key.serve(into);
        match expected {
            None => assert_eq!(checkpoint(&served).await.unwrap(), signed),
            Some(expected) => assert_eq!(cause(&refused(&served).await), expected),
        }
        let into = served.stop().await;
        let first = sign_first(into.path(), &key.rules()).unwrap_err().to_string();
        assert!(first.contains("a checkpoint of"), "{first}");
        fs::remove_file(key.newest()).ok();
    }
}

fn checkpoint_of(key: &SignerKey, size: u64) -> String {
    let root = super::tree_of(size).root();
    let mut note =
        Note::unsigned(Checkpoint::new(ORIGIN, size, root).unwrap().to_string()).unwrap();
    note.sign(key);
    note.to_string()
}

#[tokio::test]
async fn a_ledger_of_before_goes_on_from_its_only_copy_and_has_the_other_made() {
    let key = Key::new();
    let served = key.serve(TempDir::new().unwrap());
    fill(&served, "a", 3).await;
    checkpoint(&served).await.unwrap();
    let folder = served.stop().await;
    fs::remove_file(key.newest()).unwrap();
    forget_places(&folder);
    let served = key.serve(folder);
    assert_eq!(size_in(&key.newest()), 4, "before anything else is signed");
    place(&served, "P1").await;
    checkpoint(&served).await.unwrap();
    served.stop().await;
    assert_eq!(size_in(&key.newest()), 5);
}

#[tokio::test]
async fn nothing_is_signed_that_cannot_be_kept_where_it_belongs_to_the_key() {
    let key = Key::new();
    let place_of_key = key.place.path().join("gone");
    let newest = place_of_key.join("newest");
    let with_key = rules(vec![signer(ORIGIN, 1)], Vec::new(), newest.clone());
    let served =
        Served::on(TempDir::new().unwrap(), Setting { rules: with_key, ..Setting::default() });
    fill(&served, "a", 3).await;
    let refusal = refused(&served).await;
    assert_eq!(refusal.reason, "CHECKPOINT_NOT_KEPT");
    assert_eq!(refusal.metadata["file"], newest.to_str().unwrap());
    let status = checkpoint(&served).await.unwrap_err();
    assert!(status.message().contains("set [checkpoint] newest_file"), "{status}");
    // It goes on by itself as soon as there is a place.
    fs::create_dir(&place_of_key).unwrap();
    checkpoint(&served).await.unwrap();
    assert_eq!(size_in(&newest), 4);
    served.stop().await;
}

#[tokio::test]
async fn a_log_with_records_is_signed_for_the_first_time_on_its_owners_word_alone() {
    let served = Served::start();
    fill(&served, "a", 3).await;
    let folder = served.stop().await;
    let other = copy_of(folder.path());
    let key = Key::new();
    let served = key.serve(folder);
    assert_eq!(cause(&refused(&served).await), "MISSING");
    let folder = served.stop().await;

    // The real program, with its own configuration.
    let file = key.place.path().join("ledger.key");
    fs::write(&file, signer(ORIGIN, 1).private_text()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let first = |folder: &Path| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
        program.arg("--data-dir").arg(folder).args(["--log-level", "error", "--first-checkpoint"]);
        let output = run(program.env("LEDGERD_CHECKPOINT__KEY_FILE", &file));
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let (code, text) = first(folder.path());
    assert_eq!((code, text.as_str()), (Some(0), "signed: the first checkpoint, of 4 records\n"));
    assert_eq!((size_in(&newest_file(&folder)), size_in(&key.newest())), (4, 4));
    let (code, text) = first(folder.path());
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the first one was signed before"), "{text}");
    let served = key.serve(folder);
    checkpoint(&served).await.unwrap();
    place(&served, "P1").await;
    checkpoint(&served).await.unwrap();
    let folder = served.stop().await;
    let (code, text) = first(folder.path());
    assert_eq!(code, Some(1), "{text}");

    // Nor is it said of another log: the key has signed, and the statement is of that log alone.
    let (code, text) = first(other.path());
    assert_eq!(code, Some(1), "{text}");
    let key = Key::new();
    let served = Served::on(other, Setting::default());
    served.append("a", intent("2024-02-03", order("Z1", "20"))).await.unwrap();
    let other = served.stop().await;
    fs::copy(newest_file(&folder), newest_file(&other)).unwrap();
    let served = key.serve(other);
    assert_eq!(cause(&refused(&served).await), "OTHER_HISTORY");
    served.stop().await;

    // A log that begins empty needs nobody's word, also when it is stopped before it signs.
    let key = Key::new();
    let served = key.serve(TempDir::new().unwrap());
    fill(&served, "a", 3).await;
    let folder = served.stop().await;
    let served = key.serve(folder);
    checkpoint(&served).await.unwrap();
    served.stop().await;
}

#[tokio::test]
async fn nothing_new_is_signed_before_every_witness_was_asked() {
    let key = Key::new();
    let served = key.serve(TempDir::new().unwrap());
    fill(&served, "a", 3).await;
    let signed = checkpoint(&served).await.unwrap();
    place(&served, "P1").await;
    let folder = served.stop().await;
    let (options, limits) = (LogOptions::new(folder.path()), LedgerLimits::default());
    let opened =
        opening(|| Ledger::open(&options, &limits, key.rules(), Arc::new(SystemClock))).unwrap();
    let ledger = opened.ledger;
    ledger.await_witnesses();
    let refused = |failure: Result<_, ProofFailure>| match failure {
        Err(ProofFailure::CannotSign(cause)) => cause,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(ledger.checkpoint().map(drop)), CannotSign::WitnessesNotAsked);
    assert_eq!(refused(ledger.check_signing()), CannotSign::WitnessesNotAsked);
    assert_eq!(refused(ledger.check_shown()), CannotSign::WitnessesNotAsked);
    // They are asked about what was signed before.
    assert_eq!(ledger.checkpoint_for_witnesses().unwrap().note.to_string(), signed);
    assert_eq!((size_in(&key.newest()), *ledger.witnesses_asked().borrow()), (4, false));
    ledger.all_witnesses_asked();
    assert_eq!(ledger.checkpoint().unwrap().checkpoint.size(), 5);
    ledger.contradict("w".to_owned(), "WITNESS_SAW_OTHER_HISTORY", "it saw another".to_owned());
    let cause = refused(ledger.checkpoint().map(drop));
    assert!(
        matches!(&cause, CannotSign::Contradicted { witness, .. } if witness == "w"),
        "{cause}"
    );
    assert_eq!(refused(ledger.check_shown()), cause);
    drop(ledger);
    opened.writer.join();
}
