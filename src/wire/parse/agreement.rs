//! Reading what happens to an agreement after it is signed, but for its amendments.

use super::path::{At, Path};
use super::values;
use super::{NAME_BYTES_MAX, Violations, malformed, texts};
use crate::domain::event::{OptionRef, Payload, PriceIndexed, Reasoned};
use crate::domain::id::OptionId;
use crate::wire::v1;

pub(super) fn option_exercised(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OptionExercised,
) -> Option<Payload> {
    let v1::OptionExercised { option_id } = stated;
    let field = At(path, "option_id");
    let option = values::id(violations, &field, option_id, OptionId::parse)?;
    Some(Payload::OptionExercised(OptionRef { option }))
}

pub(super) fn option_declined(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OptionDeclined,
) -> Option<Payload> {
    let v1::OptionDeclined { option_id, reason } = stated;
    let field = At(path, "option_id");
    let option = values::id(violations, &field, option_id, OptionId::parse);
    texts::remark(violations, &At(path, "reason"), reason);
    Some(Payload::OptionDeclined(OptionRef { option: option? }))
}

pub(super) fn price_indexed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::PriceIndexed,
) -> Option<Payload> {
    let v1::PriceIndexed { factor, index_name } = stated;
    let parsed = values::rate_text(violations, &At(path, "factor"), factor);
    texts::text(violations, &At(path, "index_name"), index_name, NAME_BYTES_MAX);
    Some(Payload::PriceIndexed(PriceIndexed { factor: parsed? }))
}

pub(super) fn agreement_suspended(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::AgreementSuspended,
) -> Payload {
    let v1::AgreementSuspended { reason } = stated;
    let reasoning = texts::reasoning(violations, &At(path, "reason"), reason);
    Payload::AgreementSuspended(Reasoned { reasoning })
}

pub(super) fn agreement_resumed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::AgreementResumed,
) -> Payload {
    let v1::AgreementResumed { reason } = stated;
    texts::remark(violations, &At(path, "reason"), reason);
    Payload::AgreementResumed
}

pub(super) fn agreement_terminated(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::AgreementTerminated,
) -> Payload {
    let v1::AgreementTerminated { reason, open_orders } = stated;
    let reasoning = texts::reasoning(violations, &At(path, "reason"), reason);
    // Termination never changes an order's exposure, so no rule reads which of the two it is.
    match v1::OpenOrderTreatment::try_from(*open_orders) {
        Ok(v1::OpenOrderTreatment::Finish | v1::OpenOrderTreatment::Cancel) => {}
        Ok(v1::OpenOrderTreatment::Unspecified) | Err(_) => {
            let field = At(path, "open_orders");
            violations.add(&field, malformed::UNKNOWN_ENUM_VALUE, "must be FINISH or CANCEL");
        }
    }
    Payload::AgreementTerminated(Reasoned { reasoning })
}

pub(super) fn agreement_closed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::AgreementClosed,
) -> Payload {
    let v1::AgreementClosed { reason } = stated;
    texts::remark(violations, &At(path, "reason"), reason);
    Payload::AgreementClosed
}
