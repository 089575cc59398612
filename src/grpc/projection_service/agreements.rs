//! The portfolio: agreements with the share of the ceiling used beside the share of the term elapsed.

use tonic::Status;

use super::ProjectionApi;
use super::paging::{self, Page, Place, Sheet};
use crate::domain::id::AgreementId;
use crate::grpc::query::blocking;
use crate::grpc::status;
use crate::ledger::error::LedgerError;
use crate::projections::portfolio::{PortfolioFilter, PortfolioOrder, PortfolioPlace};
use crate::wire::parse::listing as parse;
use crate::wire::{listing, v1};

pub(super) async fn list(
    api: &ProjectionApi,
    request: v1::ListAgreementsRequest,
) -> Result<v1::ListAgreementsResponse, Status> {
    let asked = parse::agreements(&request).map_err(|faults| status::of_violations(&faults))?;
    let sheet = Sheet::begin(&api.ledger, &api.limits, request, &asked).await?;
    let pin = sheet.pin;
    let (filter, order) = asked.filter;
    let page = blocking(move || match order {
        PortfolioOrder::Agreement => by_id(&sheet, &filter),
        PortfolioOrder::Usage | PortfolioOrder::EndDate => sorted(&sheet, &filter, order),
    });
    let page = page.await?;
    Ok(v1::ListAgreementsResponse {
        agreements: page.rows,
        next_page_token: page.next_page_token,
        times: Some(paging::times(api, &pin, Some(pin.as_of)).await?),
    })
}

fn by_id(
    sheet: &Sheet,
    filter: &PortfolioFilter,
) -> Result<Page<v1::AgreementSummary>, LedgerError> {
    let ids = sheet.ledger.agreements_from(sheet.agreement().as_ref());
    let row = |id: AgreementId| -> Result<Option<(Place, v1::AgreementSummary)>, LedgerError> {
        let place = Place { agreement: Some(id.to_string()), skip: 0 };
        let row = summary(sheet, &id, filter)?;
        Ok(row.map(|row| (place, row)))
    };
    sheet.fill(ids.map(|id| row(id?)).filter_map(Result::transpose))
}

/// Sorts the places of all that match, which are small, and shows the rows of a page.
fn sorted(
    sheet: &Sheet,
    filter: &PortfolioFilter,
    order: PortfolioOrder,
) -> Result<Page<v1::AgreementSummary>, LedgerError> {
    let mut places: Vec<PortfolioPlace> = Vec::new();
    for id in sheet.ledger.agreements_from(None) {
        let row = sheet.ledger.pinned_row(&id?, &sheet.pin)?;
        let summary = row.as_ref().and_then(|row| row.summary(sheet.pin.as_of));
        places.extend(
            summary.filter(|summary| filter.matches(summary)).map(|found| order.place(&found)),
        );
    }
    places.sort();
    let rows = (0..).zip(&places).skip(sheet.shown()).filter_map(|(skip, place)| {
        let row = summary(sheet, &place.agreement, filter).transpose()?;
        Some(row.map(|row| (Place { agreement: None, skip }, row)))
    });
    sheet.fill(rows)
}

/// The row of an agreement, when it is asked for.
fn summary(
    sheet: &Sheet,
    id: &AgreementId,
    filter: &PortfolioFilter,
) -> Result<Option<v1::AgreementSummary>, LedgerError> {
    let row = sheet.ledger.pinned_row(id, &sheet.pin)?;
    let summary = row.as_ref().and_then(|row| row.summary(sheet.pin.as_of));
    let asked_for = summary.filter(|summary| filter.matches(summary));
    Ok(asked_for.as_ref().map(listing::summary))
}
