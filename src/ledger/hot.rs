//! The values that are put over and over, and of the others those that were used last.
//!
//! What is put a few times while it is among those used last, is hot: it has room of its own, so that
//! one pass over many values does not drive it out, and many values that are put now and then do not
//! take the room that the hot ones may need. What has not been put for a while is hot no longer.

use std::borrow::Borrow;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::weighed::Weighed;

/// How often a value is put again, while it is among those used last, until it is hot.
const HOT_AFTER: u32 = 3;
/// For how long a value is hot once it was put.
const COOL_AFTER: Duration = Duration::from_secs(10);

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Values, at least one.
    pub(super) values: usize,
    /// Their weight.
    pub(super) weight: u64,
    /// Of that, the weight of those that are not hot.
    pub(super) recent_weight: u64,
}

/// Values by key. Invariant: a key is in one of the two.
#[derive(Debug)]
pub(super) struct HotAndRecent<K: Hash + Eq, V> {
    recent: Weighed<K, Recent<V>>,
    /// In the order in which they were put. None when there is no room for any.
    hot: Option<Weighed<K, Hot<V>>>,
}

#[derive(Debug)]
struct Recent<V> {
    value: V,
    /// How often it was put again.
    put_again: u32,
}

#[derive(Debug)]
struct Hot<V> {
    value: V,
    put_at: Instant,
}

impl Room {
    /// Room in which nothing is hot.
    pub(super) const fn of_recent(values: usize, weight: u64) -> Self {
        Self { values, weight, recent_weight: weight }
    }
}

impl<K: Hash + Eq, V> HotAndRecent<K, V> {
    pub(super) fn new(room: Room) -> Self {
        let hot_values = room.values / 2;
        let hot_weight = room.weight.saturating_sub(room.recent_weight);
        let is_any_hot = hot_values > 0 && hot_weight > 0;
        let recent_values = if is_any_hot { room.values - hot_values } else { room.values };
        Self {
            recent: Weighed::new(recent_values, room.weight.min(room.recent_weight)),
            hot: is_any_hot.then(|| Weighed::new(hot_values, hot_weight)),
        }
    }

    /// The value of a key, which is then used.
    pub(super) fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        match self.hot.as_ref().and_then(|hot| hot.peek(key)) {
            Some(hot) => Some(&hot.value),
            None => self.recent.get(key).map(|recent| &recent.value),
        }
    }

    /// Whether there is a value of a key, without using it.
    pub(super) fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.recent.contains(key) || self.hot.as_ref().is_some_and(|hot| hot.contains(key))
    }

    /// Keeps a value in the place of the one before it; what was not used for longest is kept no longer,
    /// as in [`Weighed::put`]. Times do not go back.
    ///
    /// Returns what is kept no longer, so that it can be taken apart once no lock is held.
    #[must_use]
    pub(super) fn put(&mut self, key: K, value: V, weight: u64, at: Instant) -> Vec<V> {
        let mut gone = self.cool(at);
        let Some(hot) = &mut self.hot else {
            let recent = self.recent.put(key, Recent { value, put_again: 0 }, weight);
            gone.extend(recent.into_iter().map(|recent| recent.value));
            return gone;
        };
        let put_again = match self.recent.take(&key) {
            Some((before, _)) => {
                gone.push(before.value);
                before.put_again.saturating_add(1)
            }
            None => 0,
        };
        if put_again >= HOT_AFTER || hot.contains(&key) {
            let hot = hot.put(key, Hot { value, put_at: at }, weight);
            gone.extend(hot.into_iter().map(|hot| hot.value));
        } else {
            let recent = self.recent.put(key, Recent { value, put_again }, weight);
            gone.extend(recent.into_iter().map(|recent| recent.value));
        }
        gone
    }

    /// Puts what is hot no longer among the others.
    fn cool(&mut self, at: Instant) -> Vec<V> {
        let Some(hot) = &mut self.hot else { return Vec::new() };
        let is_cool = |hot: &Hot<V>| at.saturating_duration_since(hot.put_at) >= COOL_AFTER;
        let mut gone = Vec::new();
        while let Some((key, Hot { value, .. }, weight)) = hot.take_oldest_if(is_cool) {
            let recent = self.recent.put(key, Recent { value, put_again: 0 }, weight);
            gone.extend(recent.into_iter().map(|recent| recent.value));
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values are their keys.
    struct Kept {
        values: HotAndRecent<u32, u32>,
        began: Instant,
    }

    impl Kept {
        fn new(room: Room) -> Self {
            Self { values: HotAndRecent::new(room), began: Instant::now() }
        }

        /// Puts a value, so many seconds after the beginning; what is gone, but for itself.
        fn put(&mut self, key: u32, weight: u64, second: u64) -> Vec<u32> {
            let at = self.began + Duration::from_secs(second);
            let mut gone = self.values.put(key, key, weight, at);
            gone.retain(|one| *one != key);
            gone.sort_unstable();
            gone
        }

        fn heat(&mut self, key: u32, weight: u64, second: u64) {
            for _ in 0..=HOT_AFTER {
                assert_eq!(self.put(key, weight, second), NONE);
            }
        }

        fn is_hot(&self, key: u32) -> bool {
            self.values.hot.as_ref().is_some_and(|hot| hot.contains(&key))
        }
    }

    const NONE: [u32; 0] = [];
    const ROOM: Room = Room { values: 100, weight: 110, recent_weight: 10 };

    #[test]
    fn what_is_put_over_and_over_is_not_driven_out_by_what_is_put_once() {
        let mut kept = Kept::new(ROOM);
        for again in 0..=HOT_AFTER {
            assert!(!kept.is_hot(1), "put {again} times");
            assert_eq!(kept.put(1, 5, 0), NONE);
        }
        assert!(kept.is_hot(1));
        let mut gone = Vec::new();
        (100..200).for_each(|key| gone.extend(kept.put(key, 5, 1)));
        assert_eq!(gone, (100..198).collect::<Vec<_>>(), "two have room, and 1 has its own");
        assert_eq!(kept.values.get(&1), Some(&1));
        assert!(kept.values.contains(&1) && kept.values.contains(&199));
    }

    #[test]
    fn what_is_put_between_many_others_does_not_become_hot() {
        let mut kept = Kept::new(ROOM);
        for round in 0..20 {
            for key in 0..3 {
                let gone = kept.put(key, 5, 0);
                let expected = if round == 0 && key < 2 { vec![] } else { vec![(key + 1) % 3] };
                assert_eq!(gone, expected, "two have room, and the next is the oldest");
                assert!(!kept.is_hot(key));
            }
        }
    }

    #[test]
    fn to_be_looked_at_keeps_a_value_and_does_not_make_it_hot() {
        let mut kept = Kept::new(ROOM);
        kept.put(1, 5, 0);
        kept.put(2, 5, 0);
        for _ in 0..10 {
            assert_eq!(kept.values.get(&1), Some(&1));
        }
        assert_eq!(kept.put(3, 5, 0), [2]);
        assert!(!kept.is_hot(1));
    }

    #[test]
    fn what_is_put_no_more_cools_and_takes_the_room_of_the_others() {
        let mut kept = Kept::new(ROOM);
        kept.heat(1, 5, 0);
        kept.heat(2, 5, 1);
        kept.heat(3, 5, 2);
        assert_eq!(kept.put(1, 5, 5), NONE);
        assert_eq!(kept.put(4, 1, 10), NONE);
        assert!(kept.is_hot(1) && kept.is_hot(2) && kept.is_hot(3));
        assert_eq!(kept.put(4, 1, 11), NONE);
        assert!(!kept.is_hot(2) && kept.values.contains(&2));
        assert_eq!(kept.put(4, 1, 12), [2], "3 has cooled beside it, and there is room for 9");
        assert!(kept.is_hot(1) && !kept.is_hot(3));
        assert_eq!(kept.put(1, 5, 14), NONE);
        assert!(kept.is_hot(1), "it was put in time");
    }

    #[test]
    fn the_hot_have_bounds_of_their_own() {
        let mut kept = Kept::new(ROOM);
        kept.heat(1, 9, 0);
        for key in 2..=11 {
            kept.heat(key, 9, 1);
        }
        assert_eq!(kept.put(12, 9, 1), NONE);
        assert_eq!(kept.put(12, 9, 1), NONE);
        assert_eq!(kept.put(12, 9, 1), NONE);
        assert_eq!(kept.put(12, 9, 1), [1], "the hot weigh 100 at most; 1 was put first");
        let mut few = Kept::new(Room { values: 4, ..ROOM });
        few.heat(1, 1, 0);
        few.heat(2, 1, 0);
        for _ in 0..HOT_AFTER {
            assert_eq!(few.put(3, 1, 0), NONE);
        }
        assert_eq!(few.put(3, 1, 0), [1]);
    }

    #[test]
    fn with_no_room_of_their_own_none_is_hot() {
        for room in [
            Room::of_recent(100, 10),
            Room { values: 100, weight: 5, recent_weight: 10 },
            Room { values: 1, ..ROOM },
        ] {
            let mut kept = Kept::new(room);
            for _ in 0..10 {
                assert_eq!(kept.put(1, 5, 0), NONE);
            }
            assert!(!kept.is_hot(1) && kept.values.contains(&1));
        }
    }

    #[test]
    fn a_value_is_kept_once() {
        let mut kept = Kept::new(ROOM);
        kept.heat(1, 5, 0);
        assert_eq!(kept.put(1, 6, 20), NONE, "cool, and put among the others");
        assert!(!kept.is_hot(1));
        assert_eq!(kept.put(2, 4, 20), NONE, "6 and 4 fit");
        assert_eq!(kept.put(3, 1, 20), [1]);
        assert!(!kept.values.contains(&1));
    }
}
