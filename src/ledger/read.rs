//! Reading the log: records in order, up to the head as it was at the start.

use super::Ledger;
use super::error::LedgerError;
use crate::domain::id::{AgreementId, Position};
use crate::wire::event_type::event_type;
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

/// A record that was looked at.
#[derive(Debug, Clone)]
pub enum Looked {
    /// It is asked for.
    AskedFor(v1::Record),
    /// It is not.
    PassedOver(v1::Record),
}

impl Looked {
    /// The record.
    pub fn record(&self) -> &v1::Record {
        match self {
            Self::AskedFor(record) | Self::PassedOver(record) => record,
        }
    }
}

/// Records of the log, as asked for.
pub struct Records {
    source: Box<dyn Iterator<Item = Result<(u64, v1::Record), LedgerError>> + Send>,
    types: Vec<v1::EventType>,
    refusals: Refusals,
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
        let from = from.map(Position::get);
        let reader = self.shared().reader.clone();
        let decoded = |item: Result<(u64, bytes::Bytes), crate::log::LogError>| {
            let (position, bytes) = item?;
            let record = record::decode(&bytes)
                .map_err(|source| LedgerError::Record { position, source })?;
            Ok((position, record))
        };
        let source: Box<dyn Iterator<Item = _> + Send> = match (agreement_id, direction) {
            (None, Direction::Forwards) => {
                Box::new(reader.forward(from.unwrap_or(0), captured).map(decoded))
            }
            (None, Direction::Backwards) => {
                let below = from.map_or(captured, |from| from.saturating_add(1).min(captured));
                Box::new(reader.backward(below, 0).map(decoded))
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
                let ledger = self.clone();
                Box::new(positions.into_iter().map(move |position| {
                    ledger.shared().record(position).map(|record| (position, record))
                }))
            }
        };
        Ok(Records { source, types, refusals, captured })
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
        Some(item.map(|(_, record)| {
            if self.is_asked_for(&record) {
                Looked::AskedFor(record)
            } else {
                Looked::PassedOver(record)
            }
        }))
    }

    fn is_asked_for(&self, record: &v1::Record) -> bool {
        match &record.entry {
            Some(v1::record::Entry::Event(accepted)) => {
                let of = accepted.event.as_ref().map(event_type);
                self.types.is_empty() || of.is_some_and(|of| self.types.contains(&of))
            }
            Some(v1::record::Entry::Refusal(_)) => {
                self.types.is_empty() && self.refusals == Refusals::Included
            }
            None => false,
        }
    }
}

impl Iterator for Records {
    type Item = Result<v1::Record, LedgerError>;

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
