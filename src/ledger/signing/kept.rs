//! What was signed before, on disk. Every copy that exists binds.
//!
//! The newest checkpoint is kept in the data folder, and in a file that belongs to each key. A backup of
//! the data folder that is put back takes the one back with it, and not the others. A mark in the data
//! folder names those others, so that one that is lost is missed. What witnesses cosigned is one more
//! trace, and lies in the data folder too.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf, absolute};

use super::super::durable_file;
use super::super::error::{LedgerError, WithCauses};
use super::cause::CannotSign;
use super::rules::{CheckpointRules, NewestFiles, Signed};
use crate::file_lock::LockedFile;
use crate::merkle::Note;

/// Name of the file with the newest checkpoint, in the folder of the log.
pub const NEWEST_CHECKPOINT_FILE: &str = "newest.checkpoint";
/// Name of the file, in the folder of the log, with the places outside it where the newest checkpoint
/// was ever kept: one path a line.
pub const PLACES_FILE: &str = "checkpoint.places";
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
    /// The copies that belong to the keys: what is not kept in each of them is not signed.
    pub(super) keys: Vec<PathBuf>,
    /// Where it is kept too if that can be.
    tried: Vec<PathBuf>,
    /// Only read.
    earlier: Vec<PathBuf>,
    /// Names the copies that belong to the keys.
    mark: PathBuf,
    /// The folder of those that witnesses cosigned.
    pub(super) witnesses: PathBuf,
}

impl Places {
    pub(super) fn of(folder: &Path, rules: &CheckpointRules) -> Self {
        let data = folder.join(NEWEST_CHECKPOINT_FILE);
        let NewestFiles { kept, tried, earlier } = rules.newest_files().clone();
        let is_other = |file: &PathBuf| whole(file) != whole(&data);
        Self {
            keys: kept.into_iter().filter(is_other).collect(),
            tried,
            earlier,
            mark: folder.join(PLACES_FILE),
            data,
            witnesses: folder.join(WITNESS_FOLDER),
        }
    }

    /// The copies of the newest checkpoint that exist. One that cannot be believed is no copy, and
    /// nothing is signed until it is seen to.
    pub(super) fn copies(&self, rules: &CheckpointRules) -> Result<Vec<Before>, CannotSign> {
        let marked = self.marked()?.unwrap_or_default();
        let of_keys = self.keys.iter().chain(&self.tried).chain(&self.earlier).chain(&marked);
        let mut copies: Vec<Before> = Vec::new();
        let mut looked_at = BTreeSet::new();
        for file in std::iter::once(&self.data).chain(of_keys) {
            if looked_at.insert(whole(file))
                && let Some(signed) = read(file, rules)?
            {
                copies.push(Before { signed, file: file.clone() });
            }
        }
        Ok(copies)
    }

    /// The copy that a key must have had, when it is gone. A folder of an earlier version has no mark, and
    /// misses nothing.
    pub(super) fn gone(&self, copies: &[Before]) -> Result<Option<PathBuf>, CannotSign> {
        let Some(marked) = self.marked()? else { return Ok(None) };
        let is_there = |file: &PathBuf| copies.iter().any(|copy| copy.file == *file);
        let was_kept = |file: &&PathBuf| marked.contains(&whole(file));
        let of_now = self.keys.iter().find(was_kept).filter(|_| !self.keys.iter().any(is_there));
        let none = copies.iter().all(|copy| copy.file == self.data);
        let named = of_now.or(marked.first().filter(|_| none)).cloned();
        Ok(named.or_else(|| none.then(|| self.mark.clone())))
    }

    /// Whether the mark names every copy that belongs to a key.
    pub(super) fn is_marked(&self) -> bool {
        let marked = self.marked().ok().flatten().unwrap_or_default();
        self.keys.iter().all(|file| marked.contains(&whole(file)))
    }

    /// What the mark names, when there is one.
    fn marked(&self) -> Result<Option<Vec<PathBuf>>, CannotSign> {
        match fs::read(&self.mark) {
            Ok(bytes) => {
                let text = String::from_utf8_lossy(&bytes);
                let lines = text.lines().filter(|line| !line.is_empty());
                Ok(Some(lines.map(PathBuf::from).collect()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(CannotSign::Unreadable { file: self.mark.clone(), fault: error.to_string() })
            }
        }
    }

    fn write_mark(&self) -> Result<(), LedgerError> {
        if self.is_marked() {
            return Ok(());
        }
        let mut named = self.marked().ok().flatten().unwrap_or_default();
        for file in self.keys.iter().map(|file| whole(file)) {
            if !named.contains(&file) {
                named.push(file);
            }
        }
        let lines: Vec<String> = named.iter().map(|file| file.display().to_string()).collect();
        let text = lines.join("\n") + "\n";
        durable_file::replace(&self.mark, text.as_bytes(), FILE_MODE)
            .map_err(|source| LedgerError::CheckpointFile { path: self.mark.clone(), source })
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

    /// Keeps every other ledger that keeps its checkpoints in the same place from signing, until it is
    /// dropped.
    pub(super) fn lock(&self) -> Result<Option<LockedFile>, CannotSign> {
        let Some(key) = self.keys.first() else { return Ok(None) };
        let mut name = key.as_os_str().to_owned();
        name.push(".lock");
        let file = PathBuf::from(name);
        let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&file);
        let locked = opened.and_then(LockedFile::lock);
        let kept =
            |fault: io::Error| CannotSign::NotKept { file: key.clone(), fault: fault.to_string() };
        locked.map(Some).map_err(kept)
    }

    /// Takes away what was kept in vain, where nothing was kept before.
    pub(super) fn forget(&self) {
        for file in std::iter::once(&self.data).chain(&self.keys) {
            if let Err(source) = fs::remove_file(file)
                && source.kind() != io::ErrorKind::NotFound
            {
                // Where it cannot be written nothing is either.
                tracing::debug!(file = %file.display(), error = %source, "not taken away");
            }
        }
    }

    /// Keeps a checkpoint in every place, durably. The data folder comes first: what could be kept there
    /// alone is not given away, and the next start still goes on from it.
    pub(super) fn keep(&self, note: &Note) -> Result<Result<(), CannotSign>, LedgerError> {
        let text = note.to_string();
        durable_file::replace(&self.data, text.as_bytes(), FILE_MODE)
            .map_err(|source| LedgerError::CheckpointFile { path: self.data.clone(), source })?;
        for file in &self.keys {
            if let Err(fault) = durable_file::replace(file, text.as_bytes(), FILE_MODE) {
                let (file, fault) = (file.clone(), fault.to_string());
                return Ok(Err(CannotSign::NotKept { file, fault }));
            }
        }
        for file in &self.tried {
            if let Err(error) = durable_file::replace(file, text.as_bytes(), FILE_MODE) {
                tracing::debug!(file = %file.display(), %error, "not kept beside the key too");
            }
        }
        self.write_mark()?;
        Ok(Ok(()))
    }
}

/// A path that says the same from every folder.
fn whole(file: &Path) -> PathBuf {
    absolute(file).unwrap_or_else(|_| file.to_owned())
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
