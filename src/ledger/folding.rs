//! How many agreements that are not in memory are folded at a time.
//!
//! Each folding takes a thread and a processor, and what it leaves behind lies in the memory of that
//! thread: of many threads the allocator keeps many pages that are nearly empty. So there are few places,
//! and whoever asks for more waits. Appends and questions have their own, since a question about the past
//! of a long agreement takes a while.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Ledger;

/// For whom an agreement is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldedFor {
    /// A request to append.
    Append,
    /// A question about one agreement.
    Question,
}

/// The places.
#[derive(Debug, Clone)]
pub(super) struct Foldings {
    for_appends: Arc<Semaphore>,
    for_questions: Arc<Semaphore>,
}

/// A place, held until it is dropped.
pub type FoldingPlace = OwnedSemaphorePermit;

impl Foldings {
    pub(super) fn new(foldings_max: usize) -> Self {
        let places = || Arc::new(Semaphore::new(foldings_max));
        Self { for_appends: places(), for_questions: places() }
    }

    async fn place(&self, folded_for: FoldedFor) -> FoldingPlace {
        let places = match folded_for {
            FoldedFor::Append => &self.for_appends,
            FoldedFor::Question => &self.for_questions,
        };
        Arc::clone(places).acquire_owned().await.expect("nobody closes the places")
    }
}

impl Ledger {
    /// Waits for a place to fold an agreement.
    pub async fn place_to_fold(&self, folded_for: FoldedFor) -> FoldingPlace {
        self.foldings.place(folded_for).await
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_folding_too_many_waits_and_one_for_somebody_else_does_not() {
        let foldings = Foldings::new(2);
        let mut context = Context::from_waker(Waker::noop());
        let mut taken = Vec::new();
        for folded_for in [FoldedFor::Append, FoldedFor::Append, FoldedFor::Question] {
            match pin!(foldings.place(folded_for)).poll(&mut context) {
                Poll::Ready(place) => taken.push(place),
                Poll::Pending => panic!("there is a place for {folded_for:?}"),
            }
        }
        let mut third = pin!(foldings.place(FoldedFor::Append));
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(taken.remove(0));
        assert!(third.as_mut().poll(&mut context).is_ready());
    }
}
