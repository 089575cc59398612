//! Anomalies that can be told from answers by themselves, so that they are told by name.

use std::collections::BTreeMap;

use crate::anomaly::{Anomaly, Kind};
use crate::record::{Answer, Call, Operation};

type Seen = (Kind, String);

/// An append that was accepted.
#[derive(Clone, Copy)]
struct Accepted<'a> {
    id: &'a str,
    version: u64,
    position: u64,
    amount: u64,
    intent: bool,
    began: u64,
    ended: u64,
}

/// A read, and how many versions it knows.
struct Read {
    began: u64,
    ended: u64,
    version: u64,
}

fn accepted(operation: &Operation) -> Option<Accepted<'_>> {
    match (&operation.call, operation.ended.as_ref()?) {
        (
            Call::Append { request_id, amount, intent, .. },
            (ended, Answer::Accepted { version, position }),
        ) => Some(Accepted {
            id: request_id,
            version: *version,
            position: *position,
            amount: *amount,
            intent: *intent,
            began: operation.began,
            ended: *ended,
        }),
        _ => None,
    }
}

fn read(operation: &Operation) -> Option<Read> {
    let (ended, answer) = operation.ended.as_ref()?;
    let version = match answer {
        Answer::Usage { version, .. } => *version,
        Answer::Events(events) => u64::try_from(events.len()).unwrap_or(u64::MAX),
        Answer::Accepted { .. } | Answer::Refused(_) | Answer::NotRecorded => return None,
    };
    Some(Read { began: operation.began, ended: *ended, version })
}

/// Positions are one order of all agreements: no two calls share one, and a later call has a later one.
pub(super) fn positions(operations: &[Operation]) -> Vec<Anomaly> {
    let mut found = Vec::new();
    // A repeated request is told the position that it got the first time, so its first answer counts.
    let mut firsts: BTreeMap<&str, (&str, Accepted<'_>)> = BTreeMap::new();
    for operation in operations {
        if let Some(new) = accepted(operation) {
            let first = firsts.entry(new.id).or_insert((&operation.agreement, new));
            first.1.began = first.1.began.min(new.began);
            first.1.ended = first.1.ended.min(new.ended);
        }
    }
    for (agreement, one) in firsts.values() {
        for (_, other) in firsts.values() {
            let shared = one.id < other.id && one.position == other.position;
            // Unless an earlier try of it, with an unknown outcome, is what took effect.
            let tried = |o: &&Operation| matches!(&o.call, Call::Append { request_id, .. } if request_id == other.id);
            let began =
                operations.iter().filter(tried).map(|o| o.began).min().unwrap_or(other.began);
            if shared || (one.ended < began && one.position > other.position) {
                let seen = format!(
                    "{} has position {}, and {}, which began later, {}",
                    one.id, one.position, other.id, other.position
                );
                let agreement = (*agreement).to_owned();
                found.push(Anomaly { agreement, kind: Kind::AgainstRealTime, seen });
            }
        }
    }
    found
}

pub(super) fn of_agreement(operations: &[&Operation], ceiling: u64) -> Vec<Seen> {
    let appends: Vec<Accepted<'_>> = operations.iter().filter_map(|o| accepted(o)).collect();
    let reads: Vec<Read> = operations.iter().filter_map(|o| read(o)).collect();
    let mut found = answers(operations, &appends);
    found.extend(versions(&appends));
    found.extend(events(operations, &appends));
    found.extend(stale(&appends, &reads));
    found.extend(above(&appends, ceiling));
    found
}

/// One request id, one answer.
fn answers(operations: &[&Operation], appends: &[Accepted<'_>]) -> Vec<Seen> {
    let mut found = Vec::new();
    let mut first: BTreeMap<&str, Accepted<'_>> = BTreeMap::new();
    for append in appends {
        let known = first.entry(append.id).or_insert(*append);
        if (known.version, known.position) != (append.version, append.position) {
            let seen = format!("{} is version {} and {}", append.id, known.version, append.version);
            found.push((Kind::DuplicateEffect, seen));
        }
    }
    let mut refused = BTreeMap::new();
    for operation in operations {
        let (Call::Append { request_id, .. }, Some((_, Answer::Refused(refusal)))) =
            (&operation.call, &operation.ended)
        else {
            continue;
        };
        let known = refused.entry(request_id.as_str()).or_insert(refusal);
        if *known != refusal || first.contains_key(request_id.as_str()) {
            found.push((
                Kind::AnswerChanged,
                format!("{request_id} was refused, and told otherwise"),
            ));
        }
    }
    found
}

/// One version, one request.
fn versions(appends: &[Accepted<'_>]) -> Vec<Seen> {
    let mut owner: BTreeMap<u64, &str> = BTreeMap::new();
    let mut found = Vec::new();
    for append in appends {
        let known = owner.entry(append.version).or_insert(append.id);
        if *known != append.id {
            let seen = format!("version {} was {known} and {}", append.version, append.id);
            found.push((Kind::LostWrite, seen));
        }
    }
    found
}

fn events(operations: &[&Operation], appends: &[Accepted<'_>]) -> Vec<Seen> {
    let mut found = Vec::new();
    for operation in operations {
        let Some((_, Answer::Events(events))) = &operation.ended else { continue };
        for (index, id) in events.iter().enumerate() {
            if events.iter().take(index).any(|earlier| earlier == id) {
                found.push((Kind::DuplicateEffect, format!("{id} is there twice")));
            }
        }
        for append in appends {
            let index = usize::try_from(append.version.saturating_sub(1)).unwrap_or(usize::MAX);
            if let Some(there) = events.get(index).filter(|there| *there != append.id) {
                let seen = format!("version {} was {} and is {there}", append.version, append.id);
                found.push((Kind::LostWrite, seen));
            }
        }
    }
    found
}

fn stale(appends: &[Accepted<'_>], reads: &[Read]) -> Vec<Seen> {
    let mut found = Vec::new();
    for read in reads {
        for append in appends {
            if append.ended < read.began && append.version > read.version {
                let seen =
                    format!("version {} after {} had {}", read.version, append.id, append.version);
                found.push((Kind::StaleRead, seen));
            }
        }
        for earlier in reads {
            if earlier.ended < read.began && earlier.version > read.version {
                let seen = format!("version {} after {} was read", read.version, earlier.version);
                found.push((Kind::ReadGoesBack, seen));
            }
        }
    }
    found
}

/// What is known to have been accepted up to a version is no more than what was there.
fn above(appends: &[Accepted<'_>], ceiling: u64) -> Vec<Seen> {
    let mut by_version: BTreeMap<u64, Accepted<'_>> = BTreeMap::new();
    for append in appends {
        by_version.entry(append.version).or_insert(*append);
    }
    let mut sum = 0_u64;
    let mut found = Vec::new();
    for append in by_version.values() {
        sum = sum.saturating_add(append.amount);
        if append.intent && sum > ceiling {
            let seen = format!("{} was accepted at a sum of {sum} under {ceiling}", append.id);
            found.push((Kind::AboveTheCeiling, seen));
        }
    }
    found
}
