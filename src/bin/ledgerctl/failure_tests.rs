//! Statuses as the ledger sends them, and what `Failure` makes of them.

use std::collections::HashMap;
use std::sync::Arc;

use contract_ledger::wire::v1::scope;
use prost_types::Any;
use tonic_types::pb;

use super::*;

fn any<M: prost::Message>(name: &str, message: &M) -> Any {
    Any { type_url: format!("type.googleapis.com/{name}"), value: message.encode_to_vec() }
}

fn status(code: Code, message: &str, details: Vec<Any>) -> Status {
    let rich = pb::Status { code: i32::from(code), message: message.to_owned(), details };
    Status::with_details(code, message, rich.encode_to_vec().into())
}

fn error_info(reason: &str) -> Any {
    any(
        "google.rpc.ErrorInfo",
        &pb::ErrorInfo {
            reason: reason.to_owned(),
            domain: "contractledger.v1".to_owned(),
            metadata: HashMap::from([
                ("excess".to_owned(), "0.01".to_owned()),
                ("agreement_id".to_owned(), "A".to_owned()),
            ]),
        },
    )
}

fn nok(amount: &str) -> v1::Money {
    v1::Money { amount: amount.to_owned(), currency: "NOK".to_owned() }
}

/// An order one øre over the ceiling, refused at position 12.
pub(crate) fn refused_order() -> Status {
    let refusal = v1::Refusal {
        reason: "CEILING_EXCEEDED".to_owned(),
        description: "The order would pass the ceiling.".to_owned(),
        subject_id: "O6".to_owned(),
        scope: Some(v1::Scope { scope: Some(scope::Scope::Agreement(true)) }),
        requested: Some(nok("700000.01")),
        remaining: Some(nok("700000.00")),
        excess: Some(nok("0.01")),
        date: "2024-06-01".to_owned(),
        ..Default::default()
    };
    let details =
        v1::RefusalDetails { refusals: vec![refusal], position: Some(12), replayed: true };
    let precondition = pb::PreconditionFailure {
        violations: vec![pb::precondition_failure::Violation {
            r#type: "CEILING_EXCEEDED".to_owned(),
            subject: "O6".to_owned(),
            description: "0.01 over".to_owned(),
        }],
    };
    status(
        Code::FailedPrecondition,
        "refused by 1 rule",
        vec![
            error_info("CEILING_EXCEEDED"),
            any("google.rpc.PreconditionFailure", &precondition),
            any("contractledger.v1.RefusalDetails", &details),
        ],
    )
}

#[test]
fn refusal_is_taken_apart_to_the_last_detail() {
    let failure = Failure::of_status(&refused_order());
    assert_eq!(failure.code, "FAILED_PRECONDITION");
    assert_eq!(failure.reason, "CEILING_EXCEEDED");
    assert_eq!(failure.position, Some(12));
    assert!(failure.replayed);
    assert!(!failure.unanswered);
    assert_eq!(failure.refusals[0].excess, Some(nok("0.01")));
    let json = serde_json::to_value(&failure).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "code": "FAILED_PRECONDITION",
            "reason": "CEILING_EXCEEDED",
            "domain": "contractledger.v1",
            "message": "refused by 1 rule",
            "metadata": {"agreement_id": "A", "excess": "0.01"},
            "violations": [{
                "type": "CEILING_EXCEEDED", "subject": "O6", "description": "0.01 over",
            }],
            "refusals": [{
                "reason": "CEILING_EXCEEDED",
                "description": "The order would pass the ceiling.",
                "eventIndex": 0,
                "subjectId": "O6",
                "scope": {"agreement": true},
                "requested": {"amount": "700000.01", "currency": "NOK"},
                "remaining": {"amount": "700000.00", "currency": "NOK"},
                "excess": {"amount": "0.01", "currency": "NOK"},
                "date": "2024-06-01",
            }],
            "position": 12,
            "replayed": true,
        })
    );
}

#[test]
fn malformed_request_names_every_field() {
    let violation = |field: &str| pb::bad_request::FieldViolation {
        field: field.to_owned(),
        description: "no amount".to_owned(),
        reason: "MALFORMED_AMOUNT".to_owned(),
        localized_message: None,
    };
    let bad_request = pb::BadRequest {
        field_violations: vec![violation("events[0].amount"), violation("events[1].amount")],
    };
    let failure = Failure::of_status(&status(
        Code::InvalidArgument,
        "two fields",
        vec![error_info("MALFORMED_AMOUNT"), any("google.rpc.BadRequest", &bad_request)],
    ));
    assert_eq!(failure.violations.len(), 2);
    assert_eq!(
        failure.violations[1],
        Violation::Field {
            field: "events[1].amount".to_owned(),
            reason: "MALFORMED_AMOUNT".to_owned(),
            description: "no amount".to_owned(),
        }
    );
}

#[test]
fn overload_says_when_to_come_back() {
    let retry = pb::RetryInfo {
        retry_delay: Some(prost_types::Duration { seconds: 0, nanos: 250_000_000 }),
    };
    let failure = Failure::of_status(&status(
        Code::Unavailable,
        "the queue is full",
        vec![error_info("OVERLOADED"), any("google.rpc.RetryInfo", &retry)],
    ));
    assert_eq!(failure.retry_after, Some(Duration::from_millis(250)));
    assert!(!failure.unanswered);
}

#[test]
fn broken_connection_is_not_an_answer() {
    let mut status = Status::unavailable("transport error");
    status.set_source(Arc::new(std::io::Error::other("reset")));
    let failure = Failure::of_status(&status);
    assert!(failure.unanswered);
    assert_eq!(failure.reason, "");
}

#[test]
fn details_that_are_noise_are_left_out() {
    let status = Status::with_details(Code::Internal, "oops", vec![0xff, 0xff, 0xff].into());
    let failure = Failure::of_status(&status);
    assert_eq!(failure.code, "INTERNAL");
    assert_eq!(failure.message, "oops");
    assert!(failure.refusals.is_empty());
}
