//! What is decided while a batch is being recorded stands on it, and falls with it.

use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc as std_mpsc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::*;
use crate::clock::SystemClock;
use crate::domain::id::Position;
use crate::ledger::command::{AppendOutcome, Telling};
use crate::ledger::queue::{Lookup, PendingOutcome};
use crate::ledger::{Ledger, LedgerRules, OpenedLedger, WriterThread};
use crate::log::LogOptions;
use crate::wire::parse::parse_append;
use crate::wire::v1;
use crate::wire::v1::event::Payload;

/// Far longer than a machine under load needs.
const HANGS_AFTER: Duration = Duration::from_mins(1);
/// Orders of the request that is being recorded: enough that it is handed over.
const MANY: u8 = 8;

/// A ledger in a folder of its own.
pub(in crate::ledger) struct Setting {
    folder: tempfile::TempDir,
    ledger: Ledger,
    writer: WriterThread,
    queue_room: usize,
}

impl Setting {
    /// An agreement of 100, of which nothing is used.
    fn new() -> Self {
        let setting = Self::on(tempfile::tempdir().unwrap());
        let signed = setting.submit(request(1, vec![signing()]));
        assert_eq!(version(&heard(signed)), 1);
        setting
    }

    pub(in crate::ledger) fn on(folder: tempfile::TempDir) -> Self {
        let (options, limits) = (LogOptions::new(folder.path()), LedgerLimits::default());
        let clock = Arc::new(SystemClock);
        let opened = Ledger::open(&options, &limits, LedgerRules::default(), clock).unwrap();
        let OpenedLedger { ledger, writer, .. } = opened;
        let queue_room = ledger.queue.max_capacity();
        Self { folder, ledger, writer, queue_room }
    }

    pub(in crate::ledger) fn submit(&self, request: v1::AppendEventsRequest) -> PendingOutcome {
        let command = parse_append(request, 100).unwrap();
        waited_for(self.ledger.submit(command, Lookup::default()))
    }

    /// A request of an import.
    fn import(&self, request: v1::AppendEventsRequest, session: &ImportSession) -> PendingOutcome {
        let command = parse_append(request, 100).unwrap();
        let enqueued = self.ledger.enqueue(command, Some(session.clone()), Lookup::default());
        waited_for(enqueued)
    }

    /// Until the writer has taken everything from its queue.
    fn wait_until_taken(&self) {
        let until = Instant::now() + HANGS_AFTER;
        while self.ledger.queue.capacity() < self.queue_room {
            assert!(Instant::now() < until, "the writer does not take what is waiting");
            std::thread::yield_now();
        }
    }

    pub(in crate::ledger) fn shared(&self) -> &Arc<Shared> {
        &self.ledger.shared
    }

    fn records(&self) -> u64 {
        self.ledger.head().borrow().record_count
    }

    pub(in crate::ledger) fn end(self) -> (tempfile::TempDir, WriterEnd) {
        let Self { folder, ledger, writer, .. } = self;
        drop(ledger);
        (folder, writer.join())
    }
}

/// The outcome of a request.
pub(in crate::ledger) fn heard(pending: PendingOutcome) -> Result<AppendOutcome, AppendFailure> {
    waited_for(pending.outcome())
}

/// What a future gives, waited for on this thread.
fn waited_for<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(given) => return given,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Syncs of a store that wait to be let through.
struct Gate {
    entered: std_mpsc::Receiver<()>,
    open: std_mpsc::Sender<Result<(), &'static str>>,
}

impl Gate {
    /// The first sync from here on waits, and then does as it is told. Those after it do nothing.
    fn before(setting: &Setting) -> Self {
        let ((enter, entered), (open, opened)) = (std_mpsc::channel(), std_mpsc::channel());
        let (opened, is_first) = (Mutex::new(opened), AtomicBool::new(true));
        setting.shared().reader.sync_instead(move || {
            if !is_first.swap(false, Ordering::AcqRel) {
                return Ok(());
            }
            enter.send(()).unwrap();
            opened.lock().unwrap().recv_timeout(HANGS_AFTER).unwrap()
        });
        Self { entered, open }
    }

    fn wait_until_entered(&self) {
        self.entered.recv_timeout(HANGS_AFTER).unwrap();
    }
}

fn event(payload: Payload) -> v1::Event {
    v1::Event {
        effective_date: "2024-01-01".to_owned(),
        admission_mode: v1::AdmissionMode::Intent.into(),
        payload: Some(payload),
        ..Default::default()
    }
}

fn organisation(number: &str) -> v1::OrganisationId {
    v1::OrganisationId { number: number.to_owned(), scheme: String::new() }
}

fn nok(amount: u32) -> v1::Money {
    v1::Money { amount: amount.to_string(), currency: "NOK".to_owned() }
}

pub(in crate::ledger) fn signing() -> v1::Event {
    let party = |number| v1::Organisation { id: Some(organisation(number)), name: String::new() };
    let signed = v1::AgreementSigned {
        reference: "2020/1".to_owned(),
        title: "A framework".to_owned(),
        framework_kind: v1::FrameworkKind::WithoutReopenedCompetition.into(),
        nature: v1::ContractNature::Services.into(),
        owner: Some(party("920125298")),
        buyers: vec![party("920125298")],
        suppliers: vec![party("943184097")],
        ceilings: vec![v1::Ceiling {
            scope: Some(v1::Scope { scope: Some(v1::scope::Scope::Agreement(true)) }),
            kind: v1::CeilingKind::Maximum.into(),
            amount: Some(nok(100)),
        }],
        currency: "NOK".to_owned(),
        term: Some(v1::Term {
            start_date: "2020-01-01".to_owned(),
            end_date: "2024-12-31".to_owned(),
        }),
        term_justification: "long enough for every test".to_owned(),
        ..Default::default()
    };
    let signed = event(Payload::AgreementSigned(signed));
    v1::Event { effective_date: "2020-01-01".to_owned(), ..signed }
}

/// An order, with its id for its source's.
pub(in crate::ledger) fn order(id: &str, amount: u32) -> v1::Event {
    let placed = v1::OrderPlaced {
        order_id: id.to_owned(),
        buyer: Some(organisation("920125298")),
        supplier: Some(organisation("943184097")),
        amount: Some(nok(amount)),
        ..Default::default()
    };
    let source = v1::Source { system: "erp".to_owned(), event_id: id.to_owned() };
    v1::Event { source: Some(source), ..event(Payload::OrderPlaced(placed)) }
}

pub(in crate::ledger) fn request(id: u128, events: Vec<v1::Event>) -> v1::AppendEventsRequest {
    v1::AppendEventsRequest {
        request_id: uuid::Uuid::from_u128(id).to_string(),
        agreement_id: "a".to_owned(),
        events,
        ..Default::default()
    }
}

/// Eighty of the hundred, in orders of ten.
fn many() -> v1::AppendEventsRequest {
    request(2, (0..MANY).map(|number| order(&format!("M{number}"), 10)).collect())
}

fn version(outcome: &Result<AppendOutcome, AppendFailure>) -> u64 {
    match outcome {
        Ok(AppendOutcome::Accepted(answer)) => answer.version.get(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_decided_while_a_batch_is_recorded_stands_on_it() {
    let setting = Setting::new();
    let gate = Gate::before(&setting);
    let recorded = setting.submit(many());
    gate.wait_until_entered();
    // Nobody may see it yet, and everything below is decided by now.
    let repeated = setting.submit(many());
    let other = setting.submit(request(2, vec![order("X", 1)]));
    let above = setting.submit(request(3, vec![order("A", 21)]));
    let duplicate = setting.submit(request(4, vec![order("M3", 10)]));
    let conflicting = setting.submit(request(5, vec![order("M3", 11)]));
    let last =
        v1::AppendEventsRequest { expected_version: Some(9), ..request(6, vec![order("L", 20)]) };
    let last = setting.submit(last);
    let stale =
        v1::AppendEventsRequest { expected_version: Some(1), ..request(7, vec![order("S", 1)]) };
    let stale = setting.submit(stale);
    let validated =
        v1::AppendEventsRequest { validate_only: true, ..request(8, vec![order("V", 1)]) };
    let validated = setting.submit(validated);
    setting.wait_until_taken();
    assert_eq!(setting.records(), 1, "nothing is published before it is durable");
    gate.open.send(Ok(())).unwrap();

    assert_eq!(version(&heard(recorded)), 9);
    let repeated = heard(repeated).unwrap();
    let AppendOutcome::Accepted(repeated) = repeated else { panic!("{repeated:?}") };
    assert_eq!((repeated.telling, repeated.version.get()), (Telling::Again, 9));
    let other = heard(other).unwrap_err();
    assert!(matches!(other, AppendFailure::RequestConflict { .. }), "{other:?}");
    for refused in [above, conflicting, stale, validated] {
        let refused = heard(refused).unwrap();
        assert!(matches!(refused, AppendOutcome::Refused(_)), "{refused:?}");
    }
    let duplicate = heard(duplicate).unwrap();
    let AppendOutcome::Accepted(duplicate) = duplicate else { panic!("{duplicate:?}") };
    assert_eq!(duplicate.events[0].position.map(Position::get), Some(4));
    assert_eq!(version(&heard(last)), 10);

    // What was decided on top was recorded on top.
    assert_eq!(setting.records(), 13, "nine events and three refusals, and the last order");
    let (folder, end) = setting.end();
    assert_eq!(end, WriterEnd::Emptied);
    let again = Setting::on(folder);
    let repeated = heard(again.submit(request(6, vec![order("L", 20)])));
    assert!(matches!(repeated, Err(AppendFailure::RequestConflict { .. })), "{repeated:?}");
    again.end();
}

#[test]
fn what_stands_on_a_batch_whose_sync_failed_is_not_recorded() {
    let setting = Setting::new();
    let gate = Gate::before(&setting);
    let recorded = setting.submit(many());
    gate.wait_until_entered();
    let repeated = setting.submit(many());
    let behind = setting.submit(request(3, vec![order("B", 20)]));
    setting.wait_until_taken();
    gate.open.send(Err("sync")).unwrap();
    assert_eq!(heard(recorded).unwrap_err(), AppendFailure::OutcomeUnknown);
    assert_eq!(heard(repeated).unwrap_err(), AppendFailure::OutcomeUnknown);
    assert_eq!(heard(behind).unwrap_err(), AppendFailure::Stopped);
    let late = heard(setting.submit(request(4, vec![order("C", 1)])));
    assert_eq!(late.unwrap_err(), AppendFailure::Stopped);
    assert_eq!(setting.records(), 1);
    let (_folder, end) = setting.end();
    assert_eq!(end, WriterEnd::Failed);
}

#[test]
fn what_stands_on_a_batch_that_found_no_room_is_not_recorded_either_and_all_goes_on() {
    let setting = Setting::new();
    let mut free = setting.shared().reader.pretended_free();
    let first = setting.submit(many());
    setting.wait_until_taken();
    let repeated = setting.submit(many());
    let behind = setting.submit(request(3, vec![order("B", 20)]));
    setting.wait_until_taken();
    // Too little for eight records, and enough for two.
    *free = Some(LogOptions::DISK_RESERVE_BYTES_DEFAULT + 2000);
    drop(free);
    for pending in [first, repeated, behind] {
        let failure = heard(pending).unwrap_err();
        assert!(matches!(failure, AppendFailure::DiskFull { .. }), "{failure:?}");
    }
    assert_eq!(setting.records(), 1);

    *setting.shared().reader.pretended_free() = None;
    // All hundred are there still.
    assert_eq!(version(&heard(setting.submit(request(3, vec![order("B", 20)])))), 2);
    let again = heard(setting.submit(many()));
    assert_eq!(version(&again), 10);
    assert_eq!(setting.records(), 10);
    let (_folder, end) = setting.end();
    assert_eq!(end, WriterEnd::Emptied);
}

#[test]
fn a_stop_waits_for_what_is_being_recorded_and_for_what_is_decided_behind_it() {
    let setting = Setting::new();
    let gate = Gate::before(&setting);
    let recorded = setting.submit(many());
    gate.wait_until_entered();
    let behind = setting.submit(request(3, vec![order("B", 20)]));
    setting.wait_until_taken();
    let Setting { ledger, writer, folder, .. } = setting;
    let ending = std::thread::spawn(move || writer.close());
    gate.open.send(Ok(())).unwrap();
    assert_eq!(version(&heard(recorded)), 9);
    assert_eq!(version(&heard(behind)), 10);
    assert_eq!(ending.join().unwrap(), WriterEnd::Emptied);
    assert_eq!(ledger.head().borrow().record_count, 10);
    drop(ledger);
    let again = Setting::on(folder);
    assert_eq!(again.records(), 10);
    again.end();
}

#[test]
fn a_panic_while_a_batch_is_recorded_here_or_beside_leaves_its_outcome_unknown_and_ends_the_writer()
{
    for first in [request(3, vec![order("B", 20)]), many()] {
        let setting = Setting::new();
        setting.shared().reader.sync_instead(|| panic!("as sled would"));
        let outcome = heard(setting.submit(first));
        assert_eq!(outcome.unwrap_err(), AppendFailure::OutcomeUnknown);
        let behind = heard(setting.submit(request(4, vec![order("C", 1)])));
        assert_eq!(behind.unwrap_err(), AppendFailure::Stopped);
        let mut head = setting.ledger.head();
        let ended = head.wait_for(|head| head.writer == WriterState::Stopped);
        waited_for(ended).unwrap();
        let (_folder, end) = setting.end();
        assert_eq!(end, WriterEnd::Failed);
    }
}

#[test]
fn a_request_of_an_import_that_repeats_one_that_is_being_recorded_waits_and_those_behind_it_too() {
    let setting = Setting::new();
    let session = ImportSession::default();
    let gate = Gate::before(&setting);
    let recorded = setting.import(many(), &session);
    gate.wait_until_entered();
    let before = setting.import(request(3, vec![order("B", 5)]), &session);
    let repeated = setting.import(many(), &session);
    let behind = setting.import(request(4, vec![order("C", 5)]), &session);
    gate.open.send(Ok(())).unwrap();
    assert_eq!(version(&heard(recorded)), 9);
    assert_eq!(version(&heard(before)), 10);
    assert_eq!(version(&heard(repeated)), 9, "as it was answered");
    assert_eq!(version(&heard(behind)), 11);
    assert!(!session.has_ended());

    // One that contradicts the first ends the import, and none behind it is recorded.
    let contradicting = setting.import(request(2, vec![order("X", 1)]), &session);
    let behind = setting.import(request(5, vec![order("D", 5)]), &session);
    let conflict = heard(contradicting).unwrap_err();
    assert!(matches!(conflict, AppendFailure::RequestConflict { .. }), "{conflict:?}");
    assert_eq!(heard(behind).unwrap_err(), AppendFailure::ImportEnded);
    setting.end();
}

#[test]
fn an_import_whose_batch_finds_no_room_ends_with_what_was_decided_behind_it() {
    let setting = Setting::new();
    let session = ImportSession::default();
    let mut free = setting.shared().reader.pretended_free();
    let first = setting.import(many(), &session);
    setting.wait_until_taken();
    let behind = setting.import(request(3, vec![order("B", 5)]), &session);
    setting.wait_until_taken();
    *free = Some(LogOptions::DISK_RESERVE_BYTES_DEFAULT + 2000);
    drop(free);
    for pending in [first, behind] {
        let failure = heard(pending).unwrap_err();
        assert!(matches!(failure, AppendFailure::DiskFull { .. }), "{failure:?}");
    }
    *setting.shared().reader.pretended_free() = None;
    let late = heard(setting.import(request(4, vec![order("C", 5)]), &session));
    assert_eq!(late.unwrap_err(), AppendFailure::ImportEnded);
    assert_eq!(setting.records(), 1);
    setting.end();
}
