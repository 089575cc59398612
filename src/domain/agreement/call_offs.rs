//! The call-offs of an agreement, by key.
//!
//! An agreement is cloned before each event, and its parts are shared until they change. What an event
//! changes of so many call-offs would be a path through their tree; so the few that changed last stand
//! beside it, and are put in together.

use std::cmp::Ordering;
use std::sync::Arc;

use imbl::OrdMap;
use smallvec::SmallVec;

use crate::domain::call_off::{CallOff, CallOffKey};

/// Call-offs that are put into the tree together.
const NEWEST: usize = 8;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct CallOffs {
    settled: OrdMap<CallOffKey, Arc<CallOff>>,
    /// What holds in place of what is settled, or nothing where it was removed.
    ///
    /// Invariant: fewer than [`NEWEST`], each key once.
    newest: SmallVec<[(CallOffKey, Option<Arc<CallOff>>); NEWEST]>,
}

impl CallOffs {
    pub(super) fn get(&self, key: &CallOffKey) -> Option<&Arc<CallOff>> {
        match self.newest.iter().find(|(newest, _)| newest == key) {
            Some((_, call_off)) => call_off.as_ref(),
            None => self.settled.get(key),
        }
    }

    pub(super) fn insert(&mut self, key: CallOffKey, call_off: Arc<CallOff>) {
        self.put(key, Some(call_off));
    }

    pub(super) fn remove(&mut self, key: CallOffKey) {
        self.put(key, None);
    }

    fn put(&mut self, key: CallOffKey, call_off: Option<Arc<CallOff>>) {
        match self.newest.iter_mut().find(|(newest, _)| *newest == key) {
            Some((_, newest)) => *newest = call_off,
            None => self.newest.push((key, call_off)),
        }
        if self.newest.len() == NEWEST {
            for (key, call_off) in self.newest.drain(..) {
                match call_off {
                    Some(call_off) => drop(self.settled.insert(key, call_off)),
                    None => drop(self.settled.remove(&key)),
                }
            }
        }
    }

    /// All of them, rising by key.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&CallOffKey, &Arc<CallOff>)> {
        let mut newest: SmallVec<[_; NEWEST]> = self.newest.iter().collect();
        newest.sort_unstable_by_key(|(key, _)| key);
        let mut newest = newest.into_iter().peekable();
        let mut settled = self.settled.iter().peekable();
        std::iter::from_fn(move || {
            loop {
                let side = match (newest.peek(), settled.peek()) {
                    (Some((newest, _)), Some((settled, _))) => newest.cmp(settled),
                    (Some(_), None) => Ordering::Less,
                    (None, _) => Ordering::Greater,
                };
                if side.is_gt() {
                    return settled.next();
                }
                if side.is_eq() {
                    settled.next();
                }
                // What was removed is passed over.
                if let Some((key, Some(call_off))) = newest.next() {
                    return Some((key, call_off));
                }
            }
        })
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Arc<CallOff>> {
        self.iter().map(|(_, call_off)| call_off)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::id::OrderId;

    fn key(number: u64) -> CallOffKey {
        CallOffKey::Order(OrderId::parse(&format!("O{number}")).unwrap())
    }

    #[test]
    fn it_is_a_map_whatever_is_put_in_taken_out_and_put_in_again() {
        let mut call_offs = CallOffs::default();
        let mut all = BTreeMap::new();
        let mut random: u64 = 7;
        for step in 0..3_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let last = key((random >> 33) % 40);
            let key = last.clone();
            let before = (call_offs.clone(), all.clone());
            if random >> 60 < 6 {
                call_offs.remove(key.clone());
                all.remove(&key);
            } else {
                let call_off = Arc::<CallOff>::default();
                call_offs.insert(key.clone(), Arc::clone(&call_off));
                all.insert(key, call_off);
            }
            for (found, expected) in [(&call_offs, &all), (&before.0, &before.1)] {
                let found_all = found.iter().map(|(key, one)| (key, Arc::as_ptr(one)));
                let expected_all = expected.iter().map(|(key, one)| (key, Arc::as_ptr(one)));
                assert!(found_all.eq(expected_all), "step {step}");
                for (key, one) in expected {
                    assert!(found.get(key).is_some_and(|it| Arc::ptr_eq(it, one)), "step {step}");
                }
                let taken_out = found.get(&last).is_none();
                assert_eq!(taken_out, !expected.contains_key(&last), "step {step}");
            }
        }
        assert!(all.len() > NEWEST && call_offs.get(&self::key(40)).is_none());
    }
}
