//! Keeps a batch of sled from waiting where a flush sleeps.
//!
//! sled 0.34.7 has one lock for the whole process (`concurrency_control.rs`): a batch takes it for
//! itself, a flush shares it for as long as it sleeps. A flush that a failed write leaves asleep is
//! woken by another flush ([`super::watch`]), which is not let in while a batch waits for the lock. So
//! no batch waits there: it waits here until no flush is under way, and the watch does not ask here.
//! Seen as a writer that never answered, with `strace -e inject=pwrite64:error=EIO:when=19`, an append
//! in its flush and the projector in its batch.

use std::sync::{PoisonError, RwLock};

/// As sled's own lock, for the whole process.
static FLUSHES_OR_A_BATCH: RwLock<()> = RwLock::new(());

/// Applies a batch while nothing is flushed.
pub(super) fn apply_batch(tree: &sled::Tree, batch: sled::Batch) -> sled::Result<()> {
    let _alone = FLUSHES_OR_A_BATCH.write().unwrap_or_else(PoisonError::into_inner);
    tree.apply_batch(batch)
}

/// Flushes while no batch is applied.
pub(super) fn flush(db: &sled::Db) -> sled::Result<usize> {
    let _together = FLUSHES_OR_A_BATCH.read().unwrap_or_else(PoisonError::into_inner);
    db.flush()
}
