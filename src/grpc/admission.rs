//! How many calls of AppendEvents are under way at a time.
//!
//! A server that is asked for more than it can do has to say so at little cost, or the refusing itself
//! takes what the accepted need. So one call too many is answered from its path alone: its message is
//! taken off the connection, and neither decoded nor read. A place is taken only with the message
//! there: a client that is slow to send holds none.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Buf;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::Status;
use tower::{Layer, Service};

use super::{ServiceLimits, status};

/// The call that has places.
const APPEND_PATH: &str = "/contractledger.v1.LedgerService/AppendEvents";

/// Bytes of a refused message after which the rest of it is not waited for.
///
/// A call that is answered before its message is there is reset, what comes of it then counts as the
/// connection's fault, and h2 ends a connection with many of these. So short ones, which are nearly
/// all, are let come.
const REFUSED_BYTES_MAX: usize = 64 * 1024;

/// The places.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    places: Arc<Semaphore>,
    limits: ServiceLimits,
}

impl Admission {
    pub(super) fn new(limits: &ServiceLimits) -> Self {
        let places = Arc::new(Semaphore::new(limits.append_in_flight_max));
        Self { places, limits: limits.clone() }
    }

    /// A place, held until it is dropped. None left: OVERLOADED.
    pub(super) fn enter(&self) -> Result<SemaphorePermit<'_>, Status> {
        self.places.try_acquire().map_err(|_| status::too_many_appends(&self.limits))
    }

    /// What looks for a free place before a call is received.
    pub(super) fn layer(&self) -> AdmissionLayer {
        let refusal = status::too_many_appends(&self.limits).into_http::<()>();
        let refusal = Arc::new(refusal.headers().clone());
        AdmissionLayer { places: Arc::clone(&self.places), refusal }
    }
}

/// The layer.
#[derive(Debug, Clone)]
pub(super) struct AdmissionLayer {
    places: Arc<Semaphore>,
    /// The same for every call, so it is written once.
    refusal: Arc<HeaderMap>,
}

impl<S> Layer<S> for AdmissionLayer {
    type Service = AdmissionService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        AdmissionService { inner, admission: self.clone() }
    }
}

/// The service with the layer around it.
#[derive(Debug, Clone)]
pub(super) struct AdmissionService<S> {
    inner: S,
    admission: AdmissionLayer,
}

impl<S, Q, B> Service<Request<Q>> for AdmissionService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    Q: Body + Send + 'static,
    Q::Data: Send,
    Q::Error: Send,
    B: Default,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let AdmissionLayer { places, refusal } = &self.admission;
        if request.uri().path() == APPEND_PATH && places.available_permits() == 0 {
            let refusal = Arc::clone(refusal);
            return Box::pin(async move {
                pass_over(request.into_body()).await;
                let mut response = Response::new(B::default());
                response.headers_mut().clone_from(&refusal);
                Ok(response)
            });
        }
        Box::pin(self.inner.call(request))
    }
}

/// Takes a message off the connection, up to a bound.
async fn pass_over(message: impl Body) {
    let mut message = pin!(message);
    let mut left = REFUSED_BYTES_MAX;
    while let Some(Ok(frame)) = poll_fn(|context| message.as_mut().poll_frame(context)).await {
        left = left.saturating_sub(frame.data_ref().map_or(0, Buf::remaining));
        if left == 0 {
            return;
        }
    }
}
