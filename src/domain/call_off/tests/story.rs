//! One call-off to which things happen in any order: charter, random documents, reversals.

use std::sync::Arc;

use super::super::{CallOff, Entry, Standing};
use super::{REVERSALS, STEPS};
use crate::domain::charter::Charter;
use crate::domain::date::{Date, RecordedTime};
use crate::domain::event::{
    AdmissionMode, AgreementSigned, CeilingKind, CeilingTerms, Competition, CreditNoteReceived,
    DeliveryReceived, Event, FrameworkKind, Indexation, InvoiceApproved, InvoiceKind, InvoicePaid,
    InvoiceReceived, InvoiceRejected, Nature, OrderChanged, OrderPlaced, OrderPolicy, OrderRef,
    Payload, PaymentReversed, PrepaymentOffset, Reasoning, Recorded, RetentionReleased,
    RetentionWithheld, Value,
};
use crate::domain::id::{
    CreditNoteId, DeliveryId, EventId, InvoiceId, LotId, OrderId, PaymentId, Position, RetentionId,
    Version,
};
use crate::domain::money::{Amount, Currency, Money, Rate};
use crate::domain::organisation::OrganisationId;
use crate::domain::policy::PolicyBook;
use crate::domain::scope::{Scope, ScopeKeys};

/// `SplitMix64`: the same on every machine.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    fn per_cent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    pub(super) fn one_of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(u64::try_from(choices.len()).unwrap())).unwrap()].clone()
    }
}

pub(super) fn day(number: u64) -> Date {
    Date::parse("2024-01-01").unwrap().plus_days(i64::try_from(number).unwrap()).unwrap()
}

fn amount(number: u64) -> Amount {
    Amount::parse(&number.to_string(), Currency::parse("NOK").unwrap()).unwrap()
}

fn organisation(number: &str) -> OrganisationId {
    OrganisationId::parse_as_stated("0192", number).unwrap()
}

fn record(number: u64, effective: Date, payload: Payload) -> Arc<Recorded> {
    Arc::new(Recorded {
        position: Position::new(number),
        version: Version::new(number + 1),
        event_id: EventId::from_uuid(uuid::Uuid::from_u128(u128::from(number) + 1)),
        recorded: RecordedTime::from_microseconds(0).unwrap(),
        event: Event { effective, mode: AdmissionMode::Fact, corrects: None, payload },
    })
}

pub(super) fn charter() -> Charter {
    let supplier = organisation("974760673");
    let ceiling =
        |scope| CeilingTerms { scope, kind: CeilingKind::Estimate, amount: amount(1_000_000) };
    let signed = AgreementSigned {
        framework_kind: FrameworkKind::WithoutReopenedCompetition,
        nature: Nature::Services,
        buyers: Vec::new(),
        suppliers: vec![supplier.clone()],
        lots: Vec::new(),
        ceilings: vec![
            ceiling(Scope::Agreement),
            ceiling(Scope::Lot(LotId::parse("L1").unwrap())),
            ceiling(Scope::Supplier(supplier)),
        ],
        currency: Currency::parse("NOK").unwrap(),
        start: day(0),
        end: day(1000),
        options: Vec::new(),
        order_policy: OrderPolicy::Required,
        indexation: Indexation::PricesOnly,
        term_justification: Reasoning::Stated,
    };
    let signed = record(0, day(0), Payload::AgreementSigned(Arc::new(signed)));
    Charter::fold(&[signed], &PolicyBook::default()).unwrap()
}

/// One call-off to which things happen in any order.
pub(super) struct Story {
    pub(super) random: Random,
    next: u64,
    pub(super) days: u64,
    /// How many ids invoices have.
    invoices: u64,
    /// Whether its order is ever placed.
    is_ordered: bool,
    pub(super) call_off: CallOff,
}

impl Story {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        // Some histories crowd on a few days, or on a few invoices.
        let days = random.one_of(&[4, 20, 60]);
        let invoices = random.one_of(&[3, 8, 40]);
        let is_ordered = random.per_cent(75);
        Self { random, next: 1, days, invoices, is_ordered, call_off: CallOff::default() }
    }

    pub(super) fn step(&mut self) -> String {
        let live: Vec<Arc<Recorded>> = self
            .call_off
            .entries()
            .filter(|entry| entry.standing == Standing::Live)
            .map(|entry| Arc::clone(&entry.recorded))
            .collect();
        if self.random.per_cent(REVERSALS) && !live.is_empty() {
            // Often the newest, as people do.
            let near = live.len().saturating_sub(3);
            let choices = if self.random.per_cent(50) { &live[near..] } else { &live[..] };
            let target = self.random.one_of(choices);
            self.next += 1;
            self.call_off.reverse(&target, Position::new(self.next));
            if let Payload::InvoiceReceived(invoice) = &target.event.payload {
                self.detach(&invoice.invoice);
            }
            return format!("reversed {:?}", target.event);
        }
        let payload = loop {
            if let Some(payload) = self.payload(&live) {
                break payload;
            }
        };
        // Mostly about in order.
        let at = self.next * self.days / STEPS;
        let date = if self.random.per_cent(70) { at } else { self.random.below(self.days) };
        self.next += 1;
        let recorded = record(self.next, day(date), payload);
        let told = format!("{:?}", recorded.event);
        let hangs_on = named(&recorded.event.payload);
        self.call_off.insert(Entry { recorded, standing: Standing::Live, hangs_on });
        told
    }

    /// Takes out what hangs on an invoice. Half of the time it stays, as if the invoice came again.
    fn detach(&mut self, invoice: &InvoiceId) {
        let mut unknown = vec![invoice.clone()];
        let mut expected = Vec::new();
        while let Some(invoice) = unknown.pop() {
            for entry in self.call_off.entries() {
                let position = entry.recorded.position;
                if entry.hangs_on.as_ref() == Some(&invoice) && !expected.contains(&position) {
                    expected.push(position);
                    if let Payload::InvoiceReceived(negative) = &entry.recorded.event.payload {
                        unknown.push(negative.invoice.clone());
                    }
                }
            }
        }
        if self.random.per_cent(50) {
            return;
        }
        let detached = self.call_off.detach(invoice);
        let mut detached: Vec<_> = detached.iter().map(|one| one.recorded.position).collect();
        detached.sort_unstable();
        expected.sort_unstable();
        assert_eq!(detached, expected, "what hangs on {invoice}");
    }

    /// None when the id that came up is in use.
    fn payload(&mut self, live: &[Arc<Recorded>]) -> Option<Payload> {
        let order = OrderId::parse("O1").unwrap();
        let named = OrderRef { order: order.clone() };
        let invoice = self.invoice_id();
        Some(match self.random.below(28) {
            0 => self.placement(order, live)?,
            1 => Payload::OrderChanged(Arc::new(OrderChanged { order, value: self.value(900) })),
            2 => Payload::OrderClosed(named),
            3 => Payload::OrderReopened(named),
            4 => Payload::DeliveryReceived(Arc::new(DeliveryReceived {
                delivery: DeliveryId::parse(&format!("D{}", self.next)).unwrap(),
                order,
                received_by: None,
            })),
            5..=11 => self.invoice(invoice, live)?,
            12..=14 => self.credit_note(invoice),
            15..=17 => Payload::InvoicePaid(Arc::new(InvoicePaid {
                payment: PaymentId::parse(&format!("P{}", self.next)).unwrap(),
                invoice,
                value: self.value(300),
                paid_by: None,
            })),
            18 => {
                let below = self.next + 5;
                let number = self.random.below(below);
                let payment = PaymentId::parse(&format!("P{number}")).unwrap();
                Payload::PaymentReversed(PaymentReversed { payment })
            }
            19 => {
                Payload::InvoiceRejected(InvoiceRejected { invoice, reasoning: Reasoning::Stated })
            }
            20 => Payload::PrepaymentOffset(Arc::new(PrepaymentOffset {
                prepayment: invoice,
                final_invoice: None,
                amount: self.value(50).money,
            })),
            21..=23 => self.retention(invoice, live)?,
            24..=25 => Payload::RetentionReleased(Arc::new(RetentionReleased {
                retention: RetentionId::parse(&format!("R{}", self.random.below(6))).unwrap(),
                value: self.value_in(20, 50),
            })),
            _ => Payload::InvoiceApproved(Arc::new(InvoiceApproved { invoice, approved_by: None })),
        })
    }

    fn placement(&mut self, order: OrderId, live: &[Arc<Recorded>]) -> Option<Payload> {
        let is_it = |one: &Arc<Recorded>| matches!(one.event.payload, Payload::OrderPlaced(_));
        if !self.is_ordered || live.iter().any(is_it) {
            return None;
        }
        let keys = self.keys();
        Some(order_placed(order, keys, self.value(600)))
    }

    fn invoice(&mut self, id: InvoiceId, live: &[Arc<Recorded>]) -> Option<Payload> {
        let is_it = |one: &Arc<Recorded>| {
            let payload = &one.event.payload;
            matches!(payload, Payload::InvoiceReceived(invoice) if invoice.invoice == id)
        };
        if live.iter().any(is_it) {
            return None;
        }
        let (plain, negative) = (self.value(200), self.random.per_cent(35));
        let negated = Money { amount: plain.money.amount.negated(), ..plain.money };
        let kinds = [InvoiceKind::Commercial, InvoiceKind::Prepayment, InvoiceKind::InterestOrFee];
        let kind = if self.random.per_cent(75) {
            InvoiceKind::Commercial
        } else {
            self.random.one_of(&kinds)
        };
        let prepaid = if self.random.per_cent(20) { self.random.below(100) } else { 0 };
        Some(Payload::InvoiceReceived(Arc::new(InvoiceReceived {
            invoice: id,
            number: self.next.to_string(),
            kind,
            issued: day(0),
            due: None,
            keys: self.keys(),
            order: self.random.per_cent(80).then(|| OrderId::parse("O1").unwrap()),
            net: if negative { Value { money: negated, rate: plain.rate } } else { plain },
            vat: amount(self.random.below(30)),
            interest_and_fees: Amount::ZERO,
            prepaid: amount(prepaid),
            corrected: negative.then(|| self.invoice_id()),
            department: None,
            cpv: None,
            document: None,
        })))
    }

    fn credit_note(&mut self, invoice: InvoiceId) -> Payload {
        let supplier = self.random.one_of(&["974760673", "974760674"]);
        Payload::CreditNoteReceived(Arc::new(CreditNoteReceived {
            credit_note: CreditNoteId::parse(&format!("C{}", self.next)).unwrap(),
            number: self.next.to_string(),
            issued: day(0),
            invoice,
            supplier: organisation(supplier),
            net: self.value(60),
            vat: amount(self.random.below(15)),
            document: None,
        }))
    }

    fn retention(&mut self, invoice: InvoiceId, live: &[Arc<Recorded>]) -> Option<Payload> {
        let retention = RetentionId::parse(&format!("R{}", self.random.below(6))).unwrap();
        let is_it = |one: &Arc<Recorded>| {
            let payload = &one.event.payload;
            matches!(payload, Payload::RetentionWithheld(held) if held.retention == retention)
        };
        if live.iter().any(is_it) {
            return None;
        }
        let value = self.value(40);
        let held = RetentionWithheld { retention, invoice, value, release_due: None };
        Some(Payload::RetentionWithheld(Arc::new(held)))
    }

    fn invoice_id(&mut self) -> InvoiceId {
        InvoiceId::parse(&format!("I{}", self.random.below(self.invoices))).unwrap()
    }

    fn keys(&mut self) -> ScopeKeys {
        let lot = self.random.one_of(&[None, Some("L1"), Some("L2")]);
        let supplier = self.random.one_of(&["974760673", "974760674", "971032146"]);
        ScopeKeys {
            lot: lot.map(|lot| LotId::parse(lot).unwrap()),
            supplier: Some(organisation(supplier)),
            buyer: None,
        }
    }

    fn value(&mut self, below: u64) -> Value {
        self.value_in(below, 10)
    }

    /// A value that is foreign so many times of a hundred.
    fn value_in(&mut self, below: u64, foreign: u64) -> Value {
        let foreign = self.random.per_cent(foreign);
        let currency = Currency::parse(if foreign { "EUR" } else { "NOK" }).unwrap();
        let money = Money { amount: amount(1 + self.random.below(below)), currency };
        Value { money, rate: foreign.then(|| Rate::parse("11.5").unwrap()) }
    }
}

/// The order placed with a value or changed to it; with none an invoice of 150 on it.
pub(super) fn order_worth(date: u64, number: u64, value: u64) -> Entry {
    let currency = Currency::parse("NOK").unwrap();
    let of = |number| Value { money: Money { amount: amount(number), currency }, rate: None };
    let order = OrderId::parse("O1").unwrap();
    let payload = match (number, value) {
        (1, _) => order_placed(order, ScopeKeys::default(), of(value)),
        (_, 0) => invoice_received(order, of(150)),
        (_, _) => Payload::OrderChanged(Arc::new(OrderChanged { order, value: of(value) })),
    };
    let recorded = record(number, day(date), payload);
    Entry { recorded, standing: Standing::Live, hangs_on: None }
}

fn order_placed(order: OrderId, keys: ScopeKeys, value: Value) -> Payload {
    Payload::OrderPlaced(Arc::new(OrderPlaced {
        order,
        keys,
        value,
        department: None,
        cpv: None,
        reservation: None,
        ordered_by: None,
        approved_by: None,
        competition: Competition::Documented,
    }))
}

/// An invoice off any order of a lot, which lowers another when it names one.
pub(super) fn invoice_lowering(
    number: u64,
    id: &str,
    named: Option<&str>,
    lot: &str,
    net: u64,
) -> Entry {
    let parse = |id| InvoiceId::parse(id).unwrap();
    let amount = amount(net);
    let amount = if named.is_some() { amount.negated() } else { amount };
    let currency = Currency::parse("NOK").unwrap();
    let invoice = InvoiceReceived {
        invoice: parse(id),
        keys: ScopeKeys { lot: Some(LotId::parse(lot).unwrap()), ..ScopeKeys::default() },
        order: None,
        corrected: named.map(parse),
        ..invoice(Value { money: Money { amount, currency }, rate: None })
    };
    entry(number, Payload::InvoiceReceived(Arc::new(invoice)))
}

fn euro(number: u64) -> Value {
    let currency = Currency::parse("EUR").unwrap();
    Value {
        money: Money { amount: amount(number), currency },
        rate: Some(Rate::parse("11.5").unwrap()),
    }
}

pub(super) fn invoice_in_euro(number: u64, net: u64) -> Entry {
    let invoice = InvoiceReceived { order: None, ..invoice(euro(net)) };
    entry(number, Payload::InvoiceReceived(Arc::new(invoice)))
}

pub(super) fn paid_in_euro(number: u64, value: u64) -> Entry {
    let payment = PaymentId::parse("P1").unwrap();
    let invoice = InvoiceId::parse("I1").unwrap();
    let paid = InvoicePaid { payment, invoice, value: euro(value), paid_by: None };
    entry(number, Payload::InvoicePaid(Arc::new(paid)))
}

pub(super) fn withheld_in_euro(number: u64, value: u64) -> Entry {
    let retention = RetentionId::parse("R1").unwrap();
    let invoice = InvoiceId::parse("I1").unwrap();
    let held = RetentionWithheld { retention, invoice, value: euro(value), release_due: None };
    entry(number, Payload::RetentionWithheld(Arc::new(held)))
}

pub(super) fn released_in_kroner(number: u64, value: u64) -> Entry {
    let currency = Currency::parse("NOK").unwrap();
    let value = Value { money: Money { amount: amount(value), currency }, rate: None };
    let retention = RetentionId::parse("R1").unwrap();
    entry(number, Payload::RetentionReleased(Arc::new(RetentionReleased { retention, value })))
}

/// A document on the day of its number.
fn entry(number: u64, payload: Payload) -> Entry {
    let recorded = record(number, day(number), payload);
    let hangs_on = named(&recorded.event.payload);
    Entry { recorded, standing: Standing::Live, hangs_on }
}

fn invoice_received(order: OrderId, net: Value) -> Payload {
    Payload::InvoiceReceived(Arc::new(InvoiceReceived { order: Some(order), ..invoice(net) }))
}

/// The invoice I1 of a value, on nothing.
fn invoice(net: Value) -> InvoiceReceived {
    InvoiceReceived {
        invoice: InvoiceId::parse("I1").unwrap(),
        number: "1".to_owned(),
        kind: InvoiceKind::Commercial,
        issued: day(0),
        due: None,
        keys: ScopeKeys::default(),
        order: None,
        net,
        vat: Amount::ZERO,
        interest_and_fees: Amount::ZERO,
        prepaid: Amount::ZERO,
        corrected: None,
        department: None,
        cpv: None,
        document: None,
    }
}

/// The invoice that a document names, as far as it says so itself.
fn named(payload: &Payload) -> Option<InvoiceId> {
    match payload {
        Payload::InvoiceReceived(invoice) => invoice.corrected.clone(),
        Payload::CreditNoteReceived(credit) => Some(credit.invoice.clone()),
        Payload::InvoicePaid(paid) => Some(paid.invoice.clone()),
        Payload::InvoiceApproved(approved) => Some(approved.invoice.clone()),
        Payload::InvoiceRejected(rejected) => Some(rejected.invoice.clone()),
        _ => None,
    }
}
