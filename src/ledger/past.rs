//! Agreements as they were at a version, judged as of a day: folded when first asked for, and kept.
//!
//! Nothing that is kept can become wrong. A version is a prefix of the agreement's events, which are
//! never edited; configured policy stands as long as the program runs, and what the agreement itself
//! sets is among its events. What was known at a time is a version too, so a later append makes
//! another question of "everything known now", and not another answer of this one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::weighed::Weighed;
use crate::domain::agreement::Agreement;
use crate::domain::date::Date;
use crate::domain::id::{AgreementId, Version};

/// Past states that were asked for last, by what they cost to fold.
#[derive(Debug)]
pub(crate) struct PastAgreements {
    folded: Mutex<Weighed<State, Arc<Agreement>>>,
}

/// One state of one agreement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    agreement: AgreementId,
    version: Version,
    horizon: Date,
}

impl PastAgreements {
    /// Room for states of so many events together.
    pub(crate) fn new(events_max: u64) -> Self {
        // Each weighs at least one.
        Self { folded: Mutex::new(Weighed::new(usize::MAX, events_max)) }
    }

    /// An agreement as it was at a version, judged as of a horizon.
    pub(crate) fn at(
        &self,
        agreement: &Arc<Agreement>,
        version: Version,
        horizon: Date,
    ) -> Arc<Agreement> {
        if let Some(at_hand) = self.at_hand(agreement, version, horizon) {
            return at_hand;
        }
        let past = Arc::new(agreement.at_version(version, horizon));
        let state = State { agreement: agreement.id().clone(), version, horizon };
        let events = past.version().get().max(1);
        let gone = self.lock().put(state, Arc::clone(&past), events);
        drop(gone);
        past
    }

    /// The same, if it takes no folding.
    pub(crate) fn at_hand(
        &self,
        agreement: &Arc<Agreement>,
        version: Version,
        horizon: Date,
    ) -> Option<Arc<Agreement>> {
        if is_at(agreement, version, horizon) {
            return Some(Arc::clone(agreement));
        }
        self.kept(agreement, version, horizon)
    }

    fn kept(
        &self,
        agreement: &Agreement,
        version: Version,
        horizon: Date,
    ) -> Option<Arc<Agreement>> {
        let state = State { agreement: agreement.id().clone(), version, horizon };
        let kept = self.lock().get(&state).map(Arc::clone)?;
        // Only what is published is asked for, of which there is one line; to see it costs little.
        kept.is_prefix_of(agreement).then_some(kept)
    }

    fn lock(&self) -> MutexGuard<'_, Weighed<State, Arc<Agreement>>> {
        self.folded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_at(agreement: &Agreement, version: Version, horizon: Date) -> bool {
    agreement.version() == version && agreement.tracker().horizon() == horizon
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::judged::tests::{day, order, reserved};

    /// Signed, reserved, and so many orders.
    fn agreement(orders: u64) -> Arc<Agreement> {
        let mut agreement = reserved();
        (2..2 + orders).for_each(|number| agreement.apply(&order(number, "7")));
        Arc::new(agreement)
    }

    fn is_kept(past: &PastAgreements, agreement: &Arc<Agreement>, version: u64, at: &str) -> bool {
        past.at_hand(agreement, Version::new(version), day(at)).is_some()
    }

    #[test]
    fn a_state_is_folded_once_and_stands_whatever_comes_after_it() {
        let past = PastAgreements::new(100);
        let (version, horizon) = (Version::new(3), day("2023-11-10"));
        let first = past.at(&agreement(3), version, horizon);
        assert_eq!((first.version(), first.tracker().horizon()), (version, horizon));
        let later = past.at(&agreement(9), version, horizon);
        assert!(Arc::ptr_eq(&first, &later), "it is kept");
        let anew = agreement(9).at_version(version, horizon);
        assert!(first.tracker().open().eq(anew.tracker().open()));
        // Another version and another day are other states.
        let other = past.at(&agreement(9), Version::new(4), horizon);
        assert_eq!(other.version(), Version::new(4));
        let other = past.at(&agreement(9), version, day("2023-11-11"));
        assert_eq!(other.tracker().horizon(), day("2023-11-11"));
    }

    #[test]
    fn the_agreement_itself_takes_no_room() {
        let past = PastAgreements::new(100);
        let whole = agreement(3);
        let same = past.at(&whole, whole.version(), whole.tracker().horizon());
        assert!(Arc::ptr_eq(&whole, &same));
        assert!(past.kept(&whole, whole.version(), whole.tracker().horizon()).is_none());
    }

    #[test]
    fn another_branch_of_the_same_agreement_is_never_taken_for_it() {
        let past = PastAgreements::new(100);
        let branch = |number: u64| {
            let mut branch = reserved();
            branch.apply(&order(number, "7"));
            Arc::new(branch)
        };
        let (version, horizon) = (Version::new(3), day("2023-11-10"));
        past.at(&branch(2), version, horizon);
        let other = past.at(&branch(9), version, horizon);
        assert!(other.is_prefix_of(&branch(9)));
    }

    #[test]
    fn what_was_asked_longest_ago_goes_when_the_events_are_too_many() {
        let past = PastAgreements::new(10);
        let agreement = agreement(9);
        for version in [4, 5] {
            past.at(&agreement, Version::new(version), day("2023-11-10"));
        }
        assert!(is_kept(&past, &agreement, 4, "2023-11-10"));
        past.at(&agreement, Version::new(6), day("2023-11-10"));
        // 4 was looked at after 5: with 6 it makes ten.
        let kept = [4, 5, 6].map(|version| is_kept(&past, &agreement, version, "2023-11-10"));
        assert_eq!(kept, [true, false, true]);
        let again = past.at(&agreement, Version::new(5), day("2023-11-10"));
        let anew = agreement.at_version(Version::new(5), day("2023-11-10"));
        assert!(again.tracker().open().eq(anew.tracker().open()));
    }
}
