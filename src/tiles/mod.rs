//! The log for monitors: a read-only HTTP endpoint in the layout of C2SP `tlog-tiles`.
//!
//! `checkpoint`, `tile/L/N` and `tile/entries/N`, and nothing else. What is full never changes and
//! may be kept for ever by whoever fetched it; the checkpoint may not be kept at all. While the log is,
//! or may be, another one than was signed, nothing is shown: what goes out would be kept as the log. It
//! must not know contracts: what it serves is hashes, leaves and a signed text.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::ledger::Ledger;
use crate::ledger::error::{LedgerError, WithCauses};
use crate::ledger::proofs::ProofFailure;
use crate::merkle::TilePath;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// What never changes: a year is what caches take for ever.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NOT_AT_ALL: HeaderValue = HeaderValue::from_static("no-store");

/// The newest checkpoint to show, or why there is none.
pub trait Checkpoints: Send + Sync {
    /// The signed text. `Ok(Err)` tells in words why nothing is signed.
    fn newest(&self) -> Result<Result<String, String>, LedgerError>;
}

#[derive(Clone)]
struct Shown {
    ledger: Ledger,
    checkpoints: Arc<dyn Checkpoints>,
}

/// Serves on a listener until told to stop.
pub async fn serve(
    listener: TcpListener,
    ledger: Ledger,
    checkpoints: Arc<dyn Checkpoints>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let router = Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*path}", get(tile))
        .with_state(Shown { ledger, checkpoints });
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn checkpoint(State(shown): State<Shown>) -> Response {
    let read = spawn_blocking(move || {
        shown.ledger.check_shown()?;
        Ok(shown.checkpoints.newest()?)
    });
    match read.await {
        Ok(Err(failure)) => not_shown(&failure),
        Ok(Ok(Ok(note))) => answer(StatusCode::OK, TEXT, NOT_AT_ALL, note),
        Ok(Ok(Err(reason))) => {
            answer(StatusCode::NOT_FOUND, TEXT, NOT_AT_ALL, format!("{reason}\n"))
        }
        Err(_) => broken(),
    }
}

async fn tile(State(shown): State<Shown>, Path(path): Path<String>) -> Response {
    let Some(asked) = TilePath::parse(&format!("tile/{path}")) else { return not_there() };
    let read = spawn_blocking(move || {
        shown.ledger.check_shown()?;
        let read = match asked {
            TilePath::Hashes(tile) => shown.ledger.tile(tile),
            TilePath::Entries(tile) => shown.ledger.entries(tile),
        };
        Ok(read?)
    });
    match read.await {
        Ok(Ok(Some(bytes))) => answer(StatusCode::OK, BYTES, FOR_EVER, bytes),
        Ok(Ok(None)) => not_there(),
        Ok(Err(failure)) => not_shown(&failure),
        Err(_) => broken(),
    }
}

fn answer(
    status: StatusCode,
    content_type: HeaderValue,
    caching: HeaderValue,
    body: impl Into<Body>,
) -> Response {
    let headers = [(CONTENT_TYPE, content_type), (CACHE_CONTROL, caching)];
    (status, headers, body.into()).into_response()
}

/// It may be there later, so nobody may remember that it is not.
fn not_there() -> Response {
    answer(StatusCode::NOT_FOUND, TEXT, NOT_AT_ALL, "no such tile, or not yet\n")
}

/// It may pass: a copy that was signed is put back, or a witness has yet to answer.
fn not_shown(failure: &ProofFailure) -> Response {
    match failure {
        ProofFailure::Ledger(error) => failed(error),
        reason => answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, NOT_AT_ALL, format!("{reason}\n")),
    }
}

fn failed(error: &LedgerError) -> Response {
    tracing::error!(error = %WithCauses(error), "a tile could not be read");
    broken()
}

fn broken() -> Response {
    answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, NOT_AT_ALL, "the log could not be read\n")
}
