//! What was signed before, on disk. Every copy that exists binds.
//!
//! The newest checkpoint is kept twice: in the data folder, and in a file that belongs to the key. A
//! backup of the data folder that is put back takes the one back with it, and not the other. What
//! witnesses cosigned is a third trace, and lies in the data folder too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::durable_file;
use super::super::error::{LedgerError, WithCauses};
use super::cause::CannotSign;
use super::rules::{CheckpointRules, Signed};
use crate::merkle::Note;

/// Name of the file with the newest checkpoint, in the folder of the log.
pub const NEWEST_CHECKPOINT_FILE: &str = "newest.checkpoint";
/// Folder of the checkpoints that witnesses cosigned, in the folder of the log.
pub const WITNESS_FOLDER: &str = "witnesses";
/// A checkpoint is public.
const FILE_MODE: u32 = 0o644;

/// A checkpoint that was signed before.
#[derive(Debug, Clone)]
pub(super) struct Before {
    pub(super) signed: Signed,
    /// Where it was found.
    pub(super) file: PathBuf,
}

/// Where checkpoints are kept.
#[derive(Debug)]
pub(super) struct Places {
    /// The copy in the data folder.
    pub(super) data: PathBuf,
    /// The copy that belongs to the key.
    pub(super) key: PathBuf,
    /// The folder of those that witnesses cosigned.
    pub(super) witnesses: PathBuf,
}

impl Places {
    pub(super) fn of(folder: &Path, rules: &CheckpointRules) -> Self {
        Self {
            data: folder.join(NEWEST_CHECKPOINT_FILE),
            key: rules.newest_file().to_owned(),
            witnesses: folder.join(WITNESS_FOLDER),
        }
    }

    /// The copies of the newest checkpoint that exist. One that cannot be believed is no copy, and
    /// nothing is signed until it is seen to.
    pub(super) fn copies(&self, rules: &CheckpointRules) -> Result<Vec<Before>, CannotSign> {
        let mut copies = Vec::new();
        for file in [&self.data, &self.key] {
            if let Some(signed) = read(file, rules)? {
                copies.push(Before { signed, file: file.clone() });
            }
        }
        Ok(copies)
    }

    /// What witnesses cosigned. What cannot be believed is passed over: losing it costs a question to
    /// the witness, which then says what it cosigned.
    pub(super) fn cosigned(&self, rules: &CheckpointRules) -> Vec<Before> {
        let Ok(entries) = fs::read_dir(&self.witnesses) else { return Vec::new() };
        let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
        let notes = files.filter(|file| file.extension().is_some_and(|kind| kind == "checkpoint"));
        let believed = notes.filter_map(|file| match read(&file, rules) {
            Ok(signed) => signed.map(|signed| Before { signed, file }),
            Err(reason) => {
                tracing::warn!(%reason, "a kept cosigned checkpoint is passed over");
                None
            }
        });
        believed.collect()
    }

    /// Keeps a checkpoint in both places, durably. The data folder comes first: what could be kept there
    /// alone is not given away, and the next start still goes on from it.
    pub(super) fn keep(&self, note: &Note) -> Result<Result<(), CannotSign>, LedgerError> {
        let text = note.to_string();
        durable_file::replace(&self.data, text.as_bytes(), FILE_MODE)
            .map_err(|source| LedgerError::CheckpointFile { path: self.data.clone(), source })?;
        if self.key == self.data {
            return Ok(Ok(()));
        }
        let kept = durable_file::replace(&self.key, text.as_bytes(), FILE_MODE);
        Ok(kept.map_err(|fault| CannotSign::NotKept {
            file: self.key.clone(),
            fault: fault.to_string(),
        }))
    }
}

fn read(file: &Path, rules: &CheckpointRules) -> Result<Option<Signed>, CannotSign> {
    let unreadable = |fault| CannotSign::Unreadable { file: file.to_owned(), fault };
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let signed = rules
        .parse(&String::from_utf8_lossy(&bytes))
        .map_err(|fault| unreadable(WithCauses(&fault).to_string()))?;
    if signed.checkpoint.origin() != rules.origin() {
        return Err(CannotSign::OtherOrigin {
            signed: signed.checkpoint.origin().to_owned(),
            origin: rules.origin().to_owned(),
            file: file.to_owned(),
        });
    }
    Ok(Some(signed))
}
