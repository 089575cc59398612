//! The connection to the ledger: address, limits, deadlines. Knows no command.

use std::path::PathBuf;
use std::time::Duration;

use contract_ledger::wire::v1::admin_service_client::AdminServiceClient;
use contract_ledger::wire::v1::audit_service_client::AuditServiceClient;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use contract_ledger::wire::v1::projection_service_client::ProjectionServiceClient;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::outcome::CommandError;

/// How long a connection may take.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How long one call with one answer may take. A query that waits for a position waits this long
/// at most.
const CALL_TIMEOUT_MS: u64 = 60_000;
/// Largest message that is accepted from the server.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Clients of all services over one connection.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Appends and reads the log.
    pub(crate) ledger: LedgerServiceClient<Channel>,
    /// Queries on the projections.
    pub(crate) projection: ProjectionServiceClient<Channel>,
    /// History for auditors.
    pub(crate) audit: AuditServiceClient<Channel>,
    /// Takes in the history of an older register.
    pub(crate) admin: AdminServiceClient<Channel>,
}

/// Where the ledger is, and how it is known to be the one.
#[derive(Debug, Clone)]
pub(crate) struct ServerAddress {
    /// `http://HOST:PORT`, or `https://HOST:PORT` with transport security.
    pub(crate) url: String,
    /// PEM file with the authority that the server's certificate must come from.
    pub(crate) ca_file: Option<PathBuf>,
}

impl ServerAddress {
    /// Connects, so that a wrong address shows before anything is read or sent.
    pub(crate) async fn connect(&self) -> Result<Channel, CommandError> {
        self.endpoint()?
            .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
            .tcp_nodelay(true)
            .connect()
            .await
            .map_err(|source| CommandError::Unreachable { server: self.url.clone(), source })
    }

    fn endpoint(&self) -> Result<Endpoint, CommandError> {
        let Self { url, ca_file } = self;
        let usage = |text: &str| CommandError::Usage(format!("{url}: {text}"));
        let secure = url.starts_with("https://");
        if !secure && !url.starts_with("http://") {
            return Err(usage("not an address; write http://HOST:PORT or https://HOST:PORT"));
        }
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|_| usage("not an address"))?;
        match (secure, ca_file) {
            (false, _) => Ok(endpoint),
            (true, None) => Err(usage("name the authority of its certificate with --ca-file")),
            (true, Some(path)) => {
                let authority = std::fs::read_to_string(path)
                    .map_err(|source| CommandError::local("reading the --ca-file", source))?;
                let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority));
                endpoint.tls_config(tls).map_err(|_| usage("the --ca-file holds no certificate"))
            }
        }
    }
}

impl Client {
    /// Connects to every service.
    pub(crate) async fn connect(server: &ServerAddress) -> Result<Self, CommandError> {
        let channel = server.connect().await?;
        Ok(Self {
            ledger: LedgerServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX),
            projection: ProjectionServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX),
            audit: AuditServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX),
            admin: AdminServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX),
        })
    }
}

/// A request with the deadline of calls that have one answer.
pub(crate) fn with_deadline<M>(message: M) -> tonic::Request<M> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(Duration::from_millis(CALL_TIMEOUT_MS));
    request
}
