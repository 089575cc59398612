//! RFC 6962 word by word: slow, recursive, over all leaves. What the tree is compared with.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;

use sha2::{Digest as _, Sha256};

pub(super) type Bytes32 = [u8; 32];

/// Trees up to this size remember what they have computed; every part of every one is asked for.
const REMEMBERED_LEAVES_MAX: usize = 300;

/// The hashes of all leaves.
pub(super) struct Naive {
    leaves: Vec<Bytes32>,
    remembered: RefCell<HashMap<(usize, usize), Bytes32>>,
}

/// The largest power of two below the length of a range, counted from its start.
fn split(range: &Range<usize>) -> usize {
    let mut power = 1;
    while power * 2 < range.len() {
        power *= 2;
    }
    range.start + power
}

impl Naive {
    pub(super) fn new(leaves: impl Iterator<Item = Vec<u8>>) -> Self {
        let hash = |leaf: Vec<u8>| Sha256::digest([&[0][..], &leaf].concat()).into();
        Self { leaves: leaves.map(hash).collect(), remembered: RefCell::default() }
    }

    /// MTH, section 2.1.
    pub(super) fn root(&self, range: Range<usize>) -> Bytes32 {
        if range.is_empty() {
            return Sha256::digest([]).into();
        }
        if range.len() == 1 {
            return self.leaves[range.start];
        }
        let key = (range.start, range.end);
        if let Some(root) = self.remembered.borrow().get(&key) {
            return *root;
        }
        let middle = split(&range);
        let (left, right) = (self.root(range.start..middle), self.root(middle..range.end));
        let root = Sha256::digest([&[1][..], &left, &right].concat()).into();
        if self.leaves.len() <= REMEMBERED_LEAVES_MAX {
            self.remembered.borrow_mut().insert(key, root);
        }
        root
    }

    /// PATH, section 2.1.1, for the leaf at an index.
    pub(super) fn path(&self, index: usize, range: Range<usize>) -> Vec<Bytes32> {
        if range.len() <= 1 {
            return Vec::new();
        }
        let middle = split(&range);
        let (left, right) = (range.start..middle, middle..range.end);
        let (mut inner, outer) = if index < middle {
            (self.path(index, left), self.root(right))
        } else {
            (self.path(index, right), self.root(left))
        };
        inner.push(outer);
        inner
    }

    /// PROOF, section 2.1.2.
    pub(super) fn consistency(&self, old_size: usize, size: usize) -> Vec<Bytes32> {
        if old_size == 0 { Vec::new() } else { self.subproof(old_size, 0..size, true) }
    }

    /// SUBPROOF, with the end of the smaller tree as an index.
    fn subproof(&self, old_end: usize, range: Range<usize>, whole: bool) -> Vec<Bytes32> {
        if old_end == range.end {
            return if whole { Vec::new() } else { vec![self.root(range)] };
        }
        let middle = split(&range);
        let (left, right) = (range.start..middle, middle..range.end);
        let (mut inner, outer) = if old_end <= middle {
            (self.subproof(old_end, left, whole), self.root(right))
        } else {
            (self.subproof(old_end, right, false), self.root(left))
        };
        inner.push(outer);
        inner
    }
}
