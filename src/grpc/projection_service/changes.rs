//! The listing of one agreement's amendments.

use tonic::Status;

use super::ProjectionApi;
use super::documents::unknown;
use super::paging::{self, Page, Place, Sheet};
use crate::domain::charter::Charter;
use crate::domain::event::{LegalBasis, Payload};
use crate::domain::id::AgreementId;
use crate::domain::money::Money;
use crate::domain::scope::Scope;
use crate::domain::view::AmendmentView;
use crate::grpc::query::blocking;
use crate::grpc::status;
use crate::ledger::error::LedgerError;
use crate::wire::parse::listing as parse;
use crate::wire::{answer, listing, v1};

pub(super) async fn amendments(
    api: &ProjectionApi,
    request: v1::ListAmendmentsRequest,
) -> Result<v1::ListAmendmentsResponse, Status> {
    let asked = parse::amendments(&request).map_err(|faults| status::of_violations(&faults))?;
    let sheet = Sheet::begin(&api.ledger, &api.limits, request, &asked).await?;
    let (pin, unknown) = (sheet.pin, unknown(&asked));
    let page = blocking(move || match &asked.agreement {
        Some(id) => page_of(&sheet, id),
        None => Ok(None),
    });
    let (page, original) = page.await?.ok_or_else(unknown)?;
    Ok(v1::ListAmendmentsResponse {
        amendments: page.rows,
        next_page_token: page.next_page_token,
        times: Some(paging::times(api, &pin, Some(pin.as_of)).await?),
        original_value: Some(answer::money(original)),
    })
}

fn page_of(
    sheet: &Sheet,
    id: &AgreementId,
) -> Result<Option<(Page<v1::AmendmentRow>, Money)>, LedgerError> {
    let Some(agreement) = sheet.ledger.pinned_agreement(id, &sheet.pin)? else { return Ok(None) };
    let Some(terms) = agreement.charter().map(Charter::terms) else { return Ok(None) };
    let own = terms.ceilings.iter().find(|ceiling| ceiling.scope == Scope::Agreement);
    let Some(amount) = own.map(|ceiling| ceiling.amount) else { return Ok(None) };
    let original = Money { amount, currency: terms.currency };
    let amendments = agreement.amendments(sheet.pin.as_of);
    let rows = (0..).zip(&amendments).skip(sheet.shown()).map(|(skip, amendment)| {
        let place = Place { agreement: None, skip };
        row(sheet, amendment, original).map(|row| (place, row))
    });
    Ok(Some((sheet.fill(rows)?, original)))
}

/// Texts that no rule reads are in the stored record.
fn row(
    sheet: &Sheet,
    amendment: &AmendmentView,
    original: Money,
) -> Result<v1::AmendmentRow, LedgerError> {
    let position = amendment.recorded.position;
    let stored = sheet.ledger.record(position)?;
    let stated = stated(stored).zip(basis(amendment));
    let (stated, basis) = stated.ok_or(LedgerError::IndexMismatch { position: position.get() })?;
    Ok(listing::amendment(amendment, basis, stated, original))
}

fn basis(amendment: &AmendmentView) -> Option<LegalBasis> {
    if let Payload::AgreementAmended(amended) = &amendment.recorded.event.payload {
        Some(amended.basis)
    } else {
        None
    }
}

fn stated(stored: v1::Record) -> Option<v1::AgreementAmended> {
    let Some(v1::record::Entry::Event(accepted)) = stored.entry else { return None };
    let Some(v1::event::Payload::AgreementAmended(stated)) = accepted.event?.payload else {
        return None;
    };
    Some(stated)
}
