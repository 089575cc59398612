//! A thread beside the writer that records one batch while the writer decides the next.
//!
//! It must not decide. At most one batch is on its desk; the writer takes the outcome away before it
//! puts the next one there, so that no batch is recorded on top of one that is not.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::commit::{Committer, Decided, Outcome};
use super::decide::Pending;
use super::error::LedgerError;
use super::queue::{Queue, Queued, ToWriter};
use crate::domain::date::RecordedTime;

/// The writer's end.
pub(super) struct Committing {
    thread: Thread,
    committer: Arc<Mutex<Committer>>,
    /// What is on the desk or was last, until its outcome is taken away.
    pending: Option<Arc<Pending>>,
}

/// The thread, ended once what is on the desk is recorded and nobody holds this any more.
struct Thread {
    desk: Arc<Desk>,
    handle: Option<JoinHandle<()>>,
}

/// Where a batch and then its outcome lie.
#[derive(Default)]
struct Desk {
    lies: Mutex<Lies>,
    changed: Condvar,
    /// The writer waits for its queue, and is to be told there.
    writer_waits: AtomicBool,
}

#[derive(Default)]
enum Lies {
    #[default]
    Nothing,
    Batch(Box<Decided>),
    /// It is being recorded.
    InHand,
    Outcome(Outcome),
    /// Nothing will come any more.
    Closed,
}

impl Committing {
    /// Starts the thread. It has the queue woken when it is done with a batch.
    pub(super) fn spawn(
        committer: Committer,
        queue: mpsc::WeakSender<ToWriter>,
    ) -> Result<Self, LedgerError> {
        let (desk, committer) = (Arc::<Desk>::default(), Arc::new(Mutex::new(committer)));
        let (of_desk, of_committer) = (Arc::clone(&desk), Arc::clone(&committer));
        let handle = std::thread::Builder::new()
            .name("ledger-committer".to_owned())
            .spawn(move || run(&of_desk, &of_committer, &queue))
            .map_err(LedgerError::WriterThread)?;
        let thread = Thread { desk, handle: Some(handle) };
        Ok(Self { thread, committer, pending: None })
    }

    /// What is decided and not known to be recorded.
    pub(super) fn pending(&self) -> Option<Arc<Pending>> {
        self.pending.clone()
    }

    /// Whether an outcome lies there to be taken away.
    pub(super) fn is_done(&self) -> bool {
        matches!(*self.thread.desk.lies(), Lies::Outcome(_))
    }

    /// Whether a batch is being recorded.
    pub(super) fn is_busy(&self) -> bool {
        matches!(*self.thread.desk.lies(), Lies::Batch(_) | Lies::InHand)
    }

    /// The next request of the queue, waiting for it as long as a batch is being recorded.
    pub(super) fn next_meanwhile(&self, queue: &mut Queue) -> Option<Queued> {
        // First: who is done after the look at the desk sees that somebody waits.
        self.thread.desk.writer_waits.store(true, Ordering::SeqCst);
        let next = queue.wait_while(|| self.is_busy());
        self.thread.desk.writer_waits.store(false, Ordering::SeqCst);
        next
    }

    /// Waits for the outcome of what is being recorded, and takes it away. Recorded, when nothing is.
    pub(super) fn settled(&mut self) -> Outcome {
        self.pending = None;
        match std::mem::take(&mut *self.thread.desk.when_not_busy()) {
            Lies::Outcome(outcome) => outcome,
            Lies::Nothing | Lies::Batch(_) | Lies::InHand | Lies::Closed => Outcome::Recorded,
        }
    }

    /// Has a batch recorded by the thread. The desk is empty: the last outcome was taken away.
    pub(super) fn hand_over(&mut self, decided: Decided) {
        self.pending = Some(Arc::clone(&decided.parts.pending));
        self.thread.desk.put(Lies::Batch(Box::new(decided)));
    }

    /// Records a batch on the thread that asks. Nothing is being recorded.
    pub(super) fn commit_here(&self, decided: Decided) -> Outcome {
        settle(&self.committer, decided)
    }

    /// The position behind what is recorded, and the recorded time of the newest record. Nothing is
    /// being recorded.
    pub(super) fn recorded(&self) -> (u64, Option<RecordedTime>) {
        self.committer().recorded()
    }

    fn committer(&self) -> MutexGuard<'_, Committer> {
        self.committer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the thread, and gives back what records. None when the thread does not let go of it.
    pub(super) fn end(self) -> Option<Committer> {
        let Self { thread, committer, .. } = self;
        drop(thread);
        let committer = Arc::into_inner(committer)?;
        Some(committer.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        *self.desk.when_not_busy() = Lies::Closed;
        self.desk.changed.notify_all();
        if let Some(handle) = self.handle.take()
            && handle.join().is_err()
        {
            tracing::error!("the committer panicked");
        }
    }
}

impl Desk {
    fn lies(&self) -> MutexGuard<'_, Lies> {
        self.lies.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What lies there once nothing is being recorded.
    fn when_not_busy(&self) -> MutexGuard<'_, Lies> {
        let busy = |lies: &mut Lies| matches!(lies, Lies::Batch(_) | Lies::InHand);
        let lies = self.changed.wait_while(self.lies(), busy);
        lies.unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, lies: Lies) {
        *self.lies() = lies;
        self.changed.notify_all();
    }

    /// Waits for the next batch. None once nothing will come.
    fn take(&self) -> Option<Box<Decided>> {
        let idle = |lies: &mut Lies| !matches!(lies, Lies::Batch(_) | Lies::Closed);
        let lies = self.changed.wait_while(self.lies(), idle);
        let mut lies = lies.unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *lies, Lies::InHand) {
            Lies::Batch(decided) => Some(decided),
            Lies::Nothing | Lies::InHand | Lies::Outcome(_) | Lies::Closed => None,
        }
    }
}

fn run(desk: &Desk, committer: &Mutex<Committer>, queue: &mpsc::WeakSender<ToWriter>) {
    while let Some(decided) = desk.take() {
        desk.put(Lies::Outcome(settle(committer, *decided)));
        // A full queue wakes the writer by what is in it. Weak: the thread must not keep it open.
        if desk.writer_waits.load(Ordering::SeqCst)
            && let Some(queue) = queue.upgrade()
        {
            drop(queue.try_send(ToWriter::Recorded));
        }
    }
}

/// Records a batch. Of one that panics, whoever waits for it hears that its outcome is unknown.
fn settle(committer: &Mutex<Committer>, decided: Decided) -> Outcome {
    let mut committer = committer.lock().unwrap_or_else(PoisonError::into_inner);
    let settled = catch_unwind(AssertUnwindSafe(|| committer.settle(decided)));
    drop(committer);
    settled.unwrap_or_else(|_| {
        tracing::error!("recording a batch panicked: the writer stops");
        Outcome::Stopped
    })
}
