//! AppendEventsStream: each request as by AppendEvents, in its order, whatever becomes of the others.

use std::sync::Arc;
use std::time::Duration;

use contract_ledger::grpc::ServiceLimits;
use contract_ledger::ledger::signing::CheckpointRules;
use contract_ledger::ledger::{LedgerLimits, LedgerRules};
use contract_ledger::log::{Codec, LogOptions};
use contract_ledger::merkle::{KeyName, SignerKey};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::append_events_outcome::Outcome;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Endpoint;
use tonic::{Code, Status, Streaming};

use super::support::events::*;
use super::support::{Accepted, Served, Setting, sign_first, told};

type Answered = (String, Result<Accepted, Status>);

fn message(requests: &[v1::AppendEventsRequest]) -> v1::AppendEventsStreamRequest {
    v1::AppendEventsStreamRequest { requests: requests.to_vec() }
}

/// The status that an error in place stands for.
fn status(error: v1::AppendEventsError) -> Status {
    let v1::AppendEventsError { code, message, details } = error;
    let full = tonic_types::pb::Status { code, message: message.clone(), details };
    Status::with_details(code.into(), message, full.encode_to_vec().into())
}

fn answered(outcome: v1::AppendEventsOutcome) -> Answered {
    let result = match outcome.outcome.unwrap() {
        Outcome::Answer(answer) => Ok(answer),
        Outcome::Error(error) => Err(status(error)),
    };
    (outcome.request_id, result)
}

/// Answers up to the end, and how it ended.
async fn all(
    mut stream: Streaming<v1::AppendEventsStreamResponse>,
) -> (Vec<Answered>, Result<(), Status>) {
    let mut answers = Vec::new();
    loop {
        match stream.message().await {
            Ok(Some(message)) => {
                assert!(!message.outcomes.is_empty(), "a message without an answer");
                answers.extend(message.outcomes.into_iter().map(answered));
            }
            Ok(None) => return (answers, Ok(())),
            Err(status) => return (answers, Err(status)),
        }
    }
}

/// Sends messages, and takes the answer to each of their requests.
async fn append(served: &Served, messages: Vec<v1::AppendEventsStreamRequest>) -> Vec<Answered> {
    let sent = messages.iter().flat_map(|message| &message.requests);
    let ids: Vec<String> = sent.map(|request| request.request_id.clone()).collect();
    let stream = served.ledger().append_events_stream(tokio_stream::iter(messages)).await;
    let (answers, end) = all(stream.unwrap().into_inner()).await;
    end.unwrap();
    let answered: Vec<&String> = answers.iter().map(|(id, _)| id).collect();
    assert_eq!(answered, ids.iter().collect::<Vec<_>>(), "one answer each, in order");
    answers
}

fn place(id: &str, amount: &str) -> v1::AppendEventsRequest {
    request("a", vec![intent("2024-01-01", order(id, amount))])
}

fn code_and_reason(result: &Result<Accepted, Status>) -> (Code, String) {
    match result {
        Ok(_) => (Code::Ok, String::new()),
        Err(status) => (status.code(), told(status).reason),
    }
}

#[tokio::test]
async fn answers_come_in_order_and_no_request_ends_the_stream() {
    let served = Served::start();
    let signing = request("a", vec![sign("100")]);
    let mut malformed = place("O3", "1");
    malformed.events[0].effective_date = "yesterday".to_owned();
    let unnamed = v1::AppendEventsRequest { request_id: "x".to_owned(), ..place("O4", "1") };
    let asking = v1::AppendEventsRequest { validate_only: true, ..place("O5", "100") };
    let repeated = place("O6", "10");
    let contradicting =
        v1::AppendEventsRequest { request_id: repeated.request_id.clone(), ..place("O7", "10") };
    let stale = v1::AppendEventsRequest { expected_version: Some(1), ..place("O8", "1") };
    let unsigned = request("b", vec![intent("2024-01-01", order("O1", "1"))]);
    let answers = append(
        &served,
        vec![
            message(&[signing.clone(), place("O1", "101"), place("O2", "20")]),
            message(&[]),
            message(&[malformed.clone(), unnamed, asking]),
            message(std::slice::from_ref(&repeated)),
            message(&[repeated.clone(), contradicting, stale, unsigned]),
            message(&[place("O9", "70"), place("O10", "1")]),
        ],
    )
    .await;
    let results: Vec<_> = answers.iter().map(|(_, result)| code_and_reason(result)).collect();
    let expected = [
        (Code::Ok, ""),
        (Code::FailedPrecondition, "CEILING_EXCEEDED"),
        (Code::Ok, ""),
        (Code::InvalidArgument, "MALFORMED_DATE"),
        (Code::InvalidArgument, "MALFORMED_ID"),
        // What only asks is judged on top of what came before it.
        (Code::FailedPrecondition, "CEILING_EXCEEDED"),
        (Code::Ok, ""),
        (Code::Ok, ""),
        (Code::AlreadyExists, "DUPLICATE_CONFLICT"),
        (Code::Aborted, "VERSION_CONFLICT"),
        (Code::NotFound, "UNKNOWN_AGREEMENT"),
        (Code::Ok, ""),
        (Code::FailedPrecondition, "CEILING_EXCEEDED"),
    ];
    let results: Vec<_> = results.iter().map(|(code, reason)| (*code, reason.as_str())).collect();
    assert_eq!(results, expected);
    // The details are those of the unary call, down to the fields and figures.
    let refused = told(answers[1].1.as_ref().unwrap_err());
    assert_eq!(refused.excesses(), [("agreement".to_owned(), "1.00".to_owned())]);
    assert_eq!(told(answers[3].1.as_ref().unwrap_err()).fields, ["events[0].effective_date"]);
    // The same id twice in a stream is one event, whether the writer takes both in one batch or not.
    let [first, again] = [6, 7].map(|place| answers[place].1.as_ref().unwrap());
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(&v1::AppendEventsResponse { replayed: false, ..again.clone() }, first);
    // Each says what AppendEvents says to the same request.
    for (place, asked) in [(0, signing), (3, malformed), (6, repeated)] {
        match (&answers[place].1, served.send(asked).await) {
            (Ok(streamed), Ok(unary)) => {
                assert_eq!(streamed, &v1::AppendEventsResponse { replayed: false, ..unary });
            }
            (Err(streamed), Err(unary)) => {
                assert_eq!(streamed.message(), unary.message());
                let (streamed, unary) = (told(streamed), told(&unary));
                assert_eq!((streamed.code, streamed.reason), (unary.code, unary.reason));
                assert_eq!((streamed.metadata, streamed.fields), (unary.metadata, unary.fields));
            }
            (streamed, unary) => panic!("{streamed:?} and {unary:?}"),
        }
    }
    // Recorded: the signature, four orders, and what was refused by a rule and not only asked.
    assert_eq!(served.records().await.len(), 8);
    served.stop().await;
}

#[tokio::test]
async fn answers_share_messages_and_stay_within_their_bounds() {
    let service = ServiceLimits {
        read_records_per_message_max: 3,
        read_bytes_per_message_max: 2048,
        ..ServiceLimits::default()
    };
    let served = Served::with(Setting { service, ..Setting::default() });
    let mut requests = vec![request("a", vec![sign("1000")])];
    requests.extend((0..100).map(|number| place(&format!("O{number}"), "1")));
    let sent = tokio_stream::iter(vec![message(&requests)]);
    let mut stream = served.ledger().append_events_stream(sent).await.unwrap().into_inner();
    let mut answers = 0;
    let mut shared = 0;
    while let Some(message) = stream.message().await.unwrap() {
        let count = message.outcomes.len();
        assert!(count == 1 || (count <= 3 && message.encoded_len() < 2048 + 64), "{count}");
        answers += count;
        shared += usize::from(count > 1);
    }
    assert_eq!(answers, 101);
    assert!(shared > 0, "a hundred answers, and no two at the same time");
    served.stop().await;
}

#[tokio::test]
async fn one_request_on_its_way_and_a_queue_of_one_are_enough_to_get_to_the_end() {
    let service = ServiceLimits { append_stream_in_flight_max: 1, ..ServiceLimits::default() };
    let ledger = LedgerLimits { queue_requests_max: 1, ..LedgerLimits::default() };
    let served = Served::with(Setting { ledger, service, ..Setting::default() });
    let mut requests = vec![request("a", vec![sign("1000")])];
    requests.extend((0..50).map(|number| place(&format!("O{number}"), "1")));
    let answers = append(&served, vec![message(&requests)]).await;
    // A queue that is full keeps the stream waiting; it refuses nothing.
    assert!(answers.iter().all(|(_, result)| result.is_ok()));
    assert_eq!(served.records().await.len(), 51);
    served.stop().await;
}

/// Whoever takes no answers is read no further: what is recorded is what was let in, and not what was
/// sent.
#[tokio::test]
async fn a_client_that_takes_no_answers_is_held_back_and_cut_off() {
    let service = ServiceLimits {
        append_stream_in_flight_max: 8,
        read_records_per_message_max: 1,
        subscriptions_max: 1,
        stream_stall_max: Duration::from_millis(100),
        ..ServiceLimits::default()
    };
    let served = Served::with(Setting { service, ..Setting::default() });
    // Far more answers than the connection's windows and the stream's queue hold together.
    let mut requests = vec![request("a", vec![sign("100000")])];
    requests.extend((0..3000).map(|number| place(&format!("O{number}"), "1")));
    let sent: Vec<_> = requests.chunks(50).map(message).collect();
    let endpoint = Endpoint::from_shared(served.url.clone()).unwrap();
    let channel = endpoint.initial_stream_window_size(65_535).connect_lazy();
    let mut narrow = LedgerServiceClient::new(channel);
    let stream = narrow.append_events_stream(tokio_stream::iter(sent)).await.unwrap().into_inner();
    // Its place is free once it has stalled for too long.
    let none = || tokio_stream::iter(Vec::<v1::AppendEventsStreamRequest>::new());
    while let Err(status) = served.ledger().append_events_stream(none()).await {
        assert_eq!(told(&status).reason, "OVERLOADED");
    }
    let recorded = served.records().await.len();
    assert!(recorded < requests.len(), "everything was read");
    let (answers, end) = all(stream).await;
    let end = told(&end.unwrap_err());
    assert_eq!((end.code, end.reason.as_str()), (Code::Aborted, "STREAM_CUT_OFF"));
    let open = recorded - answers.len();
    assert!(open <= 8, "{recorded} recorded, {} answered", answers.len());
    // What is open is answered when it is sent again.
    let again = requests.get(answers.len()..recorded + 5).unwrap();
    let again = append(&served, vec![message(again)]).await;
    let replayed = again.iter().filter(|(_, result)| result.as_ref().unwrap().replayed).count();
    assert_eq!(replayed, open);
    served.stop().await;
}

#[tokio::test]
async fn streams_of_appends_have_places() {
    let service = ServiceLimits { subscriptions_max: 1, ..ServiceLimits::default() };
    let served = Served::with(Setting { service, ..Setting::default() });
    let (sending, requests) = mpsc::channel(1);
    let first = served.ledger().append_events_stream(ReceiverStream::new(requests)).await.unwrap();
    let mut first = first.into_inner();
    let none = tokio_stream::iter(Vec::<v1::AppendEventsStreamRequest>::new());
    let refused = told(&served.ledger().append_events_stream(none).await.unwrap_err());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::Unavailable, "OVERLOADED"));
    assert!(refused.retry_after);
    sending.send(message(&[request("a", vec![sign("10")])])).await.unwrap();
    assert_eq!(first.message().await.unwrap().unwrap().outcomes.len(), 1);
    drop(sending);
    assert!(first.message().await.unwrap().is_none(), "it ends when everything is answered");
    served.stop().await;
}

#[tokio::test]
async fn a_message_that_is_too_long_ends_the_stream_after_what_came_before_it() {
    let service = ServiceLimits { message_bytes_max: 4096, ..ServiceLimits::default() };
    let served = Served::with(Setting { service, ..Setting::default() });
    let long = v1::OrderPlaced { description: "x".repeat(4000), ..placed("O2", "1") };
    let long = intent("2024-01-01", v1::event::Payload::OrderPlaced(long));
    let sent = vec![
        message(&[request("a", vec![sign("10")]), place("O1", "1")]),
        message(&[request("a", vec![long])]),
        message(&[place("O3", "1")]),
    ];
    let stream = served.ledger().append_events_stream(tokio_stream::iter(sent)).await.unwrap();
    let (answers, end) = all(stream.into_inner()).await;
    assert_eq!(answers.len(), 2);
    let end = told(&end.unwrap_err());
    assert_eq!((end.code, end.reason.as_str()), (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"));
    assert_eq!(served.records().await.len(), 2);
    served.stop().await;
}

#[tokio::test]
async fn receipts_come_with_the_answers_that_asked_for_them() {
    let served = Served::start();
    let wanting = |request| v1::AppendEventsRequest { want_receipts: true, ..request };
    let answers = append(
        &served,
        vec![message(&[wanting(request("a", vec![sign("10")])), request("b", vec![sign("1")])])],
    )
    .await;
    // Without a key nothing is recorded of it, and the stream goes on.
    assert_eq!(code_and_reason(&answers[0].1).0, Code::FailedPrecondition);
    assert!(answers[1].1.is_ok());
    assert_eq!(served.records().await.len(), 1);
    let folder = served.stop().await;
    let key = SignerKey::from_seed(KeyName::parse("ledger.example.no/a").unwrap(), &[1; 32]);
    let newest = folder.path().join("newest.checkpoint");
    let rules = CheckpointRules::new(None, vec![key], Vec::new(), newest).unwrap();
    let rules = LedgerRules { checkpoints: Some(Arc::new(rules)), ..LedgerRules::default() };
    sign_first(folder.path(), &rules).unwrap();
    let served = Served::on(folder, Setting { rules, ..Setting::default() });
    let asking = v1::AppendEventsRequest { validate_only: true, ..wanting(place("O1", "1")) };
    let pair = intent("2024-01-01", order("O2", "1"));
    let pair = request("a", vec![pair, intent("2024-01-01", order("O3", "1"))]);
    let asked = [
        wanting(request("a", vec![sign("10")])),
        place("O4", "1"),
        asking,
        wanting(place("O5", "100")),
        wanting(pair),
    ];
    let answers = append(&served, vec![message(&asked)]).await;
    let receipts: Vec<Vec<bool>> = answers
        .iter()
        .map(|(_, result)| {
            let events = result.as_ref().map(|answer| answer.events.clone()).unwrap_or_default();
            events.iter().map(|event| event.receipt.starts_with("c2sp.org/tlog-proof")).collect()
        })
        .collect();
    assert_eq!(receipts, [vec![true], vec![false], vec![false], vec![], vec![true, true]]);
    assert!(
        answers
            .iter()
            .filter_map(|(_, result)| result.as_ref().ok())
            .all(|answer| answer.receipts_missing.is_empty())
    );
    served.stop().await;
}

#[tokio::test]
async fn a_stream_that_the_server_stops_has_answered_what_it_took_in() {
    let served = Served::start();
    let (sending, requests) = mpsc::channel(1);
    sending.send(message(&[request("a", vec![sign("300")])])).await.unwrap();
    let stream = served.ledger().append_events_stream(ReceiverStream::new(requests)).await;
    let mut stream = stream.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().unwrap().outcomes.len(), 1);
    let listening = tokio::spawn(all(stream));
    let many: Vec<_> = (0..200).map(|number| place(&format!("O{number}"), "1")).collect();
    sending.send(message(&many)).await.unwrap();
    let folder = served.stop().await;
    let (answers, end) = listening.await.unwrap();
    let end = told(&end.unwrap_err());
    assert_eq!((end.code, end.reason.as_str()), (Code::Unavailable, "SERVER_STOPPING"));
    assert!(end.retry_after);
    drop(sending);
    // Nothing is recorded that was not answered, and the rest is simply new.
    let served = Served::on(folder, Setting::default());
    assert_eq!(served.records().await.len(), 1 + answers.len());
    let again = append(&served, vec![message(&many)]).await;
    let replayed = again.iter().filter(|(_, result)| result.as_ref().unwrap().replayed).count();
    assert_eq!(replayed, answers.len());
    served.stop().await;
}

/// The archive goes away under the ledger: the next segment cannot be begun.
#[tokio::test]
async fn a_writer_that_stops_is_told_in_the_place_of_each_request() {
    let log = |options: &mut LogOptions| {
        options.archive.as_mut().unwrap().segment_bytes_max = 4096;
        options.codec = Codec::None;
    };
    let served = Served::with(Setting { log, ..Setting::default() });
    let bulky = |id: &str| {
        let order = v1::OrderPlaced { description: "x".repeat(4000), ..placed(id, "1") };
        request("a", vec![intent("2024-01-01", v1::event::Payload::OrderPlaced(order))])
    };
    served.append("a", sign("100000")).await.unwrap();
    served.send(bulky("O1")).await.unwrap();
    std::fs::remove_dir_all(served.folder.path().join("archive")).unwrap();
    let asked: Vec<_> = (2..40).map(|number| bulky(&format!("O{number}"))).collect();
    let answers =
        append(&served, asked.iter().map(|one| message(std::slice::from_ref(one))).collect()).await;
    let results: Vec<_> = answers.iter().map(|(_, result)| code_and_reason(result)).collect();
    assert_eq!(results[0], (Code::Unknown, "OUTCOME_UNKNOWN".to_owned()));
    // Those of the same batch do not know either; those after it were not recorded.
    let open = results.iter().take_while(|(code, _)| *code == Code::Unknown).count();
    let later = &results[open..];
    assert!(
        later.iter().all(|told| *told == (Code::Unavailable, "WRITER_STOPPED".to_owned())),
        "{results:?}"
    );
    let (_, last) = append(&served, vec![message(&[bulky("O99")])]).await.remove(0);
    assert_eq!(code_and_reason(&last).1, "WRITER_STOPPED");
    served.end().await;
}

/// Two streams and calls one by one, at the same ceiling: the last krone is spent once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_and_calls_share_one_ceiling() {
    let served = Arc::new(Served::start());
    served.append("a", sign("100")).await.unwrap();
    let tasks: Vec<_> = (0..3)
        .map(|name| {
            let served = Arc::clone(&served);
            tokio::spawn(async move {
                let asked: Vec<_> =
                    (0..60).map(|number| place(&format!("O{name}-{number}"), "1")).collect();
                if name == 0 {
                    let mut accepted = 0;
                    for one in asked {
                        accepted += usize::from(served.send(one).await.is_ok());
                    }
                    return accepted;
                }
                let answers = append(&served, vec![message(&asked)]).await;
                answers.iter().filter(|(_, result)| result.is_ok()).count()
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await.unwrap();
    }
    assert_eq!(accepted, 100);
    Arc::into_inner(served).unwrap().stop().await;
}
