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

/// A scope of a test's own choice.
pub(crate) fn scope(scope: v1::scope::Scope) -> Option<v1::Scope> {
    Some(v1::Scope { scope: Some(scope) })
}

pub(crate) fn decline(option_id: &str) -> Payload {
    let option_id = option_id.to_owned();
    Payload::OptionDeclined(v1::OptionDeclined { option_id, reason: String::new() })
}

/// A justified amendment of the ceiling of the whole agreement; an empty change leaves it alone.
pub(crate) fn amended(id: &str, basis: v1::LegalBasis, change: &str) -> v1::AgreementAmended {
    let whole =
        v1::CeilingChange { scope: scope(v1::scope::Scope::Agreement(true)), change: nok(change) };
    v1::AgreementAmended {
        amendment_id: id.to_owned(),
        legal_basis: basis.into(),
        reasoning: "as agreed".to_owned(),
        decision_maker: "person-1".to_owned(),
        decided_date: "2020-01-01".to_owned(),
        ceiling_changes: if change.is_empty() { Vec::new() } else { vec![whole] },
        ..Default::default()
    }
}

pub(crate) fn amend(id: &str, basis: v1::LegalBasis, change: &str) -> Payload {
    Payload::AgreementAmended(amended(id, basis, change))
}

pub(crate) fn index_prices(factor: &str) -> Payload {
    let factor = factor.to_owned();
    Payload::PriceIndexed(v1::PriceIndexed { factor, index_name: String::new() })
}

pub(crate) fn suspend(reason: &str) -> Payload {
    Payload::AgreementSuspended(v1::AgreementSuspended { reason: reason.to_owned() })
}

pub(crate) fn resume() -> Payload {
    Payload::AgreementResumed(v1::AgreementResumed::default())
}

/// The agreement ends early; open orders are finished.
pub(crate) fn terminate(reason: &str) -> Payload {
    Payload::AgreementTerminated(v1::AgreementTerminated {
        reason: reason.to_owned(),
        open_orders: v1::OpenOrderTreatment::Finish.into(),
    })
}

pub(crate) fn close_agreement() -> Payload {
    Payload::AgreementClosed(v1::AgreementClosed::default())
}

/// Room for the buyer, whoever delivers.
pub(crate) fn reserved(id: &str, amount: &str, expiry: &str) -> v1::HeadroomReserved {
    v1::HeadroomReserved {
        reservation_id: id.to_owned(),
        amount: nok(amount),
        expiry_date: expiry.to_owned(),
        buyer: org(BUYER),
        ..Default::default()
    }
}

pub(crate) fn reserve(id: &str, amount: &str, expiry: &str) -> Payload {
    Payload::HeadroomReserved(reserved(id, amount, expiry))
}

pub(crate) fn release(reservation_id: &str) -> Payload {
    let reservation_id = reservation_id.to_owned();
    Payload::ReservationReleased(v1::ReservationReleased { reservation_id, reason: String::new() })
}

pub(crate) fn confirm(order_id: &str) -> Payload {
    let order_id = order_id.to_owned();
    Payload::OrderConfirmed(v1::OrderConfirmed { order_id, supplier_reference: String::new() })
}

pub(crate) fn reject_order(order_id: &str) -> Payload {
    let order_id = order_id.to_owned();
    Payload::OrderRejected(v1::OrderRejected { order_id, reason: String::new() })
}

/// A delivery on an order; an empty person leaves open who received it.
pub(crate) fn deliver(id: &str, order_id: &str, received_by: &str) -> Payload {
    Payload::DeliveryReceived(v1::DeliveryReceived {
        delivery_id: id.to_owned(),
        order_id: order_id.to_owned(),
        received_by: received_by.to_owned(),
        ..Default::default()
    })
}

pub(crate) fn reopen(order_id: &str) -> Payload {
    let order_id = order_id.to_owned();
    Payload::OrderReopened(v1::OrderReopened { order_id, reason: String::new() })
}

/// An approval; an empty person leaves open who approved.
pub(crate) fn approve(invoice_id: &str, approved_by: &str) -> Payload {
    let (invoice_id, approved_by) = (invoice_id.to_owned(), approved_by.to_owned());
    Payload::InvoiceApproved(v1::InvoiceApproved { invoice_id, approved_by })
}

/// The whole invoice is disputed.
pub(crate) fn dispute(invoice_id: &str, reason: &str) -> Payload {
    let (invoice_id, reason) = (invoice_id.to_owned(), reason.to_owned());
    Payload::InvoiceDisputed(v1::InvoiceDisputed { invoice_id, disputed: None, reason })
}

pub(crate) fn reject_invoice(invoice_id: &str, reason: &str) -> Payload {
    let (invoice_id, reason) = (invoice_id.to_owned(), reason.to_owned());
    Payload::InvoiceRejected(v1::InvoiceRejected { invoice_id, reason })
}

pub(crate) fn settle_dispute(invoice_id: &str) -> Payload {
    let invoice_id = invoice_id.to_owned();
    Payload::DisputeResolved(v1::DisputeResolved { invoice_id, resolution: String::new() })
}

/// A net amount off a prepayment; an empty final invoice names none.
pub(crate) fn offset(prepayment_id: &str, final_invoice_id: &str, amount: &str) -> Payload {
    Payload::PrepaymentOffset(v1::PrepaymentOffset {
        prepayment_invoice_id: prepayment_id.to_owned(),
        final_invoice_id: final_invoice_id.to_owned(),
        amount: nok(amount),
    })
}

pub(crate) fn pay_back(payment_id: &str) -> Payload {
    let payment_id = payment_id.to_owned();
    Payload::PaymentReversed(v1::PaymentReversed { payment_id, reason: String::new() })
}

pub(crate) fn withhold(id: &str, invoice_id: &str, amount: &str) -> Payload {
    Payload::RetentionWithheld(v1::RetentionWithheld {
        retention_id: id.to_owned(),
        invoice_id: invoice_id.to_owned(),
        amount: nok(amount),
        ..Default::default()
    })
}

pub(crate) fn release_retention(retention_id: &str, amount: &str) -> Payload {
    Payload::RetentionReleased(v1::RetentionReleased {
        retention_id: retention_id.to_owned(),
        amount: nok(amount),
        exchange_rate: None,
    })
}

/// A valid override: a reason, and two persons.
pub(crate) fn granted(id: &str, limit: &str, end: &str) -> v1::OverrideGranted {
    v1::OverrideGranted {
        override_id: id.to_owned(),
        limit: nok(limit),
        reason: "as decided".to_owned(),
        end_date: end.to_owned(),
        granted_by: "person-1".to_owned(),
        seconded_by: "person-2".to_owned(),
    }
}

pub(crate) fn grant(id: &str, limit: &str, end: &str) -> Payload {
    Payload::OverrideGranted(granted(id, limit, end))
}

pub(crate) fn acknowledge(finding_id: &str) -> Payload {
    let finding_id = finding_id.to_owned();
    Payload::FindingAcknowledged(v1::FindingAcknowledged { finding_id, comment: String::new() })
}

pub(crate) fn waive(finding_id: &str, reason: &str) -> Payload {
    let (finding_id, reason) = (finding_id.to_owned(), reason.to_owned());
    Payload::FindingWaived(v1::FindingWaived { finding_id, reason })
}

pub(crate) fn resolve(finding_id: &str, resolution: &str) -> Payload {
    let (finding_id, resolution) = (finding_id.to_owned(), resolution.to_owned());
    Payload::FindingResolved(v1::FindingResolved { finding_id, resolution })
}

pub(crate) fn set_policy(policy: v1::ThresholdPolicySet) -> Payload {
    Payload::ThresholdPolicySet(policy)
}

/// A document on an order, invoice, amendment or event; an empty id is the agreement.
pub(crate) fn attach(subject_id: &str) -> Payload {
    Payload::DocumentAttached(v1::DocumentAttached {
        document: Some(v1::Document {
            kind: "contract".to_owned(),
            sha256: "0".repeat(64),
            uri: String::new(),
        }),
        subject_id: subject_id.to_owned(),
        description: String::new(),
    })
}
