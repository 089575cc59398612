//! The floor of every measurement: the interface with nothing behind it.
//!
//! The same transport, limits, layers and codec as the real services, and handlers that look at
//! nothing and keep nothing. What a call costs here is what the wire costs. AppendEvents,
//! AppendEventsStream, ReadEvents, GetHead and GetCeilingUsage are answered; every other method is
//! UNIMPLEMENTED. Health says of every real service, and of the server as a whole, that it does not
//! serve, so that nobody takes it for a ledger; only [`FLOOR_HEALTH_NAME`] serves.

mod prepared;

use std::convert::Infallible;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::transport::ServerTlsConfig;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Status, Streaming};
use tonic_health::ServingStatus;
use tower::{Service, service_fn};

use super::ServiceLimits;
use super::server::{HEALTH_NAMES, connections, transport};
use crate::wire::codec::LedgerCodec;
use crate::wire::v1;
use prepared::{PreparedCodec, PreparedRecords};

/// The only name under which health says that it serves.
pub const FLOOR_HEALTH_NAME: &str = "bench-floor-keeps-nothing";

/// Serves the floor until the stop signal, then lets calls in flight finish.
pub async fn serve_floor(
    limits: &ServiceLimits,
    incoming: TcpIncoming,
    tls: Option<ServerTlsConfig>,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    for name in HEALTH_NAMES {
        reporter.set_service_status(name, ServingStatus::NotServing).await;
    }
    reporter.set_service_status(FLOOR_HEALTH_NAME, ServingStatus::Serving).await;
    let records = PreparedRecords::new(limits);
    transport(limits, tls)?
        .add_service(health)
        .add_service(Floor::<LedgerName>::new(limits, records.clone()))
        .add_service(Floor::<ProjectionName>::new(limits, records))
        .serve_with_incoming_shutdown(connections(incoming), stop)
        .await
}

/// Which service a floor stands for.
trait ServiceName: Clone + Send + Sync + 'static {
    const NAME: &'static str;
}

#[derive(Debug, Clone)]
struct LedgerName;

impl ServiceName for LedgerName {
    const NAME: &'static str = "contractledger.v1.LedgerService";
}

#[derive(Debug, Clone)]
struct ProjectionName;

impl ServiceName for ProjectionName {
    const NAME: &'static str = "contractledger.v1.ProjectionService";
}

/// A service whose handlers do nothing.
#[derive(Debug, Clone)]
struct Floor<N> {
    message_bytes_max: usize,
    records: PreparedRecords,
    name: PhantomData<N>,
}

impl<N> Floor<N> {
    fn new(limits: &ServiceLimits, records: PreparedRecords) -> Self {
        Self { message_bytes_max: limits.message_bytes_max, records, name: PhantomData }
    }
}

impl<N: ServiceName> NamedService for Floor<N> {
    const NAME: &'static str = N::NAME;
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<N: ServiceName> Service<Request<Body>> for Floor<N> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let bytes_max = self.message_bytes_max;
        match request.uri().path() {
            "/contractledger.v1.LedgerService/AppendEvents" => {
                empty::<v1::AppendEventsRequest, v1::AppendEventsResponse>(bytes_max, request)
            }
            "/contractledger.v1.LedgerService/GetHead" => {
                empty::<v1::GetHeadRequest, v1::GetHeadResponse>(bytes_max, request)
            }
            "/contractledger.v1.ProjectionService/GetCeilingUsage" => {
                empty::<v1::GetCeilingUsageRequest, v1::GetCeilingUsageResponse>(bytes_max, request)
            }
            "/contractledger.v1.LedgerService/AppendEventsStream" => {
                append_stream(bytes_max, request)
            }
            "/contractledger.v1.LedgerService/ReadEvents" => self.read(request),
            _ => Box::pin(async { Ok(unimplemented()) }),
        }
    }
}

impl<N> Floor<N> {
    /// As many prepared records as are asked for; none for "no limit", which has no end here.
    fn read(&self, request: Request<Body>) -> Answer {
        let bytes_max = self.message_bytes_max;
        let records = self.records.clone();
        let handler = service_fn(move |request: tonic::Request<v1::ReadEventsRequest>| {
            let messages = records.clone().messages(request.into_inner().records_max);
            let answers = tokio_stream::iter(messages.map(Ok::<_, Status>));
            async move { Ok::<_, Status>(tonic::Response::new(answers)) }
        });
        Box::pin(async move {
            let mut grpc =
                Grpc::new(PreparedCodec).apply_max_message_size_config(Some(bytes_max), None);
            Ok(grpc.server_streaming(handler, request).await)
        })
    }
}

/// Decodes the request, and answers an empty message.
fn empty<Q, A>(bytes_max: usize, request: Request<Body>) -> Answer
where
    Q: prost::Message + Default + Send + Sync + 'static,
    A: prost::Message + Default + Send + Sync + 'static,
{
    let handler = service_fn(|_request: tonic::Request<Q>| async {
        Ok::<_, Status>(tonic::Response::new(A::default()))
    });
    Box::pin(async move {
        let mut grpc = Grpc::new(LedgerCodec::<A, Q>::default())
            .apply_max_message_size_config(Some(bytes_max), None);
        Ok(grpc.unary(handler, request).await)
    })
}

/// Answers each message at once, every request of it with an empty answer.
fn append_stream(bytes_max: usize, request: Request<Body>) -> Answer {
    let handler = service_fn(|request: tonic::Request<Streaming<_>>| async {
        let answers = request.into_inner().map(|message| message.map(outcomes));
        Ok::<_, Status>(tonic::Response::new(answers))
    });
    Box::pin(async move {
        let mut grpc =
            Grpc::new(LedgerCodec::default()).apply_max_message_size_config(Some(bytes_max), None);
        Ok(grpc.streaming(handler, request).await)
    })
}

fn outcomes(message: v1::AppendEventsStreamRequest) -> v1::AppendEventsStreamResponse {
    let outcomes = message.requests.into_iter().map(|request| v1::AppendEventsOutcome {
        request_id: request.request_id,
        outcome: Some(v1::append_events_outcome::Outcome::Answer(
            v1::AppendEventsResponse::default(),
        )),
    });
    v1::AppendEventsStreamResponse { outcomes: outcomes.collect() }
}

fn unimplemented() -> Response<Body> {
    // The error layer adds the details.
    Status::new(Code::Unimplemented, "the floor of a measurement has no such method").into_http()
}
