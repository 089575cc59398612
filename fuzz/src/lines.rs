//! Files for `ledgerctl import` and `ledgerctl append`: lines of JSON, a request each.

use std::fmt::Debug;

use contract_ledger::wire::json::to_short_json;
use contract_ledger::wire::v1::{AppendEventsRequest, ImportEventsRequest};
use prost::{Message, Name};

use super::request;

#[path = "../../src/bin/ledgerctl/lines.rs"]
mod reader;

use reader::{Lines, parse};

/// The input is the file.
pub fn check(file: &[u8]) {
    let mut lines = Lines::new(file);
    let (mut count, mut bytes_before) = (0, 0);
    while let Some(text) = lines.next().expect("bytes in memory can be read") {
        count += 1;
        assert_eq!(lines.line(), count, "lines are counted");
        assert!(lines.bytes_read() > bytes_before, "a line has bytes");
        bytes_before = lines.bytes_read();
        if let Ok(text) = text {
            if let Some(read) = line::<ImportEventsRequest>(&text) {
                request::import(&read);
            }
            if let Some(read) = line::<AppendEventsRequest>(&text) {
                request::append(&read);
            }
        }
    }
    let bytes = u64::try_from(file.len()).expect("a length fits");
    assert_eq!(lines.bytes_read(), bytes, "every byte is read");
    let expected = file.split_inclusive(|byte| *byte == b'\n').count();
    assert_eq!(usize::try_from(count), Ok(expected), "every line is read");
}

/// What is read is read again from what it is written as.
fn line<M: Message + Name + Default + PartialEq + Debug>(text: &str) -> Option<M> {
    let read = parse::<M>(text);
    assert_eq!(read, parse::<M>(text), "read twice");
    let read = read.inspect_err(|error| assert!(!error.is_empty())).ok()??;
    let written = to_short_json(&read);
    assert!(!written.contains('\n'), "more than a line");
    let again = parse::<M>(&written).expect("what we write is read").expect("a request");
    assert_eq!(again, read, "read again");
    Some(read)
}
