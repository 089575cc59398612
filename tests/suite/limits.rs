//! Limits and transport security, as they are felt from outside.

use contract_ledger::clock::{Clock, SystemClock};
use contract_ledger::domain::date::RecordedTime;
use contract_ledger::grpc::ServiceLimits;
use contract_ledger::ledger::LedgerLimits;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use tonic::Code;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

use super::daemon::Daemon;
use super::support::events::*;
use super::support::processes::run;
use super::support::{Served, Setting, told};

/// Nothing takes that long unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// So many agreements that are never all in memory.
const COLD_AGREEMENTS: usize = 8;

#[tokio::test]
async fn agreements_that_are_not_in_memory_wait_for_the_one_place_and_all_are_answered() {
    let ledger =
        LedgerLimits { agreements_cached_max: 1, foldings_max: 1, ..LedgerLimits::default() };
    let served = Served::with(Setting { ledger, ..Setting::default() });
    let ids: Vec<String> = (0..COLD_AGREEMENTS).map(|number| format!("cold-{number}")).collect();
    for id in &ids {
        served.append(id, sign("1000")).await.unwrap();
    }
    let mut calls = Vec::new();
    for id in ids.clone() {
        let (mut ledger, mut projections) = (served.ledger(), served.projections());
        calls.push(tokio::spawn(async move {
            let asked = v1::GetCeilingUsageRequest {
                agreement_id: id.clone(),
                // The order lies ahead, so its findings are folded too.
                as_of: "2023-12-01".to_owned(),
                ..Default::default()
            };
            let ordered = request(&id, vec![intent("2024-01-01", order("O1", "7"))]);
            let (ordered, asked) =
                tokio::join!(ledger.append_events(ordered), projections.get_ceiling_usage(asked));
            (ordered.unwrap(), asked.unwrap())
        }));
    }
    for call in calls {
        tokio::time::timeout(PATIENCE, call).await.unwrap().unwrap();
    }
    for id in &ids {
        let usage = served.usage_as_of(id, "2024-01-01").await.usage.unwrap();
        assert_eq!(usage.agreement_version, 2, "{id}");
    }
    served.stop().await;
}

#[tokio::test]
async fn readers_that_give_way_to_appends_read_everything_all_the_same() {
    let service = ServiceLimits {
        read_records_per_message_max: 1,
        read_rest_per_work: 100,
        subscription_lag_records_max: 1,
        ..ServiceLimits::default()
    };
    let served = Arc::new(Served::with(Setting { service, ..Setting::default() }));
    served.append("a", sign("1000000")).await.unwrap();
    for number in 0..20 {
        served.append("a", fact("2024-01-01", order(&format!("O{number}"), "1"))).await.unwrap();
    }
    let followed = v1::SubscribeEventsRequest { from_position: Some(0), ..Default::default() };
    let mut followed = served.ledger().subscribe_events(followed).await.unwrap().into_inner();
    let appending = tokio::spawn({
        let served = Arc::clone(&served);
        async move {
            for number in 0..20 {
                let event = fact("2024-01-01", order(&format!("P{number}"), "1"));
                served.append("a", event).await.unwrap();
            }
        }
    });
    let read = tokio::time::timeout(PATIENCE, served.records()).await.unwrap();
    assert!(read.len() >= 21, "{}", read.len());
    assert!(read.iter().zip(0..).all(|(record, position)| record.position == position));
    appending.await.unwrap();
    let mut told = 0;
    while told < 41 {
        let answer = followed.message().await.unwrap().unwrap();
        if let Some(v1::subscribe_events_response::Message::Records(records)) = answer.message {
            for record in records.records {
                assert_eq!(record.position, told);
                told += 1;
            }
        }
    }
    drop(followed);
    Arc::into_inner(served).unwrap().stop().await;
}

#[tokio::test]
async fn a_full_queue_refuses_early_and_loses_nothing() {
    let ledger = LedgerLimits {
        queue_requests_max: 1,
        batch_requests_max: 1,
        batch_bytes_max: 1024,
        ..LedgerLimits::default()
    };
    let served = Served::with(Setting { ledger, ..Setting::default() });
    served.append("a", sign("1000000")).await.unwrap();
    let mut calls = Vec::new();
    for number in 0..500 {
        let asked = request("a", vec![intent("2024-01-01", order(&format!("O{number}"), "1"))]);
        let mut client = served.ledger();
        calls.push(tokio::spawn(async move { (asked.clone(), client.append_events(asked).await) }));
    }
    let (mut accepted, mut overloaded) = (1, Vec::new());
    for call in calls {
        match call.await.unwrap() {
            (_, Ok(_)) => accepted += 1,
            (asked, Err(status)) => {
                let refused = told(&status);
                assert_eq!(
                    (refused.code, refused.reason.as_str()),
                    (Code::Unavailable, "OVERLOADED")
                );
                assert!(refused.retry_after);
                overloaded.push(asked);
            }
        }
    }
    assert!(!overloaded.is_empty(), "five hundred at once fit a queue of one");
    assert_eq!(served.records().await.len(), accepted);
    // Nothing was recorded of those, so the same request is simply new.
    for asked in overloaded {
        assert!(!served.send(asked).await.unwrap().replayed);
    }
    assert_eq!(served.records().await.len(), 501);
    served.stop().await;
}

/// A clock that answers nobody while it is held: the writer waits for it, and so does what it has.
#[derive(Debug, Default)]
struct HeldClock {
    is_held: Mutex<bool>,
    changed: Condvar,
}

impl HeldClock {
    fn hold(&self, is_held: bool) {
        *self.is_held.lock().unwrap() = is_held;
        self.changed.notify_all();
    }
}

impl Clock for HeldClock {
    fn now(&self) -> RecordedTime {
        let guard = self.is_held.lock().unwrap();
        drop(self.changed.wait_while(guard, |is_held| *is_held).unwrap());
        SystemClock.now()
    }
}

#[tokio::test]
async fn calls_beyond_their_places_are_refused_before_they_are_read() {
    let clock = Arc::new(HeldClock::default());
    let service = ServiceLimits {
        append_in_flight_max: 2,
        message_bytes_max: 4096,
        ..ServiceLimits::default()
    };
    let served = Served::with(Setting { clock: clock.clone(), service, ..Setting::default() });
    served.append("a", sign("100")).await.unwrap();
    clock.hold(true);
    let place = |id: &str| request("a", vec![intent("2024-01-01", order(id, "1"))]);
    let append = |asked: v1::AppendEventsRequest| {
        let mut client = served.ledger();
        tokio::spawn(async move { client.append_events(asked).await })
    };
    let held = [append(place("O1")), append(place("O2"))];
    // It is malformed while there is a place, and nobody looks at it when there is none.
    let malformed = request("a", Vec::new());
    let refused = tokio::time::timeout(PATIENCE, async {
        loop {
            let refused = told(&served.send(malformed.clone()).await.unwrap_err());
            if refused.code != Code::InvalidArgument {
                break refused;
            }
        }
    });
    let refused = refused.await.unwrap_or_else(|_| {
        // The writer waits for the clock, and the server for the writer.
        clock.hold(false);
        panic!("no call is refused for want of a place");
    });
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    assert_eq!(refused.metadata["append_in_flight_max"], "2");
    assert!(refused.retry_after);
    let long = v1::OrderPlaced { description: "x".repeat(9000), ..placed("O3", "1") };
    let too_long = intent("2024-01-01", v1::event::Payload::OrderPlaced(long));
    let too_long = request("a", vec![too_long]);
    let asking = v1::AppendEventsRequest { validate_only: true, ..place("O4") };
    for asked in [place("O5"), asking, too_long.clone()] {
        assert_eq!(told(&served.send(asked).await.unwrap_err()).reason, "OVERLOADED");
    }
    // Questions go on, and a stream waits where a call is refused.
    served.usage_as_of("a", "2024-01-01").await;
    let sent = v1::AppendEventsStreamRequest { requests: vec![place("O6")] };
    let stream = served.ledger().append_events_stream(tokio_stream::iter([sent])).await;
    let mut stream = stream.unwrap().into_inner();

    clock.hold(false);
    for call in held {
        call.await.unwrap().unwrap();
    }
    let answer = stream.message().await.unwrap().unwrap().outcomes.remove(0);
    assert!(matches!(answer.outcome, Some(v1::append_events_outcome::Outcome::Answer(_))));
    // The places are free again.
    let malformed = told(&served.send(malformed).await.unwrap_err());
    assert_eq!(malformed.code, Code::InvalidArgument);
    let too_long = told(&served.send(too_long).await.unwrap_err());
    assert_eq!(too_long.reason, "MESSAGE_TOO_LARGE");
    served.send(place("O7")).await.unwrap();
    assert_eq!(served.records().await.len(), 5);
    served.stop().await;
}

#[tokio::test]
async fn streams_have_places_and_a_stalled_reader_loses_its_own() {
    let service = ServiceLimits {
        streams_max: 1,
        stream_stall_max: Duration::from_millis(100),
        read_bytes_per_message_max: 64 * 1024,
        ..ServiceLimits::default()
    };
    let served = Served::with(Setting { service, ..Setting::default() });
    served.append("a", sign("1000000")).await.unwrap();
    // More than the connection's windows and the stream's queue hold together.
    for batch in 0..12 {
        let place = |number: u32| {
            let description = "x".repeat(4000);
            let base = placed(&format!("O{batch}-{number}"), "1");
            let order = v1::OrderPlaced { description, ..base };
            intent("2024-01-01", v1::event::Payload::OrderPlaced(order))
        };
        served.send(request("a", (0..250).map(place).collect())).await.unwrap();
    }
    let all = v1::ReadEventsRequest::default();
    let mut stalled = served.ledger().read_events(all.clone()).await.unwrap().into_inner();
    let refused = told(&served.ledger().read_events(all.clone()).await.unwrap_err());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    assert!(refused.retry_after);
    // Its place is free once it has stalled for too long.
    loop {
        match served.ledger().read_events(all.clone()).await {
            Ok(_) => break,
            Err(status) => assert_eq!(told(&status).reason, "OVERLOADED"),
        }
    }
    // What it then takes up again does not end as if it were whole.
    let end = loop {
        match stalled.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a part was taken for the whole"),
            Err(status) => break told(&status),
        }
    };
    assert_eq!((end.code, end.reason.as_str()), (Code::Aborted, "STREAM_CUT_OFF"));
    served.stop().await;
}

#[tokio::test]
async fn a_stream_that_never_ends_does_not_hold_up_the_end() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;
    let folder = tempfile::tempdir().unwrap();
    let drain = [("LEDGERD_LIMITS__DRAIN_MS_MAX", "50")];
    let daemon = Daemon::start_with(folder.path(), &[], &drain);
    let channel = Endpoint::from_shared(daemon.url.clone()).unwrap().connect().await.unwrap();
    let watch = HealthClient::new(channel).watch(HealthCheckRequest::default()).await;
    let mut watched = watch.unwrap().into_inner();
    watched.message().await.unwrap().unwrap();
    assert!(daemon.end_with("TERM").await.success());
    drop(watched);
}

#[tokio::test]
async fn with_transport_security_any_address_may_be_served() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let tls = [
        ("LEDGERD_TLS__CERTIFICATE_FILE", certificate.to_str().unwrap()),
        ("LEDGERD_TLS__KEY_FILE", key.to_str().unwrap()),
    ];
    let data = folder.path().join("data");
    let daemon = Daemon::start_with(&data, &["--listen", "0.0.0.0:0"], &tls);
    let port = daemon.url.rsplit(':').next().unwrap().to_owned();

    let trusted = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(made.cert.pem()));
    let endpoint = Endpoint::from_shared(format!("https://localhost:{port}")).unwrap();
    let channel = endpoint.tls_config(trusted).unwrap().connect().await.unwrap();
    let answer = LedgerServiceClient::new(channel).get_head(v1::GetHeadRequest {}).await;
    assert_eq!(answer.unwrap().into_inner().record_count, 0);

    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerctl"));
    command.args(["--server", &format!("https://localhost:{port}"), "--ca-file"]);
    let ledgerctl = run(command.arg(&certificate).arg("head"));
    assert!(ledgerctl.status.success(), "{ledgerctl:?}");

    let plain = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap().connect().await;
    if let Ok(channel) = plain {
        let refused = LedgerServiceClient::new(channel).get_head(v1::GetHeadRequest {}).await;
        assert!(refused.is_err(), "served without transport security");
    }
    assert!(daemon.end_with("TERM").await.success());
}
