//! The proof that a row of leaves, one after another and none between them left out, is in a tree: the
//! hashes of everything to the left and to the right of the row.
//!
//! It is made of the inclusion proofs of both ends, and has no more hashes than they have.

use std::ops::Range;

use super::hash::TreeHash;
use super::proof::{
    InclusionProof, ProofFault, Side, check_length, check_root, inclusion_steps, middle_of,
};

/// That leaves stand in a tree from one index up to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangeProof {
    /// Index of the first leaf, and behind the last.
    pub range: Range<u64>,
    /// Number of leaves of the tree.
    pub size: u64,
    /// Roots of the largest subtrees outside of the row, from left to right.
    pub hashes: Vec<TreeHash>,
}

impl RangeProof {
    /// Makes it of the proofs of the first leaf and of the last. None when they are of trees of other
    /// sizes, stand the other way round, or are no proofs.
    pub fn of_ends(first: &InclusionProof, last: &InclusionProof) -> Option<Self> {
        let size = first.size;
        let fits = size == last.size && first.index <= last.index && last.index < size;
        if !fits {
            return None;
        }
        let mut hashes = beside(first, Side::Left)?;
        hashes.reverse();
        hashes.extend(beside(last, Side::Right)?);
        Some(Self { range: first.index..last.index + 1, size, hashes })
    }

    /// Checks it for the hashes of the leaves, in their order, and the root of the tree.
    pub fn verify(
        &self,
        leaves: impl IntoIterator<Item = TreeHash>,
        root: TreeHash,
    ) -> Result<(), ProofFault> {
        let Self { range, size, hashes } = self;
        let &Range { start: first, end } = range;
        if first >= end || end > *size {
            return Err(ProofFault::NoSuchRange { first, end, size: *size });
        }
        let sides = |index, side| {
            inclusion_steps(index, *size).iter().filter(|step| step.side == side).count()
        };
        check_length(sides(first, Side::Left) + sides(end - 1, Side::Right), hashes.len())?;
        let wrong_count = ProofFault::WrongLeafCount { needed: end - first };
        let mut walk = Walk { range, hashes: hashes.iter(), leaves: leaves.into_iter() };
        let computed = walk.root(0..*size).ok_or_else(|| wrong_count.clone())?;
        if walk.leaves.next().is_some() {
            return Err(wrong_count);
        }
        check_root(root, computed)
    }
}

/// The hashes of an inclusion proof that stand on one side of the way, from the leaf upwards. None when
/// the proof has not as many hashes as its way.
fn beside(proof: &InclusionProof, side: Side) -> Option<Vec<TreeHash>> {
    let steps = inclusion_steps(proof.index, proof.size);
    check_length(steps.len(), proof.hashes.len()).ok()?;
    let pairs = steps.iter().zip(&proof.hashes).filter(|(step, _)| step.side == side);
    Some(pairs.map(|(_, hash)| *hash).collect())
}

/// Through the tree from left to right, taking what comes next.
struct Walk<'w, L> {
    range: &'w Range<u64>,
    hashes: std::slice::Iter<'w, TreeHash>,
    leaves: L,
}

impl<L: Iterator<Item = TreeHash>> Walk<'_, L> {
    /// The root of a subtree: as deep as the tree is high, at most 64 calls within each other.
    fn root(&mut self, subtree: Range<u64>) -> Option<TreeHash> {
        if subtree.end <= self.range.start || subtree.start >= self.range.end {
            return self.hashes.next().copied();
        }
        if subtree.end - subtree.start == 1 {
            return self.leaves.next();
        }
        let middle = middle_of(&subtree);
        let left = self.root(subtree.start..middle)?;
        let right = self.root(middle..subtree.end)?;
        Some(TreeHash::of_node(left, right))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{MemoryTree, root_at};
    use super::*;

    fn leaf(index: u64) -> TreeHash {
        TreeHash::of_leaf(&index.to_be_bytes())
    }

    fn tree(size: u64) -> (MemoryTree, TreeHash) {
        let mut tree = MemoryTree::new();
        (0..size).for_each(|index| tree.append(leaf(index)));
        let root = root_at(&tree, size).unwrap();
        (tree, root)
    }

    fn proof(tree: &MemoryTree, range: &Range<u64>) -> RangeProof {
        let end = |index| InclusionProof::make(tree, index, tree.size()).unwrap();
        RangeProof::of_ends(&end(range.start), &end(range.end - 1)).unwrap()
    }

    #[test]
    fn every_row_of_every_small_tree_is_proved_and_no_other() {
        for size in 1..=17 {
            let (tree, root) = tree(size);
            for first in 0..size {
                for end in first + 1..=size {
                    let proof = proof(&tree, &(first..end));
                    proof.verify((first..end).map(leaf), root).unwrap();
                    for place in first..end {
                        let altered = |index| leaf(if index == place { size } else { index });
                        assert!(proof.verify((first..end).map(altered), root).is_err());
                    }
                    for place in 0..proof.hashes.len() {
                        let mut altered = proof.clone();
                        altered.hashes[place] = leaf(size);
                        assert!(altered.verify((first..end).map(leaf), root).is_err());
                    }
                    let moved = |first, end| RangeProof { range: first..end, ..proof.clone() };
                    for other in [moved(first + 1, end + 1), moved(first, end + 1)] {
                        assert!(other.verify((first..end).map(leaf), root).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn leaves_and_hashes_too_many_or_too_few_are_named() {
        let (tree, root) = tree(13);
        let proof = proof(&tree, &(5..11));
        for range in [5..10, 5..12, 6..11] {
            let fault = proof.verify(range.map(leaf), root).unwrap_err();
            assert!(
                matches!(fault, ProofFault::WrongLeafCount { .. } | ProofFault::WrongRoot { .. }),
                "{fault}"
            );
        }
        let mut short = proof.clone();
        short.hashes.pop();
        let fault = short.verify((5..11).map(leaf), root).unwrap_err();
        assert!(matches!(fault, ProofFault::WrongLength { .. }), "{fault}");
        for range in [5..5, 5..14, 0..u64::MAX] {
            let none = RangeProof { range, ..proof.clone() };
            let fault = none.verify((5..11).map(leaf), root).unwrap_err();
            assert!(matches!(fault, ProofFault::NoSuchRange { .. }), "{fault}");
        }
    }

    #[test]
    fn ends_that_do_not_belong_together_make_no_proof() {
        let (small, large) = (tree(8).0, tree(9).0);
        let of = |tree: &MemoryTree, index| InclusionProof::make(tree, index, tree.size()).unwrap();
        assert_eq!(RangeProof::of_ends(&of(&small, 3), &of(&large, 4)), None);
        assert_eq!(RangeProof::of_ends(&of(&small, 4), &of(&small, 3)), None);
        let mut cut = of(&small, 4);
        cut.hashes.pop();
        assert_eq!(RangeProof::of_ends(&of(&small, 3), &cut), None);
    }
}
