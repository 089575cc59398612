//! The projector: a thread beside the writer that writes what the indexes have in memory, and the rows
//! of what has changed.
//!
//! The append path only notes what has changed. Nobody waits for the projector: the newest index
//! entries are found in memory, and a reader that needs a newer row than is written folds the
//! agreement. So it works about a tenth of the time and leaves the rest to the appends: the longer rows
//! are gathered, the fewer have to be written. Only the index it writes whenever much of it waits,
//! because an append would have to otherwise.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::Shared;
use super::error::{LedgerError, WithCauses};
use super::portfolio::{Rested, RowsWritten, WRITE_BYTES_MAX};

/// How long it rests after a write, in lengths of the write.
const REST_PER_WORK: u32 = 9;
/// Longest rest, however long the write took.
const REST_MAX: Duration = Duration::from_secs(5);
/// Records noted since the index was written, from which on it is written in a rest.
const INDEX_WAITS_RECORDS: u64 = 8192;

/// The running projector.
#[derive(Debug)]
pub(super) struct Projector {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Starts the projector.
pub(super) fn spawn(shared: Arc<Shared>) -> std::io::Result<Projector> {
    let of_thread = Arc::clone(&shared);
    let thread = std::thread::Builder::new()
        .name("ledger-projector".to_owned())
        .spawn(move || run(&of_thread))?;
    Ok(Projector { shared, thread: Some(thread) })
}

fn run(shared: &Shared) {
    while let Some(work) = shared.portfolio.next_work() {
        if let Err(full) =
            shared.reader.check_room(u64::try_from(WRITE_BYTES_MAX).unwrap_or(u64::MAX))
        {
            tracing::debug!(error = %WithCauses(&full), "the projector waits for room on the disk");
            if let Err(error) = write_what_is_owed(shared) {
                tracing::error!(error = %WithCauses(&error), "the projector stops");
                return;
            }
            if !shared.portfolio.put_back_and_wait(work) {
                return;
            }
            continue;
        }
        let began = Instant::now();
        let written = shared.index.write().and_then(|()| shared.write_rows(&work));
        let rested = written.and_then(|written| {
            rest(shared, rest_after(began.elapsed()))?;
            Ok(written)
        });
        match rested {
            Ok(RowsWritten::All) => {}
            Ok(RowsWritten::Some) => return,
            Err(error) => {
                // What is noted stays so, and is folded when it is asked for; the next start catches up.
                tracing::error!(error = %WithCauses(&error), "the projector stops");
                return;
            }
        }
    }
}

/// Writes the index without room for anything else: appends keep room for it, which they get back.
fn write_what_is_owed(shared: &Shared) -> Result<(), LedgerError> {
    match shared.reader.check_fits(shared.index.owed_bytes()) {
        Ok(()) => shared.index.write(),
        Err(_) => Ok(()),
    }
}

/// Rests for a while, or until nothing more will be noted.
fn rest(shared: &Shared, rest: Duration) -> Result<(), LedgerError> {
    let until = Instant::now() + rest;
    while shared.portfolio.rest(until, INDEX_WAITS_RECORDS) == Rested::MuchIsNoted {
        shared.index.write()?;
    }
    Ok(())
}

fn rest_after(worked: Duration) -> Duration {
    worked.saturating_mul(REST_PER_WORK).min(REST_MAX)
}

impl Projector {
    /// Lets it write what it has to, for a while, and waits for its end.
    pub(super) fn finish(&mut self) {
        self.shared.portfolio.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the projector panicked; the next start catches up");
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::domain::policy::PolicyBook;
    use crate::ledger::portfolio::Portfolio;
    use crate::log::{Log, LogOptions};

    /// So long that no test sees its end.
    const HOURS: Duration = Duration::from_hours(9);

    fn resting<T>(test: impl FnOnce(&Portfolio) -> T) -> T {
        let folder = tempfile::tempdir().unwrap();
        let opened = Log::open(&LogOptions::new(folder.path())).unwrap();
        let policies = PolicyBook::norwegian_eea_thresholds();
        test(&Portfolio::open(&opened.reader, &policies).unwrap())
    }

    #[test]
    fn a_stop_ends_the_rest_whether_it_comes_before_or_in_it() {
        resting(|portfolio| {
            std::thread::scope(|threads| {
                let rest = || portfolio.rest(Instant::now() + HOURS, 1);
                let rested = threads.spawn(rest);
                portfolio.close();
                assert_eq!(rested.join().unwrap(), Rested::Enough);
                assert_eq!(rest(), Rested::Enough);
            });
        });
    }

    #[test]
    fn a_rest_is_over_when_its_time_is() {
        let rested = resting(|portfolio| portfolio.rest(Instant::now(), 1));
        assert_eq!(rested, Rested::Enough);
    }

    #[test]
    fn a_rest_is_broken_when_much_waits_for_the_index() {
        resting(|portfolio| {
            let is_over = AtomicBool::new(false);
            std::thread::scope(|threads| {
                threads.spawn(|| {
                    let mut reached = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        reached += 1;
                        portfolio.note([], reached);
                    }
                });
                let rested = portfolio.rest(Instant::now() + HOURS, 1000);
                is_over.store(true, Ordering::Relaxed);
                assert_eq!(rested, Rested::MuchIsNoted);
            });
        });
    }

    #[test]
    fn it_works_a_tenth_of_the_time_and_never_rests_for_long() {
        let milliseconds = Duration::from_millis;
        for (worked, rested) in [(0, 0), (1, 9), (100, 900), (555, 4995), (600, 5000)] {
            assert_eq!(rest_after(milliseconds(worked)), milliseconds(rested));
        }
        assert_eq!(rest_after(Duration::MAX), REST_MAX);
    }
}
