//! A tree that only grows: as much of it as the next leaf and the root need.

use super::hash::TreeHash;

/// The roots of the complete subtrees that a tree consists of: at most 64 hashes, however long.
///
/// Invariant: one root for each bit of `size` that is set, the largest subtree first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<TreeHash>,
}

impl Frontier {
    /// The tree without leaves.
    pub const fn new() -> Self {
        Self { size: 0, peaks: Vec::new() }
    }

    /// Takes a tree of `size` leaves up by the roots of its complete subtrees, the largest first.
    /// None when their number does not fit the size.
    pub fn from_peaks(size: u64, peaks: Vec<TreeHash>) -> Option<Self> {
        let fits = u32::try_from(peaks.len()).is_ok_and(|count| count == size.count_ones());
        fits.then_some(Self { size, peaks })
    }

    /// Number of leaves.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Adds the hash of the next leaf, and tells every subtree that it completes, from the leaf
    /// itself (height 0) upwards: on average one hash of a node a leaf.
    pub fn append(&mut self, leaf: TreeHash, mut completed: impl FnMut(u8, TreeHash)) {
        let mut subtree = leaf;
        let mut height = 0;
        completed(height, subtree);
        while self.size >> height & 1 == 1 {
            let left = self.peaks.pop().expect("a set bit of the size has its peak");
            subtree = TreeHash::of_node(left, subtree);
            height += 1;
            completed(height, subtree);
        }
        self.peaks.push(subtree);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> TreeHash {
        let smallest_first = self.peaks.iter().rev().copied();
        smallest_first
            .reduce(|right, left| TreeHash::of_node(left, right))
            .unwrap_or_else(TreeHash::of_empty_tree)
    }
}
