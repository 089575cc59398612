//! Malformed requests of listings: every violation at once, each with its field.

use contract_ledger::wire::v1;
use tonic::Code;

use super::super::support::events::*;
use super::super::support::{Served, told};

const BAD_DATE: &str = "2024-02-30";

#[tokio::test]
async fn every_violation_is_told_with_its_field() {
    let served = Served::start();
    let mut projections = served.projections();
    let bad = || BAD_DATE.to_owned();
    let agreements = v1::ListAgreementsRequest {
        as_of: bad(),
        buyer: org("920125299"),
        states: vec![1, 0, 99],
        end_date_from: bad(),
        order_by: 99,
        page_size: -1,
        ..Default::default()
    };
    let agreements = projections.list_agreements(agreements).await.unwrap_err();
    let orders = v1::ListOrdersRequest {
        agreement_id: " a".to_owned(),
        lot_id: "\n".to_owned(),
        department: "x".repeat(129),
        states: vec![0],
        placed_to: bad(),
        page_size: i32::MIN,
        ..Default::default()
    };
    let orders = projections.list_orders(orders).await.unwrap_err();
    let invoices = v1::ListInvoicesRequest {
        order_id: " ".to_owned(),
        supplier: Some(v1::OrganisationId::default()),
        states: vec![9],
        as_known: Some(v1::AsKnown::default()),
        ..Default::default()
    };
    let invoices = projections.list_invoices(invoices).await.unwrap_err();
    let findings = v1::ListFindingsRequest {
        rules: vec!["OVER_INVOICED".to_owned(), "over_invoiced".to_owned()],
        severities: vec![0],
        statuses: vec![7],
        handlings: vec![0; 65],
        ..Default::default()
    };
    let findings = projections.list_findings(findings).await.unwrap_err();
    let deadlines =
        v1::ListDeadlinesRequest { kinds: vec![6], date_from: bad(), ..Default::default() };
    let deadlines = projections.list_deadlines(deadlines).await.unwrap_err();
    let refusals = v1::ListRefusalsRequest {
        reasons: vec!["NO_SUCH_REASON".to_owned()],
        recorded_from: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
        ..Default::default()
    };
    let refusals = projections.list_refusals(refusals).await.unwrap_err();
    let cases = [
        (
            agreements,
            vec![
                "buyer.number",
                "states[1]",
                "states[2]",
                "end_date_from",
                "order_by",
                "as_of",
                "page_size",
            ],
        ),
        (
            orders,
            vec!["states[0]", "lot_id", "department", "placed_to", "agreement_id", "page_size"],
        ),
        (invoices, vec!["states[0]", "order_id", "supplier.number", "as_known"]),
        (findings, vec!["rules[1]", "severities[0]", "statuses[0]", "handlings"]),
        (deadlines, vec!["kinds[0]", "date_from"]),
        (refusals, vec!["recorded_from", "reasons[0]"]),
    ];
    for (status, fields) in cases {
        let refused = told(&status);
        assert_eq!((refused.code, refused.fields), {
            (Code::InvalidArgument, fields.into_iter().map(str::to_owned).collect())
        });
    }
    served.stop().await;
}
