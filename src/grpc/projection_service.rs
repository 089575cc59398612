//! ProjectionService: what is left, and what is agreed.

use tonic::{Request, Response, Status};

use super::live::LiveStreams;
use super::query::{Question, wait_for_position};
use super::watch::Watch;
use super::{ServiceLimits, status};
use crate::domain::charter::{Charter, Stage};
use crate::domain::date::Date;
use crate::domain::event::OptionTerms;
use crate::domain::money::Money;
use crate::ledger::Ledger;
use crate::ledger::query::Snapshot;
use crate::wire::{answer, v1};

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
        let v1::GetCeilingUsageRequest { agreement_id, as_of, as_known, min_position } =
            request.into_inner();
        let question = Question::parse(&agreement_id, &as_of, as_known.as_ref())?;
        wait_for_position(&self.ledger, min_position, &self.limits).await?;
        let snapshot = question.snapshot(&self.ledger).await?;
        let id = &question.agreement_id;
        let usage = snapshot.usage().ok_or_else(|| question.unknown())?;
        let findings = snapshot.open_findings();
        Ok(Response::new(v1::GetCeilingUsageResponse {
            usage: Some(answer::usage(id, &usage, snapshot.as_known, snapshot.position)),
            findings: findings.iter().map(|finding| answer::finding(id, finding)).collect(),
        }))
    }

    async fn get_agreement(
        &self,
        request: Request<v1::GetAgreementRequest>,
    ) -> Result<Response<v1::GetAgreementResponse>, Status> {
        let v1::GetAgreementRequest { agreement_id, as_of, as_known, min_position } =
            request.into_inner();
        let question = Question::parse(&agreement_id, &as_of, as_known.as_ref())?;
        wait_for_position(&self.ledger, min_position, &self.limits).await?;
        let snapshot = question.snapshot(&self.ledger).await?;
        let ledger = self.ledger.clone();
        let Some(charter) = snapshot.agreement.charter_at(snapshot.as_of) else {
            return Err(question.unknown());
        };
        let position = charter.signed().position;
        let stored = super::query::blocking(move || ledger.record(position)).await?;
        agreement(&agreement_id, &snapshot, charter, stored)
            .map(Response::new)
            .ok_or_else(|| status::unknown_agreement(&agreement_id, &as_of, ""))
    }

    async fn get_forecast(
        &self,
        _request: Request<v1::GetForecastRequest>,
    ) -> Result<Response<v1::GetForecastResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
    }

    async fn get_breakdown(
        &self,
        _request: Request<v1::GetBreakdownRequest>,
    ) -> Result<Response<v1::GetBreakdownResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
    }

    async fn list_agreements(
        &self,
        _request: Request<v1::ListAgreementsRequest>,
    ) -> Result<Response<v1::ListAgreementsResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
    }

    async fn list_orders(
        &self,
        _request: Request<v1::ListOrdersRequest>,
    ) -> Result<Response<v1::ListOrdersResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
    }

    async fn list_invoices(
        &self,
        _request: Request<v1::ListInvoicesRequest>,
    ) -> Result<Response<v1::ListInvoicesResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
    }

    async fn list_findings(
        &self,
        _request: Request<v1::ListFindingsRequest>,
    ) -> Result<Response<v1::ListFindingsResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
    }

    async fn list_deadlines(
        &self,
        _request: Request<v1::ListDeadlinesRequest>,
    ) -> Result<Response<v1::ListDeadlinesResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
    }

    async fn list_amendments(
        &self,
        _request: Request<v1::ListAmendmentsRequest>,
    ) -> Result<Response<v1::ListAmendmentsResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
    }

    async fn list_refusals(
        &self,
        _request: Request<v1::ListRefusalsRequest>,
    ) -> Result<Response<v1::ListRefusalsResponse>, Status> {
        Err(Status::unimplemented("later in this change"))
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

fn agreement(
    agreement_id: &str,
    snapshot: &Snapshot,
    charter: &Charter,
    stored: v1::Record,
) -> Option<v1::GetAgreementResponse> {
    let as_of = snapshot.as_of;
    let (terms, stage) = (charter.terms(), charter.stage_at(as_of));
    let Some(v1::record::Entry::Event(accepted)) = stored.entry else { return None };
    let Some(v1::event::Payload::AgreementSigned(signed)) = accepted.event?.payload else {
        return None;
    };
    let ceilings = stage.ceilings.iter().map(|ceiling| v1::Ceiling {
        scope: Some(answer::scope(&ceiling.scope)),
        kind: answer::ceiling_kind(ceiling.kind).into(),
        amount: Some(answer::money(Money { amount: ceiling.amount, currency: terms.currency })),
    });
    let (order_count, invoice_count) = snapshot.agreement.document_counts(as_of);
    let options = terms.options.iter().zip(&signed.options);
    Some(v1::GetAgreementResponse {
        agreement_id: agreement_id.to_owned(),
        agreement_version: snapshot.agreement.version().get(),
        as_of: as_of.to_string(),
        state: state(charter, stage, as_of).into(),
        signed_date: charter.signed().event.effective.to_string(),
        term_in_force: Some(v1::Term {
            start_date: terms.start.to_string(),
            end_date: stage.end.to_string(),
        }),
        options: options.map(|(terms, stated)| option_status(stage, terms, stated)).collect(),
        ceilings: ceilings.collect(),
        order_count,
        invoice_count,
        position: snapshot.position.get(),
        signed: Some(signed),
    })
}

fn state(charter: &Charter, stage: &Stage, as_of: Date) -> v1::AgreementState {
    if as_of < charter.terms().start {
        v1::AgreementState::NotStarted
    } else if as_of > stage.end {
        v1::AgreementState::Expired
    } else {
        v1::AgreementState::Active
    }
}

fn option_status(
    stage: &Stage,
    terms: &OptionTerms,
    stated: &v1::AgreementOption,
) -> v1::OptionStatus {
    let exercised = stage.exercised.iter().find(|(option, _)| *option == terms.option);
    let (exercised_date, last_exercise_date) = match exercised {
        Some((_, date)) => (date.to_string(), String::new()),
        None => (String::new(), stage.last_exercise_date(terms).to_string()),
    };
    v1::OptionStatus { option: Some(stated.clone()), exercised_date, last_exercise_date }
}
