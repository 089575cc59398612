//! The documents of a call-off, in fold order: a plain list while they are few, a shared tree once they
//! are many, so that neither a short call-off nor the next document of a long one costs much.

use std::ops::Bound;

use imbl::OrdMap;
use smallvec::SmallVec;

use super::{Entry, Place};

/// Documents from which on they are kept in a tree.
const MANY_FROM: usize = 48;

/// The documents.
#[derive(Debug, Clone)]
pub(super) enum Entries {
    /// The first stands here: most call-offs in a ledger are an order and nothing more yet.
    ///
    /// Invariant: rising by place.
    Few(SmallVec<[Entry; 1]>),
    Many(OrdMap<Place, Entry>),
}

impl Default for Entries {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The documents, in fold order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.after(None)
    }

    /// Those after a place, or all.
    pub(super) fn after(&self, place: Option<Place>) -> impl Iterator<Item = &Entry> {
        let (few, many) = match self {
            Self::Few(few) => {
                let from = few.partition_point(|entry| Some(entry.place()) <= place);
                (few.get(from..).unwrap_or_default(), None)
            }
            Self::Many(many) => {
                let from = place.map_or(Bound::Unbounded, Bound::Excluded);
                (<&[Entry]>::default(), Some(many.range((from, Bound::Unbounded))))
            }
        };
        few.iter().chain(many.into_iter().flatten().map(|(_, entry)| entry))
    }

    /// The last of them.
    pub(super) fn last(&self) -> Option<&Entry> {
        match self {
            Self::Few(few) => few.last(),
            Self::Many(many) => many.get_max().map(|(_, entry)| entry),
        }
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Entry> {
        match self {
            Self::Few(few) => {
                let found = few.binary_search_by_key(&place, Entry::place).ok()?;
                few.get_mut(found)
            }
            Self::Many(many) => many.get_mut(&place),
        }
    }

    /// Puts a document in its place.
    pub(super) fn insert(&mut self, entry: Entry) {
        let place = entry.place();
        match self {
            Self::Few(few) => {
                match few.binary_search_by_key(&place, Entry::place) {
                    Ok(same) => {
                        if let Some(one) = few.get_mut(same) {
                            *one = entry;
                        }
                    }
                    Err(after) => few.insert(after, entry),
                }
                if few.len() >= MANY_FROM {
                    let many = few.drain(..).map(|entry| (entry.place(), entry)).collect();
                    *self = Self::Many(many);
                }
            }
            Self::Many(many) => drop(many.insert(place, entry)),
        }
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Entry> {
        match self {
            Self::Few(few) => {
                let found = few.binary_search_by_key(&place, Entry::place).ok()?;
                Some(few.remove(found))
            }
            Self::Many(many) => {
                let removed = many.remove(&place)?;
                if many.len() < MANY_FROM {
                    let few = many.values().cloned().collect();
                    *self = Self::Few(few);
                }
                Some(removed)
            }
        }
    }
}
