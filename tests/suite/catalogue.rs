//! Every event of the catalogue, once, well-formed: it can be sent, kept and read again.

use std::collections::BTreeSet;

use contract_ledger::domain::date::{Date, RecordedTime};
use contract_ledger::domain::event::AdmissionMode;
use contract_ledger::domain::id::{AgreementId, EventId, Position, RequestId, Version};
use contract_ledger::wire::event_type::{event_type, name};
use contract_ledger::wire::json::descriptor_pool;
use contract_ledger::wire::parse::{parse_append, parse_recorded_event};
use contract_ledger::wire::record::{
    AcceptedEvent, Provenance, RecordHeader, decode, encode, of_event, recorded,
};
use contract_ledger::wire::v1;

use super::support::events::*;

const EVENT: &str = "0193a7f0-0000-7000-8000-000000000001";

/// One event of each type, in the order of the catalogue.
fn catalogue() -> Vec<v1::Event> {
    let basis = v1::LegalBasis::ModRev;
    let steps = v1::ThresholdPolicySet { warning_steps_ppm: vec![500_000], ..Default::default() };
    let mut events = vec![sign("1000000")];
    let payloads = vec![
        option("OPT-1"),
        decline("OPT-1"),
        amend("M1", basis, "100"),
        index_prices("1.0345"),
        suspend("no funds"),
        resume(),
        terminate("breach"),
        close_agreement(),
        reserve("R1", "100", "2024-12-31"),
        release("R1"),
        order("O1", "100"),
        confirm("O1"),
        reject_order("O1"),
        change("O1", "100"),
        cancel("O1"),
        deliver("D1", "O1", "person-1"),
        close("O1"),
        reopen("O1"),
        invoice("I1", "O1", "100"),
        credit("C1", "I1", "100"),
        approve("I1", "person-1"),
        dispute("I1", "not delivered"),
        reject_invoice("I1", "not ours"),
        settle_dispute("I1"),
        offset("I1", "I2", "100"),
        pay("P1", "I1", "125"),
        pay_back("P1"),
        withhold("H1", "I1", "10"),
        release_retention("H1", "10"),
        grant("G1", "100", "2024-12-31"),
        reverse(EVENT),
        acknowledge("f-1"),
        waive("f-1", "accepted"),
        resolve("f-1", "paid back"),
        set_policy(steps),
        attach("O1"),
    ];
    events.extend(payloads.into_iter().map(|payload| intent("2024-06-01", payload)));
    events
}

#[test]
fn every_type_of_event_is_in_the_catalogue_once() {
    let types = descriptor_pool().get_enum_by_name("contractledger.v1.EventType").unwrap();
    let known = types.values().filter(|value| value.number() != 0);
    let expected: Vec<_> = known.map(|value| value.name().replace("EVENT_TYPE_", "")).collect();
    let events = catalogue();
    let told: Vec<_> = events
        .iter()
        .map(|event| event_type(event).as_str_name().replace("EVENT_TYPE_", ""))
        .collect();
    assert_eq!(told, expected);
    for event in &events {
        let event_type = event_type(event);
        let words = name(event_type).chars().fold(String::new(), |mut words, letter| {
            if letter.is_ascii_uppercase() && !words.is_empty() {
                words.push('_');
            }
            words.push(letter.to_ascii_uppercase());
            words
        });
        assert_eq!(format!("EVENT_TYPE_{words}"), event_type.as_str_name());
    }
}

#[test]
fn every_event_of_the_catalogue_is_sent_kept_and_read_again() {
    let agreement_id = AgreementId::parse("A").unwrap();
    let request_id = RequestId::parse("6f1c2b1e-8a51-4d3f-9a53-1d0c5f3b7a03").unwrap();
    let event_id = EventId::parse(EVENT).unwrap();
    let sent = parse_append(request("A", catalogue()), 37).unwrap().events;
    assert_eq!(sent.len(), 37);
    for (provenance, imported) in [(Provenance::Observed, false), (Provenance::Imported, true)] {
        let header = RecordHeader {
            position: Position::new(7),
            recorded: RecordedTime::from_microseconds(1_706_745_600_123_456).unwrap(),
            agreement_id: &agreement_id,
            request_id,
            expected_version: None,
            request_event_count: 1,
            provenance,
        };
        for submitted in &sent {
            let accepted = AcceptedEvent {
                version: Version::new(3),
                event_id,
                request_index: 0,
                stated: submitted.stated.clone(),
            };
            let kept = of_event(&header, accepted);
            assert_eq!(kept.imported, imported);
            let read = decode(&encode(&kept)).unwrap();
            assert_eq!(read, kept);
            assert_eq!(recorded(&read).unwrap().unwrap().event, submitted.event);
        }
    }
}

#[test]
fn every_event_keeps_its_date_its_mode_and_its_kind() {
    let mut kinds = BTreeSet::new();
    for stated in catalogue() {
        for (mode, wire) in [
            (AdmissionMode::Intent, v1::AdmissionMode::Intent),
            (AdmissionMode::Fact, v1::AdmissionMode::Fact),
        ] {
            let stated = v1::Event { admission_mode: wire.into(), ..stated.clone() };
            let event = parse_recorded_event(&stated).unwrap();
            assert_eq!(event.effective, Date::parse(&stated.effective_date).unwrap());
            assert_eq!(event.mode, mode);
            // The name of the variant is the name of the event in the catalogue.
            let shown = format!("{:?}", event.payload);
            let kind = shown.split(['(', ' ']).next().unwrap().to_owned();
            assert_eq!(kind, name(event_type(&stated)));
            kinds.insert(kind);
        }
    }
    assert_eq!(kinds.len(), 37);
}
