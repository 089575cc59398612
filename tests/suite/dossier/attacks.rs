//! What somebody might alter in a dossier before passing it on. The hash of the file is made anew each
//! time, as the forger would; each is found, and what is wrong is named. What is left out: `left_out`.

use contract_ledger::dossier::{
    Bytes, Dossier, FindingAnswer, List, NaturePeriod, Outcome, Part, Period, Trust, make, verify,
};
use contract_ledger::merkle::{KeyName, Note, SignerKey, VerifierKey};
use contract_ledger::wire::{record, v1};
use prost::Message as _;
use prost_types::FileDescriptorSet;

use super::stories::long;
use super::{
    AGREEMENT, ORIGIN, Story, assert_fails, assert_holds, known, read_back, said, signer,
    verdict_by, verdict_of,
};
use crate::support::events::*;
use crate::support::witness::cosigner;

type FindingChange = fn(&mut FindingAnswer);

fn honest() -> Dossier {
    long().dossier(AGREEMENT, "2024-12-31", None)
}

fn altered(alter: impl FnOnce(&mut Dossier)) -> contract_ledger::dossier::Verdict {
    let mut dossier = honest();
    alter(&mut dossier);
    verdict_of(&dossier)
}

/// Makes other bytes of a stored record.
fn rewrite(dossier: &mut Dossier, place: usize, change: impl FnOnce(&mut v1::Record)) {
    let given = &mut dossier.records.0[place];
    let mut read = record::decode(&given.record.0).unwrap();
    change(&mut read);
    given.record = Bytes(record::encode(&read).to_vec());
}

#[test]
fn an_event_left_out_is_named_by_its_version() {
    let verdict = altered(|dossier| drop(dossier.records.0.remove(1)));
    assert_fails(
        &verdict,
        Part::Order,
        "version 2 of the agreement is left out: position 4 is version 3",
    );
    assert_eq!(verdict.outcome(Part::Figures), Outcome::NotLookedAt);
    let first = altered(|dossier| drop(dossier.records.0.remove(0)));
    assert_fails(&first, Part::Order, "version 1 of the agreement is left out");
}

#[test]
fn an_altered_event_is_named_by_its_position() {
    let verdict = altered(|dossier| {
        rewrite(dossier, 1, |record| {
            let Some(v1::record::Entry::Event(accepted)) = &mut record.entry else { panic!() };
            let event = accepted.event.as_mut().unwrap();
            let Some(v1::event::Payload::OrderPlaced(order)) = &mut event.payload else { panic!() };
            order.amount = nok("40000");
        });
    });
    assert_fails(
        &verdict,
        Part::Records,
        "the record at position 2 is not the one that was signed",
    );
    let moved = altered(|dossier| rewrite(dossier, 1, |record| record.position = 5));
    assert_fails(&moved, Part::Records, "the record at position 2 says that it is at position 5");
    let cut = altered(|dossier| dossier.records.0[1].record.0.truncate(3));
    assert_fails(&cut, Part::Records, "the record at position 2 cannot be read");
}

#[test]
fn swapped_events_are_named() {
    let listed = altered(|dossier| dossier.records.0.swap(1, 3));
    assert_fails(&listed, Part::Order, "position 2 stands behind position 3");
    let exchanged = altered(|dossier| {
        let (left, right) =
            (dossier.records.0[1].record.clone(), dossier.records.0[3].record.clone());
        (dossier.records.0[1].record, dossier.records.0[3].record) = (right, left);
    });
    assert_fails(
        &exchanged,
        Part::Records,
        "the record at position 2 says that it is at position 4",
    );
    let twice = altered(|dossier| {
        let again = dossier.records.0[1].clone();
        dossier.records.0.insert(1, again);
    });
    assert_fails(&twice, Part::Order, "version 2 stands again or too late, at position 2");
}

#[test]
fn a_record_of_another_agreement_is_named() {
    let story = long();
    let other = make(story.parts("other", "2024-12-31", None)).records.0;
    let verdict = altered(|dossier| dossier.records.0.insert(1, other[0].clone()));
    assert_fails(&verdict, Part::Records, "the record at position 1 is of the agreement other");
    let renamed = altered(|dossier| dossier.agreement_id = "other".to_owned());
    assert_fails(&renamed, Part::Records, "is of the agreement asker-2020");
    let none = altered(|dossier| dossier.agreement_id = String::new());
    assert_fails(&none, Part::Records, "is no agreement id");
}

#[test]
fn every_figure_that_is_changed_is_named() {
    type Change = fn(&mut Dossier);
    let changes: [(&str, Change); 18] = [
        ("kind of agreement", |d| d.answer.scopes.0[0].kind = "CEILING_KIND_ESTIMATE".to_owned()),
        ("currency of agreement", |d| d.answer.scopes.0[0].currency = "EUR".to_owned()),
        ("ceiling of agreement", |d| d.answer.scopes.0[0].ceiling = "1000000.01".to_owned()),
        ("reserved of agreement", |d| d.answer.scopes.0[0].reserved = "1.00".to_owned()),
        ("committed of agreement", |d| d.answer.scopes.0[0].committed = "1.00".to_owned()),
        ("invoiced of agreement", |d| d.answer.scopes.0[0].invoiced = "999.00".to_owned()),
        ("prepaid of agreement", |d| d.answer.scopes.0[0].prepaid = "30000.0".to_owned()),
        ("paid of agreement", |d| d.answer.scopes.0[0].paid = "1.00".to_owned()),
        ("exposure of lot:LOT-1", |d| d.answer.scopes.0[1].exposure = "399999.99".to_owned()),
        ("remaining of lot:LOT-1", |d| d.answer.scopes.0[1].remaining = "200000.01".to_owned()),
        ("usagePpm of agreement", |d| d.answer.scopes.0[0].usage_ppm = Some(501_001)),
        ("agreementVersion of answer", |d| d.answer.agreement_version += 1),
        ("position of answer", |d| d.answer.position -= 1),
        ("elapsedDays of forecast", |d| d.answer.forecast.as_mut().unwrap().elapsed_days += 1),
        ("daysLeft of forecast", |d| d.answer.forecast.as_mut().unwrap().days_left -= 1),
        ("endDate of forecast", |d| d.answer.forecast = None),
        ("exposure of lot:LOT-1 follows, and is not stated", |d| drop(d.answer.scopes.0.pop())),
        ("exposure of lot:LOT-1 is stated as \"400000.00\", and nothing", |d| {
            let again = d.answer.scopes.0[1].clone();
            d.answer.scopes.0.push(again);
        }),
    ];
    for (named, change) in changes {
        let verdict = altered(change);
        assert!(!verdict.figures.iter().all(|figure| figure.follows), "{named}");
        let told: Vec<String> = verdict
            .figures
            .iter()
            .filter(|figure| !figure.follows)
            .map(|figure| format!("{} of {}", figure.figure, figure.scope))
            .collect();
        assert!(told.iter().any(|told| named.starts_with(told.as_str())), "{named}: {told:?}");
        assert_eq!(verdict.outcome(Part::Figures), Outcome::Fails, "{named}");
        assert_eq!(verdict.outcome(Part::Findings), Outcome::Holds, "{named}");
    }
}

#[test]
fn findings_that_are_removed_added_or_changed_are_named() {
    let count = honest().answer.findings.0.len();
    assert!(count >= 3, "{count} findings to alter");
    for place in 0..count {
        let rule = honest().answer.findings.0[place].rule.clone();
        let removed = altered(|dossier| drop(dossier.answer.findings.0.remove(place)));
        assert_fails(&removed, Part::Findings, &rule);
        assert!(said(&removed, Part::Findings).contains("follows, and is not stated"));
    }
    let added = altered(|dossier| {
        let finding = FindingAnswer {
            rule: "OVERPAID".to_owned(),
            subject: "invoice:I2".to_owned(),
            ..dossier.answer.findings.0[0].clone()
        };
        let finding = FindingAnswer { finding_id: "0".repeat(32), ..finding };
        dossier.answer.findings.0.push(finding);
    });
    assert_fails(
        &added,
        Part::Findings,
        "OVERPAID of invoice:I2, episode 1, is stated, and does not follow",
    );
    let changes: [(&str, FindingChange); 9] = [
        ("severity", |one| one.severity = "SEVERITY_LOWEST".to_owned()),
        ("status", |one| one.status = "FINDING_STATUS_NONE".to_owned()),
        ("subject", |one| one.subject = "order:O9".to_owned()),
        ("rule", |one| one.rule = "OVERPAID".to_owned()),
        ("days", |one| one.days = Some(1)),
        ("firstBreachDate", |one| one.first_breach_date = "2020-01-01".to_owned()),
        ("knownTime", |one| one.known_time = "2024-01-01T00:00:00Z".to_owned()),
        ("handling", |one| one.handling = "FINDING_HANDLING_WAIVED".to_owned()),
        ("evidencePositions", |one| one.evidence_positions = List(vec![0])),
    ];
    for (field, change) in changes {
        let verdict = altered(|dossier| change(&mut dossier.answer.findings.0[0]));
        assert_fails(&verdict, Part::Findings, &format!("states {field} "));
    }
}

#[test]
fn another_checkpoint_proves_nothing() {
    // One that the same key signed over a smaller log, and one over another log.
    let mut smaller = Story::default();
    smaller.event(AGREEMENT, "2024-01-02T10:00:00Z", &sign("5"));
    let mut other = Story::default();
    for record in &long().records {
        other.add(v1::Record { request_event_count: 2, ..record.clone() });
    }
    for (checkpoint, text) in [
        (smaller.checkpoint(), "a tree of 1 leaves has no leaf 2"),
        (other.checkpoint(), "the record at position 0 is not the one that was signed"),
    ] {
        let verdict = altered(|dossier| dossier.checkpoint = checkpoint.to_string());
        assert_fails(&verdict, Part::Records, text);
        assert_eq!(verdict.outcome(Part::Figures), Outcome::NotLookedAt);
    }
    let none = altered(|dossier| dossier.checkpoint = "trust me\n".to_owned());
    assert_fails(&none, Part::Signature, "the note has no signatures");
}

#[test]
fn another_key_or_another_log_is_named() {
    let dossier = honest();
    let own = [signer().verifier().clone()];
    let stranger = SignerKey::from_seed(KeyName::parse(ORIGIN).unwrap(), &[8; 32]);
    let strange = verdict_by(&dossier, ORIGIN, &[stranger.verifier().clone()]);
    assert_fails(&strange, Part::Signature, "none of the keys that are trusted has signed");
    assert_eq!(strange.outcome(Part::Records), Outcome::NotLookedAt);
    let elsewhere = verdict_by(&dossier, "ledger.example.no/oslo", &own);
    assert_fails(&elsewhere, Part::Origin, "of the log ledger.example.no/asker, not of");
    let resigned = altered(|dossier| {
        let text = Note::parse(&dossier.checkpoint).unwrap().text().to_owned();
        let mut note = Note::unsigned(text).unwrap();
        note.sign(&stranger);
        dossier.checkpoint = note.to_string();
    });
    assert_fails(&resigned, Part::Signature, "none of the keys");
    let spoilt = altered(|d| d.checkpoint = d.checkpoint.replacen("\n13\n", "\n12\n", 1));
    assert_fails(&spoilt, Part::Signature, "does not fit the text");
}

#[test]
fn each_witness_that_is_named_must_have_cosigned() {
    let (first, second) = (cosigner("witness.example/w1", 3), cosigner("witness.example/w2", 4));
    let key = |text: &str| VerifierKey::parse(text).unwrap();
    let mut dossier = honest();
    let text = Note::parse(&dossier.checkpoint).unwrap().text().to_owned();
    dossier.checkpoint.push_str(&first.cosign(&text, 1_700_000_000));
    let dossier = read_back(&dossier);
    let keys = [signer().verifier().clone()];
    let by = |witnesses: &[VerifierKey]| {
        verify(&dossier, &Trust { origin: ORIGIN, keys: &keys, witnesses }, None)
    };
    let seen = by(&[key(&first.vkey())]);
    assert_holds(&seen.verdict);
    assert_eq!(seen.read.cosigned_by, [("witness.example/w1".to_owned(), 1_700_000_000)]);
    let missing = by(&[key(&first.vkey()), key(&second.vkey())]).verdict;
    assert_fails(&missing, Part::Witnesses, "witness.example/w2 has not cosigned");
    let author = by(&[keys[0].clone()]).verdict;
    assert_fails(&author, Part::Witnesses, "is not the key of a witness");
}

#[test]
fn another_policy_shows_in_what_follows() {
    let lenient = altered(|dossier| {
        dossier.policy.0[0].late_registration_days = Some(3650);
    });
    assert_fails(&lenient, Part::Findings, "LATE_REGISTRATION");
    assert!(said(&lenient, Part::Policy).contains("1 changes that are not built in"));
    let strict = altered(|dossier| {
        let period = Period {
            from_date: "2025-01-01".to_owned(),
            warning_steps_ppm: Some(List(vec![100_000])),
            ..Period::default()
        };
        dossier.policy.0.push(period);
        dossier.as_of = "2025-01-02".to_owned();
    });
    assert_fails(&strict, Part::Findings, "THRESHOLD_REACHED of agreement@10, episode 1, follows");
}

#[test]
fn a_policy_that_cannot_be_is_named() {
    let period = |period: Period| altered(|dossier| dossier.policy.0.push(period));
    let unordered = period(Period { from_date: "1900-01-01".to_owned(), ..Period::default() });
    assert_fails(&unordered, Part::Policy, "not written as the ledger tells it");
    let day = "2026-01-01".to_owned();
    let beyond = period(Period {
        from_date: day.clone(),
        late_registration_days: Some(99_999),
        ..Period::default()
    });
    assert_fails(&beyond, Part::Policy, "late_registration_days must be at most 3650");
    assert_eq!(beyond.outcome(Part::Figures), Outcome::NotLookedAt);
    let nature = NaturePeriod { nature: "GOODS".to_owned(), ..NaturePeriod::default() };
    let strange =
        period(Period { from_date: day, by_nature: List(vec![nature]), ..Period::default() });
    assert_fails(&strange, Part::Policy, "by_nature[0].nature");
}

#[test]
fn another_schema_is_named() {
    let spoilt = |spoil: fn(&mut prost_types::FileDescriptorProto)| {
        altered(|dossier| {
            let mut set = FileDescriptorSet::decode(dossier.schema.0.as_slice()).unwrap();
            let file = set.file.iter_mut().find(|file| file.name().ends_with("/values.proto"));
            spoil(file.unwrap());
            dossier.schema = Bytes(set.encode_to_vec());
        })
    };
    let renamed = spoilt(|file| {
        let money = file.message_type.iter_mut().find(|one| one.name() == "Money").unwrap();
        money.field[0].name = Some("amount_without_vat".to_owned());
    });
    assert_fails(&renamed, Part::Schema, "it was altered, or is of a later version");
    let shortened = spoilt(|file| drop(file.message_type.pop()));
    assert_fails(&shortened, Part::Schema, "none that this program knows");
    let noise = altered(|dossier| dossier.schema = Bytes(b"noise".to_vec()));
    assert_fails(&noise, Part::Schema, "none that this program knows");
}

#[test]
fn times_that_the_checkpoint_cannot_speak_for_are_named() {
    let later = altered(|dossier| dossier.as_known = "2025-01-01T00:00:00Z".to_owned());
    assert_fails(&later, Part::Known, "cannot speak for 2025-01-01T00:00:00Z");
    let earlier = altered(|dossier| dossier.as_known = "2024-05-31T00:00:00Z".to_owned());
    assert_fails(&earlier, Part::Known, "position 12 was recorded after 2024-05-31T00:00:00Z");
    let noise = altered(|dossier| dossier.as_known = "yesterday".to_owned());
    assert_fails(&noise, Part::Known, "no recorded time");
    let day = altered(|dossier| dossier.as_of = "2024-04-30".to_owned());
    assert_fails(&day, Part::Figures, "exposure of agreement");

    let story = long();
    let then = || story.dossier(AGREEMENT, "2024-12-31", Some("2024-03-31T00:00:00Z"));
    let mut open = then();
    open.known.next = None;
    let text = "nothing shows that position 8 is the last known";
    assert_fails(&verdict_of(&open), Part::Known, text);
    let mut ignoring = then();
    ignoring.as_known = known("2024-04-20T10:00:00Z").to_string();
    let text = "position 9 was known at 2024-04-20T10:00:00Z too";
    assert_fails(&verdict_of(&ignoring), Part::Known, text);
    let mut apart = then();
    apart.known.next = story.dossier(AGREEMENT, "2024-12-31", None).known.last.into();
    assert_fails(&verdict_of(&apart), Part::Known, "position 12 does not follow 8");
    let mut forged = then();
    forged.known.last.leaf.0[9] ^= 1;
    assert_fails(&verdict_of(&forged), Part::Known, "is not the one that was signed");
}
