//! Listings, breakdowns and forecasts, as clients see them.

mod agreements;
mod breakdown;
mod changes;
mod documents;
mod findings;
mod kept;
mod malformed;
mod paging;
mod refusals;

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::as_known::AsKnown as Known;

use super::support::Served;
use super::support::events::*;

pub(crate) fn known_on(date: &str) -> Option<v1::AsKnown> {
    Some(v1::AsKnown { as_known: Some(Known::Date(date.to_owned())) })
}

pub(crate) fn amount(money: Option<&v1::Money>) -> &str {
    money.map(|money| money.amount.as_str()).unwrap_or_default()
}

pub(crate) async fn portfolio(
    served: &Served,
    request: v1::ListAgreementsRequest,
) -> Vec<v1::AgreementSummary> {
    served.projections().list_agreements(request).await.unwrap().into_inner().agreements
}

pub(crate) fn ids(rows: &[v1::AgreementSummary]) -> Vec<&str> {
    rows.iter().map(|row| row.agreement_id.as_str()).collect()
}

/// An order with department, lot and CPV code.
pub(crate) fn order_of(
    id: &str,
    amount: &str,
    department: &str,
    cpv_code: &str,
) -> v1::event::Payload {
    v1::event::Payload::OrderPlaced(v1::OrderPlaced {
        department: department.to_owned(),
        cpv_code: cpv_code.to_owned(),
        ..placed(id, amount)
    })
}
