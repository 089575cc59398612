//! The server program itself: how it starts, refuses to start, survives and ends.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use tonic::transport::{Channel, Endpoint};

use super::support::events::*;
use super::support::processes::{run, spawn};

pub(crate) struct Daemon {
    child: Child,
    pub(crate) url: String,
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
    command.arg("--data-dir").arg(folder).args(["--log-level", "error"]);
    command
}

impl Daemon {
    fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[], &[])
    }

    /// Starts it with more flags and variables.
    pub(crate) fn start_with(folder: &Path, flags: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = program(folder);
        if !flags.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.args(flags).envs(variables.iter().copied());
        Self::born(command)
    }

    /// Starts the floor of a measurement, which has no folder.
    pub(crate) fn floor() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
        command.args(["--bench-floor", "--listen", "127.0.0.1:0", "--log-level", "error"]);
        Self::born(command)
    }

    fn born(mut command: Command) -> Self {
        let mut child = spawn(command.stdout(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("the line that says ready");
        Self { url: format!("http://{address}"), child }
    }

    async fn client(&self) -> LedgerServiceClient<Channel> {
        let channel = Endpoint::from_shared(self.url.clone()).unwrap().connect().await.unwrap();
        LedgerServiceClient::new(channel)
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(run(Command::new("kill").args(["-s", name, &id])).status.success());
    }

    /// Signals, and waits while this process's own connections see to their goodbyes.
    pub(crate) async fn end_with(mut self, signal: &str) -> ExitStatus {
        self.signal(signal);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // A test that fails must not leave a server behind; one that is gone already cannot be killed.
        if self.child.kill().is_ok() {
            self.child.wait().unwrap();
        }
    }
}

/// Orders of one client: every request it sent, and what it was told.
async fn place_until_cut_off(
    mut client: LedgerServiceClient<Channel>,
    name: usize,
) -> Vec<(v1::AppendEventsRequest, v1::AppendEventsResponse)> {
    let mut told = Vec::new();
    for number in 0.. {
        let asked =
            request("a", vec![intent("2024-01-01", order(&format!("O{name}-{number}"), "1"))]);
        match client.append_events(asked.clone()).await {
            Ok(answer) => told.push((asked, answer.into_inner())),
            Err(_) => break,
        }
    }
    told
}

async fn read_all(client: &mut LedgerServiceClient<Channel>) -> Vec<v1::Record> {
    let mut records = Vec::new();
    let mut stream =
        client.read_events(v1::ReadEventsRequest::default()).await.unwrap().into_inner();
    while let Some(message) = stream.message().await.unwrap() {
        records.extend(message.records);
    }
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_under_load_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let daemon = Daemon::start(folder.path());
        let mut client = daemon.client().await;
        if round == 0 {
            client.append_events(request("a", vec![sign("100000000")])).await.unwrap();
        }
        let mut clients = Vec::new();
        for name in 0..8 {
            let client = daemon.client().await;
            clients.push(tokio::spawn(place_until_cut_off(client, round * 8 + name)));
        }
        // Killed in the middle: once enough is in the log, whatever is in flight.
        let before = u64::try_from(acknowledged.len()).unwrap();
        loop {
            let head = client.get_head(v1::GetHeadRequest {}).await.unwrap().into_inner();
            if head.record_count > before + 200 {
                break;
            }
        }
        assert!(!daemon.end_with("KILL").await.success());
        for client in clients {
            acknowledged.extend(client.await.unwrap());
        }
    }

    let daemon = Daemon::start(folder.path());
    let mut client = daemon.client().await;
    let records = read_all(&mut client).await;
    let mut by_request = BTreeMap::new();
    for (position, record) in records.iter().enumerate() {
        assert_eq!(record.position, u64::try_from(position).unwrap(), "positions are gapless");
        let Some(v1::record::Entry::Event(event)) = &record.entry else { panic!("{record:?}") };
        assert_eq!(event.agreement_version, record.position + 1, "versions are gapless");
        let once =
            by_request.insert(record.request_id.clone(), (record.position, event.event_id.clone()));
        assert_eq!(once, None, "recorded twice: {record:?}");
    }
    assert!(acknowledged.len() >= 500, "the load was no load: {}", acknowledged.len());
    for (asked, answer) in &acknowledged {
        let stored = by_request.get(&asked.request_id);
        let promised = (answer.events[0].position, answer.events[0].event_id.clone());
        assert_eq!(stored, Some(&promised), "acknowledged and lost");
    }
    for (asked, answer) in acknowledged.into_iter().step_by(50) {
        let again = client.append_events(asked).await.unwrap().into_inner();
        assert!(again.replayed);
        assert_eq!(v1::AppendEventsResponse { replayed: false, ..again }, answer);
    }
    assert!(daemon.end_with("TERM").await.success());
}

#[tokio::test]
async fn a_signal_ends_it_in_order_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let asked = request("a", vec![sign("100")]);
    let mut answers = Vec::new();
    for signal in ["TERM", "INT"] {
        let daemon = Daemon::start(folder.path());
        let answer = daemon.client().await.append_events(asked.clone()).await.unwrap().into_inner();
        answers.push(answer.replayed);
        let status = daemon.end_with(signal).await;
        assert_eq!(status.code(), Some(0), "{signal}");
    }
    assert_eq!(answers, [false, true]);
}

#[tokio::test]
async fn health_is_told_for_every_service() {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_client::HealthClient;
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path());
    let channel = Endpoint::from_shared(daemon.url.clone()).unwrap().connect().await.unwrap();
    let mut health = HealthClient::new(channel);
    for service in contract_ledger::grpc::server::HEALTH_NAMES {
        let asked = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(asked).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service:?}");
    }
    // Whoever watches hears of the end before the connection goes.
    let asked = HealthCheckRequest { service: String::new() };
    let mut watched = health.watch(asked).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    daemon.signal("TERM");
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    drop((watched, health));
    assert!(daemon.end_with("TERM").await.success());
}

fn output(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = run(command);
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(folder.path());
    let (code, error) = output(program(folder.path()).args(["--listen", "127.0.0.1:0"]));
    assert_eq!(code, Some(1));
    let id = daemon.child.id().to_string();
    assert!(error.contains("is in use by") && error.contains(&id), "{error}");
    daemon.client().await.append_events(request("a", vec![sign("100")])).await.unwrap();
    assert!(daemon.end_with("TERM").await.success());
}

#[test]
fn a_wrong_configuration_is_refused_before_anything_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let file = folder.path().join("ledgerd.toml");
    std::fs::write(&file, "surprise = 1\n").unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["--listen", "0.0.0.0:0"], "--insecure-allow-remote"),
        (&["--listen", "here"], "listen:"),
        (&["--config", file.to_str().unwrap()], "surprise"),
        (&["--config", "/nonexistent/ledgerd.toml"], "cannot be read"),
    ];
    for (flags, expected) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
        let (code, error) = output(command.arg("--data-dir").arg(&data).args(flags));
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
    let (code, error) = output(command.env("LEDGERD_LIMITS__BATCH_REQUESTS_MAX", "0"));
    assert_eq!(code, Some(2));
    assert!(error.contains("data_dir:") && error.contains("batch_requests_max"), "{error}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerd"));
    let junk = [("LEDGERD_TLS__CERTIFICATE_FILE", &file), ("LEDGERD_TLS__KEY_FILE", &file)];
    let (code, error) = output(command.arg("--data-dir").arg(&data).envs(junk));
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("tls:"), "{error}");
    assert!(!data.exists());
}
