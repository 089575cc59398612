//! Enumerations and scopes of the interface in the words of the field.

use contract_ledger::wire::v1::{
    AdmissionMode, AgreementState, CeilingKind, DeadlineKind, EventType, FindingHandling,
    FindingStatus, InvoiceKind, InvoiceState, LegalBasis, OrderState, OrganisationId, Scope,
    Severity, scope,
};

use crate::table::Tone;

/// Register of legal entities, the scheme that an organisation number has when none is stated.
const NORWEGIAN_SCHEME: &str = "0192";
const EVENT_TYPE_PREFIX: &str = "EVENT_TYPE_";
/// No enumeration of the interface has a number above this.
const ENUMERATION_NUMBER_MAX: i32 = 127;

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

/// Every value of an enumeration of the interface by the name that the command line takes: without
/// its prefix, in small letters, with dashes. The invalid value 0 has none.
pub(crate) fn names<E: TryFrom<i32>>(
    prefix: &'static str,
    published: fn(&E) -> &'static str,
) -> impl Iterator<Item = (String, E)> {
    (1..=ENUMERATION_NUMBER_MAX)
        .filter_map(|number| E::try_from(number).ok())
        .map(move |value| (plain_name(published(&value), prefix).replace('_', "-"), value))
}

/// Every type by the name that `--type` takes, such as `order-placed`.
pub(crate) fn event_type_names() -> impl Iterator<Item = (String, EventType)> {
    names(EVENT_TYPE_PREFIX, EventType::as_str_name)
}

/// A type in words, such as `order placed`.
pub(crate) fn event_type_text(number: i32) -> String {
    EventType::try_from(number).map_or_else(
        |_| format!("event type {number}"),
        |event_type| plain_name(event_type.as_str_name(), EVENT_TYPE_PREFIX).replace('_', " "),
    )
}

fn plain_name(published: &str, prefix: &str) -> String {
    published.trim_start_matches(prefix).to_lowercase()
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

/// What people have done about a finding; nothing where there is nothing to say.
pub(crate) fn handling_text(handling: i32) -> &'static str {
    match FindingHandling::try_from(handling) {
        Ok(FindingHandling::Acknowledged) => "acknowledged",
        Ok(FindingHandling::Waived) => "waived",
        Ok(FindingHandling::Resolved) => "resolved",
        Ok(FindingHandling::None | FindingHandling::Unspecified) | Err(_) => "",
    }
}

/// What has become of an order.
pub(crate) fn order_state_text(state: i32) -> (&'static str, Tone) {
    match OrderState::try_from(state) {
        Ok(OrderState::NotPlaced) => ("not placed", Tone::Warning),
        Ok(OrderState::Open) => ("open", Tone::Good),
        Ok(OrderState::Cancelled) => ("cancelled", Tone::Quiet),
        Ok(OrderState::Rejected) => ("rejected", Tone::Quiet),
        Ok(OrderState::Closed) => ("closed", Tone::Quiet),
        Ok(OrderState::Unspecified) | Err(_) => ("?", Tone::Plain),
    }
}

/// What has become of an invoice.
pub(crate) fn invoice_state_text(state: i32) -> (&'static str, Tone) {
    match InvoiceState::try_from(state) {
        Ok(InvoiceState::Received) => ("received", Tone::Plain),
        Ok(InvoiceState::Approved) => ("approved", Tone::Good),
        Ok(InvoiceState::Disputed) => ("disputed", Tone::Warning),
        Ok(InvoiceState::Rejected) => ("rejected", Tone::Quiet),
        Ok(InvoiceState::Unspecified) | Err(_) => ("?", Tone::Plain),
    }
}

/// The kind of an invoice; an ordinary one needs no word.
pub(crate) fn invoice_kind_text(kind: i32) -> &'static str {
    match InvoiceKind::try_from(kind) {
        Ok(InvoiceKind::Prepayment) => "prepayment",
        Ok(InvoiceKind::InterestOrFee) => "interest or fee",
        Ok(InvoiceKind::Commercial | InvoiceKind::Unspecified) | Err(_) => "",
    }
}

/// The code of eForms, which is what lawyers write.
pub(crate) fn legal_basis_text(basis: i32) -> &'static str {
    match LegalBasis::try_from(basis) {
        Ok(LegalBasis::AddWss) => "add-wss",
        Ok(LegalBasis::ModCir) => "mod-cir",
        Ok(LegalBasis::ModMinv) => "mod-minv",
        Ok(LegalBasis::ModNons) => "mod-nons",
        Ok(LegalBasis::ModRepl) => "mod-repl",
        Ok(LegalBasis::ModRev) => "mod-rev",
        Ok(LegalBasis::Other) => "other",
        Ok(LegalBasis::Unspecified) | Err(_) => "",
    }
}

/// What a deadline is about.
pub(crate) fn deadline_kind_text(kind: i32) -> &'static str {
    match DeadlineKind::try_from(kind) {
        Ok(DeadlineKind::OptionNotice) => "last day to exercise option",
        Ok(DeadlineKind::TermEnd) => "last day of the term",
        Ok(DeadlineKind::ReservationExpiry) => "last day of reservation",
        Ok(DeadlineKind::RetentionRelease) => "release due of retention",
        Ok(DeadlineKind::OverrideEnd) => "last day of override",
        Ok(DeadlineKind::Unspecified) | Err(_) => "?",
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
    fn enumerations_are_named_without_prefix_and_without_the_invalid_value() {
        let names: Vec<String> =
            names("DEADLINE_KIND_", DeadlineKind::as_str_name).map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "option-notice",
                "term-end",
                "reservation-expiry",
                "retention-release",
                "override-end"
            ]
        );
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
