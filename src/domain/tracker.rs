//! Findings over time: what opened, what cleared, and when it became known.
//!
//! A tracker looks at every fold of the events at one fixed as-of day, its horizon, in the order of
//! recording. What it was told after event n is what was known then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, Vector};

use super::call_off::CallOffKey;
use super::date::Date;
use super::event::Recorded;
use super::finding::{Condition, Finding, FindingKey, Handling};

/// What conditions are judged together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Options and term.
    Charter,
    /// Every ceiling.
    Ceilings,
    /// One call-off.
    CallOff(CallOffKey),
}

/// The conditions of one source.
pub type Judged = (Source, Vec<(FindingKey, Condition)>);

/// Findings at one horizon.
#[derive(Debug, Clone)]
pub struct Tracker {
    horizon: Date,
    open: OrdMap<FindingKey, Finding>,
    open_by_source: OrdMap<Source, Arc<[FindingKey]>>,
    cleared: Vector<Finding>,
}

impl Tracker {
    /// A tracker that has seen nothing.
    pub fn new(horizon: Date) -> Self {
        Self { horizon, open: OrdMap::new(), open_by_source: OrdMap::new(), cleared: Vector::new() }
    }

    /// The day that findings are judged at.
    pub fn horizon(&self) -> Date {
        self.horizon
    }

    /// Findings that are open, by rule and subject.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.open.values()
    }

    /// Findings that have cleared, in the order of clearing.
    pub fn cleared(&self) -> impl Iterator<Item = &Finding> {
        self.cleared.iter()
    }

    /// Findings that are open here and were not open in an earlier state of this tracker.
    pub fn opened_since(&self, earlier: &Self) -> Vec<Finding> {
        let opened = earlier.open.diff(&self.open).filter_map(|change| match change {
            DiffItem::Add(_, finding) => Some(finding.clone()),
            DiffItem::Update { old: (_, old), new: (_, new) } => {
                (old.episode != new.episode).then(|| new.clone())
            }
            DiffItem::Remove(_, _) => None,
        });
        opened.collect()
    }

    /// Findings that were open in an earlier state of this tracker and have cleared since.
    pub fn cleared_since(&self, earlier: &Self) -> Vec<Finding> {
        let was_open = |finding: &&Finding| {
            let open = earlier.open.get(&finding.key);
            open.is_some_and(|open| open.episode == finding.episode)
        };
        self.cleared.iter().skip(earlier.cleared.len()).filter(was_open).cloned().collect()
    }

    /// Takes in what an event has changed: the conditions of every source that it touched.
    pub fn observe(&mut self, event: &Recorded, judged: Vec<Judged>) {
        let mut before: BTreeSet<FindingKey> = BTreeSet::new();
        let mut after: BTreeMap<FindingKey, Condition> = BTreeMap::new();
        for (source, conditions) in judged {
            if let Some(keys) = self.open_by_source.get(&source) {
                before.extend(keys.iter().cloned());
            }
            if conditions.is_empty() {
                self.open_by_source.remove(&source);
            } else {
                let keys = conditions.iter().map(|(key, _)| key.clone()).collect();
                self.open_by_source.insert(source, keys);
            }
            after.extend(conditions);
        }
        for key in before.iter().filter(|key| !after.contains_key(key)) {
            if let Some(mut finding) = self.open.remove(key) {
                finding.cleared = Some(event.recorded);
                self.cleared.push_back(finding);
            }
        }
        for (key, condition) in after {
            match self.open.get_mut(&key) {
                Some(finding) => keep_open(finding, event, &condition),
                None => self.open_anew(key, event, &condition),
            }
        }
    }

    fn open_anew(&mut self, key: FindingKey, event: &Recorded, condition: &Condition) {
        let earlier = self.cleared.iter().filter(|finding| finding.key == key).count();
        let finding = Finding {
            key: key.clone(),
            amount: condition.amount,
            since: condition.since,
            known: event.recorded,
            cleared: None,
            evidence: vec![event.position],
            episode: u32::try_from(earlier + 1).unwrap_or(u32::MAX),
            days: condition.days,
            handling: Handling::None,
            handled: None,
        };
        self.open.insert(key, finding);
    }
}

fn keep_open(finding: &mut Finding, event: &Recorded, condition: &Condition) {
    let grew = match (finding.amount, condition.amount) {
        (Some(old), Some(new)) => new.amount > old.amount,
        (None | Some(_), None) | (None, Some(_)) => false,
    };
    if grew {
        finding.evidence.push(event.position);
    }
    finding.amount = condition.amount;
    finding.since = condition.since;
}
