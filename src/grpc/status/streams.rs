//! How streams end before their time, and what does not begin because there is no place.

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::pb;

use super::{Failure, reason};
use crate::grpc::ServiceLimits;
use crate::wire::v1;

/// A status that is told in the place of an answer, on a stream that goes on.
pub(in crate::grpc) fn in_place(status: &Status) -> v1::AppendEventsError {
    let details = pb::Status::decode(status.details()).map(|full| full.details);
    v1::AppendEventsError {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: details.unwrap_or_default(),
    }
}

/// A stream that ended before everything was sent.
pub(in crate::grpc) fn stream_cut_off(limits: &ServiceLimits) -> Status {
    let text = "the stream was cut off before its end: its reader took nothing for too long";
    let stall = limits.stream_stall_max.as_millis();
    Failure::new(Code::Aborted, reason::STREAM_CUT_OFF, text)
        .with("stream_stall_ms_max", stall)
        .into_status()
}

/// A live stream that ends because the server is told to stop.
pub(in crate::grpc) fn stopping(limits: &ServiceLimits) -> Status {
    let text = "the server is stopping; go on from the last position at the next one";
    Failure::new(Code::Unavailable, reason::SERVER_STOPPING, text)
        .retry_after(limits.retry_after)
        .into_status()
}

/// A place to go on from that the log has not reached.
pub(in crate::grpc) fn position_beyond_head(
    field: &str,
    position: u64,
    record_count: u64,
) -> Status {
    let text = format!("{field} is {position}, and the log has {record_count} records");
    Failure::new(Code::InvalidArgument, reason::POSITION_BEYOND_HEAD, text)
        .with("field", field)
        .with("position", position)
        .with("record_count", record_count)
        .into_status()
}

/// The ledger takes in no older register.
pub(in crate::grpc) fn import_not_allowed() -> Status {
    let text = "the ledger is not in import mode";
    Failure::new(Code::FailedPrecondition, reason::IMPORT_NOT_ALLOWED, text).into_status()
}

/// More calls of AppendEvents than the server has places for.
pub(in crate::grpc) fn too_many_appends(limits: &ServiceLimits) -> Status {
    let text = "as many appends are under way as the server has places for; nothing was recorded";
    Failure::new(Code::Unavailable, reason::OVERLOADED, text)
        .with("append_in_flight_max", limits.append_in_flight_max)
        .retry_after(limits.retry_after)
        .into_status()
}

/// More live streams than the server has places for.
pub(in crate::grpc) fn too_many_subscriptions(limits: &ServiceLimits) -> Status {
    let text = "as many live streams are open as the server has places for";
    Failure::new(Code::Unavailable, reason::OVERLOADED, text)
        .with("subscriptions_max", limits.subscriptions_max)
        .retry_after(limits.retry_after)
        .into_status()
}

/// More verifications and backups than the server has places for.
pub(in crate::grpc) fn too_many_maintenance_streams(limits: &ServiceLimits) -> Status {
    let text = "as many verifications and backups are under way as the server has places for";
    Failure::new(Code::Unavailable, reason::OVERLOADED, text)
        .with("maintenance_streams_max", limits.maintenance_streams_max)
        .retry_after(limits.retry_after)
        .into_status()
}

/// Blocks that the caller holds and this ledger does not.
pub(in crate::grpc) fn history_differs(position: u64, record_count: u64) -> Status {
    let text = format!(
        "no block of this ledger ends at position {position} with that hash: what you hold is not a \
         prefix of this log"
    );
    Failure::new(Code::FailedPrecondition, reason::HISTORY_DIFFERS, text)
        .with("position", position)
        .with("record_count", record_count)
        .into_status()
}

/// More streams than the server has places for.
pub(in crate::grpc) fn too_many_streams(limits: &ServiceLimits) -> Status {
    let text = "as many streams are open as the server has places for";
    Failure::new(Code::Unavailable, reason::OVERLOADED, text)
        .with("streams_max", limits.streams_max)
        .retry_after(limits.retry_after)
        .into_status()
}
