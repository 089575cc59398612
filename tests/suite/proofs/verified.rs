//! A verification of the tree and the newest checkpoint, of a ledger that runs and of a folder: what is
//! altered is named, and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;

use contract_ledger::log::{Log, LogOptions};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::verify_log_response::Message;
use contract_ledger::wire::v1::{DamageKind, DamagedPart};

use super::served::{ORIGIN, checkpoint, fill, newest_file, signing};
use super::signer;
use crate::support::Served;
use crate::support::processes::{opening, run};

type Told = (DamagedPart, DamageKind, Option<u64>, String);

async fn verified(served: &Served) -> Vec<Told> {
    let mut stream = served.admin().verify_log(v1::VerifyLogRequest {}).await.unwrap().into_inner();
    let mut damages = Vec::new();
    while let Some(response) = stream.message().await.unwrap() {
        if let Some(Message::Damage(told)) = response.message {
            damages.push((told.part(), told.kind(), told.position, told.subject));
        }
    }
    damages
}

fn offline(folder: &Path, more: &[&str]) -> (String, i32) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    let output = run(program.arg("verify").arg(folder).args(more));
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code().unwrap())
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << (at % 8);
    bytes
}

/// Well formed, and signed by nobody: one letter of the signature is another one of its alphabet.
fn with_another_signature(checkpoint: &str) -> Vec<u8> {
    let mut bytes = checkpoint.as_bytes().to_vec();
    let letter = bytes.iter_mut().nth_back(8).unwrap();
    *letter = if *letter == b'A' { b'B' } else { b'A' };
    bytes
}

#[tokio::test]
async fn an_altered_tile_or_checkpoint_is_named_by_both_verifications() {
    let folder = tempfile::tempdir().unwrap();
    let served = signing(folder, vec![signer(ORIGIN, 7)], Vec::new());
    fill(&served, "a", 530).await;
    let signed = checkpoint(&served).await.unwrap();
    fill(&served, "b", 1).await;
    assert_eq!(verified(&served).await, []);
    // While it runs: the file alone.
    let file = newest_file(&served.folder);
    let damaged =
        |kind| vec![(DamagedPart::Checkpoint, kind, None, "newest.checkpoint".to_owned())];
    for byte in 0..signed.len() {
        if byte % 17 == 0 {
            fs::write(&file, flipped(signed.as_bytes(), byte)).unwrap();
            assert_eq!(verified(&served).await, damaged(DamageKind::Unreadable), "byte {byte}");
        }
    }
    fs::remove_file(&file).unwrap();
    assert_eq!(verified(&served).await, damaged(DamageKind::Unreadable), "gone");
    fs::write(&file, &signed).unwrap();
    assert_eq!(verified(&served).await, []);

    let folder = served.stop().await;
    let key = signer(ORIGIN, 7).verifier().to_string();
    let (text, code) = offline(folder.path(), &["--vkey", &key]);
    assert_eq!(code, 0, "{text}");
    fs::write(&file, with_another_signature(&signed)).unwrap();
    let (text, code) = offline(folder.path(), &["--vkey", &key]);
    assert_eq!(
        (code, text.contains("signed:   damaged, newest.checkpoint: ")),
        (1, true),
        "{text}"
    );
    // Without a key that somebody names, by those that the ledger left in the folder.
    let (text, code) = offline(folder.path(), &[]);
    assert_eq!(
        (code, text.contains("signed:   damaged, newest.checkpoint: ")),
        (1, true),
        "{text}"
    );
    assert!(text.contains("by the keys in the folder alone: name the key with --vkey"), "{text}");
    fs::write(&file, &signed).unwrap();
    let (text, code) = offline(folder.path(), &[]);
    assert_eq!((code, text.contains("name the key with --vkey")), (0, true), "{text}");
    let keys = folder.path().join("checkpoint.vkeys");
    let kept = fs::read(&keys).unwrap();
    fs::write(&keys, flipped(&kept, 7)).unwrap();
    let (text, code) = offline(folder.path(), &[]);
    assert_eq!((code, text.contains("damaged, checkpoint.vkeys: ")), (1, true), "{text}");
    // As an earlier version left it: nothing is known of the signatures, and that is said.
    fs::remove_file(&keys).unwrap();
    let (text, code) = offline(folder.path(), &[]);
    assert_eq!((code, text.contains("the signatures were not verified")), (0, true), "{text}");
    fs::write(&keys, &kept).unwrap();

    let opened = opening(|| Log::open(&LogOptions::new(folder.path()))).unwrap();
    let tiles = opened.reader.derived("merkle", 1).unwrap();
    let (key, value) = tiles.scan_prefix(&[]).next().unwrap().unwrap();
    tiles.apply(vec![(key, flipped(&value, 1000))], tiles.reached()).unwrap();
    drop(tiles);
    opened.writer.close().unwrap();
    drop(opened.reader);
    let (text, code) = offline(folder.path(), &[]);
    let told =
        "tree:     damaged, tile 0 of level 0 at position 0: its hash 31 is not what the records";
    assert_eq!((code, text.contains(told)), (1, true), "{text}");
    assert!(text.contains("--rebuild-indexes"), "{text}");
    let served = signing(folder, vec![signer(ORIGIN, 7)], Vec::new());
    let of_tile =
        (DamagedPart::Tree, DamageKind::TreeDiffers, Some(0), "tile 0 of level 0".to_owned());
    let found = verified(&served).await;
    assert!(found.contains(&of_tile), "{found:?}");
    assert!(found.iter().all(|(part, ..)| *part != DamagedPart::Index), "{found:?}");
    served.stop().await;
}
