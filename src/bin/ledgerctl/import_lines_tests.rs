//! The loop of `import` against a ledger made of a closure.

use std::pin::Pin;

use contract_ledger::wire::v1::AppendEventsRequest;
use tokio_stream::wrappers::ReceiverStream;

use super::*;

/// A ledger that answers by request id, and may end a stream at one.
struct Played<F> {
    answer: F,
    opened: usize,
    /// Request ids in the order in which they came, stream by stream.
    seen: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl<F> Importer for Played<F>
where
    F: FnMut(&str) -> Result<ImportEventsResponse, Status> + Clone + Send + 'static,
{
    type Answers = Pin<Box<dyn Stream<Item = Result<ImportEventsResponse, Status>> + Send>>;

    async fn open(
        &mut self,
        requests: mpsc::Receiver<ImportEventsRequest>,
    ) -> Result<Self::Answers, Status> {
        self.opened += 1;
        let (mut answer, seen) = (self.answer.clone(), std::sync::Arc::clone(&self.seen));
        let mut ended = false;
        let answers = ReceiverStream::new(requests).map_while(move |request| {
            let id = request.append.unwrap().request_id;
            seen.lock().unwrap().push(id.clone());
            let answer = (!ended).then(|| answer(&id));
            ended |= answer.as_ref().is_some_and(Result::is_err);
            answer
        });
        Ok(Box::pin(answers))
    }
}

struct Run {
    tally: Tally,
    end: Result<(), Stopped>,
    answered: Vec<u64>,
    waits: usize,
    opened: usize,
    seen: Vec<String>,
}

fn request(id: &str) -> ImportEventsRequest {
    let append = AppendEventsRequest { request_id: id.to_owned(), ..Default::default() };
    ImportEventsRequest { append: Some(append), recorded_time: None }
}

fn lines(count: u64) -> Vec<Input> {
    let line = |number: u64| Line {
        number,
        bytes_read: number * 10,
        request: request(&format!("r{number}")),
    };
    (1..=count).map(|number| Input::Request(line(number))).collect()
}

fn response(id: &str, outcome: ImportOutcome) -> ImportEventsResponse {
    ImportEventsResponse {
        request_id: id.to_owned(),
        outcome: i32::from(outcome),
        ..Default::default()
    }
}

fn accepted(id: &str) -> ImportEventsResponse {
    response(id, ImportOutcome::Accepted)
}

async fn run<F>(inputs: Vec<Input>, answer: F) -> Run
where
    F: FnMut(&str) -> Result<ImportEventsResponse, Status> + Clone + Send + 'static,
{
    let (sender, mut receiver) = mpsc::channel(2);
    let feeding = tokio::spawn(async move {
        for input in inputs {
            if sender.send(input).await.is_err() {
                break;
            }
        }
    });
    let mut importer = Played { answer, opened: 0, seen: std::sync::Arc::default() };
    let (mut tally, mut answered, mut waits) = (Tally::default(), Vec::new(), 0);
    let end = import_lines(
        &mut receiver,
        &mut importer,
        &mut async |_| waits += 1,
        &mut tally,
        &mut |line: &Line, _: &ImportEventsResponse| {
            answered.push(line.number);
            Ok(())
        },
    )
    .await;
    drop(receiver);
    feeding.await.unwrap();
    let seen = importer.seen.lock().unwrap().clone();
    Run { tally, end, answered, waits, opened: importer.opened, seen }
}

#[tokio::test]
async fn more_lines_than_fit_on_the_way_are_all_answered_in_order() {
    let count = u64::try_from(IN_FLIGHT_MAX).unwrap() * 2 + 3;
    let run = run(lines(count), |id: &str| Ok(accepted(id))).await;
    assert!(run.end.is_ok(), "{:?}", run.end);
    assert_eq!(run.tally, Tally { accepted: count, ..Tally::default() });
    assert_eq!(run.answered, (1..=count).collect::<Vec<_>>());
    assert_eq!((run.opened, run.waits), (1, 0));
}

#[tokio::test]
async fn refused_and_replayed_lines_are_counted_and_the_first_are_named() {
    let run = run(lines(14), |id: &str| {
        let mut response = response(id, ImportOutcome::Refused);
        response.reasons = vec!["AGREEMENT_EXPIRED".to_owned(), "CEILING_EXCEEDED".to_owned()];
        response.replayed = id == "r3";
        Ok(response)
    })
    .await;
    assert!(run.end.is_ok());
    assert_eq!((run.tally.accepted, run.tally.refused, run.tally.replayed), (0, 14, 1));
    assert_eq!(run.tally.refusals.len(), REFUSALS_TOLD_MAX);
    assert_eq!(run.tally.refusals[0], (1, "AGREEMENT_EXPIRED, CEILING_EXCEEDED".to_owned()));
}

#[tokio::test]
async fn line_that_is_no_request_ends_the_import_after_the_lines_before_it() {
    let mut inputs = lines(2);
    inputs.push(Input::Malformed { line: 3, message: "no JSON".to_owned() });
    let run = run(inputs, |id: &str| Ok(accepted(id))).await;
    assert!(matches!(run.end, Err(Stopped::Malformed { line: 3, .. })), "{:?}", run.end);
    assert_eq!(run.answered, [1, 2]);
    let first = vec![Input::Malformed { line: 1, message: "no JSON".to_owned() }];
    let run = self::run(first, |id: &str| Ok(accepted(id))).await;
    assert!(matches!(run.end, Err(Stopped::Malformed { line: 1, .. })));
    assert_eq!(run.opened, 0);
}

#[tokio::test]
async fn line_that_the_ledger_cannot_consider_is_named() {
    let run = run(lines(9), |id: &str| match id {
        "r4" => Err(Status::invalid_argument("the recorded time is in the future")),
        id => Ok(accepted(id)),
    })
    .await;
    let Err(Stopped::AtLine { line: 4, failure }) = &run.end else {
        panic!("it stops at line 4: {:?}", run.end);
    };
    assert_eq!(failure.code, "INVALID_ARGUMENT");
    assert_eq!((run.answered.as_slice(), run.waits), ([1, 2, 3].as_slice(), 0));
}

#[tokio::test]
async fn lines_without_an_answer_are_sent_again_when_the_stream_breaks() {
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let run = run(lines(5), move |id: &str| {
        let first = id == "r3" && !broken.swap(true, std::sync::atomic::Ordering::Relaxed);
        if first { Err(unreachable()) } else { Ok(accepted(id)) }
    })
    .await;
    assert!(run.end.is_ok(), "{:?}", run.end);
    assert_eq!(run.answered, [1, 2, 3, 4, 5]);
    assert_eq!((run.opened, run.waits), (2, 1));
    assert_eq!(run.seen.iter().filter(|id| *id == "r2").count(), 1);
}

#[tokio::test]
async fn ledger_that_answers_no_more_is_given_up() {
    let run = run(lines(2), |_: &str| Err(unreachable())).await;
    assert!(matches!(run.end, Err(Stopped::AtLine { line: 1, .. })), "{:?}", run.end);
    assert_eq!(run.opened, usize::try_from(SENDS_MAX).unwrap());
}

#[tokio::test]
async fn answer_to_another_request_stops_the_import() {
    let run = run(lines(2), |_: &str| Ok(accepted("r2"))).await;
    assert!(matches!(run.end, Err(Stopped::OutOfOrder { line: 1 })), "{:?}", run.end);
}

/// As a connection that broke.
fn unreachable() -> Status {
    Status::from_error(Box::new(io::Error::from(io::ErrorKind::ConnectionReset)))
}
