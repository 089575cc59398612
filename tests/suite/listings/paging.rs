//! Pages: all of them together are one snapshot, and no token works but where it belongs.

use contract_ledger::grpc::ServiceLimits;
use contract_ledger::wire::v1;
use tonic::{Code, Status};

use super::super::support::events::*;
use super::super::support::{Served, Setting, told};

/// Follows a listing from page to page, with appends in between. Every page but the last is full.
macro_rules! pages {
    ($served:expr, $method:ident, $rows:ident, $request:expr) => {{
        let first = $request;
        let (mut request, mut rows, mut times) = (first.clone(), Vec::new(), Vec::new());
        loop {
            let page = $served.projections().$method(request).await.unwrap().into_inner();
            times.push(page.times.unwrap());
            rows.extend(page.$rows.iter().cloned());
            if page.next_page_token.is_empty() {
                break;
            }
            assert_eq!(i32::try_from(page.$rows.len()).unwrap(), first.page_size);
            disturb(&$served).await;
            request = first.clone();
            request.page_token = page.next_page_token;
        }
        assert!(times.windows(2).all(|pair| pair[0] == pair[1]), "{times:?}");
        rows
    }};
}

/// Changes every agreement, brings a new one, and refuses something.
async fn disturb(served: &Served) {
    let number = served.records().await.len();
    for agreement in ["a", "b", "c"] {
        let id = format!("late-{number}");
        served.append(agreement, fact("2024-01-01", order(&id, "700"))).await.unwrap();
        let id = format!("L-{number}");
        served.append(agreement, fact("2024-01-01", invoice(&id, "", "7"))).await.unwrap();
        served.append(agreement, intent("2024-01-02", order("x", "900"))).await.unwrap_err();
    }
    let id = format!("aa-{number}");
    served.append(&id, sign_as(signed("100", "2020-01-01", "2024-01-31"))).await.unwrap();
}

async fn three() -> Served {
    let served = Served::start();
    for (agreement, count) in [("a", 3), ("b", 0), ("c", 4)] {
        served.append(agreement, sign("1000")).await.unwrap();
        for number in 0..count {
            let id = format!("O{number}");
            served.append(agreement, intent("2024-01-01", order(&id, "100"))).await.unwrap();
            let id = format!("I{number}");
            served.append(agreement, fact("2024-01-02", invoice(&id, "", "10"))).await.unwrap();
        }
    }
    served
}

#[tokio::test]
async fn all_pages_together_equal_one_large_page() {
    let as_of = || "2024-06-01".to_owned();
    for page_size in [1, 2, 3] {
        let served = three().await;
        let request = v1::ListOrdersRequest { as_of: as_of(), ..Default::default() };
        let whole = served.projections().list_orders(request.clone()).await.unwrap().into_inner();
        assert_eq!(whole.orders.len(), 7);
        let request = v1::ListOrdersRequest { page_size, ..request };
        assert_eq!(pages!(served, list_orders, orders, request), whole.orders);

        let served = three().await;
        let request = v1::ListInvoicesRequest { as_of: as_of(), ..Default::default() };
        let whole = served.projections().list_invoices(request.clone()).await.unwrap().into_inner();
        let request = v1::ListInvoicesRequest { page_size, ..request };
        assert_eq!(pages!(served, list_invoices, invoices, request), whole.invoices);

        let served = three().await;
        let request = v1::ListFindingsRequest { as_of: as_of(), ..Default::default() };
        let whole = served.projections().list_findings(request.clone()).await.unwrap().into_inner();
        assert!(whole.findings.len() >= 7);
        let request = v1::ListFindingsRequest { page_size, ..request };
        assert_eq!(pages!(served, list_findings, findings, request), whole.findings);

        let served = three().await;
        let request = v1::ListDeadlinesRequest { as_of: as_of(), ..Default::default() };
        let whole =
            served.projections().list_deadlines(request.clone()).await.unwrap().into_inner();
        assert_eq!(whole.deadlines.len(), 3);
        let request = v1::ListDeadlinesRequest { page_size, ..request };
        assert_eq!(pages!(served, list_deadlines, deadlines, request), whole.deadlines);
    }
}

#[tokio::test]
async fn all_pages_of_the_portfolio_together_equal_one_large_page() {
    let orders =
        [v1::PortfolioOrder::AgreementId, v1::PortfolioOrder::Usage, v1::PortfolioOrder::EndDate];
    for order in orders {
        for as_of in ["2020-06-01", "2024-06-01"] {
            let served = three().await;
            let as_of = as_of.to_owned();
            let request =
                v1::ListAgreementsRequest { order_by: order.into(), as_of, ..Default::default() };
            let whole = served.projections().list_agreements(request.clone()).await;
            let whole = whole.unwrap().into_inner().agreements;
            assert_eq!(whole.len(), 3);
            for page_size in [1, 2] {
                let served = three().await;
                let request = v1::ListAgreementsRequest { page_size, ..request.clone() };
                assert_eq!(pages!(served, list_agreements, agreements, request), whole);
            }
        }
    }
}

#[tokio::test]
async fn todays_listing_keeps_its_day_when_the_day_changes() {
    let (setting, clock) = Setting::at("2024-03-01T10:00:00Z");
    let served = Served::with(setting);
    for agreement in ["a", "b"] {
        served.append(agreement, sign("100")).await.unwrap();
    }
    let request = v1::ListAgreementsRequest { page_size: 1, ..Default::default() };
    let first = served.projections().list_agreements(request.clone()).await.unwrap().into_inner();
    clock.set(super::super::support::time("2024-03-02T10:00:00Z"));
    let request = v1::ListAgreementsRequest { page_token: first.next_page_token, ..request };
    let second = served.projections().list_agreements(request).await.unwrap().into_inner();
    assert_eq!(second.times, first.times);
    assert_eq!(second.times.unwrap().as_of, "2024-03-01");
    served.stop().await;
}

fn refused_token(answer: &Status) {
    let refused = told(answer);
    assert_eq!(
        (refused.code, refused.reason.as_str(), refused.fields.as_slice()),
        (Code::InvalidArgument, "PAGE_TOKEN_INVALID", &["page_token".to_owned()][..])
    );
}

#[tokio::test]
async fn a_token_works_for_its_own_query_on_its_own_ledger_only() {
    let served = three().await;
    let request = v1::ListAgreementsRequest { page_size: 1, ..Default::default() };
    let first = served.projections().list_agreements(request.clone()).await.unwrap().into_inner();
    let token = first.next_page_token;
    let with = |page_token: &str| v1::ListAgreementsRequest {
        page_token: page_token.to_owned(),
        ..request.clone()
    };
    let mut projections = served.projections();

    let mut altered = token.clone().into_bytes();
    altered[10] = if altered[10] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).unwrap();
    for token in [altered.as_str(), "", &token[1..], "no token at all", &format!("{token}{token}")]
    {
        let answer = projections.list_agreements(with(token)).await;
        match token {
            "" => drop(answer.unwrap()),
            _ => refused_token(&answer.unwrap_err()),
        }
    }
    let other_filter = v1::ListAgreementsRequest { usage_ppm_min: Some(0), ..with(&token) };
    refused_token(&projections.list_agreements(other_filter).await.unwrap_err());
    let other_day = v1::ListAgreementsRequest { as_of: "2024-01-01".to_owned(), ..with(&token) };
    refused_token(&projections.list_agreements(other_day).await.unwrap_err());
    let other_order = v1::ListAgreementsRequest { order_by: 2, ..with(&token) };
    refused_token(&projections.list_agreements(other_order).await.unwrap_err());
    let other_method =
        v1::ListOrdersRequest { page_token: token.clone(), ..v1::ListOrdersRequest::default() };
    refused_token(&projections.list_orders(other_method).await.unwrap_err());
    let elsewhere = three().await;
    refused_token(&elsewhere.projections().list_agreements(with(&token)).await.unwrap_err());
    elsewhere.stop().await;

    // Another size and another wait are no other query; and a restart takes nothing away.
    let served = served.restart(Setting::default()).await;
    let rest = v1::ListAgreementsRequest { page_size: 5, min_position: Some(0), ..with(&token) };
    let rest = served.projections().list_agreements(rest).await.unwrap().into_inner();
    let ids: Vec<_> = rest.agreements.iter().map(|row| row.agreement_id.as_str()).collect();
    assert_eq!((ids, rest.next_page_token.as_str()), (vec!["b", "c"], ""));
    served.stop().await;
}

#[tokio::test]
async fn a_page_has_the_default_and_at_most_the_largest_number_of_rows() {
    let service =
        ServiceLimits { page_rows_default: 2, page_rows_max: 4, ..ServiceLimits::default() };
    let served = Served::with(Setting { service, ..Setting::default() });
    for agreement in ["a", "b", "c", "d", "e"] {
        served.append(agreement, sign("1")).await.unwrap();
    }
    for (page_size, rows) in [(0, 2), (3, 3), (4, 4), (5, 4), (i32::MAX, 4)] {
        let request = v1::ListAgreementsRequest { page_size, ..Default::default() };
        let page = served.projections().list_agreements(request).await.unwrap().into_inner();
        assert_eq!(page.agreements.len(), rows, "{page_size}");
        assert!(!page.next_page_token.is_empty());
    }
    served.stop().await;
}

#[tokio::test]
async fn a_page_is_full_by_its_bytes_too_and_always_has_a_row() {
    let service = ServiceLimits { page_bytes_max: 1024, ..ServiceLimits::default() };
    let served = Served::with(Setting { service, ..Setting::default() });
    for agreement in ["a", "b", "c"] {
        let terms = v1::AgreementSigned {
            title: "T".repeat(500),
            ..signed("100", "2020-01-01", "2024-12-31")
        };
        served.append(agreement, sign_as(terms)).await.unwrap();
    }
    let mut request = v1::ListAgreementsRequest::default();
    let mut sizes = Vec::new();
    loop {
        let page = served.projections().list_agreements(request.clone()).await.unwrap();
        let page = page.into_inner();
        sizes.push(page.agreements.len());
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(sizes, [1, 1, 1]);
    served.stop().await;
}

#[tokio::test]
async fn an_empty_ledger_has_empty_listings() {
    let served = Served::start();
    let mut projections = served.projections();
    let agreements = projections.list_agreements(v1::ListAgreementsRequest::default()).await;
    let answer = agreements.unwrap().into_inner();
    assert_eq!((answer.agreements.len(), answer.next_page_token.as_str()), (0, ""));
    assert_eq!(answer.times.unwrap().position, None);
    let refusals = projections.list_refusals(v1::ListRefusalsRequest::default()).await;
    assert_eq!(refusals.unwrap().into_inner().refusals, []);
    served.stop().await;
}
