//! Whole blocks for a backup: from any block on, and none that is damaged.

use super::{log_of, records, small_blocks};
use crate::block::{BlockHash, Link};
use crate::log::corruption::Corruption;
use crate::log::entries::BlockKey;
use crate::log::{Log, LogError};

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

#[test]
fn reading_ends_before_the_first_damaged_block_with_its_position() {
    let (scratch, log) = log_of(12);
    let tree = log.reader.store().blocks().tree();
    let key = BlockKey::first(6).encode();
    let mut bytes = tree.get(&key).unwrap().unwrap().to_vec();
    bytes[70] ^= 1;
    tree.insert(key, bytes).unwrap();
    let mut blocks = log.reader.chain_after(Link::START, u64::MAX);
    assert!(blocks.by_ref().take(2).all(|block| block.is_ok()));
    let error = blocks.next().unwrap().unwrap_err();
    assert_eq!(error.position(), Some(6));
    assert!(blocks.next().is_none());
    drop(blocks);
    drop(log);
    // The log itself goes on: it opens, and mends what it finds.
    let mut log = Log::recover(&small_blocks(scratch.path())).unwrap();
    log.writer.append(&records(12..13)).unwrap();
    assert_eq!(log.reader.chain_after(Link::START, u64::MAX).count(), 5);
}
