//! The listing of amendments, with the shares of what was agreed at first.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

use super::super::support::events::*;
use super::super::support::{Served, told};
use super::amount;

fn amended(id: &str, basis: v1::LegalBasis, change: &str) -> Payload {
    let scope = Some(v1::Scope { scope: Some(v1::scope::Scope::Agreement(true)) });
    Payload::AgreementAmended(v1::AgreementAmended {
        amendment_id: id.to_owned(),
        legal_basis: basis.into(),
        reasoning: format!("reasons for {id}"),
        decision_maker: "p-7".to_owned(),
        decided_date: "2021-01-01".to_owned(),
        ceiling_changes: vec![v1::CeilingChange { scope, change: nok(change) }],
        ..Default::default()
    })
}

/// S7 of the scenarios.
#[tokio::test]
async fn amendments_cumulate_for_each_legal_basis() {
    let served = Served::start();
    served.append("s7", sign_as(signed("12000000", "2020-01-01", "2023-12-31"))).await.unwrap();
    let changes = [
        ("A1", v1::LegalBasis::ModMinv, "800000.00", "2021-02-01"),
        ("A2", v1::LegalBasis::AddWss, "6000000.00", "2021-03-01"),
        ("A3", v1::LegalBasis::ModMinv, "399999.99", "2021-04-01"),
        ("A4", v1::LegalBasis::ModMinv, "-1000000.00", "2021-05-01"),
    ];
    for (id, basis, change, date) in changes {
        served.append("s7", fact(date, amended(id, basis, change))).await.unwrap();
    }
    let request = v1::ListAmendmentsRequest {
        agreement_id: "s7".to_owned(),
        as_of: "2021-12-31".to_owned(),
        ..Default::default()
    };
    let answer = served.projections().list_amendments(request.clone()).await.unwrap().into_inner();
    assert_eq!(amount(answer.original_value.as_ref()), "12000000.00");
    let rows: Vec<_> = answer
        .amendments
        .iter()
        .map(|row| {
            let cumulated = (amount(row.cumulated_change.as_ref()), row.cumulated_ppm.unwrap());
            let after = amount(row.ceiling_after.as_ref());
            (row.amendment_id.as_str(), row.change_ppm.unwrap(), cumulated, after)
        })
        .collect();
    let expected = [
        ("A1", 66_666, ("800000.00", 66_666), "12800000.00"),
        ("A2", 500_000, ("6000000.00", 500_000), "18800000.00"),
        ("A3", 33_333, ("1199999.99", 99_999), "19199999.99"),
        ("A4", 83_333, ("199999.99", 16_666), "18199999.99"),
    ];
    assert_eq!(rows, expected);
    let row = &answer.amendments[2];
    assert_eq!((row.legal_basis(), row.effective_date.as_str()), {
        (v1::LegalBasis::ModMinv, "2021-04-01")
    });
    assert_eq!((row.reasoning.as_str(), row.decision_maker.as_str()), ("reasons for A3", "p-7"));
    assert_eq!((row.decided_date.as_str(), row.position), ("2021-01-01", 3));

    let earlier = v1::ListAmendmentsRequest { as_of: "2021-03-31".to_owned(), ..request.clone() };
    let answer = served.projections().list_amendments(earlier).await.unwrap().into_inner();
    assert_eq!(answer.amendments.len(), 2);
    let paged = v1::ListAmendmentsRequest { page_size: 3, ..request };
    let first = served.projections().list_amendments(paged.clone()).await.unwrap().into_inner();
    let next = v1::ListAmendmentsRequest { page_token: first.next_page_token, ..paged };
    let second = served.projections().list_amendments(next).await.unwrap().into_inner();
    let ids: Vec<_> = second.amendments.iter().map(|row| row.amendment_id.as_str()).collect();
    assert_eq!((ids, second.next_page_token.as_str()), (vec!["A4"], ""));
    served.stop().await;
}

#[tokio::test]
async fn an_agreement_without_amendments_has_its_original_value() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let request = v1::ListAmendmentsRequest { agreement_id: "a".to_owned(), ..Default::default() };
    let answer = served.projections().list_amendments(request).await.unwrap().into_inner();
    assert_eq!((answer.amendments.len(), amount(answer.original_value.as_ref())), (0, "100.00"));
    let request = v1::ListAmendmentsRequest { agreement_id: "z".to_owned(), ..Default::default() };
    let refused = told(&served.projections().list_amendments(request).await.unwrap_err());
    assert_eq!(refused.reason, "UNKNOWN_AGREEMENT");
    let nobody = v1::ListAmendmentsRequest::default();
    let refused = told(&served.projections().list_amendments(nobody).await.unwrap_err());
    assert_eq!(refused.fields, ["agreement_id"]);
    served.stop().await;
}
