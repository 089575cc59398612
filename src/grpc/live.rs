//! Live streams: long, mostly idle, and ended at once when the server is told to stop.
//!
//! A live stream is a task that waits without holding a thread, and goes to disk only for what there
//! is to read. Its reader may stall for as long as any stream's may; between two messages it may wait
//! for ever, because every wait ends with a heartbeat.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::giving_way::rest_max;
use super::stream::{Answers, STREAM_MESSAGES_MAX, StreamEnd};
use super::{ServiceLimits, status};
use crate::ledger::Head;

/// Longest that one visit to the disk lasts, in parts of the heartbeat.
pub(super) const VISITS_PER_HEARTBEAT: u32 = 4;
/// Most records that one visit to the disk looks at.
pub(super) const LOOK_RECORDS_MAX: u64 = 4096;

/// Whether the server goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Serving {
    /// It does.
    On,
    /// It is told to stop.
    Stopping,
}

/// All live streams of a server.
#[derive(Debug, Clone)]
pub(super) struct LiveStreams {
    places: Arc<Semaphore>,
    too_many: fn(&ServiceLimits) -> Status,
    limits: ServiceLimits,
    serving: watch::Receiver<Serving>,
}

/// The sending end of one live stream, for a task.
pub(super) struct LiveSender<M> {
    messages: mpsc::Sender<Result<M, Status>>,
    serving: watch::Receiver<Serving>,
    limits: ServiceLimits,
    /// When the newest message was sent.
    sent: Instant,
    /// Held until the stream ends.
    _place: OwnedSemaphorePermit,
}

/// Why a live stream ends before its time.
#[derive(Debug)]
pub(super) enum Ended {
    /// The reader has gone, or has taken nothing for too long.
    Gone,
    /// The server is told to stop.
    Stopping,
    /// Something failed.
    Failed(Box<Status>),
}

impl From<Status> for Ended {
    fn from(failure: Status) -> Self {
        Self::Failed(Box::new(failure))
    }
}

impl LiveStreams {
    pub(super) fn new(limits: &ServiceLimits, serving: watch::Receiver<Serving>) -> Self {
        let places = Arc::new(Semaphore::new(limits.subscriptions_max));
        let too_many = status::too_many_subscriptions;
        Self { places, too_many, limits: limits.clone(), serving }
    }

    /// Streams that read the whole log, in places of their own: they cost the disk more than a
    /// subscription, and must not take its place.
    pub(super) fn for_maintenance(
        limits: &ServiceLimits,
        serving: watch::Receiver<Serving>,
    ) -> Self {
        let places = Arc::new(Semaphore::new(limits.maintenance_streams_max));
        let too_many = status::too_many_maintenance_streams;
        Self { places, too_many, limits: limits.clone(), serving }
    }

    /// Opens a stream that a task fills.
    pub(super) fn open<M, F>(
        &self,
        fill: impl FnOnce(LiveSender<M>) -> F,
    ) -> Result<Answers<M>, Status>
    where
        M: Send + 'static,
        F: Future<Output = Result<(), Ended>> + Send + 'static,
    {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err((self.too_many)(&self.limits));
        };
        let (messages, answers) = mpsc::channel(STREAM_MESSAGES_MAX);
        let end = StreamEnd::cut_off(&self.limits);
        let (settled, stopping) = (end.clone(), status::stopping(&self.limits));
        // This one keeps the channel open until the end is settled.
        let last = messages.clone();
        let filled = fill(LiveSender {
            messages,
            serving: self.serving.clone(),
            limits: self.limits.clone(),
            sent: Instant::now(),
            _place: place,
        });
        tokio::spawn(async move {
            match filled.await {
                Ok(()) => settled.complete(),
                Err(Ended::Gone) => {}
                Err(Ended::Stopping) => settled.fail(stopping),
                Err(Ended::Failed(failure)) => settled.fail(*failure),
            }
            drop(last);
        });
        Ok(Answers { messages: ReceiverStream::new(answers), end })
    }
}

impl<M> LiveSender<M> {
    /// Sends a message, waiting for a slow reader as long as one may stall.
    pub(super) async fn send(&mut self, message: M) -> Result<(), Ended> {
        let stall_max = self.limits.stream_stall_max;
        let sent = tokio::select! {
            biased;
            () = stopping(&mut self.serving) => return Err(Ended::Stopping),
            sent = tokio::time::timeout(stall_max, self.messages.send(Ok(message))) => sent,
        };
        self.settle(&sent)
    }

    /// Whether it has been silent for about as long as it may be.
    pub(super) fn owes_heartbeat(&self) -> bool {
        Instant::now() >= self.heartbeat_due()
    }

    /// Early by the length of a visit to the disk and of a rest: one may have just begun when the time is
    /// up.
    fn heartbeat_due(&self) -> Instant {
        let heartbeat = self.limits.heartbeat;
        let early = heartbeat / VISITS_PER_HEARTBEAT + rest_max(heartbeat);
        self.sent + heartbeat.saturating_sub(early)
    }

    /// Waits until the head changes or a heartbeat is due.
    pub(super) async fn wait(&mut self, head: &mut watch::Receiver<Head>) -> Result<(), Ended> {
        let heartbeat = self.heartbeat_due();
        tokio::select! {
            biased;
            () = stopping(&mut self.serving) => Err(Ended::Stopping),
            () = self.messages.closed() => Err(Ended::Gone),
            () = tokio::time::sleep_until(heartbeat) => Ok(()),
            // The writer is gone: nothing changes any more, and heartbeats go on.
            () = changed(head) => Ok(()),
        }
    }

    /// Sends a message even though the server is stopping: it answers what has been done.
    pub(super) async fn send_answer(&mut self, message: M) -> Result<(), Ended> {
        let stall_max = self.limits.stream_stall_max;
        let sending = self.messages.send(Ok(message));
        let sent = tokio::time::timeout(stall_max, sending).await;
        self.settle(&sent)
    }

    /// What tells another half of the stream that the server is stopping.
    pub(super) fn watcher(&self) -> Watcher {
        Watcher(self.serving.clone())
    }

    fn settle<T, E, F>(&mut self, sent: &Result<Result<T, E>, F>) -> Result<(), Ended> {
        self.sent = Instant::now();
        match sent {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Ended::Gone),
            Err(_) => {
                let stall_max = self.limits.stream_stall_max;
                tracing::warn!(?stall_max, "a stalled reader of a live stream is cut off");
                Err(Ended::Gone)
            }
        }
    }
}

/// Sees the server stop.
#[derive(Debug)]
pub(super) struct Watcher(watch::Receiver<Serving>);

impl Watcher {
    /// What comes, unless the server is told to stop first.
    pub(super) async fn or_stopping<T>(
        &mut self,
        coming: impl Future<Output = T>,
    ) -> Result<T, Ended> {
        tokio::select! {
            biased;
            () = stopping(&mut self.0) => Err(Ended::Stopping),
            coming = coming => Ok(coming),
        }
    }
}

async fn changed(head: &mut watch::Receiver<Head>) {
    if head.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Comes back once the server is told to stop, or has gone.
async fn stopping(serving: &mut watch::Receiver<Serving>) {
    // An error means that nobody is left to say so.
    let told = serving.wait_for(|serving| *serving == Serving::Stopping).await;
    drop(told);
}
