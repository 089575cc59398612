//! The worked scenarios, through gRPC, to the øre.

use contract_ledger::grpc::ServiceLimits;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::scope::Scope;
use tonic::Code;

use super::support::events::*;
use super::support::figures::{finding, findings, of_agreement, of_scope, row};
use super::support::{Served, Setting, told};

const A: &str = "asker-hyperredink";

fn scenario_one() -> v1::Event {
    let options = vec![time_option("1", "2023-11-30"), time_option("2", "2024-11-30")];
    let bids_received = Some(5);
    let base = signed("12000000.00", "2020-12-01", "2022-11-30");
    sign_as(v1::AgreementSigned { options, bids_received, ..base })
}

#[tokio::test]
async fn s1_asker_and_hyperredink_from_signature_to_the_last_krone() {
    let served = Served::start();
    let gross = |net: &str, vat: &str, order: &str, id: &str| {
        let base = invoiced(id, order, net);
        v1::event::Payload::InvoiceReceived(v1::InvoiceReceived { vat: nok(vat), ..base })
    };
    let accepted = [
        (scenario_one(), row("0.00", "12000000.00", 0)),
        (intent("2020-12-10", order("O1", "450000.00")), row("450000.00", "11550000.00", 37_500)),
        (
            fact("2021-01-10", gross("450000.00", "112500.00", "O1", "I1")),
            row("450000.00", "11550000.00", 37_500),
        ),
        (fact("2021-02-10", pay("P1", "I1", "562500.00")), row("450000.00", "11550000.00", 37_500)),
        (intent("2021-02-11", close("O1")), row("450000.00", "11550000.00", 37_500)),
        (intent("2021-06-01", order("O2", "3200000")), row("3650000.00", "8350000.00", 304_166)),
        (intent("2022-03-01", order("O3", "2900000")), row("6550000.00", "5450000.00", 545_833)),
        (intent("2022-10-15", option("1")), row("6550000.00", "5450000.00", 545_833)),
        (intent("2023-02-01", order("O4", "2750000")), row("9300000.00", "2700000.00", 775_000)),
    ];
    for (event, expected) in accepted {
        let answer = served.append(A, event).await.unwrap();
        assert_eq!(of_agreement(answer.usage.as_ref()), expected);
        assert_eq!(findings(&answer.findings_opened), []);
    }

    let asked = served.usage_as_of(A, "2023-02-01").await;
    let forecast = asked.usage.unwrap().forecast.unwrap();
    assert_eq!((forecast.elapsed_days, forecast.days_left), (792, 229));
    assert_eq!(
        (forecast.run_out_date.as_str(), forecast.end_date.as_str()),
        ("2023-09-18", "2023-11-30")
    );
    let early = finding("FORECAST_RUNS_OUT_EARLY", "agreement", "");
    assert_eq!(findings(&asked.findings), [early]);

    served.append(A, intent("2023-11-01", option("2"))).await.unwrap();
    let answer = served.append(A, intent("2024-01-15", order("O5", "2000000"))).await.unwrap();
    assert_eq!(of_agreement(answer.usage.as_ref()), row("11300000.00", "700000.00", 941_666));

    let refused =
        served.append(A, intent("2024-06-01", order("O6", "700000.01"))).await.unwrap_err();
    let refused = told(&refused);
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::FailedPrecondition, "CEILING_EXCEEDED")
    );
    assert_eq!(refused.excesses(), [("agreement".to_owned(), "0.01".to_owned())]);
    for (key, value) in [("requested", "700000.01"), ("remaining", "700000.00"), ("excess", "0.01")]
    {
        assert_eq!(refused.metadata.get(key).map(String::as_str), Some(value), "{key}");
    }
    assert_eq!(
        of_agreement(served.usage(A).await.usage.as_ref()),
        row("11300000.00", "700000.00", 941_666)
    );

    let answer = served.append(A, intent("2024-06-01", order("O6", "700000.00"))).await.unwrap();
    assert_eq!(of_agreement(answer.usage.as_ref()), row("12000000.00", "0.00", 1_000_000));
    let refused = served.append(A, intent("2024-06-02", order("O7", "0.01"))).await.unwrap_err();
    assert_eq!(told(&refused).excesses(), [("agreement".to_owned(), "0.01".to_owned())]);

    let both = [
        finding("CEILING_EXCEEDED", "agreement", "50000.00"),
        finding("OVER_INVOICED", "order:O5", "50000.00"),
    ];
    let over = fact("2024-07-01", gross("2050000.00", "512500.00", "O5", "I5"));
    let answer = served.append(A, over).await.unwrap();
    assert_eq!(of_agreement(answer.usage.as_ref()), row("12050000.00", "-50000.00", 1_004_166));
    assert_eq!(findings(&answer.findings_opened), both);
    let answer =
        served.append(A, fact("2024-08-01", credit("C5", "I5", "50000.00"))).await.unwrap();
    assert_eq!(of_agreement(answer.usage.as_ref()), row("12000000.00", "0.00", 1_000_000));
    assert_eq!(findings(&answer.findings_cleared), both);

    let refused = served.append(A, intent("2024-12-01", order("O8", "1000.00"))).await.unwrap_err();
    let refused = told(&refused);
    assert_eq!(refused.reasons(), ["AGREEMENT_EXPIRED", "CEILING_EXCEEDED"]);
    assert_eq!(refused.excesses(), [("agreement".to_owned(), "1000.00".to_owned())]);

    let history = served.history(A).await;
    let opened: Vec<_> =
        history.iter().flat_map(|entry| findings(&entry.findings_opened)).collect();
    let cleared: Vec<_> =
        history.iter().flat_map(|entry| findings(&entry.findings_cleared)).collect();
    assert_eq!((opened.as_slice(), cleared.as_slice()), (both.as_slice(), both.as_slice()));
    assert_eq!(findings(&served.usage(A).await.findings), []);
    served.stop().await;
}

#[tokio::test]
async fn s2_partial_reduce_close_and_off_order() {
    let served = Served::start();
    let steps = [
        (sign("5000000"), "0.00"),
        (intent("2024-01-02", order("O1", "1000000")), "1000000.00"),
        (fact("2024-01-03", invoice("I1", "O1", "400000")), "1000000.00"),
        (intent("2024-01-04", change("O1", "900000")), "900000.00"),
        (intent("2024-01-05", close("O1")), "400000.00"),
        (intent("2024-01-06", order("O2", "250000")), "650000.00"),
        (intent("2024-01-07", cancel("O2")), "400000.00"),
        (fact("2024-01-08", invoice("I2", "", "80000")), "480000.00"),
        (fact("2024-01-09", invoice("I3", "O1", "60000")), "540000.00"),
    ];
    for (event, exposure) in steps {
        let answer = served.append("s2", event).await.unwrap();
        assert_eq!(of_agreement(answer.usage.as_ref()).0, exposure);
    }
    let usage = served.usage("s2").await;
    assert_eq!(of_agreement(usage.usage.as_ref()), row("540000.00", "4460000.00", 108_000));
    let expected = [
        finding("INVOICE_ON_CLOSED_ORDER", "invoice:I3", "60000.00"),
        finding("OFF_ORDER_INVOICE", "invoice:I2", "80000.00"),
    ];
    assert_eq!(findings(&usage.findings), expected);
    served.stop().await;
}

#[tokio::test]
async fn s3_lots_and_suppliers_share_the_ceiling() {
    let served = Served::start();
    let base = signed_with_suppliers("10000000", &[SUPPLIER, OTHER_SUPPLIER, THIRD_SUPPLIER]);
    let lot = |id: &str| v1::Lot { lot_id: id.to_owned(), title: String::new() };
    let mut ceilings = base.ceilings.clone();
    ceilings.push(ceiling(Scope::LotId("1".to_owned()), "6000000"));
    ceilings.push(ceiling(Scope::LotId("2".to_owned()), "5000000"));
    let lots = vec![lot("1"), lot("2")];
    served.append("s3", sign_as(v1::AgreementSigned { lots, ceilings, ..base })).await.unwrap();
    let by = |id: &str, supplier: &str, lot: &str, amount: &str| {
        let base = placed(id, amount);
        let placed = v1::OrderPlaced { supplier: org(supplier), lot_id: lot.to_owned(), ..base };
        intent("2024-01-01", v1::event::Payload::OrderPlaced(placed))
    };
    let pair = |scope: &str, excess: &str| (scope.to_owned(), excess.to_owned());
    served.append("s3", by("A1", SUPPLIER, "1", "5500000")).await.unwrap();
    served.append("s3", by("B1", OTHER_SUPPLIER, "2", "4000000")).await.unwrap();
    let refused = served.append("s3", by("C1", THIRD_SUPPLIER, "2", "600000")).await.unwrap_err();
    assert_eq!(told(&refused).excesses(), [pair("agreement", "100000.00")]);
    let refused = served.append("s3", by("A2", SUPPLIER, "1", "600000")).await.unwrap_err();
    assert_eq!(
        told(&refused).excesses(),
        [pair("agreement", "100000.00"), pair("lot:1", "100000.00")]
    );
    let answer = served.append("s3", by("C2", THIRD_SUPPLIER, "2", "500000")).await.unwrap();
    assert_eq!(of_agreement(answer.usage.as_ref()).1, "0.00");
    assert_eq!(of_scope(answer.usage.as_ref(), 2).1, "500000.00");
    let refused = served.append("s3", by("D1", STRANGER, "2", "1000")).await.unwrap_err();
    assert_eq!(told(&refused).reasons(), ["SUPPLIER_NOT_PARTY", "CEILING_EXCEEDED"]);
    served.stop().await;
}

#[tokio::test]
async fn s4_two_buyers_never_both_take_the_last_krone() {
    let served = Served::start();
    served.append("s4", sign("10000000")).await.unwrap();
    served.append("s4", intent("2024-01-01", order("O0", "9000000"))).await.unwrap();
    let (one, two) = tokio::join!(
        served.append("s4", intent("2024-01-02", order("O1", "600000"))),
        served.append("s4", intent("2024-01-02", order("O2", "600000"))),
    );
    assert_eq!([&one, &two].iter().filter(|answer| answer.is_ok()).count(), 1, "{one:?} {two:?}");
    served.stop().await;
}

#[tokio::test]
async fn s4_facts_are_recorded_and_the_later_one_is_the_evidence() {
    let served = Served::start();
    served.append("s4", sign("10000000")).await.unwrap();
    served.append("s4", intent("2024-01-01", order("O0", "9000000"))).await.unwrap();
    let first = served.append("s4", fact("2024-01-02", order("O1", "600000"))).await.unwrap();
    assert_eq!(findings(&first.findings_opened), []);
    let later = served.append("s4", fact("2024-01-02", order("O2", "600000"))).await.unwrap();
    assert_eq!(of_agreement(later.usage.as_ref()).0, "10200000.00");
    let usage = served.usage("s4").await;
    assert_eq!(findings(&usage.findings), [finding("CEILING_EXCEEDED", "agreement", "200000.00")]);
    assert_eq!(usage.findings[0].evidence_positions, [later.events[0].position]);
    served.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s4_a_thousand_intents_for_four_hundred_places_each_sent_twice() {
    // Twice a thousand at once: more than the places that there are by default.
    let service = ServiceLimits { append_in_flight_max: 2000, ..ServiceLimits::default() };
    let served = Served::with(Setting { service, ..Setting::default() });
    served.append("s4", sign("10000000")).await.unwrap();
    served.append("s4", intent("2024-01-01", order("O0", "9600000"))).await.unwrap();
    let mut tasks = Vec::new();
    for connection in 0..5 {
        let endpoint = tonic::transport::Endpoint::from_shared(served.url.clone()).unwrap();
        let channel = endpoint.connect().await.unwrap();
        for number in 0..200 {
            let id = format!("R{connection}-{number}");
            let asked = request("s4", vec![intent("2024-01-02", order(&id, "1000.00"))]);
            for _ in 0..2 {
                let mut client =
                    v1::ledger_service_client::LedgerServiceClient::new(channel.clone());
                let asked = asked.clone();
                tasks.push(tokio::spawn(async move {
                    (asked.request_id.clone(), client.append_events(asked).await)
                }));
            }
        }
    }
    let mut accepted = std::collections::BTreeMap::<String, Vec<bool>>::new();
    for task in tasks {
        let (id, answer) = task.await.unwrap();
        if let Err(status) = &answer {
            assert_eq!(told(status).reason, "CEILING_EXCEEDED");
        }
        accepted.entry(id).or_default().push(answer.is_ok());
    }
    assert_eq!(accepted.len(), 1000);
    let both_alike = |answers: &Vec<bool>| answers[0] == answers[1];
    assert!(accepted.values().all(both_alike), "a repeated request got another answer");
    assert_eq!(accepted.values().filter(|answers| answers[0]).count(), 400);
    let usage = served.usage("s4").await;
    assert_eq!(of_agreement(usage.usage.as_ref()), row("10000000.00", "0.00", 1_000_000));
    assert_eq!(findings(&usage.findings), []);
    served.stop().await;
}
