//! What else goes on at a server while it is measured: readers that are slow, and readers of everything.

use std::time::Duration;

use tokio::task::JoinSet;
use tonic::transport::Channel;

use super::reading::{Question, open};

/// How long a slow reader waits before it takes its next message.
const SLOW_READER_PAUSE: Duration = Duration::from_secs(1);

/// Readers beside a measurement; they end when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    readers: JoinSet<()>,
}

impl Beside {
    /// A reader that takes a message a second.
    pub(crate) fn slow_reader(&mut self, channel: Channel, question: Question) {
        self.readers.spawn(async move {
            // Cut off for its slowness, it comes back.
            while let Ok(mut messages) = open(&channel, &question).await {
                while let Ok(Some(_)) = messages.message().await {
                    tokio::time::sleep(SLOW_READER_PAUSE).await;
                }
            }
        });
    }

    /// A reader that reads everything, again and again.
    pub(crate) fn replay(&mut self, channel: Channel, question: Question) {
        self.readers.spawn(async move {
            while let Ok(mut messages) = open(&channel, &question).await {
                while let Ok(Some(_)) = messages.message().await {}
            }
        });
    }
}
