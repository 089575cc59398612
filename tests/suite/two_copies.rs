//! A ledger whose store or archive is lost, torn or damaged between two runs: everything that was
//! acknowledged is there, and request ids answer as before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::events::*;
use super::support::processes::run;
use super::support::{Served, Setting, told};
use contract_ledger::wire::v1;

/// What is done to a folder, after what it is called or what is said of it.
type Damage = (&'static str, fn(&Path));

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.join("archive")).unwrap();
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn last_segment(folder: &Path) -> PathBuf {
    segments(folder).pop().unwrap()
}

fn store_lost(folder: &Path) {
    fs::remove_dir_all(folder.join("sled")).unwrap();
}

fn archive_lost(folder: &Path) {
    fs::remove_dir_all(folder.join("archive")).unwrap();
}

fn archive_torn(folder: &Path) {
    change(&last_segment(folder), |bytes| bytes.truncate(bytes.len() - 17));
}

fn half_an_append_behind(folder: &Path) {
    change(&last_segment(folder), |bytes| {
        let begun = bytes[49..149].to_vec();
        bytes.extend_from_slice(&begun);
        // A header as of the next block, and then nothing: what a power cut leaves.
        bytes.extend_from_slice(&[0; 300]);
        let from = bytes.len() - 400;
        bytes[from + 30] ^= 1;
        bytes.truncate(from + 90);
    });
}

fn bit_flipped_in_the_archive(folder: &Path) {
    change(&segments(folder)[0], |bytes| bytes[150] ^= 1);
}

fn archive_header_flipped(folder: &Path) {
    change(&segments(folder)[0], |bytes| bytes[9] ^= 1);
}

/// Where the first block lies in sled's file, a bit of it.
fn bit_flipped_in_the_store(folder: &Path) {
    change(&folder.join("sled/db"), |bytes| {
        let at = bytes.windows(4).position(|window| window == b"CLBK").unwrap();
        bytes[at + 70] ^= 1;
    });
}

fn store_cut(folder: &Path) {
    change(&folder.join("sled/db"), |bytes| bytes.truncate(bytes.len() / 3));
}

fn store_emptied(folder: &Path) {
    change(&folder.join("sled/db"), Vec::clear);
}

/// Different places: the first block in sled, the last one in the archive.
fn both_damaged(folder: &Path) {
    store_cut(folder);
    change(&last_segment(folder), |bytes| bytes.extend_from_slice(b"CLBK\x01\x00half"));
}

#[tokio::test]
async fn whatever_happens_to_one_copy_the_answers_stay() {
    let damages: [Damage; 11] = [
        ("the store is lost", store_lost),
        ("the archive is lost", archive_lost),
        ("the archive is torn", archive_torn),
        ("half an append is behind", half_an_append_behind),
        ("a bit flips in the archive", bit_flipped_in_the_archive),
        ("a bit flips in the archive's header", archive_header_flipped),
        ("a bit flips in the store", bit_flipped_in_the_store),
        ("the store is cut", store_cut),
        ("the store is empty", store_emptied),
        ("both are damaged", both_damaged),
        ("nothing", |_| {}),
    ];
    let mut served = Served::start();
    let placing = request("a", vec![intent("2024-01-01", order("O1", "60"))]);
    let over = request("a", vec![intent("2024-01-01", order("O2", "60"))]);
    served.append("a", sign("100000")).await.unwrap();
    served.append("b", sign("100")).await.unwrap();
    served.append("b", sign("100")).await.unwrap_err();
    let first = served.send(placing.clone()).await.unwrap();
    let over = v1::AppendEventsRequest { agreement_id: "b".to_owned(), ..over };
    served.append("b", intent("2024-01-01", order("O1", "60"))).await.unwrap();
    served.send(over.clone()).await.unwrap_err();
    for (number, (what, damage)) in damages.into_iter().enumerate() {
        let placed = intent("2024-01-02", order(&format!("P{number}"), "1"));
        served.append("a", placed).await.unwrap();
        let usage = served.usage("a").await;
        let history = served.history("a").await;
        let records = served.records().await;
        let folder = served.stop().await;
        damage(folder.path());
        served = Served::on(folder, Setting::default());
        assert_eq!(served.usage("a").await, usage, "{what}");
        assert_eq!(served.history("a").await, history, "{what}");
        assert_eq!(served.records().await, records, "{what}");
        let again = served.send(placing.clone()).await.unwrap();
        assert!(again.replayed, "{what}");
        assert_eq!(again.events, first.events, "{what}");
        assert!(told(&served.send(over.clone()).await.unwrap_err()).replayed, "{what}");
    }
    served.stop().await;
}

/// What `ledgerctl COMMAND DIR` prints, and its exit code.
fn ledgerctl(command: &str, folder: &Path) -> (String, i32) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    let output = run(program.arg(command).arg(folder));
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code().unwrap())
}

/// Every file under a folder with its bytes.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn verify_changes_nothing_and_names_what_recover_mends() {
    let served = Served::start();
    served.append("a", sign("100000")).await.unwrap();
    for number in 0..5 {
        let placed = intent("2024-01-02", order(&format!("P{number}"), "1"));
        served.append("a", placed).await.unwrap();
    }
    let (text, code) = ledgerctl("verify", served.folder.path());
    assert_eq!(code, 2, "{text}");
    let holder = format!("is in use by process {}", std::process::id());
    assert!(text.contains(&holder), "{text}");
    let folder = served.stop().await;
    let damages: [Damage; 6] = [
        ("store:    missing", store_lost),
        ("archive:  missing", archive_lost),
        ("bytes of an append that was cut short", archive_torn),
        ("damaged: the archive is damaged at position 0", bit_flipped_in_the_archive),
        ("damaged: the archive is damaged at position 0", archive_header_flipped),
        ("not alike", store_emptied),
    ];
    for (what, damage) in damages {
        let (text, code) = ledgerctl("verify", folder.path());
        assert_eq!(code, 0, "{what}: {text}");
        assert!(text.contains("records:  6 read, 1 agreements, 0 faults"), "{what}: {text}");
        damage(folder.path());
        let before = files(folder.path());
        let (text, code) = ledgerctl("verify", folder.path());
        assert_eq!(code, 1, "{what}: {text}");
        assert!(text.contains(what) && text.contains("ledgerctl recover"), "{what}: {text}");
        assert_eq!(files(folder.path()), before, "{what}");
        let (text, code) = ledgerctl("recover", folder.path());
        assert_eq!(code, 0, "{what}: {text}");
        assert!(text.contains("recovered: both copies hold 6 records"), "{what}: {text}");
    }
    let (text, code) = ledgerctl("recover", folder.path());
    assert_eq!((code, text.contains("clean: both copies hold 6 records")), (0, true), "{text}");
}

#[tokio::test]
async fn a_log_without_records_is_whole() {
    let folder = Served::start().stop().await;
    let (text, code) = ledgerctl("verify", folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("0 records") && text.contains("alike"), "{text}");
}

#[test]
fn a_folder_without_a_log_is_neither_verified_nor_made() {
    let scratch = tempfile::tempdir().unwrap();
    for command in ["verify", "recover"] {
        let (text, code) = ledgerctl(command, &scratch.path().join("none"));
        assert_eq!(code, 2, "{text}");
        assert!(text.contains("holds no log"), "{text}");
    }
    assert_eq!(files(scratch.path()), []);
    assert!(!scratch.path().join("none").exists());
}
