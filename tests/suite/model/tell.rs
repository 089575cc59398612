//! Histories in words that a person can read when model and product differ.

use std::fmt::Write as _;

use contract_ledger::domain::event::{AdmissionMode, Payload, Recorded};

/// One line for each event, with the id by which reversals and findings name it.
pub(super) fn tell(events: &[Recorded]) -> String {
    let mut text = String::new();
    for event in events {
        let mode = match event.event.mode {
            AdmissionMode::Intent => "intent",
            AdmissionMode::Fact => "fact",
        };
        let payload = match &event.event.payload {
            Payload::EventReversed(reversal) => format!("EventReversed {}", reversal.target),
            payload => readable(&format!("{payload:?}")),
        };
        let corrects = event.event.corrects.map(|id| format!(" corrects {id}"));
        let (position, effective) = (event.position.get(), event.event.effective);
        let corrects = corrects.unwrap_or_default();
        let (id, recorded) = (event.event_id, event.recorded);
        writeln!(
            text,
            "  {position} {id} eff {effective} rec {recorded} {mode}{corrects} {payload}"
        )
        .unwrap();
    }
    text
}

/// Debug output without what says nothing.
fn readable(debug: &str) -> String {
    let words = [
        ("OrganisationId { scheme: \"0192\", number: ", "Org("),
        ("Some(", "("),
        ("ScopeKeys ", ""),
        ("Value ", ""),
        ("Money ", ""),
    ];
    words.iter().fold(debug.to_owned(), |text, (word, short)| text.replace(word, short))
}
