//! Requests to send, with everything that no check looks at filled in.
//!
//! It must not know when they are sent. All events hold on one day, so that the sums of a scope on
//! that day are the sums of all events so far.

#![expect(
    clippy::unnecessary_wraps,
    reason = "helpers give values in the form that the generated messages hold them"
)]

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

/// The day on which everything happens.
pub(crate) const DAY: &str = "2024-06-01";
const BUYER: &str = "920125298";
/// Suppliers of every agreement.
pub(crate) const SUPPLIERS: [&str; 2] = ["943184097", "920144950"];

/// Who asks: somebody who can be refused, or the world.
pub(crate) use v1::AdmissionMode as Mode;

pub(crate) fn request(
    id: String,
    agreement: &str,
    events: Vec<v1::Event>,
) -> v1::AppendEventsRequest {
    let agreement_id = agreement.to_owned();
    v1::AppendEventsRequest { request_id: id, agreement_id, events, ..Default::default() }
}

pub(crate) fn event(mode: Mode, payload: Payload) -> v1::Event {
    v1::Event {
        effective_date: DAY.to_owned(),
        admission_mode: mode.into(),
        payload: Some(payload),
        ..Default::default()
    }
}

fn nok(amount: u64) -> Option<v1::Money> {
    Some(v1::Money { amount: amount.to_string(), currency: "NOK".to_owned() })
}

fn org(number: &str) -> Option<v1::OrganisationId> {
    Some(v1::OrganisationId { number: number.to_owned(), scheme: String::new() })
}

fn party(number: &str) -> v1::Organisation {
    v1::Organisation { id: org(number), name: String::new() }
}

fn ceiling(scope: v1::scope::Scope, amount: u64) -> v1::Ceiling {
    v1::Ceiling {
        scope: Some(v1::Scope { scope: Some(scope) }),
        kind: v1::CeilingKind::Maximum.into(),
        amount: nok(amount),
    }
}

/// An agreement with a maximum for the whole, and one for each supplier.
pub(crate) fn sign(whole: u64, each_supplier: u64) -> v1::Event {
    let of_supplier = |number: &&str| {
        let supplier = v1::scope::Scope::Supplier(v1::OrganisationId {
            number: (*number).to_owned(),
            scheme: String::new(),
        });
        ceiling(supplier, each_supplier)
    };
    let whole = ceiling(v1::scope::Scope::Agreement(true), whole);
    let signed = v1::AgreementSigned {
        reference: "2020/1".to_owned(),
        title: "A framework".to_owned(),
        framework_kind: v1::FrameworkKind::WithoutReopenedCompetition.into(),
        nature: v1::ContractNature::Services.into(),
        owner: Some(party(BUYER)),
        buyers: vec![party(BUYER)],
        suppliers: SUPPLIERS.iter().map(|number| party(number)).collect(),
        ceilings: std::iter::once(whole).chain(SUPPLIERS.iter().map(of_supplier)).collect(),
        currency: "NOK".to_owned(),
        term: Some(v1::Term {
            start_date: "2020-01-01".to_owned(),
            end_date: "2024-12-31".to_owned(),
        }),
        term_justification: "long enough for every cycle".to_owned(),
        ..Default::default()
    };
    v1::Event {
        effective_date: "2020-01-01".to_owned(),
        ..event(Mode::Fact, Payload::AgreementSigned(signed))
    }
}

pub(crate) fn place(mode: Mode, order_id: &str, supplier: usize, amount: u64) -> v1::Event {
    event(
        mode,
        Payload::OrderPlaced(v1::OrderPlaced {
            order_id: order_id.to_owned(),
            buyer: org(BUYER),
            supplier: org(SUPPLIERS[supplier % SUPPLIERS.len()]),
            amount: nok(amount),
            ..Default::default()
        }),
    )
}

pub(crate) fn change(order_id: &str, amount: u64) -> v1::Event {
    let order_id = order_id.to_owned();
    let changed = v1::OrderChanged { order_id, amount: nok(amount), ..Default::default() };
    event(Mode::Intent, Payload::OrderChanged(changed))
}

pub(crate) fn cancel(order_id: &str) -> v1::Event {
    let order_id = order_id.to_owned();
    let cancelled = v1::OrderCancelled { order_id, reason: "not needed".to_owned() };
    event(Mode::Intent, Payload::OrderCancelled(cancelled))
}

/// An invoice that did come. An empty order id: without an order.
pub(crate) fn invoice(id: &str, order_id: &str, supplier: usize, net: u64) -> v1::Event {
    event(
        Mode::Fact,
        Payload::InvoiceReceived(v1::InvoiceReceived {
            invoice_id: id.to_owned(),
            number: format!("no-{id}"),
            kind: v1::InvoiceKind::Commercial.into(),
            issue_date: DAY.to_owned(),
            supplier: org(SUPPLIERS[supplier % SUPPLIERS.len()]),
            order_id: order_id.to_owned(),
            net: nok(net),
            ..Default::default()
        }),
    )
}

/// The same event with the id that it has in the system it comes from.
pub(crate) fn from_source(event: v1::Event, event_id: &str) -> v1::Event {
    let source = v1::Source { system: "erp".to_owned(), event_id: event_id.to_owned() };
    v1::Event { source: Some(source), ..event }
}
