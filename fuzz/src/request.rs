//! Requests from the wire: append, import, and the listings.

use std::fmt::Debug;

use contract_ledger::domain::date::RecordedTime;
use contract_ledger::domain::event::Event;
use contract_ledger::domain::id::{EventId, Position, Version};
use contract_ledger::wire::parse::listing::{self, FILTER_VALUES_MAX, ListingQuery};
use contract_ledger::wire::parse::{
    AppendCommand, Recording, Violation, parse_append, parse_import, parse_recorded_event,
};
use contract_ledger::wire::record::{
    self, AcceptedEvent, Provenance, RecordHeader, of_event, recorded,
};
use contract_ledger::wire::v1;
use prost::Message;

use super::input::Input;

/// Events of a request, the default of the server.
const EVENTS_MAX: usize = 1000;
/// Some id, as the ledger gives them.
const EVENT_ID: &str = "018d61c0-0000-7000-8000-000000000001";

/// The first byte says which request.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let choice = input.byte() % 9;
    let bytes = input.rest();
    match choice {
        0 => with(bytes, append),
        1 => with(bytes, import),
        2 => with(bytes, |request| listed(|| listing::agreements(request))),
        3 => with(bytes, |request| listed(|| listing::orders(request))),
        4 => with(bytes, |request| listed(|| listing::invoices(request))),
        5 => with(bytes, |request| listed(|| listing::findings(request))),
        6 => with(bytes, |request| listed(|| listing::deadlines(request))),
        7 => with(bytes, |request| listed(|| listing::amendments(request))),
        _ => with(bytes, |request| listed(|| listing::refusals(request))),
    }
}

fn with<M: Message + Default>(bytes: &[u8], then: impl Fn(&M)) {
    if let Ok(request) = M::decode(bytes) {
        then(&request);
    }
}

/// A request to append is read the same each time, and what is accepted is read again from its
/// record as it was accepted.
pub fn append(request: &v1::AppendEventsRequest) {
    let read = || parse_append(request.clone(), EVENTS_MAX);
    if let Some(command) = same_twice(read) {
        assert_eq!(command.recording, Recording::Now);
        stored(&command, RecordedTime::from_microseconds(0).expect("an instant"));
    }
}

/// The same of a request to import.
pub fn import(request: &v1::ImportEventsRequest) {
    if let Some(command) = same_twice(|| parse_import(request.clone(), EVENTS_MAX)) {
        match command.recording {
            Recording::At(time) => stored(&command, time),
            Recording::Now => panic!("an import has its recorded time"),
        }
    }
}

fn listed<F: Debug>(read: impl Fn() -> Result<ListingQuery<F>, Vec<Violation>>) {
    if let Some(query) = same_twice(read) {
        assert_ne!(query.page_size, Some(0), "a page of nothing");
        let text = format!("{:?}", query.filter);
        assert!(text.len() < FILTER_VALUES_MAX * 4096, "a filter without bounds");
    }
}

/// Reads twice; refusals name a field, a reason and what is wrong.
fn same_twice<T: Debug>(read: impl Fn() -> Result<T, Vec<Violation>>) -> Option<T> {
    let (first, second) = (read(), read());
    assert_eq!(format!("{first:?}"), format!("{second:?}"), "read twice");
    match first {
        Ok(value) => Some(value),
        Err(violations) => {
            assert!(!violations.is_empty(), "refused without a word");
            for Violation { field, reason, description } in violations {
                assert!(!field.is_empty() && !reason.is_empty() && !description.is_empty());
            }
            None
        }
    }
}

fn stored(command: &AppendCommand, time: RecordedTime) {
    assert!((1..=EVENTS_MAX).contains(&command.events.len()));
    let header = RecordHeader {
        position: Position::new(7),
        recorded: time,
        agreement_id: &command.agreement_id,
        request_id: command.request_id,
        expected_version: command.expected_version,
        request_event_count: 1,
        provenance: Provenance::Observed,
    };
    for submitted in &command.events {
        let accepted = AcceptedEvent {
            version: Version::new(1),
            event_id: EventId::parse(EVENT_ID).expect("an id"),
            request_index: 0,
            stated: submitted.stated.clone(),
        };
        let bytes = record::encode(&of_event(&header, accepted));
        let read = record::decode(&bytes).expect("a record of ours is read");
        let event = recorded(&read).expect("what was accepted is read").expect("an event");
        assert_eq!(event.event, submitted.event, "read from its record");
        assert_eq!(event.recorded, time);
        assert_eq!(again(&submitted.stated), submitted.event, "read again");
    }
}

fn again(stated: &v1::Event) -> Event {
    parse_recorded_event(stated).expect("what was accepted once is accepted again")
}
