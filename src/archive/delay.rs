//! Syncs what was written to a segment within a bounded time, on a thread of its own.
//!
//! It must not know what was written. A sync that fails is told at once, and nothing is taken after
//! it: what a failed sync has lost, the next one does not report.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::error::ArchiveError;

/// The thread, and what waits for it. Dropping this syncs what waits, and ends it.
pub(super) struct DelayedSync {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    /// The segment with bytes that are not synced yet.
    segment: Option<(File, PathBuf)>,
    /// Whether it is being synced just now.
    is_syncing: bool,
    has_failed: bool,
    is_ended: bool,
}

impl DelayedSync {
    /// Starts it. `on_failure` is called on its thread, once.
    pub(super) fn start(
        delay: Duration,
        on_failure: impl FnOnce(ArchiveError) + Send + 'static,
    ) -> Result<Self, ArchiveError> {
        Self::start_with(delay, File::sync_data, on_failure)
    }

    /// The same with another way to sync.
    pub(super) fn start_with(
        delay: Duration,
        sync: impl Fn(&File) -> io::Result<()> + Send + 'static,
        on_failure: impl FnOnce(ArchiveError) + Send + 'static,
    ) -> Result<Self, ArchiveError> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("archive-sync".to_owned())
            .spawn(move || {
                if let Err(failure) = of_thread.run(delay, sync) {
                    on_failure(failure);
                }
            })
            .map_err(ArchiveError::io("start a thread", "archive-sync"))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Notes that bytes were written to a segment: they are synced when the delay is over at the
    /// latest.
    pub(super) fn note(&self, file: &File, path: &Path) -> Result<(), ArchiveError> {
        let mut waiting = self.shared.lock();
        if waiting.has_failed {
            return Err(ArchiveError::SyncFailedBefore { path: path.to_owned() });
        }
        if waiting.segment.is_none() {
            let same = file.try_clone().map_err(ArchiveError::io("open once more", path))?;
            waiting.segment = Some((same, path.to_owned()));
            self.shared.changed.notify_all();
        }
        Ok(())
    }

    /// Takes over what waits: the caller syncs it now. Fails when a sync has failed.
    pub(super) fn take_over(&self, path: &Path) -> Result<(), ArchiveError> {
        // A failed sync is told once: to the thread, if it is at it.
        let syncing = |waiting: &mut Waiting| waiting.is_syncing;
        let waiting = self.shared.changed.wait_while(self.shared.lock(), syncing);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.segment = None;
        if waiting.has_failed {
            return Err(ArchiveError::SyncFailedBefore { path: path.to_owned() });
        }
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until it is ended, or a sync fails.
    fn run(
        &self,
        delay: Duration,
        sync: impl Fn(&File) -> io::Result<()>,
    ) -> Result<(), ArchiveError> {
        loop {
            let idle = |waiting: &mut Waiting| waiting.segment.is_none() && !waiting.is_ended;
            let waiting = self.changed.wait_while(self.lock(), idle);
            let waiting = waiting.unwrap_or_else(PoisonError::into_inner);
            // What is noted again meanwhile is only synced the earlier for it.
            let pending = |waiting: &mut Waiting| waiting.segment.is_some() && !waiting.is_ended;
            let waited = self.changed.wait_timeout_while(waiting, delay, pending);
            let mut waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
            let (segment, is_ended) = (waiting.segment.take(), waiting.is_ended);
            waiting.is_syncing = segment.is_some();
            drop(waiting);
            if let Some((file, path)) = segment {
                let synced = sync(&file);
                let mut waiting = self.lock();
                waiting.is_syncing = false;
                waiting.has_failed |= synced.is_err();
                drop(waiting);
                self.changed.notify_all();
                synced.map_err(ArchiveError::io("sync", &path))?;
            }
            if is_ended {
                return Ok(());
            }
        }
    }
}

impl Drop for DelayedSync {
    fn drop(&mut self) {
        self.shared.lock().is_ended = true;
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // One that panicked has nothing left to sync with.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for DelayedSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DelayedSync").finish_non_exhaustive()
    }
}
