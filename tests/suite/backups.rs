//! Backup and restore through the real interface: while appends go on, again and again, of a damaged
//! ledger, and back into a ledger that answers as the first one did.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract_ledger::grpc::ServiceLimits;
use contract_ledger::wire::v1;
use tempfile::TempDir;
use tonic::Code;

use super::support::events::*;
use super::support::processes::{opening, run};
use super::support::{Served, Setting, time, told};

/// What a call of `ledgerctl` prints, and its exit code. On a thread of its own: the ledger that it
/// asks is in this process.
async fn ledgerctl(served: &Served, words: &[&str]) -> (String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    command.arg("--server").arg(&served.url).args(words);
    text_of(&tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap())
}

fn text_of(output: &Output) -> (String, i32) {
    let text = [output.stdout.clone(), output.stderr.clone()].concat();
    (String::from_utf8(text).unwrap(), output.status.code().unwrap())
}

/// The position and hash of the line that begins with a word, as `--expect` takes them.
fn last_block(text: &str, line: &str) -> String {
    let line = text.lines().find(|text| text.starts_with(line)).unwrap();
    line.split("last block ").nth(1).unwrap().to_owned()
}

fn as_folder(scratch: &TempDir, name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = scratch.path().join(name);
    for entry in fs::read_dir(&made).unwrap() {
        let path = entry.unwrap().path();
        fs::rename(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "clar")).collect();
    paths.sort();
    paths
}

async fn place(served: &Served, count: usize, from: usize) {
    for number in from..from + count {
        let placed = intent("2024-01-02", order(&format!("P{number}"), "1"));
        served.append("a", placed).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_are_made_while_appends_go_on_and_each_goes_on_where_the_last_ended() {
    let served = Arc::new(Served::start());
    served.append("a", sign("1000000")).await.unwrap();
    place(&served, 20, 0).await;
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("backup");
    let folder = folder.to_str().unwrap();
    let goes_on = Arc::new(AtomicBool::new(true));
    let appending = tokio::spawn({
        let (served, goes_on) = (Arc::clone(&served), Arc::clone(&goes_on));
        async move {
            let mut number = 1000;
            while goes_on.load(Ordering::Relaxed) {
                place(&served, 1, number).await;
                number += 1;
            }
        }
    });
    let mut noted = Vec::new();
    for _ in 0..4 {
        let before = served.records().await.len();
        let (text, code) = ledgerctl(&served, &["backup", folder]).await;
        assert_eq!(code, 0, "{text}");
        let last = last_block(&text, "backed up: ");
        let position: usize = last.split(':').next().unwrap().parse().unwrap();
        assert!(position + 1 >= before, "{text}");
        noted.push((folder.to_owned(), last));
    }
    for number in 0..2 {
        let file = scratch.path().join(format!("backup-{number}.tar")).display().to_string();
        let (text, code) = ledgerctl(&served, &["backup", &file]).await;
        assert_eq!(code, 0, "{text}");
        noted.push((file.clone(), last_block(&text, "backed up: ")));
        let (text, code) = ledgerctl(&served, &["backup", &file]).await;
        assert_eq!(
            (code, text.contains("is there already and is not changed")),
            (2, true),
            "{text}"
        );
    }
    goes_on.store(false, Ordering::Relaxed);
    appending.await.unwrap();
    let (text, code) = ledgerctl(&served, &["backup", folder, "--quick"]).await;
    assert_eq!(code, 0, "{text}");
    let (text, code) = ledgerctl(&served, &["backup", folder]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("0 records added, 0 B\n"), "{text}");
    // Every head that was told is in the chain of the last backup, and of the ledger.
    for (number, (backup, noted)) in noted.iter().enumerate() {
        let into = scratch.path().join(format!("into-{number}"));
        let words = [
            "restore",
            backup,
            "--into",
            into.to_str().unwrap(),
            "--expect",
            noted,
            "--check-server",
        ];
        let (text, code) = ledgerctl(&served, &words).await;
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("checked:  a prefix of the log"), "{text}");
        let (text, code) = ledgerctl(&served, &["verify", into.to_str().unwrap()]).await;
        assert_eq!(code, 0, "{text}");
    }
    let records = served.records().await;
    let restored = Served::on(as_folder(&scratch, "into-0"), Setting::default());
    assert_eq!(restored.records().await, records);
    restored.stop().await;
    Arc::into_inner(served).unwrap().stop().await;
}

#[tokio::test]
async fn restored_ledger_answers_as_the_first_one_did_then_and_requests_are_never_split() {
    let (setting, clock) = Setting::at("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign("100000")).await.unwrap();
    let placing = request("a", vec![intent("2024-01-01", order("O1", "60"))]);
    let over = request("a", vec![intent("2024-01-01", order("O2", "600000"))]);
    let three = ["O3", "O4", "O5"].map(|id| intent("2024-01-03", order(id, "7")));
    served.send(placing.clone()).await.unwrap();
    served.send(over.clone()).await.unwrap_err();
    let usage = served.usage_as_of("a", "2024-06-01").await;
    let history = served.history("a").await;
    clock.set(time("2024-06-02T10:00:00Z"));
    let later = request("a", three.to_vec());
    served.send(later.clone()).await.unwrap();
    place(&served, 2, 0).await;
    let records = served.records().await;

    let scratch = tempfile::tempdir().unwrap();
    let backup = scratch.path().join("backup");
    let backup = backup.to_str().unwrap();
    let (text, code) = ledgerctl(&served, &["backup", backup]).await;
    assert_eq!(code, 0, "{text}");

    let file = format!("{backup}.tar");
    let (text, code) = ledgerctl(&served, &["backup", &file, "--quick"]).await;
    assert_eq!((code, text.contains("--quick is for a folder")), (2, true), "{text}");
    let (text, code) = ledgerctl(&served, &["backup", &file]).await;
    assert_eq!(code, 0, "{text}");

    // Positions 3 to 5 are one request: all of them or none.
    let points: [(&[&str], usize); 6] = [
        (&["--to-position", "2"], 3),
        (&["--to-position", "4"], 3),
        (&["--to-position", "5"], 6),
        (&["--to-time", "2024-06-01"], 3),
        (&["--to-time", "2024-06-02T10:00:00Z"], 8),
        (&[], 8),
    ];
    let cases = [backup, &file].into_iter().flat_map(|from| points.map(|point| (from, point)));
    for (number, (backup, (point, count))) in cases.enumerate() {
        let name = format!("into-{number}");
        let into = scratch.path().join(&name);
        let into = into.to_str().unwrap();
        let words = [&["restore", backup, "--into", into, "--check-server"], point].concat();
        let (text, code) = ledgerctl(&served, &words).await;
        assert_eq!(code, 0, "{point:?}: {text}");
        assert!(text.contains(&format!("restored: {count} records, last block ")), "{text}");
        let (text, code) = ledgerctl(&served, &words).await;
        assert_eq!((code, text.contains("is not empty")), (2, true), "{text}");
        let (setting, _) = Setting::at("2024-06-01T10:00:00Z");
        let restored = Served::on(as_folder(&scratch, &name), setting);
        assert_eq!(restored.records().await, records[..count], "{point:?}");
        assert!(restored.send(placing.clone()).await.unwrap().replayed);
        assert!(told(&restored.send(over.clone()).await.unwrap_err()).replayed);
        if count == 3 {
            assert_eq!(restored.usage_as_of("a", "2024-06-01").await, usage);
            assert_eq!(restored.history("a").await, history);
            // What was left out is new to it.
            let again = restored.send(later.clone()).await.unwrap();
            assert_eq!((again.replayed, again.events[0].position), (false, 3));
        } else {
            assert!(restored.send(later.clone()).await.unwrap().replayed);
        }
        restored.stop().await;
    }
    for (point, what) in [
        (["--to-position", "8"], "the backup has 8 records"),
        (["--to-time", "2024-05-31"], "no whole request"),
        (["--expect", "7:00"], "not a position and a hash"),
    ] {
        let into = scratch.path().join("none");
        let words = [&["restore", backup, "--into", into.to_str().unwrap()][..], &point].concat();
        let (text, code) = ledgerctl(&served, &words).await;
        assert_eq!((code, text.contains(what)), (2, true), "{text}");
        assert!(!into.exists());
    }
    served.stop().await;
}

#[tokio::test]
async fn backup_of_another_ledger_is_refused_and_stays_as_it_is() {
    let (first, second) = (Served::start(), Served::start());
    for served in [&first, &second] {
        served.append("a", sign("1000")).await.unwrap();
    }
    place(&first, 2, 0).await;
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("backup");
    let words = ["backup", folder.to_str().unwrap()];
    assert_eq!(ledgerctl(&first, &words).await.1, 0);
    let held = fs::read(&segments(&folder)[0]).unwrap();
    // Once it is shorter than the backup, and once as long.
    for round in 0..2 {
        let (text, code) = ledgerctl(&second, &words).await;
        assert_eq!((code, text.contains("another history")), (1, true), "{text}");
        assert_eq!(fs::read(&segments(&folder)[0]).unwrap(), held);
        place(&second, 2, 2 * round).await;
    }
    let into = scratch.path().join("into");
    let words =
        ["restore", folder.to_str().unwrap(), "--into", into.to_str().unwrap(), "--check-server"];
    let (text, code) = ledgerctl(&second, &words).await;
    assert_eq!((code, text.contains("has another history")), (1, true), "{text}");
    // The folder of a ledger is no place for a backup.
    let data = first.folder.path().to_str().unwrap().to_owned();
    for folder in [data.clone(), format!("{data}/archive")] {
        let (text, code) = ledgerctl(&first, &["backup", &folder]).await;
        assert_eq!((code, text.contains("no backup folder")), (2, true), "{text}");
    }
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn damaged_block_ends_the_backup_with_its_position_and_is_not_written() {
    let served = Served::start();
    served.append("a", sign("1000000")).await.unwrap();
    // The tree reads the newest 512 at a start.
    place(&served, 600, 0).await;
    let folder = served.stop().await;
    // In the block itself, and not in what sled wraps around it; so deep that a start does not meet it.
    let store = folder.path().join("sled");
    let store = opening(|| sled::Config::new().path(store).open()).unwrap();
    let blocks = store.open_tree("blocks").unwrap();
    let key = 50_u64.to_be_bytes();
    let mut block = blocks.get(key).unwrap().unwrap().to_vec();
    block[99] ^= 1;
    blocks.insert(key, block).unwrap();
    store.flush().unwrap();
    drop((blocks, store));
    // With a second copy the block would be answered from there.
    let served = Served::without_archive(folder, Setting::default());
    let scratch = tempfile::tempdir().unwrap();
    let backup = scratch.path().join("backup");
    let words = ["backup", backup.to_str().unwrap()];
    let (text, code) = ledgerctl(&served, &words).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("STORED_DATA_DAMAGED") && text.contains("50"), "{text}");
    let into = scratch.path().join("into");
    let restoring = ["restore", backup.to_str().unwrap(), "--into", into.to_str().unwrap()];
    let (text, code) = ledgerctl(&served, &restoring).await;
    assert_eq!((code, text.contains("restored: 50 records")), (0, true), "{text}");
    let (text, code) = ledgerctl(&served, &["verify"]).await;
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("damaged: BLOCK in the store at position 50: "), "{text}");
    let folder = served.stop().await;
    let mut recover = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    let (text, code) = text_of(&run(recover.arg("recover").arg(folder.path())));
    assert_eq!(
        (code, text.contains("recovered: both copies hold 601 records")),
        (0, true),
        "{text}"
    );
    let served = Served::on(folder, Setting::default());
    let (text, code) = ledgerctl(&served, &words).await;
    assert_eq!((code, text.contains("backed up: 601 records")), (0, true), "{text}");
    served.stop().await;
}

/// `ulimit -f` cuts a file off in the middle of a write, as a full disk does.
#[tokio::test]
async fn backup_that_ran_out_of_room_is_named_and_continued() {
    let served = Served::start();
    served.append("a", sign("1000000")).await.unwrap();
    place(&served, 60, 0).await;
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("backup");
    let mut command = Command::new("bash");
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --server \"$1\" backup \"$2\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_ledgerctl"), &served.url]).arg(&folder);
    let output = tokio::task::spawn_blocking(move || run(&mut command)).await.unwrap();
    let (text, code) = text_of(&output);
    assert_eq!(code, 2, "{text}");
    assert!(text.contains("could not write") && text.contains("File too large"), "{text}");
    let (text, code) = ledgerctl(&served, &["backup", folder.to_str().unwrap()]).await;
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("bytes of an interrupted run were cut off"), "{text}");
    assert!(text.contains("backed up: 61 records"), "{text}");
    served.stop().await;
}

fn from(position: u64, hash: &[u8]) -> v1::ReadBlocksRequest {
    v1::ReadBlocksRequest { from_position: position, after_block_hash: hash.to_vec() }
}

#[tokio::test]
async fn blocks_come_in_bounded_messages_and_wrong_questions_are_told_apart() {
    let service = ServiceLimits {
        read_bytes_per_message_max: 1000,
        maintenance_streams_max: 1,
        ..ServiceLimits::default()
    };
    let served = Served::with(Setting { service, ..Setting::default() });
    let mut empty = served.admin().read_blocks(from(0, &[])).await.unwrap().into_inner();
    let message = empty.message().await.unwrap().unwrap();
    assert_eq!((message.captured_record_count, message.blocks.len()), (0, 0));
    assert_eq!(message.captured_block_hash, [0; 32]);
    assert!(empty.message().await.unwrap().is_none());

    served.append("a", sign("1000000")).await.unwrap();
    place(&served, 30, 0).await;
    let mut stream = served.admin().read_blocks(from(0, &[])).await.unwrap().into_inner();
    let mut messages = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        assert_eq!(message.captured_record_count, 31);
        // The last block may go over the bound, and no other.
        let but_last = message.blocks.iter().rev().skip(1).map(Vec::len).sum::<usize>();
        assert!(but_last < 1000, "{but_last}");
        messages.push(message);
    }
    assert!(messages.len() > 5);
    assert_eq!(messages.iter().map(|message| message.blocks.len()).sum::<usize>(), 31);
    let head = messages[0].captured_block_hash.clone();
    let mut rest = served.admin().read_blocks(from(31, &head)).await.unwrap().into_inner();
    assert!(rest.message().await.unwrap().unwrap().blocks.is_empty());
    assert!(rest.message().await.unwrap().is_none());

    for (request, code, reason) in [
        (from(32, &head), Code::InvalidArgument, "POSITION_BEYOND_HEAD"),
        (from(31, &[1; 32]), Code::FailedPrecondition, "HISTORY_DIFFERS"),
        (from(30, &head), Code::FailedPrecondition, "HISTORY_DIFFERS"),
        (from(0, &head), Code::FailedPrecondition, "HISTORY_DIFFERS"),
        (from(31, &[]), Code::InvalidArgument, "MALFORMED_HASH"),
        (from(31, &head[1..]), Code::InvalidArgument, "MALFORMED_HASH"),
    ] {
        let refused = told(&served.admin().read_blocks(request).await.unwrap_err());
        assert_eq!((refused.code, refused.reason.as_str()), (code, reason));
    }
}

#[tokio::test]
async fn verifications_and_backups_have_places_of_their_own() {
    let service = ServiceLimits {
        maintenance_streams_max: 1,
        subscriptions_max: 1,
        ..ServiceLimits::default()
    };
    let served = Served::with(Setting { service, ..Setting::default() });
    served.append("a", sign("1000000")).await.unwrap();
    // More than the connection's windows and the stream's queue hold together.
    for batch in 0..8 {
        let place = |number: u32| {
            let description = "x".repeat(4000);
            let base = placed(&format!("O{batch}-{number}"), "1");
            let order = v1::OrderPlaced { description, ..base };
            intent("2024-01-01", v1::event::Payload::OrderPlaced(order))
        };
        served.send(request("a", (0..250).map(place).collect())).await.unwrap();
    }
    let reading = served.admin().read_blocks(from(0, &[])).await.unwrap().into_inner();
    let refused = served.admin().verify_log(v1::VerifyLogRequest {}).await.unwrap_err();
    let refused = told(&refused);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    assert_eq!(refused.metadata["maintenance_streams_max"], "1");
    assert!(refused.retry_after);
    served.ledger().subscribe_events(v1::SubscribeEventsRequest::default()).await.unwrap();
    drop(reading);
    while let Err(status) = served.admin().verify_log(v1::VerifyLogRequest {}).await {
        assert_eq!(told(&status).reason, "OVERLOADED");
    }
}
