//! A record of the log in the words and lines that all tables of records share.

use contract_ledger::wire::v1::record::Entry;
use contract_ledger::wire::v1::{Event, Record, Refusal};

use crate::event_text::payload_text;
use crate::failure_text::refusal_short_text;
use crate::table::{Sheet, Tone};
use crate::time_text::recorded_text;
use crate::words::{event_type_text, organisation_text};

/// A record taken apart.
#[derive(Debug, Default)]
pub(crate) struct RecordText {
    /// Place in its agreement; empty for a refusal.
    pub(crate) version: String,
    /// Business date.
    pub(crate) effective_date: String,
    /// Type in words, or `refused`.
    pub(crate) what: String,
    /// Ids and amounts, one line an event.
    pub(crate) details: Vec<String>,
    /// Why it was refused, one line a reason.
    pub(crate) reasons: Vec<String>,
    /// Who did it.
    pub(crate) who: String,
    /// Whether the ledger said no.
    pub(crate) refused: bool,
    /// Admission mode as a number of the interface.
    pub(crate) admission_mode: i32,
}

impl RecordText {
    /// Describes a record.
    pub(crate) fn of(record: &Record) -> Self {
        match &record.entry {
            Some(Entry::Event(recorded)) => {
                let event = recorded.event.clone().unwrap_or_default();
                Self {
                    version: recorded.agreement_version.to_string(),
                    what: event_type_text(recorded.r#type),
                    ..Self::of_events(std::slice::from_ref(&event))
                }
            }
            Some(Entry::Refusal(refused)) => Self {
                what: "refused".to_owned(),
                reasons: refused.refusals.iter().map(reason_text).collect(),
                refused: true,
                ..Self::of_events(&refused.events)
            },
            None => Self::default(),
        }
    }

    /// Adds what happened, who did it and when it was recorded under a table's last row.
    pub(crate) fn add_notes(&self, sheet: &mut Sheet, record: &Record) {
        for (note, tone) in self.notes(record) {
            sheet.note(&note, tone);
        }
    }

    /// What happened, who did it and when it was recorded, a line each.
    pub(crate) fn notes(&self, record: &Record) -> Vec<(String, Tone)> {
        let details = self.details.iter().filter(|details| !details.is_empty());
        let mut notes: Vec<(String, Tone)> =
            details.map(|details| (details.clone(), Tone::Plain)).collect();
        notes.extend(self.reasons.iter().map(|reason| (reason.clone(), Tone::Bad)));
        let recorded = recorded_text(record.recorded_time.as_ref());
        if !recorded.is_empty() {
            let who = if self.who.is_empty() { "nobody named" } else { &self.who };
            let imported = if record.imported { " (imported)" } else { "" };
            notes.push((format!("by {who}, recorded {recorded}{imported}"), Tone::Quiet));
        }
        notes
    }

    /// What the events say of themselves; date, person and mode are those of the first.
    fn of_events(events: &[Event]) -> Self {
        let first = events.first().cloned().unwrap_or_default();
        Self {
            effective_date: first.effective_date.clone(),
            details: events.iter().map(|event| payload_text(event.payload.as_ref())).collect(),
            who: who_text(&first),
            admission_mode: first.admission_mode,
            ..Self::default()
        }
    }
}

fn reason_text(refusal: &Refusal) -> String {
    format!("refused: {}", refusal_short_text(refusal))
}

/// The person's pseudonym, else the client, else the organisation.
fn who_text(event: &Event) -> String {
    let Some(actor) = &event.actor else {
        return String::new();
    };
    if !actor.person.is_empty() {
        actor.person.clone()
    } else if !actor.client_id.is_empty() {
        actor.client_id.clone()
    } else {
        organisation_text(actor.organisation.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use contract_ledger::wire::v1::event::Payload;
    use contract_ledger::wire::v1::{Actor, EventType, OrderClosed, RecordedEvent, RefusedRequest};

    use super::*;

    fn closing() -> Event {
        Event {
            effective_date: "2024-06-01".to_owned(),
            actor: Some(Actor {
                client_id: "erp".to_owned(),
                person: "p-17".to_owned(),
                ..Default::default()
            }),
            payload: Some(Payload::OrderClosed(OrderClosed {
                order_id: "O6".to_owned(),
                ..Default::default()
            })),
            ..Default::default()
        }
    }

    #[test]
    fn accepted_event_is_told_with_version_type_and_person() {
        let record = Record {
            entry: Some(Entry::Event(RecordedEvent {
                agreement_version: 9,
                r#type: i32::from(EventType::OrderClosed),
                event: Some(closing()),
                ..Default::default()
            })),
            ..Default::default()
        };
        let text = RecordText::of(&record);
        assert_eq!(text.version, "9");
        assert_eq!(text.what, "order closed");
        assert_eq!(text.details, ["O6"]);
        assert_eq!(text.who, "p-17");
        assert!(!text.refused);
    }

    #[test]
    fn imported_record_is_marked() {
        let record = Record {
            recorded_time: Some(prost_types::Timestamp { seconds: 1_735_689_600, nanos: 0 }),
            imported: true,
            ..Default::default()
        };
        let notes = RecordText::of(&record).notes(&record);
        let text = "by nobody named, recorded 2025-01-01 01:00:00+01:00 (imported)";
        assert_eq!(notes, [(text.to_owned(), Tone::Quiet)]);
    }

    #[test]
    fn refused_request_is_told_with_every_event_and_reason() {
        let reason = |reason: &str| Refusal { reason: reason.to_owned(), ..Default::default() };
        let record = Record {
            entry: Some(Entry::Refusal(RefusedRequest {
                events: vec![closing(), closing()],
                refusals: vec![reason("AGREEMENT_EXPIRED"), reason("CEILING_EXCEEDED")],
                ..Default::default()
            })),
            ..Default::default()
        };
        let text = RecordText::of(&record);
        assert!(text.refused);
        assert_eq!(text.effective_date, "2024-06-01");
        assert_eq!(text.details, ["O6", "O6"]);
        assert_eq!(text.reasons, ["refused: AGREEMENT_EXPIRED", "refused: CEILING_EXCEEDED"]);
    }
}
