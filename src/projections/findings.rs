//! The episodes of an agreement's findings, open and cleared.

use crate::domain::finding::{Finding, FindingKey};
use crate::domain::tracker::Tracker;

/// Every episode, by the published name of the rule, then the subject as written, then episode.
pub fn episodes(tracker: &Tracker) -> Vec<Finding> {
    let mut findings: Vec<Finding> = tracker.open().chain(tracker.cleared()).cloned().collect();
    findings.sort_by_cached_key(|finding| {
        let Finding { key: FindingKey { rule, subject }, episode, .. } = finding;
        (rule.name(), subject.to_string(), *episode)
    });
    findings
}
