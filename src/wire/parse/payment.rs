//! Reading what happens to money: payments and retention.

use std::sync::Arc;

use super::path::{At, Path};
use super::values::{self, Sign};
use super::{Violations, texts};
use crate::domain::event::{
    AdmissionMode, InvoicePaid, Payload, PaymentReversed, RetentionReleased, RetentionWithheld,
};
use crate::domain::id::{InvoiceId, PaymentId, RetentionId};
use crate::wire::v1;

pub(super) fn invoice_paid(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::InvoicePaid,
    mode: AdmissionMode,
) -> Option<Payload> {
    let v1::InvoicePaid { payment_id, invoice_id, amount, exchange_rate, paid_by } = stated;
    let at = |name: &'static str| At(path, name);
    let payment = values::id(violations, &at("payment_id"), payment_id, PaymentId::parse);
    let invoice = values::id(violations, &at("invoice_id"), invoice_id, InvoiceId::parse);
    let paid_by = texts::person(violations, &at("paid_by"), paid_by);
    let (amount, rate) = (amount.as_ref(), exchange_rate.as_ref());
    let value =
        values::value(violations, path, "amount", amount, rate, Sign::positive_as_intent(mode));
    Some(Payload::InvoicePaid(Arc::new(InvoicePaid {
        payment: payment?,
        invoice: invoice?,
        value: value?,
        paid_by,
    })))
}

pub(super) fn payment_reversed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::PaymentReversed,
) -> Option<Payload> {
    let v1::PaymentReversed { payment_id, reason } = stated;
    let field = At(path, "payment_id");
    let payment = values::id(violations, &field, payment_id, PaymentId::parse);
    texts::remark(violations, &At(path, "reason"), reason);
    Some(Payload::PaymentReversed(PaymentReversed { payment: payment? }))
}

pub(super) fn retention_withheld(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::RetentionWithheld,
    mode: AdmissionMode,
) -> Option<Payload> {
    let v1::RetentionWithheld { retention_id, invoice_id, amount, exchange_rate, release_due_date } =
        stated;
    let at = |name: &'static str| At(path, name);
    let retention = values::id(violations, &at("retention_id"), retention_id, RetentionId::parse);
    let invoice = values::id(violations, &at("invoice_id"), invoice_id, InvoiceId::parse);
    let (amount, rate, sign) =
        (amount.as_ref(), exchange_rate.as_ref(), Sign::positive_as_intent(mode));
    let value = values::value(violations, path, "amount", amount, rate, sign);
    let field = at("release_due_date");
    let release_due = values::optional_date(violations, &field, release_due_date);
    Some(Payload::RetentionWithheld(Arc::new(RetentionWithheld {
        retention: retention?,
        invoice: invoice?,
        value: value?,
        release_due,
    })))
}

pub(super) fn retention_released(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::RetentionReleased,
    mode: AdmissionMode,
) -> Option<Payload> {
    let v1::RetentionReleased { retention_id, amount, exchange_rate } = stated;
    let field = At(path, "retention_id");
    let retention = values::id(violations, &field, retention_id, RetentionId::parse);
    let (amount, rate, sign) =
        (amount.as_ref(), exchange_rate.as_ref(), Sign::positive_as_intent(mode));
    let value = values::value(violations, path, "amount", amount, rate, sign);
    Some(Payload::RetentionReleased(Arc::new(RetentionReleased {
        retention: retention?,
        value: value?,
    })))
}
