//! The services on a listener, with health and reflection, until told to stop.

use std::future::Future;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_stream::{Stream, StreamExt as _};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::layer::util::{Identity, Stack};

use super::ServiceLimits;
use super::admin_service::AdminApi;
use super::admission::Admission;
use super::append::Appender;
use super::audit_service::AuditApi;
use super::error_layer::ErrorLayer;
use super::gathered::Gathered;
use super::ledger_service::LedgerApi;
use super::live::{LiveStreams, Serving};
use super::projection_service::ProjectionApi;
use super::stream::Streams;
use crate::ledger::{Ledger, WriterState};
use crate::wire::{DESCRIPTOR_SET, v1};
use crate::witness::Witnesses;

/// Names under which health is told: each service, and the server as a whole.
pub const HEALTH_NAMES: [&str; 5] = [
    "",
    "contractledger.v1.LedgerService",
    "contractledger.v1.ProjectionService",
    "contractledger.v1.AuditService",
    "contractledger.v1.AdminService",
];

/// Tells the health of every service.
#[derive(Clone)]
pub struct Health(HealthReporter);

impl std::fmt::Debug for Health {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Health")
    }
}

impl Health {
    /// Nothing serves from now on.
    pub async fn set_not_serving(&self) {
        for name in HEALTH_NAMES {
            self.0.set_service_status(name, ServingStatus::NotServing).await;
        }
    }

    async fn set_serving(&self) {
        for name in HEALTH_NAMES {
            self.0.set_service_status(name, ServingStatus::Serving).await;
        }
    }

    /// When the writer stops, appends do not serve, and so neither does the server as a whole;
    /// queries go on.
    async fn follow_writer(self, ledger: Ledger) {
        let mut head = ledger.head();
        drop(ledger);
        // An error means that the writer is gone, which is what is waited for.
        let stopped = head.wait_for(|head| head.writer == WriterState::Stopped).await.is_ok();
        tracing::info!(stopped, "the writer takes no more appends");
        for name in ["", "contractledger.v1.LedgerService", "contractledger.v1.AdminService"] {
            self.0.set_service_status(name, ServingStatus::NotServing).await;
        }
    }
}

/// Serves until the stop signal, then lets calls in flight finish. `stop` is given the health, so
/// that it can be told before the listener closes.
pub async fn serve<F>(
    ledger: Ledger,
    witnesses: Option<Arc<Witnesses>>,
    limits: &ServiceLimits,
    incoming: TcpIncoming,
    tls: Option<ServerTlsConfig>,
    stop: impl FnOnce(Health) -> F,
) -> Result<(), tonic::transport::Error>
where
    F: Future<Output = ()>,
{
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let health = Health(reporter);
    health.set_serving().await;
    let follower = tokio::spawn(health.clone().follow_writer(ledger.clone()));

    let bytes_max = limits.message_bytes_max;
    let streams = Streams::new(limits);
    let (told, serving) = tokio::sync::watch::channel(Serving::On);
    let maintenance = LiveStreams::for_maintenance(limits, serving.clone());
    let live = LiveStreams::new(limits, serving);
    let admission = Admission::new(limits);
    let admission_layer = admission.layer();
    let ledger_api = LedgerApi {
        ledger: ledger.clone(),
        limits: limits.clone(),
        appender: Appender { ledger: ledger.clone(), limits: limits.clone() },
        admission,
        streams: streams.clone(),
        live: live.clone(),
    };
    let projection_api =
        ProjectionApi { ledger: ledger.clone(), limits: limits.clone(), live: live.clone() };
    let admin_api = AdminApi { ledger: ledger.clone(), limits: limits.clone(), live, maintenance };
    let audit_api = AuditApi { ledger, witnesses, limits: limits.clone(), streams };
    let stop = stop(health);
    let stopped = async move {
        stop.await;
        // Live streams have no end of their own, and would hold up the server's.
        told.send_replace(Serving::Stopping);
    };

    let outcome = transport(limits, tls)?
        .layer(admission_layer)
        .add_service(health_service)
        .add_service(reflection_v1())
        .add_service(reflection_v1alpha())
        .add_service(
            v1::ledger_service_server::LedgerServiceServer::new(ledger_api)
                .max_decoding_message_size(bytes_max),
        )
        .add_service(
            v1::projection_service_server::ProjectionServiceServer::new(projection_api)
                .max_decoding_message_size(bytes_max),
        )
        .add_service(
            v1::audit_service_server::AuditServiceServer::new(audit_api)
                .max_decoding_message_size(bytes_max),
        )
        .add_service(
            v1::admin_service_server::AdminServiceServer::new(admin_api)
                .max_decoding_message_size(bytes_max),
        )
        .serve_with_incoming_shutdown(connections(incoming), stopped)
        .await;
    follower.abort();
    outcome
}

/// The connections that are taken in.
pub(super) fn connections(
    incoming: TcpIncoming,
) -> impl Stream<Item = io::Result<Gathered<TcpStream>>> {
    // Small answers go out at once; waiting for more costs a client 40 ms.
    incoming.with_nodelay(Some(true)).map(|connection| connection.map(Gathered::new))
}

/// The server without its services: what every call passes through, whatever answers it.
pub(super) fn transport(
    limits: &ServiceLimits,
    tls: Option<ServerTlsConfig>,
) -> Result<Server<Stack<ErrorLayer, Identity>>, tonic::transport::Error> {
    let server = Server::builder()
        .max_concurrent_streams(limits.calls_per_connection_max)
        .layer(ErrorLayer { message_bytes_max: limits.message_bytes_max });
    match tls {
        Some(tls) => server.tls_config(tls),
        None => Ok(server),
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

fn reflection_v1() -> tonic_reflection::server::v1::ServerReflectionServer<
    impl tonic_reflection::server::v1::ServerReflection,
> {
    reflection().build_v1().expect("build.rs wrote a valid descriptor set")
}

fn reflection_v1alpha() -> tonic_reflection::server::v1alpha::ServerReflectionServer<
    impl tonic_reflection::server::v1alpha::ServerReflection,
> {
    reflection().build_v1alpha().expect("build.rs wrote a valid descriptor set")
}
