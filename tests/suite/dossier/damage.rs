//! Files that strangers made: damaged in one bit, cut short, too long, of another kind. Each is refused
//! with its name, and none costs more than the limits say.

use contract_ledger::dossier::{
    Bytes, DOSSIER_BYTES_MAX, Dossier, FileFault, PROOF_HASHES_MAX, Part,
};

use super::stories::long;
use super::{AGREEMENT, assert_holds, verdict_of};

/// Changes of one bit in the text of the file, in each part.
const BITS_IN_TEXT: usize = 400;
const BITS_IN_PART: usize = 60;

fn file() -> String {
    long().dossier(AGREEMENT, "2024-12-31", None).to_text().unwrap()
}

fn reason(bytes: &[u8]) -> &'static str {
    Dossier::parse(bytes).unwrap_err().reason()
}

/// Numbers that follow from a seed, which a failure tells.
struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.state >> 33) % u64::try_from(bound).unwrap()).unwrap()
    }
}

fn seeded() -> Random {
    let seed = u64::from(std::process::id());
    Random { seed, state: seed }
}

#[test]
fn one_bit_of_the_file_is_noticed() {
    let (file, mut random) = (file(), seeded());
    Dossier::parse(file.as_bytes()).unwrap();
    for _ in 0..BITS_IN_TEXT {
        let (byte, bit) = (random.below(file.len()), random.below(8));
        let mut bytes = file.clone().into_bytes();
        bytes[byte] ^= 1 << bit;
        assert!(Dossier::parse(&bytes).is_err(), "seed {}: bit {bit} of byte {byte}", random.seed);
    }
}

#[test]
fn one_bit_of_what_is_proved_is_noticed_though_the_hash_is_made_anew() {
    type Place = fn(&mut Dossier) -> &mut Vec<u8>;
    let places: [(&str, Place); 8] = [
        ("a record", |dossier| &mut dossier.records.0[0].record.0),
        ("a refusal", |dossier| &mut dossier.records.0[2].record.0),
        ("a later record", |dossier| &mut dossier.records.0[6].record.0),
        ("a proof", |dossier| &mut dossier.records.0[4].proof.0[1].0),
        ("the last leaf", |dossier| &mut dossier.known.last.leaf.0),
        ("its proof", |dossier| &mut dossier.known.last.proof.0[0].0),
        ("the next leaf", |dossier| &mut dossier.known.next.as_mut().unwrap().leaf.0),
        ("the schema", |dossier| &mut dossier.schema.0),
    ];
    let mut random = seeded();
    let dossier = long().dossier(AGREEMENT, "2024-12-31", Some("2024-05-01T10:00:00Z"));
    assert_holds(&verdict_of(&dossier));
    for (name, place) in places {
        for _ in 0..BITS_IN_PART {
            let mut altered = dossier.clone();
            let bytes = place(&mut altered);
            let (byte, bit) = (random.below(bytes.len()), random.below(8));
            bytes[byte] ^= 1 << bit;
            assert!(
                !verdict_of(&altered).holds(),
                "seed {}: bit {bit} of byte {byte} of {name}",
                random.seed
            );
        }
    }
    for _ in 0..BITS_IN_PART {
        let mut altered = dossier.clone();
        let mut bytes = altered.checkpoint.into_bytes();
        let (byte, bit) = (random.below(bytes.len()), random.below(7));
        bytes[byte] ^= 1 << bit;
        let Ok(checkpoint) = String::from_utf8(bytes) else { continue };
        altered.checkpoint = checkpoint;
        assert!(
            !verdict_of(&altered).holds(),
            "seed {}: bit {bit} of byte {byte} of the checkpoint",
            random.seed
        );
    }
}

#[test]
fn a_file_that_is_no_dossier_is_named() {
    let file = file();
    assert_eq!(reason(b""), "DOSSIER_MALFORMED");
    assert_eq!(reason(b"\xff\xfe"), "DOSSIER_MALFORMED");
    assert_eq!(reason(&file.as_bytes()[..file.len() / 2]), "DOSSIER_MALFORMED");
    assert_eq!(reason(b"{\"format\":\"receipt\",\"version\":1}"), "NOT_A_DOSSIER");
    let newer = file.replacen("\"version\": 2", "\"version\": 3", 1);
    assert_eq!(reason(newer.as_bytes()), "DOSSIER_VERSION_UNKNOWN");
    let older = file.replacen("\"version\": 2", "\"version\": 1", 1);
    assert_eq!(reason(older.as_bytes()), "DOSSIER_NOT_CANONICAL");
    let fault = Dossier::parse(older.as_bytes()).unwrap_err().to_string();
    assert!(fault.contains("says version 1") && fault.contains("as version 2"), "{fault}");
    let more = file.replacen("\"asOf\"", "\"surprise\": 1,\n  \"asOf\"", 1);
    assert_eq!(reason(more.as_bytes()), "DOSSIER_MALFORMED");
    let spaced = file.replacen("\"asOf\": ", "\"asOf\":  ", 1);
    assert_eq!(reason(spaced.as_bytes()), "DOSSIER_NOT_CANONICAL");
    assert_eq!(reason(format!("{file} ").as_bytes()), "DOSSIER_NOT_CANONICAL");
    let day = file.replacen("2024-12-31", "2024-12-30", 1);
    assert_eq!(reason(day.as_bytes()), "DOSSIER_DAMAGED");
}

#[test]
fn what_is_too_much_is_refused() {
    let long = vec![b' '; DOSSIER_BYTES_MAX + 1];
    assert!(matches!(Dossier::parse(&long), Err(FileFault::TooLong)));
    let mut dossier = super::stories::long().dossier(AGREEMENT, "2024-12-31", None);
    let hash = Bytes(vec![0; 32]);
    dossier.records.0[0].proof.0 = vec![hash; PROOF_HASHES_MAX + 1];
    let fault = Dossier::parse(dossier.to_text().unwrap().as_bytes()).unwrap_err();
    let FileFault::Form(cause) = fault else { panic!("{fault:?}") };
    assert!(cause.to_string().contains("at most 64 entries"), "{cause}");
    let deep = "[".repeat(100_000);
    let deep = format!("{{\"format\":\"contract-ledger dossier\",\"version\":1,\"answer\":{deep}");
    assert_eq!(reason(deep.as_bytes()), "DOSSIER_MALFORMED");
}

#[test]
fn proofs_with_hashes_of_another_length_are_named() {
    let mut dossier = super::stories::long().dossier(AGREEMENT, "2024-12-31", None);
    dossier.records.0[0].proof.0[0].0.pop();
    super::assert_fails(&verdict_of(&dossier), Part::Records, "a hash of other length");
}
