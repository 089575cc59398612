//! Keeps a batch of sled from waiting where a flush sleeps.
//!
//! sled 0.34.7 has one lock for the whole process (`concurrency_control.rs`): a batch takes it for
//! itself, a flush or an insert shares it for as long as it sleeps. A flush that a failed write leaves
//! asleep is woken by another flush ([`super::watch`]), which is not let in while a batch waits for the
//! lock. So no batch waits there: it waits here until no flush is under way, and the watch does not ask
//! here. Seen as a writer that never answered, with `strace -e inject=pwrite64:error=EIO:when=19`, an
//! append in its flush and the projector in its batch.
//!
//! A batch that is done hands its turn to whoever waits and does not take the next one itself: the
//! projector writes an index in many batches, one right after the other, and an append would wait for
//! all of them.

use parking_lot::{RwLock, RwLockWriteGuard};

/// As sled's own lock, for the whole process.
static FLUSHES_OR_A_BATCH: RwLock<()> = RwLock::new(());

/// Applies a batch while nothing is flushed.
pub(super) fn apply_batch(tree: &sled::Tree, batch: sled::Batch) -> sled::Result<()> {
    let alone = FLUSHES_OR_A_BATCH.write();
    let applied = tree.apply_batch(batch);
    RwLockWriteGuard::unlock_fair(alone);
    applied
}

/// Inserts one entry while no batch is applied: it may have to wait for a write of sled's, as a flush.
pub(super) fn insert(tree: &sled::Tree, key: &[u8], value: &[u8]) -> sled::Result<()> {
    let _together = FLUSHES_OR_A_BATCH.read();
    tree.insert(key, value).map(drop)
}

/// Flushes while no batch is applied.
pub(super) fn flush(db: &sled::Db) -> sled::Result<usize> {
    let _together = FLUSHES_OR_A_BATCH.read();
    db.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::*;

    /// Nothing takes that long unless it waits for ever.
    const PATIENCE: Duration = Duration::from_secs(20);

    #[test]
    fn a_batch_that_waits_does_not_keep_out_the_flush_that_wakes_a_sleeper() {
        let db = sled::Config::new().temporary(true).open().unwrap();
        let (sleeper, batched) =
            (db.open_tree("sleeper").unwrap(), db.open_tree("batched").unwrap());
        // sled has its lock only once there was a batch.
        apply_batch(&batched, sled::Batch::default()).unwrap();
        // A merge shares sled's lock for as long as its operator runs, as a flush does that sleeps.
        let (asleep, is_asleep) = mpsc::channel();
        let (wake, woken) = mpsc::channel::<()>();
        let woken = std::sync::Mutex::new(woken);
        sleeper.set_merge_operator(move |_: &[u8], _: Option<&[u8]>, new: &[u8]| {
            asleep.send(()).unwrap();
            woken.lock().unwrap().recv_timeout(4 * PATIENCE).unwrap();
            Some(new.to_vec())
        });
        thread::scope(|scope| {
            scope.spawn(|| {
                let _as_a_flush_does = FLUSHES_OR_A_BATCH.read();
                sleeper.merge("key", "value").unwrap();
            });
            is_asleep.recv_timeout(PATIENCE).unwrap();
            scope.spawn(|| apply_batch(&batched, sled::Batch::default()).unwrap());
            // Once a batch waits here, nobody else is let in here. One that does not wait here is given up.
            let began = Instant::now();
            while FLUSHES_OR_A_BATCH.try_read().is_some() && began.elapsed() < PATIENCE {
                thread::yield_now();
            }
            let (knocked, has_knocked) = mpsc::channel();
            let knocking = db.clone();
            let knock = thread::spawn(move || {
                knocking.flush().unwrap();
                knocked.send(()).unwrap();
            });
            let knocked = has_knocked.recv_timeout(PATIENCE);
            wake.send(()).unwrap();
            knock.join().unwrap();
            assert_eq!(knocked, Ok(()), "the watch was kept out");
        });
    }
}
