//! Listings that go by agreement: orders and invoices. `rows_by_agreement` serves findings too.

use std::sync::Arc;

use tonic::Status;

use super::ProjectionApi;
use super::paging::{self, Place, Sheet};
use crate::domain::agreement::Agreement;
use crate::domain::id::AgreementId;
use crate::domain::money::Currency;
use crate::grpc::query::blocking;
use crate::grpc::status;
use crate::ledger::error::LedgerError;
use crate::wire::parse::listing::{self as parse, ListingQuery};
use crate::wire::{listing, v1};

pub(super) async fn orders(
    api: &ProjectionApi,
    request: v1::ListOrdersRequest,
) -> Result<v1::ListOrdersResponse, Status> {
    let asked = parse::orders(&request).map_err(|faults| status::of_violations(&faults))?;
    let sheet = Sheet::begin(&api.ledger, &api.limits, request, &asked).await?;
    let (pin, unknown) = (sheet.pin, unknown(&asked));
    let page = blocking(move || {
        let as_of = sheet.pin.as_of;
        let Some(agreements) = agreements(&sheet, asked.agreement.as_ref())? else {
            return Ok(None);
        };
        let orders_of = |agreement: &Agreement| {
            let mut orders = agreement.orders(as_of);
            orders.retain(|order| asked.filter.matches(order));
            orders
        };
        let rows = rows_by_agreement(&sheet, agreements, orders_of, |agreement, order| {
            Some(listing::order(agreement.id(), currency(agreement)?, order))
        });
        sheet.fill(rows).map(Some)
    });
    let page = page.await?.ok_or_else(unknown)?;
    Ok(v1::ListOrdersResponse {
        orders: page.rows,
        next_page_token: page.next_page_token,
        times: Some(paging::times(api, &pin, Some(pin.as_of)).await?),
    })
}

pub(super) async fn invoices(
    api: &ProjectionApi,
    request: v1::ListInvoicesRequest,
) -> Result<v1::ListInvoicesResponse, Status> {
    let asked = parse::invoices(&request).map_err(|faults| status::of_violations(&faults))?;
    let sheet = Sheet::begin(&api.ledger, &api.limits, request, &asked).await?;
    let (pin, unknown) = (sheet.pin, unknown(&asked));
    let page = blocking(move || {
        let as_of = sheet.pin.as_of;
        let Some(agreements) = agreements(&sheet, asked.agreement.as_ref())? else {
            return Ok(None);
        };
        let invoices_of = |agreement: &Agreement| {
            let mut invoices = agreement.invoices(as_of);
            invoices.retain(|invoice| asked.filter.matches(invoice));
            invoices
        };
        let rows = rows_by_agreement(&sheet, agreements, invoices_of, |agreement, invoice| {
            listing::invoice(agreement.id(), currency(agreement)?, invoice)
        });
        sheet.fill(rows).map(Some)
    });
    let page = page.await?.ok_or_else(unknown)?;
    Ok(v1::ListInvoicesResponse {
        invoices: page.rows,
        next_page_token: page.next_page_token,
        times: Some(paging::times(api, &pin, Some(pin.as_of)).await?),
    })
}

/// Agreements as pinned, one after the other.
pub(super) type Agreements = Box<dyn Iterator<Item = Result<Arc<Agreement>, LedgerError>>>;

/// The agreement that is named, or all from the one on with which the page begins. None when the
/// named one is not signed and known at the pinned times.
pub(super) fn agreements(
    sheet: &Sheet,
    named: Option<&AgreementId>,
) -> Result<Option<Agreements>, LedgerError> {
    let (ledger, pin) = (sheet.ledger.clone(), sheet.pin);
    if let Some(id) = named {
        let agreement = ledger.pinned_agreement(id, &pin)?;
        return Ok(
            agreement.map(|agreement| -> Agreements { Box::new(std::iter::once(Ok(agreement))) })
        );
    }
    let ids = ledger.agreements_from(sheet.agreement().as_ref());
    let agreement = move |id: Result<AgreementId, LedgerError>| ledger.pinned_agreement(&id?, &pin);
    Ok(Some(Box::new(ids.map(agreement).filter_map(Result::transpose))))
}

/// A row as it is sent, and its place.
type Placed<M> = Result<(Place, M), LedgerError>;

/// The rows of one agreement after the other, those of earlier pages left out. No more than one
/// agreement's rows are in memory at a time, and only those of the page are put into messages.
pub(super) fn rows_by_agreement<R: 'static, M: 'static>(
    sheet: &Sheet,
    agreements: Agreements,
    rows_of: impl Fn(&Agreement) -> Vec<R>,
    message: fn(&Agreement, &R) -> Option<M>,
) -> impl Iterator<Item = Placed<M>> {
    agreements.flat_map(move |agreement| -> Box<dyn Iterator<Item = Placed<M>>> {
        let agreement = match agreement {
            Ok(agreement) => agreement,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let shown = sheet.shown_of(agreement.id());
        let numbered = (0..).zip(rows_of(&agreement)).skip(shown);
        Box::new(numbered.filter_map(move |(skip, row)| {
            let place = Place { agreement: Some(agreement.id().to_string()), skip };
            Some(Ok((place, message(&agreement, &row)?)))
        }))
    })
}

/// What is said when the named agreement is not signed and known at the asked times.
pub(super) fn unknown<F>(asked: &ListingQuery<F>) -> impl FnOnce() -> Status + use<F> {
    let id = asked.agreement.as_ref().map(ToString::to_string).unwrap_or_default();
    let as_of = asked.as_of.map(|date| date.to_string()).unwrap_or_default();
    let as_known = asked.as_known.map(|time| time.to_string()).unwrap_or_default();
    move || status::unknown_agreement(&id, &as_of, &as_known)
}

fn currency(agreement: &Agreement) -> Option<Currency> {
    agreement.charter().map(|charter| charter.terms().currency)
}
