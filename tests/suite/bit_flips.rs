//! Any single flipped bit of a folder: found and named by `ledgerctl verify`, or without effect, which is
//! that the next start is clean and finds nothing to catch up with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::proofs::served::{ORIGIN, checkpoint, signing};
use super::proofs::signer;
use super::start_up::start;
use super::support::events::*;
use super::support::processes::run;

/// Flips in each file, at seeded random places; of sled's file half of them where it is not zero.
const FLIPS: usize = 24;

/// A generator of numbers, so that a seed repeats a run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn verify(folder: &Path) -> (String, i32) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    let output = run(program.arg("verify").arg(folder));
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code().unwrap())
}

/// What may be said of a file whose bit is flipped.
fn is_right(name: &str, text: &str, code: i32) -> bool {
    let says = |what: &str| text.contains(what);
    let of_archive = says("archive:  damaged: the archive is damaged at position ")
        || says("bytes of an append that was cut short");
    let of_store = says("store:    damaged: ")
        || says("indexes:  damaged")
        || says("tree:     damaged")
        || says("not alike: ")
        || says("stopped:  clean, but ");
    match name {
        // Also the last block, which looks like an append that was cut short.
        _ if name.starts_with("segment-") => code == 1 && of_archive && !of_store_alone(text),
        "FORMAT" => code == 2 && says("has format"),
        "clean-stop" => code == 1 && says("stopped:  damaged, clean-stop "),
        "newest.checkpoint" => code == 1 && says("signed:   damaged, newest.checkpoint"),
        "checkpoint.vkeys" => code == 1 && says("signed:   damaged, checkpoint.vkeys"),
        "page-token.key" => code == 1 && says("tokens:   damaged: page-token.key "),
        // Which mark holds: without it the folder is one that was not stopped in order, which is no fault.
        "ledger.lock" => code == 0,
        // Of the store: named, or without effect, which is that every block, its chain, the archive's
        // blocks and every index are as they were written, and that a start thinks so too.
        _ => (code == 1 && of_store) || (code == 0 && says("verified: both copies are whole")),
    }
}

/// A start of a copy is clean, and has nothing to make anew.
fn assert_starts_clean(folder: &Path, place: &str) {
    let copy = tempfile::tempdir().unwrap();
    assert!(
        run(Command::new("cp").arg("-r").arg(folder.join(".")).arg(copy.path())).status.success()
    );
    let started = start(copy.path(), &[]);
    assert_eq!(started.words(), ["clean"], "{place}: {}", started.text);
    for told in ["catching up", "emptied to be rebuilt", "made anew"] {
        assert!(!started.text.contains(told), "{place}: {}", started.text);
    }
}

fn of_store_alone(text: &str) -> bool {
    text.contains("store:    damaged")
}

#[tokio::test]
async fn flipped_bit_is_named_or_without_effect() {
    let seed = u64::from(std::process::id()) << 17 | 1;
    let mut random = Random(seed);
    let served = signing(tempfile::tempdir().unwrap(), vec![signer(ORIGIN, 1)], Vec::new());
    served.append("a", sign("100000")).await.unwrap();
    for number in 0..12 {
        let placed = intent("2024-01-02", order(&format!("P{number}"), "1"));
        served.append("a", placed).await.unwrap();
    }
    checkpoint(&served).await.unwrap();
    let folder = served.stop().await;
    let (text, code) = verify(folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("stopped:  clean, and the store is as it was left"), "{text}");
    assert_starts_clean(folder.path(), "before any flip");
    let (mut named, mut without_effect) = (0, 0);
    for path in files(folder.path()) {
        let whole = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let written: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] != 0).collect();
        if whole.is_empty() {
            continue;
        }
        for flip in 0..FLIPS {
            let at = if flip % 2 == 0 && !written.is_empty() {
                written[random.below(written.len())]
            } else {
                random.below(whole.len())
            };
            let bit = random.below(8);
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            fs::write(&path, bytes).unwrap();
            let (text, code) = verify(folder.path());
            let place = format!("seed {seed}: bit {bit} of byte {at} of {}", path.display());
            assert!(is_right(name, &text, code), "{place}: exit code {code}\n{text}");
            if code == 0 {
                without_effect += 1;
                if path.starts_with(folder.path().join("sled")) {
                    assert_starts_clean(folder.path(), &place);
                }
            } else {
                named += 1;
            }
        }
        fs::write(&path, whole).unwrap();
    }
    let (text, code) = verify(folder.path());
    assert_eq!(code, 0, "{text}");
    assert!(named > without_effect / 4, "{named} named, {without_effect} without effect");
}
