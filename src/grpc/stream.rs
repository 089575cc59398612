//! Streams of messages: bounded in bytes and records, in number, and in how long a reader may stall.
//!
//! A stream reads from disk on a thread of its own kind, of which there are few. So the number of
//! streams is limited, and a reader that takes nothing for too long is cut off.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::{ServiceLimits, status};

/// Messages of a stream that wait for a slow reader.
pub(super) const STREAM_MESSAGES_MAX: usize = 4;

/// What a method that streams returns. It ends well only when everything was sent: a stream that is
/// cut off, or whose sender fails, ends with an error, so that no reader takes a part for the whole.
#[derive(Debug)]
pub(super) struct Answers<M> {
    pub(super) messages: ReceiverStream<Result<M, Status>>,
    pub(super) end: StreamEnd,
}

/// What a stream says when there are no more messages. It says that it was cut off, unless its sender
/// settles on something else before it goes away: a sender that fails settles on nothing.
#[derive(Debug, Clone)]
pub(super) struct StreamEnd(Arc<Mutex<Option<Status>>>);

impl StreamEnd {
    pub(super) fn cut_off(limits: &ServiceLimits) -> Self {
        Self(Arc::new(Mutex::new(Some(status::stream_cut_off(limits)))))
    }

    /// Everything is sent.
    pub(super) fn complete(&self) {
        *self.lock() = None;
    }

    /// It ends with a failure of another kind.
    pub(super) fn fail(&self, failure: Status) {
        *self.lock() = Some(failure);
    }

    /// What is left to say; nothing once it is said.
    fn take(&self) -> Option<Status> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Status>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> Stream for Answers<M> {
    type Item = Result<M, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.messages).poll_next(context));
        match next {
            Some(message) => Poll::Ready(Some(message)),
            None => Poll::Ready(self.end.take().map(Err)),
        }
    }
}

/// All streams of a server.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    places: Arc<Semaphore>,
    limits: ServiceLimits,
}

/// The sending end of one stream, for a thread that may wait.
pub(super) struct Sender<M> {
    messages: mpsc::Sender<Result<M, Status>>,
    runtime: Handle,
    stall_max: Duration,
    /// Held until the stream ends.
    _place: OwnedSemaphorePermit,
}

/// The reader has gone, or has taken nothing for too long.
pub(super) struct Gone;

impl Streams {
    pub(super) fn new(limits: &ServiceLimits) -> Self {
        Self { places: Arc::new(Semaphore::new(limits.streams_max)), limits: limits.clone() }
    }

    /// Opens a stream and runs what sends on it. Too many streams: OVERLOADED.
    pub(super) fn open<M: Send + 'static>(
        &self,
        send: impl FnOnce(&Sender<M>) -> Result<(), Gone> + Send + 'static,
    ) -> Result<Answers<M>, Status> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(status::too_many_streams(&self.limits));
        };
        let (messages, answers) = mpsc::channel(STREAM_MESSAGES_MAX);
        let stall_max = self.limits.stream_stall_max;
        let sender = Sender { messages, runtime: Handle::current(), stall_max, _place: place };
        let end = StreamEnd::cut_off(&self.limits);
        let settled = end.clone();
        tokio::task::spawn_blocking(move || {
            // The end is settled before the sender, and with it the channel, goes away.
            if send(&sender).is_ok() {
                settled.complete();
            }
        });
        Ok(Answers { messages: ReceiverStream::new(answers), end })
    }
}

impl<M> Sender<M> {
    /// Whether the reader is still there, for who has nothing to send for a while.
    pub(super) fn is_wanted(&self) -> Result<(), Gone> {
        if self.messages.is_closed() { Err(Gone) } else { Ok(()) }
    }

    /// Sends a message or a failure, waiting for a slow reader as long as one may stall.
    pub(super) fn send(&self, message: Result<M, Status>) -> Result<(), Gone> {
        let sent = self.runtime.block_on(async {
            tokio::time::timeout(self.stall_max, self.messages.send(message)).await
        });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Gone),
            Err(_) => {
                tracing::warn!(stall_max = ?self.stall_max, "a stalled reader is cut off");
                Err(Gone)
            }
        }
    }
}

/// Fills messages up to their bounds.
#[derive(Debug)]
pub(super) struct Filling {
    records: usize,
    bytes: usize,
    records_max: usize,
    bytes_max: usize,
}

impl Filling {
    pub(super) fn new(limits: &ServiceLimits) -> Self {
        Self {
            records: 0,
            bytes: 0,
            records_max: limits.read_records_per_message_max,
            bytes_max: limits.read_bytes_per_message_max,
        }
    }

    /// Whether the message must be sent before a part of so many bytes joins it. A part that is
    /// larger than a message may be has one of its own.
    pub(super) fn must_send_before(&mut self, bytes: usize) -> bool {
        let full = self.records > 0
            && (self.records == self.records_max || self.bytes + bytes > self.bytes_max);
        if full {
            (self.records, self.bytes) = (0, 0);
        }
        self.records += 1;
        self.bytes += bytes;
        full
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_full_by_count_or_by_bytes() {
        let limits = ServiceLimits {
            read_records_per_message_max: 2,
            read_bytes_per_message_max: 100,
            ..ServiceLimits::default()
        };
        let mut filling = Filling::new(&limits);
        let seen = [12, 12, 12, 92, 503, 12].map(|bytes| filling.must_send_before(bytes));
        assert_eq!(seen, [false, false, true, true, true, true]);
    }
}
