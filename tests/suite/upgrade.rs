//! Folders that earlier versions have written: today's code opens each, and answers what was answered
//! then. `tests/fixtures/upgrade/make` writes them.

mod versions;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use contract_ledger::ledger::LedgerRules;
use contract_ledger::ledger::signing::CheckpointRules;
use contract_ledger::merkle::{Checkpoint, Note, SignerKey};
use contract_ledger::wire::json::{from_json, to_json};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::verify_log_response::Message;
use serde_json::Value;
use tempfile::TempDir;

use super::support::events::sign;
use super::support::processes::run;
use super::support::{Served, Setting, told};

const AGREEMENT: &str = "doffin-2022-945636";
const AS_OF: &str = "2023-02-01";

fn fixtures() -> Vec<PathBuf> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/upgrade");
    let entries = fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let mut versions: Vec<_> = entries.filter(|path| path.is_dir()).collect();
    versions.sort();
    assert!(!versions.is_empty());
    versions
}

/// The folder of a fixture, at a place of its own.
fn unpacked(fixture: &Path) -> TempDir {
    unpacked_from(&fixture.join("data.tar.gz"), "data")
}

fn unpacked_from(packed: &Path, name: &str) -> TempDir {
    let scratch = tempfile::tempdir().unwrap();
    let packed = flate2::read::GzDecoder::new(File::open(packed).unwrap());
    tar::Archive::new(packed).unpack(scratch.path()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(scratch.path().join(name)).unwrap() {
        let path = entry.unwrap().path();
        fs::rename(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// Whether an answer says all that it said then. Fields that are new may stand beside.
fn says(answer: &Value, then: &Value) -> bool {
    match (answer, then) {
        (Value::Object(answer), Value::Object(then)) => {
            then.iter().all(|(name, then)| answer.get(name).is_some_and(|now| says(now, then)))
        }
        (Value::Array(answer), Value::Array(then)) => {
            answer.len() == then.len() && answer.iter().zip(then).all(|(now, then)| says(now, then))
        }
        (answer, then) => answer == then,
    }
}

fn lines(fixture: &Path, name: &str) -> Vec<String> {
    fs::read_to_string(fixture.join(name)).unwrap().lines().map(str::to_owned).collect()
}

/// What a ledger signed then.
struct Signed {
    key: SignerKey,
    checkpoint: String,
}

/// `None` of a fixture that signed nothing.
fn signed(fixture: &Path) -> Option<Signed> {
    let key = fs::read_to_string(fixture.join("key")).ok()?;
    let checkpoint = fs::read_to_string(fixture.join("checkpoint")).unwrap();
    Some(Signed { key: SignerKey::parse(key.trim_end()).unwrap(), checkpoint })
}

impl Signed {
    /// What signs on: it holds the newest checkpoint against the log before it does.
    fn rules(self, folder: &TempDir) -> LedgerRules {
        let newest = folder.path().join("newest.checkpoint");
        // A folder that was restored has none, and gets the one that was kept elsewhere.
        if !newest.exists() {
            fs::write(&newest, &self.checkpoint).unwrap();
        }
        assert_eq!(fs::read_to_string(&newest).unwrap(), self.checkpoint);
        let rules = CheckpointRules::new(None, vec![self.key], Vec::new(), newest).unwrap();
        LedgerRules { checkpoints: Some(Arc::new(rules)), ..LedgerRules::default() }
    }

    /// Signs twice, with a record between, and each time of a longer log than then.
    async fn is_gone_on_with(&self, served: &Served, what: &str) {
        let read = |note: &str| {
            let note = Note::parse(note).unwrap();
            let by = note.verify(std::slice::from_ref(self.key.verifier())).unwrap();
            assert_eq!(by.len(), 1, "{what}");
            Checkpoint::parse(note.text()).unwrap()
        };
        let mut last = read(&self.checkpoint);
        assert!(last.size() > 256, "{what}: no tile is full");
        for append in [false, true] {
            if append {
                served.append("signed-on", sign("100")).await.unwrap();
            }
            let asked = served.audit().get_checkpoint(v1::GetCheckpointRequest::default()).await;
            let next = read(&asked.unwrap().into_inner().checkpoint);
            assert!(next.size() > last.size(), "{what}: {} and then {}", last.size(), next.size());
            assert_eq!(next.origin(), last.origin(), "{what}");
            last = next;
        }
    }
}

async fn check(fixture: &Path, folder: TempDir, what: &str) {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let mut setting = Setting::default();
    if let Some(signed) = signed(fixture) {
        setting.rules = signed.rules(&folder);
    }
    let served = Served::on(folder, setting);
    let usage = json(&to_json(&served.usage_as_of(AGREEMENT, AS_OF).await));
    let then = json(&lines(fixture, "usage.json")[0]);
    assert!(says(&usage, &then), "{what}: {usage}\nand then: {then}");
    let request = v1::GetHistoryRequest {
        agreement_id: AGREEMENT.to_owned(),
        as_of: AS_OF.to_owned(),
        ..Default::default()
    };
    let mut stream = served.audit().get_history(request).await.unwrap().into_inner();
    let mut history = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        history.extend(message.entries.iter().map(|entry| json(&to_json(entry))));
    }
    let then: Vec<_> = lines(fixture, "history.jsonl").iter().map(|line| json(line)).collect();
    assert!(then.len() > 20);
    assert!(says(&Value::from(history), &Value::from(then)), "{what}");
    for line in lines(fixture, "requests.jsonl") {
        let request: v1::AppendEventsRequest = from_json(&line).unwrap();
        // What its source had sent before left no record of its own, and is told as that again.
        let known = match served.send(request).await {
            Ok(answer) => answer.replayed || answer.events.iter().all(|event| event.duplicate),
            Err(status) => told(&status).replayed,
        };
        assert!(known, "{what}: {line}");
    }
    let then: v1::VerifyLogResponse = from_json(&lines(fixture, "verified.json")[0]).unwrap();
    let mut stream = served.admin().verify_log(v1::VerifyLogRequest {}).await.unwrap().into_inner();
    let mut last = None;
    while let Some(response) = stream.message().await.unwrap() {
        last = response.message;
    }
    let (Some(Message::Summary(now)), Some(Message::Summary(then))) = (last, then.message) else {
        panic!("{what}: no summary");
    };
    assert_eq!(now.damage_count, 0, "{what}");
    assert_eq!((now.record_count, now.last_block_hash), (then.record_count, then.last_block_hash));
    assert_eq!(now.agreements, then.agreements, "{what}");
    if let Some(signed) = signed(fixture) {
        signed.is_gone_on_with(&served, what).await;
    }
    served.stop().await;
}

#[tokio::test]
async fn folders_of_every_version_open_with_both_copies_and_with_each_alone() {
    for fixture in fixtures() {
        let name = fixture.file_name().unwrap().to_str().unwrap();
        let folder = unpacked(&fixture);
        let mut verify = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
        let output = run(verify.arg("verify").arg(folder.path()));
        assert!(output.status.success(), "{output:?}");
        check(&fixture, folder, &format!("{name}, both copies")).await;

        let folder = unpacked(&fixture);
        fs::remove_dir_all(folder.path().join("archive")).unwrap();
        check(&fixture, folder, &format!("{name}, the store alone")).await;

        // Nothing but the segments: what somebody has who copied the archive elsewhere.
        let folder = unpacked(&fixture);
        let segments = tempfile::tempdir().unwrap();
        fs::rename(folder.path().join("archive"), segments.path().join("archive")).unwrap();
        check(&fixture, segments, &format!("{name}, the archive alone")).await;
    }
}

#[tokio::test]
async fn archive_and_backups_of_every_version_are_restored_from() {
    let (mut folders, mut files) = (0, 0);
    for fixture in fixtures() {
        let data = unpacked(&fixture);
        let mut backups = vec![data.path().join("archive")];
        let packed = fixture.join("backup-folder.tar.gz");
        let folder = packed.exists().then(|| unpacked_from(&packed, "backup"));
        if let Some(folder) = &folder {
            folders += 1;
            backups.push(folder.path().to_owned());
        }
        let file = fixture.join("backup.tar");
        if file.exists() {
            files += 1;
            backups.push(file);
        }
        for backup in backups {
            let made = tempfile::tempdir().unwrap();
            let mut restore = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
            restore.arg("restore").arg(&backup).arg("--into").arg(made.path());
            let output = run(&mut restore);
            assert!(output.status.success(), "{output:?}");
            check(&fixture, made, &format!("restored from {}", backup.display())).await;
        }
    }
    assert!(folders > 0 && files > 0, "no fixture has a backup of each kind");
}
