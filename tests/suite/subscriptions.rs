//! Subscriptions: everything once, in order, from any position on, for as long as anybody listens.

use std::time::{Duration, Instant};

use contract_ledger::grpc::ServiceLimits;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use contract_ledger::wire::v1::subscribe_events_response::Message;
use tonic::transport::Endpoint;
use tonic::{Code, Streaming};

use super::daemon::Daemon;
use super::support::events::*;
use super::support::{Served, Setting, told};

/// Nothing takes that long unless it never comes.
const PATIENCE: Duration = Duration::from_mins(1);

type Events = Streaming<v1::SubscribeEventsResponse>;

fn with(service: ServiceLimits) -> Setting {
    Setting { service, ..Setting::default() }
}

/// A heartbeat that a test can wait for.
fn lively() -> ServiceLimits {
    ServiceLimits { heartbeat: Duration::from_millis(20), ..ServiceLimits::default() }
}

fn from(position: u64) -> v1::SubscribeEventsRequest {
    v1::SubscribeEventsRequest { from_position: Some(position), ..Default::default() }
}

async fn subscribe(served: &Served, request: v1::SubscribeEventsRequest) -> Events {
    served.ledger().subscribe_events(request).await.unwrap().into_inner()
}

async fn next(events: &mut Events) -> v1::SubscribeEventsResponse {
    events.message().await.unwrap().expect("a subscription has no end of its own")
}

/// Positions of the records up to and with the message after which a position is to be resumed from.
async fn positions_until(events: &mut Events, resume_position: u64) -> Vec<u64> {
    let mut positions = Vec::new();
    loop {
        let message = next(events).await;
        if let Some(Message::Records(records)) = message.message {
            positions.extend(records.records.iter().map(|record| record.position));
        }
        if message.resume_position >= resume_position {
            return positions;
        }
    }
}

async fn head(served: &Served) -> v1::GetHeadResponse {
    served.ledger().get_head(v1::GetHeadRequest {}).await.unwrap().into_inner()
}

async fn append_orders(served: &Served, agreement: &str, name: &str, count: usize) {
    for number in 0..count {
        let event = intent("2024-01-01", order(&format!("{name}-{number}"), "1"));
        served.append(agreement, event).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn catching_up_goes_over_into_live_without_a_gap_or_a_repetition() {
    let service = ServiceLimits { read_records_per_message_max: 7, ..ServiceLimits::default() };
    let served = Served::with(with(service));
    served.append("a", sign("1000000")).await.unwrap();
    append_orders(&served, "a", "before", 40).await;
    let mut events = subscribe(&served, from(0)).await;
    let mut writers = Vec::new();
    for writer in 0..4 {
        let mut client = served.ledger();
        writers.push(tokio::spawn(async move {
            for number in 0..30 {
                let event = intent("2024-01-01", order(&format!("O{writer}-{number}"), "1"));
                client.append_events(request("a", vec![event])).await.unwrap();
            }
        }));
    }
    let (mut positions, mut resumes, mut caught_up) = (Vec::new(), Vec::new(), 0);
    while positions.len() < 161 {
        let message = next(&mut events).await;
        resumes.push(message.resume_position);
        assert!(message.resume_position <= message.record_count);
        match message.message.unwrap() {
            Message::Records(v1::SubscribedRecords { records }) => {
                assert!((1..=7).contains(&records.len()));
                assert_eq!(records.last().unwrap().position + 1, message.resume_position);
                positions.extend(records.iter().map(|record| record.position));
            }
            Message::CaughtUp(_) => caught_up += 1,
            Message::Checkpoint(_) => {}
            Message::FellBehind(_) => panic!("never more than the limit behind"),
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(positions, (0..161).collect::<Vec<_>>());
    assert!(resumes.is_sorted());
    assert!(caught_up <= 1, "told once, and again only after falling behind");
    drop(events);
    served.stop().await;
}

#[tokio::test]
async fn the_head_is_told_first_thing_when_nothing_is_older() {
    let served = Served::start();
    served.append("a", sign("1000")).await.unwrap();
    // Without a position: from now on.
    let mut events = subscribe(&served, v1::SubscribeEventsRequest::default()).await;
    let first = next(&mut events).await;
    assert_eq!((first.resume_position, first.record_count), (1, 1));
    assert!(matches!(first.message, Some(Message::CaughtUp(_))), "{first:?}");
    served.append("a", intent("2024-01-01", order("O1", "1"))).await.unwrap();
    assert_eq!(positions_until(&mut events, 2).await, [1]);
    served.stop().await;
}

#[tokio::test]
async fn filters_leave_out_and_checkpoints_go_on() {
    let served = Served::with(with(lively()));
    served.append("a", sign("1000")).await.unwrap();
    served.append("b", sign("1000")).await.unwrap();
    append_orders(&served, "a", "O", 3).await;
    served.append("a", intent("2024-01-01", order("large", "2000"))).await.unwrap_err();
    served.append("b", intent("2024-01-01", order("large", "2000"))).await.unwrap_err();

    let only_a = v1::SubscribeEventsRequest { agreement_id: "a".to_owned(), ..from(0) };
    let without_refusals = v1::SubscribeEventsRequest { exclude_refusals: true, ..only_a.clone() };
    let types = vec![v1::EventType::AgreementSigned.into()];
    let signatures = v1::SubscribeEventsRequest { types, ..from(0) };
    let types = vec![v1::EventType::InvoicePaid.into()];
    let payments = v1::SubscribeEventsRequest { types, ..from(0) };
    let cases = [
        (only_a, vec![0, 2, 3, 4, 5]),
        (without_refusals, vec![0, 2, 3, 4]),
        (signatures, vec![0, 1]),
        (payments, vec![]),
    ];
    for (asked, expected) in cases {
        let head = head(&served).await;
        let mut events = subscribe(&served, asked.clone()).await;
        assert_eq!(positions_until(&mut events, head.record_count).await, expected, "{asked:?}");
        // What is recorded and not asked for moves the checkpoint all the same.
        served.append("b", intent("2024-01-01", order("large", "2000"))).await.unwrap_err();
        let head = self::head(&served).await;
        let checkpoint = loop {
            let message = next(&mut events).await;
            assert!(!matches!(message.message, Some(Message::Records(_))), "{message:?}");
            if let Some(Message::Checkpoint(checkpoint)) = message.message
                && message.resume_position == head.record_count
            {
                break checkpoint;
            }
        };
        assert_eq!(checkpoint.recorded_time, head.recorded_time);
    }
    served.stop().await;
}

#[tokio::test]
async fn a_stream_with_nothing_to_tell_still_beats() {
    let served = Served::with(with(lively()));
    let mut events = subscribe(&served, from(0)).await;
    assert!(matches!(next(&mut events).await.message, Some(Message::CaughtUp(_))));
    for _ in 0..3 {
        let beat = next(&mut events).await;
        let checkpoint = v1::SubscriptionCheckpoint { recorded_time: None };
        assert_eq!(beat.message, Some(Message::Checkpoint(checkpoint)));
        assert_eq!((beat.resume_position, beat.record_count), (0, 0));
    }
    served.stop().await;
}

#[tokio::test]
async fn a_reader_goes_on_after_a_restart_where_it_was() {
    let service = ServiceLimits { read_records_per_message_max: 3, ..ServiceLimits::default() };
    let served = Served::with(with(service.clone()));
    served.append("a", sign("1000")).await.unwrap();
    append_orders(&served, "a", "O", 10).await;
    let mut events = subscribe(&served, from(0)).await;
    let first = next(&mut events).await;
    drop(events);
    let served = served.restart(with(service)).await;
    let mut events = subscribe(&served, from(first.resume_position)).await;
    let rest = positions_until(&mut events, 11).await;
    assert_eq!(rest, (first.resume_position..11).collect::<Vec<_>>());
    served.stop().await;
}

#[tokio::test]
async fn a_position_that_the_log_has_not_reached_is_refused() {
    let served = Served::start();
    served.append("a", sign("1000")).await.unwrap();
    assert!(served.ledger().subscribe_events(from(1)).await.is_ok());
    let refused = told(&served.ledger().subscribe_events(from(2)).await.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::InvalidArgument, "POSITION_BEYOND_HEAD")
    );
    assert_eq!(refused.metadata["record_count"], "1");
    served.stop().await;
}

#[tokio::test]
async fn a_reader_far_behind_the_head_is_told_and_misses_nothing() {
    let service = ServiceLimits { subscription_lag_records_max: 10, ..ServiceLimits::default() };
    let served = Served::with(with(service));
    served.append("a", sign("1000")).await.unwrap();
    let mut events = subscribe(&served, from(0)).await;
    while !matches!(next(&mut events).await.message, Some(Message::CaughtUp(_))) {}
    let place = |number: u32| intent("2024-01-01", order(&format!("O{number}"), "1"));
    served.send(request("a", (0..11).map(place).collect())).await.unwrap();
    let behind = next(&mut events).await;
    let fell_behind = v1::SubscriptionFellBehind { records_behind: 11 };
    assert_eq!(behind.message, Some(Message::FellBehind(fell_behind)));
    assert_eq!(behind.resume_position, 1);
    assert_eq!(positions_until(&mut events, 12).await, (1..12).collect::<Vec<_>>());
    assert!(matches!(next(&mut events).await.message, Some(Message::CaughtUp(_))));
    // Ten at once are within the limit.
    served.send(request("a", (11..21).map(place).collect())).await.unwrap();
    assert!(matches!(next(&mut events).await.message, Some(Message::Records(_))));
    served.stop().await;
}

#[tokio::test]
async fn subscriptions_have_places_of_their_own_and_a_stalled_reader_loses_its_own() {
    let service = ServiceLimits {
        streams_max: 1,
        subscriptions_max: 1,
        stream_stall_max: Duration::from_millis(100),
        read_bytes_per_message_max: 64 * 1024,
        ..ServiceLimits::default()
    };
    let served = Served::with(with(service));
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
    let mut stalled = subscribe(&served, from(0)).await;
    let refused = told(&served.ledger().subscribe_events(from(0)).await.unwrap_err());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    assert!(refused.retry_after);
    assert_eq!(refused.metadata["subscriptions_max"], "1");
    // Its place is free once it has stalled for too long.
    while let Err(status) = served.ledger().subscribe_events(from(0)).await {
        assert_eq!(told(&status).reason, "OVERLOADED");
    }
    let mut resume = 0;
    let end = loop {
        match stalled.message().await {
            Ok(Some(message)) => resume = message.resume_position,
            Ok(None) => panic!("a subscription ended as if it were whole"),
            Err(status) => break told(&status),
        }
    };
    assert_eq!((end.code, end.reason.as_str()), (Code::Aborted, "STREAM_CUT_OFF"));
    assert!(resume > 0 && resume < 3001, "{resume}");
    served.stop().await;
}

#[tokio::test]
async fn a_server_that_stops_says_so_and_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start_with(folder.path(), &[], &[]);
    let channel = Endpoint::from_shared(daemon.url.clone()).unwrap().connect().await.unwrap();
    let mut client = LedgerServiceClient::new(channel);
    let mut events = client.subscribe_events(from(0)).await.unwrap().into_inner();
    assert!(matches!(next(&mut events).await.message, Some(Message::CaughtUp(_))));
    let begun = Instant::now();
    let listening = tokio::spawn(async move { events.message().await.unwrap_err() });
    assert!(daemon.end_with("TERM").await.success());
    // The drain may take ten seconds.
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let end = told(&listening.await.unwrap());
    assert_eq!((end.code, end.reason.as_str()), (Code::Unavailable, "SERVER_STOPPING"));
    assert!(end.retry_after);
}

/// So many orders in one request.
fn orders(name: &str, count: usize) -> v1::AppendEventsRequest {
    let order = |number| fact("2024-01-01", order(&format!("{name}-{number}"), "1"));
    request("a", (0..count).map(order).collect())
}

/// Requests that come on and on, so that something is always being appended.
async fn append_on_and_on(served: &Served, events: usize) {
    for number in 0_u64.. {
        served.send(orders(&format!("{events}-{number}"), events)).await.unwrap();
    }
}

#[tokio::test]
async fn who_was_at_the_head_is_never_made_to_rest() {
    let served = Served::with(with(ServiceLimits {
        read_records_per_message_max: 1,
        read_rest_per_work: 100,
        subscription_lag_records_max: 1,
        ..ServiceLimits::default()
    }));
    served.append("a", sign("1000000000")).await.unwrap();
    let mut events = subscribe(&served, from(0)).await;
    while !matches!(next(&mut events).await.message, Some(Message::CaughtUp(_))) {}
    served.send(orders("many", 1000)).await.unwrap();
    let told = async {
        loop {
            let message = next(&mut events).await;
            if message.resume_position > 2000 {
                return message.record_count - message.resume_position;
            }
        }
    };
    let behind = tokio::select! {
        behind = tokio::time::timeout(PATIENCE, told) => behind.unwrap(),
        () = append_on_and_on(&served, 20) => unreachable!(),
        () = append_on_and_on(&served, 1) => unreachable!(),
    };
    // It has made up for the thousand and follows. If it rested it would be ever further behind.
    assert!(behind < 500, "{behind}");
    drop(events);
    served.stop().await;
}
