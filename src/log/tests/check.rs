//! Both copies verified while the log is open: every damage is told, and nothing behind it is skipped.

use std::fs;

use super::{log_of, records};
use crate::block::{BlockHash, Codec, encode};
use crate::log::corruption::Corruption;
use crate::log::entries::BlockKey;
use crate::log::{BlockDamage, Checked, CopyName, DamagedBlock, LogError, OpenedLog};

/// First positions of whole blocks, and what was told: the copy, the position, and what is wrong, or
/// nothing when the copies differ.
type Looked = (Vec<u64>, Vec<(CopyName, u64, Option<Corruption>)>);

/// Looks at everything.
fn looked(checked: impl Iterator<Item = Result<Checked, LogError>>) -> Looked {
    let (mut positions, mut told) = (Vec::new(), Vec::new());
    for checked in checked {
        match checked.unwrap() {
            Checked::Block(block) => positions.push(block.first_position()),
            Checked::Damage(BlockDamage { copy, position, what }) => {
                let corruption = match what {
                    DamagedBlock::CopiesDiffer => None,
                    DamagedBlock::Log(error) => Some(error.corruption().unwrap()),
                };
                told.push((copy, position, corruption));
            }
        }
    }
    (positions, told)
}

fn store(log: &OpenedLog) -> Looked {
    looked(log.reader.check_store(u64::MAX))
}

fn archive(log: &OpenedLog) -> Looked {
    looked(log.reader.check_archive(u64::MAX).unwrap().unwrap())
}

fn key(first_position: u64) -> Vec<u8> {
    BlockKey::first(first_position).encode()
}

fn flip(log: &OpenedLog, first_position: u64) {
    let tree = log.reader.store().blocks().tree();
    let mut bytes = tree.get(key(first_position)).unwrap().unwrap().to_vec();
    bytes[70] ^= 1;
    tree.insert(key(first_position), bytes).unwrap();
}

#[test]
fn whole_log_is_looked_at_up_to_the_head_of_the_call() {
    let (_scratch, mut log) = log_of(9);
    assert_eq!(store(&log), (vec![0, 3, 6], vec![]));
    assert_eq!(archive(&log), (vec![0, 3, 6], vec![]));
    let begun = log.reader.check_store(u64::MAX);
    let begun_archive = log.reader.check_archive(u64::MAX).unwrap().unwrap();
    log.writer.append(&records(9..12)).unwrap();
    assert_eq!(looked(begun).0, [0, 3, 6]);
    assert_eq!(looked(begun_archive).0, [0, 3, 6]);
}

#[test]
fn damage_in_the_store_is_told_and_what_lies_behind_it_is_looked_at() {
    let (_scratch, log) = log_of(30);
    flip(&log, 6);
    flip(&log, 18);
    log.reader.store().blocks().tree().remove(key(24)).unwrap();
    let (positions, told) = store(&log);
    assert_eq!(positions, [0, 3, 9, 12, 15, 21, 27]);
    let told: Vec<_> =
        told.into_iter().map(|(_, position, what)| (position, what.unwrap())).collect();
    assert!(
        matches!(
            told.as_slice(),
            [(6, Corruption::Block(_)), (18, Corruption::Block(_)), (24, Corruption::Missing)]
        ),
        "{told:?}"
    );
    // The archive is whole; what is wrong with the store is told there.
    let (positions, told) = archive(&log);
    assert_eq!(positions.len(), 10);
    assert_eq!(told, [(CopyName::Archive, 24, None)]);
}

#[test]
fn block_that_is_sound_and_another_breaks_the_chain_and_differs_from_the_archive() {
    let (_scratch, log) = log_of(9);
    let other = encode(3, BlockHash::of(b"another before"), &records(13..16), Codec::None).unwrap();
    log.reader.store().blocks().tree().insert(key(3), other.to_vec()).unwrap();
    let (positions, told) = store(&log);
    assert_eq!(positions, [0, 3, 6]);
    let broken = |position| (CopyName::Store, position, Some(Corruption::ChainBroken));
    assert_eq!(told, [broken(3), broken(6)]);
    let (positions, told) = archive(&log);
    assert_eq!(positions, [0, 3, 6]);
    assert_eq!(told, [(CopyName::Archive, 3, None)]);
}

#[test]
fn damaged_archive_is_told_beside_a_whole_store() {
    let (scratch, log) = log_of(9);
    let segment = fs::read_dir(scratch.path().join("archive")).unwrap().next().unwrap().unwrap();
    let mut bytes = fs::read(segment.path()).unwrap();
    bytes[49 + 100] ^= 1;
    fs::write(segment.path(), bytes).unwrap();
    let (positions, told) = archive(&log);
    assert_eq!(positions, [3, 6]);
    assert!(
        matches!(told.as_slice(), [(CopyName::Archive, 0, Some(Corruption::Block(_)))]),
        "{told:?}"
    );
    fs::remove_file(segment.path()).unwrap();
    let (_, told) = archive(&log);
    assert_eq!(told, [(CopyName::Archive, 0, Some(Corruption::Missing))]);
    assert_eq!(store(&log), (vec![0, 3, 6], vec![]));
}
