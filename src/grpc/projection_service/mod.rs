//! ProjectionService: what is left, what is agreed, and the listings.
//!
//! `answers` has the questions about one agreement; `agreements`, `documents`, `findings`, `changes`
//! and `refusals` the listings; `paging` what makes all pages of a listing one snapshot.

mod agreements;
mod answers;
mod changes;
mod documents;
mod findings;
mod paging;
mod refusals;

use tonic::{Request, Response, Status};

use super::ServiceLimits;
use super::live::LiveStreams;
use super::watch::Watch;
use crate::ledger::Ledger;
use crate::wire::v1;

/// The service.
#[derive(Debug)]
pub(super) struct ProjectionApi {
    pub(super) ledger: Ledger,
    pub(super) limits: ServiceLimits,
    pub(super) live: LiveStreams,
}

#[tonic::async_trait]
impl v1::projection_service_server::ProjectionService for ProjectionApi {
    async fn get_ceiling_usage(
        &self,
        request: Request<v1::GetCeilingUsageRequest>,
    ) -> Result<Response<v1::GetCeilingUsageResponse>, Status> {
        answers::ceiling_usage(self, request.into_inner()).await.map(Response::new)
    }

    async fn get_agreement(
        &self,
        request: Request<v1::GetAgreementRequest>,
    ) -> Result<Response<v1::GetAgreementResponse>, Status> {
        answers::agreement(self, request.into_inner()).await.map(Response::new)
    }

    async fn get_forecast(
        &self,
        request: Request<v1::GetForecastRequest>,
    ) -> Result<Response<v1::GetForecastResponse>, Status> {
        answers::forecast(self, request.into_inner()).await.map(Response::new)
    }

    async fn get_breakdown(
        &self,
        request: Request<v1::GetBreakdownRequest>,
    ) -> Result<Response<v1::GetBreakdownResponse>, Status> {
        answers::breakdown(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_agreements(
        &self,
        request: Request<v1::ListAgreementsRequest>,
    ) -> Result<Response<v1::ListAgreementsResponse>, Status> {
        agreements::list(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_orders(
        &self,
        request: Request<v1::ListOrdersRequest>,
    ) -> Result<Response<v1::ListOrdersResponse>, Status> {
        documents::orders(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_invoices(
        &self,
        request: Request<v1::ListInvoicesRequest>,
    ) -> Result<Response<v1::ListInvoicesResponse>, Status> {
        documents::invoices(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_findings(
        &self,
        request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        findings::findings(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_deadlines(
        &self,
        request: Request<v1::ListDeadlinesRequest>,
    ) -> Result<Response<v1::ListDeadlinesResponse>, Status> {
        findings::deadlines(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_amendments(
        &self,
        request: Request<v1::ListAmendmentsRequest>,
    ) -> Result<Response<v1::ListAmendmentsResponse>, Status> {
        changes::amendments(self, request.into_inner()).await.map(Response::new)
    }

    async fn list_refusals(
        &self,
        request: Request<v1::ListRefusalsRequest>,
    ) -> Result<Response<v1::ListRefusalsResponse>, Status> {
        refusals::list(self, request.into_inner()).await.map(Response::new)
    }

    type WatchNoticesStream = super::stream::Answers<v1::WatchNoticesResponse>;

    async fn watch_notices(
        &self,
        request: Request<v1::WatchNoticesRequest>,
    ) -> Result<Response<Self::WatchNoticesStream>, Status> {
        let watch = Watch::new(&self.ledger, &self.limits, request.into_inner())?;
        self.live.open(|sender| watch.follow(sender)).map(Response::new)
    }
}
