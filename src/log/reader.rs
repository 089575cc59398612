//! Reads the durable part of the log.
//!
//! It must not know how records get there, and shows nothing at or beyond the durable head.

use std::sync::Arc;

use bytes::Bytes;

use crate::block::Block;

use super::corruption::Corruption;
use super::error::LogError;
use super::store::Store;

/// Reads records by position. Cheap to clone; every clone sees the same head.
///
/// The log's directory stays in use until the writer and every reader are dropped.
#[derive(Debug, Clone)]
pub struct LogReader {
    store: Arc<Store>,
}

impl LogReader {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    pub(super) fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// How often a block was served from the archive because the store's was not as written.
    pub fn served_from_archive(&self) -> u64 {
        self.store.served_from_archive()
    }

    /// Whether so many bytes can be written and the configured reserve stays free.
    pub fn check_room(&self, bytes: u64) -> Result<(), LogError> {
        self.store.reserve().check(bytes)
    }

    /// Whether so many bytes can be written at all, with what is kept free for it.
    pub fn check_fits(&self, bytes: u64) -> Result<(), LogError> {
        self.store.reserve().check_fits_in_store(bytes)
    }

    /// How many bytes can be written at all, with what is kept free for it: at most so many.
    pub fn fitting(&self, bytes_max: u64) -> u64 {
        self.store.reserve().fitting_in_store(bytes_max)
    }

    /// Has the disks say that so much is free; `None`: what is.
    #[cfg(test)]
    pub(crate) fn pretend_free(&self, bytes: Option<u64>) {
        self.store.reserve().pretend_free(bytes);
    }

    /// Has something called once a failed write or sync stops the log, on whatever thread met it.
    /// Only the first that is given is called.
    pub fn on_stop(&self, call: impl Fn() + Send + Sync + 'static) {
        self.store.on_stop(call);
    }

    /// Has every sync of the store from here on done in another way: none is done, and it may wait or
    /// fail.
    #[cfg(test)]
    pub(crate) fn sync_instead(
        &self,
        sync: impl Fn() -> Result<(), &'static str> + Send + Sync + 'static,
    ) {
        self.store.sync_instead(move || sync().map_err(LogError::injected));
    }

    /// What the disks say that is free, instead of what is. While it is held, whoever asks waits.
    #[cfg(test)]
    pub(crate) fn pretended_free(&self) -> std::sync::MutexGuard<'_, Option<u64>> {
        self.store.reserve().pretended()
    }

    /// The position after the last durable record; 0 of an empty log. Never decreases.
    pub fn next_position(&self) -> u64 {
        self.store.head()
    }

    /// The record at a position, or `None` at and beyond [`LogReader::next_position`].
    pub fn record(&self, position: u64) -> Result<Option<Bytes>, LogError> {
        if position >= self.next_position() {
            return Ok(None);
        }
        record_in(&self.store.block_holding(position)?, position).map(Some)
    }

    /// The records from `from` up to, but not including, `to_exclusive`, ascending. It ends at
    /// the head as it is at the call, and after the first error.
    pub fn forward(&self, from: u64, to_exclusive: u64) -> Forward {
        let end = to_exclusive.min(self.next_position());
        Forward { store: Arc::clone(&self.store), next: from, end, block: None }
    }

    /// The records at these positions, in this order. It ends after the first error; a position
    /// beyond the head is one ([`Corruption::Missing`]).
    pub fn picked(&self, positions: Vec<u64>) -> Picked {
        Picked { store: Arc::clone(&self.store), positions: positions.into_iter(), block: None }
    }

    /// The records before `from_exclusive` down to `to_inclusive`, descending. It begins at the
    /// head as it is at the call, if that is less, and ends after the first error.
    pub fn backward(&self, from_exclusive: u64, to_inclusive: u64) -> Backward {
        let end = from_exclusive.min(self.next_position());
        Backward { store: Arc::clone(&self.store), end, start: to_inclusive, block: None }
    }
}

/// The records of a range, ascending. Made by [`LogReader::forward`].
#[derive(Debug)]
pub struct Forward {
    store: Arc<Store>,
    next: u64,
    end: u64,
    block: Option<Block>,
}

impl Forward {
    fn read(&mut self, position: u64) -> Result<Bytes, LogError> {
        let block = match self.block.take() {
            Some(block) if block.positions().contains(&position) => block,
            // The next block begins where this one ended: one look-up instead of a search.
            Some(_) => self.store.block_beginning_at(position)?,
            None => self.store.block_holding(position)?,
        };
        record_in(self.block.insert(block), position)
    }
}

impl Iterator for Forward {
    type Item = Result<(u64, Bytes), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let position = self.next;
        let read = self.read(position);
        self.next = if read.is_ok() { position.saturating_add(1) } else { self.end };
        Some(read.map(|record| (position, record)))
    }
}

impl std::iter::FusedIterator for Forward {}

/// The records of a range, descending. Made by [`LogReader::backward`].
#[derive(Debug)]
pub struct Backward {
    store: Arc<Store>,
    end: u64,
    start: u64,
    block: Option<Block>,
}

impl Backward {
    fn read(&mut self, position: u64) -> Result<Bytes, LogError> {
        let block = match self.block.take() {
            Some(block) if block.positions().contains(&position) => block,
            Some(_) | None => self.store.block_holding(position)?,
        };
        record_in(self.block.insert(block), position)
    }
}

impl Iterator for Backward {
    type Item = Result<(u64, Bytes), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let position = self.end.checked_sub(1).filter(|position| *position >= self.start)?;
        let read = self.read(position);
        self.end = if read.is_ok() { position } else { self.start };
        Some(read.map(|record| (position, record)))
    }
}

impl std::iter::FusedIterator for Backward {}

/// Records one by one. Made by [`LogReader::picked`]. Those that stand in one block and are asked for
/// side by side cost one look at it.
#[derive(Debug)]
pub struct Picked {
    store: Arc<Store>,
    positions: std::vec::IntoIter<u64>,
    block: Option<Block>,
}

impl Picked {
    fn read(&mut self, position: u64) -> Result<Bytes, LogError> {
        let block = match self.block.take() {
            Some(block) if block.positions().contains(&position) => block,
            Some(_) | None if position >= self.store.head() => {
                return Err(LogError::corrupt(position, Corruption::Missing));
            }
            Some(_) | None => self.store.block_holding(position)?,
        };
        record_in(self.block.insert(block), position)
    }
}

impl Iterator for Picked {
    type Item = Result<(u64, Bytes), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let position = self.positions.next()?;
        let read = self.read(position);
        if read.is_err() {
            self.positions = Vec::new().into_iter();
        }
        Some(read.map(|record| (position, record)))
    }
}

impl std::iter::FusedIterator for Picked {}

fn record_in(block: &Block, position: u64) -> Result<Bytes, LogError> {
    block.record(position).ok_or_else(|| LogError::corrupt(position, Corruption::Missing))
}
