//! Stored records, and the rows that the portfolio stores.

use contract_ledger::projections::stored;
use contract_ledger::wire::{leaf, record};
use prost::Message as _;

use super::input::Input;

/// The first byte says which of the two.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let choice = input.byte();
    let bytes = input.rest();
    if choice & 1 == 1 { row(bytes) } else { stored_record(bytes) }
}

fn stored_record(bytes: &[u8]) {
    let Ok(read) = record::decode(bytes) else { return };
    let encoded = record::encode(&read);
    assert_eq!(encoded.len(), read.encoded_len());
    let again = record::decode(&encoded).expect("a record of ours is read");
    assert_eq!(again, read, "decoded again");
    assert_eq!(record::encode(&again), encoded, "encoded again");
    let event = record::recorded(&read);
    let twice = record::recorded(&again);
    match (&event, &twice) {
        (Ok(event), Ok(twice)) => assert_eq!(event, twice),
        (Err(fault), Err(twice)) => assert_eq!(fault.to_string(), twice.to_string()),
        (Ok(_), Err(fault)) | (Err(fault), Ok(_)) => panic!("read once, refused once: {fault}"),
    }
    if let Ok(Some(event)) = event {
        assert_eq!(event.position.get(), read.position);
        let time = record::recorded_time(&read).expect("a recorded event has its time");
        let told = record::from_timestamp(&record::timestamp(time));
        assert_eq!(told, Some(time), "the time read back");
    }
    match (leaf::of_record(&read, &encoded), leaf::of_stored(&encoded)) {
        (Ok(leaf), Ok(twice)) => assert_eq!(leaf, twice),
        (Err(fault), Err(twice)) => assert_eq!(fault.to_string(), twice.to_string()),
        (Ok(_), Err(fault)) | (Err(fault), Ok(_)) => panic!("a leaf once: {fault}"),
    }
}

fn row(bytes: &[u8]) {
    let Some(row) = stored::decode(bytes) else { return };
    let encoded = stored::encode(&row);
    let again = stored::decode(&encoded).expect("a row of ours is read");
    assert_eq!(again, row, "decoded again");
    assert_eq!(stored::encode(&again), encoded, "encoded again");
}
