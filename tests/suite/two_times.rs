//! Scenarios S5 to S8 through gRPC, with a clock that stands where each event was recorded.

use std::sync::Arc;

use contract_ledger::clock::SetClock;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::as_known::AsKnown as Known;
use contract_ledger::wire::v1::event::Payload;

use super::support::events::*;
use super::support::figures::{all_findings, finding, of_agreement};
use super::support::{Accepted, Served, Setting, time, told};

const A: &str = "a";

struct Register {
    served: Served,
    clock: Arc<SetClock>,
}

impl Register {
    fn open() -> Self {
        let (setting, clock) = Setting::at("2020-01-01T09:00:00Z");
        Self { served: Served::with(setting), clock }
    }

    /// Records an event at noon of a day.
    async fn on(&self, recorded: &str, event: v1::Event) -> Accepted {
        self.clock.set(time(&format!("{recorded}T11:00:00Z")));
        self.served.append(A, event).await.unwrap()
    }

    async fn refused_on(&self, recorded: &str, event: v1::Event) -> Vec<String> {
        self.clock.set(time(&format!("{recorded}T11:00:00Z")));
        let status = self.served.append(A, event).await.unwrap_err();
        told(&status).reasons().into_iter().map(str::to_owned).collect()
    }

    async fn asked(&self, as_of: &str, known: &str) -> v1::GetCeilingUsageResponse {
        let request = v1::GetCeilingUsageRequest {
            agreement_id: A.to_owned(),
            as_of: as_of.to_owned(),
            as_known: Some(v1::AsKnown { as_known: Some(Known::Date(known.to_owned())) }),
            min_position: None,
        };
        self.served.projections().get_ceiling_usage(request).await.unwrap().into_inner()
    }

    async fn exposure(&self, as_of: &str, known: &str) -> String {
        of_agreement(self.asked(as_of, known).await.usage.as_ref()).0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s5_expiry_and_a_backdated_option() {
    let register = Register::open();
    let terms = v1::AgreementSigned {
        options: vec![time_option("1", "2025-12-31")],
        ..signed("3000000", "2023-01-01", "2024-12-31")
    };
    register.on("2023-01-01", sign_as(terms)).await;
    register.on("2024-12-30", intent("2024-12-30", order("O1", "400000"))).await;
    let delivered = register.on("2025-01-08", fact("2025-01-08", deliver("D1", "O1", "p1"))).await;
    let invoiced =
        register.on("2025-01-09", fact("2025-01-09", invoice("I1", "O1", "400000"))).await;
    for answer in [delivered, invoiced] {
        assert_eq!(all_findings(&answer.findings_opened), []);
    }
    let late_order = intent("2025-01-02", order("O2", "1000"));
    assert_eq!(register.refused_on("2025-01-10", late_order).await, ["AGREEMENT_EXPIRED"]);

    let expired = finding("AGREEMENT_EXPIRED", "order:O3", "100000.00");
    let placed = register.on("2025-01-20", fact("2025-01-10", order("O3", "100000"))).await;
    assert_eq!(all_findings(&placed.findings_opened), std::slice::from_ref(&expired));
    let exercised = register.on("2025-02-01", fact("2024-12-20", option("1"))).await;
    assert_eq!(all_findings(&exercised.findings_cleared), std::slice::from_ref(&expired));
    let late = &exercised.findings_opened[0];
    assert_eq!((late.rule.as_str(), late.days), ("LATE_REGISTRATION", Some(43)));
    assert_eq!(late.subject, format!("event:{}", exercised.events[0].event_id));

    let then = register.asked("2025-01-31", "2025-01-31").await;
    assert_eq!(all_findings(&then.findings), [expired]);
    let now = register.asked("2025-01-31", "2025-02-01").await;
    assert!(now.findings.iter().all(|finding| finding.rule == "LATE_REGISTRATION"), "{now:?}");
    register.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s6_every_point_of_the_grid_with_its_findings() {
    let register = Register::open();
    register.on("2025-01-01", sign_as(signed("2000000", "2025-01-01", "2025-12-31"))).await;
    register.on("2025-02-01", intent("2025-02-01", order("O1", "800000"))).await;
    let second = register.on("2025-03-10", intent("2025-03-10", order("O2", "500000"))).await;
    let third = register.on("2025-04-05", fact("2025-02-20", order("O3", "300000"))).await;
    let reversed = second.events[0].event_id.clone();
    register.on("2025-04-20", fact("2025-04-20", reverse(&reversed))).await;
    let correction =
        v1::Event { corrects_event_id: reversed, ..fact("2025-03-10", order("O2", "50000")) };
    let corrected = register.on("2025-04-20", correction).await;
    assert_eq!(all_findings(&corrected.findings_opened), [], "a correction is never late");
    let late = third.findings_opened.iter().find(|one| one.rule == "LATE_REGISTRATION").unwrap();
    assert_eq!(late.days, Some(44));

    let grid = [
        ("2025-02-28", ["800000.00", "1100000.00", "1100000.00"]),
        ("2025-03-31", ["1300000.00", "1600000.00", "1150000.00"]),
    ];
    for (as_of, row) in grid {
        for (known, expected) in ["2025-03-31", "2025-04-10", "2025-04-30"].into_iter().zip(row) {
            assert_eq!(register.exposure(as_of, known).await, expected, "{as_of} / {known}");
        }
    }
    let step = finding("THRESHOLD_REACHED", "agreement@70", "");
    let told = |answer: &v1::GetCeilingUsageResponse| {
        let mut told = all_findings(&answer.findings);
        told.retain(|(rule, _, _)| rule == "THRESHOLD_REACHED");
        told
    };
    let between = register.asked("2025-03-31", "2025-04-10").await;
    assert_eq!(told(&between), [step], "80 per cent, until the reversal was known");
    assert_eq!(told(&register.asked("2025-03-31", "2025-04-30").await), []);
    assert_eq!(told(&register.asked("2025-03-31", "2025-03-31").await), []);
    register.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s7_amendments_by_the_thresholds_that_are_built_in() {
    let register = Register::open();
    let steps = [
        ("A1", v1::LegalBasis::ModMinv, "800000.00", None),
        ("A2", v1::LegalBasis::ModMinv, "399999.99", None),
        ("A3", v1::LegalBasis::ModMinv, "0.01", Some(("AMENDMENT_DE_MINIMIS", "1200000.00"))),
        ("B1", v1::LegalBasis::AddWss, "6000000.00", None),
        ("B2", v1::LegalBasis::AddWss, "6000000.01", Some(("AMENDMENT_OVER_HALF", "6000000.01"))),
    ];
    register.on("2024-01-01", sign_as(signed("12000000", "2024-01-01", "2026-12-31"))).await;
    for (id, basis, change, expected) in steps {
        let answer =
            register.on("2024-02-01", intent("2024-02-01", amend(id, basis, change))).await;
        let told: Vec<_> = answer
            .findings_opened
            .iter()
            .map(|one| (one.rule.as_str(), one.amount.as_ref().unwrap().amount.as_str()))
            .collect();
        assert_eq!(told, expected.into_iter().collect::<Vec<_>>(), "{id}");
    }
    register.on("2024-03-01", intent("2024-03-01", order("O1", "20000000"))).await;
    let lower = intent("2024-03-02", amend("C1", v1::LegalBasis::ModRev, "-6000000"));
    assert_eq!(register.refused_on("2024-03-02", lower).await, ["CEILING_BELOW_EXPOSURE"]);
    let silent = v1::AgreementAmended {
        reasoning: String::new(),
        ..amended("C2", v1::LegalBasis::ModRev, "1")
    };
    let silent = intent("2024-03-02", Payload::AgreementAmended(silent));
    assert_eq!(register.refused_on("2024-03-02", silent).await, ["REASON_MISSING"]);
    register.served.stop().await;
}

/// Currency, an order in it, its rate, and the exposure in kroner.
#[tokio::test(flavor = "multi_thread")]
async fn s8_rounding_and_currency() {
    let register = Register::open();
    register.on("2024-01-01", sign_as(signed("1000000", "2024-01-01", "2024-12-31"))).await;
    let rate = |rate: &str| Some(v1::ExchangeRate { rate: rate.to_owned(), ..Default::default() });
    let invoice = |id: &str, amount: &str, at: &str| {
        fact(
            "2024-02-01",
            Payload::InvoiceReceived(v1::InvoiceReceived {
                net: money(amount, "EUR"),
                exchange_rate: rate(at),
                ..invoiced(id, "", "1")
            }),
        )
    };
    let exposure = |answer: &Accepted| of_agreement(answer.usage.as_ref()).0;
    let first = register.on("2024-02-01", invoice("I1", "10000.00", "11.4567")).await;
    assert_eq!(exposure(&first), "114567.00");
    let payment = Payload::InvoicePaid(v1::InvoicePaid {
        payment_id: "P1".to_owned(),
        invoice_id: "I1".to_owned(),
        amount: money("10000.00", "EUR"),
        exchange_rate: rate("11.6012"),
        ..Default::default()
    });
    let paid = register.on("2024-03-01", fact("2024-03-01", payment)).await;
    assert_eq!(exposure(&paid), "114567.00", "the difference in rate is not consumption");
    let usage = &paid.usage.as_ref().unwrap().scopes[0];
    assert_eq!(usage.paid.as_ref().unwrap().amount, "116012.00");
    assert_eq!(all_findings(&paid.findings_opened), [], "nor is anything overpaid");
    let second = register.on("2024-03-01", invoice("I2", "1234.56", "11.4567")).await;
    assert_eq!(exposure(&second), "128710.98");
    let third = register.on("2024-03-01", invoice("I3", "0.50", "11.45")).await;
    assert_eq!(exposure(&third), "128716.71", "5.725 is 5.73");
    register.served.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_any_currency_keeps_every_digit() {
    for (currency, ceiling, order_amount, remaining) in [
        ("JPY", "1000000000000000", "999999999999999", "1"),
        ("KWD", "1000000000000000.000", "999999999999999.999", "0.001"),
        ("EUR", "1000000000000000.00", "999999999999999.99", "0.01"),
    ] {
        let register = Register::open();
        let mut terms = signed("1", "2024-01-01", "2024-12-31");
        terms.currency = currency.to_owned();
        terms.ceilings[0].amount = money(ceiling, currency);
        register.on("2024-01-01", sign_as(terms)).await;
        let order = v1::OrderPlaced { amount: money(order_amount, currency), ..placed("O1", "1") };
        let answer =
            register.on("2024-02-01", intent("2024-02-01", Payload::OrderPlaced(order))).await;
        let (exposure, left, ppm) = of_agreement(answer.usage.as_ref());
        assert_eq!(
            (exposure.as_str(), left.as_str(), ppm),
            (order_amount, remaining, Some(999_999))
        );
        let one_more = v1::OrderPlaced { amount: money("2", currency), ..placed("O2", "1") };
        let refused = register
            .refused_on("2024-02-02", intent("2024-02-02", Payload::OrderPlaced(one_more)))
            .await;
        assert_eq!(refused, ["CEILING_EXCEEDED"]);
        register.served.stop().await;
    }
}
