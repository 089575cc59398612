//! Which copy of a block is taken, as a pure choice over bytes: an exact prefix of what was written,
//! or a named refusal, whatever happened to either copy.

use bytes::Bytes;

use super::{Random, records};
use crate::archive::{encode_header, whole_blocks};
use crate::block::{self, Block, Codec, Link};
use crate::log::LogError;
use crate::log::copies::choose;
use crate::log::pack::pack;

const ROUNDS: u64 = 3000;

/// A chain of twelve blocks of three records each.
fn chain() -> Vec<Block> {
    let records = records(0..36);
    let groups: Vec<&[Bytes]> = records.chunks(1).collect();
    let (packed, _) = pack(&groups, 0, Link::START.last_block, 512, Codec::None).unwrap();
    packed.into_iter().map(|packed| block::decode(packed.encoded).unwrap()).collect()
}

fn segment(blocks: &[Bytes]) -> Vec<u8> {
    let header = encode_header(Link::START);
    [&header[..], &blocks.concat()].concat()
}

/// Follows the chain as the mending does, with the store as one place of bytes for each block.
fn follow(store: &[Option<Bytes>], segment: Vec<u8>) -> (Vec<Block>, Option<LogError>) {
    let archived = whole_blocks(&Bytes::from(segment));
    let mut end = Link::START;
    let mut followed: Vec<Block> = Vec::new();
    loop {
        let position = end.next_position;
        let place = usize::try_from(position / 3).unwrap();
        let stored =
            store.get(place).cloned().flatten().and_then(|bytes| block::decode(bytes).ok());
        let here = archived.iter().filter(|block| block.first_position() == position);
        match choose(end, stored, here.cloned().collect()) {
            Ok(Some(copied)) => {
                end = Link::after(&copied.block);
                followed.push(copied.block);
            }
            Ok(None) => return (followed, None),
            Err(error) => return (followed, Some(error)),
        }
    }
}

#[test]
fn whatever_happens_to_both_copies_the_choice_is_a_prefix_of_what_was_written() {
    let seed = u64::from(std::process::id()) | 1;
    let written = chain();
    let encoded: Vec<Bytes> = written.iter().map(|block| block.encoded().clone()).collect();
    let (mut whole, mut mended) = (0, 0);
    for round in 0..ROUNDS {
        let what = format!("seed {seed}, round {round}");
        let mut random = Random(seed.wrapping_mul(round + 1) | 1);
        let mut store: Vec<Option<Bytes>> = encoded.iter().cloned().map(Some).collect();
        let mut archive = encoded.clone();
        for _ in 0..=random.below(4) {
            let (at, other) = (random.below(12), random.below(12));
            match random.below(7) {
                0 => store[at] = None,
                1 => {
                    let mut bytes = encoded[at].to_vec();
                    let byte = random.below(bytes.len());
                    bytes[byte] ^= 1 << random.below(8);
                    store[at] = Some(bytes.into());
                }
                2 => store.swap(at, other),
                3 => archive.swap(at, other),
                4 => archive[at] = vec![0; encoded[at].len()].into(),
                5 => archive[at] = archive[other].clone(),
                _ => archive.truncate(at.max(1)),
            }
            archive.resize(12, Bytes::new());
        }
        let mut bytes = segment(&archive);
        if random.below(2) == 0 {
            let byte = random.below(bytes.len());
            bytes[byte] ^= 1 << random.below(8);
        }
        let (followed, refused) = follow(&store, bytes);
        assert!(refused.is_none(), "{what}: no two whole blocks of this history differ");
        assert!(followed.len() <= written.len(), "{what}");
        assert_eq!(followed, written[..followed.len()], "{what}");
        whole += usize::from(followed.len() == written.len());
        mended += usize::from(
            !followed.is_empty() && store != encoded.iter().cloned().map(Some).collect::<Vec<_>>(),
        );
    }
    assert!(whole > 1000 && mended > 500, "the damage was no damage: {whole} {mended}");
}

#[test]
fn a_block_is_lost_only_where_neither_copy_has_it() {
    let written = chain();
    let encoded: Vec<Bytes> = written.iter().map(|block| block.encoded().clone()).collect();
    for in_store in 0..12 {
        for in_archive in 0..12 {
            let mut store: Vec<Option<Bytes>> = encoded.iter().cloned().map(Some).collect();
            let mut archive = encoded.clone();
            store[in_store] = None;
            archive[in_archive] = vec![0; encoded[in_archive].len()].into();
            let (followed, refused) = follow(&store, segment(&archive));
            assert!(refused.is_none());
            let expected = if in_store == in_archive { in_store } else { 12 };
            assert_eq!(followed.len(), expected, "{in_store} {in_archive}");
        }
    }
}

#[test]
fn two_histories_that_both_follow_are_refused_with_the_position() {
    let written = chain();
    let before = Link::after(&written[3]);
    let other =
        block::encode(12, before.last_block, &[Bytes::from_static(b"other")], Codec::None).unwrap();
    let other = block::decode(other).unwrap();
    match choose(before, Some(written[4].clone()), vec![other.clone()]) {
        Err(LogError::CopiesDiffer { position: 12 }) => {}
        unexpected => panic!("{unexpected:?}"),
    }
    // One that does not follow is none: a stray copy of another place counts for nothing.
    let chosen = choose(before, Some(written[5].clone()), vec![other.clone(), written[2].clone()]);
    assert_eq!(chosen.unwrap().unwrap().block, other);
    assert!(choose(before, None, vec![written[2].clone()]).unwrap().is_none());
}
