//! Reading control events: overrides, reversals, what people do about findings, policy, documents.

use std::sync::Arc;

use super::path::{At, Item, Path};
use super::values::{self, Sign};
use super::{Violations, lists, malformed, texts};
use crate::domain::event::{
    EventReversed, FindingHandled, FindingRef, OverrideGranted, Payload, Reasoning,
};
use crate::domain::id::{EventId, FindingId, OrderId, OverrideId};
use crate::domain::policy::{POLICY_DAYS_MAX, PolicyChange, SHARE_PPM_MAX, WARNING_STEPS_MAX};
use crate::wire::v1;

pub(super) fn override_granted(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::OverrideGranted,
) -> Option<Payload> {
    let v1::OverrideGranted { override_id, limit, reason, end_date, granted_by, seconded_by } =
        stated;
    let at = |name: &'static str| At(path, name);
    let override_id = values::id(violations, &at("override_id"), override_id, OverrideId::parse);
    let limit = values::money(violations, &at("limit"), limit.as_ref(), Sign::Positive);
    let reasoning = texts::reasoning(violations, &at("reason"), reason);
    let end = values::date(violations, &at("end_date"), end_date);
    let granted_by = texts::person(violations, &at("granted_by"), granted_by);
    let seconded_by = texts::person(violations, &at("seconded_by"), seconded_by);
    Some(Payload::OverrideGranted(Arc::new(OverrideGranted {
        override_id: override_id?,
        limit: limit?,
        reasoning,
        end: end?,
        granted_by,
        seconded_by,
    })))
}

pub(super) fn event_reversed(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::EventReversed,
) -> Option<Payload> {
    let v1::EventReversed { event_id, reason } = stated;
    texts::remark(violations, &At(path, "reason"), reason);
    values::id(violations, &At(path, "event_id"), event_id, EventId::parse)
        .map(|target| Payload::EventReversed(EventReversed { target }))
}

pub(super) fn finding_acknowledged(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::FindingAcknowledged,
) -> Option<Payload> {
    let v1::FindingAcknowledged { finding_id, comment } = stated;
    let finding = finding(violations, path, finding_id);
    texts::remark(violations, &At(path, "comment"), comment);
    Some(Payload::FindingAcknowledged(FindingRef { finding: finding? }))
}

pub(super) fn finding_waived(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::FindingWaived,
) -> Option<Payload> {
    let v1::FindingWaived { finding_id, reason } = stated;
    let finding = finding(violations, path, finding_id);
    let reasoning = texts::reasoning(violations, &At(path, "reason"), reason);
    handled(finding, reasoning).map(Payload::FindingWaived)
}

pub(super) fn finding_resolved(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::FindingResolved,
) -> Option<Payload> {
    let v1::FindingResolved { finding_id, resolution } = stated;
    let finding = finding(violations, path, finding_id);
    let reasoning = texts::reasoning(violations, &At(path, "resolution"), resolution);
    handled(finding, reasoning).map(Payload::FindingResolved)
}

fn finding(violations: &mut Violations, path: Path<'_>, finding_id: &str) -> Option<FindingId> {
    values::id(violations, &At(path, "finding_id"), finding_id, FindingId::parse)
}

fn handled(finding: Option<FindingId>, reasoning: Reasoning) -> Option<FindingHandled> {
    finding.map(|finding| FindingHandled { finding, reasoning })
}

pub(super) fn threshold_policy_set(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::ThresholdPolicySet,
) -> Option<Payload> {
    if *stated == v1::ThresholdPolicySet::default() {
        violations.add(path, malformed::FIELD_MISSING, "must set something");
        return None;
    }
    Some(Payload::ThresholdPolicySet(Arc::new(policy_change(violations, path, stated))))
}

/// Reads a change of policy for every nature. What is out of bounds is told, and may be in the change.
pub(super) fn policy_change(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::ThresholdPolicySet,
) -> PolicyChange {
    let v1::ThresholdPolicySet {
        warning_steps_ppm,
        late_registration_days,
        split_window_days,
        split_threshold,
        eea_threshold,
        de_minimis_ppm,
        amendment_max_ppm,
    } = stated;
    let at = |name: &'static str| At(path, name);
    check_steps(violations, &at("warning_steps_ppm"), warning_steps_ppm);
    let mut at_most = |name: &'static str, number: &Option<u32>, max: u32| {
        if number.is_some_and(|number| number > max) {
            let text = format!("must be at most {max}");
            violations.add(&at(name), malformed::NUMBER_OUT_OF_BOUNDS, text);
        }
        *number
    };
    let late_registration_days =
        at_most("late_registration_days", late_registration_days, POLICY_DAYS_MAX);
    let split_window_days = at_most("split_window_days", split_window_days, POLICY_DAYS_MAX);
    let de_minimis_ppm = at_most("de_minimis_ppm", de_minimis_ppm, SHARE_PPM_MAX);
    let amendment_max_ppm = at_most("amendment_max_ppm", amendment_max_ppm, SHARE_PPM_MAX);
    let mut threshold = |name: &'static str, stated: &Option<v1::Money>| {
        let stated = stated.as_ref()?;
        values::money(violations, &at(name), Some(stated), Sign::Positive)
    };
    let split_threshold = threshold("split_threshold", split_threshold);
    let eea_threshold = threshold("eea_threshold", eea_threshold);
    PolicyChange {
        warning_steps_ppm: (!warning_steps_ppm.is_empty()).then(|| warning_steps_ppm.clone()),
        late_registration_days,
        split_window_days,
        split_threshold,
        eea_threshold,
        eea_thresholds: Vec::new(),
        de_minimis_ppm,
        de_minimis_ppm_by_nature: Vec::new(),
        amendment_max_ppm,
    }
}

fn check_steps(violations: &mut Violations, field: Path<'_>, steps: &[u32]) {
    if !lists::within(violations, field, steps.len(), 0, WARNING_STEPS_MAX) {
        return;
    }
    let mut before = None;
    for (index, step) in steps.iter().enumerate() {
        let field = &Item(field, index);
        if !(1..=SHARE_PPM_MAX).contains(step) {
            let text = format!("must be 1 to {SHARE_PPM_MAX}");
            violations.add(&field, malformed::NUMBER_OUT_OF_BOUNDS, text);
        }
        if before.is_some_and(|before| step <= before) {
            violations.add(&field, malformed::CONTRADICTION, "must be above the step before it");
        }
        before = Some(step);
    }
}

pub(super) fn document_attached(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::DocumentAttached,
) -> Payload {
    let v1::DocumentAttached { document, subject_id, description } = stated;
    let field = At(path, "document");
    match document {
        Some(document) => texts::document(violations, &field, document),
        None => violations.add(&field, malformed::FIELD_MISSING, "must have a document"),
    }
    // Whatever it names has an id of the form that an order's has; a UUID has it too.
    let field = At(path, "subject_id");
    values::optional_id(violations, &field, subject_id, OrderId::parse);
    texts::remark(violations, &At(path, "description"), description);
    Payload::DocumentAttached
}
