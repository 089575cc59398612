//! A fixed history gives the same file for ever, and a file of an earlier version of the program verifies.

use contract_ledger::dossier::{Bytes, Dossier};

use super::stories::{long, longer};
use super::{AGREEMENT, assert_holds, read_back, verified_with};

const FILE: &str = include_str!("../../golden/dossier_v1.json");
const FILE_WITH_LEAVES: &str = include_str!("../../golden/dossier_v2.json");

#[test]
fn a_kept_dossier_verifies() {
    let dossier = Dossier::parse(FILE.as_bytes()).unwrap();
    assert_holds(&verified_with(&dossier, Some(&long().census(AGREEMENT))).verdict);
    let dossier = Dossier::parse(FILE_WITH_LEAVES.as_bytes()).unwrap();
    assert!(dossier.completeness.is_some());
    assert_holds(&verified_with(&dossier, None).verdict);
}

#[test]
fn a_fixed_history_gives_the_same_bytes() {
    let then = long().dossier(AGREEMENT, "2024-12-31", Some("2024-05-01T10:00:00Z"));
    let now = longer().dossier(AGREEMENT, "2024-12-31", None);
    for (made, kept_text) in [(then, FILE), (now, FILE_WITH_LEAVES)] {
        let kept = Dossier::parse(kept_text.as_bytes()).unwrap();
        // The schema grows with the interface; an older one goes on being read.
        let made = Dossier { schema: Bytes(kept.schema.0.clone()), ..made };
        let text = read_back(&made).to_text().unwrap();
        let differs = text.bytes().zip(kept_text.bytes()).position(|(made, kept)| made != kept);
        let more = text.get(differs.unwrap_or(0)..);
        assert_eq!((text.len(), differs), (kept_text.len(), None), "{more:?}");
    }
}
