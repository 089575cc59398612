//! The archive's sync may come later than the answer: its failure stops the log as any other does.

use std::fs::OpenOptions;
use std::sync::mpsc::channel;
use std::time::Duration;

use super::{all, record, records, small_blocks};
use crate::archive::{ArchiveOptions, ArchiveWriter};
use crate::log::durable::DurableStore;
use crate::log::open::delayed;
use crate::log::{Durability, Log, LogError, LogOptions};

fn with_delay(directory: &std::path::Path, sync_delay_ms_max: u64) -> LogOptions {
    let archive =
        ArchiveOptions { sync_delay_ms_max, ..ArchiveOptions::new(directory.join("archive")) };
    LogOptions { archive: Some(archive), ..small_blocks(directory) }
}

#[test]
fn the_options_say_what_an_append_has_made_durable() {
    let options = |delay| with_delay(std::path::Path::new("/x"), delay);
    assert_eq!(options(0).durability(), Durability::BothCopies);
    assert_eq!(options(5).durability(), Durability::ArchiveWithin { delay_ms_max: 5 });
    let without = LogOptions { archive: None, ..options(5) };
    assert_eq!(without.durability(), Durability::StoreOnly);
}

#[test]
fn a_delayed_log_is_found_clean_when_it_is_closed_or_dropped() {
    let scratch = tempfile::tempdir().unwrap();
    let options = with_delay(scratch.path(), 60_000);
    for (round, close) in [(0, true), (1, false), (2, true)] {
        let mut log = Log::open(&options).unwrap();
        assert!(log.report.recovery.is_clean());
        log.writer.append(&records(round * 6..round * 6 + 6)).unwrap();
        if close {
            log.writer.close().unwrap();
        }
    }
    assert_eq!(all(&Log::open(&options).unwrap().reader), records(0..18));
}

#[test]
fn a_delayed_sync_that_fails_stops_the_log_and_is_heard_of_while_nobody_appends() {
    let scratch = tempfile::tempdir().unwrap();
    let options = with_delay(scratch.path(), 1);
    let mut log = Log::open(&options).unwrap();
    log.writer.append(&records(0..6)).unwrap();
    let (stop, stopped) = channel();
    log.reader.on_stop(move || stop.send(()).unwrap());

    let found = crate::archive::inspect(&scratch.path().join("archive")).unwrap();
    let crate::archive::Found::Whole(inspected) = found else { panic!("{found:?}") };
    let archive_options = options.archive.clone().unwrap();
    let mut archive = ArchiveWriter::go_on(&archive_options, Some(&inspected)).unwrap();
    archive.replace_file(OpenOptions::new().write(true).open("/dev/null").unwrap());
    let archive = delayed(archive, &options, log.reader.store()).unwrap();
    log.writer.wrap_durable(|_, store| Box::new(DurableStore { store, archive: Some(archive) }));

    // Acknowledged with the delay; then the sync fails.
    log.writer.append(&records(6..9)).unwrap();
    stopped.recv_timeout(Duration::from_mins(1)).expect("the stop is heard of");
    assert!(log.writer.is_stopped());
    let refused = log.writer.append(&[record(9)]);
    assert!(matches!(refused, Err(LogError::Stopped)), "{refused:?}");
    assert_eq!(all(&log.reader), records(0..9));
    let closed = log.writer.close();
    assert!(matches!(closed, Err(LogError::Stopped)), "{closed:?}");
}
