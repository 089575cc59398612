//! AuditService: the timeline of an agreement, and what proves the log.

use std::sync::Arc;

use prost::Message as _;
use tonic::{Request, Response, Status};

use super::query::{Question, folding, wait_for_position};
use super::stream::{Answers, Filling, Gone, Sender, Streams};
use super::{ServiceLimits, proofs, status};
use crate::domain::id::{AgreementId, Version};
use crate::domain::money::Money;
use crate::ledger::Ledger;
use crate::ledger::folding::FoldedFor;
use crate::ledger::history::{History, Line};
use crate::wire::{answer, policy, v1};
use crate::witness::Witnesses;

/// The service.
#[derive(Debug)]
pub(super) struct AuditApi {
    pub(super) ledger: Ledger,
    pub(super) witnesses: Option<Arc<Witnesses>>,
    pub(super) limits: ServiceLimits,
    pub(super) streams: Streams,
}

#[tonic::async_trait]
impl v1::audit_service_server::AuditService for AuditApi {
    type GetHistoryStream = Answers<v1::GetHistoryResponse>;

    async fn get_history(
        &self,
        request: Request<v1::GetHistoryRequest>,
    ) -> Result<Response<Self::GetHistoryStream>, Status> {
        let v1::GetHistoryRequest { agreement_id, as_of, as_known, from_version, min_position } =
            request.into_inner();
        let question = Question::parse(&agreement_id, &as_of, as_known.as_ref())?;
        wait_for_position(&self.ledger, min_position, &self.limits).await?;
        let (id, times, ledger) =
            (question.agreement_id.clone(), question.times, self.ledger.clone());
        let from = Version::new(from_version);
        let events = ledger.unfolded_events_at(&id, times);
        let events = events.map_err(|error| status::of_ledger_error(&error))?;
        let history = move || ledger.history(&id, times, from);
        let history = folding(&self.ledger, FoldedFor::Question, events, history).await?;
        let history = history.ok_or_else(|| question.unknown())?;
        let head = proofs::log_head(&self.ledger, Some(history.snapshot().position)).await?;
        let (id, filling) = (question.agreement_id, Filling::new(&self.limits));
        let answers =
            self.streams.open(move |sender| send_history(&id, history, head, filling, sender))?;
        Ok(Response::new(answers))
    }

    async fn get_checkpoint(
        &self,
        request: Request<v1::GetCheckpointRequest>,
    ) -> Result<Response<v1::GetCheckpointResponse>, Status> {
        let witnesses = self.witnesses.as_deref();
        proofs::checkpoint(&self.ledger, &self.limits, witnesses, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn get_inclusion_proof(
        &self,
        request: Request<v1::GetInclusionProofRequest>,
    ) -> Result<Response<v1::GetInclusionProofResponse>, Status> {
        proofs::inclusion(&self.ledger, request.into_inner()).await.map(Response::new)
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Result<Response<v1::GetConsistencyProofResponse>, Status> {
        proofs::consistency(&self.ledger, request.into_inner()).await.map(Response::new)
    }

    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Result<Response<v1::GetReceiptResponse>, Status> {
        proofs::receipt(&self.ledger, &self.limits, request.into_inner()).await.map(Response::new)
    }

    async fn get_policy(
        &self,
        _: Request<v1::GetPolicyRequest>,
    ) -> Result<Response<v1::GetPolicyResponse>, Status> {
        Ok(Response::new(policy::of_book(self.ledger.policies())))
    }
}

/// Sends lines in messages of bounded size, and at least one message. Ends early when the reader has
/// gone.
fn send_history(
    id: &AgreementId,
    history: History,
    head: v1::LogHead,
    mut filling: Filling,
    sender: &Sender<v1::GetHistoryResponse>,
) -> Result<(), Gone> {
    let empty = v1::GetHistoryResponse {
        entries: Vec::new(),
        as_of: history.snapshot().as_of.to_string(),
        position: history.snapshot().position.get(),
        head: Some(head),
    };
    let mut message = empty.clone();
    for line in history {
        let entry = match line {
            Ok(line) => entry(id, line),
            Err(error) => {
                sender.send(Ok(message))?;
                return sender.send(Err(status::of_ledger_error(&error)));
            }
        };
        if filling.must_send_before(entry.encoded_len()) {
            sender.send(Ok(std::mem::replace(&mut message, empty.clone())))?;
        }
        message.entries.push(entry);
    }
    sender.send(Ok(message))
}

fn entry(id: &AgreementId, line: Line) -> v1::HistoryEntry {
    let Line {
        record,
        currency,
        exposure_before,
        exposure_after,
        remaining_after,
        changes,
        reversed_by,
    } = line;
    let money = |amount| currency.map(|currency| answer::money(Money { amount, currency }));
    let finding = |finding| answer::finding(id, finding);
    v1::HistoryEntry {
        record: Some(record),
        exposure_before: money(exposure_before),
        exposure_after: money(exposure_after),
        remaining_after: remaining_after.and_then(money),
        findings_opened: changes.opened.iter().map(finding).collect(),
        findings_cleared: changes.cleared.iter().map(finding).collect(),
        reversed_by_event_id: reversed_by.map(|id| id.to_string()).unwrap_or_default(),
    }
}
