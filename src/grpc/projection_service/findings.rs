//! Listings of what wants attention: findings by agreement, deadlines by date.

use std::collections::BTreeMap;

use tonic::Status;

use super::ProjectionApi;
use super::documents::{agreements, rows_by_agreement, unknown};
use super::paging::{self, Place, Sheet};
use crate::domain::agreement::Agreement;
use crate::domain::id::{AgreementId, Position};
use crate::domain::view::DeadlineView;
use crate::grpc::query::blocking;
use crate::grpc::status;
use crate::ledger::error::LedgerError;
use crate::projections::filter::{DeadlineFilter, DeadlineKind};
use crate::projections::findings::episodes;
use crate::wire::parse::listing as parse;
use crate::wire::{answer, listing, v1};

pub(super) async fn findings(
    api: &ProjectionApi,
    request: v1::ListFindingsRequest,
) -> Result<v1::ListFindingsResponse, Status> {
    let asked = parse::findings(&request).map_err(|faults| status::of_violations(&faults))?;
    let sheet = Sheet::begin(&api.ledger, &api.limits, request, &asked).await?;
    let (pin, unknown) = (sheet.pin, unknown(&asked));
    let page = blocking(move || {
        let as_of = sheet.pin.as_of;
        let Some(agreements) = agreements(&sheet, asked.agreement.as_ref())? else {
            return Ok(None);
        };
        let findings_of = |agreement: &Agreement| {
            let judged_at_day = agreement.tracker().horizon() == as_of;
            let mut findings = if judged_at_day {
                episodes(agreement.tracker())
            } else {
                episodes(sheet.ledger.judged(agreement, as_of).tracker())
            };
            findings.retain(|finding| asked.filter.matches(finding));
            findings
        };
        let rows = rows_by_agreement(&sheet, agreements, findings_of, |agreement, finding| {
            Some(answer::finding(agreement.id(), finding))
        });
        sheet.fill(rows).map(Some)
    });
    let page = page.await?.ok_or_else(unknown)?;
    Ok(v1::ListFindingsResponse {
        findings: page.rows,
        next_page_token: page.next_page_token,
        times: Some(paging::times(api, &pin, Some(pin.as_of)).await?),
    })
}

pub(super) async fn deadlines(
    api: &ProjectionApi,
    request: v1::ListDeadlinesRequest,
) -> Result<v1::ListDeadlinesResponse, Status> {
    let asked = parse::deadlines(&request).map_err(|faults| status::of_violations(&faults))?;
    let sheet = Sheet::begin(&api.ledger, &api.limits, request, &asked).await?;
    let (pin, unknown) = (sheet.pin, unknown(&asked));
    let page = blocking(move || {
        let Some(due) = all_due(&sheet, asked.agreement.as_ref(), &asked.filter)? else {
            return Ok(None);
        };
        let mut titles: BTreeMap<Position, String> = BTreeMap::new();
        let rows = (0..).zip(due).skip(sheet.shown()).map(|(skip, due)| {
            let Due { agreement, deadline, signed, .. } = due;
            let title = match titles.get(&signed) {
                Some(title) => title.clone(),
                None => titles.entry(signed).or_insert(sheet.ledger.title(signed)?).clone(),
            };
            let row = listing::deadline(&agreement, title, &deadline, pin.as_of);
            Ok((Place { agreement: None, skip }, row))
        });
        sheet.fill(rows).map(Some)
    });
    let page = page.await?.ok_or_else(unknown)?;
    Ok(v1::ListDeadlinesResponse {
        deadlines: page.rows,
        next_page_token: page.next_page_token,
        times: Some(paging::times(api, &pin, Some(pin.as_of)).await?),
    })
}

struct Due {
    agreement: AgreementId,
    deadline: DeadlineView,
    kind: DeadlineKind,
    subject: String,
    signed: Position,
}

/// Every deadline that is asked for, by date, then agreement, kind and subject. Few hang on one
/// agreement, so they are sorted as a whole.
fn all_due(
    sheet: &Sheet,
    named: Option<&AgreementId>,
    filter: &DeadlineFilter,
) -> Result<Option<Vec<Due>>, LedgerError> {
    let as_of = sheet.pin.as_of;
    let Some(agreements) = agreements(sheet, named)? else { return Ok(None) };
    let mut all = Vec::new();
    for agreement in agreements {
        let agreement = agreement?;
        let Some(charter) = agreement.charter() else { continue };
        let signed = charter.signed().position;
        let deadlines = agreement.deadlines(as_of).into_iter();
        all.extend(deadlines.filter(|due| filter.matches(due, as_of)).map(|deadline| {
            let (kind, subject) = DeadlineKind::of(&deadline.subject);
            Due { agreement: agreement.id().clone(), deadline, kind, subject, signed }
        }));
    }
    all.sort_by(|left, right| {
        let key = |due: &Due| (due.deadline.date, due.agreement.clone(), due.kind);
        key(left).cmp(&key(right)).then_with(|| left.subject.cmp(&right.subject))
    });
    Ok(Some(all))
}
