//! Reading the log: records in order, up to the head as it was at the start.
//!
//! Records are read as they are stored. Whoever asks for some of them has each looked at
//! (`wire/stored.rs`), whoever asks for all is handed the bytes; nothing is decoded for either.

use bytes::Bytes;

use super::Ledger;
use super::error::LedgerError;
use crate::domain::id::{AgreementId, Position};
use crate::log::LogError;
use crate::wire::stored::{self, StoredEntry, StoredLook};
use crate::wire::{record, v1};

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Rising positions.
    Forwards,
    /// Falling positions.
    Backwards,
}

/// Whether refused requests are read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusals {
    /// They are.
    Included,
    /// They are not.
    Excluded,
}

/// What to read.
#[derive(Debug, Clone)]
pub struct ReadQuery {
    /// Which way.
    pub direction: Direction,
    /// First position to look at. None: the start, or the head.
    pub from: Option<Position>,
    /// Only this agreement.
    pub agreement_id: Option<AgreementId>,
    /// Only these types; refusals are then left out. Empty: all.
    pub types: Vec<v1::EventType>,
    /// Refused requests too.
    pub refusals: Refusals,
}

/// A record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its place in the log.
    pub position: u64,
    /// The encoding of a [`v1::Record`].
    pub bytes: Bytes,
}

impl StoredRecord {
    /// What a look at it shows.
    pub fn look(&self) -> Result<StoredLook, LedgerError> {
        let position = self.position;
        stored::look(&self.bytes).map_err(|source| LedgerError::Record { position, source })
    }

    /// What it says.
    pub fn decode(&self) -> Result<v1::Record, LedgerError> {
        let position = self.position;
        record::decode(&self.bytes).map_err(|source| LedgerError::Record { position, source })
    }

    /// A copy that does not keep the rest of its block in memory.
    fn alone(self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), ..self }
    }
}

/// A record that was come to.
#[derive(Debug, Clone)]
pub enum Looked {
    /// It is asked for.
    AskedFor(StoredRecord),
    /// It is not.
    PassedOver(StoredRecord),
}

impl Looked {
    /// The record.
    pub fn record(&self) -> &StoredRecord {
        match self {
            Self::AskedFor(record) | Self::PassedOver(record) => record,
        }
    }
}

/// Records of the log, as asked for.
pub struct Records {
    source: Box<dyn Iterator<Item = Result<(u64, Bytes), LogError>> + Send>,
    /// Numbers of the types that are asked for.
    types: Vec<i32>,
    refusals: Refusals,
    /// Whether records that are read side by side may stand far apart.
    is_sparse: bool,
    captured: u64,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Records").field("captured", &self.captured).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Reads records. The head is captured now; nothing at or above it is read.
    pub fn read(&self, query: ReadQuery) -> Result<Records, LedgerError> {
        let captured = self.head().borrow().record_count;
        let ReadQuery { direction, from, agreement_id, types, refusals } = query;
        let is_sparse =
            agreement_id.is_some() || !types.is_empty() || refusals == Refusals::Excluded;
        let from = from.map(Position::get);
        let reader = self.shared().reader.clone();
        let source: Box<dyn Iterator<Item = _> + Send> = match (agreement_id, direction) {
            (None, Direction::Forwards) => Box::new(reader.forward(from.unwrap_or(0), captured)),
            (None, Direction::Backwards) => {
                let below = from.map_or(captured, |from| from.saturating_add(1).min(captured));
                Box::new(reader.backward(below, 0))
            }
            (Some(id), direction) => {
                let first = match direction {
                    Direction::Forwards => from.unwrap_or(0),
                    Direction::Backwards => 0,
                };
                let mut positions: Vec<u64> = self
                    .shared()
                    .index
                    .stream_from(&id, Position::new(first))?
                    .iter()
                    .map(|entry| entry.position.get())
                    .collect();
                positions.retain(|position| *position < captured);
                match direction {
                    Direction::Forwards => {}
                    Direction::Backwards => {
                        positions.retain(|p| from.is_none_or(|from| *p <= from));
                        positions.reverse();
                    }
                }
                Box::new(reader.picked(positions))
            }
        };
        let types = types.into_iter().map(i32::from).collect();
        Ok(Records { source, types, refusals, is_sparse, captured })
    }
}

impl Records {
    /// How many records the log had when the reading began.
    pub fn captured(&self) -> u64 {
        self.captured
    }

    /// The next record of the log, or of the agreement, whether it is asked for or not: a reader that
    /// finds nothing still learns how far it has come.
    pub fn look(&mut self) -> Option<Result<Looked, LedgerError>> {
        let item = self.source.next()?;
        Some(item.map_err(LedgerError::from).and_then(|(position, bytes)| {
            let record = StoredRecord { position, bytes };
            if !self.asks_for_all() && !self.is_asked_for(record.look()?.entry) {
                return Ok(Looked::PassedOver(record));
            }
            Ok(Looked::AskedFor(if self.is_sparse { record.alone() } else { record }))
        }))
    }

    fn asks_for_all(&self) -> bool {
        self.types.is_empty() && self.refusals == Refusals::Included
    }

    fn is_asked_for(&self, entry: Option<StoredEntry>) -> bool {
        match entry {
            Some(StoredEntry::Event { event_type }) => {
                self.types.is_empty() || self.types.contains(&event_type)
            }
            Some(StoredEntry::Refusal) => {
                self.types.is_empty() && self.refusals == Refusals::Included
            }
            None => false,
        }
    }
}

impl Iterator for Records {
    type Item = Result<StoredRecord, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.look()? {
                Ok(Looked::AskedFor(record)) => return Some(Ok(record)),
                Ok(Looked::PassedOver(_)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}
