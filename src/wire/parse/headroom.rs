//! Reading what happens to room that is set aside.

use std::sync::Arc;

use super::path::{At, Path};
use super::values::{self, Check, Sign};
use super::{SHORT_TEXT_BYTES_MAX, Violations, malformed, texts};
use crate::domain::date::Date;
use crate::domain::event::{AdmissionMode, HeadroomReserved, Payload, ReservationReleased};
use crate::domain::id::{LotId, ReservationId};
use crate::domain::scope::ScopeKeys;
use crate::wire::v1;

pub(super) fn headroom_reserved(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::HeadroomReserved,
    mode: AdmissionMode,
    effective: Option<Date>,
) -> Option<Payload> {
    let v1::HeadroomReserved {
        reservation_id,
        amount,
        exchange_rate,
        expiry_date,
        buyer,
        supplier,
        lot_id,
        department,
        purpose,
    } = stated;
    let at = |name: &'static str| At(path, name);
    let field = at("reservation_id");
    let reservation = values::id(violations, &field, reservation_id, ReservationId::parse);
    let (amount, rate, sign) =
        (amount.as_ref(), exchange_rate.as_ref(), Sign::positive_as_intent(mode));
    let value = values::value(violations, path, "amount", amount, rate, sign);
    let expiry = values::date(violations, &at("expiry_date"), expiry_date);
    check_expiry(violations, &at("expiry_date"), mode, effective, expiry);
    let buyer = values::organisation(violations, &at("buyer"), buyer.as_ref(), Check::Strict);
    let supplier = values::optional_organisation(
        violations,
        &at("supplier"),
        supplier.as_ref(),
        Check::Strict,
    );
    let lot = values::optional_id(violations, &at("lot_id"), lot_id, LotId::parse);
    texts::text(violations, &at("department"), department, SHORT_TEXT_BYTES_MAX);
    texts::remark(violations, &at("purpose"), purpose);
    Some(Payload::HeadroomReserved(Arc::new(HeadroomReserved {
        reservation: reservation?,
        value: value?,
        expiry: expiry?,
        keys: ScopeKeys { lot, supplier, buyer: Some(buyer?) },
        department: texts::stated_text(department),
    })))
}

/// A reservation that ends before it begins asks for nothing; one that was made so was made so.
fn check_expiry(
    violations: &mut Violations,
    field: Path<'_>,
    mode: AdmissionMode,
    effective: Option<Date>,
    expiry: Option<Date>,
) {
    match (mode, effective, expiry) {
        (AdmissionMode::Intent, Some(effective), Some(expiry)) if expiry < effective => {
            let text = format!("must not be before {effective}, the day from which it counts");
            violations.add(field, malformed::CONTRADICTION, text);
        }
        (AdmissionMode::Intent | AdmissionMode::Fact, _, _) => {}
    }
}

pub(super) fn reservation_released(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::ReservationReleased,
) -> Option<Payload> {
    let v1::ReservationReleased { reservation_id, reason } = stated;
    let field = At(path, "reservation_id");
    let reservation = values::id(violations, &field, reservation_id, ReservationId::parse);
    texts::remark(violations, &At(path, "reason"), reason);
    Some(Payload::ReservationReleased(ReservationReleased { reservation: reservation? }))
}
