//! Enumerations and scopes of the interface in the words of the field.

use contract_ledger::wire::v1::{
    AdmissionMode, AgreementState, CeilingKind, EventType, FindingStatus, OrganisationId, Scope,
    Severity, scope,
};

use crate::table::Tone;

/// Register of legal entities, the scheme that an organisation number has when none is stated.
const NORWEGIAN_SCHEME: &str = "0192";
const EVENT_TYPE_PREFIX: &str = "EVENT_TYPE_";

/// What a ceiling, sum or refusal is about: `agreement`, `lot LOT-1`, `supplier 987654325`.
pub(crate) fn scope_text(scope: Option<&Scope>) -> String {
    match scope.and_then(|scope| scope.scope.as_ref()) {
        Some(scope::Scope::Agreement(_)) => "agreement".to_owned(),
        Some(scope::Scope::LotId(lot)) => format!("lot {lot}"),
        Some(scope::Scope::Supplier(id)) => format!("supplier {}", organisation_text(Some(id))),
        Some(scope::Scope::Buyer(id)) => format!("buyer {}", organisation_text(Some(id))),
        None => String::new(),
    }
}

/// An organisation number, with its scheme when it is a foreign one.
pub(crate) fn organisation_text(id: Option<&OrganisationId>) -> String {
    match id {
        None => String::new(),
        Some(id) if id.scheme.is_empty() || id.scheme == NORWEGIAN_SCHEME => id.number.clone(),
        Some(id) => format!("{}:{}", id.scheme, id.number),
    }
}

/// Every type by the name that `--type` takes, such as `order-placed`.
pub(crate) fn event_type_names() -> impl Iterator<Item = (String, EventType)> {
    let numbers = i32::from(EventType::AgreementSigned)..=i32::from(EventType::DocumentAttached);
    numbers
        .filter_map(|number| EventType::try_from(number).ok())
        .map(|event_type| (name_of(event_type).replace('_', "-"), event_type))
}

/// A type in words, such as `order placed`.
pub(crate) fn event_type_text(number: i32) -> String {
    EventType::try_from(number).map_or_else(
        |_| format!("event type {number}"),
        |event_type| name_of(event_type).replace('_', " "),
    )
}

fn name_of(event_type: EventType) -> String {
    event_type.as_str_name().trim_start_matches(EVENT_TYPE_PREFIX).to_lowercase()
}

/// Whether it was asked for or happened.
pub(crate) fn admission_mode_text(mode: i32) -> &'static str {
    match AdmissionMode::try_from(mode) {
        Ok(AdmissionMode::Intent) => "intent",
        Ok(AdmissionMode::Fact) => "fact",
        Ok(AdmissionMode::Unspecified) | Err(_) => "?",
    }
}

/// Where an agreement is in its life.
pub(crate) fn state_text(state: i32) -> (&'static str, Tone) {
    match AgreementState::try_from(state) {
        Ok(AgreementState::NotStarted) => ("not started", Tone::Quiet),
        Ok(AgreementState::Active) => ("active", Tone::Good),
        Ok(AgreementState::Expired) => ("expired", Tone::Bad),
        Ok(AgreementState::Suspended) => ("suspended", Tone::Warning),
        Ok(AgreementState::Terminated) => ("terminated", Tone::Bad),
        Ok(AgreementState::Closed) => ("closed", Tone::Quiet),
        Ok(AgreementState::Unspecified) | Err(_) => ("?", Tone::Plain),
    }
}

/// Whether a ceiling stops an intent.
pub(crate) fn ceiling_kind_text(kind: i32) -> &'static str {
    match CeilingKind::try_from(kind) {
        Ok(CeilingKind::Maximum) => "maximum",
        Ok(CeilingKind::Estimate) => "estimate",
        Ok(CeilingKind::Unspecified) | Err(_) => "?",
    }
}

/// How grave a finding is.
pub(crate) fn severity_text(severity: i32) -> (&'static str, Tone) {
    match Severity::try_from(severity) {
        Ok(Severity::Low) => ("low", Tone::Plain),
        Ok(Severity::Medium) => ("medium", Tone::Warning),
        Ok(Severity::High) => ("high", Tone::Bad),
        Ok(Severity::Unspecified) | Err(_) => ("?", Tone::Plain),
    }
}

/// Whether the condition of a finding holds.
pub(crate) fn finding_status_text(status: i32) -> (&'static str, Tone) {
    match FindingStatus::try_from(status) {
        Ok(FindingStatus::Open) => ("open", Tone::Warning),
        Ok(FindingStatus::Cleared) => ("cleared", Tone::Quiet),
        Ok(FindingStatus::Unspecified) | Err(_) => ("?", Tone::Plain),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_type_has_a_name_for_the_filter() {
        let names: Vec<String> = event_type_names().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 37);
        assert!(names.contains(&"order-placed".to_owned()));
        assert_eq!(event_type_text(i32::from(EventType::OrderPlaced)), "order placed");
        assert_eq!(event_type_text(999), "event type 999");
    }

    #[test]
    fn scopes_are_named_with_their_key() {
        let supplier = Scope {
            scope: Some(scope::Scope::Supplier(OrganisationId {
                number: "556016-0680".to_owned(),
                scheme: "0007".to_owned(),
            })),
        };
        assert_eq!(scope_text(Some(&supplier)), "supplier 0007:556016-0680");
        assert_eq!(scope_text(None), "");
    }
}
