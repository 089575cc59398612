//! Events to send, with everything that a test does not look at filled in.

use contract_ledger::wire::v1;
use contract_ledger::wire::v1::event::Payload;

pub(crate) const BUYER: &str = "920125298";
pub(crate) const SUPPLIER: &str = "943184097";
pub(crate) const OTHER_SUPPLIER: &str = "920144950";
pub(crate) const THIRD_SUPPLIER: &str = "993278467";
pub(crate) const STRANGER: &str = "982529786";

pub(crate) fn request(agreement: &str, events: Vec<v1::Event>) -> v1::AppendEventsRequest {
    v1::AppendEventsRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        agreement_id: agreement.to_owned(),
        events,
        ..Default::default()
    }
}

pub(crate) fn intent(date: &str, payload: Payload) -> v1::Event {
    event(date, v1::AdmissionMode::Intent, payload)
}

pub(crate) fn fact(date: &str, payload: Payload) -> v1::Event {
    event(date, v1::AdmissionMode::Fact, payload)
}

fn event(date: &str, mode: v1::AdmissionMode, payload: Payload) -> v1::Event {
    v1::Event {
        effective_date: date.to_owned(),
        admission_mode: mode.into(),
        payload: Some(payload),
        ..Default::default()
    }
}

pub(crate) fn nok(amount: &str) -> Option<v1::Money> {
    money(amount, "NOK")
}

pub(crate) fn money(amount: &str, currency: &str) -> Option<v1::Money> {
    Some(v1::Money { amount: amount.to_owned(), currency: currency.to_owned() })
}

pub(crate) fn org(number: &str) -> Option<v1::OrganisationId> {
    Some(v1::OrganisationId { number: number.to_owned(), scheme: String::new() })
}

fn party(number: &str) -> v1::Organisation {
    v1::Organisation { id: org(number), name: String::new() }
}

pub(crate) fn ceiling(scope: v1::scope::Scope, amount: &str) -> v1::Ceiling {
    v1::Ceiling {
        scope: Some(v1::Scope { scope: Some(scope) }),
        kind: v1::CeilingKind::Maximum.into(),
        amount: nok(amount),
    }
}

pub(crate) fn time_option(id: &str, new_end: &str) -> v1::AgreementOption {
    v1::AgreementOption {
        option_id: id.to_owned(),
        kind: v1::OptionKind::Time.into(),
        new_end_date: new_end.to_owned(),
        ..Default::default()
    }
}

/// A plain agreement: one buyer, one supplier, one maximum.
pub(crate) fn signed(amount: &str, start: &str, end: &str) -> v1::AgreementSigned {
    v1::AgreementSigned {
        reference: "2020/1".to_owned(),
        title: "A framework".to_owned(),
        framework_kind: v1::FrameworkKind::WithoutReopenedCompetition.into(),
        nature: v1::ContractNature::Services.into(),
        owner: Some(party(BUYER)),
        buyers: vec![party(BUYER)],
        suppliers: vec![party(SUPPLIER)],
        ceilings: vec![ceiling(v1::scope::Scope::Agreement(true), amount)],
        currency: "NOK".to_owned(),
        term: Some(v1::Term { start_date: start.to_owned(), end_date: end.to_owned() }),
        term_justification: "long enough for every test".to_owned(),
        ..Default::default()
    }
}

pub(crate) fn signed_with_suppliers(amount: &str, suppliers: &[&str]) -> v1::AgreementSigned {
    let suppliers = suppliers.iter().map(|number| party(number)).collect();
    v1::AgreementSigned { suppliers, ..signed(amount, "2020-01-01", "2024-12-31") }
}

/// An agreement that is in force for as long as any test needs.
pub(crate) fn sign(amount: &str) -> v1::Event {
    sign_as(signed(amount, "2020-01-01", "2024-12-31"))
}

pub(crate) fn sign_as(signed: v1::AgreementSigned) -> v1::Event {
    let date = signed.term.clone().unwrap_or_default().start_date;
    fact(&date, Payload::AgreementSigned(signed))
}

pub(crate) fn placed(id: &str, amount: &str) -> v1::OrderPlaced {
    v1::OrderPlaced {
        order_id: id.to_owned(),
        buyer: org(BUYER),
        supplier: org(SUPPLIER),
        amount: nok(amount),
        ..Default::default()
    }
}

pub(crate) fn order(id: &str, amount: &str) -> Payload {
    Payload::OrderPlaced(placed(id, amount))
}

pub(crate) fn change(id: &str, amount: &str) -> Payload {
    let order_id = id.to_owned();
    Payload::OrderChanged(v1::OrderChanged { order_id, amount: nok(amount), ..Default::default() })
}

pub(crate) fn close(id: &str) -> Payload {
    Payload::OrderClosed(v1::OrderClosed { order_id: id.to_owned(), reason: String::new() })
}

pub(crate) fn cancel(id: &str) -> Payload {
    Payload::OrderCancelled(v1::OrderCancelled { order_id: id.to_owned(), reason: String::new() })
}

pub(crate) fn option(id: &str) -> Payload {
    Payload::OptionExercised(v1::OptionExercised { option_id: id.to_owned() })
}

pub(crate) fn reverse(event_id: &str) -> Payload {
    let event_id = event_id.to_owned();
    Payload::EventReversed(v1::EventReversed { event_id, reason: String::new() })
}

/// An invoice; an empty order id makes it an off-order one.
pub(crate) fn invoiced(id: &str, order_id: &str, net: &str) -> v1::InvoiceReceived {
    v1::InvoiceReceived {
        invoice_id: id.to_owned(),
        number: format!("no-{id}"),
        kind: v1::InvoiceKind::Commercial.into(),
        issue_date: "2024-01-01".to_owned(),
        supplier: org(SUPPLIER),
        order_id: order_id.to_owned(),
        net: nok(net),
        ..Default::default()
    }
}

pub(crate) fn invoice(id: &str, order_id: &str, net: &str) -> Payload {
    Payload::InvoiceReceived(invoiced(id, order_id, net))
}

pub(crate) fn credit(id: &str, invoice_id: &str, net: &str) -> Payload {
    Payload::CreditNoteReceived(v1::CreditNoteReceived {
        credit_note_id: id.to_owned(),
        number: format!("no-{id}"),
        issue_date: "2024-01-01".to_owned(),
        supplier: org(SUPPLIER),
        invoice_id: invoice_id.to_owned(),
        net: nok(net),
        ..Default::default()
    })
}

pub(crate) fn pay(id: &str, invoice_id: &str, amount: &str) -> Payload {
    Payload::InvoicePaid(v1::InvoicePaid {
        payment_id: id.to_owned(),
        invoice_id: invoice_id.to_owned(),
        amount: nok(amount),
        ..Default::default()
    })
}
