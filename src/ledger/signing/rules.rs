//! What checkpoints are signed with: the keys, whose log it is, and where the key keeps what it signed.

use std::path::PathBuf;

use crate::merkle::{
    Checkpoint, CheckpointFault, Note, NoteFault, SignerKey, TreeHash, VerifierKey,
};

/// The files that keep the newest checkpoint for the keys. They should lie where no backup of the data
/// folder is put back. Every one of them that exists binds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewestFiles {
    /// What is not kept in each of these is not signed.
    pub kept: Vec<PathBuf>,
    /// It is kept here too where that can be written.
    pub tried: Vec<PathBuf>,
    /// Where it was kept before: only read.
    pub earlier: Vec<PathBuf>,
}

impl From<PathBuf> for NewestFiles {
    fn from(file: PathBuf) -> Self {
        Self { kept: vec![file], ..Self::default() }
    }
}

/// What checkpoints are signed with.
///
/// Invariant: at least one key signs, and the origin is a line.
#[derive(Debug)]
pub struct CheckpointRules {
    origin: String,
    signers: Vec<SignerKey>,
    earlier: Vec<VerifierKey>,
    newest_files: NewestFiles,
}

impl CheckpointRules {
    /// `signers` all sign; `earlier` are keys that have signed before. Without an origin it is the name
    /// of the first key. The fault is told when the origin is none; a list without a key is none too.
    pub fn new(
        origin: Option<String>,
        signers: Vec<SignerKey>,
        earlier: Vec<VerifierKey>,
        newest_files: impl Into<NewestFiles>,
    ) -> Result<Self, CheckpointFault> {
        let first = signers.first().ok_or(CheckpointFault::Origin)?;
        let origin = origin.unwrap_or_else(|| first.verifier().name().to_string());
        Checkpoint::new(&origin, 0, TreeHash::of_empty_tree())?;
        Ok(Self { origin, signers, earlier, newest_files: newest_files.into() })
    }

    /// Whose log it is.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The copies of the newest checkpoint that belong to the keys.
    pub fn newest_files(&self) -> &NewestFiles {
        &self.newest_files
    }

    /// The keys that checkpoints can be verified with: those that sign, then earlier ones.
    pub fn verifiers(&self) -> impl Iterator<Item = &VerifierKey> {
        self.signers.iter().map(SignerKey::verifier).chain(&self.earlier)
    }

    pub(super) fn sign(&self, size: u64, root: TreeHash) -> Result<Signed, Unsignable> {
        let checkpoint = Checkpoint::new(&self.origin, size, root)?;
        let mut note = Note::unsigned(checkpoint.to_string())?;
        for key in &self.signers {
            note.sign(key);
        }
        Ok(Signed { note, checkpoint })
    }

    /// Whether every key that signs now has signed.
    pub(super) fn all_have_signed(&self, note: &Note) -> bool {
        let mut keys = self.signers.iter().map(SignerKey::verifier);
        keys.all(|key| note.verify(std::slice::from_ref(key)).is_ok())
    }

    /// A checkpoint that one of the keys has signed.
    pub(super) fn parse(&self, text: &str) -> Result<Signed, Unsignable> {
        let note = Note::parse(text)?;
        let known: Vec<VerifierKey> = self.verifiers().cloned().collect();
        note.verify(&known)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Signed { note, checkpoint })
    }
}

/// Why a text cannot be signed as a checkpoint. The rules rule it out when they are made.
#[derive(Debug, thiserror::Error)]
pub enum Unsignable {
    /// It is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointFault),
    /// It is no note.
    #[error(transparent)]
    Note(#[from] NoteFault),
}

/// A checkpoint with its signatures.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The text to give away.
    pub note: Note,
    /// What it says.
    pub checkpoint: Checkpoint,
}
