//! History that proves itself: the tree, its proofs and the texts in which they are told.

mod attacks;
mod command;
mod contradicted;
mod cosignatures;
mod cut_off;
mod exported;
mod foreign;
mod kept;
mod leaf;
mod naive;
mod notes;
mod places;
mod restored;
pub(crate) mod served;
mod tree;
mod untrue;
mod verified;
mod visits;

use contract_ledger::merkle::{KeyName, MemoryTree, SignerKey, TreeHash};

/// Leaf number `index` of every tree of these tests.
fn leaf(index: u64) -> Vec<u8> {
    format!("leaf {index}").into_bytes()
}

fn leaf_hash(index: u64) -> TreeHash {
    TreeHash::of_leaf(&leaf(index))
}

fn tree_of(size: u64) -> MemoryTree {
    let mut tree = MemoryTree::new();
    (0..size).for_each(|index| tree.append(leaf_hash(index)));
    tree
}

pub(crate) fn signer(name: &str, seed: u8) -> SignerKey {
    SignerKey::from_seed(KeyName::parse(name).unwrap(), &[seed; 32])
}

/// Every text that differs in one bit, where it still is a text.
fn one_bit_changes(text: &str) -> impl Iterator<Item = String> {
    (0..text.len() * 8).filter_map(|bit| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok()
    })
}

/// Every hash that differs in one bit.
fn bits_off(hash: TreeHash) -> impl Iterator<Item = TreeHash> {
    (0..256).map(move |bit| one_bit_off(hash, bit))
}

fn one_bit_off(hash: TreeHash, bit: usize) -> TreeHash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    TreeHash::from_bytes(bytes)
}
