//! The questions about one agreement: usage, terms, forecast, breakdown.

use tonic::Status;

use super::ProjectionApi;
use crate::domain::charter::{Charter, Stage};
use crate::domain::date::Date;
use crate::domain::event::OptionTerms;
use crate::domain::finding::Finding;
use crate::domain::id::OptionId;
use crate::domain::money::Money;
use crate::domain::scope::Scope;
use crate::domain::usage::{ScopeUsage, Usage};
use crate::grpc::proofs::log_head;
use crate::grpc::query::{Question, blocking, folding, wait_for_position};
use crate::grpc::status;
use crate::ledger::Ledger;
use crate::ledger::folding::FoldedFor;
use crate::ledger::query::Snapshot;
use crate::projections::breakdown::breakdown as break_down;
use crate::wire::parse::{Violations, listing as parse};
use crate::wire::{answer, listing, v1};

pub(super) async fn ceiling_usage(
    api: &ProjectionApi,
    request: v1::GetCeilingUsageRequest,
) -> Result<v1::GetCeilingUsageResponse, Status> {
    let v1::GetCeilingUsageRequest { agreement_id, as_of, as_known, min_position } = request;
    let question = Question::parse(&agreement_id, &as_of, as_known.as_ref())?;
    wait_for_position(&api.ledger, min_position, &api.limits).await?;
    let snapshot = question.snapshot(&api.ledger).await?;
    let head = log_head(&api.ledger, Some(snapshot.position)).await?;
    let id = &question.agreement_id;
    let usage = snapshot.usage().ok_or_else(|| question.unknown())?;
    let findings = match api.ledger.findings_at_hand(&snapshot) {
        Some(findings) => findings,
        None => open_findings(&api.ledger, snapshot.clone()).await?,
    };
    Ok(v1::GetCeilingUsageResponse {
        usage: Some(answer::usage(id, &usage, snapshot.as_known, snapshot.position)),
        findings: findings.iter().map(|finding| answer::finding(id, finding)).collect(),
        head: Some(head),
    })
}

/// Folds the agreement for its findings.
async fn open_findings(ledger: &Ledger, snapshot: Snapshot) -> Result<Vec<Finding>, Status> {
    let (folded, events) = (ledger.clone(), ledger.unfolded_events_for_findings(&snapshot));
    let findings = move || Ok(folded.open_findings(&snapshot));
    folding(ledger, FoldedFor::Question, events, findings).await
}

pub(super) async fn agreement(
    api: &ProjectionApi,
    request: v1::GetAgreementRequest,
) -> Result<v1::GetAgreementResponse, Status> {
    let v1::GetAgreementRequest { agreement_id, as_of, as_known, min_position } = request;
    let question = Question::parse(&agreement_id, &as_of, as_known.as_ref())?;
    wait_for_position(&api.ledger, min_position, &api.limits).await?;
    let snapshot = question.snapshot(&api.ledger).await?;
    let ledger = api.ledger.clone();
    let Some(charter) = snapshot.agreement.charter_at(snapshot.as_of) else {
        return Err(question.unknown());
    };
    let position = charter.signed().position;
    let stored = blocking(move || ledger.record(position)).await?;
    let head = log_head(&api.ledger, Some(snapshot.position)).await?;
    agreed(&agreement_id, &snapshot, charter, stored, head)
        .ok_or_else(|| status::unknown_agreement(&agreement_id, &as_of, ""))
}

pub(super) async fn forecast(
    api: &ProjectionApi,
    request: v1::GetForecastRequest,
) -> Result<v1::GetForecastResponse, Status> {
    let v1::GetForecastRequest { agreement_id, as_of, as_known, min_position } = request;
    let question = Question::parse(&agreement_id, &as_of, as_known.as_ref())?;
    wait_for_position(&api.ledger, min_position, &api.limits).await?;
    let snapshot = question.snapshot(&api.ledger).await?;
    let usage = snapshot.usage().ok_or_else(|| question.unknown())?;
    Ok(v1::GetForecastResponse {
        forecast: usage.forecast.as_ref().map(answer::forecast),
        usage: own_scope(&usage).map(|scope| answer::scope_usage(scope, usage.currency)),
        times: Some(times(api, &snapshot).await?),
    })
}

pub(super) async fn breakdown(
    api: &ProjectionApi,
    request: v1::GetBreakdownRequest,
) -> Result<v1::GetBreakdownResponse, Status> {
    let v1::GetBreakdownRequest { agreement_id, dimension, as_of, as_known, min_position } =
        request;
    let mut violations = Violations::default();
    let question = Question::read(&mut violations, &agreement_id, &as_of, as_known.as_ref());
    let dimension = parse::dimension(&mut violations, dimension);
    let (Some(question), Some(dimension)) = (question, dimension) else {
        return Err(status::of_violations(&violations.into_vec()));
    };
    wait_for_position(&api.ledger, min_position, &api.limits).await?;
    let snapshot = question.snapshot(&api.ledger).await?;
    let usage = snapshot.usage().ok_or_else(|| question.unknown())?;
    let own = own_scope(&usage).ok_or_else(|| question.unknown())?;
    let times = times(api, &snapshot).await?;
    let agreement = snapshot.agreement;
    // A large agreement has many parts; adding them up holds up nobody.
    let parts = move || Ok(agreement.parts(snapshot.as_of));
    let rows = break_down(&blocking(parts).await?, dimension, own.sums.exposure);
    Ok(v1::GetBreakdownResponse {
        rows: rows.into_iter().map(|row| listing::breakdown(usage.currency, row)).collect(),
        usage: Some(answer::scope_usage(own, usage.currency)),
        times: Some(times),
    })
}

fn own_scope(usage: &Usage) -> Option<&ScopeUsage> {
    usage.scopes.iter().find(|scope| scope.scope == Scope::Agreement)
}

async fn times(api: &ProjectionApi, snapshot: &Snapshot) -> Result<v1::ListingTimes, Status> {
    let position = Some(snapshot.position);
    let head = log_head(&api.ledger, position).await?;
    Ok(listing::times(Some(snapshot.as_of), snapshot.as_known, position, head))
}

fn agreed(
    agreement_id: &str,
    snapshot: &Snapshot,
    charter: &Charter,
    stored: v1::Record,
    head: v1::LogHead,
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
        state: listing::agreement_state(snapshot.agreement.state(as_of)?).into(),
        signed_date: charter.signed().event.effective.to_string(),
        term_in_force: Some(v1::Term {
            start_date: terms.start.to_string(),
            end_date: stage.end.to_string(),
        }),
        options: options.map(|(terms, stated)| option_status(stage, terms, stated)).collect(),
        ceilings: ceilings.collect(),
        buyers: stage.buyers.iter().map(answer::organisation).collect(),
        suppliers: stage.suppliers.iter().map(answer::organisation).collect(),
        lot_ids: stage.lots.iter().map(ToString::to_string).collect(),
        order_count,
        invoice_count,
        position: snapshot.position.get(),
        signed: Some(signed),
        head: Some(head),
    })
}

fn option_status(
    stage: &Stage,
    terms: &OptionTerms,
    stated: &v1::AgreementOption,
) -> v1::OptionStatus {
    let date_in = |list: &[(OptionId, Date)]| {
        list.iter().find(|(option, _)| *option == terms.option).map(|(_, date)| date.to_string())
    };
    let (exercised, declined) = (date_in(&stage.exercised), date_in(&stage.declined));
    let is_settled = exercised.is_some() || declined.is_some();
    let last = (!is_settled).then(|| stage.last_exercise_date(terms).to_string());
    v1::OptionStatus {
        option: Some(stated.clone()),
        exercised_date: exercised.unwrap_or_default(),
        last_exercise_date: last.unwrap_or_default(),
        declined_date: declined.unwrap_or_default(),
    }
}
