//! The listing of refused requests.

use contract_ledger::wire::v1;
use tonic::Code;

use super::super::support::events::*;
use super::super::support::{Served, Setting, time, told};
use super::known_on;

async fn positions(served: &Served, request: v1::ListRefusalsRequest) -> Vec<u64> {
    let answer = served.projections().list_refusals(request).await.unwrap().into_inner();
    answer.refusals.iter().map(|row| row.position).collect()
}

fn of(agreement: &str) -> v1::ListRefusalsRequest {
    v1::ListRefusalsRequest { agreement_id: agreement.to_owned(), ..Default::default() }
}

/// Refusals stand at 1 (nobody has signed z), 3 and 6 (over the ceiling), and 4 (unknown order).
async fn served(setting: Setting, next_day: impl Fn()) -> Served {
    let served = Served::with(setting);
    served.append("a", sign("100")).await.unwrap();
    served.append("z", intent("2024-01-01", order("O1", "1"))).await.unwrap_err();
    served.append("b", sign("100")).await.unwrap();
    served.append("a", intent("2024-01-01", order("O1", "101"))).await.unwrap_err();
    next_day();
    served.append("a", intent("2024-01-01", change("O9", "1"))).await.unwrap_err();
    served.append("a", intent("2024-01-01", order("O1", "50"))).await.unwrap();
    served.append("b", intent("2024-01-01", order("O1", "102"))).await.unwrap_err();
    served
}

#[tokio::test]
async fn refusals_are_listed_by_position_as_they_were_recorded() {
    let served = served(Setting::default(), || {}).await;
    assert_eq!(positions(&served, of("")).await, [1, 3, 4, 6]);
    assert_eq!(positions(&served, of("a")).await, [3, 4]);
    assert_eq!(positions(&served, of("z")).await, [1], "of an agreement that nobody signed");
    let only =
        |reason: &str| v1::ListRefusalsRequest { reasons: vec![reason.to_owned()], ..of("") };
    assert_eq!(positions(&served, only("CEILING_EXCEEDED")).await, [3, 6]);
    assert_eq!(positions(&served, only("AGREEMENT_CLOSED")).await, [0_u64; 0]);
    let answer = served.projections().list_refusals(of("b")).await.unwrap().into_inner();
    let [row] = answer.refusals.as_slice() else { panic!("one row: {answer:?}") };
    let record = &served.records().await[6];
    assert_eq!((row.agreement_id.as_str(), &row.request_id), ("b", &record.request_id));
    assert_eq!(row.recorded_time, record.recorded_time);
    let Some(v1::record::Entry::Refusal(refused)) = &record.entry else { panic!("a refusal") };
    assert_eq!(row.refused.as_ref(), Some(refused));
    let times = answer.times.unwrap();
    assert_eq!((times.as_of.as_str(), times.position), ("", Some(6)));
    let refused = told(&served.projections().list_refusals(of("nobody")).await.unwrap_err());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "UNKNOWN_AGREEMENT"));
    served.stop().await;
}

#[tokio::test]
async fn refusals_are_limited_by_recorded_time_from_both_sides() {
    let (setting, clock) = Setting::at("2024-03-01T10:00:00Z");
    let next_day = || clock.set(time("2024-03-02T10:00:00Z"));
    let served = served(setting, next_day).await;
    let from = |instant: &str| {
        let seconds = time(instant).microseconds() / 1_000_000;
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    };
    let request = v1::ListRefusalsRequest { as_known: known_on("2024-03-01"), ..of("") };
    assert_eq!(positions(&served, request).await, [1, 3]);
    let request = v1::ListRefusalsRequest { recorded_from: from("2024-03-02T10:00:00Z"), ..of("") };
    assert_eq!(positions(&served, request).await, [4, 6], "the instant itself included");
    let request = v1::ListRefusalsRequest {
        recorded_from: from("2024-03-01T10:00:01Z"),
        as_known: known_on("2024-03-01"),
        ..of("a")
    };
    assert_eq!(positions(&served, request).await, [0_u64; 0]);
    let request = v1::ListRefusalsRequest { as_known: known_on("2024-02-01"), ..of("") };
    assert_eq!(positions(&served, request).await, [0_u64; 0]);
    let request = v1::ListRefusalsRequest { as_known: known_on("2024-02-01"), ..of("a") };
    let refused = told(&served.projections().list_refusals(request).await.unwrap_err());
    assert_eq!(refused.reason, "UNKNOWN_AGREEMENT");
    served.stop().await;
}

#[tokio::test]
async fn pages_of_refusals_leave_out_what_came_since() {
    let served = served(Setting::default(), || {}).await;
    for agreement in ["", "a"] {
        let first = v1::ListRefusalsRequest { page_size: 1, ..of(agreement) };
        let mut request = first.clone();
        let mut seen = Vec::new();
        loop {
            let page = served.projections().list_refusals(request).await.unwrap().into_inner();
            seen.extend(page.refusals.iter().map(|row| row.position));
            if page.next_page_token.is_empty() {
                break;
            }
            served.append("a", intent("2024-01-01", order("O1", "101"))).await.unwrap_err();
            request = v1::ListRefusalsRequest { page_token: page.next_page_token, ..first.clone() };
        }
        let expected = if agreement.is_empty() { vec![1, 3, 4, 6] } else { vec![3, 4, 7, 8, 9] };
        assert_eq!(seen, expected, "{agreement:?}");
    }
    served.stop().await;
}
