//! Findings over time: what opened, what cleared, and when it became known.
//!
//! A tracker looks at every fold of the events at one fixed as-of day, its horizon, in the order of
//! recording. What it was told after event n is what was known then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, Vector};

use super::date::Date;
use super::duplicates::DocumentId;
use super::event::Recorded;
use super::finding::{Condition, Finding, FindingKey, Handling};
use super::id::{AgreementId, EventId, FindingId, OrderId, Position, ReservationId};
use super::scope::Scope;

/// What conditions are judged together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Term, options, amendments, overrides.
    Charter,
    /// One ceiling.
    Scope(Scope),
    /// Ceilings that were lowered.
    Lowerings,
    /// The forecast.
    Forecast,
    /// One reservation.
    Reservation(ReservationId),
    /// One invoice or credit note among all others.
    Document(DocumentId),
    /// One order among those that look like one purchase.
    Split(OrderId),
    /// One event by itself.
    Event(EventId),
}

/// What somebody did about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handled {
    /// What.
    pub handling: Handling,
    /// The event that says so.
    pub position: Position,
}

/// The conditions of one source.
pub type Judged = (Source, Vec<(FindingKey, Condition)>);

/// What has changed in the conditions of a call-off, which keeps its own.
#[derive(Debug, Default)]
pub struct Difference {
    /// What was broken and has changed, or holds.
    pub before: Vec<FindingKey>,
    /// What was not broken, or has changed.
    pub after: Vec<(FindingKey, Condition)>,
}

impl Difference {
    /// Whether nothing has changed.
    fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }
}

/// Findings at one horizon.
///
/// Keys and findings are large, and a node of a map has room for sixteen of each, taken or not. So they
/// are shared: an agreement with one finding would take as much room as one with many.
#[derive(Debug, Clone)]
pub struct Tracker {
    agreement: AgreementId,
    horizon: Date,
    open: OrdMap<Arc<FindingKey>, Arc<Finding>>,
    open_by_source: OrdMap<Arc<Source>, Arc<[FindingKey]>>,
    cleared: Vector<Arc<Finding>>,
    /// How often each finding has opened.
    episodes: OrdMap<Arc<FindingKey>, u32>,
    /// What the ids of findings stand for that were ever open.
    ids: OrdMap<FindingId, Arc<FindingKey>>,
}

impl Tracker {
    /// A tracker that has seen nothing.
    pub fn new(agreement: AgreementId, horizon: Date) -> Self {
        Self {
            agreement,
            horizon,
            open: OrdMap::new(),
            open_by_source: OrdMap::new(),
            cleared: Vector::new(),
            episodes: OrdMap::new(),
            ids: OrdMap::new(),
        }
    }

    /// The day that findings are judged at.
    pub fn horizon(&self) -> Date {
        self.horizon
    }

    /// Findings that are open, by rule and subject.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.open.values().map(Arc::as_ref)
    }

    /// Findings that have cleared, in the order of clearing.
    pub fn cleared(&self) -> impl Iterator<Item = &Finding> {
        self.cleared.iter().map(Arc::as_ref)
    }

    /// Findings that are open here and were not open in an earlier state of this tracker.
    pub fn opened_since(&self, earlier: &Self) -> Vec<Finding> {
        let opened = earlier.open.diff(&self.open).filter_map(|change| match change {
            DiffItem::Add(_, finding) => Some(Finding::clone(finding)),
            DiffItem::Update { old: (_, old), new: (_, new) } => {
                (old.episode != new.episode).then(|| Finding::clone(new))
            }
            DiffItem::Remove(_, _) => None,
        });
        opened.collect()
    }

    /// Findings that were open in an earlier state of this tracker and have cleared since.
    pub fn cleared_since(&self, earlier: &Self) -> Vec<Finding> {
        let was_open = |finding: &&Arc<Finding>| {
            let open = earlier.open.get(&finding.key);
            open.is_some_and(|open| open.episode == finding.episode)
        };
        // From the end, so that it costs no more than there is to tell.
        let beyond = self.cleared.len().saturating_sub(earlier.cleared.len());
        let newest_first = self.cleared.iter().rev().take(beyond).filter(was_open);
        let newest_first = newest_first.map(|finding| Finding::clone(finding));
        let mut cleared: Vec<Finding> = newest_first.collect();
        cleared.reverse();
        cleared
    }

    /// Takes in what an event has changed: the conditions of every source that it touched, of which
    /// the last judgement counts, and what has changed in call-offs.
    pub fn observe(&mut self, event: &Recorded, judged: Vec<Judged>, differences: Vec<Difference>) {
        let is_as_before = |(source, conditions): &Judged| {
            conditions.is_empty() && !self.open_by_source.contains_key(source)
        };
        if judged.iter().all(is_as_before) && differences.iter().all(Difference::is_empty) {
            return;
        }
        let mut before: BTreeSet<FindingKey> = BTreeSet::new();
        let mut after: BTreeMap<FindingKey, Condition> = BTreeMap::new();
        for difference in differences {
            before.extend(difference.before);
            after.extend(difference.after);
        }
        let last: BTreeMap<Source, Vec<(FindingKey, Condition)>> = judged.into_iter().collect();
        for (source, conditions) in last {
            if let Some(keys) = self.open_by_source.get(&source) {
                before.extend(keys.iter().cloned());
            }
            if conditions.is_empty() {
                // Only what is there: to look for it in vain would copy what others share.
                if self.open_by_source.contains_key(&source) {
                    self.open_by_source.remove(&source);
                }
            } else {
                let keys = conditions.iter().map(|(key, _)| key.clone()).collect();
                self.open_by_source.insert(Arc::new(source), keys);
            }
            after.extend(conditions);
        }
        for key in before.iter().filter(|key| !after.contains_key(key)) {
            if let Some(mut finding) = self.open.remove(key) {
                Arc::make_mut(&mut finding).cleared = Some(event.recorded);
                self.cleared.push_back(finding);
            }
        }
        for (key, condition) in after {
            match self.open.get(&key) {
                // To change it would copy what others share.
                Some(finding) if is_as_told(finding, &condition) => {}
                Some(_) => {
                    if let Some(finding) = self.open.get_mut(&key) {
                        keep_open(Arc::make_mut(finding), event, &condition);
                    }
                }
                None => self.open_anew(key, event, &condition),
            }
        }
    }

    /// The first day of a breach that is open.
    pub fn since(&self, key: &FindingKey) -> Option<Date> {
        self.open.get(key).map(|finding| finding.since)
    }

    /// The finding of an id, when it was ever open.
    pub fn finding(&self, id: &FindingId) -> Option<&FindingKey> {
        self.ids.get(id).map(Arc::as_ref)
    }

    /// Says what people did about a finding, in the order in which it counts. To each episode applies
    /// the last that was done since it opened, and before it opened again.
    pub fn handle(&mut self, done: &[Handled], key: &FindingKey) {
        let episodes = self.episodes.get(key).copied().unwrap_or_default();
        let is_open = self.open.contains_key(key);
        // Nearly always it has opened once, and is open.
        let in_cleared = if episodes > u32::from(is_open) {
            let places = self.cleared.iter().enumerate().filter(|(_, one)| one.key == *key);
            places.map(|(place, _)| place).collect()
        } else {
            Vec::new()
        };
        let cleared = in_cleared.iter().filter_map(|place| self.cleared.get(*place));
        let meant = self.open.get(key).into_iter().chain(cleared).map(Arc::as_ref);
        let openings: BTreeMap<u32, Position> =
            meant.filter_map(|one| Some((one.episode, one.opened_at()?))).collect();
        let apply = |finding: &mut Finding| {
            let opened = openings.get(&finding.episode);
            let again = openings.get(&finding.episode.saturating_add(1));
            let last = done.iter().rev().find(|one| {
                opened.is_some_and(|opened| *opened < one.position)
                    && again.is_none_or(|again| one.position < *again)
            });
            finding.handling = last.map_or(Handling::None, |one| one.handling);
            finding.handled = last.map(|one| one.position);
        };
        if let Some(finding) = self.open.get_mut(key) {
            apply(Arc::make_mut(finding));
        }
        for place in in_cleared {
            if let Some(finding) = self.cleared.get_mut(place) {
                apply(Arc::make_mut(finding));
            }
        }
    }

    fn open_anew(&mut self, key: FindingKey, event: &Recorded, condition: &Condition) {
        let episode = self.episodes.get(&key).copied().unwrap_or_default().saturating_add(1);
        let shared = Arc::new(key.clone());
        self.episodes.insert(Arc::clone(&shared), episode);
        if episode == 1 {
            self.ids.insert(key.id(&self.agreement), Arc::clone(&shared));
        }
        let finding = Finding {
            key,
            amount: condition.amount,
            since: condition.since,
            known: event.recorded,
            cleared: None,
            evidence: vec![event.position],
            episode,
            days: condition.days,
            handling: Handling::None,
            handled: None,
        };
        self.open.insert(shared, Arc::new(finding));
    }
}

/// Whether a finding says what its condition says.
fn is_as_told(finding: &Finding, condition: &Condition) -> bool {
    let Condition { amount, days, since } = condition;
    finding.amount == *amount && finding.since == *since && finding.days == *days
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
    finding.days = condition.days;
    finding.since = condition.since;
}
