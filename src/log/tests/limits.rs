//! Every limit of an append: what is at it goes in, what is over it is refused by name.

use bytes::Bytes;

use super::{all, log_of, record, records};
use crate::log::{APPEND_BYTES_MAX, APPEND_RECORDS_MAX, Log, LogError, LogOptions};

#[test]
fn a_record_over_the_limit_is_refused_with_its_index_and_the_log_goes_on() {
    let scratch = tempfile::tempdir().unwrap();
    let options = LogOptions { record_bytes_max: 100, ..LogOptions::new(scratch.path()) };
    let mut log = Log::open(&options).unwrap();
    let fits = Bytes::from(vec![1; 100]);
    match log.writer.append(&[fits.clone(), Bytes::from(vec![1; 101])]) {
        Err(LogError::RecordTooLong { index: 1, bytes: 101, bytes_max: 100 }) => {}
        other => panic!("{other:?}"),
    }
    assert!(!log.writer.is_stopped());
    assert_eq!(log.writer.append(std::slice::from_ref(&fits)).unwrap(), 0..1);
    assert_eq!(all(&log.reader), [fits]);
}

#[test]
fn an_append_takes_as_many_records_as_the_limit_says() {
    let (_scratch, mut log) = log_of(1);
    let mut batch = vec![Bytes::new(); APPEND_RECORDS_MAX + 1];
    match log.writer.append(&batch) {
        Err(LogError::AppendRecordsTooMany { records: 65_537, records_max: 65_536 }) => {}
        other => panic!("{other:?}"),
    }
    batch.pop();
    assert_eq!(log.writer.append(&batch).unwrap(), 1..65_537);
    assert_eq!(log.reader.verify().unwrap().next_position, 65_537);
}

#[test]
fn an_append_over_the_byte_limit_is_refused() {
    let (_scratch, mut log) = log_of(1);
    let chunk = Bytes::from(vec![3; 8 * 1024 * 1024]);
    let mut batch = vec![chunk; 8];
    batch.push(Bytes::from_static(b"x"));
    match log.writer.append(&batch) {
        Err(LogError::AppendBytesTooMany { bytes, bytes_max: APPEND_BYTES_MAX }) => {
            assert_eq!(bytes, APPEND_BYTES_MAX + 1);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(log.writer.append(&[record(1)]).unwrap(), 1..2);
    assert_eq!(all(&log.reader), records(0..2));
}
