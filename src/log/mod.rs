//! The durable log: opaque records at positions 0, 1, 2, … without a gap, in a sled database.
//!
//! This room must not know contracts, protobuf, tokio or gRPC, and it is the only one that names
//! sled. Nothing of sled's shows in its types.
//!
//! # Reading order
//!
//! 1. The room [`block`](crate::block): the bytes of a block, the unit on disk; in prose in
//!    `FORMAT.md`.
//! 2. `pack`: records into blocks. `entries`: blocks into sled entries, and why those are short.
//! 3. `corruption`, `options`, `error`: what a log is opened with, and what can go wrong.
//! 4. `directory`: the directory, its lock and its format. `durable`: the steps to the medium.
//!    `stopped`: the mark that a clean stop leaves.
//!    `reserve`: room on the disks, asked for before.
//! 5. `blocks`: the tree of blocks. `store`: the open database that all handles share. `watch`,
//!    `snapshots`: remedies for faults of sled's.
//! 6. `tail`, `copies`, `plan`, `swap`, `mend`: both copies found alike or made alike, before anything
//!    is served. `recovery` tells what was done, `refusal` what a refused start is told to do,
//!    `distrust` is a note that the store is to be rebuilt, `incomplete` that the archive is behind, `known_end` how far the log once came.
//!    `serve`: blocks for readers, from the archive where the store's are not as written.
//! 7. `open`, `writer`, `reader`, `verify`, `offline`: what the rooms above call; `chain` reads
//!    whole blocks for a backup, `check` verifies both copies while they are served from.
//! 8. `derived_layout`, `derived`, `derived_state`, `derived_read`: indexes that can be rebuilt from the log.
//!
//! # Invariants
//!
//! - An append is acknowledged, and its records are shown, after one sled batch (or one entry alone),
//!   sled's flush, `fdatasync`, and the archive's write and `fdatasync` have succeeded in this order.
//! - A failure in one of them stops the log until the next start; nothing acknowledged is taken
//!   back, and what was not acknowledged may be there or not.
//! - When a log is open, both copies hold the same blocks.
//! - Every block read has its checksum and its first position verified; the hash of one that comes
//!   from the archive is stated, over others of the archive, by the store or by the log's end.
//! - No sled page is ever so large that sled would write it to a file of its own.
//! - A derived tree changes together with the mark of how far it has come, and is never ahead
//!   of the log.

mod apart;
mod pack;

mod entries;

mod corruption;
mod options;

mod error;

mod directory;
mod durable;
mod reserve;
mod stopped;

mod blocks;
mod snapshots;
mod store;
mod watch;

mod distrust;
mod plan;
mod refusal;
mod serve;

mod reader;
mod verify;

mod tail;

mod copies;
mod incomplete;
mod known_end;
mod recovery;
mod swap;

mod mend;

mod open;
mod writer;

mod offline;

mod chain;
mod check;

mod derived_layout;

mod derived;
mod derived_state;

mod derived_read;

#[cfg(test)]
mod tests;

pub use crate::archive::{ArchiveError, ArchiveOptions};
pub use crate::block::{Block, BlockError, BlockHash, Codec, Link};
pub use chain::ChainBlocks;
pub use check::{ArchiveCheck, BlockDamage, Checked, CopyName, DamagedBlock, StoreCheck};
pub use corruption::Corruption;
pub use derived::{DERIVED_APPLY_BYTES_MAX, DERIVED_NAME_BYTES_MAX, DERIVED_PUTS_MAX, DerivedTree};
pub use derived_layout::{DERIVED_KEY_BYTES_MAX, DERIVED_VALUE_BYTES_MAX};
pub use derived_read::DerivedScan;
pub use error::{LogError, StorageError};
pub use known_end::{KnownEnd, Recovering};
pub use offline::{CopiesFound, CopyFound, StopFound};
pub use open::{Log, OpenReport, OpenedLog};
pub use options::{APPEND_BYTES_MAX, APPEND_RECORDS_MAX, Durability, LogOptions};
pub use reader::{Backward, Forward, LogReader, Picked};
pub use recovery::{Mended, Recovery};
pub use refusal::Refusal;
pub use stopped::CleanStop;
pub use tail::OPEN_VERIFY_BLOCKS_MAX;
pub use verify::VerifyReport;
pub use writer::LogWriter;
