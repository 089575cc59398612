//! What a request changed: findings it opened and cleared, and as of which day.

use crate::domain::agreement::Agreement;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::finding::Finding;

/// Findings that came and went between two states of an agreement.
#[derive(Debug, Clone, Default)]
pub struct FindingChanges {
    /// Open after, and not before.
    pub opened: Vec<Finding>,
    /// Open before, and not after.
    pub cleared: Vec<Finding>,
}

/// The business date that an answer to an append is for: today, or the latest date in the request.
pub fn as_of_append(recorded: RecordedTime, effective: impl Iterator<Item = Date>) -> Date {
    effective.fold(recorded.oslo_date(), Date::max)
}

/// The changes between two states that are judged as of the same horizon.
pub fn tracked_changes(before: &Agreement, after: &Agreement) -> FindingChanges {
    let (before, after) = (before.tracker(), after.tracker());
    FindingChanges { opened: after.opened_since(before), cleared: after.cleared_since(before) }
}
