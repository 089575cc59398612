//! Everything recorded of an agreement, in the order of versions.
//!
//! An agreement is cloned before each event, and its parts are shared until they change. What changes
//! here with each event is a handful of the newest; the rest is added to once in so many events.

use std::cmp::Ordering;
use std::sync::Arc;

use imbl::{OrdMap, Vector};
use smallvec::SmallVec;

use crate::domain::event::Recorded;
use crate::domain::id::EventId;

/// Events that are added to the rest together.
const NEWEST: usize = 8;
/// Events with ids of one time that are looked through for one of them. Further ones, as of a register
/// that was taken in with one recorded time, are found by a map.
const CROWD: usize = 256;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    older: Vector<Arc<Recorded>>,
    /// Invariant: fewer than [`NEWEST`].
    newest: SmallVec<[Arc<Recorded>; NEWEST]>,
    /// How many at the end have ids of the same time.
    same_time: usize,
    /// Places of those with ids of a time that a crowd before them has.
    crowded: OrdMap<EventId, usize>,
    /// Whether the times in their ids ever go back. The ledger gives none that do.
    goes_back: bool,
}

impl Events {
    pub(super) fn len(&self) -> usize {
        self.older.len() + self.newest.len()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Arc<Recorded>> {
        match place.checked_sub(self.older.len()) {
            Some(place) => self.newest.get(place),
            None => self.older.get(place),
        }
    }

    pub(super) fn last(&self) -> Option<&Arc<Recorded>> {
        self.newest.last().or_else(|| self.older.last())
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<Recorded>> {
        self.older.iter().chain(&self.newest)
    }

    pub(super) fn push(&mut self, recorded: Arc<Recorded>) {
        let time = recorded.event_id.time();
        let before = self.last().map(|last| last.event_id.time());
        self.goes_back |= before.is_some_and(|before| before > time);
        self.same_time = if before == Some(time) { self.same_time + 1 } else { 1 };
        if self.same_time > CROWD {
            self.crowded.insert(recorded.event_id, self.len());
        }
        self.newest.push(recorded);
        if self.newest.len() == NEWEST {
            self.older.extend(self.newest.drain(..));
        }
    }

    /// How many come before the first one for which something does not hold. It must hold for none
    /// after that.
    pub(super) fn count_while(&self, holds: impl Fn(&Recorded) -> bool) -> usize {
        // Nothing is equal, so this is where the first one stands for which it does not hold.
        let side = |event: &Arc<Recorded>| {
            if holds(event) { Ordering::Less } else { Ordering::Greater }
        };
        let (Ok(older) | Err(older)) = self.older.binary_search_by(side);
        if older < self.older.len() {
            older
        } else {
            older + self.newest.partition_point(|event| holds(event))
        }
    }

    /// The event of an id. Ids begin with the time at which they were given, so it is looked for among
    /// those of that time.
    pub(super) fn of_id(&self, id: EventId) -> Option<&Arc<Recorded>> {
        if let Some(place) = self.crowded.get(&id) {
            return self.get(*place);
        }
        let time = id.time();
        if self.goes_back {
            return self.iter().find(|event| event.event_id == id);
        }
        let first = self.count_while(|event| event.event_id.time() < time);
        let from_there = (first..).map_while(|place| self.get(place));
        from_there
            .take(CROWD)
            .take_while(|event| event.event_id.time() == time)
            .find(|event| event.event_id == id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::date::{Date, RecordedTime};
    use crate::domain::event::{AdmissionMode, Event, Payload};
    use crate::domain::id::{Position, Version};

    fn event(version: u64, id: EventId) -> Arc<Recorded> {
        Arc::new(Recorded {
            position: Position::new(version),
            version: Version::new(version),
            event_id: id,
            recorded: RecordedTime::from_microseconds(0).unwrap(),
            event: Event {
                effective: Date::parse("2024-01-01").unwrap(),
                mode: AdmissionMode::Fact,
                corrects: None,
                payload: Payload::AgreementResumed,
            },
        })
    }

    /// An id that was given in a millisecond. What follows the time is in no order.
    fn id(millisecond: u64, number: u64) -> EventId {
        let rest = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        EventId::from_uuid(uuid::Uuid::from_u64_pair(millisecond << 16 | 0x7000, rest))
    }

    fn events(ids: &[EventId]) -> Events {
        let mut events = Events::default();
        for (version, id) in (1..).zip(ids) {
            events.push(event(version, *id));
        }
        events
    }

    fn versions<'a>(events: impl Iterator<Item = &'a Arc<Recorded>>) -> Vec<u64> {
        events.map(|event| event.version.get()).collect()
    }

    #[test]
    fn however_many_there_are_they_are_in_order_and_each_has_its_place() {
        for count in 0..40 {
            let ids: Vec<EventId> = (0..count).map(|number| id(number / 3, number)).collect();
            let events = events(&ids);
            let all: Vec<u64> = (1..=count).collect();
            assert_eq!(versions(events.iter()), all);
            assert_eq!(
                versions(events.iter().rev()),
                all.iter().rev().copied().collect::<Vec<_>>()
            );
            assert_eq!(events.last().map(|event| event.version.get()), all.last().copied());
            assert_eq!(events.len(), all.len());
            let by_place = (0..=all.len()).map_while(|place| events.get(place));
            assert_eq!(versions(by_place), all);
            for bound in 0..=count + 1 {
                let found = events.count_while(|event| event.version.get() <= bound);
                assert_eq!(u64::try_from(found).unwrap(), bound.min(count));
            }
        }
    }

    #[test]
    fn an_event_is_found_by_its_id_whether_or_not_the_times_of_ids_rise() {
        const COUNT: u64 = 800;
        assert!(usize::try_from(COUNT).unwrap() > 3 * CROWD);
        let rising: Vec<EventId> = (0..COUNT).map(|number| id(number / 7, number)).collect();
        let one_time: Vec<EventId> = (0..COUNT).map(|number| id(5, number)).collect();
        let going_back: Vec<EventId> = (0..COUNT).map(|number| id(number % 9, number)).collect();
        for ids in [rising, one_time, going_back] {
            let events = events(&ids);
            for (version, id) in (1..).zip(&ids) {
                let found = events.of_id(*id).map(|event| event.version.get());
                assert_eq!(found, Some(version));
            }
            for unknown in [id(0, 10_000), id(5, 10_000), id(10_000, 10_000)] {
                assert_eq!(events.of_id(unknown), None);
            }
        }
    }

    #[test]
    fn a_clone_stays_as_it_was() {
        let ids: Vec<EventId> = (0..30).map(|number| id(number, number)).collect();
        let mut later = Events::default();
        for (version, id) in (1..).zip(&ids) {
            let before = later.clone();
            later.push(event(version, *id));
            assert_eq!(u64::try_from(before.len()).unwrap(), version - 1);
            assert_eq!((before.of_id(*id), later.of_id(*id).is_some()), (None, true));
        }
    }
}
