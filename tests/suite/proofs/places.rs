//! Every file that a key has kept what it signed in binds: when keys change, when the place is changed,
//! and when such a file is gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use contract_ledger::merkle::{TreeHash, VerifierKey};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::audit_service_client::AuditServiceClient;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use tempfile::TempDir;

use super::served::ORIGIN;
use crate::daemon::Daemon;
use crate::support::events::{intent, order, request, sign};
use crate::support::processes::{ledgerctl, run};
use crate::support::witness::{TestWitness, cosigner};
use crate::support::{Told, told};

/// Two keys of one log, and its data folder.
struct Disk {
    folder: TempDir,
    vkeys: [String; 2],
}

impl Disk {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut vkeys = [String::new(), String::new()];
        for (name, vkey) in ["k1", "k2"].iter().zip(&mut vkeys) {
            let key = folder.path().join(name).display().to_string();
            let made = ledgerctl(&["keygen", ORIGIN, "-o", &key]).await;
            assert!(made.status.success(), "{made:?}");
            *vkey = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        }
        Self { folder, vkeys }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The place of a file as a value in the configuration.
    fn value(&self, name: &str) -> String {
        format!("{:?}", self.path(name).display().to_string())
    }

    fn configure(&self, settings: &str) -> PathBuf {
        let file = self.path("ledgerd.toml");
        fs::write(&file, format!("[checkpoint]\norigin = {ORIGIN:?}\n{settings}\n")).unwrap();
        file
    }

    fn start(&self, settings: &str) -> Daemon {
        let config = self.configure(settings);
        Daemon::start_with(&self.path("data"), &["--config", config.to_str().unwrap()], &[])
    }

    /// Runs the program with a flag that makes it end by itself.
    fn say(&self, settings: &str, flag: &str) -> (Option<i32>, String) {
        let config = self.configure(settings);
        let mut program = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
        program.arg("--config").arg(config).arg("--data-dir").arg(self.path("data"));
        let output = run(program.args(["--log-level", "error", flag]));
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    /// Signs two records, and leaves that data folder as `old`; then signs three.
    async fn signed_on(&self, settings: &str) {
        let daemon = self.start(settings);
        append(&daemon, sign("1000")).await;
        append(&daemon, intent("2024-01-01", order("O1", "1"))).await;
        assert_eq!(checkpoint(&daemon).await.unwrap(), 2);
        stop(daemon).await;
        copy(&self.path("data"), &self.path("old"));
        let daemon = self.start(settings);
        append(&daemon, intent("2024-01-01", order("O2", "1"))).await;
        assert_eq!(checkpoint(&daemon).await.unwrap(), 3);
        stop(daemon).await;
    }

    /// Puts the old data folder back.
    fn go_back(&self) {
        fs::remove_dir_all(self.path("data")).unwrap();
        copy(&self.path("old"), &self.path("data"));
    }

    /// What a start says of signing, or the size that it signs.
    async fn signs(&self, settings: &str) -> Result<u64, Told> {
        let daemon = self.start(settings);
        let signed = checkpoint(&daemon).await;
        stop(daemon).await;
        signed
    }

    async fn cause(&self, settings: &str) -> String {
        let mut refused = self.signs(settings).await.unwrap_err();
        assert_eq!(refused.reason, "CHECKPOINT_INCONSISTENT");
        refused.metadata.remove("cause").unwrap()
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(run(Command::new("cp").arg("-r").arg(from).arg(to)).status.success());
}

async fn append(daemon: &Daemon, event: v1::Event) {
    let mut client = LedgerServiceClient::connect(daemon.url.clone()).await.unwrap();
    client.append_events(request("a", vec![event])).await.unwrap();
}

async fn checkpoint(daemon: &Daemon) -> Result<u64, Told> {
    let mut client = AuditServiceClient::connect(daemon.url.clone()).await.unwrap();
    let asked = v1::GetCheckpointRequest { cosigned_by_at_least: 0, witnesses_only: false };
    let answer = client.get_checkpoint(asked).await;
    answer.map(|answer| answer.into_inner().tree_size).map_err(|status| told(&status))
}

async fn stop(daemon: Daemon) {
    assert!(daemon.end_with("TERM").await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_signed_beside_another_has_its_own_trace_of_it() {
    let disk = Disk::new().await;
    let (k1, k2) = (disk.value("k1"), disk.value("k2"));
    disk.signed_on(&format!("key_file = {k1}\nother_key_files = [{k2}]")).await;
    assert!(disk.path("k2.newest").exists());
    disk.go_back();
    fs::remove_file(disk.path("k1.newest")).unwrap();
    let second = format!("key_file = {k2}\nearlier_keys = [{:?}]", disk.vkeys[0]);
    assert_eq!(disk.cause(&second).await, "SHORTER");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_newest_file_forgets_nothing_that_lies_beside_the_key() {
    let disk = Disk::new().await;
    let first = format!("key_file = {}", disk.value("k1"));
    disk.signed_on(&first).await;
    disk.go_back();
    fs::remove_file(disk.path("data/checkpoint.places")).ok();
    let elsewhere = format!("{first}\nnewest_file = {}", disk.value("elsewhere"));
    assert_eq!(disk.cause(&elsewhere).await, "SHORTER");
    // Nor does the way back forget what was kept elsewhere.
    fs::rename(disk.path("k1.newest"), disk.path("elsewhere")).unwrap();
    disk.go_back();
    assert_eq!(disk.cause(&elsewhere).await, "SHORTER");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_gone_leaves_what_it_kept() {
    let disk = Disk::new().await;
    disk.signed_on(&format!("key_file = {}", disk.value("k1"))).await;
    disk.go_back();
    let mark = disk.path("data/checkpoint.places");
    let second = format!("key_file = {}\nearlier_keys = [{:?}]", disk.value("k2"), disk.vkeys[0]);
    // The data folder itself names where it was kept.
    assert_eq!(disk.cause(&second).await, "SHORTER");
    fs::remove_file(mark).unwrap();
    let named = format!("{second}\nearlier_newest_files = [{}]", disk.value("k1.newest"));
    assert_eq!(disk.cause(&named).await, "SHORTER");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_the_key_that_is_gone_is_missed() {
    let disk = Disk::new().await;
    let first = format!("key_file = {}", disk.value("k1"));
    disk.signed_on(&first).await;
    let kept = fs::read(disk.path("k1.newest")).unwrap();
    fs::remove_file(disk.path("k1.newest")).unwrap();
    disk.go_back();
    let daemon = disk.start(&first);
    let refused = checkpoint(&daemon).await.unwrap_err();
    assert_eq!(refused.reason, "CHECKPOINT_INCONSISTENT");
    assert_eq!(refused.metadata["cause"], "MISSING");
    assert_eq!(refused.metadata["file"], disk.path("k1.newest").display().to_string());
    stop(daemon).await;
    assert!(!disk.path("k1.newest").exists(), "nothing was signed");
    let (code, text) = disk.say(&first, "--first-checkpoint");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("--newest-in-data-dir"), "{text}");

    // It is put back, and speaks.
    fs::write(disk.path("k1.newest"), kept).unwrap();
    assert_eq!(disk.cause(&first).await, "SHORTER");
    let (code, text) = disk.say(&first, "--newest-in-data-dir");
    assert_eq!(code, Some(1), "{text}");

    // It is gone for good, and the data folder is said to be the newest.
    fs::remove_file(disk.path("k1.newest")).unwrap();
    let (code, text) = disk.say(&first, "--newest-in-data-dir");
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(text, "kept: the checkpoint of 2 records, for the key too\n");
    assert_eq!(disk.signs(&first).await.unwrap(), 2);
    let (code, text) = disk.say(&first, "--newest-in-data-dir");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("needs no such command"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_checkpoint_is_the_first_of_a_log_that_a_witness_has_seen() {
    let disk = Disk::new().await;
    let first = format!("key_file = {}", disk.value("k1"));
    disk.signed_on(&first).await;
    for file in ["k1.newest", "data/newest.checkpoint", "data/checkpoint.places"] {
        fs::remove_file(disk.path(file)).unwrap();
    }
    let key = cosigner("witness.example/w1", 3);
    let log = VerifierKey::parse(&disk.vkeys[0]).unwrap();
    let witness = TestWitness::start(key.clone(), ORIGIN, log);
    let with = |url: &str| format!("{first}\n[[witness]]\nurl = {url:?}\nkey = {:?}", key.vkey());
    let saw = |size| witness.state.lock().unwrap().last = Some((size, TreeHash::of_empty_tree()));
    saw(3);
    let (code, text) = disk.say(&with(&witness.url), "--first-checkpoint");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("WITNESS_SAW_LARGER_TREE") && text.contains(" 3 records"), "{text}");
    let (code, text) = disk.say(&with("http://127.0.0.1:1"), "--first-checkpoint");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("WITNESS_UNREACHABLE"), "{text}");
    assert!(!disk.path("k1.newest").exists() && !disk.path("data/newest.checkpoint").exists());

    // What cannot be kept for the key leaves nothing behind.
    let elsewhere = format!("{first}\nnewest_file = {}", disk.value("nowhere/newest"));
    let (code, text) = disk.say(&elsewhere, "--first-checkpoint");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("cannot be kept"), "{text}");
    assert!(!disk.path("data/newest.checkpoint").exists());

    // It has seen only that the log was empty, or nothing.
    witness.state.lock().unwrap().last = None;
    let (code, text) = disk.say(&with(&witness.url), "--first-checkpoint");
    assert_eq!((code, text.as_str()), (Some(0), "signed: the first checkpoint, of 3 records\n"));
    fs::remove_dir_all(disk.path("data")).unwrap();
    fs::remove_file(disk.path("k1.newest")).unwrap();
    let (code, text) = disk.say(&first, "--first-checkpoint");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("needs no such command"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_an_earlier_version_misses_nothing_and_is_marked_from_then_on() {
    let disk = Disk::new().await;
    let first = format!("key_file = {}", disk.value("k1"));
    disk.signed_on(&first).await;
    fs::remove_file(disk.path("k1.newest")).unwrap();
    fs::remove_file(disk.path("data/checkpoint.places")).unwrap();
    assert_eq!(disk.signs(&first).await.unwrap(), 3);
    let mark = fs::read_to_string(disk.path("data/checkpoint.places")).unwrap();
    assert_eq!(mark, format!("{}\n", disk.path("k1.newest").display()));
    fs::remove_file(disk.path("k1.newest")).unwrap();
    assert_eq!(disk.cause(&first).await, "MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_ledgers_that_run_with_one_key_only_one_history_is_signed() {
    let disk = Disk::new().await;
    let first = format!("key_file = {}", disk.value("k1"));
    disk.signed_on(&first).await;
    copy(&disk.path("data"), &disk.path("twin"));
    let one = disk.start(&first);
    let config = disk.configure(&first);
    let flags = ["--config", config.to_str().unwrap()];
    let twin = Daemon::start_with(&disk.path("twin"), &flags, &[]);
    append(&one, intent("2024-01-01", order("A", "1"))).await;
    append(&twin, intent("2024-01-01", order("B", "1"))).await;
    assert_eq!(checkpoint(&one).await.unwrap(), 4);
    let refused = checkpoint(&twin).await.unwrap_err();
    assert_eq!(refused.metadata["cause"], "OTHER_HISTORY");
    append(&one, intent("2024-01-01", order("C", "1"))).await;
    assert_eq!(checkpoint(&one).await.unwrap(), 5);
    stop(one).await;
    stop(twin).await;
}
