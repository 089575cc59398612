//! The kept tree and the newest checkpoint, held against a tree that is computed anew from the log.
//!
//! It must not mend, nor know who reads the log: leaves are handed to it in order.

use super::{Damage, DamageKind, Part};
use crate::domain::id::Position;
use crate::ledger::error::{LedgerError, WithCauses};
use crate::ledger::tree::{StoredTiles, tile_text};
use crate::log::LogError;
use crate::merkle::{Checkpoint, TILE_WIDTH, Tile, TiledTree, TreeHash};

/// A check under way.
#[derive(Debug)]
pub(crate) struct TreeCheck {
    tiles: StoredTiles,
    /// Records whose full tiles are stored.
    stored: u64,
    /// What was signed over records that are looked at.
    signed: Option<Checkpoint>,
    tree: TiledTree,
}

impl TreeCheck {
    /// Begins with the first leaf. `signed` is the newest checkpoint.
    pub(crate) fn new(tiles: StoredTiles, signed: Option<Checkpoint>) -> Self {
        let stored = tiles.reached();
        Self { tiles, stored, signed, tree: TiledTree::new() }
    }

    /// How many leaves it was given.
    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The root over them.
    pub(crate) fn root(&self) -> TreeHash {
        self.tree.root()
    }

    /// Whether the checkpoint says more than was looked at.
    pub(crate) fn is_signed_beyond(&self) -> bool {
        self.signed.as_ref().is_some_and(|signed| signed.size() > self.size())
    }

    /// The next leaf: every tile that it fills is compared with the one that is stored.
    /// A log that is stopped reads no tile, which says nothing of it.
    pub(crate) fn take(
        &mut self,
        leaf: TreeHash,
        damages: &mut Vec<Damage>,
    ) -> Result<(), LedgerError> {
        let Self { tiles, stored, signed, tree } = self;
        let size = tree.size().saturating_add(1);
        let mut compared = Ok(());
        tree.append(leaf, |tile, hashes| {
            if size <= *stored {
                match tiles.read(tile) {
                    Err(stop @ LogError::Stopped) => compared = Err(stop),
                    read => damages.extend(compare(read, tile, &hashes)),
                }
            }
        });
        compared?;
        if signed.as_ref().is_some_and(|signed| signed.size() == size) {
            self.compare_signed(damages);
        }
        Ok(())
    }

    /// Called when all leaves were given; `kept` is the root that the ledger keeps over as many.
    pub(crate) fn finish(&mut self, kept: Option<TreeHash>, damages: &mut Vec<Damage>) {
        if self.signed.as_ref().is_some_and(|signed| signed.size() == 0) && self.size() == 0 {
            self.compare_signed(damages);
        }
        let root = self.root();
        if let Some(kept) = kept
            && kept != root
        {
            let text = format!("the kept root is {kept}, and the records make {root}");
            damages.push(of_tree(DamageKind::TreeDiffers, None, String::new(), text));
        }
    }

    fn compare_signed(&self, damages: &mut Vec<Damage>) {
        let Some(signed) = &self.signed else { return };
        let (size, signed, root) = (signed.size(), signed.root(), self.tree.root());
        if signed != root {
            damages.push(of_checkpoint(
                DamageKind::CheckpointDiffers,
                format!(
                    "it says that the first {size} records have the root {signed}, and they make {root}"
                ),
            ));
        }
    }
}

fn compare(
    read: Result<Vec<TreeHash>, LogError>,
    tile: Tile,
    computed: &[TreeHash],
) -> Option<Damage> {
    let first = first_leaf(tile);
    let subject = tile_text(tile);
    match read {
        Ok(kept) if kept == computed => None,
        Ok(kept) => {
            let place = kept.iter().zip(computed).position(|(kept, computed)| kept != computed);
            let what = match place {
                Some(at) => format!("its hash {at} is not what the records make"),
                None if kept.is_empty() => "it is missing".to_owned(),
                None => format!("it has {} hashes, and {TILE_WIDTH} belong there", kept.len()),
            };
            Some(of_tree(DamageKind::TreeDiffers, first, subject, what))
        }
        Err(error) => {
            let text = format!("it cannot be read: {}", WithCauses(&error));
            Some(of_tree(DamageKind::Unreadable, first, subject, text))
        }
    }
}

/// The position of the first record below a tile.
fn first_leaf(tile: Tile) -> Option<Position> {
    let width = TILE_WIDTH.checked_pow(u32::from(tile.level()).saturating_add(1))?;
    tile.index().checked_mul(width).map(Position::new)
}

pub(super) fn of_tree(
    kind: DamageKind,
    position: Option<Position>,
    subject: String,
    text: String,
) -> Damage {
    Damage { part: Part::Tree, kind, position, subject, text }
}

pub(super) fn of_checkpoint(kind: DamageKind, text: String) -> Damage {
    let subject = crate::ledger::signing::NEWEST_CHECKPOINT_FILE.to_owned();
    Damage { part: Part::Checkpoint, kind, position: None, subject, text }
}

/// The log cannot be read on, so what lies behind is not compared.
pub(super) fn not_computed(size: u64, error: &LedgerError) -> Damage {
    let text = format!("it could not be computed any further: {}", WithCauses(error));
    of_tree(DamageKind::Unreadable, Some(Position::new(size)), String::new(), text)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
