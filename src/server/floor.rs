//! `ledgerd --bench-floor`: the wire without a ledger behind it, to measure the ledger against.

use tokio::signal::unix::{SignalKind, signal};
use tonic::transport::server::TcpIncoming;

use super::{ServerError, check_tls, io_failure, say, start_runtime, tls_config};
use crate::config::Config;
use crate::config::floor::FloorConfig;
use crate::grpc::floor::{FLOOR_HEALTH_NAME, serve_floor};
use crate::telemetry;

/// Serves until told to stop. Nothing is opened, and nothing is kept.
pub(super) fn run(config: &Config, only_check: bool) -> Result<(), ServerError> {
    let config = config.check_floor().map_err(ServerError::Configuration)?;
    check_tls(config.tls.as_ref())?;
    if only_check {
        return say("configuration is valid");
    }
    telemetry::set_up(&config.log)?;
    start_runtime(&config.service)?.block_on(serve_until_told(&config))
}

async fn serve_until_told(config: &FloorConfig) -> Result<(), ServerError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(io_failure("await SIGTERM"))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io_failure("await SIGINT"))?;
    let incoming =
        TcpIncoming::bind(config.listen).map_err(io_failure("bind the listening address"))?;
    let address = incoming.local_addr().map_err(io_failure("read the bound address"))?;
    tracing::warn!(
        %address,
        health = FLOOR_HEALTH_NAME,
        "BENCH FLOOR: this is no ledger; every append is answered and NOTHING IS KEPT"
    );
    say(&format!("listening on {address}"))?;
    let (told, drain) = tokio::sync::oneshot::channel();
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: draining"),
            _ = interrupt.recv() => tracing::info!("SIGINT: draining"),
        }
        // Whoever waits for the drain has gone only when serving has ended.
        let _gone = told.send(());
    };
    let tls = config.tls.as_ref().map(tls_config);
    let services = serve_floor(&config.service, incoming, tls, stop);
    let overdue = async {
        if drain.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(config.drain_max).await;
    };
    tokio::select! {
        outcome = services => Ok(outcome?),
        () = overdue => {
            tracing::warn!("calls in flight did not end in time and are cut off");
            Ok(())
        }
    }
}
