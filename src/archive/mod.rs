//! The archive: a second copy of every block, in append-only segment files.
//!
//! It knows the bytes of a [`block`](crate::block) and plain files, and nothing else: not sled, not
//! the log, not what a record means. Whatever breaks the store's code or its files, the ledger is
//! rebuilt from these. The bytes are described in `FORMAT.md`.
//!
//! # Reading order
//!
//! 1. `segment`: the name and the header of a segment file.
//! 2. `scan`: recovery, as pure functions over the bytes of one segment.
//! 3. `error`, `files`: segments as files in a directory, and what can go wrong with them.
//! 4. `inspect`: what is found before anything is written. `salvage`: single blocks out of a
//!    damaged archive. `walk`: every block and every damage, also while it is written to.
//! 5. `writer`: appends, and makes durable. `current`: the segment that is appended to, and the zeros
//!    ahead of it. `delay`: the sync when it may come a little later.
//!
//! # Invariants
//!
//! - An append returns after `fdatasync` of the segment, or within the configured delay before it,
//!   and a segment has its name only once its
//!   header is durable.
//! - A reader yields an exact prefix of the blocks written, or names the first position that it
//!   cannot vouch for. Only the end of the last segment may be torn, or zeros laid out ahead.
//! - Nothing is ever overwritten or deleted: what is cut off or replaced is set aside first.

mod segment;

mod scan;

mod error;
mod files;

mod inspect;
mod salvage;
mod walk;

mod current;
mod delay;
mod writer;

#[cfg(test)]
mod tests;

pub use error::{ArchiveError, SegmentDamage};
pub use inspect::{Found, Inspected, Torn, Zeros, inspect, stored_bytes, verify, verify_from};
pub use salvage::{Neighbourhood, Salvage};
pub use scan::{Place, SegmentRead, read_segment, whole_blocks};
pub use segment::{SEGMENT_HEADER_BYTES, decode_header, encode_header, name as segment_name};
pub use walk::{Walk, Walked};
pub use writer::{ArchiveOptions, ArchiveWriter};
