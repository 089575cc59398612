//! `ledgerctl keygen` and `ledgerctl tree` against a ledger that is served.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use contract_ledger::merkle::{
    Checkpoint, InclusionProof, MemoryTree, Note, Receipt, TreeHash, VerifierKey,
};
use contract_ledger::wire::record::encode;
use contract_ledger::wire::{leaf, v1};
use tempfile::TempDir;

use crate::support::Served;
use crate::support::events::*;
use crate::support::processes::ledgerctl;

const AUDITOR: &str = "auditor.example.no/vask";

async fn text_of(arguments: &[&str]) -> String {
    let output = ledgerctl(arguments).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn error_of(arguments: &[&str]) -> String {
    let output = ledgerctl(arguments).await;
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A ledger with accepted events and a refusal, and the leaves of its records.
async fn ledger_with_records() -> (Served, Vec<Vec<u8>>) {
    let served = Served::start();
    served.append("vask-2024", sign("100")).await.unwrap();
    served.append("vask-2024", intent("2024-02-01", order("O1", "60"))).await.unwrap();
    served.append("vask-2024", intent("2024-02-02", order("O2", "60"))).await.unwrap_err();
    served.append("vask-2024", fact("2024-02-03", order("O3", "50"))).await.unwrap();
    let request = v1::ReadEventsRequest::default();
    let mut parts = served.ledger().read_events(request).await.unwrap().into_inner();
    let mut leaves = Vec::new();
    while let Some(part) = parts.message().await.unwrap() {
        let stored = part.records.iter().map(encode);
        leaves.extend(stored.map(|stored| leaf::of_stored(&stored).unwrap()));
    }
    assert_eq!(leaves.len(), 4);
    (served, leaves)
}

fn tree_over(leaves: &[Vec<u8>]) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for leaf in leaves {
        tree.append(TreeHash::of_leaf(leaf));
    }
    tree
}

#[tokio::test]
async fn key_is_made_once_for_its_owner_only() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("auditor.key");
    let file = path.to_str().unwrap();
    let vkey = text_of(&["keygen", AUDITOR, "-o", file]).await;
    assert_eq!(VerifierKey::parse(vkey.trim_end()).unwrap().name().as_str(), AUDITOR);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let private = fs::read_to_string(&path).unwrap();
    assert!(private.starts_with(&format!("PRIVATE+KEY+{AUDITOR}+")), "{private:?}");
    let again = error_of(&["keygen", AUDITOR, "-o", file]).await;
    assert!(again.contains("writing"), "{again}");
    assert_eq!(fs::read_to_string(&path).unwrap(), private, "the key stays");
    let unfit = error_of(&["keygen", "a+b", "-o", folder.path().join("b").to_str().unwrap()]).await;
    assert!(unfit.contains("no plus"), "{unfit}");
}

#[tokio::test]
async fn tree_shows_size_and_root_and_proves_every_record() {
    let (served, leaves) = ledger_with_records().await;
    let tree = tree_over(&leaves);
    let head = format!("size 4\nroot {}\n", tree.root());
    assert_eq!(text_of(&["tree", "--server", &served.url]).await, head);
    for (position, leaf) in (0..).zip(&leaves) {
        let asked = position.to_string();
        let text = text_of(&["tree", "--server", &served.url, "--prove", &asked]).await;
        let hashes = text.lines().skip_while(|line| !line.starts_with("index ")).skip(1);
        let hashes = hashes.map(|line| TreeHash::parse(line).unwrap()).collect();
        let proof = InclusionProof { index: position, size: 4, hashes };
        assert_eq!(proof.verify(TreeHash::of_leaf(leaf), tree.root()), Ok(()));
    }
    let beyond = error_of(&["tree", "--server", &served.url, "--prove", "4"]).await;
    assert!(beyond.contains("the log has 4 records, none at 4"), "{beyond}");
    served.stop().await;
}

#[tokio::test]
async fn empty_log_has_the_root_of_nothing() {
    let served = Served::start();
    let text = text_of(&["tree", "--server", &served.url]).await;
    assert_eq!(text, format!("size 0\nroot {}\n", TreeHash::of_empty_tree()));
    served.stop().await;
}

#[tokio::test]
async fn auditor_signs_what_was_seen() {
    let (served, leaves) = ledger_with_records().await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("auditor.key");
    let file = path.to_str().unwrap();
    let vkey = text_of(&["keygen", AUDITOR, "-o", file]).await;
    let known = [VerifierKey::parse(vkey.trim_end()).unwrap()];

    let note = text_of(&["tree", "--server", &served.url, "--key", file]).await;
    let note = Note::parse(&note).unwrap();
    note.verify(&known).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    assert_eq!(checkpoint, Checkpoint::new(AUDITOR, 4, tree_over(&leaves).root()).unwrap());

    let receipt = text_of(&["tree", "--server", &served.url, "--key", file, "--prove", "2"]).await;
    let receipt = Receipt::parse(&receipt).unwrap();
    assert_eq!(receipt.verify(&leaves[2], AUDITOR, &known).unwrap(), checkpoint);
    assert!(receipt.verify(&leaves[1], AUDITOR, &known).is_err());

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let refused = error_of(&["tree", "--server", &served.url, "--key", file]).await;
    assert!(refused.contains("others may read"), "{refused}");
    served.stop().await;
}
