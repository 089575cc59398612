//! What must hold of the records themselves and of what the witness says of them.
//!
//! It must not ask the server; it gets what was read.

use std::collections::BTreeMap;

use contract_ledger::wire::v1;

use crate::outcome::Outcome;
use crate::shared::is_duplicate;
use crate::witness::{Witness, Witnessed, content_hash};

/// The records of one request.
type Group<'a> = &'a [v1::Record];

/// Everything that is wrong, each as what was expected and what was found.
pub(crate) fn check(
    records: &[v1::Record],
    read_before: &[v1::Record],
    witness: &Witness,
) -> Vec<String> {
    let mut wrong = Vec::new();
    in_order(records, &mut wrong);
    still_there(records, read_before, &mut wrong);
    let mut groups: BTreeMap<&str, Group<'_>> = BTreeMap::new();
    for group in records.chunk_by(|one, next| one.request_id == next.request_id) {
        let id = group[0].request_id.as_str();
        if groups.insert(id, group).is_some() {
            wrong.push(format!("request {id}: recorded twice, or not in one piece"));
        }
        whole(group, witness.get(id), &mut wrong);
    }
    for (id, known) in witness.all() {
        as_answered(id, known, groups.get(id.as_str()).copied(), records, &mut wrong);
    }
    wrong
}

fn in_order(records: &[v1::Record], wrong: &mut Vec<String>) {
    for (expected, record) in (0_u64..).zip(records) {
        if record.position != expected {
            wrong.push(format!("expected position {expected}; found {}", record.position));
        }
    }
    for pair in records.windows(2) {
        let [before, after] = [&pair[0], &pair[1]].map(|one| one.recorded_time.unwrap_or_default());
        if (after.seconds, after.nanos) < (before.seconds, before.nanos) {
            let at = pair[1].position;
            wrong.push(format!("position {at}: recorded time {after:?} is before {before:?}"));
        }
    }
}

/// What was read once is durable: it is there for ever, unchanged.
fn still_there(records: &[v1::Record], before: &[v1::Record], wrong: &mut Vec<String>) {
    if records.len() < before.len() {
        let (now, then) = (records.len(), before.len());
        wrong.push(format!("expected at least {then} records, as read before; found {now}"));
    }
    let changed = records.iter().zip(before).find(|(now, then)| now != then);
    if let Some((now, _)) = changed {
        wrong.push(format!("position {}: not the record that was read before", now.position));
    }
}

/// A request is there with all its events, as they were sent, or refused as a whole.
fn whole(group: Group<'_>, known: Option<&Witnessed>, wrong: &mut Vec<String>) {
    let first = &group[0];
    let (id, at) = (&first.request_id, first.position);
    let Some(Witnessed { request, .. }) = known else {
        wrong.push(format!("position {at}: request {id} was never sent"));
        return;
    };
    let mut events = Vec::new();
    for (index, record) in (0_u32..).zip(group) {
        match &record.entry {
            Some(v1::record::Entry::Event(recorded)) => {
                if recorded.request_index != index {
                    wrong.push(format!(
                        "position {}: not the event {index} of {id}",
                        record.position
                    ));
                }
                events.extend(recorded.event.clone());
            }
            Some(v1::record::Entry::Refusal(refused)) => events.extend(refused.events.clone()),
            None => {}
        }
    }
    let stored = v1::AppendEventsRequest {
        request_id: id.clone(),
        agreement_id: first.agreement_id.clone(),
        expected_version: first.expected_version,
        validate_only: false,
        want_receipts: false,
        events,
    };
    let (sent, found) = (content_hash(request), content_hash(&stored));
    if sent != found {
        let (sent_events, found_events) = (request.events.len(), stored.events.len());
        wrong.push(format!(
            "request {id} at position {at}: expected the {sent_events} events of content {sent}; \
             found {found_events} of {found}"
        ));
    }
}

fn as_answered(
    id: &str,
    known: &Witnessed,
    group: Option<Group<'_>>,
    records: &[v1::Record],
    wrong: &mut Vec<String>,
) {
    let Some(outcome) = &known.outcome else { return };
    match (outcome, group) {
        (Outcome::Open { .. }, _) | (Outcome::NotRecorded { .. }, None) => {}
        (Outcome::NotRecorded { reason }, Some(group)) => {
            let at = group[0].position;
            wrong.push(format!(
                "request {id}: expected nothing, as {reason} said; found it at {at}"
            ));
        }
        (Outcome::Accepted(answer), group) => {
            if group.is_none() && !is_duplicate(outcome) {
                wrong.push(format!("request {id}: acknowledged and lost: {outcome}"));
                return;
            }
            for told in &answer.events {
                let index = usize::try_from(told.position).unwrap_or(usize::MAX);
                let found = records.get(index).and_then(|record| match &record.entry {
                    Some(v1::record::Entry::Event(event)) => Some((record, event)),
                    _ => None,
                });
                let as_told = found.is_some_and(|(record, event)| {
                    event.event_id == told.event_id
                        && event.agreement_version == told.agreement_version
                        && record.recorded_time == told.recorded_time
                        && (told.duplicate || record.request_id == id)
                });
                if !as_told {
                    wrong.push(format!("request {id}: expected {told:?}; found {found:?}"));
                }
            }
        }
        (Outcome::Refused { details, .. }, group) => {
            let found = group.and_then(|group| match &group[0].entry {
                Some(v1::record::Entry::Refusal(refused)) => Some((group[0].position, refused)),
                _ => None,
            });
            let as_told = found.is_some_and(|(position, refused)| {
                let reasons = |refusals: &[v1::Refusal]| -> Vec<String> {
                    refusals.iter().map(|refusal| refusal.reason.clone()).collect()
                };
                let (told, kept) = (reasons(&details.refusals), reasons(&refused.refusals));
                details.position == Some(position) && kept.starts_with(&told)
            });
            if !as_told {
                wrong.push(format!("request {id}: expected {outcome}; found {found:?}"));
            }
        }
    }
}
