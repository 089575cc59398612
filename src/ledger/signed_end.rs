//! How far the log had come when it was last signed, by the newest checkpoint in its folder.
//!
//! It must not sign, nor judge what the log holds. Whoever gives up records that were signed leaves a
//! note of it: the checkpoint stays, so that nothing is ever signed that contradicts it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tracing::warn;

use super::durable_file;
use super::error::LedgerError;
use super::kept_keys::{self, KEYS_FILE};
use super::signing::{CheckpointRules, NEWEST_CHECKPOINT_FILE};
use crate::log::KnownEnd;
use crate::merkle::{Checkpoint, Note, VerifierKey};

/// The note: the number of records of the checkpoint that is not heeded any more.
const GIVEN_UP_FILE: &str = "records-given-up";
const FILE_MODE: u32 = 0o600;

/// What the newest checkpoint in the folder says that the log had. None without one, of one that no
/// configured key has signed, or without rules none of those that are kept in the folder, and of one whose
/// records were given up.
pub(super) fn known_end(
    folder: &Path,
    rules: Option<&CheckpointRules>,
) -> Result<Option<KnownEnd>, LedgerError> {
    let keys = match rules {
        Some(rules) => Some(rules.verifiers().cloned().collect::<Vec<_>>()),
        None => kept(folder)?,
    };
    let Some(end) = signed(folder, keys.as_deref())? else { return Ok(None) };
    let given_up = given_up(folder)?;
    Ok(Some(end).filter(|end| given_up != Some(end.next_position)))
}

fn given_up(folder: &Path) -> Result<Option<u64>, LedgerError> {
    let note = read(&folder.join(GIVEN_UP_FILE))?;
    Ok(note.and_then(|text| text.trim().parse().ok()))
}

/// The keys that are kept in the folder. None where they are missing, or not as they were written: then
/// nothing says that the checkpoint is not as it was signed, and it is heeded.
fn kept(folder: &Path) -> Result<Option<Vec<VerifierKey>>, LedgerError> {
    Ok(match kept_keys::kept(folder)? {
        Ok(keys) => keys,
        Err(fault) => {
            warn!(file = KEYS_FILE, fault, "the keys to verify with are damaged");
            None
        }
    })
}

/// What the newest checkpoint in a folder says that the log had, for who has no key at hand.
pub fn signed_end(folder: &Path) -> Result<Option<KnownEnd>, LedgerError> {
    known_end(folder, None)
}

/// Notes that those of the records which the newest checkpoint is over are given up that the log, of so
/// many records, does not have.
pub fn give_up(folder: &Path, records: u64) -> Result<(), LedgerError> {
    let Some(KnownEnd { next_position, .. }) = signed(folder, None)? else { return Ok(()) };
    if next_position <= records {
        return Ok(());
    }
    let path = folder.join(GIVEN_UP_FILE);
    durable_file::replace(&path, format!("{next_position}\n").as_bytes(), FILE_MODE)
        .map_err(|source| LedgerError::CheckpointFile { path, source })
}

/// Forgets that records were given up once the log has as many again: if it ends earlier after that, it
/// has lost what is there now.
pub(super) fn has_reached(folder: &Path, records: u64) -> Result<(), LedgerError> {
    if given_up(folder)?.is_none_or(|given_up| records < given_up) {
        return Ok(());
    }
    let path = folder.join(GIVEN_UP_FILE);
    fs::remove_file(&path)
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(|source| LedgerError::CheckpointFile { path, source })
}

fn signed(folder: &Path, keys: Option<&[VerifierKey]>) -> Result<Option<KnownEnd>, LedgerError> {
    let file = folder.join(NEWEST_CHECKPOINT_FILE);
    let Some(text) = read(&file)? else { return Ok(None) };
    let Ok(note) = Note::parse(&text) else { return Ok(None) };
    if keys.is_some_and(|keys| note.verify(keys).is_err()) {
        // A bit of its size may have flipped: it would refuse a log that has lost nothing.
        warn!(
            file = %file.display(),
            "no known key has signed the newest checkpoint; how far it says that the log had come is not \
             heeded"
        );
        return Ok(None);
    }
    let end = Checkpoint::parse(note.text()).ok();
    Ok(end.map(|checkpoint| KnownEnd { next_position: checkpoint.size(), file }))
}

fn read(path: &Path) -> Result<Option<String>, LedgerError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(LedgerError::CheckpointFile { path: path.to_owned(), source }),
    }
}
