//! A gRPC status taken apart: code, reason, metadata, violations and refusals.
//!
//! Every error of the ledger carries a google.rpc.ErrorInfo and, where it refused by a rule, a
//! RefusalDetails. Errors of the transport carry neither. Nothing here is meant for the eye; see
//! `failure_text`.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::time::Duration;

use contract_ledger::wire::json::to_json;
use contract_ledger::wire::v1;
use prost::{Message as _, Name as _};
use serde::{Serialize, Serializer};
use tonic::{Code, Status};
use tonic_types::{FieldViolation, PreconditionViolation, StatusExt as _};

/// The `domain` of errors that this program finds itself, before a request is sent.
pub(crate) const LOCAL_DOMAIN: &str = "ledgerctl";

/// What went wrong, in the names that the interface publishes. Its JSON form is one line of the
/// answer of `append`.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Failure {
    /// gRPC code, such as `FAILED_PRECONDITION`.
    pub(crate) code: &'static str,
    /// Published reason, such as `CEILING_EXCEEDED`. Empty when nobody stated one.
    pub(crate) reason: String,
    /// Who published the reason.
    pub(crate) domain: String,
    /// One sentence.
    pub(crate) message: String,
    /// Every dynamic value of the message by name.
    pub(crate) metadata: BTreeMap<String, String>,
    /// What is wrong with the request, or with the state that it met.
    pub(crate) violations: Vec<Violation>,
    /// Every rule that refused, with its figures.
    #[serde(serialize_with = "refusals_as_json")]
    pub(crate) refusals: Vec<v1::Refusal>,
    /// Position at which the refusal is kept in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) position: Option<u64>,
    /// True when this is an earlier answer given again.
    pub(crate) replayed: bool,
    /// The server asks to repeat the request after this time.
    #[serde(skip)]
    pub(crate) retry_after: Option<Duration>,
    /// True when no server answered: the connection broke, or the deadline passed.
    #[serde(skip)]
    pub(crate) unanswered: bool,
}

/// One violation of a request or of a precondition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Violation {
    /// A field is malformed.
    Field {
        /// Path of the field, such as `events[0].order_placed.amount`.
        field: String,
        /// Published reason. Empty when not stated.
        reason: String,
        /// One sentence.
        description: String,
    },
    /// The state does not allow the request.
    Precondition {
        /// Published reason.
        #[serde(rename = "type")]
        kind: String,
        /// What it concerns.
        subject: String,
        /// One sentence.
        description: String,
    },
}

impl Failure {
    /// Takes a status apart. Details that cannot be decoded are left out.
    pub(crate) fn of_status(status: &Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        let refusal = refusal_details(status).unwrap_or_default();
        let fields = details.bad_request().map(|bad| &bad.field_violations);
        let preconditions = details.precondition_failure().map(|failure| &failure.violations);
        Self {
            code: code_name(status.code()),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            domain: info.map(|info| info.domain.clone()).unwrap_or_default(),
            message: status.message().to_owned(),
            metadata: info
                .map(|info| info.metadata.clone().into_iter().collect())
                .unwrap_or_default(),
            violations: fields
                .into_iter()
                .flatten()
                .map(Violation::of_field)
                .chain(preconditions.into_iter().flatten().map(Violation::of_precondition))
                .collect(),
            refusals: refusal.refusals,
            position: refusal.position,
            replayed: refusal.replayed,
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            unanswered: info.is_none() && status.source().is_some(),
        }
    }

    /// A line of input that is no request.
    pub(crate) fn malformed_line(message: String) -> Self {
        Self {
            code: code_name(Code::InvalidArgument),
            reason: "MALFORMED_JSON".to_owned(),
            domain: LOCAL_DOMAIN.to_owned(),
            message,
            ..Self::default()
        }
    }
}

impl Violation {
    fn of_field(violation: &FieldViolation) -> Self {
        Self::Field {
            field: violation.field.clone(),
            reason: violation.reason.clone(),
            description: violation.description.clone(),
        }
    }

    fn of_precondition(violation: &PreconditionViolation) -> Self {
        Self::Precondition {
            kind: violation.r#type.clone(),
            subject: violation.subject.clone(),
            description: violation.description.clone(),
        }
    }
}

/// The refusal among the details, which `tonic-types` does not know.
fn refusal_details(status: &Status) -> Option<v1::RefusalDetails> {
    let rich = tonic_types::Status::decode(status.details()).ok()?;
    let name = v1::RefusalDetails::full_name();
    let any =
        rich.details.iter().find(|any| any.type_url.rsplit('/').next() == Some(name.as_str()))?;
    v1::RefusalDetails::decode(any.value.as_slice()).ok()
}

fn refusals_as_json<S: Serializer>(
    refusals: &[v1::Refusal],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(refusals.iter().map(|refusal| {
        serde_json::from_str::<serde_json::Value>(&to_json(refusal))
            .expect("the mapping writes valid JSON")
    }))
}

/// The name that google.rpc.Code gives a code.
pub(crate) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
#[path = "failure_tests.rs"]
pub(crate) mod tests;
