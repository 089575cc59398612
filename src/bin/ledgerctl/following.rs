//! Keeps a stream going: takes it up again from where it was when it breaks, within bounds.
//!
//! What is followed is behind `Follower`, so that a test can be a server that breaks.

use std::io::{self, Write as _};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt as _};
use tonic::Status;

use crate::failure::Failure;
use crate::outcome::CommandError;
use crate::table::printable;

/// How often a stream is taken up again in a row without one message.
const RESUMES_MAX: u32 = 60;
/// Wait before the first time; each further wait is twice as long.
const RESUME_WAIT_MS: u64 = 250;
/// Longest wait, also when the server asks for more.
const RESUME_WAIT_MS_MAX: u64 = 10_000;
/// A stream without a message for so long is broken: the server sends one at least every 10 s.
const SILENCE_MS_MAX: u64 = 60_000;

/// Whether more is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Going {
    /// Go on.
    On,
    /// What was asked for is told.
    Done,
}

/// A stream that can be opened again where it ended.
pub(crate) trait Follower {
    /// What the stream carries.
    type Message;
    /// The open stream.
    type Messages: Stream<Item = Result<Self::Message, Status>> + Unpin;

    /// Opens the stream from the last resume point on.
    async fn open(&mut self) -> Result<Self::Messages, Status>;
    /// Takes one message in, and with it its resume point.
    fn take(&mut self, message: Self::Message) -> Result<Going, CommandError>;
}

/// Follows in real time, until what was asked for is told or somebody asks this program to end.
pub(crate) async fn follow_until_interrupted<F: Follower>(
    follower: &mut F,
) -> Result<(), CommandError> {
    let mut wait = async |pause| tokio::time::sleep(pause).await;
    let mut tell = tell;
    tokio::select! {
        ended = follow(follower, &mut wait, &mut tell) => ended,
        ended = interrupted() => ended,
    }
}

/// Follows until what was asked for is told, or the stream is broken for good.
async fn follow<F: Follower>(
    follower: &mut F,
    wait: &mut impl AsyncFnMut(Duration),
    tell: &mut impl FnMut(&str),
) -> Result<(), CommandError> {
    let mut resumes = 0;
    loop {
        let Some(failure) = follow_once(follower, &mut resumes).await? else {
            return Ok(());
        };
        resumes += 1;
        let Some(pause) = resume_pause(&failure, resumes) else {
            return Err(CommandError::Refused(failure));
        };
        let reason = if failure.reason.is_empty() { failure.code } else { &failure.reason };
        tell(&format!("the stream broke ({reason}); taking it up again"));
        wait(pause).await;
    }
}

/// Follows one stream; returns how it broke, or nothing when everything is told.
async fn follow_once<F: Follower>(
    follower: &mut F,
    resumes: &mut u32,
) -> Result<Option<Box<Failure>>, CommandError> {
    let mut messages = match follower.open().await {
        Ok(messages) => messages,
        Err(status) => return Ok(Some(Box::new(Failure::of_status(&status)))),
    };
    loop {
        let message = match timeout(Duration::from_millis(SILENCE_MS_MAX), messages.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(status))) => return Ok(Some(Box::new(Failure::of_status(&status)))),
            Ok(None) => return Ok(Some(broken("the server ended the stream"))),
            Err(_) => return Ok(Some(broken("the server has sent nothing for too long"))),
        };
        *resumes = 0;
        match follower.take(message)? {
            Going::On => {}
            Going::Done => return Ok(None),
        }
    }
}

fn broken(message: &str) -> Box<Failure> {
    let code = "UNAVAILABLE";
    Box::new(Failure { code, message: message.to_owned(), unanswered: true, ..Failure::default() })
}

/// How long to wait before the stream is taken up again; none when that would not help.
fn resume_pause(failure: &Failure, resumes: u32) -> Option<Duration> {
    let passing = failure.unanswered || matches!(failure.code, "UNAVAILABLE" | "ABORTED");
    if !passing || resumes > RESUMES_MAX {
        return None;
    }
    let doubled = 2_u64.saturating_pow(resumes.saturating_sub(1)).saturating_mul(RESUME_WAIT_MS);
    let own = Duration::from_millis(doubled);
    let asked = failure.retry_after.unwrap_or_default();
    Some(own.max(asked).min(Duration::from_millis(RESUME_WAIT_MS_MAX)))
}

/// Says something beside the output.
pub(crate) fn tell(text: &str) {
    // When standard error is closed there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// Comes back when somebody asks this program to end.
async fn interrupted() -> Result<(), CommandError> {
    let listen =
        |kind| signal(kind).map_err(|source| CommandError::local("listening for signals", source));
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams that are opened one after another, each its messages and then its end.
    struct Played {
        streams: Vec<Vec<Result<u32, Status>>>,
        opened_after: Vec<u32>,
        last: u32,
        done_at: u32,
    }

    impl Follower for Played {
        type Message = u32;
        type Messages = tokio_stream::Iter<std::vec::IntoIter<Result<u32, Status>>>;

        async fn open(&mut self) -> Result<Self::Messages, Status> {
            self.opened_after.push(self.last);
            if self.streams.is_empty() {
                return Err(Status::unavailable("nobody there"));
            }
            Ok(tokio_stream::iter(self.streams.remove(0)))
        }

        fn take(&mut self, message: u32) -> Result<Going, CommandError> {
            self.last = message;
            Ok(if message == self.done_at { Going::Done } else { Going::On })
        }
    }

    async fn play(streams: Vec<Vec<Result<u32, Status>>>) -> (Played, Vec<Duration>, bool) {
        let mut follower = Played { streams, opened_after: vec![], last: 0, done_at: 4 };
        let mut waits = Vec::new();
        let end = follow(&mut follower, &mut async |pause| waits.push(pause), &mut |_| {}).await;
        (follower, waits, end.is_ok())
    }

    #[tokio::test]
    async fn broken_stream_is_taken_up_again_from_the_last_message() {
        let cut_off = Err(Status::aborted("cut off"));
        let streams = vec![vec![Ok(1), Ok(2), cut_off], vec![Ok(3)], vec![Ok(4)]];
        let (follower, waits, well) = play(streams).await;
        assert!(well);
        assert_eq!(follower.opened_after, [0, 2, 3]);
        assert_eq!(waits, [Duration::from_millis(RESUME_WAIT_MS); 2]);
    }

    #[tokio::test]
    async fn final_answer_ends_the_stream_at_once() {
        let (follower, waits, well) =
            play(vec![vec![Ok(1), Err(Status::invalid_argument("wrong"))]]).await;
        assert!(!well);
        assert_eq!((follower.opened_after.len(), waits.len()), (1, 0));
    }

    #[tokio::test]
    async fn waits_grow_to_a_bound_and_end() {
        let (follower, waits, well) = play(vec![vec![Ok(1)]]).await;
        assert!(!well);
        assert_eq!(waits.len(), usize::try_from(RESUMES_MAX).unwrap());
        assert_eq!(follower.opened_after.len(), waits.len() + 1);
        assert!(waits.is_sorted());
        assert_eq!(waits.last(), Some(&Duration::from_millis(RESUME_WAIT_MS_MAX)));
    }

    #[test]
    fn server_that_asks_for_patience_gets_it_within_the_bound() {
        let asks = |seconds| Failure {
            code: "UNAVAILABLE",
            retry_after: Some(Duration::from_secs(seconds)),
            ..Failure::default()
        };
        assert_eq!(resume_pause(&asks(3), 1), Some(Duration::from_secs(3)));
        assert_eq!(resume_pause(&asks(300), 1), Some(Duration::from_secs(10)));
    }
}
