//! Hashes of the tree: of a leaf, of a node, of nothing (RFC 6962, section 2.1).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Length of a hash.
pub const TREE_HASH_BYTES: usize = 32;

/// What tells a leaf from a node, so that neither can be passed off as the other.
const LEAF_PREFIX: [u8; 1] = [0];
const NODE_PREFIX: [u8; 1] = [1];

/// A hash of the tree. Its text is standard base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeHash([u8; TREE_HASH_BYTES]);

impl TreeHash {
    /// Takes the bytes of a hash.
    pub const fn from_bytes(bytes: [u8; TREE_HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// The root of the tree without leaves.
    pub fn of_empty_tree() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The hash of a leaf.
    pub fn of_leaf(leaf: &[u8]) -> Self {
        Self(Sha256::new().chain_update(LEAF_PREFIX).chain_update(leaf).finalize().into())
    }

    /// The hash of a node over its two children.
    pub fn of_node(left: Self, right: Self) -> Self {
        let node = Sha256::new().chain_update(NODE_PREFIX);
        Self(node.chain_update(left.0).chain_update(right.0).finalize().into())
    }

    /// Reads a base64 text. None when it is not exactly what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        decode(text)?.try_into().ok().map(Self)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; TREE_HASH_BYTES] {
        &self.0
    }
}

impl fmt::Display for TreeHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&encode(&self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Standard base64 with padding, as all texts of C2SP have it.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of such a text. Padding and unused bits must be as [`encode`] writes them, so there is
/// one text only for the same bytes.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A decimal number as the texts have it: no sign, no leading zero.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
