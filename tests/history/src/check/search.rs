//! The search for an order, after Wing and Gong: take a call that may come next, see whether its
//! answer fits, go on; go back when nothing fits. States that were seen are not searched again.

use std::collections::BTreeSet;

use crate::agreement::Agreement;
use crate::record::{Answer, Operation};

/// Steps of one search, at most.
pub const STEPS_MAX: u64 = 200_000;

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Order,
    None,
    GaveUp,
}

/// Calls that are left, and the agreement as the others made it.
type State = (BTreeSet<usize>, Agreement);

pub(super) fn order(operations: &[&Operation], empty: &Agreement) -> Found {
    let all = (0..operations.len()).collect();
    let mut seen: BTreeSet<State> = BTreeSet::new();
    let mut open: Vec<State> = vec![(all, empty.clone())];
    let mut steps = 0_u64;
    while let Some(state) = open.pop() {
        steps = steps.saturating_add(1);
        if steps > STEPS_MAX {
            return Found::GaveUp;
        }
        if seen.contains(&state) {
            continue;
        }
        let (left, agreement) = &state;
        let is_past = |(_, answer): &(u64, Answer), call| agreement.is_past(call, answer);
        let mut calls = left.iter().filter_map(|index| operations.get(*index));
        if calls.any(|o| o.ended.as_ref().is_some_and(|ended| is_past(ended, &o.call))) {
            continue;
        }
        let ends = left.iter().filter_map(|index| end(operations.get(*index)?));
        // Whatever comes next began before any call that is left has ended.
        let Some(first_end) = ends.min() else { return Found::Order };
        let mut next: Vec<(u64, State)> = Vec::new();
        for index in left {
            let Some(operation) = operations.get(*index) else { continue };
            if operation.began > first_end {
                continue;
            }
            let answer = operation.ended.as_ref().map(|(_, answer)| answer);
            if let Some(after) = agreement.after(&operation.call, answer) {
                let mut left = left.clone();
                left.remove(index);
                next.push((end(operation).unwrap_or(u64::MAX), (left, after)));
            }
        }
        // The last one is tried first: the call that ended first; unknown outcomes only when needed.
        next.sort_by_key(|(end, _)| std::cmp::Reverse(*end));
        open.extend(next.into_iter().map(|(_, state)| state));
        seen.insert(state);
    }
    Found::None
}

fn end(operation: &Operation) -> Option<u64> {
    operation.ended.as_ref().map(|(end, _)| *end)
}
