//! A folder that has lost its newest records, or all of them, or the file that names its format: the
//! start is refused by name, with a command that works as it is printed. And what looks like a loss and
//! is none is mended.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::proofs::served::{ORIGIN, checkpoint, signing};
use super::proofs::signer;
use super::start_up::{Start, start};
use super::support::events::*;
use super::support::processes::run;
use super::support::{Served, Setting};

const RECORDS: u64 = 61;

/// Small segments, so that there are several.
fn small() -> Setting {
    let log = |options: &mut contract_ledger::log::LogOptions| {
        let archive = options.archive.as_mut().unwrap();
        archive.segment_bytes_max = 4096;
    };
    Setting { log, ..Setting::default() }
}

async fn served() -> Served {
    let served = Served::with(small());
    served.append("a", sign("100000")).await.unwrap();
    for number in 1..RECORDS {
        let placed = intent("2024-01-02", order(&format!("P{number}"), "1"));
        served.append("a", placed).await.unwrap();
    }
    served
}

async fn stopped() -> TempDir {
    served().await.stop().await
}

fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    let from = folder.join(".");
    assert!(run(Command::new("cp").arg("-r").arg(from).arg(copy.path())).status.success());
    copy
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("archive")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.is_file());
    paths.sort();
    assert!(paths.len() > 3, "several segments: {paths:?}");
    paths
}

fn ledgerctl(words: &[&str]) -> (i32, String) {
    let output = run(Command::new(env!("CARGO_BIN_EXE_ledgerctl")).args(words));
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code().unwrap(), text)
}

fn verify(folder: &Path) -> (i32, String) {
    ledgerctl(&["verify", folder.to_str().unwrap()])
}

/// Runs the command of a refusal as it is printed.
fn obey(refused: &Start) -> String {
    let command = refused.outcomes()[0]["command"].as_str().expect("a command").to_owned();
    let command = command.replace("ledgerctl ", &format!("{} ", env!("CARGO_BIN_EXE_ledgerctl")));
    let output = run(Command::new("sh").arg("-c").arg(&command));
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{command}: {text}");
    text
}

fn assert_refused(folder: &Path, reason: &str, position: Option<u64>, says: &str) -> Start {
    let refused = start(folder, &[]);
    assert_eq!(refused.words(), ["refused"], "{}", refused.text);
    let fields = refused.outcomes()[0];
    assert_eq!(fields["reason"], reason, "{}", refused.text);
    assert_eq!(fields["position"].as_u64(), position, "{}", refused.text);
    assert!(refused.text.contains(says), "{}", refused.text);
    refused
}

fn assert_clean(folder: &Path, next_position: u64) {
    let started = start(folder, &[]);
    assert_eq!(started.words(), ["clean"], "{}", started.text);
    assert_eq!(started.outcomes()[0]["next_position"], next_position);
}

#[tokio::test]
async fn a_used_folder_without_blocks_in_either_copy_is_refused_and_names_what_says_so() {
    // Stopped in order, stopped and opened since, and killed.
    for (what, says) in [("stopped", "clean-stop"), ("killed", "page-token.key")] {
        let served = served().await;
        let killed = copy_of(served.folder.path());
        let stopped = served.stop().await;
        let folder = if what == "stopped" { stopped } else { killed };
        for copy in ["sled", "archive"] {
            fs::remove_dir_all(folder.path().join(copy)).unwrap();
        }
        for _ in 0..2 {
            assert_refused(folder.path(), "BLOCKS_GONE", None, says);
            assert!(!folder.path().join("sled").exists(), "nothing is made");
        }
        let path = folder.path().to_str().unwrap();
        let (code, text) = ledgerctl(&["recover", path]);
        assert_eq!((code, text.contains("holds no block")), (1, true), "{text}");
        // What is read of it says the same, and not that records may be given up.
        let (code, text) = verify(folder.path());
        let advice = format!("move this one away:  mv {path} ");
        assert_eq!((code, text.contains(&advice)), (1, true), "{text}");
        assert!(!text.contains("--give-up-records") && !text.contains("as it was left"), "{text}");
        let refused = assert_refused(folder.path(), "BLOCKS_GONE", None, says);
        obey(&refused);
        let aside = format!("{path}.set-aside");
        assert!(Path::new(&aside).exists(), "moved away");
        fs::remove_dir_all(aside).unwrap();
        let started = start(folder.path(), &[]);
        assert_eq!(started.words(), ["created"], "{}", started.text);
    }
    // A ledger that never had a record has lost none.
    let empty = Served::start().stop().await;
    fs::remove_dir_all(empty.path().join("sled")).unwrap();
    let folder = copy_of(empty.path());
    assert_eq!(start(folder.path(), &[]).words(), ["created"]);
    // Unless an earlier version had it since, which leaves the mark its name.
    opened_by_an_earlier_version(empty.path());
    assert_refused(empty.path(), "BLOCKS_GONE", None, "page-token.key");
}

/// What a version that knows of no marks does to them: it writes its process into the lock file.
fn opened_by_an_earlier_version(folder: &Path) {
    fs::write(folder.join("ledger.lock"), "4711\n").unwrap();
}

#[tokio::test]
async fn a_mark_that_an_earlier_version_left_its_name_is_of_no_state_but_its_own() {
    let folder = stopped().await;
    let db = folder.path().join("sled/db");
    let length = fs::metadata(&db).unwrap().len();
    fs::OpenOptions::new().write(true).open(&db).unwrap().set_len(length + 512).unwrap();
    assert_eq!(verify(folder.path()).0, 1);
    opened_by_an_earlier_version(folder.path());
    let (code, text) = verify(folder.path());
    assert_eq!((code, text.contains("stopped:  not in order")), (0, true), "{text}");
    // The log has come so far all the same.
    let last = segments(folder.path()).pop().unwrap();
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    fs::remove_file(last).unwrap();
    let refused = start(folder.path(), &[]);
    assert_eq!(refused.outcomes()[0]["reason"], "RECORDS_CUT_OFF", "{}", refused.text);
}

/// A reason to refuse a start, and how a folder comes to it.
type Refused = (&'static str, fn(&Path));

#[tokio::test]
async fn a_refused_start_leaves_the_mark_of_the_clean_stop() {
    let whole = stopped().await;
    let named = |folder: &Path| folder.join("clean-stop").exists();
    let damages: [Refused; 4] = [
        ("BLOCKS_GONE", |folder| {
            fs::remove_dir_all(folder.join("sled")).unwrap();
            fs::remove_dir_all(folder.join("archive")).unwrap();
        }),
        ("RECORDS_CUT_OFF", |folder| {
            fs::remove_dir_all(folder.join("sled")).unwrap();
            fs::remove_file(segments(folder).pop().unwrap()).unwrap();
        }),
        ("FORMAT_MISSING", |folder| fs::remove_file(folder.join("FORMAT")).unwrap()),
        ("FILE_UNREACHABLE", |folder| {
            fs::remove_dir_all(folder.join("archive")).unwrap();
            fs::write(folder.join("archive"), "").unwrap();
        }),
    ];
    for (reason, damage) in damages {
        let folder = copy_of(whole.path());
        damage(folder.path());
        for _ in 0..2 {
            let refused = start(folder.path(), &[]);
            assert_eq!(refused.outcomes()[0]["reason"], reason, "{}", refused.text);
            assert!(named(folder.path()), "{reason}");
        }
        // What was lost is put back, and the folder is as the stop has left it.
        fs::copy(whole.path().join("FORMAT"), folder.path().join("FORMAT")).unwrap();
        for copy in ["sled", "archive"] {
            let copy = folder.path().join(copy);
            if copy.is_dir() {
                fs::remove_dir_all(&copy)
            } else {
                fs::remove_file(&copy).or(Ok(()))
            }
            .unwrap();
            let from = whole.path().join(copy.file_name().unwrap());
            assert!(run(Command::new("cp").arg("-r").arg(from).arg(&copy)).status.success());
        }
        let (code, text) = verify(folder.path());
        assert_eq!((code, text.contains("stopped:  clean, and")), (0, true), "{reason}: {text}");
    }
}

#[tokio::test]
async fn a_log_that_ends_before_what_it_had_is_refused_until_the_rest_is_given_up() {
    let folder = stopped().await;
    let last = segments(folder.path()).pop().unwrap();
    let ends: u64 = last.file_name().unwrap().to_str().unwrap()[8..28].parse().unwrap();
    let kept = fs::read(&last).unwrap();
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    fs::remove_file(&last).unwrap();
    for _ in 0..2 {
        assert_refused(folder.path(), "RECORDS_CUT_OFF", Some(ends), "clean-stop says that");
    }
    let (code, text) = verify(folder.path());
    assert_eq!((code, text.contains("cut off:  the log ends at position")), (1, true), "{text}");
    let path = folder.path().to_str().unwrap();
    let (code, text) = ledgerctl(&["recover", path]);
    assert_eq!((code, text.contains("--give-up-records")), (1, true), "{text}");
    // Put back, everything is there.
    let mended = copy_of(folder.path());
    fs::write(mended.path().join("archive").join(last.file_name().unwrap()), kept).unwrap();
    let started = start(mended.path(), &[]);
    assert_eq!(started.words(), ["recovered", "recovered"], "{}", started.text);
    assert_clean(mended.path(), RECORDS);
    // Given up, the log goes on where it ends, and nothing remembers.
    let refused =
        assert_refused(folder.path(), "RECORDS_CUT_OFF", Some(ends), "clean-stop says that");
    let text = obey(&refused);
    assert!(text.contains(&format!("recorded at position {ends} and later")), "{text}");
    assert_clean(folder.path(), ends);
    assert_eq!(verify(folder.path()).0, 0);
}

#[tokio::test]
async fn a_missing_segment_is_found_at_the_start_and_written_anew_from_the_store() {
    let whole = stopped().await;
    for victim in [0, 1, 2] {
        let folder = copy_of(whole.path());
        fs::remove_file(&segments(folder.path())[victim]).unwrap();
        let started = start(folder.path(), &[]);
        assert_eq!(started.words(), ["recovered", "recovered"], "{victim}: {}", started.text);
        assert_eq!(started.outcomes()[0]["copy"], "archive");
        assert_clean(folder.path(), RECORDS);
        assert_eq!(verify(folder.path()).0, 0, "{victim}");
    }
    // One that has lost its last block shows too.
    let cut = &segments(whole.path())[1];
    let bytes = fs::read(cut).unwrap();
    fs::write(cut, &bytes[..bytes.len() - 30]).unwrap();
    assert_eq!(start(whole.path(), &[]).words(), ["recovered", "recovered"]);
}

#[tokio::test]
async fn a_half_created_segment_behind_a_whole_log_is_set_aside_and_told() {
    let folder = stopped().await;
    let next = folder.path().join("archive").join(format!("segment-{RECORDS:020}.clar"));
    let header = fs::read(&segments(folder.path())[0]).unwrap();
    let zeros = [0; 49];
    for begun in [&b""[..], &header[..20], &zeros[..20], &zeros[..]] {
        fs::write(&next, begun).unwrap();
        let (code, text) = verify(folder.path());
        let told = format!("and {} bytes of an append that was cut short", begun.len());
        assert_eq!((code, text.contains(&told)), (1, true), "{text}");
        let started = start(folder.path(), &[]);
        assert_eq!(started.words(), ["recovered", "recovered"], "{}", started.text);
        assert_eq!(started.outcomes()[0]["torn_bytes"], begun.len());
        assert!(!next.exists(), "set aside");
        assert_clean(folder.path(), RECORDS);
        assert_eq!(verify(folder.path()).0, 0);
    }
    // One that begins elsewhere is no end of this log.
    let elsewhere = folder.path().join("archive").join(format!("segment-{:020}.clar", RECORDS + 1));
    fs::write(&elsewhere, b"").unwrap();
    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    assert_refused(folder.path(), "LOST_IN_BOTH_COPIES", Some(RECORDS), "");
}

#[tokio::test]
async fn a_format_that_is_lost_or_altered_is_written_anew_by_the_command() {
    let folder = stopped().await;
    let format = folder.path().join("FORMAT");
    let whole = fs::read(&format).unwrap();
    let mut altered = whole.clone();
    altered[4] ^= 0x10;
    let cases: [Option<&[u8]>; 4] = [None, Some(b""), Some(&altered), Some(b"\xff\xff")];
    for (without, bytes) in ["", "sled", "archive"]
        .into_iter()
        .flat_map(|without| cases.into_iter().map(move |bytes| (without, bytes)))
    {
        let copy = copy_of(folder.path());
        if !without.is_empty() {
            fs::remove_dir_all(copy.path().join(without)).unwrap();
        }
        let format = copy.path().join("FORMAT");
        match bytes {
            Some(bytes) => fs::write(&format, bytes).unwrap(),
            None if without == "sled" => continue,
            None => fs::remove_file(&format).unwrap(),
        }
        let reason = if bytes.is_some() { "FORMAT_UNKNOWN" } else { "FORMAT_MISSING" };
        let refused = assert_refused(copy.path(), reason, None, "ledgerctl recover ");
        obey(&refused);
        assert_eq!(fs::read(&format).unwrap(), whole);
        assert_clean(copy.path(), RECORDS);
    }
    // What another version wrote is not for this one to say.
    fs::write(&format, "contract-ledger log format 2\n").unwrap();
    assert_refused(folder.path(), "FORMAT_UNKNOWN", None, "start the version");
    let (code, text) = ledgerctl(&["recover", folder.path().to_str().unwrap()]);
    assert_eq!((code, text.contains("has format")), (1, true), "{text}");
    // Unless somebody says that a bit has flipped, and every block is of this version.
    for digit in ["3", "5", "9"] {
        let copy = copy_of(folder.path());
        let format = copy.path().join("FORMAT");
        fs::write(&format, format!("contract-ledger log format {digit}\n")).unwrap();
        let refused = assert_refused(copy.path(), "FORMAT_UNKNOWN", None, "start the version");
        obey(&refused);
        assert_eq!(fs::read(&format).unwrap(), whole);
        assert_clean(copy.path(), RECORDS);
    }
    // And where no copy has a block, nothing says what the format was.
    fs::write(&format, "").unwrap();
    for copy in ["sled", "archive"] {
        fs::remove_dir_all(folder.path().join(copy)).unwrap();
    }
    for flag in [None, Some("--rewrite-format")] {
        let words = ["recover", folder.path().to_str().unwrap()].into_iter().chain(flag);
        let (code, _) = ledgerctl(&words.collect::<Vec<_>>());
        assert_ne!(code, 0);
        assert_eq!(fs::read(&format).unwrap(), b"");
    }
}

#[tokio::test]
async fn a_killed_folder_is_verified_with_how_far_each_derived_tree_has_come() {
    let served = served().await;
    let killed = copy_of(served.folder.path());
    let (code, text) = verify(killed.path());
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("stopped:  not in order, so the next start has what is derived"),
        "{text}"
    );
    for tree in ["merkle", "projections-portfolio", "requests", "sources", "streams"] {
        assert!(text.contains(&format!("  {tree} reaches position ")), "{tree}: {text}");
    }
    let folder = served.stop().await;
    let (code, text) = verify(folder.path());
    assert_eq!((code, text.contains("stopped:  clean, and")), (0, true), "{text}");
    // A file of the store that was left with another length.
    let db = folder.path().join("sled/db");
    let length = fs::metadata(&db).unwrap().len();
    fs::OpenOptions::new().write(true).open(&db).unwrap().set_len(length + 512).unwrap();
    let (code, text) = verify(folder.path());
    let told = format!("file db has {} bytes, and was left with {length}", length + 512);
    assert_eq!((code, text.contains(&told)), (1, true), "{text}");
}

#[tokio::test]
async fn a_backup_folder_whose_mark_was_altered_is_not_restored() {
    let folder = stopped().await;
    // The segments of a ledger with the mark are what a backup folder is.
    let backup = folder.path().join("archive");
    let text = b"contract-ledger backup format 1\n";
    let restored = |into: &str, mark: &[u8]| {
        fs::write(backup.join("BACKUP"), mark).unwrap();
        let into = folder.path().join(into);
        ledgerctl(&["restore", backup.to_str().unwrap(), "--into", into.to_str().unwrap()])
    };
    for at in 0..text.len() {
        let mut altered = text.to_vec();
        altered[at] ^= 1 << (at % 8);
        let (code, told) = restored("altered", &altered);
        assert_eq!((code, told.contains("format")), (2, true), "byte {at}: {told}");
        assert!(!folder.path().join("altered").exists());
    }
    let (code, told) = restored("whole", text);
    assert_eq!(code, 0, "{told}");
}

/// A ledger of twelve records that were signed, stopped, and a copy of when it had five.
async fn signed() -> (TempDir, TempDir) {
    let served = |folder| signing(folder, vec![signer(ORIGIN, 1)], Vec::new());
    let append = async |served: &Served, numbers: std::ops::Range<u64>| {
        for number in numbers {
            let placed = intent("2024-01-02", order(&format!("P{number}"), "1"));
            served.append("a", placed).await.unwrap();
        }
    };
    let five = served(tempfile::tempdir().unwrap());
    five.append("a", sign("100000")).await.unwrap();
    append(&five, 1..5).await;
    let folder = five.stop().await;
    let before = copy_of(folder.path());
    let twelve = served(folder);
    append(&twelve, 5..12).await;
    checkpoint(&twelve).await.unwrap();
    (before, twelve.stop().await)
}

/// Puts both copies of one folder into another.
fn put_copies(from: &Path, to: &Path) {
    for copy in ["sled", "archive"] {
        fs::remove_dir_all(to.join(copy)).unwrap();
        assert!(run(Command::new("cp").arg("-r").arg(from.join(copy)).arg(to)).status.success());
    }
}

fn remove_marks(folder: &Path) {
    for mark in ["clean-stop", "last-clean-stop"] {
        drop(fs::remove_file(folder.join(mark)));
    }
}

#[tokio::test]
async fn a_checkpoint_whose_size_is_altered_refuses_nothing_without_a_key() {
    let (before, folder) = signed().await;
    let path = folder.path().join("newest.checkpoint");
    let whole = fs::read_to_string(&path).unwrap();
    let altered = whole.replacen("\n12\n", "\n52\n", 1);
    assert_ne!(altered, whole);
    fs::write(&path, altered).unwrap();
    let started = start(folder.path(), &[]);
    assert_eq!(started.words(), ["clean"], "{}", started.text);
    assert!(started.text.contains("no known key has signed the newest checkpoint"));
    let (code, text) = ledgerctl(&["recover", folder.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
    // One that is as it was signed is heeded.
    fs::write(&path, whole).unwrap();
    put_copies(before.path(), folder.path());
    remove_marks(folder.path());
    assert_refused(folder.path(), "RECORDS_CUT_OFF", Some(5), "newest.checkpoint says that");
    let (code, text) = ledgerctl(&["recover", folder.path().to_str().unwrap()]);
    assert_eq!((code, text.contains("--give-up-records")), (1, true), "{text}");
}

#[tokio::test]
async fn given_up_records_that_are_back_are_missed_when_they_are_cut_off_again() {
    let (before, folder) = signed().await;
    let whole = copy_of(folder.path());
    put_copies(before.path(), folder.path());
    remove_marks(folder.path());
    let refused = assert_refused(folder.path(), "RECORDS_CUT_OFF", Some(5), "newest.checkpoint");
    obey(&refused);
    assert_clean(folder.path(), 5);
    assert!(folder.path().join("records-given-up").exists());
    put_copies(whole.path(), folder.path());
    assert_clean(folder.path(), 12);
    assert!(!folder.path().join("records-given-up").exists());
    put_copies(before.path(), folder.path());
    remove_marks(folder.path());
    assert_refused(folder.path(), "RECORDS_CUT_OFF", Some(5), "newest.checkpoint says that");
}
