//! Reads derived trees: single values, and runs of keys.
//!
//! It must not write. A value in parts is read in several steps, so it may be replaced in
//! between; the generation in its parts shows that, and it is read again.

use std::fmt;

use bytes::Bytes;

use super::blocks::guarded;
use super::derived::{DerivedTree, READ};
use super::derived_layout::{InParts, Stored, user_key, value_key, value_keys_end};
use super::derived_state::DerivedState;
use super::error::LogError;

/// How often a value that keeps being replaced is read again.
const READ_TRIES_MAX: usize = 100;

impl DerivedState {
    /// The value of a key. sled may panic over a page that is not as it wrote it.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Bytes>, LogError> {
        guarded(|| self.look_up(key))
    }

    fn look_up(&self, key: &[u8]) -> Result<Option<Bytes>, LogError> {
        for _ in 0..READ_TRIES_MAX {
            let stored = self.tree().get(value_key(key)).map_err(LogError::storage(READ))?;
            let Some(stored) = stored else {
                return Ok(None);
            };
            match Stored::decode(&stored).ok_or_else(|| self.damaged())? {
                Stored::Whole(value) => return Ok(Some(Bytes::copy_from_slice(value))),
                Stored::InParts(in_parts) => {
                    if let Some(value) = self.join(key, in_parts)? {
                        return Ok(Some(value));
                    }
                }
            }
        }
        // Parts are missing, of a value that nobody replaces.
        Err(self.damaged())
    }

    /// The value in parts; `None` when a part is gone, or is one of another value by now.
    fn join(&self, key: &[u8], in_parts: InParts) -> Result<Option<Bytes>, LogError> {
        let mut value = Vec::new();
        for part_key in in_parts.keys(key) {
            let part = self.tree().get(part_key).map_err(LogError::storage(READ))?;
            let Some(part) = part else { return Ok(None) };
            let Some(part) = in_parts.part(&part) else {
                return Ok(None);
            };
            value.extend_from_slice(part);
        }
        let complete = u32::try_from(value.len()) == Ok(in_parts.bytes);
        Ok(complete.then(|| Bytes::from(value)))
    }
}

/// A key and its value, or why they could not be read.
type Item = Result<(Vec<u8>, Bytes), LogError>;

/// A run of keys, and their values. Made by [`DerivedTree::scan_prefix`] and
/// [`DerivedTree::scan_from`].
pub struct DerivedScan {
    // Before the tree, whose store closes sled.
    entries: sled::Iter,
    tree: DerivedTree,
}

impl DerivedScan {
    pub(super) fn new(tree: DerivedTree, prefix: &[u8]) -> Self {
        let entries = tree.state.tree().scan_prefix(value_key(prefix));
        Self { entries, tree }
    }

    pub(super) fn starting_at(tree: DerivedTree, first: &[u8]) -> Self {
        let entries = tree.state.tree().range(value_key(first)..value_keys_end());
        Self { entries, tree }
    }

    /// `None` when the key has gone since.
    fn item(&self, entry: Result<(sled::IVec, sled::IVec), LogError>) -> Option<Item> {
        let state = &self.tree.state;
        let read = || {
            let (value_key, stored) = entry?;
            let key = user_key(&value_key).ok_or_else(|| state.damaged())?;
            let value = match Stored::decode(&stored).ok_or_else(|| state.damaged())? {
                Stored::Whole(value) => Some(Bytes::copy_from_slice(value)),
                Stored::InParts(_) => state.get(key)?,
            };
            Ok(value.map(|value| (key.to_vec(), value)))
        };
        let read = guarded(read).map_err(|failure| self.tree.store.read_failed(failure));
        read.transpose()
    }
}

/// The next entry of sled's, or why there is none.
fn next_of(
    mut next: impl FnMut() -> Option<sled::Result<(sled::IVec, sled::IVec)>>,
) -> Option<Result<(sled::IVec, sled::IVec), LogError>> {
    guarded(|| next().transpose().map_err(LogError::storage(READ))).transpose()
}

impl Iterator for DerivedScan {
    type Item = Item;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = next_of(|| self.entries.next())?;
            if let Some(item) = self.item(entry) {
                return Some(item);
            }
        }
    }
}

impl DoubleEndedIterator for DerivedScan {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            let entry = next_of(|| self.entries.next_back())?;
            if let Some(item) = self.item(entry) {
                return Some(item);
            }
        }
    }
}

impl fmt::Debug for DerivedScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DerivedScan").field("tree", &self.tree.name()).finish_non_exhaustive()
    }
}
