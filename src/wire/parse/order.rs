//! Reading what happens to an order.

use std::sync::Arc;

use super::path::{At, Path};
use super::values::{self, Check, Sign};
use super::{SHORT_TEXT_BYTES_MAX, Violations, texts};
use crate::domain::event::{
    AdmissionMode, Competition, DeliveryReceived, OrderChanged, OrderPlaced, OrderRef, Payload,
};
use crate::domain::id::{DeliveryId, LotId, OrderId, ReservationId};
use crate::domain::scope::ScopeKeys;
use crate::wire::v1;

pub(super) fn order_placed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OrderPlaced,
    mode: AdmissionMode,
) -> Option<Payload> {
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
    let at = |name: &'static str| At(path, name);
    let order = values::id(violations, &at("order_id"), order_id, OrderId::parse);
    let buyer = values::organisation(violations, &at("buyer"), buyer.as_ref(), Check::Strict);
    let supplier =
        values::organisation(violations, &at("supplier"), supplier.as_ref(), Check::Strict);
    let (amount, rate) = (amount.as_ref(), exchange_rate.as_ref());
    let value =
        values::value(violations, path, "amount", amount, rate, Sign::positive_as_intent(mode));
    let lot = values::optional_id(violations, &at("lot_id"), lot_id, LotId::parse);
    texts::text(violations, &at("department"), department, SHORT_TEXT_BYTES_MAX);
    if !cpv_code.is_empty() {
        texts::cpv_code(violations, &at("cpv_code"), cpv_code);
    }
    let reservation = values::optional_id(
        violations,
        &at("reservation_id"),
        reservation_id,
        ReservationId::parse,
    );
    let ordered_by = texts::person(violations, &at("ordered_by"), ordered_by);
    let approved_by = texts::person(violations, &at("approved_by"), approved_by);
    let competition_field = at("competition_reference");
    texts::text(violations, &competition_field, competition_reference, SHORT_TEXT_BYTES_MAX);
    texts::remark(violations, &at("description"), description);
    let competition = if competition_reference.trim().is_empty() {
        Competition::NotDocumented
    } else {
        Competition::Documented
    };
    Some(Payload::OrderPlaced(Arc::new(OrderPlaced {
        order: order?,
        keys: ScopeKeys { lot, supplier: Some(supplier?), buyer: Some(buyer?) },
        value: value?,
        reservation,
        department: texts::stated_text(department),
        cpv: texts::stated_text(cpv_code),
        ordered_by,
        approved_by,
        competition,
    })))
}

pub(super) fn order_changed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OrderChanged,
) -> Option<Payload> {
    let v1::OrderChanged { order_id, amount, exchange_rate, sequence_number: _, reason } = stated;
    let order = values::id(violations, &At(path, "order_id"), order_id, OrderId::parse);
    let (amount, rate) = (amount.as_ref(), exchange_rate.as_ref());
    let value = values::value(violations, path, "amount", amount, rate, Sign::NotNegative);
    texts::remark(violations, &At(path, "reason"), reason);
    Some(Payload::OrderChanged(Arc::new(OrderChanged { order: order?, value: value? })))
}

pub(super) fn order_confirmed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OrderConfirmed,
) -> Option<Payload> {
    let v1::OrderConfirmed { order_id, supplier_reference } = stated;
    let field = At(path, "supplier_reference");
    texts::text(violations, &field, supplier_reference, SHORT_TEXT_BYTES_MAX);
    order_ref(violations, path, order_id).map(Payload::OrderConfirmed)
}

pub(super) fn order_rejected(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OrderRejected,
) -> Option<Payload> {
    let v1::OrderRejected { order_id, reason } = stated;
    texts::remark(violations, &At(path, "reason"), reason);
    order_ref(violations, path, order_id).map(Payload::OrderRejected)
}

pub(super) fn order_cancelled(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OrderCancelled,
) -> Option<Payload> {
    let v1::OrderCancelled { order_id, reason } = stated;
    texts::remark(violations, &At(path, "reason"), reason);
    order_ref(violations, path, order_id).map(Payload::OrderCancelled)
}

pub(super) fn order_closed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OrderClosed,
) -> Option<Payload> {
    let v1::OrderClosed { order_id, reason } = stated;
    texts::remark(violations, &At(path, "reason"), reason);
    order_ref(violations, path, order_id).map(Payload::OrderClosed)
}

pub(super) fn order_reopened(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OrderReopened,
) -> Option<Payload> {
    let v1::OrderReopened { order_id, reason } = stated;
    texts::remark(violations, &At(path, "reason"), reason);
    order_ref(violations, path, order_id).map(Payload::OrderReopened)
}

pub(super) fn delivery_received(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::DeliveryReceived,
) -> Option<Payload> {
    let v1::DeliveryReceived { delivery_id, order_id, received_by, amount, description } = stated;
    let at = |name: &'static str| At(path, name);
    let delivery = values::id(violations, &at("delivery_id"), delivery_id, DeliveryId::parse);
    let order = values::id(violations, &at("order_id"), order_id, OrderId::parse);
    let received_by = texts::person(violations, &at("received_by"), received_by);
    values::check_money(violations, &at("amount"), amount.as_ref());
    texts::remark(violations, &at("description"), description);
    Some(Payload::DeliveryReceived(Arc::new(DeliveryReceived {
        delivery: delivery?,
        order: order?,
        received_by,
    })))
}

fn order_ref(violations: &mut Violations, path: Path<'_>, order_id: &str) -> Option<OrderRef> {
    let order = values::id(violations, &At(path, "order_id"), order_id, OrderId::parse)?;
    Some(OrderRef { order })
}
