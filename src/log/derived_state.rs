//! One open derived tree: its sled tree, how far it has come, and how it is written.
//!
//! It must not know which trees there are, nor what they hold.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::crash_point::crash_point;

use super::apart;
use super::derived::{DERIVED_APPLY_BYTES_MAX, DERIVED_PUTS_MAX, READ, WRITE};
use super::derived_layout::{
    DERIVED_KEY_BYTES_MAX, DERIVED_VALUE_BYTES_MAX, MARK_KEY, Mark, Stored, value_key,
};
use super::error::LogError;
use super::store::Store;

/// What all handles of one derived tree share.
pub(super) struct DerivedState {
    name: String,
    version: u32,
    tree: sled::Tree,
    reached: AtomicU64,
    /// The generation of the last write; held while writing.
    generation: Mutex<u64>,
}

impl DerivedState {
    /// The state of a tree that holds what its mark says, or nothing.
    pub(super) fn new(name: &str, version: u32, tree: sled::Tree, mark: Option<Mark>) -> Self {
        Self {
            name: name.to_owned(),
            version,
            tree,
            reached: AtomicU64::new(mark.map_or(0, |mark| mark.reached)),
            generation: Mutex::new(mark.map_or(0, |mark| mark.generation)),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn version(&self) -> u32 {
        self.version
    }

    pub(super) fn tree(&self) -> &sled::Tree {
        &self.tree
    }

    pub(super) fn reached(&self) -> u64 {
        self.reached.load(Ordering::Acquire)
    }

    fn writing(&self) -> MutexGuard<'_, u64> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes puts and mark in one batch, and syncs when much is written without a sync.
    pub(super) fn apply(
        &self,
        store: &Store,
        puts: Vec<(Vec<u8>, Vec<u8>)>,
        reached: u64,
    ) -> Result<(), LogError> {
        let puts = self.checked(puts)?;
        let mut generation = self.writing();
        self.check_reached(reached, store.head())?;
        // Counted up even if the write fails: a generation is never used twice.
        *generation = generation.saturating_add(1);
        let written =
            self.write(puts, Mark { version: self.version, reached, generation: *generation });
        drop(generation);
        crash_point!("derived.applied");
        store.derived_written(written.inspect_err(|error| store.stop(error))?)
    }

    /// The puts by key, once all are within the limits.
    fn checked(
        &self,
        puts: Vec<(Vec<u8>, Vec<u8>)>,
    ) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, LogError> {
        let name = || self.name.clone();
        let count = puts.len();
        let mut apply_bytes = 0_usize;
        for (key, value) in &puts {
            let (bytes, bytes_max) = (key.len(), DERIVED_KEY_BYTES_MAX);
            if bytes > bytes_max {
                return Err(LogError::DerivedKeyTooLong { name: name(), bytes, bytes_max });
            }
            let (bytes, bytes_max) = (value.len(), DERIVED_VALUE_BYTES_MAX);
            if bytes > bytes_max {
                return Err(LogError::DerivedValueTooLong { name: name(), bytes, bytes_max });
            }
            apply_bytes = apply_bytes.saturating_add(key.len()).saturating_add(value.len());
        }
        if count > DERIVED_PUTS_MAX || apply_bytes > DERIVED_APPLY_BYTES_MAX {
            return Err(LogError::DerivedApplyTooLarge {
                name: name(),
                puts: count,
                puts_max: DERIVED_PUTS_MAX,
                bytes: apply_bytes,
                bytes_max: DERIVED_APPLY_BYTES_MAX,
            });
        }
        Ok(puts.into_iter().collect())
    }

    fn check_reached(&self, asked: u64, head: u64) -> Result<(), LogError> {
        let reached = self.reached();
        if asked > head {
            return Err(LogError::DerivedBeyondHead { name: self.name.clone(), asked, head });
        }
        if asked < reached {
            return Err(LogError::DerivedGoesBackwards { name: self.name.clone(), asked, reached });
        }
        Ok(())
    }

    /// Writes one batch, or the mark alone, and returns the bytes.
    fn write(&self, puts: BTreeMap<Vec<u8>, Vec<u8>>, mark: Mark) -> Result<usize, LogError> {
        if puts.is_empty() {
            let mark_bytes = mark.encode();
            apart::insert(&self.tree, &MARK_KEY, &mark_bytes).map_err(LogError::storage(WRITE))?;
            self.reached.store(mark.reached, Ordering::Release);
            return Ok(mark_bytes.len());
        }
        let mut batch = sled::Batch::default();
        let mut bytes = 0;
        for (key, value) in puts {
            bytes += key.len() + value.len();
            let stored = Stored::of(&value, mark.generation).ok_or_else(|| self.damaged())?;
            if let Stored::InParts(in_parts) = stored {
                for (part_key, part) in in_parts.keys(&key).zip(in_parts.parts(&value)) {
                    batch.insert(part_key, part);
                }
            }
            batch.insert(value_key(&key), stored.encode());
        }
        bytes += mark.encode().len();
        batch.insert(MARK_KEY.to_vec(), mark.encode());
        apart::apply_batch(&self.tree, batch).map_err(LogError::storage(WRITE))?;
        self.reached.store(mark.reached, Ordering::Release);
        Ok(bytes)
    }

    pub(super) fn damaged(&self) -> LogError {
        LogError::DerivedDamaged { name: self.name.clone() }
    }

    /// Removes the mark first, so that a crash half-way leaves a tree that counts as missing;
    /// then key by key from the first on, as `entries.rs` demands.
    pub(super) fn clear(&self, store: &Store) -> Result<(), LogError> {
        if store.is_stopped() {
            return Err(LogError::Stopped);
        }
        let generation = self.writing();
        self.tree.remove(MARK_KEY).map_err(LogError::storage(WRITE))?;
        self.reached.store(0, Ordering::Release);
        for key in self.tree.iter().keys() {
            let key = key.map_err(LogError::storage(READ))?;
            self.tree.remove(&key).map_err(LogError::storage(WRITE))?;
            store.derived_written(key.len())?;
        }
        // The generation goes on, so that a reader which began before sees the difference.
        drop(generation);
        Ok(())
    }
}

impl fmt::Debug for DerivedState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the tree, whose own Debug prints every page.
        f.debug_struct("DerivedState")
            .field("name", &self.name)
            .field("version", &self.version)
            .field("reached", &self.reached())
            .finish_non_exhaustive()
    }
}
