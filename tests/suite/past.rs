//! Questions about the past, asked again: kept or folded anew, and whatever was recorded since, the answer
//! is the same.

use std::sync::Arc;

use contract_ledger::clock::SetClock;
use contract_ledger::ledger::LedgerLimits;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::as_known::AsKnown as Known;

use super::support::events::*;
use super::support::figures::of_agreement;
use super::support::{Served, Setting, time};

const DAYS: [&str; 4] = ["2024-01-10", "2024-02-10", "2024-03-10", "2024-12-31"];

/// Nothing is kept but what is used at the moment.
fn forgetful() -> LedgerLimits {
    LedgerLimits {
        agreements_cached_max: 1,
        agreement_events_cached_max: 1,
        past_events_cached_max: 1,
        ..LedgerLimits::default()
    }
}

async fn record(served: &Served, clock: &SetClock, day: &str, event: v1::Event) {
    clock.set(time(&format!("{day}T11:00:00Z")));
    served.append("a", event).await.unwrap();
}

/// A ledger with an agreement whose findings as of a day differ from those of the next.
async fn register(ledger: LedgerLimits) -> (Served, Arc<SetClock>) {
    let (setting, clock) = Setting::at("2024-01-01T09:00:00Z");
    let served = Served::with(Setting { ledger, ..setting });
    record(&served, &clock, "2024-01-01", sign_as(signed("1000", "2024-01-01", "2025-12-31")))
        .await;
    let reserving = intent("2024-01-05", reserve("R1", "720", "2024-02-20"));
    record(&served, &clock, "2024-01-05", reserving).await;
    for number in 0..20 {
        let id = format!("O{number}");
        let (recorded, effective) = if number % 2 == 0 {
            (format!("2024-02-{:02}", 1 + number), "2024-01-07".to_owned())
        } else {
            (format!("2024-02-{:02}", 1 + number), format!("2024-02-{number:02}"))
        };
        record(&served, &clock, &recorded, fact(&effective, order(&id, "9"))).await;
    }
    record(&served, &clock, "2024-03-05", fact("2024-03-01", cancel("O3"))).await;
    (served, clock)
}

async fn asked(served: &Served, as_of: &str, known: Option<&str>) -> v1::GetCeilingUsageResponse {
    let request = v1::GetCeilingUsageRequest {
        agreement_id: "a".to_owned(),
        as_of: as_of.to_owned(),
        as_known: known.map(|day| v1::AsKnown { as_known: Some(Known::Date(day.to_owned())) }),
        min_position: None,
    };
    served.projections().get_ceiling_usage(request).await.unwrap().into_inner()
}

/// Everything that can be asked at two times.
async fn grid(served: &Served) -> Vec<v1::GetCeilingUsageResponse> {
    let mut answers = Vec::new();
    for as_of in DAYS {
        for known in [None, Some("2024-01-31"), Some("2024-02-09"), Some("2024-03-10")] {
            answers.push(asked(served, as_of, known).await);
        }
    }
    answers
}

/// The portfolio and its orders as they were, page by page.
async fn listed(served: &Served) -> Vec<(Option<v1::AgreementSummary>, Vec<v1::OrderRow>)> {
    let mut all = Vec::new();
    for as_of in DAYS {
        let known = || Some(v1::AsKnown { as_known: Some(Known::Date("2024-02-09".to_owned())) });
        let portfolio = v1::ListAgreementsRequest {
            as_of: as_of.to_owned(),
            as_known: known(),
            ..Default::default()
        };
        let portfolio = served.projections().list_agreements(portfolio).await.unwrap().into_inner();
        let mut orders = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListOrdersRequest {
                agreement_id: "a".to_owned(),
                as_of: as_of.to_owned(),
                as_known: known(),
                page_size: 3,
                page_token,
                ..Default::default()
            };
            let page = served.projections().list_orders(request).await.unwrap().into_inner();
            orders.extend(page.orders);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        all.push((portfolio.agreements.into_iter().next(), orders));
    }
    all
}

#[tokio::test]
async fn an_answer_about_the_past_is_the_same_kept_or_folded_anew() {
    let (served, clock) = register(LedgerLimits::default()).await;
    let (first, first_listed) = (grid(&served).await, listed(&served).await);
    assert!(first.iter().any(|answer| !answer.findings.is_empty()), "findings are compared");
    assert_eq!(grid(&served).await, first, "asked again");
    assert_eq!(listed(&served).await, first_listed);

    // Recorded late and on the last day that is asked for: it is among what is known by then.
    let before = asked(&served, "2024-02-10", Some("2024-03-10")).await;
    record(&served, &clock, "2024-03-10", fact("2024-01-08", order("late", "500"))).await;
    let after = asked(&served, "2024-02-10", Some("2024-03-10")).await;
    assert_ne!(of_agreement(before.usage.as_ref()).0, of_agreement(after.usage.as_ref()).0);
    assert_ne!(before.findings, after.findings);
    let now = grid(&served).await;
    for (place, (before, after)) in first.iter().zip(&now).enumerate() {
        // What was known earlier stays as it was; the columns are as in `grid`.
        assert_eq!(before == after, matches!(place % 4, 1 | 2), "{place}");
    }

    // Another program that keeps nothing says the same of the same log.
    let setting = Setting { clock: clock.clone(), ledger: forgetful(), ..Setting::default() };
    let served = served.restart(setting).await;
    assert_eq!(grid(&served).await, now);
    assert_eq!(grid(&served).await, now);
    assert_eq!(listed(&served).await, first_listed);
    served.stop().await;
}

#[tokio::test]
async fn a_ledger_that_keeps_nothing_decides_and_answers_the_same() {
    let (kept, _) = register(LedgerLimits::default()).await;
    let (forgetful, _) = register(forgetful()).await;
    for (kept, anew) in grid(&kept).await.into_iter().zip(grid(&forgetful).await) {
        assert_eq!(kept.usage, anew.usage);
        assert_eq!(kept.findings.len(), anew.findings.len());
    }
    // The hard stop too: 720 of the reservation have run out, 171 are ordered.
    for served in [&kept, &forgetful] {
        let over = intent("2024-03-06", order("over", "829.01"));
        served.append("a", over).await.unwrap_err();
        served.append("a", intent("2024-03-06", order("fits", "829"))).await.unwrap();
    }
    kept.stop().await;
    forgetful.stop().await;
}

#[tokio::test]
async fn a_time_that_may_still_be_recorded_at_is_looked_for_anew() {
    let (served, clock) = register(LedgerLimits::default()).await;
    let position = async |known| {
        let answer = asked(&served, "2024-12-31", Some(known)).await;
        answer.usage.unwrap().position
    };
    let (past, newest) = (position("2024-02-20").await, position("2024-03-05").await);
    assert!(past < newest);
    record(&served, &clock, "2024-03-05", fact("2024-03-01", order("P1", "9"))).await;
    assert_eq!(position("2024-03-05").await, newest + 1);
    record(&served, &clock, "2024-03-06", fact("2024-03-01", order("P2", "9"))).await;
    assert_eq!(position("2024-03-05").await, newest + 1);
    assert_eq!(position("2024-03-06").await, newest + 2);
    assert_eq!(position("2024-02-20").await, past);
    served.stop().await;
}
