//! The tree and its proofs against RFC 6962 as it is written, and against every kind of alteration.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use contract_ledger::merkle::{
    ConsistencyProof, Frontier, InclusionProof, MemoryTree, ProofError, ProofFault, ReadError,
    TILE_WIDTH, Tile, TileReader, TiledTree, TreeHash, root_at,
};

use super::naive::{Bytes32, Naive};
use super::{leaf, leaf_hash, one_bit_off, tree_of};

const ALL_UP_TO: u64 = 300;
const LARGE: u64 = 1_000_000;

fn naive(size: u64) -> Naive {
    Naive::new((0..size).map(leaf))
}

fn hashes(bytes: Vec<Bytes32>) -> Vec<TreeHash> {
    bytes.into_iter().map(TreeHash::from_bytes).collect()
}

fn place(size: u64) -> usize {
    usize::try_from(size).unwrap()
}

#[test]
fn every_leaf_of_every_small_tree_is_proved_as_the_standard_says() {
    let (tree, naive) = (tree_of(ALL_UP_TO), naive(ALL_UP_TO));
    for size in 0..=ALL_UP_TO {
        let root = root_at(&tree, size).unwrap();
        assert_eq!(root, TreeHash::from_bytes(naive.root(0..place(size))), "root of {size}");
        for index in 0..size {
            let proof = InclusionProof::make(&tree, index, size).unwrap();
            let expected = hashes(naive.path(place(index), 0..place(size)));
            assert_eq!(proof.hashes, expected, "{index} of {size}");
            assert_eq!(proof.verify(leaf_hash(index), root), Ok(()), "{index} of {size}");
        }
    }
}

#[test]
fn every_growth_of_every_small_tree_is_proved_as_the_standard_says() {
    let (tree, naive) = (tree_of(ALL_UP_TO), naive(ALL_UP_TO));
    let roots: Vec<TreeHash> = (0..=ALL_UP_TO).map(|size| root_at(&tree, size).unwrap()).collect();
    for size in 0..=ALL_UP_TO {
        for old_size in 0..=size {
            let proof = ConsistencyProof::make(&tree, old_size, size).unwrap();
            let expected = hashes(naive.consistency(place(old_size), place(size)));
            assert_eq!(proof.hashes, expected, "{old_size} to {size}");
            let verified = proof.verify(roots[place(old_size)], roots[place(size)]);
            assert_eq!(verified, Ok(()), "{old_size} to {size}");
        }
    }
}

#[test]
fn random_proofs_of_a_large_tree_are_those_of_the_standard() {
    let seed: u64 = 0x5eed_1ea7;
    let mut state = seed;
    let mut random = |below: u64| {
        // xorshift64: any spread of places will do.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let (tree, naive) = (tree_of(LARGE), naive(LARGE));
    let root = TreeHash::from_bytes(naive.root(0..place(LARGE)));
    assert_eq!(tree.root(), root, "root of {LARGE}");
    let size = 1 + random(LARGE);
    let (index, old_size) = (random(size), 1 + random(size));
    let proof = InclusionProof::make(&tree, index, size).unwrap();
    let expected = hashes(naive.path(place(index), 0..place(size)));
    assert_eq!(proof.hashes, expected, "seed {seed:#x}: {index} of {size}");
    let proof = ConsistencyProof::make(&tree, old_size, size).unwrap();
    let expected = hashes(naive.consistency(place(old_size), place(size)));
    assert_eq!(proof.hashes, expected, "seed {seed:#x}: {old_size} to {size}");
    for _ in 0..200 {
        let size = 1 + random(LARGE);
        let old_root = root_at(&tree, size).unwrap();
        let proof = ConsistencyProof::make(&tree, size, LARGE).unwrap();
        assert_eq!(proof.verify(old_root, root), Ok(()), "seed {seed:#x}: {size} to {LARGE}");
        let index = random(size);
        let proof = InclusionProof::make(&tree, index, size).unwrap();
        let verified = proof.verify(leaf_hash(index), old_root);
        assert_eq!(verified, Ok(()), "seed {seed:#x}: {index} of {size}");
    }
}

#[test]
fn frontier_alone_has_the_root_of_every_size() {
    let naive = naive(ALL_UP_TO);
    let mut frontier = Frontier::new();
    for size in 0..=ALL_UP_TO {
        let expected = TreeHash::from_bytes(naive.root(0..place(size)));
        assert_eq!((frontier.size(), frontier.root()), (size, expected));
        frontier.append(leaf_hash(size), |_, _| {});
    }
    assert_eq!(Frontier::from_peaks(3, vec![leaf_hash(0)]), None, "3 leaves have 2 peaks");
}

#[test]
fn altered_inclusion_proof_is_refused() {
    for size in [1, 2, 3, 7, 8, 100, 257] {
        let tree = tree_of(size);
        let root = tree.root();
        for index in [0, size / 2, size - 1] {
            let (proof, leaf) =
                (InclusionProof::make(&tree, index, size).unwrap(), leaf_hash(index));
            assert_eq!(proof.verify(leaf, root), Ok(()));
            for bit in 0..256 {
                assert!(proof.verify(one_bit_off(leaf, bit), root).is_err(), "leaf, bit {bit}");
                assert!(proof.verify(leaf, one_bit_off(root, bit)).is_err(), "root, bit {bit}");
                for place in 0..proof.hashes.len() {
                    let mut altered = proof.clone();
                    altered.hashes[place] = one_bit_off(altered.hashes[place], bit);
                    assert!(altered.verify(leaf, root).is_err(), "hash {place}, bit {bit}");
                }
            }
            for other in (0..size + 3).filter(|other| *other != index) {
                let altered = InclusionProof { index: other, ..proof.clone() };
                assert!(altered.verify(leaf, root).is_err(), "{index} as {other} of {size}");
            }
            // The same place in a tree of another size can have the same way; its root cannot.
            for other in (0..size + 3).filter(|other| *other != size) {
                let altered = InclusionProof { size: other, ..proof.clone() };
                let other_root = root_at(&tree_of(other), other).unwrap();
                assert!(altered.verify(leaf, other_root).is_err(), "{size} as {other}");
            }
            let longer = [&proof.hashes[..], &[root]].concat();
            let longer = InclusionProof { hashes: longer, ..proof.clone() };
            let needed = proof.hashes.len();
            let fault = ProofFault::WrongLength { needed, actual: needed + 1 };
            assert_eq!(longer.verify(leaf, root), Err(fault));
        }
    }
}

#[test]
fn altered_consistency_proof_is_refused() {
    for (old_size, new_size) in [(1, 2), (3, 7), (4, 7), (6, 8), (8, 8), (255, 300), (256, 300)] {
        let tree = tree_of(new_size);
        let (old_root, root) = (root_at(&tree, old_size).unwrap(), tree.root());
        let proof = ConsistencyProof::make(&tree, old_size, new_size).unwrap();
        assert_eq!(proof.verify(old_root, root), Ok(()));
        for bit in 0..256 {
            assert!(proof.verify(one_bit_off(old_root, bit), root).is_err(), "old, bit {bit}");
            assert!(proof.verify(old_root, one_bit_off(root, bit)).is_err(), "new, bit {bit}");
            for place in 0..proof.hashes.len() {
                let mut altered = proof.clone();
                altered.hashes[place] = one_bit_off(altered.hashes[place], bit);
                assert!(altered.verify(old_root, root).is_err(), "hash {place}, bit {bit}");
            }
        }
        let longer = [&proof.hashes[..], &[root]].concat();
        assert!(ConsistencyProof { hashes: longer, ..proof }.verify(old_root, root).is_err());
    }
}

#[test]
fn rewritten_history_has_no_consistency_proof() {
    let old_root = tree_of(40).root();
    let mut forked = MemoryTree::new();
    for index in 0..60 {
        forked.append(if index == 17 { leaf_hash(1_000) } else { leaf_hash(index) });
    }
    let proof = ConsistencyProof::make(&forked, 40, 60).unwrap();
    let fault = proof.verify(old_root, forked.root()).unwrap_err();
    assert!(fault.to_string().contains("the earlier root"), "{fault}");
}

#[test]
fn what_a_tree_has_not_got_is_not_proved() {
    let tree = tree_of(5);
    let beyond = InclusionProof::make(&tree, 5, 5).unwrap_err();
    assert_eq!(beyond.to_string(), "a tree of 5 leaves has no leaf 5");
    let reversed = ConsistencyProof::make(&tree, 5, 4).unwrap_err();
    assert!(matches!(reversed, ProofError::SizesReversed { old_size: 5, new_size: 4 }));
    let short = InclusionProof::make(&tree, 0, 6).unwrap_err();
    assert_eq!(short.to_string(), "tile/0/000.p/6 has 5 hashes, and should have 6");
    let reversed = ConsistencyProof { old_size: 5, new_size: 4, hashes: Vec::new() };
    let fault = reversed.verify(tree.root(), tree.root()).unwrap_err();
    assert_eq!(fault, ProofFault::SizesReversed { old_size: 5, new_size: 4 });
}

#[test]
fn nothing_is_the_beginning_of_everything_and_has_one_root() {
    let tree = tree_of(5);
    let proof = ConsistencyProof::make(&tree, 0, 5).unwrap();
    assert_eq!(proof.verify(TreeHash::of_empty_tree(), tree.root()), Ok(()));
    assert!(proof.verify(tree.root(), tree.root()).is_err());
}

#[test]
fn tree_goes_on_from_its_tiles_as_if_it_had_never_stopped() {
    let whole = tree_of(TILE_WIDTH * TILE_WIDTH + 3);
    let stops = [0, 1, 255, 256, 257, 1_000, TILE_WIDTH * TILE_WIDTH - 1, TILE_WIDTH * TILE_WIDTH];
    for size in stops {
        let mut resumed = TiledTree::resume(&whole, size).unwrap();
        assert_eq!((resumed.size(), resumed.root()), (size, root_at(&whole, size).unwrap()));
        let mut filled = Vec::new();
        for index in size..(size + 300).min(whole.size()) {
            resumed.append(leaf_hash(index), |tile, hashes| filled.push((tile, hashes)));
        }
        assert_eq!(resumed.root(), root_at(&whole, resumed.size()).unwrap(), "from {size}");
        for (tile, hashes) in filled {
            assert_eq!(tile.width(), TILE_WIDTH);
            assert_eq!(whole.read_tile(tile).unwrap(), hashes, "{}", tile.path());
        }
    }
    let short = TiledTree::resume(&tree_of(256), 300).unwrap_err();
    assert!(short.to_string().contains("has 0 hashes"), "{short}");
}

#[test]
fn tiles_are_cut_and_named_as_the_specification_says() {
    let tile = |level, index, size| Tile::of_tree(level, index, size).map(Tile::path);
    assert_eq!(tile(0, 0, 5), Some("tile/0/000.p/5".to_owned()));
    assert_eq!(tile(0, 0, 256), Some("tile/0/000".to_owned()));
    assert_eq!(tile(0, 1, 256), None, "an empty tile is no tile");
    assert_eq!(tile(0, 1_234_067, u64::MAX), Some("tile/0/x001/x234/067".to_owned()));
    assert_eq!(tile(8, 0, u64::MAX), None);
    // The example of the specification.
    let partial: Vec<String> = Tile::partial_of_tree(70_000).map(Tile::path).collect();
    assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
    let partial: Vec<String> = Tile::partial_of_tree(256).map(Tile::path).collect();
    assert_eq!(partial, ["tile/1/000.p/1"]);
}

/// A keeper of tiles that cannot read one of them.
struct Broken(MemoryTree);

#[derive(Debug)]
struct Unreadable;

impl fmt::Display for Unreadable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("unreadable")
    }
}

impl std::error::Error for Unreadable {}

impl TileReader for Broken {
    type Failure = Unreadable;

    fn read_tile(&self, tile: Tile) -> Result<Cow<'_, [TreeHash]>, Unreadable> {
        if tile.index() == 1 {
            return Err(Unreadable);
        }
        self.0.read_tile(tile).map_err(|never: Infallible| match never {})
    }
}

#[test]
fn tile_that_cannot_be_read_is_named() {
    let broken = Broken(tree_of(600));
    let error = InclusionProof::make(&broken, 300, 600).unwrap_err();
    let ProofError::Read(ReadError::Failed { tile, source: Unreadable }) = error else {
        panic!("{error}");
    };
    assert_eq!(tile.path(), "tile/0/001");
}
