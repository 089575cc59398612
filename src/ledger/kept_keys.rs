//! The texts to verify checkpoints with, beside the newest checkpoint: so that a verification of the
//! folder can tell whether the checkpoint is as it was signed, also when nobody names a key.
//!
//! It must not sign. Whoever can write the folder can write this file too: it tells what the disk has
//! altered, and not what somebody has. An auditor names a key that comes from elsewhere.

use std::fs;
use std::io;
use std::path::Path;

use super::durable_file;
use super::error::{LedgerError, WithCauses};
use super::signing::CheckpointRules;
use crate::merkle::{Note, VerifierKey};

/// A text to verify with (vkey) a line, and a checksum over those lines.
pub const KEYS_FILE: &str = "checkpoint.vkeys";
const FILE_MODE: u32 = 0o644;

/// Writes the keys of these rules, when they are not what is kept.
pub(super) fn keep(folder: &Path, rules: &CheckpointRules) -> Result<(), LedgerError> {
    let path = folder.join(KEYS_FILE);
    let keys: Vec<String> = rules.verifiers().map(ToString::to_string).collect();
    let lines = keys.join("\n") + "\n";
    let text = format!("{lines}{}", checksum_line(&lines));
    if fs::read(&path).is_ok_and(|kept| kept == text.as_bytes()) {
        return Ok(());
    }
    durable_file::replace(&path, text.as_bytes(), FILE_MODE)
        .map_err(|source| LedgerError::CheckpointFile { path, source })
}

/// The keys that are kept in a folder; none in one that never signed, or only with an earlier version.
/// A file that is not as it was written is told as a text.
pub fn kept(folder: &Path) -> Result<Result<Option<Vec<VerifierKey>>, String>, LedgerError> {
    let path = folder.join(KEYS_FILE);
    match fs::read(&path) {
        Ok(bytes) => {
            Ok(std::str::from_utf8(&bytes).ok().and_then(decode).map(Some).ok_or_else(|| {
                "it is not as it was written; the next start writes it anew".to_owned()
            }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ok(None)),
        Err(source) => Err(LedgerError::CheckpointFile { path, source }),
    }
}

/// Whether a checkpoint is what the ledger wrote: in its form, and every signature of one of its keys.
pub fn check(checkpoint: &str, keys: &[VerifierKey]) -> Result<(), String> {
    let note = Note::parse(checkpoint).map_err(|fault| WithCauses(&fault).to_string())?;
    let signed = note.verify(keys).map_err(|fault| WithCauses(&fault).to_string())?;
    if signed.len() != note.signature_lines().lines().count() || note.to_string() != checkpoint {
        return Err("it has a signature or a character that the ledger did not write".to_owned());
    }
    Ok(())
}

fn checksum_line(lines: &str) -> String {
    format!("checksum {:08x}\n", crc32fast::hash(lines.as_bytes()))
}

fn decode(text: &str) -> Option<Vec<VerifierKey>> {
    let end = text.strip_suffix('\n')?.rfind('\n')?;
    let (lines, checksum) = text.split_at_checked(end.checked_add(1)?)?;
    if checksum != checksum_line(lines) {
        return None;
    }
    lines.lines().map(|line| VerifierKey::parse(line).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{Checkpoint, KeyName, SignerKey, TreeHash};

    fn key(name: &str, seed: u8) -> SignerKey {
        SignerKey::from_seed(KeyName::parse(name).unwrap(), &[seed; 32])
    }

    fn rules(folder: &Path, signers: Vec<SignerKey>) -> CheckpointRules {
        CheckpointRules::new(None, signers, Vec::new(), folder.join("newest.checkpoint")).unwrap()
    }

    fn flipped(text: &str, at: usize) -> String {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] ^= 1 << (at % 7);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn no_flipped_bit_of_the_kept_keys_or_of_a_checkpoint_passes() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(kept(folder.path()).unwrap(), Ok(None));
        let (first, second) = (key("ledger.example.no", 1), key("second.example.no", 2));
        let mut note = Note::unsigned(
            Checkpoint::new("ledger.example.no", 7, TreeHash::of_empty_tree()).unwrap().to_string(),
        )
        .unwrap();
        note.sign(&first);
        note.sign(&second);
        keep(folder.path(), &rules(folder.path(), vec![first, second])).unwrap();
        let keys = kept(folder.path()).unwrap().unwrap().unwrap();
        assert_eq!(keys.len(), 2);
        let text = note.to_string();
        assert_eq!(check(&text, &keys), Ok(()));
        // Of two signatures too, where one alone would do.
        for at in 0..text.len() {
            assert!(check(&flipped(&text, at), &keys).is_err(), "byte {at} of the checkpoint");
        }
        assert!(check("", &keys).is_err());
        let path = folder.path().join(KEYS_FILE);
        let written = fs::read_to_string(&path).unwrap();
        for at in 0..written.len() {
            fs::write(&path, flipped(&written, at)).unwrap();
            assert!(kept(folder.path()).unwrap().is_err(), "byte {at} of the keys");
        }
        // Another key that signs is kept at the next start.
        keep(folder.path(), &rules(folder.path(), vec![key("third.example.no", 3)])).unwrap();
        assert_eq!(kept(folder.path()).unwrap().unwrap().unwrap().len(), 1);
    }
}
