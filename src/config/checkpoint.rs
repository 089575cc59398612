//! What checkpoints are signed with: the keys, whose log it is, where the newest one is kept.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use serde::Deserialize;

use crate::ledger::signing::{CheckpointRules, NewestFiles};
use crate::merkle::{SignerKey, VerifierKey};

/// What the newest checkpoint is called beside the private key: its file's name and this.
const NEWEST_SUFFIX: &str = ".newest";
/// Permissions of anybody but the owner.
const OTHERS: u32 = 0o077;

/// Signed checkpoints. Without `key_file` nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Whose log it is, for ever. By default the name of the key.
    pub origin: Option<String>,
    /// File with the private key, as `ledgerctl keygen` writes it. Only its owner may read it.
    pub key_file: Option<PathBuf>,
    /// Files with keys that sign too, while readers change from one key to the next.
    pub other_key_files: Vec<PathBuf>,
    /// The texts to verify with (vkey) of keys that have signed before and sign no more.
    pub earlier_keys: Vec<String>,
    /// File that keeps the newest checkpoint for the keys, beside the copy in the folder of the log. By
    /// default each key's file has its own, whose name has `.newest` behind it. Those bind all the same
    /// where they exist. Never in the folder of the log.
    pub newest_file: Option<PathBuf>,
    /// Files that kept the newest checkpoint before, of keys that sign no more or in another place. They
    /// are only read, and bind.
    pub earlier_newest_files: Vec<PathBuf>,
}

impl CheckpointConfig {
    /// Reads the keys. None when nothing is to be signed, or after a fault.
    pub(super) fn check(
        &self,
        log: &Path,
        faults: &mut Vec<String>,
    ) -> Option<Arc<CheckpointRules>> {
        let Self { origin, key_file, other_key_files, earlier_keys, newest_file, .. } = self;
        let Some(key_file) = key_file else {
            if *self != Self::default() {
                faults.push("checkpoint: nothing can be signed without key_file".to_owned());
            }
            return None;
        };
        let mut signers = Vec::new();
        for path in std::iter::once(key_file).chain(other_key_files) {
            match read_private(path) {
                Ok(key) => signers.push(key),
                Err(fault) => faults.push(format!("checkpoint: {}: {fault}", path.display())),
            }
        }
        let mut earlier = Vec::new();
        for (index, text) in earlier_keys.iter().enumerate() {
            match VerifierKey::parse(text) {
                Ok(key) => earlier.push(key),
                Err(fault) => faults.push(format!("checkpoint.earlier_keys[{index}]: {fault}")),
            }
        }
        if signers.len() != 1 + other_key_files.len() {
            return None;
        }
        let keys = std::iter::once(key_file).chain(other_key_files);
        let beside: Vec<PathBuf> = keys.map(|key| beside(key)).collect();
        let (kept, tried) = match newest_file {
            Some(file) => {
                (vec![file.clone()], beside.into_iter().filter(|own| own != file).collect())
            }
            None => (beside, Vec::new()),
        };
        for file in kept.iter().filter(|file| lies_in(file, log)) {
            faults.push(format!(
                "checkpoint.newest_file: {} lies in data_dir, and an older copy of that would take it \
                 back; keep the files of keys outside data_dir, or name a file outside it",
                file.display()
            ));
        }
        let newest = NewestFiles { kept, tried, earlier: self.earlier_newest_files.clone() };
        match CheckpointRules::new(origin.clone(), signers, earlier, newest) {
            Ok(rules) => Some(Arc::new(rules)),
            Err(fault) => {
                faults.push(format!("checkpoint.origin: {fault}"));
                None
            }
        }
    }
}

/// The copy that belongs to a key.
fn beside(key_file: &Path) -> PathBuf {
    let mut name = key_file.to_owned().into_os_string();
    name.push(NEWEST_SUFFIX);
    PathBuf::from(name)
}

/// Whether a file lies in a folder, also where neither is there yet.
fn lies_in(file: &Path, folder: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().or_else(|_| absolute(path)).ok();
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    match (real(parent.unwrap_or(Path::new("."))), real(folder)) {
        (Some(parent), Some(folder)) => parent.starts_with(folder),
        _ => false,
    }
}

/// A key that others may read is no secret, and is refused.
fn read_private(path: &Path) -> Result<SignerKey, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let mut file = File::open(path).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.mode() & OTHERS != 0 {
        return Err("others may read it; chmod 600, and think about a new key".to_owned());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(unreadable)?;
    SignerKey::parse(text.trim_end()).map_err(|fault| fault.to_string())
}
