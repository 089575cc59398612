//! Taking in an older register: its recorded times, its order, and doing it twice.

use std::sync::Arc;

use contract_ledger::clock::SetClock;
use contract_ledger::grpc::ServiceLimits;
use contract_ledger::ledger::{Imports, LedgerRules};
use contract_ledger::wire::record::timestamp;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::admin_service_client::AdminServiceClient;
use tonic::{Code, Status};

use super::daemon::Daemon;
use super::support::events::*;
use super::support::{Served, Setting, time, told};

/// A ledger in import mode whose clock stands at an instant.
fn importing(now: &str) -> (Setting, Arc<SetClock>) {
    let (setting, clock) = Setting::at(now);
    let rules = LedgerRules { imports: Imports::Allowed, ..LedgerRules::default() };
    (Setting { rules, ..setting }, clock)
}

fn line(recorded: &str, agreement: &str, events: Vec<v1::Event>) -> v1::ImportEventsRequest {
    v1::ImportEventsRequest {
        append: Some(request(agreement, events)),
        recorded_time: Some(timestamp(time(recorded))),
    }
}

/// Answers up to the end, and how it ended.
async fn import(
    served: &Served,
    lines: &[v1::ImportEventsRequest],
) -> (Vec<v1::ImportEventsResponse>, Result<(), Status>) {
    let requests = tokio_stream::iter(lines.to_vec());
    let mut stream = match served.admin().import_events(requests).await {
        Ok(response) => response.into_inner(),
        Err(status) => return (Vec::new(), Err(status)),
    };
    let mut answers = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(answer)) => answers.push(answer),
            Ok(None) => return (answers, Ok(())),
            Err(status) => return (answers, Err(status)),
        }
    }
}

async fn import_all(
    served: &Served,
    lines: &[v1::ImportEventsRequest],
) -> Vec<v1::ImportEventsResponse> {
    let (answers, end) = import(served, lines).await;
    end.unwrap();
    assert_eq!(answers.len(), lines.len());
    for (answer, line) in answers.iter().zip(lines) {
        assert_eq!(answer.request_id, line.append.as_ref().unwrap().request_id);
    }
    answers
}

fn recorded_times(records: &[v1::Record]) -> Vec<String> {
    let text = |record: &v1::Record| {
        let time = record.recorded_time.unwrap();
        jiff::Timestamp::new(time.seconds, time.nanos).unwrap().to_string()
    };
    records.iter().map(text).collect()
}

#[tokio::test]
async fn imports_are_refused_outside_the_mode() {
    let served = Served::start();
    let (answers, end) =
        import(&served, &[line("2024-01-01T10:00:00Z", "a", vec![sign("1")])]).await;
    let refused = told(&end.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "IMPORT_NOT_ALLOWED")
    );
    assert!(answers.is_empty() && served.records().await.is_empty());
    served.stop().await;
}

#[tokio::test]
async fn an_import_keeps_recorded_times_and_says_that_it_is_one() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let over = intent("2024-02-01", order("O2", "2000"));
    let lines = [
        line("2024-01-01T10:00:00Z", "a", vec![sign("1000")]),
        line("2024-02-01T10:00:00.000001Z", "a", vec![intent("2024-02-01", order("O1", "1"))]),
        line("2024-02-01T10:00:00.000001Z", "a", vec![over]),
    ];
    let answers = import_all(&served, &lines).await;
    let outcomes: Vec<_> = answers.iter().map(v1::ImportEventsResponse::outcome).collect();
    let (accepted, refused) = (v1::ImportOutcome::Accepted, v1::ImportOutcome::Refused);
    assert_eq!(outcomes, [accepted, accepted, refused]);
    assert_eq!(answers.iter().map(|answer| answer.position).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(answers[2].reasons, ["CEILING_EXCEEDED"]);
    assert!(answers.iter().all(|answer| !answer.replayed));

    // An ordinary append goes on with the clock, and is the ledger's own observation.
    served.append("a", intent("2024-06-01", order("O3", "1"))).await.unwrap();
    let records = served.records().await;
    let imported: Vec<_> = records.iter().map(|record| record.imported).collect();
    assert_eq!(imported, [true, true, true, false]);
    assert_eq!(
        recorded_times(&records),
        [
            "2024-01-01T10:00:00Z",
            "2024-02-01T10:00:00.000001Z",
            "2024-02-01T10:00:00.000001Z",
            "2024-06-01T10:00:00Z"
        ]
    );
    let history = served.history("a").await;
    let imported: Vec<_> =
        history.iter().map(|entry| entry.record.as_ref().unwrap().imported).collect();
    assert_eq!(imported, [true, true, true, false]);
    // The id of an event tells the stated time too.
    let Some(v1::record::Entry::Event(event)) = &records[0].entry else { panic!("{records:?}") };
    let id = uuid::Uuid::parse_str(&event.event_id).unwrap();
    let seconds = id.get_timestamp().unwrap().to_unix().0;
    assert_eq!(i64::try_from(seconds).unwrap(), records[0].recorded_time.unwrap().seconds);
    served.stop().await;
}

#[tokio::test]
async fn a_time_that_decreases_ends_the_import_and_nothing_after_it_is_recorded() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let place =
        |recorded: &str, id: &str| line(recorded, "a", vec![intent("2024-02-01", order(id, "1"))]);
    let mut lines = vec![
        line("2024-01-01T10:00:00Z", "a", vec![sign("1000")]),
        place("2024-02-02T10:00:00Z", "O1"),
        place("2024-02-01T10:00:00Z", "O2"),
    ];
    lines.extend((3..100).map(|number| place("2024-03-01T10:00:00Z", &format!("O{number}"))));
    let (answers, end) = import(&served, &lines).await;
    assert_eq!(answers.len(), 2);
    let refused = told(&end.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::InvalidArgument, "RECORDED_TIME_DECREASES")
    );
    assert_eq!(refused.metadata["newest_recorded_time"], "2024-02-02T10:00:00Z");
    assert_eq!(refused.metadata["recorded_time"], "2024-02-01T10:00:00Z");
    assert_eq!(served.records().await.len(), 2);
    // Mended, the whole file is taken in from its start.
    lines[2].recorded_time = lines[1].recorded_time;
    let answers = import_all(&served, &lines).await;
    let replayed: Vec<_> = answers.iter().map(|answer| answer.replayed).collect();
    assert_eq!(replayed[..2], [true, true]);
    assert!(replayed[2..].iter().all(|replayed| !replayed));
    assert_eq!(served.records().await.len(), 100);
    served.stop().await;
}

#[tokio::test]
async fn a_time_in_the_future_ends_the_import() {
    let (setting, clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let lines = [line("2024-06-01T10:00:00.000001Z", "a", vec![sign("1000")])];
    let (_, end) = import(&served, &lines).await;
    let refused = told(&end.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::InvalidArgument, "RECORDED_TIME_IN_FUTURE")
    );
    assert!(served.records().await.is_empty());
    clock.set(time("2024-06-01T10:00:00.000001Z"));
    import_all(&served, &lines).await;
    // The clock goes back, and an ordinary append is still not before the newest record.
    clock.set(time("2024-05-01T10:00:00Z"));
    let answer = served.append("a", intent("2024-05-01", order("O1", "1"))).await.unwrap();
    assert_eq!(answer.recorded_time, lines[0].recorded_time);
    served.stop().await;
}

#[tokio::test]
async fn a_second_run_is_answered_as_replayed_and_leaves_the_log_as_it_is() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let mut lines = vec![line("2024-01-01T10:00:00Z", "a", vec![sign("300")])];
    for number in 0..400 {
        let event = intent("2024-02-01", order(&format!("O{number}"), "1"));
        lines.push(line("2024-02-01T10:00:00Z", "a", vec![event]));
    }
    let first = import_all(&served, &lines).await;
    let refused = |answer: &&v1::ImportEventsResponse| !answer.reasons.is_empty();
    assert_eq!(first.iter().filter(refused).count(), 100);
    let records = served.records().await;
    let second = import_all(&served, &lines).await;
    for (first, second) in first.into_iter().zip(second) {
        assert!(!first.replayed);
        assert_eq!(v1::ImportEventsResponse { replayed: true, ..first }, second);
    }
    assert_eq!(served.records().await, records);
    // An ordinary append under a known request id gets its answer too.
    let again = served.send(lines[1].append.clone().unwrap()).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.events[0].position, 1);

    let other_time = v1::ImportEventsRequest {
        recorded_time: Some(timestamp(time("2024-02-01T10:00:01Z"))),
        ..lines[1].clone()
    };
    let mut other_content = lines[1].clone();
    other_content.append.as_mut().unwrap().agreement_id = "b".to_owned();
    let other_refusal =
        v1::ImportEventsRequest { recorded_time: other_time.recorded_time, ..lines[400].clone() };
    for (conflict, field) in [
        (other_time, "recorded_time"),
        (other_content, "agreement_id"),
        (other_refusal, "recorded_time"),
    ] {
        let after = line("2024-05-01T10:00:00Z", "b", vec![sign("1")]);
        let (answers, end) = import(&served, &[lines[0].clone(), conflict, after]).await;
        assert_eq!(answers.len(), 1);
        let refused = told(&end.unwrap_err());
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (Code::AlreadyExists, "DUPLICATE_CONFLICT")
        );
        assert_eq!(refused.metadata["field"], field);
    }
    assert_eq!(served.records().await.len(), records.len());
    served.stop().await;
}

#[tokio::test]
async fn an_id_that_comes_twice_in_one_import_is_repeated_or_contradicts_itself() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let signing = line("2024-01-01T10:00:00Z", "a", vec![sign("300")]);
    let placing = line("2024-02-01T10:00:00Z", "a", vec![intent("2024-02-01", order("O1", "1"))]);
    let answers = import_all(&served, &[signing.clone(), placing.clone(), placing.clone()]).await;
    let told_of: Vec<_> = answers.iter().map(|answer| (answer.position, answer.replayed)).collect();
    assert_eq!(told_of, [(0, false), (1, false), (1, true)]);

    // Whether the writer takes both in one batch or not.
    let place = |number: u32| {
        let order = order(&format!("P{number}"), "1");
        line("2024-02-01T10:00:00Z", "a", vec![intent("2024-02-01", order)])
    };
    let pairs: Vec<_> = (0..50).map(place).flat_map(|one| [one.clone(), one]).collect();
    let answers = import_all(&served, &pairs).await;
    for (number, pair) in answers.chunks(2).enumerate() {
        let position = u64::try_from(number).unwrap() + 2;
        assert_eq!((pair[0].position, pair[0].replayed), (position, false));
        assert_eq!((pair[1].position, pair[1].replayed), (position, true));
    }

    let fresh = line("2024-03-01T10:00:00Z", "a", vec![intent("2024-02-01", order("O2", "1"))]);
    let mut contradicting = fresh.clone();
    contradicting.append.as_mut().unwrap().expected_version = Some(7);
    let after = line("2024-04-01T10:00:00Z", "a", vec![intent("2024-02-01", order("O3", "1"))]);
    let (answers, end) = import(&served, &[fresh, contradicting, after]).await;
    assert_eq!(answers.len(), 1);
    assert_eq!(told(&end.unwrap_err()).metadata["field"], "expected_version");
    assert_eq!(served.records().await.len(), 53, "nothing after it is recorded");
    served.stop().await;
}

#[tokio::test]
async fn one_request_in_flight_is_enough_to_get_to_the_end() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let service = ServiceLimits { import_in_flight_max: 1, ..ServiceLimits::default() };
    let served = Served::with(Setting { service, ..setting });
    let mut lines = vec![line("2024-01-01T10:00:00Z", "a", vec![sign("300")])];
    lines.extend((0..20).map(|number| {
        let order = order(&format!("O{number}"), "1");
        line("2024-02-01T10:00:00Z", "a", vec![intent("2024-02-01", order)])
    }));
    let answers = import_all(&served, &lines).await;
    assert_eq!(answers.last().unwrap().position, 20);
    served.stop().await;
}

#[tokio::test]
async fn what_its_source_told_before_is_not_taken_in_again() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let sourced = |id: &str| {
        let source = v1::Source { system: "old".to_owned(), event_id: id.to_owned() };
        v1::Event { source: Some(source), ..intent("2024-02-01", order(id, "1")) }
    };
    import_all(
        &served,
        &[
            line("2024-01-01T10:00:00Z", "a", vec![sign("300")]),
            line("2024-02-01T10:00:00Z", "a", vec![sourced("O1")]),
            line("2024-03-01T10:00:00Z", "a", vec![sourced("O2")]),
        ],
    )
    .await;
    // Under new request ids, and the first with a time that has long passed.
    let again = [
        line("2024-02-01T10:00:00Z", "a", vec![sourced("O1")]),
        line("2024-03-01T10:00:00Z", "a", vec![sourced("O2"), sourced("O3")]),
    ];
    let answers = import_all(&served, &again).await;
    let told_of: Vec<_> = answers.iter().map(|answer| (answer.position, answer.replayed)).collect();
    assert_eq!(told_of, [(1, true), (3, false)]);
    assert_eq!(served.records().await.len(), 4);
    served.stop().await;
}

#[tokio::test]
async fn what_is_malformed_is_named_by_its_path_and_ends_the_import() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let good = line("2024-01-01T10:00:00Z", "a", vec![sign("300")]);
    let append = good.append.clone().unwrap();
    let dated = |append| v1::ImportEventsRequest { append, recorded_time: good.recorded_time };
    let mut undated = append.clone();
    undated.events[0].effective_date = String::new();
    let asking = v1::AppendEventsRequest { validate_only: true, ..append.clone() };
    let out_of_range = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
    let cases = [
        (dated(None), "append"),
        (dated(Some(undated)), "append.events[0].effective_date"),
        (dated(Some(asking)), "append.validate_only"),
        (v1::ImportEventsRequest { recorded_time: None, ..good.clone() }, "recorded_time"),
        (
            v1::ImportEventsRequest { recorded_time: Some(out_of_range), ..good.clone() },
            "recorded_time",
        ),
    ];
    for (bad, field) in cases {
        let after = line("2024-02-01T10:00:00Z", "b", vec![sign("1")]);
        let (answers, end) = import(&served, &[bad, after]).await;
        let refused = told(&end.unwrap_err());
        assert_eq!((refused.code, refused.fields), (Code::InvalidArgument, vec![field.to_owned()]));
        assert!(answers.is_empty());
    }
    assert!(served.records().await.is_empty());
    served.stop().await;
}

#[tokio::test]
async fn dates_ahead_are_judged_by_the_stated_time() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let lines = [
        line("2024-01-01T10:00:00Z", "a", vec![sign("300")]),
        line("2024-02-01T10:00:00Z", "a", vec![intent("2024-02-03", order("O1", "1"))]),
        line("2024-02-01T10:00:00Z", "a", vec![intent("2024-02-02", order("O2", "1"))]),
    ];
    let answers = import_all(&served, &lines).await;
    assert_eq!(answers[1].reasons, ["EFFECTIVE_IN_FUTURE"]);
    assert_eq!(answers[2].outcome(), v1::ImportOutcome::Accepted);
    served.stop().await;
}

#[tokio::test]
async fn an_import_that_the_server_stops_has_answered_what_it_took_in() {
    let (setting, _clock) = importing("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let (sending, requests) = tokio::sync::mpsc::channel(1);
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    sending.send(line("2024-01-01T10:00:00Z", "a", vec![sign("300")])).await.unwrap();
    let mut stream = served.admin().import_events(requests).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().position, 0);
    let listening = tokio::spawn(async move { stream.message().await.unwrap_err() });
    served.stop().await;
    let end = told(&listening.await.unwrap());
    assert_eq!((end.code, end.reason.as_str()), (Code::Unavailable, "SERVER_STOPPING"));
    drop(sending);
}

/// Scenario S6: lateness is judged by the stated times, and a correction is never late.
#[tokio::test]
async fn an_imported_past_is_late_by_its_own_times() {
    let (setting, _clock) = importing("2026-06-01T10:00:00Z");
    let served = Served::with(setting);
    let signing = sign_as(signed("2000000.00", "2025-01-01", "2025-12-31"));
    import_all(
        &served,
        &[
            line("2025-01-01T09:00:00Z", "s6", vec![signing]),
            line("2025-02-01T09:00:00Z", "s6", vec![fact("2025-02-01", order("O1", "1"))]),
            line("2025-04-05T09:00:00Z", "s6", vec![fact("2025-02-20", order("O3", "1"))]),
        ],
    )
    .await;
    let answer = served.usage_as_of("s6", "2025-04-30").await;
    let late: Vec<_> = answer
        .findings
        .iter()
        .filter(|finding| finding.rule == "LATE_REGISTRATION")
        .map(|finding| (finding.days, finding.evidence_positions.clone()))
        .collect();
    assert_eq!(late, [(Some(44), vec![2])]);
    served.stop().await;
}

async fn exposure(served: &Served, as_of: &str, known: &str) -> String {
    let as_known = v1::as_known::AsKnown::Date(known.to_owned());
    let request = v1::GetCeilingUsageRequest {
        agreement_id: "s6".to_owned(),
        as_of: as_of.to_owned(),
        as_known: Some(v1::AsKnown { as_known: Some(as_known) }),
        min_position: None,
    };
    let answer = served.projections().get_ceiling_usage(request).await.unwrap().into_inner();
    answer.usage.unwrap().scopes[0].exposure.clone().unwrap().amount
}

/// Scenario S6: what an older register learned when is asked for at every point of its grid.
#[tokio::test]
async fn an_imported_past_answers_as_it_was_known() {
    let (setting, _clock) = importing("2026-06-01T10:00:00Z");
    let served = Served::with(setting);
    let signing = sign_as(signed("2000000.00", "2025-01-01", "2025-12-31"));
    let place = |recorded: &str, date: &str, id: &str, amount: &str| {
        line(recorded, "s6", vec![fact(date, order(id, amount))])
    };
    import_all(
        &served,
        &[
            line("2025-01-01T09:00:00Z", "s6", vec![signing]),
            place("2025-02-01T09:00:00Z", "2025-02-01", "O1", "800000.00"),
            place("2025-03-10T09:00:00Z", "2025-03-10", "O2", "500000.00"),
            place("2025-04-05T09:00:00Z", "2025-02-20", "O3", "300000.00"),
        ],
    )
    .await;
    let records = served.records().await;
    let Some(v1::record::Entry::Event(second)) = &records[2].entry else { panic!("{records:?}") };
    let corrected = v1::Event {
        corrects_event_id: second.event_id.clone(),
        ..fact("2025-03-10", order("O2b", "50000.00"))
    };
    import_all(
        &served,
        &[line(
            "2025-04-20T09:00:00Z",
            "s6",
            vec![fact("2025-04-20", reverse(&second.event_id)), corrected],
        )],
    )
    .await;
    let grid = [
        ("2025-02-28", ["800000.00", "1100000.00", "1100000.00"]),
        ("2025-03-31", ["1300000.00", "1600000.00", "1150000.00"]),
    ];
    for (as_of, row) in grid {
        for (known, expected) in ["2025-03-31", "2025-04-10", "2025-04-30"].into_iter().zip(row) {
            assert_eq!(exposure(&served, as_of, known).await, expected, "{as_of} as of {known}");
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn the_mode_is_a_setting_of_the_program() {
    let ways =
        [(Some("--import-mode"), "false", true), (None, "true", true), (None, "false", false)];
    for (flag, variable, allowed) in ways {
        let flags: Vec<&str> = flag.into_iter().collect();
        let folder = tempfile::tempdir().unwrap();
        let daemon =
            Daemon::start_with(folder.path(), &flags, &[("LEDGERD_IMPORT_MODE", variable)]);
        let endpoint = tonic::transport::Endpoint::from_shared(daemon.url.clone()).unwrap();
        let mut client = AdminServiceClient::new(endpoint.connect().await.unwrap());
        let lines = [line("2024-01-01T10:00:00Z", "a", vec![sign("1")])];
        match client.import_events(tokio_stream::iter(lines)).await {
            Ok(response) => {
                assert!(allowed, "{flags:?} {variable}");
                let answer = response.into_inner().message().await.unwrap().unwrap();
                assert_eq!(answer.outcome(), v1::ImportOutcome::Accepted);
            }
            Err(status) => {
                assert!(!allowed, "{flags:?} {variable}");
                assert_eq!(told(&status).reason, "IMPORT_NOT_ALLOWED");
            }
        }
        assert!(daemon.end_with("TERM").await.success());
    }
}
