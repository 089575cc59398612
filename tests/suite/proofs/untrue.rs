//! A server between an auditor and a ledger that hands on what is asked, but for what a test withholds.
//! It serves checkpoints, proofs, policy and records, and answers nothing about agreements.

use std::pin::Pin;
use std::sync::Arc;

use contract_ledger::wire::record::encode;
use contract_ledger::wire::stored::{ReadEventsAnswer, SubscribeEventsAnswer};
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::audit_service_client::AuditServiceClient;
use contract_ledger::wire::v1::audit_service_server::{AuditService, AuditServiceServer};
use contract_ledger::wire::v1::ledger_service_client::LedgerServiceClient;
use contract_ledger::wire::v1::ledger_service_server::{LedgerService, LedgerServiceServer};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status, Streaming};

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Shown = Arc<dyn Fn(&v1::ReadEventsRequest, u64) -> bool + Send + Sync>;

/// The server, on a free port of this machine.
pub(super) struct Untrue {
    pub(super) url: String,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Between {
    ledger: Channel,
    records: Channel,
    shown: Shown,
}

impl Untrue {
    /// Hands on records that are shown, by what is asked and their position.
    pub(super) fn serve(
        ledger: Channel,
        shown: impl Fn(&v1::ReadEventsRequest, u64) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::start(Between { records: ledger.clone(), ledger, shown: Arc::new(shown) })
    }

    /// Hands on the records of another ledger.
    pub(super) fn with_records_of(ledger: Channel, records: Channel) -> Self {
        Self::start(Between { ledger, records, shown: Arc::new(|_, _| true) })
    }

    fn start(between: Between) -> Self {
        let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let url = format!("http://{}", incoming.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = Server::builder()
            .add_service(AuditServiceServer::new(between.clone()))
            .add_service(LedgerServiceServer::new(between))
            .serve_with_incoming_shutdown(incoming, async {
                let _sender_gone = stopped.await;
            });
        let server = tokio::spawn(async move { serving.await.unwrap() });
        Self { url, stop, server }
    }

    pub(super) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.server.await.unwrap();
    }
}

fn nothing<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("it answers nothing of this"))
}

#[tonic::async_trait]
impl AuditService for Between {
    type GetHistoryStream = Answers<v1::GetHistoryResponse>;

    async fn get_history(
        &self,
        _: Request<v1::GetHistoryRequest>,
    ) -> Result<Response<Self::GetHistoryStream>, Status> {
        nothing()
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        AuditServiceClient::new(self.ledger.clone()).get_checkpoint(request.into_inner()).await
    }

    async fn get_inclusion_proof(
        &self,
        _: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        nothing()
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        let mut ledger = AuditServiceClient::new(self.ledger.clone());
        ledger.get_consistency_proof(request.into_inner()).await
    }

    async fn get_receipt(
        &self,
        _: Request<v1::GetReceiptRequest>,
    ) -> Result<Response<v1::GetReceiptResponse>, Status> {
        nothing()
    }

    async fn get_policy(
        &self,
        request: Request<v1::GetPolicyRequest>,
    ) -> Result<Response<v1::GetPolicyResponse>, Status> {
        AuditServiceClient::new(self.ledger.clone()).get_policy(request.into_inner()).await
    }
}

#[tonic::async_trait]
impl LedgerService for Between {
    type ReadEventsStream = Answers<ReadEventsAnswer>;
    type SubscribeEventsStream = Answers<SubscribeEventsAnswer>;
    type AppendEventsStreamStream = Answers<v1::AppendEventsStreamResponse>;

    async fn append_events(
        &self,
        _: Request<v1::AppendEventsRequest>,
    ) -> Result<Response<v1::AppendEventsResponse>, Status> {
        nothing()
    }

    async fn append_events_stream(
        &self,
        _: Request<Streaming<v1::AppendEventsStreamRequest>>,
    ) -> Result<Response<Self::AppendEventsStreamStream>, Status> {
        nothing()
    }

    async fn read_events(
        &self,
        request: Request<v1::ReadEventsRequest>,
    ) -> Result<Response<Self::ReadEventsStream>, Status> {
        let asked = request.into_inner();
        let mut ledger = LedgerServiceClient::new(self.records.clone());
        let mut parts = ledger.read_events(asked.clone()).await?.into_inner();
        let mut answers = Vec::new();
        while let Some(part) = parts.message().await? {
            let shown = part.records.iter().filter(|one| (self.shown)(&asked, one.position));
            let records = shown.map(encode).collect();
            let (captured_record_count, next_position) =
                (part.captured_record_count, part.next_position);
            answers.push(Ok(ReadEventsAnswer { records, captured_record_count, next_position }));
        }
        Ok(Response::new(Box::pin(tokio_stream::iter(answers))))
    }

    async fn subscribe_events(
        &self,
        _: Request<v1::SubscribeEventsRequest>,
    ) -> Result<Response<Self::SubscribeEventsStream>, Status> {
        nothing()
    }

    async fn get_head(
        &self,
        _: Request<v1::GetHeadRequest>,
    ) -> Result<Response<v1::GetHeadResponse>, Status> {
        nothing()
    }
}
