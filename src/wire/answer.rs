//! From the domain to the wire: usage, findings, refusals.

use super::record::timestamp;
use super::v1;
use crate::domain::date::RecordedTime;
use crate::domain::event::CeilingKind;
use crate::domain::finding::{Finding, Handling};
use crate::domain::forecast::Forecast;
use crate::domain::id::{AgreementId, Position};
use crate::domain::levels::Sums;
use crate::domain::money::{Amount, Currency, Money};
use crate::domain::organisation::OrganisationId;
use crate::domain::reason::{Reason, RefusalClass, Severity};
use crate::domain::refusal::{Breach, Refusal};
use crate::domain::scope::Scope;
use crate::domain::usage::{ScopeUsage, Usage};

/// An amount of a currency.
pub fn money(money: Money) -> v1::Money {
    v1::Money { amount: money.amount_text(), currency: money.currency.code().to_owned() }
}

/// An organisation.
pub fn organisation(id: &OrganisationId) -> v1::OrganisationId {
    v1::OrganisationId { number: id.number().to_owned(), scheme: id.scheme().to_owned() }
}

/// A scope.
pub fn scope(scope: &Scope) -> v1::Scope {
    let scope = match scope {
        Scope::Agreement => v1::scope::Scope::Agreement(true),
        Scope::Lot(lot) => v1::scope::Scope::LotId(lot.to_string()),
        Scope::Supplier(supplier) => v1::scope::Scope::Supplier(organisation(supplier)),
        Scope::Buyer(buyer) => v1::scope::Scope::Buyer(organisation(buyer)),
    };
    v1::Scope { scope: Some(scope) }
}

/// Maximum or estimate.
pub fn ceiling_kind(kind: CeilingKind) -> v1::CeilingKind {
    match kind {
        CeilingKind::Maximum => v1::CeilingKind::Maximum,
        CeilingKind::Estimate => v1::CeilingKind::Estimate,
    }
}

/// Use of every ceiling, true for the log up to and with a position.
pub fn usage(
    agreement_id: &AgreementId,
    usage: &Usage,
    known: Option<RecordedTime>,
    position: Position,
) -> v1::CeilingUsage {
    let Usage { as_of, version, currency, scopes, forecast: expected } = usage;
    v1::CeilingUsage {
        agreement_id: agreement_id.to_string(),
        as_of: as_of.to_string(),
        as_known: known.map(timestamp),
        scopes: scopes.iter().map(|usage| scope_usage(usage, *currency)).collect(),
        forecast: expected.as_ref().map(forecast),
        agreement_version: version.get(),
        position: position.get(),
    }
}

/// Use of one ceiling.
pub fn scope_usage(usage: &ScopeUsage, currency: Currency) -> v1::ScopeUsage {
    let ScopeUsage { scope: about, kind, ceiling, sums, remaining, usage_ppm } = usage;
    let Sums { reserved, committed, invoiced, prepaid, paid, exposure } = sums;
    let of = |amount: &Amount| Some(money(Money { amount: *amount, currency }));
    v1::ScopeUsage {
        scope: Some(scope(about)),
        kind: ceiling_kind(*kind).into(),
        ceiling: of(ceiling),
        reserved: of(reserved),
        committed: of(committed),
        invoiced: of(invoiced),
        prepaid: of(prepaid),
        paid: of(paid),
        exposure: of(exposure),
        remaining: of(remaining),
        usage_ppm: *usage_ppm,
    }
}

/// A forecast.
pub fn forecast(forecast: &Forecast) -> v1::Forecast {
    let Forecast { elapsed_days, days_left, run_out, end } = forecast;
    v1::Forecast {
        elapsed_days: *elapsed_days,
        days_left: *days_left,
        run_out_date: run_out.map(|date| date.to_string()).unwrap_or_default(),
        end_date: end.to_string(),
        runs_out_early: forecast.runs_out_early(),
    }
}

/// A finding of an agreement.
pub fn finding(agreement_id: &AgreementId, finding: &Finding) -> v1::Finding {
    let Finding { key, amount, since, known, cleared, evidence, episode, days, handling, handled } =
        finding;
    let severity = match key.rule.severity() {
        Severity::Low => v1::Severity::Low,
        Severity::Medium => v1::Severity::Medium,
        Severity::High => v1::Severity::High,
    };
    let status = match cleared {
        None => v1::FindingStatus::Open,
        Some(_) => v1::FindingStatus::Cleared,
    };
    let subject = key.subject.to_string();
    v1::Finding {
        finding_id: key.id(agreement_id).to_string(),
        rule: key.rule.name().to_owned(),
        severity: severity.into(),
        agreement_id: agreement_id.to_string(),
        subject,
        amount: amount.map(money),
        first_breach_date: since.to_string(),
        known_time: Some(timestamp(*known)),
        cleared_time: cleared.map(timestamp),
        status: status.into(),
        evidence_positions: evidence.iter().map(|position| position.get()).collect(),
        episode: *episode,
        handling: self::handling(*handling).into(),
        handled_position: handled.map(Position::get),
        days: *days,
    }
}

fn handling(handling: Handling) -> v1::FindingHandling {
    match handling {
        Handling::None => v1::FindingHandling::None,
        Handling::Acknowledged => v1::FindingHandling::Acknowledged,
        Handling::Waived => v1::FindingHandling::Waived,
        Handling::Resolved => v1::FindingHandling::Resolved,
    }
}

/// The `google.rpc.Code` of a refusal: that of its first reason.
pub fn status_code(refusals: &[v1::Refusal]) -> i32 {
    let first = refusals.first().map(|refusal| refusal.reason.as_str()).unwrap_or_default();
    let reason = Reason::ALL.iter().find(|reason| reason.name() == first);
    match reason.map(|reason| reason.class()) {
        Some(RefusalClass::Malformed) => 3,
        Some(RefusalClass::NotFound) => 5,
        Some(RefusalClass::AlreadyExists) => 6,
        Some(RefusalClass::VersionConflict) => 10,
        Some(RefusalClass::Rule) | None => 9,
    }
}

/// A reason for which the event at a place in the request was refused.
pub fn refusal(refusal: &Refusal, event_index: u32) -> v1::Refusal {
    let Refusal { reason, description, subject, breach, date } = refusal;
    let mut wire = v1::Refusal {
        reason: reason.name().to_owned(),
        description: description.clone(),
        event_index,
        subject_id: subject.clone(),
        date: date.map(|date| date.to_string()).unwrap_or_default(),
        ..Default::default()
    };
    if let Some(Breach { scope: broken, requested, remaining, excess }) = breach {
        wire.scope = Some(scope(broken));
        wire.requested = Some(money(*requested));
        wire.remaining = Some(money(*remaining));
        wire.excess = Some(money(*excess));
    }
    wire
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::date::Date;
    use crate::domain::finding::{FindingKey, Subject};

    #[test]
    fn what_people_did_about_a_finding_is_told() {
        let agreement = AgreementId::parse("A").unwrap();
        let recorded = |second: i64| RecordedTime::from_microseconds(second * 1_000_000).unwrap();
        let key = FindingKey {
            rule: Reason::LateRegistration,
            subject: Subject::Scope(Scope::Agreement),
        };
        let open = Finding {
            key,
            amount: None,
            since: Date::parse("2024-01-01").unwrap(),
            known: recorded(1),
            cleared: None,
            evidence: vec![Position::new(3), Position::new(5)],
            episode: 2,
            days: Some(44),
            handling: Handling::None,
            handled: None,
        };
        let told = finding(&agreement, &open);
        assert_eq!((told.days, told.handled_position), (Some(44), None));
        assert_eq!(told.handling(), v1::FindingHandling::None);
        assert_eq!((told.episode, told.evidence_positions.as_slice()), (2, [3, 5].as_slice()));
        for (handling, expected) in [
            (Handling::Acknowledged, v1::FindingHandling::Acknowledged),
            (Handling::Waived, v1::FindingHandling::Waived),
            (Handling::Resolved, v1::FindingHandling::Resolved),
        ] {
            let handled = Finding { handling, handled: Some(Position::new(7)), ..open.clone() };
            let told = finding(&agreement, &handled);
            assert_eq!((told.handling(), told.handled_position), (expected, Some(7)));
        }
    }
}
