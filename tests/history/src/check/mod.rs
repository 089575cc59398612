//! The check: named anomalies first, and the search for an order when there is none of them.

mod named;
mod search;

use std::collections::BTreeMap;

pub use search::STEPS_MAX;

use crate::agreement::Agreement;
use crate::anomaly::{Anomaly, Kind};
use crate::record::Operation;
use search::Found;

/// Gives every anomaly of a history in which each agreement begins empty, at version 0, with this
/// ceiling. None: some order explains every answer.
pub fn check(operations: &[Operation], ceiling: u64) -> Vec<Anomaly> {
    let mut by_agreement: BTreeMap<&str, Vec<&Operation>> = BTreeMap::new();
    for operation in operations {
        by_agreement.entry(&operation.agreement).or_default().push(operation);
    }
    let mut anomalies = named::positions(operations);
    for (agreement, operations) in by_agreement {
        let mut found = named::of_agreement(&operations, ceiling);
        if found.is_empty() {
            match search::order(&operations, &Agreement::new(ceiling)) {
                Found::Order => {}
                Found::None => found.push((Kind::NoOrder, format!("{} calls", operations.len()))),
                Found::GaveUp => found.push((Kind::NotDecided, format!("after {STEPS_MAX} steps"))),
            }
        }
        let name = |(kind, seen)| Anomaly { agreement: agreement.to_owned(), kind, seen };
        anomalies.extend(found.into_iter().map(name));
    }
    anomalies
}
