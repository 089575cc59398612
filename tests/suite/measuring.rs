//! `ledgerctl bench` against a real server and against the floor: every workload runs, and counts what
//! really happened. How fast any of it is is no business of a test.

use std::process::{Command, Output};

use serde_json::Value;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::daemon::Daemon;
use super::support::processes;

fn bench(server: &Daemon, arguments: &str) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    command.arg("bench").args(arguments.split(' ')).args(["--json", "--server", &server.url]);
    let Output { status, stdout, stderr } = processes::run(&mut command);
    assert!(status.success(), "{arguments}: {}", String::from_utf8_lossy(&stderr));
    serde_json::from_slice(&stdout).unwrap()
}

fn head(server: &Daemon) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    command.args(["head", "--json", "--server", &server.url]);
    let Output { stdout, .. } = processes::run(&mut command);
    let head: Value = serde_json::from_slice(&stdout).unwrap();
    head["recordCount"].as_str().map_or(0, |count| count.parse().unwrap())
}

/// Accepted calls and events, when nothing else was answered.
fn accepted(result: &Value) -> (u64, u64) {
    let answers = &result["answers"];
    for other in ["refused", "overloaded", "failed", "unsent"] {
        assert_eq!(answers[other], 0, "{result}");
    }
    (answers["accepted"].as_u64().unwrap(), answers["events"].as_u64().unwrap())
}

#[test]
fn every_workload_counts_what_the_ledger_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let server = Daemon::start_with(folder.path(), &[], &[]);
    let mut records = 0;
    for (arguments, calls, events, set_up) in [
        ("append --total 40 --agreements 3 --in-flight 8", 40, 40, 3),
        (
            "append --total 40 --agreements 3 --rate 100000 --slow-subscribers 1 --replays 1",
            40,
            40,
            3,
        ),
        ("batch --total 6 --agreements 2 --events-per-request 5", 6, 30, 2),
        ("stream --total 40 --agreements 3 --in-flight 16 --connections 2", 40, 40, 3),
        ("subscribe --total 20 --agreements 2 --rate 10000 --connections 2", 20, 20, 2),
    ] {
        let result = bench(&server, arguments);
        assert_eq!(accepted(&result), (calls, events), "{arguments}");
        assert!(result["latency_us"]["p99"].as_u64().is_some(), "{arguments}: {result}");
        records += events + set_up;
        assert_eq!(head(&server), records, "{arguments}");
    }

    let mixed = bench(&server, "mixed --total 60 --in-flight 4");
    let answers = &mixed["answers"];
    let told = answers["accepted"].as_u64().unwrap() + answers["refused"].as_u64().unwrap();
    assert_eq!(told, 60, "{mixed}");
    records = head(&server);

    let replay = bench(&server, "replay --total 2");
    assert_eq!(accepted(&replay), (2, 2 * records));

    for at in ["now", "as-of", "as-known", "both"] {
        let arguments = format!("query --total 5 --history-events 150 --points 3 --at {at}");
        assert_eq!(accepted(&bench(&server, &arguments)), (5, 5), "{at}");
    }
}

#[tokio::test]
async fn the_floor_answers_everything_keeps_nothing_and_says_so() {
    let server = Daemon::floor();
    for (arguments, calls, events) in [
        ("append --total 40 --agreements 3", 40, 40),
        ("batch --total 6 --events-per-request 5 --agreements 1", 6, 30),
        ("stream --total 40 --agreements 3", 40, 40),
        ("replay --total 2 --records-max 1000", 2, 2000),
        ("query --total 5 --history-events 10", 5, 5),
    ] {
        assert_eq!(accepted(&bench(&server, arguments)), (calls, events), "{arguments}");
    }
    assert_eq!(head(&server), 0);

    let channel = Endpoint::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    for (service, status) in [
        ("", ServingStatus::NotServing),
        ("contractledger.v1.LedgerService", ServingStatus::NotServing),
        ("bench-floor-keeps-nothing", ServingStatus::Serving),
    ] {
        let asked = HealthCheckRequest { service: service.to_owned() };
        let health = HealthClient::new(channel.clone()).check(asked).await.unwrap().into_inner();
        assert_eq!(health.status(), status, "{service:?}");
    }
    drop(channel);
    assert!(server.end_with("TERM").await.success());
}

#[test]
fn a_floor_with_a_folder_is_refused() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
    command.args(["--bench-floor", "--data-dir", "data", "--listen", "127.0.0.1:0"]);
    let Output { status, stderr, .. } = processes::run(&mut command);
    assert_eq!(status.code(), Some(2));
    let told = String::from_utf8(stderr).unwrap();
    assert!(told.contains("--bench-floor keeps nothing"), "{told}");
}
