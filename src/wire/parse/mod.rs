//! From the wire to the domain: one pass that finds every violation at once.
//!
//! `payload` knows which reader takes which event: there is one for each group of the catalogue,
//! and `signing` and `amendment` for the two that are long. `values`, `texts` and `lists` read what
//! events share, `path` says where a field stands, `import` reads a request of an older register, `policy` a dated policy, [`listing`] the requests of the
//! listings. What is read once here is valid by its type everywhere else.

mod agreement;
mod amendment;
mod control;
mod headroom;
mod import;
mod invoice;
pub mod listing;
mod lists;
mod order;
mod path;
mod payload;
mod payment;
mod policy;
mod signing;
mod texts;
mod values;

use std::fmt;

use path::{At, Item, Path};

use super::v1;
use crate::domain::date::RecordedTime;
use crate::domain::event::{AdmissionMode, Event};
use crate::domain::id::{AgreementId, RequestId, Version};
use crate::domain::reason::Reason;

pub use import::parse_import;
pub use policy::parse_policy;
pub use values::{parse_as_of, parse_known, parse_optional_date};

/// Longest short text: names, numbers, pseudonyms.
pub const SHORT_TEXT_BYTES_MAX: usize = 128;
/// Longest name or source.
pub const NAME_BYTES_MAX: usize = 256;
/// Longest title.
pub const TITLE_BYTES_MAX: usize = 512;
/// Longest address of a document.
pub const URI_BYTES_MAX: usize = 2048;
/// Longest reason, reasoning or description.
pub const LONG_TEXT_BYTES_MAX: usize = 4096;
/// Longest kind of a document.
pub const DOCUMENT_KIND_BYTES_MAX: usize = 64;
/// Most documents of one event.
pub const DOCUMENTS_MAX: usize = 32;
/// Most options of an agreement.
pub const OPTIONS_MAX: usize = 64;
/// Most CPV codes of an agreement.
pub const CPV_CODES_MAX: usize = 64;
/// Most entries of a list in an agreement or amendment: buyers, suppliers, lots, ceilings.
pub const TERMS_MAX: usize = 1024;
/// Version of the payload schema that this program writes.
pub const SCHEMA_VERSION: u32 = 1;

/// A text, list or message that is wrong whatever the ledger holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, such as `events[0].order_placed.amount.amount`.
    pub field: String,
    /// Published reason.
    pub reason: &'static str,
    /// One sentence that completes "the field ...".
    pub description: String,
}

/// Reasons of violations that no rule of the domain has a name for.
pub mod malformed {
    /// A required field is absent or empty.
    pub const FIELD_MISSING: &str = "FIELD_MISSING";
    /// An id is not of its form.
    pub const MALFORMED_ID: &str = "MALFORMED_ID";
    /// A date is not a day of the calendar.
    pub const MALFORMED_DATE: &str = "MALFORMED_DATE";
    /// A hash has not as many bytes as it must have.
    pub const MALFORMED_HASH: &str = "MALFORMED_HASH";
    /// A text is too long or has control characters.
    pub const MALFORMED_TEXT: &str = "MALFORMED_TEXT";
    /// An enum has a number that it does not know, or none.
    pub const UNKNOWN_ENUM_VALUE: &str = "UNKNOWN_ENUM_VALUE";
    /// A list has too few or too many entries.
    pub const LIST_OUT_OF_BOUNDS: &str = "LIST_OUT_OF_BOUNDS";
    /// A number is too small or too large.
    pub const NUMBER_OUT_OF_BOUNDS: &str = "NUMBER_OUT_OF_BOUNDS";
    /// A page token was altered, or belongs to another query or another ledger.
    pub const PAGE_TOKEN_INVALID: &str = "PAGE_TOKEN_INVALID";
    /// A name is not one of those that are published.
    pub const UNKNOWN_NAME: &str = "UNKNOWN_NAME";
    /// Two fields contradict each other.
    pub const CONTRADICTION: &str = "CONTRADICTION";
}

/// Violations found so far.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Notes one.
    pub fn add(
        &mut self,
        field: &(impl fmt::Display + ?Sized),
        reason: &'static str,
        description: impl Into<String>,
    ) {
        let (field, description) = (field.to_string(), description.into());
        self.0.push(Violation { field, reason, description });
    }

    fn add_reason(
        &mut self,
        field: &(impl fmt::Display + ?Sized),
        reason: Reason,
        description: impl Into<String>,
    ) {
        self.add(field, reason.name(), description);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of the fields.
    pub fn into_vec(self) -> Vec<Violation> {
        self.0
    }
}

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceEvent {
    /// System.
    pub system: String,
    /// Id in that system.
    pub event_id: String,
}

/// An event as read: for the rules, and as sent, for the record.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// For the rules.
    pub event: Event,
    /// Where it comes from, when it states an id.
    pub source: Option<SourceEvent>,
    /// As sent.
    pub stated: v1::Event,
}

/// A request to append, valid by itself.
#[derive(Debug, Clone)]
pub struct AppendCommand {
    /// Its id.
    pub request_id: RequestId,
    /// Its agreement.
    pub agreement_id: AgreementId,
    /// Version that the agreement must have.
    pub expected_version: Option<Version>,
    /// Whether nothing is to be recorded.
    pub purpose: Purpose,
    /// When it is recorded.
    pub recording: Recording,
    /// Events, at least one.
    pub events: Vec<Submitted>,
}

/// Whether a request wants to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It does.
    Record,
    /// It only asks what would happen.
    ValidateOnly,
}

/// When a request is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recording {
    /// Now, by the ledger's clock.
    Now,
    /// At a time that an importer states, from an older register.
    At(RecordedTime),
}

/// Reads a request to append, or tells everything that is wrong with it whatever the ledger holds.
pub fn parse_append(
    request: v1::AppendEventsRequest,
    events_max: usize,
) -> Result<AppendCommand, Vec<Violation>> {
    let v1::AppendEventsRequest {
        request_id,
        agreement_id,
        expected_version,
        validate_only,
        events,
        want_receipts: _,
    } = request;
    let mut violations = Violations::default();
    let request_id = values::id(&mut violations, &"request_id", &request_id, RequestId::parse);
    let agreement_id =
        values::id(&mut violations, &"agreement_id", &agreement_id, AgreementId::parse);
    if events.is_empty() || events.len() > events_max {
        let text = format!("must have 1 to {events_max} events, not {}", events.len());
        violations.add("events", malformed::LIST_OUT_OF_BOUNDS, text);
        return Err(violations.into_vec());
    }
    let mut submitted = Vec::with_capacity(events.len());
    for (index, stated) in events.into_iter().enumerate() {
        let read = parse_event(&mut violations, &Item(&"events", index), &stated);
        submitted.extend(read.map(|(event, source)| Submitted { event, source, stated }));
    }
    let (Some(request_id), Some(agreement_id), true) =
        (request_id, agreement_id, violations.is_empty())
    else {
        return Err(violations.into_vec());
    };
    let purpose = if validate_only { Purpose::ValidateOnly } else { Purpose::Record };
    let expected_version = expected_version.map(Version::new);
    Ok(AppendCommand {
        request_id,
        agreement_id,
        expected_version,
        purpose,
        recording: Recording::Now,
        events: submitted,
    })
}

/// An event as read, and where it comes from; None after a violation.
fn parse_event(
    violations: &mut Violations,
    path: Path<'_>,
    stated: &v1::Event,
) -> Option<(Event, Option<SourceEvent>)> {
    let before = violations.0.len();
    let effective = values::date(violations, &At(path, "effective_date"), &stated.effective_date);
    let mode = admission_mode(violations, path, stated.admission_mode);
    let source = values::source(violations, &At(path, "source"), stated.source.as_ref());
    values::envelope(violations, path, stated);
    let corrected = At(path, "corrects_event_id");
    let corrects = values::optional_event_id(violations, &corrected, &stated.corrects_event_id);
    let Some(payload) = &stated.payload else {
        let field = At(path, "payload");
        violations.add(&field, malformed::FIELD_MISSING, "must say what happened");
        return None;
    };
    // A missing mode is a violation of its own; the payload is then read as that of a fact.
    let read_as = mode.unwrap_or(AdmissionMode::Fact);
    let payload = payload::parse(violations, path, payload, read_as, effective);
    (violations.0.len() == before).then_some(())?;
    Some((Event { effective: effective?, mode: mode?, corrects, payload: payload? }, source))
}

fn admission_mode(
    violations: &mut Violations,
    path: Path<'_>,
    number: i32,
) -> Option<AdmissionMode> {
    match v1::AdmissionMode::try_from(number) {
        Ok(v1::AdmissionMode::Intent) => Some(AdmissionMode::Intent),
        Ok(v1::AdmissionMode::Fact) => Some(AdmissionMode::Fact),
        Ok(v1::AdmissionMode::Unspecified) | Err(_) => {
            let field = At(path, "admission_mode");
            violations.add(&field, malformed::UNKNOWN_ENUM_VALUE, "must be INTENT or FACT");
            None
        }
    }
}

/// Reads an event that was valid when it was recorded.
pub fn parse_recorded_event(stated: &v1::Event) -> Result<Event, Vec<Violation>> {
    let mut violations = Violations::default();
    let read = parse_event(&mut violations, &"event", stated);
    read.map(|(event, _)| event).ok_or_else(|| violations.into_vec())
}
