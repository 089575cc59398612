//! Questions: at two times, up to a position, along the log and along the timeline.

use contract_ledger::domain::date::RecordedTime;
use contract_ledger::grpc::ServiceLimits;
use contract_ledger::ledger::LedgerLimits;
use contract_ledger::merkle::TreeHash;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::as_known::AsKnown as Known;
use std::time::Duration;
use tonic::Code;

use super::support::events::*;
use super::support::figures::{finding, findings, of_agreement};
use super::support::{Served, Setting, time, told};

fn known_on(date: &str) -> Option<v1::AsKnown> {
    Some(v1::AsKnown { as_known: Some(Known::Date(date.to_owned())) })
}

async fn exposure(served: &Served, as_of: &str, known: &str) -> String {
    let request = v1::GetCeilingUsageRequest {
        agreement_id: "a".to_owned(),
        as_of: as_of.to_owned(),
        as_known: known_on(known),
        min_position: None,
    };
    let answer = served.projections().get_ceiling_usage(request).await.unwrap().into_inner();
    of_agreement(answer.usage.as_ref()).0
}

/// S6 of the scenarios, with a clock that is set to the recorded days.
#[tokio::test]
async fn what_holds_when_depends_on_what_was_known_when() {
    let (setting, clock) = Setting::at("2025-01-01T10:00:00Z");
    let served = Served::with(setting);
    let on = |day: &str| clock.set(time(&format!("{day}T10:00:00Z")));
    served.append("a", sign_as(signed("2000000", "2025-01-01", "2025-12-31"))).await.unwrap();
    on("2025-02-01");
    served.append("a", intent("2025-02-01", order("O1", "800000"))).await.unwrap();
    on("2025-03-10");
    let second = served.append("a", intent("2025-03-10", order("O2", "500000"))).await.unwrap();
    on("2025-04-05");
    served.append("a", fact("2025-02-20", order("O3", "300000"))).await.unwrap();
    on("2025-04-20");
    let second = second.events[0].event_id.clone();
    served.append("a", fact("2025-04-20", reverse(&second))).await.unwrap();
    let corrected = fact("2025-03-10", order("O2", "50000"));
    let corrected = v1::Event { corrects_event_id: second, ..corrected };
    served.append("a", corrected).await.unwrap();

    let grid = [
        ("2025-02-28", ["800000.00", "1100000.00", "1100000.00"]),
        ("2025-03-31", ["1300000.00", "1600000.00", "1150000.00"]),
    ];
    for (as_of, row) in grid {
        for (known, expected) in ["2025-03-31", "2025-04-10", "2025-04-30"].into_iter().zip(row) {
            assert_eq!(
                exposure(&served, as_of, known).await,
                expected,
                "as of {as_of}, known {known}"
            );
        }
    }
    let request = v1::GetCeilingUsageRequest {
        agreement_id: "a".to_owned(),
        as_known: known_on("2024-12-31"),
        ..Default::default()
    };
    let refused = told(&served.projections().get_ceiling_usage(request).await.unwrap_err());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "UNKNOWN_AGREEMENT"));
    served.stop().await;
}

#[tokio::test]
async fn recorded_time_never_goes_back_when_the_clock_does() {
    let (setting, clock) = Setting::at("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign("100")).await.unwrap();
    clock.set(time("2024-05-01T10:00:00Z"));
    served.append("a", intent("2024-01-01", order("O1", "1"))).await.unwrap();
    let (setting, _clock) = Setting::at("2024-04-01T10:00:00Z");
    let served = served.restart(setting).await;
    served.append("a", intent("2024-01-01", order("O2", "1"))).await.unwrap();
    let seconds: Vec<i64> =
        served.records().await.iter().map(|record| record.recorded_time.unwrap().seconds).collect();
    let june: RecordedTime = time("2024-06-01T10:00:00Z");
    assert_eq!(seconds, [june.microseconds() / 1_000_000; 3]);
    served.stop().await;
}

#[tokio::test]
async fn a_position_that_does_not_come_is_told_after_the_longest_wait() {
    let service = ServiceLimits {
        min_position_wait_max: Duration::from_millis(20),
        ..ServiceLimits::default()
    };
    let served = Served::with(Setting { service, ..Setting::default() });
    let answer = served.append("a", sign("100")).await.unwrap();
    let asking = |min_position| v1::GetCeilingUsageRequest {
        agreement_id: "a".to_owned(),
        min_position: Some(min_position),
        ..Default::default()
    };
    let reached = asking(answer.events[0].position);
    let usage = served.projections().get_ceiling_usage(reached).await.unwrap().into_inner().usage;
    assert_eq!(usage.unwrap().position, answer.events[0].position);
    let refused = told(&served.projections().get_ceiling_usage(asking(1)).await.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::Unavailable, "POSITION_NOT_REACHED")
    );
    assert!(refused.retry_after);
    served.stop().await;
}

#[tokio::test]
async fn a_position_that_comes_meanwhile_is_waited_for() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let asked = v1::GetCeilingUsageRequest {
        agreement_id: "a".to_owned(),
        min_position: Some(1),
        ..Default::default()
    };
    let mut projections = served.projections();
    let (usage, placed) = tokio::join!(
        projections.get_ceiling_usage(asked),
        served.append("a", intent("2024-01-01", order("O1", "60"))),
    );
    placed.unwrap();
    assert_eq!(of_agreement(usage.unwrap().into_inner().usage.as_ref()).0, "60.00");
    served.stop().await;
}

#[tokio::test]
async fn the_log_is_read_both_ways_and_filtered() {
    let service = ServiceLimits { read_records_per_message_max: 2, ..ServiceLimits::default() };
    let served = Served::with(Setting { service, ..Setting::default() });
    for agreement in ["a", "b"] {
        served.append(agreement, sign("100")).await.unwrap();
        served.append(agreement, intent("2024-01-01", order("O1", "60"))).await.unwrap();
        served.append(agreement, intent("2024-01-01", order("O2", "60"))).await.unwrap_err();
        served.append(agreement, fact("2024-01-02", invoice("I1", "O1", "60"))).await.unwrap();
    }
    let positions = |request| async {
        let records = served.read(request).await;
        records.iter().map(|record| record.position).collect::<Vec<_>>()
    };
    let all = v1::ReadEventsRequest::default;
    let backwards = v1::ReadDirection::Backwards.into();
    let of_b = || v1::ReadEventsRequest { agreement_id: "b".to_owned(), ..all() };
    let orders = vec![v1::EventType::OrderPlaced.into()];
    assert_eq!(positions(all()).await, [0, 1, 2, 3, 4, 5, 6, 7]);
    let request = v1::ReadEventsRequest { direction: backwards, ..all() };
    assert_eq!(positions(request).await, [7, 6, 5, 4, 3, 2, 1, 0]);
    let request = v1::ReadEventsRequest { direction: backwards, from_position: Some(2), ..all() };
    assert_eq!(positions(request).await, [2, 1, 0]);
    let request = v1::ReadEventsRequest { from_position: Some(6), ..all() };
    assert_eq!(positions(request).await, [6, 7]);
    let request = v1::ReadEventsRequest { from_position: Some(99), ..all() };
    assert_eq!(positions(request).await, [0_u64; 0]);
    assert_eq!(positions(of_b()).await, [4, 5, 6, 7]);
    let request = v1::ReadEventsRequest { direction: backwards, from_position: Some(5), ..of_b() };
    assert_eq!(positions(request).await, [5, 4]);
    let request = v1::ReadEventsRequest { exclude_refusals: true, ..all() };
    assert_eq!(positions(request).await, [0, 1, 3, 4, 5, 7]);
    let request = v1::ReadEventsRequest { types: orders.clone(), ..all() };
    assert_eq!(positions(request).await, [1, 5]);
    let request = v1::ReadEventsRequest { types: orders, records_max: 1, ..all() };
    let mut stream = served.ledger().read_events(request).await.unwrap().into_inner();
    let only = stream.message().await.unwrap().unwrap();
    assert_eq!(
        (only.records.len(), only.next_position, only.captured_record_count),
        (1, Some(2), 8)
    );

    let refusal = &served.records().await[2];
    let Some(v1::record::Entry::Refusal(refused)) = &refusal.entry else { panic!("{refusal:?}") };
    assert_eq!(refused.refusals[0].reason, "CEILING_EXCEEDED");
    assert_eq!(refused.events.len(), 1);
    served.stop().await;
}

#[tokio::test]
async fn the_timeline_tells_who_when_and_what_changed() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let actor =
        v1::Actor { person: "p-17".to_owned(), client_id: "erp".to_owned(), ..Default::default() };
    let placing = intent("2024-01-01", order("O1", "60"));
    let placing = v1::Event { actor: Some(actor.clone()), ..placing };
    let placed = served.append("a", placing).await.unwrap();
    served.append("a", fact("2024-01-02", invoice("I1", "O1", "110"))).await.unwrap();
    let target = placed.events[0].event_id.clone();
    served.append("a", fact("2024-01-03", reverse(&target))).await.unwrap();

    served.append("a", intent("2024-01-04", order("O2", "60"))).await.unwrap_err();

    let entries = served.history("a").await;
    let amount = |money: &Option<v1::Money>| money.as_ref().unwrap().amount.clone();
    let steps: Vec<_> = entries
        .iter()
        .map(|entry| (amount(&entry.exposure_before), amount(&entry.exposure_after)))
        .collect();
    let expected = [
        ("0.00", "0.00"),
        ("0.00", "60.00"),
        ("60.00", "110.00"),
        ("110.00", "110.00"),
        ("110.00", "110.00"),
    ];
    let expected = expected.map(|(before, after)| (before.to_owned(), after.to_owned()));
    assert_eq!(steps, expected);
    assert_eq!(amount(&entries[2].remaining_after), "-10.00");
    let opened = [
        finding("CEILING_EXCEEDED", "agreement", "10.00"),
        finding("OVER_INVOICED", "order:O1", "50.00"),
    ];
    assert_eq!(findings(&entries[2].findings_opened), opened);
    let Some(v1::record::Entry::Event(recorded)) = &entries[1].record.as_ref().unwrap().entry
    else {
        panic!("the order is an event")
    };
    assert_eq!(recorded.event.as_ref().unwrap().actor, Some(actor));
    assert_eq!(recorded.event_id, target);
    assert!(!entries[1].reversed_by_event_id.is_empty());
    assert!(entries[2].reversed_by_event_id.is_empty());

    let request = v1::GetHistoryRequest {
        agreement_id: "a".to_owned(),
        from_version: 3,
        ..Default::default()
    };
    let mut stream = served.audit().get_history(request).await.unwrap().into_inner();
    let later = stream.message().await.unwrap().unwrap().entries;
    assert_eq!(later.as_slice(), &entries[2..]);
    served.stop().await;
}

#[tokio::test]
async fn the_agreement_shows_its_term_options_and_state_as_of_a_day() {
    let served = Served::start();
    let options = vec![time_option("1", "2023-11-30"), time_option("2", "2024-11-30")];
    let base = signed("100", "2020-12-01", "2022-11-30");
    served.append("a", sign_as(v1::AgreementSigned { options, ..base })).await.unwrap();
    served.append("a", intent("2022-10-15", option("1"))).await.unwrap();
    served.append("a", intent("2023-01-01", order("O1", "1"))).await.unwrap();
    let at = |as_of: &str| v1::GetAgreementRequest {
        agreement_id: "a".to_owned(),
        as_of: as_of.to_owned(),
        ..Default::default()
    };
    let mut cases = Vec::new();
    for as_of in ["2020-12-01", "2022-10-15", "2023-12-01"] {
        let answer = served.projections().get_agreement(at(as_of)).await.unwrap().into_inner();
        let exercised = answer.options[0].exercised_date.clone();
        cases.push((
            answer.state(),
            answer.term_in_force.unwrap().end_date,
            exercised,
            answer.order_count,
        ));
    }
    let case = |state, end: &str, exercised: &str, orders| {
        (state, end.to_owned(), exercised.to_owned(), orders)
    };
    let expected = [
        case(v1::AgreementState::Active, "2022-11-30", "", 0),
        case(v1::AgreementState::Active, "2023-11-30", "2022-10-15", 0),
        case(v1::AgreementState::Expired, "2023-11-30", "2022-10-15", 1),
    ];
    assert_eq!(cases, expected);
    let before = told(&served.projections().get_agreement(at("2020-11-30")).await.unwrap_err());
    assert_eq!(before.reason, "UNKNOWN_AGREEMENT");
    served.stop().await;
}

#[tokio::test]
async fn the_agreement_shows_parties_lots_and_declined_options_as_of_a_day() {
    let served = Served::start();
    let terms = v1::AgreementSigned {
        options: vec![time_option("1", "2025-12-31")],
        ..signed("100", "2024-01-01", "2024-12-31")
    };
    served.append("a", sign_as(terms)).await.unwrap();
    let change = v1::AgreementAmended {
        added_suppliers: vec![v1::Organisation { id: org(OTHER_SUPPLIER), ..Default::default() }],
        removed_suppliers: org(SUPPLIER).into_iter().collect(),
        added_lots: vec![v1::Lot { lot_id: "L1".to_owned(), ..Default::default() }],
        ..amended("A1", v1::LegalBasis::ModRepl, "")
    };
    let change = v1::event::Payload::AgreementAmended(change);
    served.append("a", intent("2024-06-01", change)).await.unwrap();
    served.append("a", intent("2024-07-01", decline("1"))).await.unwrap();
    let mut seen = Vec::new();
    for as_of in ["2024-05-31", "2024-06-01", "2024-07-01"] {
        let request = v1::GetAgreementRequest {
            agreement_id: "a".to_owned(),
            as_of: as_of.to_owned(),
            ..Default::default()
        };
        let answer = served.projections().get_agreement(request).await.unwrap().into_inner();
        let supplier = answer.suppliers[0].number.clone();
        let declined = answer.options[0].declined_date.clone();
        seen.push((supplier, answer.lot_ids.len(), declined));
    }
    let case =
        |supplier: &str, lots, declined: &str| (supplier.to_owned(), lots, declined.to_owned());
    let expected =
        [case(SUPPLIER, 0, ""), case(OTHER_SUPPLIER, 1, ""), case(OTHER_SUPPLIER, 1, "2024-07-01")];
    assert_eq!(seen, expected);
    served.stop().await;
}

#[tokio::test]
async fn agreements_that_left_memory_answer_the_same() {
    let by_number = LedgerLimits { agreements_cached_max: 1, ..LedgerLimits::default() };
    let by_events = LedgerLimits { agreement_events_cached_max: 3, ..LedgerLimits::default() };
    for ledger in [by_number, by_events] {
        leave_memory_and_come_back(Served::with(Setting { ledger, ..Setting::default() })).await;
    }
}

async fn leave_memory_and_come_back(served: Served) {
    for agreement in ["a", "b", "c"] {
        served.append(agreement, sign("100")).await.unwrap();
    }
    for round in 1..=3 {
        for agreement in ["a", "b", "c"] {
            let id = format!("O{round}");
            served.append(agreement, intent("2024-01-01", order(&id, "30"))).await.unwrap();
            let expected = format!("{}.00", round * 30);
            assert_eq!(of_agreement(served.usage(agreement).await.usage.as_ref()).0, expected);
        }
    }
    let refused = served.append("a", intent("2024-01-01", order("O4", "10.01"))).await.unwrap_err();
    assert_eq!(told(&refused).reason, "CEILING_EXCEEDED");
    served.stop().await;
}

#[tokio::test]
async fn an_empty_ledger_has_no_head() {
    let served = Served::start();
    let head = served.ledger().get_head(v1::GetHeadRequest {}).await.unwrap().into_inner();
    let root = TreeHash::of_empty_tree().as_bytes().to_vec();
    assert_eq!(head, v1::GetHeadResponse { root, ..Default::default() });
    let answer = served.append("a", sign("100")).await.unwrap();
    let head = served.ledger().get_head(v1::GetHeadRequest {}).await.unwrap().into_inner();
    assert_eq!((head.record_count, head.head_position), (1, Some(0)));
    assert_eq!(head.recorded_time, answer.recorded_time);
    served.stop().await;
}
