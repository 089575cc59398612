//! The loop of `append` against a sender made of a closure.

use super::*;
use crate::lines::LINE_BYTES_MAX;

/// What a run left behind.
struct Run {
    answers: Vec<serde_json::Value>,
    sent: Vec<String>,
    waits: Vec<Duration>,
    end: Result<Tally, AppendStopped>,
}

/// Plays an input; the sender is told the agreement and how often it was called.
async fn run(
    input: &[u8],
    mut sender: impl FnMut(&str, usize) -> Result<AppendEventsResponse, Box<Failure>>,
) -> Run {
    let (mut answers, mut sent, mut waits) = (Vec::new(), Vec::new(), Vec::new());
    let end = append_lines(
        &mut io::BufReader::with_capacity(7, input),
        &mut async |request: AppendEventsRequest| {
            sent.push(request.request_id);
            sender(&request.agreement_id, sent.len())
        },
        &mut async |pause| waits.push(pause),
        &mut |answer| {
            answers.push(serde_json::from_str(&answer.json())?);
            Ok(())
        },
    )
    .await;
    Run { answers, sent, waits, end }
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
    let mut sent = 0_u32;
    let input = [LINE, b"\n", LINE].concat();
    let end = append_lines(
        &mut input.as_slice(),
        &mut async |_| {
            sent += 1;
            Ok(accepted())
        },
        &mut async |_| {},
        &mut |_| Err(io::Error::from(io::ErrorKind::BrokenPipe)),
    )
    .await;
    assert_eq!(sent, 1);
    assert!(end.is_err());
}
