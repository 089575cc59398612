//! Pages of a listing: one pinned snapshot, from the first page to the last.
//!
//! A page token says which request it belongs to (its method and every field but those of paging),
//! the pinned head, the resolved as-of day, and where to go on. It is sealed with the ledger's key,
//! so that what comes back is what was given. A page ends at the asked number of rows or at the
//! server's bound of bytes, whichever comes first.

use prost::Message;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tonic::Status;

use super::ProjectionApi;
use crate::domain::date::Date;
use crate::domain::id::AgreementId;
use crate::grpc::proofs::log_head;
use crate::grpc::query::{blocking, wait_for_position};
use crate::grpc::{ServiceLimits, status};
use crate::ledger::Ledger;
use crate::ledger::error::LedgerError;
use crate::ledger::listing::Pin;
use crate::ledger::query::TwoTimes;
use crate::wire::parse::listing::ListingQuery;
use crate::wire::parse::{Violation, malformed};
use crate::wire::{listing, v1};

/// The fields of paging in a listing's request.
pub(super) struct PagingFields<'a> {
    page_size: &'a mut i32,
    page_token: &'a mut String,
    min_position: &'a mut Option<u64>,
}

/// A request for a page of a listing.
pub(super) trait Paged: Message + Clone {
    /// Name of the method, so that no other takes its tokens.
    const METHOD: &'static str;

    fn paging(&mut self) -> PagingFields<'_>;
}

macro_rules! paged {
    ($($request:ident of $method:literal),* $(,)?) => {
        $(impl Paged for v1::$request {
            const METHOD: &'static str = $method;

            fn paging(&mut self) -> PagingFields<'_> {
                PagingFields {
                    page_size: &mut self.page_size,
                    page_token: &mut self.page_token,
                    min_position: &mut self.min_position,
                }
            }
        })*
    };
}

paged! {
    ListAgreementsRequest of "ListAgreements",
    ListOrdersRequest of "ListOrders",
    ListInvoicesRequest of "ListInvoices",
    ListFindingsRequest of "ListFindings",
    ListDeadlinesRequest of "ListDeadlines",
    ListAmendmentsRequest of "ListAmendments",
    ListRefusalsRequest of "ListRefusals",
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Place {
    /// The agreement to go on with, in a listing that goes by agreement.
    pub(super) agreement: Option<String>,
    /// Rows of it, or of the whole listing, that were shown; in a listing of the log, the position.
    pub(super) skip: u64,
}

#[derive(Serialize, Deserialize)]
struct Token {
    /// SHA-256 of the method and the request without its fields of paging.
    query: [u8; 32],
    as_of: String,
    record_count: u64,
    place: Place,
}

/// One page in the making.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    pub(super) ledger: Ledger,
    pub(super) pin: Pin,
    pub(super) place: Place,
    query: [u8; 32],
    rows_max: usize,
    bytes_max: usize,
}

/// A page: its rows and the token of the next. No token: it is the last.
pub(super) struct Page<M> {
    pub(super) rows: Vec<M>,
    pub(super) next_page_token: String,
}

impl Sheet {
    /// Pins the listing, or takes up what its token pinned.
    pub(super) async fn begin<R: Paged, F>(
        ledger: &Ledger,
        limits: &ServiceLimits,
        mut request: R,
        asked: &ListingQuery<F>,
    ) -> Result<Self, Status> {
        let PagingFields { page_size, page_token, min_position } = request.paging();
        *page_size = 0;
        let (page_token, min_position) = (std::mem::take(page_token), min_position.take());
        let query = digest(R::METHOD, &request);
        let token = read_token(ledger, &page_token, query)?;
        wait_for_position(ledger, min_position, limits).await?;
        let (as_of, as_known, pinning) = (asked.as_of, asked.as_known, ledger.clone());
        let (pin, place) = match token {
            None => {
                let times = TwoTimes { as_of, as_known };
                (Some(blocking(move || pinning.pin(times)).await?), Place::default())
            }
            Some((as_of, Token { record_count, place, .. })) => {
                let pin = move || pinning.pin_again(record_count, as_of, as_known);
                (blocking(pin).await?, place)
            }
        };
        let pin = pin.ok_or_else(invalid_token)?;
        let rows_max = asked.page_size.unwrap_or(limits.page_rows_default);
        Ok(Self {
            ledger: ledger.clone(),
            pin,
            place,
            query,
            rows_max: rows_max.min(limits.page_rows_max),
            bytes_max: limits.page_bytes_max,
        })
    }

    /// The agreement to go on with.
    pub(super) fn agreement(&self) -> Option<AgreementId> {
        self.place.agreement.as_deref().and_then(|id| AgreementId::parse(id).ok())
    }

    /// How many rows of an agreement were on earlier pages.
    pub(super) fn shown_of(&self, id: &AgreementId) -> usize {
        let is_begun = self.place.agreement.as_deref() == Some(id.as_str());
        if is_begun { self.shown() } else { 0 }
    }

    /// How many rows were on earlier pages, in a listing that is sorted as a whole.
    pub(super) fn shown(&self) -> usize {
        usize::try_from(self.place.skip).unwrap_or(usize::MAX)
    }

    /// Takes rows, each with its own place, up to the bounds of a page. The first that no longer
    /// fits begins the next page; a row larger than a page may be has one of its own.
    pub(super) fn fill<M: Message>(
        &self,
        rows: impl Iterator<Item = Result<(Place, M), LedgerError>>,
    ) -> Result<Page<M>, LedgerError> {
        let mut page = Page { rows: Vec::new(), next_page_token: String::new() };
        let mut bytes = 0;
        for row in rows {
            let (place, row) = row?;
            bytes += row.encoded_len();
            let is_full = page.rows.len() >= self.rows_max || bytes > self.bytes_max;
            if is_full && !page.rows.is_empty() {
                page.next_page_token = self.token(place);
                break;
            }
            page.rows.push(row);
        }
        Ok(page)
    }

    fn token(&self, place: Place) -> String {
        let token = Token {
            query: self.query,
            as_of: self.pin.as_of.to_string(),
            record_count: self.pin.record_count,
            place,
        };
        let bytes = serde_json::to_vec(&token).expect("texts and numbers are JSON");
        self.ledger.seal_page_token(&bytes)
    }
}

/// What every page of a listing is true for.
pub(super) async fn times(
    api: &ProjectionApi,
    pin: &Pin,
    as_of: Option<Date>,
) -> Result<v1::ListingTimes, Status> {
    let head = log_head(&api.ledger, pin.position).await?;
    Ok(listing::times(as_of, pin.as_known, pin.position, head))
}

fn digest<R: Paged>(method: &str, request: &R) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(method.as_bytes());
    hash.update([0]);
    hash.update(request.encode_to_vec());
    hash.finalize().into()
}

fn read_token(
    ledger: &Ledger,
    text: &str,
    query: [u8; 32],
) -> Result<Option<(Date, Token)>, Status> {
    if text.is_empty() {
        return Ok(None);
    }
    let opened = ledger.open_page_token(text);
    let token: Option<Token> = opened.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let token = token.filter(|token| token.query == query).ok_or_else(invalid_token)?;
    let as_of = Date::parse(&token.as_of).map_err(|_| invalid_token())?;
    Ok(Some((as_of, token)))
}

fn invalid_token() -> Status {
    status::of_violations(&[Violation {
        field: "page_token".to_owned(),
        reason: malformed::PAGE_TOKEN_INVALID,
        description: "must be the next_page_token of the same query, unaltered".to_owned(),
    }])
}
