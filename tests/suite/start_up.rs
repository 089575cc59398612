//! What a start says of itself: clean, recovered or refused, as fields of the program's log.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::support::Served;
use super::support::events::*;
use super::support::processes::{run, spawn};

/// What a start logs, one JSON object a line, until it listens or refuses; and its exit code when it
/// refused.
pub(crate) struct Start {
    lines: Vec<Value>,
    pub(crate) text: String,
    pub(crate) code: Option<i32>,
}

pub(crate) fn start(folder: &Path, flags: &[&str]) -> Start {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
    command.arg("--data-dir").arg(folder).args(["--listen", "127.0.0.1:0", "--log-format", "json"]);
    let mut child = spawn(command.args(flags).stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let served = ready.starts_with("listening on");
    if served {
        let id = child.id().to_string();
        assert!(run(Command::new("kill").args(["-s", "TERM", &id])).status.success());
    }
    let mut text = String::new();
    child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    let code = child.wait().unwrap().code();
    assert_eq!(served, code == Some(0), "{text}");
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Start { lines, text, code }
}

impl Start {
    /// The fields of the lines with an outcome.
    pub(crate) fn outcomes(&self) -> Vec<&Value> {
        let fields = self.lines.iter().map(|line| &line["fields"]);
        fields.filter(|fields| fields["outcome"].is_string()).collect()
    }

    pub(crate) fn words(&self) -> Vec<&str> {
        self.outcomes().iter().map(|fields| fields["outcome"].as_str().unwrap()).collect()
    }
}

async fn folder_of(orders: usize) -> tempfile::TempDir {
    let served = Served::start();
    served.append("a", sign("100000")).await.unwrap();
    for number in 0..orders {
        let placed = intent("2024-01-02", order(&format!("P{number}"), "1"));
        served.append("a", placed).await.unwrap();
    }
    served.stop().await
}

fn first_segment(folder: &Path) -> std::path::PathBuf {
    folder.join("archive/segment-00000000000000000000.clar")
}

fn flip(path: &Path, at: impl FnOnce(&[u8]) -> usize) {
    let mut bytes = fs::read(path).unwrap();
    let at = at(&bytes);
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_start_says_created_clean_or_recovered_with_copy_positions_and_bytes() {
    let scratch = tempfile::tempdir().unwrap();
    assert_eq!(start(&scratch.path().join("new"), &[]).words(), ["created"]);

    let folder = folder_of(5).await;
    let clean = start(folder.path(), &[]);
    assert_eq!(clean.words(), ["clean"]);
    assert_eq!(clean.outcomes()[0]["next_position"], 6);

    let segment = first_segment(folder.path());
    let length = fs::metadata(&segment).unwrap().len();
    fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(length - 10).unwrap();
    let torn = start(folder.path(), &[]);
    assert_eq!(torn.words(), ["recovered", "recovered"]);
    let mended = torn.outcomes()[0];
    assert_eq!(mended["copy"], "archive");
    assert_eq!((&mended["from_position"], &mended["next_position"]), (&5.into(), &6.into()));
    let (bytes, torn_bytes) = (&mended["bytes"], &mended["torn_bytes"]);
    assert_eq!(torn_bytes.as_u64().unwrap() + 10, bytes.as_u64().unwrap());

    fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let lost = start(folder.path(), &[]);
    assert_eq!(lost.words(), ["recovered", "recovered"]);
    let mended = lost.outcomes()[0];
    assert_eq!((&mended["copy"], &mended["from_position"]), (&"store".into(), &0.into()));
    assert_eq!(mended["bytes"].as_u64().unwrap(), length - 49);
    assert_eq!(start(folder.path(), &[]).words(), ["clean"]);
}

type Refused = (&'static str, fn(&Path), &'static str, Option<u64>, fn(&str) -> Option<String>);

#[tokio::test]
async fn a_refused_start_says_why_where_and_the_exact_command() {
    let recover: fn(&str) -> Option<String> = |folder| Some(format!("ledgerctl recover {folder}"));
    let cases: [Refused; 4] = [
        (
            "lost in both",
            |folder| {
                fs::remove_dir_all(folder.join("sled")).unwrap();
                flip(&first_segment(folder), |_| 150);
            },
            "LOST_IN_BOTH_COPIES",
            Some(0),
            recover,
        ),
        (
            "no folder where the archive is",
            |folder| {
                fs::remove_dir_all(folder.join("archive")).unwrap();
                fs::write(folder.join("archive"), "").unwrap();
            },
            "FILE_UNREACHABLE",
            None,
            |folder| Some(format!("ls -ld {folder}/archive")),
        ),
        (
            "no FORMAT",
            |folder| fs::remove_file(folder.join("FORMAT")).unwrap(),
            "FORMAT_MISSING",
            None,
            recover,
        ),
        (
            "another format",
            |folder| fs::write(folder.join("FORMAT"), "contract-ledger log format 9\n").unwrap(),
            "FORMAT_UNKNOWN",
            None,
            |folder| Some(format!("ledgerctl recover {folder} --rewrite-format")),
        ),
    ];
    for (what, damage, reason, position, command) in cases {
        let folder = folder_of(3).await;
        damage(folder.path());
        let refused = start(folder.path(), &[]);
        assert_eq!(refused.code, Some(1), "{what}: {}", refused.text);
        assert_eq!(refused.words(), ["refused"], "{what}: {}", refused.text);
        let fields = refused.outcomes()[0];
        assert_eq!(fields["reason"], reason, "{what}");
        assert_eq!(fields["position"].as_u64(), position, "{what}");
        let command = command(&folder.path().display().to_string());
        assert_eq!(fields["command"].as_str().map(str::to_owned), command, "{what}");
        let said = refused.text.lines().last().unwrap();
        assert!(said.starts_with("ledgerd: no block was changed; "), "{what}: {said}");
        assert!(said.ends_with(&command.unwrap_or_default()), "{what}: {said}");
    }
}

/// A served ledger whose writer has failed ends with another code than one that ended well.
#[tokio::test]
async fn a_program_whose_writer_failed_exits_with_a_failure() {
    use super::daemon::Daemon;
    use contract_ledger::wire::v1;
    use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
    let folder = tempfile::tempdir().unwrap();
    // So that a long text is long on disk, and needs a new segment.
    let small =
        [("LEDGERD_ARCHIVE__SEGMENT_BYTES_MAX", "4096"), ("LEDGERD_STORE__COMPRESSION", "none")];
    let daemon = Daemon::start_with(folder.path(), &[], &small);
    let mut client = LedgerServiceClient::connect(daemon.url.clone()).await.unwrap();
    client.append_events(request("a", vec![sign("100000")])).await.unwrap();
    fs::remove_dir_all(folder.path().join("archive")).unwrap();
    let long = |id: &str| {
        let order = v1::OrderPlaced { description: "x".repeat(4000), ..placed(id, "1") };
        request("a", vec![intent("2024-01-01", v1::event::Payload::OrderPlaced(order))])
    };
    assert!(client.append_events(long("O1")).await.is_err());
    drop(client);
    assert_eq!(daemon.end_with("TERM").await.code(), Some(1));
}
