//! The contract ledger: immutable events of framework agreements, and what follows from them.
//!
//! Reading order is also the import rule, which `tests/architecture.rs` checks:
//!
//! ```text
//! domain   pure rules: money, dates, events, the fold of an agreement, admission, findings
//! log      the sled log: blocks of opaque records, durable when an append returns
//! wire     the published protobuf types and their mapping to the domain
//! generate agreements from published notices, and made-up histories of them
//! ledger   use cases: the single writer, queries, history
//! grpc     the services of tonic: parse, call the ledger, turn errors into statuses
//! ```
//!
//! `domain` and `log` know nobody. `wire` knows `domain`; `generate` knows both, and nobody
//! but the programs knows it. `ledger` joins the three. `grpc` stands
//! outermost; the programs in `src/bin` only configure and wire.

pub mod clock;
pub mod config;
pub mod domain;
pub mod generate;
pub mod grpc;
pub mod ledger;
pub mod log;
pub mod server;
pub mod telemetry;
pub mod wire;
