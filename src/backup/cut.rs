//! Where a restore ends: as far as was asked for, and never within a request.
//!
//! Pure. It must not know blocks. The records of one request stand side by side and are all or
//! nothing, so the first record that is left out takes those of its request with it.

use crate::domain::date::RecordedTime;

/// Up to where to restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestorePoint {
    /// Everything.
    End,
    /// The record at this position is the last.
    Position(u64),
    /// What was recorded up to this time, included.
    Time(RecordedTime),
}

/// Finds the cut while records go by in order.
#[derive(Debug)]
pub(super) struct CutFinder {
    point: RestorePoint,
    request: Option<String>,
    /// Where the request at hand begins.
    request_begins: u64,
    next_position: u64,
    cut: Option<u64>,
}

impl CutFinder {
    pub(super) fn new(point: RestorePoint) -> Self {
        Self { point, request: None, request_begins: 0, next_position: 0, cut: None }
    }

    /// Sees the next record.
    pub(super) fn see(&mut self, request_id: &str, recorded: RecordedTime) {
        let position = self.next_position;
        self.next_position = position.saturating_add(1);
        if self.cut.is_some() {
            return;
        }
        if self.request.as_deref() != Some(request_id) {
            self.request = Some(request_id.to_owned());
            self.request_begins = position;
        }
        let is_in = match self.point {
            RestorePoint::End => true,
            RestorePoint::Position(last) => position <= last,
            RestorePoint::Time(last) => recorded <= last,
        };
        if !is_in {
            self.cut = Some(self.request_begins);
        }
    }

    /// The position after the last record to restore.
    pub(super) fn cut(&self) -> u64 {
        self.cut.unwrap_or(self.next_position)
    }

    /// How many records have gone by.
    pub(super) fn seen(&self) -> u64 {
        self.next_position
    }
}
