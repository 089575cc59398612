//! The values that were used last, as many as their number and their weight allow.
//!
//! What a value weighs is for its owner to say: an agreement weighs its events, because they are what
//! it costs in memory and what it costs to fold it again.

use std::borrow::Borrow;
use std::hash::Hash;

use lru::LruCache;

/// Values by key. Invariant: `weight` is the sum of the weights that stand beside the values.
#[derive(Debug)]
pub(super) struct Weighed<K: Hash + Eq, V> {
    kept: LruCache<K, (V, u64)>,
    weight: u64,
    values_max: usize,
    weight_max: u64,
}

impl<K: Hash + Eq, V> Weighed<K, V> {
    /// Room for so many values, at least one, of so much weight together.
    pub(super) fn new(values_max: usize, weight_max: u64) -> Self {
        // Not bounded by itself: that would take the room for all of them at once.
        Self { kept: LruCache::unbounded(), weight: 0, values_max, weight_max }
    }

    /// The value of a key, which is then the one that was used last.
    pub(super) fn get<Q>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.kept.get(key).map(|(value, _)| value)
    }

    /// The value of a key, without using it.
    pub(super) fn peek<Q>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.kept.peek(key).map(|(value, _)| value)
    }

    /// Whether there is a value of a key, without using it.
    pub(super) fn contains<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.kept.contains(key)
    }

    /// Keeps a value, and drops those that were not used for longest until the rest fits. The value
    /// itself stays also when it is too heavy alone: whoever puts it is about to use it.
    ///
    /// Returns what is kept no longer, so that it can be taken apart once no lock is held.
    #[must_use]
    pub(super) fn put(&mut self, key: K, value: V, weight: u64) -> Vec<V> {
        let mut gone = Vec::new();
        self.weight = self.weight.saturating_add(weight);
        if let Some((replaced, weight)) = self.kept.put(key, (value, weight)) {
            self.weight = self.weight.saturating_sub(weight);
            gone.push(replaced);
        }
        while self.kept.len() > 1
            && self.is_over()
            && let Some((_, (unused, weight))) = self.kept.pop_lru()
        {
            self.weight = self.weight.saturating_sub(weight);
            gone.push(unused);
        }
        gone
    }

    /// Takes the value of a key out, with what it weighs.
    pub(super) fn take<Q>(&mut self, key: &Q) -> Option<(V, u64)>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let (value, weight) = self.kept.pop(key)?;
        self.weight = self.weight.saturating_sub(weight);
        Some((value, weight))
    }

    /// Takes out the value that was not used for longest, if it is such a one.
    pub(super) fn take_oldest_if(&mut self, is_such: impl Fn(&V) -> bool) -> Option<(K, V, u64)> {
        let (_, (oldest, _)) = self.kept.peek_lru()?;
        if !is_such(oldest) {
            return None;
        }
        let (key, (value, weight)) = self.kept.pop_lru()?;
        self.weight = self.weight.saturating_sub(weight);
        Some((key, value, weight))
    }

    fn is_over(&self) -> bool {
        self.weight > self.weight_max || self.kept.len() > self.values_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(weighed: &Weighed<u32, &str>) -> Vec<u32> {
        let mut keys: Vec<u32> = weighed.kept.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn what_was_not_used_for_longest_goes_until_the_rest_fits() {
        let mut weighed = Weighed::new(100, 10);
        for key in 1..=3 {
            assert!(weighed.put(key, "x", 3).is_empty());
        }
        assert_eq!(kept(&weighed), [1, 2, 3]);
        assert_eq!(weighed.get(&1), Some(&"x"));
        assert_eq!(weighed.put(4, "y", 4), ["x"]);
        assert_eq!((kept(&weighed), weighed.weight), (vec![1, 3, 4], 10), "1 was used, 2 was not");
        assert_eq!(weighed.put(5, "z", 8), ["x", "x", "y"]);
        assert_eq!((kept(&weighed), weighed.weight), (vec![5], 8));
    }

    #[test]
    fn a_value_that_is_replaced_weighs_no_more() {
        let mut weighed = Weighed::new(100, 10);
        assert!(weighed.put(1, "a", 2).is_empty());
        assert!(weighed.put(2, "b", 2).is_empty());
        for weight in 3..=8 {
            assert_eq!(weighed.put(1, "a", weight), ["a"]);
        }
        assert_eq!((kept(&weighed), weighed.weight), (vec![1, 2], 10));
        assert_eq!(weighed.put(1, "a", 9), ["a", "b"]);
        assert_eq!((kept(&weighed), weighed.weight), (vec![1], 9));
    }

    #[test]
    fn number_bounds_too_and_one_value_is_always_kept() {
        let mut weighed = Weighed::new(2, 1000);
        assert!(weighed.put(1, "x", 1).is_empty());
        assert!(weighed.put(2, "x", 1).is_empty());
        assert_eq!(weighed.put(3, "x", 1), ["x"]);
        assert_eq!((kept(&weighed), weighed.weight), (vec![2, 3], 2));
        assert_eq!(weighed.put(4, "heavy", 5000).len(), 2);
        assert_eq!((kept(&weighed), weighed.weight), (vec![4], 5000));
        assert_eq!(weighed.put(5, "light", 1), ["heavy"]);
        assert_eq!((kept(&weighed), weighed.weight), (vec![5], 1));
        assert!(weighed.contains(&5) && !weighed.contains(&4));
    }

    #[test]
    fn what_is_taken_out_weighs_no_more() {
        let mut weighed = Weighed::new(100, 10);
        for (key, value) in [(1, "a"), (2, "b"), (3, "c")] {
            assert!(weighed.put(key, value, 3).is_empty());
        }
        assert_eq!((weighed.take(&2), weighed.take(&2)), (Some(("b", 3)), None));
        assert_eq!((weighed.peek(&1), weighed.weight), (Some(&"a"), 6));
        assert_eq!(weighed.take_oldest_if(|value| *value == "c"), None);
        assert_eq!(weighed.take_oldest_if(|value| *value == "a"), Some((1, "a", 3)));
        assert_eq!((kept(&weighed), weighed.weight), (vec![3], 3));
    }
}
