//! The same request twice is one event; the first answer is given again, refusals too, for ever.

use tonic::Code;

use super::support::events::*;
use super::support::figures::of_agreement;
use super::support::{Served, Setting, told};
use contract_ledger::wire::v1;

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_after_a_restart() {
    let served = Served::start();
    let signing = request("a", vec![sign("1000000")]);
    let placing = request("a", vec![intent("2024-01-01", order("O1", "400000"))]);
    let over = request("a", vec![intent("2024-01-02", order("O2", "600000.01"))]);
    served.send(signing).await.unwrap();
    let first = served.send(placing.clone()).await.unwrap();
    let refused = told(&served.send(over.clone()).await.unwrap_err());
    // What came later would change the answers if they were made anew.
    served.append("a", intent("2024-01-03", cancel("O1"))).await.unwrap();

    let served = served.restart(Setting::default()).await;
    let again = served.send(placing).await.unwrap();
    assert!(again.replayed && !first.replayed);
    assert_eq!(v1::AppendEventsResponse { replayed: false, ..again }, first);
    let refused_again = told(&served.send(over).await.unwrap_err());
    assert!(refused_again.replayed && !refused.replayed);
    assert_eq!(refused_again.refusals, refused.refusals);
    assert_eq!((refused_again.code, refused_again.reason), (refused.code, refused.reason));
    assert_eq!(served.records().await.len(), 4);
    served.stop().await;
}

#[tokio::test]
async fn another_content_under_a_known_request_id_names_the_field() {
    let served = Served::start();
    let signing = request("a", vec![sign("1000000")]);
    served.send(signing.clone()).await.unwrap();
    let placing = request("a", vec![intent("2024-01-01", order("O1", "10"))]);
    served.send(placing.clone()).await.unwrap();
    let refused = request("a", vec![intent("2024-01-01", order("O2", "9999999"))]);
    served.send(refused.clone()).await.unwrap_err();

    let with_amount = |base: &v1::AppendEventsRequest, amount: &str, id: &str| {
        let events = vec![intent("2024-01-01", order(id, amount))];
        v1::AppendEventsRequest { events, ..base.clone() }
    };
    let cases = [
        (with_amount(&placing, "11", "O1"), "events[0].order_placed.amount.amount"),
        (with_amount(&refused, "1", "O2"), "events[0].order_placed.amount.amount"),
        (
            v1::AppendEventsRequest { agreement_id: "b".to_owned(), ..placing.clone() },
            "agreement_id",
        ),
        (
            v1::AppendEventsRequest { expected_version: Some(1), ..placing.clone() },
            "expected_version",
        ),
    ];
    for (request, field) in cases {
        let conflict = told(&served.send(request).await.unwrap_err());
        assert_eq!(
            (conflict.code, conflict.reason.as_str()),
            (Code::AlreadyExists, "DUPLICATE_CONFLICT")
        );
        assert_eq!(conflict.metadata.get("field").map(String::as_str), Some(field));
    }
    let mut longer = placing;
    longer.events.push(intent("2024-01-01", order("O3", "1")));
    let conflict = told(&served.send(longer).await.unwrap_err());
    assert_eq!(conflict.reason, "DUPLICATE_CONFLICT");
    assert_eq!(served.records().await.len(), 3);
    served.stop().await;
}

#[tokio::test]
async fn a_source_event_sent_under_another_request_id_is_a_duplicate() {
    let served = Served::start();
    served.append("a", sign("1000000")).await.unwrap();
    let from_erp = |amount: &str, event_id: &str| {
        let source = Some(v1::Source { system: "erp".to_owned(), event_id: event_id.to_owned() });
        v1::Event { source, ..fact("2024-01-01", invoice(&format!("I{event_id}"), "", amount)) }
    };
    let first = served.append("a", from_erp("100", "1")).await.unwrap();
    let again = served.append("a", from_erp("100", "1")).await.unwrap();
    assert!(again.events[0].duplicate && !first.events[0].duplicate);
    assert_eq!(again.events[0].position, first.events[0].position);
    assert_eq!(of_agreement(again.usage.as_ref()).0, "100.00");

    let conflict = told(&served.append("a", from_erp("101", "1")).await.unwrap_err());
    assert_eq!(
        (conflict.code, conflict.reason.as_str()),
        (Code::AlreadyExists, "DUPLICATE_CONFLICT")
    );
    let description = &conflict.refusals[0].description;
    assert!(description.ends_with("differs in invoice_received.net.amount"), "{description}");
    let elsewhere = told(&served.append("b", from_erp("100", "1")).await.unwrap_err());
    let description = &elsewhere.refusals[0].description;
    assert!(description.ends_with("of agreement a, has this source"), "{description}");

    // A batch that overlaps what is known records only what is new, and answers alike when repeated.
    let overlap = request("a", vec![from_erp("100", "1"), from_erp("50", "2")]);
    let mixed = served.send(overlap.clone()).await.unwrap();
    let duplicates: Vec<bool> = mixed.events.iter().map(|event| event.duplicate).collect();
    assert_eq!(duplicates, [true, false]);
    let repeated = served.send(overlap).await.unwrap();
    assert_eq!(v1::AppendEventsResponse { replayed: false, ..repeated }, mixed);
    assert_eq!(served.records().await.len(), 5, "sign, invoice 1, two conflicts, invoice 2");
    served.stop().await;
}

#[tokio::test]
async fn a_refused_source_event_may_be_tried_again_under_a_new_request_id() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let source = Some(v1::Source { system: "erp".to_owned(), event_id: "1".to_owned() });
    let placing = v1::Event { source, ..intent("2024-01-01", order("O1", "60")) };
    served.append("a", intent("2024-01-01", order("O0", "50"))).await.unwrap();
    served.append("a", placing.clone()).await.unwrap_err();
    served.append("a", intent("2024-01-02", cancel("O0"))).await.unwrap();
    // On the first of January both orders would still have counted.
    served.append("a", placing.clone()).await.unwrap_err();
    let later = v1::Event { effective_date: "2024-01-02".to_owned(), ..placing };
    served.append("a", later).await.unwrap();
    served.stop().await;
}

#[tokio::test]
async fn versions_are_gapless_per_agreement_and_a_wrong_one_aborts() {
    let served = Served::start();
    let signing = request("a", vec![sign("100")]);
    let none = v1::AppendEventsRequest { expected_version: Some(0), ..signing };
    assert_eq!(served.send(none).await.unwrap().agreement_version, 1);
    let placing = request("a", vec![intent("2024-01-01", order("O1", "1"))]);
    let wrong = v1::AppendEventsRequest { expected_version: Some(7), ..placing.clone() };
    let conflict = told(&served.send(wrong).await.unwrap_err());
    assert_eq!((conflict.code, conflict.reason.as_str()), (Code::Aborted, "VERSION_CONFLICT"));
    assert_eq!(conflict.metadata.get("actual_version").map(String::as_str), Some("1"));
    assert_eq!(conflict.metadata.get("expected_version").map(String::as_str), Some("7"));
    let right = v1::AppendEventsRequest {
        expected_version: Some(1),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..placing
    };
    assert_eq!(served.send(right).await.unwrap().agreement_version, 2);
    // Whoever has seen only the signature does not know what came after it.
    let late = request("a", vec![intent("2024-01-02", order("O2", "1"))]);
    let stale = v1::AppendEventsRequest { expected_version: Some(1), ..late };
    let conflict = told(&served.send(stale).await.unwrap_err());
    assert_eq!((conflict.code, conflict.reason.as_str()), (Code::Aborted, "VERSION_CONFLICT"));
    assert_eq!(conflict.metadata.get("actual_version").map(String::as_str), Some("2"));
    served.stop().await;
}

#[tokio::test]
async fn a_request_is_recorded_whole_or_not_at_all() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let batch = |second: &str| {
        let both = vec![
            intent("2024-01-01", order("O1", "60")),
            intent("2024-01-01", order("O2", second)),
        ];
        request("a", both)
    };
    let refused = told(&served.send(batch("40.01")).await.unwrap_err());
    assert_eq!(refused.refusals[0].event_index, 1);
    assert_eq!(refused.excesses(), [("agreement".to_owned(), "0.01".to_owned())]);
    assert_eq!(of_agreement(served.usage("a").await.usage.as_ref()).0, "0.00");
    let answer = served.send(batch("40")).await.unwrap();
    let positions: Vec<u64> = answer.events.iter().map(|event| event.position).collect();
    assert_eq!(positions, [2, 3], "after the signature and the refusal");
    assert_eq!(answer.agreement_version, 3);
    served.stop().await;
}

#[tokio::test]
async fn validate_only_answers_and_records_nothing() {
    let served = Served::start();
    served.append("a", sign("100")).await.unwrap();
    let asked = request("a", vec![intent("2024-01-01", order("O1", "60"))]);
    let only = v1::AppendEventsRequest { validate_only: true, ..asked.clone() };
    let answer = served.send(only).await.unwrap();
    assert!(answer.validate_only);
    assert_eq!(of_agreement(answer.usage.as_ref()).0, "60.00");
    let over = request("a", vec![intent("2024-01-01", order("O1", "100.01"))]);
    let only = v1::AppendEventsRequest { validate_only: true, ..over.clone() };
    assert_eq!(told(&served.send(only).await.unwrap_err()).reason, "CEILING_EXCEEDED");
    assert_eq!(served.records().await.len(), 1);
    // The same request id is free for the real thing.
    let real = served.send(asked).await.unwrap();
    assert!(!real.replayed);
    served.stop().await;
}
