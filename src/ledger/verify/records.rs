//! What records must keep in the order of their positions, whoever reads them, and how many there
//! are of what.
//!
//! It must not know where they are stored. It keeps what the newest record says, and no more.

use super::{Damage, DamageKind, Part};
use crate::domain::id::Position;
use crate::ledger::index::source_in;
use crate::wire::{record, v1};

/// How many there are in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordCounts {
    /// Records.
    pub records: u64,
    /// Requests.
    pub requests: u64,
    /// Events that name their source.
    pub sources: u64,
}

/// The order of the records seen so far.
#[derive(Debug, Default)]
pub struct RecordOrder {
    counts: RecordCounts,
    last_request: Option<String>,
    newest: Option<(i64, i32)>,
}

impl RecordOrder {
    /// How many records were seen, of what.
    pub fn counts(&self) -> RecordCounts {
        self.counts
    }

    /// Takes in the stored bytes at a position, and tells what is wrong with them.
    pub fn check(&mut self, position: u64, stored: &[u8]) -> Vec<Damage> {
        match record::decode(stored) {
            Ok(record) => self.take_in(position, &record),
            Err(error) => {
                self.counts.records += 1;
                vec![damage(DamageKind::Record, position, error.to_string())]
            }
        }
    }

    /// Takes in the record at a position, and tells what is wrong with it.
    pub fn take_in(&mut self, position: u64, record: &v1::Record) -> Vec<Damage> {
        let mut damages = Vec::new();
        self.counts.records += 1;
        if record.position != position {
            let text = format!("the record states position {}", record.position);
            damages.push(damage(DamageKind::RecordMisplaced, position, text));
        }
        let recorded = record.recorded_time.as_ref().map(|time| (time.seconds, time.nanos));
        if recorded < self.newest {
            let text = "recorded before the record before it".to_owned();
            damages.push(damage(DamageKind::RecordedTimeDecreases, position, text));
        }
        self.newest = self.newest.max(recorded);
        // The records of one request stand side by side.
        if self.last_request.as_ref() != Some(&record.request_id) {
            self.counts.requests += 1;
            self.last_request = Some(record.request_id.clone());
        }
        self.counts.sources += u64::from(source_in(record).is_some());
        damages
    }
}

fn damage(kind: DamageKind, position: u64, text: String) -> Damage {
    let position = Some(Position::new(position));
    Damage { part: Part::Store, kind, position, subject: String::new(), text }
}
