//! A call-off that is changed document by document is what it is when it is walked anew.

mod story;

use std::collections::BTreeMap;

use super::conditions::Judgement;
use super::walk::{Touch, Walk};
use super::{CallOff, Entry, fold};
use crate::domain::charter::Charter;
use crate::domain::date::Date;
use crate::domain::finding::{Condition, FindingKey};
use crate::domain::id::Position;
use crate::domain::levels::{ScopeSums, Sums, Timeline};
use crate::domain::reason::Reason;
use crate::domain::scope::{Scope, ScopeKeys};

use story::{Story, charter, day};

const SEEDS: u64 = 20;
const STEPS: u64 = 180;
/// Of a hundred steps so many take out a document.
const REVERSALS: u64 = 15;

/// Everything that could be judged.
fn everything(walk: &Walk) -> Vec<Touch> {
    let accounts = || walk.accounts.values();
    let credits = accounts().flat_map(|one| &one.credits).cloned().map(Touch::CreditNote);
    let payments = accounts().flat_map(|one| &one.payments).cloned().map(Touch::Payment);
    [Touch::Placement, Touch::NotOpen].into_iter().chain(credits).chain(payments).collect()
}

/// The sums of a walk, added up document by document.
fn sums_of_parts(walk: &Walk, charter: &Charter) -> ScopeSums {
    let mut walk = walk.clone();
    walk.offset_anew();
    let mut sums = walk.sums(charter);
    for scope in sums.scopes().cloned().collect::<Vec<_>>() {
        let counted = sums.of(&scope);
        sums.add(scope, Sums::default().minus(counted));
    }
    let mut add = |keys: &ScopeKeys, one| {
        for scope in keys.scopes().filter(|scope| charter.has_scope(scope)) {
            sums.add(scope, one);
        }
    };
    for (_, keys, one) in walk.parts() {
        add(keys, one);
    }
    for payment in walk.payments_on_unknown() {
        let paid = walk.amount(payment.stated().value);
        add(&ScopeKeys::default(), Sums { paid, ..Sums::default() });
    }
    sums
}

/// Every document walked anew; each day judged as a whole, and by itself.
fn anew(
    call_off: &CallOff,
    charter: &Charter,
    horizon: Date,
) -> (Timeline, BTreeMap<FindingKey, Condition>) {
    let mut walk = Walk::new(charter.terms().currency);
    let mut timeline = Timeline::new();
    let mut broken: BTreeMap<FindingKey, Condition> = BTreeMap::new();
    let entries: Vec<&Entry> = call_off.entries().collect();
    for day in entries.chunk_by(|left, right| left.place().0 == right.place().0) {
        let date = day[0].place().0;
        for entry in day {
            walk.absorb(entry, charter, &mut Vec::new());
        }
        timeline.push((date, sums_of_parts(&walk, charter)));
        if date > horizon {
            continue;
        }
        let mut judgement = Judgement::default();
        judgement.judge(&walk, charter, date, &everything(&walk));
        let mut now: BTreeMap<FindingKey, Condition> =
            judgement.conditions().all().into_iter().collect();
        for (key, condition) in &mut now {
            let earlier = broken.get(key).map(|earlier| earlier.since);
            if matches!(key.rule, Reason::OverInvoiced | Reason::Overpaid) {
                condition.since = earlier.unwrap_or(date);
            }
        }
        broken = now;
    }
    (timeline, broken)
}

/// What a timeline says from a day on.
fn from(timeline: &Timeline, date: Date) -> Vec<(Date, Vec<(Scope, Sums)>)> {
    let of = |sums: &ScopeSums| {
        let all = sums.scopes().map(|scope| (scope.clone(), sums.of(scope)));
        all.filter(|(_, sums)| !sums.is_zero()).collect()
    };
    let later = timeline.iter().filter(|(from, _)| *from >= date);
    later.map(|(date, sums)| (*date, of(sums))).collect()
}

#[test]
fn followed_step_by_step_it_is_what_it_is_walked_anew() {
    let charter = charter();
    let mut longest = 0;
    for seed in 0..SEEDS {
        let mut story = Story::new(seed);
        let middle = day(story.days / 2);
        let horizon = story.random.one_of(&[Date::END_OF_TIME, Date::END_OF_TIME, middle]);
        let mut was = Timeline::new();
        for step in 0..STEPS {
            let old = story.call_off.clone();
            let told = story.step();
            let at = format!("seed {seed}, step {step}: {told}");
            let new = &mut story.call_off;
            let folded = new.fold(&old, &charter, horizon);
            let (timeline, broken) = anew(new, &charter, horizon);
            let begins = [&folded.before, &folded.timeline].map(|one| one.first());
            let first = begins.into_iter().flatten().map(|(date, _)| *date).min();
            let first = first.unwrap_or(Date::BEGINNING_OF_TIME);
            assert_eq!(from(&folded.timeline, first), from(&timeline, first), "{at}");
            assert_eq!(from(&folded.before, first), from(&was, first), "{at}: before");
            was = timeline;
            let told: BTreeMap<_, _> = new.judgement.conditions().all().into_iter().collect();
            assert_eq!(told, broken, "{at}: conditions");
            let cut = (day(story.random.below(story.days)), Position::new(u64::MAX));
            let walk = new.walk_before(&charter, cut);
            assert_eq!(walk.sums(&charter), sums_of_parts(&walk, &charter), "{at}: a view");
            longest = longest.max(new.entries.len());
        }
    }
    assert!(longest > 2 * fold::LONG_FROM, "only {longest} documents");
}

#[test]
fn what_holds_for_a_part_of_a_day_only_was_broken_all_along() {
    let charter = charter();
    let mut call_off = CallOff::default();
    let mut since = |date: u64, number: u64, value: u64| {
        let old = call_off.clone();
        call_off.insert(story::order_worth(date, number, value));
        call_off.fold(&old, &charter, Date::END_OF_TIME);
        let all = call_off.judgement.conditions().all();
        let over = all.iter().find(|(key, _)| key.rule == Reason::OverInvoiced);
        over.map(|(_, condition)| condition.since)
    };
    assert_eq!(since(0, 1, 100), None);
    assert_eq!(since(1, 2, 0), Some(day(1)), "invoiced for 150");
    assert_eq!(since(5, 3, 200), None, "the order is worth more");
    assert_eq!(since(5, 4, 120), Some(day(1)), "and less again on the same day");
    assert_eq!(since(6, 5, 200), None);
    assert_eq!(since(7, 6, 120), Some(day(7)), "a day ended on which it held");
}

/// Sums by scope of each day, and what is broken.
type Said = (Vec<(Date, Vec<(Scope, Sums)>)>, BTreeMap<FindingKey, Condition>);

/// What a call-off of a few documents says from its last change on, followed and walked anew.
fn followed(documents: &[Entry]) -> [Said; 2] {
    let charter = charter();
    let mut call_off = CallOff::default();
    let mut folded = None;
    for document in documents {
        let old = call_off.clone();
        call_off.insert(document.clone());
        folded = Some(call_off.fold(&old, &charter, Date::END_OF_TIME));
    }
    let timeline = folded.map(|folded| folded.timeline).unwrap_or_default();
    let told = call_off.judgement.conditions().all().into_iter().collect();
    let (timeline_anew, broken) = anew(&call_off, &charter, Date::END_OF_TIME);
    let begin = timeline.first().map_or(Date::BEGINNING_OF_TIME, |(date, _)| *date);
    [(from(&timeline, begin), told), (from(&timeline_anew, begin), broken)]
}

#[test]
fn a_release_in_another_currency_changes_the_one_in_which_an_invoice_is_overpaid() {
    let documents = [
        story::invoice_in_euro(1, 10),
        story::paid_in_euro(2, 20),
        story::withheld_in_euro(3, 1),
        story::released_in_kroner(4, 5),
    ];
    let [before, _] = followed(&documents[..3]);
    let [after, after_anew] = followed(&documents);
    let overpaid = |(_, told): &Said| {
        let found = told.iter().find(|(key, _)| key.rule == Reason::Overpaid);
        found.and_then(|(_, condition)| condition.amount).map(|amount| amount.to_string())
    };
    assert_eq!(overpaid(&before).as_deref(), Some("10.00 EUR"));
    assert_eq!(overpaid(&after).as_deref(), Some("115.00 NOK"), "at 11.5");
    assert_eq!(after, after_anew);
}

#[test]
fn invoices_that_lower_each_other_in_a_ring_are_counted_anew_with_every_other_invoice() {
    // How far a ring is followed depends on how many invoices there are, and with it whose lot counts.
    let documents = [
        story::invoice_lowering(1, "I1", Some("I2"), "L1", 10),
        story::invoice_lowering(2, "I2", Some("I1"), "L2", 20),
        story::invoice_lowering(3, "I3", None, "L2", 7),
        story::invoice_lowering(4, "I4", None, "L2", 7),
    ];
    for count in 1..=documents.len() {
        let [told, anew] = followed(&documents[..count]);
        assert_eq!(told, anew, "after {count}");
    }
}
