//! A disk with less room than what is kept free: appends are refused by name and leave nothing,
//! reads go on.

use contract_ledger::ledger::{Imports, LedgerRules};
use contract_ledger::log::LogOptions;
use contract_ledger::wire::record::timestamp;
use contract_ledger::wire::v1;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use super::support::events::*;
use super::support::{Served, Setting, Told, time, told};

/// No disk of a test machine has a TiB free beside what it holds.
fn full() -> Setting {
    let log = |options: &mut LogOptions| options.disk_reserve_bytes = 1 << 40;
    let rules = LedgerRules { imports: Imports::Allowed, ..LedgerRules::default() };
    Setting { rules, log, ..Setting::default() }
}

fn assert_disk_full(refused: &Told) {
    assert_eq!((refused.code, refused.reason.as_str()), (Code::ResourceExhausted, "DISK_FULL"));
    assert!(refused.retry_after, "room may come at any time");
    assert_eq!(refused.metadata["reserve_bytes"], (1_u64 << 40).to_string());
    assert!(refused.metadata["free_bytes"].parse::<u64>().unwrap() < 1 << 40);
}

#[tokio::test]
async fn a_full_disk_refuses_appends_by_name_and_answers_everything_else() {
    let served = Served::start();
    let signed = request("a", vec![sign("100")]);
    let first = served.send(signed.clone()).await.unwrap();
    let over = request("a", vec![intent("2024-01-01", order("O1", "101"))]);
    served.send(over.clone()).await.unwrap_err();
    let (usage, records) = (served.usage("a").await, served.records().await);

    let served = served.restart(full()).await;
    let placing = request("a", vec![intent("2024-01-01", order("O2", "60"))]);
    // Nothing is recorded, so nothing of it counts: the two of them would not fit the ceiling.
    let other = request("a", vec![intent("2024-01-01", order("O3", "60"))]);
    for asked in [&placing, &other, &placing] {
        assert_disk_full(&told(&served.send(asked.clone()).await.unwrap_err()));
    }
    // A refusal would be a record too.
    let refusing = request("a", vec![intent("2024-01-01", order("O4", "1000"))]);
    assert_disk_full(&told(&served.send(refusing).await.unwrap_err()));
    assert_eq!(served.usage("a").await, usage);
    assert_eq!(served.records().await, records);
    for service in ["", "contractledger.v1.LedgerService"] {
        assert_eq!(served.health(service).await, ServingStatus::Serving, "{service:?}");
    }
    // What needs no room is answered: the first answers again, and what only asks.
    let again = served.send(signed).await.unwrap();
    assert_eq!(v1::AppendEventsResponse { replayed: false, ..again }, first);
    assert!(told(&served.send(over).await.unwrap_err()).replayed);
    let only = v1::AppendEventsRequest { validate_only: true, ..placing.clone() };
    assert!(served.send(only).await.unwrap().validate_only);

    let served = served.restart(Setting::default()).await;
    assert!(!served.send(placing).await.unwrap().replayed, "it is simply new");
    let refused = told(&served.send(other).await.unwrap_err());
    assert_eq!(refused.reasons(), ["CEILING_EXCEEDED"]);
    served.stop().await;
}

#[tokio::test]
async fn many_at_once_are_each_refused_and_the_writer_goes_on() {
    let served = Served::start();
    served.append("a", sign("100000")).await.unwrap();
    let served = served.restart(full()).await;
    let mut calls = Vec::new();
    for number in 0..100 {
        let mut client = served.ledger();
        let placing = request("a", vec![intent("2024-01-01", order(&format!("O{number}"), "1"))]);
        calls.push(tokio::spawn(async move { client.append_events(placing).await }));
    }
    for call in calls {
        assert_disk_full(&told(&call.await.unwrap().unwrap_err()));
    }
    assert_eq!(served.records().await.len(), 1);
    served.stop().await;
}

/// None after it may be recorded: what failed could never be taken in any more.
#[tokio::test]
async fn an_import_ends_with_the_first_request_that_has_no_room() {
    let served = Served::with(full());
    let line = |recorded: &str, event| v1::ImportEventsRequest {
        append: Some(request("a", vec![event])),
        recorded_time: Some(timestamp(time(recorded))),
    };
    let lines = vec![
        line("2024-01-01T10:00:00Z", sign("100")),
        line("2024-01-02T10:00:00Z", intent("2024-01-02", order("O1", "1"))),
    ];
    let stream = served.admin().import_events(tokio_stream::iter(lines)).await.unwrap();
    let refused = stream.into_inner().message().await.unwrap_err();
    assert_disk_full(&told(&refused));
    assert_eq!(served.records().await.len(), 0);
    served.stop().await;
}
