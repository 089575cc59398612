//! Verifying a dossier: what rests on what, in order, and then each figure and each finding.

use std::sync::Arc;

use super::census::Census;
use super::compare;
use super::completeness;
use super::derive::{Derived, Question, derive};
use super::file::Dossier;
use super::policy::told_by;
use super::reading::{self, Faults, ReadRecord};
use super::verdict::{Check, Outcome, Part, Verdict};
use crate::domain::date::{Date, RecordedTime};
use crate::domain::id::AgreementId;
use crate::domain::policy::PolicyBook;
use crate::merkle::{Checkpoint, Note, VerifierKey};
use crate::wire::parse::parse_policy;
use crate::wire::policy::of_book;
use crate::wire::schema;

/// Whose word is taken.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'t> {
    /// The log that it must be of.
    pub origin: &'t str,
    /// The log's keys: one of them must have signed.
    pub keys: &'t [VerifierKey],
    /// Witnesses: each of them must have cosigned.
    pub witnesses: &'t [VerifierKey],
}

/// The verdict, and what was read on the way to it.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What came of it.
    pub verdict: Verdict,
    /// What the report shows besides. Empty as far as something fails.
    pub read: Read,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub struct Read {
    /// The checkpoint, once its signature and origin hold.
    pub checkpoint: Option<Checkpoint>,
    /// Names of the trusted keys that signed it.
    pub signed_by: Vec<String>,
    /// Names of the witnesses that cosigned, with the time in seconds since 1970.
    pub cosigned_by: Vec<(String, u64)>,
    /// The records, once they are proved and in order.
    pub records: Vec<ReadRecord>,
    /// Last position that was known at `as_known`.
    pub known_to: Option<u64>,
    /// The policy.
    pub policies: Option<Arc<PolicyBook>>,
    /// What follows.
    pub derived: Derived,
}

type Seen<T> = Result<(T, String), String>;

struct Verifying<'d> {
    dossier: &'d Dossier,
    checks: Vec<Check>,
}

/// Verifies everything that can be. A census of all leaves proves that nothing is left out, refusals
/// included.
pub fn verify(dossier: &Dossier, trust: &Trust<'_>, census: Option<&Census>) -> Verified {
    let mut verifying = Verifying { dossier, checks: Vec::new() };
    let read = verifying.read(trust, census);
    let (figures, findings) = verifying.compare(&read);
    let Dossier { agreement_id, as_of, as_known, .. } = dossier.clone();
    let checks = verifying.checks;
    Verified { verdict: Verdict { agreement_id, as_of, as_known, checks, figures, findings }, read }
}

impl Verifying<'_> {
    fn note<T>(&mut self, part: Part, seen: Seen<T>) -> Option<T> {
        let (outcome, text, value) = match seen {
            Ok((value, text)) => (Outcome::Holds, text, Some(value)),
            Err(text) => (Outcome::Fails, text, None),
        };
        self.checks.push(Check { part, outcome, text });
        value
    }

    fn pass_over(&mut self, part: Part, outcome: Outcome, text: &str) {
        self.checks.push(Check { part, outcome, text: text.to_owned() });
    }

    fn read(&mut self, trust: &Trust<'_>, census: Option<&Census>) -> Read {
        let mut read = Read::default();
        let note = Note::parse(&self.dossier.checkpoint).map_err(|fault| fault.to_string());
        let signed = note.as_ref().map_err(Clone::clone).and_then(|note| signature(note, trust));
        let signed = self.note(Part::Signature, signed);
        let (Ok(note), Some((checkpoint, signed_by))) = (note, signed) else {
            return self.rest(read, "the checkpoint is not signed as it must be");
        };
        read.signed_by = signed_by;
        let origin = match checkpoint.origin() {
            origin if origin == trust.origin => Ok(((), origin.to_owned())),
            origin => Err(format!(
                "the checkpoint is of the log {origin}, not of {}; if that is the log that you \
                     mean, name it with --origin",
                trust.origin
            )),
        };
        if self.note(Part::Origin, origin).is_none() {
            return self.rest(read, "the checkpoint is of another log");
        }
        self.witnesses(&note, trust.witnesses, &mut read);
        let Ok(agreement_id) = AgreementId::parse(&self.dossier.agreement_id) else {
            let text = format!("{:?} is no agreement id", self.dossier.agreement_id);
            self.note::<()>(Part::Records, Err(text));
            return self.rest(read, "no agreement is named");
        };
        let records = reading::records(self.dossier, &agreement_id, &checkpoint);
        let records = records.map_err(|faults| faults.text()).map(|records| {
            let count = records.len();
            (records, format!("{count} records, each proved to be in the log"))
        });
        let records = self.note(Part::Records, records);
        read.checkpoint = Some(checkpoint.clone());
        let Some(records) = records else {
            return self.rest(read, "not every record is proved");
        };
        let known_to = self.known(&checkpoint);
        let version = reading::order(&records).map_err(|faults| faults.text());
        let version = version.map(|version| (version, format!("versions 1 to {version}, no gap")));
        let version = self.note(Part::Order, version);
        self.schema();
        self.policies(&mut read);
        if let (Some(version), Some(known_to)) = (version, known_to) {
            let seen = completeness::Seen {
                dossier: self.dossier,
                agreement_id: &agreement_id,
                records: &records,
                version,
                known_to,
                checkpoint: &checkpoint,
            };
            let (outcome, text) = seen.judge(census);
            self.pass_over(Part::Completeness, outcome, &text);
            read.known_to = Some(known_to);
            read.records = records;
            self.derive(agreement_id, &mut read);
        } else {
            self.pass_over(Part::Completeness, Outcome::NotLookedAt, "it rests on what fails");
        }
        read
    }

    /// Says of everything behind a failure that it was not looked at.
    fn rest(&mut self, read: Read, why: &str) -> Read {
        let parts = [
            Part::Origin,
            Part::Witnesses,
            Part::Records,
            Part::Known,
            Part::Order,
            Part::Schema,
            Part::Policy,
            Part::Completeness,
        ];
        let seen: Vec<Part> = self.checks.iter().map(|check| check.part).collect();
        for part in parts.into_iter().filter(|part| !seen.contains(part)) {
            self.pass_over(part, Outcome::NotLookedAt, why);
        }
        read
    }

    fn witnesses(&mut self, note: &Note, witnesses: &[VerifierKey], read: &mut Read) {
        if witnesses.is_empty() {
            let text = "no key of a witness was given";
            return self.pass_over(Part::Witnesses, Outcome::NotLookedAt, text);
        }
        let mut faults = Faults::default();
        for key in witnesses {
            let name = key.name();
            if let Err(fault) = note.verify(std::slice::from_ref(key)) {
                faults.add(format!("{name} has not cosigned the checkpoint: {fault}"));
            } else if let Some(time) = note.cosigned_at(key) {
                read.cosigned_by.push((name.to_string(), time));
            } else {
                faults.add(format!("{name} is not the key of a witness"));
            }
        }
        let names: Vec<&str> = read.cosigned_by.iter().map(|(name, _)| name.as_str()).collect();
        let text = format!("cosigned by {}", names.join(", "));
        let seen = if faults.is_empty() { Ok(((), text)) } else { Err(faults.text()) };
        self.note(Part::Witnesses, seen);
    }

    fn known(&mut self, checkpoint: &Checkpoint) -> Option<u64> {
        let as_known = RecordedTime::parse(&self.dossier.as_known);
        let seen = as_known.ok_or_else(|| "asKnown is no recorded time".to_owned());
        let seen = seen.and_then(|as_known| {
            let position = reading::known(&self.dossier.known, as_known, checkpoint)?;
            Ok((position, format!("what was known then ends with position {position}")))
        });
        self.note(Part::Known, seen)
    }

    fn schema(&mut self) {
        let seen = if schema::is_known(&self.dossier.schema.0) {
            Ok(((), "it is one that this program knows".to_owned()))
        } else {
            let text = "the schema is none that this program knows: it was altered, or is of a later \
                        version, which verifies it";
            Err(text.to_owned())
        };
        self.note(Part::Schema, seen);
    }

    fn policies(&mut self, read: &mut Read) {
        let periods = &self.dossier.policy.0;
        let book = parse_policy(&told_by(periods));
        let seen = book.map_err(|faults| {
            let faults: Vec<String> =
                faults.iter().map(|one| format!("{} {}", one.field, one.description)).collect();
            format!("the policy cannot be read: {}", faults.join("; "))
        });
        let seen = seen.and_then(|book| {
            if super::policy::of_told(&of_book(&book)) != *periods {
                return Err("the policy is not written as the ledger tells it".to_owned());
            }
            let built_in = PolicyBook::norwegian_eea_thresholds();
            let own = |change| !built_in.changes().contains(change);
            let text = match book.changes().iter().filter(|change| own(change)).count() {
                0 => "what is built in, and nothing besides".to_owned(),
                count => format!("{count} changes that are not built in: the operator's word"),
            };
            Ok((book, text))
        });
        read.policies = self.note(Part::Policy, seen).map(Arc::new);
    }

    fn derive(&mut self, agreement_id: AgreementId, read: &mut Read) {
        let Dossier { as_of, as_known, .. } = self.dossier;
        let times = Date::parse(as_of).ok().zip(RecordedTime::parse(as_known));
        let asked = times.zip(read.known_to).zip(read.policies.clone());
        let Some((((as_of, as_known), position), policies)) = asked else { return };
        let question = Question { agreement_id, as_of, as_known, position, policies };
        let events = read.records.iter().filter_map(|read| read.event.as_ref());
        read.derived = derive(&question, events.take_while(|event| event.recorded <= as_known));
    }

    fn compare(
        &mut self,
        read: &Read,
    ) -> (Vec<super::verdict::FigureVerdict>, Vec<super::verdict::FindingVerdict>) {
        let ready = read.known_to.is_some() && read.policies.is_some();
        if !ready {
            for part in [Part::Figures, Part::Findings] {
                self.pass_over(part, Outcome::NotLookedAt, "it rests on what fails");
            }
            return (Vec::new(), Vec::new());
        }
        if read.derived.answer.is_none() {
            let text =
                "no answer follows: the agreement is not signed as of the day, as known then";
            for part in [Part::Figures, Part::Findings] {
                self.note::<()>(part, Err(text.to_owned()));
            }
            return (Vec::new(), Vec::new());
        }
        let stated = &self.dossier.answer;
        let figures = compare::figures(stated, &read.derived);
        let findings = compare::findings(stated, &read.derived);
        self.note(Part::Figures, compare::seen_figures(&figures).map(|text| ((), text)));
        self.note(Part::Findings, compare::seen_findings(&findings).map(|text| ((), text)));
        (figures, findings)
    }
}

fn signature(note: &Note, trust: &Trust<'_>) -> Seen<(Checkpoint, Vec<String>)> {
    let signers = note.verify(trust.keys).map_err(|fault| fault.to_string())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|fault| fault.to_string())?;
    let names: Vec<String> = signers.iter().map(|key| key.name().to_string()).collect();
    let text = format!("{} records, signed by {}", checkpoint.size(), names.join(", "));
    Ok(((checkpoint, names), text))
}
