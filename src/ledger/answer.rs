//! What a request changed: usage after it, findings it opened and cleared.

use crate::domain::agreement::Agreement;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::finding::Finding;
use crate::domain::usage::Usage;

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

/// The changes between two states of an agreement, as of a day.
pub fn finding_changes(before: &Agreement, after: &Agreement, as_of: Date) -> FindingChanges {
    let reaches_beyond = after.settled_from().is_some_and(|settled| settled > as_of);
    let early = |agreement: &Agreement| {
        let forecast = Usage::at(agreement, as_of).and_then(|usage| usage.forecast);
        forecast.is_some_and(|forecast| forecast.runs_out_early())
    };
    if reaches_beyond || early(before) != early(after) {
        let at = |agreement: &Agreement| agreement.at_version(agreement.version(), as_of);
        return tracked_changes(&at(before), &at(after));
    }
    tracked_changes(before, after)
}

/// The changes between two states that are judged as of the same horizon.
pub fn tracked_changes(before: &Agreement, after: &Agreement) -> FindingChanges {
    let (before, after) = (before.tracker(), after.tracker());
    FindingChanges { opened: after.opened_since(before), cleared: after.cleared_since(before) }
}

/// Findings that are open as of a day.
pub fn open_findings(agreement: &Agreement, as_of: Date) -> Vec<Finding> {
    let forecast = Usage::at(agreement, as_of).and_then(|usage| usage.forecast);
    let early = forecast.is_some_and(|forecast| forecast.runs_out_early());
    let reaches_beyond = agreement.settled_from().is_some_and(|settled| settled > as_of);
    let judged_at_day = agreement.tracker().horizon() == as_of;
    if !judged_at_day && (reaches_beyond || early) {
        let judged = agreement.at_version(agreement.version(), as_of);
        return judged.tracker().open().cloned().collect();
    }
    agreement.tracker().open().cloned().collect()
}
