//! The projector: a thread beside the writer that writes what the indexes have in memory, and the rows
//! of what has changed.
//!
//! The append path only notes what has changed. Nobody waits for the projector: the newest index
//! entries are found in memory, and a reader that needs a newer row than is written folds the
//! agreement.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::Shared;
use super::error::WithCauses;
use super::portfolio::WRITE_BYTES_MAX;

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
            if !shared.portfolio.put_back_and_wait(work) {
                return;
            }
            continue;
        }
        let written = shared.index.write().and_then(|()| shared.write_rows(&work));
        if let Err(error) = written {
            // What is noted stays so, and is folded when it is asked for; the next start catches up.
            tracing::error!(error = %WithCauses(&error), "the projector stops");
            return;
        }
    }
}

impl Projector {
    /// Lets it write what it has to, and waits for its end.
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
