//! Listings of orders and invoices.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;
use tonic::Code;

use super::super::support::events::*;
use super::super::support::{Served, Setting, time, told};
use super::{amount, known_on, order_of};

async fn orders(served: &Served, request: v1::ListOrdersRequest) -> Vec<v1::OrderRow> {
    served.projections().list_orders(request).await.unwrap().into_inner().orders
}

async fn invoices(served: &Served, request: v1::ListInvoicesRequest) -> Vec<v1::InvoiceRow> {
    served.projections().list_invoices(request).await.unwrap().into_inner().invoices
}

fn of(agreement: &str) -> v1::ListOrdersRequest {
    v1::ListOrdersRequest {
        agreement_id: agreement.to_owned(),
        as_of: "2024-12-31".to_owned(),
        ..Default::default()
    }
}

fn invoices_of(agreement: &str) -> v1::ListInvoicesRequest {
    v1::ListInvoicesRequest {
        agreement_id: agreement.to_owned(),
        as_of: "2024-12-31".to_owned(),
        ..Default::default()
    }
}

async fn served() -> Served {
    let served = Served::start();
    for agreement in ["b", "a"] {
        served.append(agreement, sign("1000")).await.unwrap();
        let events = [
            intent("2024-02-01", order_of("O2", "100", "roads", "71000000")),
            intent("2024-02-01", order_of("O1", "200", "schools", "")),
            intent("2024-01-05", order("O3", "50")),
            intent("2024-03-01", close("O2")),
            intent("2024-03-02", cancel("O3")),
            fact("2024-03-05", invoice("I2", "O1", "120")),
            fact("2024-03-04", invoice("I1", "", "30")),
            fact("2024-03-06", pay("P1", "I1", "30")),
            fact("2024-03-07", credit("C1", "I2", "20")),
        ];
        for event in events {
            served.append(agreement, event).await.unwrap();
        }
    }
    served
}

#[tokio::test]
async fn orders_come_by_agreement_placement_date_and_position_with_their_sums() {
    let served = served().await;
    let rows = orders(&served, of("")).await;
    let seen: Vec<_> = rows
        .iter()
        .map(|row| {
            let amounts = (amount(row.ordered.as_ref()), amount(row.exposure.as_ref()));
            (row.agreement_id.as_str(), row.order_id.as_str(), row.state(), amounts)
        })
        .collect();
    let expected = ["a", "b"].map(|agreement| {
        [
            (agreement, "O3", v1::OrderState::Cancelled, ("0.00", "0.00")),
            (agreement, "O2", v1::OrderState::Closed, ("100.00", "0.00")),
            (agreement, "O1", v1::OrderState::Open, ("200.00", "200.00")),
        ]
    });
    assert_eq!(seen, expected.concat());
    let last = rows.last().unwrap();
    assert_eq!((last.placed_date.as_str(), last.department.as_str()), ("2024-02-01", "schools"));
    assert_eq!(amount(last.invoiced.as_ref()), "100.00", "net less the credit note");
    assert_eq!((last.buyer.clone(), last.supplier.clone()), {
        let id = |number: &str| {
            let scheme = "0192".to_owned();
            Some(v1::OrganisationId { number: number.to_owned(), scheme })
        };
        (id(BUYER), id(SUPPLIER))
    });
    assert_eq!((last.position, last.invoice_count), (2, 1));
    served.stop().await;
}

#[tokio::test]
async fn orders_are_filtered() {
    let served = served().await;
    let states = |state: v1::OrderState| vec![i32::from(state)];
    let text = str::to_owned;
    let cases = [
        (
            "open",
            v1::ListOrdersRequest { states: states(v1::OrderState::Open), ..of("a") },
            vec!["O1"],
        ),
        (
            "never placed",
            v1::ListOrdersRequest { states: states(v1::OrderState::NotPlaced), ..of("a") },
            vec![],
        ),
        ("supplier", v1::ListOrdersRequest { supplier: org(OTHER_SUPPLIER), ..of("a") }, vec![]),
        ("buyer", v1::ListOrdersRequest { buyer: org(BUYER), ..of("a") }, vec!["O3", "O2", "O1"]),
        ("lot", v1::ListOrdersRequest { lot_id: text("L1"), ..of("a") }, vec![]),
        ("department", v1::ListOrdersRequest { department: text("roads"), ..of("a") }, vec!["O2"]),
        (
            "from",
            v1::ListOrdersRequest { placed_from: text("2024-02-01"), ..of("a") },
            vec!["O2", "O1"],
        ),
        ("to", v1::ListOrdersRequest { placed_to: text("2024-01-05"), ..of("a") }, vec!["O3"]),
        ("earlier day", v1::ListOrdersRequest { as_of: text("2024-01-31"), ..of("a") }, vec!["O3"]),
    ];
    for (name, request, expected) in cases {
        let rows = orders(&served, request).await;
        let ids: Vec<_> = rows.iter().map(|row| row.order_id.as_str()).collect();
        assert_eq!(ids, expected, "{name}");
    }
    served.stop().await;
}

#[tokio::test]
async fn an_order_that_only_documents_name_is_listed_when_asked_for() {
    let served = Served::start();
    served.append("a", sign("1000")).await.unwrap();
    served.append("a", fact("2024-01-02", invoice("I1", "O9", "10"))).await.unwrap();
    assert_eq!(orders(&served, of("a")).await, []);
    let states = vec![v1::OrderState::NotPlaced.into()];
    let rows = orders(&served, v1::ListOrdersRequest { states, ..of("a") }).await;
    let [row] = rows.as_slice() else { panic!("one row: {rows:?}") };
    assert_eq!((row.order_id.as_str(), row.placed_date.as_str()), ("O9", ""));
    assert_eq!((amount(row.invoiced.as_ref()), row.ordered_stated.clone()), ("10.00", None));
    served.stop().await;
}

#[tokio::test]
async fn invoices_come_by_agreement_effective_date_and_position_with_what_is_owed() {
    let served = served().await;
    let rows = invoices(&served, invoices_of("")).await;
    let seen: Vec<_> = rows
        .iter()
        .map(|row| {
            let owed = (amount(row.counted.as_ref()), amount(row.outstanding.as_ref()));
            (row.agreement_id.as_str(), row.invoice_id.as_str(), row.order_id.as_str(), owed)
        })
        .collect();
    let expected = ["a", "b"].map(|agreement| {
        [(agreement, "I1", "", ("30.00", "0.00")), (agreement, "I2", "O1", ("100.00", "100.00"))]
    });
    assert_eq!(seen, expected.concat());
    let row = &rows[1];
    assert_eq!((row.number.as_str(), row.issue_date.as_str()), ("no-I2", "2024-01-01"));
    assert_eq!(
        (row.kind(), row.state()),
        (v1::InvoiceKind::Commercial, v1::InvoiceState::Received)
    );
    assert_eq!(amount(row.credited.as_ref()), "20.00");
    assert!(!row.mixed_currencies);
    served.stop().await;
}

#[tokio::test]
async fn invoices_are_filtered() {
    let served = served().await;
    let base = || invoices_of("a");
    let received = vec![i32::from(v1::InvoiceState::Received)];
    let rejected = vec![i32::from(v1::InvoiceState::Rejected)];
    let order_id = || "O1".to_owned();
    let cases = [
        ("order", v1::ListInvoicesRequest { order_id: order_id(), ..base() }, vec!["I2"]),
        (
            "supplier",
            v1::ListInvoicesRequest { supplier: org(SUPPLIER), ..base() },
            vec!["I1", "I2"],
        ),
        (
            "an invalid number",
            v1::ListInvoicesRequest { supplier: org("123456789"), ..base() },
            vec![],
        ),
        ("owed", v1::ListInvoicesRequest { has_outstanding: Some(true), ..base() }, vec!["I2"]),
        ("paid", v1::ListInvoicesRequest { has_outstanding: Some(false), ..base() }, vec!["I1"]),
        ("held back", v1::ListInvoicesRequest { has_retention: Some(true), ..base() }, vec![]),
        ("received", v1::ListInvoicesRequest { states: received, ..base() }, vec!["I1", "I2"]),
        ("rejected", v1::ListInvoicesRequest { states: rejected, ..base() }, vec![]),
    ];
    for (name, request, expected) in cases {
        let rows = invoices(&served, request).await;
        let ids: Vec<_> = rows.iter().map(|row| row.invoice_id.as_str()).collect();
        assert_eq!(ids, expected, "{name}");
    }
    served.stop().await;
}

#[tokio::test]
async fn a_payment_in_another_currency_is_told() {
    let served = Served::start();
    served.append("a", sign("1000")).await.unwrap();
    served.append("a", fact("2024-01-02", invoice("I1", "", "100"))).await.unwrap();
    let Payload::InvoicePaid(payment) = pay("P1", "I1", "10") else { panic!("a payment") };
    let payment = Payload::InvoicePaid(v1::InvoicePaid {
        amount: money("10", "EUR"),
        exchange_rate: Some(v1::ExchangeRate { rate: "10".to_owned(), source: String::new() }),
        ..payment
    });
    served.append("a", fact("2024-01-03", payment)).await.unwrap();
    let rows = invoices(&served, invoices_of("a")).await;
    assert!(rows[0].mixed_currencies);
    assert_eq!(rows[0].payable.as_ref().unwrap().currency, "NOK");
    served.stop().await;
}

#[tokio::test]
async fn documents_are_listed_as_they_were_known() {
    let (setting, clock) = Setting::at("2024-01-10T10:00:00Z");
    let served = Served::with(setting);
    served.append("a", sign("1000")).await.unwrap();
    served.append("a", intent("2024-01-05", order("O1", "10"))).await.unwrap();
    clock.set(time("2024-02-10T10:00:00Z"));
    served.append("a", intent("2024-01-04", order("O2", "10"))).await.unwrap();
    let at = async |as_of: &str, known: &str| {
        let as_of = as_of.to_owned();
        let request = v1::ListOrdersRequest { as_known: known_on(known), as_of, ..of("a") };
        let answer = served.projections().list_orders(request).await.unwrap().into_inner();
        let ids: Vec<_> = answer.orders.into_iter().map(|row| row.order_id).collect();
        (ids.join(","), answer.times.unwrap().position)
    };
    assert_eq!(at("2024-12-31", "2024-01-31").await, ("O1".to_owned(), Some(1)));
    assert_eq!(at("2024-12-31", "2024-02-10").await, ("O2,O1".to_owned(), Some(2)));
    assert_eq!(at("2024-01-04", "2024-02-10").await, ("O2".to_owned(), Some(2)));
    let request = v1::ListOrdersRequest { as_known: known_on("2024-01-09"), ..of("a") };
    let refused = told(&served.projections().list_orders(request).await.unwrap_err());
    assert_eq!((refused.code, refused.reason.as_str()), (Code::NotFound, "UNKNOWN_AGREEMENT"));
    served.stop().await;
}
