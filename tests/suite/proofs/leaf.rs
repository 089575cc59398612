//! Leaves keep their bytes: every proof ever given rests on them.

use contract_ledger::domain::date::RecordedTime;
use contract_ledger::domain::id::{AgreementId, Position, RequestId};
use contract_ledger::wire::record::{
    Provenance, RecordFault, RecordHeader, decode, encode, of_refusal,
};
use contract_ledger::wire::{leaf, v1};
use sha2::{Digest as _, Sha256};

const RECORD: &str = include_str!("../../golden/record_v1.hex");
const LEAVES: &str = include_str!("../../golden/leaf_v1.hex");

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn refusal() -> v1::Record {
    let header = RecordHeader {
        position: Position::new(301),
        recorded: RecordedTime::from_microseconds(-1).unwrap(),
        agreement_id: &AgreementId::parse("vask-2024").unwrap(),
        request_id: RequestId::parse("6f1c2b1e-8a51-4d3f-9a53-1d0c5f3b7a03").unwrap(),
        expected_version: None,
        request_event_count: 1,
        provenance: Provenance::Imported,
    };
    of_refusal(&header, v1::RefusedRequest { status_code: 9, ..Default::default() })
}

#[test]
fn leaves_of_an_event_and_a_refusal_keep_their_bytes() {
    let pinned: Vec<&str> = LEAVES.lines().filter(|line| !line.starts_with('#')).collect();
    let event = leaf::of_stored(&bytes_of(RECORD)).unwrap();
    assert_eq!(hex_of(&event), pinned[0], "every proof of an event would break");
    let refused = leaf::of_stored(&encode(&refusal())).unwrap();
    assert_eq!(hex_of(&refused), pinned[1], "every proof of a refusal would break");
}

#[test]
fn leaf_says_what_the_documented_layout_says() {
    let stored = bytes_of(RECORD);
    let leaf = leaf::of_stored(&stored).unwrap();
    let record = decode(&stored).unwrap();
    let Some(v1::record::Entry::Event(event)) = &record.entry else {
        panic!("the pinned record is of an event");
    };
    assert_eq!(leaf[..2], [1, 1]);
    assert_eq!(leaf[2..10], 300_u64.to_be_bytes());
    assert_eq!(leaf[10..18], 1_706_745_600_123_456_i64.to_be_bytes());
    assert_eq!(leaf[18], 0);
    assert_eq!(leaf[19..23], u32::try_from(event.r#type).unwrap().to_be_bytes());
    assert_eq!(leaf[23..33], *b"2024-02-01");
    assert_eq!(leaf[33..41], 2_u64.to_be_bytes());
    assert_eq!(hex_of(&leaf[41..57]), event.event_id.replace('-', ""));
    assert_eq!(leaf[57..89], *Sha256::digest(&stored));
    assert_eq!(usize::from(leaf[89]), record.agreement_id.len());
    assert_eq!(leaf[90..], *record.agreement_id.as_bytes());
}

#[test]
fn any_changed_bit_of_a_stored_record_changes_its_leaf() {
    let stored = bytes_of(RECORD);
    let leaf = leaf::of_stored(&stored).unwrap();
    for bit in 0..stored.len() * 8 {
        let mut altered = stored.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(leaf::of_stored(&altered).map_or(true, |other| other != leaf), "bit {bit}");
    }
}

#[test]
fn longest_agreement_id_fits_and_what_is_no_record_has_no_leaf() {
    let longest = v1::Record { agreement_id: "x".repeat(128), ..refusal() };
    assert_eq!(leaf::of_stored(&encode(&longest)).unwrap().len(), 218);
    let empty = leaf::of_stored(&encode(&v1::Record::default()));
    assert!(matches!(empty, Err(RecordFault::Incomplete { part: "entry" })), "{empty:?}");
    let broken = leaf::of_stored(&[0xff]);
    assert!(matches!(broken, Err(RecordFault::Undecodable(_))), "{broken:?}");
}
