//! How the ledger ends: what came before is answered, whoever still asks keeps nobody waiting.

use std::process::Command;
use std::sync::Arc;

use contract_ledger::clock::SystemClock;
use contract_ledger::ledger::command::AppendFailure;
use contract_ledger::ledger::{
    Imports, Ledger, LedgerLimits, LedgerRules, OpenedLedger, WriterEnd,
};
use contract_ledger::log::{Codec, LogOptions};
use contract_ledger::wire::parse::parse_append;
use tokio::sync::oneshot;

use super::support::events::*;
use super::support::processes::run;
use super::support::{HANGS_AFTER, Served, Setting, told};
use contract_ledger::wire::v1;
use tokio_stream::StreamExt as _;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

#[tokio::test]
async fn the_writer_ends_while_the_ledger_is_still_asked() {
    let folder = tempfile::tempdir().unwrap();
    let OpenedLedger { ledger, writer, .. } = Ledger::open(
        &LogOptions::new(folder.path()),
        &LedgerLimits::default(),
        LedgerRules::default(),
        Arc::new(SystemClock),
    )
    .unwrap();
    let asked = |event| parse_append(request("a", vec![event]), 1).unwrap();
    let signing = tokio::spawn({
        let (ledger, command) = (ledger.clone(), asked(sign("100")));
        async move { ledger.append(command).await }
    });
    signing.await.unwrap().unwrap();

    // A thread of its own, so that a writer that never ends fails the test and does not hang it.
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || ended.send(writer.close()));
    let end = tokio::time::timeout(HANGS_AFTER, end).await.expect("the writer ends");
    assert_eq!(end.unwrap(), WriterEnd::Emptied);
    assert_eq!(ledger.head().borrow().record_count, 1, "it may still be asked");
    let late = ledger.append(asked(intent("2024-01-01", order("O1", "1")))).await;
    assert!(matches!(late, Err(AppendFailure::Stopped)), "{late:?}");
    drop(ledger);

    let served = Served::on(folder, Setting::default());
    assert_eq!(served.records().await.len(), 1);
    served.stop().await;
}

const LEDGER_SERVICE: &str = "contractledger.v1.LedgerService";
const PROJECTION_SERVICE: &str = "contractledger.v1.ProjectionService";

/// Segments so small that nearly every append begins a new one.
fn small_segments() -> Setting {
    let log = |options: &mut LogOptions| {
        options.archive.as_mut().unwrap().segment_bytes_max = 4096;
        // A long text is to be long on disk too.
        options.codec = Codec::None;
    };
    Setting { log, ..Setting::default() }
}

fn long(id: &str) -> v1::Event {
    let order = v1::OrderPlaced { description: "x".repeat(4000), ..placed(id, "1") };
    intent("2024-01-01", v1::event::Payload::OrderPlaced(order))
}

/// The archive goes away under the ledger: the next segment cannot be begun.
#[tokio::test]
async fn a_failed_write_is_open_to_the_call_in_flight_and_ends_the_appends_until_the_restart() {
    let served = Served::with(small_segments());
    served.append("a", sign("100000")).await.unwrap();
    served.append("a", long("O1")).await.unwrap();
    let mut head = served.ledger();
    std::fs::remove_dir_all(served.folder.path().join("archive")).unwrap();

    let in_flight = request("a", vec![long("O2")]);
    let status = served.send(in_flight.clone()).await.unwrap_err();
    let open = told(&status);
    assert_eq!((open.code, open.reason.as_str()), (Code::Unknown, "OUTCOME_UNKNOWN"));
    assert!(status.message().contains("repeat the same request id"), "{}", status.message());
    assert!(!open.retry_after, "only a restart can tell");

    let later = told(&served.append("a", long("O3")).await.unwrap_err());
    assert_eq!((later.code, later.reason.as_str()), (Code::Unavailable, "WRITER_STOPPED"));
    for service in ["", LEDGER_SERVICE] {
        served.health_becomes(service, ServingStatus::NotServing).await;
    }
    assert_eq!(served.health(PROJECTION_SERVICE).await, ServingStatus::Serving);
    // Questions go on, about what was acknowledged.
    assert_eq!(served.records().await.len(), 2);
    assert_eq!(head.get_head(v1::GetHeadRequest {}).await.unwrap().into_inner().record_count, 2);
    served.usage("a").await;

    drop(head);
    let (folder, end) = served.end().await;
    assert_eq!(end, WriterEnd::Failed);
    // sled keeps its lock in a process in which it has failed; a restart is another process.
    let restarted = tempfile::tempdir().unwrap();
    let from = folder.path().join(".");
    let copied = run(Command::new("cp").arg("-r").arg(from).arg(restarted.path()));
    assert!(copied.status.success());
    // The same request id tells what became of it: the store had it, so it counts.
    let served = Served::on(restarted, small_segments());
    let answer = served.send(in_flight).await.unwrap();
    assert!(answer.replayed);
    assert_eq!(answer.events[0].position, 2);
    let records = served.records().await;
    assert_eq!(records.len(), 3, "once");
    assert_eq!(served.health("").await, ServingStatus::Serving);
    assert!(served.send(request("a", vec![long("O3")])).await.is_ok());
    served.stop().await;
}

/// A change of the log's defaults, and what answers then say.
type Synced = (fn(&mut LogOptions), v1::Durability, u64);

/// What the answers of an import say: one that is taken in, and one that is refused.
async fn imported(log: fn(&mut LogOptions)) -> Vec<(v1::Durability, u64)> {
    let rules = LedgerRules { imports: Imports::Allowed, ..LedgerRules::default() };
    let served = Served::with(Setting { rules, log, ..Setting::default() });
    let events = [sign("100"), intent("2024-01-01", order("O1", "1000"))];
    let lines = events.map(|event| v1::ImportEventsRequest {
        append: Some(request("a", vec![event])),
        recorded_time: Some(prost_types::Timestamp { seconds: 1_717_200_000, nanos: 0 }),
    });
    let answers = served.admin().import_events(tokio_stream::iter(lines)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(Result::unwrap).collect().await;
    served.stop().await;
    let outcomes: Vec<_> = answers.iter().map(v1::ImportEventsResponse::outcome).collect();
    assert_eq!(outcomes, [v1::ImportOutcome::Accepted, v1::ImportOutcome::Refused]);
    answers.iter().map(|answer| (answer.durability(), answer.archive_sync_delay_ms_max)).collect()
}

/// An archive that may be synced later says so in every answer, and so does one that is switched off.
#[tokio::test]
async fn an_answer_says_what_was_synced_before_it() {
    let delayed = |options: &mut LogOptions| {
        options.archive.as_mut().unwrap().sync_delay_ms_max = 250;
    };
    let cases: [Synced; 3] = [
        (|_| {}, v1::Durability::SyncedInBothCopies, 0),
        (delayed, v1::Durability::SyncedInStoreArchiveWithinDelay, 250),
        (|options| options.archive = None, v1::Durability::SyncedInStoreOnly, 0),
    ];
    for (log, durability, delay) in cases {
        let setting = || Setting { log, ..Setting::default() };
        let served = Served::with(setting());
        let asked = request("a", vec![sign("100")]);
        let answer = served.send(asked.clone()).await.unwrap();
        assert_eq!((answer.durability(), answer.archive_sync_delay_ms_max), (durability, delay));
        let again = served.send(asked).await.unwrap();
        assert_eq!((again.replayed, again.durability()), (true, durability));
        let only = v1::AppendEventsRequest {
            validate_only: true,
            ..request("a", vec![intent("2024-01-01", order("O1", "1"))])
        };
        let answer = served.send(only).await.unwrap();
        assert_eq!(answer.durability(), v1::Durability::Unspecified);
        assert_eq!(answer.archive_sync_delay_ms_max, 0);
        assert_eq!(imported(log).await, [(durability, delay); 2]);
        let served = served.restart(setting()).await;
        assert_eq!(served.records().await.len(), 1);
        served.stop().await;
    }
}
