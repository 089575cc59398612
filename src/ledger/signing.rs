//! Signed checkpoints: the ledger's word on what its log was, binding for ever.
//!
//! The newest checkpoint is in a file of its own, written durably before it is given to anybody. No
//! checkpoint is signed while the log does not begin with what that one says: a log that was cut,
//! forked, or restored from an old backup signs nothing, because two checkpoints that contradict each
//! other would prove the ledger a liar. Everything else is answered all the same.
//!
//! It must not know who asks, nor what is proved under a checkpoint.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::durable_file;
use super::error::{LedgerError, WithCauses};
use super::tree::KeptTree;
use crate::merkle::{
    Checkpoint, CheckpointFault, Note, NoteFault, SignerKey, TreeHash, VerifierKey,
};

/// Name of the file with the newest checkpoint, in the folder of the log unless configured otherwise.
pub const NEWEST_CHECKPOINT_FILE: &str = "newest.checkpoint";
/// A checkpoint is public.
const FILE_MODE: u32 = 0o644;

/// What checkpoints are signed with.
///
/// Invariant: at least one key signs, and the origin is a line.
#[derive(Debug)]
pub struct CheckpointRules {
    origin: String,
    signers: Vec<SignerKey>,
    earlier: Vec<VerifierKey>,
    newest_file: PathBuf,
}

impl CheckpointRules {
    /// `signers` all sign; `earlier` are keys that have signed before. Without an origin it is the name
    /// of the first key. The fault is told when the origin is none; a list without a key is none too.
    pub fn new(
        origin: Option<String>,
        signers: Vec<SignerKey>,
        earlier: Vec<VerifierKey>,
        newest_file: PathBuf,
    ) -> Result<Self, CheckpointFault> {
        let first = signers.first().ok_or(CheckpointFault::Origin)?;
        let origin = origin.unwrap_or_else(|| first.verifier().name().to_string());
        Checkpoint::new(&origin, 0, TreeHash::of_empty_tree())?;
        Ok(Self { origin, signers, earlier, newest_file })
    }

    /// Whose log it is.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The keys that checkpoints can be verified with: those that sign, then earlier ones.
    pub fn verifiers(&self) -> impl Iterator<Item = &VerifierKey> {
        self.signers.iter().map(SignerKey::verifier).chain(&self.earlier)
    }

    fn sign(&self, size: u64, root: TreeHash) -> Result<Signed, Unsignable> {
        let checkpoint = Checkpoint::new(&self.origin, size, root)?;
        let mut note = Note::unsigned(checkpoint.to_string())?;
        for key in &self.signers {
            note.sign(key);
        }
        Ok(Signed { note, checkpoint })
    }

    /// Whether every key that signs now has signed.
    fn all_have_signed(&self, note: &Note) -> bool {
        let mut keys = self.signers.iter().map(SignerKey::verifier);
        keys.all(|key| note.verify(std::slice::from_ref(key)).is_ok())
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

/// Why no checkpoint is signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CannotSign {
    /// No key is configured.
    #[error(
        "the ledger has no key to sign with: make one with ledgerctl keygen, name it in [checkpoint] \
         key_file, and restart"
    )]
    NoKey,
    /// The log is shorter than one that was signed.
    #[error(
        "a checkpoint of {signed} records is signed and the log has {size}: newer events were cut \
         off, or an older backup was restored; put back the copy that has them"
    )]
    Shorter {
        /// Records of the newest checkpoint.
        signed: u64,
        /// Records of the log.
        size: u64,
    },
    /// The log does not begin with what was signed.
    #[error(
        "a checkpoint of {signed} records is signed with the root {signed_root}, and the first \
         {signed} records of the log have the root {root}: the log was changed or is another one; \
         put back the copy that was signed"
    )]
    OtherHistory {
        /// Records of the newest checkpoint.
        signed: u64,
        /// Its root.
        signed_root: TreeHash,
        /// Root that the same number of records has now.
        root: TreeHash,
    },
    /// The newest checkpoint is of another log.
    #[error(
        "the newest checkpoint is of the log {signed}, and this ledger is configured as {origin}; \
         restore the origin, or move {} away when a new log begins here", file.display()
    )]
    OtherOrigin {
        /// Origin of the checkpoint.
        signed: String,
        /// Origin as configured.
        origin: String,
        /// The file with the newest checkpoint.
        file: PathBuf,
    },
    /// The file with the newest checkpoint holds none that a known key has signed.
    #[error(
        "{} does not hold a checkpoint that a configured key has signed ({fault}); put the file back, \
         or name the key that signed it in [checkpoint] earlier_keys", file.display()
    )]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
}

/// Signs, and remembers what it has signed.
#[derive(Debug)]
pub(crate) struct Signing {
    rules: Option<Arc<CheckpointRules>>,
    newest: Mutex<Result<Option<Signed>, CannotSign>>,
}

impl Signing {
    /// Takes up the newest checkpoint, and says in the program's log when nothing can be signed.
    pub(crate) fn open(
        rules: Option<Arc<CheckpointRules>>,
        tree: &KeptTree,
    ) -> Result<Self, LedgerError> {
        let newest = match &rules {
            Some(rules) => read_newest(rules)?,
            None => Ok(None),
        };
        if let Ok(Some(newest)) = &newest
            && let Err(reason) = check(newest, tree)?
        {
            tracing::error!(%reason, "no checkpoint will be signed");
        }
        if let Err(reason) = &newest {
            tracing::error!(%reason, "no checkpoint will be signed");
        }
        Ok(Self { rules, newest: Mutex::new(newest) })
    }

    /// The newest checkpoint as its file has it now, whose signatures are verified; none when nothing
    /// was signed. The file has to be as new as what was signed by this process.
    pub(crate) fn stored(&self) -> Result<Result<Option<Checkpoint>, CannotSign>, LedgerError> {
        let Some(rules) = &self.rules else { return Ok(Ok(None)) };
        // Held, so that no newer one is signed meanwhile.
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let read = read_newest(rules)?;
        let signed = match &*newest {
            Ok(Some(signed)) => signed.checkpoint.size(),
            Ok(None) | Err(_) => 0,
        };
        drop(newest);
        let stored = match read {
            Ok(stored) => stored.map(|stored| stored.checkpoint),
            Err(reason) => return Ok(Err(reason)),
        };
        let size = stored.as_ref().map_or(0, Checkpoint::size);
        if size < signed {
            let fault = format!("it says {size} records, and a checkpoint of {signed} was signed");
            return Ok(Err(CannotSign::Unreadable { file: rules.newest_file.clone(), fault }));
        }
        Ok(Ok(stored))
    }

    pub(crate) fn rules(&self) -> Result<&CheckpointRules, CannotSign> {
        self.rules.as_deref().ok_or(CannotSign::NoKey)
    }

    /// Whether the log is one that this ledger would sign.
    pub(crate) fn check(&self, tree: &KeptTree) -> Result<Result<(), CannotSign>, LedgerError> {
        if let Err(reason) = self.rules() {
            return Ok(Err(reason));
        }
        match &*self.newest.lock().unwrap_or_else(PoisonError::into_inner) {
            Err(reason) => Ok(Err(reason.clone())),
            Ok(None) => Ok(Ok(())),
            Ok(Some(signed)) => check(signed, tree),
        }
    }

    /// A signed checkpoint over at least so many records: the newest one, or a new one over what `head`
    /// says is published. Those who wait for each other share a signature and its sync.
    pub(crate) fn checkpoint(
        &self,
        tree: &KeptTree,
        size_min: u64,
        head: impl FnOnce() -> (u64, TreeHash),
    ) -> Result<Result<Signed, CannotSign>, LedgerError> {
        let rules = match self.rules() {
            Ok(rules) => rules,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*newest {
            Err(reason) => return Ok(Err(reason.clone())),
            Ok(None) => {}
            Ok(Some(signed)) => {
                if let Err(reason) = check(signed, tree)? {
                    return Ok(Err(reason));
                }
                if signed.checkpoint.size() >= size_min && rules.all_have_signed(&signed.note) {
                    return Ok(Ok(signed.clone()));
                }
            }
        }
        let (size, root) = head();
        let signed = rules.sign(size, root).map_err(LedgerError::Unsignable)?;
        let text = signed.note.to_string();
        durable_file::replace(&rules.newest_file, text.as_bytes(), FILE_MODE)
            .map_err(|source| failed(&rules.newest_file, source))?;
        *newest = Ok(Some(signed.clone()));
        Ok(Ok(signed))
    }
}

/// Whether the log begins with what was signed.
fn check(signed: &Signed, tree: &KeptTree) -> Result<Result<(), CannotSign>, LedgerError> {
    let (signed, signed_root) = (signed.checkpoint.size(), signed.checkpoint.root());
    let size = tree.size();
    if signed > size {
        return Ok(Err(CannotSign::Shorter { signed, size }));
    }
    let root = tree.root_at(signed)?;
    if root != signed_root {
        return Ok(Err(CannotSign::OtherHistory { signed, signed_root, root }));
    }
    Ok(Ok(()))
}

fn read_newest(rules: &CheckpointRules) -> Result<Result<Option<Signed>, CannotSign>, LedgerError> {
    let file = &rules.newest_file;
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
        Err(error) => return Err(failed(file, error)),
    };
    let signed = match parse(rules, &String::from_utf8_lossy(&bytes)) {
        Ok(signed) => signed,
        Err(fault) => {
            let fault = WithCauses(&fault).to_string();
            return Ok(Err(CannotSign::Unreadable { file: file.clone(), fault }));
        }
    };
    if signed.checkpoint.origin() != rules.origin {
        return Ok(Err(CannotSign::OtherOrigin {
            signed: signed.checkpoint.origin().to_owned(),
            origin: rules.origin.clone(),
            file: file.clone(),
        }));
    }
    Ok(Ok(Some(signed)))
}

fn parse(rules: &CheckpointRules, text: &str) -> Result<Signed, Unsignable> {
    let note = Note::parse(text)?;
    let known: Vec<VerifierKey> = rules.verifiers().cloned().collect();
    note.verify(&known)?;
    let checkpoint = Checkpoint::parse(note.text())?;
    Ok(Signed { note, checkpoint })
}

fn failed(path: &Path, source: io::Error) -> LedgerError {
    LedgerError::CheckpointFile { path: path.to_owned(), source }
}
