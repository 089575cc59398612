//! How many agreements that are not in memory are folded at a time, for appends and for questions about one
//! agreement.
//!
//! Each folding takes a thread and a processor, and what it leaves behind lies in the memory of that
//! thread: of many threads the allocator keeps many pages that are nearly empty. So there are few places,
//! and whoever asks for more waits. Appends and questions have their own, and long agreements have others
//! than short ones, so that a short wait is never behind a long one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Ledger;
use super::error::LedgerError;
use super::query::TwoTimes;
use crate::domain::date::Date;
use crate::domain::id::{AgreementId, Version};
use crate::wire::parse::{AppendCommand, Recording};

/// Events from which on a folding is long: some 20 ms.
const LONG_FOLDING_EVENTS: u64 = 10_000;

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
    for_appends: Places,
    for_questions: Places,
}

#[derive(Debug, Clone)]
struct Places {
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

/// A place, held until it is dropped.
pub type FoldingPlace = OwnedSemaphorePermit;

impl Places {
    fn new(foldings_max: usize) -> Self {
        let places = || Arc::new(Semaphore::new(foldings_max));
        Self { short: places(), long: places() }
    }
}

impl Foldings {
    pub(super) fn new(foldings_max: usize) -> Self {
        let places = || Places::new(foldings_max);
        Self { for_appends: places(), for_questions: places() }
    }

    async fn place(&self, folded_for: FoldedFor, events: u64) -> FoldingPlace {
        let places = match folded_for {
            FoldedFor::Append => &self.for_appends,
            FoldedFor::Question => &self.for_questions,
        };
        let places = if events < LONG_FOLDING_EVENTS { &places.short } else { &places.long };
        Arc::clone(places).acquire_owned().await.expect("nobody closes the places")
    }
}

impl Ledger {
    /// Waits for a place to fold so many events of an agreement.
    pub async fn place_to_fold(&self, folded_for: FoldedFor, events: u64) -> FoldingPlace {
        self.foldings.place(folded_for, events).await
    }

    /// How many events have to be folded to append to an agreement, as far as one look tells. 0: none,
    /// it is in memory, or nobody has signed it.
    pub fn unfolded_events(&self, id: &AgreementId) -> Result<u64, LedgerError> {
        match self.shared().agreements.get(id) {
            Some(_) => Ok(0),
            None => self.events(id),
        }
    }

    /// The same to answer a question.
    pub fn unfolded_events_at(
        &self,
        id: &AgreementId,
        times: TwoTimes,
    ) -> Result<u64, LedgerError> {
        let shared = self.shared();
        let (Some(known), Some(agreement)) = (times.as_known, shared.agreements.get(id)) else {
            return self.unfolded_events(id);
        };
        let version = agreement.version_while(|event| event.recorded <= known);
        let at_hand = shared.past.at_hand(&agreement, version, Date::END_OF_TIME);
        Ok(if at_hand.is_some() { 0 } else { version.get() })
    }

    /// The same to answer a request again: an answer tells what the request changed, so its agreement is
    /// folded up to it. An import is not told.
    pub fn unfolded_events_of(&self, command: &AppendCommand) -> Result<u64, LedgerError> {
        match command.recording {
            Recording::Now => self.events(&command.agreement_id),
            Recording::At(_) => Ok(0),
        }
    }

    /// How many events an agreement has, or 1 where that takes more than a look.
    fn events(&self, id: &AgreementId) -> Result<u64, LedgerError> {
        Ok(self.shared().index.newest_version_at_a_look(id)?.map_or(1, Version::get))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_folding_too_many_waits_and_one_of_another_kind_does_not() {
        let foldings = Foldings::new(2);
        let mut context = Context::from_waker(Waker::noop());
        let mut taken = Vec::new();
        for (folded_for, events) in [
            (FoldedFor::Append, 1),
            (FoldedFor::Append, LONG_FOLDING_EVENTS - 1),
            (FoldedFor::Append, LONG_FOLDING_EVENTS),
            (FoldedFor::Question, 1),
            (FoldedFor::Question, u64::MAX),
        ] {
            match pin!(foldings.place(folded_for, events)).poll(&mut context) {
                Poll::Ready(place) => taken.push(place),
                Poll::Pending => panic!("there is a place for {folded_for:?} of {events}"),
            }
        }
        let mut third = pin!(foldings.place(FoldedFor::Append, 1));
        assert!(third.as_mut().poll(&mut context).is_pending());
        drop(taken.remove(0));
        assert!(third.as_mut().poll(&mut context).is_ready());
    }
}
