//! The indexes, written and not, say the same.

use super::*;
use crate::log::{Log, LogError, LogOptions, OpenedLog};
use crate::wire::{record, v1};

/// The record of a refusal, which is enough of one to be found.
fn refusal(position: u64, agreement_id: &str) -> v1::Record {
    v1::Record {
        position,
        agreement_id: agreement_id.to_owned(),
        request_id: uuid::Uuid::from_u128(u128::from(position) + 1).to_string(),
        entry: Some(v1::record::Entry::Refusal(v1::RefusedRequest::default())),
        ..Default::default()
    }
}

fn noted(record: &v1::Record) -> Noted {
    Noted::read(record::encode(record)).unwrap()
}

/// Three runs of each of the first two; names of which one begins another.
const BATCHES: [&[&str]; 4] =
    [&["b", "a", "a b"], &["a", "b", "a"], &["a", "b", "a~"], &["a b", "a b", "~"]];

/// An index of the batches, written after those whose bits are set.
fn index_of(folder: &std::path::Path, written_after: u32) -> (Index, LogReader) {
    let OpenedLog { mut writer, reader, .. } = Log::open(&LogOptions::new(folder)).unwrap();
    let index = Index::open(&reader).unwrap();
    let mut position = 0;
    for (number, names) in BATCHES.iter().enumerate() {
        let mut batch = IndexBatch::default();
        let mut stored = Vec::new();
        for name in *names {
            let record = refusal(position, name);
            stored.push(record::encode(&record));
            batch.add_stored(&noted(&record)).unwrap();
            position += 1;
        }
        writer.append(&stored).unwrap();
        index.apply(batch, position).unwrap();
        if written_after & (1 << number) != 0 {
            index.write().unwrap();
        }
    }
    writer.close().unwrap();
    (index, reader)
}

#[test]
fn agreements_are_listed_once_in_order_and_streams_are_read_from_any_position() {
    for written_after in 0..1 << BATCHES.len() {
        let folder = tempfile::tempdir().unwrap();
        let (index, _reader) = index_of(folder.path(), written_after);
        let id = |text: &str| AgreementId::parse(text).unwrap();
        let ids = |after: Option<&AgreementId>, ids_max| -> Vec<String> {
            let ids = index.agreement_ids(after, ids_max).unwrap();
            ids.iter().map(ToString::to_string).collect()
        };
        let at = format!("written after {written_after:04b}");
        assert_eq!(ids(None, 10), ["a", "a b", "a~", "b", "~"], "{at}");
        assert_eq!(ids(None, 2), ["a", "a b"], "{at}");
        assert_eq!(ids(Some(&id("a b")), 2), ["a~", "b"], "{at}");
        assert_eq!(ids(Some(&id("a!")), 1), ["a~"], "{at}");
        assert!(ids(Some(&id("~")), 10).is_empty(), "{at}");

        let from = |first| -> Vec<u64> {
            let entries = index.stream_from(&id("a"), Position::new(first)).unwrap();
            entries.iter().map(|entry| entry.position.get()).collect()
        };
        let whole = index.stream(&id("a")).unwrap();
        let whole: Vec<_> = whole.iter().map(|entry| entry.position.get()).collect();
        assert_eq!(whole, [1, 3, 5, 6], "{at}");
        for first in 0..12 {
            let expected: Vec<_> = whole.iter().copied().filter(|p| *p >= first).collect();
            assert_eq!(from(first), expected, "{at}, from {first}");
        }
    }
}

#[test]
fn request_is_found_written_or_not_also_by_whoever_knows_that_it_is_new_before_a_position() {
    for written_after in 0..1 << BATCHES.len() {
        let folder = tempfile::tempdir().unwrap();
        let (index, _reader) = index_of(folder.path(), written_after);
        for number in 0..13 {
            let request = RequestId::parse(&refusal(number, "").request_id).unwrap();
            let expected = (number < 12).then(|| Position::new(number));
            let at = format!("written after {written_after:04b}, request {number}");
            assert_eq!(index.request(request).unwrap(), expected, "{at}");
            for from in 0..=number {
                let found = index.request_since(request, from).unwrap();
                assert_eq!(found, expected, "{at}, new before {from}");
            }
        }
    }
}

#[test]
fn parts_of_runs_are_the_runs_in_the_order_of_positions() {
    let (first, mut position) = (7, 7);
    let mut whole = IndexBatch::default();
    for names in BATCHES {
        for name in names {
            whole.add_stored(&noted(&refusal(position, name))).unwrap();
            position += 1;
        }
    }
    for part_records in 1..14 {
        let mut again = Streams::new();
        let mut reached = first;
        for (part, end) in whole.stream_parts(first, position, part_records) {
            let here = part.values().flatten().map(|entry| entry.position.get());
            assert!(here.clone().all(|one| (reached..end).contains(&one)), "{part_records}");
            assert_eq!(u64::try_from(here.count()).unwrap(), end - reached, "{part_records}");
            assert!(end - reached <= part_records, "{part_records}");
            for (id, run) in part {
                again.entry(id).or_default().extend(run);
            }
            reached = end;
        }
        assert_eq!(reached, position, "{part_records}");
        assert_eq!(again, whole.streams, "{part_records}");
    }
}

/// The record of an event with a source, as far as an index looks at it.
fn event(position: u64, agreement: u64, version: u64) -> v1::Record {
    let source = v1::Source { system: "erp".to_owned(), event_id: position.to_string() };
    let stated = v1::Event { source: Some(source), ..Default::default() };
    let event =
        v1::RecordedEvent { agreement_version: version, event: Some(stated), ..Default::default() };
    v1::Record {
        entry: Some(v1::record::Entry::Event(event)),
        ..refusal(position, &format!("agreement {agreement}"))
    }
}

/// Three events of each of 300 agreements in turn: more of everything than is written at once.
fn many_events() -> Vec<v1::Record> {
    (0..900).map(|position| event(position, position % 300, position / 300 + 1)).collect()
}

/// Entries of the three trees.
fn written(index: &Index) -> [usize; 3] {
    let Index { streams, requests, sources, .. } = index;
    assert_eq!(index.reached(), [900; 3]);
    let keys = |tables: &Tables| tables.scan().map(Result::unwrap).count();
    [streams.scan_prefix(&[]).map(Result::unwrap).count(), keys(requests), keys(sources)]
}

#[test]
fn what_is_written_in_parts_is_found_and_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let OpenedLog { mut writer, reader, .. } = Log::open(&LogOptions::new(folder.path())).unwrap();
    let index = Index::open(&reader).unwrap();
    let records = many_events();
    let stored: Vec<_> = records.iter().map(record::encode).collect();
    writer.append(&stored).unwrap();
    let mut batch = IndexBatch::default();
    for record in &records {
        batch.add_stored(&noted(record)).unwrap();
    }
    index.apply(batch, 900).unwrap();
    index.write().unwrap();

    let [_, requests, sources] = written(&index);
    assert_eq!((requests, sources), (900, 900));
    // Nothing is left in memory, so what is found is read.
    let index = Index::open(&reader).unwrap();
    for record in &records {
        let position = Position::new(record.position);
        let request = RequestId::parse(&record.request_id).unwrap();
        assert_eq!(index.request(request).unwrap(), Some(position));
        let source = SourceEvent { system: "erp".to_owned(), event_id: position.get().to_string() };
        assert_eq!(index.source(&source).unwrap(), Some(position));
    }
    for agreement in 0..300 {
        let id = AgreementId::parse(&format!("agreement {agreement}")).unwrap();
        let stream = index.stream(&id).unwrap();
        let found: Vec<_> =
            stream.iter().map(|entry| (entry.position.get(), entry.version.get())).collect();
        let expected = [(agreement, 1), (agreement + 300, 2), (agreement + 600, 3)];
        assert_eq!(found, expected);
    }
}

#[test]
fn what_a_kill_leaves_is_owed_and_caught_up_in_steps_that_fit() {
    let folder = tempfile::tempdir().unwrap();
    let OpenedLog { mut writer, reader, .. } = Log::open(&LogOptions::new(folder.path())).unwrap();
    let count = 3 * CATCH_UP_RECORDS_MIN + 7;
    let records: Vec<_> =
        (0..count).map(|position| event(position, position % 300, position / 300 + 1)).collect();
    let stored: Vec<_> = records.iter().map(record::encode).collect();
    let index = Index::open(&reader).unwrap();
    writer.append(&stored).unwrap();
    let mut batch = IndexBatch::default();
    for record in &records {
        batch.add_stored(&noted(record)).unwrap();
    }
    index.apply(batch, count).unwrap();
    assert_eq!(index.owed_bytes(), count * RECORD_BYTES);
    drop(index);

    let index = Index::open(&reader).unwrap();
    let step = CATCH_UP_RECORDS_MIN * RECORD_BYTES;
    reader.pretend_free(Some(step - 1));
    let refused = index.catch_up(&reader, HandingOn::to_nobody()).unwrap_err();
    assert!(matches!(refused, LedgerError::Log(LogError::DiskFull { .. })), "{refused}");
    assert_eq!(index.reached(), [0; 3]);
    // Less than all of it needs.
    reader.pretend_free(Some(step));
    index.catch_up(&reader, HandingOn::to_nobody()).unwrap();
    assert_eq!(index.reached(), [count; 3]);
    assert_eq!(index.owed_bytes(), 0);
}

#[test]
fn trees_that_are_a_whole_write_apart_catch_up() {
    let folder = tempfile::tempdir().unwrap();
    let OpenedLog { mut writer, reader, .. } = Log::open(&LogOptions::new(folder.path())).unwrap();
    let records = many_events();
    let stored: Vec<_> = records.iter().map(record::encode).collect();
    writer.append(&stored).unwrap();
    let index = Index::open(&reader).unwrap();
    let batch_to = |end: usize| {
        let mut batch = IndexBatch::default();
        for record in &records[..end] {
            batch.add_stored(&noted(record)).unwrap();
        }
        batch
    };
    index.apply_streams(&batch_to(900).streams, 900).unwrap();
    index.write_requests(&batch_to(500), 0..500).unwrap();
    index.catch_up(&reader, HandingOn::to_nobody()).unwrap();
    assert_eq!(written(&index), [300, 900, 900]);
}

#[test]
fn records_of_a_request_add_the_same_one_by_one_and_together() {
    let id = AgreementId::parse("agreement 1").unwrap();
    let request = RequestId::parse(&refusal(7, "").request_id).unwrap();
    let records = (7..10).map(|position| v1::Record {
        request_id: request.to_string(),
        ..event(position, 1, position)
    });
    let mut one_by_one = IndexBatch::default();
    for record in records {
        one_by_one.add_stored(&noted(&record)).unwrap();
    }
    let mut together = IndexBatch::default();
    let entries = (7..10).map(|position: u64| {
        let source = SourceEvent { system: "erp".to_owned(), event_id: position.to_string() };
        IndexEntry {
            position: Position::new(position),
            version: Version::new(position),
            source: Some(source_key(&source)),
        }
    });
    together.add(&id, request, entries);
    let all = |batch: &IndexBatch| {
        let IndexBatch { last_request, streams, requests, sources } = batch;
        (*last_request, streams.clone(), requests.clone(), sources.clone())
    };
    assert_eq!(all(&together), all(&one_by_one));
    assert_eq!(together.requests, [(request, Position::new(7))]);
}

#[test]
fn a_write_puts_few_runs_at_once_however_many_records_it_has() {
    let of_runs = [(0, 256), (1, 128), (100, 12_800), (256, 32_768), (257, 256), (9000, 256)];
    for (agreements, records) in of_runs {
        assert_eq!(run_part_records(agreements), records, "{agreements} agreements");
    }
}
