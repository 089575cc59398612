//! Every failure as a status: one `ErrorInfo`, the typed details, all values in its metadata.
//!
//! Order of precedence of answers to an append: malformed, known request id, known source event,
//! version, what is refused always, rules with parties and state before ceilings.
//! Internal text goes to the log, not to the client.
//!
//! Details travel in a header, and clients take 8 to 16 kB of headers in all. So lists are told up to
//! a bound, with their whole count beside them: a client mends what it is told and asks again.

mod proofs;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use prost::{Message, Name};
use prost_types::Any;
use tonic::{Code, Status};
use tonic_types::pb;

use crate::ledger::command::{AppendFailure, AppendRefusal, Telling};
use crate::ledger::error::{LedgerError, WithCauses};
use crate::wire::parse::Violation;
use crate::wire::v1;

pub(super) use proofs::{of_not_cosigned, of_proof_failure, reason_not_signed};
pub(super) use streams::{
    history_differs, import_not_allowed, in_place, position_beyond_head, stopping, stream_cut_off,
    too_many_appends, too_many_maintenance_streams, too_many_streams, too_many_subscriptions,
};

/// Domain of every `ErrorInfo`.
pub(super) const ERROR_DOMAIN: &str = "contractledger.v1";

/// Bytes of field violations, and of precondition violations and refusals each, that one status tells.
const LIST_BYTES_MAX: usize = 1536;
/// Bytes of a status's message.
const MESSAGE_BYTES_MAX: usize = 512;
/// Refusals whose figures stand in the metadata one by one.
const METADATA_REFUSALS_MAX: usize = 4;

/// Reasons of failures that are not refusals.
pub(super) mod reason {
    pub(in crate::grpc) const OVERLOADED: &str = "OVERLOADED";
    pub(in crate::grpc) const DISK_FULL: &str = "DISK_FULL";
    pub(in crate::grpc) const WRITER_STOPPED: &str = "WRITER_STOPPED";
    pub(in crate::grpc) const OUTCOME_UNKNOWN: &str = "OUTCOME_UNKNOWN";
    pub(in crate::grpc) const RECORD_TOO_LARGE: &str = "RECORD_TOO_LARGE";
    pub(in crate::grpc) const MESSAGE_TOO_LARGE: &str = "MESSAGE_TOO_LARGE";
    pub(in crate::grpc) const MALFORMED_MESSAGE: &str = "MALFORMED_MESSAGE";
    pub(in crate::grpc) const STORED_DATA_DAMAGED: &str = "STORED_DATA_DAMAGED";
    pub(in crate::grpc) const METHOD_UNIMPLEMENTED: &str = "METHOD_UNIMPLEMENTED";
    pub(in crate::grpc) const POSITION_NOT_REACHED: &str = "POSITION_NOT_REACHED";
    pub(in crate::grpc) const DEADLINE_EXCEEDED: &str = "DEADLINE_EXCEEDED";
    pub(in crate::grpc) const STREAM_CUT_OFF: &str = "STREAM_CUT_OFF";
    pub(in crate::grpc) const SERVER_STOPPING: &str = "SERVER_STOPPING";
    pub(in crate::grpc) const POSITION_BEYOND_HEAD: &str = "POSITION_BEYOND_HEAD";
    pub(in crate::grpc) const HISTORY_DIFFERS: &str = "HISTORY_DIFFERS";
    pub(in crate::grpc) const IMPORT_NOT_ALLOWED: &str = "IMPORT_NOT_ALLOWED";
    pub(in crate::grpc) const IMPORT_ENDED: &str = "IMPORT_ENDED";
    pub(in crate::grpc) const RECORDED_TIME_DECREASES: &str = "RECORDED_TIME_DECREASES";
    pub(in crate::grpc) const RECORDED_TIME_IN_FUTURE: &str = "RECORDED_TIME_IN_FUTURE";
    pub(in crate::grpc) const NO_SIGNING_KEY: &str = "NO_SIGNING_KEY";
    pub(in crate::grpc) const NOT_COSIGNED: &str = "NOT_COSIGNED";
    pub(in crate::grpc) const CHECKPOINT_INCONSISTENT: &str = "CHECKPOINT_INCONSISTENT";
    pub(in crate::grpc) const CHECKPOINT_NOT_KEPT: &str = "CHECKPOINT_NOT_KEPT";
    pub(in crate::grpc) const WITNESSES_NOT_ASKED: &str = "WITNESSES_NOT_ASKED";
    pub(in crate::grpc) const TREE_SIZES_REVERSED: &str = "TREE_SIZES_REVERSED";
    pub(in crate::grpc) const INTERNAL: &str = "INTERNAL";
}

/// A status in the making.
pub(super) struct Failure {
    code: Code,
    reason: String,
    message: String,
    metadata: HashMap<String, String>,
    details: Vec<Any>,
}

impl Failure {
    pub(super) fn new(code: Code, reason: &str, message: impl Into<String>) -> Self {
        let (reason, message) = (reason.to_owned(), shortened(message.into()));
        Self { code, reason, message, metadata: HashMap::new(), details: Vec::new() }
    }

    pub(super) fn with(mut self, key: impl Into<String>, value: impl std::fmt::Display) -> Self {
        self.metadata.insert(key.into(), format!("{value}"));
        self
    }

    fn detail<M: Message + Name>(mut self, message: &M) -> Self {
        let type_url = format!("type.googleapis.com/{}", M::full_name());
        self.details.push(Any { type_url, value: message.encode_to_vec() });
        self
    }

    fn retry_after(self, delay: Duration) -> Self {
        let info = pb::RetryInfo { retry_delay: prost_types::Duration::try_from(delay).ok() };
        self.google_detail("RetryInfo", &info)
    }

    fn google_detail<M: Message>(mut self, name: &str, message: &M) -> Self {
        let type_url = format!("type.googleapis.com/google.rpc.{name}");
        self.details.push(Any { type_url, value: message.encode_to_vec() });
        self
    }

    fn resource(self, kind: &str, name: &str, description: &str) -> Self {
        let info = pb::ResourceInfo {
            resource_type: format!("contractledger.v1/{kind}"),
            resource_name: name.to_owned(),
            owner: String::new(),
            description: description.to_owned(),
        };
        self.google_detail("ResourceInfo", &info)
    }

    pub(super) fn into_status(self) -> Status {
        let Self { code, reason, message, metadata, details } = self;
        let info = pb::ErrorInfo { reason, domain: ERROR_DOMAIN.to_owned(), metadata };
        let info = Any {
            type_url: "type.googleapis.com/google.rpc.ErrorInfo".to_owned(),
            value: info.encode_to_vec(),
        };
        let details = std::iter::once(info).chain(details).collect();
        let status = pb::Status { code: code.into(), message: message.clone(), details };
        Status::with_details(code, message, status.encode_to_vec().into())
    }
}

/// Everything that is malformed. The reason is that of the first violation.
pub(super) fn of_violations(violations: &[Violation]) -> Status {
    let first = violations.first();
    let reason = first.map_or(reason::MALFORMED_MESSAGE, |violation| violation.reason);
    let message = match first {
        Some(Violation { field, description, .. }) if violations.len() == 1 => {
            format!("{field} {description}")
        }
        Some(Violation { field, description, .. }) => {
            format!("{field} {description} (and {} more violations)", violations.len() - 1)
        }
        None => "the request is malformed".to_owned(),
    };
    let mut failure = Failure::new(Code::InvalidArgument, reason, message)
        .with("violation_count", violations.len())
        .with("reasons", joined(violations.iter().map(|violation| violation.reason)));
    if let Some(first) = first {
        failure = failure.with("field", &first.field);
    }
    let field_violations =
        within_bounds(violations.iter().map(|violation| pb::bad_request::FieldViolation {
            field: violation.field.clone(),
            description: violation.description.clone(),
            reason: violation.reason.to_owned(),
            ..Default::default()
        }));
    failure = failure.with("violations_told", field_violations.len());
    let bad_request = pb::BadRequest { field_violations };
    failure.google_detail("BadRequest", &bad_request).into_status()
}

/// A request that the ledger refused.
pub(super) fn of_refusal(refusal: &AppendRefusal) -> Status {
    let refusals = &refusal.refused.refusals;
    let code = Code::from_i32(refusal.refused.status_code);
    let first = refusals.first().cloned().unwrap_or_default();
    let descriptions = joined_by("; ", refusals.iter().map(|one| one.description.as_str()));
    let replayed = refusal.telling == Telling::Again;
    let mut failure = Failure::new(code, &first.reason, descriptions)
        .with("agreement_id", &refusal.agreement_id)
        .with("event_index", first.event_index)
        .with("reasons", joined(refusals.iter().map(|one| one.reason.as_str())))
        .with("replayed", replayed);
    if let Some(position) = refusal.position {
        failure = failure.with("position", position.get());
    }
    // The first reason's figures by plain names; a ceiling's figures too when it is not the first.
    let ceiling = refusals.iter().find(|one| one.excess.is_some());
    for one in ceiling.into_iter().chain([&first]) {
        failure = with_figures(failure, "", one);
    }
    for (index, one) in refusals.iter().enumerate().take(METADATA_REFUSALS_MAX) {
        failure = with_figures(failure, &format!("refusal_{index}_"), one)
            .with(format!("refusal_{index}_reason"), &one.reason);
    }
    let told = within_bounds(refusals.iter().cloned());
    failure = failure.with("refusal_count", refusals.len()).with("refusals_told", told.len());
    let details = v1::RefusalDetails {
        refusals: told,
        position: refusal.position.map(crate::domain::id::Position::get),
        replayed,
    };
    with_typed_detail(failure, code, refusal.agreement_id.as_str(), refusals)
        .detail(&details)
        .into_status()
}

fn with_figures(mut failure: Failure, prefix: &str, refusal: &v1::Refusal) -> Failure {
    let amounts = [
        ("requested", &refusal.requested),
        ("remaining", &refusal.remaining),
        ("excess", &refusal.excess),
    ];
    for (name, money) in amounts {
        if let Some(money) = money {
            failure = failure
                .with(format!("{prefix}{name}"), &money.amount)
                .with(format!("{prefix}currency"), &money.currency);
        }
    }
    let versions = [
        ("expected_version", refusal.expected_version),
        ("actual_version", refusal.actual_version),
    ];
    for (name, version) in versions {
        if let Some(version) = version {
            failure = failure.with(format!("{prefix}{name}"), version);
        }
    }
    let name = if refusal.scope.is_some() { "scope" } else { "subject_id" };
    for (name, text) in [(name, &refusal.subject_id), ("date", &refusal.date)] {
        if !text.is_empty() {
            failure = failure.with(format!("{prefix}{name}"), text);
        }
    }
    failure
}

fn with_typed_detail(
    failure: Failure,
    code: Code,
    agreement_id: &str,
    refusals: &[v1::Refusal],
) -> Failure {
    let Some(first) = refusals.first() else { return failure };
    if code == Code::InvalidArgument {
        let field_violations =
            within_bounds(refusals.iter().map(|one| pb::bad_request::FieldViolation {
                field: format!("events[{}]", one.event_index),
                description: one.description.clone(),
                reason: one.reason.clone(),
                ..Default::default()
            }));
        return failure.google_detail("BadRequest", &pb::BadRequest { field_violations });
    }
    if code == Code::FailedPrecondition || code == Code::Aborted {
        let violations =
            within_bounds(refusals.iter().map(|one| pb::precondition_failure::Violation {
                r#type: one.reason.clone(),
                subject: one.subject_id.clone(),
                description: one.description.clone(),
            }));
        return failure
            .google_detail("PreconditionFailure", &pb::PreconditionFailure { violations });
    }
    let kind = match first.reason.as_str() {
        "UNKNOWN_AGREEMENT" | "AGREEMENT_EXISTS" => "agreement",
        "UNKNOWN_ORDER" => "order",
        "UNKNOWN_INVOICE" => "invoice",
        "UNKNOWN_RESERVATION" => "reservation",
        "UNKNOWN_EVENT" => "event",
        _ => "document",
    };
    let name = if kind == "agreement" { agreement_id } else { &first.subject_id };
    failure.resource(kind, name, &first.description)
}

/// An append without a decision.
pub(super) fn of_append_failure(failure: &AppendFailure, retry_after: Duration) -> Status {
    match failure {
        AppendFailure::RequestConflict { field, position } => {
            let reason = crate::domain::reason::Reason::DuplicateConflict.name();
            let text = format!("the request id is known with other content: {field} differs");
            Failure::new(Code::AlreadyExists, reason, text)
                .with("field", field)
                .with("position", position.get())
                .resource("record", &position.get().to_string(), "the first request of this id")
                .into_status()
        }
        AppendFailure::RecordedTimeDecreases { stated, newest } => {
            let text = format!("the newest record is of {newest}, and {stated} is before it");
            Failure::new(Code::InvalidArgument, reason::RECORDED_TIME_DECREASES, text)
                .with("recorded_time", stated)
                .with("newest_recorded_time", newest)
                .into_status()
        }
        AppendFailure::RecordedTimeInFuture { stated, now } => {
            let text = format!("the ledger's clock shows {now}, and {stated} is later");
            Failure::new(Code::InvalidArgument, reason::RECORDED_TIME_IN_FUTURE, text)
                .with("recorded_time", stated)
                .with("clock_time", now)
                .into_status()
        }
        AppendFailure::ImportEnded => {
            let text = "an earlier request of this import could not be considered";
            Failure::new(Code::Aborted, reason::IMPORT_ENDED, text).into_status()
        }
        AppendFailure::Overloaded { queue_requests_max } => {
            let text = "the writer's queue is full; nothing was recorded";
            Failure::new(Code::Unavailable, reason::OVERLOADED, text)
                .with("queue_requests_max", queue_requests_max)
                .retry_after(retry_after)
                .into_status()
        }
        AppendFailure::DiskFull { free_bytes, reserve_bytes } => {
            let text = "the ledger's disk is full but for what is kept free; nothing was recorded. \
                        It goes on as soon as there is room";
            Failure::new(Code::ResourceExhausted, reason::DISK_FULL, text)
                .with("free_bytes", free_bytes)
                .with("reserve_bytes", reserve_bytes)
                .retry_after(retry_after)
                .into_status()
        }
        AppendFailure::Stopped => {
            let text = "the ledger takes no appends until it is restarted; nothing was recorded";
            Failure::new(Code::Unavailable, reason::WRITER_STOPPED, text)
                .retry_after(retry_after)
                .into_status()
        }
        AppendFailure::OutcomeUnknown => {
            let text = "a write failed and it is unknown whether the request was recorded; repeat \
                        the same request id once the ledger is back";
            Failure::new(Code::Unknown, reason::OUTCOME_UNKNOWN, text).into_status()
        }
        AppendFailure::TooLarge { bytes, bytes_max } => {
            let text = format!("a record of {bytes} bytes is over the limit of {bytes_max}");
            Failure::new(Code::ResourceExhausted, reason::RECORD_TOO_LARGE, text)
                .with("bytes", bytes)
                .with("bytes_max", bytes_max)
                .into_status()
        }
        AppendFailure::DecisionFailed => {
            let text = "the decision failed by a fault of the ledger; nothing was recorded";
            Failure::new(Code::Internal, reason::INTERNAL, text).into_status()
        }
        AppendFailure::Damaged { position } => damaged(*position),
    }
}

/// A query that failed.
pub(super) fn of_ledger_error(error: &LedgerError) -> Status {
    tracing::error!(error = %WithCauses(error), "a query failed");
    if error.is_stop() {
        let text = "the ledger has stopped after a failed write, and does not read this before it is \
                    restarted";
        return Failure::new(Code::Unavailable, reason::WRITER_STOPPED, text).into_status();
    }
    match error.damaged_position() {
        Some(position) => damaged(Some(position)),
        None => Failure::new(Code::Internal, reason::INTERNAL, "the ledger's log has the details")
            .into_status(),
    }
}

fn damaged(position: Option<u64>) -> Status {
    let text = "stored data is damaged and is not served";
    let mut failure = Failure::new(Code::DataLoss, reason::STORED_DATA_DAMAGED, text);
    if let Some(position) = position {
        failure = failure.with("position", position);
    }
    failure.into_status()
}

/// No such agreement, at the asked times.
pub(super) fn unknown_agreement(agreement_id: &str, as_of: &str, as_known: &str) -> Status {
    let reason = crate::domain::reason::Reason::UnknownAgreement.name();
    let text = "no such agreement is signed and known at the asked times";
    let mut failure = Failure::new(Code::NotFound, reason, text).with("agreement_id", agreement_id);
    for (key, value) in [("as_of", as_of), ("as_known", as_known)] {
        if !value.is_empty() {
            failure = failure.with(key, value);
        }
    }
    failure.resource("agreement", agreement_id, text).into_status()
}

/// A `min_position` that was not reached in time.
pub(super) fn position_not_reached(min_position: u64, count: u64, retry_after: Duration) -> Status {
    let text = format!("position {min_position} is not reached; the log has {count} records");
    Failure::new(Code::Unavailable, reason::POSITION_NOT_REACHED, text)
        .with("min_position", min_position)
        .with("record_count", count)
        .retry_after(retry_after)
        .into_status()
}

/// The first entries of a list, as many as a status can tell; at least one.
fn within_bounds<M: Message>(entries: impl Iterator<Item = M>) -> Vec<M> {
    let mut bytes = 0;
    let mut told = Vec::new();
    for entry in entries {
        bytes += entry.encoded_len();
        if bytes > LIST_BYTES_MAX && !told.is_empty() {
            break;
        }
        told.push(entry);
    }
    told
}

fn shortened(mut message: String) -> String {
    if message.len() > MESSAGE_BYTES_MAX {
        let end = message.floor_char_boundary(MESSAGE_BYTES_MAX);
        message.truncate(end);
        message.push('…');
    }
    message
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for word in words {
        if !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen.join(",")
}

fn joined_by<'a>(separator: &str, words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(separator)
}
