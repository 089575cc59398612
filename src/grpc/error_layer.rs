//! Sees to it that no status leaves without an `ErrorInfo`, whoever made it.
//!
//! tonic itself answers unknown methods, undecodable and oversize messages and passed deadlines, with
//! a bare status in the headers. This layer adds the details, and corrects the code of an oversize
//! message, which gRPC calls RESOURCE_EXHAUSTED.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::status::{Failure, reason};

/// The layer.
#[derive(Debug, Clone)]
pub(super) struct ErrorLayer {
    pub(super) message_bytes_max: usize,
}

impl<S> Layer<S> for ErrorLayer {
    type Service = ErrorService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ErrorService { inner, message_bytes_max: self.message_bytes_max }
    }
}

/// The service with the layer around it.
#[derive(Debug, Clone)]
pub(super) struct ErrorService<S> {
    inner: S,
    message_bytes_max: usize,
}

impl<S, Q, B> Service<Request<Q>> for ErrorService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let answer = self.inner.call(request);
        let message_bytes_max = self.message_bytes_max;
        Box::pin(async move { answer.await.map(|response| complete(response, message_bytes_max)) })
    }
}

fn complete<B>(mut response: Response<B>, message_bytes_max: usize) -> Response<B> {
    let Some(bare) = Status::from_header_map(response.headers()) else { return response };
    if bare.code() == Code::Ok || !bare.details().is_empty() {
        return response;
    }
    let full = detailed(&bare, message_bytes_max);
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        response.headers_mut().remove(name);
    }
    if let Err(error) = full.add_header(response.headers_mut()) {
        tracing::error!(%error, "a status could not be written");
    }
    response
}

pub(super) fn detailed(bare: &Status, message_bytes_max: usize) -> Status {
    let (code, reason) = match bare.code() {
        Code::OutOfRange | Code::ResourceExhausted => {
            (Code::ResourceExhausted, reason::MESSAGE_TOO_LARGE)
        }
        Code::InvalidArgument => (Code::InvalidArgument, reason::MALFORMED_MESSAGE),
        Code::Unimplemented => (Code::Unimplemented, reason::METHOD_UNIMPLEMENTED),
        Code::Cancelled | Code::DeadlineExceeded => {
            (Code::DeadlineExceeded, reason::DEADLINE_EXCEEDED)
        }
        Code::Unavailable => (Code::Unavailable, reason::OVERLOADED),
        Code::Ok
        | Code::Unknown
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::Internal
        | Code::DataLoss
        | Code::Unauthenticated => (bare.code(), reason::INTERNAL),
    };
    let message = if bare.message().is_empty() { reason } else { bare.message() };
    let failure = Failure::new(code, reason, message);
    if reason == reason::MESSAGE_TOO_LARGE {
        return failure.with("message_bytes_max", message_bytes_max).into_status();
    }
    failure.into_status()
}
