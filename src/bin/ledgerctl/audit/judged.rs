//! The findings that opened or cleared between two visits, derived from the events. Pure.
//!
//! Both visits are told apart by the position up to which they go, never by a time: two records may have
//! the same. And by their days, because some findings come and go with the calendar alone.

use std::collections::BTreeSet;
use std::sync::Arc;

use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::date::Date;
use contract_ledger::domain::event::Recorded;
use contract_ledger::domain::finding::{Finding, FindingKey};
use contract_ledger::domain::id::AgreementId;
use contract_ledger::domain::policy::PolicyBook;
use contract_ledger::domain::reason::Severity;

use crate::outcome::CommandError;
use crate::verify_dossier::from_text;

/// How far a visit saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Number of records.
    pub(super) size: u64,
    /// The day that findings were judged at.
    pub(super) day: Date,
}

/// What two visits are compared by.
pub(super) struct Judging {
    /// The dated policy, for both.
    pub(super) policies: Arc<PolicyBook>,
    /// The last visit.
    pub(super) before: Seen,
    /// The day of this one.
    pub(super) today: Date,
}

/// What became of a finding since the last visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It was not open, and is.
    Opened,
    /// It was open, and is not.
    Cleared,
    /// It was open for a time in between.
    Passed,
}

/// A finding, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turned {
    pub(super) turn: Turn,
    pub(super) finding: Finding,
}

impl Judging {
    /// What became of the findings of one agreement, from every event of it, by rule and subject.
    pub(super) fn turns(
        &self,
        agreement_id: &str,
        events: &[Arc<Recorded>],
    ) -> Result<Vec<Turned>, CommandError> {
        let id = AgreementId::parse(agreement_id)
            .map_err(|fault| CommandError::Stopped(format!("{agreement_id:?} {fault}")))?;
        let Self { policies, before, today } = self;
        let seen = events.partition_point(|event| event.position.get() < before.size);
        let (old, new) = events.split_at(seen);
        let empty = |day| Agreement::new(id.clone(), Arc::clone(policies), day);
        let fold = |day| old.iter().fold(empty(day), applied);
        let then = fold(before.day);
        let then_today = if before.day == *today { then.clone() } else { fold(*today) };
        let now = new.iter().fold(then_today.clone(), applied);
        Ok(difference(&then, &then_today, &now, before.size))
    }
}

fn applied(mut agreement: Agreement, event: &Arc<Recorded>) -> Agreement {
    agreement.apply(event);
    agreement
}

/// `then` is the last visit; `then_today` the same events judged today; `now` has all events.
fn difference(
    then: &Agreement,
    then_today: &Agreement,
    now: &Agreement,
    size_before: u64,
) -> Vec<Turned> {
    let keys = |of: &Agreement| -> BTreeSet<FindingKey> {
        of.tracker().open().map(|finding| finding.key.clone()).collect()
    };
    let (open_then, open_now) = (keys(then), keys(now));
    let came_after =
        |finding: &Finding| finding.opened_at().is_some_and(|at| at.get() >= size_before);
    let mut turned = Vec::new();
    let mut add = |turn, finding: &Finding| {
        turned.push(Turned { turn, finding: finding.clone() });
    };
    let mut cleared = BTreeSet::new();
    let cleared_then = then_today.tracker().cleared().count();
    for finding in now.tracker().cleared().skip(cleared_then) {
        if open_then.contains(&finding.key) && !came_after(finding) {
            cleared.insert(finding.key.clone());
            add(Turn::Cleared, finding);
        } else {
            add(Turn::Passed, finding);
        }
    }
    // What was open and has cleared is open again.
    for finding in now.tracker().open() {
        if !open_then.contains(&finding.key) || cleared.contains(&finding.key) {
            add(Turn::Opened, finding);
        }
    }
    // What the days have cleared has no event that did.
    for finding in then.tracker().open() {
        if !open_now.contains(&finding.key) && !cleared.contains(&finding.key) {
            add(Turn::Cleared, finding);
        }
    }
    turned.sort_by_cached_key(|Turned { finding: Finding { key, episode, .. }, .. }| {
        (key.rule.name(), key.subject.to_string(), *episode)
    });
    turned
}

/// A finding on one line.
pub(super) fn turned_text(agreement_id: &str, Turned { turn, finding }: &Turned) -> String {
    let Finding { key: FindingKey { rule, subject }, since, episode, evidence, .. } = finding;
    let turn = match turn {
        Turn::Opened => "opened",
        Turn::Cleared => "cleared",
        Turn::Passed => "opened and cleared",
    };
    let severity = match rule.severity() {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
    };
    let again = if *episode > 1 { format!(" #{episode}") } else { String::new() };
    let positions: Vec<u64> = evidence.iter().map(|position| position.get()).collect();
    let (rule, from) = (rule.name(), from_text(&positions));
    format!("{agreement_id} {rule}{again} {subject} ({severity}, {turn}, since {since}){from}")
}
