//! What the tests share: a ledger served in this process, events to send, figures to read.

pub(crate) mod events;
pub(crate) mod figures;
pub(crate) mod processes;
pub(crate) mod witness;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contract_ledger::clock::{Clock, SetClock, SystemClock};
use contract_ledger::domain::date::RecordedTime;
use contract_ledger::grpc::ServiceLimits;
use contract_ledger::grpc::server::serve;
use contract_ledger::ledger::signing::NotFirst;
use contract_ledger::ledger::{
    Ledger, LedgerLimits, LedgerRules, OpenedLedger, WriterEnd, WriterThread,
};
use contract_ledger::log::LogOptions;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::admin_service_client::AdminServiceClient;
use contract_ledger::wire::v1::audit_service_client::AuditServiceClient;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use contract_ledger::wire::v1::projection_service_client::ProjectionServiceClient;
use processes::opening;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

/// Far longer than a machine under load needs.
pub(crate) const HANGS_AFTER: Duration = Duration::from_mins(1);

pub(crate) type Accepted = v1::AppendEventsResponse;

/// A ledger on a folder of its own, served over gRPC on a free port of this machine.
pub(crate) struct Served {
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) channel: Channel,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    writer: WriterThread,
}

/// How a test wants its ledger.
pub(crate) struct Setting {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ledger: LedgerLimits,
    pub(crate) rules: LedgerRules,
    pub(crate) service: ServiceLimits,
    /// What is changed of the log's defaults.
    pub(crate) log: fn(&mut LogOptions),
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ledger: LedgerLimits::default(),
            rules: LedgerRules::default(),
            service: ServiceLimits::default(),
            log: |_| {},
        }
    }
}

impl Setting {
    /// A clock that stands at an instant such as `2024-06-01T10:00:00Z`.
    pub(crate) fn at(instant: &str) -> (Self, Arc<SetClock>) {
        let clock = Arc::new(SetClock::at(time(instant)));
        (Self { clock: clock.clone(), ..Self::default() }, clock)
    }
}

pub(crate) fn time(instant: &str) -> RecordedTime {
    let timestamp: jiff::Timestamp = instant.parse().unwrap();
    RecordedTime::from_microseconds(timestamp.as_microsecond()).unwrap()
}

impl Served {
    pub(crate) fn start() -> Self {
        Self::with(Setting::default())
    }

    pub(crate) fn with(setting: Setting) -> Self {
        Self::on(tempfile::tempdir().unwrap(), setting)
    }

    pub(crate) fn on(folder: TempDir, setting: Setting) -> Self {
        let mut options = LogOptions::new(folder.path());
        (setting.log)(&mut options);
        Self::opened(folder, &options, setting)
    }

    /// With the store alone.
    pub(crate) fn without_archive(folder: TempDir, setting: Setting) -> Self {
        let options = LogOptions { archive: None, ..LogOptions::new(folder.path()) };
        Self::opened(folder, &options, setting)
    }

    fn opened(folder: TempDir, options: &LogOptions, setting: Setting) -> Self {
        let OpenedLedger { ledger, writer, .. } =
            opening(|| Ledger::open(options, &setting.ledger, setting.rules, setting.clock))
                .unwrap();
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", incoming.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let service = setting.service;
        let server = tokio::spawn(async move {
            let until = |_| async {
                let _sender_gone = stopped.await;
            };
            serve(ledger, None, &service, incoming, None, until).await.unwrap();
        });
        let channel = Endpoint::from_shared(url.clone()).unwrap().connect_lazy();
        Self { folder, url, channel, stop, server, writer }
    }

    /// Stops as a signal would, and opens the same folder again.
    pub(crate) async fn restart(self, setting: Setting) -> Self {
        Self::on(self.stop().await, setting)
    }

    pub(crate) async fn stop(self) -> TempDir {
        self.end().await.0
    }

    /// Stops, and tells how the writer ended.
    pub(crate) async fn end(self) -> (TempDir, WriterEnd) {
        let Self { folder, channel, stop, server, writer, .. } = self;
        drop(channel);
        stop.send(()).unwrap();
        server.await.unwrap();
        let end = tokio::task::spawn_blocking(move || writer.join()).await.unwrap();
        (folder, end)
    }

    /// The health of a service, by its name.
    pub(crate) async fn health(&self, service: &str) -> ServingStatus {
        let mut health = HealthClient::new(self.channel.clone());
        let asked = HealthCheckRequest { service: service.to_owned() };
        health.check(asked).await.unwrap().into_inner().status()
    }

    /// Waits until a service has a health: it follows what happened, a moment later.
    pub(crate) async fn health_becomes(&self, service: &str, awaited: ServingStatus) {
        let mut health = HealthClient::new(self.channel.clone());
        let asked = HealthCheckRequest { service: service.to_owned() };
        let mut told = health.watch(asked).await.unwrap().into_inner();
        let seen = async {
            while told.message().await.unwrap().expect("it is told on").status() != awaited {}
        };
        let seen = tokio::time::timeout(HANGS_AFTER, seen).await;
        assert!(seen.is_ok(), "{service:?} does not become {awaited:?}");
    }

    pub(crate) fn ledger(&self) -> LedgerServiceClient<Channel> {
        LedgerServiceClient::new(self.channel.clone())
    }

    pub(crate) fn projections(&self) -> ProjectionServiceClient<Channel> {
        ProjectionServiceClient::new(self.channel.clone())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone())
    }

    pub(crate) async fn send(&self, request: v1::AppendEventsRequest) -> Result<Accepted, Status> {
        self.ledger().append_events(request).await.map(tonic::Response::into_inner)
    }

    /// Appends one event under a new request id.
    pub(crate) async fn append(
        &self,
        agreement: &str,
        event: v1::Event,
    ) -> Result<Accepted, Status> {
        self.send(events::request(agreement, vec![event])).await
    }

    pub(crate) async fn usage(&self, agreement: &str) -> v1::GetCeilingUsageResponse {
        self.usage_as_of(agreement, "").await
    }

    pub(crate) async fn usage_as_of(
        &self,
        agreement: &str,
        as_of: &str,
    ) -> v1::GetCeilingUsageResponse {
        let request = v1::GetCeilingUsageRequest {
            agreement_id: agreement.to_owned(),
            as_of: as_of.to_owned(),
            ..Default::default()
        };
        self.projections().get_ceiling_usage(request).await.unwrap().into_inner()
    }

    /// Every record of the log, in the order of positions.
    pub(crate) async fn records(&self) -> Vec<v1::Record> {
        self.read(v1::ReadEventsRequest::default()).await
    }

    pub(crate) async fn read(&self, request: v1::ReadEventsRequest) -> Vec<v1::Record> {
        let mut stream = self.ledger().read_events(request).await.unwrap().into_inner();
        let mut records = Vec::new();
        while let Some(message) = stream.message().await.unwrap() {
            records.extend(message.records);
        }
        records
    }

    pub(crate) async fn history(&self, agreement: &str) -> Vec<v1::HistoryEntry> {
        let request =
            v1::GetHistoryRequest { agreement_id: agreement.to_owned(), ..Default::default() };
        let mut stream = self.audit().get_history(request).await.unwrap().into_inner();
        let mut entries = Vec::new();
        while let Some(message) = stream.message().await.unwrap() {
            entries.extend(message.entries);
        }
        entries
    }
}

/// Signs the first checkpoint of a log that nobody serves, as `ledgerd --first-checkpoint` does.
pub(crate) fn sign_first(folder: &Path, rules: &LedgerRules) -> Result<(), NotFirst> {
    let (options, limits) = (LogOptions::new(folder), LedgerLimits::default());
    let opened =
        opening(|| Ledger::open(&options, &limits, rules.clone(), Arc::new(SystemClock))).unwrap();
    let signed = opened.ledger.first_checkpoint();
    drop(opened.ledger);
    assert_eq!(opened.writer.join(), WriterEnd::Emptied);
    signed.map(drop)
}

/// What a refused call says, in the parts that tests look at.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) metadata: std::collections::HashMap<String, String>,
    pub(crate) refusals: Vec<v1::Refusal>,
    pub(crate) replayed: bool,
    pub(crate) fields: Vec<String>,
    pub(crate) retry_after: bool,
}

impl Told {
    pub(crate) fn reasons(&self) -> Vec<&str> {
        self.refusals.iter().map(|refusal| refusal.reason.as_str()).collect()
    }

    /// Scope and excess of every broken ceiling.
    pub(crate) fn excesses(&self) -> Vec<(String, String)> {
        let broken = self.refusals.iter().filter_map(|refusal| {
            let excess = refusal.excess.as_ref()?;
            Some((refusal.subject_id.clone(), excess.amount.clone()))
        });
        broken.collect()
    }
}

/// Reads a status, and checks what every error promises: one ErrorInfo of our domain.
pub(crate) fn told(status: &Status) -> Told {
    use prost::Message as _;
    let raw = tonic_types::Status::decode(status.details()).unwrap();
    assert_eq!(raw.code, i32::from(status.code()), "{status:?}");
    let infos =
        raw.details.iter().filter(|detail| detail.type_url.ends_with("google.rpc.ErrorInfo"));
    assert_eq!(infos.count(), 1, "exactly one ErrorInfo: {status:?}");
    let details = status.get_error_details();
    let info = details.error_info().unwrap();
    assert_eq!(info.domain, "contractledger.v1");
    let refusal = raw.details.iter().find(|detail| detail.type_url.ends_with("RefusalDetails"));
    let refusal = refusal.map(|detail| v1::RefusalDetails::decode(&*detail.value).unwrap());
    let refusal = refusal.unwrap_or_default();
    let fields = details
        .bad_request()
        .map(|bad| bad.field_violations.iter().map(|violation| violation.field.clone()).collect());
    Told {
        code: status.code(),
        reason: info.reason.clone(),
        metadata: info.metadata.clone(),
        refusals: refusal.refusals,
        replayed: refusal.replayed,
        fields: fields.unwrap_or_default(),
        retry_after: details.retry_info().is_some(),
    }
}
