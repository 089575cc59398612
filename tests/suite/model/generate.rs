//! Random histories: signatures and the events that follow, with ids from small pools.

use std::sync::Arc;

use contract_ledger::domain::date::{Date, RecordedTime};
use contract_ledger::domain::event::{
    AdmissionMode, AgreementSigned, CeilingKind, CeilingTerms, Event, FrameworkKind, Indexation,
    Nature, OptionGives, OptionTerms, OrderPolicy, Payload, Reasoning, Recorded, Value,
};
use contract_ledger::domain::id::{EventId, LotId, OptionId, Position, Version};
use contract_ledger::domain::money::{Amount, Currency, Money, Rate};
use contract_ledger::domain::organisation::OrganisationId;
use contract_ledger::domain::scope::{Scope, ScopeKeys};
use contract_ledger::domain::text::Text;

use super::super::support::events::{BUYER, OTHER_SUPPLIER, STRANGER, SUPPLIER, THIRD_SUPPLIER};
use super::history::{History, is_reversed};
use super::random::Random;

/// Which events are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Catalogue {
    /// Signature, options, orders, invoices, credit notes, payments, reversals.
    Core,
    /// All of it but what people do about findings.
    Whole,
}

/// One agreement to which random things happen.
#[derive(Debug)]
pub(super) struct World {
    pub(super) random: Random,
    pub(super) catalogue: Catalogue,
    pub(super) currency: Currency,
    pub(super) start: Date,
    /// What an ordinary ceiling is, in whole units.
    pub(super) size: i64,
    /// Which events come more often.
    pub(super) focus: u64,
    /// Microseconds after 1970.
    now: i64,
}

const DAY_MICROSECONDS: i64 = 86_400_000_000;
/// 2023-01-01T00:00:00Z.
const BEGIN_MICROSECONDS: i64 = 1_672_531_200_000_000;
const BUYERS: [&str; 2] = [BUYER, "974760673"];
const SUPPLIERS: [&str; 3] = [SUPPLIER, OTHER_SUPPLIER, THIRD_SUPPLIER];

pub(super) fn organisation(number: &str) -> OrganisationId {
    OrganisationId::parse_as_stated("", number).unwrap()
}

pub(super) fn lot(id: &str) -> LotId {
    LotId::parse(id).unwrap()
}

pub(super) fn option(id: &str) -> OptionId {
    OptionId::parse(id).unwrap()
}

impl World {
    pub(super) fn new(seed: u64, catalogue: Catalogue) -> Self {
        let mut random = Random::new(seed);
        let code = random.weighted(&[(6, "NOK"), (2, "EUR"), (1, "JPY"), (1, "KWD")]);
        let size = random.weighted(&[(8, 1_000), (2, 1_000_000_000_000_000)]);
        let focus = random.below(8);
        Self {
            random,
            catalogue,
            focus,
            currency: Currency::parse(code).unwrap(),
            start: Date::parse("2023-01-01").unwrap(),
            size,
            now: BEGIN_MICROSECONDS,
        }
    }

    /// The event, recorded after those of a history.
    pub(super) fn recorded(&mut self, history: &History, event: Event) -> Recorded {
        let number = u64::try_from(history.events.len()).unwrap();
        // The id tells refused events apart too, so that a shrunk history keeps its names.
        let id = (u128::from(self.random.below(u64::MAX)) << 64) | u128::from(number + 1);
        Recorded {
            position: Position::new(number),
            version: Version::new(number + 1),
            event_id: EventId::from_uuid(uuid::Uuid::from_u128(id)),
            recorded: RecordedTime::from_microseconds(self.now).unwrap(),
            event,
        }
    }

    /// The signature that every history begins with.
    pub(super) fn sign(&mut self, history: &History) -> Recorded {
        let payload = Payload::AgreementSigned(Arc::new(self.terms()));
        let effective = self.start.plus_days(-self.random.between(0, 40)).unwrap();
        let event = Event { effective, mode: AdmissionMode::Fact, corrects: None, payload };
        self.recorded(history, event)
    }

    fn terms(&mut self) -> AgreementSigned {
        let end = self.start.plus_days(*self.random.one_of(&[180, 364, 729, 1825])).unwrap();
        let share = |of: i64| i64::max(self.size * of / 10, 1);
        let (whole, part, other) = (share(10), share(6), share(5));
        let mut ceilings = vec![(Scope::Agreement, whole)];
        let lots = self.random.per_cent(60);
        if lots {
            ceilings.push((Scope::Lot(lot("L1")), part));
            if self.random.per_cent(50) {
                ceilings.push((Scope::Lot(lot("L2")), other));
            }
        }
        if self.random.per_cent(30) {
            ceilings.push((Scope::Supplier(organisation(SUPPLIER)), part));
        }
        if self.random.per_cent(30) {
            ceilings.push((Scope::Buyer(organisation(BUYERS[1])), other));
        }
        let scopes: Vec<Scope> = ceilings.iter().map(|(scope, _)| scope.clone()).collect();
        let ceilings = ceilings.into_iter().map(|(scope, units)| {
            let kind =
                self.random.weighted(&[(8, CeilingKind::Maximum), (2, CeilingKind::Estimate)]);
            let none = kind == CeilingKind::Estimate && self.random.per_cent(15);
            CeilingTerms { scope, kind, amount: self.whole(if none { 0 } else { units }) }
        });
        let ceilings = ceilings.collect();
        AgreementSigned {
            framework_kind: self.random.weighted(&[
                (6, FrameworkKind::WithoutReopenedCompetition),
                (2, FrameworkKind::WithReopenedCompetition),
                (2, FrameworkKind::Mixed),
            ]),
            nature: *self.random.one_of(&[Nature::Services, Nature::Goods, Nature::Works]),
            buyers: BUYERS.map(organisation).to_vec(),
            suppliers: SUPPLIERS[..2].iter().map(|number| organisation(number)).collect(),
            lots: if lots { vec![lot("L1"), lot("L2")] } else { Vec::new() },
            ceilings,
            currency: self.currency,
            start: self.start,
            end,
            options: self.options(end, &scopes),
            order_policy: self
                .random
                .weighted(&[(7, OrderPolicy::Required), (3, OrderPolicy::NotRequired)]),
            indexation: self
                .random
                .weighted(&[(5, Indexation::CeilingsToo), (5, Indexation::PricesOnly)]),
            term_justification: self.reasoning(50),
        }
    }

    fn options(&mut self, end: Date, scopes: &[Scope]) -> Vec<OptionTerms> {
        let mut last = end;
        let mut options = Vec::new();
        for id in ["1", "2", "3"] {
            let deadline = end.plus_days(-self.random.between(0, 90)).unwrap();
            let notice_deadline = self.random.per_cent(40).then_some(deadline);
            let gives = if self.random.per_cent(60) {
                last = last.plus_days(*self.random.one_of(&[90, 365])).unwrap();
                OptionGives::Time { new_end: last }
            } else {
                let scope = self.random.one_of(scopes).clone();
                let units = i64::max(self.size / 5, 1);
                OptionGives::Volume { scope, amount: self.whole(units) }
            };
            options.push(OptionTerms { option: option(id), notice_deadline, gives });
        }
        options
    }

    /// Another event, some days later, which may be refused.
    pub(super) fn next(&mut self, history: &History) -> Recorded {
        if !self.random.per_cent(15) {
            self.now += self.random.between(0, 15 * DAY_MICROSECONDS);
        }
        let corrected = self.corrected(history);
        let payload = self.payload(history);
        let mode = self.random.weighted(&[(4, AdmissionMode::Intent), (6, AdmissionMode::Fact)]);
        let event = Event { effective: self.effective(), mode, corrects: corrected, payload };
        let event = sensible(event);
        self.recorded(history, event)
    }

    fn corrected(&mut self, history: &History) -> Option<EventId> {
        let reversed: Vec<EventId> = history
            .events
            .iter()
            .map(|event| event.event_id)
            .filter(|id| is_reversed(&history.events, *id))
            .collect();
        let corrects = !reversed.is_empty() && self.random.per_cent(20);
        corrects.then(|| *self.random.one_of(&reversed))
    }

    /// Today, a little earlier, long ago, or ahead.
    fn effective(&mut self) -> Date {
        let today = RecordedTime::from_microseconds(self.now).unwrap().oslo_date();
        let back = self.random.weighted(&[
            (50, (0, 3)),
            (25, (4, 29)),
            (15, (30, 90)),
            (5, (91, 400)),
            (5, (-3, -1)),
        ]);
        today.plus_days(-self.random.between(back.0, back.1)).unwrap()
    }

    pub(super) fn reasoning(&mut self, missing: u64) -> Reasoning {
        if self.random.per_cent(missing) { Reasoning::Missing } else { Reasoning::Stated }
    }

    /// So many whole units of the agreement's currency.
    pub(super) fn whole(&self, units: i64) -> Amount {
        Amount::parse(&units.to_string(), self.currency).unwrap()
    }

    /// Between nothing and a share of an ordinary ceiling, mostly round.
    pub(super) fn amount(&mut self, currency: Currency) -> Amount {
        let most = i64::max(self.size / 2, 2);
        let text = match self.random.below(10) {
            0 => "0".to_owned(),
            1..=3 => self.random.between(1, most).to_string(),
            4..=6 => (self.random.between(1, 10) * i64::max(self.size / 20, 1)).to_string(),
            _ => {
                let units = self.random.between(0, most);
                let digits = usize::from(currency.minor_digits());
                let scale = 10_i64.pow(u32::from(currency.minor_digits()));
                let parts = self.random.between(0, scale - 1);
                if digits == 0 { units.to_string() } else { format!("{units}.{parts:0digits$}") }
            }
        };
        Amount::parse(&text, currency).unwrap()
    }

    pub(super) fn money(&mut self) -> Money {
        Money { amount: self.amount(self.currency), currency: self.currency }
    }

    /// A value in the agreement's currency, or a foreign one with its rate, rarely without.
    pub(super) fn value(&mut self) -> Value {
        if self.random.per_cent(80) {
            return Value { money: self.money(), rate: None };
        }
        let code = *self.random.one_of(&["NOK", "EUR", "JPY", "KWD"]);
        let currency = Currency::parse(code).unwrap();
        let amount = self.amount(currency);
        self.rated(Money { amount, currency })
    }

    fn rated(&mut self, money: Money) -> Value {
        let rates = ["11.4567", "0.0712345678", "1.5", "3.3333333333", "0.5"];
        let rate = *self.random.one_of(&rates);
        let rate = Rate::parse(rate).unwrap();
        let foreign = money.currency != self.currency && !self.random.per_cent(3);
        Value { money, rate: foreign.then_some(rate) }
    }

    /// A value in a currency, with a rate where that is foreign.
    pub(super) fn value_in(&mut self, currency: Currency) -> Value {
        let amount = self.amount(currency);
        self.rated(Money { amount, currency })
    }

    pub(super) fn keys(&mut self) -> ScopeKeys {
        let lots = ["L1", "L2", "L3"];
        let lot_id = self.random.weighted(&[(40, 0), (35, 1), (20, 2), (5, 3)]);
        let stranger = self.random.per_cent(4);
        let buyer = if stranger { STRANGER } else { self.random.one_of(&BUYERS) };
        let supplier = self.random.weighted(&[
            (50, SUPPLIERS[0]),
            (35, SUPPLIERS[1]),
            (12, SUPPLIERS[2]),
            (3, STRANGER),
        ]);
        ScopeKeys {
            lot: (lot_id > 0).then(|| lot(lots[lot_id - 1])),
            supplier: Some(organisation(supplier)),
            buyer: Some(organisation(buyer)),
        }
    }

    pub(super) fn person(&mut self) -> Option<Text> {
        let persons = ["", "p1", "p2", "p3"];
        let person = *self.random.one_of(&persons);
        (!person.is_empty()).then(|| Text::new(person))
    }

    /// A day around now.
    pub(super) fn day(&mut self, first: i64, last: i64) -> Date {
        let today = RecordedTime::from_microseconds(self.now).unwrap().oslo_date();
        today.plus_days(self.random.between(first, last)).unwrap()
    }
}

/// An intent of nothing is malformed at the edge already.
fn sensible(mut event: Event) -> Event {
    let intent = event.mode == AdmissionMode::Intent;
    let value = match &mut event.payload {
        Payload::OrderPlaced(placed) => &mut Arc::make_mut(placed).value,
        Payload::HeadroomReserved(reserved) => &mut Arc::make_mut(reserved).value,
        Payload::InvoicePaid(paid) => &mut Arc::make_mut(paid).value,
        Payload::InvoiceReceived(invoice) if intent => {
            // Only what did happen may carry a number that fails its check.
            Arc::make_mut(invoice).keys.supplier = Some(organisation(SUPPLIER));
            return event;
        }
        Payload::CreditNoteReceived(credit) if intent => {
            Arc::make_mut(credit).supplier = organisation(SUPPLIER);
            return event;
        }
        _ => return event,
    };
    if intent && !value.money.amount.is_positive() {
        value.money.amount = Amount::parse("1", value.money.currency).unwrap();
    }
    event
}
