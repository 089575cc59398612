//! Histories to fold: made-up ones of many small call-offs, and one order with thousands of documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::date::{Date, RecordedTime};
use contract_ledger::domain::event::{
    AdmissionMode, Competition, Event, InvoiceKind, InvoicePaid, InvoiceReceived, OrderPlaced,
    Payload, Recorded, Value,
};
use contract_ledger::domain::id::{
    AgreementId, EventId, InvoiceId, OrderId, PaymentId, Position, Version,
};
use contract_ledger::domain::money::{Amount, Currency, Money};
use contract_ledger::domain::scope::ScopeKeys;
use contract_ledger::generate::contract::Contract;
use contract_ledger::generate::framework;
use contract_ledger::generate::history::{History, HistoryOptions};
use contract_ledger::wire::parse::parse_recorded_event;
use contract_ledger::wire::v1;

const DAY_MICROSECONDS: i64 = 86_400_000_000;
/// Documents of the long order on one day.
const DOCUMENTS_PER_DAY: u32 = 4;

/// Everything recorded of one agreement.
pub(crate) struct Told {
    pub(crate) agreement: AgreementId,
    pub(crate) events: Vec<Arc<Recorded>>,
}

impl Told {
    fn of(agreement: &str) -> Self {
        Self { agreement: AgreementId::parse(agreement).unwrap(), events: Vec::new() }
    }

    fn tell(&mut self, event: Event, recorded: RecordedTime) {
        let number = u64::try_from(self.events.len()).unwrap();
        let id = uuid::Uuid::from_u128(u128::from(number) + 1);
        self.events.push(Arc::new(Recorded {
            position: Position::new(number),
            version: Version::new(number + 1),
            event_id: EventId::from_uuid(id),
            recorded,
            event,
        }));
    }

    /// The fold of all of it.
    pub(crate) fn fold(&self) -> Agreement {
        let nothing = Agreement::new(self.agreement.clone(), Arc::default(), Date::END_OF_TIME);
        nothing.refold(&self.events, Date::END_OF_TIME)
    }
}

/// Made-up requests about the embedded frameworks, in the order of their recording.
pub(crate) fn generated_requests(
    scale_parts: u64,
) -> impl Iterator<Item = v1::ImportEventsRequest> {
    let notices = framework::embedded();
    let contracts: Vec<Contract> =
        notices.iter().filter_map(|notice| Contract::of(notice).ok()).collect();
    let options = HistoryOptions {
        seed: 1,
        scale_parts,
        from: Date::parse("2022-01-01").unwrap(),
        to: Date::parse("2025-12-31").unwrap(),
    };
    History::of(contracts, options)
}

/// Made-up histories of the embedded frameworks: thousands of call-offs with a few documents each.
pub(crate) fn generated(scale_parts: u64) -> Vec<Told> {
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    for request in generated_requests(scale_parts) {
        let append = request.append.unwrap();
        let time = request.recorded_time.unwrap();
        let recorded = time.seconds * 1_000_000 + i64::from(time.nanos) / 1000;
        let recorded = RecordedTime::from_microseconds(recorded).unwrap();
        let id = append.agreement_id;
        let one = told.entry(id.clone()).or_insert_with(|| Told::of(&id));
        for event in &append.events {
            one.tell(parse_recorded_event(event).unwrap(), recorded);
        }
    }
    told.into_values().collect()
}

/// One order with so many invoices, each paid some days later.
pub(crate) fn one_long_order(invoices: u32) -> Told {
    let notices = framework::embedded();
    let contract = notices.iter().find_map(|notice| Contract::of(notice).ok()).unwrap();
    let mut told = Told::of(&contract.agreement_id);
    let signature = contract.request().events.remove(0);
    let signature = parse_recorded_event(&signature).unwrap();
    let currency = Currency::parse("NOK").unwrap();
    let keys = {
        let terms = signature.payload.signature().unwrap();
        ScopeKeys {
            lot: None,
            supplier: terms.suppliers.first().cloned(),
            buyer: terms.buyers.first().cloned(),
        }
    };
    let first = signature.effective;
    told.tell(signature, noon(first));
    let fact = |effective, payload| Event {
        effective,
        mode: AdmissionMode::Fact,
        corrects: None,
        payload,
    };
    let value = |text: &str| Value {
        money: Money { amount: Amount::parse(text, currency).unwrap(), currency },
        rate: None,
    };
    let order = OrderId::parse("long").unwrap();
    let placed = OrderPlaced {
        order: order.clone(),
        keys: keys.clone(),
        value: value("10000000"),
        department: None,
        cpv: None,
        reservation: None,
        ordered_by: None,
        approved_by: None,
        competition: Competition::Documented,
    };
    told.tell(fact(first, Payload::OrderPlaced(Arc::new(placed))), noon(first));
    for number in 0..invoices {
        let day = first.plus_days(i64::from(2 * number / DOCUMENTS_PER_DAY)).unwrap();
        let invoice = InvoiceId::parse(&format!("I{number}")).unwrap();
        let received = InvoiceReceived {
            invoice: invoice.clone(),
            number: number.to_string(),
            kind: InvoiceKind::Commercial,
            issued: day,
            due: None,
            keys: keys.clone(),
            order: Some(order.clone()),
            net: value("100"),
            vat: value("25").money.amount,
            interest_and_fees: Amount::ZERO,
            prepaid: Amount::ZERO,
            corrected: None,
            department: None,
            cpv: None,
            document: None,
        };
        told.tell(fact(day, Payload::InvoiceReceived(Arc::new(received))), noon(day));
        let paid = InvoicePaid {
            payment: PaymentId::parse(&format!("P{number}")).unwrap(),
            invoice,
            value: value("125"),
            paid_by: None,
        };
        told.tell(fact(day, Payload::InvoicePaid(Arc::new(paid))), noon(day));
    }
    told
}

fn noon(day: Date) -> RecordedTime {
    let end = RecordedTime::end_of_oslo_day(day).unwrap();
    RecordedTime::from_microseconds(end.microseconds() - DAY_MICROSECONDS / 2).unwrap()
}
