//! The dossier: what it proves, what it names when it is attacked, and that its bytes stay.

mod attacks;
mod cosigned;
mod damage;
mod golden;
mod left_out;
mod served;
mod stories;

use std::sync::Arc;

use contract_ledger::domain::agreement::Agreement;
use contract_ledger::domain::date::{Date, RecordedTime};
use contract_ledger::domain::id::{AgreementId, EventId, Position, RequestId, Version};
use contract_ledger::domain::policy::PolicyBook;
use contract_ledger::domain::usage::Usage;
use contract_ledger::dossier::{
    Census, Conclusion, Dossier, Outcome, Part, Parts, Proved, ProvedRow, Trust, Verdict, Verified,
    make, open_positions, verify,
};
use contract_ledger::merkle::{
    Checkpoint, InclusionProof, KeyName, MemoryTree, Note, RangeProof, SignerKey, TreeHash,
    VerifierKey, push_entry,
};
use contract_ledger::projections::findings::episodes;
use contract_ledger::wire::record::{
    AcceptedEvent, Provenance, RecordHeader, encode, of_event, of_refusal, recorded, recorded_time,
};
use contract_ledger::wire::{answer, leaf, policy, schema, v1};

use crate::support::time;

const ORIGIN: &str = "ledger.example.no/asker";
const AGREEMENT: &str = "asker-2020";

fn signer() -> SignerKey {
    SignerKey::from_seed(KeyName::parse(ORIGIN).unwrap(), &[7; 32])
}

/// A log that a test writes itself, with ids and times of its own choice.
#[derive(Default)]
struct Story {
    records: Vec<v1::Record>,
    stored: Vec<Vec<u8>>,
    tree: MemoryTree,
}

impl Story {
    fn header<'a>(&self, id: &'a AgreementId, instant: &str) -> RecordHeader<'a> {
        let number = self.records.len();
        RecordHeader {
            position: Position::new(u64::try_from(number).unwrap()),
            recorded: time(instant),
            agreement_id: id,
            request_id: RequestId::parse(&format!("6f1c2b1e-8a51-4d3f-9a53-{number:012}")).unwrap(),
            expected_version: None,
            request_event_count: 1,
            provenance: Provenance::Observed,
        }
    }

    fn event(&mut self, agreement: &str, instant: &str, event: &v1::Event) -> &mut Self {
        let id = AgreementId::parse(agreement).unwrap();
        let version = 1 + self.versions(agreement);
        let number = self.records.len();
        let accepted = AcceptedEvent {
            version: Version::new(version),
            event_id: EventId::parse(&event_id(number)).unwrap(),
            request_index: 0,
            stated: event.clone(),
        };
        let record = of_event(&self.header(&id, instant), accepted);
        self.add(record)
    }

    fn refusal(&mut self, agreement: &str, instant: &str, event: &v1::Event) -> &mut Self {
        let id = AgreementId::parse(agreement).unwrap();
        let refused = v1::RefusedRequest {
            events: vec![event.clone()],
            refusals: vec![v1::Refusal {
                reason: "CEILING_EXCEEDED".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let record = of_refusal(&self.header(&id, instant), refused);
        self.add(record)
    }

    fn add(&mut self, record: v1::Record) -> &mut Self {
        let stored = encode(&record).to_vec();
        self.tree.append(TreeHash::of_leaf(&leaf::of_stored(&stored).unwrap()));
        self.records.push(record);
        self.stored.push(stored);
        self
    }

    fn versions(&self, agreement: &str) -> u64 {
        let is_own = |record: &&v1::Record| {
            record.agreement_id == agreement && recorded(record).unwrap().is_some()
        };
        u64::try_from(self.records.iter().filter(is_own).count()).unwrap()
    }

    fn size(&self) -> u64 {
        u64::try_from(self.records.len()).unwrap()
    }

    fn checkpoint(&self) -> Note {
        let root = contract_ledger::merkle::root_at(&self.tree, self.size()).unwrap();
        let checkpoint = Checkpoint::new(ORIGIN, self.size(), root).unwrap();
        let mut note = Note::unsigned(checkpoint.to_string()).unwrap();
        note.sign(&signer());
        note
    }

    fn prove(&self, position: u64, bytes: Vec<u8>) -> Proved {
        let proof = InclusionProof::make(&self.tree, position, self.size()).unwrap();
        Proved { position, bytes, hashes: proof.hashes }
    }

    fn prove_leaf(&self, position: u64) -> Proved {
        let stored = &self.stored[usize::try_from(position).unwrap()];
        self.prove(position, leaf::of_stored(stored).unwrap())
    }

    /// The leaves from one position up to another, with what proves them.
    fn row(&self, first: u64, end: u64) -> ProvedRow {
        let proof = |index| InclusionProof::make(&self.tree, index, self.size()).unwrap();
        let proof = RangeProof::of_ends(&proof(first), &proof(end - 1)).unwrap();
        let mut bundle = Vec::new();
        for position in first..end {
            assert!(push_entry(&mut bundle, &self.prove_leaf(position).bytes));
        }
        ProvedRow { first, bundle, hashes: proof.hashes }
    }

    /// The leaves that an honest ledger puts into a dossier.
    fn row_behind(&self, agreement: &str, known_to: u64) -> Option<ProvedRow> {
        let own = |record: &&v1::Record| record.agreement_id == agreement;
        let events = self.records.iter().filter(own).filter_map(|record| recorded(record).unwrap());
        let open = open_positions(events.map(|event| event.position.get()), known_to);
        (!open.is_empty()).then(|| self.row(open.start, open.end))
    }

    /// What an honest ledger gives. Without a time: everything.
    fn parts(&self, agreement: &str, as_of: &str, as_known: Option<&str>) -> Parts {
        let id = AgreementId::parse(agreement).unwrap();
        let newest = recorded_time(self.records.last().unwrap()).unwrap();
        let as_known = as_known.map_or(newest, time);
        let book = PolicyBook::norwegian_eea_thresholds();
        let as_of = Date::parse(as_of).unwrap();
        let mut folded = Agreement::new(id.clone(), Arc::new(book.clone()), as_of);
        let known = |record: &&v1::Record| recorded_time(record).unwrap() <= as_known;
        let own = |record: &&v1::Record| record.agreement_id == agreement;
        for record in self.records.iter().filter(known).filter(own) {
            if let Some(event) = recorded(record).unwrap() {
                folded.apply(&Arc::new(event));
            }
        }
        let last = self.records.iter().rfind(known).unwrap().position;
        let usage = Usage::at(&folded, as_of).unwrap();
        let findings = episodes(folded.tracker());
        Parts {
            as_known,
            usage: answer::usage(&id, &usage, Some(as_known), Position::new(last)),
            findings: findings.iter().map(|one| answer::finding(&id, one)).collect(),
            policy: policy::of_book(&book),
            checkpoint: self.checkpoint().to_string(),
            last: self.prove_leaf(last),
            next: (last + 1 < self.size()).then(|| self.prove_leaf(last + 1)),
            records: (0..self.size())
                .zip(&self.stored)
                .filter(|(at, _)| {
                    self.records[usize::try_from(*at).unwrap()].agreement_id == agreement
                })
                .map(|(at, stored)| self.prove(at, stored.clone()))
                .collect(),
            behind: self.row_behind(agreement, last),
            schema: schema::of_records(),
        }
    }

    fn dossier(&self, agreement: &str, as_of: &str, as_known: Option<&str>) -> Dossier {
        read_back(&make(self.parts(agreement, as_of, as_known)))
    }

    fn census(&self, agreement: &str) -> Census {
        let mut census = Census::new(AgreementId::parse(agreement).unwrap());
        for stored in &self.stored {
            census.take(&leaf::of_stored(stored).unwrap());
        }
        census
    }
}

/// The id of the event at a position of a story.
fn event_id(position: usize) -> String {
    format!("018d61c0-0000-7000-8000-{position:012}")
}

/// The dossier as somebody reads it who got the file, its hash made anew.
fn read_back(dossier: &Dossier) -> Dossier {
    Dossier::parse(dossier.to_text().unwrap().as_bytes()).unwrap()
}

fn verified_with(dossier: &Dossier, census: Option<&Census>) -> Verified {
    let keys = [signer().verifier().clone()];
    verify(dossier, &Trust { origin: ORIGIN, keys: &keys, witnesses: &[] }, census)
}

fn verdict_of(dossier: &Dossier) -> Verdict {
    verified_with(&read_back(dossier), None).verdict
}

fn verdict_by(dossier: &Dossier, origin: &str, keys: &[VerifierKey]) -> Verdict {
    verify(dossier, &Trust { origin, keys, witnesses: &[] }, None).verdict
}

/// What is said of a part.
fn said(verdict: &Verdict, part: Part) -> &str {
    &verdict.checks.iter().find(|check| check.part == part).unwrap().text
}

fn assert_holds(verdict: &Verdict) {
    assert_eq!(verdict.conclusion(), Conclusion::Holds, "{:#?}", verdict.checks);
    assert!(verdict.figures.iter().all(|figure| figure.follows), "{:#?}", verdict.figures);
    assert!(verdict.findings.iter().all(|finding| finding.follows), "{:#?}", verdict.findings);
}

/// That nothing fails, and that it is not proved that nothing later was left out.
fn assert_holds_as_far_as_it_goes(verdict: &Verdict) {
    assert_eq!(verdict.conclusion(), Conclusion::HoldsAsFarAsItGoes, "{:#?}", verdict.checks);
    assert_eq!(verdict.outcome(Part::Completeness), Outcome::NotProved, "{:#?}", verdict.checks);
    assert!(!verdict.holds());
}

/// That a part fails, and names what is wrong.
fn assert_fails(verdict: &Verdict, part: Part, text: &str) {
    assert_eq!(verdict.conclusion(), Conclusion::Fails, "{text}: {:#?}", verdict.checks);
    assert_eq!(verdict.outcome(part), Outcome::Fails, "{text}: {:#?}", verdict.checks);
    let said = said(verdict, part);
    assert!(said.contains(text), "{part:?} says {said:?}, and not {text:?}");
}

fn known(instant: &str) -> RecordedTime {
    time(instant)
}
