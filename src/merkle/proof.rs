//! Proofs that a leaf is in a tree, and that one tree is the beginning of another (RFC 6962,
//! sections 2.1.1 and 2.1.2).
//!
//! Whoever makes a proof and whoever checks it walk the same way through the tree, and the way
//! follows from the sizes alone. So a proof is its hashes, nothing else, and one that is longer or
//! shorter than its way is no proof.

use std::ops::Range;

use super::hash::TreeHash;
use super::reader::{ReadError, TileReader, root_of_range};

/// That a leaf stands at an index of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// Index of the leaf, from 0.
    pub index: u64,
    /// Number of leaves of the tree.
    pub size: u64,
    /// Roots of the subtrees beside the way, from the leaf upwards.
    pub hashes: Vec<TreeHash>,
}

/// That a tree is the beginning of a larger one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Number of leaves of the smaller tree.
    pub old_size: u64,
    /// Number of leaves of the larger tree.
    pub new_size: u64,
    /// Roots of the subtrees that make up both, in the order of RFC 6962.
    pub hashes: Vec<TreeHash>,
}

/// Why a proof cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProofError<F: std::error::Error + 'static> {
    /// There is no such leaf.
    #[error("a tree of {size} leaves has no leaf {index}")]
    NoSuchLeaf {
        /// The index asked for.
        index: u64,
        /// The size asked for.
        size: u64,
    },
    /// The tree that should be the larger one is the smaller.
    #[error("a tree of {old_size} leaves is not the beginning of one of {new_size}")]
    SizesReversed {
        /// The size that should be the smaller.
        old_size: u64,
        /// The size that should be the larger.
        new_size: u64,
    },
    /// A hash could not be read.
    #[error(transparent)]
    Read(#[from] ReadError<F>),
}

/// Why a proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// It is about a leaf that the tree has not got.
    #[error("a tree of {size} leaves has no leaf {index}")]
    NoSuchLeaf {
        /// The index.
        index: u64,
        /// The size.
        size: u64,
    },
    /// It is about a smaller tree that is the larger one.
    #[error("a tree of {old_size} leaves is not the beginning of one of {new_size}")]
    SizesReversed {
        /// The size that should be the smaller.
        old_size: u64,
        /// The size that should be the larger.
        new_size: u64,
    },
    /// It has not the number of hashes that its sizes ask for.
    #[error("the proof has {actual} hashes and must have {needed}")]
    WrongLength {
        /// How many there must be.
        needed: usize,
        /// How many there are.
        actual: usize,
    },
    /// It is about a row of leaves that ends before it begins, or beyond the tree.
    #[error("a tree of {size} leaves has no leaves {first} up to {end}")]
    NoSuchRange {
        /// Index of the first leaf.
        first: u64,
        /// Index behind the last.
        end: u64,
        /// The size.
        size: u64,
    },
    /// There are more or fewer leaves than it is about.
    #[error("the proof is of {needed} leaves, and other than that are given")]
    WrongLeafCount {
        /// How many it is about.
        needed: u64,
    },
    /// The leaf and the proof lead to another root.
    #[error("the proof leads to the root {computed}, not to {stated}")]
    WrongRoot {
        /// The root that is stated.
        stated: TreeHash,
        /// The root that follows.
        computed: TreeHash,
    },
    /// The proof leads to another root of the smaller tree.
    #[error("the proof leads to the earlier root {computed}, not to {stated}")]
    WrongOldRoot {
        /// The root that is stated.
        stated: TreeHash,
        /// The root that follows.
        computed: TreeHash,
    },
}

impl InclusionProof {
    /// Proves that the leaf at `index` is in the tree of the first `size` leaves.
    pub fn make<R: TileReader>(
        tiles: &R,
        index: u64,
        size: u64,
    ) -> Result<Self, ProofError<R::Failure>> {
        if index >= size {
            return Err(ProofError::NoSuchLeaf { index, size });
        }
        let steps = inclusion_steps(index, size).into_iter();
        let hashes = steps.map(|step| root_of_range(tiles, step.sibling, size));
        Ok(Self { index, size, hashes: hashes.collect::<Result<_, _>>()? })
    }

    /// Checks it for the hash of a leaf and the root of the tree.
    pub fn verify(&self, leaf: TreeHash, root: TreeHash) -> Result<(), ProofFault> {
        let &Self { index, size, ref hashes } = self;
        if index >= size {
            return Err(ProofFault::NoSuchLeaf { index, size });
        }
        let steps = inclusion_steps(index, size);
        check_length(steps.len(), hashes.len())?;
        let computed =
            steps.iter().zip(hashes).fold(leaf, |hash, (step, sibling)| step.up(hash, *sibling));
        check_root(root, computed)
    }
}

impl ConsistencyProof {
    /// Proves that the first `old_size` leaves of the tree are still those that they were when it
    /// has `new_size`.
    pub fn make<R: TileReader>(
        tiles: &R,
        old_size: u64,
        new_size: u64,
    ) -> Result<Self, ProofError<R::Failure>> {
        if old_size > new_size {
            return Err(ProofError::SizesReversed { old_size, new_size });
        }
        let way = ConsistencyWay::of(old_size, new_size);
        let siblings = way.steps.into_iter().map(|step| step.sibling);
        let hashes = way
            .shared
            .into_iter()
            .chain(siblings)
            .map(|range| root_of_range(tiles, range, new_size));
        Ok(Self { old_size, new_size, hashes: hashes.collect::<Result<_, _>>()? })
    }

    /// Checks it for both roots.
    pub fn verify(&self, old_root: TreeHash, new_root: TreeHash) -> Result<(), ProofFault> {
        let &Self { old_size, new_size, ref hashes } = self;
        if old_size > new_size {
            return Err(ProofFault::SizesReversed { old_size, new_size });
        }
        let way = ConsistencyWay::of(old_size, new_size);
        check_length(way.steps.len() + usize::from(way.shared.is_some()), hashes.len())?;
        if old_size == 0 {
            // Nothing is the beginning of everything, so only its own root can be wrong.
            return check_old_root(old_root, TreeHash::of_empty_tree());
        }
        let mut hashes = hashes.iter().copied();
        let shared = if way.shared.is_some() { hashes.next() } else { Some(old_root) };
        let shared = shared.expect("the length was checked");
        let (mut old, mut new) = (shared, shared);
        for (step, sibling) in way.steps.iter().zip(hashes) {
            new = step.up(new, sibling);
            // What stands to the right is not in the smaller tree.
            if step.side == Side::Left {
                old = step.up(old, sibling);
            }
        }
        check_old_root(old_root, old)?;
        check_root(new_root, new)
    }
}

/// Where the other child stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Left,
    Right,
}

/// From a node to its parent.
#[derive(Debug)]
pub(super) struct Step {
    /// The leaves under the other child.
    sibling: Range<u64>,
    pub(super) side: Side,
}

impl Step {
    fn up(&self, hash: TreeHash, sibling: TreeHash) -> TreeHash {
        match self.side {
            Side::Left => TreeHash::of_node(sibling, hash),
            Side::Right => TreeHash::of_node(hash, sibling),
        }
    }
}

/// From the root down to the subtree that ends as `is_there` says, turned round.
fn steps_down(
    size: u64,
    goes_left: impl Fn(u64) -> bool,
    is_there: impl Fn(&Range<u64>) -> bool,
) -> (Vec<Step>, Range<u64>) {
    let mut steps = Vec::new();
    let mut range = 0..size;
    while !is_there(&range) {
        let middle = middle_of(&range);
        let (left, right) = (range.start..middle, middle..range.end);
        let (down, step) = if goes_left(middle) {
            (left, Step { sibling: right, side: Side::Right })
        } else {
            (right, Step { sibling: left, side: Side::Left })
        };
        steps.push(step);
        range = down;
    }
    steps.reverse();
    (steps, range)
}

/// Where a subtree of two leaves or more is split (RFC 6962): the left side has the largest power of two
/// that is less than the whole.
pub(super) fn middle_of(range: &Range<u64>) -> u64 {
    range.start + (1 << (range.end - range.start - 1).ilog2())
}

pub(super) fn inclusion_steps(index: u64, size: u64) -> Vec<Step> {
    steps_down(size, |middle| index < middle, |range| range.end - range.start == 1).0
}

/// The way from the last subtree of the smaller tree up to the root of the larger.
#[derive(Debug)]
struct ConsistencyWay {
    /// That subtree, unless it is the smaller tree itself, whose root the reader has.
    shared: Option<Range<u64>>,
    steps: Vec<Step>,
}

impl ConsistencyWay {
    fn of(old_size: u64, new_size: u64) -> Self {
        if old_size == 0 {
            return Self { shared: None, steps: Vec::new() };
        }
        let (steps, last) =
            steps_down(new_size, |middle| old_size <= middle, |range| range.end == old_size);
        Self { shared: (last.start > 0).then_some(last), steps }
    }
}

pub(super) fn check_length(needed: usize, actual: usize) -> Result<(), ProofFault> {
    if needed == actual { Ok(()) } else { Err(ProofFault::WrongLength { needed, actual }) }
}

pub(super) fn check_root(stated: TreeHash, computed: TreeHash) -> Result<(), ProofFault> {
    if stated == computed { Ok(()) } else { Err(ProofFault::WrongRoot { stated, computed }) }
}

fn check_old_root(stated: TreeHash, computed: TreeHash) -> Result<(), ProofFault> {
    if stated == computed { Ok(()) } else { Err(ProofFault::WrongOldRoot { stated, computed }) }
}
