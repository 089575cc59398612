//! `append`, `import` and `subscribe` through a real connection, against services that break on purpose.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser as _;
use contract_ledger::backup::BlockHash;
use contract_ledger::block::Codec;
use contract_ledger::wire::stored::{
    ReadEventsAnswer, StoredRecords, SubscribeEventsAnswer, SubscriptionMessage as Message,
};
use contract_ledger::wire::v1::admin_service_server::{AdminService, AdminServiceServer};
use contract_ledger::wire::v1::ledger_service_server::{LedgerService, LedgerServiceServer};
use contract_ledger::wire::{record, v1};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::arguments::{Arguments, Command};
use crate::client::ServerAddress;
use crate::outcome::{CommandError, EXIT_DONE, EXIT_FAILED};
use crate::table::Look;
use crate::{append, backup, import, subscribe, verify};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Says what it was asked, and breaks the first stream of each kind half-way.
#[derive(Clone, Default)]
struct Breaking {
    asked: Arc<Mutex<Vec<String>>>,
}

impl Breaking {
    /// Notes what was asked; true for the first of its kind.
    fn note(&self, kind: &str, what: &str) -> bool {
        let mut asked = self.asked.lock().unwrap();
        let first = !asked.iter().any(|earlier| earlier.starts_with(kind));
        asked.push(format!("{kind} {what}"));
        first
    }
}

#[tonic::async_trait]
impl AdminService for Breaking {
    type ImportEventsStream = Answers<v1::ImportEventsResponse>;
    type VerifyLogStream = Answers<v1::VerifyLogResponse>;
    type ReadBlocksStream = Answers<v1::ReadBlocksResponse>;

    /// Some progress and then the end, as if it were cut short without a word.
    async fn verify_log(
        &self,
        _: Request<v1::VerifyLogRequest>,
    ) -> Result<Response<Self::VerifyLogStream>, Status> {
        let progress = v1::verify_log_response::Message::Progress(v1::VerifyLogProgress::default());
        let message = v1::VerifyLogResponse { message: Some(progress) };
        Ok(Response::new(Box::pin(tokio_stream::once(Ok(message)))))
    }

    /// Two blocks of three; then the first stream breaks, and the second sends a damaged third one, and
    /// later ones the right one.
    async fn read_blocks(
        &self,
        request: Request<v1::ReadBlocksRequest>,
    ) -> Result<Response<Self::ReadBlocksStream>, Status> {
        let from = request.into_inner().from_position;
        let breaks = self.note("blocks", &from.to_string());
        let is_second = self.asked.lock().unwrap().len() == 2;
        let blocks = three_blocks();
        let message = |blocks| v1::ReadBlocksResponse {
            blocks,
            captured_record_count: 3,
            captured_block_hash: BlockHash::of(&three_blocks()[2]).as_bytes().to_vec(),
        };
        let rest: Vec<Vec<u8>> = blocks.into_iter().skip(usize::try_from(from).unwrap()).collect();
        let parts = if breaks {
            vec![Ok(message(rest[..2].to_vec())), Err(stopping())]
        } else if is_second {
            let mut damaged = rest;
            damaged[0][60] ^= 1;
            vec![Ok(message(damaged))]
        } else {
            vec![Ok(message(rest))]
        };
        Ok(Response::new(Box::pin(tokio_stream::iter(parts))))
    }

    /// Looks at the first request before it answers at all, as a server may.
    async fn import_events(
        &self,
        request: Request<Streaming<v1::ImportEventsRequest>>,
    ) -> Result<Response<Self::ImportEventsStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.unwrap();
        let id = |request: &v1::ImportEventsRequest| {
            request.append.as_ref().map(|append| append.request_id.clone()).unwrap_or_default()
        };
        let breaks = self.note("import", &id(&first));
        let requests = tokio_stream::once(Ok(first)).chain(requests);
        let answers = requests.map(move |request| {
            let request_id = id(&request?);
            match request_id.as_str() {
                "r3" if breaks => Err(stopping()),
                "r9" => Err(Status::invalid_argument("the recorded time is in the future")),
                "r4" => Ok(v1::ImportEventsResponse {
                    outcome: i32::from(v1::ImportOutcome::Refused),
                    reasons: vec!["CEILING_EXCEEDED".to_owned()],
                    request_id,
                    ..Default::default()
                }),
                _ => Ok(v1::ImportEventsResponse {
                    outcome: i32::from(v1::ImportOutcome::Accepted),
                    request_id,
                    ..Default::default()
                }),
            }
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

#[tonic::async_trait]
impl LedgerService for Breaking {
    type ReadEventsStream = Answers<ReadEventsAnswer>;
    type SubscribeEventsStream = Answers<SubscribeEventsAnswer>;

    async fn append_events(
        &self,
        _: Request<v1::AppendEventsRequest>,
    ) -> Result<Response<v1::AppendEventsResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    type AppendEventsStreamStream = Answers<v1::AppendEventsStreamResponse>;

    /// Breaks the first stream at its third request.
    async fn append_events_stream(
        &self,
        request: Request<Streaming<v1::AppendEventsStreamRequest>>,
    ) -> Result<Response<Self::AppendEventsStreamStream>, Status> {
        let mut requests = request.into_inner();
        let first = requests.message().await?.unwrap();
        let id = |message: &v1::AppendEventsStreamRequest| message.requests[0].request_id.clone();
        let breaks = self.note("append", &id(&first));
        let messages = tokio_stream::once(Ok(first)).chain(requests);
        let answers = messages.map(move |message| {
            let request_id = id(&message?);
            if request_id == "r3" && breaks {
                return Err(stopping());
            }
            let answer = v1::AppendEventsResponse { agreement_version: 1, ..Default::default() };
            let outcome = Some(v1::append_events_outcome::Outcome::Answer(answer));
            let outcomes = vec![v1::AppendEventsOutcome { request_id, outcome }];
            Ok(v1::AppendEventsStreamResponse { outcomes })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn read_events(
        &self,
        _: Request<v1::ReadEventsRequest>,
    ) -> Result<Response<Self::ReadEventsStream>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    /// Two records from where it is asked; then the first stream breaks and the second is caught up.
    async fn subscribe_events(
        &self,
        request: Request<v1::SubscribeEventsRequest>,
    ) -> Result<Response<Self::SubscribeEventsStream>, Status> {
        let from = request.into_inner().from_position.unwrap();
        let breaks = self.note("subscribe", &from.to_string());
        let message = |message, resume_position| SubscribeEventsAnswer {
            message: Some(message),
            resume_position,
            record_count: 11,
        };
        let stored = |position| record::encode(&v1::Record { position, ..Default::default() });
        let records = StoredRecords { records: vec![stored(from), stored(from + 1)] };
        let end = if breaks {
            Err(Status::aborted("cut off"))
        } else {
            Ok(message(Message::CaughtUp(v1::SubscriptionCaughtUp {}), from + 2))
        };
        let parts = vec![Ok(message(Message::Records(records), from + 2)), end];
        Ok(Response::new(Box::pin(tokio_stream::iter(parts))))
    }

    async fn get_head(
        &self,
        _: Request<v1::GetHeadRequest>,
    ) -> Result<Response<v1::GetHeadResponse>, Status> {
        Ok(Response::new(v1::GetHeadResponse { record_count: 7, ..Default::default() }))
    }
}

/// A chain of three blocks of one record each.
fn three_blocks() -> Vec<Vec<u8>> {
    let mut before = BlockHash::ZERO;
    (0..3)
        .map(|position| {
            let record = Bytes::from(vec![b'r'; 20]);
            let block =
                contract_ledger::block::encode(position, before, &[record], Codec::None).unwrap();
            before = BlockHash::of(&block);
            block.to_vec()
        })
        .collect()
}

async fn back_up(server: &ServerAddress, folder: &str) -> (Result<u8, CommandError>, String) {
    let words = ["ledgerctl", "backup", folder];
    let Command::Backup(arguments) = Arguments::parse_from(words).command else {
        panic!("backup was asked for");
    };
    let mut output = Vec::new();
    let end = backup::run(server, &arguments, &mut output).await;
    (end, String::from_utf8(output).unwrap())
}

#[tokio::test]
async fn backup_goes_on_after_a_break_and_writes_no_damaged_block() {
    let services = Breaking::default();
    let server = serve(services.clone()).await;
    let scratch = tempfile::tempdir().unwrap();
    let folder = scratch.path().join("backup");
    let folder = folder.to_str().unwrap();
    let (end, output) = back_up(&server, folder).await;
    assert!(end.unwrap_err().to_string().contains("stopping"), "{output}");
    let (end, output) = back_up(&server, folder).await;
    assert_eq!(end.unwrap(), EXIT_FAILED);
    assert!(output.contains("the block that came for position 2 is damaged"), "{output}");
    let (end, output) = back_up(&server, folder).await;
    assert_eq!(end.unwrap(), EXIT_DONE);
    let last = BlockHash::of(&three_blocks()[2]);
    assert!(output.contains("1 records added"), "{output}");
    assert!(output.ends_with(&format!("backed up: 3 records, last block 2:{last}\n")), "{output}");
    assert_eq!(services.asked.lock().unwrap().as_slice(), ["blocks 0", "blocks 2", "blocks 2"]);
}

#[tokio::test]
async fn verification_without_a_summary_is_no_success() {
    let server = serve(Breaking::default()).await;
    let Command::Verify(arguments) = Arguments::parse_from(["ledgerctl", "verify"]).command else {
        panic!("verify was asked for");
    };
    let end = verify::run(&server, &arguments, &mut Vec::new()).await;
    assert!(end.unwrap_err().to_string().contains("without its summary"));
}

/// As a server that stops and says when to come again.
fn stopping() -> Status {
    let retry = ErrorDetails::with_retry_info(Some(Duration::from_millis(1)));
    Status::with_error_details(Code::Unavailable, "stopping", retry)
}

/// Serves until the test ends.
async fn serve(services: Breaking) -> ServerAddress {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(AdminServiceServer::new(services.clone()))
        .add_service(LedgerServiceServer::new(services));
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    ServerAddress { url, ca_file: None }
}

fn register(lines: &[&str]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text: Vec<String> = lines
        .iter()
        .map(|id| match *id {
            "" => "nonsense".to_owned(),
            id => format!(r#"{{"append":{{"requestId":"{id}"}}}}"#),
        })
        .collect();
    std::fs::write(file.path(), text.join("\n")).unwrap();
    file
}

async fn import_file(lines: &[&str]) -> (Result<u8, CommandError>, String, Vec<String>) {
    let services = Breaking::default();
    let server = serve(services.clone()).await;
    let file = register(lines);
    let words = ["ledgerctl", "import", file.path().to_str().unwrap()];
    let Command::Import(arguments) = Arguments::parse_from(words).command else {
        panic!("import was asked for");
    };
    let mut output = Vec::new();
    let end = import::run(&server, &arguments, &mut output).await;
    let asked = services.asked.lock().unwrap().clone();
    (end, String::from_utf8(output).unwrap(), asked)
}

#[tokio::test]
async fn import_goes_on_over_a_second_stream_and_tells_what_was_refused() {
    let (end, output, asked) = import_file(&["r1", "r2", "r3", "r4", "r5"]).await;
    assert_eq!(end.unwrap(), EXIT_FAILED);
    assert_eq!(
        output,
        concat!(
            "4 accepted, 1 refused; 0 of them were taken in before\n",
            "  line 4 refused: CEILING_EXCEEDED\n",
        )
    );
    assert_eq!(asked, ["import r1", "import r3"]);
}

#[tokio::test]
async fn import_names_the_line_that_the_ledger_cannot_consider() {
    let (end, output, asked) = import_file(&["r1", "r2", "r9", "r5"]).await;
    let error = end.unwrap_err().to_string();
    assert!(error.contains("line 3 (everything before it is taken in"), "{error}");
    assert!(output.starts_with("2 accepted, 0 refused"), "{output}");
    assert_eq!(asked, ["import r1"]);
}

#[tokio::test]
async fn import_stops_at_a_line_that_is_no_request_with_those_before_it_taken_in() {
    let (end, output, _) = import_file(&["r1", "r2", "", "r5"]).await;
    let error = end.unwrap_err().to_string();
    assert!(error.contains("line 3: the text is not a valid"), "{error}");
    assert!(output.starts_with("2 accepted, 0 refused"), "{output}");
}

#[tokio::test]
async fn append_goes_on_over_a_second_stream_and_tells_every_line_once() {
    let services = Breaking::default();
    let server = serve(services.clone()).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let lines = ["r1", "r2", "", "nonsense", "r3", "r4"]
        .map(|id| if id.len() == 2 { format!(r#"{{"requestId":"{id}"}}"#) } else { id.to_owned() });
    std::fs::write(file.path(), lines.join("\n")).unwrap();
    let words = ["ledgerctl", "append", file.path().to_str().unwrap()];
    let Command::Append(arguments) = Arguments::parse_from(words).command else {
        panic!("append was asked for");
    };
    let mut output = Vec::new();
    let end = append::run(&server, &arguments, &mut output).await;
    assert_eq!(end.unwrap(), EXIT_FAILED, "one line is no request");
    let output = String::from_utf8(output).unwrap();
    let told: Vec<&str> = output.lines().filter_map(|line| line.get(..19)).collect();
    let ok = |line: u32| format!(r#"{{"line":{line},"ok":true"#);
    let malformed = r#"{"line":4,"ok":fals"#.to_owned();
    assert_eq!(told, [ok(1), ok(2), malformed, ok(5), ok(6)]);
    assert_eq!(services.asked.lock().unwrap().as_slice(), ["append r1", "append r3"]);
}

#[tokio::test]
async fn subscription_without_a_start_begins_at_the_head_and_goes_on_where_it_was_cut_off() {
    let services = Breaking::default();
    let server = serve(services.clone()).await;
    let words = ["ledgerctl", "subscribe", "--json", "--until-caught-up"];
    let Command::Subscribe(arguments) = Arguments::parse_from(words).command else {
        panic!("subscribe was asked for");
    };
    let mut output = Vec::new();
    subscribe::run(&server, Look::default(), arguments, &mut output).await.unwrap();
    let output = String::from_utf8(output).unwrap();
    let positions: Vec<&str> = output.lines().filter_map(|line| line.get(..15)).collect();
    assert_eq!(
        positions,
        [r#"{"position":"7""#, r#"{"position":"8""#, r#"{"position":"9""#, r#"{"position":"10"#]
    );
    assert_eq!(services.asked.lock().unwrap().as_slice(), ["subscribe 7", "subscribe 9"]);
}
