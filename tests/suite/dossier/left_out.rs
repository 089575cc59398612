//! Records that somebody leaves out of a dossier, with an answer that fits what is left. Each is named; or
//! the verdict says that it goes only so far.

use contract_ledger::dossier::{
    Bytes, COMPLETENESS_BYTES_MAX, Dossier, LeafRow, Outcome, Part, Verdict, make,
};
use contract_ledger::merkle::{push_entry, take_entry};
use contract_ledger::wire::leaf::LeafFields;
use contract_ledger::wire::v1;

use super::stories::longer;
use super::{
    AGREEMENT, Story, assert_fails, assert_holds, assert_holds_as_far_as_it_goes, read_back, said,
    verdict_of, verified_with,
};
use crate::support::events::*;

/// The newest events of the agreement are at positions 9, 10 and 11 of 17.
fn honest() -> Dossier {
    longer().dossier(AGREEMENT, "2024-12-31", None)
}

/// A dossier without the agreement's records from a position on, and with the answer of a ledger that never
/// had them. The leaves are those of the honest dossier.
fn without_records_from(position: u64) -> Dossier {
    let story = longer();
    let mut shorter = Story::default();
    for record in &story.records {
        if record.agreement_id != AGREEMENT || record.position < position {
            let position = shorter.size();
            shorter.add(v1::Record { position, ..record.clone() });
        }
    }
    let mut parts = story.parts(AGREEMENT, "2024-12-31", None);
    parts.records.retain(|proved| proved.position < position);
    let forged = shorter.parts(AGREEMENT, "2024-12-31", None);
    parts.usage = v1::CeilingUsage { position: parts.usage.position, ..forged.usage };
    parts.findings = forged.findings;
    read_back(&make(parts))
}

fn row(dossier: &mut Dossier) -> &mut LeafRow {
    dossier.completeness.as_mut().unwrap()
}

fn leaves(dossier: &Dossier) -> Vec<Vec<u8>> {
    let mut rest = dossier.completeness.as_ref().unwrap().leaves.0.as_slice();
    std::iter::from_fn(|| take_entry(&mut rest).map(<[u8]>::to_vec)).collect()
}

/// Puts other leaves into the file.
fn put(dossier: &mut Dossier, leaves: &[Vec<u8>]) {
    let mut bundle = Vec::new();
    assert!(leaves.iter().all(|leaf| push_entry(&mut bundle, leaf)));
    row(dossier).leaves.0 = bundle;
}

/// Puts the true leaves from one position up to another into the file.
fn put_row(dossier: &mut Dossier, first: u64, end: u64) {
    let mut parts = longer().parts(AGREEMENT, "2024-12-31", None);
    parts.behind = Some(longer().row(first, end));
    dossier.completeness = make(parts).completeness;
}

fn with_leaves(alter: impl FnOnce(&mut Dossier)) -> Verdict {
    let mut dossier = honest();
    alter(&mut dossier);
    verdict_of(&dossier)
}

#[test]
fn a_file_with_the_leaves_behind_its_newest_event_proves_that_none_comes_after() {
    let dossier = honest();
    assert_eq!(dossier.version, 2);
    assert_eq!(leaves(&dossier).len(), 5, "positions 12 to 16");
    let verdict = verdict_of(&dossier);
    assert_holds(&verdict);
    let said = said(&verdict, Part::Completeness);
    assert!(said.contains("the leaves of positions 12 to 16 are all there"), "{said}");
    assert!(said.contains("of refusals before position 12 only all leaves"), "{said}");
    assert_holds(&verified_with(&dossier, Some(&longer().census(AGREEMENT))).verdict);
    // All leaves of the log may stand there, and then speak of refusals too.
    let all = with_leaves(|dossier| put_row(dossier, 0, 17));
    assert_holds(&all);
    assert!(super::said(&all, Part::Completeness).contains("refusals included"));
}

#[test]
fn the_newest_event_left_out_shows_in_the_figures() {
    let verdict = with_leaves(|dossier| drop(dossier.records.0.pop()));
    assert_fails(&verdict, Part::Figures, "agreementVersion of answer is stated as \"9\"");
    assert!(said(&verdict, Part::Figures).contains("exposure of agreement"));
    let text = "the 5 leaves from position 12 on do not reach over positions 11 to 16";
    assert_fails(&verdict, Part::Completeness, text);
}

#[test]
fn newest_events_left_out_with_an_answer_that_fits_are_found() {
    for (from, last_version, first_open) in [(11, 8, 11), (10, 7, 10), (9, 6, 8), (5, 3, 5)] {
        let forged = without_records_from(from);
        // The answer fits, so only the leaves speak against it.
        let verdict = verdict_of(&forged);
        assert_eq!(verdict.outcome(Part::Figures), Outcome::Holds, "{:#?}", verdict.checks);
        assert_eq!(verdict.outcome(Part::Findings), Outcome::Holds, "{:#?}", verdict.checks);
        let text = format!("do not reach over positions {first_open} to 16");
        assert_fails(&verdict, Part::Completeness, &text);

        // With the true leaves from there on the record itself is named.
        let mut all_leaves = forged.clone();
        put_row(&mut all_leaves, first_open, 17);
        let text = format!("the record at position {from} is left out");
        assert_fails(&verdict_of(&all_leaves), Part::Completeness, &text);

        // Without leaves nothing is proved, and the verdict says so.
        let mut stripped = forged.clone();
        stripped.completeness = None;
        let verdict = verdict_of(&stripped);
        assert_holds_as_far_as_it_goes(&verdict);
        let told = said(&verdict, Part::Completeness);
        assert!(told.contains(&format!("nothing comes after version {last_version}")), "{told}");
        let counted = verified_with(&read_back(&stripped), Some(&longer().census(AGREEMENT)));
        assert_fails(&counted.verdict, Part::Completeness, &text);
    }
}

#[test]
fn leaves_forged_to_hide_the_newest_event_do_not_give_the_root() {
    // The leaf of position 11 is given to another agreement, left away, or the row begins behind it.
    let hidden = |change: fn(&mut Dossier)| {
        let mut forged = without_records_from(11);
        put_row(&mut forged, 11, 17);
        change(&mut forged);
        verdict_of(&forged)
    };
    let text = "the leaves from position 11 on are not those that were signed";
    let renamed = hidden(|forged| {
        let mut given = leaves(forged);
        let fields = LeafFields::read(&given[0]).unwrap();
        assert_eq!((fields.position, fields.agreement_id.as_str()), (11, AGREEMENT));
        let id = given[0].len() - AGREEMENT.len();
        given[0][id..].copy_from_slice(b"other-2020");
        put(forged, &given);
    });
    assert_fails(&renamed, Part::Completeness, text);
    let dropped = hidden(|forged| put(forged, &leaves(forged)[1..]));
    assert_fails(&dropped, Part::Completeness, text);
    let told = said(&dropped, Part::Completeness);
    assert!(told.contains("the leaf of position 12 stands where that of 11 belongs"), "{told}");
    let moved = hidden(|forged| {
        put(forged, &leaves(forged)[1..]);
        row(forged).first = 12;
    });
    assert_fails(&moved, Part::Completeness, "the leaves from position 12 on are not those");
    let shifted = hidden(|forged| {
        let given = leaves(forged);
        put_row(forged, 12, 17);
        put(forged, &given[1..]);
        row(forged).first = 11;
    });
    assert_fails(&shifted, Part::Completeness, text);
}

#[test]
fn one_leaf_altered_or_left_out_or_a_row_that_is_moved_or_cut_is_named() {
    let text = "the leaves from position 12 on are not those that were signed";
    for place in 0..5 {
        let altered = with_leaves(|dossier| {
            let mut given = leaves(dossier);
            given[place][60] ^= 1;
            put(dossier, &given);
        });
        assert_fails(&altered, Part::Completeness, text);
        let without = with_leaves(|dossier| {
            let mut given = leaves(dossier);
            given.remove(place);
            put(dossier, &given);
        });
        assert_fails(&without, Part::Completeness, text);
    }
    let swapped = with_leaves(|dossier| {
        let mut given = leaves(dossier);
        given.swap(1, 2);
        put(dossier, &given);
    });
    assert_fails(&swapped, Part::Completeness, "of position 14 stands where that of 13 belongs");
    for first in [0, 11, 13, u64::MAX] {
        let moved = with_leaves(|dossier| row(dossier).first = first);
        assert_fails(&moved, Part::Completeness, &format!("the leaves from position {first} on"));
    }
    let cut = with_leaves(|dossier| row(dossier).leaves.0.truncate(400));
    assert_fails(&cut, Part::Completeness, "the leaves from position 12 on are cut short");
    let none = with_leaves(|dossier| row(dossier).leaves.0.clear());
    assert_fails(&none, Part::Completeness, "has no leaves 12 up to 12");
    let fewer = with_leaves(|dossier| drop(row(dossier).beside.0.pop()));
    assert_fails(&fewer, Part::Completeness, "the proof has 1 hashes and must have 2");
    let more = with_leaves(|dossier| row(dossier).beside.0.push(Bytes(vec![0; 32])));
    assert_fails(&more, Part::Completeness, "the proof has 3 hashes and must have 2");
    let short = with_leaves(|dossier| row(dossier).beside.0[0].0.truncate(31));
    assert_fails(&short, Part::Completeness, "a hash of other length");
    let ends_early = with_leaves(|dossier| put_row(dossier, 12, 16));
    assert_fails(&ends_early, Part::Completeness, "do not reach over positions 12 to 16");
}

#[test]
fn forged_leaves_are_named_also_where_all_leaves_of_the_log_are_at_hand() {
    let mut dossier = honest();
    row(&mut dossier).leaves.0[40] ^= 1;
    let all = longer().census(AGREEMENT);
    let verdict = verified_with(&read_back(&dossier), Some(&all)).verdict;
    assert_fails(&verdict, Part::Completeness, "are not those that were signed");
}

#[test]
fn what_was_known_then_is_complete_up_to_then() {
    // As known at position 8: the newest event then is at 7, and those of 9 to 11 came later.
    let then = || longer().dossier(AGREEMENT, "2024-12-31", Some("2024-03-31T00:00:00Z"));
    assert!(then().completeness.is_none(), "the next version shows it");
    assert_holds(&verdict_of(&then()));
    // Whoever leaves the later ones out leaves nothing out of the answer, but has to show that.
    let mut without = then();
    without.records.0.retain(|record| record.position < 9);
    assert_holds_as_far_as_it_goes(&verdict_of(&without));
    put_row(&mut without, 8, 9);
    let verdict = verdict_of(&without);
    assert_holds(&verdict);
    assert!(said(&verdict, Part::Completeness).contains("positions 8 to 8 are all there"));
    // An event that was known then cannot be left out that way.
    without.records.0.retain(|record| record.position < 7);
    let text = "the 1 leaves from position 8 on do not reach over positions 7 to 8";
    assert_fails(&verdict_of(&without), Part::Completeness, text);
    put_row(&mut without, 7, 9);
    assert_fails(&verdict_of(&without), Part::Completeness, "the record at position 7 is left out");
}

#[test]
fn a_refusal_behind_the_newest_event_does_not_hide_one_between_them() {
    let mut story = longer();
    story.refusal(AGREEMENT, "2024-06-10T10:00:00Z", &intent("2024-06-10", order("O9", "9000000")));
    let dossier = story.dossier(AGREEMENT, "2024-12-31", None);
    assert_eq!(leaves(&dossier).len(), 6, "from the newest event on, not from the refusal");
    assert_holds(&verdict_of(&dossier));
    let mut stripped = dossier.clone();
    stripped.completeness = None;
    assert_holds_as_far_as_it_goes(&verdict_of(&stripped));
    let mut refusal_left_out = dossier;
    drop(refusal_left_out.records.0.pop());
    let text = "the record at position 17 is left out";
    assert_fails(&verdict_of(&refusal_left_out), Part::Completeness, text);
}

#[test]
fn an_event_that_is_the_last_record_needs_no_leaves() {
    let story = longer();
    let at = |known| story.dossier(AGREEMENT, "2024-12-31", Some(known));
    let dossier = at("2024-05-01T10:00:00Z");
    assert_eq!((dossier.version, dossier.completeness.is_none()), (1, true));
    let verdict = verdict_of(&dossier);
    assert_holds(&verdict);
    let told = said(&verdict, Part::Completeness);
    assert!(
        told.contains("because the newest is the last record of the log that was known"),
        "{told}"
    );
    // Cut off, it leaves its own place open.
    let mut forged = dossier;
    drop(forged.records.0.pop());
    assert_eq!(verdict_of(&forged).outcome(Part::Completeness), Outcome::NotProved);
}

#[test]
fn a_refusal_left_out_is_found_by_the_leaves_of_the_log() {
    let (story, mut dossier) = (longer(), honest());
    dossier.records.0.retain(|record| record.position != 3);
    assert_holds(&verdict_of(&dossier));
    let counted = verified_with(&dossier, Some(&story.census(AGREEMENT))).verdict;
    assert_fails(&counted, Part::Completeness, "the record at position 3 is left out");
    let other = Story::default().census(AGREEMENT);
    let strange = verified_with(&dossier, Some(&other)).verdict;
    assert_fails(&strange, Part::Completeness, "the 0 leaves give the root");
    put_row(&mut dossier, 2, 17);
    assert_fails(&verdict_of(&dossier), Part::Completeness, "the record at position 3 is left out");
}

#[test]
fn leaves_beyond_the_limit_are_refused() {
    let mut dossier = honest();
    row(&mut dossier).leaves.0 = vec![0; COMPLETENESS_BYTES_MAX + 1];
    let fault = Dossier::parse(dossier.to_text().unwrap().as_bytes()).unwrap_err();
    assert_eq!(fault.reason(), "DOSSIER_MALFORMED");
}
