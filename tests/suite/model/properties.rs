//! What holds of every random history, whatever the rules in detail.

use std::sync::Arc;

use contract_ledger::domain::admit::admit;
use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::date::Date;
use contract_ledger::domain::event::{
    AdmissionMode, CeilingKind, EventReversed, Payload, Recorded,
};
use contract_ledger::domain::id::{AgreementId, EventId, Position, Version};
use contract_ledger::domain::levels::Sums;
use contract_ledger::domain::scope::Scope;
use contract_ledger::domain::usage::Usage;

use super::generate::{Catalogue, World};
use super::history::History;

const SEEDS: u64 = 80;
const EVENTS: usize = 40;

/// The history of a seed as far as the product takes it, and the agreement after each of its events.
struct Told {
    history: History,
    states: Vec<Agreement>,
}

/// Plays a seed. Events that `is_wanted` leaves out are never asked.
fn told(seed: u64, is_wanted: impl Fn(&mut Recorded) -> bool) -> Told {
    let mut world = World::new(seed, Catalogue::Whole);
    let id = AgreementId::parse("A").unwrap();
    let mut told = Told {
        history: History::default(),
        states: vec![Agreement::new(id, Arc::default(), Date::END_OF_TIME)],
    };
    let signature = world.sign(&told.history);
    told.take(signature);
    for _ in 0..EVENTS {
        let mut event = world.next(&told.history);
        if is_wanted(&mut event) {
            told.take(event);
        }
    }
    told
}

impl Told {
    fn take(&mut self, mut event: Recorded) {
        let number = u64::try_from(self.history.events.len()).unwrap();
        event.position = Position::new(number);
        event.version = Version::new(number + 1);
        if let Ok(agreement) = admit(self.last().clone(), event.clone()) {
            self.states.push(agreement);
            self.history.events.push(event);
            self.history.overridden.push(None);
        }
    }

    fn last(&self) -> &Agreement {
        self.states.last().unwrap()
    }

    /// Every day on which an event holds, and the day after it.
    fn days(&self) -> Vec<Date> {
        let own = self.history.events.iter().map(|event| event.event.effective);
        own.flat_map(|date| [Some(date), date.plus_days(1)]).flatten().collect()
    }
}

fn sums_on(agreement: &Agreement, day: Date) -> Option<Vec<(Scope, Sums)>> {
    let usage = Usage::at(agreement, day)?;
    Some(usage.scopes.into_iter().map(|usage| (usage.scope, usage.sums)).collect())
}

#[test]
fn folding_a_prefix_gives_what_was_known_then() {
    for seed in 0..SEEDS {
        let told = told(seed, |_| true);
        for state in &told.states {
            let again = told.last().at_version(state.version(), Date::END_OF_TIME);
            for day in told.days() {
                assert_eq!(Usage::at(&again, day), Usage::at(state, day), "seed {seed}, {day}");
            }
            let open: Vec<_> = state.tracker().open().collect();
            assert_eq!(again.tracker().open().collect::<Vec<_>>(), open, "seed {seed}");
            let cleared: Vec<_> = state.tracker().cleared().collect();
            assert_eq!(again.tracker().cleared().collect::<Vec<_>>(), cleared, "seed {seed}");
        }
    }
}

#[test]
fn parts_add_up_to_every_scope() {
    for seed in 0..SEEDS {
        let told = told(seed, |_| true);
        for day in told.days() {
            let Some(scopes) = sums_on(told.last(), day) else { continue };
            let parts = told.last().parts(day);
            for (scope, sums) in scopes {
                let own = parts.iter().filter(|part| part.keys.scopes().any(|one| one == scope));
                let total = own.fold(Sums::default(), |total, part| total.plus(part.sums));
                assert_eq!(total, sums, "seed {seed}, {day}, {scope}");
            }
        }
    }
}

#[test]
fn orders_show_what_they_count() {
    for seed in 0..SEEDS {
        let told = told(seed, |_| true);
        for day in told.days() {
            let parts = told.last().parts(day);
            let in_parts = parts.iter().map(|part| part.orders).sum::<u64>();
            let placed = told.last().orders(day).into_iter().filter(|order| {
                order.status != contract_ledger::domain::call_off::OrderStatus::NotPlaced
            });
            assert_eq!(u64::try_from(placed.count()).unwrap(), in_parts, "seed {seed}, {day}");
        }
    }
}

/// Reversals are never refused for ceilings, and overrides lift them: neither is asked for here.
#[test]
fn intents_alone_never_bring_a_maximum_above_its_ceiling() {
    let mut accepted = 0;
    for seed in 0..SEEDS {
        let told = told(seed, |event| {
            event.event.mode = AdmissionMode::Intent;
            !matches!(event.event.payload, Payload::EventReversed(_) | Payload::OverrideGranted(_))
        });
        accepted += told.history.events.len();
        for day in told.days() {
            let Some(usage) = Usage::at(told.last(), day) else { continue };
            for scope in usage.scopes {
                let holds = scope.kind == CeilingKind::Estimate || !scope.remaining.is_negative();
                assert!(holds, "seed {seed}, {day}: {scope:?}");
            }
        }
    }
    assert!(accepted > usize::try_from(SEEDS).unwrap() * 6, "only {accepted} were accepted");
}

#[test]
fn reversing_the_last_event_restores_the_earlier_sums() {
    for seed in 0..SEEDS {
        let told = told(seed, |_| true);
        for (index, event) in told.history.events.iter().enumerate().skip(1) {
            // What an order has drawn to itself stays in its scopes, with nothing ordered.
            let draws = matches!(event.event.payload, Payload::OrderPlaced(_));
            if draws || matches!(event.event.payload, Payload::EventReversed(_)) {
                continue;
            }
            let (before, after) = (&told.states[index], &told.states[index + 1]);
            let reversal = Recorded {
                position: Position::new(event.position.get() + 1),
                version: Version::new(event.version.get() + 1),
                event_id: EventId::from_uuid(uuid::Uuid::from_u128(u128::MAX)),
                recorded: event.recorded,
                event: contract_ledger::domain::event::Event {
                    corrects: None,
                    payload: Payload::EventReversed(EventReversed { target: event.event_id }),
                    ..event.event.clone()
                },
            };
            let restored = admit(after.clone(), reversal).unwrap();
            for day in told.days() {
                let told = (sums_on(&restored, day), sums_on(before, day));
                assert_eq!(told.0, told.1, "seed {seed}, event {index}, {day}");
            }
        }
    }
}
