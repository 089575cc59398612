//! Disks that lose power, for tests: what was written and not synced is forgotten.
//!
//! [`LossyDisk`] is a file system of our own that knows of every byte and name whether it is
//! durable. It cuts at a chosen operation, keeps a seeded part of what was not synced, fails
//! operations, and fills up. [`ImageDisk`] is a real ext4 or xfs on an image file; a cut copies the
//! image as it is at that instant. The first is strict and exact, the second is what people run on.
//!
//! It must not know the ledger: whoever cuts power under it says what has to be left.
//!
//! # Where the lossy disk is stricter than ext4 and xfs
//!
//! - A name is durable only after an fsync of its directory. On ext4 and xfs the fsync of a new file
//!   brings its name along, and any fsync brings all older changes of names, in order. Here any
//!   subset of them survives ([`Keep::Subset`]); only one rename is never torn.
//! - Renaming a new file over an old one does not write out its data, which ext4 does.
//! - `sync_file_range`, `sync` and `syncfs` make nothing durable: they do not reach the file system.
//!   Of the first, the same is true of a real disk with a cache. `O_SYNC` and `O_DSYNC` make nothing
//!   durable either; use fsync.
//! - Nothing becomes durable by waiting, while a real kernel writes out after some seconds.
//! - What a failed sync should have written is lost for good, also when the next sync succeeds. That is
//!   what Linux does with dirty pages after an error.
//!
//! # Where it is milder
//!
//! - A synced byte stays as it is: no sector rots, no sync lies.
//! - Mode and owner are durable at once; there are no extended attributes, links or `mmap`.
//! - New names need no room on a full disk. Files with holes use what was written, by 4 KiB.
//! - A write(2) arrives whole, or in pieces of a megabyte. `O_DIRECT` changes nothing: no page is
//!   cached anywhere, with or without it.

mod available;
mod edge;
mod image;
mod lossy;
mod model;
mod random;

pub use available::{Available, available, skipped};
pub use image::{ImageDisk, Kind};
pub use lossy::LossyDisk;
pub use model::{CutReport, Fault, Keep, Operation};
