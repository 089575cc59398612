//! An event that names its source is the one that was recorded from it before, or contradicts it.

use super::command::{Appended, Origin};
use crate::domain::id::{AgreementId, EventId, Position, Version};
use crate::domain::reason::Reason;
use crate::domain::refusal::Refusal;
use crate::wire::difference::first_different_field;
use crate::wire::parse::{SourceEvent, Submitted};
use crate::wire::{answer, record, v1};

/// What an event got when it was recorded before. None when it was another event.
pub(super) fn appended_before(
    stored: &v1::Record,
    agreement_id: &AgreementId,
    submitted: &Submitted,
) -> Option<Appended> {
    let Some(v1::record::Entry::Event(accepted)) = &stored.entry else { return None };
    let same = stored.agreement_id == agreement_id.as_str()
        && accepted.event.as_ref() == Some(&submitted.stated);
    if !same {
        return None;
    }
    Some(Appended {
        position: Some(Position::new(stored.position)),
        version: Version::new(accepted.agreement_version),
        event_id: EventId::parse(&accepted.event_id).ok(),
        recorded: record::recorded_time(stored).ok()?,
        origin: Origin::EarlierRequest,
    })
}

/// Where the first event of a source stands, and in what another one differs from it.
pub(super) fn different_content(
    stored: &v1::Record,
    agreement_id: &AgreementId,
    submitted: &Submitted,
) -> String {
    let place = format!("the event at position {}", stored.position);
    if stored.agreement_id != agreement_id.as_str() {
        return format!("{place}, of agreement {}, has this source", stored.agreement_id);
    }
    let first = match &stored.entry {
        Some(v1::record::Entry::Event(accepted)) => accepted.event.as_ref(),
        Some(v1::record::Entry::Refusal(_)) | None => None,
    };
    match first.and_then(|first| first_different_field(first, &submitted.stated)) {
        Some(field) => format!("{place} has this source and differs in {field}"),
        None => format!("{place} has this source"),
    }
}

pub(super) fn source_conflict(index: usize, source: &SourceEvent, text: &str) -> v1::Refusal {
    let SourceEvent { system, event_id } = source;
    let text = format!("source {system}/{event_id}: {text}");
    let event_index = u32::try_from(index).unwrap_or(u32::MAX);
    answer::refusal(&Refusal::new(Reason::DuplicateConflict, event_id, text), event_index)
}
