//! The whole made-up history, event by event, in the order of recording.
//!
//! Each agreement is a stream of its own, made day by day; the streams are merged by recorded time.
//! What is held in memory is what is under way: a purchase from its order to its last payment, one
//! entry each, and never the events of the past or of the future.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, VecDeque};

use prost_types::Timestamp;
use uuid::Builder;

use super::call_off::{Basis, CallOff, plan_call_off};
use super::contract::Contract;
use super::life::{Milestone, milestones};
use super::message::{payload, person};
use super::moment::{days_after, end_of_day, start_of_day};
use super::plan::{INVOICE_PARTS, Plan, parts_per_day, weight};
use super::random::Random;
use crate::domain::date::Date;
use crate::wire::v1;
use crate::wire::v1::event::Payload;

/// Invoices that all agreements together have in a year at scale 1: a municipality of about 100 000
/// inhabitants.
pub const INVOICES_PER_YEAR: u64 = 260_000;
/// Parts of scale 1.
pub const SCALE_PARTS: u64 = 1_000_000;
/// Largest scale: a thousand municipalities.
pub const SCALE_PARTS_MAX: u64 = 1_000 * SCALE_PARTS;
/// System that every event names as its source.
pub const SOURCE_SYSTEM: &str = "generated";

/// Of a thousand orders so many are one of two for the same purchase.
const SPLITS_PER_MILLE: u64 = 12;
/// [`INVOICE_PARTS`] as what can be owed too.
const INVOICE_PARTS_SIGNED: i64 = 1_000_000_000;
const MICROSECONDS: i64 = 1_000_000;
const NANOSECONDS_PER_MICROSECOND: i64 = 1_000;

/// What history is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryOptions {
    /// The same seed, the same history.
    pub seed: u64,
    /// Scale in millionths: 1 000 000 is [`INVOICES_PER_YEAR`].
    pub scale_parts: u64,
    /// First day of recording. An agreement signed before is taken in on this day.
    pub from: Date,
    /// Last day of recording.
    pub to: Date,
}

/// A history under way.
#[derive(Debug)]
pub struct History {
    /// Next recorded time of each agreement that has more, then its place.
    order: BTreeSet<(i64, usize)>,
    agreements: Vec<AgreementHistory>,
}

impl History {
    /// The history of some agreements. Those that end before the first day or are signed after the
    /// last are left out.
    pub fn of(contracts: Vec<Contract>, options: HistoryOptions) -> Self {
        let weights: u64 = contracts.iter().map(weight).sum();
        let year_parts = u128::from(INVOICES_PER_YEAR)
            * u128::from(options.scale_parts.min(SCALE_PARTS_MAX))
            * u128::from(INVOICE_PARTS / SCALE_PARTS);
        let mut agreements = Vec::new();
        for (place, contract) in (0_u64..).zip(contracts) {
            let rate = parts_per_day(year_parts, weight(&contract), weights);
            agreements.extend(AgreementHistory::begin(contract, options, place, rate));
        }
        let mut order = BTreeSet::new();
        for (place, agreement) in agreements.iter_mut().enumerate() {
            if let Some(recorded) = agreement.next_recorded() {
                order.insert((recorded, place));
            }
        }
        Self { order, agreements }
    }
}

impl Iterator for History {
    type Item = v1::ImportEventsRequest;

    fn next(&mut self) -> Option<v1::ImportEventsRequest> {
        let (_, place) = self.order.pop_first()?;
        let agreement = self.agreements.get_mut(place)?;
        let request = agreement.next_request();
        if let Some(recorded) = agreement.next_recorded() {
            self.order.insert((recorded, place));
        }
        request
    }
}

/// The history of one agreement.
#[derive(Debug)]
struct AgreementHistory {
    contract: Contract,
    plan: Plan,
    random: Random,
    /// Ids of requests come from a stream of their own, so that the events do not depend on them.
    ids: Random,
    milestones: VecDeque<Milestone>,
    /// Purchases under way, by the recorded time of their next step, then their number.
    under_way: BinaryHeap<Reverse<Waiting>>,
    next_day: Date,
    last_recorded: i64,
    /// Invoices that are due by now and not yet planned, in parts; negative when ahead.
    parts_due: i64,
    call_offs: u64,
    events: u64,
}

/// A purchase that waits for its next step.
#[derive(Debug)]
struct Waiting {
    recorded: i64,
    call_off: CallOff,
}

impl Waiting {
    fn key(&self) -> (i64, u64) {
        (self.recorded, self.call_off.number)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl AgreementHistory {
    fn begin(
        contract: Contract,
        options: HistoryOptions,
        place: u64,
        parts_per_day: u64,
    ) -> Option<Self> {
        let mut random = Random::new(options.seed, place * 2);
        let plan = Plan::of(&contract, options.from, parts_per_day, &mut random);
        if plan.last < options.from || contract.signed_on > options.to {
            return None;
        }
        let milestones = milestones(&contract, &plan, options.from, &mut random);
        // The day after the signature is taken in, so that nothing comes before it.
        let next_day = days_after(plan.first, 1);
        let parts_due = i64::try_from(random.below(INVOICE_PARTS)).unwrap_or(0);
        Some(Self {
            contract,
            plan,
            random,
            ids: Random::new(options.seed, place * 2 + 1),
            milestones: milestones.into(),
            under_way: BinaryHeap::new(),
            next_day,
            last_recorded: end_of_day(options.to),
            parts_due,
            call_offs: 0,
            events: 0,
        })
    }

    /// When the next event is recorded. Plans the days before it.
    fn next_recorded(&mut self) -> Option<i64> {
        loop {
            let milestone = self.milestones.front().map(|milestone| milestone.recorded);
            let step = self.under_way.peek().map(|Reverse(waiting)| waiting.recorded);
            let next = [milestone, step].into_iter().flatten().min();
            let has_days = self.next_day <= self.plan.last;
            let planned_until = start_of_day(self.next_day);
            match next {
                Some(recorded) if !has_days || recorded < planned_until => {
                    return (recorded <= self.last_recorded).then_some(recorded);
                }
                _ if has_days && planned_until <= self.last_recorded => self.plan_day(),
                Some(_) | None => return None,
            }
        }
    }

    fn plan_day(&mut self) {
        let day = self.next_day;
        self.next_day = days_after(day, 1);
        let parts = i64::try_from(self.plan.parts_per_day).unwrap_or(i64::MAX / 2);
        self.parts_due = self.parts_due.saturating_add(parts);
        while self.parts_due >= INVOICE_PARTS_SIGNED {
            let first = self.plan_call_off(day);
            if first.basis == Basis::Order && self.random.chance(SPLITS_PER_MILLE) {
                let mut second = self.plan_call_off(day);
                if second.basis == Basis::Order {
                    second.split_from(&first);
                }
                self.wait(second);
            }
            self.wait(first);
        }
    }

    fn plan_call_off(&mut self, day: Date) -> CallOff {
        self.call_offs += 1;
        let (call_off, invoices) = plan_call_off(
            &self.plan,
            &mut self.random,
            self.call_offs,
            day,
            &self.contract.deliveries,
            self.contract.signed.buyers.len(),
        );
        // A purchase without an invoice takes a little too, so that the day ends.
        let taken = i64::try_from(invoices).unwrap_or(i64::MAX);
        let taken = taken.saturating_mul(INVOICE_PARTS_SIGNED).max(INVOICE_PARTS_SIGNED / 8);
        self.parts_due = self.parts_due.saturating_sub(taken);
        call_off
    }

    /// Lets a purchase wait for its next step. One without has ended.
    fn wait(&mut self, call_off: CallOff) {
        if let Some(step) = call_off.steps.as_slice().first() {
            self.under_way.push(Reverse(Waiting { recorded: step.recorded, call_off }));
        }
    }

    fn next_request(&mut self) -> Option<v1::ImportEventsRequest> {
        let milestone = self.milestones.front().map(|milestone| milestone.recorded);
        let step = self.under_way.peek().map(|Reverse(waiting)| waiting.recorded);
        let is_milestone = match (milestone, step) {
            (Some(milestone), Some(step)) => milestone <= step,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if is_milestone {
            let Milestone { recorded, effective, mode, payload } = self.milestones.pop_front()?;
            return Some(self.request(recorded, effective, mode, "contract-manager-1", payload));
        }
        let Reverse(Waiting { mut call_off, .. }) = self.under_way.pop()?;
        let step = call_off.steps.next()?;
        let stated = payload(&self.contract, &call_off, step);
        let who = person(&call_off, step.what);
        self.wait(call_off);
        let mode = v1::AdmissionMode::Fact;
        Some(self.request(step.recorded, step.effective, mode, &who, stated))
    }

    fn request(
        &mut self,
        recorded: i64,
        effective: Date,
        mode: v1::AdmissionMode,
        person: &str,
        payload: Payload,
    ) -> v1::ImportEventsRequest {
        self.events += 1;
        let owner = self.contract.signed.owner.as_ref().and_then(|owner| owner.id.clone());
        let event = v1::Event {
            effective_date: effective.to_string(),
            admission_mode: i32::from(mode),
            source: Some(v1::Source {
                system: SOURCE_SYSTEM.to_owned(),
                event_id: format!("{}/{}", self.contract.agreement_id, self.events),
            }),
            actor: Some(v1::Actor {
                organisation: owner,
                client_id: SOURCE_SYSTEM.to_owned(),
                person: person.to_owned(),
            }),
            payload: Some(payload),
            ..v1::Event::default()
        };
        let append = v1::AppendEventsRequest {
            request_id: Builder::from_random_bytes(self.ids.bytes()).into_uuid().to_string(),
            agreement_id: self.contract.agreement_id.clone(),
            events: vec![event],
            ..v1::AppendEventsRequest::default()
        };
        v1::ImportEventsRequest { append: Some(append), recorded_time: Some(timestamp(recorded)) }
    }
}

fn timestamp(microseconds: i64) -> Timestamp {
    let nanoseconds = microseconds.rem_euclid(MICROSECONDS) * NANOSECONDS_PER_MICROSECOND;
    Timestamp {
        seconds: microseconds.div_euclid(MICROSECONDS),
        nanos: i32::try_from(nanoseconds).unwrap_or(0),
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
