//! The open sled database and what its handles share: the durable head, and whether the log has
//! stopped.
//!
//! It must not know what a block or a derived tree holds.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::{debug, error};

use crate::block::Link;
use crate::crash_point::crash_point;

use super::apart;
use super::blocks::Blocks;
use super::derived_state::DerivedState;
use super::directory::ClaimedDirectory;
use super::distrust;
use super::durable::StoreFiles;
use super::error::LogError;
use super::options::LogOptions;
use super::reserve::Reserve;
use super::serve::SecondCopy;
use super::snapshots;
use super::stopped::CleanStop;
use super::watch::FlushWatch;

/// How often, and how long apart, sled's own file lock is tried again. We hold the directory
/// already, so only a thread of sled's that still closes the last store of this process can hold
/// it.
const STORE_LOCK_TRIES_MAX: u32 = 500;
const STORE_LOCK_WAIT_MS: u64 = 4;

/// Derived bytes that may be written before a sync of their own, a fraction of a sled segment.
///
/// sled reuses a segment once what replaced its content was flushed, which is not yet durable.
/// Within one append that cannot happen (sled waits for the whole batch, and an entry alone is far less
/// than a segment); a rebuild that writes
/// without appends in between could reuse a segment whose replacement a power cut takes away.
const DERIVED_UNSYNCED_BYTES_MAX: usize = 128 * 1024;

/// What sled writes of a derived entry, in its bytes: itself, and with every tenth its whole leaf, of up to
/// 17 entries.
const WRITTEN_PER_DERIVED_BYTE: usize = 3;

const OPEN: &str = "open the store";

/// Everything that the writer, the readers and the derived trees of one log share.
///
/// Invariant: all positions below `head` are durable, and no other is shown to anyone.
pub(super) struct Store {
    blocks: Blocks,
    second_copy: SecondCopy,
    reserve: Reserve,
    /// Called once, when the log stops.
    on_stop: OnceLock<Box<dyn Fn() + Send + Sync>>,
    db: sled::Db,
    files: StoreFiles,
    head: AtomicU64,
    /// Where the published log ends; its position is `head`.
    end: Mutex<Link>,
    stopped: AtomicBool,
    derived_unsynced_bytes: AtomicUsize,
    zeros_ahead_bytes: u64,
    derived: Mutex<HashMap<String, Arc<DerivedState>>>,
    is_distrusted: AtomicBool,
    #[cfg(test)]
    pretends_failed: AtomicBool,
    syncing: Mutex<()>,
    /// Where the second copy lies, for those who compare.
    archive_directory: Option<PathBuf>,
    // Dropped last, in this order: the thread closes sled, and the directory is let go when sled is
    // closed, not before.
    _watch: FlushWatch,
    directory: Arc<ClaimedDirectory>,
}

impl Store {
    /// Opens the store in a claimed directory, makes it when there is none, and makes
    /// durable what a process that was killed may have left in the page cache.
    pub(super) fn open(
        options: &LogOptions,
        directory: &Arc<ClaimedDirectory>,
    ) -> Result<Self, LogError> {
        let path = directory.store();
        // sled writes a durable snapshot of what it reads at the start, so what it reads has to
        // be durable before: else a power cut leaves a snapshot of things that are gone.
        directory.sync_store()?;
        let (watch, db) = open_sled(options, &path)?;
        let blocks = Blocks::open(&db)?;
        crash_point!("store.opened");
        apart::flush(&db).map_err(LogError::storage("flush"))?;
        directory.sync_store()?;
        Ok(Self {
            blocks,
            second_copy: SecondCopy::new(options),
            reserve: Reserve::new(options),
            on_stop: OnceLock::new(),
            db,
            files: StoreFiles::open(&path)?,
            head: AtomicU64::new(0),
            end: Mutex::new(Link::START),
            stopped: AtomicBool::new(false),
            derived_unsynced_bytes: AtomicUsize::new(0),
            zeros_ahead_bytes: options.zeros_ahead_bytes,
            derived: Mutex::default(),
            is_distrusted: AtomicBool::new(false),
            #[cfg(test)]
            pretends_failed: AtomicBool::new(false),
            syncing: Mutex::default(),
            archive_directory: options.archive.as_ref().map(|archive| archive.directory.clone()),
            _watch: watch,
            directory: Arc::clone(directory),
        })
    }

    pub(super) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Where the second copy lies, if there is one.
    pub(super) fn archive_directory(&self) -> Option<&Path> {
        self.archive_directory.as_deref()
    }

    pub(super) fn db(&self) -> &sled::Db {
        &self.db
    }

    /// The derived trees that are open, by name.
    pub(super) fn derived(&self) -> MutexGuard<'_, HashMap<String, Arc<DerivedState>>> {
        self.derived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The position after the last durable one.
    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    /// Shows all positions below `end` to readers. Call it after the sync, never before.
    pub(super) fn publish(&self, end: Link) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = end;
        self.head.store(end.next_position, Ordering::Release);
    }

    /// Where the published log ends.
    pub(super) fn end(&self) -> Link {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn second_copy(&self) -> &SecondCopy {
        &self.second_copy
    }

    pub(super) fn reserve(&self) -> &Reserve {
        &self.reserve
    }

    /// Has something called when the log stops. The first to ask is the only one.
    pub(super) fn on_stop(&self, call: impl Fn() + Send + Sync + 'static) {
        if self.on_stop.set(Box::new(call)).is_err() {
            debug!("somebody hears of the stop already");
        }
    }

    /// Has every sync from here on done in another way.
    #[cfg(test)]
    pub(super) fn sync_instead(
        &self,
        sync: impl Fn() -> Result<(), LogError> + Send + Sync + 'static,
    ) {
        self.files.instead.set(super::durable::InTest(Box::new(sync))).unwrap();
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Takes no more writes. A failed sync is reported once: the kernel then forgets the pages,
    /// and the next sync succeeds without them. So there is no way back but a new start.
    pub(super) fn stop(&self, cause: &LogError) {
        self.directory.stops_with(None);
        if !self.stopped.swap(true, Ordering::AcqRel) {
            error!(cause = ?cause, "the log is stopped; restart it to see what is durable");
            if let Some(call) = self.on_stop.get() {
                call();
            }
        }
    }

    /// What a failed read means. Once a write of its own has failed, sled refuses reads too, those that
    /// would have to write (a node that is due to be split), and shows the half of a batch that it could
    /// not finish: that says nothing of what is stored, and may be the first that anybody hears of the
    /// write.
    pub(super) fn read_failed(&self, failure: LogError) -> LogError {
        let is_of_sled = matches!(failure, LogError::Storage { .. }) || failure.is_index_damage();
        if is_of_sled && self.sled_has_failed() {
            self.stop(&failure);
            return LogError::Stopped;
        }
        self.distrust(&failure);
        failure
    }

    /// Whether a write of sled's own has failed, on whatever thread. `context.global_error` is hidden in
    /// sled's documentation, but public; the version is pinned.
    fn sled_has_failed(&self) -> bool {
        #[cfg(test)]
        if self.pretends_failed.load(Ordering::Acquire) {
            return true;
        }
        self.db.context.global_error().is_err()
    }

    /// Has sled seem to have failed a write.
    #[cfg(test)]
    pub(super) fn pretend_sled_has_failed(&self) {
        self.pretends_failed.store(true, Ordering::Release);
    }

    /// Leaves a note that the store is to be rebuilt at the next start, when a failure says that an
    /// index or a page cannot be read.
    fn distrust(&self, failure: &LogError) {
        if !failure.is_index_damage() || self.is_distrusted.swap(true, Ordering::AcqRel) {
            return;
        }
        match distrust::leave(self.directory.path()) {
            Ok(()) => {
                error!(cause = ?failure, "the store has damage besides the blocks; a restart rebuilds it");
            }
            Err(unnoted) => {
                error!(cause = ?failure, ?unnoted, command = self.second_copy.recover_command(),
                    "the store has damage besides the blocks; stop the ledger and run the command");
            }
        }
    }

    /// Reads every entry of every tree, also those that are derived: what sled cannot read fails.
    pub(super) fn read_every_tree(&self) -> Result<(), LogError> {
        let failed = || LogError::storage("read every tree");
        for name in self.db.tree_names() {
            let tree = self.db.open_tree(name).map_err(failed())?;
            tree.iter().try_for_each(|entry| entry.map(drop)).map_err(failed())?;
        }
        Ok(())
    }

    pub(super) fn flush(&self) -> Result<(), LogError> {
        self.directory.stops_with(None);
        // Taken before the flush: what is written meanwhile counts towards the next.
        self.derived_unsynced_bytes.store(0, Ordering::Release);
        apart::flush(&self.db).map(drop).map_err(LogError::storage("flush"))
    }

    /// One thread after the other: the kernel tells a failed sync to one of them only, and whoever
    /// comes next must not take its own for a success.
    pub(super) fn sync(&self) -> Result<(), LogError> {
        let _one_by_one = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_stopped() {
            return Err(LogError::Stopped);
        }
        self.files.sync().inspect_err(|error| self.stop(error))
    }

    /// Lays out zeros for what is written next, where there is ample room for them. A file that cannot be
    /// made longer grows as it is written, and what is wrong with it the write itself tells.
    pub(super) fn lay_out_zeros(&self) {
        if self.zeros_ahead_bytes == 0 || !self.reserve.can_spare(self.zeros_ahead_bytes) {
            return;
        }
        if let Err(error) = self.files.lay_out_zeros(self.zeros_ahead_bytes) {
            debug!(%error, "no zeros are laid out in sled's file");
        }
    }

    /// Has the mark of a clean stop left once everything is closed: nothing is written from here on.
    pub(super) fn stops_clean(&self, stop: CleanStop) {
        self.directory.stops_with(Some(stop));
    }

    /// Counts derived bytes as written, and syncs them when there are many.
    pub(super) fn derived_written(&self, bytes: usize) -> Result<(), LogError> {
        self.directory.stops_with(None);
        let bytes = bytes.saturating_mul(WRITTEN_PER_DERIVED_BYTE);
        let unsynced = self.derived_unsynced_bytes.fetch_add(bytes, Ordering::AcqRel);
        if unsynced.saturating_add(bytes) < DERIVED_UNSYNCED_BYTES_MAX {
            return Ok(());
        }
        self.flush().and_then(|()| self.sync()).inspect_err(|error| self.stop(error))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if self.is_stopped() {
            // sled syncs when it is dropped, and panics when that fails. What failed once is
            // not to be tried again; the process is about to end in any case.
            std::mem::forget(self.db.clone());
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the database, whose own Debug prints every page.
        f.debug_struct("Store")
            .field("head", &self.head())
            .field("stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}

fn watch_flushes(db: &sled::Db) -> Result<FlushWatch, LogError> {
    let (asked, woken) = (db.clone(), db.clone());
    FlushWatch::start(
        move || asked.context.global_error().is_err(),
        // Fails at once, since the error is noted, and wakes the others on its way. It asks nobody
        // (`apart`): the one that it wakes may be the one that others wait for.
        move || drop(woken.flush()),
    )
}

/// A store that is being built, beside the one that is served from.
pub(super) fn open_scratch(
    options: &LogOptions,
    path: &Path,
) -> Result<(FlushWatch, sled::Db, Blocks), LogError> {
    let (watch, db) = open_sled(options, path)?;
    let blocks = Blocks::open(&db)?;
    Ok((watch, db, blocks))
}

fn config(options: &LogOptions, path: &Path) -> sled::Config {
    sled::Config::new().path(path).cache_capacity(options.cache_bytes).flush_every_ms(None)
}

/// Opens sled, and has it watched. Whoever takes both apart drops the database first, as a pattern
/// of this order does.
fn open_sled(options: &LogOptions, path: &Path) -> Result<(FlushWatch, sled::Db), LogError> {
    snapshots::remove_half_written(path)?;
    let db = wait_for_sled(&config(options, path))?;
    Ok((watch_flushes(&db)?, db))
}

fn wait_for_sled(config: &sled::Config) -> Result<sled::Db, LogError> {
    let mut tries = 1;
    loop {
        // sled panics over bytes that it did not write, and where it closes what it could not open.
        let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
        let opened = opened.map_err(|_| LogError::store_panicked(OPEN))?;
        match opened {
            Err(sled::Error::Io(error))
                if tries < STORE_LOCK_TRIES_MAX && error.to_string().contains("acquire lock") =>
            {
                debug!(tries, "sled still closes the store, waiting");
                tries += 1;
                thread::sleep(Duration::from_millis(STORE_LOCK_WAIT_MS));
            }
            opened => return opened.map_err(LogError::storage(OPEN)),
        }
    }
}
