//! The connection to the ledger: address, limits, deadlines. Knows no command.

use std::time::Duration;

use contract_ledger::wire::v1::audit_service_client::AuditServiceClient;
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use contract_ledger::wire::v1::projection_service_client::ProjectionServiceClient;
use tonic::transport::{Channel, Endpoint};

use crate::outcome::CommandError;

/// How long a connection may take.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How long one call with one answer may take. A query that waits for a position waits this long
/// at most.
const CALL_TIMEOUT_MS: u64 = 60_000;
/// Largest message that is accepted from the server.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Clients of all services over one connection.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Appends and reads the log.
    pub(crate) ledger: LedgerServiceClient<Channel>,
    /// Queries on the projections.
    pub(crate) projection: ProjectionServiceClient<Channel>,
    /// History for auditors.
    pub(crate) audit: AuditServiceClient<Channel>,
}

impl Client {
    /// Connects, so that a wrong address shows before anything is read or sent.
    pub(crate) async fn connect(server: &str) -> Result<Self, CommandError> {
        if server.starts_with("https:") {
            return Err(CommandError::Usage(format!(
                "{server}: this client does not speak TLS yet; use an http:// address"
            )));
        }
        let not_an_address =
            || CommandError::Usage(format!("{server}: not an address; write http://HOST:PORT"));
        if !server.starts_with("http://") {
            return Err(not_an_address());
        }
        let channel = Endpoint::from_shared(server.to_owned())
            .map_err(|_| not_an_address())?
            .connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS))
            .tcp_nodelay(true)
            .connect()
            .await
            .map_err(|source| CommandError::Unreachable { server: server.to_owned(), source })?;
        Ok(Self {
            ledger: LedgerServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX),
            projection: ProjectionServiceClient::new(channel.clone())
                .max_decoding_message_size(MESSAGE_BYTES_MAX),
            audit: AuditServiceClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX),
        })
    }
}

/// A request with the deadline of calls that have one answer.
pub(crate) fn with_deadline<M>(message: M) -> tonic::Request<M> {
    let mut request = tonic::Request::new(message);
    request.set_timeout(Duration::from_millis(CALL_TIMEOUT_MS));
    request
}
