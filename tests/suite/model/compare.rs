//! Model and product decide and answer the same on random histories.
//!
//! A failure prints the seed, a history from which everything needless is dropped, and both answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use contract_ledger::domain::admit::admit;
use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::date::Date;
use contract_ledger::domain::event::Recorded;
use contract_ledger::domain::finding::Finding;
use contract_ledger::domain::id::{AgreementId, Position, Version};
use contract_ledger::domain::reason::Reason;
use contract_ledger::domain::refusal::Refusal;
use contract_ledger::domain::usage::Usage;

use super::admission::{Refusals, decide};
use super::episodes::{Episode, episodes};
use super::generate::{Catalogue, World};
use super::history::History;
use super::random::Random;
use super::sums::{forecast, state, usage};
use super::tell::tell;

const SEEDS: u64 = 250;
/// How many differences a failure tells in full.
const TOLD_MAX: usize = 5;
const EVENTS_MAX: i64 = 40;
/// How many points of the two times are compared in each history.
const POINTS: u32 = 8;
/// At every so many of them the findings too, which costs a fold for each event.
const FINDINGS_EVERY: u32 = 4;

/// Rules whose findings are not compared: none here, but a place to narrow a difference down.
const LEFT_OUT: &[Reason] = &[Reason::UnknownFinding];

/// What differs, from which events it follows, and as of which day it shows.
#[derive(Debug)]
struct Difference {
    events: Vec<Recorded>,
    as_of: Option<Date>,
    text: String,
}

#[test]
fn model_and_product_agree_on_orders_and_invoices() {
    compare(Catalogue::Core);
}

#[test]
fn model_and_product_agree_on_every_event() {
    compare(Catalogue::Whole);
}

fn compare(catalogue: Catalogue) {
    let mut accepted = 0;
    let mut told = Vec::new();
    let mut failed = 0;
    for seed in 0..SEEDS {
        match run(seed, catalogue) {
            Ok(count) => accepted += count,
            Err(difference) => {
                failed += 1;
                if told.len() < TOLD_MAX {
                    let Difference { events, as_of, text } = shrink(difference);
                    told.push(format!("seed {seed}, as of {as_of:?}\n{}\n{text}", tell(&events)));
                }
            }
        }
    }
    assert!(told.is_empty(), "{failed} of {SEEDS} differ\n{}", told.join("\n\n"));
    // Histories in which everything is refused would prove nothing.
    assert!(accepted > usize::try_from(SEEDS).unwrap() * 8, "only {accepted} events were accepted");
}

/// Makes one history event by event, and compares decisions and answers.
fn run(seed: u64, catalogue: Catalogue) -> Result<usize, Difference> {
    let mut world = World::new(seed, catalogue);
    let mut both = Both::new();
    let signature = world.sign(&both.history);
    both.take(signature)?;
    for _ in 0..world.random.between(10, EVENTS_MAX) {
        let event = world.next(&both.history);
        both.take(event)?;
    }
    let mut random = Random::new(seed ^ 0xABCD);
    for point in 0..POINTS {
        let count = i64::try_from(both.history.events.len()).unwrap();
        let known = if point % 2 == 0 { count } else { random.between(1, count) };
        let known = usize::try_from(known).unwrap();
        let near = random.one_of(&both.history.events).event.effective;
        let as_of = near.plus_days(random.between(-1, 20)).unwrap();
        let findings = point % FINDINGS_EVERY == 0;
        if let Some(text) = both.difference_at(known, as_of, findings) {
            let events = both.history.events[..known].to_vec();
            return Err(Difference { events, as_of: Some(as_of), text });
        }
    }
    Ok(both.history.events.len())
}

/// Drops events as long as a difference remains.
fn shrink(difference: Difference) -> Difference {
    let mut smallest = difference;
    loop {
        let smaller = (1..smallest.events.len()).rev().find_map(|index| {
            let mut events = smallest.events.clone();
            events.remove(index);
            replay(&events, smallest.as_of)
        });
        match smaller {
            Some(difference) => smallest = difference,
            None => return smallest,
        }
    }
}

/// What still differs when only these events come.
fn replay(events: &[Recorded], as_of: Option<Date>) -> Option<Difference> {
    let mut both = Both::new();
    for event in events {
        if let Err(difference) = both.take(event.clone()) {
            return as_of.is_none().then_some(difference);
        }
    }
    let as_of = as_of?;
    let known = both.history.events.len();
    let text = both.difference_at(known, as_of, true)?;
    Some(Difference { events: both.history.events, as_of: Some(as_of), text })
}

/// The same history in model and product.
struct Both {
    history: History,
    product: Agreement,
}

impl Both {
    fn new() -> Self {
        let id = AgreementId::parse("A").unwrap();
        let product = Agreement::new(id, Arc::default(), Date::END_OF_TIME);
        Self { history: History::default(), product }
    }

    /// Takes one more event, unless both refuse it for the same reasons.
    fn take(&mut self, mut event: Recorded) -> Result<(), Difference> {
        let number = u64::try_from(self.history.events.len()).unwrap();
        event.position = Position::new(number);
        event.version = Version::new(number + 1);
        let model = decide(&self.history, &event);
        let asked = AssertUnwindSafe(|| admit(self.product.clone(), event.clone()));
        let product = catch_unwind(asked);
        let mut events = self.history.events.clone();
        events.push(event.clone());
        let differ = |text: String| Err(Difference { events, as_of: None, text });
        match (model, product) {
            (_, Err(_)) => differ("the product panicked".to_owned()),
            (Ok(used), Ok(Ok(agreement))) => {
                self.product = agreement;
                self.history.events.push(event);
                self.history.overridden.push(used);
                Ok(())
            }
            (Err(model), Ok(Err(product))) if model == reasons(&product) => Ok(()),
            (model, Ok(product)) => {
                let product = product.map(|_| ()).map_err(|refusals| reasons(&refusals));
                differ(format!("model {}\nproduct {}", decision(&model), decision(&product)))
            }
        }
    }

    /// What differs as of a day, as known by so many events.
    fn difference_at(&self, known: usize, as_of: Date, findings: bool) -> Option<String> {
        let events: Vec<_> = self.product.events().take(known).map(Arc::clone).collect();
        let refold = AssertUnwindSafe(|| self.product.refold(&events, as_of));
        let Ok(product) = catch_unwind(refold) else {
            return Some("the product panicked".to_owned());
        };
        let (model_sums, product_sums) = (self.model_sums(known, as_of), sums(&product, as_of));
        if model_sums != product_sums {
            return Some(sides(&model_sums, &product_sums));
        }
        // What is wrong before the signature is nobody's question.
        if !findings || model_sums.is_empty() {
            return None;
        }
        let looked_at = |episode: &Episode| !LEFT_OUT.contains(&episode.rule);
        let mut model = episodes(&self.history, known, as_of);
        model.retain(looked_at);
        let model: Vec<String> = model.iter().map(episode_text).collect();
        let tracker = product.tracker();
        let mut found: Vec<Episode> =
            tracker.open().chain(tracker.cleared()).map(episode).collect();
        found.retain(looked_at);
        found.sort();
        let product: Vec<String> = found.iter().map(episode_text).collect();
        (model != product).then(|| sides(&model, &product))
    }

    fn model_sums(&self, known: usize, as_of: Date) -> Vec<String> {
        let Some(fold) = self.history.fold(known, as_of) else { return Vec::new() };
        if fold.signed > as_of {
            return Vec::new();
        }
        let mut lines = Vec::new();
        for (scope, used) in usage(&fold) {
            let sums = used.sums;
            let figures = [
                sums.reserved,
                sums.committed,
                sums.invoiced,
                sums.prepaid,
                sums.paid,
                sums.exposure,
                used.ceiling,
                used.remaining,
            ];
            let figures = figures.map(|amount| amount.to_text(fold.currency()));
            let ppm = used.usage_ppm.map(|ppm| ppm.to_string());
            lines.push(format!("{scope} {:?} {figures:?} {ppm:?}", used.kind));
        }
        let told = forecast(&fold).map(|forecast| {
            let days_left = forecast.days_left.to_string();
            (forecast.elapsed, days_left, forecast.run_out, forecast.end)
        });
        lines.push(format!("{told:?}"));
        lines.push(state(&fold).to_owned());
        lines
    }
}

fn sums(product: &Agreement, as_of: Date) -> Vec<String> {
    let Some(usage) = Usage::at(product, as_of) else { return Vec::new() };
    let mut lines = Vec::new();
    let mut scopes: Vec<_> = usage.scopes.iter().collect();
    scopes.sort_by(|one, other| one.scope.cmp(&other.scope));
    for used in scopes {
        let sums = used.sums;
        let figures = [
            sums.reserved,
            sums.committed,
            sums.invoiced,
            sums.prepaid,
            sums.paid,
            sums.exposure,
            used.ceiling,
            used.remaining,
        ];
        let figures = figures.map(|amount| amount.to_text(usage.currency));
        let ppm = used.usage_ppm.map(|ppm| ppm.to_string());
        lines.push(format!("{} {:?} {figures:?} {ppm:?}", used.scope, used.kind));
    }
    let told = usage.forecast.map(|forecast| {
        let days_left = forecast.days_left.to_string();
        (forecast.elapsed_days, days_left, forecast.run_out, forecast.end)
    });
    lines.push(format!("{told:?}"));
    lines.push(product.state(as_of).map_or(String::new(), |state| format!("{state:?}")));
    lines
}

fn reasons(refusals: &[Refusal]) -> Refusals {
    refusals
        .iter()
        .map(|refusal| {
            let breach = match (&refusal.breach, refusal.reason) {
                (Some(breach), Reason::CeilingExceeded) => {
                    format!("{} {}", breach.scope, breach.excess.amount_text())
                }
                _ => String::new(),
            };
            (refusal.reason, breach)
        })
        .collect()
}

fn decision<T>(decision: &Result<T, Refusals>) -> String {
    match decision {
        Ok(_) => "accepts".to_owned(),
        Err(refusals) => format!("refuses: {refusals:?}"),
    }
}

fn episode(finding: &Finding) -> Episode {
    Episode {
        rule: finding.key.rule,
        subject: finding.key.subject.to_string(),
        known: finding.known,
        cleared: finding.cleared,
        amount: finding.amount.map(|amount| amount.to_string()),
    }
}

fn episode_text(episode: &Episode) -> String {
    let Episode { rule, subject, known, cleared, amount } = episode;
    let cleared = cleared.map_or("open".to_owned(), |cleared| format!("cleared {cleared}"));
    let amount = amount.as_deref().unwrap_or("-");
    format!("{rule} {subject} {amount} known {known} {cleared}")
}

/// The lines that only one side has.
fn sides(model: &[String], product: &[String]) -> String {
    let only = |one: &[String], other: &[String]| {
        let lines = one.iter().filter(|line| !other.contains(line));
        lines.fold(String::new(), |text, line| text + "\n  " + line)
    };
    format!("only the model:{}\nonly the product:{}", only(model, product), only(product, model))
}
