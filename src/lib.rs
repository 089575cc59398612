//! The contract ledger: immutable events of framework agreements, and what follows from them.
//!
//! Reading order is also the import rule, which `tests/architecture.rs` checks:
//!
//! ```text
//! domain       pure rules: money, dates, events, the fold of an agreement, admission, findings
//! projections  pure rows and filters of the listings; the portfolio
//! block        the bytes of a block, the unit on disk
//! archive      the second copy of every block: plain files, no sled
//! log          the sled log: blocks of opaque records, durable when an append returns
//! merkle       pure tree over the log: proofs, checkpoints, signed notes, receipts
//! wire         the published protobuf types and their mapping to the domain
//! backup       copies of the blocks elsewhere, and new folders made of them
//! dossier      an answer with its records, proofs and policy in one file, and verifying it
//! generate     agreements from published notices, and made-up histories of them
//! ledger       use cases: the single writer, queries, history, the kept portfolio
//! grpc         the services of tonic: parse, call the ledger, turn errors into statuses
//! ```
//!
//! `domain`, `block` and `merkle` know nobody; `archive` knows `block`, and `log` both. `projections`
//! knows `domain`, `wire` both. `backup` knows the copies and `wire`, `generate` knows `domain` and
//! `wire`, `dossier` knows `domain`, `projections`, `merkle` and `wire`, and only the programs know
//! these three.
//! `ledger` joins the rest. `grpc` stands outermost; the programs in `src/bin` only configure and
//! wire.

pub mod archive;
pub mod backup;
pub mod block;
pub mod clock;
pub mod config;
mod crash_point;
pub mod domain;
pub mod dossier;
mod file_lock;
pub mod generate;
pub mod grpc;
pub mod ledger;
pub mod log;
pub mod merkle;
pub mod projections;
pub mod server;
pub mod telemetry;
pub mod tiles;
pub mod wire;
pub mod witness;
