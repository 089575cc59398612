//! Wakes a flush that sled has put to sleep for ever, and closes sled.
//!
//! It must not know what is flushed; it asks whether something failed, and knocks.
//!
//! When a write to sled's file fails, sled 0.34.7 notes the error and wakes whoever waits in
//! `flush`; but a buffer that is written as a batch or an entry ends (`exit_reservation` in its
//! `logger.rs`) only notes it. A flush that went to sleep just before sleeps on, and the log with it. Seen in
//! 2 of 24 runs with `strace -e inject=sync_file_range:error=EIO:delay_enter=5000:when=N` and
//! appends of more than a segment. Any other flush that finds the note wakes the sleeper.
//!
//! sled syncs when its last handle is dropped, and panics when that fails (`Log::drop` in its
//! `logger.rs`). A panic there would be what a refused start ends with, in the place of its reason.
//! So the last handle is dropped on the thread of the watch: whoever holds others drops them first.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::error;

use super::error::LogError;

/// How long a flush sleeps on at most after a write has failed.
const WATCH_EVERY_MS: u64 = 200;

/// A thread that knocks for as long as there is something to knock for. Dropping this ends it, and
/// with it what the closures hold; a panic on the way is told and goes no further.
pub(super) struct FlushWatch {
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FlushWatch {
    /// Calls `wake` again and again once `has_failed` says so.
    pub(super) fn start(
        has_failed: impl Fn() -> bool + Send + 'static,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, LogError> {
        let ended = Arc::new(AtomicBool::new(false));
        let end_seen = Arc::clone(&ended);
        let thread = thread::Builder::new()
            .name("log-flush-watch".to_owned())
            .spawn(move || {
                while !end_seen.load(Ordering::Acquire) {
                    if has_failed() {
                        wake();
                    }
                    thread::park_timeout(Duration::from_millis(WATCH_EVERY_MS));
                }
            })
            .map_err(LogError::io("start a thread", "log-flush-watch"))?;
        Ok(Self { ended, thread: Some(thread) })
    }
}

impl Drop for FlushWatch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        let Some(thread) = self.thread.take() else {
            return;
        };
        thread.thread().unpark();
        if thread.join().is_err() {
            error!("sled could not close the store in order; a start reads what is really there");
        }
    }
}

impl fmt::Debug for FlushWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushWatch").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_knocks_after_a_failure_until_it_is_dropped() {
        let failed = Arc::new(AtomicBool::new(false));
        let (knock, knocked) = mpsc::channel();
        let has_failed = Arc::clone(&failed);
        let watch = FlushWatch::start(
            move || has_failed.load(Ordering::Acquire),
            move || {
                knock.send(()).expect("the other end outlives this thread");
            },
        )
        .unwrap();
        assert_eq!(knocked.try_recv(), Err(mpsc::TryRecvError::Empty));
        failed.store(true, Ordering::Release);
        // More than once: a sleeper that came after the first knock is woken too.
        knocked.recv().unwrap();
        knocked.recv().unwrap();
        drop(watch);
        assert_eq!(knocked.iter().count(), 0, "ended, and not only quiet");
    }

    /// As sled does when it cannot sync.
    struct PanicsWhenClosed;

    impl Drop for PanicsWhenClosed {
        fn drop(&mut self) {
            panic!("could not sync");
        }
    }

    #[test]
    fn a_panic_of_what_it_closes_goes_no_further() {
        let last = Arc::new(PanicsWhenClosed);
        let held = Arc::clone(&last);
        let watch = FlushWatch::start(|| false, move || drop(Arc::clone(&held))).unwrap();
        drop(last);
        drop(watch);
    }
}
