//! Reading what happens to an invoice.

use std::sync::Arc;

use super::path::{At, Path};
use super::values::{self, Check, Sign};
use super::{SHORT_TEXT_BYTES_MAX, Violations, malformed, texts};
use crate::domain::event::{
    AdmissionMode, CreditNoteReceived, InvoiceApproved, InvoiceDisputed, InvoiceKind,
    InvoiceReceived, InvoiceRef, InvoiceRejected, Payload, PrepaymentOffset,
};
use crate::domain::id::{CreditNoteId, InvoiceId, LotId, OrderId};
use crate::domain::money::Amount;
use crate::domain::reason::Reason;
use crate::domain::scope::ScopeKeys;
use crate::wire::v1;

pub(super) fn invoice_received(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::InvoiceReceived,
    mode: AdmissionMode,
) -> Option<Payload> {
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
    let at = |name: &'static str| At(path, name);
    let check = Check::strict_as_intent(mode);
    let invoice = values::id(violations, &at("invoice_id"), invoice_id, InvoiceId::parse);
    texts::required_text(violations, &at("number"), number, SHORT_TEXT_BYTES_MAX);
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
    texts::text(violations, &at("department"), department, SHORT_TEXT_BYTES_MAX);
    if !cpv_code.is_empty() {
        texts::cpv_code(violations, &at("cpv_code"), cpv_code);
    }
    if !document_sha256.is_empty() {
        texts::sha256(violations, &at("document_sha256"), document_sha256);
    }
    let net =
        values::value(violations, path, "net", net.as_ref(), exchange_rate.as_ref(), Sign::Any)?;
    let in_net = |violations: &mut Violations,
                  name: &'static str,
                  stated: &Option<v1::Money>,
                  sign| {
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
    Some(Payload::InvoiceReceived(Arc::new(InvoiceReceived {
        invoice: invoice?,
        number: number.clone(),
        issued: issued?,
        due,
        interest_and_fees: interest_and_fees?,
        department: texts::stated_text(department),
        cpv: texts::stated_text(cpv_code),
        document: texts::stated_text(document_sha256),
        kind: kind?,
        keys: ScopeKeys { lot, supplier: Some(supplier?), buyer },
        order,
        net,
        vat: vat?,
        prepaid: prepaid?,
        corrected,
    })))
}

fn invoice_kind(violations: &mut Violations, field: Path<'_>, number: i32) -> Option<InvoiceKind> {
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

pub(super) fn credit_note_received(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::CreditNoteReceived,
    mode: AdmissionMode,
) -> Option<Payload> {
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
    let at = |name: &'static str| At(path, name);
    let check = Check::strict_as_intent(mode);
    let credit_note =
        values::id(violations, &at("credit_note_id"), credit_note_id, CreditNoteId::parse);
    texts::required_text(violations, &at("number"), number, SHORT_TEXT_BYTES_MAX);
    let issued = values::date(violations, &at("issue_date"), issue_date);
    let supplier = values::organisation(violations, &at("supplier"), supplier.as_ref(), check);
    let invoice = values::id(violations, &at("invoice_id"), invoice_id, InvoiceId::parse);
    if !document_sha256.is_empty() {
        texts::sha256(violations, &at("document_sha256"), document_sha256);
    }
    let net =
        values::value(violations, path, "net", net.as_ref(), exchange_rate.as_ref(), Sign::Any)?;
    let vat = match vat.as_ref() {
        None => Some(Amount::ZERO),
        vat => values::money_in(violations, &at("vat"), vat, Sign::Any, net.money.currency),
    };
    Some(Payload::CreditNoteReceived(Arc::new(CreditNoteReceived {
        number: number.clone(),
        issued: issued?,
        vat: vat?,
        document: texts::stated_text(document_sha256),
        credit_note: credit_note?,
        invoice: invoice?,
        supplier: supplier?,
        net,
    })))
}

pub(super) fn invoice_approved(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::InvoiceApproved,
) -> Option<Payload> {
    let v1::InvoiceApproved { invoice_id, approved_by } = stated;
    let invoice = invoice_id_of(violations, path, invoice_id);
    let approved_by = texts::person(violations, &At(path, "approved_by"), approved_by);
    Some(Payload::InvoiceApproved(Arc::new(InvoiceApproved { invoice: invoice?, approved_by })))
}

pub(super) fn invoice_disputed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::InvoiceDisputed,
) -> Option<Payload> {
    let v1::InvoiceDisputed { invoice_id, disputed, reason } = stated;
    let invoice = invoice_id_of(violations, path, invoice_id);
    values::check_money(violations, &At(path, "disputed"), disputed.as_ref());
    let reasoning = texts::reasoning(violations, &At(path, "reason"), reason);
    Some(Payload::InvoiceDisputed(InvoiceDisputed { invoice: invoice?, reasoning }))
}

pub(super) fn invoice_rejected(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::InvoiceRejected,
) -> Option<Payload> {
    let v1::InvoiceRejected { invoice_id, reason } = stated;
    let invoice = invoice_id_of(violations, path, invoice_id);
    let reasoning = texts::reasoning(violations, &At(path, "reason"), reason);
    Some(Payload::InvoiceRejected(InvoiceRejected { invoice: invoice?, reasoning }))
}

pub(super) fn dispute_resolved(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::DisputeResolved,
) -> Option<Payload> {
    let v1::DisputeResolved { invoice_id, resolution } = stated;
    let invoice = invoice_id_of(violations, path, invoice_id);
    texts::remark(violations, &At(path, "resolution"), resolution);
    Some(Payload::DisputeResolved(InvoiceRef { invoice: invoice? }))
}

pub(super) fn prepayment_offset(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::PrepaymentOffset,
) -> Option<Payload> {
    let v1::PrepaymentOffset { prepayment_invoice_id, final_invoice_id, amount } = stated;
    let at = |name: &'static str| At(path, name);
    let field = at("prepayment_invoice_id");
    let prepayment = values::id(violations, &field, prepayment_invoice_id, InvoiceId::parse);
    let field = at("final_invoice_id");
    let final_invoice = values::optional_id(violations, &field, final_invoice_id, InvoiceId::parse);
    let amount = values::money(violations, &at("amount"), amount.as_ref(), Sign::Positive);
    Some(Payload::PrepaymentOffset(Arc::new(PrepaymentOffset {
        prepayment: prepayment?,
        final_invoice,
        amount: amount?,
    })))
}

fn invoice_id_of(
    violations: &mut Violations,
    path: Path<'_>,
    invoice_id: &str,
) -> Option<InvoiceId> {
    values::id(violations, &At(path, "invoice_id"), invoice_id, InvoiceId::parse)
}
