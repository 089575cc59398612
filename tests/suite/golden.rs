//! What is stored and published keeps its bytes: an old folder must read the same for ever.

use contract_ledger::domain::date::RecordedTime;
use contract_ledger::domain::id::{AgreementId, EventId, Position, RequestId, Version};
use contract_ledger::wire::record::{
    AcceptedEvent, Provenance, RecordHeader, decode, encode, of_event, recorded,
};

use super::support::Served;
use super::support::events::*;

const RECORD: &str = include_str!("../golden/record_v1.hex");

#[test]
fn a_stored_record_keeps_its_bytes() {
    let agreement_id = AgreementId::parse("vask-2024").unwrap();
    let stated = intent("2024-02-01", order("4500001", "250000.00"));
    let header = RecordHeader {
        position: Position::new(300),
        recorded: RecordedTime::from_microseconds(1_706_745_600_123_456).unwrap(),
        agreement_id: &agreement_id,
        request_id: RequestId::parse("6f1c2b1e-8a51-4d3f-9a53-1d0c5f3b7a03").unwrap(),
        expected_version: Some(Version::new(1)),
        request_event_count: 1,
        provenance: Provenance::Observed,
    };
    let accepted = AcceptedEvent {
        version: Version::new(2),
        event_id: EventId::parse("018d61c0-0000-7000-8000-000000000001").unwrap(),
        request_index: 0,
        stated,
    };
    let record = of_event(&header, accepted);
    let bytes = encode(&record);
    let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    assert_eq!(hex, RECORD.trim(), "stored bytes changed: old logs would read differently");
    let read = decode(&bytes).unwrap();
    assert_eq!(read, record);
    let event = recorded(&read).unwrap().unwrap();
    assert_eq!((event.position, event.version), (Position::new(300), Version::new(2)));
}

#[tokio::test]
async fn a_finding_keeps_its_id() {
    let served = Served::start();
    served.append("vask-2024", sign("100")).await.unwrap();
    let over = fact("2024-01-01", order("O1", "101"));
    let answer = served.append("vask-2024", over).await.unwrap();
    let finding = &answer.findings_opened[0];
    assert_eq!(finding.rule, "CEILING_EXCEEDED");
    assert_eq!(finding.finding_id, include_str!("../golden/finding_id.txt").trim());
    served.stop().await;
}
