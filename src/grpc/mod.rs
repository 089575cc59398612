//! The services: parse a request, call the ledger, turn what comes back into messages and statuses.
//!
//! The only room with services of tonic's; `server` and the program's start are all that else know
//! its server. `status` turns every failure into a status with its
//! details; `error_layer` sees to it that no status leaves without them, whoever made it;
//! [`server`] puts the services on a listener; [`floor`] puts the same interface there with nothing
//! behind it, to be measured against.

mod admin_service;
mod admission;
mod append;
mod append_stream;
mod audit_service;
mod durability;
mod error_layer;
pub mod floor;
mod gathered;
mod giving_way;
mod ledger_service;
mod live;
mod maintenance;
mod projection_service;
mod proofs;
mod query;
pub mod server;
mod status;
mod stream;
mod subscription;
mod watch;

use std::time::Duration;

/// Limits of the services. Each has its default in [`ServiceLimits::default`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLimits {
    /// Threads that serve connections. 0: one less than there are processors, and at least one; the
    /// writer and the disk take what one can do.
    pub worker_threads: usize,
    /// Longest message that is read.
    pub message_bytes_max: usize,
    /// Most events of one request.
    pub events_per_request_max: usize,
    /// Longest wait for a `min_position`.
    pub min_position_wait_max: Duration,
    /// Most records in one message of a stream.
    pub read_records_per_message_max: usize,
    /// Bytes of records after which a message of a stream takes no further one.
    pub read_bytes_per_message_max: usize,
    /// For how many times as long as it worked a reader of much rests, while something is appended. 0: it
    /// never rests.
    pub read_rest_per_work: u32,
    /// Rows of a page when none are asked for.
    pub page_rows_default: usize,
    /// Most rows of a page; a larger size is cut to it.
    pub page_rows_max: usize,
    /// Bytes of rows after which a page takes no further one.
    pub page_bytes_max: usize,
    /// Most streams at a time; one more is refused as overload.
    pub streams_max: usize,
    /// Most live streams (subscriptions, watches, imports, streams of appends) at a time; one more is refused as overload.
    pub subscriptions_max: usize,
    /// Most verifications and backups at a time; one more is refused as overload.
    pub maintenance_streams_max: usize,
    /// Longest silence of a live stream that has nothing to tell.
    pub heartbeat: Duration,
    /// Records by which a live reader may be behind the head before it is told that it fell behind.
    pub subscription_lag_records_max: u64,
    /// Most folded agreements that one watch of notices holds.
    pub notice_agreements_max: usize,
    /// Most requests of one import that wait for their answers.
    pub import_in_flight_max: usize,
    /// Most calls of AppendEvents at a time; one more is refused as overload.
    pub append_in_flight_max: usize,
    /// Most requests of one stream of appends that are not answered; it is read no further.
    pub append_stream_in_flight_max: usize,
    /// Longest time for which a reader of a stream may take nothing.
    pub stream_stall_max: Duration,
    /// Most calls at a time on one connection; more wait at the client.
    pub calls_per_connection_max: u32,
    /// What a client is told to wait after an overload.
    pub retry_after: Duration,
}

impl Default for ServiceLimits {
    fn default() -> Self {
        Self {
            worker_threads: 0,
            message_bytes_max: 4 * 1024 * 1024,
            events_per_request_max: 1000,
            min_position_wait_max: Duration::from_secs(5),
            read_records_per_message_max: 256,
            read_bytes_per_message_max: 256 * 1024,
            read_rest_per_work: 5,
            page_rows_default: 100,
            page_rows_max: 1000,
            page_bytes_max: 1024 * 1024,
            streams_max: 64,
            subscriptions_max: 256,
            maintenance_streams_max: 4,
            heartbeat: Duration::from_secs(10),
            subscription_lag_records_max: 10_000,
            notice_agreements_max: 1000,
            import_in_flight_max: 512,
            append_in_flight_max: 2048,
            append_stream_in_flight_max: 1024,
            stream_stall_max: Duration::from_secs(30),
            calls_per_connection_max: 4096,
            retry_after: Duration::from_millis(100),
        }
    }
}
