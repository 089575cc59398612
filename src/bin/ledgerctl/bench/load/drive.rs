//! Senders of calls with one answer: each sends its next call once the one before is answered.

use std::future::Future;

use tokio::task::JoinSet;

use super::session::{Load, Measured, measure};
use super::tally::Answer;

/// Something that can be called again and again.
pub(crate) trait Call: Send + 'static {
    /// Makes call `number` and waits for its answer.
    fn call(&mut self, number: u64) -> impl Future<Output = Answer> + Send;
}

/// Measures with one sender for each caller.
pub(crate) async fn drive<C: Call>(callers: Vec<C>, load: &Load) -> Measured {
    measure(load, |session| {
        let mut senders = JoinSet::new();
        for (sender, mut caller) in callers.into_iter().enumerate() {
            let session = session.clone();
            senders.spawn(async move {
                while let Some(arrival) = session.next().await {
                    let answer = caller.call(arrival.number).await;
                    session.answered(sender, answer, arrival.intended);
                }
            });
        }
        senders
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;
    use std::time::Duration;

    use super::super::arrivals::Length;
    use super::*;

    /// Every third call is overloaded.
    #[derive(Debug, Clone)]
    struct Thirds;

    impl Call for Thirds {
        async fn call(&mut self, number: u64) -> Answer {
            match number % 3 {
                0 => Answer::Overloaded,
                _ => Answer::Accepted { events: 5, bytes: 1 },
            }
        }
    }

    #[tokio::test]
    async fn every_call_is_made_once_and_counted_by_its_answer() {
        for rate in [None, NonZeroU64::new(100_000)] {
            let load = Load {
                in_flight: 4,
                rate,
                warm_up: Duration::from_mins(1),
                length: Length::Calls(300),
                server_pid: Some(std::process::id()),
            };
            let measured = drive(vec![Thirds; 4], &load).await;
            let tally = &measured.tally;
            assert_eq!((tally.accepted, tally.overloaded, tally.events), (200, 100, 1000));
            assert_eq!((tally.latency.len(), measured.unsent), (200, 0));
            assert!(measured.client.is_some() && measured.server.is_some());
        }
    }
}
