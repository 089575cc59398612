//! The events and refusals of a report, one a row, with what each changed of the exposure.

use serde_json::Value;

use super::amount_text;
use super::html::{Cell, Page};
use super::words::Language;
use crate::dossier::reading::ReadRecord;
use crate::dossier::verify::{Read, Verified};
use crate::wire::event_type::{event_type, name};
use crate::wire::json::to_short_json;
use crate::wire::v1;
use crate::wire::v1::record::Entry;

/// Title of the agreement, as signed.
pub(super) fn title(read: &Read) -> Option<String> {
    read.records.iter().find_map(|read| match &read.record.entry {
        Some(Entry::Event(accepted)) => match accepted.event.as_ref()?.payload.as_ref()? {
            v1::event::Payload::AgreementSigned(signed) => Some(signed.title.clone()),
            _ => None,
        },
        Some(Entry::Refusal(_)) | None => None,
    })
}

/// Every record.
pub(super) fn table(page: &mut Page, language: Language, verified: &Verified) {
    let heads = [
        language.of("Posisjon", "Position"),
        language.of("Versjon", "Version"),
        language.of("Hva", "What"),
        language.of("Virkningsdato", "Effective"),
        language.of("Registrert (UTC)", "Recorded (UTC)"),
        language.of("Avtalens eksponering etter", "Exposure of the agreement after"),
        language.of("Innhold", "Content"),
    ];
    let read = &verified.read;
    page.table(&heads, read.records.iter().map(|one| row(language, read, one)));
}

fn row(language: Language, read: &Read, one: &ReadRecord) -> (Option<String>, Vec<Cell>) {
    let position = one.position();
    let later = if read.known_to.is_some_and(|known| position > known) {
        language.of(" (kjent senere)", " (known later)")
    } else {
        ""
    };
    let changes = read.derived.changes.get(&("agreement".to_owned(), "exposure"));
    let change = changes.and_then(|all| all.iter().find(|change| change.position == position));
    let exposure = change.map(|change| amount_text(language, &change.after)).unwrap_or_default();
    let (version, what, date, content) = match &one.record.entry {
        Some(Entry::Event(accepted)) => {
            let event = accepted.event.clone().unwrap_or_default();
            let kind = name(event_type(&event));
            let words = language.meaning(kind).unwrap_or(kind).to_owned();
            let content = event_text(&to_short_json(&event), kind);
            (accepted.agreement_version.to_string(), words, event.effective_date, content)
        }
        Some(Entry::Refusal(refused)) => {
            let named = refused.refusals.iter().map(|refusal| refusal.reason.as_str());
            let reasons: Vec<String> = named.map(|name| reason_text(language, name)).collect();
            let what = format!("{}: {}", language.of("avslag", "refusal"), reasons.join(", "));
            (String::new(), what, String::new(), flat(&read_json(&to_short_json(refused))))
        }
        None => Default::default(),
    };
    let cells = vec![
        Cell::text(format!("{position}{later}")),
        Cell::text(version),
        Cell::text(what),
        Cell::text(date),
        Cell::text(one.time.to_string()),
        Cell::Number(exposure),
        Cell::text(content),
    ];
    (Some(format!("p{position}")), cells)
}

fn reason_text(language: Language, name: &str) -> String {
    let meaning = language.meaning(name);
    meaning.map_or_else(|| name.to_owned(), |meaning| format!("{meaning} ({name})"))
}

/// What an event says: first what happened, then who said it and on what it rests. Its date has a column
/// of its own.
fn event_text(json: &str, kind: &str) -> String {
    let Value::Object(mut fields) = read_json(json) else { return String::new() };
    fields.remove("effectiveDate");
    let is_payload = |name: &&String| name.eq_ignore_ascii_case(kind);
    let payload = fields.keys().find(is_payload).cloned();
    let payload = payload.and_then(|name| fields.remove(&name)).unwrap_or_default();
    let parts = [flat(&payload), flat(&Value::Object(fields))];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
}

fn read_json(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_default()
}

/// A JSON value on one line for people: the names of its fields, amounts with their currency.
pub(super) fn flat(value: &Value) -> String {
    let mut parts = Vec::new();
    collect("", value, &mut parts);
    parts.join("; ")
}

fn collect(path: &str, value: &Value, parts: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let (2, Some(Value::String(amount)), Some(Value::String(currency))) =
                (fields.len(), fields.get("amount"), fields.get("currency"))
            {
                return parts.push(format!("{path} {amount} {currency}"));
            }
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(&path, value, parts);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                collect(&format!("{path}[{index}]"), value, parts);
            }
        }
        Value::Null => {}
        Value::String(text) => parts.push(format!("{path} {text}")),
        other => parts.push(format!("{path} {other}")),
    }
}
