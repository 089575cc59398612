//! Reading the values that events and requests share.

use super::path::{At, Path};
use super::texts::{documents, text};
use super::{NAME_BYTES_MAX, SHORT_TEXT_BYTES_MAX, SourceEvent, Violations, malformed};
use crate::domain::date::{Date, MalformedDate, RecordedTime};
use crate::domain::event::{AdmissionMode, Value};
use crate::domain::id::{EventId, LotId, MalformedId};
use crate::domain::money::{Amount, Currency, MalformedAmount, Money, Rate};
use crate::domain::organisation::{InvalidOrganisation, OrganisationId};
use crate::domain::reason::Reason;
use crate::domain::scope::Scope;
use crate::wire::record::from_timestamp;
use crate::wire::v1;

pub(super) fn id<T>(
    violations: &mut Violations,
    field: Path<'_>,
    text: &str,
    parse: impl Fn(&str) -> Result<T, MalformedId>,
) -> Option<T> {
    match parse(text) {
        Ok(id) => Some(id),
        Err(fault) => {
            let reason = match fault {
                MalformedId::Empty => malformed::FIELD_MISSING,
                MalformedId::TooLong { .. }
                | MalformedId::UnprintableCharacter
                | MalformedId::NotUuid => malformed::MALFORMED_ID,
            };
            violations.add(field, reason, fault.to_string());
            None
        }
    }
}

/// An id that may be left out.
pub(super) fn optional_id<T>(
    violations: &mut Violations,
    field: Path<'_>,
    text: &str,
    parse: impl Fn(&str) -> Result<T, MalformedId>,
) -> Option<T> {
    if text.is_empty() { None } else { id(violations, field, text, parse) }
}

pub(super) fn optional_event_id(
    violations: &mut Violations,
    field: Path<'_>,
    text: &str,
) -> Option<EventId> {
    optional_id(violations, field, text, EventId::parse)
}

pub(super) fn date(violations: &mut Violations, field: Path<'_>, text: &str) -> Option<Date> {
    match Date::parse(text) {
        Ok(date) => Some(date),
        Err(fault) => {
            let reason = match fault {
                MalformedDate::Empty => malformed::FIELD_MISSING,
                MalformedDate::NotCalendarDay | MalformedDate::OutOfRange => {
                    malformed::MALFORMED_DATE
                }
            };
            violations.add(field, reason, fault.to_string());
            None
        }
    }
}

pub(super) fn optional_date(
    violations: &mut Violations,
    field: Path<'_>,
    text: &str,
) -> Option<Date> {
    if text.is_empty() { None } else { date(violations, field, text) }
}

/// Reads a day that may be left out.
pub fn parse_optional_date(violations: &mut Violations, field: &str, text: &str) -> Option<Date> {
    optional_date(violations, &field, text)
}

/// Reads the as-of day of a query. None: the caller's today.
pub fn parse_as_of(violations: &mut Violations, text: &str) -> Option<Date> {
    optional_date(violations, &"as_of", text)
}

/// Reads the as-known time of a query. None: everything.
pub fn parse_known(
    violations: &mut Violations,
    known: Option<&v1::AsKnown>,
) -> Option<RecordedTime> {
    match known?.as_known.as_ref() {
        None => {
            violations.add("as_known", malformed::FIELD_MISSING, "must have a time or a date");
            None
        }
        Some(v1::as_known::AsKnown::Date(text)) => {
            date(violations, &"as_known.date", text).and_then(RecordedTime::end_of_oslo_day)
        }
        Some(v1::as_known::AsKnown::Time(time)) => {
            let parsed = from_timestamp(time);
            if parsed.is_none() {
                violations.add(
                    "as_known.time",
                    malformed::MALFORMED_DATE,
                    "must be a valid instant",
                );
            }
            parsed
        }
    }
}

/// Which amounts a field may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Any,
    NotNegative,
    Positive,
}

impl Sign {
    /// An intent asks for something; a fact may have been for nothing.
    pub(super) fn positive_as_intent(mode: AdmissionMode) -> Self {
        match mode {
            AdmissionMode::Intent => Self::Positive,
            AdmissionMode::Fact => Self::NotNegative,
        }
    }
}

pub(super) fn currency(
    violations: &mut Violations,
    field: Path<'_>,
    code: &str,
) -> Option<Currency> {
    match Currency::parse(code) {
        Ok(currency) => Some(currency),
        Err(fault) => {
            violations.add_reason(field, Reason::UnknownCurrency, fault.to_string());
            None
        }
    }
}

pub(super) fn money(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::Money>,
    sign: Sign,
) -> Option<Money> {
    let Some(stated) = stated else {
        violations.add(field, malformed::FIELD_MISSING, "must have an amount and a currency");
        return None;
    };
    let currency = currency(violations, &At(field, "currency"), &stated.currency)?;
    let checked = Amount::parse(&stated.amount, currency).and_then(|amount| match sign {
        Sign::NotNegative if amount.is_negative() => Err(MalformedAmount::Negative),
        Sign::Positive if !amount.is_positive() => Err(MalformedAmount::NotPositive),
        Sign::Any | Sign::NotNegative | Sign::Positive => Ok(amount),
    });
    match checked {
        Ok(amount) => Some(Money { amount, currency }),
        Err(fault) => {
            let field = At(field, "amount");
            violations.add_reason(&field, Reason::MalformedAmount, fault.to_string());
            None
        }
    }
}

/// Money that may be left out and that no rule reads.
pub(super) fn check_money(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::Money>,
) {
    if let Some(stated) = stated {
        money(violations, field, Some(stated), Sign::Any);
    }
}

/// Money that must be in a given currency.
pub(super) fn money_in(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::Money>,
    sign: Sign,
    required: Currency,
) -> Option<Amount> {
    let money = money(violations, field, stated, sign)?;
    if money.currency != required {
        let text = format!("must be in {}, not {}", required.code(), money.currency.code());
        violations.add_reason(&At(field, "currency"), Reason::CurrencyMismatch, text);
        return None;
    }
    Some(money.amount)
}

/// A rate, or a factor that is written as one.
pub(super) fn rate_text(violations: &mut Violations, field: Path<'_>, text: &str) -> Option<Rate> {
    match Rate::parse(text) {
        Ok(rate) => Some(rate),
        Err(fault) => {
            violations.add_reason(field, Reason::MalformedAmount, fault.to_string());
            None
        }
    }
}

pub(super) fn value(
    violations: &mut Violations,
    path: Path<'_>,
    field: &'static str,
    stated: Option<&v1::Money>,
    rate: Option<&v1::ExchangeRate>,
    sign: Sign,
) -> Option<Value> {
    let money = money(violations, &At(path, field), stated, sign);
    let mut well_formed = true;
    let rate = rate.and_then(|stated| {
        let field = At(path, "exchange_rate");
        text(violations, &At(&field, "source"), &stated.source, NAME_BYTES_MAX);
        let parsed = rate_text(violations, &At(&field, "rate"), &stated.rate);
        well_formed = parsed.is_some();
        parsed
    });
    money.filter(|_| well_formed).map(|money| Value { money, rate })
}

/// How strictly an organisation number is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Its check digit must be right.
    Strict,
    /// It stands as somebody else's document states it; a wrong one is a finding.
    AsStated,
}

impl Check {
    /// A document that came states what it states; what is asked for must be right.
    pub(super) fn strict_as_intent(mode: AdmissionMode) -> Self {
        match mode {
            AdmissionMode::Intent => Self::Strict,
            AdmissionMode::Fact => Self::AsStated,
        }
    }
}

pub(super) fn organisation(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::OrganisationId>,
    check: Check,
) -> Option<OrganisationId> {
    let Some(stated) = stated else {
        violations.add(field, malformed::FIELD_MISSING, "must name an organisation");
        return None;
    };
    let parsed = match check {
        Check::Strict => OrganisationId::parse(&stated.scheme, &stated.number),
        Check::AsStated => OrganisationId::parse_as_stated(&stated.scheme, &stated.number),
    };
    match parsed {
        Ok(id) => Some(id),
        Err(fault) => {
            let part = match fault {
                InvalidOrganisation::MalformedScheme => "scheme",
                InvalidOrganisation::Empty
                | InvalidOrganisation::MalformedNumber
                | InvalidOrganisation::CheckDigit => "number",
            };
            let field = At(field, part);
            violations.add_reason(&field, Reason::InvalidOrganisationNumber, fault.to_string());
            None
        }
    }
}

pub(super) fn optional_organisation(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::OrganisationId>,
    check: Check,
) -> Option<OrganisationId> {
    stated.and_then(|stated| organisation(violations, field, Some(stated), check))
}

pub(super) fn scope(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::Scope>,
) -> Option<Scope> {
    match stated.and_then(|stated| stated.scope.as_ref()) {
        Some(v1::scope::Scope::Agreement(true)) => Some(Scope::Agreement),
        Some(v1::scope::Scope::LotId(lot)) => {
            id(violations, &At(field, "lot_id"), lot, LotId::parse).map(Scope::Lot)
        }
        Some(v1::scope::Scope::Supplier(supplier)) => {
            organisation(violations, &At(field, "supplier"), Some(supplier), Check::Strict)
                .map(Scope::Supplier)
        }
        Some(v1::scope::Scope::Buyer(buyer)) => {
            organisation(violations, &At(field, "buyer"), Some(buyer), Check::Strict)
                .map(Scope::Buyer)
        }
        Some(v1::scope::Scope::Agreement(false)) | None => {
            violations.add(field, malformed::FIELD_MISSING, "must name a scope");
            None
        }
    }
}

pub(super) fn source(
    violations: &mut Violations,
    field: Path<'_>,
    stated: Option<&v1::Source>,
) -> Option<SourceEvent> {
    let stated = stated?;
    text(violations, &At(field, "system"), &stated.system, SHORT_TEXT_BYTES_MAX);
    text(violations, &At(field, "event_id"), &stated.event_id, NAME_BYTES_MAX);
    if stated.event_id.is_empty() {
        return None;
    }
    if stated.system.is_empty() {
        let description = "must name the system in which event_id is unique";
        violations.add(&At(field, "system"), malformed::FIELD_MISSING, description);
        return None;
    }
    Some(SourceEvent { system: stated.system.clone(), event_id: stated.event_id.clone() })
}

/// Checks what every event may carry and no rule reads.
pub(super) fn envelope(violations: &mut Violations, path: Path<'_>, stated: &v1::Event) {
    if let Some(actor) = &stated.actor {
        let field = At(path, "actor");
        text(violations, &At(&field, "client_id"), &actor.client_id, SHORT_TEXT_BYTES_MAX);
        text(violations, &At(&field, "person"), &actor.person, SHORT_TEXT_BYTES_MAX);
        let organisation = actor.organisation.as_ref();
        let its_field = At(&field, "organisation");
        optional_organisation(violations, &its_field, organisation, Check::Strict);
    }
    let correlation = At(path, "correlation_id");
    text(violations, &correlation, &stated.correlation_id, SHORT_TEXT_BYTES_MAX);
    let causation = At(path, "causation_id");
    text(violations, &causation, &stated.causation_id, SHORT_TEXT_BYTES_MAX);
    documents(violations, &At(path, "documents"), &stated.documents);
}
