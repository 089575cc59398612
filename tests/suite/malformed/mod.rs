//! Bad input: a clear, complete, machine-readable error, and nothing recorded.

mod amendments;
mod fields;
mod policies;

use contract_ledger::grpc::ServiceLimits;
use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;
use tonic::Code;

use super::support::events::*;
use super::support::{Served, Setting, told};

fn with_order(change: impl Fn(&mut v1::OrderPlaced)) -> v1::AppendEventsRequest {
    let mut order = placed("O1", "1.00");
    change(&mut order);
    request("a", vec![intent("2024-01-01", Payload::OrderPlaced(order))])
}

fn with_request(change: impl Fn(&mut v1::AppendEventsRequest)) -> v1::AppendEventsRequest {
    let mut asked = with_order(|_| {});
    change(&mut asked);
    asked
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<(&'static str, v1::AppendEventsRequest, &'static str, &'static str)> {
    const AMOUNT: &str = "events[0].order_placed.amount.amount";
    let amount = |text: &'static str| with_order(move |order| order.amount = nok(text));
    let event =
        |change: fn(&mut v1::Event)| with_request(move |asked| change(&mut asked.events[0]));
    vec![
        ("empty amount", amount(""), "MALFORMED_AMOUNT", AMOUNT),
        ("negative zero", amount("-0"), "MALFORMED_AMOUNT", AMOUNT),
        ("exponent", amount("1e5"), "MALFORMED_AMOUNT", AMOUNT),
        ("not a number", amount("NaN"), "MALFORMED_AMOUNT", AMOUNT),
        (
            "40 digits",
            amount("1234567890123456789012345678901234567890"),
            "MALFORMED_AMOUNT",
            AMOUNT,
        ),
        ("three decimals", amount("1.001"), "MALFORMED_AMOUNT", AMOUNT),
        ("negative order", amount("-1"), "MALFORMED_AMOUNT", AMOUNT),
        ("order for nothing", amount("0"), "MALFORMED_AMOUNT", AMOUNT),
        (
            "unknown currency",
            with_order(|order| order.amount = money("1", "KRO")),
            "UNKNOWN_CURRENCY",
            "events[0].order_placed.amount.currency",
        ),
        (
            "no amount",
            with_order(|order| order.amount = None),
            "FIELD_MISSING",
            "events[0].order_placed.amount",
        ),
        (
            "empty order id",
            with_order(|order| order.order_id.clear()),
            "FIELD_MISSING",
            "events[0].order_placed.order_id",
        ),
        (
            "absurdly long order id",
            with_order(|order| order.order_id = "x".repeat(100_000)),
            "MALFORMED_ID",
            "events[0].order_placed.order_id",
        ),
        (
            "replacement characters",
            with_order(|order| order.order_id = "\u{fffd}\u{fffd}".to_owned()),
            "MALFORMED_ID",
            "events[0].order_placed.order_id",
        ),
        (
            "control characters",
            with_order(|order| order.order_id = "a\u{0}b".to_owned()),
            "MALFORMED_ID",
            "events[0].order_placed.order_id",
        ),
        (
            "bad check digit",
            with_order(|order| order.buyer = org("920125299")),
            "INVALID_ORGANISATION_NUMBER",
            "events[0].order_placed.buyer.number",
        ),
        (
            "letters for an organisation",
            with_order(|order| order.supplier = org("NO943184097")),
            "INVALID_ORGANISATION_NUMBER",
            "events[0].order_placed.supplier.number",
        ),
        (
            "rate of zero",
            with_order(|order| {
                order.exchange_rate =
                    Some(v1::ExchangeRate { rate: "0".to_owned(), ..Default::default() });
            }),
            "MALFORMED_AMOUNT",
            "events[0].order_placed.exchange_rate.rate",
        ),
        (
            "thirtieth of February",
            event(|event| event.effective_date = "2024-02-30".to_owned()),
            "MALFORMED_DATE",
            "events[0].effective_date",
        ),
        (
            "no date",
            event(|event| event.effective_date.clear()),
            "FIELD_MISSING",
            "events[0].effective_date",
        ),
        (
            "no mode",
            event(|event| event.admission_mode = 0),
            "UNKNOWN_ENUM_VALUE",
            "events[0].admission_mode",
        ),
        (
            "unknown mode",
            event(|event| event.admission_mode = 99),
            "UNKNOWN_ENUM_VALUE",
            "events[0].admission_mode",
        ),
        ("no payload", event(|event| event.payload = None), "FIELD_MISSING", "events[0].payload"),
        (
            "source without system",
            event(|event| {
                event.source = Some(v1::Source { event_id: "1".to_owned(), system: String::new() });
            }),
            "FIELD_MISSING",
            "events[0].source.system",
        ),
        ("no events", with_request(|asked| asked.events.clear()), "LIST_OUT_OF_BOUNDS", "events"),
        (
            "no agreement",
            with_request(|asked| asked.agreement_id.clear()),
            "FIELD_MISSING",
            "agreement_id",
        ),
        (
            "no request id",
            with_request(|asked| asked.request_id.clear()),
            "FIELD_MISSING",
            "request_id",
        ),
        (
            "wrong UUID",
            with_request(|asked| asked.request_id = "not-a-uuid".to_owned()),
            "MALFORMED_ID",
            "request_id",
        ),
        (
            "all zeros",
            with_request(|asked| {
                asked.request_id = "00000000-0000-0000-0000-000000000000".to_owned();
            }),
            "MALFORMED_ID",
            "request_id",
        ),
        (
            "amendment on no ground",
            with_request(|asked| {
                let amendment = amended("M1", v1::LegalBasis::Unspecified, "1");
                asked.events[0].payload = Some(Payload::AgreementAmended(amendment));
            }),
            "UNKNOWN_ENUM_VALUE",
            "events[0].agreement_amended.legal_basis",
        ),
        (
            "reservation for nothing",
            with_request(|asked| {
                asked.events[0].payload = Some(reserve("R1", "0", "2024-12-31"));
            }),
            "MALFORMED_AMOUNT",
            "events[0].headroom_reserved.amount.amount",
        ),
        (
            "policy of nothing",
            with_request(|asked| {
                let policy = v1::ThresholdPolicySet::default();
                asked.events[0].payload = Some(set_policy(policy));
            }),
            "FIELD_MISSING",
            "events[0].threshold_policy_set",
        ),
    ]
}

#[tokio::test]
async fn every_malformed_request_is_told_what_is_wrong_and_where() {
    let served = Served::start();
    served.append("a", sign("1000000")).await.unwrap();
    for (name, asked, reason, field) in cases() {
        let refused = told(&served.send(asked).await.expect_err(name));
        assert_eq!(
            (refused.code, refused.reason.as_str()),
            (Code::InvalidArgument, reason),
            "{name}"
        );
        assert_eq!(refused.fields, [field], "{name}");
        assert_eq!(refused.metadata.get("field").map(String::as_str), Some(field), "{name}");
    }
    assert_eq!(served.records().await.len(), 1, "nothing was recorded");
    served.stop().await;
}

#[tokio::test]
async fn every_violation_is_told_at_once() {
    let served = Served::start();
    let mut asked = with_order(|order| {
        order.amount = money("1e5", "NOK");
        order.buyer = org("1");
    });
    asked.request_id = "x".to_owned();
    asked.events[0].effective_date = "soon".to_owned();
    asked.events.push(v1::Event::default());
    let refused = told(&served.send(asked).await.unwrap_err());
    let expected = [
        "request_id",
        "events[0].effective_date",
        "events[0].order_placed.buyer.number",
        "events[0].order_placed.amount.amount",
        "events[1].effective_date",
        "events[1].admission_mode",
        "events[1].payload",
    ];
    assert_eq!(refused.fields, expected);
    let reasons = refused.metadata.get("reasons").unwrap();
    assert!(
        reasons.contains("MALFORMED_AMOUNT") && reasons.contains("INVALID_ORGANISATION_NUMBER")
    );
    served.stop().await;
}

#[tokio::test]
async fn a_thousand_broken_events_are_told_within_what_a_header_may_hold() {
    let served = Served::start();
    let broken = (0..1000).map(|_| v1::Event::default()).collect();
    let status = served.send(request("a", broken)).await.unwrap_err();
    let refused = told(&status);
    assert_eq!((refused.code, refused.reason.as_str()), (Code::InvalidArgument, "FIELD_MISSING"));
    assert_eq!(refused.metadata.get("violation_count").map(String::as_str), Some("3000"));
    let said = refused.metadata.get("violations_told").unwrap();
    assert_eq!(*said, refused.fields.len().to_string());
    assert!(refused.fields.len() >= 10, "{said}");
    let header_bytes = status.details().len() * 4 / 3 + status.message().len();
    assert!(header_bytes < 8192, "{header_bytes}");
    served.stop().await;
}

#[tokio::test]
async fn terms_that_contradict_each_other_are_refused() {
    let served = Served::start();
    let base = || signed("100", "2024-01-01", "2024-12-31");
    let whole = || ceiling(v1::scope::Scope::Agreement(true), "1");
    let lot = |id: &str| ceiling(v1::scope::Scope::LotId(id.to_owned()), "1");
    let cases = [
        (v1::AgreementSigned { ceilings: vec![], ..base() }, "ceilings"),
        (v1::AgreementSigned { ceilings: vec![whole(), whole()], ..base() }, "ceilings[1].scope"),
        (v1::AgreementSigned { ceilings: vec![whole(), lot("X")], ..base() }, "ceilings[1].scope"),
        (v1::AgreementSigned { buyers: vec![], ..base() }, "buyers"),
        (v1::AgreementSigned { cpv_codes: vec!["79340000".to_owned(); 65], ..base() }, "cpv_codes"),
        (
            v1::AgreementSigned { currency: "EUR".to_owned(), ..base() },
            "ceilings[0].amount.currency",
        ),
        (
            v1::AgreementSigned { options: vec![time_option("1", "2024-12-31")], ..base() },
            "options[0].new_end_date",
        ),
        (signed("100", "2024-01-02", "2024-01-01"), "term.end_date"),
        (v1::AgreementSigned { title: " ".to_owned(), ..base() }, "title"),
    ];
    for (terms, field) in cases {
        let event = fact("2024-01-01", Payload::AgreementSigned(terms));
        let refused = told(&served.append("a", event).await.unwrap_err());
        let field = format!("events[0].agreement_signed.{field}");
        assert_eq!((refused.code, refused.fields), (Code::InvalidArgument, vec![field]));
    }
    served.stop().await;
}

#[tokio::test]
async fn limits_of_events_and_bytes_are_kept() {
    let service = ServiceLimits {
        events_per_request_max: 3,
        message_bytes_max: 100_000,
        ..ServiceLimits::default()
    };
    let served = Served::with(Setting { service, ..Setting::default() });
    served.append("a", sign("100")).await.unwrap();
    let four = (0..4).map(|n| intent("2024-01-01", order(&format!("O{n}"), "1"))).collect();
    let refused = told(&served.send(request("a", four)).await.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::InvalidArgument, "LIST_OUT_OF_BOUNDS")
    );
    let oversize = with_order(|order| order.description = "x".repeat(100_000));
    let refused = told(&served.send(oversize).await.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::ResourceExhausted, "MESSAGE_TOO_LARGE")
    );
    assert_eq!(refused.metadata.get("message_bytes_max").map(String::as_str), Some("100000"));
    served.stop().await;
}

#[tokio::test]
async fn what_is_refused_always_ends_the_check_for_facts_too() {
    let (setting, _clock) = Setting::at("2024-06-01T10:00:00Z");
    let served = Served::with(setting);
    let unknown =
        told(&served.append("a", intent("2024-01-01", order("O1", "1"))).await.unwrap_err());
    assert_eq!((unknown.code, unknown.reason.as_str()), (Code::NotFound, "UNKNOWN_AGREEMENT"));
    let signed = served.append("a", sign("100")).await.unwrap();
    served.append("a", fact("2024-01-01", order("O1", "1"))).await.unwrap();
    let reversal = served.append("a", fact("2024-01-01", order("O2", "1"))).await.unwrap();
    let reversed = reversal.events[0].event_id.clone();
    let reversal = served.append("a", fact("2024-01-01", reverse(&reversed))).await.unwrap();
    let foreign = v1::OrderPlaced { amount: money("1", "EUR"), ..placed("O3", "1") };
    let reserved = v1::OrderPlaced { reservation_id: "R1".to_owned(), ..placed("O3", "1") };
    let nobody = "0193a7f0-0000-7000-8000-000000000001";
    let cases = [
        (sign("100"), Code::AlreadyExists, "AGREEMENT_EXISTS"),
        (fact("2024-01-01", order("O1", "1")), Code::AlreadyExists, "DUPLICATE_CONFLICT"),
        (fact("2024-01-01", change("O9", "1")), Code::NotFound, "UNKNOWN_ORDER"),
        (fact("2024-01-01", change("O2", "1")), Code::NotFound, "UNKNOWN_ORDER"),
        (intent("2024-01-01", invoice("I1", "O9", "1")), Code::NotFound, "UNKNOWN_ORDER"),
        (intent("2024-01-01", credit("C1", "I9", "1")), Code::NotFound, "UNKNOWN_INVOICE"),
        (intent("2024-01-01", pay("P1", "I9", "1")), Code::NotFound, "UNKNOWN_INVOICE"),
        (fact("2024-01-01", Payload::OrderPlaced(reserved)), Code::NotFound, "UNKNOWN_RESERVATION"),
        (
            fact("2024-01-01", Payload::OrderPlaced(foreign)),
            Code::FailedPrecondition,
            "CURRENCY_MISMATCH",
        ),
        (fact("2024-06-03", order("O4", "1")), Code::FailedPrecondition, "EFFECTIVE_IN_FUTURE"),
        (fact("2024-01-01", reverse(nobody)), Code::NotFound, "UNKNOWN_EVENT"),
        (fact("2024-01-01", reverse(&reversed)), Code::FailedPrecondition, "ALREADY_REVERSED"),
        (
            fact("2024-01-01", reverse(&reversal.events[0].event_id)),
            Code::FailedPrecondition,
            "REVERSAL_OF_REVERSAL",
        ),
    ];
    for (event, code, reason) in cases {
        let refused = told(&served.append("a", event).await.expect_err(reason));
        assert_eq!((refused.code, refused.reason.as_str()), (code, reason));
    }
    served.append("a", fact("2024-06-02", order("O4", "1"))).await.unwrap();
    // The signature itself can be reversed, and the agreement signed anew.
    served.append("a", fact("2024-01-01", reverse(&signed.events[0].event_id))).await.unwrap();
    let gone = told(&served.append("a", fact("2024-01-01", order("O5", "1"))).await.unwrap_err());
    assert_eq!(gone.reason, "UNKNOWN_AGREEMENT");
    served.append("a", sign("200")).await.unwrap();
    let usage = served.usage_as_of("a", "2024-06-02").await.usage.unwrap();
    assert_eq!(usage.scopes[0].exposure, nok("2.00"), "both live orders count again");
    served.stop().await;
}

/// The same field number as the request id, as bytes that are not UTF-8.
#[derive(Clone, PartialEq, prost::Message)]
struct NotText {
    #[prost(bytes = "vec", tag = "1")]
    request_id: Vec<u8>,
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_clients_mistake() {
    use contract_ledger::wire::codec::LedgerCodec;
    let served = Served::start();
    let mut client = tonic::client::Grpc::new(served.channel.clone());
    client.ready().await.unwrap();
    let path = "/contractledger.v1.LedgerService/AppendEvents".parse().unwrap();
    let codec = LedgerCodec::<NotText, v1::AppendEventsResponse>::default();
    let message = tonic::Request::new(NotText { request_id: vec![0xff, 0xfe] });
    let refused = told(&client.unary(message, path, codec).await.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::InvalidArgument, "MALFORMED_MESSAGE")
    );

    let path = "/contractledger.v1.LedgerService/NoSuchMethod".parse().unwrap();
    client.ready().await.unwrap();
    let codec = LedgerCodec::<NotText, v1::AppendEventsResponse>::default();
    let refused = client.unary(tonic::Request::new(NotText::default()), path, codec).await;
    let refused = told(&refused.unwrap_err());
    assert_eq!(
        (refused.code, refused.reason.as_str()),
        (Code::Unimplemented, "METHOD_UNIMPLEMENTED")
    );
    served.stop().await;
}
