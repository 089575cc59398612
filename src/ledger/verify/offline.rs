//! What is derived from a log that nobody serves, held against its records: indexes, tree, checkpoint.
//!
//! It must not catch up with what an index has not seen: the next start does.

use std::path::Path;

use super::super::error::{LedgerError, WithCauses};
use super::super::index::{Index, IndexCheck};
use super::super::page_key;
use super::super::tree::{StoredTiles, leaf_hash_of_item};
use super::tree::{self, TreeCheck};
use super::{Damage, DamageKind, Part, RecordCounts};
use crate::domain::id::Position;
use crate::log::{LogError, LogReader};
use crate::merkle::{Checkpoint, Note, VerifierKey};

/// Checks every index of an open log, up to where it has come. An index of another version is emptied,
/// as at a start. The portfolio is not checked: its rows follow from a configuration too.
///
/// `counts` is what the log holds; without it entries that are missing are not noticed.
pub fn check_indexes(
    reader: &LogReader,
    counts: Option<RecordCounts>,
) -> Result<Vec<Damage>, LedgerError> {
    let index = match Index::open(reader) {
        Ok(index) => index,
        Err(LedgerError::Log(error @ LogError::CutOff { .. })) => {
            return Ok(vec![of_cut_off(Part::Index, &error)]);
        }
        Err(error) => return Err(error),
    };
    let mut check = IndexCheck::new(&index, reader, reader.next_position(), counts);
    let mut damages = Vec::new();
    while check.step(&mut damages)?.is_some() {}
    Ok(damages)
}

/// What is wrong with the key of page tokens in a folder.
pub fn check_page_key(folder: &Path) -> Result<Option<String>, LedgerError> {
    page_key::fault(folder)
}

/// Computes the tree over an open log anew, and compares every stored tile, and the newest checkpoint
/// where there is one. Without `keys` its signatures are not looked at.
pub fn check_tree(
    reader: &LogReader,
    newest: Option<&str>,
    keys: &[VerifierKey],
) -> Result<Vec<Damage>, LedgerError> {
    let mut damages = Vec::new();
    let signed = match newest.map(|text| parse(text, keys)).transpose() {
        Ok(signed) => signed,
        Err(fault) => {
            damages.push(tree::of_checkpoint(DamageKind::Unreadable, fault));
            None
        }
    };
    let tiles = match StoredTiles::open(reader) {
        Ok(tiles) => tiles,
        Err(LedgerError::Log(error @ LogError::CutOff { .. })) => {
            damages.push(of_cut_off(Part::Tree, &error));
            return Ok(damages);
        }
        Err(error) => return Err(error),
    };
    let mut check = TreeCheck::new(tiles, signed);
    for item in reader.forward(0, reader.next_position()) {
        check.take(leaf_hash_of_item(item)?, &mut damages)?;
    }
    check.finish(None, &mut damages);
    if check.is_signed_beyond() {
        let text = format!("it says more records than the log has, {}", check.size());
        damages.push(tree::of_checkpoint(DamageKind::CheckpointDiffers, text));
    }
    Ok(damages)
}

/// What was derived is of more records than the log has.
fn of_cut_off(part: Part, error: &LogError) -> Damage {
    let (subject, position) = match error {
        LogError::CutOff { name, head, .. } => (name.clone(), Some(Position::new(*head))),
        _ => (String::new(), None),
    };
    Damage { part, kind: DamageKind::Missing, position, subject, text: error.to_string() }
}

fn parse(text: &str, keys: &[VerifierKey]) -> Result<Checkpoint, String> {
    let note = Note::parse(text).map_err(|fault| WithCauses(&fault).to_string())?;
    if !keys.is_empty() {
        note.verify(keys).map_err(|fault| WithCauses(&fault).to_string())?;
    }
    Checkpoint::parse(note.text()).map_err(|fault| WithCauses(&fault).to_string())
}
