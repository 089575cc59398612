//! Whole blocks for a backup: from any block on, and none that is damaged.

use super::{log_of, records, small_blocks};
use crate::block::{Block, BlockHash, Link};
use crate::log::corruption::Corruption;
use crate::log::entries::BlockKey;
use crate::log::{Log, LogError, LogOptions, OpenedLog};

#[test]
fn blocks_are_read_from_the_end_of_any_block() {
    let (_scratch, log) = log_of(12);
    let all: Vec<_> =
        log.reader.chain_after(Link::START, u64::MAX).map(|block| block.unwrap()).collect();
    assert_eq!(all.iter().map(|block| block.positions().end).collect::<Vec<_>>(), [3, 6, 9, 12]);
    for (number, block) in all.iter().enumerate() {
        let after = Link::after(block);
        assert!(log.reader.passes_through(after).unwrap());
        assert_eq!(log.reader.end_at(after.next_position).unwrap(), after);
        let rest: Vec<_> =
            log.reader.chain_after(after, u64::MAX).map(|block| block.unwrap()).collect();
        assert_eq!(rest, all[number + 1..]);
    }
    assert_eq!(log.reader.chain_after(Link::START, 4).count(), 2);
}

#[test]
fn what_another_log_holds_is_not_passed_through() {
    let (_scratch, log) = log_of(12);
    let end = log.reader.end_at(6).unwrap();
    let others = [
        Link { next_position: 5, ..end },
        Link { next_position: 12, ..end },
        Link { next_position: 13, ..end },
        Link { last_block: BlockHash::of(b"other"), ..end },
        Link { next_position: 0, ..end },
    ];
    for other in others {
        assert!(!log.reader.passes_through(other).unwrap(), "{other:?}");
    }
    assert!(log.reader.passes_through(Link::START).unwrap());
    let wrong = log.reader.chain_after(Link { last_block: BlockHash::ZERO, ..end }, u64::MAX);
    let read: Vec<_> = wrong.collect();
    assert!(
        matches!(
            read.as_slice(),
            [Err(LogError::Corrupt { position: 6, reason: Corruption::ChainBroken })]
        ),
        "{read:?}"
    );
}

fn flip(log: &OpenedLog, first_position: u64) {
    let tree = log.reader.store().blocks().tree();
    let key = BlockKey::first(first_position).encode();
    let mut bytes = tree.get(&key).unwrap().unwrap().to_vec();
    bytes[70] ^= 1;
    tree.insert(key, bytes).unwrap();
}

#[test]
fn a_damaged_block_is_read_from_the_archive() {
    let (_scratch, log) = log_of(12);
    let whole: Vec<Block> =
        log.reader.chain_after(Link::START, u64::MAX).map(Result::unwrap).collect();
    flip(&log, 6);
    let read = log.reader.chain_after(Link::START, u64::MAX).map(Result::unwrap);
    assert!(read.eq(whole));
}

#[test]
fn without_an_archive_reading_ends_before_the_first_damaged_block_with_its_position() {
    let scratch = tempfile::tempdir().unwrap();
    let options = LogOptions { archive: None, ..small_blocks(scratch.path()) };
    let mut log = Log::open(&options).unwrap();
    log.writer.append(&records(0..12)).unwrap();
    flip(&log, 6);
    let mut blocks = log.reader.chain_after(Link::START, u64::MAX);
    assert!(blocks.by_ref().take(2).all(|block| block.is_ok()));
    let error = blocks.next().unwrap().unwrap_err();
    assert_eq!(error.position(), Some(6));
    assert!(blocks.next().is_none());
}
