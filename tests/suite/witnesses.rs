//! Submitting to witnesses over HTTP: cosignatures kept, conflicts handled, forks told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use contract_ledger::clock::SetClock;
use contract_ledger::domain::date::RecordedTime;
use contract_ledger::merkle::{
    Checkpoint, ConsistencyProof, KeyName, MemoryTree, Note, SignerKey, TreeHash, VerifierKey,
};
use contract_ledger::witness::{
    HttpTransport, Source, SourceFault, Witness, WitnessFault, WitnessPace, WitnessStatus,
    Witnesses,
};
use tempfile::TempDir;

use crate::support::witness::{Cosigner, TestWitness, cosigner, http};

const ORIGIN: &str = "ledger.example.no/contracts";

/// A log of leaves that a test writes itself.
#[derive(Default)]
struct Leaves {
    tree: Mutex<MemoryTree>,
    /// What witnesses said against it.
    told: Mutex<Vec<String>>,
    rounds: AtomicU64,
    /// An older checkpoint that is submitted once, as when a newer one is signed just after.
    older: Mutex<Option<Note>>,
}

impl Leaves {
    fn of(texts: impl IntoIterator<Item = String>) -> Arc<Self> {
        let leaves = Arc::new(Self::default());
        leaves.grow(texts);
        leaves
    }

    fn grow(&self, texts: impl IntoIterator<Item = String>) {
        let mut tree = self.tree.lock().unwrap();
        texts.into_iter().for_each(|text| tree.append(TreeHash::of_leaf(text.as_bytes())));
    }
}

fn log_key() -> SignerKey {
    SignerKey::from_seed(KeyName::parse(ORIGIN).unwrap(), &[1; 32])
}

impl Source for Leaves {
    fn newest(&self) -> Result<Note, SourceFault> {
        if let Some(older) = self.older.lock().unwrap().take() {
            return Ok(older);
        }
        let tree = self.tree.lock().unwrap();
        let checkpoint = Checkpoint::new(ORIGIN, tree.size(), tree.root()).unwrap();
        let mut note = Note::unsigned(checkpoint.to_string()).unwrap();
        note.sign(&log_key());
        Ok(note)
    }

    fn signed_size(&self) -> u64 {
        self.tree.lock().unwrap().size()
    }

    fn consistency(&self, old_size: u64, new_size: u64) -> Result<Vec<TreeHash>, SourceFault> {
        let tree = self.tree.lock().unwrap();
        let proof = ConsistencyProof::make(&*tree, old_size, new_size);
        proof.map(|proof| proof.hashes).map_err(|error| SourceFault(error.to_string()))
    }

    fn contradicted(&self, witness: &Witness, fault: &WitnessFault) {
        self.told.lock().unwrap().push(format!("{}: {}", witness.key.name(), fault.reason()));
    }

    fn all_asked(&self) {
        self.rounds.fetch_add(1, Ordering::SeqCst);
    }
}

fn numbered(word: &str, count: u64) -> impl Iterator<Item = String> {
    (0..count).map(move |number| format!("{word} {number}"))
}

struct Setup {
    witness: TestWitness,
    key: VerifierKey,
    folder: TempDir,
}

impl Setup {
    fn new() -> Self {
        Self::with(cosigner("witness.example/w1", 3))
    }

    fn with(cosigner: Cosigner) -> Self {
        let key = VerifierKey::parse(&cosigner.vkey()).unwrap();
        let witness = TestWitness::start(cosigner, ORIGIN, log_key().verifier().clone());
        Self { witness, key, folder: tempfile::tempdir().unwrap() }
    }

    fn start(&self, source: Arc<Leaves>) -> Witnesses {
        let pace = WitnessPace {
            interval: Duration::from_millis(5),
            refresh: Duration::from_hours(1),
            timeout: Duration::from_secs(10),
        };
        let witness = Witness { url: self.witness.url.clone(), key: self.key.clone() };
        let clock = SetClock::at(RecordedTime::from_microseconds(1_700_000_000_000_000).unwrap());
        let transport = Box::new(HttpTransport::new(pace.timeout));
        Witnesses::start(
            vec![witness],
            pace,
            self.folder.path(),
            source,
            transport,
            Arc::new(clock),
        )
        .unwrap()
    }
}

/// Waits for the rounds to come to something, and fails with what they came to when they do not.
fn until(witnesses: &Witnesses, is_so: impl Fn(&WitnessStatus) -> bool) -> WitnessStatus {
    let began = Instant::now();
    loop {
        let status = witnesses.statuses().remove(0);
        if is_so(&status) {
            return status;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "{status:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_witness_cosigns_every_growth_and_what_it_cosigned_outlives_a_restart() {
    let setup = Setup::new();
    let leaves = Leaves::of(numbered("leaf", 5));
    let witnesses = setup.start(Arc::clone(&leaves));
    let status = until(&witnesses, |status| status.size == Some(5));
    assert_eq!((status.cosigned_at, status.fault), (Some(1_700_000_000), None));
    leaves.grow(numbered("more", 300));
    until(&witnesses, |status| status.size == Some(305));
    let note = witnesses.newest_cosigned(1).unwrap();
    note.verify(&[log_key().verifier().clone()]).unwrap();
    note.verify(std::slice::from_ref(&setup.key)).unwrap();
    assert_eq!(witnesses.newest_cosigned(2), None);
    drop(witnesses);

    let again = setup.start(leaves);
    assert_eq!(again.newest_cosigned(1), Some(note));
    assert_eq!(again.statuses()[0].size, Some(305));
}

#[test]
fn a_witness_that_knows_more_than_we_remember_is_asked_again_from_where_it_is() {
    let setup = Setup::new();
    let leaves = Leaves::of(numbered("leaf", 5));
    until(&setup.start(Arc::clone(&leaves)), |status| status.size == Some(5));
    for entry in std::fs::read_dir(setup.folder.path()).unwrap() {
        std::fs::write(entry.unwrap().path(), "damaged").unwrap();
    }
    leaves.grow(numbered("more", 3));
    let asked_before = setup.witness.state.lock().unwrap().asked;
    let witnesses = setup.start(leaves);
    until(&witnesses, |status| status.size == Some(8));
    assert_eq!(setup.witness.state.lock().unwrap().asked, asked_before + 2);
}

#[test]
fn a_ledger_that_was_set_back_is_told_by_its_witness() {
    let setup = Setup::new();
    let longer = Leaves::of(numbered("leaf", 9));
    until(&setup.start(longer), |status| status.size == Some(9));
    let set_back = Leaves::of(numbered("leaf", 6));
    let shorter = setup.start(Arc::clone(&set_back));
    let status = until(&shorter, |status| status.fault.is_some());
    assert_eq!(set_back.told.lock().unwrap()[0], "witness.example/w1: WITNESS_SAW_LARGER_TREE");
    let expected = WitnessFault::SawLargerTree { witnessed_size: 9, size: 6 };
    assert_eq!(status.fault, Some(expected.clone()));
    assert!(expected.is_alarm());
    assert_eq!(setup.witness.state.lock().unwrap().last.unwrap().0, 9);
}

#[test]
fn a_witness_that_somebody_else_told_what_is_signed_meanwhile_speaks_against_nobody() {
    for (size, conflict) in [(6, "9\n"), (6, "6\n")] {
        let setup = Setup::new();
        let signed = Leaves::of(numbered("leaf", 9));
        until(&setup.start(Arc::clone(&signed)), |status| status.size == Some(9));
        let setup = Setup { folder: tempfile::tempdir().unwrap(), ..setup };
        let older = Leaves::of(numbered("leaf", size)).newest().unwrap();
        if conflict == "6\n" {
            // It has moved on, and still names where it was; it is asked about what it cosigned last.
            let kept = setup.folder.path().join("witness.example_w1");
            let id = u32::from_be_bytes(setup.key.id());
            let mut note = older.clone();
            let line = cosigner("witness.example/w1", 3).cosign(note.text(), 1_699_999_999);
            note.take_signatures(&line, std::slice::from_ref(&setup.key)).unwrap();
            let file = format!("{}-{id:08x}.checkpoint", kept.display());
            std::fs::write(file, note.to_string()).unwrap();
            let answer = http("409 Conflict", "text/x.tlog.size", conflict);
            setup.witness.state.lock().unwrap().next_answer = Some(answer);
        }
        *signed.older.lock().unwrap() = Some(older);
        let witnesses = setup.start(Arc::clone(&signed));
        until(&witnesses, |status| status.size == Some(9));
        assert_eq!(*signed.told.lock().unwrap(), Vec::<String>::new(), "{conflict:?}");
        assert!(signed.rounds.load(Ordering::SeqCst) >= 1);
    }
}

#[test]
fn after_a_start_a_witness_is_asked_though_it_cosigned_all_that_is_known_here() {
    let setup = Setup::new();
    let earlier = Leaves::of(numbered("leaf", 6));
    until(&setup.start(Arc::clone(&earlier)), |status| status.size == Some(6));
    let backup = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(setup.folder.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), backup.path().join(entry.file_name())).unwrap();
    }
    earlier.grow(numbered("more", 3));
    until(&setup.start(Arc::clone(&earlier)), |status| status.size == Some(9));
    // The ledger and what it kept of the witness go back together.
    let set_back = Leaves::of(numbered("leaf", 6));
    let setup = Setup { folder: backup, ..setup };
    let witnesses = setup.start(Arc::clone(&set_back));
    assert_eq!(witnesses.statuses()[0].size, Some(6));
    let status = until(&witnesses, |status| status.fault.is_some());
    let expected = WitnessFault::SawLargerTree { witnessed_size: 9, size: 6 };
    assert_eq!(status.fault, Some(expected));
    assert!(!set_back.told.lock().unwrap().is_empty());
}

#[test]
fn a_fork_of_the_log_is_told_by_its_witness_and_not_cosigned() {
    for size in [9, 12] {
        let setup = Setup::new();
        until(&setup.start(Leaves::of(numbered("leaf", 9))), |status| status.size == Some(9));
        // Another history under the same key, as long or longer.
        let forked = numbered("leaf", 4).chain(numbered("forged", size - 4));
        let witnesses = setup.start(Leaves::of(forked));
        let status = until(&witnesses, |status| status.fault.is_some());
        let fault = status.fault.unwrap();
        assert_eq!(fault, WitnessFault::SawOtherHistory { witnessed_size: 9 }, "{size}");
        assert!(fault.to_string().contains("another history"), "{fault}");
        let honest = Leaves::of(numbered("leaf", 9)).tree.lock().unwrap().root();
        assert_eq!(setup.witness.state.lock().unwrap().last, Some((9, honest)));
    }
}

#[test]
fn every_other_answer_has_its_reason_and_the_next_round_goes_on() {
    let conflict = |kind, body| http("409 Conflict", kind, body);
    let cases = [
        (http("404 Not Found", "text/plain", ""), "WITNESS_UNKNOWN_LOG"),
        (http("403 Forbidden", "text/plain", ""), "WITNESS_KEY_NOT_TRUSTED"),
        (http("400 Bad Request", "text/plain", ""), "WITNESS_REFUSED"),
        (http("301 Moved Permanently", "text/plain", ""), "WITNESS_REFUSED"),
        (http("503 Service Unavailable", "text/plain", ""), "WITNESS_UNAVAILABLE"),
        (http("429 Too Many Requests", "text/plain", ""), "WITNESS_UNAVAILABLE"),
        (conflict("text/plain", "3\n"), "WITNESS_ANSWER_MALFORMED"),
        (conflict("text/x.tlog.size", "3"), "WITNESS_ANSWER_MALFORMED"),
        (conflict("text/x.tlog.size", "03\n"), "WITNESS_ANSWER_MALFORMED"),
        (conflict("text/x.tlog.size", "0\n"), "WITNESS_ANSWER_MALFORMED"),
        (http("422 Unprocessable Entity", "text/plain", ""), "WITNESS_REFUSED"),
        (conflict("text/x.tlog.size", "77\n"), "WITNESS_SAW_LARGER_TREE"),
        (http("200 OK", "text/plain", ""), "WITNESS_COSIGNATURE_FALSE"),
        (http("200 OK", "text/plain", "no line\n"), "WITNESS_COSIGNATURE_FALSE"),
        (
            http("200 OK", "text/plain", &cosigner("witness.example/w1", 3).cosign("other\n", 7)),
            "WITNESS_COSIGNATURE_FALSE",
        ),
        ("nonsense".to_owned(), "WITNESS_UNREACHABLE"),
    ];
    for (index, (answer, reason)) in cases.into_iter().enumerate() {
        let setup = Setup::new();
        // Asked for the first time, it answers what it is told; the round after that it cosigns.
        setup.witness.state.lock().unwrap().next_answer = Some(answer.clone());
        let leaves = Leaves::of(numbered("leaf", 5));
        let pace = WitnessPace { interval: Duration::from_mins(10), ..WitnessPace::default() };
        let witness = Witness { url: setup.witness.url.clone(), key: setup.key.clone() };
        let clock = SetClock::at(RecordedTime::from_microseconds(1).unwrap());
        let transport = Box::new(HttpTransport::new(pace.timeout));
        let witnesses = Witnesses::start(
            vec![witness],
            pace,
            setup.folder.path(),
            leaves.clone(),
            transport,
            Arc::new(clock),
        )
        .unwrap();
        let status = until(&witnesses, |status| status.fault.is_some());
        assert_eq!(status.fault.unwrap().reason(), reason, "case {index}: {answer}");
        drop(witnesses);
        let status = until(&setup.start(leaves), |status| status.size == Some(5));
        assert_eq!(status.fault, None, "case {index}");
    }
}

#[test]
fn a_witness_that_is_gone_is_told_and_nothing_else_stops() {
    let setup = Setup::new();
    let leaves = Leaves::of(numbered("leaf", 5));
    let gone = Witness { url: "http://127.0.0.1:1".to_owned(), key: setup.key.clone() };
    let there = Witness { url: setup.witness.url.clone(), key: setup.key.clone() };
    let pace = WitnessPace { interval: Duration::from_mins(10), ..WitnessPace::default() };
    let clock = SetClock::at(RecordedTime::from_microseconds(1).unwrap());
    let witnesses = Witnesses::start(
        vec![gone, there],
        pace,
        setup.folder.path(),
        leaves.clone(),
        Box::new(HttpTransport::new(pace.timeout)),
        Arc::new(clock),
    )
    .unwrap();
    until(&witnesses, |status| status.fault.is_some());
    let began = Instant::now();
    while witnesses.statuses()[1].size != Some(5) {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", witnesses.statuses());
        std::thread::yield_now();
    }
    let fault = witnesses.statuses()[0].fault.clone().unwrap();
    assert_eq!(fault.reason(), "WITNESS_UNREACHABLE");
    // The round is over all the same, and nothing speaks against the log.
    while leaves.rounds.load(Ordering::SeqCst) == 0 {
        assert!(began.elapsed() < Duration::from_secs(30), "the round does not end");
        std::thread::yield_now();
    }
    assert!(leaves.told.lock().unwrap().is_empty());
}
