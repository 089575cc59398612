//! Backup and restore: the blocks of a log in a folder elsewhere, and new data folders made of them.
//!
//! It must not know where blocks come from (a network, a file), nor what a record means beyond its
//! request and its recorded time. A backup folder is an archive of its own: the same segments as in
//! `src/archive/FORMAT.md`, beside a file that says what the folder is. It trusts nothing but checksums
//! and the chain of hashes, and never changes what an earlier run has made durable.
//!
//! Reading order: `error`; `folder` and `file` take blocks in; `source` reads either; `cut` finds, as a pure function, where a restore
//! ends; `restore` makes a new data folder.

mod error;

mod folder;

mod file;
mod source;

mod cut;
mod restore;

#[cfg(test)]
mod tests;

pub use crate::archive::ArchiveError;
pub use crate::block::{BlockHash, Link, decode};
pub use cut::RestorePoint;
pub use error::{BackupError, FileDamage};
pub use file::BackupFile;
pub use folder::{BackupFolder, Depth};
pub use restore::{Expected, Restored, Step, restore};
