//! Breakdowns and forecasts of one agreement.

use contract_ledger::wire::v1;
use tonic::Code;

use super::super::support::events::*;
use super::super::support::{Served, told};
use super::{amount, order_of};

fn asked(dimension: v1::BreakdownDimension) -> v1::GetBreakdownRequest {
    v1::GetBreakdownRequest {
        agreement_id: "a".to_owned(),
        dimension: dimension.into(),
        as_of: "2024-12-31".to_owned(),
        ..Default::default()
    }
}

async fn served() -> Served {
    let served = Served::start();
    let suppliers = signed_with_suppliers("1000", &[SUPPLIER, OTHER_SUPPLIER]);
    served.append("a", sign_as(suppliers)).await.unwrap();
    let events = [
        intent("2024-01-10", order_of("O1", "100", "roads", "71000000")),
        intent("2024-02-10", order_of("O2", "300", "schools", "71000000")),
        intent("2024-02-11", order_of("O3", "50", "roads", "")),
        fact("2024-03-01", invoice("I1", "O1", "120")),
        fact("2024-03-02", invoice("X1", "", "80")),
        fact("2024-03-03", pay("P1", "I1", "150")),
        fact("2024-03-04", cancel("O3")),
    ];
    for event in events {
        served.append("a", event).await.unwrap();
    }
    served
}

#[tokio::test]
async fn rows_of_every_dimension_add_up_to_the_whole() {
    let served = served().await;
    let dimensions = [
        (v1::BreakdownDimension::Department, vec!["", "roads", "schools"]),
        (v1::BreakdownDimension::Supplier, vec![SUPPLIER]),
        (v1::BreakdownDimension::Lot, vec![""]),
        (v1::BreakdownDimension::Cpv, vec!["", "71000000"]),
        (v1::BreakdownDimension::Month, vec!["2024-01", "2024-02", "2024-03"]),
    ];
    for (dimension, keys) in dimensions {
        let answer =
            served.projections().get_breakdown(asked(dimension)).await.unwrap().into_inner();
        let found: Vec<_> = answer.rows.iter().map(|row| row.key.as_str()).collect();
        assert_eq!(found, keys, "{dimension:?}");
        let whole = answer.usage.unwrap();
        let sum = |part: fn(&v1::BreakdownRow) -> Option<&v1::Money>| {
            let cents = |money| amount(money).replace('.', "").parse::<i64>().unwrap();
            answer.rows.iter().map(|row| cents(part(row))).sum::<i64>()
        };
        let cents = |money: Option<v1::Money>| {
            money.unwrap().amount.replace('.', "").parse::<i64>().unwrap()
        };
        assert_eq!(sum(|row| row.reserved.as_ref()), cents(whole.reserved), "{dimension:?}");
        assert_eq!(sum(|row| row.committed.as_ref()), cents(whole.committed), "{dimension:?}");
        assert_eq!(sum(|row| row.invoiced.as_ref()), cents(whole.invoiced), "{dimension:?}");
        assert_eq!(sum(|row| row.prepaid.as_ref()), cents(whole.prepaid), "{dimension:?}");
        assert_eq!(sum(|row| row.paid.as_ref()), cents(whole.paid), "{dimension:?}");
        assert_eq!(sum(|row| row.exposure.as_ref()), cents(whole.exposure), "{dimension:?}");
        assert_eq!(answer.rows.iter().map(|row| row.order_count).sum::<u64>(), 3);
        assert_eq!(answer.rows.iter().map(|row| row.invoice_count).sum::<u64>(), 2);
        assert_eq!(answer.times.unwrap().as_of, "2024-12-31");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_department_has_its_share_of_the_exposure() {
    let served = served().await;
    let by_department = asked(v1::BreakdownDimension::Department);
    let answer = served.projections().get_breakdown(by_department).await.unwrap().into_inner();
    let rows: Vec<_> = answer
        .rows
        .iter()
        .map(|row| (row.key.as_str(), amount(row.exposure.as_ref()), row.share_ppm.unwrap()))
        .collect();
    let expected =
        [("", "80.00", 160_000), ("roads", "120.00", 240_000), ("schools", "300.00", 600_000)];
    assert_eq!(rows, expected);
    served.stop().await;
}

#[tokio::test]
async fn a_breakdown_names_every_fault_of_its_request() {
    let served = Served::start();
    let request = v1::GetBreakdownRequest {
        agreement_id: String::new(),
        as_of: "2024-13-01".to_owned(),
        ..Default::default()
    };
    let refused = told(&served.projections().get_breakdown(request).await.unwrap_err());
    assert_eq!(refused.code, Code::InvalidArgument);
    assert_eq!(refused.fields, ["agreement_id", "as_of", "dimension"]);
    let unknown = asked(v1::BreakdownDimension::Month);
    let refused = told(&served.projections().get_breakdown(unknown).await.unwrap_err());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "UNKNOWN_AGREEMENT"));
    served.stop().await;
}

#[tokio::test]
async fn the_forecast_stands_with_the_usage_that_it_follows_from() {
    let served = Served::start();
    served.append("s1", sign_as(signed("12000000", "2020-12-01", "2023-11-30"))).await.unwrap();
    let asking = |as_of: &str| v1::GetForecastRequest {
        agreement_id: "s1".to_owned(),
        as_of: as_of.to_owned(),
        ..Default::default()
    };
    let nothing = served.projections().get_forecast(asking("2023-02-01")).await.unwrap();
    assert_eq!(nothing.into_inner().forecast, None, "without exposure there is no pace");
    served.append("s1", fact("2023-02-01", order("O", "9300000"))).await.unwrap();
    let answer =
        served.projections().get_forecast(asking("2023-02-01")).await.unwrap().into_inner();
    let usage = served.usage_as_of("s1", "2023-02-01").await.usage.unwrap();
    assert_eq!(answer.forecast, usage.forecast);
    assert_eq!(answer.forecast.unwrap().run_out_date, "2023-09-18");
    assert_eq!(answer.usage.as_ref(), Some(&usage.scopes[0]));
    let times = answer.times.unwrap();
    assert_eq!((times.as_of.as_str(), times.position), ("2023-02-01", Some(1)));
    let before = asking("2020-11-30");
    let refused = told(&served.projections().get_forecast(before).await.unwrap_err());
    assert_eq!(refused.reason, "UNKNOWN_AGREEMENT");
    served.stop().await;
}
