//! The random histories meet every rule: a rule that they never meet is not compared.

use std::collections::BTreeMap;

use contract_ledger::domain::reason::Reason;

use super::admission::decide;
use super::episodes::episodes;
use super::generate::{Catalogue, World};
use super::history::History;

const SEEDS: u64 = 120;
const EVENTS: usize = 40;

/// Told at the edge or by the ledger, or about findings, which the model does not tell apart.
const ELSEWHERE: &[Reason] = &[
    Reason::MalformedAmount,
    Reason::UnknownCurrency,
    Reason::VersionConflict,
    Reason::UnknownFinding,
    Reason::AgreementExists,
];

#[test]
fn random_histories_meet_every_rule() {
    let mut seen: BTreeMap<Reason, u32> = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut world = World::new(seed, Catalogue::Whole);
        let mut history = History::default();
        let signature = world.sign(&history);
        history.events.push(signature);
        history.overridden.push(None);
        for _ in 0..EVENTS {
            let event = world.next(&history);
            match decide(&history, &event) {
                Ok(used) => {
                    history.events.push(event);
                    history.overridden.push(used);
                }
                Err(refusals) => {
                    for (reason, _) in refusals {
                        *seen.entry(reason).or_default() += 1;
                    }
                }
            }
        }
        let last = history.events.iter().map(|event| event.event.effective).max().unwrap();
        for episode in episodes(&history, history.events.len(), last) {
            *seen.entry(episode.rule).or_default() += 1;
        }
    }
    let missed: Vec<&Reason> = Reason::ALL
        .iter()
        .filter(|reason| !ELSEWHERE.contains(reason) && !seen.contains_key(reason))
        .collect();
    assert!(missed.is_empty(), "never met: {missed:?}, met: {seen:?}");
}
