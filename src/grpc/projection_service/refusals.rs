//! The listing of refused requests, which goes by position over the log.

use tonic::Status;

use super::ProjectionApi;
use super::documents::unknown;
use super::paging::{self, Place, Sheet};
use crate::domain::reason::Reason;
use crate::grpc::query::blocking;
use crate::grpc::status;
use crate::wire::parse::listing as parse;
use crate::wire::{listing, v1};

pub(super) async fn list(
    api: &ProjectionApi,
    request: v1::ListRefusalsRequest,
) -> Result<v1::ListRefusalsResponse, Status> {
    let asked = parse::refusals(&request).map_err(|faults| status::of_violations(&faults))?;
    let sheet = Sheet::begin(&api.ledger, &api.limits, request, &asked).await?;
    let (pin, unknown) = (sheet.pin, unknown(&asked));
    let page = blocking(move || {
        let parse::RefusalFilter { reasons, recorded_from } = &asked.filter;
        let (named, from) = (asked.agreement.as_ref(), sheet.place.skip);
        let refusals = sheet.ledger.refusals(named, from, *recorded_from, &sheet.pin)?;
        let Some(refusals) = refusals else { return Ok(None) };
        let rows = refusals.filter_map(|record| match record {
            Err(error) => Some(Err(error)),
            Ok(record) => {
                let row = listing::refusal(record).filter(|row| is_asked_for(row, reasons))?;
                Some(Ok((Place { agreement: None, skip: row.position }, row)))
            }
        });
        sheet.fill(rows).map(Some)
    });
    let page = page.await?.ok_or_else(unknown)?;
    Ok(v1::ListRefusalsResponse {
        refusals: page.rows,
        next_page_token: page.next_page_token,
        times: Some(paging::times(api, &pin, None).await?),
    })
}

fn is_asked_for(row: &v1::RefusalRow, reasons: &[Reason]) -> bool {
    let refusals = row.refused.iter().flat_map(|refused| &refused.refusals);
    let mut stated = refusals.map(|refusal| refusal.reason.as_str());
    reasons.is_empty() || stated.any(|name| reasons.iter().any(|reason| reason.name() == name))
}
