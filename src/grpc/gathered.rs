//! A connection that sends what its calls have to say together, not answer by answer.
//!
//! A commit answers many calls at once. Each answer wakes the task of its connection, which would hand
//! the kernel one answer, find no more to send, and sleep until the next one wakes it; and the codec
//! below hands over each answer of some size for itself. So what is written is kept here, and the first
//! flush gives the turn to whatever else is ready to run: other calls of the connection put their
//! answers beside it, and the next flush sends what is there by then. A connection on which one call waits loses one
//! round of the scheduler by it. What is kept when a connection is given up, such as the reason for which
//! TLS refuses a client, is handed to the kernel as far as it takes it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// Bytes that are kept at most. More go to the kernel first.
const KEPT_BYTES_MAX: usize = 64 * 1024;
/// Bytes from which on nothing is waited for: the kernel takes no more at once in any case.
const ENOUGH_BYTES: usize = 16 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Gathered<IO: AsyncWrite + Unpin> {
    io: IO,
    kept: BytesMut,
    /// The turn was given away since the last time that something was sent.
    has_waited: bool,
}

impl<IO: AsyncWrite + Unpin> Gathered<IO> {
    pub(super) fn new(io: IO) -> Self {
        Self { io, kept: BytesMut::new(), has_waited: false }
    }

    /// Hands the kernel all that is kept.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.kept.is_empty() {
            let sent = ready!(Pin::new(&mut self.io).poll_write(context, &self.kept))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.kept.advance(sent);
        }
        self.has_waited = false;
        if self.kept.try_reclaim(ENOUGH_BYTES + 1) {
            // There is so much room behind it. An idle connection keeps little.
            self.kept = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<IO: AsyncWrite + Unpin> Drop for Gathered<IO> {
    fn drop(&mut self) {
        // Nobody is told whether it was sent, and nobody waits for it.
        drop(self.poll_send(&mut Context::from_waker(Waker::noop())));
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Gathered<IO> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.kept.len() >= KEPT_BYTES_MAX {
            ready!(self.poll_send(context))?;
        }
        let room = KEPT_BYTES_MAX - self.kept.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.kept.extend_from_slice(taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let has_some = !self.kept.is_empty() && self.kept.len() < ENOUGH_BYTES;
        if has_some && !self.has_waited {
            self.has_waited = true;
            // A task that wakes itself goes behind those that are ready.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<IO> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, bytes)
    }
}

impl<IO: Connected + AsyncWrite + Unpin> Connected for Gathered<IO> {
    type ConnectInfo = IO::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A socket that notes what each write brings, takes so much of it, and none every other time.
    #[derive(Debug)]
    struct Socket {
        writes: Vec<Vec<u8>>,
        takes_max: usize,
        is_full: bool,
        is_shut: bool,
    }

    impl Socket {
        fn taking(takes_max: usize) -> Gathered<Self> {
            let writes = Vec::new();
            Gathered::new(Self { writes, takes_max, is_full: false, is_shut: false })
        }
    }

    impl AsyncWrite for Socket {
        fn poll_write(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if std::mem::replace(&mut self.is_full, true) {
                self.is_full = false;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let taken = bytes.get(..self.takes_max).unwrap_or(bytes);
            self.writes.push(taken.to_vec());
            Poll::Ready(Ok(taken.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.is_shut = true;
            Poll::Ready(Ok(()))
        }
    }

    fn numbered(count: usize) -> Vec<u8> {
        (0..count).map(|number| u8::try_from(number % 251).unwrap()).collect()
    }

    #[tokio::test]
    async fn what_is_written_while_others_have_their_turn_is_sent_together() {
        let mut connection = Socket::taking(usize::MAX);
        connection.write_all(b"one answer").await.unwrap();
        let first = poll_fn(|context| {
            Poll::Ready(Pin::new(&mut connection).poll_flush(context).is_pending())
        });
        assert!(first.await, "the first flush gives the turn away");
        connection.write_all(b", another").await.unwrap();
        connection.flush().await.unwrap();
        assert_eq!(connection.io.writes, [b"one answer, another"]);
        // The next one waits again.
        connection.write_all(b"later").await.unwrap();
        let mut turns = 0;
        poll_fn(|context| {
            turns += 1;
            Pin::new(&mut connection).poll_flush(context)
        })
        .await
        .unwrap();
        assert!(turns > 1);
        assert_eq!(connection.io.writes.last().unwrap(), b"later");
    }

    #[tokio::test]
    async fn much_is_sent_at_the_first_flush_and_nothing_is_not_waited_for() {
        let mut connection = Socket::taking(usize::MAX);
        for bytes in [0, ENOUGH_BYTES] {
            connection.write_all(&numbered(bytes)).await.unwrap();
            let flushed =
                poll_fn(|context| Poll::Ready(Pin::new(&mut connection).poll_flush(context)));
            assert!(flushed.await.is_ready(), "{bytes}");
        }
        assert_eq!(connection.io.writes, [numbered(ENOUGH_BYTES)]);
    }

    #[tokio::test]
    async fn every_byte_arrives_in_order_through_a_slow_socket() {
        for takes_max in [1, 7, KEPT_BYTES_MAX - 1, usize::MAX] {
            let mut connection = Socket::taking(takes_max);
            let sent = numbered(2 * KEPT_BYTES_MAX + 5);
            for part in sent.chunks(1000) {
                connection.write_all(part).await.unwrap();
                assert!(connection.kept.len() <= KEPT_BYTES_MAX);
            }
            assert!(!connection.io.is_shut);
            connection.shutdown().await.unwrap();
            assert!(connection.io.is_shut);
            assert_eq!(connection.io.writes.concat(), sent, "{takes_max}");
        }
    }

    #[tokio::test]
    async fn a_socket_that_takes_nothing_fails_the_flush() {
        let mut connection = Socket::taking(0);
        connection.write_all(b"an answer").await.unwrap();
        let failed = connection.flush().await.unwrap_err();
        assert_eq!(failed.kind(), io::ErrorKind::WriteZero);
    }

    #[tokio::test]
    async fn what_comes_is_read_as_it_is() {
        let mut connection = Gathered::new(io::Cursor::new(numbered(300)));
        let mut read = Vec::new();
        connection.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, numbered(300));
    }

    #[tokio::test]
    async fn what_is_kept_when_a_connection_is_given_up_is_sent() {
        let (ours, mut theirs) = tokio::io::duplex(KEPT_BYTES_MAX);
        let mut connection = Gathered::new(ours);
        connection.write_all(b"why it ends").await.unwrap();
        drop(connection);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"why it ends");
    }

    #[tokio::test]
    async fn a_connection_that_has_sent_much_keeps_little_room() {
        let mut connection = Socket::taking(usize::MAX);
        connection.write_all(&numbered(KEPT_BYTES_MAX)).await.unwrap();
        connection.flush().await.unwrap();
        assert!(!connection.kept.try_reclaim(ENOUGH_BYTES + 1));
    }
}
