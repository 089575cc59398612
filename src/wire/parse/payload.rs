//! Reading what happened.

use super::values::{self, Check, Sign};
use super::{LONG_TEXT_BYTES_MAX, SHORT_TEXT_BYTES_MAX, Violations, malformed, signing};
use crate::domain::event::{
    AdmissionMode, Competition, CreditNoteReceived, EventReversed, InvoiceKind, InvoicePaid,
    InvoiceReceived, OptionRef, OrderChanged, OrderPlaced, OrderRef, Payload,
};
use crate::domain::id::{
    CreditNoteId, EventId, InvoiceId, LotId, OptionId, OrderId, PaymentId, ReservationId,
};
use crate::domain::money::Amount;
use crate::domain::reason::Reason;
use crate::domain::scope::ScopeKeys;
use crate::wire::v1;
use crate::wire::v1::event::Payload as Stated;

pub(super) enum ParsedPayload {
    /// An event of this version; None after a violation.
    Known(Option<Payload>),
    /// An event of the catalogue whose rules are not there yet.
    Unimplemented(&'static str),
}

pub(super) fn parse(
    violations: &mut Violations,
    path: &str,
    stated: &Stated,
    mode: AdmissionMode,
) -> ParsedPayload {
    let at = |name: &str| format!("{path}.{name}");
    let known = match stated {
        Stated::AgreementSigned(stated) => {
            signing::parse(violations, &at("agreement_signed"), stated)
                .map(|signed| Payload::AgreementSigned(Box::new(signed)))
        }
        Stated::OptionExercised(stated) => {
            let field = at("option_exercised.option_id");
            values::id(violations, &field, &stated.option_id, OptionId::parse)
                .map(|option| Payload::OptionExercised(OptionRef { option }))
        }
        Stated::OrderPlaced(stated) => order_placed(violations, &at("order_placed"), stated, mode)
            .map(|placed| Payload::OrderPlaced(Box::new(placed))),
        Stated::OrderChanged(stated) => order_changed(violations, &at("order_changed"), stated),
        Stated::OrderCancelled(stated) => {
            order_ended(violations, &at("order_cancelled"), &stated.order_id, &stated.reason)
                .map(Payload::OrderCancelled)
        }
        Stated::OrderClosed(stated) => {
            order_ended(violations, &at("order_closed"), &stated.order_id, &stated.reason)
                .map(Payload::OrderClosed)
        }
        Stated::InvoiceReceived(stated) => {
            invoice(violations, &at("invoice_received"), stated, mode)
                .map(|invoice| Payload::InvoiceReceived(Box::new(invoice)))
        }
        Stated::CreditNoteReceived(stated) => {
            credit_note(violations, &at("credit_note_received"), stated, mode)
                .map(|credit| Payload::CreditNoteReceived(Box::new(credit)))
        }
        Stated::InvoicePaid(stated) => {
            payment(violations, &at("invoice_paid"), stated, mode).map(Payload::InvoicePaid)
        }
        Stated::EventReversed(stated) => {
            let path = at("event_reversed");
            let reason = format!("{path}.reason");
            values::text(violations, &reason, &stated.reason, LONG_TEXT_BYTES_MAX);
            values::id(violations, &format!("{path}.event_id"), &stated.event_id, EventId::parse)
                .map(|target| Payload::EventReversed(EventReversed { target }))
        }
        Stated::OptionDeclined(_) => return ParsedPayload::Unimplemented("OptionDeclined"),
        Stated::AgreementAmended(_) => return ParsedPayload::Unimplemented("AgreementAmended"),
        Stated::PriceIndexed(_) => return ParsedPayload::Unimplemented("PriceIndexed"),
        Stated::AgreementSuspended(_) => return ParsedPayload::Unimplemented("AgreementSuspended"),
        Stated::AgreementResumed(_) => return ParsedPayload::Unimplemented("AgreementResumed"),
        Stated::AgreementTerminated(_) => {
            return ParsedPayload::Unimplemented("AgreementTerminated");
        }
        Stated::AgreementClosed(_) => return ParsedPayload::Unimplemented("AgreementClosed"),
        Stated::HeadroomReserved(_) => return ParsedPayload::Unimplemented("HeadroomReserved"),
        Stated::ReservationReleased(_) => {
            return ParsedPayload::Unimplemented("ReservationReleased");
        }
        Stated::OrderConfirmed(_) => return ParsedPayload::Unimplemented("OrderConfirmed"),
        Stated::OrderRejected(_) => return ParsedPayload::Unimplemented("OrderRejected"),
        Stated::DeliveryReceived(_) => return ParsedPayload::Unimplemented("DeliveryReceived"),
        Stated::OrderReopened(_) => return ParsedPayload::Unimplemented("OrderReopened"),
        Stated::InvoiceApproved(_) => return ParsedPayload::Unimplemented("InvoiceApproved"),
        Stated::InvoiceDisputed(_) => return ParsedPayload::Unimplemented("InvoiceDisputed"),
        Stated::InvoiceRejected(_) => return ParsedPayload::Unimplemented("InvoiceRejected"),
        Stated::DisputeResolved(_) => return ParsedPayload::Unimplemented("DisputeResolved"),
        Stated::PrepaymentOffset(_) => return ParsedPayload::Unimplemented("PrepaymentOffset"),
        Stated::PaymentReversed(_) => return ParsedPayload::Unimplemented("PaymentReversed"),
        Stated::RetentionWithheld(_) => return ParsedPayload::Unimplemented("RetentionWithheld"),
        Stated::RetentionReleased(_) => return ParsedPayload::Unimplemented("RetentionReleased"),
        Stated::OverrideGranted(_) => return ParsedPayload::Unimplemented("OverrideGranted"),
        Stated::FindingAcknowledged(_) => {
            return ParsedPayload::Unimplemented("FindingAcknowledged");
        }
        Stated::FindingWaived(_) => return ParsedPayload::Unimplemented("FindingWaived"),
        Stated::FindingResolved(_) => return ParsedPayload::Unimplemented("FindingResolved"),
        Stated::ThresholdPolicySet(_) => return ParsedPayload::Unimplemented("ThresholdPolicySet"),
        Stated::DocumentAttached(_) => return ParsedPayload::Unimplemented("DocumentAttached"),
    };
    ParsedPayload::Known(known)
}

/// An intent asks for something; a fact may have been for nothing.
fn positive_as_intent(mode: AdmissionMode) -> Sign {
    match mode {
        AdmissionMode::Intent => Sign::Positive,
        AdmissionMode::Fact => Sign::NotNegative,
    }
}

/// A document that came states what it states; what is asked for must be right.
fn strict_as_intent(mode: AdmissionMode) -> Check {
    match mode {
        AdmissionMode::Intent => Check::Strict,
        AdmissionMode::Fact => Check::AsStated,
    }
}

/// A text that may be left out.
fn stated_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn order_placed(
    violations: &mut Violations,
    path: &str,
    stated: &v1::OrderPlaced,
    mode: AdmissionMode,
) -> Option<OrderPlaced> {
    let v1::OrderPlaced {
        order_id,
        buyer,
        supplier,
        amount,
        exchange_rate,
        lot_id,
        department,
        cpv_code,
        reservation_id,
        ordered_by,
        approved_by,
        competition_reference,
        description,
    } = stated;
    let at = |name: &str| format!("{path}.{name}");
    let order = values::id(violations, &at("order_id"), order_id, OrderId::parse);
    let buyer = values::organisation(violations, &at("buyer"), buyer.as_ref(), Check::Strict);
    let supplier =
        values::organisation(violations, &at("supplier"), supplier.as_ref(), Check::Strict);
    let (amount, rate) = (amount.as_ref(), exchange_rate.as_ref());
    let value = values::value(violations, path, "amount", amount, rate, positive_as_intent(mode));
    let lot = values::optional_id(violations, &at("lot_id"), lot_id, LotId::parse);
    values::text(violations, &at("department"), department, SHORT_TEXT_BYTES_MAX);
    if !cpv_code.is_empty() {
        values::cpv_code(violations, &at("cpv_code"), cpv_code);
    }
    let reservation = values::optional_id(
        violations,
        &at("reservation_id"),
        reservation_id,
        ReservationId::parse,
    );
    values::text(violations, &at("ordered_by"), ordered_by, SHORT_TEXT_BYTES_MAX);
    values::text(violations, &at("approved_by"), approved_by, SHORT_TEXT_BYTES_MAX);
    let competition_field = at("competition_reference");
    values::text(violations, &competition_field, competition_reference, SHORT_TEXT_BYTES_MAX);
    values::text(violations, &at("description"), description, LONG_TEXT_BYTES_MAX);
    let competition = if competition_reference.trim().is_empty() {
        Competition::NotDocumented
    } else {
        Competition::Documented
    };
    Some(OrderPlaced {
        order: order?,
        keys: ScopeKeys { lot, supplier: Some(supplier?), buyer: Some(buyer?) },
        value: value?,
        reservation,
        department: stated_text(department),
        cpv: stated_text(cpv_code),
        ordered_by: stated_text(ordered_by),
        approved_by: stated_text(approved_by),
        competition,
    })
}

fn order_changed(
    violations: &mut Violations,
    path: &str,
    stated: &v1::OrderChanged,
) -> Option<Payload> {
    let v1::OrderChanged { order_id, amount, exchange_rate, sequence_number: _, reason } = stated;
    let order = values::id(violations, &format!("{path}.order_id"), order_id, OrderId::parse);
    let (amount, rate) = (amount.as_ref(), exchange_rate.as_ref());
    let value = values::value(violations, path, "amount", amount, rate, Sign::NotNegative);
    values::text(violations, &format!("{path}.reason"), reason, LONG_TEXT_BYTES_MAX);
    Some(Payload::OrderChanged(OrderChanged { order: order?, value: value? }))
}

fn order_ended(
    violations: &mut Violations,
    path: &str,
    order_id: &str,
    reason: &str,
) -> Option<OrderRef> {
    values::text(violations, &format!("{path}.reason"), reason, LONG_TEXT_BYTES_MAX);
    let order = values::id(violations, &format!("{path}.order_id"), order_id, OrderId::parse)?;
    Some(OrderRef { order })
}

fn invoice(
    violations: &mut Violations,
    path: &str,
    stated: &v1::InvoiceReceived,
    mode: AdmissionMode,
) -> Option<InvoiceReceived> {
    let v1::InvoiceReceived {
        invoice_id,
        number,
        kind,
        issue_date,
        supplier,
        buyer,
        order_id,
        net,
        vat,
        interest_and_fees,
        prepaid,
        exchange_rate,
        due_date,
        corrected_invoice_id,
        lot_id,
        department,
        cpv_code,
        reverse_charge,
        document_sha256,
    } = stated;
    let at = |name: &str| format!("{path}.{name}");
    let check = strict_as_intent(mode);
    let invoice = values::id(violations, &at("invoice_id"), invoice_id, InvoiceId::parse);
    values::required_text(violations, &at("number"), number, SHORT_TEXT_BYTES_MAX);
    let kind = invoice_kind(violations, &at("kind"), *kind);
    let issued = values::date(violations, &at("issue_date"), issue_date);
    let due = values::optional_date(violations, &at("due_date"), due_date);
    let supplier = values::organisation(violations, &at("supplier"), supplier.as_ref(), check);
    let buyer = values::optional_organisation(violations, &at("buyer"), buyer.as_ref(), check);
    let order = values::optional_id(violations, &at("order_id"), order_id, OrderId::parse);
    let corrected_field = at("corrected_invoice_id");
    let corrected =
        values::optional_id(violations, &corrected_field, corrected_invoice_id, InvoiceId::parse);
    let lot = values::optional_id(violations, &at("lot_id"), lot_id, LotId::parse);
    values::text(violations, &at("department"), department, SHORT_TEXT_BYTES_MAX);
    if !cpv_code.is_empty() {
        values::cpv_code(violations, &at("cpv_code"), cpv_code);
    }
    if !document_sha256.is_empty() {
        values::sha256(violations, &at("document_sha256"), document_sha256);
    }
    let net =
        values::value(violations, path, "net", net.as_ref(), exchange_rate.as_ref(), Sign::Any)?;
    let in_net = |violations: &mut Violations, name: &str, stated: &Option<v1::Money>, sign| {
        let stated = stated.as_ref();
        match stated {
            None => Some(Amount::ZERO),
            Some(_) => values::money_in(violations, &at(name), stated, sign, net.money.currency),
        }
    };
    let vat = in_net(violations, "vat", vat, Sign::Any);
    let interest_and_fees = in_net(violations, "interest_and_fees", interest_and_fees, Sign::Any);
    let prepaid = in_net(violations, "prepaid", prepaid, Sign::NotNegative);
    if *reverse_charge && vat.is_some_and(|vat| !vat.is_zero()) {
        let text = "must be zero under reverse charge";
        violations.add(&at("vat"), malformed::CONTRADICTION, text);
    }
    let negative = net.money.amount.is_negative();
    if corrected.is_some() && !negative {
        let text = "may be named by a negative invoice only";
        violations.add(&corrected_field, malformed::CONTRADICTION, text);
    }
    if kind == Some(InvoiceKind::Prepayment) && negative {
        let text = "of a prepayment must not be negative; send a credit note";
        violations.add(&at("net.amount"), Reason::MalformedAmount.name(), text);
    }
    Some(InvoiceReceived {
        invoice: invoice?,
        number: number.clone(),
        issued: issued?,
        due,
        interest_and_fees: interest_and_fees?,
        department: stated_text(department),
        cpv: stated_text(cpv_code),
        document: stated_text(document_sha256),
        kind: kind?,
        keys: ScopeKeys { lot, supplier: Some(supplier?), buyer },
        order,
        net,
        vat: vat?,
        prepaid: prepaid?,
        corrected,
    })
}

fn invoice_kind(violations: &mut Violations, field: &str, number: i32) -> Option<InvoiceKind> {
    match v1::InvoiceKind::try_from(number) {
        Ok(v1::InvoiceKind::Commercial) => Some(InvoiceKind::Commercial),
        Ok(v1::InvoiceKind::Prepayment) => Some(InvoiceKind::Prepayment),
        Ok(v1::InvoiceKind::InterestOrFee) => Some(InvoiceKind::InterestOrFee),
        Ok(v1::InvoiceKind::Unspecified) | Err(_) => {
            violations.add(field, malformed::UNKNOWN_ENUM_VALUE, "must be a kind of invoice");
            None
        }
    }
}

fn credit_note(
    violations: &mut Violations,
    path: &str,
    stated: &v1::CreditNoteReceived,
    mode: AdmissionMode,
) -> Option<CreditNoteReceived> {
    let v1::CreditNoteReceived {
        credit_note_id,
        number,
        issue_date,
        supplier,
        invoice_id,
        net,
        vat,
        exchange_rate,
        document_sha256,
    } = stated;
    let at = |name: &str| format!("{path}.{name}");
    let check = strict_as_intent(mode);
    let credit_note =
        values::id(violations, &at("credit_note_id"), credit_note_id, CreditNoteId::parse);
    values::required_text(violations, &at("number"), number, SHORT_TEXT_BYTES_MAX);
    let issued = values::date(violations, &at("issue_date"), issue_date);
    let supplier = values::organisation(violations, &at("supplier"), supplier.as_ref(), check);
    let invoice = values::id(violations, &at("invoice_id"), invoice_id, InvoiceId::parse);
    if !document_sha256.is_empty() {
        values::sha256(violations, &at("document_sha256"), document_sha256);
    }
    let net =
        values::value(violations, path, "net", net.as_ref(), exchange_rate.as_ref(), Sign::Any)?;
    let vat = match vat.as_ref() {
        None => Some(Amount::ZERO),
        vat => values::money_in(violations, &at("vat"), vat, Sign::Any, net.money.currency),
    };
    Some(CreditNoteReceived {
        number: number.clone(),
        issued: issued?,
        vat: vat?,
        document: stated_text(document_sha256),
        credit_note: credit_note?,
        invoice: invoice?,
        supplier: supplier?,
        net,
    })
}

fn payment(
    violations: &mut Violations,
    path: &str,
    stated: &v1::InvoicePaid,
    mode: AdmissionMode,
) -> Option<InvoicePaid> {
    let v1::InvoicePaid { payment_id, invoice_id, amount, exchange_rate, paid_by } = stated;
    let at = |name: &str| format!("{path}.{name}");
    let payment = values::id(violations, &at("payment_id"), payment_id, PaymentId::parse);
    let invoice = values::id(violations, &at("invoice_id"), invoice_id, InvoiceId::parse);
    values::text(violations, &at("paid_by"), paid_by, SHORT_TEXT_BYTES_MAX);
    let (amount, rate) = (amount.as_ref(), exchange_rate.as_ref());
    let value = values::value(violations, path, "amount", amount, rate, positive_as_intent(mode));
    let paid_by = stated_text(paid_by);
    Some(InvoicePaid { payment: payment?, invoice: invoice?, value: value?, paid_by })
}
