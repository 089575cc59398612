//! The integration tests: one binary, a module for each part of the promise.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect fails, and says where"
)]
#![expect(
    clippy::unnecessary_wraps,
    clippy::assigning_clones,
    reason = "helpers give values in the form that the generated messages hold them"
)]

mod append_stream;
mod backups;
mod bit_flips;
mod catalogue;
mod daemon;
mod domain;
mod dossier;
mod full_disk;
mod fuzzed;
mod golden;
mod idempotency;
mod imports;
mod index;
mod limits;
mod listings;
mod lost_ends;
mod malformed;
mod measuring;
mod model;
mod notices;
mod past;
mod proofs;
mod queries;
mod scenarios;
mod start_up;
mod stopping;
mod stored_bytes;
mod subscriptions;
mod support;
mod tiles;
mod two_copies;
mod two_times;
mod upgrade;
mod verification;
mod witnesses;
