//! Dossiers: the file, and each part of one that is not ours any more. A file is read in one spelling, and
//! no part that was altered holds.

use std::sync::LazyLock;

use contract_ledger::domain::date::RecordedTime;
use contract_ledger::dossier::{Bytes, BytesUpTo, Dossier, Trust, verify};
use contract_ledger::merkle::{KeyName, SignerKey};

use super::input::Input;

/// The log that the kept dossier is of.
const ORIGIN: &str = "ledger.example.no/asker";
/// When its records on both sides of `asKnown` were recorded.
const KNOWN_FROM: &str = "2024-05-01T10:00:00Z";
const KNOWN_BEFORE: &str = "2024-06-01T10:00:00Z";
/// A dossier that verifies.
pub const KEPT: &str = include_str!("../../tests/golden/dossier_v1.json");
/// Another, with the leaves that show that nothing comes after its newest event.
pub const KEPT_WITH_LEAVES: &str = include_str!("../../tests/golden/dossier_v2.json");

static DOSSIER: LazyLock<Dossier> =
    LazyLock::new(|| Dossier::parse(KEPT.as_bytes()).expect("a dossier"));
static DOSSIER_WITH_LEAVES: LazyLock<Dossier> =
    LazyLock::new(|| Dossier::parse(KEPT_WITH_LEAVES.as_bytes()).expect("a dossier"));
static KEY: LazyLock<SignerKey> =
    LazyLock::new(|| SignerKey::from_seed(KeyName::parse(ORIGIN).expect("a name"), &[7; 32]));

/// The first byte says what the rest takes the place of, the second in which record or hash.
pub fn check(input: &[u8]) {
    let mut input = Input::new(input);
    let (choice, place) = (input.byte() % 10, usize::from(input.byte()));
    let rest = input.rest();
    let mut altered = DOSSIER.clone();
    let count = altered.records.0.len();
    let record = altered.records.0.get_mut(place % count).expect("there are records");
    let text = || String::from_utf8_lossy(rest).into_owned();
    match choice {
        0 => {
            if let Ok(dossier) = Dossier::parse(rest) {
                assert_eq!(dossier.to_text().expect("it was read").as_bytes(), rest);
            }
            return;
        }
        1 => record.record = Bytes(rest.to_vec()),
        2 => record.proof.0 = vec![Bytes(rest.to_vec()); record.proof.0.len()],
        3 => altered.known.last.leaf = Bytes(rest.to_vec()),
        4 => altered.checkpoint = text(),
        5 => altered.as_known = text(),
        6 => altered.schema = Bytes(rest.to_vec()),
        _ => return check_leaves(choice, place, rest),
    }
    let is_true = altered == *DOSSIER || is_as_known_then(&altered);
    assert_eq!(holds(&altered), is_true, "holds just when nothing was altered");
}

/// The leaves behind the newest event, a hash beside them, and where they begin.
fn check_leaves(choice: u8, place: usize, rest: &[u8]) {
    let mut altered = DOSSIER_WITH_LEAVES.clone();
    let row = altered.completeness.as_mut().expect("it has leaves");
    match choice {
        7 => row.leaves = BytesUpTo(rest.to_vec()),
        8 => {
            let place = place % row.beside.0.len();
            *row.beside.0.get_mut(place).expect("a hash") = Bytes(rest.to_vec());
        }
        _ => row.first = rest.iter().fold(0, |first, byte| first << 8 | u64::from(*byte)),
    }
    let is_true = altered == *DOSSIER_WITH_LEAVES;
    assert_eq!(holds(&altered), is_true, "holds just when nothing was altered");
}

fn holds(dossier: &Dossier) -> bool {
    let keys = [KEY.verifier().clone()];
    let trust = Trust { origin: ORIGIN, keys: &keys, witnesses: &[] };
    verify(dossier, &trust, None).verdict.holds()
}

/// Whether it says the same of another time at which the same was known, which is as true.
fn is_as_known_then(altered: &Dossier) -> bool {
    let time = |text| RecordedTime::parse(text);
    let same = Dossier { as_known: DOSSIER.as_known.clone(), ..altered.clone() } == *DOSSIER;
    let known = time(KNOWN_FROM)..time(KNOWN_BEFORE);
    same && time(&altered.as_known).is_some_and(|as_known| known.contains(&Some(as_known)))
}
