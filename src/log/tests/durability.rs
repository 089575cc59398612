//! The order of the durable steps, and the stop when one of them fails.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;

use super::derived::put;
use super::{all, copy_of, log_of, open, record, records};
use crate::block::Link;
use crate::log::corruption::Corruption;
use crate::log::durable::Durable;
use crate::log::entries::Entry;
use crate::log::error::LogError;
use crate::log::store::Store;
use crate::log::{LogReader, LogWriter};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Apply,
    Flush,
    Sync,
    Archive,
    Settle,
}

/// Does each step as it is done outside tests, notes it with the head that readers see
/// meanwhile, and fails at the step it is told to, before doing it.
#[derive(Debug)]
struct Watched {
    inner: Box<dyn Durable>,
    store: Arc<Store>,
    steps: Arc<Mutex<Vec<(Step, u64)>>>,
    fails_at: Option<Step>,
}

impl Watched {
    fn note(&self, step: Step) -> Result<(), LogError> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push((step, self.store.head()));
        if self.fails_at == Some(step) { Err(LogError::injected("do a step")) } else { Ok(()) }
    }
}

impl Durable for Watched {
    fn apply(&mut self, entries: Vec<Entry>) -> Result<(), LogError> {
        self.note(Step::Apply).and_then(|()| self.inner.apply(entries))
    }

    fn flush(&mut self) -> Result<(), LogError> {
        self.note(Step::Flush).and_then(|()| self.inner.flush())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        self.note(Step::Sync).and_then(|()| self.inner.sync())
    }

    fn archive(&mut self, blocks: &[Bytes], after: Link) -> Result<(), LogError> {
        self.note(Step::Archive).and_then(|()| self.inner.archive(blocks, after))
    }

    fn settle(&mut self) -> Result<(), LogError> {
        self.note(Step::Settle).and_then(|()| self.inner.settle())
    }
}

fn watch(writer: &mut LogWriter, fails_at: Option<Step>) -> Arc<Mutex<Vec<(Step, u64)>>> {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&steps);
    writer.wrap_durable(|inner, store| Box::new(Watched { inner, store, steps: noted, fails_at }));
    steps
}

/// A copy, so that a failed assertion does not hold the lock while the writer is dropped.
fn noted(steps: &Mutex<Vec<(Step, u64)>>) -> Vec<(Step, u64)> {
    steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn assert_stopped(writer: &mut LogWriter) {
    assert!(writer.is_stopped());
    for batch in [&[][..], &[record(0)]] {
        let refused = writer.append(batch);
        assert!(matches!(refused, Err(LogError::Stopped)), "{refused:?}");
    }
}

fn assert_shows(reader: &LogReader, count: u64) {
    assert_eq!(reader.next_position(), count);
    assert_eq!(reader.record(count).unwrap(), None);
    assert_eq!(all(reader), records(0..count));
}

#[test]
fn an_append_is_written_then_flushed_then_synced_and_only_then_visible() {
    let (_scratch, mut log) = log_of(6);
    let steps = watch(&mut log.writer, None);
    log.writer.append(&records(6..16)).unwrap();
    assert_eq!(
        noted(&steps),
        [Step::Apply, Step::Flush, Step::Sync, Step::Archive].map(|step| (step, 6))
    );
    assert_shows(&log.reader, 16);
    log.writer.append(&records(16..17)).unwrap();
    assert_eq!(
        noted(&steps)[4..],
        [Step::Apply, Step::Flush, Step::Sync, Step::Archive].map(|step| (step, 16))
    );
}

#[test]
fn closing_and_dropping_flush_and_sync() {
    for close in [true, false] {
        let (_scratch, mut log) = log_of(6);
        let steps = watch(&mut log.writer, None);
        if close {
            log.writer.close().unwrap();
        } else {
            drop(log.writer);
        }
        assert_eq!(noted(&steps), [(Step::Flush, 6), (Step::Sync, 6), (Step::Settle, 6)]);
    }
}

#[test]
fn a_failed_step_stops_the_log_and_shows_nothing_new() {
    for (fails_at, may_survive) in
        [(Step::Apply, false), (Step::Flush, true), (Step::Sync, true), (Step::Archive, true)]
    {
        let (scratch, mut log) = log_of(6);
        let derived = log.reader.derived("some", 1).unwrap();
        watch(&mut log.writer, Some(fails_at));
        match log.writer.append(&records(6..20)) {
            Err(LogError::OutcomeUnknown { source }) => {
                assert_eq!(source.to_string(), "could not do a step");
            }
            other => panic!("{other:?}"),
        }
        assert_stopped(&mut log.writer);
        assert_shows(&log.reader, 6);
        let refused = derived.apply(vec![(vec![1], vec![2])], 1);
        assert!(matches!(refused, Err(LogError::Stopped)), "{refused:?}");
        let closed = log.writer.close();
        assert!(matches!(closed, Err(LogError::Stopped)), "{closed:?}");

        // The next start finds the whole append or nothing of it, and goes on from there.
        let copy = copy_of(scratch.path());
        let mut again = open(copy.path());
        let found = again.report.next_position;
        assert!(found == 6 || (found == 20 && may_survive), "{fails_at:?}: {found}");
        assert_shows(&again.reader, found);
        again.writer.append(&[record(found)]).unwrap();
        again.reader.verify().unwrap();
    }
}

#[test]
fn a_failed_sync_on_closing_is_told_and_stops_derived_trees() {
    let (_scratch, mut log) = log_of(6);
    let derived = log.reader.derived("some", 1).unwrap();
    watch(&mut log.writer, Some(Step::Sync));
    assert_eq!(log.writer.close().unwrap_err().to_string(), "could not do a step");
    let refused = derived.apply(vec![], 1);
    assert!(matches!(refused, Err(LogError::Stopped)), "{refused:?}");
}

/// Panics in the middle of an append, as a bug in sled would.
#[derive(Debug)]
struct Panics;

impl Durable for Panics {
    fn apply(&mut self, _: Vec<Entry>) -> Result<(), LogError> {
        panic!("a bug below");
    }

    fn flush(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn sync(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn archive(&mut self, _: &[Bytes], _: Link) -> Result<(), LogError> {
        Ok(())
    }

    fn settle(&mut self) -> Result<(), LogError> {
        Ok(())
    }
}

#[test]
fn a_panic_within_an_append_stops_the_log() {
    let (_scratch, mut log) = log_of(6);
    log.writer.wrap_durable(|_, _| Box::new(Panics));
    let batch = [Bytes::from_static(b"x")];
    let writer = std::panic::AssertUnwindSafe(&mut log.writer);
    std::panic::catch_unwind(|| {
        let writer = writer;
        writer.0.append(&batch)
    })
    .unwrap_err();
    assert_stopped(&mut log.writer);
    assert_shows(&log.reader, 6);
}

/// Every acknowledged append is in a copy of the files made right after it, and nothing else.
#[test]
fn the_files_hold_what_was_acknowledged() {
    let scratch = tempfile::tempdir().unwrap();
    let mut log = open(scratch.path());
    for next in 0..8 {
        log.writer.append(&[record(next)]).unwrap();
        let copy = copy_of(scratch.path());
        let found = open(copy.path());
        assert_shows(&found.reader, next + 1);
    }
}

/// The kernel tells a failed sync once. Of two threads that sync at the same time, one hears it and the
/// other would be told that all is well; neither may take it for that.
#[test]
fn a_failed_sync_is_no_success_for_another_thread() {
    let (_scratch, log) = log_of(3);
    let store = Arc::clone(log.reader.store());
    let (entered, has_entered) = mpsc::channel();
    let (second, has_second) = mpsc::channel::<()>();
    let has_second = Mutex::new(has_second);
    let is_first = AtomicBool::new(true);
    store.sync_instead(move || {
        if !is_first.swap(false, Ordering::AcqRel) {
            second.send(()).unwrap();
            return Ok(());
        }
        entered.send(()).unwrap();
        // As long as the other might need to come here too.
        let _ = has_second.lock().unwrap().recv_timeout(Duration::from_millis(50));
        Err(LogError::injected("sync"))
    });
    let first = std::thread::spawn({
        let store = Arc::clone(&store);
        move || store.sync()
    });
    has_entered.recv().unwrap();
    let second = store.sync();
    assert!(matches!(second, Err(LogError::Stopped)), "{second:?}");
    assert!(first.join().unwrap().is_err());
    assert!(store.is_stopped());
    drop(log);
}

#[test]
fn a_read_that_sled_refuses_since_a_write_of_its_own_failed_stops_the_log_and_is_no_damage() {
    let (scratch, mut log) = log_of(3);
    let tree = log.reader.derived("tree", 1).unwrap();
    tree.apply(vec![put(b"key", b"value")], 3).unwrap();
    let store = Arc::clone(log.reader.store());
    // What sled refuses: here a tree that is gone.
    assert!(store.db().drop_tree("derived/tree").unwrap());
    store.pretend_sled_has_failed();
    assert!(matches!(tree.get(b"key"), Err(LogError::Stopped)));
    assert!(matches!(tree.scan_prefix(b"").next(), Some(Err(LogError::Stopped))));
    assert_stopped(&mut log.writer);
    assert_shows(&log.reader, 3);
    let half_of_a_batch = LogError::DerivedDamaged { name: "tree".to_owned() };
    assert!(matches!(store.read_failed(half_of_a_batch), LogError::Stopped));
    let damage = LogError::corrupt(1, Corruption::Missing);
    assert!(matches!(store.read_failed(damage), LogError::Corrupt { position: 1, .. }));
    assert!(!scratch.path().join("rebuild-store").exists(), "nothing is known to be damaged");
}

#[test]
fn a_failed_read_of_a_sled_that_writes_is_told_as_it_is() {
    let (scratch, mut log) = log_of(3);
    let tree = log.reader.derived("tree", 1).unwrap();
    tree.apply(vec![put(b"key", b"value")], 3).unwrap();
    assert!(log.reader.store().db().drop_tree("derived/tree").unwrap());
    assert!(matches!(tree.get(b"key"), Err(LogError::Storage { .. })));
    assert!(!log.writer.is_stopped());
    log.writer.append(&[record(3)]).unwrap();
    assert!(scratch.path().join("rebuild-store").exists(), "the next start rebuilds it");
}
