//! The loop of `append` against a ledger made of a closure.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;

use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;
use crate::append::next_input;
use crate::lines::{LINE_BYTES_MAX, Lines};

/// Far longer than a machine under load needs.
const HANGS_AFTER: Duration = Duration::from_mins(1);

type Said = Result<AppendEventsResponse, Box<Failure>>;

/// A ledger that says what a closure says, and remembers what it was asked.
struct Closure<F> {
    say: Rc<RefCell<F>>,
    sent: Rc<RefCell<Vec<String>>>,
}

impl<F: FnMut(&str, usize) -> Said + 'static> Appender for Closure<F> {
    type Answers = Pin<Box<dyn Stream<Item = Result<AppendEventsStreamResponse, Status>>>>;

    async fn open(
        &mut self,
        requests: mpsc::Receiver<AppendEventsStreamRequest>,
    ) -> Result<Self::Answers, Status> {
        let (say, sent) = (Rc::clone(&self.say), Rc::clone(&self.sent));
        let requests = ReceiverStream::new(requests);
        Ok(Box::pin(requests.map(move |message| {
            let [request] = message.requests.try_into().expect("one request a message");
            let AppendEventsRequest { request_id, agreement_id, .. } = request;
            sent.borrow_mut().push(request_id.clone());
            let count = sent.borrow().len();
            let outcome = match (say.borrow_mut())(&agreement_id, count) {
                Ok(response) => Outcome::Answer(response),
                Err(failure) if failure.unanswered => {
                    return Err(Status::from_error(Box::new(io::Error::other("gone"))));
                }
                Err(failure) => Outcome::Error(error(&failure)),
            };
            let outcome = AppendEventsOutcome { request_id, outcome: Some(outcome) };
            Ok(AppendEventsStreamResponse { outcomes: vec![outcome] })
        })))
    }
}

fn error(failure: &Failure) -> AppendEventsError {
    let code = match failure.code {
        "UNAVAILABLE" => Code::Unavailable,
        _ => Code::FailedPrecondition,
    };
    let mut details = ErrorDetails::new();
    details.set_error_info(failure.reason.clone(), failure.domain.clone(), HashMap::new());
    if let Some(pause) = failure.retry_after {
        details.set_retry_info(Some(pause));
    }
    let status = Status::with_error_details(code, "said", details);
    let full = tonic_types::pb::Status::decode(status.details()).unwrap();
    AppendEventsError { code: code.into(), message: "said".to_owned(), details: full.details }
}

/// What a run left behind.
struct Run {
    answers: Vec<serde_json::Value>,
    sent: Vec<String>,
    waits: Vec<Duration>,
    end: Result<Tally, AppendStopped>,
}

/// Everything that is read of an input, through a channel that is long enough.
fn inputs(input: &[u8]) -> mpsc::Receiver<Input> {
    let (sender, inputs) = mpsc::channel(2 * IN_FLIGHT_MAX);
    let mut lines = Lines::new(io::BufReader::with_capacity(7, input));
    while let Some(input) = next_input(&mut lines) {
        sender.try_send(input).unwrap();
    }
    inputs
}

/// Plays an input; the ledger is told the agreement and how many requests it was sent.
async fn run(input: &[u8], say: impl FnMut(&str, usize) -> Said + 'static) -> Run {
    run_with(input, say, |_| Ok(())).await
}

async fn run_with(
    input: &[u8],
    say: impl FnMut(&str, usize) -> Said + 'static,
    mut write: impl FnMut(&LineAnswer) -> io::Result<()>,
) -> Run {
    let (mut answers, mut waits) = (Vec::new(), Vec::new());
    let sent = Rc::default();
    let mut ledger = Closure { say: Rc::new(RefCell::new(say)), sent: Rc::clone(&sent) };
    let end = append_lines(
        &mut inputs(input),
        &mut ledger,
        HANGS_AFTER,
        &mut async |pause| waits.push(pause),
        &mut |answer| {
            answers.push(serde_json::from_str(&answer.json())?);
            write(answer)
        },
    )
    .await;
    Run { answers, sent: sent.take(), waits, end }
}

fn accepted() -> AppendEventsResponse {
    AppendEventsResponse { agreement_version: 1, ..Default::default() }
}

fn refused() -> Box<Failure> {
    Box::new(Failure {
        code: "FAILED_PRECONDITION",
        reason: "CEILING_EXCEEDED".to_owned(),
        domain: "contractledger.v1".to_owned(),
        ..Failure::default()
    })
}

fn overloaded(pause_ms: u64) -> Box<Failure> {
    Box::new(Failure {
        code: "UNAVAILABLE",
        reason: "OVERLOADED".to_owned(),
        retry_after: Some(Duration::from_millis(pause_ms)),
        ..Failure::default()
    })
}

fn unanswered() -> Box<Failure> {
    Box::new(Failure { code: "UNAVAILABLE", unanswered: true, ..Failure::default() })
}

const LINE: &[u8] = br#"{"requestId":"r1","agreementId":"A"}"#;

#[tokio::test]
async fn every_line_is_answered_in_order_and_a_refusal_stops_nothing() {
    let input = concat!(
        "\u{feff}{\"requestId\":\"r1\",\"agreementId\":\"A\"}\r\n",
        "\n",
        "   \n",
        "{\"request_id\":\"r2\",\"agreement_id\":\"refuse\"}\n",
        "not json\n",
        "{\"surprise\":1}\n",
        "{\"requestId\":\"r3\"} trailing\n",
        "{\"requestId\":\"r4\",\"agreementId\":\"A\"}",
    );
    let run = run(input.as_bytes(), |agreement, _| match agreement {
        "refuse" => Err(refused()),
        _ => Ok(accepted()),
    })
    .await;
    assert_eq!(run.sent, ["r1", "r2", "r4"]);
    assert_eq!(run.end.unwrap(), Tally { accepted: 2, failed: 4 });
    let told: Vec<(u64, bool, &str)> = run
        .answers
        .iter()
        .map(|answer| {
            (
                answer["line"].as_u64().unwrap(),
                answer["ok"].as_bool().unwrap(),
                answer["reason"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, true, ""),
            (4, false, "CEILING_EXCEEDED"),
            (5, false, "MALFORMED_JSON"),
            (6, false, "MALFORMED_JSON"),
            (7, false, "MALFORMED_JSON"),
            (8, true, ""),
        ]
    );
    assert_eq!(run.answers[0]["response"]["agreementVersion"], "1");
    assert_eq!(run.answers[2]["domain"], "ledgerctl");
    assert!(run.waits.is_empty());
}

#[tokio::test]
async fn overload_is_retried_with_the_same_request_after_the_time_it_names() {
    let run = run(LINE, |_, sends| match sends {
        1 => Err(overloaded(250)),
        2 => Err(overloaded(3_600_000)),
        _ => Ok(accepted()),
    })
    .await;
    assert_eq!(run.sent, ["r1", "r1", "r1"]);
    assert_eq!(run.waits, [Duration::from_millis(250), Duration::from_millis(RETRY_WAIT_MS_MAX)]);
    assert_eq!(run.end.unwrap().accepted, 1);
}

#[tokio::test]
async fn overload_that_does_not_end_is_reported_after_the_last_attempt() {
    let run = run(LINE, |_, _| Err(overloaded(1))).await;
    assert_eq!(run.sent.len(), usize::try_from(SENDS_MAX).unwrap());
    assert_eq!(run.answers[0]["reason"], "OVERLOADED");
    assert_eq!(run.end.unwrap().failed, 1);
}

#[tokio::test]
async fn unavailable_without_a_time_is_final() {
    let run =
        run(LINE, |_, _| Err(Box::new(Failure { retry_after: None, ..*overloaded(0) }))).await;
    assert_eq!(run.sent.len(), 1);
}

#[tokio::test]
async fn lost_connection_is_retried_and_then_ends_the_run() {
    let input = [LINE, b"\n", LINE].concat();
    let run = run(&input, |_, _| Err(unanswered())).await;
    assert_eq!(run.sent.len(), usize::try_from(SENDS_MAX).unwrap());
    assert_eq!(run.answers.len(), 1);
    let stopped = run.end.unwrap_err();
    assert!(stopped.to_string().starts_with("nobody answered line 1"), "{stopped}");
}

#[tokio::test]
async fn line_that_is_too_long_or_not_text_is_reported_and_passed_over() {
    let mut input = vec![b'x'; LINE_BYTES_MAX * 2 + 3];
    input.extend_from_slice(b"\n\xff\xfe\n");
    input.extend_from_slice(LINE);
    let run = run(&input, |_, _| Ok(accepted())).await;
    let messages: Vec<&str> =
        run.answers.iter().map(|answer| answer["message"].as_str().unwrap_or("accepted")).collect();
    assert_eq!(
        messages,
        ["the line is longer than 8388608 bytes", "the line is not UTF-8", "accepted"]
    );
    assert_eq!(run.answers[2]["line"], 3);
}

#[tokio::test]
async fn closed_output_stops_the_run() {
    let input = [LINE, b"\n", LINE].concat();
    let broken = |_: &LineAnswer| Err(io::Error::from(io::ErrorKind::BrokenPipe));
    let run = run_with(&input, |_, _| Ok(accepted()), broken).await;
    assert_eq!(run.sent.len(), 1);
    assert!(run.end.is_err());
}

fn numbered(lines: usize) -> Vec<u8> {
    let line = |number: usize| format!("{{\"requestId\":\"r{number}\",\"agreementId\":\"A\"}}\n");
    (0..lines).map(line).collect::<String>().into_bytes()
}

#[tokio::test]
async fn a_stream_that_breaks_goes_on_with_the_lines_that_have_no_answer() {
    let run = run(&numbered(1000), |_, count| match count {
        3 | 700 => Err(unanswered()),
        500 => Err(overloaded(7)),
        _ => Ok(accepted()),
    })
    .await;
    assert_eq!(run.end.unwrap(), Tally { accepted: 1000, failed: 0 });
    let lines: Vec<u64> = run.answers.iter().map(|one| one["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, (1..=1000).collect::<Vec<u64>>());
    assert_eq!(run.sent.len(), 1003, "each break sends one line again, and no line before it");
    let pauses = [UNANSWERED_WAIT_MS, 7, UNANSWERED_WAIT_MS].map(Duration::from_millis);
    assert_eq!(run.waits, pauses);
}

#[tokio::test]
async fn a_line_that_is_given_up_does_not_stop_those_after_it() {
    let run = run(&numbered(3), |_, count| match count {
        2..=7 => Err(overloaded(1)),
        _ => Ok(accepted()),
    })
    .await;
    assert_eq!(run.end.unwrap(), Tally { accepted: 2, failed: 1 });
    assert_eq!(run.answers[1]["reason"], "OVERLOADED");
    assert_eq!(run.sent, ["r0", "r1", "r1", "r1", "r1", "r1", "r1", "r2"]);
}

/// What one stream says, each after so many more requests have come.
type Script = Vec<(usize, Result<AppendEventsStreamResponse, Status>)>;

/// Streams that say what is written for each.
struct Scripted(Vec<Script>);

impl Appender for Scripted {
    type Answers = ReceiverStream<Result<AppendEventsStreamResponse, Status>>;

    async fn open(
        &mut self,
        mut requests: mpsc::Receiver<AppendEventsStreamRequest>,
    ) -> Result<Self::Answers, Status> {
        let script = self.0.remove(0);
        let (sender, answers) = mpsc::channel(1);
        tokio::spawn(async move {
            for (awaited, answer) in script {
                for _ in 0..awaited {
                    requests.recv().await.unwrap();
                }
                sender.send(answer).await.unwrap();
            }
        });
        Ok(ReceiverStream::new(answers))
    }
}

fn answers_to(ids: &[&str]) -> AppendEventsStreamResponse {
    let outcome = |id: &&str| AppendEventsOutcome {
        request_id: (*id).to_owned(),
        outcome: Some(Outcome::Answer(accepted())),
    };
    AppendEventsStreamResponse { outcomes: ids.iter().map(outcome).collect() }
}

async fn play(streams: Vec<Script>) -> Run {
    play_over(&numbered(3), streams).await
}

async fn play_over(input: &[u8], streams: Vec<Script>) -> Run {
    let (mut answers, mut waits) = (Vec::new(), Vec::new());
    let end = append_lines(
        &mut inputs(input),
        &mut Scripted(streams),
        HANGS_AFTER,
        &mut async |pause| waits.push(pause),
        &mut |answer| {
            answers.push(serde_json::from_str(&answer.json())?);
            Ok(())
        },
    )
    .await;
    Run { answers, sent: Vec::new(), waits, end }
}

fn status(code: Code, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, "contractledger.v1", HashMap::new());
    Status::with_error_details(code, "said", details)
}

#[tokio::test]
async fn a_stream_that_is_cut_off_is_opened_again_at_once() {
    let cut_off = status(Code::Aborted, "STREAM_CUT_OFF");
    let first = vec![(1, Ok(answers_to(&["r0"]))), (1, Err(cut_off))];
    let run = play(vec![first, vec![(2, Ok(answers_to(&["r1", "r2"])))]]).await;
    assert_eq!(run.end.unwrap().accepted, 3);
    assert_eq!(run.waits, [Duration::ZERO]);
}

#[tokio::test]
async fn a_line_that_ends_the_stream_fails_alone() {
    let too_long = status(Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    let first = vec![(1, Ok(answers_to(&["r0"]))), (1, Err(too_long))];
    let run = play(vec![first, vec![(1, Ok(answers_to(&["r2"])))]]).await;
    assert_eq!(run.end.unwrap(), Tally { accepted: 2, failed: 1 });
    assert_eq!(run.answers[1]["reason"], "MESSAGE_TOO_LARGE");
    assert!(run.waits.is_empty());
}

#[tokio::test]
async fn a_line_that_is_no_request_is_answered_between_answers_that_share_a_message() {
    let input = [&numbered(1)[..], b"nonsense\n", LINE].concat();
    let run = play_over(&input, vec![vec![(2, Ok(answers_to(&["r0", "r1"])))]]).await;
    assert_eq!(run.end.unwrap(), Tally { accepted: 2, failed: 1 });
    let lines: Vec<u64> = run.answers.iter().map(|one| one["line"].as_u64().unwrap()).collect();
    assert_eq!((lines, run.answers[1]["ok"].as_bool()), (vec![1, 2, 3], Some(false)));
}

#[tokio::test]
async fn an_answer_to_another_request_stops_the_run() {
    let run = play(vec![vec![(2, Ok(answers_to(&["r0", "r2"])))]]).await;
    let stopped = run.end.unwrap_err();
    assert!(stopped.to_string().contains("line 2"), "{stopped}");
    assert_eq!(run.answers.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_silent_is_asked_again_and_then_given_up() {
    struct Silent(u32);
    impl Appender for Silent {
        type Answers = tokio_stream::Pending<Result<AppendEventsStreamResponse, Status>>;
        async fn open(
            &mut self,
            _: mpsc::Receiver<AppendEventsStreamRequest>,
        ) -> Result<Self::Answers, Status> {
            self.0 += 1;
            Ok(tokio_stream::pending())
        }
    }
    let mut silent = Silent(0);
    let mut told = 0;
    let end = append_lines(
        &mut inputs(&numbered(3)),
        &mut silent,
        Duration::ZERO,
        &mut async |_| {},
        &mut |_| {
            told += 1;
            Ok(())
        },
    )
    .await;
    assert!(matches!(end, Err(AppendStopped::Unanswered { line: 1 })), "{end:?}");
    assert_eq!((silent.0, told), (SENDS_MAX, 1));
}
