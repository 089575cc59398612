//! A restore that is held against a checkpoint which somebody kept.

use std::fs;

use tempfile::TempDir;

use super::attacks::ledgerctl;
use super::served::{ORIGIN, checkpoint, fill, signing};
use super::signer;
use crate::support::events::*;

/// The archive of a ledger that signed a checkpoint over five records, and then recorded two more.
async fn kept(amount: &str) -> (TempDir, String) {
    let served = signing(TempDir::new().unwrap(), vec![signer(ORIGIN, 1)], Vec::new());
    fill(&served, "a", 4).await;
    let kept = checkpoint(&served).await.unwrap();
    for number in ["P1", "P2"] {
        served.append("a", intent("2024-02-03", order(number, amount))).await.unwrap();
    }
    (served.stop().await, kept)
}

#[tokio::test]
async fn what_is_restored_begins_with_what_was_signed_or_it_is_said() {
    let (folder, signed) = kept("10").await;
    let (other, _) = kept("11").await;
    let scratch = TempDir::new().unwrap();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("kept"), &signed).unwrap();
    let vkey = signer(ORIGIN, 1).verifier().to_string();
    let archive = |folder: &TempDir| folder.path().join("archive").to_str().unwrap().to_owned();
    let against = ["--checkpoint", &path("kept"), "--vkey", &vkey];
    let restore = async |backup: &str, into: &str, more: &[&str]| {
        let into = path(into);
        let words = [&["restore", backup, "--into", &into], more].concat();
        ledgerctl(&words).await
    };

    let (code, text) = restore(&archive(&folder), "whole", &against).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("proved:   the first 5 records are those that"), "{text}");
    // Event ids and times differ, so the first five records do too.
    let (code, text) = restore(&archive(&other), "other", &against).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("refused: the first 5 records are not those of"), "{text}");
    let earlier = [&against[..], &["--to-position", "0"]].concat();
    let (code, text) = restore(&archive(&folder), "earlier", &earlier).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("is of 5 records, and 1 were restored"), "{text}");
    let wrong_key = signer(ORIGIN, 2).verifier().to_string();
    let wrong = ["--checkpoint", &path("kept"), "--vkey", &wrong_key];
    let (code, text) = restore(&archive(&folder), "unsigned", &wrong).await;
    assert_eq!(code, 1, "{text}");
    let (code, text) = restore(&archive(&folder), "alone", &[]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("checked:  against itself alone"), "{text}");
}
